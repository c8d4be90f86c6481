#include "adapters/rpc/client.h"

#include "adapters/rpc/mailbox.h"
#include "adapters/rpc/new_command_id.h"
#include "adapters/rpc/wire_commands.h"
#include "adapters/rpc/wire_values.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace leaseledger::rpc {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kFirstRest = milliseconds(20);
constexpr auto kLongestRest = milliseconds(1000);
/// Submissions of one command each that are asked for together go in one call, up to so many.
constexpr std::size_t kMostTogether = 1000;
constexpr std::size_t kPageOfRows = 10'000;
constexpr auto kFollowRest = milliseconds(250);
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

Result<std::string> read_file(const std::string& path, const char* what) {
  std::ifstream in(path, std::ios::binary);
  if (!in || path.empty()) return invalid(what, path, "a PEM file that can be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<kj::Own<kj::TlsContext>> client_tls(const ClientOptions& options) {
  LEASELEDGER_ASSIGN(const std::string ca, read_file(options.ca_file, "ca_file"));
  kj::Own<kj::TlsContext> out;
  const char* what = "ca_file";
  const std::string* file = &options.ca_file;
  kj::TlsContext::Options tls;
  tls.useSystemTrustStore = false;
  tls.minVersion = kj::TlsVersion::TLS_1_2;
  std::string certificate;
  std::string key;
  if (!options.certificate_file.empty()) {
    LEASELEDGER_ASSIGN(certificate, read_file(options.certificate_file, "certificate_file"));
    LEASELEDGER_ASSIGN(key, read_file(options.key_file, "key_file"));
  }
  const auto problem = kj::runCatchingExceptions([&] {
    const kj::TlsCertificate trusted(kj::StringPtr(ca.c_str(), ca.size()));
    tls.trustedCertificates = kj::arrayPtr(&trusted, 1);
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

/// Records of a message that is gone.
struct RecordCopy {
  RecordCopy() = default;
  explicit RecordCopy(schema::Records::Reader in) : first(in.getFirst()) {
    const auto bytes = in.getBytes();
    words.resize(bytes.size() / 8);
    if (!words.empty()) std::memcpy(words.data(), bytes.begin(), words.size() * 8);
    ends.reserve(in.getEnds().size());
    for (const std::uint32_t end : in.getEnds()) ends.push_back(end);
  }

  /// Visits the bytes of each until `visit` returns false, which is then the answer.
  Result<bool> visit(const std::function<bool(std::span<const std::uint8_t>)>& body) const {
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

  std::vector<std::uint64_t> words;
  std::vector<std::uint32_t> ends;
  Position first = 0;
};

/// Chunks of records on their way from the loop's thread to the one that follows.
struct Following {
  struct Chunk {
    RecordCopy records;
    kj::Own<kj::PromiseFulfiller<void>> taken;  // the loop's
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Chunk>> chunks;
  std::optional<Error> ended;
};

class SubscriberImpl final : public schema::Subscriber::Server {
 public:
  explicit SubscriberImpl(std::shared_ptr<Following> following)
      : following_(std::move(following)) {}

  kj::Promise<void> records(RecordsContext context) override {
    auto chunk = std::make_unique<Following::Chunk>();
    chunk->records = RecordCopy(context.getParams().getRecords());
    context.releaseParams();
    auto paf = kj::newPromiseAndFulfiller<void>();
    chunk->taken = kj::mv(paf.fulfiller);
    {
      const std::lock_guard lock(following_->mutex);
      following_->chunks.push_back(std::move(chunk));
    }
    following_->changed.notify_one();
    return kj::mv(paf.promise);
  }

  kj::Promise<void> ended(EndedContext context) override {
    {
      const std::lock_guard lock(following_->mutex);
      following_->ended = read_error(context.getParams().getError());
    }
    following_->changed.notify_one();
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Following> following_;
};

// ---- the client ------------------------------------------------------------------------------------------------------

class RemoteClient final : public Client, private kj::TaskSet::ErrorHandler {
 public:
  RemoteClient(ClientOptions options, Target target)
      : options_(std::move(options)), target_(std::move(target)), log_(*this) {
    std::unique_lock lock(mutex_);
    thread_ = std::thread([this] { run(); });
    started_.wait(lock, [this] { return mailbox_ != nullptr; });
  }

  ~RemoteClient() noexcept override {
    mailbox_->post([this] { stop_->fulfill(); });
    thread_.join();
  }

  /// Connects for the first time.
  Status begin() {
    LEASELEDGER_ASSIGN(const ServiceInfo info, this->info());
    identity_ = info.identity;
    return {};
  }

  Result<ServiceInfo> info() override {
    return call<ServiceInfo>(
        [](const Shared& connection, RemoteClient& client) { return client.greet(connection); },
        Patience::kQuestion);
  }

  // ---- commands ------------------------------------------------------------------------------------------------------

  Result<std::vector<Answer>> submit(std::span<const Envelope> commands, Chain chain) override {
    Waiter<std::vector<Answer>> waiter;
    submit_async(
        {commands.begin(), commands.end()}, chain,
        [&waiter](Result<std::vector<Answer>> answers) { waiter.set(std::move(answers)); });
    return waiter.wait();
  }

  void submit_async(std::vector<Envelope> commands, Chain chain,
                    std::function<void(Result<std::vector<Answer>>)> done) override {
    if (commands.empty()) return done(std::vector<Answer>{});
    if (options_.retry_for.count() > 0) {
      for (auto& each : commands) {
        if (!each.id) each.id = new_command_id();
      }
    }
    auto submission = std::make_unique<Submission>();
    submission->commands = std::move(commands);
    submission->chain = chain;
    submission->parts.push_back({submission->commands.size(), std::move(done)});
    {
      const std::lock_guard lock(mutex_);
      outgoing_.push_back(std::move(submission));
      if (outgoing_.size() > 1) return;  // the loop will find it
    }
    mailbox_->post([this] { send_outgoing(); });
  }

  Result<std::vector<CommandHandler::Preview>> preview(std::span<const Envelope> commands,
                                                       Chain chain) override {
    using Previews = std::vector<CommandHandler::Preview>;
    const std::vector<Envelope> copy(commands.begin(), commands.end());
    auto previews =
        with<schema::Commands, Previews>([copy, chain](schema::Commands::Client& client) {
          auto request = client.previewRequest();
          auto list = request.initCommands(static_cast<unsigned>(copy.size()));
          for (unsigned i = 0; i < list.size(); ++i) write_command(copy[i], list[i]);
          request.setChain(chain == Chain::kAllOrNothing);
          return request.send().then([](auto answer) -> Result<Previews> {
            if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
            Previews out;
            for (const auto each : answer.getPreviews()) {
              auto& preview = out.emplace_back();
              preview.answer = read_answer(each.getAnswer());
              Status decoded;
              LEASELEDGER_ASSIGN([[maybe_unused]] const bool all,
                                 visit_records(each.getRecords(), [&](const StoredRecord& stored) {
                                   decoded =
                                       decode_record(stored.bytes, preview.records.emplace_back());
                                   return decoded.has_value();
                                 }));
              LEASELEDGER_TRY(decoded);
            }
            return out;
          });
        });
    if (previews || previews.error().kind != ErrorKind::kDenied) return previews;
    // As a directory answers: each command for itself.
    Previews refused(copy.size());
    for (auto& each : refused) {
      each.answer.code = previews.error().code;
      each.answer.error = previews.error();
    }
    return refused;
  }

  // ---- questions -----------------------------------------------------------------------------------------------------

  Result<AsOf> resolve(const When& when) override {
    return with<schema::Queries, AsOf>([when](schema::Queries::Client& client) {
      auto request = client.resolveRequest();
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<AsOf> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return read_as_of(answer.getAsOf());
      });
    });
  }

  Result<LeaseAnswer> lease(const LeaseKey& key, const When& when) override {
    return with<schema::Queries, LeaseAnswer>([key, when](schema::Queries::Client& client) {
      auto request = client.leaseRequest();
      write_prefix(key, request.initKey());
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<LeaseAnswer> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        LeaseAnswer out{read_as_of(answer.getAsOf()), {}};
        if (answer.hasLease()) out.lease = read(answer.getLease());
        return out;
      });
    });
  }

  Result<LeasePage> leases_of(const Duid& duid, std::optional<Iaid> iaid,
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

  Result<LeasePage> leases_in(const Ipv6Prefix& prefix, const When& when,
                              std::optional<LeaseKey> after, std::size_t limit) override {
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

  Result<LeasePage> expiring(Instant from, Instant to, const When& when,
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

  Result<Holders> who(const Ipv6Address& address, const When& when) override {
    return with<schema::Queries, Holders>([address, when](schema::Queries::Client& client) {
      auto request = client.whoRequest();
      request.setHigh(address.high);
      request.setLow(address.low);
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<Holders> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return read(answer.getHolders());
      });
    });
  }

  Result<SpansAnswer> history(const LeaseKey& key, bool covering, const When& when) override {
    return with<schema::Queries, SpansAnswer>(
        [key, covering, when](schema::Queries::Client& client) {
          auto request = client.historyRequest();
          write_prefix(key, request.initKey());
          request.setCovering(covering);
          write_when(when, request.initWhen());
          return request.send().then([](auto answer) { return read_spans(answer); });
        });
  }

  Result<SpansAnswer> held_by(const Duid& duid, Instant from, Instant to,
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

  Result<SubnetPage> subnets(const When& when, std::optional<Ipv6Prefix> after,
                             std::size_t limit) override {
    return with<schema::Queries, SubnetPage>([when, after, limit](schema::Queries::Client& client) {
      auto request = client.subnetsRequest();
      write_when(when, request.initWhen());
      if (after) write_prefix(*after, request.initAfter());
      request.setLimit(page_limit(limit));
      return request.send().then(PageReader<SubnetPage>{});
    });
  }

  Result<SubnetAnswer> subnet(const Ipv6Prefix& prefix, const When& when) override {
    return with<schema::Queries, SubnetAnswer>([prefix, when](schema::Queries::Client& client) {
      auto request = client.subnetRequest();
      write_prefix(prefix, request.initPrefix());
      write_when(when, request.initWhen());
      return request.send().then([](auto answer) -> Result<SubnetAnswer> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return read(answer.getAnswer());
      });
    });
  }

  Result<ElementPage> elements(std::optional<Ipv6Prefix> subnet, ElementKind kind, const When& when,
                               std::uint64_t skip, std::size_t limit) override {
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

  Result<FreeAddresses> free_addresses(const GetFreeAddress& query) override {
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

  Result<Stats> stats() override {
    return with<schema::Queries, Stats>([](schema::Queries::Client& client) {
      return client.statsRequest().send().then([](auto answer) -> Result<Stats> {
        if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
        return read(answer.getStats());
      });
    });
  }

  // ---- the audit log -------------------------------------------------------------------------------------------------

  const LogReader& log() override { return log_; }

  Status log(const LogFilter& filter, const std::function<bool(const Record&)>& visit) override {
    struct Page {
      RecordCopy records;
      Position next = 0;
    };
    LogFilter rest = filter;
    std::uint64_t left = filter.limit;
    Record record;
    while (left > 0) {
      const auto limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, 8192));
      auto page = with<schema::History, Page>([rest, limit](schema::History::Client& client) {
        auto request = client.logRequest();
        write_filter(rest, request.initFilter());
        request.setLimit(limit);
        return request.send().then([](auto answer) -> Result<Page> {
          if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
          return Page{RecordCopy(answer.getRecords()), answer.getNext()};
        });
      });
      if (!page) return tl::unexpected(page.error());
      Status decoded;
      LEASELEDGER_ASSIGN(const bool go_on,
                         page->records.visit([&](std::span<const std::uint8_t> bytes) {
                           decoded = decode_record(bytes, record);
                           --left;
                           return decoded && visit(record);
                         }));
      LEASELEDGER_TRY(decoded);
      if (!go_on || page->next == 0) return {};
      (rest.direction == Direction::kBackward ? rest.to : rest.from) = page->next;
    }
    return {};
  }

  Status follow(Position from, const std::function<bool(const StoredRecord&)>& visit,
                const std::function<bool()>& idle) override {
    Position next = std::max<Position>(from, 1);
    for (;;) {
      const auto following = std::make_shared<Following>();
      LEASELEDGER_ASSIGN(const auto number, subscribe(next, following));
      const auto status = follow_one(*following, next, visit, idle);
      drop_subscription(number);
      // Lost: from where it was, once the daemon is there again.
      if (!status && status.error().kind == ErrorKind::kIo) continue;
      if (!status) return tl::unexpected(status.error());
      return {};
    }
  }

  // ---- the past ------------------------------------------------------------------------------------------------------

  class RemoteState final : public PastState {
   public:
    RemoteState(RemoteClient& client, std::uint64_t number) : client_(client), number_(number) {}
    ~RemoteState() override {
      client_.mailbox_->post(
          [&client = client_, number = number_] { client.states_.erase(number); });
    }
    Position position() const override { return position_; }
    Instant recorded_at() const override { return recorded_at_; }
    std::uint64_t subnets() const override { return subnets_; }
    std::uint64_t leases() const override { return leases_; }
    Hash digest() const override { return digest_; }

    Status begin() {
      return client_.call<void>(
          [this](const Shared&, RemoteClient& client) -> kj::Promise<Status> {
            const auto found = client.states_.find(number_);
            if (found == client.states_.end()) return gone();
            return found->second.infoRequest().send().then([this](auto answer) -> Status {
              position_ = answer.getPosition();
              recorded_at_ = read_time(answer.getRecordedAt());
              subnets_ = answer.getSubnets();
              leases_ = answer.getLeases();
              read_octets(answer.getDigest(), digest_);
              return {};
            });
          },
          Patience::kQuestion);
    }

    Result<Page> page(std::optional<LeaseKey> after, std::size_t limit) override {
      return client_.call<Page>(
          [number = number_, after, limit](const Shared&,
                                           RemoteClient& client) -> kj::Promise<Result<Page>> {
            const auto found = client.states_.find(number);
            if (found == client.states_.end()) return Result<Page>(tl::unexpected(gone().error()));
            auto request = found->second.pageRequest();
            if (after) write_prefix(*after, request.initAfter());
            request.setLimit(page_limit(limit));
            return request.send().then([](auto answer) -> Result<Page> {
              if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
              Page out;
              for (const auto row : answer.getRows())
                out.rows.push_back({read(row.getLease()), plain_prefix(row.getSubnet())});
              if (answer.hasNext()) out.next = plain_prefix(answer.getNext());
              return out;
            });
          },
          Patience::kOnce);
    }

   private:
    static Status gone() {
      return fail(Win32::kRpcServerUnavailable, ErrorKind::kIo, "state", "",
                  "to be asked for again; the connection was lost");
    }
    RemoteClient& client_;
    const std::uint64_t number_;
    Position position_ = 0;
    Instant recorded_at_{};
    std::uint64_t subnets_ = 0;
    std::uint64_t leases_ = 0;
    Hash digest_{};
  };

  Result<std::unique_ptr<PastState>> state_at(Position position,
                                              const Progress& progress) override {
    LEASELEDGER_ASSIGN(const std::uint64_t number, (job<schema::History, std::uint64_t>(
                                                       progress,
                                                       [position](schema::History::Client& client) {
                                                         auto request = client.stateAtRequest();
                                                         request.setPosition(position);
                                                         return request;
                                                       },
                                                       [this](auto& answer) -> std::uint64_t {
                                                         states_.emplace(++last_number_,
                                                                         answer.getState());
                                                         return last_number_;
                                                       })));
    auto state = std::make_unique<RemoteState>(*this, number);
    LEASELEDGER_TRY(state->begin());
    return state;
  }

  Result<Difference> diff(Position from, Position to) override {
    struct Paged {
      Difference difference;
      std::uint64_t leases = 0;
    };
    // All pages in one go, so that the capability is held no longer than needed.
    return call<Difference>(
        [from, to](const Shared& connection, RemoteClient&) {
          return open(connection, static_cast<schema::History*>(nullptr))
              .then([from, to](
                        Result<schema::History::Client> client) -> kj::Promise<Result<Difference>> {
                if (!client) return Result<Difference>(tl::unexpected(client.error()));
                auto request = client->diffRequest();
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
              });
        },
        Patience::kJob);
  }

  Result<VerifyReport> verify(const Progress& progress) override {
    return job<schema::History, VerifyReport>(
        progress, [](schema::History::Client& client) { return client.verifyRequest(); },
        [](auto& answer) { return read(answer.getReport()); });
  }

  Result<ReplayReport> replay(const Progress& progress) override {
    return job<schema::History, ReplayReport>(
        progress, [](schema::History::Client& client) { return client.replayRequest(); },
        [](auto& answer) { return read(answer.getReport()); });
  }

  // ---- upkeep --------------------------------------------------------------------------------------------------------

  Result<std::vector<std::string>> rebuild_views() override {
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

  Result<BackupReport> backup(const std::string& directory, const Progress& progress) override {
    return job<schema::Upkeep, BackupReport>(
        progress,
        [directory](schema::Upkeep::Client& client) {
          auto request = client.backupRequest();
          request.setDirectory(wire_text(directory));
          return request;
        },
        [directory](auto& answer) {
          BackupReport out{directory, answer.getRecords(), {}, answer.getVerified()};
          read_octets(answer.getRoot(), out.root);
          return out;
        });
  }

 private:
  /// How long a call may take, and whether it is made again after a lost connection.
  enum class Patience {
    kQuestion,  ///< call_timeout; made again.
    kOnce,      ///< call_timeout; not made again.
    kJob,       ///< as long as it takes; not made again once it has begun.
  };

  // ---- between threads -----------------------------------------------------------------------------------------------

  template <typename T>
  class Waiter {
   public:
    void set(Result<T> answer) {
      const std::lock_guard lock(mutex_);
      answer_.emplace(std::move(answer));
      done_.notify_one();
    }
    Result<T> wait() {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return answer_.has_value(); });
      return std::move(*answer_);
    }

   private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::optional<Result<T>> answer_;
  };

  template <typename T>
  using Body = std::function<kj::Promise<Result<T>>(const Shared&, RemoteClient&)>;

  /// Runs `body` in the loop's thread with a connection, and waits for its answer.
  template <typename T>
  Result<T> call(Body<T> body, Patience patience) {
    Waiter<T> waiter;
    mailbox_->post([this, &waiter, body = std::move(body), patience]() mutable {
      tasks_->add(
          attempt<T>(std::move(body), patience, Steady::now() + options_.retry_for, kFirstRest)
              .then([&waiter](Result<T> answer) { waiter.set(std::move(answer)); }));
    });
    return waiter.wait();
  }

  /// With a capability.
  template <typename Interface, typename T>
  Result<T> with(std::function<kj::Promise<Result<T>>(typename Interface::Client&)> body,
                 Patience patience = Patience::kQuestion) {
    return call<T>(
        [body = std::move(body)](const Shared& connection, RemoteClient&) {
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
  Result<T> job(const Progress& progress, Make make, Read read_answer) {
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
              .then([read_answer](auto&& answer) -> Result<T> {
                if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
                return read_answer(answer);
              })
              .exclusiveJoin(stopped.then([]() -> Result<T> {
                return fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "",
                            "to be let run to its end");
              }));
        },
        Patience::kJob);
  }

  // ---- the loop's thread ---------------------------------------------------------------------------------------------

  void run() {
    auto io = kj::setupAsyncIo();
    auto paf = kj::newPromiseAndFulfiller<void>();
    kj::TaskSet tasks(*this);
    Mailbox mailbox;
    {
      const std::lock_guard lock(mutex_);
      io_ = &io;
      tasks_ = &tasks;
      stop_ = kj::mv(paf.fulfiller);
      mailbox_ = &mailbox;
    }
    started_.notify_all();
    auto running = mailbox.run().eagerlyEvaluate(nullptr);
    paf.promise.wait(io.waitScope);
    mailbox.drain();
    states_.clear();
    subscriptions_.clear();
    connection_ = nullptr;
  }

  void taskFailed(kj::Exception&&) override {}

  static std::uint32_t page_limit(std::size_t limit) {
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(limit, 1, kPageOfRows));
  }

  template <typename T>
  struct PageReader {
    template <typename Answer>
    Result<T> operator()(Answer&& answer) const {
      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
      return read(answer.getPage());
    }
  };

  template <typename Answer>
  static Result<SpansAnswer> read_spans(Answer& answer) {
    if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
    return SpansAnswer{answer.getKnown(), read_list<HeldSpan>(answer.getSpans())};
  }

  template <typename Paged>
  static kj::Promise<void> read_pages(schema::Difference::Client difference, Paged& paged) {
    if (paged.difference.leases.size() >= paged.leases) return kj::READY_NOW;
    auto request = difference.pageRequest();
    request.setSkip(paged.difference.leases.size());
    request.setLimit(kPageOfRows);
    return request.send().then([difference, &paged](auto answer) mutable -> kj::Promise<void> {
      if (answer.getLeases().size() == 0) return kj::READY_NOW;
      for (const auto lease : answer.getLeases()) paged.difference.leases.push_back(read(lease));
      return read_pages(difference, paged);
    });
  }

  kj::Promise<Result<ServiceInfo>> greet(const Shared& connection) {
    auto request = connection->ledger.greetRequest();
    request.setTool(wire_text(options_.tool));
    request.setAtMost(static_cast<schema::Role>(options_.role));
    return request.send().then([](auto answer) -> Result<ServiceInfo> {
      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
      return read(answer.getInfo());
    });
  }

  /// The connection, made now if there is none.
  kj::Promise<Result<Shared>> connected() {
    if (connection_ != nullptr) return Result<Shared>(connection_);
    if (connecting_.get() == nullptr) {
      connecting_ = kj::heap<kj::ForkedPromise<Result<Shared>>>(
          connect_now()
              .then([this](Result<Shared> made) {
                if (made) connection_ = *made;
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
    auto& timer = io_->provider->getTimer();
    auto resolved = std::make_shared<bool>(false);
    kj::Promise<kj::Own<kj::AsyncIoStream>> stream =
        io_->provider->getNetwork()
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
    auto& timer = io_->provider->getTimer();
    return connected().then([this, &timer, body, patience, until,
                             rest](Result<Shared> connection) mutable -> kj::Promise<Result<T>> {
      if (!connection) {
        const bool temporary = connection.error().code == Win32::kRpcServerUnavailable &&
                               identity_.created_at != Instant{};
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
    return io_->provider->getTimer()
        .afterDelay(kj_time(rest))
        .then([this, body = std::move(body), patience, until, rest]() mutable {
          return attempt<T>(std::move(body), patience, until, std::min(2 * rest, kLongestRest));
        });
  }

  void forget_connection() {
    connection_ = nullptr;
    states_.clear();
    for (auto& [number, subscription] : subscriptions_) end_following(*subscription.following);
    subscriptions_.clear();
  }

  // ---- submissions ---------------------------------------------------------------------------------------------------

  struct Submission {
    Submission() = default;
    Submission(const Submission&) = delete;
    Submission& operator=(const Submission&) = delete;
    /// Whoever was not answered hears of the client's end.
    ~Submission() {
      for (auto& part : parts) {
        if (part.done) {
          part.done(fail(Win32::kOperationAborted, ErrorKind::kIo, "client", "closed",
                         "to be kept until its answers are there; the outcome is unknown"));
        }
      }
    }
    std::vector<Envelope> commands;
    Chain chain = Chain::kEach;
    struct Part {
      std::size_t commands = 0;
      std::function<void(Result<std::vector<Answer>>)> done;
    };
    std::vector<Part> parts;
    /// a write failed under it: "nothing was done" cannot be said any more.
    std::optional<Error> write_error;
  };

  /// What was submitted since the last time: neighbours together.
  void send_outgoing() {
    std::vector<std::unique_ptr<Submission>> outgoing;
    {
      const std::lock_guard lock(mutex_);
      std::swap(outgoing, outgoing_);
    }
    for (std::size_t i = 0; i < outgoing.size();) {
      auto first = std::move(outgoing[i++]);
      while (i < outgoing.size() && first->chain == Chain::kEach &&
             outgoing[i]->chain == Chain::kEach &&
             first->commands.size() + outgoing[i]->commands.size() <= kMostTogether) {
        auto& next = *outgoing[i++];
        first->commands.insert(first->commands.end(),
                               std::make_move_iterator(next.commands.begin()),
                               std::make_move_iterator(next.commands.end()));
        first->parts.insert(first->parts.end(), std::make_move_iterator(next.parts.begin()),
                            std::make_move_iterator(next.parts.end()));
        next.parts.clear();
      }
      send(std::shared_ptr<Submission>(std::move(first)));
    }
  }

  void send(const std::shared_ptr<Submission>& submission) {
    const auto until = Steady::now() + options_.retry_for;
    tasks_->add(submit_once(submission, until, kFirstRest)
                    .then([submission](Result<std::vector<Answer>> answers) {
                      deliver(*submission, std::move(answers));
                    }));
  }

  kj::Promise<Result<std::vector<Answer>>> submit_once(std::shared_ptr<Submission> submission,
                                                       Steady::time_point until,
                                                       milliseconds rest) {
    using Answers = std::vector<Answer>;
    const Body<Answers> body = [submission](const Shared& connection, RemoteClient&) {
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
          return io_->provider->getTimer()
              .afterDelay(kj_time(rest))
              .then([this, submission, until, rest] {
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
    const auto parts = std::exchange(submission.parts, {});
    for (const auto& part : parts) {
      if (!answers) {
        part.done(tl::unexpected(answers.error()));
      } else if (parts.size() == 1) {
        part.done(std::move(answers));
      } else {
        const auto begin = answers->begin() + static_cast<std::ptrdiff_t>(next);
        next += part.commands;
        part.done(std::vector<Answer>(
            std::make_move_iterator(begin),
            std::make_move_iterator(answers->begin() + static_cast<std::ptrdiff_t>(next))));
      }
    }
  }

  // ---- following -----------------------------------------------------------------------------------------------------

  struct Subscribed {
    schema::Subscription::Client subscription;
    std::shared_ptr<Following> following;
  };

  Result<std::uint64_t> subscribe(Position from, const std::shared_ptr<Following>& following) {
    return call<std::uint64_t>(
        [from, following](const Shared& connection, RemoteClient& client) {
          return open(connection, static_cast<schema::History*>(nullptr))
              .then([from, following, connection, &client](Result<schema::History::Client> history)
                        -> kj::Promise<Result<std::uint64_t>> {
                if (!history) return Result<std::uint64_t>(tl::unexpected(history.error()));
                auto request = history->subscribeRequest();
                request.setFrom(from);
                request.setSubscriber(kj::heap<SubscriberImpl>(following));
                client.watch(connection);
                return request.send().then(
                    [following, &client](auto answer) -> Result<std::uint64_t> {
                      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
                      client.subscriptions_.emplace(
                          ++client.last_number_, Subscribed{answer.getSubscription(), following});
                      return client.last_number_;
                    });
              });
        },
        Patience::kQuestion);
  }

  /// Notices that the connection is lost while nobody asks anything.
  void watch(const Shared& connection) {
    tasks_->add(connection->network.onDisconnect().then([this, weak = std::weak_ptr(connection)] {
      if (const auto lost = weak.lock(); lost != nullptr && connection_ == lost)
        forget_connection();
    }));
  }

  static void end_following(Following& following) {
    {
      const std::lock_guard lock(following.mutex);
      following.chunks.clear();
      following.ended = unavailable("", "the connection was lost");
    }
    following.changed.notify_one();
  }

  void drop_subscription(std::uint64_t number) {
    mailbox_->post([this, number] { subscriptions_.erase(number); });
  }

  Status follow_one(Following& following, Position& next,
                    const std::function<bool(const StoredRecord&)>& visit,
                    const std::function<bool()>& idle) {
    for (;;) {
      std::unique_ptr<Following::Chunk> chunk;
      {
        std::unique_lock lock(following.mutex);
        following.changed.wait_for(lock, kFollowRest,
                                   [&] { return !following.chunks.empty() || following.ended; });
        if (!following.chunks.empty()) {
          chunk = std::move(following.chunks.front());
          following.chunks.pop_front();
        } else if (following.ended) {
          return tl::unexpected(*following.ended);
        }
      }
      bool go_on = true;
      if (chunk != nullptr) {
        bool in_order = chunk->records.first == next;
        if (in_order) {
          LEASELEDGER_ASSIGN(go_on, chunk->records.visit([&](std::span<const std::uint8_t> bytes) {
            return visit({next++, bytes});
          }));
        }
        if (!in_order)
          return corrupt("records", std::to_string(chunk->records.first), "the next one");
        // The daemon may send another; what the loop owns is destroyed there.
        mailbox_->post([done = chunk.release()] {
          const std::unique_ptr<Following::Chunk> owned(done);
          owned->taken->fulfill();
        });
      }
      if (!go_on || !idle()) return {};
    }
  }

  // ---- the log as such -----------------------------------------------------------------------------------------------

  class RemoteLog final : public LogReader {
   public:
    explicit RemoteLog(RemoteClient& client) : client_(client) {}

    const LogIdentity& identity() const override { return client_.identity_; }
    Position tail() const override { return wait(0, milliseconds(0)); }

    Status read(Position first, Position last, Direction direction,
                const RecordVisitor& visit) const override {
      const bool backward = direction == Direction::kBackward;
      bool go_on = true;
      while (first <= last && go_on) {
        const auto piece = client_.with<schema::History, RecordCopy>(
            [first, last, backward](schema::History::Client& client) {
              auto request = client.readRequest();
              request.setFirst(first);
              request.setLast(last);
              request.setBackward(backward);
              return request.send().then([](auto answer) -> Result<RecordCopy> {
                if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
                return RecordCopy(answer.getRecords());
              });
            });
        if (!piece) return tl::unexpected(piece.error());
        if (piece->ends.empty()) return corrupt("records", "", "at least one in each answer");
        Position reached = 0;
        Position position = backward ? last : first;
        LEASELEDGER_ASSIGN(go_on, piece->visit([&](std::span<const std::uint8_t> bytes) {
          reached = position;
          position += backward ? -1 : 1;
          return visit({reached, bytes});
        }));
        (backward ? last : first) = backward ? reached - 1 : reached + 1;
      }
      return {};
    }

    Position wait(Position known, milliseconds timeout) const override {
      const auto tail = client_.with<schema::History, Position>(
          [known, timeout](schema::History::Client& client) {
            auto request = client.waitRequest();
            request.setKnown(known);
            request.setMilliseconds(static_cast<std::uint32_t>(timeout.count()));
            return request.send().then(
                [](auto answer) -> Result<Position> { return answer.getTail(); });
          });
      return tail.value_or(known);
    }

    Result<TreeHead> tree_head(std::uint64_t size) const override {
      return client_.with<schema::History, TreeHead>([size](schema::History::Client& client) {
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

    Result<std::vector<Hash>> inclusion_proof(Position position,
                                              std::uint64_t size) const override {
      return client_.with<schema::History, std::vector<Hash>>(
          [position, size](schema::History::Client& client) {
            auto request = client.inclusionProofRequest();
            request.setPosition(position);
            request.setSize(size);
            return request.send().then([](auto answer) { return read_hashes(answer); });
          });
    }

    Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                                std::uint64_t new_size) const override {
      return client_.with<schema::History, std::vector<Hash>>(
          [old_size, new_size](schema::History::Client& client) {
            auto request = client.consistencyProofRequest();
            request.setOldSize(old_size);
            request.setNewSize(new_size);
            return request.send().then([](auto answer) { return read_hashes(answer); });
          });
    }

   private:
    template <typename Answered>
    static Result<std::vector<Hash>> read_hashes(Answered& answer) {
      if (answer.hasError()) return tl::unexpected(read_error(answer.getError()));
      std::vector<Hash> out;
      for (const auto hash : answer.getHashes()) read_octets(hash, out.emplace_back());
      return out;
    }

    RemoteClient& client_;
  };

  const ClientOptions options_;
  const Target target_;
  LogIdentity identity_;
  RemoteLog log_;

  std::mutex mutex_;
  std::condition_variable started_;
  std::vector<std::unique_ptr<Submission>> outgoing_;
  Mailbox* mailbox_ = nullptr;
  std::thread thread_;

  // The loop's thread alone from here on.
  kj::AsyncIoContext* io_ = nullptr;
  kj::TaskSet* tasks_ = nullptr;
  kj::Own<kj::PromiseFulfiller<void>> stop_;
  Shared connection_;
  kj::Own<kj::ForkedPromise<Result<Shared>>> connecting_;
  bool connecting_done_ = false;
  std::unordered_map<std::uint64_t, schema::State::Client> states_;
  std::unordered_map<std::uint64_t, Subscribed> subscriptions_;
  std::uint64_t last_number_ = 0;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  LEASELEDGER_ASSIGN(Target target, parse_server(options.server));
  if (target.tls) LEASELEDGER_TRY(client_tls(options));
  auto client = std::make_unique<RemoteClient>(std::move(options), std::move(target));
  LEASELEDGER_TRY(client->begin());
  return client;
}

}  // namespace leaseledger::rpc
