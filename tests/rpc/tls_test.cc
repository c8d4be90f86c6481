// Certificates and handshakes beyond the usual (roles_and_tls_test.cc): bundles, names that are not what they seem, times, peers
// that fall silent or leave in the middle.

#include "tests/support/certificates.h"
#include "tests/support/daemon.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Signs NAME.pem with any octets in the common name, nullopt for none: what the openssl program would not let pass.
void sign_octets(const Certificates& authority, const std::string& name,
                 const std::optional<std::string>& common_name) {
  using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Cert = std::unique_ptr<X509, decltype(&X509_free)>;
  const auto open = [](const std::string& path, const char* mode) {
    return Bio(BIO_new_file(path.c_str(), mode), BIO_free);
  };
  const Key ca_key(
      PEM_read_bio_PrivateKey(open(authority.path("ca.key"), "r").get(), nullptr, nullptr, nullptr),
      EVP_PKEY_free);
  const Cert ca(PEM_read_bio_X509(open(authority.ca(), "r").get(), nullptr, nullptr, nullptr),
                X509_free);
  ASSERT_TRUE(ca_key && ca);
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Cert made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 77);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 86400);
  X509_set_issuer_name(made.get(), X509_get_subject_name(ca.get()));
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(made.get());
  const auto add = [&](const char* field, const std::string& value) {
    EXPECT_EQ(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(value.data()),
                                         static_cast<int>(value.size()), -1, 0),
              1);
  };
  add("O", "somebody");
  if (common_name) add("CN", *common_name);
  ASSERT_GT(X509_sign(made.get(), ca_key.get(), EVP_sha256()), 0);
  PEM_write_bio_X509(open(authority.certificate(name), "w").get(), made.get());
  PEM_write_bio_PrivateKey(open(authority.key(name), "w").get(), key.get(), nullptr, nullptr, 0,
                           nullptr, nullptr);
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

/// Listens on a port of 127.0.0.1, or on a path.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  explicit Listener(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  unsigned port() const { return port_; }
  int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int fd_;
  unsigned port_ = 0;
};

class Tls : public ::testing::Test {
 protected:
  Tls() : port_(free_port()) {
    authority_.sign("server", "localhost");
    authority_.sign("admin", "admin");
  }
  void start(const std::string& client_ca = "") {
    daemon_ = std::make_unique<Daemon>(
        "[expiry]\nenabled = false\n[tls]\ncertificate = \"" + authority_.certificate("server") +
            "\"\nkey = \"" + authority_.key("server") + "\"\nclient_ca = \"" +
            (client_ca.empty() ? authority_.ca() : client_ca) +
            "\"\nhandshake_timeout = \"1s\"\n[[tls.principal]]\ncommon_name = \"admin\"\nrole = "
            "\"administrator\"\n",
        "tls = \"127.0.0.1:" + std::to_string(port_) + "\"\n");
    ASSERT_TRUE(daemon_->start());
  }
  rpc::ClientOptions options(const Certificates& authority, const std::string& name) const {
    rpc::ClientOptions out;
    out.server = "tls:localhost:" + std::to_string(port_);
    out.tool = "test";
    out.ca_file = authority_.ca();
    out.certificate_file = authority.certificate(name);
    out.key_file = authority.key(name);
    return out;
  }
  rpc::ClientOptions options(const std::string& name = "admin") const {
    return options(authority_, name);
  }
  /// How connecting ends, within a bounded time.
  static Win32 code_of(const rpc::ClientOptions& options) {
    const auto begun = std::chrono::steady_clock::now();
    const auto client = rpc::Client::connect(options);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8));
    return client ? Win32::kSuccess : client.error().code;
  }
  bool log_comes_to_have(const std::string& text) const {
    for (int i = 0; i < 500; ++i) {
      if (daemon_->log().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  Certificates authority_;
  unsigned port_;
  std::unique_ptr<Daemon> daemon_;
};

// ---- whose certificates are believed -----------------------------------------------------------------------------------

TEST_F(Tls, EveryIssuerOfABundleIsBelievedByBothSides) {
  const Certificates other("another authority");
  other.sign("admin", "admin");
  const std::string bundle = authority_.path("bundle.pem");
  std::ofstream(bundle) << text_of(other.ca()) << text_of(authority_.ca());
  start(bundle);
  EXPECT_EQ(code_of(options()), Win32::kSuccess) << "the second of the daemon's client_ca";
  EXPECT_EQ(code_of(options(other, "admin")), Win32::kSuccess) << "the first";
  rpc::ClientOptions both = options();
  both.ca_file = bundle;
  EXPECT_EQ(code_of(both), Win32::kSuccess) << "the server's issuer is the second of ca_file";
  std::ofstream(bundle) << text_of(authority_.ca()) << text_of(other.ca());
  EXPECT_EQ(code_of(both), Win32::kSuccess) << "and the first";
  std::ofstream(bundle) << text_of(other.ca());
  EXPECT_EQ(code_of(both), Win32::kAccessDenied) << "and not there";
  std::ofstream(bundle) << text_of(authority_.ca()) << "-----BEGIN CERTIFICATE-----\nrubbish\n";
  EXPECT_EQ(code_of(both), Win32::kInvalidParameter);
  std::ofstream(bundle) << "no certificate\n";
  EXPECT_EQ(code_of(both), Win32::kInvalidParameter);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, AServerCertificateThatIsOverIsNotBelieved) {
  authority_.sign("server", "localhost", true);
  start();
  EXPECT_EQ(code_of(options()), Win32::kAccessDenied);
  EXPECT_TRUE(daemon_->client()) << "the Unix socket has no certificate";
}

TEST_F(Tls, ACertificateThatIsNotYetValidIsDenied) {
  authority_.sign_between("future", "admin", "20900101000000Z", "20910101000000Z");
  start();
  EXPECT_EQ(code_of(options("future")), Win32::kAccessDenied);
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
}

// ---- whom a name stands for --------------------------------------------------------------------------------------------

TEST_F(Tls, ANameThatOnlyBeginsLikeAnAdministratorsIsNobodys) {
  sign_octets(authority_, "cut", std::string("admin\0.example", 14));
  sign_octets(authority_, "spaced", "admin ");
  sign_octets(authority_, "capital", "Admin");
  start();
  EXPECT_EQ(rpc::Client::connect(options()).value()->info().value().role, Role::kAdministrator);
  for (const char* name : {"cut", "spaced", "capital"}) {
    const auto client = rpc::Client::connect(options(name));
    if (!client) {  // not served at all is as good
      EXPECT_EQ(client.error().code, Win32::kAccessDenied) << name;
      continue;
    }
    EXPECT_EQ((*client)->info().value().role, Role::kNone) << name;
    EXPECT_NE((*client)->info().value().principal, "tls:admin") << name;
    EXPECT_EQ((*client)->stats().error().code, Win32::kAccessDenied) << name;
  }
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, ACertificateWithoutANameIsNotServedAndHarmsNobody) {
  sign_octets(authority_, "nameless", std::nullopt);
  start();
  EXPECT_EQ(code_of(options("nameless")), Win32::kAccessDenied);
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, ANameWithALineFeedWritesNoLineOfItsOwn) {
  sign_octets(authority_, "forger", "x\ndaemon.forged principal=admin");
  start();
  const auto client = rpc::Client::connect(options("forger"));
  if (client) {
    CreateClient create;
    create.key = parse_lease_key("2001:db8:1::1").value();
    create.duid = Duid::parse("00030001020000000007").value();
    (void)(*client)->submit(std::vector<Envelope>{{.command = create}}, Chain::kEach);
    (void)(*client)->stats();
  }
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_THAT(daemon_->log(), Not(HasSubstr("\ndaemon.forged")));
  EXPECT_EQ(daemon_->stop(), 0);
}

// ---- peers that fall silent or leave -----------------------------------------------------------------------------------

TEST_F(Tls, AServerThatSaysNothingIsATimeout) {
  const Listener silent;
  rpc::ClientOptions tls = options();
  tls.server = "tls:127.0.0.1:" + std::to_string(silent.port());
  tls.connect_timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(code_of(tls), Win32::kTimeout);
  const TemporaryDirectory folder;
  const std::string path = (folder.path() / "silent.sock").string();
  const Listener local(path);
  rpc::ClientOptions unix_socket;
  unix_socket.server = "unix:" + path;
  unix_socket.connect_timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(code_of(unix_socket), Win32::kTimeout);
}

TEST_F(Tls, AHandshakeMayEndAnywhere) {
  start();
  const Listener between;
  rpc::ClientOptions cut = options();
  cut.server = "tls:localhost:" + std::to_string(between.port());
  cut.connect_timeout = std::chrono::milliseconds(3000);
  for (const std::size_t most : {0, 1, 5, 100, 400, 700, 1200}) {
    std::thread proxy([&] {
      const int client = between.accept();
      const int server = connect_to(port_);
      std::size_t left = most;
      char buffer[4096];
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      while (left > 0 && ::poll(both, 2, 5000) > 0) {
        const bool from_client = both[0].revents != 0;
        const ssize_t got = ::read(from_client ? client : server, buffer,
                                   from_client ? std::min(left, sizeof buffer) : sizeof buffer);
        if (got <= 0) break;
        if (from_client) left -= static_cast<std::size_t>(got);
        if (::send(from_client ? server : client, buffer, static_cast<std::size_t>(got),
                   MSG_NOSIGNAL) < 0)
          break;
      }
      ::close(client);
      ::close(server);
    });
    const Win32 code = code_of(cut);
    EXPECT_TRUE(code == Win32::kAccessDenied || code == Win32::kRpcServerUnavailable)
        << most << " octets: " << static_cast<unsigned>(code);
    proxy.join();
  }
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, AHundredPeersThatSayNothingDoNotKeepAnybodyOut) {
  start();
  std::vector<int> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(connect_to(port_));
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  for (const int fd : silent) {  // handshake_timeout ends them
    pollfd ended{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
    ::close(fd);
  }
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, OldVersionsAreRefused) {
  start();
  const auto speaks = [&](const std::string& version) {
    const std::string line =
        "timeout 10 openssl s_client -connect 127.0.0.1:" + std::to_string(port_) + " -CAfile " +
        authority_.ca() + " -cert " + authority_.certificate("admin") + " -key " +
        authority_.key("admin") + " -cipher 'ALL:@SECLEVEL=0' " + version +
        " </dev/null >/dev/null 2>&1";
    return std::system(line.c_str()) == 0;
  };
  EXPECT_TRUE(speaks("-tls1_2"));
  EXPECT_TRUE(speaks("-tls1_3"));
  EXPECT_FALSE(speaks("-tls1_1"));
  EXPECT_FALSE(speaks("-tls1"));
}

// ---- SIGHUP ------------------------------------------------------------------------------------------------------------

TEST_F(Tls, SighupWithAKeyThatDoesNotFitLeavesTheOldCertificate) {
  start();
  const Certificates other("another authority");
  other.sign("server", "localhost");
  std::ofstream(authority_.key("server")) << text_of(other.key("server"));
  daemon_->signal(SIGHUP);
  EXPECT_TRUE(log_comes_to_have("config.reload_failed"));
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, SighupTakesIssuersAwayForNewConnections) {
  const Certificates other("another authority");
  other.sign("admin", "admin");
  const std::string bundle = authority_.path("bundle.pem");
  std::ofstream(bundle) << text_of(authority_.ca()) << text_of(other.ca());
  start(bundle);
  const auto before = rpc::Client::connect(options(other, "admin")).value();
  std::ofstream(bundle) << text_of(authority_.ca());
  daemon_->signal(SIGHUP);
  EXPECT_TRUE(log_comes_to_have("config.reloaded"));
  EXPECT_EQ(code_of(options(other, "admin")), Win32::kAccessDenied);
  EXPECT_EQ(code_of(options()), Win32::kSuccess);
  EXPECT_TRUE(before->info()) << "what was connected stays";
  EXPECT_EQ(daemon_->stop(), 0);
}

}  // namespace
}  // namespace leaseledger::test
