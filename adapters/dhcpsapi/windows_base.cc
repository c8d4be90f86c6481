// Heap, errors and times of include/windows.h.
#include "adapters/dhcpsapi/text.h"
#include "ledger/win32.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <malloc.h>
#include <new>
#include <string>
#include <unistd.h>

// Last: its macros rename what the headers above declare.
#include "adapters/dhcpsapi/include/windows.h"

namespace {

using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
constexpr std::int64_t kTicksTo1970 = 116'444'736'000'000'000;
constexpr std::int64_t kTicksInSecond = 10'000'000;

thread_local DWORD last_error = 0;

BOOL failed(DWORD code) {
  last_error = code;
  return FALSE;
}

void* allocate(bool zeroed, SIZE_T bytes) {
  bytes = std::max<SIZE_T>(bytes, 1);
  void* out = zeroed ? std::calloc(1, bytes) : std::malloc(bytes);
  if (out == nullptr) last_error = ERROR_NOT_ENOUGH_MEMORY;
  return out;
}

ULONGLONG ticks_of(const FILETIME& time) {
  return ULONGLONG{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}
FILETIME to_file_time(ULONGLONG ticks) {
  return {static_cast<DWORD>(ticks), static_cast<DWORD>(ticks >> 32)};
}
ULONGLONG now_ticks() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<ULONGLONG>(std::chrono::duration_cast<Ticks>(now).count() + kTicksTo1970);
}

/// Seconds east of Greenwich at a time.
std::int64_t offset_at(std::time_t time) {
  std::tm local{};
  return localtime_r(&time, &local) == nullptr ? 0 : local.tm_gmtoff;
}

BOOL shift(const FILETIME* from, FILETIME* to, std::int64_t seconds) {
  if (from == nullptr || to == nullptr || ticks_of(*from) >> 63 != 0)
    return failed(ERROR_INVALID_PARAMETER);
  const std::int64_t shifted =
      static_cast<std::int64_t>(std::min<ULONGLONG>(ticks_of(*from), INT64_MAX - kTicksTo1970)) +
      seconds * kTicksInSecond;
  *to = to_file_time(static_cast<ULONGLONG>(std::max<std::int64_t>(shifted, 0)));
  return TRUE;
}

/// The name of a code and what it means, "" when it is not known.
std::string message_of(DWORD code) {
  const auto number = static_cast<leaseledger::Win32>(code);
  const auto meaning = leaseledger::meaning_of(number);
  if (meaning.empty()) return {};
  return std::string(leaseledger::name_of(number)) + ": " + std::string(meaning) + ".\r\n";
}

template <typename Unit>
DWORD put_message(DWORD flags, const std::basic_string<Unit>& text, Unit* buffer, DWORD size) {
  if (text.empty()) return static_cast<DWORD>(failed(ERROR_MR_MID_NOT_FOUND));
  if (buffer == nullptr) return static_cast<DWORD>(failed(ERROR_INVALID_PARAMETER));
  if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) {
    auto* copy = static_cast<Unit*>(allocate(true, (text.size() + 1) * sizeof(Unit)));
    if (copy == nullptr) return 0;
    std::memcpy(static_cast<void*>(buffer), &copy, sizeof copy);
    buffer = copy;
  } else if (size <= text.size()) {
    return static_cast<DWORD>(failed(ERROR_INSUFFICIENT_BUFFER));
  }
  std::copy_n(text.c_str(), text.size() + 1, buffer);
  return static_cast<DWORD>(text.size());
}

}  // namespace

HANDLE dhcpsapi_GetProcessHeap(void) {
  static char heap;
  return &heap;
}
LPVOID dhcpsapi_HeapAlloc(HANDLE, DWORD flags, SIZE_T bytes) {
  return allocate((flags & HEAP_ZERO_MEMORY) != 0, bytes);
}
LPVOID dhcpsapi_HeapReAlloc(HANDLE, DWORD flags, LPVOID memory, SIZE_T bytes) {
  const SIZE_T before = malloc_usable_size(memory);
  auto* out = static_cast<char*>(std::realloc(memory, std::max<SIZE_T>(bytes, 1)));
  if (out == nullptr) last_error = ERROR_NOT_ENOUGH_MEMORY;
  if (out != nullptr && (flags & HEAP_ZERO_MEMORY) != 0 && bytes > before)
    std::memset(out + before, 0, bytes - before);
  return out;
}
BOOL dhcpsapi_HeapFree(HANDLE, DWORD, LPVOID memory) {
  std::free(memory);
  return TRUE;
}
SIZE_T dhcpsapi_HeapSize(HANDLE, DWORD, LPCVOID memory) {
  return malloc_usable_size(const_cast<void*>(memory));
}
HLOCAL dhcpsapi_LocalAlloc(UINT flags, SIZE_T bytes) {
  return allocate((flags & LMEM_ZEROINIT) != 0, bytes);
}
HLOCAL dhcpsapi_LocalFree(HLOCAL memory) {
  std::free(memory);
  return nullptr;
}
HGLOBAL dhcpsapi_GlobalAlloc(UINT flags, SIZE_T bytes) { return dhcpsapi_LocalAlloc(flags, bytes); }
HGLOBAL dhcpsapi_GlobalFree(HGLOBAL memory) { return dhcpsapi_LocalFree(memory); }

DWORD dhcpsapi_GetLastError(void) { return last_error; }
VOID dhcpsapi_SetLastError(DWORD code) { last_error = code; }

DWORD dhcpsapi_FormatMessageW(DWORD flags, LPCVOID, DWORD id, DWORD, LPWSTR buffer, DWORD size,
                              va_list*) {
  try {
    if ((flags & FORMAT_MESSAGE_FROM_SYSTEM) == 0)
      return static_cast<DWORD>(failed(ERROR_INVALID_PARAMETER));
    return put_message(flags, leaseledger::dhcpsapi::to_utf16(message_of(id)), buffer, size);
  } catch (...) {
    return static_cast<DWORD>(failed(ERROR_NOT_ENOUGH_MEMORY));
  }
}
DWORD dhcpsapi_FormatMessageA(DWORD flags, LPCVOID, DWORD id, DWORD, LPSTR buffer, DWORD size,
                              va_list*) {
  try {
    if ((flags & FORMAT_MESSAGE_FROM_SYSTEM) == 0)
      return static_cast<DWORD>(failed(ERROR_INVALID_PARAMETER));
    return put_message(flags, message_of(id), buffer, size);
  } catch (...) {
    return static_cast<DWORD>(failed(ERROR_NOT_ENOUGH_MEMORY));
  }
}

VOID dhcpsapi_GetSystemTimeAsFileTime(LPFILETIME time) { *time = to_file_time(now_ticks()); }
VOID dhcpsapi_GetSystemTime(LPSYSTEMTIME time) {
  const FILETIME now = to_file_time(now_ticks());
  dhcpsapi_FileTimeToSystemTime(&now, time);
}
VOID dhcpsapi_GetLocalTime(LPSYSTEMTIME time) {
  const FILETIME now = to_file_time(now_ticks());
  FILETIME local{};
  dhcpsapi_FileTimeToLocalFileTime(&now, &local);
  dhcpsapi_FileTimeToSystemTime(&local, time);
}

BOOL dhcpsapi_FileTimeToSystemTime(const FILETIME* from, LPSYSTEMTIME to) {
  using namespace std::chrono;
  if (from == nullptr || to == nullptr || ticks_of(*from) >> 63 != 0)
    return failed(ERROR_INVALID_PARAMETER);
  const Ticks since_1970{static_cast<std::int64_t>(ticks_of(*from)) - kTicksTo1970};
  const auto day = floor<days>(since_1970);
  const year_month_day date{sys_days(day)};
  const hh_mm_ss time{duration_cast<milliseconds>(since_1970 - day)};
  const auto word = [](auto number) { return static_cast<WORD>(number); };
  *to = {word(static_cast<int>(date.year())),
         word(static_cast<unsigned>(date.month())),
         word(weekday(sys_days(day)).c_encoding()),
         word(static_cast<unsigned>(date.day())),
         word(time.hours().count()),
         word(time.minutes().count()),
         word(time.seconds().count()),
         word(time.subseconds().count())};
  return TRUE;
}

BOOL dhcpsapi_SystemTimeToFileTime(const SYSTEMTIME* from, LPFILETIME to) {
  using namespace std::chrono;
  if (from == nullptr || to == nullptr) return failed(ERROR_INVALID_PARAMETER);
  const year_month_day date{year(from->wYear), month(from->wMonth), day(from->wDay)};
  if (from->wYear < 1601 || from->wYear > 30827 || !date.ok() || from->wHour > 23 ||
      from->wMinute > 59 || from->wSecond > 59 || from->wMilliseconds > 999)
    return failed(ERROR_INVALID_PARAMETER);
  const std::int64_t seconds = sys_days(date).time_since_epoch().count() * std::int64_t{86400} +
                               from->wHour * 3600 + from->wMinute * 60 + from->wSecond;
  *to = to_file_time(static_cast<ULONGLONG>(seconds * kTicksInSecond + kTicksTo1970) +
                     from->wMilliseconds * ULONGLONG{10'000});
  return TRUE;
}

BOOL dhcpsapi_FileTimeToLocalFileTime(const FILETIME* from, LPFILETIME to) {
  return shift(from, to, offset_at(std::time(nullptr)));
}
BOOL dhcpsapi_LocalFileTimeToFileTime(const FILETIME* from, LPFILETIME to) {
  return shift(from, to, -offset_at(std::time(nullptr)));
}

BOOL dhcpsapi_SystemTimeToTzSpecificLocalTime(const void* zone, const SYSTEMTIME* from,
                                              LPSYSTEMTIME to) {
  FILETIME time{};
  if (zone != nullptr) return failed(ERROR_INVALID_PARAMETER);
  if (!dhcpsapi_SystemTimeToFileTime(from, &time)) return FALSE;
  const std::int64_t then =
      (static_cast<std::int64_t>(ticks_of(time)) - kTicksTo1970) / kTicksInSecond;
  FILETIME local{};
  return shift(&time, &local, offset_at(then)) && dhcpsapi_FileTimeToSystemTime(&local, to);
}

LONG dhcpsapi_CompareFileTime(const FILETIME* a, const FILETIME* b) {
  return ticks_of(*a) < ticks_of(*b) ? -1 : ticks_of(*a) > ticks_of(*b) ? 1 : 0;
}

ULONGLONG dhcpsapi_GetTickCount64(void) {
  using namespace std::chrono;
  return static_cast<ULONGLONG>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}
DWORD dhcpsapi_GetTickCount(void) { return static_cast<DWORD>(dhcpsapi_GetTickCount64()); }
VOID dhcpsapi_Sleep(DWORD milliseconds) {
  const timespec time{static_cast<time_t>(milliseconds / 1000),
                      static_cast<long>(milliseconds % 1000) * 1'000'000};
  nanosleep(&time, nullptr);
}
