/*
 * Ownership and small arithmetic: an owned local carries its destructor and leaves through TAKE_PTR.
 */
#ifndef WFP_BASE_MACROS_H
#define WFP_BASE_MACROS_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))
#define _noinline_                                                                                 \
    __attribute__((noinline)) /* the rare half of a function that each packet calls */

#define ELEMENTSOF(x)         (sizeof(x) / sizeof((x)[0]))
#define CONTAINER_OF(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define ALIGN_UP(x, a)        (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define MIN(a, b)             ((a) < (b) ? (a) : (b))
#define MAX(a, b)             ((a) > (b) ? (a) : (b))
#define LIKELY(x)             __builtin_expect(!!(x), 1)
#define UNLIKELY(x)           __builtin_expect(!!(x), 0)

/** Hand an owned pointer on and forget it here. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) *take_ = &(p);                                                               \
        __typeof__(p) taken_ = *take_;                                                             \
        *take_ = NULL;                                                                             \
        taken_;                                                                                    \
    })

/** Declare `typep`, the cleanup handler that calls @p free_fn on a local and clears it. */
#define DEFINE_FREEP(type, free_fn)                                                                \
    static inline _unused_ void free_fn##p(type **p)                                               \
    {                                                                                              \
        if (*p)                                                                                    \
            free_fn(*p);                                                                           \
        *p = NULL;                                                                                 \
    }

static inline void
freep(void *p)
{
    free(*(void **)p);
    *(void **)p = NULL;
}

#endif
