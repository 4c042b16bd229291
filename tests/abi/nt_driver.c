/*
 * A driver that only has to compile: what KMDF control-device drivers and their WDM relatives write,
 * macro by macro. Compiled in both driver modes by nt_modes_test.py.
 */
#include <ntddk.h>
#include <wdf.h>
#include <ntstrsafe.h>
#include <ntintsafe.h>
#include <wdmsec.h>
#include <intrin.h>

#define INITGUID
#include <guiddef.h>

#pragma warning(push)
#pragma warning(disable : 4201)
#pragma warning(pop)

#define SAMPLE_TAG   'lpmS'
#define IOCTL_SAMPLE CTL_CODE(FILE_DEVICE_NETWORK, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

DEFINE_GUID(GUID_SAMPLE, 0x12345678, 0x9abc, 0xdef0, 1, 2, 3, 4, 5, 6, 7, 8);
DECLARE_CONST_UNICODE_STRING(device_name, L"\\Device\\Sample");
DECLARE_GLOBAL_CONST_UNICODE_STRING(link_name, L"\\DosDevices\\Sample");

typedef struct _DEVICE_CONTEXT {
    LIST_ENTRY Entries;
    KSPIN_LOCK Lock;
    WDFWORKITEM WorkItem;
    volatile LONG Count;
} DEVICE_CONTEXT, *PDEVICE_CONTEXT;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(DEVICE_CONTEXT, SampleGetContext)

typedef struct _FILE_CONTEXT {
    HANDLE Process;
} FILE_CONTEXT;
WDF_DECLARE_CONTEXT_TYPE(FILE_CONTEXT);

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD SampleUnload;
EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL SampleControl;
EVT_WDF_WORKITEM SampleWork;
EVT_WDF_FILE_CLOSE SampleClose;
_Function_class_(KDEFERRED_ROUTINE)
    _IRQL_requires_max_(DISPATCH_LEVEL) _IRQL_requires_same_ KDEFERRED_ROUTINE SampleDpc;
KSTART_ROUTINE SampleThread;

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(PAGE, SampleUnload)
#endif

static WDFDEVICE Device;
static PVOID Thread;

_Use_decl_annotations_ VOID
SampleDpc(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    InterlockedIncrement(&((PDEVICE_CONTEXT)DeferredContext)->Count);
}

VOID
SampleThread(_In_ PVOID StartContext)
{
    LARGE_INTEGER interval, now;
    PDEVICE_CONTEXT context = StartContext;

    interval.QuadPart = -10LL * 1000 * 1000;
    KeQuerySystemTime(&now);
    while (InterlockedCompareExchange(&context->Count, 0, 0) < 3)
        KeDelayExecutionThread(KernelMode, FALSE, &interval);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "%llu %wZ\n", KeQueryInterruptTime(),
               &device_name);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

VOID
SampleWork(WDFWORKITEM WorkItem)
{
    PDEVICE_CONTEXT context = SampleGetContext(WdfWorkItemGetParentObject(WorkItem));
    KLOCK_QUEUE_HANDLE handle;
    KIRQL irql;

    KeAcquireInStackQueuedSpinLock(&context->Lock, &handle);
    while (!IsListEmpty(&context->Entries)) {
        PLIST_ENTRY entry = RemoveHeadList(&context->Entries);

        ExFreePoolWithTag(CONTAINING_RECORD(entry, IO_STATUS_BLOCK, Status), SAMPLE_TAG);
    }
    KeReleaseInStackQueuedSpinLock(&handle);
    KeAcquireSpinLock(&context->Lock, &irql);
    KeReleaseSpinLock(&context->Lock, irql);
}

VOID
SampleClose(WDFFILEOBJECT FileObject)
{
    FILE_CONTEXT *context = WdfObjectGet_FILE_CONTEXT(FileObject);

    context->Process = PsGetCurrentProcessId();
}

static NTSTATUS
SampleCopy(PVOID User, SIZE_T Length)
{
    NTSTATUS status = STATUS_SUCCESS;
    PVOID copy = NULL;

    __try {
        ProbeForRead(User, Length, sizeof(UCHAR));
        copy = ExAllocatePool2(POOL_FLAG_NON_PAGED, Length, SAMPLE_TAG);
        if (!copy) {
            status = STATUS_INSUFFICIENT_RESOURCES;
            __leave;
        }
        RtlCopyMemory(copy, User, Length);
    } __except (GetExceptionCode() == STATUS_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER
                                                              : EXCEPTION_CONTINUE_SEARCH) {
        status = GetExceptionCode();
    }
    __try {
        if (copy)
            *(volatile char *)copy = 1;
    } __finally {
        if (copy && !AbnormalTermination())
            ExFreePool(copy);
    }
    return status;
}

VOID
SampleControl(WDFQUEUE Queue, WDFREQUEST Request, size_t OutputBufferLength,
              size_t InputBufferLength, ULONG IoControlCode)
{
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;
    PVOID buffer;
    size_t length, total = 0;
    WCHAR text[32];
    ULONG index = 0;

    UNREFERENCED_PARAMETER(OutputBufferLength);
    switch (IoControlCode) {
    case IOCTL_SAMPLE:
        status = WdfRequestRetrieveInputBuffer(Request, 1, &buffer, &length);
        if (NT_SUCCESS(status) && NT_SUCCESS(RtlSizeTAdd(length, InputBufferLength, &total)))
            status = SampleCopy(buffer, total);
        if (_BitScanForward(&index, (ULONG)total))
            RtlStringCbPrintfW(text, sizeof(text), L"%lu %hu", _byteswap_ulong(index),
                               _byteswap_ushort(1));
        break;
    default:
        break;
    }
    WdfWorkItemEnqueue(SampleGetContext(WdfIoQueueGetDevice(Queue))->WorkItem);
    WdfRequestCompleteWithInformation(Request, status, 0);
}

VOID
SampleUnload(WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    PAGED_CODE();
    if (Thread) {
        KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Thread);
    }
    NT_ASSERT(IsEqualGUID(&GUID_SAMPLE, &GUID_SAMPLE));
}

NTSTATUS
DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_IO_QUEUE_CONFIG queue;
    WDF_FILEOBJECT_CONFIG files;
    WDF_WORKITEM_CONFIG work;
    PWDFDEVICE_INIT init = NULL;
    WDFDRIVER driver;
    WDFKEY key;
    ULONG value = 0;
    HANDLE thread;
    PDEVICE_CONTEXT context;
    NTSTATUS status;
    DECLARE_CONST_UNICODE_STRING(value_name, L"Value");

    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = SampleUnload;
    status =
        WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (!NT_SUCCESS(status))
        goto Exit;
    if (NT_SUCCESS(
            WdfDriverOpenParametersRegistryKey(driver, KEY_READ, WDF_NO_OBJECT_ATTRIBUTES, &key))) {
        (void)WdfRegistryQueryULong(key, &value_name, &value);
        WdfRegistryClose(key);
    }
    init = WdfControlDeviceInitAllocate(driver, &SDDL_DEVOBJ_SYS_ALL_ADM_ALL);
    if (!init) {
        status = STATUS_INSUFFICIENT_RESOURCES;
        goto Exit;
    }
    WdfDeviceInitSetDeviceType(init, FILE_DEVICE_NETWORK);
    WdfDeviceInitSetCharacteristics(init, FILE_DEVICE_SECURE_OPEN, FALSE);
    WDF_FILEOBJECT_CONFIG_INIT(&files, WDF_NO_EVENT_CALLBACK, SampleClose, WDF_NO_EVENT_CALLBACK);
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, FILE_CONTEXT);
    WdfDeviceInitSetFileObjectConfig(init, &files, &attributes);
    status = WdfDeviceInitAssignName(init, &device_name);
    if (!NT_SUCCESS(status))
        goto Exit;
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, DEVICE_CONTEXT);
    status = WdfDeviceCreate(&init, &attributes, &Device);
    if (!NT_SUCCESS(status))
        goto Exit;
    status = WdfDeviceCreateSymbolicLink(Device, &link_name);
    if (!NT_SUCCESS(status))
        goto Exit;
    context = SampleGetContext(Device);
    InitializeListHead(&context->Entries);
    KeInitializeSpinLock(&context->Lock);
    WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&queue, WdfIoQueueDispatchParallel);
    queue.EvtIoDeviceControl = SampleControl;
    status = WdfIoQueueCreate(Device, &queue, WDF_NO_OBJECT_ATTRIBUTES, WDF_NO_HANDLE);
    if (!NT_SUCCESS(status))
        goto Exit;
    WDF_WORKITEM_CONFIG_INIT(&work, SampleWork);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = Device;
    status = WdfWorkItemCreate(&work, &attributes, &context->WorkItem);
    if (!NT_SUCCESS(status))
        goto Exit;
    WdfControlFinishInitializing(Device);
    status =
        PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, SampleThread, context);
    if (NT_SUCCESS(status)) {
        status = ObReferenceObjectByHandle(thread, 0, *PsThreadType, KernelMode, &Thread, NULL);
        ZwClose(thread);
    }
    KdPrint(("sample: %08x\n", status));

Exit:
    if (!NT_SUCCESS(status) && init)
        WdfDeviceInitFree(init);
    return status;
}
