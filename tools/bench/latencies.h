#pragma once
// Latencies in buckets that are at most 1/32 of their value wide, from 1 ns to hours: exact enough for any percentile, and
// of a size that does not depend on how many there are.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace leaseledger::bench {

class Latencies {
 public:
  void add(std::uint64_t ns) {
    ++counts_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }
  void add(const Latencies& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  /// The least value that `share` (0 to 1) of all do not exceed, up to the width of a bucket; 0 when there are none.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted || (seen == count_ && seen != 0)) return std::min(upper_end(i), max_);
    }
    return 0;
  }

 private:
  static constexpr unsigned kFine = 5;  // 2^5 buckets for each power of two
  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < (1U << (kFine + 1))) return ns;
    const auto width = static_cast<unsigned>(std::bit_width(ns)) - kFine - 1;
    return (static_cast<std::size_t>(width) << kFine) + (ns >> width);
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < (1U << (kFine + 1))) return bucket;
    const unsigned width = static_cast<unsigned>(bucket >> kFine) - 1;
    return (((bucket - (static_cast<std::size_t>(width) << kFine)) + 1) << width) - 1;
  }

  std::array<std::uint64_t, 48U << kFine> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace leaseledger::bench
