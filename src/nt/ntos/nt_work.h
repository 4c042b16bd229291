/*
 * Work items: routines that run at PASSIVE_LEVEL on a pool of worker threads.
 *
 * Model      Queued in order; each worker takes the oldest. A worker that waits does not hold up the
 *            others: another is started when none is idle. Under the virtual clock workers take
 *            turns like every thread (nt_dispatcher.h), so the order repeats.
 */
#ifndef WFP_NT_WORK_H
#define WFP_NT_WORK_H

#include <stdbool.h>

#include "nt/ntos/nt_list.h"

struct nt_driver;

/** Embedded in what is queued; zeroed before first use. */
struct nt_work {
    struct nt_list link;
    void (*run)(struct nt_work *work); /* may free or requeue it */
    struct nt_driver *driver;
    bool is_queued;
};

/** Queue @p work for @p driver. @return false when it is queued already */
bool nt_work_queue(struct nt_work *work, void (*run)(struct nt_work *), struct nt_driver *driver);
/** Take it out before it runs. @return false when it was not queued */
bool nt_work_cancel(struct nt_work *work);
/** Wait until no work of @p driver is queued or running (on other threads). */
void nt_work_flush(struct nt_driver *driver);
/** Wait until @p work is neither queued nor running. Not from its own routine. */
void nt_work_wait(struct nt_work *work);
/** End the workers; what is queued runs first. */
void nt_work_fini(void);

#endif
