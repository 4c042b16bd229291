/*
 * connection_monitor: who talks to whom, and how much.
 *
 * ALE_FLOW_ESTABLISHED tells of each new conversation, with process and program. Two contexts are hung
 * on its flow, one for the outbound and one for the inbound transport callout, whose classifies count
 * into the conversation. Those callouts are conditional on flow: without a context they are not called.
 * flowDeleteFn of the last context reports the conversation. All callouts only look: they inspect.
 *
 *   ALE_FLOW_ESTABLISHED --new--> CONNECTION <--count-- OUTBOUND_TRANSPORT, INBOUND_TRANSPORT
 *                                  |      ^
 *      work item, which logs <--last ref  +-- table, read by IOCTL_CONNECTION_MONITOR_GET_TABLE
 *
 * Parameters: none.
 */
#include <ntddk.h>
#include <wdf.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>

#define SAMPLE_NAME "connection_monitor"
#include "../shared/sample.h"
#include "connection_monitor_ioctl.h"

#define MONITOR_TAG 'nMnC'

typedef struct _CONNECTION CONNECTION;

typedef struct _FLOW_CONTEXT {
    SAMPLE_FLOW Flow;
    CONNECTION *Connection;
} FLOW_CONTEXT;

struct _CONNECTION {
    LIST_ENTRY Link; // gConnections, then gEnded
    LONG References; // contexts that hang on the flow, and whoever is making it
    FLOW_CONTEXT Outbound, Inbound;
    SAMPLE_ADDRESS Local, Remote;
    CONNECTION_ENTRY Entry; // counters are changed with interlocked operations
};

static KSPIN_LOCK gLock; // of both lists
static LIST_ENTRY gConnections, gEnded;
static PIO_WORKITEM gLogItem;
static BOOLEAN gLogQueued;
static KEVENT gLogIdle; // set while the work item is not queued
static LONG gSeen;

static SAMPLE gMonitor;

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtDriverUnload;

// ---------------------------------------------------------------- the end of a conversation

static VOID LogConnection(_In_ const CONNECTION *Connection)
{
    const CONNECTION_ENTRY *entry = &Connection->Entry;
    SAMPLE_TEXT local, remote;

    LOG_INFO("%ws %s %ws, protocol %u, process %llu %ws: sent %llu bytes in %llu packets, received %llu in %llu",
             SampleFormat(&Connection->Local, entry->LocalPort, &local), entry->Inbound ? "<-" : "->",
             SampleFormat(&Connection->Remote, entry->RemotePort, &remote), entry->Protocol, entry->ProcessId,
             entry->ProcessId != 0 ? entry->Program : L"(unknown)", entry->BytesSent, entry->PacketsSent,
             entry->BytesReceived, entry->PacketsReceived);
}

// At PASSIVE_LEVEL, as printing wide strings must be; flowDeleteFn may run at DISPATCH_LEVEL.
static IO_WORKITEM_ROUTINE LogEnded;
static VOID NTAPI LogEnded(_In_ PDEVICE_OBJECT DeviceObject, _In_opt_ PVOID Context)
{
    CONNECTION *connection;
    KLOCK_QUEUE_HANDLE lock;

    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Context);
    do {
        connection = NULL;
        KeAcquireInStackQueuedSpinLock(&gLock, &lock);
        if (!IsListEmpty(&gEnded)) {
            connection = CONTAINING_RECORD(RemoveHeadList(&gEnded), CONNECTION, Link);
        } else {
            gLogQueued = FALSE;
            KeSetEvent(&gLogIdle, IO_NO_INCREMENT, FALSE);
        }
        KeReleaseInStackQueuedSpinLock(&lock);
        if (connection != NULL) {
            LogConnection(connection);
            ExFreePoolWithTag(connection, MONITOR_TAG);
        }
    } while (connection != NULL);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID Release(_Inout_ CONNECTION *Connection)
{
    KLOCK_QUEUE_HANDLE lock;
    BOOLEAN queue;

    if (InterlockedDecrement(&Connection->References) != 0) {
        return;
    }
    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    RemoveEntryList(&Connection->Link);
    InsertTailList(&gEnded, &Connection->Link);
    queue = !gLogQueued;
    if (queue) {
        gLogQueued = TRUE;
        KeClearEvent(&gLogIdle);
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    if (queue) {
        IoQueueWorkItem(gLogItem, LogEnded, DelayedWorkQueue, NULL);
    }
}

static VOID NTAPI FlowDelete(_In_ UINT16 LayerId, _In_ UINT32 CalloutId, _In_ UINT64 FlowContext)
{
    FLOW_CONTEXT *context = (FLOW_CONTEXT *)(ULONG_PTR)FlowContext;

    UNREFERENCED_PARAMETER(LayerId);
    UNREFERENCED_PARAMETER(CalloutId);
    SampleFlowDeleted(&gMonitor, &context->Flow);
    Release(context->Connection);
}

// ---------------------------------------------------------------- counting

static VOID NTAPI ClassifyTransport(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    FLOW_CONTEXT *context = (FLOW_CONTEXT *)(ULONG_PTR)FlowContext;
    CONNECTION_ENTRY *entry = &context->Connection->Entry;
    BOOLEAN outbound = Values->layerId == FWPS_LAYER_OUTBOUND_TRANSPORT_V4 ||
                       Values->layerId == FWPS_LAYER_OUTBOUND_TRANSPORT_V6;
    ULONG headers = outbound ? Metadata->transportHeaderSize : 0; // inbound data begin behind the headers
    LONG64 bytes = 0, packets = 0;

    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);

    ClassifyOut->actionType = FWP_ACTION_CONTINUE;
    if (LayerData == NULL) {
        return;
    }
    for (NET_BUFFER *b = NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)LayerData); b != NULL;
         b = NET_BUFFER_NEXT_NB(b)) {
        bytes += NET_BUFFER_DATA_LENGTH(b) - headers;
        packets++;
    }
    InterlockedAdd64((LONG64 *)(outbound ? &entry->BytesSent : &entry->BytesReceived), bytes);
    InterlockedAdd64((LONG64 *)(outbound ? &entry->PacketsSent : &entry->PacketsReceived), packets);
}

// ---------------------------------------------------------------- a new conversation

// Callouts by number, see gCallouts.
enum { EstablishedV4, EstablishedV6, OutboundV4, OutboundV6, InboundV4, InboundV6, CalloutCount };

typedef struct _ESTABLISHED_FIELDS {
    UINT16 OutboundLayer, InboundLayer;
    UINT8 OutboundCallout, InboundCallout;
    UINT8 LocalAddress, RemoteAddress, LocalPort, RemotePort, Protocol, Direction;
} ESTABLISHED_FIELDS;

#define FIELDS(version)                                                                            \
    {FWPS_LAYER_OUTBOUND_TRANSPORT_##version, FWPS_LAYER_INBOUND_TRANSPORT_##version,              \
     Outbound##version, Inbound##version,                                                          \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_IP_LOCAL_ADDRESS,                                 \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_IP_REMOTE_ADDRESS,                                \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_IP_LOCAL_PORT,                                    \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_IP_REMOTE_PORT,                                   \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_IP_PROTOCOL,                                      \
     FWPS_FIELD_ALE_FLOW_ESTABLISHED_##version##_DIRECTION}

static const ESTABLISHED_FIELDS gFieldsV4 = FIELDS(V4), gFieldsV6 = FIELDS(V6);

static SAMPLE_CALLOUT gCallouts[CalloutCount];

// The end of the path: what tells programs apart.
static VOID CopyProgram(_In_ const FWP_BYTE_BLOB *Path, _Out_writes_z_(Size) WCHAR *Program, _In_ ULONG Size)
{
    const WCHAR *path = (const WCHAR *)Path->data;
    ULONG length = Path->size / sizeof(WCHAR);

    while (length != 0 && path[length - 1] == 0) {
        length--;
    }
    if (length >= Size) {
        path += length - (Size - 1);
        length = Size - 1;
    }
    RtlCopyMemory(Program, path, length * sizeof(WCHAR));
    Program[length] = 0;
}

_Ret_maybenull_
static CONNECTION *NewConnection(
    _In_ const ESTABLISHED_FIELDS *Fields,
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    CONNECTION_ENTRY *entry;
    CONNECTION *connection;

    connection = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*connection), MONITOR_TAG);
    if (connection == NULL) {
        return NULL;
    }
    connection->References = 1;
    connection->Outbound.Connection = connection->Inbound.Connection = connection;
    SampleAddressOf(&v[Fields->LocalAddress].value, &connection->Local);
    SampleAddressOf(&v[Fields->RemoteAddress].value, &connection->Remote);
    entry = &connection->Entry;
    entry->IpVersion = connection->Local.Family == AF_INET ? 4 : 6;
    entry->Protocol = v[Fields->Protocol].value.uint8;
    entry->Inbound = v[Fields->Direction].value.uint32 == FWP_DIRECTION_INBOUND;
    entry->LocalPort = v[Fields->LocalPort].value.uint16;
    entry->RemotePort = v[Fields->RemotePort].value.uint16;
    RtlCopyMemory(entry->LocalAddress, connection->Local.Bytes, sizeof(entry->LocalAddress));
    RtlCopyMemory(entry->RemoteAddress, connection->Remote.Bytes, sizeof(entry->RemoteAddress));
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_PROCESS_ID)) {
        entry->ProcessId = Metadata->processId;
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_PROCESS_PATH)) {
        CopyProgram(Metadata->processPath, entry->Program, RTL_NUMBER_OF(entry->Program));
    }
    return connection;
}

static VOID Follow(_Inout_ CONNECTION *Connection, _Inout_ FLOW_CONTEXT *Context, _In_ UINT64 Flow, _In_ UINT16 Layer,
                   _In_ UINT8 Callout)
{
    InterlockedIncrement(&Connection->References);
    if (!NT_SUCCESS(SampleFlowAssociate(&gMonitor, &Context->Flow, Flow, Layer, gCallouts[Callout].Id))) {
        Release(Connection);
    }
}

static VOID NTAPI ClassifyEstablished(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const ESTABLISHED_FIELDS *fields =
        Values->layerId == FWPS_LAYER_ALE_FLOW_ESTABLISHED_V4 ? &gFieldsV4 : &gFieldsV6;
    CONNECTION *connection;
    KLOCK_QUEUE_HANDLE lock;

    UNREFERENCED_PARAMETER(LayerData);
    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);

    ClassifyOut->actionType = FWP_ACTION_CONTINUE;
    if (!FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_FLOW_HANDLE)) {
        return;
    }
    connection = NewConnection(fields, Values, Metadata);
    if (connection == NULL) {
        return;
    }
    InterlockedIncrement(&gSeen);
    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    InsertTailList(&gConnections, &connection->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    Follow(connection, &connection->Outbound, Metadata->flowHandle, fields->OutboundLayer, fields->OutboundCallout);
    Follow(connection, &connection->Inbound, Metadata->flowHandle, fields->InboundLayer, fields->InboundCallout);
    Release(connection);
}

// ---------------------------------------------------------------- the table

static ULONG CopyTable(_Out_writes_bytes_(Length) CONNECTION_TABLE *Table, _In_ size_t Length)
{
    size_t room = (Length - FIELD_OFFSET(CONNECTION_TABLE, Entries)) / sizeof(CONNECTION_ENTRY);
    KLOCK_QUEUE_HANDLE lock;

    Table->Count = Table->Total = 0;
    KeAcquireInStackQueuedSpinLock(&gLock, &lock);
    for (LIST_ENTRY *e = gConnections.Flink; e != &gConnections; e = e->Flink) {
        if (Table->Count < room) {
            Table->Entries[Table->Count++] = CONTAINING_RECORD(e, CONNECTION, Link)->Entry;
        }
        Table->Total++;
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return FIELD_OFFSET(CONNECTION_TABLE, Entries) + Table->Count * (ULONG)sizeof(CONNECTION_ENTRY);
}

static EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL IoDeviceControl;
static VOID NTAPI IoDeviceControl(
    _In_ WDFQUEUE Queue,
    _In_ WDFREQUEST Request,
    _In_ size_t OutputBufferLength,
    _In_ size_t InputBufferLength,
    _In_ ULONG IoControlCode)
{
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;
    ULONG_PTR information = 0;
    size_t length;
    PVOID buffer;

    UNREFERENCED_PARAMETER(Queue);
    UNREFERENCED_PARAMETER(OutputBufferLength);
    UNREFERENCED_PARAMETER(InputBufferLength);
    if (IoControlCode == IOCTL_CONNECTION_MONITOR_GET_TABLE) {
        status = WdfRequestRetrieveOutputBuffer(Request, FIELD_OFFSET(CONNECTION_TABLE, Entries), &buffer, &length);
        if (NT_SUCCESS(status)) {
            information = CopyTable(buffer, length);
        }
    }
    WdfRequestCompleteWithInformation(Request, status, information);
}

// ---------------------------------------------------------------- set-up

#define CALLOUT(number, layer, classify, flowDelete, flags, name)                                  \
    {{0x5be3f3a1, 0x0a5d, 0x4d6c, {0x8c, 0x2b, 0x4f, 0x61, 0x9a, 0x70, 0x55, number}},             \
     &FWPM_LAYER_##layer, name, FWP_ACTION_CALLOUT_INSPECTION, classify, flowDelete, flags, NULL,  \
     0, FALSE, 0}
#define COUNTING(number, layer, name)                                                              \
    CALLOUT(number, layer, ClassifyTransport, FlowDelete, FWP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW, name)

static SAMPLE_CALLOUT gCallouts[CalloutCount] = {
    [EstablishedV4] = CALLOUT(1, ALE_FLOW_ESTABLISHED_V4, ClassifyEstablished, NULL, 0, L"monitor established IPv4"),
    [EstablishedV6] = CALLOUT(2, ALE_FLOW_ESTABLISHED_V6, ClassifyEstablished, NULL, 0, L"monitor established IPv6"),
    [OutboundV4] = COUNTING(3, OUTBOUND_TRANSPORT_V4, L"monitor outbound IPv4"),
    [OutboundV6] = COUNTING(4, OUTBOUND_TRANSPORT_V6, L"monitor outbound IPv6"),
    [InboundV4] = COUNTING(5, INBOUND_TRANSPORT_V4, L"monitor inbound IPv4"),
    [InboundV6] = COUNTING(6, INBOUND_TRANSPORT_V6, L"monitor inbound IPv6"),
};

static SAMPLE gMonitor = {
    .Name = L"ConnectionMonitor",
    .SubLayer = {0x5be3f3a1, 0x0a5d, 0x4d6c, {0x8c, 0x2b, 0x4f, 0x61, 0x9a, 0x70, 0x55, 0}},
    .Callouts = gCallouts,
    .CalloutCount = CalloutCount,
};

// The callouts that make contexts go first; then all contexts are taken off, and with them the rest.
static VOID TearDown(void)
{
    SampleStopClassify(&gMonitor);
    SampleUnregister(&gMonitor);
    if (gLogItem != NULL) {
        KeWaitForSingleObject(&gLogIdle, Executive, KernelMode, FALSE, NULL);
        IoFreeWorkItem(gLogItem);
        gLogItem = NULL;
    }
}

void NTAPI EvtDriverUnload(_In_ WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    TearDown();
    LOG_INFO("%d connections", (int)gSeen);
}

static NTSTATUS Start(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    status = SampleCreateDevice(&gMonitor, Driver, IoDeviceControl);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    gLogItem = IoAllocateWorkItem(WdfDeviceWdmGetDeviceObject(gMonitor.Device));
    if (gLogItem == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return SampleStart(&gMonitor);
}

NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    NTSTATUS status;

    InitializeListHead(&gConnections);
    InitializeListHead(&gEnded);
    KeInitializeSpinLock(&gLock);
    KeInitializeEvent(&gLogIdle, NotificationEvent, TRUE);

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtDriverUnload;
    config.DriverPoolTag = MONITOR_TAG;
    status = WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (NT_SUCCESS(status)) {
        status = Start(driver);
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("DriverEntry failed, status 0x%08x", (ULONG)status);
        TearDown();
    }
    return status;
}
