/*
 * Puts every authorization off: pends it, and decides when a work item has completed it.
 *
 *   INBOUND 0  ALE_AUTH_CONNECT: asked again after completion; datagrams are cloned and sent then
 *           1  ALE_AUTH_RECV_ACCEPT: the first packet is cloned, and received again after completion
 *   REFUSE  1  the second answer is a block
 *   WAIT    milliseconds until the answer
 *   FORGET  pends and never completes, against the rules; TWICE completes again
 */
#include <ntddk.h>
#include <initguid.h>
#include <ndis.h>
#include <fwpsk.h>
#include <fwpmk.h>

DEFINE_GUID(CALLOUT_KEY, 0x7a1d0004, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);

#define TAG 'dneP'
#if INBOUND
#define LAYER            FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4
#define FIELD_FLAGS      FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_FLAGS
#define FIELD_REMOTE     FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_IP_REMOTE_ADDRESS
#define FIELD_INTERFACE  FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_INTERFACE_INDEX
#else
#define LAYER            FWPM_LAYER_ALE_AUTH_CONNECT_V4
#define FIELD_FLAGS      FWPS_FIELD_ALE_AUTH_CONNECT_V4_FLAGS
#define FIELD_REMOTE     FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS
#define FIELD_INTERFACE  FWPS_FIELD_ALE_AUTH_CONNECT_V4_INTERFACE_INDEX
#endif

struct Job {
    PIO_WORKITEM Item;
    HANDLE Context;
    NET_BUFFER_LIST *Clone; /* NULL for a TCP connect */
    UINT64 Endpoint;
    UINT32 Remote; /* network order */
    IF_INDEX Interface;
};

static PDEVICE_OBJECT Device;
static HANDLE Engine, Injection;
static UINT32 CalloutId;
static LONG Pended, Again, Mine, Refused, Sent, Completed;

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(dispatchLevel);
    FwpsFreeCloneNetBufferList(list, 0);
    ExFreePoolWithTag(context, TAG);
    InterlockedIncrement(&Completed);
}

static void Inject(struct Job *job)
{
    NTSTATUS status;
#if INBOUND
    status = FwpsInjectTransportReceiveAsync(Injection, NULL, NULL, 0, AF_INET, UNSPECIFIED_COMPARTMENT_ID,
                                             job->Interface, 0, job->Clone, Complete, job);
#else
    FWPS_TRANSPORT_SEND_PARAMS args = {0};

    args.remoteAddress = (UCHAR *)&job->Remote;
    status = FwpsInjectTransportSendAsync(Injection, NULL, job->Endpoint, 0, &args, AF_INET,
                                          UNSPECIFIED_COMPARTMENT_ID, job->Clone, Complete, job);
#endif
    InterlockedIncrement(&Sent);
    if (!NT_SUCCESS(status)) {
        FwpsFreeCloneNetBufferList(job->Clone, 0);
        ExFreePoolWithTag(job, TAG);
    }
}

static void Work(PDEVICE_OBJECT device, void *context)
{
    struct Job *job = context;
    PIO_WORKITEM item = job->Item;

    UNREFERENCED_PARAMETER(device);
#if WAIT
    LARGE_INTEGER wait;
    wait.QuadPart = -10000LL * WAIT;
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
#endif
    FwpsCompleteOperation(job->Context, job->Clone);
#ifdef TWICE
    FwpsCompleteOperation(job->Context, job->Clone);
#endif
    if (job->Clone) {
        Inject(job);
    } else {
        ExFreePoolWithTag(job, TAG);
    }
    IoFreeWorkItem(item);
}

static BOOLEAN MakeClone(struct Job *job, NET_BUFFER_LIST *list, ULONG back)
{
    NET_BUFFER *buffer;
    NTSTATUS status;

    if (!list) {
        return TRUE; /* a TCP connect has no packet yet */
    }
    buffer = NET_BUFFER_LIST_FIRST_NB(list);
    NdisRetreatNetBufferDataStart(buffer, back, 0, NULL);
    status = FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &job->Clone);
    NdisAdvanceNetBufferDataStart(buffer, back, FALSE, NULL);
    return NT_SUCCESS(status);
}

static void Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                     void *layerData, const void *classifyContext, const FWPS_FILTER *filter,
                     UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    FWPS_PACKET_INJECTION_STATE state =
        layerData ? FwpsQueryPacketInjectionState(Injection, layerData, NULL) : FWPS_PACKET_NOT_INJECTED;
    HANDLE unused;
    struct Job *job;

    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    if (values->incomingValue[FIELD_FLAGS].value.uint32 & FWP_CONDITION_FLAG_IS_REAUTHORIZE) {
        InterlockedIncrement(&Again);
        if (FwpsPendOperation(metadata->completionHandle, &unused) == STATUS_FWP_CANNOT_PEND) {
            InterlockedIncrement(&Refused);
        }
        out->actionType = REFUSE ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
        return;
    }
    if (state == FWPS_PACKET_INJECTED_BY_SELF) {
        InterlockedIncrement(&Mine);
        out->actionType = REFUSE ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
        return;
    }
    out->actionType = FWP_ACTION_BLOCK;
    job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (!job) {
        return;
    }
    RtlZeroMemory(job, sizeof(*job));
    job->Endpoint = metadata->transportEndpointHandle;
    job->Remote = RtlUlongByteSwap(values->incomingValue[FIELD_REMOTE].value.uint32);
    job->Interface = values->incomingValue[FIELD_INTERFACE].value.uint32;
    if (!MakeClone(job, layerData, INBOUND ? metadata->ipHeaderSize + metadata->transportHeaderSize : 0)) {
        ExFreePoolWithTag(job, TAG);
        return;
    }
    if (!FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_COMPLETION_HANDLE) ||
        !NT_SUCCESS(FwpsPendOperation(metadata->completionHandle, &job->Context))) {
        if (job->Clone) {
            FwpsFreeCloneNetBufferList(job->Clone, 0);
        }
        ExFreePoolWithTag(job, TAG);
        return;
    }
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    InterlockedIncrement(&Pended);
#ifdef FORGET
    if (job->Clone) {
        FwpsFreeCloneNetBufferList(job->Clone, 0);
    }
    ExFreePoolWithTag(job, TAG);
    return;
#endif
    job->Item = IoAllocateWorkItem(Device);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
}

static NTSTATUS Notify(FWPS_CALLOUT_NOTIFY_TYPE type, const GUID *key, FWPS_FILTER *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static VOID Stop(void)
{
    if (Engine) {
        FwpmEngineClose(Engine);
    }
    if (CalloutId) {
        FwpsCalloutUnregisterById(CalloutId);
    }
    if (Injection) {
        FwpsInjectionHandleDestroy(Injection);
    }
    IoDeleteDevice(Device);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    Stop();
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL,
               "pended %d, again %d, mine %d, could not pend again %d, sent %d, completed %d\n", (int)Pended,
               (int)Again, (int)Mine, (int)Refused, (int)Sent, (int)Completed);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    FWPS_CALLOUT registration = {0};
    FWPM_CALLOUT callout = {0};
    FWPM_FILTER filter = {0};
    FWPM_SESSION session = {0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_TRANSPORT, &Injection);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &Engine);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    registration.calloutKey = CALLOUT_KEY;
    registration.classifyFn = Classify;
    registration.notifyFn = Notify;
    status = FwpsCalloutRegister(Device, &registration, &CalloutId);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    callout.calloutKey = CALLOUT_KEY;
    callout.displayData.name = L"pend";
    callout.applicableLayer = LAYER;
    status = FwpmCalloutAdd(Engine, &callout, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    filter.displayData.name = L"pend";
    filter.layerKey = LAYER;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = CALLOUT_KEY;
    status = FwpmFilterAdd(Engine, &filter, NULL, NULL);

Exit:
    if (!NT_SUCCESS(status)) {
        Stop();
    }
    return status;
}
