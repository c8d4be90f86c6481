#include "commands/add_delegation_pool.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const AddDelegationPool& command) {
  if (command.delegated_length < command.prefix.length || command.delegated_length > 127) {
    return invalid("delegated_length", std::to_string(command.delegated_length),
                   std::to_string(command.prefix.length) + " (the pool's own length) to 127");
  }
  return {};
}

Status decide(const LeaseBook& book, const AddDelegationPool& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const auto refuse = [&](Win32 code, const Ipv6Prefix& other) {
    return fail(code, ErrorKind::kRefused, "prefix", command.prefix.to_string(),
                "a prefix that overlaps no other subnet or delegation pool; " + other.to_string() +
                    " is there");
  };
  for (const auto& pool : book.pools(subnet->id)) {
    if (pool.prefix.overlaps(command.prefix)) return refuse(Win32::kDuplicateTag, pool.prefix);
  }
  if (command.prefix.contains(subnet->prefix) && command.prefix != subnet->prefix) {
    return refuse(Win32::kDuplicateTag, subnet->prefix);
  }
  if (const auto other = book.overlapping(command.prefix); other && other->second != subnet->id) {
    return refuse(Win32::kDhcpSubnetExists, other->first);
  }
  decision.add(
      DelegationPoolAdded{DelegationPool{command.prefix, command.delegated_length, subnet->id}});
  return {};
}

}  // namespace leaseledger
