#pragma once
// Entries of one view that are not stored yet: sorted runs that never change once they are made, so that whoever reads holds
// them by pointer and needs no lock.
// Flow: views.h -> [view_runs.h] -> view_store.h

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger {

/// An entry inside the memory of its run.
struct RunEntry {
  const char* data = nullptr;
  std::uint16_t key_size = 0;
  std::uint16_t value_size = 0;
  std::string_view key() const { return {data, key_size}; }
  std::string_view value() const { return {data + key_size, value_size}; }
};

/// Entries in the order of their keys.
struct ViewRun {
  std::vector<RunEntry> entries;
  std::vector<std::shared_ptr<const std::string>> memory;  ///< holds what `entries` point to.
};

/// Newest last; no key is in two of them. Sizes fall fast enough that there are few: at most three of the same size, to a
/// factor of four.
using ViewRuns = std::vector<std::shared_ptr<const ViewRun>>;

/// Collects entries in any order.
class RunBuilder {
 public:
  void add(std::string_view key, std::string_view value);
  bool empty() const { return sizes_.empty(); }
  /// What was added since the last take(), sorted.
  std::shared_ptr<const ViewRun> take();

 private:
  std::string bytes_;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> sizes_;
};

/// Adds a run and merges those that have become too many.
void add_run(ViewRuns& runs, std::shared_ptr<const ViewRun> run);
/// All entries as one run.
std::shared_ptr<const ViewRun> merge_runs(const ViewRuns& runs, std::size_t first = 0);

}  // namespace leaseledger
