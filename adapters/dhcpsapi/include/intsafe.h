#ifndef LEASELEDGER_INTSAFE_H
#define LEASELEDGER_INTSAFE_H
/* Arithmetic that says when the result does not fit. */

#include <windows.h>

#define INTSAFE_E_ARITHMETIC_OVERFLOW ((HRESULT)0x80070216)

static inline HRESULT DWordMult(DWORD A, DWORD B, DWORD* Out) {
  return __builtin_mul_overflow(A, B, Out) ? (*Out = MAXDWORD, INTSAFE_E_ARITHMETIC_OVERFLOW)
                                           : S_OK;
}
static inline HRESULT DWordAdd(DWORD A, DWORD B, DWORD* Out) {
  return __builtin_add_overflow(A, B, Out) ? (*Out = MAXDWORD, INTSAFE_E_ARITHMETIC_OVERFLOW)
                                           : S_OK;
}
static inline HRESULT DWordSub(DWORD A, DWORD B, DWORD* Out) {
  return __builtin_sub_overflow(A, B, Out) ? (*Out = MAXDWORD, INTSAFE_E_ARITHMETIC_OVERFLOW)
                                           : S_OK;
}
static inline HRESULT SizeTMult(size_t A, size_t B, size_t* Out) {
  return __builtin_mul_overflow(A, B, Out) ? (*Out = SIZE_MAX, INTSAFE_E_ARITHMETIC_OVERFLOW)
                                           : S_OK;
}
static inline HRESULT SizeTAdd(size_t A, size_t B, size_t* Out) {
  return __builtin_add_overflow(A, B, Out) ? (*Out = SIZE_MAX, INTSAFE_E_ARITHMETIC_OVERFLOW)
                                           : S_OK;
}
#define ULongMult DWordMult
#define ULongAdd DWordAdd

#endif
