#pragma once
// The sentences of Kea's forensic logging hook (legal_log) for DHCPv6 in its default format, read and written.
// Flow: file -> [legal_log.h] -> legal_log_import.h -> commands/report_lease.h; ledger/record.h -> [legal_log.h] -> file
//
//   2018-01-06 01:02:03 PST Address: 2001:db8:1::1 has been assigned for 0 hrs 11 mins 53 secs to a device with DUID:
//   17:34:e2:ff and hardware address: hwtype=1 08:00:2b:02:3f:4e (from Raw Socket) connected via relay at address: fe80::abcd
//   for client on link address: 3001::1, hop count: 1, identified by remote-id: 01:02 and subscriber-id: 73:75:62 (sub),
//   connected at location interface-id: 65:74:68 (eth), context: { "a": 1 }
//   ... Prefix: 2001:db8:8000::/56 has been released from a device with DUID: 17:34:e2:ff
//   ... Administrator added a lease of address: 2001:db8:1::1 to a device with DUID: 17:34:e2:ff, hardware address:
//   08:00:2b:02:3f:4e for 1 days 0 hrs 0 mins 0 secs
//   ... HA partner updated information on the lease of prefix: ...
//   ... Administrator deleted the lease for address: 2001:db8:1::1
//
// A sentence is read whole or not at all. Parts that a client has chosen are octets in hexadecimal; the text behind them in
// brackets must be those same octets, so that nobody writes sentences into the log by the name of his line.
// What the sentences do not have: the IAID; the prefix length of what was deleted; the end of a lifetime, which is no event;
// who declined, where Kea writes that DUID 00:00:00 was assigned the address.
// Source: Kea 3.1, hooks/dhcp/forensic_log/lease6_callouts.cc and command_callouts.cc.

#include "ledger/address.h"
#include "ledger/duid.h"
#include "ledger/instant.h"
#include "ledger/record.h"
#include "ledger/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace leaseledger::kea {

/// The relay that a client came through. Octets are in hexadecimal without separators, as in lease6-report.
struct LegalRelay {
  Ipv6Address peer;
  Ipv6Address link;
  std::uint8_t hops = 0;
  std::string remote_id;
  std::string subscriber_id;
  std::string interface_id;
  friend bool operator==(const LegalRelay&, const LegalRelay&) = default;
};

struct LegalSentence {
  enum class Act { kAssigned, kReleased, kAdded, kUpdated, kDeleted };
  enum class By { kClient, kAdministrator, kPartner };

  Act act = Act::kAssigned;
  By by = By::kClient;
  LeaseKey key;  ///< of what was deleted the address only, as length 128.
  Duid duid;     ///< empty for 00 and 00:00:00, nobody; and where something was deleted.
  std::optional<Lifetime> valid_lifetime;  ///< not given where a command left it to Kea.
  std::string hardware_address;            ///< octets.
  std::uint16_t hardware_type = 0;
  std::uint16_t hardware_source = 0;
  std::optional<LegalRelay> relay;
  std::string context;  ///< JSON object; "" when there is none.
  friend bool operator==(const LegalSentence&, const LegalSentence&) = default;
};

/// A line cut into its stamp and the sentence. Borrowed from the line.
struct LegalLine {
  std::string_view time;  ///< "2018-01-06 01:02:03".
  std::string_view zone;  ///< "PST", "+0100"; "" when there is none.
  std::string_view sentence;
};

/// kInvalid names "line": it does not begin with a time.
Result<LegalLine> split_legal_line(std::string_view line);
/// kInvalid names "sentence": the value is the place from which on it is not understood.
Result<LegalSentence> read_sentence(std::string_view text);
std::string write_sentence(const LegalSentence& sentence);

/// What a record says, in legal_log's words; nullopt when it has none for it: the end of a lifetime, what happened to an
/// address that nobody held. `description`: the one in force, if the record has none of its own (Lease::described).
std::optional<LegalSentence> sentence_of(const Record& record, const Description& description);

}  // namespace leaseledger::kea
