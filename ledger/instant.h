#pragma once
// Time in the ledger: one type, UTC, nanoseconds since 1970. Text in and out is RFC 3339.
// Nothing that decides or replays reads a clock: time enters once, in the command handler, through a Clock.

#include "ledger/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace leaseledger {

/// UTC, nanoseconds since 1970-01-01 (no leap seconds), 1677 to 2262.
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// A lease that never ends: RFC 9915 section 7.7 writes it as a lifetime of 0xFFFFFFFF seconds,
/// MS-DHCPM as a DATE_TIME of 0x7FFFFFFF'FFFFFFFF.
inline constexpr Instant kForever = Instant::max();
/// No time given.
inline constexpr Instant kUnset = Instant::min();

/// A lifetime as DHCPv6 carries it: seconds, 0xFFFFFFFF is infinity (RFC 9915 section 7.7).
using Lifetime = std::chrono::duration<std::uint32_t>;
inline constexpr Lifetime kInfiniteLifetime{0xFFFF'FFFFU};

/// `start` plus `lifetime`; kForever for the infinite one or past the end of Instant.
Instant add_lifetime(Instant start, Lifetime lifetime);

/// "2026-03-03T14:05:00Z", with as many of 3, 6 or 9 fraction digits as are needed;
/// "never" for kForever and "" for kUnset.
std::string format_instant(Instant instant);

/// Reads RFC 3339 ("2026-03-03T14:05:00.25+01:00"; a space for T, and a missing zone read as UTC, are taken too)
/// and the word "never". kInvalid names `field`.
Result<Instant> parse_instant(std::string_view text, std::string_view field);

/// Where time comes from. now() may go back when the machine's clock does; the command handler deals with it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  Instant now() override;
};

/// A clock for tests and for replays of input with its own times: stands still until told.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start) : now_(start) {}
  Instant now() override { return now_; }
  void set(Instant now) { now_ = now; }
  void advance(std::chrono::nanoseconds step) { now_ += step; }

 private:
  Instant now_;
};

}  // namespace leaseledger
