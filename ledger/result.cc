#include "ledger/result.h"

#include "ledger/check.h"

namespace leaseledger {

std::string Error::to_string() const {
  std::string text(name_of(code));
  text += " (" + std::to_string(static_cast<std::uint32_t>(code)) + ")";
  if (!field.empty()) {
    text += ": " + field;
    if (!value.empty()) text += " '" + value + "'";
  } else if (!value.empty()) {
    text += ": '" + value + "'";
  }
  if (!expected.empty()) text += ": " + expected;
  return text;
}

void check_ok(const Status& status, const char* file, int line) {
  if (!status) check_failed(file, line, status.error().to_string().c_str());
}

}  // namespace leaseledger
