// Segments: what is entered is found again, in memory, in files, in merged files, forwards, backwards and by prefix.

#include "projections/view_store.h"

#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

namespace leaseledger::test {
namespace {

class ViewStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<ViewStore> open() {
    return ViewStore::open(folder_.path() / "views", LedgerKey{7}, false).value();
  }

  Record next_record() {
    Record out;
    out.position = position_ + 1;
    out.recorded_at = out.effective_at =
        Instant{std::chrono::seconds{1'770'000'000 + static_cast<std::int64_t>(position_)}};
    out.actor = random_.one_in(2) ? "unix:alice" : "unix:bob";
    LeaseFact fact;
    fact.lease.key = {{0x2001'0db8'0001'0000ULL, random_.below(50)}, kAddressLength};
    const std::array<std::uint8_t, 2> duid = {0, static_cast<std::uint8_t>(random_.below(20))};
    fact.lease.duid = Duid::from_bytes(duid).value();
    fact.lease.subnet_id = 1 + static_cast<SubnetId>(random_.below(3));
    fact.lease.valid_until = out.recorded_at + std::chrono::seconds{random_.below(1000)};
    fact.lease.tenure = fact.lease.described = out.position;
    if (random_.one_in(3))
      out.command_id.emplace()[3] = static_cast<std::uint8_t>(random_.below(9));
    out.event = ClientCreated{fact};
    return out;
  }

  /// Enters a record into the store and into the map.
  void add(ViewStore& store) {
    const Record record = next_record();
    ASSERT_TRUE(store.add(record));
    Entries entries;
    ASSERT_TRUE(model_writer_.add(record, entries));
    for (std::size_t i = 0; i < kViews; ++i) {
      const View view = static_cast<View>(i);
      for (std::size_t at = 0; at < entries[i].size(); at += entry_bytes(view)) {
        const std::string entry = entries[i].substr(at, entry_bytes(view));
        model_[i][entry.substr(0, key_bytes(view))] = entry.substr(key_bytes(view));
      }
    }
    ++position_;
  }

  using Found = std::vector<std::pair<std::string, std::string>>;
  static ViewStore::Visitor into(Found& out, std::size_t most) {
    return [&out, most](std::string_view key, std::string_view value) {
      out.emplace_back(key, value);
      return out.size() < most;
    };
  }

  void compare(const ViewStore& store) {
    for (std::size_t i = 0; i < kViews; ++i) {
      const View view = static_cast<View>(i);
      const auto& model = model_[i];
      std::string from(key_bytes(view), '\0');
      if (!model.empty()) {
        from = std::next(model.begin(), static_cast<std::ptrdiff_t>(random_.below(model.size())))
                   ->first;
        if (random_.one_in(2)) from.back() = static_cast<char>(random_.below(256));
      }
      const std::size_t most = 1 + random_.below(40);
      Found wanted;
      for (auto it = model.lower_bound(from); it != model.end() && wanted.size() < most; ++it)
        wanted.push_back(*it);
      Found found;
      ASSERT_TRUE(store.scan(view, from, into(found, most)));
      ASSERT_EQ(found, wanted) << name_of(view);

      wanted.clear();
      found.clear();
      for (auto it = model.upper_bound(from); it != model.begin() && wanted.size() < most;)
        wanted.push_back(*--it);
      ASSERT_TRUE(store.scan_back(view, from, into(found, most)));
      ASSERT_EQ(found, wanted) << name_of(view);

      const std::string prefix = from.substr(0, key_bytes(view) - 8);
      const Position known = random_.below(position_ + 2);
      wanted.clear();
      found.clear();
      for (auto it = model.lower_bound(prefix); it != model.end() && it->first.starts_with(prefix);
           ++it) {
        if (position_of_key(it->first) <= known && wanted.size() < most) wanted.push_back(*it);
      }
      ASSERT_TRUE(store.scan_prefix(view, prefix, known, into(found, most)));
      ASSERT_EQ(found, wanted) << name_of(view);

      wanted.clear();
      found.clear();
      for (auto it = model.rbegin(); it != model.rend(); ++it) {
        if (it->first.starts_with(prefix) && position_of_key(it->first) <= known &&
            wanted.size() < most)
          wanted.push_back(*it);
      }
      ASSERT_TRUE(store.scan_newest(view, prefix, known, into(found, most)));
      ASSERT_EQ(found, wanted) << name_of(view);
    }
  }

  const SeedScope scope_;
  Random random_{23};
  TemporaryDirectory folder_;
  Position position_ = 0;
  ViewWriter model_writer_;
  std::array<std::map<std::string, std::string>, kViews> model_;
};

TEST_F(ViewStoreTest, WhatIsEnteredIsFoundHoweverItIsStored) {
  auto store = open();
  for (int step = 0; step < 200; ++step) {
    const std::size_t records = random_.below(60);
    for (std::size_t i = 0; i < records; ++i) add(*store);
    ASSERT_TRUE(store->publish());
    if (random_.one_in(3)) ASSERT_TRUE(store->flush());
    if (random_.one_in(25)) {
      ASSERT_TRUE(store->flush());  // or what was in memory would be missing
      store = open();
      ASSERT_EQ(store->position(), position_);
    }
    if (random_.one_in(10)) ASSERT_TRUE(store->settle());
    compare(*store);
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->settle());
  EXPECT_LT(store->figures().segments, 16U + 16U) << "files are merged";
  ViewDigests model;
  for (std::size_t i = 0; i < kViews; ++i) {
    for (const auto& [key, value] : model_[i]) model[i].add(key, value);
  }
  EXPECT_EQ(store->digests().value(), model);
}

TEST_F(ViewStoreTest, FilesAreMergedWhileOthersReadAndNamesOfOldOnesGo) {
  auto store = open();
  add(*store);
  ASSERT_TRUE(store->flush());
  std::atomic<bool> over = false;
  std::thread reader([&] {
    while (!over) {
      std::size_t entries = 0;
      const Position at_least = store->position();
      ASSERT_TRUE(store->scan(View::kLeaseHistory, "", [&](std::string_view, std::string_view) {
        ++entries;
        return true;
      }));
      ASSERT_GE(entries, at_least);
    }
  });
  for (int flush = 0; flush < 60; ++flush) {
    for (int i = 0; i < 5; ++i) add(*store);
    ASSERT_TRUE(store->flush());
  }
  ASSERT_TRUE(store->settle());
  over = true;
  reader.join();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "views"))
    files += entry.path().extension() == ".segment";
  EXPECT_EQ(files, store->figures().segments);
  EXPECT_LT(files, 16U);
  compare(*store);
}

TEST_F(ViewStoreTest, WhatAnEndWithoutWarningLeavesIsRemoved) {
  auto store = open();
  for (int i = 0; i < 30; ++i) add(*store);
  ASSERT_TRUE(store->flush());
  const auto folder = folder_.path() / "views";
  store.reset();
  std::filesystem::copy(folder / segment_file_name(1, 30), folder / segment_file_name(31, 60));
  std::filesystem::copy(folder / "VIEWS", folder / "VIEWS.new");
  store = open();
  EXPECT_EQ(store->position(), 30U);
  EXPECT_FALSE(std::filesystem::exists(folder / segment_file_name(31, 60)));
  EXPECT_FALSE(std::filesystem::exists(folder / "VIEWS.new"));
  compare(*store);
}

}  // namespace
}  // namespace leaseledger::test
