#include "ledger/rocksdb_recovery.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

#include "ledger/check.h"

namespace leaseledger {
namespace {

using Verdict = LogFileScan::Verdict;

std::optional<std::uint64_t> wal_number(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if (path.extension() != ".log" || error != std::errc{} || end != stem.data() + stem.size()) return {};
  return number;
}

Error damaged_file(const std::filesystem::path& path, const LogFileScan& scan, const std::string& consequence) {
  return corrupt(path.string(), scan.damage + " at offset " + std::to_string(scan.damage_offset), consequence + "; restore from a backup").value();
}

Result<std::filesystem::path> manifest_path(const std::filesystem::path& log) {
  const auto current = log / "CURRENT";
  std::ifstream in(current);
  std::string name;
  if (!in) return corrupt(current.string(), "", "this file; restore from a backup");
  std::getline(in, name);
  const auto manifest = log / name;
  std::error_code ignored;
  if (!name.starts_with("MANIFEST-") || !std::filesystem::is_regular_file(manifest, ignored)) {
    return corrupt(current.string(), name, "the name of a MANIFEST beside it; restore from a backup");
  }
  return manifest;
}

/// Where an entry begins and where the one after it must begin.
struct Extent {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
using ExtentOf = std::function<Result<Extent>(rocksdb::Slice key, rocksdb::Slice value)>;

Result<Extent> extent_of_block(rocksdb::Slice key, rocksdb::Slice value) {
  LEASELEDGER_ASSIGN(const BlockHeader header, read_block_header(as_bytes(value)));
  if (parse_number_key(key) != header.first) {
    return corrupt("log block", std::to_string(header.first), "the position of its key, " + std::to_string(parse_number_key(key)));
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
Status check_joints(const RocksdbStore& store, rocksdb::ColumnFamilyHandle* family, const ExtentOf& extent_of) {
  const auto entry = store.iterate(family, false);
  const auto here = [&]() -> Result<Extent> { return extent_of(entry->key(), entry->value()); };
  const auto gap = [&](std::uint64_t expected, std::uint64_t found) {
    return corrupt("log/" + family->GetName(), "entry " + std::to_string(found),
                   "entry " + std::to_string(expected) + ": what lies between is missing; restore from a backup");
  };
  const auto linked = [](const Extent& before, const Extent& after) {
    const bool next_level = after.from % kLevelUnit == 0 && after.from / kLevelUnit == before.from / kLevelUnit + 1;
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
  for (entry->SeekForPrev(as_slice(number_key(first))); next <= last && entry->Valid(); entry->Next()) {
    LEASELEDGER_TRY(block.decode(as_bytes(entry->value())));
    if (!block.contains(next) || block.last() > last) break;
    for (; next <= block.last(); ++next) leaves.push_back(sha.leaf(block.record(next)));
  }
  if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  if (next != last + 1) return corrupt("record", std::to_string(next), "a record at every position; restore from a backup");
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
  const bool whole = std::ranges::all_of(wals, [](const Wal& wal) { return wal.scan.verdict == Verdict::kWhole; });
  return whole ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
}

Result<FileSurvey> survey_files(const std::filesystem::path& log) {
  FileSurvey out;
  LEASELEDGER_ASSIGN(const auto manifest, manifest_path(log));
  LEASELEDGER_ASSIGN(out.manifest, scan_log_file(manifest, LogFileKind::kManifest));
  if (out.manifest.verdict == Verdict::kDamaged) {
    return tl::unexpected(damaged_file(manifest, out.manifest, "a file whose records are whole"));
  }
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(log, error)) {
    const auto number = wal_number(file.path());
    if (!number) continue;
    auto& wal = out.wals.emplace_back();
    wal.number = *number;
    wal.path = file.path();
    LEASELEDGER_ASSIGN(wal.scan, scan_log_file(file.path(), LogFileKind::kWal));
  }
  if (error) return corrupt(log.string(), error.message(), "a readable directory; restore from a backup");
  std::ranges::sort(out.wals, {}, &FileSurvey::Wal::number);
  return out;
}

void remove_empty_wals(const FileSurvey& survey, rocksdb::Env& env) {
  for (const auto& wal : survey.wals) {
    if (wal.scan.file_bytes == 0) (void)env.DeleteFile(wal.path.string());
  }
}

Status check_wals(const RocksdbStore& store, const FileSurvey& survey) {
  std::uint64_t oldest = 0;
  if (!store.db().GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &oldest)) oldest = 0;
  const FileSurvey::Wal* torn = nullptr;
  const FileSurvey::Wal* before = nullptr;
  for (const auto& wal : survey.wals) {
    if (wal.number < oldest) continue;  // in table files already, only not deleted yet
    if (wal.scan.verdict == Verdict::kDamaged) {
      return tl::unexpected(damaged_file(wal.path, wal.scan, "acknowledged records lie behind the damage"));
    }
    if (torn != nullptr && (wal.scan.records > 0 || wal.scan.verdict != Verdict::kWhole)) {
      return tl::unexpected(damaged_file(torn->path, torn->scan, "acknowledged records lie behind the damage, in " + wal.path.string()));
    }
    if (wal.scan.verdict == Verdict::kTorn) torn = &wal;
    if (!wal.scan.first_sequence) continue;
    if (before != nullptr && before->scan.next_sequence != *wal.scan.first_sequence) {
      return corrupt(wal.path.string(), "sequence " + std::to_string(*wal.scan.first_sequence),
                     "sequence " + std::to_string(before->scan.next_sequence) + ", where " + before->path.string() +
                         " ends: changes are missing; restore from a backup");
    }
    before = &wal;
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
    out.state = {head->head.size, std::max(out.settings.epoch, head->epoch), head->batch_id, head->recorded_at};
  }
  if (end != out.head.size) {
    return corrupt("log", "records to position " + std::to_string(end),
                   "records to position " + std::to_string(out.head.size) + ", as the newest head says; restore from a backup");
  }
  LEASELEDGER_TRY(check_joints(store, store.log(), extent_of_block));
  LEASELEDGER_TRY(check_joints(store, store.heads(), extent_of_head));
  LEASELEDGER_TRY(check_joints(store, store.tiles(), extent_of_tile));
  for (unsigned level = 0; level < 7 && out.head.size >> (8 * (level + 1)) != 0; ++level) {
    Tile tile;
    const TileId newest{static_cast<std::uint8_t>(level), (out.head.size >> (8 * (level + 1))) - 1};
    LEASELEDGER_ASSIGN(const bool there, store.read_tile(newest, tile));
    if (!there) return corrupt("tile", tile_path(newest), "to be stored beside the records; restore from a backup");
  }

  const std::uint64_t in_tiles = out.head.size / kTileWidth * kTileWidth;
  if (out.head.size > in_tiles) {
    LEASELEDGER_ASSIGN(out.edge_leaves, leaves_from(store, in_tiles + 1, out.head.size));
  }
  LEASELEDGER_ASSIGN(out.tree, MerkleTree::restore(out.head.size, store, [&](std::uint64_t leaf) -> Result<Hash> {
                       return out.edge_leaves[leaf - in_tiles];
                     }));
  const Hash root = out.tree.root();
  if (!head) out.head.root = root;
  if (root != out.head.root) {
    return corrupt("tree", "root of " + std::to_string(out.head.size) + " records",
                   "the root that was stored with them; run 'leaseledger verify' and restore from a backup");
  }
  return out;
}

}  // namespace leaseledger
