#include "ledger/log_state.h"

#include "ledger/check.h"

namespace leaseledger {

Result<std::optional<Appended>> LogState::judge(const AppendRequest& request) const {
  if (request.epoch < epoch) return Appended{Appended::Outcome::kFenced, tail};
  if (request.epoch > epoch) {
    return invalid("epoch", std::to_string(request.epoch),
                   "one that begin_epoch() gave, at most " + std::to_string(epoch));
  }
  if (request.batch_id != BatchId{} && request.batch_id == last_batch)
    return Appended{Appended::Outcome::kRepeated, tail};
  if (request.expected_tail != tail) return Appended{Appended::Outcome::kConflict, tail};

  const RecordBatch& records = request.records;
  LEASELEDGER_CHECK(!records.empty());
  LEASELEDGER_CHECK(records.first_position() == tail + 1);
  // Within the batch recorded_at increases by a nanosecond or more from record to record.
  LEASELEDGER_CHECK(last_recorded_at == kUnset ||
                    records.last_recorded_at() >=
                        last_recorded_at + std::chrono::nanoseconds(records.size()));
  return std::nullopt;
}

void LogState::advance(const AppendRequest& request) {
  tail = request.records.last_position();
  last_batch = request.batch_id;
  last_recorded_at = request.records.last_recorded_at();
}

Result<bool> check_range(Position first, Position last, Position tail) {
  if (first > last) return false;
  if (first == 0) return invalid("position", "0", "1 to " + std::to_string(tail));
  if (last > tail) return invalid("position", std::to_string(last), "1 to " + std::to_string(tail));
  return true;
}

Status check_tree_size(std::uint64_t size, Position tail) {
  if (size <= tail) return {};
  return invalid("size", std::to_string(size), "0 to " + std::to_string(tail));
}

}  // namespace leaseledger
