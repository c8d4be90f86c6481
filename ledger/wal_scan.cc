#include "ledger/wal_scan.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace leaseledger {
namespace {

// Source: RocksDB db/log_format.h.
constexpr std::size_t kLogBlockBytes = 32768;
constexpr std::size_t kFragmentHeaderBytes = 7;  // masked CRC-32C 4, length 2, type 1
// sequence 8, count 4: the beginning of a write batch
constexpr std::size_t kBatchHeaderBytes = 12;
enum FragmentType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

constexpr auto kCrcTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
  }
  return tables;
}();

template <typename T>
T load(const std::uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// RocksDB stores a CRC of data that may itself hold CRCs in this form.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

struct Fragment {
  FragmentType type;
  std::span<const std::uint8_t> payload;
};

/// The fragment at the beginning of `bytes`, which end where the block ends; otherwise why there is none.
struct Parsed {
  std::optional<Fragment> fragment;
  const char* problem = "";
};
Parsed parse_fragment(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kFragmentHeaderBytes) return {{}, "header cut off"};
  const auto length = load<std::uint16_t>(bytes.data() + 4);
  const std::uint8_t type = bytes[6];
  if (type < kFull || type > kLast) return {{}, "unknown type of fragment"};
  if (kFragmentHeaderBytes + length > bytes.size()) return {{}, "fragment longer than its block"};
  if (masked(crc32c(0, bytes.data() + 6, 1U + length)) != load<std::uint32_t>(bytes.data()))
    return {{}, "checksum mismatch"};
  return {Fragment{static_cast<FragmentType>(type), bytes.subspan(kFragmentHeaderBytes, length)},
          ""};
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

class Scanner {
 public:
  Scanner(LogFileKind kind, LogFileScan& out) : kind_(kind), out_(out) {}

  /// The next block of the file; all but the last are whole.
  void block(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    std::size_t at = 0;
    while (at < bytes.size() && out_.verdict != LogFileScan::Verdict::kDamaged) {
      const auto rest = bytes.subspan(at);
      if (all_zero(
              rest)) {  // the padding of a block, or room that was never written; what follows decides
        if (rest.size() >= kFragmentHeaderBytes && !zeros_at_) zeros_at_ = offset + at;
        return;
      }
      if (zeros_at_) damaged(*zeros_at_, "zeros in place of a record");
      zeros_at_.reset();
      const Parsed parsed = parse_fragment(rest);
      if (parsed.fragment) {
        accept(offset + at, *parsed.fragment);
        at += kFragmentHeaderBytes + parsed.fragment->payload.size();
      } else {
        damaged(offset + at, parsed.problem);
        at = resume(bytes, at + 1);
      }
    }
  }

  void finish() {
    if (out_.verdict == LogFileScan::Verdict::kWhole && in_record_) {
      damaged(record_offset_, "record cut off");
    }
  }

 private:
  /// Where the next whole fragment begins in a block whose fragments cannot be followed any more.
  static std::size_t resume(std::span<const std::uint8_t> bytes, std::size_t at) {
    for (; at + kFragmentHeaderBytes <= bytes.size(); ++at) {
      if (parse_fragment(bytes.subspan(at)).fragment) return at;
    }
    return bytes.size();
  }

  void damaged(std::uint64_t offset, const char* what) {
    if (out_.verdict == LogFileScan::Verdict::kWhole) {
      out_.verdict = LogFileScan::Verdict::kTorn;
      out_.damage_offset = offset;
      out_.damage = what;
    } else if (torn_record_ended_) {
      out_.verdict = LogFileScan::Verdict::kDamaged;
    }
  }

  void accept(std::uint64_t offset, const Fragment& fragment) {
    const bool begins = fragment.type == kFull || fragment.type == kFirst;
    const bool ends = fragment.type == kFull || fragment.type == kLast;
    if (out_.verdict == LogFileScan::Verdict::kTorn) {
      // The rest of the torn record may be whole; anything else is a record behind the damage.
      if (begins || torn_record_ended_) out_.verdict = LogFileScan::Verdict::kDamaged;
      torn_record_ended_ = ends;
      return;
    }
    if (begins == in_record_) {
      damaged(in_record_ ? record_offset_ : offset, "record without its beginning or end");
      if (begins) out_.verdict = LogFileScan::Verdict::kDamaged;
      torn_record_ended_ = ends;
      return;
    }
    if (begins) {
      record_offset_ = offset;
      batch_header_.clear();
    }
    const std::size_t wanted =
        std::min(kBatchHeaderBytes - batch_header_.size(), fragment.payload.size());
    batch_header_.insert(batch_header_.end(), fragment.payload.begin(),
                         fragment.payload.begin() + static_cast<std::ptrdiff_t>(wanted));
    in_record_ = !ends;
    if (ends) record_ended(offset + kFragmentHeaderBytes + fragment.payload.size());
  }

  void record_ended(std::uint64_t end) {
    if (kind_ == LogFileKind::kWal) {
      if (batch_header_.size() < kBatchHeaderBytes) {
        damaged(record_offset_, "record without a write batch");
        torn_record_ended_ = true;
        return;
      }
      const auto sequence = load<std::uint64_t>(batch_header_.data());
      if (out_.first_sequence && sequence != out_.next_sequence) {
        damaged(record_offset_, "records are missing before this one");
        out_.verdict = LogFileScan::Verdict::kDamaged;
        return;
      }
      if (!out_.first_sequence) out_.first_sequence = sequence;
      out_.next_sequence = sequence + load<std::uint32_t>(batch_header_.data() + 8);
    }
    ++out_.records;
    out_.whole_bytes = end;
  }

  const LogFileKind kind_;
  LogFileScan& out_;
  std::vector<std::uint8_t> batch_header_;
  std::uint64_t record_offset_ = 0;
  std::optional<std::uint64_t> zeros_at_;
  bool in_record_ = false;
  bool torn_record_ended_ = false;
};

/// Owns a file descriptor.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

tl::unexpected<Error> unreadable(const std::filesystem::path& path, int error) {
  return corrupt(path.string(), std::error_code(error, std::generic_category()).message(),
                 "a readable file; restore from a backup");
}

}  // namespace

Result<LogFileScan> scan_log_file(const std::filesystem::path& path, LogFileKind kind) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return unreadable(path, errno);
  LogFileScan out;
  Scanner scanner(kind, out);
  std::vector<std::uint8_t> buffer(8 * kLogBlockBytes);
  for (bool more = true; more;) {
    std::size_t have = 0;
    while (have < buffer.size()) {
      const ssize_t got = ::read(file.fd, buffer.data() + have, buffer.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(path, errno);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    more = have == buffer.size();
    for (std::size_t at = 0; at < have; at += kLogBlockBytes) {
      scanner.block(out.file_bytes + at,
                    std::span(buffer).subspan(at, std::min(kLogBlockBytes, have - at)));
    }
    out.file_bytes += have;
  }
  scanner.finish();
  return out;
}

std::uint32_t crc32c(std::uint32_t crc, const std::uint8_t* bytes, std::size_t count) {
  const auto& t = kCrcTables;
  crc = ~crc;
  for (; count >= 8; bytes += 8, count -= 8) {
    const std::uint64_t word = load<std::uint64_t>(bytes) ^ crc;
    crc = t[7][word & 0xFF] ^ t[6][word >> 8 & 0xFF] ^ t[5][word >> 16 & 0xFF] ^
          t[4][word >> 24 & 0xFF] ^ t[3][word >> 32 & 0xFF] ^ t[2][word >> 40 & 0xFF] ^
          t[1][word >> 48 & 0xFF] ^ t[0][word >> 56];
  }
  for (; count > 0; ++bytes, --count) crc = (crc >> 8) ^ t[0][(crc ^ *bytes) & 0xFF];
  return ~crc;
}

}  // namespace leaseledger
