/*
 * Breaks one rule of the stream layer (WHAT); what it does not decide goes on, and the breach has a name.
 *
 *   1 permits more than it is shown       7 decides nothing
 *   2 wants more of nothing               8 goes on from inside classify
 *   3 a stream action that is none        9 injects a clone it freed
 *   4 defers outbound data               10 frees the stream's own list
 *   5 wants more at the end              11 keeps a clone for ever
 *   6 drops, but only inspects           12 writes to what it is shown
 *                                        13 injects more than its list has
 */
#include "common.h"
#include <ndis.h>

#ifndef WHAT
#define WHAT 0
#endif

static HANDLE Injection;

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
}

/* Injects a clone, though nothing was blocked: only what it may not. */
static void Inject(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                   FWPS_STREAM_DATA *data, UINT32 callout)
{
    NET_BUFFER_LIST *clone;
    SIZE_T length = data->dataLength + (WHAT == 13 ? 100 : 0);

    if (data->dataLength == 0 || !NT_SUCCESS(FwpsCloneStreamData(data, NULL, NULL, 0, &clone)) || WHAT == 11) {
        return;
    }
    if (WHAT == 9) {
        FwpsFreeCloneNetBufferList(clone, 0);
    }
    if (NT_SUCCESS(FwpsStreamInjectAsync(Injection, NULL, 0, meta->flowHandle, callout, values->layerId, data->flags,
                                         clone, length, Complete, NULL))) {
        Report("breaks_stream: injected\n");
    } else if (WHAT != 9) {
        FwpsDiscardClonedStreamData(clone, 0, TRUE);
    }
}

static void Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta, void *layerData,
                     const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                     FWPS_CLASSIFY_OUT *out)
{
    FWPS_STREAM_CALLOUT_IO_PACKET *packet = (FWPS_STREAM_CALLOUT_IO_PACKET *)layerData;
    FWPS_STREAM_DATA *data = packet->streamData;
    static LONG done;
    int what = WHAT;
    UCHAR *bytes;

    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (data->dataLength == 0 ? what != 5 : what == 5) {
        return;
    }
    switch (what) {
    case 1:
        packet->countBytesEnforced = data->dataLength + 1;
        break;
    case 2:
    case 5:
        if (what == 5 || (data->dataLength < 60 && !(out->flags & FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA))) {
            packet->streamAction = FWPS_STREAM_ACTION_NEED_MORE_DATA;
            packet->countBytesRequired = what == 5 ? 10 : 0;
            out->actionType = FWP_ACTION_NONE;
        }
        break;
    case 3:
        packet->streamAction = (FWPS_STREAM_ACTION_TYPE)77;
        break;
    case 4:
        if (data->flags & FWPS_STREAM_FLAG_SEND) {
            packet->streamAction = FWPS_STREAM_ACTION_DEFER;
        }
        break;
    case 6:
        packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
        break;
    case 7:
        out->actionType = FWP_ACTION_NONE;
        break;
    case 8:
        FwpsStreamContinue(meta->flowHandle, filter->action.calloutId, values->layerId, data->flags);
        break;
    case 9:
    case 11:
    case 13:
        if (InterlockedIncrement(&done) == 1) {
            Inject(values, meta, data, filter->action.calloutId);
        }
        break;
    case 10:
        if (InterlockedIncrement(&done) == 1) {
            FwpsFreeNetBufferList(data->netBufferListChain);
        }
        break;
    case 12:
        bytes = NdisGetDataBuffer(NET_BUFFER_LIST_FIRST_NB(data->netBufferListChain), 1, NULL, 1, 0);
        if (bytes != NULL) {
            bytes[0] ^= 0x20;
        }
        break;
    }
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0041, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_STREAM_V4,
     WHAT == 6 ? FWP_ACTION_CALLOUT_INSPECTION : FWP_ACTION_CALLOUT_TERMINATING, Classify, NULL, 0},
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
    status = FwpsInjectionHandleCreate(AF_UNSPEC, FWPS_INJECTION_TYPE_STREAM, &Injection);
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    return status;
}
