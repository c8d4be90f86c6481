// LeaseBook::write and LeaseBook::read: docs/formats/lease_book.md.

#include "ledger/book_octets.h"
#include "ledger/lease_book.h"

#include <algorithm>
#include <array>

namespace leaseledger {
namespace {

std::int64_t to_ns(Instant instant) { return instant.time_since_epoch().count(); }
Instant from_ns(std::int64_t ns) { return Instant{std::chrono::nanoseconds{ns}}; }

constexpr std::array<std::uint8_t, 8> kMagic = {'L', 'L', 'B', 'O', 'O', 'K', 0, 1};

}  // namespace

void LeaseBook::write(const std::function<void(std::span<const std::uint8_t>)>& sink) const {
  BookWriter out(sink);
  out.bytes(kMagic.data(), kMagic.size());
  write_state(out);
  const auto slots = sorted_slots(std::nullopt);
  out.number(static_cast<std::uint64_t>(slots.size()));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    constexpr std::size_t kAhead = 12;
    if (i + kAhead < slots.size()) leases_.prefetch(slots[i + kAhead]);
    const BookLease each = leases_.get(slots[i]);
    out.prefix(each.lease.key);
    out.number(static_cast<std::uint8_t>(each.lease.type));
    out.number(static_cast<std::uint8_t>(each.lease.state));
    out.duid(each.lease.duid);
    out.number(static_cast<std::uint32_t>(each.lease.iaid));
    out.number(each.lease.subnet_id);
    out.number(to_ns(each.lease.valid_until));
    out.number(to_ns(each.lease.preferred_until));
    out.number(to_ns(each.effective_at));
    out.number(each.last);
    out.number(each.lease.tenure);
    out.number(each.lease.described);
  }
}

void LeaseBook::write_state(BookWriter& out) const {
  out.number(position_);
  out.number(to_ns(last_recorded_at_));
  out.number(next_subnet_id_);
  out.number(static_cast<std::uint32_t>(subnets_.size()));
  for (const auto& [id, entry] : subnets_) {
    const Subnet& s = entry.subnet;
    out.number(id);
    out.prefix(s.prefix);
    out.text(s.name);
    out.text(s.comment);
    out.number(s.preference);
    out.number(static_cast<std::uint8_t>(s.state));
    out.number(s.preferred_lifetime.count());
    out.number(s.valid_lifetime.count());
    for (const auto figure : {entry.usage.created, entry.usage.renewed, entry.usage.released,
                              entry.usage.expired, entry.usage.deleted}) {
      out.number(figure);
    }
    out.number(static_cast<std::uint32_t>(entry.reservations.size()));
    for (const auto& r : entry.reservations) {
      out.prefix(r.key);
      out.number(static_cast<std::uint8_t>(r.type));
      out.duid(r.duid);
      out.number(static_cast<std::uint32_t>(r.iaid));
    }
    out.number(static_cast<std::uint32_t>(entry.exclusions.size()));
    for (const auto& e : entry.exclusions) {
      out.address(e.first);
      out.address(e.last);
    }
    out.number(static_cast<std::uint32_t>(entry.pools.size()));
    for (const auto& p : entry.pools) {
      out.prefix(p.prefix);
      out.number(p.delegated_length);
    }
  }
}

Result<LeaseBook> LeaseBook::read(std::span<const std::uint8_t> bytes) {
  const auto damaged = [] {
    return corrupt("book snapshot", "", "the bytes that LeaseBook::write wrote");
  };
  BookReader in(bytes);
  const auto magic = in.bytes(8);
  if (!std::ranges::equal(magic, kMagic)) return damaged();
  LeaseBook book;
  if (!book.read_state(in)) return damaged();
  for (auto leases = in.number<std::uint64_t>(); leases > 0 && in.ok(); --leases) {
    BookLease lease;
    lease.lease.key = in.prefix();
    lease.lease.type = static_cast<LeaseType>(in.number<std::uint8_t>());
    lease.lease.state = static_cast<LeaseState>(in.number<std::uint8_t>());
    lease.lease.duid = in.duid();
    lease.lease.iaid = Iaid{in.number<std::uint32_t>()};
    lease.lease.subnet_id = in.number<SubnetId>();
    lease.lease.valid_until = from_ns(in.number<std::int64_t>());
    lease.lease.preferred_until = from_ns(in.number<std::int64_t>());
    lease.effective_at = from_ns(in.number<std::int64_t>());
    lease.last = in.number<Position>();
    lease.lease.tenure = in.number<Position>();
    lease.lease.described = in.number<Position>();
    if (!in.ok() || book.find_subnet(lease.lease.subnet_id) == nullptr ||
        lease.lease.state < LeaseState::kActive || lease.lease.state > LeaseState::kReserved ||
        book.slot_of(lease.lease.key) != SlotIndex::kNone) {
      return damaged();
    }
    book.put_lease(SlotIndex::kNone, book.mutable_entry(lease.lease.subnet_id), &lease);
  }
  if (!in.ok() || !in.at_end()) return damaged();
  return book;
}

bool LeaseBook::read_state(BookReader& in) {
  position_ = in.number<Position>();
  last_recorded_at_ = from_ns(in.number<std::int64_t>());
  next_subnet_id_ = in.number<SubnetId>();
  for (auto subnets = in.number<std::uint32_t>(); subnets > 0 && in.ok(); --subnets) {
    SubnetEntry entry;
    Subnet& s = entry.subnet;
    s.id = in.number<SubnetId>();
    s.prefix = in.prefix();
    s.name = in.text();
    s.comment = in.text();
    s.preference = in.number<std::uint16_t>();
    s.state = static_cast<SubnetState>(in.number<std::uint8_t>());
    s.preferred_lifetime = Lifetime{in.number<std::uint32_t>()};
    s.valid_lifetime = Lifetime{in.number<std::uint32_t>()};
    for (auto* figure : {&entry.usage.created, &entry.usage.renewed, &entry.usage.released,
                         &entry.usage.expired, &entry.usage.deleted}) {
      *figure = in.number<std::uint64_t>();
    }
    for (auto n = in.number<std::uint32_t>(); n > 0 && in.ok(); --n) {
      Reservation r;
      r.key = in.prefix();
      r.type = static_cast<LeaseType>(in.number<std::uint8_t>());
      r.duid = in.duid();
      r.iaid = Iaid{in.number<std::uint32_t>()};
      r.subnet_id = s.id;
      entry.reservations.push_back(r);
    }
    for (auto n = in.number<std::uint32_t>(); n > 0 && in.ok(); --n) {
      const auto first = in.address();
      entry.exclusions.push_back({first, in.address(), s.id});
    }
    for (auto n = in.number<std::uint32_t>(); n > 0 && in.ok(); --n) {
      const auto prefix = in.prefix();
      entry.pools.push_back({prefix, in.number<std::uint8_t>(), s.id});
    }
    if (!in.ok() || entry_of(s.id) != nullptr) return false;
    const SubnetId id = s.id;
    enter_subnet(id, std::move(entry));
  }
  return in.ok();
}

}  // namespace leaseledger
