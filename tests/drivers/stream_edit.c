/*
 * Streams: at STREAM a driver looks on, passes, edits inline or out of band, wants more, or drops.
 *
 * ACT 0  permits everything, in pieces of varying size; counts bytes of both ways
 *      1  replaces "needle" with "haystack!": permits what is before it, injects, blocks it
 *      2  blocks everything; a thread makes each 'q' a 'Q' in clones and injects them, that of the FIN last
 *      3  wants more inbound data until there are 2000 bytes, then permits them
 *      4  drops the connection at the first "needle"
 *      5  inspects: as 0, but by a filter that cannot act
 *      6  defers inbound data, a thread goes on with them
 */
#include "common.h"

#ifndef ACT
#define ACT 0
#endif

#define EDIT_TAG 'tidE'
#define NEEDLE   "needle"
#define INSTEAD  "haystack!"

typedef struct _WORK {
    LIST_ENTRY Link;
    UINT64 Flow;
    UINT16 Layer;
    UINT32 Flags;
    NET_BUFFER_LIST *Chain;
    SIZE_T Length;
    BOOLEAN Continue;
} WORK;

static HANDLE Injection;
static NDIS_HANDLE Pool;
static LIST_ENTRY Works;
static KSPIN_LOCK WorksLock;
static KEVENT WorkReady;
static BOOLEAN Stopping;
static PKTHREAD Thread;
static LONG Indications, Fins, Replaced, Injected, Completed, Failed, Deferred, LastBytes;
static LONG64 BytesIn, BytesOut;

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out);

#define ACTION (ACT == 5 ? FWP_ACTION_CALLOUT_INSPECTION \
                : ACT == 4 ? FWP_ACTION_CALLOUT_UNKNOWN : FWP_ACTION_CALLOUT_TERMINATING)

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7080, {0x80, 1}}, &FWPM_LAYER_STREAM_V4, ACTION, Classify, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7080, {0x80, 2}}, &FWPM_LAYER_STREAM_V6, ACTION, Classify, NULL, 0},
};

static UINT32 CalloutAt(UINT16 layer)
{
    return Callouts[layer == FWPS_LAYER_STREAM_V6].Id;
}

static VOID NTAPI InjectedOne(VOID *context, NET_BUFFER_LIST *list, BOOLEAN dispatch)
{
    MDL *mdl = (MDL *)context;

    UNREFERENCED_PARAMETER(dispatch);
    if (!NT_SUCCESS(list->Status)) {
        InterlockedIncrement(&Failed);
    }
    InterlockedIncrement(&Completed);
    if (mdl != NULL) {
        FwpsFreeNetBufferList(list);
        ExFreePoolWithTag(MmGetMdlVirtualAddress(mdl), EDIT_TAG);
        IoFreeMdl(mdl);
    } else {
        FwpsFreeCloneNetBufferList(list, 0);
    }
}

/* Inject a text of our own. */
static BOOLEAN InjectText(UINT64 flow, UINT16 layer, UINT32 flags, const char *text, ULONG length)
{
    NET_BUFFER_LIST *list;
    UCHAR *bytes = (UCHAR *)ExAllocatePool2(POOL_FLAG_NON_PAGED, length, EDIT_TAG);
    MDL *mdl;

    if (bytes == NULL) {
        return FALSE;
    }
    RtlCopyMemory(bytes, text, length);
    mdl = IoAllocateMdl(bytes, length, FALSE, FALSE, NULL);
    if (mdl == NULL) {
        ExFreePoolWithTag(bytes, EDIT_TAG);
        return FALSE;
    }
    MmBuildMdlForNonPagedPool(mdl);
    if (NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList(Pool, 0, 0, mdl, 0, length, &list))) {
        if (NT_SUCCESS(FwpsStreamInjectAsync(Injection, NULL, 0, flow, CalloutAt(layer), layer, flags, list,
                                             length, InjectedOne, mdl))) {
            InterlockedIncrement(&Injected);
            return TRUE;
        }
        FwpsFreeNetBufferList(list);
    }
    IoFreeMdl(mdl);
    ExFreePoolWithTag(bytes, EDIT_TAG);
    return FALSE;
}

static VOID Permit(FWPS_STREAM_CALLOUT_IO_PACKET *packet, FWPS_CLASSIFY_OUT *out, SIZE_T count)
{
    packet->streamAction = FWPS_STREAM_ACTION_NONE;
    packet->countBytesEnforced = count;
    out->actionType = FWP_ACTION_PERMIT;
}

static VOID WantMore(FWPS_STREAM_CALLOUT_IO_PACKET *packet, FWPS_CLASSIFY_OUT *out, UINT32 count)
{
    packet->streamAction = FWPS_STREAM_ACTION_NEED_MORE_DATA;
    packet->countBytesRequired = count;
    out->actionType = FWP_ACTION_NONE;
}

/* Where the needle is; else how much of the end may begin one. */
static BOOLEAN Find(const UCHAR *bytes, SIZE_T length, SIZE_T *at)
{
    SIZE_T size = sizeof(NEEDLE) - 1, i;

    for (i = 0; i < length; i++) {
        SIZE_T there = length - i < size ? length - i : size;
        if (RtlCompareMemory(bytes + i, NEEDLE, there) == there) {
            *at = i;
            return there == size;
        }
    }
    *at = length;
    return FALSE;
}

static VOID EditInline(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                       FWPS_STREAM_CALLOUT_IO_PACKET *packet, FWPS_CLASSIFY_OUT *out)
{
    FWPS_STREAM_DATA *data = packet->streamData;
    UCHAR *bytes = (UCHAR *)ExAllocatePool2(POOL_FLAG_NON_PAGED, data->dataLength, EDIT_TAG);
    SIZE_T copied = 0, at = 0;
    BOOLEAN found;

    if (bytes == NULL) {
        packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
        return;
    }
    FwpsCopyStreamDataToBuffer(data, bytes, data->dataLength, &copied);
    found = Find(bytes, copied, &at);
    ExFreePoolWithTag(bytes, EDIT_TAG);
    if (found && ACT == 4) {
        packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
        out->actionType = FWP_ACTION_NONE;
    } else if (found && at == 0) {
        if (InjectText(meta->flowHandle, values->layerId, data->flags, INSTEAD, sizeof(INSTEAD) - 1)) {
            InterlockedIncrement(&Replaced);
        }
        packet->countBytesEnforced = sizeof(NEEDLE) - 1;
        out->actionType = FWP_ACTION_BLOCK;
    } else if (at == 0 && !(out->flags & FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA)) {
        WantMore(packet, out, sizeof(NEEDLE) - 1);
    } else {
        Permit(packet, out, at);
    }
}

static VOID Queue(UINT64 flow, UINT16 layer, UINT32 flags, NET_BUFFER_LIST *chain, SIZE_T length, BOOLEAN goOn)
{
    WORK *work = (WORK *)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(WORK), EDIT_TAG);
    KIRQL irql;

    if (work == NULL) {
        return;
    }
    work->Flow = flow;
    work->Layer = layer;
    work->Flags = flags;
    work->Chain = chain;
    work->Length = length;
    work->Continue = goOn;
    KeAcquireSpinLock(&WorksLock, &irql);
    InsertTailList(&Works, &work->Link);
    KeReleaseSpinLock(&WorksLock, irql);
    KeSetEvent(&WorkReady, IO_NO_INCREMENT, FALSE);
}

static VOID Capitalize(NET_BUFFER_LIST *chain)
{
    NET_BUFFER *nb;

    for (; chain != NULL; chain = NET_BUFFER_LIST_NEXT_NBL(chain)) {
        for (nb = NET_BUFFER_LIST_FIRST_NB(chain); nb != NULL; nb = NET_BUFFER_NEXT_NB(nb)) {
            ULONG length = NET_BUFFER_DATA_LENGTH(nb), i;
            UCHAR *bytes = (UCHAR *)NdisGetDataBuffer(nb, length, NULL, 1, 0);
            for (i = 0; bytes != NULL && i < length; i++) {
                if (bytes[i] == 'q') {
                    bytes[i] = 'Q';
                    InterlockedIncrement(&Replaced);
                }
            }
        }
    }
}

static VOID DoWork(WORK *work)
{
    NTSTATUS status;

    if (work->Continue) {
        FwpsStreamContinue(work->Flow, CalloutAt(work->Layer), work->Layer, work->Flags);
        return;
    }
    if (work->Chain != NULL) {
        Capitalize(work->Chain);
    }
    status = FwpsStreamInjectAsync(Injection, NULL, 0, work->Flow, CalloutAt(work->Layer), work->Layer, work->Flags,
                                   work->Chain, work->Length, InjectedOne, NULL);
    if (NT_SUCCESS(status)) {
        InterlockedIncrement(&Injected);
    } else {
        Report("stream_edit: inject failed with 0x%08x\n", status);
        FwpsDiscardClonedStreamData(work->Chain, 0, FALSE);
    }
}

static WORK *TakeWork(VOID)
{
    WORK *work = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&WorksLock, &irql);
    if (!IsListEmpty(&Works)) {
        work = CONTAINING_RECORD(RemoveHeadList(&Works), WORK, Link);
    }
    KeReleaseSpinLock(&WorksLock, irql);
    return work;
}

static VOID Worker(PVOID context)
{
    WORK *work;

    UNREFERENCED_PARAMETER(context);
    for (;;) {
        KeWaitForSingleObject(&WorkReady, Executive, KernelMode, FALSE, NULL);
        while ((work = TakeWork()) != NULL) {
            DoWork(work);
            ExFreePoolWithTag(work, EDIT_TAG);
        }
        if (Stopping) {
            break;
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID BlockAndQueue(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          FWPS_STREAM_CALLOUT_IO_PACKET *packet, FWPS_CLASSIFY_OUT *out)
{
    FWPS_STREAM_DATA *data = packet->streamData;
    NET_BUFFER_LIST *chain = NULL;

    out->actionType = FWP_ACTION_BLOCK;
    if (data->flags & (FWPS_STREAM_FLAG_RECEIVE_ABORT | FWPS_STREAM_FLAG_SEND_ABORT)) {
        return;
    }
    if (!NT_SUCCESS(FwpsCloneStreamData(data, NULL, NULL, 0, &chain))) { /* the end is an empty list */
        packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
        return;
    }
    Queue(meta->flowHandle, values->layerId, data->flags, chain, data->dataLength, FALSE);
}

/* A pause now and then, for inbound data. */
static VOID Defer(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                  FWPS_STREAM_CALLOUT_IO_PACKET *packet, FWPS_CLASSIFY_OUT *out)
{
    if (!(packet->streamData->flags & FWPS_STREAM_FLAG_RECEIVE) || Indications % 2 == 0) {
        Permit(packet, out, 0);
        return;
    }
    packet->streamAction = FWPS_STREAM_ACTION_DEFER;
    out->actionType = FWP_ACTION_NONE;
    InterlockedIncrement(&Deferred);
    Queue(meta->flowHandle, values->layerId, packet->streamData->flags, NULL, 0, TRUE);
}

static VOID Count(const FWPS_STREAM_DATA *data, UINT32 flags)
{
    InterlockedIncrement(&Indications);
    if (data->flags & FWPS_STREAM_FLAG_RECEIVE) {
        InterlockedAdd64(&BytesIn, (LONG64)data->dataLength);
    } else {
        InterlockedAdd64(&BytesOut, (LONG64)data->dataLength);
    }
    if (data->flags & (FWPS_STREAM_FLAG_RECEIVE_DISCONNECT | FWPS_STREAM_FLAG_SEND_DISCONNECT)) {
        InterlockedIncrement(&Fins);
    }
    if (data->netBufferListChain == NULL || data->dataOffset.netBuffer == NULL) {
        Report("stream_edit: no list\n");
    }
    if (data->dataLength == 0 && !(flags & FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA)) {
        Report("stream_edit: an end, but more is to come\n");
    }
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    FWPS_STREAM_CALLOUT_IO_PACKET *packet = (FWPS_STREAM_CALLOUT_IO_PACKET *)layerData;
    FWPS_STREAM_DATA *data = packet->streamData;

    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    Count(data, out->flags);
    if (ACT == 2) {
        BlockAndQueue(values, meta, packet, out);
    } else if (ACT == 5) {
        out->actionType = FWP_ACTION_CONTINUE;
    } else if (ACT == 6) {
        Defer(values, meta, packet, out);
    } else if (data->dataLength == 0 || ACT == 0) {
        LastBytes = (LONG)data->dataLength;
        Permit(packet, out, data->dataLength > 1 && Indications % 7 == 0 ? data->dataLength / 2 : 0);
    } else if (ACT == 3) {
        if ((data->flags & FWPS_STREAM_FLAG_RECEIVE) && data->dataLength < 2000 &&
            !(out->flags & FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA)) {
            WantMore(packet, out, 2000);
        } else {
            Permit(packet, out, 0);
        }
    } else {
        EditInline(values, meta, packet, out);
    }
}

static VOID StopWorker(VOID)
{
    if (Thread == NULL) {
        return;
    }
    Stopping = TRUE;
    KeSetEvent(&WorkReady, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    StopWorker();
    if (Injection != NULL) {
        FwpsInjectionHandleDestroy(Injection);
    }
    TestStop(Callouts, ARRAYSIZE(Callouts));
    if (Pool != NULL) {
        NdisFreeNetBufferListPool(Pool);
    }
    Report("stream_edit: in %lld, out %lld, ends %d, replaced %d, deferred %s, injected %s, failed %d\n", BytesIn,
           BytesOut, Fins, Replaced, Deferred ? "some" : "none", Injected == 0 ? "none" : "some", Failed);
}

static NTSTATUS StartWorker(VOID)
{
    HANDLE handle;
    NTSTATUS status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Worker, NULL);

    if (NT_SUCCESS(status)) {
        status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, (PVOID *)&Thread,
                                           NULL);
        ZwClose(handle);
    }
    return status;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    InitializeListHead(&Works);
    KeInitializeSpinLock(&WorksLock);
    KeInitializeEvent(&WorkReady, SynchronizationEvent, FALSE);
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.fAllocateNetBuffer = TRUE;
    parameters.PoolTag = EDIT_TAG;
    Pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    status = Pool != NULL ? FwpsInjectionHandleCreate(AF_UNSPEC, FWPS_INJECTION_TYPE_STREAM, &Injection)
                          : STATUS_INSUFFICIENT_RESOURCES;
    if (NT_SUCCESS(status) && (ACT == 2 || ACT == 6)) {
        status = StartWorker();
    }
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    if (!NT_SUCCESS(status)) {
        StopWorker();
        if (Injection != NULL) {
            FwpsInjectionHandleDestroy(Injection);
        }
        if (Pool != NULL) {
            NdisFreeNetBufferListPool(Pool);
        }
    }
    return status;
}
