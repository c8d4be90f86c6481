#include "adapters/dhcpsapi/session.h"

#include "adapters/dhcpsapi/result_block.h"
#include "adapters/dhcpsapi/text.h"
#include "adapters/rpc/client.h"

#include <algorithm>
#include <cstdlib>
#include <pthread.h>
#include <unordered_map>
#include <vector>

namespace leaseledger::dhcpsapi {
namespace {

/// One server. Its own mutex: a server that does not answer delays only those who ask for it.
struct Kept {
  std::mutex connecting;
  std::shared_ptr<Session> session;
};

struct Cache {
  std::mutex mutex;
  SessionFactory factory;
  std::unordered_map<std::string, std::shared_ptr<Kept>> kept;
  bool after_fork = false;
  /// Sessions of the parent process: their threads are not here, so they are neither used nor destroyed.
  std::vector<std::unordered_map<std::string, std::shared_ptr<Kept>>> parents;
};

/// Never destroyed: other threads may call while the process ends.
Cache& cache() {
  static Cache* const one = [] {
    pthread_atfork(
        [] {
          cache().mutex.lock();
          lock_results();
        },
        [] {
          unlock_results();
          cache().mutex.unlock();
        },
        [] {
          cache().after_fork = true;
          unlock_results();
          cache().mutex.unlock();
        });
    return new Cache;
  }();
  return *one;
}

std::shared_ptr<Kept> kept_for(const std::string& address, SessionFactory& factory) {
  Cache& all = cache();
  const std::lock_guard lock(all.mutex);
  if (all.after_fork) {
    all.parents.push_back(std::move(all.kept));
    all.kept.clear();
    all.after_fork = false;
  }
  factory = all.factory ? all.factory : SessionFactory(connect_to_daemon);
  auto& kept = all.kept[address];
  if (!kept) kept = std::make_shared<Kept>();
  return kept;
}

tl::unexpected<Error> unavailable(std::string server, std::string expected) {
  return fail(Win32::kRpcServerUnavailable, ErrorKind::kIo, "server", std::move(server),
              std::move(expected));
}

bool is_host(std::string_view host) {
  return host.size() <= 255 && std::ranges::all_of(host, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
         });
}

}  // namespace

Status Session::require(Role role) {
  LEASELEDGER_ASSIGN(const ServiceInfo info, service().info());
  if (info.role >= role) return {};
  return fail(Win32::kAccessDenied, ErrorKind::kDenied, "principal", info.principal,
              "the role " + std::string(name_of(role)));
}

Result<Ipv6Address> Session::owner() {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (owner_ && now - owner_asked_ < std::chrono::seconds(1)) return *owner_;
  }
  LEASELEDGER_ASSIGN(const ServiceInfo info, service().info());
  const std::lock_guard lock(mutex_);
  owner_ = info.owner;
  owner_asked_ = now;
  return info.owner;
}

void set_session_factory(SessionFactory factory) {
  const std::lock_guard lock(cache().mutex);
  cache().factory = std::move(factory);
  cache().kept.clear();
}

Result<std::string> address_of(const char16_t* server) {
  LEASELEDGER_ASSIGN(std::string address, to_utf8(server, "server"));
  if (address.empty()) {
    const char* named = secure_getenv("LEASELEDGER_SERVER");
    address = named != nullptr && *named != 0 ? named : std::string("unix:") + rpc::kDefaultSocket;
  }
  if (address.starts_with("unix:") || address.starts_with("tls:")) return address;
  if (!is_host(address)) return unavailable(address, "an address or the name of a host");
  const std::string port = ":" + std::to_string(rpc::kDefaultTlsPort);
  const bool v6 = std::ranges::count(address, ':') > 1;
  return "tls:" + (v6 ? "[" + address + "]" : address) + port;
}

Result<std::shared_ptr<Session>> session_for(const char16_t* server) {
  LEASELEDGER_ASSIGN(const std::string address, address_of(server));
  SessionFactory factory;
  const auto kept = kept_for(address, factory);
  const std::lock_guard lock(kept->connecting);
  if (!kept->session) {
    auto service = factory(address);
    if (!service) return tl::unexpected(std::move(service).error());
    kept->session = std::make_shared<Session>(std::move(*service));
  }
  return kept->session;
}

}  // namespace leaseledger::dhcpsapi
