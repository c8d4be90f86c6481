#include "commands/add_exclusion.h"

#include "commands/rules.h"

namespace leaseledger {

Status validate(const AddExclusion&) { return {}; }

Status decide(const LeaseBook& book, const AddExclusion& command, const Moment&,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, command.subnet, Win32::kFileNotFound));
  const Exclusion exclusion{command.first, command.last, subnet->id};
  for (const auto& other : book.exclusions(subnet->id)) {
    const bool overlaps = exclusion.first <= other.last && other.first <= exclusion.last;
    if (other == exclusion || overlaps) {
      return fail(Win32::kDuplicateTag, ErrorKind::kRefused, "first",
                  command.first.to_string() + " to " + command.last.to_string(),
                  "a range that overlaps no other exclusion; " + other.first.to_string() + " to " +
                      other.last.to_string() + " is there");
    }
  }
  decision.add(ExclusionAdded{exclusion});
  return {};
}

}  // namespace leaseledger
