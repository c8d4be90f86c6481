#include "ledger/lease_slots.h"

#include "ledger/check.h"
#include "ledger/packed_slot.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost more than the hash
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leaseledger {
namespace {

using packed_slot::load;
using packed_slot::store;

std::int64_t to_ns(Instant instant) { return instant.time_since_epoch().count(); }
Instant from_ns(std::int64_t ns) { return Instant{std::chrono::nanoseconds{ns}}; }

/// Differences wrap around, so that any two times come back.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
bool stands_for_no_time(std::int64_t ns) { return ns == to_ns(kForever) || ns == to_ns(kUnset); }

/// The state in two bits.
std::uint32_t state_bits(LeaseState state) {
  LEASELEDGER_CHECK(state >= LeaseState::kActive && state <= LeaseState::kReserved);
  return static_cast<std::uint32_t>(state);
}

}  // namespace

std::uint64_t hash_octets(const void* octets, std::size_t size, std::uint64_t seed) {
  return XXH3_64bits_withSeed(octets, size, seed);
}

// ---- parts ------------------------------------------------------------------------------------------------------

LeaseSlots::Network LeaseSlots::network_of(const Lease& lease) {
  return {lease.key.length > 64 ? lease.key.address.high : lease.key.address.low, lease.subnet_id,
          lease.key.length, static_cast<std::uint8_t>(lease.type), 0};
}

LeaseSlots::Overflow LeaseSlots::overflow_of(const BookLease& lease) {
  return {network_of(lease.lease),
          to_ns(lease.lease.valid_until),
          to_ns(lease.lease.preferred_until),
          to_ns(lease.effective_at),
          lease.last,
          lease.lease.tenure,
          lease.lease.described};
}

LeaseSlots::Overflow LeaseSlots::overflow(std::uint32_t slot) const {
  return load<Overflow>(overflow_.at(packed_slot::overflow_number(slots_.at(slot))));
}

LeaseSlots::Network LeaseSlots::network(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  if (packed_slot::overflows(octets)) [[unlikely]]
    return overflow(slot).network;
  return networks_.get(packed_slot::network(octets));
}

std::int64_t LeaseSlots::valid_until(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  if (packed_slot::overflows(octets)) [[unlikely]]
    return overflow(slot).valid;
  const Lifetimes lifetimes = lifetimes_.get(packed_slot::lifetimes(octets));
  if (lifetimes.valid_is_fixed != 0) return lifetimes.valid;
  return plus(load<std::int64_t>(octets + packed_slot::kEffective), lifetimes.valid);
}

std::span<const std::uint8_t> LeaseSlots::duid(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  const std::uint32_t size = packed_slot::duid_size(octets);
  if (size == packed_slot::kLongDuid)
    return long_duids_.get(packed_slot::long_duid(octets), packed_slot::long_duid_size(octets));
  return {octets + packed_slot::kDuid, size};
}

bool LeaseSlots::live(std::uint32_t slot) const {
  return (packed_slot::flags(slots_.at(slot)) & packed_slot::kStateMask) != 0;
}

LeaseState LeaseSlots::state(std::uint32_t slot) const {
  return static_cast<LeaseState>(packed_slot::flags(slots_.at(slot)) & packed_slot::kStateMask);
}

SubnetId LeaseSlots::subnet(std::uint32_t slot) const { return network(slot).subnet; }

Position LeaseSlots::last(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  return packed_slot::overflows(octets) ? overflow(slot).last : packed_slot::last(octets);
}

LeaseKey LeaseSlots::key(std::uint32_t slot) const {
  const Network network = this->network(slot);
  const auto half = load<std::uint64_t>(slots_.at(slot) + packed_slot::kHalf);
  if (network.length > 64) return {{network.half, half}, network.length};
  return {{half, network.half}, network.length};
}

bool LeaseSlots::has_key(std::uint32_t slot, const LeaseKey& key) const {
  const auto half = load<std::uint64_t>(slots_.at(slot) + packed_slot::kHalf);
  if (half != (key.length > 64 ? key.address.low : key.address.high)) return false;
  return this->key(slot) == key;
}

bool LeaseSlots::has_client(std::uint32_t slot, SubnetId subnet,
                            std::span<const std::uint8_t> wanted, Iaid iaid, LeaseType type) const {
  if (packed_slot::iaid(slots_.at(slot)) != static_cast<std::uint32_t>(iaid)) return false;
  if (!std::ranges::equal(duid(slot), wanted)) return false;
  const Network network = this->network(slot);
  return network.subnet == subnet && network.type == static_cast<std::uint8_t>(type);
}

std::uint64_t LeaseSlots::key_hash(std::uint32_t slot) const { return hash_value(key(slot)); }

std::uint64_t LeaseSlots::client_hash(SubnetId subnet, std::span<const std::uint8_t> duid,
                                      Iaid iaid, LeaseType type) {
  const std::uint64_t rest = std::uint64_t{static_cast<std::uint32_t>(iaid)} << 32 | subnet;
  return XXH3_64bits_withSeed(duid.data(), duid.size(),
                              rest + static_cast<std::uint64_t>(type) * 0x9e37'79b9'7f4a'7c15U);
}

std::uint64_t LeaseSlots::client_hash(std::uint32_t slot) const {
  const Network network = this->network(slot);
  return client_hash(network.subnet, duid(slot), Iaid{packed_slot::iaid(slots_.at(slot))},
                     static_cast<LeaseType>(network.type));
}

BookLease LeaseSlots::get(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  BookLease out;
  out.lease.state = state(slot);
  out.lease.duid = Duid::copy_of(duid(slot));
  out.lease.iaid = Iaid{packed_slot::iaid(octets)};
  Network network{};
  if (packed_slot::overflows(octets)) [[unlikely]] {
    const Overflow all = overflow(slot);
    network = all.network;
    out.lease.valid_until = from_ns(all.valid);
    out.lease.preferred_until = from_ns(all.preferred);
    out.effective_at = from_ns(all.effective);
    out.last = all.last;
    out.lease.tenure = all.tenure;
    out.lease.described = all.described;
  } else {
    network = networks_.get(packed_slot::network(octets));
    const Lifetimes lifetimes = lifetimes_.get(packed_slot::lifetimes(octets));
    const auto effective = load<std::int64_t>(octets + packed_slot::kEffective);
    out.effective_at = from_ns(effective);
    out.lease.valid_until =
        from_ns(lifetimes.valid_is_fixed != 0 ? lifetimes.valid : plus(effective, lifetimes.valid));
    out.lease.preferred_until =
        from_ns(lifetimes.preferred_is_fixed != 0 ? lifetimes.preferred
                                                  : plus(effective, lifetimes.preferred));
    out.last = packed_slot::last(octets);
    out.lease.tenure = out.last - packed_slot::held(octets);
    out.lease.described = (packed_slot::flags(octets) & packed_slot::kDescribedAtLast) != 0
                              ? out.last
                              : out.lease.tenure;
  }
  const auto half = load<std::uint64_t>(octets + packed_slot::kHalf);
  out.lease.key = network.length > 64 ? LeaseKey{{network.half, half}, network.length}
                                      : LeaseKey{{half, network.half}, network.length};
  out.lease.type = static_cast<LeaseType>(network.type);
  out.lease.subnet_id = network.subnet;
  return out;
}

// ---- writing ----------------------------------------------------------------------------------------------------

std::uint32_t LeaseSlots::add(const BookLease& lease) {
  std::uint32_t slot = first_free_;
  if (slot == SlotIndex::kNone) {
    slot = slots_.append();
    LEASELEDGER_CHECK(slot < SlotIndex::kMaxSlots);
  } else {
    first_free_ = load<std::uint32_t>(slots_.at(slot));
  }
  write(slot, lease);
  return slot;
}

void LeaseSlots::replace(std::uint32_t slot, const BookLease& lease) { write(slot, lease); }

void LeaseSlots::remove(std::uint32_t slot) {
  std::uint8_t* octets = slots_.edit(slot);
  release_times(octets);
  release_duid(octets);
  std::memset(octets, 0, kSlotOctets);
  store(octets, first_free_);
  first_free_ = slot;
}

void LeaseSlots::release_times(const std::uint8_t* octets) {
  if (packed_slot::overflows(octets)) {
    const std::uint32_t number = packed_slot::overflow_number(octets);
    store(overflow_.edit(number), first_free_overflow_);
    first_free_overflow_ = number;
  } else {
    networks_.release(packed_slot::network(octets));
    lifetimes_.release(packed_slot::lifetimes(octets));
  }
}

void LeaseSlots::release_duid(const std::uint8_t* octets) {
  if (packed_slot::duid_size(octets) == packed_slot::kLongDuid)
    long_duids_.remove(packed_slot::long_duid(octets), packed_slot::long_duid_size(octets));
}

void LeaseSlots::write_duid(std::uint8_t* octets, std::span<const std::uint8_t> duid) {
  std::uint8_t* place = octets + packed_slot::kDuid;
  std::memset(place, 0, packed_slot::kInlineDuid);
  if (duid.size() <= packed_slot::kInlineDuid) {
    std::ranges::copy(duid, place);
  } else {
    store(place, long_duids_.add(duid));
    place[4] = static_cast<std::uint8_t>(duid.size());
  }
}

std::uint32_t LeaseSlots::take_overflow() {
  if (first_free_overflow_ == SlotIndex::kNone) return overflow_.append();
  const std::uint32_t number = first_free_overflow_;
  first_free_overflow_ = load<std::uint32_t>(overflow_.at(number));
  return number;
}

/// A lease has no room in a slot when `described` is neither `last` nor `tenure`, when `tenure` is after `last`, when a
/// position is 2^40 or more, or when there are too many different networks or lifetimes.
void LeaseSlots::write(std::uint32_t slot, const BookLease& book_lease) {
  const Lease& lease = book_lease.lease;
  std::uint8_t* octets = slots_.edit(slot);
  const bool fresh = (packed_slot::flags(octets) & packed_slot::kStateMask) == 0;
  const bool packed_before = !fresh && !packed_slot::overflows(octets);

  const std::int64_t effective = to_ns(book_lease.effective_at);
  const bool fits = lease.tenure <= book_lease.last &&
                    book_lease.last <= packed_slot::kMaxPosition &&
                    (lease.described == book_lease.last || lease.described == lease.tenure);
  std::uint32_t network = Networks::kNone;
  std::uint32_t lifetimes = LifetimesTable::kNone;
  bool same_network = false;
  bool same_lifetimes = false;
  if (fits) {
    const std::int64_t valid = to_ns(lease.valid_until);
    const std::int64_t preferred = to_ns(lease.preferred_until);
    const bool valid_fixed = stands_for_no_time(valid);
    const bool preferred_fixed = stands_for_no_time(preferred);
    const Lifetimes wanted{valid_fixed ? valid : minus(valid, effective),
                           preferred_fixed ? preferred : minus(preferred, effective),
                           valid_fixed ? 1U : 0U, preferred_fixed ? 1U : 0U};
    const Network home = network_of(lease);
    same_network = packed_before && networks_.same(packed_slot::network(octets), home);
    same_lifetimes = packed_before && lifetimes_.same(packed_slot::lifetimes(octets), wanted);
    network = same_network ? packed_slot::network(octets) : networks_.acquire(home);
    lifetimes = same_lifetimes ? packed_slot::lifetimes(octets) : lifetimes_.acquire(wanted);
  }
  const bool packed = network != Networks::kNone && lifetimes != LifetimesTable::kNone;
  std::uint32_t overflow = SlotIndex::kNone;
  if (!packed) {
    // What was acquired in vain; what is the old lease's own is released with it.
    if (network != Networks::kNone && !same_network) networks_.release(network);
    if (lifetimes != LifetimesTable::kNone && !same_lifetimes) lifetimes_.release(lifetimes);
    overflow = take_overflow();
    store(overflow_.edit(overflow), overflow_of(book_lease));
  }
  if (!fresh) {
    if (!packed || !packed_before) {
      release_times(octets);
    } else {
      if (!same_network) networks_.release(packed_slot::network(octets));
      if (!same_lifetimes) lifetimes_.release(packed_slot::lifetimes(octets));
    }
  }
  const auto duid = lease.duid.bytes();
  if (fresh || !std::ranges::equal(this->duid(slot), duid)) {
    if (!fresh) release_duid(octets);
    write_duid(octets, duid);
  }

  const std::uint32_t duid_bits = duid.size() <= packed_slot::kInlineDuid
                                      ? static_cast<std::uint32_t>(duid.size())
                                      : packed_slot::kLongDuid;
  std::uint32_t flags = state_bits(lease.state) | duid_bits << 4;
  store(octets + packed_slot::kHalf,
        lease.key.length > 64 ? lease.key.address.low : lease.key.address.high);
  store(octets + packed_slot::kIaid, static_cast<std::uint32_t>(lease.iaid));
  if (packed) {
    if (lease.described == book_lease.last) flags |= packed_slot::kDescribedAtLast;
    store(octets + packed_slot::kNetworkAndFlags, network | flags << 24);
    store(octets + packed_slot::kLifetimes, static_cast<std::uint16_t>(lifetimes));
    store(octets + packed_slot::kEffective, effective);
    packed_slot::set_positions(octets, book_lease.last, book_lease.last - lease.tenure);
  } else {
    flags |= packed_slot::kOverflow;
    store(octets + packed_slot::kNetworkAndFlags, packed_slot::kNoNetwork | flags << 24);
    store(octets + packed_slot::kLifetimes, std::uint16_t{0});
    store(octets + packed_slot::kEffective, std::uint64_t{overflow});
    packed_slot::set_positions(octets, 0, 0);
  }
  if (lease.valid_until != kForever) expiry_.lower(slot, to_ns(lease.valid_until));
}

// ---- expiry -----------------------------------------------------------------------------------------------------

std::vector<std::uint32_t> LeaseSlots::lapsed(Instant now, std::size_t limit) const {
  struct Candidate {
    std::int64_t valid_until;
    LeaseKey key;
    std::uint32_t slot;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> kept;  // a heap once it is full: the latest of the soonest in front
  if (limit == 0) return {};
  const std::int64_t now_ns = std::min(to_ns(now), ExpirySummary::kNever - 1);
  const auto enough = [&] { return kept.size() < limit ? now_ns : kept.front().valid_until; };
  expiry_.visit_soonest(
      [&](std::uint32_t first) {
        std::int64_t soonest = ExpirySummary::kNever;
        for (std::uint32_t slot = first;
             slot < std::min(first + ExpirySummary::kBlockSlots, slots_.size()); ++slot) {
          if (!live(slot)) continue;
          const std::int64_t until = valid_until(slot);
          soonest = std::min(soonest, until);
          if (until > enough()) continue;
          const Candidate candidate{until, key(slot), slot};
          if (kept.size() == limit) {
            if (candidate >= kept.front()) continue;
            std::ranges::pop_heap(kept);
            kept.back() = candidate;
            std::ranges::push_heap(kept);
          } else {
            kept.push_back(candidate);
            if (kept.size() == limit) std::ranges::make_heap(kept);
          }
        }
        return soonest;
      },
      enough);
  std::ranges::sort(kept);
  std::vector<std::uint32_t> out;
  out.reserve(kept.size());
  for (const auto& candidate : kept) out.push_back(candidate.slot);
  return out;
}

std::size_t LeaseSlots::memory_bytes() const {
  return slots_.memory_bytes() + networks_.memory_bytes() + lifetimes_.memory_bytes() +
         overflow_.memory_bytes() + long_duids_.memory_bytes() + expiry_.memory_bytes();
}

}  // namespace leaseledger
