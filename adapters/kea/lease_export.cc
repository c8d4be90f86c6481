#include "adapters/kea/lease_export.h"

#include "adapters/kea/lease.h"

namespace leaseledger::kea {
namespace {

/// A comma would end the field, and what looks like an escape would be taken for one.
std::string escape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool looks_escaped = text.compare(i, 3, "&#x") == 0;
    const auto octet = static_cast<unsigned char>(text[i]);
    if (text[i] == ',' || looks_escaped || octet < 0x20) {
      out += "&#x" + to_hex({&octet, 1});
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string lease_file_header(FileVersion version) {
  return std::string(
             "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_"
             "len,"
             "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source") +
         (version == FileVersion::k5 ? ",pool_id" : "");
}

std::string lease_file_row(const leaseledger::LeaseRow& row, std::uint32_t subnet_id,
                           FileVersion version) {
  const Json lease = to_json(row, subnet_id);
  const auto valid = lease["valid-lft"].get<std::uint64_t>();
  const std::uint64_t cltt = lease["cltt"].get<std::uint64_t>();
  const bool declined = row.lease.state == LeaseState::kDeclined;
  const bool has_hardware = lease.contains("hw-address");
  std::string out = lease["ip-address"].get<std::string>();
  const auto add = [&out](const std::string& cell) { out += "," + cell; };
  add(lease["duid"].get<std::string>());
  add(std::to_string(valid));
  add(std::to_string(cltt + valid));
  add(std::to_string(subnet_id));
  add(std::to_string(lease["preferred-lft"].get<std::uint64_t>()));
  add(std::to_string(static_cast<int>(row.lease.type)));
  add(std::to_string(lease["iaid"].get<std::uint64_t>()));
  add(std::to_string(row.lease.key.length));
  add(lease["fqdn-fwd"].get<bool>() ? "1" : "0");
  add(lease["fqdn-rev"].get<bool>() ? "1" : "0");
  add(escape(lease["hostname"].get<std::string>()));
  add(has_hardware ? lease["hw-address"].get<std::string>() : "");
  add(declined ? "1" : "0");
  add(lease.contains("user-context")
          ? escape(lease["user-context"].dump(-1, ' ', false, Json::error_handler_t::replace))
          : "");
  add(has_hardware ? std::to_string(row.description.hardware_type) : "");
  add(has_hardware ? std::to_string(row.description.hardware_source) : "");
  if (version == FileVersion::k5) add("0");
  return out;
}

}  // namespace leaseledger::kea
