#include "projections/tenure.h"

#include <algorithm>
#include <utility>

namespace leaseledger {

void SpanBuilder::add(const LeaseEntry& entry) {
  const bool active = entry.state == LeaseState::kActive;
  const bool begins = entry.tenure == entry.position;
  switch (entry.kind) {
    case EventKind::kClientCreated:
      finish(entry);  // nothing is open in a sound log
      if (active) begin(entry);
      break;
    case EventKind::kLeaseRenewed:
      if (!active) break;  // a longer probation after a decline
      if (begins || !current_) {
        begin(entry);
      } else {
        renew(entry);
      }
      break;
    case EventKind::kClientChanged:
      if (!active) break;
      if (begins) {  // another client from now on
        finish(entry);
        begin(entry);
      } else if (current_) {
        current_->last = entry.position;
      }
      break;
    case EventKind::kLeaseReleased:
    case EventKind::kLeaseExpired:
    case EventKind::kClientDeleted:
    case EventKind::kLeaseDeclined:
      finish(entry);
      break;
    default:
      break;
  }
}

void SpanBuilder::begin(const LeaseEntry& entry) {
  Span span;
  span.key = key_;
  span.subnet_id = entry.subnet_id;
  span.from = entry.effective_at;
  span.until = std::max(entry.effective_at, entry.valid_until);
  span.tenure = entry.tenure;
  span.first = span.last = span.last_renewal = entry.position;
  current_ = span;
}

void SpanBuilder::renew(const LeaseEntry& entry) {
  if (entry.effective_at > current_->until) {  // it had lapsed
    done_.push_back(*current_);
    begin(entry);
    return;
  }
  const bool after_a_gap = current_->first != current_->tenure;
  if (after_a_gap) current_->from = std::min(current_->from, entry.effective_at);
  current_->until = std::max(current_->from, entry.valid_until);
  current_->last = current_->last_renewal = entry.position;
  ++current_->renewals;
  if (after_a_gap) close_gaps();
}

/// A renewal that was recorded late may reach back to where the span before had lapsed: then there was no gap.
void SpanBuilder::close_gaps() {
  while (!done_.empty() && done_.back().tenure == current_->tenure &&
         done_.back().until >= current_->from) {
    const Span& before = done_.back();
    current_->from = std::min(current_->from, before.from);
    current_->first = before.first;
    current_->renewals += before.renewals + 1;
    done_.pop_back();
  }
}

void SpanBuilder::finish(const LeaseEntry& entry) {
  if (!current_) return;
  const auto cut = [&](Span& span) {
    span.until = std::max(span.from, std::min(span.until, entry.effective_at));
  };
  cut(*current_);
  // An end that is dated before a gap ends what was before the gap as well.
  for (auto span = done_.rbegin(); span != done_.rend() && span->tenure == current_->tenure; ++span)
    cut(*span);
  current_->end = entry.position;
  current_->ended_by = entry.kind;
  done_.push_back(*std::exchange(current_, std::nullopt));
}

std::vector<Span> SpanBuilder::take() {
  if (current_) done_.push_back(*std::exchange(current_, std::nullopt));
  return std::exchange(done_, {});
}

}  // namespace leaseledger
