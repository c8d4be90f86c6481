#pragma once
// What a run prints: a line of JSON for each measurement, the same for every system (compare.sh reads it), or a table.

#include "tools/bench/latencies.h"

#include <cstdint>
#include <string>
#include <vector>

namespace leaseledger::bench {

struct Measurement {
  std::string system;    ///< "leaseledger", "raw RocksDB".
  std::string workload;  ///< "create", "renew", "replay", ...
  std::string mode;      ///< "one by one", "64 callers", "batches of 1000", ...
  std::size_t callers = 1;
  std::size_t batch = 1;
  std::uint64_t operations = 0;
  double seconds = 0;
  Latencies latencies;  ///< of calls; empty when there is nothing to wait for.
  std::string durability;
  std::string note;
  double per_second() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
};

enum class Output { kTable, kJson };

/// Prints measurements as they come.
class Report {
 public:
  explicit Report(Output output) : output_(output) {}
  void add(const Measurement& measurement);

 private:
  Output output_;
  bool header_ = false;
};

}  // namespace leaseledger::bench
