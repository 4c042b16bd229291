/*
 * Sends connections for 203.0.113.10 elsewhere, and looks at what ALE_AUTH_CONNECT tells of it.
 *
 *   TO, PORT  where to (host order)          LOCAL  the local address sockets are moved to, 0 none
 *   HOW   0 inline                           1 pended, decided by a work item
 *         2 pended, asked again              3 pended, refused by a work item
 *   WAIT  milliseconds until the work item decides
 *   BAD   1 forgets to apply  2 forgets to release  3 completes twice  4 releases twice
 *         5 names no process  6 never completes     7 pends where it can't
 */
#include "common.h"
#include <ws2def.h>
#include <ws2ipdef.h>
#include <mstcpip.h>

#ifndef TO
#define TO 0x7f000001
#endif
#ifndef PORT
#define PORT 8080
#endif
#ifndef HOW
#define HOW 0
#endif
#ifndef WAIT
#define WAIT 0
#endif
#ifndef LOCAL
#define LOCAL 0
#endif
#ifndef BAD
#define BAD 0
#endif

#define TAG 'rdeR'
#define HERE 0xCB00710A /* 203.0.113.10 */

typedef struct _ORIGINAL {
    SOCKADDR_STORAGE Remote;
} ORIGINAL;

struct Job {
    PIO_WORKITEM Item;
    UINT64 Handle, FilterId;
    FWPS_CLASSIFY_OUT Out;
};

static HANDLE Redirect;
static LONG Asked, Again, Bound, Told, BySelf, ContextRight, OriginalRight, PidRight, Elsewhere, Straight;

static void Write(UINT64 handle, UINT64 filterId, FWPS_CLASSIFY_OUT *out)
{
    FWPS_CONNECT_REQUEST *request;
    ORIGINAL *context;

    if (!NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filterId, 0, (PVOID *)&request, out))) {
        return;
    }
    context = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*context), TAG);
    if (context) {
        context->Remote = request->remoteAddressAndPort;
        INETADDR_SET_ADDRESS((PSOCKADDR)&request->remoteAddressAndPort, (PUCHAR) & (ULONG){RtlUlongByteSwap(TO)});
        INETADDR_SET_PORT((PSOCKADDR)&request->remoteAddressAndPort, RtlUshortByteSwap(PORT));
        request->localRedirectTargetPID = BAD == 5 ? 0 : 4711;
        request->localRedirectHandle = Redirect;
        request->localRedirectContext = context;
        request->localRedirectContextSize = sizeof(*context);
    }
    if (BAD != 1) {
        FwpsApplyModifiedLayerData(handle, request, 0);
    } else if (context) {
        ExFreePoolWithTag(context, TAG);
    }
    out->actionType = FWP_ACTION_PERMIT;
    out->rights |= FWPS_RIGHT_ACTION_WRITE;
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
    } else if (HOW == 3) {
        job->Out.actionType = FWP_ACTION_BLOCK;
    }
    FwpsCompleteClassify(job->Handle, 0, HOW == 2 ? NULL : &job->Out);
    if (BAD == 3) {
        FwpsCompleteClassify(job->Handle, 0, &job->Out);
    }
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
    if (BAD == 6) {
        ExFreePoolWithTag(job, TAG);
        FwpsReleaseClassifyHandle(handle);
        return TRUE;
    }
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
    return TRUE;
}
#endif

static void Connect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                    void *layerData, const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                    FWPS_CLASSIFY_OUT *out)
{
    BOOLEAN again = (values->incomingValue[FWPS_FIELD_ALE_CONNECT_REDIRECT_V4_FLAGS].value.uint32 &
                     FWP_CONDITION_FLAG_IS_REAUTHORIZE) != 0;
    UINT64 handle;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (values->incomingValue[FWPS_FIELD_ALE_CONNECT_REDIRECT_V4_IP_REMOTE_ADDRESS].value.uint32 != HERE) {
        return;
    }
    InterlockedIncrement(again ? &Again : &Asked);
    if (FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_REDIRECT_RECORD_HANDLE) &&
        FwpsQueryConnectionRedirectState(metadata->redirectRecords, Redirect, NULL) != FWPS_CONNECTION_NOT_REDIRECTED) {
        return;
    }
    if (!NT_SUCCESS(FwpsAcquireClassifyHandle((void *)classifyContext, 0, &handle))) {
        return;
    }
#if HOW
    if (!again && Pend(handle, filter, out)) {
        return;
    }
#endif
    Write(handle, filter->filterId, out);
    if (BAD != 2) {
        FwpsReleaseClassifyHandle(handle);
    }
    if (BAD == 4) {
        FwpsReleaseClassifyHandle(handle);
    }
}

#if LOCAL
static void Bind(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata, void *layerData,
                 const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    FWPS_BIND_REQUEST *request;
    UINT64 handle;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (!NT_SUCCESS(FwpsAcquireClassifyHandle((void *)classifyContext, 0, &handle))) {
        return;
    }
    if (NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filter->filterId, 0, (PVOID *)&request, out))) {
        INETADDR_SET_ADDRESS((PSOCKADDR)&request->localAddressAndPort, (PUCHAR) & (ULONG){RtlUlongByteSwap(LOCAL)});
        FwpsApplyModifiedLayerData(handle, request, 0);
        out->actionType = FWP_ACTION_PERMIT;
        out->rights |= FWPS_RIGHT_ACTION_WRITE;
        InterlockedIncrement(&Bound);
    }
    FwpsReleaseClassifyHandle(handle);
}
#endif

static void Authorize(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                      void *layerData, const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                      FWPS_CLASSIFY_OUT *out)
{
    const SOCKADDR_IN *was;
    ORIGINAL *context;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    UNREFERENCED_PARAMETER(out);
#if BAD == 7
    {
        UINT64 handle;

        if (NT_SUCCESS(FwpsAcquireClassifyHandle((void *)classifyContext, 0, &handle))) {
            if (FwpsPendClassify(handle, filter->filterId, 0, out) != STATUS_FWP_CANNOT_PEND) {
                Report("a connect could be pended like a redirect\n");
            }
            FwpsReleaseClassifyHandle(handle);
        }
    }
#endif
    if (values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].value.uint32 == HERE) {
        InterlockedIncrement(&Straight);
    }
    if (!(values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_FLAGS].value.uint32 &
          FWP_CONDITION_FLAG_IS_CONNECTION_REDIRECTED)) {
        return;
    }
    InterlockedIncrement(&Told);
    if (FwpsQueryConnectionRedirectState(metadata->redirectRecords, Redirect, (void **)&context) ==
        FWPS_CONNECTION_REDIRECTED_BY_SELF) {
        InterlockedIncrement(&BySelf);
        was = (const SOCKADDR_IN *)&context->Remote;
        ContextRight += was->sin_addr.S_un.S_addr == RtlUlongByteSwap(HERE);
    }
    was = (const SOCKADDR_IN *)metadata->originalDestination;
    OriginalRight += FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_ORIGINAL_DESTINATION) &&
                     was->sin_family == AF_INET && was->sin_addr.S_un.S_addr == RtlUlongByteSwap(HERE);
    PidRight += FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_LOCAL_REDIRECT_TARGET_PID) &&
                metadata->localRedirectTargetPID == 4711;
    Elsewhere += values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].value.uint32 == TO;
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0010, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_CONNECT_REDIRECT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Connect, NULL, 0},
    {{0x7a1d0011, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Authorize, NULL, 0},
#if LOCAL
    {{0x7a1d0012, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_BIND_REDIRECT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Bind, NULL, 0},
#endif
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    FwpsRedirectHandleDestroy(Redirect);
    Report("asked %d, again %d, bound %d, told %d, by self %d, context %d, original %d, pid %d, elsewhere %d, "
           "straight %d\n",
           (int)Asked, (int)Again, (int)Bound, (int)Told, (int)BySelf, (int)ContextRight, (int)OriginalRight,
           (int)PidRight, (int)Elsewhere, (int)Straight);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    static const GUID provider = {0x7a1d0013, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = FwpsRedirectHandleCreate(&provider, 0, &Redirect);
    if (NT_SUCCESS(status)) {
        status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    }
    return status;
}
