#pragma once
// Who sends a command, and what he may do. A door (adapters/) authenticates and fills this in.

#include <string>
#include <string_view>

namespace leaseledger {

/// MS-DHCPM 3.5.4 and 3.5.5: users read, administrators read and write.
enum class Role { kNone, kUser, kAdministrator };

struct Principal {
  std::string name;  ///< with its kind: "unix:alice", "tls:CN=dhcp1", "kea:server-1".
  Role role = Role::kNone;
  std::string door;  ///< where it came in: "cli", "api", "kea-import".
};

constexpr std::string_view name_of(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kUser:
      return "user";
    case Role::kAdministrator:
      return "administrator";
  }
  return "?";
}

}  // namespace leaseledger
