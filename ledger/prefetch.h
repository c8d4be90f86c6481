#pragma once
// A hint to the processor. Used by SlotIndex, LeaseSlots.

namespace leaseledger {

/// Brings the cache line of `octets` closer.
inline void prefetch_line(const void* octets) {
  __builtin_prefetch(octets);
  // GCC takes a function that only prefetches for one without effect and leaves calls of it out; not with this.
  asm volatile("" : : :);
}

}  // namespace leaseledger
