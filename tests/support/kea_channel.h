#pragma once
// Kea's control channel from both ends: asking a door over its Unix socket or HTTP, and a control socket that a test answers for.

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <cstring>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace leaseledger::test {

using Json = nlohmann::json;

inline sockaddr_un unix_address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  std::strncpy(out.sun_path, path.c_str(), sizeof out.sun_path - 1);
  return out;
}

/// The whole answer to what is sent; "" when there is none.
inline std::string ask_unix(const std::string& path, const std::string& request) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = unix_address(path);
  const timeval patience{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string out;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    ::shutdown(fd, SHUT_WR);
    char buffer[65536];
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return out;
}

/// A kept connection over which HTTP is spoken octet by octet.
class HttpConnection {
 public:
  explicit HttpConnection(unsigned port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~HttpConnection() { ::close(fd_); }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  struct Answer {
    int status = 0;  ///< 0: the connection was closed without one.
    std::string head;
    std::string body;
    std::size_t pieces = 0;  ///< reads that it took.
  };

  Answer post(const std::string& body, const std::string& headers = "") {
    return send("POST / HTTP/1.1\r\nHost: x\r\n" + headers +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  Answer send(const std::string& request) {
    Answer out;
    if (!connected_ || ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return out;
    std::string text;
    char buffer[65536];
    for (;;) {
      const auto head = text.find("\r\n\r\n");
      if (head != std::string::npos) {
        out.head = text.substr(0, head);
        const auto length = text.find("Content-Length: ");
        const std::size_t size =
            length < head ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0;
        if (text.size() >= head + 4 + size) {
          out.body = text.substr(head + 4, size);
          out.status = std::atoi(text.c_str() + 9);
          return out;
        }
      }
      const ssize_t n = ::read(fd_, buffer, sizeof buffer);
      if (n <= 0) return out;
      ++out.pieces;
      text.append(buffer, static_cast<std::size_t>(n));
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

/// A control socket as Kea has one, answered by a function in a thread of its own.
class ControlSocket {
 public:
  using Handler = std::function<Json(const Json& request)>;
  ControlSocket(std::string path, Handler handler)
      : path_(std::move(path)), handler_(std::move(handler)) {
    ::unlink(path_.c_str());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = unix_address(path_);
    [[maybe_unused]] const int bound =
        ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    [[maybe_unused]] const int listening = ::listen(fd_, 16);
    thread_ = std::thread([this] { serve(); });
  }
  ~ControlSocket() {
    stopping_ = true;
    thread_.join();
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  void serve() {
    while (!stopping_) {
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, 20) != 1) continue;
      const int client = ::accept(fd_, nullptr, nullptr);
      std::string text;
      char buffer[65536];
      for (ssize_t n; !Json::accept(text) && (n = ::read(client, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
      const std::string answer = handler_(Json::parse(text, nullptr, false)).dump();
      [[maybe_unused]] const ssize_t sent =
          ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }

  std::string path_;
  Handler handler_;
  int fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace leaseledger::test
