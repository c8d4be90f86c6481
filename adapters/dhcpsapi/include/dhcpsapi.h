#ifndef LEASELEDGER_DHCPSAPI_H
#define LEASELEDGER_DHCPSAPI_H
/* The DHCPv6 part of the Windows DHCP Server Management API over a lease ledger: names, types, layouts and answers are those of
 * Windows, so that a program written for it is compiled again and not changed. C11 and C++11; link with -ldhcpsapi.
 *
 * Every call returns a code: ERROR_SUCCESS (0), ERROR_DHCP_... (20000 to 20138, below) or a general one (winerror.h).
 *
 * ServerIpAddress, the first argument of every call, names the ledger:
 *   NULL or ""            the daemon of this machine: /run/leaseledger/leaseledgerd.sock, or what LEASELEDGER_SERVER says
 *                         ("unix:/path" or "tls:host:port");
 *   an address or a name  the daemon there: TLS, port 8547, with the certificate of LEASELEDGER_CERT_FILE, LEASELEDGER_KEY_FILE
 *                         and LEASELEDGER_CA_FILE, or client.pem, client.key and ca.pem in ~/.config/leaseledger;
 *   "unix:..", "tls:.."   just that (ours).
 * RPC_S_SERVER_UNAVAILABLE 1722: the name does not resolve or nobody answers, within 10 s; ERROR_ACCESS_DENIED 5: the
 * certificate is not believed, or the caller lacks the role. Reading needs the role user, writing administrator.
 * ERROR_BUSY 170, ERROR_IO_DEVICE 1117: the ledger could not, see docs/operating.md.
 *
 * A successful write is durable when the call returns. Every call, refused ones too, may come from any thread; a connection is
 * kept for each server, and a child process after fork() makes its own.
 *
 * What a call gives back through a pointer to a pointer is one block: one DhcpRpcFreeMemory() of that pointer frees all of it.
 * On failure the pointer is set to NULL (where a row below does not say otherwise).
 *
 * Everywhere ERROR_INVALID_PARAMETER 87, and never a crash, for a NULL that Windows refuses, for text that is not well-formed
 * UTF-16 (ours), and for a DUID of more than 130 octets (ours: RFC 9915 section 11.1). Text is kept as UTF-8.
 *
 * A scope (subnet) in Windows is a /64 and is named by its address alone. SubnetAddress means the ledger's subnet with exactly
 * that address, whatever its length, and otherwise the /64 around it.
 *
 * Leases of delegated prefixes (IA_PD), which Windows does not have, do not fit these structures and are left out.
 *
 * "In Windows" below: MS-DHCPM section 3.2.4 and the pages of dhcpsapi.h. "Ours": where this library differs on purpose. */

#include <windef.h>
#include <winerror.h>

#define DHCP_API_FUNCTION WINAPI
#define DHCP_CONST const
/* Enumerations have a fixed size in C++ too, so that a wrong value is a wrong value and nothing worse. */
#ifdef __cplusplus
#define DHCPSAPI_ENUM : int
#else
#define DHCPSAPI_ENUM
#endif

/* ---- codes of the DHCP server; five are spelled EXITS, as in Windows ---- */

#define ERROR_DHCP_REGISTRY_INIT_FAILED 20000U
#define ERROR_DHCP_DATABASE_INIT_FAILED 20001U
#define ERROR_DHCP_RPC_INIT_FAILED 20002U
#define ERROR_DHCP_NETWORK_INIT_FAILED 20003U
#define ERROR_DHCP_SUBNET_EXITS 20004U
#define ERROR_DHCP_SUBNET_NOT_PRESENT 20005U
#define ERROR_DHCP_PRIMARY_NOT_FOUND 20006U
#define ERROR_DHCP_ELEMENT_CANT_REMOVE 20007U
#define ERROR_DHCP_OPTION_EXITS 20009U
#define ERROR_DHCP_OPTION_NOT_PRESENT 20010U
#define ERROR_DHCP_ADDRESS_NOT_AVAILABLE 20011U
#define ERROR_DHCP_RANGE_FULL 20012U
#define ERROR_DHCP_JET_ERROR 20013U
#define ERROR_DHCP_CLIENT_EXISTS 20014U
#define ERROR_DHCP_INVALID_DHCP_MESSAGE 20015U
#define ERROR_DHCP_INVALID_DHCP_CLIENT 20016U
#define ERROR_DHCP_SERVICE_PAUSED 20017U
#define ERROR_DHCP_NOT_RESERVED_CLIENT 20018U
#define ERROR_DHCP_RESERVED_CLIENT 20019U
#define ERROR_DHCP_RANGE_TOO_SMALL 20020U
#define ERROR_DHCP_IPRANGE_EXITS 20021U
#define ERROR_DHCP_RESERVEDIP_EXITS 20022U
#define ERROR_DHCP_INVALID_RANGE 20023U
#define ERROR_DHCP_RANGE_EXTENDED 20024U
#define ERROR_EXTEND_TOO_SMALL 20025U
#define WARNING_EXTENDED_LESS 20026U
#define ERROR_DHCP_JET_CONV_REQUIRED 20027U
#define ERROR_SERVER_INVALID_BOOT_FILE_TABLE 20028U
#define ERROR_SERVER_UNKNOWN_BOOT_FILE_NAME 20029U
#define ERROR_DHCP_SUPER_SCOPE_NAME_TOO_LONG 20030U
#define ERROR_DHCP_IP_ADDRESS_IN_USE 20032U
#define ERROR_DHCP_LOG_FILE_PATH_TOO_LONG 20033U
#define ERROR_DHCP_UNSUPPORTED_CLIENT 20034U
#define ERROR_DHCP_SERVER_INTERFACE_NOTIFICATION_EVENT 20035U
#define ERROR_DHCP_JET97_CONV_REQUIRED 20036U
#define ERROR_DHCP_ROGUE_INIT_FAILED 20037U
#define ERROR_DHCP_ROGUE_SAMSHUTDOWN 20038U
#define ERROR_DHCP_ROGUE_NOT_AUTHORIZED 20039U
#define ERROR_DHCP_ROGUE_DS_UNREACHABLE 20040U
#define ERROR_DHCP_ROGUE_DS_CONFLICT 20041U
#define ERROR_DHCP_ROGUE_NOT_OUR_ENTERPRISE 20042U
#define ERROR_DHCP_ROGUE_STANDALONE_IN_DS 20043U
#define ERROR_DHCP_CLASS_NOT_FOUND 20044U
#define ERROR_DHCP_CLASS_ALREADY_EXISTS 20045U
#define ERROR_DHCP_SCOPE_NAME_TOO_LONG 20046U
#define ERROR_DHCP_DEFAULT_SCOPE_EXITS 20047U
#define ERROR_DHCP_CANT_CHANGE_ATTRIBUTE 20048U
#define ERROR_DHCP_IPRANGE_CONV_ILLEGAL 20049U
#define ERROR_DHCP_NETWORK_CHANGED 20050U
#define ERROR_DHCP_CANNOT_MODIFY_BINDINGS 20051U
#define ERROR_DHCP_SUBNET_EXISTS 20052U
#define ERROR_DHCP_MSCOPE_EXISTS 20053U
#define ERROR_MSCOPE_RANGE_TOO_SMALL 20054U
#define ERROR_DHCP_EXEMPTION_EXISTS 20055U
#define ERROR_DHCP_EXEMPTION_NOT_PRESENT 20056U
#define ERROR_DHCP_INVALID_PARAMETER_OPTION32 20057U
#define ERROR_DDS_NO_DS_AVAILABLE 20070U
#define ERROR_DDS_NO_DHCP_ROOT 20071U
#define ERROR_DDS_UNEXPECTED_ERROR 20072U
#define ERROR_DDS_TOO_MANY_ERRORS 20073U
#define ERROR_DDS_DHCP_SERVER_NOT_FOUND 20074U
#define ERROR_DDS_OPTION_ALREADY_EXISTS 20075U
#define ERROR_DDS_OPTION_DOES_NOT_EXIST 20076U
#define ERROR_DDS_CLASS_EXISTS 20077U
#define ERROR_DDS_CLASS_DOES_NOT_EXIST 20078U
#define ERROR_DDS_SERVER_ALREADY_EXISTS 20079U
#define ERROR_DDS_SERVER_DOES_NOT_EXIST 20080U
#define ERROR_DDS_SERVER_ADDRESS_MISMATCH 20081U
#define ERROR_DDS_SUBNET_EXISTS 20082U
#define ERROR_DDS_SUBNET_HAS_DIFF_SSCOPE 20083U
#define ERROR_DDS_SUBNET_NOT_PRESENT 20084U
#define ERROR_DDS_RESERVATION_NOT_PRESENT 20085U
#define ERROR_DDS_RESERVATION_CONFLICT 20086U
#define ERROR_DDS_POSSIBLE_RANGE_CONFLICT 20087U
#define ERROR_DDS_RANGE_DOES_NOT_EXIST 20088U
#define ERROR_DHCP_DELETE_BUILTIN_CLASS 20089U
#define ERROR_DHCP_INVALID_SUBNET_PREFIX 20091U
#define ERROR_DHCP_INVALID_DELAY 20092U
#define ERROR_DHCP_LINKLAYER_ADDRESS_EXISTS 20093U
#define ERROR_DHCP_LINKLAYER_ADDRESS_RESERVATION_EXISTS 20094U
#define ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST 20095U
#define ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT 20101U
#define ERROR_DHCP_UNDEFINED_HARDWARE_ADDRESS_TYPE 20102U
#define ERROR_DHCP_OPTION_TYPE_MISMATCH 20103U
#define ERROR_DHCP_POLICY_BAD_PARENT_EXPR 20104U
#define ERROR_DHCP_POLICY_EXISTS 20105U
#define ERROR_DHCP_POLICY_RANGE_EXISTS 20106U
#define ERROR_DHCP_POLICY_RANGE_BAD 20107U
#define ERROR_DHCP_RANGE_INVALID_IN_SERVER_POLICY 20108U
#define ERROR_DHCP_INVALID_POLICY_EXPRESSION 20109U
#define ERROR_DHCP_INVALID_PROCESSING_ORDER 20110U
#define ERROR_DHCP_POLICY_NOT_FOUND 20111U
#define ERROR_SCOPE_RANGE_POLICY_RANGE_CONFLICT 20112U
#define ERROR_DHCP_FO_SCOPE_ALREADY_IN_RELATIONSHIP 20113U
#define ERROR_DHCP_FO_RELATIONSHIP_EXISTS 20114U
#define ERROR_DHCP_FO_RELATIONSHIP_DOES_NOT_EXIST 20115U
#define ERROR_DHCP_FO_SCOPE_NOT_IN_RELATIONSHIP 20116U
#define ERROR_DHCP_FO_RELATION_IS_SECONDARY 20117U
#define ERROR_DHCP_FO_NOT_SUPPORTED 20118U
#define ERROR_DHCP_FO_TIME_OUT_OF_SYNC 20119U
#define ERROR_DHCP_FO_STATE_NOT_NORMAL 20120U
#define ERROR_DHCP_NO_ADMIN_PERMISSION 20121U
#define ERROR_DHCP_SERVER_NOT_REACHABLE 20122U
#define ERROR_DHCP_SERVER_NOT_RUNNING 20123U
#define ERROR_DHCP_SERVER_NAME_NOT_RESOLVED 20124U
#define ERROR_DHCP_FO_RELATIONSHIP_NAME_TOO_LONG 20125U
#define ERROR_DHCP_REACHED_END_OF_SELECTION 20126U
#define ERROR_DHCP_FO_ADDSCOPE_LEASES_NOT_SYNCED 20127U
#define ERROR_DHCP_FO_MAX_RELATIONSHIPS 20128U
#define ERROR_DHCP_FO_IPRANGE_TYPE_CONV_ILLEGAL 20129U
#define ERROR_DHCP_FO_MAX_ADD_SCOPES 20130U
#define ERROR_DHCP_FO_BOOT_NOT_SUPPORTED 20131U
#define ERROR_DHCP_FO_RANGE_PART_OF_REL 20132U
#define ERROR_DHCP_FO_SCOPE_SYNC_IN_PROGRESS 20133U
#define ERROR_DHCP_FO_FEATURE_NOT_SUPPORTED 20134U
#define ERROR_DHCP_POLICY_FQDN_RANGE_UNSUPPORTED 20135U
#define ERROR_DHCP_POLICY_FQDN_OPTION_UNSUPPORTED 20136U
#define ERROR_DHCP_POLICY_EDIT_FQDN_UNSUPPORTED 20137U
#define ERROR_DHCP_NAP_NOT_SUPPORTED 20138U
#define ERROR_LAST_DHCP_SERVER_ERROR 20139U

/* ---- types ---- */

/** Two numbers in the byte order of the machine: fc00::a is {0xFC00000000000000, 0x0A}. */
typedef struct _DHCP_IPV6_ADDRESS {
  ULONGLONG HighOrderBits;
  ULONGLONG LowOrderBits;
} DHCP_IPV6_ADDRESS, *PDHCP_IPV6_ADDRESS, *LPDHCP_IPV6_ADDRESS;
typedef const DHCP_IPV6_ADDRESS* LPCDHCP_IPV6_ADDRESS;
typedef DHCP_IPV6_ADDRESS DHCP_RESUME_IPV6_HANDLE;
typedef DWORD DHCP_RESUME_HANDLE;

/** 100 ns since 1601-01-01 UTC. As an end: zero is "not given", the infinite one "never". The ledger keeps 1677 to 2262;
 *  what is later is infinite. */
typedef struct _DATE_TIME {
  DWORD dwLowDateTime;
  DWORD dwHighDateTime;
} DATE_TIME, *PDATE_TIME, *LPDATE_TIME;
#define DHCP_DATE_TIME_ZERO_HIGH 0
#define DHCP_DATE_TIME_ZERO_LOW 0
#define DHCP_DATE_TIME_INFINIT_HIGH 0x7FFFFFFF
#define DHCP_DATE_TIME_INFINIT_LOW 0xFFFFFFFF

typedef struct _DHCP_BINARY_DATA {
  DWORD DataLength;
  BYTE* Data;
} DHCP_BINARY_DATA, *PDHCP_BINARY_DATA, *LPDHCP_BINARY_DATA, DHCP_CLIENT_UID;

typedef struct _DHCP_HOST_INFO_V6 {
  DHCP_IPV6_ADDRESS IpAddress;
  LPWSTR NetBiosName;
  LPWSTR HostName;
} DHCP_HOST_INFO_V6, *PDHCP_HOST_INFO_V6, *LPDHCP_HOST_INFO_V6;

#define ADDRESS_TYPE_IANA 0
#define ADDRESS_TYPE_IATA 1

typedef struct _DHCP_CLIENT_INFO_V6 {
  DHCP_IPV6_ADDRESS ClientIpAddress;
  DHCP_CLIENT_UID ClientDUID;
  DWORD AddressType; /**< ADDRESS_TYPE_IANA or ADDRESS_TYPE_IATA. */
  DWORD IAID;
  LPWSTR ClientName;
  LPWSTR ClientComment;
  DATE_TIME ClientValidLeaseExpires;
  DATE_TIME ClientPrefLeaseExpires;
  DHCP_HOST_INFO_V6 OwnerHost; /**< the server that gave the lease. */
} DHCP_CLIENT_INFO_V6, *PDHCP_CLIENT_INFO_V6, *LPDHCP_CLIENT_INFO_V6;
typedef const DHCP_CLIENT_INFO_V6* LPCDHCP_CLIENT_INFO_V6;

typedef struct _DHCP_CLIENT_INFO_ARRAY_V6 {
  DWORD NumElements;
  LPDHCP_CLIENT_INFO_V6* Clients;
} DHCP_CLIENT_INFO_ARRAY_V6, *PDHCP_CLIENT_INFO_ARRAY_V6, *LPDHCP_CLIENT_INFO_ARRAY_V6;

typedef enum _DHCP_SUBNET_STATE DHCPSAPI_ENUM {
  DhcpSubnetEnabled = 0,
  DhcpSubnetDisabled = 1,
  DhcpSubnetEnabledSwitched = 2,
  DhcpSubnetDisabledSwitched = 3,
  DhcpSubnetInvalidState = 4
} DHCP_SUBNET_STATE,
    *LPDHCP_SUBNET_STATE;

typedef struct _DHCP_SUBNET_INFO_V6 {
  DHCP_IPV6_ADDRESS SubnetAddress;
  ULONG Prefix;
  USHORT Preference; /**< 0 to 255. */
  LPWSTR SubnetName;
  LPWSTR SubnetComment;
  DWORD State;   /**< DHCP_SUBNET_STATE. */
  DWORD ScopeId; /**< given by the ledger. */
} DHCP_SUBNET_INFO_V6, *PDHCP_SUBNET_INFO_V6, *LPDHCP_SUBNET_INFO_V6;

typedef struct _DHCPV6_IP_ARRAY {
  DWORD NumElements;
  LPDHCP_IPV6_ADDRESS Elements;
} DHCPV6_IP_ARRAY, *PDHCPV6_IP_ARRAY, *LPDHCPV6_IP_ARRAY;

/** Both ends belong to it. */
typedef struct _DHCP_IP_RANGE_V6 {
  DHCP_IPV6_ADDRESS StartAddress;
  DHCP_IPV6_ADDRESS EndAddress;
} DHCP_IP_RANGE_V6, *PDHCP_IP_RANGE_V6, *LPDHCP_IP_RANGE_V6;

typedef struct _DHCP_IP_RESERVATION_V6 {
  DHCP_IPV6_ADDRESS ReservedIpAddress;
  DHCP_CLIENT_UID* ReservedForClient; /**< the DUID. */
  DWORD InterfaceId;                  /**< the IAID. */
} DHCP_IP_RESERVATION_V6, *PDHCP_IP_RESERVATION_V6, *LPDHCP_IP_RESERVATION_V6;

typedef enum _DHCP_SUBNET_ELEMENT_TYPE_V6 DHCPSAPI_ENUM {
  Dhcpv6IpRanges = 0,
  Dhcpv6ReservedIps = 1,
  Dhcpv6ExcludedIpRanges = 2
} DHCP_SUBNET_ELEMENT_TYPE_V6,
    *LPDHCP_SUBNET_ELEMENT_TYPE_V6;

typedef struct _DHCP_SUBNET_ELEMENT_DATA_V6 {
  DHCP_SUBNET_ELEMENT_TYPE_V6 ElementType;
  union _DHCP_SUBNET_ELEMENT_UNION_V6 {
    DHCP_IP_RANGE_V6* IpRange;
    DHCP_IP_RESERVATION_V6* ReservedIp;
    DHCP_IP_RANGE_V6* ExcludeIpRange;
  } Element;
} DHCP_SUBNET_ELEMENT_DATA_V6, *PDHCP_SUBNET_ELEMENT_DATA_V6, *LPDHCP_SUBNET_ELEMENT_DATA_V6;
typedef union _DHCP_SUBNET_ELEMENT_UNION_V6 DHCP_SUBNET_ELEMENT_UNION_V6;

typedef struct _DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 {
  DWORD NumElements;
  LPDHCP_SUBNET_ELEMENT_DATA_V6 Elements;
} DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6, *PDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6,
    *LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6;

/** Beware: zero means "with everything in it". */
typedef enum _DHCP_FORCE_FLAG DHCPSAPI_ENUM {
  DhcpFullForce = 0,
  DhcpNoForce = 1,
  DhcpFailoverForce = 2
} DHCP_FORCE_FLAG,
    *LPDHCP_FORCE_FLAG;

typedef enum _DHCP_CLIENT_SEARCH_TYPE_V6 DHCPSAPI_ENUM {
  Dhcpv6ClientIpAddress = 0,
  Dhcpv6ClientDUID = 1,
  Dhcpv6ClientName = 2
} DHCP_SEARCH_INFO_TYPE_V6,
    *LPDHCP_SEARCH_INFO_TYPE_V6;

typedef struct _DHCP_CLIENT_SEARCH_INFO_V6 {
  DHCP_SEARCH_INFO_TYPE_V6 SearchType;
  union _DHCP_CLIENT_SEARCH_UNION_V6 {
    DHCP_IPV6_ADDRESS ClientIpAddress;
    DHCP_CLIENT_UID ClientDUID;
    LPWSTR ClientName;
  } SearchInfo;
} DHCP_SEARCH_INFO_V6, *PDHCP_SEARCH_INFO_V6, *LPDHCP_SEARCH_INFO_V6;
typedef const DHCP_SEARCH_INFO_V6* LPCDHCP_SEARCH_INFO_V6;

typedef struct _SCOPE_MIB_INFO_V6 {
  DHCP_IPV6_ADDRESS Subnet;
  ULONGLONG NumAddressesInuse;
  ULONGLONG NumAddressesFree;
  ULONGLONG NumPendingAdvertises;
} SCOPE_MIB_INFO_V6, *PSCOPE_MIB_INFO_V6, *LPSCOPE_MIB_INFO_V6;

typedef struct _DHCP_MIB_INFO_V6 {
  DWORD Solicits;
  DWORD Advertises;
  DWORD Requests;
  DWORD Renews;
  DWORD Rebinds;
  DWORD Replies;
  DWORD Confirms;
  DWORD Declines;
  DWORD Releases;
  DWORD Informs;
  DATE_TIME ServerStartTime;
  DWORD Scopes;
  LPSCOPE_MIB_INFO_V6 ScopeInfo;
} DHCP_MIB_INFO_V6, *PDHCP_MIB_INFO_V6, *LPDHCP_MIB_INFO_V6;

#if defined(__cplusplus)
#define DHCPSAPI_LAYOUT(condition) static_assert(condition, "the layout of 64-bit Windows")
#else
#define DHCPSAPI_LAYOUT(condition) _Static_assert(condition, "the layout of 64-bit Windows")
#endif
DHCPSAPI_LAYOUT(sizeof(WCHAR) == 2 && sizeof(DWORD) == 4 && sizeof(void*) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_IPV6_ADDRESS) == 16 && offsetof(DHCP_IPV6_ADDRESS, LowOrderBits) == 8);
DHCPSAPI_LAYOUT(sizeof(DATE_TIME) == 8 && offsetof(DATE_TIME, dwHighDateTime) == 4);
DHCPSAPI_LAYOUT(sizeof(DHCP_CLIENT_UID) == 16 && offsetof(DHCP_CLIENT_UID, Data) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_HOST_INFO_V6) == 32 && offsetof(DHCP_HOST_INFO_V6, NetBiosName) == 16 &&
                offsetof(DHCP_HOST_INFO_V6, HostName) == 24);
DHCPSAPI_LAYOUT(sizeof(DHCP_CLIENT_INFO_V6) == 104 &&
                offsetof(DHCP_CLIENT_INFO_V6, ClientDUID) == 16 &&
                offsetof(DHCP_CLIENT_INFO_V6, AddressType) == 32 &&
                offsetof(DHCP_CLIENT_INFO_V6, IAID) == 36 &&
                offsetof(DHCP_CLIENT_INFO_V6, ClientName) == 40 &&
                offsetof(DHCP_CLIENT_INFO_V6, ClientComment) == 48 &&
                offsetof(DHCP_CLIENT_INFO_V6, ClientValidLeaseExpires) == 56 &&
                offsetof(DHCP_CLIENT_INFO_V6, ClientPrefLeaseExpires) == 64 &&
                offsetof(DHCP_CLIENT_INFO_V6, OwnerHost) == 72);
DHCPSAPI_LAYOUT(sizeof(DHCP_CLIENT_INFO_ARRAY_V6) == 16 &&
                offsetof(DHCP_CLIENT_INFO_ARRAY_V6, Clients) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_SUBNET_INFO_V6) == 48 && offsetof(DHCP_SUBNET_INFO_V6, Prefix) == 16 &&
                offsetof(DHCP_SUBNET_INFO_V6, Preference) == 20 &&
                offsetof(DHCP_SUBNET_INFO_V6, SubnetName) == 24 &&
                offsetof(DHCP_SUBNET_INFO_V6, SubnetComment) == 32 &&
                offsetof(DHCP_SUBNET_INFO_V6, State) == 40 &&
                offsetof(DHCP_SUBNET_INFO_V6, ScopeId) == 44);
DHCPSAPI_LAYOUT(sizeof(DHCPV6_IP_ARRAY) == 16 && offsetof(DHCPV6_IP_ARRAY, Elements) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_IP_RANGE_V6) == 32 && offsetof(DHCP_IP_RANGE_V6, EndAddress) == 16);
DHCPSAPI_LAYOUT(sizeof(DHCP_IP_RESERVATION_V6) == 32 &&
                offsetof(DHCP_IP_RESERVATION_V6, ReservedForClient) == 16 &&
                offsetof(DHCP_IP_RESERVATION_V6, InterfaceId) == 24);
DHCPSAPI_LAYOUT(sizeof(DHCP_SUBNET_ELEMENT_DATA_V6) == 16 &&
                offsetof(DHCP_SUBNET_ELEMENT_DATA_V6, Element) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6) == 16 &&
                offsetof(DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6, Elements) == 8);
DHCPSAPI_LAYOUT(sizeof(DHCP_SEARCH_INFO_V6) == 24 &&
                offsetof(DHCP_SEARCH_INFO_V6, SearchInfo) == 8);
DHCPSAPI_LAYOUT(sizeof(SCOPE_MIB_INFO_V6) == 40 &&
                offsetof(SCOPE_MIB_INFO_V6, NumAddressesInuse) == 16);
DHCPSAPI_LAYOUT(sizeof(DHCP_MIB_INFO_V6) == 64 &&
                offsetof(DHCP_MIB_INFO_V6, ServerStartTime) == 40 &&
                offsetof(DHCP_MIB_INFO_V6, Scopes) == 48 &&
                offsetof(DHCP_MIB_INFO_V6, ScopeInfo) == 56);

/* ---- scopes ---- */

/** A new scope. The low 64 bits of SubnetAddress, and SubnetInfo's SubnetAddress, Prefix and ScopeId, do not count. Leases made
 *  without an end get the defaults of Windows: 8 days preferred, 12 days valid.
 *  5 no administrator; 87 SubnetInfo NULL, and (ours) Preference over 255 or a State that is none;
 *  ERROR_DHCP_INVALID_SUBNET_PREFIX 20091 not unicast, or link-local; ERROR_DUPLICATE_TAG 2014 (neither 20004 nor 20052)
 *  there already; ERROR_DHCP_SUBNET_EXISTS 20052 (ours) overlaps a subnet of another length. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpCreateSubnetV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                        DHCP_IPV6_ADDRESS SubnetAddress,
                                                        DHCP_SUBNET_INFO_V6* SubnetInfo);

/** The scope goes with its exclusions and reservations, and, unless ForceFlag is DhcpNoForce, with its leases.
 *  5; ERROR_FILE_NOT_FOUND 2 no such scope; ERROR_DHCP_ELEMENT_CANT_REMOVE 20007 DhcpNoForce and it has leases, those of
 *  reservations included; 87 (ours) a flag that is none of the three. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpDeleteSubnetV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                        DHCP_IPV6_ADDRESS SubnetAddress,
                                                        DHCP_FORCE_FLAG ForceFlag);

/** 5; 87 SubnetInfo NULL; ERROR_DHCP_SUBNET_NOT_PRESENT 20005. Prefix is the subnet's length, 64 for a scope made by
 *  DhcpCreateSubnetV6 (ours: Windows does not keep it). */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpGetSubnetInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                         DHCP_IPV6_ADDRESS SubnetAddress,
                                                         LPDHCP_SUBNET_INFO_V6* SubnetInfo);

/** Name, comment, preference and state are written as given, NULL clears a text; the others do not count.
 *  5; 87 SubnetInfo NULL, and (ours) Preference over 255 or a State that is none; 20005 no such scope. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpSetSubnetInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                         DHCP_IPV6_ADDRESS SubnetAddress,
                                                         DHCP_SUBNET_INFO_V6* SubnetInfo);

/** Addresses of scopes, in order, from number *ResumeHandle on, at most PreferredMaximum: scopes, not bytes. 0 even when more
 *  remain; ElementsTotal is how many there are from the handle on; the handle is moved.
 *  5; 87 a NULL; ERROR_NO_MORE_ITEMS 259 none from there on, or PreferredMaximum 0. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpEnumSubnetsV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                       DHCP_RESUME_HANDLE* ResumeHandle,
                                                       DWORD PreferredMaximum,
                                                       LPDHCPV6_IP_ARRAY* EnumInfo,
                                                       DWORD* ElementsRead, DWORD* ElementsTotal);

/* ---- exclusions and reservations ---- */

/** Exclusion: 2014 when it overlaps one (ours: also when it is the same); start after end, or outside of the scope, is taken
 *  and excludes nothing.
 *  Reservation of address A for client K, (DUID, InterfaceId):
 *    A or K has a reservation             ERROR_DHCP_RESERVEDIP_EXITS 20022
 *    A is free, K has no lease            reserved, and a client record is made
 *    K leases A                           reserved; the lease stays as it is
 *    K leases another, reserved address   20022
 *    K leases another address             that lease is deleted, a client record is made at A
 *    another client leases A              his lease is deleted, a client record is made for K
 *    A is outside of the scope            the reservation alone
 *  Dhcpv6IpRanges: nothing is done, 0.
 *  5; 87 AddElementInfo or what it points to NULL, an empty DUID, or a type that is none; 2 no such scope. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION
DhcpAddSubnetElementV6(DHCP_CONST WCHAR* ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
                       DHCP_SUBNET_ELEMENT_DATA_V6* AddElementInfo);

/** A reservation is found by its address alone, and its client record goes with it unless the client has leased it; an
 *  exclusion by both ends. ForceFlag does not count. Dhcpv6IpRanges: nothing is done, 0.
 *  5; 87 as above; 2 no such scope, reservation or exclusion. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpRemoveSubnetElementV6(
    DHCP_CONST WCHAR* ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
    DHCP_SUBNET_ELEMENT_DATA_V6* RemoveElementInfo, DHCP_FORCE_FLAG ForceFlag);

/** Elements from number *ResumeHandle on, as many as fit in PreferredMaximum bytes (48 for an exclusion, 48 and the DUID for a
 *  reservation; 0xFFFFFFFF: all). ElementsTotal is how many there are from the handle on; the handle is moved.
 *  ERROR_MORE_DATA 234: more remain, and what fitted, if anything did, is there.
 *  5; 87 a NULL, Dhcpv6IpRanges, or a type that is none; 2 no such scope; 259 none from there on. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpEnumSubnetElementsV6(
    DHCP_CONST WCHAR* ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
    DHCP_SUBNET_ELEMENT_TYPE_V6 EnumElementType, DHCP_RESUME_HANDLE* ResumeHandle,
    DWORD PreferredMaximum, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6* EnumElementInfo,
    DWORD* ElementsRead, DWORD* ElementsTotal);

/* ---- leases ---- */

/** The seed: a lease record. Address, DUID, IAID, name, comment and ClientValidLeaseExpires are taken; an end in the past is not
 *  refused, and a zero one is the scope's valid lifetime from now (ours). ClientPrefLeaseExpires is taken too; the valid end when
 *  zero (ours: Windows names no rule for it). AddressType is ADDRESS_TYPE_IANA whatever is given; OwnerHost becomes the server's
 *  own address without names.
 *  5; 87 ClientInfo NULL, DUID NULL or empty; 20005 no scope has the address; ERROR_DHCP_CLIENT_EXISTS 20014 a record has the
 *  address, or the same (DUID, IAID) in that scope. A record whose valid lifetime is over does not stand in the way (ours). */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpV6CreateClientInfo(DHCP_CONST WCHAR* ServerIpAddress,
                                                            LPCDHCP_CLIENT_INFO_V6 ClientInfo);

/** The record at an address, also when its lifetime is over and nobody has taken it away yet. There is no search by DUID or name
 *  in the v6 calls of Windows: 87.
 *  5; 87 a NULL, or another SearchType than Dhcpv6ClientIpAddress; ERROR_DHCP_JET_ERROR 20013 no record there. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpGetClientInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                         LPCDHCP_SEARCH_INFO_V6 SearchInfo,
                                                         LPDHCP_CLIENT_INFO_V6* ClientInfo);

/** DUID, IAID, name and comment of the record at ClientIpAddress become those; the ends cannot be changed. A second record of the
 *  same client is not refused.
 *  5; 87 ClientInfo NULL; 2 no scope has the address, or no record is there; 87 DUID NULL or empty;
 *  ERROR_BUFFER_OVERFLOW 111 DUID over 256 octets (131 to 256: 87, ours). */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpSetClientInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                         LPCDHCP_CLIENT_INFO_V6 ClientInfo);

/** 5; 87 SearchInfo NULL, or another SearchType than Dhcpv6ClientIpAddress; 20022 the address has a reservation; 20013 no record
 *  there. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpDeleteClientInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                            LPCDHCP_SEARCH_INFO_V6 SearchInfo);

/** Records of a scope with addresses greater than *ResumeHandle (zero: all), in order. PreferredMaximum counts bytes, at least
 *  1024 and at most 65536 (0xFFFFFFFF: everything): 112 for a record, its DUID, and two for each unit of its texts with their
 *  ends. At least one record comes.
 *  0: these were the last; ClientsTotal equals ClientsRead, the handle is zero again.
 *  ERROR_MORE_DATA 234: more remain; the handle is the last address given, ClientsTotal 0x7FFFFFFF, as Windows has it.
 *  5; 87 a NULL; 259 none, also when there is no such scope.
 *  Ours: the record of the handle may be gone meanwhile (Windows: 2). */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpEnumSubnetClientsV6(
    DHCP_CONST WCHAR* ServerIpAddress, DHCP_IPV6_ADDRESS SubnetAddress,
    DHCP_RESUME_IPV6_HANDLE* ResumeHandle, DWORD PreferredMaximum,
    LPDHCP_CLIENT_INFO_ARRAY_V6* ClientInfo, DWORD* ClientsRead, DWORD* ClientsTotal);

/* ---- questions ---- */

/** The lowest addresses of scope ScopeId from StartIP to EndIP (zero: the scope's first and last) that have no record, of
 *  whatever state, and are not excluded; NumFreeAddr of them, 0 means 1.
 *  Before anything else 87: IPAddrList NULL, ScopeId zero, more than 1024, and when both ends are given the start after the end or
 *  fewer addresses than asked; then 5; 20005 no such scope; 87 an end outside of it.
 *  ERROR_DHCP_REACHED_END_OF_SELECTION 20126: there are fewer; *IPAddrList has those, and must be freed. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpV6GetFreeIPAddress(
    DHCP_CONST WCHAR* ServerIpAddress, DHCP_IPV6_ADDRESS ScopeId, DHCP_IPV6_ADDRESS StartIP,
    DHCP_IPV6_ADDRESS EndIP, DWORD NumFreeAddr, LPDHCPV6_IP_ARRAY* IPAddrList);

/** 5; 87 MibInfo NULL. Figures that a ledger knows, over the subnets that there are, since each began (ours: Windows counts
 *  packets since its service started):
 *    Requests leases created; Renews leases renewed; Releases leases released; Declines addresses set aside now; the others 0;
 *    ServerStartTime when the daemon started;
 *    for each scope: NumAddressesInuse leases, those that nobody has ended though their time is over included; NumAddressesFree
 *    addresses without a record, 2^64 - 1 when there are more; NumPendingAdvertises 0. */
DHCPSAPI_API DWORD DHCP_API_FUNCTION DhcpGetMibInfoV6(DHCP_CONST WCHAR* ServerIpAddress,
                                                      LPDHCP_MIB_INFO_V6* MibInfo);

/** Frees what a call gave back. NULL is nothing. Ours: so is a pointer into such a block (Windows programs free members too),
 *  one that was freed, and one that never came from here. */
DHCPSAPI_API VOID DHCP_API_FUNCTION DhcpRpcFreeMemory(PVOID BufferPointer);

#endif
