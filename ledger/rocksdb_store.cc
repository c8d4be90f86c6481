#include "ledger/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/table.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <mutex>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace leaseledger {
namespace {

constexpr unsigned kFormat = 1;
constexpr std::size_t kHeadBytes = 72;
constexpr std::uint64_t kMuchInMemory = 8 << 20;
constexpr std::uint64_t kSmallFileBytes = 1 << 20;
constexpr std::size_t kManySmallFiles = 24;

// Keys of the default column family.
constexpr const char* kFormatKey = "format";
constexpr const char* kLedgerIdKey = "ledger_id";
constexpr const char* kPartitionKey = "partition";
constexpr const char* kCreatedAtKey = "created_at";
constexpr const char* kCodecKey = "codec";
constexpr const char* kBlockTargetKey = "block_target_bytes";
constexpr const char* kEpochKey = "epoch";

template <typename T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <typename T>
T take(const char*& in) {
  T value;
  std::memcpy(&value, in, sizeof value);
  in += sizeof value;
  return value;
}

template <typename T>
std::optional<T> number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// Some file systems (older tmpfs, some network ones) cannot bypass the page cache.
bool has_direct_io(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (fd < 0) return errno != EINVAL;
  ::close(fd);
  return true;
}

/// RocksDB's LOG. The one that it would make itself ends the process, where assertions are built in, at the line after one that
/// found no room; here such a line is lost.
class LosingLog final : public rocksdb::Logger {
 public:
  explicit LosingLog(std::filesystem::path path) : path_(std::move(path)) {}
  ~LosingLog() override {
    if (fd_ >= 0) ::close(fd_);
  }
  LosingLog(const LosingLog&) = delete;
  LosingLog& operator=(const LosingLog&) = delete;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 4096> line{};
    timeval now{};
    ::gettimeofday(&now, nullptr);
    tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    std::size_t size = std::strftime(line.data(), line.size(), "%Y/%m/%d-%H:%M:%S", &parts);
    size += static_cast<std::size_t>(
        std::snprintf(line.data() + size, 16, ".%06ld ", static_cast<long>(now.tv_usec)));
    const int text = std::vsnprintf(line.data() + size, line.size() - size - 1, format, arguments);
    size = std::min(size + static_cast<std::size_t>(std::max(text, 0)), line.size() - 2);
    if (line[size - 1] != '\n') line[size++] = '\n';
    const std::lock_guard lock(mutex_);
    if (!open_file()) return;
    written_ += size;
    [[maybe_unused]] const auto lost = ::write(fd_, line.data(), size);
  }

 private:
  static constexpr std::size_t kMostBytes = 8 << 20;

  /// One LOG and the one before it. The folder may not be there yet.
  bool open_file() {
    if (fd_ >= 0 && written_ < kMostBytes) return true;
    if (fd_ >= 0) ::close(fd_);
    ::rename(path_.c_str(), (path_.string() + ".old").c_str());
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    written_ = 0;
    return fd_ >= 0;
  }

  const std::filesystem::path path_;
  std::mutex mutex_;
  int fd_ = -1;
  std::size_t written_ = 0;
};

/// For reading alone: nothing is written.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::DBOptions database_options(const StoreOptions& options, RocksdbStore::Mode mode,
                                    const std::filesystem::path& path) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  const bool create = mode == RocksdbStore::Mode::kCreate;
  db.create_if_missing = create;
  db.error_if_exists = create;
  db.create_missing_column_families = create;

  // Safety.
  db.paranoid_checks = true;
  db.wal_recovery_mode = options.recovery;
  db.track_and_verify_wals_in_manifest = true;
  db.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  db.max_bgerror_resume_count = 0;  // a failed write is the end: fail-stop
  db.max_open_files = -1;  // opens every table file at once, so that a missing one is noticed
  // the opening thread alone: starting others costs more than a few files
  db.max_file_opening_threads = 1;

  // Speed: docs/decisions/opening_a_log.md has what was measured.
  db.allow_concurrent_memtable_write = false;
  db.bytes_per_sync = 1 << 20;
  db.use_direct_io_for_flush_and_compaction =
      has_direct_io(create ? path.parent_path() / "LOCK" : path / "CURRENT");
  db.max_background_jobs = 2;
  db.max_total_wal_size = std::uint64_t{256} << 20;
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  if (mode == RocksdbStore::Mode::kRead) {
    db.info_log = std::make_shared<NoLog>();
  } else {
    db.info_log = std::make_shared<LosingLog>(path / "LOG");
  }
  db.info_log_level = rocksdb::InfoLogLevel::INFO_LEVEL;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const StoreOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 << 10;
  table.block_cache = rocksdb::NewLRUCache(32 << 20, 2);
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kNoCompression;
  family.level_compaction_dynamic_level_bytes = true;
  // Keys only grow, so compaction moves files without reading them: writers need never wait for it.
  family.level0_slowdown_writes_trigger = 1 << 20;
  family.level0_stop_writes_trigger = 1 << 20;
  family.soft_pending_compaction_bytes_limit = 0;
  family.hard_pending_compaction_bytes_limit = 0;
  family.max_write_buffer_number = 4;

  const auto with_buffer = [&](std::size_t bytes) {
    auto copy = family;
    copy.write_buffer_size = std::min(bytes, options.write_buffer_bytes);
    return copy;
  };
  return {{rocksdb::kDefaultColumnFamilyName, with_buffer(1 << 20)},
          {"log", with_buffer(options.write_buffer_bytes)},
          {"tiles", with_buffer(16 << 20)},
          {"heads", with_buffer(8 << 20)}};
}

}  // namespace

NumberKey number_key(std::uint64_t number) {
  return std::bit_cast<NumberKey>(__builtin_bswap64(number));
}

TileKey tile_key(TileId id) {
  TileKey key{static_cast<char>(id.level)};
  const auto index = number_key(id.index);
  std::memcpy(key.data() + 1, index.data(), index.size());
  return key;
}

std::uint64_t parse_number_key(rocksdb::Slice key) {
  std::uint64_t number = 0;
  if (key.size() >= sizeof number)
    std::memcpy(&number, key.data() + key.size() - sizeof number, sizeof number);
  return __builtin_bswap64(number);
}

std::string encode_head(const StoredHead& head) {
  std::string out;
  out.reserve(kHeadBytes);
  put(out, head.head.root);
  put(out, head.batch_id);
  put(out, head.epoch);
  put(out, static_cast<std::int64_t>(head.recorded_at.time_since_epoch().count()));
  put(out, head.count);
  put(out,
      static_cast<std::uint32_t>(XXH3_64bits_withSeed(out.data(), out.size(), head.head.size)));
  return out;
}

Result<StoredHead> decode_head(std::uint64_t size, rocksdb::Slice stored) {
  const auto bad = [&](const char* what) { return corrupt("head", std::to_string(size), what); };
  if (stored.size() != kHeadBytes) return bad("a head of 72 bytes; restore from a backup");
  const char* in = stored.data();
  StoredHead out;
  out.head.size = size;
  out.head.root = take<Hash>(in);
  out.batch_id = take<BatchId>(in);
  out.epoch = take<std::uint64_t>(in);
  out.recorded_at = Instant{std::chrono::nanoseconds{take<std::int64_t>(in)}};
  out.count = take<std::uint32_t>(in);
  if (take<std::uint32_t>(in) !=
      static_cast<std::uint32_t>(XXH3_64bits_withSeed(stored.data(), kHeadBytes - 4, size))) {
    return bad("a head with a right checksum; restore from a backup");
  }
  if (out.count == 0 || out.count > size)
    return bad("a head of at least one record; restore from a backup");
  return out;
}

Error store_error(const std::filesystem::path& path, const rocksdb::Status& status) {
  const auto make = [&](Win32 code, ErrorKind kind, std::string expected) {
    return Error{code, kind, path.string(), status.ToString(), std::move(expected)};
  };
  if (status.IsNoSpace()) return make(Win32::kDiskFull, ErrorKind::kIo, "room on the disk");
  if (status.IsIOError() && !status.IsPathNotFound()) {
    const std::string text = status.ToString();
    if (text.find("Permission denied") != std::string::npos ||
        text.find("Read-only file system") != std::string::npos) {
      return make(Win32::kAccessDenied, ErrorKind::kDenied,
                  "files that this user may open; or open it for reading only");
    }
    if (text.find("lock ") != std::string::npos)
      return make(Win32::kSharingViolation, ErrorKind::kBusy, "not open elsewhere");
    if (text.find("No such file") == std::string::npos)
      return make(Win32::kIoDevice, ErrorKind::kIo, "storage that works");
  }
  return make(Win32::kFileCorrupt, ErrorKind::kCorrupt,
              "files as they were written; restore from a backup");
}

Result<std::unique_ptr<RocksdbStore>> RocksdbStore::open(const std::filesystem::path& path,
                                                         Mode mode, const StoreOptions& options) {
  std::unique_ptr<RocksdbStore> store(new RocksdbStore(path));
  const auto db_options = database_options(options, mode, path);
  rocksdb::DB* db = nullptr;
  const auto status =
      mode == Mode::kRead
          ? rocksdb::DB::OpenForReadOnly(db_options, path.string(), families(options),
                                         &store->handles_, &db)
          : rocksdb::DB::Open(db_options, path.string(), families(options), &store->handles_, &db);
  store->db_.reset(db);
  if (!status.ok()) return tl::unexpected(store_error(path, status));
  return store;
}

RocksdbStore::~RocksdbStore() {
  if (!db_) return;
  // Handles first: RocksDB asserts that none is left.
  for (auto* handle : handles_) (void)db_->DestroyColumnFamilyHandle(handle);
  (void)db_->Close();
}

Error RocksdbStore::error(const rocksdb::Status& status) const {
  return store_error(path_, status);
}

Result<bool> RocksdbStore::read_tile(TileId id, Tile& out) const {
  rocksdb::PinnableSlice value;
  const auto status = db_->Get({}, tiles(), as_slice(tile_key(id)), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return tl::unexpected(error(status));
  if (value.size() != sizeof(Tile))
    return corrupt("tile", tile_path(id), "8192 bytes; restore from a backup");
  std::memcpy(out.data(), value.data(), sizeof(Tile));
  return true;
}

Result<LogSettings> RocksdbStore::read_settings() const {
  const auto get = [this](const char* key) -> Result<std::string> {
    std::string value;
    const auto status = db_->Get({}, meta(), key, &value);
    if (status.IsNotFound())
      return corrupt(path_.string(), key, "a setting that every log has; restore from a backup");
    if (!status.ok()) return tl::unexpected(error(status));
    return value;
  };
  const auto bad = [this](const char* key, const std::string& value) {
    return corrupt(path_.string(), std::string(key) + "=" + value,
                   "a setting that leaseledger wrote; restore from a backup");
  };
  LogSettings out;
  LEASELEDGER_ASSIGN(const std::string format, get(kFormatKey));
  const auto version = number<unsigned>(format);
  if (!version || *version == 0) return bad(kFormatKey, format);
  if (*version > kFormat) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kInvalid, path_.string(), "format " + format,
                "format " + std::to_string(kFormat) + "; use a newer leaseledger");
  }
  LEASELEDGER_ASSIGN(const std::string id, get(kLedgerIdKey));
  if (id.size() != out.identity.ledger_id.size()) return bad(kLedgerIdKey, id);
  std::memcpy(out.identity.ledger_id.data(), id.data(), id.size());
  LEASELEDGER_ASSIGN(out.identity.partition, get(kPartitionKey));
  LEASELEDGER_ASSIGN(const std::string created_at, get(kCreatedAtKey));
  LEASELEDGER_ASSIGN(out.identity.created_at, parse_instant(created_at, kCreatedAtKey));
  LEASELEDGER_ASSIGN(const std::string codec, get(kCodecKey));
  const auto known = block_codec_from_name(codec);
  if (!known) return bad(kCodecKey, codec);
  out.codec = *known;
  LEASELEDGER_ASSIGN(const std::string target, get(kBlockTargetKey));
  const auto bytes = number<std::uint32_t>(target);
  if (!bytes) return bad(kBlockTargetKey, target);
  out.block_target_bytes = *bytes;
  LEASELEDGER_ASSIGN(const std::string epoch, get(kEpochKey));
  const auto epoch_number = number<std::uint64_t>(epoch);
  if (!epoch_number) return bad(kEpochKey, epoch);
  out.epoch = *epoch_number;
  return out;
}

Status RocksdbStore::write_settings(const LogSettings& settings) {
  rocksdb::WriteBatch batch;
  const auto& id = settings.identity.ledger_id;
  batch.Put(meta(), kFormatKey, std::to_string(kFormat));
  batch.Put(meta(), kLedgerIdKey, {reinterpret_cast<const char*>(id.data()), id.size()});
  batch.Put(meta(), kPartitionKey, settings.identity.partition);
  batch.Put(meta(), kCreatedAtKey, format_instant(settings.identity.created_at));
  batch.Put(meta(), kCodecKey, std::string(name_of(settings.codec)));
  batch.Put(meta(), kBlockTargetKey, std::to_string(settings.block_target_bytes));
  batch.Put(meta(), kEpochKey, std::to_string(settings.epoch));
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto status = db_->Write(durable, &batch);
  if (!status.ok()) return tl::unexpected(error(status));
  return {};
}

Result<std::optional<StoredHead>> RocksdbStore::last_head() const {
  const auto last = iterate(heads(), false);
  last->SeekToLast();
  if (!last->status().ok()) return tl::unexpected(error(last->status()));
  if (!last->Valid()) return std::nullopt;
  LEASELEDGER_ASSIGN(const StoredHead head,
                     decode_head(parse_number_key(last->key()), last->value()));
  return head;
}

void RocksdbStore::flush_if_much() {
  std::uint64_t bytes = 0;
  if (!db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes) ||
      bytes < kMuchInMemory)
    return;
  (void)db_->Flush({}, handles_);
}

void RocksdbStore::join_small_files() {
  for (auto* family : handles_) {
    rocksdb::ColumnFamilyMetaData files;
    db_->GetColumnFamilyMetaData(family, &files);
    std::vector<const rocksdb::SstFileMetaData*> by_key;
    for (const auto& level : files.levels) {
      for (const auto& file : level.files) by_key.push_back(&file);
    }
    std::ranges::sort(by_key, {}, &rocksdb::SstFileMetaData::smallestkey);
    // Only the newest: a small file between great ones is as good as joined.
    std::vector<std::string> small;
    for (auto file = by_key.rbegin(); file != by_key.rend() && (*file)->size < kSmallFileBytes;
         ++file)
      small.push_back((*file)->name);
    if (small.size() < kManySmallFiles) continue;
    // Not done is no harm: it will be tried again.
    (void)db_->CompactFiles({}, family, small, static_cast<int>(files.levels.size()) - 1);
  }
}

std::unique_ptr<rocksdb::Iterator> RocksdbStore::iterate(rocksdb::ColumnFamilyHandle* family,
                                                         bool long_scan) const {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  if (long_scan) {
    options.readahead_size = 2 << 20;
    options.fill_cache = false;
  }
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family));
}

}  // namespace leaseledger
