#pragma once
// What leaseledgerd is told: one table of options, from which the reader, --check-config, --print-config, the manual page
// leaseledgerd.toml(5) and docs/configuration.md are made, so that they cannot say different things.
// Flow: leaseledgerd.toml, environment, command line -> [config.h] -> tools/daemon/main.cc

#include "commands/principal.h"
#include "ledger/address.h"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger::daemon {

inline constexpr const char* kDefaultConfigFile = "/etc/leaseledger/leaseledgerd.toml";

/// Whom a client certificate stands for: [[tls.principal]].
struct TlsPrincipal {
  std::string common_name;  ///< the subject's CN, compared octet by octet.
  std::string principal;    ///< recorded as "tls:" + this; the common name when not given.
  Role role = Role::kUser;
  friend bool operator==(const TlsPrincipal&, const TlsPrincipal&) = default;
};

/// Who may use the Kea door with a name and a password: [[kea.client]].
struct KeaClient {
  std::string user;      ///< of HTTP basic authentication (RFC 7617); recorded as "kea:" + this.
  std::string password;  ///< "" when it is in a file.
  std::filesystem::path password_file;  ///< its first line; read when the configuration is.
  Role role = Role::kAdministrator;
  friend bool operator==(const KeaClient&, const KeaClient&) = default;
};

/// A Kea that the ledger is compared with: [[kea.server]].
struct KeaServer {
  std::string name;
  std::string control;  ///< "unix:/run/kea/kea6-ctrl-socket", "http://127.0.0.1:8000/"; "": none.
  std::filesystem::path config;  ///< kea-dhcp6.conf, where its subnets are when `control` is "".
  std::string user;              ///< for a control agent.
  std::string password;
  std::filesystem::path password_file;
  std::chrono::milliseconds interval{300'000};  ///< from one comparison to the next; 0: never.
  friend bool operator==(const KeaServer&, const KeaServer&) = default;
};

/// Every value with its default. Meaning, unit and range of each: the table in config.cc, or leaseledgerd.toml(5).
struct Config {
  struct {
    std::filesystem::path directory = "/var/lib/leaseledger";
    bool create = true;
    std::string partition;  ///< "": whatever the ledger has, "default" for a new one.
  } ledger;
  struct {
    std::string unix_path = "/run/leaseledger/leaseledgerd.sock";  ///< key "unix"; "": none.
    std::uint32_t unix_mode = 0666;
    std::string tls;                      ///< "[::]:8547"; "": none.
    std::string http = "127.0.0.1:8549";  ///< "": none.
  } listen;
  struct {
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path client_ca;
    std::chrono::milliseconds handshake_timeout{5'000};
    std::vector<TlsPrincipal> principals;
  } tls;
  struct {
    std::vector<std::string> administrator_groups{"dhcp-administrators"};
    std::vector<std::string> user_groups{"dhcp-users"};
  } roles;
  struct {
    std::uint64_t message_bytes = std::uint64_t{16} << 20;
    std::uint64_t batch = 4096;
    std::uint64_t connections = 1024;
    std::uint64_t connections_per_principal = 256;
    std::uint64_t subscriptions_per_principal = 16;
    std::uint64_t waiting_commands = std::uint64_t{1} << 18;
    std::uint64_t waiting_questions = 4096;
    std::uint64_t question_threads = 2;
    std::uint64_t states_per_principal = 4;
    std::chrono::milliseconds idle_timeout{600'000};  ///< 0: never.
  } limits;
  struct {
    bool enabled = true;
    std::chrono::milliseconds grace{0};
    std::chrono::milliseconds interval{1'000};
    std::uint64_t batch = 1000;
  } expiry;
  struct {
    std::uint64_t min_free_bytes = std::uint64_t{64} << 20;
  } storage;
  struct {
    std::filesystem::path directory;  ///< "": no backups over RPC.
  } backup;
  struct {
    std::string http;       ///< "127.0.0.1:8548"; "": none.
    std::string unix_path;  ///< key "unix"; "": none.
    std::uint32_t unix_mode = 0660;
    std::filesystem::path certificate;  ///< with one, HTTP is spoken behind TLS.
    std::filesystem::path key;
    std::filesystem::path client_ca;  ///< with one, clients need a certificate.
    std::string anonymous = "none";
    std::string compat = "2.2";
    std::string answer = "durable";
    std::uint64_t request_bytes = std::uint64_t{16} << 20;
    std::uint64_t connections = 64;
    std::vector<KeaClient> clients;
    std::vector<KeaServer> servers;
  } kea;
  struct {
    Ipv6Address address{};
    std::string host_name;  ///< "": the machine's.
  } owner;
  struct {
    std::string level = "info";
    std::string format = "auto";
  } log;

  /// Where each value comes from, by "section.key": "default", "/etc/leaseledger/leaseledgerd.toml:12:3",
  /// "environment LEASELEDGERD_LISTEN_TLS", "--ledger". Values that are not in it are defaults.
  std::map<std::string, std::string> sources;
};

/// One thing that is wrong with a configuration.
struct ConfigProblem {
  std::string where;  ///< "FILE:LINE:COLUMN", or the name of the variable or flag.
  std::string key;    ///< "listen.unix_mode"; "" when it is not about one key.
  std::string value;
  std::string expected;  ///< what would be right: a sentence without a full stop.
  /// "leaseledgerd.toml:4:13: listen.unix_mode '0888': an octal mode from 0000 to 0777".
  std::string to_string() const;
};

/// Everything that is wrong, by line. Never empty.
struct ConfigProblems {
  std::vector<ConfigProblem> problems;
  std::string to_string() const;  ///< one line each, with a line feed after each.
};

template <typename T>
using Checked = tl::expected<T, ConfigProblems>;

/// A value given outside the file.
struct Override {
  std::string key;     ///< "ledger.directory".
  std::string value;   ///< as in the file, quotes may be left out; lists with commas: "a,b".
  std::string source;  ///< "--ledger", for messages and Config::sources.
};

/// What decides: a later one of default, file, environment, flag.
struct ConfigInputs {
  std::optional<std::filesystem::path> file;  ///< nullopt: none is read.
  /// A missing file is as good as an empty one (the default path, when --config was not given).
  bool file_may_be_missing = false;
  /// Looks up LEASELEDGERD_<SECTION>_<KEY>; nullptr for "not set". The default asks the process's environment.
  std::function<const char*(const char*)> environment;
  std::vector<Override> flags;
};

/// Reads and checks everything, and reports everything that is wrong, not only the first: unknown keys with the nearest known
/// one, wrong types and values with what would be right, and values that do not go together.
Checked<Config> read_config(const ConfigInputs& inputs);

/// The keys whose values differ, for a reload; "tls.principal" stands for the list.
std::vector<std::string> changed_keys(const Config& before, const Config& after);
/// Whether a new value of the key takes effect with a reload (SIGHUP); the others need a restart.
bool is_reloadable(std::string_view key);

/// --check-config: the values in effect as TOML, each with its source in a comment. Reads back to the same values.
std::string effective_config(const Config& config);
/// --print-config: every option with its description, all of them commented out at their defaults.
std::string example_config();
/// leaseledgerd.toml(5) as scdoc source.
std::string config_manual_page();
/// docs/configuration.md.
std::string config_markdown();
/// "LEASELEDGERD_LISTEN_TLS" for "listen.tls".
std::string environment_name(std::string_view key);
/// "5s", "250ms": as it is written in the file.
std::string duration_text(std::chrono::milliseconds duration);
/// "64MiB", "1000".
std::string size_text(std::uint64_t bytes);

}  // namespace leaseledger::daemon
