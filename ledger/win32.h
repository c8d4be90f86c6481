#pragma once
// Error codes with the numbers of the Windows API: everything that DhcpV6CreateClientInfo and its
// family can answer, and the general codes that go with them. The table is ledger/win32_codes.def.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace leaseledger {

/// Beware: kDuplicateTag is 2014 and kDhcpClientExists is 20014.
enum class Win32 : std::uint32_t {
#define LEASELEDGER_WIN32(enumerator, identifier, number, meaning) enumerator = number,
#include "ledger/win32_codes.def"
#undef LEASELEDGER_WIN32
};

struct Win32Entry {
  Win32 code;
  std::string_view name;     ///< "ERROR_DHCP_SUBNET_NOT_PRESENT".
  std::string_view meaning;  ///< in our words, without a full stop.
};

/// Every code, by number.
std::span<const Win32Entry> win32_table();
std::string_view name_of(Win32 code);     ///< "ERROR_?" for a number that is not in the table.
std::string_view meaning_of(Win32 code);  ///< "" likewise.
/// Takes the header's identifiers and the other names in use for the same numbers.
std::optional<Win32> win32_from_name(std::string_view name);

}  // namespace leaseledger
