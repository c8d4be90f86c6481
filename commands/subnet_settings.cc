#include "commands/subnet_settings.h"

namespace leaseledger {

Status validate_settings(std::uint16_t preference, Lifetime preferred, Lifetime valid) {
  if (preference > 255) return invalid("preference", std::to_string(preference), "0 to 255");
  if (valid.count() == 0)
    return invalid("valid_lifetime", "0", "1 to 4294967295 seconds, the last is infinity");
  if (preferred > valid) {
    return invalid("preferred_lifetime", std::to_string(preferred.count()),
                   "at most the valid lifetime, " + std::to_string(valid.count()));
  }
  return {};
}

}  // namespace leaseledger
