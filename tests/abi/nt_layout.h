/*
 * Every layout, value and name of the NT, KMDF and address headers, as compile-time checks.
 *
 * Compiles alone, in all modes: it is both the body of the host test and what the driver-mode check
 * feeds to clang.
 */
#ifndef WDK_TESTS_NT_LAYOUT_H
#define WDK_TESTS_NT_LAYOUT_H

#include <ntifs.h>
#include <ntddk.h>
#include <wdm.h>
#include <wdf.h>
#include <wdmsec.h>
#include <ntstrsafe.h>
#include <ntintsafe.h>
#include <ntimage.h>
#include <aux_klib.h>
#include <windef.h>
#include <ws2def.h>
#include <ws2ipdef.h>
#include <mstcpip.h>
#include <netiodef.h>
#include <nldef.h>
#if !WDK_HOST
#include <intrin.h>
#endif

#define STRUCT(type, size, alignment)                                                              \
    NT_STATIC_ASSERT(sizeof(type) == (size), "size of " #type);                                    \
    NT_STATIC_ASSERT(__alignof__(type) == (alignment), "alignment of " #type);
#define SIZE(type, size) NT_STATIC_ASSERT(sizeof(type) == (size), "size of " #type);
#define OFFSET(type, member, offset)                                                               \
    NT_STATIC_ASSERT(__builtin_offsetof(type, member) == (offset), "offset of " #type "." #member);
#define FIELD(type, member, offset, size)                                                          \
    OFFSET(type, member, offset)                                                                   \
    NT_STATIC_ASSERT(sizeof(((type *)0)->member) == (size), "size of " #type "." #member);
#include "nt_structs.def"
#undef STRUCT
#undef SIZE
#undef OFFSET
#undef FIELD

/* 32-bit constants are compared as 32 bits: a status is negative, its table value is not. */
#define VALUE(name, bits, tier)                                                                    \
    NT_STATIC_ASSERT((bits) > 0xFFFFFFFFULL ? (ULONG64)(name) == (bits)                            \
                                            : (UINT32)(name) == (UINT32)(bits),                    \
                     "value of " #name);
#include "nt_values.def"
#undef VALUE

/* A use of each name; undeclared ones do not compile. */
#define FUNCTION(name, tier) NT_STATIC_ASSERT(sizeof(&name) == sizeof(void *), #name);
#define TYPE(name, tier)     NT_STATIC_ASSERT(sizeof(name *) == sizeof(void *), #name);
#define MACRO(name, tier)    NT_STATIC_ASSERT(0, #name " is no macro");
#if WDK_HOST
#define DRIVER_FUNCTION(name, tier)
#define DRIVER_MACRO(name, tier)
#else
#define DRIVER_FUNCTION FUNCTION
#define DRIVER_MACRO    MACRO
#endif
#include "nt_names.def"

#define WDF_INDEX(name, index) NT_STATIC_ASSERT(name##TableIndex == (index), "index of " #name);
#define WDF(name, NAME, index, tier)                                                               \
    TYPE(PFN_##NAME, tier)                                                                         \
    DRIVER_FUNCTION(name, tier)
#include "nt_wdf.def"
#undef FUNCTION
#undef DRIVER_FUNCTION
#undef TYPE
#undef MACRO
#undef DRIVER_MACRO
#undef WDF
#undef WDF_INDEX

#endif
