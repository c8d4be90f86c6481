#pragma once
// What CreateSubnet and SetSubnet check alike.

#include "ledger/instant.h"
#include "ledger/result.h"

#include <cstdint>

namespace leaseledger {

/// ERROR_INVALID_PARAMETER for a preference over 255 (RFC 9915 section 21.8), a valid lifetime of 0, or a preferred
/// lifetime over the valid one (RFC 9915 section 21.6: clients discard such addresses).
Status validate_settings(std::uint16_t preference, Lifetime preferred, Lifetime valid);

}  // namespace leaseledger
