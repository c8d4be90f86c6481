#include "commands/remove_exclusion.h"

#include "commands/rules.h"

#include <algorithm>

namespace leaseledger {

Status validate(const RemoveExclusion&) { return {}; }

Status decide(const LeaseBook& book, const RemoveExclusion& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const Exclusion exclusion{command.first, command.last, subnet->id};
  const auto list = book.exclusions(subnet->id);
  if (std::ranges::find(list, exclusion) == list.end()) {
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "first",
                command.first.to_string() + " to " + command.last.to_string(),
                "both ends of an exclusion of " + subnet->prefix.to_string());
  }
  decision.add(ExclusionRemoved{exclusion});
  return {};
}

}  // namespace leaseledger
