// Random commands, one by one, in batches and in chains, against the oracle: the same answers, the same state after each
// record batch, and the same state again when the log is folded from the beginning or from a snapshot.

#include "commands/command_handler.h"
#include "commands/fields.h"
#include "ledger/memory_log.h"
#include "replay/replay.h"
#include "tests/simulation/generator.h"
#include "tests/simulation/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace leaseledger::simulation {
namespace {

OracleState state_of(const LeaseBook& book) {
  OracleState out;
  for (const Subnet* subnet : book.subnets()) {
    OracleSubnet s;
    s.name = subnet->name;
    s.preferred = subnet->preferred_lifetime;
    s.valid = subnet->valid_lifetime;
    for (const auto& r : book.reservations(subnet->id))
      s.reservations[r.key] = {r.duid, r.iaid, r.type};
    for (const auto& e : book.exclusions(subnet->id)) s.exclusions.emplace_back(e.first, e.last);
    std::ranges::sort(s.exclusions);
    for (const auto& p : book.pools(subnet->id)) s.pools[p.prefix] = p.delegated_length;
    out.subnets[subnet->prefix] = s;
  }
  book.for_each([&](const BookLease& l) {
    out.leases[l.lease.key] = {l.lease.type,
                               l.lease.state,
                               l.lease.duid,
                               l.lease.iaid,
                               book.find_subnet(l.lease.subnet_id)->prefix,
                               l.lease.valid_until,
                               l.effective_at,
                               ""};
  });
  return out;
}

OracleState without_names(OracleState state) {
  for (auto& [key, lease] : state.leases) lease.name.clear();
  return state;
}

std::string describe(const OracleState& state, const OracleState& but_not = {}) {
  std::string out;
  for (const auto& [prefix, subnet] : state.subnets) out += prefix.to_string() + " ";
  for (const auto& [key, l] : state.leases) {
    if (const auto it = but_not.leases.find(key); it != but_not.leases.end() && it->second == l)
      continue;
    out += "\n  " + format_lease_key(key) + " " + std::string(name_of(l.state)) + " " +
           l.duid.to_string() + "/" + std::to_string(static_cast<std::uint32_t>(l.iaid)) +
           " until " + format_instant(l.valid_until) + " effective " +
           format_instant(l.effective_at);
  }
  return out;
}

std::string describe(const Envelope& envelope) {
  std::string out(name_of(envelope.command));
  for (const auto& [name, value] : arguments_of(envelope.command)) out += " " + name + "=" + value;
  if (envelope.effective_at) out += " at " + format_instant(*envelope.effective_at);
  return out;
}

TEST(RulesSimulation, TheLedgerDoesWhatTheOracleDoes) {
  const test::SeedScope scope;
  test::Random random(3);
  Generator generator(random);
  ManualClock clock{Instant{std::chrono::seconds{1'770'000'000}}};
  MemoryLog log;
  auto handler = CommandHandler::start(log, LeaseBook{}, nullptr, clock).value();
  const Principal admin{"unix:alice", Role::kAdministrator, "simulation"};
  Oracle oracle;
  std::map<Position, OracleState> history = {{0, {}}};
  std::map<Win32, int> codes;
  const int rounds = test::campaign() ? 60'000 : 6'000;
  for (int round = 0; round < rounds; ++round) {
    clock.advance(std::chrono::milliseconds{1 + random.below(4000)});
    const Chain chain = random.one_in(5) ? Chain::kAllOrNothing : Chain::kEach;
    std::vector<Envelope> batch(1 + random.below(5));
    for (auto& envelope : batch) {
      envelope.command = generator.command();
      if (random.one_in(6))
        envelope.effective_at = clock.now() - std::chrono::milliseconds{random.below(30'000)};
    }
    const auto answers = handler->submit(admin, batch, chain).value();

    Oracle next = oracle;
    bool all = true;
    std::vector<Win32> expected;
    for (const auto& envelope : batch) {
      const Win32 code =
          all || chain == Chain::kEach
              ? next.run(envelope.command, clock.now(), envelope.effective_at.value_or(clock.now()))
              : Win32::kOperationAborted;
      expected.push_back(code);
      if (chain == Chain::kAllOrNothing && code != Win32::kSuccess && all) {
        all = false;
        std::fill(expected.begin(), expected.end() - 1, Win32::kOperationAborted);
      }
    }
    if (all || chain == Chain::kEach) oracle = next;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ++codes[answers[i].code];
      ASSERT_EQ(name_of(answers[i].code), name_of(expected[i]))
          << "round " << round << ": " << describe(batch[i]) << "\n"
          << answers[i].error.to_string() << "\n"
          << describe(oracle.state());
    }
    handler->read_book([&](const LeaseBook& book) {
      const auto sound = book.check_invariants();
      ASSERT_TRUE(sound) << sound.error().to_string();
      const OracleState actual = state_of(book);
      const OracleState wanted = without_names(oracle.state());
      std::string commands;
      for (std::size_t i = 0; i < batch.size(); ++i)
        commands += describe(batch[i]) + " -> " + std::string(name_of(answers[i].code)) + "\n";
      ASSERT_TRUE(actual == wanted)
          << "round " << round << " now " << format_instant(clock.now()) << "\n"
          << commands << "ledger: " << describe(actual, wanted)
          << "\noracle: " << describe(wanted, actual);
      history[book.position()] = without_names(oracle.state());
    });
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(codes.size(), 10U) << "the commands reach most codes";

  // Replay: any past position, from the beginning, and through a snapshot's bytes.
  for (int i = 0; i < 40; ++i) {
    auto it = history.lower_bound(random.below(log.tail() + 1));
    if (it == history.end()) it = std::prev(it);
    LeaseBook book = book_at(log, nullptr, it->first).value();
    ASSERT_EQ(state_of(book), it->second) << it->first;
    std::vector<std::uint8_t> bytes;
    book.write([&](std::span<const std::uint8_t> part) {
      bytes.insert(bytes.end(), part.begin(), part.end());
    });
    LeaseBook restored = LeaseBook::read(bytes).value();
    ASSERT_EQ(restored.digest(), book.digest());
    ASSERT_TRUE(fold(log, restored, log.tail()));
    handler->read_book([&](const LeaseBook& live) { ASSERT_EQ(restored.digest(), live.digest()); });
  }
}

TEST(RulesSimulation, DamagedSnapshotsAreRefusedOrHarmless) {
  const test::SeedScope scope;
  test::Random random(4);
  Generator generator(random);
  ManualClock clock{Instant{std::chrono::seconds{1'770'000'000}}};
  MemoryLog log;
  auto handler = CommandHandler::start(log, LeaseBook{}, nullptr, clock).value();
  for (int i = 0; i < 400; ++i) {
    clock.advance(std::chrono::seconds{1});
    ASSERT_TRUE(handler->submit({"unix:alice", Role::kAdministrator, ""},
                                Envelope{.command = generator.command()}));
  }
  std::vector<std::uint8_t> bytes;
  handler->read_book([&](const LeaseBook& book) {
    book.write([&](std::span<const std::uint8_t> part) {
      bytes.insert(bytes.end(), part.begin(), part.end());
    });
  });
  for (int i = 0; i < 3000; ++i) {
    auto damaged = bytes;
    if (random.one_in(4)) {
      damaged.resize(random.below(damaged.size()));
    } else {
      damaged[random.below(damaged.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    }
    (void)LeaseBook::read(
        damaged);  // must not crash; the file's digest catches what reads well (BookSnapshots)
  }
}

}  // namespace
}  // namespace leaseledger::simulation
