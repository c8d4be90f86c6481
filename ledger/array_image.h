#pragma once
// The elements of a ChunkedArray as they were at one moment, while its owner goes on writing. Used by BookImage.
//
// Nothing is copied when an image is taken. The owner copies a chunk before it changes it for the first time since; the
// reader takes the copy, or copies the chunk himself when nobody has changed it. Both happen under a mutex that is held for
// one memcpy.

#include "ledger/zeroed_memory.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace leaseledger {

class ArrayImage {
 public:
  struct Shape {
    std::uint32_t size = 0;            ///< elements.
    std::size_t element_octets = 0;    ///< of one.
    std::size_t chunk_elements = 0;    ///< in one chunk.
    std::size_t segment_elements = 0;  ///< in one of `segments`.
  };
  ArrayImage(const Shape& shape, std::vector<std::shared_ptr<const ZeroedMemory>> segments);

  // ---- for the owner of the array, under his lock ----
  /// Called before an element of the chunk changes.
  void before_change(std::size_t chunk) {
    if (chunk < chunks_ && taken_[chunk].load(std::memory_order_acquire) == 0) keep(chunk);
  }
  /// False when nobody reads the image any more.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }

  // ---- for the one who reads the image, on any thread ----
  std::uint32_t size() const { return shape_.size; }
  std::size_t chunks() const { return chunks_; }
  /// Puts the chunk's elements (the last one may be shorter) into `out`. Once for each chunk.
  void take(std::size_t chunk, std::vector<std::uint8_t>& out);
  /// Puts the array's memory into large pages: not the owner's to do, because it takes as long as to copy it.
  void settle() const;
  void drop() { wanted_.store(false, std::memory_order_relaxed); }

 private:
  void keep(std::size_t chunk);
  std::span<const std::uint8_t> live(std::size_t chunk) const;

  const Shape shape_;
  const std::size_t chunks_;
  const std::vector<std::shared_ptr<const ZeroedMemory>> segments_;
  std::atomic<bool> wanted_{true};
  /// 1: the owner may change the chunk.
  const std::unique_ptr<std::atomic<std::uint8_t>[]> taken_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::uint8_t[]>> copies_;  // by chunk, guarded by mutex_
};

}  // namespace leaseledger
