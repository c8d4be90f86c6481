#pragma once
// The leases of made_up_leases.h as commands and records of the ledger.

#include "commands/command.h"
#include "commands/fields.h"
#include "commands/principal.h"
#include "tools/bench/made_up_leases.h"

#include <span>

namespace leaseledger::bench {

inline Ipv6Prefix subnet_of_number(std::uint32_t subnet) {
  return {Ipv6Address::from_bytes(subnet_prefix(subnet)), 64};
}
inline LeaseKey key_of(std::uint64_t number) {
  return {Ipv6Address::from_bytes(address_octets(number)), 128};
}
inline Duid duid_of(std::uint64_t number) { return Duid::from_bytes(duid_octets(number)).value(); }

inline Principal bench_principal() { return {"unix:bench", Role::kAdministrator, "bench"}; }

/// Ids that grow with time, as UUID version 7 does; `sequence` must not repeat.
inline CommandId growing_id(Instant now, std::uint64_t sequence) {
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count());
  CommandId id{};
  for (unsigned i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id[6] = 0x70;
  for (unsigned i = 0; i < 8; ++i) id[8 + i] = static_cast<std::uint8_t>(sequence >> (56 - 8 * i));
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

/// Ids in no order, as UUID version 4; different for each `sequence`.
inline CommandId random_id(std::uint64_t sequence) {
  CommandId id{};
  const std::uint64_t halves[] = {spread(sequence), spread(~sequence)};
  for (unsigned i = 0; i < 16; ++i)
    id[i] = static_cast<std::uint8_t>(halves[i / 8] >> (8 * (i % 8)));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x40);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

inline CreateClient create_of(std::uint64_t number) {
  CreateClient out;
  out.key = key_of(number);
  out.duid = duid_of(number);
  out.iaid = Iaid{iaid(number)};
  out.name = host_name(number);
  return out;
}

/// The record that a ledger keeps of create_of(number), as its record number + 1, when it is taken at `start` and so many ns.
inline Record record_of(std::uint64_t number, Instant start) {
  const CreateClient create = create_of(number);
  Envelope envelope{.command = create};
  envelope.id = growing_id(start, number);
  Record out;
  out.position = number + 1;
  out.recorded_at = out.effective_at = start + std::chrono::nanoseconds{number};
  out.actor = bench_principal().name;
  out.door = bench_principal().door;
  out.command_id = envelope.id;
  out.fingerprint = fingerprint_of(envelope);
  ClientCreated fact;
  fact.lease.key = create.key;
  fact.lease.duid = create.duid;
  fact.lease.iaid = create.iaid;
  fact.lease.subnet_id = subnet_number(number) + 1;
  fact.lease.valid_until = add_lifetime(out.recorded_at, Lifetime{kValidSeconds});
  fact.lease.preferred_until = fact.lease.valid_until;
  fact.lease.tenure = fact.lease.described = out.position;
  fact.description.emplace().name = create.name;
  out.event = fact;
  return out;
}

/// The client asks for more time.
inline RenewLease renew_of(std::uint64_t number) {
  RenewLease out;
  out.key = key_of(number);
  out.duid = duid_of(number);
  out.iaid = Iaid{iaid(number)};
  out.preferred_lifetime = Lifetime{kPreferredSeconds};
  out.valid_lifetime = Lifetime{kValidSeconds};
  return out;
}

}  // namespace leaseledger::bench
