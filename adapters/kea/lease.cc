#include "adapters/kea/lease.h"

#include <algorithm>
#include <cctype>

namespace leaseledger::kea {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

OrReply<std::string> text_of(const Json& json, const char* key, const Place& place) {
  const auto found = json.find(key);
  if (found == json.end())
    return refuse(std::string("missing parameter '") + key + "' " + place.here());
  if (!found->is_string())
    return refuse(std::string("invalid type specified for parameter '") + key + "' " +
                  place.of(key));
  return found->get<std::string>();
}

/// A whole number up to `most`; nullopt when it is not given.
OrReply<std::optional<std::uint64_t>> number_of(const Json& json, const char* key,
                                                std::uint64_t most, const Place& place) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (!found->is_number_integer())
    return refuse(std::string("invalid type specified for parameter '") + key + "' " +
                  place.of(key));
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > most)
    return refuse("out of range value (" + found->dump() + ") specified for parameter '" + key +
                  "' " + place.of(key));
  return found->get<std::uint64_t>();
}

OrReply<bool> flag_of(const Json& json, const char* key, const Place& place) {
  const auto found = json.find(key);
  if (found == json.end()) return false;
  if (!found->is_boolean())
    return refuse(std::string("invalid type specified for parameter '") + key + "' " +
                  place.of(key));
  return found->get<bool>();
}

/// Octets in hexadecimal with colons; the text is as Kea's decoder says it.
OrReply<std::string> octets_of(const std::string& text) {
  std::string out;
  if (from_hex(text, out)) return out;
  for (const char c : text)
    if (c != ':' && c != '-' && std::isxdigit(static_cast<unsigned char>(c)) == 0)
      return refuse(std::string("'") + c +
                    "' is not a valid hexadecimal digit in decoded string '" + text + "'");
  return refuse("invalid format of the decoded string '" + text + "'");
}

bool is_nobody(const Duid& duid) {
  return duid.size() <= 3 &&
         std::ranges::all_of(duid.bytes(), [](auto octet) { return octet == 0; });
}

OrReply<Duid> read_duid(const Json& json, const Place& place) {
  LEASELEDGER_KEA_ASSIGN(const std::string text, text_of(json, "duid", place));
  if (text.empty()) return refuse("Empty DUIDs are not allowed");
  LEASELEDGER_KEA_ASSIGN(const std::string octets, octets_of(text));
  if (octets.size() > Duid::kMaxSize)
    return refuse("DUID size is " + std::to_string(octets.size()) + " bytes, exceeds maximum of " +
                  std::to_string(Duid::kMaxSize));
  const Duid duid =
      Duid::copy_of({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
  return is_nobody(duid) ? Duid{} : duid;
}

bool looks_like_v4(const std::string& text) {
  return text.find(':') == std::string::npos && std::ranges::count(text, '.') == 3 &&
         std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

OrReply<Ipv6Address> read_address(const Json& json, const Place& place) {
  LEASELEDGER_KEA_ASSIGN(const std::string text, text_of(json, "ip-address", place));
  if (looks_like_v4(text)) return refuse("Non-IPv6 address specified: " + text);
  const auto address = Ipv6Address::parse(text);
  if (!address)
    return refuse("Failed to convert '" + text +
                  "' to address: Failed to convert string to address '" + text +
                  "': Invalid argument" + place.of("ip-address"));
  return *address;
}

OrReply<RowState> read_state(const Json& json, const Place& place) {
  LEASELEDGER_KEA_ASSIGN(const auto number, number_of(json, "state", 0xFFFF'FFFF, place));
  // 3 and 4 are of Kea 3; a partner of that version reports them.
  if (number.value_or(0) > 4)
    return refuse("Invalid state value: " + std::to_string(*number) +
                  ", supported values are: 0 (default), 1 (declined) and 2 (expired-reclaimed)");
  return static_cast<RowState>(number.value_or(0));
}

std::string name_of_type(LeaseType type) { return std::string(name_of(type)); }

}  // namespace

std::string Place::of(std::string_view key) const {
  auto longer = path;
  longer.push_back(key);
  return place_of(text, longer);
}

std::string Place::here() const { return place_of(text, path); }

OrReply<LeaseType> read_type(const Json& json) {
  const auto found = json.find("type");
  if (found == json.end()) return LeaseType::kNa;
  const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  for (const LeaseType type : {LeaseType::kNa, LeaseType::kTa, LeaseType::kPd})
    if (name_of(type) == text) return type;
  return refuse("Incorrect lease type: " + text + ", the only supported values are: na, ta and pd");
}

OrReply<Lease6> read_lease(const Json& json, const Place& place) {
  if (!json.is_object())
    return refuse("get(string) called on a non-map Element in " + place.here());
  Lease6 out;
  LEASELEDGER_KEA_ASSIGN(const Ipv6Address address, read_address(json, place));
  LEASELEDGER_KEA_ASSIGN(const auto subnet_id, number_of(json, "subnet-id", 0xFFFF'FFFF, place));
  out.subnet_id = static_cast<std::uint32_t>(subnet_id.value_or(0));
  LEASELEDGER_KEA_ASSIGN(out.type, read_type(json));
  std::uint64_t length = kAddressLength;
  if (out.type == LeaseType::kPd) {
    LEASELEDGER_KEA_ASSIGN(const auto given, number_of(json, "prefix-len", 255, place));
    if (!given) return refuse("missing parameter 'prefix-len' " + place.here());
    length = *given;
    if (length == 0 || length >= kAddressLength)
      return refuse("invalid prefix length " + std::to_string(length) +
                    " of a delegated prefix; it is from 1 to 127");
  }
  out.key = {address.masked(static_cast<unsigned>(length)), static_cast<std::uint8_t>(length)};
  if (out.key.address != address)
    out.violations.push_back("host bits in " + address.to_string() + "/" + std::to_string(length));
  LEASELEDGER_KEA_ASSIGN(out.duid, read_duid(json, place));
  LEASELEDGER_KEA_ASSIGN(const auto iaid, number_of(json, "iaid", 0xFFFF'FFFF, place));
  if (!iaid) return refuse("missing parameter 'iaid' " + place.here());
  out.iaid = Iaid{static_cast<std::uint32_t>(*iaid)};

  LEASELEDGER_KEA_ASSIGN(const auto valid, number_of(json, "valid-lft", 0xFFFF'FFFF, place));
  if (valid) out.valid_lft = static_cast<std::uint32_t>(*valid);
  LEASELEDGER_KEA_ASSIGN(const auto preferred,
                         number_of(json, "preferred-lft", 0xFFFF'FFFF, place));
  if (preferred) out.preferred_lft = static_cast<std::uint32_t>(*preferred);
  for (const auto& [key, to] : {std::pair("expire", &out.expire), std::pair("cltt", &out.cltt)}) {
    const auto found = json.find(key);
    if (found == json.end()) continue;
    if (!found->is_number_integer())
      return refuse(std::string("invalid type specified for parameter '") + key + "' " +
                    place.of(key));
    const auto seconds = found->get<std::int64_t>();
    if (seconds <= 0 || seconds > 9'000'000'000)
      return refuse("expiration time must be positive for address " + address.to_string());
    *to = seconds;
  }
  LEASELEDGER_KEA_ASSIGN(out.fqdn_forward, flag_of(json, "fqdn-fwd", place));
  LEASELEDGER_KEA_ASSIGN(out.fqdn_reverse, flag_of(json, "fqdn-rev", place));
  if (json.contains("hostname")) {
    LEASELEDGER_KEA_ASSIGN(out.hostname, text_of(json, "hostname", place));
    out.hostname = lower(out.hostname);
  }
  if (out.hostname.empty() && (out.fqdn_forward || out.fqdn_reverse))
    return refuse("No hostname specified and either forward or reverse fqdn was set to true.");
  if (json.contains("hw-address")) {
    LEASELEDGER_KEA_ASSIGN(const std::string text, text_of(json, "hw-address", place));
    LEASELEDGER_KEA_ASSIGN(const std::string octets, octets_of(text));
    out.hardware_address =
        to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, ':');
    if (!octets.empty()) out.hardware_type = 1;  // Ethernet, where Kea does not say
  }
  LEASELEDGER_KEA_ASSIGN(const auto hardware_type, number_of(json, "hw-type", 0xFFFF, place));
  if (hardware_type) out.hardware_type = static_cast<std::uint16_t>(*hardware_type);
  LEASELEDGER_KEA_ASSIGN(const auto hardware_source,
                         number_of(json, "hw-source", 0xFFFF'FFFF, place));
  out.hardware_source = static_cast<std::uint16_t>(hardware_source.value_or(0));
  LEASELEDGER_KEA_ASSIGN(out.state, read_state(json, place));
  if (const auto context = json.find("user-context"); context != json.end()) {
    if (!context->is_object())
      return refuse("Invalid user context '" + to_text(*context) + "' is not a JSON map.");
    out.user_context = *context;
  }
  return out;
}

std::int64_t seconds_of(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
}

Instant instant_of(std::int64_t seconds) { return Instant{std::chrono::seconds{seconds}}; }

std::int64_t cltt_of(const leaseledger::LeaseRow& row) { return seconds_of(row.effective_at); }

Json to_json(const leaseledger::LeaseRow& row, std::uint32_t subnet_id) {
  const Lease& lease = row.lease;
  const std::int64_t cltt = cltt_of(row);
  const auto lifetime = [cltt](Instant until) -> std::uint32_t {
    if (until == kForever) return kInfiniteLifetime.count();
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(seconds_of(until) - cltt, 0, kInfiniteLifetime.count() - 1));
  };
  const bool declined = lease.state == LeaseState::kDeclined;
  Json out{{"cltt", cltt},
           {"fqdn-fwd", !declined && row.description.fqdn_forward},
           {"fqdn-rev", !declined && row.description.fqdn_reverse},
           {"hostname", declined ? "" : row.description.name},
           {"iaid", static_cast<std::uint32_t>(lease.iaid)},
           {"ip-address", lease.key.address.to_string()},
           {"preferred-lft", declined ? 0 : lifetime(lease.preferred_until)},
           {"state", declined ? 1 : 0},
           {"subnet-id", subnet_id},
           {"type", name_of_type(lease.type)},
           {"valid-lft", lifetime(lease.valid_until)}};
  // A declined address is nobody's, as Kea has it; who declined it is in lease6-history.
  out["duid"] = declined || lease.duid.empty() ? "00" : lease.duid.to_string();
  if (lease.type == LeaseType::kPd) out["prefix-len"] = lease.key.length;
  const std::string& hardware = row.description.hardware_address;
  if (!hardware.empty() && !declined)
    out["hw-address"] =
        to_hex({reinterpret_cast<const std::uint8_t*>(hardware.data()), hardware.size()}, ':');
  if (!row.description.context.empty()) {
    Json context = Json::parse(row.description.context, nullptr, false);
    if (context.is_object()) {
      context.erase(kOurContext);
      if (!context.empty()) out["user-context"] = std::move(context);
    }
  }
  return out;
}

}  // namespace leaseledger::kea
