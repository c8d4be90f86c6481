#include "adapters/kea_hook/options.h"

#include <fstream>
#include <functional>
#include <limits>

namespace leaseledger::kea_hook {
namespace {

using Kind = Parameter::Kind;

/// Stores the text of a parameter; what would be right when it cannot.
using Reader = std::function<std::string(const Parameter&, Options&)>;

Reader text(std::string Options::*member, const char* expected, bool (*good)(const std::string&)) {
  return [member, expected, good](const Parameter& parameter, Options& options) -> std::string {
    if (parameter.kind != Kind::kText || !good(parameter.text)) return expected;
    options.*member = parameter.text;
    return "";
  };
}

template <typename T>
Reader number(T Options::*member, std::uint64_t low, std::uint64_t high) {
  return [member, low, high](const Parameter& parameter, Options& options) -> std::string {
    const std::string expected =
        "a number from " + std::to_string(low) + " to " + std::to_string(high);
    if (parameter.kind != Kind::kNumber || parameter.text.empty() || parameter.text.size() > 18 ||
        parameter.text.find_first_not_of("0123456789") != std::string::npos)
      return expected;
    const std::uint64_t value = std::stoull(parameter.text);
    if (value < low || value > high) return expected;
    options.*member = static_cast<T>(value);
    return "";
  };
}

Reader choice(bool Options::*member, const char* yes, const char* no) {
  return [member, yes, no](const Parameter& parameter, Options& options) -> std::string {
    if (parameter.kind != Kind::kText || (parameter.text != yes && parameter.text != no))
      return std::string("\"") + yes + "\" or \"" + no + "\"";
    options.*member = parameter.text == yes;
    return "";
  };
}

bool is_url(const std::string& value) {
  return value.rfind("http://", 0) == 0 || value.rfind("https://", 0) == 0;
}
bool is_path(const std::string& value) { return !value.empty() && value.front() == '/'; }
bool is_name(const std::string& value) {
  return !value.empty() && value.size() <= 64 && value.find(':') == std::string::npos;
}
bool is_something(const std::string& value) { return !value.empty() && value.size() <= 255; }

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all{
      {"url", text(&Options::url, "a URL such as \"http://127.0.0.1:8548/\"", is_url)},
      {"user", text(&Options::user, "a name of 1 to 64 octets without a colon", is_name)},
      {"password", text(&Options::password, "text of 1 to 255 octets", is_something)},
      {"password-file", text(&Options::password_file, "an absolute path", is_path)},
      {"ca-file", text(&Options::ca_file, "an absolute path", is_path)},
      {"cert-file", text(&Options::cert_file, "an absolute path", is_path)},
      {"key-file", text(&Options::key_file, "an absolute path", is_path)},
      {"server", text(&Options::server, "a name of 1 to 64 octets without a colon", is_name)},
      {"durability", choice(&Options::before_reply, "before-reply", "async")},
      {"on-outage", choice(&Options::carry_on, "carry-on", "refuse")},
      {"queue-limit", number(&Options::queue_limit, 1, 10'000'000)},
      {"spool-file", text(&Options::spool_file, "an absolute path", is_path)},
      {"spool-limit", number(&Options::spool_limit, 4096, std::uint64_t{1} << 40)},
      {"timeout", number(&Options::timeout_ms, 10, 600'000)},
      {"batch", number(&Options::batch, 1, 4096)},
      {"ha-partner", choice(&Options::report_ha_partner, "report", "skip")},
  };
  return all;
}

}  // namespace

Options read_options(const std::map<std::string, Parameter>& parameters,
                     std::vector<std::string>& problems) {
  Options out;
  for (const auto& [name, value] : parameters) {
    const auto reader = readers().find(name);
    if (reader == readers().end()) {
      std::string names;
      for (const auto& [known, unused] : readers()) names += (names.empty() ? "" : ", ") + known;
      problems.push_back(name + ": not a parameter of this library; there are " + names);
      continue;
    }
    const std::string expected = reader->second(value, out);
    if (!expected.empty()) {
      const bool secret = name == "password";
      problems.push_back(name + " '" + (secret ? "(not shown)" : value.text) + "': " + expected);
    }
  }
  if (!out.password.empty() && !out.password_file.empty())
    problems.push_back("password: either password or password-file");
  if (!out.password_file.empty()) {
    std::ifstream in(out.password_file);
    if (!in || !std::getline(in, out.password) || out.password.empty())
      problems.push_back("password-file '" + out.password_file +
                         "': a file whose first line is the password, which Kea can read");
  }
  if (out.user.empty() != out.password.empty())
    problems.push_back("user '" + out.user + "': a user together with a password");
  if (out.cert_file.empty() != out.key_file.empty())
    problems.push_back("cert-file '" + out.cert_file + "': together with key-file");
  return out;
}

}  // namespace leaseledger::kea_hook
