#pragma once
// Every DUID of the book once, by number, counted by use. Used by LeaseBook.

#include "ledger/duid.h"
#include "ledger/slot_index.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace leaseledger {

class DuidPool {
 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;

  /// The number of `duid`, or kNone.
  std::uint32_t find(const Duid& duid) const;
  /// The number of `duid`, entered if it is new; one more use.
  std::uint32_t acquire(const Duid& duid);
  /// One use less; the last one frees the number.
  void release(std::uint32_t number);
  std::span<const std::uint8_t> bytes(std::uint32_t number) const;
  Duid get(std::uint32_t number) const;
  std::size_t size() const { return index_.size(); }

 private:
  struct Entry {
    std::unique_ptr<std::uint8_t[]> bytes;  // size in the first octet
    std::uint32_t uses = 0;
  };
  std::size_t hash_of(std::uint32_t number) const;

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  SlotIndex index_;
};

}  // namespace leaseledger
