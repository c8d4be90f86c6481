#pragma once
// Random facts on a small key space, as far as they fit the state before them. More than commands can make: facts that took
// effect long before they were recorded, renewals after a lapse, lifetimes that shrink.

#include "ledger/lease_book.h"
#include "ledger/memory_log.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <vector>

namespace leaseledger::test {

class RandomFacts {
 public:
  explicit RandomFacts(Random& random) : random_(random) { begin(); }

  EventLog& log() { return log_; }
  /// Every record so far, as the log gives it back; the one at position p is records()[p - 1].
  const std::vector<Record>& records() const { return records_; }
  Instant now() const { return now_; }

  /// Appends `count` records as one batch.
  void append(std::size_t count) {
    RecordBatch batch;
    for (std::size_t i = 0; i < count; ++i) batch.add(next());
    ASSERT_EQ(log_.append({log_.tail(), epoch_, {}, batch})->outcome, Appended::Outcome::kAppended);
    for (Position p = batch.first_position(); p <= batch.last_position(); ++p)
      records_.push_back(read_record(log_, p).value());
  }

  // The key space.
  LeaseKey key() {
    switch (random_.below(10)) {
      case 0:
        return prefix("2001:db8:100::/56");
      case 1:
        return prefix("2001:db8:100::/60");
      case 2:
        return prefix("2001:db8:100::/64");
      case 3:
        return prefix("2001:db8:100::5/128");
      case 4:
        return prefix("2001:db8:2::1/128");
      default:
        return {{0x2001'0db8'0001'0000ULL, 1 + random_.below(4)}, kAddressLength};
    }
  }
  Ipv6Address address() {
    return random_.one_in(4) ? Ipv6Address{0x2001'0db8'0100'0000ULL, 4 + random_.below(3)}
                             : key().address;
  }
  Duid duid() {
    const std::array<std::uint8_t, 3> octets = {0, 4, static_cast<std::uint8_t>(random_.below(3))};
    return Duid::from_bytes(std::span(octets).first(2 + random_.below(2))).value();
  }
  Iaid iaid() { return Iaid{static_cast<std::uint32_t>(random_.below(2))}; }
  std::string actor() { return random_.one_in(3) ? "unix:bob" : "unix:alice"; }
  static CommandId command_id(std::uint64_t number) {
    CommandId id{};
    id[0] = static_cast<std::uint8_t>(number);
    id[1] = static_cast<std::uint8_t>(number >> 8);
    return id;
  }
  static Ipv6Prefix prefix(std::string_view text) { return Ipv6Prefix::parse(text).value(); }
  static std::vector<Ipv6Prefix> subnets() {
    return {prefix("2001:db8:1::/64"), prefix("2001:db8:2::/64"), prefix("2001:db8:3::/126")};
  }

 private:
  void begin() {
    epoch_ = log_.begin_epoch().value();
    for (const auto& each : subnets()) {
      SubnetCreated created;
      created.subnet.prefix = each;
      created.subnet.id = book_.next_subnet_id();
      fold(made(created));
    }
    // Both outside of the subnet, one within the other.
    fold(made(DelegationPoolAdded{{prefix("2001:db8:100::/40"), 56, 1}}));
    fold(made(DelegationPoolAdded{{prefix("2001:db8:100::/48"), 60, 1}}));
    RecordBatch batch;
    for (const auto& record : waiting_) batch.add(record);
    LEASELEDGER_CHECK_OK(log_.append({0, epoch_, {}, batch}).map([](const Appended&) {}));
    for (Position p = 1; p <= log_.tail(); ++p) records_.push_back(read_record(log_, p).value());
  }

  Record made(Event event) {
    Record record;
    record.position = book_.position() + 1;
    record.recorded_at = record.effective_at = now_ +=
        std::chrono::milliseconds{1 + random_.below(3000)};
    record.actor = actor();
    // One command may have made several records in a row.
    if (random_.one_in(2)) ++command_;
    if (random_.one_in(4) || command_ == last_with_id_) {
      record.command_id = command_id(command_);
      if (command_ == last_with_id_) record.actor = last_actor_;
      last_with_id_ = command_;
      last_actor_ = record.actor;
    }
    record.event = std::move(event);
    return record;
  }

  void fold(Record record) {
    LEASELEDGER_CHECK_OK(evolve(book_, record));
    waiting_.push_back(std::move(record));
  }

  Record next() {
    for (;;) {
      Record record = made(event());
      if (lease_fact_of(record.event) != nullptr && random_.one_in(3))
        record.effective_at -= std::chrono::milliseconds{random_.below(40'000)};
      if (evolve(book_, record)) return record;
    }
  }

  Event event() {
    const LeaseKey at = key();
    switch (random_.below(30)) {
      case 0:
        return CommandRefused{
            .command = "CreateClient",
            .code = Win32::kDhcpClientExists,
            .arguments = {{"address", format_lease_key(at)}, {"duid", duid().to_string()}}};
      case 1:
        return NothingChanged{"ReportLease", {{"address", format_lease_key(at)}}};
      case 2: {
        const auto subnets = book_.subnets();
        SubnetChanged changed{*subnets[random_.below(subnets.size())]};
        changed.subnet.name = "name " + std::to_string(random_.below(100));
        return changed;
      }
      case 3:
        return ReservationAdded{{at, type_of(at), duid(), iaid(), subnet_of(at)}};
      case 4: {
        const auto there = book_.reservations(1);
        if (there.empty()) return NothingChanged{};
        return ReservationRemoved{there[random_.below(there.size())]};
      }
      case 5: {  // one subnet comes and goes
        const Subnet* gone = book_.find_subnet(prefix("2001:db8:3::/126"));
        if (gone != nullptr) return SubnetDeleted{*gone};
        SubnetCreated created;
        created.subnet.prefix = prefix("2001:db8:3::/126");
        created.subnet.id = book_.next_subnet_id();
        return created;
      }
      default:
        return lease_event(at);
    }
  }

  Event lease_event(const LeaseKey& at) {
    const auto there = book_.find(at);
    LeaseFact fact;
    if (!there) {
      fact.lease.key = at;
      fact.lease.type = type_of(at);
      fact.lease.duid = duid();
      fact.lease.iaid = iaid();
      fact.lease.subnet_id = subnet_of(at);
      lengthen(fact);
      describe(fact);
      if (random_.one_in(8)) {
        fact.lease.state = LeaseState::kDeclined;
        return as<LeaseDeclined>(fact);
      }
      if (random_.one_in(8)) fact.lease.state = LeaseState::kReserved;
      return as<ClientCreated>(fact);
    }
    fact.lease = there->lease;
    switch (random_.below(10)) {
      case 0:
        return as<LeaseReleased>(fact);
      case 1:
        return as<LeaseExpired>(fact);
      case 2:
        return as<ClientDeleted>(fact);
      case 3:
        fact.lease.state = LeaseState::kDeclined;
        lengthen(fact);
        return as<LeaseDeclined>(fact);
      case 4:
        describe(fact);
        fact.lease.described = 0;
        if (random_.one_in(2)) {
          fact.lease.duid = duid();
          fact.lease.iaid = iaid();
          if (fact.lease.duid != there->lease.duid || fact.lease.iaid != there->lease.iaid)
            fact.lease.tenure = 0;
        }
        return as<ClientChanged>(fact);
      default:
        if (fact.lease.state == LeaseState::kReserved) {
          fact.lease.state = LeaseState::kActive;
          fact.lease.tenure = 0;
        }
        if (random_.one_in(4)) {
          describe(fact);
          fact.lease.described = 0;
        }
        lengthen(fact);
        return as<LeaseRenewed>(fact);
    }
  }

  template <typename Kind>
  static Event as(const LeaseFact& fact) {
    Kind out;
    static_cast<LeaseFact&>(out) = fact;
    return out;
  }
  void lengthen(LeaseFact& fact) {
    fact.lease.valid_until =
        random_.one_in(20) ? kForever : now_ + std::chrono::milliseconds{random_.below(60'000)};
    fact.lease.preferred_until = fact.lease.valid_until;
  }
  void describe(LeaseFact& fact) {
    fact.description = Description{};
    fact.description->name = "host" + std::to_string(random_.below(1000));
  }
  static LeaseType type_of(const LeaseKey& at) {
    return at.length == kAddressLength ? LeaseType::kNa : LeaseType::kPd;
  }
  SubnetId subnet_of(const LeaseKey& at) {
    const Subnet* subnet = book_.subnet_of(at);
    return subnet == nullptr ? 1 : subnet->id;
  }

  Random& random_;
  MemoryLog log_;
  std::uint64_t epoch_ = 0;
  LeaseBook book_;
  std::vector<Record> waiting_;
  std::vector<Record> records_;
  Instant now_{std::chrono::seconds{1'770'000'000}};
  std::uint64_t command_ = 0;
  std::uint64_t last_with_id_ = ~0ULL;
  std::string last_actor_;
};

}  // namespace leaseledger::test
