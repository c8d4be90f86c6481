#include "tools/daemon/sockets.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace leaseledger::daemon {
namespace {

using Receiver = kj::Own<kj::ConnectionReceiver>;

constexpr int kBacklog = 1024;

tl::unexpected<Error> cannot_listen(const char* key, const std::string& where,
                                    const std::string& why) {
  return fail(Win32::kInvalidParameter, ErrorKind::kIo, key, where,
              "an address to listen on: " + why);
}

Receiver wrap(int fd, kj::AsyncIoContext& io) {
  return io.lowLevelProvider->wrapListenSocketFd(
      fd, kj::LowLevelAsyncIoProvider::NetworkFilter::getAllAllowed(),
      kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
}

/// Held until the process ends.
Status lock_socket(const char* key, const std::string& path) {
  const std::string lock = path + ".lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_listen(key, path, lock + ": " + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
  ::close(fd);
  return fail(Win32::kSharingViolation, ErrorKind::kBusy, key, path,
              "a socket that no other daemon serves");
}

Result<Receiver> listen_unix(const char* key, const std::string& path, std::uint32_t mode,
                             kj::AsyncIoContext& io) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return cannot_listen(key, path,
                         "at most " + std::to_string(sizeof address.sun_path - 1) + " octets");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  std::error_code made;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), made);
  LEASELEDGER_TRY(lock_socket(key, path));
  // One that a daemon left behind is replaced, anything else is not ours to remove.
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return cannot_listen(key, path, "something that is not a socket is there");
    ::unlink(path.c_str());
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(fd, kBacklog) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return cannot_listen(key, path, why);
  }
  return wrap(fd, io);
}

Result<Receiver> listen_tcp(const char* key, const std::string& where, kj::AsyncIoContext& io) {
  Receiver out;
  const auto problem = kj::runCatchingExceptions(
      [&] { out = io.provider->getNetwork().parseAddress(where).wait(io.waitScope)->listen(); });
  KJ_IF_MAYBE (exception, problem)
    return cannot_listen(key, where, exception->getDescription().cStr());
  return kj::mv(out);
}

}  // namespace

Result<Sockets> open_sockets(const Config& config, std::vector<InheritedSocket> inherited,
                             kj::AsyncIoContext& io) {
  Sockets out;
  for (const auto& socket : inherited) {
    Receiver& place = socket.name == "kea-http"   ? out.kea_http
                      : socket.name == "kea-unix" ? out.kea_unix
                      : socket.is_unix            ? out.local
                      : socket.name == "http"     ? out.http
                                                  : out.tls;
    place = wrap(socket.fd, io);
  }
  if (out.local.get() == nullptr && !config.listen.unix_path.empty()) {
    LEASELEDGER_ASSIGN(out.local, listen_unix("listen.unix", config.listen.unix_path,
                                              config.listen.unix_mode, io));
  }
  if (out.tls.get() == nullptr && !config.listen.tls.empty()) {
    LEASELEDGER_ASSIGN(out.tls, listen_tcp("listen.tls", config.listen.tls, io));
  }
  if (out.http.get() == nullptr && !config.listen.http.empty()) {
    LEASELEDGER_ASSIGN(out.http, listen_tcp("listen.http", config.listen.http, io));
  }
  if (out.kea_http.get() == nullptr && !config.kea.http.empty()) {
    LEASELEDGER_ASSIGN(out.kea_http, listen_tcp("kea.http", config.kea.http, io));
  }
  if (out.kea_unix.get() == nullptr && !config.kea.unix_path.empty()) {
    LEASELEDGER_ASSIGN(out.kea_unix,
                       listen_unix("kea.unix", config.kea.unix_path, config.kea.unix_mode, io));
  }
  return out;
}

}  // namespace leaseledger::daemon
