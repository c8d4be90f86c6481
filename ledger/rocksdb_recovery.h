#pragma once
// Looks at a log's database before it is opened for writing, and changes nothing: which files are whole, what RocksDB makes of
// them, whether that is all there should be. Internal to rocksdb_log.cc. Why: docs/decisions/opening_a_log.md.

#include <filesystem>
#include <vector>

#include "ledger/log_state.h"
#include "ledger/rocksdb_store.h"
#include "ledger/wal_scan.h"

namespace leaseledger {

/// What the files of a database look like without RocksDB.
struct FileSurvey {
  struct Wal {
    std::uint64_t number = 0;
    std::filesystem::path path;
    LogFileScan scan;
  };
  std::vector<Wal> wals;  ///< by number.
  LogFileScan manifest;
  /// The mode in which RocksDB shall read the WALs: strict when they are whole, tolerant only when a scan has shown that
  /// nothing lies behind the damage.
  rocksdb::WALRecoveryMode recovery() const;
};
/// kCorrupt when CURRENT or MANIFEST are missing, or when the MANIFEST has records behind damage.
Result<FileSurvey> survey_files(const std::filesystem::path& log);

/// Deletes WALs without a byte. Each opening for writing makes one, and RocksDB keeps them until there is something to flush.
void remove_empty_wals(const FileSurvey& survey, rocksdb::Env& env);

/// kCorrupt when a WAL that RocksDB still needs is damaged before its last record, or records are missing between two.
Status check_wals(const RocksdbStore& store, const FileSurvey& survey);

/// A log as it was found.
struct FoundLog {
  LogSettings settings;
  LogState state;
  TreeHead head;
  MerkleTree tree;                ///< of head.size.
  std::vector<Hash> edge_leaves;  ///< the last head.size % 256: those in no complete tile.
};
/// Reads settings, the newest head, the end of the records and the tree, and compares them; checks that the table files
/// follow each other without gaps. kCorrupt when they do not, kInvalid for a newer format.
Result<FoundLog> examine_log(const RocksdbStore& store);

}  // namespace leaseledger
