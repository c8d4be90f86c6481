#pragma once
// Kea's control channel over HTTP: POST of one command in JSON, answered with a list of one. Connections are kept, and each answer
// leaves in one piece: Kea's HA hook sends its next update when it has read the answer to the last, and an answer in two pieces
// costs it a delayed acknowledgement (40 ms) each time.
// Flow: tools/daemon/main.cc -> [http_connections.h] -> kj-http, door.h

#include "adapters/kea/door/door.h"
#include "adapters/rpc/peers.h"

#include <kj/async-io.h>
#include <kj/compat/tls.h>
#include <kj/timer.h>

#include <memory>
#include <string>
#include <vector>

namespace leaseledger::kea {

/// Who may come in by HTTP.
struct HttpClients {
  struct Known {
    std::string user;
    std::string password;
    Role role = Role::kNone;
  };
  std::vector<Known> known;      ///< basic authentication (RFC 7617).
  rpc::Roles roles;              ///< of client certificates.
  Role anonymous = Role::kNone;  ///< of those who show neither.
};

struct HttpLimits {
  std::uint64_t request_bytes = std::uint64_t{16} << 20;
  std::size_t connections = 64;
  kj::Duration header_timeout = 30 * kj::SECONDS;
  kj::Duration request_timeout = 120 * kj::SECONDS;  ///< for a body and its answer.
  kj::Duration idle_timeout = 600 * kj::SECONDS;     ///< from one command to the next.
};

class HttpConnections {
 public:
  /// Borrows the door.
  HttpConnections(kj::Timer& timer, Door& door, HttpClients clients, HttpLimits limits);
  ~HttpConnections();

  /// With `tls`, behind TLS. Runs for as long as the promise lives. Borrows `port`.
  kj::Promise<void> listen(kj::ConnectionReceiver& port, kj::Maybe<kj::Own<kj::TlsContext>> tls);
  /// Called with the server's name at the first lease update of each connection of a server.
  void on_connected(std::function<void(const std::string& server)> called);
  /// For connections from now on.
  void set_clients(HttpClients clients);
  void set_tls(kj::Own<kj::TlsContext> tls);
  /// No more commands; when those that came have been answered.
  kj::Promise<void> drain();

 private:
  struct Impl;
  kj::Own<Impl> impl_;
};

}  // namespace leaseledger::kea
