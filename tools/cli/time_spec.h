#pragma once
// One grammar for moments, wherever the program takes one:
//   123, pos:123          the ledger after record 123
//   now                   everything recorded up to now
//   2026-03-03T14:05:00Z  RFC 3339, also with an offset; "2026-03-03 14:05" and "2026-03-03" are UTC
//   -2h, -30m, -7d, -90s  before now (s, m, h, d, w)
//   today, yesterday      00:00 UTC of that day; "yesterday 14:05" adds a time of day
//   @1772546700           seconds since 1970

#include "ledger/event.h"
#include "ledger/result.h"

#include <string_view>
#include <variant>

namespace leaseledger::cli {

/// A position, or a time.
using TimeSpec = std::variant<Position, Instant>;

/// Reads the grammar above; `now` is the moment that relative forms count from. kInvalid names `field`.
Result<TimeSpec> parse_time_spec(std::string_view text, Instant now, std::string_view field);
/// The same, where only a time makes sense.
Result<Instant> parse_time(std::string_view text, Instant now, std::string_view field);

/// "90", "90s", "15m", "12h", "8d", "2w", "infinite". kInvalid names `field`.
Result<Lifetime> parse_lifetime(std::string_view text, std::string_view field);

}  // namespace leaseledger::cli
