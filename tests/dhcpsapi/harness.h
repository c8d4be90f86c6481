#ifndef LEASELEDGER_TESTS_DHCPSAPI_HARNESS_H
#define LEASELEDGER_TESTS_DHCPSAPI_HARNESS_H
/* What a C test needs of the ledger behind the calls. In-process a new, empty one with a clock of its own; when
 * LEASELEDGER_SERVER is set, the daemon there, and the tests that need the others are left out. */

#include <dhcpsapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The tests; the number of failures. */
int run_tests(void);

/** Whether the ledger is in this process: the calls below work. */
int harness_is_local(void);
/** Who calls from now on: 0 nobody, 1 a user, 2 an administrator. */
void harness_role(int role);
/** Commands that the API does not have. */
void harness_renew(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid);
void harness_decline(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid);
void harness_release(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid);
/** A subnet of any length, without an overlap. */
void harness_subnet(DHCP_IPV6_ADDRESS address, int length);
/** A delegated prefix out of a pool of the scope, a /56 in `pool`, a /48 outside of it. */
void harness_delegate(DHCP_IPV6_ADDRESS scope, DHCP_IPV6_ADDRESS pool, const DHCP_CLIENT_UID* duid);
void harness_advance(int seconds);
/** The clock, as a DATE_TIME. */
DATE_TIME harness_now(void);
/** The server's own address: 2001:db8:ffff::547. */
DHCP_IPV6_ADDRESS harness_owner(void);
/** Results that have not been freed. */
int harness_results(void);

#ifdef __cplusplus
}
#endif
#endif
