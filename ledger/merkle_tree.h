#pragma once
// The Merkle tree of RFC 6962 over the records of a log, kept in tiles of 256 hashes (C2SP
// tlog-tiles), so that proofs for any old size cost a few reads.
//
// Bytes: docs/formats/merkle_tree.md
// Flow: leaf hash of a record -> [merkle_tree.h] -> tiles, stored with records -> merkle_proof.h

#include "ledger/result.h"
#include "ledger/sha256.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace leaseledger {

/// Tile `index` of `level` holds the 256 hashes of height 8 * level from number 256 * index on.
/// Level 0 has leaf hashes.
struct TileId {
  std::uint8_t level = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

inline constexpr std::size_t kTileWidth = 256;
using Tile = std::array<Hash, kTileWidth>;

/// C2SP path of a tile: "tile/0/x001/234", or "tile/0/x001/234.p/5" for one with `width` < 256
/// hashes.
std::string tile_path(TileId id, std::size_t width = kTileWidth);

/// Where complete tiles are read from. Reads come from the thread that asks for a root or a proof,
/// so an implementation that several threads ask must bear that.
class TileSource {
 public:
  virtual ~TileSource() = default;
  /// False when the tile is not there: only complete tiles are asked for, so MerkleTree makes
  /// kCorrupt of it. Errors are passed on as they are.
  virtual Result<bool> read_tile(TileId id, Tile& out) const = 0;
};

using CompletedTiles = std::vector<std::pair<TileId, Tile>>;

/// Leaf i is the record at position i + 1.
///
/// A value: at most 8 KiB for each level that is in use (three levels hold 16 million leaves).
/// Const functions may run at the same time in several threads, but not beside append(): either
/// readers share a lock with the appender, or they copy the tree under it and read tiles from disk
/// without holding it.
class MerkleTree {
 public:
  MerkleTree() = default;

  /// One more leaf. Tiles that become complete are added to `completed`; the caller stores them
  /// together with the leaf's record. Costs one node hash on average, and allocates only when a
  /// level is entered for the first time or `completed` grows.
  ///
  /// From now on the tree reads those tiles from its TileSource: until they can be read there, let
  /// nobody ask for a root_at() or a proof.
  void append(const Hash& leaf, CompletedTiles& completed);

  std::uint64_t size() const { return size_; }
  /// Root of the whole tree; the SHA-256 of nothing for an empty one (RFC 6962 section 2.1). O(log
  /// size).
  Hash root() const;

  /// The tree of `size` leaves from its complete tiles, and from at most 255 leaf hashes that are
  /// in no complete tile yet. Trusts the tiles: the caller compares root() with the root that it
  /// stored.
  ///
  /// @return kCorrupt when a tile is missing, or the error of `tiles` or `leaf_of`.
  static Result<MerkleTree> restore(
      std::uint64_t size, const TileSource& tiles,
      const std::function<Result<Hash>(std::uint64_t leaf_index)>& leaf_of);

  // For any past size up to size(). kInvalid beyond, kCorrupt when a tile is missing, or the error
  // of `tiles`. At most two tiles of each level are read, and fewer than 256 node hashes computed
  // for each of them.

  Result<Hash> root_at(std::uint64_t size, const TileSource& tiles) const;
  /// RFC 6962 section 2.1.1: from the leaf's sibling upwards.
  Result<std::vector<Hash>> inclusion_proof(std::uint64_t leaf_index, std::uint64_t size,
                                            const TileSource& tiles) const;
  /// RFC 6962 section 2.1.2; empty when old_size is 0 or equals new_size.
  Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                              const TileSource& tiles) const;

 private:
  struct Reader;

  std::uint64_t size_ = 0;
  // nodes_[h] is the root of the last complete subtree of height h that is not part of a higher
  // one; in use where bit h of size_ is set.
  std::array<Hash, 64> nodes_{};
  // Hashes of each level that are in no complete tile.
  std::vector<std::vector<Hash>> edge_;
};

}  // namespace leaseledger
