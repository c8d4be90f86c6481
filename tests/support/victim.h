#pragma once
// A process that appends to a log until it dies, and what its parent knows of it. The parent never opens the log itself:
// RocksDB's threads do not survive a fork.

#include "ledger/rocksdb_log.h"
#include "tests/support/made_up_records.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace leaseledger::test {

/// Runs `body` in a child process, with its standard output as it is. Returns its wait status.
inline int in_child(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int code = body();
    std::fflush(nullptr);
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// What a log must have after its writer died.
struct Promise {
  Position acknowledged = 0;  ///< every record up to here,
  Position intended = 0;      ///< and the batch that ends here whole or not at all.
  Position appends = 0;       ///< acknowledged so far, in all rounds.
};

/// The victim's side: tells its parent before and after each append.
class Confession {
 public:
  explicit Confession(int fd) : fd_(fd) {}
  void found(Position tail) const { tell({'f', tail}); }  ///< what an opened log has, it keeps
  void intend(Position tail) const { tell({'i', tail}); }
  void acknowledge(Position tail) const { tell({'a', tail}); }

  struct Message {
    std::uint64_t kind;
    Position tail;
  };

 private:
  void tell(Message message) const {
    if (::write(fd_, &message, sizeof message) != sizeof message) ::_exit(3);
  }
  int fd_;
};

/// Runs `body` in a child until it ends or, with `kill_after`, kills it then. Keeps `promise` up to date.
inline int run_victim(Promise& promise, const std::function<int(Confession)>& body,
                      std::optional<std::chrono::microseconds> kill_after = {}) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const int code = body(Confession(ends[1]));
    std::fflush(nullptr);
    ::_exit(code);
  }
  ::close(ends[1]);
  const auto end = std::chrono::steady_clock::now() + kill_after.value_or(std::chrono::hours(1));
  bool killed = false;
  for (;;) {
    if (kill_after && !killed) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
          end - std::chrono::steady_clock::now());
      timespec wait{left.count() > 0 ? left.count() / 1'000'000'000 : 0,
                    left.count() > 0 ? left.count() % 1'000'000'000 : 0};
      pollfd ready{ends[0], POLLIN, 0};
      if (left.count() <= 0 || ::ppoll(&ready, 1, &wait, nullptr) == 0) {
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    Confession::Message message{};
    if (::read(ends[0], &message, sizeof message) != sizeof message) break;
    if (message.kind == 'i') promise.intended = message.tail;
    if (message.kind == 'a' || message.kind == 'f')
      promise.acknowledged = promise.intended = message.tail;
    if (message.kind == 'a') ++promise.appends;
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// In the victim: the log must have what was promised, every byte of it, and agree with its own tree. 0 when it does.
inline int check_promise(const RocksdbLog& log, const Promise& promise, bool all) {
  const Position tail = log.tail();
  if (tail != promise.acknowledged && tail != promise.intended) {
    std::printf("the log ends at %llu, but %llu was acknowledged and %llu intended\n",
                static_cast<unsigned long long>(tail),
                static_cast<unsigned long long>(promise.acknowledged),
                static_cast<unsigned long long>(promise.intended));
    return 1;
  }
  const Position from = all || tail <= 2000 ? 1 : tail - 2000;
  const auto count = tail == 0 ? Result<std::size_t>(0) : read_made_up(log, from, tail);
  if (!count || ::testing::Test::HasFailure()) {
    std::printf("records: %s\n", count ? "wrong" : count.error().to_string().c_str());
    return 1;
  }
  if (!all) return 0;
  const Status verified = log.verify();
  if (!verified) std::printf("verify: %s\n", verified.error().to_string().c_str());
  return verified ? 0 : 1;
}

inline constexpr int kFailedWrite = 4;

/// In the victim: opens, checks, and appends batches of 1 to `most` records until it dies or the log has `enough`.
/// kFailedWrite when the file system failed; then nothing more may be accepted.
inline int append_until_death(const std::filesystem::path& path, const RocksdbLogOptions& options,
                              const Promise& promise, const Confession& confession,
                              std::uint64_t salt, std::size_t most, Position enough) {
  auto opened = RocksdbLog::open(path, options);
  if (!opened) {
    if (opened.error().kind == ErrorKind::kIo) return kFailedWrite;
    std::printf("open: %s\n", opened.error().to_string().c_str());
    return 1;
  }
  RocksdbLog& log = **opened;
  Random random(salt);
  if (const int wrong = check_promise(log, promise, random.one_in(4)); wrong != 0) return wrong;
  confession.found(log.tail());
  const auto epoch = log.begin_epoch();
  if (!epoch) return epoch.error().kind == ErrorKind::kIo ? kFailedWrite : 1;
  while (log.tail() < enough) {
    const Position tail = log.tail();
    const RecordBatch batch =
        made_up_batch(tail + 1, 1 + random.below(random.one_in(3) ? most : 4));
    confession.intend(batch.last_position());
    const auto appended = log.append({tail, *epoch, batch_id(*epoch * 1'000'000 + tail), batch});
    if (!appended && appended.error().kind == ErrorKind::kIo) {
      const auto again = log.append({tail, *epoch, batch_id(7), batch});
      return !again && again.error() == appended.error() && log.tail() == tail ? kFailedWrite : 1;
    }
    if (!appended || appended->outcome != Appended::Outcome::kAppended) {
      std::printf("append: %s\n", appended ? "not done" : appended.error().to_string().c_str());
      return 1;
    }
    confession.acknowledge(appended->tail);
  }
  return 0;
}

}  // namespace leaseledger::test
