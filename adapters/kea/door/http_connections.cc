#include "adapters/kea/door/http_connections.h"

#include <kj/compat/http.h>
#include <kj/encoding.h>
#include <openssl/crypto.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <unordered_set>

namespace leaseledger::kea {
namespace {

constexpr kj::Duration kAcceptPause = 100 * kj::MILLISECONDS;

/// Puts the head of an answer, which kj-http writes by itself, in front of what is written next.
class OneWrite final : public kj::AsyncIoStream {
 public:
  explicit OneWrite(kj::Own<kj::AsyncIoStream> inner) : inner_(kj::mv(inner)) {}

  kj::Promise<void> write(const void* buffer, size_t size) override {
    const kj::ArrayPtr<const kj::byte> piece(static_cast<const kj::byte*>(buffer), size);
    if (held_.size() == 0 && is_head(piece)) {
      held_ = kj::heapArray(piece);
      return kj::READY_NOW;
    }
    return flush_with(kj::arrayPtr(&piece, 1));
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return flush_with(pieces);
  }
  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    if (held_.size() == 0) return inner_->tryRead(buffer, least, most);
    return flush_with(nullptr).then(
        [this, buffer, least, most] { return inner_->tryRead(buffer, least, most); });
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }

 private:
  static bool is_head(kj::ArrayPtr<const kj::byte> piece) {
    return piece.size() > 5 &&
           std::string_view(reinterpret_cast<const char*>(piece.begin()), 5) == "HTTP/";
  }
  kj::Promise<void> flush_with(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) {
    if (held_.size() == 0) return inner_->write(pieces);
    size_t size = held_.size();
    for (const auto& piece : pieces) size += piece.size();
    auto all = kj::heapArrayBuilder<kj::byte>(size);
    all.addAll(held_);
    for (const auto& piece : pieces) all.addAll(piece);
    held_ = nullptr;
    auto whole = all.finish();
    auto written = inner_->write(whole.begin(), whole.size());
    return written.attach(kj::mv(whole));
  }

  kj::Own<kj::AsyncIoStream> inner_;
  kj::Array<kj::byte> held_;
};

/// The octets that follow the headers; nullopt when the headers do not say so in the one way that is taken here. kj-http reads
/// "Content-Length: -1" as a length too, and takes a length beside a transfer encoding.
std::optional<std::uint64_t> length_of(const kj::HttpHeaders& headers) {
  if (headers.get(kj::HttpHeaderId::TRANSFER_ENCODING) != nullptr) return std::nullopt;
  KJ_IF_MAYBE (text, headers.get(kj::HttpHeaderId::CONTENT_LENGTH)) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text->begin(), text->end(), out);
    if (error != std::errc() || end != text->end() || text->size() == 0) return std::nullopt;
    return out;
  }
  return std::nullopt;
}

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

struct HttpConnections::Impl final : private kj::TaskSet::ErrorHandler {
  class Connection;

  Impl(kj::Timer& t, Door& d, HttpClients c, HttpLimits l)
      : timer(t), door(d), clients(std::move(c)), limits(l) {
    kj::HttpHeaderTable::Builder builder;
    authorization = builder.add("Authorization");
    authenticate = builder.add("WWW-Authenticate");
    table = builder.build();
  }

  kj::Promise<void> accept_loop(kj::ConnectionReceiver& port) {
    return port.acceptAuthenticated()
        .then(
            [this](kj::AuthenticatedStream stream) -> kj::Promise<void> {
              if (!draining && open.size() + handshakes < limits.connections) greet(kj::mv(stream));
              return kj::READY_NOW;
            },
            [this](kj::Exception&&) { return timer.afterDelay(kAcceptPause); })
        .then([this, &port] { return accept_loop(port); });
  }

  struct Tls final : kj::Refcounted {
    explicit Tls(kj::Own<kj::TlsContext> c) : context(kj::mv(c)) {}
    kj::Own<kj::TlsContext> context;
  };

  void greet(kj::AuthenticatedStream stream) {
    if (tls.get() == nullptr) return serve(kj::mv(stream.stream), std::nullopt);
    ++handshakes;
    auto current = kj::addRef(*tls);
    auto& context = *current->context;
    tasks.add(context.wrapServer(kj::mv(stream))
                  .then(
                      [this](kj::AuthenticatedStream wrapped) {
                        auto principal = rpc::principal_of_certificate(wrapped, clients.roles);
                        serve(kj::mv(wrapped.stream), std::move(principal));
                      },
                      [](kj::Exception&& problem) {
                        spdlog::warn("kea.handshake_failed error=\"{}\"",
                                     problem.getDescription().cStr());
                      })
                  .attach(kj::mv(current), kj::defer([this] { --handshakes; })));
  }

  void serve(kj::Own<kj::AsyncIoStream> stream, std::optional<Principal> certificate);

  /// By name and password; nullptr when they are not right.
  std::shared_ptr<const Principal> principal_of(kj::StringPtr authorization_text) const {
    constexpr std::string_view kBasic = "basic ";
    std::string text(authorization_text.begin(), authorization_text.size());
    if (text.size() <= kBasic.size()) return nullptr;
    std::string scheme = text.substr(0, kBasic.size());
    std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return std::tolower(c); });
    if (scheme != kBasic) return nullptr;
    const auto decoded = kj::decodeBase64(
        kj::ArrayPtr<const char>(text.data() + kBasic.size(), text.size() - kBasic.size()));
    const std::string pair(reinterpret_cast<const char*>(decoded.begin()), decoded.size());
    const auto colon = pair.find(':');
    if (colon == std::string::npos) return nullptr;
    for (const auto& known : clients.known) {
      if (known.user == pair.substr(0, colon) &&
          equal_in_constant_time(known.password, pair.substr(colon + 1)))
        return std::make_shared<Principal>(Principal{"kea:" + known.user, known.role, "kea"});
    }
    return nullptr;
  }

  void taskFailed(kj::Exception&&) override {}  // a peer that went away

  kj::Timer& timer;
  Door& door;
  HttpClients clients;
  HttpLimits limits;
  std::function<void(const std::string&)> connected;
  kj::HttpHeaderId authorization;
  kj::HttpHeaderId authenticate;
  kj::Own<kj::HttpHeaderTable> table;
  kj::Own<Tls> tls;
  bool draining = false;
  std::size_t handshakes = 0;
  std::unordered_set<Connection*> open;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> when_empty;
  kj::TaskSet tasks{*this};
};

class HttpConnections::Impl::Connection final : public kj::HttpService,
                                                public kj::HttpServerErrorHandler {
 public:
  Connection(Impl& owner, std::optional<Principal> certificate)
      : owner_(owner), server_(owner.timer, *owner.table, *this, settings()) {
    if (certificate) {
      certificate->door = "kea";
      certificate_ = std::make_shared<Principal>(std::move(*certificate));
    }
    owner_.open.insert(this);
  }
  ~Connection() {
    owner_.open.erase(this);
    if (!owner_.open.empty()) return;
    KJ_IF_MAYBE (fulfiller, owner_.when_empty) {
      (*fulfiller)->fulfill();
    }
  }
  KJ_DISALLOW_COPY(Connection);

  kj::Promise<void> run(kj::Own<kj::AsyncIoStream> stream) {
    return server_.listenHttp(kj::heap<OneWrite>(kj::mv(stream)));
  }
  void drain() {
    owner_.tasks.add(server_.drain().catch_([](kj::Exception&&) {}));
  }

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr /*url*/,
                            const kj::HttpHeaders& headers, kj::AsyncInputStream& body,
                            Response& response) override {
    return owner_.timer.timeoutAfter(owner_.limits.request_timeout,
                                     answer(method, headers, body, response));
  }

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                              Response& response) override {
    return refuse(response,
                  error.statusCode >= 400 && error.statusCode < 600 ? error.statusCode : 400,
                  "Bad Request");
  }
  kj::Promise<void> handleApplicationError(kj::Exception, kj::Maybe<Response&> response) override {
    KJ_IF_MAYBE (still_open, response) {
      return refuse(*still_open, 500, "Internal Server Error");
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> handleNoResponse(Response& response) override {
    return refuse(response, 500, "Internal Server Error");
  }

 private:
  kj::HttpServerSettings settings() {
    kj::HttpServerSettings out;
    out.headerTimeout = owner_.limits.header_timeout;
    out.pipelineTimeout = owner_.limits.idle_timeout;
    out.canceledUploadGracePeriod = 1 * kj::SECONDS;
    out.canceledUploadGraceBytes = 1 << 16;
    out.errorHandler = *this;
    return out;
  }

  kj::Promise<void> send(Response& response, unsigned status, kj::StringPtr title,
                         std::string body) {
    kj::HttpHeaders headers(*owner_.table);
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json"_kj);
    if (status == 401) headers.set(owner_.authenticate, "Basic realm=\"leaseledger\""_kj);
    auto stream = response.send(status, title, headers, body.size());
    auto held = kj::heap<std::string>(std::move(body));
    auto written = stream->write(held->data(), held->size());
    return written.attach(kj::mv(stream), kj::mv(held));
  }
  /// As Kea refuses: the status again in the body.
  kj::Promise<void> refuse(Response& response, unsigned status, kj::StringPtr title) {
    return send(response, status, title,
                "{ \"result\": " + std::to_string(status) + ", \"text\": \"" +
                    std::string(title.cStr()) + "\" }");
  }

  /// Who asks; nullptr: somebody whose name or password is wrong, or who has none and needs one.
  std::shared_ptr<const Principal> principal_of(const kj::HttpHeaders& headers) {
    KJ_IF_MAYBE (text, headers.get(owner_.authorization)) {
      // The same header comes with each command of a connection.
      if (last_ != nullptr && *text == last_text_) return last_;
      auto principal = owner_.principal_of(*text);
      if (principal != nullptr) {
        last_text_ = kj::str(*text);
        last_ = principal;
      }
      return principal;
    }
    if (certificate_ != nullptr) return certificate_;
    if (owner_.clients.anonymous == Role::kNone) return nullptr;
    if (anonymous_ == nullptr)
      anonymous_ =
          std::make_shared<Principal>(Principal{"kea:anonymous", owner_.clients.anonymous, "kea"});
    return anonymous_;
  }

  kj::Promise<void> answer(kj::HttpMethod method, const kj::HttpHeaders& headers,
                           kj::AsyncInputStream& body, Response& response) {
    const auto length = length_of(headers);
    if (method != kj::HttpMethod::POST) return refuse(response, 405, "Method Not Allowed");
    if (!length) return refuse(response, 411, "Length Required");
    if (*length > owner_.limits.request_bytes) return refuse(response, 413, "Payload Too Large");
    auto principal = principal_of(headers);
    // Read all the same: the connection goes on.
    return body.readAllText(owner_.limits.request_bytes + 1)
        .then([this, principal = std::move(principal),
               &response](kj::String text) mutable -> kj::Promise<void> {
          if (principal == nullptr) return refuse(response, 401, "Unauthorized");
          if (!told_ && std::string_view(text.cStr(), text.size()).find("\"lease6-bulk-apply\"") !=
                            std::string_view::npos) {
            told_ = true;
            if (owner_.connected) owner_.connected(server_of(*principal));
          }
          return owner_.door.answer(std::string(text.cStr(), text.size()), std::move(principal))
              .then([this, &response](Reply reply) {
                return send(response, 200, "OK", to_text(reply, true));
              });
        });
  }

  Impl& owner_;
  std::shared_ptr<const Principal> certificate_;
  std::shared_ptr<const Principal> anonymous_;
  std::shared_ptr<const Principal> last_;
  kj::String last_text_;
  bool told_ = false;
  kj::HttpServer server_;
};

void HttpConnections::Impl::serve(kj::Own<kj::AsyncIoStream> stream,
                                  std::optional<Principal> certificate) {
  auto connection = kj::heap<Connection>(*this, std::move(certificate));
  auto run = connection->run(kj::mv(stream));
  tasks.add(run.attach(kj::mv(connection)));
}

HttpConnections::HttpConnections(kj::Timer& timer, Door& door, HttpClients clients,
                                 HttpLimits limits)
    : impl_(kj::heap<Impl>(timer, door, std::move(clients), limits)) {}

HttpConnections::~HttpConnections() = default;

kj::Promise<void> HttpConnections::listen(kj::ConnectionReceiver& port,
                                          kj::Maybe<kj::Own<kj::TlsContext>> tls) {
  KJ_IF_MAYBE (context, tls) {
    set_tls(kj::mv(*context));
  }
  return impl_->accept_loop(port);
}

void HttpConnections::on_connected(std::function<void(const std::string&)> called) {
  impl_->connected = std::move(called);
}

void HttpConnections::set_clients(HttpClients clients) { impl_->clients = std::move(clients); }

void HttpConnections::set_tls(kj::Own<kj::TlsContext> tls) {
  impl_->tls = kj::refcounted<Impl::Tls>(kj::mv(tls));
}

kj::Promise<void> HttpConnections::drain() {
  impl_->draining = true;
  if (impl_->open.empty()) return kj::READY_NOW;
  auto empty = kj::newPromiseAndFulfiller<void>();
  impl_->when_empty = kj::mv(empty.fulfiller);
  for (auto* connection : impl_->open) connection->drain();
  return kj::mv(empty.promise);
}

}  // namespace leaseledger::kea
