#pragma once
// Memory that a call gives back: everything that hangs on one pointer, freed with it.

#include "adapters/dhcpsapi/include/dhcpsapi.h"

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <type_traits>

namespace leaseledger::dhcpsapi {

class ResultBlock {
 public:
  ResultBlock() = default;
  ResultBlock(const ResultBlock&) = delete;
  ResultBlock& operator=(const ResultBlock&) = delete;

  /// `n` zeroed structures; nullptr for none.
  template <typename T>
  T* make(std::size_t n = 1) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return nullptr;
    T* out = static_cast<T*>(memory_.allocate(n * sizeof(T), alignof(T)));
    for (std::size_t i = 0; i < n; ++i) new (out + i) T{};
    return out;
  }
  /// A copy in UTF-16 with its NUL; nullptr for an empty text.
  WCHAR* text(std::string_view utf8);
  DHCP_CLIENT_UID octets(std::span<const std::uint8_t> bytes);

 private:
  std::pmr::monotonic_buffer_resource memory_;
};

/// Hands `top`, which is in `block`, to the caller of the library: free_result(top) frees the block.
template <typename T>
void give(std::unique_ptr<ResultBlock> block, T* top, T** out);

/// Frees the block that was given with `top`; nothing for any other pointer.
void free_result(void* top);

/// Number of blocks that are given and not freed, for tests.
std::size_t results_outstanding();

void remember_result(std::unique_ptr<ResultBlock> block, void* top);

template <typename T>
void give(std::unique_ptr<ResultBlock> block, T* top, T** out) {
  remember_result(std::move(block), top);
  *out = top;
}

/// fork() may come while another thread is in here: the child must find it usable.
void lock_results();
void unlock_results();

}  // namespace leaseledger::dhcpsapi
