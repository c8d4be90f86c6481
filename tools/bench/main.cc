// leaseledger-bench: how fast a ledger is on this machine. Every figure in docs/performance.md is printed by it.

#include "tools/bench/measurement.h"
#include "tools/bench/plot.h"
#include "tools/bench/rpc_load.h"
#include "tools/bench/state_load.h"
#include "tools/bench/write_load.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>

namespace leaseledger::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string directory;
  bool keep = false;
  bool json = false;
  double seconds = 10;
  std::uint64_t leases = 1'000'000;
  std::size_t callers = 1;
  std::size_t batch = 1;
  bool in_flight = false;
  std::string workload = "create";
  double zipf = 0.99;
  bool no_ids = false;
  bool random_ids = false;
  double every = 0;
  std::string plot;
  std::uint64_t events = 3'000'000;
};

/// An empty folder inside the given one, removed in the end.
class Scratch {
 public:
  Scratch(const Options& options, const std::string& name)
      : path_(fs::path(options.directory) / ("bench-" + name)), keep_(options.keep) {
    fs::remove_all(path_);
    fs::create_directories(path_.parent_path());
  }
  ~Scratch() {
    std::error_code ignored;
    if (!keep_) fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool keep_;
};

/// The table of compare.sh: for each group size RocksDB alone, then the ledger in its modes.
Status compare(const Options& options, Report& report) {
  const auto raw = [&](std::size_t group) -> Status {
    const Scratch scratch(options, "raw");
    LEASELEDGER_ASSIGN(const auto measured, raw_rocksdb(scratch.path(), group, options.seconds));
    report.add(measured);
    return {};
  };
  const auto ledger = [&](std::size_t callers, std::size_t batch, bool in_flight) -> Status {
    const Scratch scratch(options, "ledger");
    LEASELEDGER_ASSIGN(const auto opened, Ledger::create(scratch.path()));
    WriteLoad load;
    load.callers = callers;
    load.batch = batch;
    load.in_flight = in_flight;
    load.seconds = options.seconds;
    LEASELEDGER_TRY(make_subnets(*opened, 64'000'000));
    LEASELEDGER_ASSIGN(const auto result, run(*opened, load));
    report.add(result.measurement);
    return opened->close();
  };
  for (const std::size_t group : {1, 8, 64, 512, 4096}) {
    LEASELEDGER_TRY(raw(group));
    if (group <= 512) LEASELEDGER_TRY(ledger(group, 1, false));
    if (group >= 512) LEASELEDGER_TRY(ledger(group, 1, true));
  }
  for (const std::size_t group : {1000, 8192}) {
    LEASELEDGER_TRY(raw(group));
    LEASELEDGER_TRY(ledger(8, group, false));
  }
  return {};
}

Status write(const Options& options, Report& report) {
  const Scratch scratch(options, "ledger");
  LEASELEDGER_ASSIGN(const auto opened, Ledger::create(scratch.path()));
  WriteLoad load;
  load.callers = options.callers;
  load.batch = options.batch;
  load.in_flight = options.in_flight;
  load.seconds = options.seconds;
  load.with_ids = !options.no_ids;
  load.random_ids = options.random_ids;
  load.every = options.every;
  LEASELEDGER_TRY(make_subnets(*opened, 64'000'000));
  if (options.workload != "create") {
    WriteLoad fill;
    fill.callers = 8;
    fill.batch = 1000;
    fill.seconds = 3600;
    fill.most = options.leases;
    LEASELEDGER_ASSIGN(const auto filled, run(*opened, fill));
    report.add(filled.measurement);
    load.first = filled.next;
    load.leases = options.leases;
    load.workload = options.workload == "renew" ? Workload::kRenew : Workload::kMixed;
    load.zipf = load.workload == Workload::kMixed ? options.zipf : 0;
  }
  LEASELEDGER_ASSIGN(const auto result, run(*opened, load));
  report.add(result.measurement);
  for (const auto& point : result.over_time)
    std::fprintf(stderr, "%8.1f s %12llu operations, %10llu behind, longest call %.3f s\n",
                 point.at, static_cast<unsigned long long>(point.operations),
                 static_cast<unsigned long long>(point.lag), point.longest);
  if (!options.plot.empty())
    LEASELEDGER_TRY(plot(options.plot, result.over_time, result.measurement.latencies));
  return opened->close();
}

Status state(const Options& options, Report& report) {
  const Scratch scratch(options, "ledger");
  return measure_state(scratch.path(), {options.leases, options.events, options.seconds}, report);
}

Status import(const Options& options, Report& report) {
  const Scratch scratch(options, "ledger");
  const std::uint64_t turns = std::max<std::uint64_t>(options.events / options.leases, 1);
  return measure_import(scratch.path(), options.leases, turns - 1, report);
}

Status sustained(const Options& options, Report& report) {
  const Scratch scratch(options, "ledger");
  return measure_sustained(scratch.path(), options.leases, report);
}

/// The daemon that was built with this program, or the installed one.
std::string daemon_program() {
  std::error_code error;
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  return fs::exists(beside / "leaseledgerd", error) ? (beside / "leaseledgerd").string()
                                                    : "leaseledgerd";
}

Status rpc(const Options& options, Report& report) {
  const Scratch scratch(options, "rpc");
  return measure_rpc(scratch.path(), daemon_program(), options.seconds, report);
}

int main_of(int argc, char** argv) {
  CLI::App app("Measures a ledger on this machine.", "leaseledger-bench");
  app.require_subcommand(1);
  Options options;
  options.directory = (fs::temp_directory_path() / "leaseledger-bench").string();
  std::function<Status(const Options&, Report&)> chosen;
  const auto verb = [&](const char* name, const char* help, auto function) {
    auto* sub = app.add_subcommand(name, help);
    sub->add_option("--directory", options.directory,
                    "Where to write; on the disk that is measured.");
    sub->add_flag("--keep", options.keep, "Leave what was written.");
    sub->add_flag("--json", options.json, "One JSON object a line.");
    sub->add_option("--seconds", options.seconds, "How long each measurement goes on.");
    sub->callback([&chosen, function] { chosen = function; });
    return sub;
  };
  verb("compare", "RocksDB alone and the ledger, in all modes, in turns.", compare);
  auto* raws = verb("raw", "RocksDB alone.", [](const Options& o, Report& to) -> Status {
    const Scratch scratch(o, "raw");
    LEASELEDGER_ASSIGN(const auto measured, raw_rocksdb(scratch.path(), o.batch, o.seconds));
    to.add(measured);
    return {};
  });
  raws->add_option("--batch", options.batch, "Records in a write.");
  auto* writes = verb("write", "One load of commands.", write);
  writes->add_option("--workload", options.workload, "create, renew or mixed.")
      ->check(CLI::IsMember({"create", "renew", "mixed"}));
  writes->add_option("--callers", options.callers, "Threads, or with --in-flight submissions.");
  writes->add_option("--batch", options.batch, "Commands in a submission.");
  writes->add_flag("--in-flight", options.in_flight, "Do not wait for answers.");
  writes->add_option("--leases", options.leases, "Leases that are there before renew and mixed.");
  writes->add_option("--zipf", options.zipf, "Exponent of the choice of leases in mixed.");
  writes->add_flag("--no-ids", options.no_ids, "Commands without ids.");
  writes->add_flag("--random-ids", options.random_ids, "Ids that do not grow with time.");
  writes->add_option("--every", options.every, "Seconds between figures over time.");
  auto* states =
      verb("state",
           "What a ledger of a given size costs: open after a kill, memory, reads, replay.", state);
  auto* imports = verb("import", "A lease file of Kea's.", import);
  verb("rpc", "The daemon over its Unix socket, beside the same in process.", rpc);
  auto* long_runs =
      verb("sustained", "Creates and renews many leases: evenness, octets written.", sustained);
  long_runs->add_option("--leases", options.leases, "Leases.");
  for (auto* sub : {states, imports}) {
    sub->add_option("--leases", options.leases, "Leases.");
    sub->add_option("--events", options.events, "Events, or rows of the lease file.");
  }
  writes->add_option("--plot", options.plot, "A picture of the run, SVG; with --every.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  Report report(options.json ? Output::kJson : Output::kTable);
  if (const auto done = chosen(options, report); !done) {
    std::cerr << "leaseledger-bench: " << done.error().to_string() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) { return leaseledger::bench::main_of(argc, argv); }
