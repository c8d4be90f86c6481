#include "projections/view_store.h"

#include "projections/view_runs.h"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

// followed by the position, big-endian: each flush adds one
constexpr std::string_view kWatermark = "watermark";

Error store_error(const fs::path& folder, const rocksdb::Status& status) {
  const bool damaged = status.IsCorruption() || status.IsNotFound() || status.IsInvalidArgument();
  return {damaged ? Win32::kFileCorrupt : Win32::kIoDevice,
          damaged ? ErrorKind::kCorrupt : ErrorKind::kIo, folder.string(), "",
          "views that can be read and written: " + status.ToString()};
}

/// Octets of a kCommandIds key before its position.
constexpr std::size_t kCommandIdPrefix = 24;

rocksdb::ColumnFamilyOptions family_options(std::optional<View> view = {}) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  if (view == View::kCommandIds) {
    // Nearly every id that is looked up is new: a filter over the keys without their position says so without a read.
    options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kCommandIdPrefix));
    table.whole_key_filtering = false;
  }
  table.block_size = 16 * 1024;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

rocksdb::DBOptions db_options() {
  rocksdb::DBOptions options;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1 << 20;
  options.use_direct_io_for_flush_and_compaction = true;
  options.paranoid_checks = true;
  return options;
}

std::string watermark_key(Position position) {
  std::string out(kWatermark);
  for (int i = 7; i >= 0; --i) out += static_cast<char>(position >> (8 * i) & 0xFF);
  return out;
}

/// Reads from `from` on; for a whole id only what begins with it, which the filter can answer.
rocksdb::ReadOptions read_options(View view, std::string_view from) {
  rocksdb::ReadOptions options;
  const bool one_id = view == View::kCommandIds && from.size() == kCommandIdPrefix;
  options.total_order_seek = !one_id;
  options.prefix_same_as_start = one_id;
  return options;
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view_of(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

}  // namespace

/// What a reader sees. Never changes: a new one takes its place.
struct State {
  std::array<ViewRuns, kViews> runs;                  // what is not in files
  std::size_t records = 0;                            // that made them
  bool in_files = false;                              // there is a store
  std::shared_ptr<const rocksdb::Snapshot> snapshot;  // of the store; null when that cannot grow
  Position position = 0;
  Position stored = 0;
  std::bitset<129> lengths;
};

/// Debian's RocksDB has its assertions on, and one of them stands before the checksum of a table's properties: damage there
/// ends the program. So the program leaves a mark while it opens a store; when two have died with it in a row, the store is
/// not opened again. Once could be a coincidence: a program that was killed.
class OpeningMark {
 public:
  static fs::path path_of(const fs::path& folder) { return folder.string() + ".opening"; }

  explicit OpeningMark(const fs::path& folder) : path_(path_of(folder)) {
    std::error_code none;
    const auto size = fs::file_size(path_, none);
    died_before_ = none ? 0 : size;
    std::ofstream(path_, std::ios::app) << '.';
  }
  ~OpeningMark() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  OpeningMark(const OpeningMark&) = delete;
  OpeningMark& operator=(const OpeningMark&) = delete;
  std::uintmax_t died_before() const { return died_before_; }

 private:
  fs::path path_;
  std::uintmax_t died_before_ = 0;
};

struct ViewStore::Impl {
  fs::path folder;
  std::array<std::uint8_t, 16> ledger_id{};
  bool read_only = false;

  // Made at the first flush, then constant; readers go by State::in_files.
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // default, then one for each view

  mutable std::mutex mutex;  // guards the pointer alone
  std::shared_ptr<const State> state = std::make_shared<State>();

  // The projector's own: what publish() will show.
  ViewWriter writer;
  std::array<RunBuilder, kViews> staged;
  std::size_t staged_records = 0;

  std::shared_ptr<const State> current() const {
    const std::lock_guard lock(mutex);
    return state;
  }
  void show(std::shared_ptr<const State> next) {
    const std::lock_guard lock(mutex);
    state.swap(next);
  }  // the old one, which may be the last to hold much memory, goes without the lock

  std::shared_ptr<const rocksdb::Snapshot> take_snapshot() const {
    if (read_only) return nullptr;
    return {db->GetSnapshot(),
            [from = db.get()](const rocksdb::Snapshot* held) { from->ReleaseSnapshot(held); }};
  }

  Status scan(const State& seen, View view, std::string_view from, Direction direction,
              const Visitor& visit) const;

  ~Impl() {
    for (auto* family : families) delete family;
    families.clear();
  }

  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors() const {
    std::vector<rocksdb::ColumnFamilyDescriptor> out = {
        {rocksdb::kDefaultColumnFamilyName, family_options()}};
    for (std::size_t i = 0; i < kViews; ++i)
      out.emplace_back(std::string(name_of(static_cast<View>(i))),
                       family_options(static_cast<View>(i)));
    return out;
  }

  rocksdb::ColumnFamilyHandle* family(View view) const {
    return families[1 + static_cast<std::size_t>(view)];
  }

  Status open_db(bool create) {
    rocksdb::DBOptions options = db_options();
    options.create_if_missing = options.create_missing_column_families = create;
    rocksdb::DB* raw = nullptr;
    const auto status =
        read_only
            ? rocksdb::DB::OpenForReadOnly(options, folder.string(), descriptors(), &families, &raw)
            : rocksdb::DB::Open(options, folder.string(), descriptors(), &families, &raw);
    if (!status.ok()) return tl::unexpected(store_error(folder, status));
    db.reset(raw);
    return {};
  }

  /// The newest watermark: ledger id and the writer's state.
  Status load_watermark() {
    std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), families[0]));
    it->SeekToLast();
    if (!it->status().ok()) return tl::unexpected(store_error(folder, it->status()));
    if (!it->Valid()) return {};
    const auto value = view_of(it->value());
    const std::string_view id(reinterpret_cast<const char*>(ledger_id.data()), ledger_id.size());
    if (value.substr(0, id.size()) != id)
      return corrupt(folder.string(), "", "views of this ledger, not of another one");
    LEASELEDGER_ASSIGN(writer, ViewWriter::load(value.substr(id.size())));
    return {};
  }

  /// What the files hold, as the writer's state says.
  void show_files() {
    auto next = std::make_shared<State>();
    next->in_files = true;
    next->snapshot = take_snapshot();
    next->stored = next->position = writer.position();
    next->lengths = writer.lengths();
    show(std::move(next));
  }

  Status write_file(const std::string& path, const ViewRun& run, std::optional<View> view = {}) {
    rocksdb::Options options(db_options(), family_options(view));
    rocksdb::SstFileWriter file(rocksdb::EnvOptions(), options);
    auto status = file.Open(path);
    for (auto it = run.entries.begin(); status.ok() && it != run.entries.end(); ++it)
      status = file.Put(slice(it->key()), slice(it->value()));
    if (status.ok()) status = file.Finish();
    if (!status.ok()) return tl::unexpected(store_error(folder, status));
    return {};
  }
};

ViewStore::ViewStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ViewStore::~ViewStore() = default;

Result<std::unique_ptr<ViewStore>> ViewStore::open(fs::path folder,
                                                   const std::array<std::uint8_t, 16>& ledger_id,
                                                   bool read_only) {
  auto impl = std::make_unique<Impl>();
  impl->folder = std::move(folder);
  impl->ledger_id = ledger_id;
  impl->read_only = read_only;
  std::error_code error;
  if (fs::exists(impl->folder, error) && !fs::is_empty(impl->folder, error)) {
    std::optional<OpeningMark> mark;
    if (!read_only) mark.emplace(impl->folder);
    if (mark && mark->died_before() >= 2)
      return corrupt(impl->folder.string(), "",
                     "views that can be opened: two programs in a row died of it");
    LEASELEDGER_TRY(impl->open_db(false));
    LEASELEDGER_TRY(impl->load_watermark());
    impl->show_files();
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

Status ViewStore::add(const Record& record) {
  LEASELEDGER_TRY(
      impl_->writer.add(record, [this](View view, std::string_view key, std::string_view value) {
        impl_->staged[static_cast<std::size_t>(view)].add(key, value);
      }));
  ++impl_->staged_records;
  return {};
}

void ViewStore::publish() {
  Impl& self = *impl_;
  if (self.staged_records == 0) return;
  auto next = std::make_shared<State>(*self.current());
  for (std::size_t i = 0; i < kViews; ++i) {
    if (!self.staged[i].empty()) add_run(next->runs[i], self.staged[i].take());
  }
  next->records += std::exchange(self.staged_records, 0);
  next->position = self.writer.position();
  next->lengths = self.writer.lengths();
  self.show(std::move(next));
}

std::size_t ViewStore::unpublished() const { return impl_->staged_records; }
std::size_t ViewStore::unflushed() const { return impl_->current()->records; }

Status ViewStore::flush() {
  Impl& self = *impl_;
  publish();
  const auto shown = self.current();
  if (self.read_only || shown->records == 0) return {};
  if (self.db == nullptr) {
    std::error_code error;
    fs::create_directories(self.folder, error);
    LEASELEDGER_TRY(self.open_db(true));
  }
  std::vector<rocksdb::IngestExternalFileArg> files;
  const auto write = [&](rocksdb::ColumnFamilyHandle* family, std::string_view name,
                         const ViewRun& run, std::optional<View> view) -> Status {
    const fs::path path = self.folder / ("ingest-" + std::string(name) + ".sst");
    // Ingested files are moved by linking them: one that is left from a flush that was cut short may be a table of the
    // store by now, and writing into it would damage that.
    std::error_code ignored;
    fs::remove(path, ignored);
    LEASELEDGER_TRY(self.write_file(path.string(), run, view));
    rocksdb::IngestExternalFileArg& arg = files.emplace_back();
    arg.column_family = family;
    arg.external_files = {path.string()};
    arg.options.move_files = true;
    arg.options.failed_move_fall_back_to_copy = true;
    arg.options.allow_global_seqno = true;
    return {};
  };
  for (std::size_t i = 0; i < kViews; ++i) {
    if (shown->runs[i].empty()) continue;
    const View view = static_cast<View>(i);
    LEASELEDGER_TRY(write(self.family(view), name_of(view), *merge_runs(shown->runs[i]), view));
  }
  RunBuilder watermark;
  watermark.add(
      watermark_key(self.writer.position()),
      std::string(reinterpret_cast<const char*>(self.ledger_id.data()), self.ledger_id.size()) +
          self.writer.save());
  LEASELEDGER_TRY(write(self.families[0], kWatermark, *watermark.take(), {}));
  if (const auto status = self.db->IngestExternalFiles(files); !status.ok())
    return tl::unexpected(store_error(self.folder, status));
  self.show_files();
  return {};
}

Position ViewStore::position() const { return impl_->current()->position; }
Position ViewStore::stored_position() const { return impl_->current()->stored; }
std::bitset<129> ViewStore::lengths() const { return impl_->current()->lengths; }

Status ViewStore::scan(View view, std::string_view from, const Visitor& visit) const {
  return impl_->scan(*impl_->current(), view, from, Direction::kForward, visit);
}

Status ViewStore::scan_back(View view, std::string_view from, const Visitor& visit) const {
  return impl_->scan(*impl_->current(), view, from, Direction::kBackward, visit);
}

Status ViewStore::Impl::scan(const State& seen, View view, std::string_view from,
                             Direction direction, const Visitor& visit) const {
  const bool forward = direction == Direction::kForward;
  struct Cursor {
    const RunEntry* at;  // the next entry to visit is this one, or backwards the one before
    const RunEntry* end;
  };
  std::vector<Cursor> cursors;
  for (const auto& run : seen.runs[static_cast<std::size_t>(view)]) {
    const RunEntry* first = run->entries.data();
    const RunEntry* last = first + run->entries.size();
    const Cursor cursor =
        forward ? Cursor{std::ranges::lower_bound(first, last, from, {}, &RunEntry::key), last}
                : Cursor{std::ranges::upper_bound(first, last, from, {}, &RunEntry::key), first};
    if (cursor.at != cursor.end) cursors.push_back(cursor);
  }
  std::unique_ptr<rocksdb::Iterator> stored;
  if (seen.in_files) {
    rocksdb::ReadOptions options = read_options(view, from);
    options.snapshot = seen.snapshot.get();
    stored.reset(db->NewIterator(options, family(view)));
    forward ? stored->Seek(slice(from)) : stored->SeekForPrev(slice(from));
  }
  for (;;) {
    Cursor* memory = nullptr;
    std::string_view key;
    for (auto& cursor : cursors) {
      const std::string_view each = (forward ? cursor.at : cursor.at - 1)->key();
      if (memory == nullptr || (forward ? each < key : each > key)) {
        memory = &cursor;
        key = each;
      }
    }
    const bool in_store = stored != nullptr && stored->Valid();
    // Before anything else is visited: what cannot be read is not the same as nothing.
    if (stored != nullptr && !in_store && !stored->status().ok())
      return tl::unexpected(store_error(folder, stored->status()));
    if (memory == nullptr && !in_store) return {};
    const bool from_store =
        in_store && (memory == nullptr ||
                     (forward ? view_of(stored->key()) < key : view_of(stored->key()) > key));
    if (from_store) {
      if (!visit(view_of(stored->key()), view_of(stored->value()))) return {};
      forward ? stored->Next() : stored->Prev();
    } else {
      if (!visit(key, (forward ? memory->at : memory->at - 1)->value())) return {};
      forward ? ++memory->at : --memory->at;
      if (memory->at == memory->end) cursors.erase(cursors.begin() + (memory - cursors.data()));
    }
  }
}

Result<ViewDigests> ViewStore::digests(Position* position) const {
  const auto seen = impl_->current();
  ViewDigests out;
  for (std::size_t i = 0; i < kViews; ++i) {
    LEASELEDGER_TRY(impl_->scan(*seen, static_cast<View>(i), "", Direction::kForward,
                                [&](std::string_view key, std::string_view value) {
                                  out[i].add(key, value);
                                  return true;
                                }));
  }
  if (position != nullptr) *position = seen->position;
  return out;
}

Result<ViewDigests> digests_from_log(const EventLog& log, Position position,
                                     const std::function<bool(Position)>& progress) {
  ViewDigests out;
  ViewWriter writer;
  Record record;
  Status status;
  const ViewWriter::Sink sink = [&out](View view, std::string_view key, std::string_view value) {
    out[static_cast<std::size_t>(view)].add(key, value);
  };
  LEASELEDGER_TRY(log.read(1, position, Direction::kForward, [&](const StoredRecord& stored) {
    status = decode_record(stored.bytes, record);
    if (status) status = writer.add(record, sink);
    if (status && progress && (stored.position & 0x3FFF) == 0 && !progress(stored.position)) {
      status = fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be let run to its end");
    }
    return status.has_value();
  }));
  LEASELEDGER_TRY(status);
  return out;
}

}  // namespace leaseledger
