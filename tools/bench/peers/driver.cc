#include "tools/bench/peers/driver.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <barrier>
#include <bit>
#include <chrono>
#include <cmath>
#include <exception>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

namespace leaseledger::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Measured {
  std::uint64_t operations = 0;
  double seconds = 0;
  LatencyHistogram latencies;
};

Measured measure(Peer& peer, const DriverOptions& options) {
  std::vector<std::unique_ptr<Caller>> callers;
  for (unsigned i = 0; i < options.callers; ++i) callers.push_back(peer.connect());

  Measured measured;
  std::mutex mutex;  // of `measured` and `failure`
  std::exception_ptr failure;
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  Clock::time_point start;
  std::barrier begin(options.callers, [&start]() noexcept { start = Clock::now(); });

  auto work = [&](Caller& caller) {
    LatencyHistogram latencies;
    std::uint64_t operations = 0;
    begin.arrive_and_wait();
    const auto deadline = start + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(options.seconds));
    try {
      auto before = Clock::now();
      while (before < deadline && !stop) {
        const std::uint64_t first = next.fetch_add(options.batch);
        if (first + options.batch > options.leases) break;
        caller.create(first, options.batch);
        const auto after = Clock::now();
        latencies.add(static_cast<std::uint64_t>((after - before).count()));
        operations += options.batch;
        before = after;
      }
    } catch (...) {
      stop = true;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    measured.operations += operations;
    measured.latencies.merge(latencies);
    measured.seconds =
        std::max(measured.seconds, std::chrono::duration<double>(Clock::now() - start).count());
  };

  std::vector<std::jthread> threads;
  threads.reserve(callers.size());
  for (auto& caller : callers) threads.emplace_back(work, std::ref(*caller));
  threads.clear();
  if (failure) std::rethrow_exception(failure);
  if (measured.operations == 0) throw DriverError("nothing was created in the time given");
  return measured;
}

void check_count(Peer& peer, std::uint64_t expected, const char* when) {
  const std::uint64_t found = peer.count_leases();
  if (found != expected) {
    throw DriverError(std::string(when) + " the system has " + std::to_string(found) +
                      " leases, and " + std::to_string(expected) + " were created");
  }
}

void check_refused(Caller& caller, const Lease& lease, const char* what) {
  const std::string refusal = caller.create_one(lease);
  if (refusal.empty()) throw DriverError(std::string(what) + " was not refused");
  std::cerr << "  " << what << ": " << refusal << "\n";
}

// A figure counts only when the leases are there and the system keeps the rules of a create by itself.
void check_leases(Peer& peer, const DriverOptions& options, std::uint64_t created) {
  check_count(peer, created, "after the measurement");

  const auto caller = peer.connect();
  const Lease first = made_up_lease(0);
  const Lease unused = made_up_lease(created);
  check_refused(*caller, first, "the same lease again");
  Lease other_client = unused;
  other_client.address = first.address;
  other_client.subnet = first.subnet;
  check_refused(*caller, other_client, "the same address for another client");
  if (peer.one_address_per_client()) {
    Lease other_address = first;
    other_address.address = unused.address;
    other_address.subnet = unused.subnet;
    check_refused(*caller, other_address, "another address for the same client");
  }
  const Lease nowhere =
      made_up_lease(std::uint64_t{subnets_for(options.leases)} * kLeasesPerSubnet);
  check_refused(*caller, nowhere, "an address in no subnet");
  check_count(peer, created, "after the refusals");
}

std::string mode_text(const Peer& peer, const DriverOptions& options) {
  if (options.callers == 1 && options.batch == 1) return "one by one";
  std::string callers = std::to_string(options.callers) + " " + peer.callers_are();
  if (options.batch == 1) return callers;
  const std::string batches = "batches of " + std::to_string(options.batch);
  return options.callers == 1 ? batches : callers + ", " + batches;
}

double rounded(double value) { return std::round(value * 10) / 10; }

}  // namespace

Lease made_up_lease(std::uint64_t number) {
  return {address_octets(number), duid_octets(number), iaid(number), subnet_number(number),
          host_name(number)};
}

std::string address_text(const std::array<std::uint8_t, 16>& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.data(), text, sizeof text);
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw DriverError("cannot read " + path);
  return text.str();
}

void add_driver_options(CLI::App& app, DriverOptions& options) {
  app.add_option("--seconds", options.seconds, "Time to measure")->check(CLI::PositiveNumber);
  // One subnet is kept back: the check for an address in no subnet needs it.
  app.add_option("--leases", options.leases, "Stop after so many, even before the time is over")
      ->check(CLI::Range(std::uint64_t{1}, kMaxLeases - kLeasesPerSubnet));
  app.add_option("--callers", options.callers, "How many call at the same time")
      ->check(CLI::Range(1, 1024));
  app.add_option("--batch", options.batch, "Leases in one call")->check(CLI::Range(1, 100'000));
}

std::uint32_t subnets_for(std::uint64_t leases) { return subnet_number(leases - 1) + 1; }

std::size_t LatencyHistogram::bucket(std::uint64_t nanoseconds) {
  if (nanoseconds < kSteps) return nanoseconds;
  const auto shift = static_cast<std::uint64_t>(std::bit_width(nanoseconds)) - 8;
  return kSteps * shift + (nanoseconds >> shift);
}

double LatencyHistogram::middle(std::size_t bucket) {
  if (bucket < 2 * kSteps) return static_cast<double>(bucket);
  const std::uint64_t shift = bucket / kSteps - 1;
  return (static_cast<double>(bucket % kSteps + kSteps) + 0.5) * std::exp2(shift);
}

void LatencyHistogram::add(std::uint64_t nanoseconds) {
  ++counts_[bucket(nanoseconds)];
  ++calls_;
  max_ = std::max(max_, nanoseconds);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  calls_ += other.calls_;
  max_ = std::max(max_, other.max_);
}

double LatencyHistogram::percentile_us(double fraction) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(calls_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen > 0) return std::min(middle(i) / 1000, max_us());
  }
  return 0;
}

void drive(Peer& peer, const DriverOptions& options) {
  const std::string name = peer.name();
  const std::string mode = mode_text(peer, options);
  std::cerr << name << ", " << mode << "\n";
  const Measured measured = measure(peer, options);
  check_leases(peer, options, measured.operations);

  nlohmann::ordered_json row;
  row["system"] = name;
  row["workload"] = "create";
  row["mode"] = mode;
  row["callers"] = options.callers;
  row["batch"] = options.batch;
  row["operations"] = measured.operations;
  row["seconds"] = std::round(measured.seconds * 1000) / 1000;
  row["per_second"] = rounded(static_cast<double>(measured.operations) / measured.seconds);
  row["p50_us"] = rounded(measured.latencies.percentile_us(0.50));
  row["p99_us"] = rounded(measured.latencies.percentile_us(0.99));
  row["max_us"] = rounded(measured.latencies.max_us());
  row["durability"] = peer.durability();
  row["note"] = peer.note();
  std::cout << row.dump() << std::endl;
}

int driver_main(CLI::App& app, int argc, char** argv, const std::function<void()>& body) {
  CLI11_PARSE(app, argc, argv);
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
    return 1;
  }
}

}  // namespace leaseledger::bench
