#pragma once
// Leases as rows of Kea's lease file for DHCPv6, so that a Kea can be started on them.
// Flow: projections/queries.h -> [lease_export.h] -> tools/cli/exchange_verbs.cc

#include "projections/queries.h"

#include <cstdint>
#include <string>

namespace leaseledger::kea {

enum class FileVersion { k4, k5 };  ///< 4.0 of Kea 2.2; 5.0 of Kea 2.4 and later adds pool_id.

std::string lease_file_header(FileVersion version);  ///< without a newline.
/// One row, without a newline. `subnet_id`: Kea's number for the subnet.
std::string lease_file_row(const leaseledger::LeaseRow& row, std::uint32_t subnet_id,
                           FileVersion version);

}  // namespace leaseledger::kea
