/*
 * Breaks one rule of packets (WHAT); traffic goes on as it answers, and the breach has a name.
 *
 *   1 injects a clone it freed        4 injects what it injected, for ever
 *   2 frees a clone twice             5 frees a clone while it is being injected
 *   3 dereferences too often          6 frees the stack's own list
 */
#include "common.h"
#include <ndis.h>

#ifndef WHAT
#define WHAT 0 /* nothing */
#endif

static HANDLE Injection;
static NET_BUFFER_LIST *InFlight;

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
}

__declspec(noinline) static NTSTATUS Inject(NET_BUFFER_LIST *list)
{
    return FwpsInjectNetworkSendAsync(Injection, NULL, 0, UNSPECIFIED_COMPARTMENT_ID, list, Complete, NULL);
}

static void Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                     void *layerData, const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                     FWPS_CLASSIFY_OUT *out)
{
    static LONG done;
    NET_BUFFER_LIST *clone;
    int what;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (WHAT == 0) {
        return;
    }
    if (WHAT == 4 ? values->incomingValue[FWPS_FIELD_OUTBOUND_IPPACKET_V4_IP_REMOTE_ADDRESS].value.uint32 != 0xC0000235
                  : InterlockedIncrement(&done) > 1) {
        return; /* once; or for the packets to 192.0.2.53 */
    }
    if (WHAT == 3) {
        FwpsReferenceNetBufferList(layerData, TRUE);
        FwpsDereferenceNetBufferList(layerData, FALSE);
        FwpsDereferenceNetBufferList(layerData, FALSE);
        return;
    }
    if (WHAT == 6) {
        FwpsFreeNetBufferList(layerData);
        return;
    }
    if (!NT_SUCCESS(FwpsAllocateCloneNetBufferList(layerData, NULL, NULL, 0, &clone))) {
        return;
    }
    what = WHAT;
    switch (what) {
    case 1:
        FwpsFreeCloneNetBufferList(clone, 0);
        if (NT_SUCCESS(Inject(clone))) {
            Report("a freed list was injected\n");
        }
        break;
    case 2:
        FwpsFreeCloneNetBufferList(clone, 0);
        FwpsFreeCloneNetBufferList(clone, 0);
        break;
    case 4:
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
        if (!NT_SUCCESS(Inject(clone))) {
            FwpsFreeCloneNetBufferList(clone, 0);
        }
        break;
    case 5:
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
        InFlight = clone;
        if (NT_SUCCESS(Inject(clone))) {
            FwpsFreeCloneNetBufferList(InFlight, 0);
        }
        break;
    }
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0040, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Classify, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    FwpsInjectionHandleDestroy(Injection);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_NETWORK, &Injection);
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    return status;
}
