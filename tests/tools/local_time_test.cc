#include "tools/cli/local_time.h"

#include <gtest/gtest.h>

namespace leaseledger::cli {
namespace {

std::string utc(LocalTimes& times, const char* time, const char* zone) {
  const auto moment = times.read(time, zone);
  return moment ? format_instant(*moment) : moment.error().field + ": " + moment.error().expected;
}

TEST(LocalTime, UtcAndOffsetsNeedNoZone) {
  LocalTimes times;
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "UTC"), "2026-03-03T14:05:00Z");
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "GMT"), "2026-03-03T14:05:00Z");
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "Z"), "2026-03-03T14:05:00Z");
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "+0100"), "2026-03-03T13:05:00Z");
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "-03:30"), "2026-03-03T17:35:00Z");
  EXPECT_EQ(utc(times, "2026-03-03 14:05:00", "+03"), "2026-03-03T11:05:00Z");
}

TEST(LocalTime, OtherNamesNeedTheZone) {
  LocalTimes times;
  for (const char* name : {"CET", "PST", "IST", ""}) {
    const auto moment = times.read("2026-03-03 14:05:00", name);
    ASSERT_FALSE(moment) << name;
    EXPECT_EQ(moment.error().field, "--time-zone");
    EXPECT_NE(moment.error().expected.find(name), std::string::npos);
  }
}

TEST(LocalTime, WinterAndSummerAreTakenFromTheZone) {
  auto berlin = LocalTimes::of_zone("Europe/Berlin", "--time-zone").value();
  EXPECT_EQ(utc(berlin, "2026-03-03 14:05:00", "CET"), "2026-03-03T13:05:00Z");
  EXPECT_EQ(utc(berlin, "2026-07-03 14:05:00", "CEST"), "2026-07-03T12:05:00Z");
  EXPECT_EQ(utc(berlin, "2026-07-03 14:05:00", ""), "2026-07-03T12:05:00Z");
  EXPECT_EQ(utc(berlin, "2026-07-03 14:05:00", "UTC"), "2026-07-03T14:05:00Z");
  // A name that the zone does not have then is somebody else's.
  EXPECT_EQ(utc(berlin, "2026-07-03 14:05:00", "CET"),
            "time: a time of Europe/Berlin, where it is called CEST");
  EXPECT_EQ(utc(berlin, "2026-07-03 14:05:00", "PDT"),
            "time: a time of Europe/Berlin, where it is called CEST");
}

TEST(LocalTime, TheHourThatComesTwiceIsToldApartByItsName) {
  auto berlin = LocalTimes::of_zone("Europe/Berlin", "--time-zone").value();
  EXPECT_EQ(utc(berlin, "2026-10-25 02:30:00", "CEST"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(utc(berlin, "2026-10-25 02:30:00", "CET"), "2026-10-25T01:30:00Z");
  EXPECT_TRUE(utc(berlin, "2026-10-25 02:30:00", "").starts_with("time: a zone's name"));
  EXPECT_EQ(utc(berlin, "2026-10-25 02:30:00", "PST"),
            "time: a time of Europe/Berlin, where it is called CEST or CET");
}

TEST(LocalTime, TheHourThatIsLeftOutIsNoTime) {
  auto berlin = LocalTimes::of_zone("Europe/Berlin", "--time-zone").value();
  EXPECT_TRUE(utc(berlin, "2026-03-29 02:30:00", "CET").starts_with("time: a time that there is"));
}

TEST(LocalTime, ZonesWhoseNamesAreOffsetsAreRead) {
  auto paulo = LocalTimes::of_zone("America/Sao_Paulo", "--time-zone").value();
  EXPECT_EQ(utc(paulo, "2026-03-03 14:05:00", "-03"), "2026-03-03T17:05:00Z");
  EXPECT_EQ(paulo.write(parse_instant("2026-03-03T17:05:00Z", "").value()),
            "2026-03-03 14:05:00 -03");
}

TEST(LocalTime, AnOffsetIsThatOfOneNameOnly) {
  auto fixed = LocalTimes::of_offset("+01:00", "--utc-offset").value();
  EXPECT_EQ(utc(fixed, "2026-03-03 14:05:00", "CET"), "2026-03-03T13:05:00Z");
  EXPECT_EQ(utc(fixed, "2026-03-03 14:06:00", ""), "2026-03-03T13:06:00Z");
  EXPECT_TRUE(utc(fixed, "2026-07-03 14:05:00", "CEST").starts_with("--time-zone: "));
}

TEST(LocalTime, WhatIsNoTimeIsNone) {
  LocalTimes times;
  for (const char* text :
       {"2026-02-30 00:00:00", "2026-01-01 24:00:00", "2026-01-01 00:60:00", "2026-01-01T00:00:00",
        "1969-01-01 00:00:00", "2026-1-01 00:00:00", "", "yesterday 00:00:00x"})
    EXPECT_FALSE(times.read(text, "UTC")) << text;
  EXPECT_FALSE(LocalTimes::of_zone("Mars/Olympus", "--time-zone"));
  EXPECT_FALSE(LocalTimes::of_zone("", "--time-zone"));
  for (const char* text : {"1", "+1", "+24:00", "+01:60", "CET", "+01:000"})
    EXPECT_FALSE(LocalTimes::of_offset(text, "--utc-offset")) << text;
}

TEST(LocalTime, WhatIsWrittenIsRead) {
  for (const char* zone : {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"}) {
    auto times = LocalTimes::of_zone(zone, "--time-zone").value();
    // Through both changes of the clocks, at odd steps.
    for (std::int64_t second = 1'774'000'000; second < 1'793'000'000; second += 3'333) {
      const Instant moment{std::chrono::seconds{second}};
      const std::string text = times.write(moment);
      const auto read = times.read(text.substr(0, 19), text.substr(20));
      ASSERT_TRUE(read) << text << read.error().to_string();
      ASSERT_EQ(*read, moment) << text;
    }
  }
}

}  // namespace
}  // namespace leaseledger::cli
