#include "commands/remove_reservation.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const RemoveReservation&) { return {}; }

Status decide(const LeaseBook& book, const RemoveReservation& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const Reservation* reservation = book.find_reservation(subnet->id, command.key);
  if (reservation == nullptr) {
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "address",
                format_lease_key(command.key),
                "an address with a reservation in " + subnet->prefix.to_string());
  }
  if (const auto lease = book.find(command.key); lease &&
                                                 lease->lease.state == LeaseState::kReserved &&
                                                 lease->lease.subnet_id == subnet->id) {
    decision.add(ClientDeleted{rules::ended(*lease, Reason::kReservation)});
  }
  decision.add(ReservationRemoved{*reservation});
  return {};
}

}  // namespace leaseledger
