#include "adapters/rpc/client.h"

#include "adapters/rpc/async_client.h"
#include "adapters/rpc/mailbox.h"

#include <kj/async-io.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace leaseledger::rpc {
namespace {

using std::chrono::milliseconds;

constexpr auto kFollowRest = milliseconds(250);
/// Pieces of a followed log that wait for the one who follows.
constexpr std::size_t kPiecesAhead = 4;

/// What one thread says to another, once.
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

/// An asynchronous client with a thread for its event loop.
class RemoteClient final : public Client, private kj::TaskSet::ErrorHandler {
 public:
  explicit RemoteClient(ClientOptions options) : log_(*this) {
    Waiter<void> made;
    thread_ = std::thread(
        [this, &made, options = std::move(options)]() mutable { run(std::move(options), made); });
    made_ = made.wait();
  }

  ~RemoteClient() noexcept override {
    if (made_) {
      mailbox_->post([this] { stop_->fulfill(); });
    }
    thread_.join();
  }

  /// Connects for the first time.
  Status begin() {
    LEASELEDGER_TRY(made_);
    LEASELEDGER_ASSIGN(const ServiceInfo info, this->info());
    identity_ = info.identity;
    return {};
  }

  Result<ServiceInfo> info() override {
    return wait<ServiceInfo>([](AsyncClient& client) { return client.info(); });
  }

  // ---- commands ------------------------------------------------------------------------------------------------------

  Result<std::vector<Answer>> submit(std::span<const Envelope> commands, Chain chain) override {
    return wait<std::vector<Answer>>([&](AsyncClient& client) {
      return client.submit({commands.begin(), commands.end()}, chain);
    });
  }

  void submit_async(std::vector<Envelope> commands, Chain chain,
                    std::function<void(Result<std::vector<Answer>>)> done) override {
    {
      const std::lock_guard lock(mutex_);
      outgoing_.push_back({std::move(commands), chain, std::make_unique<Done>(std::move(done))});
      if (outgoing_.size() > 1) return;  // the loop will find it
    }
    mailbox_->post([this] { send_outgoing(); });
  }

  Result<std::vector<CommandHandler::Preview>> preview(std::span<const Envelope> commands,
                                                       Chain chain) override {
    return wait<std::vector<CommandHandler::Preview>>(
        [&](AsyncClient& client) { return client.preview(commands, chain); });
  }

  // ---- questions -----------------------------------------------------------------------------------------------------

  Result<AsOf> resolve(const When& when) override {
    return wait<AsOf>([&](AsyncClient& client) { return client.resolve(when); });
  }
  Result<LeaseAnswer> lease(const LeaseKey& key, const When& when) override {
    return wait<LeaseAnswer>([&](AsyncClient& client) { return client.lease(key, when); });
  }
  Result<LeasePage> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                              const When& when) override {
    return wait<LeasePage>([&](AsyncClient& client) { return client.leases_of(duid, iaid, when); });
  }
  Result<LeasePage> leases_in(const Ipv6Prefix& prefix, const When& when,
                              std::optional<LeaseKey> after, std::size_t limit) override {
    return wait<LeasePage>(
        [&](AsyncClient& client) { return client.leases_in(prefix, when, after, limit); });
  }
  Result<LeasePage> expiring(Instant from, Instant to, const When& when,
                             std::size_t limit) override {
    return wait<LeasePage>(
        [&](AsyncClient& client) { return client.expiring(from, to, when, limit); });
  }
  Result<Holders> who(const Ipv6Address& address, const When& when) override {
    return wait<Holders>([&](AsyncClient& client) { return client.who(address, when); });
  }
  Result<SpansAnswer> history(const LeaseKey& key, bool covering, const When& when) override {
    return wait<SpansAnswer>(
        [&](AsyncClient& client) { return client.history(key, covering, when); });
  }
  Result<SpansAnswer> held_by(const Duid& duid, Instant from, Instant to,
                              const When& when) override {
    return wait<SpansAnswer>(
        [&](AsyncClient& client) { return client.held_by(duid, from, to, when); });
  }
  Result<SubnetPage> subnets(const When& when, std::optional<Ipv6Prefix> after,
                             std::size_t limit) override {
    return wait<SubnetPage>(
        [&](AsyncClient& client) { return client.subnets(when, after, limit); });
  }
  Result<SubnetAnswer> subnet(const Ipv6Prefix& prefix, const When& when) override {
    return wait<SubnetAnswer>([&](AsyncClient& client) { return client.subnet(prefix, when); });
  }
  Result<ElementPage> elements(std::optional<Ipv6Prefix> subnet, ElementKind kind, const When& when,
                               std::uint64_t skip, std::size_t limit) override {
    return wait<ElementPage>(
        [&](AsyncClient& client) { return client.elements(subnet, kind, when, skip, limit); });
  }
  Result<FreeAddresses> free_addresses(const GetFreeAddress& query) override {
    return wait<FreeAddresses>([&](AsyncClient& client) { return client.free_addresses(query); });
  }
  Result<Stats> stats() override {
    return wait<Stats>([&](AsyncClient& client) { return client.stats(); });
  }

  // ---- the audit log -------------------------------------------------------------------------------------------------

  const LogReader& log() override { return log_; }

  Status log(const LogFilter& filter, const std::function<bool(const Record&)>& visit) override {
    LogFilter rest = filter;
    Record record;
    while (rest.limit > 0) {
      LEASELEDGER_ASSIGN(
          const auto page,
          (wait<FilteredPiece>([&](AsyncClient& client) { return client.log(rest); })));
      Status decoded;
      LEASELEDGER_ASSIGN(const bool go_on,
                         page.records.visit([&](std::span<const std::uint8_t> bytes) {
                           decoded = decode_record(bytes, record);
                           --rest.limit;
                           return decoded && visit(record);
                         }));
      LEASELEDGER_TRY(decoded);
      if (!go_on || page.next == 0) return {};
      (rest.direction == Direction::kBackward ? rest.to : rest.from) = page.next;
    }
    return {};
  }

  Status follow(Position from, const std::function<bool(const StoredRecord&)>& visit,
                const std::function<bool()>& idle) override {
    const auto following = std::make_shared<Following>();
    const std::uint64_t number = begin_following(from, following);
    Position next = std::max<Position>(from, 1);
    Result<bool> go_on = true;
    while (go_on && *go_on) {
      std::optional<Piece> piece;
      std::optional<Status> ended;
      {
        std::unique_lock lock(following->mutex);
        following->changed.wait_for(lock, kFollowRest,
                                    [&] { return !following->pieces.empty() || following->ended; });
        if (!following->pieces.empty()) {
          piece = std::move(following->pieces.front());
          following->pieces.pop_front();
        } else {
          ended = following->ended;
        }
      }
      if (ended) return *ended;
      if (piece) {
        go_on = piece->records.visit([&](std::span<const std::uint8_t> bytes) {
          return visit({next++, bytes});
        });
        taken(std::move(piece->taken));
      }
      if (go_on && *go_on) go_on = idle();
    }
    mailbox_->post([this, number] { followings_.erase(number); });
    LEASELEDGER_TRY(go_on);
    return {};
  }

  // ---- the past ------------------------------------------------------------------------------------------------------

  class RemoteState final : public PastState {
   public:
    RemoteState(RemoteClient& client, std::uint64_t number, AsyncPastState::Info info)
        : client_(client), number_(number), info_(info) {}
    ~RemoteState() override {
      client_.mailbox_->post(
          [&client = client_, number = number_] { client.states_.erase(number); });
    }
    Position position() const override { return info_.position; }
    Instant recorded_at() const override { return info_.recorded_at; }
    std::uint64_t subnets() const override { return info_.subnets; }
    std::uint64_t leases() const override { return info_.leases; }
    Hash digest() const override { return info_.digest; }
    Result<Page> page(std::optional<LeaseKey> after, std::size_t limit) override {
      return client_.wait<Page>(
          [&](AsyncClient&) { return client_.states_.at(number_)->page(after, limit); });
    }

   private:
    RemoteClient& client_;
    const std::uint64_t number_;
    const AsyncPastState::Info info_;
  };

  Result<std::unique_ptr<PastState>> state_at(Position position,
                                              const Progress& progress) override {
    using State = std::unique_ptr<PastState>;
    return wait<State>([&, this](AsyncClient& client) {
      return client.state_at(position, progress)
          .then([this](Result<kj::Own<AsyncPastState>> state) -> Result<State> {
            if (!state) return tl::unexpected(state.error());
            const AsyncPastState::Info info = (*state)->info();
            states_.emplace(++last_number_, kj::mv(*state));
            return std::make_unique<RemoteState>(*this, last_number_, info);
          });
    });
  }

  Result<Difference> diff(Position from, Position to) override {
    return wait<Difference>([&](AsyncClient& client) { return client.diff(from, to); });
  }
  Result<VerifyReport> verify(const Progress& progress) override {
    return wait<VerifyReport>([&](AsyncClient& client) { return client.verify(progress); });
  }
  Result<ReplayReport> replay(const Progress& progress) override {
    return wait<ReplayReport>([&](AsyncClient& client) { return client.replay(progress); });
  }
  Result<std::vector<KeaServerStatus>> kea_servers() override {
    return wait<std::vector<KeaServerStatus>>(
        [](AsyncClient& client) { return client.kea_servers(); });
  }
  Status compare_with_kea(const std::string& server) override {
    const auto done =
        wait<bool>([&](AsyncClient& client) { return client.compare_with_kea(server); });
    return done ? Status{} : Status(tl::unexpected(done.error()));
  }
  Result<std::vector<std::string>> rebuild_views() override {
    return wait<std::vector<std::string>>(
        [&](AsyncClient& client) { return client.rebuild_views(); });
  }
  Result<BackupReport> backup(const std::string& directory, const Progress& progress) override {
    return wait<BackupReport>(
        [&](AsyncClient& client) { return client.backup(directory, progress); });
  }

 private:
  // ---- between threads -----------------------------------------------------------------------------------------------

  /// Asks in the loop's thread and waits for the answer.
  template <typename T>
  Result<T> wait(const std::function<kj::Promise<Result<T>>(AsyncClient&)>& ask) {
    Waiter<T> waiter;
    mailbox_->post([this, &waiter, &ask] {
      tasks_->add(
          ask(*client_).then([&waiter](Result<T> answer) { waiter.set(std::move(answer)); },
                             [&waiter](kj::Exception&& problem) { waiter.set(broken(problem)); }));
    });
    return waiter.wait();
  }

  static tl::unexpected<Error> broken(const kj::Exception& problem) {
    return fail(Win32::kRpcCallFailed, ErrorKind::kIo, "client", problem.getDescription().cStr(),
                "a call that ends");
  }

  /// Called once; if nobody did by its end, it says that the outcome is unknown.
  struct Done {
    explicit Done(std::function<void(Result<std::vector<Answer>>)> f) : function(std::move(f)) {}
    Done(const Done&) = delete;
    Done& operator=(const Done&) = delete;
    ~Done() {
      if (function) {
        function(fail(Win32::kOperationAborted, ErrorKind::kIo, "client", "closed",
                      "to be kept until its answers are there; the outcome is unknown"));
      }
    }
    void operator()(Result<std::vector<Answer>> answers) {
      std::exchange(function, nullptr)(std::move(answers));
    }
    std::function<void(Result<std::vector<Answer>>)> function;
  };
  struct Outgoing {
    std::vector<Envelope> commands;
    Chain chain = Chain::kEach;
    std::unique_ptr<Done> done;
  };

  /// A piece of a followed log, and who hears when it was taken: the loop's.
  struct Piece {
    RecordPiece records;
    kj::Own<kj::PromiseFulfiller<bool>> taken;
  };
  struct Following {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Piece> pieces;
    std::optional<Status> ended;
  };

  // ---- the loop's thread ---------------------------------------------------------------------------------------------

  void run(ClientOptions options, Waiter<void>& made) {
    auto io = kj::setupAsyncIo();
    auto client = AsyncClient::make(std::move(options), *io.provider);
    if (!client) return made.set(tl::unexpected(client.error()));
    auto paf = kj::newPromiseAndFulfiller<void>();
    Mailbox mailbox;
    kj::TaskSet::ErrorHandler& ignored = *this;
    auto tasks = kj::heap<kj::TaskSet>(ignored);
    client_ = client->get();
    tasks_ = tasks.get();
    stop_ = kj::mv(paf.fulfiller);
    mailbox_ = &mailbox;
    auto running = mailbox.run().eagerlyEvaluate(nullptr);
    made.set({});
    paf.promise.wait(io.waitScope);
    mailbox.drain();
    followings_.clear();
    states_.clear();
    tasks = nullptr;
    stop_ = nullptr;
  }

  void send_outgoing() {
    std::vector<Outgoing> outgoing;
    {
      const std::lock_guard lock(mutex_);
      std::swap(outgoing, outgoing_);
    }
    for (auto& each : outgoing) {
      tasks_->add(client_->submit(std::move(each.commands), each.chain)
                      .then([done = std::move(each.done)](Result<std::vector<Answer>> answers) {
                        (*done)(std::move(answers));
                      }));
    }
  }

  std::uint64_t begin_following(Position from, const std::shared_ptr<Following>& following) {
    const auto number = wait<std::uint64_t>([&, this](AsyncClient& client) {
      const auto take = [following](RecordPiece records) -> kj::Promise<bool> {
        auto paf = kj::newPromiseAndFulfiller<bool>();
        bool room = false;
        {
          const std::lock_guard lock(following->mutex);
          // The first ones are taken at once, so that the daemon need not wait for each.
          room = following->pieces.size() + 1 < kPiecesAhead;
          following->pieces.push_back({std::move(records), {}});
          if (!room) following->pieces.back().taken = kj::mv(paf.fulfiller);
        }
        following->changed.notify_one();
        if (room) return true;
        return kj::mv(paf.promise);
      };
      followings_.emplace(++last_number_, client.follow(from, take)
                                              .then([following](Status status) {
                                                {
                                                  const std::lock_guard lock(following->mutex);
                                                  following->ended = std::move(status);
                                                }
                                                following->changed.notify_one();
                                              })
                                              .eagerlyEvaluate(nullptr));
      return kj::Promise<Result<std::uint64_t>>(Result<std::uint64_t>(last_number_));
    });
    return number.value_or(0);
  }

  void taken(kj::Own<kj::PromiseFulfiller<bool>> fulfiller) {
    if (fulfiller.get() == nullptr) return;
    mailbox_->post([fulfiller = kj::mv(fulfiller)]() mutable { fulfiller->fulfill(true); });
  }

  void taskFailed(kj::Exception&&) override {}

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
        LEASELEDGER_ASSIGN(const auto piece, (client_.wait<RecordPiece>([&](AsyncClient& client) {
                             return client.read(first, last, direction);
                           })));
        if (piece.size() == 0) return corrupt("records", "", "at least one in each answer");
        Position position = backward ? last : first;
        LEASELEDGER_ASSIGN(go_on, piece.visit([&](std::span<const std::uint8_t> bytes) {
          const bool more = visit({position, bytes});
          position += backward ? -1 : 1;
          return more;
        }));
        (backward ? last : first) = position;
      }
      return {};
    }

    Position wait(Position known, milliseconds timeout) const override {
      return client_
          .wait<Position>([&](AsyncClient& client) { return client.wait(known, timeout); })
          .value_or(known);
    }
    Result<TreeHead> tree_head(std::uint64_t size) const override {
      return client_.wait<TreeHead>([&](AsyncClient& client) { return client.tree_head(size); });
    }
    Result<std::vector<Hash>> inclusion_proof(Position position,
                                              std::uint64_t size) const override {
      return client_.wait<std::vector<Hash>>(
          [&](AsyncClient& client) { return client.inclusion_proof(position, size); });
    }
    Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                                std::uint64_t new_size) const override {
      return client_.wait<std::vector<Hash>>(
          [&](AsyncClient& client) { return client.consistency_proof(old_size, new_size); });
    }

   private:
    RemoteClient& client_;
  };

  Status made_;
  LogIdentity identity_;
  RemoteLog log_;
  std::mutex mutex_;
  std::vector<Outgoing> outgoing_;
  Mailbox* mailbox_ = nullptr;
  std::thread thread_;

  // The loop's thread alone from here on.
  AsyncClient* client_ = nullptr;
  kj::TaskSet* tasks_ = nullptr;
  kj::Own<kj::PromiseFulfiller<void>> stop_;
  std::unordered_map<std::uint64_t, kj::Own<AsyncPastState>> states_;
  std::unordered_map<std::uint64_t, kj::Promise<void>> followings_;
  std::uint64_t last_number_ = 0;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  auto client = std::make_unique<RemoteClient>(std::move(options));
  LEASELEDGER_TRY(client->begin());
  return client;
}

}  // namespace leaseledger::rpc
