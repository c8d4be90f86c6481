#pragma once
// A client asks to keep the lease it holds. Flow: command.h -> [renew_lease.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <optional>

namespace leaseledger {

/// More time for one lease; both lifetimes count from Moment::at.
struct RenewLease {
  LeaseKey key;
  Duid duid;
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA for an address and IA_PD for a prefix when not given.
  std::optional<Lifetime>
      preferred_lifetime;  ///< 0 to valid_lifetime; the valid lifetime, or the subnet's, when not given.
  std::optional<Lifetime>
      valid_lifetime;  ///< from 1, the top value is infinity; the subnet's when not given.

  static constexpr const char* kName = "RenewLease";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
    field("preferred_lifetime", self.preferred_lifetime);
    field("valid_lifetime", self.valid_lifetime);
  }
};

/// ERROR_INVALID_PARAMETER 87: no DUID, a type that does not fit the key, valid lifetime 0, preferred over valid
/// (RFC 9915 section 21.6).
Status validate(const RenewLease& command);

/// LeaseRenewed. kNotFound / ERROR_NOT_FOUND 1168: no live lease there, the DHCP server answers NoBinding;
/// kConflict / ERROR_DHCP_IP_ADDRESS_IN_USE 20032: the key belongs to another client now.
/// A record that only a reservation made becomes an active lease, of a new tenure, when its client renews it.
/// Source: RFC 9915 section 18.3.4.
Status decide(const LeaseBook& book, const RenewLease& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
