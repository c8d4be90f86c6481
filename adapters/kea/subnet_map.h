#pragma once
// The subnets of the ledger with the numbers that Kea has for them: a copy that is read without a lock.
// Kea's number stands in the subnet's name, "kea 7", which is what kea/config.h gives it; a subnet of another name has the
// ledger's own number.

#include "ledger/lease_book.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace leaseledger::kea {

/// "kea 7" -> 7.
std::optional<std::uint32_t> kea_number(std::string_view subnet_name);

class SubnetMap {
 public:
  struct Entry {
    Subnet subnet;
    std::uint32_t number = 0;  ///< Kea's.
  };

  SubnetMap() = default;
  explicit SubnetMap(const LeaseBook& book);

  /// The subnet that a lease with this key belongs to; nullptr when there is none.
  const Entry* of(const LeaseKey& key) const;
  const Entry* with_number(std::uint32_t number) const;
  const Entry* with_prefix(const Ipv6Prefix& prefix) const;
  /// In address order.
  const std::vector<Entry>& all() const { return entries_; }
  /// The prefixes of the subnet and of its pools outside of it.
  std::vector<Ipv6Prefix> ranges_of(const Entry& entry) const;

 private:
  struct Range {
    Ipv6Prefix prefix;
    std::size_t entry = 0;
  };
  std::vector<Entry> entries_;
  std::vector<Range> ranges_;  // by first address; they do not overlap
  std::vector<std::pair<std::uint32_t, std::size_t>> by_number_;  // in order
};

}  // namespace leaseledger::kea
