#include "projections/view_store.h"

#include "ledger/check.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

constexpr const char* kListName = "VIEWS";
constexpr std::array<char, 8> kListMagic = {'L', 'L', 'V', 'L', 'I', 'S', 'T', 1};
/// Files of about one size, to this factor, before they are merged.
constexpr std::size_t kFilesTogether = 16;
/// Segments in memory of about one size before they are merged.
constexpr std::size_t kInMemoryTogether = 8;
/// Only those below so many records: merging is for those that come one by one, the others are merged into files anyway.
constexpr std::size_t kSmall = 8192;

/// Segments of about one size: each class is 16 times the one before.
int size_class(const Segment& segment) {
  return std::max(0, (static_cast<int>(std::bit_width(segment.records())) - 16) / 4);
}

/// The newest segments [first, end) of `all` that are worth merging: kFilesTogether of about one size, or nothing.
std::optional<std::pair<std::size_t, std::size_t>> worth_merging(const Segments& all) {
  std::size_t files = 0;
  while (files < all.size() && !all[files]->in_memory()) ++files;
  for (int wanted = 0; wanted < 16; ++wanted) {
    std::size_t first = files;
    while (first > 0 && size_class(*all[first - 1]) <= wanted) --first;
    if (files - first >= kFilesTogether) return std::pair(first, files);
  }
  return std::nullopt;
}

tl::unexpected<Error> list_damaged(const fs::path& path) {
  return corrupt(path.string(), "", "the list of files as the projector wrote it");
}
/// What the list says.
struct FileList {
  std::vector<std::pair<Position, Position>> segments;
  std::string writer;  // ViewWriter::save()
};

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// In one step, by another name and a rename.
Status write_list(const fs::path& folder, const LedgerKey& ledger, const FileList& list) {
  std::string bytes(kListMagic.data(), kListMagic.size());
  append(bytes, ledger);
  append(bytes, static_cast<std::uint64_t>(list.segments.size()));
  for (const auto& [first, last] : list.segments) {
    append(bytes, first);
    append(bytes, last);
  }
  bytes += list.writer;
  append(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  const fs::path path = folder / kListName;
  const fs::path temporary = path.string() + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return view_io_error(temporary, "open");
  const bool written =
      ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      ::fdatasync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const auto failed = view_io_error(path, "write");
    ::unlink(temporary.c_str());  // there may be no room
    return failed;
  }
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  if (directory >= 0) ::close(directory);
  return synced ? Status{} : view_io_error(folder, "sync");
}

/// nullopt when there is no list: nothing is stored.
Result<std::optional<FileList>> read_list(const fs::path& folder, const LedgerKey& ledger) {
  const fs::path path = folder / kListName;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::error_code error;
    if (!fs::exists(path, error) && !error) return std::optional<FileList>();
    return list_damaged(path);
  }
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  constexpr std::size_t kFixed = 8 + 16 + 8;
  std::uint64_t checksum = 0;
  if (bytes.size() < kFixed + sizeof checksum) return list_damaged(path);
  std::string_view rest(bytes);
  std::memcpy(&checksum, rest.data() + rest.size() - sizeof checksum, sizeof checksum);
  rest.remove_suffix(sizeof checksum);
  if (checksum != XXH3_64bits(rest.data(), rest.size()) ||
      std::memcmp(rest.data(), kListMagic.data(), kListMagic.size()) != 0)
    return list_damaged(path);
  if (std::memcmp(rest.data() + 8, ledger.data(), ledger.size()) != 0)
    return corrupt(path.string(), "", "views of this ledger, not of another one");
  std::uint64_t count = 0;
  std::memcpy(&count, rest.data() + 24, sizeof count);
  rest.remove_prefix(kFixed);
  if (count > rest.size() / 16) return list_damaged(path);
  FileList out;
  for (; count > 0; --count) {
    auto& [first, last] = out.segments.emplace_back();
    std::memcpy(&first, rest.data(), 8);
    std::memcpy(&last, rest.data() + 8, 8);
    rest.remove_prefix(16);
  }
  out.writer = rest;
  return std::optional(std::move(out));
}

/// What a reader sees. Never changes: a new one takes its place.
struct State {
  Segments segments;  // in the order of their positions: those in files, then those in memory
  std::size_t in_memory = 0;  // records
  Position position = 0;
  Position stored = 0;
  std::bitset<129> lengths;
};

}  // namespace

struct ViewStore::Impl {
  fs::path folder;
  LedgerKey ledger_id{};
  bool read_only = false;

  mutable std::mutex mutex;  // guards the pointer alone
  std::shared_ptr<const State> state = std::make_shared<State>();

  // The projector's own: what publish() will show.
  ViewWriter writer;
  Entries staged;
  std::size_t staged_records = 0;

  // Files are listed by one thread at a time: the projector's and the merging one.
  mutable std::mutex files_mutex;
  mutable std::condition_variable files_changed;
  std::string stored_writer;
  bool stopping = false;
  bool merging = false;
  Status merged;
  std::thread merger;
  std::atomic<bool> give_up = false;
  std::atomic<std::uint64_t> written_bytes = 0;

  ~Impl() {
    {
      const std::lock_guard lock(files_mutex);
      stopping = give_up = true;
    }
    files_changed.notify_all();
    if (merger.joinable()) merger.join();
  }

  std::shared_ptr<const State> current() const {
    const std::lock_guard lock(mutex);
    return state;
  }
  /// Makes the next state from the one that holds now. The old one, which may be the last to hold much, goes without the lock.
  void change(const std::function<void(State&)>& body) {
    auto next = std::make_shared<State>();
    std::shared_ptr<const State> old;
    const std::lock_guard lock(mutex);
    *next = *state;
    body(*next);
    old = std::exchange(state, std::move(next));
  }

  Status list(const Segments& segments) {
    FileList files;
    for (const auto& segment : segments) {
      if (!segment->in_memory()) files.segments.emplace_back(segment->first(), segment->last());
    }
    files.writer = stored_writer;
    return write_list(folder, ledger_id, files);
  }
  fs::path path_of(const Segment& segment) const {
    return folder / segment_file_name(segment.first(), segment.last());
  }
  Status load(const FileList& list);
  void remove_unlisted() const;
  /// After a list that could not be written, unless it has been written all the same.
  void remove_if_unlisted(const Segment& segment) const {
    const auto stored = read_list(folder, ledger_id);
    const bool listed =
        !stored || (*stored && std::ranges::find((*stored)->segments,
                                                 std::pair(segment.first(), segment.last())) !=
                                   (*stored)->segments.end());
    std::error_code ignored;
    if (!listed) fs::remove(path_of(segment), ignored);
  }
  void merge_loop();
  Status merge(std::unique_lock<std::mutex>& lock, std::size_t first, std::size_t end);
};

// ---- opening ----------------------------------------------------------------------------------------------------

ViewStore::ViewStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ViewStore::~ViewStore() = default;

Status ViewStore::Impl::load(const FileList& list) {
  LEASELEDGER_ASSIGN(writer, ViewWriter::load(list.writer));
  stored_writer = list.writer;
  Segments segments;
  Position next = 1;
  for (const auto& [first, last] : list.segments) {
    LEASELEDGER_ASSIGN(auto segment,
                       open_segment_file(folder / segment_file_name(first, last), ledger_id));
    if (segment->first() != first || segment->last() != last || first != next || last < first)
      return list_damaged(folder / kListName);
    next = last + 1;
    segments.push_back(std::move(segment));
  }
  if (writer.position() + 1 != next) return list_damaged(folder / kListName);
  change([&](State& to) {
    to.segments = std::move(segments);
    to.position = to.stored = writer.position();
    to.lengths = writer.lengths();
  });
  return {};
}

/// What an end without warning has left behind, or an earlier version.
void ViewStore::Impl::remove_unlisted() const {
  std::error_code ignored;
  const auto seen = current();
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename();
    const bool listed =
        name == kListName || std::ranges::any_of(seen->segments, [&](const auto& s) {
          return path_of(*s).filename() == name;
        });
    if (!listed) fs::remove_all(entry.path(), ignored);
  }
}

Result<std::unique_ptr<ViewStore>> ViewStore::open(fs::path folder, const LedgerKey& ledger_id,
                                                   bool read_only) {
  auto impl = std::make_unique<Impl>();
  impl->folder = std::move(folder);
  impl->ledger_id = ledger_id;
  impl->read_only = read_only;
  std::error_code error;
  if (fs::exists(impl->folder, error)) {
    LEASELEDGER_ASSIGN(const auto list, read_list(impl->folder, ledger_id));
    if (list) LEASELEDGER_TRY(impl->load(*list));
    if (!read_only) impl->remove_unlisted();
  }
  return std::unique_ptr<ViewStore>(new ViewStore(std::move(impl)));
}

Status ViewStore::drop(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error)
    return fail(Win32::kWriteFault, ErrorKind::kIo, folder.string(), error.message(),
                "a directory that can be removed");
  return {};
}

// ---- feeding ----------------------------------------------------------------------------------------------------

Status ViewStore::add(const Record& record) {
  LEASELEDGER_TRY(impl_->writer.add(record, impl_->staged));
  ++impl_->staged_records;
  return {};
}

Status ViewStore::publish() {
  Impl& self = *impl_;
  if (self.staged_records == 0) return {};
  const std::size_t records = std::exchange(self.staged_records, 0);
  const Position last = self.writer.position();
  Entries fresh_entries;
  for (std::size_t i = 0; i < kViews; ++i)
    fresh_entries[i].reserve(self.staged[i].size() + self.staged[i].size() / 8);
  auto fresh = MemorySegment::sort(last - records + 1, last,
                                   std::exchange(self.staged, std::move(fresh_entries)));
  Segments young;  // what takes the place of the newest segments in memory
  young.push_back(std::move(fresh));
  const auto seen = self.current();
  std::size_t kept = seen->segments.size();
  while (young.front()->records() < kSmall) {
    std::size_t same = 0;
    while (same < kept && seen->segments[kept - same - 1]->in_memory() &&
           seen->segments[kept - same - 1]->records() <
               kInMemoryTogether * young.front()->records())
      ++same;
    if (same + 1 < kInMemoryTogether) break;
    young.insert(young.begin(), seen->segments.begin() + static_cast<std::ptrdiff_t>(kept - same),
                 seen->segments.begin() + static_cast<std::ptrdiff_t>(kept));
    LEASELEDGER_ASSIGN(auto together, MemorySegment::merge(young));
    young.assign(1, std::move(together));
    kept -= same;
  }
  const std::size_t replaced = seen->segments.size() - kept;
  self.change([&](State& to) {  // files may have been merged meanwhile: count from the end
    to.segments.resize(to.segments.size() - replaced);
    to.segments.push_back(std::move(young.front()));
    to.in_memory += records;
    to.position = last;
    to.lengths = self.writer.lengths();
  });
  return {};
}

std::size_t ViewStore::unpublished() const { return impl_->staged_records; }
std::size_t ViewStore::unflushed() const { return impl_->current()->in_memory; }

Status ViewStore::flush() {
  Impl& self = *impl_;
  LEASELEDGER_TRY(publish());
  const auto shown = self.current();
  if (self.read_only || shown->in_memory == 0) return {};
  std::error_code error;
  fs::create_directories(self.folder, error);
  Segments young;
  for (const auto& segment : shown->segments) {
    if (segment->in_memory()) young.push_back(segment);
  }
  {
    const std::lock_guard lock(self.files_mutex);
    // For want of room: merging is tried again with what is stored now.
    if (!self.merged && self.merged.error().kind == ErrorKind::kIo) self.merged = {};
    LEASELEDGER_TRY(self.merged);
  }
  LEASELEDGER_ASSIGN(auto file, write_segment_file(self.folder, self.ledger_id, young));
  self.written_bytes += fs::file_size(self.path_of(*file), error);
  std::unique_lock lock(self.files_mutex);
  Segments segments = self.current()->segments;
  segments.resize(segments.size() - young.size());
  segments.push_back(file);
  // Merging lists files too: the old state of the writer belongs to the old files.
  std::string old_writer = std::exchange(self.stored_writer, self.writer.save());
  if (const Status listed = self.list(segments); !listed) {
    self.stored_writer = std::move(old_writer);
    self.remove_if_unlisted(*file);
    return listed;
  }
  self.change([&](State& to) {
    to.segments = segments;
    to.in_memory = 0;
    to.stored = to.position;
  });
  if (worth_merging(segments)) {
    if (!self.merger.joinable()) self.merger = std::thread([&self] { self.merge_loop(); });
    self.merging = true;
    lock.unlock();
    self.files_changed.notify_all();
  }
  return {};
}

void ViewStore::Impl::merge_loop() {
  std::unique_lock lock(files_mutex);
  while (!stopping) {
    const auto range = worth_merging(current()->segments);
    if (!range || !merged) {
      merging = false;
      files_changed.notify_all();
      files_changed.wait(lock);
      continue;
    }
    const Status done = merge(lock, range->first, range->second);
    if (!done && !stopping) merged = done;
  }
  merging = false;
  files_changed.notify_all();
}

/// Files [first, end) become one. The lock is not held while it is written.
Status ViewStore::Impl::merge(std::unique_lock<std::mutex>& lock, std::size_t first,
                              std::size_t end) {
  const auto seen = current();
  const Segments parts(seen->segments.begin() + static_cast<std::ptrdiff_t>(first),
                       seen->segments.begin() + static_cast<std::ptrdiff_t>(end));
  lock.unlock();
  auto file = write_segment_file(folder, ledger_id, parts, [this] { return !give_up; });
  lock.lock();
  if (!file) return tl::unexpected(file.error());
  std::error_code ignored;
  written_bytes += fs::file_size(path_of(**file), ignored);
  // Files are only added behind these meanwhile, and only under the lock.
  Segments listed = current()->segments;
  const auto replace = [&](Segments& segments) {
    const auto begin = segments.begin() + static_cast<std::ptrdiff_t>(first);
    *begin = *file;
    segments.erase(begin + 1, begin + static_cast<std::ptrdiff_t>(end - first));
  };
  replace(listed);
  if (const Status done = list(listed); !done) {
    remove_if_unlisted(**file);
    return done;
  }
  change([&](State& to) { replace(to.segments); });
  for (const auto& part : parts) fs::remove(path_of(*part), ignored);  // who reads goes on
  return {};
}

ViewStore::Figures ViewStore::figures() const {
  Figures out;
  std::error_code ignored;
  for (const auto& segment : impl_->current()->segments) {
    if (segment->in_memory()) continue;
    ++out.segments;
    const auto size = fs::file_size(impl_->path_of(*segment), ignored);
    if (!ignored) out.file_bytes += size;
  }
  out.written_bytes = impl_->written_bytes;
  return out;
}

Status ViewStore::settle() const {
  std::unique_lock lock(impl_->files_mutex);
  impl_->files_changed.wait(lock, [this] { return !impl_->merging; });
  return impl_->merged;
}

// ---- reading ----------------------------------------------------------------------------------------------------

Position ViewStore::position() const { return impl_->current()->position; }
Position ViewStore::stored_position() const { return impl_->current()->stored; }
std::bitset<129> ViewStore::lengths() const { return impl_->current()->lengths; }

namespace {

/// Visits the entries of all cursors in order, until `visit` has enough.
Status visit_merged(std::vector<SegmentCursor>& cursors, Direction direction,
                    const ViewStore::Visitor& visit) {
  const bool forward = direction == Direction::kForward;
  std::erase_if(cursors, [](const SegmentCursor& cursor) { return !cursor.valid(); });
  while (!cursors.empty()) {
    SegmentCursor* next = &cursors.front();
    for (auto& cursor : cursors) {
      if (forward ? cursor.key() < next->key() : cursor.key() > next->key()) next = &cursor;
    }
    if (!visit(next->key(), next->value())) return {};
    LEASELEDGER_TRY(forward ? next->next() : next->prev());
    if (!next->valid()) cursors.erase(cursors.begin() + (next - cursors.data()));
  }
  return {};
}

}  // namespace

Status ViewStore::scan(View view, std::string_view from, const Visitor& visit) const {
  const auto seen = impl_->current();
  std::vector<SegmentCursor> cursors;
  for (const auto& segment : seen->segments) {
    LEASELEDGER_TRY(cursors.emplace_back(*segment, view).seek(from));
  }
  return visit_merged(cursors, Direction::kForward, visit);
}

Status ViewStore::scan_back(View view, std::string_view from, const Visitor& visit) const {
  const auto seen = impl_->current();
  std::vector<SegmentCursor> cursors;
  for (const auto& segment : seen->segments) {
    LEASELEDGER_TRY(cursors.emplace_back(*segment, view).seek_back(from));
  }
  return visit_merged(cursors, Direction::kBackward, visit);
}

Status ViewStore::scan_prefix(View view, std::string_view prefix, Position known,
                              const Visitor& visit) const {
  const auto seen = impl_->current();
  const std::size_t filter = filter_bytes(view);
  const bool filtered = filter != 0 && prefix.size() >= filter;
  std::vector<SegmentCursor> cursors;
  for (const auto& segment : seen->segments) {
    if (segment->first() > known) break;
    if (filtered) {
      LEASELEDGER_ASSIGN(const bool may, segment->may_have(view, prefix.substr(0, filter)));
      if (!may) continue;
    }
    LEASELEDGER_TRY(cursors.emplace_back(*segment, view).seek(prefix));
  }
  return visit_merged(cursors, Direction::kForward,
                      [&](std::string_view key, std::string_view value) {
                        if (!key.starts_with(prefix)) return false;
                        return position_of_key(key) > known || visit(key, value);
                      });
}

Status ViewStore::scan_newest(View view, std::string_view prefix, Position known,
                              const Visitor& visit) const {
  LEASELEDGER_CHECK(prefix.size() + 8 == key_bytes(view));
  const auto seen = impl_->current();
  const std::size_t filter = filter_bytes(view);
  std::string from(prefix);
  for (int i = 7; i >= 0; --i) from += static_cast<char>(known >> (8 * i) & 0xFF);
  for (auto it = seen->segments.rbegin(); it != seen->segments.rend(); ++it) {
    const Segment& segment = **it;
    if (segment.first() > known) continue;
    if (filter != 0) {
      LEASELEDGER_ASSIGN(const bool may, segment.may_have(view, prefix.substr(0, filter)));
      if (!may) continue;
    }
    SegmentCursor cursor(segment, view);
    LEASELEDGER_TRY(cursor.seek_back(from));
    for (; cursor.valid() && cursor.key().starts_with(prefix);) {
      if (!visit(cursor.key(), cursor.value())) return {};
      LEASELEDGER_TRY(cursor.prev());
    }
  }
  return {};
}

// ---- comparing --------------------------------------------------------------------------------------------------

namespace {

void add_all(ViewDigests& out, const Entries& entries) {
  for (std::size_t i = 0; i < kViews; ++i) {
    const View view = static_cast<View>(i);
    const std::string_view all(entries[i]);
    for (std::size_t at = 0; at < all.size(); at += entry_bytes(view))
      out[i].add(all.substr(at, key_bytes(view)),
                 all.substr(at + key_bytes(view), value_bytes(view)));
  }
}

}  // namespace

Result<ViewDigests> ViewStore::digests(Position* position) const {
  const auto seen = impl_->current();
  ViewDigests out;
  for (std::size_t i = 0; i < kViews; ++i) {
    for (const auto& segment : seen->segments) {
      SegmentCursor cursor(*segment, static_cast<View>(i));
      LEASELEDGER_TRY(cursor.seek_first());
      while (cursor.valid()) {
        out[i].add(cursor.key(), cursor.value());
        LEASELEDGER_TRY(cursor.next());
      }
    }
  }
  if (position != nullptr) *position = seen->position;
  return out;
}

Result<ViewDigests> digests_from_log(const EventLog& log, Position position,
                                     const std::function<bool(Position)>& progress) {
  ViewDigests out;
  ViewWriter writer;
  Record record;
  Entries entries;
  Status status;
  LEASELEDGER_TRY(log.read(1, position, Direction::kForward, [&](const StoredRecord& stored) {
    status = decode_fact(stored.bytes, record);
    if (status) status = writer.add(record, entries);
    if (status) add_all(out, entries);
    for (auto& each : entries) each.clear();
    if (status && progress && (stored.position & 0x3FFF) == 0 && !progress(stored.position)) {
      status = fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be let run to its end");
    }
    return status.has_value();
  }));
  LEASELEDGER_TRY(status);
  return out;
}

}  // namespace leaseledger
