// export: the ledger as files that other programs read.

#include "adapters/kea/config.h"
#include "adapters/kea/export.h"
#include "adapters/kea/legal_log.h"
#include "adapters/kea/subnet_map.h"
#include "ledger/read_number.h"
#include "tools/cli/context.h"
#include "tools/cli/local_time.h"
#include "tools/cli/options.h"
#include "tools/cli/output_file.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace leaseledger::cli {
namespace {

/// PREFIX=ID.
Status add_subnet_id(const std::string& text, std::map<Ipv6Prefix, std::uint32_t>& out) {
  const auto equals = text.find('=');
  if (equals == std::string::npos)
    return invalid("--subnet-id", text, "PREFIX=ID such as 2001:db8:1::/64=7");
  LEASELEDGER_ASSIGN(const Ipv6Prefix prefix,
                     Ipv6Prefix::parse(text.substr(0, equals), "--subnet-id"));
  std::uint32_t number = 0;
  // 0 and the greatest are not numbers of subnets to Kea.
  LEASELEDGER_TRY(read_number("--subnet-id", text.substr(equals + 1), 0xFFFF'FFFEU, number));
  if (number == 0) return invalid("--subnet-id", text, "a number from 1 to 4294967294");
  out[prefix] = number;
  return {};
}

Status add_subnet_ids_of_config(const std::string& config,
                                std::map<Ipv6Prefix, std::uint32_t>& out) {
  std::ifstream in(config, std::ios::binary);
  if (!in)
    return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "--config", config,
                "a file that can be read");
  const std::string json((std::istreambuf_iterator<char>(in)), {});
  LEASELEDGER_ASSIGN(const auto commands, kea::subnets_of_config(json));
  for (const Command& command : commands) {
    const auto* create = std::get_if<CreateSubnet>(&command);
    if (create == nullptr) continue;
    if (const auto number = kea::kea_number(create->name)) out[create->prefix] = *number;
  }
  return {};
}

/// What was written, on standard error when the file itself goes to standard output.
void write_report(const Context& context, const std::string& file, const Json& json) {
  write_object(context.format(), json, file == "-" ? stderr : stdout);
}

/// What a clean-up has left beside the file would be loaded by Kea too.
void warn_of_others(const std::string& file) {
  if (file == "-") return;
  for (const char* ending : {".completed", ".2", ".1"}) {
    const std::string other = file + ending;
    if (::access(other.c_str(), F_OK) == 0)
      std::fprintf(stderr, "%s is there: Kea loads it too, so remove it before Kea is started\n",
                   other.c_str());
  }
}

void add_export_kea(CLI::App* parent, Context& context) {
  auto* kea = parent->add_subcommand(
      "kea",
      "The leases of a moment as a lease file that Kea can be started on (kea-leases6.csv). Leases "
      "that are over are left out. The file is there whole or not at all");
  auto file = std::make_shared<std::string>("-");
  kea->add_option("FILE", *file, "File to write, or - for standard output");
  auto force = std::make_shared<bool>(false);
  kea->add_flag("--force", *force, "Replace FILE if it is there");
  auto version = std::make_shared<std::string>("4.0");
  kea->add_option("--format-version", *version,
                  "4.0, which every Kea reads, or 5.0 of Kea 2.4 and later");
  auto ids = std::make_shared<std::vector<std::string>>();
  kea->add_option("--subnet-id", *ids,
                  "PREFIX=ID: Kea's number for a subnet, if not the one under which Kea reported "
                  "the lease or the one in the subnet's name ('kea 7'); may be repeated")
      ->allow_extra_args(false);  // FILE may stand behind it
  auto config = optional_text(
      kea, "--config",
      "Configuration of the Kea that gets the file (kea-dhcp6.conf): its numbers for subnets");
  auto moment = std::make_shared<AsOfOptions>();
  moment->add_to(kea);
  on(kea, context, [=, &context]() -> Result<int> {
    kea::ExportOptions options;
    LEASELEDGER_ASSIGN(options.format, kea::parse_lease_file_format(*version, "--format-version"));
    if (!config->empty()) LEASELEDGER_TRY(add_subnet_ids_of_config(*config, options.subnet_ids));
    for (const auto& id : *ids) LEASELEDGER_TRY(add_subnet_id(id, options.subnet_ids));
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const When asked, moment->when(context));
    LEASELEDGER_ASSIGN(const AsOf then, ledger->resolve(asked));
    const When when = When::exactly(then);
    LEASELEDGER_ASSIGN(OutputFile out, OutputFile::create(*file, *force));
    ProgressBar bar("export");
    // How many there are is known of now; of the past it is close enough for a bar.
    std::uint64_t expected = 0;
    if (::isatty(STDERR_FILENO) == 1) {
      LEASELEDGER_ASSIGN(const Stats stats, ledger->stats());
      expected = stats.usage.active + stats.usage.declined;
    }
    LEASELEDGER_ASSIGN(
        const auto report,
        kea::export_leases(
            [&](std::optional<LeaseKey> after, std::size_t limit) {
              return ledger->leases_in(Ipv6Prefix{}, when, after, limit);
            },
            options, [&](std::string_view text) { return out.write(text); },
            [&](std::uint64_t leases) { bar(leases, expected, leases, " leases"); }));
    bar.clear();
    LEASELEDGER_TRY(out.commit());
    warn_of_others(*file);
    Json json;
    json["leases"] = report.leases;
    json["declined"] = report.declined;
    if (report.reserved != 0) json["reserved, left out"] = report.reserved;
    json["as of"] = then.known;
    json["judged at"] = format_instant(then.effective.value_or(then.judged_at));
    json["seconds"] = report.seconds;
    json["leases per second"] = static_cast<std::uint64_t>(static_cast<double>(report.leases) /
                                                           std::max(report.seconds, 1e-9));
    write_report(context, *file, json);
    return kOk;
  });
  example(kea, "leaseledger export kea /var/lib/kea/kea-leases6.csv");
  example(kea, "leaseledger export kea before.csv --at '2026-03-03 14:05'");
  example(kea, "leaseledger export kea - --subnet-id 2001:db8:1::/64=7");
}

/// The descriptions in force at renewals, whose records do not repeat them.
class Descriptions {
 public:
  explicit Descriptions(const LogReader& log) : log_(log) {}

  Result<Description> of(const Record& record) {
    const LeaseFact* fact = lease_fact_of(record.event);
    if (fact == nullptr || fact->description) return Description{};
    const Position position = fact->lease.described;
    if (position == 0 || position == record.position) return Description{};
    if (const auto known = known_.find(position); known != known_.end()) return known->second;
    LEASELEDGER_ASSIGN(const Record earlier, read_record(log_, position));
    const LeaseFact* source = lease_fact_of(earlier.event);
    if (known_.size() >= kMost) known_.clear();
    return known_[position] =
               source != nullptr ? source->description.value_or(Description{}) : Description{};
  }

 private:
  static constexpr std::size_t kMost = 100'000;
  const LogReader& log_;
  std::unordered_map<Position, Description> known_;
};

void add_export_legal_log(CLI::App* parent, Context& context) {
  auto* legal = parent->add_subcommand(
      "legal-log",
      "What happened to leases, in the sentences of Kea's forensic log (legal_log), in the order "
      "in which it was recorded. The end of a lifetime is no sentence there: it is in the one that "
      "gave the lease");
  auto file = std::make_shared<std::string>("-");
  legal->add_option("FILE", *file, "File to write, or - for standard output");
  auto from = optional_text(legal, "--from", "Only what took effect at this time or later");
  auto to = optional_text(legal, "--to", "Only what took effect before this time");
  auto zone = optional_text(legal, "--time-zone",
                            "Write local times of a zone such as Europe/Berlin instead of UTC");
  auto force = std::make_shared<bool>(false);
  legal->add_flag("--force", *force, "Replace FILE if it is there");
  on(legal, context, [=, &context]() -> Result<int> {
    Instant first = kUnset;
    Instant end = kForever;
    if (!from->empty()) {
      LEASELEDGER_ASSIGN(first, parse_time(*from, context.now(), "--from"));
    }
    if (!to->empty()) {
      LEASELEDGER_ASSIGN(end, parse_time(*to, context.now(), "--to"));
    }
    LocalTimes times;
    if (!zone->empty()) {
      LEASELEDGER_ASSIGN(times, LocalTimes::of_zone(*zone, "--time-zone"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(OutputFile out, OutputFile::create(*file, *force));
    const auto started = std::chrono::steady_clock::now();
    const Position tail = ledger->log().tail();
    Descriptions descriptions(ledger->log());
    ProgressBar bar("export");
    std::uint64_t sentences = 0;
    Status status;
    LEASELEDGER_TRY(ledger->log({.to = tail}, [&](const Record& record) {
      if (record.position % 1024 == 0) bar(record.position, tail);
      if (record.effective_at < first || record.effective_at >= end) return true;
      const auto description = descriptions.of(record);
      if (!description) {
        status = tl::unexpected(description.error());
        return false;
      }
      const auto sentence = kea::sentence_of(record, *description);
      if (!sentence) return true;
      ++sentences;
      status =
          out.write(times.write(record.effective_at) + " " + kea::write_sentence(*sentence) + "\n");
      return status.has_value();
    }));
    LEASELEDGER_TRY(status);
    bar.clear();
    LEASELEDGER_TRY(out.commit());
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    Json json;
    json["sentences"] = sentences;
    json["records"] = tail;
    json["seconds"] = seconds;
    json["sentences per second"] =
        static_cast<std::uint64_t>(static_cast<double>(sentences) / std::max(seconds, 1e-9));
    write_report(context, *file, json);
    return kOk;
  });
  example(legal, "leaseledger export legal-log kea-legal.txt --from 2026-03-01 --to 2026-04-01");
  example(legal, "leaseledger export legal-log --time-zone Europe/Berlin | grep 2001:db8:1::42");
}

}  // namespace

void add_export_verbs(CLI::App& app, Context& context) {
  auto* parent = app.add_subcommand("export", "Write the ledger as a file that other programs read")
                     ->require_subcommand(1);
  add_export_kea(parent, context);
  add_export_legal_log(parent, context);
}

}  // namespace leaseledger::cli
