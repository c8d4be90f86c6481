#pragma once
// Prefixes for delegation (IA_PD). Flow: command.h -> [add_delegation_pool.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <cstdint>

namespace leaseledger {

/// Ours: MS-DHCPM has no prefix delegation. The pool may lie outside of the prefix of its subnet, as in Kea.
struct AddDelegationPool {
  Ipv6Prefix subnet;
  Ipv6Prefix prefix;
  std::uint8_t delegated_length = 64;  ///< of the prefixes that clients get: prefix.length to 127.

  static constexpr const char* kName = "AddDelegationPool";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("subnet", self.subnet);
    field.required("prefix", self.prefix);
    field("delegated_length", self.delegated_length);
  }
};

Status validate(const AddDelegationPool& command);

/// DelegationPoolAdded; ERROR_FILE_NOT_FOUND 2 when there is no such subnet; ERROR_DUPLICATE_TAG 2014 when it overlaps
/// a pool of the same subnet or contains the subnet; ERROR_DHCP_SUBNET_EXISTS 20052 when it overlaps another subnet or
/// its pool.
/// Source: RFC 9915 section 6.3 for what a delegating server has.
Status decide(const LeaseBook& book, const AddDelegationPool& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
