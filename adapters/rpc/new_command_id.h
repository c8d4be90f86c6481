#pragma once
// Ids for commands that came without one, so that they can be sent again.

#include "ledger/record.h"

namespace leaseledger::rpc {

/// A UUID of version 7 (RFC 9562 section 5.7): milliseconds since 1970, then a counter that begins at random in each millisecond,
/// then random bits. Ids of one process grow, which makes them cheap to recognise as new (commands/recent_ids.h). Thread-safe.
CommandId new_command_id();

}  // namespace leaseledger::rpc
