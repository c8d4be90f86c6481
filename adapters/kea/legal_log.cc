#include "adapters/kea/legal_log.h"

#include "adapters/kea/lease.h"
#include "ledger/read_number.h"

#include <algorithm>
#include <array>
#include <utility>

namespace leaseledger::kea {
namespace {

using Act = LegalSentence::Act;
using By = LegalSentence::By;

/// Takes what is expected off the front of a sentence.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool skip(std::string_view words) {
    if (!rest_.starts_with(words)) return false;
    rest_.remove_prefix(words.size());
    return true;
  }
  /// The next word, up to a blank, a comma or the end.
  std::string_view word() {
    const auto out = rest_.substr(0, rest_.find_first_of(" ,"));
    rest_.remove_prefix(out.size());
    return out;
  }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

tl::unexpected<Error> expected(const Cursor& at, std::string what) {
  return invalid("sentence", std::string(at.rest().substr(0, 80)), std::move(what));
}

Status expect(Cursor& cursor, std::string_view words) {
  if (cursor.skip(words)) return {};
  return expected(cursor,
                  "'" + std::string(words) + "' here, as legal_log's default format has it");
}

/// kea/util/str.h isPrintable(), which knows no locale.
bool is_printable(std::string_view octets) {
  return std::ranges::all_of(octets, [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string hex(std::string_view octets, char separator = 0) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, separator);
}

// ---- hardware sources: dhcp/hwaddr.h, as the hook names them ---------------------------------------------------------

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 8> kSources = {
    {{0x01, "Raw Socket"},
     {0x02, "DUID"},
     {0x04, "IPv6 Link Local"},
     {0x08, "Client Address Relay Option"},
     {0x10, "Remote ID"},
     {0x20, "Subscriber ID"},
     {0x40, "DOCSIS CMTS"},
     {0x80, "DOCSIS MODEM"}}};
constexpr std::string_view kUnknownSource = "UNKNOWN";

std::string_view name_of_source(std::uint16_t source) {
  for (const auto& [number, name] : kSources)
    if (number == source) return name;
  return kUnknownSource;
}

// ---- reading ------------------------------------------------------------------------------------------------------------

Result<Ipv6Address> read_address(Cursor& cursor) {
  const Cursor here = cursor;
  const auto address = Ipv6Address::parse(cursor.word());
  if (!address) return expected(here, "an IPv6 address");
  return *address;
}

/// "2001:db8::1", or "2001:db8::/56" with `is_prefix`.
Result<LeaseKey> read_key(Cursor& cursor, bool is_prefix) {
  if (!is_prefix) {
    LEASELEDGER_ASSIGN(const Ipv6Address address, read_address(cursor));
    return LeaseKey{address, kAddressLength};
  }
  const Cursor here = cursor;
  const std::string_view text = cursor.word();
  const auto slash = text.find('/');
  const auto address = Ipv6Address::parse(text.substr(0, slash));
  unsigned length = 0;
  if (slash == std::string_view::npos || !address ||
      !read_number("", text.substr(slash + 1), kAddressLength - 1, length) || length == 0)
    return expected(here, "a prefix with its length, such as 2001:db8:8000::/56");
  // Kea stores a prefix as the command gave it, host bits and all; the lease is the prefix.
  return LeaseKey{address->masked(length), static_cast<std::uint8_t>(length)};
}

/// "0 hrs 11 mins 53 secs", "1 days 0 hrs 0 mins 0 secs", "infinite duration"; Kea 1.x had "min" and "day".
Result<Lifetime> read_duration(Cursor& cursor) {
  if (cursor.skip("infinite duration")) return kInfiniteLifetime;
  const Cursor here = cursor;
  std::uint64_t seconds = 0;
  struct Unit {
    std::string_view many, one;
    std::uint64_t factor, most;
  };
  constexpr Unit kUnits[] = {{" days ", " day ", 86400, 49710},
                             {" hrs ", " hr ", 3600, 23},
                             {" mins ", " min ", 60, 59},
                             {" secs", " sec", 1, 59}};
  for (const Unit& unit : kUnits) {
    Cursor trial = cursor;
    std::uint64_t value = 0;
    const bool is_there = read_number("", trial.word(), unit.most, value) &&
                          (trial.skip(unit.many) || trial.skip(unit.one));
    if (!is_there && unit.factor != 86400)
      return expected(here, "a duration such as 1 days 0 hrs 11 mins 53 secs");
    if (!is_there) continue;
    seconds += value * unit.factor;
    cursor = trial;
  }
  if (seconds >= kInfiniteLifetime.count())
    return expected(here, "a duration of less than 4294967295 seconds, or 'infinite duration'");
  return Lifetime{static_cast<std::uint32_t>(seconds)};
}

Result<std::string> read_octets(Cursor& cursor, const char* what) {
  const Cursor here = cursor;
  std::string octets;
  if (!from_hex(cursor.word(), octets) || octets.empty())
    return expected(here, std::string(what) + ": octets in hexadecimal such as 52:54:00");
  return octets;
}

Result<Duid> read_duid(Cursor& cursor) {
  const Cursor here = cursor;
  LEASELEDGER_ASSIGN(const std::string octets, read_octets(cursor, "a DUID"));
  Duid duid;
  if (!duid.assign({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}))
    return expected(here, "a DUID of at most 130 octets");
  const bool nobody = octets == std::string(1, '\0') || octets == std::string(3, '\0');
  return nobody ? Duid{} : duid;
}

/// Octets that a relay sent, with their text behind them where it can be printed: "65:74:68 (eth)".
Result<std::string> read_id(Cursor& cursor, const char* what) {
  LEASELEDGER_ASSIGN(const std::string octets, read_octets(cursor, what));
  if (is_printable(octets) && cursor.rest().starts_with(" ("))
    LEASELEDGER_TRY(expect(cursor, " (" + octets + ")"));
  return hex(octets);
}

Status read_hardware(Cursor& cursor, LegalSentence& out) {
  LEASELEDGER_TRY(expect(cursor, "hwtype="));
  const Cursor here = cursor;
  if (!read_number("", cursor.word(), 0xFFFF, out.hardware_type))
    return expected(here, "a hardware type from 0 to 65535");
  // A hardware address may be of no octets at all.
  LEASELEDGER_TRY(expect(cursor, " "));
  if (!cursor.rest().starts_with(" (from ")) {
    LEASELEDGER_ASSIGN(out.hardware_address, read_octets(cursor, "a hardware address"));
  }
  if (!cursor.skip(" (from ")) return {};
  for (const auto& [number, name] : kSources) {
    Cursor trial = cursor;
    if (!trial.skip(name) || !trial.skip(")")) continue;
    out.hardware_source = number;
    cursor = trial;
    return {};
  }
  return expect(cursor, std::string(kUnknownSource) + ")");
}

Status read_relay(Cursor& cursor, LegalRelay& out) {
  LEASELEDGER_ASSIGN(out.peer, read_address(cursor));
  LEASELEDGER_TRY(expect(cursor, " for client on link address: "));
  LEASELEDGER_ASSIGN(out.link, read_address(cursor));
  LEASELEDGER_TRY(expect(cursor, ", hop count: "));
  const Cursor here = cursor;
  if (!read_number("", cursor.word(), 255, out.hops)) return expected(here, "a number of hops");
  if (cursor.skip(", identified by ")) {
    const bool has_remote = cursor.skip("remote-id: ");
    if (has_remote) {
      LEASELEDGER_ASSIGN(out.remote_id, read_id(cursor, "a remote-id"));
    }
    if (has_remote ? cursor.skip(" and subscriber-id: ") : cursor.skip("subscriber-id: ")) {
      LEASELEDGER_ASSIGN(out.subscriber_id, read_id(cursor, "a subscriber-id"));
    } else if (!has_remote) {
      return expected(cursor, "'remote-id: ' or 'subscriber-id: '");
    }
  }
  if (cursor.skip(", connected at location interface-id: ")) {
    LEASELEDGER_ASSIGN(out.interface_id, read_id(cursor, "an interface-id"));
  }
  return {};
}

/// What may stand at the end of every sentence about a lease: ", context: { ... }".
Status read_context(Cursor& cursor, LegalSentence& out) {
  if (!cursor.skip(", context: ")) return {};
  const Json json = Json::parse(cursor.rest(), nullptr, false);
  if (!json.is_object()) return expected(cursor, "a JSON object up to the end of the line");
  out.context = std::string(cursor.rest());
  cursor.skip(cursor.rest());
  return {};
}

/// "Address: ... has been assigned", "Prefix: ... has been released".
Status read_of_client(Cursor& cursor, bool is_prefix, LegalSentence& out) {
  cursor.skip(" ");  // not in every version's
  LEASELEDGER_ASSIGN(out.key, read_key(cursor, is_prefix));
  LEASELEDGER_TRY(expect(cursor, " has been "));
  if (cursor.skip("released from ")) {
    out.act = Act::kReleased;
  } else if (cursor.skip("assigned for ") || cursor.skip("renewed for ") ||
             cursor.skip("rebound for ")) {
    LEASELEDGER_ASSIGN(out.valid_lifetime, read_duration(cursor));
    LEASELEDGER_TRY(expect(cursor, " to "));
  } else {
    return expected(cursor, "'assigned for ' or 'released from '");
  }
  LEASELEDGER_TRY(expect(cursor, "a device with DUID: "));
  LEASELEDGER_ASSIGN(out.duid, read_duid(cursor));
  if (cursor.skip(" and hardware address: ")) LEASELEDGER_TRY(read_hardware(cursor, out));
  if (cursor.skip(" connected via relay at address: "))
    LEASELEDGER_TRY(read_relay(cursor, out.relay.emplace()));
  return read_context(cursor, out);
}

/// "added a lease of ...", "deleted the lease for ...": what a command did.
Status read_of_command(Cursor& cursor, LegalSentence& out) {
  if (cursor.skip("deleted the lease for address: ")) {
    out.act = Act::kDeleted;
    LEASELEDGER_ASSIGN(out.key, read_key(cursor, false));
    return {};
  }
  if (cursor.skip("deleted a lease for a device identified by: "))
    return expected(cursor, "an address; which lease of that device was deleted is not said");
  if (cursor.skip("added a lease of ")) {
    out.act = Act::kAdded;
  } else if (cursor.skip("updated information on the lease of ")) {
    out.act = Act::kUpdated;
  } else {
    return expected(cursor,
                    "'added a lease of ', 'updated information on the lease of ' or 'deleted the "
                    "lease for address: '");
  }
  const bool is_prefix = cursor.skip("prefix: ");
  if (!is_prefix) LEASELEDGER_TRY(expect(cursor, "address: "));
  LEASELEDGER_ASSIGN(out.key, read_key(cursor, is_prefix));
  LEASELEDGER_TRY(expect(cursor, " to a device with DUID: "));
  LEASELEDGER_ASSIGN(out.duid, read_duid(cursor));
  if (cursor.skip(", hardware address: ")) {
    LEASELEDGER_ASSIGN(out.hardware_address, read_octets(cursor, "a hardware address"));
  }
  if (cursor.skip(" for ")) {
    LEASELEDGER_ASSIGN(out.valid_lifetime, read_duration(cursor));
  }
  return read_context(cursor, out);
}

// ---- writing ------------------------------------------------------------------------------------------------------------

std::string duration_text(Lifetime lifetime) {
  if (lifetime == kInfiniteLifetime) return "infinite duration";
  const std::uint32_t seconds = lifetime.count();
  std::string out;
  if (seconds >= 86400) out = std::to_string(seconds / 86400) + " days ";
  return out + std::to_string(seconds / 3600 % 24) + " hrs " + std::to_string(seconds / 60 % 60) +
         " mins " + std::to_string(seconds % 60) + " secs";
}

std::string duid_text(const Duid& duid) { return duid.empty() ? "00:00:00" : duid.to_string(); }

std::string id_text(const std::string& digits) {
  std::string octets;
  if (!from_hex(digits, octets)) return digits;
  return hex(octets, ':') + (is_printable(octets) ? " (" + octets + ")" : "");
}

void write_relay(const LegalRelay& relay, std::string& out) {
  out += " connected via relay at address: " + relay.peer.to_string() +
         " for client on link address: " + relay.link.to_string() +
         ", hop count: " + std::to_string(relay.hops);
  const char* between = ", identified by ";
  if (!relay.remote_id.empty()) {
    out += between + ("remote-id: " + id_text(relay.remote_id));
    between = " and ";
  }
  if (!relay.subscriber_id.empty())
    out += between + ("subscriber-id: " + id_text(relay.subscriber_id));
  if (!relay.interface_id.empty())
    out += ", connected at location interface-id: " + id_text(relay.interface_id);
}

/// The relays that the ledger keeps of a packet (facts.cc), as the hook names them: the outermost one's addresses, and of each
/// id the one nearest to the client.
std::optional<LegalRelay> relay_of(const Json& ours) {
  const auto relays = ours.find("relays");
  if (relays == ours.end() || !relays->is_array() || relays->empty()) return std::nullopt;
  LegalRelay out;
  const auto text = [](const Json& relay, const char* key) {
    const auto found = relay.find(key);
    return found != relay.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const Json& outermost = relays->back();
  out.peer = Ipv6Address::parse(text(outermost, "peer")).value_or(Ipv6Address{});
  out.link = Ipv6Address::parse(text(outermost, "link")).value_or(Ipv6Address{});
  if (const auto hops = outermost.find("hops");
      hops != outermost.end() && hops->is_number_unsigned())
    out.hops = static_cast<std::uint8_t>(std::min<std::uint64_t>(hops->get<std::uint64_t>(), 255));
  for (const auto& [key, member] : {std::pair("remote-id", &LegalRelay::remote_id),
                                    std::pair("subscriber-id", &LegalRelay::subscriber_id),
                                    std::pair("interface-id", &LegalRelay::interface_id)}) {
    for (const Json& relay : *relays) {
      std::string octets;
      if (!(out.*member).empty() || !from_hex(text(relay, key), octets)) continue;
      out.*member = hex(octets);
    }
  }
  return out;
}

void describe(const Description& description, LegalSentence& out) {
  out.hardware_address = description.hardware_address;
  out.hardware_type = description.hardware_type;
  out.hardware_source = description.hardware_source;
  if (description.context.empty()) return;
  Json context = Json::parse(description.context, nullptr, false);
  if (!context.is_object()) return;
  if (const auto ours = context.find(kOurContext); ours != context.end()) {
    if (ours->is_object()) out.relay = relay_of(*ours);
    context.erase(ours);
  }
  if (!context.empty()) out.context = to_text(context);
}

}  // namespace

Result<LegalLine> split_legal_line(std::string_view line) {
  const auto not_a_time = [&line] {
    return invalid("line", std::string(line.substr(0, 80)),
                   "a time such as 2018-01-06 01:02:03 UTC, as legal_log's default format begins");
  };
  constexpr std::size_t kTime = 19;
  if (line.size() <= kTime || line[10] != ' ' || line[kTime] != ' ') return not_a_time();
  LegalLine out{line.substr(0, kTime), {}, line.substr(kTime + 1)};
  for (const char c : out.time)
    if ((c < '0' || c > '9') && c != '-' && c != ':' && c != ' ') return not_a_time();
  for (const std::string_view begin : {"Address:", "Prefix:", "Administrator ", "HA partner "})
    if (out.sentence.starts_with(begin)) return out;
  const auto blank = out.sentence.find(' ');
  out.zone = out.sentence.substr(0, blank);
  out.sentence.remove_prefix(blank == std::string_view::npos ? out.sentence.size() : blank + 1);
  return out;
}

Result<LegalSentence> read_sentence(std::string_view text) {
  LegalSentence out;
  Cursor cursor(text);
  if (cursor.skip("Address:")) {
    LEASELEDGER_TRY(read_of_client(cursor, false, out));
  } else if (cursor.skip("Prefix:")) {
    LEASELEDGER_TRY(read_of_client(cursor, true, out));
  } else if (cursor.skip("Administrator ")) {
    out.by = By::kAdministrator;
    LEASELEDGER_TRY(read_of_command(cursor, out));
  } else if (cursor.skip("HA partner ")) {
    out.by = By::kPartner;
    LEASELEDGER_TRY(read_of_command(cursor, out));
  } else {
    return expected(cursor, "a sentence of legal_log's default format for DHCPv6");
  }
  if (!cursor.at_end()) return expected(cursor, "the end of the sentence");
  return out;
}

std::string write_sentence(const LegalSentence& sentence) {
  const bool is_prefix = sentence.key.length != kAddressLength;
  std::string out;
  if (sentence.by == By::kClient) {
    out = (is_prefix ? "Prefix: " : "Address: ") + format_lease_key(sentence.key) + " has been " +
          (sentence.act == Act::kReleased
               ? "released from"
               : "assigned for " + duration_text(sentence.valid_lifetime.value_or(Lifetime{})) +
                     " to") +
          " a device with DUID: " + duid_text(sentence.duid);
    if (!sentence.hardware_address.empty()) {
      out += " and hardware address: hwtype=" + std::to_string(sentence.hardware_type) + " " +
             hex(sentence.hardware_address, ':') + " (from " +
             std::string(name_of_source(sentence.hardware_source)) + ")";
    }
    if (sentence.relay) write_relay(*sentence.relay, out);
  } else {
    out = sentence.by == By::kPartner ? "HA partner " : "Administrator ";
    if (sentence.act == Act::kDeleted)
      return out + "deleted the lease for address: " + sentence.key.address.to_string();
    out += (sentence.act == Act::kAdded ? "added a lease of "
                                        : "updated information on the lease of ");
    out += (is_prefix ? "prefix: " : "address: ") + format_lease_key(sentence.key) +
           " to a device with DUID: " + duid_text(sentence.duid);
    if (!sentence.hardware_address.empty())
      out += ", hardware address: " + hex(sentence.hardware_address, ':');
    if (sentence.valid_lifetime) out += " for " + duration_text(*sentence.valid_lifetime);
  }
  if (!sentence.context.empty()) out += ", context: " + sentence.context;
  return out;
}

std::optional<LegalSentence> sentence_of(const Record& record, const Description& description) {
  const LeaseFact* fact = lease_fact_of(record.event);
  // Of what is reserved or set aside nobody is the holder.
  if (fact == nullptr || fact->lease.state == LeaseState::kReserved) return std::nullopt;
  const EventKind kind = kind_of(record.event);
  LegalSentence out;
  out.key = fact->lease.key;
  out.duid = fact->lease.duid;
  const std::int64_t at = seconds_of(record.effective_at);
  const auto lasts = [&] {
    if (fact->lease.valid_until == kForever) return kInfiniteLifetime;
    return Lifetime{static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        seconds_of(fact->lease.valid_until) - at, 0, kInfiniteLifetime.count() - 1))};
  };
  describe(fact->description.value_or(description), out);
  switch (kind) {
    case EventKind::kClientCreated:
    case EventKind::kLeaseRenewed:
    case EventKind::kClientChanged:
      if (fact->lease.state != LeaseState::kActive || out.duid.empty()) return std::nullopt;
      out.valid_lifetime = lasts();
      if (out.valid_lifetime->count() == 0) return std::nullopt;
      if (kind == EventKind::kClientChanged) {
        out.act = Act::kUpdated;
        out.by = By::kAdministrator;
      }
      break;
    case EventKind::kLeaseDeclined:
      // The client gives the address up. Kea's own sentence would name nobody.
      if (out.duid.empty()) return std::nullopt;
      out.act = Act::kReleased;
      break;
    case EventKind::kLeaseReleased:
      if (fact->lease.state != LeaseState::kActive) return std::nullopt;
      out.act = Act::kReleased;
      break;
    case EventKind::kLeaseExpired:
      // The lifetime says when it ends, unless the server ended it earlier.
      if (fact->lease.state != LeaseState::kActive ||
          seconds_of(record.effective_at) >= seconds_of(fact->lease.valid_until))
        return std::nullopt;
      out.act = Act::kReleased;
      break;
    case EventKind::kClientDeleted:
      if (fact->lease.state != LeaseState::kActive) return std::nullopt;
      out.act = Act::kDeleted;
      out.by = By::kAdministrator;
      break;
    default:
      return std::nullopt;
  }
  return out;
}

}  // namespace leaseledger::kea
