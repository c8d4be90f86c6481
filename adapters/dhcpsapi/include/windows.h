#ifndef LEASELEDGER_WINDOWS_H
#define LEASELEDGER_WINDOWS_H
/* What a DHCP administration program uses of Windows beside dhcpsapi.h: heap, times, texts, output. Compile such a program with
 * -fshort-wchar, so that wchar_t and L"..." have 16-bit units; glibc's own wide functions do not work then, so their names mean
 * functions of libdhcpsapi here. Output is UTF-8.
 *
 * Formats have their meaning in Windows: `l` stands for 32 bits (DWORD, LONG), `I64` and `ll` for 64; %s is UTF-16 in wprintf and
 * bytes in printf, %S the other one, %ls UTF-16 and %hs bytes in both.
 * Not here: the Windows API at large. C++ programs keep texts in arrays or std::u16string; std::wstring is glibc's. */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>
#ifdef __cplusplus
/* The macros below would change what these say, and they use __in and __out for themselves. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>
#endif

#include <windef.h>
#include <winerror.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* #pragma comment(lib, ...) */
#elif defined(__clang__)
#pragma clang diagnostic ignored "-Wunknown-pragmas"
#pragma clang diagnostic ignored "-Wignored-pragmas"
#endif

/* The names without A or W mean UTF-16, as in a new project of Visual Studio; -D_MBCS: bytes. */
#if !defined(UNICODE) && !defined(_MBCS)
#define UNICODE
#endif
#if defined(UNICODE) && !defined(_UNICODE)
#define _UNICODE
#endif

#define CONST const
#define IN
#define OUT
#define OPTIONAL

/* ---- heap ---- */

#define HEAP_NO_SERIALIZE 0x01
#define HEAP_GENERATE_EXCEPTIONS 0x04
#define HEAP_ZERO_MEMORY 0x08
#define LMEM_FIXED 0x00
#define LMEM_ZEROINIT 0x40
#define LPTR (LMEM_FIXED | LMEM_ZEROINIT)
#define GMEM_FIXED 0x00
#define GMEM_ZEROINIT 0x40
#define GPTR (GMEM_FIXED | GMEM_ZEROINIT)
#define RtlZeroMemory(to, bytes) memset((to), 0, (bytes))
#define RtlCopyMemory(to, from, bytes) memcpy((to), (from), (bytes))
#define RtlMoveMemory(to, from, bytes) memmove((to), (from), (bytes))
#define RtlFillMemory(to, bytes, value) memset((to), (value), (bytes))
#define ZeroMemory RtlZeroMemory
#define CopyMemory RtlCopyMemory
#define MoveMemory RtlMoveMemory
#define FillMemory RtlFillMemory
#define SecureZeroMemory(to, bytes) explicit_bzero((to), (bytes))

DHCPSAPI_API HANDLE dhcpsapi_GetProcessHeap(void);
#define GetProcessHeap dhcpsapi_GetProcessHeap
DHCPSAPI_API LPVOID dhcpsapi_HeapAlloc(HANDLE Heap, DWORD Flags, SIZE_T Bytes);
#define HeapAlloc dhcpsapi_HeapAlloc
/** HEAP_ZERO_MEMORY zeroes what is new. */
DHCPSAPI_API LPVOID dhcpsapi_HeapReAlloc(HANDLE Heap, DWORD Flags, LPVOID Memory, SIZE_T Bytes);
#define HeapReAlloc dhcpsapi_HeapReAlloc
DHCPSAPI_API BOOL dhcpsapi_HeapFree(HANDLE Heap, DWORD Flags, LPVOID Memory);
#define HeapFree dhcpsapi_HeapFree
/** At least what was asked for. */
DHCPSAPI_API SIZE_T dhcpsapi_HeapSize(HANDLE Heap, DWORD Flags, LPCVOID Memory);
#define HeapSize dhcpsapi_HeapSize
DHCPSAPI_API HLOCAL dhcpsapi_LocalAlloc(UINT Flags, SIZE_T Bytes);
#define LocalAlloc dhcpsapi_LocalAlloc
DHCPSAPI_API HLOCAL dhcpsapi_LocalFree(HLOCAL Memory);
#define LocalFree dhcpsapi_LocalFree
DHCPSAPI_API HGLOBAL dhcpsapi_GlobalAlloc(UINT Flags, SIZE_T Bytes);
#define GlobalAlloc dhcpsapi_GlobalAlloc
DHCPSAPI_API HGLOBAL dhcpsapi_GlobalFree(HGLOBAL Memory);
#define GlobalFree dhcpsapi_GlobalFree
/* ---- errors, of this thread ---- */

#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x0100 /* Buffer is a LPWSTR *; LocalFree() it */
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x0200
#define FORMAT_MESSAGE_FROM_STRING 0x0400
#define FORMAT_MESSAGE_FROM_HMODULE 0x0800
#define FORMAT_MESSAGE_FROM_SYSTEM 0x1000
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0x00FF
#define LANG_NEUTRAL 0x00
#define SUBLANG_DEFAULT 0x01
#define MAKELANGID(language, sub) ((WORD)((WORD)(sub) << 10 | (WORD)(language)))

DHCPSAPI_API DWORD dhcpsapi_GetLastError(void);
#define GetLastError dhcpsapi_GetLastError
DHCPSAPI_API VOID dhcpsapi_SetLastError(DWORD Code);
#define SetLastError dhcpsapi_SetLastError
/** FORMAT_MESSAGE_FROM_SYSTEM only: the name of the code and what it means, in English. 0 for a code without a text. */
DHCPSAPI_API DWORD dhcpsapi_FormatMessageW(DWORD Flags, LPCVOID Source, DWORD MessageId,
                                           DWORD LanguageId, LPWSTR Buffer, DWORD Size,
                                           va_list* Arguments);
#define FormatMessageW dhcpsapi_FormatMessageW
DHCPSAPI_API DWORD dhcpsapi_FormatMessageA(DWORD Flags, LPCVOID Source, DWORD MessageId,
                                           DWORD LanguageId, LPSTR Buffer, DWORD Size,
                                           va_list* Arguments);
#define FormatMessageA dhcpsapi_FormatMessageA
/* ---- times ---- */

DHCPSAPI_API VOID dhcpsapi_GetSystemTimeAsFileTime(LPFILETIME Time);
#define GetSystemTimeAsFileTime dhcpsapi_GetSystemTimeAsFileTime
DHCPSAPI_API VOID dhcpsapi_GetSystemTime(LPSYSTEMTIME Time);
#define GetSystemTime dhcpsapi_GetSystemTime
DHCPSAPI_API VOID dhcpsapi_GetLocalTime(LPSYSTEMTIME Time);
#define GetLocalTime dhcpsapi_GetLocalTime
DHCPSAPI_API BOOL dhcpsapi_FileTimeToSystemTime(const FILETIME* From, LPSYSTEMTIME To);
#define FileTimeToSystemTime dhcpsapi_FileTimeToSystemTime
DHCPSAPI_API BOOL dhcpsapi_SystemTimeToFileTime(const SYSTEMTIME* From, LPFILETIME To);
#define SystemTimeToFileTime dhcpsapi_SystemTimeToFileTime
/** With the offset that the time zone has now, as in Windows. */
DHCPSAPI_API BOOL dhcpsapi_FileTimeToLocalFileTime(const FILETIME* From, LPFILETIME To);
#define FileTimeToLocalFileTime dhcpsapi_FileTimeToLocalFileTime
DHCPSAPI_API BOOL dhcpsapi_LocalFileTimeToFileTime(const FILETIME* From, LPFILETIME To);
#define LocalFileTimeToFileTime dhcpsapi_LocalFileTimeToFileTime
/** Zone must be NULL: the time zone of the process, with the offset that it has then. */
DHCPSAPI_API BOOL dhcpsapi_SystemTimeToTzSpecificLocalTime(const void* Zone, const SYSTEMTIME* From,
                                                           LPSYSTEMTIME To);
#define SystemTimeToTzSpecificLocalTime dhcpsapi_SystemTimeToTzSpecificLocalTime
DHCPSAPI_API LONG dhcpsapi_CompareFileTime(const FILETIME* A, const FILETIME* B);
#define CompareFileTime dhcpsapi_CompareFileTime
DHCPSAPI_API DWORD dhcpsapi_GetTickCount(void);
#define GetTickCount dhcpsapi_GetTickCount
DHCPSAPI_API ULONGLONG dhcpsapi_GetTickCount64(void);
#define GetTickCount64 dhcpsapi_GetTickCount64
DHCPSAPI_API VOID dhcpsapi_Sleep(DWORD Milliseconds);
#define Sleep dhcpsapi_Sleep
/** LOCALE_SSHORTDATE, LOCALE_SLONGDATE and LOCALE_STIMEFORMAT: pictures for the two calls below, as ISO 8601 has it. */
DHCPSAPI_API int dhcpsapi_GetLocaleInfoW(DWORD Locale, DWORD Type, LPWSTR Out, int Size);
#define GetLocaleInfoW dhcpsapi_GetLocaleInfoW
/** A date by a picture such as yyyy-MM-dd, in English; now and the picture above when NULL. Units with the NUL; 0: it does not
 *  fit. Size 0: how many there would be. */
DHCPSAPI_API int dhcpsapi_GetDateFormatW(DWORD Locale, DWORD Flags, const SYSTEMTIME* Time,
                                         LPCWSTR Picture, LPWSTR Out, int Size);
#define GetDateFormatW dhcpsapi_GetDateFormatW
/** The same for HH:mm:ss and h:mm:ss tt. */
DHCPSAPI_API int dhcpsapi_GetTimeFormatW(DWORD Locale, DWORD Flags, const SYSTEMTIME* Time,
                                         LPCWSTR Picture, LPWSTR Out, int Size);
#define GetTimeFormatW dhcpsapi_GetTimeFormatW
#define LOCALE_USER_DEFAULT 0x0400
#define LOCALE_SYSTEM_DEFAULT 0x0800
#define LOCALE_INVARIANT 0x007F
#define LOCALE_SSHORTDATE 0x001F
#define LOCALE_SLONGDATE 0x0020
#define LOCALE_STIMEFORMAT 0x1003
#define DATE_SHORTDATE 0x01
#define DATE_LONGDATE 0x02

/* ---- UTF-16 ---- */

#define CP_ACP 0
#define CP_OEMCP 1
#define CP_UTF8 65001
#define MB_PRECOMPOSED 0x01
#define MB_ERR_INVALID_CHARS 0x08
#define WC_ERR_INVALID_CHARS 0x80

/** Every code page is UTF-8. */
DHCPSAPI_API int dhcpsapi_MultiByteToWideChar(UINT CodePage, DWORD Flags, LPCSTR Text, int Octets,
                                              LPWSTR Out, int Size);
#define MultiByteToWideChar dhcpsapi_MultiByteToWideChar
DHCPSAPI_API int dhcpsapi_WideCharToMultiByte(UINT CodePage, DWORD Flags, LPCWSTR Text, int Units,
                                              LPSTR Out, int Size, LPCSTR Default,
                                              LPBOOL UsedDefault);
#define WideCharToMultiByte dhcpsapi_WideCharToMultiByte
/** 0 for NULL. */
DHCPSAPI_API int dhcpsapi_lstrlenW(LPCWSTR Text);
#define lstrlenW dhcpsapi_lstrlenW
DHCPSAPI_API LPWSTR dhcpsapi_lstrcpyW(LPWSTR To, LPCWSTR From);
#define lstrcpyW dhcpsapi_lstrcpyW
DHCPSAPI_API LPWSTR dhcpsapi_lstrcpynW(LPWSTR To, LPCWSTR From, int Size);
#define lstrcpynW dhcpsapi_lstrcpynW
DHCPSAPI_API LPWSTR dhcpsapi_lstrcatW(LPWSTR To, LPCWSTR From);
#define lstrcatW dhcpsapi_lstrcatW
DHCPSAPI_API int dhcpsapi_lstrcmpW(LPCWSTR A, LPCWSTR B);
#define lstrcmpW dhcpsapi_lstrcmpW
DHCPSAPI_API int dhcpsapi_lstrcmpiW(LPCWSTR A, LPCWSTR B);
#define lstrcmpiW dhcpsapi_lstrcmpiW
DHCPSAPI_API size_t dhcpsapi_wcslen(LPCWSTR Text);
#define wcslen dhcpsapi_wcslen
DHCPSAPI_API size_t dhcpsapi_wcsnlen(LPCWSTR Text, size_t Most);
#define wcsnlen dhcpsapi_wcsnlen
DHCPSAPI_API LPWSTR dhcpsapi_wcscpy(LPWSTR To, LPCWSTR From);
#define wcscpy dhcpsapi_wcscpy
DHCPSAPI_API LPWSTR dhcpsapi_wcsncpy(LPWSTR To, LPCWSTR From, size_t Count);
#define wcsncpy dhcpsapi_wcsncpy
DHCPSAPI_API LPWSTR dhcpsapi_wcscat(LPWSTR To, LPCWSTR From);
#define wcscat dhcpsapi_wcscat
DHCPSAPI_API LPWSTR dhcpsapi_wcsncat(LPWSTR To, LPCWSTR From, size_t Count);
#define wcsncat dhcpsapi_wcsncat
DHCPSAPI_API int dhcpsapi_wcscmp(LPCWSTR A, LPCWSTR B);
#define wcscmp dhcpsapi_wcscmp
DHCPSAPI_API int dhcpsapi_wcsncmp(LPCWSTR A, LPCWSTR B, size_t Count);
#define wcsncmp dhcpsapi_wcsncmp
DHCPSAPI_API int dhcpsapi__wcsicmp(LPCWSTR A, LPCWSTR B);
#define _wcsicmp dhcpsapi__wcsicmp
DHCPSAPI_API int dhcpsapi__wcsnicmp(LPCWSTR A, LPCWSTR B, size_t Count);
#define _wcsnicmp dhcpsapi__wcsnicmp
DHCPSAPI_API LPWSTR dhcpsapi_wcschr(LPCWSTR Text, WCHAR Unit);
#define wcschr dhcpsapi_wcschr
DHCPSAPI_API LPWSTR dhcpsapi_wcsrchr(LPCWSTR Text, WCHAR Unit);
#define wcsrchr dhcpsapi_wcsrchr
DHCPSAPI_API LPWSTR dhcpsapi_wcsstr(LPCWSTR Text, LPCWSTR Part);
#define wcsstr dhcpsapi_wcsstr
/** To be freed with free(). */
DHCPSAPI_API LPWSTR dhcpsapi__wcsdup(LPCWSTR Text);
#define _wcsdup dhcpsapi__wcsdup
/** 0, or EINVAL or ERANGE with an empty `To`. */
DHCPSAPI_API int dhcpsapi_wcscpy_s(LPWSTR To, size_t Size, LPCWSTR From);
#define wcscpy_s dhcpsapi_wcscpy_s
DHCPSAPI_API int dhcpsapi_wcsncpy_s(LPWSTR To, size_t Size, LPCWSTR From, size_t Count);
#define wcsncpy_s dhcpsapi_wcsncpy_s
DHCPSAPI_API int dhcpsapi_wcscat_s(LPWSTR To, size_t Size, LPCWSTR From);
#define wcscat_s dhcpsapi_wcscat_s
DHCPSAPI_API LONG dhcpsapi_wcstol(LPCWSTR Text, WCHAR** End, int Base);
#define wcstol dhcpsapi_wcstol
DHCPSAPI_API ULONG dhcpsapi_wcstoul(LPCWSTR Text, WCHAR** End, int Base);
#define wcstoul dhcpsapi_wcstoul
DHCPSAPI_API LONGLONG dhcpsapi__wcstoi64(LPCWSTR Text, WCHAR** End, int Base);
#define _wcstoi64 dhcpsapi__wcstoi64
DHCPSAPI_API ULONGLONG dhcpsapi__wcstoui64(LPCWSTR Text, WCHAR** End, int Base);
#define _wcstoui64 dhcpsapi__wcstoui64
DHCPSAPI_API int dhcpsapi__wtoi(LPCWSTR Text);
#define _wtoi dhcpsapi__wtoi
DHCPSAPI_API WCHAR dhcpsapi_towupper(WCHAR Unit);
#define towupper dhcpsapi_towupper
DHCPSAPI_API WCHAR dhcpsapi_towlower(WCHAR Unit);
#define towlower dhcpsapi_towlower
/* ---- output and formats ---- */

DHCPSAPI_API int dhcpsapi_printf(LPCSTR Format, ...);
#define printf dhcpsapi_printf
DHCPSAPI_API int dhcpsapi_fprintf(FILE* File, LPCSTR Format, ...);
#define fprintf dhcpsapi_fprintf
DHCPSAPI_API int dhcpsapi_vfprintf(FILE* File, LPCSTR Format, va_list Arguments);
#define vfprintf dhcpsapi_vfprintf
DHCPSAPI_API int dhcpsapi_sprintf(LPSTR Out, LPCSTR Format, ...);
#define sprintf dhcpsapi_sprintf
DHCPSAPI_API int dhcpsapi_snprintf(LPSTR Out, size_t Size, LPCSTR Format, ...);
#define snprintf dhcpsapi_snprintf
DHCPSAPI_API int dhcpsapi_sprintf_s(LPSTR Out, size_t Size, LPCSTR Format, ...);
#define sprintf_s dhcpsapi_sprintf_s
DHCPSAPI_API int dhcpsapi_wprintf(LPCWSTR Format, ...);
#define wprintf dhcpsapi_wprintf
DHCPSAPI_API int dhcpsapi_fwprintf(FILE* File, LPCWSTR Format, ...);
#define fwprintf dhcpsapi_fwprintf
DHCPSAPI_API int dhcpsapi_vwprintf(LPCWSTR Format, va_list Arguments);
#define vwprintf dhcpsapi_vwprintf
DHCPSAPI_API int dhcpsapi_vfwprintf(FILE* File, LPCWSTR Format, va_list Arguments);
#define vfwprintf dhcpsapi_vfwprintf
/** -1, with what fits, when it does not fit. */
DHCPSAPI_API int dhcpsapi_swprintf(LPWSTR Out, size_t Size, LPCWSTR Format, ...);
#define swprintf dhcpsapi_swprintf
DHCPSAPI_API int dhcpsapi_vswprintf(LPWSTR Out, size_t Size, LPCWSTR Format, va_list Arguments);
#define vswprintf dhcpsapi_vswprintf
/** At most 1024 units with the NUL. */
DHCPSAPI_API int dhcpsapi_wsprintfW(LPWSTR Out, LPCWSTR Format, ...);
#define wsprintfW dhcpsapi_wsprintfW
DHCPSAPI_API int dhcpsapi_fputws(LPCWSTR Text, FILE* File);
#define fputws dhcpsapi_fputws
DHCPSAPI_API int dhcpsapi__putws(LPCWSTR Text);
#define _putws dhcpsapi__putws
DHCPSAPI_API int dhcpsapi_fputwc(WCHAR Unit, FILE* File);
#define fputwc dhcpsapi_fputwc
/** Whole numbers only: %d %i %u %o %x with hh, h, l, ll and I64. */
DHCPSAPI_API int dhcpsapi_swscanf(LPCWSTR Text, LPCWSTR Format, ...);
#define swscanf dhcpsapi_swscanf

/* ---- the checked functions of the C library: 0, or an error number and an empty result ---- */

static inline int memcpy_s(void* To, size_t Size, const void* From, size_t Bytes) {
  if (Bytes == 0) return 0;
  if (To == NULL) return 22; /* EINVAL */
  if (From == NULL || Size < Bytes) {
    memset(To, 0, Size);
    return From == NULL ? 22 : 34; /* ERANGE */
  }
  memcpy(To, From, Bytes);
  return 0;
}
static inline int strcpy_s(char* To, size_t Size, const char* From) {
  if (To == NULL || Size == 0) return 22;
  *To = 0;
  if (From == NULL) return 22;
  return strlen(From) < Size ? memcpy_s(To, Size, From, strlen(From) + 1) : 34;
}

/* ---- other names for the same ---- */

#define _snwprintf swprintf
#define _vsnwprintf vswprintf
#define swprintf_s swprintf
#define vswprintf_s vswprintf
#define _snprintf snprintf
#define printf_s printf
#define wprintf_s wprintf
#define fwprintf_s fwprintf
#define fprintf_s fprintf
#define swscanf_s swscanf
#define _wtol _wtoi
#define wcscmpi _wcsicmp
#define _stricmp strcasecmp
#define _strnicmp strncasecmp
#define _countof(array) (sizeof(array) / sizeof((array)[0]))
#define ARRAYSIZE _countof
#ifdef UNICODE
#define lstrlen lstrlenW
#define lstrcpy lstrcpyW
#define lstrcat lstrcatW
#define lstrcmp lstrcmpW
#define lstrcmpi lstrcmpiW
#define wsprintf wsprintfW
#define FormatMessage FormatMessageW
#define GetLocaleInfo GetLocaleInfoW
#define GetDateFormat GetDateFormatW
#define GetTimeFormat GetTimeFormatW
#else
#define FormatMessage FormatMessageA
#endif

#ifdef __cplusplus
namespace std {  // std::printf is written too
using ::dhcpsapi_fprintf;
using ::dhcpsapi_fwprintf;
using ::dhcpsapi_printf;
using ::dhcpsapi_snprintf;
using ::dhcpsapi_swprintf;
using ::dhcpsapi_wcscmp;
using ::dhcpsapi_wcslen;
using ::dhcpsapi_wprintf;
}  // namespace std
#endif

/* Annotations of arguments. */
#ifndef __in
#define __in
#define __in_opt
#define __out
#define __out_opt
#define __inout
#define __inout_opt
#define __in_ecount(n)
#define __out_ecount(n)
#define __deref_out
#endif

/* A program that has wmain() instead of main() gets its arguments in UTF-16: libdhcpsapi has the main() that calls it. */

#endif
