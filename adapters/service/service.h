#pragma once
// What every door offers, whether the ledger is a directory that this process has opened or a daemon elsewhere:
// commands, questions, the log with its proofs, and the past. Programs (tools/cli, adapters/dhcpsapi) are written against it.
// Flow: tools/, adapters/dhcpsapi -> [service.h] <- local_service.h (a directory), adapters/rpc/client.h (a daemon)

#include "commands/command_handler.h"
#include "commands/get_free_address.h"
#include "ledger/event_log.h"
#include "projections/queries.h"
#include "replay/diff.h"
#include "replay/replay.h"
#include "replay/verify.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger {

/// The moment that a question is about, as a caller names it. Nothing given: now.
struct When {
  std::optional<Position> position;  ///< the state after this record, judged when it was recorded.
  std::optional<Instant> known_at;   ///< what was known at this time; not together with `position`.
  std::optional<Instant> effective;  ///< what was the case then, as far as was known.
  std::optional<Instant> judged_at;  ///< instead of the time that the first two imply.
  Position at_least = 0;  ///< "now" must have this record: a position that an answer gave.

  /// The same moment again, whatever is recorded meanwhile: for the next page.
  static When exactly(const AsOf& as_of) {
    return {.position = as_of.known, .effective = as_of.effective, .judged_at = as_of.judged_at};
  }
};

/// Who one is to the service, and what it is.
struct ServiceInfo {
  std::string principal;  ///< "unix:alice", "tls:dhcp1".
  Role role = Role::kNone;
  std::string version;
  LogIdentity identity;
  Ipv6Address owner;       ///< the server's own address for OwnerHost; :: when it has none.
  std::string owner_name;  ///< its host name.
  Instant started_at{};
  Position tail = 0;
  std::size_t max_batch = 0;  ///< commands in one submission.
};

struct LeaseAnswer {
  AsOf as_of;
  std::optional<LeaseRow> lease;
};

struct SpansAnswer {
  Position known = 0;
  std::vector<HeldSpan> spans;
};

/// A subnet with its figures.
struct SubnetRow {
  Subnet subnet;
  SubnetUsage usage;
  std::uint32_t reservations = 0;
  std::uint32_t exclusions = 0;
  std::uint32_t pools = 0;
};

struct SubnetPage {
  Position as_of = 0;
  std::vector<SubnetRow> subnets;  ///< in address order.
  std::optional<Ipv6Prefix> next;  ///< ask again with this `after`; nullopt at the end.
  std::uint64_t total = 0;         ///< subnets that there are.
};

struct SubnetAnswer {
  Position as_of = 0;
  std::optional<SubnetRow> row;
  /// active leases whose valid lifetime is over without a record that says so; for "now" only.
  std::optional<std::uint64_t> lapsed;
  /// addresses without a record, where they can be counted (prefix length from 65).
  std::optional<std::uint64_t> free;
};

enum class ElementKind : std::uint8_t { kReservation, kExclusion, kPool };

/// Part of a subnet: one of the three is given.
struct SubnetElement {
  Ipv6Prefix subnet;
  std::optional<Reservation> reservation;
  std::optional<Exclusion> exclusion;
  std::optional<DelegationPool> pool;
};

struct ElementPage {
  Position as_of = 0;
  std::vector<SubnetElement> elements;  ///< by subnet, then in address order.
  std::uint64_t total = 0;              ///< of that kind, before `skip` and `limit`.
};

struct Stats {
  LogIdentity identity;
  std::string directory;
  Position records = 0;
  Instant first_recorded_at = kUnset;  ///< kUnset in an empty ledger.
  Instant last_recorded_at = kUnset;
  std::uint64_t subnets = 0;
  std::uint64_t leases = 0;
  SubnetUsage usage;  ///< over all subnets.
  std::uint64_t book_bytes = 0;
  Hash root{};
  Position views_at = 0;
  Position views_lag = 0;
  Position views_stored = 0;
  std::uint64_t disk_bytes = 0;
};

/// The whole state after a record, replayed.
class PastState {
 public:
  virtual ~PastState() = default;
  virtual Position position() const = 0;
  virtual Instant recorded_at() const = 0;
  virtual std::uint64_t subnets() const = 0;
  virtual std::uint64_t leases() const = 0;
  virtual Hash digest() const = 0;

  struct Row {
    BookLease lease;
    Ipv6Prefix subnet;
  };
  struct Page {
    std::vector<Row> rows;  ///< in key order.
    std::optional<LeaseKey> next;
  };
  virtual Result<Page> page(std::optional<LeaseKey> after, std::size_t limit) = 0;
};

struct BackupReport {
  std::string directory;
  Position records = 0;
  Hash root{};
  bool verified = false;
};

/// A Kea server that the daemon compares its ledger with, and how the last comparison went.
struct KeaServerStatus {
  std::string server;
  std::string control;
  bool reachable = false;
  bool running = false;
  std::uint64_t runs = 0;        ///< that came to their end.
  std::uint64_t failures = 0;    ///< that did not.
  std::string error;             ///< of the last run or look; "" when it was good.
  Instant finished_at = kUnset;  ///< of the last good run.
  double seconds = 0;            ///< that it took.
  /// Of the last good run: leases of the server, and what had to be recorded: those the ledger did not have, those it had
  /// otherwise, those the server has no more.
  std::uint64_t compared = 0;
  std::uint64_t missing = 0;
  std::uint64_t changed = 0;
  std::uint64_t absent = 0;
  std::uint64_t unreadable = 0;  ///< leases that make no sense.
  std::uint64_t refused = 0;     ///< reports that the ledger did not take.
  /// Of all runs.
  std::uint64_t recorded_in_all = 0;
};

/// Thread-safe. Every call answers for the principal that the service was opened for: ERROR_ACCESS_DENIED when his role does
/// not allow it. A daemon that cannot be reached is RPC_S_SERVER_UNAVAILABLE.
class Service {
 public:
  virtual ~Service() = default;

  virtual Result<ServiceInfo> info() = 0;

  // ---- commands: administrators; the refusal of anybody else is recorded ----
  virtual Result<std::vector<Answer>> submit(std::span<const Envelope> commands,
                                             Chain chain = Chain::kEach) = 0;
  virtual Result<std::vector<CommandHandler::Preview>> preview(std::span<const Envelope> commands,
                                                               Chain chain = Chain::kEach) = 0;

  // ---- questions: users ----
  /// The moment in terms of the log.
  virtual Result<AsOf> resolve(const When& when) = 0;
  virtual Result<LeaseAnswer> lease(const LeaseKey& key, const When& when) = 0;
  virtual Result<LeasePage> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                                      const When& when) = 0;
  virtual Result<LeasePage> leases_in(const Ipv6Prefix& prefix, const When& when,
                                      std::optional<LeaseKey> after, std::size_t limit) = 0;
  virtual Result<LeasePage> expiring(Instant from, Instant to, const When& when,
                                     std::size_t limit) = 0;
  /// At when.effective, or at the time that `when` is judged at.
  virtual Result<Holders> who(const Ipv6Address& address, const When& when) = 0;
  virtual Result<SpansAnswer> history(const LeaseKey& key, bool covering, const When& when) = 0;
  virtual Result<SpansAnswer> held_by(const Duid& duid, Instant from, Instant to,
                                      const When& when) = 0;
  virtual Result<SubnetPage> subnets(const When& when, std::optional<Ipv6Prefix> after,
                                     std::size_t limit) = 0;
  virtual Result<SubnetAnswer> subnet(const Ipv6Prefix& prefix, const When& when) = 0;
  /// `subnet` nullopt: of all. ERROR_FILE_NOT_FOUND when there is no such subnet.
  virtual Result<ElementPage> elements(std::optional<Ipv6Prefix> subnet, ElementKind kind,
                                       const When& when, std::uint64_t skip, std::size_t limit) = 0;
  virtual Result<FreeAddresses> free_addresses(const GetFreeAddress& query) = 0;
  virtual Result<Stats> stats() = 0;
  /// The Kea servers of a daemon; none for a directory.
  virtual Result<std::vector<KeaServerStatus>> kea_servers() = 0;

  // ---- the audit log: users ----
  /// The records with their tree.
  virtual const LogReader& log() = 0;
  /// The records that pass, in the filter's direction, until `visit` returns false.
  virtual Status log(const LogFilter& filter, const std::function<bool(const Record&)>& visit) = 0;
  /// The records from `from` on, then each new one as it becomes durable, until `visit` or `idle` returns false. `idle` is
  /// asked at least twice a second while nothing comes, and after every chunk that was visited.
  virtual Status follow(Position from, const std::function<bool(const StoredRecord&)>& visit,
                        const std::function<bool()>& idle) = 0;

  // ---- the past: users ----
  virtual Result<std::unique_ptr<PastState>> state_at(Position position,
                                                      const Progress& progress = {}) = 0;
  virtual Result<Difference> diff(Position from, Position to) = 0;
  virtual Result<VerifyReport> verify(const Progress& progress = {}) = 0;
  virtual Result<ReplayReport> replay(const Progress& progress = {}) = 0;

  // ---- upkeep: administrators ----
  virtual Result<std::vector<std::string>> rebuild_views() = 0;
  /// Begins a comparison with the Kea server of that name, or with all ("") soon. ERROR_NOT_FOUND: there is none.
  virtual Status compare_with_kea(const std::string& server) = 0;
  /// A complete copy in `directory`, which must not exist, verified. On the daemon's machine when there is one.
  virtual Result<BackupReport> backup(const std::string& directory,
                                      const Progress& progress = {}) = 0;
};

/// The position that a position or a recording time stands for.
Result<Position> position_of(Service& service, const When& when);

}  // namespace leaseledger
