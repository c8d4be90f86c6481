#pragma once
// The append-only log: the interface that every engine implements, with the contract suite in
// tests/contracts/event_log_contract.h. MemoryLog (memory_log.h) and RocksdbLog (rocksdb_log.h) are the two here.
// Flow: commands/command_handler.h -> [event_log.h] -> lease_book.h, projections/projector.h

#include "ledger/record.h"
#include "ledger/result.h"
#include "ledger/sha256.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger {

/// Names one append, so that an append of unknown outcome can be repeated without doing it twice.
using BatchId = std::array<std::uint8_t, 16>;

/// Which log this is. Partitions are groups of subnets; an embedded ledger has one, "default".
struct LogIdentity {
  std::array<std::uint8_t, 16> ledger_id{};
  std::string partition = "default";
  Instant created_at{};
  friend bool operator==(const LogIdentity&, const LogIdentity&) = default;
};

struct AppendRequest {
  Position expected_tail = 0;  ///< the log's tail as the writer knows it.
  std::uint64_t epoch = 0;     ///< the writer's epoch, from EventLog::begin_epoch().
  BatchId batch_id{};  ///< zeros name nothing: such an append is never taken for a repeated one.
  const RecordBatch&
      records;  ///< at least one; the first position is expected_tail + 1. Borrowed for the call.
};

/// Outcome of an append that did not fail. Conflicts are values, because the caller goes on from them.
struct Appended {
  enum class Outcome {
    kAppended,  ///< durable.
    kRepeated,  ///< this batch id was appended before; `tail` is where it ended.
    kConflict,  ///< the tail is not the expected one; nothing was written. Read up to `tail`, decide again.
    kFenced,  ///< a later epoch has begun: this writer must stop.
  };
  Outcome outcome = Outcome::kAppended;
  Position tail = 0;  ///< tail of the log after the call.
};

/// One stored record. `bytes` are 8-byte aligned and borrowed for the visit.
struct StoredRecord {
  Position position = 0;
  std::span<const std::uint8_t> bytes;
};

enum class Direction { kForward, kBackward };

/// Called for each record; returns false to stop.
using RecordVisitor = std::function<bool(const StoredRecord&)>;

/// Root of the tree over the first `size` records.
struct TreeHead {
  std::uint64_t size = 0;
  Hash root{};
  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

/// What is in a log. Thread-safe.
class LogReader {
 public:
  virtual ~LogReader() = default;

  virtual const LogIdentity& identity() const = 0;

  /// Position of the last durable record; 0 for an empty log.
  virtual Position tail() const = 0;

  /// Visits the records first..last (both inclusive, 1 to tail(); an empty range visits nothing), in order or in
  /// reverse. kCorrupt when stored bytes are damaged or a position is missing; never a wrong record.
  virtual Status read(Position first, Position last, Direction direction,
                      const RecordVisitor& visit) const = 0;

  /// Waits until tail() > `known` or `timeout` is over; returns tail().
  virtual Position wait(Position known, std::chrono::milliseconds timeout) const = 0;

  /// Merkle tree of RFC 6962 over the records' bytes; leaf i is the record at position i + 1.
  /// `size` from 0 to tail(); kInvalid beyond.
  virtual Result<TreeHead> tree_head(std::uint64_t size) const = 0;
  virtual Result<std::vector<Hash>> inclusion_proof(Position position,
                                                    std::uint64_t size) const = 0;
  virtual Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                                      std::uint64_t new_size) const = 0;
};

/// A log that is written to. One appender at a time (CHECKed by the implementations through their lock), any number of
/// readers.
class EventLog : public LogReader {
 public:
  /// Makes every earlier writer's appends fail with kFenced. Durable.
  virtual Result<std::uint64_t> begin_epoch() = 0;

  /// Appends all of `request.records` or nothing, and returns when they are durable.
  /// kIo: the outcome is unknown and the log refuses everything from now on (fail-stop) until it is opened anew.
  virtual Result<Appended> append(const AppendRequest& request) = 0;
};

/// The record at `position`, decoded. kNotFound when there is none.
Result<Record> read_record(const LogReader& log, Position position);

/// The last position whose record was recorded at or before `time`; 0 when there is none. Binary search: recorded_at
/// increases along the log.
Result<Position> position_at(const LogReader& log, Instant time);

}  // namespace leaseledger
