#include "adapters/rpc/worker_pool.h"

#include <algorithm>

namespace leaseledger::rpc {

WorkerPool::WorkerPool(Mailbox& mailbox, std::string what, unsigned threads,
                       std::size_t max_waiting)
    : mailbox_(mailbox), what_(std::move(what)), max_waiting_(max_waiting) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& given_up : running_) given_up->store(true);
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool WorkerPool::room() {
  const std::lock_guard lock(mutex_);
  return waiting_.size() < max_waiting_;
}

Error WorkerPool::too_many() const {
  return {Win32::kBusy, ErrorKind::kBusy, what_, std::to_string(max_waiting_) + " wait",
          "to be asked again later; nothing was done"};
}

void WorkerPool::add(Job* job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(job);
  }
  changed_.notify_one();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Job* job = waiting_.front().release();
    waiting_.pop_front();
    const auto given_up = job->given_up;
    running_.push_back(given_up);
    lock.unlock();
    job->work();
    mailbox_.post([job] {
      const std::unique_ptr<Job> owned(job);
      owned->deliver();
    });
    lock.lock();
    std::erase(running_, given_up);
  }
}

}  // namespace leaseledger::rpc
