#include "adapters/daemon/config.h"

#include "adapters/daemon/config_options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <toml++/toml.h>
#include <tuple>
#include <unistd.h>

namespace leaseledger::daemon {
namespace {

constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 20;
constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un, with its final zero

class Reader {
 public:
  explicit Reader(const ConfigInputs& inputs) : inputs_(inputs) {}

  Checked<Config> read() {
    if (inputs_.file) read_file(*inputs_.file);
    read_environment();
    for (const Override& each : inputs_.flags) set_from_text(each.key, each.value, each.source);
    // Values that could not be taken would be blamed a second time for not going together.
    if (problems_.empty()) check_together();
    if (problems_.empty()) return std::move(config_);
    return tl::unexpected(ConfigProblems{std::move(problems_)});
  }

 private:
  void problem(std::string where, std::string key, std::string value, std::string expected) {
    problems_.push_back({std::move(where), std::move(key), std::move(value), std::move(expected)});
  }

  // ---- the file ----

  void read_file(const std::filesystem::path& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (status.type() == std::filesystem::file_type::not_found && inputs_.file_may_be_missing)
      return;
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!std::filesystem::is_regular_file(status) || !in) {
      const char* why = std::filesystem::is_directory(status) ? "a directory"
                        : errno == EACCES                     ? "not readable by this user"
                        : !std::filesystem::exists(status)    ? "not there"
                                                              : "not a file";
      return problem(file.string(), "", why,
                     "a configuration file; leaseledgerd --print-config writes an example");
    }
    if (std::filesystem::file_size(file, error) > kLargestFile)
      return problem(file.string(), "", "more than 1 MiB", "a configuration file");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    try {
      read_root(toml::parse(text, file.string()));
    } catch (const toml::parse_error& bad) {
      problem(place(bad.source()), "", "", std::string(bad.description()));
    }
    std::ranges::stable_sort(problems_, {}, [this](const ConfigProblem& each) {
      const auto found = order_.find(each.where);
      return found == order_.end() ? std::tuple(0U, 0U) : found->second;
    });
  }

  std::string place(const toml::source_region& region) {
    const std::string where = inputs_.file->string() + ":" + std::to_string(region.begin.line) +
                              ":" + std::to_string(region.begin.column);
    order_[where] = {region.begin.line, region.begin.column};
    return where;
  }

  /// What the file has there, shortly.
  static std::string as_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    if (const auto* array = node.as_array()) {
      std::string out;
      for (const auto& each : *array) out += (out.empty() ? "" : ", ") + as_text(each);
      return "[" + out + "]";
    }
    if (node.is_table()) return "a table";
    if (node.is_floating_point()) return "a number with a decimal point";
    return "a date or time";
  }

  void read_root(const toml::table& root) {
    std::vector<std::string> sections;
    for (const Option& option : options())
      if (sections.empty() || sections.back() != option.section)
        sections.emplace_back(option.section);
    for (const auto& [name, node] : root) {
      const std::string section(name.str());
      if (std::ranges::find(sections, section) == sections.end()) {
        unknown(name.source(), section, section, sections, "section");
      } else if (const auto* table = node.as_table()) {
        read_section(section, *table);
      } else {
        problem(place(name.source()), section, as_text(node), "a section: [" + section + "]");
      }
    }
  }

  void unknown(const toml::source_region& source, const std::string& key, const std::string& name,
               std::span<const std::string> known, const std::string& what) {
    std::string names;
    for (const auto& each : known) names += (names.empty() ? "" : ", ") + each;
    const std::string near = nearest(name, known);
    std::string expected = "not a " + what + " of leaseledgerd; ";
    // A name that is right in another section has been put in the wrong one.
    std::string elsewhere;
    for (const Option& option : options())
      if (what == "key" && near.empty() && name == option.key)
        elsewhere += (elsewhere.empty() ? "" : " or [") + std::string(option.section) + "]";
    if (!near.empty()) {
      expected += "did you mean " + near + "?";
    } else if (!elsewhere.empty()) {
      expected += "it belongs into [" + elsewhere;
    } else {
      expected += "there are " + names;
    }
    problem(place(source), key, "", expected);
  }

  void read_section(const std::string& section, const toml::table& table) {
    std::vector<std::string> keys;
    for (const Option& option : options())
      if (option.section == section) keys.emplace_back(option.key);
    for (const ListSection& list : list_sections())
      if (list.section == section) keys.emplace_back(list.key);
    for (const auto& [name, node] : table) {
      const std::string key = section + "." + std::string(name.str());
      const auto list = std::ranges::find(list_sections(), key, &ListSection::name);
      if (list != list_sections().end()) {
        read_list(*list, node);
      } else if (const Option* option = find_option(key)) {
        read_value(*option, node);
      } else {
        unknown(name.source(), key, std::string(name.str()), keys, "key");
      }
    }
  }

  void read_value(const Option& option, const toml::node& node) {
    const std::string where = place(node.source());
    const auto raw = raw_of(node);
    if (!raw || !assign(option, *raw, config_)) {
      problem(where, option.name(), as_text(node), expected_value(option));
    } else {
      config_.sources[option.name()] = where;
    }
  }

  static std::optional<RawValue> raw_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& each : *array) {
      if (!each.is_string()) return std::nullopt;
      names.push_back(each.as_string()->get());
    }
    return names;
  }

  // ---- [[tls.principal]] and the like ----

  void read_list(const ListSection& list, const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr ||
        !std::ranges::all_of(*array, [](const auto& e) { return e.is_table(); }))
      return problem(place(node.source()), list.name(), as_text(node),
                     "sections of their own: [[" + list.name() + "]]");
    config_.sources[list.name()] = place(node.source());
    for (const auto& each : *array) read_entry(list, *each.as_table());
  }

  void read_entry(const ListSection& list, const toml::table& table) {
    std::vector<std::string> known;
    for (const EntryKey& key : list.keys) known.emplace_back(key.name);
    list.add(config_);
    for (const auto& [name, node] : table) {
      const std::string key = list.name() + "." + std::string(name.str());
      if (std::ranges::find(known, name.str()) == known.end()) {
        unknown(name.source(), key, std::string(name.str()), known, "key");
        continue;
      }
      const std::string wrong =
          node.is_string() ? list.set(config_, name.str(), node.as_string()->get()) : "text";
      if (!wrong.empty()) problem(place(node.source()), key, as_text(node), wrong);
    }
    for (const EntryKey& key : list.keys) {
      if (key.missing != nullptr && !table.contains(key.name))
        problem(place(table.source()), list.name() + "." + key.name, "", key.missing);
    }
    if (const auto [key, value, expected] = list.finish(config_); !expected.empty())
      problem(place(table.source()), list.name() + (key.empty() ? "" : "." + key), value, expected);
  }

  // ---- environment and flags ----

  void read_environment() {
    for (const Option& option : options()) {
      const std::string name = environment_name(option.name());
      const char* value =
          inputs_.environment ? inputs_.environment(name.c_str()) : std::getenv(name.c_str());
      if (value != nullptr) set_from_text(option.name(), value, "environment " + name);
    }
    if (!inputs_.environment) look_for_unknown_variables();
  }

  /// A misspelt variable would otherwise do nothing, silently.
  void look_for_unknown_variables() {
    std::vector<std::string> known;
    for (const Option& option : options()) known.push_back(environment_name(option.name()));
    for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
      const std::string_view variable(*each);
      const std::string name(variable.substr(0, variable.find('=')));
      if (!name.starts_with("LEASELEDGERD_") || std::ranges::find(known, name) != known.end())
        continue;
      const std::string near = nearest(name, known);
      problem("environment " + name, "", "",
              "not a key of leaseledgerd" + (near.empty() ? "" : "; did you mean " + near + "?"));
    }
  }

  void set_from_text(const std::string& key, const std::string& value, const std::string& source) {
    const Option* option = find_option(key);
    if (option == nullptr) {
      std::vector<std::string> names;
      for (const Option& each : options()) names.push_back(each.name());
      const std::string near = nearest(key, names);
      return problem(source, key, "",
                     "not a key of leaseledgerd" +
                         (near.empty() ? "; leaseledgerd --print-config shows them all"
                                       : "; did you mean " + near + "?"));
    }
    if (!assign(*option, raw_value(*option, value), config_)) {
      problem(source, key, value, expected_value(*option));
    } else {
      config_.sources[key] = source;
    }
  }

  // ---- values that have to go together ----

  std::string source_of(const std::string& key) const {
    const auto found = config_.sources.find(key);
    return found == config_.sources.end() ? "default" : found->second;
  }

  void check_together() {
    if (config_.listen.unix_path.size() > kLongestSocketPath)
      problem(source_of("listen.unix"), "listen.unix", config_.listen.unix_path,
              "a path of at most 107 octets, which is what a socket address can hold");
    if (!config_.listen.tls.empty()) {
      for (const auto& [key, path] : {std::pair("tls.certificate", &config_.tls.certificate),
                                      std::pair("tls.key", &config_.tls.key),
                                      std::pair("tls.client_ca", &config_.tls.client_ca)}) {
        std::error_code error;
        if (path->empty()) {
          problem(source_of("listen.tls"), key, "",
                  "a PEM file, because listen.tls is '" + config_.listen.tls + "'");
        } else if (!std::filesystem::exists(*path, error) && !error) {
          problem(source_of(key), key, path->string(), "a file that is there");
        }
      }
    }
    check_kea();
    const auto& backup = config_.backup.directory;
    if (!backup.empty()) {
      const auto inside =
          backup.lexically_normal().lexically_relative(config_.ledger.directory.lexically_normal());
      if (!inside.empty() && *inside.begin() != "..")
        problem(source_of("backup.directory"), "backup.directory", backup.string(),
                "a directory outside of the ledger's, " + config_.ledger.directory.string());
    }
  }

  void check_kea() {
    const auto& kea = config_.kea;
    if (kea.unix_path.size() > kLongestSocketPath)
      problem(source_of("kea.unix"), "kea.unix", kea.unix_path,
              "a path of at most 107 octets, which is what a socket address can hold");
    for (const auto& [key, path] :
         {std::pair("kea.certificate", &kea.certificate), std::pair("kea.key", &kea.key),
          std::pair("kea.client_ca", &kea.client_ca)}) {
      std::error_code error;
      if (!path->empty() && !std::filesystem::exists(*path, error) && !error)
        problem(source_of(key), key, path->string(), "a file that is there");
    }
    if (kea.certificate.empty() != kea.key.empty())
      problem(source_of(kea.key.empty() ? "kea.certificate" : "kea.key"),
              kea.key.empty() ? "kea.key" : "kea.certificate", "",
              "a PEM file, because the other of kea.certificate and kea.key is given");
    if (!kea.client_ca.empty() && kea.certificate.empty())
      problem(source_of("kea.client_ca"), "kea.certificate", "",
              "a PEM file, because kea.client_ca is given");
    if (kea.http.empty() || kea.anonymous != "none" || !kea.client_ca.empty()) return;
    if (kea.clients.empty())
      problem(source_of("kea.http"), "kea.client", "",
              "at least one [[kea.client]], because kea.http is '" + kea.http +
                  "'; otherwise nobody could use it");
  }

  const ConfigInputs& inputs_;
  Config config_;
  std::vector<ConfigProblem> problems_;
  std::map<std::string, std::tuple<toml::source_index, toml::source_index>> order_;
};

}  // namespace

std::string ConfigProblem::to_string() const {
  std::string out = where;
  if (!key.empty()) out += ": " + key;
  if (!value.empty()) out += (key.empty() ? ": '" : " '") + value + "'";
  return out + ": " + expected;
}

std::string ConfigProblems::to_string() const {
  std::string out;
  for (const ConfigProblem& each : problems) out += each.to_string() + "\n";
  return out;
}

Checked<Config> read_config(const ConfigInputs& inputs) { return Reader(inputs).read(); }

std::vector<std::string> changed_keys(const Config& before, const Config& after) {
  std::vector<std::string> out;
  for (const Option& option : options())
    if (value_text(option, before) != value_text(option, after)) out.push_back(option.name());
  for (const ListSection& list : list_sections())
    if (!list.equal(before, after)) out.push_back(list.name());
  return out;
}

bool is_reloadable(std::string_view key) {
  const auto list = std::ranges::find(list_sections(), key, &ListSection::name);
  if (list != list_sections().end()) return list->reloadable;
  const Option* option = find_option(key);
  return option != nullptr && option->reloadable;
}

std::string environment_name(std::string_view key) {
  std::string out = "LEASELEDGERD_";
  for (const char c : key)
    out += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

}  // namespace leaseledger::daemon
