#pragma once
// Checking proofs: pure functions that need nothing of the ledger, for an auditor's own program.
// A proof binds hashes to a root; it binds a size only as far as the size shapes the tree. So take
// size and root from one tree head, and never the size from whoever sent the proof: the proof of
// leaf 0 in a tree of 3 has the same two steps as in a tree of 4, and is accepted for either size
// with the root of the tree of 3.
//
// Flow: merkle_tree.h -> a proof, on any road -> [merkle_proof.h]

#include "ledger/sha256.h"

#include <cstdint>
#include <span>

namespace leaseledger {

/// True when `proof` shows that `leaf` is number `leaf_index` of the tree with `tree_size` leaves
/// and this root. False for an index outside the tree and for a proof of another length than the
/// path to that leaf has.
///
/// Source: RFC 9162 section 2.1.3.2 (the algorithm; the tree is that of RFC 6962).
bool verify_inclusion(const Hash& leaf, std::uint64_t leaf_index, std::uint64_t tree_size,
                      std::span<const Hash> proof, const Hash& root);

/// True when `proof` shows that the tree of `old_size` leaves with `old_root` is the beginning of
/// the tree of `new_size` leaves with `new_root`. False when old_size > new_size, and for a proof
/// of the wrong length. Every tree begins with the empty one: for old_size 0 the proof is empty,
/// old_root is that of the empty tree, and new_root is not looked at unless new_size is 0, too.
///
/// Source: RFC 9162 section 2.1.4.2.
bool verify_consistency(std::uint64_t old_size, std::uint64_t new_size, const Hash& old_root,
                        const Hash& new_root, std::span<const Hash> proof);

}  // namespace leaseledger
