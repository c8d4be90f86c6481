#include "adapters/kea/import.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <future>

namespace leaseledger::kea {
namespace {

/// The same row of the same server has the same id, whatever the file is called and wherever the row stands.
/// Time and digest of the row: a row has one id however often it is imported, and ids grow along a file, which is what the
/// command handler knows new ones by (commands/recent_ids.h).
CommandId id_of(const LeaseRow& row, const ImportOptions& options) {
  const std::string text = options.server + "\n" + row.text;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  CommandId id{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(row.cltt).time_since_epoch().count());
  for (unsigned i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) |
                                    0x80);  // a UUID of version 8: RFC 9562 section 5.8
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

/// An id that was used for this very row, though the rows around it gave it another time then.
bool is_same_row(const Answer& answer) {
  return answer.code == Win32::kInvalidParameter && answer.first == 0 &&
         answer.error.field == "effective_at";
}

}  // namespace

Envelope to_command(const LeaseRow& row, Instant newest_cltt, const ImportOptions& options) {
  ReportLease report;
  report.key = row.key;
  report.type = row.type;
  report.duid = row.duid;
  report.iaid = row.iaid;
  report.name = row.hostname;
  report.server_subnet_id = row.subnet_id;
  report.hardware_address = row.hardware_address;
  report.hardware_type = row.hardware_type;
  report.hardware_source = row.hardware_source;
  report.fqdn_forward = row.fqdn_forward;
  report.fqdn_reverse = row.fqdn_reverse;
  report.context = row.user_context;

  Envelope envelope;
  envelope.id = id_of(row, options);
  envelope.cause = options.file_name + ":" + std::to_string(row.line);
  if (envelope.cause.size() > 200)
    envelope.cause = envelope.cause.substr(envelope.cause.size() - 200);
  if (row.is_deletion()) {
    // A lease that was assigned has been given back or removed; one that was reclaimed or declined is only forgotten.
    report.state = row.state == RowState::kDefault || row.state == RowState::kRegistered ||
                           row.state == RowState::kReleased
                       ? ReportedState::kReleased
                       : ReportedState::kExpired;
    envelope.effective_at = std::max(newest_cltt, row.cltt);
  } else {
    switch (row.state) {
      case RowState::kDefault:
      case RowState::kRegistered:
        report.state = ReportedState::kActive;
        report.valid_lifetime = row.valid_lifetime;
        report.preferred_lifetime = row.preferred_lifetime;
        envelope.effective_at = row.cltt;
        break;
      case RowState::kDeclined:
        report.state = ReportedState::kDeclined;
        report.valid_lifetime = row.valid_lifetime;
        envelope.effective_at = row.cltt;
        break;
      case RowState::kExpiredReclaimed:
        report.state = ReportedState::kExpired;
        envelope.effective_at =
            row.valid_lifetime == kInfiniteLifetime ? std::max(newest_cltt, row.cltt) : row.expire;
        break;
      case RowState::kReleased:
        report.state = ReportedState::kReleased;
        envelope.effective_at = std::max(newest_cltt, row.cltt);
        break;
    }
  }
  envelope.command = std::move(report);
  return envelope;
}

Result<ImportReport> import_leases(
    std::istream& in, const ImportOptions& options, const Submit& submit,
    const std::function<void(const RowProblem&)>& problem,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const auto started = std::chrono::steady_clock::now();
  ImportReport report;
  LEASELEDGER_ASSIGN(LeaseFile file, LeaseFile::open(in));
  /// Rows that are submitted together.
  struct Batch {
    std::vector<Envelope> commands;
    std::vector<std::pair<std::uint64_t, std::string>> rows;  // line and text of each command
    std::vector<RowProblem> problems;
    std::uint64_t bytes = 0;  // read up to its end
    std::uint64_t read = 0;   // rows up to there
  };
  Batch filling;
  Batch sent;
  std::future<Result<std::vector<Answer>>>
      answers;  // of `sent`: it is decided while the next is read
  Instant newest_cltt = options.newest_cltt;
  std::uint64_t bytes = file.text().size() + 1;

  const auto settle = [&]() -> Status {
    if (answers.valid()) {
      LEASELEDGER_ASSIGN(const auto given, answers.get());
      for (std::size_t i = 0; i < given.size(); ++i) {
        const Answer& answer = given[i];
        if (answer.repeated || is_same_row(answer)) {
          ++report.repeated;
          if (!answer.repeated || answer.accepted()) continue;
        }
        if (answer.accepted()) {
          ++report.accepted;
        } else {
          auto& [line, text] = sent.rows[i];
          sent.problems.push_back({line, answer.error, std::move(text)});
        }
      }
    }
    std::ranges::sort(sent.problems, {}, &RowProblem::line);
    for (const auto& each : sent.problems) problem(each);
    report.problems += sent.problems.size();
    if (progress && sent.bytes != 0) progress(sent.bytes, sent.read);
    sent.commands.clear();
    sent.rows.clear();
    sent.problems.clear();
    return {};
  };
  const auto send = [&]() -> Status {
    LEASELEDGER_TRY(settle());
    std::swap(sent, filling);
    sent.bytes = bytes;
    sent.read = report.rows;
    if (!sent.commands.empty())
      answers = std::async(std::launch::async, [&] { return submit(sent.commands); });
    return {};
  };

  for (;;) {
    auto next = file.next();
    if (next && !*next) break;
    ++report.rows;
    bytes += file.text().size() + 1;
    if (!next) {
      filling.problems.push_back({file.line(), next.error(), file.text()});
      continue;
    }
    LeaseRow& row = **next;
    filling.commands.push_back(to_command(row, newest_cltt, options));
    if (row.state == RowState::kDefault && !row.is_deletion())
      newest_cltt = std::max(newest_cltt, row.cltt);
    filling.rows.emplace_back(row.line, std::move(row.text));
    if (filling.commands.size() >= options.batch) LEASELEDGER_TRY(send());
  }
  LEASELEDGER_TRY(send());
  LEASELEDGER_TRY(settle());
  report.newest_cltt = newest_cltt;
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace leaseledger::kea
