/*
 * Deadlines: timers, and the timeouts of waits under the virtual clock.
 *
 * Model      A heap of (due, order of setting). Wall clock: one thread fires what is due. Virtual
 *            clock: nt_time_run_until() fires, between packets, on the replay loop's own thread.
 *            Times are 100 ns since the clock's start (interrupt time), so that a step of the wall
 *            clock moves no relative timer.
 */
#ifndef WFP_NT_TIMER_H
#define WFP_NT_TIMER_H

#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_dpc.h"

/** The layout of KTIMER; ours where Windows keeps TimerListEntry. */
struct nt_timer {
    struct nt_dispatcher header;
    uint64_t due_100ns;
    uintptr_t heap_index; /* 0 = not set */
    struct nt_driver *owner;
    struct nt_dpc *dpc;
    uint16_t processor, timer_type;
    uint32_t period_ms;
};

void nt_timer_init(struct nt_timer *timer, bool synchronization);
/**
 * Arm, or arm anew.
 * @param due_100ns  < 0 relative, otherwise system time
 * @param site       return address of the driver's call, for findings
 * @return true when it was armed already
 */
bool nt_timer_set(struct nt_timer *timer, int64_t due_100ns, uint32_t period_ms, struct nt_dpc *dpc,
                  uintptr_t site);
/** @return true when it was armed */
bool nt_timer_cancel(struct nt_timer *timer);

/**
 * Virtual clock: fire everything due until @p time_100ns (system time), each at its own time, let the
 * threads it wakes run, then set the clock there. The replay loop calls this before each packet; the
 * calling thread becomes the clock owner. Wall clock: does nothing.
 */
void nt_time_run_until(uint64_t time_100ns);
/** Let woken threads and work items run, time standing still. For the end of a replay. */
void nt_time_settle(void);
/** When the next deadline is due, 0 = none. System time. */
uint64_t nt_time_next_due(void);

/** A wait's deadline (virtual clock). */
bool nt_timer_add_wait_locked(struct nt_wait *wait, uint64_t due_100ns);
void nt_timer_remove_wait_locked(struct nt_wait *wait);
/** Convert a Windows timeout to interrupt time. */
uint64_t nt_timer_due(int64_t timeout_100ns);
/**
 * Jump to the next deadline and fire it; drops and retakes the dispatcher lock.
 * @param limit_100ns  not beyond this interrupt time
 * @return false when there is none
 */
bool nt_timer_advance_locked(uint64_t limit_100ns);

/** Report armed timers inside memory that is about to be freed. */
void nt_timer_check_memory(const void *start, size_t size);
/** Report and cancel timers that a stopping driver left armed. */
void nt_timer_check_driver(struct nt_driver *driver);
/** Stop the wall clock's timer thread. */
void nt_timer_fini(void);

#endif
