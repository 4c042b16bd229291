/* Defines what its header calls by another pointer type. */
#include <ntddk.h>
#include "dialect.h"
#undef Cache

typedef struct _Cache {
    int sum;
} Cache;

static Cache OnlyCache;

int CacheCreate(Cache **cache)
{
    OnlyCache.sum = 0;
    *cache = &OnlyCache;
    return 0;
}

int
CacheSum(Cache *cache, int add)
{
    cache->sum += add;
    return cache->sum;
}
