// import, export: what other servers wrote, and what they read.

#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
#include "adapters/kea/lease_export.h"
#include "adapters/kea/lease_files.h"
#include "adapters/kea/legal_log.h"
#include "adapters/kea/subnet_map.h"
#include "ledger/read_number.h"
#include "tools/cli/context.h"
#include "tools/cli/input.h"
#include "tools/cli/options.h"
#include "tools/cli/time_spec.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

namespace leaseledger::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 1000;

/// Creates the subnets and pools of a Kea configuration that the ledger does not have; the number of subnets.
Result<std::uint64_t> create_subnets(Service& ledger, const std::string& config) {
  std::ifstream in(config, std::ios::binary);
  if (!in)
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "--config", config,
                "a file that can be read");
  const std::string json((std::istreambuf_iterator<char>(in)), {});
  LEASELEDGER_ASSIGN(const auto commands, kea::subnets_of_config(json));
  std::uint64_t created = 0;
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

/// What an import of several files came to.
struct Total {
  std::uint64_t rows = 0, accepted = 0, repeated = 0, problems = 0, subnets = 0;
  double seconds = 0;

  Result<int> write(const Context& context, Position tail) const {
    Json json;
    json["rows"] = rows;
    json["accepted"] = accepted;
    json["known already"] = repeated;
    json["not taken"] = problems;
    if (subnets != 0) json["subnets created"] = subnets;
    json["records"] = tail;
    json["seconds"] = seconds;
    json["rows per second"] =
        static_cast<std::uint64_t>(static_cast<double>(rows) / std::max(seconds, 1e-9));
    write_object(context.format(), json);
    return problems == 0 ? kOk : kNegative;
  }
};

// ---- Kea's lease files ------------------------------------------------------------------------------------------------

void add_import_kea(CLI::App* import, Context& context) {
  auto* kea = import->add_subcommand(
      "kea",
      "Kea's memfile lease file (kea-leases6.csv): its history becomes history here. What Kea's "
      "clean-up left beside it (FILE.completed, or FILE.2 and FILE.1) is read first. Rows that "
      "cannot be taken are listed on standard error and the rest goes in; importing again adds "
      "only what is new");
  auto file = text(kea, "FILE", "Lease file, or - for standard input");
  auto config = optional_text(kea, "--config",
                              "Kea's configuration (kea-dhcp6.conf): its subnets and pd-pools are "
                              "created first where they are missing");
  auto server = std::make_shared<std::string>("kea");
  kea->add_option("--server", *server, "Name of the server, to tell the rows of several apart");
  auto only = std::make_shared<bool>(false);
  kea->add_flag("--only", *only, "This file alone, without those beside it");
  on(kea, context, [=, &context]() -> Result<int> {
    LEASELEDGER_TRY(check_server_name(*server));
    std::vector<kea::OpenLeaseFile> files;
    if (*file != "-") {
      LEASELEDGER_ASSIGN(files, kea::open_lease_files(*file, *only));
    }
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone, "kea-import"));
    Total total;
    if (!config->empty()) {
      LEASELEDGER_ASSIGN(total.subnets, create_subnets(*ledger, *config));
    }
    kea::ImportOptions options;
    options.server = *server;
    LEASELEDGER_ASSIGN(options.batch, at_most_together(*ledger, options.batch));
    std::uint64_t size = 0;
    for (const auto& each : files) size += each.size;
    std::uint64_t before = 0;
    ProgressBar bar("import");
    const auto import_one = [&](std::istream& in, const std::string& name) -> Status {
      options.file_name = name;
      LEASELEDGER_ASSIGN(
          const auto report,
          kea::import_leases(
              in, options, [&](std::span<const Envelope> batch) { return ledger->submit(batch); },
              [&](const kea::RowProblem& problem) {
                std::fprintf(stderr, "%s:%llu: %s\n", name.c_str(),
                             static_cast<unsigned long long>(problem.line),
                             problem.error.to_string().c_str());
              },
              [&](std::uint64_t bytes) { bar(before + bytes, size); }));
      options.newest_cltt = report.newest_cltt;
      total.rows += report.rows;
      total.accepted += report.accepted;
      total.repeated += report.repeated;
      total.problems += report.problems;
      total.seconds += report.seconds;
      if (files.size() > 1)
        std::fprintf(stderr, "%s: %llu rows\n", name.c_str(),
                     static_cast<unsigned long long>(report.rows));
      return {};
    };
    if (files.empty()) {
      LEASELEDGER_TRY(import_one(std::cin, "standard input"));
    }
    for (auto& each : files) {
      // A file that Kea has only just made may be empty.
      if (each.size == 0 && files.size() > 1) continue;
      LEASELEDGER_TRY(import_one(*each.stream, each.path.filename().string()));
      before += each.size;
    }
    const Position tail = ledger->log().tail();
    LEASELEDGER_TRY(ledger.close());
    return total.write(context, tail);
  });
  example(kea,
          "leaseledger import kea /var/lib/kea/kea-leases6.csv --config /etc/kea/kea-dhcp6.conf");
}

/// PREFIX=ID, as often as it is given.
Result<std::map<Ipv6Prefix, std::uint32_t>> read_subnet_ids(const std::vector<std::string>& given) {
  std::map<Ipv6Prefix, std::uint32_t> out;
  for (const auto& each : given) {
    const auto equals = each.find('=');
    if (equals == std::string::npos)
      return invalid("--subnet-id", each, "a prefix and Kea's number, such as 2001:db8:1::/64=7");
    LEASELEDGER_ASSIGN(const Ipv6Prefix prefix,
                       Ipv6Prefix::parse(each.substr(0, equals), "--subnet-id"));
    LEASELEDGER_TRY(read_number("--subnet-id", each.substr(equals + 1), 0xFFFF'FFFFU, out[prefix]));
  }
  return out;
}

/// A file that is there whole or not at all.
class OutputFile {
 public:
  OutputFile() = default;
  ~OutputFile() {
    if (file_ == nullptr || name_.empty()) return;
    std::fclose(file_);
    std::remove(temporary().c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// "" or "-": standard output.
  Status open(const std::string& name, bool force) {
    if (name.empty() || name == "-") {
      file_ = stdout;
      return {};
    }
    std::error_code error;
    if (!force && fs::exists(name, error))
      return fail(Win32::kAlreadyExists, ErrorKind::kRefused, "FILE", name,
                  "a file that is not there yet, or --force");
    name_ = name;
    file_ = std::fopen(temporary().c_str(), "wbx");
    return file_ == nullptr ? failed() : Status{};
  }
  Status line(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() ||
        std::fputc('\n', file_) == EOF)
      return failed();
    return {};
  }
  Status finish() {
    if (std::fflush(file_) != 0) return failed();
    if (name_.empty()) return {};
    if (::fsync(::fileno(file_)) != 0) return failed();
    std::fclose(std::exchange(file_, nullptr));
    if (std::rename(temporary().c_str(), name_.c_str()) != 0) return failed();
    return {};
  }

 private:
  std::string temporary() const { return name_ + ".part"; }
  tl::unexpected<Error> failed() const {
    return fail(Win32::kDiskFull, ErrorKind::kIo, "FILE", name_,
                std::string("a file that can be written: ") + std::strerror(errno));
  }
  std::string name_;
  std::FILE* file_ = nullptr;
};

void add_export_kea(CLI::App* group, Context& context) {
  auto* verb = group->add_subcommand(
      "kea",
      "The leases of a moment as Kea's lease file (kea-leases6.csv), which a Kea can be started "
      "on. "
      "Kea's numbers of subnets are those that the leases were reported with, else those in the "
      "subnets' names (\"kea 7\"), else those given");
  auto file = std::make_shared<std::string>("-");
  verb->add_option("FILE", *file, "File to write, or - for standard output");
  auto moment = std::make_shared<AsOfOptions>();
  moment->add_to(verb);
  auto version = std::make_shared<std::string>("4.0");
  verb->add_option("--format-version", *version,
                   "4.0 for Kea 2.2, 5.0 (with pool_id) for Kea 2.4 and later");
  auto ids = std::make_shared<std::vector<std::string>>();
  verb->add_option("--subnet-id", *ids, "PREFIX=NUMBER: Kea's number of a subnet; may be repeated");
  auto force = std::make_shared<bool>(false);
  verb->add_flag("--force", *force, "Replace FILE when it is there");
  on(verb, context, [=, &context]() -> Result<int> {
    if (*version != "4.0" && *version != "5.0")
      return invalid("--format-version", *version, "4.0 or 5.0");
    const auto format = *version == "5.0" ? kea::FileVersion::k5 : kea::FileVersion::k4;
    LEASELEDGER_ASSIGN(const auto given, read_subnet_ids(*ids));
    LEASELEDGER_ASSIGN(When when, moment->when(context));
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    OutputFile out;
    LEASELEDGER_TRY(out.open(*file, *force));
    LEASELEDGER_TRY(out.line(kea::lease_file_header(format)));
    std::uint64_t rows = 0;
    std::optional<LeaseKey> after;
    do {
      LEASELEDGER_ASSIGN(const LeasePage page, ledger->leases_in({}, when, after, kPage));
      when = When::exactly(page.as_of);
      after = page.next;
      for (const LeaseRow& row : page.leases) {
        if (row.lease.state == LeaseState::kReserved) continue;
        const auto number = given.find(row.subnet);
        std::uint32_t id =
            number != given.end() ? number->second : row.description.server_subnet_id;
        if (id == 0) id = kea::kea_number(row.subnet_name).value_or(0);
        if (id == 0)
          return invalid(
              "--subnet-id", row.subnet.to_string(),
              "Kea's number of this subnet, which the ledger does not know: --subnet-id " +
                  row.subnet.to_string() + "=NUMBER");
        LEASELEDGER_TRY(out.line(kea::lease_file_row(row, id, format)));
        ++rows;
      }
    } while (after);
    LEASELEDGER_TRY(out.finish());
    std::fprintf(stderr, "%llu leases\n", static_cast<unsigned long long>(rows));
    return kOk;
  });
  example(verb, "leaseledger export kea kea-leases6.csv --effective 2026-11-01T12:00:00Z");
}

// ---- legal_log ----------------------------------------------------------------------------------------------------------

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
    Total total;
    if (!config->empty()) {
      LEASELEDGER_ASSIGN(total.subnets, create_subnets(*ledger, *config));
    }
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
    return total.write(context, tail);
  });
  example(verb,
          "leaseledger import legal-log /var/log/kea/kea-legal.2026*.txt --config "
          "/etc/kea/kea-dhcp6.conf --time-zone Europe/Berlin");
}

void add_export_legal_log(CLI::App* group, Context& context) {
  auto* verb = group->add_subcommand("legal-log",
                                     "What happened to leases as sentences of Kea's forensic "
                                     "logging hook (legal_log), in UTC and in "
                                     "the order of recording. It has none for expiries");
  auto file = std::make_shared<std::string>("-");
  verb->add_option("FILE", *file, "File to write, or - for standard output");
  auto from = optional_text(verb, "--from", "Only what took effect at this time or later");
  auto to = optional_text(verb, "--to", "Only what took effect before this time");
  auto force = std::make_shared<bool>(false);
  verb->add_flag("--force", *force, "Replace FILE when it is there");
  on(verb, context, [=, &context]() -> Result<int> {
    Instant first = Instant::min();
    Instant end = Instant::max();
    if (!from->empty()) {
      LEASELEDGER_ASSIGN(first, parse_time(*from, context.now(), "--from"));
    }
    if (!to->empty()) {
      LEASELEDGER_ASSIGN(end, parse_time(*to, context.now(), "--to"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    OutputFile out;
    LEASELEDGER_TRY(out.open(*file, *force));
    std::uint64_t sentences = 0;
    Status written;
    LEASELEDGER_TRY(ledger->log({}, [&](const Record& record) {
      if (record.effective_at < first || record.effective_at >= end) return true;
      const auto sentence = kea::sentence_of(record);
      if (!sentence) return true;
      ++sentences;
      written = out.line(*sentence);
      return written.has_value();
    }));
    LEASELEDGER_TRY(written);
    LEASELEDGER_TRY(out.finish());
    std::fprintf(stderr, "%llu sentences\n", static_cast<unsigned long long>(sentences));
    return kOk;
  });
  example(verb, "leaseledger export legal-log kea-legal.txt --from 2026-11-01 --to 2026-12-01");
}

}  // namespace

void add_exchange_verbs(CLI::App& app, Context& context) {
  auto* import =
      app.add_subcommand("import", "Take over what another server wrote")->require_subcommand(1);
  add_import_kea(import, context);
  add_import_legal_log(import, context);
  auto* out =
      app.add_subcommand("export", "Write what another server reads")->require_subcommand(1);
  add_export_kea(out, context);
  add_export_legal_log(out, context);
}

}  // namespace leaseledger::cli
