#ifndef LEASELEDGER_STRSAFE_H
#define LEASELEDGER_STRSAFE_H
/* Texts that say when they do not fit. Sizes are in WCHARs and include the NUL. */

#include <windows.h>

#define STRSAFE_E_INSUFFICIENT_BUFFER ((HRESULT)0x8007007A)
#define STRSAFE_E_INVALID_PARAMETER ((HRESULT)0x80070057)

static inline HRESULT StringCchCopyW(LPWSTR To, size_t Size, LPCWSTR From) {
  if (Size == 0 || From == NULL) return STRSAFE_E_INVALID_PARAMETER;
  const size_t length = dhcpsapi_wcsnlen(From, Size);
  const size_t taken = length < Size ? length : Size - 1;
  memcpy(To, From, taken * sizeof(WCHAR));
  To[taken] = 0;
  return length < Size ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}
static inline HRESULT StringCchCatW(LPWSTR To, size_t Size, LPCWSTR From) {
  const size_t length = dhcpsapi_wcsnlen(To, Size);
  if (length == Size) return STRSAFE_E_INVALID_PARAMETER;
  return StringCchCopyW(To + length, Size - length, From);
}
static inline HRESULT StringCchLengthW(LPCWSTR Text, size_t Most, size_t* Length) {
  *Length = dhcpsapi_wcsnlen(Text, Most);
  return *Length < Most ? S_OK : STRSAFE_E_INVALID_PARAMETER;
}
static inline HRESULT StringCchPrintfW(LPWSTR To, size_t Size, LPCWSTR Format, ...) {
  va_list Arguments;
  int Units;
  va_start(Arguments, Format);
  Units = dhcpsapi_vswprintf(To, Size, Format, Arguments);
  va_end(Arguments);
  return Units < 0 ? STRSAFE_E_INSUFFICIENT_BUFFER : S_OK;
}
#ifdef UNICODE
#define StringCchCopy StringCchCopyW
#define StringCchCat StringCchCatW
#define StringCchLength StringCchLengthW
#define StringCchPrintf StringCchPrintfW
#endif

#endif
