#pragma once
// What every engine decides alike before it writes: the part of the EventLog contract that needs no storage.
// Flow: event_log.h -> [log_state.h] -> memory_log.h, rocksdb_log.h

#include "ledger/event_log.h"

#include <optional>

namespace leaseledger {

/// What a log must remember to judge the next append.
struct LogState {
  Position tail = 0;
  std::uint64_t epoch = 0;
  BatchId last_batch{};
  Instant last_recorded_at = kUnset;

  /// The answer to `request` when nothing has to be written for it, or nothing: then write it and call advance().
  /// Judged in this order: fenced, repeated, conflict. kInvalid for an epoch that has not begun.
  /// CHECKs that the batch is not empty, that it begins behind expected_tail and that recorded_at goes on increasing.
  Result<std::optional<Appended>> judge(const AppendRequest& request) const;
  /// `request` is in the log now.
  void advance(const AppendRequest& request);
};

/// True when first..last holds positions; kInvalid when it holds one that is not from 1 to `tail`.
Result<bool> check_range(Position first, Position last, Position tail);
/// kInvalid unless `size` is at most `tail`.
Status check_tree_size(std::uint64_t size, Position tail);

}  // namespace leaseledger
