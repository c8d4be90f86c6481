// A daemon compared with a Kea server that the test plays: what is missing is recorded, nothing else is touched.

#include "tests/support/certificates.h"
#include "tests/support/daemon.h"
#include "tests/support/kea_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

namespace leaseledger::test {
namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A Kea that has leases and does nothing with them.
class PlayedKea {
 public:
  explicit PlayedKea(std::string path) : path_(std::move(path)) {}

  void start(int pid = 100) {
    pid_ = pid;
    socket_ = std::make_unique<ControlSocket>(
        path_, [this](const Json& request) { return answer(request); });
  }
  void stop() { socket_.reset(); }

  void put(const std::string& address, int client, std::int64_t cltt, int state = 0,
           std::int64_t valid = 4000) {
    char duid[40];
    std::snprintf(duid, sizeof duid, "00:03:00:01:02:00:00:00:%02x:%02x", client >> 8,
                  client & 255);
    const std::lock_guard lock(mutex_);
    leases_[*Ipv6Address::parse(address)] = {
        {"ip-address", address}, {"type", "IA_NA"},       {"duid", state == 1 ? "00" : duid},
        {"iaid", client},        {"subnet-id", 1},        {"cltt", cltt},
        {"valid-lft", valid},    {"preferred-lft", 3000}, {"state", state},
        {"hostname", ""},        {"fqdn-fwd", false},     {"fqdn-rev", false}};
  }
  void remove(const std::string& address) {
    const std::lock_guard lock(mutex_);
    leases_.erase(*Ipv6Address::parse(address));
  }
  void add_nonsense() {
    const std::lock_guard lock(mutex_);
    leases_[*Ipv6Address::parse("2001:db8:1::bad")] = {{"ip-address", "2001:db8:1::bad"},
                                                       {"duid", 5}};
  }
  /// Called when a page is asked for, before it is made.
  std::function<void()> on_page;
  std::atomic<int> pages{0};

 private:
  Json answer(const Json& request) {
    const std::string command = request.value("command", "");
    const Json arguments = request.value("arguments", Json::object());
    if (command == "status-get") return {{"result", 0}, {"arguments", {{"pid", pid_}}}};
    if (command == "config-get")
      return {{"result", 0},
              {"arguments",
               {{"Dhcp6",
                 {{"valid-lifetime", 4000},
                  {"subnet6", Json::array({{{"id", 1}, {"subnet", "2001:db8:1::/48"}}})}}}}}};
    if (command == "lease6-get") {
      const std::lock_guard lock(mutex_);
      const auto found =
          leases_.find(*Ipv6Address::parse(arguments["ip-address"].get<std::string>()));
      if (found == leases_.end()) return {{"result", 3}, {"text", "Lease not found."}};
      return {{"result", 0}, {"arguments", found->second}};
    }
    if (command != "lease6-get-page") return {{"result", 2}, {"text", "not supported"}};
    ++pages;
    if (on_page) on_page();
    const std::lock_guard lock(mutex_);
    const std::string from = arguments["from"];
    auto next = from == "start" ? leases_.begin() : leases_.upper_bound(*Ipv6Address::parse(from));
    Json list = Json::array();
    for (; next != leases_.end() && list.size() < arguments["limit"].get<std::size_t>(); ++next)
      list.push_back(next->second);
    return {{"result", list.empty() ? 3 : 0}, {"arguments", {{"leases", list}}}};
  }

  const std::string path_;
  int pid_ = 0;
  std::mutex mutex_;
  std::map<Ipv6Address, Json> leases_;
  std::unique_ptr<ControlSocket> socket_;
};

class KeaReconciler : public ::testing::Test {
 protected:
  void start(const std::string& interval = "0s") {
    daemon_.set_more("[kea]\nunix = \"" + door() +
                     "\"\n[[kea.server]]\nname = \"kea1\"\ncontrol = \"unix:" + control() +
                     "\"\ninterval = \"" + interval + "\"\n[expiry]\nenabled = false\n");
    ASSERT_TRUE(daemon_.start());
    client_ = daemon_.client().value();
  }
  std::string control() const { return (daemon_.folder() / "ctrl").string(); }
  std::string door() const { return (daemon_.folder() / "door").string(); }

  KeaServerStatus status() { return client_->kea_servers().value().at(0); }
  /// Waits until `runs` comparisons have come to their end.
  testing::AssertionResult wait_for_runs(std::uint64_t runs) {
    for (int i = 0; i < 3000; ++i) {
      const auto now_is = status();
      if (now_is.runs >= runs && !now_is.running) return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return testing::AssertionFailure()
           << status().runs << " runs: " << status().error << daemon_.log();
  }
  KeaServerStatus compare() {
    const auto before = status().runs;
    EXPECT_TRUE(client_->compare_with_kea("kea1"));
    EXPECT_TRUE(wait_for_runs(before + 1));
    return status();
  }
  Json lease(const std::string& address) {
    const Json answer = Json::parse(ask_unix(
        door(), Json{{"command", "lease6-get"}, {"arguments", {{"ip-address", address}}}}.dump()));
    return answer["result"] == 0 ? answer["arguments"] : Json();
  }
  std::vector<Record> records_about(const std::string& address) {
    LogFilter filter;
    filter.key = *parse_lease_key(address);
    std::vector<Record> out;
    EXPECT_TRUE(client_->log(filter, [&](const Record& record) {
      out.push_back(record);
      return true;
    }));
    return out;
  }
  Answer submit(const ReportLease& report, Instant at) {
    const Envelope envelope{.command = report, .effective_at = at};
    return client_->submit({&envelope, 1}).value()[0];
  }

  Daemon daemon_;
  std::unique_ptr<rpc::Client> client_;
  PlayedKea kea_{control()};
};

TEST_F(KeaReconciler, WhatIsMissingChangedOrGoneIsRecordedAsObserved) {
  const std::int64_t then = now() - 500;
  for (int n = 1; n <= 2500; ++n) kea_.put("2001:db8:1::" + std::to_string(n), n, then);
  kea_.start();
  start();
  ASSERT_TRUE(wait_for_runs(1));
  EXPECT_EQ(status().compared, 2500U);
  EXPECT_EQ(status().missing, 2500U);
  EXPECT_EQ(compare().missing, 0U) << "a second comparison finds nothing";
  EXPECT_EQ(status().recorded_in_all, 2500U);

  kea_.put("2001:db8:1::10", 10, then + 100);     // renewed
  kea_.put("2001:db8:1::11", 4000, then + 100);   // another client
  kea_.put("2001:db8:1::12", 12, then + 100, 1);  // declined
  kea_.remove("2001:db8:1::13");
  kea_.put("2001:db8:1::f000", 5000, then);  // new
  kea_.add_nonsense();
  const auto found = compare();
  EXPECT_EQ(found.missing, 1U);
  EXPECT_EQ(found.changed, 3U);
  EXPECT_EQ(found.absent, 1U);
  EXPECT_GE(found.unreadable, 1U);
  EXPECT_EQ(lease("2001:db8:1::10")["cltt"], then + 100);
  EXPECT_EQ(lease("2001:db8:1::11")["iaid"], 4000);
  EXPECT_EQ(lease("2001:db8:1::12")["state"], 1);
  EXPECT_TRUE(lease("2001:db8:1::13").is_null());
  EXPECT_EQ(lease("2001:db8:1::f000")["iaid"], 5000);
  const auto gone = records_about("2001:db8:1::13");
  ASSERT_EQ(gone.size(), 2U) << "appended, never rewritten";
  EXPECT_EQ(gone[1].cause, "reconcile");
  EXPECT_EQ(gone[1].door, "kea-reconcile");
  EXPECT_EQ(gone[1].actor, "kea:kea1");
  const auto again = compare();
  EXPECT_EQ(again.missing + again.changed + again.absent, 0U);
  EXPECT_TRUE(client_->verify().value().ok());
}

TEST_F(KeaReconciler, LeavesAloneWhatIsNotTheServers) {
  kea_.start();
  start();
  ASSERT_TRUE(wait_for_runs(1));
  // One that an administrator made here, one that another server reported.
  CreateClient mine;
  mine.key = *parse_lease_key("2001:db8:1::a");
  mine.duid = *Duid::parse("00:03:00:01:aa");
  const Envelope envelope{.command = mine};
  ASSERT_TRUE(client_->submit({&envelope, 1}).value()[0].accepted());
  ReportLease other;
  other.key = *parse_lease_key("2001:db8:1::b");
  other.duid = *Duid::parse("00:03:00:01:bb");
  other.valid_lifetime = Lifetime{4000};
  other.owner_name = "kea2";
  ASSERT_TRUE(submit(other, SystemClock().now()).accepted());
  EXPECT_EQ(compare().absent, 0U);
  EXPECT_FALSE(lease("2001:db8:1::a").is_null());
  EXPECT_FALSE(lease("2001:db8:1::b").is_null());
}

TEST_F(KeaReconciler, WhatTheLedgerKnowsLaterIsNotTakenBack) {
  const std::int64_t then = now() - 500;
  kea_.put("2001:db8:1::1", 1, then);
  kea_.start();
  start();
  ASSERT_TRUE(wait_for_runs(1));
  // The renewal arrives on its road before the server's page does.
  ReportLease renewal;
  renewal.key = *parse_lease_key("2001:db8:1::1");
  renewal.duid = *Duid::parse("00:03:00:01:02:00:00:00:00:01");
  renewal.iaid = Iaid{1};
  renewal.valid_lifetime = Lifetime{4000};
  renewal.owner_name = "kea1";
  ASSERT_TRUE(submit(renewal, Instant{std::chrono::seconds{then + 300}}).accepted());
  const auto found = compare();
  EXPECT_EQ(found.changed + found.missing + found.absent, 0U);
  EXPECT_EQ(lease("2001:db8:1::1")["cltt"], then + 300);
}

TEST_F(KeaReconciler, ALeaseThatComesWhileItComparesIsNotTakenForGone) {
  const std::int64_t then = now() - 500;
  kea_.put("2001:db8:1::1", 1, then);
  kea_.start();
  start();
  ASSERT_TRUE(wait_for_runs(1));
  // Between the first page and the search for absent ones a lease is assigned: the server has it, its page did not.
  std::atomic<bool> armed{true};
  kea_.on_page = [&] {
    if (kea_.pages < 2 || !armed.exchange(false)) return;
    std::thread([&] {
      kea_.put("2001:db8:1::0", 9, now());
      ReportLease fresh;
      fresh.key = *parse_lease_key("2001:db8:1::0");
      fresh.duid = *Duid::parse("00:03:00:01:02:00:00:00:00:09");
      fresh.iaid = Iaid{9};
      fresh.valid_lifetime = Lifetime{4000};
      fresh.owner_name = "kea1";
      EXPECT_TRUE(submit(fresh, Instant{std::chrono::seconds{now()}}).accepted());
    }).join();
  };
  EXPECT_EQ(compare().absent, 0U);
  EXPECT_FALSE(armed);
  EXPECT_FALSE(lease("2001:db8:1::0").is_null());
  kea_.on_page = nullptr;
}

TEST_F(KeaReconciler, ALeaseThatEndsWhileItComparesIsNotBroughtBack) {
  const std::int64_t then = now() - 500;
  kea_.put("2001:db8:1::1", 1, then);
  kea_.put("2001:db8:1::2", 2, then);
  kea_.start();
  // It is on the first page, and gone by the time that the page is looked at again.
  kea_.on_page = [this] {
    if (kea_.pages == 2) kea_.remove("2001:db8:1::2");
  };
  start();
  ASSERT_TRUE(wait_for_runs(1));
  EXPECT_FALSE(lease("2001:db8:1::1").is_null());
  EXPECT_TRUE(lease("2001:db8:1::2").is_null());
  kea_.on_page = nullptr;
  EXPECT_EQ(compare().absent, 0U);
}

TEST_F(KeaReconciler, LeasesThatEndedWhileNobodyLookedAreHistoryOnce) {
  const std::int64_t then = now() - 5000;
  kea_.put("2001:db8:1::1", 1, then, 0, 1000);  // over, and still in the server's memory
  kea_.put("2001:db8:1::2", 2, then, 1, 1000);  // a decline whose probation is over
  kea_.start();
  start();
  ASSERT_TRUE(wait_for_runs(1));
  EXPECT_EQ(status().missing, 1U);
  const ExpireLeases expire;
  const Envelope envelope{.command = expire};
  ASSERT_TRUE(client_->submit({&envelope, 1}).value()[0].accepted());
  const std::size_t count = records_about("2001:db8:1::1").size();
  const auto found = compare();
  EXPECT_EQ(found.missing + found.changed + found.absent, 0U);
  EXPECT_EQ(records_about("2001:db8:1::1").size(), count);
}

TEST_F(KeaReconciler, AServerThatIsAwaySaysSoAndIsComparedWithWhenItIsBack) {
  start();
  for (int i = 0; i < 500 && status().error.empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(status().reachable);
  EXPECT_THAT(status().error, ::testing::HasSubstr("RPC_S_SERVER_UNAVAILABLE"));
  kea_.put("2001:db8:1::1", 1, now() - 10);
  kea_.start(1);
  ASSERT_TRUE(wait_for_runs(1));
  EXPECT_EQ(status().missing, 1U);
  // Started anew between two looks: another process.
  kea_.stop();
  kea_.put("2001:db8:1::2", 2, now() - 5);
  kea_.start(2);
  ASSERT_TRUE(wait_for_runs(2));
  EXPECT_FALSE(lease("2001:db8:1::2").is_null());
}

TEST_F(KeaReconciler, ItIsDoneEveryInterval) {
  kea_.start();
  start("1s");
  EXPECT_TRUE(wait_for_runs(2));
}

}  // namespace
}  // namespace leaseledger::test
