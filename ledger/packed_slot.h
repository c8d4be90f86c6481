#pragma once
// The 50 octets of a slot. Used by lease_slots*.cc.
//
//   0  u64  the half of the address that its network has not
//   8  u24  number of the network; kNoNetwork with kOverflow
//  11  u8   bits 0-1 LeaseState, 0 for a free slot; kDescribedAtLast; kOverflow; bits 4-7 octets of the DUID, or kLongDuid
//  12  u32  IAID
//  16  u16  number of the lifetimes
//  18  14   DUID; a long one: u32 number in LongDuids, u8 octets
//  32  i64  effective_at; with kOverflow u32 number of the overflow entry
//  40  u40  last
//  45  u40  last - tenure
//
// Little-endian. `described` is `last` with kDescribedAtLast and else `tenure`.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace leaseledger::packed_slot {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::size_t kHalf = 0;
inline constexpr std::size_t kNetworkAndFlags = 8;
inline constexpr std::size_t kIaid = 12;
inline constexpr std::size_t kLifetimes = 16;
inline constexpr std::size_t kDuid = 18;
inline constexpr std::size_t kEffective = 32;
inline constexpr std::size_t kPositions = 40;

inline constexpr std::uint32_t kNoNetwork = 0xFF'FFFF;
inline constexpr std::uint32_t kStateMask = 3;
inline constexpr std::uint32_t kDescribedAtLast = 4;
inline constexpr std::uint32_t kOverflow = 8;
inline constexpr std::size_t kInlineDuid = 14;  // octets
inline constexpr std::uint32_t kLongDuid = 15;
inline constexpr std::uint64_t kMaxPosition = (std::uint64_t{1} << 40) - 1;

template <typename T>
T load(const std::uint8_t* octets) {
  T value;
  std::memcpy(&value, octets, sizeof value);
  return value;
}
template <typename T>
void store(std::uint8_t* octets, T value) {
  std::memcpy(octets, &value, sizeof value);
}

inline std::uint32_t network(const std::uint8_t* slot) {
  return load<std::uint32_t>(slot + kNetworkAndFlags) & 0xFF'FFFF;
}
inline std::uint32_t flags(const std::uint8_t* slot) { return slot[kNetworkAndFlags + 3]; }
inline bool overflows(const std::uint8_t* slot) { return (flags(slot) & kOverflow) != 0; }
inline std::uint32_t duid_size(const std::uint8_t* slot) { return flags(slot) >> 4; }
inline std::uint32_t iaid(const std::uint8_t* slot) { return load<std::uint32_t>(slot + kIaid); }
inline std::uint32_t lifetimes(const std::uint8_t* slot) {
  return load<std::uint16_t>(slot + kLifetimes);
}
inline std::uint32_t overflow_number(const std::uint8_t* slot) {
  return load<std::uint32_t>(slot + kEffective);
}
inline std::uint64_t last(const std::uint8_t* slot) {
  return load<std::uint64_t>(slot + kPositions) & kMaxPosition;
}
inline std::uint64_t held(const std::uint8_t* slot) {
  return load<std::uint64_t>(slot + kPositions + 2) >> 24;
}
inline void set_positions(std::uint8_t* slot, std::uint64_t last, std::uint64_t held) {
  store(slot + kPositions, last | held << 40);
  store(slot + kPositions + 8, static_cast<std::uint16_t>(held >> 24));
}
inline std::uint32_t long_duid(const std::uint8_t* slot) {
  return load<std::uint32_t>(slot + kDuid);
}
inline std::size_t long_duid_size(const std::uint8_t* slot) { return slot[kDuid + 4]; }

}  // namespace leaseledger::packed_slot
