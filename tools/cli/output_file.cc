#include "tools/cli/output_file.h"

#include "ledger/directory.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace leaseledger::cli {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

tl::unexpected<Error> already_there(const std::filesystem::path& path) {
  return fail(Win32::kFileExists, ErrorKind::kRefused, "FILE", path.string(),
              "a name that is free, or --force to replace the file");
}

tl::unexpected<Error> write_failed(const std::filesystem::path& path, int error) {
  const std::string name = path.empty() ? "standard output" : path.string();
  if (error == EACCES || error == EPERM || error == EROFS)
    return fail(Win32::kAccessDenied, ErrorKind::kDenied, "FILE", name,
                std::string("a directory that may be written to (") + std::strerror(error) + ")");
  if (error == ENOENT || error == ENOTDIR)
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", name,
                std::string("a file in a directory that is there (") + std::strerror(error) + ")");
  return fail(Win32::kWriteFault, ErrorKind::kIo, "FILE", name,
              std::string("a file that can be written (") + std::strerror(error) + ")");
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& name, bool overwrite) {
  OutputFile out;
  out.overwrite_ = overwrite;
  if (name == "-") {
    out.fd_ = STDOUT_FILENO;
    return out;
  }
  out.path_ = name;
  struct stat info {};
  if (::stat(name.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return invalid("FILE", name, "a file; this is a directory");
    if (!overwrite) return already_there(out.path_);
  }
  out.temporary_ = out.path_;
  out.temporary_ += ".XXXXXX";
  std::string temporary = out.temporary_.string();
  out.fd_ = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (out.fd_ < 0) return write_failed(out.path_, errno);
  out.temporary_ = temporary;
  // Who held which address is not for everybody: what the umask allows of 0640.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(out.fd_, 0640 & ~mask) != 0) return write_failed(out.path_, errno);
  return out;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)),
      overwrite_(other.overwrite_),
      waiting_(std::move(other.waiting_)) {}

OutputFile::~OutputFile() {
  if (temporary_.empty()) return;
  if (fd_ >= 0) ::close(fd_);
  ::unlink(temporary_.c_str());
}

Status OutputFile::flush() {
  std::string_view rest = waiting_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return write_failed(path_, errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  waiting_.clear();
  return {};
}

Status OutputFile::write(std::string_view text) {
  waiting_ += text;
  return waiting_.size() < kPiece ? Status{} : flush();
}

Status OutputFile::commit() {
  LEASELEDGER_TRY(flush());
  if (temporary_.empty()) return {};
  if (::fsync(fd_) != 0) return write_failed(path_, errno);
  if (::close(std::exchange(fd_, -1)) != 0) return write_failed(path_, errno);
  const unsigned flags = overwrite_ ? 0 : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    if (errno == EEXIST) return already_there(path_);
    return write_failed(path_, errno);
  }
  temporary_.clear();
  const auto folder = path_.parent_path();
  return sync_directory(folder.empty() ? "." : folder);
}

}  // namespace leaseledger::cli
