#pragma once
// Checking proofs: pure functions that need nothing of the ledger, for an auditor's own program.

#include <cstdint>
#include <span>

#include "ledger/sha256.h"

namespace leaseledger {

/// True when `proof` shows that `leaf` is number `leaf_index` of the tree with `tree_size` leaves and this root.
/// Source: RFC 9162 section 2.1.3.2 (the algorithm; the tree is that of RFC 6962).
bool verify_inclusion(const Hash& leaf, std::uint64_t leaf_index, std::uint64_t tree_size, std::span<const Hash> proof, const Hash& root);

/// True when `proof` shows that the tree of `old_size` leaves with `old_root` is the beginning of the tree of `new_size`
/// leaves with `new_root`. Every tree begins with the empty one.
/// Source: RFC 9162 section 2.1.4.2.
bool verify_consistency(std::uint64_t old_size, std::uint64_t new_size, const Hash& old_root, const Hash& new_root,
                        std::span<const Hash> proof);

}  // namespace leaseledger
