#pragma once
// The way from other threads to an event loop: functions that the loop calls, in the order in which they were posted.
// Everything that crosses is under one mutex, and many posts make one wake-up.

#include <kj/async.h>
#include <kj/function.h>

#include <chrono>
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
  /// Looks for what is posted without sleeping, for at most `time`; the loop goes on polling for other things meanwhile. Ends
  /// when something was posted and called. Waking up costs as much as the whole rest of a call.
  kj::Promise<void> look(std::chrono::nanoseconds time);
  /// Calls what is there now: for the way to the end, when nobody waits for the loop any more.
  void drain();

 private:
  kj::Promise<void> look_until(std::chrono::steady_clock::time_point end);

  std::mutex mutex_;
  bool looking_ = false;  // look() will find what is posted
  std::vector<kj::Function<void()>> posted_;
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake_;  // nullptr: the loop is awake
};

}  // namespace leaseledger::rpc
