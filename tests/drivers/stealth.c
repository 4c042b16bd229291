/*
 * Silent about closed ports: blocks what the transport discards for want of a listener, and what the network
 * layer does for want of a UDP socket. The host then sends neither RST nor ICMP.
 */
#include "common.h"

static NTSTATUS Silence(const GUID *layer)
{
    FWPM_FILTER filter = {0};

    filter.layerKey = *layer;
    filter.subLayerKey = TEST_SUBLAYER;
    filter.displayData.name = (wchar_t *)L"stealth";
    filter.action.type = FWP_ACTION_BLOCK;
    return FwpmFilterAdd(TestEngine, &filter, NULL, NULL);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(NULL, 0);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    static const GUID *const layers[] = {
        &FWPM_LAYER_INBOUND_TRANSPORT_V4_DISCARD, &FWPM_LAYER_INBOUND_TRANSPORT_V6_DISCARD,
        &FWPM_LAYER_INBOUND_IPPACKET_V4_DISCARD, &FWPM_LAYER_INBOUND_IPPACKET_V6_DISCARD};
    NTSTATUS status;
    ULONG i;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = TestStart(driver, NULL, 0);
    for (i = 0; NT_SUCCESS(status) && i < ARRAYSIZE(layers); i++) {
        status = Silence(layers[i]);
    }
    if (!NT_SUCCESS(status)) {
        TestStop(NULL, 0);
    }
    return status;
}
