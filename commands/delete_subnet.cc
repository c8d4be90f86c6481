#include "commands/delete_subnet.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const DeleteSubnet&) { return {}; }

Status decide(const LeaseBook& book, const DeleteSubnet& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.prefix, Win32::kFileNotFound));
  const auto usage = book.usage(subnet->id);
  const auto leases = usage.active + usage.declined + usage.reserved;
  if (leases != 0 && !command.force) {
    return fail(Win32::kDhcpElementCantRemove, ErrorKind::kRefused, "prefix",
                command.prefix.to_string(),
                "a subnet without leases, or force; it has " + std::to_string(leases));
  }
  if (leases != 0) {
    for (const auto& lease : book.leases_in(subnet->id)) {
      decision.add(ClientDeleted{rules::ended(lease, Reason::kSubnetDeleted)});
    }
  }
  decision.add(SubnetDeleted{*subnet});
  return {};
}

}  // namespace leaseledger
