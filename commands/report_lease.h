#pragma once
// What a DHCP server says it has done. Flow: command.h -> [report_lease.h] -> command_handler.h
//
// A report is a fact about the world, not a wish: it creates, renews or takes over as needed and is not refused because
// the ledger thought otherwise. Moment::at is when it happened at the server ("since").

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <cstdint>
#include <optional>
#include <string>

namespace leaseledger {

enum class ReportedState : std::uint8_t {
  kActive,    ///< the client has the lease from Moment::at on, for valid_lifetime.
  kReleased,  ///< the client gave it back, or the server deleted it.
  kDeclined,  ///< the address is in use by somebody else; set aside for valid_lifetime.
  kExpired,   ///< the valid lifetime ended.
};

struct ReportLease {
  LeaseKey key;
  ReportedState state = ReportedState::kActive;
  Duid duid;  ///< may be empty for any state but active: the ledger knows who held it.
  Iaid iaid{};
  std::optional<LeaseType> type;  ///< IA_NA for an address and IA_PD for a prefix when not given.
  Lifetime valid_lifetime{0};     ///< from Moment::at; from 1 for active and declined.
  std::optional<Lifetime>
      preferred_lifetime;  ///< valid_lifetime when not given; not compared with it, servers lie.
  std::string name;        ///< host name.
  std::string comment;
  Ipv6Address owner;  ///< the server's address; :: when not said.
  std::string owner_name;
  std::uint32_t server_subnet_id = 0;  ///< the server's own number for the subnet.
  std::string hardware_address;        ///< octets in hexadecimal.
  std::uint16_t hardware_type = 0;
  std::uint16_t hardware_source = 0;
  bool fqdn_forward = false;
  bool fqdn_reverse = false;
  std::string context;  ///< JSON object of the server.

  static constexpr const char* kName = "ReportLease";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("state", self.state);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("type", self.type);
    field("valid_lifetime", self.valid_lifetime);
    field("preferred_lifetime", self.preferred_lifetime);
    field("name", self.name);
    field("comment", self.comment);
    field("owner", self.owner);
    field("owner_name", self.owner_name);
    field("server_subnet_id", self.server_subnet_id);
    field("hardware_address", self.hardware_address);
    field("hardware_type", self.hardware_type);
    field("hardware_source", self.hardware_source);
    field("fqdn_forward", self.fqdn_forward);
    field("fqdn_reverse", self.fqdn_reverse);
    field("context", self.context);
  }
};

/// ERROR_INVALID_PARAMETER 87: active without a DUID or a lifetime, a declined prefix, a type that does not fit the key.
Status validate(const ReportLease& command);

/// | reported  | the ledger has                        | facts                                                      |
/// |-----------|---------------------------------------|------------------------------------------------------------|
/// | active    | nothing                               | ClientCreated                                              |
/// | active    | the same client, not over             | LeaseRenewed                                               |
/// | active    | the same client, over before `at`     | LeaseExpired, ClientCreated                                |
/// | active    | another client, not over              | LeaseReleased (replaced), ClientCreated                    |
/// | active    | another client or a decline, over     | LeaseExpired, ClientCreated                                |
/// | active    | a reservation's record of this client | LeaseRenewed, a new tenure                                 |
/// | released  | a lease of this client                | LeaseReleased                                              |
/// | expired   | a lease of this client                | LeaseExpired                                               |
/// | declined  | a lease, or nothing                   | LeaseDeclined, with the client that the ledger knows       |
/// | declined  | a decline, not over                   | LeaseRenewed: a longer probation                           |
/// | released, | nothing, or another client's lease    | no change                                                  |
/// | expired   |                                       |                                                            |
/// | any       | a later fact about the same lease     | no change, unless the report makes a lease of the same     |
/// |           |                                       | client last longer: a report that came late or twice must  |
/// |           |                                       | never end or shorten what came after it                    |
/// "No change" is recorded as NothingChanged by the command handler.
/// ERROR_DHCP_SUBNET_NOT_PRESENT 20005 when no subnet contains the key.
Status decide(const LeaseBook& book, const ReportLease& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
