#pragma once
// Looks at a log's database before it is opened for writing, and changes nothing: which files are whole, what RocksDB makes of
// them, whether that is all there should be. Internal to rocksdb_log.cc. Why: docs/decisions/opening_a_log.md.

#include "ledger/log_state.h"
#include "ledger/rocksdb_store.h"
#include "ledger/wal_scan.h"

#include <filesystem>
#include <vector>

namespace leaseledger {

/// What the files of a database look like without RocksDB.
struct FileSurvey {
  struct Wal {
    std::uint64_t number = 0;
    std::filesystem::path path;
    LogFileScan scan;
  };
  std::vector<Wal> wals;  ///< by number.
  std::filesystem::path manifest_path;
  LogFileScan manifest;
  /// The mode in which RocksDB shall read the WALs: strict when they are whole, tolerant only when a scan has shown that
  /// nothing lies behind the damage.
  rocksdb::WALRecoveryMode recovery() const;
};
/// kCorrupt when CURRENT or MANIFEST are missing.
Result<FileSurvey> survey_files(const std::filesystem::path& log);

/// Deletes WALs without a whole record. RocksDB keeps them, because it found nothing in them to flush, and would take what is
/// left of a torn record in one for the end of the log when the next WAL has records.
void remove_empty_wals(const FileSurvey& survey, rocksdb::Env& env);

/// An Env that shows a damaged MANIFEST only up to the last whole record before the damage; nothing for a whole one. Losing power
/// may garble any of the records written since the last sync and leave whole ones behind, so damage with records behind it is
/// no proof that acknowledged ones were there. Whether something is missing is seen from what opens: check_wals(), examine_log().
std::unique_ptr<rocksdb::Env> env_without_torn_end(const FileSurvey& survey, rocksdb::Env& env);

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
