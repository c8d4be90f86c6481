#pragma once
// Snapshots of the LeaseBook, so that opening a ledger and looking at the past read a part of the log only. Derived data:
// a snapshot that is missing or damaged costs time, never an answer. Format: docs/formats/lease_book.md.

#include "ledger/lease_book.h"
#include "ledger/result.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace leaseledger {

class BookSnapshots {
 public:
  /// `folder` is made when the first snapshot is saved. `warn` hears of snapshots that could not be used.
  explicit BookSnapshots(std::filesystem::path folder,
                         std::function<void(const std::string&)> warn = {});

  /// Saves the image at its position (durable, atomic by rename) and removes what retention does not keep. The book may go
  /// on meanwhile.
  Status save(BookImage& image);
  /// The same of a book that nobody changes meanwhile. kBusy when another image of it is being saved.
  Status save(const LeaseBook& book);

  /// The newest usable snapshot at or before `position`; an empty book when there is none.
  LeaseBook nearest(Position position) const;

  /// Positions of the snapshots that are there, lowest first.
  std::vector<Position> positions() const;

  /// Which of `positions` (lowest first) are kept: the two newest, and of the older ones so many that the gaps grow with
  /// the distance from the newest: about four for each doubling.
  static std::vector<Position> retained(const std::vector<Position>& positions);

 private:
  std::filesystem::path path_of(Position position) const;
  Result<LeaseBook> load(Position position) const;

  std::filesystem::path folder_;
  std::function<void(const std::string&)> warn_;
};

}  // namespace leaseledger
