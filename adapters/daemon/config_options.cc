#include "adapters/daemon/config_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <limits>
#include <numeric>

namespace leaseledger::daemon {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kAny = std::numeric_limits<std::int64_t>::max();

#define LEASELEDGER_SLOT(member) [](Config& config) -> Slot { return &config.member; }

using enum OptionKind;

constexpr Option kOptions[] = {
    {"ledger", "directory", kPath, 1, 0, false, "",
     "The directory of the ledger. One process at a time has it open.",
     LEASELEDGER_SLOT(ledger.directory)},
    {"ledger", "create", kFlag, 0, 0, false, "",
     "Whether an empty ledger is made when the directory is absent or empty.",
     LEASELEDGER_SLOT(ledger.create)},
    {"ledger", "partition", kText, 0, 255, false, "",
     "The name of the partition that the ledger must have; a new ledger gets it. Empty: any, and "
     "\"default\" for a new one.",
     LEASELEDGER_SLOT(ledger.partition)},

    {"listen", "unix", kPath, 0, 0, false, "",
     "The Unix socket for programs on this machine. Empty: none. A socket that systemd passes "
     "under the name \"rpc\" is taken instead.",
     LEASELEDGER_SLOT(listen.unix_path)},
    {"listen", "unix_mode", kMode, 0, 0777, false, "",
     "The permissions of the Unix socket. Who may do what is decided by [roles], not by them.",
     LEASELEDGER_SLOT(listen.unix_mode)},
    {"listen", "tls", kEndpoint, 0, 0, false, "",
     "Where TLS is listened to, such as \"[::]:8547\". Empty: nowhere. Clients need a certificate; "
     "see [tls].",
     LEASELEDGER_SLOT(listen.tls)},
    {"listen", "http", kEndpoint, 0, 0, false, "",
     "Where GET /metrics, /healthz and /readyz are answered, without encryption or "
     "authentication. Empty: nowhere.",
     LEASELEDGER_SLOT(listen.http)},

    {"tls", "certificate", kPath, 0, 0, true, "",
     "The server's certificate with the issuers between it and the root, a PEM file.",
     LEASELEDGER_SLOT(tls.certificate)},
    {"tls", "key", kPath, 0, 0, true, "", "The private key of the certificate, a PEM file.",
     LEASELEDGER_SLOT(tls.key)},
    {"tls", "client_ca", kPath, 0, 0, true, "",
     "The issuers of client certificates that are believed, a PEM file.",
     LEASELEDGER_SLOT(tls.client_ca)},
    {"tls", "handshake_timeout", kDuration, 100, 600 * kSecond, false, "",
     "A client that has not finished its handshake after so long is disconnected.",
     LEASELEDGER_SLOT(tls.handshake_timeout)},

    {"roles", "administrator_groups", kNames, 0, 0, true, "",
     "Members of these groups of the system are administrators: they send commands. Root and the "
     "user of the daemon are administrators always.",
     LEASELEDGER_SLOT(roles.administrator_groups)},
    {"roles", "user_groups", kNames, 0, 0, true, "",
     "Members of these groups of the system are users: they ask questions.",
     LEASELEDGER_SLOT(roles.user_groups)},

    {"limits", "message_bytes", kSize, 64 * 1024, kGiB, false, "",
     "The largest message that is read from a peer; one that is larger ends its connection.",
     LEASELEDGER_SLOT(limits.message_bytes)},
    {"limits", "batch", kCount, 1, 8192, false, "", "Commands in one submission.",
     LEASELEDGER_SLOT(limits.batch)},
    {"limits", "connections", kCount, 1, 65536, false, "",
     "Connections at a time over the Unix socket and TLS together.",
     LEASELEDGER_SLOT(limits.connections)},
    {"limits", "connections_per_principal", kCount, 1, 65536, false, "",
     "Connections of one principal at a time.", LEASELEDGER_SLOT(limits.connections_per_principal)},
    {"limits", "subscriptions_per_principal", kCount, 0, 65536, false, "",
     "Subscriptions to the log of one principal at a time.",
     LEASELEDGER_SLOT(limits.subscriptions_per_principal)},
    {"limits", "waiting_commands", kCount, 1, 16'777'216, false, "",
     "Commands that may wait to be decided; beyond it submissions are answered ERROR_BUSY.",
     LEASELEDGER_SLOT(limits.waiting_commands)},
    {"limits", "waiting_questions", kCount, 1, 1'048'576, false, "",
     "Questions that may wait for a thread; beyond it they are answered ERROR_BUSY.",
     LEASELEDGER_SLOT(limits.waiting_questions)},
    {"limits", "question_threads", kCount, 1, 256, false, "", "Threads that answer questions.",
     LEASELEDGER_SLOT(limits.question_threads)},
    {"limits", "states_per_principal", kCount, 0, 1024, false, "",
     "Past states that one principal may hold open. Each takes as much memory as the leases of "
     "then.",
     LEASELEDGER_SLOT(limits.states_per_principal)},
    {"limits", "idle_timeout", kDuration, 0, 720 * kHour, false, "",
     "A connection on which nothing is asked, answered or subscribed for so long is closed. 0s: "
     "never.",
     LEASELEDGER_SLOT(limits.idle_timeout)},

    {"expiry", "enabled", kFlag, 0, 0, false, "",
     "Whether the daemon records the end of leases whose valid lifetime is over. They are no "
     "longer held either way.",
     LEASELEDGER_SLOT(expiry.enabled)},
    {"expiry", "grace", kDuration, 0, 8760 * kHour, false, "",
     "How long after its end the end of a lease is recorded; a DHCP server that reports late may "
     "be waited for.",
     LEASELEDGER_SLOT(expiry.grace)},
    {"expiry", "interval", kDuration, 100, 24 * kHour, false, "",
     "How often ended leases are looked for.", LEASELEDGER_SLOT(expiry.interval)},
    {"expiry", "batch", kCount, 1, 65536, false, "", "Ends of leases recorded in one submission.",
     LEASELEDGER_SLOT(expiry.batch)},

    {"storage", "min_free_bytes", kSize, 0, kAny, false, "",
     "With less room than this on the disk of the ledger, commands are refused with "
     "ERROR_DISK_FULL before the disk is.",
     LEASELEDGER_SLOT(storage.min_free_bytes)},

    {"backup", "directory", kPath, 0, 0, false, "",
     "Backups that clients ask for are made below this directory only. Empty: such requests are "
     "refused.",
     LEASELEDGER_SLOT(backup.directory)},

    {"kea", "http", kEndpoint, 0, 0, false, "",
     "Where Kea's commands are answered over HTTP, such as \"127.0.0.1:8548\". Empty: nowhere. A "
     "Kea with its HA hook takes it for a backup partner. See docs/kea.md.",
     LEASELEDGER_SLOT(kea.http)},
    {"kea", "unix", kPath, 0, 0, false, "",
     "The Unix socket on which the same commands are answered as on Kea's control socket. Empty: "
     "none. Roles are those of [roles].",
     LEASELEDGER_SLOT(kea.unix_path)},
    {"kea", "unix_mode", kMode, 0, 0777, false, "", "The permissions of that Unix socket.",
     LEASELEDGER_SLOT(kea.unix_mode)},
    {"kea", "certificate", kPath, 0, 0, true, "",
     "With a certificate, a PEM file, kea.http speaks TLS.", LEASELEDGER_SLOT(kea.certificate)},
    {"kea", "key", kPath, 0, 0, true, "", "The private key of the certificate, a PEM file.",
     LEASELEDGER_SLOT(kea.key)},
    {"kea", "client_ca", kPath, 0, 0, true, "",
     "With the issuers of client certificates, a PEM file, clients of kea.http need one. Whom it "
     "stands for is said by [[tls.principal]].",
     LEASELEDGER_SLOT(kea.client_ca)},
    {"kea", "anonymous", kWord, 0, 0, true, "none, user, administrator",
     "The role of those who come to kea.http without a name and a password. none: they are asked "
     "for them.",
     LEASELEDGER_SLOT(kea.anonymous)},
    {"kea", "compat", kWord, 0, 0, false, "2.2, 3.0",
     "The version of Kea whose result codes are given: for a lease that exists already 2.2 has 1 "
     "and 3.0 has 4.",
     LEASELEDGER_SLOT(kea.compat)},
    {"kea", "answer", kWord, 0, 0, true, "durable, received",
     "When the lease updates of a Kea server are answered. durable: once they are on the disk; "
     "received: at once, so that a crash of the machine can lose what was answered last, until the "
     "next comparison with [[kea.server]].",
     LEASELEDGER_SLOT(kea.answer)},
    {"kea", "request_bytes", kSize, 64 * 1024, kGiB, false, "", "The largest command that is read.",
     LEASELEDGER_SLOT(kea.request_bytes)},
    {"kea", "connections", kCount, 1, 65536, false, "",
     "Connections at a time to kea.http, and as many to kea.unix.",
     LEASELEDGER_SLOT(kea.connections)},

    {"owner", "address", kAddress, 0, 0, false, "",
     "The server's own address, kept as the owner of records that are created.",
     LEASELEDGER_SLOT(owner.address)},
    {"owner", "host_name", kText, 0, 255, false, "",
     "The server's own name, kept likewise. Empty: the name of the machine.",
     LEASELEDGER_SLOT(owner.host_name)},

    {"log", "level", kWord, 0, 0, true, "trace, debug, info, warning, error, critical, off",
     "The least important messages that are written.", LEASELEDGER_SLOT(log.level)},
    {"log", "format", kWord, 0, 0, true, "auto, text, journal",
     "text: with time stamps; journal: with the priorities that journald reads; auto: journal when "
     "standard error is the journal, text otherwise.",
     LEASELEDGER_SLOT(log.format)},
};
#undef LEASELEDGER_SLOT

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
/// Smallest first.
constexpr std::array kSizeUnits{Unit{"", 1}, Unit{"KiB", 1024}, Unit{"MiB", kMiB},
                                Unit{"GiB", kGiB}, Unit{"TiB", kGiB << 10}};
constexpr std::array kDurationUnits{Unit{"ms", 1}, Unit{"s", kSecond}, Unit{"m", 60 * kSecond},
                                    Unit{"h", kHour}, Unit{"d", 24 * kHour}};

/// A number and one of the units, nothing between them.
std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& each : units) {
    if (each.name != unit) continue;
    if (number > kAny / each.factor) return std::nullopt;
    return number * each.factor;
  }
  return std::nullopt;
}

/// In the largest unit that divides it.
std::string text_with_unit(std::uint64_t number, std::span<const Unit> units,
                           const Unit& unit_of_zero) {
  const Unit* best = number == 0 ? &unit_of_zero : &units.front();
  for (const Unit& each : units)
    if (number != 0 && number % each.factor == 0) best = &each;
  return std::to_string(number / best->factor) + std::string(best->name);
}

using Pairs = std::vector<std::vector<std::pair<std::string, std::string>>>;

constexpr const char* kRoles = "administrator, user or none";

bool is_short_text(const std::string& text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
}

/// Stores text of 1 to `longest` octets.
std::string set_text(std::string& place, const std::string& text, std::size_t longest) {
  place = text;
  if (is_short_text(text, longest)) return "";
  return "text of 1 to " + std::to_string(longest) + " octets without control characters";
}

std::string set_role(Role& place, const std::string& text) {
  const auto role = role_of(text);
  if (!role) return kRoles;
  place = *role;
  return "";
}

std::string set_path(std::filesystem::path& place, const std::string& text) {
  place = text;
  return text.starts_with('/') ? "" : "an absolute path";
}

/// Reads the first line of a password file. "" when it was done, otherwise what would be right.
std::string read_password(const std::filesystem::path& file, std::string& password) {
  if (file.empty()) return "";
  std::ifstream in(file);
  if (!in || !std::getline(in, password) || password.empty())
    return "a file whose first line is the password, which this process can read";
  return "";
}

/// The name is not that of an entry before.
template <typename Entry>
bool is_new(const std::vector<Entry>& entries, std::string Entry::*name) {
  return std::ranges::count(entries, entries.back().*name, name) == 1;
}

constexpr EntryKey kPrincipalKeys[] = {
    {"common_name", "text", "\"dhcp1.example.net\"",
     "The common name of the certificate's subject.",
     "the common name of the certificate's subject"},
    {"principal", "text", "\"dhcp1\"",
     "The name under which the audit trail has it, after \"tls:\". The common name when not "
     "given.",
     nullptr},
    {"role", "one of administrator, user, none", "\"administrator\"",
     "administrator: sends commands; user: asks questions; none: neither.", kRoles},
};

constexpr EntryKey kKeaClientKeys[] = {
    {"user", "text", "\"kea1\"",
     "The name. It is recorded as \"kea:\" and the name, and as the server of what it reports.",
     "the name that the client gives"},
    {"password", "text", "\"a long secret\"", "The password.", nullptr},
    {"password_file", "path", "\"/etc/leaseledger/kea1.password\"",
     "A file with the password in its first line, instead of \"password\".", nullptr, true},
    {"role", "one of administrator, user, none", "\"administrator\"",
     "administrator: sends commands, a DHCP server needs that; user: asks questions.", kRoles},
};

constexpr EntryKey kKeaServerKeys[] = {
    {"name", "text", "\"kea1\"", "The name of the server, as its records have it.",
     "the name of the server"},
    {"control", "\"unix:PATH\" or a URL", "\"unix:/run/kea/kea6-ctrl-socket\"",
     "Where its commands are answered: its control socket, or the control agent or HTTP control "
     "socket (\"http://127.0.0.1:8000/\"). Its subnets are read there, and its leases compared.",
     nullptr},
    {"config", "path", "\"/etc/kea/kea-dhcp6.conf\"",
     "Its configuration file, where its subnets are read when there is no \"control\".", nullptr,
     true},
    {"user", "text", "\"ledger\"", "The name for basic authentication at \"control\".", nullptr},
    {"password", "text", "\"a long secret\"", "The password for it.", nullptr},
    {"password_file", "path", "\"/etc/leaseledger/agent.password\"",
     "A file with the password in its first line, instead of \"password\".", nullptr, true},
    {"interval", "duration", "\"5m\"",
     "How long after one comparison the next begins; \"0s\": only when it is asked for.", nullptr},
};

constexpr ListSection kListSections[] = {
    {"tls", "principal",
     "Whom a client certificate stands for; once for each. A certificate whose common name is in "
     "no such section is not let in.",
     true, kPrincipalKeys, [](Config& config) { config.tls.principals.emplace_back(); },
     [](Config& config, std::string_view key, const std::string& text) -> std::string {
       TlsPrincipal& entry = config.tls.principals.back();
       if (key == "role") return set_role(entry.role, text);
       return set_text(key == "principal" ? entry.principal : entry.common_name, text, 64);
     },
     [](Config& config) -> ListSection::Fault {
       TlsPrincipal& entry = config.tls.principals.back();
       if (entry.principal.empty()) entry.principal = entry.common_name;
       if (!is_new(config.tls.principals, &TlsPrincipal::common_name))
         return {"common_name", entry.common_name, "each common name once"};
       return {};
     },
     [](const Config& config) -> Pairs {
       Pairs out;
       for (const TlsPrincipal& each : config.tls.principals)
         out.push_back({{"common_name", toml_text(each.common_name)},
                        {"principal", toml_text(each.principal)},
                        {"role", toml_text(name_of(each.role))}});
       return out;
     },
     [](const Config& a, const Config& b) { return a.tls.principals == b.tls.principals; }},

    {"kea", "client",
     "Who may use kea.http with a name and a password (HTTP basic authentication); once for each.",
     true, kKeaClientKeys, [](Config& config) { config.kea.clients.emplace_back(); },
     [](Config& config, std::string_view key, const std::string& text) -> std::string {
       KeaClient& entry = config.kea.clients.back();
       if (key == "role") return set_role(entry.role, text);
       if (key == "password_file") return set_path(entry.password_file, text);
       if (key == "password") return set_text(entry.password, text, 255);
       const std::string wrong = set_text(entry.user, text, 64);
       return wrong.empty() && text.find(':') != std::string::npos ? "a name without a colon"
                                                                   : wrong;
     },
     [](Config& config) -> ListSection::Fault {
       KeaClient& entry = config.kea.clients.back();
       if (!is_new(config.kea.clients, &KeaClient::user))
         return {"user", entry.user, "each user once"};
       if (entry.password.empty() == entry.password_file.empty())
         return {"password", "", "either password or password_file"};
       return {"password_file", entry.password_file.string(),
               read_password(entry.password_file, entry.password)};
     },
     [](const Config& config) -> Pairs {
       Pairs out;
       for (const KeaClient& each : config.kea.clients)
         out.push_back(
             {{"user", toml_text(each.user)},
              each.password_file.empty()
                  ? std::pair<std::string, std::string>{"password", "\"(not shown)\""}
                  : std::pair<std::string, std::string>{"password_file",
                                                        toml_text(each.password_file.string())},
              {"role", toml_text(name_of(each.role))}});
       return out;
     },
     [](const Config& a, const Config& b) { return a.kea.clients == b.kea.clients; }},

    {"kea", "server",
     "A Kea DHCPv6 server whose leases are compared with the ledger: when the daemon starts, when "
     "the server comes back, and every interval. What is missing is recorded as observed.",
     false, kKeaServerKeys, [](Config& config) { config.kea.servers.emplace_back(); },
     [](Config& config, std::string_view key, const std::string& text) -> std::string {
       KeaServer& entry = config.kea.servers.back();
       if (key == "name") return set_text(entry.name, text, 64);
       if (key == "user") return set_text(entry.user, text, 64);
       if (key == "password") return set_text(entry.password, text, 255);
       if (key == "password_file") return set_path(entry.password_file, text);
       if (key == "config") return set_path(entry.config, text);
       if (key == "control") {
         entry.control = text;
         if (text.starts_with("unix:/") || text.starts_with("http://")) return "";
         return "\"unix:\" and an absolute path, or a URL such as \"http://127.0.0.1:8000/\"";
       }
       const auto interval = parse_with_unit(text, kDurationUnits);
       if (!interval || (*interval != 0 && *interval < kSecond) || *interval > 720 * kHour)
         return "a duration with its unit such as \"5m\", from 1s to 30d, or \"0s\" for never";
       entry.interval = std::chrono::milliseconds(static_cast<std::int64_t>(*interval));
       return "";
     },
     [](Config& config) -> ListSection::Fault {
       KeaServer& entry = config.kea.servers.back();
       if (!is_new(config.kea.servers, &KeaServer::name))
         return {"name", entry.name, "each name once"};
       if (entry.control.empty() == entry.config.empty())
         return {"", "", "either control or config: where its subnets are read"};
       if (!entry.password.empty() && !entry.password_file.empty())
         return {"password", "", "either password or password_file"};
       if (entry.user.empty() != (entry.password.empty() && entry.password_file.empty()))
         return {"user", entry.user, "a user together with a password"};
       return {"password_file", entry.password_file.string(),
               read_password(entry.password_file, entry.password)};
     },
     [](const Config& config) -> Pairs {
       Pairs out;
       for (const KeaServer& each : config.kea.servers) {
         auto& pairs = out.emplace_back();
         const auto add = [&pairs](const char* key, const std::string& text) {
           if (!text.empty()) pairs.emplace_back(key, toml_text(text));
         };
         add("name", each.name);
         add("control", each.control);
         add("config", each.config.string());
         add("user", each.user);
         if (each.password_file.empty() && !each.password.empty()) add("password", "(not shown)");
         add("password_file", each.password_file.string());
         add("interval", duration_text(each.interval));
       }
       return out;
     },
     [](const Config& a, const Config& b) { return a.kea.servers == b.kea.servers; }},
};

bool printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
}

bool is_name(std::string_view text) {
  return !text.empty() && printable(text) && text.find_first_of(" ,\"") == std::string_view::npos;
}

/// "HOST:PORT", an IPv6 address in brackets.
bool is_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.front() == '[')
    return host.back() == ']' && Ipv6Address::parse(host.substr(1, host.size() - 2)).has_value();
  return host == "*" || std::ranges::all_of(host, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-';
         });
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + separator.size()));
  }
  return out;
}

std::string range_text(const Option& option, std::string (*text)(std::uint64_t)) {
  if (option.high == kAny) return option.low == 0 ? "" : ", at least " + text(option.low);
  return ", from " + text(option.low) + " to " + text(option.high);
}

bool in_range(const Option& option, std::uint64_t value) {
  return value >= option.low && value <= option.high;
}

bool assign_text(const Option& option, const std::string& text, Config& config) {
  const Slot slot = option.slot(config);
  switch (option.kind) {
    case kText:
      if (!printable(text) || !in_range(option, text.size())) return false;
      *std::get<std::string*>(slot) = text;
      return true;
    case kWord: {
      const auto words = split(option.words, ", ");
      if (std::ranges::find(words, text) == words.end()) return false;
      *std::get<std::string*>(slot) = text;
      return true;
    }
    case kEndpoint:
      if (!text.empty() && !is_endpoint(text)) return false;
      *std::get<std::string*>(slot) = text;
      return true;
    case kPath:
      if (!printable(text) || (text.empty() ? option.low > 0 : text.front() != '/')) return false;
      if (auto* const* path = std::get_if<std::filesystem::path*>(&slot)) {
        **path = text;
      } else {
        *std::get<std::string*>(slot) = text;
      }
      return true;
    case kSize: {
      const auto value = parse_with_unit(text, kSizeUnits);
      if (!value || !in_range(option, *value)) return false;
      *std::get<std::uint64_t*>(slot) = *value;
      return true;
    }
    case kDuration: {
      const auto value = parse_with_unit(text, kDurationUnits);
      if (!value || !in_range(option, *value)) return false;
      *std::get<std::chrono::milliseconds*>(slot) =
          std::chrono::milliseconds(static_cast<std::int64_t>(*value));
      return true;
    }
    case kMode: {
      std::uint32_t mode = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
      if (error != std::errc() || end != text.data() + text.size() || !in_range(option, mode))
        return false;
      *std::get<std::uint32_t*>(slot) = mode;
      return true;
    }
    case kAddress: {
      const auto address = Ipv6Address::parse(text);
      if (!address) return false;
      *std::get<Ipv6Address*>(slot) = *address;
      return true;
    }
    case kFlag:
    case kCount:
    case kNames:
      return false;
  }
  return false;
}

std::string plain_number(std::uint64_t number) { return std::to_string(number); }

std::string milliseconds_text(std::uint64_t number) {
  return duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(number)));
}

/// Insertions, deletions, replacements and swaps of neighbours that make one name of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::span<const Option> options() { return kOptions; }
std::span<const ListSection> list_sections() { return kListSections; }

std::optional<Role> role_of(std::string_view text) {
  for (const Role role : {Role::kNone, Role::kUser, Role::kAdministrator})
    if (name_of(role) == text) return role;
  return std::nullopt;
}

const Option* find_option(std::string_view name) {
  const auto found = std::ranges::find(options(), name, &Option::name);
  return found == options().end() ? nullptr : &*found;
}

std::string_view section_description(std::string_view section) {
  if (section == "ledger") return "What is served.";
  if (section == "listen") return "Where the daemon is reached.";
  if (section == "tls") return "TLS with certificates on both sides, for [listen] tls.";
  if (section == "roles") return "Who may do what over the Unix socket.";
  if (section == "limits") return "How much is taken from whom.";
  if (section == "expiry") return "The end of leases.";
  if (section == "storage") return "The disk.";
  if (section == "backup") return "Backups that clients ask for.";
  if (section == "kea") return "The door for Kea, its HA partners and its tools.";
  if (section == "owner") return "The server itself, as records name it.";
  if (section == "log") return "Messages, on standard error.";
  return "";
}

bool assign(const Option& option, const RawValue& value, Config& config) {
  const Slot slot = option.slot(config);
  if (const auto* text = std::get_if<std::string>(&value))
    return assign_text(option, *text, config);
  if (const auto* flag = std::get_if<bool>(&value)) {
    if (option.kind != kFlag) return false;
    *std::get<bool*>(slot) = *flag;
    return true;
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (option.kind != kCount && option.kind != kSize) return false;
    if (*number < 0 || !in_range(option, static_cast<std::uint64_t>(*number))) return false;
    *std::get<std::uint64_t*>(slot) = static_cast<std::uint64_t>(*number);
    return true;
  }
  const auto& names = std::get<std::vector<std::string>>(value);
  if (option.kind != kNames || !std::ranges::all_of(names, is_name)) return false;
  *std::get<std::vector<std::string>*>(slot) = names;
  return true;
}

RawValue raw_value(const Option& option, std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  if (option.kind == kFlag && (text == "true" || text == "false")) return text == "true";
  if (option.kind == kNames) return split(text, ",");
  if (option.kind == kCount) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return std::string(text);
}

std::string expected_value(const Option& option) {
  switch (option.kind) {
    case kText:
      return "text of " + std::to_string(option.low) + " to " + std::to_string(option.high) +
             " octets without control characters";
    case kPath:
      return option.low > 0 ? "an absolute path" : "an absolute path, or \"\" for none";
    case kEndpoint:
      return "an address and a port, such as \"127.0.0.1:8549\" or \"[::]:8547\", or \"\" for none";
    case kFlag:
      return "true or false";
    case kCount:
      return "a number" + range_text(option, plain_number);
    case kSize:
      return "a number of octets or a size such as \"64MiB\"" + range_text(option, size_text);
    case kDuration:
      return "a duration with its unit, such as \"250ms\", \"5s\", \"10m\" or \"2h\"" +
             range_text(option, milliseconds_text);
    case kMode:
      return "permissions as octal digits in quotes, from \"0000\" to \"0777\"";
    case kAddress:
      return "an IPv6 address, such as \"2001:db8::1\"";
    case kNames:
      return "a list of names, such as [\"dhcp-users\"]";
    case kWord:
      return "one of " + std::string(option.words);
  }
  return "";
}

std::string type_name(const Option& option) {
  switch (option.kind) {
    case kText:
      return "text";
    case kPath:
      return "path";
    case kEndpoint:
      return "address and port";
    case kFlag:
      return "true or false";
    case kCount:
      return "number" + range_text(option, plain_number);
    case kSize:
      return "size" + range_text(option, size_text);
    case kDuration:
      return "duration" + range_text(option, milliseconds_text);
    case kMode:
      return "octal permissions";
    case kAddress:
      return "IPv6 address";
    case kNames:
      return "list of names";
    case kWord:
      return "one of " + std::string(option.words);
  }
  return "";
}

std::string value_text(const Option& option, const Config& config) {
  // The slots of a table that serves reading too are not const; nothing is changed here.
  const Slot slot = option.slot(const_cast<Config&>(config));
  switch (option.kind) {
    case kFlag:
      return *std::get<bool*>(slot) ? "true" : "false";
    case kCount:
      return std::to_string(*std::get<std::uint64_t*>(slot));
    case kSize: {
      const std::string text = size_text(*std::get<std::uint64_t*>(slot));
      return text.back() == 'B' ? toml_text(text) : text;
    }
    case kDuration:
      return toml_text(duration_text(*std::get<std::chrono::milliseconds*>(slot)));
    case kMode: {
      char digits[16];
      std::snprintf(digits, sizeof digits, "%04o", *std::get<std::uint32_t*>(slot));
      return toml_text(digits);
    }
    case kAddress:
      return toml_text(std::get<Ipv6Address*>(slot)->to_string());
    case kNames: {
      std::string out;
      for (const auto& name : *std::get<std::vector<std::string>*>(slot))
        out += (out.empty() ? "" : ", ") + toml_text(name);
      return "[" + out + "]";
    }
    case kText:
    case kPath:
    case kEndpoint:
    case kWord:
      if (const auto* path = std::get_if<std::filesystem::path*>(&slot))
        return toml_text((*path)->string());
      return toml_text(*std::get<std::string*>(slot));
  }
  return "";
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string duration_text(std::chrono::milliseconds duration) {
  return text_with_unit(static_cast<std::uint64_t>(duration.count()), kDurationUnits,
                        kDurationUnits[1]);
}

std::string size_text(std::uint64_t bytes) {
  return text_with_unit(bytes, kSizeUnits, kSizeUnits[0]);
}

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& each : candidates) {
    if (const std::size_t d = distance(name, each); d < least) {
      least = d;
      best = each;
    }
  }
  return best;
}

}  // namespace leaseledger::daemon
