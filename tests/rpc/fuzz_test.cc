// Malformed bytes at the listener: whatever comes, the daemon lives and goes on answering others. The seed repeats a run.

#include "tests/support/daemon.h"
#include "tests/support/seed.h"

#include <cstring>
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

/// Stands between a client and the daemon for one connection and keeps what the client says.
class Recorder {
 public:
  Recorder(const std::string& path, const std::string& daemon) : path_(path) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    thread_ = std::thread([this, daemon] { run(daemon); });
  }
  Bytes finish() {
    thread_.join();
    ::close(listener_);
    return said_;
  }

 private:
  void run(const std::string& daemon) {
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = connect_to(daemon);
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

  std::string path_;
  int listener_ = -1;
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

TEST(ListenerFuzz, WhateverComesOthersAreAnswered) {
  const char* campaign = std::getenv("LEASELEDGER_CAMPAIGN");
  const char* asked = std::getenv("LEASELEDGER_FUZZ_SECONDS");
  const int seconds = asked != nullptr ? std::atoi(asked) : campaign != nullptr ? 180 : 3;
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

  Mutator mutator(seed, said);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::vector<int> half_open;
  std::uint64_t rounds = 0;
  for (; std::chrono::steady_clock::now() < end; ++rounds) {
    const int fd = connect_to(daemon.socket());
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
      ASSERT_TRUE(good->info()) << "round " << rounds << ", LEASELEDGER_SEED=" << seed << "\n"
                                << daemon.log();
    }
  }
  for (const int fd : half_open) ::close(fd);
  std::printf("%llu rounds\n", static_cast<unsigned long long>(rounds));
  EXPECT_TRUE(good->info()) << "LEASELEDGER_SEED=" << seed;
  EXPECT_TRUE(good->verify().value().ok()) << "LEASELEDGER_SEED=" << seed;
  EXPECT_EQ(daemon.stop(), 0) << "LEASELEDGER_SEED=" << seed << "\n" << daemon.log();
}

}  // namespace
}  // namespace leaseledger::test
