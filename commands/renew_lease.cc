#include "commands/renew_lease.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const RenewLease& command) {
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  LEASELEDGER_TRY(rules::require_type_fits(
      command.key, command.type.value_or(rules::default_type(command.key))));
  if (command.valid_lifetime && command.valid_lifetime->count() == 0) {
    return invalid("valid_lifetime", "0",
                   "1 to 4294967295 seconds; to end a lease use ReleaseLease");
  }
  if (command.valid_lifetime && command.preferred_lifetime &&
      *command.preferred_lifetime > *command.valid_lifetime) {
    return invalid(
        "preferred_lifetime", std::to_string(command.preferred_lifetime->count()),
        "at most the valid lifetime, " + std::to_string(command.valid_lifetime->count()));
  }
  return {};
}

Status decide(const LeaseBook& book, const RenewLease& command, const Moment& moment,
              Decision& decision) {
  const LeaseType type = command.type.value_or(rules::default_type(command.key));
  auto lease = book.find(command.key);
  const bool reserved = lease && lease->lease.state == LeaseState::kReserved &&
                        rules::is_client(lease->lease, command.duid, command.iaid, type);
  if (!reserved) {
    LEASELEDGER_ASSIGN(lease, rules::require_holder(book, command.key, command.duid, command.iaid,
                                                    type, moment.at));
  }
  const Subnet* subnet = book.find_subnet(lease->lease.subnet_id);
  const Lifetime valid = command.valid_lifetime.value_or(subnet->valid_lifetime);
  const Lifetime preferred = command.preferred_lifetime.value_or(
      command.valid_lifetime ? valid : subnet->preferred_lifetime);
  if (preferred > valid) {
    return invalid("preferred_lifetime", std::to_string(preferred.count()),
                   "at most the valid lifetime, " + std::to_string(valid.count()));
  }
  LeaseRenewed renewed;
  renewed.lease = lease->lease;
  renewed.lease.state = LeaseState::kActive;
  renewed.lease.valid_until = add_lifetime(moment.at, valid);
  renewed.lease.preferred_until = add_lifetime(moment.at, preferred);
  if (reserved) renewed.lease.tenure = 0;
  decision.add(std::move(renewed));
  return {};
}

}  // namespace leaseledger
