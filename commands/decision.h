#pragma once
// What decide() gives back: the facts that a command leads to.
// Flow: command.h -> decide() -> [decision.h] -> command_handler.h

#include "ledger/event.h"
#include "ledger/instant.h"

#include <utility>
#include <vector>

namespace leaseledger {

/// The two times that a decision may use. Time enters here and nowhere else.
struct Moment {
  Instant now{};  ///< when the ledger takes the command.
  Instant at{};  ///< when it took effect where it happened; `now` unless the caller said otherwise.
};

struct PendingEvent {
  Event event;
  Instant effective_at = kUnset;  ///< kUnset stands for Moment::at.
};

/// Facts in the order in which they happened. Reused from command to command: clear() keeps the memory.
class Decision {
 public:
  template <typename Fact>
  void add(Fact fact, Instant effective_at = kUnset) {
    PendingEvent& pending = events_.emplace_back();  // built in its place: facts are large
    pending.event.emplace<Fact>(std::move(fact));
    pending.effective_at = effective_at;
  }
  void clear() { events_.clear(); }
  const std::vector<PendingEvent>& events() const { return events_; }

 private:
  std::vector<PendingEvent> events_;
};

}  // namespace leaseledger
