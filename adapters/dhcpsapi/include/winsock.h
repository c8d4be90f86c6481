#ifndef LEASELEDGER_WINSOCK_H
#define LEASELEDGER_WINSOCK_H
#include <winsock2.h>
#endif
