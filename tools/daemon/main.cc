// leaseledgerd: the ledger as a service. Everything is put together here, from top to bottom.

#include "adapters/daemon/metrics.h"
#include "adapters/daemon/options.h"
#include "adapters/daemon/service_manager.h"
#include "adapters/http/listener.h"
#include "adapters/rpc/server.h"
#include "tools/daemon/kea.h"
#include "tools/daemon/sockets.h"
#include "tools/daemon/watching.h"

#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <unistd.h>
#include <variant>

namespace leaseledger::daemon {
namespace {

/// What was accepted has so long to be answered after SIGTERM.
constexpr auto kDrainPatience = 1500 * kj::MILLISECONDS;
constexpr auto kStartPatience = std::chrono::minutes(10);

rpc::KeeperOptions keeper_options(const Config& config, Metrics& metrics) {
  rpc::KeeperOptions out;
  out.directory = config.ledger.directory;
  out.create = config.ledger.create;
  if (!config.ledger.partition.empty()) out.ledger.partition = config.ledger.partition;
  out.ledger.handler.max_waiting = config.limits.waiting_commands;
  out.ledger.handler.max_batch = config.limits.batch;
  out.min_free_bytes = config.storage.min_free_bytes;
  out.expire = config.expiry.enabled;
  out.expiry_grace = std::chrono::ceil<Lifetime>(config.expiry.grace);
  out.expiry_interval = config.expiry.interval;
  out.expiry_batch = static_cast<std::uint32_t>(config.expiry.batch);
  out.on_expired = [&metrics](std::uint64_t leases) { metrics.expired(leases); };
  return out;
}

rpc::ServerOptions server_options(const Config& config) {
  rpc::ServerOptions out;
  out.limits.message_bytes = config.limits.message_bytes;
  out.limits.batch = config.limits.batch;
  out.limits.connections = config.limits.connections;
  out.limits.connections_per_principal = config.limits.connections_per_principal;
  out.limits.subscriptions_per_principal = config.limits.subscriptions_per_principal;
  out.limits.states_per_principal = config.limits.states_per_principal;
  out.limits.handshake_timeout = config.tls.handshake_timeout;
  out.limits.idle_timeout = config.limits.idle_timeout;
  out.roles = roles_of(config);
  out.owner = config.owner.address;
  out.owner_name = config.owner.host_name.empty() ? host_name() : config.owner.host_name;
  out.backup_directory = config.backup.directory.string();
  return out;
}

rpc::TlsFiles tls_files(const Config& config) {
  return {config.tls.certificate.string(), config.tls.key.string(), config.tls.client_ca.string()};
}

/// SIGHUP: roles, certificates and the log's level are read again. What is wrong leaves everything as it was.
void reload(const ConfigInputs& inputs, Config& config, rpc::Server& server, KeaRoom& kea,
            kj::Timer& timer) {
  const auto fresh = read_config(inputs);
  if (!fresh) {
    for (const auto& problem : fresh.error().problems)
      spdlog::error("config.reload_failed problem=\"{}\"", problem.to_string());
    return;
  }
  if (!config.listen.tls.empty() && !fresh->listen.tls.empty()) {
    auto tls = rpc::make_tls_context(tls_files(*fresh), timer, fresh->tls.handshake_timeout);
    if (!tls) {
      spdlog::error("config.reload_failed problem=\"{}\"", tls.error().to_string());
      return;
    }
    if (auto changed = kea.reload(*fresh); !changed) {
      spdlog::error("config.reload_failed problem=\"{}\"", changed.error().to_string());
      return;
    }
    server.set_tls(kj::mv(*tls));
  } else if (auto changed = kea.reload(*fresh); !changed) {
    spdlog::error("config.reload_failed problem=\"{}\"", changed.error().to_string());
    return;
  }
  for (const auto& key : changed_keys(config, *fresh)) {
    if (is_reloadable(key)) {
      spdlog::info("config.changed key={}", key);
    } else {
      spdlog::warn("config.needs_restart key={}", key);
    }
  }
  server.set_roles(roles_of(*fresh));
  setup_logging(*fresh);
  config = *fresh;
  spdlog::info("config.reloaded");
}

kj::Promise<void> reload_on_hangup(kj::UnixEventPort& port, ServiceManager& manager,
                                   const ConfigInputs& inputs, Config& config, rpc::Server& server,
                                   KeaRoom& kea, kj::Timer& timer) {
  return port.onSignal(SIGHUP).then([&](siginfo_t) {
    manager.reloading();
    reload(inputs, config, server, kea, timer);
    manager.ready();
    return reload_on_hangup(port, manager, inputs, config, server, kea, timer);
  });
}

kj::Promise<void> feed_watchdog(ServiceManager& manager, kj::Timer& timer) {
  const auto interval = manager.watchdog_interval();
  if (!interval) return kj::NEVER_DONE;
  manager.watchdog();
  return timer.afterDelay(interval->count() * kj::MICROSECONDS).then([&manager, &timer] {
    return feed_watchdog(manager, timer);
  });
}

int fail_to_start(const Error& error) {
  spdlog::critical("daemon.cannot_start error=\"{}\"", error.to_string());
  return 1;
}

int run(RunConfig started) {
  Config config = std::move(started.config);
  setup_logging(config);
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) kj::UnixEventPort::captureSignal(signal);
  ServiceManager manager;

  Metrics metrics(LEASELEDGER_VERSION);
  manager.extend_timeout(kStartPatience);
  manager.status("opening " + config.ledger.directory.string());
  auto opened = rpc::LedgerKeeper::open(keeper_options(config, metrics));
  if (!opened) return fail_to_start(opened.error());
  const auto keeper = std::move(*opened);

  auto io = kj::setupAsyncIo();
  auto& timer = io.provider->getTimer();
  io.waitScope.setBusyPollInterval(16);
  MetricsObserver observer(metrics);
  rpc::Mailbox mailbox;
  {
    // The pools end before the mailbox, and the server before the pools.
    rpc::WorkerPool questions(mailbox, "questions",
                              static_cast<unsigned>(config.limits.question_threads),
                              config.limits.waiting_questions);
    rpc::WorkerPool jobs(mailbox, "jobs", 2, 64);
    rpc::Server server(server_options(config), *keeper, mailbox, questions, jobs, timer, observer);
    auto sockets = open_sockets(config, manager.take_sockets(), io);
    if (!sockets) return fail_to_start(sockets.error());
    if (sockets->local.get() != nullptr) server.listen_unix(kj::mv(sockets->local));
    if (sockets->tls.get() != nullptr) {
      auto tls = rpc::make_tls_context(tls_files(config), timer, config.tls.handshake_timeout);
      if (!tls) return fail_to_start(tls.error());
      server.listen_tls(kj::mv(sockets->tls), kj::mv(*tls));
    }
    auto kea = KeaRoom::open(config, *keeper, mailbox, observer, metrics, timer, *sockets);
    if (!kea) return fail_to_start(kea.error());
    metrics.set_collector([&, all = (*kea)->reconcilers()] {
      auto out = sample(*keeper);
      out.kea_servers = sample_of(all->status());
      return out;
    });
    server.set_kea(
        [all = (*kea)->reconcilers()] { return all->status(); },
        [all = (*kea)->reconcilers()](const std::string& name) { return all->run_soon(name); });
    http::HttpListener watching(timer, handlers(*keeper, metrics, questions));
    kj::Promise<void> watched = kj::NEVER_DONE;
    if (sockets->http.get() != nullptr)
      watched = watching.listen(*sockets->http).eagerlyEvaluate(nullptr);

    const auto delivering = mailbox.run().eagerlyEvaluate([](kj::Exception&& problem) {
      spdlog::critical("daemon.loop_failed error=\"{}\"", problem.getDescription().cStr());
    });
    const auto reloading =
        reload_on_hangup(io.unixEventPort, manager, started.inputs, config, server, **kea, timer)
            .eagerlyEvaluate(nullptr);
    const auto alive = feed_watchdog(manager, timer).eagerlyEvaluate(nullptr);
    spdlog::info("daemon.ready ledger={} records={} unix={} tls={} http={} kea={}",
                 config.ledger.directory.string(),
                 keeper->for_questions() ? (*keeper->for_questions())->tail() : 0,
                 config.listen.unix_path, config.listen.tls, config.listen.http, config.kea.http);
    manager.ready("answering");

    io.unixEventPort.onSignal(SIGTERM)
        .exclusiveJoin(io.unixEventPort.onSignal(SIGINT))
        .wait(io.waitScope);
    spdlog::info("daemon.stopping");
    manager.stopping("answering what was accepted");
    watched = kj::NEVER_DONE;
    const auto unwatched = watching.drain().eagerlyEvaluate(nullptr);
    auto kea_drained = (*kea)->drain().fork();
    server.drain()
        .then([&kea_drained] { return kea_drained.addBranch(); })
        .then([&timer] { return timer.afterDelay(10 * kj::MILLISECONDS); })  // answers leave
        .exclusiveJoin(timer.afterDelay(kDrainPatience))
        .wait(io.waitScope);
    metrics.set_collector(nullptr);
  }
  mailbox.drain();
  const auto closed = keeper->close();
  if (!closed) spdlog::error("ledger.close_failed error=\"{}\"", closed.error().to_string());
  spdlog::info("daemon.stopped");
  // Cap'n Proto has put calls that were not answered aside with the loop; they know the server, which is gone. So the loop is
  // not destroyed.
  spdlog::shutdown();
  std::fflush(nullptr);
  ::_exit(closed ? 0 : 1);
}

}  // namespace
}  // namespace leaseledger::daemon

int main(int argc, char** argv) {
  auto asked = leaseledger::daemon::parse_command_line(argc, argv);
  if (const auto* exit = std::get_if<leaseledger::daemon::ExitNow>(&asked)) return exit->finish();
  return leaseledger::daemon::run(std::move(std::get<leaseledger::daemon::RunConfig>(asked)));
}
