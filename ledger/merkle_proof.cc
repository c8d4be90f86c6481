#include "ledger/merkle_proof.h"

#include <bit>

namespace leaseledger {

bool verify_inclusion(const Hash& leaf, std::uint64_t leaf_index, std::uint64_t tree_size,
                      std::span<const Hash> proof, const Hash& root) {
  if (leaf_index >= tree_size) return false;
  Sha256 sha;
  std::uint64_t node = leaf_index;
  std::uint64_t last = tree_size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = sha.node(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = sha.node(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool verify_consistency(std::uint64_t old_size, std::uint64_t new_size, const Hash& old_root,
                        const Hash& new_root, std::span<const Hash> proof) {
  if (old_size > new_size) return false;
  Sha256 sha;
  if (old_size == 0) {
    sha.start();
    return proof.empty() && old_root == sha.finish() && (new_size != 0 || new_root == old_root);
  }
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  const bool whole = std::has_single_bit(old_size);
  if (proof.empty()) return false;
  std::uint64_t node = old_size - 1;
  std::uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  Hash old_hash = whole ? old_root : proof.front();
  Hash new_hash = old_hash;
  for (const Hash& hash : whole ? proof : proof.subspan(1)) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = sha.node(hash, old_hash);
      new_hash = sha.node(hash, new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = sha.node(new_hash, hash);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root;
}

}  // namespace leaseledger
