#include "commands/release_lease.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const ReleaseLease& command) {
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  return rules::require_type_fits(command.key,
                                  command.type.value_or(rules::default_type(command.key)));
}

Status decide(const LeaseBook& book, const ReleaseLease& command, const Moment& moment,
              Decision& decision) {
  const LeaseType type = command.type.value_or(rules::default_type(command.key));
  LEASELEDGER_ASSIGN(const BookLease lease, rules::require_holder(book, command.key, command.duid,
                                                                  command.iaid, type, moment.at));
  decision.add(LeaseReleased{rules::ended(lease, Reason::kAsked)});
  rules::keep_reserved(book, lease.lease, decision);
  return {};
}

}  // namespace leaseledger
