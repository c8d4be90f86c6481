// A disk without room, a small tmpfs: commands are refused, questions are answered, and it mends itself when there is room.

#include "adapters/embedded/ledger.h"
#include "adapters/rpc/new_command_id.h"
#include "tests/support/client_commands.h"
#include "tests/support/daemon.h"
#include "tests/support/http_get.h"
#include "tests/support/seed.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <future>
#include <sys/mount.h>
#include <sys/statvfs.h>

namespace leaseledger::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;

/// A file system of its own that is soon full.
class SmallDisk {
 public:
  explicit SmallDisk(std::uint64_t mebibytes) {
    const std::string size = "size=" + std::to_string(mebibytes) + "m";
    if (::geteuid() != 0) {
      why_not_ = "mounting a tmpfs needs root";
    } else if (::mount("tmpfs", path().c_str(), "tmpfs", 0, size.c_str()) != 0) {
      why_not_ = std::string("mounting a tmpfs: ") + std::strerror(errno);
    }
  }
  ~SmallDisk() {
    if (why_not_.empty() && ::umount2(path().c_str(), 0) != 0)
      ::umount2(path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& why_not() const { return why_not_; }
  std::filesystem::path path() const { return folder_.path(); }
  std::string ledger() const { return (path() / "ledger").string(); }
  std::uint64_t free() const {
    struct statvfs disk {};
    ::statvfs(path().c_str(), &disk);
    return std::uint64_t{disk.f_bavail} * disk.f_frsize;
  }
  /// Writes a file until so many octets are free, or nothing fits any more.
  void fill(std::uint64_t leave = 0) const {
    const int fd = ::open(filling().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string block(4096, 'x');
    while (free() > leave && ::write(fd, block.data(), block.size()) > 0) {
    }
    ::close(fd);
  }
  void make_room() const { std::filesystem::remove(filling()); }

 private:
  std::string filling() const { return (path() / "filling").string(); }
  TemporaryDirectory folder_;
  std::string why_not_;
};

template <typename Condition>
bool within(std::chrono::milliseconds patience, Condition condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

class RpcDiskFull : public ::testing::Test {
 protected:
  void begin(std::uint64_t mebibytes, const std::string& min_free_bytes) {
    disk_ = std::make_unique<SmallDisk>(mebibytes);
    if (!disk_->why_not().empty()) GTEST_SKIP() << disk_->why_not();
    daemon_ = std::make_unique<Daemon>("[storage]\nmin_free_bytes = \"" + min_free_bytes + "\"\n",
                                       "http = \"127.0.0.1:" + std::to_string(port_) + "\"\n",
                                       disk_->ledger());
    ASSERT_TRUE(daemon_->start());
    rpc::ClientOptions options = daemon_->options();
    options.retry_for = 0ms;
    client_ = rpc::Client::connect(options).value();
    ASSERT_TRUE(submit({numbered_subnet()}));
  }

  /// Done once, without trying again.
  Status submit(const std::vector<Envelope>& commands) {
    const auto answers = client_->submit(commands);
    if (!answers) return tl::unexpected(answers.error());
    for (const auto& each : *answers)
      if (!each.accepted()) return tl::unexpected(each.error);
    return {};
  }
  Status create(unsigned count) {
    for (; count > 0;) {
      std::vector<Envelope> commands;
      for (; count > 0 && commands.size() < 4000; --count) {
        commands.push_back(numbered_client(0, next_++));
        commands.back().id = rpc::new_command_id();
      }
      const auto done = submit(commands);
      if (!done) return done;
      for (const auto& each : commands)
        acknowledged_.push_back(std::get<CreateClient>(each.command).key);
    }
    return {};
  }

  void expect_questions_answered() {
    Result<LeaseAnswer> row;
    within(5s, [&] {  // except while the ledger is being opened
      row = client_->lease(acknowledged_.back(), {});
      return row || row.error().kind != ErrorKind::kBusy;
    });
    ASSERT_TRUE(row) << row.error().to_string();
    EXPECT_TRUE(row->lease);
    const auto page = client_->leases_in(prefix_of("2001:db8:1::/64"), {}, {}, 10);
    ASSERT_TRUE(page) << page.error().to_string();
    EXPECT_FALSE(page->leases.empty());
    const auto record = read_record(client_->log(), 1);
    EXPECT_TRUE(record) << record.error().to_string();
  }

  void TearDown() override {
    if (HasFailure() && daemon_ != nullptr) std::cerr << daemon_->log();
  }

  void end() {
    client_.reset();
    EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
    auto opened = Ledger::open(disk_->ledger());
    ASSERT_TRUE(opened) << opened.error().to_string();
    Ledger& ledger = **opened;
    const auto verified = ledger.verify();
    ASSERT_TRUE(verified) << verified.error().to_string();
    EXPECT_TRUE(verified->ok());
    ledger.read_book([&](const LeaseBook& book) {
      EXPECT_GE(book.lease_count(), acknowledged_.size());
      for (const auto& each : acknowledged_)
        EXPECT_TRUE(book.find(each)) << format_lease_key(each) << " is lost";
    });
    EXPECT_TRUE(ledger.close());
  }

  std::unique_ptr<SmallDisk> disk_;  // outlives the daemon
  const int port_ = free_port();
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<rpc::Client> client_;
  std::vector<LeaseKey> acknowledged_;
  unsigned next_ = 0;
};

TEST_F(RpcDiskFull, CommandsAreRefusedAndQuestionsAnsweredUntilThereIsRoomAgain) {
  ASSERT_NO_FATAL_FAILURE(begin(64, "8MiB"));
  if (IsSkipped()) return;
  ASSERT_TRUE(create(500));
  EXPECT_EQ(http_get(port_, "/readyz").status, 200);
  for (int round = 0; round < 2; ++round) {
    disk_->fill(4 * kMebi);
    Status refused;
    ASSERT_TRUE(within(10s, [&] { return !(refused = create(1)); }));
    EXPECT_EQ(refused.error().code, Win32::kDiskFull);
    EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
    EXPECT_EQ(refused.error().field, "disk");
    const Position tail = client_->log().tail();
    for (int i = 0; i < 50; ++i) EXPECT_EQ(create(100).error().code, Win32::kDiskFull);
    EXPECT_EQ(client_->log().tail(), tail) << "nothing was done";
    expect_questions_answered();
    const auto ready = http_get(port_, "/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_NE(ready.text.find("free"), std::string::npos) << ready.text;
    EXPECT_EQ(http_get(port_, "/healthz").status, 200);
    EXPECT_EQ(metric(port_, "leaseledger_degraded"), 1);
    disk_->make_room();
    ASSERT_TRUE(within(10s, [&] { return create(1).has_value(); }));
    EXPECT_EQ(http_get(port_, "/readyz").status, 200);
    ASSERT_TRUE(create(100));
  }
  end();
}

TEST_F(RpcDiskFull, AWriteThatFindsNoRoomIsMendedWhenThereIsRoom) {
  ASSERT_NO_FATAL_FAILURE(begin(40, "0"));
  if (IsSkipped()) return;
  ASSERT_TRUE(create(2000));
  const int rounds = campaign() ? 10 : 1;
  for (int round = 0; round < rounds; ++round) {
    Status failed;
    ASSERT_TRUE(within(20s, [&] {  // room that was set aside is used up first
      disk_->fill();
      return !(failed = create(4000));
    }));
    EXPECT_EQ(failed.error().code, Win32::kDiskFull) << failed.error().to_string();
    // One that goes on trying: done once when there is room.
    rpc::ClientOptions options = daemon_->options();
    options.retry_for = 30s;
    const auto patient = rpc::Client::connect(options).value();
    const unsigned number = 5000 + static_cast<unsigned>(round);
    auto waiting = std::async(std::launch::async, [&] {
      return within(30s, [&] {
        const auto answers = patient->submit(std::vector{numbered_client(7, number)});
        return answers && answers->front().accepted();
      });
    });
    for (int i = 0; i < 30; ++i) {  // three seconds: more than one attempt at mending
      const auto refused = create(1);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Win32::kDiskFull) << refused.error().to_string();
      EXPECT_EQ(refused.error().kind, ErrorKind::kBusy) << refused.error().to_string();
      ASSERT_NO_FATAL_FAILURE(expect_questions_answered());
      std::this_thread::sleep_for(100ms);
    }
    EXPECT_EQ(http_get(port_, "/readyz").status, 503);
    disk_->make_room();
    EXPECT_TRUE(within(15s, [&] { return create(1).has_value(); })) << daemon_->log();
    EXPECT_TRUE(waiting.get());
    acknowledged_.push_back(numbered_key(7, number));
    EXPECT_TRUE(within(10s, [&] { return http_get(port_, "/readyz").status == 200; }));
    ASSERT_TRUE(create(500));
  }
  end();
}

TEST_F(RpcDiskFull, QuestionsAreAnsweredWhenTheViewsFindNoRoom) {
  ASSERT_NO_FATAL_FAILURE(begin(96, "0"));
  if (IsSkipped()) return;
  ASSERT_TRUE(create(64'000));
  disk_->fill(6 * kMebi);
  ASSERT_TRUE(create(4000));  // now they are worth storing, and do not fit
  ASSERT_TRUE(within(10s, [&] { return metric(port_, "leaseledger_degraded") == 1; }));
  expect_questions_answered();
  EXPECT_TRUE(create(10));
  expect_questions_answered();
  disk_->make_room();
  EXPECT_TRUE(within(10s, [&] { return metric(port_, "leaseledger_degraded") == 0; }));
  EXPECT_GE(client_->stats().value().views_stored, 68'000U);
  expect_questions_answered();
  end();
}

}  // namespace
}  // namespace leaseledger::test
