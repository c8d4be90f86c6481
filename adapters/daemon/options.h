#pragma once
// The command line of leaseledgerd.
// Flow: tools/daemon/main.cc -> [options.h] -> config.h

#include "adapters/daemon/config.h"

#include <string>
#include <variant>

namespace leaseledger::daemon {

/// Run the daemon with these values.
struct RunConfig {
  Config config;
  /// Where it came from: read_config(inputs) reads it again, as SIGHUP asks for.
  ConfigInputs inputs;
};

/// There is nothing to run: print and leave.
struct ExitNow {
  int code = 0;  ///< 0, or 2 for a command line or configuration that is wrong.
  std::string standard_output;
  std::string standard_error;
  /// Writes both where they belong and returns the code.
  int finish() const;
};

using CommandLine = std::variant<RunConfig, ExitNow>;

/// --help, --version, --check-config, --print-config, and everything that is wrong with arguments, environment or file are an
/// ExitNow. --check-config prints the values in effect with their sources and leaves with 0, or the problems and 2.
CommandLine parse_command_line(int argc, const char* const* argv);

/// leaseledgerd(8) as scdoc source, made by walking the options.
std::string daemon_manual_page();

}  // namespace leaseledger::daemon
