// import: what other servers wrote becomes history here.

#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
#include "adapters/kea/lease_file.h"
#include "adapters/kea/lease_file_set.h"
#include "adapters/kea/legal_log_import.h"
#include "tools/cli/context.h"
#include "tools/cli/local_time.h"
#include "tools/cli/options.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unordered_map>
#include <utility>
#include <vector>

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

// ---- legal_log ----------------------------------------------------------------------------------------------------------

/// The IAIDs in Kea's lease files, by lease: what the sentences of legal_log do not have.
class Iaids {
 public:
  Status read(const std::string& file) {
    LEASELEDGER_ASSIGN(auto set, kea::LeaseFileSet::open(file));
    for (auto& each : set.files()) {
      if (each.format_version.empty()) continue;
      LEASELEDGER_ASSIGN(auto rows, kea::LeaseFile::open(each.stream));
      for (;;) {
        const auto row = rows.next();
        if (!row) continue;  // import kea reports it
        if (!*row) break;
        if (!(*row)->duid.empty()) iaids_[{(*row)->key, (*row)->duid}] = (*row)->iaid;
      }
    }
    return {};
  }
  Iaid of(const LeaseKey& key, const Duid& duid) const {
    const auto found = iaids_.find({key, duid});
    return found == iaids_.end() ? Iaid{} : found->second;
  }

 private:
  struct Hash {
    std::size_t operator()(const std::pair<LeaseKey, Duid>& lease) const {
      return hash_value(lease.first) * 31 + hash_value(lease.second);
    }
  };
  std::unordered_map<std::pair<LeaseKey, Duid>, Iaid, Hash> iaids_;
};

/// In the order of rotation when every name has a date, else as they were given.
void sort_by_rotation(std::vector<std::string>& files) {
  std::vector<std::pair<std::int64_t, std::string>> dated;
  for (const auto& file : files) {
    const auto rotation = kea::rotation_of(fs::path(file).filename().string());
    if (!rotation) return;
    dated.emplace_back(*rotation, file);
  }
  std::ranges::stable_sort(dated, {}, &std::pair<std::int64_t, std::string>::first);
  for (std::size_t i = 0; i < files.size(); ++i) files[i] = std::move(dated[i].second);
}

Result<LocalTimes> times_of(const std::string& zone, const std::string& offset) {
  if (!zone.empty() && !offset.empty())
    return invalid("--utc-offset", offset, "one of --time-zone and --utc-offset, not both");
  if (!zone.empty()) return LocalTimes::of_zone(zone, "--time-zone");
  if (!offset.empty()) return LocalTimes::of_offset(offset, "--utc-offset");
  return LocalTimes();
}

/// The prefix that was delegated from `address` on.
Result<std::optional<LeaseKey>> prefix_at(Service& ledger, const Ipv6Address& address,
                                          Instant time) {
  // Just before: an end at that very second is what is being asked about.
  LEASELEDGER_ASSIGN(const Holders found,
                     ledger.who(address, {.effective = time - std::chrono::nanoseconds{1}}));
  for (const auto& holder : found.holders) {
    const LeaseKey& key = holder.span.key;
    if (key.address == address) return std::optional(key);
  }
  return std::optional<LeaseKey>();
}

void add_import_legal_log(CLI::App* import, Context& context) {
  auto* legal = import->add_subcommand(
      "legal-log",
      "Files of Kea's forensic log (legal_log) in its default format: each sentence becomes "
      "history, at its time. Sentences that are not understood are listed on standard error and "
      "the rest goes in; importing again adds only what is new. An archive belongs into the ledger "
      "before newer reports about the same leases do");
  auto files = std::make_shared<std::vector<std::string>>();
  legal
      ->add_option("FILE", *files,
                   "Files, or - for standard input; read in the order of the dates in their names "
                   "(kea-legal.20260303.txt), else as given")
      ->required();
  auto config = optional_text(legal, "--config", kConfigHelp);
  auto server = std::make_shared<std::string>("kea");
  legal->add_option("--server", *server, "Name of the server, to tell the lines of several apart");
  auto zone = optional_text(legal, "--time-zone",
                            "Zone of the server's local times, such as Europe/Berlin; needed "
                            "unless they are in UTC or give their offset");
  auto offset = optional_text(
      legal, "--utc-offset",
      "Instead of a zone: what local times are ahead of UTC, such as +01:00, all year round");
  auto lifetime = optional_text(legal, "--valid-lifetime",
                                "Of leases that an administrator added or changed without saying "
                                "for how long; without it such sentences are not taken");
  auto leases = optional_text(legal, "--leases",
                              "Lease file of the same server: the IAIDs of its leases, which the "
                              "sentences do not have; otherwise they are 0");
  on(legal, context, [=, &context]() -> Result<int> {
    LEASELEDGER_TRY(check_server_name(*server));
    kea::LegalImportOptions options;
    options.server = *server;
    LEASELEDGER_ASSIGN(LocalTimes times, times_of(*zone, *offset));
    options.read_time = [&times](std::string_view time, std::string_view name) {
      return times.read(time, name);
    };
    if (!lifetime->empty()) {
      LEASELEDGER_ASSIGN(options.valid_lifetime, parse_lifetime(*lifetime, "--valid-lifetime"));
    }
    Iaids iaids;
    if (!leases->empty()) {
      LEASELEDGER_TRY(iaids.read(*leases));
      options.iaid_of = [&iaids](const LeaseKey& key, const Duid& duid) {
        return iaids.of(key, duid);
      };
    }
    sort_by_rotation(*files);
    std::uint64_t size = 0;
    for (const auto& file : *files) {
      if (!Input(file)) return cannot_read(file);
      std::error_code error;
      if (const auto bytes = fs::file_size(file, error); !error) size += bytes;
    }
    LEASELEDGER_ASSIGN(auto ledger, context.open(Role::kNone, "legal-log-import"));
    LEASELEDGER_ASSIGN(const std::uint64_t subnets, create_subnets(*ledger, *config));
    LEASELEDGER_ASSIGN(options.batch, at_most_together(*ledger, options.batch));
    options.prefix_at = [&ledger](const Ipv6Address& address, Instant time) {
      return prefix_at(*ledger, address, time);
    };
    ProgressBar bar("import");
    kea::ImportReport sum;
    std::uint64_t before = 0;
    std::string name;
    const kea::Submit submit = [&](std::span<const Envelope> batch) {
      return ledger->submit(batch);
    };
    const std::function<void(const kea::RowProblem&)> problem = [&](const kea::RowProblem& each) {
      bar.clear();
      std::fprintf(stderr, "%s:%llu: %s\n", name.c_str(), wide(each.line),
                   each.error.to_string().c_str());
    };
    const std::function<void(std::uint64_t, std::uint64_t)> progress = [&](std::uint64_t bytes,
                                                                           std::uint64_t rows) {
      bar(before + bytes, size, sum.rows + rows, " sentences");
    };
    kea::LegalLogImport archive(options, submit, problem, progress);
    for (const auto& file : *files) {
      name = file == "-" ? "standard input" : fs::path(file).filename().string();
      Input input(file);
      LEASELEDGER_ASSIGN(const auto report, archive.read(input.stream(), name));
      bar.clear();
      add(sum, report);
      std::error_code error;
      if (const auto bytes = fs::file_size(file, error); !error) before += bytes;
      std::fprintf(stderr, "%s: %llu sentence%s\n", name.c_str(), wide(report.rows),
                   report.rows == 1 ? "" : "s");
    }
    const Position tail = ledger->log().tail();
    LEASELEDGER_TRY(ledger.close());
    return write_report(context, sum, subnets, tail);
  });
  example(legal,
          "leaseledger import legal-log /var/log/kea/kea-legal.2026*.txt --config "
          "/etc/kea/kea-dhcp6.conf --time-zone Europe/Berlin");
  example(legal,
          "zcat kea-legal.*.txt.gz | leaseledger import legal-log - --time-zone "
          "America/New_York");
}

}  // namespace

void add_import_verbs(CLI::App& app, Context& context) {
  auto* import =
      app.add_subcommand("import", "Take over what another server wrote")->require_subcommand(1);
  add_import_kea(import, context);
  add_import_legal_log(import, context);
}

}  // namespace leaseledger::cli
