/*
 * Interlocked lists and lookaside lists.
 *
 * Choice: lookaside lists keep nothing back: each block comes from the pool and returns there, so that
 * sanitizers and the leak report see every one.
 * Ref        kernel/singly-and-doubly-linked-lists, kernel/using-lookaside-lists
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_spin.h"

static KIRQL
lock(PKSPIN_LOCK spin)
{
    KIRQL irql = nt_cpu_raise(HIGH_LEVEL);
    nt_spin_acquire(spin);
    return irql;
}

static void
unlock(PKSPIN_LOCK spin, KIRQL irql)
{
    nt_spin_release(spin);
    nt_cpu_lower(irql);
}

/** @return the former first entry, NULL when empty. IRQL: any. Ref: wdm/nf-wdm-exinterlockedinsertheadlist. */
PLIST_ENTRY NTAPI
ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    KIRQL irql = lock(Lock);
    PLIST_ENTRY first = IsListEmpty(ListHead) ? NULL : ListHead->Flink;
    InsertHeadList(ListHead, ListEntry);
    unlock(Lock, irql);
    return first;
}

/** @return the former last entry, NULL when empty. IRQL: any. Ref: wdm/nf-wdm-exinterlockedinserttaillist. */
PLIST_ENTRY NTAPI
ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    KIRQL irql = lock(Lock);
    PLIST_ENTRY last = IsListEmpty(ListHead) ? NULL : ListHead->Blink;
    InsertTailList(ListHead, ListEntry);
    unlock(Lock, irql);
    return last;
}

/** @return NULL when empty. IRQL: any. Ref: wdm/nf-wdm-exinterlockedremoveheadlist. */
PLIST_ENTRY NTAPI
ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    KIRQL irql = lock(Lock);
    PLIST_ENTRY entry = IsListEmpty(ListHead) ? NULL : RemoveHeadList(ListHead);
    unlock(Lock, irql);
    return entry;
}

/** @return NULL when empty. IRQL: any. Ref: wdm/nf-wdm-exinterlockedpopentrylist. */
PSINGLE_LIST_ENTRY NTAPI
ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    KIRQL irql = lock(Lock);
    PSINGLE_LIST_ENTRY entry = PopEntryList(ListHead);
    unlock(Lock, irql);
    return entry;
}

/** @return the former first entry. IRQL: any. Ref: wdm/nf-wdm-exinterlockedpushentrylist. */
PSINGLE_LIST_ENTRY NTAPI
ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY ListEntry,
                           PKSPIN_LOCK Lock)
{
    KIRQL irql = lock(Lock);
    PSINGLE_LIST_ENTRY first = ListHead->Next;
    PushEntryList(ListHead, ListEntry);
    unlock(Lock, irql);
    return first;
}

/** @return the former value. IRQL: any. Ref: wdm/nf-wdm-exinterlockedaddlargeinteger. */
LARGE_INTEGER NTAPI
ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment, PKSPIN_LOCK Lock)
{
    LARGE_INTEGER old = {
        .QuadPart = __atomic_fetch_add(&Addend->QuadPart, Increment.QuadPart, __ATOMIC_SEQ_CST)};
    return old;
}

/** @return the former value. IRQL: any. Ref: wdm/nf-wdm-exinterlockedaddulong. */
ULONG NTAPI
ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    return __atomic_fetch_add(Addend, Increment, __ATOMIC_SEQ_CST);
}

/* --- SLISTs: the header as on Windows, behind one of a few locks instead of cmpxchg16b --- */

static KSPIN_LOCK slist_locks[16];

static PKSPIN_LOCK
slist_lock(PSLIST_HEADER header)
{
    return &slist_locks[((uintptr_t)header >> 4) % ELEMENTSOF(slist_locks)];
}

static PSLIST_ENTRY
first_of(PSLIST_HEADER header)
{
    return (PSLIST_ENTRY)(uintptr_t)(header->HeaderX64.NextEntry << 4);
}

static void
set_first(PSLIST_HEADER header, PSLIST_ENTRY entry, unsigned depth)
{
    header->HeaderX64.NextEntry = (uintptr_t)entry >> 4;
    header->HeaderX64.Depth = depth & 0xFFFF;
    header->HeaderX64.Sequence++;
}

/** IRQL: any. Ref: wdm/nf-wdm-exinitializeslisthead. */
VOID NTAPI
InitializeSListHead(PSLIST_HEADER SListHead)
{
    memset(SListHead, 0, sizeof(*SListHead));
}

/** @return NULL when empty. IRQL: <= DISPATCH_LEVEL. Ref: wdm ExInterlockedPopEntrySList. */
PSLIST_ENTRY NTAPI
ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    KIRQL irql = lock(slist_lock(ListHead));
    PSLIST_ENTRY entry = first_of(ListHead);
    if (entry)
        set_first(ListHead, entry->Next, ListHead->HeaderX64.Depth - 1);
    unlock(slist_lock(ListHead), irql);
    return entry;
}

/** @return the former first entry. IRQL: <= DISPATCH_LEVEL. Ref: wdm ExInterlockedPushEntrySList. */
PSLIST_ENTRY NTAPI
ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    if ((uintptr_t)ListEntry % MEMORY_ALLOCATION_ALIGNMENT)
        nt_finding(NT_FINDING_OBJECT_BAD, "an SLIST entry is not aligned to 16 bytes");
    KIRQL irql = lock(slist_lock(ListHead));
    PSLIST_ENTRY first = first_of(ListHead);
    ListEntry->Next = first;
    set_first(ListHead, ListEntry, ListHead->HeaderX64.Depth + 1);
    unlock(slist_lock(ListHead), irql);
    return first;
}

/** @return the whole list. IRQL: <= DISPATCH_LEVEL. Ref: wdm ExInterlockedFlushSList. */
PSLIST_ENTRY NTAPI
ExpInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    KIRQL irql = lock(slist_lock(ListHead));
    PSLIST_ENTRY first = first_of(ListHead);
    set_first(ListHead, NULL, 0);
    unlock(slist_lock(ListHead), irql);
    return first;
}

/** IRQL: any. Ref: wdm/nf-wdm-exquerydepthslist. */
USHORT NTAPI
ExQueryDepthSList(PSLIST_HEADER SListHead)
{
    return (USHORT)SListHead->HeaderX64.Depth;
}

/* --- lookaside lists --- */

/**
 * Make a lookaside list.
 *
 * @param Allocate  NULL: pool
 * @return STATUS_INVALID_PARAMETER_4 … for bad arguments; STATUS_SUCCESS
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exinitializelookasidelistex.
 */
NTSTATUS NTAPI
ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
                            PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG Flags, SIZE_T Size,
                            ULONG Tag, USHORT Depth)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Flags &
        ~(EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE))
        return STATUS_INVALID_PARAMETER_5;
    if (Size > UINT32_MAX)
        return STATUS_INVALID_PARAMETER_6;
    memset(Lookaside, 0, sizeof(*Lookaside));
    Lookaside->L.Type = PoolType;
    Lookaside->L.Tag = Tag;
    Lookaside->L.Size = (ULONG)MAX(Size, sizeof(SLIST_ENTRY));
    Lookaside->L.AllocateEx = Allocate;
    Lookaside->L.FreeEx = Free;
    return STATUS_SUCCESS;
}

/** Blocks that are still out are a finding. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exdeletelookasidelistex. */
VOID NTAPI
ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    char tag[5];
    ULONG out = Lookaside->L.TotalAllocates - Lookaside->L.TotalFrees;

    if (out)
        nt_finding(NT_FINDING_LOOKASIDE_LEAK,
                   "a lookaside list of tag '%s' was deleted with %u blocks out",
                   nt_pool_tag_text(Lookaside->L.Tag, tag), out);
}

/** Nothing is kept back. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exflushlookasidelistex. */
VOID NTAPI
ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
}

/** @return NULL when memory is out. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
PVOID NTAPI
ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    GENERAL_LOOKASIDE_POOL *l = &Lookaside->L;
    PVOID block = l->AllocateEx ? NT_CALLBACK(nt_driver_current(), nt_cpu.irql,
                                              l->AllocateEx(l->Type, l->Size, l->Tag, Lookaside))
                                : nt_pool_allocate(l->Size, l->Tag, false, NT_CALLER);
    if (block) {
        __atomic_fetch_add(&l->TotalAllocates, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&l->AllocateMisses, 1, __ATOMIC_RELAXED);
    }
    return block;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exfreetolookasidelistex. */
VOID NTAPI
ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry)
{
    GENERAL_LOOKASIDE_POOL *l = &Lookaside->L;

    __atomic_fetch_add(&l->TotalFrees, 1, __ATOMIC_RELAXED);
    if (l->FreeEx)
        NT_CALLBACK_VOID(nt_driver_current(), nt_cpu.irql, l->FreeEx(Entry, Lookaside));
    else
        nt_pool_free(Entry, l->Tag);
}

/** Depth 0: the inline functions then come to Allocate and Free each time. Ref: wdm. */
VOID NTAPI
ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                USHORT Depth)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    memset(Lookaside, 0, sizeof(*Lookaside));
    Lookaside->L.Type = NonPagedPoolNx;
    Lookaside->L.Tag = Tag;
    Lookaside->L.Size = (ULONG)MAX(Size, sizeof(SLIST_ENTRY));
    Lookaside->L.Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    Lookaside->L.Free = Free ? Free : ExFreePool;
}

/** Blocks that are still out are a finding. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    char tag[5];
    ULONG out = Lookaside->L.TotalAllocates - Lookaside->L.TotalFrees;

    if (out)
        nt_finding(NT_FINDING_LOOKASIDE_LEAK,
                   "a lookaside list of tag '%s' was deleted with %u blocks out",
                   nt_pool_tag_text(Lookaside->L.Tag, tag), out);
}

/** As ExInitializeNPagedLookasideList. IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                               PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                               USHORT Depth)
{
    NT_IRQL_MAX(APC_LEVEL);
    ExInitializeNPagedLookasideList((PNPAGED_LOOKASIDE_LIST)Lookaside, Allocate, Free, Flags, Size,
                                    Tag, Depth);
    Lookaside->L.Type = PagedPool;
}

/** As ExDeleteNPagedLookasideList. IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    NT_IRQL_MAX(APC_LEVEL);
    ExDeleteNPagedLookasideList((PNPAGED_LOOKASIDE_LIST)Lookaside);
}
