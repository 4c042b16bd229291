/*
 * Locks that wait: fast and guarded mutexes, push locks, resources, run-down protection.
 *
 * Model      Fast mutexes use their own count and event, as on Windows. The others have no room for a
 *            list of waiters: who waits sleeps in one of 64 buckets, chosen by the lock's address, and
 *            tries again when anyone releases a lock of that bucket.
 * Ref        kernel/fast-mutexes-and-guarded-mutexes, kernel/introduction-to-eresource-routines
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_spin.h"
#include "nt/ntos/nt_thread.h"

/* --- sleeping by address --- */

#define BUCKETS 64

/* Each waiter has an event of its own: one that all share, a waiter that only stands back for another
 * could clear when the other needs it. */
struct waiter {
    struct nt_list link;
    struct nt_dispatcher event;
};

static struct bucket {
    struct nt_list waiters; /* under nt_dispatcher_lock */
    unsigned count;
} buckets[BUCKETS];

static struct bucket *
bucket_of(const void *address)
{
    return &buckets[((uintptr_t)address >> 4 ^ (uintptr_t)address >> 12) % BUCKETS];
}

/** Call @p attempt until it succeeds, asleep in between. */
static void
wait_for(void *lock, bool (*attempt)(void *lock))
{
    struct bucket *bucket = bucket_of(lock);
    struct waiter self;
    struct nt_dispatcher *event = &self.event;

    if (attempt(lock))
        return;
    nt_dispatcher_init(event, NT_NOTIFICATION_EVENT, 0);
    pthread_mutex_lock(&nt_dispatcher_lock);
    if (!bucket->waiters.next)
        nt_list_init(&bucket->waiters);
    nt_list_append(&bucket->waiters, &self.link);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    __atomic_fetch_add(&bucket->count, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        /* Cleared before the attempt: a release after it sets the event again. */
        nt_dispatcher_set(event, 0);
        if (attempt(lock))
            break;
        nt_dispatcher_wait(1, &event, false, NULL);
    }
    __atomic_fetch_sub(&bucket->count, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&nt_dispatcher_lock);
    nt_list_remove(&self.link);
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

static void
wake(const void *lock)
{
    struct bucket *bucket = bucket_of(lock);

    /* A read that also orders the release before it: a waiter counts itself before it tries. */
    if (!__atomic_fetch_add(&bucket->count, 0, __ATOMIC_SEQ_CST))
        return;
    pthread_mutex_lock(&nt_dispatcher_lock);
    for (struct nt_list *at = bucket->waiters.next; at != &bucket->waiters; at = at->next)
        nt_dispatcher_set_locked(&NT_LIST_ITEM(at, struct waiter, link)->event, 1);
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

/* --- fast mutexes: Count 1 = free, 0 = held, below = held with waiters --- */

static void
acquire_fast(PFAST_MUTEX mutex)
{
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) == nt_thread_current())
        nt_finding(NT_FINDING_LOCK_RECURSIVE, "a fast mutex was acquired twice by one thread");
    if (__atomic_fetch_sub(&mutex->Count, 1, __ATOMIC_ACQUIRE) != 1) {
        struct nt_dispatcher *event = (struct nt_dispatcher *)&mutex->Event;
        __atomic_fetch_add(&mutex->Contention, 1, __ATOMIC_RELAXED);
        nt_dispatcher_wait(1, &event, false, NULL);
    }
    __atomic_store_n(&mutex->Owner, nt_thread_current(), __ATOMIC_RELAXED);
}

static void
release_fast(PFAST_MUTEX mutex)
{
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) != nt_thread_current())
        nt_finding(NT_FINDING_LOCK_NOT_OWNED,
                   "a fast mutex was released by a thread that did not hold it");
    __atomic_store_n(&mutex->Owner, NULL, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&mutex->Count, 1, __ATOMIC_RELEASE) != 0)
        nt_dispatcher_set((struct nt_dispatcher *)&mutex->Event, 1);
}

static bool
try_fast(PFAST_MUTEX mutex)
{
    LONG one = 1;
    if (!__atomic_compare_exchange_n(&mutex->Count, &one, 0, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&mutex->Owner, nt_thread_current(), __ATOMIC_RELAXED);
    return true;
}

/** Acquire and raise to APC_LEVEL. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-exacquirefastmutex. */
VOID NTAPI
ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    KIRQL irql = nt_cpu_raise_at(APC_LEVEL, NT_CALLER);
    acquire_fast(FastMutex);
    FastMutex->OldIrql = irql;
}

/** IRQL: APC_LEVEL. Ref: wdm/nf-wdm-exreleasefastmutex. */
VOID NTAPI
ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL irql = (KIRQL)FastMutex->OldIrql;
    release_fast(FastMutex);
    nt_cpu_lower_at(irql, NT_CALLER);
}

/** @return FALSE when it is held. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-extrytoacquirefastmutex. */
BOOLEAN NTAPI
ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (!try_fast(FastMutex))
        return FALSE;
    FastMutex->OldIrql = nt_cpu_raise_at(APC_LEVEL, NT_CALLER);
    return TRUE;
}

/** Without raising. IRQL: APC_LEVEL, or in a critical region. Ref: wdm. */
VOID NTAPI
ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    acquire_fast(FastMutex);
}

/** IRQL: APC_LEVEL, or in a critical region. Ref: wdm/nf-wdm-exreleasefastmutexunsafe. */
VOID NTAPI
ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    release_fast(FastMutex);
}

/** IRQL: any. Ref: wdm/nf-wdm-keinitializeguardedmutex. */
VOID NTAPI
KeInitializeGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    ExInitializeFastMutex(Mutex);
}

/** Acquire and enter a guarded region. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-keacquireguardedmutex. */
VOID NTAPI
KeAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    KeEnterGuardedRegion();
    acquire_fast(Mutex);
}

/** IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-kereleaseguardedmutex. */
VOID NTAPI
KeReleaseGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    release_fast(Mutex);
    KeLeaveGuardedRegion();
}

/** @return FALSE when it is held. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-ketrytoacquireguardedmutex. */
BOOLEAN NTAPI
KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (!try_fast(Mutex))
        return FALSE;
    KeEnterGuardedRegion();
    return TRUE;
}

/** In a guarded region already. IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX Mutex)
{
    acquire_fast(Mutex);
}

/** IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-kereleaseguardedmutexunsafe. */
VOID NTAPI
KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX Mutex)
{
    release_fast(Mutex);
}

/* --- push locks: bit 0 = exclusive, the rest counts readers --- */

static bool
push_exclusive(void *lock)
{
    ULONG_PTR zero = 0;
    return __atomic_compare_exchange_n((PULONG_PTR)lock, &zero, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool
push_shared(void *lock)
{
    ULONG_PTR word = __atomic_load_n((PULONG_PTR)lock, __ATOMIC_RELAXED);
    return !(word & 1) && __atomic_compare_exchange_n((PULONG_PTR)lock, &word, word + 2, false,
                                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void
require_region(const char *what)
{
    nt_cpu_require_max(what, APC_LEVEL);
    if (!nt_cpu.region_depth && nt_cpu.irql < APC_LEVEL)
        nt_finding(NT_FINDING_LOCK_REGION, "%s outside of a critical region", what);
}

/** IRQL: any. Ref: ntifs ExInitializePushLock. */
VOID NTAPI
ExInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    *PushLock = 0;
}

/** In a critical region. IRQL: <= APC_LEVEL. Ref: wdm ExAcquirePushLockExclusive. */
VOID NTAPI
ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    require_region("ExAcquirePushLockExclusive");
    wait_for(PushLock, push_exclusive);
}

/** In a critical region. IRQL: <= APC_LEVEL. Ref: wdm ExAcquirePushLockShared. */
VOID NTAPI
ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    require_region("ExAcquirePushLockShared");
    wait_for(PushLock, push_shared);
}

/** IRQL: <= APC_LEVEL. Ref: wdm ExReleasePushLockExclusive. */
VOID NTAPI
ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    ULONG_PTR one = 1;
    if (!__atomic_compare_exchange_n(PushLock, &one, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        nt_finding(NT_FINDING_LOCK_NOT_OWNED, "a push lock was released that was not held");
    wake(PushLock);
}

/** IRQL: <= APC_LEVEL. Ref: wdm ExReleasePushLockShared. */
VOID NTAPI
ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    if (__atomic_load_n(PushLock, __ATOMIC_RELAXED) < 2)
        nt_finding(NT_FINDING_LOCK_NOT_OWNED, "a push lock was released that was not held");
    else
        __atomic_fetch_sub(PushLock, 2, __ATOMIC_RELEASE);
    wake(PushLock);
}

/** Either kind. IRQL: <= APC_LEVEL. */
VOID NTAPI
ExReleasePushLockEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    if (__atomic_load_n(PushLock, __ATOMIC_RELAXED) & 1)
        ExReleasePushLockExclusiveEx(PushLock, Flags);
    else
        ExReleasePushLockSharedEx(PushLock, Flags);
}

/* --- resources: OwnerEntry names the exclusive owner, ActiveEntries counts shared ones --- */

static ERESOURCE_THREAD
this_thread(void)
{
    return (ERESOURCE_THREAD)nt_thread_current();
}

static bool
owns_exclusive(const ERESOURCE *resource)
{
    return resource->OwnerEntry.OwnerThread == this_thread();
}

static bool
resource_exclusive(void *lock)
{
    PERESOURCE resource = lock;

    nt_spin_acquire(&resource->SpinLock);
    bool mine = owns_exclusive(resource);
    bool free_now = !resource->OwnerEntry.OwnerThread && resource->ActiveEntries == 0;
    if (mine || free_now) {
        resource->OwnerEntry.OwnerThread = this_thread();
        resource->OwnerEntry.OwnerCount++;
        resource->ActiveCount++;
    }
    nt_spin_release(&resource->SpinLock);
    return mine || free_now;
}

static bool
take_shared(PERESOURCE resource, bool stands_back)
{
    nt_spin_acquire(&resource->SpinLock);
    bool mine = owns_exclusive(resource);
    bool free_now =
        !resource->OwnerEntry.OwnerThread &&
        !(stands_back && resource->NumberOfExclusiveWaiters && resource->ActiveEntries == 0);
    if (mine)
        resource->OwnerEntry.OwnerCount++;
    else if (free_now)
        resource->ActiveEntries++;
    if (mine || free_now)
        resource->ActiveCount++;
    nt_spin_release(&resource->SpinLock);
    return mine || free_now;
}

static bool
resource_shared(void *lock)
{
    return take_shared(lock, true);
}

static bool
resource_shared_starving(void *lock)
{
    return take_shared(lock, false);
}

static BOOLEAN
acquire(PERESOURCE resource, bool (*attempt)(void *), bool wait, PULONG waiters, const char *what)
{
    require_region(what);
    if (!wait)
        return attempt(resource);
    if (attempt(resource))
        return TRUE;
    __atomic_fetch_add(waiters, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&resource->ContentionCount, 1, __ATOMIC_RELAXED);
    wait_for(resource, attempt);
    __atomic_fetch_sub(waiters, 1, __ATOMIC_RELAXED);
    return TRUE;
}

/** @return STATUS_SUCCESS. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exinitializeresourcelite. */
NTSTATUS NTAPI
ExInitializeResourceLite(PERESOURCE Resource)
{
    memset(Resource, 0, sizeof(*Resource));
    InitializeListHead(&Resource->SystemResourcesList);
    return STATUS_SUCCESS;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreinitializeresourcelite. */
NTSTATUS NTAPI
ExReinitializeResourceLite(PERESOURCE Resource)
{
    return ExInitializeResourceLite(Resource);
}

/** A held one is a finding. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exdeleteresourcelite. */
NTSTATUS NTAPI
ExDeleteResourceLite(PERESOURCE Resource)
{
    if (Resource->ActiveCount)
        nt_finding(NT_FINDING_LOCK_NOT_OWNED, "a resource was deleted while it was held");
    return STATUS_SUCCESS;
}

/** In a critical region. @return FALSE only without @p Wait. IRQL: <= APC_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return acquire(Resource, resource_shared, Wait, &Resource->NumberOfSharedWaiters,
                   "ExAcquireResourceSharedLite");
}

/** In a critical region. @return FALSE only without @p Wait. IRQL: <= APC_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return acquire(Resource, resource_exclusive, Wait, &Resource->NumberOfExclusiveWaiters,
                   "ExAcquireResourceExclusiveLite");
}

/** Before waiting writers. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-exacquiresharedstarveexclusive. */
BOOLEAN NTAPI
ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return acquire(Resource, resource_shared_starving, Wait, &Resource->NumberOfSharedWaiters,
                   "ExAcquireSharedStarveExclusive");
}

/** After waiting writers. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-exacquiresharedwaitforexclusive. */
BOOLEAN NTAPI
ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return acquire(Resource, resource_shared, Wait, &Resource->NumberOfSharedWaiters,
                   "ExAcquireSharedWaitForExclusive");
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleaseresourcelite. */
VOID NTAPI
ExReleaseResourceLite(PERESOURCE Resource)
{
    nt_spin_acquire(&Resource->SpinLock);
    bool held = owns_exclusive(Resource) || Resource->ActiveEntries > 0;
    if (owns_exclusive(Resource)) {
        if (--Resource->OwnerEntry.OwnerCount == 0)
            Resource->OwnerEntry.OwnerThread = 0;
    } else if (held) {
        Resource->ActiveEntries--;
    }
    if (held)
        Resource->ActiveCount--;
    nt_spin_release(&Resource->SpinLock);
    if (!held)
        nt_bugcheck(NT_BUGCHECK_RESOURCE_NOT_OWNED, "a resource was released that was not held",
                    (uintptr_t)Resource, 0, 0, 0);
    wake(Resource);
}

/** As ExReleaseResourceLite on behalf of another thread. Ref: wdm. */
VOID NTAPI
ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId)
{
    nt_spin_acquire(&Resource->SpinLock);
    if (Resource->OwnerEntry.OwnerThread == ResourceThreadId)
        Resource->OwnerEntry.OwnerThread = this_thread();
    nt_spin_release(&Resource->SpinLock);
    ExReleaseResourceLite(Resource);
}

/** The exclusive owner becomes a reader. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
ExConvertExclusiveToSharedLite(PERESOURCE Resource)
{
    nt_spin_acquire(&Resource->SpinLock);
    if (owns_exclusive(Resource)) {
        Resource->ActiveEntries = Resource->OwnerEntry.OwnerCount;
        Resource->OwnerEntry.OwnerCount = 0;
        Resource->OwnerEntry.OwnerThread = 0;
    }
    nt_spin_release(&Resource->SpinLock);
    wake(Resource);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exisresourceacquiredexclusivelite. */
BOOLEAN NTAPI
ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    return owns_exclusive(Resource);
}

/**
 * Times held by this thread. Gap: readers are counted, not named: any reader answers yes.
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exisresourceacquiredsharedlite.
 */
ULONG NTAPI
ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    return owns_exclusive(Resource) ? Resource->OwnerEntry.OwnerCount : Resource->ActiveEntries;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exgetexclusivewaitercount. */
ULONG NTAPI
ExGetExclusiveWaiterCount(PERESOURCE Resource)
{
    return Resource->NumberOfExclusiveWaiters;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exgetsharedwaitercount. */
ULONG NTAPI
ExGetSharedWaiterCount(PERESOURCE Resource)
{
    return Resource->NumberOfSharedWaiters;
}

/** IRQL: <= APC_LEVEL. Ref: wdm. */
PVOID NTAPI
ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(Resource, TRUE);
    return NULL;
}

/** IRQL: <= APC_LEVEL. Ref: wdm. */
PVOID NTAPI
ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
    return NULL;
}

/** IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource)
{
    ExReleaseResourceLite(Resource);
    KeLeaveCriticalRegion();
}

/* --- run-down protection: bit 0 = running down, the rest counts --- */

#define RUNDOWN_ACTIVE 1ull

static bool
rundown_is_over(void *lock)
{
    return __atomic_load_n((PULONG_PTR)lock, __ATOMIC_ACQUIRE) == RUNDOWN_ACTIVE;
}

/** IRQL: any. Ref: wdm/nf-wdm-exinitializerundownprotection. */
VOID NTAPI
ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    RunRef->Count = 0;
}

/** After ExRundownCompleted. IRQL: any. Ref: wdm/nf-wdm-exreinitializerundownprotection. */
VOID NTAPI
ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    RunRef->Count = 0;
}

/** @return FALSE when the object is going away. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR word = __atomic_load_n(&RunRef->Count, __ATOMIC_RELAXED);

    while (!(word & RUNDOWN_ACTIVE))
        if (__atomic_compare_exchange_n(&RunRef->Count, &word, word + 2ull * Count, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return TRUE;
    return FALSE;
}

/** @return FALSE when the object is going away. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleaserundownprotectionex. */
VOID NTAPI
ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    if (__atomic_load_n(&RunRef->Count, __ATOMIC_RELAXED) < 2ull * Count) {
        nt_finding(NT_FINDING_LOCK_NOT_OWNED,
                   "run-down protection was released more often than acquired");
        return;
    }
    if (__atomic_sub_fetch(&RunRef->Count, 2ull * Count, __ATOMIC_RELEASE) == RUNDOWN_ACTIVE)
        wake(RunRef);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleaserundownprotection. */
VOID NTAPI
ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ExReleaseRundownProtectionEx(RunRef, 1);
}

/** From now on nobody acquires; waits for those who did. IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    NT_IRQL_MAX(APC_LEVEL);
    __atomic_fetch_or(&RunRef->Count, RUNDOWN_ACTIVE, __ATOMIC_ACQ_REL);
    wait_for(RunRef, rundown_is_over);
}

/** IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-exrundowncompleted. */
VOID NTAPI
ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, RUNDOWN_ACTIVE, __ATOMIC_RELEASE);
}
