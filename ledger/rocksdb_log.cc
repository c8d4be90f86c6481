#include "ledger/rocksdb_log.h"

#include "ledger/check.h"
#include "ledger/head_witness.h"
#include "ledger/log_state.h"
#include "ledger/merkle_tree.h"
#include "ledger/rocksdb_recovery.h"
#include "ledger/rocksdb_store.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>

namespace leaseledger {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kWitnessSyncInterval = std::chrono::seconds(1);
constexpr std::uint32_t kSmallestBlockTarget = 1024;
constexpr std::uint32_t kGreatestBlockTarget = 1 << 20;
/// Reads of more records than this go from block to block; fewer are looked up in the blocks that are kept.
constexpr Position kScan = 64;
/// Reads of more than this have readahead, past the caches.
constexpr Position kLongScan = 2048;
/// Leaf hashes kept for the readers' tree; behind by more, it is restored from tiles.
constexpr std::size_t kKeptLeaves = 32768;

template <typename T>
Status compare(const char* name, const std::optional<T>& given, const T& stored,
               const auto& as_text) {
  if (!given || *given == stored) return {};
  return invalid(name, as_text(*given), as_text(stored) + ", with which this ledger was created");
}

Status compare(const RocksdbLogOptions& given, const LogSettings& stored) {
  LEASELEDGER_TRY(
      compare("ledger_id", given.ledger_id, stored.identity.ledger_id, format_command_id));
  LEASELEDGER_TRY(compare("partition", given.partition, stored.identity.partition,
                          [](const std::string& s) { return s; }));
  LEASELEDGER_TRY(compare("codec", given.codec, stored.codec,
                          [](BlockCodec c) { return std::string(name_of(c)); }));
  LEASELEDGER_TRY(compare("block_target_bytes", given.block_target_bytes, stored.block_target_bytes,
                          [](std::uint32_t n) { return std::to_string(n); }));
  return {};
}

Result<LogSettings> settings_of_new_log(const RocksdbLogOptions& options) {
  LogSettings settings;
  settings.identity.ledger_id = options.ledger_id ? *options.ledger_id : new_ledger_id();
  settings.identity.partition = options.partition.value_or("default");
  settings.identity.created_at = options.created_at ? *options.created_at : SystemClock().now();
  settings.codec = options.codec.value_or(BlockCodec::kLz4);
  settings.block_target_bytes = options.block_target_bytes.value_or(kDefaultBlockTargetBytes);
  if (settings.identity.partition.empty() || settings.identity.partition.size() > 255) {
    return invalid("partition", settings.identity.partition, "1 to 255 bytes");
  }
  if (settings.block_target_bytes < kSmallestBlockTarget ||
      settings.block_target_bytes > kGreatestBlockTarget) {
    return invalid("block_target_bytes", std::to_string(settings.block_target_bytes),
                   "1024 to 1048576");
  }
  return settings;
}

/// What readers see. Guarded by its mutex, which is never held during a write or a read of the database.
struct Published {
  mutable std::mutex mutex;
  mutable std::condition_variable grown;
  TreeHead head;
  std::vector<Hash> leaves;       ///< of the records from leaves_from + 1 to head.size.
  std::uint64_t leaves_from = 0;  ///< never beyond the last complete tile.
};

/// The readers' own tree, so that no proof makes the appender wait. Brought up to date when it is asked.
struct Proofs {
  std::mutex mutex;
  MerkleTree tree;
};

/// Unpacked blocks of late reads, those that were not asked for the longest time going first.
class KeptBlocks {
 public:
  explicit KeptBlocks(std::size_t capacity) : capacity_(capacity) {}

  /// The block with `position`, or nullptr.
  std::shared_ptr<const Block> find(Position position) {
    const std::lock_guard lock(mutex_);
    auto at = blocks_.upper_bound(position);
    if (at == blocks_.begin() || !(--at)->second.block->contains(position)) return nullptr;
    order_.splice(order_.begin(), order_, at->second.place);
    return at->second.block;
  }

  void keep(std::shared_ptr<const Block> block) {
    const std::lock_guard lock(mutex_);
    const Position first = block->first();
    if (blocks_.contains(first)) return;
    bytes_ += block->memory_bytes();
    order_.push_front(first);
    blocks_.emplace(first, Kept{std::move(block), order_.begin()});
    while (bytes_ > capacity_ && order_.size() > 1) {
      const auto oldest = blocks_.find(order_.back());
      bytes_ -= oldest->second.block->memory_bytes();
      blocks_.erase(oldest);
      order_.pop_back();
    }
  }

 private:
  struct Kept {
    std::shared_ptr<const Block> block;
    std::list<Position>::iterator place;
  };
  const std::size_t capacity_;
  std::mutex mutex_;
  std::map<Position, Kept> blocks_;  // by first position
  std::list<Position> order_;        // latest use first
  std::size_t bytes_ = 0;
};

}  // namespace

struct RocksdbLog::Impl {
  Impl(LedgerDirectory opened, const RocksdbLogOptions& given)
      : directory(std::move(opened)), options(given), kept(given.block_cache_bytes) {}

  rocksdb::Env& env() const {
    return trimming_env             ? *trimming_env
           : options.env != nullptr ? *options.env
                                    : *rocksdb::Env::Default();
  }
  StoreOptions store_options(rocksdb::WALRecoveryMode recovery) const {
    return {options.write_buffer_bytes, &env(), recovery};
  }
  Status recover();
  Status compare_witness(const FoundLog& found);
  void adopt(FoundLog found);

  Result<Appended> append(const AppendRequest& request);
  Status write(const AppendRequest& request, TreeHead& head);
  void witness_append(const Witnessed& now);
  void publish(const TreeHead& head);
  Error remember(Error error);

  Position tail() const;
  Status scan(Position first, Position last, Direction direction, const RecordVisitor& visit) const;
  Status visit_points(Position first, Position last, Direction direction,
                      const RecordVisitor& visit) const;
  Result<std::shared_ptr<const Block>> block_at(Position position) const;
  Status catch_up() const;

  LedgerDirectory directory;
  const RocksdbLogOptions options;
  LogSettings settings;
  std::unique_ptr<rocksdb::Env> trimming_env;  // while it is there, outlives the store
  std::unique_ptr<RocksdbStore> store;

  // The appender's, guarded by append_mutex.
  std::mutex append_mutex;
  LogState state;
  MerkleTree tree;
  std::optional<HeadWitness> witness;
  bool witness_unsynced = false;
  SteadyClock::time_point witness_synced_at{};
  std::optional<Error> failure;
  std::optional<BlockWriter> blocks;
  rocksdb::WriteBatch batch;
  std::string block;
  std::vector<Hash> leaves;
  CompletedTiles completed;
  Sha256 sha;

  Published published;
  mutable Proofs proofs;
  mutable KeptBlocks kept;
};

// ---- creating and opening ---------------------------------------------------------------------------------------

Result<std::unique_ptr<RocksdbLog>> RocksdbLog::create(const std::filesystem::path& path,
                                                       const RocksdbLogOptions& options) {
  LEASELEDGER_ASSIGN(const LogSettings settings, settings_of_new_log(options));
  LEASELEDGER_ASSIGN(LedgerDirectory directory, LedgerDirectory::create(path));
  auto impl = std::make_unique<Impl>(std::move(directory), options);
  LEASELEDGER_ASSIGN(impl->store,
                     RocksdbStore::open(impl->directory.log(), RocksdbStore::Mode::kCreate,
                                        impl->store_options({})));
  LEASELEDGER_TRY(impl->store->write_settings(settings));
  LEASELEDGER_ASSIGN(FoundLog found, examine_log(*impl->store));
  LEASELEDGER_ASSIGN(impl->witness,
                     HeadWitness::create(impl->directory.head(), settings.identity.ledger_id,
                                         {found.head, kUnset}));
  impl->adopt(std::move(found));
  LEASELEDGER_TRY(impl->directory.write_marker(settings.identity.ledger_id));
  return std::unique_ptr<RocksdbLog>(new RocksdbLog(std::move(impl)));
}

Result<std::unique_ptr<RocksdbLog>> RocksdbLog::open(const std::filesystem::path& path,
                                                     const RocksdbLogOptions& options) {
  LEASELEDGER_ASSIGN(
      LedgerDirectory directory,
      LedgerDirectory::open(path, options.read_only ? Access::kRead : Access::kWrite));
  auto impl = std::make_unique<Impl>(std::move(directory), options);
  LEASELEDGER_TRY(impl->recover());
  return std::unique_ptr<RocksdbLog>(new RocksdbLog(std::move(impl)));
}

/// Everything is examined through a read-only database first, because opening for writing rewrites the MANIFEST and deletes
/// what it does not name.
Status RocksdbLog::Impl::recover() {
  LEASELEDGER_ASSIGN(const FileSurvey survey, survey_files(directory.log()));
  trimming_env = env_without_torn_end(survey, env());
  LEASELEDGER_ASSIGN(store, RocksdbStore::open(directory.log(), RocksdbStore::Mode::kRead,
                                               store_options(survey.recovery())));
  LEASELEDGER_TRY(check_wals(*store, survey));
  LEASELEDGER_ASSIGN(FoundLog found, examine_log(*store));
  if (found.settings.identity.ledger_id != directory.id()) {
    return corrupt(directory.log().string(), format_command_id(found.settings.identity.ledger_id),
                   "the log of ledger " + format_command_id(directory.id()) + ", as LEDGER says");
  }
  LEASELEDGER_TRY(compare(options, found.settings));
  LEASELEDGER_TRY(compare_witness(found));
  if (!options.read_only) {
    const TreeHead seen = found.head;
    store.reset();
    remove_empty_wals(survey, env());
    LEASELEDGER_ASSIGN(store, RocksdbStore::open(directory.log(), RocksdbStore::Mode::kWrite,
                                                 store_options(survey.recovery())));
    LEASELEDGER_ASSIGN(const auto head, store->last_head());
    if ((head ? head->head : TreeHead{0, seen.root}) != seen) {
      return corrupt(directory.log().string(),
                     std::to_string(head ? head->head.size : 0) + " records",
                     std::to_string(seen.size) + " records, as the same files had a moment ago");
    }
    store->join_small_files();
    // What was recovered from WALs is in table files now, so the witness may speak of it.
    const Witnessed now{seen, found.state.last_recorded_at};
    if (!witness) {
      LEASELEDGER_ASSIGN(witness, HeadWitness::create(directory.head(), directory.id(), now));
    } else if (witness->last().head != seen) {
      LEASELEDGER_TRY(witness->write(now));
      LEASELEDGER_TRY(witness->sync());
    }
  }
  adopt(std::move(found));
  return {};
}

/// The recovered log must contain what was acknowledged.
Status RocksdbLog::Impl::compare_witness(const FoundLog& found) {
  auto opened = HeadWitness::open(directory.head(), directory.id(), !options.read_only);
  if (!opened) {
    if (options.witness == WitnessPolicy::kAdopt) return {};
    Error error = opened.error();
    error.kind = ErrorKind::kCorrupt;
    error.expected +=
        "; without it a lost end of the log would not be noticed: restore it from a backup, or "
        "accept the log as it is, " +
        std::to_string(found.head.size) + " records, with 'leaseledger repair head'";
    return tl::unexpected(std::move(error));
  }
  const TreeHead acknowledged = opened->last().head;
  if (acknowledged.size > found.head.size) {
    return corrupt(directory.log().string(), std::to_string(found.head.size) + " records",
                   "at least " + std::to_string(acknowledged.size) + " records, as HEAD says: " +
                       std::to_string(acknowledged.size - found.head.size) +
                       " acknowledged records are missing; restore from a backup, or accept the "
                       "loss by removing HEAD, then "
                       "'leaseledger repair head'");
  }
  LEASELEDGER_ASSIGN(const Hash root, found.tree.root_at(acknowledged.size, *store));
  if (root != acknowledged.root) {
    return corrupt(directory.log().string(),
                   "root of the first " + std::to_string(acknowledged.size) + " records",
                   "the root that HEAD has for them: these are not the records that were "
                   "acknowledged; restore from a backup");
  }
  witness = std::move(*opened);
  return {};
}

void RocksdbLog::Impl::adopt(FoundLog found) {
  settings = std::move(found.settings);
  state = found.state;
  blocks.emplace(settings.codec, settings.block_target_bytes);
  published.head = found.head;
  published.leaves = std::move(found.edge_leaves);
  published.leaves_from = found.head.size - published.leaves.size();
  (options.read_only ? proofs.tree : tree) = std::move(found.tree);
  witness_synced_at = SteadyClock::now();
}

RocksdbLog::RocksdbLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksdbLog::~RocksdbLog() {
  if (!impl_->store) return;
  if (impl_->witness && impl_->witness_unsynced) (void)impl_->witness->sync();
  if (!impl_->failure && !impl_->options.read_only) impl_->store->flush_if_much();
}

const LogIdentity& RocksdbLog::identity() const { return impl_->settings.identity; }
const LedgerDirectory& RocksdbLog::directory() const { return impl_->directory; }

// ---- appending --------------------------------------------------------------------------------------------------

Result<std::uint64_t> RocksdbLog::begin_epoch() {
  auto& log = *impl_;
  const std::lock_guard lock(log.append_mutex);
  if (log.failure) return tl::unexpected(*log.failure);
  if (log.options.read_only)
    return fail(Win32::kAccessDenied, ErrorKind::kDenied, "read_only", "true",
                "a log that was opened for writing");
  LogSettings next = log.settings;
  next.epoch = log.state.epoch + 1;
  const Status written = log.store->write_settings(next);
  if (!written) return tl::unexpected(log.remember(written.error()));
  log.settings.epoch = log.state.epoch = next.epoch;
  return next.epoch;
}

Result<Appended> RocksdbLog::append(const AppendRequest& request) {
  const std::lock_guard lock(impl_->append_mutex);
  return impl_->append(request);
}

Result<Appended> RocksdbLog::Impl::append(const AppendRequest& request) {
  if (failure) return tl::unexpected(*failure);
  if (options.read_only)
    return fail(Win32::kAccessDenied, ErrorKind::kDenied, "read_only", "true",
                "a log that was opened for writing");
  LEASELEDGER_ASSIGN(const auto answer, state.judge(request));
  if (answer) return *answer;
  TreeHead head;
  const Status written = write(request, head);
  if (!written) return tl::unexpected(remember(written.error()));
  state.advance(request);
  witness_append({head, state.last_recorded_at});
  publish(head);
  return Appended{Appended::Outcome::kAppended, state.tail};
}

/// One write batch, one sync.
Status RocksdbLog::Impl::write(const AppendRequest& request, TreeHead& head) {
  const RecordBatch& records = request.records;
  batch.Clear();
  leaves.clear();
  completed.clear();
  for (std::size_t i = 0; i < records.size();) {
    const auto key = number_key(records.first_position() + i);
    i = blocks->write(records, i, block);
    batch.Put(store->log(), as_slice(key), block);
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    leaves.push_back(sha.leaf(records.record(i)));
    tree.append(leaves.back(), completed);
  }
  for (const auto& [id, tile] : completed) {
    batch.Put(store->tiles(), as_slice(tile_key(id)),
              {reinterpret_cast<const char*>(tile.data()), sizeof(Tile)});
  }
  head = {tree.size(), tree.root()};
  const StoredHead stored{head, request.batch_id, request.epoch, records.last_recorded_at(),
                          static_cast<std::uint32_t>(records.size())};
  batch.Put(store->heads(), as_slice(number_key(head.size)), encode_head(stored));

  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto status = store->db().Write(durable, &batch);
  if (!status.ok()) return tl::unexpected(store->error(status));
  return {};
}

/// The outcome of a failed write is unknown, and so is the state in memory: the first error answers everything from now on.
Error RocksdbLog::Impl::remember(Error error) {
  error.kind = ErrorKind::kIo;
  if (error.code == Win32::kFileCorrupt) error.code = Win32::kWriteFault;
  error.expected =
      "a write that succeeds; nothing more is accepted until the ledger is opened anew";
  failure = error;
  return error;
}

/// The append is durable whatever becomes of the witness, so a failure only stops the next one.
void RocksdbLog::Impl::witness_append(const Witnessed& now) {
  Status done = witness->write(now);
  witness_unsynced = true;
  const auto clock = SteadyClock::now();
  if (done && clock - witness_synced_at >= kWitnessSyncInterval) {
    done = witness->sync();
    witness_unsynced = false;
    witness_synced_at = clock;
  }
  if (!done) remember(done.error());
}

void RocksdbLog::Impl::publish(const TreeHead& head) {
  {
    const std::lock_guard lock(published.mutex);
    auto& kept_leaves = published.leaves;
    kept_leaves.insert(kept_leaves.end(), leaves.begin(), leaves.end());
    if (kept_leaves.size() > kKeptLeaves) {
      const std::uint64_t from = head.size / kTileWidth * kTileWidth;
      kept_leaves.erase(kept_leaves.begin(),
                        kept_leaves.end() - static_cast<std::ptrdiff_t>(head.size - from));
      published.leaves_from = from;
    }
    published.head = head;
  }
  published.grown.notify_all();
}

// ---- reading ----------------------------------------------------------------------------------------------------

Position RocksdbLog::Impl::tail() const {
  const std::lock_guard lock(published.mutex);
  return published.head.size;
}

Position RocksdbLog::tail() const { return impl_->tail(); }

Position RocksdbLog::wait(Position known, std::chrono::milliseconds timeout) const {
  const auto& published = impl_->published;
  std::unique_lock lock(published.mutex);
  published.grown.wait_for(lock, timeout, [&] { return published.head.size > known; });
  return published.head.size;
}

Status RocksdbLog::read(Position first, Position last, Direction direction,
                        const RecordVisitor& visit) const {
  LEASELEDGER_ASSIGN(const bool any, check_range(first, last, tail()));
  if (!any) return {};
  return last - first < kScan ? impl_->visit_points(first, last, direction, visit)
                              : impl_->scan(first, last, direction, visit);
}

namespace {

/// Visits those records of `block` that lie in first..last. False when the visitor has enough.
bool visit_block(const Block& block, Position first, Position last, Direction direction,
                 const RecordVisitor& visit) {
  const Position from = std::max(first, block.first());
  const Position to = std::min(last, block.last());
  for (Position i = 0; i <= to - from; ++i) {
    const Position position = direction == Direction::kForward ? from + i : to - i;
    if (!visit({position, block.record(position)})) return false;
  }
  return true;
}

tl::unexpected<Error> missing_record(Position position) {
  return corrupt("record", std::to_string(position),
                 "a record at every position; restore from a backup");
}

}  // namespace

Status RocksdbLog::Impl::visit_points(Position first, Position last, Direction direction,
                                      const RecordVisitor& visit) const {
  const bool forward = direction == Direction::kForward;
  for (Position next = forward ? first : last;;) {
    LEASELEDGER_ASSIGN(const auto found, block_at(next));
    if (!visit_block(*found, first, last, direction, visit)) return {};
    if (forward ? found->last() >= last : found->first() <= first) return {};
    next = forward ? found->last() + 1 : found->first() - 1;
  }
}

Status RocksdbLog::Impl::scan(Position first, Position last, Direction direction,
                              const RecordVisitor& visit) const {
  const bool forward = direction == Direction::kForward;
  const auto entry = store->iterate(store->log(), last - first >= kLongScan);
  Block decoded;
  Position next = forward ? first : last;
  for (entry->SeekForPrev(as_slice(number_key(next))); entry->Valid();
       forward ? entry->Next() : entry->Prev()) {
    LEASELEDGER_TRY(decoded.decode(as_bytes(entry->value())));
    if (!decoded.contains(next)) return missing_record(next);
    if (!visit_block(decoded, first, last, direction, visit)) return {};
    if (forward ? decoded.last() >= last : decoded.first() <= first) return {};
    next = forward ? decoded.last() + 1 : decoded.first() - 1;
  }
  if (!entry->status().ok()) return tl::unexpected(store->error(entry->status()));
  return missing_record(next);
}

Result<std::shared_ptr<const Block>> RocksdbLog::Impl::block_at(Position position) const {
  if (auto found = kept.find(position)) return found;
  const auto entry = store->iterate(store->log(), false);
  entry->SeekForPrev(as_slice(number_key(position)));
  if (!entry->status().ok()) return tl::unexpected(store->error(entry->status()));
  if (!entry->Valid()) return missing_record(position);
  auto decoded = std::make_shared<Block>();
  LEASELEDGER_TRY(decoded->decode(as_bytes(entry->value())));
  if (!decoded->contains(position)) return missing_record(position);
  kept.keep(decoded);
  return decoded;
}

// ---- proofs -----------------------------------------------------------------------------------------------------

Status RocksdbLog::Impl::catch_up() const {
  MerkleTree& own = proofs.tree;
  std::vector<Hash> missing;
  std::uint64_t from = 0;
  std::uint64_t size = 0;
  {
    const std::lock_guard lock(published.mutex);
    size = published.head.size;
    from = std::max(own.size(), published.leaves_from);
    missing.assign(
        published.leaves.begin() + static_cast<std::ptrdiff_t>(from - published.leaves_from),
        published.leaves.end());
  }
  if (own.size() == from) {
    CompletedTiles stored_already;
    for (const Hash& leaf : missing) own.append(leaf, stored_already);
    return {};
  }
  LEASELEDGER_ASSIGN(own,
                     MerkleTree::restore(size, *store, [&](std::uint64_t leaf) -> Result<Hash> {
                       return missing[leaf - from];
                     }));
  return {};
}

Result<TreeHead> RocksdbLog::tree_head(std::uint64_t size) const {
  {
    const std::lock_guard lock(impl_->published.mutex);
    if (size == impl_->published.head.size) return impl_->published.head;
  }
  LEASELEDGER_TRY(check_tree_size(size, tail()));
  const std::lock_guard lock(impl_->proofs.mutex);
  LEASELEDGER_TRY(impl_->catch_up());
  LEASELEDGER_ASSIGN(const Hash root, impl_->proofs.tree.root_at(size, *impl_->store));
  return TreeHead{size, root};
}

Result<std::vector<Hash>> RocksdbLog::inclusion_proof(Position position, std::uint64_t size) const {
  LEASELEDGER_TRY(check_range(position, position, tail()));
  const std::lock_guard lock(impl_->proofs.mutex);
  LEASELEDGER_TRY(impl_->catch_up());
  return impl_->proofs.tree.inclusion_proof(position - 1, size, *impl_->store);
}

Result<std::vector<Hash>> RocksdbLog::consistency_proof(std::uint64_t old_size,
                                                        std::uint64_t new_size) const {
  const std::lock_guard lock(impl_->proofs.mutex);
  LEASELEDGER_TRY(impl_->catch_up());
  return impl_->proofs.tree.consistency_proof(old_size, new_size, *impl_->store);
}

// ---- checking and copying ---------------------------------------------------------------------------------------

Status RocksdbLog::read_heads(std::uint64_t first,
                              const std::function<bool(const AppendHead&)>& visit) const {
  const auto entry = impl_->store->iterate(impl_->store->heads(), false);
  const Position last = tail();
  for (entry->Seek(as_slice(number_key(first))); entry->Valid(); entry->Next()) {
    LEASELEDGER_ASSIGN(const StoredHead head,
                       decode_head(parse_number_key(entry->key()), entry->value()));
    if (head.head.size > last) break;
    if (!visit({head.head, head.batch_id, head.epoch, head.recorded_at, head.count})) break;
  }
  if (!entry->status().ok()) return tl::unexpected(impl_->store->error(entry->status()));
  return {};
}

Status RocksdbLog::verify(const std::function<void(Position)>& progress) const {
  const RocksdbStore& store = *impl_->store;
  if (const auto status = store.db().VerifyFileChecksums({}); !status.ok())
    return tl::unexpected(store.error(status));

  const Position last = tail();
  const auto entry = store.iterate(store.heads(), true);
  entry->SeekToFirst();
  std::uint64_t covered = 0;  // by the heads so far
  MerkleTree rebuilt;
  Sha256 sha;
  CompletedTiles tiles;
  const auto check_head = [&]() -> Status {
    LEASELEDGER_ASSIGN(const StoredHead head,
                       decode_head(parse_number_key(entry->key()), entry->value()));
    if (head.head.size - head.count != covered)
      return corrupt("head", std::to_string(head.head.size),
                     "heads that follow each other without gaps");
    if (head.head.root != rebuilt.root())
      return corrupt("head", std::to_string(head.head.size), "the root of the stored records");
    covered = head.head.size;
    entry->Next();
    return {};
  };
  const auto check_tile = [&](TileId id, const Tile& tile) -> Status {
    Tile stored;
    LEASELEDGER_ASSIGN(const bool there, store.read_tile(id, stored));
    if (!there || stored != tile)
      return corrupt("tile", tile_path(id), "the hashes of the stored records");
    return {};
  };

  Status same;
  LEASELEDGER_TRY(read(1, last, Direction::kForward, [&](const StoredRecord& record) {
    rebuilt.append(sha.leaf(record.bytes), tiles);
    for (const auto& [id, tile] : tiles) {
      if (same) same = check_tile(id, tile);
    }
    tiles.clear();
    if (same && entry->Valid() && parse_number_key(entry->key()) == record.position)
      same = check_head();
    if (progress && record.position % 65536 == 0) progress(record.position);
    return same.has_value();
  }));
  LEASELEDGER_TRY(same);
  if (!entry->status().ok()) return tl::unexpected(store.error(entry->status()));
  if (covered != last)
    return corrupt("head", std::to_string(covered),
                   "a head of " + std::to_string(last) + " records");
  return {};
}

Status RocksdbLog::checkpoint(const std::filesystem::path& target) {
  auto& log = *impl_;
  if (log.options.read_only)
    return invalid("read_only", "true",
                   "a log that was opened for writing; copy the directory instead");
  const std::lock_guard lock(log.append_mutex);
  if (log.failure) return tl::unexpected(*log.failure);
  LEASELEDGER_ASSIGN(LedgerDirectory copy, LedgerDirectory::create(target));
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(&log.store->db(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok())
    // 0: flush, so that no WAL is copied
    status = checkpoint->CreateCheckpoint(copy.log().string(), 0);
  if (!status.ok()) return tl::unexpected(store_error(copy.log(), status));
  LEASELEDGER_TRY(
      HeadWitness::create(copy.head(), log.settings.identity.ledger_id, log.witness->last()));
  return copy.write_marker(log.settings.identity.ledger_id);
}

}  // namespace leaseledger
