/* What cl takes, with a warning at most. */
#pragma once

/* The first of two members of the same name is meant. */
typedef struct _SERVICE_BYTE {
    union {
        UINT8 typeOfService;
        struct {
            UINT8 congestion : 2;
            UINT8 typeOfService : 6;
        };
    };
} SERVICE_BYTE;

/* The kernel's headers don't have these; a driver makes its own. */
typedef __int8 int8_t; typedef unsigned long uint32_t;
C_ASSERT(sizeof(uint32_t) == 4);

/* To everyone else the cache is opaque; its own source says what it is (cl: C4028). */
#ifndef CACHE_SOURCE
#define Cache void
#endif

#ifdef __cplusplus
extern "C" {
#endif
int CacheCreate(Cache **cache);
int CacheSum(Cache *cache, int add);
int TwiceViaInline(int n);
int FourTimesViaInline(int n);
int CaughtOf(int n);
int LeftByFinally(int n);
int TextLengthOfNoGuid(void);
#ifdef __cplusplus
}
#endif
