// LeaseBook: what it answers. What changes it is in lease_book.cc.

#include "ledger/lease_book.h"

#include <algorithm>

namespace leaseledger {

// ---- subnets ----------------------------------------------------------------------------------------------------

const Subnet* LeaseBook::find_subnet(SubnetId id) const {
  const SubnetEntry* entry = entry_of(id);
  return entry == nullptr ? nullptr : &entry->subnet;
}

const Subnet* LeaseBook::find_subnet(const Ipv6Prefix& prefix) const {
  const auto overlap = overlapping(prefix);
  if (!overlap) return nullptr;
  const Subnet* subnet = find_subnet(overlap->second);
  return subnet->prefix == prefix ? subnet : nullptr;
}

const LeaseBook::Range* LeaseBook::range_of(const LeaseKey& key) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), key.address,
                       [](const Ipv6Address& a, const Range& r) { return a < r.prefix.address; });
  if (after == ranges_.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return range.prefix.contains(key) ? &range : nullptr;
}

const Subnet* LeaseBook::subnet_of(const LeaseKey& key) const {
  const Range* range = range_of(key);
  return range == nullptr ? nullptr : &range->entry->subnet;
}

std::optional<std::pair<Ipv6Prefix, SubnetId>> LeaseBook::overlapping(
    const Ipv6Prefix& prefix) const {
  // Ranges do not overlap each other, so only the last one that begins at or before `prefix` and the first one
  // after it can overlap it.
  auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), prefix.address,
                       [](const Ipv6Address& a, const Range& r) { return a < r.prefix.address; });
  if (after != ranges_.end() && after->prefix.overlaps(prefix))
    return std::pair{after->prefix, after->entry->subnet.id};
  if (after != ranges_.begin() && std::prev(after)->prefix.overlaps(prefix)) {
    return std::pair{std::prev(after)->prefix, std::prev(after)->entry->subnet.id};
  }
  return std::nullopt;
}

std::vector<const Subnet*> LeaseBook::subnets() const {
  std::vector<const Subnet*> out;
  for (const auto& [id, entry] : subnets_) out.push_back(&entry.subnet);
  std::ranges::sort(out, {}, [](const Subnet* s) { return s->prefix; });
  return out;
}

SubnetUsage LeaseBook::usage(SubnetId id) const {
  const SubnetEntry* entry = entry_of(id);
  return entry == nullptr ? SubnetUsage{} : entry->usage;
}

std::span<const Reservation> LeaseBook::reservations(SubnetId id) const {
  const SubnetEntry* entry = entry_of(id);
  if (entry == nullptr) return {};
  return entry->reservations;
}

std::span<const Exclusion> LeaseBook::exclusions(SubnetId id) const {
  const SubnetEntry* entry = entry_of(id);
  if (entry == nullptr) return {};
  return entry->exclusions;
}

std::span<const DelegationPool> LeaseBook::pools(SubnetId id) const {
  const SubnetEntry* entry = entry_of(id);
  if (entry == nullptr) return {};
  return entry->pools;
}

const Reservation* LeaseBook::find_reservation(SubnetId id, const LeaseKey& key) const {
  const auto list = reservations(id);
  const auto it = std::ranges::lower_bound(list, key, {}, &Reservation::key);
  return it != list.end() && it->key == key ? &*it : nullptr;
}

const Reservation* LeaseBook::find_reservation(SubnetId id, const Duid& duid, Iaid iaid,
                                               LeaseType type) const {
  for (const auto& reservation : reservations(id)) {
    if (reservation.iaid == iaid && reservation.type == type && reservation.duid == duid)
      return &reservation;
  }
  return nullptr;
}

// ---- leases -----------------------------------------------------------------------------------------------------

std::uint32_t LeaseBook::slot_of(const LeaseKey& key) const {
  return by_key_.find(hash_value(key),
                      [&](std::uint32_t slot) { return leases_.has_key(slot, key); });
}

std::optional<BookLease> LeaseBook::find(const LeaseKey& key) const {
  const auto slot = slot_of(key);
  if (slot == SlotIndex::kNone) return std::nullopt;
  return leases_.get(slot);
}

Position LeaseBook::last_event(const LeaseKey& key) const {
  const auto slot = slot_of(key);
  return slot == SlotIndex::kNone ? 0 : leases_.last(slot);
}

void LeaseBook::prefetch_slot(const LeaseKey& key) const {
  by_key_.for_each_candidate(hash_value(key),
                             [this](std::uint32_t slot) { leases_.prefetch(slot); });
}

std::optional<BookLease> LeaseBook::find_client(SubnetId id, const Duid& duid, Iaid iaid,
                                                LeaseType type) const {
  std::optional<std::pair<LeaseKey, std::uint32_t>> lowest;
  const auto hash = LeaseSlots::client_hash(id, duid.bytes(), iaid, type);
  by_client_.for_each_candidate(hash, [&](std::uint32_t slot) {
    if (!leases_.has_client(slot, id, duid.bytes(), iaid, type)) return;
    const std::pair found{leases_.key(slot), slot};
    if (!lowest || found < *lowest) lowest = found;
  });
  if (!lowest) return std::nullopt;
  return leases_.get(lowest->second);
}

std::vector<BookLease> LeaseBook::leases_of(SubnetId id, const Duid& duid, Iaid iaid,
                                            LeaseType type) const {
  std::vector<BookLease> out;
  const auto hash = LeaseSlots::client_hash(id, duid.bytes(), iaid, type);
  by_client_.for_each_candidate(hash, [&](std::uint32_t slot) {
    if (leases_.has_client(slot, id, duid.bytes(), iaid, type)) out.push_back(leases_.get(slot));
  });
  if (out.size() > 1) std::ranges::sort(out, {}, [](const BookLease& l) { return l.lease.key; });
  return out;
}

std::vector<BookLease> LeaseBook::lapsed(Instant now, std::size_t limit) const {
  std::vector<BookLease> out;
  for (const auto slot : leases_.lapsed(now, limit)) out.push_back(leases_.get(slot));
  return out;
}

std::vector<std::uint32_t> LeaseBook::sorted_slots(std::optional<SubnetId> only) const {
  // The keys are sorted themselves: to sort slot numbers would go back and forth through all of memory.
  struct Keyed {
    LeaseKey key;
    std::uint32_t slot;
  };
  std::vector<Keyed> keyed;
  if (!only) keyed.reserve(lease_count());
  for (std::uint32_t slot = 0; slot < leases_.end(); ++slot) {
    if (!leases_.live(slot)) continue;
    if (only && leases_.subnet(slot) != *only) continue;
    keyed.push_back({leases_.key(slot), slot});
  }
  std::ranges::sort(keyed, {}, &Keyed::key);
  std::vector<std::uint32_t> out;
  out.reserve(keyed.size());
  for (const auto& each : keyed) out.push_back(each.slot);
  return out;
}

std::vector<BookLease> LeaseBook::leases_in(SubnetId id) const {
  std::vector<BookLease> out;
  for (const auto slot : sorted_slots(id)) out.push_back(leases_.get(slot));
  return out;
}

void LeaseBook::for_each(const std::function<void(const BookLease&)>& visit) const {
  for (const auto slot : sorted_slots(std::nullopt)) visit(leases_.get(slot));
}

std::size_t LeaseBook::memory_bytes() const {
  return leases_.memory_bytes() + by_key_.memory_bytes() + by_client_.memory_bytes();
}

// ---- digest, invariants ----------------------------------------------------------------------------------------

Hash LeaseBook::digest() const {
  Sha256 sha;
  sha.start();
  write([&sha](std::span<const std::uint8_t> bytes) { sha.update(bytes); });
  return sha.finish();
}

Status LeaseBook::check_invariants() const {
  std::map<SubnetId, SubnetUsage> counted;
  std::size_t with_client = 0;
  // In the order of memory: a key that is there twice is found by its key in one slot only.
  for (std::uint32_t slot = 0; slot < leases_.end(); ++slot) {
    if (!leases_.live(slot)) continue;
    const BookLease lease = leases_.get(slot);
    const LeaseKey& key = lease.lease.key;
    const auto wrong = [&](std::string_view what) {
      return corrupt("lease", format_lease_key(key), std::string(what));
    };
    if (slot_of(key) != slot) return wrong("to be found by its key, which no other has");
    const Subnet* subnet = find_subnet(lease.lease.subnet_id);
    if (subnet == nullptr) return wrong("a subnet that exists");
    if (lease.last > position_ || lease.lease.tenure > lease.last ||
        lease.lease.described > lease.last)
      return wrong("positions up to the book's own");
    const LeaseState state = lease.lease.state;
    if (state != LeaseState::kDeclined) {
      bool found = false;
      by_client_.for_each_candidate(leases_.client_hash(slot),
                                    [&](std::uint32_t other) { found |= other == slot; });
      if (!found) return wrong("to be found by its client");
      ++with_client;
    }
    auto& usage = counted[lease.lease.subnet_id];
    ++(state == LeaseState::kActive     ? usage.active
       : state == LeaseState::kDeclined ? usage.declined
                                        : usage.reserved);
  }
  if (with_client != by_client_.size())
    return corrupt("book", std::to_string(by_client_.size()),
                   "an index by client with the leases that clients have");
  for (const auto& [id, entry] : subnets_) {
    const auto& usage = counted[id];
    if (usage.active != entry.usage.active || usage.declined != entry.usage.declined ||
        usage.reserved != entry.usage.reserved) {
      return corrupt("subnet", entry.subnet.prefix.to_string(), "counters that equal its leases");
    }
  }
  return {};
}

}  // namespace leaseledger
