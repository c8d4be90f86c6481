#include "adapters/daemon/options.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace leaseledger::daemon {
namespace {

constexpr int kUsage = 2;

/// Where the parser puts what it reads.
struct Arguments {
  std::string config = kDefaultConfigFile;
  std::string ledger;
  std::vector<std::string> set;
  bool check = false;
  bool print = false;
};

std::unique_ptr<CLI::App> make_app(Arguments& arguments) {
  auto app = std::make_unique<CLI::App>(
      "Serves a ledger of DHCPv6 leases to programs on this machine and, with TLS, elsewhere",
      "leaseledgerd");
  app->set_version_flag("--version", "leaseledgerd " LEASELEDGER_VERSION);
  app->add_option("--config", arguments.config,
                  "The configuration file; without it " + std::string(kDefaultConfigFile) +
                      ", if that is there")
      ->type_name("FILE");
  app->add_option("--ledger", arguments.ledger,
                  "The directory of the ledger, instead of ledger.directory")
      ->type_name("DIR");
  app->add_option("--set", arguments.set,
                  "One option of the configuration file, such as log.level=debug; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* check = app->add_flag(
      "--check-config", arguments.check,
      "Print the values in effect with where each comes from, or all that is wrong, and leave");
  app->add_flag("--print-config", arguments.print,
                "Print an example configuration file with every option, and leave")
      ->excludes(check);
  app->footer(
      "Signals: SIGTERM and SIGINT stop in order, SIGHUP reads the configuration again.\n"
      "Exit codes: 0 stopped in order, 1 could not start or did not end in order (the last message "
      "says why), 2 command line or configuration is wrong.\n"
      "Examples:\n"
      "  leaseledgerd --check-config\n"
      "  leaseledgerd --ledger /srv/leases --set listen.unix=/tmp/leaseledgerd.sock "
      "--set log.level=debug");
  return app;
}

ExitNow wrong(const std::string& text) {
  return {.code = kUsage, .standard_error = "leaseledgerd: " + text + "\n"};
}

std::string scd(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\*_<>#~[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

int ExitNow::finish() const {
  std::fputs(standard_output.c_str(), stdout);
  std::fputs(standard_error.c_str(), stderr);
  // A full disk behind standard output must not look like success.
  if (std::fflush(stdout) != 0) return 1;
  return code;
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  Arguments arguments;
  const auto app = make_app(arguments);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app->exit(error, out, err);
    return ExitNow{code == 0 ? 0 : kUsage, out.str(), err.str()};
  }
  if (arguments.print) return ExitNow{.standard_output = example_config()};

  RunConfig run;
  run.inputs.file = arguments.config;
  run.inputs.file_may_be_missing = app->count("--config") == 0;
  for (const std::string& each : arguments.set) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos)
      return wrong("--set '" + each + "': KEY=VALUE, such as log.level=debug");
    run.inputs.flags.push_back(
        {each.substr(0, equals), each.substr(equals + 1), "--set " + each.substr(0, equals)});
  }
  if (app->count("--ledger") > 0) {
    // Where the daemon runs later need not be where it was started.
    std::error_code error;
    const auto absolute = std::filesystem::absolute(arguments.ledger, error);
    run.inputs.flags.push_back(
        {"ledger.directory", error ? arguments.ledger : absolute.string(), "--ledger"});
  }
  auto config = read_config(run.inputs);
  if (!config) {
    const std::size_t count = config.error().problems.size();
    return ExitNow{kUsage, "",
                   config.error().to_string() + "leaseledgerd: " + std::to_string(count) +
                       (count == 1 ? " problem" : " problems") + " with the configuration\n"};
  }
  if (arguments.check) return ExitNow{.standard_output = effective_config(*config)};
  run.config = std::move(*config);
  return run;
}

std::string daemon_manual_page() {
  Arguments arguments;
  const auto app = make_app(arguments);
  std::string out =
      "leaseledgerd(8)\n\n# NAME\n\nleaseledgerd - daemon of the DHCPv6 lease ledger\n\n# "
      "SYNOPSIS\n\n*leaseledgerd* \\[OPTIONS\\]\n\n# DESCRIPTION\n\n" +
      scd(app->get_description()) +
      ".\n\nIt has the directory of the ledger open, alone. Programs reach it through a "
      "Unix socket, where they are who the kernel says, or through TLS with client "
      "certificates: *leaseledger*(1) with --server, the C++ library, anything that "
      "speaks Cap'n Proto RPC. Without systemd it stays in the foreground and writes "
      "messages to standard error.\n\n# OPTIONS\n";
  for (CLI::Option* option : app->get_options()) {
    std::string names;
    for (const auto& each : option->get_snames())
      names += (names.empty() ? "*-" : ", *-") + each + "*";
    for (const auto& each : option->get_lnames())
      names += (names.empty() ? "*--" : ", *--") + scd(each) + "*";
    if (option->get_type_size() != 0) names += " " + scd(option->get_type_name());
    out += "\n" + names + "\n\t" + scd(option->get_description()) + "\n";
  }
  const std::string footer = app->get_footer();
  const std::size_t examples = footer.find("Examples:\n");
  std::string notes = footer.substr(0, examples);
  for (std::size_t at = 0; (at = notes.find('\n', at)) != std::string::npos; at += 2)
    notes.replace(at, 1, "\n\n");
  return out +
         "\n# ENVIRONMENT\n\n*LEASELEDGERD\\_SECTION\\_KEY*\n\tThe option *key* of \\[section\\], "
         "instead of what the file says: LEASELEDGERD\\_LOG\\_LEVEL=debug.\n\n# FILES\n\n*" +
         scd(kDefaultConfigFile) +
         "*\n\tThe configuration: *leaseledgerd.toml*(5).\n\n*/var/lib/leaseledger*\n\tThe "
         "ledger.\n\n*/run/leaseledger/leaseledgerd.sock*\n\tThe Unix socket.\n\n# NOTES\n\n" +
         scd(notes) + "# EXAMPLES\n\n```\n" + footer.substr(examples + 10) +
         "\n```\n\n# SEE ALSO\n\n*leaseledgerd.toml*(5), *leaseledger*(1)\n";
}

}  // namespace leaseledger::daemon
