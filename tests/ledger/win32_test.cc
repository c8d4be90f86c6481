#include "ledger/win32.h"

#include "ledger/result.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace leaseledger {
namespace {

TEST(Win32, NumbersIncreaseAndNamesRoundTrip) {
  const auto table = win32_table();
  for (std::size_t i = 1; i < table.size(); ++i)
    EXPECT_LT(table[i - 1].code, table[i].code) << table[i].name;
  for (const auto& entry : table) {
    EXPECT_EQ(win32_from_name(entry.name), entry.code);
    EXPECT_EQ(name_of(entry.code), entry.name);
    EXPECT_FALSE(meaning_of(entry.code).empty());
  }
}

TEST(Win32, HasTheNumbersOfTheWindowsHeader) {
  const std::pair<Win32, std::uint32_t> known[] = {{Win32::kSuccess, 0},
                                                   {Win32::kAccessDenied, 5},
                                                   {Win32::kInvalidParameter, 87},
                                                   {Win32::kDuplicateTag, 2014},
                                                   {Win32::kDhcpSubnetExits, 20004},
                                                   {Win32::kDhcpSubnetNotPresent, 20005},
                                                   {Win32::kDhcpElementCantRemove, 20007},
                                                   {Win32::kDhcpJetError, 20013},
                                                   {Win32::kDhcpClientExists, 20014},
                                                   {Win32::kDhcpReservedipExits, 20022},
                                                   {Win32::kDhcpSubnetExists, 20052},
                                                   {Win32::kDhcpInvalidSubnetPrefix, 20091},
                                                   {Win32::kDhcpReachedEndOfSelection, 20126},
                                                   {Win32::kDhcpNapNotSupported, 20138}};
  for (const auto& [code, number] : known) EXPECT_EQ(static_cast<std::uint32_t>(code), number);
}

TEST(Win32, CoversTheWholeDhcpRangeWithoutItsGaps) {
  const auto in_table = [](std::uint32_t number) {
    return name_of(static_cast<Win32>(number)) != "ERROR_?";
  };
  for (std::uint32_t number = 20000; number <= 20139; ++number) {
    const bool gap = number == 20008 || number == 20031 || (number >= 20058 && number <= 20069) ||
                     number == 20090 || (number >= 20096 && number <= 20100);
    EXPECT_EQ(in_table(number), !gap) << number;
  }
}

TEST(Win32, TakesEveryOtherNameInUse) {
  const std::pair<const char*, Win32> known[] = {
      {"ERROR_DHCP_OPTION_EXISTS", Win32::kDhcpOptionExits},
      {"ERROR_DHCP_IPRANGE_EXISTS", Win32::kDhcpIprangeExits},
      {"ERROR_DHCP_RESERVEDIP_EXISTS", Win32::kDhcpReservedipExits},
      {"ERROR_DHCP_RANGE_EXTENSION_TOO_SMALL", Win32::kExtendTooSmall},
      {"ERROR_DHCP_WARNING_RANGE_EXTENDED_LESS", Win32::kWarningExtendedLess},
      {"ERROR_DHCP_SERVER_INVALID_BOOT_FILE_TABLE", Win32::kServerInvalidBootFileTable},
      {"ERROR_DHCP_SERVER_UNKNOWN_BOOT_FILE_NAME", Win32::kServerUnknownBootFileName},
      {"ERROR_DHCP_STANDALONE_IN_DS", Win32::kDhcpRogueStandaloneInDs},
      {"ERROR_DHCP_DEFAULT_SCOPE_EXISTS", Win32::kDhcpDefaultScopeExits},
      {"ERROR_DHCP_MSCOPE_RANGE_TOO_SMALL", Win32::kMscopeRangeTooSmall},
      {"ERROR_DDS_SUBNET_HAS_DIFF_SUPER_SCOPE", Win32::kDdsSubnetHasDiffSscope}};
  for (const auto& [name, code] : known) {
    EXPECT_EQ(win32_from_name(name), code) << name;
    EXPECT_NE(name_of(code), name) << "the header's identifier stays the one that is written";
  }
}

TEST(Win32, SubnetExistsIsTheHeadersNumberThoughPagesGiveTheNameToTwo) {
  EXPECT_EQ(win32_from_name("ERROR_DHCP_SUBNET_EXITS"), static_cast<Win32>(20004));
  EXPECT_EQ(win32_from_name("ERROR_DHCP_SUBNET_EXISTS"), static_cast<Win32>(20052));
}

TEST(Win32, DuplicateTagIsNotClientExists) {
  EXPECT_EQ(name_of(static_cast<Win32>(2014)), "ERROR_DUPLICATE_TAG");
  EXPECT_EQ(name_of(static_cast<Win32>(20014)), "ERROR_DHCP_CLIENT_EXISTS");
}

TEST(Win32, MeaningsSayMoreThanTheIdentifierDoes) {
  for (const auto& entry : win32_table()) {
    std::string words(entry.meaning);
    for (char& c : words)
      c = c == ' ' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_FALSE(entry.name.ends_with("_" + words)) << entry.name;
    EXPECT_NE(entry.meaning.back(), '.') << entry.name;
  }
}

TEST(Win32, UnknownNumbersAndNamesHaveNoEntry) {
  EXPECT_EQ(name_of(static_cast<Win32>(1)), "ERROR_?");
  EXPECT_EQ(meaning_of(static_cast<Win32>(20140)), "");
  EXPECT_EQ(win32_from_name("ERROR_NO_SUCH_NAME"), std::nullopt);
  EXPECT_EQ(win32_from_name("ERROR_?"), std::nullopt);
  EXPECT_EQ(win32_from_name(""), std::nullopt);
}

TEST(Error, SaysNameNumberFieldValueAndWhatWouldBeRight) {
  const Error error{Win32::kDhcpSubnetNotPresent, ErrorKind::kRefused, "address", "2001:db8::1",
                    "an address in a subnet"};
  EXPECT_EQ(error.to_string(),
            "ERROR_DHCP_SUBNET_NOT_PRESENT (20005): address '2001:db8::1': an address in a subnet");
}

}  // namespace
}  // namespace leaseledger
