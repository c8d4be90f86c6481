// Writes what is made from the daemon's table of options: manual pages (scdoc source), the example configuration and
// docs/configuration.md. usage: leaseledgerd_manual DIR

#include "adapters/daemon/config.h"
#include "adapters/daemon/options.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: leaseledgerd_manual DIR\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto write = [&folder](const char* name, const std::string& text) {
    std::ofstream out(folder / name);
    out << text;
    out.close();
    if (!out) std::fprintf(stderr, "%s: cannot be written\n", (folder / name).c_str());
    return static_cast<bool>(out);
  };
  namespace daemon = leaseledger::daemon;
  return write("leaseledgerd.8.scd", daemon::daemon_manual_page()) &&
                 write("leaseledgerd.toml.5.scd", daemon::config_manual_page()) &&
                 write("leaseledgerd.toml", daemon::example_config()) &&
                 write("configuration.md", daemon::config_markdown())
             ? 0
             : 1;
}
