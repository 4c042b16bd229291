/*
 * Framework requests: parameters, buffers, cancellation, completion.
 *
 * Lifetime   A request from a device lives until the driver completes it; contexts and memory objects
 *            below it go then. Its IRP is completed last.
 * Gap        Sending requests to other drivers (I/O targets) is not there.
 * Ref        wdf/framework-request-objects
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_device.h"
#include "nt/ntos/nt_process.h"

static struct wdf_request *
request_of(WDFREQUEST handle, const char *function)
{
    struct wdf_request *request = wdf_object_get(handle, WDF_TYPE_REQUEST, function);

    if (request->state == WDF_REQUEST_COMPLETED) {
        nt_finding(NT_FINDING_IRP_COMPLETED_TWICE, "%s: the request is completed already",
                   function);
        nt_bugcheck(NT_BUGCHECK_WDF_VIOLATION, "a completed request was used", (uintptr_t)request,
                    0, 0, 0);
    }
    return request;
}
#define REQUEST(handle) request_of(handle, __func__ + 4)

static PIO_STACK_LOCATION
stack_of(const struct wdf_request *request)
{
    return IoGetCurrentIrpStackLocation(request->irp);
}

static void
finish_request(struct wdf_object *object)
{
    struct wdf_request *request = (struct wdf_request *)object;
    if (request->frees_irp && request->irp)
        IoFreeIrp(request->irp);
}

static const struct wdf_operations operations = {.name = "request", .finish = finish_request};

NTSTATUS
wdf_request_new(struct wdf_device *device, PIRP irp, struct wdf_request **ret_request)
{
    const WDF_OBJECT_ATTRIBUTES *attributes =
        device->init.has_request_attributes ? &device->init.request_attributes : NULL;
    struct wdf_request *request;

    NTSTATUS status = wdf_object_new(device->object.driver, WDF_TYPE_REQUEST, &operations,
                                     sizeof(*request), attributes, &device->object, &request);
    if (!NT_SUCCESS(status))
        return status;
    nt_list_init(&request->link);
    request->irp = irp;
    request->device = device;
    request->information = irp->IoStatus.Information;
    *ret_request = request;
    return STATUS_SUCCESS;
}

/* --- completion --- */

static void
free_mdls(struct wdf_request *request)
{
    if (request->input_mdl)
        IoFreeMdl(request->input_mdl);
    if (request->output_mdl)
        IoFreeMdl(request->output_mdl);
}

void
wdf_request_complete(struct wdf_request *request, NTSTATUS status)
{
    struct wdf_queue *queue = request->state == WDF_REQUEST_PRESENTED ? request->queue : NULL;
    PIRP irp = request->irp;

    if (request->cancel && IoSetCancelRoutine(irp, NULL))
        nt_finding(NT_FINDING_WDF_BAD_CALL,
                   "a request was completed that WdfRequestUnmarkCancelable was not called for");
    request->cancel = NULL;
    if (request->created_file && !NT_SUCCESS(status))
        wdf_object_delete(&request->created_file->object);
    request->state = WDF_REQUEST_COMPLETED;
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = request->information;
    free_mdls(request);
    if (queue)
        wdf_object_ref(&queue->object);
    wdf_object_ref(&request->object);
    wdf_object_delete(&request->object);
    /* Out of the queue before the IRP is gone: whoever waits for an empty queue may free both. */
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    if (queue) {
        wdf_queue_forget(queue, request);
        wdf_object_unref(&queue->object);
    }
    wdf_object_unref(&request->object);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestcomplete. */
WDF_API(VOID, WdfRequestComplete, WDFREQUEST Request, NTSTATUS Status)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    wdf_request_complete(REQUEST(Request), Status);
}

/** The boost is accepted. Ref: wdfrequest/nf-wdfrequest-wdfrequestcompletewithpriorityboost. */
WDF_API(VOID, WdfRequestCompleteWithPriorityBoost, WDFREQUEST Request, NTSTATUS Status,
        CCHAR PriorityBoost)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    wdf_request_complete(REQUEST(Request), Status);
}

/** @p Information: bytes transferred. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(VOID, WdfRequestCompleteWithInformation, WDFREQUEST Request, NTSTATUS Status,
        ULONG_PTR Information)
{
    struct wdf_request *request = REQUEST(Request);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    request->information = Information;
    wdf_request_complete(request, Status);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestsetinformation. */
WDF_API(VOID, WdfRequestSetInformation, WDFREQUEST Request, ULONG_PTR Information)
{
    REQUEST(Request)->information = Information;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestgetinformation. */
WDF_API(ULONG_PTR, WdfRequestGetInformation, WDFREQUEST Request)
{
    return REQUEST(Request)->information;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestgetstatus. */
WDF_API(NTSTATUS, WdfRequestGetStatus, WDFREQUEST Request)
{
    return REQUEST(Request)->irp->IoStatus.Status;
}

/* --- what it asks --- */

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestgetparameters. */
WDF_API(VOID, WdfRequestGetParameters, WDFREQUEST Request, PWDF_REQUEST_PARAMETERS Parameters)
{
    const IO_STACK_LOCATION *stack = stack_of(REQUEST(Request));

    Parameters->MinorFunction = stack->MinorFunction;
    Parameters->Type = (WDF_REQUEST_TYPE)stack->MajorFunction;
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        Parameters->Parameters.Create.SecurityContext = stack->Parameters.Create.SecurityContext;
        Parameters->Parameters.Create.Options = stack->Parameters.Create.Options;
        Parameters->Parameters.Create.FileAttributes = stack->Parameters.Create.FileAttributes;
        Parameters->Parameters.Create.ShareAccess = stack->Parameters.Create.ShareAccess;
        Parameters->Parameters.Create.EaLength = stack->Parameters.Create.EaLength;
        break;
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        Parameters->Parameters.Read.Length = stack->Parameters.Read.Length;
        Parameters->Parameters.Read.Key = stack->Parameters.Read.Key;
        Parameters->Parameters.Read.DeviceOffset = stack->Parameters.Read.ByteOffset.QuadPart;
        break;
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        Parameters->Parameters.DeviceIoControl.OutputBufferLength =
            stack->Parameters.DeviceIoControl.OutputBufferLength;
        Parameters->Parameters.DeviceIoControl.InputBufferLength =
            stack->Parameters.DeviceIoControl.InputBufferLength;
        Parameters->Parameters.DeviceIoControl.IoControlCode =
            stack->Parameters.DeviceIoControl.IoControlCode;
        Parameters->Parameters.DeviceIoControl.Type3InputBuffer =
            stack->Parameters.DeviceIoControl.Type3InputBuffer;
        break;
    default:
        Parameters->Parameters.Others.Arg1 = stack->Parameters.Others.Argument1;
        Parameters->Parameters.Others.Arg2 = stack->Parameters.Others.Argument2;
        Parameters->Parameters.Others.Arg4 = stack->Parameters.Others.Argument4;
        break;
    }
}

/** The framework file object, NULL without one. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(WDFFILEOBJECT, WdfRequestGetFileObject, WDFREQUEST Request)
{
    struct wdf_request *request = REQUEST(Request);
    return (WDFFILEOBJECT)wdf_file_find(request->device, stack_of(request)->FileObject);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestwdmgetirp. */
WDF_API(PIRP, WdfRequestWdmGetIrp, WDFREQUEST Request)
{
    return REQUEST(Request)->irp;
}

/** The queue that presented it; NULL for none. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(WDFQUEUE, WdfRequestGetIoQueue, WDFREQUEST Request)
{
    return (WDFQUEUE)REQUEST(Request)->queue;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestgetrequestormode. */
WDF_API(KPROCESSOR_MODE, WdfRequestGetRequestorMode, WDFREQUEST Request)
{
    return REQUEST(Request)->irp->RequestorMode;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestgetrequestorprocessid. */
WDF_API(ULONG, WdfRequestGetRequestorProcessId, WDFREQUEST Request)
{
    return IoGetRequestorProcessId(REQUEST(Request)->irp);
}

/** There are no 32-bit processes here. Ref: wdfrequest/nf-wdfrequest-wdfrequestisfrom32bitprocess. */
WDF_API(BOOLEAN, WdfRequestIsFrom32BitProcess, WDFREQUEST Request)
{
    return FALSE;
}

/** No request is kept for low memory. Ref: wdfrequest/nf-wdfrequest-wdfrequestisreserved. */
WDF_API(BOOLEAN, WdfRequestIsReserved, WDFREQUEST Request)
{
    return FALSE;
}

/* --- buffers --- */

struct buffer {
    void *address;
    size_t size;
    PMDL mdl;
};

/** Where the data of a direct request lies. */
static NTSTATUS
map_direct(struct wdf_request *request, size_t size, struct buffer *ret_buffer)
{
    PMDL mdl = request->irp->MdlAddress;

    if (!size || !mdl)
        return STATUS_BUFFER_TOO_SMALL;
    void *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    *ret_buffer = (struct buffer){address, size, mdl};
    return STATUS_SUCCESS;
}

static NTSTATUS
transfer_buffer(struct wdf_request *request, struct buffer *ret_buffer)
{
    ULONG flags = request->device->device_object->Flags;
    size_t size = stack_of(request)->Parameters.Read.Length;

    if (flags & DO_DIRECT_IO)
        return map_direct(request, size, ret_buffer);
    if (!(flags & DO_BUFFERED_IO))
        return STATUS_INVALID_DEVICE_REQUEST;
    *ret_buffer = (struct buffer){request->irp->AssociatedIrp.SystemBuffer, size, NULL};
    return STATUS_SUCCESS;
}

/** The input or output of a request, by kind and transfer method. */
static NTSTATUS
find_buffer(struct wdf_request *request, bool input, struct buffer *ret_buffer)
{
    const IO_STACK_LOCATION *stack = stack_of(request);
    bool is_control = stack->MajorFunction == IRP_MJ_DEVICE_CONTROL ||
                      stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL;
    ULONG method = is_control ? stack->Parameters.DeviceIoControl.IoControlCode & 3 : 0;
    NTSTATUS status;

    if (stack->MajorFunction == (input ? IRP_MJ_WRITE : IRP_MJ_READ))
        status = transfer_buffer(request, ret_buffer);
    else if (!is_control || method == METHOD_NEITHER)
        return STATUS_INVALID_DEVICE_REQUEST;
    else if (!input && method != METHOD_BUFFERED)
        status =
            map_direct(request, stack->Parameters.DeviceIoControl.OutputBufferLength, ret_buffer);
    else {
        *ret_buffer = (struct buffer){request->irp->AssociatedIrp.SystemBuffer,
                                      input ? stack->Parameters.DeviceIoControl.InputBufferLength
                                            : stack->Parameters.DeviceIoControl.OutputBufferLength,
                                      NULL};
        status = STATUS_SUCCESS;
    }
    if (NT_SUCCESS(status) && (ret_buffer->size == 0 || !ret_buffer->address))
        status = STATUS_BUFFER_TOO_SMALL;
    return status;
}

static NTSTATUS
retrieve(struct wdf_request *request, bool input, size_t minimum, PVOID *ret_address,
         size_t *ret_size)
{
    struct buffer buffer;

    *ret_address = NULL;
    if (ret_size)
        *ret_size = 0;
    NTSTATUS status = find_buffer(request, input, &buffer);
    if (!NT_SUCCESS(status))
        return status;
    if (buffer.size < minimum)
        return STATUS_BUFFER_TOO_SMALL;
    *ret_address = buffer.address;
    if (ret_size)
        *ret_size = buffer.size;
    return STATUS_SUCCESS;
}

/**
 * The caller's data.
 *
 * @param Length  bytes there are, may be NULL
 * @return STATUS_BUFFER_TOO_SMALL when empty or below the minimum, STATUS_INVALID_DEVICE_REQUEST for
 *         METHOD_NEITHER and for requests without input
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestretrieveinputbuffer.
 */
WDF_API(NTSTATUS, WdfRequestRetrieveInputBuffer, WDFREQUEST Request, size_t MinimumRequiredLength,
        PVOID *Buffer, size_t *Length)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve(REQUEST(Request), true, MinimumRequiredLength, Buffer, Length);
}

/** Room for the answer; as WdfRequestRetrieveInputBuffer. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveOutputBuffer, WDFREQUEST Request, size_t MinimumRequiredSize,
        PVOID *Buffer, size_t *Length)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve(REQUEST(Request), false, MinimumRequiredSize, Buffer, Length);
}

static NTSTATUS
new_memory(struct wdf_request *request, void *address, size_t size, struct wdf_memory **ret_memory)
{
    NTSTATUS status = wdf_memory_new(request->object.driver, NULL, &request->object, ret_memory);
    if (NT_SUCCESS(status)) {
        (*ret_memory)->buffer = address;
        (*ret_memory)->size = size;
    }
    return status;
}

static NTSTATUS
retrieve_memory(struct wdf_request *request, bool input, WDFMEMORY *ret_memory)
{
    struct wdf_memory **memory = input ? &request->input : &request->output;
    struct buffer buffer;

    NTSTATUS status = find_buffer(request, input, &buffer);
    if (NT_SUCCESS(status) && !*memory)
        status = new_memory(request, buffer.address, buffer.size, memory);
    *ret_memory = NT_SUCCESS(status) ? (WDFMEMORY)*memory : NULL;
    return status;
}

/** As WdfRequestRetrieveInputBuffer, as a memory object. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveInputMemory, WDFREQUEST Request, WDFMEMORY *Memory)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve_memory(REQUEST(Request), true, Memory);
}

/** As WdfRequestRetrieveOutputBuffer, as a memory object. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveOutputMemory, WDFREQUEST Request, WDFMEMORY *Memory)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve_memory(REQUEST(Request), false, Memory);
}

static NTSTATUS
retrieve_mdl(struct wdf_request *request, bool input, PMDL *ret_mdl)
{
    PMDL *own = input ? &request->input_mdl : &request->output_mdl;
    struct buffer buffer;

    *ret_mdl = NULL;
    NTSTATUS status = find_buffer(request, input, &buffer);
    if (!NT_SUCCESS(status))
        return status;
    if (!buffer.mdl && !*own) {
        *own = IoAllocateMdl(buffer.address, (ULONG)buffer.size, FALSE, FALSE, NULL);
        if (!*own)
            return STATUS_INSUFFICIENT_RESOURCES;
        MmBuildMdlForNonPagedPool(*own);
    }
    *ret_mdl = buffer.mdl ? buffer.mdl : *own;
    return STATUS_SUCCESS;
}

/** An MDL of the input; the framework frees it. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveInputWdmMdl, WDFREQUEST Request, PMDL *Mdl)
{
    return retrieve_mdl(REQUEST(Request), true, Mdl);
}

/** An MDL of the output; the framework frees it. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveOutputWdmMdl, WDFREQUEST Request, PMDL *Mdl)
{
    return retrieve_mdl(REQUEST(Request), false, Mdl);
}

static NTSTATUS
retrieve_unsafe(struct wdf_request *request, bool input, size_t minimum, PVOID *ret_address,
                size_t *ret_size)
{
    const IO_STACK_LOCATION *stack = stack_of(request);
    bool is_control = stack->MajorFunction == IRP_MJ_DEVICE_CONTROL;
    size_t size;

    *ret_address = NULL;
    if (is_control) {
        if ((stack->Parameters.DeviceIoControl.IoControlCode & 3) != METHOD_NEITHER)
            return STATUS_INVALID_DEVICE_REQUEST;
        size = input ? stack->Parameters.DeviceIoControl.InputBufferLength
                     : stack->Parameters.DeviceIoControl.OutputBufferLength;
    } else if (stack->MajorFunction == (input ? IRP_MJ_WRITE : IRP_MJ_READ) &&
               !(request->device->device_object->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO))) {
        size = stack->Parameters.Read.Length;
    } else {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if (size == 0 || size < minimum)
        return STATUS_BUFFER_TOO_SMALL;
    *ret_address = is_control && input ? stack->Parameters.DeviceIoControl.Type3InputBuffer
                                       : request->irp->UserBuffer;
    if (ret_size)
        *ret_size = size;
    return STATUS_SUCCESS;
}

/** The sender's own pointer (METHOD_NEITHER), in EvtIoInCallerContext. IRQL: PASSIVE_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveUnsafeUserInputBuffer, WDFREQUEST Request,
        size_t MinimumRequiredLength, PVOID *InputBuffer, size_t *Length)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return retrieve_unsafe(REQUEST(Request), true, MinimumRequiredLength, InputBuffer, Length);
}

/** As WdfRequestRetrieveUnsafeUserInputBuffer. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRetrieveUnsafeUserOutputBuffer, WDFREQUEST Request,
        size_t MinimumRequiredLength, PVOID *OutputBuffer, size_t *Length)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return retrieve_unsafe(REQUEST(Request), false, MinimumRequiredLength, OutputBuffer, Length);
}

static NTSTATUS
lock_user_buffer(struct wdf_request *request, void *address, size_t length, bool write,
                 WDFMEMORY *ret_memory)
{
    struct wdf_memory *memory;

    *ret_memory = NULL;
    if (!address || !length || length > UINT32_MAX)
        return STATUS_INVALID_USER_BUFFER;
    if (!nt_device_is_user_memory(address, length))
        return STATUS_ACCESS_VIOLATION;
    for (size_t i = 0; i < length; i += PAGE_SIZE)
        if (!MmIsAddressValid((char *)address + i))
            return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = new_memory(request, address, length, &memory);
    if (!NT_SUCCESS(status))
        return status;
    memory->mdl = IoAllocateMdl(address, (ULONG)length, FALSE, FALSE, NULL);
    if (!memory->mdl) {
        wdf_object_delete(&memory->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memory->mdl->MdlFlags |= MDL_PAGES_LOCKED | (write ? MDL_WRITE_OPERATION : 0);
    *ret_memory = (WDFMEMORY)memory;
    return STATUS_SUCCESS;
}

/** A user buffer as a memory object that the driver reads. IRQL: PASSIVE_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestProbeAndLockUserBufferForRead, WDFREQUEST Request, PVOID Buffer,
        size_t Length, WDFMEMORY *MemoryObject)
{
    NT_IRQL_MAX(APC_LEVEL);
    return lock_user_buffer(REQUEST(Request), Buffer, Length, false, MemoryObject);
}

/** A user buffer as a memory object that the driver writes. IRQL: PASSIVE_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestProbeAndLockUserBufferForWrite, WDFREQUEST Request, PVOID Buffer,
        size_t Length, WDFMEMORY *MemoryObject)
{
    NT_IRQL_MAX(APC_LEVEL);
    return lock_user_buffer(REQUEST(Request), Buffer, Length, true, MemoryObject);
}

/* --- queues --- */

static bool
leave_queue(struct wdf_request *request, struct wdf_queue **ret_queue)
{
    *ret_queue = request->state == WDF_REQUEST_PRESENTED ? request->queue : NULL;
    return request->state != WDF_REQUEST_QUEUED;
}

/**
 * Give a request to another queue of the device.
 *
 * @return STATUS_INVALID_DEVICE_REQUEST when it is the queue it came from, WDF_STATUS_BUSY: refused;
 *         the driver still has the request
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestforwardtoioqueue.
 */
WDF_API(NTSTATUS, WdfRequestForwardToIoQueue, WDFREQUEST Request, WDFQUEUE DestinationQueue)
{
    struct wdf_request *request = REQUEST(Request);
    struct wdf_queue *queue = WDF_GET(DestinationQueue, QUEUE), *from;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!leave_queue(request, &from) || from == queue || queue->device != request->device ||
        request->cancel)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!queue->accepts)
        return WDF_STATUS_BUSY;
    /* Out of the old queue first: as soon as the new one has it, it may be gone. */
    if (from) {
        pthread_mutex_lock(&from->lock);
        nt_list_remove(&request->link);
        from->presented_count--;
        pthread_mutex_unlock(&from->lock);
        wdf_object_ref(&from->object);
    }
    request->was_presented = true;
    NTSTATUS status = wdf_queue_add(queue, request);
    if (from) {
        if (!NT_SUCCESS(status)) {
            pthread_mutex_lock(&from->lock);
            nt_list_append(&from->presented, &request->link);
            from->presented_count++;
            pthread_mutex_unlock(&from->lock);
        } else {
            wdf_queue_continue(from);
        }
        wdf_object_unref(&from->object);
    }
    return status;
}

/** Back to the queue it came from, in front. Manual queues only. IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestRequeue, WDFREQUEST Request)
{
    struct wdf_request *request = REQUEST(Request);
    struct wdf_queue *queue = request->queue;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (request->state != WDF_REQUEST_PRESENTED || !queue ||
        queue->config.DispatchType != WdfIoQueueDispatchManual || request->cancel)
        return STATUS_INVALID_DEVICE_REQUEST;
    return wdf_queue_put_back(queue, request);
}

/** From EvtIoStop: the driver keeps the request, or gives it back. Ref: wdfrequest. */
WDF_API(VOID, WdfRequestStopAcknowledge, WDFREQUEST Request, BOOLEAN Requeue)
{
    struct wdf_request *request = REQUEST(Request);
    if (Requeue && request->queue && request->state == WDF_REQUEST_PRESENTED)
        wdf_queue_put_back(request->queue, request);
}

/* --- cancellation --- */

static VOID NTAPI
cancel_presented(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_request *request = irp->Tail.Overlay.DriverContext[0];
    PFN_WDF_REQUEST_CANCEL cancel = request->cancel;
    struct wdf_sync *sync = request->queue ? request->queue->object.sync : NULL;

    request->is_cancelled = true;
    request->cancel = NULL;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    KIRQL irql = wdf_sync_enter(sync);
    NT_CALLBACK_VOID(request->object.driver->nt, nt_cpu.irql, cancel((WDFREQUEST)request));
    wdf_sync_leave(sync, irql);
}

static NTSTATUS
mark_cancelable(struct wdf_request *request, PFN_WDF_REQUEST_CANCEL cancel)
{
    request->cancel = cancel;
    request->irp->Tail.Overlay.DriverContext[0] = request;
    IoSetCancelRoutine(request->irp, cancel_presented);
    if (request->irp->Cancel && IoSetCancelRoutine(request->irp, NULL)) {
        request->cancel = NULL;
        request->is_cancelled = true;
        return STATUS_CANCELLED;
    }
    return STATUS_SUCCESS;
}

/** The request may be cancelled from now on; calls @p EvtRequestCancel when it is already. Ref: wdfrequest. */
WDF_API(VOID, WdfRequestMarkCancelable, WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL EvtRequestCancel)
{
    struct wdf_request *request = REQUEST(Request);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (mark_cancelable(request, EvtRequestCancel) == STATUS_CANCELLED)
        NT_CALLBACK_VOID(request->object.driver->nt, nt_cpu.irql, EvtRequestCancel(Request));
}

/** As WdfRequestMarkCancelable, but @return STATUS_CANCELLED instead of calling back. Ref: wdfrequest. */
WDF_API(NTSTATUS, WdfRequestMarkCancelableEx, WDFREQUEST Request,
        PFN_WDF_REQUEST_CANCEL EvtRequestCancel)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return mark_cancelable(REQUEST(Request), EvtRequestCancel);
}

/**
 * The request cannot be cancelled any more.
 *
 * @return STATUS_CANCELLED when EvtRequestCancel was called or will be: it completes the request;
 *         STATUS_INVALID_DEVICE_REQUEST when it was not marked
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestunmarkcancelable.
 */
WDF_API(NTSTATUS, WdfRequestUnmarkCancelable, WDFREQUEST Request)
{
    struct wdf_request *request = REQUEST(Request);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!request->cancel && !request->is_cancelled)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!IoSetCancelRoutine(request->irp, NULL))
        return STATUS_CANCELLED;
    request->cancel = NULL;
    return STATUS_SUCCESS;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfrequest/nf-wdfrequest-wdfrequestiscanceled. */
WDF_API(BOOLEAN, WdfRequestIsCanceled, WDFREQUEST Request)
{
    struct wdf_request *request = REQUEST(Request);
    return request->irp->Cancel || request->is_cancelled;
}
