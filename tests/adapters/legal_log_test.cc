// Sentences of legal_log in both directions.

#include "adapters/kea/legal_log.h"

#include "projections/queries.h"
#include "tests/support/seed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leaseledger::test {
namespace {

using ::testing::HasSubstr;

// ---- leases ------------------------------------------------------------------------------------------------------------

leaseledger::LeaseRow random_row(std::mt19937_64& random) {
  leaseledger::LeaseRow out;
  const bool prefix = random() % 3 == 0;
  const Ipv6Address address{0x20010DB800000000ULL | (random() & 0xFFFFFF00ULL), random()};
  out.lease.key = prefix ? LeaseKey{address.masked(56), 56} : LeaseKey{address, 128};
  out.lease.type = prefix ? LeaseType::kPd : LeaseType::kNa;
  std::array<std::uint8_t, 14> duid{};
  for (auto& octet : duid) octet = static_cast<std::uint8_t>(random());
  duid[0] = 1;
  out.lease.duid = Duid::copy_of(duid);
  out.lease.iaid = Iaid{static_cast<std::uint32_t>(random())};
  const std::int64_t cltt = 1'700'000'000 + static_cast<std::int64_t>(random() % 100'000'000);
  out.effective_at = Instant{std::chrono::seconds{cltt}};
  out.lease.valid_until = random() % 10 == 0
                              ? kForever
                              : out.effective_at + std::chrono::seconds(1 + random() % 1'000'000);
  out.lease.preferred_until = out.lease.valid_until;
  constexpr std::string_view kLetters = "abz09.-_,&#x2c; \"{}\\'\xc3\xa9";
  for (auto n = random() % 30; n > 0; --n)
    out.description.name += kLetters[random() % kLetters.size()];
  if (random() % 2 == 0)
    out.description.context = R"({"a":"x, y &#x2c z","leaseledger":{"type":"RENEW"},"n":)" +
                              std::to_string(random() % 100) + "}";
  if (random() % 2 == 0) {
    out.description.hardware_address = std::string("\x02\x00\x5e\x10\x00\x01", 6);
    out.description.hardware_type = 1;
    out.description.hardware_source = 2;
  }
  out.description.fqdn_forward = random() % 2 == 0 && !out.description.name.empty();
  return out;
}

// ---- sentences ---------------------------------------------------------------------------------------------------------

ReportLease report_of(const std::string& line, Instant* at = nullptr,
                      const std::string& zone = "") {
  kea::LegalOptions options;
  options.file_name = "kea-legal.txt";
  const auto read = kea::read_sentence(line, 3, kea::stamps_of(zone), options);
  EXPECT_TRUE(read && *read) << line << ": " << (read ? "nothing" : read.error().to_string());
  if (!read || !*read) return {};
  EXPECT_EQ((*read)->cause, "kea-legal.txt:3");
  if (at != nullptr) *at = *(*read)->effective_at;
  return std::get<ReportLease>((*read)->command);
}

TEST(LegalLog, ASentenceWithEverything) {
  Instant at{};
  const auto report = report_of(
      "2018-01-06 01:02:03 UTC Address:2001:db8:1::7 has been assigned for 1 days 2 hrs 11 mins 53 "
      "secs to a device with DUID: "
      "17:34:e2:ff:09:92:54 and hardware address: hwtype=1 08:00:2b:02:3f:4e (from Raw Socket) "
      "connected via relay at address: "
      "fe80::abcd for client on link address: 3001::1, hop count: 1, identified by remote-id: "
      "01:02:03 and subscriber-id: 1a:2b, "
      "connected at location interface-id: 67:65",
      &at);
  EXPECT_EQ(format_instant(at), "2018-01-06T01:02:03Z");
  EXPECT_EQ(report.key, *parse_lease_key("2001:db8:1::7"));
  EXPECT_EQ(report.valid_lifetime, Lifetime{86400 + 2 * 3600 + 11 * 60 + 53});
  EXPECT_EQ(report.duid.to_string(), "17:34:e2:ff:09:92:54");
  EXPECT_EQ(report.hardware_address, "08:00:2b:02:3f:4e");
  EXPECT_EQ(report.hardware_type, 1);
  EXPECT_THAT(report.context, HasSubstr(R"("subscriber-id":"1a2b")"));
  EXPECT_THAT(report.context, HasSubstr(R"("remote-id":"010203")"));
  EXPECT_THAT(report.context, HasSubstr(R"("interface-id":"6765")"));
  EXPECT_THAT(report.context, HasSubstr(R"("link":"3001::1")"));
}

TEST(LegalLog, OtherSentences) {
  EXPECT_EQ(report_of("2018-01-06 01:02:03 UTC Prefix: 2001:db8:100::1/56 has been renewed for 0 "
                      "hrs 0 mins 30 secs to a device with DUID: 01:02")
                .key,
            *parse_lease_key("2001:db8:100::/56"));
  auto report = report_of(
      "2018-01-06 01:02:03 +0100 Address: 2001:db8::1 has been released from a device with DUID: "
      "01:02");
  EXPECT_EQ(report.state, ReportedState::kReleased);
  EXPECT_EQ(report.duid.to_string(), "01:02");
  report = report_of(
      "2018-01-06 01:02:03 UTC Administrator added a lease of address: 2001:db8::1 to a device "
      "with DUID: 01:02 for 0 hrs 1 mins 0 secs");
  EXPECT_EQ(report.state, ReportedState::kActive);
  EXPECT_EQ(report.valid_lifetime, Lifetime{60});
  report =
      report_of("2018-01-06 01:02:03 UTC Administrator deleted the lease for address: 2001:db8::1");
  EXPECT_EQ(report.state, ReportedState::kReleased);
  report = report_of(
      "2018-01-06 01:02:03 UTC HA partner updated information on the lease of prefix: "
      "2001:db8:100::/56 to a device with DUID: 01:02 for 0 hrs 1 mins 0 secs");
  EXPECT_EQ(report.valid_lifetime, Lifetime{60});
  report = report_of(
      "2018-01-06 01:02:03 UTC Address:2001:db8::1 has been assigned for 1 days 0 hrs 0 mins 0 "
      "secs to a device with DUID: 00:00:00");
  EXPECT_EQ(report.state, ReportedState::kDeclined) << "how legal_log writes a decline";
}

TEST(LegalLog, StampsOfNamedZonesNeedTheZone) {
  const std::string line = "Address:2001:db8::1 has been released";
  Instant at{};
  report_of("2018-01-06 01:02:03 CET " + line, &at, "Europe/Berlin");
  EXPECT_EQ(format_instant(at), "2018-01-06T00:02:03Z");
  report_of("2018-07-06 01:02:03 CEST " + line, &at, "Europe/Berlin");
  EXPECT_EQ(format_instant(at), "2018-07-05T23:02:03Z");
  // The hour that comes twice.
  report_of("2018-10-28 02:30:00 CEST " + line, &at, "Europe/Berlin");
  EXPECT_EQ(format_instant(at), "2018-10-28T00:30:00Z");
  report_of("2018-10-28 02:30:00 CET " + line, &at, "Europe/Berlin");
  EXPECT_EQ(format_instant(at), "2018-10-28T01:30:00Z");
  const auto without =
      kea::read_sentence("2018-01-06 01:02:03 CET " + line, 1, kea::stamps_of(""), {});
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().to_string(), HasSubstr("--time-zone"));
  EXPECT_FALSE(
      kea::read_sentence("2018-07-06 01:02:03 CET " + line, 1, kea::stamps_of("Europe/Berlin"), {}))
      << "there is no CET in summer";
}

TEST(LegalLog, WhatIsNotUnderstoodIsNeverGuessed) {
  const auto stamp = kea::stamps_of("");
  for (const char* line :
       {"nonsense", "2018-01-06 01:02:03 UTC Address:nonsense has been released",
        "2018-01-06 01:02:03 UTC Address:2001:db8::1 has been eaten",
        "2018-01-06 01:02:03 UTC Address:2001:db8::1 has been assigned for ages to a device with "
        "DUID: 01",
        "2018-01-06 01:02:03 UTC Address:2001:db8::1 has been assigned for 1 hrs 0 mins 0 secs",
        "2018-01-06 01:02:03 UTC Address:2001:db8::1 has been assigned for 1 hrs 0 mins 0 secs to "
        "a device with DUID: zz",
        "2018-01-06 01:02:03 UTC Administrator added a lease of address: 2001:db8::1 to a device "
        "with DUID: 01",
        "2018-13-06 01:02:03 UTC Address:2001:db8::1 has been released",
        "2018-01-06 01:02:03 UTC Address:192.0.2.1 has been released"})
    EXPECT_FALSE(kea::read_sentence(line, 1, stamp, {})) << line;
  EXPECT_FALSE(*kea::read_sentence("", 1, stamp, {}));
}

TEST(LegalLog, WhatIsWrittenIsReadTheSame) {
  const SeedScope scope;
  std::mt19937_64 random(seed());
  for (int i = 0; i < 500; ++i) {
    const auto row = random_row(random);
    Record record;
    record.effective_at = row.effective_at;
    ClientCreated created;
    created.lease = row.lease;
    created.description = row.description;
    const bool ends = random() % 3 == 0;
    if (ends) {
      LeaseReleased released;
      released.lease = row.lease;
      record.event = released;
    } else {
      record.event = created;
    }
    const auto sentence = kea::sentence_of(record);
    ASSERT_TRUE(sentence);
    Instant at{};
    const auto report = report_of(*sentence, &at);
    EXPECT_EQ(at, row.effective_at);
    EXPECT_EQ(report.key, row.lease.key);
    EXPECT_EQ(report.duid, row.lease.duid);
    EXPECT_EQ(report.state, ends ? ReportedState::kReleased : ReportedState::kActive);
    if (!ends) {
      EXPECT_EQ(add_lifetime(at, report.valid_lifetime), row.lease.valid_until) << *sentence;
    }
  }
  Record expired;
  expired.event = LeaseExpired{};
  EXPECT_FALSE(kea::sentence_of(expired));
}

}  // namespace
}  // namespace leaseledger::test
