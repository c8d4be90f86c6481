// The daemon as a process: what it says and how it ends when it cannot start.

#include "tests/support/daemon.h"

#include <gmock/gmock.h>

#include <array>
#include <cstdio>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;

struct Ended {
  int code = 0;
  std::string said;
};

Ended run(const std::string& arguments) {
  Ended out;
  std::FILE* pipe =
      ::popen(("timeout 20 " LEASELEDGER_DAEMON " " + arguments + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.said.append(buffer.data(), size);
  const int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

TEST(DaemonStart, AWrongConfigurationIsExitCodeTwoWithFileAndLine) {
  const TemporaryDirectory folder;
  const std::string file = (folder.path() / "d.toml").string();
  std::ofstream(file) << "[limits]\nbatch = \"many\"\n[lsten]\n";
  for (const char* flag : {"", " --check-config"}) {
    const Ended ended = run("--config " + file + flag);
    EXPECT_EQ(ended.code, 2) << ended.said;
    EXPECT_THAT(ended.said, HasSubstr(file + ":2:9: limits.batch"));
    EXPECT_THAT(ended.said, HasSubstr(file + ":3:"));
  }
  EXPECT_EQ(run("--config " + (folder.path() / "none.toml").string()).code, 2);
  EXPECT_EQ(run("--no-such-option").code, 2);
}

TEST(DaemonStart, ASocketOrALedgerInUseIsSaidAndTheFirstGoesOn) {
  Daemon first;
  ASSERT_TRUE(first.start());
  Daemon same_ledger("", "", first.ledger());
  const auto refused = same_ledger.start();
  EXPECT_FALSE(refused);
  EXPECT_THAT(same_ledger.log(), HasSubstr("ERROR_SHARING_VIOLATION"));

  const TemporaryDirectory folder;
  const std::string file = (folder.path() / "d.toml").string();
  std::ofstream(file) << "[ledger]\ndirectory = \"" << (folder.path() / "other").string()
                      << "\"\n[listen]\nunix = \"" << first.socket() << "\"\nhttp = \"\"\n";
  const Ended same_socket = run("--config " + file);
  EXPECT_EQ(same_socket.code, 1) << same_socket.said;
  EXPECT_THAT(same_socket.said, HasSubstr("a socket that no other daemon serves"));
  EXPECT_TRUE(first.client());
}

TEST(DaemonStart, ASocketLeftByADeadDaemonIsReplaced) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  daemon.kill();
  EXPECT_TRUE(std::filesystem::exists(daemon.socket()));
  ASSERT_TRUE(daemon.start());
  EXPECT_TRUE(daemon.client());
}

}  // namespace
}  // namespace leaseledger::test
