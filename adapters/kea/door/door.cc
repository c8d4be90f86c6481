#include "adapters/kea/door/door.h"

#include "adapters/kea/facts.h"
#include "adapters/service/local_service.h"

#include <kj/vector.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <unistd.h>

namespace leaseledger::kea {
namespace {

/// A command up to so large is read on the loop; a larger one in a worker.
constexpr std::size_t kSmall = std::size_t{64} << 10;
/// Updates that are answered when they are received wait for the disk when so many are on their way.
constexpr std::size_t kMostReceived = 4096;
/// Such updates go to the writer together, for nobody waits for them: one by one they would take the processor from Kea.
constexpr kj::Duration kTogether = 5 * kj::MILLISECONDS;
/// Commands in one submission: those of a larger bulk-apply, which no server sends for one packet, are recorded in parts.
constexpr std::size_t kMostTogether = 4096;

template <typename T>
kj::Promise<T> at_once(T value) {
  return kj::Promise<T>(kj::mv(value));
}

Reply problem(const Error& error) { return {ResultCode::kError, error.to_string(), {}}; }

/// RFC 9110 section 5.6.7, as Kea's partners read it.
std::string http_date(Instant now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char out[64];
  std::strftime(out, sizeof out, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return out;
}

}  // namespace

std::string server_of(const Principal& principal) {
  constexpr std::string_view kKind = "kea:";
  return principal.name.starts_with(kKind) ? principal.name.substr(kKind.size()) : "";
}

/// Lease updates on their way.
struct Door::Update {
  std::string name;
  Json arguments;
  std::string text;
  std::shared_ptr<const Principal> principal;
  bool is_report = false;
  Facts facts;
  std::vector<std::pair<std::string, std::string>> refused;  // id and why
  Json not_deleted = Json::array();
  std::size_t deleted = 0;
  std::optional<Reply> failed;
  std::vector<Result<std::vector<Answer>>> answers;  // beside the batches
  bool retried = false;

  Instant now = SystemClock().now();

  /// Reads the arguments into facts.
  void read(const SubnetMap& subnets) {
    const auto server = server_of(*principal);
    auto made = is_report ? facts_of_report(arguments, now, refused)
                          : facts_of_bulk(arguments, text, now, server, subnets);
    if (!made) {
      failed = std::move(made).error();
    } else {
      facts = std::move(*made);
    }
    arguments = Json();
  }

  /// True when something about the leases has to be looked up before they can be submitted.
  bool needs_book(const SubnetMap& subnets) const {
    return !facts.deletions.empty() || !facts.wipes.empty() || !homeless(facts, subnets).empty();
  }

  /// Blocking: subnets are made, deletions and wipes become commands.
  Status look_up(rpc::LedgerKeeper& keeper, KnownSubnets& known) {
    const auto unknown = homeless(facts, *known.lately());
    if (!unknown.empty()) LEASELEDGER_TRY(known.make_room(unknown, name));
    LEASELEDGER_ASSIGN(const auto ledger, keeper.for_commands());
    ledger->read_book([&](const LeaseBook& book) {
      delete_in(book);
      wipe_in(book, *known.lately());
    });
    return {};
  }

  void delete_in(const LeaseBook& book) {
    if (facts.deletions.empty()) return;
    const Origin origin{server_of(*principal), name};
    std::vector<Envelope> commands;
    for (const auto& [lease, as_given] : std::exchange(facts.deletions, {})) {
      const auto held = find(book, lease);
      if (!held || held->lease.state == LeaseState::kReserved) {
        Json failed_one = Json::object();
        failed_one["ip-address"] = lease.address.to_string();
        failed_one["type"] = name_of(lease.type);
        failed_one["result"] = static_cast<int>(ResultCode::kEmpty);
        failed_one["error-message"] = "lease not found";
        not_deleted.push_back(std::move(failed_one));
        continue;
      }
      // Kea does not say when; its own times are whole seconds.
      const Instant at = std::max(instant_of(seconds_of(now)), held->effective_at);
      commands.push_back(
          end_of(held->lease.key, held->lease.type, ReportedState::kReleased, at, origin));
      ++deleted;
    }
    // First what ended, then what began: an address may go from one to the other.
    auto& first = facts.batches.front().commands;
    first.insert(first.begin(), std::make_move_iterator(commands.begin()),
                 std::make_move_iterator(commands.end()));
  }

  static std::optional<BookLease> find(const LeaseBook& book, const LeaseName& lease) {
    if (lease.type != LeaseType::kPd) return book.find({lease.address, kAddressLength});
    if (lease.length != 0) return book.find({lease.address.masked(lease.length), lease.length});
    for (unsigned length = kAddressLength - 1; length > 0; --length) {
      if (lease.address.masked(length) != lease.address) break;
      if (auto held = book.find({lease.address, static_cast<std::uint8_t>(length)})) return held;
    }
    return std::nullopt;
  }

  void wipe_in(const LeaseBook& book, const SubnetMap& subnets) {
    for (const Wipe& wipe : std::exchange(facts.wipes, {})) {
      const SubnetMap::Entry* entry = subnets.with_number(wipe.subnet_id);
      if (entry == nullptr) continue;
      Batch& batch = facts.batches[wipe.batch];
      for (const BookLease& held : book.leases_in(entry->subnet.id)) {
        if (held.lease.state == LeaseState::kReserved) continue;
        batch.commands.push_back(end_of(held.lease.key, held.lease.type, ReportedState::kReleased,
                                        std::max(wipe.at, held.effective_at), wipe.origin));
        batch.ids.emplace_back();
      }
    }
  }

  /// The ledger has a subnet less than the map that it was gone by.
  bool lost_a_subnet() const {
    return std::ranges::any_of(answers, [](const auto& given) {
      return given && std::ranges::any_of(*given, [](const Answer& answer) {
               return answer.code == Win32::kDhcpSubnetNotPresent;
             });
    });
  }

  Reply reply() {
    for (const auto& given : answers)
      if (!given) return problem(given.error());  // not known what became of it: to be sent again
    return is_report ? report_reply() : bulk_reply();
  }

  Reply report_reply() {
    std::size_t recorded = 0;
    std::size_t repeated = 0;
    for (std::size_t b = 0; b < answers.size(); ++b) {
      const auto& ids = facts.batches[b].ids;
      for (std::size_t i = 0; i < answers[b]->size(); ++i) {
        const Answer& answer = (*answers[b])[i];
        if (answer.error.kind == ErrorKind::kDenied) return problem(answer.error);
        if (!answer.accepted()) {
          refused.emplace_back(i < ids.size() ? ids[i] : "", answer.error.to_string());
        } else {
          ++(answer.repeated ? repeated : recorded);
        }
      }
    }
    Json list = Json::array();
    for (const auto& [id, why] : refused) {
      list.push_back({{"id", id}, {"text", why}});
      spdlog::warn("kea.event_refused server={} id={} error=\"{}\"", server_of(*principal), id,
                   why);
    }
    return {ResultCode::kSuccess, std::to_string(recorded + repeated) + " events recorded.",
            Json{{"recorded", recorded}, {"repeated", repeated}, {"refused", std::move(list)}}};
  }

  Reply bulk_reply() {
    for (const auto& given : answers)
      for (const Answer& answer : *given)
        if (!answer.accepted()) return problem(answer.error);
    const std::size_t applied = facts.leases + deleted;
    Json out;
    if (!not_deleted.empty()) out["failed-deleted-leases"] = std::move(not_deleted);
    return {applied == 0 ? ResultCode::kEmpty : ResultCode::kSuccess,
            "Bulk apply of " + std::to_string(applied) + " IPv6 leases completed.", std::move(out)};
  }
};

Door::Door(DoorOptions options, rpc::LedgerKeeper& keeper, KnownSubnets& subnets,
           rpc::Mailbox& mailbox, rpc::WorkerPool& workers, rpc::Observer& observer,
           kj::Timer& timer)
    : options_(options),
      keeper_(keeper),
      subnets_(subnets),
      workers_(workers),
      timer_(timer),
      submitter_(keeper, mailbox, observer),
      commands_(keeper, subnets, options.compat),
      started_(SystemClock().now()),
      tasks_(*this) {}

Door::~Door() = default;

kj::Promise<Reply> Door::answer(std::string text, std::shared_ptr<const Principal> principal) {
  return kj::evalNow([&] { return route(std::move(text), std::move(principal)); })
      .catch_([](kj::Exception&& exception) -> Reply {
        spdlog::error("kea.command_failed error=\"{}\"", exception.getDescription().cStr());
        return {ResultCode::kError,
                "the command could not be carried out; the daemon's log says why",
                {}};
      });
}

kj::Promise<Reply> Door::route(std::string text, std::shared_ptr<const Principal> principal) {
  auto parsed = parse_json(text);
  if (!parsed) return at_once(std::move(parsed).error());
  const auto wrong = [](const char* why) {
    return at_once(
        Reply{ResultCode::kError, std::string("Error during command processing: ") + why, {}});
  };
  if (!parsed->is_object()) return wrong("Invalid command Element specified, expected map");
  const auto command = parsed->find("command");
  if (command == parsed->end())
    return wrong("Invalid answer specified, does not contain mandatory 'command'");
  if (!command->is_string()) return wrong("'command' element in command message is not a string");
  std::string name = command->get<std::string>();
  Json arguments;
  if (const auto given = parsed->find("arguments"); given != parsed->end())
    arguments = std::move(*given);

  auto counted = [this, name](Reply reply) {
    const auto names = LeaseCommands::names();
    const bool known = std::ranges::binary_search(names, name);
    if (answered_) answered_(known ? name : "other", static_cast<int>(reply.result));
    return reply;
  };
  if (name == "lease6-bulk-apply" || name == "lease6-report")
    return update(std::move(name), std::move(arguments), std::move(text), std::move(principal))
        .then(std::move(counted));
  if (name.starts_with("ha-") || name.starts_with("dhcp-") || !name.starts_with("lease6-")) {
    const Status may = require_role(*principal, Role::kUser);
    return at_once(counted(may ? ha(name) : problem(may.error())));
  }
  return workers_
      .run<Reply>([this, request = CommandRequest{name, std::move(arguments), std::move(text)},
                   principal = std::move(principal)](const rpc::GivenUp&) -> Result<Reply> {
        return commands_.answer(request, *principal);
      })
      .then([counted = std::move(counted)](Result<Reply> reply) mutable {
        return counted(reply ? std::move(*reply) : problem(reply.error()));
      });
}

kj::Promise<Reply> Door::update(std::string name, Json arguments, std::string text,
                                std::shared_ptr<const Principal> principal) {
  if (!arguments.is_object()) {
    return at_once(Reply{ResultCode::kError, "Command arguments missing or a not a map.", {}});
  }
  auto work = std::make_shared<Update>();
  work->is_report = name == "lease6-report";
  work->name = std::move(name);
  work->arguments = std::move(arguments);
  work->principal = std::move(principal);
  const bool large = text.size() > kSmall;
  work->text = std::move(text);
  if (!large) work->read(*subnets_.lately());
  if (work->failed) return at_once(std::move(*work->failed));
  const auto go_on = [this](std::shared_ptr<Update> ready) -> kj::Promise<Reply> {
    if (options_.answer_when_received && !ready->is_report &&
        submitter_.waiting() + taken_.size() <= kMostReceived)
      return at_once(take(std::move(ready)));
    submit_taken();  // what came before goes before
    return submit(std::move(ready));
  };
  if (!large && !work->needs_book(*subnets_.lately())) return go_on(std::move(work));
  // What was answered and is not in the book yet may be what this is about.
  auto before = taken_.empty() && !options_.answer_when_received ? kj::Promise<void>(kj::READY_NOW)
                                                                 : settled();
  return before
      .then([this, work, large] {
        return workers_.run<bool>([this, work, large](const rpc::GivenUp&) -> Result<bool> {
          if (large) work->read(*subnets_.lately());
          if (work->failed) return true;
          LEASELEDGER_TRY(work->look_up(keeper_, subnets_));
          return true;
        });
      })
      .then([work, go_on](Result<bool> looked_up) -> kj::Promise<Reply> {
        if (!looked_up) return at_once(problem(looked_up.error()));
        if (work->failed) return at_once(std::move(*work->failed));
        return go_on(work);
      });
}

kj::Promise<Reply> Door::submit(std::shared_ptr<Update> work) {
  note_violations(work->facts, *subnets_.lately());
  auto promises = kj::Vector<kj::Promise<void>>();
  work->answers.resize(work->facts.batches.size(), std::vector<Answer>{});
  for (std::size_t b = 0; b < work->facts.batches.size(); ++b) {
    Batch& batch = work->facts.batches[b];
    // One packet is recorded together or not at all.
    const bool whole = batch.commands.size() <= kMostTogether;
    auto left = batch.commands;  // kept for another try
    for (std::size_t at = 0; at < left.size(); at += kMostTogether) {
      const auto begin = left.begin() + static_cast<std::ptrdiff_t>(at);
      const auto end =
          left.begin() + static_cast<std::ptrdiff_t>(std::min(at + kMostTogether, left.size()));
      promises.add(
          submitter_
              .submit(work->principal,
                      std::vector<Envelope>(std::make_move_iterator(begin),
                                            std::make_move_iterator(end)),
                      whole && batch.commands.size() > 1 ? Chain::kAllOrNothing : Chain::kEach)
              .then([work, b](Result<std::vector<Answer>> answers) {
                auto& into = work->answers[b];
                if (!answers || !into) {
                  if (into) into = std::move(answers);
                } else {
                  into->insert(into->end(), answers->begin(), answers->end());
                }
              }));
    }
  }
  return kj::joinPromises(promises.releaseAsArray()).then([this, work] { return finish(work); });
}

/// Answers, and submits a little later.
Reply Door::take(std::shared_ptr<Update> work) {
  const std::size_t applied = work->facts.leases + work->deleted;
  if (taken_.empty()) tasks_.add(timer_.afterDelay(kTogether).then([this] { submit_taken(); }));
  taken_.push_back(std::move(work));
  return {ResultCode::kSuccess,
          "Bulk apply of " + std::to_string(applied) + " IPv6 leases completed.",
          {}};
}

void Door::submit_taken() {
  for (auto& work : std::exchange(taken_, {})) {
    tasks_.add(submit(work).then([work](Reply reply) {
      if (reply.result == ResultCode::kError)
        spdlog::error("kea.update_lost server={} error=\"{}\"", server_of(*work->principal),
                      reply.text);
    }));
  }
}

kj::Promise<void> Door::settled() {
  submit_taken();
  return submitter_.settled();
}

kj::Promise<Reply> Door::finish(std::shared_ptr<Update> work) {
  if (!work->lost_a_subnet() || work->retried) return at_once(work->reply());
  // A subnet was deleted a moment ago: what was refused is told again, without the ids that the refusals have.
  work->retried = true;
  std::vector<Batch> again;
  for (std::size_t b = 0; b < work->answers.size(); ++b) {
    if (!work->answers[b]) continue;
    Batch& batch = work->facts.batches[b];
    Batch& rest = again.emplace_back();
    for (std::size_t i = 0; i < batch.commands.size() && i < work->answers[b]->size(); ++i) {
      if ((*work->answers[b])[i].accepted()) continue;
      batch.commands[i].id.reset();
      rest.commands.push_back(std::move(batch.commands[i]));
      rest.ids.push_back(i < batch.ids.size() ? batch.ids[i] : "");
    }
  }
  work->facts.batches = std::move(again);
  work->answers.clear();
  return workers_
      .run<bool>([this, work](const rpc::GivenUp&) -> Result<bool> {
        LEASELEDGER_TRY(subnets_.now());
        LEASELEDGER_TRY(work->look_up(keeper_, subnets_));
        return true;
      })
      .then([this, work](Result<bool> looked_up) -> kj::Promise<Reply> {
        if (!looked_up) return at_once(problem(looked_up.error()));
        return submit(work);
      });
}

Reply Door::ha(const std::string& name) const {
  // A backup partner does what its primary tells it and decides nothing, so there is nothing to be turned on or off.
  if (name == "ha-heartbeat")
    return {ResultCode::kSuccess, "HA peer status returned.",
            Json{{"date-time", http_date(SystemClock().now())},
                 {"scopes", Json::array()},
                 {"state", "backup"},
                 {"unsent-update-count", 0}}};
  if (name == "ha-sync-complete-notify")
    return {ResultCode::kSuccess,
            "Server successfully notified about the synchronization completion.",
            {}};
  if (name == "ha-scopes") return {ResultCode::kSuccess, "New HA scopes configured.", {}};
  if (name == "ha-continue") return {ResultCode::kSuccess, "HA state machine is not paused.", {}};
  if (name == "ha-reset")
    return {ResultCode::kSuccess, "HA state machine already in BACKUP state.", {}};
  if (name.starts_with("ha-maintenance-"))
    return {ResultCode::kError,
            "Unable to transition the server from the BACKUP to IN-MAINTENANCE state: a ledger "
            "serves no clients.",
            {}};
  if (name == "dhcp-disable") return {ResultCode::kSuccess, "DHCPv6 service disabled", {}};
  if (name == "dhcp-enable") return {ResultCode::kSuccess, "DHCP service successfully enabled", {}};
  if (name == "version-get")
    return {ResultCode::kSuccess, LEASELEDGER_VERSION,
            Json{{"extended", "leaseledger " LEASELEDGER_VERSION
                              ", a DHCPv6 lease ledger with the lease commands of Kea"}}};
  if (name == "list-commands") return {ResultCode::kSuccess, "", Json(LeaseCommands::names())};
  if (name == "status-get") return status();
  return {ResultCode::kUnsupported, "'" + name + "' command not supported.", {}};
}

Reply Door::status() const {
  Json out = status_ ? status_() : Json::object();
  const Instant now = SystemClock().now();
  out["pid"] = static_cast<int>(::getpid());
  out["uptime"] = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
  out["reload"] = out["uptime"];
  out["multi-threading-enabled"] = true;
  return {ResultCode::kSuccess, "", std::move(out)};
}

void Door::taskFailed(kj::Exception&& exception) {
  spdlog::error("kea.update_failed error=\"{}\"", exception.getDescription().cStr());
}

}  // namespace leaseledger::kea
