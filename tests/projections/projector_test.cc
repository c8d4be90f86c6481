// Views follow the log, are stored with their position, are dropped when they cannot be right, and stop at what they do not know.

#include "projections/projector.h"

#include "ledger/memory_log.h"
#include "projections/queries.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace leaseledger::test {
namespace {

class ProjectorTest : public ::testing::Test {
 protected:
  static Record fact(Position position) {
    Record record;
    record.position = position;
    record.recorded_at = record.effective_at =
        Instant{std::chrono::seconds{1'770'000'000 + static_cast<std::int64_t>(position)}};
    record.actor = "unix:alice";
    if (position == 1) {
      SubnetCreated created;
      created.subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
      created.subnet.id = 1;
      record.event = created;
      return record;
    }
    ClientCreated created;
    created.lease.key = parse_lease_key("2001:db8:1::").value();
    created.lease.key.address.low = position;
    created.lease.duid = Duid::parse("00:01").value();
    created.lease.subnet_id = 1;
    created.description = Description{};
    record.event = created;
    return record;
  }

  static void append(EventLog& log, std::uint64_t epoch, int count) {
    RecordBatch batch;
    for (int i = 0; i < count; ++i) batch.add(fact(log.tail() + 1 + static_cast<Position>(i)));
    AppendRequest request{log.tail(), epoch, {}, batch};
    request.batch_id[0] = static_cast<std::uint8_t>(batch.last_position());
    request.batch_id[1] = static_cast<std::uint8_t>(batch.last_position() >> 8);
    ASSERT_EQ(log.append(request)->outcome, Appended::Outcome::kAppended);
  }

  std::unique_ptr<Projector> open(const EventLog& log, std::size_t flush_events = 10) {
    ProjectorOptions options;
    options.flush_events = flush_events;
    options.on_rebuild = [this](const Error& error) { rebuilt_.push_back(error); };
    return Projector::open(log, folder_.path() / "views", options).value();
  }

  TemporaryDirectory folder_;
  std::vector<Error> rebuilt_;
};

TEST_F(ProjectorTest, StoredViewsGoOnWhereTheyEnded) {
  MemoryLog log;
  const auto epoch = log.begin_epoch().value();
  append(log, epoch, 35);
  {
    const auto projector = open(log);
    ASSERT_TRUE(projector->catch_up(35));
    EXPECT_EQ(projector->views()->stored_position(), 30U);
  }
  append(log, epoch, 5);
  const auto projector = open(log);
  EXPECT_EQ(projector->position(), 30U) << "what was not stored is read again";
  ASSERT_TRUE(projector->catch_up(40));
  EXPECT_EQ(projector->lag(), 0U);
  EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});
  EXPECT_TRUE(rebuilt_.empty());
}

TEST_F(ProjectorTest, ViewsOfAnotherLedgerOrAheadOfTheLogAreDropped) {
  LogIdentity one;
  one.ledger_id[0] = 1;
  LogIdentity two;
  two.ledger_id[0] = 2;
  MemoryLog log(one);
  append(log, log.begin_epoch().value(), 25);
  ASSERT_TRUE(open(log)->catch_up(25));
  MemoryLog other(two);
  append(other, other.begin_epoch().value(), 40);
  EXPECT_EQ(open(other)->position(), 0U);
  ASSERT_EQ(rebuilt_.size(), 1U);
  MemoryLog shorter(two);
  append(shorter, shorter.begin_epoch().value(), 3);
  ASSERT_TRUE(open(other)->catch_up(40));
  EXPECT_EQ(open(shorter)->position(), 0U);
  EXPECT_EQ(rebuilt_.size(), 2U);
}

TEST_F(ProjectorTest, TheThreadFollowsAndWaitersWake) {
  MemoryLog log;
  const auto epoch = log.begin_epoch().value();
  const auto projector = open(log);
  projector->start();
  append(log, epoch, 100);
  EXPECT_TRUE(projector->wait_for(100, std::chrono::seconds{10}));
  EXPECT_EQ(projector->wait_for(101, std::chrono::milliseconds{20}).error().code, Win32::kTimeout);
  projector->stop();
}

TEST_F(ProjectorTest, ItGoesOnFromMemoryWhileItCannotStoreAndStoresLater) {
  MemoryLog log;
  const auto epoch = log.begin_epoch().value();
  append(log, epoch, 35);
  const auto projector = open(log);
  std::ofstream(folder_.path() / "views") << "no folder can be made here";
  ASSERT_TRUE(projector->catch_up(35));
  EXPECT_TRUE(projector->status());
  ASSERT_FALSE(projector->storing());
  EXPECT_EQ(projector->storing().error().kind, ErrorKind::kIo);
  EXPECT_EQ(projector->views()->position(), 35U);
  EXPECT_EQ(projector->views()->stored_position(), 0U);
  EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});

  std::filesystem::remove(folder_.path() / "views");
  projector->start();
  for (int i = 0; i < 1000 && !projector->storing(); ++i) {
    append(log, epoch, 1);
    ASSERT_TRUE(projector->wait_for(log.tail(), std::chrono::seconds{10}));
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  EXPECT_TRUE(projector->storing());
  projector->stop();
  EXPECT_GE(projector->views()->stored_position(), 35U);
  EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});
}

TEST_F(ProjectorTest, ItStopsWhenFarTooMuchWaitsInMemoryToBeStored) {
  MemoryLog log;
  append(log, log.begin_epoch().value(), 100);
  const auto projector = open(log);
  std::ofstream(folder_.path() / "views") << "no folder can be made here";
  const auto stopped = projector->catch_up(100);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kIo);
  EXPECT_FALSE(projector->status());
  EXPECT_GE(projector->views()->position(), 40U);
  EXPECT_LE(projector->views()->position(), 50U);

  std::filesystem::remove(folder_.path() / "views");
  EXPECT_TRUE(projector->rebuild());
  EXPECT_TRUE(projector->status());
  EXPECT_TRUE(projector->storing());
  EXPECT_EQ(projector->views()->stored_position(), 100U);
}

TEST_F(ProjectorTest, ItStopsAtARecordThatIsNone) {
  MemoryLog log;
  const auto epoch = log.begin_epoch().value();
  append(log, epoch, 3);
  RecordBatch batch;
  const std::vector<std::uint64_t> nonsense(4, 0xFFFF'FFFF'FFFF'FFFFULL);
  batch.add_encoded(4, fact(4).recorded_at,
                    {reinterpret_cast<const std::uint8_t*>(nonsense.data()), 32});
  AppendRequest request{3, epoch, {}, batch};
  request.batch_id[0] = 99;
  ASSERT_TRUE(log.append(request));
  append(log, epoch, 2);
  const auto projector = open(log);
  const auto stopped = projector->catch_up(6);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(projector->position(), 3U) << "it does not skip";
  EXPECT_FALSE(projector->catch_up(6)) << "and stays there";
  EXPECT_EQ(projector->lag(), 3U);
}

TEST_F(ProjectorTest, ARebuildOfRightViewsFindsNoDifferenceAndSwitches) {
  MemoryLog log;
  const auto epoch = log.begin_epoch().value();
  append(log, epoch, 55);
  const auto projector = open(log);
  ASSERT_TRUE(projector->catch_up(55));
  const auto held = projector->views();  // a reader that is not done
  EXPECT_EQ(projector->rebuild().value(), std::vector<std::string>{});
  EXPECT_NE(projector->views(), held);
  EXPECT_EQ(
      Queries(log, held).lease(parse_lease_key("2001:db8:1::9").value(), {55, {}, {}})->has_value(),
      true);
  EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});
  append(log, epoch, 5);
  EXPECT_TRUE(projector->catch_up(60));
  EXPECT_EQ(projector->compare_with_log().value(), std::vector<std::string>{});
}

TEST_F(ProjectorTest, DigestsNoticeAMissingAnExtraAndAChangedEntry) {
  ViewDigest sound;
  sound.add("a", "1");
  sound.add("b", "2");
  ViewDigest other_order;
  other_order.add("b", "2");
  other_order.add("a", "1");
  EXPECT_EQ(sound, other_order);
  ViewDigest missing;
  missing.add("a", "1");
  EXPECT_NE(sound, missing);
  ViewDigest extra = sound;
  extra.add("c", "");
  EXPECT_NE(sound, extra);
  ViewDigest changed;
  changed.add("a", "1");
  changed.add("b", "3");
  EXPECT_NE(sound, changed);
  ViewDigest swapped;
  swapped.add("a", "2");
  swapped.add("b", "1");
  EXPECT_NE(sound, swapped);
}

TEST_F(ProjectorTest, AWritersStateComesBackFromItsBytes) {
  ViewWriter writer;
  Entries entries;
  for (Position position = 1; position <= 10; ++position)
    ASSERT_TRUE(writer.add(fact(position), entries));
  const std::string bytes = writer.save();
  EXPECT_EQ(ViewWriter::load(bytes)->save(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(ViewWriter::load(std::string_view(bytes).substr(0, size))) << size;
}

}  // namespace
}  // namespace leaseledger::test
