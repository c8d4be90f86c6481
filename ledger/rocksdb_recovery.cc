#include "ledger/rocksdb_recovery.h"

#include "ledger/check.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

namespace leaseledger {
namespace {

using Verdict = LogFileScan::Verdict;

std::optional<std::uint64_t> wal_number(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if (path.extension() != ".log" || error != std::errc{} || end != stem.data() + stem.size())
    return {};
  return number;
}

Error damaged_file(const std::filesystem::path& path, const LogFileScan& scan,
                   const std::string& consequence) {
  return corrupt(path.string(), scan.damage + " at offset " + std::to_string(scan.damage_offset),
                 consequence + "; restore from a backup")
      .value();
}

Result<std::filesystem::path> current_manifest(const std::filesystem::path& log) {
  const auto current = log / "CURRENT";
  std::ifstream in(current);
  std::string name;
  if (!in) return corrupt(current.string(), "", "this file; restore from a backup");
  std::getline(in, name);
  const auto manifest = log / name;
  std::error_code ignored;
  if (!name.starts_with("MANIFEST-") || !std::filesystem::is_regular_file(manifest, ignored)) {
    return corrupt(current.string(), name,
                   "the name of a MANIFEST beside it; restore from a backup");
  }
  return manifest;
}

/// Shows one file shorter than it is to whoever reads it from the beginning.
class TrimmingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  TrimmingFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::filesystem::path name,
                     std::uint64_t bytes)
      : FileSystemWrapper(base), name_(std::move(name)), bytes_(bytes) {}
  const char* Name() const override { return "TrimmingFileSystem"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    const auto status = target()->NewSequentialFile(path, options, file, debug);
    if (status.ok() && is_trimmed(path))
      *file = std::make_unique<TrimmedFile>(std::move(*file), bytes_);
    return status;
  }
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                std::uint64_t* size, rocksdb::IODebugContext* debug) override {
    const auto status = target()->GetFileSize(path, options, size, debug);
    if (status.ok() && is_trimmed(path)) *size = bytes_;
    return status;
  }

 private:
  class TrimmedFile final : public rocksdb::FSSequentialFileOwnerWrapper {
   public:
    TrimmedFile(std::unique_ptr<rocksdb::FSSequentialFile>&& target, std::uint64_t bytes)
        : FSSequentialFileOwnerWrapper(std::move(target)), left_(bytes) {}
    rocksdb::IOStatus Read(std::size_t n, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                           char* scratch, rocksdb::IODebugContext* debug) override {
      const auto status =
          target()->Read(std::min<std::uint64_t>(n, left_), options, result, scratch, debug);
      left_ -= result->size();
      return status;
    }

   private:
    std::uint64_t left_;
  };
  bool is_trimmed(const std::filesystem::path& path) const { return path.filename() == name_; }

  const std::filesystem::path name_;
  const std::uint64_t bytes_;
};

/// Where an entry begins and where the one after it must begin.
struct Extent {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
using ExtentOf = std::function<Result<Extent>(rocksdb::Slice key, rocksdb::Slice value)>;

Result<Extent> extent_of_block(rocksdb::Slice key, rocksdb::Slice value) {
  LEASELEDGER_ASSIGN(const BlockHeader header, read_block_header(as_bytes(value)));
  if (parse_number_key(key) != header.first) {
    return corrupt("log block", std::to_string(header.first),
                   "the position of its key, " + std::to_string(parse_number_key(key)));
  }
  return Extent{header.first - 1, header.last()};
}

Result<Extent> extent_of_head(rocksdb::Slice key, rocksdb::Slice value) {
  LEASELEDGER_ASSIGN(const StoredHead head, decode_head(parse_number_key(key), value));
  return Extent{head.head.size - head.count, head.head.size};
}

constexpr std::uint64_t kLevelUnit = std::uint64_t{1} << 56;

Result<Extent> extent_of_tile(rocksdb::Slice key, rocksdb::Slice) {
  const std::uint64_t from = static_cast<std::uint8_t>(key[0]) * kLevelUnit + parse_number_key(key);
  return Extent{from, from + 1};
}

/// Inside a table file no entry can be missing (checksums); between two files one could, when a MANIFEST lost its end.
Status check_joints(const RocksdbStore& store, rocksdb::ColumnFamilyHandle* family,
                    const ExtentOf& extent_of) {
  const auto entry = store.iterate(family, false);
  const auto here = [&]() -> Result<Extent> { return extent_of(entry->key(), entry->value()); };
  const auto gap = [&](std::uint64_t expected, std::uint64_t found) {
    return corrupt("log/" + family->GetName(), "entry " + std::to_string(found),
                   "entry " + std::to_string(expected) +
                       ": what lies between is missing; restore from a backup");
  };
  const auto linked = [](const Extent& before, const Extent& after) {
    const bool next_level =
        after.from % kLevelUnit == 0 && after.from / kLevelUnit == before.from / kLevelUnit + 1;
    return before.to == after.from || next_level;
  };

  entry->SeekToFirst();
  if (entry->Valid()) {
    LEASELEDGER_ASSIGN(const Extent first, here());
    if (first.from != 0) return gap(0, first.from);
  }
  std::vector<rocksdb::LiveFileMetaData> files;
  store.db().GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    if (file.column_family_name != family->GetName()) continue;
    for (const bool behind : {false, true}) {
      entry->Seek(behind ? file.largestkey : file.smallestkey);
      if (!entry->Valid()) continue;
      LEASELEDGER_ASSIGN(const Extent edge, here());
      behind ? entry->Next() : entry->Prev();
      if (!entry->Valid()) continue;
      LEASELEDGER_ASSIGN(const Extent neighbour, here());
      if (behind ? !linked(edge, neighbour) : !linked(neighbour, edge)) {
        return behind ? gap(edge.to, neighbour.from) : gap(neighbour.to, edge.from);
      }
    }
    if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  }
  if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  return {};
}

/// Leaf hashes of the records from `first` to the end.
Result<std::vector<Hash>> leaves_from(const RocksdbStore& store, Position first, Position last) {
  std::vector<Hash> leaves;
  Sha256 sha;
  Block block;
  const auto entry = store.iterate(store.log(), false);
  Position next = first;
  for (entry->SeekForPrev(as_slice(number_key(first))); next <= last && entry->Valid();
       entry->Next()) {
    LEASELEDGER_TRY(block.decode(as_bytes(entry->value())));
    if (!block.contains(next) || block.last() > last) break;
    for (; next <= block.last(); ++next) leaves.push_back(sha.leaf(block.record(next)));
  }
  if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  if (next != last + 1)
    return corrupt("record", std::to_string(next),
                   "a record at every position; restore from a backup");
  return leaves;
}

/// The position of the last record.
Result<Position> end_of_records(const RocksdbStore& store) {
  const auto entry = store.iterate(store.log(), false);
  entry->SeekToLast();
  if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  if (!entry->Valid()) return 0;
  LEASELEDGER_ASSIGN(const Extent extent, extent_of_block(entry->key(), entry->value()));
  return extent.to;
}

}  // namespace

rocksdb::WALRecoveryMode FileSurvey::recovery() const {
  const bool whole =
      std::ranges::all_of(wals, [](const Wal& wal) { return wal.scan.verdict == Verdict::kWhole; });
  return whole ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
               : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
}

Result<FileSurvey> survey_files(const std::filesystem::path& log) {
  FileSurvey out;
  LEASELEDGER_ASSIGN(out.manifest_path, current_manifest(log));
  LEASELEDGER_ASSIGN(out.manifest, scan_log_file(out.manifest_path, LogFileKind::kManifest));
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(log, error)) {
    const auto number = wal_number(file.path());
    if (!number) continue;
    auto& wal = out.wals.emplace_back();
    wal.number = *number;
    wal.path = file.path();
    LEASELEDGER_ASSIGN(wal.scan, scan_log_file(file.path(), LogFileKind::kWal));
  }
  if (error)
    return corrupt(log.string(), error.message(), "a readable directory; restore from a backup");
  std::ranges::sort(out.wals, {}, &FileSurvey::Wal::number);
  return out;
}

void remove_empty_wals(const FileSurvey& survey, rocksdb::Env& env) {
  for (const auto& wal : survey.wals) {
    if (wal.scan.records == 0) (void)env.DeleteFile(wal.path.string());
  }
}

std::unique_ptr<rocksdb::Env> env_without_torn_end(const FileSurvey& survey, rocksdb::Env& env) {
  if (survey.manifest.verdict == Verdict::kWhole) return nullptr;
  return rocksdb::NewCompositeEnv(std::make_shared<TrimmingFileSystem>(
      env.GetFileSystem(), survey.manifest_path.filename(), survey.manifest.whole_bytes));
}

Status check_wals(const RocksdbStore& store, const FileSurvey& survey) {
  std::uint64_t oldest = 0;
  if (!store.db().GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &oldest)) oldest = 0;
  const FileSurvey::Wal* torn = nullptr;
  std::optional<std::uint64_t> expected;  // sequence number of the next change
  for (const auto& wal : survey.wals) {
    if (wal.number < oldest) continue;  // in table files already, only not deleted yet
    if (wal.scan.verdict == Verdict::kDamaged) {
      return tl::unexpected(
          damaged_file(wal.path, wal.scan, "acknowledged records lie behind the damage"));
    }
    if (wal.scan.first_sequence) {
      // A WAL begins where the one before it ends. That holds behind a torn one too, when the torn record was given up by
      // an earlier recovery; otherwise it had been acknowledged.
      if (torn != nullptr && expected != wal.scan.first_sequence) {
        return tl::unexpected(
            damaged_file(torn->path, torn->scan,
                         "acknowledged records lie behind the damage, in " + wal.path.string()));
      }
      if (expected && *expected != *wal.scan.first_sequence) {
        return corrupt(
            wal.path.string(), "sequence " + std::to_string(*wal.scan.first_sequence),
            "sequence " + std::to_string(*expected) +
                ", where the WAL before ends: changes are missing; restore from a backup");
      }
      expected = wal.scan.next_sequence;
      torn = nullptr;
    }
    if (wal.scan.verdict == Verdict::kTorn) torn = &wal;
  }
  return {};
}

Result<FoundLog> examine_log(const RocksdbStore& store) {
  FoundLog out;
  LEASELEDGER_ASSIGN(out.settings, store.read_settings());
  LEASELEDGER_ASSIGN(const auto head, store.last_head());
  LEASELEDGER_ASSIGN(const Position end, end_of_records(store));
  out.state.epoch = out.settings.epoch;
  if (head) {
    out.head = head->head;
    out.state = {head->head.size, std::max(out.settings.epoch, head->epoch), head->batch_id,
                 head->recorded_at};
  }
  if (end != out.head.size) {
    return corrupt("log", "records to position " + std::to_string(end),
                   "records to position " + std::to_string(out.head.size) +
                       ", as the newest head says; restore from a backup");
  }
  LEASELEDGER_TRY(check_joints(store, store.log(), extent_of_block));
  LEASELEDGER_TRY(check_joints(store, store.heads(), extent_of_head));
  LEASELEDGER_TRY(check_joints(store, store.tiles(), extent_of_tile));
  for (unsigned level = 0; level < 7 && out.head.size >> (8 * (level + 1)) != 0; ++level) {
    Tile tile;
    const TileId newest{static_cast<std::uint8_t>(level), (out.head.size >> (8 * (level + 1))) - 1};
    LEASELEDGER_ASSIGN(const bool there, store.read_tile(newest, tile));
    if (!there)
      return corrupt("tile", tile_path(newest),
                     "to be stored beside the records; restore from a backup");
  }

  const std::uint64_t in_tiles = out.head.size / kTileWidth * kTileWidth;
  if (out.head.size > in_tiles) {
    LEASELEDGER_ASSIGN(out.edge_leaves, leaves_from(store, in_tiles + 1, out.head.size));
  }
  LEASELEDGER_ASSIGN(
      out.tree, MerkleTree::restore(out.head.size, store, [&](std::uint64_t leaf) -> Result<Hash> {
        return out.edge_leaves[leaf - in_tiles];
      }));
  const Hash root = out.tree.root();
  if (!head) out.head.root = root;
  if (root != out.head.root) {
    return corrupt(
        "tree", "root of " + std::to_string(out.head.size) + " records",
        "the root that was stored with them; run 'leaseledger verify' and restore from a backup");
  }
  return out;
}

}  // namespace leaseledger
