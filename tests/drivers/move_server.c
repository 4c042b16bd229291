/*
 * Moves sockets bound to port FROM to port TO, and says what it saw of them.
 *
 *   FROM, TO  ports (host order)            ADDRESS  the local address (host order), 0 as it was
 *   HOW       0 inline                      1 pended, decided by a work item
 *             2 pended, refused by one      WAIT     milliseconds until it decides
 */
#include "common.h"
#include <ws2def.h>
#include <ws2ipdef.h>
#include <mstcpip.h>

#ifndef FROM
#define FROM 5353
#endif
#ifndef TO
#define TO 7000
#endif
#ifndef ADDRESS
#define ADDRESS 0
#endif
#ifndef HOW
#define HOW 0
#endif
#ifndef WAIT
#define WAIT 0
#endif
#define TAG 'evoM'

struct Job {
    PIO_WORKITEM Item;
    UINT64 Handle, FilterId;
    FWPS_CLASSIFY_OUT Out;
};

static LONG Bound, Listened, Accepted, Straight;

static void Write(UINT64 handle, UINT64 filterId, FWPS_CLASSIFY_OUT *out)
{
    FWPS_BIND_REQUEST *request;

    if (!NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filterId, 0, (PVOID *)&request, out))) {
        return;
    }
    if (ADDRESS) {
        INETADDR_SET_ADDRESS((PSOCKADDR)&request->localAddressAndPort, (PUCHAR) & (ULONG){RtlUlongByteSwap(ADDRESS)});
    }
    INETADDR_SET_PORT((PSOCKADDR)&request->localAddressAndPort, RtlUshortByteSwap(TO));
    FwpsApplyModifiedLayerData(handle, request, 0);
    out->actionType = FWP_ACTION_PERMIT;
    out->rights |= FWPS_RIGHT_ACTION_WRITE;
    InterlockedIncrement(&Bound);
}

#if HOW
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
    if (HOW == 1) {
        Write(job->Handle, job->FilterId, &job->Out);
    } else {
        job->Out.actionType = FWP_ACTION_BLOCK;
    }
    FwpsCompleteClassify(job->Handle, 0, &job->Out);
    FwpsReleaseClassifyHandle(job->Handle);
    ExFreePoolWithTag(job, TAG);
    IoFreeWorkItem(item);
}

static BOOLEAN Pend(UINT64 handle, const FWPS_FILTER *filter, FWPS_CLASSIFY_OUT *out)
{
    struct Job *job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);

    if (!job) {
        return FALSE;
    }
    job->Handle = handle;
    job->FilterId = filter->filterId;
    job->Out = *out;
    if (!NT_SUCCESS(FwpsPendClassify(handle, filter->filterId, 0, out))) {
        ExFreePoolWithTag(job, TAG);
        return FALSE;
    }
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
    return TRUE;
}
#endif

static void Bind(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                 const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UINT64 handle;

    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (values->incomingValue[FWPS_FIELD_ALE_BIND_REDIRECT_V4_IP_LOCAL_PORT].value.uint16 != FROM ||
        !NT_SUCCESS(FwpsAcquireClassifyHandle((void *)classifyContext, 0, &handle))) {
        return;
    }
#if HOW
    if (Pend(handle, filter, out)) {
        return;
    }
#endif
    Write(handle, filter->filterId, out);
    FwpsReleaseClassifyHandle(handle);
}

static void Listen(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                   const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    UNREFERENCED_PARAMETER(out);
    if (values->incomingValue[FWPS_FIELD_ALE_AUTH_LISTEN_V4_IP_LOCAL_PORT].value.uint16 == TO) {
        InterlockedIncrement(&Listened);
    }
}

static void Accept(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                   const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UINT16 port = values->incomingValue[FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_IP_LOCAL_PORT].value.uint16;

    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    UNREFERENCED_PARAMETER(out);
    if (port == TO) {
        InterlockedIncrement(&Accepted);
    }
    if (port == FROM) {
        InterlockedIncrement(&Straight);
    }
}

C_ASSERT((int)FWPS_FIELD_ALE_BIND_REDIRECT_V4_IP_LOCAL_PORT == (int)FWPS_FIELD_ALE_BIND_REDIRECT_V6_IP_LOCAL_PORT);
C_ASSERT((int)FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_IP_LOCAL_PORT ==
         (int)FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V6_IP_LOCAL_PORT);

static TEST_CALLOUT Callouts[] = {
#if !ADDRESS
    {{0x7a1d0023, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_BIND_REDIRECT_V6,
     FWP_ACTION_CALLOUT_TERMINATING, Bind, NULL, 0},
    {{0x7a1d0024, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6,
     FWP_ACTION_CALLOUT_INSPECTION, Accept, NULL, 0},
#endif
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_BIND_REDIRECT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Bind, NULL, 0},
    {{0x7a1d0021, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_LISTEN_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Listen, NULL, 0},
    {{0x7a1d0022, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Accept, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("bound %d, listened %d, accepted %d, straight %d\n", (int)Bound, (int)Listened, (int)Accepted,
           (int)Straight);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
