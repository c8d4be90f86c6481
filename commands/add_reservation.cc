#include "commands/add_reservation.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const AddReservation& command) {
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  return rules::require_type_fits(command.key,
                                  command.type.value_or(rules::default_type(command.key)));
}

Status decide(const LeaseBook& book, const AddReservation& command, const Moment& moment,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const LeaseType type = command.type.value_or(rules::default_type(command.key));
  const auto exists = [](std::string field, std::string value, std::string expected) {
    return fail(Win32::kDhcpReservedipExits, ErrorKind::kRefused, std::move(field),
                std::move(value), std::move(expected));
  };
  if (book.find_reservation(subnet->id, command.key) != nullptr) {
    return exists("address", format_lease_key(command.key), "an address without a reservation");
  }
  if (const auto* other = book.find_reservation(subnet->id, command.duid, command.iaid, type)) {
    return exists(
        "duid", command.duid.to_string(),
        "a client without a reservation in this subnet; it has " + format_lease_key(other->key));
  }
  const Reservation reservation{command.key, type, command.duid, command.iaid, subnet->id};
  const Subnet* home = book.subnet_of(command.key);
  if (home == nullptr || home->id != subnet->id) {
    decision.add(ReservationAdded{reservation});
    return {};
  }
  bool holds_it = false;
  for (const auto& lease : book.leases_of(subnet->id, command.duid, command.iaid, type)) {
    if (lease.lease.key == command.key && rules::is_live(lease, moment.at)) {
      holds_it = true;
      continue;
    }
    if (lease.lease.key == command.key) continue;  // over: ended below
    if (!rules::is_live(lease, moment.at)) {
      rules::expire(lease, decision);
    } else if (book.find_reservation(subnet->id, lease.lease.key) != nullptr) {
      return exists(
          "duid", command.duid.to_string(),
          "a client that does not lease an address reserved for somebody else; it leases " +
              format_lease_key(lease.lease.key));
    } else {
      decision.add(ClientDeleted{rules::ended(lease, Reason::kReservation)});
    }
  }
  if (!holds_it) {
    if (const auto there = book.find(command.key)) {
      if (rules::is_live(*there, moment.at)) {
        decision.add(ClientDeleted{rules::ended(*there, Reason::kReservation)});
      } else {
        rules::expire(*there, decision);
      }
    }
    ClientCreated record;
    record.lease = {command.key,
                    type,
                    LeaseState::kReserved,
                    command.duid,
                    command.iaid,
                    subnet->id,
                    kForever,
                    kForever,
                    0,
                    0};
    record.description = Description{};
    record.description->name = command.name;
    record.description->comment = command.comment;
    record.reason = Reason::kReservation;
    decision.add(std::move(record));
  }
  decision.add(ReservationAdded{reservation});
  return {};
}

}  // namespace leaseledger
