// Formats with their meaning in Windows, of include/windows.h.
#include "adapters/dhcpsapi/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using leaseledger::dhcpsapi::to_shown_utf8;
using leaseledger::dhcpsapi::to_utf16;

enum class Size { kNone, kChar, kShort, kLong, k64, kWide, kLongDouble };

struct Conversion {
  std::string flags;
  int width = -1;
  int precision = -1;
  Size size = Size::kNone;
  char type = 0;
};

/// va_list that can be handed on by reference.
struct Arguments {
  va_list list;
};

std::string shown(const char* text, std::size_t n, char) { return std::string(text, n); }
std::string shown(const char16_t* text, std::size_t n, char) { return to_shown_utf8({text, n}); }
std::u16string shown(const char* text, std::size_t n, char16_t) { return to_utf16({text, n}); }
std::u16string shown(const char16_t* text, std::size_t n, char16_t) { return {text, n}; }

template <typename Source, typename Unit>
std::basic_string<Unit> text_argument(const Source* text, int precision) {
  static constexpr Source kNull[] = {'(', 'n', 'u', 'l', 'l', ')', 0};
  if (text == nullptr) text = kNull;
  std::size_t n = 0;
  while ((precision < 0 || n < static_cast<std::size_t>(precision)) && text[n] != 0) ++n;
  return shown(text, n, Unit{});
}

template <typename Unit>
class Formatter {
 public:
  Formatter(const Unit* format, Arguments& arguments) : at_(format), arguments_(arguments) {}

  std::basic_string<Unit> run() {
    while (*at_ != 0) {
      if (*at_ != '%') {
        out_.push_back(*at_++);
        continue;
      }
      ++at_;
      if (*at_ == '%') {
        out_.push_back(*at_++);
        continue;
      }
      const Conversion conversion = parse();
      if (conversion.type == 0) break;  // the format ends within a conversion
      convert(conversion);
    }
    return std::move(out_);
  }

 private:
  bool take(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (at_[i] != static_cast<Unit>(word[i])) return false;
    }
    at_ += word.size();
    return true;
  }

  int number() {
    if (take("*")) return va_arg(arguments_.list, int);
    int out = 0;
    while (*at_ >= '0' && *at_ <= '9') {
      out = std::min(out * 10 + static_cast<int>(*at_ - '0'), 1'000'000);
      ++at_;
    }
    return out;
  }

  Conversion parse() {
    Conversion out;
    while (*at_ == '-' || *at_ == '+' || *at_ == ' ' || *at_ == '#' || *at_ == '0')
      out.flags.push_back(static_cast<char>(*at_++));
    if (*at_ == '*' || (*at_ >= '0' && *at_ <= '9')) out.width = number();
    if (out.width < -1) {
      out.flags.push_back('-');
      out.width = -out.width;
    }
    if (take(".")) out.precision = std::max(number(), -1);
    out.size = parse_size();
    out.type = *at_ < 0x80 ? static_cast<char>(*at_) : '?';
    if (*at_ != 0) ++at_;
    return out;
  }

  Size parse_size() {
    if (take("I64") || take("ll") || take("j") || take("q")) return Size::k64;
    if (take("I32")) return Size::kNone;
    if (take("I") || take("z") || take("t")) return Size::k64;
    if (take("hh")) return Size::kChar;
    if (take("h")) return Size::kShort;
    if (take("l")) return Size::kLong;
    if (take("w")) return Size::kWide;
    if (take("L")) return Size::kLongDouble;
    return Size::kNone;
  }

  void convert(const Conversion& c) {
    switch (c.type) {
      case 'd':
      case 'i':
        return put_number(c, "lld", signed_argument(c.size));
      case 'u':
        return put_number(c, "llu", unsigned_argument(c.size));
      case 'o':
        return put_number(c, "llo", unsigned_argument(c.size));
      case 'x':
        return put_number(c, "llx", unsigned_argument(c.size));
      case 'X':
        return put_number(c, "llX", unsigned_argument(c.size));
      case 'p': {
        Conversion pointer = c;
        pointer.precision = 16;
        return put_number(pointer, "llX",
                          reinterpret_cast<std::uintptr_t>(va_arg(arguments_.list, void*)) + 0ULL);
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
      case 'a':
      case 'A': {
        const char type[] = {'L', c.type, 0};
        return put_number(c, type,
                          c.size == Size::kLongDouble
                              ? va_arg(arguments_.list, long double)
                              : static_cast<long double>(va_arg(arguments_.list, double)));
      }
      case 's':
      case 'S':
        return put_padded(c, wide(c) ? text_argument<char16_t, Unit>(
                                           va_arg(arguments_.list, const char16_t*), c.precision)
                                     : text_argument<char, Unit>(
                                           va_arg(arguments_.list, const char*), c.precision));
      case 'c':
      case 'C': {
        const int value = va_arg(arguments_.list, int);
        const auto unit = static_cast<char16_t>(value);
        const auto octet = static_cast<char>(value);
        return put_padded(c, wide(c) ? shown(&unit, 1, Unit{}) : shown(&octet, 1, Unit{}));
      }
      case 'n':
        va_arg(arguments_.list, void*);  // taken and not written to, as in Windows
        return;
      default:
        out_.push_back(static_cast<Unit>(c.type));
    }
  }

  /// Whether %s, %S, %c or %C means UTF-16.
  static bool wide(const Conversion& c) {
    if (c.size == Size::kShort) return false;
    if (c.size == Size::kLong || c.size == Size::kWide) return true;
    return (sizeof(Unit) == 2) == (c.type == 's' || c.type == 'c');
  }

  long long signed_argument(Size size) {
    if (size == Size::k64) return va_arg(arguments_.list, long long);
    const int value = va_arg(arguments_.list, int);
    if (size == Size::kChar) return static_cast<signed char>(value);
    return size == Size::kShort ? static_cast<short>(value) : value;
  }
  unsigned long long unsigned_argument(Size size) {
    if (size == Size::k64) return va_arg(arguments_.list, unsigned long long);
    const unsigned value = va_arg(arguments_.list, unsigned);
    if (size == Size::kChar) return static_cast<unsigned char>(value);
    return size == Size::kShort ? static_cast<unsigned short>(value) : value;
  }

  template <typename Number>
  void put_number(const Conversion& c, const char* type, Number number) {
    std::string format = "%" + c.flags;
    if (c.width >= 0) format += std::to_string(c.width);
    if (c.precision >= 0) format += "." + std::to_string(c.precision);
    format += type;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    const int length = std::snprintf(nullptr, 0, format.c_str(), number);
    if (length < 0) return;
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    std::snprintf(text.data(), text.size(), format.c_str(), number);
#pragma GCC diagnostic pop
    text.pop_back();
    out_.append(text.begin(), text.end());  // ASCII
  }

  void put_padded(const Conversion& c, const std::basic_string<Unit>& text) {
    const auto width = static_cast<std::size_t>(std::max(c.width, 0));
    const std::size_t pad = width > text.size() ? width - text.size() : 0;
    const bool left = c.flags.find('-') != std::string::npos;
    if (!left) out_.append(pad, c.flags.find('0') != std::string::npos ? Unit{'0'} : Unit{' '});
    out_ += text;
    if (left) out_.append(pad, Unit{' '});
  }

  const Unit* at_;
  Arguments& arguments_;
  std::basic_string<Unit> out_;
};

template <typename Unit>
std::basic_string<Unit> format(const Unit* text, va_list list) {
  Arguments arguments;
  va_copy(arguments.list, list);
  std::basic_string<Unit> out = Formatter<Unit>(text, arguments).run();
  va_end(arguments.list);
  return out;
}

/// Number of units, or -1 when they could not be written.
int put(std::FILE* file, std::string_view octets, std::size_t units) {
  return std::fwrite(octets.data(), 1, octets.size(), file) == octets.size()
             ? static_cast<int>(units)
             : -1;
}

template <typename Unit>
int print(std::FILE* file, const Unit* text, va_list list) {
  try {
    const auto out = format(text, list);
    if constexpr (sizeof(Unit) == 2) {
      return put(file, to_shown_utf8(out), out.size());
    } else {
      return put(file, out, out.size());
    }
  } catch (...) {
    errno = ENOMEM;
    return -1;
  }
}

/// What fits, always with a NUL; the number of units that there would be, or -1.
template <typename Unit>
long long fill(Unit* out, std::size_t size, const Unit* text, va_list list) {
  try {
    const auto units = format(text, list);
    if (size != 0) {
      const std::size_t n = std::min(units.size(), size - 1);
      std::copy_n(units.data(), n, out);
      out[n] = 0;
    }
    return static_cast<long long>(units.size());
  } catch (...) {
    errno = ENOMEM;
    return -1;
  }
}

int fitting(long long units, std::size_t size) {
  return units >= 0 && static_cast<unsigned long long>(units) < size ? static_cast<int>(units) : -1;
}

/// A format for vsscanf(): `l` for 32 bits goes, I64 becomes ll.
std::string scan_format(std::string text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] != '%') continue;
    while (i + 1 < text.size() &&
           (text[i + 1] == '*' || (text[i + 1] >= '0' && text[i + 1] <= '9')))
      out.push_back(text[++i]);
    const std::string_view rest = std::string_view(text).substr(i + 1);
    if (rest.starts_with("I64")) {
      out += "ll";
      i += 3;
    } else if (rest.starts_with("l") && !rest.starts_with("ll")) {
      i += 1;
    }
    if (rest.starts_with("%")) out.push_back(text[++i]);
  }
  return out;
}

}  // namespace

// Last: its macros rename what the code above uses.
#include "adapters/dhcpsapi/include/windows.h"

#define DHCPSAPI_WITH_ARGUMENTS(result, last, expression) \
  va_list list;                                           \
  va_start(list, last);                                   \
  const auto result = (expression);                       \
  va_end(list)

int dhcpsapi_vfprintf(FILE* file, LPCSTR text, va_list list) { return print(file, text, list); }
int dhcpsapi_printf(LPCSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, print(stdout, text, list));
  return out;
}
int dhcpsapi_fprintf(FILE* file, LPCSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, print(file, text, list));
  return out;
}
int dhcpsapi_sprintf(LPSTR to, LPCSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, fill(to, SIZE_MAX, text, list));
  return static_cast<int>(out);
}
int dhcpsapi_snprintf(LPSTR to, size_t size, LPCSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, fill(to, size, text, list));
  return static_cast<int>(out);
}
int dhcpsapi_sprintf_s(LPSTR to, size_t size, LPCSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, fill(to, size, text, list));
  return fitting(out, size);
}
int dhcpsapi_vfwprintf(FILE* file, LPCWSTR text, va_list list) { return print(file, text, list); }
int dhcpsapi_vwprintf(LPCWSTR text, va_list list) { return print(stdout, text, list); }
int dhcpsapi_wprintf(LPCWSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, print(stdout, text, list));
  return out;
}
int dhcpsapi_fwprintf(FILE* file, LPCWSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, print(file, text, list));
  return out;
}
int dhcpsapi_vswprintf(LPWSTR to, size_t size, LPCWSTR text, va_list list) {
  return fitting(fill(to, size, text, list), size);
}
int dhcpsapi_swprintf(LPWSTR to, size_t size, LPCWSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, fill(to, size, text, list));
  return fitting(out, size);
}
int dhcpsapi_wsprintfW(LPWSTR to, LPCWSTR text, ...) {
  DHCPSAPI_WITH_ARGUMENTS(out, text, fill(to, 1024, text, list));
  return static_cast<int>(std::min<long long>(out, 1023));
}
int dhcpsapi_fputws(LPCWSTR text, FILE* file) {
  try {
    return put(file, to_shown_utf8(text), 0);
  } catch (...) {
    return -1;
  }
}
int dhcpsapi__putws(LPCWSTR text) {
  return dhcpsapi_fputws(text, stdout) < 0 || std::fputc('\n', stdout) == EOF ? -1 : 0;
}
int dhcpsapi_fputwc(WCHAR unit, FILE* file) {
  const WCHAR text[] = {unit, 0};
  return dhcpsapi_fputws(text, file) < 0 ? -1 : unit;
}
int dhcpsapi_swscanf(LPCWSTR text, LPCWSTR wanted, ...) {
  try {
    const std::string octets = to_shown_utf8(text);
    const std::string pattern = scan_format(to_shown_utf8(wanted));
    DHCPSAPI_WITH_ARGUMENTS(out, wanted, std::vsscanf(octets.c_str(), pattern.c_str(), list));
    return out;
  } catch (...) {
    return EOF;
  }
}
