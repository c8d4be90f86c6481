#include "tools/bench/measurement.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <iostream>

namespace leaseledger::bench {
namespace {

double in_us(std::uint64_t ns) { return static_cast<double>(ns) / 1000; }

}  // namespace

void Report::add(const Measurement& m) {
  const Latencies& l = m.latencies;
  if (output_ == Output::kJson) {
    nlohmann::ordered_json row = {{"system", m.system},
                                  {"workload", m.workload},
                                  {"mode", m.mode},
                                  {"callers", m.callers},
                                  {"batch", m.batch},
                                  {"operations", m.operations},
                                  {"seconds", m.seconds},
                                  {"per_second", m.per_second()},
                                  {"p50_us", in_us(l.percentile(0.50))},
                                  {"p99_us", in_us(l.percentile(0.99))},
                                  {"max_us", in_us(l.max())},
                                  {"durability", m.durability},
                                  {"note", m.note}};
    std::cout << row.dump() << std::endl;
    return;
  }
  if (!std::exchange(header_, true))
    std::printf("%-12s %-12s %-26s %12s %12s %10s %10s %10s  %s\n", "system", "workload", "mode",
                "operations", "per second", "p50 us", "p99 us", "max us", "note");
  std::printf("%-12s %-12s %-26s %12llu %12.0f %10.1f %10.1f %10.1f  %s\n", m.system.c_str(),
              m.workload.c_str(), m.mode.c_str(), static_cast<unsigned long long>(m.operations),
              m.per_second(), in_us(l.percentile(0.50)), in_us(l.percentile(0.99)), in_us(l.max()),
              m.note.c_str());
  std::fflush(stdout);
}

}  // namespace leaseledger::bench
