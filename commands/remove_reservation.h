#pragma once
// A reservation goes. Flow: command.h -> [remove_reservation.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

/// Found by its address alone, as Windows does.
struct RemoveReservation {
  Ipv6Prefix subnet;
  LeaseKey key;

  static constexpr const char* kName = "RemoveReservation";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("address", self.key);
  }
};

Status validate(const RemoveReservation& command);

/// ReservationRemoved, and ClientDeleted for the record that the reservation made if nobody has leased it since.
/// ERROR_FILE_NOT_FOUND 2 when there is no such subnet or reservation.
/// Source: MS-DHCPM 3.2.4.62 R_DhcpRemoveSubnetElementV6.
Status decide(const LeaseBook& book, const RemoveReservation& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
