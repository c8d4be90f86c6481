#pragma once
// DUIDs that are too long for a slot, in runs of 4 octets. Used by LeaseSlots.

#include "ledger/chunked_array.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace leaseledger {

class LongDuids {
 public:
  using Array = ChunkedArray<4, 14>;
  static constexpr std::size_t kMaxOctets = 132;
  static constexpr std::size_t kClasses = kMaxOctets / 4 + 1;
  /// Free runs by length: the number of the first one, each has the next one's in its first 4 octets.
  using FreeRuns = std::array<std::uint32_t, kClasses>;

  LongDuids() { free_.fill(kNone); }

  /// Keeps 1 to kMaxOctets octets; the number that get() and remove() want.
  std::uint32_t add(std::span<const std::uint8_t> octets);
  void remove(std::uint32_t number, std::size_t size);
  std::span<const std::uint8_t> get(std::uint32_t number, std::size_t size) const {
    return {array_.at(number), size};
  }
  std::size_t memory_bytes() const { return array_.memory_bytes(); }

  // ---- snapshots ----
  /// True when a DUID of `size` octets can stand at `number`.
  bool fits(std::uint32_t number, std::size_t size) const;
  const Array& array() const { return array_; }
  Array& array() { return array_; }
  const FreeRuns& free_runs() const { return free_; }
  /// After the array was filled from a snapshot.
  bool restore(const FreeRuns& free);

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFFU;
  Array array_;
  FreeRuns free_;
};

}  // namespace leaseledger
