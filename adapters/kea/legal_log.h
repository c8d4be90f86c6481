#pragma once
// The sentences of Kea's forensic logging hook (legal_log) for DHCPv6, in its default format, in both directions.
// Flow: file -> [legal_log.h] -> commands/report_lease.h; ledger/record.h -> [legal_log.h] -> file
//
//   2018-01-06 01:02:03 CET Address:2001:db8:1::1 has been assigned for 0 hrs 11 mins 53 secs to a device with DUID: 17:34:e2:ff
//   and hardware address: hwtype=1 08:00:2b:02:3f:4e (from Raw Socket) connected via relay at address: fe80::abcd for client on
//   link address: 3001::1, hop count: 1, identified by remote-id: 01:02 and subscriber-id: 1a:2b
//
// A sentence has no IAID: leases that are made of them have IAID 0.

#include "commands/command.h"
#include "ledger/record.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace leaseledger::kea {

/// The moment that a local time ("2018-01-06 01:02:03") with the name of its zone ("CET", "UTC", "+0100", "") stands for; the error
/// names the zone.
using ReadStamp = std::function<Result<Instant>(std::string_view local, std::string_view zone)>;
/// UTC, GMT, Z, offsets; other names as in the zone of the time zone database that is given ("Europe/Berlin"; "": none). Sets the
/// process's TZ.
ReadStamp stamps_of(const std::string& zone);

struct LegalOptions {
  std::string server = "kea";  ///< names the server in command ids and records.
  std::string file_name;       ///< for the cause of each record.
};

/// A line as a command; nullopt for a line without a sentence about a lease (blank, or for people). kInvalid: what in it is not
/// understood.
Result<std::optional<Envelope>> read_sentence(std::string_view line, std::uint64_t number,
                                              const ReadStamp& stamp, const LegalOptions& options);

/// The sentence for a record; nullopt when legal_log has none for it, as for an expiry.
std::optional<std::string> sentence_of(const Record& record);

}  // namespace leaseledger::kea
