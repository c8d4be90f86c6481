#pragma once
// IPv6 addresses, prefixes and the key of a lease.

#include "ledger/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace leaseledger {

/// 128 bits as two plain numbers, so that the order of values is the order of addresses. The first octet of the
/// text form is the most significant byte of `high` (as in DHCP_IPV6_ADDRESS, MS-DHCPM 2.2.1.2.28).
struct Ipv6Address {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  /// 16 octets in network order.
  static Ipv6Address from_bytes(std::span<const std::uint8_t, 16> bytes);
  std::array<std::uint8_t, 16> to_bytes() const;

  /// RFC 4291 text; no zone, no prefix length. kInvalid names `field`.
  static Result<Ipv6Address> parse(std::string_view text, std::string_view field = "address");
  /// RFC 5952 text.
  std::string to_string() const;

  /// The address with all bits after the first `prefix_length` (0 to 128) cleared, or set.
  Ipv6Address masked(unsigned prefix_length) const;
  Ipv6Address filled(unsigned prefix_length) const;
  /// The next address; wraps to :: after the last one.
  Ipv6Address next() const { return {low == ~0ULL ? high + 1 : high, low + 1}; }

  bool is_multicast() const { return (high >> 56) == 0xFF; }
  bool is_link_local() const { return (high >> 54) == 0x3FA; }
  bool is_unspecified() const { return high == 0 && low == 0; }
  bool is_loopback() const { return high == 0 && low == 1; }

  friend auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};

/// An address block; bits after `length` (0 to 128) are zero.
struct Ipv6Prefix {
  Ipv6Address address;
  std::uint8_t length = 0;

  /// "2001:db8::/32". kInvalid names `field`; host bits that are not zero are refused.
  static Result<Ipv6Prefix> parse(std::string_view text, std::string_view field = "prefix");
  std::string to_string() const;

  bool contains(const Ipv6Address& inner) const { return inner.masked(length) == address; }
  bool contains(const Ipv6Prefix& inner) const {
    return inner.length >= length && contains(inner.address);
  }
  bool overlaps(const Ipv6Prefix& other) const {
    return contains(other.address) || other.contains(address);
  }
  Ipv6Address first() const { return address; }
  Ipv6Address last() const { return address.filled(length); }

  friend auto operator<=>(const Ipv6Prefix&, const Ipv6Prefix&) = default;
};

/// What one lease is about: an address (length 128; IA_NA and IA_TA) or a delegated prefix (less; IA_PD,
/// RFC 9915 section 21.21). Text: "2001:db8::1" or "2001:db8:5::/56".
using LeaseKey = Ipv6Prefix;
inline constexpr std::uint8_t kAddressLength = 128;

/// Reads an address or a prefix in text; an address is a key of length 128.
Result<LeaseKey> parse_lease_key(std::string_view text, std::string_view field = "address");
/// An address without "/128", a prefix with its length.
std::string format_lease_key(const LeaseKey& key);

std::size_t hash_value(const Ipv6Address& address);
std::size_t hash_value(const Ipv6Prefix& prefix);

}  // namespace leaseledger

template <>
struct std::hash<leaseledger::Ipv6Address> {
  std::size_t operator()(const leaseledger::Ipv6Address& a) const {
    return leaseledger::hash_value(a);
  }
};
template <>
struct std::hash<leaseledger::Ipv6Prefix> {
  std::size_t operator()(const leaseledger::Ipv6Prefix& p) const {
    return leaseledger::hash_value(p);
  }
};
