#pragma once
// Where the daemon listens: sockets that systemd passed, or its own.

#include "adapters/daemon/config.h"
#include "adapters/daemon/service_manager.h"
#include "ledger/result.h"

#include <kj/async-io.h>

#include <vector>

namespace leaseledger::daemon {

struct Sockets {
  kj::Own<kj::ConnectionReceiver> local;  ///< nullptr: none.
  kj::Own<kj::ConnectionReceiver> tls;
  kj::Own<kj::ConnectionReceiver> http;
  kj::Own<kj::ConnectionReceiver> kea_http;
  kj::Own<kj::ConnectionReceiver> kea_unix;
};

/// An inherited socket is taken instead of the configured one: by its name "tls", "http", "kea-http" or "kea-unix", or, for the local one, by its family.
/// A Unix socket that a dead daemon left behind is replaced; one that is in use is ERROR_SHARING_VIOLATION, told by the lock on
/// PATH.lock.
Result<Sockets> open_sockets(const Config& config, std::vector<InheritedSocket> inherited,
                             kj::AsyncIoContext& io);

}  // namespace leaseledger::daemon
