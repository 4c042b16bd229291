/*
 * What goes out besides the data: socket control data and the path's MTU, as the layers tell them.
 */
#include <ntddk.h>
#include <ndis.h>
#include "common.h"

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
LAYER(Transport)
LAYER(Packet)
LAYER(Arrival)

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 1}}, &FWPM_LAYER_DATAGRAM_DATA_V4, FWP_ACTION_CALLOUT_INSPECTION, Datagram,
     NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 2}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_CALLOUT_INSPECTION,
     Transport, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 3}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4, FWP_ACTION_CALLOUT_INSPECTION, Packet,
     NULL, 0},
    {{0x6f70656e, 0x7766, 0x7008, {0x80, 4}}, &FWPM_LAYER_INBOUND_IPPACKET_V4, FWP_ACTION_CALLOUT_INSPECTION, Arrival,
     NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
