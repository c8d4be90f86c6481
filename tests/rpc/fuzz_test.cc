// Malformed bytes at the listener: whatever comes, the daemon lives and goes on answering others. The seed repeats a run.

#include "tests/support/certificates.h"
#include "tests/support/daemon.h"
#include "tests/support/seed.h"

#include <arpa/inet.h>
#include <cstring>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/un.h>

namespace leaseledger::test {
namespace {

using Bytes = std::string;

int connect_to(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

int connect_to(unsigned port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

int seconds_to_run() {
  const char* asked = std::getenv("LEASELEDGER_FUZZ_SECONDS");
  return asked != nullptr ? std::atoi(asked) : campaign() ? 180 : 3;
}

/// Stands between a client and the daemon for one connection and keeps what the client says.
class Recorder {
 public:
  /// On a path, before the daemon's.
  Recorder(const std::string& path, const std::string& daemon) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    thread_ = std::thread([this, daemon] { run([&] { return connect_to(daemon); }); });
  }
  /// On a port, before the daemon's.
  explicit Recorder(unsigned daemon) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, daemon] { run([daemon] { return connect_to(daemon); }); });
  }
  unsigned port() const { return port_; }
  Bytes finish() {
    thread_.join();
    ::close(listener_);
    return said_;
  }

 private:
  void run(const std::function<int()>& connect_to_daemon) {
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = connect_to_daemon();
    char buffer[65536];
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    for (;;) {
      ::poll(both, 2, -1);
      const bool from_client = (both[0].revents & (POLLIN | POLLHUP)) != 0;
      const ssize_t got = ::read(from_client ? client : server, buffer, sizeof buffer);
      if (got <= 0) break;
      const auto size = static_cast<std::size_t>(got);
      if (from_client) said_.append(buffer, size);
      if (::send(from_client ? server : client, buffer, size, MSG_NOSIGNAL) < 0) break;
    }
    ::close(client);
    ::close(server);
  }

  int listener_ = -1;
  unsigned port_ = 0;
  Bytes said_;
  std::thread thread_;
};

class Mutator {
 public:
  Mutator(std::uint64_t seed, Bytes valid) : random_(seed), valid_(std::move(valid)) {}

  Bytes next() {
    switch (pick(7)) {
      case 0: {  // noise
        Bytes out(pick(4096), '\0');
        for (char& c : out) c = static_cast<char>(random_());
        return out;
      }
      case 1:  // a frame of very many, or very large, segments
        return number(pick(2) == 0 ? 0xFFFFFFFF : static_cast<std::uint32_t>(random_())) +
               number(static_cast<std::uint32_t>(random_())) + valid_.substr(0, pick(64));
      case 2:  // one segment of a size that is not to be believed
        return number(0) +
               number(pick(2) == 0 ? 0x7FFFFFFF : static_cast<std::uint32_t>(random_())) +
               valid_.substr(0, pick(valid_.size()));
      case 3:  // cut short
        return valid_.substr(0, pick(valid_.size()));
      case 4: {  // begun in the middle
        return valid_.substr(pick(valid_.size()));
      }
      case 5: {  // pieces moved
        Bytes out = valid_;
        for (std::size_t i = 0; i < 4; ++i) {
          const std::size_t from = pick(out.size());
          const std::size_t to = pick(out.size());
          const std::size_t size = std::min(pick(64), out.size() - std::max(from, to));
          std::memmove(out.data() + to, out.data() + from, size);
        }
        return out;
      }
      default: {  // bits flipped
        Bytes out = valid_;
        for (std::size_t i = 0, n = 1 + pick(16); i < n; ++i)
          out[pick(out.size())] ^= static_cast<char>(1U << pick(8));
        return out;
      }
    }
  }
  std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }

 private:
  static Bytes number(std::uint32_t n) {
    Bytes out(4, '\0');
    std::memcpy(out.data(), &n, 4);
    return out;
  }
  std::mt19937_64 random_;
  Bytes valid_;
};

/// Malformed bytes for so long, each on a connection of its own; others are looked after now and then.
void throw_at(const std::function<int()>& connect, Mutator mutator, int seconds, std::uint64_t seed,
              const std::function<void()>& look_after_others) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::vector<int> half_open;
  std::uint64_t rounds = 0;
  for (; std::chrono::steady_clock::now() < end; ++rounds) {
    const int fd = connect();
    ASSERT_GE(fd, 0) << "round " << rounds << ", LEASELEDGER_SEED=" << seed;
    const Bytes bytes = mutator.next();
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (mutator.pick(3) == 0) ::shutdown(fd, SHUT_WR);
    if (mutator.pick(8) == 0) {
      half_open.push_back(fd);
      if (half_open.size() > 32) {
        ::close(half_open.front());
        half_open.erase(half_open.begin());
      }
    } else {
      pollfd answer{fd, POLLIN, 0};
      if (mutator.pick(2) == 0) ::poll(&answer, 1, 5);
      ::close(fd);
    }
    if (rounds % 50 == 0) {
      look_after_others();
      if (::testing::Test::HasFatalFailure()) break;
    }
  }
  for (const int fd : half_open) ::close(fd);
  std::printf("%llu rounds\n", static_cast<unsigned long long>(rounds));
}

TEST(ListenerFuzz, WhateverComesOthersAreAnswered) {
  const int seconds = seconds_to_run();
  const std::uint64_t seed = test::seed();
  Daemon daemon("[expiry]\nenabled = false\n[limits]\nmessage_bytes = \"1MiB\"\n");
  ASSERT_TRUE(daemon.start());
  const auto good = daemon.client().value();
  CreateSubnet subnet;
  subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
  ASSERT_TRUE(good->submit(std::vector<Envelope>{{.command = subnet}}, Chain::kEach));

  // A conversation of everything, as a client has it.
  const std::string proxy = (daemon.folder() / "proxy.sock").string();
  Recorder recorder(proxy, daemon.socket());
  {
    rpc::ClientOptions options = daemon.options();
    options.server = "unix:" + proxy;
    const auto client = rpc::Client::connect(options).value();
    CreateClient create;
    create.key = parse_lease_key("2001:db8:1::1").value();
    create.duid = Duid::parse("00030001020000000007").value();
    create.name = "name";
    EXPECT_TRUE(client->submit(std::vector<Envelope>{{.command = create}, {.command = subnet}},
                               Chain::kEach));
    EXPECT_TRUE(client->who(create.key.address, {}));
    EXPECT_TRUE(client->leases_in(Ipv6Prefix{}, {}, {}, 10));
    EXPECT_TRUE(client->follow(
        1, [](const StoredRecord&) { return false; }, [] { return false; }));
    EXPECT_TRUE(client->diff(0, 1));
    EXPECT_TRUE(client->state_at(1));
  }
  const Bytes said = recorder.finish();
  ASSERT_GT(said.size(), 1000U);

  throw_at([&] { return connect_to(daemon.socket()); }, Mutator(seed, said), seconds, seed,
           [&] {
             ASSERT_TRUE(good->info()) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
             ASSERT_TRUE(daemon.client()) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
           });
  EXPECT_TRUE(good->info()) << "LEASELEDGER_SEED=" << seed;
  EXPECT_TRUE(good->verify().value().ok()) << "LEASELEDGER_SEED=" << seed;
  EXPECT_EQ(daemon.stop(), 0) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
}

TEST(ListenerFuzz, WhateverComesToTheTlsPortOthersAreAnswered) {
  const std::uint64_t seed = test::seed();
  const Certificates authority;
  authority.sign("server", "localhost");
  authority.sign("admin", "admin");
  const unsigned port = free_port();
  Daemon daemon("[expiry]\nenabled = false\n[tls]\ncertificate = \"" +
                    authority.certificate("server") + "\"\nkey = \"" + authority.key("server") +
                    "\"\nclient_ca = \"" + authority.ca() +
                    "\"\nhandshake_timeout = \"2s\"\n[[tls.principal]]\ncommon_name = "
                    "\"admin\"\nrole = \"administrator\"\n",
                "tls = \"127.0.0.1:" + std::to_string(port) + "\"\n");
  ASSERT_TRUE(daemon.start());
  rpc::ClientOptions options;
  options.server = "tls:localhost:" + std::to_string(port);
  options.ca_file = authority.ca();
  options.certificate_file = authority.certificate("admin");
  options.key_file = authority.key("admin");
  const auto good = rpc::Client::connect(options).value();

  // A handshake and a question, as a client sends them: hello, certificate, and what only the two can read.
  Recorder recorder(port);
  {
    rpc::ClientOptions recorded = options;
    recorded.server = "tls:localhost:" + std::to_string(recorder.port());
    EXPECT_TRUE(rpc::Client::connect(recorded).value()->stats());
  }
  const Bytes said = recorder.finish();
  ASSERT_GT(said.size(), 500U);
  throw_at([&] { return connect_to(port); }, Mutator(seed, said), seconds_to_run(), seed,
           [&] {
             ASSERT_TRUE(good->info()) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
             ASSERT_TRUE(rpc::Client::connect(options)) << "LEASELEDGER_SEED=" << seed << "\n"
                                                        << daemon.log();
           });
  EXPECT_TRUE(good->verify().value().ok()) << "LEASELEDGER_SEED=" << seed;
  EXPECT_EQ(daemon.stop(), 0) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
}

}  // namespace
}  // namespace leaseledger::test
