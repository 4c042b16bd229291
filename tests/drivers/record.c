/*
 * Writes down what it is shown: every field, the metadata and where the data begin, the first times at
 * each layer. A packet whose remote address ends in a layer's number is blocked at that layer, so that
 * the _DISCARD layers are met, too.
 *
 *   F layer field type value   M layer flag value   D layer length bytes (of the data)   L layer (the end)
 */
#include "common.h"
#include <ndis.h>

#define TIMES 2 /* indications written at each layer */
#define LAYER_COUNT 90

#define EACH_LAYER(X)                                                                                                 \
    X(INBOUND_IPPACKET_V4) X(INBOUND_IPPACKET_V4_DISCARD) X(INBOUND_IPPACKET_V6) X(INBOUND_IPPACKET_V6_DISCARD)       \
    X(OUTBOUND_IPPACKET_V4) X(OUTBOUND_IPPACKET_V4_DISCARD) X(OUTBOUND_IPPACKET_V6) X(OUTBOUND_IPPACKET_V6_DISCARD)   \
    X(IPFORWARD_V4) X(IPFORWARD_V4_DISCARD) X(IPFORWARD_V6) X(IPFORWARD_V6_DISCARD)                                   \
    X(INBOUND_TRANSPORT_V4) X(INBOUND_TRANSPORT_V4_DISCARD) X(INBOUND_TRANSPORT_V6) X(INBOUND_TRANSPORT_V6_DISCARD)   \
    X(OUTBOUND_TRANSPORT_V4) X(OUTBOUND_TRANSPORT_V4_DISCARD) X(OUTBOUND_TRANSPORT_V6)                                \
    X(OUTBOUND_TRANSPORT_V6_DISCARD) X(DATAGRAM_DATA_V4) X(DATAGRAM_DATA_V4_DISCARD) X(DATAGRAM_DATA_V6)              \
    X(DATAGRAM_DATA_V6_DISCARD) X(INBOUND_ICMP_ERROR_V4) X(INBOUND_ICMP_ERROR_V4_DISCARD) X(INBOUND_ICMP_ERROR_V6)    \
    X(INBOUND_ICMP_ERROR_V6_DISCARD) X(OUTBOUND_ICMP_ERROR_V4) X(OUTBOUND_ICMP_ERROR_V4_DISCARD)                      \
    X(OUTBOUND_ICMP_ERROR_V6) X(OUTBOUND_ICMP_ERROR_V6_DISCARD) X(ALE_RESOURCE_ASSIGNMENT_V4)                         \
    X(ALE_RESOURCE_ASSIGNMENT_V4_DISCARD) X(ALE_RESOURCE_ASSIGNMENT_V6) X(ALE_RESOURCE_ASSIGNMENT_V6_DISCARD)         \
    X(ALE_AUTH_LISTEN_V4) X(ALE_AUTH_LISTEN_V4_DISCARD) X(ALE_AUTH_LISTEN_V6) X(ALE_AUTH_LISTEN_V6_DISCARD)           \
    X(ALE_AUTH_RECV_ACCEPT_V4) X(ALE_AUTH_RECV_ACCEPT_V4_DISCARD) X(ALE_AUTH_RECV_ACCEPT_V6)                          \
    X(ALE_AUTH_RECV_ACCEPT_V6_DISCARD) X(ALE_AUTH_CONNECT_V4) X(ALE_AUTH_CONNECT_V4_DISCARD) X(ALE_AUTH_CONNECT_V6)   \
    X(ALE_AUTH_CONNECT_V6_DISCARD) X(ALE_FLOW_ESTABLISHED_V4) X(ALE_FLOW_ESTABLISHED_V4_DISCARD)                      \
    X(ALE_FLOW_ESTABLISHED_V6) X(ALE_FLOW_ESTABLISHED_V6_DISCARD) X(INBOUND_MAC_FRAME_ETHERNET)                       \
    X(OUTBOUND_MAC_FRAME_ETHERNET) X(INBOUND_MAC_FRAME_NATIVE) X(OUTBOUND_MAC_FRAME_NATIVE)                           \
    X(ALE_RESOURCE_RELEASE_V4) X(ALE_RESOURCE_RELEASE_V6) X(ALE_ENDPOINT_CLOSURE_V4) X(ALE_ENDPOINT_CLOSURE_V6)       \
    X(ALE_CONNECT_REDIRECT_V4) X(ALE_CONNECT_REDIRECT_V6) X(ALE_BIND_REDIRECT_V4) X(ALE_BIND_REDIRECT_V6)

static LONG Seen[LAYER_COUNT];

static void WriteBytes(char *text, const UCHAR *bytes, ULONG count)
{
    static const char digits[] = "0123456789abcdef";
    ULONG i;

    for (i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = 0;
}

static void WriteValue(UINT16 layer, ULONG field, const FWP_VALUE *value)
{
    char text[40] = "-";

    switch (value->type) {
    case FWP_UINT8:
        Report("F %u %u %u %u\n", layer, field, value->type, value->uint8);
        return;
    case FWP_UINT16:
        Report("F %u %u %u %u\n", layer, field, value->type, value->uint16);
        return;
    case FWP_UINT32:
        Report("F %u %u %u %u\n", layer, field, value->type, value->uint32);
        return;
    case FWP_UINT64:
        Report("F %u %u %u %llu\n", layer, field, value->type, *value->uint64);
        return;
    case FWP_BYTE_ARRAY6_TYPE:
        WriteBytes(text, value->byteArray6->byteArray6, 6);
        break;
    case FWP_BYTE_ARRAY16_TYPE:
        WriteBytes(text, value->byteArray16->byteArray16, 16);
        break;
    default:
        break;
    }
    Report("F %u %u %u %s\n", layer, field, value->type, text);
}

#define WRITE(flag, form, member)                                                                                     \
    if (FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_##flag)) {                                       \
        Report("M %u " #flag " " form "\n", layer, member);                                                           \
    }
#define IS_THERE(member) ((member) ? "there" : "NOT THERE")

static void WriteMetadata(UINT16 layer, const FWPS_INCOMING_METADATA_VALUES *metadata)
{
    WRITE(DISCARD_REASON, "%s", metadata->discardMetadata.discardModule == FWPS_DISCARD_MODULE_GENERAL &&
                                        metadata->discardMetadata.discardReason == FWPS_DISCARD_FIREWALL_POLICY &&
                                        metadata->discardMetadata.filterId
                                    ? "policy"
                                    : "?");
    WRITE(FLOW_HANDLE, "%s", IS_THERE(metadata->flowHandle));
    WRITE(IP_HEADER_SIZE, "%u", metadata->ipHeaderSize);
    WRITE(PROCESS_PATH, "%s", IS_THERE(metadata->processPath));
    WRITE(TOKEN, "%s", IS_THERE(metadata->token));
    WRITE(PROCESS_ID, "%llu", metadata->processId);
    WRITE(TRANSPORT_HEADER_SIZE, "%u", metadata->transportHeaderSize);
    WRITE(COMPARTMENT_ID, "%u", metadata->compartmentId);
    WRITE(FRAGMENT_DATA, "%u", metadata->fragmentMetadata.fragmentOffset);
    WRITE(PATH_MTU, "%u", metadata->pathMtu);
    WRITE(COMPLETION_HANDLE, "%s", IS_THERE(metadata->completionHandle));
    WRITE(TRANSPORT_ENDPOINT_HANDLE, "%s", IS_THERE(metadata->transportEndpointHandle));
    WRITE(TRANSPORT_CONTROL_DATA, "%u", metadata->controlDataLength);
    WRITE(REMOTE_SCOPE_ID, "%u", metadata->remoteScopeId.Value);
    WRITE(PACKET_DIRECTION, "%u", metadata->packetDirection);
    WRITE(ALE_CLASSIFY_REQUIRED, "%s", "set");
    WRITE(PARENT_ENDPOINT_HANDLE, "%s", IS_THERE(metadata->parentEndpointHandle));
    WRITE(ICMP_ID_AND_SEQUENCE, "%u", metadata->icmpIdAndSequence);
    WRITE(ORIGINAL_DESTINATION, "%s", IS_THERE(metadata->originalDestination));
    WRITE(REDIRECT_RECORD_HANDLE, "%s", IS_THERE(metadata->redirectRecords));
    if (metadata->currentL2MetadataValues & FWPS_L2_METADATA_FIELD_ETHERNET_MAC_HEADER_SIZE) {
        Report("M %u ETHERNET_MAC_HEADER_SIZE %u\n", layer, metadata->ethernetMacHeaderSize);
    }
}

static void WriteData(UINT16 layer, NET_BUFFER_LIST *list)
{
    UCHAR storage[8];
    char text[20] = "";
    NET_BUFFER *buffer;
    ULONG length;
    const UCHAR *bytes;

    if (!list) {
        Report("D %u none\n", layer);
        return;
    }
    buffer = NET_BUFFER_LIST_FIRST_NB(list);
    length = NET_BUFFER_DATA_LENGTH(buffer);
    bytes = length ? NdisGetDataBuffer(buffer, length < 8 ? length : 8, storage, 1, 0) : NULL;
    if (bytes) {
        WriteBytes(text, bytes, length < 8 ? length : 8);
    }
    Report("D %u %u %s\n", layer, length, text);
}

/* The layer that the packet's remote (or destination) address ends in, where the layer has one. */
static BOOLEAN IsBlocked(const FWPS_INCOMING_VALUES *values)
{
    const FWPS_INCOMING_VALUE *value = values->incomingValue;
    UINT16 layer = values->layerId;
    ULONG i;

    for (i = 0; i < values->valueCount; i++) {
        if (value[i].value.type == FWP_UINT16 && value[i].value.uint16 == 7000 + layer) {
            return TRUE; /* sockets have a port of their own at most */
        }
        if (value[i].value.type == FWP_UINT32 && (value[i].value.uint32 >> 8) == 0xc00002 &&
            (value[i].value.uint32 & 0xff) == layer) {
            return TRUE;
        }
        if (value[i].value.type == FWP_BYTE_ARRAY16_TYPE && value[i].value.byteArray16->byteArray16[14] == 0xc0 &&
            value[i].value.byteArray16->byteArray16[15] == layer) {
            return TRUE;
        }
    }
    return FALSE;
}

static void Look(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                 const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    ULONG i;

    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = IsBlocked(values) ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
    if (InterlockedIncrement(&Seen[values->layerId]) > TIMES) {
        return;
    }
    for (i = 0; i < values->valueCount; i++) {
        WriteValue(values->layerId, i, &values->incomingValue[i].value);
    }
    WriteMetadata(values->layerId, metadata);
    WriteData(values->layerId, layerData);
    Report("L %u\n", values->layerId);
}

#define ROW(name)                                                                                                     \
    {{0x7a1d0030, FWPS_LAYER_##name, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_##name,                     \
     FWP_ACTION_CALLOUT_TERMINATING, Look, NULL, 0},
static TEST_CALLOUT Callouts[] = {EACH_LAYER(ROW)};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
