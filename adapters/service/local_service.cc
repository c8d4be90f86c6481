#include "adapters/service/local_service.h"

#include <algorithm>
#include <filesystem>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostInPage = 10'000;
/// Lapsed leases are counted up to so many.
constexpr std::size_t kMostLapsed = 100'000;
constexpr auto kFollowRest = std::chrono::milliseconds(250);

class LocalPastState final : public PastState {
 public:
  explicit LocalPastState(LeaseBook book) : book_(std::move(book)), digest_(book_.digest()) {
    keys_.reserve(book_.lease_count());
    book_.for_each([this](const BookLease& lease) { keys_.push_back(lease.lease.key); });
  }

  Position position() const override { return book_.position(); }
  Instant recorded_at() const override { return book_.last_recorded_at(); }
  std::uint64_t subnets() const override { return book_.subnets().size(); }
  std::uint64_t leases() const override { return keys_.size(); }
  Hash digest() const override { return digest_; }

  Result<Page> page(std::optional<LeaseKey> after, std::size_t limit) override {
    auto next = after ? std::ranges::upper_bound(keys_, *after) : keys_.begin();
    limit = std::min(limit, kMostInPage);
    Page out;
    for (; next != keys_.end() && out.rows.size() < limit; ++next) {
      BookLease lease = *book_.find(*next);
      const Ipv6Prefix subnet = book_.find_subnet(lease.lease.subnet_id)->prefix;
      out.rows.push_back({std::move(lease), subnet});
    }
    if (next != keys_.end() && !out.rows.empty()) out.next = out.rows.back().lease.lease.key;
    return out;
  }

 private:
  LeaseBook book_;
  Hash digest_;
  std::vector<LeaseKey> keys_;
};

std::uint32_t count(std::size_t n) { return static_cast<std::uint32_t>(n); }

SubnetRow row_of(const LeaseBook& book, const Subnet& subnet) {
  return {subnet, book.usage(subnet.id), count(book.reservations(subnet.id).size()),
          count(book.exclusions(subnet.id).size()), count(book.pools(subnet.id).size())};
}

class LocalService final : public Service {
 public:
  LocalService(std::shared_ptr<Ledger> ledger, LocalServiceOptions options)
      : ledger_(std::move(ledger)), options_(std::move(options)) {}

  Result<ServiceInfo> info() override {
    ServiceInfo out;
    out.principal = options_.principal.name;
    out.role = options_.principal.role;
    out.version = LEASELEDGER_VERSION;
    out.identity = ledger_->log().identity();
    out.owner = options_.owner;
    out.owner_name = options_.owner_name;
    out.started_at = options_.started_at;
    out.tail = ledger_->tail();
    out.max_batch = HandlerOptions{}.max_batch;
    return out;
  }

  // ---- commands: the handler refuses who may not, and records it ----

  Result<std::vector<Answer>> submit(std::span<const Envelope> commands, Chain chain) override {
    return ledger_->submit(options_.principal, commands, chain);
  }
  Result<std::vector<CommandHandler::Preview>> preview(std::span<const Envelope> commands,
                                                       Chain chain) override {
    return ledger_->preview(options_.principal, commands, chain);
  }

  // ---- questions ----

  Result<AsOf> resolve(const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    return resolved(queries, when);
  }

  Result<LeaseAnswer> lease(const LeaseKey& key, const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LeaseAnswer out;
    LEASELEDGER_ASSIGN(out.as_of, resolved(queries, when));
    LEASELEDGER_ASSIGN(out.lease, queries.lease(key, out.as_of));
    return out;
  }

  Result<LeasePage> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                              const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LeasePage out;
    LEASELEDGER_ASSIGN(out.as_of, resolved(queries, when));
    LEASELEDGER_ASSIGN(out.leases, queries.leases_of(duid, iaid, out.as_of));
    return out;
  }

  Result<LeasePage> leases_in(const Ipv6Prefix& prefix, const When& when,
                              std::optional<LeaseKey> after, std::size_t limit) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LEASELEDGER_ASSIGN(const AsOf as_of, resolved(queries, when));
    return queries.leases_in(prefix, as_of, after, std::min(limit, kMostInPage));
  }

  Result<LeasePage> expiring(Instant from, Instant to, const When& when,
                             std::size_t limit) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LeasePage out;
    LEASELEDGER_ASSIGN(out.as_of, resolved(queries, when));
    LEASELEDGER_ASSIGN(out.leases,
                       queries.expiring(from, to, out.as_of, std::min(limit, kMostInPage)));
    return out;
  }

  Result<Holders> who(const Ipv6Address& address, const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LEASELEDGER_ASSIGN(const AsOf as_of, resolved(queries, when));
    return queries.who(address, as_of.effective.value_or(as_of.judged_at), as_of.known);
  }

  Result<SpansAnswer> history(const LeaseKey& key, bool covering, const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LEASELEDGER_ASSIGN(const AsOf as_of, resolved(queries, when));
    SpansAnswer out{as_of.known, {}};
    LEASELEDGER_ASSIGN(out.spans, queries.history(key, covering, as_of.known));
    return out;
  }

  Result<SpansAnswer> held_by(const Duid& duid, Instant from, Instant to,
                              const When& when) override {
    LEASELEDGER_ASSIGN(const Queries queries, ask(when));
    LEASELEDGER_ASSIGN(const AsOf as_of, resolved(queries, when));
    SpansAnswer out{as_of.known, {}};
    LEASELEDGER_ASSIGN(out.spans, queries.held_by(duid, from, to, as_of.known));
    return out;
  }

  Result<SubnetPage> subnets(const When& when, std::optional<Ipv6Prefix> after,
                             std::size_t limit) override {
    SubnetPage out;
    LEASELEDGER_TRY(with_book(when, [&](const LeaseBook& book, bool /*now*/) {
      out.as_of = book.position();
      const auto all = book.subnets();
      out.total = all.size();
      auto next = all.begin();
      if (after) {
        next = std::ranges::upper_bound(
            all, after->address, {}, [](const Subnet* subnet) { return subnet->prefix.address; });
      }
      limit = std::min(limit, kMostInPage);
      for (; next != all.end() && out.subnets.size() < limit; ++next)
        out.subnets.push_back(row_of(book, **next));
      if (next != all.end() && !out.subnets.empty()) out.next = out.subnets.back().subnet.prefix;
    }));
    return out;
  }

  Result<SubnetAnswer> subnet(const Ipv6Prefix& prefix, const When& when) override {
    SubnetAnswer out;
    LEASELEDGER_TRY(with_book(when, [&](const LeaseBook& book, bool now) {
      out.as_of = book.position();
      const Subnet* found = book.find_subnet(prefix);
      if (found == nullptr) return;
      out.row = row_of(book, *found);
      if (now) {
        out.lapsed = static_cast<std::uint64_t>(
            std::ranges::count_if(book.lapsed(clock().now(), kMostLapsed), [&](const auto& lease) {
              return lease.lease.subnet_id == found->id && lease.lease.state == LeaseState::kActive;
            }));
      }
      if (prefix.length >= 65) {
        const auto& usage = out.row->usage;
        out.free = (prefix.length == 128 ? 1 : 1ULL << (128 - prefix.length)) - usage.active -
                   usage.declined - usage.reserved;
      }
    }));
    return out;
  }

  Result<ElementPage> elements(std::optional<Ipv6Prefix> subnet, ElementKind kind, const When& when,
                               std::uint64_t skip, std::size_t limit) override {
    ElementPage out;
    bool there = true;
    LEASELEDGER_TRY(with_book(when, [&](const LeaseBook& book, bool /*now*/) {
      out.as_of = book.position();
      limit = std::min(limit, kMostInPage);
      const auto add = [&](const Subnet& owner, auto member, const auto& all) {
        for (const auto& each : all) {
          if (out.total++ < skip || out.elements.size() >= limit) continue;
          SubnetElement& element = out.elements.emplace_back();
          element.subnet = owner.prefix;
          element.*member = each;
        }
      };
      const auto add_subnet = [&](const Subnet& owner) {
        switch (kind) {
          case ElementKind::kReservation:
            return add(owner, &SubnetElement::reservation, book.reservations(owner.id));
          case ElementKind::kExclusion:
            return add(owner, &SubnetElement::exclusion, book.exclusions(owner.id));
          case ElementKind::kPool:
            return add(owner, &SubnetElement::pool, book.pools(owner.id));
        }
      };
      if (!subnet) {
        for (const Subnet* each : book.subnets()) add_subnet(*each);
      } else if (const Subnet* found = book.find_subnet(*subnet)) {
        add_subnet(*found);
      } else {
        there = false;
      }
    }));
    if (!there) {
      return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "subnet", subnet->to_string(),
                  "the prefix of a subnet");
    }
    return out;
  }

  Result<FreeAddresses> free_addresses(const GetFreeAddress& query) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    return ledger_->free_addresses(query);
  }

  Result<Stats> stats() override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    const LogReader& log = ledger_->log();
    Stats out;
    out.identity = log.identity();
    out.directory = ledger_->directory().string();
    ledger_->read_book([&](const LeaseBook& book) {
      out.records = book.position();
      out.subnets = book.subnets().size();
      out.leases = book.lease_count();
      for (const Subnet* subnet : book.subnets()) {
        const auto usage = book.usage(subnet->id);
        out.usage.active += usage.active;
        out.usage.declined += usage.declined;
        out.usage.reserved += usage.reserved;
        out.usage.created += usage.created;
        out.usage.renewed += usage.renewed;
        out.usage.released += usage.released;
        out.usage.expired += usage.expired;
        out.usage.deleted += usage.deleted;
      }
      out.book_bytes = book.memory_bytes();
    });
    if (out.records != 0) {
      LEASELEDGER_ASSIGN(const Record first, read_record(log, 1));
      LEASELEDGER_ASSIGN(const Record last, read_record(log, out.records));
      out.first_recorded_at = first.recorded_at;
      out.last_recorded_at = last.recorded_at;
    }
    LEASELEDGER_ASSIGN(const TreeHead head, log.tree_head(out.records));
    out.root = head.root;
    Projector& projector = ledger_->projector();
    LEASELEDGER_TRY(projector.catch_up(out.records));
    out.views_at = projector.position();
    out.views_lag = projector.lag();
    out.views_stored = projector.views()->stored_position();
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(
             ledger_->directory(), fs::directory_options::skip_permission_denied, error);
         entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) break;
      std::error_code gone;  // files come and go meanwhile
      if (entry->is_regular_file(gone)) {
        const auto size = entry->file_size(gone);
        if (!gone) out.disk_bytes += size;
      }
    }
    return out;
  }

  Result<std::vector<KeaServerStatus>> kea_servers() override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    return std::vector<KeaServerStatus>{};
  }

  // ---- the audit log ----

  const LogReader& log() override { return ledger_->log(); }

  Status log(const LogFilter& filter, const std::function<bool(const Record&)>& visit) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    LEASELEDGER_ASSIGN(const Queries queries, ledger_->queries());
    return queries.log(filter, visit);
  }

  Status follow(Position from, const std::function<bool(const StoredRecord&)>& visit,
                const std::function<bool()>& idle) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    const LogReader& log = ledger_->log();
    Position next = std::max<Position>(from, 1);
    for (;;) {
      const Position tail = log.wait(next - 1, kFollowRest);
      bool go_on = true;
      if (tail >= next) {
        LEASELEDGER_TRY(log.read(next, tail, Direction::kForward, [&](const StoredRecord& stored) {
          next = stored.position + 1;
          return go_on = visit(stored);
        }));
      }
      if (!go_on || !idle()) return {};
    }
  }

  // ---- the past ----

  Result<std::unique_ptr<PastState>> state_at(Position position,
                                              const Progress& progress) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    LEASELEDGER_ASSIGN(LeaseBook book, ledger_->book_at(position, progress));
    return std::make_unique<LocalPastState>(std::move(book));
  }
  Result<Difference> diff(Position from, Position to) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    return ledger_->diff(from, to);
  }
  Result<VerifyReport> verify(const Progress& progress) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    return ledger_->verify(progress);
  }
  Result<ReplayReport> replay(const Progress& progress) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    return ledger_->replay(progress);
  }

  // ---- upkeep ----

  Result<std::vector<std::string>> rebuild_views() override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kAdministrator));
    return ledger_->rebuild_views();
  }

  Status compare_with_kea(const std::string& server) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kAdministrator));
    return fail(Win32::kNotFound, ErrorKind::kNotFound, "server", server,
                "a Kea server of a daemon's configuration; this is a directory");
  }

  Result<BackupReport> backup(const std::string& directory, const Progress& progress) override {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kAdministrator));
    LEASELEDGER_TRY(ledger_->backup(directory));
    LEASELEDGER_ASSIGN(const auto copy, Ledger::open(directory, {.read_only = true}));
    LEASELEDGER_ASSIGN(const auto report, copy->verify(progress));
    return BackupReport{directory, report.tail, report.head.root, report.ok()};
  }

 private:
  Clock& clock() { return options_.clock != nullptr ? *options_.clock : system_clock_; }

  /// Views that have what the question needs.
  Result<Queries> ask(const When& when) {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    if (when.at_least > ledger_->tail()) {
      return invalid("at_least", std::to_string(when.at_least),
                     "at most " + std::to_string(ledger_->tail()) + ", the last record");
    }
    return ledger_->queries();
  }

  Result<AsOf> resolved(const Queries& queries, const When& when) {
    if (when.position && when.known_at) {
      return invalid("known_at", format_instant(*when.known_at),
                     "one of a position and a time of recording, not both");
    }
    AsOf out = queries.now(clock().now());
    if (when.position) {
      LEASELEDGER_ASSIGN(out, queries.at_position(*when.position));
    } else if (when.known_at) {
      LEASELEDGER_ASSIGN(out, queries.known_at(*when.known_at));
    }
    if (when.judged_at) out.judged_at = *when.judged_at;
    out.effective = when.effective;
    return out;
  }

  /// The live book, or a past one.
  Status with_book(const When& when, const std::function<void(const LeaseBook&, bool now)>& body) {
    LEASELEDGER_TRY(require_role(options_.principal, Role::kUser));
    if (!when.position && !when.known_at) {
      ledger_->read_book([&](const LeaseBook& book) { body(book, true); });
      return {};
    }
    Position position = when.position.value_or(0);
    if (when.known_at) {
      LEASELEDGER_ASSIGN(position, position_at(ledger_->log(), *when.known_at));
    }
    LEASELEDGER_ASSIGN(const LeaseBook book, ledger_->book_at(position));
    body(book, false);
    return {};
  }

  const std::shared_ptr<Ledger> ledger_;
  const LocalServiceOptions options_;
  SystemClock system_clock_;
};

}  // namespace

std::unique_ptr<Service> make_local_service(std::shared_ptr<Ledger> ledger,
                                            LocalServiceOptions options) {
  return std::make_unique<LocalService>(std::move(ledger), std::move(options));
}

Status require_role(const Principal& principal, Role needed) {
  if (principal.role >= needed) return {};
  return fail(Win32::kAccessDenied, ErrorKind::kDenied, "principal", principal.name,
              std::string(needed == Role::kAdministrator ? "a DHCP administrator"
                                                         : "a DHCP user or administrator") +
                  "; this caller's role is " + std::string(name_of(principal.role)));
}

Result<Position> position_of(Service& service, const When& when) {
  LEASELEDGER_ASSIGN(const AsOf as_of, service.resolve(when));
  return as_of.known;
}

}  // namespace leaseledger
