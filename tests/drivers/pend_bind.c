/*
 * Puts off what sockets want before they have packets: ALE_RESOURCE_ASSIGNMENT of datagram sockets,
 * ALE_AUTH_LISTEN. A work item completes it WAIT milliseconds later; asked again, even ports are let through.
 */
#include "common.h"

#ifndef WAIT
#define WAIT 300
#endif
#define TAG 'dneP'

struct Job {
    PIO_WORKITEM Item;
    HANDLE Completion;
};

static LONG Pended, Again, Refused;

static void Work(PDEVICE_OBJECT device, void *parameter)
{
    struct Job *job = parameter;
    PIO_WORKITEM item = job->Item;
    LARGE_INTEGER wait;

    UNREFERENCED_PARAMETER(device);
    wait.QuadPart = -10000LL * WAIT;
    if (WAIT) {
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
    FwpsCompleteOperation(job->Completion, NULL);
    ExFreePoolWithTag(job, TAG);
    IoFreeWorkItem(item);
}

static void Decide(UINT32 flags, UINT16 port, const FWPS_INCOMING_METADATA_VALUES *metadata, FWPS_CLASSIFY_OUT *out)
{
    struct Job *job;

    out->actionType = FWP_ACTION_PERMIT;
    if (flags & FWP_CONDITION_FLAG_IS_REAUTHORIZE) {
        Again++;
        if (port % 2) {
            out->actionType = FWP_ACTION_BLOCK;
            out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
            Refused++;
        }
        return;
    }
    job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (!job) {
        return;
    }
    if (!NT_SUCCESS(FwpsPendOperation(metadata->completionHandle, &job->Completion))) {
        ExFreePoolWithTag(job, TAG);
        return;
    }
    Pended++;
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
}

static void Assign(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                   const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *in = values->incomingValue;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    if (in[FWPS_FIELD_ALE_RESOURCE_ASSIGNMENT_V4_IP_PROTOCOL].value.uint8 != 17) {
        out->actionType = FWP_ACTION_PERMIT;
        return;
    }
    Decide(in[FWPS_FIELD_ALE_RESOURCE_ASSIGNMENT_V4_FLAGS].value.uint32,
           in[FWPS_FIELD_ALE_RESOURCE_ASSIGNMENT_V4_IP_LOCAL_PORT].value.uint16, metadata, out);
}

static void Listen(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                   const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *in = values->incomingValue;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    Decide(in[FWPS_FIELD_ALE_AUTH_LISTEN_V4_FLAGS].value.uint32,
           in[FWPS_FIELD_ALE_AUTH_LISTEN_V4_IP_LOCAL_PORT].value.uint16, metadata, out);
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0030, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Assign, NULL, 0},
    {{0x7a1d0031, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_LISTEN_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Listen, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("pended %d, again %d, refused %d\n", (int)Pended, (int)Again, (int)Refused);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
