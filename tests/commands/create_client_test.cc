// The seed's rules, row by row (commands/create_client.h; MS-DHCPM 3.2.4.125).

#include "tests/commands/book_fixture.h"

namespace leaseledger::test {
namespace {

class CreateClientRules : public BookFixture {};

TEST_F(CreateClientRules, AcceptsAddressDuidAndIaidAlone) {
  have_subnet();
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:02", 0)), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientCreated");
  const auto lease = book_.find(key("2001:db8:1::5")).value();
  EXPECT_EQ(lease.lease.state, LeaseState::kActive);
  EXPECT_EQ(lease.lease.type, LeaseType::kNa);
  EXPECT_EQ(lease.lease.duid, duid("00:01:02"));
  EXPECT_EQ(lease.lease.tenure, lease.last);
}

TEST_F(CreateClientRules, RefusesAnEmptyDuidBeforeItLooksForTheSubnet) {
  EXPECT_EQ(run(client("2001:db8:1::5", "")), Win32::kInvalidParameter);
  EXPECT_EQ(error_.field, "duid");
}

TEST_F(CreateClientRules, RefusesAnAddressOutsideOfEverySubnetBeforeItLooksForDuplicates) {
  have_subnet();
  EXPECT_EQ(run(client("2001:db8:2::5", "00:01:02")), Win32::kDhcpSubnetNotPresent);
  EXPECT_EQ(error_.field, "address");
}

TEST_F(CreateClientRules, RefusesTheSameAddressAndSaysWhichLegMatched) {
  have_subnet();
  run(client("2001:db8:1::5", "00:01:02"));
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:03")), Win32::kDhcpClientExists);
  EXPECT_EQ(error_.field, "address");
}

TEST_F(CreateClientRules, RefusesTheSameClientInTheSameSubnet) {
  have_subnet();
  run(client("2001:db8:1::5", "00:01:02"));
  EXPECT_EQ(run(client("2001:db8:1::6", "00:01:02")), Win32::kDhcpClientExists);
  EXPECT_EQ(error_.field, "duid,iaid");
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:02")), Win32::kDhcpClientExists);
  EXPECT_EQ(error_.field, "address,duid,iaid");
}

TEST_F(CreateClientRules, OneDuidMayHaveTwoInterfacesAndOneIaidTwoHosts) {
  have_subnet();
  run(client("2001:db8:1::5", "00:01:02", 1));
  EXPECT_EQ(run(client("2001:db8:1::6", "00:01:02", 2)), Win32::kSuccess);
  EXPECT_EQ(run(client("2001:db8:1::7", "00:01:03", 1)), Win32::kSuccess);
}

TEST_F(CreateClientRules, TheSameClientMayHaveOneAddressInEachSubnet) {
  have_subnet();
  have_subnet("2001:db8:2::/64");
  run(client("2001:db8:1::5", "00:01:02"));
  EXPECT_EQ(run(client("2001:db8:2::5", "00:01:02")), Win32::kSuccess);
}

TEST_F(CreateClientRules, IaidsOfAddressesAndPrefixesAreDifferentSpaces) {
  have_subnet();
  run(AddDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40"), 56});
  run(client("2001:db8:1::5", "00:01:02", 1));
  EXPECT_EQ(run(client("2001:db8:8000:100::/56", "00:01:02", 1)), Win32::kSuccess);
  EXPECT_EQ(book_.find(key("2001:db8:8000:100::/56"))->lease.type, LeaseType::kPd);
}

TEST_F(CreateClientRules, ExpiresTheAddressHolderWhoseTimeIsOver) {
  have_subnet();
  auto first = client("2001:db8:1::5", "00:01:02");
  first.valid_until = now_ + std::chrono::hours{1};
  run(first);
  advance(std::chrono::hours{1});
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:03")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseExpired ClientCreated");
  EXPECT_EQ(facts_[0].effective_at, *first.valid_until) << "it ended when its lifetime did";
}

TEST_F(CreateClientRules, ExpiresTheClientsOtherLeaseWhoseTimeIsOver) {
  have_subnet();
  auto first = client("2001:db8:1::5", "00:01:02");
  first.valid_until = now_ + std::chrono::hours{1};
  run(first);
  advance(std::chrono::hours{2});
  EXPECT_EQ(run(client("2001:db8:1::6", "00:01:02")), Win32::kSuccess);
  EXPECT_EQ(facts(), "LeaseExpired ClientCreated");
  EXPECT_FALSE(book_.find(key("2001:db8:1::5")));
}

TEST_F(CreateClientRules, OneSecondBeforeTheEndTheRecordIsInTheWay) {
  have_subnet();
  auto first = client("2001:db8:1::5", "00:01:02");
  first.valid_until = now_ + std::chrono::hours{1};
  run(first);
  advance(std::chrono::minutes{59} + std::chrono::seconds{59});
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:03")), Win32::kDhcpClientExists);
}

TEST_F(CreateClientRules, LifetimesAreKeptAsGiven) {
  have_subnet();
  auto odd = client("2001:db8:1::5", "00:01:02");
  odd.valid_until = now_ - std::chrono::hours{1};      // past: not refused by any rule
  odd.preferred_until = now_ + std::chrono::hours{9};  // over the valid one: neither
  EXPECT_EQ(run(odd), Win32::kSuccess);
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.valid_until, *odd.valid_until);
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.preferred_until, *odd.preferred_until);
}

TEST_F(CreateClientRules, ValidDefaultsToTheSubnetsAndPreferredToValid) {
  ASSERT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8:1::/64"),
                             .preferred_lifetime = Lifetime{60},
                             .valid_lifetime = Lifetime{120}}),
            Win32::kSuccess);
  run(client("2001:db8:1::5", "00:01:02"));
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.valid_until, now_ + std::chrono::seconds{120});
  EXPECT_EQ(book_.find(key("2001:db8:1::5"))->lease.preferred_until,
            now_ + std::chrono::seconds{120});
}

TEST_F(CreateClientRules, ExclusionsAndADisabledSubnetDoNotMatter) {
  have_subnet();
  run(AddExclusion{prefix("2001:db8:1::/64"), addr("2001:db8:1::1"), addr("2001:db8:1::ff")});
  run(SetSubnet{.prefix = prefix("2001:db8:1::/64"), .state = SubnetState::kDisabled});
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:02")), Win32::kSuccess);
}

TEST_F(CreateClientRules, AReservedAddressAndAReservedClientAreInTheWay) {
  have_subnet();
  run(AddReservation{.subnet = prefix("2001:db8:1::/64"),
                     .key = key("2001:db8:1::5"),
                     .duid = duid("00:aa"),
                     .iaid = Iaid{1}});
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:02")), Win32::kDhcpClientExists);
  EXPECT_EQ(run(client("2001:db8:1::6", "00:aa")), Win32::kDhcpClientExists);
}

TEST_F(CreateClientRules, ADeclinedAddressIsInTheWayButItsClientIsNot) {
  have_subnet();
  run(client("2001:db8:1::5", "00:01:02"));
  ASSERT_EQ(
      run(DeclineLease{.key = key("2001:db8:1::5"), .duid = duid("00:01:02"), .iaid = Iaid{1}}),
      Win32::kSuccess);
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01:03")), Win32::kDhcpClientExists);
  EXPECT_EQ(run(client("2001:db8:1::6", "00:01:02")), Win32::kSuccess);
}

TEST_F(CreateClientRules, TypeMustFitTheKey) {
  have_subnet();
  auto wrong = client("2001:db8:1::5", "00:01:02");
  wrong.type = LeaseType::kPd;
  EXPECT_EQ(run(wrong), Win32::kInvalidParameter);
  EXPECT_EQ(error_.field, "type");
  auto prefix_as_address = client("2001:db8:1:0:8000::/80", "00:01:02");
  prefix_as_address.type = LeaseType::kNa;
  EXPECT_EQ(run(prefix_as_address), Win32::kInvalidParameter);
}

TEST_F(CreateClientRules, DuidsOfOneAndOf130OctetsAreTaken) {
  have_subnet();
  EXPECT_EQ(run(client("2001:db8:1::5", "00")), Win32::kSuccess);
  auto longest = client("2001:db8:1::6", "00");
  longest.duid = Duid::parse(std::string(260, 'a')).value();
  EXPECT_EQ(run(longest), Win32::kSuccess);
}

}  // namespace
}  // namespace leaseledger::test
