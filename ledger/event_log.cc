#include "ledger/event_log.h"

namespace leaseledger {

Result<Record> read_record(const LogReader& log, Position position) {
  if (position == 0 || position > log.tail()) {
    return fail(Win32::kNotFound, ErrorKind::kNotFound, "position", std::to_string(position),
                "a position from 1 to " + std::to_string(log.tail()));
  }
  Record record;
  Status decoded;
  LEASELEDGER_TRY(
      log.read(position, position, Direction::kForward, [&](const StoredRecord& stored) {
        decoded = decode_record(stored.bytes, record);
        return false;
      }));
  LEASELEDGER_TRY(decoded);
  return record;
}

Result<Position> position_at(const LogReader& log, Instant time) {
  Position low = 0;  // everything up to low was recorded at or before `time`
  Position high = log.tail();
  while (low < high) {
    const Position middle = low + (high - low + 1) / 2;
    Result<RecordHeader> header = RecordHeader{};
    LEASELEDGER_TRY(log.read(middle, middle, Direction::kForward, [&](const StoredRecord& stored) {
      header = decode_header(stored.bytes);
      return false;
    }));
    if (!header) return tl::unexpected(header.error());
    if (header->recorded_at <= time) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace leaseledger
