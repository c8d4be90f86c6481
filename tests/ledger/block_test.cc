#include "ledger/block.h"

#include "tests/support/made_up_records.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

namespace leaseledger::test {
namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Every block of `batch`.
std::vector<std::string> blocks_of(const RecordBatch& batch, BlockCodec codec,
                                   std::uint32_t target) {
  BlockWriter writer(codec, target);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < batch.size();) i = writer.write(batch, i, out.emplace_back());
  return out;
}

class BlockOfCodec : public ::testing::TestWithParam<BlockCodec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, BlockOfCodec,
                         ::testing::Values(BlockCodec::kRaw, BlockCodec::kLz4),
                         [](const auto& codec) { return std::string(name_of(codec.param)); });

TEST_P(BlockOfCodec, GivesBackItsRecords) {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    const Position first = 1 + random.below(1'000'000);
    const RecordBatch batch = made_up_batch(first, 1 + random.below(1200));
    Position next = first;
    Block block;
    for (const std::string& stored : blocks_of(batch, GetParam(), 16384)) {
      const Status decoded = block.decode(as_bytes(stored));
      ASSERT_TRUE(decoded) << decoded.error().to_string();
      ASSERT_EQ(block.first(), next);
      for (; next <= block.last(); ++next) {
        EXPECT_TRUE(std::ranges::equal(block.record(next),
                                       bytes_of(made_up_record(next, made_up_words(next)))));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.record(next).data()) % 8, 0U);
      }
    }
    EXPECT_EQ(next, first + batch.size());
  }
}

TEST_P(BlockOfCodec, NoticesEveryFlippedBit) {
  const RecordBatch batch = made_up_batch(7, 40);
  for (const std::string& stored : blocks_of(batch, GetParam(), 4096)) {
    for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
      std::string damaged = stored;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      Block block;
      if (!block.decode(as_bytes(damaged))) continue;
      // LZ4 has bits that do not matter: then the records must be the right ones.
      for (Position p = block.first(); p <= block.last(); ++p) {
        ASSERT_TRUE(
            std::ranges::equal(block.record(p), bytes_of(made_up_record(p, made_up_words(p)))))
            << "bit " << bit;
      }
    }
  }
}

TEST_P(BlockOfCodec, NoticesEveryTruncation) {
  const RecordBatch batch = made_up_batch(7, 40);
  const std::string stored = blocks_of(batch, GetParam(), 16384).front();
  Block block;
  for (std::size_t size = 0; size < stored.size(); ++size) {
    EXPECT_FALSE(block.decode(as_bytes(stored.substr(0, size))));
    EXPECT_TRUE(block.empty());
  }
  EXPECT_FALSE(block.decode(as_bytes(stored + '\0')));
}

TEST(Block, KeepsToItsTargetUnlessOneRecordIsLonger) {
  const RecordBatch batch = made_up_batch(1, 3000);
  for (const std::string& stored : blocks_of(batch, BlockCodec::kRaw, 16384)) {
    const auto header = read_block_header(as_bytes(stored));
    ASSERT_TRUE(header);
    EXPECT_TRUE(header->raw_bytes <= 16384 || header->count == 1) << header->raw_bytes;
  }
}

TEST(Block, StaysRawWhenCompressingDoesNotPay) {
  RecordBatch small = made_up_batch(1, 2);
  EXPECT_EQ(read_block_header(as_bytes(blocks_of(small, BlockCodec::kLz4, 16384).front()))->codec,
            BlockCodec::kRaw);
  Random random(2);
  std::vector<std::uint64_t> noise(500);
  for (auto& word : noise) word = random.engine()();
  RecordBatch incompressible;
  incompressible.add_encoded(1, made_up_time(1), bytes_of(noise));
  EXPECT_EQ(read_block_header(as_bytes(blocks_of(incompressible, BlockCodec::kLz4, 16384).front()))
                ->codec,
            BlockCodec::kRaw);
  const RecordBatch many = made_up_batch(1, 100);
  EXPECT_EQ(read_block_header(as_bytes(blocks_of(many, BlockCodec::kLz4, 16384).front()))->codec,
            BlockCodec::kLz4);
}

TEST(Block, SaysThatANewerFormatIsNewer) {
  std::string stored = blocks_of(made_up_batch(1, 3), BlockCodec::kRaw, 16384).front();
  stored[0] = 2;
  Block block;
  const Status decoded = block.decode(as_bytes(stored));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Win32::kRevisionMismatch);
}

}  // namespace
}  // namespace leaseledger::test
