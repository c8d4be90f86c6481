#include "adapters/kea/lease_files.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

namespace leaseledger::kea {
namespace {

namespace fs = std::filesystem;

constexpr int kMostTries = 20;

struct Identity {
  fs::path path;
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// The files that there are now.
std::vector<Identity> look(const fs::path& file, bool only) {
  std::vector<Identity> out;
  const auto add = [&](const char* ending) {
    const fs::path path = file.string() + ending;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return false;
    out.push_back({path, status.st_dev, status.st_ino});
    return true;
  };
  // What is completed has FILE.2 and FILE.1 in it already.
  if (!only && !add(".completed")) {
    add(".2");
    add(".1");
  }
  add("");
  return out;
}

}  // namespace

Result<std::vector<OpenLeaseFile>> open_lease_files(const fs::path& file, bool only) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const auto before = look(file, only);
    if (before.empty()) break;
    std::vector<OpenLeaseFile> out;
    bool all_open = true;
    for (const Identity& each : before) {
      OpenLeaseFile& opened = out.emplace_back();
      opened.path = each.path;
      errno = 0;
      opened.stream = std::make_unique<std::ifstream>(each.path, std::ios::binary);
      if (!*opened.stream) {
        if (errno == EACCES)
          return fail(Win32::kAccessDenied, ErrorKind::kDenied, "FILE", each.path.string(),
                      "a file that may be read; it belongs to Kea's user");
        all_open = false;
        break;
      }
      std::error_code error;
      opened.size = fs::file_size(each.path, error);
    }
    if (all_open && look(file, only) == before) return out;
  }
  return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", file.string(),
              "the lease file of kea-dhcp6 (lease-database in its configuration says where it is)");
}

}  // namespace leaseledger::kea
