// The real program: import and export of what Kea writes and reads.

#include "tests/tools/cli_fixture.h"

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = " --config " LEASELEDGER_TEST_DATA "/data/kea/kea-dhcp6.conf";
constexpr const char* kRecording = LEASELEDGER_TEST_DATA "/data/kea/kea-leases6.csv";

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  EXPECT_TRUE(out.flush()) << path;
}

class CliKeaFiles : public Cli {
 protected:
  fs::path file(const std::string& name) const { return folder_.path() / name; }
  /// The recording in three files, as clean-ups that erase nothing would leave it.
  void have_a_set() {
    const std::string whole = text_of(kRecording);
    const std::string header = whole.substr(0, whole.find('\n') + 1);
    const std::size_t first = whole.find('\n', whole.size() / 3) + 1;
    const std::size_t second = whole.find('\n', whole.size() * 2 / 3) + 1;
    write(file("kea-leases6.csv.2"), whole.substr(0, first));
    write(file("kea-leases6.csv.1"), header + whole.substr(first, second - first));
    write(file("kea-leases6.csv"), header + whole.substr(second));
    write(file("kea-leases6.csv.output"), "this is never read");
  }
};

TEST_F(CliKeaFiles, TheSetIsTheSameHistoryAsOneFile) {
  have_ledger();
  have_a_set();
  const Outcome set = run("-o json import kea " + file("kea-leases6.csv").string() + kConfig);
  EXPECT_EQ(set.code, 0) << set.err;
  EXPECT_EQ(Json::parse(set.out)["rows"], 3865);
  for (const char* name : {"kea-leases6.csv.2: 1", "kea-leases6.csv.1: 1", "kea-leases6.csv: 1"})
    EXPECT_NE(set.err.find(name), std::string::npos) << set.err;
  EXPECT_LT(set.err.find("csv.2: "), set.err.find("csv.1: "));
  EXPECT_EQ(set.err.find(".output"), std::string::npos);
  EXPECT_NE(set.err.find("rows, format 4.0"), std::string::npos) << set.err;

  // Every row of the one file is known already: the times of deletions too.
  const Json one = json(std::string("import kea ") + kRecording);
  EXPECT_EQ(one["known already"], 3865);
  EXPECT_EQ(one["accepted"], 0);
  const Json log = json("log --limit 5000");
  bool of_second = false;
  for (const auto& record : log["items"])
    of_second = of_second || record.value("cause", "").starts_with("kea-leases6.csv.1:");
  EXPECT_TRUE(of_second);
}

TEST_F(CliKeaFiles, OnlyReadsTheNamedFile) {
  have_ledger();
  have_a_set();
  const Outcome only =
      run("-o json import kea --only " + file("kea-leases6.csv.1").string() + kConfig);
  EXPECT_EQ(only.code, 0) << only.err;
  EXPECT_LT(Json::parse(only.out)["rows"], 1600);
  EXPECT_EQ(only.err.find("csv.2"), std::string::npos) << only.err;
}

TEST_F(CliKeaFiles, ATornRowIsReportedWithItsFile) {
  have_ledger();
  have_a_set();
  std::ofstream(file("kea-leases6.csv.1"), std::ios::app) << "2001:db8:10::1,00:0";
  const Outcome set = run("-o json import kea " + file("kea-leases6.csv").string() + kConfig);
  EXPECT_EQ(set.code, 1);
  EXPECT_EQ(Json::parse(set.out)["not taken"], 1);
  EXPECT_NE(set.err.find("kea-leases6.csv.1:"), std::string::npos) << set.err;
  EXPECT_NE(set.err.find("torn"), std::string::npos) << set.err;
}

TEST_F(CliKeaFiles, WhatCannotBeReadIsSaidBeforeAnythingIsRecorded) {
  have_ledger();
  const Outcome missing = run("import kea " + file("nothing.csv").string());
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.err.find("ERROR_FILE_NOT_FOUND"), std::string::npos) << missing.err;
  write(file("kea-leases4.csv"),
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,"
        "user_context\n");
  const Outcome four = run("import kea " + file("kea-leases4.csv").string() + kConfig);
  EXPECT_EQ(four.code, 2);
  EXPECT_NE(four.err.find("DHCPv4"), std::string::npos) << four.err;
  EXPECT_EQ(json("stats")["records"], 0);
}

TEST_F(CliKeaFiles, APipeIsImportedLikeAFile) {
  have_ledger();
  const Outcome piped = run(std::string("import kea -") + kConfig, text_of(kRecording));
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_EQ(json(std::string("import kea ") + kRecording)["known already"], 3865);
}

// ---- export kea ---------------------------------------------------------------------------------------------------------

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.insert(line);
  return out;
}

TEST_F(CliKeaFiles, WhatIsExportedAreRowsThatKeaWroteItself) {
  have_recording();
  const auto recorded = lines_of(text_of(kRecording));
  const fs::path out = file("then.csv");
  const Json report = json("export kea " + out.string() + " --effective 2026-11-23T06:19:00Z");
  EXPECT_GT(report["leases"], 200);
  EXPECT_EQ(report["as of"], json("stats")["records"]);
  const auto exported = lines_of(text_of(out));
  EXPECT_EQ(exported.size(), report["leases"].get<std::size_t>() + 1);
  for (const auto& line : exported) EXPECT_TRUE(recorded.contains(line)) << line;
}

TEST_F(CliKeaFiles, LeasesThatAreOverAreLeftOut) {
  have_client();
  ok("client create 2001:db8:1::6 --duid 00:03:00:01:02:00:5e:10:00:02 --valid 1s --preferred 1s");
  ::usleep(1'100'000);
  const Outcome out = run("export kea --subnet-id 2001:db8:1::/64=7");
  EXPECT_EQ(out.code, 0) << out.err;
  EXPECT_EQ(lines_of(out.out).size(), 2U) << out.out;
  EXPECT_EQ(out.out.find("2001:db8:1::6,"), std::string::npos);
  EXPECT_NE(out.err.find("leases "), std::string::npos) << "the report goes to standard error";
  // The ledger as it was when both were there.
  EXPECT_EQ(lines_of(ok("export kea --subnet-id 2001:db8:1::/64=7 --at 3")).size(), 3U);
}

TEST_F(CliKeaFiles, AFileIsNotReplacedUnlessOneSaysSo) {
  have_client();
  write(file("out.csv"), "precious");
  const std::string verb = "export kea " + file("out.csv").string();
  const std::string id = " --subnet-id 2001:db8:1::/64=7";
  const Outcome refused = run(verb + id);
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.err.find("ERROR_FILE_EXISTS"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--force"), std::string::npos) << refused.err;
  EXPECT_EQ(text_of(file("out.csv")), "precious");
  ok(verb + id + " --force");
  EXPECT_TRUE(text_of(file("out.csv")).starts_with("address,duid,"));
  EXPECT_EQ(run("export kea " + file("no/such/folder.csv").string() + id).code, 1);
  EXPECT_EQ(run("export kea " + folder_.path().string() + id).code, 2);
}

TEST_F(CliKeaFiles, ASubnetWithoutKeasNumberIsNamedAndNothingIsLeftBehind) {
  have_client();
  ok("subnet create 2001:db8:2::/64 --name 'kea 12'");
  ok("subnet create 2001:db8:3::/64");
  for (const char* address : {"2001:db8:2::5", "2001:db8:3::5"})
    ok(std::string("client create ") + address + " --duid 00:03:00:01:02:00:5e:10:00:01");
  const std::string verb = "export kea " + file("out.csv").string();
  const Outcome unknown = run(verb);
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("2001:db8:1::/64 'hall', 2001:db8:3::/64"), std::string::npos)
      << unknown.err;
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("out.csv")) << entry.path();

  write(file("out.csv.2"), "left by a clean-up");
  const Outcome known =
      run("export kea --subnet-id 2001:db8:1::/64=7 --subnet-id "
          "2001:db8:3::/64=1234567 " +
          file("out.csv").string());
  EXPECT_EQ(known.code, 0) << known.err;
  EXPECT_NE(known.err.find("out.csv.2 is there"), std::string::npos) << known.err;
  const std::string text = text_of(file("out.csv"));
  std::map<std::string, std::string> numbers;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    numbers[cells[0]] = cells[4];
  }
  EXPECT_EQ(numbers["2001:db8:1::5"], "7");
  EXPECT_EQ(numbers["2001:db8:2::5"], "12");
  EXPECT_EQ(numbers["2001:db8:3::5"], "1234567");
  for (const char* bad : {"7", "2001:db8:1::1/64=7", "2001:db8:1::/64=x", "2001:db8:1::/64=0"})
    EXPECT_EQ(run(verb + " --force --subnet-id " + bad).code, 2) << bad;
}

TEST_F(CliKeaFiles, NumbersOfSubnetsComeFromTheConfigurationOfTheKeaThatGetsTheFile) {
  have_client();
  write(file("new.conf"), R"({"Dhcp6": {"subnet6": [{"id": 99, "subnet": "2001:db8:1::/64"}]}})");
  const std::string out = ok("export kea --config " + file("new.conf").string());
  EXPECT_NE(out.find(",99,"), std::string::npos) << out;
}

TEST_F(CliKeaFiles, TheFormatVersionIsChosen) {
  have_client();
  const std::string verb = "export kea --subnet-id 2001:db8:1::/64=7 --format-version ";
  const std::string five = ok(verb + "5.0");
  EXPECT_NE(five.find(",hwaddr_source,pool_id\n"), std::string::npos) << five;
  EXPECT_TRUE(five.ends_with(",0\n")) << five;
  EXPECT_EQ(ok(verb + "4.0").find("pool_id"), std::string::npos);
  const Outcome six = run(verb + "6.0");
  EXPECT_EQ(six.code, 2);
  EXPECT_NE(six.err.find("--format-version '6.0'"), std::string::npos) << six.err;
}

TEST_F(CliKeaFiles, AReservationThatNobodyHasLeasedIsNoLease) {
  have_subnet();
  ok("reservation add 2001:db8:1::/64 2001:db8:1::77 --duid 00:03:00:01:02:00:5e:10:00:01");
  const Json none = json("export kea " + file("out.csv").string());
  EXPECT_EQ(none["leases"], 0);
  EXPECT_EQ(none["reserved, left out"], 1);
}

// ---- legal-log ------------------------------------------------------------------------------------------------------------

constexpr const char* kMorning =
    "2026-03-02 08:00:00 CET Address: 2001:db8:1::7 has been assigned for 4 hrs 0 mins 0 secs to a "
    "device with DUID: 00:03:00:01:02:00:5e:10:00:01\n";
constexpr const char* kNextDay =
    "2026-03-03 08:00:00 CET Address: 2001:db8:1::7 has been assigned for 4 hrs 0 mins 0 secs to a "
    "device with DUID: 00:03:00:01:02:00:5e:10:00:02\n"
    "2026-03-03 09:00:00 CET Address: 2001:db8:1::7 has been released from a device with DUID: "
    "00:03:00:01:02:00:5e:10:00:02\n"
    "2026-03-03 10:00:00 CET Somebody looked at this file\n";

TEST_F(CliKeaFiles, AnArchiveOfLegalLogAnswersWhoAndWhen) {
  have_subnet();
  write(file("kea-legal.20260302.txt"), kMorning);
  write(file("kea-legal.20260303.txt"), kNextDay);
  // The later file is named first; the dates in the names count.
  const std::string files =
      file("kea-legal.20260303.txt").string() + " " + file("kea-legal.20260302.txt").string();
  const Outcome unzoned = run("import legal-log " + files);
  EXPECT_EQ(unzoned.code, 2);
  EXPECT_NE(unzoned.err.find("--time-zone: the zone that 'CET' is of"), std::string::npos)
      << unzoned.err;
  EXPECT_EQ(json("stats")["records"], 1);

  const Outcome zoned = run("-o json import legal-log --time-zone Europe/Berlin " + files);
  EXPECT_EQ(zoned.code, 1) << "one line is no sentence";
  EXPECT_NE(zoned.err.find("kea-legal.20260303.txt:3: "), std::string::npos) << zoned.err;
  EXPECT_EQ(Json::parse(zoned.out)["accepted"], 3);
  const Json first = json("who 2001:db8:1::7 --at 2026-03-02T07:30:00Z");
  EXPECT_NE(first.dump().find("00:03:00:01:02:00:5e:10:00:01"), std::string::npos) << first;
  const Json second = json("who 2001:db8:1::7 --at 2026-03-03T07:30:00Z");
  EXPECT_NE(second.dump().find("00:03:00:01:02:00:5e:10:00:02"), std::string::npos) << second;
  EXPECT_EQ(run("who 2001:db8:1::7 --at 2026-03-03T08:30:00Z").code, 1);

  const Json again = json("import legal-log --time-zone Europe/Berlin " + files, 1);
  EXPECT_EQ(again["accepted"], 0);
  EXPECT_EQ(again["known already"], 3);
}

TEST_F(CliKeaFiles, WhatIsExportedAsLegalLogIsWhatCameIn) {
  have_subnet();
  ok("import legal-log --time-zone Europe/Berlin -", kMorning);
  EXPECT_EQ(ok("export legal-log --time-zone Europe/Berlin"), kMorning);
  const std::string utc = ok("export legal-log");
  EXPECT_TRUE(utc.starts_with("2026-03-02 07:00:00 UTC Address: 2001:db8:1::7 ")) << utc;
  EXPECT_EQ(ok("export legal-log --from 2026-03-02T07:00:01Z"), "");
  EXPECT_EQ(ok("export legal-log --to 2026-03-02T07:00:00Z"), "");
  EXPECT_EQ(ok("export legal-log --from 2026-03-02 --to 2026-03-03"), utc);
  ok("export legal-log " + file("log.txt").string());
  EXPECT_EQ(text_of(file("log.txt")), utc);
  EXPECT_NE(run("export legal-log " + file("log.txt").string()).code, 0);
}

TEST_F(CliKeaFiles, TheRecordingGoesThroughLegalLogUnharmed) {
  have_recording();
  write(file("kea-legal.txt"), ok("export legal-log"));
  const std::string second = "--ledger " + file("second").string() + " ";
  ok(second + "init");
  const Outcome back = run("-o json " + second + "import legal-log " +
                           file("kea-legal.txt").string() + " --leases " + kRecording + kConfig);
  EXPECT_EQ(back.code, 0) << back.err;
  // Who held each address at each of some moments, by the recording's own ground truth: the same from both ledgers.
  for (const char* at : {"2026-11-23T06:15:00Z", "2026-11-23T06:17:00Z", "2026-11-23T06:19:00Z"}) {
    const auto held = [&](const std::string& ledger) {
      std::map<std::string, std::string> out;
      const Json leases = json(ledger + "client list --effective " + at);
      for (const Json& lease : leases["items"])
        out[lease["address"]] = lease["duid"].get<std::string>() + " " + lease["iaid"].dump();
      return out;
    };
    const auto was = held("");
    const auto is = held(second);
    EXPECT_GT(was.size(), 100U);
    EXPECT_EQ(is.size(), was.size()) << at;
    std::size_t iaids = 0;
    for (const auto& [address, client] : was) {
      const auto found = is.find(address);
      ASSERT_NE(found, is.end()) << address << " at " << at;
      EXPECT_EQ(found->second.substr(0, found->second.find(' ')),
                client.substr(0, client.find(' ')));
      if (found->second == client) ++iaids;
    }
    EXPECT_EQ(iaids, was.size()) << "the lease file has the IAIDs";
  }
}

TEST_F(CliKeaFiles, OptionsOfLegalLogThatMakeNoSense) {
  have_subnet();
  write(file("log.txt"), kMorning);
  const std::string verb = "import legal-log " + file("log.txt").string();
  for (const char* bad :
       {" --time-zone Mars/Olympus", " --utc-offset CET", " --time-zone UTC --utc-offset +01:00",
        " --valid-lifetime soon", " --server tls:localhost"}) {
    const Outcome outcome = run(verb + bad);
    EXPECT_EQ(outcome.code, 2) << bad << outcome.err;
    EXPECT_NE(outcome.err.find("ERROR_INVALID_PARAMETER"), std::string::npos) << outcome.err;
  }
  const Outcome absent = run("import legal-log " + file("no.txt").string());
  EXPECT_EQ(absent.code, 1);
  EXPECT_NE(absent.err.find("no.txt"), std::string::npos) << absent.err;
  EXPECT_EQ(json("stats")["records"], 1);
  const Json fixed = json(verb + " --utc-offset +01:00");
  EXPECT_EQ(fixed["accepted"], 1);
}

}  // namespace
}  // namespace leaseledger::test
