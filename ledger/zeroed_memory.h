#pragma once
// A block of zeroed memory of fixed size and place. Large blocks are mapped from the system, so that a block which is
// given up goes back to it at once and octets that nobody touched take no memory. Used by SlotIndex and ChunkedArray.

#include <cstddef>
#include <cstdint>
#include <utility>

namespace leaseledger {

class ZeroedMemory {
 public:
  static constexpr std::size_t kAlignment = 64;

  ZeroedMemory() = default;
  /// `octets` zeroes, the first at a multiple of kAlignment. Throws std::bad_alloc when there is no memory.
  explicit ZeroedMemory(std::size_t octets);
  ~ZeroedMemory() { release(); }
  ZeroedMemory(ZeroedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ZeroedMemory& operator=(ZeroedMemory&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }

  /// Becomes `octets` zeroes again, elsewhere perhaps: cheaper than new memory, whose pages the system clears one by one.
  void renew(std::size_t octets);

  /// Lets the system put the first `octets` into large pages, which makes random access to hundreds of megabytes a quarter
  /// faster. For what is in use or will be at once: to clear a large page can take ten milliseconds.
  void prefer_large_pages(std::size_t octets) const;
  /// Puts what is there of the first `octets` into large pages now, if the system can (Linux 6.1). On any thread; others may
  /// read and write the memory meanwhile.
  void collapse_into_large_pages(std::size_t octets) const;

  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void release() noexcept;

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace leaseledger
