#include "commands/decline_lease.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const DeclineLease& command) {
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  if (command.key.length != kAddressLength) {
    return invalid("address", format_lease_key(command.key),
                   "an address; prefixes are not declined (RFC 9915 section 18.2.8)");
  }
  if (command.probation.count() == 0) return invalid("probation", "0", "1 to 4294967295 seconds");
  return rules::require_type_fits(command.key, command.type.value_or(LeaseType::kNa));
}

Status decide(const LeaseBook& book, const DeclineLease& command, const Moment& moment,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const BookLease lease,
                     rules::require_holder(book, command.key, command.duid, command.iaid,
                                           command.type.value_or(LeaseType::kNa), moment.at));
  LeaseDeclined declined;
  declined.lease = lease.lease;
  declined.lease.state = LeaseState::kDeclined;
  declined.lease.valid_until = add_lifetime(moment.at, command.probation);
  declined.lease.preferred_until = moment.at;
  decision.add(std::move(declined));
  return {};
}

}  // namespace leaseledger
