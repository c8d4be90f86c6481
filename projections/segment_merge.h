#pragma once
// merge_entries() of segment.h.

#include "projections/segment.h"

#include <cstring>

namespace leaseledger {

/// The first 16 octets of a key as numbers, which compare as the octets do.
struct KeyStart {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  static KeyStart of(const char* key, std::size_t size) {
    KeyStart out;
    std::memcpy(&out.high, key, 8);
    std::memcpy(&out.low, key + 8, size < 16 ? size - 8 : 8);
    out.high = __builtin_bswap64(out.high);
    out.low = __builtin_bswap64(out.low);
    return out;
  }
  friend auto operator<=>(const KeyStart&, const KeyStart&) = default;
};

template <typename Sink>
Status merge_entries(std::span<const std::shared_ptr<const Segment>> parts, View view, Sink sink) {
  struct Input {
    KeyStart start;
    SegmentCursor cursor;
  };
  const std::size_t key_size = key_bytes(view);
  std::vector<Input> inputs;
  for (const auto& part : parts) {
    Input input{{}, SegmentCursor(*part, view)};
    LEASELEDGER_TRY(input.cursor.seek_first());
    if (!input.cursor.valid()) continue;
    input.start = KeyStart::of(input.cursor.entry(), key_size);
    inputs.push_back(std::move(input));
  }
  // A heap with the least key on top.
  const auto before = [&](const Input* a, const Input* b) {
    if (a->start != b->start) return a->start < b->start;
    return a->cursor.key() < b->cursor.key();
  };
  std::vector<Input*> heap;
  for (auto& input : inputs) heap.push_back(&input);
  const auto sift = [&](std::size_t at) {
    Input* const moving = heap[at];
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap.size()) break;
      if (child + 1 < heap.size() && before(heap[child + 1], heap[child])) ++child;
      if (!before(heap[child], moving)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = moving;
  };
  for (std::size_t i = heap.size() / 2; i-- > 0;) sift(i);
  while (!heap.empty()) {
    Input& top = *heap.front();
    if (!sink(top.cursor.entry())) return {};
    LEASELEDGER_TRY(top.cursor.next());
    if (top.cursor.valid()) {
      top.start = KeyStart::of(top.cursor.entry(), key_size);
    } else {
      heap.front() = heap.back();
      heap.pop_back();
      if (heap.empty()) break;
    }
    sift(0);
  }
  return {};
}

}  // namespace leaseledger
