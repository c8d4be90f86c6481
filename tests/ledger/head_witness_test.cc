#include "ledger/head_witness.h"

#include "ledger/directory.h"
#include "tests/support/damage.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace leaseledger::test {
namespace {

Witnessed seen(std::uint64_t size) {
  Witnessed out{{size, {}}, Instant{std::chrono::seconds(1000 + size)}};
  out.head.root.fill(static_cast<std::uint8_t>(size));
  return out;
}

class HeadWitnessTest : public ::testing::Test {
 protected:
  Result<HeadWitness> open() { return HeadWitness::open(path_, id_, true); }
  TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "HEAD";
  const LedgerId id_ = new_ledger_id();
};

TEST_F(HeadWitnessTest, RemembersTheLastWrite) {
  auto made = HeadWitness::create(path_, id_, {seen(0).head, kUnset});
  ASSERT_TRUE(made);
  for (std::uint64_t size = 1; size < 20; ++size) {
    ASSERT_TRUE(made->write(seen(size)));
    const auto again = open();
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->last().head, seen(size).head);
    EXPECT_EQ(again->last().recorded_at, seen(size).recorded_at);
  }
}

TEST_F(HeadWitnessTest, GoesOnFromWhereItWas) {
  ASSERT_TRUE(HeadWitness::create(path_, id_, seen(3)));
  for (std::uint64_t size = 4; size < 9; ++size) {
    auto opened = open();
    ASSERT_TRUE(opened && opened->write(seen(size)) && opened->sync());
  }
  EXPECT_EQ(open()->last().head.size, 8U);
}

TEST_F(HeadWitnessTest, FallsBackToTheWriteBeforeWhenOneWasTorn) {
  auto made = HeadWitness::create(path_, id_, seen(1));
  ASSERT_TRUE(made && made->write(seen(2)) && made->write(seen(3)));
  const std::string whole = read_file(path_);
  for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
    for (const std::size_t slot : {0U, 4096U}) {
      std::string damaged = whole;
      flip_bit(damaged, slot * 8 + bit);
      write_file(path_, damaged);
      const auto opened = open();
      ASSERT_TRUE(opened) << opened.error().to_string();
      EXPECT_EQ(opened->last().head.size, slot == 0 ? 3U : 2U);  // sequence 3 is odd: slot 1
    }
  }
}

TEST_F(HeadWitnessTest, SaysWhatIsWrong) {
  EXPECT_EQ(open().error().kind, ErrorKind::kNotFound);
  write_file(path_, "");
  EXPECT_EQ(open().error().kind, ErrorKind::kCorrupt);
  write_file(path_, std::string(8192, '\0'));
  EXPECT_EQ(open().error().kind, ErrorKind::kCorrupt);
  ASSERT_TRUE(HeadWitness::create(path_, new_ledger_id(), seen(1)));
  EXPECT_EQ(open().error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace leaseledger::test
