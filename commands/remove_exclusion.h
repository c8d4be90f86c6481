#pragma once
// An exclusion goes. Flow: command.h -> [remove_exclusion.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

struct RemoveExclusion {
  Ipv6Prefix subnet;
  Ipv6Address first;  ///< both ends belong to it.
  Ipv6Address last;

  static constexpr const char* kName = "RemoveExclusion";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("first", self.first);
    field.required("last", self.last);
  }
};

Status validate(const RemoveExclusion& command);

/// ExclusionRemoved, or ERROR_FILE_NOT_FOUND 2 when there is no such subnet or exclusion; both ends must be equal.
/// Source: MS-DHCPM 3.2.4.62 R_DhcpRemoveSubnetElementV6.
Status decide(const LeaseBook& book, const RemoveExclusion& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
