#pragma once
// Kea's memfile lease file for DHCPv6 (kea-leases6.csv), row by row. The columns are taken from the header, so that every
// format version is read: 1.0 ends with hostname; 2.0 adds hwaddr, 3.0 state, 3.1 user_context, 4.0 hwtype and
// hwaddr_source, 5.0 pool_id. Rows that are torn, glued together or otherwise not whole are reported, never guessed at: a
// crash of Kea leaves such rows, and the next lease is appended straight behind the torn bytes.
// Flow: file -> [lease_file.h] -> import.h -> commands/report_lease.h

#include "ledger/address.h"
#include "ledger/duid.h"
#include "ledger/instant.h"
#include "ledger/result.h"

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger::kea {

/// Kea's lease states: dhcpsrv/lease.h; 3 and 4 since Kea 2.5 and 2.7.
enum class RowState : std::uint32_t {
  kDefault = 0,
  kDeclined = 1,
  kExpiredReclaimed = 2,
  kReleased = 3,
  kRegistered = 4
};

/// One row, read and checked. Text is unescaped (Kea writes a comma as &#x2c).
struct LeaseRow {
  std::uint64_t line = 0;  ///< in the file; the header is line 1.
  std::string text;        ///< the row as it stands there.
  LeaseKey key;
  LeaseType type = LeaseType::kNa;
  Duid duid;  ///< empty where Kea wrote 00 or 00:00:00: nobody.
  Iaid iaid{};
  Lifetime valid_lifetime{};  ///< 0 in a row that stands for a deletion.
  Lifetime preferred_lifetime{};
  Instant expire{};  ///< end of the valid lifetime; in a deletion the cltt of the last assignment.
  Instant cltt{};    ///< client's last transaction time: expire - valid_lifetime.
  RowState state = RowState::kDefault;
  std::uint32_t subnet_id = 0;
  std::string hostname;
  std::string hardware_address;  ///< hexadecimal with colons, or empty.
  std::uint16_t hardware_type = 0;
  std::uint16_t hardware_source = 0;
  bool fqdn_forward = false;
  bool fqdn_reverse = false;
  std::string user_context;
  bool is_deletion() const { return valid_lifetime.count() == 0; }
};

class LeaseFile {
 public:
  /// Reads the header. kInvalid when a column that is needed is missing, or there is no header. Borrows `in`.
  static Result<LeaseFile> open(std::istream& in);

  /// The next row; nullopt at the end; an Error about one row (field, value, what would be right), after which the
  /// following rows can be read. `line()` and `text()` say where it was. Blank lines are skipped.
  Result<std::optional<LeaseRow>> next();
  std::uint64_t line() const { return line_; }
  const std::string& text() const { return text_; }
  /// Kea's number for the columns that the header has: "1.0" to "5.0".
  std::string_view format_version() const;

 private:
  struct Columns {
    int address = -1, duid = -1, valid_lifetime = -1, expire = -1, subnet_id = -1,
        pref_lifetime = -1, lease_type = -1, iaid = -1, prefix_len = -1, fqdn_fwd = -1,
        fqdn_rev = -1, hostname = -1, hwaddr = -1, state = -1, user_context = -1, hwtype = -1,
        hwaddr_source = -1, pool_id = -1;
    std::size_t count = 0;
  };
  explicit LeaseFile(std::istream& in) : in_(&in) {}
  bool read_line();
  Result<LeaseRow> parse() const;

  std::istream* in_;
  Columns columns_;
  std::uint64_t line_ = 0;
  std::string text_;
  bool ended_in_newline_ = true;
};

}  // namespace leaseledger::kea
