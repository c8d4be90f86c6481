#include "projections/view_store.h"

#include "ledger/check.h"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

// followed by the position, big-endian: each flush adds one
constexpr std::string_view kWatermark = "watermark";

using Overlay = std::array<std::map<std::string, std::string, std::less<>>, kViews>;

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

struct ViewStore::Impl {
  fs::path folder;
  std::array<std::uint8_t, 16> ledger_id{};
  bool read_only = false;

  // The store: made at the first flush, then constant. Guarded by mutex_ like the rest.
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // default, then one for each view

  mutable std::shared_mutex mutex;
  Overlay overlay;
  std::size_t overlay_records = 0;
  Position position = 0;
  std::bitset<129> lengths;
  Position stored = 0;

  // The projector's own, without the lock: what publish() will show.
  struct Staged {
    View view;
    std::string key;
    std::string value;
  };
  ViewWriter writer;
  std::vector<Staged> staged;
  std::size_t staged_records = 0;

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
    stored = position = writer.position();
    lengths = writer.lengths();
    return {};
  }

  Status write_file(const std::string& path, const auto& entries, std::optional<View> view = {}) {
    rocksdb::Options options(db_options(), family_options(view));
    rocksdb::SstFileWriter file(rocksdb::EnvOptions(), options);
    auto status = file.Open(path);
    for (auto it = entries.begin(); status.ok() && it != entries.end(); ++it)
      status = file.Put(it->first, it->second);
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
    LEASELEDGER_TRY(impl->open_db(false));
    LEASELEDGER_TRY(impl->load_watermark());
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
  LEASELEDGER_TRY(impl_->writer.add(record, [this](View view, std::string key, std::string value) {
    impl_->staged.push_back({view, std::move(key), std::move(value)});
  }));
  ++impl_->staged_records;
  return {};
}

void ViewStore::publish() {
  Impl& self = *impl_;
  const std::unique_lock lock(self.mutex);
  for (auto& entry : self.staged) {
    self.overlay[static_cast<std::size_t>(entry.view)].insert_or_assign(std::move(entry.key),
                                                                        std::move(entry.value));
  }
  self.staged.clear();
  self.overlay_records += std::exchange(self.staged_records, 0);
  self.position = self.writer.position();
  self.lengths = self.writer.lengths();
}

std::size_t ViewStore::unpublished() const { return impl_->staged_records; }

std::size_t ViewStore::unflushed() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->overlay_records;
}

Status ViewStore::flush() {
  Impl& self = *impl_;
  publish();
  if (self.read_only || self.overlay_records == 0) return {};
  if (self.db == nullptr) {
    std::error_code error;
    fs::create_directories(self.folder, error);
    const std::unique_lock lock(self.mutex);
    LEASELEDGER_TRY(self.open_db(true));
  }
  // Only this thread changes the overlay, so it can be read here without the lock while readers go on.
  std::vector<rocksdb::IngestExternalFileArg> files;
  const auto ingest_later = [&](rocksdb::ColumnFamilyHandle* family, std::string path) {
    rocksdb::IngestExternalFileArg& arg = files.emplace_back();
    arg.column_family = family;
    arg.external_files = {std::move(path)};
    arg.options.move_files = true;
    arg.options.failed_move_fall_back_to_copy = true;
    arg.options.allow_global_seqno = true;
  };
  // Ingested files are moved by linking them: one that is left from a flush that was cut short may be a table of the store
  // by now, and writing into it would damage that.
  const auto path_of = [&](std::string_view name) {
    const fs::path path = self.folder / ("ingest-" + std::string(name) + ".sst");
    std::error_code ignored;
    fs::remove(path, ignored);
    return path.string();
  };
  for (std::size_t i = 0; i < kViews; ++i) {
    if (self.overlay[i].empty()) continue;
    const auto path = path_of(name_of(static_cast<View>(i)));
    LEASELEDGER_TRY(self.write_file(path, self.overlay[i], static_cast<View>(i)));
    ingest_later(self.families[1 + i], path);
  }
  const std::string value =
      std::string(reinterpret_cast<const char*>(self.ledger_id.data()), self.ledger_id.size()) +
      self.writer.save();
  const auto watermark = path_of(kWatermark);
  LEASELEDGER_TRY(self.write_file(watermark, std::map<std::string, std::string>{
                                                 {watermark_key(self.writer.position()), value}}));
  ingest_later(self.families[0], watermark);
  if (const auto status = self.db->IngestExternalFiles(files); !status.ok())
    return tl::unexpected(store_error(self.folder, status));
  const std::unique_lock lock(self.mutex);
  for (auto& entries : self.overlay) entries.clear();
  self.overlay_records = 0;
  self.stored = self.writer.position();
  return {};
}

Position ViewStore::position() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->position;
}

Position ViewStore::stored_position() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->stored;
}

std::bitset<129> ViewStore::lengths() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->lengths;
}

// While a flush is between its ingestion and the clearing of the overlay, an entry is in both; it is visited once.
Status ViewStore::scan(View view, std::string_view from, const Visitor& visit) const {
  const std::shared_lock lock(impl_->mutex);
  const auto& entries = impl_->overlay[static_cast<std::size_t>(view)];
  auto memory = entries.lower_bound(from);
  std::unique_ptr<rocksdb::Iterator> stored;
  if (impl_->db != nullptr) {
    stored.reset(impl_->db->NewIterator(read_options(view, from), impl_->family(view)));
    stored->Seek(slice(from));
  }
  for (;;) {
    const bool in_memory = memory != entries.end();
    const bool in_store = stored != nullptr && stored->Valid();
    // Before anything else is visited: what cannot be read is not the same as nothing.
    if (stored != nullptr && !in_store && !stored->status().ok())
      return tl::unexpected(store_error(impl_->folder, stored->status()));
    if (!in_memory && !in_store) break;
    const int order = !in_store ? -1
                      : !in_memory
                          ? 1
                          : std::string_view(memory->first).compare(view_of(stored->key()));
    if (!(order <= 0 ? visit(memory->first, memory->second)
                     : visit(view_of(stored->key()), view_of(stored->value()))))
      return {};
    if (order <= 0) ++memory;
    if (order >= 0) stored->Next();
  }
  return {};
}

Status ViewStore::scan_back(View view, std::string_view from, const Visitor& visit) const {
  const std::shared_lock lock(impl_->mutex);
  const auto& entries = impl_->overlay[static_cast<std::size_t>(view)];
  auto memory = entries.upper_bound(from);  // the entry to visit is the one before
  std::unique_ptr<rocksdb::Iterator> stored;
  if (impl_->db != nullptr) {
    stored.reset(impl_->db->NewIterator(read_options(view, from), impl_->family(view)));
    stored->SeekForPrev(slice(from));
  }
  for (;;) {
    const bool in_memory = memory != entries.begin();
    const bool in_store = stored != nullptr && stored->Valid();
    // Before anything else is visited: what cannot be read is not the same as nothing.
    if (stored != nullptr && !in_store && !stored->status().ok())
      return tl::unexpected(store_error(impl_->folder, stored->status()));
    if (!in_memory && !in_store) break;
    const auto before = in_memory ? std::prev(memory) : memory;
    const int order = !in_store ? 1
                      : !in_memory
                          ? -1
                          : std::string_view(before->first).compare(view_of(stored->key()));
    if (!(order >= 0 ? visit(before->first, before->second)
                     : visit(view_of(stored->key()), view_of(stored->value()))))
      return {};
    if (order >= 0) memory = before;
    if (order <= 0) stored->Prev();
  }
  return {};
}

Result<ViewDigests> ViewStore::digests() const {
  ViewDigests out;
  for (std::size_t i = 0; i < kViews; ++i) {
    LEASELEDGER_TRY(
        scan(static_cast<View>(i), "", [&](std::string_view key, std::string_view value) {
          out[i].add(key, value);
          return true;
        }));
  }
  return out;
}

Result<ViewDigests> digests_from_log(const EventLog& log, Position position,
                                     const std::function<bool(Position)>& progress) {
  ViewDigests out;
  ViewWriter writer;
  Record record;
  Status status;
  const ViewWriter::Sink sink = [&out](View view, const std::string& key,
                                       const std::string& value) {
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
