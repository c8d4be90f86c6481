// Damaged files of the views: an error or a rebuild, never another answer than that of sound views.

#include "ledger/memory_log.h"
#include "projections/projector.h"
#include "projections/queries.h"
#include "tests/support/damage.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

constexpr Position kRecords = 1600;
constexpr std::size_t kFlushEvents = 700;  // most are in files, the last ones in memory

class ViewDamage : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto epoch = log_.begin_epoch().value();
    RecordBatch batch;
    for (Position p = 1; p <= kRecords; ++p) batch.add(record(p));
    ASSERT_EQ(log_.append({0, epoch, {}, batch})->outcome, Appended::Outcome::kAppended);
    {
      const auto projector = open(sound_.path() / "views");
      ASSERT_TRUE(projector->catch_up(kRecords));
      ASSERT_GT(projector->views()->stored_position(), kFlushEvents);
      ASSERT_LT(projector->views()->stored_position(), kRecords);
    }
    const auto memory = Projector::open(log_, sound_.path() / "none").value();
    ASSERT_TRUE(memory->catch_up(kRecords));
    const Queries queries(log_, memory->views());
    for (Position p = 2; p <= kRecords; ++p) answers_[key(p)] = answer(queries, key(p)).value();
  }

  static LeaseKey key(Position p) {
    return {{0x2001'0db8'0001'0000ULL, p * 0x9e37'79b9'7f4a'7c15ULL}, kAddressLength};
  }

  static Record record(Position p) {
    Record out;
    out.position = p;
    out.recorded_at = out.effective_at =
        Instant{std::chrono::seconds{1'770'000'000 + static_cast<std::int64_t>(p)}};
    out.actor = "unix:alice";
    if (p == 1) {
      SubnetCreated created;
      created.subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
      created.subnet.id = 1;
      out.event = created;
      return out;
    }
    ClientCreated created;
    created.lease.key = key(p);
    const std::array<std::uint8_t, 4> duid = {0, 3, static_cast<std::uint8_t>(p >> 8),
                                              static_cast<std::uint8_t>(p)};
    created.lease.duid = Duid::from_bytes(duid).value();
    created.lease.subnet_id = 1;
    created.lease.valid_until = out.recorded_at + std::chrono::hours{24};
    created.description = Description{};
    out.event = created;
    return out;
  }

  std::unique_ptr<Projector> open(const fs::path& folder) {
    ProjectorOptions options;
    options.flush_events = kFlushEvents;
    options.on_rebuild = [this](const Error&) { ++rebuilds_; };
    return Projector::open(log_, folder, options).value();
  }

  /// The lease and its client's leases, as text.
  static Result<std::string> answer(const Queries& queries, const LeaseKey& wanted) {
    LEASELEDGER_ASSIGN(const auto row, queries.lease(wanted, {kRecords, {}, {}}));
    if (!row) return "nobody";
    std::string out = std::to_string(row->last) + " " + row->lease.duid.to_string() + ":";
    LEASELEDGER_ASSIGN(const auto rows,
                       queries.leases_of(row->lease.duid, std::nullopt, {kRecords, {}, {}}));
    for (const auto& each : rows) out += " " + format_lease_key(each.lease.key);
    return out;
  }

  std::vector<fs::path> files_of_the_views() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(sound_.path())) {
      const auto name = entry.path().filename().string();
      if (entry.is_regular_file() && entry.file_size() > 0) out.push_back(entry.path());
    }
    std::ranges::sort(out);
    return out;
  }

  /// Outcomes.
  static constexpr int kSound = 0;
  static constexpr int kFailed = 1;
  static constexpr int kRebuilt = 2;
  static constexpr int kRefused = 3;

  /// Every answer of the views in `folder` is right or an error, and a rebuild mends them.
  int ask_everything(const fs::path& folder) {
    const auto projector = open(folder);
    const auto caught_up = projector->catch_up(kRecords);
    const Queries queries(log_, projector->views());
    bool refused = !caught_up;
    const auto ask = [&] {
      for (const auto& [wanted, sound] : answers_) {
        const auto said = answer(queries, wanted);
        if (said) {
          ASSERT_EQ(*said, sound) << format_lease_key(wanted);
        } else {
          ASSERT_EQ(said.error().kind, ErrorKind::kCorrupt) << said.error().to_string();
          refused = true;
        }
      }
    };
    if (caught_up) ask();
    if (rebuilds_ > 0) EXPECT_FALSE(refused) << "what was built again is sound";
    if (refused) {
      EXPECT_TRUE(projector->rebuild()) << "the damage does not stop a rebuild";
      EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});
      const Queries mended(log_, projector->views());
      for (const auto& [wanted, sound] : answers_) EXPECT_EQ(answer(mended, wanted).value(), sound);
    }
    return HasFailure() ? kFailed : rebuilds_ > 0 ? kRebuilt : refused ? kRefused : kSound;
  }

  void check(const std::function<void(const fs::path& views)>& damage) {
    const TemporaryDirectory copy;
    fs::copy(sound_.path(), copy.path(), fs::copy_options::recursive);
    damage(copy.path());
    rebuilds_ = 0;
    const int outcome = ask_everything(copy.path() / "views");
    ASSERT_NE(outcome, kFailed);
    if (outcome != kSound) ++noticed_;
  }

  const SeedScope scope_;
  Random random_{17};
  MemoryLog log_;
  TemporaryDirectory sound_;
  std::map<LeaseKey, std::string> answers_;
  int rebuilds_ = 0;
  int noticed_ = 0;
};

TEST_F(ViewDamage, AFlippedBitIsAnErrorOrARebuildAndNeverAnotherAnswer) {
  const int rounds = campaign() ? 400 : 40;
  for (const auto& file : files_of_the_views()) {
    for (int i = 0; i < rounds; ++i) {
      std::string bytes = read_file(file);
      const auto bit = random_.below(bytes.size() * 8);
      SCOPED_TRACE(file.filename().string() + " bit " + std::to_string(bit));
      flip_bit(bytes, bit);
      check([&](const fs::path& copy) {
        write_file(copy / fs::relative(file, sound_.path()), bytes);
      });
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(noticed_, 0);
}

TEST_F(ViewDamage, AShortFileIsAnErrorOrARebuildAndNeverAnotherAnswer) {
  const int rounds = campaign() ? 100 : 10;
  for (const auto& file : files_of_the_views()) {
    for (int i = 0; i < rounds; ++i) {
      const std::string bytes = read_file(file);
      const auto size = i == 0 ? 0 : random_.below(bytes.size());
      SCOPED_TRACE(file.filename().string() + " cut to " + std::to_string(size));
      check([&](const fs::path& copy) {
        write_file(copy / fs::relative(file, sound_.path()), bytes.substr(0, size));
      });
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(noticed_, 0);
}

TEST_F(ViewDamage, AMissingFileIsARebuild) {
  for (const auto& file : files_of_the_views()) {
    SCOPED_TRACE(file.filename().string());
    const int before = noticed_;
    check([&](const fs::path& copy) { fs::remove(copy / fs::relative(file, sound_.path())); });
    if (HasFatalFailure()) return;
    if (file.extension() == ".segment") EXPECT_EQ(noticed_, before + 1);
  }
}

}  // namespace
}  // namespace leaseledger::test
