#pragma once
// Segments: the entries that the records of a range of positions make in all views, sorted, never changed once made. Young ones
// are in memory, older ones in files (docs/formats/views.md).
// Flow: views.h -> [segment.h] -> view_store.h

#include "ledger/result.h"
#include "projections/views.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger {

/// Entries in a block of a file: what is read and checked together.
inline constexpr std::size_t kBlockEntries = 128;

class Segment {
 public:
  virtual ~Segment() = default;

  Position first() const { return first_; }
  Position last() const { return last_; }
  std::uint64_t records() const { return last_ - first_ + 1; }
  virtual bool in_memory() const = 0;

  virtual std::uint64_t entries(View view) const = 0;
  virtual std::uint64_t blocks(View view) const = 0;
  /// The entries of a block, one after the other; from `buffer` when they had to be read. kCorrupt when they are damaged.
  virtual Result<std::string_view> block(View view, std::uint64_t number,
                                         std::vector<char>& buffer) const = 0;
  /// Blocks [first, second): the first entry >= key is in one of them or begins the one after; none before can have it.
  virtual std::pair<std::uint64_t, std::uint64_t> blocks_about(View view,
                                                               std::string_view key) const = 0;
  /// False when no entry's key begins with `prefix`, which must have filter_bytes(view) octets.
  virtual Result<bool> may_have(View view, std::string_view prefix) const = 0;

 protected:
  Segment(Position first, Position last) : first_(first), last_(last) {}

 private:
  Position first_;
  Position last_;
};
using Segments = std::vector<std::shared_ptr<const Segment>>;

/// Entries sorted in memory.
class MemorySegment final : public Segment {
 public:
  /// `entries` of each view in any order.
  static std::shared_ptr<const Segment> sort(Position first, Position last, Entries entries);
  /// All entries of `parts`, whose positions follow each other.
  static Result<std::shared_ptr<const Segment>> merge(
      std::span<const std::shared_ptr<const Segment>> parts);

  MemorySegment(Position first, Position last, Entries sorted);
  bool in_memory() const override { return true; }
  std::uint64_t entries(View view) const override;
  std::uint64_t blocks(View view) const override;
  Result<std::string_view> block(View view, std::uint64_t number,
                                 std::vector<char>& buffer) const override;
  std::pair<std::uint64_t, std::uint64_t> blocks_about(View view,
                                                       std::string_view key) const override;
  Result<bool> may_have(View view, std::string_view prefix) const override;

 private:
  Entries sorted_;
};

/// Goes through a segment's entries of one view, in either direction. Borrows the segment.
class SegmentCursor {
 public:
  SegmentCursor(const Segment& segment, View view)
      : segment_(&segment), view_(view), size_(entry_bytes(view)), key_size_(key_bytes(view)) {}

  Status seek_first();
  Status seek(std::string_view key);       ///< to the first entry >= key.
  Status seek_back(std::string_view key);  ///< to the last entry <= key.
  bool valid() const { return at_ != nullptr; }
  std::string_view key() const { return {at_, key_size_}; }
  std::string_view value() const { return {at_ + key_size_, size_ - key_size_}; }
  const char* entry() const { return at_; }
  Status next() {
    at_ += size_;
    return at_ == end_ ? load(block_ + 1, false) : Status{};
  }
  Status prev() {
    if (at_ == begin_) return block_ == 0 ? leave() : load(block_ - 1, true);
    at_ -= size_;
    return {};
  }

 private:
  Status load(std::uint64_t number, bool at_end);
  Status leave() {
    at_ = nullptr;
    return {};
  }

  const Segment* segment_;
  View view_;
  std::size_t size_;
  std::size_t key_size_;
  std::uint64_t block_ = 0;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  const char* at_ = nullptr;
  std::vector<char> buffer_;  // not a string: a short one would move with the cursor
};

/// Calls `sink(entry)` for all entries of the view in `parts`, in order. `sink` returns false to stop.
template <typename Sink>
Status merge_entries(std::span<const std::shared_ptr<const Segment>> parts, View view, Sink sink);

}  // namespace leaseledger

#include "projections/segment_merge.h"
