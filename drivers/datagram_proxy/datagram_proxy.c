/*
 * datagram_proxy: sends UDP datagrams for one address and port to another, and hides that in the answers.
 *
 *   application            driver                             network
 *   to Original:53   ->    a datagram of its own        ->    to Proxy:5353
 *   from Original:53 <-    a datagram of its own        <-    from Proxy:5353
 *
 * Works at DATAGRAM_DATA. A datagram is never changed where it lies, since its bytes belong to others: it
 * is copied, changed, injected, and the original is blocked and absorbed. A context on the outbound flow
 * remembers which sockets have sent through the proxy; answers to other sockets are left alone.
 *
 * Parameters
 *   OriginalAddress  REG_SZ     whom applications talk to; must be there
 *   ProxyAddress     REG_SZ     who answers, of the same family; must be there
 *   OriginalPort     REG_DWORD  default 53
 *   ProxyPort        REG_DWORD  default OriginalPort
 */
#include <ntddk.h>
#include <wdf.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>

#define SAMPLE_NAME "datagram_proxy"
#include "../shared/sample.h"

#define PROXY_TAG    'xrPD'
#define PROTOCOL_UDP 17

#define ROUND_UP_16(n) (((n) + 15u) & ~15u)

typedef struct _UDP_HEADER { // network order
    UINT16 SourcePort, DestinationPort;
    UINT16 Length, Checksum;
} UDP_HEADER;

// A socket that has sent through the proxy: the context of its flow to Original.
typedef struct _CLIENT {
    SAMPLE_FLOW Flow;
    LIST_ENTRY Link;
    SAMPLE_ADDRESS Local;
    UINT16 LocalPort;
} CLIENT;

// A datagram of ours under way, with everything that must live until its completion.
typedef struct _DATAGRAM {
    NET_BUFFER_LIST *List;
    MDL *Mdl;
    SAMPLE_ADDRESS Remote;
    UCHAR *ControlData; // behind the data
    ULONG ControlDataLength;
    ULONG Length;
    UCHAR Data[ANYSIZE_ARRAY];
} DATAGRAM;

static SAMPLE_ADDRESS gOriginal, gProxy;
static ULONG gOriginalPort = 53, gProxyPort;
static HANDLE gInjection;
static NDIS_HANDLE gPool;

static KSPIN_LOCK gClientLock;
static LIST_ENTRY gClients;
static LONG gSent, gAnswered, gLost;

static SAMPLE gDriver = {
    .Name = L"DatagramProxy",
    .SubLayer = {0x9b1f4a02, 0x5d7c, 0x4e4f, {0xa3, 0x61, 0x0c, 0x8e, 0x77, 0x12, 0x40, 0}},
};

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtDriverUnload;

// ---------------------------------------------------------------- where the layers have their values

typedef struct _DATAGRAM_FIELDS {
    UINT8 LocalAddress, LocalPort, Interface, SubInterface;
} DATAGRAM_FIELDS;

#define FIELDS(layer)                                                                              \
    {FWPS_FIELD_##layer##_IP_LOCAL_ADDRESS, FWPS_FIELD_##layer##_IP_LOCAL_PORT,                    \
     FWPS_FIELD_##layer##_INTERFACE_INDEX, FWPS_FIELD_##layer##_SUB_INTERFACE_INDEX}

static const DATAGRAM_FIELDS gFieldsV4 = FIELDS(DATAGRAM_DATA_V4);
static const DATAGRAM_FIELDS gFieldsV6 = FIELDS(DATAGRAM_DATA_V6);

static const DATAGRAM_FIELDS *FieldsOf(_In_ const FWPS_INCOMING_VALUES *Values)
{
    return Values->layerId == FWPS_LAYER_DATAGRAM_DATA_V4 ? &gFieldsV4 : &gFieldsV6;
}

// ---------------------------------------------------------------- checksums

static UINT32 Sum(_In_ UINT32 Total, _In_reads_bytes_(Length) const UCHAR *Data, _In_ ULONG Length)
{
    for (ULONG i = 0; i + 1 < Length; i += 2) {
        Total += (UINT32)(Data[i] << 8 | Data[i + 1]);
    }
    if (Length & 1) {
        Total += (UINT32)Data[Length - 1] << 8;
    }
    return Total;
}

// @return in network order
static UINT16 Fold(_In_ UINT32 Total)
{
    while (Total >> 16) {
        Total = (Total & 0xFFFF) + (Total >> 16);
    }
    return RtlUshortByteSwap((UINT16)~Total);
}

static VOID WriteUdpChecksum(
    _In_ const SAMPLE_ADDRESS *Source,
    _In_ const SAMPLE_ADDRESS *Destination,
    _Inout_ UDP_HEADER *Header,
    _In_ ULONG Length)
{
    UINT32 total = PROTOCOL_UDP + Length;

    total = Sum(total, Source->Bytes, SampleAddressSize(Source->Family));
    total = Sum(total, Destination->Bytes, SampleAddressSize(Destination->Family));
    Header->Checksum = 0;
    Header->Checksum = Fold(Sum(total, (const UCHAR *)Header, Length));
    if (Header->Checksum == 0) {
        Header->Checksum = 0xFFFF; // 0 says that there is none
    }
}

// ---------------------------------------------------------------- datagrams of our own

static VOID FreeDatagram(_In_ _Post_invalid_ DATAGRAM *Datagram)
{
    if (Datagram->List != NULL) {
        FwpsFreeNetBufferList(Datagram->List);
    }
    if (Datagram->Mdl != NULL) {
        IoFreeMdl(Datagram->Mdl);
    }
    ExFreePoolWithTag(Datagram, PROXY_TAG);
}

static void NTAPI InjectComplete(_In_ void *Context, _Inout_ NET_BUFFER_LIST *List, _In_ BOOLEAN DispatchLevel)
{
    UNREFERENCED_PARAMETER(DispatchLevel);
    if (!NT_SUCCESS(List->Status)) {
        InterlockedIncrement(&gLost);
    }
    FreeDatagram(Context);
}

// The bytes of one NET_BUFFER in a list of our own.
_Ret_maybenull_
static DATAGRAM *CopyDatagram(_In_ NET_BUFFER *Buffer, _In_ ULONG ControlDataLength)
{
    ULONG length = NET_BUFFER_DATA_LENGTH(Buffer);
    ULONG controlOffset = ROUND_UP_16(FIELD_OFFSET(DATAGRAM, Data) + length);
    DATAGRAM *datagram;
    UCHAR *bytes;

    datagram = ExAllocatePool2(POOL_FLAG_NON_PAGED, (SIZE_T)controlOffset + ControlDataLength, PROXY_TAG);
    if (datagram == NULL) {
        return NULL;
    }
    datagram->Length = length;
    datagram->ControlData = (UCHAR *)datagram + controlOffset;
    bytes = NdisGetDataBuffer(Buffer, length, datagram->Data, 1, 0);
    if (bytes == NULL) {
        goto Failed;
    }
    if (bytes != datagram->Data) { // it was in one piece, and is where it was
        RtlCopyMemory(datagram->Data, bytes, length);
    }
    datagram->Mdl = IoAllocateMdl(datagram->Data, length, FALSE, FALSE, NULL);
    if (datagram->Mdl == NULL) {
        goto Failed;
    }
    MmBuildMdlForNonPagedPool(datagram->Mdl);
    if (!NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList(gPool, 0, 0, datagram->Mdl, 0, length, &datagram->List))) {
        goto Failed;
    }
    return datagram;

Failed:
    FreeDatagram(datagram);
    return NULL;
}

static BOOLEAN IsInjectedBySelf(_In_ NET_BUFFER_LIST *Packet)
{
    FWPS_PACKET_INJECTION_STATE state = FwpsQueryPacketInjectionState(gInjection, Packet, NULL);

    return state == FWPS_PACKET_INJECTED_BY_SELF || state == FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF;
}

static COMPARTMENT_ID CompartmentOf(_In_ const FWPS_INCOMING_METADATA_VALUES *Metadata)
{
    return FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_COMPARTMENT_ID)
               ? (COMPARTMENT_ID)Metadata->compartmentId
               : UNSPECIFIED_COMPARTMENT_ID;
}

// Replaced by a datagram of ours, or lost: either way this one goes no further, and nobody is told.
static VOID Absorb(_Inout_ FWPS_CLASSIFY_OUT *ClassifyOut, _In_ NTSTATUS Status, _Inout_ LONG *Counter)
{
    ClassifyOut->actionType = FWP_ACTION_BLOCK;
    ClassifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    ClassifyOut->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    InterlockedIncrement(NT_SUCCESS(Status) ? Counter : &gLost);
}

// ---------------------------------------------------------------- who sends through the proxy

static BOOLEAN IsClient(_In_ const SAMPLE_ADDRESS *Local, _In_ UINT16 LocalPort)
{
    KLOCK_QUEUE_HANDLE lock;
    BOOLEAN found = FALSE;
    CLIENT *client;

    KeAcquireInStackQueuedSpinLock(&gClientLock, &lock);
    for (LIST_ENTRY *e = gClients.Flink; e != &gClients && !found; e = e->Flink) {
        client = CONTAINING_RECORD(e, CLIENT, Link);
        found = client->LocalPort == LocalPort && SampleSameAddress(&client->Local, Local);
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return found;
}

static VOID ForgetClient(_In_ _Post_invalid_ CLIENT *Client)
{
    KLOCK_QUEUE_HANDLE lock;

    KeAcquireInStackQueuedSpinLock(&gClientLock, &lock);
    RemoveEntryList(&Client->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    ExFreePoolWithTag(Client, PROXY_TAG);
}

static NTSTATUS RememberClient(
    _In_ const SAMPLE_ADDRESS *Local,
    _In_ UINT16 LocalPort,
    _In_ UINT64 Flow,
    _In_ UINT16 Layer,
    _In_ UINT32 Callout)
{
    KLOCK_QUEUE_HANDLE lock;
    CLIENT *client;
    NTSTATUS status;

    client = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*client), PROXY_TAG);
    if (client == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    client->Local = *Local;
    client->LocalPort = LocalPort;
    KeAcquireInStackQueuedSpinLock(&gClientLock, &lock);
    InsertHeadList(&gClients, &client->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    status = SampleFlowAssociate(&gDriver, &client->Flow, Flow, Layer, Callout);
    if (!NT_SUCCESS(status)) {
        ForgetClient(client);
    }
    // another processor was first with the next datagram of this flow
    return status == STATUS_OBJECT_NAME_EXISTS ? STATUS_SUCCESS : status;
}

static VOID NTAPI FlowDelete(_In_ UINT16 LayerId, _In_ UINT32 CalloutId, _In_ UINT64 FlowContext)
{
    CLIENT *client = (CLIENT *)(ULONG_PTR)FlowContext;

    UNREFERENCED_PARAMETER(LayerId);
    UNREFERENCED_PARAMETER(CalloutId);
    SampleFlowDeleted(&gDriver, &client->Flow);
    ForgetClient(client);
}

// ---------------------------------------------------------------- outbound: to Original

static NTSTATUS SendToProxy(
    _In_ NET_BUFFER *Buffer,
    _In_ const SAMPLE_ADDRESS *Local,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata)
{
    FWPS_TRANSPORT_SEND_PARAMS arguments = {0};
    ULONG controlLength = 0;
    DATAGRAM *datagram;
    UDP_HEADER *header;
    NTSTATUS status;

    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_TRANSPORT_CONTROL_DATA)) {
        controlLength = Metadata->controlDataLength;
    }
    if (NET_BUFFER_DATA_LENGTH(Buffer) < sizeof(UDP_HEADER)) {
        return STATUS_INVALID_PARAMETER;
    }
    datagram = CopyDatagram(Buffer, controlLength);
    if (datagram == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    datagram->Remote = gProxy;
    header = (UDP_HEADER *)datagram->Data;
    header->DestinationPort = RtlUshortByteSwap((UINT16)gProxyPort);
    WriteUdpChecksum(Local, &gProxy, header, datagram->Length);
    arguments.remoteAddress = datagram->Remote.Bytes;
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_REMOTE_SCOPE_ID)) {
        arguments.remoteScopeId = Metadata->remoteScopeId;
    }
    if (controlLength != 0) {
        RtlCopyMemory(datagram->ControlData, Metadata->controlData, controlLength);
        arguments.controlData = (WSACMSGHDR *)datagram->ControlData;
        arguments.controlDataLength = controlLength;
    }
    status = FwpsInjectTransportSendAsync(gInjection, NULL, Metadata->transportEndpointHandle, 0, &arguments,
                                          gProxy.Family, CompartmentOf(Metadata), datagram->List, InjectComplete,
                                          datagram);
    if (!NT_SUCCESS(status)) {
        FreeDatagram(datagram);
    }
    return status;
}

static VOID NTAPI ClassifyOutbound(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const DATAGRAM_FIELDS *fields = FieldsOf(Values);
    UINT16 localPort = Values->incomingValue[fields->LocalPort].value.uint16;
    NTSTATUS status = STATUS_SUCCESS;
    SAMPLE_ADDRESS local;

    UNREFERENCED_PARAMETER(ClassifyContext);

    // a raw socket that writes its own IP header is not our business
    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE) || LayerData == NULL || IsInjectedBySelf(LayerData) ||
        (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_IP_HEADER_SIZE) &&
         Metadata->ipHeaderSize != 0)) {
        ClassifyOut->actionType = FWP_ACTION_CONTINUE;
        return;
    }
    SampleAddressOf(&Values->incomingValue[fields->LocalAddress].value, &local);
    if (FlowContext == 0) {
        status = RememberClient(&local, localPort, Metadata->flowHandle, Values->layerId, Filter->action.calloutId);
    }
    // an outbound list may hold several datagrams
    for (NET_BUFFER *b = NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)LayerData); b != NULL && NT_SUCCESS(status);
         b = NET_BUFFER_NEXT_NB(b)) {
        status = SendToProxy(b, &local, Metadata);
    }
    Absorb(ClassifyOut, status, &gSent);
}

// ---------------------------------------------------------------- inbound: from the proxy

static VOID RewriteSource(_Inout_ DATAGRAM *Datagram, _In_ ULONG IpHeaderSize, _In_ const SAMPLE_ADDRESS *Local)
{
    UDP_HEADER *header = (UDP_HEADER *)(Datagram->Data + IpHeaderSize);
    UINT16 checksum;

    if (gOriginal.Family == AF_INET) {
        RtlCopyMemory(Datagram->Data + 12, gOriginal.Bytes, 4);
        RtlZeroMemory(Datagram->Data + 10, sizeof(checksum));
        checksum = Fold(Sum(0, Datagram->Data, IpHeaderSize));
        RtlCopyMemory(Datagram->Data + 10, &checksum, sizeof(checksum));
    } else {
        RtlCopyMemory(Datagram->Data + 8, gOriginal.Bytes, 16);
    }
    header->SourcePort = RtlUshortByteSwap((UINT16)gOriginalPort);
    WriteUdpChecksum(&gOriginal, Local, header, Datagram->Length - IpHeaderSize);
}

static NTSTATUS ReceiveFromOriginal(
    _In_ NET_BUFFER *Buffer,
    _In_ const SAMPLE_ADDRESS *Local,
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata)
{
    ULONG back = Metadata->ipHeaderSize + Metadata->transportHeaderSize;
    const DATAGRAM_FIELDS *fields = FieldsOf(Values);
    DATAGRAM *datagram;
    NTSTATUS status;

    status = NdisRetreatNetBufferDataStart(Buffer, back, 0, NULL); // to the IP header
    if (status != NDIS_STATUS_SUCCESS) {
        return status;
    }
    datagram = CopyDatagram(Buffer, 0);
    NdisAdvanceNetBufferDataStart(Buffer, back, FALSE, NULL);
    if (datagram == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RewriteSource(datagram, Metadata->ipHeaderSize, Local);
    status = FwpsInjectTransportReceiveAsync(gInjection, NULL, NULL, 0, gOriginal.Family, CompartmentOf(Metadata),
                                             Values->incomingValue[fields->Interface].value.uint32,
                                             Values->incomingValue[fields->SubInterface].value.uint32,
                                             datagram->List, InjectComplete, datagram);
    if (!NT_SUCCESS(status)) {
        FreeDatagram(datagram);
    }
    return status;
}

static VOID NTAPI ClassifyInbound(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const DATAGRAM_FIELDS *fields = FieldsOf(Values);
    SAMPLE_ADDRESS local;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);

    ClassifyOut->actionType = FWP_ACTION_CONTINUE;
    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE) || LayerData == NULL || IsInjectedBySelf(LayerData)) {
        return;
    }
    SampleAddressOf(&Values->incomingValue[fields->LocalAddress].value, &local);
    if (!IsClient(&local, Values->incomingValue[fields->LocalPort].value.uint16)) {
        return;
    }
    // an inbound list holds one datagram
    status = ReceiveFromOriginal(NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)LayerData), &local, Values, Metadata);
    Absorb(ClassifyOut, status, &gAnswered);
}

// ---------------------------------------------------------------- set-up

static FWPM_FILTER_CONDITION gToOriginal[4], gFromProxy[4];

#define CALLOUT(number, layer, classify, flowDelete, conditions, name)                             \
    {{0x9b1f4a02, 0x5d7c, 0x4e4f, {0xa3, 0x61, 0x0c, 0x8e, 0x77, 0x12, 0x40, number}},             \
     &FWPM_LAYER_##layer, name, FWP_ACTION_CALLOUT_UNKNOWN, classify, flowDelete, 0, conditions,   \
     RTL_NUMBER_OF(conditions), FALSE, 0}

static SAMPLE_CALLOUT gCalloutsV4[] = {
    CALLOUT(1, DATAGRAM_DATA_V4, ClassifyOutbound, FlowDelete, gToOriginal, L"datagram_proxy outbound IPv4"),
    CALLOUT(2, DATAGRAM_DATA_V4, ClassifyInbound, NULL, gFromProxy, L"datagram_proxy inbound IPv4"),
};

static SAMPLE_CALLOUT gCalloutsV6[] = {
    CALLOUT(3, DATAGRAM_DATA_V6, ClassifyOutbound, FlowDelete, gToOriginal, L"datagram_proxy outbound IPv6"),
    CALLOUT(4, DATAGRAM_DATA_V6, ClassifyInbound, NULL, gFromProxy, L"datagram_proxy inbound IPv6"),
};

static VOID MakeConditions(
    _In_ SAMPLE_ADDRESS *Remote,
    _In_ ULONG Port,
    _In_ FWP_DIRECTION Direction,
    _Out_writes_(4) FWPM_FILTER_CONDITION *Conditions)
{
    RtlZeroMemory(Conditions, 4 * sizeof(*Conditions));
    SampleAddressCondition(&FWPM_CONDITION_IP_REMOTE_ADDRESS, Remote, &Conditions[0]);
    Conditions[1].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
    Conditions[1].conditionValue.type = FWP_UINT16;
    Conditions[1].conditionValue.uint16 = (UINT16)Port;
    Conditions[2].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    Conditions[2].conditionValue.type = FWP_UINT8;
    Conditions[2].conditionValue.uint8 = PROTOCOL_UDP;
    Conditions[3].fieldKey = FWPM_CONDITION_DIRECTION;
    Conditions[3].conditionValue.type = FWP_UINT32;
    Conditions[3].conditionValue.uint32 = (UINT32)Direction;
}

static NTSTATUS ReadParameters(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    status = SampleReadAddress(Driver, L"OriginalAddress", &gOriginal);
    if (NT_SUCCESS(status)) {
        status = SampleReadAddress(Driver, L"ProxyAddress", &gProxy);
    }
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"OriginalPort", &gOriginalPort);
    }
    gProxyPort = gOriginalPort;
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"ProxyPort", &gProxyPort);
    }
    if (NT_SUCCESS(status) && (gOriginal.Family != gProxy.Family || gOriginalPort - 1 > 0xFFFE ||
                               gProxyPort - 1 > 0xFFFE)) {
        LOG_ERROR("both addresses must be of one family, and ports from 1 to 65535");
        status = STATUS_INVALID_PARAMETER;
    }
    return status;
}

static NTSTATUS MakePool(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {0};

    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.fAllocateNetBuffer = TRUE;
    parameters.PoolTag = PROXY_TAG;
    gPool = NdisAllocateNetBufferListPool(NULL, &parameters);
    return gPool != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static VOID TearDown(void)
{
    SampleStopClassify(&gDriver);
    SampleUnregister(&gDriver);
    if (gInjection != NULL) { // waits until our datagrams are all completed
        FwpsInjectionHandleDestroy(gInjection);
        gInjection = NULL;
    }
    if (gPool != NULL) {
        NdisFreeNetBufferListPool(gPool);
        gPool = NULL;
    }
}

void NTAPI EvtDriverUnload(_In_ WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    TearDown();
    LOG_INFO("to the proxy %d, answers %d, lost %d", (int)gSent, (int)gAnswered, (int)gLost);
}

static NTSTATUS Start(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    MakeConditions(&gOriginal, gOriginalPort, FWP_DIRECTION_OUTBOUND, gToOriginal);
    MakeConditions(&gProxy, gProxyPort, FWP_DIRECTION_INBOUND, gFromProxy);
    gDriver.Callouts = gOriginal.Family == AF_INET ? gCalloutsV4 : gCalloutsV6;
    gDriver.CalloutCount = RTL_NUMBER_OF(gCalloutsV4);
    status = SampleCreateDevice(&gDriver, Driver, NULL);
    if (NT_SUCCESS(status)) {
        status = MakePool();
    }
    if (NT_SUCCESS(status)) {
        status = FwpsInjectionHandleCreate(gOriginal.Family, FWPS_INJECTION_TYPE_TRANSPORT, &gInjection);
    }
    return NT_SUCCESS(status) ? SampleStart(&gDriver) : status;
}

NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    SAMPLE_TEXT original, proxy;
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    NTSTATUS status;

    InitializeListHead(&gClients);
    KeInitializeSpinLock(&gClientLock);

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtDriverUnload;
    config.DriverPoolTag = PROXY_TAG;
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
    LOG_INFO("datagrams for %ws go to %ws", SampleFormat(&gOriginal, (UINT16)gOriginalPort, &original),
             SampleFormat(&gProxy, (UINT16)gProxyPort, &proxy));
    return status;
}
