#include "commands/refusal_limiter.h"

#include <algorithm>

namespace leaseledger {

RefusalLimiter::Verdict RefusalLimiter::admit(const Principal& principal, Win32 code, Instant now) {
  auto [it, fresh] = accounts_.try_emplace(principal.name);
  Account& account = it->second;
  if (fresh) {
    account.principal = principal;
    account.tokens = limits_.burst;
    account.refilled_at = now;
  }
  const std::chrono::duration<double, std::ratio<60>> minutes =
      std::max(now - account.refilled_at, std::chrono::nanoseconds{0});
  account.tokens =
      std::min<double>(limits_.burst, account.tokens + minutes.count() * limits_.per_minute);
  account.refilled_at = now;
  account.last_at = now;
  account.last_code = code;
  if (account.tokens < 1) {
    ++account.suppressed;
    return {false, 0};
  }
  account.tokens -= 1;
  return {true, std::exchange(account.suppressed, 0)};
}

std::vector<RefusalLimiter::Summary> RefusalLimiter::take_summaries(Instant now, bool all) {
  std::vector<Summary> out;
  for (auto it = accounts_.begin(); it != accounts_.end();) {
    Account& account = it->second;
    const bool quiet = now - account.last_at >= std::chrono::minutes{1};
    if (account.suppressed > 0 && (all || quiet)) {
      out.push_back({account.principal, account.last_code, std::exchange(account.suppressed, 0)});
    }
    // An account that would be full again says nothing that a new one would not say.
    const std::chrono::duration<double, std::ratio<60>> minutes = now - account.last_at;
    const bool full = account.tokens + minutes.count() * limits_.per_minute >= limits_.burst;
    it = account.suppressed == 0 && full ? accounts_.erase(it) : std::next(it);
  }
  return out;
}

}  // namespace leaseledger
