#pragma once
// A delegation pool goes. Flow: command.h -> [remove_delegation_pool.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

struct RemoveDelegationPool {
  Ipv6Prefix subnet;
  Ipv6Prefix prefix;

  static constexpr const char* kName = "RemoveDelegationPool";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("prefix", self.prefix);
  }
};

Status validate(const RemoveDelegationPool& command);

/// DelegationPoolRemoved; ERROR_FILE_NOT_FOUND 2 when there is no such subnet or pool;
/// ERROR_DHCP_ELEMENT_CANT_REMOVE 20007 when prefixes of it are leased.
Status decide(const LeaseBook& book, const RemoveDelegationPool& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
