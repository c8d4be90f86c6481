#pragma once
// A file system for RocksDB that loses power or fails at a chosen operation. It knows what was synced; at the loss of power
// everything else is cut off, damaged or undone at random, as a disk may do, and the process ends with _exit().
// RocksDB's own fault injection is not packaged. Use it in a child process only.

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace leaseledger::test {

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  static constexpr int kPowerLost = 42;  ///< exit code of the process.

  /// `graveyard` is an empty directory on the same file system, for files that may have to come back.
  FaultyFileSystem(std::string graveyard, std::uint64_t seed);

  /// The `countdown`-th write, sync or change of a name from now on loses power.
  void lose_power_at(std::uint64_t countdown);
  /// Called when power is lost, after the files were damaged.
  void at_power_loss(std::function<void(std::mt19937_64&)> body) {
    at_power_loss_ = std::move(body);
  }
  /// The `countdown`-th write or sync from now on fails, and all after it.
  void fail_from(std::uint64_t countdown, rocksdb::IOStatus error);
  std::uint64_t operations() const { return operations_; }

  const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  // For the files and directories that it hands out.
  class File;
  class Directory;
  using Lock = std::unique_lock<std::mutex>;
  Lock operation();           ///< counts one operation and loses power when it is its turn.
  rocksdb::IOStatus fault();  ///< of the operation that was just counted.

 private:
  struct Extent {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };
  /// A change of names in a directory that was not synced yet, and how to undo it.
  struct NameChange {
    std::string directory;
    std::function<void()> undo;
  };
  void track_new(const std::string& name);
  std::string bury(const std::string& name);
  [[noreturn]] void lose_power();
  void damage(const std::string& name, const Extent& extent);

  mutable std::mutex mutex_;
  std::string graveyard_;
  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<Extent>> files_;
  std::vector<NameChange> changes_;  // in order
  std::function<void(std::mt19937_64&)> at_power_loss_;
  std::uint64_t operations_ = 0;
  std::uint64_t lose_power_at_ = 0;
  std::uint64_t fail_from_ = 0;
  rocksdb::IOStatus error_;
  std::uint64_t buried_ = 0;
};

}  // namespace leaseledger::test
