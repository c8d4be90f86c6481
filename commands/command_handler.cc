#include "commands/command_handler.h"

#include "commands/fields.h"
#include "ledger/check.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace leaseledger {
namespace {

constexpr std::size_t kMaxCause = 200;
constexpr std::size_t kMaxArgument = 512;

/// Arguments as a refusal record keeps them: bounded, with what the envelope adds.
Arguments recorded_arguments(const Envelope& envelope) {
  Arguments out = arguments_of(envelope.command);
  if (envelope.if_last_event)
    out.emplace_back("if_last_event", std::to_string(*envelope.if_last_event));
  if (envelope.effective_at)
    out.emplace_back("effective_at", format_instant(*envelope.effective_at));
  for (auto& [name, value] : out) {
    if (value.size() > kMaxArgument) value = value.substr(0, kMaxArgument) + "...";
  }
  return out;
}

Answer refusal(Error error) {
  Answer answer;
  answer.code = error.code;
  answer.error = std::move(error);
  return answer;
}

Error not_done(std::size_t index, const Answer& cause) {
  return {Win32::kOperationAborted, ErrorKind::kRefused, "", "",
          "all commands of the chain to be accepted; number " + std::to_string(index + 1) +
              " was not: " + cause.error.to_string()};
}

}  // namespace

/// One submission that waits for its answers.
struct CommandHandler::Job {
  const Principal& principal;
  std::span<const Envelope> commands;
  Chain chain = Chain::kEach;
  std::vector<Answer> answers;
  Status status;
  bool done = false;
};

/// What is being decided: the records so far and what rolls back with them. Kept from batch to batch for its memory.
struct CommandHandler::Deciding {
  bool dry = false;     // preview: nothing is appended, limiter and ids stay as they are
  bool staged = false;  // inside a chain: records wait in `stage` until all commands are accepted
  Instant now{};
  Position next = 0;  // position of the next record
  Instant last_recorded_at = kUnset;
  RecordBatch batch;
  std::vector<Record> stage;
  Record record;      // reused
  Decision decision;  // reused
  struct Known {
    std::string fingerprint;
    Answer answer;
  };
  std::unordered_map<IdKey, Known, IdKeyHash> ids;  // used in this batch

  void reset(const LeaseBook& book, Instant clock_now) {
    dry = staged = false;
    now = std::max(clock_now, book.last_recorded_at() == kUnset
                                  ? clock_now
                                  : book.last_recorded_at() + std::chrono::nanoseconds{1});
    next = book.position() + 1;
    last_recorded_at = book.last_recorded_at();
    batch.clear();
    stage.clear();
    ids.clear();
  }
};

std::size_t CommandHandler::IdKeyHash::operator()(const IdKey& key) const {
  return XXH3_64bits_withSeed(key.id.data(), key.id.size(), std::hash<std::string>{}(key.actor));
}

Result<std::unique_ptr<CommandHandler>> CommandHandler::start(EventLog& log, LeaseBook book,
                                                              const CommandIds* ids, Clock& clock,
                                                              HandlerOptions options) {
  LEASELEDGER_CHECK(book.position() == log.tail());
  LEASELEDGER_ASSIGN(const std::uint64_t epoch, log.begin_epoch());
  return std::unique_ptr<CommandHandler>(
      new CommandHandler(log, std::move(book), ids, clock, options, epoch));
}

CommandHandler::CommandHandler(EventLog& log, LeaseBook book, const CommandIds* ids, Clock& clock,
                               HandlerOptions options, std::uint64_t epoch)
    : log_(log),
      ids_(ids),
      clock_(clock),
      options_(options),
      epoch_(epoch),
      book_(std::move(book)),
      limiter_(options.refusal_limits),
      scratch_(std::make_unique<Deciding>()) {}

CommandHandler::~CommandHandler() = default;

Position CommandHandler::tail() const { return log_.tail(); }

void CommandHandler::read_book(const std::function<void(const LeaseBook&)>& body) const {
  const std::shared_lock lock(book_mutex_);
  body(book_);
}

// ---- submit: queue, lead or wait --------------------------------------------------------------------------------

Result<Answer> CommandHandler::submit(const Principal& principal, const Envelope& command) {
  LEASELEDGER_ASSIGN(auto answers, submit(principal, std::span(&command, 1)));
  return std::move(answers.front());
}

Result<std::vector<Answer>> CommandHandler::submit(const Principal& principal,
                                                   std::span<const Envelope> commands,
                                                   Chain chain) {
  if (commands.empty()) return std::vector<Answer>{};
  if (commands.size() > options_.max_batch) {
    return invalid("commands", std::to_string(commands.size()),
                   "at most " + std::to_string(options_.max_batch) + " in one submission");
  }
  Job job{principal, commands, chain, {}, {}, false};
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&job);
  queue_changed_.wait(lock, [&] { return job.done || !writing_; });
  if (!job.done) {
    writing_ = true;
    const std::vector<Job*> jobs = std::exchange(queue_, {});
    const Status failed = failed_;
    lock.unlock();
    if (failed) {
      process(jobs);
    } else {
      for (Job* each : jobs) each->status = failed;
    }
    lock.lock();
    for (Job* each : jobs) {
      if (!each->status && each->status.error().kind == ErrorKind::kIo && failed_)
        failed_ = each->status;
      each->done = true;
    }
    writing_ = false;
    queue_changed_.notify_all();
  }
  if (!job.status) return tl::unexpected(job.status.error());
  return std::move(job.answers);
}

// ---- one batch: decide everything, append once, answer ----------------------------------------------------------

void CommandHandler::process(std::span<Job* const> jobs) {
  const std::unique_lock lock(book_mutex_);
  const auto fail_all = [&](const Status& status) {
    for (Job* job : jobs) job->status = status;
  };
  const Instant clock_now = clock_.now();
  if (book_.last_recorded_at() != kUnset &&
      book_.last_recorded_at() - clock_now > options_.max_clock_lag) {
    fail_all(fail(Win32::kBusy, ErrorKind::kBusy, "clock", format_instant(clock_now),
                  "a time not long before the last record, " +
                      format_instant(book_.last_recorded_at()) +
                      "; set the machine's clock right"));
    return;
  }
  Deciding& deciding = *scratch_;
  deciding.reset(book_, clock_now);
  add_summaries(false, deciding);
  for (Job* job : jobs) decide_job(*job, deciding);
  if (const Status appended = append(deciding); !appended) fail_all(appended);
}

void CommandHandler::decide_job(Job& job, Deciding& deciding) {
  job.answers.clear();
  job.answers.reserve(job.commands.size());
  if (job.chain == Chain::kEach) {
    for (const auto& envelope : job.commands)
      job.answers.push_back(decide_one(job.principal, envelope, deciding));
    return;
  }
  const Position next = deciding.next;
  const Instant last = deciding.last_recorded_at;
  const auto ids = deciding.ids;
  if (!deciding.dry) book_.begin();
  deciding.staged = true;
  std::size_t failed_at = job.commands.size();
  for (std::size_t i = 0; i < job.commands.size() && failed_at == job.commands.size(); ++i) {
    job.answers.push_back(decide_one(job.principal, job.commands[i], deciding));
    if (!job.answers.back().accepted()) failed_at = i;
  }
  if (failed_at == job.commands.size()) {
    if (!deciding.dry) {
      book_.commit();
      deciding.staged = false;
      for (const auto& record : deciding.stage) deciding.batch.add(record);
      deciding.stage.clear();
    }
    return;
  }
  // Take everything back, then record that each command was refused: the one at fault with its own reason.
  const Answer fault = job.answers.back();
  book_.rollback();
  if (deciding.dry) book_.begin();
  deciding.staged = deciding.dry;
  deciding.stage.clear();
  deciding.next = next;
  deciding.last_recorded_at = last;
  deciding.ids = ids;
  job.answers.clear();
  for (std::size_t i = 0; i < job.commands.size(); ++i) {
    const Envelope& envelope = job.commands[i];
    if (fault.repeated && i == failed_at) {
      job.answers.push_back(fault);  // it was refused before under the same id
      continue;
    }
    auto before = envelope.id ? first_answer(job.principal, envelope, deciding)
                              : Result<std::optional<Answer>>(std::nullopt);
    if (before && *before) {
      job.answers.push_back(**before);
      continue;
    }
    job.answers.push_back(refuse(job.principal, envelope,
                                 i == failed_at ? fault.error : not_done(failed_at, fault),
                                 deciding));
  }
}

Answer CommandHandler::decide_one(const Principal& principal, const Envelope& envelope,
                                  Deciding& deciding) {
  if (envelope.id) {
    auto before = first_answer(principal, envelope, deciding);
    if (!before)
      return refusal(
          before
              .error());  // recorded by nobody: the id belongs to another command, or storage failed
    if (*before) return **before;
  }
  if (principal.role != Role::kAdministrator) {
    return refuse(
        principal, envelope,
        {Win32::kAccessDenied, ErrorKind::kDenied, "principal", principal.name,
         "a DHCP administrator; this caller's role is " + std::string(name_of(principal.role))},
        deciding);
  }
  if (envelope.cause.size() > kMaxCause) {
    return refuse(principal, envelope,
                  invalid("cause", std::to_string(envelope.cause.size()) + " characters",
                          "at most 200 characters")
                      .value(),
                  deciding);
  }
  if (auto valid = validate(envelope.command); !valid)
    return refuse(principal, envelope, std::move(valid).error(), deciding);
  if (envelope.if_last_event) {
    const LeaseKey* key = lease_key_of(envelope.command);
    if (key == nullptr) {
      return refuse(principal, envelope,
                    invalid("if_last_event", std::to_string(*envelope.if_last_event),
                            "to be given with a command about one lease")
                        .value(),
                    deciding);
    }
    if (const Position last = book_.last_event(*key); last != *envelope.if_last_event) {
      return refuse(
          principal, envelope,
          {Win32::kRevisionMismatch, ErrorKind::kConflict, "if_last_event",
           std::to_string(*envelope.if_last_event),
           "the last event of " + format_lease_key(*key) + ", which is " + std::to_string(last) +
               (last == 0 ? " (no live record)" : "") + "; read again, decide again"},
          deciding);
    }
  }
  const Moment moment{deciding.now, envelope.effective_at.value_or(deciding.now)};
  Decision& decision = deciding.decision;
  decision.clear();
  if (auto decided = decide(book_, envelope.command, moment, decision); !decided) {
    return refuse(principal, envelope, std::move(decided).error(), deciding);
  }
  Answer answer;
  answer.as_of = deciding.next - 1;
  answer.first = deciding.next;
  for (const auto& pending : decision.events()) {
    record(principal, &envelope, pending.event,
           pending.effective_at == kUnset ? moment.at : pending.effective_at, deciding);
  }
  if (decision.events().empty() &&
      (envelope.id || std::holds_alternative<ReportLease>(envelope.command))) {
    record(principal, &envelope,
           NothingChanged{std::string(name_of(envelope.command)), recorded_arguments(envelope)},
           moment.at, deciding);
  }
  answer.last = deciding.next - 1;
  if (answer.last < answer.first) answer.first = answer.last = 0;
  if (envelope.id)
    deciding.ids[{principal.name, *envelope.id}] = {fingerprint_of(envelope), answer};
  return answer;
}

Answer CommandHandler::refuse(const Principal& principal, const Envelope& envelope, Error error,
                              Deciding& deciding) {
  Answer answer;
  answer.as_of = deciding.next - 1;
  RefusalLimiter::Verdict verdict;
  if (!deciding.dry) verdict = limiter_.admit(principal, error.code, deciding.now);
  if (!verdict.record && envelope.id) {
    if (principal.role == Role::kAdministrator) {
      // an id must get its first answer again, so this one is recorded; it was counted as left out
      verdict.record = true;
    } else {
      answer.code = Win32::kBusy;
      answer.error = {
          Win32::kBusy, ErrorKind::kBusy, "principal", principal.name,
          "fewer refused commands a minute; this one was not decided and its id not used"};
      return answer;
    }
  }
  answer.code = error.code;
  if (verdict.record) {
    CommandRefused refused;
    refused.command = name_of(envelope.command);
    refused.code = error.code;
    refused.suppressed = verdict.suppressed_before;
    refused.field = error.field;
    refused.value = error.value.size() > kMaxArgument ? error.value.substr(0, kMaxArgument) + "..."
                                                      : error.value;
    refused.expected = error.expected;
    refused.arguments = recorded_arguments(envelope);
    answer.first = answer.last = deciding.next;
    record(principal, &envelope, std::move(refused), deciding.now, deciding);
  }
  answer.error = std::move(error);
  if (envelope.id)
    deciding.ids[{principal.name, *envelope.id}] = {fingerprint_of(envelope), answer};
  return answer;
}

void CommandHandler::record(const Principal& principal, const Envelope* envelope, Event event,
                            Instant effective_at, Deciding& deciding) {
  Record& out = deciding.record;
  out.position = deciding.next++;
  out.recorded_at =
      deciding.last_recorded_at == kUnset
          ? deciding.now
          : std::max(deciding.now, deciding.last_recorded_at + std::chrono::nanoseconds{1});
  deciding.last_recorded_at = out.recorded_at;
  out.effective_at = effective_at;
  out.actor = principal.name;
  out.door = principal.door;
  out.command_id.reset();
  out.fingerprint.clear();
  out.cause.clear();
  if (envelope != nullptr) {
    out.command_id = envelope->id;
    if (envelope->id) out.fingerprint = fingerprint_of(*envelope);
    out.cause = envelope->cause.substr(0, kMaxCause);
  }
  out.event = std::move(event);
  LEASELEDGER_CHECK_OK(evolve(book_, out));  // decide() has promised that its facts fit the book
  if (deciding.staged) {
    deciding.stage.push_back(out);
  } else {
    deciding.batch.add(out);
  }
}

void CommandHandler::add_summaries(bool all, Deciding& deciding) {
  for (const auto& summary : limiter_.take_summaries(deciding.now, all)) {
    CommandRefused refused;
    refused.code = summary.code;
    refused.suppressed = summary.suppressed;
    refused.expected =
        "fewer refused commands a minute; these were answered but not recorded one by one";
    record(summary.principal, nullptr, std::move(refused), deciding.now, deciding);
  }
}

Status CommandHandler::append(Deciding& deciding) {
  if (deciding.batch.empty()) return {};
  AppendRequest request{deciding.batch.first_position() - 1, epoch_, {}, deciding.batch};
  ++batches_;
  for (std::size_t i = 0; i < 8; ++i) {
    request.batch_id[i] = static_cast<std::uint8_t>(epoch_ >> (8 * i));
    request.batch_id[i + 8] = static_cast<std::uint8_t>(batches_ >> (8 * i));
  }
  const auto appended = log_.append(request);
  if (!appended) {
    Error error = appended.error();
    error.kind = ErrorKind::
        kIo;  // whatever it was: the book is ahead of the log now, so this handler must not go on
    return tl::unexpected(std::move(error));
  }
  if (appended->outcome != Appended::Outcome::kAppended) {
    return fail(
        Win32::kRetry, ErrorKind::kIo, "log", std::to_string(appended->tail),
        "to be written by this process alone; another writer has begun, open the ledger anew");
  }
  for (auto& [key, known] : deciding.ids) {
    if (known.answer.first != 0) recent_ids_[key] = {known.answer.first, known.answer.last};
  }
  forget_projected_ids();
  return {};
}

// ---- ids that were used before ----------------------------------------------------------------------------------

Result<std::optional<Answer>> CommandHandler::first_answer(const Principal& principal,
                                                           const Envelope& envelope,
                                                           const Deciding& deciding) const {
  const IdKey key{principal.name, *envelope.id};
  if (const auto it = deciding.ids.find(key); it != deciding.ids.end()) {
    if (const auto field = differing_field(envelope, it->second.fingerprint)) {
      return invalid(*field, format_command_id(*envelope.id),
                     "the same command as before under this id, or another id");
    }
    Answer answer = it->second.answer;
    answer.repeated = true;
    return std::optional(std::move(answer));
  }
  if (const auto it = recent_ids_.find(key); it != recent_ids_.end()) {
    LEASELEDGER_ASSIGN(Answer answer,
                       answer_from_records(it->second.first, it->second.second, envelope));
    return std::optional(std::move(answer));
  }
  if (ids_ == nullptr) return std::optional<Answer>();
  LEASELEDGER_ASSIGN(const auto found, ids_->find(principal.name, *envelope.id));
  if (!found) return std::optional<Answer>();
  LEASELEDGER_ASSIGN(Answer answer, answer_from_records(found->first, found->second, envelope));
  return std::optional(std::move(answer));
}

Result<Answer> CommandHandler::answer_from_records(Position first, Position last,
                                                   const Envelope& envelope) const {
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, first));
  if (const auto field = differing_field(envelope, record.fingerprint)) {
    return invalid(*field, format_command_id(*envelope.id),
                   "the same command as before under this id (position " + std::to_string(first) +
                       "), or another id");
  }
  Answer answer;
  answer.first = first;
  answer.last = last;
  answer.as_of = first - 1;
  answer.repeated = true;
  if (const auto* refused = std::get_if<CommandRefused>(&record.event)) {
    answer.code = refused->code;
    answer.error = {refused->code, ErrorKind::kRefused, refused->field, refused->value,
                    refused->expected};
  }
  return answer;
}

void CommandHandler::forget_projected_ids() {
  // Amortised: only when the map has doubled since it was last swept would sweeping be cheap enough to do often.
  if (ids_ == nullptr || recent_ids_.size() < 4096 || (batches_ & 255) != 0) return;
  const Position projected = ids_->projected();
  std::erase_if(recent_ids_,
                [projected](const auto& entry) { return entry.second.second <= projected; });
}

// ---- preview and closing ----------------------------------------------------------------------------------------

Result<std::vector<CommandHandler::Preview>> CommandHandler::preview(
    const Principal& principal, std::span<const Envelope> commands, Chain chain) {
  const std::unique_lock lock(book_mutex_);
  Deciding deciding;
  deciding.reset(book_, clock_.now());
  deciding.dry = true;
  deciding.staged = true;
  book_.begin();
  Job job{principal, commands, chain, {}, {}, false};
  decide_job(job, deciding);
  book_.rollback();
  std::vector<Preview> out;
  for (auto& answer : job.answers) {
    Preview preview{std::move(answer), {}};
    for (const auto& record : deciding.stage) {
      if (preview.answer.first != 0 && record.position >= preview.answer.first &&
          record.position <= preview.answer.last) {
        preview.records.push_back(record);
      }
    }
    out.push_back(std::move(preview));
  }
  return out;
}

Status CommandHandler::flush_refusal_counts() {
  std::unique_lock queue_lock(queue_mutex_);
  queue_changed_.wait(queue_lock, [&] { return !writing_; });
  if (!failed_) return failed_;
  writing_ = true;
  queue_lock.unlock();
  Status status;
  {
    const std::unique_lock lock(book_mutex_);
    scratch_->reset(book_, clock_.now());
    add_summaries(true, *scratch_);
    status = append(*scratch_);
  }
  queue_lock.lock();
  if (!status && failed_) failed_ = status;
  writing_ = false;
  queue_changed_.notify_all();
  return status;
}

}  // namespace leaseledger
