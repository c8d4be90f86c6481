#pragma once
// A small HTTP server on the daemon's event loop, for those who watch it: GET /metrics, /healthz, /readyz. It takes no input:
// a request with a body is refused before its body is read. A connection is good for one request.
// Flow: tools/daemon/main.cc -> [listener.h] -> kj-http

#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <kj/timer.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leaseledger::http {

/// What the pages say. Called on the event loop, which must not wait: what needs the disk or a lock is made elsewhere and given
/// as a promise. A promise that fails is answered 503 without its text.
struct Handlers {
  /// The body of /metrics.
  std::function<kj::Promise<std::string>()> metrics;
  struct Health {
    bool good = true;  ///< 200; false: 503.
    /// why not, for the reader: one sentence each.
    std::vector<std::string> reasons;
  };
  /// /healthz: restart me when this is not good.
  std::function<kj::Promise<Health>()> health;
  /// /readyz: send me work.
  std::function<kj::Promise<Health>()> ready;
  /// Counts: a connection came (+1), went (-1). May be left out.
  std::function<void(int)> connections;
};

struct ListenerLimits {
  unsigned connections = 64;  ///< more are closed at once.
  kj::Duration header_timeout = 5 * kj::SECONDS;
  /// Every answer says "Connection: close"; a client that does not close is closed after so long.
  kj::Duration linger = 1 * kj::SECONDS;
  kj::Duration answer_timeout =
      10 * kj::SECONDS;  ///< for the handler and for a client that does not read.
  /// A connection is closed after so long whatever happens on it.
  kj::Duration connection_lifetime = 300 * kj::SECONDS;
  std::size_t header_bytes = 16 * 1024;  ///< of one request's values; longer are answered 431.
};

class HttpListener {
 public:
  /// Borrows `timer` for its lifetime.
  HttpListener(kj::Timer& timer, Handlers handlers, ListenerLimits limits = {});
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  /// Accepts until the promise is dropped; it does not end by itself, errors of accept() (no descriptors left) are waited out.
  kj::Promise<void> listen(kj::ConnectionReceiver& port);
  /// Answers what is being asked and takes nothing more.
  kj::Promise<void> drain();

  unsigned connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leaseledger::http
