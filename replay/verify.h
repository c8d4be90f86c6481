#pragma once
// Is the ledger what it was when it was written? Everything is folded and hashed again and compared.
// Flow: replay.h -> [verify.h] -> `leaseledger verify`

#include "ledger/event_log.h"
#include "ledger/lease_book.h"
#include "replay/replay.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger {

/// Something that is not as it must be.
struct Finding {
  std::string
      check;  ///< "records", "positions", "times", "hashes", "tree", "fold", "invariants", "book", "views", "storage".
  Position position = 0;  ///< the first record concerned; 0 when it is about no record.
  std::string what;
};

struct VerifyReport {
  Position tail = 0;
  TreeHead head;       ///< as computed from the records.
  Hash book_digest{};  ///< of the state that the records fold to.
  std::uint64_t leases = 0;
  std::uint64_t subnets = 0;
  std::uint64_t view_entries = 0;
  double seconds = 0;             ///< of the scan with hashes and fold.
  double view_seconds = 0;        ///< of comparing the views and the stored files.
  std::vector<Finding> findings;  ///< none: verified.
  bool ok() const { return findings.empty(); }
};

/// Reads every record once, up to the position of `live` when it is given, and checks:
///   records    each can be read
///   positions  1, 2, 3 ... without gaps, each record carrying its own
///   times      recorded_at increases
///   hashes     the tree computed from the records is the stored one, at many sizes; the first record that differs is named
///   tree       every stored size is consistent with the last
///   fold       each fact fits the state before it
///   invariants one live lease for a key, each in its subnet, counters equal contents
///   book       the live state equals the folded one (`live` may be nullptr)
/// Findings are in the report; the outer error is for a scan that could not be done at all. Views and the
/// storage engine's own checks come on top in adapters/embedded.
Result<VerifyReport> verify(const EventLog& log, const LeaseBook* live,
                            const Progress& progress = {});

/// Replay alone: the whole log folded into a new book, and what the live one says.
struct ReplayReport {
  Position tail = 0;
  Hash replayed{};
  Hash live{};
  std::uint64_t leases = 0;
  double seconds = 0;
  bool equal() const { return replayed == live; }
};
Result<ReplayReport> replay(const EventLog& log, const LeaseBook& live,
                            const Progress& progress = {});

}  // namespace leaseledger
