// Images of a LeaseBook: what is loaded is the book as it was when the image was taken, whatever was written meanwhile;
// a damaged file is refused.

#include "ledger/lease_book.h"
#include "replay/book_snapshots.h"
#include "tests/ledger/odd_leases.h"
#include "tests/support/damage.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leaseledger {
namespace {

using test::OddLeases;
using test::Random;
using test::SeedScope;

std::string octets_of(BookImage& image) {
  std::string out;
  image.write([&out](std::span<const std::uint8_t> part) {
    out.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  return out;
}

Result<LeaseBook> load(const std::string& octets) {
  return LeaseBook::load(
      [&octets](std::uint64_t offset, std::span<std::uint8_t> out) {
        if (offset > octets.size() || out.size() > octets.size() - offset) return false;
        std::memcpy(out.data(), octets.data() + offset, out.size());
        return true;
      },
      octets.size());
}

TEST(BookImage, IsLoadedAsTheBookItWasTakenOf) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  for (int round = 0; round < 10; ++round) {
    if (round == 8) odd.fill_up(30'000);  // enough for two threads
    const auto before = odd.book().digest();
    auto loaded = load(octets_of(*odd.book().image()));
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    ASSERT_EQ(loaded->digest(), before);
    ASSERT_EQ(loaded->lease_count(), odd.expected().size());
    // The loaded one goes on.
    odd.book() = std::move(*loaded);
    odd.compare();
    for (int i = 0; i < 300; ++i) odd.step();
    odd.compare();
  }
}

TEST(BookImage, IsOfItsMomentWhileTheBookGoesOn) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  odd.fill_up(20'000);
  for (int round = 0; round < 8; ++round) {
    const auto then = odd.book().digest();
    auto image = odd.book().image();
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(odd.book().image(), nullptr) << "one at a time";
    std::string octets;
    std::atomic<bool> written = false;
    std::thread saver([&] {
      octets = octets_of(*image);
      image.reset();
      written = true;
    });
    for (int i = 0; i < 5'000 || !written; ++i) odd.step();
    saver.join();
    auto loaded = load(octets);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    ASSERT_EQ(loaded->digest(), then);
    odd.compare();
  }
}

TEST(BookImage, OutlivesItsBookAndMayBeDroppedUnwritten) {
  const SeedScope scope;
  Random random;
  auto odd = std::make_unique<OddLeases>(random, LeaseBook{});
  odd->fill_up(10'000);
  odd->book().image().reset();
  for (int i = 0; i < 200; ++i) odd->step();
  const auto then = odd->book().digest();
  const auto image = odd->book().image();
  for (int i = 0; i < 200; ++i) odd->step();
  odd.reset();
  EXPECT_EQ(load(octets_of(*image)).value().digest(), then);
}

TEST(BookImage, AChainAfterItIsTakenBackWithoutATrace) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  odd.fill_up(3'000);
  const auto then = odd.book().digest();
  const auto image = odd.book().image();
  const auto leases = odd.expected();
  odd.book().begin();
  for (int i = 0; i < 200; ++i) odd.step();
  odd.book().rollback();
  odd.expect(leases);
  odd.compare();
  EXPECT_EQ(odd.book().digest(), then);
  EXPECT_EQ(load(octets_of(*image)).value().digest(), then);
}

TEST(BookImage, IsRefusedWhenAnythingIsMissingOrChanged) {
  const SeedScope scope;
  Random random;
  OddLeases odd(random, LeaseBook{});
  for (int i = 0; i < 120; ++i) odd.step();
  const std::string octets = octets_of(*odd.book().image());
  ASSERT_TRUE(load(octets));
  for (std::size_t size = 0; size < octets.size(); ++size)
    ASSERT_FALSE(load(octets.substr(0, size))) << size;
  EXPECT_FALSE(load(octets + '\0'));
  for (std::size_t octet = 0; octet < octets.size(); ++octet) {
    std::string damaged = octets;
    const std::size_t bit = octet * 8 + random.below(8);
    test::flip_bit(damaged, bit);
    ASSERT_FALSE(load(damaged)) << "bit " << bit;
  }
}

TEST(BookSnapshots, TakesAnOlderOneForADamagedOneAndSaysSo) {
  const SeedScope scope;
  Random random;
  const test::TemporaryDirectory directory;
  std::vector<std::string> warnings;
  BookSnapshots snapshots(directory.path() / "book",
                          [&](const std::string& text) { warnings.push_back(text); });
  OddLeases odd(random, LeaseBook{});
  for (int i = 0; i < 300; ++i) odd.step();
  const auto older = odd.book().digest();
  ASSERT_TRUE(snapshots.save(odd.book()));
  for (int i = 0; i < 300; ++i) odd.step();
  const auto newer = odd.book().digest();
  ASSERT_TRUE(snapshots.save(*odd.book().image()));
  ASSERT_EQ(snapshots.positions().size(), 2U);
  EXPECT_EQ(snapshots.nearest(odd.book().position()).digest(), newer);
  EXPECT_TRUE(warnings.empty());

  char name[40];
  std::snprintf(name, sizeof name, "%020llu.book",
                static_cast<unsigned long long>(snapshots.positions().back()));
  const auto path = directory.path() / "book" / name;
  std::string octets = test::read_file(path);
  test::flip_bit(octets, random.below(octets.size() * 8 - 64) + 64);
  test::write_file(path, octets);
  EXPECT_EQ(snapshots.nearest(odd.book().position()).digest(), older);
  EXPECT_EQ(warnings.size(), 1U);

  // A file of the first version is as good as none.
  octets[7] = 1;
  test::write_file(path, octets);
  EXPECT_EQ(snapshots.nearest(odd.book().position()).digest(), older);
  EXPECT_EQ(warnings.size(), 1U);
}

}  // namespace
}  // namespace leaseledger
