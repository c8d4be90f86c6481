#pragma once
// What every EventLog must do, whatever it stores in. An engine passes by a harness and one line:
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, EventLogContract, MemoryHarness);
// The harness has `EventLog& log()` for an empty log, and `bool reopen()`, which closes and opens it (false: it cannot).

#include "ledger/event_log.h"
#include "ledger/merkle_proof.h"
#include "ledger/merkle_tree.h"
#include "tests/support/made_up_records.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace leaseledger::test {

/// Leaf hashes of the made-up records 1 to `size`, and their trees, computed from the definition in RFC 6962 section 2.1.
class ReferenceTree {
 public:
  explicit ReferenceTree(std::uint64_t size) {
    for (Position p = 1; p <= size; ++p)
      leaves_.push_back(sha_.leaf(bytes_of(made_up_record(p, made_up_words(p)))));
  }
  const Hash& leaf(Position position) const { return leaves_[position - 1]; }
  Hash root(std::uint64_t size) {
    return size == 0 ? MerkleTree().root() : root_of(std::span(leaves_).first(size));
  }

 private:
  Hash root_of(std::span<const Hash> leaves) {
    if (leaves.size() == 1) return leaves[0];
    std::size_t split = 1;
    while (split * 2 < leaves.size()) split *= 2;
    return sha_.node(root_of(leaves.first(split)), root_of(leaves.subspan(split)));
  }
  std::vector<Hash> leaves_;
  Sha256 sha_;
};

template <typename Harness>
class EventLogContract : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto begun = log().begin_epoch();
    ASSERT_TRUE(begun) << begun.error().to_string();
    epoch_ = *begun;
  }
  EventLog& log() { return harness_.log(); }
  bool reopen() { return harness_.reopen(); }

  /// Appends `count` made-up records behind `tail` under a new batch id.
  Result<Appended> append_at(Position tail, std::size_t count) {
    return append_as(tail, count, epoch_, batch_id(++batches_));
  }
  Result<Appended> append_as(Position tail, std::size_t count, std::uint64_t epoch, BatchId id) {
    const RecordBatch batch = made_up_batch(tail + 1, count);
    return log().append({tail, epoch, id, batch});
  }
  /// Appends and expects that it is done.
  void grow(std::size_t count) {
    const Position before = log().tail();
    expect(append_at(before, count), Appended::Outcome::kAppended, before + count);
  }
  static void expect(const Result<Appended>& got, Appended::Outcome outcome, Position tail) {
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->outcome, outcome);
    EXPECT_EQ(got->tail, tail);
  }
  void expect_records(Position first, Position last) {
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      const auto read = read_made_up(log(), first, last, direction);
      ASSERT_TRUE(read) << read.error().to_string();
      EXPECT_EQ(*read, last - first + 1);
    }
  }
  template <typename T>
  static void expect_invalid(const Result<T>& got, const char* field) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(got.error().code, Win32::kInvalidParameter);
    EXPECT_EQ(got.error().field, field);
  }

  Harness harness_;
  std::uint64_t epoch_ = 0;
  std::uint64_t batches_ = 0;
};

TYPED_TEST_SUITE_P(EventLogContract);

TYPED_TEST_P(EventLogContract, BeginsEmpty) {
  EXPECT_EQ(this->log().tail(), 0U);
  EXPECT_EQ(this->log().identity().partition, "default");
  EXPECT_EQ(this->log().wait(0, std::chrono::milliseconds(0)), 0U);
  EXPECT_TRUE(this->log().read(1, 0, Direction::kForward, [](const StoredRecord&) {
    ADD_FAILURE();
    return true;
  }));
  const auto head = this->log().tree_head(0);
  ASSERT_TRUE(head);
  EXPECT_EQ(*head, (TreeHead{0, MerkleTree().root()}));
}

TYPED_TEST_P(EventLogContract, GivesBackWhatWasAppended) {
  this->grow(1);
  this->grow(2);
  this->grow(300);
  EXPECT_EQ(this->log().tail(), 303U);
  this->expect_records(1, 303);
  for (Position p = 1; p <= 303; ++p) this->expect_records(p, p);
  this->expect_records(2, 200);
}

TYPED_TEST_P(EventLogContract, CutsAndJoinsBatchesOfManyBlocks) {
  this->grow(5000);
  this->grow(1);
  this->grow(3000);
  this->expect_records(1, 8001);
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const Position a = 1 + random.below(8001);
    const Position b = 1 + random.below(8001);
    this->expect_records(std::min(a, b), std::max(a, b));
  }
}

TYPED_TEST_P(EventLogContract, StopsReadingWhenTheVisitorHasEnough) {
  this->grow(6000);
  for (const Position last : {Position{100}, Position{6000}}) {
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      std::size_t seen = 0;
      EXPECT_TRUE(
          this->log().read(1, last, direction, [&](const StoredRecord&) { return ++seen < 7; }));
      EXPECT_EQ(seen, 7U);
    }
  }
}

TYPED_TEST_P(EventLogContract, RefusesPositionsThatItDoesNotHave) {
  const auto nothing = [](const StoredRecord&) {
    ADD_FAILURE();
    return true;
  };
  this->expect_invalid(this->log().read(1, 1, Direction::kForward, nothing), "position");
  this->grow(10);
  this->expect_invalid(this->log().read(0, 3, Direction::kForward, nothing), "position");
  this->expect_invalid(this->log().read(5, 11, Direction::kBackward, nothing), "position");
  this->expect_invalid(this->log().tree_head(11), "size");
  this->expect_invalid(this->log().inclusion_proof(11, 11), "position");
  this->expect_invalid(this->log().inclusion_proof(0, 10), "position");
  EXPECT_FALSE(this->log().inclusion_proof(3, 11));
  EXPECT_FALSE(this->log().inclusion_proof(3, 2));
  EXPECT_FALSE(this->log().consistency_proof(3, 11));
  EXPECT_FALSE(this->log().consistency_proof(4, 3));
}

TYPED_TEST_P(EventLogContract, RefusesAnAppendOnAStaleTail) {
  this->grow(3);
  this->expect(this->append_at(2, 5), Appended::Outcome::kConflict, 3);
  this->expect(this->append_at(4, 5), Appended::Outcome::kConflict, 3);
  EXPECT_EQ(this->log().tail(), 3U);
  this->grow(5);
  this->expect_records(1, 8);
}

TYPED_TEST_P(EventLogContract, DoesARepeatedBatchOnce) {
  this->grow(3);
  const BatchId id = batch_id(77);
  this->expect(this->append_as(3, 4, this->epoch_, id), Appended::Outcome::kAppended, 7);
  this->expect(this->append_as(3, 4, this->epoch_, id), Appended::Outcome::kRepeated, 7);
  if (this->reopen())
    this->expect(this->append_as(3, 4, this->epoch_, id), Appended::Outcome::kRepeated, 7);
  this->grow(1);
  this->expect_records(1, 8);
}

TYPED_TEST_P(EventLogContract, NeverTakesTheZeroBatchIdForARepetition) {
  this->expect(this->append_as(0, 1, this->epoch_, {}), Appended::Outcome::kAppended, 1);
  this->expect(this->append_as(1, 1, this->epoch_, {}), Appended::Outcome::kAppended, 2);
}

TYPED_TEST_P(EventLogContract, FencesEarlierWriters) {
  this->grow(2);
  const auto later = this->log().begin_epoch();
  ASSERT_TRUE(later);
  EXPECT_GT(*later, this->epoch_);
  this->expect(this->append_at(2, 1), Appended::Outcome::kFenced, 2);
  if (this->reopen()) this->expect(this->append_at(2, 1), Appended::Outcome::kFenced, 2);
  this->expect(this->append_as(2, 1, *later, batch_id(5)), Appended::Outcome::kAppended, 3);
  const auto never_begun = this->append_as(3, 1, *later + 1, batch_id(6));
  this->expect_invalid(never_begun, "epoch");
}

TYPED_TEST_P(EventLogContract, BeginsHigherEpochsAfterReopening) {
  std::uint64_t before = this->epoch_;
  for (int i = 0; i < 3; ++i) {
    this->reopen();
    const auto begun = this->log().begin_epoch();
    ASSERT_TRUE(begun);
    EXPECT_GT(*begun, before);
    before = *begun;
  }
}

TYPED_TEST_P(EventLogContract, WakesWhoeverWaits) {
  std::atomic<Position> woken{0};
  std::thread waiting([&] {
    Position seen = 0;
    while (seen < 6) woken = seen = this->log().wait(seen, std::chrono::seconds(20));
  });
  for (int i = 0; i < 6; ++i) this->grow(1);
  waiting.join();
  EXPECT_EQ(woken, 6U);
  EXPECT_EQ(this->log().wait(6, std::chrono::milliseconds(1)), 6U);
}

TYPED_TEST_P(EventLogContract, HasTheTreeOfEverySize) {
  constexpr std::uint64_t kSize = 1100;
  ReferenceTree reference(kSize);
  for (std::uint64_t size = 0; size < kSize;
       size += std::min<std::uint64_t>(1 + size / 3, kSize - size)) {
    const auto head = this->log().tree_head(size);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->root, reference.root(size));
    this->grow(std::min<std::uint64_t>(1 + size / 3, kSize - size));
  }
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t size = 0; size <= kSize; ++size) {
      const auto head = this->log().tree_head(size);
      ASSERT_TRUE(head) << head.error().to_string();
      ASSERT_EQ(head->root, reference.root(size)) << "size " << size;
    }
    if (!this->reopen()) break;
  }
}

TYPED_TEST_P(EventLogContract, ProvesWhatItHas) {
  constexpr std::uint64_t kSize = 70000;  // more than 256 * 256: three levels of tiles
  while (this->log().tail() < kSize)
    this->grow(std::min<std::uint64_t>(8192, kSize - this->log().tail()));
  ReferenceTree reference(kSize);
  Random random(2);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t size = i % 3 == 0 ? kSize : 1 + random.below(kSize);
    const Position position = 1 + random.below(size);
    const Hash root = reference.root(size);
    const auto inclusion = this->log().inclusion_proof(position, size);
    ASSERT_TRUE(inclusion) << inclusion.error().to_string();
    EXPECT_TRUE(verify_inclusion(reference.leaf(position), position - 1, size, *inclusion, root))
        << position << " of " << size;
    const std::uint64_t old_size = random.below(size + 1);
    const auto consistency = this->log().consistency_proof(old_size, size);
    ASSERT_TRUE(consistency) << consistency.error().to_string();
    EXPECT_TRUE(verify_consistency(old_size, size, reference.root(old_size), root, *consistency))
        << old_size << " of " << size;
    if (i == 40) this->reopen();
  }
}

TYPED_TEST_P(EventLogContract, AnswersReadersWhileItGrows) {
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> proofs{0};
  std::vector<std::thread> readers;
  for (std::uint64_t salt = 0; salt < 3; ++salt) {
    readers.emplace_back([&, salt] {
      Random random(100 + salt);
      while (!done || proofs < 10) {
        const Position tail = this->log().tail();
        if (tail == 0) continue;
        const Position position = 1 + random.below(tail);
        const auto read =
            read_made_up(this->log(), position, std::min(tail, position + random.below(100)));
        EXPECT_TRUE(read) << read.error().to_string();
        const auto head = this->log().tree_head(tail);
        const auto proof = this->log().inclusion_proof(position, tail);
        ASSERT_TRUE(head && proof);
        Sha256 sha;
        EXPECT_TRUE(
            verify_inclusion(sha.leaf(bytes_of(made_up_record(position, made_up_words(position)))),
                             position - 1, tail, *proof, head->root));
        ++proofs;
      }
    });
  }
  Random random(99);
  for (int i = 0; i < 60; ++i) this->grow(1 + random.below(900));
  done = true;
  for (auto& reader : readers) reader.join();
}

TYPED_TEST_P(EventLogContract, KeepsEverythingWhenReopened) {
  Random random(3);
  for (int i = 0; i < 12; ++i) {
    this->grow(1 + random.below(700));
    const auto before = this->log().tree_head(this->log().tail());
    if (!this->reopen()) GTEST_SKIP() << "nothing to reopen";
    const auto after = this->log().tree_head(this->log().tail());
    ASSERT_TRUE(before && after);
    EXPECT_EQ(*before, *after);
  }
  this->expect_records(1, this->log().tail());
}

REGISTER_TYPED_TEST_SUITE_P(EventLogContract, BeginsEmpty, GivesBackWhatWasAppended,
                            CutsAndJoinsBatchesOfManyBlocks, StopsReadingWhenTheVisitorHasEnough,
                            RefusesPositionsThatItDoesNotHave, RefusesAnAppendOnAStaleTail,
                            DoesARepeatedBatchOnce, NeverTakesTheZeroBatchIdForARepetition,
                            FencesEarlierWriters, BeginsHigherEpochsAfterReopening,
                            WakesWhoeverWaits, HasTheTreeOfEverySize, ProvesWhatItHas,
                            AnswersReadersWhileItGrows, KeepsEverythingWhenReopened);

}  // namespace leaseledger::test
