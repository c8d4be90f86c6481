#pragma once
// Which ledger a call is about, and the connection to it, kept for the next call.
// Flow: scopes.cc, elements.cc, leases.cc, questions.cc -> [session.h] -> adapters/service/service.h

#include "adapters/service/service.h"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace leaseledger::dhcpsapi {

/// Opens a ledger by "unix:/path" or "tls:host:port". RPC_S_SERVER_UNAVAILABLE, ERROR_ACCESS_DENIED.
using SessionFactory = std::function<Result<std::shared_ptr<Service>>(const std::string& address)>;

/// A ledger behind its daemon (adapters/rpc/client.h).
Result<std::shared_ptr<Service>> connect_to_daemon(const std::string& address);

/// For tests: sessions come from `factory` from now on, kept ones are forgotten. Nothing: from the daemon again.
void set_session_factory(SessionFactory factory);

/// Thread-safe.
class Session {
 public:
  explicit Session(std::shared_ptr<Service> service) : service_(std::move(service)) {}

  Service& service() { return *service_; }
  /// ERROR_ACCESS_DENIED unless the caller has the role, asked anew.
  Status require(Role role);
  /// The server's own address; asked at most once a second.
  Result<Ipv6Address> owner();

 private:
  const std::shared_ptr<Service> service_;
  std::mutex mutex_;
  std::optional<Ipv6Address> owner_;
  std::chrono::steady_clock::time_point owner_asked_{};
};

/// For ServerIpAddress, see dhcpsapi.h. The connection of an earlier call when there is one; a process after fork() does not use
/// its parent's.
Result<std::shared_ptr<Session>> session_for(const char16_t* server);

/// "unix:/path" or "tls:host:port" for ServerIpAddress.
Result<std::string> address_of(const char16_t* server);

}  // namespace leaseledger::dhcpsapi
