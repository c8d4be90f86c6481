#include "adapters/dhcpsapi/convert.h"

#include <string>

namespace leaseledger::dhcpsapi {
namespace {

constexpr std::int64_t kTicksTo1970 = 116'444'736'000'000'000;
constexpr std::uint64_t kInfiniteTicks = 0x7FFF'FFFF'FFFF'FFFF;
constexpr std::int64_t kMostTicks = Instant::max().time_since_epoch().count() / 100;

}  // namespace

std::optional<Instant> from_c(const DATE_TIME& time) {
  const std::uint64_t ticks = std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
  if (ticks == 0) return std::nullopt;
  if (ticks >= kInfiniteTicks) return kForever;
  std::int64_t since_1970 = static_cast<std::int64_t>(ticks) - kTicksTo1970;
  if (since_1970 >= kMostTicks) return kForever;
  since_1970 = std::max(since_1970, -kMostTicks);
  return Instant(std::chrono::nanoseconds(since_1970 * 100));
}

DATE_TIME to_c(Instant time) {
  std::uint64_t ticks = 0;
  if (time == kForever) {
    ticks = kInfiniteTicks;
  } else if (time != kUnset) {
    const std::int64_t ns = time.time_since_epoch().count();
    ticks = static_cast<std::uint64_t>(ns / 100 - (ns % 100 < 0 ? 1 : 0) + kTicksTo1970);
  }
  return {static_cast<DWORD>(ticks), static_cast<DWORD>(ticks >> 32)};
}

Result<Duid> from_c(const DHCP_CLIENT_UID& uid) {
  if (uid.Data == nullptr || uid.DataLength == 0) return Duid();
  if (uid.DataLength > Duid::kMaxSize)
    return invalid("duid", std::to_string(uid.DataLength) + " octets", "1 to 130 octets");
  return Duid::from_bytes({uid.Data, uid.DataLength});
}

Result<SubnetState> state_from_c(DWORD state) {
  switch (state) {
    case DhcpSubnetEnabled:
    case DhcpSubnetEnabledSwitched:
      return SubnetState::kEnabled;
    case DhcpSubnetDisabled:
    case DhcpSubnetDisabledSwitched:
      return SubnetState::kDisabled;
    default:
      return invalid("state", std::to_string(state), "0 enabled, 1 disabled");
  }
}

void fill(ResultBlock& block, const LeaseRow& row, DHCP_CLIENT_INFO_V6& out) {
  const Lease& lease = row.lease;
  out.ClientIpAddress = to_c(lease.key.address);
  out.ClientDUID = block.octets(lease.duid.bytes());
  out.AddressType = lease.type == LeaseType::kTa ? ADDRESS_TYPE_IATA : ADDRESS_TYPE_IANA;
  out.IAID = static_cast<DWORD>(lease.iaid);
  out.ClientName = block.text(row.description.name);
  out.ClientComment = block.text(row.description.comment);
  out.ClientValidLeaseExpires = to_c(lease.valid_until);
  out.ClientPrefLeaseExpires = to_c(lease.preferred_until);
  out.OwnerHost.IpAddress = to_c(row.description.owner);
  out.OwnerHost.HostName = block.text(row.description.owner_name);
}

std::size_t size_of(const WCHAR* text) {
  return text == nullptr ? 0 : (std::char_traits<WCHAR>::length(text) + 1) * sizeof(WCHAR);
}

std::size_t size_of(const DHCP_CLIENT_INFO_V6& info) {
  return sizeof(LPDHCP_CLIENT_INFO_V6) + sizeof info + info.ClientDUID.DataLength +
         size_of(info.ClientName) + size_of(info.ClientComment) + size_of(info.OwnerHost.HostName);
}

}  // namespace leaseledger::dhcpsapi
