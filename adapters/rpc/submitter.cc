#include "adapters/rpc/submitter.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace leaseledger::rpc {
namespace {

using Steady = std::chrono::steady_clock;

/// What arrives together is put together up to so many commands.
constexpr std::size_t kMostTogether = 4096;

}  // namespace

/// Commands of one connection on their way through the writer, and who waits for which of the answers.
struct Submitter::Submission {
  std::shared_ptr<const Principal> principal;
  std::shared_ptr<Ledger> ledger;
  std::vector<Envelope> commands;   // until they are handed over
  std::vector<std::uint8_t> kinds;  // of each command, for as long as the submission lives
  Chain chain = Chain::kEach;
  Steady::time_point since = Steady::now();
  struct Part {
    std::size_t commands = 0;
    kj::Own<kj::PromiseFulfiller<Result<std::vector<Answer>>>> fulfiller;
  };
  std::vector<Part> parts;
};

Submitter::Submitter(LedgerKeeper& keeper, Mailbox& mailbox, Observer& observer)
    : keeper_(keeper), mailbox_(mailbox), observer_(observer), tasks_(*this) {}

Submitter::~Submitter() = default;

kj::Promise<Result<std::vector<Answer>>> Submitter::submit(
    std::shared_ptr<const Principal> principal, std::vector<Envelope> commands, Chain chain) {
  if (commands.empty()) return Result<std::vector<Answer>>(std::vector<Answer>{});
  auto paf = kj::newPromiseAndFulfiller<Result<std::vector<Answer>>>();
  const std::size_t count = commands.size();
  waiting_ += count;
  Submission* last = open_.empty() ? nullptr : open_.back().get();
  const bool together = last != nullptr && last->principal == principal &&
                        last->chain == Chain::kEach && chain == Chain::kEach &&
                        last->commands.size() + count <= kMostTogether;
  if (!together) {
    last = open_.emplace_back(std::make_unique<Submission>()).get();
    last->principal = std::move(principal);
    last->chain = chain;
    last->commands = std::move(commands);
  } else {
    last->commands.insert(last->commands.end(), std::make_move_iterator(commands.begin()),
                          std::make_move_iterator(commands.end()));
  }
  for (auto i = last->kinds.size(); i < last->commands.size(); ++i)
    last->kinds.push_back(static_cast<std::uint8_t>(last->commands[i].command.index()));
  last->parts.push_back({count, kj::mv(paf.fulfiller)});
  if (!flush_scheduled_) {
    flush_scheduled_ = true;
    tasks_.add(kj::evalLast([this] { flush(); }));
  }
  return kj::mv(paf.promise);
}

void Submitter::flush() {
  flush_scheduled_ = false;
  for (auto& each : std::exchange(open_, {})) {
    auto ledger = keeper_.for_commands();
    if (!ledger) {
      answered(std::move(each), tl::unexpected(ledger.error()));
      continue;
    }
    each->ledger = std::move(*ledger);
    Submission* submission = each.release();
    Ledger& target = *submission->ledger;
    target.submit_async(*submission->principal, std::move(submission->commands), submission->chain,
                        [this, submission](Result<std::vector<Answer>> answers) {
                          mailbox_.post([this, submission, answers = std::move(answers)]() mutable {
                            answered(std::unique_ptr<Submission>(submission), std::move(answers));
                          });
                        });
  }
}

void Submitter::answered(std::unique_ptr<Submission> submission,
                         Result<std::vector<Answer>> answers) {
  submission->ledger = nullptr;
  waiting_ -= submission->kinds.size();
  if (answers) {
    observer_.answered(submission->kinds, *answers,
                       std::chrono::duration<double>(Steady::now() - submission->since).count());
  } else {
    keeper_.noticed(answers.error());
    observer_.submission_refused(submission->kinds.size(), answers.error().code);
  }
  auto next = answers ? answers->begin() : std::vector<Answer>::iterator();
  for (auto& part : submission->parts) {
    if (!answers) {
      part.fulfiller->fulfill(tl::unexpected(answers.error()));
    } else if (submission->parts.size() == 1) {
      part.fulfiller->fulfill(std::move(*answers));
    } else {
      const auto end = next + static_cast<std::ptrdiff_t>(part.commands);
      part.fulfiller->fulfill(
          std::vector<Answer>(std::make_move_iterator(next), std::make_move_iterator(end)));
      next = end;
    }
  }
  notice_growth();
  if (waiting_ == 0) {
    for (auto& each : std::exchange(settling_, {})) each->fulfill();
  }
}

kj::Promise<void> Submitter::settled() {
  if (waiting_ == 0) return kj::READY_NOW;
  auto paf = kj::newPromiseAndFulfiller<void>();
  settling_.push_back(kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

kj::Promise<void> Submitter::grown() {
  auto paf = kj::newPromiseAndFulfiller<void>();
  growing_.push_back(kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

void Submitter::notice_growth() {
  for (auto& each : std::exchange(growing_, {})) each->fulfill();
}

void Submitter::taskFailed(kj::Exception&& exception) {
  spdlog::error("rpc.submitting_failed error=\"{}\"", kj::str(exception).cStr());
}

}  // namespace leaseledger::rpc
