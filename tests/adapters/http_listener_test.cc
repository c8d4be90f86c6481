// The listener over real sockets of the loopback interface, with peers that are careless or worse.

#include "adapters/http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <kj/async-io.h>
#include <kj/debug.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <future>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace leaseledger::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A listener on a thread of its own, as the daemon has it on its event loop.
class Server {
 public:
  explicit Server(Handlers handlers, ListenerLimits limits = {}) {
    limits.linger = 20 * kj::MILLISECONDS;
    std::promise<unsigned> port;
    auto bound = port.get_future();
    thread_ = std::thread([this, handlers = std::move(handlers), limits, &port]() mutable {
      auto io = kj::setupAsyncIo();
      auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
      stop_ = kj::mv(stop.fulfiller);
      HttpListener listener(io.provider->getTimer(), std::move(handlers), limits);
      auto address = io.provider->getNetwork().parseAddress("127.0.0.1").wait(io.waitScope);
      auto receiver = address->listen();
      auto listening = listener.listen(*receiver).eagerlyEvaluate(nullptr);
      port.set_value(receiver->getPort());
      stop.promise.wait(io.waitScope);
      listening = nullptr;
      listener.drain()
          .exclusiveJoin(io.provider->getTimer().afterDelay(5 * kj::SECONDS))
          .wait(io.waitScope);
      left_ = listener.connections();
    });
    port_ = bound.get();
  }
  ~Server() { stop(); }

  /// Connections that were still open after draining.
  unsigned stop() {
    if (thread_.joinable()) {
      stop_->fulfill();
      thread_.join();
    }
    return left_;
  }
  unsigned port() const { return port_; }

 private:
  std::thread thread_;
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop_;
  unsigned port_ = 0;
  unsigned left_ = 0;
};

class Peer {
 public:
  explicit Peer(const Server& server) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(server.port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;

  void send(const std::string& text) { (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// All until the server closes; "(open) ..." when it does not within the time.
  std::string read_to_end(int milliseconds = 3000) {
    std::string out;
    char buffer[4096];
    for (;;) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, milliseconds) == 0) return "(open) " + out;
      const auto count = ::read(fd_, buffer, sizeof buffer);
      if (count <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(count));
    }
  }
  /// Until `text` has come.
  std::string read_until(const std::string& text) {
    std::string out;
    char c = 0;
    while (out.find(text) == std::string::npos) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, 3000) == 0 || ::read(fd_, &c, 1) <= 0) return out + "(ended)";
      out += c;
    }
    return out;
  }

 private:
  int fd_;
};

Handlers usual() {
  return {
      .metrics = []() -> kj::Promise<std::string> { return std::string("leaseledger_up 1\n"); },
      .health = []() -> kj::Promise<Handlers::Health> { return Handlers::Health{}; },
      .ready = []() -> kj::Promise<Handlers::Health> {
        return Handlers::Health{false, {"the views are 17 records behind"}};
      },
  };
}

std::string ask(const Server& server, const std::string& request) {
  Peer peer(server);
  peer.send(request);
  return peer.read_to_end();
}
std::string get(const Server& server, const std::string& path, const std::string& more = "") {
  return ask(server, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                         more + "\r\n");
}

TEST(HttpListener, AnswersMetricsInPrometheusTextForm) {
  Server server(usual());
  EXPECT_THAT(
      get(server, "/metrics"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
            HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            HasSubstr("Cache-Control: no-store\r\n"), HasSubstr("\r\n\r\nleaseledger_up 1\n")));
  EXPECT_THAT(get(server, "/metrics?x=1"), HasSubstr("leaseledger_up 1\n"));
}

TEST(HttpListener, AnswersHealthAndReadinessWithReasons) {
  Server server(usual());
  EXPECT_THAT(get(server, "/healthz"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                                             HasSubstr(R"({"status":"ok","reasons":[]})")));
  EXPECT_THAT(
      get(server, "/readyz"),
      AllOf(
          StartsWith("HTTP/1.1 503 "), HasSubstr("Content-Type: application/json\r\n"),
          HasSubstr(R"({"status":"unavailable","reasons":["the views are 17 records behind"]})")));
}

TEST(HttpListener, AnswersHeadWithoutABody) {
  Server server(usual());
  const std::string answer =
      ask(server, "HEAD /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 17\r\n"),
                            Not(HasSubstr("leaseledger_up"))));
}

TEST(HttpListener, ClosesAfterAnAnswerEvenWhenTheClientWouldGoOn) {
  Server server(usual());
  EXPECT_THAT(ask(server, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"),
              AllOf(HasSubstr("Connection: close\r\n"), HasSubstr("leaseledger_up 1\n")));
}

TEST(HttpListener, AnswersOtherPathsWithAProblemDocument) {
  Server server(usual());
  EXPECT_THAT(get(server, "/etc/passwd"),
              AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"),
                    HasSubstr("Content-Type: application/problem+json\r\n"),
                    HasSubstr(R"("status":404)"), HasSubstr("/metrics, /healthz and /readyz")));
  EXPECT_THAT(get(server, "/"), HasSubstr("404"));
}

TEST(HttpListener, RefusesOtherMethods) {
  Server server(usual());
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    EXPECT_THAT(ask(server, std::string(method) +
                                " /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n"),
                      HasSubstr("Connection: close\r\n")))
        << method;
  }
}

TEST(HttpListener, RefusesBodiesAndClosesWithoutWaitingForThem) {
  Server server(usual());
  const auto began = std::chrono::steady_clock::now();
  for (const char* body : {"Content-Length: 5\r\n", "Content-Length: -1\r\n",
                           "Content-Length: 18446744073709551616\r\n", "Content-Length: 00\r\n",
                           "Content-Length: abc\r\n", "Transfer-Encoding: chunked\r\n"}) {
    EXPECT_THAT(ask(server, std::string("GET /metrics HTTP/1.1\r\nHost: h\r\n") + body + "\r\n"),
                AllOf(StartsWith("HTTP/1.1 4"), Not(HasSubstr("leaseledger_up")),
                      HasSubstr("Connection: close\r\n")))
        << body;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST(HttpListener, RefusesALengthBesideATransferEncoding) {
  Server server(usual());
  const std::string answer = ask(server,
                                 "GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                                 "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 400 "), Not(HasSubstr("leaseledger_up"))));
}

TEST(HttpListener, RefusesHeadersThatAreTooLarge) {
  Server server(usual());
  EXPECT_THAT(get(server, "/metrics", "X: " + std::string(20'000, 'x') + "\r\n"),
              StartsWith("HTTP/1.1 431 "));
  // More than kj reads at all.
  EXPECT_THAT(get(server, "/metrics", "X: " + std::string(200'000, 'x') + "\r\n"),
              Not(HasSubstr("leaseledger_up")));
}

TEST(HttpListener, SaysNothingOfItsInsidesToGarbage) {
  Server server(usual());
  for (const std::string& garbage :
       {std::string("\0\1\2\3\r\n\r\n", 8), std::string("hello\r\n\r\n"),

        std::string("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 11),
        std::string("GET /metrics HTTP/1.1\r\nno colon here\r\n\r\n"),
        std::string("FROB / HTTP/1.1\r\n\r\n")}) {
    const std::string answer = ask(server, garbage);
    EXPECT_THAT(answer,
                AllOf(Not(HasSubstr("kj/")), Not(HasSubstr(".c++")), Not(HasSubstr("stack")),
                      Not(HasSubstr("(open)")), Not(HasSubstr("leaseledger_up"))));
    EXPECT_THAT(answer, testing::AnyOf("", HasSubstr("application/problem+json")));
  }
  EXPECT_THAT(get(server, "/healthz"), HasSubstr("200 OK"));
}

TEST(HttpListener, SaysNothingOfAHandlersException) {
  Handlers handlers = usual();
  handlers.metrics = []() -> kj::Promise<std::string> {
    throw std::runtime_error("secret of the inside");
  };
  handlers.ready = []() -> kj::Promise<Handlers::Health> {
    return KJ_EXCEPTION(FAILED, "secret of the inside");
  };
  Server server(std::move(handlers));
  for (const char* path : {"/metrics", "/readyz"}) {
    EXPECT_THAT(get(server, path),
                AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("application/problem+json"),
                      Not(HasSubstr("secret")), Not(HasSubstr("listener"))));
  }
}

TEST(HttpListener, GivesUpOnAHandlerThatDoesNotAnswer) {
  Handlers handlers = usual();
  handlers.metrics = []() -> kj::Promise<std::string> { return kj::NEVER_DONE; };
  ListenerLimits limits;
  limits.answer_timeout = 100 * kj::MILLISECONDS;
  Server server(std::move(handlers), limits);
  EXPECT_THAT(get(server, "/metrics"), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpListener, DisconnectsASlowClient) {
  ListenerLimits limits;
  limits.header_timeout = 200 * kj::MILLISECONDS;
  Server server(usual(), limits);
  Peer peer(server);
  peer.send("GET /metr");
  EXPECT_THAT(peer.read_to_end(), AllOf(Not(HasSubstr("(open)")), Not(HasSubstr("kj/"))));
  Peer silent(server);
  EXPECT_THAT(silent.read_to_end(), Not(HasSubstr("(open)")));
}

TEST(HttpListener, DisconnectsAClientThatDribbles) {
  ListenerLimits limits;
  limits.connection_lifetime = 300 * kj::MILLISECONDS;
  limits.header_timeout = 60 * kj::SECONDS;
  Server server(usual(), limits);
  Peer peer(server);
  peer.send("GET /metrics HTTP/1.1\r\n");
  const auto began = std::chrono::steady_clock::now();
  std::string seen;
  while (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(600)) {
    peer.send("X: y\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_THAT(peer.read_to_end(), Not(HasSubstr("(open)")));
}

TEST(HttpListener, DisconnectsAClientThatDoesNotRead) {
  Handlers handlers = usual();
  handlers.metrics = []() -> kj::Promise<std::string> { return std::string(32 << 20, 'x'); };
  ListenerLimits limits;
  limits.answer_timeout = 300 * kj::MILLISECONDS;
  limits.connections = 1;
  Server server(std::move(handlers), limits);
  Peer peer(server);
  peer.send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  // Its place is free again.
  EXPECT_THAT(get(server, "/healthz"), HasSubstr("200 OK"));
}

TEST(HttpListener, ClosesConnectionsBeyondTheLimitAndServesAgainLater) {
  std::atomic<int> count{0};
  std::atomic<int> most{0};
  Handlers handlers = usual();
  handlers.connections = [&](int change) { most = std::max<int>(most, count += change); };
  ListenerLimits limits;
  limits.connections = 8;
  {
    Server server(std::move(handlers), limits);
    {
      std::vector<std::unique_ptr<Peer>> peers;
      for (int i = 0; i < 8; ++i) {
        peers.push_back(std::make_unique<Peer>(server));
        peers.back()->send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
        peers.back()->read_until("leaseledger_up 1\n");
      }
      for (int i = 0; i < 100; ++i) EXPECT_EQ(Peer(server).read_to_end(), "");
    }
    std::string answer;
    for (int i = 0; i < 100 && answer.empty(); ++i) answer = get(server, "/healthz");
    EXPECT_THAT(answer, HasSubstr("200 OK"));
  }
  EXPECT_EQ(count, 0);
  EXPECT_EQ(most, 8);
}

TEST(HttpListener, DrainsAnIdleConnectionAtOnce) {
  Server server(usual());
  Peer peer(server);
  peer.send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  peer.read_until("leaseledger_up 1\n");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(server.stop(), 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

TEST(HttpListener, AnswersManyAtOnce) {
  Server server(usual(), {.connections = 256});
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        good += get(server, "/metrics").find("leaseledger_up 1") != std::string::npos;
    });
  for (auto& each : threads) each.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace leaseledger::http
