// Who may do what: every role against every method, over the Unix socket with real users and groups and over TLS with
// certificates, good ones and bad ones.

#include "tests/support/certificates.h"
#include "tests/support/daemon.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <functional>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;

/// Calls every method of the service and says of each "name code".
std::vector<std::string> try_everything(Service& service, const std::string& backup) {
  std::vector<std::string> out;
  const auto note = [&](const std::string& name, const auto& result) {
    out.push_back(
        name + " " +
        std::to_string(static_cast<unsigned>(result ? Win32::kSuccess : result.error().code)));
  };
  const Ipv6Prefix all = Ipv6Prefix::parse("::/0").value();
  const Ipv6Prefix hall = Ipv6Prefix::parse("2001:db8:1::/64").value();
  const LeaseKey key = parse_lease_key("2001:db8:1::1").value();
  CreateClient create;
  create.key = parse_lease_key("2001:db8:1::99").value();
  create.duid = Duid::parse("00030001020000000001").value();
  const std::vector<Envelope> commands = {{.command = create, .cause = "tried"}};
  const auto submitted = service.submit(commands, Chain::kEach);
  out.push_back("submit " + std::to_string(static_cast<unsigned>(
                                submitted ? submitted->front().code : submitted.error().code)));
  const auto previewed = service.preview(commands, Chain::kEach);
  out.push_back("preview " +
                std::to_string(static_cast<unsigned>(previewed ? previewed->front().answer.code
                                                               : previewed.error().code)));
  note("info", service.info());
  note("resolve", service.resolve({}));
  note("lease", service.lease(key, {}));
  note("leases_of", service.leases_of(create.duid, {}, {}));
  note("leases_in", service.leases_in(all, {}, {}, 10));
  note("expiring", service.expiring(Instant{}, kForever, {}, 10));
  note("who", service.who(key.address, {}));
  note("history", service.history(key, true, {}));
  note("held_by", service.held_by(create.duid, Instant::min(), kForever, {}));
  note("subnets", service.subnets({}, {}, 10));
  note("subnet", service.subnet(hall, {}));
  note("elements", service.elements(hall, ElementKind::kPool, {}, 0, 10));
  note("free_addresses", service.free_addresses({.subnet = hall}));
  note("stats", service.stats());
  note("log", service.log({.limit = 1}, [](const Record&) { return true; }));
  note("read",
       service.log().read(1, 1, Direction::kForward, [](const StoredRecord&) { return true; }));
  note("tree_head", service.log().tree_head(1));
  note("inclusion_proof", service.log().inclusion_proof(1, 1));
  note("consistency_proof", service.log().consistency_proof(1, 1));
  note("follow", service.follow(
                     1, [](const StoredRecord&) { return false; }, [] { return false; }));
  note("state_at", service.state_at(1));
  note("diff", service.diff(0, 1));
  note("verify", service.verify());
  note("replay", service.replay());
  note("rebuild_views", service.rebuild_views());
  note("backup", service.backup(backup));
  return out;
}

std::vector<std::string> expected_for(Role role, std::vector<std::string> administrators) {
  for (auto& line : administrators) {
    const std::string name = line.substr(0, line.find(' '));
    const bool upkeep = name == "rebuild_views" || name == "backup";
    const bool command = name == "submit" || name == "preview";
    if (name == "info") continue;
    if (role == Role::kNone || (role == Role::kUser && (upkeep || command))) line = name + " 5";
  }
  return administrators;
}

/// Runs `body` as another user in a child process.
int as_user(uid_t uid, std::vector<gid_t> groups, const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0)
      ::_exit(99);
    const int code = body();
    std::fflush(nullptr);
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr uid_t kNobody = 65534;

/// A daemon with a subnet, a lease and two roles by group and by certificate.
class Roles : public ::testing::Test {
 protected:
  Roles() : port_(free_port()) {
    authority_.sign("server", "localhost");
    for (const char* name : {"admin", "reader", "stranger", "outcast"}) authority_.sign(name, name);
  }

  std::string more(const std::string& administrators = "games") const {
    return "[roles]\nadministrator_groups = [\"" + administrators +
           "\"]\nuser_groups = [\"news\"]\n[expiry]\nenabled = false\n[backup]\ndirectory = \"" +
           (backups_.path() / "b").string() + "\"\n[tls]\ncertificate = \"" +
           authority_.certificate("server") + "\"\nkey = \"" + authority_.key("server") +
           "\"\nclient_ca = \"" + authority_.ca() +
           "\"\nhandshake_timeout = \"2s\"\n[[tls.principal]]\ncommon_name = \"admin\"\nrole = "
           "\"administrator\"\n[[tls.principal]]\ncommon_name = \"reader\"\nprincipal = "
           "\"auditor-7\"\nrole = \"user\"\n[[tls.principal]]\ncommon_name = \"outcast\"\nrole = "
           "\"none\"\n";
  }
  void start() {
    daemon_ =
        std::make_unique<Daemon>(more(), "tls = \"127.0.0.1:" + std::to_string(port_) + "\"\n");
    std::filesystem::permissions(daemon_->folder(), std::filesystem::perms(0755));
    ASSERT_TRUE(daemon_->start());
    const auto client = daemon_->client().value();
    CreateSubnet subnet;
    subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
    CreateClient create;
    create.key = parse_lease_key("2001:db8:1::1").value();
    create.duid = Duid::parse("00030001020000000007").value();
    const auto answers = client->submit(
        std::vector<Envelope>{{.command = subnet}, {.command = create}}, Chain::kEach);
    ASSERT_TRUE(answers && answers->back().accepted());
  }
  rpc::ClientOptions tls(const std::string& name) const {
    rpc::ClientOptions out;
    out.server = "tls:localhost:" + std::to_string(port_);
    out.tool = "test";
    out.ca_file = authority_.ca();
    if (!name.empty()) {
      out.certificate_file = authority_.certificate(name);
      out.key_file = authority_.key(name);
    }
    out.connect_timeout = std::chrono::milliseconds(5000);
    return out;
  }
  std::string next_backup() {
    std::filesystem::create_directories(backups_.path() / "b");
    return (backups_.path() / "b" / std::to_string(++backup_)).string();
  }
  /// The last refusal of an actor.
  std::optional<Record> refusal_of(const std::string& actor) {
    const auto client = daemon_->client().value();
    std::optional<Record> out;
    EXPECT_TRUE(client->log({.actor = actor, .kind = EventKind::kCommandRefused},
                            [&](const Record& record) {
                              out = record;
                              return true;
                            }));
    return out;
  }
  void expect_refused(const std::string& actor, const std::string& door) {
    const auto record = refusal_of(actor);
    ASSERT_TRUE(record) << actor;
    EXPECT_EQ(record->door, door);
    EXPECT_EQ(record->cause, "tried");
    const auto& refused = std::get<CommandRefused>(record->event);
    EXPECT_EQ(refused.code, Win32::kAccessDenied);
    EXPECT_EQ(refused.command, "CreateClient");
    EXPECT_THAT(refused.arguments, testing::Contains(testing::Pair("address", "2001:db8:1::99")));
  }
  void remove_99() {
    const auto client = daemon_->client().value();
    (void)client->submit(
        std::vector<Envelope>{{.command = DeleteClient{parse_lease_key("2001:db8:1::99").value()}}},
        Chain::kEach);
  }
  /// What an administrator is answered, all of it done.
  std::vector<std::string> administrators() {
    const auto out = try_everything(*daemon_->client().value(), next_backup());
    for (const auto& line : out) {
      // the preview finds the lease that the submit has made
      EXPECT_THAT(line, testing::AnyOf(testing::EndsWith(" 0"), "preview 20014"));
    }
    remove_99();
    return out;
  }

  Certificates authority_;
  TemporaryDirectory backups_;
  unsigned port_;
  int backup_ = 0;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Roles, OfUnixPeersComeFromTheirGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "becomes other users, so needs root";
  const auto gid_of = [](const char* name) {
    const group* found = ::getgrnam(name);
    return found == nullptr ? gid_t(-1) : found->gr_gid;
  };
  const gid_t administrators_gid = gid_of("games");
  const gid_t users_gid = gid_of("news");
  if (administrators_gid == gid_t(-1) || users_gid == gid_t(-1))
    GTEST_SKIP() << "there are no groups games and news";
  start();
  const auto everything = administrators();
  const auto run = [&](std::vector<gid_t> groups, Role role) {
    const std::string backup = next_backup();
    return as_user(kNobody, std::move(groups), [&] {
      const auto client = daemon_->client();
      if (!client) return 98;
      const auto info = (*client)->info().value();
      if (info.principal != "unix:nobody" || info.role != role) return 97;
      const auto got = try_everything(**client, backup);
      const auto wanted = expected_for(role, everything);
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (got[i] != wanted[i])
          std::fprintf(stderr, "%s, not %s\n", got[i].c_str(), wanted[i].c_str());
      }
      return got == wanted ? 0 : 96;
    });
  };
  EXPECT_EQ(run({administrators_gid}, Role::kAdministrator), 0);
  remove_99();
  EXPECT_EQ(run({users_gid}, Role::kUser), 0);
  expect_refused("unix:nobody", "unix/test");
  EXPECT_EQ(run({}, Role::kNone), 0);

  // SIGHUP: the groups are read again, for connections from now on.
  daemon_->set_more(more("news"));
  daemon_->write_config();
  daemon_->signal(SIGHUP);
  for (int i = 0; i < 200 && daemon_->log().find("config.reloaded") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(run({users_gid}, Role::kAdministrator), 0);
  remove_99();
  EXPECT_EQ(run({administrators_gid}, Role::kNone), 0);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Roles, OfCertificatesComeFromTheConfiguration) {
  start();
  const auto everything = administrators();
  const auto run = [&](const std::string& name, const std::string& principal, Role role) {
    const auto client = rpc::Client::connect(tls(name));
    ASSERT_TRUE(client) << client.error().to_string();
    const auto info = (*client)->info().value();
    EXPECT_EQ(info.principal, principal);
    EXPECT_EQ(info.role, role);
    EXPECT_EQ(try_everything(**client, next_backup()), expected_for(role, everything));
    if (role != Role::kAdministrator) expect_refused(principal, "tls/test");
    remove_99();
  };
  run("admin", "tls:admin", Role::kAdministrator);
  run("reader", "tls:auditor-7", Role::kUser);
  run("outcast", "tls:outcast", Role::kNone);
  run("stranger", "tls:stranger", Role::kNone);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Roles, CanBeReducedByWhoHasThem) {
  start();
  const auto everything = administrators();
  for (const Role role : {Role::kUser, Role::kNone}) {
    rpc::ClientOptions options = daemon_->options();
    options.role = role;
    const auto client = rpc::Client::connect(options).value();
    EXPECT_EQ(client->info().value().role, role);
    EXPECT_EQ(try_everything(*client, next_backup()), expected_for(role, everything));
  }
}

// ---- TLS -------------------------------------------------------------------------------------------------------------

TEST_F(Roles, BadCertificatesAreDeniedAndGoodOnesServed) {
  start();
  authority_.sign("expired", "admin", true);
  const Certificates other("another authority");
  other.sign("admin", "admin");
  const auto code_of = [](const rpc::ClientOptions& options) {
    const auto begun = std::chrono::steady_clock::now();
    const auto client = rpc::Client::connect(options);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8));
    if (client) return Win32::kSuccess;
    EXPECT_FALSE(client.error().expected.empty());
    return client.error().code;
  };
  EXPECT_EQ(code_of(tls("admin")), Win32::kSuccess);
  EXPECT_EQ(code_of(tls("expired")), Win32::kAccessDenied);
  EXPECT_EQ(code_of(tls("")), Win32::kAccessDenied) << "no certificate at all";
  rpc::ClientOptions unknown = tls("admin");
  unknown.certificate_file = other.certificate("admin");
  unknown.key_file = other.key("admin");
  EXPECT_EQ(code_of(unknown), Win32::kAccessDenied) << "the daemon does not know the issuer";
  rpc::ClientOptions distrust = tls("admin");
  distrust.ca_file = other.ca();
  EXPECT_EQ(code_of(distrust), Win32::kAccessDenied) << "we do not know the daemon's issuer";
  rpc::ClientOptions misnamed = tls("admin");
  misnamed.server_name = "elsewhere.example";
  EXPECT_EQ(code_of(misnamed), Win32::kAccessDenied);
  rpc::ClientOptions by_address = tls("admin");
  by_address.server = "tls:127.0.0.1:" + std::to_string(port_);
  by_address.server_name = "localhost";
  EXPECT_EQ(code_of(by_address), Win32::kSuccess);
  rpc::ClientOptions mismatched = tls("admin");
  mismatched.key_file = authority_.key("reader");
  EXPECT_EQ(code_of(mismatched), Win32::kAccessDenied) << "as good as no certificate";
  rpc::ClientOptions nowhere = tls("admin");
  nowhere.server = "tls:no-such-host.invalid";
  EXPECT_EQ(code_of(nowhere), Win32::kDhcpServerNameNotResolved);
  rpc::ClientOptions closed = tls("admin");
  closed.server = "tls:localhost:" + std::to_string(free_port());
  EXPECT_EQ(code_of(closed), Win32::kRpcServerUnavailable);
  EXPECT_EQ(code_of(tls("admin")), Win32::kSuccess);
  EXPECT_EQ(daemon_->stop(), 0);
}

int connect_to(unsigned port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST_F(Roles, SilentAndConfusedPeersHoldUpNobody) {
  start();
  const int silent[] = {connect_to(port_), connect_to(port_), connect_to(port_)};
  const int plain = connect_to(port_);
  EXPECT_GT(::write(plain, "GET / HTTP/1.0\r\n\r\n", 18), 0);
  const int local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, daemon_->socket().c_str());
  ASSERT_EQ(::connect(local, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_GT(::write(local, "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 11), 0);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(rpc::Client::connect(tls("admin")));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  // After handshake_timeout the silent ones are gone.
  char c = 0;
  for (const int fd : silent) {
    const timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_LE(::read(fd, &c, 1), 0);
    EXPECT_NE(errno, EAGAIN);
    ::close(fd);
  }
  ::close(plain);
  ::close(local);
  EXPECT_TRUE(daemon_->client());
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Roles, SighupTakesANewServerCertificate) {
  start();
  rpc::ClientOptions renamed = tls("admin");
  renamed.server_name = "renamed.example";
  EXPECT_FALSE(rpc::Client::connect(renamed));
  const auto before = rpc::Client::connect(tls("admin")).value();
  authority_.sign("server", "renamed.example");
  daemon_->signal(SIGHUP);
  for (int i = 0; i < 300 && daemon_->log().find("config.reloaded") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(rpc::Client::connect(renamed));
  EXPECT_TRUE(before->info()) << "what was connected stays";
  // One that cannot be read leaves everything as it was.
  std::ofstream(authority_.certificate("server")) << "rubbish";
  daemon_->signal(SIGHUP);
  for (int i = 0; i < 300 && daemon_->log().find("config.reload_failed") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(rpc::Client::connect(renamed));
  EXPECT_EQ(daemon_->stop(), 0);
}

}  // namespace
}  // namespace leaseledger::test
