#pragma once
// Segments in files: written once from others, then read block by block. Everything that is read is checked first.
// Format: docs/formats/views.md. Flow: segment.h -> [segment_file.h] -> view_store.h

#include "projections/segment.h"

#include <array>
#include <functional>
#include <memory>

namespace leaseledger {

using LedgerKey = std::array<std::uint8_t, 16>;

/// kIo: `what` failed at `path`, as errno says.
tl::unexpected<Error> view_io_error(const std::filesystem::path& path, const char* what);

/// Name of the file for the records first..last.
std::string segment_file_name(Position first, Position last);

/// Opens a file for reading. kCorrupt when it is damaged or of another ledger, kIo.
Result<std::shared_ptr<const Segment>> open_segment_file(const std::filesystem::path& path,
                                                         const LedgerKey& ledger);

/// Writes all entries of `parts`, whose positions follow each other, into a file in `folder`, and opens it. Durable, but
/// nothing refers to it yet. `go_on` is asked now and then; ERROR_OPERATION_ABORTED when it says no.
Result<std::shared_ptr<const Segment>> write_segment_file(
    const std::filesystem::path& folder, const LedgerKey& ledger,
    std::span<const std::shared_ptr<const Segment>> parts, const std::function<bool()>& go_on = {});

}  // namespace leaseledger
