#include "projections/segment.h"

#include "ledger/check.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace leaseledger {
namespace {

/// Sorts fixed-size entries by their keys, which are all different.
std::string sorted(std::string entries, View view) {
  struct Item {
    KeyStart start;
    std::uint32_t index;
  };
  const std::size_t size = entry_bytes(view);
  const std::size_t key_size = key_bytes(view);
  const std::size_t count = entries.size() / size;
  LEASELEDGER_CHECK(count <= UINT32_MAX);
  std::vector<Item> items(count);
  const char* const data = entries.data();
  const auto before = [&](const Item& a, const Item& b) {
    if (a.start != b.start) return a.start < b.start;
    return std::memcmp(data + a.index * size, data + b.index * size, key_size) < 0;
  };
  bool in_order = true;
  for (std::size_t i = 0; i < count; ++i) {
    items[i] = {KeyStart::of(data + i * size, key_size), static_cast<std::uint32_t>(i)};
    in_order = in_order && (i == 0 || before(items[i - 1], items[i]));
  }
  if (in_order) return entries;
  std::sort(items.begin(), items.end(), before);
  std::string out(entries.size(), '\0');
  char* at = out.data();
  for (const Item& item : items) {
    std::memcpy(at, data + item.index * size, size);
    at += size;
  }
  return out;
}

}  // namespace

// ---- in memory --------------------------------------------------------------------------------------------------

MemorySegment::MemorySegment(Position first, Position last, Entries sorted)
    : Segment(first, last), sorted_(std::move(sorted)) {}

std::shared_ptr<const Segment> MemorySegment::sort(Position first, Position last, Entries entries) {
  for (std::size_t i = 0; i < kViews; ++i)
    entries[i] = sorted(std::move(entries[i]), static_cast<View>(i));
  return std::make_shared<MemorySegment>(first, last, std::move(entries));
}

Result<std::shared_ptr<const Segment>> MemorySegment::merge(
    std::span<const std::shared_ptr<const Segment>> parts) {
  Entries out;
  for (std::size_t i = 0; i < kViews; ++i) {
    const View view = static_cast<View>(i);
    const std::size_t size = entry_bytes(view);
    std::uint64_t count = 0;
    for (const auto& part : parts) count += part->entries(view);
    out[i].resize(count * size);
    char* at = out[i].data();
    LEASELEDGER_TRY(merge_entries(parts, view, [&](const char* entry) {
      std::memcpy(at, entry, size);
      at += size;
      return true;
    }));
  }
  return std::shared_ptr<const Segment>(std::make_shared<MemorySegment>(
      parts.front()->first(), parts.back()->last(), std::move(out)));
}

std::uint64_t MemorySegment::entries(View view) const {
  return sorted_[static_cast<std::size_t>(view)].size() / entry_bytes(view);
}

std::uint64_t MemorySegment::blocks(View view) const {
  return sorted_[static_cast<std::size_t>(view)].empty() ? 0 : 1;
}

Result<std::string_view> MemorySegment::block(View view, std::uint64_t, std::vector<char>&) const {
  return std::string_view(sorted_[static_cast<std::size_t>(view)]);
}

std::pair<std::uint64_t, std::uint64_t> MemorySegment::blocks_about(View view,
                                                                    std::string_view) const {
  return {0, blocks(view)};
}

Result<bool> MemorySegment::may_have(View, std::string_view) const { return true; }

// ---- cursor -----------------------------------------------------------------------------------------------------

Status SegmentCursor::load(std::uint64_t number, bool at_end) {
  at_ = nullptr;
  if (number >= segment_->blocks(view_)) return {};
  LEASELEDGER_ASSIGN(const std::string_view entries, segment_->block(view_, number, buffer_));
  block_ = number;
  begin_ = entries.data();
  end_ = begin_ + entries.size();
  at_ = at_end ? end_ - size_ : begin_;
  return {};
}

Status SegmentCursor::seek_first() { return load(0, false); }

Status SegmentCursor::seek(std::string_view key) {
  at_ = nullptr;
  auto [low, high] = segment_->blocks_about(view_, key);
  // The last block of them whose first entry is before the key; mostly there is but one.
  while (high > low + 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    LEASELEDGER_TRY(load(middle, false));
    (this->key() < key ? low : high) = middle;
  }
  LEASELEDGER_TRY(load(low, false));
  if (!valid()) return {};
  std::size_t begin = 0;
  std::size_t end = static_cast<std::size_t>(end_ - begin_) / size_;
  while (begin < end) {
    const std::size_t middle = begin + (end - begin) / 2;
    if (std::string_view(begin_ + middle * size_, key_size_) < key) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  at_ = begin_ + begin * size_;
  return at_ == end_ ? load(block_ + 1, false) : Status{};
}

Status SegmentCursor::seek_back(std::string_view key) {
  LEASELEDGER_TRY(seek(key));
  if (!valid()) {
    const std::uint64_t blocks = segment_->blocks(view_);
    return blocks == 0 ? Status{} : load(blocks - 1, true);
  }
  return this->key() == key ? Status{} : prev();
}

}  // namespace leaseledger
