#pragma once
// New settings for a subnet. Flow: command.h -> [set_subnet.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <cstdint>
#include <optional>
#include <string>

namespace leaseledger {

/// Fields that are not given stay as they are. The prefix of a subnet never changes.
struct SetSubnet {
  Ipv6Prefix prefix;
  std::optional<std::string> name;
  std::optional<std::string> comment;
  std::optional<std::uint16_t> preference;  ///< 0 to 255.
  std::optional<SubnetState> state;
  std::optional<Lifetime> preferred_lifetime;
  std::optional<Lifetime> valid_lifetime;

  static constexpr const char* kName = "SetSubnet";
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

Status validate(const SetSubnet& command);

/// SubnetChanged (nothing when all is so already), or ERROR_DHCP_SUBNET_NOT_PRESENT 20005.
/// Source: MS-DHCPM 3.2.4.68 R_DhcpSetSubnetInfoV6.
Status decide(const LeaseBook& book, const SetSubnet& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
