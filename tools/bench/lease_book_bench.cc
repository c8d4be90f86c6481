// What a lease costs in the LeaseBook: octets, nanoseconds to create and to renew with and without prefetch, the longest
// single evolve(), lapsed(), and a snapshot's seconds. Creating and renewing in processor time, the rest by the clock. Without arguments for 100,000, 1 million and 10 million leases; or
// for the numbers given. Prints one line for each figure.

#include "ledger/lease_book.h"
#include "replay/book_snapshots.h"
#include "tools/bench/made_up_leases.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace leaseledger::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 512;
constexpr std::size_t kAhead = 16;  // look-ups between a prefetch and its use

enum class Prefetch { kNo, kYes };

/// Of this thread's processor time, so that a busy machine does not count.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t resident_octets() {
  malloc_trim(0);
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

Instant instant(std::uint64_t ns) { return Instant{std::chrono::nanoseconds{ns}}; }

constexpr std::uint64_t kStart = 1'772'000'000'000'000'000;  // early in 2026
constexpr std::uint64_t kStep = 7'013;                       // nanoseconds between two facts

/// A book with the benchmark's leases, and how long it took.
class Run {
 public:
  explicit Run(std::uint64_t leases) : leases_(leases) {
    for (std::uint32_t number = 0; number * kLeasesPerSubnet < leases; ++number) {
      SubnetCreated created;
      created.subnet.prefix = {Ipv6Address::from_bytes(subnet_prefix(number)), 64};
      created.subnet.id = number + 1;
      fold(Event(created));
    }
  }

  /// Nanoseconds a fact; `longest` gets those of the longest evolve() when it is not nullptr.
  double create(Prefetch prefetch, double* longest = nullptr) {
    return each_batch<ClientCreated>(prefetch, longest, [](std::uint64_t i) { return i; });
  }
  double renew(Prefetch prefetch, double* longest = nullptr) {
    // In an order that has nothing to do with that of the slots: 7,368,787 is prime.
    return each_batch<LeaseRenewed>(prefetch, longest, [this](std::uint64_t i) {
      return static_cast<std::uint64_t>(i * 7'368'787 % leases_);
    });
  }

  LeaseBook& book() { return book_; }
  Instant now() const { return instant(kStart + book_.position() * kStep); }
  void fold(const Event& event) {
    const Position position = book_.position() + 1;
    const Instant at = instant(kStart + position * kStep);
    LEASELEDGER_CHECK_OK(evolve(book_, position, at, at, event));
  }

 private:
  void fill(LeaseFact& fact, std::uint64_t number) {
    const Instant at = instant(kStart + (book_.position() + 1 + filled_++) * kStep);
    fact.lease.key = {Ipv6Address::from_bytes(address_octets(number)), kAddressLength};
    fact.lease.duid = Duid::from_bytes(duid_octets(number)).value();
    fact.lease.iaid = Iaid{iaid(number)};
    fact.lease.subnet_id = subnet_number(number) + 1;
    fact.lease.valid_until = at + std::chrono::seconds{kValidSeconds};
    fact.lease.preferred_until = at + std::chrono::seconds{kPreferredSeconds};
    fact.lease.tenure = 0;
    fact.lease.described = 0;
  }

  template <typename Fact, typename Order>
  double each_batch(Prefetch prefetch, double* longest, Order order) {
    std::vector<Event> events(kBatch, Event(Fact{}));
    double spent = 0;
    for (std::uint64_t first = 0; first < leases_; first += kBatch) {
      const std::size_t count = std::min<std::uint64_t>(kBatch, leases_ - first);
      filled_ = 0;
      for (std::size_t i = 0; i < count; ++i) {
        auto& fact = std::get<Fact>(events[i]);
        const std::uint64_t number = order(first + i);
        fill(fact, number);
        if constexpr (std::is_same_v<Fact, LeaseRenewed>) {
          fact.lease.tenure = number + 1 + (leases_ + kLeasesPerSubnet - 1) / kLeasesPerSubnet;
          fact.lease.described = fact.lease.tenure;
        }
      }
      const double start = processor_seconds();
      const auto fetch = [&](std::size_t i) {
        if (prefetch == Prefetch::kYes && i < count) ahead(std::get<Fact>(events[i]));
      };
      const auto fetch_slot = [&](std::size_t i) {
        if (prefetch == Prefetch::kYes && std::is_same_v<Fact, LeaseRenewed> && i < count)
          book_.prefetch_slot(std::get<Fact>(events[i]).lease.key);
      };
      for (std::size_t i = 0; i < 2 * kAhead; ++i) fetch(i);
      for (std::size_t i = 0; i < kAhead; ++i) fetch_slot(i);
      for (std::size_t i = 0; i < count; ++i) {
        fetch(i + 2 * kAhead);
        fetch_slot(i + kAhead);
        const Lease& lease = std::get<Fact>(events[i]).lease;
        if constexpr (std::is_same_v<Fact, ClientCreated>) {
          if (book_.find(lease.key) ||
              book_.find_client(lease.subnet_id, lease.duid, lease.iaid, lease.type)) {
            std::abort();
          }
        } else if (!book_.find(lease.key)) {
          std::abort();
        }
        if (longest == nullptr) {
          fold(events[i]);
        } else {
          const double before = processor_seconds();
          fold(events[i]);
          *longest = std::max(*longest, (processor_seconds() - before) * 1e9);
        }
      }
      spent += processor_seconds() - start;
    }
    return spent * 1e9 / static_cast<double>(leases_);
  }

  template <typename Fact>
  void ahead(const Fact& fact) {
    const Lease& lease = fact.lease;
    book_.prefetch(lease.key);
    if constexpr (std::is_same_v<Fact, ClientCreated>)
      book_.prefetch_client(lease.subnet_id, lease.duid, lease.iaid, lease.type);
  }

  std::uint64_t leases_;
  std::uint64_t filled_ = 0;
  LeaseBook book_;
};

void figure(std::uint64_t leases, const char* name, double value, const char* unit) {
  std::printf("leases=%llu %s=%.3f unit=%s\n", static_cast<unsigned long long>(leases), name, value,
              unit);
  std::fflush(stdout);
}

void measure(std::uint64_t leases, const std::filesystem::path& folder) {
  const auto count = static_cast<double>(leases);
  {
    const auto before = resident_octets();
    Run run(leases);
    figure(leases, "create", run.create(Prefetch::kYes), "ns");
    const auto after = resident_octets();
    figure(leases, "resident", static_cast<double>(after - before) / count, "octets_a_lease");
    figure(leases, "counted", static_cast<double>(run.book().memory_bytes()) / count,
           "octets_a_lease");
    figure(leases, "renew", run.renew(Prefetch::kYes), "ns");
    run.book().image()->write([](std::span<const std::uint8_t>) {});
    figure(leases, "renew_after_a_snapshot", run.renew(Prefetch::kYes), "ns");
    figure(leases, "resident_renewed", static_cast<double>(resident_octets() - before) / count,
           "octets_a_lease");
  }
  {
    Run run(leases);
    figure(leases, "create_without_prefetch", run.create(Prefetch::kNo), "ns");
    figure(leases, "renew_without_prefetch", run.renew(Prefetch::kNo), "ns");
  }
  Run run(leases);
  double longest = 0;
  run.create(Prefetch::kYes, &longest);
  figure(leases, "longest_create", longest / 1e6, "ms");
  longest = 0;
  run.renew(Prefetch::kYes, &longest);
  figure(leases, "longest_renew", longest / 1e6, "ms");

  const auto lapsed = [&](const char* name, Instant now, std::size_t limit) {
    const auto start = Clock::now();
    const std::size_t found = run.book().lapsed(now, limit).size();
    figure(leases, name, seconds_since(start) * 1e3, "ms");
    return found;
  };
  // The bounds are those of before the renewals: all have passed, no lease has lapsed.
  const Instant between =
      instant(kStart + kValidSeconds * 1'000'000'000ULL + run.book().position() / 2 * kStep);
  if (lapsed("lapsed_none_after_renewals", between, 1000) != 0) std::abort();
  lapsed("lapsed_none_again", between, 1000);
  const Instant later = run.now() + std::chrono::seconds{kValidSeconds};
  lapsed("lapsed_all_1000", later, 1000);
  {
    const auto start = Clock::now();
    std::size_t expired = 0;
    for (int i = 0; i < 50; ++i) {
      for (const auto& each : run.book().lapsed(later, 1000)) {
        LeaseExpired fact;
        fact.lease = each.lease;
        run.fold(Event(fact));
        ++expired;
      }
    }
    figure(leases, "expire_of_all", seconds_since(start) * 1e9 / static_cast<double>(expired),
           "ns");
  }

  BookSnapshots snapshots(folder / std::to_string(leases));
  auto start = Clock::now();
  LEASELEDGER_CHECK_OK(snapshots.save(run.book()));
  figure(leases, "save", seconds_since(start), "s");
  const Position position = run.book().position();
  const std::size_t there = run.book().lease_count();
  run.book() = LeaseBook{};
  start = Clock::now();
  const LeaseBook loaded = snapshots.nearest(position);
  figure(leases, "load", seconds_since(start), "s");
  if (loaded.lease_count() != there) std::abort();
}

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {100'000, 1'000'000, 10'000'000};
  const auto folder =
      std::filesystem::temp_directory_path() / ("lease_book_bench." + std::to_string(::getpid()));
  for (const auto leases : sizes) leaseledger::bench::measure(leases, folder);
  std::filesystem::remove_all(folder);
}
