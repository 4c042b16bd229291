/*
 * Takes every packet of one layer out of the stack and puts it back in another way:
 *
 *   WAY  1 OUTBOUND_IPPACKET, network send      3 INBOUND_IPPACKET, network receive
 *        2 OUTBOUND_TRANSPORT, transport send   4 INBOUND_TRANSPORT, transport receive
 *   COPY 0 a clone, from inside classify        1 a list of its own bytes, from a work item
 *
 * Traffic must not notice.
 */
#include <ntddk.h>
#include <initguid.h>
#include <ndis.h>
#include <fwpsk.h>
#include <fwpmk.h>

DEFINE_GUID(CALLOUT_KEY, 0x7a1d0003, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);

#if WAY == 1
#define LAYER     FWPM_LAYER_OUTBOUND_IPPACKET_V4
#define HANDLE_OF FWPS_INJECTION_TYPE_NETWORK
#elif WAY == 2
#define LAYER     FWPM_LAYER_OUTBOUND_TRANSPORT_V4
#define HANDLE_OF FWPS_INJECTION_TYPE_TRANSPORT
#elif WAY == 3
#define LAYER     FWPM_LAYER_INBOUND_IPPACKET_V4
#define HANDLE_OF FWPS_INJECTION_TYPE_NETWORK
#else
#define LAYER     FWPM_LAYER_INBOUND_TRANSPORT_V4
#define HANDLE_OF FWPS_INJECTION_TYPE_TRANSPORT
#endif

#define TAG 'jniR'

struct Job {
    PIO_WORKITEM Item;
    NET_BUFFER_LIST *List;
    UCHAR *Bytes; /* of a copy, else NULL */
    MDL *Mdl;
    UINT64 Endpoint;
    UINT32 Local, Remote; /* network order */
    UCHAR Protocol;
    IF_INDEX Interface;
};

static PDEVICE_OBJECT Device;
static NDIS_HANDLE Pool;
static HANDLE Engine, Injection;
static UINT32 CalloutId;
static LONG Taken, Completed, Failed, Mine;

static void FreeJob(struct Job *job)
{
    if (job->Bytes) {
        NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(job->List);

        if (NET_BUFFER_FIRST_MDL(buffer) != job->Mdl) { /* the header's */
            MDL *first = NET_BUFFER_FIRST_MDL(buffer);

            NET_BUFFER_FIRST_MDL(buffer) = job->Mdl;
            NdisFreeMdl(first);
        }
        FwpsFreeNetBufferList(job->List);
        IoFreeMdl(job->Mdl);
        ExFreePoolWithTag(job->Bytes, TAG);
    } else {
        FwpsFreeCloneNetBufferList(job->List, 0);
    }
    ExFreePoolWithTag(job, TAG);
}

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(list);
    UNREFERENCED_PARAMETER(dispatchLevel);
    FreeJob(context);
    InterlockedIncrement(&Completed);
}

static void Inject(struct Job *job)
{
    NTSTATUS status;

#if WAY == 1
    status = FwpsInjectNetworkSendAsync(Injection, NULL, 0, UNSPECIFIED_COMPARTMENT_ID, job->List, Complete, job);
#elif WAY == 2
    FWPS_TRANSPORT_SEND_PARAMS args = {0};

    args.remoteAddress = (UCHAR *)&job->Remote;
    if (job->Bytes) {
        /* a copy gets an IP header, a clone's is that of the packet it is of */
        status = FwpsConstructIpHeaderForTransportPacket(job->List, 0, AF_INET, (UCHAR *)&job->Local,
                                                         (UCHAR *)&job->Remote, job->Protocol, job->Endpoint, NULL,
                                                         0, 0, NULL, 0, 0);
        if (!NT_SUCCESS(status)) {
            InterlockedIncrement(&Failed);
        }
    }
    status = FwpsInjectTransportSendAsync(Injection, NULL, job->Endpoint, 0, job->Bytes ? NULL : &args, AF_INET,
                                          UNSPECIFIED_COMPARTMENT_ID, job->List, Complete, job);
#elif WAY == 3
    status = FwpsInjectNetworkReceiveAsync(Injection, NULL, 0, UNSPECIFIED_COMPARTMENT_ID, job->Interface, 0,
                                           job->List, Complete, job);
#else
    status = FwpsInjectTransportReceiveAsync(Injection, NULL, NULL, 0, AF_INET, UNSPECIFIED_COMPARTMENT_ID,
                                             job->Interface, 0, job->List, Complete, job);
#endif
    if (!NT_SUCCESS(status)) {
        InterlockedIncrement(&Failed);
        FreeJob(job);
    }
}

static void Work(PDEVICE_OBJECT device, void *context)
{
    struct Job *job = context;
    PIO_WORKITEM item = job->Item;

    UNREFERENCED_PARAMETER(device);
    Inject(job);
    IoFreeWorkItem(item);
}

/* The packet from its IP header on, as a clone or with bytes of its own. */
static BOOLEAN MakeList(struct Job *job, NET_BUFFER_LIST *list)
{
#if COPY
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(list);
    ULONG length = NET_BUFFER_DATA_LENGTH(buffer);
    UCHAR *bytes;

    job->Bytes = ExAllocatePoolWithTag(NonPagedPoolNx, length, TAG);
    if (!job->Bytes) {
        return FALSE;
    }
    bytes = NdisGetDataBuffer(buffer, length, job->Bytes, 1, 0);
    if (bytes != job->Bytes) {
        RtlCopyMemory(job->Bytes, bytes, length);
    }
    job->Mdl = IoAllocateMdl(job->Bytes, length, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(job->Mdl);
    return NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList(Pool, 0, 0, job->Mdl, 0, length, &job->List));
#else
    return NT_SUCCESS(FwpsAllocateCloneNetBufferList(list, NULL, NULL, 0, &job->List));
#endif
}

static void Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                     void *layerData, const void *classifyContext, const FWPS_FILTER *filter,
                     UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    FWPS_PACKET_INJECTION_STATE state = FwpsQueryPacketInjectionState(Injection, layerData, NULL);
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)layerData);
    ULONG back = 0;
    struct Job *job;
    BOOLEAN made;

    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    if (state == FWPS_PACKET_INJECTED_BY_SELF || state == FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF) {
        InterlockedIncrement(&Mine);
        out->actionType = FWP_ACTION_PERMIT;
        return;
    }
    job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (!job) {
        return;
    }
    RtlZeroMemory(job, sizeof(*job));
#if WAY == 2
    job->Endpoint = metadata->transportEndpointHandle;
    job->Protocol = values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_PROTOCOL].value.uint8;
    job->Local = RtlUlongByteSwap(values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_LOCAL_ADDRESS].value.uint32);
    job->Remote = RtlUlongByteSwap(values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32);
#elif WAY == 3
    job->Interface = values->incomingValue[FWPS_FIELD_INBOUND_IPPACKET_V4_INTERFACE_INDEX].value.uint32;
    back = metadata->ipHeaderSize;
#elif WAY == 4
    job->Interface = values->incomingValue[FWPS_FIELD_INBOUND_TRANSPORT_V4_INTERFACE_INDEX].value.uint32;
    back = metadata->ipHeaderSize + metadata->transportHeaderSize;
#endif
    NdisRetreatNetBufferDataStart(buffer, back, 0, NULL);
    made = MakeList(job, layerData);
    NdisAdvanceNetBufferDataStart(buffer, back, FALSE, NULL);
    if (!made) {
        ExFreePoolWithTag(job, TAG);
        return;
    }
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    InterlockedIncrement(&Taken);
    if (COPY) {
        job->Item = IoAllocateWorkItem(Device);
        IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
    } else {
        Inject(job);
    }
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
    if (Pool) {
        NdisFreeNetBufferListPool(Pool);
    }
    IoDeleteDevice(Device);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    Stop();
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "taken %s, failed %d, %s, %s\n", Taken ? "some" : "none",
               (int)Failed, Taken == Completed ? "all completed" : "NOT ALL COMPLETED",
               Mine >= Completed ? "all seen again" : "NOT ALL SEEN AGAIN");
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {0};
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
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.Header.Size = sizeof(parameters);
    parameters.fAllocateNetBuffer = TRUE;
    parameters.PoolTag = TAG;
    Pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    status = Pool ? FwpsInjectionHandleCreate(AF_INET, HANDLE_OF, &Injection) : STATUS_INSUFFICIENT_RESOURCES;
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
    callout.displayData.name = L"reinject_live";
    callout.applicableLayer = LAYER;
    status = FwpmCalloutAdd(Engine, &callout, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    filter.displayData.name = L"reinject_live";
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
