#include "adapters/kea/import.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>

namespace leaseledger::kea {
namespace {

/// The same row of the same server has the same id, whatever the file is called and wherever the row stands.
CommandId id_of(const LeaseRow& row, const ImportOptions& options) {
  const std::string text = options.server + "\n" + row.text;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  CommandId id{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
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

Result<ImportReport> import_leases(std::istream& in, const ImportOptions& options,
                                   const Submit& submit,
                                   const std::function<void(const RowProblem&)>& problem,
                                   const std::function<void(std::uint64_t)>& progress) {
  const auto started = std::chrono::steady_clock::now();
  ImportReport report;
  LEASELEDGER_ASSIGN(LeaseFile file, LeaseFile::open(in));
  std::vector<Envelope> batch;
  std::vector<LeaseRow> rows;
  std::vector<RowProblem> problems;
  Instant newest_cltt{};
  std::uint64_t bytes = file.text().size() + 1;

  const auto send = [&]() -> Status {
    if (!batch.empty()) {
      LEASELEDGER_ASSIGN(const auto answers, submit(batch));
      for (std::size_t i = 0; i < answers.size(); ++i) {
        const Answer& answer = answers[i];
        if (answer.repeated || is_same_row(answer)) {
          ++report.repeated;
          if (!answer.repeated || answer.accepted()) continue;
        }
        if (answer.accepted()) {
          ++report.accepted;
        } else {
          problems.push_back({rows[i].line, answer.error, rows[i].text});
        }
      }
    }
    std::ranges::sort(problems, {}, &RowProblem::line);
    for (const auto& each : problems) problem(each);
    report.problems += problems.size();
    problems.clear();
    batch.clear();
    rows.clear();
    if (progress) progress(bytes);
    return {};
  };

  for (;;) {
    auto next = file.next();
    if (next && !*next) break;
    ++report.rows;
    bytes += file.text().size() + 1;
    if (!next) {
      problems.push_back({file.line(), next.error(), file.text()});
      continue;
    }
    LeaseRow& row = **next;
    batch.push_back(to_command(row, newest_cltt, options));
    if (row.state == RowState::kDefault && !row.is_deletion())
      newest_cltt = std::max(newest_cltt, row.cltt);
    rows.push_back(std::move(row));
    if (batch.size() >= options.batch) LEASELEDGER_TRY(send());
  }
  LEASELEDGER_TRY(send());
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace leaseledger::kea
