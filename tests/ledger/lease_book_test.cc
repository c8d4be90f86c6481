// LeaseBook against a map: random facts with odd values, taken back and kept, through growth and deletion; expiry against a
// search through everything. Images are in book_image_test.cc.

#include "ledger/lease_book.h"

#include "tests/ledger/odd_leases.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace leaseledger {
namespace {

using test::OddLeases;
using test::Random;
using test::SeedScope;

std::vector<std::uint8_t> canonical(const LeaseBook& book) {
  std::vector<std::uint8_t> out;
  book.write([&out](std::span<const std::uint8_t> part) {
    out.insert(out.end(), part.begin(), part.end());
  });
  return out;
}

/// An empty book that stands at `position`.
LeaseBook book_at(Position position) {
  auto bytes = canonical(LeaseBook{});
  for (unsigned i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(position >> (8 * i));
  return LeaseBook::read(bytes).value();
}

TEST(LeaseBook, IsWhatAMapWouldBeWhateverTheFacts) {
  const SeedScope scope;
  for (std::uint64_t round = 0; round < 4; ++round) {
    Random random(round);
    // Positions beyond 2^40 have no room in a slot.
    OddLeases odd(random, book_at(round % 2 == 0 ? 0 : (Position{1} << 40) - 700));
    const int steps = test::campaign() ? 100'000 : 10'000;
    for (int step = 0; step < steps; ++step) {
      odd.step();
      if (::testing::Test::HasFatalFailure()) return;
      if (step % 1000 == 999) odd.compare();
      if (step % 5000 == 4999) {
        const LeaseBook again = LeaseBook::read(canonical(odd.book())).value();
        ASSERT_EQ(canonical(again), canonical(odd.book()));
      }
    }
    odd.compare();
  }
}

TEST(LeaseBook, TakesBackAWholeChain) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  for (int chain = 0; chain < 200; ++chain) {
    const auto before = canonical(odd.book());
    const auto leases = odd.expected();
    odd.book().begin();
    for (std::uint64_t n = random.below(40); n > 0; --n) odd.step();
    if (random.one_in(3)) {
      odd.book().commit();
      continue;
    }
    odd.book().rollback();
    odd.expect(leases);
    ASSERT_EQ(canonical(odd.book()), before);
    odd.compare();
  }
}

TEST(LeaseBook, LapsedIsTheSoonestFirstThenByKey) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  odd.plain(true);  // no odd times: many leases in few seconds, ties among them
  odd.fill_up(10'000);
  for (int i = 0; i < 100; ++i) {
    for (int n = 0; n < 200; ++n) odd.step();
    const Instant now = random.one_in(10) ? kForever : odd.some_time();
    const std::size_t limit = random.one_in(5) ? random.below(3) : random.below(3'000);
    odd.compare_lapsed(now, limit);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(LeaseBook, AMillionLapsedAtOnceAreExpiredThousandByThousand) {
  LeaseBook book;
  const auto ns = [](std::uint64_t value) { return Instant{std::chrono::nanoseconds{value}}; };
  SubnetCreated subnet;
  subnet.subnet.id = 1;
  subnet.subnet.prefix = Ipv6Prefix::parse("2001:db8::/64").value();
  Position position = 0;
  ++position;
  ASSERT_TRUE(evolve(book, position, ns(position), ns(0), Event(subnet)));
  const std::uint64_t count = test::campaign() ? 1'000'000 : 100'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    ClientCreated fact;
    const std::uint64_t spread = i * 0x9e37'79b9'7f4a'7c15U;
    fact.lease.key = {{0x2001'0db8'0000'0000U, spread}, kAddressLength};
    fact.lease.iaid = Iaid{static_cast<std::uint32_t>(i)};
    fact.lease.subnet_id = 1;
    fact.lease.valid_until = ns(1'000'000 + spread % 1'000'000'000);
    ++position;
    ASSERT_TRUE(evolve(book, position, ns(position), ns(0), Event(fact)));
  }
  Instant before = kUnset;
  while (book.lease_count() > 0) {
    const auto lapsed = book.lapsed(ns(2'000'000'000), 1'000);
    ASSERT_EQ(lapsed.size(), std::min<std::size_t>(1'000, book.lease_count()));
    for (const auto& each : lapsed) {
      ASSERT_GE(each.lease.valid_until, before);
      before = each.lease.valid_until;
      LeaseExpired fact;
      fact.lease = each.lease;
      ++position;
      ASSERT_TRUE(evolve(book, position, ns(position), before, Event(fact)));
    }
  }
  EXPECT_TRUE(book.lapsed(kForever, 1).empty());
  EXPECT_EQ(book.usage(1).expired, count);
}

TEST(LeaseBook, ManySubnetsAreFoundByAnyAddressInThem) {
  LeaseBook book;
  const auto ns = [](std::uint64_t value) { return Instant{std::chrono::nanoseconds{value}}; };
  Position position = 0;
  constexpr std::uint32_t kSubnets = 5'000;
  for (std::uint32_t id = 1; id <= kSubnets; ++id) {
    SubnetCreated fact;
    fact.subnet.id = id;
    fact.subnet.prefix = {{0x2001'0db8'0000'0000U + std::uint64_t{id * 7919 % 8'191} * 2, 0}, 64};
    ++position;
    ASSERT_TRUE(evolve(book, position, ns(position), ns(0), Event(fact)));
  }
  for (std::uint32_t id = 1; id <= kSubnets; ++id) {
    const Ipv6Prefix prefix = book.find_subnet(id)->prefix;
    const Subnet* found = book.subnet_of({{prefix.address.high, id}, kAddressLength});
    ASSERT_TRUE(found != nullptr && found->id == id);
    ASSERT_EQ(book.subnet_of({{prefix.address.high + 1, id}, kAddressLength}), nullptr);
  }
}

}  // namespace
}  // namespace leaseledger
