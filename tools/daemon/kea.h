#pragma once
// The Kea door put together from the configuration.
// Flow: main.cc -> [kea.h] -> adapters/kea/door/

#include "adapters/daemon/config.h"
#include "adapters/daemon/metrics.h"
#include "adapters/kea/door/door.h"
#include "adapters/kea/door/http_connections.h"
#include "adapters/kea/door/reconciler.h"
#include "adapters/kea/door/unix_connections.h"
#include "adapters/rpc/ledger_keeper.h"
#include "tools/daemon/sockets.h"

#include <kj/async-io.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger::daemon {

class KeaRoom {
 public:
  /// Borrows everything; `sockets` gives up those of the door. ERROR_INVALID_PARAMETER: a certificate that cannot be used.
  static Result<std::unique_ptr<KeaRoom>> open(const Config& config, rpc::LedgerKeeper& keeper,
                                               rpc::Mailbox& mailbox, rpc::Observer& observer,
                                               Metrics& metrics, kj::Timer& timer,
                                               Sockets& sockets);
  ~KeaRoom();

  /// What a new configuration has of clients, roles and certificates. ERROR_INVALID_PARAMETER: nothing was changed.
  Status reload(const Config& config);
  /// Of each [[kea.server]] with a control channel. Thread-safe, as is compare_soon().
  std::vector<KeaServerStatus> status() const { return reconcilers_->status(); }
  /// Compares with the server of that name, or with all. False: there is none.
  bool compare_soon(const std::string& server) { return reconcilers_->run_soon(server); }
  /// The same for callers that may outlive the room.
  auto reconcilers() const { return reconcilers_; }
  /// No more commands; when those that came have been answered.
  kj::Promise<void> drain();

 private:
  KeaRoom(const Config& config, rpc::LedgerKeeper& keeper, rpc::Mailbox& mailbox,
          rpc::Observer& observer, kj::Timer& timer);

  kj::Timer& timer_;
  kea::KnownSubnets subnets_;
  rpc::WorkerPool workers_;
  kea::Door door_;
  kea::HttpConnections http_;
  kea::UnixConnections unix_;
  kj::Own<kj::ConnectionReceiver> http_port_;
  kj::Own<kj::ConnectionReceiver> unix_port_;
  kj::Promise<void> http_listening_ = nullptr;
  kj::Promise<void> unix_listening_ = nullptr;

  struct Reconcilers {
    std::vector<std::unique_ptr<kea::Reconciler>> all;
    std::vector<KeaServerStatus> status() const;
    bool run_soon(const std::string& server) const;
  };
  std::shared_ptr<Reconcilers> reconcilers_ = std::make_shared<Reconcilers>();
};

/// For metrics.
std::vector<Metrics::KeaServer> sample_of(const std::vector<KeaServerStatus>& servers);

}  // namespace leaseledger::daemon
