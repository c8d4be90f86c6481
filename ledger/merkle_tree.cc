#include "ledger/merkle_tree.h"

#include "ledger/check.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace leaseledger {
namespace {

// One for each thread, so that a tree is a plain value and its const functions are const.
Sha256& sha() {
  thread_local Sha256 instance;
  return instance;
}

Error missing_tile(TileId id) {
  return corrupt("tile", tile_path(id),
                 "to be stored beside the records; restore the ledger from a backup")
      .value();
}

Status in_range(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value >= low && value <= high) return {};
  return invalid(field, std::to_string(value), std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace

std::string tile_path(TileId id, std::size_t width) {
  std::string digits = std::to_string(id.index);
  digits.insert(0, (3 - digits.size() % 3) % 3, '0');
  std::string path = "tile/" + std::to_string(id.level);
  for (std::size_t i = 0; i < digits.size(); i += 3) {
    path += i + 3 < digits.size() ? "/x" : "/";
    path += digits.substr(i, 3);
  }
  if (width < kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

void MerkleTree::append(const Hash& leaf, CompletedTiles& completed) {
  Hash hash = leaf;
  const auto enter = [&](unsigned level) {
    if (edge_.size() <= level) {
      edge_.resize(level + 1);
      edge_[level].reserve(kTileWidth);
    }
    auto& edge = edge_[level];
    edge.push_back(hash);
    if (edge.size() < kTileWidth) return;
    auto& [id, tile] = completed.emplace_back();
    id = {static_cast<std::uint8_t>(level), size_ >> (8 * (level + 1))};
    std::ranges::copy(edge, tile.begin());
    edge.clear();
  };
  enter(0);
  unsigned height = 0;
  for (; (size_ >> height & 1) != 0; ++height) {
    hash = sha().node(nodes_[height], hash);
    if ((height + 1) % 8 == 0) enter((height + 1) / 8);
  }
  nodes_[height] = hash;
  ++size_;
}

Hash MerkleTree::root() const {
  if (size_ == 0) {
    sha().start();
    return sha().finish();
  }
  std::optional<Hash> right;
  for (unsigned height = 0; height < 64; ++height) {
    if ((size_ >> height & 1) == 0) continue;
    right = right ? sha().node(nodes_[height], *right) : nodes_[height];
  }
  return *right;
}

/// Reads hashes of the tree, from its edge in memory and from stored tiles. The last tile read of
/// each level is kept.
struct MerkleTree::Reader {
  const MerkleTree& tree;
  const TileSource& tiles;
  std::vector<std::pair<std::optional<std::uint64_t>, Tile>> kept;

  /// Hash number `index` of `level`.
  Result<Hash> at(unsigned level, std::uint64_t index) {
    const std::uint64_t stored = (tree.size_ >> (8 * level)) / kTileWidth * kTileWidth;
    if (index >= stored) return tree.edge_[level][index - stored];
    if (kept.size() <= level) kept.resize(level + 1);
    auto& [number, tile] = kept[level];
    const TileId id{static_cast<std::uint8_t>(level), index / kTileWidth};
    if (number != id.index) {
      number.reset();
      LEASELEDGER_ASSIGN(const bool there, tiles.read_tile(id, tile));
      if (!there) return tl::unexpected(missing_tile(id));
      number = id.index;
    }
    return tile[index % kTileWidth];
  }

  /// Root of the complete subtree of `height` that is the `index`-th of its height.
  Result<Hash> complete(unsigned height, std::uint64_t index) {
    if (height % 8 == 0) return at(height / 8, index);
    LEASELEDGER_ASSIGN(const Hash left, complete(height - 1, 2 * index));
    LEASELEDGER_ASSIGN(const Hash right, complete(height - 1, 2 * index + 1));
    return sha().node(left, right);
  }

  /// MTH of the leaves begin..end-1, a range that RFC 6962's splitting makes: begin is a multiple
  /// of the largest power of two that is not over end - begin.
  Result<Hash> range(std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t count = end - begin;
    if (std::has_single_bit(count)) {
      const auto height = static_cast<unsigned>(std::countr_zero(count));
      return complete(height, begin >> height);
    }
    const std::uint64_t split = begin + std::bit_floor(count);
    LEASELEDGER_ASSIGN(const Hash left, range(begin, split));
    LEASELEDGER_ASSIGN(const Hash right, range(split, end));
    return sha().node(left, right);
  }

  /// PATH(leaf, begin..end-1) of RFC 6962 section 2.1.1.
  Status path(std::uint64_t leaf, std::uint64_t begin, std::uint64_t end, std::vector<Hash>& out) {
    if (end - begin == 1) return {};
    const std::uint64_t split = begin + std::bit_floor(end - begin - 1);
    const bool left = leaf < split;
    LEASELEDGER_TRY(left ? path(leaf, begin, split, out) : path(leaf, split, end, out));
    LEASELEDGER_ASSIGN(const Hash sibling, left ? range(split, end) : range(begin, split));
    out.push_back(sibling);
    return {};
  }

  /// SUBPROOF(old, begin..end-1, whole) of RFC 6962 section 2.1.2.
  Status subproof(std::uint64_t old, std::uint64_t begin, std::uint64_t end, bool whole,
                  std::vector<Hash>& out) {
    if (old == end) {
      if (whole) return {};
      LEASELEDGER_ASSIGN(const Hash hash, range(begin, end));
      out.push_back(hash);
      return {};
    }
    const std::uint64_t split = begin + std::bit_floor(end - begin - 1);
    const bool left = old <= split;
    LEASELEDGER_TRY(left ? subproof(old, begin, split, whole, out)
                         : subproof(old, split, end, false, out));
    LEASELEDGER_ASSIGN(const Hash sibling, left ? range(split, end) : range(begin, split));
    out.push_back(sibling);
    return {};
  }
};

Result<MerkleTree> MerkleTree::restore(std::uint64_t size, const TileSource& tiles,
                                       const std::function<Result<Hash>(std::uint64_t)>& leaf_of) {
  MerkleTree tree;
  tree.size_ = size;
  for (unsigned level = 0; level < 8 && (level == 0 || size >> (8 * level) != 0); ++level) {
    auto& edge = tree.edge_.emplace_back();
    edge.reserve(kTileWidth);
    const std::uint64_t count = size >> (8 * level);
    for (std::uint64_t i = count / kTileWidth * kTileWidth; i < count; ++i) {
      if (level == 0) {
        LEASELEDGER_ASSIGN(const Hash leaf, leaf_of(i));
        edge.push_back(leaf);
        continue;
      }
      // Hash i of this level is the root of tile i below.
      Tile tile;
      const TileId below{static_cast<std::uint8_t>(level - 1), i};
      LEASELEDGER_ASSIGN(const bool there, tiles.read_tile(below, tile));
      if (!there) return tl::unexpected(missing_tile(below));
      for (std::size_t width = kTileWidth; width > 1; width /= 2) {
        for (std::size_t j = 0; j < width / 2; ++j)
          tile[j] = sha().node(tile[2 * j], tile[2 * j + 1]);
      }
      edge.push_back(tile[0]);
    }
  }
  Reader reader{tree, tiles, {}};
  for (unsigned height = 0; height < 64; ++height) {
    if ((size >> height & 1) == 0) continue;
    LEASELEDGER_ASSIGN(tree.nodes_[height], reader.complete(height, (size >> height) - 1));
  }
  return tree;
}

Result<Hash> MerkleTree::root_at(std::uint64_t size, const TileSource& tiles) const {
  LEASELEDGER_TRY(in_range("size", size, 0, size_));
  if (size == size_) return root();
  if (size == 0) return MerkleTree().root();
  Reader reader{*this, tiles, {}};
  return reader.range(0, size);
}

Result<std::vector<Hash>> MerkleTree::inclusion_proof(std::uint64_t leaf_index, std::uint64_t size,
                                                      const TileSource& tiles) const {
  LEASELEDGER_TRY(in_range("size", size, 1, size_));
  LEASELEDGER_TRY(in_range("leaf", leaf_index, 0, size - 1));
  Reader reader{*this, tiles, {}};
  std::vector<Hash> out;
  LEASELEDGER_TRY(reader.path(leaf_index, 0, size, out));
  return out;
}

Result<std::vector<Hash>> MerkleTree::consistency_proof(std::uint64_t old_size,
                                                        std::uint64_t new_size,
                                                        const TileSource& tiles) const {
  LEASELEDGER_TRY(in_range("new size", new_size, 0, size_));
  LEASELEDGER_TRY(in_range("old size", old_size, 0, new_size));
  std::vector<Hash> out;
  if (old_size == 0 || old_size == new_size) return out;
  Reader reader{*this, tiles, {}};
  LEASELEDGER_TRY(reader.subproof(old_size, 0, new_size, true, out));
  return out;
}

}  // namespace leaseledger
