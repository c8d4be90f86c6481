#pragma once
// Folds records a few behind where they are read, so that what evolve() will look up is fetched from memory meanwhile.

#include "ledger/lease_book.h"

#include <array>
#include <cstddef>

namespace leaseledger {

class FoldQueue {
 public:
  explicit FoldQueue(LeaseBook& book) : book_(book) {}

  /// Where the next record goes; kept with its memory.
  Record& next() { return records_[end_ % kSize]; }
  /// Enters it. Folds the oldest when the queue is full.
  Status push() {
    if (const LeaseFact* fact = lease_fact_of(next().event)) {
      const Lease& lease = fact->lease;
      book_.prefetch(lease.key);
      book_.prefetch_client(lease.subnet_id, lease.duid, lease.iaid, lease.type);
    }
    ++end_;
    if (end_ - begin_ > kSize / 2) {
      const Record& middle = records_[(end_ - kSize / 2) % kSize];
      if (const LeaseFact* fact = lease_fact_of(middle.event)) book_.prefetch_slot(fact->lease.key);
    }
    return end_ - begin_ < kSize ? Status{} : fold_one();
  }
  /// Folds all that are left.
  Status finish() {
    while (begin_ != end_) LEASELEDGER_TRY(fold_one());
    return {};
  }

 private:
  static constexpr std::size_t kSize = 32;
  Status fold_one() { return evolve(book_, records_[begin_++ % kSize]); }

  LeaseBook& book_;
  std::array<Record, kSize> records_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace leaseledger
