// The files that Kea's memfile leaves beside its lease file: which are read, in which order, and what happens when the clean-up
// renames them meanwhile.

#include "adapters/kea/lease_file_set.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHeader =
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_"
    "fwd,"
    "fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n";

class KeaFileSet : public ::testing::Test {
 protected:
  fs::path main() const { return folder_.path() / "kea-leases6.csv"; }
  fs::path beside(const char* suffix) const { return main().string() + suffix; }
  /// A lease file whose one row has `mark` for its host name.
  static void write(const fs::path& path, const std::string& mark) {
    std::ofstream(path) << kHeader << "2001:db8::1,00:01:02,60,1795414562,10,60,0,1,128,0,0,"
                        << mark << ",,0,,,\n";
  }
  /// The marks of the files that would be read, in order: "a b c".
  static std::string read(kea::LeaseFileSet& set) {
    std::string out;
    for (auto& file : set.files()) {
      std::string line;
      while (std::getline(file.stream, line)) {
        if (line.starts_with("address")) continue;
        std::size_t at = 0;
        for (int comma = 0; comma < 11; ++comma) at = line.find(',', at) + 1;
        out += (out.empty() ? "" : " ") + line.substr(at, line.find(',', at) - at);
      }
    }
    return out;
  }
  std::string read_all(const kea::LeaseFileSetOptions& options = {}) {
    auto set = kea::LeaseFileSet::open(main(), options);
    if (!set) return set.error().to_string();
    return read(*set);
  }

  TemporaryDirectory folder_;
};

TEST_F(KeaFileSet, AloneItIsTheLeaseFileOnly) {
  write(main(), "main");
  EXPECT_EQ(read_all(), "main");
}

TEST_F(KeaFileSet, WhatTheLastCleanUpLeftComesFirstThenWhatWaitsForTheNext) {
  write(main(), "main");
  write(beside(".1"), "one");
  EXPECT_EQ(read_all(), "one main");
  write(beside(".2"), "two");
  EXPECT_EQ(read_all(), "two one main");
  fs::remove(beside(".1"));
  EXPECT_EQ(read_all(), "two main");
}

TEST_F(KeaFileSet, ACompletedCleanUpStandsForItsTwoInputs) {
  write(main(), "main");
  write(beside(".1"), "one");
  write(beside(".2"), "two");
  write(beside(".completed"), "completed");
  EXPECT_EQ(read_all(), "completed main");
}

TEST_F(KeaFileSet, TheOutputOfARunningCleanUpIsNeverRead) {
  write(main(), "main");
  write(beside(".1"), "one");
  write(beside(".output"), "output");
  write(beside(".pid"), "pid");
  EXPECT_EQ(read_all(), "one main");
}

TEST_F(KeaFileSet, OnlyIsOnly) {
  write(main(), "main");
  write(beside(".1"), "one");
  write(beside(".2"), "two");
  EXPECT_EQ(read_all({.only = true}), "main");
}

TEST_F(KeaFileSet, ACleanUpThatBeginsWhileWeLookIsNotMissed) {
  write(main(), "old");
  write(beside(".2"), "two");
  int looks = 0;
  kea::LeaseFileSetOptions options{.pause = std::chrono::milliseconds{1}, .looked = [&] {
                                     if (++looks > 1) return;
                                     fs::rename(main(), beside(".1"));
                                     write(main(), "new");
                                   }};
  auto set = kea::LeaseFileSet::open(main(), options);
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(read(*set), "two old new");
  EXPECT_EQ(set->restarts(), 1U);
}

TEST_F(KeaFileSet, ACleanUpThatEndsWhileWeLookIsNotMissed) {
  write(main(), "main");
  write(beside(".1"), "one");
  write(beside(".2"), "two");
  write(beside(".output"), "one+two");
  int looks = 0;
  const auto step = [&] {
    switch (++looks) {
      case 1:
        fs::rename(beside(".output"), beside(".completed"));
        break;
      case 2:
        fs::remove(beside(".1"));
        fs::remove(beside(".2"));
        fs::rename(beside(".completed"), beside(".2"));
        break;
      default:
        break;
    }
  };
  auto set =
      kea::LeaseFileSet::open(main(), {.pause = std::chrono::milliseconds{1}, .looked = step});
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(read(*set), "one+two main");
  EXPECT_EQ(set->restarts(), 2U);
}

TEST_F(KeaFileSet, TheMomentWithoutALeaseFileIsWaitedOver) {
  write(beside(".1"), "one");
  int looks = 0;
  auto set = kea::LeaseFileSet::open(main(), {.pause = std::chrono::milliseconds{1}, .looked = [&] {
                                                if (++looks == 2) write(main(), "main");
                                              }});
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(read(*set), "one main");
}

TEST_F(KeaFileSet, WhatIsOpenStaysReadableWhenTheNamesGo) {
  write(main(), "main");
  write(beside(".1"), "one");
  auto set = kea::LeaseFileSet::open(main());
  ASSERT_TRUE(set);
  EXPECT_FALSE(set->moved_on());
  fs::remove(beside(".1"));
  fs::rename(main(), beside(".1"));
  write(main(), "new");
  EXPECT_EQ(read(*set), "one main");
  EXPECT_TRUE(set->moved_on());
}

TEST_F(KeaFileSet, NamesThatNeverStandStillAreAnErrorAndNotAHalf) {
  write(main(), "main");
  const auto set = kea::LeaseFileSet::open(
      main(), {.attempts = 3, .pause = std::chrono::milliseconds{1}, .looked = [&] {
                 write(beside(".new"), "main");
                 fs::rename(beside(".new"), main());
               }});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().kind, ErrorKind::kBusy);
}

TEST_F(KeaFileSet, AMissingFileIsSaidToBeMissing) {
  const auto set = kea::LeaseFileSet::open(main());
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Win32::kFileNotFound);
  EXPECT_EQ(set.error().value, main().string());
  EXPECT_NE(set.error().expected.find("No such file"), std::string::npos);
}

TEST_F(KeaFileSet, AFileThatMayNotBeReadIsNamed) {
  write(main(), "main");
  write(beside(".2"), "two");
  fs::permissions(folder_.path(), fs::perms::all);
  fs::permissions(beside(".2"), fs::perms::none);
  const bool root = ::geteuid() == 0;
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  const auto set = kea::LeaseFileSet::open(main());
  if (root) ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Win32::kAccessDenied);
  EXPECT_EQ(set.error().kind, ErrorKind::kDenied);
  EXPECT_EQ(set.error().value, beside(".2").string());
}

TEST_F(KeaFileSet, ADirectoryIsNoLeaseFile) {
  const auto set = kea::LeaseFileSet::open(folder_.path());
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().expected.find("directory"), std::string::npos);
}

TEST_F(KeaFileSet, AFileThatIsNoneOfDhcpv6IsFoundBeforeAnythingIsRead) {
  write(main(), "main");
  std::ofstream(beside(".2")) << "address,hwaddr,client_id,valid_lifetime,expire,subnet_id\n";
  const auto set = kea::LeaseFileSet::open(main());
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().field, "header");
  EXPECT_NE(set.error().expected.find("DHCPv4"), std::string::npos);
  EXPECT_NE(set.error().expected.find(beside(".2").string()), std::string::npos);
}

TEST_F(KeaFileSet, AnEmptyFileBesideTheOthersIsTakenAsKeaTakesIt) {
  std::ofstream(main()).flush();
  write(beside(".2"), "two");
  EXPECT_EQ(read_all(), "two");
  fs::remove(beside(".2"));
  EXPECT_NE(read_all().find("this one is empty"), std::string::npos);
}

TEST_F(KeaFileSet, APipeIsReadOnceAndAlone) {
  write(beside(".1"), "one");
  ASSERT_EQ(::mkfifo(main().c_str(), 0600), 0);
  // Both ends at once, so that nobody waits for anybody.
  std::fstream writer(main(), std::ios::in | std::ios::out);
  writer << kHeader << "2001:db8::1,00:01:02,60,1795414562,10,60,0,1,128,0,0,pipe,,0,,,\n"
         << std::flush;
  auto set = kea::LeaseFileSet::open(main());
  ASSERT_TRUE(set) << set.error().to_string();
  ASSERT_EQ(set->files().size(), 1U);
  std::string line;
  std::getline(set->files()[0].stream, line);
  EXPECT_EQ(line + "\n", kHeader);
}

TEST_F(KeaFileSet, TheFormatVersionOfEachFileIsKnown) {
  write(main(), "main");
  std::ofstream(beside(".2")) << "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_"
                                 "type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr\n";
  auto set = kea::LeaseFileSet::open(main());
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(set->files()[0].format_version, "2.0");
  EXPECT_EQ(set->files()[1].format_version, "4.0");
}

}  // namespace
}  // namespace leaseledger::test
