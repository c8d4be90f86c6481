#include "ledger/check.h"

#include <cstdio>
#include <cstdlib>

namespace leaseledger {

void check_failed(const char* file, int line, const char* expression) noexcept {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace leaseledger
