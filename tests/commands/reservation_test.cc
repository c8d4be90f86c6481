// The eviction table of reservations (commands/add_reservation.h; MS-DHCPM 3.2.4.60 and .62).

#include "tests/commands/book_fixture.h"

namespace leaseledger::test {
namespace {

class ReservationRules : public BookFixture {
 protected:
  Win32 reserve(const char* address, const char* client_duid, std::uint32_t iaid = 1) {
    return run(AddReservation{.subnet = prefix("2001:db8:1::/64"),
                              .key = key(address),
                              .duid = duid(client_duid),
                              .iaid = Iaid{iaid}});
  }
  LeaseState state(const char* address) {
    const auto lease = book_.find(key(address));
    return lease ? lease->lease.state : LeaseState::kEnded;
  }
};

TEST_F(ReservationRules, MakesARecordThatNobodyHoldsYet) {
  have_subnet();
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientCreated ReservationAdded");
  EXPECT_EQ(state("2001:db8:1::5"), LeaseState::kReserved);
  EXPECT_EQ(book_.usage(1).reserved, 1U);
  EXPECT_EQ(book_.usage(1).active, 0U);
}

TEST_F(ReservationRules, OneForEachAddressAndOneForEachClient) {
  have_subnet();
  reserve("2001:db8:1::5", "00:aa");
  EXPECT_EQ(reserve("2001:db8:1::5", "00:bb"), Win32::kDhcpReservedipExits);
  EXPECT_EQ(reserve("2001:db8:1::6", "00:aa"), Win32::kDhcpReservedipExits);
  EXPECT_EQ(reserve("2001:db8:1::6", "00:aa", 2), Win32::kSuccess);
}

TEST_F(ReservationRules, TheClientsOwnLeaseStaysAsItIs) {
  have_subnet();
  run(client("2001:db8:1::5", "00:aa"));
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kSuccess);
  EXPECT_EQ(facts(), "ReservationAdded");
  EXPECT_EQ(state("2001:db8:1::5"), LeaseState::kActive);
}

TEST_F(ReservationRules, TheClientsLeaseElsewhereIsDeleted) {
  have_subnet();
  run(client("2001:db8:1::9", "00:aa"));
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientDeleted ClientCreated ReservationAdded");
  EXPECT_EQ(state("2001:db8:1::9"), LeaseState::kEnded);
}

TEST_F(ReservationRules, TheClientsLeaseElsewhereThatIsReservedForAnotherIsInTheWay) {
  have_subnet();
  run(client("2001:db8:1::9", "00:bb"));
  reserve("2001:db8:1::9", "00:bb");
  run(SetClient{key("2001:db8:1::9"), duid("00:aa"), Iaid{1}, "", ""});
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kDhcpReservedipExits);
}

TEST_F(ReservationRules, AnotherClientsLeaseThereIsDeleted) {
  have_subnet();
  run(client("2001:db8:1::5", "00:bb"));
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientDeleted ClientCreated ReservationAdded");
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.duid, duid("00:aa"));
}

TEST_F(ReservationRules, OutsideOfTheSubnetItIsStoredAlone) {
  have_subnet();
  have_subnet("2001:db8:2::/64");
  EXPECT_EQ(reserve("2001:db8:2::5", "00:aa"), Win32::kSuccess);
  EXPECT_EQ(facts(), "ReservationAdded");
  EXPECT_FALSE(book_.find(key("2001:db8:2::5")));
}

TEST_F(ReservationRules, UnknownSubnetAndEmptyDuid) {
  EXPECT_EQ(reserve("2001:db8:1::5", "00:aa"), Win32::kFileNotFound);
  have_subnet();
  EXPECT_EQ(reserve("2001:db8:1::5", ""), Win32::kInvalidParameter);
}

TEST_F(ReservationRules, RemovalTakesTheRecordThatNobodyLeased) {
  have_subnet();
  reserve("2001:db8:1::5", "00:aa");
  EXPECT_EQ(run(RemoveReservation{prefix("2001:db8:1::/64"), key("2001:db8:1::5")}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientDeleted ReservationRemoved");
  EXPECT_EQ(run(RemoveReservation{prefix("2001:db8:1::/64"), key("2001:db8:1::5")}),
            Win32::kFileNotFound);
  EXPECT_EQ(run(RemoveReservation{prefix("2001:db8:3::/64"), key("2001:db8:1::5")}),
            Win32::kFileNotFound);
}

TEST_F(ReservationRules, RemovalLeavesAnActiveLease) {
  have_subnet();
  run(client("2001:db8:1::5", "00:aa"));
  reserve("2001:db8:1::5", "00:aa");
  EXPECT_EQ(run(RemoveReservation{prefix("2001:db8:1::/64"), key("2001:db8:1::5")}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "ReservationRemoved");
  EXPECT_EQ(state("2001:db8:1::5"), LeaseState::kActive);
}

TEST_F(ReservationRules, ItsClientLeasesAndGivesBackAndItIsReservedAgain) {
  have_subnet();
  reserve("2001:db8:1::5", "00:aa");
  EXPECT_EQ(run(RenewLease{.key = key("2001:db8:1::5"), .duid = duid("00:aa"), .iaid = Iaid{1}}),
            Win32::kSuccess);
  EXPECT_EQ(state("2001:db8:1::5"), LeaseState::kActive);
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.tenure, book_.position())
      << "the holding begins now";
  EXPECT_EQ(run(ReleaseLease{.key = key("2001:db8:1::5"), .duid = duid("00:aa"), .iaid = Iaid{1}}),
            Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseReleased ClientCreated");
  EXPECT_EQ(state("2001:db8:1::5"), LeaseState::kReserved);
}

TEST_F(ReservationRules, DeleteClientRefusesAReservedAddress) {
  have_subnet();
  reserve("2001:db8:1::5", "00:aa");
  EXPECT_EQ(run(DeleteClient{key("2001:db8:1::5")}), Win32::kDhcpReservedipExits);
  EXPECT_EQ(run(DeleteClient{key("2001:db8:1::7")}), Win32::kDhcpJetError);
}

}  // namespace
}  // namespace leaseledger::test
