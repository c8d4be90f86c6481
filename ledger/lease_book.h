#pragma once
// LeaseBook: the state that decisions read, folded from the log and held in memory. Only what a decision needs is
// here; names, comments and history are in the log and found by position.
// Flow: event_log.h -> evolve() in [lease_book.h] -> commands/*.h decide(book, command, ...)
//
// Not thread-safe: one writer, and readers under the writer's lock.

#include "ledger/book_image.h"
#include "ledger/book_lease.h"
#include "ledger/event.h"
#include "ledger/lease_slots.h"
#include "ledger/record.h"
#include "ledger/result.h"
#include "ledger/sha256.h"
#include "ledger/slot_index.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace leaseledger {

/// Figures of one subnet. The first three are what is there now; the others count facts since the subnet was created.
struct SubnetUsage {
  /// live leases, those whose valid lifetime is over but not yet expired included.
  std::uint64_t active = 0;
  std::uint64_t declined = 0;  ///< addresses set aside after a decline.
  std::uint64_t reserved = 0;  ///< records that a reservation made and that nobody has leased yet.
  std::uint64_t created = 0;
  std::uint64_t renewed = 0;
  std::uint64_t released = 0;
  std::uint64_t expired = 0;
  std::uint64_t deleted = 0;
  friend bool operator==(const SubnetUsage&, const SubnetUsage&) = default;
};

class LeaseBook {
 public:
  LeaseBook() = default;
  LeaseBook(LeaseBook&&) = default;
  LeaseBook& operator=(LeaseBook&&) = default;

  /// Every record up to this one is folded in.
  Position position() const { return position_; }
  Instant last_recorded_at() const { return last_recorded_at_; }

  // ---- subnets ----
  const Subnet* find_subnet(SubnetId id) const;
  const Subnet* find_subnet(const Ipv6Prefix& prefix) const;
  /// The subnet that the lease belongs to: the one whose prefix, or one of whose delegation pools, contains it.
  const Subnet* subnet_of(const LeaseKey& key) const;
  /// The subnet or pool prefix, whoever's, that overlaps `prefix`; nullopt when there is none.
  std::optional<std::pair<Ipv6Prefix, SubnetId>> overlapping(const Ipv6Prefix& prefix) const;
  /// In address order. Pointers hold until the next evolve().
  std::vector<const Subnet*> subnets() const;
  SubnetId next_subnet_id() const { return next_subnet_id_; }
  SubnetUsage usage(SubnetId id) const;
  std::span<const Reservation> reservations(SubnetId id) const;
  std::span<const Exclusion> exclusions(SubnetId id) const;
  std::span<const DelegationPool> pools(SubnetId id) const;
  const Reservation* find_reservation(SubnetId id, const LeaseKey& key) const;
  const Reservation* find_reservation(SubnetId id, const Duid& duid, Iaid iaid,
                                      LeaseType type) const;

  // ---- leases ----
  std::optional<BookLease> find(const LeaseKey& key) const;
  /// A lease that (duid, iaid, type) holds or has reserved in the subnet; the lowest key when there are several.
  /// Declined leases belong to nobody and are not found.
  std::optional<BookLease> find_client(SubnetId id, const Duid& duid, Iaid iaid,
                                       LeaseType type) const;
  /// Every lease that (duid, iaid, type) holds or has reserved in the subnet, in key order.
  std::vector<BookLease> leases_of(SubnetId id, const Duid& duid, Iaid iaid, LeaseType type) const;
  /// Position of the last fact of the lease at `key`, 0 when there is none: what preconditions compare.
  Position last_event(const LeaseKey& key) const;
  std::size_t lease_count() const { return by_key_.size(); }
  /// Leases whose valid lifetime is over at `now` (valid_until <= now), soonest first, at most `limit`.
  std::vector<BookLease> lapsed(Instant now, std::size_t limit) const;
  /// All leases of a subnet in key order.
  std::vector<BookLease> leases_in(SubnetId id) const;
  /// Every lease, in key order.
  void for_each(const std::function<void(const BookLease&)>& visit) const;
  /// Each makes a following look-up cheaper when some 100 ns of other work lie between: the first two bring the index
  /// line of a key or a client closer, prefetch_slot() the lease itself (call it when prefetch() has had its time).
  void prefetch(const LeaseKey& key) const { by_key_.prefetch(hash_value(key)); }
  void prefetch_client(SubnetId id, const Duid& duid, Iaid iaid, LeaseType type) const {
    by_client_.prefetch(LeaseSlots::client_hash(id, duid.bytes(), iaid, type));
  }
  void prefetch_slot(const LeaseKey& key) const;

  // ---- all or nothing ----
  /// From begin() on every evolve() can be taken back with rollback(); commit() keeps them. Not nested.
  void begin();
  void commit();
  void rollback();

  // ---- snapshots: docs/formats/lease_book.md ----
  /// Writes the whole state in canonical order: equal states give equal bytes.
  void write(const std::function<void(std::span<const std::uint8_t>)>& sink) const;
  /// The reverse. kCorrupt when the bytes are not what write() wrote.
  static Result<LeaseBook> read(std::span<const std::uint8_t> bytes);
  /// The state as it is now, to be written on another thread while this book goes on: costs as much as there are subnets,
  /// and the writer copies later what it changes while the image is there. nullptr while an earlier one is; not between
  /// begin() and commit(). Others may read the book meanwhile, nobody may change it or take another image.
  std::shared_ptr<BookImage> image() const;
  /// The book in what an image wrote, `size` octets. kCorrupt when they are not such. Uses a second thread.
  static Result<LeaseBook> load(const ReadAt& read, std::uint64_t size);
  /// SHA-256 over what write() writes.
  Hash digest() const;
  /// Counters equal contents, each lease in its subnet, no key twice; the error says what is wrong.
  Status check_invariants() const;

  /// Bytes in use for leases and their indexes, for figures.
  std::size_t memory_bytes() const;

 private:
  friend Status evolve(LeaseBook& book, Position position, Instant recorded_at,
                       Instant effective_at, const Event& event);

  struct SubnetEntry {
    Subnet subnet;
    SubnetUsage usage;
    std::vector<Reservation> reservations;  // by key
    std::vector<Exclusion> exclusions;      // in order
    std::vector<DelegationPool> pools;      // in order
    friend bool operator==(const SubnetEntry&, const SubnetEntry&) = default;
  };
  struct Range {
    Ipv6Prefix prefix;
    SubnetEntry* entry = nullptr;
  };
  struct Undo {
    LeaseKey key;
    std::optional<BookLease> lease;
  };
  struct SubnetUndo {
    SubnetId id = 0;
    std::optional<SubnetEntry> entry;
  };
  struct UsageUndo {
    SubnetId id = 0;
    SubnetUsage usage;
  };
  struct Savepoint {
    std::vector<std::variant<Undo, SubnetUndo, UsageUndo>> undo;
    Position position = 0;
    Instant last_recorded_at = kUnset;
    SubnetId next_subnet_id = 1;
  };

  Status apply(Position position, Instant effective_at, const Event& event);
  Status apply_lease(Position position, Instant effective_at, EventKind kind,
                     const LeaseFact& fact);
  void write_state(BookWriter& out) const;
  bool read_state(BookReader& in);
  SubnetEntry* mutable_entry(SubnetId id);
  const SubnetEntry* entry_of(SubnetId id) const;
  const Range* range_of(const LeaseKey& key) const;
  void put_subnet(SubnetId id, std::optional<SubnetEntry> entry);
  void enter_subnet(SubnetId id, SubnetEntry entry);
  /// What is in `slot` (kNone: nothing) becomes `lease` (nullptr: nothing). `entry` is of its subnet; nullptr when
  /// that is not there yet (rollback() takes the subnet back before its leases).
  void put_lease(std::uint32_t slot, SubnetEntry* entry, const BookLease* lease);
  void remember_usage(const SubnetEntry& entry);
  std::uint32_t slot_of(const LeaseKey& key) const;
  std::vector<std::uint32_t> sorted_slots(std::optional<SubnetId> only) const;

  Position position_ = 0;
  Instant last_recorded_at_ = kUnset;
  SubnetId next_subnet_id_ = 1;
  std::map<SubnetId, SubnetEntry> subnets_;
  // Entries by id, where ids are low; they are given from 1 on.
  std::vector<SubnetEntry*> low_ids_;
  // Subnets and the pools outside of them, by first address; they do not overlap.
  std::vector<Range> ranges_;
  LeaseSlots leases_;
  SlotIndex by_key_;
  SlotIndex by_client_;  // without the declined ones
  std::optional<Savepoint> savepoint_;
  mutable std::weak_ptr<BookImage> image_;
};

/// Folds one fact into the book. `position` is book.position() + 1. kCorrupt when the fact does not fit the state (a
/// renewal of a lease that is not there, an event of a newer version): the book is then unchanged, and whoever folds
/// must stop.
Status evolve(LeaseBook& book, Position position, Instant recorded_at, Instant effective_at,
              const Event& event);
inline Status evolve(LeaseBook& book, const Record& record) {
  return evolve(book, record.position, record.recorded_at, record.effective_at, record.event);
}

}  // namespace leaseledger
