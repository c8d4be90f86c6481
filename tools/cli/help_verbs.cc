// completion and man: both are made by walking the program's own options, so they cannot say anything else than --help does.

#include "tools/cli/context.h"
#include "tools/cli/options.h"

#include <algorithm>
#include <fstream>
#include <sys/stat.h>

namespace leaseledger::cli {
namespace {

std::vector<CLI::App*> verbs_of(CLI::App* app) {
  auto verbs = app->get_subcommands([](CLI::App*) { return true; });
  std::erase_if(verbs, [](CLI::App* verb) { return verb->get_name().empty(); });
  return verbs;
}

/// "--name" and "-o" of each option that is no positional argument.
std::vector<std::string> flags_of(CLI::App* app) {
  std::vector<std::string> out;
  for (CLI::Option* option : app->get_options()) {
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
    for (const auto& name : option->get_snames()) out.push_back("-" + name);
  }
  std::ranges::sort(out);
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// Calls `visit(path, app)` for the program and every verb below it; path is "subnet create".
template <typename Visit>
void walk(CLI::App* app, const std::string& path, Visit visit) {
  visit(path, app);
  for (CLI::App* verb : verbs_of(app))
    walk(verb, path.empty() ? verb->get_name() : path + " " + verb->get_name(), visit);
}

std::string bash_completion(CLI::App* root) {
  std::string out =
      "# bash completion of leaseledger, made by 'leaseledger completion bash'\n"
      "_leaseledger() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n";
  walk(root, "", [&](const std::string& path, CLI::App*) {
    if (!path.empty())
      out += "      \"" + (path.find(' ') == std::string::npos ? " " + path : path) +
             "\") path=\"" + path + "\" ;;\n";
  });
  out += "    esac\n  done\n  local words=\"\"\n  case \"$path\" in\n";
  walk(root, "", [&](const std::string& path, CLI::App* app) {
    auto words = flags_of(app);
    for (CLI::App* verb : verbs_of(app)) words.push_back(verb->get_name());
    out += "    \"" + path + "\") words=\"" + joined(words) + "\" ;;\n";
  });
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "}\n"
         "complete -F _leaseledger leaseledger\n";
}

std::string zsh_completion(CLI::App* root) {
  return "#compdef leaseledger\nautoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(root);
}

std::string fish_completion(CLI::App* root) {
  const auto quoted = [](std::string text) {
    std::string out;
    for (const char c : text) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    return "'" + out + "'";
  };
  std::string out = "# fish completion of leaseledger, made by 'leaseledger completion fish'\n";
  walk(root, "", [&](const std::string& path, CLI::App* app) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition.clear();
      std::string rest = path;
      for (std::size_t space; !rest.empty();
           rest = space == std::string::npos ? "" : rest.substr(space + 1)) {
        space = rest.find(' ');
        condition += (condition.empty() ? "" : "; and ") +
                     ("__fish_seen_subcommand_from " + rest.substr(0, space));
      }
    }
    for (CLI::App* verb : verbs_of(app)) {
      out += "complete -c leaseledger -f -n " + quoted(condition) + " -a " + verb->get_name() +
             " -d " + quoted(verb->get_description()) + "\n";
    }
    for (CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) {
        out += "complete -c leaseledger " + (path.empty() ? "" : "-n " + quoted(condition)) +
               " -l " + name + " -d " + quoted(option->get_description()) + "\n";
      }
    }
  });
  return out;
}

/// Text of scdoc, in which \ * _ are special.
std::string scd(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '*' || c == '_' || c == '<' || c == '>' || c == '#' || c == '~')
      out += '\\';
    out += c;
  }
  return out;
}

std::string man_page(CLI::App* root, const std::string& path, CLI::App* app) {
  std::string name = "leaseledger";
  for (const char c : path.empty() ? "" : "-" + path) name += c == ' ' ? '-' : c;
  const std::string command = path.empty() ? "leaseledger" : "leaseledger " + path;
  std::string out = name + "(1)\n\n# NAME\n\n" + name + " - " +
                    scd(app->get_description().substr(0, app->get_description().find('\n'))) +
                    "\n\n# SYNOPSIS\n\n*" + command + "*";
  std::vector<CLI::Option*> positionals;
  std::vector<CLI::Option*> options;
  for (CLI::Option* option : app->get_options()) {
    (option->get_positional() ? positionals : options).push_back(option);
  }
  for (CLI::Option* option : positionals)
    out += option->get_required() ? " " + scd(option->get_name(true))
                                  : " [" + scd(option->get_name(true)) + "]";
  if (!options.empty()) out += " [OPTIONS]";
  if (!verbs_of(app).empty()) out += " VERB ...";
  out += "\n\n# DESCRIPTION\n\n" + scd(app->get_description()) + ".\n";
  if (!positionals.empty()) {
    out += "\n# ARGUMENTS\n";
    for (CLI::Option* option : positionals)
      out += "\n*" + scd(option->get_name(true)) + "*\n\t" + scd(option->get_description()) + "\n";
  }
  if (!options.empty()) {
    out += "\n# OPTIONS\n";
    for (CLI::Option* option : options) {
      std::string names;
      for (const auto& each : option->get_snames())
        names += (names.empty() ? "*-" : ", *-") + each + "*";
      for (const auto& each : option->get_lnames())
        names += (names.empty() ? "*--" : ", *--") + scd(each) + "*";
      if (option->get_type_size() != 0) names += " " + scd(option->get_type_name());
      std::string text = scd(option->get_description());
      if (!option->get_envname().empty())
        text += " (environment: " + scd(option->get_envname()) + ")";
      out += "\n" + names + "\n\t" + text + "\n";
    }
  }
  if (const auto verbs = verbs_of(app); !verbs.empty()) {
    out += "\n# VERBS\n";
    for (CLI::App* verb : verbs)
      out += "\n*" + scd(verb->get_name()) + "*\n\t" + scd(verb->get_description()) + "\n";
  }
  if (const std::string footer = app->get_footer(); !footer.empty()) {
    const bool examples = footer.starts_with("Examples:\n");
    out += std::string(examples ? "\n# EXAMPLES" : "\n# NOTES") + "\n\n```\n" +
           footer.substr(examples ? footer.find('\n') + 1 : 0) + "\n```\n";
  }
  out += "\n# SEE ALSO\n\n" +
         (path.empty() ? std::string("docs/operating.md") : "*leaseledger*(1)") + "\n";
  (void)root;
  return out;
}

}  // namespace

void add_help_verbs(CLI::App& app, Context& context) {
  auto* completion =
      app.add_subcommand("completion", "Shell completion; put it where your shell looks");
  auto shell = text(completion, "SHELL", "bash, zsh or fish");
  on(completion, context, [&app, shell]() -> Result<int> {
    if (*shell == "bash") {
      std::fputs(bash_completion(&app).c_str(), stdout);
    } else if (*shell == "zsh") {
      std::fputs(zsh_completion(&app).c_str(), stdout);
    } else if (*shell == "fish") {
      std::fputs(fish_completion(&app).c_str(), stdout);
    } else {
      return invalid("SHELL", *shell, "bash, zsh or fish");
    }
    return kOk;
  });
  example(completion, "leaseledger completion bash > /etc/bash_completion.d/leaseledger");

  auto* man = app.add_subcommand(
      "man", "Manual pages as scdoc source, one file for each verb, into a directory");
  auto folder = text(man, "DIR", "Directory, made when it is not there");
  on(man, context, [&app, folder]() -> Result<int> {
    std::error_code error;
    std::filesystem::create_directories(*folder, error);
    Status status;
    walk(&app, "", [&](const std::string& path, CLI::App* verb) {
      std::string name = path.empty() ? "leaseledger" : "leaseledger-" + path;
      std::ranges::replace(name, ' ', '-');
      std::ofstream out(std::filesystem::path(*folder) / (name + ".1.scd"));
      out << man_page(&app, path, verb);
      if (!out)
        status = fail(Win32::kWriteFault, ErrorKind::kIo, "DIR", *folder,
                      "a directory that can be written to");
    });
    LEASELEDGER_TRY(status);
    return kOk;
  });
  example(man, "leaseledger man /tmp/man && scdoc < /tmp/man/leaseledger-who.1.scd | man -l -");
}

}  // namespace leaseledger::cli
