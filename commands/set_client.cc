#include "commands/set_client.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const SetClient&) { return {}; }

Status decide(const LeaseBook& book, const SetClient& command, const Moment&, Decision& decision) {
  const auto missing = [&](std::string expected) {
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "address",
                format_lease_key(command.key), std::move(expected));
  };
  if (book.subnet_of(command.key) == nullptr)
    return missing("an address in a subnet of this ledger");
  const auto before = book.find(command.key);
  if (!before) return missing("an address with a client record");
  LEASELEDGER_TRY(rules::require_duid(command.duid));
  ClientChanged changed;
  changed.lease = before->lease;
  changed.lease.duid = command.duid;
  changed.lease.iaid = command.iaid;
  changed.lease.described = 0;
  if (!rules::is_client(before->lease, command.duid, command.iaid, before->lease.type))
    changed.lease.tenure = 0;
  changed.description = Description{};
  changed.description->name = command.name;
  changed.description->comment = command.comment;
  decision.add(std::move(changed));
  return {};
}

}  // namespace leaseledger
