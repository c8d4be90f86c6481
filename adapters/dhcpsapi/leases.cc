// Calls about lease records: MS-DHCPM 3.2.4.65, .72 to .74, .125.
#include "adapters/dhcpsapi/call.h"
#include "adapters/dhcpsapi/text.h"

#include <algorithm>
#include <limits>
#include <vector>

using namespace leaseledger;
using namespace leaseledger::dhcpsapi;

namespace {

constexpr DWORD kLongestDuidInWindows = 256;
constexpr DWORD kTotalUnknown = 0x7FFF'FFFF;  // what Windows says as long as more remain
constexpr std::size_t kPage = 1000;

Result<std::optional<LeaseRow>> record_at(Session& session, const DHCP_IPV6_ADDRESS& address) {
  LEASELEDGER_ASSIGN(auto answer, session.service().lease(key_of(address), with_lapsed()));
  return std::move(answer.lease);
}

bool by_address(const DHCP_SEARCH_INFO_V6* search) {
  return search != nullptr && search->SearchType == Dhcpv6ClientIpAddress;
}

/// A DUID that the ledger cannot keep: the rules that come before it in Windows, then its own.
Status refuse_long_duid(Session& session, const DHCP_CLIENT_INFO_V6& info) {
  LEASELEDGER_TRY(session.require(Role::kAdministrator));
  LEASELEDGER_ASSIGN(const auto record, record_at(session, info.ClientIpAddress));
  if (!record) return code(Win32::kFileNotFound);
  return code(info.ClientDUID.DataLength > kLongestDuidInWindows ? Win32::kBufferOverflow
                                                                 : Win32::kInvalidParameter);
}

}  // namespace

DWORD DhcpV6CreateClientInfo(const WCHAR* server, LPCDHCP_CLIENT_INFO_V6 info) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    const auto duid = from_c(info->ClientDUID);
    if (!duid) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    CreateClient create;
    create.key = key_of(info->ClientIpAddress);
    create.duid = *duid;
    create.iaid = Iaid{info->IAID};
    create.type = LeaseType::kNa;
    LEASELEDGER_ASSIGN(create.name, to_utf8(info->ClientName, "name"));
    LEASELEDGER_ASSIGN(create.comment, to_utf8(info->ClientComment, "comment"));
    create.valid_until = from_c(info->ClientValidLeaseExpires);
    create.preferred_until = from_c(info->ClientPrefLeaseExpires);
    // Both names of the owner are cleared by the rules of Windows: only its address is kept.
    LEASELEDGER_ASSIGN(create.owner, session->owner());
    return submit(*session, create);
  });
}

DWORD DhcpGetClientInfoV6(const WCHAR* server, LPCDHCP_SEARCH_INFO_V6 search,
                          LPDHCP_CLIENT_INFO_V6* info) {
  return call([&]() -> Status {
    if (info != nullptr) *info = nullptr;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (!by_address(search) || info == nullptr)
      return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto record, record_at(*session, search->SearchInfo.ClientIpAddress));
    if (!record) return code(Win32::kDhcpJetError);
    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCP_CLIENT_INFO_V6>();
    fill(*block, *record, *out);
    give(std::move(block), out, info);
    return {};
  });
}

DWORD DhcpSetClientInfoV6(const WCHAR* server, LPCDHCP_CLIENT_INFO_V6 info) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (info == nullptr) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    const auto duid = from_c(info->ClientDUID);
    if (!duid) return refuse_long_duid(*session, *info);
    SetClient set;
    set.key = key_of(info->ClientIpAddress);
    set.duid = *duid;
    set.iaid = Iaid{info->IAID};
    LEASELEDGER_ASSIGN(set.name, to_utf8(info->ClientName, "name"));
    LEASELEDGER_ASSIGN(set.comment, to_utf8(info->ClientComment, "comment"));
    return submit(*session, set);
  });
}

DWORD DhcpDeleteClientInfoV6(const WCHAR* server, LPCDHCP_SEARCH_INFO_V6 search) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (!by_address(search))
      return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    return submit(*session, DeleteClient{.key = key_of(search->SearchInfo.ClientIpAddress)});
  });
}

DWORD DhcpEnumSubnetClientsV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                              DHCP_RESUME_IPV6_HANDLE* resume, DWORD preferred_maximum,
                              LPDHCP_CLIENT_INFO_ARRAY_V6* list, DWORD* read, DWORD* total) {
  return call([&]() -> Status {
    if (list != nullptr) *list = nullptr;
    if (read != nullptr) *read = 0;
    if (total != nullptr) *total = 0;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (resume == nullptr || list == nullptr || read == nullptr || total == nullptr)
      return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    const std::size_t most = preferred_maximum == MAXDWORD
                                 ? std::numeric_limits<std::size_t>::max()
                                 : std::clamp<std::size_t>(preferred_maximum, 1024, 65536);
    LEASELEDGER_ASSIGN(const Ipv6Prefix scope, scope_of(*session, address));
    std::optional<LeaseKey> after;
    if (!from_c(*resume).is_unspecified()) after = key_of(*resume);

    auto block = std::make_unique<ResultBlock>();
    auto* out = block->make<DHCP_CLIENT_INFO_ARRAY_V6>();
    std::vector<DHCP_CLIENT_INFO_V6*> clients;
    std::size_t bytes = 0;
    bool more = false;
    When when = with_lapsed();
    do {
      const std::size_t fit = (most - std::min(bytes, most)) / sizeof(DHCP_CLIENT_INFO_V6) + 1;
      LEASELEDGER_ASSIGN(const LeasePage page,
                         session->service().leases_in(scope, when, after, std::min(fit, kPage)));
      for (const LeaseRow& row : page.leases) {
        if (row.lease.key.length != kAddressLength) continue;  // a delegated prefix
        auto* client = block->make<DHCP_CLIENT_INFO_V6>();
        dhcpsapi::fill(*block, row, *client);
        bytes += dhcpsapi::size_of(*client);
        more = !clients.empty() && bytes > most;
        if (more) break;
        clients.push_back(client);
      }
      after = page.next;
      when = When::exactly(page.as_of);
    } while (after && !more);

    if (clients.empty()) return code(Win32::kNoMoreItems);
    out->NumElements = static_cast<DWORD>(clients.size());
    out->Clients = block->make<LPDHCP_CLIENT_INFO_V6>(clients.size());
    std::ranges::copy(clients, out->Clients);
    *read = out->NumElements;
    *total = more ? kTotalUnknown : out->NumElements;
    *resume = more ? clients.back()->ClientIpAddress : DHCP_RESUME_IPV6_HANDLE{};
    give(std::move(block), out, list);
    return more ? code(Win32::kMoreData) : Status{};
  });
}
