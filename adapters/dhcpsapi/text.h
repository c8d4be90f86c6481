#pragma once
// UTF-16 of the calls and UTF-8 of the ledger.

#include "ledger/result.h"

#include <string>
#include <string_view>

namespace leaseledger::dhcpsapi {

/// The text up to its NUL; "" for nullptr. ERROR_INVALID_PARAMETER, naming `field`, when a surrogate lacks its partner.
Result<std::string> to_utf8(const char16_t* text, std::string_view field);
/// The same for a text of known length, which may contain NULs.
Result<std::string> to_utf8(std::u16string_view text, std::string_view field);

/// The same for texts that are only shown: a surrogate without its partner becomes U+FFFD.
std::string to_shown_utf8(std::u16string_view text);

/// Octets that are no UTF-8 become U+FFFD, one for each longest part of a sequence that could have been one.
std::u16string to_utf16(std::string_view text);

}  // namespace leaseledger::dhcpsapi
