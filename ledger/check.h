#pragma once
// CHECK: an invariant that holds in every build, release included. A broken one ends the process with the place
// and the expression, because a ledger that goes on with a broken invariant would record untruths.
// For what callers can get wrong use Result (ledger/result.h).

namespace leaseledger {

/// Writes "file:line: CHECK failed: expression" to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression) noexcept;

}  // namespace leaseledger

#define LEASELEDGER_CHECK(condition)                   \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::leaseledger::check_failed(__FILE__, __LINE__, #condition))
