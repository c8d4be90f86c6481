// Free addresses and figures, and the end of what a call gave: MS-DHCPM 3.2.4.69, .122.
#include "adapters/dhcpsapi/call.h"

#include <algorithm>
#include <limits>
#include <vector>

using namespace leaseledger;
using namespace leaseledger::dhcpsapi;

namespace {

constexpr DWORD kMostFreeAddresses = 1024;
constexpr std::size_t kPage = 1000;

/// Both ends are there and the range cannot have `count` addresses.
bool too_small(const Ipv6Address& start, const Ipv6Address& end, DWORD count) {
  if (start > end) return true;
  const std::uint64_t high = end.high - start.high - (end.low < start.low ? 1 : 0);
  return high == 0 && count > 1 && end.low - start.low < count - 1;
}

DWORD saturated(std::uint64_t count) {
  return static_cast<DWORD>(std::min<std::uint64_t>(count, MAXDWORD));
}

std::uint64_t free_of(const Subnet& subnet, std::uint64_t records) {
  const unsigned host_bits = 128U - subnet.prefix.length;
  if (host_bits > 64) return std::numeric_limits<std::uint64_t>::max();
  if (host_bits == 64)
    return records == 0 ? std::numeric_limits<std::uint64_t>::max() : 0 - records;
  const std::uint64_t addresses = std::uint64_t{1} << host_bits;
  return addresses - std::min(addresses, records);
}

}  // namespace

DWORD DhcpV6GetFreeIPAddress(const WCHAR* server, DHCP_IPV6_ADDRESS scope, DHCP_IPV6_ADDRESS start,
                             DHCP_IPV6_ADDRESS end, DWORD count, LPDHCPV6_IP_ARRAY* list) {
  return call([&]() -> Status {
    if (list == nullptr) return code(Win32::kInvalidParameter);
    *list = nullptr;
    GetFreeAddress query;
    if (!from_c(start).is_unspecified()) query.start = from_c(start);
    if (!from_c(end).is_unspecified()) query.end = from_c(end);
    query.count = count;
    if (from_c(scope).is_unspecified() || count > kMostFreeAddresses ||
        (query.start && query.end && too_small(*query.start, *query.end, count)))
      return code(Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    LEASELEDGER_ASSIGN(query.subnet, scope_of(*session, scope));
    LEASELEDGER_ASSIGN(const FreeAddresses found, session->service().free_addresses(query));
    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCPV6_IP_ARRAY>();
    out->NumElements = static_cast<DWORD>(found.addresses.size());
    out->Elements = block->make<DHCP_IPV6_ADDRESS>(found.addresses.size());
    std::ranges::transform(found.addresses, out->Elements,
                           [](const Ipv6Address& a) { return to_c(a); });
    give(std::move(block), out, list);
    return found.reached_end ? code(Win32::kDhcpReachedEndOfSelection) : Status{};
  });
}

DWORD DhcpGetMibInfoV6(const WCHAR* server, LPDHCP_MIB_INFO_V6* info) {
  return call([&]() -> Status {
    if (info != nullptr) *info = nullptr;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    std::vector<SCOPE_MIB_INFO_V6> scopes;
    SubnetUsage sum;
    std::optional<Ipv6Prefix> after;
    do {
      LEASELEDGER_ASSIGN(const SubnetPage page, session->service().subnets({}, after, kPage));
      for (const auto& [subnet, usage, reservations, exclusions, pools] : page.subnets) {
        const std::uint64_t records = usage.active + usage.declined + usage.reserved;
        scopes.push_back({to_c(subnet.prefix.address), usage.active, free_of(subnet, records), 0});
        sum.created += usage.created;
        sum.renewed += usage.renewed;
        sum.released += usage.released;
        sum.declined += usage.declined;
      }
      after = page.next;
    } while (after);
    LEASELEDGER_ASSIGN(const ServiceInfo server_info, session->service().info());
    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCP_MIB_INFO_V6>();
    out->Requests = saturated(sum.created);
    out->Renews = saturated(sum.renewed);
    out->Declines = saturated(sum.declined);
    out->Releases = saturated(sum.released);
    out->ServerStartTime = to_c(server_info.started_at);
    out->Scopes = static_cast<DWORD>(scopes.size());
    out->ScopeInfo = block->make<SCOPE_MIB_INFO_V6>(scopes.size());
    std::ranges::copy(scopes, out->ScopeInfo);
    give(std::move(block), out, info);
    return {};
  });
}

void DhcpRpcFreeMemory(PVOID buffer) {
  call([&]() -> Status {
    free_result(buffer);
    return {};
  });
}
