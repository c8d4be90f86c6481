/*
 * Creates a DHCPv6 client record.
 *
 *   create_client <server | local> <address> <DUID> <IAID> [<name> [<comment> [<hours>]]]
 *
 * The address is in text (2001:db8::10) or two hexadecimal halves with a comma (20010DB800000000,10); the DUID is
 * in hexadecimal with hyphens (00-03-00-01-02-00-5E-10-00-01), the IAID in decimal.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <dhcpsapi.h>
#include <stdio.h>

#pragma comment(lib, "dhcpsapi.lib")
#pragma comment(lib, "ws2_32.lib")

static BOOL ParseAddress(LPCWSTR Text, DHCP_IPV6_ADDRESS *Address)
{
    WCHAR *End = NULL;
    IN6_ADDR Octets;
    DWORD i;

    ZeroMemory(Address, sizeof(*Address));
    if (wcschr(Text, L',') != NULL)
    {
        Address->HighOrderBits = _wcstoui64(Text, &End, 16);
        if (*End != L',')
        {
            return FALSE;
        }
        Address->LowOrderBits = _wcstoui64(End + 1, &End, 16);
        return *End == L'\0';
    }
    if (InetPtonW(AF_INET6, Text, &Octets) != 1)
    {
        return FALSE;
    }
    for (i = 0; i < 8; i++)
    {
        Address->HighOrderBits = (Address->HighOrderBits << 8) | Octets.s6_addr[i];
        Address->LowOrderBits = (Address->LowOrderBits << 8) | Octets.s6_addr[8 + i];
    }
    return TRUE;
}

static BOOL ParseDuid(LPCWSTR Text, DHCP_CLIENT_UID *Duid)
{
    DWORD Size = (DWORD)wcslen(Text) / 2 + 1;
    WCHAR *End = NULL;

    Duid->DataLength = 0;
    Duid->Data = (BYTE *)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Size);
    if (Duid->Data == NULL)
    {
        return FALSE;
    }
    while (*Text != L'\0')
    {
        unsigned long Octet = wcstoul(Text, &End, 16);
        if (End == Text || Octet > 0xFF || (*End != L'-' && *End != L'\0'))
        {
            return FALSE;
        }
        Duid->Data[Duid->DataLength++] = (BYTE)Octet;
        Text = *End == L'-' ? End + 1 : End;
    }
    return TRUE;
}

int __cdecl wmain(int argc, wchar_t *argv[])
{
    DWORD dwError = ERROR_SUCCESS;
    LPWSTR pServer = NULL;
    DHCP_CLIENT_INFO_V6 ClientInfo;
    LPWSTR pMessage = NULL;

    if (argc < 5)
    {
        wprintf(L"usage: %s <server | local> <address> <DUID> <IAID> [<name> [<comment> [<hours>]]]\n", argv[0]);
        return 1;
    }
    ZeroMemory(&ClientInfo, sizeof(ClientInfo));
    if (_wcsicmp(argv[1], L"local") != 0)
    {
        pServer = argv[1];
    }
    if (!ParseAddress(argv[2], &ClientInfo.ClientIpAddress))
    {
        wprintf(L"%s is not an IPv6 address\n", argv[2]);
        return 1;
    }
    if (!ParseDuid(argv[3], &ClientInfo.ClientDUID))
    {
        wprintf(L"%s is not a DUID\n", argv[3]);
        return 1;
    }
    ClientInfo.AddressType = ADDRESS_TYPE_IANA;
    ClientInfo.IAID = (DWORD)wcstoul(argv[4], NULL, 10);
    ClientInfo.ClientName = argc > 5 ? argv[5] : NULL;
    ClientInfo.ClientComment = argc > 6 ? argv[6] : NULL;
    ClientInfo.ClientValidLeaseExpires.dwHighDateTime = DHCP_DATE_TIME_INFINIT_HIGH;
    ClientInfo.ClientValidLeaseExpires.dwLowDateTime = DHCP_DATE_TIME_INFINIT_LOW;
    if (argc > 7)
    {
        FILETIME Now;
        ULARGE_INTEGER Expires;

        GetSystemTimeAsFileTime(&Now);
        Expires.LowPart = Now.dwLowDateTime;
        Expires.HighPart = Now.dwHighDateTime;
        Expires.QuadPart += (ULONGLONG)wcstoul(argv[7], NULL, 10) * 3600 * 10000000;
        ClientInfo.ClientValidLeaseExpires.dwLowDateTime = Expires.LowPart;
        ClientInfo.ClientValidLeaseExpires.dwHighDateTime = Expires.HighPart;
    }
    ClientInfo.ClientPrefLeaseExpires = ClientInfo.ClientValidLeaseExpires;

    dwError = DhcpV6CreateClientInfo(pServer, &ClientInfo);
    HeapFree(GetProcessHeap(), 0, ClientInfo.ClientDUID.Data);
    if (dwError == ERROR_SUCCESS)
    {
        wprintf(L"Created %016I64x,%I64x with IAID %lu\n", ClientInfo.ClientIpAddress.HighOrderBits,
                ClientInfo.ClientIpAddress.LowOrderBits, ClientInfo.IAID);
        return 0;
    }
    if (FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                       dwError, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), (LPWSTR)&pMessage, 0, NULL) != 0)
    {
        wprintf(L"DhcpV6CreateClientInfo failed with error %lu (0x%08lX): %s", dwError, dwError, pMessage);
        LocalFree(pMessage);
    }
    else
    {
        wprintf(L"DhcpV6CreateClientInfo failed with error %lu\n", dwError);
    }
    return 2;
}
