#pragma once
// The command ids of the last few hundred thousand commands, in memory, so that repeating a command costs no read and a new
// id is known to be new. Older ones are in the views (command_ids.h).
// Flow: command_handler.h -> [recent_ids.h] -> command_ids.h
//
// Most callers number their commands with ids that grow with time (UUID version 7, RFC 9562 section 5.7). For each principal
// the greatest id that is not here any more is kept: an id above it that is not here either was never used.

#include "commands/command_ids.h"
#include "ledger/zeroed_memory.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leaseledger {

/// First and last record of a command.
struct IdPositions {
  Position first = 0;
  Position last = 0;  ///< 0: not known, more than 65,535 records behind the first.
};

class RecentIds {
 public:
  /// Keeps between `capacity` and twice as many, more only while the views are behind.
  explicit RecentIds(std::size_t capacity = std::size_t{1} << 18) : capacity_(capacity) {}

  /// Names a principal in the other calls.
  static std::uint64_t actor_number(std::string_view actor);

  /// Calls `is_it(positions)` for each command whose id may be this one, until it returns true. Digests of ids are kept, not
  /// ids: nearly always there is no other, but only the record says so.
  template <typename IsIt>
  void find(std::uint64_t actor, const CommandId& id, IsIt is_it) const {
    const std::uint64_t hash = hash_of(actor, id);
    if (!young_.find(hash, is_it)) old_.find(hash, is_it);
  }
  /// Brings the place where find() will look closer.
  void prefetch(std::uint64_t actor, const CommandId& id) const;
  void insert(std::uint64_t actor, const CommandId& id, IdPositions positions);

  /// True when `id`, which find() does not know, cannot have been used before. Asks `ids` once for each principal.
  Result<bool> is_new(std::uint64_t actor, std::string_view name, const CommandId& id,
                      const CommandIds& ids);

  /// Forgets the older half when there are enough and the views, which are at `projected`, have all of it.
  void forget(Position projected);
  std::size_t size() const { return young_.count + old_.count; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t first : 48 = 0;
    std::uint64_t more : 16 = 0;
  };
  static constexpr std::uint64_t kMany = 0xFFFF;  // in `more`: that many or more
  struct Table {
    ZeroedMemory memory;  // of slots, a power of two of them
    std::size_t size = 0;
    std::size_t count = 0;
    Position after =
        0;  // a slot with a record up to this one is free: so a table is emptied without touching it
    Position last = 0;  // of all that are in
    std::unordered_map<std::uint64_t, CommandId> greatest;

    Slot* slots() const { return reinterpret_cast<Slot*>(memory.data()); }
    bool is_free(const Slot& slot) const { return slot.first <= after; }
    template <typename IsIt>
    bool find(std::uint64_t hash, IsIt& is_it) const {
      if (size == 0) return false;
      for (std::size_t i = hash & (size - 1); !is_free(slots()[i]); i = (i + 1) & (size - 1)) {
        const Slot& slot = slots()[i];
        if (slot.hash == hash &&
            is_it(IdPositions{slot.first, slot.more == kMany ? 0 : slot.first + slot.more}))
          return true;
      }
      return false;
    }
    void place(const Slot& slot);
    void grow();
  };
  static std::uint64_t hash_of(std::uint64_t actor, const CommandId& id);

  std::size_t capacity_;
  Table young_;
  Table old_;
  std::unordered_map<std::uint64_t, CommandId> floors_;  // greatest id that is only in the views
};

}  // namespace leaseledger
