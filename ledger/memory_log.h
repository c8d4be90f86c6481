#pragma once
// An event log in memory, for tests, simulations and replays: everything is gone with the object.
// Flow: event_log.h -> [memory_log.h]

#include "ledger/event_log.h"
#include "ledger/log_state.h"
#include "ledger/merkle_tree.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace leaseledger {

class MemoryLog final : public EventLog {
 public:
  explicit MemoryLog(LogIdentity identity = {});

  const LogIdentity& identity() const override { return identity_; }
  Result<std::uint64_t> begin_epoch() override;
  Result<Appended> append(const AppendRequest& request) override;
  Position tail() const override;
  Status read(Position first, Position last, Direction direction,
              const RecordVisitor& visit) const override;
  Position wait(Position known, std::chrono::milliseconds timeout) const override;
  Result<TreeHead> tree_head(std::uint64_t size) const override;
  Result<std::vector<Hash>> inclusion_proof(Position position, std::uint64_t size) const override;
  Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                              std::uint64_t new_size) const override;

 private:
  class Tiles final : public TileSource {
   public:
    Result<bool> read_tile(TileId id, Tile& out) const override;
    std::map<TileId, Tile> stored;
  };

  const LogIdentity identity_;
  mutable std::mutex mutex_;  // guards everything below
  mutable std::condition_variable grown_;
  std::deque<std::vector<std::uint64_t>>
      records_;  // elements never move, so that they can be visited without the lock
  MerkleTree tree_;
  Tiles tiles_;
  Sha256 sha_;
  LogState state_;
};

}  // namespace leaseledger
