#include "commands/create_client.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const CreateClient& command) {
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  return rules::require_type_fits(command.key,
                                  command.type.value_or(rules::default_type(command.key)));
}

Status decide(const LeaseBook& book, const CreateClient& command, const Moment& moment,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet, rules::require_subnet_of(book, command.key));
  const LeaseType type = command.type.value_or(rules::default_type(command.key));

  const auto at_key = book.find(command.key);
  const auto of_client = book.leases_of(subnet->id, command.duid, command.iaid, type);
  const BookLease* client_live = nullptr;
  for (const auto& lease : of_client) {
    if (rules::is_live(lease, moment.at)) client_live = &lease;
  }
  const bool key_live = at_key && rules::is_live(*at_key, moment.at);
  if (key_live || client_live != nullptr) {
    const auto what = [&](const BookLease& lease) {
      return format_lease_key(lease.lease.key) + " is " + std::string(name_of(lease.lease.state)) +
             " for DUID " + lease.lease.duid.to_string() + " IAID " +
             std::to_string(static_cast<std::uint32_t>(lease.lease.iaid)) + " until " +
             format_instant(lease.lease.valid_until) + " (position " + std::to_string(lease.last) +
             ")";
    };
    if (key_live) {
      return fail(Win32::kDhcpClientExists, ErrorKind::kRefused,
                  client_live != nullptr ? "address,duid,iaid" : "address",
                  format_lease_key(command.key),
                  "an address without a live record; " + what(*at_key));
    }
    return fail(
        Win32::kDhcpClientExists, ErrorKind::kRefused, "duid,iaid",
        command.duid.to_string() + "," + std::to_string(static_cast<std::uint32_t>(command.iaid)),
        "a client without a live record in " + subnet->prefix.to_string() + "; " +
            what(*client_live));
  }
  if (at_key) rules::expire(*at_key, decision);
  for (const auto& lease : of_client) {
    if (lease.lease.key != command.key) rules::expire(lease, decision);
  }
  ClientCreated created;
  created.lease = {command.key,
                   type,
                   LeaseState::kActive,
                   command.duid,
                   command.iaid,
                   subnet->id,
                   kForever,
                   kForever,
                   0,
                   0};
  created.lease.valid_until =
      command.valid_until.value_or(add_lifetime(moment.at, subnet->valid_lifetime));
  created.lease.preferred_until = command.preferred_until.value_or(created.lease.valid_until);
  Description& description = created.description.emplace();
  description.name = command.name;
  description.comment = command.comment;
  description.owner = command.owner;
  description.owner_name = command.owner_name;
  decision.add(std::move(created));
  return {};
}

}  // namespace leaseledger
