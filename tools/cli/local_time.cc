#include "tools/cli/local_time.h"

#include "ledger/read_number.h"

#include <absl/time/time.h>

namespace leaseledger::cli {

struct LocalTimes::Zone {
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string name;               // "" for none
  bool is_fixed = false;          // an offset that somebody gave
  std::optional<std::string> as;  // the one name that a fixed offset is right for
  // The next line is mostly of the same second.
  std::string last_text;
  Instant last{};
};

namespace {

/// "+01", "+0100", "+01:00" in seconds.
std::optional<int> offset_of(std::string_view text) {
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  std::string digits(text.substr(1));
  if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
  if (digits.size() == 2) digits += "00";
  unsigned hours = 0;
  unsigned minutes = 0;
  if (digits.size() != 4 || !read_number("", digits.substr(0, 2), 23, hours) ||
      !read_number("", digits.substr(2), 59, minutes))
    return std::nullopt;
  const int seconds = static_cast<int>(hours * 3600 + minutes * 60);
  return text[0] == '-' ? -seconds : seconds;
}

std::string both(std::string_view date_and_time, std::string_view name) {
  return std::string(date_and_time) + (name.empty() ? "" : " ") + std::string(name);
}

/// "2018-01-06 01:02:03".
std::optional<absl::CivilSecond> civil(std::string_view text) {
  if (text.size() != 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  unsigned part[6] = {};
  constexpr std::size_t kAt[6] = {0, 5, 8, 11, 14, 17};
  for (std::size_t i = 0; i < 6; ++i)
    if (!read_number("", text.substr(kAt[i], i == 0 ? 4 : 2), 9999, part[i])) return std::nullopt;
  const absl::CivilSecond out(part[0], static_cast<int>(part[1]), static_cast<int>(part[2]),
                              static_cast<int>(part[3]), static_cast<int>(part[4]),
                              static_cast<int>(part[5]));
  // What does not exist, such as February 30, comes out as another day.
  const bool exists =
      static_cast<unsigned>(out.month()) == part[1] &&
      static_cast<unsigned>(out.day()) == part[2] && static_cast<unsigned>(out.hour()) == part[3] &&
      static_cast<unsigned>(out.minute()) == part[4] &&
      static_cast<unsigned>(out.second()) == part[5] && part[0] >= 1970 && part[0] <= 2200;
  return exists ? std::optional(out) : std::nullopt;
}

Instant instant(absl::Time time) {
  return Instant{std::chrono::seconds{absl::ToUnixSeconds(time)}};
}

}  // namespace

LocalTimes::LocalTimes() : zone_(std::make_unique<Zone>()) {}
LocalTimes::~LocalTimes() = default;
LocalTimes::LocalTimes(LocalTimes&&) noexcept = default;
LocalTimes& LocalTimes::operator=(LocalTimes&&) noexcept = default;

Result<LocalTimes> LocalTimes::of_zone(const std::string& name, std::string_view field) {
  LocalTimes out;
  out.zone_->name = name;
  if (name.empty() || !absl::LoadTimeZone(name, &out.zone_->zone)) {
    return invalid(std::string(field), name,
                   "a zone of the time zone database, such as Europe/Berlin or America/New_York");
  }
  return out;
}

Result<LocalTimes> LocalTimes::of_offset(const std::string& text, std::string_view field) {
  const auto seconds = offset_of(text);
  if (!seconds)
    return invalid(std::string(field), text, "an offset from UTC such as +01:00 or -0330");
  LocalTimes out;
  out.zone_->zone = absl::FixedTimeZone(*seconds);
  out.zone_->name = text;
  out.zone_->is_fixed = true;
  return out;
}

Result<Instant> LocalTimes::read(std::string_view date_and_time, std::string_view name) {
  Zone& zone = *zone_;
  std::string text = both(date_and_time, name);
  if (text == zone.last_text) return zone.last;
  const auto local = civil(date_and_time);
  if (!local)
    return invalid("time", text, "a time such as 2018-01-06 01:02:03 UTC, from 1970 to 2200");
  const auto done = [&](Instant moment) {
    zone.last_text = std::move(text);
    return zone.last = moment;
  };
  if (name == "UTC" || name == "GMT" || name == "Z" || name == "UT")
    return done(instant(absl::FromCivil(*local, absl::UTCTimeZone())));
  if (const auto offset = offset_of(name))
    return done(instant(absl::FromCivil(*local, absl::FixedTimeZone(*offset))));
  if (zone.name.empty()) {
    return invalid("--time-zone", "",
                   name.empty() ? "the zone of times without one such as '" + text +
                                      "', for instance --time-zone Europe/Berlin"
                                : "the zone that '" + std::string(name) +
                                      "' is of, for instance --time-zone Europe/Berlin: such "
                                      "names are used by several");
  }
  if (zone.is_fixed && !name.empty()) {
    if (!zone.as) zone.as = std::string(name);
    if (*zone.as != name)
      return invalid("--time-zone", "",
                     "the zone of the times, since one offset cannot be that of " + *zone.as +
                         " and of " + std::string(name));
  }
  const absl::TimeZone::TimeInfo found = zone.zone.At(*local);
  if (found.kind == absl::TimeZone::TimeInfo::SKIPPED)
    return invalid("time", text,
                   "a time that there is in " + zone.name + "; clocks were put forward over it");
  if (zone.is_fixed) return done(instant(found.pre));
  const bool twice = found.kind == absl::TimeZone::TimeInfo::REPEATED;
  if (name.empty()) {
    if (twice)
      return invalid("time", text, "a zone's name behind it; in " + zone.name + " it comes twice");
    return done(instant(found.pre));
  }
  const bool is_first = name == zone.zone.At(found.pre).zone_abbr;
  const bool is_second = twice && name == zone.zone.At(found.post).zone_abbr;
  if (is_first == is_second) {  // neither, or both
    return invalid("time", text,
                   "a time of " + zone.name + ", where it is called " +
                       zone.zone.At(found.pre).zone_abbr +
                       (twice ? std::string(" or ") + zone.zone.At(found.post).zone_abbr : ""));
  }
  return done(instant(is_first ? found.pre : found.post));
}

std::string LocalTimes::write(Instant moment) const {
  return absl::FormatTime(
      "%Y-%m-%d %H:%M:%S %Z",
      absl::FromUnixSeconds(
          std::chrono::floor<std::chrono::seconds>(moment).time_since_epoch().count()),
      zone_->zone);
}

}  // namespace leaseledger::cli
