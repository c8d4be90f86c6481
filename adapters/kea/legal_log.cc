#include "adapters/kea/legal_log.h"

#include "adapters/kea/lease.h"

#include <xxhash.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>

namespace leaseledger::kea {
namespace {

constexpr std::size_t kLongestCause = 200;

/// Takes text off the front of a line, piece by piece.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest(text) {}
  bool skip(std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
  }
  std::string_view word(std::string_view ends = " ,") {
    const auto end = std::min(rest.find_first_of(ends), rest.size());
    const auto out = rest.substr(0, end);
    rest.remove_prefix(end);
    return out;
  }
  void skip_blanks() {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
  }
  std::string_view rest;
};

tl::unexpected<Error> not_understood(std::string_view what, std::string_view where) {
  return invalid("sentence", std::string(where.substr(0, 80)), std::string(what));
}

/// "1 days 0 hrs 11 mins 53 secs".
Result<Lifetime> read_duration(Cursor& cursor) {
  if (cursor.skip("infinite duration")) return kInfiniteLifetime;
  std::uint64_t seconds = 0;
  bool any = false;
  constexpr std::pair<std::array<std::string_view, 2>, std::uint64_t> kUnits[] = {
      {{"days", "day"}, 86400}, {{"hrs", "hr"}, 3600}, {{"mins", "min"}, 60}, {{"secs", "sec"}, 1}};
  for (const auto& [names, factor] : kUnits) {
    Cursor trial = cursor;
    trial.skip_blanks();
    const auto digits = trial.word();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    trial.skip_blanks();
    if (error != std::errc() || end != digits.end() || value > 0xFFFF'FFFF) continue;
    if (!trial.skip(names[0]) && !trial.skip(names[1])) continue;
    seconds += value * factor;
    any = true;
    cursor = trial;
  }
  if (!any) return not_understood("a duration such as 1 days 0 hrs 11 mins 53 secs", cursor.rest);
  return Lifetime{
      static_cast<std::uint32_t>(std::min<std::uint64_t>(seconds, kInfiniteLifetime.count()))};
}

/// An address or a prefix behind "Address:" or "Prefix:".
Result<LeaseKey> read_key(Cursor& cursor) {
  cursor.skip_blanks();
  const auto text = cursor.word();
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return parse_lease_key(text, "address");
  // Kea may have kept host bits; the lease is the prefix.
  LEASELEDGER_ASSIGN(const Ipv6Address address, Ipv6Address::parse(text.substr(0, slash)));
  unsigned length = 0;
  const auto digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), length);
  if (error != std::errc() || end != digits.end() || length == 0 || length > kAddressLength)
    return invalid("prefix", std::string(text), "a prefix with its length, such as /56");
  return LeaseKey{address.masked(length), static_cast<std::uint8_t>(length)};
}

Result<Duid> read_duid(Cursor& cursor) {
  cursor.skip_blanks();
  return Duid::parse(cursor.word());
}

/// " and hardware address: hwtype=1 08:00:.. (from ..)", and what relays said; everything may be absent.
void read_device(Cursor& cursor, ReportLease& report, Json& relay) {
  const auto after = [&cursor](std::string_view label) -> std::optional<std::string_view> {
    const auto at = cursor.rest.find(label);
    if (at == std::string_view::npos) return std::nullopt;
    Cursor behind(cursor.rest.substr(at + label.size()));
    behind.skip_blanks();
    return behind.rest;
  };
  if (const auto hardware = after("hardware address:")) {
    Cursor here(*hardware);
    if (here.skip("hwtype=")) {
      const auto digits = here.word();
      std::from_chars(digits.begin(), digits.end(), report.hardware_type);
      here.skip_blanks();
    }
    std::string octets;
    const std::string text(here.word());
    if (from_hex(text, octets)) report.hardware_address = text;
  }
  const std::pair<std::string_view, const char*> addresses[] = {{"relay at address:", "peer"},
                                                                {"link address:", "link"}};
  for (const auto& [label, key] : addresses) {
    if (const auto text = after(label)) {
      const std::string address(Cursor(*text).word());
      if (Ipv6Address::parse(address)) relay[key] = address;
    }
  }
  for (const char* key : {"remote-id", "subscriber-id", "interface-id"}) {
    if (const auto text = after(std::string(key) + ":")) {
      std::string octets;
      if (from_hex(Cursor(*text).word(), octets))
        relay[key] = to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
    }
  }
}

CommandId id_of(std::string_view line, Instant at, const LegalOptions& options) {
  const std::string text = options.server + "\n" + std::string(line);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  CommandId id{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(at).time_since_epoch().count());
  for (unsigned i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x80);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

std::string duration_text(std::uint64_t seconds) {
  if (seconds >= kInfiniteLifetime.count()) return "infinite duration";
  std::string out;
  if (seconds >= 86400) out = std::to_string(seconds / 86400) + " days ";
  return out + std::to_string(seconds / 3600 % 24) + " hrs " + std::to_string(seconds / 60 % 60) +
         " mins " + std::to_string(seconds % 60) + " secs";
}

std::string colons(const std::string& hex_digits) {
  std::string octets;
  if (!from_hex(hex_digits, octets)) return hex_digits;
  return to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, ':');
}

std::string device_text(const Lease& lease, const std::optional<Description>& description) {
  std::string out = "a device with DUID: " + (lease.duid.empty() ? "00" : lease.duid.to_string());
  if (!description) return out;
  if (!description->hardware_address.empty()) {
    const std::string& octets = description->hardware_address;
    out += " and hardware address: hwtype=" + std::to_string(description->hardware_type) + " " +
           to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, ':');
  }
  const Json context = Json::parse(description->context, nullptr, false);
  if (!context.is_object() || !context.contains(kOurContext)) return out;
  const Json& ours = context[kOurContext];
  if (!ours.contains("relays") || ours["relays"].empty()) return out;
  // The relay that is nearest to the client knows its line.
  const Json& relay = ours["relays"][0];
  const auto text = [&relay](const char* key) { return relay.value(key, std::string()); };
  if (!text("peer").empty()) out += " connected via relay at address: " + text("peer");
  if (!text("link").empty()) out += " for client on link address: " + text("link");
  if (relay.contains("hops")) out += ", hop count: " + relay["hops"].dump();
  std::string between = ", identified by ";
  for (const char* key : {"remote-id", "subscriber-id"}) {
    if (text(key).empty()) continue;
    out += between + key + ": " + colons(text(key));
    between = " and ";
  }
  if (!text("interface-id").empty())
    out += ", connected at location interface-id: " + colons(text("interface-id"));
  return out;
}

}  // namespace

ReadStamp stamps_of(const std::string& zone) {
  if (!zone.empty()) {
    ::setenv("TZ", (":" + zone).c_str(), 1);
    ::tzset();
  }
  return [zone](std::string_view local, std::string_view name) -> Result<Instant> {
    if (name.empty() || name == "UTC" || name == "GMT" || name == "Z")
      return parse_instant(std::string(local) + "Z", "time");
    if (name.size() == 5 && (name[0] == '+' || name[0] == '-'))
      return parse_instant(
          std::string(local) + std::string(name.substr(0, 3)) + ":" + std::string(name.substr(3)),
          "time");
    if (zone.empty())
      return invalid("time", std::string(local) + " " + std::string(name),
                     "UTC, GMT or an offset such as +0100; for names like this one, which several "
                     "zones have, say --time-zone, such as Europe/Berlin");
    LEASELEDGER_ASSIGN(const Instant as_utc, parse_instant(std::string(local) + "Z", "time"));
    const std::time_t wall = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(as_utc));
    // The hour that comes twice is told apart by the name.
    for (const int summer : {0, 1}) {
      std::tm parts{};
      ::gmtime_r(&wall, &parts);
      parts.tm_isdst = summer;
      const std::time_t seconds = ::mktime(&parts);
      if (seconds != -1 && parts.tm_isdst == summer && name == parts.tm_zone)
        return instant_of(seconds);
    }
    return invalid("time", std::string(local) + " " + std::string(name),
                   "a time that there is in the zone " + zone);
  };
}

Result<std::optional<Envelope>> read_sentence(std::string_view line, std::uint64_t number,
                                              const ReadStamp& stamp, const LegalOptions& options) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(' ') == std::string_view::npos) return std::nullopt;
  Cursor cursor(line);
  const std::string_view date = cursor.word(" ");
  cursor.skip_blanks();
  const std::string_view time = cursor.word(" ");
  cursor.skip_blanks();
  std::string_view zone;
  if (!cursor.rest.starts_with("Address") && !cursor.rest.starts_with("Prefix") &&
      !cursor.rest.starts_with("Administrator") && !cursor.rest.starts_with("HA partner")) {
    zone = cursor.word(" ");
    cursor.skip_blanks();
  }
  LEASELEDGER_ASSIGN(const Instant at, stamp(std::string(date) + " " + std::string(time), zone));

  ReportLease report;
  Json relay = Json::object();
  report.owner_name = options.server;
  bool ends = false;
  const bool by_hand = cursor.skip("Administrator ") || cursor.skip("HA partner ");
  const auto key_behind = [&](std::initializer_list<std::string_view> labels) -> bool {
    for (const auto label : labels)
      if (cursor.skip(label)) return true;
    return false;
  };
  if (by_hand && key_behind({"deleted the lease for address:", "deleted the lease for prefix:",
                             "deleted a lease for address:", "deleted a lease for prefix:"})) {
    ends = true;
    LEASELEDGER_ASSIGN(report.key, read_key(cursor));
  } else if (by_hand && key_behind({"added a lease of address:", "added a lease of prefix:",
                                    "updated information on the lease of address:",
                                    "updated information on the lease of prefix:"})) {
    LEASELEDGER_ASSIGN(report.key, read_key(cursor));
    if (!cursor.skip(" to a device with DUID:"))
      return not_understood("\"to a device with DUID:\"", cursor.rest);
    LEASELEDGER_ASSIGN(report.duid, read_duid(cursor));
    const auto lasts = cursor.rest.rfind(" for ");
    if (lasts == std::string_view::npos)
      return not_understood("a duration; without one it is not known for how long", cursor.rest);
    Cursor duration(cursor.rest.substr(lasts + 5));
    LEASELEDGER_ASSIGN(report.valid_lifetime, read_duration(duration));
  } else if (!by_hand && key_behind({"Address:", "Prefix:"})) {
    LEASELEDGER_ASSIGN(report.key, read_key(cursor));
    if (cursor.skip(" has been released")) {
      ends = true;
      if (cursor.skip(" from a device with DUID:") || cursor.skip(" by a device with DUID:")) {
        LEASELEDGER_ASSIGN(report.duid, read_duid(cursor));
      }
    } else if (cursor.skip(" has been assigned for ") || cursor.skip(" has been renewed for ")) {
      LEASELEDGER_ASSIGN(report.valid_lifetime, read_duration(cursor));
      if (!cursor.skip(" to a device with DUID:"))
        return not_understood("\"to a device with DUID:\"", cursor.rest);
      LEASELEDGER_ASSIGN(report.duid, read_duid(cursor));
      read_device(cursor, report, relay);
    } else {
      return not_understood("\"has been assigned for\" or \"has been released\"", cursor.rest);
    }
  } else {
    return not_understood("a sentence of legal_log's default format for DHCPv6", cursor.rest);
  }
  const bool nobody = report.duid == *Duid::parse("00") || report.duid == *Duid::parse("00:00:00");
  if (ends) {
    report.state = ReportedState::kReleased;
    if (nobody) report.duid = Duid{};
  } else if (nobody) {
    // legal_log says of a decline that nobody has got the address.
    report.state = ReportedState::kDeclined;
    report.duid = Duid{};
  }
  if (!relay.empty())
    report.context = Json{{kOurContext, {{"relays", Json::array({relay})}}}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
  LEASELEDGER_TRY(validate(Command(report)));
  Envelope out;
  out.id = id_of(line, at, options);
  out.effective_at = at;
  out.cause = options.file_name + ":" + std::to_string(number);
  if (out.cause.size() > kLongestCause)
    out.cause = out.cause.substr(out.cause.size() - kLongestCause);
  out.command = std::move(report);
  return out;
}

std::optional<std::string> sentence_of(const Record& record) {
  const LeaseFact* fact = lease_fact_of(record.event);
  if (fact == nullptr || fact->lease.state == LeaseState::kReserved) return std::nullopt;
  const EventKind kind = kind_of(record.event);
  const bool prefix = fact->lease.key.length != kAddressLength;
  const Instant at = std::chrono::floor<std::chrono::seconds>(record.effective_at);
  std::string stamp = format_instant(at);
  stamp = stamp.substr(0, 10) + " " + stamp.substr(11, 8) + " UTC ";
  const std::string key =
      std::string(prefix ? "Prefix:" : "Address:") +
      (prefix ? fact->lease.key.to_string() : fact->lease.key.address.to_string());
  switch (kind) {
    case EventKind::kClientCreated:
    case EventKind::kLeaseRenewed: {
      if (fact->lease.state != LeaseState::kActive) return std::nullopt;
      const std::uint64_t lasts =
          fact->lease.valid_until == kForever
              ? kInfiniteLifetime.count()
              : static_cast<std::uint64_t>(std::max<std::int64_t>(
                    0, seconds_of(fact->lease.valid_until) - seconds_of(at)));
      return stamp + key + " has been assigned for " + duration_text(lasts) + " to " +
             device_text(fact->lease, fact->description);
    }
    case EventKind::kLeaseReleased:
    case EventKind::kLeaseDeclined:
      return stamp + key + " has been released from " + device_text(fact->lease, fact->description);
    case EventKind::kClientDeleted:
      return stamp + "Administrator deleted the lease for " + (prefix ? "prefix: " : "address: ") +
             key.substr(key.find(':') + 1);
    default:
      return std::nullopt;
  }
}

}  // namespace leaseledger::kea
