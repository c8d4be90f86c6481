// The whole program, killed: `leaseledger submit` acknowledges commands on a pipe and is ended by SIGKILL at random moments. Opened
// again, everything that was acknowledged is there with the same answer, and everything verifies.

#include "adapters/embedded/ledger.h"
#include "commands/command_json.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace leaseledger::test {
namespace {

using Json = nlohmann::json;

class SubmitVictim {
 public:
  SubmitVictim(const std::string& ledger, const std::string& file, int batch) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const std::string size = std::to_string(batch);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::execl(LEASELEDGER_PROGRAM, "leaseledger", "--ledger", ledger.c_str(), "submit",
              file.c_str(), "--batch", size.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    in_ = ends[0];
  }
  ~SubmitVictim() { ::close(in_); }

  /// Reads `lines` whole lines, or fewer at the end.
  std::vector<std::string> read(std::size_t lines) {
    std::vector<std::string> out;
    char c = 0;
    std::string line;
    while (out.size() < lines && ::read(in_, &c, 1) == 1) {
      if (c != '\n') {
        line += c;
      } else {
        out.push_back(std::exchange(line, ""));
      }
    }
    return out;
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
};

TEST(ProgramCrash, NothingThatWasAcknowledgedIsMissingAndNothingIsTorn) {
  const SeedScope scope;
  Random random(21);
  TemporaryDirectory folder;
  const std::string path = (folder.path() / "ledger").string();
  const Principal admin{"unix:root", Role::kAdministrator, "cli"};
  {
    const auto ledger = Ledger::create(path).value();
    ASSERT_TRUE(
        ledger
            ->submit(
                admin,
                Envelope{.command =
                             CreateSubnet{.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value()}})
            ->accepted());
  }
  // Half of the commands are refused: refusals are answers that must not be lost either.
  const std::size_t count = 3000;
  const std::string file = (folder.path() / "commands.jsonl").string();
  std::vector<Envelope> commands;
  {
    std::ofstream out(file);
    for (std::size_t i = 0; i < count; ++i) {
      CreateClient create;
      create.key = parse_lease_key("2001:db8:1::").value();
      create.key.address.low = 1 + i / 2;
      create.duid = Duid::parse("00:01").value();
      create.iaid = Iaid{static_cast<std::uint32_t>(i)};
      Envelope envelope{.command = create};
      auto& id = envelope.id.emplace();
      id[14] = static_cast<std::uint8_t>(i >> 8);
      id[15] = static_cast<std::uint8_t>(i);
      id[0] = 1;
      out << envelope_to_json(envelope) << "\n";
      commands.push_back(envelope);
    }
  }
  std::map<std::size_t, Json> acknowledged;
  for (int round = 0; round < (campaign() ? 200 : 15); ++round) {
    SubmitVictim victim(path, file, static_cast<int>(1 + random.below(40)));
    const auto lines = victim.read(random.below(count));
    if (random.one_in(2)) ::usleep(static_cast<useconds_t>(random.below(3000)));
    victim.kill();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Json answer = Json::parse(lines[i]);
      const auto [it, fresh] = acknowledged.emplace(i, answer);
      if (fresh) continue;
      ASSERT_EQ(answer["first"], it->second["first"])
          << "command " << i << " has its first answer again";
      ASSERT_EQ(answer["code"], it->second["code"]);
      ASSERT_EQ(answer.value("repeated", false), true);
    }
    auto ledger = Ledger::open(path);
    ASSERT_TRUE(ledger) << ledger.error().to_string();
    for (const auto& [i, answer] : acknowledged) {
      if (!random.one_in(10)) continue;
      const Record record = read_record((*ledger)->log(), answer["first"].get<Position>()).value();
      ASSERT_EQ(record.command_id, commands[i].id) << "the record of command " << i;
    }
    const auto report = (*ledger)->verify().value();
    for (const auto& finding : report.findings)
      ADD_FAILURE() << finding.check << " " << finding.position << " " << finding.what;
    ASSERT_TRUE((*ledger)->replay()->equal());
  }
  EXPECT_GT(acknowledged.size(), 100U);
  RecordProperty("acknowledged", static_cast<int>(acknowledged.size()));
}

}  // namespace
}  // namespace leaseledger::test
