// What is printed about the configuration: the values in effect, an example, the manual page, the document.

#include "adapters/daemon/config.h"
#include "adapters/daemon/config_options.h"

#include <algorithm>
#include <ranges>

namespace leaseledger::daemon {
namespace {

/// In lines of at most `width` columns that begin with `prefix`.
std::string wrapped(std::string_view text, const std::string& prefix, std::size_t width = 100) {
  std::string out;
  std::string line = prefix;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (line.size() + 1 + end > width && line != prefix) {
      out += line + "\n";
      line = prefix;
    }
    if (line != prefix) line += ' ';
    line += text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out + line + "\n";
}

/// Calls `section(name)` once before the options of each section, `option(o)` for each, `after(name)` behind the last.
template <typename Section, typename Each, typename After>
void walk(Section section, Each each, After after) {
  const auto all = options();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string_view name = all[i].section;
    if (i == 0 || name != all[i - 1].section) section(name);
    each(all[i]);
    if (i + 1 == all.size() || name != all[i + 1].section) after(name);
  }
}

auto lists_of(std::string_view section) {
  return list_sections() |
         std::views::filter([section](const ListSection& l) { return l.section == section; });
}

std::string with_stop(std::string text) {
  text[0] = static_cast<char>(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
  return text + ".";
}

/// Text of scdoc, in which these characters are special.
std::string scd(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\*_<>#~[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// Text of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("|<>*_[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string effective_config(const Config& config) {
  const auto source = [&config](const std::string& key) {
    const auto found = config.sources.find(key);
    return found == config.sources.end() ? std::string("default") : found->second;
  };
  std::string out = "# The configuration in effect. After each value stands where it comes from.\n";
  walk([&out](std::string_view name) { out += "\n[" + std::string(name) + "]\n"; },
       [&](const Option& option) {
         std::string line = std::string(option.key) + " = " + value_text(option, config);
         line.resize(std::max<std::size_t>(line.size(), 44), ' ');
         out += line + "  # " + source(option.name()) + "\n";
       },
       [&](std::string_view name) {
         for (const ListSection& list : lists_of(name)) {
           for (const auto& entry : list.entries(config)) {
             out += "\n[[" + list.name() + "]]  # " + source(list.name()) + "\n";
             for (const auto& [key, value] : entry) out += key + " = " + value + "\n";
           }
         }
       });
  return out;
}

std::string example_config() {
  const Config defaults;
  std::string out =
      "# Configuration of leaseledgerd: every option at its default, made by 'leaseledgerd\n"
      "# --print-config'. See leaseledgerd.toml(5). 'leaseledgerd --check-config' reads this file\n"
      "# and says which values are in effect and where each comes from.\n";
  walk(
      [&out](std::string_view name) {
        out += "\n# " + std::string(section_description(name)) + "\n[" + std::string(name) + "]\n";
      },
      [&](const Option& option) {
        out += "\n" + wrapped(option.description, "# ") +
               wrapped(with_stop(type_name(option)), "# ") + "#" + option.key + " = " +
               value_text(option, defaults) + "\n";
      },
      [&out](std::string_view name) {
        for (const ListSection& list : lists_of(name)) {
          out += "\n" + wrapped(list.description, "# ") + "#[[" + list.name() + "]]\n";
          for (const EntryKey& key : list.keys)
            out += wrapped(key.description, "# ") + (key.instead ? "# " : "#") + key.name + " = " +
                   key.example + "\n";
        }
      });
  return out;
}

std::string config_manual_page() {
  const Config defaults;
  std::string out =
      "leaseledgerd.toml(5)\n\n# NAME\n\nleaseledgerd.toml - configuration of leaseledgerd\n\n"
      "# DESCRIPTION\n\n" +
      scd(kDefaultConfigFile) +
      " is read by *leaseledgerd*(8) when it starts, and again on SIGHUP. It is TOML. Every option "
      "has a default, so the file may be empty or absent. Unknown sections and keys are errors, "
      "and "
      "everything that is wrong is reported at once, with line and column.\n\n"
      "An option is overridden by the environment variable LEASELEDGERD\\_SECTION\\_KEY, and that "
      "by "
      "the command line (--set section.key=value). Lists are written with commas there.\n\n"
      "A size is a number of octets or a text such as \"64MiB\" (KiB, MiB, GiB, TiB). A duration "
      "is "
      "a number with its unit (ms, s, m, h, d), such as \"250ms\".\n";
  walk(
      [&out](std::string_view name) {
        out += "\n# SECTION " + std::string(name) + "\n\n" + scd(section_description(name)) + "\n";
      },
      [&](const Option& option) {
        out += "\n*" + scd(option.key) + "*\n\t" + scd(option.description) + "\n\t" +
               scd(with_stop(type_name(option))) +
               " Default: " + scd(value_text(option, defaults)) + "." +
               (option.reloadable ? " SIGHUP changes it." : "") + "\n";
      },
      [&out](std::string_view name) {
        for (const ListSection& list : lists_of(name)) {
          out += "\n# SECTIONS " + list.name() + "\n\n" + scd(list.description) +
                 (list.reloadable ? " SIGHUP changes them.\n" : "\n");
          for (const EntryKey& key : list.keys)
            out += "\n*" + scd(key.name) + "*\n\t" + scd(key.description) + "\n\t" +
                   scd(with_stop(key.type)) + " Example: " + scd(key.example) + ".\n";
        }
      });
  return out + "\n# SEE ALSO\n\n*leaseledgerd*(8), *leaseledger*(1)\n";
}

std::string config_markdown() {
  const Config defaults;
  std::string out =
      "# Configuration of leaseledgerd\n\nMade from the table in "
      "adapters/daemon/config_options.cc, as "
      "are the manual page leaseledgerd.toml(5) and\n`leaseledgerd --print-config`; a test "
      "compares "
      "(`cmake --build --preset dev --target configuration_document` writes it again).\n\n"
      "`/etc/leaseledger/leaseledgerd.toml`, or `--config FILE`, is TOML. Every option has a "
      "default, "
      "so the file may be empty or absent. A later one of\ndefault, file, environment "
      "(`LEASELEDGERD_SECTION_KEY`) and command line (`--set section.key=value`) decides. "
      "`leaseledgerd "
      "--check-config`\nprints the values in effect, each with its source, or everything that is "
      "wrong "
      "with line and column.\n\n"
      "Sizes are octets or texts such as `\"64MiB\"`, durations have a unit: `\"250ms\"`, "
      "`\"5s\"`, "
      "`\"10m\"`, `\"2h\"`, `\"1d\"`. Options marked with ↻ are\nread again on SIGHUP "
      "(`systemctl reload leaseledgerd`); the others need a restart.\n";
  walk(
      [&out](std::string_view name) {
        out += "\n## [" + std::string(name) + "]\n\n" + std::string(section_description(name)) +
               "\n\n| key | default | type | meaning |\n| --- | --- | --- | --- |\n";
      },
      [&](const Option& option) {
        out += "| `" + std::string(option.key) + "`" + (option.reloadable ? " ↻" : "") + " | `" +
               value_text(option, defaults) + "` | " + cell(type_name(option)) + " | " +
               cell(option.description) + " |\n";
      },
      [&out](std::string_view name) {
        for (const ListSection& list : lists_of(name)) {
          out += "\n### [[" + list.name() + "]]" + (list.reloadable ? " ↻" : "") + "\n\n" +
                 list.description +
                 "\n\n| key | example | type | meaning |\n| --- | --- | --- | --- |\n";
          for (const EntryKey& key : list.keys)
            out += "| `" + std::string(key.name) + "` | `" + key.example + "` | " + cell(key.type) +
                   " | " + cell(key.description) + " |\n";
        }
      });
  return out;
}

}  // namespace leaseledger::daemon
