/*
 * Pool, as drivers call it: flags and types over nt_pool.c.
 *
 * All pool is plain memory here: paged, non-paged, executable or not makes no difference.
 * Ref        kernel/memory-allocation-for-drivers; wdm ExAllocatePool2
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_pool.h"

#define NO_TAG 0x656E6F4Eu /* 'None', what Windows gives to allocations without a tag */

static PVOID
allocate(SIZE_T size, ULONG tag, bool zero, bool raise, bool tag_needed, uintptr_t caller)
{
    if (tag_needed && !tag)
        nt_finding(NT_FINDING_POOL_BAD_REQUEST, "a pool block of %zu bytes without a tag",
                   (size_t)size);
    if (!size)
        nt_finding(NT_FINDING_POOL_BAD_REQUEST, "a pool block of zero bytes");
    void *block = nt_pool_allocate(size, tag, zero, caller);
    if (!block && raise)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    return block;
}

/**
 * Allocate pool by flags; zeroed unless POOL_FLAG_UNINITIALIZED.
 *
 * @return NULL when memory is out, or when not exactly one kind of pool is asked for
 * IRQL: <= DISPATCH_LEVEL (paged: <= APC_LEVEL). Ref: wdm/nf-wdm-exallocatepool2.
 * Gap: POOL_FLAG_RAISE_ON_FAILURE in a Windows image ends the program instead of raising.
 */
PVOID NTAPI
ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    const POOL_FLAGS kinds = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;

    NT_IRQL_MAX(Flags & POOL_FLAG_PAGED ? APC_LEVEL : DISPATCH_LEVEL);
    if (__builtin_popcountll(Flags & kinds) != 1) {
        nt_finding(NT_FINDING_POOL_BAD_REQUEST, "ExAllocatePool2 with flags 0x%llx",
                   (unsigned long long)Flags);
        if (Flags & POOL_FLAG_RAISE_ON_FAILURE)
            ExRaiseStatus(STATUS_INVALID_PARAMETER);
        return NULL;
    }
    return allocate(NumberOfBytes, Tag, !(Flags & POOL_FLAG_UNINITIALIZED),
                    Flags & POOL_FLAG_RAISE_ON_FAILURE, true, NT_CALLER);
}

/**
 * As ExAllocatePool2, with a list of extended parameters, of which none changes anything here.
 *
 * IRQL: as ExAllocatePool2. Ref: wdm/nf-wdm-exallocatepool3. Gap: secure pool is refused.
 */
PVOID NTAPI
ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
                PCPOOL_EXTENDED_PARAMETER ExtendedParameters, ULONG ExtendedParametersCount)
{
    for (ULONG i = 0; i < ExtendedParametersCount; i++)
        if (ExtendedParameters[i].Type == PoolExtendedParameterSecurePool &&
            !ExtendedParameters[i].Optional)
            return NULL;
    NT_IRQL_MAX(Flags & POOL_FLAG_PAGED ? APC_LEVEL : DISPATCH_LEVEL);
    return allocate(NumberOfBytes, Tag, !(Flags & POOL_FLAG_UNINITIALIZED),
                    Flags & POOL_FLAG_RAISE_ON_FAILURE, true, NT_CALLER);
}

static PVOID
allocate_by_type(POOL_TYPE type, SIZE_T size, ULONG tag, bool tag_needed, bool raise,
                 uintptr_t caller)
{
    nt_cpu_require_max("ExAllocatePoolWithTag", type & PagedPool ? APC_LEVEL : DISPATCH_LEVEL);
    return allocate(size, tag, type & POOL_ZERO_ALLOCATION,
                    raise || (type & POOL_RAISE_IF_ALLOCATION_FAILURE), tag_needed, caller);
}

/**
 * Allocate pool by type; the contents are a fixed pattern, not zeros.
 *
 * IRQL: <= DISPATCH_LEVEL (PagedPool: <= APC_LEVEL). Ref: wdm/nf-wdm-exallocatepoolwithtag.
 */
PVOID NTAPI
ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return allocate_by_type(PoolType, NumberOfBytes, Tag, true, false, NT_CALLER);
}

/** Ref: wdm/nf-wdm-exallocatepool. IRQL: <= DISPATCH_LEVEL. */
PVOID NTAPI
ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return allocate_by_type(PoolType, NumberOfBytes, NO_TAG, false, false, NT_CALLER);
}

/** @p Priority is accepted. Ref: wdm/nf-wdm-exallocatepoolwithtagpriority. IRQL: <= DISPATCH_LEVEL. */
PVOID NTAPI
ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                              EX_POOL_PRIORITY Priority)
{
    return allocate_by_type(PoolType, NumberOfBytes, Tag, true, false, NT_CALLER);
}

/**
 * Raises STATUS_INSUFFICIENT_RESOURCES when memory is out, unless asked to fail instead.
 * No quota is charged. Ref: wdm/nf-wdm-exallocatepoolwithquotatag. IRQL: <= DISPATCH_LEVEL.
 */
PVOID NTAPI
ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return allocate_by_type(PoolType, NumberOfBytes, Tag, true,
                            !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), NT_CALLER);
}

/** As ExAllocatePoolWithQuotaTag without a tag. IRQL: <= DISPATCH_LEVEL. */
PVOID NTAPI
ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return allocate_by_type(PoolType, NumberOfBytes, NO_TAG, false,
                            !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), NT_CALLER);
}

/** Free a block, whatever its tag. IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-exfreepool. */
VOID NTAPI
ExFreePool(PVOID P)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    nt_pool_free(P, 0);
}

/** Free a block; a tag other than its own is a finding. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    nt_pool_free(P, Tag);
}

/** As ExFreePoolWithTag. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exfreepool2. */
VOID NTAPI
ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
            ULONG ExtendedParametersCount)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    nt_pool_free(P, Tag);
}
