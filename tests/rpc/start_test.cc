// The daemon as a process: what it says and how it ends when it cannot start.

#include "tests/support/certificates.h"
#include "tests/support/daemon.h"

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <sys/stat.h>

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

// ---- what is in the way ------------------------------------------------------------------------------------------------

TEST(DaemonStart, AFileThatIsNoSocketIsNotReplaced) {
  Daemon daemon;
  std::ofstream(daemon.socket()) << "precious";
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.log(), HasSubstr("listen.unix"));
  std::ifstream in(daemon.socket());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "precious");
}

TEST(DaemonStart, APortInUseIsSaidAndTheFirstGoesOn) {
  for (const char* key : {"tls", "http"}) {
    const Certificates authority;
    authority.sign("server", "localhost");
    const std::string more = "[tls]\ncertificate = \"" + authority.certificate("server") +
                             "\"\nkey = \"" + authority.key("server") + "\"\nclient_ca = \"" +
                             authority.ca() + "\"\n";
    const std::string listen =
        std::string(key) + " = \"127.0.0.1:" + std::to_string(free_port()) + "\"\n";
    Daemon first(more, listen);
    ASSERT_TRUE(first.start());
    Daemon second(more, listen);
    EXPECT_FALSE(second.start()) << key;
    EXPECT_THAT(second.log(), HasSubstr(std::string("listen.") + key));
    EXPECT_TRUE(first.client());
    EXPECT_EQ(first.stop(), 0);
  }
}

TEST(DaemonStart, CertificatesThatAreMissingOrDoNotFitAreNamed) {
  const Certificates authority;
  authority.sign("server", "localhost");
  authority.sign("other", "localhost");
  const std::string listen = "tls = \"127.0.0.1:" + std::to_string(free_port()) + "\"\n";
  const auto said = [&](const std::string& certificate, const std::string& key,
                        const std::string& client_ca) {
    Daemon daemon("[tls]\ncertificate = \"" + certificate + "\"\nkey = \"" + key +
                      "\"\nclient_ca = \"" + client_ca + "\"\n",
                  listen);
    EXPECT_FALSE(daemon.start());
    return daemon.log();
  };
  const std::string certificate = authority.certificate("server");
  const std::string key = authority.key("server");
  EXPECT_THAT(said(authority.path("none.pem"), key, authority.ca()), HasSubstr("tls.certificate"));
  EXPECT_THAT(said(certificate, authority.path("none.key"), authority.ca()), HasSubstr("tls.key"));
  EXPECT_THAT(said(certificate, key, authority.path("none.pem")), HasSubstr("tls.client_ca"));
  EXPECT_THAT(said(certificate, authority.key("other"), authority.ca()), HasSubstr("tls.key"));
  EXPECT_THAT(said(certificate, certificate, authority.ca()), HasSubstr("tls.key"));
  EXPECT_THAT(said(certificate, key, key), HasSubstr("tls.client_ca"));
}

TEST(DaemonStart, ChecksAConfigurationWithoutTouchingAnything) {
  Daemon daemon;
  daemon.write_config();
  const Ended ended = run("--check-config --config " + daemon.config());
  EXPECT_EQ(ended.code, 0) << ended.said;
  EXPECT_THAT(ended.said, HasSubstr(daemon.ledger()));
  EXPECT_FALSE(std::filesystem::exists(daemon.ledger()));
  EXPECT_FALSE(std::filesystem::exists(daemon.socket()));
  // also while it runs
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(run("--check-config --config " + daemon.config()).code, 0);
  EXPECT_TRUE(daemon.client());
}

TEST(DaemonStart, ServesAsAUserOfItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "becomes another user, so needs root";
  constexpr uid_t kNobody = 65534;
  Daemon daemon;
  std::filesystem::permissions(daemon.folder(), std::filesystem::perms(0755));
  ASSERT_EQ(::chown(daemon.folder().c_str(), kNobody, kNobody), 0);
  ASSERT_TRUE(daemon.start(kNobody));
  struct stat found {};
  ASSERT_EQ(::stat(daemon.ledger().c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, kNobody);
  EXPECT_EQ(found.st_mode & 07, 0U) << "the ledger is not for everybody";
  const auto client = daemon.client().value();
  const auto info = client->info().value();
  EXPECT_EQ(info.principal, "unix:root");
  EXPECT_EQ(info.role, Role::kAdministrator);
  CreateSubnet subnet;
  subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
  const auto answers = client->submit(std::vector<Envelope>{{.command = subnet}}, Chain::kEach);
  EXPECT_TRUE(answers && answers->front().accepted());
  EXPECT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start(kNobody)) << "again, on what it left";
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(DaemonStart, ADirectoryThatItMayNotWriteIsSaid) {
  if (::geteuid() != 0) GTEST_SKIP() << "becomes another user, so needs root";
  constexpr uid_t kNobody = 65534;
  Daemon daemon;  // the folder is root's
  std::filesystem::permissions(daemon.folder(), std::filesystem::perms(0755));
  EXPECT_FALSE(daemon.start(kNobody));
  EXPECT_THAT(daemon.log(), HasSubstr("daemon.cannot_start"));
  EXPECT_THAT(daemon.log(), HasSubstr(daemon.ledger()));
}

}  // namespace
}  // namespace leaseledger::test
