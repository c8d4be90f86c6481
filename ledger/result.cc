#include "ledger/result.h"

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

}  // namespace leaseledger
