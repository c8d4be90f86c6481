#pragma once
// A Service over a ledger that this process has opened, for one principal.
// Flow: tools/cli, adapters/rpc/server -> [local_service.h] -> adapters/embedded/ledger.h

#include "adapters/embedded/ledger.h"
#include "adapters/service/service.h"

#include <memory>

namespace leaseledger {

struct LocalServiceOptions {
  Principal principal;
  Ipv6Address owner;       ///< ServiceInfo::owner.
  std::string owner_name;  ///< ServiceInfo::owner_name.
  Instant started_at{};
  Clock* clock = nullptr;  ///< borrowed; the machine's clock when nullptr.
};

/// Shares the ledger with others.
std::unique_ptr<Service> make_local_service(std::shared_ptr<Ledger> ledger,
                                            LocalServiceOptions options);

/// ERROR_ACCESS_DENIED unless the principal's role is `needed` at least.
Status require_role(const Principal& principal, Role needed);

}  // namespace leaseledger
