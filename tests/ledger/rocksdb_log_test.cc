#include "ledger/rocksdb_log.h"

#include "ledger/head_witness.h"
#include "tests/contracts/event_log_contract.h"
#include "tests/support/damage.h"
#include "tests/support/temporary_directory.h"

#include <xxhash.h>

#include <cstdio>
#include <map>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

struct RocksdbHarness {
  RocksdbHarness() {
    auto made = RocksdbLog::create(directory_.path() / "ledger");
    EXPECT_TRUE(made) << made.error().to_string();
    if (made) log_ = std::move(*made);
  }
  EventLog& log() { return *log_; }
  bool reopen() {
    log_.reset();
    auto opened = RocksdbLog::open(directory_.path() / "ledger");
    EXPECT_TRUE(opened) << opened.error().to_string();
    if (opened) log_ = std::move(*opened);
    return true;
  }
  TemporaryDirectory directory_;
  std::unique_ptr<RocksdbLog> log_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(RocksdbLog, EventLogContract, RocksdbHarness);

class RocksdbLogTest : public ::testing::Test {
 protected:
  void create(const RocksdbLogOptions& options = {}) { take(RocksdbLog::create(path_, options)); }
  void open(const RocksdbLogOptions& options = {}) {
    log_.reset();
    take(RocksdbLog::open(path_, options));
  }
  void close() { log_.reset(); }
  void grow(std::size_t count) { grow(*log_, count); }
  static void grow(RocksdbLog& log, std::size_t count) {
    const auto epoch = log.begin_epoch();
    ASSERT_TRUE(epoch) << epoch.error().to_string();
    const Position tail = log.tail();
    const RecordBatch batch = made_up_batch(tail + 1, count);
    const auto appended = log.append({tail, *epoch, batch_id(*epoch << 32 | tail), batch});
    ASSERT_TRUE(appended) << appended.error().to_string();
    ASSERT_EQ(appended->outcome, Appended::Outcome::kAppended);
  }
  static void expect_all(const RocksdbLog& log, Position tail) {
    EXPECT_EQ(log.tail(), tail);
    const auto read = read_made_up(log, 1, tail);
    ASSERT_TRUE(read) << read.error().to_string();
    const Status verified = log.verify();
    EXPECT_TRUE(verified) << verified.error().to_string();
  }
  /// Opening must fail so, with all of `words` in the message.
  void expect_refusal(ErrorKind kind, Win32 code, std::initializer_list<const char*> words,
                      const RocksdbLogOptions& options = {}) {
    close();
    expect_error(RocksdbLog::open(path_, options), kind, code, words);
  }
  template <typename T>
  static void expect_error(const Result<T>& got, ErrorKind kind, Win32 code,
                           std::initializer_list<const char*> words) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, kind) << got.error().to_string();
    EXPECT_EQ(got.error().code, code) << got.error().to_string();
    for (const char* word : words)
      EXPECT_NE(got.error().to_string().find(word), std::string::npos)
          << word << " in " << got.error().to_string();
  }
  fs::path copy(const char* name) {
    fs::copy(path_, directory_.path() / name, fs::copy_options::recursive);
    return directory_.path() / name;
  }

  TemporaryDirectory directory_;
  const fs::path path_ = directory_.path() / "ledger";
  std::unique_ptr<RocksdbLog> log_;

 private:
  void take(Result<std::unique_ptr<RocksdbLog>> got) {
    ASSERT_TRUE(got) << got.error().to_string();
    log_ = std::move(*got);
  }
};

TEST_F(RocksdbLogTest, KeepsTheIdentityThatItWasGiven) {
  RocksdbLogOptions options;
  options.ledger_id = new_ledger_id();
  options.partition = "north";
  options.created_at = made_up_time(7);
  create(options);
  const LogIdentity expected{*options.ledger_id, "north", made_up_time(7)};
  EXPECT_EQ(log_->identity(), expected);
  open(options);
  EXPECT_EQ(log_->identity(), expected);
  EXPECT_EQ(log_->directory().id(), expected.ledger_id);
}

TEST_F(RocksdbLogTest, IsMadeInAnEmptyDirectoryOnly) {
  fs::create_directory(path_);
  create();
  expect_error(RocksdbLog::create(path_), ErrorKind::kRefused, Win32::kFileExists, {"ledger"});
  write_file(directory_.path() / "file", "x");
  expect_error(RocksdbLog::create(directory_.path()), ErrorKind::kRefused, Win32::kDirNotEmpty,
               {"empty"});
  expect_error(RocksdbLog::create(directory_.path() / "no" / "parent"), ErrorKind::kIo,
               Win32::kIoDevice, {"parent"});
}

TEST_F(RocksdbLogTest, SaysWhenThereIsNoLedger) {
  expect_refusal(ErrorKind::kNotFound, Win32::kFileNotFound, {"leaseledger init"});
  fs::create_directory(path_);
  expect_refusal(ErrorKind::kNotFound, Win32::kFileNotFound, {"LEDGER"});
}

TEST_F(RocksdbLogTest, RefusesOptionsThatContradictItsOwn) {
  create();
  RocksdbLogOptions same;
  same.ledger_id = log_->identity().ledger_id;
  same.partition = "default";
  same.codec = BlockCodec::kLz4;
  same.block_target_bytes = 16384;
  open(same);
  RocksdbLogOptions other;
  other.ledger_id = new_ledger_id();
  expect_refusal(ErrorKind::kInvalid, Win32::kInvalidParameter, {"ledger_id"}, other);
  other = {};
  other.partition = "south";
  expect_refusal(ErrorKind::kInvalid, Win32::kInvalidParameter, {"partition", "south", "default"},
                 other);
  other = {};
  other.codec = BlockCodec::kRaw;
  expect_refusal(ErrorKind::kInvalid, Win32::kInvalidParameter, {"codec", "raw", "lz4"}, other);
  other = {};
  other.block_target_bytes = 4096;
  expect_refusal(ErrorKind::kInvalid, Win32::kInvalidParameter,
                 {"block_target_bytes", "4096", "16384"}, other);
}

TEST_F(RocksdbLogTest, RefusesOptionsOutOfRange) {
  RocksdbLogOptions options;
  options.block_target_bytes = 1023;
  expect_error(RocksdbLog::create(path_, options), ErrorKind::kInvalid, Win32::kInvalidParameter,
               {"block_target_bytes", "1024"});
  options = {};
  options.partition = "";
  expect_error(RocksdbLog::create(path_, options), ErrorKind::kInvalid, Win32::kInvalidParameter,
               {"partition"});
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(RocksdbLogTest, RefusesANewerFormat) {
  create();
  std::string marker =
      "leaseledger 2\nid " + format_command_id(log_->identity().ledger_id) + "\nnovelty yes\n";
  std::array<char, 32> line{};
  std::snprintf(line.data(), line.size(), "checksum %016llx\n",
                static_cast<unsigned long long>(XXH3_64bits(marker.data(), marker.size())));
  write_file(path_ / "LEDGER", marker + line.data());
  expect_refusal(ErrorKind::kInvalid, Win32::kRevisionMismatch, {"format 2", "newer"});
}

TEST_F(RocksdbLogTest, IsOpenInOneProcessAtATime) {
  create();
  const std::string process = "process " + std::to_string(::getpid());
  expect_error(RocksdbLog::open(path_), ErrorKind::kBusy, Win32::kSharingViolation,
               {process.c_str()});
  RocksdbLogOptions read_only;
  read_only.read_only = true;
  expect_error(RocksdbLog::open(path_, read_only), ErrorKind::kBusy, Win32::kSharingViolation,
               {process.c_str()});
}

TEST_F(RocksdbLogTest, CanBeReadWithoutChangingAByte) {
  create();
  grow(700);
  open();
  grow(300);
  close();
  const auto listing = [this] {
    std::map<std::string, std::pair<std::string, fs::file_time_type>> out;
    for (const auto& file : fs::recursive_directory_iterator(path_)) {
      if (file.is_regular_file())
        out[file.path().string()] = {read_file(file.path()), file.last_write_time()};
    }
    return out;
  };
  const auto before = listing();
  RocksdbLogOptions read_only;
  read_only.read_only = true;
  open(read_only);
  expect_all(*log_, 1000);
  auto another = RocksdbLog::open(path_, read_only);
  EXPECT_TRUE(another);
  const RecordBatch batch = made_up_batch(1001, 1);
  expect_error(log_->append({1000, 2, {}, batch}), ErrorKind::kDenied, Win32::kAccessDenied,
               {"read_only"});
  expect_error(log_->begin_epoch(), ErrorKind::kDenied, Win32::kAccessDenied, {"read_only"});
  EXPECT_TRUE(log_->inclusion_proof(5, 900));
  another->reset();
  close();
  EXPECT_EQ(before, listing());
}

TEST_F(RocksdbLogTest, RefusesToGoOnWithoutWhatItAcknowledged) {
  create();
  grow(10);
  close();
  const fs::path older = copy("older");
  open();
  grow(7);
  close();
  fs::remove_all(path_ / "log");
  fs::copy(older / "log", path_ / "log", fs::copy_options::recursive);
  expect_refusal(ErrorKind::kCorrupt, Win32::kFileCorrupt,
                 {"10 records", "at least 17", "7 acknowledged records are missing"});
}

TEST_F(RocksdbLogTest, RefusesRecordsThatAreNotTheAcknowledgedOnes) {
  create();
  grow(10);
  close();
  Witnessed other{{5, {}}, made_up_time(5)};
  ASSERT_TRUE(HeadWitness::create(path_ / "HEAD", LedgerDirectory::open(path_, Access::kRead)->id(),
                                  other));
  expect_refusal(ErrorKind::kCorrupt, Win32::kFileCorrupt,
                 {"first 5 records", "not the records that were acknowledged"});
}

TEST_F(RocksdbLogTest, AdoptsALogWithoutWitnessOnlyWhenTold) {
  create();
  grow(10);
  close();
  for (const char* damage : {"", "no witness"}) {
    write_file(path_ / "HEAD", damage);
    if (*damage == '\0') fs::remove(path_ / "HEAD");
    const Win32 code = *damage == '\0' ? Win32::kFileNotFound : Win32::kFileCorrupt;
    expect_refusal(ErrorKind::kCorrupt, code, {"HEAD", "leaseledger repair head", "10 records"});
    RocksdbLogOptions adopt;
    adopt.witness = WitnessPolicy::kAdopt;
    open(adopt);
    open();
    expect_all(*log_, 10);
  }
}

TEST_F(RocksdbLogTest, RefusesAnotherLedgersLog) {
  create();
  grow(3);
  close();
  auto other = RocksdbLog::create(directory_.path() / "other");
  ASSERT_TRUE(other);
  other->reset();
  fs::copy(directory_.path() / "other" / "LEDGER", path_ / "LEDGER",
           fs::copy_options::overwrite_existing);
  expect_refusal(ErrorKind::kCorrupt, Win32::kFileCorrupt, {"LEDGER"});
}

TEST_F(RocksdbLogTest, MakesACopyThatIsALedger) {
  create();
  grow(900);
  const fs::path target = directory_.path() / "backup";
  const Status made = log_->checkpoint(target);
  ASSERT_TRUE(made) << made.error().to_string();
  grow(100);
  RocksdbLogOptions read_only;
  read_only.read_only = true;
  {
    auto copied = RocksdbLog::open(target, read_only);
    ASSERT_TRUE(copied) << copied.error().to_string();
    expect_all(**copied, 900);
    EXPECT_EQ((*copied)->identity(), log_->identity());
  }
  auto copied = RocksdbLog::open(target);
  ASSERT_TRUE(copied) << copied.error().to_string();
  grow(**copied, 50);
  expect_all(**copied, 950);
  expect_all(*log_, 1000);
  expect_error(log_->checkpoint(target), ErrorKind::kRefused, Win32::kFileExists, {"backup"});
}

TEST_F(RocksdbLogTest, KeepsTheHeadOfEachAppend) {
  create();
  grow(3);
  grow(500);
  grow(1);
  std::vector<RocksdbLog::AppendHead> heads;
  ASSERT_TRUE(log_->read_heads(0, [&](const auto& head) {
    heads.push_back(head);
    return true;
  }));
  ASSERT_EQ(heads.size(), 3U);
  EXPECT_EQ(heads[1].head, *log_->tree_head(503));
  EXPECT_EQ(heads[1].count, 500U);
  EXPECT_EQ(heads[1].recorded_at, made_up_time(503));
  EXPECT_EQ(heads[2].epoch, heads[0].epoch + 2);
  heads.clear();
  ASSERT_TRUE(log_->read_heads(4, [&](const auto& head) {
    heads.push_back(head);
    return false;
  }));
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].head.size, 503U);
}

/// The worked example of docs/formats/event_log.md.
TEST_F(RocksdbLogTest, WritesTheBytesOfItsDocument) {
  create();
  ASSERT_TRUE(log_->begin_epoch());
  Record created;
  created.position = 1;
  created.recorded_at = created.effective_at = *parse_instant("2026-03-03T14:05:00Z", "");
  created.actor = "unix:alice";
  created.door = "cli";
  Subnet subnet;
  subnet.prefix = {{0x20010db800000000, 0}, 64};
  subnet.id = 1;
  subnet.name = "lab";
  created.event = SubnetCreated{subnet};
  Record deleted = created;
  deleted.position = 2;
  deleted.recorded_at = deleted.effective_at = created.recorded_at + std::chrono::seconds(1);
  deleted.event = SubnetDeleted{subnet};
  RecordBatch batch;
  batch.add(created);
  batch.add(deleted);
  ASSERT_TRUE(log_->append({0, 1, {1, 0, 0, 0, 0, 0, 0, 0, 1}, batch}));

  const auto hex = [](std::span<const std::uint8_t> bytes) { return to_hex(bytes); };
  EXPECT_EQ(hex(log_->tree_head(2)->root),
            "df919da02bde9a9023077dfc1addbce071eb012b15e0495d85fd3487093258f5");
  std::string block;
  BlockWriter(BlockCodec::kLz4, 16384).write(batch, 0, block);
  const std::span<const std::uint8_t> stored{reinterpret_cast<const std::uint8_t*>(block.data()),
                                             block.size()};
  EXPECT_EQ(stored.size(), 368U);
  EXPECT_EQ(hex(stored.first(48)),
            "01000000020000000100000000000000"
            "58010000fd91733ca800000050010000"
            "00000000040006000100000000000000");
}

TEST_F(RocksdbLogTest, StaysSmallWhenItIsOpenedForEveryCommand) {
  create();
  for (int i = 0; i < 80; ++i) {
    open();
    if (i % 3 != 0) grow(1);
  }
  close();
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : fs::directory_iterator(path_ / "log")) ++files;
  EXPECT_LT(files, 100U);
  open();
  expect_all(*log_, 53);
}

TEST_F(RocksdbLogTest, WorksWithRawBlocksAndOtherSizes) {
  RocksdbLogOptions options;
  options.codec = BlockCodec::kRaw;
  options.block_target_bytes = 1024;
  options.write_buffer_bytes = 64 << 10;
  create(options);
  for (int i = 0; i < 30; ++i) grow(200);
  expect_all(*log_, 6000);
  open();
  expect_all(*log_, 6000);
}

}  // namespace
}  // namespace leaseledger::test
