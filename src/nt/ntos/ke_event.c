/*
 * Events, semaphores and mutexes: the dispatcher objects that drivers initialise themselves.
 *
 * The layouts are Windows'; nt_dispatcher.c works on the same memory.
 * Ref        kernel/kernel-dispatcher-objects
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/loader/seh_dispatch.h"
#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_thread.h"

static_assert(sizeof(DISPATCHER_HEADER) == sizeof(struct nt_dispatcher), "one layout");
static_assert(offsetof(DISPATCHER_HEADER, SignalState) ==
                  offsetof(struct nt_dispatcher, signal_state),
              "one layout");
static_assert(sizeof(KMUTANT) == sizeof(struct nt_mutant), "one layout");
static_assert(offsetof(KMUTANT, OwnerThread) == offsetof(struct nt_mutant, owner), "one layout");

static struct nt_dispatcher *
header(void *object)
{
    return object;
}

static LONG
read_state(void *object)
{
    return __atomic_load_n(&header(object)->signal_state, __ATOMIC_ACQUIRE);
}

/**
 * Initialise an event.
 *
 * @param Type   NotificationEvent stays signalled; SynchronizationEvent releases one waiter
 * @param State  TRUE: signalled
 * IRQL: any. Ref: wdm/nf-wdm-keinitializeevent.
 */
VOID NTAPI
KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    nt_dispatcher_init(header(Event),
                       Type == NotificationEvent ? NT_NOTIFICATION_EVENT : NT_SYNCHRONIZATION_EVENT,
                       State ? 1 : 0);
}

/**
 * Signal an event and release its waiters.
 *
 * @param Increment  priority boost; accepted, no effect on Linux
 * @return nonzero if the event was already signalled
 *
 * IRQL: <= DISPATCH_LEVEL, or <= APC_LEVEL if @p Wait. Ref: wdm/nf-wdm-kesetevent.
 */
LONG NTAPI
KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    NT_IRQL_MAX(Wait ? APC_LEVEL : DISPATCH_LEVEL);
    return nt_dispatcher_set(header(Event), 1);
}

/** @return the old state. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keresetevent. */
LONG NTAPI
KeResetEvent(PRKEVENT Event)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_dispatcher_set(header(Event), 0);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keclearevent. */
VOID NTAPI
KeClearEvent(PRKEVENT Event)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    nt_dispatcher_set(header(Event), 0);
}

/** IRQL: any. Ref: wdm/nf-wdm-kereadstateevent. */
LONG NTAPI
KeReadStateEvent(PRKEVENT Event)
{
    return read_state(Event);
}

/** Release those who wait now and leave the event unsignalled. @return the old state. Ref: ntddk. */
LONG NTAPI
KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    pthread_mutex_lock(&nt_dispatcher_lock);
    LONG old = nt_dispatcher_set_locked(header(Event), 1);
    nt_dispatcher_set_locked(header(Event), 0);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return old;
}

/** IRQL: any. Ref: wdm/nf-wdm-keinitializesemaphore. */
VOID NTAPI
KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    nt_dispatcher_init(header(Semaphore), NT_SEMAPHORE, Count);
    Semaphore->Limit = Limit;
}

LONG NTAPI nt_ke_release_semaphore(PRKSEMAPHORE semaphore, KPRIORITY increment, LONG adjustment,
                                   BOOLEAN wait);
/**
 * KeReleaseSemaphore: add to its count; STATUS_SEMAPHORE_LIMIT_EXCEEDED is raised beyond its limit.
 *
 * @return the old count, never negative: a negative result is what NT_SEH_RAISING raises
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleasesemaphore.
 */
__attribute__((used)) LONG NTAPI
nt_ke_release_semaphore(PRKSEMAPHORE semaphore, KPRIORITY increment, LONG adjustment, BOOLEAN wait)
{
    nt_cpu_require_max("KeReleaseSemaphore", DISPATCH_LEVEL);
    pthread_mutex_lock(&nt_dispatcher_lock);
    LONG old = semaphore->Header.SignalState;
    bool fits = adjustment > 0 && old <= semaphore->Limit - adjustment;
    if (fits)
        nt_dispatcher_set_locked(header(semaphore), old + adjustment);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return fits ? old : STATUS_SEMAPHORE_LIMIT_EXCEEDED;
}
NT_SEH_RAISING(KeReleaseSemaphore, nt_ke_release_semaphore);

/** IRQL: any. Ref: wdm/nf-wdm-kereadstatesemaphore. */
LONG NTAPI
KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return read_state(Semaphore);
}

/** @p Level is reserved. IRQL: any. Ref: wdm/nf-wdm-keinitializemutex. */
VOID NTAPI
KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    struct nt_mutant *mutant = (struct nt_mutant *)Mutex;

    memset(mutant, 0, sizeof(*mutant));
    nt_dispatcher_init(&mutant->header, NT_MUTANT, 1);
    nt_list_init(&mutant->owned_link);
}

/**
 * Release one level; by another thread than the owner it is a bug check, as on Windows.
 *
 * @return 0 when it became free. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleasemutex.
 */
LONG NTAPI
KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    LONG old = nt_dispatcher_release_mutant((struct nt_mutant *)Mutex, false);
    if (old == INT32_MAX)
        nt_bugcheck(NT_BUGCHECK_MUTEX_NOT_OWNED, "a mutex was released by another thread",
                    (uintptr_t)nt_thread_current(), (uintptr_t)Mutex, 0, 0);
    return old;
}

/** IRQL: any. Ref: wdm/nf-wdm-kereadstatemutex. */
LONG NTAPI
KeReadStateMutex(PRKMUTEX Mutex)
{
    return read_state(Mutex);
}
