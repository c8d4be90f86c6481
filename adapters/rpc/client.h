#pragma once
// A ledger behind a daemon (leaseledgerd): the same questions and commands over a Unix socket or TLS.
// Flow: tools/cli, adapters/dhcpsapi, C++ programs -> [client.h] -> async_client.h -> leaseledger.capnp -> adapters/rpc/server.h
//
//   auto ledger = leaseledger::rpc::Client::connect({.server = "unix:/run/leaseledger/leaseledgerd.sock"}).value();
//   auto answer = ledger->submit({{.command = create}});            // blocking; retried with the same id
//   ledger->submit_async({{.command = create}}, Chain::kEach, [](auto answers) { ... });

#include "adapters/rpc/client_options.h"
#include "adapters/service/service.h"

#include <functional>
#include <memory>
#include <vector>

namespace leaseledger::rpc {

/// Thread-safe. Has a thread of its own for its event loop.
class Client : public Service {
 public:
  /// RPC_S_SERVER_UNAVAILABLE (ErrorKind::kIo, field "server"): nobody answers there; ERROR_ACCESS_DENIED: wrong certificate,
  /// or the peer may not connect; ERROR_DHCP_SERVER_NAME_NOT_RESOLVED; ERROR_TIMEOUT; ERROR_INVALID_PARAMETER for options.
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);

  /// submit() without waiting: `done` is called once, from the client's thread.
  virtual void submit_async(std::vector<Envelope> commands, Chain chain,
                            std::function<void(Result<std::vector<Answer>>)> done) = 0;

 protected:
  Client() = default;
};

}  // namespace leaseledger::rpc
