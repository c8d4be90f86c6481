#pragma once
// The RocksDB database of an event log: its column families, keys and options. Internal to rocksdb_log.cc.
// Format: docs/formats/event_log.md. Where the options come from: docs/decisions/opening_a_log.md.

#include "ledger/block.h"
#include "ledger/event_log.h"
#include "ledger/merkle_tree.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace leaseledger {

/// The head that is stored with each append. The tree size is its key.
struct StoredHead {
  TreeHead head;
  BatchId batch_id{};
  std::uint64_t epoch = 0;
  Instant recorded_at{};
  std::uint32_t count = 0;
};
std::string encode_head(const StoredHead& head);
Result<StoredHead> decode_head(std::uint64_t size, rocksdb::Slice stored);

/// Unsigned, most significant byte first, so that keys are in the order of numbers.
using NumberKey = std::array<char, 8>;
NumberKey number_key(std::uint64_t number);
using TileKey = std::array<char, 9>;
TileKey tile_key(TileId id);
std::uint64_t parse_number_key(rocksdb::Slice key);  ///< of the last eight bytes of a key.
template <std::size_t N>
rocksdb::Slice as_slice(const std::array<char, N>& key) {
  return {key.data(), N};
}
inline std::span<const std::uint8_t> as_bytes(rocksdb::Slice slice) {
  return {reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size()};
}

/// What the default column family says of the log.
struct LogSettings {
  LogIdentity identity;
  BlockCodec codec = BlockCodec::kLz4;
  std::uint32_t block_target_bytes = kDefaultBlockTargetBytes;
  std::uint64_t epoch = 0;
};

struct StoreOptions {
  std::size_t write_buffer_bytes = std::size_t{64} << 20;
  rocksdb::Env* env = nullptr;
  rocksdb::WALRecoveryMode recovery = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
};

/// An open database.
class RocksdbStore final : public TileSource {
 public:
  enum class Mode { kCreate, kWrite, kRead };
  /// kCorrupt, kBusy, kIo. kRead changes nothing on disk.
  static Result<std::unique_ptr<RocksdbStore>> open(const std::filesystem::path& path, Mode mode,
                                                    const StoreOptions& options);
  ~RocksdbStore() override;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* meta() const { return handles_[0]; }
  rocksdb::ColumnFamilyHandle* log() const { return handles_[1]; }
  rocksdb::ColumnFamilyHandle* tiles() const { return handles_[2]; }
  rocksdb::ColumnFamilyHandle* heads() const { return handles_[3]; }

  Result<bool> read_tile(TileId id, Tile& out) const override;
  /// kInvalid with ERROR_REVISION_MISMATCH for a newer format.
  Result<LogSettings> read_settings() const;
  Status write_settings(const LogSettings& settings);
  /// Nothing for an empty log.
  Result<std::optional<StoredHead>> last_head() const;

  /// Moves what is in memory into table files when it is much, so that the next opening need not read it from WALs.
  void flush_if_much();
  /// Each opening after a change leaves a small table file in a column family. Joins them when there are many, so that a ledger that
  /// is opened for every command does not get slower from command to command.
  void join_small_files();

  std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::ColumnFamilyHandle* family,
                                             bool long_scan) const;
  Error error(const rocksdb::Status& status) const;

 private:
  explicit RocksdbStore(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// An Error for what RocksDB says about `path`: kCorrupt for damage and missing files, kIo with ERROR_DISK_FULL,
/// ERROR_ACCESS_DENIED or ERROR_IO_DEVICE for the rest.
Error store_error(const std::filesystem::path& path, const rocksdb::Status& status);

}  // namespace leaseledger
