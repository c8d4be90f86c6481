// Dates and times by pictures, of include/windows.h.
#include <algorithm>
#include <string>
#include <string_view>

// Last: its macros rename what the headers above declare.
#include "adapters/dhcpsapi/include/windows.h"

namespace {

constexpr std::u16string_view kShortDate = u"yyyy-MM-dd";
constexpr std::u16string_view kLongDate = u"dddd, d MMMM yyyy";
constexpr std::u16string_view kTime = u"HH:mm:ss";
constexpr std::u16string_view kDays[] = {u"Sunday",   u"Monday", u"Tuesday", u"Wednesday",
                                         u"Thursday", u"Friday", u"Saturday"};
constexpr std::u16string_view kMonths[] = {u"January",   u"February", u"March",    u"April",
                                           u"May",       u"June",     u"July",     u"August",
                                           u"September", u"October",  u"November", u"December"};

std::u16string number(unsigned value, std::size_t digits) {
  const std::string text = std::to_string(value);
  std::u16string out(digits > text.size() ? digits - text.size() : 0, u'0');
  return out.append(text.begin(), text.end());
}

/// What `count` letters `letter` stand for; "" when they stand for nothing.
std::u16string part(char16_t letter, std::size_t count, const SYSTEMTIME& t, bool date) {
  if (date) {
    switch (letter) {
      case u'd': {
        const std::u16string_view name = kDays[t.wDayOfWeek % 7];
        return count >= 4   ? std::u16string(name)
               : count == 3 ? std::u16string(name.substr(0, 3))
                            : number(t.wDay, count);
      }
      case u'M': {
        const std::u16string_view name = kMonths[(t.wMonth + 11U) % 12];
        return count >= 4   ? std::u16string(name)
               : count == 3 ? std::u16string(name.substr(0, 3))
                            : number(t.wMonth, count);
      }
      case u'y':
        return count >= 4 ? number(t.wYear, 4) : number(t.wYear % 100U, count);
      default:
        return {};
    }
  }
  const std::size_t digits = std::min<std::size_t>(count, 2);
  switch (letter) {
    case u'H':
      return number(t.wHour, digits);
    case u'h':
      return number((t.wHour + 11U) % 12 + 1, digits);
    case u'm':
      return number(t.wMinute, digits);
    case u's':
      return number(t.wSecond, digits);
    case u't':
      return std::u16string(t.wHour < 12 ? u"AM" : u"PM").substr(0, digits);
    default:
      return {};
  }
}

std::u16string by_picture(std::u16string_view picture, const SYSTEMTIME& time, bool date) {
  const std::u16string_view letters = date ? u"dMy" : u"Hhmst";
  std::u16string out;
  for (std::size_t i = 0; i < picture.size();) {
    const char16_t letter = picture[i];
    if (letter == u'\'') {
      const std::size_t end = std::min(picture.find(u'\'', i + 1), picture.size());
      out += picture.substr(i + 1, end - i - 1);
      i = end + 1;
    } else if (letters.find(letter) != std::u16string_view::npos) {
      const std::size_t end = std::min(picture.find_first_not_of(letter, i), picture.size());
      out += part(letter, end - i, time, date);
      i = end;
    } else {
      out.push_back(letter);
      ++i;
    }
  }
  return out;
}

int put(std::u16string_view text, LPWSTR out, int size) {
  const int units = static_cast<int>(text.size()) + 1;
  if (size == 0) return units;
  if (size < units || out == nullptr) {
    SetLastError(ERROR_INSUFFICIENT_BUFFER);
    return 0;
  }
  std::copy(text.begin(), text.end(), out);
  out[text.size()] = 0;
  return units;
}

int formatted(const SYSTEMTIME* time, LPCWSTR picture, std::u16string_view usual, bool date,
              LPWSTR out, int size) noexcept {
  try {
    SYSTEMTIME now{};
    if (time == nullptr) GetLocalTime(&now);
    return put(by_picture(picture != nullptr ? std::u16string_view(picture) : usual,
                          time != nullptr ? *time : now, date),
               out, size);
  } catch (...) {
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return 0;
  }
}

}  // namespace

int dhcpsapi_GetLocaleInfoW(DWORD, DWORD type, LPWSTR out, int size) {
  switch (type) {
    case LOCALE_SSHORTDATE:
      return put(kShortDate, out, size);
    case LOCALE_SLONGDATE:
      return put(kLongDate, out, size);
    case LOCALE_STIMEFORMAT:
      return put(kTime, out, size);
    default:
      SetLastError(ERROR_INVALID_FLAGS);
      return 0;
  }
}

int dhcpsapi_GetDateFormatW(DWORD, DWORD flags, const SYSTEMTIME* time, LPCWSTR picture, LPWSTR out,
                            int size) {
  return formatted(time, picture, (flags & DATE_LONGDATE) != 0 ? kLongDate : kShortDate, true, out,
                   size);
}

int dhcpsapi_GetTimeFormatW(DWORD, DWORD, const SYSTEMTIME* time, LPCWSTR picture, LPWSTR out,
                            int size) {
  return formatted(time, picture, kTime, false, out, size);
}
