/*
 * Puts ALE_ENDPOINT_CLOSURE_V4 off. A work item completes it: for sockets of local port 1 with an answer, for
 * others without, so that they are classified again.
 */
#include "common.h"

#define TAG 'solC'

struct Job {
    PIO_WORKITEM Item;
    UINT64 Handle;
    BOOLEAN Answers;
    FWPS_CLASSIFY_OUT Out;
};

static LONG Pended, Again, Refused, Released;

static VOID NTAPI Work(PDEVICE_OBJECT device, PVOID parameter)
{
    struct Job *job = (struct Job *)parameter;
    PIO_WORKITEM item = job->Item;

    UNREFERENCED_PARAMETER(device);
    job->Out.actionType = FWP_ACTION_PERMIT;
    FwpsCompleteClassify(job->Handle, 0, job->Answers ? &job->Out : NULL);
    FwpsReleaseClassifyHandle(job->Handle);
    ExFreePoolWithTag(job, TAG);
    IoFreeWorkItem(item);
}

static VOID NTAPI Closure(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          void *layerData, const void *context, const FWPS_FILTER *filter,
                          UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *in = values->incomingValue;
    UINT64 handle;
    struct Job *job;

    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (!NT_SUCCESS(FwpsAcquireClassifyHandle((void *)context, 0, &handle))) {
        return;
    }
    if (in[FWPS_FIELD_ALE_ENDPOINT_CLOSURE_V4_FLAGS].value.uint32 & FWP_CONDITION_FLAG_IS_REAUTHORIZE) {
        Again++;
        Refused += FwpsPendClassify(handle, filter->filterId, 0, out) == STATUS_FWP_CANNOT_PEND;
        FwpsReleaseClassifyHandle(handle);
        return;
    }
    job = (struct Job *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (job == NULL) {
        return;
    }
    job->Handle = handle;
    job->Out = *out;
    job->Answers = in[FWPS_FIELD_ALE_ENDPOINT_CLOSURE_V4_IP_LOCAL_PORT].value.uint16 == 1;
    if (!NT_SUCCESS(FwpsPendClassify(handle, filter->filterId, 0, out))) {
        ExFreePoolWithTag(job, TAG);
        FwpsReleaseClassifyHandle(handle);
        return;
    }
    Pended++;
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
}

static VOID NTAPI Release(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          void *layerData, const void *context, const FWPS_FILTER *filter,
                          UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    Released++;
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7004, {0x80, 1}}, &FWPM_LAYER_ALE_ENDPOINT_CLOSURE_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Closure, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7004, {0x80, 2}}, &FWPM_LAYER_ALE_RESOURCE_RELEASE_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Release, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("closure: pended %d, again %d, refused %d, released %d\n", Pended, Again, Refused, Released);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
