#pragma once
// Random lease facts of every odd kind that evolve() takes, on a book and on a map beside it.

#include "ledger/lease_book.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace leaseledger::test {

inline auto all_of(const BookLease& l) {
  return std::tuple(l.lease.key, l.lease.type, l.lease.state, l.lease.duid, l.lease.iaid,
                    l.lease.subnet_id, l.lease.valid_until, l.lease.preferred_until, l.lease.tenure,
                    l.lease.described, l.last, l.effective_at);
}

class OddLeases {
 public:
  using Leases = std::map<LeaseKey, BookLease>;

  /// `book` is empty.
  OddLeases(Random& random, LeaseBook book) : random_(random), book_(std::move(book)) {
    for (const char* text : {"::/3", "2001:db8::/32", "4000::/2"}) {
      SubnetCreated fact;
      fact.subnet.prefix = Ipv6Prefix::parse(text).value();
      fact.subnet.id = book_.next_subnet_id();
      fold(Event(fact), Instant{});
      subnets_.push_back(fact.subnet);
    }
  }

  LeaseBook& book() { return book_; }
  const Leases& expected() const { return leases_; }
  void expect(const Leases& leases) { leases_ = leases; }
  /// No odd times and positions from now on.
  void plain(bool plain) { plain_ = plain; }

  /// One fact.
  void step() {
    // Now and then many more than before are there, or few are left.
    if (random_.one_in(700)) keys_ = 10 + random_.below(plain_ ? 30'000 : 600);
    auto at = leases_.end();
    if (!leases_.empty() && (random_.below(3) != 0 || leases_.size() >= keys_)) {
      at = leases_.lower_bound(some_key().first);
      if (at == leases_.end()) at = leases_.begin();
    }
    if (at == leases_.end()) {
      begin_lease();
    } else if (leases_.size() > keys_ || random_.one_in(4)) {
      end_lease(at);
    } else {
      change_lease(at);
    }
  }

  /// Leases until there are so many.
  void fill_up(std::size_t count) {
    while (leases_.size() < count) begin_lease();
    keys_ = count;
  }

  Instant some_time() {
    if (!plain_) {
      if (random_.one_in(12)) return kForever;
      if (random_.one_in(12)) return kUnset;
      if (random_.one_in(8))
        return Instant{std::chrono::nanoseconds{static_cast<std::int64_t>(random_.engine()())}};
    }
    return Instant{
        std::chrono::seconds{1'772'000'000 + static_cast<std::int64_t>(random_.below(50))}};
  }

  void compare() {
    const auto sorted = leases_of_book();
    ASSERT_EQ(sorted.size(), leases_.size());
    ASSERT_EQ(book_.lease_count(), leases_.size());
    std::size_t i = 0;
    for (const auto& [key, lease] : leases_) {
      ASSERT_TRUE(all_of(sorted[i++]) == all_of(lease)) << key.to_string();
      book_.prefetch(key);
      book_.prefetch_slot(key);
      const auto found = book_.find(key);
      ASSERT_TRUE(found && all_of(*found) == all_of(lease)) << key.to_string();
      ASSERT_EQ(book_.last_event(key), lease.last);
      if (random_.below(leases_.size()) < 50) compare_client(lease.lease);
    }
    compare_lapsed(some_time(), random_.below(leases_.size() + 2));
    std::map<SubnetId, SubnetUsage> usage;
    for (const auto& [key, lease] : leases_) {
      auto& of = usage[lease.lease.subnet_id];
      ++(lease.lease.state == LeaseState::kActive     ? of.active
         : lease.lease.state == LeaseState::kDeclined ? of.declined
                                                      : of.reserved);
    }
    for (const auto& subnet : subnets_) {
      const auto is = book_.usage(subnet.id);
      const auto& want = usage[subnet.id];
      ASSERT_EQ(std::tuple(is.active, is.declined, is.reserved),
                std::tuple(want.active, want.declined, want.reserved));
    }
  }

  void compare_lapsed(Instant now, std::size_t limit) {
    std::vector<const BookLease*> want;
    for (const auto& [key, lease] : leases_) {
      if (lease.lease.valid_until <= now && lease.lease.valid_until != kForever)
        want.push_back(&lease);
    }
    std::ranges::sort(
        want, {}, [](const BookLease* l) { return std::pair(l->lease.valid_until, l->lease.key); });
    if (want.size() > limit) want.resize(limit);
    const auto is = book_.lapsed(now, limit);
    ASSERT_EQ(is.size(), want.size());
    for (std::size_t i = 0; i < is.size(); ++i) ASSERT_TRUE(all_of(is[i]) == all_of(*want[i])) << i;
  }

 private:
  std::vector<BookLease> leases_of_book() {
    std::vector<BookLease> out;
    book_.for_each([&out](const BookLease& lease) { out.push_back(lease); });
    return out;
  }

  void compare_client(const Lease& of) {
    std::vector<BookLease> want;
    for (const auto& [key, lease] : leases_) {
      const Lease& l = lease.lease;
      if (l.state != LeaseState::kDeclined && l.duid == of.duid && l.iaid == of.iaid &&
          l.type == of.type && l.subnet_id == of.subnet_id) {
        want.push_back(lease);
      }
    }
    const auto is = book_.leases_of(of.subnet_id, of.duid, of.iaid, of.type);
    ASSERT_EQ(is.size(), want.size());
    for (std::size_t i = 0; i < is.size(); ++i) ASSERT_TRUE(all_of(is[i]) == all_of(want[i]));
    const auto first = book_.find_client(of.subnet_id, of.duid, of.iaid, of.type);
    ASSERT_EQ(first.has_value(), !want.empty());
    if (first) ASSERT_TRUE(all_of(*first) == all_of(want.front()));
  }

  std::pair<LeaseKey, SubnetId> some_key() {
    const Subnet& subnet = subnets_[random_.below(subnets_.size())];
    const auto length = static_cast<std::uint8_t>(
        random_.one_in(2) ? 128
                          : subnet.prefix.length + random_.below(129U - subnet.prefix.length));
    // Few halves, so that networks are shared, come and go.
    const Ipv6Address bits{random_.below(4) * 0x0000'0100'0000'0100U,
                           random_.one_in(4) ? random_.below(8) : random_.engine()()};
    const Ipv6Address inside{
        subnet.prefix.address.high | (bits.high & (~0ULL >> subnet.prefix.length)), bits.low};
    return {{inside.masked(length), length}, subnet.id};
  }

  Duid some_duid() {
    std::array<std::uint8_t, Duid::kMaxSize> octets{};
    static constexpr std::size_t kSizes[] = {0, 1, 13, 14, 15, 16, 18, 60, 129, 130};
    const std::size_t size = kSizes[random_.below(std::size(kSizes))];
    for (auto& octet : octets) octet = static_cast<std::uint8_t>(random_.below(2));
    return Duid::from_bytes(std::span(octets).first(size)).value();
  }

  Position some_position(Position at_most) {
    if (!plain_ && random_.one_in(20)) return random_.engine()();
    return 1 + random_.below(std::max<Position>(at_most, 1));
  }

  void fill(Lease& lease, Instant effective) {
    lease.iaid = Iaid{static_cast<std::uint32_t>(random_.below(3))};
    lease.type = static_cast<LeaseType>(random_.below(3));
    lease.duid = some_duid();
    times(lease, effective);
  }
  void times(Lease& lease, Instant effective) {
    const bool whole = !plain_ && random_.one_in(2) && effective != kForever &&
                       effective != kUnset &&
                       effective.time_since_epoch() < std::chrono::hours{24 * 365 * 200} &&
                       effective.time_since_epoch() > -std::chrono::hours{24 * 365 * 200};
    const auto after = [&] {
      return effective + std::chrono::seconds{static_cast<int>(random_.below(5)) - 2};
    };
    lease.valid_until = whole ? after() : some_time();
    lease.preferred_until = whole ? after() : some_time();
  }

  void begin_lease() {
    const auto [key, subnet] = some_key();
    const Instant effective = some_time();
    if (leases_.contains(key)) return;
    Lease lease;
    fill(lease, effective);
    lease.key = key;
    lease.subnet_id = subnet;
    if (random_.one_in(6)) {
      lease.state = LeaseState::kDeclined;
      if (random_.one_in(20) && !leases_.contains(LeaseKey{})) lease.key = {};  // ::/0, outside
      fold_lease<LeaseDeclined>(lease, effective);
      return;
    }
    lease.state = random_.one_in(5) ? LeaseState::kReserved : LeaseState::kActive;
    if (random_.one_in(3)) lease.tenure = some_position(book_.position());
    if (random_.one_in(3)) lease.described = some_position(book_.position());
    fold_lease<ClientCreated>(lease, effective);
  }

  void change_lease(Leases::iterator at) {
    const Instant effective = some_time();
    Lease lease = at->second.lease;
    times(lease, effective);
    if (random_.one_in(3)) lease.described = some_position(book_.position());
    if (lease.state == LeaseState::kActive && random_.one_in(5)) {
      lease.state = LeaseState::kDeclined;
      fold_lease<LeaseDeclined>(lease, effective);
    } else if (random_.one_in(4)) {
      const Lease before = lease;
      fill(lease, effective);
      if (random_.one_in(2)) lease.duid = before.duid;
      if (random_.one_in(3)) lease.tenure = some_position(book_.position());
      fold_lease<ClientChanged>(lease, effective);
    } else {
      if (lease.state == LeaseState::kReserved) {
        lease.tenure = 0;
        lease.state = LeaseState::kActive;
      }
      fold_lease<LeaseRenewed>(lease, effective);
    }
  }

  void end_lease(Leases::iterator at) {
    LeaseReleased fact;
    fact.lease = at->second.lease;
    leases_.erase(at);
    fold(Event(fact), some_time());
  }

  template <typename Fact>
  void fold_lease(const Lease& lease, Instant effective) {
    Fact fact;
    fact.lease = lease;
    const Position position = book_.position() + 1;
    BookLease after{lease, position, effective};
    if (after.lease.tenure == 0) after.lease.tenure = position;
    if (after.lease.described == 0) after.lease.described = position;
    leases_.insert_or_assign(lease.key, after);
    fold(Event(fact), effective);
  }

  void fold(const Event& event, Instant effective) {
    const Instant recorded = book_.last_recorded_at() == kUnset
                                 ? Instant{}
                                 : book_.last_recorded_at() + std::chrono::nanoseconds{1};
    const auto folded = evolve(book_, book_.position() + 1, recorded, effective, event);
    ASSERT_TRUE(folded) << folded.error().to_string();
  }

  Random& random_;
  LeaseBook book_;
  Leases leases_;
  std::vector<Subnet> subnets_;
  std::uint64_t keys_ = 300;
  bool plain_ = false;
};

}  // namespace leaseledger::test
