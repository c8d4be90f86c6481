#pragma once
// A lease as the LeaseBook knows it.

#include "ledger/event.h"

namespace leaseledger {

/// A lease in the book: the Lease of its last fact, and where that fact is.
struct BookLease {
  Lease lease;
  Position last = 0;       ///< position of the last fact about this lease.
  Instant effective_at{};  ///< when that fact took effect.
};

}  // namespace leaseledger
