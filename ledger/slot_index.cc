#include "ledger/slot_index.h"

#include "ledger/check.h"

#include <cmath>

namespace leaseledger {
namespace {

/// Of the entries that a table has room for, in hundredths: it grows beyond that. Longer walks for less memory.
constexpr std::uint64_t kFullest = 92;
constexpr double kGrowth = 1.25;
/// Slot numbers of a table have at least so many bits, which is about what a table of one bucket needs among 64.
constexpr unsigned kLeastSlotBits = 11;
/// Tag octet, word and the 3 bits of the distance: what an entry has for slot number and remainder.
constexpr unsigned kEntryBits = 40;
constexpr unsigned kDistanceBits = 3;
constexpr unsigned kLeastRemainderBits = 8;

}  // namespace

void SlotIndex::put(Shard& shard, const Place& place, std::uint32_t slot) {
  std::uint64_t at = place.bucket;
  std::uint32_t distance = 0;
  while (shard.table()[at].count == kEntries) {
    auto& passed = shard.table()[at].passed;
    if (passed != kMany) ++passed;
    if (++at == shard.buckets) at = 0;
    if (distance < kFar) ++distance;
  }
  Bucket& bucket = shard.table()[at];
  const unsigned entry = bucket.count++;
  const auto high = static_cast<std::uint32_t>(place.remainder >> 8 << kDistanceBits) | distance;
  bucket.tags[entry] = static_cast<std::uint8_t>(place.remainder);
  // A word without room for anything but the slot and the distance has slot_bits + 3 = 32.
  bucket.words[entry] = high << shard.slot_bits | slot;
}

void SlotIndex::erase(std::uint64_t hash, std::uint32_t slot) {
  Shard& shard = shards_[hash >> kShardShift];
  const Bucket* holder = nullptr;
  search(hash, [&](Bucket& bucket, unsigned entry, std::uint32_t found) {
    if (found != slot) return false;
    holder = &bucket;
    const unsigned last = --bucket.count;
    bucket.words[entry] = bucket.words[last];
    bucket.tags[entry] = bucket.tags[last];
    return true;
  });
  LEASELEDGER_CHECK(holder != nullptr);
  std::uint64_t at = place_of(shard, hash).bucket;
  while (&shard.table()[at] != holder) {
    auto& passed = shard.table()[at].passed;
    if (passed != kMany) --passed;
    if (++at == shard.buckets) at = 0;
  }
  --shard.count;
  --count_;
}

/// The next size of shard `number`, one of a geometric row that begins elsewhere for each shard.
std::uint64_t SlotIndex::step_up(unsigned number, std::uint64_t at_least) {
  const double phase = static_cast<double>(number) / kShards;
  double step =
      std::ceil(std::log(static_cast<double>(at_least)) / std::log(kGrowth) - phase - 1e-9);
  for (;; ++step) {
    const auto size = static_cast<std::uint64_t>(std::ceil(std::pow(kGrowth, step + phase)));
    if (size >= at_least) return size;
  }
}

void SlotIndex::make_room(unsigned number, std::uint32_t slot, const HashOf& hash_of) {
  LEASELEDGER_CHECK(slot < kMaxSlots);
  Shard& shard = shards_[number];
  // A little more than the slot needs, so that most tables have the bits already when the slots come to need them.
  const auto slot_bits = static_cast<unsigned>(
      std::bit_width(std::min<std::uint64_t>(kMaxSlots - 1, std::uint64_t{slot} + slot / 4)));
  const std::uint64_t buckets =
      shard.count >= shard.limit ? step_up(number, shard.buckets + 1) : shard.buckets;
  rebuild(shard, buckets, std::max({slot_bits, kLeastSlotBits, unsigned{shard.slot_bits}}),
          hash_of);
}

void SlotIndex::rebuild(Shard& shard, std::uint64_t buckets, unsigned slot_bits,
                        const HashOf& hash_of) {
  Shard next;
  next.buckets = buckets;
  next.slot_bits = static_cast<std::uint8_t>(slot_bits);
  next.bucket_bits = static_cast<std::uint8_t>(std::bit_width(buckets) - 1);
  next.count = shard.count;
  next.limit = static_cast<std::uint32_t>(buckets * kEntries * kFullest / 100);
  const unsigned most =
      std::min(next.bucket_bits + kEntryBits - kDistanceBits - slot_bits, 63U - next.bucket_bits);
  unsigned hash_bits = shard.buckets == 0 ? most : std::min<unsigned>(shard.hash_bits, most);
  // Bits that were cut off for large slot numbers are wanted again by a table that has grown since.
  const bool hash_anew = hash_bits < next.bucket_bits + kLeastRemainderBits;
  if (hash_anew) hash_bits = most;
  next.hash_bits = static_cast<std::uint8_t>(hash_bits);
  spare_.renew(buckets * sizeof(Bucket));
  next.memory = std::move(spare_);
  for (std::uint64_t at = 0; at < shard.buckets; ++at) {
    const Bucket& bucket = shard.table()[at];
    for (unsigned entry = 0; entry < bucket.count; ++entry) {
      const std::uint32_t word = bucket.words[entry];
      const std::uint32_t slot = word & shard.slot_mask();
      const std::uint32_t high = word >> shard.slot_bits;
      const std::uint32_t distance = high & kFar;
      if (distance == kFar || hash_anew) {
        put(next, place_of(next, hash_of(slot)), slot);
        continue;
      }
      const std::uint64_t remainder =
          std::uint64_t{high >> kDistanceBits} << 8 | bucket.tags[entry];
      const std::uint64_t home = at >= distance ? at - distance : at + shard.buckets - distance;
      const std::uint64_t product = (home << shard.hash_bits) + (remainder << shard.bucket_bits);
      const std::uint64_t bits = (product + shard.buckets - 1) / shard.buckets;
      put(next, place_of_bits(next, bits >> (shard.hash_bits - hash_bits)), slot);
    }
  }
  spare_ = std::move(shard.memory);
  shard = std::move(next);
}

void SlotIndex::reserve(std::size_t count, std::uint32_t slots) {
  LEASELEDGER_CHECK(count_ == 0 && slots <= kMaxSlots);
  const double share = static_cast<double>(count) / kShards;
  const double most = share + 4 * std::sqrt(share);  // a shard with more grows
  const auto least = static_cast<std::uint64_t>(std::ceil(most * 100 / (kEntries * kFullest))) + 1;
  const auto slot_bits = static_cast<unsigned>(
      std::bit_width(std::min<std::uint64_t>(kMaxSlots - 1, std::uint64_t{slots} + slots / 4)));
  for (unsigned number = 0; number < kShards; ++number) {
    rebuild(shards_[number], step_up(number, least), std::max(slot_bits, kLeastSlotBits), {});
  }
}

std::size_t SlotIndex::memory_bytes() const {
  std::size_t bytes = sizeof *this + spare_.size();
  for (const auto& shard : shards_) bytes += shard.memory.size();
  return bytes;
}

}  // namespace leaseledger
