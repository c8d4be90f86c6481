// Subnets, exclusions and delegation pools (MS-DHCPM 3.2.4.58 to .68).

#include "commands/get_free_address.h"
#include "tests/commands/book_fixture.h"

namespace leaseledger::test {
namespace {

class SubnetRules : public BookFixture {};

TEST_F(SubnetRules, RefusesPrefixesThatAreNotUnicastOrAreLinkLocal) {
  for (const char* text : {"ff00::/8", "ff02::/16", "fe80::/10", "fe80::/64", "fe00::/7", "::/0",
                           "::/96", "::1/128"}) {
    EXPECT_EQ(run(CreateSubnet{.prefix = prefix(text)}), Win32::kDhcpInvalidSubnetPrefix) << text;
  }
  for (const char* text : {"2001:db8:1::/64", "fd00::/8", "2001:db9::/127", "2001:dba::1/128"}) {
    EXPECT_EQ(run(CreateSubnet{.prefix = prefix(text)}), Win32::kSuccess) << text;
  }
}

TEST_F(SubnetRules, TheSamePrefixIsADuplicateAndAnOverlapIsRefusedByName) {
  have_subnet("2001:db8::/48");
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/48")}), Win32::kDuplicateTag);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/32")}), Win32::kDhcpSubnetExists);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8:0:5::/64")}), Win32::kDhcpSubnetExists);
  EXPECT_NE(error_.expected.find("2001:db8::/48"), std::string::npos);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8:1::/48")}), Win32::kSuccess);
}

TEST_F(SubnetRules, SettingsMustFitEachOther) {
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/64"), .preference = 256}),
            Win32::kInvalidParameter);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/64"), .valid_lifetime = Lifetime{0}}),
            Win32::kInvalidParameter);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/64"),
                             .preferred_lifetime = Lifetime{9},
                             .valid_lifetime = Lifetime{8}}),
            Win32::kInvalidParameter);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8::/64"),
                             .preferred_lifetime = Lifetime{8},
                             .valid_lifetime = Lifetime{8}}),
            Win32::kSuccess);
}

TEST_F(SubnetRules, IdsAreNeverUsedAgain) {
  have_subnet("2001:db8:1::/64");
  run(DeleteSubnet{prefix("2001:db8:1::/64")});
  have_subnet("2001:db8:1::/64");
  EXPECT_EQ(book_.find_subnet(prefix("2001:db8:1::/64"))->id, 2U);
}

TEST_F(SubnetRules, SetChangesOnlyWhatIsGiven) {
  run(CreateSubnet{.prefix = prefix("2001:db8::/64"), .name = "hall", .comment = "north"});
  EXPECT_EQ(run(SetSubnet{.prefix = prefix("2001:db8::/64"), .name = "lab"}), Win32::kSuccess);
  EXPECT_EQ(facts(), "SubnetChanged");
  EXPECT_EQ(book_.find_subnet(prefix("2001:db8::/64"))->name, "lab");
  EXPECT_EQ(book_.find_subnet(prefix("2001:db8::/64"))->comment, "north");
  EXPECT_EQ(run(SetSubnet{.prefix = prefix("2001:db8::/64"), .name = "lab"}), Win32::kSuccess);
  EXPECT_EQ(facts(), "");
  EXPECT_EQ(run(SetSubnet{.prefix = prefix("2001:db9::/64")}), Win32::kDhcpSubnetNotPresent);
}

TEST_F(SubnetRules, DeleteWithoutForceNeedsASubnetWithoutRecords) {
  EXPECT_EQ(run(DeleteSubnet{prefix("2001:db8:1::/64")}), Win32::kFileNotFound);
  have_subnet();
  run(client("2001:db8:1::5", "00:01"));
  EXPECT_EQ(run(DeleteSubnet{prefix("2001:db8:1::/64")}), Win32::kDhcpElementCantRemove);
  run(DeleteClient{key("2001:db8:1::5")});
  run(AddReservation{
      .subnet = prefix("2001:db8:1::/64"), .key = key("2001:db8:1::6"), .duid = duid("00:aa")});
  EXPECT_EQ(run(DeleteSubnet{prefix("2001:db8:1::/64")}), Win32::kDhcpElementCantRemove)
      << "a reservation has a client record";
}

TEST_F(SubnetRules, DeleteWithForceEndsEveryLease) {
  have_subnet();
  have_subnet("2001:db8:2::/64");
  run(client("2001:db8:1::5", "00:01"));
  run(client("2001:db8:1::6", "00:02"));
  run(client("2001:db8:2::6", "00:02"));
  EXPECT_EQ(run(DeleteSubnet{prefix("2001:db8:1::/64"), true}), Win32::kSuccess);
  EXPECT_EQ(facts(), "ClientDeleted ClientDeleted SubnetDeleted");
  EXPECT_EQ(book_.lease_count(), 1U);
  EXPECT_EQ(run(client("2001:db8:1::5", "00:01")), Win32::kDhcpSubnetNotPresent);
}

TEST_F(SubnetRules, ExclusionsMayNotOverlapEachOther) {
  have_subnet();
  const auto add = [&](const char* first, const char* last) {
    return run(AddExclusion{prefix("2001:db8:1::/64"), addr(first), addr(last)});
  };
  EXPECT_EQ(add("2001:db8:1::10", "2001:db8:1::20"), Win32::kSuccess);
  EXPECT_EQ(add("2001:db8:1::10", "2001:db8:1::20"), Win32::kDuplicateTag);
  EXPECT_EQ(add("2001:db8:1::20", "2001:db8:1::30"), Win32::kDuplicateTag);
  EXPECT_EQ(add("2001:db8:1::21", "2001:db8:1::30"), Win32::kSuccess);
  EXPECT_EQ(add("2001:db8:1::ff", "2001:db8:1::f0"), Win32::kSuccess)
      << "start after end is accepted and excludes nothing";
  EXPECT_EQ(add("2001:db8:9::1", "2001:db8:9::2"), Win32::kSuccess)
      << "so is a range outside of the prefix";
  EXPECT_EQ(run(AddExclusion{prefix("2001:db8:7::/64"), addr("::1"), addr("::2")}),
            Win32::kFileNotFound);
  EXPECT_EQ(run(RemoveExclusion{prefix("2001:db8:1::/64"), addr("2001:db8:1::10"),
                                addr("2001:db8:1::1f")}),
            Win32::kFileNotFound);
  EXPECT_EQ(run(RemoveExclusion{prefix("2001:db8:1::/64"), addr("2001:db8:1::10"),
                                addr("2001:db8:1::20")}),
            Win32::kSuccess);
  EXPECT_EQ(run(RemoveExclusion{prefix("2001:db8:7::/64"), addr("::1"), addr("::2")}),
            Win32::kFileNotFound);
}

TEST_F(SubnetRules, DelegationPoolsMayNotOverlapAnything) {
  have_subnet();
  have_subnet("2001:db8:2::/64");
  const auto add = [&](const char* subnet, const char* pool, std::uint8_t length = 60) {
    return run(AddDelegationPool{prefix(subnet), prefix(pool), length});
  };
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8:8000::/40", 56), Win32::kSuccess);
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8:8000::/48", 56), Win32::kDuplicateTag);
  EXPECT_EQ(add("2001:db8:2::/64", "2001:db8:8000::/48", 56), Win32::kDhcpSubnetExists);
  EXPECT_EQ(add("2001:db8:2::/64", "2001:db8:1::/64", 80), Win32::kDhcpSubnetExists);
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8::/32", 48), Win32::kDuplicateTag)
      << "it contains its own subnet";
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8:1:0:8000::/65", 96), Win32::kSuccess)
      << "inside of its own subnet";
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8:9000::/40", 39), Win32::kInvalidParameter);
  EXPECT_EQ(add("2001:db8:1::/64", "2001:db8:9000::/40", 128), Win32::kInvalidParameter);
  EXPECT_EQ(add("2001:db8:7::/64", "2001:db8:9000::/40"), Win32::kFileNotFound);
  EXPECT_EQ(run(CreateSubnet{.prefix = prefix("2001:db8:8000:1::/64")}), Win32::kDhcpSubnetExists)
      << "inside of a pool";
}

TEST_F(SubnetRules, APoolWithLeasesStays) {
  have_subnet();
  run(AddDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40"), 56});
  run(client("2001:db8:8000:100::/56", "00:01"));
  EXPECT_EQ(run(RemoveDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40")}),
            Win32::kDhcpElementCantRemove);
  run(DeleteClient{key("2001:db8:8000:100::/56")});
  EXPECT_EQ(run(RemoveDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40")}),
            Win32::kSuccess);
  EXPECT_EQ(run(RemoveDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40")}),
            Win32::kFileNotFound);
  EXPECT_EQ(run(client("2001:db8:8000:100::/56", "00:01")), Win32::kDhcpSubnetNotPresent);
}

TEST_F(SubnetRules, FreeAddressesSkipRecordsAndExclusions) {
  have_subnet("2001:db8:1::/124");
  run(client("2001:db8:1::1", "00:01"));
  run(AddReservation{
      .subnet = prefix("2001:db8:1::/124"), .key = key("2001:db8:1::2"), .duid = duid("00:aa")});
  run(AddExclusion{prefix("2001:db8:1::/124"), addr("2001:db8:1::4"), addr("2001:db8:1::d")});
  const auto free = get_free_address(book_, {prefix("2001:db8:1::/124"), {}, {}, 10}).value();
  EXPECT_EQ(free.addresses, (std::vector{addr("2001:db8:1::0"), addr("2001:db8:1::3"),
                                         addr("2001:db8:1::e"), addr("2001:db8:1::f")}));
  EXPECT_TRUE(free.reached_end);
  const auto one =
      get_free_address(book_, {prefix("2001:db8:1::/124"), addr("2001:db8:1::1"), {}, 0}).value();
  EXPECT_EQ(one.addresses, std::vector{addr("2001:db8:1::3")});
  EXPECT_FALSE(one.reached_end);
}

TEST_F(SubnetRules, FreeAddressRefusesBadRanges) {
  have_subnet("2001:db8:1::/124");
  const auto code = [&](GetFreeAddress query) {
    return get_free_address(book_, query).error().code;
  };
  EXPECT_EQ(code({prefix("2001:db8:1::/124"), {}, {}, 1025}), Win32::kInvalidParameter);
  EXPECT_EQ(code({prefix("2001:db8:1::/124"), addr("2001:db8:1::2"), addr("2001:db8:1::1"), 1}),
            Win32::kInvalidParameter);
  EXPECT_EQ(code({prefix("2001:db8:1::/124"), addr("2001:db8:1::1"), addr("2001:db8:1::2"), 3}),
            Win32::kInvalidParameter);
  EXPECT_EQ(code({prefix("2001:db8:1::/124"), addr("2001:db8:2::1"), {}, 1}),
            Win32::kInvalidParameter);
  EXPECT_EQ(code({prefix("2001:db8:2::/124"), {}, {}, 1}), Win32::kDhcpSubnetNotPresent);
}

}  // namespace
}  // namespace leaseledger::test
