#include "commands/delete_client.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const DeleteClient&) { return {}; }

Status decide(const LeaseBook& book, const DeleteClient& command, const Moment&,
              Decision& decision) {
  const Subnet* subnet = book.subnet_of(command.key);
  if (subnet != nullptr && book.find_reservation(subnet->id, command.key) != nullptr) {
    return fail(
        Win32::kDhcpReservedipExits, ErrorKind::kRefused, "address", format_lease_key(command.key),
        "an address without a reservation; remove that first (leaseledger reservation remove)");
  }
  const auto lease = book.find(command.key);
  if (!lease) {
    return fail(Win32::kDhcpJetError, ErrorKind::kNotFound, "address",
                format_lease_key(command.key), "an address with a client record");
  }
  decision.add(ClientDeleted{rules::ended(*lease, Reason::kAsked)});
  return {};
}

}  // namespace leaseledger
