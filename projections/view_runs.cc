#include "projections/view_runs.h"

#include "ledger/check.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace leaseledger {
namespace {

bool before(const RunEntry& a, const RunEntry& b) { return a.key() < b.key(); }

/// Runs of the same size, to a factor of four.
int size_class(const ViewRun& run) {
  return static_cast<int>(std::bit_width(run.entries.size())) / 2;
}

}  // namespace

void RunBuilder::add(std::string_view key, std::string_view value) {
  LEASELEDGER_CHECK(key.size() <= 0xFFFF && value.size() <= 0xFFFF);
  bytes_.append(key);
  bytes_.append(value);
  sizes_.emplace_back(static_cast<std::uint16_t>(key.size()),
                      static_cast<std::uint16_t>(value.size()));
}

std::shared_ptr<const ViewRun> RunBuilder::take() {
  auto run = std::make_shared<ViewRun>();
  const auto memory = std::make_shared<const std::string>(std::exchange(bytes_, {}));
  run->entries.reserve(sizes_.size());
  const char* at = memory->data();
  for (const auto& [key, value] : sizes_) {
    run->entries.push_back({at, key, value});
    at += key + value;
  }
  sizes_.clear();
  run->memory.push_back(memory);
  std::ranges::sort(run->entries, before);
  return run;
}

std::shared_ptr<const ViewRun> merge_runs(const ViewRuns& runs, std::size_t first) {
  auto out = std::make_shared<ViewRun>();
  for (std::size_t i = runs.size(); i-- > first;) {  // the small ones first
    const ViewRun& run = *runs[i];
    std::vector<RunEntry> merged;
    merged.reserve(out->entries.size() + run.entries.size());
    std::ranges::merge(out->entries, run.entries, std::back_inserter(merged), before);
    out->entries = std::move(merged);
    out->memory.insert(out->memory.end(), run.memory.begin(), run.memory.end());
  }
  return out;
}

void add_run(ViewRuns& runs, std::shared_ptr<const ViewRun> run) {
  runs.push_back(std::move(run));
  for (;;) {
    const std::size_t n = runs.size();
    const int newest = size_class(*runs.back());
    std::size_t first = n;
    if (n >= 2 && size_class(*runs[n - 2]) < newest) {
      first = n - 2;
    } else if (n >= 4 && size_class(*runs[n - 4]) == newest) {
      first = n - 4;
    } else {
      return;
    }
    auto merged = merge_runs(runs, first);
    runs.resize(first);
    runs.push_back(std::move(merged));
  }
}

}  // namespace leaseledger
