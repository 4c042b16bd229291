/*
 * Waiting and waking: the objects that threads wait for, and who runs when.
 *
 * Model      One lock guards all dispatcher objects, waits, timers. An object is a DISPATCHER_HEADER
 *            in the driver's memory: type, state, list of waiters.
 *            Wall clock: threads are plain Linux threads.
 *            Virtual clock (replay): one thread at a time. The clock owner (the replay loop) runs
 *            until it waits or asks for time to pass; then the threads that were woken run one after
 *            another, in the order of waking, each until it waits. When none is left, time jumps to
 *            the next deadline. So a replay with threads, timers and work items repeats exactly.
 *            A thread that does not wait for 2 s of real time ends this (finding thread-busy).
 * Not here   deadlines and timers: nt_timer.c; threads' birth and death: nt_thread.c
 */
#ifndef WFP_NT_DISPATCHER_H
#define WFP_NT_DISPATCHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nt/ntos/nt_list.h"

struct nt_thread;

enum nt_dispatcher_type {
    NT_NOTIFICATION_EVENT = 0,
    NT_SYNCHRONIZATION_EVENT = 1,
    NT_MUTANT = 2,
    NT_PROCESS = 3,
    NT_QUEUE = 4,
    NT_SEMAPHORE = 5,
    NT_THREAD = 6,
    NT_NOTIFICATION_TIMER = 8,
    NT_SYNCHRONIZATION_TIMER = 9,
};

/** The layout of DISPATCHER_HEADER. */
struct nt_dispatcher {
    uint8_t type;
    uint8_t flags;
    uint8_t size;
    uint8_t reserved;
    int32_t signal_state;
    struct nt_list wait_list;
};

/** The layout of KMUTANT. Signal state: 1 free, 0 owned, below 0 owned several times. */
struct nt_mutant {
    struct nt_dispatcher header;
    struct nt_list owned_link;
    struct nt_thread *owner;
    uint8_t abandoned;
    uint8_t apc_disable;
};

struct nt_wait_block {
    struct nt_list link;
    struct nt_dispatcher *object;
    struct nt_wait *wait;
};

/** One thread's wait, on its stack. */
struct nt_wait {
    struct nt_thread *thread;
    struct nt_wait_block *blocks;
    size_t count;
    size_t deadline_index; /* in the heap of nt_timer.c, 0 = not there */
    int32_t status;
    bool all, done;
};

#define NT_WAIT_MAX 64 /* MAXIMUM_WAIT_OBJECTS */

extern pthread_mutex_t nt_dispatcher_lock;

void nt_dispatcher_init(struct nt_dispatcher *object, enum nt_dispatcher_type type, int32_t state);
/**
 * Set the state and wake whom it satisfies.
 *
 * @return the previous state
 */
int32_t nt_dispatcher_set(struct nt_dispatcher *object, int32_t state);
int32_t nt_dispatcher_set_locked(struct nt_dispatcher *object, int32_t state);
/** Wake whoever @p object's present state satisfies. */
void nt_dispatcher_signal_locked(struct nt_dispatcher *object);
/**
 * Wait for one or all of @p count objects.
 *
 * @param timeout_100ns  NULL = for ever; 0 = poll; < 0 relative; > 0 system time
 * @return NTSTATUS: index of the object, TIMEOUT, ABANDONED_WAIT_0 + index, INVALID_PARAMETER
 * Context: IRQL <= APC_LEVEL unless the timeout is 0.
 */
int32_t nt_dispatcher_wait(size_t count, struct nt_dispatcher *const *objects, bool all,
                           const int64_t *timeout_100ns);
/** End @p wait with @p status: its deadline has come. */
void nt_dispatcher_expire_locked(struct nt_wait *wait);
/** Release one level of a mutant. @return previous state, or 0x7fffffff when not the owner */
int32_t nt_dispatcher_release_mutant(struct nt_mutant *mutant, bool abandoned);

/**
 * Work that only the calling thread can do for the others (the stack is its). Asked for from any
 * thread, done when that thread waits here, when it gives others their turn, or by itself.
 *
 * @param serve  NULL: no more. It looks itself whether this is a good moment.
 */
void nt_dispatcher_set_service(void (*serve)(void *context), void *context);
/** Ask for it. Any thread, any IRQL; not under the dispatcher lock. */
void nt_dispatcher_request_service(void);
/** Is there a thread that serves? @param ret_self  is it this one */
bool nt_dispatcher_has_service(bool *ret_self);
/** On the serving thread: do at once what was asked for. */
void nt_dispatcher_serve(void);

/** Make the calling thread the clock owner (see Model). */
void nt_dispatcher_own_clock(void);
/** @p thread ends: it owns the clock no more. */
void nt_dispatcher_disown_clock(struct nt_thread *thread);
/** Let woken threads run until each waits. Clock owner, virtual clock only. */
void nt_dispatcher_run_ready_locked(void);
/** True when some thread is ready and waits for its turn. */
bool nt_dispatcher_has_ready(void);
/** A new thread's first step: wait for its turn (virtual clock). */
void nt_dispatcher_enter_locked(struct nt_thread *self);
/** A thread's last step: give the turn back. */
void nt_dispatcher_leave_locked(struct nt_thread *self);
/** Queue a thread that has not run yet. */
void nt_dispatcher_make_ready_locked(struct nt_thread *thread);

#endif
