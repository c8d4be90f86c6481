#include "adapters/kea/subnet_map.h"

#include "ledger/read_number.h"

#include <algorithm>

namespace leaseledger::kea {

std::optional<std::uint32_t> kea_number(std::string_view subnet_name) {
  constexpr std::string_view kPrefix = "kea ";
  std::uint32_t number = 0;
  if (!subnet_name.starts_with(kPrefix) ||
      !read_number("id", subnet_name.substr(kPrefix.size()), 0xFFFF'FFFF, number))
    return std::nullopt;
  return number;
}

SubnetMap::SubnetMap(const LeaseBook& book) {
  for (const Subnet* subnet : book.subnets()) {
    const std::size_t index = entries_.size();
    entries_.push_back({*subnet, kea_number(subnet->name).value_or(subnet->id)});
    by_number_.emplace_back(entries_.back().number, index);
    ranges_.push_back({subnet->prefix, index});
    for (const DelegationPool& pool : book.pools(subnet->id))
      if (!subnet->prefix.contains(pool.prefix)) ranges_.push_back({pool.prefix, index});
  }
  // Of two with one number the one that is called so comes first.
  std::ranges::stable_sort(by_number_, [this](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return kea_number(entries_[a.second].subnet.name).has_value() &&
           !kea_number(entries_[b.second].subnet.name).has_value();
  });
  std::ranges::sort(ranges_, {}, [](const Range& range) { return range.prefix; });
}

const SubnetMap::Entry* SubnetMap::of(const LeaseKey& key) const {
  const auto after = std::ranges::upper_bound(
      ranges_, key.address, {}, [](const Range& range) { return range.prefix.address; });
  if (after == ranges_.begin()) return nullptr;
  const Range& range = *(after - 1);
  return range.prefix.contains(key) ? &entries_[range.entry] : nullptr;
}

const SubnetMap::Entry* SubnetMap::with_number(std::uint32_t number) const {
  const auto found = std::ranges::lower_bound(by_number_, number, {},
                                              &std::pair<std::uint32_t, std::size_t>::first);
  return found == by_number_.end() || found->first != number ? nullptr : &entries_[found->second];
}

const SubnetMap::Entry* SubnetMap::with_prefix(const Ipv6Prefix& prefix) const {
  const Entry* found = of(prefix);
  return found != nullptr && found->subnet.prefix == prefix ? found : nullptr;
}

std::vector<Ipv6Prefix> SubnetMap::ranges_of(const Entry& entry) const {
  std::vector<Ipv6Prefix> out;
  const auto index = static_cast<std::size_t>(&entry - entries_.data());
  for (const Range& range : ranges_)
    if (range.entry == index) out.push_back(range.prefix);
  return out;
}

}  // namespace leaseledger::kea
