#pragma once
// The subnets of a Kea configuration file (kea-dhcp6.conf), as commands. Only what the ledger needs is read: subnet6 (also in
// shared-networks) with id, prefix, lifetimes and pd-pools.

#include "commands/command.h"

#include <string_view>
#include <vector>

namespace leaseledger::kea {

/// CreateSubnet and AddDelegationPool commands in file order. Comments as Kea takes them (#, //, /* */) are allowed.
/// kInvalid says which value of the file cannot be used.
Result<std::vector<Command>> subnets_of_config(std::string_view json);

}  // namespace leaseledger::kea
