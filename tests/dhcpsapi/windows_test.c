/* What windows.h offers around the calls: texts, formats, times, heap. Started with the arguments: first höst "" */
#include <dhcpsapi.h>
#include <intsafe.h>
#include <strsafe.h>
#include <windows.h>
#include <ws2tcpip.h>

#pragma comment(lib, "dhcpsapi.lib")

static int failures = 0;
#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      ++failures;                                                    \
      printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                \
  } while (0)

static void Texts(void) {
  WCHAR buffer[32];
  WCHAR* end = NULL;
  CHECK(sizeof(wchar_t) == 2);
  CHECK(wcslen(L"abc\u00E9") == 4);
  CHECK(lstrlenW(NULL) == 0);
  CHECK(wcscmp(L"a", L"b") < 0 && wcscmp(L"b", L"a") > 0 && wcscmp(L"a", L"a") == 0);
  CHECK(_wcsicmp(L"\u00C4PFEL", L"\u00E4pfel") == 0);
  CHECK(lstrcmpiW(L"ABC", L"abd") < 0);
  CHECK(wcsncmp(L"abcd", L"abce", 3) == 0);
  CHECK(wcscmp(wcscpy(buffer, L"one"), L"one") == 0);
  CHECK(wcscmp(wcscat(buffer, L" two"), L"one two") == 0);
  CHECK(wcschr(buffer, L't') == buffer + 4 && wcschr(buffer, L'z') == NULL);
  CHECK(wcsrchr(buffer, L'o') == buffer + 6);
  CHECK(wcsstr(buffer, L"two") == buffer + 4);
  wcsncpy(buffer, L"ab", 5);
  CHECK(buffer[2] == 0 && buffer[4] == 0);
  CHECK(wcscpy_s(buffer, 3, L"abc") != 0 && buffer[0] == 0);
  CHECK(wcscpy_s(buffer, 4, L"abc") == 0 && wcscat_s(buffer, 7, L"def") == 0);
  CHECK(wcscmp(buffer, L"abcdef") == 0);
  CHECK(StringCchCopyW(buffer, 4, L"abcdef") == STRSAFE_E_INSUFFICIENT_BUFFER);
  CHECK(wcscmp(buffer, L"abc") == 0);
  CHECK(wcstoul(L" 0x1Fg", &end, 0) == 0x1F && *end == L'g');
  CHECK(wcstoul(L"4294967295", NULL, 10) == 0xFFFFFFFFU &&
        wcstoul(L"4294967296", NULL, 10) == 0xFFFFFFFFU);
  CHECK(wcstol(L"-12", NULL, 10) == -12 && _wtoi(L"42x") == 42);
  CHECK(_wcstoui64(L"20010DB800000000", NULL, 16) == 0x20010DB800000000ULL);
}

static void Formats(void) {
  WCHAR wide[64];
  char narrow[64];
  DWORD number = 20014;
  CHECK(swprintf(wide, 64, L"%lu|%s|%S|%hs|%ls|%c", number, L"w\u00E9", "n", "h", L"l", L'x') ==
        16);
  CHECK(wcscmp(wide, L"20014|w\u00E9|n|h|l|x") == 0);
  CHECK(snprintf(narrow, 64, "%lu|%s|%S|%ls|%5d|%-5ld|%05u", number, "n", L"w\u00E9", L"l", 42, 43,
                 44) == 31);
  CHECK(strcmp(narrow, "20014|n|w\xC3\xA9|l|   42|43   |00044") == 0);
  swprintf(wide, 64, L"%I64x %llu %08lX %hu %I64d", 0x20010DB800000000ULL, 18446744073709551615ULL,
           number, (WORD)65535, -1LL);
  CHECK(wcscmp(wide, L"20010db800000000 18446744073709551615 00004E2E 65535 -1") == 0);
  swprintf(wide, 64, L"%*d|%-*d|%.3s|%8s|%-4s|%5.1f|%%|%x", 4, 7, 4, 8, L"abcdef", L"r", L"l", 2.25,
           255);
  CHECK(wcscmp(wide, L"   7|8   |abc|       r|l   |  2.2|%|ff") == 0);
  swprintf(wide, 64, L"%s %S %p", (LPCWSTR)NULL, (LPCSTR)NULL, (void*)0x1234);
  CHECK(wcscmp(wide, L"(null) (null) 0000000000001234") == 0);
  CHECK(swprintf(wide, 4, L"%s", L"abcdef") == -1 && wcscmp(wide, L"abc") == 0);
  CHECK(swprintf(wide, 64, L"ends in %") >= 0);
  CHECK(swprintf(wide, 64, L"%s", L"\xD800") == 1);
  {
    DWORD a = 0, b = 0;
    unsigned long long c = 0;
    CHECK(swscanf(L"12-ff-20010db800000000", L"%lu-%lx-%I64x", &a, &b, &c) == 3);
    CHECK(a == 12 && b == 0xFF && c == 0x20010DB800000000ULL);
  }
  wprintf(L"wide \u00E9 %s and ", L"\U0001F600");
  printf("narrow %S\n", L"\u00E9");
}

static void Conversions(void) {
  WCHAR wide[16];
  char narrow[16];
  IN6_ADDR address;
  CHECK(MultiByteToWideChar(CP_UTF8, 0, "h\xC3\xB6", -1, NULL, 0) == 3);
  CHECK(MultiByteToWideChar(CP_ACP, 0, "h\xC3\xB6", -1, wide, 16) == 3 &&
        wcscmp(wide, L"h\u00F6") == 0);
  CHECK(MultiByteToWideChar(CP_UTF8, 0, "abc", -1, wide, 3) == 0 &&
        GetLastError() == ERROR_INSUFFICIENT_BUFFER);
  CHECK(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xC3", -1, wide, 16) == 0 &&
        GetLastError() == ERROR_NO_UNICODE_TRANSLATION);
  CHECK(MultiByteToWideChar(CP_UTF8, 0, "\xF0\x9F\x98\x80", 4, wide, 16) == 2);
  CHECK(WideCharToMultiByte(CP_UTF8, 0, L"h\u00F6", -1, narrow, 16, NULL, NULL) == 4);
  CHECK(strcmp(narrow, "h\xC3\xB6") == 0);
  CHECK(WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, L"\xDC00", -1, narrow, 16, NULL, NULL) ==
        0);
  CHECK(InetPtonW(AF_INET6, L"2001:db8::1", &address) == 1 && address.s6_addr[15] == 1);
  CHECK(InetNtopW(AF_INET6, &address, wide, 16) == wide && wcscmp(wide, L"2001:db8::1") == 0);
  CHECK(htonl(1) == 0x01000000);
}

static void Times(void) {
  FILETIME file, back, now;
  SYSTEMTIME system;
  file.dwHighDateTime = 0x01CCBA70; /* 2011-12-14 */
  file.dwLowDateTime = 0x12345678;
  CHECK(FileTimeToSystemTime(&file, &system));
  CHECK(system.wYear == 2011 && system.wMonth == 12 && system.wDay == 14 && system.wDayOfWeek == 3);
  CHECK(SystemTimeToFileTime(&system, &back));
  CHECK(back.dwHighDateTime == file.dwHighDateTime && CompareFileTime(&back, &file) <= 0);
  file.dwHighDateTime = 0x7FFFFFFF;
  file.dwLowDateTime = 0xFFFFFFFF;
  CHECK(FileTimeToSystemTime(&file, &system) && system.wYear == 30828);
  file.dwHighDateTime = 0x80000000;
  CHECK(!FileTimeToSystemTime(&file, &system) && GetLastError() == ERROR_INVALID_PARAMETER);
  ZeroMemory(&file, sizeof(file));
  CHECK(FileTimeToSystemTime(&file, &system) && system.wYear == 1601 && system.wMonth == 1);
  GetSystemTimeAsFileTime(&now);
  CHECK(FileTimeToLocalFileTime(&now, &file) && LocalFileTimeToFileTime(&file, &back));
  CHECK(CompareFileTime(&now, &back) == 0);
  system.wMonth = 13;
  CHECK(!SystemTimeToFileTime(&system, &file));
}

static void Dates(void) {
  WCHAR picture[32], text[64];
  SYSTEMTIME system = {2026, 3, 5, 6, 0, 7, 8, 900}; /* a Friday, just after midnight */
  CHECK(GetLocaleInfo(LOCALE_SYSTEM_DEFAULT, LOCALE_SSHORTDATE, NULL, 0) == 11);
  CHECK(GetLocaleInfo(LOCALE_SYSTEM_DEFAULT, LOCALE_SSHORTDATE, picture, 10) == 0);
  CHECK(GetLocaleInfo(LOCALE_SYSTEM_DEFAULT, LOCALE_SSHORTDATE, picture, 32) == 11);
  CHECK(GetDateFormat(LOCALE_USER_DEFAULT, 0, &system, picture, text, 64) == 11 &&
        wcscmp(text, L"2026-03-06") == 0);
  CHECK(GetDateFormat(LOCALE_USER_DEFAULT, 0, &system, L"dddd, d MMM yy 'd'", text, 64) != 0 &&
        wcscmp(text, L"Friday, 6 Mar 26 d") == 0);
  CHECK(GetTimeFormat(LOCALE_USER_DEFAULT, 0, &system, NULL, text, 64) == 9 &&
        wcscmp(text, L"00:07:08") == 0);
  CHECK(GetTimeFormat(LOCALE_USER_DEFAULT, 0, &system, L"h:mm tt", text, 64) != 0 &&
        wcscmp(text, L"12:07 AM") == 0);
  CHECK(GetDateFormat(LOCALE_USER_DEFAULT, 0, &system, picture, text, 4) == 0 &&
        GetLastError() == ERROR_INSUFFICIENT_BUFFER);
}

static void HeapAndErrors(void) {
  DWORD product = 0;
  char four[4];
  CHECK(DWordMult(3, 5, &product) == S_OK && product == 15 &&
        FAILED(DWordMult(0x10000, 0x10000, &product)));
  CHECK(memcpy_s(four, 4, "abcd", 4) == 0 && memcpy_s(four, 4, "abcde", 5) != 0 && four[0] == 0);
  CHECK(strcpy_s(four, 4, "abc") == 0 && strcpy_s(four, 4, "abcd") != 0);

  LPWSTR text = NULL;
  WCHAR small[4];
  BYTE* memory = (BYTE*)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 100);
  CHECK(memory != NULL && memory[99] == 0 && HeapSize(GetProcessHeap(), 0, memory) >= 100);
  memory = (BYTE*)HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, memory, 10000);
  CHECK(memory != NULL && memory[9999] == 0);
  CHECK(HeapFree(GetProcessHeap(), 0, memory));
  CHECK(LocalFree(LocalAlloc(LPTR, 10)) == NULL);
  SetLastError(7);
  CHECK(GetLastError() == 7);
  CHECK(FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM, NULL,
                       ERROR_DHCP_CLIENT_EXISTS, 0, (LPWSTR)&text, 0, NULL) != 0);
  CHECK(text != NULL && wcsstr(text, L"ERROR_DHCP_CLIENT_EXISTS") == text);
  LocalFree(text);
  CHECK(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 5, 0, small, 4, NULL) == 0);
  CHECK(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 999999, 0, small, 4, NULL) == 0);
}

int wmain(int argc, wchar_t* argv[]) {
  CHECK(argc == 4);
  CHECK(argc == 4 && wcscmp(argv[1], L"first") == 0 && wcscmp(argv[2], L"h\u00F6st") == 0 &&
        argv[3][0] == 0);
  CHECK(argv[argc] == NULL);
  Texts();
  Formats();
  Conversions();
  Times();
  Dates();
  HeapAndErrors();
  return failures == 0 ? 0 : 1;
}
