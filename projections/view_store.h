#pragma once
// Where the views are kept: segments, the young ones in memory, the older ones in files under DIR/views, with one small file that
// says which they are and what position they reach (docs/formats/views.md). Readers see all as one. No write-ahead log:
// the ledger's own log is that. A store that is lost or damaged is built again.
// Flow: views.h -> segment.h -> [view_store.h] -> queries.h

#include "ledger/event_log.h"
#include "projections/segment_file.h"
#include "projections/views.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace leaseledger {

class ViewStore {
 public:
  /// Opens what is stored in `folder`, if anything is; nothing is made before the first flush. kCorrupt when it cannot be read or
  /// belongs to another ledger: the caller drops it (drop()) and opens again.
  static Result<std::unique_ptr<ViewStore>> open(std::filesystem::path folder,
                                                 const LedgerKey& ledger_id, bool read_only);
  /// Removes what is stored in `folder`.
  static Status drop(const std::filesystem::path& folder);
  ~ViewStore();

  // ---- the projector's side: one thread ----
  /// Enters one record. Readers see it, whole, from the next publish() on.
  Status add(const Record& record);
  Status publish();
  /// Records added since the last publish().
  std::size_t unpublished() const;
  /// Stores what is in memory; atomic with the position. Readers go on meanwhile. Files that have become many are merged by a
  /// thread of the store's.
  Status flush();
  std::size_t unflushed() const;

  // ---- readers: any thread ----
  /// Everything up to this record is in.
  Position position() const;
  /// The position up to which entries are stored.
  Position stored_position() const;
  std::bitset<129> lengths() const;

  /// Called with each entry; returns false to stop. No lock is held meanwhile: a visitor may scan again.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  /// Entries with key >= from, upwards; or with key <= from, downwards. One state for the length of the scan. kCorrupt when
  /// a file is damaged, before anything is left out.
  Status scan(View view, std::string_view from, const Visitor& visit) const;
  Status scan_back(View view, std::string_view from, const Visitor& visit) const;
  /// Entries whose key begins with `prefix`, of records up to `known`, upwards. Files without any are not read when the prefix
  /// has at least filter_bytes(view) octets.
  Status scan_prefix(View view, std::string_view prefix, Position known,
                     const Visitor& visit) const;
  /// Entries whose key is `prefix` and a position up to `known`, the newest first. Reads no further back than it is let.
  Status scan_newest(View view, std::string_view prefix, Position known,
                     const Visitor& visit) const;

  /// Digests of everything that is in, by reading it; `position`, if given, becomes what they are digests of.
  Result<ViewDigests> digests(Position* position = nullptr) const;

  /// Figures of what is stored.
  struct Figures {
    std::size_t segments = 0;         ///< in files.
    std::uint64_t file_bytes = 0;     ///< of the files.
    std::uint64_t written_bytes = 0;  ///< into files since the store was opened, merging included.
  };
  Figures figures() const;
  /// Waits until no files are worth merging. ERROR_OPERATION_ABORTED and errors of merging.
  Status settle() const;

 private:
  struct Impl;
  explicit ViewStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What the views must contain for the records 1..position, straight from the log.
Result<ViewDigests> digests_from_log(const EventLog& log, Position position,
                                     const std::function<bool(Position done)>& progress = {});

}  // namespace leaseledger
