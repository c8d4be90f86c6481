// Calls about exclusions and reservations: MS-DHCPM 3.2.4.60 to .62.
#include "adapters/dhcpsapi/call.h"

#include <vector>

using namespace leaseledger;
using namespace leaseledger::dhcpsapi;

namespace {

constexpr std::size_t kPage = 1000;

/// What is left to do for an element that Windows takes and does nothing with.
Status nothing_to_do(Session& session, const DHCP_IPV6_ADDRESS& address) {
  LEASELEDGER_TRY(session.require(Role::kAdministrator));
  LEASELEDGER_ASSIGN(const auto scope, find_scope(session, address));
  return scope ? Status{} : code(Win32::kFileNotFound);
}

bool has_what_it_points_to(const DHCP_SUBNET_ELEMENT_DATA_V6& element) {
  switch (static_cast<int>(element.ElementType)) {
    case Dhcpv6IpRanges:
      return true;  // not looked at
    case Dhcpv6ReservedIps:
      return element.Element.ReservedIp != nullptr;
    case Dhcpv6ExcludedIpRanges:
      return element.Element.ExcludeIpRange != nullptr;
    default:
      return false;
  }
}

/// All elements that fit the structures of Windows, in order.
Result<std::vector<SubnetElement>> all_elements(Session& session, const Ipv6Prefix& scope,
                                                ElementKind kind) {
  std::vector<SubnetElement> out;
  std::uint64_t skip = 0;
  When when;
  for (;;) {
    LEASELEDGER_ASSIGN(auto page, session.service().elements(scope, kind, when, skip, kPage));
    skip += page.elements.size();
    for (auto& element : page.elements) {
      if (!element.reservation || element.reservation->key.length == kAddressLength)
        out.push_back(std::move(element));
    }
    if (page.elements.empty() || skip >= page.total) return out;
    when.position = page.as_of;
  }
}

std::size_t size_of(const SubnetElement& element) {
  return sizeof(DHCP_SUBNET_ELEMENT_DATA_V6) +
         (element.reservation ? sizeof(DHCP_IP_RESERVATION_V6) + element.reservation->duid.size()
                              : sizeof(DHCP_IP_RANGE_V6));
}

void fill(ResultBlock& block, const SubnetElement& element, DHCP_SUBNET_ELEMENT_DATA_V6& out) {
  if (element.reservation) {
    const Reservation& from = *element.reservation;
    out.ElementType = Dhcpv6ReservedIps;
    auto* reserved = out.Element.ReservedIp = block.make<DHCP_IP_RESERVATION_V6>();
    reserved->ReservedIpAddress = to_c(from.key.address);
    reserved->ReservedForClient = block.make<DHCP_CLIENT_UID>();
    *reserved->ReservedForClient = block.octets(from.duid.bytes());
    reserved->InterfaceId = static_cast<DWORD>(from.iaid);
  } else {
    out.ElementType = Dhcpv6ExcludedIpRanges;
    auto* range = out.Element.ExcludeIpRange = block.make<DHCP_IP_RANGE_V6>();
    range->StartAddress = to_c(element.exclusion->first);
    range->EndAddress = to_c(element.exclusion->last);
  }
}

}  // namespace

DWORD DhcpAddSubnetElementV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                             DHCP_SUBNET_ELEMENT_DATA_V6* element) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (element == nullptr || !has_what_it_points_to(*element))
      return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    if (element->ElementType == Dhcpv6IpRanges) return nothing_to_do(*session, address);
    if (element->ElementType == Dhcpv6ExcludedIpRanges) {
      const DHCP_IP_RANGE_V6& range = *element->Element.ExcludeIpRange;
      LEASELEDGER_ASSIGN(const Ipv6Prefix scope, scope_of(*session, address));
      return submit(*session, AddExclusion{.subnet = scope,
                                           .first = from_c(range.StartAddress),
                                           .last = from_c(range.EndAddress)});
    }
    const DHCP_IP_RESERVATION_V6& reserved = *element->Element.ReservedIp;
    const auto duid = reserved.ReservedForClient == nullptr ? Result<Duid>(Duid())
                                                            : from_c(*reserved.ReservedForClient);
    if (!duid) return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const Ipv6Prefix scope, scope_of(*session, address));
    return submit(*session, AddReservation{.subnet = scope,
                                           .key = key_of(reserved.ReservedIpAddress),
                                           .duid = *duid,
                                           .iaid = Iaid{reserved.InterfaceId}});
  });
}

DWORD DhcpRemoveSubnetElementV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                                DHCP_SUBNET_ELEMENT_DATA_V6* element, DHCP_FORCE_FLAG) {
  return call([&]() -> Status {
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (element == nullptr || !has_what_it_points_to(*element))
      return refuse(*session, Role::kAdministrator, Win32::kInvalidParameter);
    if (element->ElementType == Dhcpv6IpRanges) return nothing_to_do(*session, address);
    LEASELEDGER_ASSIGN(const Ipv6Prefix scope, scope_of(*session, address));
    if (element->ElementType == Dhcpv6ExcludedIpRanges) {
      const DHCP_IP_RANGE_V6& range = *element->Element.ExcludeIpRange;
      return submit(*session, RemoveExclusion{.subnet = scope,
                                              .first = from_c(range.StartAddress),
                                              .last = from_c(range.EndAddress)});
    }
    return submit(*session,
                  RemoveReservation{.subnet = scope,
                                    .key = key_of(element->Element.ReservedIp->ReservedIpAddress)});
  });
}

DWORD DhcpEnumSubnetElementsV6(const WCHAR* server, DHCP_IPV6_ADDRESS address,
                               DHCP_SUBNET_ELEMENT_TYPE_V6 type, DHCP_RESUME_HANDLE* resume,
                               DWORD preferred_maximum, LPDHCP_SUBNET_ELEMENT_INFO_ARRAY_V6* list,
                               DWORD* read, DWORD* total) {
  return call([&]() -> Status {
    if (list != nullptr) *list = nullptr;
    if (read != nullptr) *read = 0;
    if (total != nullptr) *total = 0;
    LEASELEDGER_ASSIGN(const auto session, session_for(server));
    if (resume == nullptr || list == nullptr || read == nullptr || total == nullptr)
      return refuse(*session, Role::kUser, Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto scope, find_scope(*session, address));
    if (!scope) return code(Win32::kFileNotFound);
    if (type != Dhcpv6ReservedIps && type != Dhcpv6ExcludedIpRanges)
      return code(Win32::kInvalidParameter);
    LEASELEDGER_ASSIGN(const auto elements,
                       all_elements(*session, scope->subnet.prefix,
                                    type == Dhcpv6ReservedIps ? ElementKind::kReservation
                                                              : ElementKind::kExclusion));
    if (*resume >= elements.size()) return code(Win32::kNoMoreItems);
    const auto remaining = std::span(elements).subspan(*resume);
    std::size_t n = 0;
    for (std::size_t bytes = 0; n < remaining.size(); ++n) {
      bytes += size_of(remaining[n]);
      if (preferred_maximum != MAXDWORD && bytes > preferred_maximum) break;
    }
    *total = static_cast<DWORD>(remaining.size());
    if (n != 0) {
      auto block = std::make_unique<ResultBlock>();
      auto* out = block->make<DHCP_SUBNET_ELEMENT_INFO_ARRAY_V6>();
      out->NumElements = static_cast<DWORD>(n);
      out->Elements = block->make<DHCP_SUBNET_ELEMENT_DATA_V6>(n);
      for (std::size_t i = 0; i < n; ++i) fill(*block, remaining[i], out->Elements[i]);
      give(std::move(block), out, list);
      *read = static_cast<DWORD>(n);
      *resume += static_cast<DWORD>(n);
    }
    return n < remaining.size() ? code(Win32::kMoreData) : Status{};
  });
}
