#pragma once
// Records, leases and the rest as JSON objects: what every output format is made of.

#include "commands/command_handler.h"
#include "ledger/event_log.h"
#include "ledger/lease_book.h"
#include "replay/diff.h"
#include "tools/cli/output.h"

namespace leaseledger::cli {

/// A record with everything in it.
Json record_json(const Record& record);
/// One line about a fact, for the log's table: "2001:db8::1 to 00:01:.. IAID 7 until ...".
std::string summary_of(const Record& record);

Json lease_json(const Lease& lease);
Json description_json(const Description& description);
Json subnet_json(const Subnet& subnet);
Json error_json(const Error& error);

std::string hash_text(const Hash& hash);

}  // namespace leaseledger::cli
