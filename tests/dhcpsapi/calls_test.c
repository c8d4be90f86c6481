/* Every rule of the calls, as dhcpsapi.h states them, against the public header: compiled as C11 and, through
 * calls_test_cpp.cc, as C++20. */
#include "tests/dhcpsapi/harness.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define W(text) (WCHAR*)(size_t)(const void*)(u##text)

static int failures = 0;
static const char* row = "";

#define ROW(text) (row = (text))
#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      ++failures;                                                             \
      printf("%s:%d: %s: not so: %s\n", __FILE__, __LINE__, row, #condition); \
    }                                                                         \
  } while (0)
#define CHECK_CODE(call, expected)                                                                 \
  do {                                                                                             \
    const DWORD code_ = (call);                                                                    \
    if (code_ != (expected)) {                                                                     \
      ++failures;                                                                                  \
      printf("%s:%d: %s: %s is %u, not %s %u\n", __FILE__, __LINE__, row, #call, code_, #expected, \
             (DWORD)(expected));                                                                   \
    }                                                                                              \
  } while (0)

/* ---- shorthand ---- */

static DHCP_IPV6_ADDRESS ip(ULONGLONG high, ULONGLONG low) {
  DHCP_IPV6_ADDRESS out;
  out.HighOrderBits = high;
  out.LowOrderBits = low;
  return out;
}
/* 2001:db8:d000:N::/64 */
static DHCP_IPV6_ADDRESS scope(unsigned n) { return ip(0x20010DB8D0000000ULL + n, 0); }
static DHCP_IPV6_ADDRESS at(unsigned n, ULONGLONG low) {
  return ip(0x20010DB8D0000000ULL + n, low);
}
static int same_ip(DHCP_IPV6_ADDRESS a, DHCP_IPV6_ADDRESS b) {
  return a.HighOrderBits == b.HighOrderBits && a.LowOrderBits == b.LowOrderBits;
}
static int same_time(DATE_TIME a, DATE_TIME b) {
  return a.dwLowDateTime == b.dwLowDateTime && a.dwHighDateTime == b.dwHighDateTime;
}
/* Within a second: records are never dated alike, whatever the clock says. */
static int near_time(DATE_TIME a, DATE_TIME b) {
  const ULONGLONG x = (ULONGLONG)a.dwHighDateTime << 32 | a.dwLowDateTime;
  const ULONGLONG y = (ULONGLONG)b.dwHighDateTime << 32 | b.dwLowDateTime;
  return x - y + 10000000 <= 20000000;
}
static DATE_TIME date_time(DWORD high, DWORD low) {
  DATE_TIME out;
  out.dwHighDateTime = high;
  out.dwLowDateTime = low;
  return out;
}
static DATE_TIME later(DATE_TIME time, ULONGLONG seconds) {
  const ULONGLONG ticks =
      ((ULONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime) + seconds * 10000000;
  return date_time((DWORD)(ticks >> 32), (DWORD)ticks);
}
static DATE_TIME infinite(void) {
  return date_time(DHCP_DATE_TIME_INFINIT_HIGH, DHCP_DATE_TIME_INFINIT_LOW);
}
static int same_text(const WCHAR* a, const void* expected) {
  const WCHAR* b = (const WCHAR*)expected;
  size_t i = 0;
  if (a == NULL || b == NULL) return a == b;
  while (a[i] == b[i] && a[i] != 0) ++i;
  return a[i] == b[i];
}

static BYTE duid_octets[64][10];
static void make_duids(void) {
  static const BYTE begin[] = {0x00, 0x03, 0x00, 0x01, 0x02, 0x00, 0x5E, 0x10, 0x00};
  unsigned n = 0;
  for (n = 0; n < 64; ++n) {
    memcpy(duid_octets[n], begin, sizeof begin);
    duid_octets[n][9] = (BYTE)n;
  }
}
/* The DUID of client N, an LL one. */
static DHCP_CLIENT_UID duid(unsigned n) {
  DHCP_CLIENT_UID out;
  out.DataLength = 10;
  out.Data = duid_octets[n];
  return out;
}
static int same_duid(DHCP_CLIENT_UID a, DHCP_CLIENT_UID b) {
  return a.DataLength == b.DataLength && memcmp(a.Data, b.Data, a.DataLength) == 0;
}
static DHCP_CLIENT_INFO_V6 client(DHCP_IPV6_ADDRESS address, unsigned n, DWORD iaid) {
  DHCP_CLIENT_INFO_V6 out;
  memset(&out, 0, sizeof out);
  out.ClientIpAddress = address;
  out.ClientDUID = duid(n);
  out.IAID = iaid;
  return out;
}
static DWORD create(DHCP_IPV6_ADDRESS address, unsigned n, DWORD iaid) {
  const DHCP_CLIENT_INFO_V6 info = client(address, n, iaid);
  return DhcpV6CreateClientInfo(NULL, &info);
}
static DHCP_SEARCH_INFO_V6 search(DHCP_IPV6_ADDRESS address) {
  DHCP_SEARCH_INFO_V6 out;
  memset(&out, 0, sizeof out);
  out.SearchType = Dhcpv6ClientIpAddress;
  out.SearchInfo.ClientIpAddress = address;
  return out;
}
static DWORD get(DHCP_IPV6_ADDRESS address, LPDHCP_CLIENT_INFO_V6* out) {
  const DHCP_SEARCH_INFO_V6 what = search(address);
  return DhcpGetClientInfoV6(NULL, &what, out);
}
/* The code of getting the record. */
static DWORD look(DHCP_IPV6_ADDRESS address) {
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  const DWORD code = get(address, &out);
  DhcpRpcFreeMemory(out);
  return code;
}
static DWORD delete_client(DHCP_IPV6_ADDRESS address) {
  const DHCP_SEARCH_INFO_V6 what = search(address);
  return DhcpDeleteClientInfoV6(NULL, &what);
}
static DWORD create_scope(DHCP_IPV6_ADDRESS address, WCHAR* name) {
  DHCP_SUBNET_INFO_V6 info;
  memset(&info, 0, sizeof info);
  info.SubnetAddress = address;
  info.SubnetName = name;
  return DhcpCreateSubnetV6(NULL, address, &info);
}
/* An empty scope, whatever an earlier run left. */
static void new_scope(unsigned n) {
  DhcpDeleteSubnetV6(NULL, scope(n), DhcpFullForce);
  CHECK_CODE(create_scope(scope(n), W("test")), ERROR_SUCCESS);
}
static DHCP_SUBNET_ELEMENT_DATA_V6 exclusion(DHCP_IP_RANGE_V6* range, DHCP_IPV6_ADDRESS first,
                                             DHCP_IPV6_ADDRESS last) {
  DHCP_SUBNET_ELEMENT_DATA_V6 out;
  range->StartAddress = first;
  range->EndAddress = last;
  out.ElementType = Dhcpv6ExcludedIpRanges;
  out.Element.ExcludeIpRange = range;
  return out;
}
static DWORD exclude(unsigned n, ULONGLONG first, ULONGLONG last) {
  DHCP_IP_RANGE_V6 range;
  DHCP_SUBNET_ELEMENT_DATA_V6 element = exclusion(&range, at(n, first), at(n, last));
  return DhcpAddSubnetElementV6(NULL, scope(n), &element);
}
static DWORD include(unsigned n, ULONGLONG first, ULONGLONG last) {
  DHCP_IP_RANGE_V6 range;
  DHCP_SUBNET_ELEMENT_DATA_V6 element = exclusion(&range, at(n, first), at(n, last));
  return DhcpRemoveSubnetElementV6(NULL, scope(n), &element, DhcpFullForce);
}
static DWORD reserve_in(DHCP_IPV6_ADDRESS in, DHCP_IPV6_ADDRESS address, unsigned n, DWORD iaid) {
  DHCP_CLIENT_UID uid = duid(n);
  DHCP_IP_RESERVATION_V6 reservation;
  DHCP_SUBNET_ELEMENT_DATA_V6 element;
  reservation.ReservedIpAddress = address;
  reservation.ReservedForClient = &uid;
  reservation.InterfaceId = iaid;
  element.ElementType = Dhcpv6ReservedIps;
  element.Element.ReservedIp = &reservation;
  return DhcpAddSubnetElementV6(NULL, in, &element);
}
static DWORD reserve(unsigned n, ULONGLONG low, unsigned who, DWORD iaid) {
  return reserve_in(scope(n), at(n, low), who, iaid);
}
static DWORD unreserve(unsigned n, ULONGLONG low) {
  DHCP_IP_RESERVATION_V6 reservation;
  DHCP_SUBNET_ELEMENT_DATA_V6 element;
  memset(&reservation, 0, sizeof reservation);
  reservation.ReservedIpAddress = at(n, low);
  element.ElementType = Dhcpv6ReservedIps;
  element.Element.ReservedIp = &reservation;
  return DhcpRemoveSubnetElementV6(NULL, scope(n), &element, DhcpNoForce);
}
/* Whether the record at an address belongs to client N. */
static int held_by(DHCP_IPV6_ADDRESS address, unsigned n, DWORD iaid) {
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  int yes = 0;
  if (get(address, &out) == ERROR_SUCCESS)
    yes = same_duid(out->ClientDUID, duid(n)) && out->IAID == iaid;
  DhcpRpcFreeMemory(out);
  return yes;
}

/* ---- DhcpV6CreateClientInfo ---- */

static void create_rows(void) {
  DHCP_CLIENT_INFO_V6 info;
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  BYTE many[300];
  memset(many, 0xAB, sizeof many);
  new_scope(1);
  new_scope(2);

  ROW("create: what is kept and what is forced");
  info = client(at(1, 0x10), 1, 77);
  info.ClientName = W("h\u00F6st.example.net");
  info.ClientComment = W("\U0001F600 desk 4");
  info.AddressType = ADDRESS_TYPE_IATA;
  info.ClientValidLeaseExpires = date_time(0x01E00000, 0x12345678);
  info.ClientPrefLeaseExpires = date_time(0x01DFFFFF, 0x80000000);
  info.OwnerHost.IpAddress = ip(1, 2);
  info.OwnerHost.NetBiosName = W("OWNER");
  info.OwnerHost.HostName = W("owner");
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(get(at(1, 0x10), &out), ERROR_SUCCESS);
  if (out != NULL) {
    CHECK(same_ip(out->ClientIpAddress, at(1, 0x10)));
    CHECK(same_duid(out->ClientDUID, duid(1)));
    CHECK(out->AddressType == ADDRESS_TYPE_IANA);
    CHECK(out->IAID == 77);
    CHECK(same_text(out->ClientName, W("h\u00F6st.example.net")));
    CHECK(same_text(out->ClientComment, W("\U0001F600 desk 4")));
    CHECK(same_time(out->ClientValidLeaseExpires, info.ClientValidLeaseExpires));
    CHECK(same_time(out->ClientPrefLeaseExpires, info.ClientPrefLeaseExpires));
    CHECK(out->OwnerHost.NetBiosName == NULL);
    CHECK(out->OwnerHost.HostName == NULL);
    CHECK(!same_ip(out->OwnerHost.IpAddress, ip(1, 2)));
    if (harness_is_local()) CHECK(same_ip(out->OwnerHost.IpAddress, harness_owner()));
  }
  DhcpRpcFreeMemory(out);

  ROW("create: rule 2, no DUID");
  info = client(at(1, 0x20), 2, 1);
  info.ClientDUID.Data = NULL;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
  info = client(at(1, 0x20), 2, 1);
  info.ClientDUID.DataLength = 0;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
  ROW("create: rule 2 comes before rule 3");
  info.ClientIpAddress = ip(0x20010DB8D0FF0000ULL, 1);
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
  ROW("create: longest DUID, and one more (ours)");
  info = client(at(1, 0x21), 2, 1);
  info.ClientDUID.Data = many;
  info.ClientDUID.DataLength = 130;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  info.ClientIpAddress = at(1, 0x22);
  info.ClientDUID.DataLength = 131;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
  ROW("create: a DUID of any shape");
  info.ClientDUID.DataLength = 1;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);

  ROW("create: rule 3, no scope");
  CHECK_CODE(create(ip(0x20010DB8D0FF0000ULL, 1), 3, 1), ERROR_DHCP_SUBNET_NOT_PRESENT);

  ROW("create: rule 4, the address is taken");
  CHECK_CODE(create(at(1, 0x10), 3, 1), ERROR_DHCP_CLIENT_EXISTS);
  ROW("create: rule 4, the client is there");
  CHECK_CODE(create(at(1, 0x30), 1, 77), ERROR_DHCP_CLIENT_EXISTS);
  ROW("create: rule 4, both");
  CHECK_CODE(create(at(1, 0x10), 1, 77), ERROR_DHCP_CLIENT_EXISTS);
  ROW("create: another IAID of the DUID, another DUID with the IAID");
  CHECK_CODE(create(at(1, 0x31), 1, 78), ERROR_SUCCESS);
  CHECK_CODE(create(at(1, 0x32), 3, 77), ERROR_SUCCESS);
  ROW("create: the same client in another scope");
  CHECK_CODE(create(at(2, 0x10), 1, 77), ERROR_SUCCESS);
  ROW("create: IAID 0");
  CHECK_CODE(create(at(2, 0x11), 1, 0), ERROR_SUCCESS);
  ROW("create: a reserved address, a reserved client");
  CHECK_CODE(reserve(1, 0x40, 4, 1), ERROR_SUCCESS);
  CHECK_CODE(create(at(1, 0x40), 5, 1), ERROR_DHCP_CLIENT_EXISTS);
  CHECK_CODE(create(at(1, 0x41), 4, 1), ERROR_DHCP_CLIENT_EXISTS);

  ROW("create: an excluded address and a disabled scope are no matter");
  CHECK_CODE(exclude(1, 0x50, 0x5F), ERROR_SUCCESS);
  CHECK_CODE(create(at(1, 0x55), 6, 1), ERROR_SUCCESS);

  ROW("create: the first and the last address of a scope");
  CHECK_CODE(create(at(2, 0), 7, 1), ERROR_SUCCESS);
  CHECK_CODE(create(at(2, ~0ULL), 7, 2), ERROR_SUCCESS);

  ROW("create: never ends");
  info = client(at(2, 0x60), 8, 1);
  info.ClientValidLeaseExpires = infinite();
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(get(at(2, 0x60), &out), ERROR_SUCCESS);
  if (out != NULL) {
    CHECK(same_time(out->ClientValidLeaseExpires, infinite()));
    CHECK(same_time(out->ClientPrefLeaseExpires, infinite()));
    CHECK(out->ClientName == NULL && out->ClientComment == NULL);
  }
  DhcpRpcFreeMemory(out);

  ROW("create: beyond 2262 is infinite (ours)");
  info = client(at(2, 0x61), 8, 2);
  info.ClientValidLeaseExpires = date_time(0x30000000, 0);
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(get(at(2, 0x61), &out), ERROR_SUCCESS);
  if (out != NULL) CHECK(same_time(out->ClientValidLeaseExpires, infinite()));
  DhcpRpcFreeMemory(out);

  ROW("create: an end in the past is taken and shown, and does not stand in the way (ours)");
  info = client(at(2, 0x62), 8, 3);
  info.ClientValidLeaseExpires = date_time(0x01CCBA70, 0x12345670); /* 2011 */
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(get(at(2, 0x62), &out), ERROR_SUCCESS);
  if (out != NULL) {
    CHECK(same_time(out->ClientValidLeaseExpires, date_time(0x01CCBA70, 0x12345670)));
    CHECK(same_time(out->ClientPrefLeaseExpires, out->ClientValidLeaseExpires));
  }
  DhcpRpcFreeMemory(out);
  CHECK_CODE(create(at(2, 0x62), 9, 3), ERROR_SUCCESS);
  CHECK(held_by(at(2, 0x62), 9, 3));

  ROW("create: an end of 1601 is kept as the earliest that there is (ours)");
  info = client(at(2, 0x63), 8, 4);
  info.ClientValidLeaseExpires = date_time(0, 1);
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(look(at(2, 0x63)), ERROR_SUCCESS);

  ROW("create: no end is the scope's valid lifetime (ours)");
  if (harness_is_local()) {
    CHECK_CODE(create(at(2, 0x64), 8, 5), ERROR_SUCCESS);
    CHECK_CODE(get(at(2, 0x64), &out), ERROR_SUCCESS);
    if (out != NULL)
      CHECK(near_time(out->ClientValidLeaseExpires, later(harness_now(), 12 * 86400)));
    DhcpRpcFreeMemory(out);
  }
}

/* ---- scopes ---- */

static void scope_rows(void) {
  DHCP_SUBNET_INFO_V6 info;
  LPDHCP_SUBNET_INFO_V6 out = NULL;
  LPDHCPV6_IP_ARRAY list = NULL;
  DHCP_RESUME_HANDLE resume = 0;
  DWORD read = 0, total = 0, all = 0, i = 0, found = 0;

  ROW("scope: create and get");
  DhcpDeleteSubnetV6(NULL, scope(0x10), DhcpFullForce);
  memset(&info, 0, sizeof info);
  info.SubnetAddress = ip(9, 9); /* does not count */
  info.Prefix = 48;              /* does not count */
  info.ScopeId = 12345;          /* does not count */
  info.Preference = 200;
  info.SubnetName = W("Z\u00FCrich");
  info.SubnetComment = W("floor 2");
  info.State = DhcpSubnetDisabled;
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x10), &info), ERROR_SUCCESS);
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, scope(0x10), &out), ERROR_SUCCESS);
  if (out != NULL) {
    CHECK(same_ip(out->SubnetAddress, scope(0x10)));
    CHECK(out->Prefix == 64);
    CHECK(out->Preference == 200);
    CHECK(same_text(out->SubnetName, W("Z\u00FCrich")));
    CHECK(same_text(out->SubnetComment, W("floor 2")));
    CHECK(out->State == DhcpSubnetDisabled);
    CHECK(out->ScopeId != 0 && out->ScopeId != 12345);
  }
  DhcpRpcFreeMemory(out);
  ROW("scope: the low 64 bits do not count");
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, at(0x10, 5), &out), ERROR_SUCCESS);
  DhcpRpcFreeMemory(out);
  CHECK_CODE(create_scope(at(0x10, 5), NULL), ERROR_DUPLICATE_TAG);

  ROW("scope: create, what is refused");
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x10), &info), ERROR_DUPLICATE_TAG);
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x11), NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(create_scope(ip(0xFF02000000000000ULL, 0), NULL), ERROR_DHCP_INVALID_SUBNET_PREFIX);
  CHECK_CODE(create_scope(ip(0xFE80000000000000ULL, 0), NULL), ERROR_DHCP_INVALID_SUBNET_PREFIX);
  CHECK_CODE(create_scope(ip(0, 0), NULL), ERROR_DHCP_INVALID_SUBNET_PREFIX);
  ROW("scope: create, what is refused (ours)");
  info.Preference = 256;
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x11), &info), ERROR_INVALID_PARAMETER);
  info.Preference = 0;
  info.State = DhcpSubnetInvalidState;
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x11), &info), ERROR_INVALID_PARAMETER);

  ROW("scope: set");
  memset(&info, 0, sizeof info);
  info.Preference = 7;
  info.SubnetName = W("renamed");
  info.State = DhcpSubnetEnabledSwitched;
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x10), &info), ERROR_SUCCESS);
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, scope(0x10), &out), ERROR_SUCCESS);
  if (out != NULL) {
    CHECK(same_text(out->SubnetName, W("renamed")));
    CHECK(out->SubnetComment == NULL);
    CHECK(out->Preference == 7);
    CHECK(out->State == DhcpSubnetEnabled);
  }
  DhcpRpcFreeMemory(out);
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x10), NULL), ERROR_INVALID_PARAMETER);
  info.Preference = 256;
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x10), &info), ERROR_INVALID_PARAMETER);
  info.Preference = 0;

  ROW("scope: a missing one is 20005 for get and set, 2 for delete");
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, scope(0xFFF), &out), ERROR_DHCP_SUBNET_NOT_PRESENT);
  CHECK(out == NULL);
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0xFFF), &info), ERROR_DHCP_SUBNET_NOT_PRESENT);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0xFFF), DhcpFullForce), ERROR_FILE_NOT_FOUND);
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, scope(0x10), NULL), ERROR_INVALID_PARAMETER);

  ROW("scope: enum counts scopes, 0 even when more remain");
  new_scope(0x12);
  new_scope(0x13);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 0xFFFFFFFF, &list, &read, &total), ERROR_SUCCESS);
  CHECK(list != NULL && list->NumElements == read && read == total && resume == read && read >= 3);
  all = read;
  for (i = 0; list != NULL && i < read; ++i) {
    found += same_ip(list->Elements[i], scope(0x10)) || same_ip(list->Elements[i], scope(0x12)) ||
             same_ip(list->Elements[i], scope(0x13));
    if (i != 0) CHECK(list->Elements[i - 1].HighOrderBits < list->Elements[i].HighOrderBits);
  }
  CHECK(found == 3);
  DhcpRpcFreeMemory(list);
  resume = 0;
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 2, &list, &read, &total), ERROR_SUCCESS);
  CHECK(read == 2 && total == all && resume == 2);
  DhcpRpcFreeMemory(list);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, &list, &read, &total), ERROR_SUCCESS);
  CHECK(read == 1 && total == all - 2 && resume == 3);
  DhcpRpcFreeMemory(list);
  ROW("scope: enum, the end");
  resume = all;
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, &list, &read, &total), ERROR_NO_MORE_ITEMS);
  CHECK(list == NULL && read == 0 && total == 0);
  resume = 0xFFFFFFFF;
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, &list, &read, &total), ERROR_NO_MORE_ITEMS);
  resume = 0;
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 0, &list, &read, &total), ERROR_NO_MORE_ITEMS);

  ROW("scope: delete without force");
  CHECK_CODE(create(at(0x12, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x12), DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE);
  CHECK_CODE(delete_client(at(0x12, 1)), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x12, 2, 2, 1), ERROR_SUCCESS);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x12), DhcpNoForce), ERROR_DHCP_ELEMENT_CANT_REMOVE);
  CHECK_CODE(unreserve(0x12, 2), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x12, 1, 2), ERROR_SUCCESS);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x12), (DHCP_FORCE_FLAG)3), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x12), DhcpNoForce), ERROR_SUCCESS);
  ROW("scope: a zero flag deletes everything");
  CHECK_CODE(create(at(0x13, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x13), (DHCP_FORCE_FLAG)0), ERROR_SUCCESS);
  CHECK_CODE(look(at(0x13, 1)), ERROR_DHCP_JET_ERROR);
  ROW("scope: so does the failover one");
  CHECK_CODE(create(at(0x10, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x10), DhcpFailoverForce), ERROR_SUCCESS);

  ROW("scope: one of another length is found by its address, and overlaps");
  if (harness_is_local()) {
    harness_subnet(ip(0x20010DB8D1000000ULL, 0), 48);
    harness_subnet(ip(0x20010DB8D1010000ULL, 0x10000), 112);
    CHECK_CODE(DhcpGetSubnetInfoV6(NULL, ip(0x20010DB8D1000000ULL, 0), &out), ERROR_SUCCESS);
    if (out != NULL) CHECK(out->Prefix == 48);
    DhcpRpcFreeMemory(out);
    CHECK_CODE(DhcpGetSubnetInfoV6(NULL, ip(0x20010DB8D1010000ULL, 0x10000), &out), ERROR_SUCCESS);
    if (out != NULL) CHECK(out->Prefix == 112 && out->SubnetAddress.LowOrderBits == 0x10000);
    DhcpRpcFreeMemory(out);
    CHECK_CODE(create_scope(ip(0x20010DB8D1000005ULL, 0), NULL), ERROR_DHCP_SUBNET_EXISTS);
    CHECK_CODE(create(ip(0x20010DB8D1000007ULL, 7), 1, 1), ERROR_SUCCESS);
    CHECK_CODE(DhcpDeleteSubnetV6(NULL, ip(0x20010DB8D1000000ULL, 0), DhcpFullForce),
               ERROR_SUCCESS);
    CHECK_CODE(DhcpDeleteSubnetV6(NULL, ip(0x20010DB8D1010000ULL, 0x10000), DhcpFullForce),
               ERROR_SUCCESS);
  }
}

/* ---- exclusions and reservations ---- */

static void exclusion_rows(void) {
  DHCP_IP_RANGE_V6 range;
  DHCP_SUBNET_ELEMENT_DATA_V6 element;
  LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 list = NULL;
  DHCP_RESUME_HANDLE resume = 0;
  DWORD read = 0, total = 0;
  new_scope(0x20);

  ROW("exclusion: add");
  CHECK_CODE(exclude(0x20, 0x10, 0x1F), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x20, 0x18, 0x28), ERROR_DUPLICATE_TAG);
  CHECK_CODE(exclude(0x20, 0x10, 0x1F), ERROR_DUPLICATE_TAG);
  ROW("exclusion: start after end is taken");
  CHECK_CODE(exclude(0x20, 0x50, 0x40), ERROR_SUCCESS);
  ROW("exclusion: outside of the scope is taken");
  element = exclusion(&range, at(0x2F, 1), at(0x2F, 2));
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x20), &element), ERROR_SUCCESS);
  ROW("exclusion: no such scope");
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0xFFF), &element), ERROR_FILE_NOT_FOUND);
  ROW("exclusion: remove");
  CHECK_CODE(include(0x20, 0x10, 0x1E), ERROR_FILE_NOT_FOUND);
  CHECK_CODE(include(0x20, 0x10, 0x1F), ERROR_SUCCESS);
  CHECK_CODE(include(0x20, 0x10, 0x1F), ERROR_FILE_NOT_FOUND);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0xFFF), &element, DhcpFullForce),
             ERROR_FILE_NOT_FOUND);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x20), &element, DhcpFullForce), ERROR_SUCCESS);

  ROW("IpRanges: nothing is done");
  memset(&element, 0, sizeof element);
  element.ElementType = Dhcpv6IpRanges;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x20), &element), ERROR_SUCCESS);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x20), &element, DhcpFullForce), ERROR_SUCCESS);
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0xFFF), &element), ERROR_FILE_NOT_FOUND);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6IpRanges, &resume, 0xFFFFFFFF, &list,
                                      &read, &total),
             ERROR_INVALID_PARAMETER);

  ROW("exclusion: enum");
  CHECK_CODE(include(0x20, 0x50, 0x40), ERROR_SUCCESS);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6ExcludedIpRanges, &resume,
                                      0xFFFFFFFF, &list, &read, &total),
             ERROR_NO_MORE_ITEMS);
  CHECK_CODE(exclude(0x20, 0x30, 0x3F), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x20, 0x10, 0x1F), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x20, 0x20, 0x2F), ERROR_SUCCESS);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6ExcludedIpRanges, &resume, 96, &list,
                                      &read, &total),
             ERROR_MORE_DATA);
  CHECK(list != NULL && list->NumElements == 2 && read == 2 && total == 3 && resume == 2);
  if (list != NULL && read == 2) {
    CHECK(list->Elements[0].ElementType == Dhcpv6ExcludedIpRanges);
    CHECK(same_ip(list->Elements[0].Element.ExcludeIpRange->StartAddress, at(0x20, 0x10)));
    CHECK(same_ip(list->Elements[1].Element.ExcludeIpRange->EndAddress, at(0x20, 0x2F)));
  }
  DhcpRpcFreeMemory(list);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6ExcludedIpRanges, &resume, 0, &list,
                                      &read, &total),
             ERROR_MORE_DATA);
  CHECK(list == NULL && read == 0 && total == 1 && resume == 2);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6ExcludedIpRanges, &resume,
                                      0xFFFFFFFF, &list, &read, &total),
             ERROR_SUCCESS);
  CHECK(read == 1 && total == 1 && resume == 3);
  DhcpRpcFreeMemory(list);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x20), Dhcpv6ExcludedIpRanges, &resume, 0, &list,
                                      &read, &total),
             ERROR_NO_MORE_ITEMS);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0xFFF), Dhcpv6ExcludedIpRanges, &resume,
                                      0xFFFFFFFF, &list, &read, &total),
             ERROR_FILE_NOT_FOUND);
}

static void reservation_rows(void) {
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 list = NULL;
  DHCP_RESUME_HANDLE resume = 0;
  DWORD read = 0, total = 0;
  new_scope(0x21);

  ROW("reservation: address free, client without a lease");
  CHECK_CODE(reserve(0x21, 0x10, 1, 1), ERROR_SUCCESS);
  CHECK(held_by(at(0x21, 0x10), 1, 1));
  CHECK_CODE(get(at(0x21, 0x10), &out), ERROR_SUCCESS);
  if (out != NULL) CHECK(same_time(out->ClientValidLeaseExpires, infinite()));
  DhcpRpcFreeMemory(out);
  ROW("reservation: there is one for the address");
  CHECK_CODE(reserve(0x21, 0x10, 2, 1), ERROR_DHCP_RESERVEDIP_EXITS);
  ROW("reservation: there is one for the client");
  CHECK_CODE(reserve(0x21, 0x11, 1, 1), ERROR_DHCP_RESERVEDIP_EXITS);
  ROW("reservation: the pair counts, not the DUID");
  CHECK_CODE(reserve(0x21, 0x11, 1, 2), ERROR_SUCCESS);
  ROW("reservation: the client leases this address");
  CHECK_CODE(create(at(0x21, 0x20), 3, 1), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x21, 0x20, 3, 1), ERROR_SUCCESS);
  CHECK(held_by(at(0x21, 0x20), 3, 1));
  ROW("reservation: the client leases another address");
  CHECK_CODE(create(at(0x21, 0x30), 4, 1), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x21, 0x31, 4, 1), ERROR_SUCCESS);
  CHECK_CODE(look(at(0x21, 0x30)), ERROR_DHCP_JET_ERROR);
  CHECK(held_by(at(0x21, 0x31), 4, 1));
  ROW("reservation: another client leases the address");
  CHECK_CODE(create(at(0x21, 0x40), 5, 1), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x21, 0x40, 6, 1), ERROR_SUCCESS);
  CHECK(held_by(at(0x21, 0x40), 6, 1));
  ROW("reservation: the client leases another, reserved, address");
  {
    /* Only a record that was edited can belong to a client that its reservation does not name. */
    DHCP_CLIENT_INFO_V6 info = client(at(0x21, 0x40), 7, 1);
    CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_SUCCESS);
    CHECK_CODE(reserve(0x21, 0x41, 7, 1), ERROR_DHCP_RESERVEDIP_EXITS);
  }
  ROW("reservation: outside of the scope, alone");
  CHECK_CODE(reserve_in(scope(0x21), at(0x2F, 1), 8, 1), ERROR_SUCCESS);
  CHECK_CODE(look(at(0x2F, 1)), ERROR_DHCP_JET_ERROR);
  ROW("reservation: no such scope");
  CHECK_CODE(reserve_in(scope(0xFFF), at(0xFFF, 1), 9, 1), ERROR_FILE_NOT_FOUND);

  ROW("reservation: enum");
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x21), Dhcpv6ReservedIps, &resume, 58 * 2, &list,
                                      &read, &total),
             ERROR_MORE_DATA);
  CHECK(read == 2 && total == 6 && resume == 2);
  if (list != NULL && read == 2) {
    const DHCP_IP_RESERVATION_V6* first = list->Elements[0].Element.ReservedIp;
    CHECK(list->Elements[0].ElementType == Dhcpv6ReservedIps);
    CHECK(same_ip(first->ReservedIpAddress, at(0x21, 0x10)));
    CHECK(same_duid(*first->ReservedForClient, duid(1)));
    CHECK(first->InterfaceId == 1);
  }
  DhcpRpcFreeMemory(list);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x21), Dhcpv6ReservedIps, &resume, 0xFFFFFFFF,
                                      &list, &read, &total),
             ERROR_SUCCESS);
  CHECK(read == 4 && total == 4 && resume == 6);
  DhcpRpcFreeMemory(list);

  ROW("reservation: remove takes its record along, by address alone");
  CHECK_CODE(unreserve(0x21, 0x10), ERROR_SUCCESS);
  CHECK_CODE(look(at(0x21, 0x10)), ERROR_DHCP_JET_ERROR);
  CHECK_CODE(unreserve(0x21, 0x10), ERROR_FILE_NOT_FOUND);
  ROW("reservation: remove leaves an active lease");
  CHECK_CODE(unreserve(0x21, 0x20), ERROR_SUCCESS);
  CHECK(held_by(at(0x21, 0x20), 3, 1));
  ROW("reservation: its record cannot be deleted alone");
  CHECK_CODE(delete_client(at(0x21, 0x31)), ERROR_DHCP_RESERVEDIP_EXITS);
}

/* ---- leases ---- */

static void lease_rows(void) {
  DHCP_CLIENT_INFO_V6 info;
  DHCP_SEARCH_INFO_V6 what;
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  LPDHCP_CLIENT_INFO_V6 before = NULL;
  BYTE many[300];
  memset(many, 0xCD, sizeof many);
  new_scope(0x30);

  ROW("get: by address only");
  CHECK_CODE(create(at(0x30, 1), 1, 1), ERROR_SUCCESS);
  what = search(at(0x30, 1));
  what.SearchType = Dhcpv6ClientDUID;
  what.SearchInfo.ClientDUID = duid(1);
  CHECK_CODE(DhcpGetClientInfoV6(NULL, &what, &out), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpDeleteClientInfoV6(NULL, &what), ERROR_INVALID_PARAMETER);
  what.SearchType = Dhcpv6ClientName;
  what.SearchInfo.ClientName = W("name");
  CHECK_CODE(DhcpGetClientInfoV6(NULL, &what, &out), ERROR_INVALID_PARAMETER);
  ROW("get: not found is 20013");
  CHECK_CODE(look(at(0x30, 2)), ERROR_DHCP_JET_ERROR);
  CHECK_CODE(look(at(0xFFF, 2)), ERROR_DHCP_JET_ERROR);

  ROW("set: identity and texts, not the ends");
  CHECK_CODE(get(at(0x30, 1), &before), ERROR_SUCCESS);
  info = client(at(0x30, 1), 2, 9);
  info.ClientName = W("new name");
  info.AddressType = ADDRESS_TYPE_IATA;
  info.ClientValidLeaseExpires = infinite();
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_SUCCESS);
  CHECK_CODE(get(at(0x30, 1), &out), ERROR_SUCCESS);
  if (out != NULL && before != NULL) {
    CHECK(same_duid(out->ClientDUID, duid(2)));
    CHECK(out->IAID == 9);
    CHECK(same_text(out->ClientName, W("new name")));
    CHECK(out->ClientComment == NULL);
    CHECK(out->AddressType == ADDRESS_TYPE_IANA);
    CHECK(same_time(out->ClientValidLeaseExpires, before->ClientValidLeaseExpires));
  }
  DhcpRpcFreeMemory(out);
  DhcpRpcFreeMemory(before);
  ROW("set: can make a second record of a client");
  CHECK_CODE(create(at(0x30, 3), 3, 3), ERROR_SUCCESS);
  info = client(at(0x30, 3), 2, 9);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_SUCCESS);
  ROW("set: no scope, no record, then the DUID");
  info = client(at(0xFFF, 1), 2, 9);
  info.ClientDUID.DataLength = 0;
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_FILE_NOT_FOUND);
  info.ClientIpAddress = at(0x30, 0x99);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_FILE_NOT_FOUND);
  info.ClientDUID.Data = many;
  info.ClientDUID.DataLength = 257;
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_FILE_NOT_FOUND);
  info.ClientIpAddress = at(0x30, 1);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_BUFFER_OVERFLOW);
  info.ClientDUID.DataLength = 256; /* ours */
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_INVALID_PARAMETER);
  info.ClientDUID.DataLength = 0;
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_INVALID_PARAMETER);
  info.ClientDUID.Data = NULL;
  info.ClientDUID.DataLength = 10;
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_INVALID_PARAMETER);

  ROW("delete");
  CHECK_CODE(delete_client(at(0x30, 1)), ERROR_SUCCESS);
  CHECK_CODE(delete_client(at(0x30, 1)), ERROR_DHCP_JET_ERROR);
  CHECK_CODE(look(at(0x30, 1)), ERROR_DHCP_JET_ERROR);

  ROW("get: a declined and a lapsed record are there, a released one is not");
  if (harness_is_local()) {
    const DHCP_CLIENT_UID one = duid(1);
    CHECK_CODE(create(at(0x30, 0x10), 1, 1), ERROR_SUCCESS);
    harness_renew(at(0x30, 0x10), &one, 1);
    CHECK_CODE(get(at(0x30, 0x10), &out), ERROR_SUCCESS);
    if (out != NULL) {
      CHECK(near_time(out->ClientValidLeaseExpires, later(harness_now(), 7200)));
      CHECK(near_time(out->ClientPrefLeaseExpires, later(harness_now(), 3600)));
    }
    DhcpRpcFreeMemory(out);
    harness_advance(7201);
    CHECK_CODE(look(at(0x30, 0x10)), ERROR_SUCCESS);
    CHECK_CODE(create(at(0x30, 0x12), 1, 3), ERROR_SUCCESS);
    harness_decline(at(0x30, 0x12), &one, 3);
    CHECK_CODE(look(at(0x30, 0x12)), ERROR_SUCCESS);
    CHECK_CODE(create(at(0x30, 0x11), 1, 2), ERROR_SUCCESS);
    harness_release(at(0x30, 0x11), &one, 2);
    CHECK_CODE(look(at(0x30, 0x11)), ERROR_DHCP_JET_ERROR);
  }
}

static void enum_rows(void) {
  LPDHCP_CLIENT_INFO_ARRAY_V6 list = NULL;
  DHCP_RESUME_IPV6_HANDLE resume = ip(0, 0);
  DWORD read = 0, total = 0, seen = 0, pages = 0, code = 0, i = 0;
  DHCP_CLIENT_INFO_V6 info;
  static WCHAR long_name[40001];
  new_scope(0x40);
  new_scope(0x41);

  ROW("enum clients: an empty scope, no scope");
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 4096, &list, &read, &total),
             ERROR_NO_MORE_ITEMS);
  CHECK(list == NULL && read == 0 && total == 0);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0xFFF), &resume, 4096, &list, &read, &total),
             ERROR_NO_MORE_ITEMS);

  ROW("enum clients: all fit");
  for (i = 0; i < 50; ++i) CHECK_CODE(create(at(0x40, 0x1000 + i), i, i), ERROR_SUCCESS);
  CHECK_CODE(create(at(0x41, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 0xFFFFFFFF, &list, &read, &total),
             ERROR_SUCCESS);
  CHECK(list != NULL && list->NumElements == 50 && read == 50 && total == 50);
  CHECK(same_ip(resume, ip(0, 0)));
  for (i = 0; list != NULL && i < read; ++i)
    CHECK(same_ip(list->Clients[i]->ClientIpAddress, at(0x40, 0x1000 + i)));
  DhcpRpcFreeMemory(list);

  ROW("enum clients: pages of at least 1024 bytes");
  do {
    code = DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 1, &list, &read, &total);
    CHECK(code == ERROR_SUCCESS || code == ERROR_MORE_DATA);
    if (list == NULL) break;
    CHECK(list->NumElements == read);
    CHECK(read == (code == ERROR_MORE_DATA ? 1024 / 122 : 50 - seen));
    for (i = 0; i < read; ++i)
      CHECK(same_ip(list->Clients[i]->ClientIpAddress, at(0x40, 0x1000 + seen + i)));
    if (code == ERROR_MORE_DATA) {
      CHECK(total == 0x7FFFFFFF);
      CHECK(same_ip(resume, list->Clients[read - 1]->ClientIpAddress));
    } else {
      CHECK(total == read);
    }
    seen += read;
    ++pages;
    DhcpRpcFreeMemory(list);
  } while (code == ERROR_MORE_DATA && pages < 100);
  CHECK(seen == 50 && pages == 7);
  CHECK(same_ip(resume, ip(0, 0)));

  ROW("enum clients: the record of the handle may go meanwhile");
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 1024, &list, &read, &total),
             ERROR_MORE_DATA);
  DhcpRpcFreeMemory(list);
  CHECK_CODE(delete_client(resume), ERROR_SUCCESS);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 0xFFFFFFFF, &list, &read, &total),
             ERROR_SUCCESS);
  CHECK(read == 42 && list != NULL && same_ip(list->Clients[0]->ClientIpAddress, at(0x40, 0x1008)));
  DhcpRpcFreeMemory(list);
  ROW("enum clients: nothing greater than the handle");
  resume = at(0x40, 0x1031);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x40), &resume, 1024, &list, &read, &total),
             ERROR_NO_MORE_ITEMS);

  ROW("enum clients: one record greater than the page");
  for (i = 0; i < 40000; ++i) long_name[i] = 'x';
  info = client(at(0x41, 2), 2, 2);
  info.ClientComment = long_name;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_SUCCESS);
  resume = at(0x41, 1);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x41), &resume, 1024, &list, &read, &total),
             ERROR_SUCCESS);
  CHECK(read == 1 && list != NULL && same_text(list->Clients[0]->ClientComment, long_name));
  DhcpRpcFreeMemory(list);

  ROW("enum clients: delegated prefixes are left out (ours)");
  if (harness_is_local()) {
    const DHCP_CLIENT_UID router = duid(14);
    harness_delegate(scope(0x41), ip(0x20010DB8E0000000ULL, 0), &router);
    resume = ip(0, 0);
    CHECK_CODE(
        DhcpEnumSubnetClientsV6(NULL, scope(0x41), &resume, 0xFFFFFFFF, &list, &read, &total),
        ERROR_SUCCESS);
    CHECK(read == 2);
    DhcpRpcFreeMemory(list);
  }
}

/* ---- free addresses, figures ---- */

static DWORD free_in(DHCP_IPV6_ADDRESS in, DHCP_IPV6_ADDRESS start, DHCP_IPV6_ADDRESS end,
                     DWORD count, DWORD* got, DHCP_IPV6_ADDRESS* first, DHCP_IPV6_ADDRESS* last) {
  LPDHCPV6_IP_ARRAY list = NULL;
  const DWORD code = DhcpV6GetFreeIPAddress(NULL, in, start, end, count, &list);
  *got = list == NULL ? 0 : list->NumElements;
  if (*got != 0) {
    *first = list->Elements[0];
    *last = list->Elements[*got - 1];
  }
  DhcpRpcFreeMemory(list);
  return code;
}

static void free_rows(void) {
  const DHCP_IPV6_ADDRESS none = ip(0, 0);
  DHCP_IPV6_ADDRESS first = none, last = none;
  DWORD n = 0;
  new_scope(0x50);

  ROW("free: the lowest, one when asked for none");
  CHECK_CODE(free_in(scope(0x50), none, none, 0, &n, &first, &last), ERROR_SUCCESS);
  CHECK(n == 1 && same_ip(first, at(0x50, 0)));
  ROW("free: without records and exclusions");
  CHECK_CODE(create(at(0x50, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x50, 2, 2, 1), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x50, 4, 0x0F), ERROR_SUCCESS);
  CHECK_CODE(exclude(0x50, 0x20, 0x10), ERROR_SUCCESS); /* excludes nothing */
  CHECK_CODE(free_in(scope(0x50), none, none, 4, &n, &first, &last), ERROR_SUCCESS);
  CHECK(n == 4 && same_ip(first, at(0x50, 0)) && same_ip(last, at(0x50, 0x11)));
  ROW("free: 1024 at once, not one more");
  CHECK_CODE(free_in(scope(0x50), none, none, 1024, &n, &first, &last), ERROR_SUCCESS);
  CHECK(n == 1024);
  CHECK_CODE(free_in(scope(0x50), none, none, 1025, &n, &first, &last), ERROR_INVALID_PARAMETER);
  ROW("free: the end comes first");
  CHECK_CODE(free_in(scope(0x50), at(0x50, 0), at(0x50, 3), 4, &n, &first, &last),
             ERROR_DHCP_REACHED_END_OF_SELECTION);
  CHECK(n == 2 && same_ip(last, at(0x50, 3)));
  CHECK_CODE(free_in(scope(0x50), at(0x50, 1), at(0x50, 2), 1, &n, &first, &last),
             ERROR_DHCP_REACHED_END_OF_SELECTION);
  CHECK(n == 0);
  CHECK_CODE(free_in(scope(0x50), at(0x50, ~0ULL - 1), none, 5, &n, &first, &last),
             ERROR_DHCP_REACHED_END_OF_SELECTION);
  CHECK(n == 2);
  ROW("free: what is refused");
  CHECK_CODE(DhcpV6GetFreeIPAddress(NULL, scope(0x50), none, none, 1, NULL),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(free_in(none, none, none, 1, &n, &first, &last), ERROR_INVALID_PARAMETER);
  CHECK_CODE(free_in(scope(0x50), at(0x50, 2), at(0x50, 1), 1, &n, &first, &last),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(free_in(scope(0x50), at(0x50, 1), at(0x50, 2), 3, &n, &first, &last),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(free_in(scope(0x50), at(0x51, 1), none, 1, &n, &first, &last),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(free_in(scope(0x50), none, at(0x51, 1), 1, &n, &first, &last),
             ERROR_INVALID_PARAMETER);
  ROW("free: no such scope");
  CHECK_CODE(free_in(scope(0xFFF), none, none, 1, &n, &first, &last),
             ERROR_DHCP_SUBNET_NOT_PRESENT);
}

static void mib_rows(void) {
  LPDHCP_MIB_INFO_V6 before = NULL, after = NULL;
  DWORD i = 0, found = 0;
  new_scope(0x60);
  CHECK_CODE(create(at(0x60, 9), 1, 9), ERROR_SUCCESS);
  ROW("mib");
  CHECK_CODE(DhcpGetMibInfoV6(NULL, &before), ERROR_SUCCESS);
  CHECK_CODE(create(at(0x60, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(create(at(0x60, 2), 1, 2), ERROR_SUCCESS);
  CHECK_CODE(create(at(0x60, 3), 1, 3), ERROR_SUCCESS);
  if (harness_is_local()) {
    const DHCP_CLIENT_UID one = duid(1);
    harness_renew(at(0x60, 1), &one, 1);
    harness_renew(at(0x60, 1), &one, 1);
    harness_decline(at(0x60, 2), &one, 2);
    harness_release(at(0x60, 3), &one, 3);
  }
  CHECK_CODE(DhcpGetMibInfoV6(NULL, &after), ERROR_SUCCESS);
  if (before != NULL && after != NULL) {
    CHECK(after->Requests == before->Requests + 3);
    CHECK(after->Solicits == 0 && after->Advertises == 0 && after->Rebinds == 0 &&
          after->Replies == 0 && after->Confirms == 0 && after->Informs == 0);
    CHECK(after->Scopes >= 1);
    if (harness_is_local()) {
      CHECK(after->Renews == before->Renews + 2);
      CHECK(after->Declines == before->Declines + 1);
      CHECK(after->Releases == before->Releases + 1);
      CHECK(after->ServerStartTime.dwHighDateTime != 0);
    }
    for (i = 0; i < after->Scopes; ++i) {
      const SCOPE_MIB_INFO_V6* each = &after->ScopeInfo[i];
      if (!same_ip(each->Subnet, scope(0x60))) continue;
      ++found;
      CHECK(each->NumAddressesInuse == (harness_is_local() ? 2U : 4U));
      CHECK(each->NumAddressesFree == 0 - (ULONGLONG)(harness_is_local() ? 3 : 4));
      CHECK(each->NumPendingAdvertises == 0);
    }
    CHECK(found == 1);
  }
  DhcpRpcFreeMemory(before);
  DhcpRpcFreeMemory(after);
  CHECK_CODE(DhcpGetMibInfoV6(NULL, NULL), ERROR_INVALID_PARAMETER);
}

/* ---- who may ---- */

/* The codes of all calls, with arguments that are right. */
static void role_rows_of(int role) {
  const DWORD reads = role >= 1 ? ERROR_SUCCESS : ERROR_ACCESS_DENIED;
  const DHCP_IPV6_ADDRESS none = ip(0, 0);
  DHCP_SUBNET_INFO_V6 subnet;
  DHCP_CLIENT_INFO_V6 info = client(at(0x70, 1), 1, 1);
  LPDHCP_SUBNET_INFO_V6 subnet_out = NULL;
  LPDHCPV6_IP_ARRAY list = NULL;
  LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 elements = NULL;
  LPDHCP_CLIENT_INFO_ARRAY_V6 clients = NULL;
  LPDHCP_MIB_INFO_V6 mib = NULL;
  DHCP_RESUME_HANDLE resume = 0;
  DHCP_RESUME_IPV6_HANDLE resume_ip = none;
  DHCP_SUBNET_ELEMENT_DATA_V6 element;
  DWORD n = 0, total = 0;
  DHCP_IPV6_ADDRESS first, last;
  memset(&subnet, 0, sizeof subnet);
  memset(&element, 0, sizeof element);
  harness_role(role);
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x71), &subnet), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpDeleteSubnetV6(NULL, scope(0x70), DhcpNoForce), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x70), &subnet), ERROR_ACCESS_DENIED);
  CHECK_CODE(exclude(0x70, 1, 2), ERROR_ACCESS_DENIED);
  CHECK_CODE(include(0x70, 1, 2), ERROR_ACCESS_DENIED);
  CHECK_CODE(reserve(0x70, 1, 1, 1), ERROR_ACCESS_DENIED);
  CHECK_CODE(unreserve(0x70, 1), ERROR_ACCESS_DENIED);
  CHECK_CODE(create(at(0x70, 5), 5, 5), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_ACCESS_DENIED);
  CHECK_CODE(delete_client(at(0x70, 1)), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x70), &element), ERROR_ACCESS_DENIED);

  CHECK_CODE(look(at(0x70, 1)), reads);
  CHECK_CODE(DhcpGetSubnetInfoV6(NULL, scope(0x70), &subnet_out), reads);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 100, &list, &n, &total), reads);
  resume = 0;
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x70), Dhcpv6ReservedIps, &resume, 0xFFFFFFFF,
                                      &elements, &n, &total),
             reads);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x70), &resume_ip, 1024, &clients, &n, &total),
             reads);
  CHECK_CODE(DhcpGetMibInfoV6(NULL, &mib), reads);
  CHECK_CODE(free_in(scope(0x70), none, none, 1, &n, &first, &last), reads);
  DhcpRpcFreeMemory(subnet_out);
  DhcpRpcFreeMemory(list);
  DhcpRpcFreeMemory(elements);
  DhcpRpcFreeMemory(clients);
  DhcpRpcFreeMemory(mib);

  ROW("role: comes before the arguments, and after them for free addresses");
  CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x71), NULL), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x71), NULL), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x70), NULL), ERROR_ACCESS_DENIED);
  info.ClientDUID.DataLength = 0;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_ACCESS_DENIED);
  info.ClientDUID.DataLength = 131;
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_ACCESS_DENIED);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_ACCESS_DENIED);
  CHECK_CODE(free_in(scope(0x70), none, none, 1025, &n, &first, &last), ERROR_INVALID_PARAMETER);
  harness_role(2);
}

static void role_rows(void) {
  if (!harness_is_local()) return;
  ROW("role: made ready");
  new_scope(0x70);
  CHECK_CODE(create(at(0x70, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(reserve(0x70, 2, 2, 2), ERROR_SUCCESS);
  ROW("role: a user reads");
  role_rows_of(1);
  ROW("role: nobody does nothing");
  role_rows_of(0);
}

/* ---- robustness ---- */

static void null_rows(void) {
  LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6 elements = NULL;
  LPDHCPV6_IP_ARRAY list = NULL;
  LPDHCP_CLIENT_INFO_ARRAY_V6 clients = NULL;
  LPDHCP_CLIENT_INFO_V6 out = NULL;
  DHCP_RESUME_HANDLE resume = 0;
  DHCP_RESUME_IPV6_HANDLE resume_ip = ip(0, 0);
  DHCP_SUBNET_ELEMENT_DATA_V6 element;
  DHCP_IP_RESERVATION_V6 reservation;
  DHCP_CLIENT_UID uid;
  DHCP_SEARCH_INFO_V6 what = search(at(0x80, 1));
  DWORD n = 0, total = 0;
  new_scope(0x80);

  ROW("NULL");
  CHECK_CODE(DhcpV6CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpGetClientInfoV6(NULL, NULL, &out), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpGetClientInfoV6(NULL, &what, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpGetClientInfoV6(NULL, NULL, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpSetClientInfoV6(NULL, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpDeleteClientInfoV6(NULL, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x80), NULL, DhcpFullForce),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, NULL, 1, &list, &n, &total), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, NULL, &n, &total), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, &list, NULL, &total), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetsV6(NULL, &resume, 1, &list, &n, NULL), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x80), Dhcpv6ReservedIps, NULL, 1, &elements, &n,
                                      &total),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(
      DhcpEnumSubnetElementsV6(NULL, scope(0x80), Dhcpv6ReservedIps, &resume, 1, NULL, &n, &total),
      ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x80), Dhcpv6ReservedIps, &resume, 1, &elements,
                                      NULL, NULL),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x80), NULL, 1, &clients, &n, &total),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x80), &resume_ip, 1, NULL, &n, &total),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x80), &resume_ip, 1, &clients, NULL, NULL),
             ERROR_INVALID_PARAMETER);

  ROW("NULL within an element");
  memset(&element, 0, sizeof element);
  element.ElementType = Dhcpv6ReservedIps;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x80), &element, DhcpFullForce),
             ERROR_INVALID_PARAMETER);
  element.ElementType = Dhcpv6ExcludedIpRanges;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x80), &element, DhcpFullForce),
             ERROR_INVALID_PARAMETER);
  memset(&reservation, 0, sizeof reservation);
  reservation.ReservedIpAddress = at(0x80, 1);
  element.ElementType = Dhcpv6ReservedIps;
  element.Element.ReservedIp = &reservation;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  ROW("lengths that lie");
  uid.DataLength = 10;
  uid.Data = NULL;
  reservation.ReservedForClient = &uid;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  uid.DataLength = 0xFFFFFFFF;
  uid.Data = duid(1).Data;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  {
    DHCP_CLIENT_INFO_V6 info = client(at(0x80, 1), 1, 1);
    info.ClientDUID.DataLength = 0xFFFFFFFF;
    CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
  }
  ROW("types that are none");
  element.ElementType = (DHCP_SUBNET_ELEMENT_TYPE_V6)3;
  CHECK_CODE(DhcpAddSubnetElementV6(NULL, scope(0x80), &element), ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpRemoveSubnetElementV6(NULL, scope(0x80), &element, DhcpFullForce),
             ERROR_INVALID_PARAMETER);
  CHECK_CODE(DhcpEnumSubnetElementsV6(NULL, scope(0x80), (DHCP_SUBNET_ELEMENT_TYPE_V6)99, &resume,
                                      1, &elements, &n, &total),
             ERROR_INVALID_PARAMETER);
  what.SearchType = (DHCP_SEARCH_INFO_TYPE_V6)77;
  CHECK_CODE(DhcpGetClientInfoV6(NULL, &what, &out), ERROR_INVALID_PARAMETER);
}

static void text_rows(void) {
  static const WCHAR bad[][4] = {
      {0xD800, 0}, {'a', 0xDC00, 0}, {0xDC00, 0xD800, 0}, {0xD83D, 'x', 0}};
  unsigned i = 0;
  new_scope(0x81);
  ROW("surrogates without their partner");
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    WCHAR* text = (WCHAR*)(size_t)bad[i];
    DHCP_CLIENT_INFO_V6 info = client(at(0x81, 1), 1, 1);
    DHCP_SUBNET_INFO_V6 subnet;
    memset(&subnet, 0, sizeof subnet);
    info.ClientName = text;
    CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
    CHECK_CODE(DhcpSetClientInfoV6(NULL, &info), ERROR_INVALID_PARAMETER);
    info.ClientName = NULL;
    info.ClientComment = text;
    CHECK_CODE(DhcpV6CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
    subnet.SubnetName = text;
    CHECK_CODE(DhcpCreateSubnetV6(NULL, scope(0x82), &subnet), ERROR_INVALID_PARAMETER);
    CHECK_CODE(DhcpSetSubnetInfoV6(NULL, scope(0x81), &subnet), ERROR_INVALID_PARAMETER);
    CHECK_CODE(DhcpDeleteSubnetV6(text, scope(0x81), DhcpNoForce), ERROR_INVALID_PARAMETER);
  }
  ROW("servers that are none");
  CHECK_CODE(DhcpDeleteSubnetV6(W("no such host!"), scope(0x81), DhcpNoForce),
             RPC_S_SERVER_UNAVAILABLE);
  if (harness_is_local())
    CHECK_CODE(DhcpDeleteSubnetV6(W("host.invalid"), scope(0x81), DhcpNoForce),
               RPC_S_SERVER_UNAVAILABLE);
  ROW("an empty server is the local one");
  CHECK_CODE(DhcpDeleteSubnetV6(W(""), scope(0x81), DhcpNoForce), ERROR_SUCCESS);
}

static void memory_rows(void) {
  LPDHCP_CLIENT_INFO_ARRAY_V6 list = NULL;
  DHCP_RESUME_IPV6_HANDLE resume = ip(0, 0);
  DWORD n = 0, total = 0;
  int local = 0;
  void* top = NULL;
  new_scope(0x83);
  ROW("free: members, twice, and what is not ours");
  CHECK_CODE(create(at(0x83, 1), 1, 1), ERROR_SUCCESS);
  CHECK_CODE(create(at(0x83, 2), 2, 2), ERROR_SUCCESS);
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x83), &resume, 0xFFFFFFFF, &list, &n, &total),
             ERROR_SUCCESS);
  if (list == NULL) return;
  CHECK(harness_results() == 1);
  DhcpRpcFreeMemory(list->Clients[0]->ClientDUID.Data);
  DhcpRpcFreeMemory(list->Clients[0]);
  DhcpRpcFreeMemory(list->Clients);
  CHECK(harness_results() == 1);
  CHECK(same_duid(list->Clients[1]->ClientDUID, duid(2)));
  top = list;
  DhcpRpcFreeMemory(top);
  CHECK(harness_results() == 0);
  DhcpRpcFreeMemory(top);
  DhcpRpcFreeMemory(NULL);
  DhcpRpcFreeMemory(&local);
  CHECK(harness_results() == 0);
}

/* ---- many at once ---- */

enum { kThreads = 8, kRounds = 25 };

static void* work(void* argument) {
  const unsigned me = (unsigned)(size_t)argument;
  size_t bad = 0;
  unsigned i = 0;
  for (i = 0; i < kRounds; ++i) {
    const DHCP_IPV6_ADDRESS mine = at(0x90, 0x10000 * (me + 1) + i);
    LPDHCP_CLIENT_INFO_ARRAY_V6 list = NULL;
    DHCP_RESUME_IPV6_HANDLE resume = ip(0, 0);
    DWORD n = 0, total = 0, code = 0;
    bad += create(mine, me, 1000 + i) != ERROR_SUCCESS;
    bad += create(at(0x90, 1), me, 7) != ERROR_DHCP_CLIENT_EXISTS;
    bad += !held_by(mine, me, 1000 + i);
    code = DhcpEnumSubnetClientsV6(NULL, scope(0x90), &resume, 2048, &list, &n, &total);
    bad += code != ERROR_SUCCESS && code != ERROR_MORE_DATA;
    bad += n == 0;
    DhcpRpcFreeMemory(list);
    if (i % 2 != 0) bad += delete_client(mine) != ERROR_SUCCESS;
  }
  return (void*)bad;
}

static void thread_rows(void) {
  pthread_t threads[kThreads];
  LPDHCP_CLIENT_INFO_ARRAY_V6 list = NULL;
  DHCP_RESUME_IPV6_HANDLE resume = ip(0, 0);
  DWORD n = 0, total = 0;
  size_t i = 0;
  new_scope(0x90);
  ROW("threads: eight at once");
  CHECK_CODE(create(at(0x90, 1), 15, 1), ERROR_SUCCESS);
  for (i = 0; i < kThreads; ++i) CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  for (i = 0; i < kThreads; ++i) {
    void* bad = NULL;
    pthread_join(threads[i], &bad);
    CHECK((size_t)bad == 0);
  }
  CHECK_CODE(DhcpEnumSubnetClientsV6(NULL, scope(0x90), &resume, 0xFFFFFFFF, &list, &n, &total),
             ERROR_SUCCESS);
  CHECK(n == 1 + kThreads * (kRounds + 1) / 2);
  DhcpRpcFreeMemory(list);
  CHECK(harness_results() == 0);
}

/* A daemon only: a ledger in this process cannot be in two. */
static void fork_rows(void) {
  int status = 0;
  pid_t child = 0;
  if (harness_is_local()) return;
  new_scope(0x91);
  ROW("fork: the child makes a connection of its own");
  CHECK_CODE(create(at(0x91, 1), 1, 1), ERROR_SUCCESS);
  child = fork();
  if (child == 0) {
    const DWORD code = look(at(0x91, 1));
    _exit(code == ERROR_SUCCESS && create(at(0x91, 2), 2, 2) == ERROR_SUCCESS ? 0 : 1);
  }
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_CODE(look(at(0x91, 1)), ERROR_SUCCESS);
  CHECK_CODE(look(at(0x91, 2)), ERROR_SUCCESS);
}

int run_tests(void) {
  static const unsigned used[] = {0x01, 0x02, 0x20, 0x21, 0x30, 0x40, 0x41,
                                  0x50, 0x60, 0x70, 0x80, 0x83, 0x90, 0x91};
  unsigned i = 0;
  make_duids();
  ROW("the ledger is there");
  new_scope(1);
  if (failures != 0) return failures;
  create_rows();
  scope_rows();
  exclusion_rows();
  reservation_rows();
  lease_rows();
  enum_rows();
  free_rows();
  mib_rows();
  role_rows();
  null_rows();
  text_rows();
  memory_rows();
  thread_rows();
  fork_rows();
  for (i = 0; i < sizeof used / sizeof used[0]; ++i)
    DhcpDeleteSubnetV6(NULL, scope(used[i]), DhcpFullForce);
  return failures;
}
