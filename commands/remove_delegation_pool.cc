#include "commands/remove_delegation_pool.h"

#include "commands/rules.h"

#include <algorithm>

namespace leaseledger {

Status validate(const RemoveDelegationPool&) { return {}; }

Status decide(const LeaseBook& book, const RemoveDelegationPool& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const auto pools = book.pools(subnet->id);
  const auto pool = std::ranges::find(pools, command.prefix, &DelegationPool::prefix);
  if (pool == pools.end()) {
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "prefix", command.prefix.to_string(),
                "a delegation pool of " + subnet->prefix.to_string());
  }
  for (const auto& lease : book.leases_in(subnet->id)) {
    if (pool->prefix.contains(lease.lease.key)) {
      return fail(Win32::kDhcpElementCantRemove, ErrorKind::kRefused, "prefix",
                  command.prefix.to_string(),
                  "a pool without leases; " + format_lease_key(lease.lease.key) + " is leased");
    }
  }
  decision.add(DelegationPoolRemoved{*pool});
  return {};
}

}  // namespace leaseledger
