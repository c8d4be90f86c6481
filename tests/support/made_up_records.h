#pragma once
// Records for tests of logs, which do not look inside: their bytes follow from their position, so that any log can be checked.

#include "ledger/event_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

namespace leaseledger::test {

/// Bytes for the record at `position`: whole words, different at each position, as long as `words` says.
inline std::vector<std::uint64_t> made_up_record(Position position, std::size_t words) {
  std::vector<std::uint64_t> out(words, 0x1111111111111111);
  out[0] = position;
  for (std::size_t i = 1; i < words; i += 3) out[i] = (position + i) * 0x9e3779b97f4a7c15ULL;
  return out;
}
inline std::span<const std::uint8_t> bytes_of(const std::vector<std::uint64_t>& words) {
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * 8};
}
/// Length of the record at `position`: 1 to 40 words, now and then 4000.
inline std::size_t made_up_words(Position position) {
  return position % 997 == 996 ? 4000 : 1 + (position * 2654435761ULL >> 7) % 40;
}
inline Instant made_up_time(Position position) {
  return Instant{std::chrono::seconds(1'700'000'000) + std::chrono::milliseconds(position)};
}

/// `count` made-up records from `first` on.
inline RecordBatch made_up_batch(Position first, std::size_t count) {
  RecordBatch batch;
  for (Position p = first; p < first + count; ++p) {
    batch.add_encoded(p, made_up_time(p), bytes_of(made_up_record(p, made_up_words(p))));
  }
  return batch;
}
inline BatchId batch_id(std::uint64_t number) {
  BatchId id{};
  std::memcpy(id.data(), &number, sizeof number);
  id[15] = 0xB1;
  return id;
}

/// Reads first..last and checks every byte; returns how many there were.
inline Result<std::size_t> read_made_up(const EventLog& log, Position first, Position last,
                                        Direction direction = Direction::kForward) {
  std::size_t count = 0;
  Position next = direction == Direction::kForward ? first : last;
  LEASELEDGER_TRY(log.read(first, last, direction, [&](const StoredRecord& record) {
    EXPECT_EQ(record.position, next);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.bytes.data()) % 8, 0U);
    const auto expected = made_up_record(next, made_up_words(next));
    EXPECT_TRUE(std::ranges::equal(record.bytes, bytes_of(expected))) << "position " << next;
    direction == Direction::kForward ? ++next : --next;
    ++count;
    return !::testing::Test::HasFailure();
  }));
  return count;
}

}  // namespace leaseledger::test
