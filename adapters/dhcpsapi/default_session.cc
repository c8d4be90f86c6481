#include "adapters/dhcpsapi/session.h"
#include "adapters/rpc/client.h"

#include <cstdlib>
#include <string>

namespace leaseledger::dhcpsapi {
namespace {

/// What the environment says, or a file of that name in the user's configuration.
std::string file_of(const char* variable, const char* name) {
  if (const char* path = secure_getenv(variable); path != nullptr && *path != 0) return path;
  if (const char* base = secure_getenv("XDG_CONFIG_HOME"); base != nullptr && *base == '/')
    return std::string(base) + "/leaseledger/" + name;
  const char* home = secure_getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.config/leaseledger/" + name;
}

}  // namespace

Result<std::shared_ptr<Service>> connect_to_daemon(const std::string& address) {
  using namespace std::chrono_literals;
  rpc::ClientOptions options;
  options.server = address;
  options.tool = "dhcpsapi";
  if (address.starts_with("tls:")) {
    options.ca_file = file_of("LEASELEDGER_CA_FILE", "ca.pem");
    options.certificate_file = file_of("LEASELEDGER_CERT_FILE", "client.pem");
    options.key_file = file_of("LEASELEDGER_KEY_FILE", "client.key");
  }
  // Together below the 10 s that dhcpsapi.h promises.
  options.connect_timeout = 5s;
  options.retry_for = 4s;
  auto client = rpc::Client::connect(std::move(options));
  if (!client) return tl::unexpected(std::move(client).error());
  return std::shared_ptr<Service>(std::move(*client));
}

}  // namespace leaseledger::dhcpsapi
