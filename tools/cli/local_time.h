#pragma once
// Local times as log files have them, "2018-01-06 01:02:03 PST", made into moments and back. The name of a zone that is printed
// there does not say which zone it is (CST is American, Cuban and Chinese): who knows says it.

#include "ledger/instant.h"
#include "ledger/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace leaseledger::cli {

class LocalTimes {
 public:
  /// Without a zone: only UTC and what gives its offset from it is understood.
  LocalTimes();
  ~LocalTimes();
  LocalTimes(LocalTimes&&) noexcept;
  LocalTimes& operator=(LocalTimes&&) noexcept;

  /// A zone of the time zone database ("Europe/Berlin"). kInvalid names `field`.
  static Result<LocalTimes> of_zone(const std::string& name, std::string_view field);
  /// A fixed offset from UTC, "+01:00", "-0330" or "+01"; right for one printed name only.
  static Result<LocalTimes> of_offset(const std::string& text, std::string_view field);

  /// The moment of "2018-01-06 01:02:03" and the zone's name that is printed behind it: UTC, GMT, Z, +01, +0100, or a name
  /// that the zone has at that time; "" when none is printed. Of an hour that comes twice the name says which it is.
  /// kInvalid for --time-zone: nothing can be read without knowing the zone. kInvalid for "time": there is no such time, or
  /// it is not called so in that zone.
  Result<Instant> read(std::string_view date_and_time, std::string_view name);

  /// "2018-01-06 01:02:03 PST", whole seconds; UTC without a zone.
  std::string write(Instant instant) const;

 private:
  struct Zone;
  std::unique_ptr<Zone> zone_;
};

}  // namespace leaseledger::cli
