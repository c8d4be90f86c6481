#pragma once
// An archive of Kea's forensic log becomes history: each sentence is a report of what that server did, effective at its time.
// Importing the same lines again changes nothing: each has a command id made of its text.
// Flow: legal_log.h -> [legal_log_import.h] -> batches.h -> commands/command_handler.h

#include "adapters/kea/import.h"
#include "adapters/kea/legal_log.h"

#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <unordered_map>

namespace leaseledger::kea {

struct LegalImportOptions {
  std::string server = "kea";  ///< names the server in command ids and as the owner of its leases.
  std::size_t batch = 4000;    ///< sentences in one submission.
  /// The moment of a time and the name of its zone. An error about an option ("--time-zone") ends the import.
  std::function<Result<Instant>(std::string_view time, std::string_view zone)> read_time;
  /// Of commands that left it to Kea; where it is not given such sentences are problems.
  std::optional<Lifetime> valid_lifetime;
  /// No sentence has an IAID: who knows it from elsewhere says it here. 0 where nobody does.
  std::function<Iaid(const LeaseKey&, const Duid&)> iaid_of;
  /// The prefix that was held from `address` on at a time, for deletions whose prefix was delegated in no sentence that was read:
  /// they name its first address only. Called when everything before is durable.
  std::function<Result<std::optional<LeaseKey>>(const Ipv6Address& address, Instant time)>
      prefix_at;
};

/// One archive, file by file in the order of time.
class LegalLogImport {
 public:
  /// Everything is borrowed for the object's lifetime. `problem` hears of every line that was not taken, in file order within a
  /// batch.
  LegalLogImport(const LegalImportOptions& options, const Submit& submit,
                 const std::function<void(const RowProblem&)>& problem,
                 const std::function<void(std::uint64_t bytes_read, std::uint64_t rows)>& progress)
      : options_(options), submit_(submit), problem_(problem), progress_(progress) {}

  /// Reads all of `in`. `file_name` is for the cause of each record. The error is about an option or about the ledger.
  Result<ImportReport> read(std::istream& in, const std::string& file_name);

 private:
  Result<Envelope> command_of(std::string_view line, const std::function<Status()>& finish);

  const LegalImportOptions& options_;
  const Submit& submit_;
  const std::function<void(const RowProblem&)>& problem_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  /// The prefixes that were delegated in sentences so far, by their first address.
  std::unordered_map<Ipv6Address, LeaseKey> prefixes_;
};

/// Where a file stands in a rotation, by the date in its name as the hook makes it: "kea-legal.20180106.txt" or
/// "kea-legal.T00000000001515200523.txt", in seconds since 1970. nullopt: no such name.
std::optional<std::int64_t> rotation_of(const std::string& file_name);

}  // namespace leaseledger::kea
