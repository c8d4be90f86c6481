#include "adapters/kea/export.h"

#include "adapters/kea/subnet_map.h"

#include <chrono>

namespace leaseledger::kea {
namespace {

std::optional<std::uint32_t> number_of(const leaseledger::LeaseRow& row,
                                       const ExportOptions& options) {
  if (!options.subnet_ids.empty()) {
    const auto given = options.subnet_ids.find(row.subnet);
    if (given != options.subnet_ids.end()) return given->second;
  }
  if (row.description.server_subnet_id != 0) return row.description.server_subnet_id;
  return kea_number(row.subnet_name);
}

tl::unexpected<Error> without_number(const std::map<Ipv6Prefix, std::string>& subnets) {
  std::string names;
  for (const auto& [prefix, name] : subnets) {
    names += (names.empty() ? "" : ", ") + prefix.to_string();
    if (!name.empty()) names += " '" + name + "'";
  }
  return invalid("--subnet-id", names,
                 "Kea's number for each of these subnets: --subnet-id " +
                     subnets.begin()->first.to_string() +
                     "=7, or --config with the configuration of the Kea that gets the file");
}

}  // namespace

Result<ExportReport> export_leases(const LeasePages& pages, const ExportOptions& options,
                                   const Sink& sink,
                                   const std::function<void(std::uint64_t)>& progress) {
  const auto started = std::chrono::steady_clock::now();
  ExportReport report;
  std::map<Ipv6Prefix, std::string> unknown;
  std::string text = lease_file_header(options.format);
  std::optional<LeaseKey> after;
  do {
    LEASELEDGER_ASSIGN(const LeasePage page, pages(after, options.page));
    for (const auto& row : page.leases) {
      if (row.lease.state != LeaseState::kActive && row.lease.state != LeaseState::kDeclined) {
        ++report.reserved;
        continue;
      }
      const auto number = number_of(row, options);
      if (!number) {
        unknown.emplace(row.subnet, row.subnet_name);
        continue;
      }
      append_lease_row(row, *number, options.format, text);
      ++report.leases;
      if (row.lease.state == LeaseState::kDeclined) ++report.declined;
    }
    // Once a number is missing the rest is only looked through, so that all of them are named together.
    if (unknown.empty()) LEASELEDGER_TRY(sink(text));
    text.clear();
    if (progress) progress(report.leases);
    after = page.next;
  } while (after);
  if (!unknown.empty()) return without_number(unknown);
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace leaseledger::kea
