// The daemon records by itself that leases have ended: dated at their end, not before the grace is over, and only once.

#include "adapters/embedded/ledger.h"
#include "tests/support/client_commands.h"
#include "tests/support/daemon.h"
#include "tests/support/http_get.h"

#include <map>

namespace leaseledger::test {
namespace {

using namespace std::chrono_literals;

class RpcExpiry : public ::testing::Test {
 protected:
  void begin(const std::string& expiry) {
    daemon_ = std::make_unique<Daemon>("[expiry]\n" + expiry,
                                       "http = \"127.0.0.1:" + std::to_string(port_) + "\"\n");
    ASSERT_TRUE(daemon_->start());
    client_ = daemon_->client().value();
    submit(numbered_subnet());
  }
  Answer submit(const Envelope& command) {
    const auto answer = client_->submit(std::span(&command, 1)).value().front();
    EXPECT_TRUE(answer.accepted()) << answer.error.to_string();
    return answer;
  }
  void lease(unsigned n, Instant until) {
    Envelope command = numbered_client(0, n);
    std::get<CreateClient>(command.command).valid_until = until;
    submit(command);
  }
  static Instant now() { return SystemClock().now(); }

  /// The records of ended leases, by key.
  std::map<LeaseKey, Record> ended() {
    std::map<LeaseKey, Record> out;
    EXPECT_TRUE(client_->log({.kind = EventKind::kLeaseExpired}, [&](const Record& record) {
      const auto& fact = std::get<LeaseExpired>(record.event);
      EXPECT_TRUE(out.emplace(fact.lease.key, record).second) << "it ended twice";
      return true;
    }));
    return out;
  }
  bool within(std::chrono::milliseconds patience, std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (ended().size() < count) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  void expect_record(const Record& record, Instant end, std::chrono::milliseconds grace) {
    EXPECT_EQ(record.effective_at, end);
    EXPECT_GE(record.recorded_at, end + grace);
    EXPECT_EQ(record.actor, "leaseledgerd");
    EXPECT_EQ(record.door, "expiry");
  }

  const int port_ = free_port();
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<rpc::Client> client_;
};

TEST_F(RpcExpiry, RecordsTheEndOfLeasesAtTheirEndInAsManySubmissionsAsItTakes) {
  ASSERT_NO_FATAL_FAILURE(begin("interval = \"100ms\"\nbatch = 3\n"));
  const Instant end = now() + 1s;
  for (unsigned n = 0; n < 10; ++n) lease(n, end + n * 10ms);
  lease(20, now() + 1h);
  lease(21, Instant::max());
  ASSERT_TRUE(within(20s, 10));
  EXPECT_EQ(client_->lease(numbered_key(0, 0), {}).value().lease, std::nullopt);
  for (const auto& [key, record] : ended()) {
    const auto n = static_cast<unsigned>(key.address.low & 0xFFFF);
    ASSERT_LT(n, 10U);
    expect_record(record, end + n * 10ms, 0ms);
  }
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(ended().size(), 10U);
  EXPECT_EQ(metric(port_, "leaseledger_expired_total"), 10);
  EXPECT_TRUE(client_->lease(numbered_key(0, 20), {}).value().lease);
  EXPECT_TRUE(client_->lease(numbered_key(0, 21), {}).value().lease);
  EXPECT_EQ(client_->log().tail(), 1U + 12U + 10U) << "nothing else is recorded";
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(RpcExpiry, WaitsForTheGraceAndDatesTheEndAtItsEnd) {
  ASSERT_NO_FATAL_FAILURE(begin("interval = \"100ms\"\ngrace = \"2s\"\n"));
  const Instant end = now() + 200ms;
  lease(1, end);
  lease(2, end);
  std::this_thread::sleep_for(700ms);
  if (now() < end + 2s) EXPECT_EQ(ended().size(), 0U);
  // One that was renewed in time, which the server says late, goes on.
  ReportLease renewed;
  renewed.key = numbered_key(0, 2);
  renewed.duid = numbered_duid(0, 2);
  renewed.iaid = Iaid{2};
  renewed.valid_lifetime = Lifetime{3600};
  submit({.command = renewed, .effective_at = end - 50ms});
  ASSERT_TRUE(within(20s, 1));
  const auto records = ended();
  ASSERT_TRUE(records.contains(numbered_key(0, 1)));
  expect_record(records.at(numbered_key(0, 1)), end, 2s);
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(ended().size(), 1U);
  EXPECT_TRUE(client_->lease(numbered_key(0, 2), {}).value().lease);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(RpcExpiry, CatchesUpWithWhatEndedWhileItWasDown) {
  ASSERT_NO_FATAL_FAILURE(begin("enabled = false\ninterval = \"100ms\"\n"));
  const Instant end = now() + 100ms;
  for (unsigned n = 0; n < 5; ++n) lease(n, end + n * 10ms);
  std::this_thread::sleep_for(700ms);
  EXPECT_EQ(ended().size(), 0U) << "it was told not to";
  const Position tail = client_->log().tail();
  daemon_->kill();
  daemon_->set_more("[expiry]\ninterval = \"100ms\"\n");
  ASSERT_TRUE(daemon_->start());
  ASSERT_TRUE(within(20s, 5));
  for (const auto& [key, record] : ended())
    expect_record(record, end + static_cast<unsigned>(key.address.low & 0xFFFF) * 10ms, 0ms);
  EXPECT_EQ(client_->log().tail(), tail + 5);
  daemon_->kill();
  ASSERT_TRUE(daemon_->start());
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(client_->log().tail(), tail + 5) << "they ended once";
  EXPECT_EQ(daemon_->stop(), 0);
  const auto ledger = Ledger::open(daemon_->ledger()).value();
  EXPECT_TRUE(ledger->verify().value().ok());
}

}  // namespace
}  // namespace leaseledger::test
