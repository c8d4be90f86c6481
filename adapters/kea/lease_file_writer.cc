#include "adapters/kea/lease_file_writer.h"

#include "adapters/kea/lease.h"

#include <algorithm>
#include <charconv>

namespace leaseledger::kea {
namespace {

template <typename Number>
void append_number(Number number, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// The separator, '&' and what would end the line become &#xHH, which is how Kea escapes the first two; it reads all.
void append_escaped(std::string_view text, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == ',' || c == '&' || octet < 0x20 || octet == 0x7F) {
      out += "&#x";
      out += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    } else {
      out += c;
    }
  }
}

std::uint32_t lifetime(std::int64_t from, Instant until) {
  if (until == kForever) return kInfiniteLifetime.count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(seconds_of(until) - from, 0, kInfiniteLifetime.count() - 1));
}

}  // namespace

Result<LeaseFileFormat> parse_lease_file_format(std::string_view text, std::string_view field) {
  if (text == "4.0" || text == "4") return LeaseFileFormat::kVersion4;
  if (text == "5.0" || text == "5") return LeaseFileFormat::kVersion5;
  return invalid(std::string(field), std::string(text),
                 "4.0, which every Kea from 2.0 on reads, or 5.0 of Kea 2.4 and later");
}

std::string lease_file_header(LeaseFileFormat format) {
  std::string out =
      "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
      "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source";
  if (format == LeaseFileFormat::kVersion5) out += ",pool_id";
  return out + "\n";
}

std::string user_context_for_kea(const std::string& context) {
  if (context.empty()) return "";
  Json json = Json::parse(context, nullptr, false);
  if (!json.is_object()) return "";
  json.erase(kOurContext);
  return json.empty() ? "" : to_text(json);
}

void append_lease_row(const leaseledger::LeaseRow& row, std::uint32_t subnet_id,
                      LeaseFileFormat format, std::string& out) {
  const Lease& lease = row.lease;
  const Description& description = row.description;
  const bool declined = lease.state == LeaseState::kDeclined;
  const std::int64_t cltt = cltt_of(row);
  // A lifetime of 0 would be a deletion.
  const std::uint32_t valid = std::max(lifetime(cltt, lease.valid_until), 1U);
  out += lease.key.address.to_string();
  out += ',';
  if (declined) {
    out += format == LeaseFileFormat::kVersion5 ? "00:00:00" : "00";
  } else {
    out += lease.duid.to_string();
  }
  const auto number = [&out](auto value) {
    out += ',';
    append_number(value, out);
  };
  number(valid);
  number(cltt + valid);
  number(subnet_id);
  number(declined ? 0 : lifetime(cltt, lease.preferred_until));
  number(static_cast<unsigned>(lease.type));
  number(static_cast<std::uint32_t>(lease.iaid));
  number(static_cast<unsigned>(lease.key.length));
  number(!declined && description.fqdn_forward ? 1 : 0);
  number(!declined && description.fqdn_reverse ? 1 : 0);
  out += ',';
  if (!declined) append_escaped(description.name, out);
  out += ',';
  const std::string& hardware = description.hardware_address;
  const bool has_hardware = !declined && !hardware.empty();
  if (has_hardware)
    out += to_hex({reinterpret_cast<const std::uint8_t*>(hardware.data()), hardware.size()}, ':');
  number(declined ? 1 : 0);
  out += ',';
  append_escaped(user_context_for_kea(description.context), out);
  out += ',';
  if (has_hardware) append_number(description.hardware_type, out);
  out += ',';
  if (has_hardware) append_number(description.hardware_source, out);
  if (format == LeaseFileFormat::kVersion5) out += ",0";
  out += '\n';
}

}  // namespace leaseledger::kea
