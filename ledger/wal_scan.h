#pragma once
// Reads files in RocksDB's log format, write-ahead logs and MANIFESTs, without RocksDB, to learn where damage begins and
// what lies behind it. RocksDB takes a record whose length field is damaged, or a zeroed sector, for the end of the file:
// everything behind is dropped in silence. Acknowledged records must not go that way.
// Flow: [wal_scan.h] -> rocksdb_log.h

#include "ledger/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace leaseledger {

enum class LogFileKind {
  kWal,       ///< records are write batches; their sequence numbers must follow each other.
  kManifest,  ///< records are version edits, not looked into.
};

/// What a file holds. A record is what RocksDB wrote at once; it lies in one or more fragments.
struct LogFileScan {
  enum class Verdict {
    kWhole,  ///< ends behind its last record.
    kTorn,  ///< only the last record is cut off or damaged: it was being written, and never acknowledged, or it was
            ///< damaged later; the head witness tells which.
    kDamaged,  ///< there are records behind the damage.
  };
  Verdict verdict = Verdict::kWhole;
  std::uint64_t file_bytes = 0;
  std::uint64_t records = 0;        ///< whole records before the damage,
  std::uint64_t whole_bytes = 0;    ///< and where the last of them ends.
  std::uint64_t damage_offset = 0;  ///< of the first bad fragment; with kTorn and kDamaged.
  std::string damage;               ///< what is wrong there, e.g. "checksum mismatch".
  std::optional<std::uint64_t> first_sequence;  ///< kWal: number of the first change in the file,
  std::uint64_t next_sequence = 0;  ///< and the one after the last change of the last whole record.
};

/// Reads the whole file. kCorrupt when it cannot be read; damage inside is no error but a verdict.
Result<LogFileScan> scan_log_file(const std::filesystem::path& path, LogFileKind kind);

/// CRC-32C (Castagnoli) of `bytes`, continued from `crc`; 0 to begin.
std::uint32_t crc32c(std::uint32_t crc, const std::uint8_t* bytes, std::size_t count);

}  // namespace leaseledger
