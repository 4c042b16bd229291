/*
 * Every layout, value and name of the WFP, NDIS and NMR headers, as compile-time checks.
 *
 * Compiles alone, in all modes: it is both the body of the host test and what the driver-mode check
 * feeds to clang. Newest level unless NTDDI_VERSION says otherwise.
 */
#ifndef WDK_TESTS_FWP_LAYOUT_H
#define WDK_TESTS_FWP_LAYOUT_H

#include <wdm.h>
#include <ndis.h>
#include <fwpsk.h>
#include <fwpmk.h>
#include <netioddk.h>
#include <windot11.h>

#define CHECK_STRUCT(type, size, alignment)                                                        \
    NT_STATIC_ASSERT(sizeof(type) == (size), "size of " #type);                                    \
    NT_STATIC_ASSERT(__alignof__(type) == (alignment), "alignment of " #type);
#define CHECK_OFFSET(type, member, offset)                                                         \
    NT_STATIC_ASSERT(__builtin_offsetof(type, member) == (offset), "offset of " #type "." #member);
#define CHECK_FIELD(type, member, offset, size)                                                    \
    CHECK_OFFSET(type, member, offset)                                                             \
    NT_STATIC_ASSERT(sizeof(((type *)0)->member) == (size), "size of " #type "." #member);
/* Bit-fields have no offset: the host test looks at them at run time. */
#define CHECK_BITS(type, member, first, width)
/* 32-bit constants are compared as 32 bits: a status is negative, its table value is not. */
#define CHECK_VALUE(name, bits)                                                                    \
    NT_STATIC_ASSERT((bits) > 0xFFFFFFFFULL ? (ULONG64)(name) == (bits)                            \
                                            : (UINT32)(name) == (UINT32)(bits),                    \
                     "value of " #name);

#define STRUCT CHECK_STRUCT
#define FIELD  CHECK_FIELD
#define OFFSET CHECK_OFFSET
#define BITS   CHECK_BITS
#if NTDDI_VERSION >= 0x0A00000C
#include "fwp_structs.def"
#else
#include "fwp_levels.def"
#endif
#undef STRUCT
#undef FIELD
#undef OFFSET
#undef BITS

#if NTDDI_VERSION >= 0x0A00000C

#define VALUE CHECK_VALUE
#if NTDDI_VERSION >= 0x0A000010
#define NEWER_VALUE CHECK_VALUE
#else
#define NEWER_VALUE(name, bits)
#endif
#include "fwp_values.def"
#undef VALUE
#undef NEWER_VALUE

/* A use of each name; undeclared ones do not compile. */
#define FUNCTION(name, tier) NT_STATIC_ASSERT(sizeof(&name) == sizeof(void *), #name);
#define TYPE(name, tier)     NT_STATIC_ASSERT(sizeof(name *) == sizeof(void *), #name);
#define KEY(name, tier)      NT_STATIC_ASSERT(sizeof(name) == sizeof(GUID), #name);
#include "fwp_names.def"
#undef FUNCTION
#undef TYPE
#undef KEY

#include "fwp_macros.def"

#endif

#endif
