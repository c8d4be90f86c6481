#pragma once
// Commands for tests of the daemon: subnets, and clients that are told apart by numbers.

#include "commands/command_handler.h"
#include "ledger/event.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace leaseledger::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline Ipv6Prefix prefix_of(const std::string& text) { return Ipv6Prefix::parse(text).value(); }
inline LeaseKey key_of(const std::string& text) { return parse_lease_key(text).value(); }

/// The address of number n for caller `who`, in 2001:db8:1::/64.
inline LeaseKey numbered_key(unsigned who, unsigned n) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "2001:db8:1::%x:%x:%x", who + 1, n >> 16, n & 0xFFFF);
  return key_of(text.data());
}
inline Duid numbered_duid(unsigned who, unsigned n) {
  const std::array<std::uint8_t, 12> octets = {0,
                                               3,
                                               0,
                                               1,
                                               2,
                                               0,
                                               static_cast<std::uint8_t>(who >> 8),
                                               static_cast<std::uint8_t>(who),
                                               static_cast<std::uint8_t>(n >> 24),
                                               static_cast<std::uint8_t>(n >> 16),
                                               static_cast<std::uint8_t>(n >> 8),
                                               static_cast<std::uint8_t>(n)};
  return Duid::from_bytes(octets).value();
}
inline Envelope numbered_client(unsigned who, unsigned n) {
  CreateClient command;
  command.key = numbered_key(who, n);
  command.duid = numbered_duid(who, n);
  command.iaid = Iaid{n};
  return {.command = command};
}
/// 2001:db8:1::/64, where numbered_key() is.
inline Envelope numbered_subnet() {
  CreateSubnet command;
  command.prefix = prefix_of("2001:db8:1::/64");
  return {.command = command};
}

}  // namespace leaseledger::test
