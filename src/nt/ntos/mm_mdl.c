/*
 * Memory descriptor lists, probing, and the rest of Mm.
 *
 * Model      There is one address space: a mapping is the same address, locking pages does nothing,
 *            and the array of page numbers after an MDL stays zero. MappedSystemVa is always set, so
 *            that code which reads it works.
 * Ref        kernel/using-mdls
 */
#include "nt/ntos/nt_device.h"
#include "nt/ntos/nt_wdk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nt/exports.h"
#include "nt/loader/seh_dispatch.h"
#include "nt/ntos/nt_mdl.h"
#include "nt/ntos/nt_pool.h"

#define MDL_TAG    0x206C644Du /* 'Mdl ' */
#define PAGES_TAG  0x6150644Du /* 'MdPa' */
#define USER_LIMIT 0x7FFFFFFF0000ull

void (*nt_mdl_watcher)(MDL *mdl, ULONG offset, ULONG length);

/** @return NULL when memory is out, or above 4 GB. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioallocatemdl. */
PMDL NTAPI
IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota,
              PIRP Irp)
{
    SIZE_T pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(VirtualAddress, Length);
    SIZE_T size = sizeof(MDL) + MIN(pages, (SIZE_T)4000) * sizeof(PFN_NUMBER);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    PMDL mdl = nt_pool_allocate(size, MDL_TAG, true, NT_CALLER);
    if (!mdl)
        return NULL;
    MmInitializeMdl(mdl, VirtualAddress, Length);
    mdl->Size = (CSHORT)MIN(size, (SIZE_T)0x7FFF);
    if (Irp && !SecondaryBuffer) {
        Irp->MdlAddress = mdl;
    } else if (Irp) {
        PMDL *last = &Irp->MdlAddress;
        while (*last)
            last = &(*last)->Next;
        *last = mdl;
    }
    return mdl;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iofreemdl. */
VOID NTAPI
IoFreeMdl(PMDL Mdl)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    nt_pool_free(Mdl, MDL_TAG);
}

/** Describe part of @p SourceMdl; @p Length 0 = to its end. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    PCHAR start = MmGetMdlVirtualAddress(SourceMdl);
    ULONG offset = (ULONG)((PCHAR)VirtualAddress - start);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (offset > SourceMdl->ByteCount || (Length && Length > SourceMdl->ByteCount - offset))
        nt_finding(NT_FINDING_OBJECT_BAD, "IoBuildPartialMdl beyond the end of the source MDL");
    TargetMdl->StartVa = PAGE_ALIGN(VirtualAddress);
    TargetMdl->ByteOffset = BYTE_OFFSET(VirtualAddress);
    TargetMdl->ByteCount = Length ? Length : SourceMdl->ByteCount - offset;
    TargetMdl->Process = SourceMdl->Process;
    TargetMdl->MdlFlags |= MDL_PARTIAL;
    nt_mdl_show(SourceMdl, offset, TargetMdl->ByteCount);
    if (SourceMdl->MdlFlags &
        (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL | NT_MDL_WATCHED)) {
        TargetMdl->MappedSystemVa = (PCHAR)SourceMdl->MappedSystemVa + offset;
        TargetMdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA | MDL_PARENT_MAPPED_SYSTEM_VA;
    }
}

/** The memory is resident as it is. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-mmbuildmdlfornonpagedpool. */
VOID NTAPI
MmBuildMdlForNonPagedPool(PMDL MemoryDescriptorList)
{
    MemoryDescriptorList->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    MemoryDescriptorList->MappedSystemVa = MmGetMdlVirtualAddress(MemoryDescriptorList);
}

/**
 * The address of a locked MDL's memory.
 *
 * IRQL: <= DISPATCH_LEVEL (UserMode: <= APC_LEVEL). Ref: wdm/nf-wdm-mmmaplockedpagesspecifycache.
 */
PVOID NTAPI
MmMapLockedPagesSpecifyCache(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                             MEMORY_CACHING_TYPE CacheType, PVOID RequestedAddress,
                             ULONG BugCheckOnFailure, ULONG Priority)
{
    NT_IRQL_MAX(AccessMode == UserMode ? APC_LEVEL : DISPATCH_LEVEL);
    nt_mdl_show(MemoryDescriptorList, 0, MemoryDescriptorList->ByteCount);
    if (AccessMode == UserMode)
        return MmGetMdlVirtualAddress(MemoryDescriptorList);
    if (!(MemoryDescriptorList->MdlFlags & MDL_PARENT_MAPPED_SYSTEM_VA))
        MemoryDescriptorList->MappedSystemVa = MmGetMdlVirtualAddress(MemoryDescriptorList);
    MemoryDescriptorList->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
    if (MemoryDescriptorList->MdlFlags & MDL_PARTIAL)
        MemoryDescriptorList->MdlFlags |= MDL_PARTIAL_HAS_BEEN_MAPPED;
    return MemoryDescriptorList->MappedSystemVa;
}

/** As MmMapLockedPagesSpecifyCache with MmCached. Ref: wdm/nf-wdm-mmmaplockedpages. */
PVOID NTAPI
MmMapLockedPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode)
{
    return MmMapLockedPagesSpecifyCache(MemoryDescriptorList, AccessMode, MmCached, NULL, TRUE,
                                        NormalPagePriority);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-mmunmaplockedpages. */
VOID NTAPI
MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList)
{
    MemoryDescriptorList->MdlFlags &=
        (CSHORT) ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

NTSTATUS NTAPI nt_mm_probe_and_lock(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation);
/**
 * MmProbeAndLockPages: check that the pages are there; STATUS_ACCESS_VIOLATION is raised if not.
 *
 * IRQL: <= APC_LEVEL for pageable memory. Ref: wdm/nf-wdm-mmprobeandlockpages.
 */
__attribute__((used)) NTSTATUS NTAPI
nt_mm_probe_and_lock(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    nt_cpu_require_max("MmProbeAndLockPages", DISPATCH_LEVEL);
    if (mode == UserMode && !nt_device_is_user_memory(MmGetMdlVirtualAddress(mdl), mdl->ByteCount))
        return STATUS_ACCESS_VIOLATION;
    for (ULONG i = 0; i < mdl->ByteCount; i += PAGE_SIZE)
        if (!MmIsAddressValid((PCHAR)MmGetMdlVirtualAddress(mdl) + i))
            return STATUS_ACCESS_VIOLATION;
    mdl->MdlFlags |= MDL_PAGES_LOCKED;
    if (operation != IoReadAccess)
        mdl->MdlFlags |= MDL_WRITE_OPERATION;
    return STATUS_SUCCESS;
}
NT_SEH_RAISING(MmProbeAndLockPages, nt_mm_probe_and_lock);

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-mmunlockpages. */
VOID NTAPI
MmUnlockPages(PMDL MemoryDescriptorList)
{
    if (!(MemoryDescriptorList->MdlFlags & MDL_PAGES_LOCKED))
        nt_finding(NT_FINDING_OBJECT_BAD, "MmUnlockPages of an MDL whose pages are not locked");
    MemoryDescriptorList->MdlFlags &= (CSHORT) ~(MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA);
}

/** Bytes of an MDL for that buffer. IRQL: any. Ref: wdm/nf-wdm-mmsizeofmdl. */
SIZE_T NTAPI
MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length) * sizeof(PFN_NUMBER);
}

/** Zeroed pages with an MDL that describes them. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
PMDL NTAPI
MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress,
                        PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes,
                        MEMORY_CACHING_TYPE CacheType, ULONG Flags)
{
    SIZE_T size = ROUND_TO_PAGES(TotalBytes);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!size || size > UINT32_MAX)
        return NULL;
    void *pages = nt_pool_allocate(size, PAGES_TAG, true, NT_CALLER);
    PMDL mdl = pages ? IoAllocateMdl(pages, (ULONG)size, FALSE, FALSE, NULL) : NULL;
    if (!mdl) {
        if (pages)
            nt_pool_free(pages, PAGES_TAG);
        return NULL;
    }
    mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return mdl;
}

/** As MmAllocatePagesForMdlEx. Ref: wdm/nf-wdm-mmallocatepagesformdl. */
PMDL NTAPI
MmAllocatePagesForMdl(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress,
                      PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes)
{
    return MmAllocatePagesForMdlEx(LowAddress, HighAddress, SkipBytes, TotalBytes, MmCached, 0);
}

/** The MDL itself is freed by ExFreePool, as documented. IRQL: <= APC_LEVEL. Ref: wdm. */
VOID NTAPI
MmFreePagesFromMdl(PMDL MemoryDescriptorList)
{
    nt_pool_free(MmGetMdlVirtualAddress(MemoryDescriptorList), PAGES_TAG);
}

/** Accepted: the memory stays writable. Ref: wdm/nf-wdm-mmprotectmdlsystemaddress. */
NTSTATUS NTAPI
MmProtectMdlSystemAddress(PMDL MemoryDescriptorList, ULONG NewProtect)
{
    return STATUS_SUCCESS;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-mmallocatecontiguousmemory. */
PVOID NTAPI
MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    return nt_pool_allocate(ROUND_TO_PAGES(NumberOfBytes), PAGES_TAG, true, NT_CALLER);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-mmfreecontiguousmemory. */
VOID NTAPI
MmFreeContiguousMemory(PVOID BaseAddress)
{
    nt_pool_free(BaseAddress, PAGES_TAG);
}

/** A number unique to the page; nothing physical. IRQL: any. Ref: ntddk/nf-ntddk-mmgetphysicaladdress. */
PHYSICAL_ADDRESS NTAPI
MmGetPhysicalAddress(PVOID BaseAddress)
{
    PHYSICAL_ADDRESS address = {.QuadPart = (LONGLONG)(ULONG_PTR)BaseAddress};
    return address;
}

/** Is the page mapped? IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-mmisaddressvalid. */
BOOLEAN NTAPI
MmIsAddressValid(PVOID VirtualAddress)
{
    unsigned char state;
    return mincore(PAGE_ALIGN(VirtualAddress), 1, &state) == 0 || errno != ENOMEM;
}

/**
 * Copy from memory that may not be there.
 *
 * @param Flags  MM_COPY_MEMORY_PHYSICAL or _VIRTUAL; a physical address is what MmGetPhysicalAddress gave
 * @param NumberOfBytesTransferred  bytes copied, also on failure
 * @return STATUS_INVALID_PARAMETER for the flags, STATUS_INVALID_ADDRESS past the first missing page
 * IRQL: <= APC_LEVEL. Ref: ntddk/nf-ntddk-mmcopymemory.
 */
NTSTATUS NTAPI
MmCopyMemory(PVOID TargetAddress, MM_COPY_ADDRESS SourceAddress, SIZE_T NumberOfBytes, ULONG Flags,
             PSIZE_T NumberOfBytesTransferred)
{
    struct iovec to = {TargetAddress, NumberOfBytes};
    struct iovec from = {SourceAddress.VirtualAddress, NumberOfBytes};

    NT_IRQL_MAX(APC_LEVEL);
    *NumberOfBytesTransferred = 0;
    if (Flags != MM_COPY_MEMORY_PHYSICAL && Flags != MM_COPY_MEMORY_VIRTUAL)
        return STATUS_INVALID_PARAMETER;
    ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    *NumberOfBytesTransferred = n > 0 ? (SIZE_T)n : 0;
    return n == (ssize_t)NumberOfBytes ? STATUS_SUCCESS : STATUS_INVALID_ADDRESS;
}

static NTSTATUS
probe(const volatile void *address, SIZE_T length, ULONG alignment)
{
    ULONG_PTR start = (ULONG_PTR)address;

    if (!length)
        return STATUS_SUCCESS;
    if (start & (alignment - 1))
        return STATUS_DATATYPE_MISALIGNMENT;
    if (start + length < start || start + length > USER_LIMIT ||
        !nt_device_is_user_memory(address, length))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_SUCCESS;
}

/* What they return is raised in the driver's frame: NT_SEH_RAISING makes the exported functions. */
NTSTATUS NTAPI nt_mm_probe_for_read(const volatile VOID *address, SIZE_T length, ULONG alignment);
NTSTATUS NTAPI nt_mm_probe_for_write(volatile VOID *address, SIZE_T length, ULONG alignment);

/** ProbeForRead. Raises STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT. IRQL: <= APC_LEVEL. Ref: wdm. */
__attribute__((used)) NTSTATUS NTAPI
nt_mm_probe_for_read(const volatile VOID *address, SIZE_T length, ULONG alignment)
{
    nt_cpu_require_max("ProbeForRead", APC_LEVEL);
    return probe(address, length, alignment);
}
NT_SEH_RAISING(ProbeForRead, nt_mm_probe_for_read);

/** ProbeForWrite: every page must be mapped; that it is writable is not checked. IRQL: <= APC_LEVEL. Ref: wdm. */
__attribute__((used)) NTSTATUS NTAPI
nt_mm_probe_for_write(volatile VOID *address, SIZE_T length, ULONG alignment)
{
    nt_cpu_require_max("ProbeForWrite", APC_LEVEL);
    NTSTATUS status = probe(address, length, alignment);
    for (SIZE_T i = 0; NT_SUCCESS(status) && i < length; i += PAGE_SIZE)
        if (!MmIsAddressValid((char *)address + i))
            status = STATUS_ACCESS_VIOLATION;
    return status;
}
NT_SEH_RAISING(ProbeForWrite, nt_mm_probe_for_write);

/**
 * Address of an export of ntoskrnl or hal by name.
 *
 * @return NULL when it is not there; a stub counts as not there
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-mmgetsystemroutineaddress.
 */
PVOID NTAPI
MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    _cleanup_(freep) char *name = nt_wdk_to_utf8(SystemRoutineName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    const struct wfp_export *row = name ? wfp_export_find(&nt_ntoskrnl_exports, name) : NULL;
    if (name && !row)
        row = wfp_export_find(&nt_hal_exports, name);
    return row && row->state != WFP_EXPORT_STUB ? row->address : NULL;
}

/** Nothing is paged out: @return a handle that means nothing. Ref: ntddk. */
PVOID NTAPI
MmLockPagableDataSection(PVOID AddressWithinSection)
{
    return AddressWithinSection;
}

/** Ref: ntddk/nf-ntddk-mmunlockpagableimagesection. */
VOID NTAPI
MmUnlockPagableImageSection(PVOID ImageSectionHandle)
{
}

/** Nothing is paged out. @return the image's address. Ref: ntddk/nf-ntddk-mmpageentiredriver. */
PVOID NTAPI
MmPageEntireDriver(PVOID AddressWithinSection)
{
    return AddressWithinSection;
}

/** Ref: ntddk/nf-ntddk-mmresetdriverpaging. */
VOID NTAPI
MmResetDriverPaging(PVOID AddressWithinSection)
{
}

/** IRQL: any. Ref: ntddk/nf-ntddk-mmquerysystemsize. */
MM_SYSTEMSIZE NTAPI
MmQuerySystemSize(VOID)
{
    return MmLargeSystem;
}

/** The runtime's own verifier: says so. Ref: wdm/nf-wdm-mmisverifierenabled. */
NTSTATUS NTAPI
MmIsVerifierEnabled(PULONG VerifierFlags)
{
    *VerifierFlags = 0;
    return STATUS_SUCCESS;
}

/** Ref: ntifs/nf-ntifs-mmisdriververifying. */
LOGICAL NTAPI
MmIsDriverVerifying(PDRIVER_OBJECT DriverObject)
{
    return nt_finding_is_enabled();
}
