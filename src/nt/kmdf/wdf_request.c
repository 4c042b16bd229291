/*
 * Requests: an IRP as the framework shows it, its buffers, its cancellation, its one completion.
 */
#include "nt/kmdf/wdf_internal.h"

#include <string.h>

static void destroy(struct wdf_object *object);

const struct wdf_class wdf_class_request = {
    .type = WDF_REQUEST, .name = "WDFREQUEST", .size = sizeof(struct wdf_request), .destroy = destroy};

NTSTATUS
wdf_request_new(struct wdf_device *device, PIRP irp, struct wdf_request **ret_request)
{
    struct wdf_request *request;
    NTSTATUS status = wdf_object_new(
        device->object.driver, &wdf_class_request,
        device->setup.has_request_attributes ? &device->setup.request_attributes : NULL,
        &device->object, &request);

    if (!NT_SUCCESS(status))
        return status;
    request->device = device;
    request->irp = irp;
    nt_list_init(&request->queued);
    irp->Tail.Overlay.DriverContext[0] = request;
    *ret_request = request;
    return STATUS_SUCCESS;
}

static void
destroy(struct wdf_object *object)
{
    struct wdf_request *request = CONTAINER_OF(object, struct wdf_request, object);

    if (request->owns_input_mdl)
        IoFreeMdl(request->input_mdl);
    if (request->owns_output_mdl)
        IoFreeMdl(request->output_mdl);
}

void
wdf_request_complete(struct wdf_request *request, NTSTATUS status)
{
    struct wdf_queue *queue = request->in_driver ? request->queue : NULL;
    PIRP irp = request->irp;

    if (request->completed) {
        nt_finding(NT_FINDING_IRP_COMPLETED_TWICE, "request %p is completed a second time", (void *)request);
        return;
    }
    request->completed = true;
    if (request->cancel)
        IoSetCancelRoutine(irp, NULL);
    request->cancel = NULL;
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = request->information;
    request->irp = NULL;
    if (queue)
        request->in_driver = false;
    /* the request's own cleanup may still look at buffers, so it goes before the IRP does */
    wdf_object_delete(&request->object);
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    if (queue)
        wdf_queue_done_with(queue, NULL);
}

/* A live request, or a finding: a completed one may not be touched. */
static struct wdf_request *
live(WDFREQUEST handle, const char *function)
{
    struct wdf_request *request = wdf_object_check(handle, &wdf_class_request, function);

    if (request && request->completed) {
        nt_finding(NT_FINDING_WDF_BAD_CALL, "%s: the request is completed", function + strlen("imp_"));
        return NULL;
    }
    return request;
}

#define LIVE(handle) live((handle), __func__)

/** Complete with the information set so far. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestcomplete */
WDF_EXPORT(VOID, WdfRequestComplete, WDFREQUEST Request, NTSTATUS Status)
{
    struct wdf_request *request = WDF_CHECK(Request, wdf_class_request);
    if (request)
        wdf_request_complete(request, Status);
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestcompletewithinformation */
WDF_EXPORT(VOID, WdfRequestCompleteWithInformation, WDFREQUEST Request, NTSTATUS Status,
           ULONG_PTR Information)
{
    struct wdf_request *request = WDF_CHECK(Request, wdf_class_request);

    if (!request)
        return;
    if (!request->completed)
        request->information = Information;
    wdf_request_complete(request, Status);
}

/** The boost means nothing on Linux. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestcompletewithpriorityboost */
WDF_EXPORT(VOID, WdfRequestCompleteWithPriorityBoost, WDFREQUEST Request, NTSTATUS Status,
           CCHAR PriorityBoost)
{
    struct wdf_request *request = WDF_CHECK(Request, wdf_class_request);
    if (request)
        wdf_request_complete(request, Status);
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestsetinformation */
WDF_EXPORT(VOID, WdfRequestSetInformation, WDFREQUEST Request, ULONG_PTR Information)
{
    struct wdf_request *request = LIVE(Request);
    if (request)
        request->information = Information;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetinformation */
WDF_EXPORT(ULONG_PTR, WdfRequestGetInformation, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? request->information : 0;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetstatus */
WDF_EXPORT(NTSTATUS, WdfRequestGetStatus, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? request->irp->IoStatus.Status : STATUS_INVALID_PARAMETER;
}

static WDF_REQUEST_TYPE
type_of(UCHAR major)
{
    return major <= IRP_MJ_MAXIMUM_FUNCTION ? (WDF_REQUEST_TYPE)major : WdfRequestTypeOther;
}

/** What the request asks for. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetparameters */
WDF_EXPORT(VOID, WdfRequestGetParameters, WDFREQUEST Request, PWDF_REQUEST_PARAMETERS Parameters)
{
    struct wdf_request *request = LIVE(Request);

    if (!request)
        return;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    Parameters->MinorFunction = stack->MinorFunction;
    Parameters->Type = type_of(stack->MajorFunction);
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        Parameters->Parameters.Create.SecurityContext = stack->Parameters.Create.SecurityContext;
        Parameters->Parameters.Create.Options = stack->Parameters.Create.Options;
        Parameters->Parameters.Create.FileAttributes = stack->Parameters.Create.FileAttributes;
        Parameters->Parameters.Create.ShareAccess = stack->Parameters.Create.ShareAccess;
        break;
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        Parameters->Parameters.Read.Length = stack->Parameters.Read.Length;
        Parameters->Parameters.Read.Key = stack->Parameters.Read.Key;
        Parameters->Parameters.Read.DeviceOffset = stack->Parameters.Read.ByteOffset.QuadPart;
        break;
    default:
        Parameters->Parameters.DeviceIoControl.OutputBufferLength =
            stack->Parameters.DeviceIoControl.OutputBufferLength;
        Parameters->Parameters.DeviceIoControl.InputBufferLength =
            stack->Parameters.DeviceIoControl.InputBufferLength;
        Parameters->Parameters.DeviceIoControl.IoControlCode =
            stack->Parameters.DeviceIoControl.IoControlCode;
        Parameters->Parameters.DeviceIoControl.Type3InputBuffer =
            stack->Parameters.DeviceIoControl.Type3InputBuffer;
        break;
    }
}

/* ---- buffers ---- */

struct span {
    void *bytes;
    size_t size;
    PMDL mdl; /* NULL: not described by one */
};

static bool
is_ioctl(const IO_STACK_LOCATION *stack)
{
    return stack->MajorFunction == IRP_MJ_DEVICE_CONTROL ||
           stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL;
}

/*
 *                  input                          output
 *   buffered       SystemBuffer                   SystemBuffer
 *   in/out direct  SystemBuffer                   MdlAddress
 *   neither        not here: user buffers         not here
 *   read / write   write: SystemBuffer or MDL     read: SystemBuffer or MDL
 */
static NTSTATUS
find_input(struct wdf_request *request, struct span *ret_span)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    PIRP irp = request->irp;

    if (is_ioctl(stack)) {
        if (METHOD_FROM_CTL_CODE(stack->Parameters.DeviceIoControl.IoControlCode) == METHOD_NEITHER)
            return STATUS_INVALID_DEVICE_REQUEST;
        *ret_span = (struct span){irp->AssociatedIrp.SystemBuffer,
                                  stack->Parameters.DeviceIoControl.InputBufferLength, NULL};
        return STATUS_SUCCESS;
    }
    if (stack->MajorFunction != IRP_MJ_WRITE)
        return STATUS_INVALID_DEVICE_REQUEST;
    *ret_span = (struct span){irp->MdlAddress ? MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority)
                                              : irp->AssociatedIrp.SystemBuffer,
                              stack->Parameters.Write.Length, irp->MdlAddress};
    return STATUS_SUCCESS;
}

static NTSTATUS
find_output(struct wdf_request *request, struct span *ret_span)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    PIRP irp = request->irp;
    size_t size = stack->Parameters.Read.Length;

    if (is_ioctl(stack)) {
        size = stack->Parameters.DeviceIoControl.OutputBufferLength;
        if (METHOD_FROM_CTL_CODE(stack->Parameters.DeviceIoControl.IoControlCode) == METHOD_NEITHER)
            return STATUS_INVALID_DEVICE_REQUEST;
    } else if (stack->MajorFunction != IRP_MJ_READ) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    *ret_span = (struct span){irp->MdlAddress ? MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority)
                                              : irp->AssociatedIrp.SystemBuffer,
                              size, irp->MdlAddress};
    return STATUS_SUCCESS;
}

typedef NTSTATUS find_span(struct wdf_request *request, struct span *ret_span);

static NTSTATUS
retrieve(struct wdf_request *request, find_span *find, size_t least, PVOID *ret_buffer, size_t *ret_length)
{
    struct span span;
    NTSTATUS status = request ? find(request, &span) : STATUS_INVALID_PARAMETER;

    if (!NT_SUCCESS(status))
        return status;
    if (span.size == 0 || span.size < least || !span.bytes)
        return STATUS_BUFFER_TOO_SMALL;
    *ret_buffer = span.bytes;
    if (ret_length)
        *ret_length = span.size;
    return STATUS_SUCCESS;
}

/**
 * The request's input.
 *
 * @param MinimumRequiredLength  bytes the driver needs
 * @return STATUS_SUCCESS, STATUS_BUFFER_TOO_SMALL (also for none), STATUS_INVALID_DEVICE_REQUEST
 *         (METHOD_NEITHER, or a request without input)
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveinputbuffer
 */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveInputBuffer, WDFREQUEST Request, size_t MinimumRequiredLength,
           PVOID *Buffer, size_t *Length)
{
    return retrieve(LIVE(Request), find_input, MinimumRequiredLength, Buffer, Length);
}

/** The room for the answer. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveoutputbuffer */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveOutputBuffer, WDFREQUEST Request, size_t MinimumRequiredSize,
           PVOID *Buffer, size_t *Length)
{
    return retrieve(LIVE(Request), find_output, MinimumRequiredSize, Buffer, Length);
}

static NTSTATUS
retrieve_mdl(struct wdf_request *request, find_span *find, PMDL *kept, bool *owned, PMDL *ret_mdl)
{
    struct span span;
    NTSTATUS status = request ? find(request, &span) : STATUS_INVALID_PARAMETER;

    if (!NT_SUCCESS(status))
        return status;
    if (span.size == 0 || !span.bytes)
        return STATUS_BUFFER_TOO_SMALL;
    if (span.mdl) {
        *ret_mdl = span.mdl;
        return STATUS_SUCCESS;
    }
    if (!*kept) {
        *kept = IoAllocateMdl(span.bytes, (ULONG)span.size, FALSE, FALSE, NULL);
        if (!*kept)
            return STATUS_INSUFFICIENT_RESOURCES;
        MmBuildMdlForNonPagedPool(*kept);
        *owned = true;
    }
    *ret_mdl = *kept;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveinputwdmmdl */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveInputWdmMdl, WDFREQUEST Request, PMDL *Mdl)
{
    struct wdf_request *request = LIVE(Request);
    return request ? retrieve_mdl(request, find_input, &request->input_mdl, &request->owns_input_mdl, Mdl)
                   : STATUS_INVALID_PARAMETER;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveoutputwdmmdl */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveOutputWdmMdl, WDFREQUEST Request, PMDL *Mdl)
{
    struct wdf_request *request = LIVE(Request);
    return request ? retrieve_mdl(request, find_output, &request->output_mdl, &request->owns_output_mdl, Mdl)
                   : STATUS_INVALID_PARAMETER;
}

static NTSTATUS
retrieve_memory(struct wdf_request *request, find_span *find, struct wdf_memory **kept, WDFMEMORY *ret_memory)
{
    struct span span;
    NTSTATUS status = request ? find(request, &span) : STATUS_INVALID_PARAMETER;

    if (!NT_SUCCESS(status))
        return status;
    if (span.size == 0 || !span.bytes)
        return STATUS_BUFFER_TOO_SMALL;
    if (!*kept) {
        status = wdf_memory_wrap(request->object.driver, &request->object, span.bytes, span.size, kept);
        if (!NT_SUCCESS(status))
            return status;
    }
    *ret_memory = (WDFMEMORY)*kept;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveinputmemory */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveInputMemory, WDFREQUEST Request, WDFMEMORY *Memory)
{
    struct wdf_request *request = LIVE(Request);
    return request ? retrieve_memory(request, find_input, &request->input, Memory) : STATUS_INVALID_PARAMETER;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveoutputmemory */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveOutputMemory, WDFREQUEST Request, WDFMEMORY *Memory)
{
    struct wdf_request *request = LIVE(Request);
    return request ? retrieve_memory(request, find_output, &request->output, Memory) : STATUS_INVALID_PARAMETER;
}

/** METHOD_NEITHER input; only in the caller's context. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveunsafeuserinputbuffer */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveUnsafeUserInputBuffer, WDFREQUEST Request,
           size_t MinimumRequiredLength, PVOID *InputBuffer, size_t *Length)
{
    struct wdf_request *request = LIVE(Request);

    if (!request)
        return STATUS_INVALID_PARAMETER;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    bool ioctl = is_ioctl(stack);
    size_t size = ioctl ? stack->Parameters.DeviceIoControl.InputBufferLength : stack->Parameters.Write.Length;
    if (size < MinimumRequiredLength || size == 0)
        return STATUS_BUFFER_TOO_SMALL;
    *InputBuffer = ioctl ? stack->Parameters.DeviceIoControl.Type3InputBuffer : request->irp->UserBuffer;
    if (Length)
        *Length = size;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestretrieveunsafeuseroutputbuffer */
WDF_EXPORT(NTSTATUS, WdfRequestRetrieveUnsafeUserOutputBuffer, WDFREQUEST Request,
           size_t MinimumRequiredLength, PVOID *OutputBuffer, size_t *Length)
{
    struct wdf_request *request = LIVE(Request);

    if (!request)
        return STATUS_INVALID_PARAMETER;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    size_t size = is_ioctl(stack) ? stack->Parameters.DeviceIoControl.OutputBufferLength
                                  : stack->Parameters.Read.Length;
    if (size < MinimumRequiredLength || size == 0)
        return STATUS_BUFFER_TOO_SMALL;
    *OutputBuffer = request->irp->UserBuffer;
    if (Length)
        *Length = size;
    return STATUS_SUCCESS;
}

/* User buffers are ordinary memory of this process: describing them is all the locking there is. */
static NTSTATUS
lock_buffer(struct wdf_request *request, PVOID buffer, size_t length, WDFMEMORY *ret_memory)
{
    struct wdf_memory *memory;
    NTSTATUS status;

    if (!request || length == 0)
        return STATUS_INVALID_USER_BUFFER;
    if (!buffer)
        return STATUS_ACCESS_VIOLATION;
    status = wdf_memory_wrap(request->object.driver, &request->object, buffer, length, &memory);
    if (NT_SUCCESS(status))
        *ret_memory = (WDFMEMORY)memory;
    return status;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestprobeandlockuserbufferforread */
WDF_EXPORT(NTSTATUS, WdfRequestProbeAndLockUserBufferForRead, WDFREQUEST Request, PVOID Buffer,
           size_t Length, WDFMEMORY *MemoryObject)
{
    return lock_buffer(LIVE(Request), Buffer, Length, MemoryObject);
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestprobeandlockuserbufferforwrite */
WDF_EXPORT(NTSTATUS, WdfRequestProbeAndLockUserBufferForWrite, WDFREQUEST Request, PVOID Buffer,
           size_t Length, WDFMEMORY *MemoryObject)
{
    return lock_buffer(LIVE(Request), Buffer, Length, MemoryObject);
}

/* ---- cancellation ---- */

static void NTAPI
on_cancel(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_request *request = irp->Tail.Overlay.DriverContext[0];
    PFN_WDF_REQUEST_CANCEL cancel = request->cancel;

    IoReleaseCancelSpinLock(irp->CancelIrql);
    request->canceled = true;
    request->cancel = NULL;
    if (cancel)
        NT_CALLBACK_VOID(request->object.driver->nt, NT_DISPATCH_LEVEL, cancel((WDFREQUEST)request));
}

/**
 * Let the sender cancel a request the driver holds.
 * @return STATUS_SUCCESS, STATUS_CANCELLED (it already is; the callback does not run)
 * Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestmarkcancelableex
 */
WDF_EXPORT(NTSTATUS, WdfRequestMarkCancelableEx, WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL EvtRequestCancel)
{
    struct wdf_request *request = LIVE(Request);

    if (!request)
        return STATUS_INVALID_PARAMETER;
    request->cancel = EvtRequestCancel;
    request->irp->Tail.Overlay.DriverContext[0] = request;
    IoSetCancelRoutine(request->irp, on_cancel);
    if (request->irp->Cancel && IoSetCancelRoutine(request->irp, NULL)) {
        request->cancel = NULL;
        request->canceled = true;
        return STATUS_CANCELLED;
    }
    return STATUS_SUCCESS;
}

/** As the Ex form, but a canceled request's callback runs at once. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestmarkcancelable */
WDF_EXPORT(VOID, WdfRequestMarkCancelable, WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL EvtRequestCancel)
{
    if (imp_WdfRequestMarkCancelableEx(globals, Request, EvtRequestCancel) == STATUS_CANCELLED) {
        struct wdf_request *request = LIVE(Request);
        if (request)
            NT_CALLBACK_VOID(request->object.driver->nt, nt_cpu.irql, EvtRequestCancel(Request));
    }
}

/** @return STATUS_CANCELLED: the callback runs or has run. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestunmarkcancelable */
WDF_EXPORT(NTSTATUS, WdfRequestUnmarkCancelable, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);

    if (!request)
        return STATUS_INVALID_PARAMETER;
    if (!IoSetCancelRoutine(request->irp, NULL))
        return request->canceled ? STATUS_CANCELLED : STATUS_INVALID_DEVICE_REQUEST;
    request->cancel = NULL;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestiscanceled */
WDF_EXPORT(BOOLEAN, WdfRequestIsCanceled, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request && (request->canceled || request->irp->Cancel);
}

/* ---- where it is, whose it is ---- */

/** Give the request to another queue. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestforwardtoioqueue */
WDF_EXPORT(NTSTATUS, WdfRequestForwardToIoQueue, WDFREQUEST Request, WDFQUEUE DestinationQueue)
{
    struct wdf_request *request = LIVE(Request);
    struct wdf_queue *queue = WDF_CHECK(DestinationQueue, wdf_class_queue);

    if (!request || !queue)
        return STATUS_INVALID_PARAMETER;
    if (request->in_driver && request->queue == queue)
        return STATUS_INVALID_DEVICE_REQUEST;
    return wdf_queue_submit(queue, request);
}

/** Back to the queue it came from. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestrequeue */
WDF_EXPORT(NTSTATUS, WdfRequestRequeue, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request && request->queue ? wdf_queue_submit(request->queue, request) : STATUS_INVALID_DEVICE_REQUEST;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetioqueue */
WDF_EXPORT(WDFQUEUE, WdfRequestGetIoQueue, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? (WDFQUEUE)request->queue : NULL;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetfileobject */
WDF_EXPORT(WDFFILEOBJECT, WdfRequestGetFileObject, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? (WDFFILEOBJECT)wdf_file_of(IoGetCurrentIrpStackLocation(request->irp)->FileObject) : NULL;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestwdmgetirp */
WDF_EXPORT(PIRP, WdfRequestWdmGetIrp, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? request->irp : NULL;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestgetrequestormode */
WDF_EXPORT(KPROCESSOR_MODE, WdfRequestGetRequestorMode, WDFREQUEST Request)
{
    struct wdf_request *request = LIVE(Request);
    return request ? request->irp->RequestorMode : KernelMode;
}

/** Every sender is 64-bit. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestisfrom32bitprocess */
WDF_EXPORT(BOOLEAN, WdfRequestIsFrom32BitProcess, WDFREQUEST Request)
{
    return FALSE;
}

/** Ref: ddi wdfrequest/nf-wdfrequest-wdfrequestisreserved */
WDF_EXPORT(BOOLEAN, WdfRequestIsReserved, WDFREQUEST Request)
{
    return FALSE;
}

/** Queues are not power managed here, so nothing waits for this. Ref: ddi wdfrequest/nf-wdfrequest-wdfrequeststopacknowledge */
WDF_EXPORT(VOID, WdfRequestStopAcknowledge, WDFREQUEST Request, BOOLEAN Requeue)
{
    if (Requeue)
        imp_WdfRequestRequeue(globals, Request);
}
