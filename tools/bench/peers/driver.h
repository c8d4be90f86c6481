#pragma once
// What the drivers of the other systems share: callers that create leases until the time is over, the check
// that the system has as many leases as were reported and refuses a second one, and the row that is printed.

#include "tools/bench/made_up_leases.h"

#include <CLI/CLI.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace leaseledger::bench {

struct Lease {
  std::array<std::uint8_t, 16> address;
  std::array<std::uint8_t, 14> duid;
  std::uint32_t iaid;
  std::uint32_t subnet;
  std::string host_name;
};

Lease made_up_lease(std::uint64_t number);
std::string address_text(const std::array<std::uint8_t, 16>& address);

std::string file_text(const std::string& path);

/// A failure of the system or of the driver, never a refusal.
struct DriverError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct DriverOptions {
  double seconds = 10;
  std::uint64_t leases = 4'000'000;  ///< at most; the subnets for so many are made before.
  unsigned callers = 1;
  unsigned batch = 1;
};

/// --seconds, --leases, --callers, --batch.
void add_driver_options(CLI::App& app, DriverOptions& options);

/// How many of the made-up subnets exist: those that `leases` leases need.
std::uint32_t subnets_for(std::uint64_t leases);

/// Latencies in buckets that are at most 1/128 wide: a fixed size, however many calls there are.
class LatencyHistogram {
 public:
  void add(std::uint64_t nanoseconds);
  void merge(const LatencyHistogram& other);
  double percentile_us(double fraction) const;
  double max_us() const { return static_cast<double>(max_) / 1000; }

 private:
  static constexpr std::uint64_t kSteps = 128;
  static std::size_t bucket(std::uint64_t nanoseconds);
  static double middle(std::size_t bucket);

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kSteps * 58);
  std::uint64_t calls_ = 0;
  std::uint64_t max_ = 0;
};

/// One connection, used by one thread.
class Caller {
 public:
  virtual ~Caller() = default;
  /// Creates made-up leases `first` to `first + count - 1` in one call. None of them exists, so a refusal is an error.
  virtual void create(std::uint64_t first, std::uint64_t count) = 0;
  /// Empty when the lease was created, else the words with which the system refused it.
  virtual std::string create_one(const Lease& lease) = 0;
};

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() = 0;  ///< with the version that the system itself says.
  virtual std::string durability() = 0;
  virtual std::string note() = 0;
  virtual std::string callers_are() const = 0;  ///< "connections" or the like.
  virtual std::unique_ptr<Caller> connect() = 0;
  virtual std::uint64_t count_leases() = 0;
  /// False for a system that gives a second address to the same DUID and IAID.
  virtual bool one_address_per_client() const { return true; }
};

/// Measures, checks, prints the row. Throws DriverError, and prints nothing, when a check fails.
void drive(Peer& peer, const DriverOptions& options);

/// main() of a driver: parses, runs `body`, reports an error as "PROGRAM: what" with exit status 1.
int driver_main(CLI::App& app, int argc, char** argv, const std::function<void()>& body);

}  // namespace leaseledger::bench
