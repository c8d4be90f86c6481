/*
 * Shows all leases of all scopes, a few at a time.
 *
 *   show_leases [<server>]
 */
#include <windows.h>
#include <dhcpsapi.h>
#include <stdio.h>

#pragma comment(lib, "dhcpsapi.lib")

static void PrintAddress(DHCP_IPV6_ADDRESS Address)
{
    int i;

    for (i = 3; i >= 0; i--)
    {
        wprintf(L"%04x:", (WORD)(Address.HighOrderBits >> (16 * i)));
    }
    for (i = 3; i >= 0; i--)
    {
        wprintf(i == 0 ? L"%04x" : L"%04x:", (WORD)(Address.LowOrderBits >> (16 * i)));
    }
}

static void PrintTime(DATE_TIME Time)
{
    FILETIME FileTime;
    SYSTEMTIME SystemTime;

    if (Time.dwHighDateTime == DHCP_DATE_TIME_INFINIT_HIGH && Time.dwLowDateTime == DHCP_DATE_TIME_INFINIT_LOW)
    {
        wprintf(L"never");
        return;
    }
    FileTime.dwLowDateTime = Time.dwLowDateTime;
    FileTime.dwHighDateTime = Time.dwHighDateTime;
    if (!FileTimeToSystemTime(&FileTime, &SystemTime))
    {
        wprintf(L"? (error %lu)", GetLastError());
        return;
    }
    wprintf(L"%04hu-%02hu-%02hu %02hu:%02hu:%02hu UTC", SystemTime.wYear, SystemTime.wMonth, SystemTime.wDay,
            SystemTime.wHour, SystemTime.wMinute, SystemTime.wSecond);
}

static void PrintClient(LPDHCP_CLIENT_INFO_V6 pClient)
{
    DWORD i;

    wprintf(L"  ");
    PrintAddress(pClient->ClientIpAddress);
    wprintf(L"  DUID ");
    for (i = 0; i < pClient->ClientDUID.DataLength; i++)
    {
        wprintf(L"%s%02X", i == 0 ? L"" : L"-", pClient->ClientDUID.Data[i]);
    }
    wprintf(L"  IAID %lu  until ", pClient->IAID);
    PrintTime(pClient->ClientValidLeaseExpires);
    wprintf(L"  %ls\n", pClient->ClientName != NULL ? pClient->ClientName : L"-");
}

static DWORD PrintScope(LPWSTR pServer, DHCP_IPV6_ADDRESS Scope, DWORD *pTotal)
{
    DWORD dwError;
    DHCP_RESUME_IPV6_HANDLE Resume;
    LPDHCP_CLIENT_INFO_ARRAY_V6 pClients = NULL;
    DWORD dwRead = 0;
    DWORD dwTotal = 0;
    DWORD i;

    ZeroMemory(&Resume, sizeof(Resume));
    do
    {
        dwError = DhcpEnumSubnetClientsV6(pServer, Scope, &Resume, 1024, &pClients, &dwRead, &dwTotal);
        if (dwError != ERROR_SUCCESS && dwError != ERROR_MORE_DATA)
        {
            break;
        }
        for (i = 0; i < pClients->NumElements; i++)
        {
            PrintClient(pClients->Clients[i]);
        }
        *pTotal += dwRead;
        DhcpRpcFreeMemory(pClients);
        pClients = NULL;
    } while (dwError == ERROR_MORE_DATA);

    return dwError == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : dwError;
}

int __cdecl main(int argc, char **argv)
{
    DWORD dwError = ERROR_SUCCESS;
    LPWSTR pServer = NULL;
    int cchServer;
    DHCP_RESUME_HANDLE Resume = 0;
    LPDHCPV6_IP_ARRAY pScopes = NULL;
    DWORD dwRead = 0;
    DWORD dwTotal = 0;
    DWORD dwLeases = 0;
    DWORD i;

    if (argc > 1)
    {
        cchServer = MultiByteToWideChar(CP_ACP, 0, argv[1], -1, NULL, 0);
        pServer = (LPWSTR)HeapAlloc(GetProcessHeap(), 0, cchServer * sizeof(WCHAR));
        if (pServer == NULL)
        {
            return 1;
        }
        MultiByteToWideChar(CP_ACP, 0, argv[1], -1, pServer, cchServer);
    }

    for (;;)
    {
        dwError = DhcpEnumSubnetsV6(pServer, &Resume, 2, &pScopes, &dwRead, &dwTotal);
        if (dwError == ERROR_NO_MORE_ITEMS)
        {
            dwError = ERROR_SUCCESS;
            break;
        }
        if (dwError != ERROR_SUCCESS)
        {
            break;
        }
        for (i = 0; i < pScopes->NumElements && dwError == ERROR_SUCCESS; i++)
        {
            wprintf(L"scope ");
            PrintAddress(pScopes->Elements[i]);
            wprintf(L"\n");
            dwError = PrintScope(pServer, pScopes->Elements[i], &dwLeases);
        }
        DhcpRpcFreeMemory(pScopes);
        pScopes = NULL;
        if (dwError != ERROR_SUCCESS)
        {
            break;
        }
    }

    if (pServer != NULL)
    {
        HeapFree(GetProcessHeap(), 0, pServer);
    }
    if (dwError != ERROR_SUCCESS)
    {
        wprintf(L"failed with error %lu\n", dwError);
        return 2;
    }
    wprintf(L"%lu leases\n", dwLeases);
    return 0;
}
