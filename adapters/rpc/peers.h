#pragma once
// Who is at the other end of a connection, and what he may do.

#include "commands/principal.h"

#include <kj/async-io.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>

namespace leaseledger::rpc {

/// What a peer's identity is worth.
struct Roles {
  std::set<gid_t>
      administrator_groups;  ///< of Unix peers; root and the daemon's own user administer too.
  std::set<gid_t> user_groups;
  struct Known {
    std::string principal;
    Role role = Role::kNone;
  };
  std::map<std::string, Known> common_names;  ///< of client certificates; others have no role.
};

using UserNames = std::map<uid_t, std::string>;

/// The user of the process behind a Unix socket, "unix:alice", with the role of his groups. `names` is kept from call to call.
Principal principal_of_unix(kj::AuthenticatedStream& stream, const Roles& roles, UserNames& names);

/// Whom the client certificate of a TLS connection stands for, "tls:dhcp1"; nullopt without one, or with one whose name cannot be
/// shown.
std::optional<Principal> principal_of_certificate(kj::AuthenticatedStream& stream,
                                                  const Roles& roles);

}  // namespace leaseledger::rpc
