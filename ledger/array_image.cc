#include "ledger/array_image.h"

#include "ledger/check.h"

#include <algorithm>
#include <utility>

namespace leaseledger {

ArrayImage::ArrayImage(const Shape& shape,
                       std::vector<std::shared_ptr<const ZeroedMemory>> segments)
    : shape_(shape),
      chunks_((shape.size + shape.chunk_elements - 1) / shape.chunk_elements),
      segments_(std::move(segments)),
      taken_(std::make_unique<std::atomic<std::uint8_t>[]>(chunks_)),
      copies_(chunks_) {}

std::span<const std::uint8_t> ArrayImage::live(std::size_t chunk) const {
  const std::size_t first = chunk * shape_.chunk_elements;
  const std::size_t count = std::min(shape_.chunk_elements, shape_.size - first);
  const auto& segment = *segments_[first / shape_.segment_elements];
  return {segment.data() + first % shape_.segment_elements * shape_.element_octets,
          count * shape_.element_octets};
}

void ArrayImage::keep(std::size_t chunk) {
  if (!wanted()) return;
  const auto octets = live(chunk);
  auto copy = std::make_unique_for_overwrite<std::uint8_t[]>(octets.size());
  const std::lock_guard lock(mutex_);
  if (taken_[chunk].load(std::memory_order_relaxed) != 0) return;
  std::ranges::copy(octets, copy.get());
  copies_[chunk] = std::move(copy);
  taken_[chunk].store(1, std::memory_order_release);
}

void ArrayImage::take(std::size_t chunk, std::vector<std::uint8_t>& out) {
  const auto octets = live(chunk);
  out.resize(octets.size());
  std::unique_ptr<std::uint8_t[]> copy;
  {
    const std::lock_guard lock(mutex_);
    if (taken_[chunk].load(std::memory_order_relaxed) == 0) {
      std::ranges::copy(octets, out.data());
      taken_[chunk].store(1, std::memory_order_release);
      return;
    }
    copy = std::move(copies_[chunk]);
  }
  LEASELEDGER_CHECK(copy != nullptr);
  std::copy_n(copy.get(), octets.size(), out.data());
}

void ArrayImage::settle() const {
  std::size_t left = shape_.size;
  for (const auto& segment : segments_) {
    const std::size_t count = std::min(left, shape_.segment_elements);
    segment->collapse_into_large_pages(count * shape_.element_octets);
    left -= count;
  }
}

}  // namespace leaseledger
