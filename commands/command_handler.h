#pragma once
// From commands to durable facts: validate, decide, append, evolve, answer. The only writer of a log.
// Flow: adapters/* -> [command_handler.h] -> ledger/event_log.h
//
// Callers of submit() may be many threads. Whoever comes first while nobody writes takes everything that waits, decides
// it in order against the book, appends it as one batch with one fsync, and answers all (group commit).

#include "commands/command.h"
#include "commands/command_ids.h"
#include "commands/principal.h"
#include "commands/refusal_limiter.h"
#include "ledger/event_log.h"
#include "ledger/lease_book.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace leaseledger {

/// The answer to one command, given when its records are durable.
struct Answer {
  Win32 code = Win32::kSuccess;  ///< kSuccess: accepted.
  Error error;                   ///< with another code: field, value, what would be right.
  /// records of the command: its facts, or its refusal; 0 when there are none.
  Position first = 0;
  Position last = 0;
  bool repeated = false;  ///< the id was seen before and this is the first answer again.
  Position as_of = 0;     ///< the state that the decision was made against: everything up to here.
  bool accepted() const { return code == Win32::kSuccess; }
};

/// How the commands of one submission hang together.
enum class Chain {
  kEach,          ///< every command for itself; a later one sees what the earlier ones did.
  kAllOrNothing,  ///< all are accepted or none is done; the others then have ERROR_OPERATION_ABORTED.
};

struct HandlerOptions {
  RefusalLimits refusal_limits;
  std::size_t max_batch = 8192;  ///< commands in one submission; more are ERROR_INVALID_PARAMETER.
  /// The clock may stand before the last record by so much; beyond it commands are refused until it has caught up,
  /// because records would be dated in the future.
  std::chrono::seconds max_clock_lag{3600};
};

class CommandHandler {
 public:
  /// `book` must be at log.tail(). `ids` may be nullptr: then only ids used since are known. Borrows log, ids and clock
  /// for its lifetime. Begins a new epoch of the log.
  static Result<std::unique_ptr<CommandHandler>> start(EventLog& log, LeaseBook book,
                                                       const CommandIds* ids, Clock& clock,
                                                       HandlerOptions options = {});
  ~CommandHandler();
  CommandHandler(const CommandHandler&) = delete;
  CommandHandler& operator=(const CommandHandler&) = delete;

  /// One answer for each command, in order, when they are durable. The outer error is about the submission or the
  /// storage: kIo means that the outcome is unknown and the ledger refuses everything until it is opened anew.
  Result<std::vector<Answer>> submit(const Principal& principal, std::span<const Envelope> commands,
                                     Chain chain = Chain::kEach);
  Result<Answer> submit(const Principal& principal, const Envelope& command);

  /// What submit() would answer and which facts it would record, without doing it.
  struct Preview {
    Answer answer;
    std::vector<Record> records;
  };
  Result<std::vector<Preview>> preview(const Principal& principal,
                                       std::span<const Envelope> commands,
                                       Chain chain = Chain::kEach);

  /// Calls `body` with the book as it is now; no command is decided meanwhile.
  void read_book(const std::function<void(const LeaseBook&)>& body) const;

  /// Records the counts of refusals that were left out. Called on the way to closing; appends nothing when there are none.
  Status flush_refusal_counts();

  /// Position of the last durable record.
  Position tail() const;

 private:
  struct Job;
  struct Deciding;
  struct IdKey {
    std::string actor;
    CommandId id{};
    friend bool operator==(const IdKey&, const IdKey&) = default;
  };
  struct IdKeyHash {
    std::size_t operator()(const IdKey& key) const;
  };

  CommandHandler(EventLog& log, LeaseBook book, const CommandIds* ids, Clock& clock,
                 HandlerOptions options, std::uint64_t epoch);

  void process(std::span<Job* const> jobs);
  void decide_job(Job& job, Deciding& deciding);
  Answer decide_one(const Principal& principal, const Envelope& envelope, Deciding& deciding);
  Result<std::optional<Answer>> first_answer(const Principal& principal, const Envelope& envelope,
                                             const Deciding& deciding) const;
  Result<Answer> answer_from_records(Position first, Position last, const Envelope& envelope) const;
  Answer refuse(const Principal& principal, const Envelope& envelope, Error error,
                Deciding& deciding);
  void record(const Principal& principal, const Envelope* envelope, Event event,
              Instant effective_at, Deciding& deciding);
  void add_summaries(bool all, Deciding& deciding);
  Status append(Deciding& deciding);
  void forget_projected_ids();

  EventLog& log_;
  const CommandIds* ids_;
  Clock& clock_;
  const HandlerOptions options_;
  const std::uint64_t epoch_;

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::vector<Job*> queue_;
  bool writing_ = false;

  mutable std::shared_mutex
      book_mutex_;  // guards book_; held exclusively while a batch is decided and appended
  LeaseBook book_;
  RefusalLimiter limiter_;
  // Ids of records after ids_->projected().
  std::unordered_map<IdKey, std::pair<Position, Position>, IdKeyHash> recent_ids_;
  std::uint64_t batches_ = 0;
  Status failed_;
  std::unique_ptr<Deciding> scratch_;
};

}  // namespace leaseledger
