#pragma once
// The facts: one struct for each thing that can happen to a ledger. A fact is what commands/ decides, what a record
// stores (ledger/record.h) and what ledger/lease_book.h and projections/ fold.
// Flow: commands/command.h -> [event.h] -> record.h -> event_log.h -> lease_book.h, projections/

#include "ledger/address.h"
#include "ledger/duid.h"
#include "ledger/instant.h"
#include "ledger/win32.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace leaseledger {

/// Number of a record in its log: 1 is the first, 0 stands for "before the first" or "none".
using Position = std::uint64_t;

/// Given by the ledger, from 1, never used again. 0 is none.
using SubnetId = std::uint32_t;

/// DHCP_SUBNET_STATE of MS-DHCPM 2.2.1.1.2, the two values that a v6 scope has.
enum class SubnetState : std::uint8_t { kEnabled = 0, kDisabled = 1 };

/// A subnet with its settings.
struct Subnet {
  Ipv6Prefix prefix;
  SubnetId id = 0;
  std::string name;
  std::string comment;
  std::uint16_t preference = 0;  ///< 0 to 255 (RFC 9915 section 21.8).
  SubnetState state = SubnetState::kEnabled;
  /// of leases created without one; Windows' default is 8 days.
  Lifetime preferred_lifetime{8 * 86400};
  Lifetime valid_lifetime{12 * 86400};  ///< the same; 12 days.
  friend bool operator==(const Subnet&, const Subnet&) = default;
};

/// An address or prefix that is kept for one client.
struct Reservation {
  LeaseKey key;
  LeaseType type = LeaseType::kNa;
  Duid duid;
  Iaid iaid{};
  SubnetId subnet_id = 0;
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

/// Addresses that GetFreeAddress does not offer; both ends belong to it. first > last excludes nothing.
struct Exclusion {
  Ipv6Address first;
  Ipv6Address last;
  SubnetId subnet_id = 0;
  friend auto operator<=>(const Exclusion&, const Exclusion&) = default;
};

/// Prefixes of `delegated_length` out of `prefix` go to clients of the subnet (RFC 9915 section 6.3).
struct DelegationPool {
  Ipv6Prefix prefix;
  std::uint8_t delegated_length = 64;
  SubnetId subnet_id = 0;
  friend auto operator<=>(const DelegationPool&, const DelegationPool&) = default;
};

enum class LeaseState : std::uint8_t {
  kActive = 1,    ///< a client holds it, until valid_until.
  kDeclined = 2,  ///< found in use by somebody unknown; not to be given out until valid_until.
  kReserved = 3,  ///< the record that a reservation made; nobody has leased it yet.
  /// nobody's; never stored in a fact: a fact that ends a lease keeps the state that it ended.
  kEnded = 4,
};
std::string_view name_of(LeaseState state);  ///< "active", "declined", "reserved", "ended".

/// A lease after a fact; for a fact that ends it, as it was.
struct Lease {
  LeaseKey key;
  LeaseType type = LeaseType::kNa;
  LeaseState state = LeaseState::kActive;
  Duid duid;  ///< empty when a server reported a decline without the client.
  Iaid iaid{};
  SubnetId subnet_id = 0;
  Instant valid_until = kForever;
  Instant preferred_until = kForever;
  /// Record that began this holding; 0 in a fact stands for the fact's own position. Own position in a LeaseRenewed says
  /// that a reserved record became a lease, in a LeaseDeclined that the ledger had no lease there.
  Position tenure = 0;
  Position described = 0;  ///< record with the description in force; 0 likewise.
  friend bool operator==(const Lease&, const Lease&) = default;
};

/// What is known of a client beyond its identity.
struct Description {
  std::string name;     ///< ClientName, host name.
  std::string comment;  ///< ClientComment.
  Ipv6Address owner;    ///< OwnerHost.IpAddress: the server that gave the lease; :: when not said.
  std::string owner_name;  ///< OwnerHost.HostName.
  /// the reporting server's number for the subnet; 0 when none.
  std::uint32_t server_subnet_id = 0;
  std::string hardware_address;  ///< octets.
  std::uint16_t hardware_type = 0;
  std::uint16_t hardware_source = 0;
  bool fqdn_forward = false;
  bool fqdn_reverse = false;
  std::string context;  ///< JSON object of the reporting server.
  friend bool operator==(const Description&, const Description&) = default;
};

/// Why a lease fact came about. Numbers are stored.
enum class Reason : std::uint16_t {
  kAsked = 1,          ///< the command named it.
  kReported = 2,       ///< a DHCP server said that it had happened.
  kLifetimeOver = 3,   ///< the valid lifetime had ended.
  kReplaced = 4,       ///< another client has the address now.
  kReservation = 5,    ///< a reservation came or went.
  kSubnetDeleted = 6,  ///< the subnet was deleted by force.
};
std::string_view name_of(Reason reason);  ///< "asked", "reported", "lifetime over", ...

struct LeaseFact {
  Lease lease;
  std::optional<Description> description;  ///< present when this record describes the lease anew.
  Reason reason = Reason::kAsked;
  friend bool operator==(const LeaseFact&, const LeaseFact&) = default;
};

struct SubnetCreated {
  Subnet subnet;
  friend bool operator==(const SubnetCreated&, const SubnetCreated&) = default;
};
struct SubnetChanged {
  Subnet subnet;
  friend bool operator==(const SubnetChanged&, const SubnetChanged&) = default;
};
struct SubnetDeleted {
  Subnet subnet;
  friend bool operator==(const SubnetDeleted&, const SubnetDeleted&) = default;
};
struct ReservationAdded {
  Reservation reservation;
  friend bool operator==(const ReservationAdded&, const ReservationAdded&) = default;
};
struct ReservationRemoved {
  Reservation reservation;
  friend bool operator==(const ReservationRemoved&, const ReservationRemoved&) = default;
};
struct ExclusionAdded {
  Exclusion exclusion;
  friend bool operator==(const ExclusionAdded&, const ExclusionAdded&) = default;
};
struct ExclusionRemoved {
  Exclusion exclusion;
  friend bool operator==(const ExclusionRemoved&, const ExclusionRemoved&) = default;
};
struct DelegationPoolAdded {
  DelegationPool pool;
  friend bool operator==(const DelegationPoolAdded&, const DelegationPoolAdded&) = default;
};
struct DelegationPoolRemoved {
  DelegationPool pool;
  friend bool operator==(const DelegationPoolRemoved&, const DelegationPoolRemoved&) = default;
};

struct ClientCreated : LeaseFact {};  ///< a holding begins; always with a description.
struct ClientChanged : LeaseFact {
};  ///< name, comment or identity edited; always with a description.
struct LeaseRenewed : LeaseFact {};  ///< the same client keeps it, with new lifetimes.
struct LeaseReleased : LeaseFact {
};  ///< given back, or taken away for another client (Reason::kReplaced).
struct LeaseDeclined : LeaseFact {
};  ///< the address is in use by somebody else; `lease.duid` is who said so.
struct LeaseExpired : LeaseFact {};  ///< the valid lifetime ended without renewal.
struct ClientDeleted : LeaseFact {
};  ///< removed by an administrator, with its subnet, or for a reservation.

/// A command's fields as (name, value) text, in the order of the command's definition.
using Arguments = std::vector<std::pair<std::string, std::string>>;

/// A command was refused. Changes nothing but the audit trail.
struct CommandRefused {
  std::string command;           ///< "CreateClient"; "" when only suppressed refusals are counted.
  Win32 code = Win32::kSuccess;  ///< never kSuccess.
  std::uint32_t suppressed = 0;  ///< further refusals of this principal, not recorded themselves.
  std::string field;
  std::string value;
  std::string expected;
  Arguments arguments;
  friend bool operator==(const CommandRefused&, const CommandRefused&) = default;
};

/// A command was accepted and the state was so already. Recorded so that the command's id is remembered and a
/// server's report is not lost.
struct NothingChanged {
  std::string command;
  Arguments arguments;
  friend bool operator==(const NothingChanged&, const NothingChanged&) = default;
};

/// An event that this version does not know, written by a newer one. Can be shown, never folded.
struct UnknownEvent {
  std::uint16_t tag = 0;
  friend bool operator==(const UnknownEvent&, const UnknownEvent&) = default;
};

using Event =
    std::variant<UnknownEvent, SubnetCreated, SubnetChanged, SubnetDeleted, ReservationAdded,
                 ReservationRemoved, ExclusionAdded, ExclusionRemoved, DelegationPoolAdded,
                 DelegationPoolRemoved, ClientCreated, ClientChanged, LeaseRenewed, LeaseReleased,
                 LeaseDeclined, LeaseExpired, ClientDeleted, CommandRefused, NothingChanged>;

/// The index of each alternative of Event is the number of its tag in ledger/schema/record.capnp.
enum class EventKind : std::uint16_t {
  kUnknown = 0,
  kSubnetCreated,
  kSubnetChanged,
  kSubnetDeleted,
  kReservationAdded,
  kReservationRemoved,
  kExclusionAdded,
  kExclusionRemoved,
  kDelegationPoolAdded,
  kDelegationPoolRemoved,
  kClientCreated,
  kClientChanged,
  kLeaseRenewed,
  kLeaseReleased,
  kLeaseDeclined,
  kLeaseExpired,
  kClientDeleted,
  kCommandRefused,
  kNothingChanged,
};
inline constexpr std::uint16_t kEventKinds = 19;

EventKind kind_of(const Event& event);
std::string_view name_of(EventKind kind);  ///< "ClientCreated"; "Unknown".
std::optional<EventKind> event_kind_from_name(std::string_view name);

/// The lease part of a lease fact, or nullptr for other kinds. Borrowed from `event`.
const LeaseFact* lease_fact_of(const Event& event);
/// True for the kinds after which nobody holds the lease any more.
bool ends_lease(EventKind kind);

}  // namespace leaseledger
