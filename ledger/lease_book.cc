#include "ledger/lease_book.h"

#include "ledger/check.h"

#include <algorithm>

namespace leaseledger {
namespace {

Status does_not_fit(Position position, std::string_view what) {
  return corrupt("record at position", std::to_string(position),
                 "a fact that fits the state before it, but " + std::string(what));
}

template <typename T, typename Value>
auto find_value(std::vector<T>& list, const Value& value) {
  return std::ranges::find(list, value);
}

/// Ids below this are found without a search. Higher ones are no less right.
constexpr SubnetId kLowIds = 1 << 20;

}  // namespace

// ---- subnets ----------------------------------------------------------------------------------------------------

LeaseBook::SubnetEntry* LeaseBook::mutable_entry(SubnetId id) {
  return const_cast<SubnetEntry*>(std::as_const(*this).entry_of(id));
}

const LeaseBook::SubnetEntry* LeaseBook::entry_of(SubnetId id) const {
  if (id < low_ids_.size()) return low_ids_[id];
  if (id < kLowIds) return nullptr;
  const auto it = subnets_.find(id);
  return it == subnets_.end() ? nullptr : &it->second;
}

void LeaseBook::put_subnet(SubnetId id, std::optional<SubnetEntry> entry) {
  const SubnetEntry* before = entry_of(id);
  if (savepoint_) {
    savepoint_->undo.emplace_back(
        SubnetUndo{id, before == nullptr ? std::nullopt : std::optional(*before)});
  }
  if (before != nullptr)
    std::erase_if(ranges_, [before](const Range& range) { return range.entry == before; });
  if (entry) {
    enter_subnet(id, std::move(*entry));
  } else {
    subnets_.erase(id);
    if (id < low_ids_.size()) low_ids_[id] = nullptr;
  }
}

/// None of the subnet's ranges is there.
void LeaseBook::enter_subnet(SubnetId id, SubnetEntry entry) {
  SubnetEntry& entered = subnets_.insert_or_assign(id, std::move(entry)).first->second;
  if (id < kLowIds) {
    if (id >= low_ids_.size()) low_ids_.resize(id + 1);
    low_ids_[id] = &entered;
  }
  const auto enter = [&](const Ipv6Prefix& prefix) {
    ranges_.insert(std::ranges::upper_bound(ranges_, prefix, {}, &Range::prefix),
                   Range{prefix, &entered});
  };
  enter(entered.subnet.prefix);
  for (const auto& pool : entered.pools) {
    if (!entered.subnet.prefix.contains(pool.prefix)) enter(pool.prefix);
  }
}

void LeaseBook::remember_usage(const SubnetEntry& entry) {
  if (savepoint_) savepoint_->undo.emplace_back(UsageUndo{entry.subnet.id, entry.usage});
}

// ---- leases -----------------------------------------------------------------------------------------------------

void LeaseBook::put_lease(std::uint32_t slot, SubnetEntry* entry, const BookLease* lease) {
  const bool there = slot != SlotIndex::kNone;
  if (savepoint_) {
    savepoint_->undo.emplace_back(Undo{there ? leases_.key(slot) : lease->lease.key,
                                       there ? std::optional(leases_.get(slot)) : std::nullopt});
  }
  const auto count = [entry](LeaseState state, std::uint64_t step) {
    if (entry == nullptr) return;
    auto& figure = state == LeaseState::kActive     ? entry->usage.active
                   : state == LeaseState::kDeclined ? entry->usage.declined
                                                    : entry->usage.reserved;
    figure += step;
  };
  const auto hash_by_key = [this](std::uint32_t s) { return leases_.key_hash(s); };
  const auto hash_by_client = [this](std::uint32_t s) { return leases_.client_hash(s); };
  if (there) {
    const LeaseState before = leases_.state(slot);
    count(before, ~std::uint64_t{0});
    // A renewal leaves client and key where they are.
    const bool same_client =
        lease != nullptr && before != LeaseState::kDeclined &&
        lease->lease.state != LeaseState::kDeclined &&
        leases_.has_client(slot, lease->lease.subnet_id, lease->lease.duid.bytes(),
                           lease->lease.iaid, lease->lease.type);
    if (same_client) {
      leases_.replace(slot, *lease);
      count(lease->lease.state, 1);
      return;
    }
    if (before != LeaseState::kDeclined) by_client_.erase(leases_.client_hash(slot), slot);
    if (lease == nullptr) {
      by_key_.erase(leases_.key_hash(slot), slot);
      leases_.remove(slot);
      return;
    }
    leases_.replace(slot, *lease);
  } else {
    if (lease == nullptr) return;
    slot = leases_.add(*lease);
    by_key_.insert(hash_value(lease->lease.key), slot, hash_by_key);
  }
  count(lease->lease.state, 1);
  if (lease->lease.state != LeaseState::kDeclined) {
    const Lease& l = lease->lease;
    by_client_.insert(LeaseSlots::client_hash(l.subnet_id, l.duid.bytes(), l.iaid, l.type), slot,
                      hash_by_client);
  }
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
      const auto slot = slot_of(lease->key);
      const SubnetId id = lease->lease ? lease->lease->lease.subnet_id : leases_.subnet(slot);
      put_lease(slot, mutable_entry(id), lease->lease ? &*lease->lease : nullptr);
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
  if (present && leases_.subnet(slot) != fact.lease.subnet_id)
    return does_not_fit(position, "the lease is in another subnet");
  if (fact.lease.state < LeaseState::kActive || fact.lease.state > LeaseState::kReserved)
    return does_not_fit(position, "its state is not one that a lease has");
  BookLease after{fact.lease, position, effective_at};
  if (after.lease.tenure == 0) after.lease.tenure = position;
  if (after.lease.described == 0) after.lease.described = position;
  switch (kind) {
    case EventKind::kClientCreated: {
      if (present) return does_not_fit(position, "the key has a live lease already");
      const Range* home = range_of(key);
      if (home == nullptr || home->entry != entry)
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
  if (gone && fact.lease.state != leases_.state(slot))
    return does_not_fit(position, "the lease is in another state");
  if (kind == EventKind::kLeaseRenewed &&
      (after.lease.tenure == position) != (leases_.state(slot) == LeaseState::kReserved)) {
    return does_not_fit(position, "only a reserved record begins a tenure by renewal");
  }
  if (kind == EventKind::kLeaseDeclined &&
      (present ? leases_.state(slot) != LeaseState::kActive || after.lease.tenure == position
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
  put_lease(slot, entry, gone ? nullptr : &after);
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

}  // namespace leaseledger
