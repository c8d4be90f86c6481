#include "adapters/kea/door/reconciler.h"

#include "adapters/kea/facts.h"
#include "adapters/service/local_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

namespace leaseledger::kea {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kAgain = std::chrono::milliseconds(500);

tl::unexpected<Error> stopped() {
  return fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be done again later");
}

Instant whole_seconds(Instant instant) { return instant_of(seconds_of(instant)); }

}  // namespace

/// One comparison.
struct Reconciler::Run {
  Run(Reconciler& owner_in)
      : owner(owner_in),
        origin{owner_in.options_.source.server, "reconcile"},
        principal{"kea:" + owner_in.options_.source.server, Role::kAdministrator, "kea-reconcile"} {
  }

  Status compare() {
    LEASELEDGER_ASSIGN(const auto configured, read_subnets(owner.options_.source));
    LEASELEDGER_TRY(owner.subnets_.adopt(configured, origin.server));
    std::string from = "start";
    for (;;) {
      LEASELEDGER_ASSIGN(const auto page, read_page(from));
      if (page.empty()) break;
      LEASELEDGER_TRY(compare_page(page, from));
      from = page.back().key.address.to_string();
    }
    std::ranges::sort(seen);
    for (const Command& command : configured)
      if (const auto* create = std::get_if<CreateSubnet>(&command))
        LEASELEDGER_TRY(look_for_absent(create->prefix));
    return {};
  }

  /// The leases behind `from`; empty at the end.
  Result<std::vector<Lease6>> read_page(const std::string& from) {
    for (std::size_t limit = owner.options_.page;; limit *= 2) {
      if (owner.stopping()) return stopped();
      LEASELEDGER_ASSIGN(const Reply reply,
                         owner.channel_.ask("lease6-get-page", {{"from", from}, {"limit", limit}}));
      if (reply.result == ResultCode::kEmpty) return std::vector<Lease6>{};
      if (reply.result != ResultCode::kSuccess || !reply.arguments.contains("leases"))
        return fail(Win32::kNotSupported, ErrorKind::kRefused, "lease6-get-page",
                    std::to_string(static_cast<int>(reply.result)),
                    "a page of leases (Kea needs its lease_cmds hook for it); the server says: " +
                        reply.text);
      std::vector<Lease6> out;
      for (const Json& json : reply.arguments["leases"]) {
        auto lease = read_lease(json, {});
        if (lease) {
          out.push_back(std::move(*lease));
        } else {
          ++found.unreadable;
        }
      }
      // A page of nothing but what cannot be read: a larger one gets past it.
      if (!out.empty() || reply.arguments["leases"].empty()) return out;
    }
  }

  /// What the ledger has to be told of a lease that the server has.
  struct Candidate {
    const Lease6* lease = nullptr;
    Position last_event = 0;
    bool is_new = false;
  };

  Status compare_page(const std::vector<Lease6>& page, const std::string& from) {
    found.compared += page.size();
    const Instant now = SystemClock().now();
    std::vector<Candidate> candidates;
    std::vector<LeaseKey> homeless_keys;
    {
      LEASELEDGER_ASSIGN(const auto ledger, owner.keeper_.for_questions());
      ledger->read_book([&](const LeaseBook& book) {
        for (const Lease6& lease : page) {
          seen.push_back(lease.key);
          if (auto candidate = differs(book, lease, now)) candidates.push_back(*candidate);
          if (book.subnet_of(lease.key) == nullptr) homeless_keys.push_back(lease.key);
        }
      });
      // What the ledger does not hold it may have held: a lease that ended and is still in the server's memory.
      LEASELEDGER_ASSIGN(const Queries queries, ledger->queries());
      Status status;
      std::erase_if(candidates, [&](const Candidate& candidate) {
        if (!candidate.is_new || !status) return false;
        auto known = is_known(queries, *candidate.lease, now);
        if (!known) status = tl::unexpected(known.error());
        return known && *known;
      });
      LEASELEDGER_TRY(status);
    }
    if (candidates.empty()) return {};
    if (!homeless_keys.empty())
      LEASELEDGER_TRY(owner.subnets_.make_room(homeless_keys, origin.cause));
    Facts facts;
    Batch& batch = facts.batches.emplace_back();
    for (const Candidate& candidate : candidates) {
      Envelope& envelope = batch.commands.emplace_back(report_of(*candidate.lease, now, origin));
      envelope.if_last_event = candidate.last_event;
    }
    note_violations(facts, *owner.subnets_.lately());
    LEASELEDGER_ASSIGN(const auto answers, submit(batch.commands));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].accepted()) {
        ++(candidates[i].is_new ? found.missing : found.changed);
        ++found.recorded;
      } else if (answers[i].error.kind != ErrorKind::kConflict) {
        ++found.refused;
        spdlog::warn("kea.report_refused server={} lease={} error=\"{}\"", origin.server,
                     format_lease_key(candidates[i].lease->key), answers[i].error.to_string());
      }
    }
    // A lease may have ended between the page and the record.
    LEASELEDGER_ASSIGN(const auto again, read_page(from));
    std::set<LeaseKey> still;
    for (const Lease6& lease : again) still.insert(lease.key);
    for (const Candidate& candidate : candidates)
      if (!still.contains(candidate.lease->key))
        LEASELEDGER_TRY(end_if_absent(candidate.lease->key, candidate.lease->type));
    return {};
  }

  static std::optional<Candidate> differs(const LeaseBook& book, const Lease6& lease, Instant now) {
    const Envelope report = report_of(lease, now, {});
    const auto& command = std::get<ReportLease>(report.command);
    const auto held = book.find(lease.key);
    const bool there = held && held->lease.state != LeaseState::kReserved;
    const Candidate candidate{&lease, book.last_event(lease.key), !there};
    if (command.state == ReportedState::kExpired || command.state == ReportedState::kReleased) {
      const bool of_client = there && held->lease.state == LeaseState::kActive &&
                             held->lease.duid == command.duid && held->lease.iaid == command.iaid &&
                             held->effective_at <= *report.effective_at;
      return of_client ? std::optional(candidate) : std::nullopt;
    }
    const Instant until = add_lifetime(*report.effective_at, command.valid_lifetime);
    const bool declined = command.state == ReportedState::kDeclined;
    // A probation that is over is nobody's, and the server forgets it in its own time.
    if (!there && declined && until <= now) return std::nullopt;
    if (!there) return candidate;
    // What the ledger knows came later.
    if (held->effective_at > *report.effective_at) return std::nullopt;
    const bool same_client =
        declined || (held->lease.duid == command.duid && held->lease.iaid == command.iaid &&
                     held->lease.type == lease.type);
    const auto state = declined ? LeaseState::kDeclined : LeaseState::kActive;
    if (same_client && held->lease.state == state && held->lease.valid_until == until)
      return std::nullopt;
    return candidate;
  }

  /// The ledger knows that this lease was held, and that it has ended.
  static Result<bool> is_known(const Queries& queries, const Lease6& lease, Instant now) {
    const Envelope report = report_of(lease, now, {});
    const auto& command = std::get<ReportLease>(report.command);
    const Instant until = add_lifetime(*report.effective_at, command.valid_lifetime);
    if (until > now) return false;
    LEASELEDGER_ASSIGN(const auto spans, queries.history(lease.key, false, queries.position()));
    return std::ranges::any_of(spans, [&](const HeldSpan& held) {
      return held.duid == command.duid && held.iaid == command.iaid &&
             held.span.from <= *report.effective_at && held.span.until >= until;
    });
  }

  /// Leases of the subnet that the ledger has of this server and the server did not show.
  Status look_for_absent(const Ipv6Prefix& subnet) {
    When when;
    std::optional<LeaseKey> after;
    do {
      if (owner.stopping()) return stopped();
      LEASELEDGER_ASSIGN(const auto ledger, owner.keeper_.for_questions());
      const auto service = make_local_service(ledger, {.principal = principal});
      LEASELEDGER_ASSIGN(const LeasePage page,
                         service->leases_in(subnet, when, after, owner.options_.page));
      when = When::exactly(page.as_of);
      after = page.next;
      for (const auto& row : page.leases) {
        if (row.lease.state == LeaseState::kReserved || !is_of_server(row) ||
            std::ranges::binary_search(seen, row.lease.key))
          continue;
        LEASELEDGER_TRY(end_if_absent(row.lease.key, row.lease.type));
      }
    } while (after);
    return {};
  }

  /// A lease that somebody else made in the ledger is not for this server to have.
  bool is_of_server(const leaseledger::LeaseRow& row) const {
    const std::string& owner_name = row.description.owner_name;
    return owner_name == origin.server ||
           (owner_name.empty() && row.description.server_subnet_id != 0);
  }

  /// Asks for this lease alone, and records its end when the server does not have it.
  Status end_if_absent(const LeaseKey& key, LeaseType type) {
    std::optional<BookLease> held;
    Position last = 0;
    {
      LEASELEDGER_ASSIGN(const auto ledger, owner.keeper_.for_questions());
      ledger->read_book([&](const LeaseBook& book) {
        held = book.find(key);
        last = book.last_event(key);
      });
    }
    const Instant now = SystemClock().now();
    if (!held || held->lease.state == LeaseState::kReserved || held->lease.valid_until <= now)
      return {};
    LEASELEDGER_ASSIGN(const Reply reply,
                       owner.channel_.ask("lease6-get", {{"ip-address", key.address.to_string()},
                                                         {"type", name_of(type)}}));
    if (reply.result == ResultCode::kSuccess && reply.arguments.is_object()) {
      // Kea knows a prefix by its address: another length is another lease.
      if (type != LeaseType::kPd || reply.arguments.value("prefix-len", 0) == key.length) return {};
    } else if (reply.result != ResultCode::kEmpty) {
      return fail(Win32::kNotSupported, ErrorKind::kRefused, "lease6-get",
                  std::to_string(static_cast<int>(reply.result)),
                  "a lease or none; the server says: " + reply.text);
    }
    const auto how = held->lease.state == LeaseState::kDeclined ? ReportedState::kExpired
                                                                : ReportedState::kReleased;
    Envelope envelope =
        end_of(key, type, how, std::max(whole_seconds(now), held->effective_at), origin);
    envelope.if_last_event = last;
    LEASELEDGER_ASSIGN(const auto answers, submit({&envelope, 1}));
    if (answers[0].accepted()) {
      ++found.absent;
      ++found.recorded;
    } else if (answers[0].error.kind != ErrorKind::kConflict) {
      ++found.refused;
    }
    return {};
  }

  Result<std::vector<Answer>> submit(std::span<const Envelope> commands) {
    LEASELEDGER_ASSIGN(const auto ledger, owner.keeper_.for_commands());
    return ledger->submit(principal, commands);
  }

  struct Found {
    std::uint64_t compared = 0, missing = 0, changed = 0, absent = 0, unreadable = 0, refused = 0,
                  recorded = 0;
  };
  Reconciler& owner;
  const Origin origin;
  const Principal principal;
  std::vector<LeaseKey> seen;
  Found found;
};

Reconciler::Reconciler(ReconcilerOptions options, rpc::LedgerKeeper& keeper, KnownSubnets& subnets)
    : options_(std::move(options)),
      keeper_(keeper),
      subnets_(subnets),
      channel_(options_.source.control) {
  status_.server = options_.source.server;
  status_.control = options_.source.control.address;
  thread_ = std::thread([this] { loop(); });
}

Reconciler::~Reconciler() { stop(); }

void Reconciler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Reconciler::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Reconciler::run_soon() {
  const std::lock_guard lock(mutex_);
  asked_ = true;
  changed_.notify_all();
}

KeaServerStatus Reconciler::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool Reconciler::server_is_new() {
  const auto reply = channel_.ask("status-get");
  const bool there = reply.has_value() && reply->result == ResultCode::kSuccess;
  const std::int64_t pid =
      there && reply->arguments.is_object() ? reply->arguments.value("pid", std::int64_t{0}) : 0;
  const std::lock_guard lock(mutex_);
  const bool was_there = status_.reachable;
  status_.reachable = there;
  if (!there) {
    status_.error = reply ? reply->text : reply.error().to_string();
    if (was_there)
      spdlog::warn("kea.unreachable server={} error=\"{}\"", status_.server, status_.error);
    return false;
  }
  const bool is_new = !was_there || pid != server_pid_;
  server_pid_ = pid;
  return is_new;
}

void Reconciler::loop() {
  auto next = Steady::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool due =
        asked_ || (options_.interval.count() != 0 && status_.runs != 0 && Steady::now() >= next);
    lock.unlock();
    // Also when nothing is due: a server that was started anew is compared with at once.
    const bool is_new = server_is_new();
    lock.lock();
    if (stopping_) return;
    if (status_.reachable && (due || is_new)) {
      asked_ = false;
      status_.running = true;
      lock.unlock();
      compare();
      lock.lock();
      status_.running = false;
      next = Steady::now() + options_.interval;
      if (stopping_) return;
      // One that failed is done again.
      if (!status_.error.empty()) asked_ = true;
    }
    const auto rest = asked_ && status_.error.empty() ? kAgain : options_.look;
    changed_.wait_for(lock, rest,
                      [this] { return stopping_ || (asked_ && status_.error.empty()); });
    if (stopping_) return;
  }
}

void Reconciler::compare() {
  const auto started = Steady::now();
  Run run(*this);
  const Status done = run.compare();
  const double seconds = std::chrono::duration<double>(Steady::now() - started).count();
  const auto& found = run.found;
  {
    const std::lock_guard lock(mutex_);
    status_.recorded_in_all += found.recorded;
    if (!done) {
      ++status_.failures;
      status_.error = done.error().to_string();
    } else {
      ++status_.runs;
      status_.error.clear();
      status_.finished_at = SystemClock().now();
      status_.seconds = seconds;
      status_.compared = found.compared;
      status_.missing = found.missing;
      status_.changed = found.changed;
      status_.absent = found.absent;
      status_.unreadable = found.unreadable;
      status_.refused = found.refused;
    }
  }
  if (!done) {
    spdlog::warn("kea.reconcile_failed server={} error=\"{}\"", options_.source.server,
                 done.error().to_string());
    return;
  }
  const auto level = found.recorded + found.refused + found.unreadable != 0 ? spdlog::level::warn
                                                                            : spdlog::level::info;
  spdlog::log(level,
              "kea.reconciled server={} compared={} missing={} changed={} absent={} unreadable={} "
              "refused={} seconds={:.3f}",
              options_.source.server, found.compared, found.missing, found.changed, found.absent,
              found.unreadable, found.refused, seconds);
}

}  // namespace leaseledger::kea
