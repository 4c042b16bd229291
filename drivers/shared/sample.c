/*
 * What the sample drivers share. See sample.h.
 */
#define SAMPLE_NAME "sample"
#include "sample.h"

#include <mstcpip.h>
#include <ntstrsafe.h>
#include <wdmsec.h>

#define BUSY_WAIT_MS 10

// ---------------------------------------------------------------- device

static NTSTATUS NameDevice(_In_ SAMPLE *Sample, _Inout_ PWDFDEVICE_INIT Init)
{
    DECLARE_UNICODE_STRING_SIZE(name, 128);
    NTSTATUS status;

    status = RtlUnicodeStringPrintf(&name, L"\\Device\\%ws", Sample->Name);
    return NT_SUCCESS(status) ? WdfDeviceInitAssignName(Init, &name) : status;
}

static NTSTATUS LinkDevice(_In_ SAMPLE *Sample)
{
    DECLARE_UNICODE_STRING_SIZE(link, 128);
    NTSTATUS status;

    status = RtlUnicodeStringPrintf(&link, L"\\DosDevices\\%ws", Sample->Name);
    return NT_SUCCESS(status) ? WdfDeviceCreateSymbolicLink(Sample->Device, &link) : status;
}

_Use_decl_annotations_
NTSTATUS SampleCreateDevice(SAMPLE *Sample, WDFDRIVER Driver, PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL IoControl)
{
    WDF_IO_QUEUE_CONFIG queue;
    PWDFDEVICE_INIT init;
    NTSTATUS status;

    KeInitializeSpinLock(&Sample->FlowLock);
    InitializeListHead(&Sample->Flows);
    init = WdfControlDeviceInitAllocate(Driver, &SDDL_DEVOBJ_SYS_ALL_ADM_ALL);
    if (init == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    WdfDeviceInitSetDeviceType(init, FILE_DEVICE_NETWORK);
    WdfDeviceInitSetCharacteristics(init, FILE_DEVICE_SECURE_OPEN, FALSE);
    status = NameDevice(Sample, init);
    if (NT_SUCCESS(status)) {
        status = WdfDeviceCreate(&init, WDF_NO_OBJECT_ATTRIBUTES, &Sample->Device);
    }
    if (!NT_SUCCESS(status)) {
        WdfDeviceInitFree(init);
        return status;
    }
    status = LinkDevice(Sample);
    if (NT_SUCCESS(status) && IoControl != NULL) {
        WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&queue, WdfIoQueueDispatchSequential);
        queue.EvtIoDeviceControl = IoControl;
        status = WdfIoQueueCreate(Sample->Device, &queue, WDF_NO_OBJECT_ATTRIBUTES, WDF_NO_HANDLE);
    }
    if (!NT_SUCCESS(status)) {
        return status; // the device goes with the driver
    }
    WdfControlFinishInitializing(Sample->Device);
    return STATUS_SUCCESS;
}

// ---------------------------------------------------------------- callouts

static NTSTATUS NTAPI Notify(
    _In_ FWPS_CALLOUT_NOTIFY_TYPE NotifyType,
    _In_ const GUID *FilterKey,
    _Inout_ FWPS_FILTER *Filter)
{
    UNREFERENCED_PARAMETER(NotifyType);
    UNREFERENCED_PARAMETER(FilterKey);
    UNREFERENCED_PARAMETER(Filter);
    return STATUS_SUCCESS;
}

static NTSTATUS Register(_In_ SAMPLE *Sample, _Inout_ SAMPLE_CALLOUT *Callout)
{
    FWPS_CALLOUT registration = {0};
    FWPM_CALLOUT object = {0};
    NTSTATUS status;

    registration.calloutKey = Callout->Key;
    registration.flags = Callout->Flags;
    registration.classifyFn = Callout->Classify;
    registration.notifyFn = Notify;
    registration.flowDeleteFn = Callout->FlowDelete;
    status = FwpsCalloutRegister(WdfDeviceWdmGetDeviceObject(Sample->Device), &registration, &Callout->Id);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    object.calloutKey = Callout->Key;
    object.displayData.name = Callout->Name;
    object.applicableLayer = *Callout->Layer;
    return FwpmCalloutAdd(Sample->Engine, &object, NULL, NULL);
}

static NTSTATUS AddFilter(_In_ SAMPLE *Sample, _In_ const SAMPLE_CALLOUT *Callout)
{
    FWPM_FILTER filter = {0};

    filter.displayData.name = Callout->Name;
    filter.layerKey = *Callout->Layer;
    filter.subLayerKey = Sample->SubLayer;
    filter.weight.type = FWP_EMPTY;
    filter.numFilterConditions = Callout->ConditionCount;
    filter.filterCondition = Callout->Conditions;
    filter.action.type = Callout->Action;
    filter.action.calloutKey = Callout->Key;
    return FwpmFilterAdd(Sample->Engine, &filter, NULL, NULL);
}

static NTSTATUS AddAll(_In_ SAMPLE *Sample)
{
    FWPM_SUBLAYER sublayer = {0};
    NTSTATUS status;

    sublayer.subLayerKey = Sample->SubLayer;
    sublayer.displayData.name = Sample->Name;
    sublayer.weight = 0x1000;
    status = FwpmSubLayerAdd(Sample->Engine, &sublayer, NULL);
    for (ULONG i = 0; NT_SUCCESS(status) && i < Sample->CalloutCount; i++) {
        status = Register(Sample, &Sample->Callouts[i]);
        if (NT_SUCCESS(status) && !Sample->Callouts[i].NoFilter) {
            status = AddFilter(Sample, &Sample->Callouts[i]);
        }
        if (!NT_SUCCESS(status)) {
            LOG_ERROR("%ws: cannot be added, status 0x%08x", Sample->Callouts[i].Name, (ULONG)status);
        }
    }
    return status;
}

_Use_decl_annotations_
NTSTATUS SampleStart(SAMPLE *Sample)
{
    FWPM_SESSION session = {0};
    NTSTATUS status;

    session.displayData.name = Sample->Name;
    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &Sample->Engine);
    if (!NT_SUCCESS(status)) {
        Sample->Engine = NULL;
        return status;
    }
    status = FwpmTransactionBegin(Sample->Engine, 0);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = AddAll(Sample);
    if (NT_SUCCESS(status)) {
        return FwpmTransactionCommit(Sample->Engine);
    }
    FwpmTransactionAbort(Sample->Engine);
    return status;
}

_Use_decl_annotations_
VOID SampleStopClassify(SAMPLE *Sample)
{
    if (Sample->Engine != NULL) {
        FwpmEngineClose(Sample->Engine);
        Sample->Engine = NULL;
    }
}

// Ask every flow that we know of to give its context back. One whose classify runs does so later.
static VOID RemoveContexts(_Inout_ SAMPLE *Sample)
{
    ULONG pass = ++Sample->FlowPass;
    KLOCK_QUEUE_HANDLE lock;
    SAMPLE_FLOW *context, copy;
    BOOLEAN found;

    do {
        found = FALSE;
        KeAcquireInStackQueuedSpinLock(&Sample->FlowLock, &lock);
        for (LIST_ENTRY *e = Sample->Flows.Flink; e != &Sample->Flows && !found; e = e->Flink) {
            context = CONTAINING_RECORD(e, SAMPLE_FLOW, Link);
            if (context->Pass != pass) {
                context->Pass = pass;
                copy = *context;
                found = TRUE;
            }
        }
        KeReleaseInStackQueuedSpinLock(&lock);
        if (found) { // without the lock: flowDeleteFn, which takes it, runs before this returns
            (void)FwpsFlowRemoveContext(copy.Flow, copy.Layer, copy.Callout);
        }
    } while (found);
}

_Use_decl_annotations_
VOID SampleUnregister(SAMPLE *Sample)
{
    SAMPLE_CALLOUT *callout;
    LARGE_INTEGER interval;

    interval.QuadPart = -10000LL * BUSY_WAIT_MS;
    for (ULONG i = 0; i < Sample->CalloutCount; i++) {
        callout = &Sample->Callouts[i];
        if (callout->Id == 0) {
            continue;
        }
        // busy while a flow has a context of this callout: take them off, and try again
        while (FwpsCalloutUnregisterById(callout->Id) == STATUS_DEVICE_BUSY) {
            RemoveContexts(Sample);
            KeDelayExecutionThread(KernelMode, FALSE, &interval);
        }
        callout->Id = 0;
    }
}

// ---------------------------------------------------------------- flow contexts

_Use_decl_annotations_
NTSTATUS SampleFlowAssociate(SAMPLE *Sample, SAMPLE_FLOW *Context, UINT64 Flow, UINT16 Layer, UINT32 Callout)
{
    KLOCK_QUEUE_HANDLE lock;
    NTSTATUS status;

    Context->Flow = Flow;
    Context->Layer = Layer;
    Context->Callout = Callout;
    // listed first: once it hangs on the flow, flowDeleteFn may run at any time
    KeAcquireInStackQueuedSpinLock(&Sample->FlowLock, &lock);
    Context->Pass = Sample->FlowPass;
    InsertTailList(&Sample->Flows, &Context->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    status = FwpsFlowAssociateContext(Flow, Layer, Callout, (UINT64)(ULONG_PTR)Context);
    if (!NT_SUCCESS(status)) {
        SampleFlowDeleted(Sample, Context);
    }
    return status;
}

_Use_decl_annotations_
VOID SampleFlowDeleted(SAMPLE *Sample, SAMPLE_FLOW *Context)
{
    KLOCK_QUEUE_HANDLE lock;

    KeAcquireInStackQueuedSpinLock(&Sample->FlowLock, &lock);
    RemoveEntryList(&Context->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
}

// ---------------------------------------------------------------- registry parameters

_Use_decl_annotations_
NTSTATUS SampleReadUlong(WDFDRIVER Driver, PCWSTR Name, ULONG *Value)
{
    UNICODE_STRING name;
    ULONG value;
    WDFKEY key;
    NTSTATUS status;

    RtlInitUnicodeString(&name, Name);
    status = WdfDriverOpenParametersRegistryKey(Driver, KEY_READ, WDF_NO_OBJECT_ATTRIBUTES, &key);
    if (!NT_SUCCESS(status)) {
        return STATUS_SUCCESS;
    }
    status = WdfRegistryQueryULong(key, &name, &value);
    WdfRegistryClose(key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("parameter %ws must be a REG_DWORD", Name);
        return status;
    }
    *Value = value;
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
NTSTATUS SampleReadString(WDFDRIVER Driver, PCWSTR Name, WCHAR *Buffer, ULONG Size)
{
    UNICODE_STRING name, text;
    WDFSTRING string = NULL;
    WDFKEY key;
    NTSTATUS status;

    RtlInitUnicodeString(&name, Name);
    status = WdfDriverOpenParametersRegistryKey(Driver, KEY_READ, WDF_NO_OBJECT_ATTRIBUTES, &key);
    if (!NT_SUCCESS(status)) {
        return STATUS_SUCCESS;
    }
    status = WdfStringCreate(NULL, WDF_NO_OBJECT_ATTRIBUTES, &string);
    if (NT_SUCCESS(status)) {
        status = WdfRegistryQueryString(key, &name, string);
    }
    if (NT_SUCCESS(status)) {
        WdfStringGetUnicodeString(string, &text);
        if (text.Length >= Size * sizeof(WCHAR)) {
            status = STATUS_BUFFER_OVERFLOW;
        } else {
            RtlCopyMemory(Buffer, text.Buffer, text.Length);
            Buffer[text.Length / sizeof(WCHAR)] = 0;
        }
    }
    if (string != NULL) {
        WdfObjectDelete(string);
    }
    WdfRegistryClose(key);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("parameter %ws must be a REG_SZ of at most %u characters", Name, Size - 1);
    }
    return status;
}

_Use_decl_annotations_
NTSTATUS SampleReadAddress(WDFDRIVER Driver, PCWSTR Name, SAMPLE_ADDRESS *Address)
{
    WCHAR text[INET6_ADDRSTRLEN] = {0};
    struct in_addr v4;
    struct in6_addr v6;
    PCWSTR end;
    NTSTATUS status;

    RtlZeroMemory(Address, sizeof(*Address));
    status = SampleReadString(Driver, Name, text, RTL_NUMBER_OF(text));
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (text[0] != 0 && NT_SUCCESS(RtlIpv4StringToAddressW(text, TRUE, &end, &v4)) && *end == 0) {
        Address->Family = AF_INET;
        RtlCopyMemory(Address->Bytes, &v4, sizeof(v4));
        return STATUS_SUCCESS;
    }
    if (text[0] != 0 && NT_SUCCESS(RtlIpv6StringToAddressW(text, &end, &v6)) && *end == 0) {
        Address->Family = AF_INET6;
        RtlCopyMemory(Address->Bytes, &v6, sizeof(v6));
        return STATUS_SUCCESS;
    }
    LOG_ERROR("parameter %ws must be an IPv4 or IPv6 address, is '%ws'", Name, text);
    return STATUS_INVALID_PARAMETER;
}

// ---------------------------------------------------------------- addresses

_Use_decl_annotations_
VOID SampleAddressOf(const FWP_VALUE *Value, SAMPLE_ADDRESS *Address)
{
    UINT32 v4;

    RtlZeroMemory(Address, sizeof(*Address));
    if (Value->type == FWP_UINT32) {
        v4 = RtlUlongByteSwap(Value->uint32); // host order to network order
        Address->Family = AF_INET;
        RtlCopyMemory(Address->Bytes, &v4, sizeof(v4));
    } else if (Value->type == FWP_BYTE_ARRAY16_TYPE) {
        Address->Family = AF_INET6;
        RtlCopyMemory(Address->Bytes, Value->byteArray16->byteArray16, sizeof(Address->Bytes));
    }
}

_Use_decl_annotations_
BOOLEAN SampleSameAddress(const SAMPLE_ADDRESS *A, const SAMPLE_ADDRESS *B)
{
    ULONG size = SampleAddressSize(A->Family);

    return A->Family == B->Family && RtlCompareMemory(A->Bytes, B->Bytes, size) == size;
}

_Use_decl_annotations_
VOID SampleAddressCondition(const GUID *Field, SAMPLE_ADDRESS *Address, FWPM_FILTER_CONDITION *Condition)
{
    UINT32 v4;

    RtlZeroMemory(Condition, sizeof(*Condition));
    Condition->fieldKey = *Field;
    Condition->matchType = FWP_MATCH_EQUAL;
    if (Address->Family == AF_INET) {
        RtlCopyMemory(&v4, Address->Bytes, sizeof(v4));
        Condition->conditionValue.type = FWP_UINT32;
        Condition->conditionValue.uint32 = RtlUlongByteSwap(v4);
    } else {
        Condition->conditionValue.type = FWP_BYTE_ARRAY16_TYPE;
        Condition->conditionValue.byteArray16 = &Address->V6;
    }
}

_Use_decl_annotations_
const WCHAR *SampleFormat(const SAMPLE_ADDRESS *Address, UINT16 Port, SAMPLE_TEXT *Text)
{
    WCHAR address[INET6_ADDRSTRLEN];

    if (Address->Family == AF_INET6) {
        RtlIpv6AddressToStringW((const struct in6_addr *)Address->Bytes, address);
        RtlStringCchPrintfW(Text->Text, RTL_NUMBER_OF(Text->Text), L"[%ws]:%u", address, Port);
    } else {
        RtlIpv4AddressToStringW((const struct in_addr *)Address->Bytes, address);
        RtlStringCchPrintfW(Text->Text, RTL_NUMBER_OF(Text->Text), L"%ws:%u", address, Port);
    }
    return Text->Text;
}

// ---------------------------------------------------------------- threads

_Use_decl_annotations_
NTSTATUS SampleStartThread(PKSTART_ROUTINE Routine, PKTHREAD *Thread)
{
    HANDLE handle;
    NTSTATUS status;

    *Thread = NULL;
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Routine, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ObReferenceObjectByHandle(handle, SYNCHRONIZE, NULL, KernelMode, (PVOID *)Thread, NULL);
    NT_ASSERT(NT_SUCCESS(status)); // a handle we have just been given
    ZwClose(handle);
    return status;
}

_Use_decl_annotations_
VOID SampleJoinThread(PKTHREAD Thread)
{
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
}
