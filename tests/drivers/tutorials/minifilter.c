/*
 * Tutorial: a product's driver that is a file system minifilter and a callout driver in one, with a communication
 * port, contexts, a Winsock Kernel registration and what such drivers ask of the kernel besides. It is unloaded by
 * its FilterUnloadCallback alone. Blocks UDP at ALE_AUTH_CONNECT.
 */
#include <fltKernel.h>
#include <wsk.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>
#include <tdikrnl.h>
#include <netioapi.h>
#include <bcrypt.h>

#define TAG 'tlfm'

DEFINE_GUID(CALLOUT_KEY, 0x7a1d0045, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 1);
DEFINE_GUID(SUBLAYER_KEY, 0x7a1d0045, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 2);

C_ASSERT(sizeof(FLT_REGISTRATION) == 112 && FIELD_OFFSET(FLT_REGISTRATION, FilterUnloadCallback) == 24);
C_ASSERT(sizeof(FLT_CALLBACK_DATA) == 88 && FIELD_OFFSET(FLT_CALLBACK_DATA, IoStatus) == 24);
C_ASSERT(FIELD_OFFSET(FLT_IO_PARAMETER_BLOCK, Parameters) == 24 && sizeof(FLT_OPERATION_REGISTRATION) == 32);
C_ASSERT(sizeof(FLT_FILE_NAME_INFORMATION) == 120 && sizeof(FLT_RELATED_OBJECTS) == 48);
C_ASSERT(FIELD_OFFSET(FLT_PARAMETERS, Create.EaBuffer) == 32 && FIELD_OFFSET(FLT_PARAMETERS, Write.MdlAddress) == 32);
C_ASSERT(sizeof(MIB_IF_ROW2) == 1352 && sizeof(MIB_IPFORWARD_ROW2) == 104 && sizeof(MIB_IPINTERFACE_ROW) == 168);
C_ASSERT(sizeof(MIB_UNICASTIPADDRESS_ROW) == 80 && sizeof(MIB_IPNET_ROW2) == 88);
C_ASSERT(sizeof(WSK_BUF) == 24 && sizeof(WSK_PROVIDER_DISPATCH) == 56 && sizeof(WSK_REGISTRATION) == 24);

typedef enum _COMMAND {
} COMMAND; /* none yet: cl takes that */

typedef struct _STREAM_CONTEXT {
    ULONG Number;
    COMMAND Last;
} STREAM_CONTEXT, *PSTREAM_CONTEXT;

static struct {
    PFLT_FILTER Filter;
    PFLT_PORT ServerPort, ClientPort;
    PDEVICE_OBJECT Device;
    HANDLE Engine;
    UINT32 Callout;
    WSK_REGISTRATION Wsk;
    EX_PUSH_LOCK Lock;
    ULONG Blocked, Cleaned;
} Globals;

static const WSK_CLIENT_DISPATCH WskDispatch = {MAKE_WSK_VERSION(1, 0), 0, NULL};
static WSK_CLIENT_NPI WskClient = {NULL, &WskDispatch};

DRIVER_INITIALIZE DriverEntry;

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreCreate(_Inout_ PFLT_CALLBACK_DATA Data, _In_ PCFLT_RELATED_OBJECTS FltObjects,
                                                  _Flt_CompletionContext_Outptr_ PVOID *CompletionContext)
{
    PFLT_FILE_NAME_INFORMATION name;

    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(CompletionContext);
    if (FlagOn(Data->Iopb->Parameters.Create.Options, FILE_DIRECTORY_FILE)) {
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    }
    if (NT_SUCCESS(FltGetFileNameInformation(Data, FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT, &name))) {
        FltParseFileNameInformation(name);
        FltReleaseFileNameInformation(name);
    }
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

static VOID FLTAPI ContextCleanup(_In_ PFLT_CONTEXT Context, _In_ FLT_CONTEXT_TYPE ContextType)
{
    Globals.Cleaned += ContextType == FLT_STREAM_CONTEXT ? ((PSTREAM_CONTEXT)Context)->Number : 0;
}

static NTSTATUS FLTAPI InstanceSetup(_In_ PCFLT_RELATED_OBJECTS FltObjects, _In_ FLT_INSTANCE_SETUP_FLAGS Flags,
                                     _In_ DEVICE_TYPE VolumeDeviceType, _In_ FLT_FILESYSTEM_TYPE VolumeFilesystemType)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Flags);
    UNREFERENCED_PARAMETER(VolumeDeviceType);
    return VolumeFilesystemType == FLT_FSTYPE_NTFS ? STATUS_SUCCESS : STATUS_FLT_DO_NOT_ATTACH;
}

static NTSTATUS FLTAPI Unload(_In_ FLT_FILTER_UNLOAD_FLAGS Flags);

static const FLT_OPERATION_REGISTRATION Operations[] = {
    {IRP_MJ_CREATE, FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, PreCreate, NULL},
    {IRP_MJ_OPERATION_END},
};
static const FLT_CONTEXT_REGISTRATION Contexts[] = {
    {FLT_STREAM_CONTEXT, 0, ContextCleanup, sizeof(STREAM_CONTEXT), TAG},
    {FLT_CONTEXT_END},
};
static const FLT_REGISTRATION Registration = {
    sizeof(FLT_REGISTRATION), FLT_REGISTRATION_VERSION, 0, Contexts, Operations, Unload, InstanceSetup,
    NULL, NULL, NULL, NULL, NULL, NULL,
};

static NTSTATUS FLTAPI Connect(_In_ PFLT_PORT ClientPort, _In_opt_ PVOID ServerPortCookie, _In_opt_ PVOID Context,
                               _In_ ULONG SizeOfContext, _Outptr_result_maybenull_ PVOID *ConnectionCookie)
{
    UNREFERENCED_PARAMETER(ServerPortCookie);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(SizeOfContext);
    Globals.ClientPort = ClientPort;
    *ConnectionCookie = NULL;
    return STATUS_SUCCESS;
}

static VOID FLTAPI Disconnect(_In_opt_ PVOID ConnectionCookie)
{
    UNREFERENCED_PARAMETER(ConnectionCookie);
    FltCloseClientPort(Globals.Filter, &Globals.ClientPort);
}

static NTSTATUS CreatePort(VOID)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\TutorialPort");
    PSECURITY_DESCRIPTOR descriptor;
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status = FltBuildDefaultSecurityDescriptor(&descriptor, FLT_PORT_ALL_ACCESS);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, descriptor);
    status = FltCreateCommunicationPort(Globals.Filter, &Globals.ServerPort, &attributes, NULL, Connect, Disconnect,
                                        NULL, 1);
    if (NT_SUCCESS(status)) {
        PFLT_PORT second;
        NT_VERIFY(FltCreateCommunicationPort(Globals.Filter, &second, &attributes, NULL, Connect, Disconnect, NULL, 1)
                  == STATUS_OBJECT_NAME_COLLISION);
    }
    FltFreeSecurityDescriptor(descriptor);
    return status;
}

static VOID NTAPI Classify(_In_ const FWPS_INCOMING_VALUES0 *values, _In_ const FWPS_INCOMING_METADATA_VALUES0 *metadata,
                           _Inout_opt_ void *layerData, _In_opt_ const void *context, _In_ const FWPS_FILTER1 *filter,
                           _In_ UINT64 flowContext, _Inout_ FWPS_CLASSIFY_OUT0 *out)
{
    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    if (values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_PROTOCOL].value.uint8 != IPPROTO_UDP) {
        out->actionType = FWP_ACTION_PERMIT;
        return;
    }
    Globals.Blocked++;
    out->actionType = FWP_ACTION_BLOCK;
    out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
}

static NTSTATUS NTAPI Notify(_In_ FWPS_CALLOUT_NOTIFY_TYPE type, _In_ const GUID *key, _Inout_ FWPS_FILTER1 *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static NTSTATUS StartCallout(VOID)
{
    FWPM_SESSION0 session = {.flags = FWPM_SESSION_FLAG_DYNAMIC};
    FWPS_CALLOUT1 runtime = {.calloutKey = CALLOUT_KEY, .classifyFn = Classify, .notifyFn = Notify};
    FWPM_CALLOUT0 callout = {.calloutKey = CALLOUT_KEY, .displayData.name = L"Tutorial"};
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = SUBLAYER_KEY, .displayData.name = L"Tutorial"};
    FWPM_FILTER0 filter = {.displayData.name = L"Tutorial", .subLayerKey = SUBLAYER_KEY};
    NTSTATUS status = FwpsCalloutRegister1(Globals.Device, &runtime, &Globals.Callout);

    if (NT_SUCCESS(status)) {
        status = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &Globals.Engine);
    }
    callout.applicableLayer = filter.layerKey = FWPM_LAYER_ALE_AUTH_CONNECT_V4;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = CALLOUT_KEY;
    if (NT_SUCCESS(status)) {
        status = FwpmCalloutAdd0(Globals.Engine, &callout, NULL, NULL);
    }
    if (NT_SUCCESS(status)) {
        status = FwpmSubLayerAdd0(Globals.Engine, &sublayer, NULL);
    }
    return NT_SUCCESS(status) ? FwpmFilterAdd0(Globals.Engine, &filter, NULL, NULL) : status;
}

static ULONG UseContexts(VOID)
{
    PSTREAM_CONTEXT context;
    PFLT_CONTEXT none;
    ULONG right = 0;

    right += FltAllocateContext(Globals.Filter, FLT_STREAM_CONTEXT, 1, PagedPool, &none) ==
             STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    if (NT_SUCCESS(FltAllocateContext(Globals.Filter, FLT_STREAM_CONTEXT, sizeof(*context), PagedPool,
                                      (PFLT_CONTEXT *)&context))) {
        context->Number = 7;
        FltReferenceContext(context);
        FltReleaseContext(context);
        right += Globals.Cleaned == 0;
        FltReleaseContext(context);
        right += Globals.Cleaned == 7;
    }
    return right;
}

static VOID NTAPI InterfaceChanged(_In_ PVOID CallerContext, _In_opt_ PMIB_IPINTERFACE_ROW Row,
                                   _In_ MIB_NOTIFICATION_TYPE Type)
{
    *(PULONG)CallerContext += Row == NULL && Type == MibInitialNotification;
}

static ULONG AskNetwork(VOID)
{
    HANDLE notification = NULL;
    MIB_UNICASTIPADDRESS_ROW row;
    UCHAR random[7] = {0};
    NET_LUID luid;
    NET_IFINDEX index = 0;
    ULONG right = 0;

    right += NT_SUCCESS(ConvertInterfaceIndexToLuid(3, &luid)) && luid.Info.NetLuidIndex == 3;
    right += NT_SUCCESS(ConvertInterfaceLuidToIndex(&luid, &index)) && index == 3;
    right += ConvertInterfaceLuidToIndex(NULL, &index) == STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(NotifyIpInterfaceChange(AF_UNSPEC, InterfaceChanged, &right, TRUE, &notification))) {
        right += NT_SUCCESS(CancelMibChangeNotify2(notification));
    }
    InitializeUnicastIpAddressEntry(&row);
    right += row.PreferredLifetime == 0xffffffff && row.ScopeId.Value == 0;
    right += NT_SUCCESS(BCryptGenRandom(NULL, random, sizeof(random), BCRYPT_USE_SYSTEM_PREFERRED_RNG)) &&
             (random[0] | random[1] | random[2] | random[3]) != 0 && (random[4] | random[5] | random[6]) != 0;
    return right;
}

static ULONG AskKernel(VOID)
{
    LARGE_INTEGER timeout = {.QuadPart = -10000};
    LUID a = {1, 2}, b = {1, 2};
    MM_COPY_ADDRESS from;
    SIZE_T copied = 0;
    ULONG number = 0x12345678, copy = 0, right = 0;
    KPRIORITY priority = LOW_REALTIME_PRIORITY;

    from.VirtualAddress = &number;
    right += NT_SUCCESS(MmCopyMemory(&copy, from, sizeof(copy), MM_COPY_MEMORY_VIRTUAL, &copied)) && copy == number;
    from.PhysicalAddress = MmGetPhysicalAddress(&number);
    right += NT_SUCCESS(MmCopyMemory(&copy, from, 2, MM_COPY_MEMORY_PHYSICAL, &copied)) && copied == 2;
    from.VirtualAddress = NULL;
    right += !NT_SUCCESS(MmCopyMemory(&copy, from, sizeof(copy), MM_COPY_MEMORY_VIRTUAL, &copied)) && copied == 0;
    right += FltSendMessage(Globals.Filter, &Globals.ClientPort, &number, sizeof(number), NULL, NULL, &timeout) ==
             STATUS_PORT_DISCONNECTED;
    right += RtlEqualLuid(&a, &b);
    right += FsRtlIsNtstatusExpected(STATUS_END_OF_FILE) && !FsRtlIsNtstatusExpected(STATUS_ACCESS_VIOLATION);
    right += KeNumberProcessors >= 1 && KD_DEBUGGER_NOT_PRESENT && !KD_DEBUGGER_ENABLED;
    right += IoGetTopLevelIrp() == NULL && IoThreadToProcess(PsGetCurrentThread()) != NULL;
    right += NT_SUCCESS(ZwSetInformationThread(ZwCurrentThread(), ThreadPriority, &priority, sizeof(priority)));
    right += ZwSetInformationThread(ZwCurrentThread(), ThreadPriority, &priority, 1) == STATUS_INFO_LENGTH_MISMATCH;
    return right;
}

static NTSTATUS FLTAPI Unload(_In_ FLT_FILTER_UNLOAD_FLAGS Flags)
{
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "minifilter: blocked %u, flags %x\n", Globals.Blocked, Flags);
    FwpmEngineClose0(Globals.Engine);
    FwpsCalloutUnregisterById0(Globals.Callout);
    WskDeregister(&Globals.Wsk);
    FltCloseCommunicationPort(Globals.ServerPort);
    FltUnregisterFilter(Globals.Filter);
    FltDeletePushLock(&Globals.Lock);
    IoDeleteDevice(Globals.Device);
    return STATUS_SUCCESS;
}

NTSTATUS DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    PFLT_VOLUME volume;
    ULONG volumes = 99;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    FltInitializePushLock(&Globals.Lock);
    status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Globals.Device);
    if (NT_SUCCESS(status)) {
        status = FltRegisterFilter(DriverObject, &Registration, &Globals.Filter);
    }
    if (NT_SUCCESS(status)) {
        status = CreatePort();
    }
    if (NT_SUCCESS(status)) {
        status = WskRegister(&WskClient, &Globals.Wsk);
    }
    if (NT_SUCCESS(status)) {
        status = StartCallout();
    }
    if (NT_SUCCESS(status)) {
        status = FltStartFiltering(Globals.Filter);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    FltAcquirePushLockExclusive(&Globals.Lock);
    status = FltEnumerateVolumes(Globals.Filter, &volume, 1, &volumes);
    FltReleasePushLock(&Globals.Lock);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "minifilter: contexts %u, kernel %u, network %u, volumes %u, again %x\n",
               UseContexts(), AskKernel(), AskNetwork(), volumes, FltStartFiltering(Globals.Filter));
    return STATUS_SUCCESS;
}
