#include "projections/segment_file.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leaseledger {
namespace {

namespace fs = std::filesystem;
static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

constexpr std::array<char, 8> kMagic = {'L', 'L', 'V', 'I', 'E', 'W', 'S', 1};
constexpr std::size_t kLineBytes = 64;  // of a filter
constexpr std::size_t kLineBits = (kLineBytes - 4) * 8;
constexpr std::size_t kBitsPerEntry = 10;
constexpr unsigned kProbes = 6;
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;

/// For each block: how its first key begins, and its checksum.
struct IndexEntry {
  std::array<char, 16> start;
  std::uint64_t checksum;
};
static_assert(sizeof(IndexEntry) == 24);

struct Part {
  std::uint64_t entries;
  std::uint64_t data;  // offsets in the file
  std::uint64_t filter;
  std::uint64_t lines;  // of the filter
  std::uint64_t index;
  std::uint64_t index_checksum;
};

/// The end of a file.
struct Footer {
  std::array<Part, kViews> parts;
  std::uint64_t first;
  std::uint64_t last;
  LedgerKey ledger;
  std::array<char, 8> magic;
  std::uint64_t checksum;  // of what is before
};
static_assert(sizeof(Footer) == kViews * 48 + 48);

std::uint64_t block_checksum(std::string_view bytes, View view, std::uint64_t number) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(),
                              static_cast<std::uint64_t>(view) << 56 | number);
}
std::uint32_t line_checksum(const char* line, std::uint64_t number) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(line, kLineBytes - 4, number));
}
std::uint64_t blocks_of(std::uint64_t entries) {
  return (entries + kBlockEntries - 1) / kBlockEntries;
}

std::array<char, 16> start_of(std::string_view key) {
  std::array<char, 16> out{};
  std::copy_n(key.begin(), std::min(key.size(), out.size()), out.begin());
  return out;
}

__extension__ using Wide = unsigned __int128;

/// Where the octets of a key are in a filter of `lines`.
struct Probe {
  std::uint64_t line;
  std::uint64_t bits;
  Probe(std::string_view prefix, std::uint64_t lines) {
    const XXH128_hash_t hash = XXH3_128bits(prefix.data(), prefix.size());
    line = static_cast<std::uint64_t>(static_cast<Wide>(hash.high64) * lines >> 64);
    bits = hash.low64;
  }
  unsigned bit(unsigned probe) const {
    return static_cast<unsigned>(bits >> (10 * probe) & 0x3FF) % kLineBits;
  }
};

tl::unexpected<Error> damaged(const fs::path& path, const std::string& what) {
  return corrupt(path.string(), what,
                 "a file as the projector wrote it; 'leaseledger repair views' builds it anew");
}
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool read(void* out, std::size_t size, std::uint64_t offset) const {
    auto* at = static_cast<char*>(out);
    while (size > 0) {
      const ssize_t got = ::pread(fd_, at, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
      offset += static_cast<std::uint64_t>(got);
    }
    return true;
  }

 private:
  int fd_;
};

class FileSegment final : public Segment {
 public:
  FileSegment(const fs::path& path, const Footer& footer, std::unique_ptr<File> file,
              std::array<std::vector<IndexEntry>, kViews> index)
      : Segment(footer.first, footer.last),
        path_(path),
        footer_(footer),
        file_(std::move(file)),
        index_(std::move(index)) {}

  bool in_memory() const override { return false; }
  std::uint64_t entries(View view) const override { return part(view).entries; }
  std::uint64_t blocks(View view) const override { return index(view).size(); }

  Result<std::string_view> block(View view, std::uint64_t number,
                                 std::vector<char>& buffer) const override {
    const std::size_t size = entry_bytes(view);
    const std::uint64_t from = number * kBlockEntries;
    buffer.resize(std::min<std::uint64_t>(kBlockEntries, part(view).entries - from) * size);
    if (!file_->read(buffer.data(), buffer.size(), part(view).data + from * size))
      return damaged(path_, "a block of " + std::string(name_of(view)) + " cannot be read");
    const std::string_view entries(buffer.data(), buffer.size());
    if (block_checksum(entries, view, number) != index(view)[number].checksum)
      return damaged(path_, "checksum of a block of " + std::string(name_of(view)));
    return entries;
  }

  std::pair<std::uint64_t, std::uint64_t> blocks_about(View view,
                                                       std::string_view key) const override {
    const auto& all = index(view);
    const auto wanted = start_of(key);
    const auto starts = [](const IndexEntry& entry) -> const std::array<char, 16>& {
      return entry.start;
    };
    const auto before = [](const std::array<char, 16>& a, const std::array<char, 16>& b) {
      return std::memcmp(a.data(), b.data(), a.size()) < 0;
    };
    const auto first = std::ranges::lower_bound(all, wanted, before, starts);
    const auto last = std::ranges::upper_bound(first, all.end(), wanted, before, starts);
    const auto at = static_cast<std::uint64_t>(first - all.begin());
    return {at == 0 ? 0 : at - 1,
            std::max<std::uint64_t>(static_cast<std::uint64_t>(last - all.begin()), 1)};
  }

  Result<bool> may_have(View view, std::string_view prefix) const override {
    const Part& p = part(view);
    if (p.entries == 0) return false;
    const Probe probe(prefix, p.lines);
    char line[kLineBytes];
    if (!file_->read(line, sizeof line, p.filter + probe.line * kLineBytes))
      return damaged(path_, "a filter cannot be read");
    std::uint32_t checksum = 0;
    std::memcpy(&checksum, line + kLineBytes - 4, 4);
    if (line_checksum(line, probe.line) != checksum) return damaged(path_, "checksum of a filter");
    for (unsigned i = 0; i < kProbes; ++i) {
      if ((line[probe.bit(i) / 8] >> (probe.bit(i) % 8) & 1) == 0) return false;
    }
    return true;
  }

 private:
  const Part& part(View view) const { return footer_.parts[static_cast<std::size_t>(view)]; }
  const std::vector<IndexEntry>& index(View view) const {
    return index_[static_cast<std::size_t>(view)];
  }

  fs::path path_;
  Footer footer_;
  std::unique_ptr<File> file_;
  std::array<std::vector<IndexEntry>, kViews> index_;
};

/// Appends to a file through a buffer.
class Output {
 public:
  Output(fs::path path, int fd) : path_(std::move(path)), file_(fd) {
    buffer_.reserve(2 * kWriteBytes);
  }
  Status write(const void* data, std::size_t size) {
    buffer_.append(static_cast<const char*>(data), size);
    offset_ += size;
    return buffer_.size() < kWriteBytes ? Status{} : flush();
  }
  std::uint64_t offset() const { return offset_; }
  Status finish() {
    LEASELEDGER_TRY(flush());
    if (::fdatasync(file_.fd()) != 0) return view_io_error(path_, "sync");
    return {};
  }

 private:
  Status flush() {
    const char* at = buffer_.data();
    for (std::size_t left = buffer_.size(); left > 0;) {
      const ssize_t done = ::write(file_.fd(), at, left);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return view_io_error(path_, "write");
      at += done;
      left -= static_cast<std::size_t>(done);
    }
    // Begins to write back, so that the sync in the end does not have everything to do.
    (void)::sync_file_range(file_.fd(), static_cast<off_t>(written_),
                            static_cast<off_t>(buffer_.size()), SYNC_FILE_RANGE_WRITE);
    written_ += buffer_.size();
    buffer_.clear();
    return {};
  }

  fs::path path_;
  File file_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  std::uint64_t written_ = 0;
};

Status write_part(Output& out, std::span<const std::shared_ptr<const Segment>> parts, View view,
                  const std::function<bool()>& go_on, Part& part) {
  const std::size_t size = entry_bytes(view);
  const std::size_t filter_size = filter_bytes(view);
  for (const auto& each : parts) part.entries += each->entries(view);
  part.data = out.offset();
  part.lines =
      filter_size == 0 || part.entries == 0 ? 0 : part.entries * kBitsPerEntry / kLineBits + 1;
  std::string filter(part.lines * kLineBytes, '\0');
  std::vector<IndexEntry> index;
  index.reserve(blocks_of(part.entries));
  std::string block;
  block.reserve(kBlockEntries * size);
  Status status;
  const auto end_block = [&] {
    index.push_back({start_of(std::string_view(block).substr(0, key_bytes(view))),
                     block_checksum(block, view, index.size())});
    status = out.write(block.data(), block.size());
    block.clear();
    if (status && go_on && (index.size() & 0xFF) == 0 && !go_on())
      status = fail(Win32::kOperationAborted, ErrorKind::kBusy, "views", "", "to be let run");
    return status.has_value();
  };
  LEASELEDGER_TRY(merge_entries(parts, view, [&](const char* entry) {
    if (part.lines != 0) {
      const std::string_view prefix(entry, filter_size);
      const bool again = !block.empty() &&
                         std::memcmp(block.data() + block.size() - size, entry, filter_size) == 0;
      if (!again) {
        const Probe probe(prefix, part.lines);
        char* line = filter.data() + probe.line * kLineBytes;
        for (unsigned i = 0; i < kProbes; ++i)
          line[probe.bit(i) / 8] =
              static_cast<char>(line[probe.bit(i) / 8] | 1 << (probe.bit(i) % 8));
      }
    }
    block.append(entry, size);
    return block.size() < kBlockEntries * size || end_block();
  }));
  if (status && !block.empty()) end_block();
  LEASELEDGER_TRY(status);
  for (std::uint64_t line = 0; line < part.lines; ++line) {
    char* at = filter.data() + line * kLineBytes;
    const std::uint32_t checksum = line_checksum(at, line);
    std::memcpy(at + kLineBytes - 4, &checksum, 4);
  }
  part.filter = out.offset();
  LEASELEDGER_TRY(out.write(filter.data(), filter.size()));
  part.index = out.offset();
  const std::size_t index_size = index.size() * sizeof(IndexEntry);
  part.index_checksum = XXH3_64bits(index.data(), index_size);
  return out.write(index.data(), index_size);
}

}  // namespace

tl::unexpected<Error> view_io_error(const fs::path& path, const char* what) {
  const int error = errno;
  return fail(error == ENOSPC ? Win32::kDiskFull : Win32::kIoDevice, ErrorKind::kIo, path.string(),
              std::string(what) + ": " + std::strerror(error), "storage that works and has room");
}

std::string segment_file_name(Position first, Position last) {
  char name[64];
  std::snprintf(name, sizeof name, "%020llu-%020llu.segment",
                static_cast<unsigned long long>(first), static_cast<unsigned long long>(last));
  return name;
}

Result<std::shared_ptr<const Segment>> open_segment_file(const fs::path& path,
                                                         const LedgerKey& ledger) {
  auto file = std::make_unique<File>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about {};
  if (file->fd() < 0 || ::fstat(file->fd(), &about) != 0)
    return errno == ENOENT ? damaged(path, "it is missing") : view_io_error(path, "open");
  const auto size = static_cast<std::uint64_t>(about.st_size);
  Footer footer{};
  if (size < sizeof footer || !file->read(&footer, sizeof footer, size - sizeof footer))
    return damaged(path, std::to_string(size) + " bytes");
  if (footer.checksum != XXH3_64bits(&footer, offsetof(Footer, checksum)) || footer.magic != kMagic)
    return damaged(path, "checksum of its end");
  if (footer.ledger != ledger) return damaged(path, "it belongs to another ledger");
  std::array<std::vector<IndexEntry>, kViews> index;
  for (std::size_t i = 0; i < kViews; ++i) {
    const Part& part = footer.parts[i];
    index[i].resize(blocks_of(part.entries));
    const std::size_t bytes = index[i].size() * sizeof(IndexEntry);
    if (!file->read(index[i].data(), bytes, part.index) ||
        XXH3_64bits(index[i].data(), bytes) != part.index_checksum)
      return damaged(path, "checksum of an index");
  }
  return std::shared_ptr<const Segment>(
      std::make_shared<FileSegment>(path, footer, std::move(file), std::move(index)));
}

Result<std::shared_ptr<const Segment>> write_segment_file(
    const fs::path& folder, const LedgerKey& ledger,
    std::span<const std::shared_ptr<const Segment>> parts, const std::function<bool()>& go_on) {
  Footer footer{};
  footer.first = parts.front()->first();
  footer.last = parts.back()->last();
  footer.ledger = ledger;
  footer.magic = kMagic;
  const fs::path path = folder / segment_file_name(footer.first, footer.last);
  const fs::path temporary = path.string() + ".new";
  const auto written = [&]() -> Status {
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return view_io_error(temporary, "open");
    Output out(temporary, fd);
    for (std::size_t i = 0; i < kViews; ++i)
      LEASELEDGER_TRY(write_part(out, parts, static_cast<View>(i), go_on, footer.parts[i]));
    footer.checksum = XXH3_64bits(&footer, offsetof(Footer, checksum));
    LEASELEDGER_TRY(out.write(&footer, sizeof footer));
    LEASELEDGER_TRY(out.finish());
    if (::rename(temporary.c_str(), path.c_str()) != 0) return view_io_error(path, "rename");
    return {};
  }();
  if (!written) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return tl::unexpected(written.error());
  }
  return open_segment_file(path, ledger);
}

}  // namespace leaseledger
