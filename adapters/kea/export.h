#pragma once
// The leases of a moment as a lease file that Kea can be started on.
// Flow: adapters/service -> [export.h] -> lease_file_writer.h -> file

#include "adapters/kea/lease_file_writer.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace leaseledger::kea {

struct ExportOptions {
  LeaseFileFormat format = LeaseFileFormat::kVersion4;
  /// Kea's numbers for subnets, where the caller says them; they count more than what the ledger knows.
  std::map<Ipv6Prefix, std::uint32_t> subnet_ids;
  std::size_t page = 10'000;  ///< leases that are asked for together.
};

struct ExportReport {
  std::uint64_t leases = 0;
  std::uint64_t declined = 0;  ///< of those.
  std::uint64_t reserved = 0;  ///< left out: kept for a client, and not leased.
  double seconds = 0;
};

/// The leases behind `after`, in key order, of one moment: Service::leases_in() of everything.
using LeasePages = std::function<Result<LeasePage>(std::optional<LeaseKey> after, std::size_t)>;
/// Takes the next piece of the file. Borrowed for the call.
using Sink = std::function<Status(std::string_view)>;

/// Writes header and rows to `sink`, page by page. A lease's subnet has the number that `options` gives it, or the one under
/// which the server reported the lease, or the one in the subnet's name ("kea 7").
/// kInvalid for --subnet-id, naming every subnet whose number nobody knows; the file is not whole then.
Result<ExportReport> export_leases(const LeasePages& pages, const ExportOptions& options,
                                   const Sink& sink,
                                   const std::function<void(std::uint64_t leases)>& progress = {});

}  // namespace leaseledger::kea
