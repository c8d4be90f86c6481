#include "commands/rules.h"

namespace leaseledger::rules {

bool is_live(const BookLease& lease, Instant at) { return lease.lease.valid_until > at; }

LeaseFact ended(const BookLease& lease, Reason reason) {
  return {lease.lease, std::nullopt, reason};
}

void expire(const BookLease& lease, Decision& decision) {
  decision.add(LeaseExpired{ended(lease, Reason::kLifetimeOver)}, lease.lease.valid_until);
}

bool is_client(const Lease& lease, const Duid& duid, Iaid iaid, LeaseType type) {
  return lease.iaid == iaid && lease.type == type && lease.duid == duid;
}

Status require_duid(const Duid& duid) {
  if (duid.empty())
    return invalid("duid", "", "the client's DUID, 1 to 130 octets (RFC 9915 section 11.1)");
  return {};
}

Status require_type_fits(const LeaseKey& key, LeaseType type) {
  if (key.length == kAddressLength && type == LeaseType::kPd) {
    return invalid(
        "type", std::string(name_of(type)),
        "IA_NA or IA_TA for an address; IA_PD goes with a prefix such as 2001:db8:5::/56");
  }
  if (key.length != kAddressLength && type != LeaseType::kPd) {
    return invalid(
        "type", std::string(name_of(type)),
        "IA_PD for a prefix; " + std::string(name_of(type)) + " goes with a single address");
  }
  return {};
}

Result<const Subnet*> require_subnet_of(const LeaseBook& book, const LeaseKey& key) {
  if (const Subnet* subnet = book.subnet_of(key)) return subnet;
  return fail(
      Win32::kDhcpSubnetNotPresent, ErrorKind::kRefused, "address", format_lease_key(key),
      key.length == kAddressLength
          ? "an address in a subnet of this ledger (leaseledger subnet list)"
          : "a prefix in a delegation pool or subnet of this ledger (leaseledger pool list)");
}

Result<const Subnet*> require_subnet(const LeaseBook& book, const Ipv6Prefix& prefix,
                                     Win32 missing) {
  if (const Subnet* subnet = book.find_subnet(prefix)) return subnet;
  return fail(missing, ErrorKind::kNotFound, "subnet", prefix.to_string(),
              "the prefix of a subnet of this ledger (leaseledger subnet list)");
}

Result<BookLease> require_holder(const LeaseBook& book, const LeaseKey& key, const Duid& duid,
                                 Iaid iaid, LeaseType type, Instant at) {
  const auto lease = book.find(key);
  if (!lease || lease->lease.state != LeaseState::kActive || !is_live(*lease, at)) {
    return fail(Win32::kNotFound, ErrorKind::kNotFound, "address", format_lease_key(key),
                "an address or prefix with a live lease");
  }
  if (!is_client(lease->lease, duid, iaid, type)) {
    return fail(Win32::kDhcpIpAddressInUse, ErrorKind::kConflict, "duid", duid.to_string(),
                "the client that holds " + format_lease_key(key) + " now: DUID " +
                    lease->lease.duid.to_string() + " IAID " +
                    std::to_string(static_cast<std::uint32_t>(lease->lease.iaid)) + " " +
                    std::string(name_of(lease->lease.type)));
  }
  return *lease;
}

void keep_reserved(const LeaseBook& book, const Lease& gone, Decision& decision,
                   Instant effective_at) {
  const Reservation* reservation = book.find_reservation(gone.subnet_id, gone.key);
  if (reservation == nullptr) return;
  ClientCreated record;
  record.lease = {gone.key,
                  reservation->type,
                  LeaseState::kReserved,
                  reservation->duid,
                  reservation->iaid,
                  gone.subnet_id,
                  kForever,
                  kForever,
                  0,
                  0};
  record.description = Description{};
  record.reason = Reason::kReservation;
  decision.add(std::move(record), effective_at);
}

LeaseType default_type(const LeaseKey& key) {
  return key.length == kAddressLength ? LeaseType::kNa : LeaseType::kPd;
}

}  // namespace leaseledger::rules
