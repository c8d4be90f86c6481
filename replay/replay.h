#pragma once
// The past, folded again from the log: the state at any position.
// Flow: ledger/event_log.h + book_snapshots.h -> [replay.h] -> diff.h, verify.h

#include "ledger/event_log.h"
#include "ledger/lease_book.h"
#include "replay/book_snapshots.h"

#include <functional>

namespace leaseledger {

/// Told now and then how far a long scan is. Returns false to stop it, which is ERROR_OPERATION_ABORTED.
using Progress = std::function<bool(Position done, Position total)>;

/// Folds the records from book.position() + 1 to `to` into `book`. kCorrupt when one does not fit; kInvalid beyond the tail.
Status fold(const EventLog& log, LeaseBook& book, Position to, const Progress& progress = {});

/// The book as it was after record `position`, from the nearest snapshot (`snapshots` may be nullptr: from the beginning).
Result<LeaseBook> book_at(const EventLog& log, const BookSnapshots* snapshots, Position position,
                          const Progress& progress = {});

}  // namespace leaseledger
