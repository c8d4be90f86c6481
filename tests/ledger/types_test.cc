#include "ledger/address.h"
#include "ledger/check.h"
#include "ledger/duid.h"
#include "ledger/instant.h"

#include <gtest/gtest.h>

namespace leaseledger {
namespace {

TEST(Ipv6Address, KeepsTheFirstOctetInTheHighestByte) {
  const auto address = Ipv6Address::parse("fc00::a").value();
  EXPECT_EQ(address.high, 0xFC00'0000'0000'0000U);
  EXPECT_EQ(address.low, 0x0AU);
  EXPECT_EQ(Ipv6Address::from_bytes(address.to_bytes()), address);
}

TEST(Ipv6Address, WritesTheCanonicalText) {
  EXPECT_EQ(Ipv6Address::parse("2001:DB8:0:0:0:0:0:1")->to_string(), "2001:db8::1");
}

TEST(Ipv6Address, RefusesWhatIsNoAddressAndNamesTheField) {
  for (const char* text :
       {"", "2001:db8::zz", "192.0.2.1", "fe80::1%eth0", "2001:db8::/32", "1:2:3:4:5:6:7:8:9"}) {
    const auto result = Ipv6Address::parse(text, "start");
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().field, "start");
    EXPECT_EQ(result.error().value, text);
    EXPECT_EQ(result.error().code, Win32::kInvalidParameter);
  }
}

TEST(Ipv6Address, MasksAndFillsEveryLength) {
  const Ipv6Address ones{~0ULL, ~0ULL};
  for (unsigned length = 0; length <= 128; ++length) {
    const auto low = ones.masked(length);
    EXPECT_EQ(static_cast<unsigned>(__builtin_popcountll(low.high) + __builtin_popcountll(low.low)),
              length);
    EXPECT_EQ(Ipv6Address{}.filled(length).high, ~low.high);
    EXPECT_EQ(Ipv6Address{}.filled(length).low, ~low.low);
  }
}

TEST(Ipv6Address, NextCarriesIntoTheHighHalf) {
  EXPECT_EQ(Ipv6Address({1, ~0ULL}).next(), Ipv6Address({2, 0}));
}

TEST(Ipv6Prefix, RefusesHostBitsAndLengthsOver128) {
  EXPECT_TRUE(Ipv6Prefix::parse("2001:db8:5::/56"));
  for (const char* text : {"2001:db8:5::1/56", "2001:db8::/129", "2001:db8::", "2001:db8::/",
                           "2001:db8::/4x", "/48"}) {
    EXPECT_FALSE(Ipv6Prefix::parse(text)) << text;
  }
}

TEST(Ipv6Prefix, OverlapsExactlyWhenOneContainsTheOther) {
  const auto big = Ipv6Prefix::parse("2001:db8::/32").value();
  const auto small = Ipv6Prefix::parse("2001:db8:1::/48").value();
  const auto other = Ipv6Prefix::parse("2001:db9::/48").value();
  EXPECT_TRUE(big.overlaps(small));
  EXPECT_TRUE(small.overlaps(big));
  EXPECT_TRUE(big.contains(small));
  EXPECT_FALSE(small.contains(big));
  EXPECT_FALSE(big.overlaps(other));
}

TEST(LeaseKey, AddressIsAKeyOfLength128) {
  EXPECT_EQ(format_lease_key(parse_lease_key("2001:db8::1").value()), "2001:db8::1");
  EXPECT_EQ(format_lease_key(parse_lease_key("2001:db8:5::/56").value()), "2001:db8:5::/56");
}

TEST(Duid, ReadsColonsHyphensAndPlainDigits) {
  const auto duid = Duid::parse("00:01:00:01:2c").value();
  EXPECT_EQ(Duid::parse("00-01-00-01-2C").value(), duid);
  EXPECT_EQ(Duid::parse("000100012c").value(), duid);
  EXPECT_EQ(duid.to_string(), "00:01:00:01:2c");
}

TEST(Duid, RefusesOddDigitsMixedSeparatorsAndOver130Octets) {
  for (const char* text : {"0", "zz:zz", "00:01-02", "00:1", "0001:02", "00:"}) {
    EXPECT_FALSE(Duid::parse(text)) << text;
  }
  EXPECT_TRUE(Duid::parse(std::string(260, '0')));
  EXPECT_FALSE(Duid::parse(std::string(262, '0')));
}

TEST(Duid, DescribesTheFourTypes) {
  EXPECT_EQ(Duid::parse("00:01:00:01:00:00:00:00:52:54:00:ab:cd:ef")->describe(),
            "LLT hardware 1 52:54:00:ab:cd:ef made 2000-01-01T00:00:00Z");
  EXPECT_EQ(Duid::parse("00:02:00:00:00:09:aa")->describe(), "EN enterprise 9 aa");
  EXPECT_EQ(Duid::parse("00:03:00:01:52:54:00:ab:cd:ef")->describe(),
            "LL hardware 1 52:54:00:ab:cd:ef");
  EXPECT_EQ(Duid::parse("0004000102030405060708090a0b0c0d0e0f")->describe(),
            "UUID 00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(Duid::parse("00:08:74:31:7f:e1")->describe(), "");
}

TEST(Duid, OrdersByOctets) {
  EXPECT_LT(Duid::parse("0001").value(), Duid::parse("000100").value());
  EXPECT_LT(Duid::parse("0001ff").value(), Duid::parse("0002").value());
}

TEST(Instant, ReadsRfc3339WithZonesAndFractions) {
  const auto expected = std::chrono::sys_days{std::chrono::year{2026} / 3 / 3} +
                        std::chrono::hours{14} + std::chrono::minutes{5};
  EXPECT_EQ(parse_instant("2026-03-03T14:05:00Z", "at").value(), expected);
  EXPECT_EQ(parse_instant("2026-03-03T15:05:00+01:00", "at").value(), expected);
  EXPECT_EQ(parse_instant("2026-03-03 14:05", "at").value(), expected);
  EXPECT_EQ(parse_instant("2026-03-03T14:05:00.000000007Z", "at").value(),
            expected + std::chrono::nanoseconds{7});
  EXPECT_EQ(parse_instant("2026-03-03", "at").value(),
            std::chrono::sys_days(std::chrono::year{2026} / 3 / 3));
}

TEST(Instant, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026-13-01", "2026-02-30", "2026-03-03T24:00:00Z", "2026-03-03T14:05:00+1", "soon",
        "2026-03-03T14:05:00.Z", "2026-03-03T14:05:00Zx"}) {
    EXPECT_FALSE(parse_instant(text, "at")) << text;
  }
}

TEST(Instant, WritesOnlyTheDigitsThatAreNeeded) {
  const Instant base = parse_instant("2026-03-03T14:05:00Z", "at").value();
  EXPECT_EQ(format_instant(base), "2026-03-03T14:05:00Z");
  EXPECT_EQ(format_instant(base + std::chrono::milliseconds{250}), "2026-03-03T14:05:00.250Z");
  EXPECT_EQ(format_instant(base + std::chrono::nanoseconds{1}), "2026-03-03T14:05:00.000000001Z");
  EXPECT_EQ(format_instant(kForever), "never");
}

TEST(Instant, InfiniteLifetimeAndTheEndOfTimeAreForever) {
  const Instant base = parse_instant("2026-03-03T14:05:00Z", "at").value();
  EXPECT_EQ(add_lifetime(base, Lifetime{60}), base + std::chrono::minutes{1});
  EXPECT_EQ(add_lifetime(base, kInfiniteLifetime), kForever);
  EXPECT_EQ(add_lifetime(kForever - std::chrono::seconds{1}, Lifetime{5}), kForever);
}

TEST(Check, StaysOnAndNamesThePlace) {
  EXPECT_DEATH(LEASELEDGER_CHECK(1 + 1 == 3), "types_test.cc:[0-9]+: CHECK failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace leaseledger
