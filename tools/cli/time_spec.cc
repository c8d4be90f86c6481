#include "tools/cli/time_spec.h"

#include <charconv>
#include <optional>
#include <string>

namespace leaseledger::cli {
namespace {

using std::chrono::seconds;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "2h" in seconds; a plain number is seconds.
std::optional<std::uint64_t> duration(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 's':
        unit = 1;
        text.remove_suffix(1);
        break;
      case 'm':
        unit = 60;
        text.remove_suffix(1);
        break;
      case 'h':
        unit = 3600;
        text.remove_suffix(1);
        break;
      case 'd':
        unit = 86400;
        text.remove_suffix(1);
        break;
      case 'w':
        unit = 7 * 86400;
        text.remove_suffix(1);
        break;
      default:
        break;
    }
  }
  const auto count = number(text);
  if (!count || *count > 0xFFFF'FFFFULL * 100 / unit) return std::nullopt;
  return *count * unit;
}

std::optional<Instant> day_word(std::string_view text, Instant now) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  for (const auto& [word, day] :
       {std::pair{std::string_view("today"), today},
        std::pair{std::string_view("yesterday"), today - std::chrono::days{1}}}) {
    if (text == word) return day;
    if (!text.starts_with(word) || text.size() <= word.size() || text[word.size()] != ' ') continue;
    const std::string date = format_instant(day).substr(0, 10);
    const auto moment = parse_instant(date + "T" + std::string(text.substr(word.size() + 1)), "");
    if (moment) return *moment;
  }
  return std::nullopt;
}

}  // namespace

Result<TimeSpec> parse_time_spec(std::string_view text, Instant now, std::string_view field) {
  if (text == "now") return TimeSpec(now);
  if (const auto position = number(text.starts_with("pos:") ? text.substr(4) : text))
    return TimeSpec(Position{*position});
  if (text.starts_with("-")) {
    if (const auto back = duration(text.substr(1));
        back && text.size() > 1 && !number(text.substr(1))) {
      return TimeSpec(now - seconds{static_cast<std::int64_t>(*back)});
    }
  }
  if (text.starts_with("@")) {
    if (const auto since = number(text.substr(1)); since && *since < 9'000'000'000ULL) {
      return TimeSpec(Instant{seconds{static_cast<std::int64_t>(*since)}});
    }
  }
  if (const auto day = day_word(text, now)) return TimeSpec(*day);
  if (text != "never") {
    if (const auto instant = parse_instant(text, field)) return TimeSpec(*instant);
  }
  return invalid(std::string(field), std::string(text),
                 "a position such as 123, a time such as 2026-03-03T14:05:00Z or '2026-03-03 "
                 "14:05', now, -2h, today or yesterday");
}

Result<Instant> parse_time(std::string_view text, Instant now, std::string_view field) {
  LEASELEDGER_ASSIGN(const TimeSpec spec, parse_time_spec(text, now, field));
  if (const auto* instant = std::get_if<Instant>(&spec)) return *instant;
  return invalid(
      std::string(field), std::string(text),
      "a time such as 2026-03-03T14:05:00Z, now, -2h, today or yesterday; not a position");
}

Result<Lifetime> parse_lifetime(std::string_view text, std::string_view field) {
  if (text == "infinite" || text == "infinity") return kInfiniteLifetime;
  const auto value = duration(text);
  if (!value || *value > 0xFFFF'FFFEULL) {
    return invalid(std::string(field), std::string(text),
                   "seconds or a duration such as 90s, 15m, 12h, 8d, 2w, or infinite; at most "
                   "4294967294 seconds");
  }
  return Lifetime{static_cast<std::uint32_t>(*value)};
}

}  // namespace leaseledger::cli
