#include "commands/recent_ids.h"

#include "ledger/check.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leaseledger {
namespace {

std::size_t hash_of(std::uint64_t actor, const CommandId& id) {
  return XXH3_64bits_withSeed(id.data(), id.size(), actor);
}

}  // namespace

std::uint64_t RecentIds::actor_number(std::string_view actor) {
  return XXH3_64bits(actor.data(), actor.size());
}

const RecentIds::Slot* RecentIds::Table::find(std::uint64_t actor, const CommandId& id) const {
  if (slots.empty()) return nullptr;
  const std::size_t mask = slots.size() - 1;
  for (std::size_t i = hash_of(actor, id) & mask; !is_free(slots[i]); i = (i + 1) & mask) {
    if (slots[i].actor == actor && slots[i].id == id) return &slots[i];
  }
  return nullptr;
}

void RecentIds::Table::place(const Slot& slot) {
  const std::size_t mask = slots.size() - 1;
  std::size_t i = hash_of(slot.actor, slot.id) & mask;
  while (!is_free(slots[i])) i = (i + 1) & mask;
  slots[i] = slot;
}

void RecentIds::Table::grow() {
  std::vector<Slot> before(slots.empty() ? 1024 : slots.size() * 2);
  before.swap(slots);
  for (const Slot& slot : before) {
    if (!is_free(slot)) place(slot);
  }
}

std::optional<IdPositions> RecentIds::find(std::uint64_t actor, const CommandId& id) const {
  for (const Table* table : {&young_, &old_}) {
    if (const Slot* slot = table->find(actor, id))
      return IdPositions{slot->first, slot->first + slot->more};
  }
  return std::nullopt;
}

void RecentIds::prefetch(std::uint64_t actor, const CommandId& id) const {
  const std::size_t hash = hash_of(actor, id);
  for (const Table* table : {&young_, &old_}) {
    if (!table->slots.empty())
      __builtin_prefetch(&table->slots[hash & (table->slots.size() - 1)]);
  }
}

void RecentIds::insert(std::uint64_t actor, const CommandId& id, IdPositions positions) {
  LEASELEDGER_CHECK(positions.first > young_.after && positions.last >= positions.first);
  if ((young_.count + 1) * 2 > young_.slots.size()) young_.grow();
  young_.place({actor, id, positions.first,
                static_cast<std::uint32_t>(positions.last - positions.first)});
  ++young_.count;
  young_.last = std::max(young_.last, positions.last);
  const auto [it, is_first] = young_.greatest.try_emplace(actor, id);
  if (!is_first && it->second < id) it->second = id;
}

Result<bool> RecentIds::is_new(std::uint64_t actor, std::string_view name, const CommandId& id,
                               const CommandIds& ids) {
  auto floor = floors_.find(actor);
  if (floor == floors_.end()) {
    LEASELEDGER_ASSIGN(const auto greatest, ids.greatest(name));
    floor = floors_.emplace(actor, greatest.value_or(CommandId{})).first;
  }
  return id > floor->second;
}

void RecentIds::forget(Position projected) {
  if (young_.count < capacity_ || old_.last > projected) return;
  for (const auto& [actor, id] : old_.greatest) {
    const auto floor = floors_.find(actor);
    if (floor != floors_.end()) floor->second = std::max(floor->second, id);
    // otherwise greatest() will be asked, and knows all that the views have
  }
  std::swap(young_, old_);
  young_.after = std::exchange(young_.last, 0);
  young_.count = 0;
  young_.greatest.clear();
}

}  // namespace leaseledger
