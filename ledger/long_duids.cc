#include "ledger/long_duids.h"

#include <algorithm>
#include <cstring>

namespace leaseledger {
namespace {

std::uint32_t units_of(std::size_t octets) { return static_cast<std::uint32_t>((octets + 3) / 4); }

}  // namespace

std::uint32_t LongDuids::add(std::span<const std::uint8_t> octets) {
  const std::uint32_t units = units_of(octets.size());
  std::uint32_t number = free_[units];
  if (number != kNone) {
    std::memcpy(&free_[units], array_.at(number), sizeof free_[units]);
  } else {
    // A run stands in one chunk, because chunks are copied one by one for an image.
    const auto used = array_.size() % static_cast<std::uint32_t>(Array::kChunkElements);
    const auto left = static_cast<std::uint32_t>(Array::kChunkElements) - used;
    if (left < units) array_.append(left);
    number = array_.append(units);
  }
  std::ranges::copy(octets, array_.edit(number));
  return number;
}

void LongDuids::remove(std::uint32_t number, std::size_t size) {
  const std::uint32_t units = units_of(size);
  std::memcpy(array_.edit(number), &free_[units], sizeof free_[units]);
  free_[units] = number;
}

bool LongDuids::fits(std::uint32_t number, std::size_t size) const {
  const std::uint32_t units = units_of(size);
  const auto in_chunk = number % Array::kChunkElements;
  return size <= kMaxOctets && number < array_.size() && units <= array_.size() - number &&
         in_chunk + units <= Array::kChunkElements;
}

bool LongDuids::restore(const FreeRuns& free) {
  free_ = free;
  for (std::size_t units = 1; units < kClasses; ++units) {
    std::uint32_t steps = 0;
    for (std::uint32_t next = free[units]; next != kNone;) {
      if (!fits(next, units * 4) || ++steps > array_.size()) return false;
      std::memcpy(&next, array_.at(next), sizeof next);
    }
  }
  return true;
}

}  // namespace leaseledger
