/*
 * I/O queues: requests wait here until the driver is ready for them.
 *
 * Model      sequential: one request with the driver at a time; parallel: up to a number; manual: the
 *            driver fetches. Presenting happens on the thread that made it possible (submit,
 *            completion, start), one presenter per queue at a time, never under the queue's lock.
 *
 *              submit -> [waiting ...] -> present (EvtIo*) -> with the driver -> complete / forward
 *
 * Ref        windows-driver-docs wdf/creating-i-o-queues, managing-i-o-queues
 */
#include "nt/kmdf/wdf_internal.h"

#include <string.h>

struct wdf_queue {
    struct wdf_object object;
    struct wdf_device *device;
    WDF_IO_QUEUE_CONFIG config;
    pthread_mutex_t lock;
    struct nt_list waiting;
    ULONG waiting_count, with_driver;
    bool accepts, dispatches, presenting;
    PFN_WDF_IO_QUEUE_STATE ready_notify;
    WDFCONTEXT ready_context;
    PFN_WDF_IO_QUEUE_STATE idle_notify; /* a stop, drain or purge waits for the driver's requests */
    WDFCONTEXT idle_context;
    bool idle_needs_empty; /* drain: the queue must be empty, too */
};

static void dispose(struct wdf_object *object);
static void destroy(struct wdf_object *object);

const struct wdf_class wdf_class_queue = {.type = WDF_QUEUE,
                                          .name = "WDFQUEUE",
                                          .size = sizeof(struct wdf_queue),
                                          .dispose = dispose,
                                          .destroy = destroy};

static bool
may_present(const struct wdf_queue *queue)
{
    if (!queue->dispatches || queue->waiting_count == 0)
        return false;
    switch (queue->config.DispatchType) {
    case WdfIoQueueDispatchSequential:
        return queue->with_driver == 0;
    case WdfIoQueueDispatchParallel:
        return queue->with_driver < queue->config.Settings.Parallel.NumberOfPresentedRequests;
    default:
        return false;
    }
}

static struct wdf_request *
take_first_locked(struct wdf_queue *queue)
{
    struct wdf_request *request =
        NT_LIST_ITEM(nt_list_pop(&queue->waiting), struct wdf_request, queued);

    queue->waiting_count--;
    queue->with_driver++;
    request->in_queue = false;
    request->in_driver = true;
    IoSetCancelRoutine(request->irp, NULL);
    return request;
}

static void
call_driver(struct wdf_queue *queue, struct wdf_request *request)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    const WDF_IO_QUEUE_CONFIG *config = &queue->config;
    struct nt_driver *nt = queue->object.driver->nt;
    WDFQUEUE q = (WDFQUEUE)queue;
    WDFREQUEST r = (WDFREQUEST)request;
    size_t in = stack->Parameters.DeviceIoControl.InputBufferLength;
    size_t out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG code = stack->Parameters.DeviceIoControl.IoControlCode;

    if (stack->MajorFunction == IRP_MJ_READ && config->EvtIoRead)
        NT_CALLBACK_VOID(nt, NT_PASSIVE_LEVEL, config->EvtIoRead(q, r, stack->Parameters.Read.Length));
    else if (stack->MajorFunction == IRP_MJ_WRITE && config->EvtIoWrite)
        NT_CALLBACK_VOID(nt, NT_PASSIVE_LEVEL, config->EvtIoWrite(q, r, stack->Parameters.Write.Length));
    else if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL && config->EvtIoDeviceControl)
        NT_CALLBACK_VOID(nt, NT_PASSIVE_LEVEL, config->EvtIoDeviceControl(q, r, out, in, code));
    else if (stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL && config->EvtIoInternalDeviceControl)
        NT_CALLBACK_VOID(nt, NT_PASSIVE_LEVEL, config->EvtIoInternalDeviceControl(q, r, out, in, code));
    else if (config->EvtIoDefault)
        NT_CALLBACK_VOID(nt, NT_PASSIVE_LEVEL, config->EvtIoDefault(q, r));
    else
        wdf_request_complete(request, STATUS_INVALID_DEVICE_REQUEST);
}

/* Present what may be presented. A completion inside a callback is seen by the loop, not nested. */
static void
present(struct wdf_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->presenting) {
        pthread_mutex_unlock(&queue->lock);
        return;
    }
    queue->presenting = true;
    while (may_present(queue)) {
        struct wdf_request *request = take_first_locked(queue);
        pthread_mutex_unlock(&queue->lock);
        call_driver(queue, request);
        pthread_mutex_lock(&queue->lock);
    }
    queue->presenting = false;
    pthread_mutex_unlock(&queue->lock);
}

/* A waiting request's IRP is canceled by its sender. */
static void NTAPI
cancel_waiting(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_request *request = irp->Tail.Overlay.DriverContext[0];

    IoReleaseCancelSpinLock(irp->CancelIrql);
    wdf_queue_cancel_waiting(request);
}

static bool
take_waiting(struct wdf_queue *queue, struct wdf_request *request)
{
    pthread_mutex_lock(&queue->lock);
    bool waiting = request->in_queue && request->queue == queue;
    if (waiting) {
        nt_list_remove(&request->queued);
        queue->waiting_count--;
        request->in_queue = false;
    }
    pthread_mutex_unlock(&queue->lock);
    return waiting;
}

bool
wdf_queue_cancel_waiting(struct wdf_request *request)
{
    struct wdf_queue *queue = request->queue;

    if (!queue || !take_waiting(queue, request))
        return false;
    request->canceled = true;
    if (queue->config.EvtIoCanceledOnQueue)
        NT_CALLBACK_VOID(queue->object.driver->nt, NT_PASSIVE_LEVEL,
                         queue->config.EvtIoCanceledOnQueue((WDFQUEUE)queue, (WDFREQUEST)request));
    else
        wdf_request_complete(request, STATUS_CANCELLED);
    return true;
}

NTSTATUS
wdf_queue_submit(struct wdf_queue *queue, struct wdf_request *request)
{
    pthread_mutex_lock(&queue->lock);
    if (!queue->accepts) {
        pthread_mutex_unlock(&queue->lock);
        return STATUS_INVALID_DEVICE_STATE;
    }
    bool was_empty = queue->waiting_count == 0;
    struct wdf_queue *from = request->in_driver ? request->queue : NULL;
    request->queue = queue;
    request->in_queue = true;
    request->in_driver = false;
    nt_list_append(&queue->waiting, &request->queued);
    queue->waiting_count++;
    request->irp->Tail.Overlay.DriverContext[0] = request;
    pthread_mutex_unlock(&queue->lock);

    if (from)
        wdf_queue_done_with(from, request);
    IoSetCancelRoutine(request->irp, cancel_waiting);
    if (request->irp->Cancel && IoSetCancelRoutine(request->irp, NULL)) {
        wdf_queue_cancel_waiting(request);
        return STATUS_SUCCESS;
    }
    if (was_empty && queue->ready_notify)
        NT_CALLBACK_VOID(queue->object.driver->nt, NT_PASSIVE_LEVEL,
                         queue->ready_notify((WDFQUEUE)queue, queue->ready_context));
    present(queue);
    return STATUS_SUCCESS;
}

/* A stop, drain or purge is over when the driver has given back what it had. */
static void
notify_idle(struct wdf_queue *queue)
{
    PFN_WDF_IO_QUEUE_STATE notify = NULL;
    WDFCONTEXT context = NULL;

    pthread_mutex_lock(&queue->lock);
    if (queue->idle_notify && queue->with_driver == 0 &&
        (!queue->idle_needs_empty || queue->waiting_count == 0)) {
        notify = queue->idle_notify;
        context = queue->idle_context;
        queue->idle_notify = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    if (notify)
        NT_CALLBACK_VOID(queue->object.driver->nt, NT_PASSIVE_LEVEL, notify((WDFQUEUE)queue, context));
}

void
wdf_queue_done_with(struct wdf_queue *queue, struct wdf_request *request)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->with_driver)
        queue->with_driver--;
    pthread_mutex_unlock(&queue->lock);
    notify_idle(queue);
    present(queue);
}

struct wdf_queue *
wdf_queue_for(struct wdf_device *device, UCHAR major)
{
    return device->by_type[major] ? device->by_type[major] : device->default_queue;
}

/* Cancel everything that waits and matches (NULL: all). */
static void
cancel_all(struct wdf_queue *queue, PFILE_OBJECT file)
{
    for (;;) {
        struct wdf_request *found = NULL;
        pthread_mutex_lock(&queue->lock);
        for (struct nt_list *at = queue->waiting.next; at != &queue->waiting; at = at->next) {
            struct wdf_request *request = NT_LIST_ITEM(at, struct wdf_request, queued);
            if (!file || IoGetCurrentIrpStackLocation(request->irp)->FileObject == file) {
                found = request;
                break;
            }
        }
        pthread_mutex_unlock(&queue->lock);
        if (!found)
            return;
        IoSetCancelRoutine(found->irp, NULL);
        wdf_queue_cancel_waiting(found);
    }
}

void
wdf_queue_cancel_file(struct wdf_device *device, PFILE_OBJECT file)
{
    for (struct nt_list *at = device->object.children.next; at != &device->object.children; at = at->next) {
        struct wdf_object *child = NT_LIST_ITEM(at, struct wdf_object, link);
        if (child->class == &wdf_class_queue)
            cancel_all(CONTAINER_OF(child, struct wdf_queue, object), file);
    }
}

static void
dispose(struct wdf_object *object)
{
    struct wdf_queue *queue = CONTAINER_OF(object, struct wdf_queue, object);

    queue->accepts = queue->dispatches = false;
    cancel_all(queue, NULL);
    if (queue->with_driver)
        nt_finding_for(nt_driver_name(object->driver->nt), NT_FINDING_IRP_LEFT,
                       "%u requests were still with the driver when their queue was deleted",
                       queue->with_driver);
    if (queue->device->default_queue == queue)
        queue->device->default_queue = NULL;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        if (queue->device->by_type[i] == queue)
            queue->device->by_type[i] = NULL;
}

static void
destroy(struct wdf_object *object)
{
    pthread_mutex_destroy(&CONTAINER_OF(object, struct wdf_queue, object)->lock);
}

/* Before KMDF 1.11 the structure ended without its last member, Driver. */
#define OLD_CONFIG_SIZE offsetof(WDF_IO_QUEUE_CONFIG, Driver)

/**
 * Make a queue.
 *
 * @param Config  with DefaultQueue it takes what no other queue is configured for
 * @return STATUS_SUCCESS, STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER,
 *         STATUS_UNSUCCESSFUL (a second default queue)
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi wdfio/nf-wdfio-wdfioqueuecreate
 */
WDF_EXPORT(NTSTATUS, WdfIoQueueCreate, WDFDEVICE Device, PWDF_IO_QUEUE_CONFIG Config,
           PWDF_OBJECT_ATTRIBUTES QueueAttributes, WDFQUEUE *Queue)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    struct wdf_queue *queue;
    NTSTATUS status;

    if (!device || !Config)
        return STATUS_INVALID_PARAMETER;
    if (Config->Size != sizeof(*Config) && Config->Size != OLD_CONFIG_SIZE)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (Config->DispatchType <= WdfIoQueueDispatchInvalid || Config->DispatchType >= WdfIoQueueDispatchMax)
        return STATUS_INVALID_PARAMETER;
    if (Config->DefaultQueue && device->default_queue)
        return STATUS_UNSUCCESSFUL;
    status = wdf_object_new(wdf_driver_of(globals), &wdf_class_queue, QueueAttributes,
                            &device->object, &queue);
    if (!NT_SUCCESS(status))
        return status;
    queue->device = device;
    memcpy(&queue->config, Config, Config->Size);
    queue->accepts = queue->dispatches = true;
    pthread_mutex_init(&queue->lock, NULL);
    nt_list_init(&queue->waiting);
    if (Config->DefaultQueue)
        device->default_queue = queue;
    if (Queue)
        *Queue = (WDFQUEUE)queue;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceconfigurerequestdispatching */
WDF_EXPORT(NTSTATUS, WdfDeviceConfigureRequestDispatching, WDFDEVICE Device, WDFQUEUE Queue,
           ULONG RequestType)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);

    if (!device || !queue || RequestType > IRP_MJ_MAXIMUM_FUNCTION)
        return STATUS_INVALID_PARAMETER;
    device->by_type[RequestType] = queue;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuegetstate */
WDF_EXPORT(WDF_IO_QUEUE_STATE, WdfIoQueueGetState, WDFQUEUE Queue, PULONG QueueRequests,
           PULONG DriverRequests)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    unsigned state = 0;

    if (!queue)
        return (WDF_IO_QUEUE_STATE)0;
    pthread_mutex_lock(&queue->lock);
    state |= queue->accepts ? WdfIoQueueAcceptRequests : 0u;
    state |= queue->dispatches ? WdfIoQueueDispatchRequests : 0u;
    state |= queue->waiting_count == 0 ? WdfIoQueueNoRequests : 0u;
    state |= queue->with_driver == 0 ? WdfIoQueueDriverNoRequests : 0u;
    if (QueueRequests)
        *QueueRequests = queue->waiting_count;
    if (DriverRequests)
        *DriverRequests = queue->with_driver;
    pthread_mutex_unlock(&queue->lock);
    return (WDF_IO_QUEUE_STATE)state;
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuegetdevice */
WDF_EXPORT(WDFDEVICE, WdfIoQueueGetDevice, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    return queue ? (WDFDEVICE)queue->device : NULL;
}

/** @return STATUS_NO_MORE_ENTRIES when empty. Ref: ddi wdfio/nf-wdfio-wdfioqueueretrievenextrequest */
WDF_EXPORT(NTSTATUS, WdfIoQueueRetrieveNextRequest, WDFQUEUE Queue, WDFREQUEST *OutRequest)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    NTSTATUS status = STATUS_NO_MORE_ENTRIES;

    if (!queue)
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&queue->lock);
    if (!queue->dispatches)
        status = STATUS_INVALID_DEVICE_STATE;
    else if (queue->waiting_count) {
        *OutRequest = (WDFREQUEST)take_first_locked(queue);
        status = STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueueretrieverequestbyfileobject */
WDF_EXPORT(NTSTATUS, WdfIoQueueRetrieveRequestByFileObject, WDFQUEUE Queue, WDFFILEOBJECT FileObject,
           WDFREQUEST *OutRequest)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    struct wdf_file *file = WDF_CHECK(FileObject, wdf_class_file);
    NTSTATUS status = STATUS_NO_MORE_ENTRIES;

    if (!queue || !file)
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&queue->lock);
    for (struct nt_list *at = queue->waiting.next; at != &queue->waiting; at = at->next) {
        struct wdf_request *request = NT_LIST_ITEM(at, struct wdf_request, queued);
        if (IoGetCurrentIrpStackLocation(request->irp)->FileObject != file->file_object)
            continue;
        nt_list_remove(at);
        queue->waiting_count--;
        queue->with_driver++;
        request->in_queue = false;
        request->in_driver = true;
        IoSetCancelRoutine(request->irp, NULL);
        *OutRequest = (WDFREQUEST)request;
        status = STATUS_SUCCESS;
        break;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuereadynotify */
WDF_EXPORT(NTSTATUS, WdfIoQueueReadyNotify, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE QueueReady,
           WDFCONTEXT Context)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);

    if (!queue || queue->config.DispatchType != WdfIoQueueDispatchManual)
        return STATUS_INVALID_DEVICE_REQUEST;
    queue->ready_notify = QueueReady;
    queue->ready_context = Context;
    return STATUS_SUCCESS;
}

/* ---- start, stop, drain, purge ---- */

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuestart */
WDF_EXPORT(VOID, WdfIoQueueStart, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);

    if (!queue)
        return;
    queue->accepts = queue->dispatches = true;
    present(queue);
}

static void
change(struct wdf_queue *queue, bool accepts, bool dispatches, bool purge, bool needs_empty,
       PFN_WDF_IO_QUEUE_STATE notify, WDFCONTEXT context)
{
    if (!queue)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->accepts = accepts;
    queue->dispatches = dispatches;
    queue->idle_notify = notify;
    queue->idle_context = context;
    queue->idle_needs_empty = needs_empty;
    pthread_mutex_unlock(&queue->lock);
    if (purge)
        cancel_all(queue, NULL);
    notify_idle(queue);
}

/* Wait until the driver has given back its requests, at PASSIVE_LEVEL. */
static void
wait_idle(struct wdf_queue *queue, bool needs_empty)
{
    LARGE_INTEGER a_while = {.QuadPart = -10000};

    while (queue && (queue->with_driver || (needs_empty && queue->waiting_count)))
        KeDelayExecutionThread(KernelMode, FALSE, &a_while);
}

/** Stop presenting; accept on. Ref: ddi wdfio/nf-wdfio-wdfioqueuestop */
WDF_EXPORT(VOID, WdfIoQueueStop, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE StopComplete, WDFCONTEXT Context)
{
    change(WDF_CHECK(Queue, wdf_class_queue), true, false, false, false, StopComplete, Context);
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuestopsynchronously */
WDF_EXPORT(VOID, WdfIoQueueStopSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    change(queue, true, false, false, false, NULL, NULL);
    wait_idle(queue, false);
}

/** Accept no more; present what waits. Ref: ddi wdfio/nf-wdfio-wdfioqueuedrain */
WDF_EXPORT(VOID, WdfIoQueueDrain, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE DrainComplete, WDFCONTEXT Context)
{
    change(WDF_CHECK(Queue, wdf_class_queue), false, true, false, true, DrainComplete, Context);
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuedrainsynchronously */
WDF_EXPORT(VOID, WdfIoQueueDrainSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    change(queue, false, true, false, true, NULL, NULL);
    wait_idle(queue, true);
}

/** Accept no more; cancel what waits. Ref: ddi wdfio/nf-wdfio-wdfioqueuepurge */
WDF_EXPORT(VOID, WdfIoQueuePurge, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE PurgeComplete, WDFCONTEXT Context)
{
    change(WDF_CHECK(Queue, wdf_class_queue), false, true, true, true, PurgeComplete, Context);
}

/** Ref: ddi wdfio/nf-wdfio-wdfioqueuepurgesynchronously */
WDF_EXPORT(VOID, WdfIoQueuePurgeSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_CHECK(Queue, wdf_class_queue);
    change(queue, false, true, true, true, NULL, NULL);
    wait_idle(queue, true);
}
