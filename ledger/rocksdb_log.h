#pragma once
// The event log on RocksDB: durable when append() returns, checked when it is opened, and refusing to go on where it cannot
// be sure. Format: docs/formats/event_log.md and docs/formats/directory.md.
// Flow: event_log.h -> [rocksdb_log.h] -> block.h, merkle_tree.h, head_witness.h, wal_scan.h
//
// A log that opens has what it acknowledged: write-ahead logs and MANIFEST are scanned before RocksDB reads them, the newest
// head, the tree and the head witness are compared before a byte is changed. See docs/decisions/opening_a_log.md.

#include "ledger/block.h"
#include "ledger/directory.h"
#include "ledger/event_log.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rocksdb {
class Env;
}

namespace leaseledger {

/// What to do when the head witness is missing or unreadable.
enum class WitnessPolicy {
  kRequire,  ///< refuse.
  kAdopt,    ///< believe the log and write the witness anew ('leaseledger repair head').
};

struct RocksdbLogOptions {
  /// open() only: no byte of the directory changes, append() is refused. For copies and read-only media.
  bool read_only = false;
  WitnessPolicy witness = WitnessPolicy::kRequire;

  // Of create(): what the new log shall be. Of open(): what the caller expects; another stored value is an error.
  std::optional<LedgerId> ledger_id;     ///< create(): random when not given.
  std::optional<std::string> partition;  ///< create(): "default".
  std::optional<Instant> created_at;     ///< create(): the machine's clock. open(): not compared.
  std::optional<BlockCodec> codec;       ///< create(): LZ4.
  std::optional<std::uint32_t> block_target_bytes;  ///< create(): 16384; 1024 to 1048576.

  /// records in memory before they go from the WAL to a table file.
  std::size_t write_buffer_bytes = std::size_t{64} << 20;
  /// unpacked blocks kept for reads of single records.
  std::size_t block_cache_bytes = std::size_t{64} << 20;
  rocksdb::Env* env = nullptr;  ///< tests: the file system to use. Borrowed for the log's lifetime.
};

class RocksdbLog final : public EventLog {
 public:
  /// Makes an empty ledger in `path`. Errors of LedgerDirectory::create(); kInvalid for options out of range; kIo.
  static Result<std::unique_ptr<RocksdbLog>> create(const std::filesystem::path& path,
                                                    const RocksdbLogOptions& options = {});

  /// Opens the ledger in `path`. Errors of LedgerDirectory::open(), and
  ///   kInvalid   an option contradicts the stored one (both are named), or ERROR_REVISION_MISMATCH: written by a newer version;
  ///   kCorrupt   files are missing or damaged, or acknowledged records are: says where and how many. Nothing was changed;
  ///   kIo        the file system failed.
  static Result<std::unique_ptr<RocksdbLog>> open(const std::filesystem::path& path,
                                                  const RocksdbLogOptions& options = {});

  /// Syncs the head witness, and moves what is in memory into table files when it is much.
  ~RocksdbLog() override;

  const LogIdentity& identity() const override;
  const LedgerDirectory& directory() const;
  Result<std::uint64_t> begin_epoch() override;
  /// kIo: see EventLog. The first error stays: it is the answer to every later append.
  Result<Appended> append(const AppendRequest& request) override;
  Position tail() const override;
  Status read(Position first, Position last, Direction direction,
              const RecordVisitor& visit) const override;
  Position wait(Position known, std::chrono::milliseconds timeout) const override;
  Result<TreeHead> tree_head(std::uint64_t size) const override;
  Result<std::vector<Hash>> inclusion_proof(Position position, std::uint64_t size) const override;
  Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                              std::uint64_t new_size) const override;

  /// One append, as it was stored with its records.
  struct AppendHead {
    TreeHead head;
    BatchId batch_id{};
    std::uint64_t epoch = 0;
    Instant recorded_at{};    ///< of its last record.
    std::uint32_t count = 0;  ///< records of the append.
  };
  /// The heads of all appends whose tree size is from `first` on, in order, until `visit` returns false. kCorrupt.
  Status read_heads(std::uint64_t first, const std::function<bool(const AppendHead&)>& visit) const;

  /// Reads everything: checksums of the table files, every record, and the whole tree, built anew and compared with
  /// every stored tile and head. `progress`, if any, is called with positions now and then. kCorrupt.
  Status verify(const std::function<void(Position)>& progress = {}) const;

  /// Makes a complete ledger of its own in `target`, which must not exist, with everything up to tail(). Table files are
  /// hard links where the file system can; appends wait meanwhile. Errors of LedgerDirectory::create(); kIo; kInvalid when read_only.
  Status checkpoint(const std::filesystem::path& target);

 private:
  struct Impl;
  explicit RocksdbLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leaseledger
