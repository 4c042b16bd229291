/*
 * NDIS reader-writer locks.
 *
 * Model      One word: the number of readers, or WRITER. Readers may come again on the same processor
 *            (the page says so), so a writer that waits does not keep them out.
 * Ref        ddi ndis/nf-ndis-ndisacquirerwlockread
 */
#include <stdlib.h>

#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_spin.h"

#define WRITER   (-1)
#define LOCK_TAG 0x6c57524e /* "NRWl" */

enum { HELD_SHARED = 1, HELD_EXCLUSIVE = 2 }; /* LOCK_STATE_EX.LockState */

struct _NDIS_RW_LOCK_EX {
    int32_t word;
    uintptr_t writer; /* its thread */
};

/**
 * Make a lock; freed by NdisFreeRWLock, or it is a pool leak.
 * @return NULL when memory is out. IRQL: <= DISPATCH_LEVEL. Ref: ddi ndis/nf-ndis-ndisallocaterwlock
 */
PNDIS_RW_LOCK_EX NTAPI
NdisAllocateRWLock(NDIS_HANDLE NdisHandle)
{
    PNDIS_RW_LOCK_EX lock = nt_pool_allocate(sizeof(*lock), LOCK_TAG, false, NT_CALLER);
    if (lock)
        memset(lock, 0, sizeof(*lock));
    return lock;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ddi ndis/nf-ndis-ndisfreerwlock */
VOID NTAPI
NdisFreeRWLock(PNDIS_RW_LOCK_EX Lock)
{
    if (Lock && __atomic_load_n(&Lock->word, __ATOMIC_RELAXED) != 0)
        nt_finding(NT_FINDING_LOCK_NOT_OWNED, "NdisFreeRWLock: the lock is held");
    nt_pool_free(Lock, 0);
}

/** Raise to DISPATCH_LEVEL, unless the caller says that it is there. */
static void
enter(PLOCK_STATE_EX state, UCHAR flags, UCHAR held, uintptr_t site)
{
    state->OldIrql = flags & NDIS_RWL_AT_DISPATCH_LEVEL ? NT_DISPATCH_LEVEL : nt_cpu.irql;
    state->LockState = held;
    state->Flags = flags;
    if (!(flags & NDIS_RWL_AT_DISPATCH_LEVEL))
        nt_cpu_raise_at(NT_DISPATCH_LEVEL, site);
    else if (nt_cpu.irql < NT_DISPATCH_LEVEL)
        nt_cpu_irql_too_low("NdisAcquireRWLock with NDIS_RWL_AT_DISPATCH_LEVEL", NT_DISPATCH_LEVEL);
}

/**
 * Take the lock for reading; also while this processor reads already.
 *
 * @param LockState  the caller's, until NdisReleaseRWLock
 * @param Flags      NDIS_RWL_AT_DISPATCH_LEVEL or 0
 * IRQL: <= DISPATCH_LEVEL; returns at DISPATCH_LEVEL. Ref: ddi ndis/nf-ndis-ndisacquirerwlockread
 */
VOID NTAPI
NdisAcquireRWLockRead(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags)
{
    enter(LockState, Flags, HELD_SHARED, NT_CALLER);
    for (unsigned rounds = 0;; nt_spin_pause(&rounds)) {
        int32_t word = __atomic_load_n(&Lock->word, __ATOMIC_RELAXED);
        if (word >= 0 && __atomic_compare_exchange_n(&Lock->word, &word, word + 1, true,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
    }
}

/** As NdisAcquireRWLockRead, alone. Ref: ddi ndis/nf-ndis-ndisacquirerwlockwrite */
VOID NTAPI
NdisAcquireRWLockWrite(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags)
{
    uintptr_t self = (uintptr_t)&nt_cpu;

    enter(LockState, Flags, HELD_EXCLUSIVE, NT_CALLER);
    if (__atomic_load_n(&Lock->writer, __ATOMIC_RELAXED) == self)
        nt_finding(NT_FINDING_LOCK_RECURSIVE, "NdisAcquireRWLockWrite: this thread holds it");
    for (unsigned rounds = 0;; nt_spin_pause(&rounds)) {
        int32_t word = 0;
        if (__atomic_compare_exchange_n(&Lock->word, &word, WRITER, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            break;
    }
    __atomic_store_n(&Lock->writer, self, __ATOMIC_RELAXED);
}

/** Back to the IRQL of the acquisition. IRQL: DISPATCH_LEVEL. Ref: ddi ndis/nf-ndis-ndisreleaserwlock */
VOID NTAPI
NdisReleaseRWLock(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState)
{
    int32_t word = __atomic_load_n(&Lock->word, __ATOMIC_RELAXED);

    if (LockState->LockState == HELD_EXCLUSIVE && word == WRITER) {
        __atomic_store_n(&Lock->writer, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&Lock->word, 0, __ATOMIC_RELEASE);
    } else if (LockState->LockState == HELD_SHARED && word > 0) {
        __atomic_fetch_sub(&Lock->word, 1, __ATOMIC_RELEASE);
    } else {
        nt_spin_not_owned();
        return;
    }
    LockState->LockState = 0;
    if (!(LockState->Flags & NDIS_RWL_AT_DISPATCH_LEVEL))
        nt_cpu_lower_at(LockState->OldIrql, NT_CALLER);
}
