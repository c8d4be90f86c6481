// A daemon that is killed while fifty clients write, and started again: what it has answered is there, once.

#include "adapters/embedded/ledger.h"
#include "adapters/rpc/new_command_id.h"
#include "tests/support/client_commands.h"
#include "tests/support/daemon.h"
#include "tests/support/seed.h"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace leaseledger::test {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kClients = 50;

/// One answer that a client was given.
struct Acknowledged {
  unsigned who = 0;
  unsigned number = 0;
  Position first = 0;
  Position last = 0;
  std::optional<CommandId> id;
};

/// Clients that write until they are told to stop, or cannot any more.
class Load {
 public:
  Load(const Daemon& daemon, std::chrono::milliseconds retry_for) {
    rpc::ClientOptions options = daemon.options();
    options.retry_for = retry_for;
    options.call_timeout = 60s;
    options.connect_timeout = 60s;
    for (unsigned who = 0; who < kClients; ++who)
      threads_.emplace_back([this, options, who] { write(options, who); });
  }
  ~Load() { stop(); }

  void stop() {
    stop_ = true;
    wait();
  }
  /// Until none can go on.
  void wait() {
    for (auto& each : threads_)
      if (each.joinable()) each.join();
  }
  std::uint64_t count() const { return count_; }
  /// After stop() or wait().
  const std::vector<Acknowledged>& acknowledged() const { return acknowledged_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  void write(const rpc::ClientOptions& options, unsigned who) {
    auto client = rpc::Client::connect(options);
    // The first connection may meet the first kill.
    for (int i = 0; i < 500 && !client && options.retry_for > 0ms; ++i) {
      std::this_thread::sleep_for(20ms);
      client = rpc::Client::connect(options);
    }
    if (!client) return fail(client.error().to_string());
    Random random(who + 1000);
    for (unsigned next = 0; !stop_;) {
      std::vector<Envelope> commands;
      const auto size = 1 + random.below(8);
      for (unsigned i = 0; i < size; ++i) {
        commands.push_back(numbered_client(who, next + i));
        // The others get their ids from the client.
        if (random.one_in(2)) commands.back().id = rpc::new_command_id();
      }
      const auto answers = (*client)->submit(commands);
      if (!answers) return fail(answers.error().to_string());
      std::vector<Acknowledged> fresh;
      for (unsigned i = 0; i < size; ++i) {
        const Answer& answer = (*answers)[i];
        if (!answer.accepted()) return fail(answer.error.to_string());
        fresh.push_back({who, next + i, answer.first, answer.last, commands[i].id});
      }
      // A caller who does it all over gets the same answer, also when the daemon has been killed meanwhile.
      if (commands.front().id && random.one_in(4)) {
        const auto again = (*client)->submit(std::span(commands).first(1));
        if (!again) return fail(again.error().to_string());
        const Answer& answer = again->front();
        if (!answer.accepted() || !answer.repeated || answer.first != fresh.front().first ||
            answer.last != fresh.front().last)
          return fail("the repeated command was answered otherwise than before");
      }
      next += static_cast<unsigned>(size);
      count_ += size;
      const std::lock_guard lock(mutex_);
      acknowledged_.insert(acknowledged_.end(), fresh.begin(), fresh.end());
    }
  }
  void fail(std::string error) {
    const std::lock_guard lock(mutex_);
    errors_.push_back(std::move(error));
  }

  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> count_ = 0;
  std::mutex mutex_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<std::string> errors_;
  std::vector<std::thread> threads_;
};

/// Waits until the load has been answered so many more commands.
void let_write(const Load& load, std::uint64_t commands) {
  const std::uint64_t goal = load.count() + commands;
  for (int i = 0; i < 3000 && load.count() < goal; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(load.count(), goal);
}

/// Opens what the daemon has left behind: sound, and everything that was answered is there once and where it was said to be.
void expect_all_there(const Daemon& daemon, const Load& load) {
  auto opened = Ledger::open(daemon.ledger());
  ASSERT_TRUE(opened) << opened.error().to_string();
  Ledger& ledger = **opened;
  const auto verified = ledger.verify();
  ASSERT_TRUE(verified) << verified.error().to_string();
  EXPECT_TRUE(verified->ok());

  std::map<LeaseKey, Position> created;
  std::map<Position, std::optional<CommandId>> ids;
  std::set<CommandId> seen;
  Record record;
  const auto scanned =
      ledger.log().read(1, ledger.tail(), Direction::kForward, [&](const StoredRecord& stored) {
        record = read_record(ledger.log(), stored.position).value();
        if (const auto* fact = std::get_if<ClientCreated>(&record.event)) {
          EXPECT_TRUE(created.emplace(fact->lease.key, record.position).second)
              << format_lease_key(fact->lease.key) << " was created twice";
          ids.emplace(record.position, record.command_id);
        }
        if (record.command_id) {
          EXPECT_TRUE(seen.insert(*record.command_id).second)
              << "one id twice at " << record.position;
        }
        EXPECT_NE(kind_of(record.event), EventKind::kCommandRefused) << record.position;
        return true;
      });
  EXPECT_TRUE(scanned);
  std::size_t wrong = 0;
  for (const auto& each : load.acknowledged()) {
    const auto found = created.find(numbered_key(each.who, each.number));
    const bool right = found != created.end() && found->second == each.first &&
                       each.first == each.last && (!each.id || ids[each.first] == each.id);
    if (!right && ++wrong < 10) {
      ADD_FAILURE() << format_lease_key(numbered_key(each.who, each.number)) << " answered as "
                    << each.first << " is "
                    << (found == created.end() ? "nowhere" : "at " + std::to_string(found->second));
    }
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_GE(created.size(), load.acknowledged().size());
  ledger.read_book([&](const LeaseBook& book) { EXPECT_EQ(book.lease_count(), created.size()); });
  EXPECT_TRUE(ledger.close());
}

TEST(RpcCrash, NothingAcknowledgedIsLostAndNothingIsDoneTwiceWhenTheDaemonIsKilledUnderLoad) {
  const SeedScope scope;
  Random random(1);
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  ASSERT_TRUE(
      daemon.client().value()->submit(std::vector{numbered_subnet()}).value()[0].accepted());
  Load load(daemon, 120s);
  const int kills = campaign() ? 60 : 3;
  for (int i = 0; i < kills && !testing::Test::HasFailure(); ++i) {
    let_write(load, 200 + random.below(800));
    daemon.kill();
    if (random.one_in(3)) std::this_thread::sleep_for(std::chrono::milliseconds(random.below(300)));
    const auto started = daemon.start();
    EXPECT_TRUE(started);
    if (started && random.one_in(3)) {  // and before the clients are back
      std::this_thread::sleep_for(std::chrono::milliseconds(random.below(50)));
      daemon.kill();
      EXPECT_TRUE(daemon.start());
    }
  }
  let_write(load, 200);
  load.stop();
  for (const auto& each : load.errors()) ADD_FAILURE() << each;
  EXPECT_EQ(daemon.stop(), 0);
  expect_all_there(daemon, load);
}

TEST(RpcCrash, WhatWasAnsweredBeforeTheLastKillIsThereWithoutACleanEnd) {
  const SeedScope scope;
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  ASSERT_TRUE(
      daemon.client().value()->submit(std::vector{numbered_subnet()}).value()[0].accepted());
  Load load(daemon, 0ms);
  let_write(load, 500);
  daemon.kill();
  load.wait();
  EXPECT_EQ(load.errors().size(), kClients);  // each was told that it does not know
  expect_all_there(daemon, load);
}

TEST(RpcCrash, EndsInOrderUnderLoadWhenItIsTold) {
  const SeedScope scope;
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  ASSERT_TRUE(
      daemon.client().value()->submit(std::vector{numbered_subnet()}).value()[0].accepted());
  Load load(daemon, 0ms);
  let_write(load, 500);
  double seconds = 0;
  EXPECT_EQ(daemon.stop(&seconds), 0) << daemon.log();
  EXPECT_LT(seconds, kSanitized ? 5.0 : 2.0);
  load.wait();
  expect_all_there(daemon, load);
}

}  // namespace
}  // namespace leaseledger::test
