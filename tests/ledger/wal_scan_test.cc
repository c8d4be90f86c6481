#include "ledger/wal_scan.h"

#include "tests/support/damage.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace leaseledger::test {
namespace {

using Verdict = LogFileScan::Verdict;

/// Writes RocksDB's log format, so that the tests need no RocksDB.
class LogFile {
 public:
  /// A record of `size` bytes, with `count` changes.
  void add(std::size_t size, std::uint32_t count = 1) {
    starts.push_back(bytes.size());
    std::string payload(size, 'x');
    std::memcpy(payload.data(), &sequence_, 8);
    std::memcpy(payload.data() + 8, &count, 4);
    for (std::size_t i = 12; i < size; ++i) payload[i] = static_cast<char>(i * 7 + sequence_);
    sequence_ += count;
    bool first = true;
    for (std::size_t at = 0; first || at < payload.size();) {
      std::size_t room = 32768 - bytes.size() % 32768;
      if (room < 7) {
        bytes.append(room, '\0');
        room = 32768;
      }
      const std::size_t length = std::min(room - 7, payload.size() - at);
      const bool last = at + length == payload.size();
      fragment(static_cast<char>(first ? (last ? 1 : 2) : (last ? 4 : 3)),
               payload.substr(at, length));
      at += length;
      first = false;
    }
    ends.push_back(bytes.size());
  }
  void skip_sequence() { ++sequence_; }

  std::string bytes;
  std::vector<std::size_t> starts;
  std::vector<std::size_t> ends;

 private:
  void fragment(char type, const std::string& payload) {
    const std::string covered = type + payload;
    const std::uint32_t crc =
        crc32c(0, reinterpret_cast<const std::uint8_t*>(covered.data()), covered.size());
    const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
    const auto length = static_cast<std::uint16_t>(payload.size());
    bytes.append(reinterpret_cast<const char*>(&masked), 4);
    bytes.append(reinterpret_cast<const char*>(&length), 2);
    bytes += covered;
  }
  std::uint64_t sequence_ = 1;
};

class WalScan : public ::testing::Test {
 protected:
  LogFileScan scan(const std::string& bytes, LogFileKind kind = LogFileKind::kWal) {
    write_file(directory_.path() / "wal", bytes);
    const auto scanned = scan_log_file(directory_.path() / "wal", kind);
    EXPECT_TRUE(scanned) << scanned.error().to_string();
    return *scanned;
  }
  /// A file of `records` records, short ones and ones of several fragments.
  static LogFile sample(std::size_t records, std::uint64_t salt) {
    Random random(salt);
    LogFile file;
    for (std::size_t i = 0; i < records; ++i) {
      file.add(random.one_in(4) ? 12 + random.below(100'000) : 12 + random.below(300),
               static_cast<std::uint32_t>(1 + random.below(9)));
    }
    return file;
  }
  TemporaryDirectory directory_;
};

TEST(Crc32c, HasTheValuesOfRfc3720) {
  const std::array<std::uint8_t, 32> zeros{};
  EXPECT_EQ(crc32c(0, zeros.data(), zeros.size()), 0x8a9136aaU);  // appendix B.4
  const std::string digits = "123456789";
  EXPECT_EQ(crc32c(0, reinterpret_cast<const std::uint8_t*>(digits.data()), digits.size()),
            0xe3069283U);
}

TEST_F(WalScan, TakesWholeFilesForWhole) {
  EXPECT_EQ(scan("").verdict, Verdict::kWhole);
  for (std::uint64_t salt = 0; salt < 20; ++salt) {
    const LogFile file = sample(30, salt);
    const LogFileScan scanned = scan(file.bytes);
    EXPECT_EQ(scanned.verdict, Verdict::kWhole)
        << scanned.damage << " at " << scanned.damage_offset;
    EXPECT_EQ(scanned.records, 30U);
    EXPECT_EQ(scanned.first_sequence, 1U);
    EXPECT_EQ(scan(file.bytes + std::string(5000, '\0')).verdict, Verdict::kWhole);
    EXPECT_EQ(scan(file.bytes + std::string(100'000, '\0')).verdict, Verdict::kWhole);
  }
}

TEST_F(WalScan, TakesACutEndForATornRecord) {
  const LogFile file = sample(12, 1);
  Random random(7);
  for (int i = 0; i < 400; ++i) {
    const std::size_t size = random.below(file.bytes.size());
    const LogFileScan scanned = scan(file.bytes.substr(0, size));
    const auto whole =
        static_cast<std::size_t>(std::ranges::upper_bound(file.ends, size) - file.ends.begin());
    EXPECT_EQ(scanned.records, whole);
    const std::size_t after = whole == 0 ? 0 : file.ends[whole - 1];
    // A file that ends at a record, or in the padding behind it, cannot be told from a whole one.
    EXPECT_EQ(scanned.verdict, size > after + 6 ? Verdict::kTorn : scanned.verdict) << size;
    EXPECT_NE(scanned.verdict, Verdict::kDamaged) << size;
  }
}

TEST_F(WalScan, TellsDamageInTheLastRecordFromDamageBeforeIt) {
  const LogFile file = sample(12, 2);
  Random random(8);
  for (int i = 0; i < 800; ++i) {
    const std::size_t record =
        random.one_in(2) ? file.starts.size() - 1 : random.below(file.starts.size());
    const std::size_t length = file.ends[record] - file.starts[record];
    std::string damaged = file.bytes;
    std::size_t at = file.starts[record] + random.below(length);
    if (random.one_in(2)) {
      at = file.starts[record] + random.below(std::min<std::size_t>(length, 8));
    }
    flip_bit(damaged, at * 8 + random.below(8));
    if (damaged == file.bytes) continue;
    const LogFileScan scanned = scan(damaged);
    // bytes behind the last fragment of a block
    const bool in_padding = scanned.records == file.starts.size();
    if (in_padding) continue;
    EXPECT_EQ(scanned.verdict,
              record + 1 == file.starts.size() ? Verdict::kTorn : Verdict::kDamaged)
        << "record " << record << " byte " << at << ": " << scanned.damage;
    EXPECT_EQ(scanned.records, record);
  }
}

TEST_F(WalScan, NoticesZerosThatRocksdbWouldSkip) {
  LogFile file;
  for (int i = 0; i < 6; ++i) file.add(505);  // 512 bytes each with the header
  for (int i = 0; i < 5; ++i) {
    std::string damaged = file.bytes;
    std::memset(damaged.data() + 512 * i, 0, 512);
    EXPECT_EQ(scan(damaged).verdict, Verdict::kDamaged) << i;
  }
  std::string damaged = file.bytes;
  std::memset(damaged.data() + 512 * 5, 0, 512);
  EXPECT_EQ(scan(damaged).records, 5U);
}

TEST_F(WalScan, NoticesRecordsThatAreNotThere) {
  LogFile file;
  file.add(100);
  file.skip_sequence();
  file.add(100);
  EXPECT_EQ(scan(file.bytes).verdict, Verdict::kDamaged);
  EXPECT_EQ(scan(file.bytes, LogFileKind::kManifest).verdict, Verdict::kWhole);
}

TEST_F(WalScan, SaysWhichFileItCannotRead) {
  const auto scanned = scan_log_file(directory_.path() / "absent", LogFileKind::kWal);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace leaseledger::test
