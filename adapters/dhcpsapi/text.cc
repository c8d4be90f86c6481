#include "adapters/dhcpsapi/text.h"

#include <cstdint>

namespace leaseledger::dhcpsapi {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_high(char32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(char32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void append_utf8(std::string& out, char32_t c) {
  const auto octet = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  const auto rest = [&](int shift) { octet(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return octet(c);
  if (c < 0x800) {
    octet(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      octet(0xE0 | c >> 12);
    } else {
      octet(0xF0 | c >> 18);
      rest(12);
    }
    rest(6);
  }
  rest(0);
}

void append_utf16(std::u16string& out, char32_t c) {
  if (c < 0x10000) {
    out.push_back(static_cast<char16_t>(c));
  } else {
    out.push_back(static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10)));
    out.push_back(static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF)));
  }
}

/// The first character of `text`, which is not empty, and how many octets it has; Unicode 15 table 3-7.
char32_t decode(std::string_view text, std::size_t& length) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = at(0);
  length = 1;
  if (lead < 0x80) return lead;
  const std::size_t need = lead >= 0xC2 && lead <= 0xDF   ? 2
                           : lead >= 0xE0 && lead <= 0xEF ? 3
                           : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                          : 0;
  if (need == 0) return kReplacement;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  char32_t c = lead & (0xFF >> (need + 1));
  for (std::size_t i = 1; i < need; ++i) {
    if (i >= text.size() || at(i) < low || at(i) > high) return kReplacement;
    c = c << 6 | (at(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
    length = i + 1;
  }
  return c;
}

/// How many surrogates had no partner; each became U+FFFD.
std::size_t encode(std::u16string_view text, std::string& out) {
  std::size_t alone = 0;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t c = text[i];
    if (is_high(c) && i + 1 < text.size() && is_low(text[i + 1])) {
      c = 0x10000 + ((c - 0xD800) << 10) + (char32_t{text[++i]} - 0xDC00);
    } else if (is_high(c) || is_low(c)) {
      ++alone;
      c = kReplacement;
    }
    append_utf8(out, c);
  }
  return alone;
}

}  // namespace

Result<std::string> to_utf8(std::u16string_view text, std::string_view field) {
  std::string out;
  if (encode(text, out) != 0)
    return invalid(std::string(field), out, "UTF-16 in which every surrogate has its partner");
  return out;
}

std::string to_shown_utf8(std::u16string_view text) {
  std::string out;
  encode(text, out);
  return out;
}

Result<std::string> to_utf8(const char16_t* text, std::string_view field) {
  if (text == nullptr) return std::string();
  return to_utf8(std::u16string_view(text), field);
}

std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = 0;
    append_utf16(out, decode(text, length));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace leaseledger::dhcpsapi
