// The embedded door on a real directory: Kea's recording as history, damage to derived data, backups, who may write.

#include "adapters/embedded/ledger.h"
#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
#include "tests/commands/book_fixture.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

std::string data(const char* name) {
  std::ifstream in(std::string(LEASELEDGER_TEST_DATA) + "/data/kea/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

class EmbeddedLedger : public ::testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "ledger"; }

  std::unique_ptr<Ledger> open(LedgerOptions options = {}) {
    auto opened =
        fs::exists(path()) ? Ledger::open(path(), options) : Ledger::create(path(), options);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }

  std::unique_ptr<Ledger> with_recording(LedgerOptions options = {}) {
    auto ledger = open(options);
    const auto commands = kea::subnets_of_config(data("kea-dhcp6.conf")).value();
    for (const auto& command : commands)
      EXPECT_TRUE(ledger->submit(admin_, Envelope{.command = command})->accepted());
    std::istringstream in(data("kea-leases6.csv"));
    const auto report = kea::import_leases(
        in, {}, [&](std::span<const Envelope> batch) { return ledger->submit(admin_, batch); },
        [](const kea::RowProblem& problem) {
          ADD_FAILURE() << problem.line << " " << problem.error.to_string();
        });
    EXPECT_TRUE(report);
    return ledger;
  }

  static CreateClient client_at(const char* address) {
    CreateClient out;
    out.key = key(address);
    out.duid = duid("00:aa");
    return out;
  }

  const Principal admin_{"unix:alice", Role::kAdministrator, "test"};
  TemporaryDirectory folder_;
};

TEST_F(EmbeddedLedger, TheRecordingsChosenAddressesAndPrefixesHaveTheSpansOfTheirGroundTruth) {
  const auto ledger = with_recording({.view_flush_events = 500});
  const auto queries = ledger->queries().value();
  const auto expected = nlohmann::json::parse(data("expected.json"));
  int checked = 0;
  for (const auto& [list, name] :
       {std::pair{"addresses", "address"}, std::pair{"prefixes", "prefix"}}) {
    for (const auto& item : expected[list]) {
      const LeaseKey key = parse_lease_key(item[name].get<std::string>()).value();
      const auto spans = queries.history(key, false, queries.position()).value();
      ASSERT_EQ(spans.size(), item["spans"].size()) << format_lease_key(key);
      for (std::size_t i = 0; i < spans.size(); ++i) {
        const auto& wanted = item["spans"][i];
        const std::string where = format_lease_key(key) + " span " + std::to_string(i);
        EXPECT_EQ(spans[i].duid.to_string(), wanted["duid"].get<std::string>()) << where;
        EXPECT_EQ(static_cast<std::uint32_t>(spans[i].iaid), wanted["iaid"].get<std::uint32_t>())
            << where;
        EXPECT_EQ(format_instant(spans[i].span.from), wanted["from"].get<std::string>()) << where;
        // A deletion's time is not in Kea's file; the ground truth has its bounds.
        const std::string until = format_instant(spans[i].span.until);
        EXPECT_GE(until, wanted["until"].get<std::string>()) << where;
        EXPECT_LE(until, wanted.value("until_latest", wanted["until"].get<std::string>())) << where;
        // Seen from an address: the key itself, or an address inside of the prefix.
        const std::string address = item.contains("address_inside")
                                        ? item["address_inside"].get<std::string>()
                                        : item[name].get<std::string>();
        const auto who =
            queries.who(Ipv6Address::parse(address).value(), spans[i].span.from, queries.position())
                .value();
        ASSERT_FALSE(who.holders.empty()) << where;
        EXPECT_EQ(who.holders.front().duid, spans[i].duid) << where;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 30);
}

TEST_F(EmbeddedLedger, WhatWasKnownBeforeTheImportIsNothing) {
  const auto ledger = with_recording();
  const auto queries = ledger->queries().value();
  const auto address = Ipv6Address::parse("2001:db8:20::103").value();
  EXPECT_EQ(queries.who(address, at("2026-11-23T06:17:30Z"), queries.position())->holders.size(),
            1U);
  EXPECT_EQ(queries.who(address, at("2026-11-23T06:17:30Z"), 6)->holders.size(), 0U)
      << "only the subnets were known then";
}

TEST_F(EmbeddedLedger, VerifyAndReplayAgreeWithTheLiveState) {
  const auto ledger = with_recording({.view_flush_events = 300});
  const auto report = ledger->verify().value();
  for (const auto& finding : report.findings)
    ADD_FAILURE() << finding.check << " " << finding.position << " " << finding.what;
  EXPECT_EQ(report.head, ledger->log().tree_head(ledger->tail()).value());
  EXPECT_GT(report.view_entries, 10'000U);
  EXPECT_TRUE(ledger->replay()->equal());
}

TEST_F(EmbeddedLedger, ABookSnapshotShortensOpeningAndItsDamageDoesNotMatter) {
  with_recording({.snapshot_every = 1000});
  const fs::path folder = path() / "book";
  ASSERT_FALSE(fs::is_empty(folder));
  Hash digest{};
  open()->read_book([&](const LeaseBook& book) { digest = book.digest(); });
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.put('\x55');
  }
  open()->read_book([&](const LeaseBook& book) { EXPECT_EQ(book.digest(), digest); });
}

TEST_F(EmbeddedLedger, DamagedViewsAreBuiltAgainOrReportedNeverBelieved) {
  const SeedScope scope;
  Random random(11);
  Holders wanted;
  const auto address = Ipv6Address::parse("2001:db8:20::103").value();
  const Instant time = at("2026-11-23T06:17:30Z");
  std::size_t spans = 0;
  {
    const auto ledger = with_recording({.view_flush_events = 400});
    ASSERT_TRUE(ledger->projector().flush());
    const auto queries = ledger->queries().value();
    wanted = queries.who(address, time, queries.position()).value();
    spans = queries.history({address, 128}, false, queries.position())->size();
  }
  const fs::path sound = folder_.path() / "sound";
  fs::copy(path() / "views", sound, fs::copy_options::recursive);
  int rebuilt_or_refused = 0;
  for (int round = 0; round < 60; ++round) {
    fs::remove_all(path() / "views");
    fs::copy(sound, path() / "views", fs::copy_options::recursive);
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path() / "views")) {
      if (entry.is_regular_file() && entry.file_size() > 0 &&
          entry.path().filename().string().find("LOG") == std::string::npos)
        files.push_back(entry.path());
    }
    const fs::path file = files[random.below(files.size())];
    const auto size = fs::file_size(file);
    if (random.one_in(4)) {
      fs::resize_file(file, random.below(size));
    } else if (random.one_in(4)) {
      fs::remove(file);
    } else {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      const auto place = static_cast<std::streamoff>(random.below(size));
      bytes.seekg(place);
      const char old = static_cast<char>(bytes.get());
      bytes.seekp(place);
      bytes.put(static_cast<char>(old ^ (1 << random.below(8))));
    }
    const auto ledger = Ledger::open(path(), {.view_flush_events = 400});
    if (!ledger) {
      ++rebuilt_or_refused;
      continue;
    }
    const auto queries = (*ledger)->queries();
    if (!queries) {
      ++rebuilt_or_refused;
      continue;
    }
    const auto answer = queries->who(address, time, queries->position());
    const auto history = queries->history({address, 128}, false, queries->position());
    if (!answer || !history) {
      ++rebuilt_or_refused;
      ASSERT_TRUE((*ledger)->rebuild_views()) << "a damaged store can be built again";
      const auto again = (*ledger)->queries()->who(address, time, (*ledger)->tail());
      ASSERT_TRUE(again);
      EXPECT_EQ(again->holders.size(), wanted.holders.size());
      continue;
    }
    EXPECT_EQ(history->size(), spans) << file;
    ASSERT_EQ(answer->holders.size(), wanted.holders.size()) << file;
    EXPECT_EQ(answer->holders[0].span.first, wanted.holders[0].span.first) << file;
  }
  RecordProperty("rebuilt_or_refused", rebuilt_or_refused);
}

TEST_F(EmbeddedLedger, ABackupIsALedgerOfItsOwn) {
  const auto ledger = with_recording();
  const fs::path copy = folder_.path() / "copy";
  ASSERT_TRUE(ledger->backup(copy));
  EXPECT_FALSE(ledger->backup(copy)) << "never over something that is there";
  const auto opened = Ledger::open(copy, {.read_only = true}).value();
  EXPECT_EQ(opened->tail(), ledger->tail());
  EXPECT_TRUE(opened->verify()->ok());
  EXPECT_EQ(opened->submit(admin_, Envelope{.command = ExpireLeases{}}).error().code,
            Win32::kAccessDenied);
}

TEST_F(EmbeddedLedger, OneProcessAtATime) {
  const auto ledger = open();
  const auto second = Ledger::open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Win32::kSharingViolation);
  EXPECT_EQ(second.error().kind, ErrorKind::kBusy);
}

TEST_F(EmbeddedLedger, WhereThereIsNoLedgerItSaysSo) {
  EXPECT_EQ(Ledger::open(folder_.path() / "absent").error().code, Win32::kFileNotFound);
  fs::create_directory(folder_.path() / "empty");
  EXPECT_EQ(Ledger::open(folder_.path() / "empty").error().code, Win32::kFileNotFound);
  std::ofstream(folder_.path() / "empty" / "file") << "something";
  EXPECT_EQ(Ledger::create(folder_.path() / "empty").error().code, Win32::kDirNotEmpty);
}

TEST_F(EmbeddedLedger, IdsAreKnownAfterRestartFromViewsAndFromTheTail) {
  Envelope first{.command = CreateSubnet{.prefix = prefix("2001:db8:1::/64")}};
  first.id.emplace()[15] = 1;
  Envelope second{.command = client_at("2001:db8:1::5")};
  second.id.emplace()[15] = 2;
  {
    const auto ledger = open();
    ASSERT_TRUE(ledger->submit(admin_, first)->accepted());
    ASSERT_TRUE(ledger->queries());
    ASSERT_TRUE(ledger->projector().flush());
    ASSERT_TRUE(ledger->submit(admin_, second)->accepted());
  }
  const auto ledger = open();
  EXPECT_TRUE(ledger->submit(admin_, first)->repeated);
  EXPECT_TRUE(ledger->submit(admin_, second)->repeated);
  EXPECT_EQ(ledger->tail(), 2U);
}

TEST_F(EmbeddedLedger, TheProjectorSaysWhereItStopped) {
  // An event of a newer version, put into the log by hand behind one that is known.
  const auto ledger = open();
  ASSERT_TRUE(
      ledger->submit(admin_, Envelope{.command = CreateSubnet{.prefix = prefix("2001:db8:1::/64")}})
          ->accepted());
  Record record = read_record(ledger->log(), 1).value();
  record.position = 2;
  record.event = UnknownEvent{77};
  ViewWriter writer;
  Entries entries;
  ASSERT_TRUE(writer.add(read_record(ledger->log(), 1).value(), entries));
  const auto stopped = writer.add(record, entries);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().value, "2");
  EXPECT_EQ(writer.position(), 1U) << "it never skips";
}

}  // namespace
}  // namespace leaseledger::test
