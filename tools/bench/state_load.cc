#include "tools/bench/state_load.h"

#include "adapters/kea/import.h"
#include "tools/bench/made_up_commands.h"
#include "tools/bench/write_load.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace leaseledger::bench {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

/// A line of /proc/self/status, in MiB.
double memory_mib(const char* field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field))
      return std::strtod(line.c_str() + std::string(field).size() + 1, nullptr) / 1024;
  }
  return 0;
}

Measurement measured(const char* workload, std::string mode, std::uint64_t operations,
                     double seconds, std::string note = {}) {
  Measurement out;
  out.system = "leaseledger";
  out.workload = workload;
  out.mode = std::move(mode);
  out.operations = operations;
  out.seconds = seconds;
  out.note = std::move(note);
  return out;
}

std::string text(const char* format, auto... values) {
  char out[200];
  std::snprintf(out, sizeof out, format, values...);
  return out;
}

/// The child: fills, says so, and goes on with renewals until it is killed.
[[noreturn]] void fill_until_killed(const fs::path& directory, const StateLoad& load, int say) {
  const auto fill = [&]() -> Status {
    LEASELEDGER_ASSIGN(const auto ledger, Ledger::create(directory));
    LEASELEDGER_TRY(make_subnets(*ledger, load.leases));
    WriteLoad create;
    create.callers = 8;
    create.batch = 1000;
    create.seconds = 36'000;
    create.most = load.leases;
    LEASELEDGER_ASSIGN(const auto created, run(*ledger, create));
    WriteLoad renew = create;
    renew.workload = Workload::kRenew;
    renew.leases = load.leases;
    renew.first = created.next;
    renew.most = load.events > load.leases ? load.events - load.leases : 0;
    if (renew.most != 0) LEASELEDGER_TRY(run(*ledger, renew));
    renew.first += renew.most;
    renew.most = 0;
    (void)!::write(say, "f", 1);
    return run(*ledger, renew).map([](const auto&) {});
  };
  if (const auto filled = fill(); !filled)
    std::fprintf(stderr, "%s\n", filled.error().to_string().c_str());
  ::_exit(1);
}

Status fill_and_kill(const fs::path& directory, const StateLoad& load) {
  int pipe[2];
  if (::pipe(pipe) != 0) return fail(Win32::kIoDevice, ErrorKind::kIo, "pipe", "", "a pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    fill_until_killed(directory, load, pipe[1]);
  }
  ::close(pipe[1]);
  char said = 0;
  const bool filled = ::read(pipe[0], &said, 1) == 1;
  ::close(pipe[0]);
  if (filled) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (filled) return {};
  return fail(Win32::kIoDevice, ErrorKind::kIo, directory.string(), "",
              "a ledger that could be filled");
}

/// Repeats `ask(number)` with the same few thousand numbers, first once to warm, then for `seconds`.
Status ask(const char* workload, const std::string& mode, double seconds, std::uint64_t different,
           std::uint64_t numbers, Report& report,
           const std::function<Status(std::uint64_t)>& question) {
  Measurement out = measured(workload, mode, 0, 0);
  for (std::uint64_t i = 0; i < different; ++i) LEASELEDGER_TRY(question(spread(i) % numbers));
  const auto start = Steady::now();
  while (seconds_since(start) < seconds) {
    for (std::uint64_t i = 0; i < different; ++i) {
      const auto before = Steady::now();
      LEASELEDGER_TRY(question(spread(i) % numbers));
      out.latencies.add(
          static_cast<std::uint64_t>(std::chrono::nanoseconds(Steady::now() - before).count()));
      ++out.operations;
    }
  }
  out.seconds = seconds_since(start);
  out.note = std::to_string(different) + " different ones, asked before; one thread";
  report.add(out);
  return {};
}

Error missing(const char* what) {
  return {Win32::kNotFound, ErrorKind::kNotFound, what, "", "what was written to be there"};
}

}  // namespace

Status measure_state(const fs::path& directory, const StateLoad& load, Report& report) {
  LEASELEDGER_TRY(fill_and_kill(directory, load));
  const double before_mib = memory_mib("RssAnon:");
  const auto start = Steady::now();
  LEASELEDGER_ASSIGN(const auto ledger, Ledger::open(directory));
  CreateSubnet first;
  first.prefix = subnet_of_number(65'535);
  LEASELEDGER_ASSIGN(const auto answer, ledger->submit(bench_principal(), {.command = first}));
  if (!answer.accepted()) return tl::unexpected(answer.error);
  const double opened = seconds_since(start);
  const Position tail = ledger->tail();
  std::size_t leases = 0;
  std::size_t book_bytes = 0;
  ledger->read_book([&](const LeaseBook& book) {
    leases = book.lease_count();
    book_bytes = book.memory_bytes();
  });
  const std::string size = text("%llu leases, %llu events", static_cast<unsigned long long>(leases),
                                static_cast<unsigned long long>(tail));
  report.add(
      measured("open", size, 1, opened,
               text("%.2f s from opening after SIGKILL to the first accepted command", opened)));
  report.add(
      measured("memory", size, leases, 0,
               text("book %.1f octets a lease by its own count; process %.0f MiB (RSS), %.0f of it "
                    "not files, %.0f before",
                    static_cast<double>(book_bytes) / static_cast<double>(leases),
                    memory_mib("VmRSS:"), memory_mib("RssAnon:"), before_mib)));

  LEASELEDGER_ASSIGN(const Queries queries, ledger->queries());
  LEASELEDGER_ASSIGN(const Record last, read_record(ledger->log(), tail));
  LEASELEDGER_ASSIGN(const Record begin, read_record(ledger->log(), tail / 2));
  const AsOf now = queries.now(last.recorded_at);
  LEASELEDGER_TRY(ask("lease", "by key, now", load.seconds, 1000, load.leases, report,
                      [&](std::uint64_t n) -> Status {
                        LEASELEDGER_ASSIGN(const auto row, queries.lease(key_of(n), now));
                        return row ? Status{} : tl::unexpected(missing("lease"));
                      }));
  LEASELEDGER_TRY(
      ask("lease", "by key, as of the past", load.seconds, 1000, load.leases, report,
          [&](std::uint64_t n) -> Status {
            const AsOf then{tail / 2 + spread(n) % (tail / 2), std::nullopt, begin.recorded_at};
            LEASELEDGER_ASSIGN(const auto row, queries.lease(key_of(n), then));
            return row ? Status{} : tl::unexpected(missing("lease"));
          }));
  const auto span = last.recorded_at - begin.recorded_at;
  LEASELEDGER_TRY(
      ask("who", "held it at a time", load.seconds, 1000, load.leases, report,
          [&](std::uint64_t n) -> Status {
            const Instant then = begin.recorded_at + span * static_cast<int>(spread(n) % 100) / 100;
            LEASELEDGER_ASSIGN(const auto holders, queries.who(key_of(n).address, then, tail));
            return holders.holders.empty() ? tl::unexpected(missing("holder")) : Status{};
          }));
  for (const std::uint64_t different : {2, 100}) {
    LEASELEDGER_TRY(
        ask("page", "1,000 leases of a subnet", load.seconds, different,
            std::max<std::uint64_t>(load.leases / kLeasesPerSubnet, 1), report,
            [&](std::uint64_t n) -> Status {
              LEASELEDGER_ASSIGN(const auto page,
                                 queries.leases_in(subnet_of_number(static_cast<std::uint32_t>(n)),
                                                   now, std::nullopt, 1000));
              return page.leases.size() == 1000 ? Status{} : tl::unexpected(missing("page"));
            }));
  }

  LEASELEDGER_ASSIGN(const auto replayed, ledger->replay());
  if (!replayed.equal()) return tl::unexpected(missing("equal replay"));
  report.add(
      measured("replay", size, replayed.tail, replayed.seconds, "fold of the whole log, one core"));
  VerifyReport verified;
  ledger->read_book([&](const LeaseBook& book) {
    if (auto checked = verify(ledger->log(), &book)) verified = std::move(*checked);
  });
  if (!verified.ok() || verified.tail != ledger->tail())
    return tl::unexpected(missing("verified ledger"));
  report.add(
      measured("verify", size, verified.tail, verified.seconds, "hashes, tree, fold, digest"));
  const auto rebuild = Steady::now();
  LEASELEDGER_ASSIGN(const auto differing, ledger->rebuild_views());
  if (!differing.empty()) return tl::unexpected(missing("right views"));
  report.add(measured("rebuild", size, ledger->tail(), seconds_since(rebuild),
                      "all views, compared with the old ones"));
  return ledger->close();
}

namespace {

/// Octets that this process has caused to be written to disks so far.
std::uint64_t written_bytes() {
  std::ifstream in("/proc/self/io");
  constexpr std::string_view kField = "write_bytes:";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kField)) return std::strtoull(line.c_str() + kField.size(), nullptr, 10);
  }
  return 0;
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t out = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) out += entry.file_size(ignored);
  }
  return out;
}

}  // namespace

Status measure_sustained(const fs::path& directory, std::uint64_t leases, Report& report) {
  LEASELEDGER_ASSIGN(const auto ledger, Ledger::create(directory));
  LEASELEDGER_TRY(make_subnets(*ledger, leases));
  const std::uint64_t before = written_bytes();
  std::vector<Point> points;
  double first_ended = 0;
  WriteLoad load;
  load.callers = 8;
  load.batch = 1000;
  load.seconds = 36'000;
  load.most = leases;
  load.every = 1;
  load.leases = leases;
  for (const Workload workload : {Workload::kCreate, Workload::kRenew}) {
    load.workload = workload;
    LEASELEDGER_ASSIGN(const auto result, run(*ledger, load));
    report.add(result.measurement);
    load.first = result.next + leases;  // ids must not come again
    for (Point point : result.over_time) {
      point.at += first_ended;
      points.push_back(point);
    }
    first_ended = points.empty() ? 0 : points.back().at;
  }
  // How long the first and the last tenth took, the longest call, and how far behind the views ever were.
  const std::uint64_t all = 2 * leases;
  std::uint64_t done = 0;
  double first_tenth = 0;
  double last_tenth_begins = 0;
  double longest = 0;
  Position lag = 0;
  for (const Point& point : points) {
    done += point.operations;
    if (first_tenth == 0 && done >= all / 10)
      first_tenth = point.at * (static_cast<double>(all) / 10) / static_cast<double>(done);
    if (last_tenth_begins == 0 && done >= all - all / 10) last_tenth_begins = point.at;
    longest = std::max(longest, point.longest);
    lag = std::max(lag, point.lag);
    std::fprintf(stderr, "%8.1f s %12llu operations, %10llu behind, longest call %.3f s\n",
                 point.at, static_cast<unsigned long long>(point.operations),
                 static_cast<unsigned long long>(point.lag), point.longest);
  }
  const double end = points.empty() ? 0 : points.back().at;
  const double rate_first = static_cast<double>(all) / 10 / first_tenth;
  const double rate_last = static_cast<double>(all) / 10 / (end - last_tenth_begins);
  report.add(measured("sustained", "first tenth", all / 10, first_tenth));
  report.add(measured("sustained", "last tenth", all / 10, end - last_tenth_begins,
                      text("%.2f of the first; longest call %.3f s; views at most %.2f s behind",
                           rate_last / rate_first, longest,
                           static_cast<double>(lag) / (static_cast<double>(all) / end))));
  const auto views = ledger->projector().views();
  LEASELEDGER_TRY(views->settle());
  report.add(measured(
      "sustained", "disk", all, 0,
      text("a record: %.0f octets in the log, %.0f in the views; written %.0f in all, %.0f of it "
           "views (%.2f times what they hold); process %.0f MiB RSS",
           static_cast<double>(bytes_in(directory / "log")) / static_cast<double>(all),
           static_cast<double>(views->figures().file_bytes) / static_cast<double>(all),
           static_cast<double>(written_bytes() - before) / static_cast<double>(all),
           static_cast<double>(views->figures().written_bytes) / static_cast<double>(all),
           static_cast<double>(views->figures().written_bytes) /
               static_cast<double>(views->figures().file_bytes),
           memory_mib("VmRSS:"))));
  return ledger->close();
}

Status measure_import(const fs::path& directory, std::uint64_t leases, std::uint64_t renewals,
                      Report& report) {
  const fs::path file = directory.string() + ".csv";
  {
    std::ofstream out(file);
    out << "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
           "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n";
    for (std::uint64_t turn = 0; turn <= renewals; ++turn) {
      for (std::uint64_t n = 0; n < leases; ++n) {
        const std::uint64_t cltt = 1'790'000'000 + turn * 3600 + n * 3000 / leases;
        out << key_of(n).address.to_string() << ',' << duid_of(n).to_string() << ','
            << kValidSeconds << ',' << cltt + kValidSeconds << ',' << subnet_number(n) + 1 << ','
            << kPreferredSeconds << ",0," << iaid(n) << ",128,0,0," << host_name(n)
            << ",02:00:00:00:00:01,0,,1,2\n";
      }
    }
  }
  LEASELEDGER_ASSIGN(const auto ledger, Ledger::create(directory));
  LEASELEDGER_TRY(make_subnets(*ledger, leases));
  std::ifstream in(file);
  kea::ImportOptions options;
  options.file_name = file.filename().string();
  std::string problems;
  const auto imported = kea::import_leases(
      in, options,
      [&](std::span<const Envelope> batch) { return ledger->submit(bench_principal(), batch); },
      [&](const kea::RowProblem& problem) { problems = problem.error.to_string(); }, {});
  fs::remove(file);
  LEASELEDGER_TRY(imported);
  if (imported->problems != 0) return invalid("lease file", problems, "rows without problems");
  report.add(measured("import", text("%llu leases", static_cast<unsigned long long>(leases)),
                      imported->rows, imported->seconds, "rows of Kea's lease file"));
  return ledger->close();
}

}  // namespace leaseledger::bench
