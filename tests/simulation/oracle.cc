#include "tests/simulation/oracle.h"

#include <algorithm>

namespace leaseledger::simulation {
namespace {

LeaseType type_of(const LeaseKey& key, const std::optional<LeaseType>& given) {
  return given.value_or(key.length == 128 ? LeaseType::kNa : LeaseType::kPd);
}
bool fits(const LeaseKey& key, LeaseType type) {
  return (key.length == 128) == (type != LeaseType::kPd);
}
bool same(const OracleLease& lease, const Duid& duid, Iaid iaid, LeaseType type) {
  return lease.duid == duid && lease.iaid == iaid && lease.type == type;
}

}  // namespace

Win32 Oracle::run(const Command& command, Instant, Instant at) {
  return std::visit(
      [&](const auto& c) -> Win32 {
        using T = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<T, CreateSubnet>) return create_subnet(c);
        if constexpr (std::is_same_v<T, SetSubnet>) return set_subnet(c);
        if constexpr (std::is_same_v<T, DeleteSubnet>) return delete_subnet(c);
        if constexpr (std::is_same_v<T, AddReservation>) return add_reservation(c, at);
        if constexpr (std::is_same_v<T, RemoveReservation>) return remove_reservation(c);
        if constexpr (std::is_same_v<T, AddExclusion>) return add_exclusion(c);
        if constexpr (std::is_same_v<T, RemoveExclusion>) return remove_exclusion(c);
        if constexpr (std::is_same_v<T, AddDelegationPool>) return add_pool(c);
        if constexpr (std::is_same_v<T, RemoveDelegationPool>) return remove_pool(c);
        if constexpr (std::is_same_v<T, CreateClient>) return create_client(c, at);
        if constexpr (std::is_same_v<T, SetClient>) return set_client(c, at);
        if constexpr (std::is_same_v<T, DeleteClient>) return delete_client(c);
        if constexpr (std::is_same_v<T, RenewLease>) return renew(c, at);
        if constexpr (std::is_same_v<T, ReleaseLease>) return release(c, at);
        if constexpr (std::is_same_v<T, DeclineLease>) return decline(c, at);
        if constexpr (std::is_same_v<T, ExpireLeases>) return expire(c, at);
        if constexpr (std::is_same_v<T, ReportLease>) return report(c, at);
      },
      command);
}

OracleSubnet* Oracle::find(const Ipv6Prefix& prefix) {
  const auto it = state_.subnets.find(prefix);
  return it == state_.subnets.end() ? nullptr : &it->second;
}

std::optional<Ipv6Prefix> Oracle::home(const LeaseKey& key) const {
  for (const auto& [prefix, subnet] : state_.subnets) {
    if (prefix.contains(key)) return prefix;
    for (const auto& [pool, length] : subnet.pools) {
      if (pool.contains(key)) return prefix;
    }
  }
  return std::nullopt;
}

bool Oracle::reserved_in(const Ipv6Prefix& subnet, const LeaseKey& key) const {
  return state_.subnets.at(subnet).reservations.count(key) != 0;
}

void Oracle::drop_for_good(const LeaseKey& key) { state_.leases.erase(key); }

/// A lease ends; where its address is reserved, the record of the reservation comes back.
void Oracle::drop(const LeaseKey& key, Instant at) {
  const Ipv6Prefix subnet = state_.leases.at(key).subnet;
  state_.leases.erase(key);
  const auto& reservations = state_.subnets.at(subnet).reservations;
  if (const auto it = reservations.find(key); it != reservations.end()) {
    const auto& [duid, iaid, type] = it->second;
    state_.leases[key] = {type, LeaseState::kReserved, duid, iaid, subnet, kForever, at, ""};
  }
}

Win32 Oracle::create_subnet(const CreateSubnet& c) {
  const auto overlaps = [&](const char* text) {
    return c.prefix.overlaps(*Ipv6Prefix::parse(text));
  };
  if (c.prefix.length == 0 || overlaps("ff00::/8") || overlaps("fe80::/10") ||
      Ipv6Prefix::parse("::/8")->contains(c.prefix)) {
    return Win32::kDhcpInvalidSubnetPrefix;
  }
  if (c.preference > 255 || c.valid_lifetime.count() == 0 ||
      c.preferred_lifetime > c.valid_lifetime)
    return Win32::kInvalidParameter;
  if (find(c.prefix) != nullptr) return Win32::kDuplicateTag;
  for (const auto& [prefix, subnet] : state_.subnets) {
    if (prefix.overlaps(c.prefix)) return Win32::kDhcpSubnetExists;
    for (const auto& [pool, length] : subnet.pools) {
      if (pool.overlaps(c.prefix)) return Win32::kDhcpSubnetExists;
    }
  }
  OracleSubnet subnet;
  subnet.name = c.name;
  subnet.preferred = c.preferred_lifetime;
  subnet.valid = c.valid_lifetime;
  state_.subnets[c.prefix] = subnet;
  return Win32::kSuccess;
}

Win32 Oracle::set_subnet(const SetSubnet& c) {
  OracleSubnet* subnet = find(c.prefix);
  if (subnet == nullptr) return Win32::kDhcpSubnetNotPresent;
  const Lifetime valid = c.valid_lifetime.value_or(subnet->valid);
  const Lifetime preferred = c.preferred_lifetime.value_or(subnet->preferred);
  if (c.preference.value_or(0) > 255 || valid.count() == 0 || preferred > valid)
    return Win32::kInvalidParameter;
  if (c.name) subnet->name = *c.name;
  subnet->valid = valid;
  subnet->preferred = preferred;
  return Win32::kSuccess;
}

Win32 Oracle::delete_subnet(const DeleteSubnet& c) {
  if (find(c.prefix) == nullptr) return Win32::kFileNotFound;
  const auto mine = [&](const auto& item) { return item.second.subnet == c.prefix; };
  if (!c.force && std::ranges::any_of(state_.leases, mine)) return Win32::kDhcpElementCantRemove;
  std::erase_if(state_.leases, mine);
  state_.subnets.erase(c.prefix);
  return Win32::kSuccess;
}

Win32 Oracle::add_reservation(const AddReservation& c, Instant at) {
  const LeaseType type = type_of(c.key, c.type);
  if (c.duid.empty() || !fits(c.key, type)) return Win32::kInvalidParameter;
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr) return Win32::kFileNotFound;
  if (subnet->reservations.count(c.key) != 0) return Win32::kDhcpReservedipExits;
  for (const auto& [key, client] : subnet->reservations) {
    if (client == std::tuple(c.duid, c.iaid, type)) return Win32::kDhcpReservedipExits;
  }
  if (home(c.key) == c.subnet) {
    std::vector<LeaseKey> others;
    bool holds_it = false;
    for (const auto& [key, lease] : state_.leases) {
      if (lease.subnet != c.subnet || !same(lease, c.duid, c.iaid, type) ||
          lease.state == LeaseState::kDeclined)
        continue;
      if (key == c.key) {
        holds_it = lease.valid_until > at;
      } else {
        if (lease.valid_until > at && subnet->reservations.count(key) != 0)
          return Win32::kDhcpReservedipExits;
        others.push_back(key);
      }
    }
    for (const auto& key : others) drop_for_good(key);
    if (!holds_it) {
      state_.leases[c.key] = {type,  LeaseState::kReserved, c.duid, c.iaid, c.subnet, kForever, at,
                              c.name};
    }
  }
  subnet->reservations[c.key] = {c.duid, c.iaid, type};
  return Win32::kSuccess;
}

Win32 Oracle::remove_reservation(const RemoveReservation& c) {
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr || subnet->reservations.count(c.key) == 0) return Win32::kFileNotFound;
  subnet->reservations.erase(c.key);
  const auto lease = state_.leases.find(c.key);
  if (lease != state_.leases.end() && lease->second.subnet == c.subnet &&
      lease->second.state == LeaseState::kReserved) {
    state_.leases.erase(lease);
  }
  return Win32::kSuccess;
}

Win32 Oracle::add_exclusion(const AddExclusion& c) {
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr) return Win32::kFileNotFound;
  for (const auto& [first, last] : subnet->exclusions) {
    if ((first == c.first && last == c.last) || (c.first <= last && first <= c.last))
      return Win32::kDuplicateTag;
  }
  subnet->exclusions.emplace_back(c.first, c.last);
  std::ranges::sort(subnet->exclusions);
  return Win32::kSuccess;
}

Win32 Oracle::remove_exclusion(const RemoveExclusion& c) {
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr) return Win32::kFileNotFound;
  return std::erase(subnet->exclusions, std::pair(c.first, c.last)) != 0 ? Win32::kSuccess
                                                                         : Win32::kFileNotFound;
}

Win32 Oracle::add_pool(const AddDelegationPool& c) {
  if (c.delegated_length < c.prefix.length || c.delegated_length > 127)
    return Win32::kInvalidParameter;
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr) return Win32::kFileNotFound;
  for (const auto& [pool, length] : subnet->pools) {
    if (pool.overlaps(c.prefix)) return Win32::kDuplicateTag;
  }
  if (c.prefix.length < c.subnet.length && c.prefix.contains(c.subnet)) return Win32::kDuplicateTag;
  for (const auto& [prefix, other] : state_.subnets) {
    if (prefix == c.subnet) continue;
    if (prefix.overlaps(c.prefix)) return Win32::kDhcpSubnetExists;
    for (const auto& [pool, length] : other.pools) {
      if (pool.overlaps(c.prefix)) return Win32::kDhcpSubnetExists;
    }
  }
  subnet->pools[c.prefix] = c.delegated_length;
  return Win32::kSuccess;
}

Win32 Oracle::remove_pool(const RemoveDelegationPool& c) {
  OracleSubnet* subnet = find(c.subnet);
  if (subnet == nullptr || subnet->pools.count(c.prefix) == 0) return Win32::kFileNotFound;
  for (const auto& [key, lease] : state_.leases) {
    if (lease.subnet == c.subnet && c.prefix.contains(key)) return Win32::kDhcpElementCantRemove;
  }
  subnet->pools.erase(c.prefix);
  return Win32::kSuccess;
}

Win32 Oracle::create_client(const CreateClient& c, Instant at) {
  const LeaseType type = type_of(c.key, c.type);
  if (c.duid.empty() || !fits(c.key, type)) return Win32::kInvalidParameter;
  const auto subnet = home(c.key);
  if (!subnet) return Win32::kDhcpSubnetNotPresent;
  std::vector<LeaseKey> over;
  for (const auto& [key, lease] : state_.leases) {
    const bool client = lease.subnet == *subnet && same(lease, c.duid, c.iaid, type) &&
                        lease.state != LeaseState::kDeclined;
    if (key != c.key && !client) continue;
    if (lease.valid_until > at) return Win32::kDhcpClientExists;
    over.push_back(key);
  }
  for (const auto& key : over) drop_for_good(key);
  state_.leases[c.key] = {
      type,    LeaseState::kActive,
      c.duid,  c.iaid,
      *subnet, c.valid_until.value_or(add_lifetime(at, state_.subnets[*subnet].valid)),
      at,      c.name};
  return Win32::kSuccess;
}

Win32 Oracle::set_client(const SetClient& c, Instant at) {
  if (!home(c.key)) return Win32::kFileNotFound;
  const auto it = state_.leases.find(c.key);
  if (it == state_.leases.end()) return Win32::kFileNotFound;
  if (c.duid.empty()) return Win32::kInvalidParameter;
  it->second.duid = c.duid;
  it->second.iaid = c.iaid;
  it->second.name = c.name;
  it->second.effective_at = at;
  return Win32::kSuccess;
}

Win32 Oracle::delete_client(const DeleteClient& c) {
  if (const auto subnet = home(c.key); subnet && reserved_in(*subnet, c.key))
    return Win32::kDhcpReservedipExits;
  return state_.leases.erase(c.key) != 0 ? Win32::kSuccess : Win32::kDhcpJetError;
}

Win32 Oracle::renew(const RenewLease& c, Instant at) {
  const LeaseType type = type_of(c.key, c.type);
  if (c.duid.empty() || !fits(c.key, type) ||
      (c.valid_lifetime && c.valid_lifetime->count() == 0) ||
      (c.valid_lifetime && c.preferred_lifetime && *c.preferred_lifetime > *c.valid_lifetime)) {
    return Win32::kInvalidParameter;
  }
  const auto it = state_.leases.find(c.key);
  if (it == state_.leases.end()) return Win32::kNotFound;
  OracleLease& lease = it->second;
  const bool mine = same(lease, c.duid, c.iaid, type);
  if (!(lease.state == LeaseState::kReserved && mine)) {
    if (lease.state != LeaseState::kActive || lease.valid_until <= at) return Win32::kNotFound;
    if (!mine) return Win32::kDhcpIpAddressInUse;
  }
  const OracleSubnet& subnet = state_.subnets[lease.subnet];
  const Lifetime valid = c.valid_lifetime.value_or(subnet.valid);
  if (c.preferred_lifetime.value_or(c.valid_lifetime ? valid : subnet.preferred) > valid)
    return Win32::kInvalidParameter;
  lease.state = LeaseState::kActive;
  lease.valid_until = add_lifetime(at, valid);
  lease.effective_at = at;
  return Win32::kSuccess;
}

Win32 Oracle::release(const ReleaseLease& c, Instant at) {
  const LeaseType type = type_of(c.key, c.type);
  if (c.duid.empty() || !fits(c.key, type)) return Win32::kInvalidParameter;
  const auto it = state_.leases.find(c.key);
  if (it == state_.leases.end() || it->second.state != LeaseState::kActive ||
      it->second.valid_until <= at)
    return Win32::kNotFound;
  if (!same(it->second, c.duid, c.iaid, type)) return Win32::kDhcpIpAddressInUse;
  drop(c.key, at);
  return Win32::kSuccess;
}

Win32 Oracle::decline(const DeclineLease& c, Instant at) {
  const LeaseType type = c.type.value_or(LeaseType::kNa);
  if (c.duid.empty() || c.key.length != 128 || c.probation.count() == 0 || !fits(c.key, type))
    return Win32::kInvalidParameter;
  const auto it = state_.leases.find(c.key);
  if (it == state_.leases.end() || it->second.state != LeaseState::kActive ||
      it->second.valid_until <= at)
    return Win32::kNotFound;
  if (!same(it->second, c.duid, c.iaid, type)) return Win32::kDhcpIpAddressInUse;
  it->second.state = LeaseState::kDeclined;
  it->second.valid_until = add_lifetime(at, c.probation);
  it->second.effective_at = at;
  return Win32::kSuccess;
}

Win32 Oracle::expire(const ExpireLeases& c, Instant at) {
  if (c.limit == 0 || c.limit > 100'000) return Win32::kInvalidParameter;
  std::vector<std::pair<Instant, LeaseKey>> over;
  for (const auto& [key, lease] : state_.leases) {
    if (lease.valid_until <= at - std::chrono::seconds{c.grace.count()})
      over.emplace_back(lease.valid_until, key);
  }
  std::ranges::sort(over);
  if (over.size() > c.limit) over.resize(c.limit);
  for (const auto& [until, key] : over) drop(key, until);
  return Win32::kSuccess;
}

Win32 Oracle::report(const ReportLease& c, Instant at) {
  const LeaseType type = type_of(c.key, c.type);
  const bool lasts = c.state == ReportedState::kActive || c.state == ReportedState::kDeclined;
  if (!fits(c.key, type) || (c.state == ReportedState::kActive && c.duid.empty()) ||
      (lasts && c.valid_lifetime.count() == 0) ||
      (c.state == ReportedState::kDeclined && type == LeaseType::kPd)) {
    return Win32::kInvalidParameter;
  }
  const auto subnet = home(c.key);
  if (!subnet) return Win32::kDhcpSubnetNotPresent;
  const Instant until = add_lifetime(at, c.valid_lifetime);
  const auto it = state_.leases.find(c.key);
  const bool there = it != state_.leases.end();
  const bool mine =
      there && same(it->second, c.duid, c.iaid, type) && it->second.state != LeaseState::kDeclined;
  const bool live = there && it->second.valid_until > at;
  const bool late =
      there && it->second.state != LeaseState::kReserved && at < it->second.effective_at;
  if (c.state == ReportedState::kActive) {
    if (late && !(mine && until > it->second.valid_until)) return Win32::kSuccess;
    state_.leases[c.key] = {type, LeaseState::kActive, c.duid, c.iaid, *subnet, until, at, c.name};
    return Win32::kSuccess;
  }
  if (late) return Win32::kSuccess;
  if (c.state == ReportedState::kDeclined) {
    OracleLease lease{type, LeaseState::kDeclined, c.duid, c.iaid, *subnet, until, at, c.name};
    if (there && live && it->second.state != LeaseState::kReserved) {
      lease = it->second;
      lease.state = LeaseState::kDeclined;
      lease.valid_until = until;
      lease.effective_at = at;
    }
    state_.leases[c.key] = lease;
    return Win32::kSuccess;
  }
  if (!there || it->second.state == LeaseState::kReserved) return Win32::kSuccess;
  if (!c.duid.empty() && it->second.state != LeaseState::kDeclined && !mine) return Win32::kSuccess;
  drop(c.key, at);
  return Win32::kSuccess;
}

}  // namespace leaseledger::simulation
