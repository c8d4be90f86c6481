#pragma once
// A hash index from a caller's key to slot numbers in a caller's array: about 6.5 octets an entry. The keys live in the
// slots; the caller passes a 64-bit hash and an equality. Equal keys may be entered more than once. Used by LeaseBook.
//
// Buckets are one cache line: 12 entries of 5 octets, each a slot number and as many bits of its hash as are left, so that
// a look-up of what is not there touches no slot. What does not fit its bucket stands in the next one; each bucket counts
// what passed it by, so that nothing is searched further than needed and a deletion leaves nothing behind.
//
// The place of a bucket and the bits in the entry together give the hash back (quotienting), so a table grows by reading
// itself through once, without a look at the slots. There are 64 tables (shards), by the hash's highest bits, which grow by a
// quarter each at another time: growth stops the writer for 1/64 of the whole and leaves the load between 0.73 and 0.92.

#include "ledger/prefetch.h"
#include "ledger/zeroed_memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace leaseledger {

class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFFU;
  static constexpr unsigned kShards = 64;
  /// Slot numbers are below this.
  static constexpr std::uint32_t kMaxSlots = 1U << 29;
  /// Gives the hash of a slot again; asked for when a table grows, of few slots.
  using HashOf = std::function<std::uint64_t(std::uint32_t slot)>;

  /// The first slot found for which `equal(slot)` holds, or kNone. `equal` is asked for slots whose hash agrees in at
  /// least 14 bits with `hash`.
  template <typename Equal>
  std::uint32_t find(std::uint64_t hash, Equal equal) const {
    std::uint32_t found = kNone;
    search(hash, [&](Bucket&, unsigned, std::uint32_t slot) {
      if (!equal(slot)) return false;
      found = slot;
      return true;
    });
    return found;
  }

  /// Calls `visit(slot)` for slots whose hash may be `hash` (a superset of the equal ones).
  template <typename Visit>
  void for_each_candidate(std::uint64_t hash, Visit visit) const {
    search(hash, [&](Bucket&, unsigned, std::uint32_t slot) {
      visit(slot);
      return false;
    });
  }

  /// Brings the cache lines where a look-up of `hash` begins closer: one look-up in six goes on into a second one.
  void prefetch(std::uint64_t hash) const {
    const Shard& shard = shards_[hash >> kShardShift];
    if (shard.buckets == 0) return;
    const Bucket* bucket = &shard.table()[place_of(shard, hash).bucket];
    prefetch_line(bucket);
    prefetch_line(bucket + 1);  // behind the last one it does nothing
  }

  /// Enters `slot` (below kMaxSlots) under `hash`.
  template <typename HashOfSlot>
  void insert(std::uint64_t hash, std::uint32_t slot, const HashOfSlot& hash_of) {
    Shard& shard = shards_[hash >> kShardShift];
    if (shard.count >= shard.limit || slot >> shard.slot_bits != 0) [[unlikely]]
      make_room(static_cast<unsigned>(hash >> kShardShift), slot, hash_of);
    put(shard, place_of(shard, hash), slot);
    ++shard.count;
    ++count_;
  }

  /// Takes out `slot`, which must have been inserted under `hash`.
  void erase(std::uint64_t hash, std::uint32_t slot);

  /// Makes room for `count` entries of evenly spread hashes and slots below `slots`, in an empty index.
  void reserve(std::size_t count, std::uint32_t slots);

  std::size_t size() const { return count_; }
  std::size_t memory_bytes() const;

 private:
  static constexpr unsigned kEntries = 12;
  static constexpr unsigned kShardShift = 58;
  static constexpr unsigned kFar = 7;  // entries stand this many buckets from home, or more

  struct alignas(64) Bucket {
    /// slot number in the low slot_bits; above it 3 bits: how many buckets from home; above them the rest of the remainder.
    std::array<std::uint32_t, kEntries> words;
    std::array<std::uint8_t, kEntries> tags;  // low 8 bits of the remainder
    std::uint8_t count;
    std::uint8_t unused;
    std::uint16_t
        passed;  // entries that would stand here or before, but stand behind; kMany: not counted any more
  };
  static_assert(sizeof(Bucket) == 64);
  static constexpr std::uint16_t kMany = 0xFFFF;

  struct Shard {
    ZeroedMemory memory;
    std::uint64_t buckets = 0;
    std::uint32_t count = 0;
    std::uint32_t limit = 0;     // entries at which it grows
    std::uint8_t slot_bits = 0;  // of the words, for the slot number
    std::uint8_t hash_bits =
        0;  // of the hash behind the shard's 6: these are known of every entry that is not far
    std::uint8_t bucket_bits = 0;  // floor(log2(buckets)): what the bucket tells of them
    Bucket* table() const { return reinterpret_cast<Bucket*>(memory.data()); }
    std::uint32_t slot_mask() const { return (1U << slot_bits) - 1; }
  };

  /// Where a hash belongs: its bucket, and what is left of it then. With h the hash_bits of the hash, h * buckets is
  /// bucket * 2^hash_bits + rest, and the remainder is rest / 2^bucket_bits; h can be told from bucket and remainder.
  struct Place {
    std::uint64_t bucket;
    std::uint64_t remainder;
  };

  static Place place_of_bits(const Shard& shard, std::uint64_t bits) {
    const std::uint64_t product = bits * shard.buckets;
    const std::uint64_t rest = product & ((std::uint64_t{1} << shard.hash_bits) - 1);
    return {product >> shard.hash_bits, rest >> shard.bucket_bits};
  }
  static Place place_of(const Shard& shard, std::uint64_t hash) {
    return place_of_bits(shard, (hash << (64 - kShardShift)) >> (64 - shard.hash_bits));
  }
  /// Bit i is set when entry i of the bucket has the tag.
  static std::uint32_t matches(const Bucket& bucket, std::uint8_t tag) {
    const std::uint32_t used = (1U << bucket.count) - 1;
#if defined(__SSE2__)
    static_assert(offsetof(Bucket, tags) % 16 == 0);
    const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags.data()));
    const __m128i same = _mm_cmpeq_epi8(all, _mm_set1_epi8(static_cast<char>(tag)));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(same)) & used;
#else
    std::uint32_t out = 0;
    for (unsigned i = 0; i < kEntries; ++i) out |= (bucket.tags[i] == tag ? 1U : 0U) << i;
    return out & used;
#endif
  }

  /// Calls `visit(bucket, entry, slot)` until it says true for entries that may have the hash.
  template <typename Visit>
  void search(std::uint64_t hash, Visit visit) const {
    const Shard& shard = shards_[hash >> kShardShift];
    if (shard.buckets == 0) return;
    const Place place = place_of(shard, hash);
    const auto tag = static_cast<std::uint8_t>(place.remainder);
    const auto high = static_cast<std::uint32_t>(place.remainder >> 8 << 3);
    std::uint64_t at = place.bucket;
    for (std::uint64_t distance = 0; distance < shard.buckets; ++distance) {
      Bucket& bucket = shard.table()[at];
      const std::uint32_t wanted =
          high | static_cast<std::uint32_t>(std::min<std::uint64_t>(distance, kFar));
      for (std::uint32_t same = matches(bucket, tag); same != 0; same &= same - 1) {
        const auto entry = static_cast<unsigned>(std::countr_zero(same));
        const std::uint32_t word = bucket.words[entry];
        if (word >> shard.slot_bits == wanted && visit(bucket, entry, word & shard.slot_mask()))
          return;
      }
      if (bucket.passed == 0) return;
      if (++at == shard.buckets) at = 0;
    }
  }

  static void put(Shard& shard, const Place& place, std::uint32_t slot);
  void make_room(unsigned number, std::uint32_t slot, const HashOf& hash_of);
  void rebuild(Shard& shard, std::uint64_t buckets, unsigned slot_bits, const HashOf& hash_of);
  static std::uint64_t step_up(unsigned number, std::uint64_t at_least);

  std::array<Shard, kShards> shards_;
  ZeroedMemory spare_;  // the table that grew last, for the one that grows next
  std::size_t count_ = 0;
};

}  // namespace leaseledger
