#pragma once
// A second, naive statement of the rules: maps and loops, no indexes, a full copy of the state after every record. What the
// ledger says about any moment must be what this says.

#include "commands/command.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger::simulation {

struct OracleLease {
  LeaseType type = LeaseType::kNa;
  LeaseState state = LeaseState::kActive;
  Duid duid;
  Iaid iaid{};
  Ipv6Prefix subnet;
  Instant valid_until{};
  Instant effective_at{};
  std::string name;
  friend bool operator==(const OracleLease&, const OracleLease&) = default;
};

struct OracleSubnet {
  std::string name;
  Lifetime preferred{};
  Lifetime valid{};
  std::map<LeaseKey, std::tuple<Duid, Iaid, LeaseType>> reservations;
  std::vector<std::pair<Ipv6Address, Ipv6Address>> exclusions;
  std::map<Ipv6Prefix, int> pools;
  friend bool operator==(const OracleSubnet&, const OracleSubnet&) = default;
};

struct OracleState {
  std::map<Ipv6Prefix, OracleSubnet> subnets;
  std::map<LeaseKey, OracleLease> leases;
  friend bool operator==(const OracleState&, const OracleState&) = default;
};

/// Somebody's hold of a key, as it looks from the end of time.
struct Hold {
  LeaseKey key;
  Duid duid;
  Iaid iaid{};
  Instant from{};
  Instant until{};
};

class Oracle {
 public:
  /// The code that the command must get from an administrator at `now`; does it when that is success.
  Win32 run(const Command& command, Instant now, Instant at);

  const OracleState& state() const { return state_; }

 private:
  Win32 create_subnet(const CreateSubnet& c);
  Win32 set_subnet(const SetSubnet& c);
  Win32 delete_subnet(const DeleteSubnet& c);
  Win32 add_reservation(const AddReservation& c, Instant at);
  Win32 remove_reservation(const RemoveReservation& c);
  Win32 add_exclusion(const AddExclusion& c);
  Win32 remove_exclusion(const RemoveExclusion& c);
  Win32 add_pool(const AddDelegationPool& c);
  Win32 remove_pool(const RemoveDelegationPool& c);
  Win32 create_client(const CreateClient& c, Instant at);
  Win32 set_client(const SetClient& c, Instant at);
  Win32 delete_client(const DeleteClient& c);
  Win32 renew(const RenewLease& c, Instant at);
  Win32 release(const ReleaseLease& c, Instant at);
  Win32 decline(const DeclineLease& c, Instant at);
  Win32 expire(const ExpireLeases& c, Instant at);
  Win32 report(const ReportLease& c, Instant at);

  std::optional<Ipv6Prefix> home(const LeaseKey& key) const;
  OracleSubnet* find(const Ipv6Prefix& prefix);
  bool reserved_in(const Ipv6Prefix& subnet, const LeaseKey& key) const;
  void drop(const LeaseKey& key, Instant at);
  void drop_for_good(const LeaseKey& key);

  OracleState state_;
};

}  // namespace leaseledger::simulation
