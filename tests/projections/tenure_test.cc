// Spans from facts: contiguous renewals are one, and everything that can end a hold.

#include "projections/tenure.h"

#include <gtest/gtest.h>

namespace leaseledger {
namespace {

Instant at(int seconds) { return Instant{std::chrono::seconds{1'770'000'000 + seconds}}; }
const LeaseKey kKey = parse_lease_key("2001:db8:1::5").value();

class Facts {
 public:
  Facts& add(EventKind kind, int effective, int valid_until, LeaseState state = LeaseState::kActive,
             bool begins = false) {
    ++position_;
    if (begins) tenure_ = position_;
    builder_.add({position_, kind, state, at(effective), at(valid_until), tenure_, 1});
    return *this;
  }
  Facts& created(int effective, int valid_until) {
    return add(EventKind::kClientCreated, effective, valid_until, LeaseState::kActive, true);
  }
  Facts& renewed(int effective, int valid_until) {
    return add(EventKind::kLeaseRenewed, effective, valid_until);
  }
  std::vector<Span> spans() { return builder_.take(); }

 private:
  SpanBuilder builder_{kKey};
  Position position_ = 0;
  Position tenure_ = 0;
};

TEST(Tenure, RenewalsAreOneSpan) {
  const auto spans = Facts()
                         .created(0, 100)
                         .renewed(50, 150)
                         .renewed(100, 200)
                         .add(EventKind::kLeaseReleased, 120, 200)
                         .spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].from, at(0));
  EXPECT_EQ(spans[0].until, at(120));
  EXPECT_EQ(spans[0].renewals, 2U);
  EXPECT_EQ(spans[0].first, 1U);
  EXPECT_EQ(spans[0].last_renewal, 3U);
  EXPECT_EQ(spans[0].end, 4U);
  EXPECT_EQ(spans[0].ended_by, EventKind::kLeaseReleased);
}

TEST(Tenure, WithoutAnEndItRunsToItsValidLifetime) {
  const auto spans = Facts().created(0, 100).spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].until, at(100));
  EXPECT_EQ(spans[0].end, 0U);
  EXPECT_FALSE(spans[0].lapsed(at(99)));
  EXPECT_TRUE(spans[0].lapsed(at(100)));
  EXPECT_TRUE(spans[0].covers(at(99)));
  EXPECT_FALSE(spans[0].covers(at(100))) << "half-open";
}

TEST(Tenure, AnEndRecordedLateDoesNotMakeItLonger) {
  const auto spans =
      Facts().created(0, 100).add(EventKind::kLeaseExpired, 500, 100).created(600, 700).spans();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].until, at(100));
  EXPECT_EQ(spans[1].from, at(600));
}

TEST(Tenure, ADeclineEndsItAndIsNobodys) {
  const auto spans = Facts()
                         .created(0, 100)
                         .add(EventKind::kLeaseDeclined, 40, 900, LeaseState::kDeclined)
                         .add(EventKind::kLeaseRenewed, 60, 990, LeaseState::kDeclined)
                         .add(EventKind::kLeaseExpired, 990, 990, LeaseState::kDeclined)
                         .spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].until, at(40));
  EXPECT_EQ(spans[0].ended_by, EventKind::kLeaseDeclined);
}

TEST(Tenure, AReservedRecordIsHeldFromItsFirstRenewalOn) {
  const auto spans = Facts()
                         .add(EventKind::kClientCreated, 0, 100000, LeaseState::kReserved, true)
                         .add(EventKind::kLeaseRenewed, 50, 150, LeaseState::kActive, true)
                         .renewed(100, 200)
                         .spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].from, at(50));
  EXPECT_EQ(spans[0].first, 2U);
  EXPECT_EQ(spans[0].renewals, 1U);
}

TEST(Tenure, AnotherIdentityIsAnotherHoldANewNameIsNot) {
  const auto spans = Facts()
                         .created(0, 100)
                         .add(EventKind::kClientChanged, 20, 100)
                         .add(EventKind::kClientChanged, 30, 100, LeaseState::kActive, true)
                         .spans();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].until, at(30));
  EXPECT_EQ(spans[1].from, at(30));
  EXPECT_EQ(spans[1].until, at(100));
}

TEST(Tenure, ARenewalMayShorten) {
  const auto spans = Facts().created(0, 100).renewed(10, 30).spans();
  EXPECT_EQ(spans[0].until, at(30));
}

TEST(Tenure, ARenewalAfterItHadLapsedLeavesAGap) {
  const auto spans = Facts()
                         .created(0, 100)
                         .renewed(150, 250)
                         .renewed(200, 300)
                         .add(EventKind::kLeaseReleased, 260, 300)
                         .spans();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].until, at(100));
  EXPECT_EQ(spans[0].end, 0U) << "it ran out, no record ended it";
  EXPECT_EQ(spans[1].from, at(150));
  EXPECT_EQ(spans[1].until, at(260));
  EXPECT_EQ(spans[1].tenure, 1U) << "of the same tenure";
  EXPECT_EQ(spans[1].first, 2U);
  EXPECT_EQ(spans[1].renewals, 1U);
}

TEST(Tenure, ALateRenewalClosesTheGap) {
  const auto spans = Facts().created(0, 100).renewed(150, 250).renewed(90, 280).spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].from, at(0));
  EXPECT_EQ(spans[0].until, at(280));
  EXPECT_EQ(spans[0].first, 1U);
  EXPECT_EQ(spans[0].renewals, 2U);
}

TEST(Tenure, AnEndDatedBeforeTheGapEndsBothSides) {
  const auto spans =
      Facts().created(0, 100).renewed(150, 250).add(EventKind::kLeaseReleased, 60, 250).spans();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].until, at(60));
  EXPECT_EQ(spans[1].from, spans[1].until) << "nothing is left of it";
}

TEST(Tenure, ItsLastRecordIsTheOneThatDescribesItLast) {
  const auto spans =
      Facts().created(0, 100).renewed(50, 150).add(EventKind::kClientChanged, 60, 150).spans();
  EXPECT_EQ(spans[0].last_renewal, 2U);
  EXPECT_EQ(spans[0].last, 3U);
}

TEST(Tenure, NeverEndsBeforeItBegan) {
  const auto spans = Facts().created(100, 200).add(EventKind::kLeaseReleased, 50, 200).spans();
  EXPECT_EQ(spans[0].from, spans[0].until)
      << "an end dated before the beginning leaves nothing, not less";
}

TEST(Tenure, RefusalsAmongTheFactsArePassedOver) {
  const auto spans =
      Facts().created(0, 100).add(EventKind::kCommandRefused, 10, 0).renewed(50, 150).spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].renewals, 1U);
}

}  // namespace
}  // namespace leaseledger
