/*
 * Spin locks of every kind, and the IRQL they are bound to.
 *
 * Model      A KSPIN_LOCK holds 0 or its holder (nt_spin.h); in-stack queued locks use the same word.
 *            An EX_SPIN_LOCK counts readers in its low bits; the top bit is the writer, the next one
 *            a writer who waits: readers who come later stand back.
 * Ref        kernel/introduction-to-spin-locks, kernel/reader-writer-spin-locks
 */
#include "nt/ntos/nt_spin.h"

#include <sched.h>
#include <time.h>

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_wdk.h"

#define DEADLOCK_SECONDS 10
#define WRITER           ((LONG)0x80000000)
#define WRITER_WAITS     ((LONG)0x40000000)
#define READERS          ((LONG)0x3fffffff)

__thread uintptr_t nt_spin_self_value __attribute__((tls_model("initial-exec")));

void
nt_spin_pause(unsigned *rounds)
{
    static __thread struct timespec start;
    struct timespec now;

    if (++*rounds < 64) {
        __builtin_ia32_pause();
        return;
    }
    if (*rounds == 64)
        clock_gettime(CLOCK_MONOTONIC, &start);
    sched_yield();
    if (*rounds % 4096)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - start.tv_sec > DEADLOCK_SECONDS)
        nt_bugcheck(NT_BUGCHECK_DPC_WATCHDOG, "a spin lock was not released for 10 s", 0, 0, 0, 0);
}

void
nt_spin_wait(unsigned long long *lock)
{
    unsigned rounds = 0;

    if (__atomic_load_n(lock, __ATOMIC_RELAXED) == nt_spin_self())
        nt_bugcheck(NT_BUGCHECK_SPIN_LOCK_ALREADY_OWNED,
                    "a spin lock was acquired twice by one thread", (uintptr_t)lock, 0, 0, 0);
    while (__atomic_load_n(lock, __ATOMIC_RELAXED) || !nt_spin_try(lock))
        nt_spin_pause(&rounds);
}

void
nt_spin_not_owned(void)
{
    nt_finding(NT_FINDING_LOCK_NOT_OWNED,
               "a spin lock was released by a thread that did not hold it");
}

/* --- IRQL --- */

/** The calling thread's IRQL. IRQL: any. Ref: wdm/nf-wdm-kegetcurrentirql. */
KIRQL NTAPI
KeGetCurrentIrql(VOID)
{
    return nt_cpu.irql;
}

/** Raise; lowering this way is a finding. @return the old IRQL. Ref: wdm/nf-wdm-keraiseirql. */
KIRQL NTAPI
KfRaiseIrql(KIRQL NewIrql)
{
    if (NewIrql < nt_cpu.irql)
        nt_finding(NT_FINDING_IRQL_TOO_HIGH, "KeRaiseIrql from %d down to %d", nt_cpu.irql,
                   NewIrql);
    return nt_cpu_raise_at(NewIrql, NT_CALLER);
}

/** As KfRaiseIrql(DISPATCH_LEVEL): an import in some images. Ref: wdm/nf-wdm-keraiseirqltodpclevel. */
KIRQL NTAPI nt_ke_raise_to_dpc(VOID);
KIRQL NTAPI
nt_ke_raise_to_dpc(VOID)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    if (old != DISPATCH_LEVEL)
        nt_cpu.irql_site = NT_CALLER;
    return old;
}

/** Lower; runs the DPCs that waited. IRQL: >= @p NewIrql. Ref: wdm/nf-wdm-kelowerirql. */
VOID NTAPI
KeLowerIrql(KIRQL NewIrql)
{
    if (NewIrql > nt_cpu.irql)
        nt_finding(NT_FINDING_IRQL_TOO_LOW, "KeLowerIrql from %d up to %d", nt_cpu.irql, NewIrql);
    nt_cpu_lower_at(NewIrql, NT_CALLER);
}

/* --- KSPIN_LOCK --- */

/** IRQL: any. Ref: wdm/nf-wdm-keinitializespinlock. */
VOID NTAPI
KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    *SpinLock = 0;
}

/** Acquire and raise to DISPATCH_LEVEL. @return the old IRQL. IRQL: <= DISPATCH_LEVEL. */
KIRQL NTAPI
KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    KIRQL old = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    nt_spin_acquire(SpinLock);
    return old;
}

/** Release and go back to @p NewIrql. IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleasespinlock. */
VOID NTAPI
KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_release(SpinLock);
    nt_cpu_lower_at(NewIrql, NT_CALLER);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keacquirespinlockatdpclevel. */
VOID NTAPI
KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_acquire(SpinLock);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleasespinlockfromdpclevel. */
VOID NTAPI
KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_release(SpinLock);
}

/** @return FALSE when it is held. IRQL: >= DISPATCH_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    return nt_spin_try(SpinLock);
}

/** @return TRUE when it is free. IRQL: any. Ref: wdm/nf-wdm-ketestspinlock. */
BOOLEAN NTAPI
KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    return __atomic_load_n(SpinLock, __ATOMIC_RELAXED) == 0;
}

/** For threaded DPCs: raises only below DISPATCH_LEVEL. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
KIRQL NTAPI
KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock)
{
    return KeAcquireSpinLockRaiseToDpc(SpinLock);
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleasespinlockfordpc. */
VOID NTAPI
KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    KeReleaseSpinLock(SpinLock, OldIrql);
}

/* --- in-stack queued spin locks --- */

/** Acquire, raise, remember in @p LockHandle. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    LockHandle->OldIrql = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    nt_spin_acquire(SpinLock);
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleaseinstackqueuedspinlock. */
VOID NTAPI
KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_release(LockHandle->LockQueue.Lock);
    nt_cpu_lower_at(LockHandle->OldIrql, NT_CALLER);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keacquireinstackqueuedspinlockatdpclevel. */
VOID NTAPI
KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    LockHandle->OldIrql = nt_cpu.irql;
    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    nt_spin_acquire(SpinLock);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleaseinstackqueuedspinlockfromdpclevel. */
VOID NTAPI
KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_release(LockHandle->LockQueue.Lock);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keacquireinstackqueuedspinlockfordpc. */
VOID NTAPI
KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeAcquireInStackQueuedSpinLock(SpinLock, LockHandle);
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereleaseinstackqueuedspinlockfordpc. */
VOID NTAPI
KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeReleaseInStackQueuedSpinLock(LockHandle);
}

/* --- reader-writer spin locks --- */

static bool
try_exclusive(PEX_SPIN_LOCK lock)
{
    LONG free_word = __atomic_load_n(lock, __ATOMIC_RELAXED) & WRITER_WAITS;
    return __atomic_compare_exchange_n(lock, &free_word, WRITER, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool
try_shared(PEX_SPIN_LOCK lock)
{
    LONG word = __atomic_load_n(lock, __ATOMIC_RELAXED);
    return word >= 0 && !(word & WRITER_WAITS) &&
           __atomic_compare_exchange_n(lock, &word, word + 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static void
lock_exclusive(PEX_SPIN_LOCK lock)
{
    for (unsigned rounds = 0; !try_exclusive(lock); nt_spin_pause(&rounds))
        __atomic_fetch_or(lock, WRITER_WAITS, __ATOMIC_RELAXED);
}

static void
lock_shared(PEX_SPIN_LOCK lock)
{
    for (unsigned rounds = 0; !try_shared(lock);)
        nt_spin_pause(&rounds);
}

static void
unlock_exclusive(PEX_SPIN_LOCK lock)
{
    LONG word = __atomic_fetch_and(lock, ~(WRITER | WRITER_WAITS), __ATOMIC_RELEASE);
    if (word >= 0)
        nt_spin_not_owned();
}

static void
unlock_shared(PEX_SPIN_LOCK lock)
{
    LONG word = __atomic_load_n(lock, __ATOMIC_RELAXED);
    if (word < 0 || !(word & READERS)) {
        nt_spin_not_owned();
        return;
    }
    __atomic_fetch_sub(lock, 1, __ATOMIC_RELEASE);
}

/** @return the old IRQL. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exacquirespinlockexclusive. */
KIRQL NTAPI
ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    KIRQL old = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    lock_exclusive(SpinLock);
    return old;
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleasespinlockexclusive. */
VOID NTAPI
ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    unlock_exclusive(SpinLock);
    nt_cpu_lower_at(OldIrql, NT_CALLER);
}

/** @return the old IRQL. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exacquirespinlockshared. */
KIRQL NTAPI
ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    KIRQL old = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    lock_shared(SpinLock);
    return old;
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleasespinlockshared. */
VOID NTAPI
ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    unlock_shared(SpinLock);
    nt_cpu_lower_at(OldIrql, NT_CALLER);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exacquirespinlockexclusiveatdpclevel. */
VOID NTAPI
ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    lock_exclusive(SpinLock);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleasespinlockexclusivefromdpclevel. */
VOID NTAPI
ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    unlock_exclusive(SpinLock);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exacquirespinlocksharedatdpclevel. */
VOID NTAPI
ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    lock_shared(SpinLock);
}

/** IRQL: >= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exreleasespinlocksharedfromdpclevel. */
VOID NTAPI
ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    unlock_shared(SpinLock);
}

/** From the only reader to writer. @return 0 when there are others. IRQL: >= DISPATCH_LEVEL. */
LOGICAL NTAPI
ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    LONG one = 1;
    NT_IRQL_MIN(DISPATCH_LEVEL);
    return __atomic_compare_exchange_n(SpinLock, &one, WRITER, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/** @return 0 when it is held. IRQL: >= DISPATCH_LEVEL. Ref: wdm. */
LOGICAL NTAPI
ExTryAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    return try_exclusive(SpinLock);
}

/** @return 0 when a writer holds it. IRQL: >= DISPATCH_LEVEL. Ref: wdm. */
LOGICAL NTAPI
ExTryAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    return try_shared(SpinLock);
}
