#pragma once
// Random tests: one seed repeats a run. LEASELEDGER_SEED=n chooses it; a failing test prints the one that it used.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace leaseledger::test {

/// The seed of this run: LEASELEDGER_SEED, or one from the machine.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* text = std::getenv("LEASELEDGER_SEED"))
      return static_cast<std::uint64_t>(std::strtoull(text, nullptr, 10));
    return static_cast<std::uint64_t>(std::random_device{}());
  }();
  return value;
}

/// True for long campaigns (ctest label campaign, or LEASELEDGER_CAMPAIGN=1).
inline bool campaign() { return std::getenv("LEASELEDGER_CAMPAIGN") != nullptr; }

/// A generator that failures can be traced to: put `const SeedScope scope;` first in a random test.
class SeedScope {
 public:
  SeedScope()
      : trace_(__FILE__, __LINE__, "repeat with LEASELEDGER_SEED=" + std::to_string(seed())) {}

 private:
  ::testing::ScopedTrace trace_;
};

class Random {
 public:
  explicit Random(std::uint64_t salt = 0) : engine_(seed() * 0x9e3779b97f4a7c15ULL + salt) {}
  /// 0 to bound - 1.
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace leaseledger::test
