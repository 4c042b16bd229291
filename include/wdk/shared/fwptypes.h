/*
 * Types of the filtering platform that user mode and kernel mode share: values, conditions, blobs.
 *
 * FWP_VALUE0 and FWP_CONDITION_VALUE0 hold 64-bit integers, doubles and anything larger by pointer;
 * only 32 bits and fewer are in the union itself.
 *
 * Ref: win32 fwptypes; layout: structs-x64 facts, checked in tests/abi.
 */
#ifndef WDK_FWPTYPES_H
#define WDK_FWPTYPES_H

#include <sdkddkver.h>
#include <ntdef.h>
#include <basetsd.h>
#include <guiddef.h>
#include <minwindef.h>

#include "fwptypes_generated.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Defined in full by ntifs.h or winnt.h; only pointers to them are needed here. */
struct _SID;
struct _SID_AND_ATTRIBUTES;

typedef struct FWPM_DISPLAY_DATA0_ {
    WCHAR *name;
    WCHAR *description;
} FWPM_DISPLAY_DATA0;

typedef struct FWP_BYTE_BLOB_ {
    UINT32 size;
    UINT8 *data;
} FWP_BYTE_BLOB;

typedef struct FWP_BYTE_ARRAY6_ {
    UINT8 byteArray6[FWP_BYTE_ARRAY6_SIZE];
} FWP_BYTE_ARRAY6;

typedef struct FWP_BYTE_ARRAY16_ {
    UINT8 byteArray16[16];
} FWP_BYTE_ARRAY16;

typedef struct FWP_BITMAP_ARRAY64_ {
    UINT8 bitmapArray64[FWP_BYTEMAP_ARRAY64_SIZE];
} FWP_BITMAP_ARRAY64;

typedef struct FWP_TOKEN_INFORMATION_ {
    ULONG sidCount;
    struct _SID_AND_ATTRIBUTES *sids;
    ULONG restrictedSidCount;
    struct _SID_AND_ATTRIBUTES *restrictedSids;
} FWP_TOKEN_INFORMATION;

typedef struct FWP_VALUE0_ {
    FWP_DATA_TYPE type;
    union {
        UINT8 uint8;
        UINT16 uint16;
        UINT32 uint32;
        UINT64 *uint64;
        INT8 int8;
        INT16 int16;
        INT32 int32;
        INT64 *int64;
        float float32;
        double *double64;
        FWP_BYTE_ARRAY16 *byteArray16;
        FWP_BYTE_BLOB *byteBlob;
        struct _SID *sid;
        FWP_BYTE_BLOB *sd;
        FWP_TOKEN_INFORMATION *tokenInformation;
        FWP_BYTE_BLOB *tokenAccessInformation;
        LPWSTR unicodeString;
        FWP_BYTE_ARRAY6 *byteArray6;
        FWP_BITMAP_ARRAY64 *bitmapArray64;
    };
} FWP_VALUE0;

/* Host byte order; a prefix is given as a mask. */
typedef struct FWP_V4_ADDR_AND_MASK_ {
    UINT32 addr;
    UINT32 mask;
} FWP_V4_ADDR_AND_MASK;

/* Network byte order. */
typedef struct FWP_V6_ADDR_AND_MASK_ {
    UINT8 addr[FWP_V6_ADDR_SIZE];
    UINT8 prefixLength;
} FWP_V6_ADDR_AND_MASK;

typedef struct FWP_RANGE0_ {
    FWP_VALUE0 valueLow;
    FWP_VALUE0 valueHigh;
} FWP_RANGE0;

typedef struct FWP_CONDITION_VALUE0_ {
    FWP_DATA_TYPE type;
    union {
        UINT8 uint8;
        UINT16 uint16;
        UINT32 uint32;
        UINT64 *uint64;
        INT8 int8;
        INT16 int16;
        INT32 int32;
        INT64 *int64;
        float float32;
        double *double64;
        FWP_BYTE_ARRAY16 *byteArray16;
        FWP_BYTE_BLOB *byteBlob;
        struct _SID *sid;
        FWP_BYTE_BLOB *sd;
        FWP_TOKEN_INFORMATION *tokenInformation;
        FWP_BYTE_BLOB *tokenAccessInformation;
        LPWSTR unicodeString;
        FWP_BYTE_ARRAY6 *byteArray6;
        FWP_BITMAP_ARRAY64 *bitmapArray64;
        FWP_V4_ADDR_AND_MASK *v4AddrMask;
        FWP_V6_ADDR_AND_MASK *v6AddrMask;
        FWP_RANGE0 *rangeValue;
    };
} FWP_CONDITION_VALUE0;

/* FWP_ACTION_*: what a filter or a callout decides. */
typedef UINT32 FWP_ACTION_TYPE;

#ifdef __cplusplus
}
#endif

#include "fwpvi.h"

#endif
