#pragma once
// The seed: a DHCPv6 lease record is created. Flow: command.h -> [create_client.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <optional>
#include <string>

namespace leaseledger {

/// DHCP_CLIENT_INFO_V6 (MS-DHCPM 2.2.1.2.64). Address, DUID and IAID are required, 0 is a legal IAID.
struct CreateClient {
  LeaseKey key;  ///< an address, or a prefix for IA_PD (ours: Windows has no delegation).
  Duid duid;     ///< 1 to 130 octets, opaque.
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA for an address and IA_PD for a prefix when not given.
  std::string name;               ///< ClientName.
  std::string comment;            ///< ClientComment.
  std::optional<Instant>
      valid_until;  ///< kept as given, also when it is past; the subnet's valid lifetime from now when not given.
  std::optional<Instant> preferred_until;  ///< kept as given; valid_until when not given.
  Ipv6Address owner;                       ///< OwnerHost.IpAddress; :: when not said.
  std::string owner_name;                  ///< OwnerHost.HostName.

  static constexpr const char* kName = "CreateClient";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
    field("name", self.name);
    field("comment", self.comment);
    field("valid_until", self.valid_until);
    field("preferred_until", self.preferred_until);
    field("owner", self.owner);
    field("owner_name", self.owner_name);
  }
};

/// ERROR_INVALID_PARAMETER 87: no DUID (rule 2), or a type that does not fit the key (ours).
Status validate(const CreateClient& command);

/// Rules in this order, the first failure wins (rule 1, the administrator, is the command handler's):
///   3. no subnet contains the address -> ERROR_DHCP_SUBNET_NOT_PRESENT 20005;
///   4. a live record has the same address, or the same client (DUID, IAID, type) in that subnet
///      -> ERROR_DHCP_CLIENT_EXISTS 20014, the error's field says which of the two;
///   5. otherwise ClientCreated, state active. Records in the way whose valid lifetime is over get LeaseExpired first.
/// Not checked, as in Windows: exclusions, the subnet's state, expiry in the future, preferred <= valid.
/// Source: MS-DHCPM 3.2.4.125 R_DhcpV6CreateClientInfo.
Status decide(const LeaseBook& book, const CreateClient& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
