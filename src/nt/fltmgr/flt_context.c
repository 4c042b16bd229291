/*
 * Contexts of minifilters, and the filter manager's locks.
 *
 * Model      A context is allocated by the driver's own routine or from the pool, counted, and cleaned up by
 *            the callback of its type when the last reference goes. Nothing exists here that one could be set on.
 * Ref        windows-driver-docs ifs/managing-contexts
 */
#include "nt/fltmgr/fltmgr.h"

struct header {
    const FLT_CONTEXT_REGISTRATION *kind;
    struct nt_driver *owner;
    LONG64 references, reserved;
};

static const FLT_CONTEXT_REGISTRATION *
find_kind(const struct _FLT_FILTER *filter, FLT_CONTEXT_TYPE type, SIZE_T size)
{
    for (const FLT_CONTEXT_REGISTRATION *c = filter->contexts;
         c && c->ContextType != FLT_CONTEXT_END; c++) {
        bool any_size = c->Size == FLT_VARIABLE_SIZED_CONTEXTS || c->ContextAllocateCallback ||
                        c->Flags & FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH;
        if (c->ContextType == type &&
            (any_size ? c->Size >= size || c->ContextAllocateCallback : c->Size == size))
            return c;
    }
    return NULL;
}

/**
 * Allocate a context of a type that was registered; it has one reference.
 *
 * @param ReturnedContext  not zeroed on Windows; here it is
 * @return STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND, STATUS_INSUFFICIENT_RESOURCES, STATUS_FLT_DELETING_OBJECT
 * IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltallocatecontext.
 */
NTSTATUS FLTAPI
FltAllocateContext(PFLT_FILTER Filter, FLT_CONTEXT_TYPE ContextType, SIZE_T ContextSize,
                   POOL_TYPE PoolType, PFLT_CONTEXT *ReturnedContext)
{
    struct header *header;

    NT_IRQL_MAX(APC_LEVEL);
    *ReturnedContext = NULL;
    if (!flt_filter_check(Filter, "FltAllocateContext"))
        return STATUS_FLT_DELETING_OBJECT;
    const FLT_CONTEXT_REGISTRATION *kind = find_kind(Filter, ContextType, ContextSize);
    if (!kind)
        return STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    SIZE_T size = sizeof(*header) + ContextSize;
    if (kind->ContextAllocateCallback)
        header = NT_CALLBACK(Filter->owner, nt_cpu.irql,
                             kind->ContextAllocateCallback(PoolType, size, ContextType));
    else
        header = nt_pool_allocate(size, kind->PoolTag, true, NT_CALLER);
    if (!header)
        return STATUS_INSUFFICIENT_RESOURCES;
    *header = (struct header){.kind = kind, .owner = Filter->owner, .references = 1};
    *ReturnedContext = header + 1;
    return STATUS_SUCCESS;
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltreferencecontext. */
VOID FLTAPI
FltReferenceContext(PFLT_CONTEXT Context)
{
    struct header *header = (struct header *)Context - 1;

    __atomic_fetch_add(&header->references, 1, __ATOMIC_RELAXED);
}

/** The last reference calls the cleanup callback. IRQL: <= APC_LEVEL. Ref: ddi fltkernel. */
VOID FLTAPI
FltReleaseContext(PFLT_CONTEXT Context)
{
    struct header *header = (struct header *)Context - 1;
    const FLT_CONTEXT_REGISTRATION *kind = header->kind;

    NT_IRQL_MAX(APC_LEVEL);
    if (__atomic_sub_fetch(&header->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (kind->ContextCleanupCallback)
        NT_CALLBACK_VOID(header->owner, nt_cpu.irql,
                         kind->ContextCleanupCallback(Context, kind->ContextType));
    if (kind->ContextFreeCallback)
        NT_CALLBACK_VOID(header->owner, nt_cpu.irql,
                         kind->ContextFreeCallback(header, kind->ContextType));
    else
        ExFreePoolWithTag(header, kind->PoolTag);
}

/* ---- locks: in a critical region of their own ---- */

/** Ref: ddi fltkernel/nf-fltkernel-fltinitializepushlock. */
VOID FLTAPI
FltInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    ExInitializePushLock(PushLock);
}

/** Nothing is kept for it. Ref: ddi fltkernel/nf-fltkernel-fltdeletepushlock. */
VOID FLTAPI
FltDeletePushLock(PEX_PUSH_LOCK PushLock)
{
    if (*PushLock != 0)
        nt_finding(NT_FINDING_OBJECT_BAD, "FltDeletePushLock: the lock is held");
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltacquirepushlockexclusive. */
VOID FLTAPI
FltAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusiveEx(PushLock, 0);
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltacquirepushlockshared. */
VOID FLTAPI
FltAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockSharedEx(PushLock, 0);
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltreleasepushlock. */
VOID FLTAPI
FltReleasePushLock(PEX_PUSH_LOCK PushLock)
{
    ExReleasePushLockEx(PushLock, 0);
    KeLeaveCriticalRegion();
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltacquireresourceexclusive. */
VOID FLTAPI
FltAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
}

/** IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltacquireresourceshared. */
VOID FLTAPI
FltAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(Resource, TRUE);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltreleaseresource. */
VOID FLTAPI
FltReleaseResource(PERESOURCE Resource)
{
    ExReleaseResourceLite(Resource);
    KeLeaveCriticalRegion();
}
