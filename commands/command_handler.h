#pragma once
// From commands to durable facts: validate, decide, append, evolve, answer. The only writer of a log.
// Flow: adapters/* -> [command_handler.h] -> ledger/event_log.h
//
// Commands go through two stages. Deciding takes everything that waits, decides it in order against the book and encodes the
// facts; appending writes them with one fsync and answers all (group commit). While one group is being synced the next is
// decided, but only once enough wait: small groups would cost more syncs than the overlap saves. A caller who finds nobody
// else does both stages himself, without a thread of the handler's.

#include "commands/command.h"
#include "commands/command_ids.h"
#include "commands/principal.h"
#include "commands/recent_ids.h"
#include "commands/refusal_limiter.h"
#include "ledger/event_log.h"
#include "ledger/lease_book.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
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
  /// commands that may wait to be decided; beyond it a submission is answered ERROR_BUSY at once.
  std::size_t max_waiting = std::size_t{1} << 18;
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
  /// storage: kBusy, too much waits already, nothing was done; kIo, the outcome is unknown and the ledger refuses everything
  /// until it is opened anew.
  Result<std::vector<Answer>> submit(const Principal& principal, std::span<const Envelope> commands,
                                     Chain chain = Chain::kEach);
  Result<Answer> submit(const Principal& principal, const Envelope& command);

  /// The same without waiting. `done` is called once, from a thread of the handler's (or from this one, when the submission
  /// is refused as a whole): it must be quick, and must neither submit() and wait nor
  /// read_book(), both of which wait for it. Submissions are decided and answered in the
  /// order in which they were made, one at a time. The destructor waits for all.
  using Completion = std::function<void(Result<std::vector<Answer>>)>;
  void submit_async(Principal principal, std::vector<Envelope> commands, Chain chain,
                    Completion done);

  /// What submit() would answer and which facts it would record, without doing it.
  struct Preview {
    Answer answer;
    std::vector<Record> records;
  };
  Result<std::vector<Preview>> preview(const Principal& principal,
                                       std::span<const Envelope> commands,
                                       Chain chain = Chain::kEach);

  /// Calls `body` with the book as of the last durable record; no command is decided meanwhile.
  void read_book(const std::function<void(const LeaseBook&)>& body) const;

  /// Records the counts of refusals that were left out. Called on the way to closing; appends nothing when there are none.
  Status flush_refusal_counts();

  /// Position of the last durable record.
  Position tail() const;

 private:
  struct Job;
  struct Group;
  struct Deciding;
  struct StagedId;

  CommandHandler(EventLog& log, LeaseBook book, const CommandIds* ids, Clock& clock,
                 HandlerOptions options, std::uint64_t epoch);

  // The road of a submission, in its order.
  Status admit(std::size_t commands) const;
  void enqueue(Job& job);
  bool worth_deciding() const;
  std::unique_ptr<Group> take_group();
  void decide_loop();
  void linger(std::unique_lock<std::mutex>& lock);
  void gather(std::unique_lock<std::mutex>& lock);
  void decide_group(Group& group);
  void decide_job(Job& job, Deciding& deciding);
  void decide_chain(Job& job, Deciding& deciding);
  void fetch_ahead(Deciding& deciding) const;
  Answer decide_one(const Principal& principal, const Envelope& envelope, Deciding& deciding);
  void record(const Principal& principal, const Envelope* envelope, const Event& event,
              Instant effective_at, Deciding& deciding);
  Answer refuse(const Principal& principal, const Envelope& envelope, Error error,
                Deciding& deciding);
  void remember_id(const Principal& principal, const Envelope& envelope, const Answer& answer,
                   Deciding& deciding);
  void append_loop();
  void append_group(std::unique_ptr<Group> group);
  Status append(Group& group);
  static void complete(Job& job);

  Result<std::optional<Answer>> first_answer(const Principal& principal, const Envelope& envelope,
                                             const Deciding& deciding);
  Result<std::optional<Answer>> answer_from_records(IdPositions positions,
                                                    const Principal& principal,
                                                    const Envelope& envelope);
  void wait_until_durable(Position position);
  void add_summaries(bool all, Deciding& deciding);

  EventLog& log_;
  const CommandIds* ids_;
  Clock& clock_;
  const HandlerOptions options_;
  const std::uint64_t epoch_;

  // ---- the queue and who works on it ----
  mutable std::mutex
      mutex_;  // guards everything down to the book; never held while deciding or appending
  std::condition_variable work_;             // for decide_loop()
  std::condition_variable appends_;          // for append_loop()
  mutable std::condition_variable settled_;  // a group has been answered
  std::vector<Job*> queue_;
  std::size_t waiting_ = 0;    // commands in queue_
  bool deciding_ = false;      // somebody decides
  std::size_t undurable_ = 0;  // groups that are decided and not answered
  double crowd_ = 0;           // submissions that came together lately
  std::vector<std::unique_ptr<Group>> to_append_;
  std::vector<std::unique_ptr<Group>> spare_;
  Position durable_ = 0;
  Status failed_;
  bool stopping_ = false;
  std::thread decider_;
  std::thread appender_;

  // ---- the book and what goes with it ----
  mutable std::shared_mutex book_mutex_;  // held exclusively while a group is decided
  LeaseBook book_;
  RefusalLimiter limiter_;
  RecentIds recent_ids_;
  std::uint64_t groups_ = 0;
  std::unique_ptr<Deciding> scratch_;
};

}  // namespace leaseledger
