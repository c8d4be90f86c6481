#include "ledger/address.h"

#include <arpa/inet.h>
#include <charconv>

namespace leaseledger {
namespace {

std::uint64_t keep_high_bits(std::uint64_t word, unsigned bits) {
  return bits == 0 ? 0 : word & (~0ULL << (64 - bits));
}

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32);
}

}  // namespace

Ipv6Address Ipv6Address::from_bytes(std::span<const std::uint8_t, 16> bytes) {
  Ipv6Address out;
  for (std::size_t i = 0; i < 8; ++i) {
    out.high = out.high << 8 | bytes[i];
    out.low = out.low << 8 | bytes[i + 8];
  }
  return out;
}

std::array<std::uint8_t, 16> Ipv6Address::to_bytes() const {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    out[i + 8] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return out;
}

Result<Ipv6Address> Ipv6Address::parse(std::string_view text, std::string_view field) {
  std::array<std::uint8_t, 16> bytes{};
  if (text.size() > INET6_ADDRSTRLEN ||
      inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1) {
    return invalid(std::string(field), std::string(text),
                   "an IPv6 address such as 2001:db8::1, without a zone");
  }
  return from_bytes(bytes);
}

std::string Ipv6Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto bytes = to_bytes();
  inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

Ipv6Address Ipv6Address::masked(unsigned prefix_length) const {
  if (prefix_length >= 128) return *this;
  if (prefix_length <= 64) return {keep_high_bits(high, prefix_length), 0};
  return {high, keep_high_bits(low, prefix_length - 64)};
}

Ipv6Address Ipv6Address::filled(unsigned prefix_length) const {
  if (prefix_length >= 128) return *this;
  if (prefix_length <= 64) return {high | ~keep_high_bits(~0ULL, prefix_length), ~0ULL};
  return {high, low | ~keep_high_bits(~0ULL, prefix_length - 64)};
}

Result<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text, std::string_view field) {
  const std::string wanted =
      "a prefix such as 2001:db8:1::/48 with a length of 0 to 128 and no bits set after it";
  const auto slash = text.find('/');
  unsigned length = 0;
  const auto digits = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() ||
      length > 128) {
    return invalid(std::string(field), std::string(text), wanted);
  }
  const auto address = Ipv6Address::parse(text.substr(0, slash), field);
  if (!address || address->masked(length) != *address) {
    return invalid(std::string(field), std::string(text), wanted);
  }
  return Ipv6Prefix{*address, static_cast<std::uint8_t>(length)};
}

std::string Ipv6Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

Result<LeaseKey> parse_lease_key(std::string_view text, std::string_view field) {
  if (text.find('/') != std::string_view::npos) return Ipv6Prefix::parse(text, field);
  LEASELEDGER_ASSIGN(const Ipv6Address address, Ipv6Address::parse(text, field));
  return LeaseKey{address, kAddressLength};
}

std::string format_lease_key(const LeaseKey& key) {
  return key.length == kAddressLength ? key.address.to_string() : key.to_string();
}

std::size_t hash_value(const Ipv6Address& address) {
  return mix(address.high + 0x9e3779b97f4a7c15ULL * mix(address.low));
}

std::size_t hash_value(const Ipv6Prefix& prefix) {
  return mix(hash_value(prefix.address) + prefix.length);
}

}  // namespace leaseledger
