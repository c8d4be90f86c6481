#pragma once
// Threads for what would block an event loop: questions to the ledger, and long jobs. Answers come back by the mailbox.

#include "adapters/rpc/mailbox.h"
#include "ledger/result.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace leaseledger::rpc {

/// Set when nobody waits for the answer any more: the caller went away, or the daemon stops.
using GivenUp = std::atomic<bool>;

class WorkerPool {
 public:
  /// `what` names it in the error of a full queue. Borrows `mailbox`. In the loop's thread, like everything but the work.
  WorkerPool(Mailbox& mailbox, std::string what, unsigned threads, std::size_t max_waiting);
  /// Gives up what runs and what waits, and joins. Afterwards the mailbox has the rest.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Runs `body` in one of the threads. ERROR_BUSY at once when too many wait. Dropping the promise sets GivenUp.
  template <typename T>
  kj::Promise<Result<T>> run(std::function<Result<T>(const GivenUp&)> body) {
    if (!room()) return Result<T>(tl::unexpected(too_many()));
    auto paf = kj::newPromiseAndFulfiller<Result<T>>();
    auto* job = new JobOf<T>(std::move(body), kj::mv(paf.fulfiller));
    auto given_up = job->given_up;
    add(job);
    return paf.promise.attach(kj::defer([given_up] { given_up->store(true); }));
  }

 private:
  /// Made and destroyed in the loop's thread, worked on in another.
  struct Job {
    virtual ~Job() noexcept(false) {}  // as KJ's are
    virtual void work() = 0;
    virtual void deliver() = 0;
    std::shared_ptr<GivenUp> given_up = std::make_shared<GivenUp>(false);
  };
  template <typename T>
  struct JobOf final : Job {
    JobOf(std::function<Result<T>(const GivenUp&)> b, kj::Own<kj::PromiseFulfiller<Result<T>>> f)
        : body(std::move(b)), fulfiller(kj::mv(f)) {}
    void work() override {
      if (!given_up->load()) answer = body(*given_up);
      body = nullptr;
    }
    void deliver() override { fulfiller->fulfill(std::move(answer)); }
    std::function<Result<T>(const GivenUp&)> body;
    kj::Own<kj::PromiseFulfiller<Result<T>>> fulfiller;
    Result<T> answer =
        fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be asked again");
  };

  bool room();
  Error too_many() const;
  void add(Job* job);
  void work();

  Mailbox& mailbox_;
  const std::string what_;
  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::vector<std::shared_ptr<GivenUp>> running_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace leaseledger::rpc
