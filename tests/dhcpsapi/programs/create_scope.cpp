// Creates a DHCPv6 scope: create_scope <high half of the address, hexadecimal> <name>
#include <windows.h>
#include <dhcpsapi.h>
#include <cstdio>

#pragma comment(lib, "dhcpsapi.lib")

int wmain(int argc, wchar_t *argv[])
{
    if (argc != 3)
    {
        std::wprintf(L"usage: %s <high half> <name>\n", argv[0]);
        return 1;
    }

    DHCP_SUBNET_INFO_V6 info = {};
    info.SubnetAddress.HighOrderBits = _wcstoui64(argv[1], nullptr, 16);
    info.SubnetName = argv[2];
    info.State = DhcpSubnetEnabled;

    const DWORD error = DhcpCreateSubnetV6(nullptr, info.SubnetAddress, &info);
    if (error != ERROR_SUCCESS)
    {
        std::fprintf(stderr, "DhcpCreateSubnetV6 failed with error %lu\n", error);
        return 2;
    }
    return 0;
}
