#pragma once
// What every call does around its own rules: no exception leaves the library, an error becomes its number.
// Flow: a C program -> scopes.cc, elements.cc, leases.cc, questions.cc -> [call.h] -> session.h

#include "adapters/dhcpsapi/convert.h"
#include "adapters/dhcpsapi/session.h"

#include <new>

namespace leaseledger::dhcpsapi {

/// Runs `body`, which returns a Status, and gives its code. ERROR_NOT_ENOUGH_MEMORY, ERROR_DHCP_JET_ERROR for exceptions.
template <typename Body>
DWORD call(Body&& body) noexcept {
  try {
    const Status status = body();
    if (status) return ERROR_SUCCESS;
    // Windows has one answer for a server that is not to be reached.
    if (status.error().code == Win32::kTimeout ||
        status.error().code == Win32::kDhcpServerNameNotResolved)
      return RPC_S_SERVER_UNAVAILABLE;
    return static_cast<DWORD>(status.error().code);
  } catch (const std::bad_alloc&) {
    return ERROR_NOT_ENOUGH_MEMORY;
  } catch (...) {
    return ERROR_DHCP_JET_ERROR;
  }
}

/// A code without a story: the caller sees only the number.
inline tl::unexpected<Error> code(Win32 number) {
  return fail(number, ErrorKind::kRefused, "", "", "");
}

/// `number`, unless the caller lacks the role: Windows looks at that first.
inline Status refuse(Session& session, Role role, Win32 number) {
  LEASELEDGER_TRY(session.require(role));
  return code(number);
}

/// One command, done and durable.
Status submit(Session& session, Command command);

/// The subnet that SubnetAddress means: the one with that address, otherwise the /64 around it, there or not.
Result<Ipv6Prefix> scope_of(Session& session, const DHCP_IPV6_ADDRESS& address);
/// The same, with the subnet; nullopt when there is none.
Result<std::optional<SubnetRow>> find_scope(Session& session, const DHCP_IPV6_ADDRESS& address);

/// Now, with the records that nobody has ended though their time is over: Windows shows them.
When with_lapsed();

}  // namespace leaseledger::dhcpsapi
