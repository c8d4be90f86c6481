#pragma once
// The daemon over its Unix socket, beside the same work in process and beside calls that do nothing.

#include "ledger/result.h"
#include "tools/bench/measurement.h"

#include <filesystem>
#include <string>

namespace leaseledger::bench {

/// Runs the daemon `program` on ledgers below `directory`, and measures, `seconds` each:
///   one call at a time     in process; leaseledgerd by the client library
///   1,000 in flight        calls that do nothing; one command a call; by the client library, which puts neighbours together
///   batches of 1,000       in process and over the socket, one and eight at a time
///   200 connections        one call in flight on each
///   a subscriber           that catches up with everything recorded meanwhile
Status measure_rpc(const std::filesystem::path& directory, const std::string& program,
                   double seconds, Report& report);

}  // namespace leaseledger::bench
