#pragma once
// Pictures of a run, as SVG: commands a second over time with the views' lag, and latencies by percentile.

#include "tools/bench/write_load.h"

#include <filesystem>
#include <span>

namespace leaseledger::bench {

/// kIo when the file cannot be written.
Status plot(const std::filesystem::path& file, std::span<const Point> over_time,
            const Latencies& latencies);

}  // namespace leaseledger::bench
