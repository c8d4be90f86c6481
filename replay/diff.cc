#include "replay/diff.h"

#include <algorithm>
#include <map>

namespace leaseledger {
namespace {

std::vector<BookLease> all_leases(const LeaseBook& book) {
  std::vector<BookLease> out;
  out.reserve(book.lease_count());
  book.for_each([&out](const BookLease& lease) { out.push_back(lease); });
  return out;
}

std::vector<std::string> differing(const BookLease& a, const BookLease& b) {
  std::vector<std::string> out;
  const auto note = [&out](bool differs, const char* field) {
    if (differs) out.emplace_back(field);
  };
  note(a.lease.duid != b.lease.duid || a.lease.iaid != b.lease.iaid || a.lease.type != b.lease.type,
       "client");
  note(a.lease.tenure != b.lease.tenure, "tenure");
  note(a.lease.state != b.lease.state, "state");
  note(a.lease.valid_until != b.lease.valid_until, "valid_until");
  note(a.lease.preferred_until != b.lease.preferred_until, "preferred_until");
  note(a.lease.described != b.lease.described, "description");
  return out;
}

}  // namespace

Difference diff(const LeaseBook& from, const LeaseBook& to) {
  Difference out;
  out.from = from.position();
  out.to = to.position();
  std::map<SubnetId, SubnetDifference> subnets;
  const auto subnet_of = [&](SubnetId id) -> SubnetDifference& {
    auto& difference = subnets[id];
    const Subnet* subnet =
        to.find_subnet(id) != nullptr ? to.find_subnet(id) : from.find_subnet(id);
    difference.prefix = subnet->prefix;
    difference.id = id;
    return difference;
  };
  const auto add = [&](Change change, const BookLease* before, const BookLease* after,
                       std::vector<std::string> fields) {
    auto& subnet = subnet_of((after != nullptr ? after : before)->lease.subnet_id);
    ++(change == Change::kCreated   ? subnet.created
       : change == Change::kChanged ? subnet.changed
                                    : subnet.ended);
    LeaseDifference difference{change, {}, {}, std::move(fields)};
    if (before != nullptr) difference.before = *before;
    if (after != nullptr) difference.after = *after;
    out.leases.push_back(std::move(difference));
  };

  const auto before = all_leases(from);
  const auto after = all_leases(to);
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->lease.key < b->lease.key)) {
      add(Change::kEnded, &*a++, nullptr, {});
    } else if (a == before.end() || b->lease.key < a->lease.key) {
      add(Change::kCreated, nullptr, &*b++, {});
    } else {
      if (auto fields = differing(*a, *b); !fields.empty())
        add(Change::kChanged, &*a, &*b, std::move(fields));
      ++a;
      ++b;
    }
  }
  for (const Subnet* subnet : to.subnets()) {
    const Subnet* old = from.find_subnet(subnet->id);
    if (old == nullptr) {
      subnet_of(subnet->id).subnet = Change::kCreated;
    } else if (*old != *subnet ||
               !std::ranges::equal(from.reservations(subnet->id), to.reservations(subnet->id)) ||
               !std::ranges::equal(from.exclusions(subnet->id), to.exclusions(subnet->id)) ||
               !std::ranges::equal(from.pools(subnet->id), to.pools(subnet->id))) {
      subnet_of(subnet->id).subnet = Change::kChanged;
    }
  }
  for (const Subnet* subnet : from.subnets()) {
    if (to.find_subnet(subnet->id) == nullptr) subnet_of(subnet->id).subnet = Change::kEnded;
  }
  for (auto& [id, difference] : subnets) out.subnets.push_back(std::move(difference));
  std::ranges::sort(out.subnets, {}, &SubnetDifference::prefix);
  return out;
}

}  // namespace leaseledger
