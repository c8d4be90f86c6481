#include "adapters/http/listener.h"

#include <kj/debug.h>
#include <kj/exception.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace leaseledger::http {
namespace {

constexpr kj::StringPtr kText = "text/plain; version=0.0.4; charset=utf-8"_kj;
constexpr kj::StringPtr kJson = "application/json"_kj;
constexpr kj::StringPtr kProblem = "application/problem+json"_kj;
constexpr kj::Duration kAcceptPause = 100 * kj::MILLISECONDS;

kj::StringPtr title_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK"_kj;
    case 400:
      return "Bad Request"_kj;
    case 404:
      return "Not Found"_kj;
    case 405:
      return "Method Not Allowed"_kj;
    case 408:
      return "Request Timeout"_kj;
    case 413:
      return "Payload Too Large"_kj;
    case 431:
      return "Request Header Fields Too Large"_kj;
    case 500:
      return "Internal Server Error"_kj;
    case 501:
      return "Not Implemented"_kj;
    case 503:
      return "Service Unavailable"_kj;
    default:
      return status < 500 ? "Bad Request"_kj : "Internal Server Error"_kj;
  }
}

std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// RFC 9457.
std::string problem_text(unsigned status, std::string_view detail) {
  return json_text({{"type", "about:blank"},
                    {"title", title_of(status).cStr()},
                    {"status", status},
                    {"detail", detail}});
}

std::string health_text(const Handlers::Health& health) {
  return json_text({{"status", health.good ? "ok" : "unavailable"}, {"reasons", health.reasons}});
}

std::string_view path_of(kj::StringPtr url) {
  const std::string_view text(url.begin(), url.size());
  return text.substr(0, text.find('?'));
}

}  // namespace

struct HttpListener::Impl final : private kj::TaskSet::ErrorHandler {
  class Connection;

  Impl(kj::Timer& timer_in, Handlers handlers_in, ListenerLimits limits_in)
      : timer(timer_in), handlers(std::move(handlers_in)), limits(limits_in) {
    kj::HttpHeaderTable::Builder builder;
    allow = builder.add("Allow");
    cache_control = builder.add("Cache-Control");
    content_type_options = builder.add("X-Content-Type-Options");
    table = builder.build();
  }

  kj::Promise<void> accept_loop(kj::ConnectionReceiver& port);
  void serve(kj::Own<kj::AsyncIoStream> stream);
  kj::Promise<void> send(kj::HttpService::Response& response, unsigned status, kj::StringPtr type,
                         std::string body, bool allows = false);
  void count(int change) {
    if (handlers.connections) handlers.connections(change);
  }
  void taskFailed(kj::Exception&&) override {}  // a peer that went away

  kj::Timer& timer;
  Handlers handlers;
  ListenerLimits limits;
  kj::HttpHeaderId allow;
  kj::HttpHeaderId cache_control;
  kj::HttpHeaderId content_type_options;
  kj::Own<kj::HttpHeaderTable> table;
  bool draining = false;
  std::unordered_set<Connection*> open;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> when_empty;
  kj::TaskSet tasks{*this};  // last: what it destroys uses the rest
};

/// A server of its own for each connection, so that each knows how far its request has come.
class HttpListener::Impl::Connection final : public kj::HttpService,
                                             public kj::HttpServerErrorHandler,
                                             public kj::HttpServerCallbacks {
 public:
  explicit Connection(Impl& owner)
      : owner_(owner), server_(owner.timer, *owner.table, *this, settings()) {
    owner_.open.insert(this);
    owner_.count(+1);
  }
  ~Connection() {
    owner_.open.erase(this);
    owner_.count(-1);
    if (!owner_.open.empty()) return;
    KJ_IF_MAYBE (fulfiller, owner_.when_empty) {
      (*fulfiller)->fulfill();
    }
  }
  KJ_DISALLOW_COPY(Connection);

  kj::Promise<void> run(kj::Own<kj::AsyncIoStream> stream) {
    return server_.listenHttp(kj::mv(stream));
  }
  /// The answer that is being made is finished; then the connection closes.
  void drain() {
    owner_.tasks.add(server_.drain().catch_([](kj::Exception&&) {}));
  }

  // ---- kj::HttpService ----

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url,
                            const kj::HttpHeaders& headers, kj::AsyncInputStream& body,
                            Response& response) override {
    asked_ = true;
    return owner_.timer.timeoutAfter(owner_.limits.answer_timeout,
                                     answer(method, url, headers, body, response));
  }

  // ---- kj::HttpServerErrorHandler: kj's own would send exception texts, files and stack addresses ----

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                              Response& response) override {
    const unsigned status =
        error.statusCode >= 400 && error.statusCode < 600 ? error.statusCode : 400;
    return problem(response, status, "not a request of HTTP/1.1 that is understood here");
  }
  kj::Promise<void> handleApplicationError(kj::Exception, kj::Maybe<Response&> response) override {
    KJ_IF_MAYBE (open_response, response) {
      // kj found headers that contradict themselves, such as "Content-Length: abc".
      if (!asked_) return problem(*open_response, 400, "the request's headers make no sense");
      return problem(*open_response, 503, "no answer now; the messages of the daemon say more");
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> handleNoResponse(Response& response) override {
    return problem(response, 500, "no answer");
  }

  // ---- kj::HttpServerCallbacks ----

  bool shouldClose() override { return true; }

 private:
  kj::HttpServerSettings settings() {
    kj::HttpServerSettings out;
    out.headerTimeout = owner_.limits.header_timeout;
    out.pipelineTimeout = owner_.limits.linger;
    out.canceledUploadGracePeriod = 0 * kj::SECONDS;
    out.canceledUploadGraceBytes = 0;
    out.errorHandler = *this;
    out.callbacks = *this;
    return out;
  }

  kj::Promise<void> problem(Response& response, unsigned status, std::string_view detail) {
    return owner_.send(response, status, kProblem, problem_text(status, detail), status == 405);
  }

  /// Whether anything comes after the headers. kj reads "Content-Length: -1" and 2^64 as lengths, and takes a length beside a
  /// transfer encoding (CVE-2026-32239, CVE-2026-32240), so the headers themselves are looked at; no body is ever read.
  static bool has_body(const kj::HttpHeaders& headers, kj::AsyncInputStream& body) {
    if (headers.get(kj::HttpHeaderId::TRANSFER_ENCODING) != nullptr) return true;
    KJ_IF_MAYBE (length, headers.get(kj::HttpHeaderId::CONTENT_LENGTH)) {
      if (*length != "0"_kj) return true;
    }
    KJ_IF_MAYBE (length, body.tryGetLength()) {
      return *length > 0;
    }
    return true;
  }

  kj::Promise<void> answer(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders& headers,
                           kj::AsyncInputStream& body, Response& response) {
    if (headers.get(kj::HttpHeaderId::TRANSFER_ENCODING) != nullptr &&
        headers.get(kj::HttpHeaderId::CONTENT_LENGTH) != nullptr)
      return problem(response, 400, "a length together with a transfer encoding");
    std::size_t header_bytes = url.size();
    headers.forEach([&header_bytes](kj::StringPtr name, kj::StringPtr value) {
      header_bytes += name.size() + value.size() + 4;
    });
    if (header_bytes > owner_.limits.header_bytes)
      return problem(response, 431, "the request's headers are too large");
    const bool body_follows = has_body(headers, body);
    if (method != kj::HttpMethod::GET && method != kj::HttpMethod::HEAD)
      return problem(response, 405, "only GET and HEAD are answered here");
    if (body_follows) return problem(response, 413, "a request without a body is expected");

    const std::string_view path = path_of(url);
    Response* const to = &response;
    if (path == "/metrics" && owner_.handlers.metrics) {
      return kj::evalNow([this]() { return owner_.handlers.metrics(); })
          .then([this, to](std::string text) {
            return owner_.send(*to, 200, kText, std::move(text));
          });
    }
    const auto& check = path == "/healthz" ? owner_.handlers.health : owner_.handlers.ready;
    if ((path == "/healthz" || path == "/readyz") && check) {
      return kj::evalNow([&check]() { return check(); }).then([this, to](Handlers::Health health) {
        return owner_.send(*to, health.good ? 200 : 503, kJson, health_text(health));
      });
    }
    return problem(response, 404, "there are /metrics, /healthz and /readyz");
  }

  Impl& owner_;
  bool asked_ = false;
  kj::HttpServer server_;
};

kj::Promise<void> HttpListener::Impl::accept_loop(kj::ConnectionReceiver& port) {
  kj::ConnectionReceiver* const from = &port;
  return port.accept()
      .then(
          [this](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<void> {
            // Beyond the limit the stream is closed by going out of scope.
            if (!draining && open.size() < limits.connections) serve(kj::mv(stream));
            return kj::READY_NOW;
          },
          // No descriptors left, or a peer that was gone before it was accepted.
          [this](kj::Exception&&) { return timer.afterDelay(kAcceptPause); })
      .then([this, from]() { return accept_loop(*from); });
}

void HttpListener::Impl::serve(kj::Own<kj::AsyncIoStream> stream) {
  auto connection = kj::heap<Connection>(*this);
  auto run = connection->run(kj::mv(stream));
  tasks.add(
      run.exclusiveJoin(timer.afterDelay(limits.connection_lifetime)).attach(kj::mv(connection)));
}

kj::Promise<void> HttpListener::Impl::send(kj::HttpService::Response& response, unsigned status,
                                           kj::StringPtr type, std::string body, bool allows) {
  kj::HttpHeaders headers(*table);
  headers.set(kj::HttpHeaderId::CONTENT_TYPE, type);
  headers.set(cache_control, "no-store"_kj);
  headers.set(content_type_options, "nosniff"_kj);
  if (allows) headers.set(allow, "GET, HEAD"_kj);
  auto stream = response.send(status, title_of(status), headers, body.size());
  auto held = kj::heap<std::string>(std::move(body));
  auto written = stream->write(held->data(), held->size());
  return written.attach(kj::mv(stream), kj::mv(held));
}

HttpListener::HttpListener(kj::Timer& timer, Handlers handlers, ListenerLimits limits)
    : impl_(std::make_unique<Impl>(timer, std::move(handlers), limits)) {}

HttpListener::~HttpListener() = default;

kj::Promise<void> HttpListener::listen(kj::ConnectionReceiver& port) {
  return impl_->accept_loop(port);
}

kj::Promise<void> HttpListener::drain() {
  impl_->draining = true;
  if (impl_->open.empty()) return kj::READY_NOW;
  auto empty = kj::newPromiseAndFulfiller<void>();
  impl_->when_empty = kj::mv(empty.fulfiller);
  for (auto* connection : impl_->open) connection->drain();
  return kj::mv(empty.promise);
}

unsigned HttpListener::connections() const { return static_cast<unsigned>(impl_->open.size()); }

}  // namespace leaseledger::http
