#include "tools/cli/time_spec.h"

#include <gtest/gtest.h>

namespace leaseledger::cli {
namespace {

const Instant kNow = parse_instant("2026-03-03T14:05:00Z", "now").value();

std::string read(const char* text) {
  const auto spec = parse_time_spec(text, kNow, "--at");
  if (!spec) return "refused";
  if (const auto* position = std::get_if<Position>(&*spec))
    return "position " + std::to_string(*position);
  return format_instant(std::get<Instant>(*spec));
}

TEST(TimeSpec, ReadsTheWholeGrammar) {
  EXPECT_EQ(read("123"), "position 123");
  EXPECT_EQ(read("pos:123"), "position 123");
  EXPECT_EQ(read("now"), "2026-03-03T14:05:00Z");
  EXPECT_EQ(read("2026-01-02T03:04:05.5+01:00"), "2026-01-02T02:04:05.500Z");
  EXPECT_EQ(read("2026-01-02 03:04"), "2026-01-02T03:04:00Z");
  EXPECT_EQ(read("2026-01-02"), "2026-01-02T00:00:00Z");
  EXPECT_EQ(read("-90s"), "2026-03-03T14:03:30Z");
  EXPECT_EQ(read("-30m"), "2026-03-03T13:35:00Z");
  EXPECT_EQ(read("-2h"), "2026-03-03T12:05:00Z");
  EXPECT_EQ(read("-7d"), "2026-02-24T14:05:00Z");
  EXPECT_EQ(read("-1w"), "2026-02-24T14:05:00Z");
  EXPECT_EQ(read("today"), "2026-03-03T00:00:00Z");
  EXPECT_EQ(read("yesterday"), "2026-03-02T00:00:00Z");
  EXPECT_EQ(read("yesterday 14:05"), "2026-03-02T14:05:00Z");
  EXPECT_EQ(read("@1772546700"), "2026-03-03T14:05:00Z");
}

TEST(TimeSpec, RefusesEverythingElse) {
  for (const char* text : {"", "-", "-2", "-2x", "tomorrow", "yesterday 25:00", "pos:", "@", "12a",
                           "never", "2026-13-01", "99999999999999999999999"}) {
    EXPECT_EQ(read(text), "refused") << text;
  }
}

TEST(LifetimeText, SecondsAndDurations) {
  EXPECT_EQ(parse_lifetime("90", "v").value(), Lifetime{90});
  EXPECT_EQ(parse_lifetime("12h", "v").value(), Lifetime{43200});
  EXPECT_EQ(parse_lifetime("infinite", "v").value(), kInfiniteLifetime);
  for (const char* text : {"", "-1", "1y", "4294967295", "h"})
    EXPECT_FALSE(parse_lifetime(text, "v")) << text;
}

}  // namespace
}  // namespace leaseledger::cli
