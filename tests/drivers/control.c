/*
 * What goes out besides the data: socket control data and the path's MTU, as the layers tell them. What goes to
 * port 9 is sent anew, with control data whose value is one more.
 */
#include <ntddk.h>
#include <ndis.h>
#include "common.h"

#define TAG 'rtnC'

static VOID Tell(const char *layer, const FWPS_INCOMING_METADATA_VALUES *meta)
{
    const WSACMSGHDR *header = meta->controlData;

    if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_TRANSPORT_CONTROL_DATA)) {
        Report("control: %s: %u bytes, first %u of level %d type %d: %d\n", layer, meta->controlDataLength,
               (ULONG)header->cmsg_len, header->cmsg_level, header->cmsg_type, *(const INT *)(header + 1));
    } else {
        Report("control: %s: none\n", layer);
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_PATH_MTU)) {
        Report("control: %s: mtu %u\n", layer, meta->pathMtu);
    }
}

#define LAYER(name)                                                                                                   \
    static VOID NTAPI name(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,             \
                           void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,       \
                           FWPS_CLASSIFY_OUT *out)                                                                    \
    {                                                                                                                 \
        UNREFERENCED_PARAMETER(values);                                                                               \
        UNREFERENCED_PARAMETER(layerData);                                                                            \
        UNREFERENCED_PARAMETER(context);                                                                              \
        UNREFERENCED_PARAMETER(filter);                                                                               \
        UNREFERENCED_PARAMETER(flowContext);                                                                          \
        out->actionType = FWP_ACTION_CONTINUE;                                                                        \
        Tell(#name, meta);                                                                                            \
    }

LAYER(Datagram)
struct Sending {
    WSACMSGHDR Header;
    INT Value[2];
    UINT32 Remote;
};

static HANDLE Injection;

static VOID NTAPI Sent(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatch)
{
    UNREFERENCED_PARAMETER(dispatch);
    FwpsFreeCloneNetBufferList(list, 0);
    ExFreePoolWithTag(context, TAG);
}

static BOOLEAN SendAnew(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                        NET_BUFFER_LIST *list)
{
    struct Sending *sending = (struct Sending *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*sending), TAG);
    FWPS_TRANSPORT_SEND_PARAMS args = {0};
    NET_BUFFER_LIST *clone = NULL;

    if (sending == NULL) {
        return FALSE;
    }
    RtlCopyMemory(sending, meta->controlData, sizeof(sending->Header) + sizeof(sending->Value));
    sending->Value[0]++;
    sending->Remote =
        RtlUlongByteSwap(values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32);
    args.remoteAddress = (UCHAR *)&sending->Remote;
    args.controlData = &sending->Header;
    args.controlDataLength = sizeof(sending->Header) + sizeof(sending->Value);
    if (NT_SUCCESS(FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &clone)) &&
        NT_SUCCESS(FwpsInjectTransportSendAsync(Injection, NULL, meta->transportEndpointHandle, 0, &args, AF_INET,
                                                UNSPECIFIED_COMPARTMENT_ID, clone, Sent, sending))) {
        return TRUE;
    }
    if (clone) {
        FwpsFreeCloneNetBufferList(clone, 0);
    }
    ExFreePoolWithTag(sending, TAG);
    return FALSE;
}

static VOID NTAPI Transport(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                            void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                            FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER_LIST *list = (NET_BUFFER_LIST *)layerData;

    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    Tell("Transport", meta);
    if (values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT].value.uint16 == 9 &&
        FwpsQueryPacketInjectionState(Injection, list, NULL) == FWPS_PACKET_NOT_INJECTED &&
        SendAnew(values, meta, list)) {
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    }
}

LAYER(Packet)
LAYER(Arrival)

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 1}}, &FWPM_LAYER_DATAGRAM_DATA_V4, FWP_ACTION_CALLOUT_INSPECTION, Datagram,
     NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 2}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_CALLOUT_TERMINATING,
     Transport, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 3}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4, FWP_ACTION_CALLOUT_INSPECTION, Packet,
     NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 4}}, &FWPM_LAYER_INBOUND_IPPACKET_V4, FWP_ACTION_CALLOUT_INSPECTION, Arrival,
     NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    FwpsInjectionHandleDestroy(Injection);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    NTSTATUS status = FwpsInjectionHandleCreate(0, FWPS_INJECTION_TYPE_TRANSPORT, &Injection);

    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return !NT_SUCCESS(status) ? status : TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
