// What the daemon counts, and what it says to systemd and the journal.

#include "adapters/daemon/metrics.h"
#include "adapters/daemon/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace leaseledger::daemon {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(DaemonMetrics, CountsCommandsByNameAndCode) {
  Metrics metrics("1.2.3");
  const std::vector<Envelope> commands{
      {.command = CreateClient{}}, {.command = CreateClient{}}, {.command = RenewLease{}}};
  const std::vector<Answer> answers{{}, {.code = Win32::kAccessDenied}, {}};
  metrics.answered(commands, answers, 3ms);
  metrics.answered(commands, answers, 30s);
  EXPECT_THAT(
      metrics.text(),
      AllOf(HasSubstr(
                "leaseledger_commands_total{code=\"ERROR_SUCCESS\",command=\"CreateClient\"} 2"),
            HasSubstr("leaseledger_commands_total{code=\"ERROR_ACCESS_DENIED\",command="
                      "\"CreateClient\"} 2"),
            HasSubstr("command=\"RenewLease\"} 2"), HasSubstr("leaseledger_submissions_total 2"),
            HasSubstr("leaseledger_command_seconds_count 2"),
            HasSubstr("leaseledger_command_seconds_bucket{le=\"0.0032\"} 1"),
            HasSubstr("leaseledger_build_info{version=\"1.2.3\"} 1"),
            Not(HasSubstr("leaseledger_up "))));
}

TEST(DaemonMetrics, CountsEverythingElse) {
  Metrics metrics("x");
  metrics.submission_failed(Win32::kBusy);
  metrics.question("who", Win32::kSuccess, 1ms);
  metrics.question("who", Win32::kBusy, 1ms);
  metrics.expired(7);
  metrics.connected(Metrics::Transport::kUnix);
  metrics.connected(Metrics::Transport::kUnix);
  metrics.disconnected(Metrics::Transport::kUnix);
  metrics.refused(Metrics::Refusal::kHandshake);
  metrics.subscribed();
  metrics.events_sent(42);
  metrics.kea_command("lease6-add", 1);
  metrics.kea_command("lease6-add", 1);
  metrics.set_collector([] {
    return Metrics::Sample{
        .position = 100,
        .views_position = 90,
        .leases = 5,
        .degraded = true,
        .kea_servers = {{.server = "kea1", .reachable = true, .leases = 7, .absent = 2}}};
  });
  EXPECT_THAT(
      metrics.text(),
      AllOf(HasSubstr("leaseledger_busy_total 2\n"),
            HasSubstr("leaseledger_questions_total{code=\"ERROR_SUCCESS\",question=\"who\"} 1"),
            HasSubstr("leaseledger_expired_total 7\n"),
            HasSubstr("leaseledger_connections{transport=\"unix\"} 1\n"),
            HasSubstr("leaseledger_connections_refused_total{reason=\"handshake\"} 1\n"),
            HasSubstr("leaseledger_subscriptions 1\n"),
            HasSubstr("leaseledger_events_sent_total 42\n"),
            HasSubstr("leaseledger_views_lag 10\n"), HasSubstr("leaseledger_up 1\n")));
  EXPECT_THAT(
      metrics.text(),
      AllOf(HasSubstr("leaseledger_degraded 1\n"),
            HasSubstr("leaseledger_kea_reachable{server=\"kea1\"} 1\n"),
            HasSubstr("leaseledger_kea_leases{server=\"kea1\"} 7\n"),
            HasSubstr("leaseledger_kea_differences{server=\"kea1\",difference=\"absent\"} 2\n"),
            HasSubstr("leaseledger_kea_commands_total{command=\"lease6-add\",result=\"1\"} 2\n")));
}

TEST(DaemonMetrics, IsCountedInFromManyThreads) {
  Metrics metrics("x");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&metrics] {
      const std::vector<Envelope> commands(10, Envelope{.command = RenewLease{}});
      const std::vector<Answer> answers(10);
      for (int i = 0; i < 1000; ++i) {
        metrics.answered(commands, answers, 1us);
        metrics.question("who", Win32::kSuccess, 1us);
        if (i % 250 == 0) (void)metrics.text();
      }
    });
  for (auto& each : threads) each.join();
  EXPECT_THAT(metrics.text(), AllOf(HasSubstr("command=\"RenewLease\"} 40000\n"),
                                    HasSubstr("question=\"who\"} 4000\n"),
                                    HasSubstr("leaseledger_submissions_total 4000\n")));
}

/// A socket such as systemd listens on.
class NotifySocket {
 public:
  NotifySocket() : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    char name[] = "/tmp/leaseledgerd-notify-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string next() {
    char buffer[1000];
    const auto count = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return count < 0 ? "" : std::string(buffer, static_cast<std::size_t>(count));
  }

 private:
  int fd_;
  std::string folder_;
  std::string path_;
};

TEST(ServiceManager, SaysWhatTheDaemonDoes) {
  NotifySocket systemd;
  ::setenv("WATCHDOG_USEC", "20000000", 1);
  ServiceManager manager;
  EXPECT_TRUE(manager.present());
  EXPECT_EQ(manager.watchdog_interval(), 10s);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  manager.ready("position 3\nREADY=0");
  EXPECT_EQ(systemd.next(), "READY=1\nSTATUS=position 3 READY=0");
  manager.reloading();
  EXPECT_THAT(systemd.next(), testing::StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  manager.watchdog();
  EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  manager.status("open");
  EXPECT_EQ(systemd.next(), "STATUS=open");
  manager.extend_timeout(30s);
  EXPECT_EQ(systemd.next(), "EXTEND_TIMEOUT_USEC=30000000");
  manager.stopping();
  EXPECT_EQ(systemd.next(), "STOPPING=1");
}

TEST(ServiceManager, DoesNothingWithoutSystemd) {
  ServiceManager manager;
  EXPECT_FALSE(manager.present());
  EXPECT_FALSE(manager.watchdog_interval().has_value());
  EXPECT_TRUE(manager.take_sockets().empty());
  manager.ready();
}

/// What is written to standard error while `body` runs.
template <typename Body>
std::string standard_error_of(Body body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

TEST(DaemonLogging, WritesForTheJournalWithPrioritiesAndWithoutTimes) {
  Config config;
  config.log.format = "journal";
  const std::string out = standard_error_of([&] {
    setup_logging(config);
    spdlog::warn("a.b peer={}", "x\n<0>forged\x1b[31m");
    spdlog::info("c.d");
    spdlog::debug("not shown");
  });
  EXPECT_EQ(out, "<4>a.b peer=x\\x0a<0>forged\\x1b[31m\n<6>c.d\n");
}

TEST(DaemonLogging, WritesTimesElsewhere) {
  Config config;
  config.log.level = "error";
  const std::string out = standard_error_of([&] {
    setup_logging(config);
    spdlog::warn("not shown");
    spdlog::error("a.b");
  });
  EXPECT_THAT(out, testing::MatchesRegex(
                       "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z error: a\\.b\n"));
}

TEST(DaemonLogging, KnowsTheJournalByDeviceAndInode) {
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  ::setenv("JOURNAL_STREAM",
           (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(), 1);
  EXPECT_TRUE(stderr_is_journal());
  ::setenv("JOURNAL_STREAM", "1:2", 1);
  EXPECT_FALSE(stderr_is_journal());
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(stderr_is_journal());
}

}  // namespace
}  // namespace leaseledger::daemon
