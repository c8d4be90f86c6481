#include "adapters/rpc/server.h"

#include "adapters/rpc/peers.h"
#include "adapters/rpc/pem.h"
#include "adapters/rpc/sessions.h"

#include <capnp/rpc-twoparty.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace leaseledger::rpc {
namespace {

/// A connection over a limit is told so for as long.
constexpr auto kRefusalPatience = 5 * kj::SECONDS;
/// So many are told at a time; others are closed at once.
constexpr std::size_t kMostRefusals = 64;
/// After an accept() that failed: there may be no file descriptors for a while.
constexpr auto kAcceptRest = 100 * kj::MILLISECONDS;

/// Makes something of PEM text; OpenSSL's words stay out of the error.
template <typename T, typename Make>
Result<T> from_pem(const char* what, const std::string& path, const std::string& pem, Make&& make) {
  kj::Maybe<T> out;
  if (kj::runCatchingExceptions([&] { out = make(kj::StringPtr(pem.c_str(), pem.size())); }) !=
      nullptr)
    return invalid(what, path, "PEM as OpenSSL writes it, without a passphrase");
  return kj::mv(KJ_ASSERT_NONNULL(out));
}

}  // namespace

Result<kj::Own<kj::TlsContext>> make_tls_context(const TlsFiles& files, kj::Timer& timer,
                                                 std::chrono::milliseconds handshake_timeout) {
  const std::string certificate_key = files.section + ".certificate";
  const std::string key_key = files.section + ".key";
  LEASELEDGER_ASSIGN(const std::string certificate_pem,
                     read_pem(files.certificate, certificate_key.c_str()));
  LEASELEDGER_ASSIGN(const std::string key_pem, read_pem(files.key, key_key.c_str()));
  LEASELEDGER_ASSIGN(
      auto certificate,
      from_pem<kj::TlsCertificate>(certificate_key.c_str(), files.certificate, certificate_pem,
                                   [](kj::StringPtr pem) { return kj::TlsCertificate(pem); }));
  LEASELEDGER_ASSIGN(auto key, from_pem<kj::TlsPrivateKey>(
                                   key_key.c_str(), files.key, key_pem,
                                   [](kj::StringPtr pem) { return kj::TlsPrivateKey(pem); }));
  std::vector<kj::TlsCertificate> trusted;
  if (!files.client_ca.empty()) {
    LEASELEDGER_ASSIGN(trusted,
                       certificates_of(files.client_ca, (files.section + ".client_ca").c_str()));
  }
  if (!fit_together(certificate_pem, key_pem))
    return invalid(key_key, files.key, "the private key of " + files.certificate);
  const kj::TlsKeypair pair{kj::mv(key), kj::mv(certificate)};
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.verifyClients = !trusted.empty();
  options.trustedCertificates = kj::arrayPtr(trusted.data(), trusted.size());
  options.minVersion = kj::TlsVersion::TLS_1_2;
  options.defaultKeypair = pair;
  options.timer = timer;
  options.acceptTimeout = handshake_timeout.count() * kj::MILLISECONDS;
  kj::Own<kj::TlsContext> out;
  if (kj::runCatchingExceptions([&] { out = kj::heap<kj::TlsContext>(options); }) != nullptr) {
    return invalid(key_key, files.key, "the private key of " + files.certificate);
  }
  return kj::mv(out);
}

struct Server::Impl {
  Impl(Server& owner, ServerOptions o, LedgerKeeper& keeper, Mailbox& mailbox,
       WorkerPool& questions, WorkerPool& jobs, kj::Timer& t, Observer& obs)
      : options(std::move(o)),
        timer(t),
        observer(obs),
        submitter(keeper, mailbox, obs),
        context{options, keeper,   mailbox,   questions,           jobs,
                timer,   observer, submitter, SystemClock().now(), false,
                {},      {},       1},
        tasks(owner) {}

  // ---- accepting -----------------------------------------------------------------------------------------------------

  kj::Promise<void> accept_unix(kj::ConnectionReceiver& receiver) {
    return receiver.acceptAuthenticated()
        .then([this](kj::AuthenticatedStream stream) { greet_unix(kj::mv(stream)); })
        .then([] { return kj::Promise<void>(kj::READY_NOW); },
              [this](kj::Exception&& problem) { return rest(kj::mv(problem)); })
        .then([this, &receiver] { return accept_unix(receiver); });
  }

  kj::Promise<void> accept_tls(kj::ConnectionReceiver& receiver) {
    return receiver.acceptAuthenticated()
        .then([this](kj::AuthenticatedStream stream) { greet_tls(kj::mv(stream)); })
        .then([] { return kj::Promise<void>(kj::READY_NOW); },
              [this](kj::Exception&& problem) { return rest(kj::mv(problem)); })
        .then([this, &receiver] { return accept_tls(receiver); });
  }

  kj::Promise<void> rest(kj::Exception&& problem) {
    spdlog::warn("rpc.accept_failed error=\"{}\"", problem.getDescription().cStr());
    return timer.afterDelay(kAcceptRest);
  }

  // ---- who it is -----------------------------------------------------------------------------------------------------

  void greet_unix(kj::AuthenticatedStream stream) {
    Principal principal = principal_of_unix(stream, options.roles, users);
    serve(kj::mv(stream.stream), std::move(principal), "unix");
  }

  void greet_tls(kj::AuthenticatedStream stream) {
    if (handshakes >= options.limits.connections) {
      observer.connection_refused("handshakes");
      return;  // closed
    }
    ++handshakes;
    // The context of now: another one may be set meanwhile.
    auto current = kj::addRef(*tls);
    auto& secure = *current->context;
    tasks.add(secure.wrapServer(kj::mv(stream))
                  .then(
                      [this](kj::AuthenticatedStream wrapped) {
                        auto principal = principal_of_certificate(wrapped, options.roles);
                        if (!principal) return observer.connection_refused("tls");
                        serve(kj::mv(wrapped.stream), std::move(*principal), "tls");
                      },
                      [this](kj::Exception&& problem) {
                        observer.connection_refused("tls");
                        spdlog::warn("rpc.handshake_failed error=\"{}\"",
                                     problem.getDescription().cStr());
                      })
                  .attach(kj::mv(current), kj::defer([this] { --handshakes; })));
  }

  // ---- serving -------------------------------------------------------------------------------------------------------

  struct Connection {
    Connection(kj::Own<kj::AsyncIoStream> s, capnp::ReaderOptions reading,
               capnp::Capability::Client bootstrap)
        : stream(kj::mv(s)),
          network(*stream, capnp::rpc::twoparty::Side::SERVER, reading),
          system(capnp::makeRpcServer(network, kj::mv(bootstrap))) {}
    kj::Own<kj::AsyncIoStream> stream;
    capnp::TwoPartyVatNetwork network;
    capnp::RpcSystem<capnp::rpc::twoparty::VatId> system;
  };

  void serve(kj::Own<kj::AsyncIoStream> stream, Principal principal, const char* transport) {
    const auto held = context.holdings.find(principal.name);
    const std::size_t own = held == context.holdings.end() ? 0 : held->second.connections;
    const bool too_many = connections >= options.limits.connections;
    if (too_many || own >= options.limits.connections_per_principal) {
      return turn_away(kj::mv(stream), principal, too_many);
    }
    spdlog::debug("rpc.connected principal={} role={} transport={}", principal.name,
                  name_of(principal.role), transport);
    ++connections;
    observer.connected(transport, 1);
    auto activity = std::make_shared<Activity>(Activity{timer.now(), 0});
    auto connection =
        kj::heap<Connection>(kj::mv(stream), reading(),
                             make_session(context, std::move(principal), transport, activity));
    // One that sends faster than it reads answers is not read from any more.
    connection->system.setFlowLimit(4 * options.limits.message_bytes / 8);
    auto& network = connection->network;
    tasks.add(network.onDisconnect()
                  .exclusiveJoin(idle(std::move(activity)))
                  .attach(kj::mv(connection), kj::defer([this, transport] {
                            --connections;
                            observer.connected(transport, -1);
                          })));
  }

  /// When the connection has been idle for too long.
  kj::Promise<void> idle(std::shared_ptr<Activity> activity) {
    const kj::Duration limit = options.limits.idle_timeout.count() * kj::MILLISECONDS;
    if (limit == 0 * kj::MILLISECONDS) return kj::NEVER_DONE;
    const kj::TimePoint end = activity->in_use != 0 ? timer.now() + limit : activity->last + limit;
    if (timer.now() >= end) return kj::READY_NOW;
    return timer.atTime(end).then(
        [this, activity = std::move(activity)]() mutable { return idle(std::move(activity)); });
  }

  void turn_away(kj::Own<kj::AsyncIoStream> stream, const Principal& principal, bool too_many) {
    observer.connection_refused(too_many ? "connections" : "connections_per_principal");
    if (refusals >= kMostRefusals) return;  // closed
    ++refusals;
    Error error{Win32::kBusy, ErrorKind::kBusy, "connections",
                std::to_string(too_many ? options.limits.connections
                                        : options.limits.connections_per_principal) +
                    (too_many ? " are open" : " of " + principal.name + " are open"),
                "to be asked again later; nothing was done"};
    auto connection =
        kj::heap<Connection>(kj::mv(stream), reading(), make_refusal(std::move(error)));
    auto& network = connection->network;
    tasks.add(network.onDisconnect()
                  .exclusiveJoin(timer.afterDelay(kRefusalPatience))
                  .attach(kj::mv(connection), kj::defer([this] { --refusals; })));
  }

  capnp::ReaderOptions reading() const {
    capnp::ReaderOptions out;
    out.traversalLimitInWords = options.limits.message_bytes / 8;
    out.nestingLimit = 32;
    return out;
  }

  struct Tls final : kj::Refcounted {
    explicit Tls(kj::Own<kj::TlsContext> c) : context(kj::mv(c)) {}
    kj::Own<kj::TlsContext> context;
  };

  ServerOptions options;
  kj::Timer& timer;
  Observer& observer;
  Submitter submitter;
  SessionsContext context;
  kj::Own<Tls> tls;
  UserNames users;
  std::size_t connections = 0;
  std::size_t refusals = 0;
  std::size_t handshakes = 0;
  kj::TaskSet tasks;
  kj::Vector<kj::Promise<void>> accepting;
};

Server::Server(ServerOptions options, LedgerKeeper& keeper, Mailbox& mailbox, WorkerPool& questions,
               WorkerPool& jobs, kj::Timer& timer, Observer& observer)
    : impl_(kj::heap<Impl>(*this, std::move(options), keeper, mailbox, questions, jobs, timer,
                           observer)) {}

Server::~Server() = default;

void Server::listen_unix(kj::Own<kj::ConnectionReceiver> receiver) {
  auto& borrowed = *receiver;
  impl_->accepting.add(
      impl_->accept_unix(borrowed).attach(kj::mv(receiver)).eagerlyEvaluate(nullptr));
}

void Server::listen_tls(kj::Own<kj::ConnectionReceiver> receiver, kj::Own<kj::TlsContext> context) {
  set_tls(kj::mv(context));
  auto& borrowed = *receiver;
  impl_->accepting.add(
      impl_->accept_tls(borrowed).attach(kj::mv(receiver)).eagerlyEvaluate(nullptr));
}

void Server::set_roles(Roles roles) {
  impl_->options.roles = std::move(roles);
  impl_->users.clear();
}

void Server::set_kea(std::function<std::vector<KeaServerStatus>()> servers,
                     std::function<bool(const std::string&)> compare) {
  impl_->options.kea_servers = std::move(servers);
  impl_->options.compare_with_kea = std::move(compare);
}

void Server::set_tls(kj::Own<kj::TlsContext> context) {
  impl_->tls = kj::refcounted<Impl::Tls>(kj::mv(context));
}

kj::Promise<void> Server::drain() {
  impl_->accepting.clear();
  impl_->context.draining = true;
  return impl_->submitter.settled();
}

std::size_t Server::connections() const { return impl_->connections; }

void Server::taskFailed(kj::Exception&& exception) {
  // A connection that ended otherwise than by being closed: a malformed or oversized message, a reset.
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
    spdlog::debug("rpc.disconnected error=\"{}\"", exception.getDescription().cStr());
  } else {
    spdlog::warn("rpc.connection_failed error=\"{}\"", exception.getDescription().cStr());
  }
}

}  // namespace leaseledger::rpc
