// SlotIndex against a multimap: random entries, removals, growth, equal hashes, large slot numbers.

#include "ledger/slot_index.h"

#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace leaseledger {
namespace {

using test::Random;
using test::SeedScope;

/// The index, and what it should hold.
struct Pair {
  SlotIndex index;
  std::unordered_map<std::uint32_t, std::uint64_t> hashes;  // by slot
  std::multimap<std::uint64_t, std::uint32_t> slots;        // by hash

  void insert(std::uint64_t hash, std::uint32_t slot) {
    hashes[slot] = hash;
    slots.emplace(hash, slot);
    index.insert(hash, slot, [this](std::uint32_t s) { return hashes.at(s); });
  }
  void erase(std::uint32_t slot) {
    const std::uint64_t hash = hashes.at(slot);
    index.erase(hash, slot);
    hashes.erase(slot);
    const auto [first, last] = slots.equal_range(hash);
    slots.erase(std::find_if(first, last, [slot](const auto& e) { return e.second == slot; }));
  }
  std::vector<std::uint32_t> found(std::uint64_t hash) const {
    std::vector<std::uint32_t> out;
    index.for_each_candidate(hash, [&](std::uint32_t slot) {
      if (hashes.at(slot) == hash) out.push_back(slot);
    });
    std::ranges::sort(out);
    return out;
  }
  std::vector<std::uint32_t> expected(std::uint64_t hash) const {
    std::vector<std::uint32_t> out;
    const auto [first, last] = slots.equal_range(hash);
    for (auto it = first; it != last; ++it) out.push_back(it->second);
    std::ranges::sort(out);
    return out;
  }
  void compare() const {
    ASSERT_EQ(index.size(), hashes.size());
    for (const auto& [slot, hash] : hashes) ASSERT_EQ(found(hash), expected(hash)) << slot;
  }
};

TEST(SlotIndex, FindsWhatIsThereAndNothingElseWhateverComesAndGoes) {
  const SeedScope scope;
  for (std::uint64_t round = 0; round < 4; ++round) {
    Random random(round);
    Pair pair;
    // Few different hashes in odd rounds: long runs of equal ones, of which most stand far from home.
    const auto hash = [&] {
      const std::uint64_t value = random.engine()();
      return round % 2 == 0 ? value : (value % 37) * 0x9e37'79b9'7f4a'7c15U;
    };
    std::vector<std::uint32_t> there;
    const std::size_t most = test::campaign() ? 200'000 : 6'000;
    for (std::size_t step = 0; step < 3 * most; ++step) {
      // Grows, shrinks, grows.
      const bool growing = step % (2 * most) < most;
      if (there.empty() || random.below(10) < (growing ? 8U : 3U)) {
        auto slot =
            static_cast<std::uint32_t>(random.below(round < 2 ? 4 * most : SlotIndex::kMaxSlots));
        while (pair.hashes.contains(slot)) ++slot;
        pair.insert(hash(), slot);
        there.push_back(slot);
      } else {
        std::swap(there[random.below(there.size())], there.back());
        pair.erase(there.back());
        there.pop_back();
      }
      const std::uint64_t other = hash();
      if (step % 64 == 0) ASSERT_EQ(pair.found(other), pair.expected(other));
      if (step % most == most - 1) pair.compare();
    }
    while (!there.empty()) {
      pair.erase(there.back());
      there.pop_back();
    }
    ASSERT_EQ(pair.index.size(), 0U);
  }
}

TEST(SlotIndex, AMissTouchesHardlyAnySlot) {
  const SeedScope scope;
  Random random;
  Pair pair;
  constexpr std::uint32_t kCount = 50'000;
  for (std::uint32_t slot = 0; slot < kCount; ++slot) pair.insert(random.engine()(), slot);
  std::size_t touched = 0;
  for (std::uint32_t i = 0; i < kCount; ++i)
    pair.index.for_each_candidate(random.engine()(), [&](std::uint32_t) { ++touched; });
  EXPECT_LT(touched, kCount / 20);
}

TEST(SlotIndex, GrowsWithoutALookAtMostSlots) {
  const SeedScope scope;
  Random random;
  SlotIndex index;
  std::size_t asked = 0;
  constexpr std::uint32_t kCount = 200'000;
  std::vector<std::uint64_t> hashes(kCount);
  for (auto& hash : hashes) hash = random.engine()();
  for (std::uint32_t slot = 0; slot < kCount; ++slot) {
    index.insert(hashes[slot], slot, [&](std::uint32_t s) {
      ++asked;
      return hashes[s];
    });
  }
  EXPECT_LT(asked, kCount / 10);  // of five times kCount that were moved: those far from home
  for (std::uint32_t slot = 0; slot < kCount; ++slot)
    ASSERT_EQ(index.find(hashes[slot], [&](std::uint32_t s) { return s == slot; }), slot);
}

TEST(SlotIndex, TakesLessThanSevenOctetsAnEntry) {
  const SeedScope scope;
  Random random;
  Pair pair;
  std::uint32_t slot = 0;
  for (std::uint32_t count = 20'000; count < 400'000; count += count / 10) {
    for (; slot < count; ++slot) pair.insert(random.engine()(), slot);
    EXPECT_LT(pair.index.memory_bytes(), std::size_t{count} * 7 + 16'384) << count;
  }
}

TEST(SlotIndex, ReservedRoomHoldsWhatItWasReservedFor) {
  const SeedScope scope;
  Random random;
  Pair pair;
  constexpr std::uint32_t kCount = 100'000;
  pair.index.reserve(kCount, kCount);
  const std::size_t before = pair.index.memory_bytes();
  for (std::uint32_t slot = 0; slot < kCount; ++slot) pair.insert(random.engine()(), slot);
  EXPECT_LT(pair.index.memory_bytes(), before + before / 10);
  pair.compare();
}

}  // namespace
}  // namespace leaseledger
