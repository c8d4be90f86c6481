#pragma once
// The files that Kea leaves beside its lease file: its clean-up (kea-lfc) renames the main file to FILE.1, merges FILE.2 and FILE.1
// into FILE.output, renames that to FILE.completed, removes the two and renames FILE.completed to FILE.2.
// Flow: path of the main file -> [lease_files.h] -> lease_file.h, import.h

#include "ledger/result.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace leaseledger::kea {

struct OpenLeaseFile {
  std::filesystem::path path;
  std::unique_ptr<std::ifstream> stream;
  std::uint64_t size = 0;
};

/// The files that together are what Kea knows, opened, oldest rows first: FILE.completed, or FILE.2 and FILE.1, then FILE. Opened
/// files stay whole when the clean-up goes on, so they are opened until none was renamed meanwhile. `only`: FILE alone.
/// ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED.
Result<std::vector<OpenLeaseFile>> open_lease_files(const std::filesystem::path& file, bool only);

}  // namespace leaseledger::kea
