#include "replay/book_snapshots.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <span>
#include <unistd.h>
#include <utility>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;

Status io_error(const fs::path& path, const std::string& what) {
  return fail(Win32::kWriteFault, ErrorKind::kIo, path.string(), what,
              "a directory that can be written to, with room");
}

/// A file that is written under another name and appears whole or not at all.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path path)
      : path_(std::move(path)),
        temporary_(path_.string() + ".tmp"),
        fd_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)) {}
  ~AtomicFile() {
    if (fd_ >= 0) {
      ::close(fd_);
      ::unlink(temporary_.c_str());
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::uint8_t> bytes) {
    while (ok_ && !bytes.empty()) {
      const ssize_t written = fd_ < 0 ? -1 : ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        ok_ = false;
      } else {
        bytes = bytes.subspan(static_cast<std::size_t>(written));
      }
    }
  }

  Status finish() {
    if (!ok_ || ::fsync(fd_) != 0) return io_error(path_, "write failed");
    ::close(std::exchange(fd_, -1));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error(path_, "rename failed");
    const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = folder >= 0 && ::fsync(folder) == 0;
    if (folder >= 0) ::close(folder);
    return synced ? Status{} : io_error(path_.parent_path(), "sync failed");
  }

 private:
  fs::path path_;
  std::string temporary_;
  int fd_;
  bool ok_ = true;
};

/// A file that is read in pieces, from several threads.
class InputFile {
 public:
  explicit InputFile(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~InputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  bool read(std::uint64_t offset, std::span<std::uint8_t> out) const {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      offset += static_cast<std::uint64_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return true;
  }
  /// 0 when it is not there.
  std::uint64_t size() const {
    const off_t end = fd_ < 0 ? -1 : ::lseek(fd_, 0, SEEK_END);
    return end < 0 ? 0 : static_cast<std::uint64_t>(end);
  }

 private:
  int fd_;
};

}  // namespace

BookSnapshots::BookSnapshots(fs::path folder, std::function<void(const std::string&)> warn)
    : folder_(std::move(folder)), warn_(std::move(warn)) {}

fs::path BookSnapshots::path_of(Position position) const {
  char name[40];
  std::snprintf(name, sizeof name, "%020llu.book", static_cast<unsigned long long>(position));
  return folder_ / name;
}

std::vector<Position> BookSnapshots::positions() const {
  std::vector<Position> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    Position position = 0;
    const auto [end, failed] = std::from_chars(
        name.data(), name.data() + std::min<std::size_t>(name.size(), 20), position);
    if (failed == std::errc{} && name == path_of(position).filename()) out.push_back(position);
  }
  std::ranges::sort(out);
  return out;
}

std::vector<Position> BookSnapshots::retained(const std::vector<Position>& positions) {
  std::vector<Position> kept;
  if (positions.empty()) return kept;
  const Position newest = positions.back();
  for (auto it = positions.rbegin(); it != positions.rend(); ++it) {
    const Position distance = newest - *it;
    if (kept.size() < 2 || kept.back() - *it >= distance / 4) kept.push_back(*it);
  }
  std::ranges::reverse(kept);
  return kept;
}

Status BookSnapshots::save(const LeaseBook& book) {
  const auto image = book.image();
  if (image == nullptr) {
    return fail(Win32::kBusy, ErrorKind::kBusy, folder_.string(), "a snapshot is being saved",
                "one at a time");
  }
  return save(*image);
}

Status BookSnapshots::save(BookImage& image) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return io_error(folder_, error.message());
  AtomicFile file(path_of(image.position()));
  image.write([&](std::span<const std::uint8_t> bytes) { file.write(bytes); });
  LEASELEDGER_TRY(file.finish());
  const auto all = positions();
  const auto keep = retained(all);
  for (const Position position : all) {
    if (!std::ranges::binary_search(keep, position)) fs::remove(path_of(position), error);
  }
  return {};
}

Result<LeaseBook> BookSnapshots::load(Position position) const {
  const fs::path path = path_of(position);
  const auto damaged = [&] {
    return corrupt(path.string(), "",
                   "a whole snapshot; it can be deleted, the log has everything");
  };
  const InputFile file(path);
  std::array<std::uint8_t, kBookMagicOctets> magic{};
  if (!file.read(0, magic)) return damaged();
  if (is_book_of_older_version(magic)) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kCorrupt, path.string(), "",
                "a snapshot of this version; it can be deleted");
  }
  auto book = LeaseBook::load(
      [&file](std::uint64_t offset, std::span<std::uint8_t> out) { return file.read(offset, out); },
      file.size());
  if (!book || book->position() != position) return damaged();
  return book;
}

LeaseBook BookSnapshots::nearest(Position position) const {
  const auto all = positions();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (*it > position) continue;
    auto book = load(*it);
    if (book) return std::move(*book);
    // An older version's is as good as none.
    if (warn_ && book.error().code != Win32::kRevisionMismatch) warn_(book.error().to_string());
  }
  return {};
}

}  // namespace leaseledger
