// The real program: import and export of what Kea writes and reads.

#include "tests/tools/cli_fixture.h"

#include <filesystem>
#include <unistd.h>

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

}  // namespace
}  // namespace leaseledger::test
