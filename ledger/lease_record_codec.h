#pragma once
// Encodes the records that a ledger has millions of, the facts about leases, straight into their canonical bytes, and reads
// from them what folding needs. The same bytes as Cap'n Proto's builder and canonicalize() make, and the same values as its
// readers find (tests/ledger/record_test.cc), at a fifth of the cost.
// Layout: ledger/schema/record.capnp, docs/formats/event_log.md.

#include "ledger/record.h"

#include <cstdint>
#include <span>
#include <vector>

namespace leaseledger {

/// Appends the record to `out`. `fact` is the lease fact inside record.event, `kind` its kind.
void encode_lease_record(const RecordView& record, EventKind kind, const LeaseFact& fact,
                         std::vector<std::uint64_t>& out);

/// Reads a lease fact: all but the door, the fingerprint, the cause and the description, which become empty. False, and `out`
/// is anything, when the bytes are another kind of record or not in the plain form that encode_lease_record() writes: then
/// decode_record() says what they are.
bool decode_lease_record(std::span<const std::uint8_t> bytes, Record& out);

}  // namespace leaseledger
