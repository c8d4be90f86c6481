#pragma once
// SHA-256 with a reused context: OpenSSL's one-shot calls look the algorithm up anew each time,
// which costs as much as the hash itself. Not thread-safe: one instance for each thread.

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace leaseledger {

using Hash = std::array<std::uint8_t, 32>;

/// A failure inside OpenSSL (no SHA-256 to be had, no memory) is a CHECK: nothing could be recorded
/// truthfully then.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  /// RFC 6962 section 2.1: SHA-256(0x00 || record).
  Hash leaf(std::span<const std::uint8_t> record);
  /// RFC 6962 section 2.1: SHA-256(0x01 || left || right).
  Hash node(const Hash& left, const Hash& right);

  /// A digest in pieces: start, update any number of times, finish. leaf() and node() drop one that
  /// is under way.
  void start();
  void update(std::span<const std::uint8_t> bytes);
  Hash finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leaseledger
