/*
 * Figures of the server and of each scope.
 *
 *   scope_statistics [<server>]
 */
#define UNICODE
#define _UNICODE
#include <windows.h>
#include <tchar.h>
#include <dhcpsapi.h>
#include <stdio.h>

#pragma comment(lib, "dhcpsapi.lib")

static int Fail(LPCTSTR pCall, DWORD dwError)
{
    _tprintf(_T("%s failed with error %lu\n"), pCall, dwError);
    return 2;
}

int __cdecl _tmain(int argc, _TCHAR *argv[])
{
    DWORD dwError;
    LPWSTR pServer = argc > 1 ? argv[1] : NULL;
    LPDHCP_MIB_INFO_V6 pMib = NULL;
    LPDHCPV6_IP_ARRAY pScopes = NULL;
    LPDHCP_SUBNET_INFO_V6 pInfo = NULL;
    DHCP_RESUME_HANDLE Resume = 0;
    DWORD dwRead = 0;
    DWORD dwTotal = 0;
    DWORD i, j;
    SYSTEMTIME Started;

    dwError = DhcpGetMibInfoV6(pServer, &pMib);
    if (dwError != ERROR_SUCCESS)
    {
        return Fail(_T("DhcpGetMibInfoV6"), dwError);
    }
    if (FileTimeToSystemTime((const FILETIME *)&pMib->ServerStartTime, &Started))
    {
        _tprintf(_T("started   %04u-%02u-%02u\n"), Started.wYear, Started.wMonth, Started.wDay);
    }
    _tprintf(_T("requests  %lu\nrenews    %lu\ndeclines  %lu\nreleases  %lu\nscopes    %lu\n"), pMib->Requests, pMib->Renews,
             pMib->Declines, pMib->Releases, pMib->Scopes);

    dwError = DhcpEnumSubnetsV6(pServer, &Resume, 0xFFFFFFFF, &pScopes, &dwRead, &dwTotal);
    if (dwError == ERROR_NO_MORE_ITEMS)
    {
        DhcpRpcFreeMemory(pMib);
        return 0;
    }
    if (dwError != ERROR_SUCCESS)
    {
        return Fail(_T("DhcpEnumSubnetsV6"), dwError);
    }
    for (i = 0; i < dwRead; i++)
    {
        dwError = DhcpGetSubnetInfoV6(pServer, pScopes->Elements[i], &pInfo);
        if (dwError != ERROR_SUCCESS)
        {
            return Fail(_T("DhcpGetSubnetInfoV6"), dwError);
        }
        for (j = 0; j < pMib->Scopes; j++)
        {
            if (pMib->ScopeInfo[j].Subnet.HighOrderBits == pInfo->SubnetAddress.HighOrderBits &&
                pMib->ScopeInfo[j].Subnet.LowOrderBits == pInfo->SubnetAddress.LowOrderBits)
            {
                _tprintf(_T("%016I64x  %-20s %-8s in use %I64u, free %I64u\n"), pInfo->SubnetAddress.HighOrderBits,
                         pInfo->SubnetName != NULL ? pInfo->SubnetName : _T("-"),
                         pInfo->State == DhcpSubnetEnabled ? _T("enabled") : _T("disabled"),
                         pMib->ScopeInfo[j].NumAddressesInuse, pMib->ScopeInfo[j].NumAddressesFree);
            }
        }
        DhcpRpcFreeMemory(pInfo);
        pInfo = NULL;
    }
    DhcpRpcFreeMemory(pScopes);
    DhcpRpcFreeMemory(pMib);
    return 0;
}
