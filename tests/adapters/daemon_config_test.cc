// leaseledgerd.toml, environment and command line: every key, everything that is wrong with its place, and what is printed.

#include "adapters/daemon/config.h"
#include "adapters/daemon/config_options.h"
#include "adapters/daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace leaseledger::daemon {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using namespace std::chrono_literals;

class DaemonConfig : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/leaseledgerd-config-XXXXXX";
    folder_ = ::mkdtemp(name);
    file_ = folder_ / "d.toml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ConfigInputs inputs(const std::string& text) {
    std::ofstream(file_) << text;
    return {.file = file_, .environment = [this](const char* name) -> const char* {
              const auto found = environment_.find(name);
              return found == environment_.end() ? nullptr : found->second.c_str();
            }};
  }
  Config good(const std::string& text) {
    auto config = read_config(inputs(text));
    EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().to_string());
    return config ? *config : Config{};
  }
  /// The problems without the file's name: "3:8: log.level 'x': one of ...".
  std::vector<std::string> bad(const std::string& text) {
    const auto config = read_config(inputs(text));
    EXPECT_FALSE(config.has_value());
    std::vector<std::string> out;
    if (config) return out;
    for (const auto& each : config.error().problems) {
      std::string line = each.to_string();
      if (line.starts_with(file_.string() + ":")) line.erase(0, file_.string().size() + 1);
      out.push_back(line);
    }
    return out;
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::map<std::string, std::string> environment_;
};

TEST_F(DaemonConfig, AnEmptyFileIsTheDefaults) {
  const Config config = good("");
  EXPECT_EQ(effective_config(config), effective_config(Config{}));
  EXPECT_THAT(config.sources, IsEmpty());
  EXPECT_EQ(config.limits.message_bytes, 16u << 20);
  EXPECT_EQ(config.limits.idle_timeout, 10min);
  EXPECT_EQ(config.listen.unix_mode, 0666u);
}

TEST_F(DaemonConfig, ReadsEveryKey) {
  std::ofstream(folder_ / "pem") << "x";
  const std::string pem = (folder_ / "pem").string();
  const Config config = good(R"(
[ledger]
directory = "/srv/leases"
create = false
partition = "north"
[listen]
unix = "/run/x.sock"
unix_mode = "0660"
tls = "[::]:8547"
http = "127.0.0.1:9100"
[tls]
certificate = ")" + pem + R"("
key = ")" + pem + R"("
client_ca = ")" + pem + R"("
handshake_timeout = "250ms"
[[tls.principal]]
common_name = "dhcp1.example.net"
principal = "dhcp1"
role = "administrator"
[[tls.principal]]
common_name = "watcher"
role = "user"
[roles]
administrator_groups = ["wheel", "noc"]
user_groups = []
[limits]
message_bytes = 1048576
batch = 8
connections = 9
connections_per_principal = 10
subscriptions_per_principal = 11
waiting_commands = 12
waiting_questions = 13
question_threads = 14
states_per_principal = 15
idle_timeout = "2h"
[expiry]
enabled = false
grace = "10m"
interval = "5s"
batch = 17
[storage]
min_free_bytes = "1GiB"
[backup]
directory = "/srv/backup"
[kea]
http = "127.0.0.1:8548"
unix = "/run/kea6.sock"
unix_mode = "0600"
certificate = ")" + pem + R"("
key = ")" + pem + R"("
client_ca = ")" + pem + R"("
anonymous = "user"
compat = "3.0"
answer = "received"
request_bytes = "1MiB"
connections = 18
[[kea.client]]
user = "kea1"
password = "secret"
role = "administrator"
[[kea.client]]
user = "kea2"
password_file = ")" + pem + R"("
role = "user"
[[kea.server]]
name = "kea1"
control = "unix:/run/kea/kea6-ctrl-socket"
interval = "90s"
[[kea.server]]
name = "kea2"
control = "http://127.0.0.1:8000/"
user = "ledger"
password = "p"
[[kea.server]]
name = "kea3"
config = "/etc/kea/kea-dhcp6.conf"
[owner]
address = "2001:db8::1"
host_name = "ledger.example.net"
[log]
level = "debug"
format = "journal"
)");
  EXPECT_EQ(config.ledger.directory, "/srv/leases");
  EXPECT_FALSE(config.ledger.create);
  EXPECT_EQ(config.ledger.partition, "north");
  EXPECT_EQ(config.listen.unix_path, "/run/x.sock");
  EXPECT_EQ(config.listen.unix_mode, 0660u);
  EXPECT_EQ(config.listen.tls, "[::]:8547");
  EXPECT_EQ(config.listen.http, "127.0.0.1:9100");
  EXPECT_EQ(config.tls.certificate, pem);
  EXPECT_EQ(config.tls.key, pem);
  EXPECT_EQ(config.tls.client_ca, pem);
  EXPECT_EQ(config.tls.handshake_timeout, 250ms);
  EXPECT_THAT(config.tls.principals,
              ElementsAre(TlsPrincipal{"dhcp1.example.net", "dhcp1", Role::kAdministrator},
                          TlsPrincipal{"watcher", "watcher", Role::kUser}));
  EXPECT_THAT(config.roles.administrator_groups, ElementsAre("wheel", "noc"));
  EXPECT_THAT(config.roles.user_groups, IsEmpty());
  EXPECT_EQ(config.kea.http, "127.0.0.1:8548");
  EXPECT_EQ(config.kea.unix_path, "/run/kea6.sock");
  EXPECT_EQ(config.kea.unix_mode, 0600u);
  EXPECT_EQ(config.kea.certificate, pem);
  EXPECT_EQ(config.kea.key, pem);
  EXPECT_EQ(config.kea.client_ca, pem);
  EXPECT_EQ(config.kea.anonymous, "user");
  EXPECT_EQ(config.kea.compat, "3.0");
  EXPECT_EQ(config.kea.answer, "received");
  EXPECT_EQ(config.kea.request_bytes, 1u << 20);
  EXPECT_EQ(config.kea.connections, 18u);
  EXPECT_THAT(config.kea.clients, ElementsAre(KeaClient{"kea1", "secret", "", Role::kAdministrator},
                                              KeaClient{"kea2", "x", pem, Role::kUser}));
  EXPECT_THAT(config.kea.servers,
              ElementsAre(KeaServer{"kea1", "unix:/run/kea/kea6-ctrl-socket", "", "", "", "", 90s},
                          KeaServer{"kea2", "http://127.0.0.1:8000/", "", "ledger", "p", "", 5min},
                          KeaServer{"kea3", "", "/etc/kea/kea-dhcp6.conf", "", "", "", 5min}));
  EXPECT_EQ(config.limits.message_bytes, 1u << 20);
  EXPECT_EQ(config.limits.batch, 8u);
  EXPECT_EQ(config.limits.connections, 9u);
  EXPECT_EQ(config.limits.connections_per_principal, 10u);
  EXPECT_EQ(config.limits.subscriptions_per_principal, 11u);
  EXPECT_EQ(config.limits.waiting_commands, 12u);
  EXPECT_EQ(config.limits.waiting_questions, 13u);
  EXPECT_EQ(config.limits.question_threads, 14u);
  EXPECT_EQ(config.limits.states_per_principal, 15u);
  EXPECT_EQ(config.limits.idle_timeout, 2h);
  EXPECT_FALSE(config.expiry.enabled);
  EXPECT_EQ(config.expiry.grace, 10min);
  EXPECT_EQ(config.expiry.interval, 5s);
  EXPECT_EQ(config.expiry.batch, 17u);
  EXPECT_EQ(config.storage.min_free_bytes, 1u << 30);
  EXPECT_EQ(config.backup.directory, "/srv/backup");
  EXPECT_EQ(config.owner.address.to_string(), "2001:db8::1");
  EXPECT_EQ(config.owner.host_name, "ledger.example.net");
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.format, "journal");
  // No key of the table was forgotten above, and each knows its line.
  EXPECT_EQ(config.sources.size(), options().size() + list_sections().size());
  EXPECT_EQ(config.sources.at("ledger.directory"), file_.string() + ":3:13");
}

TEST_F(DaemonConfig, ReportsEverythingThatIsWrongByLine) {
  EXPECT_THAT(
      bad("[ledger]\n"
          "directory = \"leases\"\n"
          "create = \"yes\"\n"
          "[listen]\n"
          "unix_mode = \"0888\"\n"
          "http = \"localhost\"\n"
          "[limits]\n"
          "batch = 0\n"
          "message_bytes = \"16 MB\"\n"
          "idle_timeout = 5\n"
          "[roles]\n"
          "user_groups = [\"a b\"]\n"
          "[owner]\n"
          "address = \"10.0.0.1\"\n"
          "[log]\n"
          "level = \"loud\"\n"),
      ElementsAre(
          "2:13: ledger.directory 'leases': an absolute path",
          "3:10: ledger.create 'yes': true or false",
          "5:13: listen.unix_mode '0888': permissions as octal digits in quotes, from \"0000\" to "
          "\"0777\"",
          "6:8: listen.http 'localhost': an address and a port, such as \"127.0.0.1:8549\" or "
          "\"[::]:8547\", or \"\" for none",
          "8:9: limits.batch '0': a number, from 1 to 8192",
          "9:17: limits.message_bytes '16 MB': a number of octets or a size such as \"64MiB\", "
          "from "
          "64KiB to 1GiB",
          "10:16: limits.idle_timeout '5': a duration with its unit, such as \"250ms\", \"5s\", "
          "\"10m\" or \"2h\", from 0s to 30d",
          "12:15: roles.user_groups '[a b]': a list of names, such as [\"dhcp-users\"]",
          "14:11: owner.address '10.0.0.1': an IPv6 address, such as \"2001:db8::1\"",
          "16:9: log.level 'loud': one of trace, debug, info, warning, error, critical, off"));
}

TEST_F(DaemonConfig, KnowsWhatAnUnknownKeyMayHaveMeant) {
  EXPECT_THAT(bad("[leger]\n[listen]\nunix_path = \"/x\"\n[limits]\nbacth = 3\ndirectory = \"/x\"\n"
                  "[log]\ncolour = true\n"),
              ElementsAre("1:2: leger: not a section of leaseledgerd; did you mean ledger?",
                          "3:1: listen.unix_path: not a key of leaseledgerd; there are unix, "
                          "unix_mode, tls, http",
                          "5:1: limits.bacth: not a key of leaseledgerd; did you mean batch?",
                          "6:1: limits.directory: not a key of leaseledgerd; it belongs into "
                          "[ledger] or [backup]",
                          "8:1: log.colour: not a key of leaseledgerd; there are level, format"));
}

TEST_F(DaemonConfig, RefusesOtherTypes) {
  for (const char* value : {"1.5", "1979-05-27", "{}", "[1, 2]", "[[\"a\"]]"}) {
    EXPECT_THAT(bad(std::string("[limits]\nbatch = ") + value + "\n"),
                ElementsAre(StartsWith("2:9: limits.batch '")))
        << value;
  }
  EXPECT_THAT(bad("ledger = 3\n"), ElementsAre("1:1: ledger '3': a section: [ledger]"));
  EXPECT_THAT(bad("[limits]\nbatch = -1\n"), SizeIs(1));
  EXPECT_THAT(bad("[storage]\nmin_free_bytes = \"9999999TiB\"\n"), SizeIs(1));
  EXPECT_THAT(bad("[ledger]\npartition = \"a\\u0000b\"\n"), SizeIs(1));
  EXPECT_THAT(bad("[tls]\nprincipal = \"x\"\n"),
              ElementsAre("2:13: tls.principal 'x': sections of their own: [[tls.principal]]"));
}

TEST_F(DaemonConfig, SaysWhereTheFileIsNotToml) {
  EXPECT_THAT(bad("[log]\nlevel = \n"), ElementsAre(StartsWith("2:")));
  EXPECT_THAT(bad("[log]\nlevel = \"info\"\nlevel = \"debug\"\n"), ElementsAre(StartsWith("3:")));
}

TEST_F(DaemonConfig, ChecksPrincipals) {
  EXPECT_THAT(
      bad("[[tls.principal]]\ncommon_name = \"a\"\nrole = \"boss\"\n"
          "[[tls.principal]]\nrole = \"user\"\n"
          "[[tls.principal]]\ncommon_name = \"a\"\nroel = \"user\"\n"),
      ElementsAre("3:8: tls.principal.role 'boss': administrator, user or none",
                  "4:1: tls.principal.common_name: the common name of the certificate's "
                  "subject",
                  "6:1: tls.principal.role: administrator, user or none",
                  "6:1: tls.principal.common_name 'a': each common name once",
                  "8:1: tls.principal.roel: not a key of leaseledgerd; did you mean role?"));
}

TEST_F(DaemonConfig, ChecksKeaClientsAndServers) {
  EXPECT_THAT(
      bad("[[kea.client]]\nuser = \"a:b\"\npassword = \"x\"\nrole = \"user\"\n"
          "[[kea.client]]\nuser = \"c\"\nrole = \"user\"\n"
          "[[kea.client]]\nuser = \"d\"\npassword_file = \"/nowhere\"\nrole = \"user\"\n"),
      ElementsAre("2:8: kea.client.user 'a:b': a name without a colon",
                  "5:1: kea.client.password: either password or password_file",
                  "8:1: kea.client.password_file '/nowhere': a file whose first line is the "
                  "password, which this process can read"));
  EXPECT_THAT(
      bad("[[kea.server]]\nname = \"a\"\ncontrol = \"/run/kea\"\n"
          "[[kea.server]]\nname = \"b\"\n"
          "[[kea.server]]\nname = \"c\"\ncontrol = \"unix:/x\"\ninterval = \"5\"\n"
          "[[kea.server]]\nname = \"d\"\ncontrol = \"unix:/x\"\nuser = \"u\"\n"),
      ElementsAre("3:11: kea.server.control '/run/kea': \"unix:\" and an absolute path, or a URL "
                  "such as \"http://127.0.0.1:8000/\"",
                  "4:1: kea.server: either control or config: where its subnets are read",
                  HasSubstr("kea.server.interval '5': a duration with its unit"),
                  "10:1: kea.server.user 'u': a user together with a password"));
  EXPECT_THAT(bad("[kea]\nhttp = \"127.0.0.1:1\"\n"),
              ElementsAre(HasSubstr("kea.client: at least one [[kea.client]]")));
  EXPECT_THAT(bad("[kea]\ncertificate = \"/etc/hostname\"\n"),
              ElementsAre(HasSubstr("kea.key: a PEM file")));
}

TEST_F(DaemonConfig, ChecksWhatHasToGoTogether) {
  EXPECT_THAT(bad("[listen]\ntls = \"[::]:8547\"\n[tls]\nkey = \"/nowhere/key.pem\"\n"),
              ElementsAre("2:7: tls.certificate: a PEM file, because listen.tls is '[::]:8547'",
                          "4:7: tls.key '/nowhere/key.pem': a file that is there",
                          "2:7: tls.client_ca: a PEM file, because listen.tls is '[::]:8547'"));
  EXPECT_THAT(bad("[backup]\ndirectory = \"/var/lib/leaseledger/../leaseledger/b\"\n"),
              ElementsAre(HasSubstr("a directory outside of the ledger's")));
  EXPECT_THAT(bad("[listen]\nunix = \"/" + std::string(107, 'x') + "\"\n"),
              ElementsAre(HasSubstr("at most 107 octets")));
}

TEST_F(DaemonConfig, FlagsWinOverEnvironmentOverFileOverDefaults) {
  environment_ = {{"LEASELEDGERD_LOG_LEVEL", "warning"},
                  {"LEASELEDGERD_LIMITS_BATCH", "77"},
                  {"LEASELEDGERD_ROLES_USER_GROUPS", "a,b"},
                  {"LEASELEDGERD_EXPIRY_ENABLED", "false"}};
  ConfigInputs all = inputs("[log]\nlevel = \"debug\"\n[limits]\nbatch = 5\nconnections = 6\n");
  all.flags = {{"log.level", "error", "--set log.level"}};
  const auto config = read_config(all);
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->log.level, "error");
  EXPECT_EQ(config->limits.batch, 77u);
  EXPECT_EQ(config->limits.connections, 6u);
  EXPECT_THAT(config->roles.user_groups, ElementsAre("a", "b"));
  EXPECT_FALSE(config->expiry.enabled);
  EXPECT_EQ(config->sources.at("log.level"), "--set log.level");
  EXPECT_EQ(config->sources.at("limits.batch"), "environment LEASELEDGERD_LIMITS_BATCH");
  EXPECT_EQ(config->sources.at("limits.connections"), file_.string() + ":5:15");
  const std::string shown = effective_config(*config);
  EXPECT_THAT(shown, AllOf(HasSubstr("# --set log.level\n"),
                           HasSubstr("# environment LEASELEDGERD_LIMITS_BATCH\n"),
                           HasSubstr("# " + file_.string() + ":5:15\n"), HasSubstr("# default\n")));
}

TEST_F(DaemonConfig, NamesTheVariableOrFlagAtFault) {
  environment_ = {{"LEASELEDGERD_LIMITS_BATCH", "many"}};
  ConfigInputs all = inputs("");
  all.flags = {{"log.leevl", "x", "--set log.leevl"}};
  const auto config = read_config(all);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().to_string(),
            "environment LEASELEDGERD_LIMITS_BATCH: limits.batch 'many': a number, from 1 to 8192\n"
            "--set log.leevl: log.leevl: not a key of leaseledgerd; did you mean log.level?\n");
}

TEST_F(DaemonConfig, AMisspeltVariableIsNotPassedOver) {
  ::setenv("LEASELEDGERD_LOG_LEVLE", "debug", 1);
  const auto config = read_config({});
  ::unsetenv("LEASELEDGERD_LOG_LEVLE");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().to_string(),
            "environment LEASELEDGERD_LOG_LEVLE: not a key of leaseledgerd; did you mean "
            "LEASELEDGERD_LOG_LEVEL?\n");
}

TEST_F(DaemonConfig, EffectiveValuesReadBackToTheSame) {
  const Config first = good(
      "[ledger]\ndirectory = '/srv/a \"quoted\" \\ path'\n[storage]\nmin_free_bytes = 12345\n"
      "[expiry]\ngrace = \"90s\"\n[[tls.principal]]\ncommon_name = \"a\\\"b\"\nrole = \"none\"\n");
  const Config second = good(effective_config(first));
  EXPECT_THAT(changed_keys(first, second), IsEmpty());
  EXPECT_EQ(second.ledger.directory, "/srv/a \"quoted\" \\ path");
  EXPECT_EQ(second.expiry.grace, 90s);
}

TEST_F(DaemonConfig, TheExampleIsTheDefaultsAndStaysSoWithoutItsCommentSigns) {
  EXPECT_THAT(changed_keys(Config{}, good(example_config())), IsEmpty());
  const std::string all =
      std::regex_replace(example_config(), std::regex("(^|\n)#(?=[a-z[])"), "$1");
  const Config config = good(all);
  EXPECT_THAT(changed_keys(Config{}, config),
              ElementsAre("tls.principal", "kea.client", "kea.server"));
  EXPECT_EQ(config.sources.size(), options().size() + list_sections().size());
}

TEST_F(DaemonConfig, EveryOptionHasSentencesAndARangeThatItsDefaultIsIn) {
  for (const Option& option : options()) {
    EXPECT_THAT(option.description, EndsWith(".")) << option.name();
    Config config;
    const std::string value = value_text(option, config);
    EXPECT_TRUE(assign(option, raw_value(option, value.front() == '[' ? "" : value), config))
        << option.name() << " " << value;
    EXPECT_THAT(config_manual_page(), HasSubstr(option.section));
  }
}

TEST_F(DaemonConfig, KnowsWhatAReloadChanges) {
  const Config before = good("");
  const Config after = good("[log]\nlevel = \"debug\"\n[limits]\nbatch = 3\n");
  EXPECT_THAT(changed_keys(before, after), ElementsAre("limits.batch", "log.level"));
  EXPECT_TRUE(is_reloadable("log.level"));
  EXPECT_TRUE(is_reloadable("tls.principal"));
  EXPECT_FALSE(is_reloadable("limits.batch"));
}

TEST_F(DaemonConfig, TheDocumentIsMadeFromTheTable) {
  std::ifstream in(std::filesystem::path(LEASELEDGER_TEST_DATA) / "../docs/configuration.md");
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(document == config_markdown())
      << "cmake --build --preset dev --target configuration_document";
}

// ---- the command line ----

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "leaseledgerd");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST_F(DaemonConfig, TheCommandLineRunsWithAFile) {
  inputs("[log]\nlevel = \"debug\"\n");
  const auto line = parse({"--config", file_.c_str(), "--ledger", "/srv/x", "--set",
                           "limits.batch=9", "--set", "listen.http="});
  const auto* run = std::get_if<RunConfig>(&line);
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run->config.ledger.directory, "/srv/x");
  EXPECT_EQ(run->config.limits.batch, 9u);
  EXPECT_EQ(run->config.listen.http, "");
  EXPECT_EQ(run->config.log.level, "debug");
  EXPECT_EQ(run->config.sources.at("ledger.directory"), "--ledger");
  // SIGHUP.
  inputs("[log]\nlevel = \"error\"\n");
  const auto again = read_config(run->inputs);
  ASSERT_TRUE(again);
  EXPECT_THAT(changed_keys(run->config, *again), ElementsAre("log.level"));
}

TEST_F(DaemonConfig, TheCommandLineChecksAndPrints) {
  inputs("[log]\nlevel = \"debug\"\n");
  const auto checked = parse({"--config", file_.c_str(), "--check-config"});
  const auto& good_exit = std::get<ExitNow>(checked);
  EXPECT_EQ(good_exit.code, 0);
  EXPECT_THAT(good_exit.standard_output, HasSubstr("level = \"debug\""));

  inputs("[log]\nlevel = \"loud\"\n[limits]\nbatch = 0\n");
  const auto wrong = parse({"--config", file_.c_str(), "--check-config"});
  const auto& bad_exit = std::get<ExitNow>(wrong);
  EXPECT_EQ(bad_exit.code, 2);
  EXPECT_EQ(bad_exit.standard_output, "");
  EXPECT_THAT(bad_exit.standard_error,
              AllOf(StartsWith(file_.string() + ":2:9: log.level 'loud'"),
                    EndsWith("leaseledgerd: 2 problems with the configuration\n")));

  EXPECT_EQ(std::get<ExitNow>(parse({"--print-config"})).standard_output, example_config());
  EXPECT_THAT(std::get<ExitNow>(parse({"--version"})).standard_output,
              StartsWith("leaseledgerd 0."));
  EXPECT_EQ(std::get<ExitNow>(parse({"--help"})).code, 0);
}

TEST_F(DaemonConfig, TheCommandLineThatIsWrongLeavesWithTwo) {
  for (const std::vector<const char*>& arguments : {std::vector<const char*>{"--frobnicate"},
                                                    {"--config"},
                                                    {"--set", "x"},
                                                    {"file.toml"},
                                                    {"--config", "/nowhere/d.toml"},
                                                    {"--config", "/tmp"},
                                                    {"--check-config", "--print-config"},
                                                    {"--set", "log.level=x"}}) {
    const auto line = parse(arguments);
    const auto* exit = std::get_if<ExitNow>(&line);
    ASSERT_NE(exit, nullptr) << arguments.front();
    EXPECT_EQ(exit->code, 2) << arguments.front();
    EXPECT_NE(exit->standard_error, "") << arguments.front();
  }
}

}  // namespace
}  // namespace leaseledger::daemon
