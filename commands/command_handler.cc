// The road of a submission: queue, decide, append, answer. What is decided: command_deciding.cc.

#include "commands/command_handler.h"

#include "commands/command_handler_parts.h"
#include "ledger/check.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leaseledger {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// While a group is being appended the next is decided only when so many commands wait: deciding fewer takes less time than
/// is lost by cutting the groups smaller.
constexpr std::size_t kDecideAheadFrom = 256;
/// Groups that are decided and not durable.
constexpr std::size_t kMostUndurable = 4;
/// Commands that are decided together; a submission is never cut.
constexpr std::size_t kMostInGroup = 4096;
/// Callers that were answered together come again together: the first of them is worth waiting for the others so long.
constexpr auto kPatience = std::chrono::microseconds(60);
/// How long the deciding thread stays awake for the next command of a lone caller.
constexpr auto kLinger = std::chrono::microseconds(100);

Error too_much(std::size_t waiting, std::size_t most) {
  return {Win32::kBusy, ErrorKind::kBusy, "commands", std::to_string(waiting) + " waiting",
          "at most " + std::to_string(most) + " to wait; nothing was done, try again later"};
}

}  // namespace

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
      durable_(log.tail()),
      book_(std::move(book)),
      limiter_(options.refusal_limits),
      scratch_(std::make_unique<Deciding>()) {}

CommandHandler::~CommandHandler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (decider_.joinable()) decider_.join();
  appends_.notify_all();
  if (appender_.joinable()) appender_.join();
}

Position CommandHandler::tail() const { return log_.tail(); }

void CommandHandler::read_book(const std::function<void(const LeaseBook&)>& body) const {
  const std::shared_lock book(book_mutex_);
  {
    // The book is ahead of the log by what is being appended; no more is decided while this lock is held.
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [this] { return undurable_ == 0; });
  }
  body(book_);
}

// ---- submitting -------------------------------------------------------------------------------------------------

Result<Answer> CommandHandler::submit(const Principal& principal, const Envelope& command) {
  LEASELEDGER_ASSIGN(auto answers, submit(principal, std::span(&command, 1)));
  return std::move(answers.front());
}

Result<std::vector<Answer>> CommandHandler::submit(const Principal& principal,
                                                   std::span<const Envelope> commands,
                                                   Chain chain) {
  if (commands.empty()) return std::vector<Answer>{};
  Job job;
  job.principal = &principal;
  job.commands = commands;
  job.chain = chain;
  std::unique_lock lock(mutex_);
  LEASELEDGER_TRY(admit(commands.size()));
  const bool alone = queue_.empty() && !deciding_ && undurable_ == 0 && crowd_ < 1.5;
  enqueue(job);
  if (alone) {
    auto group = take_group();
    group->exclusive = true;
    lock.unlock();
    decide_group(*group);
    append_group(std::move(group));
  } else {
    if (!decider_.joinable()) decider_ = std::thread([this] { decide_loop(); });
    const bool wake = worth_deciding();
    lock.unlock();
    if (wake) work_.notify_one();
    job.done.wait(0, std::memory_order_acquire);
  }
  if (!job.status) return tl::unexpected(std::move(job.status).error());
  return std::move(job.answers);
}

void CommandHandler::submit_async(Principal principal, std::vector<Envelope> commands, Chain chain,
                                  Completion done) {
  if (commands.empty()) return done(std::vector<Answer>{});
  auto job = std::make_unique<Job>();
  job->own_principal = std::move(principal);
  job->own_commands = std::move(commands);
  job->principal = &job->own_principal;
  job->commands = job->own_commands;
  job->chain = chain;
  job->completion = std::move(done);
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    if (const auto admitted = admit(job->commands.size()); !admitted) {
      lock.unlock();
      return job->completion(tl::unexpected(admitted.error()));
    }
    if (!decider_.joinable()) decider_ = std::thread([this] { decide_loop(); });
    enqueue(*job.release());
    wake = worth_deciding();
  }
  if (wake) work_.notify_one();
}

Status CommandHandler::admit(std::size_t commands) const {
  if (commands > options_.max_batch) {
    return invalid("commands", std::to_string(commands),
                   "at most " + std::to_string(options_.max_batch) + " in one submission");
  }
  if (!failed_) return failed_;
  if (waiting_ + commands > options_.max_waiting)
    return tl::unexpected(too_much(waiting_, options_.max_waiting));
  return {};
}

void CommandHandler::enqueue(Job& job) {
  queue_.push_back(&job);
  waiting_ += job.commands.size();
}

bool CommandHandler::worth_deciding() const {
  if (queue_.empty() || deciding_) return false;
  return undurable_ == 0 || (undurable_ < kMostUndurable && waiting_ >= kDecideAheadFrom);
}

/// What waits, as far as it fits into one group. From here on somebody decides.
std::unique_ptr<CommandHandler::Group> CommandHandler::take_group() {
  std::unique_ptr<Group> group;
  if (spare_.empty()) {
    group = std::make_unique<Group>();
  } else {
    group = std::move(spare_.back());
    spare_.pop_back();
  }
  std::size_t taken = 0;
  while (taken < queue_.size() &&
         (taken == 0 || group->commands + queue_[taken]->commands.size() <= kMostInGroup)) {
    group->commands += queue_[taken]->commands.size();
    group->jobs.push_back(queue_[taken]);
    ++taken;
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken));
  waiting_ -= group->commands;
  group->status = failed_;
  deciding_ = true;
  return group;
}

// ---- the two stages ---------------------------------------------------------------------------------------------

void CommandHandler::decide_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    linger(lock);
    work_.wait(lock, [this] { return (stopping_ && queue_.empty()) || worth_deciding(); });
    if (queue_.empty()) return;
    gather(lock);
    auto group = take_group();
    // Only when nothing is on its way to the log, or the order would be lost.
    group->exclusive = undurable_ == 0 && group->commands < kDecideAheadFrom;
    lock.unlock();
    decide_group(*group);
    if (group->exclusive) {
      append_group(std::move(group));
      lock.lock();
      continue;
    }
    lock.lock();
    deciding_ = false;
    if (!appender_.joinable()) appender_ = std::thread([this] { append_loop(); });
    to_append_.push_back(std::move(group));
    appends_.notify_one();
  }
}

/// Stays awake a little when one caller sends command after command: falling asleep and being woken costs more than the rest of
/// the way.
void CommandHandler::linger(std::unique_lock<std::mutex>& lock) {
  if (crowd_ > 2 || crowd_ == 0) return;
  const auto until = SteadyClock::now() + kLinger;
  while (!worth_deciding() && !stopping_ && SteadyClock::now() < until) {
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
  }
}

/// Waits a little for those who were answered together with the first that is here.
void CommandHandler::gather(std::unique_lock<std::mutex>& lock) {
  if (undurable_ != 0 || stopping_) return;
  const auto give_up = SteadyClock::now() + kPatience;
  while (static_cast<double>(queue_.size()) < 0.9 * crowd_ && waiting_ < kDecideAheadFrom) {
    deciding_ = true;  // nobody else begins meanwhile
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
    if (SteadyClock::now() >= give_up) return;
  }
}

void CommandHandler::append_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    appends_.wait(lock, [this] {
      return !to_append_.empty() || (stopping_ && queue_.empty() && !deciding_);
    });
    if (to_append_.empty()) return;
    auto group = std::move(to_append_.front());
    to_append_.erase(to_append_.begin());
    lock.unlock();
    append_group(std::move(group));
    lock.lock();
  }
}

/// Appends, answers, and lets the next begin.
void CommandHandler::append_group(std::unique_ptr<Group> group) {
  const Status status = group->status ? append(*group) : group->status;
  std::vector<Job*> jobs = std::move(group->jobs);
  const std::size_t submissions = jobs.size();
  for (Job* job : jobs) job->status = status;
  // Callbacks before the next group can be answered: they come one after the other, in order.
  std::erase_if(jobs, [](Job* job) {
    if (!job->completion) return false;
    complete(*job);
    return true;
  });
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (status)
      durable_ = std::max(durable_, group->batch.empty() ? 0 : group->batch.last_position());
    if (!status && failed_ && status.error().kind == ErrorKind::kIo) failed_ = status;
    --undurable_;
    if (std::exchange(group->exclusive, false)) deciding_ = false;
    const double together = static_cast<double>(submissions + queue_.size());
    crowd_ = together > crowd_ ? together : (7 * crowd_ + together) / 8;
    group->jobs.clear();
    group->commands = 0;
    group->batch.clear();
    group->all_summaries = false;
    spare_.push_back(std::move(group));
    wake = worth_deciding() && decider_.joinable();
  }
  settled_.notify_all();
  if (wake) work_.notify_one();
  for (Job* job : jobs) complete(*job);
}

Status CommandHandler::append(Group& group) {
  if (group.batch.empty()) return {};
  AppendRequest request{group.batch.first_position() - 1, epoch_, {}, group.batch};
  for (std::size_t i = 0; i < 8; ++i) {
    request.batch_id[i] = static_cast<std::uint8_t>(epoch_ >> (8 * i));
    request.batch_id[i + 8] = static_cast<std::uint8_t>(group.number >> (8 * i));
  }
  const auto appended = log_.append(request);
  if (!appended) {
    Error error = appended.error();
    // whatever it was: the book is ahead of the log now, so this handler must not go on
    error.kind = ErrorKind::kIo;
    return tl::unexpected(std::move(error));
  }
  if (appended->outcome != Appended::Outcome::kAppended) {
    return fail(
        Win32::kRetry, ErrorKind::kIo, "log", std::to_string(appended->tail),
        "to be written by this process alone; another writer has begun, open the ledger anew");
  }
  return {};
}

void CommandHandler::complete(Job& job) {
  if (job.completion) {
    const std::unique_ptr<Job> owned(&job);
    if (job.status) {
      job.completion(std::move(job.answers));
    } else {
      job.completion(tl::unexpected(std::move(job.status).error()));
    }
    return;
  }
  auto& done = job.done;
  done.store(1, std::memory_order_release);
  done.notify_one();  // by address alone: the caller may have gone already
}

void CommandHandler::wait_until_durable(Position position) {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return durable_ >= position || !failed_; });
}

Status CommandHandler::flush_refusal_counts() {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [this] { return !deciding_ && undurable_ == 0; });
  if (!failed_) return failed_;
  auto group = std::make_unique<Group>();
  group->all_summaries = true;
  group->exclusive = true;
  deciding_ = true;
  lock.unlock();
  decide_group(*group);
  append_group(std::move(group));
  lock.lock();
  return failed_;
}

}  // namespace leaseledger
