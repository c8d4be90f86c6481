#include "ledger/zeroed_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace leaseledger {
namespace {

/// From here on a block is mapped by itself.
constexpr std::size_t kMapped = 32 * 1024;
constexpr std::size_t kLargePage = std::size_t{2} << 20;

}  // namespace

ZeroedMemory::ZeroedMemory(std::size_t octets) : size_(octets) {
  if (octets == 0) return;
  if (octets < kMapped) {
    const std::size_t rounded = (octets + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, rounded));
    if (data_ == nullptr) throw std::bad_alloc();
    std::memset(data_, 0, rounded);
    return;
  }
  void* mapped = ::mmap(nullptr, octets, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(mapped);
}

void ZeroedMemory::renew(std::size_t octets) {
  if (size_ < kMapped || octets < kMapped) {
    *this = ZeroedMemory(octets);
    return;
  }
  void* moved = ::mremap(data_, size_, octets, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(moved);
  std::memset(data_, 0, std::min(size_, octets));
  size_ = octets;
}

void ZeroedMemory::prefer_large_pages(std::size_t octets) const {
  if (octets >= 2 * kLargePage && size_ >= octets)
    (void)::madvise(data_, octets / kLargePage * kLargePage, MADV_HUGEPAGE);  // a hint
}

void ZeroedMemory::collapse_into_large_pages(std::size_t octets) const {
#if !defined(MADV_COLLAPSE)
  constexpr int MADV_COLLAPSE = 25;  // of Linux 6.1; older ones refuse it
#endif
  if (octets >= 2 * kLargePage && size_ >= octets)
    (void)::madvise(data_, octets / kLargePage * kLargePage, MADV_COLLAPSE);
}

void ZeroedMemory::release() noexcept {
  if (data_ == nullptr) return;
  if (size_ < kMapped) {
    std::free(data_);
  } else {
    ::munmap(data_, size_);
  }
  data_ = nullptr;
}

}  // namespace leaseledger
