#pragma once
// A ledger's directory: its marker, its lock, its paths. Format: docs/formats/directory.md.
// Flow: tools/ -> [directory.h] -> rocksdb_log.h, projections/

#include "ledger/result.h"

#include <array>
#include <filesystem>

namespace leaseledger {

using LedgerId = std::array<std::uint8_t, 16>;

inline constexpr unsigned kDirectoryVersion = 1;

/// How a directory is opened.
enum class Access {
  kWrite,  ///< alone: nobody else has it open.
  kRead,  ///< beside other readers, for instance from read-only media; no byte of the directory changes.
};

/// An existing ledger's directory, locked while the object lives.
class LedgerDirectory {
 public:
  /// Makes `path` (its parent must exist; an empty directory is taken) and locks it. It is no ledger before write_marker().
  /// kRefused with ERROR_FILE_EXISTS when it is a ledger, ERROR_DIR_NOT_EMPTY when it has other files;
  /// kBusy when another process is making it; kIo.
  static Result<LedgerDirectory> create(const std::filesystem::path& path);

  /// kNotFound with ERROR_FILE_NOT_FOUND when there is no directory or no marker in it, kCorrupt for a damaged marker,
  /// kInvalid with ERROR_REVISION_MISMATCH for a newer one, kBusy with ERROR_SHARING_VIOLATION when another process has it
  /// open (the message has its id).
  static Result<LedgerDirectory> open(const std::filesystem::path& path, Access access);

  LedgerDirectory(LedgerDirectory&& other) noexcept;
  LedgerDirectory& operator=(LedgerDirectory&& other) noexcept;
  ~LedgerDirectory();

  /// The last step of creating a ledger; durable. kIo.
  Status write_marker(const LedgerId& id);

  const LedgerId& id() const { return id_; }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "log"; }
  std::filesystem::path views() const { return path_ / "views"; }
  std::filesystem::path book() const { return path_ / "book"; }
  std::filesystem::path head() const { return path_ / "HEAD"; }
  std::filesystem::path marker() const { return path_ / "LEDGER"; }

 private:
  explicit LedgerDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  Status lock(Access access);
  Status read_marker();

  std::filesystem::path path_;
  LedgerId id_{};
  int lock_fd_ = -1;
};

/// A new random id, version 4 of RFC 9562.
LedgerId new_ledger_id();

/// Makes the names in `path` durable. kIo.
Status sync_directory(const std::filesystem::path& path);

}  // namespace leaseledger
