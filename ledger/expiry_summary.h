#pragma once
// When the leases of 64 slots lapse at the soonest, and of 64 times 64: 1/8 octet a lease instead of an index by time.
// A bound is lowered with every lease that is written and raised only when it is looked at. Used by LeaseSlots.

#include "ledger/chunked_array.h"
#include "ledger/prefetch.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

namespace leaseledger {

class ExpirySummary {
 public:
  static constexpr std::uint32_t kBlockSlots = 64;
  static constexpr std::uint32_t kGroupSlots = 64 * kBlockSlots;
  /// Later than anything that lapses: the time of a lease that never does.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// The lease in `slot` lapses at `ns`, nanoseconds since 1970. Once a later slot has been entered, slots of different
  /// groups (of kGroupSlots) may be on different threads.
  void lower(std::uint32_t slot, std::int64_t ns) {
    const std::uint32_t block = slot / kBlockSlots;
    if (block >= blocks_.size()) [[unlikely]]
      grow(block);
    std::int64_t* bound = reinterpret_cast<std::int64_t*>(blocks_.edit(block));
    if (ns < *bound) *bound = ns;
    if (ns < groups_[block / kGroupBlocks]) groups_[block / kGroupBlocks] = ns;
  }

  /// Brings the bound that lower() writes closer.
  void prefetch(std::uint32_t slot) const {
    if (slot / kBlockSlots < blocks_.size()) prefetch_line(blocks_.at(slot / kBlockSlots));
  }

  /// Calls `scan(first slot of a block)`, which gives the soonest time in it now, for blocks that may have something that
  /// lapses at or before `enough()`, soonest bound first. `enough()` may become less from call to call. Safe beside other
  /// readers: bounds are only raised to what they may be.
  template <typename Scan, typename Enough>
  void visit_soonest(Scan scan, Enough enough) const;

  std::size_t memory_bytes() const { return blocks_.memory_bytes() + groups_.capacity() * 8; }

 private:
  static constexpr std::uint32_t kGroupBlocks = kGroupSlots / kBlockSlots;
  struct Step {
    std::int64_t bound;
    std::uint32_t number;  // of a block, or of a group
    bool group;
    friend bool operator<(const Step& a, const Step& b) { return a.bound > b.bound; }  // for a heap
  };

  void grow(std::uint32_t block);
  std::atomic_ref<std::int64_t> bound_of(std::uint32_t block) const {
    return std::atomic_ref(
        *reinterpret_cast<std::int64_t*>(const_cast<std::uint8_t*>(blocks_.at(block))));
  }

  ChunkedArray<sizeof(std::int64_t), 10> blocks_;
  mutable std::vector<std::int64_t> groups_;
};

template <typename Scan, typename Enough>
void ExpirySummary::visit_soonest(Scan scan, Enough enough) const {
  std::vector<Step> steps;
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    const std::int64_t bound = std::atomic_ref(groups_[group]).load(std::memory_order_relaxed);
    if (bound <= enough() && bound != kNever) steps.push_back({bound, group, true});
  }
  std::make_heap(steps.begin(), steps.end());
  while (!steps.empty() && steps.front().bound <= enough()) {
    std::pop_heap(steps.begin(), steps.end());
    const Step step = steps.back();
    steps.pop_back();
    if (!step.group) {
      bound_of(step.number).store(scan(step.number * kBlockSlots), std::memory_order_relaxed);
      continue;
    }
    std::int64_t soonest = kNever;
    const std::uint32_t first = step.number * kGroupBlocks;
    for (std::uint32_t block = first; block < std::min(first + kGroupBlocks, blocks_.size());
         ++block) {
      const std::int64_t bound = bound_of(block).load(std::memory_order_relaxed);
      soonest = std::min(soonest, bound);
      if (bound > enough() || bound == kNever) continue;
      steps.push_back({bound, block, false});
      std::push_heap(steps.begin(), steps.end());
    }
    std::atomic_ref(groups_[step.number]).store(soonest, std::memory_order_relaxed);
  }
}

}  // namespace leaseledger
