#include "projections/projector.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

/// Records that readers get to see together: more when there is a long way to go, which costs less for each.
std::size_t publish_every(Position to_go) {
  return static_cast<std::size_t>(std::clamp<Position>(to_go / 4, 512, 65'536));
}

/// How long the follower waits for records, and then for more of them.
constexpr auto kLook = std::chrono::milliseconds(50);
constexpr auto kRest = std::chrono::milliseconds(40);
/// Storing that failed for want of room, or of a disk that works, is tried again after so long.
constexpr auto kStoreAgain = std::chrono::seconds(1);
/// So many times flush_events may wait in memory meanwhile.
constexpr std::size_t kMostUnflushed = 4;

}  // namespace

Projector::Projector(const EventLog& log, fs::path folder, ProjectorOptions options)
    : log_(log), folder_(std::move(folder)), options_(std::move(options)) {}

fs::path Projector::folder_of(std::uint64_t generation) const {
  return folder_ / std::to_string(generation);
}

/// The newest generation of views in the folder, 1 when there is none; older ones are removed unless `read_only`.
std::uint64_t Projector::find_generation() const {
  std::vector<std::uint64_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failed == std::errc{} && end == name.data() + name.size() && number != 0)
      found.push_back(number);
  }
  std::ranges::sort(found);
  if (found.empty()) return 1;
  for (std::size_t i = 0; i + 1 < found.size() && !options_.read_only; ++i)
    fs::remove_all(folder_of(found[i]), error);
  return found.back();
}

Result<std::unique_ptr<Projector>> Projector::open(const EventLog& log, fs::path folder,
                                                   ProjectorOptions options) {
  std::unique_ptr<Projector> self(new Projector(log, std::move(folder), std::move(options)));
  self->generation_ = self->find_generation();
  const fs::path place = self->folder_of(self->generation_);
  const auto& id = log.identity().ledger_id;
  auto store = ViewStore::open(place, id, self->options_.read_only);
  std::optional<Error> unusable;
  if (!store) {
    unusable = store.error();
  } else if ((*store)->position() > log.tail()) {
    unusable = corrupt(place.string(), "position " + std::to_string((*store)->position()),
                       "views of this log, which ends at " + std::to_string(log.tail()))
                   .value();
    store->reset();
  }
  if (unusable) {
    if (self->options_.on_rebuild) self->options_.on_rebuild(*unusable);
    if (self->options_.read_only) {
      store = ViewStore::open(fs::path(), id, true);  // in memory alone
    } else {
      LEASELEDGER_TRY(ViewStore::drop(place));
      store = ViewStore::open(place, id, false);
    }
    if (!store) return tl::unexpected(store.error());
  }
  self->store_ = std::move(*store);
  self->position_ = self->store_->position();
  return self;
}

Projector::~Projector() { stop(); }

void Projector::start() {
  stopping_ = false;
  thread_ = std::thread([this] { follow(); });
}

void Projector::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard state(state_mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  thread_.join();
  flush_idle();
}

void Projector::follow() {
  for (;;) {
    const Position known = position();
    const Position tail = log_.wait(known, kLook);
    if (tail > known) {
      if (!catch_up(tail)) return;
    } else {
      flush_idle();
    }
    // Many records at a time cost less for each. Whoever cannot wait says so.
    std::unique_lock state(state_mutex_);
    wanted_.wait_for(state, kRest, [this] { return stopping_ || wanted_position_ > position_; });
    if (stopping_) return;
  }
}

void Projector::flush_idle() {
  const std::lock_guard lock(mutex_);
  if (!status() || options_.read_only ||
      store_->unflushed() < std::min(options_.idle_flush_events, options_.flush_events))
    return;
  const Status flushed = store_or_wait(*store_);
  const std::lock_guard state(state_mutex_);
  if (status_) status_ = flushed;
}

/// A flush that may fail for the disk: what is in memory stays there and is read from there, and is stored later. Only with far
/// too much in memory is that an error.
Status Projector::store_or_wait(ViewStore& store) {
  const bool far_over = store.unflushed() / kMostUnflushed >= options_.flush_events;
  {
    const std::lock_guard state(state_mutex_);
    if (!storing_ && !far_over && std::chrono::steady_clock::now() < store_again_) return {};
  }
  const Status flushed = store.flush();
  const bool for_later = !flushed && flushed.error().kind == ErrorKind::kIo;
  {
    const std::lock_guard state(state_mutex_);
    storing_ = flushed;
    store_again_ = std::chrono::steady_clock::now() + kStoreAgain;
  }
  return for_later && !far_over ? Status{} : flushed;
}

Status Projector::feed(ViewStore& store, Position to) {
  Record record;
  Status status;
  const std::size_t together =
      std::min(publish_every(to - std::min(to, store.position())), options_.flush_events);
  const auto scanned =
      log_.read(store.position() + 1, to, Direction::kForward, [&](const StoredRecord& stored) {
        status = decode_fact(stored.bytes, record);
        if (status && record.position != stored.position) {
          status = corrupt("record at position", std::to_string(stored.position),
                           "its own position inside, not " + std::to_string(record.position));
        }
        if (status) status = store.add(record);
        if (status && store.unpublished() >= together) {
          status = store.publish();
          if (status && store.unflushed() >= options_.flush_events) status = store_or_wait(store);
        }
        return status.has_value();
      });
  const Status published = store.publish();  // also what came before an error
  LEASELEDGER_TRY(status);
  LEASELEDGER_TRY(published);
  return scanned;
}

Status Projector::catch_up(Position position) {
  const std::lock_guard lock(mutex_);
  if (position_ >= position) return status();
  Status fed = status();
  if (fed) fed = feed(*store_, position);
  const std::lock_guard state(state_mutex_);
  position_ = store_->position();
  if (status_) status_ = fed;
  moved_.notify_all();
  return status_;
}

Status Projector::wait_for(Position position, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(state_mutex_);
  if (position > position_) {
    wanted_position_ = std::max(wanted_position_, position);
    wanted_.notify_all();
  }
  const bool there =
      moved_.wait_for(lock, timeout, [&] { return position_ >= position || !status_; });
  if (!status_) return status_;
  if (there) return {};
  return fail(Win32::kTimeout, ErrorKind::kBusy, "position", std::to_string(position),
              "views that are not so far behind, they are at " + std::to_string(position_));
}

Position Projector::position() const {
  const std::lock_guard lock(state_mutex_);
  return position_;
}

Position Projector::lag() const {
  const Position tail = log_.tail();
  return tail - std::min(tail, position());
}

Status Projector::status() const {
  const std::lock_guard lock(state_mutex_);
  return status_;
}

Status Projector::storing() const {
  const std::lock_guard lock(state_mutex_);
  return storing_;
}

Status Projector::flush() {
  const std::lock_guard lock(mutex_);
  const Status flushed = store_->flush();
  const std::lock_guard state(state_mutex_);
  storing_ = flushed;
  return flushed;
}

std::shared_ptr<const ViewStore> Projector::views() const {
  const std::lock_guard lock(state_mutex_);
  return store_;
}

Result<std::vector<std::string>> Projector::rebuild() {
  const std::uint64_t generation = generation_ + 1;
  LEASELEDGER_TRY(ViewStore::drop(folder_of(generation)));
  LEASELEDGER_ASSIGN(auto opened,
                     ViewStore::open(folder_of(generation), log_.identity().ledger_id, false));
  std::shared_ptr<ViewStore> fresh = std::move(opened);
  LEASELEDGER_TRY(
      feed(*fresh, log_.tail()));  // most of the way, while the old views go on being fed

  const std::lock_guard lock(mutex_);
  LEASELEDGER_TRY(feed(*fresh, std::max(log_.tail(), store_->position())));
  const Status old_fed = feed(*store_, fresh->position());
  const auto old_digests = store_->digests();
  LEASELEDGER_ASSIGN(const auto new_digests, fresh->digests());
  std::vector<std::string> differing;
  for (std::size_t i = 0; i < kViews; ++i) {
    if (!old_fed || !old_digests || (*old_digests)[i] != new_digests[i])
      differing.emplace_back(name_of(static_cast<View>(i)));
  }
  LEASELEDGER_TRY(fresh->flush());
  std::shared_ptr<ViewStore> old = fresh;
  {
    const std::lock_guard state(state_mutex_);
    std::swap(store_, old);
    position_ = store_->position();
    status_ = storing_ = {};
    moved_.notify_all();
  }
  const std::uint64_t old_generation = std::exchange(generation_, generation);
  // Somebody may still be reading the old ones; then they are removed at the next opening.
  if (old.use_count() == 1) {
    old.reset();
    LEASELEDGER_TRY(ViewStore::drop(folder_of(old_generation)));
  }
  return differing;
}

Result<std::vector<std::string>> Projector::compare_with_log(
    std::uint64_t* entries, const std::function<bool(Position)>& progress) const {
  const auto store = views();
  Position position = 0;
  LEASELEDGER_ASSIGN(const auto stored, store->digests(&position));
  LEASELEDGER_ASSIGN(const auto wanted, digests_from_log(log_, position, progress));
  std::vector<std::string> differing;
  for (std::size_t i = 0; i < kViews; ++i) {
    if (entries != nullptr) *entries += stored[i].entries;
    if (stored[i] != wanted[i]) differing.emplace_back(name_of(static_cast<View>(i)));
  }
  return differing;
}

}  // namespace leaseledger
