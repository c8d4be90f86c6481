// Texts in UTF-16 of include/windows.h, and addresses as such.
#include "adapters/dhcpsapi/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale.h>
#include <string>
#include <wctype.h>

// Last: its macros rename what the headers above declare.
#include "adapters/dhcpsapi/include/ws2tcpip.h"

using leaseledger::dhcpsapi::to_shown_utf8;
using leaseledger::dhcpsapi::to_utf16;

namespace {

using Text = std::u16string_view;

locale_t unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}
WCHAR lower(WCHAR unit) {
  if (unit < 0x80 || unicode() == nullptr)
    return unit >= u'A' && unit <= u'Z' ? static_cast<WCHAR>(unit + 32) : unit;
  return static_cast<WCHAR>(towlower_l(unit, unicode()));
}
WCHAR upper(WCHAR unit) {
  if (unit < 0x80 || unicode() == nullptr)
    return unit >= u'a' && unit <= u'z' ? static_cast<WCHAR>(unit - 32) : unit;
  return static_cast<WCHAR>(towupper_l(unit, unicode()));
}

template <typename Fold>
int compare(LPCWSTR a, LPCWSTR b, size_t count, Fold fold) {
  for (; count > 0; --count, ++a, ++b) {
    const WCHAR x = fold(*a);
    const WCHAR y = fold(*b);
    if (x != y) return x < y ? -1 : 1;
    if (x == 0) break;
  }
  return 0;
}
constexpr size_t kAll = std::numeric_limits<size_t>::max();
WCHAR same(WCHAR unit) { return unit; }

int digit_of(WCHAR unit) {
  if (unit >= u'0' && unit <= u'9') return unit - u'0';
  const WCHAR low = lower(unit);
  return low >= u'a' && low <= u'z' ? low - u'a' + 10 : 99;
}

struct Number {
  bool negative = false;
  ULONGLONG magnitude = 0;
  bool over = false;
};

Number number_of(LPCWSTR text, WCHAR** end, int base) {
  Number out;
  LPCWSTR at = text;
  while (*at == u' ' || (*at >= u'\t' && *at <= u'\r')) ++at;
  if (*at == u'+' || *at == u'-') out.negative = *at++ == u'-';
  const bool hex = at[0] == u'0' && lower(at[1]) == u'x' && digit_of(at[2]) < 16;
  if ((base == 0 || base == 16) && hex) {
    at += 2;
    base = 16;
  } else if (base == 0) {
    base = *at == u'0' ? 8 : 10;
  }
  LPCWSTR last = text;
  for (; digit_of(*at) < base; last = ++at) {
    const auto step = static_cast<ULONGLONG>(base);
    const auto digit = static_cast<ULONGLONG>(digit_of(*at));
    out.over |= out.magnitude > (std::numeric_limits<ULONGLONG>::max() - digit) / step;
    out.magnitude = out.magnitude * step + digit;
  }
  if (end != nullptr) *end = const_cast<WCHAR*>(last);
  return out;
}

template <typename T>
T limited(const Number& number) {
  using Limits = std::numeric_limits<T>;
  constexpr auto most = static_cast<ULONGLONG>(Limits::max());
  const ULONGLONG room = Limits::is_signed && number.negative ? most + 1 : most;
  if (number.over || number.magnitude > room) {
    errno = ERANGE;
    return Limits::is_signed && number.negative ? Limits::min() : Limits::max();
  }
  return static_cast<T>(number.negative ? 0 - number.magnitude : number.magnitude);
}

}  // namespace

size_t dhcpsapi_wcsnlen(LPCWSTR text, size_t most) {
  size_t n = 0;
  while (n < most && text[n] != 0) ++n;
  return n;
}
size_t dhcpsapi_wcslen(LPCWSTR text) { return dhcpsapi_wcsnlen(text, kAll); }
LPWSTR dhcpsapi_wcscpy(LPWSTR to, LPCWSTR from) {
  std::memmove(to, from, (dhcpsapi_wcslen(from) + 1) * sizeof(WCHAR));
  return to;
}
LPWSTR dhcpsapi_wcsncpy(LPWSTR to, LPCWSTR from, size_t count) {
  const size_t n = dhcpsapi_wcsnlen(from, count);
  std::memmove(to, from, n * sizeof(WCHAR));
  std::fill(to + n, to + count, WCHAR{0});
  return to;
}
LPWSTR dhcpsapi_wcscat(LPWSTR to, LPCWSTR from) {
  dhcpsapi_wcscpy(to + dhcpsapi_wcslen(to), from);
  return to;
}
LPWSTR dhcpsapi_wcsncat(LPWSTR to, LPCWSTR from, size_t count) {
  LPWSTR end = to + dhcpsapi_wcslen(to);
  const size_t n = dhcpsapi_wcsnlen(from, count);
  std::memmove(end, from, n * sizeof(WCHAR));
  end[n] = 0;
  return to;
}
int dhcpsapi_wcscmp(LPCWSTR a, LPCWSTR b) { return compare(a, b, kAll, same); }
int dhcpsapi_wcsncmp(LPCWSTR a, LPCWSTR b, size_t count) { return compare(a, b, count, same); }
int dhcpsapi__wcsicmp(LPCWSTR a, LPCWSTR b) { return compare(a, b, kAll, lower); }
int dhcpsapi__wcsnicmp(LPCWSTR a, LPCWSTR b, size_t count) { return compare(a, b, count, lower); }
LPWSTR dhcpsapi_wcschr(LPCWSTR text, WCHAR unit) {
  for (;; ++text) {
    if (*text == unit) return const_cast<LPWSTR>(text);
    if (*text == 0) return nullptr;
  }
}
LPWSTR dhcpsapi_wcsrchr(LPCWSTR text, WCHAR unit) {
  for (LPCWSTR at = text + dhcpsapi_wcslen(text);; --at) {
    if (*at == unit) return const_cast<LPWSTR>(at);
    if (at == text) return nullptr;
  }
}
LPWSTR dhcpsapi_wcsstr(LPCWSTR text, LPCWSTR part) {
  const size_t at = Text(text).find(Text(part));
  return at == Text::npos ? nullptr : const_cast<LPWSTR>(text + at);
}
LPWSTR dhcpsapi__wcsdup(LPCWSTR text) {
  const size_t octets = (dhcpsapi_wcslen(text) + 1) * sizeof(WCHAR);
  void* out = std::malloc(octets);
  return out == nullptr ? nullptr : static_cast<LPWSTR>(std::memcpy(out, text, octets));
}
int dhcpsapi_wcscpy_s(LPWSTR to, size_t size, LPCWSTR from) {
  if (to == nullptr || size == 0) return EINVAL;
  *to = 0;
  if (from == nullptr) return EINVAL;
  if (dhcpsapi_wcslen(from) >= size) return ERANGE;
  dhcpsapi_wcscpy(to, from);
  return 0;
}
int dhcpsapi_wcsncpy_s(LPWSTR to, size_t size, LPCWSTR from, size_t count) {
  if (to == nullptr || size == 0) return EINVAL;
  *to = 0;
  if (from == nullptr) return EINVAL;
  const size_t n = dhcpsapi_wcsnlen(from, std::min(count, size));
  if (n >= size && count != kAll) return ERANGE;
  dhcpsapi_wcsncat(to, from, std::min(n, size - 1));  // kAll is _TRUNCATE
  return 0;
}
int dhcpsapi_wcscat_s(LPWSTR to, size_t size, LPCWSTR from) {
  if (to == nullptr) return EINVAL;
  const size_t length = dhcpsapi_wcsnlen(to, size);
  if (length == size) return EINVAL;
  const int code = dhcpsapi_wcscpy_s(to + length, size - length, from);
  if (code != 0) *to = 0;
  return code;
}
LONG dhcpsapi_wcstol(LPCWSTR text, WCHAR** end, int base) {
  return limited<LONG>(number_of(text, end, base));
}
ULONG dhcpsapi_wcstoul(LPCWSTR text, WCHAR** end, int base) {
  return limited<ULONG>(number_of(text, end, base));
}
LONGLONG dhcpsapi__wcstoi64(LPCWSTR text, WCHAR** end, int base) {
  return limited<LONGLONG>(number_of(text, end, base));
}
ULONGLONG dhcpsapi__wcstoui64(LPCWSTR text, WCHAR** end, int base) {
  return limited<ULONGLONG>(number_of(text, end, base));
}
int dhcpsapi__wtoi(LPCWSTR text) { return limited<int>(number_of(text, nullptr, 10)); }
WCHAR dhcpsapi_towupper(WCHAR unit) { return upper(unit); }
WCHAR dhcpsapi_towlower(WCHAR unit) { return lower(unit); }

int dhcpsapi_lstrlenW(LPCWSTR text) {
  return text == nullptr ? 0 : static_cast<int>(dhcpsapi_wcslen(text));
}
LPWSTR dhcpsapi_lstrcpyW(LPWSTR to, LPCWSTR from) {
  return to == nullptr || from == nullptr ? nullptr : dhcpsapi_wcscpy(to, from);
}
LPWSTR dhcpsapi_lstrcpynW(LPWSTR to, LPCWSTR from, int size) {
  if (to == nullptr || from == nullptr || size <= 0) return nullptr;
  *to = 0;
  return dhcpsapi_wcsncat(to, from, static_cast<size_t>(size - 1));
}
LPWSTR dhcpsapi_lstrcatW(LPWSTR to, LPCWSTR from) {
  return to == nullptr || from == nullptr ? nullptr : dhcpsapi_wcscat(to, from);
}
int dhcpsapi_lstrcmpW(LPCWSTR a, LPCWSTR b) { return dhcpsapi_wcscmp(a, b); }
int dhcpsapi_lstrcmpiW(LPCWSTR a, LPCWSTR b) { return dhcpsapi__wcsicmp(a, b); }

int dhcpsapi_MultiByteToWideChar(UINT, DWORD flags, LPCSTR text, int octets, LPWSTR out, int size) {
  try {
    if (text == nullptr || octets == 0 || octets < -1 || size < 0) {
      dhcpsapi_SetLastError(ERROR_INVALID_PARAMETER);
      return 0;
    }
    const size_t length = octets == -1 ? std::strlen(text) + 1 : static_cast<size_t>(octets);
    const std::u16string units = to_utf16({text, length});
    // Only a replacement that was not in the text stands for octets that are wrong.
    if ((flags & MB_ERR_INVALID_CHARS) != 0 && to_shown_utf8(units) != std::string(text, length)) {
      dhcpsapi_SetLastError(ERROR_NO_UNICODE_TRANSLATION);
      return 0;
    }
    if (size != 0 && units.size() > static_cast<size_t>(size)) {
      dhcpsapi_SetLastError(ERROR_INSUFFICIENT_BUFFER);
      return 0;
    }
    if (size != 0) std::copy(units.begin(), units.end(), out);
    return static_cast<int>(units.size());
  } catch (...) {
    dhcpsapi_SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return 0;
  }
}

int dhcpsapi_WideCharToMultiByte(UINT, DWORD flags, LPCWSTR text, int units, LPSTR out, int size,
                                 LPCSTR, LPBOOL used_default) {
  try {
    if (used_default != nullptr) *used_default = FALSE;
    if (text == nullptr || units == 0 || units < -1 || size < 0) {
      dhcpsapi_SetLastError(ERROR_INVALID_PARAMETER);
      return 0;
    }
    const size_t length = units == -1 ? dhcpsapi_wcslen(text) + 1 : static_cast<size_t>(units);
    const std::string octets = to_shown_utf8({text, length});
    if ((flags & WC_ERR_INVALID_CHARS) != 0 &&
        !leaseledger::dhcpsapi::to_utf8(Text(text, length), "text")) {
      dhcpsapi_SetLastError(ERROR_NO_UNICODE_TRANSLATION);
      return 0;
    }
    if (size != 0 && octets.size() > static_cast<size_t>(size)) {
      dhcpsapi_SetLastError(ERROR_INSUFFICIENT_BUFFER);
      return 0;
    }
    if (size != 0) std::copy(octets.begin(), octets.end(), out);
    return static_cast<int>(octets.size());
  } catch (...) {
    dhcpsapi_SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return 0;
  }
}

INT dhcpsapi_InetPtonW(INT family, LPCWSTR text, PVOID address) {
  try {
    return text == nullptr ? -1 : inet_pton(family, to_shown_utf8(text).c_str(), address);
  } catch (...) {
    return -1;
  }
}

LPCWSTR dhcpsapi_InetNtopW(INT family, const VOID* address, LPWSTR text, size_t size) {
  char octets[INET6_ADDRSTRLEN];
  if (inet_ntop(family, address, octets, sizeof octets) == nullptr) return nullptr;
  const size_t n = std::strlen(octets) + 1;
  if (n > size) return nullptr;
  std::copy_n(octets, n, text);
  return text;
}
