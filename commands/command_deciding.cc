// What the first stage of the command handler does with a group: ids, roles, preconditions, rules, facts, refusals.

#include "commands/command_handler.h"
#include "commands/command_handler_parts.h"
#include "commands/fields.h"
#include "ledger/check.h"
#include "ledger/prefetch.h"

#include <algorithm>

namespace leaseledger {
namespace {

constexpr std::size_t kMaxCause = 200;
constexpr std::size_t kMaxArgument = 512;
/// So many commands ahead, they themselves, what they will look up, and then what was found are fetched from memory.
constexpr std::size_t kCommandAhead = 20;
constexpr std::size_t kLookUpAhead = 10;
constexpr std::size_t kLeaseAhead = 5;

const std::string kNothing;

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

Error another_command(std::string field, const CommandId& id, const std::string& where) {
  return invalid(std::move(field), format_command_id(id),
                 "the same command as before under this id" + where + ", or another id")
      .value();
}

}  // namespace

// ---- a group, its submissions, their commands ---------------------------------------------------------------------

void CommandHandler::decide_group(Group& group) {
  const std::unique_lock book(book_mutex_);
  const Instant clock_now = clock_.now();
  if (group.status && book_.last_recorded_at() != kUnset &&
      book_.last_recorded_at() - clock_now > options_.max_clock_lag) {
    group.status =
        fail(Win32::kBusy, ErrorKind::kBusy, "clock", format_instant(clock_now),
             "a time not long before the last record, " + format_instant(book_.last_recorded_at()) +
                 "; set the machine's clock right");
  }
  group.number = ++groups_;
  if (group.status) {
    if (ids_ != nullptr) recent_ids_.forget(ids_->projected());
    Deciding& deciding = *scratch_;
    deciding.reset(book_, clock_now);
    deciding.batch = &group.batch;
    add_summaries(group.all_summaries, deciding);
    for (const Job* job : group.jobs) {
      for (const Envelope& envelope : job->commands)
        deciding.coming.push_back({&envelope, job->principal});
    }
    for (Job* job : group.jobs) decide_job(*job, deciding);
  }
  const std::lock_guard lock(mutex_);
  ++undurable_;  // while the book is held, so that read_book() never sees it ahead of the log
}

void CommandHandler::decide_job(Job& job, Deciding& deciding) {
  job.answers.clear();
  job.answers.reserve(job.commands.size());  // so that answers stay where they are
  if (job.chain == Chain::kAllOrNothing) return decide_chain(job, deciding);
  for (const Envelope& envelope : job.commands) {
    fetch_ahead(deciding);
    const Answer& answer = job.answers.emplace_back(decide_one(*job.principal, envelope, deciding));
    if (envelope.id && !answer.repeated && answer.first >= deciding.first)
      deciding.used.push_back({answer.first, job.principal, &envelope, &answer});
  }
}

/// One step along the commands that come after the one that is decided now.
void CommandHandler::fetch_ahead(Deciding& deciding) const {
  const auto& coming = deciding.coming;
  const std::size_t at = deciding.decided++;
  if (at + kCommandAhead < coming.size()) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(coming[at + kCommandAhead].envelope);
    for (std::size_t line = 0; line < sizeof(Envelope); line += 64) prefetch_line(octets + line);
  }
  if (at + kLookUpAhead < coming.size()) {
    const auto& [envelope, principal] = coming[at + kLookUpAhead];
    if (const auto* create = std::get_if<CreateClient>(&envelope->command)) {
      book_.prefetch(create->key);
      const Subnet* subnet = book_.subnet_of(create->key);
      if (subnet != nullptr)
        book_.prefetch_client(subnet->id, create->duid, create->iaid,
                              create->type.value_or(LeaseType::kNa));
    } else if (const LeaseKey* key = lease_key_of(envelope->command)) {
      book_.prefetch(*key);
    }
    if (envelope->id) recent_ids_.prefetch(RecentIds::actor_number(principal->name), *envelope->id);
  }
  if (at + kLeaseAhead < coming.size()) {
    const Command& command = coming[at + kLeaseAhead].envelope->command;
    if (std::holds_alternative<CreateClient>(command)) return;  // mostly none is there
    if (const LeaseKey* key = lease_key_of(command)) book_.prefetch_slot(*key);
  }
}

void CommandHandler::decide_chain(Job& job, Deciding& deciding) {
  const Principal& principal = *job.principal;
  const Position next = deciding.next;
  const Instant last = deciding.last_recorded_at;
  const std::size_t records = deciding.dry ? 0 : deciding.batch->size();
  if (!deciding.dry) book_.begin();
  deciding.staged = true;
  std::size_t failed_at = job.commands.size();
  deciding.decided += job.commands.size();
  for (std::size_t i = 0; i < job.commands.size() && failed_at == job.commands.size(); ++i) {
    job.answers.push_back(decide_one(principal, job.commands[i], deciding));
    if (!job.answers.back().accepted()) failed_at = i;
  }
  deciding.staged = deciding.dry;
  if (failed_at == job.commands.size()) {
    if (deciding.dry) return;
    book_.commit();
    deciding.staged_ids.clear();
    for (std::size_t i = 0; i < job.commands.size(); ++i) {
      const Envelope& envelope = job.commands[i];
      const Answer& answer = job.answers[i];
      if (!envelope.id || answer.repeated || answer.first < next) continue;
      remember_id(principal, envelope, answer, deciding);
      deciding.used.push_back({answer.first, job.principal, &envelope, &answer});
    }
    return;
  }
  // Take everything back, then record that each command was refused: the one at fault with its own reason.
  const Answer fault = job.answers.back();
  book_.rollback();
  if (deciding.dry) {
    book_.begin();
    deciding.preview.clear();
  } else {
    deciding.batch->truncate(records, last);
  }
  deciding.staged_ids.clear();
  deciding.next = next;
  deciding.last_recorded_at = last;
  job.answers.clear();
  for (std::size_t i = 0; i < job.commands.size(); ++i) {
    const Envelope& envelope = job.commands[i];
    if (fault.repeated && i == failed_at) {
      job.answers.push_back(fault);  // it was refused before under the same id
      continue;
    }
    auto before = envelope.id ? first_answer(principal, envelope, deciding)
                              : Result<std::optional<Answer>>(std::nullopt);
    if (before && *before) {
      job.answers.push_back(std::move(**before));
      continue;
    }
    const Answer& answer = job.answers.emplace_back(refuse(
        principal, envelope, i == failed_at ? fault.error : not_done(failed_at, fault), deciding));
    if (envelope.id && !deciding.dry && answer.first >= next)
      deciding.used.push_back({answer.first, job.principal, &envelope, &answer});
  }
}

Answer CommandHandler::decide_one(const Principal& principal, const Envelope& envelope,
                                  Deciding& deciding) {
  if (envelope.id) {
    auto before = first_answer(principal, envelope, deciding);
    // recorded by nobody: the id belongs to another command, or storage failed
    if (!before) return refusal(std::move(before).error());
    if (*before) return std::move(**before);
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
  remember_id(principal, envelope, answer, deciding);
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
  remember_id(principal, envelope, answer, deciding);
  return answer;
}

// ---- facts ------------------------------------------------------------------------------------------------------

void CommandHandler::record(const Principal& principal, const Envelope* envelope,
                            const Event& event, Instant effective_at, Deciding& deciding) {
  const Position position = deciding.next++;
  const Instant recorded_at =
      deciding.last_recorded_at == kUnset
          ? deciding.now
          : std::max(deciding.now, deciding.last_recorded_at + std::chrono::nanoseconds{1});
  deciding.last_recorded_at = recorded_at;
  // decide() has promised that its facts fit the book
  LEASELEDGER_CHECK_OK(evolve(book_, position, recorded_at, effective_at, event));
  const bool has_id = envelope != nullptr && envelope->id;
  deciding.fingerprint.clear();
  if (has_id) fingerprint_into(*envelope, deciding.fingerprint);
  std::string cut;
  const std::string* cause = envelope == nullptr ? &kNothing : &envelope->cause;
  if (cause->size() > kMaxCause) {
    cut = cause->substr(0, kMaxCause);
    cause = &cut;
  }
  const RecordView view{position,
                        recorded_at,
                        effective_at,
                        principal.name,
                        principal.door,
                        has_id ? &*envelope->id : nullptr,
                        deciding.fingerprint,
                        *cause,
                        event};
  if (!deciding.dry) return deciding.batch->add(view);
  Record& out = deciding.preview.emplace_back();
  out.position = position;
  out.recorded_at = recorded_at;
  out.effective_at = effective_at;
  out.actor = view.actor;
  out.door = view.door;
  if (has_id) out.command_id = envelope->id;
  out.fingerprint = view.fingerprint;
  out.cause = view.cause;
  out.event = event;
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

// ---- ids that were used before ----------------------------------------------------------------------------------

void CommandHandler::remember_id(const Principal& principal, const Envelope& envelope,
                                 const Answer& answer, Deciding& deciding) {
  if (!envelope.id) return;
  if (deciding.staged) {
    deciding.staged_ids[*envelope.id] = {&envelope, answer};
  } else if (answer.first != 0) {
    recent_ids_.insert(RecentIds::actor_number(principal.name), *envelope.id,
                       {answer.first, answer.last});
  }
}

Result<std::optional<Answer>> CommandHandler::first_answer(const Principal& principal,
                                                           const Envelope& envelope,
                                                           const Deciding& deciding) {
  const CommandId& id = *envelope.id;
  const auto again = [&](const Envelope& before, Answer answer) -> Result<std::optional<Answer>> {
    if (auto field = differing_field(envelope, fingerprint_of(before)))
      return tl::unexpected(another_command(std::move(*field), id, ""));
    answer.repeated = true;
    return std::optional(std::move(answer));
  };
  if (deciding.staged) {
    if (const auto it = deciding.staged_ids.find(id); it != deciding.staged_ids.end())
      return again(*it->second.envelope, it->second.answer);
  }
  // Recent ones first, then those that are in the views alone.
  const std::uint64_t actor = RecentIds::actor_number(principal.name);
  Result<std::optional<Answer>> out;
  recent_ids_.find(actor, id, [&](IdPositions positions) {
    if (positions.first >= deciding.first) {
      const auto used =
          std::ranges::lower_bound(deciding.used, positions.first, {}, &Deciding::Used::first);
      LEASELEDGER_CHECK(used != deciding.used.end() && used->first == positions.first);
      if (*used->envelope->id != id || used->principal->name != principal.name) return false;
      out = again(*used->envelope, *used->answer);
      return true;
    }
    out = answer_from_records(positions, principal, envelope);
    return !out || out->has_value();
  });
  if (!out || *out || ids_ == nullptr) return out;
  LEASELEDGER_ASSIGN(const bool is_new, recent_ids_.is_new(actor, principal.name, id, *ids_));
  if (is_new) return out;
  LEASELEDGER_ASSIGN(const auto found, ids_->find(principal.name, id));
  if (!found) return out;
  return answer_from_records({found->first, found->second}, principal, envelope);
}

/// nullopt when the record there is of another command.
Result<std::optional<Answer>> CommandHandler::answer_from_records(IdPositions positions,
                                                                  const Principal& principal,
                                                                  const Envelope& envelope) {
  wait_until_durable(positions.first);
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, positions.first));
  if (record.command_id != envelope.id || record.actor != principal.name)
    return std::optional<Answer>();
  if (auto field = differing_field(envelope, record.fingerprint)) {
    return tl::unexpected(another_command(std::move(*field), *envelope.id,
                                          " (position " + std::to_string(positions.first) + ")"));
  }
  Answer answer;
  answer.first = answer.last = positions.first;
  if (positions.last != 0) {
    answer.last = positions.last;
  } else {  // more than are counted: it ends where another command begins
    Record next;
    Status status;
    LEASELEDGER_TRY(log_.read(positions.first + 1, log_.tail(), Direction::kForward,
                              [&](const StoredRecord& stored) {
                                status = decode_record(stored.bytes, next);
                                if (!status || next.command_id != envelope.id) return false;
                                answer.last = stored.position;
                                return true;
                              }));
    LEASELEDGER_TRY(status);
  }
  answer.as_of = positions.first - 1;
  answer.repeated = true;
  if (const auto* refused = std::get_if<CommandRefused>(&record.event)) {
    answer.code = refused->code;
    answer.error = {refused->code, ErrorKind::kRefused, refused->field, refused->value,
                    refused->expected};
  }
  return std::optional(std::move(answer));
}

// ---- preview ----------------------------------------------------------------------------------------------------

Result<std::vector<CommandHandler::Preview>> CommandHandler::preview(
    const Principal& principal, std::span<const Envelope> commands, Chain chain) {
  const std::unique_lock book(book_mutex_);
  Deciding deciding;
  deciding.reset(book_, clock_.now());
  deciding.dry = true;
  deciding.staged = true;
  book_.begin();
  Job job;
  job.principal = &principal;
  job.commands = commands;
  job.chain = chain;
  decide_job(job, deciding);
  book_.rollback();
  std::vector<Preview> out;
  for (auto& answer : job.answers) {
    Preview preview{std::move(answer), {}};
    for (const auto& record : deciding.preview) {
      if (preview.answer.first != 0 && record.position >= preview.answer.first &&
          record.position <= preview.answer.last) {
        preview.records.push_back(record);
      }
    }
    out.push_back(std::move(preview));
  }
  return out;
}

}  // namespace leaseledger
