#pragma once
// The leases that every benchmark writes, whatever the system: lease number N is the same everywhere.
// Depends on nothing of the ledger, so that the drivers of other systems can use it.

#include <array>
#include <cstdint>
#include <string>

namespace leaseledger::bench {

/// splitmix64: spreads consecutive numbers over all 64 bits, each to a different one.
constexpr std::uint64_t spread(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

inline constexpr std::uint64_t kLeasesPerSubnet = 65'536;
inline constexpr std::uint32_t kPreferredSeconds = 5400;
inline constexpr std::uint32_t kValidSeconds = 7200;
inline constexpr std::uint64_t kMaxLeases = kLeasesPerSubnet << 16;  ///< as many as have a subnet.

/// Number, from 0, of the subnet that lease `number` belongs to: 2001:db8:NUMBER::/64.
constexpr std::uint32_t subnet_number(std::uint64_t number) {
  return static_cast<std::uint32_t>(number / kLeasesPerSubnet);
}

/// 16 octets of the /64's prefix, network order.
constexpr std::array<std::uint8_t, 16> subnet_prefix(std::uint32_t subnet) {
  return {0x20,
          0x01,
          0x0d,
          0xb8,
          static_cast<std::uint8_t>(subnet >> 8),
          static_cast<std::uint8_t>(subnet)};
}

/// Address with a random interface identifier (RFC 7707 is why servers give out such), 16 octets in network order.
constexpr std::array<std::uint8_t, 16> address_octets(std::uint64_t number) {
  auto out = subnet_prefix(subnet_number(number));
  const std::uint64_t identifier = spread(number);
  for (int i = 0; i < 8; ++i)
    out[static_cast<std::size_t>(8 + i)] = static_cast<std::uint8_t>(identifier >> (56 - 8 * i));
  return out;
}

/// DUID-LLT on Ethernet (RFC 9915 section 11.2), 14 octets.
constexpr std::array<std::uint8_t, 14> duid_octets(std::uint64_t number) {
  std::array<std::uint8_t, 14> out{0x00, 0x01, 0x00, 0x01};
  const std::uint64_t time_and_mac = spread(number ^ 0xd01d'0000'0000'0000);
  const auto time = static_cast<std::uint32_t>(0x2c00'0000 + (time_and_mac & 0xff'ffff));
  for (int i = 0; i < 4; ++i)
    out[static_cast<std::size_t>(4 + i)] = static_cast<std::uint8_t>(time >> (24 - 8 * i));
  out[8] = 0x02;  // locally administered
  for (int i = 0; i < 5; ++i)
    out[static_cast<std::size_t>(9 + i)] = static_cast<std::uint8_t>(time_and_mac >> (24 + 8 * i));
  return out;
}

constexpr std::uint32_t iaid(std::uint64_t number) {
  return static_cast<std::uint32_t>(spread(number ^ 0x1a1d) >> 32);
}

/// Client's host name, 25 characters for every lease below 10^10.
inline std::string host_name(std::uint64_t number) {
  std::string text = "cpe0000000000.example.net";
  for (std::size_t i = 12; number != 0 && i >= 3; --i, number /= 10)
    text[i] = static_cast<char>('0' + number % 10);
  return text;
}

}  // namespace leaseledger::bench
