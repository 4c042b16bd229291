/*
 * What a Linux thread carries while it plays a Windows processor: IRQL, the driver at work, its
 * thread object.
 */
#ifndef WFP_NT_CPU_H
#define WFP_NT_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

#define NT_PASSIVE_LEVEL  0
#define NT_APC_LEVEL      1
#define NT_DISPATCH_LEVEL 2
#define NT_HIGH_LEVEL     15

struct nt_driver;
struct nt_thread;

struct nt_cpu {
    struct nt_driver *driver; /* whose code runs here; NULL = the runtime's own */
    struct nt_thread *thread; /* made on first use: nt_thread_current() */
    uint8_t irql;
    bool dpc_pending;      /* DPCs wait for the IRQL to drop: nt_dpc_drain() */
    uintptr_t irql_site;   /* the driver's call that last changed the IRQL, for findings */
    uint32_t region_depth; /* KeEnterCriticalRegion nesting */
    void *seh_top;         /* innermost __try frame of native code, see nt_seh.h */
};

extern __thread struct nt_cpu nt_cpu __attribute__((tls_model("initial-exec")));

/** Run the DPCs that waited for this thread to drop below DISPATCH_LEVEL. */
void nt_dpc_drain(void);
/** Report @p function called above @p max; slow path of nt_cpu_require_max(). */
void nt_cpu_irql_too_high(const char *function, uint8_t max);
void nt_cpu_irql_too_low(const char *function, uint8_t min);

static inline uint8_t
nt_cpu_raise(uint8_t irql)
{
    uint8_t old = nt_cpu.irql;
    nt_cpu.irql = irql;
    return old;
}

static inline void
nt_cpu_lower(uint8_t irql)
{
    nt_cpu.irql = irql;
    if (UNLIKELY(nt_cpu.dpc_pending) && irql < NT_DISPATCH_LEVEL)
        nt_dpc_drain();
}

/** In functions that drivers import: raise or lower for the call that returns to @p site. */
static inline uint8_t
nt_cpu_raise_at(uint8_t irql, uintptr_t site)
{
    if (irql != nt_cpu.irql)
        nt_cpu.irql_site = site;
    return nt_cpu_raise(irql);
}

static inline void
nt_cpu_lower_at(uint8_t irql, uintptr_t site)
{
    if (irql != nt_cpu.irql)
        nt_cpu.irql_site = site;
    nt_cpu_lower(irql);
}

/** A documented "IRQL: <= max"; costs one compare. */
static inline void
nt_cpu_require_max(const char *function, uint8_t max)
{
    if (UNLIKELY(nt_cpu.irql > max))
        nt_cpu_irql_too_high(function, max);
}

static inline void
nt_cpu_require_min(const char *function, uint8_t min)
{
    if (UNLIKELY(nt_cpu.irql < min))
        nt_cpu_irql_too_low(function, min);
}

#endif
