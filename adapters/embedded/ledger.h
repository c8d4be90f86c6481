#pragma once
// The embedded door: a ledger directory opened inside the caller's process. One process at a time.
// Flow: program -> [ledger.h] -> commands/command_handler.h, projections/queries.h, replay/
//
//   auto ledger = leaseledger::Ledger::open("/var/lib/leaseledger").value();
//   leaseledger::CreateClient create{.key = ..., .duid = ..., .iaid = ...};
//   auto answer = ledger->submit(principal, {.command = create}).value();

#include "commands/command_handler.h"
#include "commands/get_free_address.h"
#include "ledger/event_log.h"
#include "projections/projector.h"
#include "projections/queries.h"
#include "replay/book_snapshots.h"
#include "replay/diff.h"
#include "replay/replay.h"
#include "replay/verify.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger {

struct LedgerOptions {
  bool read_only = false;   ///< nothing is written: for copies and backups. Commands are refused.
  bool adopt_head = false;  ///< take the log as it is when the head witness is missing or damaged.
  std::optional<std::string> partition;                  ///< must be the stored one when given.
  std::size_t view_flush_events = std::size_t{1} << 20;  ///< ProjectorOptions::flush_events.
  /// a snapshot of the book is saved after so many new records, or after a quarter as many as there are leases when that is
  /// more, while the ledger is open and when it is closed. What came after the last one is folded on opening.
  Position snapshot_every = 1'000'000;
  HandlerOptions handler;
  Clock* clock = nullptr;  ///< borrowed; the machine's clock when nullptr.
};

class Ledger {
 public:
  /// Makes an empty ledger in `directory`, which must be absent or empty. ERROR_DIR_NOT_EMPTY, ERROR_ALREADY_EXISTS.
  static Result<std::unique_ptr<Ledger>> create(const std::filesystem::path& directory,
                                                LedgerOptions options = {});
  /// ERROR_FILE_NOT_FOUND: no ledger there; ERROR_SHARING_VIOLATION: another process has it; ERROR_FILE_CORRUPT,
  /// ERROR_REVISION_MISMATCH (written by a newer version): see the error's text.
  static Result<std::unique_ptr<Ledger>> open(const std::filesystem::path& directory,
                                              LedgerOptions options = {});
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Ends cleanly: counts of left-out refusals are recorded, views and a snapshot stored if it is time. Called by the
  /// destructor too, which cannot report.
  Status close();

  // ---- commands ----
  Result<std::vector<Answer>> submit(const Principal& principal, std::span<const Envelope> commands,
                                     Chain chain = Chain::kEach);
  Result<Answer> submit(const Principal& principal, const Envelope& command);
  void submit_async(Principal principal, std::vector<Envelope> commands, Chain chain,
                    CommandHandler::Completion done);
  Result<std::vector<CommandHandler::Preview>> preview(const Principal& principal,
                                                       std::span<const Envelope> commands,
                                                       Chain chain = Chain::kEach);

  // ---- questions ----
  const EventLog& log() const;
  Position tail() const;
  /// Views that have caught up with everything recorded before the call, to be asked now: a Queries holds its views and is not
  /// kept for long. The error that stopped the projector, if one did.
  Result<Queries> queries() const;
  /// The book as it is now, under the writer's lock.
  void read_book(const std::function<void(const LeaseBook&)>& body) const;
  Result<FreeAddresses> free_addresses(const GetFreeAddress& query) const;

  // ---- the past ----
  Result<LeaseBook> book_at(Position position, const Progress& progress = {}) const;
  Result<Difference> diff(Position from, Position to) const;
  /// Everything from the log again, compared with what is stored: replay/verify.h.
  Result<VerifyReport> verify(const Progress& progress = {});
  /// Folds the whole log into a new book and compares its digest with the live one.
  Result<ReplayReport> replay(const Progress& progress = {}) const;
  /// Builds the views anew beside the old ones and switches; the names of views in which the old ones differed.
  Result<std::vector<std::string>> rebuild_views();
  Projector& projector();

  // ---- the directory ----
  const std::filesystem::path& directory() const;
  /// A complete, openable copy in `target`, which must not exist.
  Status backup(const std::filesystem::path& target);

 private:
  struct Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leaseledger
