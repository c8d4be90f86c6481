// Those who watch the log and do not keep up, go away, or are too many: nobody else waits for them, and they miss nothing.

#include "tests/support/client_commands.h"
#include "tests/support/daemon.h"
#include "tests/support/http_get.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <new>
#include <sys/mman.h>

namespace leaseledger::test {
namespace {

using namespace std::chrono_literals;

template <typename Condition>
bool within(std::chrono::milliseconds patience, Condition condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

/// What a subscriber has seen; in memory that a child process shares.
struct Seen {
  std::atomic<Position> last = 0;
  std::atomic<bool> in_order = true;
  std::atomic<bool> ended = false;

  bool take(const StoredRecord& stored) {
    Record record;
    if (stored.position != last + 1 || !decode_fact(stored.bytes, record) ||
        record.position != stored.position)
      in_order = false;
    last = stored.position;
    return true;
  }
};

/// A process of its own that watches the log. Made before this one has threads.
class SubscriberProcess {
 public:
  explicit SubscriberProcess(const rpc::ClientOptions& options)
      : seen_(new (::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0)) Seen) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const auto client = rpc::Client::connect(options);
    if (!client) ::_exit(1);
    (void)(*client)->follow(
        1, [&](const StoredRecord& stored) { return seen_->take(stored); }, [] { return true; });
    seen_->ended = true;
    ::_exit(0);
  }
  ~SubscriberProcess() {
    kill();
    ::munmap(seen_, sizeof(Seen));
  }
  SubscriberProcess(const SubscriberProcess&) = delete;
  SubscriberProcess& operator=(const SubscriberProcess&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  const Seen& seen() const { return *seen_; }

 private:
  Seen* seen_;
  pid_t pid_ = 0;
};

/// A thread that watches the log, and can be held at a record.
class SubscriberThread {
 public:
  explicit SubscriberThread(const rpc::ClientOptions& options)
      : client_(rpc::Client::connect(options).value()), thread_([this] {
          const auto status = client_->follow(
              1,
              [this](const StoredRecord& stored) {
                std::unique_lock lock(mutex_);
                released_.wait(lock, [this] { return !held_ || stop_; });
                return seen_.take(stored);
              },
              [this] { return !stop_; });
          status_ = status;
          seen_.ended = true;
        }) {}
  ~SubscriberThread() {
    stop();
    thread_.join();
  }
  SubscriberThread(const SubscriberThread&) = delete;
  SubscriberThread& operator=(const SubscriberThread&) = delete;

  void hold() { set(held_, true); }
  void release() { set(held_, false); }
  void stop() { set(stop_, true); }
  const Seen& seen() const { return seen_; }
  /// When seen().ended.
  const Status& status() const { return status_; }

 private:
  void set(std::atomic<bool>& flag, bool value) {
    {
      const std::lock_guard lock(mutex_);
      flag = value;
    }
    released_.notify_all();
  }

  std::unique_ptr<rpc::Client> client_;
  Seen seen_;
  Status status_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::atomic<bool> held_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

class RpcSubscribers : public ::testing::Test {
 protected:
  void begin(const std::string& more = "") {
    daemon_ = std::make_unique<Daemon>("[expiry]\nenabled = false\n" + more,
                                       "http = \"127.0.0.1:" + std::to_string(port_) + "\"\n");
    ASSERT_TRUE(daemon_->start());
  }
  /// Not before this process may have threads.
  rpc::Client& writer() {
    if (writer_ == nullptr) {
      writer_ = daemon_->client().value();
      EXPECT_TRUE(writer_->submit(std::vector{numbered_subnet()}).value()[0].accepted());
    }
    return *writer_;
  }
  void write(unsigned count) {
    const std::string comment(400, 'c');
    while (count > 0) {
      std::vector<Envelope> commands;
      for (; count > 0 && commands.size() < 1000; --count) {
        commands.push_back(numbered_client(0, next_++));
        std::get<CreateClient>(commands.back().command).comment = comment;
      }
      const auto answers = writer().submit(commands);
      ASSERT_TRUE(answers) << answers.error().to_string();
      for (const auto& each : *answers) ASSERT_TRUE(each.accepted()) << each.error.to_string();
    }
  }
  Position tail() { return next_ + 1; }
  double subscriptions() const { return metric(port_, "leaseledger_subscriptions"); }

  const int port_ = free_port();
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<rpc::Client> writer_;
  unsigned next_ = 0;
};

TEST_F(RpcSubscribers, OneThatTakesNothingHoldsNobodyUpAndMissesNothing) {
  constexpr unsigned kThreads = 12;
  constexpr unsigned kRecords = 30'000;
  ASSERT_NO_FATAL_FAILURE(begin());
  SubscriberProcess process(daemon_->options());
  ASSERT_NO_FATAL_FAILURE(write(100));
  std::vector<std::unique_ptr<SubscriberThread>> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.push_back(std::make_unique<SubscriberThread>(daemon_->options()));
  const auto all_there = [&] {
    return process.seen().last == tail() && std::ranges::all_of(threads, [&](const auto& each) {
             return each->seen().last == tail();
           });
  };
  ASSERT_TRUE(within(20s, all_there));
  EXPECT_EQ(subscriptions(), kThreads + 1);

  process.signal(SIGSTOP);
  for (auto& each : threads) each->hold();
  const auto memory = resident_bytes(daemon_->pid());
  const double sent = metric(port_, "leaseledger_events_sent_total");
  ASSERT_NO_FATAL_FAILURE(write(kRecords));
  EXPECT_EQ(writer().stats().value().records, tail());
  std::this_thread::sleep_for(500ms);
  // Some pieces are on their way to each, not everything: that would be 15 MiB for each of them.
  const double more_sent = metric(port_, "leaseledger_events_sent_total") - sent;
  EXPECT_LT(more_sent, (kThreads + 1) * kRecords / 3.0);
  const auto grown = resident_bytes(daemon_->pid()) - memory;
  std::printf("%.0f records on their way, %llu KiB more memory\n", more_sent,
              static_cast<unsigned long long>(grown >> 10));
  if (!kSanitized) EXPECT_LT(grown, std::uint64_t{128} << 20);
  for (const auto& each : threads) EXPECT_LT(each->seen().last, tail());
  EXPECT_LT(process.seen().last, tail());

  process.signal(SIGCONT);
  for (auto& each : threads) each->release();
  EXPECT_TRUE(within(kSanitized ? 60s : 20s, all_there));
  EXPECT_TRUE(process.seen().in_order);
  for (const auto& each : threads) EXPECT_TRUE(each->seen().in_order);
  threads.clear();
  process.kill();
  EXPECT_TRUE(within(10s, [&] { return subscriptions() == 0; })) << subscriptions();
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(RpcSubscribers, OneThatIsKilledIsForgotten) {
  ASSERT_NO_FATAL_FAILURE(begin());
  SubscriberProcess idle(daemon_->options());
  SubscriberProcess stopped(daemon_->options());
  ASSERT_NO_FATAL_FAILURE(write(10));
  ASSERT_TRUE(
      within(20s, [&] { return idle.seen().last == tail() && stopped.seen().last == tail(); }));
  EXPECT_EQ(subscriptions(), 2);
  stopped.signal(SIGSTOP);
  ASSERT_NO_FATAL_FAILURE(write(4000));  // more than the socket takes
  ASSERT_TRUE(within(20s, [&] { return idle.seen().last == tail(); }));
  idle.kill();
  EXPECT_TRUE(within(10s, [&] { return subscriptions() == 1; })) << subscriptions();
  stopped.kill();
  EXPECT_TRUE(within(10s, [&] { return subscriptions() == 0; })) << subscriptions();
  EXPECT_EQ(metric(port_, "leaseledger_degraded"), 0);
  ASSERT_NO_FATAL_FAILURE(write(10));
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(RpcSubscribers, MoreThanThePrincipalMayHaveAreToldSo) {
  ASSERT_NO_FATAL_FAILURE(begin("[limits]\nsubscriptions_per_principal = 3\n"));
  ASSERT_NO_FATAL_FAILURE(write(10));
  std::vector<std::unique_ptr<SubscriberThread>> threads;
  for (int i = 0; i < 3; ++i)
    threads.push_back(std::make_unique<SubscriberThread>(daemon_->options()));
  ASSERT_TRUE(within(10s, [&] { return subscriptions() == 3; }));
  {
    const SubscriberThread too_many(daemon_->options());
    ASSERT_TRUE(within(10s, [&] { return too_many.seen().ended.load(); }));
    ASSERT_FALSE(too_many.status());
    EXPECT_EQ(too_many.status().error().code, Win32::kBusy);
    EXPECT_EQ(too_many.status().error().kind, ErrorKind::kBusy);
    EXPECT_EQ(too_many.seen().last, 0U);
  }
  ASSERT_NO_FATAL_FAILURE(write(10));
  for (const auto& each : threads)
    EXPECT_TRUE(within(10s, [&] { return each->seen().last == tail(); }));
  threads.pop_back();
  ASSERT_TRUE(within(10s, [&] { return subscriptions() == 2; }));
  const SubscriberThread another(daemon_->options());
  EXPECT_TRUE(within(10s, [&] { return another.seen().last == tail(); }));
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(RpcSubscribers, TheDaemonEndsWithoutWaitingForThem) {
  ASSERT_NO_FATAL_FAILURE(begin());
  SubscriberProcess process(daemon_->options());
  ASSERT_NO_FATAL_FAILURE(write(10));
  rpc::ClientOptions options = daemon_->options();
  options.retry_for = 0ms;
  std::vector<std::unique_ptr<SubscriberThread>> threads;
  for (int i = 0; i < 6; ++i) threads.push_back(std::make_unique<SubscriberThread>(options));
  ASSERT_TRUE(within(10s, [&] { return subscriptions() == 7; }));
  process.signal(SIGSTOP);
  threads[0]->hold();
  ASSERT_NO_FATAL_FAILURE(write(5000));
  for (std::size_t i = 1; i < threads.size(); ++i)
    EXPECT_TRUE(within(20s, [&] { return threads[i]->seen().last == tail(); }));
  double seconds = 0;
  EXPECT_EQ(daemon_->stop(&seconds), 0) << daemon_->log();
  EXPECT_LT(seconds, kSanitized ? 5.0 : 2.0);
  for (std::size_t i = 1; i < threads.size(); ++i) {
    ASSERT_TRUE(within(10s, [&] { return threads[i]->seen().ended.load(); }));
    EXPECT_FALSE(threads[i]->status());
    EXPECT_TRUE(threads[i]->seen().in_order);
  }
}

}  // namespace
}  // namespace leaseledger::test
