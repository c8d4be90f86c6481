#pragma once
// A subnet goes, with its reservations, exclusions and delegation pools. Flow: command.h -> [delete_subnet.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

struct DeleteSubnet {
  Ipv6Prefix prefix;
  /// delete its leases too (DhcpFullForce); otherwise a subnet with leases stays.
  bool force = false;

  static constexpr const char* kName = "DeleteSubnet";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("prefix", self.prefix);
    field("force", self.force);
  }
};

Status validate(const DeleteSubnet& command);

/// With force one ClientDeleted for each lease, then SubnetDeleted. ERROR_FILE_NOT_FOUND 2 when there is no such
/// subnet; without force ERROR_DHCP_ELEMENT_CANT_REMOVE 20007 when it has leases, those of reservations included.
/// Source: MS-DHCPM 3.2.4.63 R_DhcpDeleteSubnetV6.
Status decide(const LeaseBook& book, const DeleteSubnet& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
