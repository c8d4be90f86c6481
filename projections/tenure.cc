#include "projections/tenure.h"

#include <algorithm>
#include <utility>

namespace leaseledger {

void SpanBuilder::begin(const LeaseEntry& entry) {
  Span span;
  span.key = key_;
  span.subnet_id = entry.subnet_id;
  span.from = entry.effective_at;
  span.until = std::max(entry.effective_at, entry.valid_until);
  span.first = span.last_renewal = entry.position;
  current_ = span;
}

void SpanBuilder::finish(const LeaseEntry& entry, EventKind kind) {
  if (!current_) return;
  current_->until = std::max(current_->from, std::min(current_->until, entry.effective_at));
  current_->end = entry.position;
  current_->ended_by = kind;
  done_.push_back(*std::exchange(current_, std::nullopt));
}

void SpanBuilder::add(const LeaseEntry& entry) {
  const bool begins = entry.tenure == entry.position;
  switch (entry.kind) {
    case EventKind::kClientCreated:
      finish(entry, entry.kind);  // nothing is open in a sound log
      if (entry.state == LeaseState::kActive) begin(entry);
      break;
    case EventKind::kLeaseRenewed:
      if (entry.state != LeaseState::kActive) break;  // a longer probation after a decline
      if (begins || !current_) {
        begin(entry);
      } else {
        current_->until = std::max(current_->from, entry.valid_until);
        current_->last_renewal = entry.position;
        ++current_->renewals;
      }
      break;
    case EventKind::kClientChanged:
      if (begins && entry.state == LeaseState::kActive) {  // another client from now on
        const Instant valid_until = entry.valid_until;
        finish(entry, entry.kind);
        begin(entry);
        current_->until = std::max(current_->from, valid_until);
      }
      break;
    case EventKind::kLeaseReleased:
    case EventKind::kLeaseExpired:
    case EventKind::kClientDeleted:
    case EventKind::kLeaseDeclined:
      finish(entry, entry.kind);
      break;
    default:
      break;
  }
}

std::vector<Span> SpanBuilder::take() {
  if (current_) done_.push_back(*std::exchange(current_, std::nullopt));
  return std::exchange(done_, {});
}

}  // namespace leaseledger
