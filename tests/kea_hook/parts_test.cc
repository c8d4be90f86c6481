// The parts of the hook library that know no Kea: parameters, the spool, the sender against a ledger that the test plays.

#include "adapters/kea_hook/sender.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <random>

namespace leaseledger::test {
namespace {

using namespace std::chrono_literals;
using namespace leaseledger::kea_hook;
using ::testing::HasSubstr;
using Kind = Parameter::Kind;

// ---- parameters --------------------------------------------------------------------------------------------------------

TEST(HookOptions, EveryParameterIsRead) {
  std::vector<std::string> problems;
  const Options options = read_options({{"url", {Kind::kText, "https://ledger.example/"}},
                                        {"user", {Kind::kText, "kea1"}},
                                        {"password", {Kind::kText, "secret"}},
                                        {"ca-file", {Kind::kText, "/etc/ca.pem"}},
                                        {"cert-file", {Kind::kText, "/etc/c.pem"}},
                                        {"key-file", {Kind::kText, "/etc/k.pem"}},
                                        {"server", {Kind::kText, "north"}},
                                        {"durability", {Kind::kText, "before-reply"}},
                                        {"on-outage", {Kind::kText, "refuse"}},
                                        {"queue-limit", {Kind::kNumber, "10"}},
                                        {"spool-file", {Kind::kText, "/var/lib/kea/spool"}},
                                        {"spool-limit", {Kind::kNumber, "8192"}},
                                        {"timeout", {Kind::kNumber, "500"}},
                                        {"batch", {Kind::kNumber, "7"}},
                                        {"ha-partner", {Kind::kText, "report"}}},
                                       problems);
  EXPECT_THAT(problems, ::testing::IsEmpty());
  EXPECT_EQ(options.url, "https://ledger.example/");
  EXPECT_EQ(options.server, "north");
  EXPECT_TRUE(options.before_reply);
  EXPECT_FALSE(options.carry_on);
  EXPECT_EQ(options.queue_limit, 10U);
  EXPECT_EQ(options.spool_limit, 8192U);
  EXPECT_EQ(options.timeout_ms, 500U);
  EXPECT_EQ(options.batch, 7U);
  EXPECT_TRUE(options.report_ha_partner);
}

TEST(HookOptions, WhatIsWrongIsNamedWithWhatWouldBeRight) {
  std::vector<std::string> problems;
  read_options({{"url", {Kind::kText, "unix:/x"}},
                {"durability", {Kind::kText, "maybe"}},
                {"timeout", {Kind::kText, "500"}},
                {"batch", {Kind::kNumber, "0"}},
                {"queue-limit", {Kind::kNumber, "-1"}},
                {"spool-file", {Kind::kText, "relative"}},
                {"user", {Kind::kText, "a"}},
                {"password-file", {Kind::kText, "/nowhere"}},
                {"pasword", {Kind::kText, "x"}}},
               problems);
  const std::string all = [&] {
    std::string out;
    for (const auto& each : problems) out += each + "\n";
    return out;
  }();
  for (const char* expected :
       {"url 'unix:/x': a URL such as", "durability 'maybe': \"before-reply\" or \"async\"",
        "timeout '500': a number from 10 to 600000", "batch '0': a number from 1 to 4096",
        "queue-limit '-1': a number from 1", "spool-file 'relative': an absolute path",
        "password-file '/nowhere': a file whose first line", "pasword: not a parameter"})
    EXPECT_THAT(all, HasSubstr(expected));
  problems.clear();
  read_options({{"password", {Kind::kNumber, "12345"}}}, problems);
  EXPECT_THAT(problems[0], ::testing::Not(HasSubstr("12345"))) << "a password is not shown";
}

// ---- the spool ---------------------------------------------------------------------------------------------------------

class HookSpool : public ::testing::Test {
 protected:
  std::string path() const { return (folder_.path() / "spool").string(); }
  static std::vector<std::string> all(Spool& spool) {
    std::vector<std::string> out;
    for (auto next = spool.next(7); !next.empty(); next = spool.next(7)) {
      out.insert(out.end(), next.begin(), next.end());
      spool.sent();
    }
    return out;
  }
  TemporaryDirectory folder_;
};

TEST_F(HookSpool, GivesBackInOrderAlsoToTheNextProcess) {
  std::vector<std::string> expected;
  {
    Spool spool(path(), 1 << 20);
    for (int i = 0; i < 100; ++i) {
      expected.push_back("entry " + std::to_string(i) +
                         std::string(static_cast<std::size_t>(i), 'x'));
      ASSERT_TRUE(spool.append(expected.back()));
    }
    EXPECT_EQ(spool.next(3), std::vector<std::string>(expected.begin(), expected.begin() + 3));
    EXPECT_EQ(spool.next(3), std::vector<std::string>(expected.begin(), expected.begin() + 3))
        << "not sent, so given again";
  }
  Spool spool(path(), 1 << 20);
  EXPECT_EQ(all(spool), expected);
  EXPECT_TRUE(spool.empty());
  EXPECT_EQ(std::filesystem::file_size(path()), 8U) << "cut when it is empty";
}

TEST_F(HookSpool, IsBounded) {
  Spool spool(path(), 200);
  std::size_t taken = 0;
  while (spool.append(std::string(32, 'x'))) ++taken;
  EXPECT_EQ(taken, 4U);
  EXPECT_EQ(all(spool).size(), taken);
  EXPECT_TRUE(spool.append("again"));
}

TEST_F(HookSpool, ATornOrDamagedEndIsLeftOut) {
  const SeedScope scope;
  std::mt19937_64 random(seed());
  for (int round = 0; round < 200; ++round) {
    std::filesystem::remove(path());
    std::vector<std::string> entries;
    {
      Spool spool(path(), 1 << 20);
      for (int i = 0; i < 10; ++i) {
        entries.push_back("entry " + std::to_string(i) + std::string(random() % 50, 'y'));
        ASSERT_TRUE(spool.append(entries.back()));
      }
    }
    const auto size = std::filesystem::file_size(path());
    const bool cut = random() % 2 == 0;
    const auto at = 8 + random() % (size - 8);
    if (cut) {
      std::filesystem::resize_file(path(), at);
    } else {
      std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const auto octet = static_cast<char>(file.get() ^ (1 << random() % 8));
      file.seekp(static_cast<std::streamoff>(at));
      file.put(octet);
    }
    Spool spool(path(), 1 << 20);
    ASSERT_TRUE(spool.usable());
    const auto left = all(spool);
    ASSERT_LT(left.size(), entries.size());
    for (std::size_t i = 0; i < left.size(); ++i) ASSERT_EQ(left[i], entries[i]);
    ASSERT_TRUE(spool.append("new")) << "and it goes on";
  }
}

TEST_F(HookSpool, SomebodyElsesFileIsNotTouched) {
  std::ofstream(path()) << "the lease file of somebody";
  const Spool spool(path(), 1 << 20);
  EXPECT_FALSE(spool.usable());
  EXPECT_THAT(spool.problem(), HasSubstr("spool-file"));
  EXPECT_EQ(std::filesystem::file_size(path()), 26U);
  EXPECT_FALSE(Spool("/nowhere/spool", 1 << 20).usable());
}

// ---- answers -----------------------------------------------------------------------------------------------------------

TEST(HookAnswer, OnlyAResultOfNothingIsGood) {
  const auto good = read_answer(
      R"([ { "result": 0, "text": "x", "arguments": { "recorded": 3, "repeated": 2, "refused": [ { "id": "a" } ] } } ])");
  EXPECT_TRUE(good.good);
  EXPECT_EQ(good.recorded, 3U);
  EXPECT_EQ(good.repeated, 2U);
  EXPECT_EQ(good.refused.size(), 1U);
  for (const char* bad : {"", "nonsense", "[]", "{}", "[ { \"result\": \"0\" } ]",
                          "[ { \"result\": 1, \"text\": \"busy\" } ]", "[ { \"result\": 0 } ]",
                          "[ { \"result\": 0, \"arguments\": 5 } ]", "<html>", "[1,2]",
                          "{\"result\":0,\"arguments\":{}}"}) {
    const auto answer = read_answer(bad);
    EXPECT_FALSE(answer.good) << bad;
    EXPECT_FALSE(answer.problem.empty()) << bad;
  }
}

// ---- the sender --------------------------------------------------------------------------------------------------------

/// A ledger that remembers what it got, by id, and can be away or lose its answers.
struct PlayedLedger {
  std::mutex mutex;
  std::vector<std::string> recorded;  // in order, each once
  std::set<std::string> known;
  std::atomic<bool> away{false};
  std::atomic<int> lose_answers{0};
  std::atomic<int> requests{0};
  std::chrono::milliseconds delay{0};

  Transport::Answer take(const std::string& body) {
    ++requests;
    std::this_thread::sleep_for(delay);
    Transport::Answer out;
    if (away) {
      out.problem = "away";
      return out;
    }
    const auto json = nlohmann::json::parse(body);
    const std::lock_guard lock(mutex);
    for (const auto& packet : json["arguments"]["packets"]) {
      const std::string id = packet["id"];
      if (known.insert(id).second) {
        recorded.push_back(id);
        ++out.recorded;
      } else {
        ++out.repeated;
      }
    }
    if (lose_answers > 0) {
      --lose_answers;
      out.problem = "the connection broke";
      return out;
    }
    out.good = true;
    return out;
  }
};

class PlayedTransport final : public Transport {
 public:
  explicit PlayedTransport(PlayedLedger& ledger) : ledger_(ledger) {}
  Answer send(const std::string& body) override { return ledger_.take(body); }

 private:
  PlayedLedger& ledger_;
};

std::string packet_text(int number) { return "{\"id\":\"" + std::to_string(number) + "\"}"; }

class HookSender : public ::testing::Test {
 protected:
  std::unique_ptr<Sender> make(const Options& options) {
    return std::make_unique<Sender>(options, std::make_unique<PlayedTransport>(ledger_), listener_);
  }
  template <typename Condition>
  static bool soon(Condition condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
    return condition();
  }
  std::size_t recorded() {
    const std::lock_guard lock(ledger_.mutex);
    return ledger_.recorded.size();
  }
  testing::AssertionResult in_order(int count) {
    const std::lock_guard lock(ledger_.mutex);
    if (ledger_.recorded.size() != static_cast<std::size_t>(count))
      return testing::AssertionFailure() << ledger_.recorded.size() << " of " << count;
    for (int i = 0; i < count; ++i)
      if (ledger_.recorded[static_cast<std::size_t>(i)] != std::to_string(i))
        return testing::AssertionFailure()
               << "at " << i << ": " << ledger_.recorded[static_cast<std::size_t>(i)];
    return testing::AssertionSuccess();
  }
  Options spooling() const {
    Options out;
    out.spool_file = (folder_.path() / "spool").string();
    out.timeout_ms = 200;
    return out;
  }
  TemporaryDirectory folder_;
  PlayedLedger ledger_;
  Listener listener_;
};

TEST_F(HookSender, SendsInOrderAndManyTogether) {
  ledger_.delay = 5ms;
  const auto sender = make({});
  std::atomic<int> done{0};
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(sender->add(packet_text(i), 1,
                            [&](Outcome outcome) { done += outcome == Outcome::kRecorded; }));
  ASSERT_TRUE(soon([&] { return done == 1000; }));
  EXPECT_TRUE(in_order(1000));
  EXPECT_LT(ledger_.requests, 50);
  EXPECT_EQ(sender->counters().events_recorded, 1000U);
}

TEST_F(HookSender, AnAnswerThatIsLostCountsNothingTwice) {
  ledger_.lose_answers = 3;
  const auto sender = make({});
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i) sender->add(packet_text(i), 1, [&](Outcome) { ++done; });
  ASSERT_TRUE(soon([&] { return recorded() == 20 && sender->counters().queue == 0; }));
  EXPECT_TRUE(in_order(20));
  EXPECT_EQ(done, 20);
}

TEST_F(HookSender, RefusingHoldsForTheTimeoutAndKeepsTheEvents) {
  Options options;
  options.carry_on = false;
  options.timeout_ms = 150;
  ledger_.away = true;
  const auto sender = make(options);
  std::atomic<int> late{0};
  const auto begun = std::chrono::steady_clock::now();
  sender->add(packet_text(0), 1, [&](Outcome outcome) { late += outcome == Outcome::kLate; });
  ASSERT_TRUE(soon([&] { return late == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 150ms);
  ledger_.away = false;
  ASSERT_TRUE(soon([&] { return recorded() == 1; }))
      << "the lease is in Kea: it is history all the same";
}

TEST_F(HookSender, CarryingOnSpoolsAndCatchesUpInOrder) {
  {
    ledger_.away = true;
    const auto sender = make(spooling());
    std::atomic<int> spooled{0};
    for (int i = 0; i < 100; ++i)
      sender->add(packet_text(i), 1,
                  [&](Outcome outcome) { spooled += outcome == Outcome::kSpooled; });
    ASSERT_TRUE(soon([&] { return spooled == 100; }));
    EXPECT_GT(sender->counters().spool_bytes, 0U);
    for (int i = 100; i < 150; ++i) sender->add(packet_text(i), 1, {});
  }
  // Another process, and the ledger is back. What comes now comes behind what was spooled.
  ledger_.away = false;
  const auto sender = make(spooling());
  for (int i = 150; i < 200; ++i) sender->add(packet_text(i), 1, {});
  ASSERT_TRUE(soon([&] { return recorded() == 200; }));
  EXPECT_TRUE(in_order(200));
  EXPECT_TRUE(soon([&] { return sender->counters().spool_bytes == 0; }));
}

TEST_F(HookSender, OutagesAtAnyMomentLoseAndDoubleNothing) {
  const SeedScope scope;
  std::mt19937_64 random(seed());
  std::optional<std::unique_ptr<Sender>> sender = make(spooling());
  int count = 0;
  for (int round = 0; round < 40; ++round) {
    ledger_.away = random() % 2 == 0;
    if (random() % 5 == 0) ledger_.lose_answers = 1;
    for (auto n = random() % 50; n > 0; --n)
      ASSERT_TRUE((*sender)->add(packet_text(count++), 1, {}));
    if (random() % 8 == 0) {
      sender.reset();  // Kea is stopped
      sender = make(spooling());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
  }
  ledger_.away = false;
  ledger_.lose_answers = 0;
  ASSERT_TRUE(soon([&] { return recorded() == static_cast<std::size_t>(count); }));
  EXPECT_TRUE(in_order(count));
}

TEST_F(HookSender, AFullQueueIsSaidAndAFullSpoolToo) {
  Options options = spooling();
  options.queue_limit = 5;
  options.spool_limit = 4096;
  ledger_.delay = 100ms;
  ledger_.away = true;
  const auto sender = make(options);
  int taken = 0;
  for (int i = 0; i < 50; ++i) taken += sender->add(packet_text(i), 2, {}) ? 1 : 0;
  EXPECT_LT(taken, 50);
  EXPECT_EQ(sender->counters().events_dropped, static_cast<std::uint64_t>(2 * (50 - taken)));
  const auto before = sender->counters().events_dropped;
  for (int i = 0; i < 400; ++i) {
    sender->add(packet_text(i), 1, {});
    if (i % 4 == 0) std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(soon([&] { return sender->counters().events_dropped > before; }));
}

TEST_F(HookSender, EndsSoonAlsoWhenTheLedgerIsAway) {
  ledger_.away = true;
  auto sender = make(spooling());
  for (int i = 0; i < 10; ++i) sender->add(packet_text(i), 1, {});
  const auto begun = std::chrono::steady_clock::now();
  sender.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  Spool left(spooling().spool_file, 1 << 20);
  EXPECT_EQ(left.next(100).size(), 10U);
}

}  // namespace
}  // namespace leaseledger::test
