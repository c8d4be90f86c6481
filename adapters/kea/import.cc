#include "adapters/kea/import.h"

#include "adapters/kea/batches.h"

#include <algorithm>
#include <chrono>

namespace leaseledger::kea {

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
  envelope.id = id_of_line(row.text, options.server, row.cltt);
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
  Batches batches(options.batch, submit, problem, progress, report);
  Instant newest_cltt = options.newest_cltt;
  std::uint64_t bytes = file.text().size() + 1;
  for (;;) {
    auto next = file.next();
    if (next && !*next) break;
    ++report.rows;
    bytes += file.text().size() + 1;
    if (!next) {
      LEASELEDGER_TRY(batches.add_problem({file.line(), next.error(), file.text()}));
      continue;
    }
    LeaseRow& row = **next;
    Envelope command = to_command(row, newest_cltt, options);
    if (row.state == RowState::kDefault && !row.is_deletion())
      newest_cltt = std::max(newest_cltt, row.cltt);
    LEASELEDGER_TRY(batches.add(std::move(command), row.line, std::move(row.text), bytes));
  }
  LEASELEDGER_TRY(batches.finish());
  report.newest_cltt = newest_cltt;
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace leaseledger::kea
