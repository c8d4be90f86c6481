#include "commands/create_subnet.h"

#include "commands/subnet_settings.h"

namespace leaseledger {

Status validate(const CreateSubnet& command) {
  const Ipv6Prefix& p = command.prefix;
  const Ipv6Prefix multicast{{0xFF00'0000'0000'0000ULL, 0}, 8};
  const Ipv6Prefix link_local{{0xFE80'0000'0000'0000ULL, 0}, 10};
  const Ipv6Prefix special{{0, 0}, 8};  // ::, ::1 and IPv4-mapped addresses (RFC 4291 section 2.5)
  if (p.length == 0 || p.overlaps(multicast) || p.overlaps(link_local) || special.contains(p)) {
    return fail(Win32::kDhcpInvalidSubnetPrefix, ErrorKind::kInvalid, "prefix", p.to_string(),
                "a unicast prefix that is not link-local, such as 2001:db8:1::/64");
  }
  return validate_settings(command.preference, command.preferred_lifetime, command.valid_lifetime);
}

Status decide(const LeaseBook& book, const CreateSubnet& command, const Moment&,
              Decision& decision) {
  if (book.find_subnet(command.prefix) != nullptr) {
    return fail(Win32::kDuplicateTag, ErrorKind::kRefused, "prefix", command.prefix.to_string(),
                "a prefix that is not a subnet yet");
  }
  if (const auto other = book.overlapping(command.prefix)) {
    return fail(Win32::kDhcpSubnetExists, ErrorKind::kRefused, "prefix", command.prefix.to_string(),
                "a prefix that overlaps no other subnet or delegation pool; " +
                    other->first.to_string() + " is there");
  }
  Subnet subnet;
  subnet.prefix = command.prefix;
  subnet.id = book.next_subnet_id();
  subnet.name = command.name;
  subnet.comment = command.comment;
  subnet.preference = command.preference;
  subnet.state = command.state;
  subnet.preferred_lifetime = command.preferred_lifetime;
  subnet.valid_lifetime = command.valid_lifetime;
  decision.add(SubnetCreated{subnet});
  return {};
}

}  // namespace leaseledger
