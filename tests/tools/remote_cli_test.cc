// The real program against a real daemon: every verb says with --server what it says of the directory that the daemon leaves.

#include "tests/support/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

class RemoteCli : public ::testing::Test {
 protected:
  RemoteCli()
      : daemon_("[backup]\ndirectory = \"" + backups() + "\"\n[expiry]\nenabled = false\n") {}

  static Outcome run(const std::string& environment, const std::string& arguments,
                     const std::string& input = "") {
    const TemporaryDirectory folder;
    const auto in = folder.path() / "in";
    const auto err = folder.path() / "err";
    std::ofstream(in) << input;
    const std::string line = "LEASELEDGER_SERVER= LEASELEDGER_DIR= " + environment +
                             " " LEASELEDGER_PROGRAM " " + arguments + " <'" + in.string() +
                             "' 2>'" + err.string() + "'";
    Outcome outcome;
    std::FILE* pipe = ::popen(line.c_str(), "r");
    std::array<char, 4096> buffer{};
    for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      outcome.out.append(buffer.data(), size);
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::ifstream errors(err);
    outcome.err.assign(std::istreambuf_iterator<char>(errors), {});
    return outcome;
  }
  Outcome remote(const std::string& arguments, const std::string& input = "") const {
    return run("", "--server " + daemon_.server() + " " + arguments, input);
  }
  Outcome direct(const std::string& arguments) const {
    return run("", "--ledger " + daemon_.ledger() + " " + arguments);
  }
  std::string ok(const std::string& arguments, const std::string& input = "") const {
    const Outcome outcome = remote(arguments, input);
    EXPECT_EQ(outcome.code, 0) << arguments << "\n" << outcome.out << outcome.err;
    return outcome.out;
  }
  std::string backups() const { return (backups_.path() / "b").string(); }

  TemporaryDirectory backups_;
  Daemon daemon_;
};

constexpr const char* kDuid = " --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7";

/// Without what depends on when and where it was said.
std::string timeless(const std::string& text) {
  static const std::regex moving(
      R"re((seconds|"seconds"|(?:records|leases|sentences) per second|"records per second"|milliseconds|diskBytes|"diskBytes"|viewsStored|"viewsStored"|bookBytes|"bookBytes"|startedAt)\s*:?\s+[^\s,]+)re");
  return std::regex_replace(text, moving, "$1");
}

TEST_F(RemoteCli, EveryVerbSaysWhatTheDirectorySays) {
  ASSERT_TRUE(daemon_.start());
  // What changes something.
  ok("subnet create 2001:db8:1::/64 --name hall --valid 12h --preferred 6h");
  ok("subnet create 2001:db8:2::/64");
  ok("subnet set 2001:db8:2::/64 --comment far");
  ok("pool add 2001:db8:1::/64 2001:db8:8000::/40 --delegated-length 56");
  ok("exclusion add 2001:db8:1::/64 2001:db8:1::20 2001:db8:1::2f");
  ok("reservation add 2001:db8:1::/64 2001:db8:1::99 --duid 00:03:00:01:02:00:5e:10:00:09 --iaid "
     "1");
  ok(std::string("--cause 'ticket 7' client create 2001:db8:1::5 --name printer") + kDuid);
  ok(std::string("client set 2001:db8:1::5 --name printer-2") + kDuid);
  ok(std::string("lease renew 2001:db8:1::5 --valid 2h") + kDuid);
  ok(std::string(
      "client create 2001:db8:8000:100::/56 --iaid 8 --duid 00:03:00:01:02:00:5e:10:00:01"));
  ok(std::string("client create 2001:db8:2::7 --iaid 9 --duid 00:03:00:01:02:00:5e:10:00:01"));
  ok("lease release 2001:db8:2::7 --iaid 9 --duid 00:03:00:01:02:00:5e:10:00:01");
  ok("lease expire");
  EXPECT_EQ(remote(std::string("client create 2001:db8:77::1") + kDuid).code, 1);
  EXPECT_EQ(remote(std::string("client create 2001:db8:1::5") + kDuid).code, 1);
  EXPECT_EQ(remote("--if-last-event 1 client delete 2001:db8:1::5").code, 6);
  EXPECT_EQ(remote(std::string("--role user client create 2001:db8:1::8") + kDuid).code, 4);
  EXPECT_EQ(remote("submit -",
                   "{\"command\":\"DeleteSubnet\",\"prefix\":\"2001:db8:2::/64\"}\nnonsense\n")
                .code,
            1);
  ok("import kea " LEASELEDGER_TEST_DATA "/data/kea/kea-leases6.csv --config " LEASELEDGER_TEST_DATA
     "/data/kea/kea-dhcp6.conf");
  ok("import legal-log -",
     "2026-03-03 08:00:00 UTC Prefix: 2001:db8:8000:7700::/56 has been assigned for infinite "
     "duration to a device with DUID: 01:02\n"
     "2026-03-03 09:00:00 UTC Administrator deleted the lease for address: "
     "2001:db8:8000:7700::\n");
  EXPECT_THAT(ok("--dry-run subnet create 2001:db8:5::/64"), HasSubstr("would be accepted"));

  const std::vector<std::string> questions = {
      "subnet list",
      "subnet show 2001:db8:1::/64 --at 6",
      "subnet show 2001:db8:1::/64",
      "subnet show 2001:db8:99::/64",
      "subnet free 2001:db8:1::/64 --count 3",
      "reservation list",
      "exclusion list",
      "pool list",
      "client get 2001:db8:1::5 --at 9",
      "client get 2001:db8:1::6",
      "client list --prefix 2001:db8:1::/64",
      "client list --limit 7 --at 2000",
      "client list --duid 00:03:00:01:02:00:5e:10:00:01 --effective now",
      "who 2001:db8:20::103 --at 2026-11-23T06:15:00Z",
      "who 2001:db8:8000:217::c0:ffee --at 2026-11-23T06:17:00Z -o json",
      "who 2001:db8:1::77 --at 2026-11-23T06:15:00Z",
      "who 2001:db8:1::5 --at 9 --known-at 8",
      "history 2001:db8:20::103",
      "history 00:03:00:01:02:00:5e:10:00:01 -o csv",
      "history 2001:db8:9::1",
      "export kea --effective 2026-11-23T06:19:00Z",
      "export kea --at 9 --subnet-id 2001:db8:1::/64=7 --subnet-id 2001:db8:2::/64=8",
      "export kea --at 9",
      "export legal-log",
      "export legal-log --from 2026-11-23T06:15:00Z --to 2026-11-23T06:15:10Z",
      "log --limit 20",
      "log --reverse --limit 3 -o jsonl",
      "log --kind CommandRefused",
      "log --actor nobody",
      "log --address 2001:db8:1::5 -o json",
      "log --duid 00:03:00:01:02:00:5e:10:00:01",
      "log --from 5 --to 9",
      "show 7 -o json",
      "show 999999",
      "at 12 --limit 3",
      "at 3000 --limit 0 -o csv",
      "diff 5 12",
      "diff 100 2000 --summary",
      "expiring --from 2026-11-23 --to 2027-11-24 --limit 5 --at 3000",
      "stats -o json",
      "verify",
      "replay",
      "root --at 10",
      "root",
      "proof 7 --size 20 -o json",
      "proof --consistent-with 10 --size 200 -o json",
      "proof 99999999",
      "repair views"};
  std::vector<Outcome> answers;
  for (const auto& question : questions) answers.push_back(remote(question));
  EXPECT_EQ(daemon_.stop(), 0);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Outcome local = direct(questions[i]);
    EXPECT_EQ(answers[i].code, local.code) << questions[i] << answers[i].err;
    EXPECT_EQ(timeless(answers[i].out), timeless(local.out)) << questions[i];
    EXPECT_EQ(timeless(answers[i].err), timeless(local.err)) << questions[i];
  }
}

TEST_F(RemoteCli, SaysWhoIsThereAndWhatNeedsTheDirectory) {
  ASSERT_TRUE(daemon_.start());
  EXPECT_THAT(ok("ping"), HasSubstr("administrator"));
  EXPECT_THAT(ok("--role user ping"), HasSubstr("user"));
  for (const char* verb : {"init", "restore /nowhere", "repair head"}) {
    const Outcome outcome = remote(verb);
    EXPECT_EQ(outcome.code, 2) << verb;
    EXPECT_THAT(outcome.err, HasSubstr("while the daemon is stopped")) << verb;
  }
  EXPECT_EQ(daemon_.stop(), 0);
  const Outcome gone = remote("ping");
  EXPECT_EQ(gone.code, 3);
  EXPECT_THAT(gone.err, HasSubstr("RPC_S_SERVER_UNAVAILABLE (1722)"));
}

TEST_F(RemoteCli, AnOptionCountsMoreThanAVariable) {
  ASSERT_TRUE(daemon_.start());
  const std::string by_variable = "LEASELEDGER_SERVER=" + daemon_.server();
  EXPECT_EQ(run(by_variable, "ping").code, 0);
  EXPECT_EQ(run(by_variable, "--ledger /nowhere ping").code, 3);
  EXPECT_EQ(run("LEASELEDGER_DIR=/nowhere", "--server " + daemon_.server() + " ping").code, 0);
  EXPECT_EQ(run(by_variable + " LEASELEDGER_DIR=/nowhere", "ping").code, 0);
  EXPECT_EQ(run("", "--ledger /nowhere --server " + daemon_.server() + " ping").code, 2);
  EXPECT_EQ(run("", "--server ftp:x ping").code, 2);
}

TEST_F(RemoteCli, AnOptionCountsAlsoWhenItSaysWhatItsVariableSays) {
  ASSERT_TRUE(daemon_.start());
  ok("subnet create 2001:db8:1::/64");
  const TemporaryDirectory folder;
  const std::string directory = (folder.path() / "other").string();
  ASSERT_EQ(run("", "--ledger " + directory + " init").code, 0);
  const std::string server_variable = "LEASELEDGER_SERVER=" + daemon_.server();
  const std::string directory_variable = "LEASELEDGER_DIR=" + directory;
  const std::string both = server_variable + " " + directory_variable;
  const std::string server = "--server " + daemon_.server();

  EXPECT_EQ(run(both, "--ledger " + directory + " subnet create 2001:db8:2::/64").code, 0);
  EXPECT_THAT(run(both, "subnet list --ledger " + directory).out, HasSubstr("2001:db8:2::/64"));
  EXPECT_THAT(ok("subnet list"), testing::Not(HasSubstr("2001:db8:2::/64")));
  EXPECT_THAT(run(both, server + " subnet list").out, HasSubstr("2001:db8:1::/64"));
  EXPECT_THAT(run(both, "subnet list").out, HasSubstr("2001:db8:1::/64"));
  EXPECT_THAT(run(directory_variable, "subnet list").out, HasSubstr("2001:db8:2::/64"));
  for (const auto& environment : {std::string(), server_variable, directory_variable, both}) {
    const Outcome outcome = run(environment, "--ledger " + directory + " " + server + " ping");
    EXPECT_EQ(outcome.code, 2) << environment;
    EXPECT_THAT(outcome.err, HasSubstr("one of --server and --ledger, not both")) << environment;
    // What a script makes of a variable that is not set is not a wish for another ledger.
    EXPECT_EQ(run(environment, "--ledger '' ping").code, 2) << environment;
    EXPECT_EQ(run(environment, "--server '' ping").code, 2) << environment;
  }
}

TEST_F(RemoteCli, SendsNoMoreTogetherThanTheDaemonTakes) {
  daemon_.set_more("[limits]\nbatch = 10\n[expiry]\nenabled = false\n");
  ASSERT_TRUE(daemon_.start());
  std::string lines = "nonsense\n";
  for (int i = 1; i <= 25; ++i)
    lines += R"({"command":"CreateSubnet","prefix":"2001:db9:)" + std::to_string(i) + "::/64\"}\n";
  const Outcome submitted = remote("submit -", lines);
  EXPECT_EQ(submitted.code, 1) << submitted.err;
  EXPECT_EQ(std::ranges::count(submitted.out, '\n'), 26);
  ok("import kea " LEASELEDGER_TEST_DATA "/data/kea/kea-leases6.csv --config " LEASELEDGER_TEST_DATA
     "/data/kea/kea-dhcp6.conf");
  const Outcome chain = remote("submit - --all-or-nothing", lines.substr(lines.find('\n') + 1));
  EXPECT_EQ(chain.code, 2);
  EXPECT_THAT(chain.err, HasSubstr("at most 10 in one"));
}

TEST_F(RemoteCli, SaysWhatItCannotMakeSenseOf) {
  ASSERT_TRUE(daemon_.start());
  for (const char* seconds : {"0", "-1", "nan", "1e30"}) {
    const Outcome outcome = remote(std::string("--timeout ") + seconds + " ping");
    EXPECT_EQ(outcome.code, 2) << seconds;
    EXPECT_THAT(outcome.err, HasSubstr("--timeout")) << seconds;
  }
  ok("--timeout 5 ping");
  const Outcome swapped = remote(
      "import kea " LEASELEDGER_TEST_DATA "/data/kea/kea-leases6.csv --server " + daemon_.server());
  EXPECT_EQ(swapped.code, 2);
  EXPECT_THAT(swapped.err, HasSubstr("before the verb"));
}

TEST_F(RemoteCli, FollowsTheLogLive) {
  ASSERT_TRUE(daemon_.start());
  ok("subnet create 2001:db8:1::/64");
  const auto file = daemon_.folder() / "followed";
  const std::string line = LEASELEDGER_PROGRAM " --server " + daemon_.server() +
                           " log --follow -o jsonl --kind ClientCreated >" + file.string() +
                           " 2>&1 & echo $!";
  std::FILE* pipe = ::popen(line.c_str(), "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(pipe, "%d", &pid), 1);
  ::pclose(pipe);
  ok(std::string("client create 2001:db8:1::5") + kDuid);
  EXPECT_EQ(remote(std::string("client create 2001:db8:1::5") + kDuid).code, 1);
  ok("client create 2001:db8:1::6 --iaid 8 --duid 00:03:00:01:02:00:5e:10:00:01");
  std::string text;
  for (int i = 0; i < 500; ++i) {
    std::ifstream in(file);
    text.assign(std::istreambuf_iterator<char>(in), {});
    if (std::ranges::count(text, '\n') == 2) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ::kill(pid, SIGTERM);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("2001:db8:1::6"));
}

TEST_F(RemoteCli, FollowsNoFurtherThanWasAskedFor) {
  ASSERT_TRUE(daemon_.start());
  ok("subnet create 2001:db8:1::/64");
  const auto file = daemon_.folder() / "followed";
  const std::string line = LEASELEDGER_PROGRAM " --server " + daemon_.server() +
                           " log --follow -o jsonl --to 2 >" + file.string() + " 2>&1 & echo $!";
  std::FILE* pipe = ::popen(line.c_str(), "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(pipe, "%d", &pid), 1);
  ::pclose(pipe);
  const auto lines = [&] {
    std::ifstream in(file);
    return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
  };
  const auto wait_for = [&](std::ptrdiff_t count) {
    for (int i = 0; i < 500 && lines() < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  wait_for(1);
  ok("subnet create 2001:db8:2::/64");
  wait_for(2);
  ok("subnet create 2001:db8:3::/64");
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // three times follow()'s idle time
  ::kill(pid, SIGTERM);
  EXPECT_EQ(lines(), 2);
}

TEST_F(RemoteCli, BacksUpWhileCommandsComeAndTheBackupIsALedger) {
  std::filesystem::create_directories(backups());
  ASSERT_TRUE(daemon_.start());
  ok("subnet create 2001:db8:1::/64");
  std::atomic<bool> stop = false;
  std::thread load([&] {
    const auto client = daemon_.client().value();
    for (unsigned i = 1; !stop; ++i) {
      CreateClient create;
      create.key = parse_lease_key("2001:db8:1::1:" + std::to_string(i % 9000)).value();
      create.duid = Duid::parse("000300010200" + std::to_string(100000 + i)).value();
      EXPECT_TRUE(client->submit(std::vector{Envelope{.command = create}}));
    }
  });
  const std::string report = ok("backup " + backups() + "/one");
  stop = true;
  load.join();
  EXPECT_THAT(report, HasSubstr("verified  true"));
  EXPECT_EQ(run("", "--ledger " + backups() + "/one verify").code, 0);
  EXPECT_EQ(remote("backup /tmp/elsewhere-" + std::to_string(::getpid())).code, 4);
  EXPECT_EQ(remote("backup " + backups() + "/../two").code, 4);
  const Outcome restored = run("", "--ledger " + (daemon_.folder() / "restored").string() +
                                       " restore " + backups() + "/one");
  EXPECT_EQ(restored.code, 0) << restored.err;
}

}  // namespace
}  // namespace leaseledger::test
