#ifndef LEASELEDGER_TCHAR_H
#define LEASELEDGER_TCHAR_H
/* The names that mean UTF-16 or bytes, by whether UNICODE or _UNICODE is defined. */

#include <windows.h>

#if defined(UNICODE) || defined(_UNICODE)
typedef WCHAR TCHAR, _TCHAR;
#define _T(x) L##x
#define TEXT(x) L##x
#define _tmain wmain
#define _tprintf wprintf
#define _ftprintf fwprintf
#define _tcslen wcslen
#define _tcscmp wcscmp
#define _tcsicmp _wcsicmp
#define _ttoi _wtoi
#define _tcstoul wcstoul
#define _tcstol wcstol
#else
typedef char TCHAR, _TCHAR;
#define _T(x) x
#define TEXT(x) x
#define _tmain main
#define _tprintf printf
#define _ftprintf fprintf
#define _tcslen strlen
#define _tcscmp strcmp
#define _tcsicmp strcasecmp
#define _ttoi atoi
#define _tcstoul strtoul
#define _tcstol strtol
#endif
typedef TCHAR* LPTSTR;
typedef const TCHAR* LPCTSTR;

#endif
