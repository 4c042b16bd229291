/*
 * Epochs: how readers of a snapshot and writers who replace it stay out of each other's way.
 *
 * Model      A thin cover over liburcu's membarrier flavour. A thread is registered at its first
 *            entry and unregistered when it ends, so that any thread may classify.
 * Ref        liburcu
 */
#ifndef WFP_CORE_ENGINE_EPOCH_H
#define WFP_CORE_ENGINE_EPOCH_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE /* inline read-side functions; their licence lets any code use them */
#endif
#include <urcu/urcu-memb.h>

#include <stdbool.h>

#include "base/macros.h"

/* liburcu is not instrumented: tell ThreadSanitizer what it orders. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
extern char wfp_epoch_order;
#define WFP_EPOCH_READER_LEFT()  __tsan_release(&wfp_epoch_order)
#define WFP_EPOCH_READERS_GONE() __tsan_acquire(&wfp_epoch_order)
#else
#define WFP_EPOCH_READER_LEFT()
#define WFP_EPOCH_READERS_GONE()
#endif

extern __thread bool wfp_epoch_registered;
void wfp_epoch_register_thread(void);

/** What was published before stays readable until the matching leave. Nests. */
static inline void
wfp_epoch_enter(void)
{
    if (UNLIKELY(!wfp_epoch_registered))
        wfp_epoch_register_thread();
    urcu_memb_read_lock();
}

static inline void
wfp_epoch_leave(void)
{
    WFP_EPOCH_READER_LEFT();
    urcu_memb_read_unlock();
}

/** Is this thread inside an epoch? Then it must not wait for one. */
static inline bool
wfp_epoch_is_inside(void)
{
    return wfp_epoch_registered && urcu_memb_read_ongoing();
}

/** Return once every reader that was inside has left. Never call it from inside. */
void wfp_epoch_wait(void);

#endif
