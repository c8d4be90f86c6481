#pragma once
// An open-addressing hash index from a caller's key to slot numbers in a caller's array: 4 bytes an entry, linear
// probing, no tombstones. The entries' keys live in the slots themselves; the caller passes hash and equality.
// Equal keys may be entered more than once. Used by LeaseBook.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace leaseledger {

class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFFU;

  /// The first slot in the probe sequence of `hash` for which `equal(slot)` holds, or kNone.
  template <typename Equal>
  std::uint32_t find(std::size_t hash, Equal equal) const {
    if (table_.empty()) return kNone;
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      if (table_[i] == kNone) return kNone;
      if (equal(table_[i])) return table_[i];
    }
  }

  /// Calls `visit(slot)` for every slot in the probe sequence of `hash` (a superset of the equal ones).
  template <typename Visit>
  void for_each_candidate(std::size_t hash, Visit visit) const {
    if (table_.empty()) return;
    for (std::size_t i = hash & mask(); table_[i] != kNone; i = (i + 1) & mask()) visit(table_[i]);
  }

  /// Brings the cache line where a look-up of `hash` begins closer.
  void prefetch(std::size_t hash) const {
    if (!table_.empty()) __builtin_prefetch(&table_[hash & mask()]);
  }

  /// `hash_of(slot)` is needed when the table grows.
  template <typename HashOf>
  void insert(std::size_t hash, std::uint32_t slot, HashOf hash_of) {
    if ((count_ + 1) * 4 > table_.size() * 3) grow(hash_of);
    place(hash, slot);
    ++count_;
  }

  /// Takes out `slot`, which must have been inserted under `hash`.
  template <typename HashOf>
  void erase(std::size_t hash, std::uint32_t slot, HashOf hash_of) {
    std::size_t hole = hash & mask();
    while (table_[hole] != slot) hole = (hole + 1) & mask();
    // Shift back the entries behind the hole that may stand nearer to their home.
    for (std::size_t next = (hole + 1) & mask(); table_[next] != kNone;
         next = (next + 1) & mask()) {
      const std::size_t home = hash_of(table_[next]) & mask();
      if (((next - home) & mask()) >= ((next - hole) & mask())) {
        table_[hole] = table_[next];
        hole = next;
      }
    }
    table_[hole] = kNone;
    --count_;
  }

  std::size_t size() const { return count_; }
  std::size_t memory_bytes() const { return table_.capacity() * sizeof(std::uint32_t); }

 private:
  std::size_t mask() const { return table_.size() - 1; }

  void place(std::size_t hash, std::uint32_t slot) {
    std::size_t i = hash & mask();
    while (table_[i] != kNone) i = (i + 1) & mask();
    table_[i] = slot;
  }

  template <typename HashOf>
  void grow(HashOf hash_of) {
    std::vector<std::uint32_t> old = std::move(table_);
    table_.assign(old.empty() ? 16 : old.size() * 2, kNone);
    for (const auto slot : old) {
      if (slot != kNone) place(hash_of(slot), slot);
    }
  }

  std::vector<std::uint32_t> table_;  // a power of two long
  std::size_t count_ = 0;
};

}  // namespace leaseledger
