#include "adapters/dhcpsapi/session.h"

namespace leaseledger::dhcpsapi {

Result<std::shared_ptr<Service>> connect_to_daemon(const std::string& address) {
  return fail(Win32::kRpcServerUnavailable, ErrorKind::kIo, "server", address,
              "a build with the client of the daemon");
}

}  // namespace leaseledger::dhcpsapi
