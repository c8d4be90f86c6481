#pragma once
// Whole numbers from text, with the error that names the field.

#include "ledger/result.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace leaseledger {

/// Decimal digits alone, 0 to `max`; kInvalid names `field`.
template <typename T>
Status read_number(std::string_view field, std::string_view text, std::uint64_t max, T& out) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) {
    return invalid(std::string(field), std::string(text),
                   "a whole number from 0 to " + std::to_string(max));
  }
  out = static_cast<T>(value);
  return {};
}

}  // namespace leaseledger
