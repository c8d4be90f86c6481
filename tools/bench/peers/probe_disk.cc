// What one durable write costs on the disk that holds a directory: 4 KiB appends, each followed by fdatasync.
// Says it as a row of the same form as the drivers' rows.

#include "tools/bench/peers/driver.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <fcntl.h>
#include <iostream>
#include <system_error>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

// A file that nobody can find afterwards.
class ProbeFile {
 public:
  explicit ProbeFile(const std::string& directory) {
    std::string path = directory + "/probe.XXXXXX";
    descriptor_ = mkstemp(path.data());
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), path);
    unlink(path.c_str());
  }
  ~ProbeFile() { close(descriptor_); }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;

  void append_durably(const std::array<char, 4096>& block) {
    if (write(descriptor_, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        fdatasync(descriptor_) != 0) {
      throw std::system_error(errno, std::generic_category(), "append to the probe's file");
    }
  }

 private:
  int descriptor_;
};

double tenths(double value) { return std::round(value * 10) / 10; }

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures 4 KiB appends with fdatasync", "probe-disk"};
  std::string directory;
  double seconds = 2;
  app.add_option("--directory", directory, "Where to write")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--seconds", seconds, "Time to measure")->check(CLI::PositiveNumber);
  return leaseledger::bench::driver_main(app, argc, argv, [&] {
    ProbeFile file(directory);
    std::array<char, 4096> block;
    block.fill('l');
    leaseledger::bench::LatencyHistogram latencies;
    std::uint64_t operations = 0;
    const auto start = Clock::now();
    const std::chrono::duration<double> limit(seconds);
    auto before = start;
    while (before - start < limit) {
      file.append_durably(block);
      const auto after = Clock::now();
      latencies.add(static_cast<std::uint64_t>((after - before).count()));
      ++operations;
      before = after;
    }
    const double took = std::chrono::duration<double>(before - start).count();
    nlohmann::ordered_json row;
    row["system"] = "disk";
    row["workload"] = "append 4 KiB, fdatasync";
    row["mode"] = "one by one";
    row["callers"] = 1;
    row["batch"] = 1;
    row["operations"] = operations;
    row["seconds"] = std::round(took * 1000) / 1000;
    row["per_second"] = tenths(static_cast<double>(operations) / took);
    row["p50_us"] = tenths(latencies.percentile_us(0.50));
    row["p99_us"] = tenths(latencies.percentile_us(0.99));
    row["max_us"] = tenths(latencies.max_us());
    row["durability"] = "fdatasync before the answer";
    row["note"] = "";
    std::cout << row.dump() << std::endl;
  });
}
