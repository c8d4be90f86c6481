// What happens to a lease after it was created: renew, release, decline, expire, set, delete, and what servers report.

#include "tests/commands/book_fixture.h"

namespace leaseledger::test {
namespace {

class LeaseRules : public BookFixture {
 protected:
  void SetUp() override {
    have_subnet();
    auto one = client("2001:db8:1::5", "00:aa");
    one.valid_until = now_ + std::chrono::hours{1};
    ASSERT_EQ(run(one), Win32::kSuccess);
  }
  static RenewLease renewal(const char* address, const char* client_duid) {
    return {.key = key(address),
            .duid = duid(client_duid),
            .iaid = Iaid{1},
            .type = {},
            .preferred_lifetime = Lifetime{60},
            .valid_lifetime = Lifetime{120}};
  }
  const Lease lease(const char* address = "2001:db8:1::5") {
    return book_.find(key(address)).value().lease;
  }
};

TEST_F(LeaseRules, RenewalKeepsTheTenureAndCountsFromNow) {
  const Position tenure = lease().tenure;
  advance(std::chrono::minutes{10});
  EXPECT_EQ(run(renewal("2001:db8:1::5", "00:aa")), Win32::kSuccess);
  EXPECT_EQ(lease().tenure, tenure);
  EXPECT_EQ(lease().valid_until, now_ + std::chrono::seconds{120});
  EXPECT_EQ(lease().preferred_until, now_ + std::chrono::seconds{60});
}

TEST_F(LeaseRules, RenewalOfNothingOfAnothersAndOfWhatIsOver) {
  EXPECT_EQ(run(renewal("2001:db8:1::6", "00:aa")), Win32::kNotFound);
  EXPECT_EQ(run(renewal("2001:db8:1::5", "00:bb")), Win32::kDhcpIpAddressInUse);
  EXPECT_EQ(error_.kind, ErrorKind::kConflict);
  advance(std::chrono::hours{1});
  EXPECT_EQ(run(renewal("2001:db8:1::5", "00:aa")), Win32::kNotFound) << "it was over";
}

TEST_F(LeaseRules, LifetimesOfARenewalMustMakeSense) {
  auto bad = renewal("2001:db8:1::5", "00:aa");
  bad.preferred_lifetime = Lifetime{121};
  EXPECT_EQ(run(bad), Win32::kInvalidParameter);
  bad.valid_lifetime = Lifetime{0};
  EXPECT_EQ(run(bad), Win32::kInvalidParameter);
  auto forever = renewal("2001:db8:1::5", "00:aa");
  forever.valid_lifetime = kInfiniteLifetime;
  EXPECT_EQ(run(forever), Win32::kSuccess);
  EXPECT_EQ(lease().valid_until, kForever);
}

TEST_F(LeaseRules, ReleaseEndsItOnce) {
  const ReleaseLease release{.key = key("2001:db8:1::5"), .duid = duid("00:aa"), .iaid = Iaid{1}};
  EXPECT_EQ(run(release), Win32::kSuccess);
  EXPECT_EQ(book_.lease_count(), 0U);
  EXPECT_EQ(book_.usage(1).released, 1U);
  EXPECT_EQ(run(release), Win32::kNotFound);
}

TEST_F(LeaseRules, DeclineSetsTheAddressAsideUntilTheProbationIsOver) {
  DeclineLease decline{.key = key("2001:db8:1::5"), .duid = duid("00:aa"), .iaid = Iaid{1}};
  decline.probation = Lifetime{600};
  EXPECT_EQ(run(decline), Win32::kSuccess);
  EXPECT_EQ(lease().state, LeaseState::kDeclined);
  EXPECT_EQ(book_.usage(1).declined, 1U);
  EXPECT_EQ(run(decline), Win32::kNotFound) << "nobody holds it any more";
  advance(std::chrono::seconds{599});
  EXPECT_EQ(run(ExpireLeases{}), Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  advance(std::chrono::seconds{1});
  EXPECT_EQ(run(ExpireLeases{}), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseExpired");
  EXPECT_EQ(run(client("2001:db8:1::5", "00:bb")), Win32::kSuccess);
}

TEST_F(LeaseRules, PrefixesAreNotDeclined) {
  EXPECT_EQ(run(DeclineLease{.key = key("2001:db8:1:0:8000::/80"), .duid = duid("00:aa")}),
            Win32::kInvalidParameter);
}

TEST_F(LeaseRules, ExpiryTakesTheSoonestFirstAndKeepsToTheLimit) {
  for (int i = 0; i < 5; ++i) {
    CreateClient each = client("2001:db8:1::100", "00:00");
    each.key.address.low += static_cast<std::uint64_t>(i);
    each.iaid = Iaid{static_cast<std::uint32_t>(i + 10)};
    each.valid_until = now_ + std::chrono::minutes{10 - i};
    ASSERT_EQ(run(each), Win32::kSuccess);
  }
  advance(std::chrono::minutes{10});
  EXPECT_EQ(run(ExpireLeases{.grace = Lifetime{0}, .limit = 2}), Win32::kSuccess);
  ASSERT_EQ(facts_.size(), 2U);
  EXPECT_EQ(facts_[0].effective_at, now_ - std::chrono::minutes{4});
  EXPECT_EQ(facts_[1].effective_at, now_ - std::chrono::minutes{3});
  run(ExpireLeases{.grace = Lifetime{90}, .limit = 10});
  EXPECT_EQ(facts_.size(), 1U) << "grace leaves the two newest alone";
  run(ExpireLeases{});
  EXPECT_EQ(facts_.size(), 2U);
  EXPECT_EQ(run(ExpireLeases{.grace = Lifetime{0}, .limit = 0}), Win32::kInvalidParameter);
}

TEST_F(LeaseRules, ARenewedLeaseIsNotExpiredAtItsOldTime) {
  advance(std::chrono::minutes{50});
  auto longer = renewal("2001:db8:1::5", "00:aa");
  longer.valid_lifetime = Lifetime{7200};
  run(longer);
  advance(std::chrono::minutes{20});
  run(ExpireLeases{});
  EXPECT_EQ(facts(), "");
  advance(std::chrono::hours{2});
  run(ExpireLeases{});
  EXPECT_EQ(facts(), "LeaseExpired");
}

TEST_F(LeaseRules, AShortenedLeaseIsExpiredAtItsNewTime) {
  run(renewal("2001:db8:1::5", "00:aa"));
  advance(std::chrono::seconds{120});
  run(ExpireLeases{});
  EXPECT_EQ(facts(), "LeaseExpired");
}

TEST_F(LeaseRules, SetEditsNameAndIdentityAndNothingElse) {
  const Lease before = lease();
  EXPECT_EQ(run(SetClient{key("2001:db8:1::5"), duid("00:aa"), Iaid{1}, "printer", "2nd floor"}),
            Win32::kSuccess);
  EXPECT_EQ(lease().valid_until, before.valid_until);
  EXPECT_EQ(lease().tenure, before.tenure);
  EXPECT_EQ(lease().described, book_.position());
  EXPECT_EQ(run(SetClient{key("2001:db8:1::5"), duid("00:bb"), Iaid{2}, "printer", ""}),
            Win32::kSuccess);
  EXPECT_EQ(lease().duid, duid("00:bb"));
  EXPECT_EQ(lease().tenure, book_.position()) << "another holder: another tenure";
}

TEST_F(LeaseRules, SetChecksInTheOrderOfTheDocument) {
  EXPECT_EQ(run(SetClient{key("2001:db8:9::5"), Duid{}, Iaid{1}, "", ""}), Win32::kFileNotFound);
  EXPECT_EQ(run(SetClient{key("2001:db8:1::7"), Duid{}, Iaid{1}, "", ""}), Win32::kFileNotFound);
  EXPECT_EQ(run(SetClient{key("2001:db8:1::5"), Duid{}, Iaid{1}, "", ""}),
            Win32::kInvalidParameter);
}

// ---- reports, row by row of commands/report_lease.h ----

TEST_F(LeaseRules, ReportCreatesWhatIsNotThere) {
  EXPECT_EQ(run(report("2001:db8:1::6", "00:bb")), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientCreated");
}

TEST_F(LeaseRules, ReportRenewsTheSameClient) {
  advance(std::chrono::minutes{5});
  EXPECT_EQ(run(report("2001:db8:1::5", "00:aa")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseRenewed");
  EXPECT_EQ(lease().valid_until, now_ + std::chrono::hours{1});
}

TEST_F(LeaseRules, ReportAfterTheEndIsANewHolding) {
  const Position tenure = lease().tenure;
  advance(std::chrono::hours{2});
  EXPECT_EQ(run(report("2001:db8:1::5", "00:aa")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseExpired ClientCreated");
  EXPECT_NE(lease().tenure, tenure);
}

TEST_F(LeaseRules, ReportTakesOverFromAnotherClient) {
  advance(std::chrono::minutes{5});
  EXPECT_EQ(run(report("2001:db8:1::5", "00:bb")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseReleased ClientCreated");
  EXPECT_EQ(std::get<LeaseReleased>(facts_[0].event).reason, Reason::kReplaced);
  EXPECT_EQ(lease().duid, duid("00:bb"));
}

TEST_F(LeaseRules, ReportTakesOverAfterTheEnd) {
  advance(std::chrono::hours{2});
  EXPECT_EQ(run(report("2001:db8:1::5", "00:bb")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseExpired ClientCreated");
}

TEST_F(LeaseRules, ReportOfAClientsSecondAddressIsAFactToo) {
  EXPECT_EQ(run(report("2001:db8:1::6", "00:aa")), Win32::kSuccess);
  EXPECT_EQ(book_.leases_of(1, duid("00:aa"), Iaid{1}, LeaseType::kNa).size(), 2U);
}

TEST_F(LeaseRules, ReportTurnsAReservedRecordIntoALease) {
  run(AddReservation{.subnet = prefix("2001:db8:1::/64"),
                     .key = key("2001:db8:1::9"),
                     .duid = duid("00:cc"),
                     .iaid = Iaid{1}});
  EXPECT_EQ(run(report("2001:db8:1::9", "00:cc")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseRenewed");
  EXPECT_EQ(lease("2001:db8:1::9").state, LeaseState::kActive);
  EXPECT_EQ(lease("2001:db8:1::9").tenure, book_.position());
}

TEST_F(LeaseRules, ReportedReleaseAndExpiryEndTheClientsLeaseOnly) {
  EXPECT_EQ(run(report("2001:db8:1::5", "00:bb", ReportedState::kReleased)), Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  EXPECT_EQ(run(report("2001:db8:1::7", "00:bb", ReportedState::kExpired)), Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  EXPECT_EQ(run(report("2001:db8:1::5", "00:aa", ReportedState::kReleased)), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseReleased");
}

TEST_F(LeaseRules, AReportedReleaseAfterTheEndIsAnExpiryAtTheEnd) {
  const Instant end = lease().valid_until;
  advance(std::chrono::hours{3});
  run(report("2001:db8:1::5", "00:aa", ReportedState::kReleased));
  EXPECT_EQ(facts(), "LeaseExpired");
  EXPECT_EQ(facts_[0].effective_at, end);
}

TEST_F(LeaseRules, AReportedDeclineKeepsTheClientThatTheLedgerKnows) {
  auto decline = report("2001:db8:1::5", "", ReportedState::kDeclined);
  EXPECT_EQ(run(decline), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseDeclined");
  EXPECT_EQ(lease().duid, duid("00:aa"));
  EXPECT_EQ(lease().state, LeaseState::kDeclined);
  EXPECT_EQ(run(decline), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseRenewed") << "a longer probation";
  EXPECT_EQ(lease().state, LeaseState::kDeclined);
}

TEST_F(LeaseRules, AReportedDeclineOfAnUnknownAddressIsKept) {
  EXPECT_EQ(run(report("2001:db8:1::8", "", ReportedState::kDeclined)), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseDeclined");
  EXPECT_EQ(book_.usage(1).declined, 1U);
}

TEST_F(LeaseRules, LateReportsNeverEndOrShortenWhatCameLater) {
  const Instant begin = now_;
  advance(std::chrono::minutes{30});
  run(report("2001:db8:1::5", "00:aa"));  // renewed now, until +1.5 h
  const Lease renewed = lease();
  EXPECT_EQ(run_at(report("2001:db8:1::5", "00:aa", ReportedState::kReleased),
                   begin + std::chrono::minutes{10}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  EXPECT_EQ(run_at(report("2001:db8:1::5", "00:aa"), begin + std::chrono::minutes{10}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "") << "an older renewal that would end sooner";
  EXPECT_EQ(run_at(report("2001:db8:1::5", "00:bb"), begin + std::chrono::minutes{10}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "") << "another client, but before";
  EXPECT_EQ(run_at(report("2001:db8:1::5", "", ReportedState::kDeclined),
                   begin + std::chrono::minutes{10}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  EXPECT_EQ(lease(), renewed);
}

TEST_F(LeaseRules, ReportsAreCheckedForTheirShape) {
  EXPECT_EQ(run(report("2001:db8:1::6", "")), Win32::kInvalidParameter);
  EXPECT_EQ(run(report("2001:db8:1::6", "00:aa", ReportedState::kActive, 0)),
            Win32::kInvalidParameter);
  EXPECT_EQ(run(report("2001:db8:1:0:8000::/80", "", ReportedState::kDeclined)),
            Win32::kInvalidParameter);
  auto bad = report("2001:db8:1::6", "00:aa");
  bad.hardware_address = "zz";
  EXPECT_EQ(run(bad), Win32::kInvalidParameter);
  EXPECT_EQ(run(report("2001:db8:9::6", "00:aa")), Win32::kDhcpSubnetNotPresent);
}

}  // namespace
}  // namespace leaseledger::test
