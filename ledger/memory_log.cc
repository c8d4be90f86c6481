#include "ledger/memory_log.h"

#include <cstring>

namespace leaseledger {

MemoryLog::MemoryLog(LogIdentity identity) : identity_(std::move(identity)) {}

Result<std::uint64_t> MemoryLog::begin_epoch() {
  const std::lock_guard lock(mutex_);
  return ++state_.epoch;
}

Result<Appended> MemoryLog::append(const AppendRequest& request) {
  const std::lock_guard lock(mutex_);
  LEASELEDGER_ASSIGN(const auto answer, state_.judge(request));
  if (answer) return *answer;

  CompletedTiles completed;
  for (std::size_t i = 0; i < request.records.size(); ++i) {
    const auto bytes = request.records.record(i);
    auto& words = records_.emplace_back(bytes.size() / 8);
    std::memcpy(words.data(), bytes.data(), bytes.size());
    tree_.append(sha_.leaf(bytes), completed);
  }
  for (auto& [id, tile] : completed) tiles_.stored.emplace(id, tile);
  state_.advance(request);
  grown_.notify_all();
  return Appended{Appended::Outcome::kAppended, state_.tail};
}

Position MemoryLog::tail() const {
  const std::lock_guard lock(mutex_);
  return state_.tail;
}

Status MemoryLog::read(Position first, Position last, Direction direction,
                       const RecordVisitor& visit) const {
  LEASELEDGER_ASSIGN(const bool any, check_range(first, last, tail()));
  if (!any) return {};
  for (Position i = 0; i <= last - first; ++i) {
    const Position position = direction == Direction::kForward ? first + i : last - i;
    const std::vector<std::uint64_t>* words = nullptr;
    {
      const std::lock_guard lock(mutex_);
      words = &records_[position - 1];
    }
    if (!visit(
            {position, {reinterpret_cast<const std::uint8_t*>(words->data()), words->size() * 8}}))
      break;
  }
  return {};
}

Position MemoryLog::wait(Position known, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  grown_.wait_for(lock, timeout, [&] { return state_.tail > known; });
  return state_.tail;
}

Result<TreeHead> MemoryLog::tree_head(std::uint64_t size) const {
  const std::lock_guard lock(mutex_);
  LEASELEDGER_ASSIGN(const Hash root, tree_.root_at(size, tiles_));
  return TreeHead{size, root};
}

Result<std::vector<Hash>> MemoryLog::inclusion_proof(Position position, std::uint64_t size) const {
  LEASELEDGER_TRY(check_range(position, position, tail()));
  const std::lock_guard lock(mutex_);
  return tree_.inclusion_proof(position - 1, size, tiles_);
}

Result<std::vector<Hash>> MemoryLog::consistency_proof(std::uint64_t old_size,
                                                       std::uint64_t new_size) const {
  const std::lock_guard lock(mutex_);
  return tree_.consistency_proof(old_size, new_size, tiles_);
}

Result<bool> MemoryLog::Tiles::read_tile(TileId id, Tile& out) const {
  const auto found = stored.find(id);
  if (found == stored.end()) return false;
  out = found->second;
  return true;
}

}  // namespace leaseledger
