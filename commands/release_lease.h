#pragma once
// A client gives its lease back. Flow: command.h -> [release_lease.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <optional>

namespace leaseledger {

struct ReleaseLease {
  LeaseKey key;
  Duid duid;
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA for an address and IA_PD for a prefix when not given.

  static constexpr const char* kName = "ReleaseLease";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
  }
};

/// ERROR_INVALID_PARAMETER 87: no DUID, or a type that does not fit the key.
Status validate(const ReleaseLease& command);

/// LeaseReleased. Where a reservation keeps the address for the client, a record of state reserved follows.
/// kNotFound / ERROR_NOT_FOUND 1168 and kConflict / ERROR_DHCP_IP_ADDRESS_IN_USE 20032 as in renew_lease.h.
/// Source: RFC 9915 section 18.3.7.
Status decide(const LeaseBook& book, const ReleaseLease& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
