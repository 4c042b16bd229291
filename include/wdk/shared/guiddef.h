/* GUID, and its definition: once, in the file that includes <initguid.h>. */
#ifndef GUID_DEFINED
#define GUID_DEFINED

#include "wdkmode.h"

typedef struct _GUID {
#if WDK_HOST
    unsigned int Data1;
#else
    unsigned long Data1;
#endif
    unsigned short Data2;
    unsigned short Data3;
    unsigned char Data4[8];
} GUID;
#endif

#ifndef __LPGUID_DEFINED__
#define __LPGUID_DEFINED__
typedef GUID *LPGUID;
typedef const GUID *LPCGUID;
typedef GUID IID, *LPIID;
#ifndef UUID_DEFINED
#define UUID_DEFINED
typedef GUID UUID;
#endif
typedef GUID CLSID, *LPCLSID;
typedef GUID FMTID, *LPFMTID;
#define IID_NULL   GUID_NULL
#define CLSID_NULL GUID_NULL
#endif

#ifndef FAR
#define FAR
#endif

/* Outside the guard: <initguid.h> after a first <guiddef.h> changes the meaning. */
#ifdef DEFINE_GUID
#undef DEFINE_GUID
#endif
#ifdef INITGUID
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8)                               \
    EXTERN_C const GUID name;                                                                      \
    const GUID DECLSPEC_SELECTANY name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) EXTERN_C const GUID name
#endif
#ifndef DEFINE_OLEGUID
#define DEFINE_OLEGUID(name, l, w1, w2) DEFINE_GUID(name, l, w1, w2, 0xC0, 0, 0, 0, 0, 0, 0, 0x46)
#endif

#ifndef _SYS_GUID_OPERATORS_
#define _SYS_GUID_OPERATORS_
#ifdef __cplusplus
#define REFGUID  const GUID &
#define REFIID   const IID &
#define REFCLSID const IID &
NT_INLINE int
InlineIsEqualGUID(REFGUID a, REFGUID b)
{
    return __builtin_memcmp(&a, &b, sizeof(GUID)) == 0;
}
NT_INLINE bool
operator==(REFGUID a, REFGUID b)
{
    return InlineIsEqualGUID(a, b) != 0;
}
NT_INLINE bool
operator!=(REFGUID a, REFGUID b)
{
    return InlineIsEqualGUID(a, b) == 0;
}
#else
#define REFGUID  const GUID *
#define REFIID   const IID *
#define REFCLSID const IID *
NT_INLINE int
InlineIsEqualGUID(REFGUID a, REFGUID b)
{
    return __builtin_memcmp(a, b, sizeof(GUID)) == 0;
}
#endif
#define IsEqualGUID(a, b)  InlineIsEqualGUID(a, b)
#define IsEqualIID(a, b)   IsEqualGUID(a, b)
#define IsEqualCLSID(a, b) IsEqualGUID(a, b)
#endif
