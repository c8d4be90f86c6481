#include "ledger/instant.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace leaseledger {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// Takes exactly `digits` decimal digits off the front of `text`.
bool take_number(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  std::from_chars(text.data(), text.data() + digits, out);
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, std::int64_t& nanos) {
  nanos = 0;
  std::int64_t scale = 100'000'000;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    nanos += scale * (text.front() - '0');
    scale /= 10;
    ++digits;
    text.remove_prefix(1);
  }
  return digits >= 1 && digits <= 9;
}

bool take_zone(std::string_view& text, seconds& offset) {
  offset = seconds{0};
  if (text.empty() || take_char(text, "Zz")) return text.empty();
  const bool behind = text.front() == '-';
  if (!take_char(text, "+-")) return false;
  int hours = 0;
  int minutes = 0;
  if (!take_number(text, 2, hours)) return false;
  take_char(text, ":");
  if (!take_number(text, 2, minutes) || hours > 23 || minutes > 59 || !text.empty()) return false;
  offset = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  if (behind) offset = -offset;
  return true;
}

bool read_rfc3339(std::string_view text, Instant& out) {
  using namespace std::chrono;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_number(text, 4, year) || !take_char(text, "-") || !take_number(text, 2, month) ||
      !take_char(text, "-") || !take_number(text, 2, day)) {
    return false;
  }
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || year < 1678 || year > 2261) return false;
  std::int64_t nanos = 0;
  seconds offset{0};
  if (!text.empty()) {
    if (!take_char(text, "Tt ") || !take_number(text, 2, hour) || !take_char(text, ":") ||
        !take_number(text, 2, minute)) {
      return false;
    }
    if (take_char(text, ":")) {
      if (!take_number(text, 2, second)) return false;
      if (take_char(text, ".") && !take_fraction(text, nanos)) return false;
    }
    if (hour > 23 || minute > 59 || second > 59 || !take_zone(text, offset)) return false;
  }
  out = sys_days{date} + hours{hour} + minutes{minute} + seconds{second} - offset +
        nanoseconds{nanos};
  return true;
}

}  // namespace

Instant add_lifetime(Instant start, Lifetime lifetime) {
  if (lifetime == kInfiniteLifetime || start == kForever) return kForever;
  const auto room = std::chrono::duration_cast<seconds>(kForever - start);
  if (start > Instant{} && room <= seconds{lifetime.count()}) return kForever;
  return start + seconds{lifetime.count()};
}

std::string format_instant(Instant instant) {
  using namespace std::chrono;
  if (instant == kForever) return "never";
  if (instant == kUnset) return "";
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss time{instant - day};
  std::array<char, 40> text{};
  int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  std::string out(text.data(), static_cast<std::size_t>(length));
  if (const auto nanos = time.subseconds().count(); nanos != 0) {
    length = std::snprintf(text.data(), text.size(), ".%09lld", static_cast<long long>(nanos));
    std::string fraction(text.data(), static_cast<std::size_t>(length));
    while (fraction.size() > 4 && fraction.ends_with("000")) fraction.resize(fraction.size() - 3);
    out += fraction;
  }
  return out + "Z";
}

Result<Instant> parse_instant(std::string_view text, std::string_view field) {
  if (text == "never") return kForever;
  Instant out{};
  if (read_rfc3339(text, out)) return out;
  return invalid(
      std::string(field), std::string(text),
      "a time as in RFC 3339, such as 2026-03-03T14:05:00Z or 2026-03-03T15:05:00+01:00");
}

Instant SystemClock::now() {
  return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
}

}  // namespace leaseledger
