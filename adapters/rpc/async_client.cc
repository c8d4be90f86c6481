#include "adapters/rpc/async_client.h"

#include "adapters/rpc/new_command_id.h"
#include "adapters/rpc/pem.h"
#include "adapters/rpc/wire_commands.h"
#include "adapters/rpc/wire_values.h"

#include <capnp/rpc-twoparty.h>
#include <kj/compat/tls.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace leaseledger::rpc {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kFirstRest = milliseconds(20);
constexpr auto kLongestRest = milliseconds(1000);
/// Submissions that are made in one turn of the loop go in one call, up to so many commands.
constexpr std::size_t kMostTogether = 1000;
constexpr std::size_t kPageOfRows = 10'000;
constexpr std::uint32_t kPageOfRecords = 8192;
/// What a daemon answers is believed as far as its size goes.
constexpr std::uint64_t kMostAnswerWords = std::uint64_t{1} << 28;

/// About what a command with a name takes; longer ones grow the message.
capnp::MessageSize size_of_commands(std::size_t commands) { return {32 + 48 * commands, 0}; }

kj::Duration kj_time(milliseconds time) { return time.count() * kj::MILLISECONDS; }

// ---- where it is -----------------------------------------------------------------------------------------------------

struct Target {
  bool tls = false;
  std::string address;  // for kj::Network
  std::string host;     // of tls
};

Result<Target> parse_server(const std::string& server) {
  const auto wrong = [&] {
    return invalid(
        "server", server,
        "unix:/run/leaseledger/leaseledgerd.sock or tls:host:port, an IPv6 address in []");
  };
  Target out;
  if (server.starts_with("unix:")) {
    if (server.size() == 5) return wrong();
    out.address = server;
    return out;
  }
  if (!server.starts_with("tls:")) return wrong();
  out.tls = true;
  std::string_view rest = std::string_view(server).substr(4);
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return wrong();
    out.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return wrong();
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::ranges::count(rest, ':') > 1) {
    out.host = rest;  // a bare IPv6 address
  } else {
    const auto colon = rest.find(':');
    out.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  unsigned number = kDefaultTlsPort;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65535)
      return wrong();
  }
  if (out.host.empty()) return wrong();
  out.address = (out.host.find(':') == std::string::npos ? out.host : "[" + out.host + "]") + ":" +
                std::to_string(number);
  return out;
}

Error unavailable(const std::string& server, const std::string& why) {
  return {Win32::kRpcServerUnavailable, ErrorKind::kIo, "server", server,
          why + "; is leaseledgerd running there?"};
}

Error timed_out(const std::string& server, milliseconds after) {
  return {Win32::kTimeout, ErrorKind::kIo, "server", server,
          "an answer within " + std::to_string(after.count()) +
              " ms; the outcome of a command is unknown, the same id gets its answer"};
}

/// What a failure to connect or to shake hands means.
Error connect_error(const ClientOptions& options, const Target& target,
                    const kj::Exception& problem, bool resolved) {
  const std::string text = problem.getDescription().cStr();
  const auto has = [&](const char* part) { return text.find(part) != std::string::npos; };
  if (target.tls && !resolved) {
    return {Win32::kDhcpServerNameNotResolved, ErrorKind::kIo, "server", options.server,
            "a host name that resolves, or an address"};
  }
  if (has("Permission denied")) {
    return {Win32::kAccessDenied, ErrorKind::kDenied, "server", options.server,
            "a socket that this user may connect to"};
  }
  if (target.tls && (has("certificate") || has("alert") || has("hostname") || has("SSL") ||
                     has("OpenSSL") || has("TLS"))) {
    return {Win32::kAccessDenied, ErrorKind::kDenied, "server", options.server,
            "certificates that both sides believe: " +
                (has("reason = ") ? text.substr(text.find("reason = ") + 9)
                                  : std::string("the handshake failed"))};
  }
  return unavailable(options.server, has("No such file") ? "no socket there"
                                     : has("refused")    ? "connection refused"
                                                         : "it cannot be reached");
}

Result<kj::Own<kj::TlsContext>> client_tls(const ClientOptions& options) {
  LEASELEDGER_ASSIGN(const auto trusted, certificates_of(options.ca_file, "ca_file"));
  kj::Own<kj::TlsContext> out;
  const char* what = "ca_file";
  const std::string* file = &options.ca_file;
  kj::TlsContext::Options tls;
  tls.useSystemTrustStore = false;
  tls.minVersion = kj::TlsVersion::TLS_1_2;
  std::string certificate;
  std::string key;
  if (!options.certificate_file.empty()) {
    LEASELEDGER_ASSIGN(certificate, read_pem(options.certificate_file, "certificate_file"));
    LEASELEDGER_ASSIGN(key, read_pem(options.key_file, "key_file"));
  }
  const auto problem = kj::runCatchingExceptions([&] {
    tls.trustedCertificates = kj::arrayPtr(trusted.data(), trusted.size());
    if (certificate.empty()) {
      out = kj::heap<kj::TlsContext>(tls);
      return;
    }
    what = "certificate_file";
    file = &options.certificate_file;
    kj::TlsCertificate own(kj::StringPtr(certificate.c_str(), certificate.size()));
    what = "key_file";
    file = &options.key_file;
    const kj::TlsKeypair pair{kj::TlsPrivateKey(kj::StringPtr(key.c_str(), key.size())),
                              kj::mv(own)};
    tls.defaultKeypair = pair;
    out = kj::heap<kj::TlsContext>(tls);
  });
  if (problem != nullptr) return invalid(what, *file, "PEM that fits its certificate or key");
  return kj::mv(out);
}

// ---- a connection, in the loop's thread ------------------------------------------------------------------------------

struct Connection {
  explicit Connection(kj::Own<kj::AsyncIoStream> s)
      : stream(kj::mv(s)),
        network(*stream, capnp::rpc::twoparty::Side::CLIENT, reading()),
        system(capnp::makeRpcClient(network)),
        ledger(bootstrap()) {}

  static capnp::ReaderOptions reading() {
    capnp::ReaderOptions out;
    out.traversalLimitInWords = kMostAnswerWords;
    return out;
  }
  schema::Ledger::Client bootstrap() {
    capnp::MallocMessageBuilder message(16);
    auto id = message.getRoot<capnp::rpc::twoparty::VatId>();
    id.setSide(capnp::rpc::twoparty::Side::SERVER);
    return system.bootstrap(id).castAs<schema::Ledger>();
  }

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> system;
  schema::Ledger::Client ledger;
  ServiceInfo info;
  kj::Maybe<schema::Commands::Client> commands;
  kj::Maybe<schema::Queries::Client> queries;
  kj::Maybe<schema::History::Client> history;
  kj::Maybe<schema::Upkeep::Client> upkeep;
};

using Shared = std::shared_ptr<Connection>;

// What a capability is opened with, by its type.
kj::Promise<Result<schema::Commands::Client>> open(Shared c, schema::Commands*) {
  KJ_IF_MAYBE (known, c->commands) return Result<schema::Commands::Client>(*known);
  return c->ledger.commandsRequest().send().then(
      [c](auto answer) -> Result<schema::Commands::Client> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return c->commands.emplace(answer.getCommands());
      });
}
kj::Promise<Result<schema::Queries::Client>> open(Shared c, schema::Queries*) {
  KJ_IF_MAYBE (known, c->queries) return Result<schema::Queries::Client>(*known);
  return c->ledger.queriesRequest().send().then(
      [c](auto answer) -> Result<schema::Queries::Client> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return c->queries.emplace(answer.getQueries());
      });
}
kj::Promise<Result<schema::History::Client>> open(Shared c, schema::History*) {
  KJ_IF_MAYBE (known, c->history) return Result<schema::History::Client>(*known);
  return c->ledger.historyRequest().send().then(
      [c](auto answer) -> Result<schema::History::Client> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return c->history.emplace(answer.getHistory());
      });
}
kj::Promise<Result<schema::Upkeep::Client>> open(Shared c, schema::Upkeep*) {
  KJ_IF_MAYBE (known, c->upkeep) return Result<schema::Upkeep::Client>(*known);
  return c->ledger.upkeepRequest().send().then([c](auto answer) -> Result<schema::Upkeep::Client> {
    if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
    return c->upkeep.emplace(answer.getUpkeep());
  });
}

/// Tells a caller of the progress of a job; his "no" ends it.
class ProgressImpl final : public schema::Progress::Server {
 public:
  ProgressImpl(const Progress& progress, kj::Own<kj::PromiseFulfiller<void>> stop)
      : progress_(progress), stop_(kj::mv(stop)) {}
  kj::Promise<void> report(ReportContext context) override {
    const auto params = context.getParams();
    if (!progress_(params.getDone(), params.getTotal())) stop_->fulfill();
    return kj::READY_NOW;
  }

 private:
  const Progress progress_;
  kj::Own<kj::PromiseFulfiller<void>> stop_;
};

RecordPiece read_piece(schema::Records::Reader in) {
  RecordPiece out;
  out.first = in.getFirst();
  const auto bytes = in.getBytes();
  out.words.resize(bytes.size() / 8);
  if (!out.words.empty()) std::memcpy(out.words.data(), bytes.begin(), out.words.size() * 8);
  out.ends.reserve(in.getEnds().size());
  for (const std::uint32_t end : in.getEnds()) out.ends.push_back(end);
  return out;
}

Result<CommandHandler::Preview> read_preview(schema::Preview::Reader in) {
  CommandHandler::Preview out;
  out.answer = read_answer(in.getAnswer());
  Status decoded;
  LEASELEDGER_ASSIGN([[maybe_unused]] const bool all,
                     visit_records(in.getRecords(), [&](const StoredRecord& stored) {
                       decoded = decode_record(stored.bytes, out.records.emplace_back());
                       return decoded.has_value();
                     }));
  LEASELEDGER_TRY(decoded);
  return out;
}

/// Hands pieces of a subscription on.
class SubscriberImpl final : public schema::Subscriber::Server {
 public:
  struct State {
    std::function<kj::Promise<bool>(RecordPiece)> take;
    Position next = 1;
    kj::Own<kj::PromiseFulfiller<Status>> ended;
    /// pieces are taken one after the other, although several are on their way.
    kj::Promise<void> last = kj::READY_NOW;
  };
  explicit SubscriberImpl(std::shared_ptr<State> state) : state_(std::move(state)) {}

  kj::Promise<void> records(RecordsContext context) override {
    auto piece = kj::heap<RecordPiece>(read_piece(context.getParams().getRecords()));
    context.releaseParams();
    auto taken = state_->last
                     .then([state = state_, piece = kj::mv(piece)]() mutable -> kj::Promise<void> {
                       if (piece->first != state->next) {
                         state->ended->fulfill(
                             corrupt("records", std::to_string(piece->first), "the next one"));
                         return kj::NEVER_DONE;
                       }
                       state->next += piece->size();
                       return state->take(std::move(*piece)).then([state](bool go_on) {
                         if (!go_on) state->ended->fulfill(Status{});
                       });
                     })
                     .fork();
    state_->last = taken.addBranch();
    return taken.addBranch();
  }

  kj::Promise<void> ended(EndedContext context) override {
    state_->ended->fulfill(tl::unexpected(read_error(context.getParams().getError())));
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<State> state_;
};

/// How long a call may take, and whether it is made again after a lost connection.
enum class Patience {
  kQuestion,  ///< call_timeout; made again.
  kJob,       ///< as long as it takes; not made again once it has begun.
};

class AsyncClientImpl final : public AsyncClient, private kj::TaskSet::ErrorHandler {
 public:
  AsyncClientImpl(ClientOptions options, Target target, kj::AsyncIoProvider& io)
      : options_(std::move(options)), target_(std::move(target)), io_(io), tasks_(*this) {}

  kj::Promise<Result<ServiceInfo>> info() override {
    return call<ServiceInfo>(
        [this](const Shared& connection, AsyncClientImpl&) { return greet(connection); },
        Patience::kQuestion);
  }

  // ---- commands ------------------------------------------------------------------------------------------------------

  kj::Promise<Result<std::vector<Answer>>> submit(std::vector<Envelope> commands,
                                                  Chain chain) override {
    if (commands.empty()) return Result<std::vector<Answer>>(std::vector<Answer>{});
    if (options_.retry_for.count() > 0) {
      for (auto& each : commands) {
        if (!each.id) each.id = new_command_id();
      }
    }
    auto paf = kj::newPromiseAndFulfiller<Result<std::vector<Answer>>>();
    const std::size_t count = commands.size();
    Submission* last = outgoing_.empty() ? nullptr : outgoing_.back().get();
    if (last != nullptr && last->chain == Chain::kEach && chain == Chain::kEach &&
        last->commands.size() + count <= kMostTogether) {
      last->commands.insert(last->commands.end(), std::make_move_iterator(commands.begin()),
                            std::make_move_iterator(commands.end()));
    } else {
      last = outgoing_.emplace_back(std::make_unique<Submission>()).get();
      last->commands = std::move(commands);
      last->chain = chain;
    }
    last->parts.push_back({count, kj::mv(paf.fulfiller)});
    if (!std::exchange(sending_, true)) tasks_.add(kj::evalLast([this] { send_outgoing(); }));
    return kj::mv(paf.promise);
  }

  kj::Promise<Result<std::vector<CommandHandler::Preview>>> preview(
      std::span<const Envelope> commands, Chain chain) override {
    using Previews = std::vector<CommandHandler::Preview>;
    const std::vector<Envelope> copy(commands.begin(), commands.end());
    return with<schema::Commands, Previews>([copy, chain](schema::Commands::Client& client) {
             auto request = client.previewRequest(size_of_commands(copy.size()));
             auto list = request.initCommands(static_cast<unsigned>(copy.size()));
             for (unsigned i = 0; i < list.size(); ++i) write_command(copy[i], list[i]);
             request.setChain(chain == Chain::kAllOrNothing);
             return request.send().then([](auto answer) -> Result<Previews> {
               if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
               Previews out;
               for (const auto each : answer.getPreviews()) {
                 LEASELEDGER_ASSIGN(out.emplace_back(), read_preview(each));
               }
               return out;
             });
           })
        .then([count = copy.size()](Result<Previews> previews) -> Result<Previews> {
          if (previews || previews.error().kind != ErrorKind::kDenied) return previews;
          // As a directory answers: each command for itself.
          Previews refused(count);
          for (auto& each : refused) {
            each.answer.code = previews.error().code;
            each.answer.error = previews.error();
          }
          return refused;
        });
  }

  // ---- questions -----------------------------------------------------------------------------------------------------

  kj::Promise<Result<AsOf>> resolve(const When& when) override {
    return with<schema::Queries, AsOf>([when](schema::Queries::Client& client) {
      auto request = client.resolveRequest();
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<AsOf> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return read_as_of(answer.getAsOf());
      });
    });
  }

  kj::Promise<Result<LeaseAnswer>> lease(const LeaseKey& key, const When& when) override {
    return with<schema::Queries, LeaseAnswer>([key, when](schema::Queries::Client& client) {
      auto request = client.leaseRequest();
      write_prefix(key, request.initKey());
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<LeaseAnswer> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        LeaseAnswer out{read_as_of(answer.getAsOf()), {}};
        if (answer.hasLease()) out.lease = rpc::read(answer.getLease());
        return out;
      });
    });
  }

  kj::Promise<Result<LeasePage>> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                                           const When& when) override {
    return with<schema::Queries, LeasePage>([duid, iaid, when](schema::Queries::Client& client) {
      auto request = client.leasesOfRequest();
      request.setDuid(wire_bytes(duid));
      request.setAnyIaid(!iaid);
      if (iaid) request.setIaid(static_cast<std::uint32_t>(*iaid));
      write_when(when, request.initWhen());
      return request.send().then(PageReader<LeasePage>{});
    });
  }

  kj::Promise<Result<LeasePage>> leases_in(const Ipv6Prefix& prefix, const When& when,
                                           std::optional<LeaseKey> after,
                                           std::size_t limit) override {
    if (limit == 0) limit = 1;
    return with<schema::Queries, LeasePage>(
        [prefix, when, after, limit](schema::Queries::Client& client) {
          auto request = client.leasesInRequest();
          write_prefix(prefix, request.initPrefix());
          write_when(when, request.initWhen());
          if (after) write_prefix(*after, request.initAfter());
          request.setLimit(page_limit(limit));
          return request.send().then(PageReader<LeasePage>{});
        });
  }

  kj::Promise<Result<LeasePage>> expiring(Instant from, Instant to, const When& when,
                                          std::size_t limit) override {
    return with<schema::Queries, LeasePage>(
        [from, to, when, limit](schema::Queries::Client& client) {
          auto request = client.expiringRequest();
          request.setFrom(wire_time(from));
          request.setTo(wire_time(to));
          write_when(when, request.initWhen());
          request.setLimit(page_limit(limit));
          return request.send().then(PageReader<LeasePage>{});
        });
  }

  kj::Promise<Result<Holders>> who(const Ipv6Address& address, const When& when) override {
    return with<schema::Queries, Holders>([address, when](schema::Queries::Client& client) {
      auto request = client.whoRequest();
      request.setHigh(address.high);
      request.setLow(address.low);
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<Holders> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return rpc::read(answer.getHolders());
      });
    });
  }

  kj::Promise<Result<SpansAnswer>> history(const LeaseKey& key, bool covering,
                                           const When& when) override {
    return with<schema::Queries, SpansAnswer>(
        [key, covering, when](schema::Queries::Client& client) {
          auto request = client.historyRequest();
          write_prefix(key, request.initKey());
          request.setCovering(covering);
          write_when(when, request.initWhen());
          return request.send().then([](auto answer) { return read_spans(answer); });
        });
  }

  kj::Promise<Result<SpansAnswer>> held_by(const Duid& duid, Instant from, Instant to,
                                           const When& when) override {
    return with<schema::Queries, SpansAnswer>(
        [duid, from, to, when](schema::Queries::Client& client) {
          auto request = client.heldByRequest();
          request.setDuid(wire_bytes(duid));
          request.setFrom(wire_time(from));
          request.setTo(wire_time(to));
          write_when(when, request.initWhen());
          return request.send().then([](auto answer) { return read_spans(answer); });
        });
  }

  kj::Promise<Result<SubnetPage>> subnets(const When& when, std::optional<Ipv6Prefix> after,
                                          std::size_t limit) override {
    return with<schema::Queries, SubnetPage>([when, after, limit](schema::Queries::Client& client) {
      auto request = client.subnetsRequest();
      write_when(when, request.initWhen());
      if (after) write_prefix(*after, request.initAfter());
      request.setLimit(page_limit(limit));
      return request.send().then(PageReader<SubnetPage>{});
    });
  }

  kj::Promise<Result<SubnetAnswer>> subnet(const Ipv6Prefix& prefix, const When& when) override {
    return with<schema::Queries, SubnetAnswer>([prefix, when](schema::Queries::Client& client) {
      auto request = client.subnetRequest();
      write_prefix(prefix, request.initPrefix());
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<SubnetAnswer> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return rpc::read(answer.getAnswer());
      });
    });
  }

  kj::Promise<Result<ElementPage>> elements(std::optional<Ipv6Prefix> subnet, ElementKind kind,
                                            const When& when, std::uint64_t skip,
                                            std::size_t limit) override {
    return with<schema::Queries, ElementPage>(
        [subnet, kind, when, skip, limit](schema::Queries::Client& client) {
          auto request = client.elementsRequest();
          if (subnet) write_prefix(*subnet, request.initSubnet());
          request.setKind(static_cast<schema::ElementKind>(kind));
          write_when(when, request.initWhen());
          request.setSkip(skip);
          request.setLimit(page_limit(limit));
          return request.send().then(PageReader<ElementPage>{});
        });
  }

  kj::Promise<Result<FreeAddresses>> free_addresses(const GetFreeAddress& query) override {
    return with<schema::Queries, FreeAddresses>([query](schema::Queries::Client& client) {
      auto request = client.freeAddressesRequest();
      write_prefix(query.subnet, request.initSubnet());
      if (query.start) write_prefix({*query.start, 128}, request.initStart());
      if (query.end) write_prefix({*query.end, 128}, request.initEnd());
      request.setCount(query.count);
      return request.send().then([](auto answer) -> Result<FreeAddresses> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        FreeAddresses out;
        for (const auto each : answer.getAddresses())
          out.addresses.push_back(plain_prefix(each).address);
        out.reached_end = answer.getReachedEnd();
        return out;
      });
    });
  }

  kj::Promise<Result<Stats>> stats() override {
    return with<schema::Queries, Stats>([](schema::Queries::Client& client) {
      return client.statsRequest().send().then([](auto answer) -> Result<Stats> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return rpc::read(answer.getStats());
      });
    });
  }

  kj::Promise<Result<std::vector<KeaServerStatus>>> kea_servers() override {
    using Servers = std::vector<KeaServerStatus>;
    return with<schema::Queries, Servers>([](schema::Queries::Client& client) {
      return client.keaServersRequest().send().then([](auto answer) -> Result<Servers> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        Servers out;
        for (const auto server : answer.getServers()) out.push_back(rpc::read(server));
        return out;
      });
    });
  }

  // ---- the audit log -------------------------------------------------------------------------------------------------

  kj::Promise<Result<RecordPiece>> read(Position first, Position last,
                                        Direction direction) override {
    return with<schema::History, RecordPiece>(
        [first, last, direction](schema::History::Client& client) {
          auto request = client.readRequest();
          request.setFirst(first);
          request.setLast(last);
          request.setBackward(direction == Direction::kBackward);
          return request.send().then([](auto answer) -> Result<RecordPiece> {
            if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
            return read_piece(answer.getRecords());
          });
        });
  }

  kj::Promise<Result<FilteredPiece>> log(const LogFilter& filter) override {
    return with<schema::History, FilteredPiece>([filter](schema::History::Client& client) {
      auto request = client.logRequest();
      write_filter(filter, request.initFilter());
      request.setLimit(
          static_cast<std::uint32_t>(std::min<std::uint64_t>(filter.limit, kPageOfRecords)));
      return request.send().then([](auto answer) -> Result<FilteredPiece> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return FilteredPiece{read_piece(answer.getRecords()), answer.getNext()};
      });
    });
  }

  kj::Promise<Result<Position>> wait(Position known, milliseconds timeout) override {
    return with<schema::History, Position>([known, timeout](schema::History::Client& client) {
      auto request = client.waitRequest();
      request.setKnown(known);
      request.setMilliseconds(static_cast<std::uint32_t>(timeout.count()));
      return request.send().then([](auto answer) -> Result<Position> { return answer.getTail(); });
    });
  }

  kj::Promise<Result<TreeHead>> tree_head(std::uint64_t size) override {
    return with<schema::History, TreeHead>([size](schema::History::Client& client) {
      auto request = client.treeHeadRequest();
      request.setSize(size);
      return request.send().then([size](auto answer) -> Result<TreeHead> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        TreeHead out{size, {}};
        read_octets(answer.getRoot(), out.root);
        return out;
      });
    });
  }

  kj::Promise<Result<std::vector<Hash>>> inclusion_proof(Position position,
                                                         std::uint64_t size) override {
    return with<schema::History, std::vector<Hash>>(
        [position, size](schema::History::Client& client) {
          auto request = client.inclusionProofRequest();
          request.setPosition(position);
          request.setSize(size);
          return request.send().then([](auto answer) { return read_hashes(answer); });
        });
  }

  kj::Promise<Result<std::vector<Hash>>> consistency_proof(std::uint64_t old_size,
                                                           std::uint64_t new_size) override {
    return with<schema::History, std::vector<Hash>>(
        [old_size, new_size](schema::History::Client& client) {
          auto request = client.consistencyProofRequest();
          request.setOldSize(old_size);
          request.setNewSize(new_size);
          return request.send().then([](auto answer) { return read_hashes(answer); });
        });
  }

  kj::Promise<Status> follow(Position from,
                             std::function<kj::Promise<bool>(RecordPiece)> take) override {
    const auto state = std::make_shared<SubscriberImpl::State>();
    state->take = std::move(take);
    state->next = std::max<Position>(from, 1);
    // Pieces that nobody has taken wait in the state, which they hold.
    return follow_on(state).attach(kj::defer([state] { state->last = kj::READY_NOW; }));
  }

  // ---- the past ------------------------------------------------------------------------------------------------------

  class StateImpl final : public AsyncPastState {
   public:
    StateImpl(AsyncClientImpl& client, schema::State::Client state, Info info)
        : client_(client), state_(kj::mv(state)), info_(info) {}
    const Info& info() const override { return info_; }
    kj::Promise<Result<PastState::Page>> page(std::optional<LeaseKey> after,
                                              std::size_t limit) override {
      using Page = PastState::Page;
      auto request = state_.pageRequest();
      if (after) write_prefix(*after, request.initAfter());
      request.setLimit(page_limit(limit));
      return request.send().then(
          [](auto answer) -> Result<Page> {
            if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
            Page out;
            for (const auto row : answer.getRows())
              out.rows.push_back({rpc::read(row.getLease()), plain_prefix(row.getSubnet())});
            if (answer.hasNext()) out.next = plain_prefix(answer.getNext());
            return out;
          },
          [&client = client_](kj::Exception&&) -> Result<Page> {
            return tl::unexpected(unavailable(client.options_.server,
                                              "the connection was lost, and the state with it"));
          });
    }

   private:
    AsyncClientImpl& client_;
    schema::State::Client state_;
    const Info info_;
  };

  kj::Promise<Result<kj::Own<AsyncPastState>>> state_at(Position position,
                                                        const Progress& progress) override {
    using State = kj::Own<AsyncPastState>;
    return job<schema::History, State>(
        progress,
        [position](schema::History::Client& client) {
          auto request = client.stateAtRequest();
          request.setPosition(position);
          return request;
        },
        [this](auto& answer) -> kj::Promise<Result<State>> {
          auto state = answer.getState();
          return state.infoRequest().send().then([this, state](auto in) mutable -> Result<State> {
            AsyncPastState::Info info{in.getPosition(),
                                      read_time(in.getRecordedAt()),
                                      in.getSubnets(),
                                      in.getLeases(),
                                      {}};
            read_octets(in.getDigest(), info.digest);
            return State(kj::heap<StateImpl>(*this, kj::mv(state), info));
          });
        });
  }

  kj::Promise<Result<Difference>> diff(Position from, Position to) override {
    // All pages in one go, so that the capability is held no longer than needed.
    return with<schema::History, Difference>(
        [from, to](schema::History::Client& client) -> kj::Promise<Result<Difference>> {
          auto request = client.diffRequest();
          request.setFrom(from);
          request.setTo(to);
          return request.send().then([](auto answer) -> kj::Promise<Result<Difference>> {
            if (answer.hasError())
              return Result<Difference>(tl::unexpected(read_error(answer.getError())));
            auto difference = answer.getDifference();
            return difference.infoRequest().send().then([difference](auto info) mutable {
              auto out = kj::heap<Paged>();
              out->difference.from = info.getFrom();
              out->difference.to = info.getTo();
              out->difference.subnets = read_list<SubnetDifference>(info.getSubnets());
              out->leases = info.getLeases();
              auto& paged = *out;
              return read_pages(difference, paged).then([out = kj::mv(out)]() mutable {
                return Result<Difference>(std::move(out->difference));
              });
            });
          });
        },
        Patience::kJob);
  }

  kj::Promise<Result<VerifyReport>> verify(const Progress& progress) override {
    return job<schema::History, VerifyReport>(
        progress, [](schema::History::Client& client) { return client.verifyRequest(); },
        [](auto& answer) -> kj::Promise<Result<VerifyReport>> {
          return Result<VerifyReport>(rpc::read(answer.getReport()));
        });
  }

  kj::Promise<Result<ReplayReport>> replay(const Progress& progress) override {
    return job<schema::History, ReplayReport>(
        progress, [](schema::History::Client& client) { return client.replayRequest(); },
        [](auto& answer) -> kj::Promise<Result<ReplayReport>> {
          return Result<ReplayReport>(rpc::read(answer.getReport()));
        });
  }

  // ---- upkeep --------------------------------------------------------------------------------------------------------

  kj::Promise<Result<std::vector<std::string>>> rebuild_views() override {
    using Names = std::vector<std::string>;
    return with<schema::Upkeep, Names>(
        [](schema::Upkeep::Client& client) {
          return client.rebuildViewsRequest().send().then([](auto answer) -> Result<Names> {
            if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
            Names out;
            for (const auto name : answer.getDiffering()) out.push_back(plain_text(name));
            return out;
          });
        },
        Patience::kJob);
  }

  kj::Promise<Result<bool>> compare_with_kea(const std::string& server) override {
    return with<schema::Upkeep, bool>([server](schema::Upkeep::Client& client) {
      auto request = client.compareWithKeaRequest();
      request.setServer(wire_text(server));
      return request.send().then([](auto answer) -> Result<bool> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return true;
      });
    });
  }

  kj::Promise<Result<BackupReport>> backup(const std::string& directory,
                                           const Progress& progress) override {
    return job<schema::Upkeep, BackupReport>(
        progress,
        [directory](schema::Upkeep::Client& client) {
          auto request = client.backupRequest();
          request.setDirectory(wire_text(directory));
          return request;
        },
        [directory](auto& answer) -> kj::Promise<Result<BackupReport>> {
          BackupReport out{directory, answer.getRecords(), {}, answer.getVerified()};
          read_octets(answer.getRoot(), out.root);
          return Result<BackupReport>(std::move(out));
        });
  }

 private:
  template <typename T>
  using Body = std::function<kj::Promise<Result<T>>(const Shared&, AsyncClientImpl&)>;

  /// Runs `body` with a connection.
  template <typename T>
  kj::Promise<Result<T>> call(Body<T> body, Patience patience) {
    return attempt<T>(std::move(body), patience, Steady::now() + options_.retry_for, kFirstRest);
  }

  /// With a capability.
  template <typename Interface, typename T>
  kj::Promise<Result<T>> with(
      std::function<kj::Promise<Result<T>>(typename Interface::Client&)> body,
      Patience patience = Patience::kQuestion) {
    return call<T>(
        [body = std::move(body)](const Shared& connection, AsyncClientImpl&) {
          return open(connection, static_cast<Interface*>(nullptr))
              .then([body](Result<typename Interface::Client> client) -> kj::Promise<Result<T>> {
                if (!client) return Result<T>(tl::unexpected(client.error()));
                return body(*client);
              });
        },
        patience);
  }

  /// Something long whose progress is told.
  template <typename Interface, typename T, typename Make, typename Read>
  kj::Promise<Result<T>> job(const Progress& progress, Make make, Read read_answer) {
    return with<Interface, T>(
        [progress, make,
         read_answer](typename Interface::Client& client) -> kj::Promise<Result<T>> {
          auto request = make(client);
          kj::Promise<void> stopped = kj::NEVER_DONE;
          if (progress) {
            auto paf = kj::newPromiseAndFulfiller<void>();
            stopped = kj::mv(paf.promise);
            request.setProgress(kj::heap<ProgressImpl>(progress, kj::mv(paf.fulfiller)));
          }
          return request.send()
              .then([read_answer](auto&& answer) -> kj::Promise<Result<T>> {
                if (answer.hasError())
                  return Result<T>(tl::unexpected(read_error(answer.getError())));
                return read_answer(answer);
              })
              .exclusiveJoin(stopped.then([]() -> Result<T> {
                return fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "",
                            "to be let run to its end");
              }));
        },
        Patience::kJob);
  }

  static std::uint32_t page_limit(std::size_t limit) {
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(limit, 1, kPageOfRows));
  }

  template <typename T>
  struct PageReader {
    template <typename Answer>
    Result<T> operator()(Answer&& answer) const {
      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
      return rpc::read(answer.getPage());
    }
  };

  template <typename Answer>
  static Result<SpansAnswer> read_spans(Answer& answer) {
    if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
    return SpansAnswer{answer.getKnown(), read_list<HeldSpan>(answer.getSpans())};
  }

  struct Paged {
    Difference difference;
    std::uint64_t leases = 0;
  };
  static kj::Promise<void> read_pages(schema::Difference::Client difference, Paged& paged) {
    if (paged.difference.leases.size() >= paged.leases) return kj::READY_NOW;
    auto request = difference.pageRequest();
    request.setSkip(paged.difference.leases.size());
    request.setLimit(kPageOfRows);
    return request.send().then([difference, &paged](auto answer) mutable -> kj::Promise<void> {
      if (answer.getLeases().size() == 0) return kj::READY_NOW;
      for (const auto lease : answer.getLeases())
        paged.difference.leases.push_back(rpc::read(lease));
      return read_pages(difference, paged);
    });
  }

  kj::Promise<Result<ServiceInfo>> greet(const Shared& connection) {
    auto request = connection->ledger.greetRequest();
    request.setTool(wire_text(options_.tool));
    request.setAtMost(static_cast<schema::Role>(options_.role));
    return request.send().then([](auto answer) -> Result<ServiceInfo> {
      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
      return rpc::read(answer.getInfo());
    });
  }

  /// The connection, made now if there is none.
  kj::Promise<Result<Shared>> connected() {
    if (connection_ != nullptr) return Result<Shared>(connection_);
    if (connecting_.get() == nullptr) {
      connecting_ = kj::heap<kj::ForkedPromise<Result<Shared>>>(
          connect_now()
              .then([this](Result<Shared> made) {
                if (made) {
                  connection_ = *made;
                  was_connected_ = true;
                }
                return made;
              })
              .attach(kj::defer([this] { connecting_done_ = true; }))
              .fork());
      connecting_done_ = false;
    }
    return connecting_->addBranch().then([this](Result<Shared> made) {
      if (connecting_done_) connecting_ = nullptr;
      return made;
    });
  }

  kj::Promise<Result<Shared>> connect_now() {
    auto& timer = io_.getTimer();
    auto resolved = std::make_shared<bool>(false);
    kj::Promise<kj::Own<kj::AsyncIoStream>> stream =
        io_.getNetwork()
            .parseAddress(target_.address)
            .then([resolved](kj::Own<kj::NetworkAddress> address) {
              *resolved = true;
              return address->connect().attach(kj::mv(address));
            });
    if (target_.tls) {
      auto made = client_tls(options_);
      if (!made) return Result<Shared>(tl::unexpected(made.error()));
      stream = stream.then([this, tls = kj::mv(*made)](kj::Own<kj::AsyncIoStream> raw) mutable {
        const std::string& name =
            options_.server_name.empty() ? target_.host : options_.server_name;
        auto wrapped = tls->wrapClient(kj::mv(raw), kj::StringPtr(name.c_str(), name.size()));
        return wrapped.attach(kj::mv(tls));
      });
    }
    return timer
        .timeoutAfter(kj_time(options_.connect_timeout),
                      stream.then([this](kj::Own<kj::AsyncIoStream> made) {
                        const auto connection = std::make_shared<Connection>(kj::mv(made));
                        return greet(connection)
                            .then([connection](Result<ServiceInfo> info) -> Result<Shared> {
                              if (!info) return tl::unexpected(info.error());
                              connection->info = std::move(*info);
                              return connection;
                            });
                      }))
        .catch_([this, resolved](kj::Exception&& problem) -> Result<Shared> {
          if (problem.getType() == kj::Exception::Type::OVERLOADED) {
            return fail(
                Win32::kTimeout, ErrorKind::kIo, "server", options_.server,
                "an answer within " + std::to_string(options_.connect_timeout.count()) + " ms");
          }
          Error error = connect_error(options_, target_, problem, *resolved);
          if (target_.tls && *resolved && error.code == Win32::kRpcServerUnavailable &&
              problem.getType() == kj::Exception::Type::DISCONNECTED &&
              error.expected.find("refused") == std::string::npos) {
            error = {Win32::kAccessDenied, ErrorKind::kDenied, "server", options_.server,
                     "a client certificate that the daemon believes: it closed the connection"};
          }
          return tl::unexpected(std::move(error));
        });
  }

  /// Once, and again after a lost connection for as long as it is allowed.
  template <typename T>
  kj::Promise<Result<T>> attempt(Body<T> body, Patience patience, Steady::time_point until,
                                 milliseconds rest) {
    auto& timer = io_.getTimer();
    return connected().then([this, &timer, body, patience, until,
                             rest](Result<Shared> connection) mutable -> kj::Promise<Result<T>> {
      if (!connection) {
        const bool temporary =
            connection.error().code == Win32::kRpcServerUnavailable && was_connected_;
        if (!temporary || Steady::now() + rest > until)
          return Result<T>(tl::unexpected(connection.error()));
        return again(std::move(body), patience, until, rest);
      }
      kj::Promise<Result<T>> answer = body(*connection, *this).attach(Shared(*connection));
      if (patience != Patience::kJob) {
        answer = answer.exclusiveJoin(
            timer.afterDelay(kj_time(options_.call_timeout)).then([this]() -> Result<T> {
              return tl::unexpected(timed_out(options_.server, options_.call_timeout));
            }));
      }
      return answer.catch_([this, used = *connection, body, patience, until,
                            rest](kj::Exception&& problem) mutable -> kj::Promise<Result<T>> {
        const bool lost = problem.getType() == kj::Exception::Type::DISCONNECTED;
        if (lost && connection_ == used) forget_connection();
        if (!lost) {
          return Result<T>(tl::unexpected(Error{
              Win32::kRpcCallFailed, ErrorKind::kIo, "server", options_.server,
              std::string("a daemon of a version that fits: ") + problem.getDescription().cStr()}));
        }
        if (patience != Patience::kQuestion || Steady::now() + rest > until)
          return Result<T>(tl::unexpected(unavailable(options_.server, "the connection was lost")));
        return again(std::move(body), patience, until, rest);
      });
    });
  }

  template <typename T>
  kj::Promise<Result<T>> again(Body<T> body, Patience patience, Steady::time_point until,
                               milliseconds rest) {
    return io_.getTimer()
        .afterDelay(kj_time(rest))
        .then([this, body = std::move(body), patience, until, rest]() mutable {
          return attempt<T>(std::move(body), patience, until, std::min(2 * rest, kLongestRest));
        });
  }

  void forget_connection() { connection_ = nullptr; }

  // ---- submissions ---------------------------------------------------------------------------------------------------

  struct Submission {
    std::vector<Envelope> commands;
    Chain chain = Chain::kEach;
    struct Part {
      std::size_t commands = 0;
      kj::Own<kj::PromiseFulfiller<Result<std::vector<Answer>>>> fulfiller;
    };
    std::vector<Part> parts;
    /// a write failed under it: "nothing was done" cannot be said any more.
    std::optional<Error> write_error;
  };

  /// What was submitted in this turn of the loop.
  void send_outgoing() {
    sending_ = false;
    for (auto& each : std::exchange(outgoing_, {}))
      send(std::shared_ptr<Submission>(std::move(each)));
  }

  void send(const std::shared_ptr<Submission>& submission) {
    const auto until = Steady::now() + options_.retry_for;
    tasks_.add(submit_once(submission, until, kFirstRest)
                   .then([submission](Result<std::vector<Answer>> answers) {
                     deliver(*submission, std::move(answers));
                   }));
  }

  kj::Promise<Result<std::vector<Answer>>> submit_once(std::shared_ptr<Submission> submission,
                                                       Steady::time_point until,
                                                       milliseconds rest) {
    using Answers = std::vector<Answer>;
    const Body<Answers> body = [submission](const Shared& connection, AsyncClientImpl&) {
      return open(connection, static_cast<schema::Commands*>(nullptr))
          .then([submission, connection](
                    Result<schema::Commands::Client> client) -> kj::Promise<Result<Answers>> {
            if (!client && client.error().kind == ErrorKind::kDenied)
              return attempt_without_role(*submission, connection);
            if (!client) return Result<Answers>(tl::unexpected(client.error()));
            auto request = client->submitRequest(size_of_commands(submission->commands.size()));
            write_commands(*submission, request);
            request.setChain(submission->chain == Chain::kAllOrNothing);
            return request.send().then([](auto answer) { return read_answers(answer); });
          });
    };
    return attempt<Answers>(body, Patience::kQuestion, until, rest)
        .then([this, submission, until,
               rest](Result<Answers> answers) -> kj::Promise<Result<Answers>> {
          if (answers) return answers;
          const Error& error = answers.error();
          // The daemon could not write and does not know what became of it: it opens the ledger anew, and the same ids then get
          // their answers.
          const bool write_failed =
              error.kind == ErrorKind::kIo && error.code != Win32::kRpcServerUnavailable &&
              error.code != Win32::kTimeout && error.code != Win32::kRpcCallFailed;
          if (write_failed) submission->write_error = error;
          const bool open =
              submission->write_error && (write_failed || error.kind == ErrorKind::kBusy);
          if (!open) return answers;
          if (Steady::now() + rest > until)
            return Result<Answers>(tl::unexpected(*submission->write_error));
          return io_.getTimer().afterDelay(kj_time(rest)).then([this, submission, until, rest] {
            return submit_once(submission, until, std::min(2 * rest, kLongestRest));
          });
        });
  }

  template <typename Request>
  static void write_commands(const Submission& submission, Request& request) {
    auto list = request.initCommands(static_cast<unsigned>(submission.commands.size()));
    for (unsigned i = 0; i < list.size(); ++i) write_command(submission.commands[i], list[i]);
  }

  template <typename Answered>
  static Result<std::vector<Answer>> read_answers(Answered& answer) {
    if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
    std::vector<Answer> out;
    out.reserve(answer.getAnswers().size());
    for (const auto each : answer.getAnswers()) out.push_back(read_answer(each));
    return out;
  }

  /// So that the refusal is in the audit trail.
  static kj::Promise<Result<std::vector<Answer>>> attempt_without_role(const Submission& submission,
                                                                       const Shared& connection) {
    auto request = connection->ledger.attemptRequest(size_of_commands(submission.commands.size()));
    write_commands(submission, request);
    return request.send().then([](auto answer) { return read_answers(answer); });
  }

  static void deliver(Submission& submission, Result<std::vector<Answer>> answers) {
    if (answers && answers->size() != submission.commands.size()) {
      answers =
          fail(Win32::kRpcCallFailed, ErrorKind::kIo, "answers", std::to_string(answers->size()),
               std::to_string(submission.commands.size()) + ", one for each command");
    }
    std::size_t next = 0;
    auto parts = std::exchange(submission.parts, {});
    for (auto& part : parts) {
      if (!answers) {
        part.fulfiller->fulfill(tl::unexpected(answers.error()));
      } else if (parts.size() == 1) {
        part.fulfiller->fulfill(std::move(answers));
      } else {
        const auto begin = answers->begin() + static_cast<std::ptrdiff_t>(next);
        next += part.commands;
        part.fulfiller->fulfill(std::vector<Answer>(
            std::make_move_iterator(begin),
            std::make_move_iterator(answers->begin() + static_cast<std::ptrdiff_t>(next))));
      }
    }
  }

  // ---- following -----------------------------------------------------------------------------------------------------

  /// One subscription after the other, until it is ended otherwise than by a lost connection.
  kj::Promise<Status> follow_on(std::shared_ptr<SubscriberImpl::State> state) {
    auto paf = kj::newPromiseAndFulfiller<Status>();
    state->ended = kj::mv(paf.fulfiller);
    state->last = kj::READY_NOW;
    using Held = kj::Own<schema::Subscription::Client>;
    auto subscribed = call<Held>(
        [state](const Shared& connection, AsyncClientImpl&) {
          return open(connection, static_cast<schema::History*>(nullptr))
              .then([state, connection](
                        Result<schema::History::Client> history) -> kj::Promise<Result<Held>> {
                if (!history) return Result<Held>(tl::unexpected(history.error()));
                auto request = history->subscribeRequest();
                request.setFrom(state->next);
                request.setSubscriber(kj::heap<SubscriberImpl>(state));
                return request.send().then([connection](auto answer) -> Result<Held> {
                  if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
                  return kj::heap<schema::Subscription::Client>(answer.getSubscription())
                      .attach(Shared(connection));
                });
              });
        },
        Patience::kQuestion);
    return subscribed.then([this, state, ended = kj::mv(paf.promise)](
                               Result<Held> held) mutable -> kj::Promise<Status> {
      if (!held) return Status(tl::unexpected(held.error()));
      const Shared used = connection_;
      auto lost = used == nullptr ? kj::Promise<Status>(connection_lost())
                                  : used->network.onDisconnect().then([this, used]() -> Status {
                                      if (connection_ == used) forget_connection();
                                      return connection_lost();
                                    });
      return ended.exclusiveJoin(kj::mv(lost))
          .attach(kj::mv(*held))
          .then([this, state](Status status) -> kj::Promise<Status> {
            const bool again =
                !status && status.error().kind == ErrorKind::kIo && options_.retry_for.count() > 0;
            return again ? follow_on(state) : kj::Promise<Status>(std::move(status));
          });
    });
  }

  Status connection_lost() const {
    return tl::unexpected(unavailable(options_.server, "the connection was lost"));
  }

  void taskFailed(kj::Exception&&) override {}

  template <typename Answered>
  static Result<std::vector<Hash>> read_hashes(Answered& answer) {
    if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
    std::vector<Hash> out;
    for (const auto hash : answer.getHashes()) read_octets(hash, out.emplace_back());
    return out;
  }

  const ClientOptions options_;
  const Target target_;
  kj::AsyncIoProvider& io_;
  std::vector<std::unique_ptr<Submission>> outgoing_;
  bool sending_ = false;
  Shared connection_;
  bool was_connected_ = false;
  kj::Own<kj::ForkedPromise<Result<Shared>>> connecting_;
  bool connecting_done_ = false;
  kj::TaskSet tasks_;
};

}  // namespace

Result<bool> RecordPiece::visit(
    const std::function<bool(std::span<const std::uint8_t>)>& body) const {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(words.data());
  std::size_t begin = 0;
  for (const std::uint32_t end : ends) {
    if (end <= begin || end > words.size() * 8 || end % 8 != 0)
      return corrupt("records", "", "a message whose parts fit together");
    if (!body({bytes + begin, end - begin})) return false;
    begin = end;
  }
  return true;
}

Result<kj::Own<AsyncClient>> AsyncClient::make(ClientOptions options, kj::AsyncIoProvider& io) {
  LEASELEDGER_ASSIGN(Target target, parse_server(options.server));
  if (target.tls) LEASELEDGER_TRY(client_tls(options));
  return kj::Own<AsyncClient>(kj::heap<AsyncClientImpl>(std::move(options), std::move(target), io));
}

}  // namespace leaseledger::rpc
