#include "adapters/kea/legal_log_import.h"

#include "adapters/kea/batches.h"
#include "adapters/kea/lease.h"
#include "ledger/read_number.h"

#include <chrono>

namespace leaseledger::kea {
namespace {

using Act = LegalSentence::Act;

constexpr std::size_t kLongestCause = 200;

/// The relay where the ledger keeps it of packets that the hook library reports: facts.cc.
std::string context_of(const LegalSentence& sentence) {
  if (!sentence.relay) return sentence.context;
  const LegalRelay& relay = *sentence.relay;
  Json json{{"peer", relay.peer.to_string()},
            {"link", relay.link.to_string()},
            {"hops", static_cast<unsigned>(relay.hops)}};
  if (!relay.remote_id.empty()) json["remote-id"] = relay.remote_id;
  if (!relay.subscriber_id.empty()) json["subscriber-id"] = relay.subscriber_id;
  if (!relay.interface_id.empty()) json["interface-id"] = relay.interface_id;
  Json context =
      sentence.context.empty() ? Json::object() : Json::parse(sentence.context, nullptr, false);
  context[kOurContext] = Json{{"relays", Json::array({std::move(json)})}};
  return context.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_about_an_option(const Error& error) { return error.field.starts_with("--"); }

}  // namespace

Result<Envelope> LegalLogImport::command_of(std::string_view line,
                                            const std::function<Status()>& finish) {
  LEASELEDGER_ASSIGN(const LegalLine parts, split_legal_line(line));
  LEASELEDGER_ASSIGN(const LegalSentence sentence, read_sentence(parts.sentence));
  LEASELEDGER_ASSIGN(const Instant at, options_.read_time(parts.time, parts.zone));
  ReportLease report;
  report.key = sentence.key;
  report.duid = sentence.duid;
  report.owner_name = options_.server;
  const bool is_prefix = sentence.key.length != kAddressLength;
  switch (sentence.act) {
    case Act::kAssigned:
    case Act::kAdded:
    case Act::kUpdated: {
      const auto lifetime =
          sentence.valid_lifetime ? sentence.valid_lifetime : options_.valid_lifetime;
      if (!lifetime) {
        return invalid("sentence", std::string(parts.sentence.substr(0, 80)),
                       "'for' and a duration; where the command left it to Kea say which it was "
                       "with --valid-lifetime");
      }
      // Of a decline Kea says that nobody's DUID was assigned the address.
      report.state = sentence.duid.empty() ? ReportedState::kDeclined : ReportedState::kActive;
      report.valid_lifetime = *lifetime;
      report.hardware_address =
          to_hex({reinterpret_cast<const std::uint8_t*>(sentence.hardware_address.data()),
                  sentence.hardware_address.size()},
                 ':');
      report.hardware_type = sentence.hardware_type;
      report.hardware_source = sentence.hardware_source;
      report.context = context_of(sentence);
      if (is_prefix) {
        prefixes_[sentence.key.address] = sentence.key;
      } else {
        prefixes_.erase(sentence.key.address);
      }
      break;
    }
    case Act::kReleased:
      report.state = ReportedState::kReleased;
      break;
    case Act::kDeleted: {
      report.state = ReportedState::kReleased;
      const auto delegated = prefixes_.find(sentence.key.address);
      if (delegated != prefixes_.end()) {
        report.key = delegated->second;
      } else if (options_.prefix_at) {
        LEASELEDGER_TRY(finish());
        LEASELEDGER_ASSIGN(const auto prefix, options_.prefix_at(sentence.key.address, at));
        if (prefix) report.key = *prefix;
      }
      break;
    }
  }
  // An end is of whatever client there is by the DUID: its IAID is asked for with the same key as when it began.
  if (options_.iaid_of) report.iaid = options_.iaid_of(report.key, report.duid);
  Envelope envelope;
  envelope.id = id_of_line(line, options_.server, at);
  envelope.effective_at = at;
  envelope.command = std::move(report);
  LEASELEDGER_TRY(validate(envelope.command));
  return envelope;
}

Result<ImportReport> LegalLogImport::read(std::istream& in, const std::string& file_name) {
  const auto started = std::chrono::steady_clock::now();
  ImportReport report;
  Batches batches(options_.batch, submit_, problem_, progress_, report);
  const std::function<Status()> finish = [&batches] { return batches.finish(); };
  std::uint64_t bytes = 0;
  std::uint64_t number = 0;
  std::string line;
  while (std::getline(in, line)) {
    ++number;
    bytes += line.size() + 1;
    const bool has_newline = !in.eof();
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(' ') == std::string::npos) continue;
    ++report.rows;
    auto command = has_newline
                       ? command_of(line, finish)
                       : Result<Envelope>(invalid("line", "no newline",
                                                  "a newline at the end; the last sentence may be "
                                                  "torn off"));
    if (!command) {
      if (is_about_an_option(command.error())) {
        LEASELEDGER_TRY(batches.finish());
        return tl::unexpected(std::move(command).error());
      }
      LEASELEDGER_TRY(batches.add_problem({number, std::move(command).error(), std::move(line)}));
      continue;
    }
    command->cause = file_name + ":" + std::to_string(number);
    if (command->cause.size() > kLongestCause)
      command->cause = command->cause.substr(command->cause.size() - kLongestCause);
    LEASELEDGER_TRY(batches.add(std::move(*command), number, std::move(line), bytes));
  }
  LEASELEDGER_TRY(batches.finish());
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

std::optional<std::int64_t> rotation_of(const std::string& file_name) {
  constexpr std::string_view kEnding = ".txt";
  if (!file_name.ends_with(kEnding)) return std::nullopt;
  const std::string_view stem =
      std::string_view(file_name).substr(0, file_name.size() - kEnding.size());
  const auto dot = stem.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view tag = stem.substr(dot + 1);
  std::uint64_t seconds = 0;
  if (tag.size() == 21 && tag[0] == 'T' &&
      read_number("", tag.substr(1), 9'000'000'000ULL, seconds))
    return static_cast<std::int64_t>(seconds);
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (tag.size() != 8 || !read_number("", tag.substr(0, 4), 9999, year) ||
      !read_number("", tag.substr(4, 2), 12, month) || !read_number("", tag.substr(6), 31, day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch().count();
}

}  // namespace leaseledger::kea
