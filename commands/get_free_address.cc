#include "commands/get_free_address.h"

#include "commands/rules.h"

#include <algorithm>

namespace leaseledger {

Result<FreeAddresses> get_free_address(const LeaseBook& book, const GetFreeAddress& query) {
  if (query.count > 1024) return invalid("count", std::to_string(query.count), "1 to 1024");
  const std::uint32_t count = std::max<std::uint32_t>(query.count, 1);
  if (query.start && query.end) {
    if (*query.start > *query.end)
      return invalid("start", query.start->to_string(),
                     "an address at or before end, " + query.end->to_string());
    const bool small =
        query.start->high == query.end->high && query.end->low - query.start->low < count - 1;
    if (small)
      return invalid("count", std::to_string(count),
                     "at most the size of the range from start to end");
  }
  LEASELEDGER_ASSIGN(const Subnet* subnet,
                     rules::require_subnet(book, query.subnet, Win32::kDhcpSubnetNotPresent));
  for (const auto& [name, bound] : {std::pair{"start", query.start}, std::pair{"end", query.end}}) {
    if (bound && !subnet->prefix.contains(*bound))
      return invalid(name, bound->to_string(), "an address in " + subnet->prefix.to_string());
  }
  const Ipv6Address end = query.end.value_or(subnet->prefix.last());
  FreeAddresses out;
  Ipv6Address at = query.start.value_or(subnet->prefix.first());
  for (;;) {
    const auto exclusions = book.exclusions(subnet->id);
    const auto excluded = std::ranges::find_if(
        exclusions, [&](const Exclusion& e) { return e.first <= at && at <= e.last; });
    if (excluded != exclusions.end()) {
      at = excluded->last;
    } else if (book.last_event({at, kAddressLength}) == 0) {
      out.addresses.push_back(at);
      if (out.addresses.size() == count) return out;
    }
    if (at >= end) break;
    at = at.next();
  }
  out.reached_end = true;
  return out;
}

}  // namespace leaseledger
