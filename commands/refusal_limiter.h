#pragma once
// How many refusals of one principal are recorded. A caller without rights, or a script gone wrong, must not fill the
// audit trail; what is left out is counted, and the count is recorded.
// Flow: command_handler.h -> [refusal_limiter.h]

#include "commands/principal.h"
#include "ledger/instant.h"
#include "ledger/win32.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leaseledger {

struct RefusalLimits {
  std::uint32_t burst = 100;      ///< refusals recorded at once for one principal.
  std::uint32_t per_minute = 60;  ///< and so many a minute after that.
};

class RefusalLimiter {
 public:
  explicit RefusalLimiter(RefusalLimits limits = {}) : limits_(limits) {}

  struct Verdict {
    bool record = true;
    /// with record: refusals left out since the last recorded one.
    std::uint32_t suppressed_before = 0;
  };
  /// Asks for one refusal of `principal` at `now`, and counts it.
  Verdict admit(const Principal& principal, Win32 code, Instant now);

  /// Counts not recorded yet of principals that have been quiet since their minute ended, or of all of them: for a
  /// summary record, so that no count is lost. Taken out.
  struct Summary {
    Principal principal;
    Win32 code = Win32::kSuccess;  ///< of the last one left out.
    std::uint32_t suppressed = 0;
  };
  std::vector<Summary> take_summaries(Instant now, bool all);

 private:
  struct Account {
    Principal principal;
    double tokens = 0;
    Instant refilled_at{};
    Instant last_at{};
    Win32 last_code = Win32::kSuccess;
    std::uint32_t suppressed = 0;
  };
  RefusalLimits limits_;
  std::map<std::string, Account> accounts_;
};

}  // namespace leaseledger
