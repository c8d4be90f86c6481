#pragma once
// Kea's lease file becomes history: each row is a report of what that server did, in file order, effective when the server
// says that it was. Importing the same rows again changes nothing: each row has a command id made of its text.
// Flow: lease_file.h -> [import.h] -> commands/command_handler.h

#include "adapters/kea/lease_file.h"
#include "commands/command_handler.h"

#include <cstdint>
#include <functional>
#include <istream>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace leaseledger::kea {

struct ImportOptions {
  /// names the server in command ids, so that two servers' rows are different rows.
  std::string server = "kea";
  /// for the cause of each record: "kea-leases6.csv:123".
  std::string file_name = "kea-leases6.csv";
  std::size_t batch = 4000;  ///< rows in one submission.
  /// ImportReport::newest_cltt of the file before: a set of files is one history (lease_file_set.h).
  Instant newest_cltt{};
};

/// A row that was not taken.
struct RowProblem {
  std::uint64_t line = 0;
  Error error;
  std::string text;
};

struct ImportReport {
  std::uint64_t rows = 0;      ///< without header and blank lines.
  std::uint64_t accepted = 0;  ///< recorded now.
  std::uint64_t repeated = 0;  ///< known from an earlier import, or twice in the file.
  /// of the accepted: the ledger knew already, e.g. a flush of a lease that had ended.
  std::uint64_t unchanged = 0;
  std::uint64_t problems = 0;  ///< not taken.
  double seconds = 0;
  Instant newest_cltt{};  ///< of the rows so far, the file before included.
};

using Submit = std::function<Result<std::vector<Answer>>(std::span<const Envelope>)>;

/// What one row says, as a command. `newest_cltt`: the greatest cltt of the rows before, which is the earliest time at
/// which a deletion can have happened: Kea writes deletions without their time.
Envelope to_command(const LeaseRow& row, Instant newest_cltt, const ImportOptions& options);

/// Reads all of `in`. `problem` hears of every row that was not taken, in file order within a batch. The outer error is about
/// the header or about the ledger.
Result<ImportReport> import_leases(
    std::istream& in, const ImportOptions& options, const Submit& submit,
    const std::function<void(const RowProblem&)>& problem,
    const std::function<void(std::uint64_t bytes_read, std::uint64_t rows)>& progress = {});

}  // namespace leaseledger::kea
