#include "ledger/duid_pool.h"

#include "ledger/check.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace leaseledger {

std::span<const std::uint8_t> DuidPool::bytes(std::uint32_t number) const {
  const auto* stored = entries_[number].bytes.get();
  return {stored + 1, stored[0]};
}

Duid DuidPool::get(std::uint32_t number) const { return Duid::from_bytes(bytes(number)).value(); }

std::size_t DuidPool::hash_of(std::uint32_t number) const {
  const auto stored = bytes(number);
  return XXH3_64bits(stored.data(), stored.size());
}

std::uint32_t DuidPool::find(const Duid& duid) const {
  return index_.find(hash_value(duid), [&](std::uint32_t number) {
    return std::ranges::equal(bytes(number), duid.bytes());
  });
}

std::uint32_t DuidPool::acquire(const Duid& duid) {
  if (const auto number = find(duid); number != kNone) {
    ++entries_[number].uses;
    return number;
  }
  std::uint32_t number = 0;
  if (free_.empty()) {
    number = static_cast<std::uint32_t>(entries_.size());
    LEASELEDGER_CHECK(number != kNone);
    entries_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  auto& entry = entries_[number];
  entry.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(duid.size() + 1);
  entry.bytes[0] = static_cast<std::uint8_t>(duid.size());
  std::ranges::copy(duid.bytes(), entry.bytes.get() + 1);
  entry.uses = 1;
  index_.insert(hash_value(duid), number, [this](std::uint32_t n) { return hash_of(n); });
  return number;
}

void DuidPool::release(std::uint32_t number) {
  auto& entry = entries_[number];
  LEASELEDGER_CHECK(entry.uses > 0);
  if (--entry.uses != 0) return;
  index_.erase(hash_of(number), number, [this](std::uint32_t n) { return hash_of(n); });
  entry.bytes.reset();
  free_.push_back(number);
}

}  // namespace leaseledger
