#include "adapters/dhcpsapi/session.h"
#include "adapters/rpc/client.h"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace leaseledger::dhcpsapi {
namespace {

constexpr const char* kSystemIssuers = "/etc/ssl/certs/ca-certificates.crt";

/// What the environment says, or a file of that name in the user's configuration; "" when there is none: a server that is not
/// there is then still told from one that does not believe the caller.
std::string file_of(const char* variable, const char* name) {
  if (const char* path = secure_getenv(variable); path != nullptr && *path != 0) return path;
  const char* base = secure_getenv("XDG_CONFIG_HOME");
  const char* home = secure_getenv("HOME");
  std::filesystem::path path = base != nullptr && *base == '/' ? std::filesystem::path(base)
                               : home != nullptr ? std::filesystem::path(home) / ".config"
                                                 : std::filesystem::path();
  path = path / "leaseledger" / name;
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) ? path.string() : std::string();
}

}  // namespace

Result<std::shared_ptr<Service>> connect_to_daemon(const std::string& address) {
  using namespace std::chrono_literals;
  rpc::ClientOptions options;
  options.server = address;
  options.tool = "dhcpsapi";
  if (address.starts_with("tls:")) {
    options.ca_file = file_of("LEASELEDGER_CA_FILE", "ca.pem");
    if (options.ca_file.empty()) options.ca_file = kSystemIssuers;
    options.certificate_file = file_of("LEASELEDGER_CERT_FILE", "client.pem");
    options.key_file = file_of("LEASELEDGER_KEY_FILE", "client.key");
  }
  // Together below the 10 s that dhcpsapi.h promises.
  options.connect_timeout = 5s;
  options.retry_for = 4s;
  auto client = rpc::Client::connect(std::move(options));
  if (!client) {
    Error error = std::move(client).error();
    // Files that cannot be read or do not fit each other: the caller cannot say who he is.
    if (error.code == Win32::kInvalidParameter && error.field != "server")
      error.code = Win32::kAccessDenied;
    return tl::unexpected(std::move(error));
  }
  return std::shared_ptr<Service>(std::move(*client));
}

}  // namespace leaseledger::dhcpsapi
