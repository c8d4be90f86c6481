#include "adapters/kea/door/unix_connections.h"

#include <spdlog/spdlog.h>

#include <array>
#include <string>

namespace leaseledger::kea {
namespace {

/// Looks for the end of a JSON value in text that comes in pieces.
class Scanner {
 public:
  /// True when the value ends in, or cannot begin with, what has come so far.
  bool add(std::string_view piece) {
    for (const char c : piece) {
      if (quoted_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          quoted_ = false;
        }
      } else if (c == '"') {
        if (depth_ == 0) return true;  // not an object
        quoted_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (c == '}' || c == ']') {
        if (--depth_ <= 0) return true;
      } else if (depth_ == 0 && c != ' ' && c != '\t' && c != '\n' && c != '\r') {
        return true;
      }
    }
    return false;
  }

 private:
  int depth_ = 0;
  bool quoted_ = false;
  bool escaped_ = false;
};

}  // namespace

struct UnixConnections::Connection {
  kj::Own<kj::AsyncIoStream> stream;
  std::shared_ptr<const Principal> principal;
  std::string text;
  Scanner scanner;
  std::array<char, 65536> buffer;
  std::string reply;

  /// True when a command has come; false when the peer is gone before.
  kj::Promise<bool> read(std::size_t most) {
    return stream->tryRead(buffer.data(), 1, buffer.size())
        .then([this, most](std::size_t size) -> kj::Promise<bool> {
          if (size == 0) return false;
          text.append(buffer.data(), size);
          if (scanner.add({buffer.data(), size}) || text.size() > most) return true;
          return read(most);
        });
  }
  kj::Promise<void> send(const Reply& answer) {
    reply = to_text(answer, false);
    return stream->write(reply.data(), reply.size());
  }
};

UnixConnections::UnixConnections(kj::Timer& timer, Door& door, rpc::Roles roles, UnixLimits limits)
    : timer_(timer), door_(door), roles_(std::move(roles)), limits_(limits), tasks_(*this) {}

void UnixConnections::set_roles(rpc::Roles roles) {
  roles_ = std::move(roles);
  users_.clear();
}

kj::Promise<void> UnixConnections::listen(kj::ConnectionReceiver& port) {
  return port.acceptAuthenticated()
      .then(
          [this](kj::AuthenticatedStream accepted) -> kj::Promise<void> {
            if (open_ >= limits_.connections) return kj::READY_NOW;
            ++open_;
            Principal principal = rpc::principal_of_unix(accepted, roles_, users_);
            principal.door = "kea";
            auto connection = kj::heap<Connection>();
            connection->stream = kj::mv(accepted.stream);
            connection->principal = std::make_shared<Principal>(std::move(principal));
            auto& c = *connection;
            auto served =
                c.read(limits_.request_bytes).then([this, &c](bool came) -> kj::Promise<void> {
                  if (!came) return kj::READY_NOW;
                  if (c.text.size() > limits_.request_bytes)
                    return c.send({ResultCode::kError,
                                   "the command is larger than " +
                                       std::to_string(limits_.request_bytes) + " octets",
                                   {}});
                  return door_.answer(std::move(c.text), c.principal).then([&c](Reply reply) {
                    return c.send(reply);
                  });
                });
            tasks_.add(timer_.timeoutAfter(limits_.timeout, kj::mv(served))
                           .attach(kj::mv(connection), kj::defer([this] { --open_; })));
            return kj::READY_NOW;
          },
          [this](kj::Exception&& problem) {
            spdlog::warn("kea.accept_failed error=\"{}\"", problem.getDescription().cStr());
            return timer_.afterDelay(100 * kj::MILLISECONDS);
          })
      .then([this, &port] { return listen(port); });
}

}  // namespace leaseledger::kea
