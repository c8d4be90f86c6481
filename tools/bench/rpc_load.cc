#include "tools/bench/rpc_load.h"

#include "adapters/embedded/ledger.h"
#include "adapters/rpc/client.h"
#include "adapters/rpc/leaseledger.capnp.h"
#include "adapters/rpc/wire_commands.h"
#include "tools/bench/made_up_commands.h"
#include "tools/bench/write_load.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace leaseledger::bench {
namespace {

namespace fs = std::filesystem;
namespace schema = rpc::schema;
using Steady = std::chrono::steady_clock;

constexpr std::uint64_t kRoom = 64'000'000;  // leases that there are subnets for
constexpr std::size_t kInFlight = 1000;
constexpr std::size_t kConnections = 200;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}
std::uint64_t ns_since(Steady::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(Steady::now() - start).count());
}

/// A daemon for the length of one measurement.
class Daemon {
 public:
  Daemon(fs::path directory, const std::string& program) : directory_(std::move(directory)) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    std::ofstream(directory_ / "d.toml")
        << "[ledger]\ndirectory = \"" << ledger().string() << "\"\n[listen]\nunix = \"" << socket()
        << "\"\nhttp = \"\"\n[expiry]\nenabled = false\n"
        << "[log]\nlevel = \"error\"\n";
    const std::string config = (directory_ / "d.toml").string();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execlp(program.c_str(), "leaseledgerd", "--config", config.c_str(),
               static_cast<char*>(nullptr));
      ::_exit(127);
    }
  }
  ~Daemon() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  fs::path ledger() const { return directory_ / "ledger"; }
  std::string socket() const { return (directory_ / "d.sock").string(); }

  /// Connected, with subnets for what will be created.
  Result<std::unique_ptr<rpc::Client>> client() const {
    rpc::ClientOptions options;
    options.server = "unix:" + socket();
    options.tool = "bench";
    for (int i = 0; i < 500; ++i) {
      if (auto made = rpc::Client::connect(options)) return made;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return rpc::Client::connect(options);
  }

 private:
  fs::path directory_;
  pid_t pid_ = 0;
};

Status make_subnets(Service& service) {
  for (std::uint32_t next = 0; next * kLeasesPerSubnet < kRoom;) {
    std::vector<Envelope> commands;
    for (; next * kLeasesPerSubnet < kRoom && commands.size() < 1000; ++next) {
      CreateSubnet subnet;
      subnet.prefix = subnet_of_number(next);
      subnet.preferred_lifetime = Lifetime{kPreferredSeconds};
      subnet.valid_lifetime = Lifetime{kValidSeconds};
      commands.push_back({.command = subnet});
    }
    LEASELEDGER_ASSIGN(const auto answers, service.submit(commands));
    for (const auto& answer : answers) {
      if (!answer.accepted()) return tl::unexpected(answer.error);
    }
  }
  return {};
}

Envelope envelope_of(std::uint64_t number) {
  Envelope out{.command = create_of(number)};
  out.id = growing_id(SystemClock().now(), number);
  return out;
}

Measurement measurement(const char* mode, std::size_t callers, std::size_t batch,
                        const char* durability) {
  Measurement m;
  m.system = "leaseledgerd";
  m.workload = "create";
  m.mode = mode;
  m.callers = callers;
  m.batch = batch;
  m.durability = durability;
  return m;
}

constexpr const char* kDurable = "fsync before the answer";

/// Blocking callers by the client library.
Result<Measurement> blocking(rpc::Client& client, std::size_t callers, std::size_t batch,
                             double seconds, const char* mode) {
  Measurement m = measurement(mode, callers, batch, kDurable);
  std::atomic<std::uint64_t> next = 0;
  std::mutex mutex;
  Status status;
  const auto start = Steady::now();
  std::vector<std::thread> threads;
  for (std::size_t c = 0; c < callers; ++c) {
    threads.emplace_back([&] {
      Latencies own;
      while (seconds_since(start) < seconds) {
        const std::uint64_t first = next.fetch_add(batch);
        std::vector<Envelope> commands;
        commands.reserve(batch);
        for (std::size_t i = 0; i < batch; ++i) commands.push_back(envelope_of(first + i));
        const auto before = Steady::now();
        const auto answers = client.submit(commands, Chain::kEach);
        own.add(ns_since(before));
        const std::lock_guard lock(mutex);
        if (!answers) {
          status = tl::unexpected(answers.error());
          return;
        }
        for (const auto& answer : *answers) {
          if (!answer.accepted()) status = tl::unexpected(answer.error);
        }
      }
      const std::lock_guard lock(mutex);
      m.latencies.add(own);
    });
  }
  for (auto& thread : threads) thread.join();
  LEASELEDGER_TRY(status);
  m.seconds = seconds_since(start);
  m.operations = next;
  return m;
}

/// One thread that keeps submissions of one command in flight by the client library.
Result<Measurement> in_flight(rpc::Client& client, std::size_t most, double seconds) {
  Measurement m = measurement("1000 in flight, client library", most, 1, kDurable);
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<bool> failed = false;
  const auto start = Steady::now();
  std::uint64_t sent = 0;
  while (seconds_since(start) < seconds && !failed) {
    const std::uint64_t seen = answered;
    if (sent - seen >= most) {
      answered.wait(seen);
      continue;
    }
    for (std::uint64_t room = most - (sent - seen); room > 0; --room) {
      client.submit_async({envelope_of(sent++)}, Chain::kEach,
                          [&, before = Steady::now()](Result<std::vector<Answer>> answers) {
                            m.latencies.add(ns_since(before));
                            if (!answers || !answers->front().accepted()) failed = true;
                            answered.fetch_add(1);
                            answered.notify_one();
                          });
    }
  }
  for (std::uint64_t seen = answered; seen < sent; seen = answered) answered.wait(seen);
  if (failed) return fail(Win32::kRpcCallFailed, ErrorKind::kIo, "in flight", "", "no refusal");
  m.seconds = seconds_since(start);
  m.operations = sent;
  return m;
}

/// Connections of another client than ours: plain Cap'n Proto, one message for each call.
class PlainConnections {
 public:
  PlainConnections(const std::string& socket, std::size_t count) : io_(kj::setupAsyncIo()) {
    for (std::size_t i = 0; i < count; ++i) {
      auto address = io_.provider->getNetwork().parseAddress("unix:" + socket).wait(io_.waitScope);
      auto connection = std::make_unique<Connection>(address->connect().wait(io_.waitScope));
      auto commands = connection->ledger.commandsRequest().send().wait(io_.waitScope);
      connection->commands = commands.getCommands();
      connections_.push_back(std::move(connection));
    }
  }

  /// `calls` on each connection at a time, until the time is over. `make` begins a call.
  using Make = std::function<kj::Promise<bool>(std::size_t connection)>;
  Result<Measurement> run(Measurement m, std::size_t calls, double seconds, const Make& make) {
    const auto start = Steady::now();
    bool failed = false;
    std::vector<kj::Promise<void>> running;
    for (std::size_t c = 0; c < connections_.size(); ++c) {
      for (std::size_t i = 0; i < calls; ++i)
        running.push_back(again(m, c, start, seconds, make, failed).eagerlyEvaluate(nullptr));
    }
    for (auto& each : running) each.wait(io_.waitScope);
    if (failed) return fail(Win32::kRpcCallFailed, ErrorKind::kIo, m.mode, "", "no refusal");
    m.seconds = seconds_since(start);
    return m;
  }

  kj::Promise<bool> ping(std::size_t connection) {
    return connections_[connection]->ledger.pingRequest().send().then([](auto&&) { return true; });
  }
  kj::Promise<bool> submit(std::size_t connection, std::uint64_t number) {
    auto request = KJ_ASSERT_NONNULL(connections_[connection]->commands)
                       .submitRequest(capnp::MessageSize{80, 0});
    rpc::write_command(envelope_of(number), request.initCommands(1)[0]);
    return request.send().then(
        [](auto answer) { return !answer.hasError() && !answer.getAnswers()[0].hasError(); });
  }

 private:
  struct Connection {
    explicit Connection(kj::Own<kj::AsyncIoStream> s)
        : stream(kj::mv(s)),
          network(*stream, capnp::rpc::twoparty::Side::CLIENT),
          system(capnp::makeRpcClient(network)),
          ledger(bootstrap()) {}
    schema::Ledger::Client bootstrap() {
      capnp::MallocMessageBuilder message(16);
      auto id = message.getRoot<capnp::rpc::twoparty::VatId>();
      id.setSide(capnp::rpc::twoparty::Side::SERVER);
      return system.bootstrap(id).castAs<schema::Ledger>();
    }
    kj::Own<kj::AsyncIoStream> stream;
    capnp::TwoPartyVatNetwork network;
    capnp::RpcSystem<capnp::rpc::twoparty::VatId> system;
    schema::Ledger::Client ledger;
    kj::Maybe<schema::Commands::Client> commands;
  };

  kj::Promise<void> again(Measurement& m, std::size_t connection, Steady::time_point start,
                          double seconds, const Make& make, bool& failed) {
    if (seconds_since(start) > seconds || failed) return kj::READY_NOW;
    return make(connection)
        .then([this, &m, connection, start, seconds, &make, &failed,
               before = Steady::now()](bool good) {
          m.latencies.add(ns_since(before));
          ++m.operations;
          failed = failed || !good;
          return again(m, connection, start, seconds, make, failed);
        });
  }

  kj::AsyncIoContext io_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

Result<Measurement> catch_up(rpc::Client& client) {
  Measurement m = measurement("a subscriber catches up", 1, 1, "");
  m.workload = "follow";
  const Position tail = client.log().tail();
  const auto start = Steady::now();
  std::uint64_t octets = 0;
  LEASELEDGER_TRY(client.follow(
      1,
      [&](const StoredRecord& stored) {
        octets += stored.bytes.size();
        ++m.operations;
        return stored.position < tail;
      },
      [] { return true; }));
  m.seconds = seconds_since(start);
  m.note = std::to_string(octets / m.operations) + " octets a record";
  return m;
}

}  // namespace

Status measure_rpc(const std::filesystem::path& directory, const std::string& program,
                   double seconds, Report& report) {
  const auto in_process = [&](std::size_t callers, std::size_t batch, bool flight) -> Status {
    const fs::path place = directory / "in-process";
    fs::create_directories(directory);
    fs::remove_all(place);
    {
      LEASELEDGER_ASSIGN(const auto ledger, Ledger::create(place));
      LEASELEDGER_TRY(bench::make_subnets(*ledger, kRoom));
      WriteLoad load;
      load.callers = callers;
      load.batch = batch;
      load.in_flight = flight;
      load.seconds = seconds;
      LEASELEDGER_ASSIGN(auto result, bench::run(*ledger, load));
      result.measurement.mode += ", in process";
      report.add(result.measurement);
    }
    fs::remove_all(place);
    return {};
  };
  const auto with_daemon = [&](const std::function<Status(Daemon&, rpc::Client&)>& body) -> Status {
    Daemon daemon(directory / "daemon", program);
    LEASELEDGER_ASSIGN(const auto client, daemon.client());
    LEASELEDGER_TRY(make_subnets(*client));
    return body(daemon, *client);
  };
  const auto blocked = [&](std::size_t callers, std::size_t batch, const char* mode) {
    return with_daemon([&](Daemon&, rpc::Client& client) -> Status {
      LEASELEDGER_ASSIGN(const auto m, blocking(client, callers, batch, seconds, mode));
      report.add(m);
      return {};
    });
  };

  LEASELEDGER_TRY(in_process(1, 1, false));
  LEASELEDGER_TRY(blocked(1, 1, "one by one"));

  LEASELEDGER_TRY(with_daemon([&](Daemon& daemon, rpc::Client&) -> Status {
    PlainConnections plain(daemon.socket(), 1);
    std::uint64_t next = 0;
    LEASELEDGER_ASSIGN(
        const auto m,
        plain.run(measurement("one by one, one thread", 1, 1, kDurable), 1, seconds,
                  [&](std::size_t connection) { return plain.submit(connection, next++); }));
    report.add(m);
    Measurement ping = measurement("one by one, calls that do nothing", 1, 1, "");
    ping.workload = "ping";
    LEASELEDGER_ASSIGN(const auto nothing, plain.run(ping, 1, seconds, [&](std::size_t connection) {
      return plain.ping(connection);
    }));
    report.add(nothing);
    return {};
  }));

  LEASELEDGER_TRY(in_process(kInFlight, 1, true));
  LEASELEDGER_TRY(with_daemon([&](Daemon& daemon, rpc::Client&) -> Status {
    PlainConnections plain(daemon.socket(), 1);
    Measurement m = measurement("1000 in flight, calls that do nothing", kInFlight, 1, "");
    m.workload = "ping";
    LEASELEDGER_ASSIGN(const auto nothing,
                       plain.run(m, kInFlight, seconds,
                                 [&](std::size_t connection) { return plain.ping(connection); }));
    report.add(nothing);
    std::uint64_t next = 0;
    LEASELEDGER_ASSIGN(
        const auto creates,
        plain.run(measurement("1000 in flight, one command a call", kInFlight, 1, kDurable),
                  kInFlight, seconds,
                  [&](std::size_t connection) { return plain.submit(connection, next++); }));
    report.add(creates);
    return {};
  }));
  LEASELEDGER_TRY(with_daemon([&](Daemon&, rpc::Client& client) -> Status {
    LEASELEDGER_ASSIGN(const auto m, in_flight(client, kInFlight, seconds));
    report.add(m);
    return {};
  }));

  LEASELEDGER_TRY(in_process(1, 1000, false));
  LEASELEDGER_TRY(blocked(1, 1000, "batches of 1000"));
  LEASELEDGER_TRY(in_process(8, 1000, false));
  LEASELEDGER_TRY(with_daemon([&](Daemon&, rpc::Client& client) -> Status {
    LEASELEDGER_ASSIGN(const auto m,
                       blocking(client, 8, 1000, seconds, "8 callers, batches of 1000"));
    report.add(m);
    LEASELEDGER_ASSIGN(const auto followed, catch_up(client));
    report.add(followed);
    return {};
  }));

  return with_daemon([&](Daemon& daemon, rpc::Client&) -> Status {
    PlainConnections plain(daemon.socket(), kConnections);
    std::uint64_t next = 0;
    LEASELEDGER_ASSIGN(
        const auto m,
        plain.run(measurement("200 connections, one call on each", kConnections, 1, kDurable), 1,
                  seconds,
                  [&](std::size_t connection) { return plain.submit(connection, next++); }));
    report.add(m);
    return {};
  });
}

}  // namespace leaseledger::bench
