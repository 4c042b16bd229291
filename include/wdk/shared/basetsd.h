/* Integer types of a named width, and of a pointer's width. */
#ifndef _BASETSD_H_
#define _BASETSD_H_

#include "wdkmode.h"

#define POINTER_64
#define POINTER_32
#define POINTER_SIGNED
#define POINTER_UNSIGNED
#define FIRMWARE_PTR
#define SPOINTER_32

typedef signed char INT8, *PINT8;
typedef short INT16, *PINT16;
typedef int INT32, *PINT32;
typedef long long INT64, *PINT64;
typedef unsigned char UINT8, *PUINT8;
typedef unsigned short UINT16, *PUINT16;
typedef unsigned int UINT32, *PUINT32;
typedef unsigned long long UINT64, *PUINT64;
typedef int LONG32, *PLONG32;
typedef unsigned int ULONG32, *PULONG32;
typedef unsigned int DWORD32, *PDWORD32;
typedef long long LONG64, *PLONG64;
typedef unsigned long long ULONG64, *PULONG64;
typedef unsigned long long DWORD64, *PDWORD64;

typedef long long INT_PTR, *PINT_PTR;
typedef unsigned long long UINT_PTR, *PUINT_PTR;
typedef long long LONG_PTR, *PLONG_PTR;
typedef unsigned long long ULONG_PTR, *PULONG_PTR;
typedef ULONG_PTR DWORD_PTR, *PDWORD_PTR;
typedef ULONG_PTR SIZE_T, *PSIZE_T;
typedef LONG_PTR SSIZE_T, *PSSIZE_T;
typedef unsigned int UHALF_PTR, *PUHALF_PTR;
typedef int HALF_PTR, *PHALF_PTR;
typedef long long SHANDLE_PTR;
typedef unsigned long long HANDLE_PTR;
typedef ULONG_PTR KAFFINITY, *PKAFFINITY;

#define ADDRESS_TAG_BIT 0x40000000000ULL

#define MAXUINT8     ((UINT8) ~((UINT8)0))
#define MAXINT8      ((INT8)(MAXUINT8 >> 1))
#define MININT8      ((INT8)~MAXINT8)
#define MAXUINT16    ((UINT16) ~((UINT16)0))
#define MAXINT16     ((INT16)(MAXUINT16 >> 1))
#define MININT16     ((INT16)~MAXINT16)
#define MAXUINT32    ((UINT32) ~((UINT32)0))
#define MAXINT32     ((INT32)(MAXUINT32 >> 1))
#define MININT32     ((INT32)~MAXINT32)
#define MAXUINT64    ((UINT64) ~((UINT64)0))
#define MAXINT64     ((INT64)(MAXUINT64 >> 1))
#define MININT64     ((INT64)~MAXINT64)
#define MAXULONG32   ((ULONG32) ~((ULONG32)0))
#define MAXLONG32    ((LONG32)(MAXULONG32 >> 1))
#define MINLONG32    ((LONG32)~MAXLONG32)
#define MAXULONG64   ((ULONG64) ~((ULONG64)0))
#define MAXLONG64    ((LONG64)(MAXULONG64 >> 1))
#define MINLONG64    ((LONG64)~MAXLONG64)
#define MAXULONG_PTR (~((ULONG_PTR)0))
#define MAXLONG_PTR  ((LONG_PTR)(MAXULONG_PTR >> 1))
#define MINLONG_PTR  (~MAXLONG_PTR)
#define MAXUINT_PTR  (~((UINT_PTR)0))
#define MAXINT_PTR   ((INT_PTR)(MAXUINT_PTR >> 1))
#define MININT_PTR   (~MAXINT_PTR)
#define MAXSIZE_T    MAXULONG_PTR
#define MAXSSIZE_T   ((SSIZE_T)(MAXSIZE_T >> 1))
#define MINSSIZE_T   (~MAXSSIZE_T)

#define HandleToULong(h)    ((unsigned int)(ULONG_PTR)(h))
#define HandleToUlong(h)    HandleToULong(h)
#define HandleToLong(h)     ((int)(LONG_PTR)(h))
#define ULongToHandle(ul)   ((void *)(ULONG_PTR)(unsigned int)(ul))
#define UlongToHandle(ul)   ULongToHandle(ul)
#define LongToHandle(h)     ((void *)(LONG_PTR)(int)(h))
#define PtrToUlong(p)       ((unsigned int)(ULONG_PTR)(p))
#define PtrToULong(p)       PtrToUlong(p)
#define PtrToLong(p)        ((int)(LONG_PTR)(p))
#define PtrToUint(p)        ((unsigned int)(UINT_PTR)(p))
#define PtrToInt(p)         ((int)(INT_PTR)(p))
#define PtrToUshort(p)      ((unsigned short)(ULONG_PTR)(p))
#define PtrToShort(p)       ((short)(LONG_PTR)(p))
#define IntToPtr(i)         ((void *)(INT_PTR)(int)(i))
#define UIntToPtr(ui)       ((void *)(UINT_PTR)(unsigned int)(ui))
#define LongToPtr(l)        ((void *)(LONG_PTR)(int)(l))
#define ULongToPtr(ul)      ((void *)(ULONG_PTR)(unsigned int)(ul))
#define UlongToPtr(ul)      ULongToPtr(ul)
#define UintToPtr(ui)       UIntToPtr(ui)
#define Ptr32ToPtr(p)       ((void *)(ULONG_PTR)(unsigned int)(ULONG_PTR)(p))
#define PtrToPtr32(p)       ((void *)(ULONG_PTR)(unsigned int)(ULONG_PTR)(p))
#define PtrToPtr64(p)       ((void *)(p))
#define Ptr64ToPtr(p)       ((void *)(p))
#define HandleToHandle64(h) PtrToPtr64(h)
#define Handle64ToHandle(h) Ptr64ToPtr(h)
#define Handle32ToHandle(h) ((void *)(LONG_PTR)(int)(LONG_PTR)(h))

#endif
