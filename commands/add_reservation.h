#pragma once
// An address or prefix is kept for one client. Flow: command.h -> [add_reservation.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <optional>
#include <string>

namespace leaseledger {

struct AddReservation {
  Ipv6Prefix subnet;
  LeaseKey key;  ///< outside of the subnet: stored, never served (as Windows does).
  Duid duid;     ///< 1 to 130 octets.
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA for an address and IA_PD for a prefix when not given.
  std::string name;               ///< of the client record that the reservation makes.
  std::string comment;

  static constexpr const char* kName = "AddReservation";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
    field("name", self.name);
    field("comment", self.comment);
  }
};

Status validate(const AddReservation& command);

/// | state before                                    | result                                                   |
/// |-------------------------------------------------|----------------------------------------------------------|
/// | a reservation for the address or for the client | ERROR_DHCP_RESERVEDIP_EXITS 20022                        |
/// | address free, client has no lease               | record of state reserved; ReservationAdded               |
/// | the client leases this address                  | the lease stays as it is; ReservationAdded               |
/// | the client leases another, reserved, address    | 20022                                                    |
/// | the client leases another address               | that lease is deleted; record here; ReservationAdded     |
/// | another client leases the address               | his lease is deleted; record here; ReservationAdded      |
/// | address outside of the subnet                   | ReservationAdded alone                                   |
/// ERROR_FILE_NOT_FOUND 2 when there is no such subnet.
/// Source: MS-DHCPM 3.2.4.60 R_DhcpAddSubnetElementV6.
Status decide(const LeaseBook& book, const AddReservation& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
