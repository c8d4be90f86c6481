#include "adapters/rpc/mailbox.h"

#include <sched.h>
#include <utility>

namespace leaseledger::rpc {

void Mailbox::post(kj::Function<void()> function) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(kj::mv(function));
  if (wake_.get() == nullptr || looking_) return;
  wake_->fulfill();
  wake_ = nullptr;
}

kj::Promise<void> Mailbox::run() {
  drain();
  kj::Promise<void> woken = kj::READY_NOW;
  {
    const std::lock_guard lock(mutex_);
    if (posted_.empty()) {
      auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
      wake_ = kj::mv(paf.fulfiller);
      woken = kj::mv(paf.promise);
    }
  }
  return woken.then([this] { return run(); });
}

kj::Promise<void> Mailbox::look(std::chrono::nanoseconds time) {
  {
    const std::lock_guard lock(mutex_);
    looking_ = true;
  }
  return look_until(std::chrono::steady_clock::now() + time);
}

kj::Promise<void> Mailbox::look_until(std::chrono::steady_clock::time_point end) {
  const bool over = std::chrono::steady_clock::now() > end;
  bool there = false;
  {
    const std::lock_guard lock(mutex_);
    there = !posted_.empty();
    if (there || over) looking_ = false;  // from here on a post wakes the loop
  }
  if (there) drain();
  if (there || over) return kj::READY_NOW;
  ::sched_yield();
  return kj::evalLast([this, end] { return look_until(end); });
}

void Mailbox::drain() {
  std::vector<kj::Function<void()>> functions;
  {
    const std::lock_guard lock(mutex_);
    std::swap(functions, posted_);
  }
  for (auto& function : functions) function();
}

}  // namespace leaseledger::rpc
