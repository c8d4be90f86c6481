#pragma once
// The files that Kea's memfile leaves: the lease file itself, and beside it what its clean-up (LFC) has put there. Together, in
// the order in which Kea loads them, they are what Kea would know after a restart.
// Flow: files -> [lease_file_set.h] -> lease_file.h -> import.h
//
//   kea-leases6.csv            what has been appended since the last clean-up
//   kea-leases6.csv.1          the lease file before, while it waits for the clean-up
//   kea-leases6.csv.2          what the last clean-up left
//   kea-leases6.csv.completed  .2 and .1 put together, for the moment until it is called .2
//   kea-leases6.csv.output     the same while it is being written: never read
//
// The clean-up renames and unlinks these while we look. All of them are opened before one is read, and whoever the names then
// belong to is compared with who they belonged to before: the open files are of one moment, whatever happens to names later.
// Source: Kea 2.2.0, dhcpsrv/memfile_lease_mgr.cc and bin/lfc/lfc_controller.cc.

#include "ledger/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace leaseledger::kea {

/// Which file a name stands for at a moment.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// A lease file, open at its beginning.
struct OpenLeaseFile {
  std::filesystem::path path;
  std::ifstream stream;
  FileIdentity identity;
  std::uint64_t bytes = 0;     ///< when it was opened.
  std::string format_version;  ///< "4.0": lease_file.h. "" for an empty file, which Kea takes too.
};

struct LeaseFileSetOptions {
  bool only = false;  ///< nothing beside the named file.
  /// While a clean-up changes the names they are looked at again, so often and so far apart.
  unsigned attempts = 50;
  std::chrono::milliseconds pause{20};
  /// Called between looking at the names and opening them: where tests let a clean-up happen.
  std::function<void()> looked;
};

class LeaseFileSet {
 public:
  /// Opens `main` and what belongs to it. ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED: a file is not there or not ours to read;
  /// kInvalid: one of them is no lease file of DHCPv6; kBusy with ERROR_SHARING_VIOLATION: the names never stood still.
  static Result<LeaseFileSet> open(const std::filesystem::path& main,
                                   const LeaseFileSetOptions& options = {});

  /// In the order in which they are to be read, the lease file itself last.
  std::vector<OpenLeaseFile>& files() { return files_; }
  std::uint64_t bytes() const;
  /// How often the names had to be looked at again.
  unsigned restarts() const { return restarts_; }
  /// The lease file's name belongs to another file by now: a clean-up has begun, and what Kea appends since is not in what
  /// was opened.
  bool moved_on() const;

 private:
  std::vector<OpenLeaseFile> files_;
  unsigned restarts_ = 0;
};

}  // namespace leaseledger::kea
