#pragma once
// A command: what a caller wants done, with what accompanies it.
// Flow: adapters/* -> [command.h] -> command_handler.h -> ledger/event_log.h

#include "commands/add_delegation_pool.h"
#include "commands/add_exclusion.h"
#include "commands/add_reservation.h"
#include "commands/create_client.h"
#include "commands/create_subnet.h"
#include "commands/decline_lease.h"
#include "commands/delete_client.h"
#include "commands/delete_subnet.h"
#include "commands/expire_leases.h"
#include "commands/release_lease.h"
#include "commands/remove_delegation_pool.h"
#include "commands/remove_exclusion.h"
#include "commands/remove_reservation.h"
#include "commands/renew_lease.h"
#include "commands/report_lease.h"
#include "commands/set_client.h"
#include "commands/set_subnet.h"
#include "ledger/record.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace leaseledger {

using Command = std::variant<CreateSubnet, SetSubnet, DeleteSubnet, AddReservation,
                             RemoveReservation, AddExclusion, RemoveExclusion, AddDelegationPool,
                             RemoveDelegationPool, CreateClient, SetClient, DeleteClient,
                             RenewLease, ReleaseLease, DeclineLease, ExpireLeases, ReportLease>;

/// A command with what the caller says about it.
struct Envelope {
  Command command;
  /// The caller's name for this command. The same principal sending it again gets the first answer, however much later.
  std::optional<CommandId> id;
  /// Free reference: a ticket, a transaction id. At most 200 characters.
  std::string cause;
  /// Only if the last event of the lease is this one; 0: only if there is no live record at the key.
  std::optional<Position> if_last_event;
  /// When it took effect where it happened; the time of recording when not given.
  std::optional<Instant> effective_at;
};

std::string_view name_of(const Command& command);  ///< "CreateClient".
/// The lease that the command is about, nullptr for commands about subnets and the like. Borrowed.
const LeaseKey* lease_key_of(const Command& command);
Status validate(const Command& command);
Status decide(const LeaseBook& book, const Command& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
