/*
 * Does everything that a callout may do to traffic, by what it reads: pends and completes, at once or many
 * packets later, sends clones in a packet's place by each way there is, keeps references, writes in place,
 * redirects; in streams it wants more, defers, drops, allows, cuts, blocks and injects its own or clones, now
 * or later. Within the rules: but for what it writes in place there is nothing to find. For the fuzzer.
 */
#define SUBLAYER 2
#include "common.h"
#include <ndis.h>
#include <ws2def.h>
#include <mstcpip.h>

#define ALE_LIST(X)                                                                                                    \
    X(ALE_AUTH_CONNECT_V4) X(ALE_AUTH_CONNECT_V6) X(ALE_AUTH_RECV_ACCEPT_V4) X(ALE_AUTH_RECV_ACCEPT_V6)                \
    X(ALE_AUTH_LISTEN_V4) X(ALE_AUTH_LISTEN_V6) X(ALE_RESOURCE_ASSIGNMENT_V4) X(ALE_RESOURCE_ASSIGNMENT_V6)
#define CLASSIFY_LIST(X)                                                                                               \
    X(ALE_CONNECT_REDIRECT_V4) X(ALE_CONNECT_REDIRECT_V6) X(ALE_BIND_REDIRECT_V4) X(ALE_BIND_REDIRECT_V6)              \
    X(ALE_ENDPOINT_CLOSURE_V4) X(ALE_ENDPOINT_CLOSURE_V6)
#define PACKET_LIST(X)                                                                                                 \
    X(INBOUND_IPPACKET_V4) X(INBOUND_IPPACKET_V6) X(OUTBOUND_IPPACKET_V4) X(OUTBOUND_IPPACKET_V6)                      \
    X(INBOUND_TRANSPORT_V4) X(INBOUND_TRANSPORT_V6) X(OUTBOUND_TRANSPORT_V4) X(OUTBOUND_TRANSPORT_V6)                  \
    X(DATAGRAM_DATA_V4) X(DATAGRAM_DATA_V6) X(IPFORWARD_V4) X(IPFORWARD_V6) X(INBOUND_MAC_FRAME_ETHERNET)              \
    X(OUTBOUND_MAC_FRAME_ETHERNET)
#define STREAM_LIST(X) X(STREAM_V4) X(STREAM_V6)
#define LAYER_LIST(X)  ALE_LIST(X) CLASSIFY_LIST(X) PACKET_LIST(X) STREAM_LIST(X)

enum {
#define X(name) AT_##name,
    LAYER_LIST(X)
#undef X
        LAYERS
};

#define TAG    'lddM'
#define WAIT   32 /* of each kind, at most */
#define TEXT   3000
#define DETAIL 4  /* of a hundred, that something is done */

static TEST_CALLOUT Callouts[LAYERS];
static HANDLE Network[2], Transport[2], Forward[2], Stream, Redirect; /* v4, v6 */
static NDIS_HANDLE Pool;
static UCHAR Text[TEXT];
static ULONG Random = 1, Depth;
static LONG Pended, PendedClassify, Sent, Completed, StreamSent, StreamCompleted, Deferred, Wanted, Dropped, Changed;

static HANDLE Operations[WAIT];
static ULONG OperationCount;

static struct { UINT64 Handle; FWPS_CLASSIFY_OUT Out; } Classifies[WAIT];
static ULONG ClassifyCount;

static NET_BUFFER_LIST *References[WAIT];
static ULONG ReferenceCount;

typedef struct _LATER {
    UINT64 Flow;
    UINT16 Layer;
    UINT32 Callout, Flags;
    NET_BUFFER_LIST *Chain;
    SIZE_T Length;
} LATER;
static LATER Streams[WAIT], Deferrals[WAIT];
static ULONG StreamCount, DeferralCount;

static ULONG Roll(ULONG limit)
{
    Random ^= Random << 13;
    Random ^= Random >> 17;
    Random ^= Random << 5;
    return Random % limit;
}

static BOOLEAN Chance(void)
{
    return Roll(100) < DETAIL;
}

/* What is done from now on depends on this packet. */
static void Seed(const FWPS_INCOMING_VALUES *values)
{
    ULONG i;

    for (i = 0; i < values->valueCount; i++) {
        const FWP_VALUE *value = &values->incomingValue[i].value;
        Random = Random * 31 + (value->type == FWP_UINT8    ? value->uint8
                                : value->type == FWP_UINT16 ? value->uint16
                                : value->type == FWP_UINT32 ? value->uint32
                                                            : 0);
    }
    Random |= 1;
}

static BOOLEAN IsV6(int layer)
{
    return layer >= AT_INBOUND_MAC_FRAME_ETHERNET && layer <= AT_OUTBOUND_MAC_FRAME_ETHERNET ? FALSE : layer % 2;
}

/* ---- packets ---- */

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
    InterlockedIncrement(&Completed);
}

static NTSTATUS Inject(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                       NET_BUFFER_LIST *clone)
{
    BOOLEAN isV6 = IsV6(layer);
    ADDRESS_FAMILY family = isV6 ? AF_INET6 : AF_INET;
    FWPS_TRANSPORT_SEND_PARAMS args = {0};
    ULONG remote;

    switch (layer) {
    case AT_INBOUND_IPPACKET_V4:
    case AT_INBOUND_IPPACKET_V6:
        return FwpsInjectNetworkReceiveAsync(Network[isV6], NULL, 0, UNSPECIFIED_COMPARTMENT_ID, 1, 0, clone, Complete,
                                             NULL);
    case AT_OUTBOUND_IPPACKET_V4:
    case AT_OUTBOUND_IPPACKET_V6:
        return FwpsInjectNetworkSendAsync(Network[isV6], NULL, 0, UNSPECIFIED_COMPARTMENT_ID, clone, Complete, NULL);
    case AT_INBOUND_TRANSPORT_V4:
    case AT_INBOUND_TRANSPORT_V6:
        return FwpsInjectTransportReceiveAsync(Transport[isV6], NULL, NULL, 0, family, UNSPECIFIED_COMPARTMENT_ID, 1, 0,
                                               clone, Complete, NULL);
    case AT_OUTBOUND_TRANSPORT_V4:
        remote = RtlUlongByteSwap(
            values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32);
        args.remoteAddress = (UCHAR *)&remote;
        break;
    case AT_OUTBOUND_TRANSPORT_V6:
        args.remoteAddress =
            values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V6_IP_REMOTE_ADDRESS].value.byteArray16->byteArray16;
        break;
    case AT_IPFORWARD_V4:
    case AT_IPFORWARD_V6:
        return FwpsInjectForwardAsync(Forward[isV6], NULL, 0, family, UNSPECIFIED_COMPARTMENT_ID, 2, clone, Complete,
                                      NULL);
    default:
        return STATUS_NOT_SUPPORTED;
    }
    return FwpsInjectTransportSendAsync(Transport[isV6], NULL, meta->transportEndpointHandle, 0, &args, family,
                                        UNSPECIFIED_COMPARTMENT_ID, clone, Complete, NULL);
}

static BOOLEAN IsMine(NET_BUFFER_LIST *list)
{
    HANDLE all[] = {Network[0], Network[1], Transport[0], Transport[1], Forward[0], Forward[1]};
    ULONG i;

    for (i = 0; i < ARRAYSIZE(all); i++) {
        FWPS_PACKET_INJECTION_STATE state = FwpsQueryPacketInjectionState(all[i], list, NULL);
        if (state == FWPS_PACKET_INJECTED_BY_SELF || state == FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF) {
            return TRUE;
        }
    }
    return FALSE;
}

/* A clone from the IP header on, where the layer's data begin behind it, goes on instead. */
static void Replace(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                    NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
    NET_BUFFER_LIST *clone = NULL;
    ULONG back = 0, length;
    UCHAR *bytes;

    if (IsMine(list)) {
        return;
    }
    if (layer == AT_INBOUND_TRANSPORT_V4 || layer == AT_INBOUND_TRANSPORT_V6) {
        back = meta->ipHeaderSize + meta->transportHeaderSize;
    } else if (layer == AT_INBOUND_IPPACKET_V4 || layer == AT_INBOUND_IPPACKET_V6) {
        back = meta->ipHeaderSize;
    }
    if (NdisRetreatNetBufferDataStart(buffer, back, 0, NULL) == NDIS_STATUS_SUCCESS) {
        if (!NT_SUCCESS(FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &clone))) {
            clone = NULL;
        }
        NdisAdvanceNetBufferDataStart(buffer, back, FALSE, NULL);
    }
    if (clone == NULL) {
        return;
    }
    buffer = NET_BUFFER_LIST_FIRST_NB(clone);
    length = NET_BUFFER_DATA_LENGTH(buffer);
    bytes = Roll(2) ? NdisGetDataBuffer(buffer, length, NULL, 1, 0) : NULL;
    if (bytes != NULL && length > 48) {
        bytes[length - 1] ^= 1;
    }
    if (!NT_SUCCESS(Inject(layer, values, meta, clone))) {
        FwpsFreeCloneNetBufferList(clone, 0);
        if (bytes == NULL) {
            return;
        }
    } else {
        InterlockedIncrement(&Sent);
    }
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
}

static void WriteInPlace(NET_BUFFER_LIST *list)
{
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
    ULONG length = NET_BUFFER_DATA_LENGTH(buffer);
    UCHAR *bytes = length ? NdisGetDataBuffer(buffer, length, NULL, 1, 0) : NULL;

    if (bytes != NULL) {
        bytes[Roll(length)] = (UCHAR)Roll(256);
        InterlockedIncrement(&Changed);
    }
}

static void Packet(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                   NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    if (list == NULL) {
        return;
    }
    switch (Roll(4)) {
    case 0:
        WriteInPlace(list);
        break;
    case 1:
        if (ReferenceCount < WAIT) {
            FwpsReferenceNetBufferList(list, Roll(2) == 0);
            References[ReferenceCount++] = list;
        }
        break;
    default:
        Replace(layer, values, meta, list, out);
    }
}

/* ---- pending ---- */

static void Authorization(const FWPS_INCOMING_METADATA_VALUES *meta, FWPS_CLASSIFY_OUT *out)
{
    if (!FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_COMPLETION_HANDLE) || OperationCount == WAIT ||
        !NT_SUCCESS(FwpsPendOperation(meta->completionHandle, &Operations[OperationCount]))) {
        return;
    }
    OperationCount++;
    InterlockedIncrement(&Pended);
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
}

static void Change(int layer, PVOID data)
{
    if (layer <= AT_ALE_CONNECT_REDIRECT_V6) {
        FWPS_CONNECT_REQUEST *request = data;
        INETADDR_SET_PORT((PSOCKADDR)&request->remoteAddressAndPort, (USHORT)Roll(65536));
        request->localRedirectTargetPID = 4; /* it may be this machine */
        request->localRedirectHandle = Redirect;
    } else {
        FWPS_BIND_REQUEST *request = data;
        INETADDR_SET_PORT((PSOCKADDR)&request->localAddressAndPort, (USHORT)Roll(65536));
    }
}

static void PendOrChange(int layer, const void *context, const FWPS_FILTER *filter, FWPS_CLASSIFY_OUT *out)
{
    BOOLEAN isClosure = layer >= AT_ALE_ENDPOINT_CLOSURE_V4;
    UINT64 handle;
    PVOID data;

    if (context == NULL || !NT_SUCCESS(FwpsAcquireClassifyHandle((void *)context, 0, &handle))) {
        return;
    }
    if (ClassifyCount < WAIT && Roll(2) && NT_SUCCESS(FwpsPendClassify(handle, filter->filterId, 0, out))) {
        Classifies[ClassifyCount].Handle = handle;
        Classifies[ClassifyCount++].Out = *out;
        InterlockedIncrement(&PendedClassify);
        return;
    }
    if (!isClosure && NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filter->filterId, 0, &data, out))) {
        if (Roll(2)) {
            Change(layer, data);
        }
        FwpsApplyModifiedLayerData(handle, data, 0);
        out->actionType = FWP_ACTION_PERMIT;
        out->rights |= FWPS_RIGHT_ACTION_WRITE;
    }
    FwpsReleaseClassifyHandle(handle);
}

/* ---- streams ---- */

static void StreamComplete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(dispatchLevel);
    if (context != NULL) {
        FwpsFreeNetBufferList(list);
        NdisFreeMdl(context);
    } else {
        FwpsFreeCloneNetBufferList(list, 0);
    }
    InterlockedIncrement(&StreamCompleted);
}

static NTSTATUS SendStream(const LATER *what, MDL *mdl)
{
    NTSTATUS status = FwpsStreamInjectAsync(Stream, NULL, 0, what->Flow, what->Callout, what->Layer, what->Flags,
                                            what->Chain, what->Length, StreamComplete, mdl);
    if (NT_SUCCESS(status)) {
        InterlockedIncrement(&StreamSent);
    }
    return status;
}

static void SendText(LATER what)
{
    MDL *mdl;

    what.Length = 1 + Roll(TEXT);
    mdl = NdisAllocateMdl(NULL, Text, (UINT)what.Length);
    if (mdl == NULL) {
        return;
    }
    if (NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList(Pool, 0, 0, mdl, 0, what.Length, &what.Chain))) {
        if (NT_SUCCESS(SendStream(&what, mdl))) {
            return;
        }
        FwpsFreeNetBufferList(what.Chain);
    }
    NdisFreeMdl(mdl);
}

/* Blocked here, it goes on from a clone, now or some packets later. */
static void SendCloneOf(FWPS_STREAM_DATA *data, LATER what, FWPS_CLASSIFY_OUT *out)
{
    if (StreamCount == WAIT || !NT_SUCCESS(FwpsCloneStreamData(data, NULL, NULL, 0, &what.Chain))) {
        return;
    }
    what.Length = data->dataLength;
    out->actionType = FWP_ACTION_BLOCK;
    if (Roll(2)) {
        Streams[StreamCount++] = what;
    } else if (!NT_SUCCESS(SendStream(&what, NULL))) {
        FwpsDiscardClonedStreamData(what.Chain, 0, FALSE);
    }
}

static void StreamData(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                       FWPS_STREAM_CALLOUT_IO_PACKET *packet, const FWPS_FILTER *filter, FWPS_CLASSIFY_OUT *out)
{
    FWPS_STREAM_DATA *data = packet->streamData;
    BOOLEAN isLast = (out->flags & (FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA |
                                    FWPS_CLASSIFY_OUT_FLAG_BUFFER_LIMIT_REACHED)) != 0;
    LATER what = {meta->flowHandle, values->layerId, filter->action.calloutId, data->flags, NULL, 0};

    out->actionType = FWP_ACTION_PERMIT;
    if (data->flags & (FWPS_STREAM_FLAG_RECEIVE_ABORT | FWPS_STREAM_FLAG_SEND_ABORT)) {
        return;
    }
    packet->countBytesEnforced = Roll(3) == 0 && data->dataLength ? 1 + Roll((ULONG)data->dataLength) : 0;
    switch (Roll(14)) {
    case 0:
    case 1:
        if (!isLast) {
            packet->streamAction = FWPS_STREAM_ACTION_NEED_MORE_DATA;
            packet->countBytesRequired = 1 + (Roll(3) ? Roll(3000) : (UINT32)data->dataLength + Roll(20));
            out->actionType = FWP_ACTION_NONE;
            InterlockedIncrement(&Wanted);
        }
        break;
    case 2:
        if ((data->flags & FWPS_STREAM_FLAG_RECEIVE) && DeferralCount < WAIT) {
            packet->streamAction = FWPS_STREAM_ACTION_DEFER;
            out->actionType = FWP_ACTION_NONE;
            Deferrals[DeferralCount++] = what;
            InterlockedIncrement(&Deferred);
        }
        break;
    case 3:
        if (Roll(10) == 0) {
            packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
            InterlockedIncrement(&Dropped);
        }
        break;
    case 4:
        if (Roll(10) == 0) {
            packet->streamAction = FWPS_STREAM_ACTION_ALLOW_CONNECTION;
        }
        break;
    case 5:
        what.Flags &= FWPS_STREAM_FLAG_RECEIVE | FWPS_STREAM_FLAG_SEND;
        SendText(what);
        break;
    case 6:
    case 7:
        packet->countBytesEnforced = 0;
        SendCloneOf(data, what, out);
        break;
    case 8:
        out->actionType = FWP_ACTION_BLOCK;
        break;
    case 9:
        if (data->dataLength) {
            WriteInPlace(data->netBufferListChain);
        }
        break;
    default:
        break;
    }
}

/* ---- later ---- */

/* Something that waits, from outside of the classify it began in. */
static void DoLater(BOOLEAN all)
{
    if (ReferenceCount && (all || Roll(4) == 0)) {
        FwpsDereferenceNetBufferList(References[--ReferenceCount], TRUE);
    }
    if (StreamCount && (all || Roll(4) == 0)) {
        LATER what = Streams[0];
        RtlMoveMemory(Streams, Streams + 1, --StreamCount * sizeof(*Streams));
        if (!NT_SUCCESS(SendStream(&what, NULL))) {
            FwpsDiscardClonedStreamData(what.Chain, 0, FALSE);
        }
    }
    if (DeferralCount && (all || Roll(4) == 0)) {
        LATER what = Deferrals[--DeferralCount];
        FwpsStreamContinue(what.Flow, what.Callout, what.Layer, what.Flags);
    }
    if (ClassifyCount && (all || Roll(4) == 0)) {
        UINT64 handle = Classifies[--ClassifyCount].Handle;
        FWPS_CLASSIFY_OUT out = Classifies[ClassifyCount].Out;
        out.actionType = Roll(4) ? FWP_ACTION_PERMIT : FWP_ACTION_BLOCK;
        FwpsCompleteClassify(handle, 0, Roll(3) ? &out : NULL);
        FwpsReleaseClassifyHandle(handle);
    }
    if (OperationCount && (all || Roll(4) == 0)) {
        FwpsCompleteOperation(Operations[--OperationCount], NULL);
    }
}

static void Look(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                 void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                 FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(flowContext);
    Seed(values);
    if (layer >= AT_STREAM_V4) {
        StreamData(values, meta, layerData, filter, out);
        return;
    }
    if (!(out->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    out->actionType = FWP_ACTION_CONTINUE;
    if (Depth == 0 && layer >= AT_INBOUND_IPPACKET_V4) {
        Depth++;
        DoLater(FALSE);
        Depth--;
    }
    if (!Chance() && !(layer < AT_INBOUND_IPPACKET_V4 && Chance())) {
        return;
    }
    if (layer < AT_ALE_CONNECT_REDIRECT_V4) {
        Authorization(meta, out);
    } else if (layer < AT_INBOUND_IPPACKET_V4) {
        PendOrChange(layer, context, filter, out);
    } else {
        Packet(layer, values, meta, layerData, out);
    }
}

#define X(name)                                                                                                        \
    static VOID NTAPI At_##name(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,         \
                                void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,   \
                                FWPS_CLASSIFY_OUT *out)                                                                \
    {                                                                                                                  \
        Look(AT_##name, values, meta, layerData, context, filter, flowContext, out);                                   \
    }
LAYER_LIST(X)
#undef X

static TEST_CALLOUT Callouts[LAYERS] = {
#define X(name)                                                                                                        \
    {{0x6f70656e, 0x7766, 0x700a, {0x80, AT_##name}}, &FWPM_LAYER_##name, FWP_ACTION_CALLOUT_UNKNOWN, At_##name, NULL, \
     0},
    LAYER_LIST(X)
#undef X
};

static void Close(void)
{
    ULONG i;

    for (i = 0; i < 2; i++) {
        HANDLE handles[] = {Network[i], Transport[i], Forward[i]};
        ULONG j;
        for (j = 0; j < ARRAYSIZE(handles); j++) {
            if (handles[j] != NULL) {
                FwpsInjectionHandleDestroy(handles[j]);
            }
        }
    }
    if (Stream != NULL) {
        FwpsInjectionHandleDestroy(Stream);
    }
    if (Redirect != NULL) {
        FwpsRedirectHandleDestroy(Redirect);
    }
    if (Pool != NULL) {
        NdisFreeNetBufferListPool(Pool);
    }
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    ULONG i;

    UNREFERENCED_PARAMETER(driver);
    Depth = 1; /* what completes is classified: without more of it */
    for (i = 0; i < 8 * WAIT && (ReferenceCount || StreamCount || DeferralCount || ClassifyCount || OperationCount); i++) {
        DoLater(TRUE);
    }
    TestStop(Callouts, LAYERS);
    Close();
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL,
               "meddler: pended %d and %d classifies, sent %d, completed %d, to streams %d, completed %d, deferred %d, "
               "wanted %d, dropped %d, changed %d\n",
               Pended, PendedClassify, Sent, Completed, StreamSent, StreamCompleted, Deferred, Wanted, Dropped,
               Changed);
}

static NTSTATUS Open(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {0};
    NTSTATUS status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < 2 && NT_SUCCESS(status); i++) {
        ADDRESS_FAMILY family = i ? AF_INET6 : AF_INET;
        status = FwpsInjectionHandleCreate(family, FWPS_INJECTION_TYPE_NETWORK, &Network[i]);
        if (NT_SUCCESS(status)) {
            status = FwpsInjectionHandleCreate(family, FWPS_INJECTION_TYPE_TRANSPORT, &Transport[i]);
        }
        if (NT_SUCCESS(status)) {
            status = FwpsInjectionHandleCreate(family, FWPS_INJECTION_TYPE_FORWARD, &Forward[i]);
        }
    }
    if (NT_SUCCESS(status)) {
        status = FwpsInjectionHandleCreate(AF_UNSPEC, FWPS_INJECTION_TYPE_STREAM, &Stream);
    }
    if (NT_SUCCESS(status)) {
        status = FwpsRedirectHandleCreate(&TEST_SUBLAYER, 0, &Redirect);
    }
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.fAllocateNetBuffer = TRUE;
    parameters.PoolTag = TAG;
    Pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    return NT_SUCCESS(status) && Pool == NULL ? STATUS_INSUFFICIENT_RESOURCES : status;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status = Open();

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, LAYERS);
    }
    if (!NT_SUCCESS(status)) {
        Close();
    }
    return status;
}
