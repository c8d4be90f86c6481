// The log's writer is killed, or the machine loses power, again and again: what was acknowledged is there, whole batches only.

#include "tests/support/damage.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/victim.h"

#include <gtest/gtest.h>

namespace leaseledger::test {
namespace {

using std::chrono::steady_clock;

class RocksdbLogCrash : public ::testing::Test {
 protected:
  /// A new, empty ledger.
  void begin() {
    std::filesystem::remove_all(path_);
    ASSERT_EQ(in_child([this] { return RocksdbLog::create(path_, small_buffers()) ? 0 : 1; }), 0);
    promise_ = {0, 0, promise_.appends};
  }
  /// Small ones, so that flushes, new WALs and compactions happen within a round.
  static RocksdbLogOptions small_buffers() {
    RocksdbLogOptions options;
    options.write_buffer_bytes = 64 << 10;
    return options;
  }
  static std::string describe(int status) {
    if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
    return "exit code " + std::to_string(WEXITSTATUS(status));
  }

  const SeedScope scope_;
  TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "ledger";
  Promise promise_;
};

TEST_F(RocksdbLogCrash, LosesNothingWhenItsProcessIsKilled) {
  const auto end =
      steady_clock::now() + (campaign() ? std::chrono::minutes(4) : std::chrono::seconds(15));
  Random random(1);
  int rounds = 0;
  begin();
  for (; steady_clock::now() < end; ++rounds) {
    if (promise_.acknowledged > 30'000) begin();
    const auto delay =
        std::chrono::microseconds(random.one_in(3) ? random.below(20'000) : random.below(150'000));
    const std::uint64_t salt = random.engine()();
    const int status = run_victim(
        promise_,
        [&](const Confession& confession) {
          return append_until_death(path_, small_buffers(), promise_, confession, salt, 500,
                                    40'000);
        },
        delay);
    ASSERT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        << describe(status) << " in round " << rounds;
  }
  std::printf("%d rounds, %llu appends acknowledged\n", rounds,
              static_cast<unsigned long long>(promise_.appends));
}

/// What may have become of the head witness, of which only the state at the beginning of the round is surely on disk.
void damage_witness(const std::filesystem::path& path, const std::string& at_beginning,
                    std::mt19937_64& engine) {
  const auto choice = engine() % 3;
  if (choice == 0) return;  // all of it arrived
  if (choice == 1) return write_file(path, at_beginning);
  std::string now = read_file(path);
  for (const std::size_t slot : {0U, 4096U}) {
    // A slot that was written since may be torn, as long as the other one is the synced one.
    if (now.compare(slot, 128, at_beginning, slot, 128) == 0) continue;
    if (now.compare(4096 - slot, 128, at_beginning, 4096 - slot, 128) != 0) continue;
    now[slot + engine() % 128] ^= 0x20;
  }
  write_file(path, now);
}

TEST_F(RocksdbLogCrash, LosesNothingWhenPowerIsLost) {
  const auto end =
      steady_clock::now() + (campaign() ? std::chrono::minutes(10) : std::chrono::seconds(25));
  const std::string graveyard = (directory_.path() / "graveyard").string();
  Random random(2);
  int rounds = 0;
  int losses = 0;
  begin();
  for (; steady_clock::now() < end; ++rounds) {
    if (promise_.acknowledged > 20'000) begin();
    std::filesystem::remove_all(graveyard);
    std::filesystem::create_directory(graveyard);
    const std::uint64_t salt = random.engine()();
    const std::uint64_t countdown = 1 + (random.one_in(3) ? random.below(80) : random.below(1500));
    const int status = run_victim(promise_, [&](const Confession& confession) {
      const auto fs = std::make_shared<FaultyFileSystem>(graveyard, salt);
      const auto env = rocksdb::NewCompositeEnv(fs);
      const std::string witness = read_file(path_ / "HEAD");
      fs->at_power_loss(
          [&](std::mt19937_64& engine) { damage_witness(path_ / "HEAD", witness, engine); });
      fs->lose_power_at(countdown);
      auto options = small_buffers();
      options.env = env.get();
      return append_until_death(path_, options, promise_, confession, salt, 300, 25'000);
    });
    losses += WIFEXITED(status) && WEXITSTATUS(status) == FaultyFileSystem::kPowerLost ? 1 : 0;
    ASSERT_TRUE(WIFEXITED(status) &&
                (WEXITSTATUS(status) == FaultyFileSystem::kPowerLost || WEXITSTATUS(status) == 0))
        << describe(status) << " in round " << rounds;
  }
  std::printf("%d rounds, power lost in %d, %llu appends acknowledged\n", rounds, losses,
              static_cast<unsigned long long>(promise_.appends));
}

TEST_F(RocksdbLogCrash, RefusesEverythingAfterAFailedSync) {
  begin();
  const std::string graveyard = (directory_.path() / "graveyard").string();
  std::filesystem::create_directory(graveyard);
  const int status = in_child([&] {
    const auto fs = std::make_shared<FaultyFileSystem>(graveyard, 1);
    const auto env = rocksdb::NewCompositeEnv(fs);
    RocksdbLogOptions options;
    options.env = env.get();
    auto opened = RocksdbLog::open(path_, options);
    if (!opened) return 1;
    RocksdbLog& log = **opened;
    const auto epoch = log.begin_epoch();
    const auto append = [&] {
      const RecordBatch batch = made_up_batch(log.tail() + 1, 10);
      return log.append({log.tail(), *epoch, batch_id(log.tail() + 1), batch});
    };
    if (!append() || !append()) return 2;
    fs->fail_from(1, rocksdb::IOStatus::IOError("injected"));
    const auto failed = append();
    if (failed || failed.error().kind != ErrorKind::kIo || failed.error().code != Win32::kIoDevice)
      return 3;
    const auto again = append();
    if (again || again.error() != failed.error()) return 4;
    if (log.begin_epoch()) return 5;
    const auto read = read_made_up(log, 1, 20);
    if (log.tail() != 20 || !read || *read != 20) return 6;
    opened->reset();
    return 0;
  });
  EXPECT_EQ(status, 0) << describe(status);
  const int reopened = in_child([&] {
    auto log = RocksdbLog::open(path_);
    if (!log) return 1;
    return (*log)->tail() == 20 || (*log)->tail() == 30 ? check_promise(**log, {20, 30, 0}, true)
                                                        : 2;
  });
  EXPECT_EQ(reopened, 0) << describe(reopened);
}

TEST_F(RocksdbLogCrash, LosesNothingWhenWritesFail) {
  const auto end =
      steady_clock::now() + (campaign() ? std::chrono::minutes(3) : std::chrono::seconds(6));
  const std::string graveyard = (directory_.path() / "graveyard").string();
  Random random(3);
  int rounds = 0;
  begin();
  for (; steady_clock::now() < end; ++rounds) {
    if (promise_.acknowledged > 20'000) begin();
    std::filesystem::remove_all(graveyard);
    std::filesystem::create_directory(graveyard);
    const std::uint64_t salt = random.engine()();
    const std::uint64_t countdown = 1 + random.below(1500);
    const bool full = random.one_in(2);
    const int status = run_victim(promise_, [&](const Confession& confession) {
      const auto fs = std::make_shared<FaultyFileSystem>(graveyard, salt);
      const auto env = rocksdb::NewCompositeEnv(fs);
      fs->fail_from(countdown, full ? rocksdb::IOStatus::NoSpace("injected")
                                    : rocksdb::IOStatus::IOError("injected"));
      auto options = small_buffers();
      options.env = env.get();
      const int code = append_until_death(path_, options, promise_, confession, salt, 300, 25'000);
      return code == kFailedWrite ? 0 : code;
    });
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << describe(status) << " in round " << rounds << ", operation " << countdown;
  }
  std::printf("%d rounds, %llu appends acknowledged\n", rounds,
              static_cast<unsigned long long>(promise_.appends));
}

}  // namespace
}  // namespace leaseledger::test
