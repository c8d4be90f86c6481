#include "ledger/lease_book.h"

#include "ledger/check.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

namespace leaseledger {
namespace {

std::int64_t to_ns(Instant instant) { return instant.time_since_epoch().count(); }
Instant from_ns(std::int64_t ns) { return Instant{std::chrono::nanoseconds{ns}}; }
std::int64_t second_of(std::int64_t ns) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds{ns}).count();
}

Status does_not_fit(Position position, std::string_view what) {
  return corrupt("record at position", std::to_string(position),
                 "a fact that fits the state before it, but " + std::string(what));
}

template <typename T, typename Value>
auto find_value(std::vector<T>& list, const Value& value) {
  return std::ranges::find(list, value);
}

}  // namespace

// ---- subnets ----------------------------------------------------------------------------------------------------

const Subnet* LeaseBook::find_subnet(SubnetId id) const {
  const auto it = subnets_.find(id);
  return it == subnets_.end() ? nullptr : &it->second.subnet;
}

const Subnet* LeaseBook::find_subnet(const Ipv6Prefix& prefix) const {
  const auto overlap = overlapping(prefix);
  if (!overlap) return nullptr;
  const Subnet* subnet = find_subnet(overlap->second);
  return subnet->prefix == prefix ? subnet : nullptr;
}

const Subnet* LeaseBook::subnet_of(const LeaseKey& key) const {
  auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), key.address,
                       [](const Ipv6Address& a, const Range& r) { return a < r.prefix.address; });
  if (after == ranges_.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return range.prefix.contains(key) ? find_subnet(range.subnet) : nullptr;
}

std::optional<std::pair<Ipv6Prefix, SubnetId>> LeaseBook::overlapping(
    const Ipv6Prefix& prefix) const {
  // Ranges do not overlap each other, so only the last one that begins at or before `prefix` and the first one
  // after it can overlap it.
  auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), prefix.address,
                       [](const Ipv6Address& a, const Range& r) { return a < r.prefix.address; });
  if (after != ranges_.end() && after->prefix.overlaps(prefix))
    return std::pair{after->prefix, after->subnet};
  if (after != ranges_.begin() && std::prev(after)->prefix.overlaps(prefix)) {
    return std::pair{std::prev(after)->prefix, std::prev(after)->subnet};
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
  const auto it = subnets_.find(id);
  return it == subnets_.end() ? SubnetUsage{} : it->second.usage;
}

std::span<const Reservation> LeaseBook::reservations(SubnetId id) const {
  const auto it = subnets_.find(id);
  if (it == subnets_.end()) return {};
  return it->second.reservations;
}

std::span<const Exclusion> LeaseBook::exclusions(SubnetId id) const {
  const auto it = subnets_.find(id);
  if (it == subnets_.end()) return {};
  return it->second.exclusions;
}

std::span<const DelegationPool> LeaseBook::pools(SubnetId id) const {
  const auto it = subnets_.find(id);
  if (it == subnets_.end()) return {};
  return it->second.pools;
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

LeaseBook::SubnetEntry* LeaseBook::mutable_entry(SubnetId id) {
  const auto it = subnets_.find(id);
  return it == subnets_.end() ? nullptr : &it->second;
}

void LeaseBook::put_subnet(SubnetId id, std::optional<SubnetEntry> entry) {
  if (savepoint_) {
    const auto it = subnets_.find(id);
    savepoint_->undo.emplace_back(
        SubnetUndo{id, it == subnets_.end() ? std::nullopt : std::optional(it->second)});
  }
  if (entry) {
    subnets_.insert_or_assign(id, std::move(*entry));
  } else {
    subnets_.erase(id);
  }
  rebuild_ranges();
}

void LeaseBook::rebuild_ranges() {
  ranges_.clear();
  for (const auto& [id, entry] : subnets_) {
    ranges_.push_back({entry.subnet.prefix, id});
    for (const auto& pool : entry.pools) {
      if (!entry.subnet.prefix.contains(pool.prefix)) ranges_.push_back({pool.prefix, id});
    }
  }
  std::ranges::sort(ranges_, {}, &Range::prefix);
}

void LeaseBook::remember_usage(const SubnetEntry& entry) {
  if (savepoint_) savepoint_->undo.emplace_back(UsageUndo{entry.subnet.id, entry.usage});
}

// ---- leases -----------------------------------------------------------------------------------------------------

std::uint32_t LeaseBook::slot_of(const LeaseKey& key) const {
  return by_key_.find(hash_value(key), [&](std::uint32_t slot) {
    return slots_[slot].address == key.address && slots_[slot].length == key.length;
  });
}

std::size_t LeaseBook::key_hash(std::uint32_t slot) const {
  return hash_value(LeaseKey{slots_[slot].address, slots_[slot].length});
}

std::size_t LeaseBook::client_hash(std::uint32_t duid, std::uint32_t iaid, LeaseType type,
                                   SubnetId subnet) const {
  const std::array<std::uint32_t, 4> words = {duid, iaid, static_cast<std::uint32_t>(type), subnet};
  return XXH3_64bits(words.data(), sizeof words);
}

std::size_t LeaseBook::client_hash(std::uint32_t slot) const {
  const Slot& s = slots_[slot];
  return client_hash(s.duid, s.iaid, s.type, s.subnet);
}

BookLease LeaseBook::lease_at(std::uint32_t slot) const {
  const Slot& s = slots_[slot];
  BookLease out;
  out.lease = {LeaseKey{s.address, s.length},
               s.type,
               s.state,
               duids_.get(s.duid),
               Iaid{s.iaid},
               s.subnet,
               from_ns(s.valid_until),
               from_ns(s.preferred_until),
               s.tenure,
               s.described};
  out.last = s.last;
  out.effective_at = from_ns(s.effective_at);
  return out;
}

std::optional<BookLease> LeaseBook::find(const LeaseKey& key) const {
  const auto slot = slot_of(key);
  if (slot == SlotIndex::kNone) return std::nullopt;
  return lease_at(slot);
}

Position LeaseBook::last_event(const LeaseKey& key) const {
  const auto slot = slot_of(key);
  return slot == SlotIndex::kNone ? 0 : slots_[slot].last;
}

std::optional<BookLease> LeaseBook::find_client(SubnetId id, const Duid& duid, Iaid iaid,
                                                LeaseType type) const {
  const auto all = leases_of(id, duid, iaid, type);
  if (all.empty()) return std::nullopt;
  return all.front();
}

std::vector<BookLease> LeaseBook::leases_of(SubnetId id, const Duid& duid, Iaid iaid,
                                            LeaseType type) const {
  std::vector<BookLease> out;
  const auto number = duids_.find(duid);
  if (number == DuidPool::kNone) return out;
  const auto wanted = static_cast<std::uint32_t>(iaid);
  by_client_.for_each_candidate(client_hash(number, wanted, type, id), [&](std::uint32_t slot) {
    const Slot& s = slots_[slot];
    if (s.duid == number && s.iaid == wanted && s.type == type && s.subnet == id)
      out.push_back(lease_at(slot));
  });
  std::ranges::sort(out, {}, [](const BookLease& l) { return l.lease.key; });
  return out;
}

void LeaseBook::put_lease(const LeaseKey& key, const BookLease* lease) {
  std::uint32_t slot = slot_of(key);
  if (savepoint_) {
    savepoint_->undo.emplace_back(
        Undo{key, slot == SlotIndex::kNone ? std::nullopt : std::optional(lease_at(slot))});
  }
  const auto count = [this](const Slot& s, std::int64_t step) {
    SubnetEntry* entry = mutable_entry(s.subnet);
    if (entry == nullptr) return;  // rollback() takes the subnet back before its leases
    auto& figure = s.state == LeaseState::kActive     ? entry->usage.active
                   : s.state == LeaseState::kDeclined ? entry->usage.declined
                                                      : entry->usage.reserved;
    figure += static_cast<std::uint64_t>(step);
  };
  const auto hash_by_key = [this](std::uint32_t s) { return key_hash(s); };
  const auto hash_by_client = [this](std::uint32_t s) { return client_hash(s); };

  std::int64_t entered_until = 0;  // the slot stands in by_expiry_ at or before this time
  bool entered = false;
  std::uint32_t old_duid = DuidPool::kNone;
  if (slot != SlotIndex::kNone) {
    Slot& s = slots_[slot];
    count(s, -1);
    if (s.state != LeaseState::kDeclined) by_client_.erase(client_hash(slot), slot, hash_by_client);
    old_duid = s.duid;
    entered_until = s.valid_until;
    entered = s.valid_until != to_ns(kForever);
    if (lease == nullptr) {
      by_key_.erase(key_hash(slot), slot, hash_by_key);
      s = Slot{};
      free_slots_.push_back(slot);
      duids_.release(old_duid);
      return;
    }
  }
  if (lease == nullptr) return;
  const bool fresh = slot == SlotIndex::kNone;
  if (fresh) {
    if (free_slots_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      LEASELEDGER_CHECK(slot != SlotIndex::kNone);
      slots_.emplace_back();
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
  }
  const std::uint32_t duid = duids_.acquire(lease->lease.duid);
  if (old_duid != DuidPool::kNone) duids_.release(old_duid);
  Slot& s = slots_[slot];
  s.address = key.address;
  s.length = key.length;
  s.type = lease->lease.type;
  s.state = lease->lease.state;
  s.duid = duid;
  s.iaid = static_cast<std::uint32_t>(lease->lease.iaid);
  s.subnet = lease->lease.subnet_id;
  s.valid_until = to_ns(lease->lease.valid_until);
  s.preferred_until = to_ns(lease->lease.preferred_until);
  s.last = lease->last;
  s.effective_at = to_ns(lease->effective_at);
  s.tenure = lease->lease.tenure;
  s.described = lease->lease.described;
  count(s, +1);
  if (fresh) by_key_.insert(key_hash(slot), slot, hash_by_key);
  if (s.state != LeaseState::kDeclined) by_client_.insert(client_hash(slot), slot, hash_by_client);
  if (s.valid_until != to_ns(kForever) && (!entered || s.valid_until < entered_until)) {
    by_expiry_[second_of(s.valid_until)].push_back(slot);
  }
}

std::vector<BookLease> LeaseBook::lapsed(Instant now, std::size_t limit) const {
  std::vector<BookLease> out;
  const std::int64_t now_ns = to_ns(now);
  for (auto it = by_expiry_.begin();
       it != by_expiry_.end() && it->first <= second_of(now_ns) && out.size() < limit;) {
    const std::int64_t second = it->first;
    auto& bucket = it->second;
    std::ranges::sort(bucket);
    bucket.erase(std::unique(bucket.begin(), bucket.end()), bucket.end());
    const std::size_t first = out.size();
    std::erase_if(bucket, [&](std::uint32_t slot) {
      const Slot& s = slots_[slot];
      if (s.state == LeaseState::kEnded || s.valid_until == to_ns(kForever)) return true;
      if (second_of(s.valid_until) > second) {
        by_expiry_[second_of(s.valid_until)].push_back(slot);
        return true;
      }
      if (second_of(s.valid_until) < second)
        return true;  // shortened since: it stands in an earlier bucket too
      if (s.valid_until <= now_ns) out.push_back(lease_at(slot));
      return false;
    });
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
              [](const BookLease& a, const BookLease& b) {
                return std::pair(a.lease.valid_until, a.lease.key) <
                       std::pair(b.lease.valid_until, b.lease.key);
              });
    it = bucket.empty() ? by_expiry_.erase(it) : std::next(it);
  }
  if (out.size() > limit) out.resize(limit);
  return out;
}

std::vector<std::uint32_t> LeaseBook::sorted_slots(std::optional<SubnetId> only) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].state == LeaseState::kEnded) continue;
    if (only && slots_[slot].subnet != *only) continue;
    out.push_back(slot);
  }
  std::ranges::sort(out, [this](std::uint32_t a, std::uint32_t b) {
    return std::pair(slots_[a].address, slots_[a].length) <
           std::pair(slots_[b].address, slots_[b].length);
  });
  return out;
}

std::vector<BookLease> LeaseBook::leases_in(SubnetId id) const {
  std::vector<BookLease> out;
  for (const auto slot : sorted_slots(id)) out.push_back(lease_at(slot));
  return out;
}

void LeaseBook::for_each(const std::function<void(const BookLease&)>& visit) const {
  for (const auto slot : sorted_slots(std::nullopt)) visit(lease_at(slot));
}

std::size_t LeaseBook::memory_bytes() const {
  std::size_t bytes = slots_.capacity() * sizeof(Slot) + free_slots_.capacity() * 4 +
                      by_key_.memory_bytes() + by_client_.memory_bytes() + duids_.size() * 56;
  for (const auto& [second, bucket] : by_expiry_) bytes += 72 + bucket.capacity() * 4;
  return bytes;
}

// ---- all or nothing ---------------------------------------------------------------------------------------------

void LeaseBook::begin() {
  LEASELEDGER_CHECK(!savepoint_);
  savepoint_ = Savepoint{{}, position_, last_recorded_at_, next_subnet_id_};
}

void LeaseBook::commit() {
  LEASELEDGER_CHECK(savepoint_);
  savepoint_.reset();
}

void LeaseBook::rollback() {
  LEASELEDGER_CHECK(savepoint_);
  const Savepoint savepoint = std::move(*savepoint_);
  savepoint_.reset();
  for (auto it = savepoint.undo.rbegin(); it != savepoint.undo.rend(); ++it) {
    if (const auto* lease = std::get_if<Undo>(&*it)) {
      put_lease(lease->key, lease->lease ? &*lease->lease : nullptr);
    } else if (const auto* usage = std::get_if<UsageUndo>(&*it)) {
      mutable_entry(usage->id)->usage = usage->usage;
    } else {
      const auto& subnet = std::get<SubnetUndo>(*it);
      put_subnet(subnet.id, subnet.entry);
    }
  }
  position_ = savepoint.position;
  last_recorded_at_ = savepoint.last_recorded_at;
  next_subnet_id_ = savepoint.next_subnet_id;
}

// ---- evolve -----------------------------------------------------------------------------------------------------

Status evolve(LeaseBook& book, Position position, Instant recorded_at, Instant effective_at,
              const Event& event) {
  if (position != book.position_ + 1)
    return does_not_fit(position, "the book is at " + std::to_string(book.position_));
  if (recorded_at <= book.last_recorded_at_)
    return does_not_fit(position, "its time is not after that of the record before");
  LEASELEDGER_TRY(book.apply(position, effective_at, event));
  book.position_ = position;
  book.last_recorded_at_ = recorded_at;
  return {};
}

Status LeaseBook::apply_lease(Position position, Instant effective_at, EventKind kind,
                              const LeaseFact& fact) {
  const LeaseKey& key = fact.lease.key;
  const auto slot = slot_of(key);
  const bool present = slot != SlotIndex::kNone;
  SubnetEntry* entry = mutable_entry(fact.lease.subnet_id);
  if (entry == nullptr) return does_not_fit(position, "its subnet is not there");
  if (present && slots_[slot].subnet != fact.lease.subnet_id)
    return does_not_fit(position, "the lease is in another subnet");
  BookLease after{fact.lease, position, effective_at};
  if (after.lease.tenure == 0) after.lease.tenure = position;
  if (after.lease.described == 0) after.lease.described = position;
  switch (kind) {
    case EventKind::kClientCreated: {
      if (present) return does_not_fit(position, "the key has a live lease already");
      const Subnet* home = subnet_of(key);
      if (home == nullptr || home->id != fact.lease.subnet_id)
        return does_not_fit(position, "the key lies outside of its subnet");
      break;
    }
    case EventKind::kLeaseDeclined:
      break;  // a server may report a decline of an address that the ledger did not know as leased
    default:
      if (!present) return does_not_fit(position, "there is no live lease at its key");
  }
  // Counters at past positions are folded from facts alone (projections/), so the state that a fact ends must be right.
  const bool gone = kind == EventKind::kLeaseReleased || kind == EventKind::kLeaseExpired ||
                    kind == EventKind::kClientDeleted;
  if (gone && fact.lease.state != slots_[slot].state)
    return does_not_fit(position, "the lease is in another state");
  if (kind == EventKind::kLeaseRenewed &&
      (after.lease.tenure == position) != (slots_[slot].state == LeaseState::kReserved)) {
    return does_not_fit(position, "only a reserved record begins a tenure by renewal");
  }
  if (kind == EventKind::kLeaseDeclined &&
      (present ? slots_[slot].state != LeaseState::kActive || after.lease.tenure == position
               : after.lease.tenure != position)) {
    return does_not_fit(position, "only an active lease, or an unknown address, is declined");
  }
  remember_usage(*entry);
  switch (kind) {
    case EventKind::kClientCreated:
      ++entry->usage.created;
      break;
    case EventKind::kLeaseRenewed:
      ++entry->usage.renewed;
      break;
    case EventKind::kLeaseReleased:
      ++entry->usage.released;
      break;
    case EventKind::kLeaseExpired:
      ++entry->usage.expired;
      break;
    case EventKind::kClientDeleted:
      ++entry->usage.deleted;
      break;
    default:
      break;
  }
  put_lease(key, gone ? nullptr : &after);
  return {};
}

Status LeaseBook::apply(Position position, Instant effective_at, const Event& event) {
  if (const LeaseFact* fact = lease_fact_of(event))
    return apply_lease(position, effective_at, kind_of(event), *fact);

  const auto change = [&](SubnetId id, auto body) -> Status {
    const SubnetEntry* entry = mutable_entry(id);
    if (entry == nullptr) return does_not_fit(position, "its subnet is not there");
    SubnetEntry after = *entry;
    LEASELEDGER_TRY(body(after));
    put_subnet(id, std::move(after));
    return {};
  };
  const auto add = [&](auto& list, const auto& item, auto projection) -> Status {
    const auto at = std::ranges::lower_bound(list, std::invoke(projection, item), {}, projection);
    if (at != list.end() && std::invoke(projection, *at) == std::invoke(projection, item)) {
      return does_not_fit(position, "the same is there already");
    }
    list.insert(at, item);
    return {};
  };
  const auto remove = [&](auto& list, const auto& item) -> Status {
    const auto at = find_value(list, item);
    if (at == list.end()) return does_not_fit(position, "there is nothing like it to remove");
    list.erase(at);
    return {};
  };

  if (const auto* e = std::get_if<SubnetCreated>(&event)) {
    if (e->subnet.id != next_subnet_id_)
      return does_not_fit(position, "its subnet id is not the next one");
    if (overlapping(e->subnet.prefix)) return does_not_fit(position, "it overlaps another subnet");
    SubnetEntry entry;
    entry.subnet = e->subnet;
    put_subnet(e->subnet.id, std::move(entry));
    ++next_subnet_id_;
    return {};
  }
  if (const auto* e = std::get_if<SubnetChanged>(&event)) {
    return change(e->subnet.id, [&](SubnetEntry& entry) -> Status {
      if (entry.subnet.prefix != e->subnet.prefix)
        return does_not_fit(position, "the prefix of a subnet never changes");
      entry.subnet = e->subnet;
      return {};
    });
  }
  if (const auto* e = std::get_if<SubnetDeleted>(&event)) {
    const SubnetEntry* entry = mutable_entry(e->subnet.id);
    if (entry == nullptr) return does_not_fit(position, "its subnet is not there");
    if (entry->usage.active + entry->usage.declined + entry->usage.reserved != 0) {
      return does_not_fit(position, "the subnet has leases");
    }
    put_subnet(e->subnet.id, std::nullopt);
    return {};
  }
  if (const auto* e = std::get_if<ReservationAdded>(&event)) {
    return change(e->reservation.subnet_id, [&](SubnetEntry& s) {
      return add(s.reservations, e->reservation, &Reservation::key);
    });
  }
  if (const auto* e = std::get_if<ReservationRemoved>(&event)) {
    return change(e->reservation.subnet_id,
                  [&](SubnetEntry& s) { return remove(s.reservations, e->reservation); });
  }
  if (const auto* e = std::get_if<ExclusionAdded>(&event)) {
    return change(e->exclusion.subnet_id,
                  [&](SubnetEntry& s) { return add(s.exclusions, e->exclusion, std::identity{}); });
  }
  if (const auto* e = std::get_if<ExclusionRemoved>(&event)) {
    return change(e->exclusion.subnet_id,
                  [&](SubnetEntry& s) { return remove(s.exclusions, e->exclusion); });
  }
  if (const auto* e = std::get_if<DelegationPoolAdded>(&event)) {
    if (const auto other = overlapping(e->pool.prefix);
        other && other->second != e->pool.subnet_id) {
      return does_not_fit(position, "it overlaps another subnet");
    }
    return change(e->pool.subnet_id,
                  [&](SubnetEntry& s) { return add(s.pools, e->pool, std::identity{}); });
  }
  if (const auto* e = std::get_if<DelegationPoolRemoved>(&event)) {
    return change(e->pool.subnet_id, [&](SubnetEntry& s) { return remove(s.pools, e->pool); });
  }
  if (const auto* e = std::get_if<UnknownEvent>(&event)) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kCorrupt, "record at position",
                std::to_string(position),
                "an event that this version knows; tag " + std::to_string(e->tag) +
                    " was written by a newer leaseledger, use that one");
  }
  return {};  // CommandRefused and NothingChanged move the position only
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
  std::optional<LeaseKey> before;
  for (const auto slot : sorted_slots(std::nullopt)) {
    const Slot& s = slots_[slot];
    const LeaseKey key{s.address, s.length};
    const auto wrong = [&](std::string_view what) {
      return corrupt("lease", format_lease_key(key), std::string(what));
    };
    if (before == key) return wrong("one live lease for a key");
    before = key;
    if (slot_of(key) != slot) return wrong("to be found by its key");
    const Subnet* subnet = find_subnet(s.subnet);
    if (subnet == nullptr) return wrong("a subnet that exists");
    if (s.last > position_ || s.tenure > s.last || s.described > s.last)
      return wrong("positions up to the book's own");
    auto& usage = counted[s.subnet];
    ++(s.state == LeaseState::kActive     ? usage.active
       : s.state == LeaseState::kDeclined ? usage.declined
                                          : usage.reserved);
  }
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
