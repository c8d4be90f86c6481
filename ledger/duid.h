#pragma once
// Who a DHCPv6 client is: the DUID of the device and the IAID of one of its identity associations.

#include "ledger/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace leaseledger {

/// A DHCP Unique Identifier: opaque octets, compared whole (RFC 9915 section 11). 0 to 130 octets fit; the rules of
/// each command say when an empty one is refused. No allocation, trivially copied.
class Duid {
 public:
  /// RFC 9915 section 11.1: type 2 + 1 to 128 octets.
  static constexpr std::size_t kMaxSize = 130;

  Duid() = default;
  /// kInvalid for more than kMaxSize octets.
  static Result<Duid> from_bytes(std::span<const std::uint8_t> bytes,
                                 std::string_view field = "duid");
  /// The same for octets that are known to fit; a CHECK otherwise.
  static Duid copy_of(std::span<const std::uint8_t> bytes);
  /// Becomes `bytes`; false, and unchanged, when they are more than kMaxSize.
  bool assign(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > kMaxSize) return false;
    size_ = static_cast<std::uint8_t>(bytes.size());
    if (size_ != 0) std::memcpy(data_.data(), bytes.data(), size_);
    return true;
  }
  /// "00:01:00:01:2c", "00-01-00-01-2C" or "000100012c"; the empty text is the empty DUID.
  static Result<Duid> parse(std::string_view text, std::string_view field = "duid");
  /// Lower-case hexadecimal with colons.
  std::string to_string() const;
  /// What RFC 9915 section 11 makes of the octets, for people: "LLT hw 1 00:11:.. at 2011-..", "EN 9 ..", "LL ..",
  /// "UUID ..", or "" when they have none of those shapes. Never identity.
  std::string describe() const;

  std::span<const std::uint8_t> bytes() const { return {data_.data(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const Duid& a, const Duid& b) {
    return a.size_ == b.size_ && std::memcmp(a.data_.data(), b.data_.data(), a.size_) == 0;
  }
  friend std::strong_ordering operator<=>(const Duid& a, const Duid& b);

 private:
  std::uint8_t size_ = 0;
  std::array<std::uint8_t, kMaxSize> data_{};
};

/// Identity association identifier, host byte order. Unique for one client and one IA type (RFC 9915 section 12).
enum class Iaid : std::uint32_t {};

/// Which kind of identity association a lease belongs to. Numbers are ours and stored.
enum class LeaseType : std::uint8_t {
  kNa = 0,  ///< non-temporary address, IA_NA; ADDRESS_TYPE_IANA in MS-DHCPM.
  kTa = 1,  ///< temporary address, IA_TA (obsolete since RFC 9915); ADDRESS_TYPE_IATA.
  kPd = 2,  ///< delegated prefix, IA_PD.
};
std::string_view name_of(LeaseType type);  ///< "IA_NA", "IA_TA", "IA_PD".
Result<LeaseType> parse_lease_type(std::string_view text, std::string_view field = "type");

std::size_t hash_value(const Duid& duid);

/// Hexadecimal text of octets, two lower-case digits each, with `separator` between octets unless it is 0.
std::string to_hex(std::span<const std::uint8_t> bytes, char separator = 0);
/// The reverse for plain digits, or digits with ':' or '-' between octets. False when it is neither.
bool from_hex(std::string_view text, std::string& out);

}  // namespace leaseledger

template <>
struct std::hash<leaseledger::Duid> {
  std::size_t operator()(const leaseledger::Duid& duid) const {
    return leaseledger::hash_value(duid);
  }
};
