/*
 * NDIS' own names for memory, MDLs, generic objects and versions.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "nt/loader/nt_place.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_pool.h"

/**
 * Nonpaged memory with a tag; freed by NdisFreeMemory.
 * @param length  bytes. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi ndis/nf-ndis-ndisallocatememorywithtagpriority
 */
PVOID NTAPI
NdisAllocateMemoryWithTagPriority(NDIS_HANDLE handle, UINT length, ULONG tag,
                                  EX_POOL_PRIORITY priority)
{
    return nt_pool_allocate(length, tag, false, NT_CALLER);
}

/** Ref: ddi ndis/nf-ndis-ndisfreememory */
void NTAPI
NdisFreeMemory(PVOID block, UINT length, UINT flags)
{
    nt_pool_free(block, 0);
}

/**
 * An MDL over nonpaged memory; freed by NdisFreeMdl.
 * @param length  bytes. Ref: ddi mdlapi/nf-mdlapi-ndisallocatemdl
 */
PMDL NTAPI
NdisAllocateMdl(NDIS_HANDLE handle, PVOID address, UINT length)
{
    MDL *mdl = IoAllocateMdl(address, length, FALSE, FALSE, NULL);

    if (!mdl)
        return NULL;
    nt_pool_came_from(mdl, NT_CALLER);
    MmBuildMdlForNonPagedPool(mdl);
    return mdl;
}

/** Ref: ddi mdlapi/nf-mdlapi-ndisfreemdl */
void NTAPI
NdisFreeMdl(PMDL mdl)
{
    if (mdl->MdlFlags & NT_MDL_OWNS_BYTES)
        free(mdl->MappedSystemVa);
    IoFreeMdl(mdl);
}

/**
 * A handle for components that have none of their own; a header the caller need not look into.
 * @param size  bytes of the whole object, at least sizeof(NDIS_GENERIC_OBJECT)
 * Ref: ddi ndis/nf-ndis-ndisallocategenericobject
 */
PNDIS_GENERIC_OBJECT NTAPI
NdisAllocateGenericObject(PDRIVER_OBJECT driver_object, ULONG tag, USHORT size)
{
    size_t bytes = MAX((size_t)size, sizeof(NDIS_GENERIC_OBJECT));
    NDIS_GENERIC_OBJECT *object =
        nt_pool_allocate(bytes, tag ? tag : 0x624F6547u /* "GeOb" */, true, NT_CALLER);

    if (!object)
        return NULL;
    object->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    object->Header.Revision = NDIS_GENERIC_OBJECT_REVISION_1;
    object->Header.Size = (USHORT)bytes;
    object->DriverObject = driver_object;
    return object;
}

/** Ref: ddi ndis/nf-ndis-ndisfreegenericobject */
void NTAPI
NdisFreeGenericObject(PNDIS_GENERIC_OBJECT object)
{
    nt_pool_free(object, 0);
}

/** NDIS 6.87, as current Windows reports. Ref: ddi ndis/nf-ndis-ndisgetversion */
UINT NTAPI
NdisGetVersion(void)
{
    return 6u << 16 | 87u;
}

/** Wait at PASSIVE_LEVEL. @param microseconds  at least. Ref: ddi ndis/nf-ndis-ndismsleep */
void NTAPI
NdisMSleep(ULONG microseconds)
{
    LARGE_INTEGER interval = {.QuadPart = -10ll * microseconds};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

/* ---- events: a KEVENT inside ---- */

/** Ref: ddi ndis/nf-ndis-ndisinitializeevent */
void NTAPI
NdisInitializeEvent(PNDIS_EVENT event)
{
    KeInitializeEvent(&event->Event, NotificationEvent, FALSE);
}

/** Ref: ddi ndis/nf-ndis-ndissetevent */
void NTAPI
NdisSetEvent(PNDIS_EVENT event)
{
    KeSetEvent(&event->Event, 0, FALSE);
}

/** Ref: ddi ndis/nf-ndis-ndisresetevent */
void NTAPI
NdisResetEvent(PNDIS_EVENT event)
{
    KeClearEvent(&event->Event);
}

/** @param milliseconds  0 waits for ever. @return TRUE if signalled. Ref: ddi ndis/nf-ndis-ndiswaitevent */
BOOLEAN NTAPI
NdisWaitEvent(PNDIS_EVENT event, UINT milliseconds)
{
    LARGE_INTEGER timeout = {.QuadPart = -10000ll * milliseconds};
    return KeWaitForSingleObject(&event->Event, Executive, KernelMode, FALSE,
                                 milliseconds ? &timeout : NULL) == STATUS_SUCCESS;
}
