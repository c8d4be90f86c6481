#pragma once
// The head witness: a file beside the log that says how long the log was when it last acknowledged an append, so that a log
// that lost its end is noticed. Format: docs/formats/directory.md.
// Flow: [head_witness.h] -> rocksdb_log.h

#include "ledger/event_log.h"

#include <filesystem>

namespace leaseledger {

/// What the witness saw.
struct Witnessed {
  TreeHead head;                 ///< size 0 for a ledger without records.
  Instant recorded_at = kUnset;  ///< of the last record; kUnset when there is none.
};

/// An open witness file. Not thread-safe: used by the appender under its lock.
class HeadWitness {
 public:
  /// Makes the file anew, or overwrites it, and syncs it and its directory. kIo.
  static Result<HeadWitness> create(const std::filesystem::path& path,
                                    const std::array<std::uint8_t, 16>& ledger_id,
                                    const Witnessed& first);
  /// kNotFound when there is no file, kCorrupt when no slot of it can be read or it is another ledger's.
  /// With `writable` false the file is only read.
  static Result<HeadWitness> open(const std::filesystem::path& path,
                                  const std::array<std::uint8_t, 16>& ledger_id, bool writable);

  HeadWitness(HeadWitness&& other) noexcept;
  HeadWitness& operator=(HeadWitness&& other) noexcept;
  ~HeadWitness();

  const Witnessed& last() const { return last_; }
  /// Takes effect at once for whoever opens the ledger next, unless power is lost before sync(). About a microsecond. kIo.
  Status write(const Witnessed& now);
  /// Makes the last write durable. kIo.
  Status sync();

 private:
  HeadWitness(int fd, std::filesystem::path path, const std::array<std::uint8_t, 16>& ledger_id);

  int fd_ = -1;
  std::filesystem::path path_;
  std::array<std::uint8_t, 16> ledger_id_{};
  std::uint64_t sequence_ = 0;
  Witnessed last_;
};

}  // namespace leaseledger
