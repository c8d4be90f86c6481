#pragma once
// The table of options of leaseledgerd.toml, and how one value is read and written.
// Flow: [config_options.h] -> config.cc (the reader), config_text.cc (what is printed)

#include "adapters/daemon/config.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace leaseledger::daemon {

/// Where a value is held; the kind of the option narrows what may stand there.
using Slot =
    std::variant<std::string*, std::filesystem::path*, bool*, std::uint64_t*, std::uint32_t*,
                 std::chrono::milliseconds*, std::vector<std::string>*, Ipv6Address*>;

enum class OptionKind {
  kText,      ///< any text without control characters, low to high octets.
  kPath,      ///< an absolute path; "" when `low` is 0.
  kEndpoint,  ///< "HOST:PORT" or "".
  kFlag,      ///< true or false.
  kCount,     ///< an integer.
  kSize,      ///< octets: an integer or "64MiB".
  kDuration,  ///< "250ms"; the range is in milliseconds.
  kMode,      ///< "0660".
  kAddress,   ///< an IPv6 address.
  kNames,     ///< a list of texts, each without blanks.
  kWord,      ///< one of `words`.
};

struct Option {
  const char* section;
  const char* key;
  OptionKind kind;
  std::uint64_t low;  ///< inclusive range of numbers, durations and lengths.
  std::uint64_t high;
  bool reloadable;          ///< a new value takes effect on SIGHUP.
  const char* words;        ///< kWord: "text, journal".
  const char* description;  ///< sentences, each with its full stop.
  Slot (*slot)(Config&);

  std::string name() const { return std::string(section) + "." + key; }
};

/// Every option, by section, in the order in which they are printed.
std::span<const Option> options();
const Option* find_option(std::string_view name);

/// What stands in front of the section's options in what is printed.
std::string_view section_description(std::string_view section);

/// A value as TOML has it.
using RawValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
/// Stores the value, or leaves `config` as it is and returns false.
bool assign(const Option& option, const RawValue& value, Config& config);
/// A value that was given as text, outside the file.
RawValue raw_value(const Option& option, std::string_view text);
/// "a size such as 64MiB, from 1MiB to 1GiB": what assign() takes.
std::string expected_value(const Option& option);
/// "size": for tables.
std::string type_name(const Option& option);
/// The value as TOML: "\"16MiB\"".
std::string value_text(const Option& option, const Config& config);
/// A TOML string.
std::string toml_text(std::string_view text);

/// A key of a section that may stand several times. Every value of these is text.
struct EntryKey {
  const char* name;
  const char* type;
  const char* example;      ///< as TOML.
  const char* description;  ///< sentences, each with its full stop.
  const char* missing;      ///< what is said when it is not given; nullptr: it need not be.
  bool instead = false;     ///< given instead of another one, so not in the example.
};

/// A section that may stand several times: [[tls.principal]].
struct ListSection {
  const char* section;
  const char* key;
  const char* description;
  bool reloadable;
  std::span<const EntryKey> keys;
  void (*add)(Config&);  ///< one more entry, of which the following are about.
  /// "" when it was stored; otherwise what would be right.
  std::string (*set)(Config&, std::string_view key, const std::string& text);
  struct Fault {
    std::string key;
    std::string value;
    std::string expected;  ///< "": there is none.
  };
  /// Called behind the last key of an entry: what does not go together, or stood before.
  Fault (*finish)(Config&);
  /// Every entry as (key, value as TOML); passwords are left out.
  std::vector<std::vector<std::pair<std::string, std::string>>> (*entries)(const Config&);
  bool (*equal)(const Config&, const Config&);

  std::string name() const { return std::string(section) + "." + key; }
};
/// Those that come behind the options of their section.
std::span<const ListSection> list_sections();
/// The role of that name.
std::optional<Role> role_of(std::string_view text);

/// The candidate that is nearest to a misspelt name; "" when none is near.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace leaseledger::daemon
