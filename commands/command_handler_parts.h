#pragma once
// What command_handler.cc (the queue and its two stages) and command_deciding.cc (what a stage decides) share. Not installed.

#include "commands/command_handler.h"
#include "commands/decision.h"

#include <atomic>
#include <map>

namespace leaseledger {

/// One submission that waits for its answers.
struct CommandHandler::Job {
  const Principal* principal = nullptr;
  std::span<const Envelope> commands;
  Chain chain = Chain::kEach;
  std::vector<Answer> answers;
  Status status;

  // Of submit(): set when the answers are there.
  std::atomic<std::uint32_t> done{0};

  // Of submit_async(): what it owns, and whom it tells.
  Principal own_principal;
  std::vector<Envelope> own_commands;
  Completion completion;
};

/// Submissions that are appended together. Kept from one to the next for their memory.
struct CommandHandler::Group {
  std::vector<Job*> jobs;
  std::size_t commands = 0;
  RecordBatch batch;
  Status status;  // of deciding; then nothing is appended
  bool all_summaries = false;
  bool exclusive = false;  // nobody decides until it is appended
  std::uint64_t number = 0;
};

/// What is being decided. Kept from group to group for its memory.
struct CommandHandler::Deciding {
  bool dry = false;     // preview: nothing is appended, limiter and ids stay as they are
  bool staged = false;  // a chain, or dry: ids wait until all commands are accepted
  Instant now{};
  Position first = 0;  // of the group
  Position next = 0;   // position of the next record
  Instant last_recorded_at = kUnset;
  RecordBatch* batch = nullptr;
  Decision decision;        // reused
  std::string fingerprint;  // reused
  std::vector<Record> preview;
  /// Commands of this group that had an id, in the order of their first record.
  struct Used {
    Position first = 0;
    const Principal* principal = nullptr;
    const Envelope* envelope = nullptr;
    const Answer* answer = nullptr;
  };
  std::vector<Used> used;
  struct Known {
    const Envelope* envelope = nullptr;
    Answer answer;
  };
  std::map<CommandId, Known> staged_ids;  // of the chain's principal

  /// All commands of the group in their order, so that what they look up can be fetched ahead, and the next to be decided.
  struct Coming {
    const Envelope* envelope = nullptr;
    const Principal* principal = nullptr;
  };
  std::vector<Coming> coming;
  std::size_t decided = 0;

  void reset(const LeaseBook& book, Instant clock_now) {
    dry = staged = false;
    now = std::max(clock_now, book.last_recorded_at() == kUnset
                                  ? clock_now
                                  : book.last_recorded_at() + std::chrono::nanoseconds{1});
    first = next = book.position() + 1;
    last_recorded_at = book.last_recorded_at();
    batch = nullptr;
    preview.clear();
    used.clear();
    staged_ids.clear();
    coming.clear();
    decided = 0;
  }
};

}  // namespace leaseledger
