#include "adapters/embedded/ledger.h"

#include "ledger/rocksdb_log.h"
#include "projections/projector.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

namespace leaseledger {
namespace {

constexpr auto kLookForSnapshot = std::chrono::milliseconds(500);
constexpr auto kImagePatience = std::chrono::seconds(120);

/// Ids of commands in the views, for the command handler.
class ProjectedIds final : public CommandIds {
 public:
  ProjectedIds(const EventLog& log, const Projector& projector)
      : log_(log), projector_(projector) {}

  Result<std::optional<std::pair<Position, Position>>> find(std::string_view actor,
                                                            const CommandId& id) const override {
    return Queries(log_, projector_.views()).find_command(actor, id);
  }
  Result<std::optional<CommandId>> greatest(std::string_view actor) const override {
    return Queries(log_, projector_.views()).greatest_command(actor);
  }
  Position projected() const override { return projector_.position(); }

 private:
  const EventLog& log_;
  const Projector& projector_;
};

tl::unexpected<Error> read_only_error() {
  return fail(Win32::kAccessDenied, ErrorKind::kDenied, "ledger", "opened to read only",
              "a ledger that may be written to");
}

}  // namespace

struct Ledger::Impl {
  LedgerOptions options;
  SystemClock system_clock;
  std::unique_ptr<RocksdbLog> log;
  std::unique_ptr<Projector> projector;
  std::unique_ptr<ProjectedIds> ids;
  std::unique_ptr<BookSnapshots> snapshots;
  std::optional<LeaseBook> read_only_book;
  std::unique_ptr<CommandHandler> handler;  // after what it borrows
  Position snapshot_at = 0;                 // the keeper's once it runs
  bool closed = false;

  std::mutex keeper_mutex;
  std::condition_variable keeper_wakes;
  bool closing = false;
  std::thread keeper;

  /// Everything above the log: book, views, handler.
  Status start() {
    const auto started = std::chrono::steady_clock::now();
    Clock& clock = options.clock != nullptr ? *options.clock : system_clock;
    snapshots =
        std::make_unique<BookSnapshots>(log->directory().book(), [](const std::string& error) {
          spdlog::warn("book.snapshot_unusable error=\"{}\"", error);
        });
    ProjectorOptions views;
    views.flush_events = options.view_flush_events;
    views.read_only = options.read_only;
    views.on_rebuild = [](const Error& error) {
      spdlog::warn("views.unusable error=\"{}\"", error.to_string());
    };
    // Views beside the book: both read the end of the log. Ids must be found from the first command on, so the views are
    // brought up to the tail before any is taken.
    auto views_ready = std::async(std::launch::async, [&]() -> Status {
      LEASELEDGER_ASSIGN(projector, Projector::open(*log, log->directory().views(), views));
      return options.read_only ? Status{} : projector->catch_up(log->tail());
    });
    LeaseBook book = snapshots->nearest(log->tail());
    snapshot_at = book.position();
    const Status folded = fold(*log, book, log->tail());
    const Status projected = views_ready.get();
    LEASELEDGER_TRY(folded);
    LEASELEDGER_TRY(projected);
    const std::size_t leases = book.lease_count();
    if (options.read_only) {
      read_only_book = std::move(book);
    } else {
      ids = std::make_unique<ProjectedIds>(*log, *projector);
      LEASELEDGER_ASSIGN(
          handler, CommandHandler::start(*log, std::move(book), ids.get(), clock, options.handler));
      projector->start();
      keeper = std::thread([this] { keep_snapshots(); });
    }
    spdlog::debug("ledger.opened directory={} records={} leases={} snapshot={} milliseconds={}",
                  log->directory().path().string(), log->tail(), leases, snapshot_at,
                  std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::steady_clock::now() - started)
                      .count());
    return {};
  }

  /// Saves a snapshot now and then, beside the writer.
  void keep_snapshots() {
    std::unique_lock lock(keeper_mutex);
    auto rest = kLookForSnapshot;
    while (!keeper_wakes.wait_for(lock, rest, [this] { return closing; })) {
      lock.unlock();
      const auto started = std::chrono::steady_clock::now();
      save_snapshot();
      // However many leases there are, most of the disk stays with the log.
      rest = std::max(kLookForSnapshot, std::chrono::duration_cast<std::chrono::milliseconds>(
                                            4 * (std::chrono::steady_clock::now() - started)));
      lock.lock();
    }
  }

  /// Calls `body` with the book as it is now while commands go on: with a copy of it, made beside the writer.
  Status with_copy_of_book(const std::function<Status(const LeaseBook&)>& body) const {
    if (handler == nullptr) return body(*read_only_book);
    std::shared_ptr<BookImage> image;
    // One image at a time: a snapshot may be on its way to the disk.
    for (const auto give_up = std::chrono::steady_clock::now() + kImagePatience;
         image == nullptr;) {
      handler->read_book([&](const LeaseBook& book) { image = book.image(); });
      if (image != nullptr) break;
      if (std::chrono::steady_clock::now() > give_up) {
        return fail(Win32::kBusy, ErrorKind::kBusy, "book", "another copy is being made",
                    "to be asked again later");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::vector<std::uint8_t> octets;
    image->write([&](std::span<const std::uint8_t> bytes) {
      octets.insert(octets.end(), bytes.begin(), bytes.end());
    });
    image.reset();
    LEASELEDGER_ASSIGN(const LeaseBook copy,
                       LeaseBook::load(
                           [&](std::uint64_t offset, std::span<std::uint8_t> out) {
                             if (offset + out.size() > octets.size()) return false;
                             std::memcpy(out.data(), octets.data() + offset, out.size());
                             return true;
                           },
                           octets.size()));
    octets = {};
    return body(copy);
  }

  void save_snapshot() {
    if (handler->tail() < snapshot_at + options.snapshot_every) return;
    std::shared_ptr<BookImage> image;
    Position position = 0;
    handler->read_book([&](const LeaseBook& book) {
      position = book.position();
      const Position after = std::max<Position>(options.snapshot_every, book.lease_count() / 4);
      // after a write error the book is ahead of the log
      if (position >= snapshot_at + after && position == log->tail()) image = book.image();
    });
    if (image == nullptr) return;
    if (const auto saved = snapshots->save(*image); !saved)
      spdlog::warn("book.snapshot_failed error=\"{}\"", saved.error().to_string());
    snapshot_at = position;
  }
};

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Ledger::~Ledger() {
  if (const auto closed = close(); !closed) {
    spdlog::error("ledger.close_failed directory={} error=\"{}\"", directory().string(),
                  closed.error().to_string());
  }
}

Result<std::unique_ptr<Ledger>> Ledger::create(const std::filesystem::path& directory,
                                               LedgerOptions options) {
  RocksdbLogOptions log_options;
  log_options.partition = options.partition;
  auto impl = std::make_unique<Impl>();
  LEASELEDGER_ASSIGN(impl->log, RocksdbLog::create(directory, log_options));
  impl->options = std::move(options);
  LEASELEDGER_TRY(impl->start());
  return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Result<std::unique_ptr<Ledger>> Ledger::open(const std::filesystem::path& directory,
                                             LedgerOptions options) {
  RocksdbLogOptions log_options;
  log_options.partition = options.partition;
  log_options.read_only = options.read_only;
  log_options.witness = options.adopt_head ? WitnessPolicy::kAdopt : WitnessPolicy::kRequire;
  auto impl = std::make_unique<Impl>();
  LEASELEDGER_ASSIGN(impl->log, RocksdbLog::open(directory, log_options));
  impl->options = std::move(options);
  LEASELEDGER_TRY(impl->start());
  return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Status Ledger::close() {
  Impl& self = *impl_;
  if (self.closed || self.log == nullptr) return {};
  self.closed = true;
  Status result;
  const auto keep_first = [&result](const Status& status) {
    if (result && !status) result = status;
  };
  if (self.handler != nullptr) {
    keep_first(self.handler->flush_refusal_counts());
    if (self.keeper.joinable()) {
      {
        const std::lock_guard lock(self.keeper_mutex);
        self.closing = true;
      }
      self.keeper_wakes.notify_all();
      self.keeper.join();
    }
    self.save_snapshot();
  }
  if (self.projector != nullptr) self.projector->stop();
  spdlog::debug("ledger.closed directory={} records={}", directory().string(), self.log->tail());
  return result;
}

Result<std::vector<Answer>> Ledger::submit(const Principal& principal,
                                           std::span<const Envelope> commands, Chain chain) {
  if (impl_->handler == nullptr) return read_only_error();
  return impl_->handler->submit(principal, commands, chain);
}

Result<Answer> Ledger::submit(const Principal& principal, const Envelope& command) {
  if (impl_->handler == nullptr) return read_only_error();
  return impl_->handler->submit(principal, command);
}

void Ledger::submit_async(Principal principal, std::vector<Envelope> commands, Chain chain,
                          CommandHandler::Completion done) {
  if (impl_->handler == nullptr) return done(read_only_error());
  impl_->handler->submit_async(std::move(principal), std::move(commands), chain, std::move(done));
}

Result<std::vector<CommandHandler::Preview>> Ledger::preview(const Principal& principal,
                                                             std::span<const Envelope> commands,
                                                             Chain chain) {
  if (impl_->handler == nullptr) return read_only_error();
  return impl_->handler->preview(principal, commands, chain);
}

const EventLog& Ledger::log() const { return *impl_->log; }
Position Ledger::tail() const { return impl_->log->tail(); }
const std::filesystem::path& Ledger::directory() const { return impl_->log->directory().path(); }

Result<Queries> Ledger::queries() const {
  LEASELEDGER_TRY(impl_->projector->catch_up(impl_->log->tail()));
  return Queries(*impl_->log, impl_->projector->views());
}

void Ledger::read_book(const std::function<void(const LeaseBook&)>& body) const {
  if (impl_->handler != nullptr) {
    impl_->handler->read_book(body);
  } else {
    body(*impl_->read_only_book);
  }
}

Result<FreeAddresses> Ledger::free_addresses(const GetFreeAddress& query) const {
  Result<FreeAddresses> out;
  read_book([&](const LeaseBook& book) { out = get_free_address(book, query); });
  return out;
}

Result<LeaseBook> Ledger::book_at(Position position, const Progress& progress) const {
  return leaseledger::book_at(*impl_->log, impl_->snapshots.get(), position, progress);
}

Result<Difference> Ledger::diff(Position from, Position to) const {
  LEASELEDGER_ASSIGN(const LeaseBook before, book_at(from));
  LEASELEDGER_ASSIGN(const LeaseBook after, book_at(to));
  Difference difference = leaseledger::diff(before, after);
  // A server describes a lease anew with every renewal; only the records say whether it said anything else.
  const auto description_at = [this](Position position) -> Result<std::optional<Description>> {
    LEASELEDGER_ASSIGN(const Record record, read_record(*impl_->log, position));
    const LeaseFact* fact = lease_fact_of(record.event);
    return fact == nullptr ? std::nullopt : fact->description;
  };
  for (auto& lease : difference.leases) {
    if (lease.change != Change::kChanged || std::erase(lease.fields, "description") == 0) continue;
    LEASELEDGER_ASSIGN(const auto was, description_at(lease.before->lease.described));
    LEASELEDGER_ASSIGN(const auto is, description_at(lease.after->lease.described));
    if (was != is) lease.fields.emplace_back("description");
  }
  return difference;
}

Result<VerifyReport> Ledger::verify(const Progress& progress) {
  VerifyReport report;
  // A copy, so that commands are decided meanwhile.
  LEASELEDGER_TRY(impl_->with_copy_of_book([&](const LeaseBook& book) -> Status {
    LEASELEDGER_ASSIGN(report, leaseledger::verify(*impl_->log, &book, progress));
    return {};
  }));
  const auto started = std::chrono::steady_clock::now();
  const auto compared = [&]() -> Result<std::vector<std::string>> {
    LEASELEDGER_TRY(impl_->projector->catch_up(report.tail));
    return impl_->projector->compare_with_log(&report.view_entries);
  }();
  if (!compared) {
    report.findings.push_back({"views", 0, compared.error().to_string()});
  } else {
    for (const auto& view : *compared)
      report.findings.push_back(
          {"views", 0,
           "the view " + view + " is not what the records give; leaseledger repair views"});
  }
  if (const auto stored = impl_->log->verify(); !stored)
    report.findings.push_back({"storage", 0, stored.error().to_string()});
  report.view_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

Result<ReplayReport> Ledger::replay(const Progress& progress) const {
  ReplayReport report;
  LEASELEDGER_TRY(impl_->with_copy_of_book([&](const LeaseBook& book) -> Status {
    LEASELEDGER_ASSIGN(report, leaseledger::replay(*impl_->log, book, progress));
    return {};
  }));
  return report;
}

Result<std::vector<std::string>> Ledger::rebuild_views() { return impl_->projector->rebuild(); }

Projector& Ledger::projector() { return *impl_->projector; }

Status Ledger::backup(const std::filesystem::path& target) {
  return impl_->log->checkpoint(target);
}

}  // namespace leaseledger
