#pragma once
// Where the views are kept: new entries in memory, older ones in RocksDB under DIR/views, written in bulk as sorted files
// that are ingested together with the position they reach (docs/formats/views.md). Readers see both as one. No write-ahead
// log: the ledger's own log is that. A store that is lost or damaged is built again.
// Flow: views.h -> [view_store.h] -> queries.h

#include "ledger/event_log.h"
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
                                                 const std::array<std::uint8_t, 16>& ledger_id,
                                                 bool read_only);
  /// Removes what is stored in `folder`.
  static Status drop(const std::filesystem::path& folder);
  ~ViewStore();

  // ---- the projector's side: one thread ----
  /// Enters one record. Readers see it, whole, from the next publish() on: one lock for many records, because the command
  /// handler looks ids up at the same time.
  Status add(const Record& record);
  void publish();
  /// Records added since the last publish().
  std::size_t unpublished() const;
  /// Stores what is in memory; atomic with the position. Readers go on meanwhile.
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

  /// Digests of everything that is in, by reading it; `position`, if given, becomes what they are digests of.
  Result<ViewDigests> digests(Position* position = nullptr) const;

 private:
  struct Impl;
  explicit ViewStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What the views must contain for the records 1..position, straight from the log.
Result<ViewDigests> digests_from_log(const EventLog& log, Position position,
                                     const std::function<bool(Position done)>& progress = {});

}  // namespace leaseledger
