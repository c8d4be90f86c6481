// import: what other servers wrote becomes history here.

#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
#include "adapters/kea/lease_file_set.h"
#include "adapters/kea/legal_log.h"
#include "tools/cli/context.h"
#include "tools/cli/options.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

namespace leaseledger::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigHelp =
    "Kea's configuration (kea-dhcp6.conf): its subnets and pd-pools are created first where they "
    "are missing";

unsigned long long wide(std::uint64_t number) { return number; }

/// Creates what is missing of a Kea configuration's subnets and pools; returns how many subnets those were.
Result<std::uint64_t> create_subnets(Service& ledger, const std::string& config) {
  std::uint64_t created = 0;
  if (config.empty()) return created;
  std::ifstream in(config, std::ios::binary);
  if (!in)
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "--config", config,
                "a file that can be read");
  const std::string json((std::istreambuf_iterator<char>(in)), {});
  LEASELEDGER_ASSIGN(const auto commands, kea::subnets_of_config(json));
  for (const auto& command : commands) {
    Envelope envelope{.command = command};
    LEASELEDGER_ASSIGN(const auto preview, ledger.preview(std::span(&envelope, 1)));
    if (preview.front().answer.code == Win32::kDuplicateTag) continue;  // it is there already
    envelope.cause = fs::path(config).filename().string();
    LEASELEDGER_ASSIGN(const auto answers, ledger.submit(std::span(&envelope, 1)));
    const Answer& answer = answers.front();
    if (answer.accepted()) {
      if (std::holds_alternative<CreateSubnet>(command)) ++created;
    } else {
      std::fprintf(stderr, "%s: %s\n", config.c_str(), answer.error.to_string().c_str());
    }
  }
  return created;
}

Status check_server_name(const std::string& server) {
  if (server.starts_with("unix:") || server.starts_with("tls:"))
    return invalid("--server", server,
                   "the name of a Kea server; a daemon's --server stands before the verb");
  return {};
}

/// What was imported, over all files.
int write_report(Context& context, const kea::ImportReport& report, std::uint64_t subnets,
                 Position tail) {
  Json json;
  json["rows"] = report.rows;
  json["accepted"] = report.accepted;
  json["known already"] = report.repeated;
  json["not taken"] = report.problems;
  if (subnets != 0) json["subnets created"] = subnets;
  json["records"] = tail;
  json["seconds"] = report.seconds;
  json["rows per second"] =
      static_cast<std::uint64_t>(static_cast<double>(report.rows) / std::max(report.seconds, 1e-9));
  write_object(context.format(), json);
  return report.problems == 0 ? kOk : kNegative;
}

void add(kea::ImportReport& sum, const kea::ImportReport& part) {
  sum.rows += part.rows;
  sum.accepted += part.accepted;
  sum.repeated += part.repeated;
  sum.problems += part.problems;
  sum.seconds += part.seconds;
  sum.newest_cltt = part.newest_cltt;
}

/// One import over one or more files.
class LeaseImport {
 public:
  LeaseImport(Service& ledger, std::string server, std::size_t batch, std::uint64_t bytes)
      : ledger_(ledger), bytes_(bytes) {
    options_.server = std::move(server);
    options_.batch = batch;
  }

  Result<kea::ImportReport> read(std::istream& in, const std::string& name) {
    options_.file_name = name;
    options_.newest_cltt = sum_.newest_cltt;
    LEASELEDGER_ASSIGN(
        const auto report,
        kea::import_leases(
            in, options_, [&](std::span<const Envelope> batch) { return ledger_.submit(batch); },
            [&](const kea::RowProblem& problem) {
              bar_.clear();
              std::fprintf(stderr, "%s:%llu: %s\n", name.c_str(), wide(problem.line),
                           problem.error.to_string().c_str());
            },
            [&](std::uint64_t bytes, std::uint64_t rows) {
              bar_(before_ + bytes, bytes_, sum_.rows + rows, " rows");
            }));
    bar_.clear();
    add(sum_, report);
    return report;
  }
  /// The octets of a file that has been read, for the share that is done.
  void passed(std::uint64_t bytes) { before_ += bytes; }
  const kea::ImportReport& sum() const { return sum_; }

 private:
  Service& ledger_;
  kea::ImportOptions options_;
  kea::ImportReport sum_;
  std::uint64_t bytes_;
  std::uint64_t before_ = 0;
  ProgressBar bar_{"import"};
};

void say_what_was_read(const kea::OpenLeaseFile& file, const kea::ImportReport& report) {
  const std::string name = file.path.filename().string();
  std::fprintf(stderr, "%s: %llu row%s, format %s", name.c_str(), wide(report.rows),
               report.rows == 1 ? "" : "s", file.format_version.c_str());
  if (report.repeated != 0) std::fprintf(stderr, ", %llu known already", wide(report.repeated));
  if (report.problems != 0) std::fprintf(stderr, ", %llu not taken", wide(report.problems));
  std::fputc('\n', stderr);
}

void add_import_kea(CLI::App* import, Context& context) {
  auto* kea = import->add_subcommand(
      "kea",
      "Kea's memfile lease file (kea-leases6.csv): its history becomes history here. What Kea's "
      "clean-up left beside it is read first: FILE.completed, or else FILE.2 and FILE.1. Rows that "
      "cannot be taken are listed on standard error and the rest goes in; importing again adds "
      "only what is new");
  auto file = text(kea, "FILE", "Lease file, or - for standard input");
  auto only = std::make_shared<bool>(false);
  kea->add_flag("--only", *only, "This file alone, and nothing beside it");
  auto config = optional_text(kea, "--config", kConfigHelp);
  auto server = std::make_shared<std::string>("kea");
  kea->add_option("--server", *server, "Name of the server, to tell the rows of several apart");
  on(kea, context, [=, &context]() -> Result<int> {
    LEASELEDGER_TRY(check_server_name(*server));
    std::optional<kea::LeaseFileSet> set;
    if (*file != "-") {
      LEASELEDGER_ASSIGN(set, kea::LeaseFileSet::open(*file, {.only = *only}));
    }
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone, "kea-import"));
    LEASELEDGER_ASSIGN(const std::uint64_t subnets, create_subnets(*ledger, *config));
    LEASELEDGER_ASSIGN(const std::size_t batch,
                       at_most_together(*ledger, kea::ImportOptions{}.batch));
    LeaseImport run(*ledger, *server, batch, set ? set->bytes() : 0);
    if (!set) {
      Input input("-");
      LEASELEDGER_TRY(run.read(input.stream(), "standard input"));
    } else {
      for (auto& each : set->files()) {
        if (each.bytes == 0 && set->files().size() > 1) continue;  // Kea begins such a file anew
        LEASELEDGER_ASSIGN(const auto report, run.read(each.stream, each.path.filename().string()));
        run.passed(each.bytes);
        say_what_was_read(each, report);
      }
      if (set->moved_on()) {
        std::fprintf(stderr,
                     "%s: Kea's clean-up has renamed this file meanwhile; what Kea has written "
                     "since is not in, import again for that\n",
                     set->files().back().path.filename().c_str());
      }
    }
    const Position tail = ledger->log().tail();
    LEASELEDGER_TRY(ledger.close());
    return write_report(context, run.sum(), subnets, tail);
  });
  example(kea,
          "leaseledger import kea /var/lib/kea/kea-leases6.csv --config /etc/kea/kea-dhcp6.conf");
  example(kea, "zcat kea-leases6.csv.gz | leaseledger import kea -");
}

void add_import_legal_log(CLI::App* import, Context& context) {
  auto* verb = import->add_subcommand(
      "legal-log",
      "Files of Kea's forensic logging hook (legal_log) in its default format: each sentence "
      "becomes "
      "history. They have no IAID: leases get IAID 0. Sentences that are not understood are listed "
      "on "
      "standard error and the rest goes in; importing again adds only what is new");
  auto files = std::make_shared<std::vector<std::string>>();
  verb->add_option("FILE", *files, "Files, oldest first; - for standard input")->required();
  auto config = optional_text(verb, "--config",
                              "Kea's configuration (kea-dhcp6.conf): its subnets and pd-pools are "
                              "created first where they are missing");
  auto server = std::make_shared<std::string>("kea");
  verb->add_option("--server", *server, "Name of the server");
  auto zone =
      optional_text(verb, "--time-zone",
                    "Zone of the stamps, such as Europe/Berlin, when they have names like CET");
  on(verb, context, [=, &context]() -> Result<int> {
    LEASELEDGER_TRY(check_server_name(*server));
    if (!zone->empty() && !fs::exists(fs::path("/usr/share/zoneinfo") / *zone))
      return invalid("--time-zone", *zone,
                     "a zone of the time zone database, such as Europe/Berlin");
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone, "legal-log-import"));
    kea::ImportReport total;
    std::uint64_t subnets = 0;
    LEASELEDGER_ASSIGN(subnets, create_subnets(*ledger, *config));
    LEASELEDGER_ASSIGN(const std::size_t together, at_most_together(*ledger, 4000));
    const auto stamp = kea::stamps_of(*zone);
    const auto started = std::chrono::steady_clock::now();
    std::vector<Envelope> batch;
    std::vector<std::uint64_t> lines;
    kea::LegalOptions options;
    options.server = *server;
    const auto complain = [&](std::uint64_t line, const Error& error) {
      ++total.problems;
      std::fprintf(stderr, "%s:%llu: %s\n", options.file_name.c_str(),
                   static_cast<unsigned long long>(line), error.to_string().c_str());
    };
    const auto submit = [&]() -> Status {
      if (batch.empty()) return {};
      LEASELEDGER_ASSIGN(const auto answers, ledger->submit(batch));
      for (std::size_t i = 0; i < answers.size(); ++i) {
        if (answers[i].repeated) {
          ++total.repeated;
        } else if (answers[i].accepted()) {
          ++total.accepted;
        } else {
          complain(lines[i], answers[i].error);
        }
      }
      batch.clear();
      lines.clear();
      return {};
    };
    for (const auto& name : *files) {
      Input input(name);
      if (!input) return cannot_read(name);
      options.file_name = name == "-" ? "standard input" : fs::path(name).filename().string();
      std::string line;
      for (std::uint64_t number = 1; std::getline(input.stream(), line); ++number) {
        auto envelope = kea::read_sentence(line, number, stamp, options);
        if (!envelope) {
          ++total.rows;
          complain(number, envelope.error());
          continue;
        }
        if (!*envelope) continue;
        ++total.rows;
        batch.push_back(std::move(**envelope));
        lines.push_back(number);
        if (batch.size() == together) LEASELEDGER_TRY(submit());
      }
      LEASELEDGER_TRY(submit());
    }
    total.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    const Position tail = ledger->log().tail();
    LEASELEDGER_TRY(ledger.close());
    return write_report(context, total, subnets, tail);
  });
  example(verb,
          "leaseledger import legal-log /var/log/kea/kea-legal.2026*.txt --config "
          "/etc/kea/kea-dhcp6.conf --time-zone Europe/Berlin");
}

}  // namespace

void add_import_verbs(CLI::App& app, Context& context) {
  auto* import =
      app.add_subcommand("import", "Take over what another server wrote")->require_subcommand(1);
  add_import_kea(import, context);
  add_import_legal_log(import, context);
}

}  // namespace leaseledger::cli
