/*
 * inspect: holds connections and packets while a worker thread decides, then lets them go on.
 *
 * Traffic with one remote address is sent to it at ALE_AUTH_CONNECT, ALE_AUTH_RECV_ACCEPT and both
 * transport layers. Nothing is decided inside classify: a connect or accept is pended
 * (FwpsPendOperation), a packet is referenced and absorbed, and the worker decides at PASSIVE_LEVEL.
 *
 *   connect  completed; the stack then asks again (FWP_CONDITION_FLAG_IS_REAUTHORIZE) and is answered
 *            from the list of decisions. Of other protocols than TCP the first packet was held with
 *            it: it is sent once the connect is permitted.
 *   accept   its packet is cloned from the IP header on, the operation is completed with the clone, and
 *            the clone is received again
 *   packet   cloned and sent or received again, in order
 *
 * What it injects comes back to its own callouts, is recognized and permitted.
 *
 * Parameters
 *   RemoteAddressToInspect  REG_SZ     an IPv4 or IPv6 address; must be there
 *   BlockTraffic            REG_DWORD  0: permit after inspection (default), 1: block
 *   DecisionDelay           REG_DWORD  milliseconds that a decision about a connection takes; default 0
 */
#include <ntddk.h>
#include <wdf.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>

#define SAMPLE_NAME "inspect"
#include "../shared/sample.h"

#define INSPECT_TAG 'psnI'

typedef enum _ITEM_KIND { ItemConnect, ItemAccept, ItemPacket } ITEM_KIND;

// What was held: an operation, a packet, or both.
typedef struct _ITEM {
    LIST_ENTRY Link;
    ITEM_KIND Kind;
    FWP_DIRECTION Direction;
    BOOLEAN Permit; // decided already: a connect, and then its first datagram
    UINT8 Protocol;
    UINT16 LocalPort, RemotePort;
    SAMPLE_ADDRESS Local, Remote;
    HANDLE Operation;        // of FwpsPendOperation
    NET_BUFFER_LIST *Packet; // referenced; NULL for a TCP connect
    ULONG HeaderSize;        // how far before the indicated data an inbound packet begins
    UINT64 Endpoint;
    COMPARTMENT_ID Compartment;
    SCOPE_ID RemoteScope;
    IF_INDEX Interface, SubInterface;
    ULONG ControlDataLength;
    UCHAR ControlData[ANYSIZE_ARRAY];
} ITEM;

static SAMPLE_ADDRESS gTarget;
static ULONG gBlockTraffic, gDecisionDelay;
static HANDLE gInjectionV4, gInjectionV6;

static KSPIN_LOCK gLock;     // of both lists
static LIST_ENTRY gWork;     // what the worker has to decide, oldest first
static LIST_ENTRY gDecided;  // connects that are completed, and not yet asked about again
static KEVENT gWorkEvent;    // set while gWork is not empty, or the worker shall end
static BOOLEAN gStopping;
static PKTHREAD gWorker;
static LONG gHeld, gPermitted, gBlocked;

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtDriverUnload;

// ---------------------------------------------------------------- where a layer has its values

typedef struct _LAYER_FIELDS {
    UINT16 Layer;
    ITEM_KIND Kind;
    FWP_DIRECTION Direction;
    UINT8 LocalAddress, RemoteAddress, LocalPort, RemotePort, Protocol, Flags;
    UINT8 Interface, SubInterface;
} LAYER_FIELDS;

#define FIELDS(layer, kind, direction, interface, subInterface)                                    \
    {FWPS_LAYER_##layer, kind, direction, FWPS_FIELD_##layer##_IP_LOCAL_ADDRESS,                   \
     FWPS_FIELD_##layer##_IP_REMOTE_ADDRESS, FWPS_FIELD_##layer##_IP_LOCAL_PORT,                   \
     FWPS_FIELD_##layer##_IP_REMOTE_PORT, FWPS_FIELD_##layer##_IP_PROTOCOL,                        \
     FWPS_FIELD_##layer##_FLAGS, FWPS_FIELD_##layer##_##interface,                                 \
     FWPS_FIELD_##layer##_##subInterface}
#define FIELDS_BOTH(layer, kind, direction)                                                        \
    FIELDS(layer##_V4, kind, direction, INTERFACE_INDEX, SUB_INTERFACE_INDEX),                     \
        FIELDS(layer##_V6, kind, direction, INTERFACE_INDEX, SUB_INTERFACE_INDEX)

static const LAYER_FIELDS gFields[] = {
    FIELDS_BOTH(ALE_AUTH_CONNECT, ItemConnect, FWP_DIRECTION_OUTBOUND),
    FIELDS_BOTH(ALE_AUTH_RECV_ACCEPT, ItemAccept, FWP_DIRECTION_INBOUND),
    FIELDS_BOTH(OUTBOUND_TRANSPORT, ItemPacket, FWP_DIRECTION_OUTBOUND),
    FIELDS_BOTH(INBOUND_TRANSPORT, ItemPacket, FWP_DIRECTION_INBOUND),
};

static const LAYER_FIELDS *FieldsOf(_In_ UINT16 Layer)
{
    ULONG i = 0;

    while (gFields[i].Layer != Layer) {
        i++;
    }
    return &gFields[i];
}

// ---------------------------------------------------------------- items

static VOID FreeItem(_In_ _Post_invalid_ ITEM *Item)
{
    if (Item->Packet != NULL) {
        FwpsDereferenceNetBufferList(Item->Packet, FALSE);
    }
    ExFreePoolWithTag(Item, INSPECT_TAG);
}

// How far an inbound packet must retreat to its IP header; outbound data begin where a clone may.
static ULONG InboundHeaderSize(_In_ const FWPS_INCOMING_METADATA_VALUES *Metadata)
{
    ULONG size = 0;

    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_IP_HEADER_SIZE)) {
        size += Metadata->ipHeaderSize;
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_TRANSPORT_HEADER_SIZE)) {
        size += Metadata->transportHeaderSize;
    }
    return size;
}

_Ret_maybenull_
static ITEM *NewItem(
    _In_ const LAYER_FIELDS *Fields,
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _In_opt_ NET_BUFFER_LIST *Packet)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    ULONG controlLength = 0;
    ITEM *item;

    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_TRANSPORT_CONTROL_DATA)) {
        controlLength = Metadata->controlDataLength;
    }
    item = ExAllocatePool2(POOL_FLAG_NON_PAGED, FIELD_OFFSET(ITEM, ControlData) + controlLength, INSPECT_TAG);
    if (item == NULL) {
        return NULL;
    }
    item->Kind = Fields->Kind;
    item->Direction = Fields->Direction;
    item->Protocol = v[Fields->Protocol].value.uint8;
    item->LocalPort = v[Fields->LocalPort].value.uint16;
    item->RemotePort = v[Fields->RemotePort].value.uint16;
    SampleAddressOf(&v[Fields->LocalAddress].value, &item->Local);
    SampleAddressOf(&v[Fields->RemoteAddress].value, &item->Remote);
    item->Interface = v[Fields->Interface].value.uint32;
    item->SubInterface = v[Fields->SubInterface].value.uint32;
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_TRANSPORT_ENDPOINT_HANDLE)) {
        item->Endpoint = Metadata->transportEndpointHandle;
    }
    item->Compartment = FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_COMPARTMENT_ID)
                            ? (COMPARTMENT_ID)Metadata->compartmentId
                            : UNSPECIFIED_COMPARTMENT_ID;
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_REMOTE_SCOPE_ID)) {
        item->RemoteScope = Metadata->remoteScopeId;
    }
    if (controlLength != 0) {
        RtlCopyMemory(item->ControlData, Metadata->controlData, controlLength);
        item->ControlDataLength = controlLength;
    }
    if (item->Direction == FWP_DIRECTION_INBOUND) {
        item->HeaderSize = InboundHeaderSize(Metadata);
    }
    if (Packet != NULL) {
        FwpsReferenceNetBufferList(Packet, TRUE); // the packet may be changed by nobody until we are done
        item->Packet = Packet;
    }
    return item;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID QueueWork(_Inout_ ITEM *Item)
{
    KLOCK_QUEUE_HANDLE lock;

    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    InsertTailList(&gWork, &Item->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    KeSetEvent(&gWorkEvent, IO_NO_INCREMENT, FALSE);
}

// The decision about a connect that the stack asks about again.
_Ret_maybenull_
static ITEM *TakeDecision(_In_ const LAYER_FIELDS *Fields, _In_ const FWPS_INCOMING_VALUES *Values)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    SAMPLE_ADDRESS local, remote;
    KLOCK_QUEUE_HANDLE lock;
    ITEM *item, *found = NULL;

    SampleAddressOf(&v[Fields->LocalAddress].value, &local);
    SampleAddressOf(&v[Fields->RemoteAddress].value, &remote);
    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    for (LIST_ENTRY *e = gDecided.Flink; e != &gDecided && found == NULL; e = e->Flink) {
        item = CONTAINING_RECORD(e, ITEM, Link);
        if (item->Protocol == v[Fields->Protocol].value.uint8 &&
            item->LocalPort == v[Fields->LocalPort].value.uint16 &&
            item->RemotePort == v[Fields->RemotePort].value.uint16 &&
            SampleSameAddress(&item->Remote, &remote) && SampleSameAddress(&item->Local, &local)) {
            found = item;
            RemoveEntryList(e);
        }
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return found;
}

// ---------------------------------------------------------------- callouts

static HANDLE InjectionHandle(_In_ ADDRESS_FAMILY Family)
{
    return Family == AF_INET ? gInjectionV4 : gInjectionV6;
}

static BOOLEAN IsInjectedBySelf(_In_opt_ NET_BUFFER_LIST *Packet)
{
    FWPS_PACKET_INJECTION_STATE state;

    if (Packet == NULL) {
        return FALSE;
    }
    state = FwpsQueryPacketInjectionState(InjectionHandle(gTarget.Family), Packet, NULL);
    return state == FWPS_PACKET_INJECTED_BY_SELF || state == FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF;
}

static VOID Permit(_Inout_ FWPS_CLASSIFY_OUT *ClassifyOut, _In_ const FWPS_FILTER *Filter)
{
    ClassifyOut->actionType = FWP_ACTION_PERMIT;
    if (Filter->flags & FWPS_FILTER_FLAG_CLEAR_ACTION_RIGHT) {
        ClassifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    }
}

static VOID Block(_Inout_ FWPS_CLASSIFY_OUT *ClassifyOut, _In_ UINT32 Flags)
{
    ClassifyOut->actionType = FWP_ACTION_BLOCK;
    ClassifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    ClassifyOut->flags |= Flags;
}

// Held: blocked for now, and silently, since it will go on.
static VOID Hold(_Inout_ FWPS_CLASSIFY_OUT *ClassifyOut, _Inout_ ITEM *Item)
{
    Block(ClassifyOut, FWPS_CLASSIFY_OUT_FLAG_ABSORB);
    InterlockedIncrement(&gHeld);
    QueueWork(Item);
}

static VOID AnswerAgain(
    _In_ const LAYER_FIELDS *Fields,
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_FILTER *Filter,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    ITEM *item = TakeDecision(Fields, Values);

    if (item == NULL) {
        // the policy changed, or the like: it was inspected when it began
        Permit(ClassifyOut, Filter);
        return;
    }
    if (!item->Permit) {
        Block(ClassifyOut, 0);
        FreeItem(item);
        return;
    }
    Permit(ClassifyOut, Filter);
    if (item->Packet == NULL) {
        FreeItem(item);
        return;
    }
    item->Kind = ItemPacket; // its first datagram may go now
    QueueWork(item);
}

static VOID NTAPI ClassifyAle(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const LAYER_FIELDS *fields = FieldsOf(Values->layerId);
    UINT32 flags = Values->incomingValue[fields->Flags].value.uint32;
    ITEM *item;

    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(FlowContext);

    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    if (IsInjectedBySelf(LayerData)) {
        Permit(ClassifyOut, Filter);
        return;
    }
    if (flags & FWP_CONDITION_FLAG_IS_REAUTHORIZE) {
        AnswerAgain(fields, Values, Filter, ClassifyOut);
        return;
    }
    item = NewItem(fields, Values, Metadata, LayerData);
    if (item == NULL) {
        Block(ClassifyOut, 0);
        return;
    }
    if (!FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_COMPLETION_HANDLE) ||
        !NT_SUCCESS(FwpsPendOperation(Metadata->completionHandle, &item->Operation))) {
        FreeItem(item);
        Block(ClassifyOut, 0);
        return;
    }
    Hold(ClassifyOut, item);
}

static VOID NTAPI ClassifyTransport(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const LAYER_FIELDS *fields = FieldsOf(Values->layerId);
    ITEM *item;

    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(FlowContext);

    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    // A packet on its way to ALE_AUTH_RECV_ACCEPT is held there, with its operation.
    if (LayerData == NULL || IsInjectedBySelf(LayerData) ||
        FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_ALE_CLASSIFY_REQUIRED)) {
        Permit(ClassifyOut, Filter);
        return;
    }
    item = NewItem(fields, Values, Metadata, LayerData);
    if (item == NULL) {
        Block(ClassifyOut, 0);
        return;
    }
    Hold(ClassifyOut, item);
}

// ---------------------------------------------------------------- the worker

static void NTAPI InjectComplete(_In_ void *Context, _Inout_ NET_BUFFER_LIST *List, _In_ BOOLEAN DispatchLevel)
{
    UNREFERENCED_PARAMETER(DispatchLevel);
    FwpsFreeCloneNetBufferList(List, 0);
    FreeItem(Context);
}

// A clone that begins where the injection functions want it: at the IP header of an inbound packet, at
// the transport header of an outbound one.
static NTSTATUS ClonePacket(_In_ const ITEM *Item, _Outptr_ NET_BUFFER_LIST **Clone)
{
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(Item->Packet);
    NTSTATUS status;

    *Clone = NULL;
    if (Item->HeaderSize != 0) {
        status = NdisRetreatNetBufferDataStart(buffer, Item->HeaderSize, 0, NULL);
        if (status != NDIS_STATUS_SUCCESS) {
            return status;
        }
    }
    status = FwpsAllocateCloneNetBufferList(Item->Packet, NULL, NULL, 0, Clone);
    if (Item->HeaderSize != 0) {
        NdisAdvanceNetBufferDataStart(buffer, Item->HeaderSize, FALSE, NULL);
    }
    return status;
}

// The completion frees item and clone; until then the item holds what the send parameters point to.
static NTSTATUS InjectClone(_In_ ITEM *Item, _In_ NET_BUFFER_LIST *Clone)
{
    HANDLE injection = InjectionHandle(Item->Remote.Family);
    FWPS_TRANSPORT_SEND_PARAMS arguments = {0};

    if (Item->Direction == FWP_DIRECTION_INBOUND) {
        return FwpsInjectTransportReceiveAsync(injection, NULL, NULL, 0, Item->Remote.Family, Item->Compartment,
                                               Item->Interface, Item->SubInterface, Clone, InjectComplete, Item);
    }
    arguments.remoteAddress = Item->Remote.Bytes;
    arguments.remoteScopeId = Item->RemoteScope;
    if (Item->ControlDataLength != 0) {
        arguments.controlData = (WSACMSGHDR *)Item->ControlData;
        arguments.controlDataLength = Item->ControlDataLength;
    }
    return FwpsInjectTransportSendAsync(injection, NULL, Item->Endpoint, 0, &arguments, Item->Remote.Family,
                                        Item->Compartment, Clone, InjectComplete, Item);
}

static VOID LogDecision(_In_ const ITEM *Item, _In_ BOOLEAN Allowed)
{
    SAMPLE_TEXT local, remote;

    LOG_INFO("%s %ws %s %ws, protocol %u: %s", Item->Kind == ItemConnect ? "connect" : "accept",
             SampleFormat(&Item->Local, Item->LocalPort, &local), Item->Kind == ItemConnect ? "->" : "<-",
             SampleFormat(&Item->Remote, Item->RemotePort, &remote), Item->Protocol,
             Allowed ? "permitted" : "blocked");
}

// The decision. A real driver asks a service or looks at the packet; it may take its time here.
static BOOLEAN Inspect(_In_ const ITEM *Item)
{
    LARGE_INTEGER interval;
    BOOLEAN allowed = gBlockTraffic == 0;

    if (Item->Kind != ItemPacket) {
        if (gDecisionDelay != 0) {
            interval.QuadPart = -10000LL * gDecisionDelay;
            KeDelayExecutionThread(KernelMode, FALSE, &interval);
        }
        LogDecision(Item, allowed);
    }
    InterlockedIncrement(allowed ? &gPermitted : &gBlocked);
    return allowed;
}

// The stack may ask again before FwpsCompleteOperation returns: from then on the item is not ours.
static VOID FinishConnect(_Inout_ ITEM *Item, _In_ BOOLEAN Allowed)
{
    HANDLE operation = Item->Operation;
    KLOCK_QUEUE_HANDLE lock;

    Item->Permit = Allowed;
    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    InsertTailList(&gDecided, &Item->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    FwpsCompleteOperation(operation, NULL);
}

static VOID FinishPacket(_Inout_ ITEM *Item, _In_ BOOLEAN Allowed)
{
    NET_BUFFER_LIST *clone = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    if (Allowed) {
        status = ClonePacket(Item, &clone);
    }
    if (Item->Kind == ItemAccept) {
        FwpsCompleteOperation(Item->Operation, clone);
    }
    if (clone != NULL) {
        status = InjectClone(Item, clone);
        if (NT_SUCCESS(status)) {
            return;
        }
        FwpsFreeCloneNetBufferList(clone, 0);
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("a packet was lost, status 0x%08x", (ULONG)status);
    }
    FreeItem(Item);
}

_Ret_maybenull_
static ITEM *TakeWork(void)
{
    KLOCK_QUEUE_HANDLE lock;
    ITEM *item = NULL;

    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    if (!IsListEmpty(&gWork)) {
        item = CONTAINING_RECORD(RemoveHeadList(&gWork), ITEM, Link);
    } else if (!gStopping) {
        KeClearEvent(&gWorkEvent);
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return item;
}

static KSTART_ROUTINE Worker;
static VOID NTAPI Worker(_In_ PVOID Context)
{
    BOOLEAN allowed;
    ITEM *item;

    UNREFERENCED_PARAMETER(Context);
    do {
        KeWaitForSingleObject(&gWorkEvent, Executive, KernelMode, FALSE, NULL);
        while ((item = TakeWork()) != NULL) {
            allowed = item->Permit || Inspect(item);
            if (item->Kind == ItemConnect) {
                FinishConnect(item, allowed);
            } else {
                FinishPacket(item, allowed);
            }
        }
    } while (!gStopping);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---------------------------------------------------------------- set-up

static FWPM_FILTER_CONDITION gCondition;

#define CALLOUT(number, layer, classify, name)                                                     \
    {{0x2c0a6d11, 0x8a55, 0x4be6, {0x9d, 0x10, 0x31, 0x5e, 0x90, 0x6f, 0x22, number}},             \
     &FWPM_LAYER_##layer, name, FWP_ACTION_CALLOUT_UNKNOWN, classify, NULL, 0, &gCondition, 1,     \
     FALSE, 0}

static SAMPLE_CALLOUT gCalloutsV4[] = {
    CALLOUT(1, ALE_AUTH_CONNECT_V4, ClassifyAle, L"inspect connect IPv4"),
    CALLOUT(2, ALE_AUTH_RECV_ACCEPT_V4, ClassifyAle, L"inspect accept IPv4"),
    CALLOUT(3, OUTBOUND_TRANSPORT_V4, ClassifyTransport, L"inspect outbound IPv4"),
    CALLOUT(4, INBOUND_TRANSPORT_V4, ClassifyTransport, L"inspect inbound IPv4"),
};

static SAMPLE_CALLOUT gCalloutsV6[] = {
    CALLOUT(5, ALE_AUTH_CONNECT_V6, ClassifyAle, L"inspect connect IPv6"),
    CALLOUT(6, ALE_AUTH_RECV_ACCEPT_V6, ClassifyAle, L"inspect accept IPv6"),
    CALLOUT(7, OUTBOUND_TRANSPORT_V6, ClassifyTransport, L"inspect outbound IPv6"),
    CALLOUT(8, INBOUND_TRANSPORT_V6, ClassifyTransport, L"inspect inbound IPv6"),
};

static SAMPLE gInspect = {
    .Name = L"Inspect",
    .SubLayer = {0x2c0a6d11, 0x8a55, 0x4be6, {0x9d, 0x10, 0x31, 0x5e, 0x90, 0x6f, 0x22, 0}},
};

static NTSTATUS ReadParameters(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    status = SampleReadAddress(Driver, L"RemoteAddressToInspect", &gTarget);
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"BlockTraffic", &gBlockTraffic);
    }
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"DecisionDelay", &gDecisionDelay);
    }
    return status;
}

static VOID FreeList(_Inout_ LIST_ENTRY *List)
{
    while (!IsListEmpty(List)) {
        FreeItem(CONTAINING_RECORD(RemoveHeadList(List), ITEM, Link));
    }
}

// First nothing new comes in; then the worker finishes what is held; last, injections come back.
static VOID TearDown(void)
{
    SampleStopClassify(&gInspect);
    SampleUnregister(&gInspect);
    if (gWorker != NULL) {
        gStopping = TRUE;
        KeSetEvent(&gWorkEvent, IO_NO_INCREMENT, FALSE);
        SampleJoinThread(gWorker);
        gWorker = NULL;
    }
    FreeList(&gDecided);
    if (gInjectionV4 != NULL) {
        FwpsInjectionHandleDestroy(gInjectionV4);
        gInjectionV4 = NULL;
    }
    if (gInjectionV6 != NULL) {
        FwpsInjectionHandleDestroy(gInjectionV6);
        gInjectionV6 = NULL;
    }
}

void NTAPI EvtDriverUnload(_In_ WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    TearDown();
    LOG_INFO("held %d: %d permitted, %d blocked", (int)gHeld, (int)gPermitted, (int)gBlocked);
}

static NTSTATUS Start(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    gInspect.Callouts = gTarget.Family == AF_INET ? gCalloutsV4 : gCalloutsV6;
    gInspect.CalloutCount = RTL_NUMBER_OF(gCalloutsV4);
    SampleAddressCondition(&FWPM_CONDITION_IP_REMOTE_ADDRESS, &gTarget, &gCondition);

    status = SampleCreateDevice(&gInspect, Driver, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_TRANSPORT, &gInjectionV4);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = FwpsInjectionHandleCreate(AF_INET6, FWPS_INJECTION_TYPE_TRANSPORT, &gInjectionV6);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = SampleStartThread(Worker, &gWorker);
    return NT_SUCCESS(status) ? SampleStart(&gInspect) : status;
}

NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    SAMPLE_TEXT text;
    WDFDRIVER driver;
    NTSTATUS status;

    InitializeListHead(&gWork);
    InitializeListHead(&gDecided);
    KeInitializeSpinLock(&gLock);
    KeInitializeEvent(&gWorkEvent, NotificationEvent, FALSE);

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtDriverUnload;
    config.DriverPoolTag = INSPECT_TAG;
    status = WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (NT_SUCCESS(status)) {
        status = ReadParameters(driver);
    }
    if (NT_SUCCESS(status)) {
        status = Start(driver);
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("DriverEntry failed, status 0x%08x", (ULONG)status);
        TearDown();
        return status;
    }
    LOG_INFO("inspecting %ws", SampleFormat(&gTarget, 0, &text));
    return status;
}
