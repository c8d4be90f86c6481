// The real program: every verb, its output in each form, its exit codes.

#include "tests/tools/cli_fixture.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace leaseledger::test {
namespace {

constexpr const char* kClient = " --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7";

TEST_F(Cli, InitMakesALedgerOnce) {
  EXPECT_NE(ok("init").find("id "), std::string::npos);
  const Outcome again = run("init");
  EXPECT_NE(again.code, 0);
  EXPECT_NE(again.err.find("ERROR_FILE_EXISTS"), std::string::npos) << again.err;
}

TEST_F(Cli, WithoutALedgerItSaysSoWithCode3) {
  const Outcome absent = run("subnet list");
  EXPECT_EQ(absent.code, 3) << absent.err;
  EXPECT_NE(absent.err.find("ERROR_FILE_NOT_FOUND"), std::string::npos);
}

TEST_F(Cli, PingSaysWhoOneIsToADirectory) {
  EXPECT_EQ(run("ping").code, 3);
  have_ledger();
  const Json answer = json("ping");
  EXPECT_EQ(answer["role"], "administrator");
  EXPECT_EQ(answer["records"], 0);
  EXPECT_EQ(json("--role none ping")["role"], "none");
}

TEST_F(Cli, UsageErrorsAreCode2AndNameTheOption) {
  have_ledger();
  EXPECT_EQ(run("").code, 2);
  EXPECT_EQ(run("frobnicate").code, 2);
  EXPECT_EQ(run("subnet create").code, 2);
  EXPECT_EQ(run("-o yaml subnet list").code, 2);
  const Outcome bad = run("subnet create 2001:db8:1::1/64");
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("PREFIX '2001:db8:1::1/64'"), std::string::npos) << bad.err;
  EXPECT_EQ(run("who 2001:db8::1 --at someday").code, 2);
  EXPECT_EQ(run("who nobody --at now").code, 2);
}

TEST_F(Cli, EveryVerbHasHelpWithAnExample) {
  const std::set<std::string> without = {};
  for (const char* verb : {"init",
                           "ping",
                           "submit",
                           "import kea",
                           "import legal-log",
                           "export kea",
                           "export legal-log",
                           "backup",
                           "restore",
                           "stats",
                           "repair head",
                           "repair views",
                           "subnet create",
                           "subnet set",
                           "subnet delete",
                           "subnet list",
                           "subnet show",
                           "subnet free",
                           "reservation add",
                           "reservation remove",
                           "reservation list",
                           "exclusion add",
                           "exclusion remove",
                           "exclusion list",
                           "pool add",
                           "pool remove",
                           "pool list",
                           "client create",
                           "client get",
                           "client set",
                           "client delete",
                           "client list",
                           "lease renew",
                           "lease release",
                           "lease decline",
                           "lease expire",
                           "log",
                           "show",
                           "who",
                           "history",
                           "at",
                           "diff",
                           "expiring",
                           "replay",
                           "verify",
                           "root",
                           "proof",
                           "completion",
                           "man"}) {
    const Outcome help = run(std::string(verb) + " --help");
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_NE(help.out.find("Examples:\n  "), std::string::npos) << verb;
  }
  EXPECT_EQ(run("--version").out, "leaseledger 0.1.0\n");
}

TEST_F(Cli, TheSeedIsRefusedTheFourDocumentedWays) {
  have_client();
  const auto refused = [&](const std::string& arguments, int code, const char* name) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, code) << arguments;
    EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  };
  refused("client create 2001:db8:1::6", 1, "ERROR_INVALID_PARAMETER (87): duid");
  refused("--role user client create 2001:db8:1::6 --duid 00:01", 4, "ERROR_ACCESS_DENIED (5)");
  refused("--role none client create 2001:db8:1::6 --duid 00:01", 4, "ERROR_ACCESS_DENIED (5)");
  refused("client create 2001:db8:2::6 --duid 00:01", 1,
          "ERROR_DHCP_SUBNET_NOT_PRESENT (20005): address '2001:db8:2::6'");
  refused("client create 2001:db8:1::5 --duid 00:01", 1,
          "ERROR_DHCP_CLIENT_EXISTS (20014): address '2001:db8:1::5'");
  EXPECT_EQ(json("log --kind CommandRefused")["items"].size(), 5U);
  const Json error = Json::parse(run("--json-errors client create 2001:db8:1::5 --duid 00:01").err);
  EXPECT_EQ(error["error"]["code"], 20014);
  EXPECT_EQ(error["error"]["field"], "address");
}

TEST_F(Cli, ACallerWithoutARoleCannotAsk) {
  have_client();
  EXPECT_EQ(run("--role none client get 2001:db8:1::5").code, 4);
  EXPECT_EQ(run("--role user client get 2001:db8:1::5").code, 0);
}

TEST_F(Cli, ALeaseFromCreationToItsEnd) {
  have_client();
  Json lease = json("client get 2001:db8:1::5");
  EXPECT_EQ(lease["name"], "printer");
  EXPECT_EQ(lease["state"], "active");
  EXPECT_EQ(lease["subnet"], "2001:db8:1::/64");
  ok(std::string("lease renew 2001:db8:1::5 --valid 2d") + kClient);
  ok(std::string("client set 2001:db8:1::5 --name printer-2 --comment moved") + kClient);
  lease = json("client get 2001:db8:1::5");
  EXPECT_EQ(lease["name"], "printer-2");
  EXPECT_EQ(lease["comment"], "moved");
  EXPECT_EQ(json("client list --prefix 2001:db8:1::/64")["items"].size(), 1U);
  EXPECT_EQ(json("client list --duid 00:03:00:01:02:00:5e:10:00:01")["items"].size(), 1U);
  EXPECT_EQ(json("expiring --to -1d")["items"].size(), 0U);
  ok(std::string("lease release 2001:db8:1::5") + kClient);
  EXPECT_EQ(run("client get 2001:db8:1::5").code, 1);
  EXPECT_EQ(run("client get 2001:db8:1::5 --at 3").code, 0) << "but it was there then";
  const Json spans = json("history 2001:db8:1::5")["items"];
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0]["renewals"], 1);
  EXPECT_EQ(spans[0]["ended"], "LeaseReleased");
  EXPECT_EQ(json("history 00:03:00:01:02:00:5e:10:00:01")["items"].size(), 1U);
  EXPECT_EQ(run("who 2001:db8:1::5").code, 1);
}

TEST_F(Cli, DeclineExpireDelete) {
  have_client();
  ok(std::string("lease decline 2001:db8:1::5 --probation 1h") + kClient);
  EXPECT_EQ(json("client get 2001:db8:1::5")["state"], "declined");
  EXPECT_EQ(run("who 2001:db8:1::5").code, 1) << "a declined address is nobody's";
  ok("client create 2001:db8:1::6 --duid 00:02 --valid-until 2026-01-01");
  EXPECT_NE(ok("lease expire").find("position"), std::string::npos);
  EXPECT_NE(ok("lease expire").find("nothing to change"), std::string::npos);
  ok("client delete 2001:db8:1::5");
  EXPECT_EQ(run("client delete 2001:db8:1::5").code, 1);
  EXPECT_NE(run("client delete 2001:db8:1::5").err.find("ERROR_DHCP_JET_ERROR (20013)"),
            std::string::npos);
}

TEST_F(Cli, SubnetsReservationsExclusionsPools) {
  have_subnet();
  ok("subnet set 2001:db8:1::/64 --comment north --state disabled");
  ok("reservation add 2001:db8:1::/64 2001:db8:1::10 --duid 00:aa --iaid 1");
  ok("exclusion add 2001:db8:1::/64 2001:db8:1:: 2001:db8:1::f");
  ok("pool add 2001:db8:1::/64 2001:db8:8000::/40 --delegated-length 56");
  const Json subnet = json("subnet show 2001:db8:1::/64");
  EXPECT_EQ(subnet["comment"], "north");
  EXPECT_EQ(subnet["state"], "disabled");
  EXPECT_EQ(subnet["validLifetime"], 43200);
  EXPECT_EQ(subnet["reservations"][0]["address"], "2001:db8:1::10");
  EXPECT_EQ(subnet["exclusions"][0]["last"], "2001:db8:1::f");
  EXPECT_EQ(subnet["pools"][0]["delegatedLength"], 56);
  EXPECT_EQ(json("subnet show 2001:db8:1::/64 --at 1")["state"], "enabled");
  EXPECT_EQ(json("subnet free 2001:db8:1::/64 --count 2")["items"][0]["address"], "2001:db8:1::11");
  EXPECT_EQ(json("reservation list")["items"].size(), 1U);
  EXPECT_EQ(json("exclusion list")["items"].size(), 1U);
  EXPECT_EQ(json("pool list")["items"].size(), 1U);
  ok("client create 2001:db8:8000:100::/56 --duid 00:bb");
  EXPECT_EQ(json("who 2001:db8:8000:1ff::77")["items"][0]["duid"], "00:bb")
      << "seen through the delegation";
  EXPECT_EQ(run("subnet delete 2001:db8:1::/64").code, 1);
  ok("reservation remove 2001:db8:1::/64 2001:db8:1::10");
  ok("exclusion remove 2001:db8:1::/64 2001:db8:1:: 2001:db8:1::f");
  EXPECT_EQ(run("pool remove 2001:db8:1::/64 2001:db8:8000::/40").code, 1);
  ok("client delete 2001:db8:8000:100::/56");
  ok("pool remove 2001:db8:1::/64 2001:db8:8000::/40");
  ok("subnet delete 2001:db8:1::/64 --force");
  EXPECT_EQ(json("subnet list")["items"].size(), 0U);
}

TEST_F(Cli, SubmitAnswersEachLine) {
  have_ledger();
  const Outcome outcome = run(
      "submit -",
      R"({"command":"CreateSubnet","prefix":"2001:db8:1::/64"})"
      "\n\n"
      R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:aa","iaid":1,"id":"0190b5e6-7c00-7000-8000-000000000001"})"
      "\n"
      R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:bb"})"
      "\n"
      R"({"command":"CreateClient","address":"2001:db8:1::6","duid":"00:bb","adress":"x"})"
      "\n"
      R"({"command":"CreateClient","address":"2001:db8:1::6","address":"2001:db8:1::7","duid":"00:bb"})"
      "\nnot json\n");
  EXPECT_EQ(outcome.code, 1);
  std::vector<Json> answers;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_EQ(answers[0]["ok"], true);
  EXPECT_EQ(answers[1]["first"], 2);
  EXPECT_EQ(answers[2]["name"], "ERROR_DHCP_CLIENT_EXISTS");
  EXPECT_EQ(answers[3]["field"], "adress");
  EXPECT_EQ(answers[4]["field"], "address");
  EXPECT_EQ(answers[5]["field"], "json");
  const Outcome again = run(
      "submit -",
      R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:aa","iaid":1,"id":"0190b5e6-7c00-7000-8000-000000000001"})");
  EXPECT_EQ(Json::parse(again.out)["repeated"], true);
  const Outcome other = run(
      "submit -",
      R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:aa","iaid":2,"id":"0190b5e6-7c00-7000-8000-000000000001"})");
  EXPECT_EQ(Json::parse(other.out)["field"], "iaid");
}

TEST_F(Cli, SubmitAllOrNothing) {
  have_subnet();
  const Outcome outcome =
      run("submit - --all-or-nothing",
          R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:aa"})"
          "\n"
          R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:bb"})"
          "\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("ERROR_OPERATION_ABORTED"), std::string::npos);
  EXPECT_EQ(run("client get 2001:db8:1::5").code, 1);
}

TEST_F(Cli, IdsDryRunsPreconditionsAndCauses) {
  have_subnet();
  const std::string id = "--id 0190b5e6-7c00-7000-8000-00000000000a ";
  const std::string create = "client create 2001:db8:1::5 --duid 00:aa";
  EXPECT_NE(ok("--dry-run " + create).find("would be accepted"), std::string::npos);
  EXPECT_EQ(run("client get 2001:db8:1::5").code, 1);
  ok(id + "--cause 'ticket 42' " + create);
  EXPECT_NE(ok(id + create).find("the first answer again"), std::string::npos);
  EXPECT_EQ(json("log --kind ClientCreated")["items"][0]["cause"], "ticket 42");
  EXPECT_EQ(run("--if-last-event 9 client delete 2001:db8:1::5").code, 6);
  ok("--if-last-event 2 client delete 2001:db8:1::5");
  ok("--effective-at 2026-01-01T00:00:00Z client create 2001:db8:1::7 --duid 00:cc --valid-until "
     "never");
  EXPECT_EQ(json("who 2001:db8:1::7 --at 2026-01-02")["items"][0]["from"], "2026-01-01T00:00:00Z");
}

TEST_F(Cli, TheLogIsFilteredAndTurnedRound) {
  have_client();
  run("--role user client delete 2001:db8:1::5");
  EXPECT_EQ(json("log")["items"].size(), 3U);
  EXPECT_EQ(json("log --from 2 --to 2")["items"][0]["kind"], "ClientCreated");
  EXPECT_EQ(json("log --reverse --limit 1")["items"][0]["position"], 3);
  EXPECT_EQ(json("log --address 2001:db8:1::5")["items"].size(), 2U)
      << "the refusal is about it too";
  EXPECT_EQ(json("log --address 2001:db8:1::/64")["items"].size(), 2U);
  EXPECT_EQ(json("log --duid 00:03:00:01:02:00:5e:10:00:01")["items"].size(), 1U);
  EXPECT_EQ(json("log --actor nobody")["items"].size(), 0U);
  EXPECT_EQ(json("log --from -1h")["items"].size(), 3U);
  EXPECT_EQ(json("log --to -1h")["items"].size(), 0U);
  EXPECT_EQ(run("log --kind Nonsense").code, 2);
  EXPECT_EQ(json("show 2")["lease"]["address"], "2001:db8:1::5");
  EXPECT_EQ(run("show 99").code, 1);
}

TEST_F(Cli, FollowShowsWhatOthersRecord) {
  have_subnet();
  const auto out = folder_.path() / "followed";
  const auto pid_file = folder_.path() / "pid";
  const std::string follow = "LEASELEDGER_SERVER= LEASELEDGER_DIR='" + ledger() +
                             "' " LEASELEDGER_PROGRAM " -o jsonl log --follow >" + out.string() +
                             " & echo $! >" + pid_file.string();
  ASSERT_EQ(std::system(follow.c_str()), 0);
  std::string text;
  // Others write once it waits, not before.
  for (int i = 0; i < 100 && text.empty(); ++i) {
    ::usleep(100'000);
    std::ifstream in(out);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  ok("--wait 10 client create 2001:db8:1::5 --duid 00:aa");
  for (int i = 0; i < 100 && text.find("2001:db8:1::5") == std::string::npos; ++i) {
    ::usleep(100'000);
    std::ifstream in(out);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_NE(text.find("2001:db8:1::/64"), std::string::npos) << "what was there";
  EXPECT_NE(text.find("2001:db8:1::5"), std::string::npos) << "what came";
  EXPECT_EQ(std::system(("kill $(cat " + pid_file.string() + ")").c_str()), 0);
}

TEST_F(Cli, OutputInEachForm) {
  have_client();
  const std::string table = ok("client list");
  EXPECT_EQ(table.find("ADDRESS"), 0U);
  EXPECT_NE(table.find("2001:db8:1::5"), std::string::npos);
  const std::string csv = ok("-o csv client list");
  EXPECT_EQ(
      csv.find(
          "address,type,state,duid,iaid,name,since,validUntil,last\r\n2001:db8:1::5,IA_NA,active,"),
      0U)
      << csv;
  EXPECT_EQ(Json::parse(ok("-o jsonl client list"))["address"], "2001:db8:1::5");
  const Json whole = json("client list");
  EXPECT_EQ(whole["schemaVersion"], 1);
  EXPECT_EQ(whole["kind"], "leases");
  EXPECT_EQ(Json::parse(ok("-o json client list --prefix 2001:db8:9::/64"))["items"].size(), 0U);
}

TEST_F(Cli, ControlCharactersInNamesCannotFakeLines) {
  have_subnet();
  ok("submit -",
     R"({"command":"CreateClient","address":"2001:db8:1::5","duid":"00:aa","name":"a\nb\u001b[2J"})");
  EXPECT_NE(ok("client list").find("a\\x0ab\\x1b[2J"), std::string::npos);
}

TEST_F(Cli, TheRecordingAnswersWhoAndWhen) {
  have_recording();
  const Json before = json("who 2001:db8:20::103 --at 2026-11-23T06:15:00Z")["items"];
  const Json after = json("who 2001:db8:20::103 --at '2026-11-23 07:17:30+01:00'")["items"];
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0]["duid"], "00:04:f4:cf:d3:36:64:1e:4e:8d:88:9b:69:d3:82:62:cd:c5");
  EXPECT_EQ(after[0]["duid"], "00:04:9d:50:41:18:35:1c:40:e9:a3:38:09:8c:ab:14:76:c8");
  const Outcome nobody = run("who 2001:db8:20::103 --at 2026-11-23T06:15:45Z");
  EXPECT_EQ(nobody.code, 1);
  EXPECT_NE(nobody.out.find("nobody"), std::string::npos);
  EXPECT_NE(nobody.out.find("before    DUID"), std::string::npos);
  EXPECT_EQ(run("who 2001:db8:20::103 --at 2026-11-23T06:15:00Z --known-at 5").code, 1);
  EXPECT_EQ(json("who 2001:db8:8000:217::c0:ffee --at 2026-11-23T06:15:00Z")["items"][0]["address"],
            "2001:db8:8000:200::/56");
  EXPECT_EQ(json("history 2001:db8:20::103")["items"].size(), 6U);
  EXPECT_EQ(run("diff 100 100").code, 0);
  const Json difference = json("diff 2900 3000", 1);
  EXPECT_GT(difference["items"].size(), 10U);
  EXPECT_EQ(json("at 100 --limit 0")["items"].size(), 59U);
  EXPECT_GT(json("client list --effective 2026-11-23T06:19:00Z")["items"].size(), 100U);
}

TEST_F(Cli, ImportAgainAddsNothingAndTornRowsAreListed) {
  have_recording();
  const Json again =
      json("import kea " LEASELEDGER_TEST_DATA
           "/data/kea/kea-leases6.csv --config " LEASELEDGER_TEST_DATA "/data/kea/kea-dhcp6.conf");
  EXPECT_EQ(again["accepted"], 0);
  EXPECT_EQ(again["known already"], 3865);
  const Outcome torn = run("import kea " LEASELEDGER_TEST_DATA "/data/kea/torn.csv --server other");
  EXPECT_EQ(torn.code, 1);
  EXPECT_NE(torn.err.find("torn.csv:8: "), std::string::npos) << torn.err;
  EXPECT_NE(torn.err.find("glued"), std::string::npos);
  EXPECT_EQ(run("import kea /nonexistent").code, 1);
}

TEST_F(Cli, RootsProofsVerifyReplayStats) {
  have_recording();
  EXPECT_EQ(json("verify")["result"], "ok");
  EXPECT_EQ(json("replay")["equal"], true);
  EXPECT_EQ(json("proof 77")["verified"], true);
  EXPECT_EQ(json("proof --consistent-with 1000 --size 2000")["verified"], true);
  EXPECT_EQ(json("proof --consistent-with 1000 --size 2000")["oldRoot"],
            json("root --at 1000")["root"]);
  EXPECT_EQ(run("proof 999999").code, 2);
  EXPECT_EQ(run("proof").code, 2);
  EXPECT_EQ(json("stats")["leases"], 259);
}

TEST_F(Cli, TamperingIsFoundWithCode5) {
  have_recording();
  const std::string copy = (folder_.path() / "copy").string();
  ok("backup " + copy);
  // One byte in the middle of the copy's largest table or log file.
  std::filesystem::path largest;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(copy) / "log")) {
    if (entry.is_regular_file() &&
        (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)))
      largest = entry.path();
  }
  std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(largest) / 2);
  file.seekg(middle);
  const char old = static_cast<char>(file.get());
  file.seekp(middle);
  file.put(static_cast<char>(old ^ 1));
  file.close();
  const Outcome tampered = run("--ledger " + copy + " verify");
  EXPECT_EQ(tampered.code, 5) << tampered.out << tampered.err;
}

TEST_F(Cli, BackupAndRestore) {
  have_client();
  const std::string copy = (folder_.path() / "copy").string();
  const std::string restored = (folder_.path() / "restored").string();
  EXPECT_EQ(json("backup " + copy)["verified"], true);
  EXPECT_NE(run("backup " + copy).code, 0) << "never over something that is there";
  EXPECT_EQ(json("--ledger " + restored + " restore " + copy)["verified"], true);
  EXPECT_EQ(json("--ledger " + restored + " root")["root"], json("root")["root"]);
  ok("--ledger " + restored + " client delete 2001:db8:1::5");
  EXPECT_EQ(run("client get 2001:db8:1::5").code, 0);
}

TEST_F(Cli, RepairHeadAndViews) {
  have_client();
  std::filesystem::remove(std::filesystem::path(ledger()) / "HEAD");
  const Outcome lost = run("client get 2001:db8:1::5");
  EXPECT_EQ(lost.code, 5);
  EXPECT_NE(lost.err.find("repair head"), std::string::npos) << lost.err;
  ok("repair head");
  ok("client get 2001:db8:1::5");
  EXPECT_EQ(json("repair views")["were wrong"].size(), 0U);
}

TEST_F(Cli, CompletionKnowsTheVerbsAndManPagesAreWellFormed) {
  have_ledger();
  const auto folder = folder_.path() / "man";
  ok("man " + folder.string());
  std::size_t pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++pages;
    if (std::system("command -v scdoc >/dev/null") == 0) {
      EXPECT_EQ(std::system(("scdoc <" + entry.path().string() + " >/dev/null").c_str()), 0)
          << entry.path();
    }
  }
  EXPECT_GT(pages, 40U);
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(ok(std::string("completion ") + shell).find("reservation"), std::string::npos);
  const auto script = folder_.path() / "completion.bash";
  std::ofstream(script) << ok("completion bash");
  const std::string probe =
      "bash -c 'source " + script.string() +
      "; COMP_WORDS=(leaseledger subnet cr); COMP_CWORD=2; _leaseledger; echo ${COMPREPLY[*]}' >" +
      (folder_.path() / "probe").string();
  EXPECT_EQ(std::system(probe.c_str()), 0);
  std::ifstream in(folder_.path() / "probe");
  std::string answer;
  std::getline(in, answer);
  EXPECT_EQ(answer, "create");
  EXPECT_EQ(run("completion tcsh").code, 2);
}

}  // namespace
}  // namespace leaseledger::test
