#include "adapters/rpc/new_command_id.h"

#include "ledger/check.h"

#include <openssl/rand.h>

#include <chrono>
#include <cstring>
#include <mutex>

namespace leaseledger::rpc {
namespace {

constexpr std::uint64_t kCounterBits = 42;  // 12 of rand_a and the first 30 of rand_b

struct Generator {
  std::mutex mutex;
  std::uint64_t milliseconds = 0;
  std::uint64_t counter = 0;
  std::uint32_t tail = 0;  // tells processes apart, with the counter's beginning
};

std::uint64_t random_bits() {
  std::uint64_t out = 0;
  LEASELEDGER_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&out), sizeof out) == 1);
  return out;
}

}  // namespace

CommandId new_command_id() {
  static Generator generator;
  const auto now =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  const std::lock_guard lock(generator.mutex);
  if (now > generator.milliseconds) {
    generator.milliseconds = now;
    const std::uint64_t random = random_bits();
    generator.counter = (random >> 32) & ((std::uint64_t{1} << 31) - 1);
    generator.tail = static_cast<std::uint32_t>(random);
  } else if (++generator.counter >> kCounterBits != 0) {
    ++generator.milliseconds;  // the clock will catch up
    generator.counter = 0;
  }
  const std::uint64_t high = (generator.milliseconds << 16) | 0x7000 | (generator.counter >> 30);
  const std::uint64_t low =
      (std::uint64_t{2} << 62) | ((generator.counter & 0x3FFFFFFF) << 32) | generator.tail;
  CommandId out;
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    out[i + 8] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return out;
}

}  // namespace leaseledger::rpc
