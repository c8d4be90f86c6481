#include "commands/set_subnet.h"

#include "commands/rules.h"
#include "commands/subnet_settings.h"

namespace leaseledger {

Status validate(const SetSubnet&) { return {}; }

Status decide(const LeaseBook& book, const SetSubnet& command, const Moment&, Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* before,
                     rules::require_subnet(book, command.prefix, Win32::kDhcpSubnetNotPresent));
  Subnet after = *before;
  if (command.name) after.name = *command.name;
  if (command.comment) after.comment = *command.comment;
  if (command.preference) after.preference = *command.preference;
  if (command.state) after.state = *command.state;
  if (command.preferred_lifetime) after.preferred_lifetime = *command.preferred_lifetime;
  if (command.valid_lifetime) after.valid_lifetime = *command.valid_lifetime;
  LEASELEDGER_TRY(
      validate_settings(after.preference, after.preferred_lifetime, after.valid_lifetime));
  if (after != *before) decision.add(SubnetChanged{after});
  return {};
}

}  // namespace leaseledger
