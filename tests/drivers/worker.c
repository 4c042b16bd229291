/*
 * Decides nothing in a classify: one worker thread takes what was pended, referenced and absorbed, and
 * completes or injects it, until its list is empty. ALE connect and accept, transport both ways; TCP, UDP.
 *
 * The thread counts on FwpsCompleteOperation having asked again when it returns: a connect that is
 * still listed then would be taken, and completed, a second time.
 *   HOLD   the thread only works in the unload routine, which waits for it
 */
#include "common.h"

#define TAG 'kroW'

enum Kind { CONNECT, ACCEPT, DATA };

struct Item {
    LIST_ENTRY Link;
    enum Kind Kind;
    BOOLEAN Inbound;
    HANDLE Completion;
    FWP_ACTION_TYPE Decision; /* of a completed connect: what the second classify answers */
    UINT16 LocalPort, RemotePort;
    UINT32 Remote; /* network order */
    NET_BUFFER_LIST *List;
    ULONG HeaderSize; /* inbound: IP and transport */
    UINT64 Endpoint;
    COMPARTMENT_ID Compartment;
    IF_INDEX Interface, SubInterface;
};

static LIST_ENTRY Items;
static KSPIN_LOCK Lock;
static KEVENT Work;
static PVOID Thread;
static BOOLEAN Stopping;
static HANDLE Injection;
static LONG Connects, Accepts, Packets, Again, Mine, Sent, Completed, Late;

static void NTAPI Done(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
    ExFreePoolWithTag(context, TAG);
    InterlockedIncrement(&Completed);
}

static VOID Free(struct Item *item)
{
    if (item->List != NULL) {
        FwpsDereferenceNetBufferList(item->List, FALSE);
    }
    ExFreePoolWithTag(item, TAG);
}

static VOID Queue(struct Item *item)
{
    KLOCK_QUEUE_HANDLE handle;

    KeAcquireInStackQueuedSpinLock(&Lock, &handle);
    InsertTailList(&Items, &item->Link);
    KeReleaseInStackQueuedSpinLock(&handle);
#ifndef HOLD
    KeSetEvent(&Work, IO_NO_INCREMENT, FALSE);
#endif
}

/* Send, or receive, a clone of what was held back; the item is the completion's. */
static NTSTATUS Inject(struct Item *item)
{
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(item->List);
    FWPS_TRANSPORT_SEND_PARAMS args = {0};
    NET_BUFFER_LIST *clone = NULL;
    NTSTATUS status;

    if (item->Inbound) {
        NdisRetreatNetBufferDataStart(buffer, item->HeaderSize, 0, NULL);
    }
    status = FwpsAllocateCloneNetBufferList(item->List, NULL, NULL, 0, &clone);
    if (item->Inbound) {
        NdisAdvanceNetBufferDataStart(buffer, item->HeaderSize, FALSE, NULL);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    FwpsDereferenceNetBufferList(item->List, FALSE);
    item->List = NULL;
    if (item->Inbound) {
        if (item->Kind == ACCEPT) {
            FwpsCompleteOperation(item->Completion, clone);
        }
        status = FwpsInjectTransportReceiveAsync(Injection, NULL, NULL, 0, AF_INET, item->Compartment,
                                                 item->Interface, item->SubInterface, clone, Done, item);
    } else {
        args.remoteAddress = (UCHAR *)&item->Remote;
        status = FwpsInjectTransportSendAsync(Injection, NULL, item->Endpoint, 0, &args, AF_INET,
                                              item->Compartment, clone, Done, item);
    }
    InterlockedIncrement(&Sent);
    if (!NT_SUCCESS(status)) {
        FwpsFreeCloneNetBufferList(clone, 0);
    }
    return status;
}

static struct Item *TakeFirst(void)
{
    KLOCK_QUEUE_HANDLE handle;
    struct Item *item = NULL;

    KeAcquireInStackQueuedSpinLock(&Lock, &handle);
    if (!IsListEmpty(&Items)) {
        item = CONTAINING_RECORD(Items.Flink, struct Item, Link);
        if (item->Kind != CONNECT) {
            RemoveEntryList(&item->Link); /* a connect stays, for the second classify */
        }
    }
    if (item == NULL) {
        KeClearEvent(&Work);
    }
    KeReleaseInStackQueuedSpinLock(&handle);
    return item;
}

static KSTART_ROUTINE Worker;
static VOID Worker(PVOID context)
{
    struct Item *item;

    UNREFERENCED_PARAMETER(context);
    for (;;) {
        KeWaitForSingleObject(&Work, Executive, KernelMode, FALSE, NULL);
        while ((item = TakeFirst()) != NULL) {
            if (item->Kind == CONNECT && item->Decision != 0) {
                InterlockedIncrement(&Late);
                PsTerminateSystemThread(STATUS_UNSUCCESSFUL);
            }
            if (item->Kind == CONNECT) {
                item->Decision = FWP_ACTION_PERMIT;
                FwpsCompleteOperation(item->Completion, NULL);
            } else if (!NT_SUCCESS(Inject(item))) {
                Free(item);
            }
        }
        if (Stopping) {
            break;
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static struct Item *NewItem(const FWPS_INCOMING_METADATA_VALUES *metadata, NET_BUFFER_LIST *list, enum Kind kind,
                            BOOLEAN inbound)
{
    struct Item *item = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*item), TAG);

    if (item == NULL) {
        return NULL;
    }
    item->Kind = kind;
    item->Inbound = inbound;
    item->Compartment = metadata->compartmentId;
    item->Endpoint = metadata->transportEndpointHandle;
    if (inbound) {
        item->HeaderSize = metadata->ipHeaderSize + metadata->transportHeaderSize;
    }
    if (list != NULL) {
        item->List = list;
        FwpsReferenceNetBufferList(list, TRUE);
    }
    return item;
}

static BOOLEAN IsMine(void *list, FWPS_CLASSIFY_OUT *out)
{
    FWPS_PACKET_INJECTION_STATE state;

    if (list == NULL) {
        return FALSE;
    }
    state = FwpsQueryPacketInjectionState(Injection, list, NULL);
    if (state != FWPS_PACKET_INJECTED_BY_SELF && state != FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF) {
        return FALSE;
    }
    InterlockedIncrement(&Mine);
    out->actionType = FWP_ACTION_PERMIT;
    return TRUE;
}

static VOID Absorb(FWPS_CLASSIFY_OUT *out)
{
    out->actionType = FWP_ACTION_BLOCK;
    out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
}

/* The second classify of a connect: the worker's answer, and its packet becomes data to send. */
static VOID AnswerConnect(const FWPS_INCOMING_VALUES *values, FWPS_CLASSIFY_OUT *out)
{
    UINT16 local = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_LOCAL_PORT].value.uint16;
    UINT16 remote = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16;
    struct Item *item, *found = NULL;
    KLOCK_QUEUE_HANDLE handle;
    LIST_ENTRY *entry;

    KeAcquireInStackQueuedSpinLock(&Lock, &handle);
    for (entry = Items.Flink; entry != &Items && found == NULL; entry = entry->Flink) {
        item = CONTAINING_RECORD(entry, struct Item, Link);
        if (item->Kind == CONNECT && item->Decision && item->LocalPort == local && item->RemotePort == remote) {
            found = item;
        }
    }
    if (found != NULL) {
        RemoveEntryList(&found->Link);
    }
    KeReleaseInStackQueuedSpinLock(&handle);
    if (found == NULL) {
        return;
    }
    InterlockedIncrement(&Again);
    out->actionType = found->Decision;
    if (found->List == NULL) {
        Free(found);
        return;
    }
    found->Kind = DATA;
    Queue(found);
}

static void NTAPI ClassifyConnect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                                  void *list, const void *context, const FWPS_FILTER *filter, UINT64 flow,
                                  FWPS_CLASSIFY_OUT *out)
{
    struct Item *item;

    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flow);
    if (IsMine(list, out)) {
        return;
    }
    if (values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_FLAGS].value.uint32 &
        FWP_CONDITION_FLAG_IS_REAUTHORIZE) {
        AnswerConnect(values, out);
        return;
    }
    item = NewItem(metadata, list, CONNECT, FALSE);
    if (item == NULL) {
        return;
    }
    item->LocalPort = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_LOCAL_PORT].value.uint16;
    item->RemotePort = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16;
    item->Remote = RtlUlongByteSwap(
        values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].value.uint32);
    if (!NT_SUCCESS(FwpsPendOperation(metadata->completionHandle, &item->Completion))) {
        Free(item);
        return;
    }
    InterlockedIncrement(&Connects);
    Absorb(out);
    Queue(item);
}

static void NTAPI ClassifyAccept(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                                 void *list, const void *context, const FWPS_FILTER *filter, UINT64 flow,
                                 FWPS_CLASSIFY_OUT *out)
{
    struct Item *item;

    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flow);
    if (IsMine(list, out)) {
        return;
    }
    item = NewItem(metadata, list, ACCEPT, TRUE);
    if (item == NULL) {
        return;
    }
    item->Interface = values->incomingValue[FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_INTERFACE_INDEX].value.uint32;
    item->SubInterface =
        values->incomingValue[FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_SUB_INTERFACE_INDEX].value.uint32;
    if (!NT_SUCCESS(FwpsPendOperation(metadata->completionHandle, &item->Completion))) {
        Free(item);
        return;
    }
    InterlockedIncrement(&Accepts);
    Absorb(out);
    Queue(item);
}

static void NTAPI ClassifyTransport(const FWPS_INCOMING_VALUES *values,
                                    const FWPS_INCOMING_METADATA_VALUES *metadata, void *list, const void *context,
                                    const FWPS_FILTER *filter, UINT64 flow, FWPS_CLASSIFY_OUT *out)
{
    BOOLEAN inbound = values->layerId == FWPS_LAYER_INBOUND_TRANSPORT_V4;
    struct Item *item;

    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flow);
    if (IsMine(list, out)) {
        return;
    }
    if (inbound && FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_ALE_CLASSIFY_REQUIRED)) {
        out->actionType = FWP_ACTION_PERMIT; /* ALE sees it next */
        return;
    }
    item = NewItem(metadata, list, DATA, inbound);
    if (item == NULL) {
        return;
    }
    if (inbound) {
        item->Interface = values->incomingValue[FWPS_FIELD_INBOUND_TRANSPORT_V4_INTERFACE_INDEX].value.uint32;
        item->SubInterface =
            values->incomingValue[FWPS_FIELD_INBOUND_TRANSPORT_V4_SUB_INTERFACE_INDEX].value.uint32;
    } else {
        item->Remote = RtlUlongByteSwap(
            values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32);
    }
    InterlockedIncrement(&Packets);
    Absorb(out);
    Queue(item);
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 1}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, ClassifyConnect},
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 2}}, &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, ClassifyAccept},
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 3}}, &FWPM_LAYER_INBOUND_TRANSPORT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, ClassifyTransport},
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 4}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, ClassifyTransport},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    Stopping = TRUE;
    KeSetEvent(&Work, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    FwpsInjectionHandleDestroy(Injection);
    Report("connects %d, accepts %d, packets %d, again %d, mine %d, sent %d, completed %d, late %d, left %d\n",
           (int)Connects, (int)Accepts, (int)Packets, (int)Again, (int)Mine, (int)Sent, (int)Completed, (int)Late,
           !IsListEmpty(&Items));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    HANDLE thread;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    InitializeListHead(&Items);
    KeInitializeSpinLock(&Lock);
    KeInitializeEvent(&Work, NotificationEvent, FALSE);
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_TRANSPORT, &Injection);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Worker, NULL);
    if (NT_SUCCESS(status)) {
        status = ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, &Thread, NULL);
        ZwClose(thread);
    }
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    if (!NT_SUCCESS(status)) {
        FwpsInjectionHandleDestroy(Injection);
    }
    return status;
}
