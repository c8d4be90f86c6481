#pragma once
// A new subnet (scope). Flow: command.h -> [create_subnet.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <cstdint>
#include <string>

namespace leaseledger {

/// Any prefix length may be used (Windows: /64 only), and no two subnets overlap.
struct CreateSubnet {
  Ipv6Prefix prefix;  ///< length 1 to 128, unicast.
  std::string name;
  std::string comment;
  std::uint16_t preference = 0;  ///< 0 to 255 (RFC 9915 section 21.8).
  SubnetState state = SubnetState::kEnabled;
  Lifetime preferred_lifetime{8 * 86400};  ///< of leases created without one; 0 to valid_lifetime.
  Lifetime valid_lifetime{12 * 86400};     ///< the same; from 1.

  static constexpr const char* kName = "CreateSubnet";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("prefix", self.prefix);
    field("name", self.name);
    field("comment", self.comment);
    field("preference", self.preference);
    field("state", self.state);
    field("preferred_lifetime", self.preferred_lifetime);
    field("valid_lifetime", self.valid_lifetime);
  }
};

/// Shape: ERROR_DHCP_INVALID_SUBNET_PREFIX 20091 for a prefix that is not unicast or is link-local;
/// ERROR_INVALID_PARAMETER 87 for a preference over 255 or lifetimes that do not fit each other (ours).
Status validate(const CreateSubnet& command);

/// SubnetCreated, or ERROR_DUPLICATE_TAG 2014 when the prefix is a subnet already, or ERROR_DHCP_SUBNET_EXISTS 20052
/// when it overlaps another subnet or its delegation pool (ours).
/// Source: MS-DHCPM 3.2.4.58 R_DhcpCreateSubnetV6.
Status decide(const LeaseBook& book, const CreateSubnet& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
