#ifndef LEASELEDGER_WINSOCK2_H
#define LEASELEDGER_WINSOCK2_H
/* What a DHCP administration program uses of Winsock: byte order and addresses as text. The sockets are Linux's own. */

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <windows.h>

typedef int SOCKET;
typedef struct in6_addr IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;
typedef struct in_addr IN_ADDR, *PIN_ADDR;
typedef struct WSAData {
  WORD wVersion;
  WORD wHighVersion;
} WSADATA, *LPWSADATA;

#define INVALID_SOCKET (-1)
#define SOCKET_ERROR (-1)

static inline int WSAStartup(WORD version, LPWSADATA data) {
  if (data != NULL) data->wVersion = data->wHighVersion = version;
  return 0;
}
static inline int WSACleanup(void) { return 0; }
#define WSAGetLastError() ((int)GetLastError())

#endif
