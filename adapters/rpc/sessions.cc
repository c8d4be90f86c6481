#include "adapters/rpc/sessions.h"

#include "adapters/rpc/wire_commands.h"
#include "adapters/rpc/wire_values.h"
#include "adapters/service/local_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>

namespace leaseledger::rpc {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kChunkOctets = 256 * 1024;
constexpr std::size_t kChunkRecords = 8192;
/// Chunks of a subscription that are on their way unanswered.
constexpr std::size_t kChunksAhead = 4;
/// Records looked at in one go while a log is filtered, and for how long.
constexpr Position kFilterWindow = 50'000;
constexpr auto kFilterPatience = std::chrono::seconds(1);
constexpr std::size_t kDefaultPage = 1000;
/// Commands of a stream that wait for their answers.
constexpr std::size_t kStreamAhead = 8192;
constexpr auto kProgressEvery = std::chrono::milliseconds(100);
constexpr std::uint32_t kLongestWaitMs = 60'000;
/// Without a hint a message begins with 8 KiB of zeroes, which costs more than most calls. Longer ones grow.
constexpr capnp::MessageSize kSmallAnswer{128, 0};
/// A word for the list, and an accepted Answer has five.
capnp::MessageSize size_of_answers(std::size_t answers) { return {16 + 6 * answers, 0}; }

std::size_t page_size(std::uint32_t asked) { return asked == 0 ? kDefaultPage : asked; }

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

Win32 code_of(const Error& error) { return error.code; }

template <typename Context>
kj::Promise<void> refuse(Context& context, const Error& error) {
  write_error(error, context.getResults(kSmallAnswer).initError());
  return kj::READY_NOW;
}

/// Reads as many records as one chunk takes.
Result<RecordChunk> read_chunk(const LogReader& log, Position first, Position last,
                               Direction direction) {
  RecordChunk chunk;
  LEASELEDGER_TRY(log.read(first, last, direction, [&](const StoredRecord& stored) {
    chunk.add(stored);
    return chunk.octets() < kChunkOctets && chunk.size() < kChunkRecords;
  }));
  return chunk;
}

}  // namespace

/// Who is at the other end. Lives as long as a capability of the connection does.
struct Session final : kj::Refcounted {
  Session(SessionsContext& c, Principal p, std::string t, std::shared_ptr<Activity> a)
      : context(c),
        principal(std::make_shared<Principal>(std::move(p))),
        transport(std::move(t)),
        activity(std::move(a)) {
    ++holdings().connections;
  }
  ~Session() noexcept(false) {
    auto& held = holdings();
    --held.connections;
    if (held.connections + held.subscriptions + held.states == 0)
      context.holdings.erase(principal->name);
  }
  Holdings& holdings() { return context.holdings[principal->name]; }

  LocalServiceOptions service_options() const {
    return {*principal, context.options.owner, context.options.owner_name, context.started_at, {}};
  }

  /// Asks in a worker thread and writes the answer into the results of `call`.
  template <typename T, typename Call>
  kj::Promise<void> ask(const char* name, Call call, std::function<Result<T>(Service&)> question,
                        std::function<void(const T&, typename Call::Results&)> write_answer,
                        WorkerPool* pool = nullptr) {
    call.releaseParams();
    const auto started = Steady::now();
    std::function<Result<T>(const GivenUp&)> body =
        [&keeper = context.keeper, options = service_options(),
         question = std::move(question)](const GivenUp&) -> Result<T> {
      LEASELEDGER_ASSIGN(auto ledger, keeper.for_questions());
      const auto service = make_local_service(std::move(ledger), options);
      return question(*service);
    };
    return (pool == nullptr ? context.questions : *pool)
        .run<T>(std::move(body))
        .then([&observer = context.observer, name, started, call = kj::mv(call),
               write_answer = std::move(write_answer)](Result<T> answer) mutable {
          observer.question(name, answer ? Win32::kSuccess : code_of(answer.error()),
                            seconds_since(started));
          typename Call::Results results = call.getResults();
          if (answer) {
            write_answer(*answer, results);
          } else {
            write_error(answer.error(), results.initError());
          }
        })
        .attach(Use(*this));
  }

  /// The connection is in use for as long as this lives.
  class Use {
   public:
    explicit Use(Session& session) : session_(kj::addRef(session)) {
      session_->activity->last = session_->context.timer.now();
      ++session_->activity->in_use;
    }
    ~Use() noexcept(false) {
      if (session_.get() == nullptr) return;
      session_->activity->last = session_->context.timer.now();
      --session_->activity->in_use;
    }
    Use(Use&&) = default;
    Session& session() { return *session_; }

   private:
    kj::Own<Session> session_;
  };

  SessionsContext& context;
  std::shared_ptr<Principal> principal;
  const std::string transport;
  const std::shared_ptr<Activity> activity;
};

namespace {

/// A call's results by name: RpcResults<Context>::initX() as in the schema.
template <typename Context>
struct CallOf;
template <typename Params, typename Out>
struct CallOf<capnp::CallContext<Params, Out>> {
  using Results = typename Out::Builder;
  capnp::CallContext<Params, Out> context;
  void releaseParams() { context.releaseParams(); }
  Results getResults() { return context.getResults(kSmallAnswer); }
};
template <typename Params, typename Out>
CallOf<capnp::CallContext<Params, Out>> call_of(capnp::CallContext<Params, Out> context) {
  return {context};
}

/// A progress listener, told from a worker thread by way of the mailbox.
class Listening {
 public:
  Listening(SessionsContext& context, schema::Progress::Client listener)
      : context_(context), number_(context.next_listener++) {
    context.listeners.emplace(number_, kj::mv(listener));
  }
  ~Listening() { context_.listeners.erase(number_); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  std::uint64_t number() const { return number_; }

 private:
  SessionsContext& context_;
  const std::uint64_t number_;
};

/// Tells listener `number`, if it is still there. To be called in a worker thread.
Progress progress_of(SessionsContext& context, std::uint64_t number, const GivenUp& given_up) {
  return [&given_up, &context, number, last = Steady::time_point{}](Position done,
                                                                    Position total) mutable {
    if (number != 0 && Steady::now() - last > kProgressEvery) {
      last = Steady::now();
      context.mailbox.post([&context, number, done, total] {
        const auto found = context.listeners.find(number);
        if (found == context.listeners.end()) return;
        auto request = found->second.reportRequest();
        request.setDone(done);
        request.setTotal(total);
        request.send().detach([](kj::Exception&&) {});
      });
    }
    return !given_up.load();
  };
}

// ---- Commands --------------------------------------------------------------------------------------------------------

Error too_large(std::size_t commands, std::size_t limit) {
  return invalid("commands", std::to_string(commands),
                 "at most " + std::to_string(limit) + " in one call")
      .value();
}

Error stopping() {
  return {Win32::kBusy, ErrorKind::kBusy, "daemon", "stopping",
          "to be asked again when it has been started; nothing was done"};
}

class StreamImpl final : public schema::Commands::Stream::Server,
                         private kj::TaskSet::ErrorHandler {
 public:
  StreamImpl(kj::Own<Session> session, schema::Commands::Answers::Client answers)
      : session_(kj::mv(session)), use_(*session_), answers_(kj::mv(answers)), tasks_(*this) {}

  kj::Promise<void> write(WriteContext context) override {
    auto& shared = session_->context;
    if (shared.draining && !failed_) failed_ = stopping();
    if (failed_) return kj::READY_NOW;  // end() says why
    const auto list = context.getParams().getCommands();
    if (list.size() > shared.options.limits.batch) {
      failed_ = too_large(list.size(), shared.options.limits.batch);
      return kj::READY_NOW;
    }
    auto submission = kj::heap<Submission>(read_commands(list));
    const std::size_t count = list.size();
    context.releaseParams();
    pending_ += count;
    commands_ += count;
    auto commands = std::move(submission->commands);
    // What is refused as a whole is answered before what waits for the disk: it takes its turn here.
    const auto turn = std::make_shared<Turn>();
    turn->commands = count;
    turns_.push_back(turn);
    tasks_.add(shared.submitter.submit(session_->principal, std::move(commands), Chain::kEach)
                   .then([this, turn, submission = kj::mv(submission)](
                             Result<std::vector<Answer>> result) mutable {
                     turn->answers = answers_of(*submission, turn->commands, std::move(result));
                     deliver();
                   }));
    return room();
  }

  kj::Promise<void> end(EndContext context) override {
    return tasks_.onEmpty().then([this, context]() mutable {
      context.getResults(kSmallAnswer).setCommands(commands_);
      if (failed_) write_error(*failed_, context.getResults().initError());
    });
  }

 private:
  /// The commands of one write(), answered or not yet.
  struct Turn {
    std::size_t commands = 0;
    std::optional<std::vector<Answer>> answers;
  };

  std::vector<Answer> answers_of(const Submission& submission, std::size_t count,
                                 Result<std::vector<Answer>> result) {
    std::vector<Answer> answers;
    if (result) {
      answers = std::move(*result);
    } else {
      if (!failed_) failed_ = result.error();
      Answer refused;
      refused.code = result.error().code;
      refused.error = result.error();
      answers.assign(count, refused);
    }
    write_answers(submission, answers);
    return answers;
  }

  /// Sends what is answered, in the order of the writes.
  void deliver() {
    while (!turns_.empty() && turns_.front()->answers) {
      const auto turn = turns_.front();
      turns_.pop_front();
      const auto& answers = *turn->answers;
      auto request = answers_.answersRequest(size_of_answers(answers.size()));
      auto list = request.initAnswers(static_cast<unsigned>(answers.size()));
      for (unsigned i = 0; i < list.size(); ++i) write_answer(answers[i], list[i]);
      tasks_.add(request.send().then([this, count = turn->commands] {
        pending_ -= count;
        if (pending_ < kStreamAhead) let_go();
      }));
    }
  }

  void let_go() {
    for (auto& each : std::exchange(waiting_, {})) each->fulfill();
  }

  void taskFailed(kj::Exception&&) override {
    // The caller does not take answers any more.
    if (!failed_)
      failed_ = Error{Win32::kOperationAborted, ErrorKind::kIo, "answers", "", "to be taken"};
    let_go();
  }

  kj::Promise<void> room() {
    if (pending_ < kStreamAhead || failed_) return kj::READY_NOW;
    auto paf = kj::newPromiseAndFulfiller<void>();
    waiting_.push_back(kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }

  kj::Own<Session> session_;
  Session::Use use_;
  schema::Commands::Answers::Client answers_;
  std::size_t pending_ = 0;
  std::uint64_t commands_ = 0;
  std::optional<Error> failed_;
  std::deque<std::shared_ptr<Turn>> turns_;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> waiting_;
  kj::TaskSet tasks_;
};

class CommandsImpl final : public schema::Commands::Server {
 public:
  explicit CommandsImpl(kj::Own<Session> session) : session_(kj::mv(session)) {}

  kj::Promise<void> submit(SubmitContext context) override {
    auto& shared = session_->context;
    const auto params = context.getParams();
    const auto list = params.getCommands();
    if (const auto error = unfit(list.size())) return refuse(context, *error);
    const Chain chain = params.getChain() ? Chain::kAllOrNothing : Chain::kEach;
    Submission submission = read_commands(list);
    if (chain == Chain::kAllOrNothing && !submission.unreadable.empty()) {
      for (const auto& error : submission.unreadable) {
        if (error) return refuse(context, *error);
      }
    }
    context.releaseParams();
    auto commands = std::move(submission.commands);
    return shared.submitter.submit(session_->principal, std::move(commands), chain)
        .then([context,
               submission = std::move(submission)](Result<std::vector<Answer>> result) mutable {
          auto results = context.getResults(size_of_answers(result ? result->size() : 8));
          if (!result) return write_error(result.error(), results.initError());
          write_answers(submission, *result);
          auto out = results.initAnswers(static_cast<unsigned>(result->size()));
          for (unsigned i = 0; i < out.size(); ++i) write_answer((*result)[i], out[i]);
        })
        .attach(Session::Use(*session_));
  }

  kj::Promise<void> preview(PreviewContext context) override {
    const auto params = context.getParams();
    const auto list = params.getCommands();
    if (const auto error = unfit(list.size())) return refuse(context, *error);
    const Chain chain = params.getChain() ? Chain::kAllOrNothing : Chain::kEach;
    auto submission = std::make_shared<Submission>(read_commands(list));
    for (const auto& error : submission->unreadable) {
      if (error) return refuse(context, *error);
    }
    using Previews = std::vector<CommandHandler::Preview>;
    auto call = call_of(context);
    return session_->ask<Previews>(
        "preview", call,
        [submission, chain](Service& service) {
          return service.preview(submission->commands, chain);
        },
        [](const Previews& previews, auto& results) {
          auto out = results.initPreviews(static_cast<unsigned>(previews.size()));
          for (unsigned i = 0; i < out.size(); ++i) {
            write_answer(previews[i].answer, out[i].initAnswer());
            RecordBatch batch;
            RecordChunk chunk;
            for (const auto& record : previews[i].records) {
              batch.clear();
              batch.add(record);
              chunk.add({record.position, batch.record(0)});
            }
            chunk.write(out[i].initRecords());
          }
        });
  }

  kj::Promise<void> stream(StreamContext context) override {
    auto answers = context.getParams().getAnswers();
    context.getResults(kSmallAnswer)
        .setStream(kj::heap<StreamImpl>(kj::addRef(*session_), kj::mv(answers)));
    return kj::READY_NOW;
  }

 private:
  std::optional<Error> unfit(std::size_t commands) const {
    const auto& shared = session_->context;
    if (commands > shared.options.limits.batch)
      return too_large(commands, shared.options.limits.batch);
    if (shared.draining) return stopping();
    return std::nullopt;
  }

  kj::Own<Session> session_;
};

// ---- Queries ---------------------------------------------------------------------------------------------------------

class QueriesImpl final : public schema::Queries::Server {
 public:
  explicit QueriesImpl(kj::Own<Session> session) : session_(kj::mv(session)) {}

  kj::Promise<void> resolve(ResolveContext context) override {
    return session_->ask<AsOf>(
        "resolve", call_of(context),
        [when = read_when(context.getParams().getWhen())](Service& s) { return s.resolve(when); },
        [](const AsOf& answer, auto& results) { write_as_of(answer, results.initAsOf()); });
  }

  kj::Promise<void> lease(LeaseContext context) override {
    const auto params = context.getParams();
    LeaseKey key;
    if (const auto ok = read_prefix(params.getKey(), "key", key); !ok)
      return refuse(context, ok.error());
    return session_->ask<LeaseAnswer>(
        "lease", call_of(context),
        [key, when = read_when(params.getWhen())](Service& s) { return s.lease(key, when); },
        [](const LeaseAnswer& answer, auto& results) {
          write_as_of(answer.as_of, results.initAsOf());
          if (answer.lease) write(*answer.lease, results.initLease());
        });
  }

  kj::Promise<void> leasesOf(LeasesOfContext context) override {
    const auto params = context.getParams();
    Duid duid;
    if (const auto ok = read_duid(params.getDuid(), duid); !ok) return refuse(context, ok.error());
    const auto iaid = params.getAnyIaid() ? std::nullopt : std::optional(Iaid{params.getIaid()});
    return session_->ask<LeasePage>(
        "leasesOf", call_of(context),
        [duid, iaid, when = read_when(params.getWhen())](Service& s) {
          return s.leases_of(duid, iaid, when);
        },
        write_page);
  }

  kj::Promise<void> leasesIn(LeasesInContext context) override {
    const auto params = context.getParams();
    Ipv6Prefix prefix;
    if (const auto ok = read_prefix(params.getPrefix(), "prefix", prefix); !ok)
      return refuse(context, ok.error());
    std::optional<LeaseKey> after;
    if (params.hasAfter()) {
      if (const auto ok = read_prefix(params.getAfter(), "after", after.emplace()); !ok)
        return refuse(context, ok.error());
    }
    return session_->ask<LeasePage>(
        "leasesIn", call_of(context),
        [prefix, after, when = read_when(params.getWhen()), limit = page_size(params.getLimit())](
            Service& s) { return s.leases_in(prefix, when, after, limit); },
        write_page);
  }

  kj::Promise<void> expiring(ExpiringContext context) override {
    const auto params = context.getParams();
    return session_->ask<LeasePage>(
        "expiring", call_of(context),
        [from = read_time(params.getFrom()), to = read_time(params.getTo()),
         when = read_when(params.getWhen()), limit = page_size(params.getLimit())](Service& s) {
          return s.expiring(from, to, when, limit);
        },
        write_page);
  }

  kj::Promise<void> who(WhoContext context) override {
    const auto params = context.getParams();
    return session_->ask<Holders>(
        "who", call_of(context),
        [address = Ipv6Address{params.getHigh(), params.getLow()},
         when = read_when(params.getWhen())](Service& s) { return s.who(address, when); },
        [](const Holders& answer, auto& results) { write(answer, results.initHolders()); });
  }

  kj::Promise<void> history(HistoryContext context) override {
    const auto params = context.getParams();
    LeaseKey key;
    if (const auto ok = read_prefix(params.getKey(), "key", key); !ok)
      return refuse(context, ok.error());
    return session_->ask<SpansAnswer>(
        "history", call_of(context),
        [key, covering = params.getCovering(), when = read_when(params.getWhen())](Service& s) {
          return s.history(key, covering, when);
        },
        write_spans);
  }

  kj::Promise<void> heldBy(HeldByContext context) override {
    const auto params = context.getParams();
    Duid duid;
    if (const auto ok = read_duid(params.getDuid(), duid); !ok) return refuse(context, ok.error());
    return session_->ask<SpansAnswer>(
        "heldBy", call_of(context),
        [duid, from = read_time(params.getFrom()), to = read_time(params.getTo()),
         when = read_when(params.getWhen())](Service& s) {
          return s.held_by(duid, from, to, when);
        },
        write_spans);
  }

  kj::Promise<void> subnets(SubnetsContext context) override {
    const auto params = context.getParams();
    std::optional<Ipv6Prefix> after;
    if (params.hasAfter()) {
      if (const auto ok = read_prefix(params.getAfter(), "after", after.emplace()); !ok)
        return refuse(context, ok.error());
    }
    return session_->ask<SubnetPage>(
        "subnets", call_of(context),
        [after, when = read_when(params.getWhen()), limit = page_size(params.getLimit())](
            Service& s) { return s.subnets(when, after, limit); },
        [](const SubnetPage& answer, auto& results) { write(answer, results.initPage()); });
  }

  kj::Promise<void> subnet(SubnetContext context) override {
    const auto params = context.getParams();
    Ipv6Prefix prefix;
    if (const auto ok = read_prefix(params.getPrefix(), "prefix", prefix); !ok)
      return refuse(context, ok.error());
    return session_->ask<SubnetAnswer>(
        "subnet", call_of(context),
        [prefix, when = read_when(params.getWhen())](Service& s) { return s.subnet(prefix, when); },
        [](const SubnetAnswer& answer, auto& results) { write(answer, results.initAnswer()); });
  }

  kj::Promise<void> elements(ElementsContext context) override {
    const auto params = context.getParams();
    std::optional<Ipv6Prefix> subnet;
    if (params.hasSubnet()) {
      if (const auto ok = read_prefix(params.getSubnet(), "subnet", subnet.emplace()); !ok)
        return refuse(context, ok.error());
    }
    if (params.getKind() > schema::ElementKind::POOL) {
      return refuse(context, invalid("kind", std::to_string(static_cast<int>(params.getKind())),
                                     "reservation, exclusion or pool")
                                 .value());
    }
    return session_->ask<ElementPage>(
        "elements", call_of(context),
        [subnet, kind = static_cast<ElementKind>(params.getKind()),
         when = read_when(params.getWhen()), skip = params.getSkip(),
         limit = page_size(params.getLimit())](Service& s) {
          return s.elements(subnet, kind, when, skip, limit);
        },
        [](const ElementPage& answer, auto& results) { write(answer, results.initPage()); });
  }

  kj::Promise<void> freeAddresses(FreeAddressesContext context) override {
    const auto params = context.getParams();
    GetFreeAddress query;
    if (const auto ok = read_prefix(params.getSubnet(), "subnet", query.subnet); !ok)
      return refuse(context, ok.error());
    if (params.hasStart()) query.start = plain_prefix(params.getStart()).address;
    if (params.hasEnd()) query.end = plain_prefix(params.getEnd()).address;
    query.count = params.getCount();
    return session_->ask<FreeAddresses>(
        "freeAddresses", call_of(context), [query](Service& s) { return s.free_addresses(query); },
        [](const FreeAddresses& answer, auto& results) {
          auto out = results.initAddresses(static_cast<unsigned>(answer.addresses.size()));
          for (unsigned i = 0; i < out.size(); ++i)
            write_prefix({answer.addresses[i], 128}, out[i]);
          results.setReachedEnd(answer.reached_end);
        });
  }

  kj::Promise<void> stats(StatsContext context) override {
    return session_->ask<Stats>(
        "stats", call_of(context), [](Service& s) { return s.stats(); },
        [](const Stats& answer, auto& results) { write(answer, results.initStats()); });
  }

  kj::Promise<void> keaServers(KeaServersContext context) override {
    using Servers = std::vector<KeaServerStatus>;
    return session_->ask<Servers>(
        "keaServers", call_of(context),
        [servers = session_->context.options.kea_servers](Service&) -> Result<Servers> {
          return servers ? servers() : Servers{};
        },
        [](const Servers& answer, auto& results) {
          write_list(answer, results.initServers(static_cast<unsigned>(answer.size())));
        });
  }

 private:
  static constexpr auto write_page = [](const LeasePage& answer, auto& results) {
    write(answer, results.initPage());
  };
  static constexpr auto write_spans = [](const SpansAnswer& answer, auto& results) {
    results.setKnown(answer.known);
    write_list(answer.spans, results.initSpans(static_cast<unsigned>(answer.spans.size())));
  };

  kj::Own<Session> session_;
};

// ---- History ---------------------------------------------------------------------------------------------------------

/// What somebody holds at the daemon until he drops it.
class Held {
 public:
  Held(Session& session, std::size_t Holdings::*what) : use_(session), what_(what) {
    ++(session.holdings().*what_);
  }
  ~Held() noexcept(false) {
    if (what_ != nullptr) --(session().holdings().*what_);
  }
  Held(Held&& other) : use_(kj::mv(other.use_)), what_(std::exchange(other.what_, nullptr)) {}
  Session& session() { return use_.session(); }

 private:
  Session::Use use_;
  std::size_t Holdings::*what_;
};

class StateImpl final : public schema::State::Server {
 public:
  StateImpl(Held held, std::shared_ptr<PastState> state)
      : held_(kj::mv(held)), state_(std::move(state)) {}

  kj::Promise<void> info(InfoContext context) override {
    auto results = context.getResults(kSmallAnswer);
    results.setPosition(state_->position());
    results.setRecordedAt(wire_time(state_->recorded_at()));
    results.setSubnets(state_->subnets());
    results.setLeases(state_->leases());
    results.setDigest(wire_octets(state_->digest()));
    return kj::READY_NOW;
  }

  kj::Promise<void> page(PageContext context) override {
    const auto params = context.getParams();
    std::optional<LeaseKey> after;
    if (params.hasAfter()) {
      if (const auto ok = read_prefix(params.getAfter(), "after", after.emplace()); !ok)
        return refuse(context, ok.error());
    }
    return held_.session().ask<PastState::Page>(
        "state", call_of(context),
        [state = state_, after, limit = page_size(params.getLimit())](Service&) {
          return state->page(after, limit);
        },
        [](const PastState::Page& page, auto& results) {
          auto rows = results.initRows(static_cast<unsigned>(page.rows.size()));
          for (unsigned i = 0; i < rows.size(); ++i) {
            write(page.rows[i].lease, rows[i].initLease());
            write_prefix(page.rows[i].subnet, rows[i].initSubnet());
          }
          if (page.next) write_prefix(*page.next, results.initNext());
        });
  }

 private:
  Held held_;
  std::shared_ptr<PastState> state_;
};

class DifferenceImpl final : public schema::Difference::Server {
 public:
  DifferenceImpl(Held held, std::shared_ptr<const Difference> difference)
      : held_(kj::mv(held)), difference_(std::move(difference)) {}

  kj::Promise<void> info(InfoContext context) override {
    auto results = context.getResults(kSmallAnswer);
    results.setFrom(difference_->from);
    results.setTo(difference_->to);
    results.setLeases(difference_->leases.size());
    write_list(difference_->subnets,
               results.initSubnets(static_cast<unsigned>(difference_->subnets.size())));
    return kj::READY_NOW;
  }

  kj::Promise<void> page(PageContext context) override {
    const auto params = context.getParams();
    const auto& leases = difference_->leases;
    const std::size_t begin = std::min<std::size_t>(params.getSkip(), leases.size());
    const std::size_t count =
        std::min({page_size(params.getLimit()), leases.size() - begin, std::size_t{10'000}});
    auto out = context.getResults().initLeases(static_cast<unsigned>(count));
    for (unsigned i = 0; i < count; ++i) write(leases[begin + i], out[i]);
    return kj::READY_NOW;
  }

 private:
  Held held_;
  std::shared_ptr<const Difference> difference_;
};

/// Sends records to a subscriber: what is there, then what comes.
class SubscriptionImpl final : public schema::Subscription::Server,
                               private kj::TaskSet::ErrorHandler {
 public:
  SubscriptionImpl(Held held, Position from, schema::Subscriber::Client subscriber)
      : held_(kj::mv(held)), next_(from), subscriber_(kj::mv(subscriber)), tasks_(*this) {
    held_.session().context.observer.subscribed(1);
    tasks_.add(pump());
  }
  ~SubscriptionImpl() noexcept(false) { held_.session().context.observer.subscribed(-1); }

 private:
  struct Chunk {
    RecordChunk records;
    Position tail = 0;
  };

  kj::Promise<void> pump() {
    auto& shared = held_.session().context;
    if (ended_) return kj::READY_NOW;
    if (in_flight_ >= kChunksAhead) {
      auto paf = kj::newPromiseAndFulfiller<void>();
      room_ = kj::mv(paf.fulfiller);
      return paf.promise.then([this] { return pump(); });
    }
    std::function<Result<Chunk>(const GivenUp&)> read =
        [&keeper = shared.keeper, next = next_](const GivenUp&) -> Result<Chunk> {
      LEASELEDGER_ASSIGN(const auto ledger, keeper.for_questions());
      Chunk out;
      out.tail = ledger->tail();
      if (next > out.tail) return out;
      LEASELEDGER_ASSIGN(out.records,
                         read_chunk(ledger->log(), next, out.tail, Direction::kForward));
      return out;
    };
    return shared.questions.run<Chunk>(std::move(read)).then([this](Result<Chunk> chunk) {
      return send(std::move(chunk));
    });
  }

  kj::Promise<void> send(Result<Chunk> chunk) {
    auto& shared = held_.session().context;
    if (!chunk && chunk.error().kind == ErrorKind::kBusy) {
      return shared.timer.afterDelay(100 * kj::MILLISECONDS).then([this] { return pump(); });
    }
    if (!chunk) {
      ended_ = true;
      auto request = subscriber_.endedRequest();
      write_error(chunk.error(), request.initError());
      return request.send().ignoreResult();
    }
    if (chunk->records.empty()) {
      // Growth is noticed with the answers to commands; the keeper's own come by the timer.
      return shared.submitter.grown()
          .exclusiveJoin(shared.timer.afterDelay(250 * kj::MILLISECONDS))
          .then([this] { return pump(); });
    }
    next_ = chunk->records.last() + 1;
    shared.observer.records_sent(chunk->records.size());
    auto request = subscriber_.recordsRequest(
        capnp::MessageSize{chunk->records.octets() / 8 + chunk->records.size() + 64, 0});
    chunk->records.write(request.initRecords());
    request.setTail(chunk->tail);
    ++in_flight_;
    tasks_.add(request.send().then([this](auto&&) {
      --in_flight_;
      if (room_.get() != nullptr) {
        room_->fulfill();
        room_ = nullptr;
      }
    }));
    return kj::evalLater([this] { return pump(); });
  }

  void taskFailed(kj::Exception&&) override { ended_ = true; }  // the subscriber went away

  Held held_;
  Position next_;
  schema::Subscriber::Client subscriber_;
  std::size_t in_flight_ = 0;
  bool ended_ = false;
  kj::Own<kj::PromiseFulfiller<void>> room_;
  kj::TaskSet tasks_;
};

struct LogPage {
  RecordChunk records;
  Position next = 0;
};

/// One answer's worth of the records that pass.
Result<LogPage> filtered(const Ledger& ledger, LogFilter filter, std::size_t limit) {
  LEASELEDGER_ASSIGN(const Queries queries, ledger.queries());
  const bool backward = filter.direction == Direction::kBackward;
  const bool indexed = filter.key || filter.duid;
  const auto give_up = Steady::now() + kFilterPatience;
  Position from = std::max<Position>(filter.from, 1);
  Position to = std::min(filter.to, queries.position());
  LogPage page;
  while (from <= to) {
    filter.from = from;
    filter.to = to;
    if (!indexed && to - from >= kFilterWindow) {
      (backward ? filter.from : filter.to) =
          backward ? to - kFilterWindow + 1 : from + kFilterWindow - 1;
    }
    bool full = false;
    LEASELEDGER_TRY(queries.log(filter, [&](const StoredRecord& stored, const Record&) {
      page.records.add(stored);
      full = page.records.octets() >= kChunkOctets || page.records.size() >= limit;
      return !full;
    }));
    if (backward) {
      to = (full ? page.records.last() : filter.from) - 1;
    } else {
      from = (full ? page.records.last() : filter.to) + 1;
    }
    if (from <= to && (full || Steady::now() > give_up)) {
      page.next = backward ? to : from;
      break;
    }
  }
  return page;
}

class HistoryImpl final : public schema::History::Server {
 public:
  explicit HistoryImpl(kj::Own<Session> session) : session_(kj::mv(session)) {}

  kj::Promise<void> read(ReadContext context) override {
    const auto params = context.getParams();
    return ask_ledger<RecordChunk>(
        "read", context,
        [first = params.getFirst(), last = params.getLast(),
         backward = params.getBackward()](Ledger& ledger) -> Result<RecordChunk> {
          if (last > ledger.tail() || first == 0) {
            return invalid("position", std::to_string(first == 0 ? first : last),
                           "1 to " + std::to_string(ledger.tail()) + ", the last record");
          }
          return read_chunk(ledger.log(), first, last,
                            backward ? Direction::kBackward : Direction::kForward);
        },
        [](const RecordChunk& chunk, auto& results) { chunk.write(results.initRecords()); });
  }

  kj::Promise<void> log(LogContext context) override {
    const auto params = context.getParams();
    LogFilter filter;
    if (const auto ok = read_filter(params.getFilter(), filter); !ok)
      return refuse(context, ok.error());
    const std::size_t limit = params.getLimit() == 0 ? kChunkRecords : params.getLimit();
    return ask_ledger<LogPage>(
        "log", context, [filter, limit](Ledger& ledger) { return filtered(ledger, filter, limit); },
        [](const LogPage& page, auto& results) {
          page.records.write(results.initRecords());
          results.setNext(page.next);
        });
  }

  kj::Promise<void> wait(WaitContext context) override {
    const auto params = context.getParams();
    const Position known = params.getKnown();
    auto& shared = session_->context;
    auto deadline = shared.timer.afterDelay(std::min(params.getMilliseconds(), kLongestWaitMs) *
                                            kj::MILLISECONDS);
    context.releaseParams();
    return wait_for_growth(known)
        .exclusiveJoin(kj::mv(deadline))
        .then([context, &shared]() mutable {
          const auto ledger = shared.keeper.for_questions();
          context.getResults(kSmallAnswer).setTail(ledger ? (*ledger)->tail() : 0);
        });
  }

  kj::Promise<void> treeHead(TreeHeadContext context) override {
    return ask_ledger<TreeHead>(
        "treeHead", context,
        [size = context.getParams().getSize()](Ledger& l) { return l.log().tree_head(size); },
        [](const TreeHead& head, auto& results) { results.setRoot(wire_octets(head.root)); });
  }

  kj::Promise<void> inclusionProof(InclusionProofContext context) override {
    const auto params = context.getParams();
    return ask_ledger<std::vector<Hash>>(
        "inclusionProof", context,
        [position = params.getPosition(), size = params.getSize()](Ledger& l) {
          return l.log().inclusion_proof(position, size);
        },
        write_hashes);
  }

  kj::Promise<void> consistencyProof(ConsistencyProofContext context) override {
    const auto params = context.getParams();
    return ask_ledger<std::vector<Hash>>(
        "consistencyProof", context,
        [old_size = params.getOldSize(), size = params.getNewSize()](Ledger& l) {
          return l.log().consistency_proof(old_size, size);
        },
        write_hashes);
  }

  kj::Promise<void> subscribe(SubscribeContext context) override {
    auto& shared = session_->context;
    if (session_->holdings().subscriptions >= shared.options.limits.subscriptions_per_principal) {
      return refuse(context, too_many("subscriptions", session_->holdings().subscriptions));
    }
    const auto params = context.getParams();
    context.getResults(kSmallAnswer)
        .setSubscription(kj::heap<SubscriptionImpl>(Held(*session_, &Holdings::subscriptions),
                                                    std::max<Position>(params.getFrom(), 1),
                                                    params.getSubscriber()));
    return kj::READY_NOW;
  }

  kj::Promise<void> stateAt(StateAtContext context) override {
    if (const auto error = no_more_states()) return refuse(context, *error);
    const Position position = context.getParams().getPosition();
    auto held = std::make_shared<Held>(*session_, &Holdings::states);
    using State = std::shared_ptr<PastState>;
    return job<State>(
        "stateAt", context,
        [position](Service& service, const Progress& progress) -> Result<State> {
          LEASELEDGER_ASSIGN(auto state, service.state_at(position, progress));
          return State(std::move(state));
        },
        [held](const State& state, auto& results) {
          results.setState(kj::heap<StateImpl>(kj::mv(*held), state));
        });
  }

  kj::Promise<void> diff(DiffContext context) override {
    if (const auto error = no_more_states()) return refuse(context, *error);
    const auto params = context.getParams();
    auto held = std::make_shared<Held>(*session_, &Holdings::states);
    using Shared = std::shared_ptr<const Difference>;
    auto call = call_of(context);
    return session_->ask<Shared>(
        "diff", call,
        [from = params.getFrom(), to = params.getTo()](Service& service) -> Result<Shared> {
          LEASELEDGER_ASSIGN(auto difference, service.diff(from, to));
          return std::make_shared<const Difference>(std::move(difference));
        },
        [held](const Shared& difference, auto& results) {
          results.setDifference(kj::heap<DifferenceImpl>(kj::mv(*held), difference));
        },
        &session_->context.jobs);
  }

  kj::Promise<void> verify(VerifyContext context) override {
    return job<VerifyReport>(
        "verify", context,
        [](Service& service, const Progress& progress) { return service.verify(progress); },
        [](const VerifyReport& report, auto& results) { write(report, results.initReport()); });
  }

  kj::Promise<void> replay(ReplayContext context) override {
    return job<ReplayReport>(
        "replay", context,
        [](Service& service, const Progress& progress) { return service.replay(progress); },
        [](const ReplayReport& report, auto& results) { write(report, results.initReport()); });
  }

 private:
  template <typename T, typename Context, typename Write>
  kj::Promise<void> ask_ledger(const char* name, Context context,
                               std::function<Result<T>(Ledger&)> question, Write write_answer) {
    return session_->ask<T>(
        name, call_of(context),
        [&keeper = session_->context.keeper,
         question = std::move(question)](Service&) -> Result<T> {
          LEASELEDGER_ASSIGN(const auto ledger, keeper.for_questions());
          return question(*ledger);
        },
        write_answer);
  }

  /// Something long, with progress for the params' listener.
  template <typename T, typename Context, typename Write>
  kj::Promise<void> job(const char* name, Context context,
                        std::function<Result<T>(Service&, const Progress&)> body,
                        Write write_answer) {
    return run_job<T>(*session_, name, context, std::move(body), write_answer);
  }

 public:
  template <typename T, typename Context, typename Write>
  static kj::Promise<void> run_job(Session& session, const char* name, Context context,
                                   std::function<Result<T>(Service&, const Progress&)> body,
                                   Write write_answer) {
    auto& shared = session.context;
    kj::Own<Listening> listening;
    if (context.getParams().hasProgress())
      listening = kj::heap<Listening>(shared, context.getParams().getProgress());
    const std::uint64_t listener = listening.get() == nullptr ? 0 : listening->number();
    const auto started = Steady::now();
    context.releaseParams();
    std::function<Result<T>(const GivenUp&)> work =
        [&shared, options = session.service_options(), body = std::move(body),
         listener](const GivenUp& given_up) -> Result<T> {
      LEASELEDGER_ASSIGN(auto ledger, shared.keeper.for_questions());
      const auto service = make_local_service(std::move(ledger), options);
      return body(*service, progress_of(shared, listener, given_up));
    };
    return shared.jobs.template run<T>(std::move(work))
        .then([&observer = shared.observer, name, started, context,
               write_answer](Result<T> answer) mutable {
          observer.question(name, answer ? Win32::kSuccess : code_of(answer.error()),
                            seconds_since(started));
          auto results = context.getResults(kSmallAnswer);
          if (!answer) return write_error(answer.error(), results.initError());
          write_answer(*answer, results);
        })
        .attach(kj::mv(listening), Session::Use(session));
  }

 private:
  static constexpr auto write_hashes = [](const std::vector<Hash>& hashes, auto& results) {
    auto out = results.initHashes(static_cast<unsigned>(hashes.size()));
    for (unsigned i = 0; i < out.size(); ++i) out.set(i, wire_octets(hashes[i]));
  };

  kj::Promise<void> wait_for_growth(Position known) {
    auto& shared = session_->context;
    const auto ledger = shared.keeper.for_questions();
    if (ledger && (*ledger)->tail() > known) return kj::READY_NOW;
    return shared.submitter.grown()
        .exclusiveJoin(shared.timer.afterDelay(100 * kj::MILLISECONDS))
        .then([this, known] { return wait_for_growth(known); });
  }

  static Error too_many(const char* what, std::size_t held) {
    return {Win32::kBusy, ErrorKind::kBusy, what, std::to_string(held) + " held",
            "some of them to be given up first"};
  }
  std::optional<Error> no_more_states() {
    const std::size_t held = session_->holdings().states;
    if (held < session_->context.options.limits.states_per_principal) return std::nullopt;
    return too_many("states and differences", held);
  }

  kj::Own<Session> session_;
};

// ---- Upkeep ----------------------------------------------------------------------------------------------------------

class UpkeepImpl final : public schema::Upkeep::Server {
 public:
  explicit UpkeepImpl(kj::Own<Session> session) : session_(kj::mv(session)) {}

  kj::Promise<void> rebuildViews(RebuildViewsContext context) override {
    using Names = std::vector<std::string>;
    auto call = call_of(context);
    return session_->ask<Names>(
        "rebuildViews", call, [](Service& service) { return service.rebuild_views(); },
        [](const Names& names, auto& results) {
          auto out = results.initDiffering(static_cast<unsigned>(names.size()));
          for (unsigned i = 0; i < out.size(); ++i) out.set(i, wire_text(names[i]));
        },
        &session_->context.jobs);
  }

  kj::Promise<void> compareWithKea(CompareWithKeaContext context) override {
    const std::string server = plain_text(context.getParams().getServer());
    const auto& compare = session_->context.options.compare_with_kea;
    if (!compare || !compare(server)) {
      return refuse(context, {Win32::kNotFound, ErrorKind::kNotFound, "server", server,
                              "a Kea server of the daemon's configuration: [[kea.server]] with a "
                              "control channel"});
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> backup(BackupContext context) override {
    const std::string asked = plain_text(context.getParams().getDirectory());
    const std::filesystem::path below = session_->context.options.backup_directory;
    const std::filesystem::path target = std::filesystem::path(asked).lexically_normal();
    const auto relative = target.lexically_relative(below.lexically_normal());
    if (below.empty() || !target.is_absolute() || relative.empty() || relative == "." ||
        *relative.begin() == "..") {
      return refuse(context, {Win32::kAccessDenied, ErrorKind::kDenied, "directory", asked,
                              below.empty() ? "a daemon whose configuration has backup.directory"
                                            : "a new directory below " + below.string() +
                                                  ", the configuration's backup.directory"});
    }
    spdlog::info("backup.begun directory={} principal={}", target.string(),
                 session_->principal->name);
    return HistoryImpl::run_job<BackupReport>(
        *session_, "backup", context,
        [target](Service& service, const Progress& progress) {
          return service.backup(target.string(), progress);
        },
        [](const BackupReport& report, auto& results) {
          results.setRecords(report.records);
          results.setRoot(wire_octets(report.root));
          results.setVerified(report.verified);
        });
  }

 private:
  kj::Own<Session> session_;
};

// ---- the bootstrap ---------------------------------------------------------------------------------------------------

class LedgerImpl final : public schema::Ledger::Server {
 public:
  explicit LedgerImpl(kj::Own<Session> session) : session_(kj::mv(session)) {}

  kj::Promise<void> greet(GreetContext context) override {
    const auto params = context.getParams();
    const std::string tool = plain_text(params.getTool());
    const bool fine = tool.size() <= 32 && std::ranges::all_of(tool, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '-';
                      });
    if (!fine) {
      return refuse(
          context,
          invalid("tool", tool.substr(0, 64), "letters, digits and '-', at most 32").value());
    }
    if (params.getAtMost() > schema::Role::ADMINISTRATOR) {
      return refuse(context, invalid("atMost", std::to_string(static_cast<int>(params.getAtMost())),
                                     "none, user or administrator")
                                 .value());
    }
    // A new one: what was submitted before keeps its own.
    auto principal = std::make_shared<Principal>(*session_->principal);
    if (!tool.empty()) principal->door = session_->transport + "/" + tool;
    principal->role = std::min(principal->role, static_cast<Role>(params.getAtMost()));
    session_->principal = std::move(principal);
    auto call = call_of(context);
    return session_->ask<ServiceInfo>(
        "greet", call, [](Service& service) { return service.info(); },
        [limit = session_->context.options.limits.batch](const ServiceInfo& info, auto& results) {
          ServiceInfo out = info;
          out.max_batch = limit;
          write(out, results.initInfo());
        });
  }

  kj::Promise<void> commands(CommandsContext context) override {
    if (const auto error = denied(Role::kAdministrator, "commands")) return refuse(context, *error);
    context.getResults(kSmallAnswer).setCommands(kj::heap<CommandsImpl>(kj::addRef(*session_)));
    return kj::READY_NOW;
  }
  kj::Promise<void> queries(QueriesContext context) override {
    if (const auto error = denied(Role::kUser, "queries")) return refuse(context, *error);
    context.getResults(kSmallAnswer).setQueries(kj::heap<QueriesImpl>(kj::addRef(*session_)));
    return kj::READY_NOW;
  }
  kj::Promise<void> history(HistoryContext context) override {
    if (const auto error = denied(Role::kUser, "history")) return refuse(context, *error);
    context.getResults(kSmallAnswer).setHistory(kj::heap<HistoryImpl>(kj::addRef(*session_)));
    return kj::READY_NOW;
  }
  kj::Promise<void> upkeep(UpkeepContext context) override {
    if (const auto error = denied(Role::kAdministrator, "upkeep")) return refuse(context, *error);
    context.getResults(kSmallAnswer).setUpkeep(kj::heap<UpkeepImpl>(kj::addRef(*session_)));
    return kj::READY_NOW;
  }

  kj::Promise<void> attempt(AttemptContext context) override {
    auto& shared = session_->context;
    const auto list = context.getParams().getCommands();
    if (list.size() > shared.options.limits.batch)
      return refuse(context, too_large(list.size(), shared.options.limits.batch));
    if (session_->principal->role == Role::kAdministrator) {
      return refuse(
          context, {Win32::kAccessDenied, ErrorKind::kDenied, "principal",
                    session_->principal->name, "the capability Commands: an administrator has it"});
    }
    Submission submission = read_commands(list);
    context.releaseParams();
    auto commands = std::move(submission.commands);
    return shared.submitter.submit(session_->principal, std::move(commands), Chain::kEach)
        .then([context,
               submission = std::move(submission)](Result<std::vector<Answer>> result) mutable {
          auto results = context.getResults(size_of_answers(result ? result->size() : 8));
          if (!result) return write_error(result.error(), results.initError());
          write_answers(submission, *result);
          auto out = results.initAnswers(static_cast<unsigned>(result->size()));
          for (unsigned i = 0; i < out.size(); ++i) write_answer((*result)[i], out[i]);
        })
        .attach(Session::Use(*session_));
  }

  kj::Promise<void> ping(PingContext) override { return kj::READY_NOW; }

 private:
  std::optional<Error> denied(Role needed, const char* capability) const {
    const auto allowed = require_role(*session_->principal, needed);
    if (allowed) return std::nullopt;
    spdlog::warn("rpc.denied principal={} role={} capability={}", session_->principal->name,
                 name_of(session_->principal->role), capability);
    session_->context.observer.question(capability, Win32::kAccessDenied, 0);
    return allowed.error();
  }

  kj::Own<Session> session_;
};

/// Answers every opening with the same error.
class RefusalImpl final : public schema::Ledger::Server {
 public:
  explicit RefusalImpl(Error error) : error_(std::move(error)) {}
  kj::Promise<void> greet(GreetContext context) override { return refuse(context, error_); }
  kj::Promise<void> commands(CommandsContext context) override { return refuse(context, error_); }
  kj::Promise<void> queries(QueriesContext context) override { return refuse(context, error_); }
  kj::Promise<void> history(HistoryContext context) override { return refuse(context, error_); }
  kj::Promise<void> upkeep(UpkeepContext context) override { return refuse(context, error_); }
  kj::Promise<void> attempt(AttemptContext context) override { return refuse(context, error_); }
  kj::Promise<void> ping(PingContext) override { return kj::READY_NOW; }

 private:
  const Error error_;
};

}  // namespace

capnp::Capability::Client make_session(SessionsContext& context, Principal principal,
                                       std::string transport, std::shared_ptr<Activity> activity) {
  principal.door = transport + "/api";
  return kj::heap<LedgerImpl>(kj::refcounted<Session>(context, std::move(principal),
                                                      std::move(transport), std::move(activity)));
}

capnp::Capability::Client make_refusal(Error error) {
  return kj::heap<RefusalImpl>(std::move(error));
}

}  // namespace leaseledger::rpc
