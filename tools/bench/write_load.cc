#include "tools/bench/write_load.h"

#include "tools/bench/made_up_commands.h"
#include "tools/bench/zipf.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace leaseledger::bench {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}
std::uint64_t ns_between(Steady::time_point a, Steady::time_point b) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(b - a).count());
}

/// Fills submissions; shared by the callers of one run.
class Source {
 public:
  Source(const WriteLoad& load, Steady::time_point end)
      : load_(load), end_(end), zipf_(load.leases, load.zipf) {}

  /// Fills `out`, which keeps its memory. False when the run is over.
  bool fill(std::vector<Envelope>& out, std::uint64_t& random) {
    if (failed_ || Steady::now() >= end_) return false;
    const std::uint64_t begin = taken_.fetch_add(load_.batch);
    std::size_t size = load_.batch;
    if (load_.most != 0) {
      if (begin >= load_.most) return false;
      size = std::min<std::uint64_t>(size, load_.most - begin);
    }
    out.resize(size);
    const Instant now = SystemClock().now();
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t sequence = load_.first + begin + i;
      if (load_.with_ids)
        out[i].id = load_.random_ids ? random_id(sequence) : growing_id(now, sequence);
      const bool create = load_.workload == Workload::kCreate ||
                          (load_.workload == Workload::kMixed && (begin + i) % 10 == 0);
      if (create) {
        fill_create(created_.fetch_add(1), out[i].command);
      } else {
        random = spread(random);
        const std::uint64_t number =
            load_.zipf > 0 ? zipf_.pick(random) : (begin + i) % load_.leases;
        out[i].command = renew_of(number);
      }
    }
    return true;
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failed_) error_ = std::move(error);
    failed_ = true;
  }
  Status status() const { return failed_ ? Status(tl::unexpected(error_)) : Status{}; }
  std::uint64_t created() const { return created_; }
  void check(const std::vector<Answer>& answers) {
    for (const auto& answer : answers) {
      if (!answer.accepted()) return fail(answer.error);
    }
  }

 private:
  void fill_create(std::uint64_t number, Command& out) {
    auto* create = std::get_if<CreateClient>(&out);
    if (create == nullptr) create = &out.emplace<CreateClient>();
    number += load_.first;
    create->key = key_of(number);
    create->duid = duid_of(number);
    create->iaid = Iaid{iaid(number)};
    create->name = host_name(number);
  }

  const WriteLoad& load_;
  const Steady::time_point end_;
  Zipf zipf_;
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> created_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  Error error_;
};

/// What callers share to report.
struct Tally {
  std::mutex mutex;
  Latencies latencies;
  std::atomic<std::uint64_t> operations = 0;
  std::atomic<std::uint64_t> longest_ns = 0;  // since the last point
  void note(std::uint64_t ns, std::size_t commands) {
    operations += commands;
    std::uint64_t before = longest_ns;
    while (ns > before && !longest_ns.compare_exchange_weak(before, ns)) {
    }
  }
};

void call_blocking(Ledger& ledger, Source& source, Tally& tally, std::uint64_t seed) {
  const Principal who = bench_principal();
  std::vector<Envelope> commands;
  Latencies own;
  while (source.fill(commands, seed)) {
    const auto before = Steady::now();
    const auto answers = ledger.submit(who, commands);
    if (!answers) {
      source.fail(answers.error());
      break;
    }
    const std::uint64_t took = ns_between(before, Steady::now());
    own.add(took);
    tally.note(took, answers->size());
    source.check(*answers);
  }
  const std::lock_guard lock(tally.mutex);
  tally.latencies.add(own);
}

/// One thread that never waits for an answer but keeps `in_flight` submissions going.
void call_in_flight(Ledger& ledger, Source& source, Tally& tally, std::size_t in_flight) {
  struct Shared {
    Source& source;
    Tally& tally;
    Latencies latencies;  // of the thread that answers
    std::atomic<std::size_t> answered = 0;
  } shared{source, tally, {}, 0};
  const Principal who = bench_principal();
  std::uint64_t seed = 1;
  std::size_t sent = 0;
  for (bool over = false; !over;) {
    const std::size_t seen = shared.answered;
    if (sent - seen >= in_flight) {
      shared.answered.wait(seen);
      continue;
    }
    for (std::size_t room = in_flight - (sent - seen); room > 0 && !over; --room) {
      std::vector<Envelope> commands;
      over = !source.fill(commands, seed);
      if (over) break;
      ++sent;
      ledger.submit_async(
          who, std::move(commands), Chain::kEach,
          [to = &shared, before = Steady::now()](Result<std::vector<Answer>> answers) {
            const std::uint64_t took = ns_between(before, Steady::now());
            to->latencies.add(took);
            if (answers) {
              to->tally.note(took, answers->size());
              to->source.check(*answers);
            } else {
              to->source.fail(answers.error());
            }
            to->answered.fetch_add(1);
            to->answered.notify_one();
          });
    }
  }
  for (std::size_t seen = shared.answered; seen < sent; seen = shared.answered)
    shared.answered.wait(seen);
  tally.latencies.add(shared.latencies);
}

std::string mode_of(const WriteLoad& load) {
  if (load.in_flight) return std::to_string(load.callers) + " in flight";
  const std::string batches = "batches of " + std::to_string(load.batch);
  if (load.callers == 1) return load.batch == 1 ? "one by one" : batches;
  const std::string callers = std::to_string(load.callers) + " callers";
  return load.batch == 1 ? callers : callers + ", " + batches;
}

std::string_view name_of(Workload workload) {
  switch (workload) {
    case Workload::kCreate:
      return "create";
    case Workload::kRenew:
      return "renew";
    case Workload::kMixed:
      return "mixed";
  }
  return "?";
}

}  // namespace

Status make_subnets(Ledger& ledger, std::uint64_t leases) {
  std::size_t there = 0;
  ledger.read_book([&](const LeaseBook& book) { there = book.subnets().size(); });
  for (auto next = static_cast<std::uint32_t>(there); next * kLeasesPerSubnet < leases;) {
    std::vector<Envelope> commands;
    for (; next * kLeasesPerSubnet < leases && commands.size() < 1000; ++next) {
      CreateSubnet subnet;
      subnet.prefix = subnet_of_number(next);
      subnet.preferred_lifetime = Lifetime{kPreferredSeconds};
      subnet.valid_lifetime = Lifetime{kValidSeconds};
      commands.push_back({.command = subnet});
    }
    LEASELEDGER_ASSIGN(const auto answers, ledger.submit(bench_principal(), commands));
    for (const auto& answer : answers) {
      if (!answer.accepted()) return tl::unexpected(answer.error);
    }
  }
  return {};
}

Result<WriteResult> run(Ledger& ledger, const WriteLoad& load) {
  const auto start = Steady::now();
  const auto end = start + std::chrono::duration_cast<Steady::duration>(
                               std::chrono::duration<double>(load.seconds));
  Source source(load, end);
  Tally tally;
  WriteResult out;

  std::atomic<bool> over = false;
  std::thread watcher;
  if (load.every > 0) {
    watcher = std::thread([&] {
      std::uint64_t before = 0;
      for (double next = load.every; !over; next += load.every) {
        while (!over && seconds_since(start) < next)
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const std::uint64_t now = tally.operations;
        out.over_time.push_back({seconds_since(start), now - before, ledger.projector().lag(),
                                 static_cast<double>(tally.longest_ns.exchange(0)) / 1e9});
        before = now;
      }
    });
  }
  if (load.in_flight) {
    call_in_flight(ledger, source, tally, load.callers);
  } else {
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < load.callers; ++i)
      callers.emplace_back([&, i] { call_blocking(ledger, source, tally, i + 1); });
    for (auto& caller : callers) caller.join();
  }
  const double took = seconds_since(start);
  out.lag = ledger.projector().lag();
  over = true;
  if (watcher.joinable()) watcher.join();
  LEASELEDGER_TRY(source.status());
  LEASELEDGER_TRY(ledger.projector().wait_for(ledger.tail(), std::chrono::milliseconds(600'000)));
  out.lag_seconds = seconds_since(start) - took;

  Measurement& m = out.measurement;
  m.system = "leaseledger";
  m.workload = name_of(load.workload);
  m.mode = mode_of(load);
  m.callers = load.callers;
  m.batch = load.batch;
  m.operations = tally.operations;
  m.seconds = took;
  m.latencies = tally.latencies;
  m.durability = "fsync before the answer";
  char note[80];
  std::snprintf(note, sizeof note, "views %.2f s behind at the end", out.lag_seconds);
  m.note = note;
  out.next = load.first + source.created();
  return out;
}

}  // namespace leaseledger::bench
