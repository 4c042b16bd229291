/*
 * A driver that is all device: \\.\OpenWfpDevice, with what programs can ask of one.
 *
 *   0x800 buffered    ADD_ONE      each byte of the input plus one
 *   0x801 in-direct   SUM          32-bit sum of the output buffer's bytes, into its first four (and length)
 *   0x802 out-direct  FILL         the output buffer with the input's first byte
 *   0x803 neither     FOLLOW       the input is {UINT64 address, UINT64 length} of the program's memory:
 *                                  its bytes are turned round in place
 *   0x804 buffered    HOLD         pends until 0x805 or until cancelled
 *   0x805 buffered    RELEASE      completes the oldest HOLD with this one's input
 *   0x806 buffered    COUNT_LATER  pends; a work item or (input byte 1) a timer of 10 ms answers how many requests this
 *                                  file has sent
 *   0x807 buffered    REFUSE       STATUS_ACCESS_DENIED
 *   0x808 buffered    CRASH        writes through a NULL pointer at DISPATCH_LEVEL
 *
 * Written bytes can be read back, from the offset on. "\\.\OpenWfpDevice\closed" cannot be opened.
 */
#include <ntddk.h>
#include <wdf.h>

#define CODE(function, method) CTL_CODE(FILE_DEVICE_UNKNOWN, function, method, FILE_ANY_ACCESS)
#define IOCTL_ADD_ONE          CODE(0x800, METHOD_BUFFERED)
#define IOCTL_SUM              CODE(0x801, METHOD_IN_DIRECT)
#define IOCTL_FILL             CODE(0x802, METHOD_OUT_DIRECT)
#define IOCTL_FOLLOW           CODE(0x803, METHOD_NEITHER)
#define IOCTL_HOLD             CODE(0x804, METHOD_BUFFERED)
#define IOCTL_RELEASE          CODE(0x805, METHOD_BUFFERED)
#define IOCTL_COUNT_LATER      CODE(0x806, METHOD_BUFFERED)
#define IOCTL_REFUSE           CODE(0x807, METHOD_BUFFERED)
#define IOCTL_CRASH            CODE(0x808, METHOD_BUFFERED)

typedef struct {
    ULONG requests;
    UCHAR bytes[256];
    ULONG length;
} FILE_DATA;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(FILE_DATA, FileData)

typedef struct {
    PUCHAR memory;
    size_t length;
} REQUEST_DATA;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(REQUEST_DATA, RequestData)

typedef struct {
    WDFQUEUE held;
    WDFQUEUE later;
    WDFWORKITEM work;
    WDFTIMER timer;
} DEVICE_DATA;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(DEVICE_DATA, DeviceData)

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD OnUnload;
EVT_WDF_DEVICE_FILE_CREATE OnCreate;
EVT_WDF_IO_IN_CALLER_CONTEXT OnCaller;
EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL OnControl;
EVT_WDF_IO_QUEUE_IO_READ OnRead;
EVT_WDF_IO_QUEUE_IO_WRITE OnWrite;
EVT_WDF_WORKITEM OnWork;
EVT_WDF_TIMER OnTimer;

VOID
OnUnload(WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    DbgPrint("device: unloaded\n");
}

VOID
OnCreate(WDFDEVICE Device, WDFREQUEST Request, WDFFILEOBJECT File)
{
    DECLARE_CONST_UNICODE_STRING(closed, L"\\closed");
    NTSTATUS status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(Device);
    if (RtlEqualUnicodeString(WdfFileObjectGetFileName(File), &closed, TRUE))
        status = STATUS_ACCESS_DENIED;
    WdfRequestComplete(Request, status);
}

/* In the program's context: the only place where its addresses may be looked at. */
VOID
OnCaller(WDFDEVICE Device, WDFREQUEST Request)
{
    WDF_REQUEST_PARAMETERS parameters;
    NTSTATUS status = STATUS_SUCCESS;

    WDF_REQUEST_PARAMETERS_INIT(&parameters);
    WdfRequestGetParameters(Request, &parameters);
    if (parameters.Type == WdfRequestTypeDeviceControl &&
        parameters.Parameters.DeviceIoControl.IoControlCode == IOCTL_FOLLOW) {
        REQUEST_DATA *data = RequestData(Request);
        WDFMEMORY input, memory;
        UINT64 *words;
        size_t length;
        status = WdfRequestRetrieveUnsafeUserInputBuffer(Request, 2 * sizeof(UINT64), (PVOID *)&words,
                                                         &length);
        if (NT_SUCCESS(status))
            status = WdfRequestProbeAndLockUserBufferForRead(Request, words, length, &input);
        if (NT_SUCCESS(status)) {
            words = (UINT64 *)WdfMemoryGetBuffer(input, NULL);
            data->length = (size_t)words[1];
            status = WdfRequestProbeAndLockUserBufferForWrite(Request, (PVOID)(ULONG_PTR)words[0],
                                                              data->length, &memory);
        }
        if (NT_SUCCESS(status))
            data->memory = (PUCHAR)WdfMemoryGetBuffer(memory, NULL);
    }
    if (NT_SUCCESS(status))
        status = WdfDeviceEnqueueRequest(Device, Request);
    if (!NT_SUCCESS(status))
        WdfRequestComplete(Request, status);
}

static NTSTATUS
Release(DEVICE_DATA *Device, const UCHAR *Input, size_t InputLength)
{
    WDFREQUEST held;
    PUCHAR output;
    size_t length;
    NTSTATUS status = WdfIoQueueRetrieveNextRequest(Device->held, &held);

    if (!NT_SUCCESS(status))
        return status;
    status = WdfRequestRetrieveOutputBuffer(held, InputLength, (PVOID *)&output, &length);
    if (NT_SUCCESS(status))
        RtlCopyMemory(output, Input, InputLength);
    WdfRequestCompleteWithInformation(held, status, NT_SUCCESS(status) ? InputLength : 0);
    return STATUS_SUCCESS;
}

static DECLSPEC_NOINLINE VOID
Crash(volatile ULONG *Nowhere)
{
    KIRQL irql;

    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    *Nowhere = 1;
    KeLowerIrql(irql);
}

VOID
OnControl(WDFQUEUE Queue, WDFREQUEST Request, size_t OutputLength, size_t InputLength, ULONG Code)
{
    DEVICE_DATA *device = DeviceData(WdfIoQueueGetDevice(Queue));
    REQUEST_DATA *data = RequestData(Request);
    PUCHAR input = NULL, output = NULL;
    size_t i, length = 0;
    ULONG sum = 0;
    NTSTATUS status = STATUS_SUCCESS;
    ULONG_PTR information = 0;

    FileData(WdfRequestGetFileObject(Request))->requests++;
    if (Code != IOCTL_FOLLOW && InputLength)
        status = WdfRequestRetrieveInputBuffer(Request, 1, (PVOID *)&input, NULL);
    if (NT_SUCCESS(status) && Code != IOCTL_FOLLOW && OutputLength)
        status = WdfRequestRetrieveOutputBuffer(Request, 1, (PVOID *)&output, &length);
    if (!NT_SUCCESS(status)) {
        WdfRequestComplete(Request, status);
        return;
    }
    switch (Code) {
    case IOCTL_ADD_ONE:
        information = min(InputLength, length);
        for (i = 0; i < information; i++)
            output[i] = (UCHAR)(input[i] + 1);
        break;
    case IOCTL_SUM:
        for (i = 0; i < length; i++)
            sum += output[i];
        if (length >= sizeof(sum))
            RtlCopyMemory(output, &sum, sizeof(sum));
        information = length;
        break;
    case IOCTL_FILL:
        if (length && input)
            RtlFillMemory(output, length, input[0]);
        information = length;
        break;
    case IOCTL_FOLLOW:
        for (i = 0; i < data->length / 2; i++) {
            UCHAR byte = data->memory[i];
            data->memory[i] = data->memory[data->length - 1 - i];
            data->memory[data->length - 1 - i] = byte;
        }
        information = data->length;
        break;
    case IOCTL_HOLD:
        status = WdfRequestForwardToIoQueue(Request, device->held);
        if (NT_SUCCESS(status))
            return;
        break;
    case IOCTL_RELEASE:
        status = Release(device, input, InputLength);
        break;
    case IOCTL_COUNT_LATER:
        sum = input && input[0];
        status = WdfRequestForwardToIoQueue(Request, device->later);
        if (NT_SUCCESS(status)) {
            if (sum)
                WdfTimerStart(device->timer, WDF_REL_TIMEOUT_IN_MS(10));
            else
                WdfWorkItemEnqueue(device->work);
            return;
        }
        break;
    case IOCTL_REFUSE:
        status = STATUS_ACCESS_DENIED;
        break;
    case IOCTL_CRASH:
        Crash(NULL);
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    WdfRequestCompleteWithInformation(Request, status, information);
}

VOID
OnRead(WDFQUEUE Queue, WDFREQUEST Request, size_t Length)
{
    FILE_DATA *file = FileData(WdfRequestGetFileObject(Request));
    WDF_REQUEST_PARAMETERS parameters;
    size_t offset;
    WDFMEMORY memory;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Queue);
    WDF_REQUEST_PARAMETERS_INIT(&parameters);
    WdfRequestGetParameters(Request, &parameters);
    offset = (size_t)parameters.Parameters.Read.DeviceOffset;
    if (offset >= file->length) {
        WdfRequestComplete(Request, STATUS_END_OF_FILE);
        return;
    }
    Length = min(Length, file->length - offset);
    status = WdfRequestRetrieveOutputMemory(Request, &memory);
    if (NT_SUCCESS(status))
        status = WdfMemoryCopyFromBuffer(memory, 0, file->bytes + offset, Length);
    WdfRequestCompleteWithInformation(Request, status, NT_SUCCESS(status) ? Length : 0);
}

VOID
OnWrite(WDFQUEUE Queue, WDFREQUEST Request, size_t Length)
{
    FILE_DATA *file = FileData(WdfRequestGetFileObject(Request));
    WDFMEMORY memory;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Queue);
    Length = min(Length, sizeof(file->bytes));
    status = WdfRequestRetrieveInputMemory(Request, &memory);
    if (NT_SUCCESS(status))
        status = WdfMemoryCopyToBuffer(memory, 0, file->bytes, Length);
    if (NT_SUCCESS(status))
        file->length = (ULONG)Length;
    WdfRequestCompleteWithInformation(Request, status, NT_SUCCESS(status) ? Length : 0);
}

static VOID
AnswerCounts(DEVICE_DATA *Device)
{
    WDFREQUEST request;

    while (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Device->later, &request))) {
        PULONG count;
        NTSTATUS status =
            WdfRequestRetrieveOutputBuffer(request, sizeof(*count), (PVOID *)&count, NULL);
        if (NT_SUCCESS(status))
            *count = FileData(WdfRequestGetFileObject(request))->requests;
        WdfRequestCompleteWithInformation(request, status, NT_SUCCESS(status) ? sizeof(*count) : 0);
    }
}

VOID
OnWork(WDFWORKITEM Work)
{
    AnswerCounts(DeviceData(WdfWorkItemGetParentObject(Work)));
}

VOID
OnTimer(WDFTIMER Timer)
{
    AnswerCounts(DeviceData(WdfTimerGetParentObject(Timer)));
}

static NTSTATUS
CreateQueues(WDFDEVICE Device)
{
    DEVICE_DATA *data = DeviceData(Device);
    WDF_IO_QUEUE_CONFIG config;
    WDF_WORKITEM_CONFIG work;
    WDF_TIMER_CONFIG timer;
    WDF_OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&config, WdfIoQueueDispatchParallel);
    config.EvtIoDeviceControl = OnControl;
    config.EvtIoRead = OnRead;
    config.EvtIoWrite = OnWrite;
    status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, NULL);
    WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchManual);
    if (NT_SUCCESS(status))
        status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, &data->held);
    if (NT_SUCCESS(status))
        status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, &data->later);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = Device;
    WDF_WORKITEM_CONFIG_INIT(&work, OnWork);
    WDF_TIMER_CONFIG_INIT(&timer, OnTimer);
    if (NT_SUCCESS(status))
        status = WdfWorkItemCreate(&work, &attributes, &data->work);
    if (NT_SUCCESS(status))
        status = WdfTimerCreate(&timer, &attributes, &data->timer);
    return status;
}

static NTSTATUS
CreateDevice(WDFDRIVER Driver)
{
    DECLARE_CONST_UNICODE_STRING(name, L"\\Device\\OpenWfpDevice");
    DECLARE_CONST_UNICODE_STRING(link, L"\\DosDevices\\OpenWfpDevice");
    DECLARE_CONST_UNICODE_STRING(everyone, L"D:P(A;;GA;;;WD)");
    WDF_FILEOBJECT_CONFIG files;
    WDF_OBJECT_ATTRIBUTES attributes;
    WDFDEVICE device;
    NTSTATUS status;
    PWDFDEVICE_INIT init = WdfControlDeviceInitAllocate(Driver, &everyone);

    if (!init)
        return STATUS_INSUFFICIENT_RESOURCES;
    WdfDeviceInitSetIoType(init, WdfDeviceIoBuffered);
    WDF_FILEOBJECT_CONFIG_INIT(&files, OnCreate, WDF_NO_EVENT_CALLBACK, WDF_NO_EVENT_CALLBACK);
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, FILE_DATA);
    WdfDeviceInitSetFileObjectConfig(init, &files, &attributes);
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, REQUEST_DATA);
    WdfDeviceInitSetRequestAttributes(init, &attributes);
    WdfDeviceInitSetIoInCallerContextCallback(init, OnCaller);
    status = WdfDeviceInitAssignName(init, &name);
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, DEVICE_DATA);
    if (NT_SUCCESS(status))
        status = WdfDeviceCreate(&init, &attributes, &device);
    if (!NT_SUCCESS(status)) {
        if (init)
            WdfDeviceInitFree(init);
        return status;
    }
    status = WdfDeviceCreateSymbolicLink(device, &link);
    if (NT_SUCCESS(status))
        status = CreateQueues(device);
    if (NT_SUCCESS(status))
        WdfControlFinishInitializing(device);
    return status;
}

NTSTATUS
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    NTSTATUS status;

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags = WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = OnUnload;
    status = WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    return NT_SUCCESS(status) ? CreateDevice(driver) : status;
}
