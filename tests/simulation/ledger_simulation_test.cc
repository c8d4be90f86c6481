// The whole ledger on disk against the oracle: random commands, reopened now and then, views stored after every few records;
// what it says about past positions, past times and who held what must be what the oracle's own history says.

#include "adapters/embedded/ledger.h"
#include "tests/simulation/generator.h"
#include "tests/simulation/oracle.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

namespace leaseledger::simulation {
namespace {

/// The oracle's holds: who had which key from when to when, from the difference between one state and the next.
class HoldKeeper {
 public:
  void note(const OracleState& before, const OracleState& after, Instant at) {
    std::set<LeaseKey> keys;
    for (const auto& [key, lease] : before.leases) keys.insert(key);
    for (const auto& [key, lease] : after.leases) keys.insert(key);
    for (const auto& key : keys) {
      const auto p = before.leases.find(key);
      const auto n = after.leases.find(key);
      const bool held = p != before.leases.end() && p->second.state == LeaseState::kActive;
      const bool holds = n != after.leases.end() && n->second.state == LeaseState::kActive;
      const bool same = held && holds && p->second.duid == n->second.duid &&
                        p->second.iaid == n->second.iaid && p->second.type == n->second.type;
      // A hold that was over can only go on when nothing but its name was edited.
      const bool goes_on =
          same && (p->second.valid_until > at || p->second.valid_until == n->second.valid_until);
      if (held && !goes_on) {
        running_.at(key).until = std::min(p->second.valid_until, at);
        finish(key);
      }
      if (holds && !goes_on)
        running_[key] = {key, n->second.duid, n->second.iaid, at,
                         std::max(at, n->second.valid_until)};
      if (goes_on) running_.at(key).until = std::max(running_.at(key).from, n->second.valid_until);
    }
  }
  std::vector<Hold> all() const {
    std::vector<Hold> out = done_;
    for (const auto& [key, hold] : running_) out.push_back(hold);
    std::erase_if(out, [](const Hold& hold) { return hold.until <= hold.from; });
    return out;
  }

 private:
  void finish(const LeaseKey& key) {
    done_.push_back(running_.at(key));
    running_.erase(key);
  }
  std::vector<Hold> done_;
  std::map<LeaseKey, Hold> running_;
};

std::string text(const LeaseKey& key, const Duid& duid, Iaid iaid, Instant from, Instant until) {
  return format_lease_key(key) + " " + duid.to_string() + "/" +
         std::to_string(static_cast<std::uint32_t>(iaid)) + " " + format_instant(from) + " to " +
         format_instant(until);
}
std::string text(const Hold& h) { return text(h.key, h.duid, h.iaid, h.from, h.until); }
std::string text(const HeldSpan& h) {
  return text(h.span.key, h.duid, h.iaid, h.span.from, h.span.until);
}

/// Every key that the generator can make.
std::vector<LeaseKey> all_keys() {
  std::set<LeaseKey> keys;
  test::Random random(77);
  Generator generator(random);
  for (int i = 0; i < 3000; ++i) keys.insert(generator.key());
  return {keys.begin(), keys.end()};
}

class LedgerSimulation : public ::testing::Test {
 protected:
  void open() {
    ledger_.reset();
    LedgerOptions options;
    options.clock = &clock_;
    options.view_flush_events = 1 + random_.below(40);
    options.snapshot_every = 50;
    auto opened = std::filesystem::exists(folder_.path() / "ledger")
                      ? Ledger::open(folder_.path() / "ledger", options)
                      : Ledger::create(folder_.path() / "ledger", options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    ledger_ = std::move(*opened);
  }

  void step() {
    clock_.advance(std::chrono::milliseconds{1 + random_.below(3000)});
    const Envelope envelope{.command = generator_.command()};
    const OracleState before = oracle_.state();
    const Win32 expected = oracle_.run(envelope.command, clock_.now(), clock_.now());
    const auto answer = ledger_->submit(admin_, envelope);
    ASSERT_TRUE(answer) << answer.error().to_string();
    ASSERT_EQ(answer->code, expected)
        << name_of(envelope.command) << " " << answer->error.to_string();
    holds_.note(before, oracle_.state(), clock_.now());
    history_[ledger_->tail()] = {clock_.now(), oracle_.state()};
  }

  struct Moment {
    Instant at{};
    OracleState state;
  };

  void compare_position(const Queries& queries, Position position, const Moment& moment) {
    const AsOf as_of = queries.at_position(position).value();
    for (const auto& key : keys_) {
      const auto row = queries.lease(key, as_of);
      ASSERT_TRUE(row) << row.error().to_string();
      const auto it = moment.state.leases.find(key);
      const bool there =
          it != moment.state.leases.end() && it->second.valid_until > as_of.judged_at;
      ASSERT_EQ(row->has_value(), there) << format_lease_key(key) << " at " << position;
      if (!there) continue;
      const OracleLease& wanted = it->second;
      ASSERT_EQ((*row)->lease.duid, wanted.duid) << format_lease_key(key) << " at " << position;
      ASSERT_EQ((*row)->lease.iaid, wanted.iaid);
      ASSERT_EQ((*row)->lease.state, wanted.state);
      ASSERT_EQ((*row)->lease.valid_until, wanted.valid_until);
      ASSERT_EQ((*row)->effective_at, wanted.effective_at);
      ASSERT_EQ((*row)->subnet, wanted.subnet);
      if (wanted.state == LeaseState::kActive)
        ASSERT_EQ((*row)->description.name, wanted.name)
            << format_lease_key(key) << " at " << position;
    }
    for (const auto& [prefix, subnet] : moment.state.subnets) {
      // Page by page, all leases of the subnet in order.
      std::vector<LeaseKey> listed;
      std::optional<LeaseKey> after;
      do {
        const auto page = queries.leases_in(prefix, as_of, after, 3);
        ASSERT_TRUE(page) << page.error().to_string();
        for (const auto& row : page->leases) listed.push_back(row.lease.key);
        after = page->next;
      } while (after);
      std::vector<LeaseKey> wanted;
      SubnetUsage usage;
      for (const auto& [key, lease] : moment.state.leases) {
        if (lease.subnet != prefix) continue;
        ++(lease.state == LeaseState::kActive     ? usage.active
           : lease.state == LeaseState::kDeclined ? usage.declined
                                                  : usage.reserved);
        if (lease.valid_until > as_of.judged_at) wanted.push_back(key);
      }
      ASSERT_EQ(listed, wanted) << prefix.to_string() << " at " << position;
      const auto figures = queries.usage(prefix, position);
      ASSERT_TRUE(figures) << figures.error().to_string();
      ASSERT_EQ(figures->usage.active, usage.active) << prefix.to_string() << " at " << position;
      ASSERT_EQ(figures->usage.declined, usage.declined);
      ASSERT_EQ(figures->usage.reserved, usage.reserved);
    }
    for (int i = 0; i < 3; ++i) {
      const Duid duid = generator_.duid();
      const auto rows = queries.leases_of(duid, std::nullopt, as_of);
      ASSERT_TRUE(rows);
      std::vector<LeaseKey> listed;
      for (const auto& row : *rows) listed.push_back(row.lease.key);
      std::vector<LeaseKey> wanted;
      for (const auto& [key, lease] : moment.state.leases) {
        if (lease.duid == duid && lease.valid_until > as_of.judged_at) wanted.push_back(key);
      }
      ASSERT_EQ(listed, wanted) << duid.to_string() << " at " << position;
    }
    const Instant until = as_of.judged_at + std::chrono::seconds{random_.below(60)};
    const auto expiring = queries.expiring(as_of.judged_at, until, as_of, 1000);
    ASSERT_TRUE(expiring);
    std::multiset<Instant> ends;
    for (const auto& row : *expiring) ends.insert(row.lease.valid_until);
    std::multiset<Instant> wanted;
    for (const auto& [key, lease] : moment.state.leases) {
      if (lease.valid_until >= as_of.judged_at && lease.valid_until < until)
        wanted.insert(lease.valid_until);
    }
    ASSERT_EQ(ends, wanted);
  }

  void compare_holds(const Queries& queries) {
    const auto holds = holds_.all();
    const Instant now = clock_.now();
    for (int i = 0; i < 40; ++i) {
      const Instant time = start_ + std::chrono::nanoseconds{random_.below(
                                        static_cast<std::uint64_t>((now - start_).count()))};
      const Ipv6Address address = generator_.address();
      const auto answer = queries.who(address, time, queries.position());
      ASSERT_TRUE(answer) << answer.error().to_string();
      std::set<std::string> said;
      for (const auto& holder : answer->holders) said.insert(text(holder));
      std::set<std::string> wanted;
      for (const auto& hold : holds) {
        if (hold.key.contains(address) && hold.from <= time && time < hold.until)
          wanted.insert(text(hold));
      }
      ASSERT_EQ(said, wanted) << address.to_string() << " at " << format_instant(time);
    }
    for (int i = 0; i < 4; ++i) {
      const LeaseKey key = generator_.key();
      std::set<std::string> said;
      const auto spans = queries.history(key, false, queries.position()).value();
      for (const auto& span : spans) {
        if (span.span.until > span.span.from) said.insert(text(span));
      }
      std::set<std::string> wanted;
      for (const auto& hold : holds) {
        if (hold.key == key) wanted.insert(text(hold));
      }
      ASSERT_EQ(said, wanted) << format_lease_key(key);
    }
    // The same through the questions about leases: what was the case at a time.
    const Instant time =
        start_ +
        std::chrono::nanoseconds{random_.below(static_cast<std::uint64_t>((now - start_).count()))};
    const AsOf then{queries.position(), time, time};
    std::map<LeaseKey, Duid> held_then;
    for (const auto& hold : holds) {
      if (hold.from <= time && time < hold.until) held_then[hold.key] = hold.duid;
    }
    const auto page = queries.leases_in(Ipv6Prefix{}, then, std::nullopt, 1000).value();
    std::map<LeaseKey, Duid> listed_then;
    for (const auto& row : page.leases) listed_then[row.lease.key] = row.lease.duid;
    ASSERT_EQ(listed_then, held_then) << format_instant(time);
    for (const auto& key : keys_) {
      const auto row = queries.lease(key, then).value();
      ASSERT_EQ(row.has_value(), held_then.count(key) != 0) << format_lease_key(key);
    }
    const Duid duid = generator_.duid();
    const Instant from =
        start_ +
        std::chrono::nanoseconds{random_.below(static_cast<std::uint64_t>((now - start_).count()))};
    const auto held = queries.held_by(duid, from, now, queries.position()).value();
    for (const auto& hold : holds) {
      if (hold.duid != duid || hold.until <= from || hold.from >= now) continue;
      // It stands in one of the merged spans.
      EXPECT_TRUE(std::ranges::any_of(held, [&](const HeldSpan& span) {
        return span.span.key == hold.key && span.iaid == hold.iaid && span.span.from <= hold.from &&
               hold.until <= span.span.until;
      })) << text(hold);
    }
    for (const auto& span : held) {
      std::chrono::nanoseconds covered{0};
      for (const auto& hold : holds) {
        if (hold.duid == duid && hold.key == span.span.key && hold.iaid == span.iaid &&
            hold.from >= span.span.from && hold.until <= span.span.until) {
          covered += hold.until - hold.from;
        }
      }
      EXPECT_EQ(covered, span.span.until - span.span.from)
          << text(span) << ": merged spans have no gaps";
    }
  }

  const test::SeedScope scope_;
  test::Random random_{5};
  Generator generator_{random_};
  test::TemporaryDirectory folder_;
  const Instant start_{std::chrono::seconds{1'770'000'000}};
  ManualClock clock_{start_};
  const Principal admin_{"unix:alice", Role::kAdministrator, "simulation"};
  const std::vector<LeaseKey> keys_ = all_keys();
  std::unique_ptr<Ledger> ledger_;
  Oracle oracle_;
  HoldKeeper holds_;
  std::map<Position, Moment> history_;
};

TEST_F(LedgerSimulation, AnswersAboutEveryPastMomentAreTheOracles) {
  open();
  const int steps = test::campaign() ? 20'000 : 1'500;
  for (int i = 1; i <= steps; ++i) {
    step();
    if (HasFatalFailure()) return;
    if (random_.one_in(150)) open();
    if (i % 100 != 0) continue;
    const auto queries = ledger_->queries();
    ASSERT_TRUE(queries) << queries.error().to_string();
    for (int j = 0; j < 4; ++j) {
      auto it = history_.lower_bound(1 + random_.below(ledger_->tail()));
      if (it == history_.end()) it = std::prev(it);
      compare_position(*queries, it->first, it->second);
      if (HasFatalFailure()) return;
    }
    compare_holds(*queries);
    if (HasFatalFailure()) return;
  }
  const auto verified = ledger_->verify().value();
  for (const auto& finding : verified.findings)
    ADD_FAILURE() << finding.check << " " << finding.position << " " << finding.what;
  EXPECT_TRUE(ledger_->replay()->equal());
  EXPECT_EQ(ledger_->rebuild_views().value(), std::vector<std::string>{}) << "the views were right";
  compare_holds(*ledger_->queries());
  open();
  compare_holds(*ledger_->queries());
}

TEST_F(LedgerSimulation, ReadersSeeWholeRecordsWhileViewsAreStored) {
  open();
  for (int i = 0; i < 50; ++i) step();
  std::atomic<bool> done = false;
  std::atomic<int> asked = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      while (!done) {
        const auto queries = ledger_->queries();
        ASSERT_TRUE(queries);
        for (const auto& key : keys_) {
          const auto row = queries->lease(key, queries->now(start_));
          ASSERT_TRUE(row) << row.error().to_string();
          const auto spans = queries->history(key, true, queries->position());
          ASSERT_TRUE(spans) << spans.error().to_string();
        }
        ++asked;
      }
    });
  }
  for (int i = 0; i < 400 && !HasFatalFailure(); ++i) step();
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_GT(asked, 0);
}

}  // namespace
}  // namespace leaseledger::simulation
