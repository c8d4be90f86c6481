// Calls about scopes: MS-DHCPM 3.2.4.58, .59, .63, .64, .68.
#include "adapters/dhcpsapi/call.h"
#include "adapters/dhcpsapi/text.h"

#include <algorithm>
#include <limits>
#include <vector>

using namespace leaseledger;
using namespace leaseledger::dhcpsapi;

namespace {

constexpr std::size_t kPage = 1000;

Result<std::vector<Ipv6Address>> all_scopes(Session& session) {
  std::vector<Ipv6Address> out;
  std::optional<Ipv6Prefix> after;
  do {
    LEASELEDGER_ASSIGN(const SubnetPage page, session.service().subnets({}, after, kPage));
    for (const SubnetRow& row : page.subnets) out.push_back(row.subnet.prefix.address);
    after = page.next;
  } while (after);
  return out;
}

}  // namespace

DWORD DhcpCreateSubnetV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                         DHCP_SUBNET_INFO_V6* info) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    CreateSubnet create;
    create.prefix = {from_c(address).masked(64), 64};
    LEASELEDGER_ASSIGN(create.name, to_utf8(info->SubnetName, "name"));
    LEASELEDGER_ASSIGN(create.comment, to_utf8(info->SubnetComment, "comment"));
    create.preference = info->Preference;
    LEASELEDGER_ASSIGN(create.state, state_from_c(info->State));
    return submit(*session, create);
  });
}

DWORD DhcpDeleteSubnetV6(const WCHAR* server, DHCP_IPV6_ADDRESS address, DHCP_FORCE_FLAG force) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (force != DhcpFullForce && force != DhcpNoForce && force != DhcpFailoverForce)
      return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const Ipv6Prefix scope, scope_of(*session, address));
    return submit(*session, DeleteSubnet{.prefix = scope, .force = force != DhcpNoForce});
  });
}

DWORD DhcpGetSubnetInfoV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                          LPDHCP_SUBNET_INFO_V6* info) {
  return call([&]() -> Status {
    if (info != nullptr) *info = nullptr;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto found, find_scope(*session, address));
    if (!found) return code(Win32::kDhcpSubnetNotPresent);
    const Subnet& subnet = found->subnet;
    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCP_SUBNET_INFO_V6>();
    out->SubnetAddress = to_c(subnet.prefix.address);
    out->Prefix = subnet.prefix.length;
    out->Preference = subnet.preference;
    out->SubnetName = block->text(subnet.name);
    out->SubnetComment = block->text(subnet.comment);
    out->State = static_cast<DWORD>(subnet.state);
    out->ScopeId = subnet.id;
    give(std::move(block), out, info);
    return {};
  });
}

DWORD DhcpSetSubnetInfoV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                          DHCP_SUBNET_INFO_V6* info) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    SetSubnet set;
    LEASELEDGER_ASSIGN(set.name, to_utf8(info->SubnetName, "name"));
    LEASELEDGER_ASSIGN(set.comment, to_utf8(info->SubnetComment, "comment"));
    set.preference = info->Preference;
    LEASELEDGER_ASSIGN(set.state, state_from_c(info->State));
    LEASELEDGER_ASSIGN(set.prefix, scope_of(*session, address));
    return submit(*session, set);
  });
}

DWORD DhcpEnumSubnetsV6(const WCHAR* server, DHCP_RESUME_HANDLE* resume, DWORD preferred_maximum,
                        LPDHCPV6_IP_ARRAY* list, DWORD* read, DWORD* total) {
  return call([&]() -> Status {
    if (list != nullptr) *list = nullptr;
    if (read != nullptr) *read = 0;
    if (total != nullptr) *total = 0;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (resume == nullptr || list == nullptr || read == nullptr || total == nullptr)
      return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto scopes, all_scopes(*session));
    if (*resume >= scopes.size() || preferred_maximum == 0) return code(Win32::kNoMoreItems);
    const std::size_t remaining = scopes.size() - *resume;
    const std::size_t n = std::min<std::size_t>(remaining, preferred_maximum);
    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCPV6_IP_ARRAY>();
    out->NumElements = static_cast<DWORD>(n);
    out->Elements = block->make<DHCP_IPV6_ADDRESS>(n);
    for (std::size_t i = 0; i < n; ++i) out->Elements[i] = to_c(scopes[*resume + i]);
    give(std::move(block), out, list);
    *read = static_cast<DWORD>(n);
    *total = static_cast<DWORD>(remaining);
    *resume += static_cast<DWORD>(n);
    return {};
  });
}
