/*
 * Checked integer arithmetic and conversions that return HRESULT: what ntintsafe.h has as NTSTATUS.
 *
 * On overflow the result is all ones and INTSAFE_E_ARITHMETIC_OVERFLOW comes back.
 * Ref: win32 intsafe.
 */
#ifndef WDK_INTSAFE_H
#define WDK_INTSAFE_H

#include <ntdef.h>
#include <basetsd.h>
#include <minwindef.h>

#ifndef S_OK
#define S_OK ((HRESULT)0)
#endif
#define INTSAFE_E_ARITHMETIC_OVERFLOW ((HRESULT)0x80070216)

#define WDK_CHECKED(name, parameters, failed, result, type)                                        \
    NT_INLINE HRESULT name parameters                                                              \
    {                                                                                              \
        if (failed) {                                                                              \
            *(result) = (type)-1;                                                                  \
            return INTSAFE_E_ARITHMETIC_OVERFLOW;                                                  \
        }                                                                                          \
        return S_OK;                                                                               \
    }
#define WDK_ARITHMETIC(prefix, type)                                                               \
    WDK_CHECKED(prefix##Add, (type a, type b, type *r), __builtin_add_overflow(a, b, r), r, type)  \
    WDK_CHECKED(prefix##Sub, (type a, type b, type *r), __builtin_sub_overflow(a, b, r), r, type)  \
    WDK_CHECKED(prefix##Mult, (type a, type b, type *r), __builtin_mul_overflow(a, b, r), r, type)
/* Adding zero is a conversion that notices what does not fit. */
#define WDK_CONVERT(from, from_type, to, to_type)                                                  \
    WDK_CHECKED(from##To##to, (from_type a, to_type *r),                                           \
                __builtin_add_overflow(a, (from_type)0, r), r, to_type)
#define WDK_CONVERT_ALL(from, from_type)                                                           \
    WDK_CONVERT(from, from_type, UInt8, UINT8)                                                     \
    WDK_CONVERT(from, from_type, Byte, BYTE)                                                       \
    WDK_CONVERT(from, from_type, UShort, USHORT)                                                   \
    WDK_CONVERT(from, from_type, Word, WORD)                                                       \
    WDK_CONVERT(from, from_type, Int, INT)                                                         \
    WDK_CONVERT(from, from_type, UInt, UINT)                                                       \
    WDK_CONVERT(from, from_type, Long, LONG)                                                       \
    WDK_CONVERT(from, from_type, ULong, ULONG)                                                     \
    WDK_CONVERT(from, from_type, DWord, DWORD)                                                     \
    WDK_CONVERT(from, from_type, ULongPtr, ULONG_PTR)                                              \
    WDK_CONVERT(from, from_type, SizeT, SIZE_T)                                                    \
    WDK_CONVERT(from, from_type, LongLong, LONGLONG)                                               \
    WDK_CONVERT(from, from_type, ULongLong, ULONGLONG)

WDK_ARITHMETIC(UInt8, UINT8)
WDK_ARITHMETIC(UShort, USHORT)
WDK_ARITHMETIC(UInt, UINT)
WDK_ARITHMETIC(ULong, ULONG)
WDK_ARITHMETIC(DWord, DWORD)
WDK_ARITHMETIC(ULongPtr, ULONG_PTR)
WDK_ARITHMETIC(SizeT, SIZE_T)
WDK_ARITHMETIC(ULongLong, ULONGLONG)
WDK_ARITHMETIC(Int, INT)
WDK_ARITHMETIC(Long, LONG)
WDK_ARITHMETIC(LongLong, LONGLONG)

WDK_CONVERT_ALL(UShort, USHORT)
WDK_CONVERT_ALL(Int, INT)
WDK_CONVERT_ALL(UInt, UINT)
WDK_CONVERT_ALL(Long, LONG)
WDK_CONVERT_ALL(ULong, ULONG)
WDK_CONVERT_ALL(DWord, DWORD)
WDK_CONVERT_ALL(SizeT, SIZE_T)
WDK_CONVERT_ALL(ULongPtr, ULONG_PTR)
WDK_CONVERT_ALL(LongLong, LONGLONG)
WDK_CONVERT_ALL(ULongLong, ULONGLONG)

#undef WDK_CHECKED
#undef WDK_ARITHMETIC
#undef WDK_CONVERT
#undef WDK_CONVERT_ALL

#endif
