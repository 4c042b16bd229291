/*
 * Wall time or virtual time behind one pair of functions.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t virtual_now, virtual_start;

static uint64_t
read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 10000000u + (uint64_t)t.tv_nsec / 100u;
}

void
wfp_clock_set_virtual(uint64_t start_100ns)
{
    atomic_store(&virtual_start, start_100ns);
    atomic_store(&virtual_now, start_100ns);
}

bool
wfp_clock_is_virtual(void)
{
    return atomic_load_explicit(&virtual_now, memory_order_relaxed) != 0;
}

void
wfp_clock_advance(uint64_t time_100ns)
{
    if (time_100ns > atomic_load_explicit(&virtual_now, memory_order_relaxed))
        atomic_store_explicit(&virtual_now, time_100ns, memory_order_relaxed);
}

uint64_t
wfp_clock_now(void)
{
    uint64_t now = atomic_load_explicit(&virtual_now, memory_order_relaxed);
    return now ? now : read_clock(CLOCK_REALTIME) + WFP_CLOCK_UNIX_EPOCH;
}

uint64_t
wfp_clock_uptime(void)
{
    uint64_t now = atomic_load_explicit(&virtual_now, memory_order_relaxed);
    return now ? now - atomic_load_explicit(&virtual_start, memory_order_relaxed)
               : read_clock(CLOCK_BOOTTIME);
}
