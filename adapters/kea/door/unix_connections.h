#pragma once
// Kea's control channel over a Unix socket: one command in JSON comes, one answer goes, the connection closes.
// Flow: tools/daemon/main.cc -> [unix_connections.h] -> door.h

#include "adapters/kea/door/door.h"
#include "adapters/rpc/peers.h"

#include <kj/async-io.h>
#include <kj/timer.h>

namespace leaseledger::kea {

struct UnixLimits {
  std::size_t request_bytes = std::size_t{16} << 20;
  std::size_t connections = 64;
  kj::Duration timeout = 120 * kj::SECONDS;  ///< for a command to come whole and be answered.
};

class UnixConnections final : private kj::TaskSet::ErrorHandler {
 public:
  /// Borrows the door.
  UnixConnections(kj::Timer& timer, Door& door, rpc::Roles roles, UnixLimits limits);

  /// Runs for as long as the promise lives. Borrows `port`.
  kj::Promise<void> listen(kj::ConnectionReceiver& port);
  void set_roles(rpc::Roles roles);

 private:
  struct Connection;
  void taskFailed(kj::Exception&&) override {}  // a peer that went away

  kj::Timer& timer_;
  Door& door_;
  rpc::Roles roles_;
  rpc::UserNames users_;
  const UnixLimits limits_;
  std::size_t open_ = 0;
  kj::TaskSet tasks_;
};

}  // namespace leaseledger::kea
