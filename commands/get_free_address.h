#pragma once
// Which addresses of a subnet are free. A query, not a command: it reads the book and records nothing.

#include "ledger/lease_book.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace leaseledger {

struct GetFreeAddress {
  Ipv6Prefix subnet;
  std::optional<Ipv6Address> start;  ///< the subnet's first address when not given.
  std::optional<Ipv6Address> end;    ///< the subnet's last address when not given.
  std::uint32_t count = 1;           ///< 1 to 1024; 0 means 1.
};

struct FreeAddresses {
  std::vector<Ipv6Address> addresses;  ///< lowest first.
  /// ERROR_DHCP_REACHED_END_OF_SELECTION 20126: fewer than asked are there.
  bool reached_end = false;
};

/// Walks upward and skips every address with a record, of any state, or inside an exclusion.
/// ERROR_INVALID_PARAMETER 87: count over 1024, start after end, both given and the range smaller than count, start or
/// end outside of the subnet; ERROR_DHCP_SUBNET_NOT_PRESENT 20005: no such subnet.
/// Source: MS-DHCPM 3.2.4.122 R_DhcpV6GetFreeIPAddress.
Result<FreeAddresses> get_free_address(const LeaseBook& book, const GetFreeAddress& query);

}  // namespace leaseledger
