#ifndef LEASELEDGER_WS2TCPIP_H
#define LEASELEDGER_WS2TCPIP_H
/* Addresses as text, in UTF-16. */

#include <winsock2.h>

/** 1: `Address` has the address in network order; 0: it is no address of that family; -1: AF_INET and AF_INET6 only. */
DHCPSAPI_API INT dhcpsapi_InetPtonW(INT Family, LPCWSTR Text, PVOID Address);
/** `Text`, or NULL when `Size` (in WCHARs, the NUL included) is too small or the family unknown. */
DHCPSAPI_API LPCWSTR dhcpsapi_InetNtopW(INT Family, const VOID* Address, LPWSTR Text, size_t Size);
#define InetPtonW dhcpsapi_InetPtonW
#define InetNtopW dhcpsapi_InetNtopW
#define InetPtonA inet_pton
#define InetNtopA inet_ntop
#ifdef UNICODE
#define InetPton InetPtonW
#define InetNtop InetNtopW
#endif

#endif
