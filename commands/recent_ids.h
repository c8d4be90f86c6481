#pragma once
// The command ids of the last few hundred thousand commands, in memory, so that repeating a command costs no read and a new
// id is known to be new. Older ones are in the views (command_ids.h).
// Flow: command_handler.h -> [recent_ids.h] -> command_ids.h
//
// Most callers number their commands with ids that grow with time (UUID version 7, RFC 9562 section 5.7). For each principal
// the greatest id that is not here any more is kept: an id above it that is not here either was never used.

#include "commands/command_ids.h"

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
  Position last = 0;
};

class RecentIds {
 public:
  /// Keeps between `capacity` and twice as many, more only while the views are behind.
  explicit RecentIds(std::size_t capacity = std::size_t{1} << 18) : capacity_(capacity) {}

  /// Names a principal in the other calls.
  static std::uint64_t actor_number(std::string_view actor);

  std::optional<IdPositions> find(std::uint64_t actor, const CommandId& id) const;
  /// Brings the place where find() will look closer.
  void prefetch(std::uint64_t actor, const CommandId& id) const;
  /// `id` must not be in yet.
  void insert(std::uint64_t actor, const CommandId& id, IdPositions positions);

  /// True when `id`, which find() does not know, cannot have been used before. Asks `ids` once for each principal.
  Result<bool> is_new(std::uint64_t actor, std::string_view name, const CommandId& id,
                      const CommandIds& ids);

  /// Forgets the older half when there are enough and the views, which are at `projected`, have all of it.
  void forget(Position projected);
  std::size_t size() const { return young_.count + old_.count; }

 private:
  struct Slot {
    std::uint64_t actor = 0;
    CommandId id{};
    Position first = 0;
    std::uint32_t more = 0;
  };
  struct Table {
    std::vector<Slot> slots;  // a power of two long
    std::size_t count = 0;
    Position after = 0;  // a slot with a record up to this one is free: so a table is emptied without touching it
    Position last = 0;   // of all that are in
    std::unordered_map<std::uint64_t, CommandId> greatest;
    bool is_free(const Slot& slot) const { return slot.first <= after; }
    const Slot* find(std::uint64_t actor, const CommandId& id) const;
    void place(const Slot& slot);
    void grow();
  };

  std::size_t capacity_;
  Table young_;
  Table old_;
  std::unordered_map<std::uint64_t, CommandId> floors_;  // greatest id that is only in the views
};

}  // namespace leaseledger
