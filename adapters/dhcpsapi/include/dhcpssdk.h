#ifndef LEASELEDGER_DHCPSSDK_H
#define LEASELEDGER_DHCPSSDK_H
/* The name under which older programs include the server's error codes. */
#include <dhcpsapi.h>
#endif
