// LeaseSlots in a snapshot: docs/formats/lease_book.md.

#include "ledger/book_octets.h"
#include "ledger/lease_slots.h"
#include "ledger/packed_slot.h"

#include <algorithm>

namespace leaseledger {

void LeaseSlots::write_figures(BookWriter& out) const {
  visit_arrays([&out](const auto& array) { out.number(array.size()); });
  for (const std::uint32_t first :
       {lifetimes_.first_free(), networks_.first_free(), first_free_overflow_, first_free_}) {
    out.number(first);
  }
  for (const std::uint32_t first : long_duids_.free_runs()) out.number(first);
}

LeaseSlots::Figures LeaseSlots::read_figures(BookReader& in) {
  Figures out;
  for (auto& size : out.sizes) size = in.number<std::uint32_t>();
  for (auto& first : out.first_free) first = in.number<std::uint32_t>();
  for (auto& first : out.free_runs) first = in.number<std::uint32_t>();
  return out;
}

bool LeaseSlots::restore(const Figures& figures) {
  const auto [lifetimes, networks, overflow, slots] = figures.first_free;
  const auto free_or_none = [](std::uint32_t first, std::uint32_t size) {
    return first == SlotIndex::kNone || first < size;
  };
  if (!lifetimes_.restore(lifetimes) || !networks_.restore(networks) ||
      !long_duids_.restore(figures.free_runs) || slots_.size() > SlotIndex::kMaxSlots ||
      !free_or_none(overflow, overflow_.size()) || !free_or_none(slots, slots_.size())) {
    return false;
  }
  first_free_overflow_ = overflow;
  first_free_ = slots;
  if (slots_.size() > 0) expiry_.lower(slots_.size() - 1, ExpirySummary::kNever);
  return true;
}

std::optional<std::size_t> LeaseSlots::restore_chunk(std::size_t chunk) {
  const auto first = static_cast<std::uint32_t>(chunk * Slots::kChunkElements);
  const auto count = static_cast<std::uint32_t>(slots_.chunk_octets(chunk) / kSlotOctets);
  std::size_t found = 0;
  for (std::uint32_t slot = first; slot < first + count; ++slot) {
    if (!sound(slot)) return std::nullopt;
    if (!live(slot)) continue;
    ++found;
    expiry_.lower(slot, valid_until(slot));
  }
  return found;
}

bool LeaseSlots::sound(std::uint32_t slot) const {
  const std::uint8_t* octets = slots_.at(slot);
  if (!live(slot)) {
    const auto next = packed_slot::load<std::uint32_t>(octets);
    return next == SlotIndex::kNone || next < slots_.size();
  }
  if (packed_slot::duid_size(octets) == packed_slot::kLongDuid &&
      (packed_slot::long_duid_size(octets) > Duid::kMaxSize ||
       !long_duids_.fits(packed_slot::long_duid(octets), packed_slot::long_duid_size(octets)))) {
    return false;
  }
  if (packed_slot::overflows(octets))
    return packed_slot::overflow_number(octets) < overflow_.size();
  return networks_.has(packed_slot::network(octets)) &&
         lifetimes_.has(packed_slot::lifetimes(octets));
}

}  // namespace leaseledger
