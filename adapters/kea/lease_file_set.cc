#include "adapters/kea/lease_file_set.h"

#include "adapters/kea/lease_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/stat.h>
#include <thread>

namespace leaseledger::kea {
namespace {

namespace fs = std::filesystem;

/// A name with the file that it stands for.
struct Named {
  fs::path path;
  FileIdentity identity;
  std::uint64_t bytes = 0;
  bool regular = true;  // no pipe or the like, which can be read once only
  friend bool operator==(const Named& a, const Named& b) {
    return a.path == b.path && a.identity == b.identity;
  }
};

tl::unexpected<Error> cannot_read(const fs::path& path, int error) {
  if (error == EACCES || error == EPERM) {
    return fail(Win32::kAccessDenied, ErrorKind::kDenied, "FILE", path.string(),
                "a file that may be read; Kea's are its user's alone (" +
                    std::string(std::strerror(error)) + ")");
  }
  return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", path.string(),
              "a lease file that can be read, or - for standard input (" +
                  std::string(std::strerror(error)) + ")");
}

/// What a name stands for; nullopt when there is no such file.
Result<std::optional<Named>> look_at(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::optional<Named>();
    return cannot_read(path, errno);
  }
  if (S_ISDIR(info.st_mode)) {
    return invalid(
        "FILE", path.string(),
        "a lease file such as " + (path / "kea-leases6.csv").string() + "; this is a directory");
  }
  return std::optional(Named{path,
                             {info.st_dev, info.st_ino},
                             static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0)),
                             S_ISREG(info.st_mode)});
}

fs::path with_suffix(const fs::path& main, const char* suffix) {
  fs::path out = main;
  out += suffix;
  return out;
}

/// The names that are to be read now, in order.
Result<std::vector<Named>> look(const fs::path& main, bool only) {
  std::vector<Named> out;
  const auto add = [&](const fs::path& path) -> Result<bool> {
    LEASELEDGER_ASSIGN(auto named, look_at(path));
    if (named) out.push_back(std::move(*named));
    return named.has_value();
  };
  LEASELEDGER_ASSIGN(const auto itself, look_at(main));
  if (!only && (!itself || itself->regular)) {
    // A completed clean-up has read .2 and .1, whether or not they have been unlinked yet.
    LEASELEDGER_ASSIGN(const bool completed, add(with_suffix(main, ".completed")));
    if (!completed) {
      LEASELEDGER_TRY(add(with_suffix(main, ".2")));
      LEASELEDGER_TRY(add(with_suffix(main, ".1")));
    }
  }
  LEASELEDGER_TRY(add(main));
  return out;
}

/// Opens what was seen; nullopt when a name is gone by now.
Result<std::optional<std::vector<OpenLeaseFile>>> open_all(const std::vector<Named>& names) {
  std::vector<OpenLeaseFile> out;
  for (const Named& named : names) {
    OpenLeaseFile file{named.path, std::ifstream(named.path, std::ios::binary), named.identity,
                       named.bytes, ""};
    if (!file.stream) {
      if (errno == ENOENT) return std::optional<std::vector<OpenLeaseFile>>();
      return cannot_read(named.path, errno);
    }
    out.push_back(std::move(file));
  }
  return std::optional(std::move(out));
}

}  // namespace

Result<LeaseFileSet> LeaseFileSet::open(const fs::path& main, const LeaseFileSetOptions& options) {
  LeaseFileSet set;
  bool missing = false;
  bool regular = true;
  for (unsigned attempt = 0; attempt < options.attempts; ++attempt) {
    if (attempt != 0) std::this_thread::sleep_for(options.pause);
    LEASELEDGER_ASSIGN(const auto before, look(main, options.only));
    missing = before.empty() || before.back().path != main;
    // Between renaming its file and beginning the next one Kea has none; where nothing lies beside it there never was one.
    if (before.empty()) break;
    regular = before.back().regular;
    if (options.looked) options.looked();
    LEASELEDGER_ASSIGN(auto opened, open_all(before));
    LEASELEDGER_ASSIGN(const auto after, look(main, options.only));
    if (missing || !opened || after != before) {
      ++set.restarts_;
      continue;
    }
    set.files_ = std::move(*opened);
    break;
  }
  if (missing) return cannot_read(main, ENOENT);
  if (set.files_.empty()) {
    return fail(Win32::kSharingViolation, ErrorKind::kBusy, "FILE", main.string(),
                "lease files that stand still for a moment; Kea's clean-up renamed them " +
                    std::to_string(set.restarts_) + " times while they were opened");
  }
  const bool alone = set.files_.size() == 1;
  for (OpenLeaseFile& file : set.files_) {
    if (!regular || (file.bytes == 0 && !alone)) continue;
    auto header = LeaseFile::open(file.stream);
    if (!header) {
      Error error = std::move(header).error();
      error.expected += " (" + file.path.string() + ")";
      return tl::unexpected(std::move(error));
    }
    file.format_version = header->format_version();
    file.stream.clear();
    file.stream.seekg(0);
  }
  return set;
}

std::uint64_t LeaseFileSet::bytes() const {
  std::uint64_t out = 0;
  for (const OpenLeaseFile& file : files_) out += file.bytes;
  return out;
}

bool LeaseFileSet::moved_on() const {
  const auto now = look_at(files_.back().path);
  return !now || !*now || (*now)->identity != files_.back().identity;
}

}  // namespace leaseledger::kea
