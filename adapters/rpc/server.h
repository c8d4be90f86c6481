#pragma once
// The door of a daemon: connections, who they are, and the capabilities that they get. One event loop serves all; it never waits
// for storage: commands go through submitter.h, questions through worker_pool.h.
// Flow: tools/daemon/main.cc -> [server.h] -> sessions.cc -> submitter.h, adapters/service/local_service.h

#include "adapters/rpc/ledger_keeper.h"
#include "adapters/rpc/mailbox.h"
#include "adapters/rpc/observer.h"
#include "adapters/rpc/peers.h"
#include "adapters/rpc/submitter.h"
#include "adapters/rpc/worker_pool.h"
#include "adapters/service/service.h"

#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <cstdint>
#include <memory>
#include <string>

namespace leaseledger::rpc {

struct ServerLimits {
  std::uint64_t message_bytes = std::uint64_t{16} << 20;  ///< a larger one ends its connection.
  std::size_t batch = 4096;                               ///< commands in one call.
  std::size_t connections = 1024;
  std::size_t connections_per_principal = 256;
  std::size_t subscriptions_per_principal = 16;
  std::size_t states_per_principal = 4;  ///< states and differences that are held for somebody.
  std::chrono::milliseconds handshake_timeout{5000};
  /// a connection on which nothing is asked or held for so long is closed; 0: never.
  std::chrono::milliseconds idle_timeout{600'000};
};

/// PEM files of the TLS listener.
struct TlsFiles {
  std::string certificate;  ///< with its chain.
  std::string key;
  std::string
      client_ca;  ///< issuers of client certificates that are believed; "": none are asked for.
  std::string section = "tls";  ///< of the configuration, for errors.
};
/// ERROR_INVALID_PARAMETER names the file that cannot be used.
Result<kj::Own<kj::TlsContext>> make_tls_context(const TlsFiles& files, kj::Timer& timer,
                                                 std::chrono::milliseconds handshake_timeout);

struct ServerOptions {
  ServerLimits limits;
  Roles roles;
  Ipv6Address owner;
  std::string owner_name;
  std::string backup_directory;  ///< backups are made below it; "" forbids them.
  /// Thread-safe; may be empty.
  std::function<std::vector<KeaServerStatus>()> kea_servers;
  std::function<bool(const std::string& server)> compare_with_kea;
};

class Server final : private kj::TaskSet::ErrorHandler {
 public:
  /// Borrows everything for its lifetime. `questions` answers what is asked, `jobs` does what takes long.
  Server(ServerOptions options, LedgerKeeper& keeper, Mailbox& mailbox, WorkerPool& questions,
         WorkerPool& jobs, kj::Timer& timer, Observer& observer);
  ~Server();

  void listen_unix(kj::Own<kj::ConnectionReceiver> receiver);
  void listen_tls(kj::Own<kj::ConnectionReceiver> receiver, kj::Own<kj::TlsContext> context);
  /// For connections from now on.
  void set_roles(Roles roles);
  /// Sets the two functions of ServerOptions.
  void set_kea(std::function<std::vector<KeaServerStatus>()> servers,
               std::function<bool(const std::string& server)> compare);
  void set_tls(kj::Own<kj::TlsContext> context);

  /// Takes no more connections or commands; when those that were taken have been answered.
  kj::Promise<void> drain();

  std::size_t connections() const;

 private:
  struct Impl;
  friend struct Session;
  void taskFailed(kj::Exception&& exception) override;
  kj::Own<Impl> impl_;
};

}  // namespace leaseledger::rpc
