#pragma once
// Small values that many slots share, each once, by number, counted by use. Used by LeaseSlots.

#include "ledger/chunked_array.h"
#include "ledger/slot_index.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace leaseledger {

/// XXH3, 64 bits.
std::uint64_t hash_octets(const void* octets, std::size_t size, std::uint64_t seed = 0);

/// `Value` is plain octets without holes: equal octets are equal values. At most kMax values at a time.
template <typename Value, std::uint32_t kMax>
class Interned {
  static_assert(std::has_unique_object_representations_v<Value> && sizeof(Value) >= 4);
  struct Entry {
    Value value;         // of a free number: the next free one in the first 4 octets
    std::uint32_t uses;  // 0: free
    std::uint32_t unused;
  };

 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;
  using Array = ChunkedArray<sizeof(Entry), 10>;

  /// The number of `value`, entered if it is new, with one more use; kNone when kMax others are there.
  std::uint32_t acquire(const Value& value) {
    const std::uint64_t hash = hash_of(value);
    std::uint32_t number = index_.find(hash, [&](std::uint32_t n) { return same(n, value); });
    if (number == kNone) {
      number = take_number();
      if (number == kNone) return kNone;
      write(number, Entry{value, 0, 0});
      index_.insert(hash, number, [this](std::uint32_t n) { return hash_of(get(n)); });
    }
    Entry entry = read(number);
    ++entry.uses;
    write(number, entry);
    return number;
  }

  /// One use less; the last one frees the number.
  void release(std::uint32_t number) {
    Entry entry = read(number);
    LEASELEDGER_CHECK(entry.uses > 0);
    if (--entry.uses == 0) {
      index_.erase(hash_of(entry.value), number);
      std::memcpy(&entry.value, &first_free_, sizeof first_free_);
      first_free_ = number;
    }
    write(number, entry);
  }

  Value get(std::uint32_t number) const { return read(number).value; }
  bool same(std::uint32_t number, const Value& value) const {
    return std::memcmp(array_.at(number), &value, sizeof value) == 0;
  }
  std::size_t memory_bytes() const { return array_.memory_bytes() + index_.memory_bytes(); }

  // ---- snapshots ----
  /// True when `number` has a value.
  bool has(std::uint32_t number) const { return number < array_.size() && read(number).uses != 0; }
  const Array& array() const { return array_; }
  Array& array() { return array_; }
  std::uint32_t first_free() const { return first_free_; }
  /// After the array was filled from a snapshot. False when it cannot be one of this class.
  bool restore(std::uint32_t first_free) {
    if (array_.size() > kMax) return false;
    std::uint32_t free = 0;
    for (std::uint32_t number = 0; number < array_.size(); ++number) {
      if (!has(number)) {
        ++free;
        continue;
      }
      index_.insert(hash_of(get(number)), number,
                    [this](std::uint32_t n) { return hash_of(get(n)); });
    }
    first_free_ = first_free;
    for (std::uint32_t next = first_free; next != kNone; --free) {
      if (free == 0 || next >= array_.size() || has(next)) return false;
      std::memcpy(&next, array_.at(next), sizeof next);
    }
    return free == 0;
  }

 private:
  static std::uint64_t hash_of(const Value& value) { return hash_octets(&value, sizeof value); }
  Entry read(std::uint32_t number) const {
    Entry entry;
    std::memcpy(&entry, array_.at(number), sizeof entry);
    return entry;
  }
  void write(std::uint32_t number, const Entry& entry) {
    std::memcpy(array_.edit(number), &entry, sizeof entry);
  }
  std::uint32_t take_number() {
    if (first_free_ != kNone) {
      const std::uint32_t number = first_free_;
      std::memcpy(&first_free_, array_.at(number), sizeof first_free_);
      return number;
    }
    return array_.size() < kMax ? array_.append() : kNone;
  }

  Array array_;
  SlotIndex index_;
  std::uint32_t first_free_ = kNone;
};

}  // namespace leaseledger
