#include "tools/daemon/kea.h"

#include "adapters/daemon/config_options.h"
#include "adapters/rpc/server.h"
#include "tools/daemon/watching.h"

namespace leaseledger::daemon {
namespace {

/// Commands of Kea's that read or wait for the disk, at a time.
constexpr unsigned kWorkers = 8;
constexpr std::size_t kMostWaiting = 4096;

std::vector<kea::ConfigSource> sources_of(const Config& config) {
  std::vector<kea::ConfigSource> out;
  for (const KeaServer& server : config.kea.servers)
    out.push_back({server.name, {server.control, server.user, server.password}, server.config});
  return out;
}

kea::DoorOptions door_options(const Config& config) {
  return {config.kea.compat == "3.0" ? kea::Compat::k30 : kea::Compat::k22,
          config.kea.answer == "received"};
}

kea::HttpClients clients_of(const Config& config) {
  kea::HttpClients out;
  for (const KeaClient& client : config.kea.clients)
    out.known.push_back({client.user, client.password, client.role});
  out.roles = roles_of(config);
  out.anonymous = role_of(config.kea.anonymous).value_or(Role::kNone);
  return out;
}

kea::HttpLimits http_limits(const Config& config) {
  kea::HttpLimits out;
  out.request_bytes = config.kea.request_bytes;
  out.connections = config.kea.connections;
  return out;
}

kea::UnixLimits unix_limits(const Config& config) {
  kea::UnixLimits out;
  out.request_bytes = config.kea.request_bytes;
  out.connections = config.kea.connections;
  return out;
}

/// nullptr: HTTP is spoken without TLS.
Result<kj::Maybe<kj::Own<kj::TlsContext>>> tls_of(const Config& config, kj::Timer& timer) {
  if (config.kea.certificate.empty()) return kj::Maybe<kj::Own<kj::TlsContext>>();
  LEASELEDGER_ASSIGN(
      auto context, rpc::make_tls_context({config.kea.certificate.string(), config.kea.key.string(),
                                           config.kea.client_ca.string(), "kea"},
                                          timer, config.tls.handshake_timeout));
  return kj::Maybe<kj::Own<kj::TlsContext>>(kj::mv(context));
}

/// For status-get.
kea::Json status_json(const std::vector<KeaServerStatus>& all) {
  kea::Json list = kea::Json::array();
  for (const auto& each : all)
    list.push_back({{"server", each.server},
                    {"reachable", each.reachable},
                    {"runs", each.runs},
                    {"failures", each.failures},
                    {"error", each.error},
                    {"finished-at", format_instant(each.finished_at)},
                    {"compared", each.compared},
                    {"missing", each.missing},
                    {"changed", each.changed},
                    {"absent", each.absent}});
  return {{"reconcile", std::move(list)}};
}

}  // namespace

KeaRoom::KeaRoom(const Config& config, rpc::LedgerKeeper& keeper, rpc::Mailbox& mailbox,
                 rpc::Observer& observer, kj::Timer& timer)
    : timer_(timer),
      subnets_(keeper, sources_of(config)),
      workers_(mailbox, "commands of Kea", kWorkers, kMostWaiting),
      door_(door_options(config), keeper, subnets_, mailbox, workers_, observer, timer),
      http_(timer, door_, clients_of(config), http_limits(config)),
      unix_(timer, door_, roles_of(config), unix_limits(config)) {}

KeaRoom::~KeaRoom() {
  for (const auto& each : reconcilers_->all) each->stop();
}

Result<std::unique_ptr<KeaRoom>> KeaRoom::open(const Config& config, rpc::LedgerKeeper& keeper,
                                               rpc::Mailbox& mailbox, rpc::Observer& observer,
                                               Metrics& metrics, kj::Timer& timer,
                                               Sockets& sockets) {
  LEASELEDGER_ASSIGN(auto tls, tls_of(config, timer));
  std::unique_ptr<KeaRoom> out(new KeaRoom(config, keeper, mailbox, observer, timer));
  LEASELEDGER_TRY(out->subnets_.now());
  out->http_port_ = kj::mv(sockets.kea_http);
  out->unix_port_ = kj::mv(sockets.kea_unix);
  const auto failed = [](kj::Exception&&) {};
  if (out->http_port_.get() != nullptr)
    out->http_listening_ = out->http_.listen(*out->http_port_, kj::mv(tls)).eagerlyEvaluate(failed);
  if (out->unix_port_.get() != nullptr)
    out->unix_listening_ = out->unix_.listen(*out->unix_port_).eagerlyEvaluate(failed);
  const auto sources = sources_of(config);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].control.address.empty()) continue;
    out->reconcilers_->all.push_back(std::make_unique<kea::Reconciler>(
        kea::ReconcilerOptions{sources[i], config.kea.servers[i].interval}, keeper, out->subnets_));
  }
  KeaRoom* const room = out.get();
  out->door_.on_answered(
      [&metrics](std::string_view command, int result) { metrics.kea_command(command, result); });
  out->door_.set_status([room] { return status_json(room->status()); });
  // A partner that comes anew has told nothing while it was away.
  out->http_.on_connected([room](const std::string& server) { room->compare_soon(server); });
  return out;
}

Status KeaRoom::reload(const Config& config) {
  LEASELEDGER_ASSIGN(auto tls, tls_of(config, timer_));
  KJ_IF_MAYBE (context, tls) {
    http_.set_tls(kj::mv(*context));
  }
  http_.set_clients(clients_of(config));
  unix_.set_roles(roles_of(config));
  door_.set_answer_when_received(config.kea.answer == "received");
  return {};
}

std::vector<KeaServerStatus> KeaRoom::Reconcilers::status() const {
  std::vector<KeaServerStatus> out;
  for (const auto& each : all) out.push_back(each->status());
  return out;
}

bool KeaRoom::Reconcilers::run_soon(const std::string& server) const {
  bool found = false;
  for (const auto& each : all) {
    if (!server.empty() && each->status().server != server) continue;
    each->run_soon();
    found = true;
  }
  return found;
}

std::vector<Metrics::KeaServer> sample_of(const std::vector<KeaServerStatus>& servers) {
  std::vector<Metrics::KeaServer> out;
  for (const KeaServerStatus& server : servers) {
    const double compared_at =
        server.finished_at == kUnset
            ? 0
            : std::chrono::duration<double>(server.finished_at.time_since_epoch()).count();
    out.push_back({server.server, server.reachable, !server.error.empty(), compared_at,
                   server.seconds, server.compared, server.missing, server.changed, server.absent,
                   server.unreadable, server.refused, server.recorded_in_all});
  }
  return out;
}

kj::Promise<void> KeaRoom::drain() {
  unix_listening_ = nullptr;
  return http_.drain().then([this] { return door_.settled(); });
}

}  // namespace leaseledger::daemon
