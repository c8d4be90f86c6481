// The tree against a naive RFC 6962 oracle, the published vectors, and every kind of tampering.

#include "ledger/merkle_tree.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "ledger/duid.h"
#include "ledger/merkle_proof.h"
#include "tests/support/seed.h"

namespace leaseledger {
namespace {

class MapTiles final : public TileSource {
 public:
  Result<bool> read_tile(TileId id, Tile& out) const override {
    const auto it = tiles.find(id);
    if (it == tiles.end()) return false;
    out = it->second;
    return true;
  }
  void store(CompletedTiles& completed) {
    for (auto& [id, tile] : completed) ASSERT_TRUE(tiles.emplace(id, tile).second) << tile_path(id) << " twice";
    completed.clear();
  }
  std::map<TileId, Tile> tiles;
};

Hash leaf_number(std::uint64_t i) {
  Sha256 sha;
  return sha.leaf({reinterpret_cast<const std::uint8_t*>(&i), sizeof i});
}

/// RFC 6962 section 2.1 word for word.
Hash naive_root(std::span<const Hash> leaves) {
  Sha256 sha;
  if (leaves.empty()) {
    sha.start();
    return sha.finish();
  }
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  return sha.node(naive_root(leaves.first(k)), naive_root(leaves.subspan(k)));
}

struct Grown {
  MerkleTree tree;
  MapTiles tiles;
  std::vector<Hash> leaves;
  CompletedTiles completed;

  void grow_to(std::uint64_t size) {
    while (leaves.size() < size) {
      leaves.push_back(leaf_number(leaves.size()));
      tree.append(leaves.back(), completed);
      tiles.store(completed);
    }
  }
  Hash oracle(std::size_t size) const { return naive_root(std::span(leaves).first(size)); }
};

TEST(MerkleTree, HasThePublishedRootsOfTheCertificateTransparencyLeaves) {
  const char* leaves[] = {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const std::map<std::size_t, const char*> roots = {
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
      {8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};
  MerkleTree tree;
  CompletedTiles completed;
  Sha256 sha;
  for (std::size_t size = 0;; ++size) {
    if (const auto known = roots.find(size); known != roots.end()) EXPECT_EQ(to_hex(tree.root()), known->second) << size;
    if (size == std::size(leaves)) break;
    std::string bytes;
    ASSERT_TRUE(from_hex(leaves[size], bytes));
    tree.append(sha.leaf({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}), completed);
  }
}

TEST(MerkleTree, RootsOfEverySizeAgreeWithTheOracle) {
  Grown grown;
  for (std::uint64_t size = 0; size <= 600; ++size) {
    grown.grow_to(size);
    ASSERT_EQ(grown.tree.root(), grown.oracle(size)) << size;
  }
  for (std::uint64_t size = 0; size <= 600; ++size) ASSERT_EQ(grown.tree.root_at(size, grown.tiles).value(), grown.oracle(size)) << size;
}

TEST(MerkleTree, EveryProofOfSmallTreesVerifies) {
  Grown grown;
  grown.grow_to(70);
  for (std::uint64_t size = 1; size <= 70; ++size) {
    const Hash root = grown.oracle(size);
    for (std::uint64_t leaf = 0; leaf < size; ++leaf) {
      const auto proof = grown.tree.inclusion_proof(leaf, size, grown.tiles).value();
      ASSERT_TRUE(verify_inclusion(grown.leaves[leaf], leaf, size, proof, root)) << leaf << " of " << size;
    }
    for (std::uint64_t old = 0; old <= size; ++old) {
      const auto proof = grown.tree.consistency_proof(old, size, grown.tiles).value();
      ASSERT_TRUE(verify_consistency(old, size, grown.oracle(old), root, proof)) << old << " to " << size;
    }
  }
}

TEST(MerkleTree, LargeTreesCrossTilesOfThreeLevels) {
  const test::SeedScope scope;
  test::Random random(1);
  Grown grown;
  grown.grow_to(66'000 + random.below(500));
  const std::uint64_t size = grown.leaves.size();
  EXPECT_EQ(grown.tiles.tiles.count({1, 0}), 1U);
  EXPECT_EQ(grown.tree.root(), grown.oracle(size));
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t at = 1 + random.below(size);
    const Hash root = grown.tree.root_at(at, grown.tiles).value();
    ASSERT_EQ(root, grown.oracle(at)) << at;
    const std::uint64_t leaf = random.below(at);
    ASSERT_TRUE(verify_inclusion(grown.leaves[leaf], leaf, at, grown.tree.inclusion_proof(leaf, at, grown.tiles).value(), root));
    const std::uint64_t old = random.below(at + 1);
    ASSERT_TRUE(verify_consistency(old, at, grown.tree.root_at(old, grown.tiles).value(), root,
                                   grown.tree.consistency_proof(old, at, grown.tiles).value()));
  }
}

TEST(MerkleTree, RestoredAtAnySizeItGrowsLikeTheOriginal) {
  Grown original;
  original.grow_to(66'200);
  for (const std::uint64_t size : {0ULL, 1ULL, 255ULL, 256ULL, 257ULL, 511ULL, 512ULL, 65'535ULL, 65'536ULL, 65'537ULL, 66'000ULL}) {
    MapTiles tiles;  // only what was complete at that size
    for (const auto& [id, tile] : original.tiles.tiles) {
      if ((id.index + 1) << (8 * (id.level + 1)) <= size) tiles.tiles.emplace(id, tile);
    }
    auto tree = MerkleTree::restore(size, tiles, [&](std::uint64_t i) -> Result<Hash> { return original.leaves[i]; }).value();
    ASSERT_EQ(tree.root(), original.oracle(size)) << size;
    CompletedTiles completed;
    for (std::uint64_t i = size; i < size + 200 && i < original.leaves.size(); ++i) {
      tree.append(original.leaves[i], completed);
      for (const auto& [id, tile] : completed) ASSERT_EQ(tile, original.tiles.tiles.at(id)) << tile_path(id);
      tiles.store(completed);
    }
    ASSERT_EQ(tree.root(), original.oracle(tree.size())) << size;
  }
}

TEST(MerkleTree, AMissingTileIsAnErrorThatNamesIt) {
  Grown grown;
  grown.grow_to(600);
  grown.tiles.tiles.erase({0, 1});
  const auto proof = grown.tree.inclusion_proof(300, 600, grown.tiles);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(proof.error().value, "tile/0/001");
}

TEST(MerkleTree, RefusesSizesAndLeavesThatAreNotThere) {
  Grown grown;
  grown.grow_to(5);
  EXPECT_FALSE(grown.tree.root_at(6, grown.tiles));
  EXPECT_FALSE(grown.tree.inclusion_proof(5, 5, grown.tiles));
  EXPECT_FALSE(grown.tree.inclusion_proof(0, 0, grown.tiles));
  EXPECT_FALSE(grown.tree.consistency_proof(4, 3, grown.tiles));
}

TEST(MerkleProof, AnyTamperingIsRefused) {
  const test::SeedScope scope;
  test::Random random(2);
  Grown grown;
  grown.grow_to(100);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t size = 2 + random.below(99);
    const std::uint64_t leaf = random.below(size);
    const Hash root = grown.oracle(size);
    auto proof = grown.tree.inclusion_proof(leaf, size, grown.tiles).value();
    ASSERT_FALSE(verify_inclusion(grown.leaves[leaf], (leaf + 1) % size, size, proof, root));
    ASSERT_FALSE(verify_inclusion(grown.leaves[(leaf + 1) % size], leaf, size, proof, root));
    ASSERT_FALSE(verify_inclusion(grown.leaves[leaf], leaf, leaf, proof, root));
    auto longer = proof;
    longer.push_back(root);
    ASSERT_FALSE(verify_inclusion(grown.leaves[leaf], leaf, size, longer, root));
    auto shorter = proof;
    shorter.pop_back();
    ASSERT_FALSE(verify_inclusion(grown.leaves[leaf], leaf, size, shorter, root));
    proof[random.below(proof.size())][random.below(32)] ^= static_cast<std::uint8_t>(1U << random.below(8));
    ASSERT_FALSE(verify_inclusion(grown.leaves[leaf], leaf, size, proof, root));

    const std::uint64_t old = 1 + random.below(size - 1);
    auto consistency = grown.tree.consistency_proof(old, size, grown.tiles).value();
    ASSERT_FALSE(verify_consistency(old, size, root, root, consistency));
    ASSERT_FALSE(verify_consistency(size, old, root, grown.oracle(old), consistency));
    consistency[random.below(consistency.size())][random.below(32)] ^= 1;
    ASSERT_FALSE(verify_consistency(old, size, grown.oracle(old), root, consistency));
  }
}

TEST(TilePath, IsThatOfC2sp) {
  EXPECT_EQ(tile_path({0, 0}), "tile/0/000");
  EXPECT_EQ(tile_path({0, 1234067}), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({2, 17}, 5), "tile/2/017.p/5");
}

}  // namespace
}  // namespace leaseledger
