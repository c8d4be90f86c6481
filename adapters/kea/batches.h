#pragma once
// Commands made of the lines of a file, submitted many at a time: while one batch is decided and made durable the next is read.
// Flow: import.cc, legal_log_import.cc -> [batches.h] -> commands/command_handler.h

#include "adapters/kea/import.h"

#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace leaseledger::kea {

/// Id of a line: its time and a digest of its text, so that it has one id however often it is imported, and ids grow along a
/// file, which is what the command handler knows new ones by (commands/recent_ids.h).
CommandId id_of_line(std::string_view text, const std::string& server, Instant time);

class Batches {
 public:
  /// Everything is borrowed for the object's lifetime; `report` counts.
  Batches(std::size_t size, const Submit& submit,
          const std::function<void(const RowProblem&)>& problem,
          const std::function<void(std::uint64_t, std::uint64_t)>& progress, ImportReport& report)
      : size_(size), submit_(submit), problem_(problem), progress_(progress), report_(report) {}

  /// `bytes`: of the file, read up to here.
  Status add(Envelope command, std::uint64_t line, std::string text, std::uint64_t bytes);
  Status add_problem(RowProblem problem);
  /// Everything that was added is durable, or was refused.
  Status finish();

 private:
  struct Batch {
    std::vector<Envelope> commands;
    std::vector<std::pair<std::uint64_t, std::string>> lines;  // number and text of each command
    std::vector<RowProblem> problems;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;
  };
  Status send();
  Status settle();

  const std::size_t size_;
  const Submit& submit_;
  const std::function<void(const RowProblem&)>& problem_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  ImportReport& report_;
  Batch filling_;
  Batch sent_;
  std::future<Result<std::vector<Answer>>> answers_;  // of sent_; last, so that it ends first
};

}  // namespace leaseledger::kea
