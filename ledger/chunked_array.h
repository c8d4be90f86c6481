#pragma once
// An array of elements of kOctets octets each that grows without moving: no doubling, no pause. Elements are octets; who
// uses the array knows what they mean. An image of it can be taken while it goes on changing. Used by LeaseSlots, Interned.

#include "ledger/array_image.h"
#include "ledger/check.h"
#include "ledger/zeroed_memory.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace leaseledger {

template <std::size_t kOctets, unsigned kChunkBits>
class ChunkedArray {
 public:
  static constexpr std::size_t kElementOctets = kOctets;
  static constexpr std::size_t kChunkElements = std::size_t{1} << kChunkBits;
  static constexpr std::size_t kChunkOctets = kChunkElements * kOctets;

  ChunkedArray() = default;
  ChunkedArray(ChunkedArray&&) noexcept = default;
  ChunkedArray& operator=(ChunkedArray&&) noexcept = default;

  std::uint32_t size() const { return size_; }

  /// An element to read, below size(). It stays where it is as long as the array is there.
  const std::uint8_t* at(std::uint32_t index) const { return place(index); }

  /// The element to change.
  std::uint8_t* edit(std::uint32_t index) {
    if (image_ != nullptr) [[unlikely]]
      before_change(index >> kChunkBits);
    return place(index);
  }

  /// `count` elements more, zeroed. The number of the first.
  std::uint32_t append(std::uint32_t count = 1) {
    const std::uint32_t first = size_;
    LEASELEDGER_CHECK(count <= 0xFFFF'FFFFU - first);
    resize(first + count);
    return first;
  }

  /// Makes it at least `size` long.
  void resize(std::uint32_t size) {
    if (size <= size_) return;
    while (std::uint64_t{owners_.size()} << kSegmentBits < size) {
      if (!owners_.empty())
        owners_.back()->prefer_large_pages(owners_.back()->size());  // it is full
      owners_.push_back(std::make_shared<const ZeroedMemory>(kOctets << kSegmentBits));
      segments_.push_back(owners_.back()->data());
    }
    // The end of the last chunk of an image is not part of it, but its chunk is copied whole.
    size_ = size;
  }

  /// Makes it `size` long, all of which will be filled at once.
  void resize_to_fill(std::uint32_t size) {
    resize(size);
    if (!owners_.empty()) {
      const std::size_t before = (owners_.size() - 1) << kSegmentBits;
      owners_.back()->prefer_large_pages((size_ - before) * kOctets);
    }
  }

  /// Of a chunk below chunks(): its octets, for reading a snapshot into them.
  std::uint8_t* chunk(std::size_t number) {
    return place(static_cast<std::uint32_t>(number << kChunkBits));
  }
  std::size_t chunks() const { return (std::size_t{size_} + kChunkElements - 1) >> kChunkBits; }
  std::size_t chunk_octets(std::size_t number) const {
    const std::size_t first = number << kChunkBits;
    return (size_ - first < kChunkElements ? size_ - first : kChunkElements) * kOctets;
  }

  /// The elements as they are now, for another thread. While it is wanted, edit() copies what it needs.
  std::shared_ptr<ArrayImage> take_image() const {
    image_ = std::make_shared<ArrayImage>(
        ArrayImage::Shape{size_, kOctets, kChunkElements, std::size_t{1} << kSegmentBits}, owners_);
    return image_;
  }

  /// Octets in use.
  std::size_t memory_bytes() const { return std::size_t{size_} * kOctets; }

 private:
  /// Elements that are allocated together: a few megabytes to some ten. Untouched ones cost nothing.
  static constexpr unsigned kSegmentBits = 20;
  static_assert(kSegmentBits >= kChunkBits);

  std::uint8_t* place(std::uint32_t index) const {
    return segments_[index >> kSegmentBits] + (index & ((1U << kSegmentBits) - 1)) * kOctets;
  }
  void before_change(std::size_t chunk) {
    if (image_->wanted()) {
      image_->before_change(chunk);
    } else {
      image_.reset();
    }
  }

  std::vector<std::uint8_t*> segments_;
  std::vector<std::shared_ptr<const ZeroedMemory>> owners_;
  std::uint32_t size_ = 0;
  mutable std::shared_ptr<ArrayImage> image_;
};

}  // namespace leaseledger
