/* A driver that forgets something: compile with -DLEAVE_POOL, -DLEAVE_CALLOUT or -DLEAVE_DEVICE. */
#include "common.h"

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
#ifdef LEAVE_POOL
    (void)ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'tfeL');
#endif
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7005, {0x80, 1}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Classify, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
#ifdef LEAVE_CALLOUT
    Callouts[0].Id = 0;
#endif
#ifdef LEAVE_DEVICE
    TestDevice = NULL;
#endif
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
