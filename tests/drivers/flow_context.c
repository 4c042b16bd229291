/*
 * Flow contexts: at ALE_FLOW_ESTABLISHED_V4 a context is hung on the flow for OUTBOUND_TRANSPORT_V4,
 * whose classify counts into it; each is freed where its flow ends, or by the unload routine.
 */
#include "common.h"

#define FLOW_TAG 'wolF'

typedef struct _FLOW {
    LIST_ENTRY Link;
    UINT64 Handle;
    LONG Packets;
} FLOW;

static LIST_ENTRY Flows;
static KSPIN_LOCK FlowsLock;
static LONG Associated, Deleted, PacketsOfFlows, PacketsOfNone;

static VOID NTAPI Established(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                              void *layerData, const void *context, const FWPS_FILTER *filter,
                              UINT64 flowContext, FWPS_CLASSIFY_OUT *out);
static VOID NTAPI Transport(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                            void *layerData, const void *context, const FWPS_FILTER *filter,
                            UINT64 flowContext, FWPS_CLASSIFY_OUT *out);
static VOID NTAPI FlowDeleted(UINT16 layerId, UINT32 calloutId, UINT64 flowContext);

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 1}}, &FWPM_LAYER_ALE_FLOW_ESTABLISHED_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Established, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 2}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Transport, FlowDeleted, 0},
};

static VOID NTAPI Established(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                              void *layerData, const void *context, const FWPS_FILTER *filter,
                              UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    KLOCK_QUEUE_HANDLE lock;
    NTSTATUS status;
    FLOW *flow;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    if (!FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_FLOW_HANDLE)) {
        return;
    }
    flow = (FLOW *)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(FLOW), FLOW_TAG);
    if (flow == NULL) {
        return;
    }
    flow->Handle = meta->flowHandle;
    KeAcquireInStackQueuedSpinLock(&FlowsLock, &lock);
    InsertTailList(&Flows, &flow->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    status = FwpsFlowAssociateContext(flow->Handle, FWPS_LAYER_OUTBOUND_TRANSPORT_V4, Callouts[1].Id,
                                      (UINT64)(ULONG_PTR)flow);
    if (NT_SUCCESS(status)) {
        InterlockedIncrement(&Associated);
        return;
    }
    Report("flow_context: associate failed with 0x%08x\n", status);
    KeAcquireInStackQueuedSpinLock(&FlowsLock, &lock);
    RemoveEntryList(&flow->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    ExFreePoolWithTag(flow, FLOW_TAG);
}

static VOID NTAPI Transport(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                            void *layerData, const void *context, const FWPS_FILTER *filter,
                            UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    out->actionType = FWP_ACTION_CONTINUE;
    if (flowContext != 0) {
        InterlockedIncrement(&((FLOW *)(ULONG_PTR)flowContext)->Packets);
    } else {
        InterlockedIncrement(&PacketsOfNone);
    }
}

static VOID NTAPI FlowDeleted(UINT16 layerId, UINT32 calloutId, UINT64 flowContext)
{
    FLOW *flow = (FLOW *)(ULONG_PTR)flowContext;
    KLOCK_QUEUE_HANDLE lock;

    if (layerId != FWPS_LAYER_OUTBOUND_TRANSPORT_V4 || calloutId != Callouts[1].Id) {
        Report("flow_context: flowDelete for layer %u, callout %u\n", layerId, calloutId);
    }
    KeAcquireInStackQueuedSpinLock(&FlowsLock, &lock);
    RemoveEntryList(&flow->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    InterlockedIncrement(&Deleted);
    InterlockedAdd(&PacketsOfFlows, flow->Packets);
    ExFreePoolWithTag(flow, FLOW_TAG);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    LONG ended = Deleted;
    KLOCK_QUEUE_HANDLE lock;
    UINT64 handle;

    UNREFERENCED_PARAMETER(driver);
    for (;;) { /* flowDelete runs inside, or soon after */
        KeAcquireInStackQueuedSpinLock(&FlowsLock, &lock);
        handle = IsListEmpty(&Flows) ? 0 : CONTAINING_RECORD(Flows.Flink, FLOW, Link)->Handle;
        KeReleaseInStackQueuedSpinLock(&lock);
        if (handle == 0) {
            break;
        }
        FwpsFlowRemoveContext(handle, FWPS_LAYER_OUTBOUND_TRANSPORT_V4, Callouts[1].Id);
    }
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("flow_context: associated %d, deleted %d, of them %d by the end of their flow, packets %d and %d\n",
           Associated, Deleted, ended, PacketsOfFlows, PacketsOfNone);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    InitializeListHead(&Flows);
    KeInitializeSpinLock(&FlowsLock);
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
