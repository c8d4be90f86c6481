#pragma once
// The way from other threads to an event loop: functions that the loop calls, in the order in which they were posted.
// Everything that crosses is under one mutex, and many posts make one wake-up.

#include <kj/async.h>
#include <kj/function.h>

#include <mutex>
#include <vector>

namespace leaseledger::rpc {

class Mailbox {
 public:
  /// Call in the thread of the event loop, which also destroys it, after all who post have ended.
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// From any thread. `function` runs, and is destroyed, in the loop's thread.
  void post(kj::Function<void()> function);

  /// Calls what is posted, for as long as the promise lives. Once.
  kj::Promise<void> run();
  /// Calls what is there now: for the way to the end, when nobody waits for the loop any more.
  void drain();

 private:
  std::mutex mutex_;
  std::vector<kj::Function<void()>> posted_;
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake_;  // nullptr: the loop is awake
};

}  // namespace leaseledger::rpc
