#pragma once
// What a ledger of a given size costs: opening it after a kill, memory, reads, replay, verification, rebuilding views.

#include "ledger/result.h"
#include "tools/bench/measurement.h"

#include <cstdint>
#include <filesystem>

namespace leaseledger::bench {

struct StateLoad {
  std::uint64_t leases = 1'000'000;
  std::uint64_t events =
      3'000'000;       ///< the leases are created, then renewed in turn until there are so many.
  double seconds = 2;  ///< of each kind of read.
};

/// Fills a ledger in a child process, which is killed with SIGKILL while it goes on writing; then opens it and measures.
/// Must be called before this process has other threads.
Status measure_state(const std::filesystem::path& directory, const StateLoad& load, Report& report);

/// Creates `leases` leases, then renews each once, by 8 callers with batches of 1,000; says how even that was, and how many octets
/// were written for it.
Status measure_sustained(const std::filesystem::path& directory, std::uint64_t leases,
                         Report& report);

/// Imports a lease file of Kea's with `leases` clients and `renewals` of each.
Status measure_import(const std::filesystem::path& directory, std::uint64_t leases,
                      std::uint64_t renewals, Report& report);

}  // namespace leaseledger::bench
