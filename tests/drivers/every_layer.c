/*
 * A callout at every layer that packets reach, which reads all it is given and answers by what it read:
 * mostly CONTINUE, now and then PERMIT, BLOCK, ABSORB, a clone sent in its place, a request applied as it is,
 * a context on the flow. For the fuzzer, and to see that nothing a layer hands out is wrong.
 */
#include "common.h"
#include <ndis.h>

#define LAYER_LIST(X)                                                                                                  \
    X(INBOUND_IPPACKET_V4) X(INBOUND_IPPACKET_V4_DISCARD) X(INBOUND_IPPACKET_V6) X(INBOUND_IPPACKET_V6_DISCARD)        \
    X(OUTBOUND_IPPACKET_V4) X(OUTBOUND_IPPACKET_V4_DISCARD) X(OUTBOUND_IPPACKET_V6) X(OUTBOUND_IPPACKET_V6_DISCARD)    \
    X(IPFORWARD_V4) X(IPFORWARD_V4_DISCARD) X(IPFORWARD_V6) X(IPFORWARD_V6_DISCARD)                                    \
    X(INBOUND_TRANSPORT_V4) X(INBOUND_TRANSPORT_V4_DISCARD) X(INBOUND_TRANSPORT_V6) X(INBOUND_TRANSPORT_V6_DISCARD)    \
    X(OUTBOUND_TRANSPORT_V4) X(OUTBOUND_TRANSPORT_V4_DISCARD) X(OUTBOUND_TRANSPORT_V6) X(OUTBOUND_TRANSPORT_V6_DISCARD) \
    X(STREAM_V4) X(STREAM_V6) X(DATAGRAM_DATA_V4) X(DATAGRAM_DATA_V4_DISCARD) X(DATAGRAM_DATA_V6)                      \
    X(DATAGRAM_DATA_V6_DISCARD) X(INBOUND_ICMP_ERROR_V4) X(INBOUND_ICMP_ERROR_V4_DISCARD) X(INBOUND_ICMP_ERROR_V6)     \
    X(INBOUND_ICMP_ERROR_V6_DISCARD) X(OUTBOUND_ICMP_ERROR_V4) X(OUTBOUND_ICMP_ERROR_V4_DISCARD)                       \
    X(OUTBOUND_ICMP_ERROR_V6) X(OUTBOUND_ICMP_ERROR_V6_DISCARD) X(ALE_RESOURCE_ASSIGNMENT_V4)                          \
    X(ALE_RESOURCE_ASSIGNMENT_V6) X(ALE_AUTH_LISTEN_V4) X(ALE_AUTH_LISTEN_V6) X(ALE_AUTH_RECV_ACCEPT_V4)               \
    X(ALE_AUTH_RECV_ACCEPT_V4_DISCARD) X(ALE_AUTH_RECV_ACCEPT_V6) X(ALE_AUTH_RECV_ACCEPT_V6_DISCARD)                   \
    X(ALE_AUTH_CONNECT_V4) X(ALE_AUTH_CONNECT_V4_DISCARD) X(ALE_AUTH_CONNECT_V6) X(ALE_AUTH_CONNECT_V6_DISCARD)        \
    X(ALE_FLOW_ESTABLISHED_V4) X(ALE_FLOW_ESTABLISHED_V6) X(INBOUND_MAC_FRAME_ETHERNET)                                \
    X(OUTBOUND_MAC_FRAME_ETHERNET) X(INBOUND_MAC_FRAME_NATIVE) X(OUTBOUND_MAC_FRAME_NATIVE)                            \
    X(ALE_RESOURCE_RELEASE_V4) X(ALE_RESOURCE_RELEASE_V6) X(ALE_ENDPOINT_CLOSURE_V4) X(ALE_ENDPOINT_CLOSURE_V6)        \
    X(ALE_CONNECT_REDIRECT_V4) X(ALE_CONNECT_REDIRECT_V6) X(ALE_BIND_REDIRECT_V4) X(ALE_BIND_REDIRECT_V6)              \
    X(STREAM_PACKET_V4) X(STREAM_PACKET_V6)

enum {
#define X(name) AT_##name,
    LAYER_LIST(X)
#undef X
        LAYERS
};

static LONG Classified[LAYERS], Contexts, Deleted, Sent, Completed, Applied;
static volatile LONG Sum;
static UINT64 volatile Flows[4096]; /* a context is an index + 1 here */
static HANDLE Network4, Network6;

static TEST_CALLOUT Callouts[LAYERS];

static VOID NTAPI FlowDeleted(UINT16 layerId, UINT32 calloutId, UINT64 flowContext)
{
    if (calloutId != Callouts[layerId == FWPS_LAYER_OUTBOUND_TRANSPORT_V4 ? AT_OUTBOUND_TRANSPORT_V4
                                                                           : AT_OUTBOUND_TRANSPORT_V6].Id ||
        flowContext == 0 || flowContext > ARRAYSIZE(Flows) || Flows[flowContext - 1] == 0) {
        Report("every_layer: flowDelete of %llu, layer %u\n", flowContext, layerId);
        return;
    }
    Flows[flowContext - 1] = 0;
    InterlockedIncrement(&Deleted);
}

/* The transport layer's callout gets a context on the flow, while there is room. */
static void Associate(BOOLEAN isV4, UINT64 flow)
{
    static LONG next;
    ULONG slot = (ULONG)InterlockedIncrement(&next) % ARRAYSIZE(Flows);

    if (Flows[slot] != 0) {
        return;
    }
    Flows[slot] = flow;
    if (NT_SUCCESS(FwpsFlowAssociateContext(
            flow, isV4 ? FWPS_LAYER_OUTBOUND_TRANSPORT_V4 : FWPS_LAYER_OUTBOUND_TRANSPORT_V6,
            Callouts[isV4 ? AT_OUTBOUND_TRANSPORT_V4 : AT_OUTBOUND_TRANSPORT_V6].Id, slot + 1))) {
        InterlockedIncrement(&Contexts);
    } else {
        Flows[slot] = 0;
    }
}

static ULONG ReadBytes(const void *bytes, ULONG size)
{
    const UCHAR *p = bytes;
    ULONG sum = size;

    while (size-- > 0) {
        sum = sum * 31 + *p++;
    }
    return sum;
}

static ULONG ReadValue(const FWP_VALUE *value)
{
    switch (value->type) {
    case FWP_EMPTY:
        return 0;
    case FWP_UINT64:
        return (ULONG)*value->uint64;
    case FWP_BYTE_ARRAY16_TYPE:
        return ReadBytes(value->byteArray16, 16);
    case FWP_BYTE_ARRAY6_TYPE:
        return ReadBytes(value->byteArray6, 6);
    case FWP_BYTE_BLOB_TYPE:
    case FWP_TOKEN_ACCESS_INFORMATION_TYPE:
        return ReadBytes(value->byteBlob->data, value->byteBlob->size);
    case FWP_UINT8:
        return value->uint8;
    case FWP_UINT16:
        return value->uint16;
    default:
        return value->uint32;
    }
}

/* Every byte of every buffer, by its MDLs, from the data's start. */
static ULONG ReadList(const NET_BUFFER_LIST *list)
{
    ULONG sum = 0;

    for (; list; list = NET_BUFFER_LIST_NEXT_NBL(list)) {
        NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
        for (; buffer; buffer = NET_BUFFER_NEXT_NB(buffer)) {
            MDL *mdl = NET_BUFFER_CURRENT_MDL(buffer);
            ULONG skip = NET_BUFFER_CURRENT_MDL_OFFSET(buffer), left = NET_BUFFER_DATA_LENGTH(buffer);
            while (mdl && left) {
                ULONG size = MmGetMdlByteCount(mdl) - skip;
                UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
                if (size > left) {
                    size = left;
                }
                if (bytes) {
                    sum += ReadBytes(bytes + skip, size);
                }
                left -= size;
                skip = 0;
                mdl = mdl->Next;
            }
            if (left) {
                Report("every_layer: %u bytes of a buffer have no MDL\n", left);
            }
        }
    }
    return sum;
}

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
    InterlockedIncrement(&Completed);
}

/* A clone goes out in the packet's place. */
static void SendClone(HANDLE handle, NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER_LIST *clone;

    if (FwpsQueryPacketInjectionState(handle, list, NULL) != FWPS_PACKET_NOT_INJECTED ||
        !NT_SUCCESS(FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &clone))) {
        return;
    }
    if (!NT_SUCCESS(FwpsInjectNetworkSendAsync(handle, NULL, 0, UNSPECIFIED_COMPARTMENT_ID, clone, Complete, NULL))) {
        FwpsFreeCloneNetBufferList(clone, 0);
        return;
    }
    InterlockedIncrement(&Sent);
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
}

static void ApplyAsItIs(const void *context, const FWPS_FILTER *filter, FWPS_CLASSIFY_OUT *out)
{
    UINT64 handle;
    PVOID request;

    if (!NT_SUCCESS(FwpsAcquireClassifyHandle((void *)context, 0, &handle))) {
        return;
    }
    if (NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filter->filterId, 0, &request, out))) {
        FwpsApplyModifiedLayerData(handle, request, 0);
        out->actionType = FWP_ACTION_PERMIT;
        out->rights |= FWPS_RIGHT_ACTION_WRITE;
        InterlockedIncrement(&Applied);
    }
    FwpsReleaseClassifyHandle(handle);
}

static void Answer(int layer, ULONG sum, const FWPS_INCOMING_METADATA_VALUES *meta, void *layerData,
                   const void *context, const FWPS_FILTER *filter, FWPS_CLASSIFY_OUT *out)
{
    if (!(out->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    out->actionType = FWP_ACTION_CONTINUE;
    switch (layer) {
    case AT_STREAM_V4:
    case AT_STREAM_V6:
        out->actionType = sum % 61 == 0 ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
        return;
    case AT_OUTBOUND_IPPACKET_V4:
    case AT_OUTBOUND_IPPACKET_V6:
        if (layerData && sum % 53 == 0) {
            SendClone(layer == AT_OUTBOUND_IPPACKET_V4 ? Network4 : Network6, layerData, out);
            return;
        }
        break;
    case AT_ALE_CONNECT_REDIRECT_V4:
    case AT_ALE_CONNECT_REDIRECT_V6:
    case AT_ALE_BIND_REDIRECT_V4:
    case AT_ALE_BIND_REDIRECT_V6:
        if (context && sum % 7 == 0) {
            ApplyAsItIs(context, filter, out);
            return;
        }
        break;
    case AT_ALE_FLOW_ESTABLISHED_V4:
    case AT_ALE_FLOW_ESTABLISHED_V6:
        if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_FLOW_HANDLE) && sum % 3 == 0) {
            Associate(layer == AT_ALE_FLOW_ESTABLISHED_V4, meta->flowHandle);
        }
        return;
    default:
        break;
    }
    switch (sum % 97) {
    case 0:
        out->actionType = FWP_ACTION_BLOCK;
        break;
    case 1:
        out->actionType = FWP_ACTION_PERMIT;
        break;
    case 2:
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
        break;
    default:
        break;
    }
}

static void Look(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                 void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                 FWPS_CLASSIFY_OUT *out)
{
    ULONG sum = (ULONG)flowContext + (ULONG)layer, back = 0, i;

    InterlockedIncrement(&Classified[layer]);
    for (i = 0; i < values->valueCount; i++) {
        sum = sum * 31 + ReadValue(&values->incomingValue[i].value);
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_PROCESS_PATH)) {
        sum += ReadBytes(meta->processPath->data, meta->processPath->size);
    }
    if (layer == AT_STREAM_V4 || layer == AT_STREAM_V6) {
        FWPS_STREAM_CALLOUT_IO_PACKET *packet = layerData;
        if (packet && packet->streamData) {
            sum += ReadList(packet->streamData->netBufferListChain) + (ULONG)packet->streamData->dataLength;
        }
    } else if (layer >= AT_ALE_CONNECT_REDIRECT_V4 && layer <= AT_ALE_BIND_REDIRECT_V6) {
        sum += layerData ? ReadBytes(layerData, sizeof(FWPS_BIND_REQUEST)) : 0;
    } else if (layerData) {
        NET_BUFFER *first = NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)layerData);
        sum += ReadList(layerData);
        if (layer == AT_INBOUND_TRANSPORT_V4 || layer == AT_INBOUND_TRANSPORT_V6) {
            back = meta->ipHeaderSize + meta->transportHeaderSize;
        } else if (layer == AT_INBOUND_IPPACKET_V4 || layer == AT_INBOUND_IPPACKET_V6) {
            back = meta->ipHeaderSize;
        }
        if (back && NdisRetreatNetBufferDataStart(first, back, 0, NULL) == NDIS_STATUS_SUCCESS) {
            sum += ReadList(layerData);
            NdisAdvanceNetBufferDataStart(first, back, FALSE, NULL);
        }
    }
    InterlockedAdd(&Sum, (LONG)sum);
    Answer(layer, sum, meta, layerData, context, filter, out);
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
    {{0x6f70656e, 0x7766, 0x7009, {0x80, AT_##name}}, &FWPM_LAYER_##name, FWP_ACTION_CALLOUT_UNKNOWN, At_##name,       \
     FlowDeleted, 0},
    LAYER_LIST(X)
#undef X
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    LONG total = 0, met = 0;
    int i;

    UNREFERENCED_PARAMETER(driver);
    for (i = 0; i < (int)ARRAYSIZE(Flows); i++) {
        UINT64 flow = Flows[i];
        if (flow != 0 && !NT_SUCCESS(FwpsFlowRemoveContext(flow, FWPS_LAYER_OUTBOUND_TRANSPORT_V4,
                                                           Callouts[AT_OUTBOUND_TRANSPORT_V4].Id))) {
            FwpsFlowRemoveContext(flow, FWPS_LAYER_OUTBOUND_TRANSPORT_V6, Callouts[AT_OUTBOUND_TRANSPORT_V6].Id);
        }
    }
    TestStop(Callouts, LAYERS);
    FwpsInjectionHandleDestroy(Network4);
    FwpsInjectionHandleDestroy(Network6);
    for (i = 0; i < LAYERS; i++) {
        total += Classified[i];
        met += Classified[i] != 0;
    }
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL,
               "every_layer: %d classifies at %d of %d layers, contexts %d, deleted %d, sent %d, completed %d, applied %d\n",
               total, met, LAYERS, Contexts, Deleted, Sent, Completed, Applied);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_NETWORK, &Network4);
    if (NT_SUCCESS(status)) {
        status = FwpsInjectionHandleCreate(AF_INET6, FWPS_INJECTION_TYPE_NETWORK, &Network6);
    }
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, LAYERS);
    }
    return status;
}
