#include "commands/expire_leases.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const ExpireLeases& command) {
  if (command.limit == 0 || command.limit > 100'000)
    return invalid("limit", std::to_string(command.limit), "1 to 100000");
  return {};
}

Status decide(const LeaseBook& book, const ExpireLeases& command, const Moment& moment,
              Decision& decision) {
  const Instant over = moment.at - std::chrono::seconds{command.grace.count()};
  for (const auto& lease : book.lapsed(over, command.limit)) {
    rules::expire(lease, decision);
    rules::keep_reserved(book, lease.lease, decision, lease.lease.valid_until);
  }
  return {};
}

}  // namespace leaseledger
