// The ledger as a whole: init, ping, submit, import, backup, restore, stats, repair.

#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
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

/// A file, or standard input for "-".
class Input {
 public:
  explicit Input(const std::string& name) {
    if (name != "-") file_.open(name, std::ios::binary);
    from_file_ = name != "-";
  }
  explicit operator bool() const { return !from_file_ || file_.is_open(); }
  std::istream& stream() { return from_file_ ? static_cast<std::istream&>(file_) : std::cin; }

 private:
  std::ifstream file_;
  bool from_file_ = false;
};

tl::unexpected<Error> cannot_read(const std::string& name) {
  return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", name,
              "a file that can be read, or - for standard input");
}

/// `wanted` commands in one submission, or as many as the ledger takes: a daemon's limit is in its configuration.
Result<std::size_t> at_most_together(Service& ledger, std::size_t wanted) {
  LEASELEDGER_ASSIGN(const ServiceInfo info, ledger.info());
  return std::clamp<std::size_t>(info.max_batch, 1, wanted);
}

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

void add_import(CLI::App& app, Context& context) {
  auto* import =
      app.add_subcommand("import", "Take over what another server wrote")->require_subcommand(1);
  auto* kea = import->add_subcommand("kea",
                                     "Kea's memfile lease file (kea-leases6.csv): its history "
                                     "becomes history here. Rows that cannot be "
                                     "taken are listed on standard error and the rest goes in; "
                                     "importing again adds only what is new");
  auto file = text(kea, "FILE", "Lease file, or - for standard input");
  auto config = optional_text(kea, "--config",
                              "Kea's configuration (kea-dhcp6.conf): its subnets and pd-pools are "
                              "created first where they are missing");
  auto server = std::make_shared<std::string>("kea");
  kea->add_option("--server", *server, "Name of the server, to tell the rows of several apart");
  on(kea, context, [=, &context]() -> Result<int> {
    Input input(*file);
    if (!input) return cannot_read(*file);
    if (server->starts_with("unix:") || server->starts_with("tls:"))
      return invalid("--server", *server,
                     "the name of a Kea server; a daemon's --server stands before the verb");
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone, "kea-import"));
    std::uint64_t subnets = 0;
    if (!config->empty()) {
      std::ifstream in(*config, std::ios::binary);
      if (!in)
        return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "--config", *config,
                    "a file that can be read");
      const std::string json((std::istreambuf_iterator<char>(in)), {});
      LEASELEDGER_ASSIGN(const auto commands, kea::subnets_of_config(json));
      for (const auto& command : commands) {
        Envelope envelope{.command = command};
        LEASELEDGER_ASSIGN(const auto preview, ledger->preview(std::span(&envelope, 1)));
        if (preview.front().answer.code == Win32::kDuplicateTag) continue;  // it is there already
        envelope.cause = fs::path(*config).filename().string();
        LEASELEDGER_ASSIGN(const auto answers, ledger->submit(std::span(&envelope, 1)));
        const Answer& answer = answers.front();
        if (answer.accepted()) {
          if (std::holds_alternative<CreateSubnet>(command)) ++subnets;
        } else {
          std::fprintf(stderr, "%s: %s\n", config->c_str(), answer.error.to_string().c_str());
        }
      }
    }
    kea::ImportOptions options;
    options.server = *server;
    LEASELEDGER_ASSIGN(options.batch, at_most_together(*ledger, options.batch));
    options.file_name = *file == "-" ? "standard input" : fs::path(*file).filename().string();
    std::error_code error;
    const auto size = *file == "-" ? 0 : fs::file_size(*file, error);
    ProgressBar bar("import");
    const auto report = kea::import_leases(
        input.stream(), options,
        [&](std::span<const Envelope> batch) { return ledger->submit(batch); },
        [&](const kea::RowProblem& problem) {
          std::fprintf(stderr, "%s:%llu: %s\n", options.file_name.c_str(),
                       static_cast<unsigned long long>(problem.line),
                       problem.error.to_string().c_str());
        },
        [&](std::uint64_t bytes) { bar(bytes, size); });
    if (!report) return tl::unexpected(report.error());
    const Position tail = ledger->log().tail();
    LEASELEDGER_TRY(ledger.close());
    Json json;
    json["rows"] = report->rows;
    json["accepted"] = report->accepted;
    json["known already"] = report->repeated;
    json["not taken"] = report->problems;
    if (subnets != 0) json["subnets created"] = subnets;
    json["records"] = tail;
    json["seconds"] = report->seconds;
    json["rows per second"] = static_cast<std::uint64_t>(static_cast<double>(report->rows) /
                                                         std::max(report->seconds, 1e-9));
    write_object(context.format(), json);
    return report->problems == 0 ? kOk : kNegative;
  });
  example(kea,
          "leaseledger import kea /var/lib/kea/kea-leases6.csv --config /etc/kea/kea-dhcp6.conf");
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
  add_import(app, context);
  add_backup(app, context);
  add_stats(app, context);
  add_repair(app, context);
}

}  // namespace leaseledger::cli
