#include "ledger/expiry_summary.h"

namespace leaseledger {

void ExpirySummary::grow(std::uint32_t block) {
  while (blocks_.size() <= block) {
    const std::uint32_t added = blocks_.append();
    *reinterpret_cast<std::int64_t*>(blocks_.edit(added)) = kNever;
  }
  groups_.resize(blocks_.size() / kGroupBlocks + 1, kNever);
}

}  // namespace leaseledger
