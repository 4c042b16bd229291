/*
 * Arithmetic that reports overflow: STATUS_INTEGER_OVERFLOW, and the result is all ones.
 */
#ifndef _NTINTSAFE_H_INCLUDED_
#define _NTINTSAFE_H_INCLUDED_

#include <ntdef.h>
#include <ntstatus.h>

#ifndef LOWORD
#define LOWORD(l) ((WORD)((ULONG_PTR)(l)&0xffff))
#define HIWORD(l) ((WORD)(((ULONG_PTR)(l) >> 16) & 0xffff))
#define LOBYTE(w) ((BYTE)((ULONG_PTR)(w)&0xff))
#define HIBYTE(w) ((BYTE)(((ULONG_PTR)(w) >> 8) & 0xff))
#endif
#ifndef INT_MAX
#define INT_MIN    (-2147483647 - 1)
#define INT_MAX    2147483647
#define UINT_MAX   0xffffffff
#define SHRT_MAX   32767
#define USHRT_MAX  0xffff
#define LLONG_MAX  9223372036854775807LL
#define ULLONG_MAX 0xffffffffffffffffULL
#endif
#ifndef SIZE_T_MAX
#define SIZE_T_MAX 0xffffffffffffffffULL
#define DWORD_MAX  0xffffffffUL
#define WORD_MAX   0xffff
#define BYTE_MAX   0xff
#endif
#define INTSAFE_UINT8_ERROR       ((UINT8)-1)
#define INTSAFE_NTSTATUS_OVERFLOW STATUS_INTEGER_OVERFLOW

#define WDK_INTSAFE_OP(name, type, builtin)                                                        \
    NT_INLINE NTSTATUS name(type a, type b, type *result)                                          \
    {                                                                                              \
        if (builtin(a, b, result)) {                                                               \
            *result = (type)-1;                                                                    \
            return STATUS_INTEGER_OVERFLOW;                                                        \
        }                                                                                          \
        return STATUS_SUCCESS;                                                                     \
    }
#define WDK_INTSAFE(prefix, type)                                                                  \
    WDK_INTSAFE_OP(prefix##Add, type, __builtin_add_overflow)                                      \
    WDK_INTSAFE_OP(prefix##Sub, type, __builtin_sub_overflow)                                      \
    WDK_INTSAFE_OP(prefix##Mult, type, __builtin_mul_overflow)

WDK_INTSAFE(RtlUInt8, UINT8)
WDK_INTSAFE(RtlUShort, USHORT)
WDK_INTSAFE(RtlUInt, UINT)
WDK_INTSAFE(RtlULong, ULONG)
WDK_INTSAFE(RtlULongLong, ULONGLONG)
WDK_INTSAFE(RtlSizeT, SIZE_T)
WDK_INTSAFE(RtlULongPtr, ULONG_PTR)
WDK_INTSAFE(RtlInt, INT)
WDK_INTSAFE(RtlLong, LONG)
WDK_INTSAFE(RtlLongLong, LONGLONG)
#undef WDK_INTSAFE
#undef WDK_INTSAFE_OP
#define RtlUInt16Add  RtlUShortAdd
#define RtlUInt16Sub  RtlUShortSub
#define RtlUInt16Mult RtlUShortMult
#define RtlWordAdd    RtlUShortAdd
#define RtlDWordAdd   RtlULongAdd
#define RtlDWordSub   RtlULongSub
#define RtlDWordMult  RtlULongMult
#define RtlUInt32Add  RtlUIntAdd
#define RtlUInt32Sub  RtlUIntSub
#define RtlUInt32Mult RtlUIntMult
#define RtlUInt64Add  RtlULongLongAdd
#define RtlUInt64Sub  RtlULongLongSub
#define RtlUInt64Mult RtlULongLongMult
#define RtlUIntPtrAdd RtlULongPtrAdd
#define RtlSIZETAdd   RtlSizeTAdd
#define RtlSIZETSub   RtlSizeTSub
#define RtlSIZETMult  RtlSizeTMult

#define WDK_INTSAFE_CONVERT(name, from, to)                                                        \
    NT_INLINE NTSTATUS name(from value, to *result)                                                \
    {                                                                                              \
        to narrow = 0;                                                                             \
                                                                                                   \
        if (__builtin_add_overflow(value, 0, &narrow)) {                                           \
            *result = (to)-1;                                                                      \
            return STATUS_INTEGER_OVERFLOW;                                                        \
        }                                                                                          \
        *result = narrow;                                                                          \
        return STATUS_SUCCESS;                                                                     \
    }
WDK_INTSAFE_CONVERT(RtlSizeTToULong, SIZE_T, ULONG)
WDK_INTSAFE_CONVERT(RtlSizeTToUInt, SIZE_T, UINT)
WDK_INTSAFE_CONVERT(RtlSizeTToUShort, SIZE_T, USHORT)
WDK_INTSAFE_CONVERT(RtlSizeTToInt, SIZE_T, INT)
WDK_INTSAFE_CONVERT(RtlSizeTToLong, SIZE_T, LONG)
WDK_INTSAFE_CONVERT(RtlULongToUShort, ULONG, USHORT)
WDK_INTSAFE_CONVERT(RtlULongToUInt8, ULONG, UINT8)
WDK_INTSAFE_CONVERT(RtlULongToLong, ULONG, LONG)
WDK_INTSAFE_CONVERT(RtlLongToULong, LONG, ULONG)
WDK_INTSAFE_CONVERT(RtlLongToUShort, LONG, USHORT)
WDK_INTSAFE_CONVERT(RtlUIntToUShort, UINT, USHORT)
WDK_INTSAFE_CONVERT(RtlIntToUShort, INT, USHORT)
WDK_INTSAFE_CONVERT(RtlIntToULong, INT, ULONG)
WDK_INTSAFE_CONVERT(RtlIntToSizeT, INT, SIZE_T)
WDK_INTSAFE_CONVERT(RtlULongLongToULong, ULONGLONG, ULONG)
WDK_INTSAFE_CONVERT(RtlULongLongToUInt, ULONGLONG, UINT)
WDK_INTSAFE_CONVERT(RtlULongLongToUShort, ULONGLONG, USHORT)
WDK_INTSAFE_CONVERT(RtlULongLongToSizeT, ULONGLONG, SIZE_T)
WDK_INTSAFE_CONVERT(RtlLongLongToULong, LONGLONG, ULONG)
WDK_INTSAFE_CONVERT(RtlULongPtrToULong, ULONG_PTR, ULONG)
#undef WDK_INTSAFE_CONVERT

#endif
