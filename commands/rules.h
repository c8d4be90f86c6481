#pragma once
// Rules that several commands share. Pure functions.

#include "commands/decision.h"
#include "ledger/lease_book.h"
#include "ledger/result.h"

#include <string>

namespace leaseledger::rules {

/// A record that stands in the way at `at`: leased, set aside or reserved, and its valid lifetime is not over.
bool is_live(const BookLease& lease, Instant at);

/// The fact that ends `lease`: the lease as it was, its state included, so that counters can be folded from facts alone.
LeaseFact ended(const BookLease& lease, Reason reason);

/// Adds LeaseExpired for a lease that is over, effective when its valid lifetime ended.
void expire(const BookLease& lease, Decision& decision);

/// The same client as `lease`: DUID, IAID and type. Type counts because IA_NA and IA_PD number their IAIDs
/// separately (RFC 9915 section 12).
bool is_client(const Lease& lease, const Duid& duid, Iaid iaid, LeaseType type);

/// ERROR_INVALID_PARAMETER for an empty DUID (MS-DHCPM 3.2.4.125 rule 2).
Status require_duid(const Duid& duid);
/// ERROR_INVALID_PARAMETER when a prefix is leased as an address or an address as a prefix.
Status require_type_fits(const LeaseKey& key, LeaseType type);

/// The subnet that contains `key`, or ERROR_DHCP_SUBNET_NOT_PRESENT.
Result<const Subnet*> require_subnet_of(const LeaseBook& book, const LeaseKey& key);
/// The subnet with exactly this prefix, or `missing` (MS-DHCPM reports it as 2 or as 20005, by call).
Result<const Subnet*> require_subnet(const LeaseBook& book, const Ipv6Prefix& prefix,
                                     Win32 missing);

/// The live lease at `key` if (duid, iaid, type) holds it.
/// kNotFound / ERROR_NOT_FOUND: no lease there, the DHCP server answers NoBinding;
/// kConflict / ERROR_DHCP_IP_ADDRESS_IN_USE: the key belongs to another client now.
Result<BookLease> require_holder(const LeaseBook& book, const LeaseKey& key, const Duid& duid,
                                 Iaid iaid, LeaseType type, Instant at);

/// Where a reservation keeps `gone.key` for `gone`'s client, adds the record of state reserved that stands until the
/// client comes back.
void keep_reserved(const LeaseBook& book, const Lease& gone, Decision& decision,
                   Instant effective_at = kUnset);

/// IA_PD for a prefix, IA_NA for an address: what a key means when nobody says.
LeaseType default_type(const LeaseKey& key);

}  // namespace leaseledger::rules
