#include "replay/replay.h"

#include "replay/fold_queue.h"

namespace leaseledger {

Status fold(const EventLog& log, LeaseBook& book, Position to, const Progress& progress) {
  if (to > log.tail()) {
    return invalid("position", std::to_string(to),
                   "0 to " + std::to_string(log.tail()) + ", the last record");
  }
  const Position from = book.position() + 1;
  if (to < from) return {};
  FoldQueue queue(book);
  Status status;
  LEASELEDGER_TRY(log.read(from, to, Direction::kForward, [&](const StoredRecord& stored) {
    Record& record = queue.next();
    status = decode_fact(stored.bytes, record);
    if (status && record.position != stored.position) {
      status = corrupt("record at position", std::to_string(stored.position),
                       "its own position inside, not " + std::to_string(record.position));
    }
    if (status) status = queue.push();
    if (status && progress && (stored.position & 0x3FFF) == 0 &&
        !progress(stored.position - from + 1, to - from + 1)) {
      status = fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be let run to its end");
    }
    return status.has_value();
  }));
  if (status) status = queue.finish();
  LEASELEDGER_TRY(status);
  if (book.position() != to) {
    return corrupt("log", "ends at " + std::to_string(book.position()),
                   "records up to " + std::to_string(to));
  }
  return {};
}

Result<LeaseBook> book_at(const EventLog& log, const BookSnapshots* snapshots, Position position,
                          const Progress& progress) {
  LeaseBook book = snapshots == nullptr ? LeaseBook{} : snapshots->nearest(position);
  LEASELEDGER_TRY(fold(log, book, position, progress));
  return book;
}

}  // namespace leaseledger
