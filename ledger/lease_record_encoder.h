#pragma once
// Encodes the records that a ledger has millions of, the facts about leases, straight into their canonical bytes. The same
// bytes as Cap'n Proto's builder and canonicalize() make (tests/ledger/record_test.cc), at a fifth of the cost.
// Layout: ledger/schema/record.capnp, docs/formats/event_log.md.

#include "ledger/record.h"

#include <cstdint>
#include <vector>

namespace leaseledger {

/// Appends the record to `out`. `fact` is the lease fact inside record.event, `kind` its kind.
void encode_lease_record(const RecordView& record, EventKind kind, const LeaseFact& fact,
                         std::vector<std::uint64_t>& out);

}  // namespace leaseledger
