#include "ledger/duid.h"

#include "ledger/check.h"
#include "ledger/instant.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost more than the hash
#include <xxhash.h>

#include <algorithm>

namespace leaseledger {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (const auto byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes, char separator) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 3);
  for (const auto byte : bytes) {
    if (separator != 0 && !out.empty()) out += separator;
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool from_hex(std::string_view text, std::string& out) {
  out.clear();
  const char separator = text.size() > 2 && (text[2] == ':' || text[2] == '-') ? text[2] : '\0';
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (separator != 0 && i != 0) {
      if (text[i] != separator) return false;
      ++i;
    }
    if (i + 2 > text.size()) return false;
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

Result<Duid> Duid::from_bytes(std::span<const std::uint8_t> bytes, std::string_view field) {
  if (bytes.size() > kMaxSize) {
    return invalid(std::string(field), std::to_string(bytes.size()) + " octets",
                   "1 to 130 octets (RFC 9915 section 11.1)");
  }
  Duid out;
  out.size_ = static_cast<std::uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.data_.begin());
  return out;
}

Duid Duid::copy_of(std::span<const std::uint8_t> bytes) {
  LEASELEDGER_CHECK(bytes.size() <= kMaxSize);
  Duid out;
  out.size_ = static_cast<std::uint8_t>(bytes.size());
  std::ranges::copy(bytes, out.data_.begin());
  return out;
}

Result<Duid> Duid::parse(std::string_view text, std::string_view field) {
  std::string bytes;
  if (!from_hex(text, bytes)) {
    return invalid(std::string(field), std::string(text),
                   "octets in hexadecimal such as 00:01:00:01:2c:3f, two digits each, separated by "
                   "':' or '-' or not at all");
  }
  return from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, field);
}

std::string Duid::to_string() const { return to_hex(bytes(), ':'); }

std::string Duid::describe() const {
  const auto all = bytes();
  if (all.size() < 3) return "";
  const auto body = all.subspan(2);
  switch (big_endian(all.first(2))) {
    case 1: {
      if (body.size() < 7) return "";
      const Instant since_2000{std::chrono::seconds{946684800LL + big_endian(body.subspan(2, 4))}};
      return "LLT hardware " + std::to_string(big_endian(body.first(2))) + " " +
             to_hex(body.subspan(6), ':') + " made " + format_instant(since_2000);
    }
    case 2:
      if (body.size() < 5) return "";
      return "EN enterprise " + std::to_string(big_endian(body.first(4))) + " " +
             to_hex(body.subspan(4));
    case 3:
      if (body.size() < 3) return "";
      return "LL hardware " + std::to_string(big_endian(body.first(2))) + " " +
             to_hex(body.subspan(2), ':');
    case 4:
      if (body.size() != 16) return "";
      return "UUID " + to_hex(body.first(4)) + "-" + to_hex(body.subspan(4, 2)) + "-" +
             to_hex(body.subspan(6, 2)) + "-" + to_hex(body.subspan(8, 2)) + "-" +
             to_hex(body.subspan(10));
    default:
      return "";
  }
}

std::strong_ordering operator<=>(const Duid& a, const Duid& b) {
  const auto x = a.bytes();
  const auto y = b.bytes();
  return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
}

std::size_t hash_value(const Duid& duid) { return XXH3_64bits(duid.bytes().data(), duid.size()); }

std::string_view name_of(LeaseType type) {
  switch (type) {
    case LeaseType::kNa:
      return "IA_NA";
    case LeaseType::kTa:
      return "IA_TA";
    case LeaseType::kPd:
      return "IA_PD";
  }
  return "IA_?";
}

Result<LeaseType> parse_lease_type(std::string_view text, std::string_view field) {
  if (text == "IA_NA" || text == "NA") return LeaseType::kNa;
  if (text == "IA_TA" || text == "TA") return LeaseType::kTa;
  if (text == "IA_PD" || text == "PD") return LeaseType::kPd;
  return invalid(std::string(field), std::string(text), "IA_NA, IA_TA or IA_PD");
}

}  // namespace leaseledger
