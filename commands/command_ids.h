#pragma once
// Where the command handler looks up ids that were used before. The view behind it is projections/ (command_ids); what is
// not projected yet is kept by the handler itself.

#include "ledger/record.h"

#include <optional>
#include <string_view>
#include <utility>

namespace leaseledger {

class CommandIds {
 public:
  virtual ~CommandIds() = default;
  /// First and last record that carry this id of this principal, up to projected(); nullopt when there is none.
  virtual Result<std::optional<std::pair<Position, Position>>> find(std::string_view actor,
                                                                    const CommandId& id) const = 0;
  /// The greatest id, as 16 octets in order, that this principal has used up to projected(); nullopt when there is none. Ids
  /// that grow with time (UUID version 7) are then known to be new without a look-up. All ones says "look each one up".
  virtual Result<std::optional<CommandId>> greatest(std::string_view actor) const {
    (void)actor;
    CommandId all_ones;
    all_ones.fill(0xFF);
    return std::optional(all_ones);
  }
  /// Every record up to this position is known to find().
  virtual Position projected() const = 0;
};

}  // namespace leaseledger
