#pragma once
// How long somebody held a key: the facts about one lease key, folded to spans. Contiguous renewals are one span; a renewal
// that took effect after the lifetime was over begins another span of the same tenure, because nobody held the key between.
// Flow: views.h -> [tenure.h] -> queries.h

#include "projections/views.h"

#include <optional>
#include <vector>

namespace leaseledger {

/// One unbroken hold of a key by one client. Half-open: [from, until).
struct Span {
  LeaseKey key;
  SubnetId subnet_id = 0;
  Instant from{};
  /// When it ended; for one that is running, the end of the valid lifetime that was promised.
  Instant until{};
  Position tenure = 0;  ///< Lease::tenure of its facts.
  Position first = 0;   ///< the record with which it began: the client is there.
  Position last =
      0;  ///< the last record about it that did not end it: who and what it was is there.
  Position last_renewal = 0;  ///< the last record that kept it; `first` when there was none.
  Position end = 0;           ///< the record that ended it; 0 when none did.
  EventKind ended_by = EventKind::
      kUnknown;  ///< kind of that record; kUnknown: it runs, or ran out without a record.
  std::uint64_t renewals = 0;

  bool covers(Instant time) const { return from <= time && time < until; }
  /// At `now`, with nothing recorded that ended it: does it still run, or has its valid lifetime passed?
  bool lapsed(Instant now) const { return end == 0 && until <= now; }
};

/// Folds entries of one key, given in log order. Refusals and the like among them are passed over.
/// A lease that is over is not held, whether or not its expiry was recorded; declined and reserved records are nobody's.
class SpanBuilder {
 public:
  explicit SpanBuilder(const LeaseKey& key) : key_(key) {}
  void add(const LeaseEntry& entry);
  /// In log order.
  std::vector<Span> take();

 private:
  void begin(const LeaseEntry& entry);
  void renew(const LeaseEntry& entry);
  void close_gaps();
  void finish(const LeaseEntry& entry);

  LeaseKey key_;
  std::vector<Span> done_;
  std::optional<Span> current_;
};

}  // namespace leaseledger
