/*
 * Looks at every frame at the four MAC layers, and counts what is as documented.
 *
 *   REINJECT  takes each frame out at the inbound and outbound Ethernet layers and puts its clone back
 *   BLOCK     an Ethernet type that is blocked coming in
 */
#include "common.h"
#include <ndis.h>

#ifndef REINJECT
#define REINJECT 0
#endif
#ifndef BLOCK
#define BLOCK 0
#endif

enum { IN_NATIVE, IN_ETHERNET, OUT_ETHERNET, OUT_NATIVE, LAYERS };

static LONG Frames[LAYERS], HeaderRight[LAYERS], Arps[LAYERS], Tagged[LAYERS], Own[LAYERS];
static LONG Taken, Mine, Completed, Failed;
static HANDLE Injection;

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
    InterlockedIncrement(&Completed);
}

/* The list begins at the MAC header. */
static BOOLEAN Reinject(int layer, const FWPS_INCOMING_VALUES *values, NET_BUFFER_LIST *list)
{
    NET_BUFFER_LIST *clone;
    NTSTATUS status = FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &clone);

    if (!NT_SUCCESS(status)) {
        return FALSE;
    }
    if (layer == IN_ETHERNET) {
        status = FwpsInjectMacReceiveAsync(
            Injection, NULL, 0, FWPS_LAYER_INBOUND_MAC_FRAME_ETHERNET,
            values->incomingValue[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_INTERFACE_INDEX].value.uint32,
            values->incomingValue[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_NDIS_PORT].value.uint32, clone, Complete, NULL);
    } else {
        status = FwpsInjectMacSendAsync(
            Injection, NULL, 0, FWPS_LAYER_OUTBOUND_MAC_FRAME_ETHERNET,
            values->incomingValue[FWPS_FIELD_OUTBOUND_MAC_FRAME_ETHERNET_INTERFACE_INDEX].value.uint32,
            values->incomingValue[FWPS_FIELD_OUTBOUND_MAC_FRAME_ETHERNET_NDIS_PORT].value.uint32, clone, Complete,
            NULL);
    }
    if (!NT_SUCCESS(status)) {
        FwpsFreeCloneNetBufferList(clone, 0);
        InterlockedIncrement(&Failed);
        return FALSE;
    }
    InterlockedIncrement(&Taken);
    return TRUE;
}

static void LookEthernet(int layer, const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                         NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *value = values->incomingValue; /* both Ethernet layers have one order */
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
    FWPS_PACKET_INJECTION_STATE state = FwpsQueryPacketInjectionState(Injection, list, NULL);
    ULONG back = layer == IN_ETHERNET ? metadata->ethernetMacHeaderSize : 0;
    const UCHAR *header, *local, *remote;
    UCHAR storage[64];
    UINT16 type = value[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_ETHER_TYPE].value.uint16;
    UINT16 vlan = value[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_VLAN_ID].value.uint16;
    ULONG at;
    BOOLEAN taken = FALSE;

    NdisRetreatNetBufferDataStart(buffer, back, 0, NULL);
    header = NdisGetDataBuffer(buffer, 18, storage, 1, 0);
    if (header) {
        local = value[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_MAC_LOCAL_ADDRESS].value.byteArray6->byteArray6;
        remote = value[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_MAC_REMOTE_ADDRESS].value.byteArray6->byteArray6;
        at = header[12] == 0x81 ? 16 : 12;
        HeaderRight[layer] += header[at] == type >> 8 && header[at + 1] == (UCHAR)type &&
                              RtlCompareMemory(layer == IN_ETHERNET ? local : remote, header, 6) == 6 &&
                              RtlCompareMemory(layer == IN_ETHERNET ? remote : local, header + 6, 6) == 6 &&
                              (at == 12 ? vlan == 0 : vlan == ((header[14] & 15) << 8 | header[15])) &&
                              (layer == IN_ETHERNET ? back == at + 2 : back == 0);
        Arps[layer] += type == 0x0806;
        Tagged[layer] += vlan != 0;
        Own[layer] += value[FWPS_FIELD_INBOUND_MAC_FRAME_ETHERNET_INTERFACE_MAC_ADDRESS].value.type == FWP_BYTE_ARRAY6_TYPE;
    }
    if (state == FWPS_PACKET_INJECTED_BY_SELF) {
        InterlockedIncrement(&Mine);
    } else if (REINJECT) {
        taken = Reinject(layer, values, list);
    }
    NdisAdvanceNetBufferDataStart(buffer, back, FALSE, NULL);
    out->actionType = FWP_ACTION_PERMIT;
    if (taken) {
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    } else if (BLOCK && layer == IN_ETHERNET && type == BLOCK) {
        out->actionType = FWP_ACTION_BLOCK;
    }
}

static void LookNative(int layer, const FWPS_INCOMING_VALUES *values, NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *value = values->incomingValue;
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
    UCHAR storage[64];
    const UCHAR *header = NdisGetDataBuffer(buffer, 14, storage, 1, 0);

    out->actionType = FWP_ACTION_PERMIT;
    HeaderRight[layer] += header && value[FWPS_FIELD_INBOUND_MAC_FRAME_NATIVE_NDIS_MEDIA_TYPE].value.type == FWP_UINT32 &&
                          value[FWPS_FIELD_INBOUND_MAC_FRAME_NATIVE_NDIS_MEDIA_TYPE].value.uint32 == 0 &&
                          (value[FWPS_FIELD_INBOUND_MAC_FRAME_NATIVE_L2_FLAGS].value.uint32 &
                           FWP_CONDITION_L2_IS_NATIVE_ETHERNET);
}

static void Look(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                 const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    static const UINT16 layers[LAYERS] = {FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE, FWPS_LAYER_INBOUND_MAC_FRAME_ETHERNET,
                                          FWPS_LAYER_OUTBOUND_MAC_FRAME_ETHERNET, FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE};
    int layer = 0;

    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    while (layers[layer] != values->layerId) {
        layer++;
    }
    InterlockedIncrement(&Frames[layer]);
    if (layer == IN_ETHERNET || layer == OUT_ETHERNET) {
        LookEthernet(layer, values, metadata, layerData, out);
    } else {
        LookNative(layer, values, layerData, out);
    }
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_INBOUND_MAC_FRAME_NATIVE,
     FWP_ACTION_CALLOUT_TERMINATING, Look, NULL, 0},
    {{0x7a1d0021, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_INBOUND_MAC_FRAME_ETHERNET,
     FWP_ACTION_CALLOUT_TERMINATING, Look, NULL, 0},
    {{0x7a1d0022, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_OUTBOUND_MAC_FRAME_ETHERNET,
     FWP_ACTION_CALLOUT_TERMINATING, Look, NULL, 0},
    {{0x7a1d0023, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_OUTBOUND_MAC_FRAME_NATIVE,
     FWP_ACTION_CALLOUT_TERMINATING, Look, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    int i;

    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    FwpsInjectionHandleDestroy(Injection);
    for (i = 0; i < LAYERS; i++) {
        Report("%d: frames %d, right %d, arp %d, tagged %d, own %d\n", i, (int)Frames[i], (int)HeaderRight[i],
               (int)Arps[i], (int)Tagged[i], (int)Own[i]);
    }
    Report("taken %d, mine %d, completed %d, failed %d\n", (int)Taken, (int)Mine, (int)Completed, (int)Failed);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = FwpsInjectionHandleCreate(AF_UNSPEC, FWPS_INJECTION_TYPE_L2, &Injection);
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    return status;
}
