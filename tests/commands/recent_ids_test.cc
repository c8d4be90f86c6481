// Ids in memory: found until they are forgotten, and never forgotten before the views have them.

#include "commands/recent_ids.h"

#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <map>

namespace leaseledger::test {
namespace {

CommandId id_of(std::uint64_t number) {
  CommandId id{};
  for (unsigned i = 0; i < 8; ++i) id[8 + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return id;
}

struct NoIds final : CommandIds {
  mutable int asked = 0;
  std::optional<CommandId> most;
  Result<std::optional<std::pair<Position, Position>>> find(std::string_view,
                                                            const CommandId&) const override {
    return std::optional<std::pair<Position, Position>>();
  }
  Result<std::optional<CommandId>> greatest(std::string_view) const override {
    ++asked;
    return most;
  }
  Position projected() const override { return 0; }
};

std::optional<IdPositions> found(const RecentIds& ids, std::uint64_t actor, const CommandId& id) {
  std::optional<IdPositions> out;
  ids.find(actor, id, [&](IdPositions positions) {
    out = positions;
    return true;
  });
  return out;
}

TEST(RecentIds, RandomIdsOfTwoPrincipalsAgainstAMap) {
  const SeedScope scope;
  Random random(5);
  constexpr std::size_t kCapacity = 300;
  RecentIds ids(kCapacity);
  const std::uint64_t actors[] = {RecentIds::actor_number("unix:alice"),
                                  RecentIds::actor_number("unix:bob")};
  std::map<std::pair<std::uint64_t, CommandId>, IdPositions> used;
  Position position = 0;
  Position projected = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t actor = actors[random.below(2)];
    const CommandId id = id_of(random.engine()());
    const Position first = position + 1;
    position += 1 + random.below(3);
    ids.insert(actor, id, {first, position});
    used[{actor, id}] = {first, position};
    if (random.one_in(50)) projected = position - random.below(std::min<Position>(position, 600));
    ids.forget(projected);
  }
  std::size_t kept = 0;
  for (const auto& [key, positions] : used) {
    const auto now = found(ids, key.first, key.second);
    if (now) {
      ++kept;
      EXPECT_EQ(now->first, positions.first);
      EXPECT_EQ(now->last, positions.last);
    } else {
      EXPECT_LE(positions.last, projected) << "only what the views have is forgotten";
    }
  }
  EXPECT_EQ(kept, ids.size());
  EXPECT_GE(kept, kCapacity);
  EXPECT_LT(kept, 6 * kCapacity);
  EXPECT_FALSE(found(ids, actors[0], id_of(1)));
}

TEST(RecentIds, GrowingIdsAreKnownToBeNewWithoutALookUp) {
  RecentIds ids(100);
  NoIds views;
  views.most = id_of(1000);
  const auto actor = RecentIds::actor_number("unix:alice");
  const auto is_new = [&](std::uint64_t number) {
    return ids.is_new(actor, "unix:alice", id_of(number), views).value();
  };
  EXPECT_TRUE(is_new(1001));
  EXPECT_FALSE(is_new(1000)) << "the views have to say";
  EXPECT_FALSE(is_new(7));
  EXPECT_EQ(views.asked, 1);
  Position position = 0;
  for (std::uint64_t number = 2000; number < 2300; ++number) {
    ++position;
    ids.insert(actor, id_of(number), {position, position});
    ids.forget(position);
  }
  // What is not here any more raises the bar.
  std::uint64_t forgotten = 0;
  for (std::uint64_t number = 2000; number < 2300; ++number) {
    if (found(ids, actor, id_of(number))) continue;
    forgotten = number;
    EXPECT_FALSE(is_new(number)) << number;
  }
  EXPECT_GT(forgotten, 2000U);
  EXPECT_FALSE(is_new(forgotten - 1));
  EXPECT_TRUE(is_new(2300));
}

TEST(RecentIds, ACommandOfManyRecordsHasNoKnownLastOne) {
  RecentIds ids;
  const auto actor = RecentIds::actor_number("unix:alice");
  ids.insert(actor, id_of(1), {1, 65'535});
  ids.insert(actor, id_of(2), {65'536, 65'536 + 65'535});
  EXPECT_EQ(found(ids, actor, id_of(1))->last, 65'535U);
  EXPECT_EQ(found(ids, actor, id_of(2))->last, 0U);
}

}  // namespace
}  // namespace leaseledger::test
