#pragma once
// Writes what lease_file.h reads: leases of the ledger as rows of kea-leases6.csv, as Kea itself writes them.
// Flow: projections/queries.h -> export.h -> [lease_file_writer.h] -> file

#include "projections/queries.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace leaseledger::kea {

/// Kea's number for the columns. 4.0 is what 2.2 writes and every later version reads; 5.0, since 2.4, has a pool_id.
enum class LeaseFileFormat { kVersion4, kVersion5 };
/// "4.0", "5.0". kInvalid names `field`.
Result<LeaseFileFormat> parse_lease_file_format(std::string_view text, std::string_view field);

/// The first line, with its newline.
std::string lease_file_header(LeaseFileFormat format);

/// Adds one row, with its newline. `subnet_id` is Kea's number. Times become whole seconds, as Kea has no others. The lease
/// must be active or declined; of a declined one Kea keeps nobody and nothing but the address.
void append_lease_row(const leaseledger::LeaseRow& row, std::uint32_t subnet_id,
                      LeaseFileFormat format, std::string& out);

/// The user context that Kea gets back: without what the ledger keeps there for itself (lease.h), on one line. "" when
/// nothing is left, or when it is no JSON object.
std::string user_context_for_kea(const std::string& context);

}  // namespace leaseledger::kea
