#include "ledger/directory.h"

#include "ledger/check.h"
#include "ledger/record.h"

#include <xxhash.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace leaseledger {
namespace {

constexpr std::size_t kMarkerLimit = 4096;
constexpr std::string_view kMagicWord = "leaseledger ";
constexpr std::string_view kIdWord = "id ";
constexpr std::string_view kChecksumWord = "checksum ";

std::string reason() { return std::system_category().message(errno); }

tl::unexpected<Error> failed(const std::filesystem::path& path, std::string expected) {
  const bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
  const Win32 code = denied            ? Win32::kAccessDenied
                     : errno == ENOSPC ? Win32::kDiskFull
                                       : Win32::kIoDevice;
  return fail(code, denied ? ErrorKind::kDenied : ErrorKind::kIo, path.string(), reason(),
              std::move(expected));
}

std::string hex_checksum(std::string_view text) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits.data();
}

/// The rest of the first line that begins with `word`.
std::string_view line_of(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    if (line.starts_with(word)) return line.substr(word.size());
    at = end + 1;
  }
  return {};
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(path, "a readable file");
  std::string text(kMarkerLimit + 1, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  const int error = errno;
  ::close(fd);
  errno = error;
  if (got < 0) return failed(path, "a readable file");
  text.resize(static_cast<std::size_t>(got));
  return text;
}

Status write_synced(const std::filesystem::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return failed(path, "a file that can be written");
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written) return failed(path, "a file that can be written");
  return {};
}

}  // namespace

Result<LedgerDirectory> LedgerDirectory::create(const std::filesystem::path& path) {
  LedgerDirectory directory(path);
  if (::mkdir(path.c_str(), 0750) != 0) {
    if (errno != EEXIST) return failed(path, "a directory that can be made, in one that is there");
    std::error_code error;
    if (std::filesystem::exists(directory.marker(), error)) {
      return fail(Win32::kFileExists, ErrorKind::kRefused, path.string(), "",
                  "not a ledger already");
    }
    const bool empty = std::filesystem::is_empty(path, error);
    if (error)
      return fail(Win32::kAccessDenied, ErrorKind::kDenied, path.string(), error.message(),
                  "a readable directory");
    if (!empty || !std::filesystem::is_directory(path, error)) {
      return fail(Win32::kDirNotEmpty, ErrorKind::kRefused, path.string(), "",
                  "an empty directory, or none");
    }
  }
  LEASELEDGER_TRY(directory.lock(Access::kWrite));
  const auto parent = std::filesystem::absolute(path).parent_path();
  LEASELEDGER_TRY(sync_directory(parent));
  return directory;
}

Result<LedgerDirectory> LedgerDirectory::open(const std::filesystem::path& path, Access access) {
  LedgerDirectory directory(path);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, path.string(), "",
                "a ledger's directory; 'leaseledger init' makes one");
  }
  if (!std::filesystem::is_directory(status) ||
      !std::filesystem::exists(directory.marker(), error)) {
    if (error == std::errc::permission_denied) {
      return fail(Win32::kAccessDenied, ErrorKind::kDenied, path.string(), error.message(),
                  "a directory that this user may read");
    }
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, directory.marker().string(), "",
                "a ledger's directory has this file; this is none, or it was never finished, or "
                "the file was lost");
  }
  LEASELEDGER_TRY(directory.read_marker());
  LEASELEDGER_TRY(directory.lock(access));
  return directory;
}

Status LedgerDirectory::lock(Access access) {
  const auto path = path_ / "LOCK";
  const int flags = access == Access::kWrite ? O_RDWR | O_CREAT : O_RDONLY;
  lock_fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (lock_fd_ < 0) {
    // A copy on read-only media may have no lock file, and nobody can write there.
    if (access == Access::kRead && errno == ENOENT) return {};
    return failed(path, "a file that this user may open; is the medium read-only?");
  }
  if (::flock(lock_fd_, (access == Access::kWrite ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed(path, "a file system with locks");
    std::array<char, 24> text{};
    std::string holder = ::pread(lock_fd_, text.data(), text.size() - 1, 0) > 0 ? text.data() : "";
    holder.resize(std::min(holder.find('\n'), holder.size()));
    return fail(Win32::kSharingViolation, ErrorKind::kBusy, path_.string(), "",
                holder.empty() ? "not open in another process"
                               : "not open in another process; process " + holder + " has it");
  }
  if (access == Access::kRead) return {};
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_fd_, 0) != 0 || ::pwrite(lock_fd_, pid.data(), pid.size(), 0) < 0)
    return failed(path, "a file that can be written");
  return {};
}

Status LedgerDirectory::read_marker() {
  LEASELEDGER_ASSIGN(const std::string text, read_small_file(marker()));
  const auto damaged = [&](std::string what) {
    return corrupt(marker().string(), std::move(what),
                   "the text of docs/formats/directory.md; restore it from a backup");
  };
  const std::size_t last = text.rfind(kChecksumWord);
  if (text.size() > kMarkerLimit || last == std::string::npos ||
      (last != 0 && text[last - 1] != '\n'))
    return damaged("no checksum");
  if (text.substr(last) !=
      std::string(kChecksumWord) + hex_checksum(std::string_view(text).substr(0, last)) + "\n") {
    return damaged("checksum mismatch");
  }
  const auto digits = line_of(text, kMagicWord);
  unsigned version = 0;
  const auto parsed = std::from_chars(digits.begin(), digits.end(), version);
  if (!text.starts_with(kMagicWord) || parsed.ec != std::errc{} || version == 0)
    return damaged("no version");
  if (version > kDirectoryVersion) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kInvalid, path_.string(),
                "format " + std::to_string(version),
                "format " + std::to_string(kDirectoryVersion) + "; use a newer leaseledger");
  }
  const auto id = parse_command_id(line_of(text, kIdWord));
  if (!id) return damaged("no id");
  id_ = *id;
  return {};
}

Status LedgerDirectory::write_marker(const LedgerId& id) {
  id_ = id;
  std::string text = std::string(kMagicWord) + std::to_string(kDirectoryVersion) + "\n" +
                     std::string(kIdWord) + format_command_id(id) + "\n";
  text += std::string(kChecksumWord) + hex_checksum(text) + "\n";
  const auto unfinished = path_ / "LEDGER.new";
  LEASELEDGER_TRY(write_synced(unfinished, text));
  if (::rename(unfinished.c_str(), marker().c_str()) != 0)
    return failed(marker(), "a name that can be given");
  return sync_directory(path_);
}

LedgerDirectory::LedgerDirectory(LedgerDirectory&& other) noexcept { *this = std::move(other); }

LedgerDirectory& LedgerDirectory::operator=(LedgerDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_fd_, other.lock_fd_);
  id_ = other.id_;
  return *this;
}

LedgerDirectory::~LedgerDirectory() {
  if (lock_fd_ >= 0) ::close(lock_fd_);  // ends the lock
}

LedgerId new_ledger_id() {
  LedgerId id{};
  LEASELEDGER_CHECK(::getrandom(id.data(), id.size(), 0) == static_cast<ssize_t>(id.size()));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x40);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

Status sync_directory(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  errno = error;
  if (!synced) return failed(path, "a directory that can be synced");
  return {};
}

}  // namespace leaseledger
