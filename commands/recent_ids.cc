#include "commands/recent_ids.h"

#include "ledger/check.h"
#include "ledger/prefetch.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost more than the hash
#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace leaseledger {

std::uint64_t RecentIds::hash_of(std::uint64_t actor, const CommandId& id) {
  return XXH3_64bits_withSeed(id.data(), id.size(), actor);
}

std::uint64_t RecentIds::actor_number(std::string_view actor) {
  return XXH3_64bits(actor.data(), actor.size());
}

void RecentIds::Table::place(const Slot& slot) {
  std::size_t i = slot.hash & (size - 1);
  while (!is_free(slots()[i])) i = (i + 1) & (size - 1);
  slots()[i] = slot;
}

void RecentIds::Table::grow() {
  const std::size_t old_size = std::exchange(size, size == 0 ? 1024 : size * 2);
  const ZeroedMemory before = std::exchange(memory, ZeroedMemory(size * sizeof(Slot)));
  const auto* slot = reinterpret_cast<const Slot*>(before.data());
  for (const auto* const end = slot + old_size; slot != end; ++slot) {
    if (!is_free(*slot)) place(*slot);
  }
}

void RecentIds::prefetch(std::uint64_t actor, const CommandId& id) const {
  const std::uint64_t hash = hash_of(actor, id);
  for (const Table* table : {&young_, &old_}) {
    if (table->size != 0) prefetch_line(&table->slots()[hash & (table->size - 1)]);
  }
}

void RecentIds::insert(std::uint64_t actor, const CommandId& id, IdPositions positions) {
  LEASELEDGER_CHECK(positions.first > young_.after && positions.last >= positions.first);
  LEASELEDGER_CHECK(positions.first < std::uint64_t{1} << 48);
  if ((young_.count + 1) * 2 > young_.size) young_.grow();
  Slot slot;
  slot.hash = hash_of(actor, id);
  slot.first = positions.first & 0xFFFF'FFFF'FFFF;
  slot.more = std::min(positions.last - positions.first, kMany) & kMany;
  young_.place(slot);
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
