#pragma once
// How a client finds its daemon, who it is there, and how long it waits.

#include "commands/principal.h"

#include <chrono>
#include <string>

namespace leaseledger::rpc {

inline constexpr const char* kDefaultSocket = "/run/leaseledger/leaseledgerd.sock";
inline constexpr unsigned kDefaultTlsPort = 8547;

struct ClientOptions {
  /// "unix:/run/leaseledger/leaseledgerd.sock", or "tls:host:port" ("tls:[2001:db8::1]:8547"; the port may be left out).
  std::string server = std::string("unix:") + kDefaultSocket;
  /// The program, kept with every record as part of the door: "unix/cli". Letters, digits and '-', at most 32.
  std::string tool = "api";
  Role role = Role::kAdministrator;  ///< act with at most this role.

  // For tls: only; PEM files.
  std::string ca_file;           ///< issuers of server certificates that are believed.
  std::string certificate_file;  ///< the client's own; without one the daemon answers nothing.
  std::string key_file;
  std::string
      server_name;  ///< the name that the server's certificate must have; the host of `server` when empty.

  /// For connecting, TLS and name look-up included; and for connecting again when a call finds the connection gone.
  std::chrono::milliseconds connect_timeout{5'000};
  /// A command or question that has no answer after so long is ERROR_TIMEOUT. verify, replay and the like may take longer.
  std::chrono::milliseconds call_timeout{30'000};
  /// Commands and questions that met a lost connection are sent again, with back-off, for so long. Commands get an id when
  /// they have none, so nothing is done twice. 0: never.
  std::chrono::milliseconds retry_for{10'000};
};

}  // namespace leaseledger::rpc
