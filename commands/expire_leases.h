#pragma once
// Leases whose valid lifetime is over are ended. Flow: command.h -> [expire_leases.h] -> command_handler.h
// Issued by whoever owns the clock: a daemon's timer, or an operator.

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <cstdint>

namespace leaseledger {

struct ExpireLeases {
  /// seconds after the end of the valid lifetime during which a lease is left alone.
  Lifetime grace{0};
  std::uint32_t limit = 10000;  ///< at most so many in one command, 1 to 100000; the soonest first.

  static constexpr const char* kName = "ExpireLeases";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field("grace", self.grace);
    field("limit", self.limit);
  }
};

/// ERROR_INVALID_PARAMETER 87 for a limit of 0 or over 100000.
Status validate(const ExpireLeases& command);

/// One LeaseExpired for each, effective when its valid lifetime ended (not when the ledger got to it); the end of a
/// decline's probation likewise. Nothing when there is none: repeat until then.
/// Source: RFC 9915 section 18.3 (a server may keep the record to offer the address again: here the log is that record).
Status decide(const LeaseBook& book, const ExpireLeases& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
