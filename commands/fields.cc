#include "commands/fields.h"

#include "ledger/read_number.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost more than the hash
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace leaseledger {
namespace {

// ---- text of one value ------------------------------------------------------------------------------------------

template <typename T>
constexpr bool kIsNumber =
    std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t> ||
    std::is_same_v<T, std::uint32_t> || std::is_same_v<T, Iaid> || std::is_same_v<T, Lifetime>;

std::string_view name_of_state(SubnetState state) {
  return state == SubnetState::kEnabled ? "enabled" : "disabled";
}
std::string_view name_of_state(ReportedState state) {
  switch (state) {
    case ReportedState::kActive:
      return "active";
    case ReportedState::kReleased:
      return "released";
    case ReportedState::kDeclined:
      return "declined";
    case ReportedState::kExpired:
      return "expired";
  }
  return "?";
}

std::string to_text(const std::string& v) { return v; }
std::string to_text(bool v) { return v ? "true" : "false"; }
std::string to_text(std::uint8_t v) { return std::to_string(v); }
std::string to_text(std::uint16_t v) { return std::to_string(v); }
std::string to_text(std::uint32_t v) { return std::to_string(v); }
std::string to_text(Iaid v) { return std::to_string(static_cast<std::uint32_t>(v)); }
std::string to_text(Lifetime v) { return std::to_string(v.count()); }
std::string to_text(Instant v) { return format_instant(v); }
std::string to_text(const Duid& v) { return v.to_string(); }
std::string to_text(const Ipv6Address& v) { return v.to_string(); }
std::string to_text(LeaseType v) { return std::string(name_of(v)); }
std::string to_text(SubnetState v) { return std::string(name_of_state(v)); }
std::string to_text(ReportedState v) { return std::string(name_of_state(v)); }
/// Keys of leases and prefixes of subnets are one type; the field's name tells which text is meant.
std::string to_text(std::string_view field, const Ipv6Prefix& v) {
  return field == "address" ? format_lease_key(v) : v.to_string();
}
template <typename T>
std::string to_text(std::string_view, const T& v) {
  return to_text(v);
}

bool is_default(const std::string& v) { return v.empty(); }
bool is_default(const Duid& v) { return v.empty(); }
bool is_default(const Ipv6Address& v) { return v.is_unspecified(); }
template <typename T>
bool is_default(const T&) {
  return false;
}

Status from_text(std::string_view field, std::string_view text, std::string& out) {
  constexpr std::size_t kMost = 64 * 1024;
  if (text.size() > kMost)
    return invalid(std::string(field), std::to_string(text.size()) + " octets",
                   "at most 65536 octets");
  if (text.find('\0') != std::string_view::npos)
    return invalid(std::string(field), "text with a NUL", "text without NUL characters");
  out = text;
  return {};
}
Status from_text(std::string_view field, std::string_view text, bool& out) {
  if (text != "true" && text != "false")
    return invalid(std::string(field), std::string(text), "true or false");
  out = text == "true";
  return {};
}
Status from_text(std::string_view field, std::string_view text, std::uint8_t& out) {
  return read_number(field, text, std::numeric_limits<std::uint8_t>::max(), out);
}
Status from_text(std::string_view field, std::string_view text, std::uint16_t& out) {
  return read_number(field, text, std::numeric_limits<std::uint16_t>::max(), out);
}
Status from_text(std::string_view field, std::string_view text, std::uint32_t& out) {
  return read_number(field, text, std::numeric_limits<std::uint32_t>::max(), out);
}
Status from_text(std::string_view field, std::string_view text, Iaid& out) {
  return read_number(field, text, std::numeric_limits<std::uint32_t>::max(), out);
}
Status from_text(std::string_view field, std::string_view text, Lifetime& out) {
  if (text == "infinite") {
    out = kInfiniteLifetime;
    return {};
  }
  std::uint32_t seconds = 0;
  LEASELEDGER_TRY(read_number(field, text, std::numeric_limits<std::uint32_t>::max(), seconds));
  out = Lifetime{seconds};
  return {};
}
template <typename T>
Status keep(Result<T> result, T& out) {
  if (!result) return tl::unexpected(std::move(result).error());
  out = *result;
  return {};
}
Status from_text(std::string_view field, std::string_view text, Instant& out) {
  return keep(parse_instant(text, field), out);
}
Status from_text(std::string_view field, std::string_view text, Duid& out) {
  return keep(Duid::parse(text, field), out);
}
Status from_text(std::string_view field, std::string_view text, Ipv6Address& out) {
  return keep(Ipv6Address::parse(text, field), out);
}
Status from_text(std::string_view field, std::string_view text, Ipv6Prefix& out) {
  return keep(field == "address" ? parse_lease_key(text, field) : Ipv6Prefix::parse(text, field),
              out);
}
Status from_text(std::string_view field, std::string_view text, LeaseType& out) {
  return keep(parse_lease_type(text, field), out);
}
Status from_text(std::string_view field, std::string_view text, SubnetState& out) {
  if (text != "enabled" && text != "disabled")
    return invalid(std::string(field), std::string(text), "enabled or disabled");
  out = text == "enabled" ? SubnetState::kEnabled : SubnetState::kDisabled;
  return {};
}
Status from_text(std::string_view field, std::string_view text, ReportedState& out) {
  for (const auto state : {ReportedState::kActive, ReportedState::kReleased,
                           ReportedState::kDeclined, ReportedState::kExpired}) {
    if (name_of_state(state) == text) {
      out = state;
      return {};
    }
  }
  return invalid(std::string(field), std::string(text), "active, released, declined or expired");
}
template <typename T>
Status from_text(std::string_view field, std::string_view text, std::optional<T>& out) {
  return from_text(field, text, out.emplace());
}

// ---- visitors ---------------------------------------------------------------------------------------------------

/// Base of the visitors that treat required fields like the others.
template <typename Derived>
struct PlainVisitor {
  template <typename T>
  void required(const char* name, T& value) {
    static_cast<Derived&> (*this)(name, value);
  }
};

struct TextCollector : PlainVisitor<TextCollector> {
  std::vector<FieldText>& out;
  explicit TextCollector(std::vector<FieldText>& list) : out(list) {}
  template <typename T>
  void operator()(const char* name, const T& value) {
    if (!is_default(value))
      out.push_back({name, to_text(name, value), !kIsNumber<T> && !std::is_same_v<T, bool>});
  }
  template <typename T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value)
      out.push_back({name, to_text(name, *value), !kIsNumber<T> && !std::is_same_v<T, bool>});
  }
};

struct Filler {
  const Arguments& fields;
  std::vector<bool> used;
  std::string names;
  Status status;

  explicit Filler(const Arguments& given) : fields(given), used(given.size()) {}

  template <typename T>
  bool fill(const char* name, T& value) {
    names += names.empty() ? name : std::string(", ") + name;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].first != name) continue;
      used[i] = true;
      if (status) status = from_text(name, fields[i].second, value);
      return true;
    }
    return false;
  }
  template <typename T>
  void required(const char* name, T& value) {
    if (!fill(name, value) && status) status = invalid(name, "", "to be given");
  }
  template <typename T>
  void operator()(const char* name, T& value) {
    fill(name, value);
  }
  Status finish(std::string_view command) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!used[i])
        return invalid(fields[i].first, fields[i].second,
                       "a field of " + std::string(command) + ": " + names);
    }
    return status;
  }
};

/// Hashes the values as they are in memory, without making text of them: this is on the path of every command.
struct Fingerprinter : PlainVisitor<Fingerprinter> {
  explicit Fingerprinter(std::string& out) : fields(out) {}
  std::string& fields;  // 2 octets each are added
  std::uint64_t all = 0;

  void add(std::uint64_t hash) {
    all = (all ^ hash) * 0x9e3779b97f4a7c15ULL;
    all ^= all >> 29;
    fields += static_cast<char>(hash & 0xFF);
    fields += static_cast<char>(hash >> 8 & 0xFF);
  }
  static std::uint64_t hash(const void* data, std::size_t size, std::uint64_t seed = 1) {
    return XXH3_64bits_withSeed(data, size, seed);
  }
  static std::uint64_t hash_of(const std::string& v) { return hash(v.data(), v.size()); }
  static std::uint64_t hash_of(const Duid& v) { return hash(v.bytes().data(), v.size()); }
  static std::uint64_t hash_of(const Ipv6Address& v) {
    const auto bytes = v.to_bytes();
    return hash(bytes.data(), bytes.size());
  }
  static std::uint64_t hash_of(const Ipv6Prefix& v) {
    const auto bytes = v.address.to_bytes();
    return hash(bytes.data(), bytes.size(), v.length + 2U);
  }
  static std::uint64_t hash_of(Instant v) {
    return hash_number(static_cast<std::uint64_t>(v.time_since_epoch().count()));
  }
  static std::uint64_t hash_of(Lifetime v) { return hash_number(v.count()); }
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  static std::uint64_t hash_of(T v) { return hash_number(static_cast<std::uint64_t>(v)); }
  static std::uint64_t hash_number(std::uint64_t v) {
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(v >> (8 * i));
    return hash(bytes, sizeof bytes);
  }
  template <typename T>
  static std::uint64_t hash_of(const std::optional<T>& v) {
    return v ? hash_of(*v) ^ 0x5bd1e995ULL : 0;
  }
  template <typename T>
  void operator()(const char*, const T& value) {
    add(hash_of(value));
  }
};

struct NameCollector : PlainVisitor<NameCollector> {
  std::vector<std::string_view> names;
  template <typename T>
  void operator()(const char* name, const T&) {
    names.push_back(name);
  }
};

constexpr std::size_t kWholeOctets = 8;
constexpr std::string_view kEnvelopeFields[] = {"if_last_event", "effective_at"};

}  // namespace

std::vector<FieldText> field_texts(const Command& command) {
  std::vector<FieldText> out;
  TextCollector collector(out);
  std::visit([&](const auto& c) { c.visit(c, collector); }, command);
  return out;
}

Arguments arguments_of(const Command& command) {
  Arguments out;
  for (auto& field : field_texts(command))
    out.emplace_back(std::move(field.name), std::move(field.text));
  return out;
}

namespace {

template <std::size_t I = 0>
Result<Command> make_command_at(std::string_view name, const Arguments& fields) {
  if constexpr (I == std::variant_size_v<Command>) {
    std::string names;
    for (const auto known : command_names())
      names += (names.empty() ? "" : ", ") + std::string(known);
    return invalid("command", std::string(name), "one of " + names);
  } else {
    using T = std::variant_alternative_t<I, Command>;
    if (name != T::kName) return make_command_at<I + 1>(name, fields);
    T command;
    Filler filler(fields);
    T::visit(command, filler);
    LEASELEDGER_TRY(filler.finish(T::kName));
    return Command(std::move(command));
  }
}

template <std::size_t... I>
std::vector<std::string_view> names_of_all(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, Command>::kName...};
}

}  // namespace

Result<Command> make_command(std::string_view name, const Arguments& fields) {
  return make_command_at(name, fields);
}

std::vector<std::string_view> command_names() {
  return names_of_all(std::make_index_sequence<std::variant_size_v<Command>>{});
}

std::string fingerprint_of(const Envelope& envelope) {
  std::string out;
  fingerprint_into(envelope, out);
  return out;
}

void fingerprint_into(const Envelope& envelope, std::string& out) {
  out.assign(kWholeOctets, '\0');
  Fingerprinter printer(out);
  const auto name = name_of(envelope.command);
  printer.all = Fingerprinter::hash(name.data(), name.size());
  printer("if_last_event", envelope.if_last_event);
  printer("effective_at", envelope.effective_at);
  std::visit([&](const auto& c) { c.visit(c, printer); }, envelope.command);
  for (std::size_t i = 0; i < kWholeOctets; ++i)
    out[i] = static_cast<char>(printer.all >> (8 * i) & 0xFF);
}

std::optional<std::string> differing_field(const Envelope& envelope, std::string_view fingerprint) {
  const std::string own = fingerprint_of(envelope);
  if (own == fingerprint) return std::nullopt;
  NameCollector collector;
  collector.names.assign(std::begin(kEnvelopeFields), std::end(kEnvelopeFields));
  std::visit([&](const auto& c) { c.visit(c, collector); }, envelope.command);
  if (own.size() != fingerprint.size()) return "command";
  for (std::size_t i = 0; i < collector.names.size(); ++i) {
    const std::size_t at = kWholeOctets + 2 * i;
    if (own.compare(at, 2, fingerprint, at, 2) != 0) return std::string(collector.names[i]);
  }
  return "command";
}

}  // namespace leaseledger
