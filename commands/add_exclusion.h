#pragma once
// Addresses that GetFreeAddress must not offer. Flow: command.h -> [add_exclusion.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

struct AddExclusion {
  Ipv6Prefix subnet;
  Ipv6Address first;  ///< both ends belong to it.
  Ipv6Address last;

  static constexpr const char* kName = "AddExclusion";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("first", self.first);
    field.required("last", self.last);
  }
};

Status validate(const AddExclusion& command);

/// ExclusionAdded, or ERROR_DUPLICATE_TAG 2014 when it overlaps an exclusion that is there. A range whose start is
/// after its end, or that lies outside of the subnet, is accepted and excludes nothing, as in Windows.
/// ERROR_FILE_NOT_FOUND 2 when there is no such subnet.
/// Source: MS-DHCPM 3.2.4.60 R_DhcpAddSubnetElementV6.
Status decide(const LeaseBook& book, const AddExclusion& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
