#pragma once
// Between the structures of dhcpsapi.h and the ledger's types.

#include "adapters/dhcpsapi/include/dhcpsapi.h"
#include "adapters/dhcpsapi/result_block.h"
#include "adapters/service/service.h"

#include <optional>

namespace leaseledger::dhcpsapi {

inline Ipv6Address from_c(const DHCP_IPV6_ADDRESS& a) { return {a.HighOrderBits, a.LowOrderBits}; }
inline DHCP_IPV6_ADDRESS to_c(const Ipv6Address& a) { return {a.high, a.low}; }
inline LeaseKey key_of(const DHCP_IPV6_ADDRESS& a) { return {from_c(a), kAddressLength}; }

/// nullopt for zero; kForever for the infinite one and for what Instant does not reach.
std::optional<Instant> from_c(const DATE_TIME& time);
DATE_TIME to_c(Instant time);

/// The empty DUID when Data is NULL, whatever the length says. ERROR_INVALID_PARAMETER over 130 octets.
Result<Duid> from_c(const DHCP_CLIENT_UID& uid);

/// The ledger's state for a DHCP_SUBNET_STATE. ERROR_INVALID_PARAMETER for one that is none.
Result<SubnetState> state_from_c(DWORD state);

void fill(ResultBlock& block, const LeaseRow& row, DHCP_CLIENT_INFO_V6& out);
/// What a record counts against PreferredMaximum.
std::size_t size_of(const DHCP_CLIENT_INFO_V6& info);

/// Of a text with its NUL; 0 for nullptr.
std::size_t size_of(const WCHAR* text);

}  // namespace leaseledger::dhcpsapi
