#pragma once
// A record: a fact with its envelope, and its bytes. Format: docs/formats/event_log.md, ledger/schema/record.capnp.

#include "ledger/event.h"
#include "ledger/result.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger {

/// Chosen by the caller (a UUID, for instance). The same principal sending the same id again gets the first answer.
using CommandId = std::array<std::uint8_t, 16>;
std::string format_command_id(const CommandId& id);  ///< as a UUID.
Result<CommandId> parse_command_id(std::string_view text, std::string_view field = "id");

struct Record {
  Position position = 0;
  Instant recorded_at{};   ///< greater than that of the record before.
  Instant effective_at{};  ///< when it took effect where it happened; recorded_at when nobody said.
  std::string actor;       ///< the principal, e.g. "unix:alice".
  std::string door;        ///< where the command came in, e.g. "cli".
  std::optional<CommandId> command_id;
  std::string
      fingerprint;    ///< with a command_id: octets that tell commands apart (commands/fields.h).
  std::string cause;  ///< free reference.
  Event event;
  friend bool operator==(const Record&, const Record&) = default;
};

/// A record whose parts lie elsewhere: what RecordBatch encodes. Borrowed for the call.
struct RecordView {
  Position position = 0;
  Instant recorded_at{};
  Instant effective_at{};
  const std::string& actor;
  const std::string& door;
  const CommandId* command_id = nullptr;  ///< nullptr: none.
  const std::string& fingerprint;
  const std::string& cause;
  const Event& event;
};

/// Encoded records, one after the other in one buffer of whole words. Reused from batch to batch: clear() keeps the
/// memory. Borrowed by EventLog::append for the call.
class RecordBatch {
 public:
  RecordBatch();
  ~RecordBatch();
  RecordBatch(RecordBatch&&) noexcept;
  RecordBatch& operator=(RecordBatch&&) noexcept;

  /// Encodes `record` behind the others. Positions must follow each other; CHECKed.
  void add(const RecordView& record);
  void add(const Record& record);
  /// Takes bytes encoded elsewhere (a record read from another log).
  void add_encoded(Position position, Instant recorded_at, std::span<const std::uint8_t> bytes);

  void clear();
  /// Takes back the records behind the first `size`. `last_recorded_at` is of the last one that stays, kUnset for none.
  void truncate(std::size_t size, Instant last_recorded_at);
  bool empty() const { return ends_.empty(); }
  std::size_t size() const { return ends_.size(); }
  Position first_position() const { return first_; }
  Position last_position() const { return first_ + ends_.size() - 1; }
  Instant last_recorded_at() const { return last_recorded_at_; }
  /// The bytes of record `index` (0 to size() - 1), 8-byte aligned.
  std::span<const std::uint8_t> record(std::size_t index) const;
  /// Where record `index` ends in bytes(); it begins where the one before ends.
  std::span<const std::uint32_t> ends() const { return ends_; }
  std::span<const std::uint8_t> bytes() const;

 private:
  struct Scratch;
  void note(Position position, Instant recorded_at);

  std::unique_ptr<Scratch> scratch_;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> ends_;
  Position first_ = 0;
  Instant last_recorded_at_ = kUnset;
};

/// The canonical bytes of one record.
std::string encode_record(const Record& record);

/// Reads a record's bytes (8-byte aligned). Records of older and newer schema versions are read: fields that the
/// writer did not know have their defaults, events that this version does not know become UnknownEvent.
/// `out` is overwritten; its strings keep their memory. kCorrupt when the bytes are no record.
Status decode_record(std::span<const std::uint8_t> bytes, Record& out);

/// The same for folding, three times as fast: of a fact about a lease the door, the fingerprint, the cause and the description
/// are left out.
Status decode_fact(std::span<const std::uint8_t> bytes, Record& out);

/// Only the envelope's numbers, for scans: a tenth of the cost of decode_record.
struct RecordHeader {
  Position position = 0;
  Instant recorded_at{};
  Instant effective_at{};
  EventKind kind = EventKind::kUnknown;
};
Result<RecordHeader> decode_header(std::span<const std::uint8_t> bytes);

}  // namespace leaseledger
