#pragma once
// What changed between two moments: leases that began, changed and ended, and the sums for each subnet.

#include "ledger/lease_book.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger {

enum class Change { kCreated, kChanged, kEnded };
constexpr std::string_view name_of(Change change) {
  return change == Change::kCreated ? "created" : change == Change::kChanged ? "changed" : "ended";
}

struct LeaseDifference {
  Change change = Change::kChanged;
  std::optional<BookLease> before;
  std::optional<BookLease> after;
  /// For kChanged (it may be empty: described anew in the same words): which of "client", "tenure", "state", "valid_until", "preferred_until", "description" differ.
  std::vector<std::string> fields;
};

struct SubnetDifference {
  Ipv6Prefix prefix;
  SubnetId id = 0;
  std::optional<Change> subnet;  ///< when the subnet itself began, changed or ended.
  std::uint64_t created = 0;
  std::uint64_t changed = 0;
  std::uint64_t ended = 0;
};

struct Difference {
  Position from = 0;
  Position to = 0;
  std::vector<LeaseDifference> leases;    ///< in key order.
  std::vector<SubnetDifference> subnets;  ///< in address order, those with a difference.
  bool empty() const { return leases.empty() && subnets.empty(); }
};

/// `from` and `to` in either order of time; "created" means in `to` and not in `from`.
Difference diff(const LeaseBook& from, const LeaseBook& to);

}  // namespace leaseledger
