#pragma once
// A client found its address in use by somebody else. Flow: command.h -> [decline_lease.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <optional>

namespace leaseledger {

struct DeclineLease {
  LeaseKey key;  ///< an address: prefixes are not declined (RFC 9915 section 18.2.8).
  Duid duid;
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA when not given.
  Lifetime probation{
      24 *
      3600};  ///< how long the address is set aside; the top value is for ever. Kea's default is 24 hours.

  static constexpr const char* kName = "DeclineLease";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
    field("probation", self.probation);
  }
};

/// ERROR_INVALID_PARAMETER 87: no DUID, a prefix, or probation 0.
Status validate(const DeclineLease& command);

/// LeaseDeclined: nobody holds the address, and it is not free until the probation is over.
/// kNotFound / ERROR_NOT_FOUND 1168 and kConflict / ERROR_DHCP_IP_ADDRESS_IN_USE 20032 as in renew_lease.h.
/// Source: RFC 9915 section 18.3.8.
Status decide(const LeaseBook& book, const DeclineLease& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
