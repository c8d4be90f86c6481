#pragma once
// Commands written to a ledger by many callers at once, and the yardstick that they are compared with: RocksDB alone.

#include "adapters/embedded/ledger.h"
#include "tools/bench/measurement.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace leaseledger::bench {

enum class Workload {
  kCreate,  ///< lease after lease.
  kRenew,   ///< leases that are there, each in turn or by Zipf's law.
  kMixed,   ///< 9 of 10 renew, by Zipf's law; 1 of 10 creates.
};

struct WriteLoad {
  Workload workload = Workload::kCreate;
  std::size_t callers = 1;
  std::size_t batch = 1;
  bool in_flight =
      false;  ///< one thread keeps `callers` submissions in flight and does not wait for any.
  double seconds = 10;
  std::uint64_t most = 0;    ///< commands at most; 0: as many as there is time for.
  std::uint64_t first = 0;   ///< number of the first lease that is created.
  std::uint64_t leases = 0;  ///< to renew: the leases 0 to leases - 1 are there.
  double zipf = 0;           ///< exponent of the choice of leases to renew; 0: one after the other.
  bool with_ids = true;      ///< each command has an id of its own.
  bool random_ids = false;   ///< the ids do not grow with time: each is looked up.
  double every = 0;          ///< seconds between points of `over_time`; 0: none.
};

/// How the load went: a point for each interval.
struct Point {
  double at = 0;  ///< seconds since the start.
  std::uint64_t operations = 0;
  Position lag = 0;
  double longest = 0;  ///< seconds of the longest call that ended in the interval.
};
struct WriteResult {
  Measurement measurement;
  std::uint64_t next = 0;  ///< number of the lease after the last that was created.
  Position lag = 0;        ///< records not in the views when the last answer came.
  double lag_seconds = 0;  ///< until they were.
  std::vector<Point> over_time;
};

/// Makes subnets for the leases 0 to `leases` - 1 that are not there yet.
Status make_subnets(Ledger& ledger, std::uint64_t leases);

/// Runs the load. An answer that is not ERROR_SUCCESS is an error.
Result<WriteResult> run(Ledger& ledger, const WriteLoad& load);

/// RocksDB alone: the records of kCreate, `group` at a time, packed into values of up to 16 KiB under a growing key, synced.
Result<Measurement> raw_rocksdb(const std::filesystem::path& directory, std::size_t group,
                                double seconds);

}  // namespace leaseledger::bench
