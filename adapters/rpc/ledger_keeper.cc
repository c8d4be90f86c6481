#include "adapters/rpc/ledger_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sys/statvfs.h>

namespace leaseledger::rpc {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kLookAtDisk = std::chrono::milliseconds(500);
constexpr auto kUsersPatience = std::chrono::seconds(30);
constexpr auto kMendRest = std::chrono::seconds(1);
/// A ledger that found no room is not given up for less than this, or for less than this more than did not do the last time:
/// opening it anew has to write, too.
constexpr std::uint64_t kRoomToMend = std::uint64_t{4} << 20;
/// All the same it is tried after so long.
constexpr auto kTryAnyway = std::chrono::seconds(60);

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + "." + std::to_string(((bytes & 0xFFFFF) * 10) >> 20) +
         " MiB";
}

/// Waits until nobody else holds the ledger.
bool only_user(const std::shared_ptr<Ledger>& ledger, Steady::duration patience) {
  for (const auto until = Steady::now() + patience; ledger.use_count() > 1;) {
    if (Steady::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<LedgerKeeper>> LedgerKeeper::open(KeeperOptions options) {
  std::unique_ptr<LedgerKeeper> keeper(new LedgerKeeper(std::move(options)));
  LEASELEDGER_ASSIGN(keeper->ledger_, keeper->open_ledger(false));
  keeper->look_at_disk();
  keeper->thread_ = std::thread([self = keeper.get()] { self->watch(); });
  return keeper;
}

LedgerKeeper::~LedgerKeeper() {
  if (const auto closed = close(); !closed)
    spdlog::error("ledger.close_failed error=\"{}\"", closed.error().to_string());
}

Result<std::shared_ptr<Ledger>> LedgerKeeper::open_ledger(bool read_only) const {
  if (read_only) {
    LedgerOptions options = options_.ledger;
    options.read_only = true;
    LEASELEDGER_ASSIGN(auto opened, Ledger::open(options_.directory, options));
    return std::shared_ptr<Ledger>(std::move(opened));
  }
  auto opened = Ledger::open(options_.directory, options_.ledger);
  if (!opened && opened.error().kind == ErrorKind::kNotFound && options_.create)
    opened = Ledger::create(options_.directory, options_.ledger);
  if (!opened) return tl::unexpected(opened.error());
  return std::shared_ptr<Ledger>(std::move(*opened));
}

Result<std::shared_ptr<Ledger>> LedgerKeeper::for_questions() const {
  const std::lock_guard lock(mutex_);
  if (ledger_ != nullptr) return ledger_;
  return fail(Win32::kBusy, ErrorKind::kBusy, "ledger", "being opened anew",
              "to be asked again in a moment");
}

Result<std::shared_ptr<Ledger>> LedgerKeeper::for_commands() const {
  {
    const std::lock_guard lock(mutex_);
    if (disk_full_) return tl::unexpected(*disk_full_);
    if (failed_) return tl::unexpected(*failed_);
  }
  return for_questions();
}

void LedgerKeeper::noticed(const Error& error) {
  if (error.kind != ErrorKind::kIo) return;
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  spdlog::error("ledger.write_failed error=\"{}\"", error.to_string());
  failed_ = {error.code, ErrorKind::kBusy, "ledger", "a write failed, it is being opened anew",
             "to be asked again in a moment; this was not done"};
  room_to_mend_ = kRoomToMend;
  mend_anyway_ = Steady::now() + kTryAnyway;
  changed_.notify_all();
}

std::optional<Error> LedgerKeeper::trouble() const {
  const std::lock_guard lock(mutex_);
  return disk_full_ ? disk_full_ : failed_;
}

std::uint64_t LedgerKeeper::free_bytes() const {
  const std::lock_guard lock(mutex_);
  return free_bytes_;
}

std::uint64_t LedgerKeeper::leases_expired() const {
  const std::lock_guard lock(mutex_);
  return expired_;
}

Status LedgerKeeper::close() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  const auto ledger = std::exchange(ledger_, nullptr);
  if (ledger == nullptr) return {};
  only_user(ledger, kUsersPatience);
  return ledger->close();
}

// ---- the keeper's thread ---------------------------------------------------------------------------------------------

void LedgerKeeper::watch() {
  auto next_expiry = Steady::now();
  auto next_mend = Steady::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = std::min<Steady::time_point>(
        Steady::now() + kLookAtDisk, options_.expire ? next_expiry : Steady::time_point::max());
    changed_.wait_until(lock, next,
                        [&] { return stopping_ || (failed_ && Steady::now() > next_mend); });
    if (stopping_) return;
    const bool failed = failed_.has_value();
    lock.unlock();
    look_at_disk();
    if (failed && Steady::now() > next_mend) {
      mend();
      next_mend = Steady::now() + kMendRest;
    }
    if (options_.expire && Steady::now() >= next_expiry) {
      expire();
      next_expiry = Steady::now() + options_.expiry_interval;
    }
    lock.lock();
  }
}

void LedgerKeeper::look_at_disk() {
  struct statvfs disk {};
  if (::statvfs(options_.directory.c_str(), &disk) != 0) return;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::lock_guard lock(mutex_);
  free_bytes_ = free;
  if (free < options_.min_free_bytes) {
    if (!disk_full_)
      spdlog::error("disk.full free_bytes={} needed={}", free, options_.min_free_bytes);
    disk_full_ = {Win32::kDiskFull, ErrorKind::kBusy, "disk", mebibytes(free) + " free",
                  "at least " + mebibytes(options_.min_free_bytes) +
                      " free where the ledger is; nothing was done"};
  } else if (disk_full_ && free >= options_.min_free_bytes + options_.min_free_bytes / 8) {
    spdlog::info("disk.has_room_again free_bytes={}", free);
    disk_full_.reset();
  }
}

void LedgerKeeper::expire() {
  static const Principal principal{"leaseledgerd", Role::kAdministrator, "expiry"};
  for (;;) {
    const auto ledger = for_commands();
    if (!ledger) return;
    const ExpireLeases command{options_.expiry_grace, options_.expiry_batch};
    const auto answer = (*ledger)->submit(principal, Envelope{.command = command});
    if (!answer) return noticed(answer.error());
    if (!answer->accepted()) {
      spdlog::warn("expiry.refused error=\"{}\"", answer->error.to_string());
      return;
    }
    const std::uint64_t leases = answer->first == 0 ? 0 : answer->last - answer->first + 1;
    if (leases != 0 && options_.on_expired) options_.on_expired(leases);
    const std::lock_guard lock(mutex_);
    expired_ += leases;
    if (leases < options_.expiry_batch || stopping_) return;
  }
}

/// After a write error: questions go on being answered from what was durable until there is room, then the ledger is opened anew;
/// for reading alone when that does not work yet.
void LedgerKeeper::mend() {
  std::shared_ptr<Ledger> old;
  {
    const std::lock_guard lock(mutex_);
    if (disk_full_) return;
    if (failed_->code == Win32::kDiskFull && free_bytes_ < room_to_mend_ &&
        Steady::now() < mend_anyway_)
      return;
    room_to_mend_ = free_bytes_ + kRoomToMend;
    mend_anyway_ = Steady::now() + kTryAnyway;
    old = std::exchange(ledger_, nullptr);
  }
  if (old != nullptr && !only_user(old, kUsersPatience)) {
    const std::lock_guard lock(mutex_);
    ledger_ = std::move(old);  // somebody reads for long: later
    return;
  }
  if (old != nullptr) {
    (void)old->close();  // it has said what is wrong with it
    old.reset();
  }
  auto opened = open_ledger(false);
  if (!opened) {
    spdlog::error("ledger.reopening_failed error=\"{}\"", opened.error().to_string());
    // Until it works: questions alone.
    auto readable = open_ledger(true);
    if (!readable) {
      spdlog::error("ledger.reading_failed error=\"{}\"", readable.error().to_string());
      return;
    }
    const std::lock_guard lock(mutex_);
    ledger_ = std::move(*readable);
    return;
  }
  const std::lock_guard lock(mutex_);
  ledger_ = std::move(*opened);
  failed_.reset();
  spdlog::info("ledger.reopened records={}", ledger_->tail());
}

}  // namespace leaseledger::rpc
