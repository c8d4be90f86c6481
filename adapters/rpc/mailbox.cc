#include "adapters/rpc/mailbox.h"

#include <utility>

namespace leaseledger::rpc {

void Mailbox::post(kj::Function<void()> function) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(kj::mv(function));
  if (wake_.get() == nullptr) return;
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

void Mailbox::drain() {
  std::vector<kj::Function<void()>> functions;
  {
    const std::lock_guard lock(mutex_);
    std::swap(functions, posted_);
  }
  for (auto& function : functions) function();
}

}  // namespace leaseledger::rpc
