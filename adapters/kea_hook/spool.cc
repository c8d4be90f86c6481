#include "adapters/kea_hook/spool.h"

#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

namespace leaseledger::kea_hook {
namespace {

constexpr char kMagic[] = "LLSPOOL1";
constexpr std::uint64_t kMagicSize = 8;
constexpr std::uint64_t kHeadSize = 8;
constexpr std::uint32_t kLongest = 16U << 20;

bool read_all(int fd, void* to, std::size_t size, std::uint64_t at) {
  auto* octets = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t n = ::pread(fd, octets, size, static_cast<off_t>(at));
    if (n <= 0) return false;
    octets += n;
    at += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int fd, const std::string& text, std::uint64_t at) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n =
        ::pwrite(fd, text.data() + done, text.size() - done, static_cast<off_t>(at + done));
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Spool::Spool(std::string path, std::uint64_t limit) : path_(std::move(path)), limit_(limit) {
  if (path_.empty()) return;
  if (open()) return;
  problem_ = "spool-file '" + path_ + "': a file that Kea may write (" + std::strerror(errno) +
             "); see AppArmor in docs/kea_hook.md";
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Spool::~Spool() {
  if (fd_ >= 0) ::close(fd_);
}

bool Spool::open() {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) return false;
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return false;
  char magic[kMagicSize] = {};
  const bool ours = status.st_size >= static_cast<off_t>(kMagicSize) &&
                    read_all(fd_, magic, kMagicSize, 0) &&
                    std::memcmp(magic, kMagic, kMagicSize) == 0;
  if (status.st_size != 0 && !ours) {
    errno = EEXIST;  // somebody else's file
    return false;
  }
  if (!ours && !write_all(fd_, std::string(kMagic, kMagicSize), 0)) return false;
  read_at_ = next_at_ = kMagicSize;
  end_ = scan(kMagicSize, std::numeric_limits<std::size_t>::max(), nullptr);
  return ::ftruncate(fd_, static_cast<off_t>(end_)) == 0;
}

/// Where the whole entries from `from` on end.
std::uint64_t Spool::scan(std::uint64_t from, std::size_t most, std::vector<std::string>* out) {
  std::string text;
  for (std::size_t count = 0; count < most; ++count) {
    std::uint32_t head[2];
    if (!read_all(fd_, head, sizeof head, from) || head[0] > kLongest) return from;
    text.resize(head[0]);
    if (!read_all(fd_, text.data(), text.size(), from + kHeadSize) ||
        XXH32(text.data(), text.size(), 0) != head[1])
      return from;
    from += kHeadSize + text.size();
    if (out != nullptr) out->push_back(text);
  }
  return from;
}

bool Spool::append(const std::string& text) {
  if (fd_ < 0 || text.size() > kLongest || end_ + kHeadSize + text.size() > limit_) return false;
  const std::uint32_t head[2] = {static_cast<std::uint32_t>(text.size()),
                                 XXH32(text.data(), text.size(), 0)};
  std::string entry(reinterpret_cast<const char*>(head), sizeof head);
  entry += text;
  if (!write_all(fd_, entry, end_)) {
    [[maybe_unused]] const int cut = ::ftruncate(fd_, static_cast<off_t>(end_));
    return false;
  }
  end_ += entry.size();
  return true;
}

std::vector<std::string> Spool::next(std::size_t most) {
  std::vector<std::string> out;
  if (fd_ < 0 || empty()) return out;
  next_at_ = scan(read_at_, most, &out);
  // Damaged under our hands: what cannot be read is given up.
  if (out.empty()) read_at_ = next_at_ = end_;
  return out;
}

void Spool::sent() {
  read_at_ = next_at_;
  if (!empty()) return;
  if (::ftruncate(fd_, static_cast<off_t>(kMagicSize)) == 0)
    read_at_ = next_at_ = end_ = kMagicSize;
}

}  // namespace leaseledger::kea_hook
