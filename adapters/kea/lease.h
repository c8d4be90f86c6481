#pragma once
// A lease as Kea's commands have it, in both directions: JSON of lease6-add, lease6-bulk-apply and our hook library comes in,
// JSON of lease6-get goes out. Texts of what is wrong are Kea's (2.2.0: tests/data/kea/replies.txt).

#include "adapters/kea/json.h"
#include "adapters/kea/lease_file.h"
#include "commands/command.h"
#include "projections/queries.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger::kea {

/// Where a JSON value stands in the text of its command, for messages.
struct Place {
  std::string_view text;
  std::vector<std::string_view> path;
  std::string of(std::string_view key) const;
  std::string here() const;
};

struct Lease6 {
  LeaseKey key;  ///< host bits of a prefix are cleared.
  LeaseType type = LeaseType::kNa;
  Duid duid;  ///< empty for Kea's 00 and 00:00:00: nobody.
  Iaid iaid{};
  std::uint32_t subnet_id = 0;  ///< 0: not given.
  std::optional<std::uint32_t> valid_lft;
  std::optional<std::uint32_t> preferred_lft;
  std::optional<std::int64_t> expire;  ///< seconds since 1970.
  std::optional<std::int64_t> cltt;    ///< the same.
  RowState state = RowState::kDefault;
  std::string hostname;
  bool fqdn_forward = false;
  bool fqdn_reverse = false;
  std::string hardware_address;
  std::uint16_t hardware_type = 0;
  std::uint16_t hardware_source = 0;
  Json user_context;  ///< null when not given.
  /// What a ledger notes and Kea does not mind: "host bits in 2001:db8:8000:200::1/56".
  std::vector<std::string> violations;
};

/// Reads the arguments of lease6-add and the like.
OrReply<Lease6> read_lease(const Json& json, const Place& place);

/// ip-address, type and prefix-len as lease6-get, lease6-del and deleted-leases name a lease. `length` 0: a prefix without its
/// length.
struct LeaseName {
  Ipv6Address address;
  LeaseType type = LeaseType::kNa;
  std::uint8_t length = kAddressLength;
};

/// "IA_NA", "IA_TA", "IA_PD".
OrReply<LeaseType> read_type(const Json& json);

/// Our part of a user context: what the ledger keeps beside Kea's own ("leaseledger").
inline constexpr const char* kOurContext = "leaseledger";

/// A lease of the ledger as lease6-get has it; `subnet_id` is Kea's number for its subnet.
Json to_json(const leaseledger::LeaseRow& row, std::uint32_t subnet_id);
/// Client's last transaction time: when the lease was last assigned or renewed, seconds since 1970.
std::int64_t cltt_of(const leaseledger::LeaseRow& row);

std::int64_t seconds_of(Instant instant);
Instant instant_of(std::int64_t seconds);

}  // namespace leaseledger::kea
