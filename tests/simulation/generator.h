#pragma once
// Random commands on a key space so small that everything collides with everything.

#include "commands/command.h"
#include "tests/support/seed.h"

#include <vector>

namespace leaseledger::simulation {

class Generator {
 public:
  explicit Generator(test::Random& random) : random_(random) {}

  Command command() {
    switch (random_.below(40)) {
      case 0:
        return create_subnet();
      case 1:
        return SetSubnet{
            .prefix = subnet(),
            .name = random_.one_in(2) ? std::optional<std::string>(name()) : std::nullopt,
            .valid_lifetime = random_.one_in(2) ? std::optional(lifetime()) : std::nullopt};
      case 2:
        return DeleteSubnet{subnet(), random_.one_in(4)};
      case 3:
        return AddReservation{
            .subnet = subnet(), .key = key(), .duid = duid(), .iaid = iaid(), .name = name()};
      case 4:
        return RemoveReservation{subnet(), key()};
      case 5:
        return AddExclusion{subnet(), address(), address()};
      case 6:
        return RemoveExclusion{subnet(), address(), address()};
      case 7:
        return AddDelegationPool{subnet(), pool(),
                                 static_cast<std::uint8_t>(random_.one_in(6) ? 30 : 56)};
      case 8:
        return RemoveDelegationPool{subnet(), pool()};
      case 9:
        return SetClient{key(), duid(), iaid(), name(), name()};
      case 10:
        return DeleteClient{key()};
      case 11:
        return DeclineLease{.key = key(), .duid = duid(), .iaid = iaid(), .probation = lifetime()};
      case 12:
        return ExpireLeases{.grace = Lifetime{static_cast<std::uint32_t>(random_.below(3))},
                            .limit = static_cast<std::uint32_t>(random_.below(20))};
      case 13:
      case 14:
      case 15:
        return ReleaseLease{.key = key(), .duid = duid(), .iaid = iaid()};
      case 16:
      case 17:
      case 18:
      case 19:
      case 20:
        return renewal();
      case 21:
      case 22:
      case 23:
      case 24:
      case 25:
      case 26:
      case 27:
      case 28:
        return report();
      default:
        return create_client();
    }
  }

  LeaseKey key() {
    if (random_.one_in(4)) {
      return {Ipv6Address{
                  0x2001'0DB8'8000'0000ULL + (random_.below(4) << 8) + (random_.below(2) << 24), 0},
              56};
    }
    return {address(), 128};
  }
  Ipv6Address address() {
    // The last subnet number belongs to no subnet that is ever created, one in eight is inside a delegated prefix.
    if (random_.one_in(8))
      return {0x2001'0DB8'8000'0000ULL + (random_.below(4) << 8) + 7, random_.below(4)};
    return {0x2001'0DB8'0000'0000ULL + ((1 + random_.below(4)) << 16), 1 + random_.below(6)};
  }
  Duid duid() {
    if (random_.one_in(30)) return {};
    const std::uint8_t octets[] = {0, 3, 0, 1, static_cast<std::uint8_t>(random_.below(4))};
    return Duid::from_bytes(octets).value();
  }
  Iaid iaid() { return Iaid{static_cast<std::uint32_t>(1 + random_.below(2))}; }
  Ipv6Prefix subnet() {
    return {Ipv6Address{0x2001'0DB8'0000'0000ULL + ((1 + random_.below(3)) << 16), 0}, 64};
  }

 private:
  Ipv6Prefix pool() {
    return {Ipv6Address{0x2001'0DB8'8000'0000ULL + (random_.below(2) << 24), 0}, 40};
  }
  Lifetime lifetime() {
    if (random_.one_in(20)) return kInfiniteLifetime;
    return Lifetime{static_cast<std::uint32_t>(random_.below(60))};
  }
  std::string name() { return random_.one_in(2) ? "" : "host-" + std::to_string(random_.below(5)); }

  CreateSubnet create_subnet() {
    CreateSubnet out;
    out.prefix =
        random_.one_in(6) ? Ipv6Prefix{Ipv6Address{0x2001'0DB8'0000'0000ULL, 0}, 32} : subnet();
    out.name = name();
    out.valid_lifetime = Lifetime{static_cast<std::uint32_t>(20 + random_.below(40))};
    out.preferred_lifetime = Lifetime{static_cast<std::uint32_t>(random_.below(70))};
    return out;
  }
  CreateClient create_client() {
    CreateClient out;
    out.key = key();
    out.duid = duid();
    out.iaid = iaid();
    out.name = name();
    if (random_.one_in(30)) out.type = LeaseType::kPd;
    return out;
  }
  RenewLease renewal() {
    RenewLease out;
    out.key = key();
    out.duid = duid();
    out.iaid = iaid();
    if (random_.one_in(2)) out.valid_lifetime = lifetime();
    if (random_.one_in(3)) out.preferred_lifetime = lifetime();
    return out;
  }
  ReportLease report() {
    ReportLease out;
    out.key = key();
    out.state = static_cast<ReportedState>(random_.one_in(3) ? random_.below(4) : 0);
    out.duid = random_.one_in(6) ? Duid{} : duid();
    out.iaid = iaid();
    out.valid_lifetime = lifetime();
    out.name = name();
    return out;
  }

  test::Random& random_;
};

}  // namespace leaseledger::simulation
