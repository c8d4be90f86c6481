#pragma once
// The leases of a LeaseBook, 50 octets each, by slot number; nothing is found here but by slot. Used by LeaseBook, whose
// indexes say in which slot a lease is.
//
// What leases share stands once: half of the address with prefix length, type and subnet (a network), and the lifetimes,
// as differences to the time of the fact. What a slot has no room for (see lease_slots.cc) stands in an entry of its own,
// so that every lease comes back exactly as it was written.

#include "ledger/book_lease.h"
#include "ledger/expiry_summary.h"
#include "ledger/interned.h"
#include "ledger/long_duids.h"
#include "ledger/prefetch.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace leaseledger {

class BookReader;
class BookWriter;
class LeaseBook;

class LeaseSlots {
 public:
  static constexpr std::size_t kSlotOctets = 50;

  /// Puts `lease` (its state is not kEnded) into a free slot; its number.
  std::uint32_t add(const BookLease& lease);
  /// The same lease (its key is what it was) after another fact.
  void replace(std::uint32_t slot, const BookLease& lease);
  /// Frees the slot.
  void remove(std::uint32_t slot);

  /// Slots are below this; live() says which of them hold a lease.
  std::uint32_t end() const { return slots_.size(); }
  bool live(std::uint32_t slot) const;

  // ---- of a live slot ----
  BookLease get(std::uint32_t slot) const;
  LeaseKey key(std::uint32_t slot) const;
  SubnetId subnet(std::uint32_t slot) const;
  LeaseState state(std::uint32_t slot) const;
  Position last(std::uint32_t slot) const;
  bool has_key(std::uint32_t slot, const LeaseKey& key) const;
  bool has_client(std::uint32_t slot, SubnetId subnet, std::span<const std::uint8_t> duid,
                  Iaid iaid, LeaseType type) const;
  /// What hash_value(key) and client_hash() give for its lease.
  std::uint64_t key_hash(std::uint32_t slot) const;
  std::uint64_t client_hash(std::uint32_t slot) const;
  static std::uint64_t client_hash(SubnetId subnet, std::span<const std::uint8_t> duid, Iaid iaid,
                                   LeaseType type);
  /// Brings the slot closer, which stands in one or two cache lines, and what is written with it.
  void prefetch(std::uint32_t slot) const {
    const std::uint8_t* octets = slots_.at(slot);
    prefetch_line(octets);
    prefetch_line(octets + kSlotOctets - 1);
    expiry_.prefetch(slot);
  }

  /// Slots of the leases with valid_until <= now, soonest first, then by key, at most `limit`.
  std::vector<std::uint32_t> lapsed(Instant now, std::size_t limit) const;

  /// Octets in use.
  std::size_t memory_bytes() const;

 private:
  friend class LeaseBook;  // book_image.cc writes and reads the arrays

  /// Leases whose addresses have this half in common. Of a key longer than 64 bits the slot holds the low half of the
  /// address and this the high one; of a shorter one it is the other way round, and this is nearly always 0.
  struct Network {
    std::uint64_t half;
    std::uint32_t subnet;
    std::uint8_t length;
    std::uint8_t type;
    std::uint16_t unused;
  };
  /// valid_until and preferred_until, nanoseconds after effective_at, or since 1970 for the two that stand for no time.
  struct Lifetimes {
    std::int64_t valid;
    std::int64_t preferred;
    std::uint32_t valid_is_fixed;
    std::uint32_t preferred_is_fixed;
  };
  /// A lease that a slot has no room for, but for the half of the address, client and state.
  struct Overflow {
    Network network;
    std::int64_t valid;
    std::int64_t preferred;
    std::int64_t effective;
    std::uint64_t last;
    std::uint64_t tenure;
    std::uint64_t described;
  };
  using Slots = ChunkedArray<kSlotOctets, 10>;
  using Networks = Interned<Network, 0xFF'FFFF>;
  using LifetimesTable = Interned<Lifetimes, 0x1'0000>;
  using OverflowArray = ChunkedArray<sizeof(Overflow), 10>;

  static Network network_of(const Lease& lease);
  static Overflow overflow_of(const BookLease& lease);
  Network network(std::uint32_t slot) const;
  Overflow overflow(std::uint32_t slot) const;
  std::int64_t valid_until(std::uint32_t slot) const;
  std::span<const std::uint8_t> duid(std::uint32_t slot) const;
  void write(std::uint32_t slot, const BookLease& lease);
  void write_duid(std::uint8_t* octets, std::span<const std::uint8_t> duid);
  void release_times(const std::uint8_t* octets);
  void release_duid(const std::uint8_t* octets);
  std::uint32_t take_overflow();

  // ---- snapshots ----
  /// What the arrays do not say themselves.
  struct Figures {
    std::array<std::uint32_t, 5> sizes{};       // elements, in the order of visit_arrays()
    std::array<std::uint32_t, 4> first_free{};  // of lifetimes, networks, overflow entries, slots
    LongDuids::FreeRuns free_runs{};
  };
  void write_figures(BookWriter& out) const;
  static Figures read_figures(BookReader& in);
  /// Calls `visit(array)` in the order of the file: the slots last, because they are checked against the others.
  template <typename Visit>
  void visit_arrays(Visit visit) {
    visit(lifetimes_.array());
    visit(networks_.array());
    visit(overflow_);
    visit(long_duids_.array());
    visit(slots_);
  }
  template <typename Visit>
  void visit_arrays(Visit visit) const {
    visit(lifetimes_.array());
    visit(networks_.array());
    visit(overflow_);
    visit(long_duids_.array());
    visit(slots_);
  }
  /// After all arrays but the slots were filled; false when they cannot have been written by write_figures().
  bool restore(const Figures& figures);
  /// After a chunk of slots was filled: how many live ones it has, nullopt when one points at what is not there. Chunks of
  /// different groups of the expiry summary may be restored on different threads.
  std::optional<std::size_t> restore_chunk(std::size_t chunk);
  bool sound(std::uint32_t slot) const;

  Slots slots_;
  std::uint32_t first_free_ =
      SlotIndex::kNone;  // a free slot has the next one in its first 4 octets
  Networks networks_;
  LifetimesTable lifetimes_;
  OverflowArray overflow_;
  std::uint32_t first_free_overflow_ = SlotIndex::kNone;
  LongDuids long_duids_;
  ExpirySummary expiry_;
};

}  // namespace leaseledger
