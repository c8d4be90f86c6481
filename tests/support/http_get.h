#pragma once
// What a daemon says by HTTP, asked over a plain socket.

#include <arpa/inet.h>
#include <cstdint>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace leaseledger::test {

/// A port that nobody listens at on 127.0.0.1, for the moment.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

struct HttpAnswer {
  int status = 0;  ///< 0: nobody answered.
  std::string text;
};

inline HttpAnswer http_get(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  HttpAnswer out;
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    const auto complete = [&] {
      const auto body = out.text.find("\r\n\r\n");
      const auto length = out.text.find("Content-Length: ");
      return body != std::string::npos && length < body &&
             out.text.size() >=
                 body + 4 + std::strtoul(out.text.c_str() + length + 16, nullptr, 10);
    };
    for (ssize_t n = 0; !complete() && (n = ::read(fd, buffer, sizeof buffer)) > 0;)
      out.text.append(buffer, static_cast<std::size_t>(n));
    if (out.text.size() > 12) out.status = std::atoi(out.text.c_str() + 9);
  }
  ::close(fd);
  return out;
}

/// The value of a metric without labels; -1 when it is not there.
inline double metric(int port, const std::string& name) {
  const std::string text = http_get(port, "/metrics").text;
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + name.size() + 2);
}

}  // namespace leaseledger::test
