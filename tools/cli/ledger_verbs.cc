// The ledger as a whole: init, ping, submit, backup, restore, stats, repair.

#include "commands/command_json.h"
#include "tools/cli/context.h"
#include "tools/cli/options.h"
#include "tools/cli/render.h"

#include <algorithm>
#include <fstream>
#include <iostream>

namespace leaseledger::cli {
namespace {

namespace fs = std::filesystem;

void add_init(CLI::App& app, Context& context) {
  auto* init =
      app.add_subcommand("init", "Make an empty ledger in the directory named by --ledger");
  on(init, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto where, context.path());
    LEASELEDGER_ASSIGN(const auto ledger, Ledger::create(where));
    Json json;
    json["ledger"] = where.string();
    json["id"] = format_command_id(ledger->log().identity().ledger_id);
    json["created"] = format_instant(ledger->log().identity().created_at);
    LEASELEDGER_TRY(ledger->close());
    write_object(context.format(), json);
    return kOk;
  });
  example(init, "leaseledger --ledger /var/lib/leaseledger init");
}

void add_ping(CLI::App& app, Context& context) {
  auto* ping = app.add_subcommand(
      "ping", "Is it there, and who am I to it? Exit code 3 when no ledger or daemon answers");
  on(ping, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open(Role::kNone));
    const auto started = std::chrono::steady_clock::now();
    LEASELEDGER_ASSIGN(const ServiceInfo info, ledger->info());
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - started;
    write_object(context.format(), {{"principal", info.principal},
                                    {"role", name_of(info.role)},
                                    {"version", info.version},
                                    {"ledger", format_command_id(info.identity.ledger_id)},
                                    {"records", info.tail},
                                    {"startedAt", format_instant(info.started_at)},
                                    {"milliseconds", took.count()}});
    return kOk;
  });
  example(ping, "leaseledger --server unix:/run/leaseledger/leaseledgerd.sock ping");
}

void add_submit(CLI::App& app, Context& context) {
  auto* submit = app.add_subcommand(
      "submit", "Commands from a file of JSON lines; one JSON result for each line");
  auto file = text(submit, "FILE", "File of JSON lines, or - for standard input");
  auto batch = std::make_shared<std::size_t>(1000);
  submit
      ->add_option(
          "--batch", *batch,
          "Commands made durable together, 1 to 8192; a daemon may take fewer (limits.batch)")
      ->check(CLI::Range(1, 8192));
  auto chain = std::make_shared<bool>(false);
  submit->add_flag("--all-or-nothing", *chain,
                   "The whole file is one chain: all commands are accepted or none is done");
  on(submit, context, [=, &context]() -> Result<int> {
    Input input(*file);
    if (!input) return cannot_read(*file);
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone));
    LEASELEDGER_ASSIGN(const std::size_t together, at_most_together(*ledger, *batch));
    std::vector<Envelope> commands;
    std::vector<std::optional<Error>>
        unreadable;  // one for each line; those without stand in `commands`
    std::uint64_t refused = 0;
    const auto send = [&]() -> Status {
      LEASELEDGER_ASSIGN(const auto answers,
                         ledger->submit(commands, *chain ? Chain::kAllOrNothing : Chain::kEach));
      std::size_t next = 0;
      Position tail = 0;
      for (const auto& error : unreadable) {
        Answer answer;
        if (error) {
          answer.code = error->code;
          answer.error = *error;
          if (tail == 0) tail = ledger->log().tail();
          answer.as_of = tail;
        } else {
          answer = answers[next++];
        }
        if (!answer.accepted()) ++refused;
        std::printf("%s\n", answer_to_json(answer).c_str());
      }
      std::fflush(stdout);  // an answer is for somebody who waits for it
      commands.clear();
      unreadable.clear();
      return {};
    };
    std::string line;
    std::uint64_t number = 0;
    while (std::getline(input.stream(), line)) {
      ++number;
      if (line.empty()) continue;
      auto envelope = envelope_from_json(line);
      if (!envelope && *chain) {
        Error error = envelope.error();
        error.expected += " (line " + std::to_string(number) + "; nothing was done)";
        return tl::unexpected(std::move(error));
      }
      if (envelope) {
        unreadable.emplace_back();
        commands.push_back(std::move(*envelope));
      } else {
        unreadable.emplace_back(envelope.error());
      }
      if (!*chain && unreadable.size() >= together) LEASELEDGER_TRY(send());
    }
    LEASELEDGER_TRY(send());
    LEASELEDGER_TRY(ledger.close());
    return refused == 0 ? kOk : kNegative;
  });
  example(submit,
          R"(echo '{"command":"CreateSubnet","prefix":"2001:db8:1::/64"}' | leaseledger submit -)");
  example(submit, "leaseledger submit commands.jsonl --all-or-nothing");
}

void add_backup(CLI::App& app, Context& context) {
  auto* backup = app.add_subcommand(
      "backup",
      "A complete copy of the ledger in a new directory, verified. With --server "
      "on the daemon's machine, below its backup.directory");
  auto target = text(backup, "DIR", "Directory that does not exist yet");
  on(backup, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    ProgressBar bar("verify");
    LEASELEDGER_ASSIGN(
        const auto report,
        ledger->backup(*target, [&](Position done, Position total) { return bar(done, total); }));
    Json json;
    json["backup"] = *target;
    json["records"] = report.records;
    json["root"] = hash_text(report.root);
    json["verified"] = report.verified;
    write_object(context.format(), json);
    return report.verified ? kOk : kTampered;
  });
  example(backup, "leaseledger backup /srv/backup/leaseledger-2026-03-03");

  auto* restore = app.add_subcommand(
      "restore", "A ledger from a backup, into the directory named by --ledger, verified");
  auto source = text(restore, "DIR", "Directory of the backup");
  on(restore, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto where, context.path());
    {
      LEASELEDGER_ASSIGN(const auto from, Ledger::open(*source, {}));
      LEASELEDGER_TRY(from->backup(where));
    }
    LEASELEDGER_ASSIGN(const auto restored, Ledger::open(where, {}));
    ProgressBar bar("verify");
    LEASELEDGER_ASSIGN(const auto report, restored->verify([&](Position done, Position total) {
      return bar(done, total);
    }));
    Json json;
    json["restored"] = where.string();
    json["records"] = report.tail;
    json["root"] = hash_text(report.head.root);
    json["verified"] = report.ok();
    write_object(context.format(), json);
    return report.ok() ? kOk : kTampered;
  });
  example(restore,
          "leaseledger --ledger /var/lib/leaseledger restore /srv/backup/leaseledger-2026-03-03");
}

void add_stats(CLI::App& app, Context& context) {
  auto* stats =
      app.add_subcommand("stats", "Figures of the ledger: records, leases, sizes on disk");
  on(stats, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const Stats figures, ledger->stats());
    Json json;
    json["ledger"] = figures.directory;
    json["id"] = format_command_id(figures.identity.ledger_id);
    json["partition"] = figures.identity.partition;
    json["createdAt"] = format_instant(figures.identity.created_at);
    json["records"] = figures.records;
    if (figures.records != 0) {
      json["firstRecordedAt"] = format_instant(figures.first_recorded_at);
      json["lastRecordedAt"] = format_instant(figures.last_recorded_at);
    }
    json["subnets"] = figures.subnets;
    json["leases"] = figures.leases;
    json["active"] = figures.usage.active;
    json["declined"] = figures.usage.declined;
    json["reserved"] = figures.usage.reserved;
    json["created"] = figures.usage.created;
    json["renewed"] = figures.usage.renewed;
    json["released"] = figures.usage.released;
    json["expired"] = figures.usage.expired;
    json["deleted"] = figures.usage.deleted;
    json["bookBytes"] = figures.book_bytes;
    json["root"] = hash_text(figures.root);
    json["viewsAt"] = figures.views_at;
    json["viewsLag"] = figures.views_lag;
    json["viewsStored"] = figures.views_stored;
    json["diskBytes"] = figures.disk_bytes;
    write_object(context.format(), json);
    return kOk;
  });
  example(stats, "leaseledger stats -o json");
}

void add_repair(CLI::App& app, Context& context) {
  auto* repair = app.add_subcommand("repair", "Ways on after damage; each says what it believes")
                     ->require_subcommand(1);
  auto* head = repair->add_subcommand(
      "head",
      "Believe the log when the head witness (file HEAD) is lost or unreadable, and write it anew. "
      "Records at the end that were lost together with it cannot be noticed any more");
  on(head, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto where, context.path());
    LEASELEDGER_ASSIGN(const auto ledger, Ledger::open(where, {.adopt_head = true}));
    LEASELEDGER_ASSIGN(const TreeHead tree, ledger->log().tree_head(ledger->tail()));
    LEASELEDGER_TRY(ledger->close());
    write_object(context.format(), {{"records", tree.size}, {"root", hash_text(tree.root)}});
    return kOk;
  });
  example(head, "leaseledger repair head");
  auto* views =
      repair->add_subcommand("views", "Build the views anew from the log and switch to them");
  on(views, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const auto differing, ledger->rebuild_views());
    Json json;
    json["rebuilt"] = true;
    json["asOf"] = ledger->log().tail();
    json["were wrong"] = differing;
    write_object(context.format(), json);
    return kOk;
  });
  example(views, "leaseledger repair views");
}

}  // namespace

void add_ledger_verbs(CLI::App& app, Context& context) {
  add_init(app, context);
  add_ping(app, context);
  add_submit(app, context);
  add_backup(app, context);
  add_stats(app, context);
  add_repair(app, context);
}

}  // namespace leaseledger::cli
