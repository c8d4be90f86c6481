#pragma once
// What a DHCP server says has happened, as commands: the lease updates of an HA partner (lease6-bulk-apply) and the events of
// our hook library (lease6-report). They are facts: what is odd about them is noted, not refused.
// Flow: door/door.cc, door/reconciler.cc -> [facts.h] -> commands/report_lease.h

#include "adapters/kea/lease.h"
#include "adapters/kea/subnet_map.h"
#include "commands/command.h"

#include <string>
#include <vector>

namespace leaseledger::kea {

/// On which road a report came, and from whom.
struct Origin {
  std::string server;  ///< recorded as the owner's name; may be empty.
  std::string cause;   ///< Envelope::cause.
};

/// The commands that one thing at the server led to: recorded together or not at all.
struct Batch {
  std::vector<Envelope> commands;
  std::vector<std::string> ids;  ///< of lease6-report, beside the commands.
};

/// All leases of a subnet ended: to be put in place of command `at` of a batch once the leases are known.
struct Wipe {
  std::size_t batch = 0;
  std::uint32_t subnet_id = 0;  ///< Kea's.
  Instant at{};
  Origin origin;
};

struct Facts {
  std::vector<Batch> batches;
  std::vector<Wipe> wipes;
  /// Leases to end of which only the name was given, or of which it must be said whether they are there: bulk-apply.
  struct Deletion {
    LeaseName name;
    Json as_given;
  };
  std::vector<Deletion> deletions;
  std::size_t leases = 0;  ///< assigned or changed.
};

/// A lease as the server has it: assigned, declined, expired or given back, by its state. `now` is the time of an update that
/// does not say its own.
Envelope report_of(const Lease6& lease, Instant now, const Origin& origin);
/// A lease has ended at the server. `client` may be empty.
Envelope end_of(const LeaseKey& key, LeaseType type, ReportedState how, Instant at,
                const Origin& origin);

/// lease6-bulk-apply. An item that makes no sense refuses all. A lifetime that is not given is the subnet's.
OrReply<Facts> facts_of_bulk(const Json& arguments, std::string_view text, Instant now,
                             const std::string& server, const SubnetMap& subnets);
/// lease6-report: docs/kea_hook.md. An event that makes no sense is refused by itself: `refused` says so.
OrReply<Facts> facts_of_report(const Json& arguments, Instant now,
                               std::vector<std::pair<std::string, std::string>>& refused);

/// Says in the comments of the reports what is odd about them, given the subnets that there are.
void note_violations(Facts& facts, const SubnetMap& subnets);
/// The keys that are in no subnet.
std::vector<LeaseKey> homeless(const Facts& facts, const SubnetMap& subnets);

}  // namespace leaseledger::kea
