#include "adapters/dhcpsapi/call.h"

namespace leaseledger::dhcpsapi {

Status submit(Session& session, Command command) {
  const Envelope envelope{.command = std::move(command)};
  LEASELEDGER_ASSIGN(auto answers, session.service().submit({&envelope, 1}));
  if (answers.size() != 1) return code(Win32::kDhcpJetError);
  Answer& answer = answers.front();
  if (answer.accepted()) return {};
  answer.error.code = answer.code;
  return tl::unexpected(std::move(answer.error));
}

Result<std::optional<SubnetRow>> find_scope(Session& session, const DHCP_IPV6_ADDRESS& address) {
  const Ipv6Address wanted = from_c(address);
  // Subnets do not overlap, so the first one at or after an address is the only one that can have it.
  std::optional<Ipv6Prefix> before;
  if (!wanted.is_unspecified()) {
    const Ipv6Address previous{wanted.low == 0 ? wanted.high - 1 : wanted.high, wanted.low - 1};
    before = Ipv6Prefix{previous, kAddressLength};
  }
  LEASELEDGER_ASSIGN(const SubnetPage page, session.service().subnets({}, before, 1));
  if (!page.subnets.empty() && page.subnets.front().subnet.prefix.address == wanted)
    return page.subnets.front();
  LEASELEDGER_ASSIGN(const SubnetAnswer answer,
                     session.service().subnet({wanted.masked(64), 64}, {}));
  return answer.row;
}

Result<Ipv6Prefix> scope_of(Session& session, const DHCP_IPV6_ADDRESS& address) {
  const Ipv6Prefix around{from_c(address).masked(64), 64};
  const auto found = find_scope(session, address);
  // Whoever may not look sends the command all the same: its refusal goes on record.
  if (!found && found.error().code == Win32::kAccessDenied) return around;
  if (!found) return tl::unexpected(found.error());
  return *found ? (*found)->subnet.prefix : around;
}

When with_lapsed() { return {.judged_at = Instant::min() + std::chrono::nanoseconds(1)}; }

}  // namespace leaseledger::dhcpsapi
