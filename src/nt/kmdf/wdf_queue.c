/*
 * I/O queues: sequential, parallel, manual; stop, drain, purge; cancellation of what waits.
 *
 * Model      A request is waiting (the framework's) or presented (the driver's). run() presents while
 *            the queue dispatches and its kind allows: one at a time, several, or none (manual). A
 *            waiting request has a cancel routine in its IRP; taking it out clears that first, and who
 *            loses that race leaves the request to the other.
 * Locks      queue->lock, a leaf.
 * Ref        wdf/framework-queue-objects, wdf/managing-i-o-queues
 */
#include "nt/kmdf/wdf_internal.h"

#define REQUEST_OF(irp) ((irp)->Tail.Overlay.DriverContext[0])

/* The queue whose requests this thread presents now: a request completed inside its callback must not
   present the next one from there. */
static __thread struct wdf_queue *presenting;

static void run(struct wdf_queue *queue);

/* --- state --- */

static bool
is_idle_locked(const struct wdf_queue *queue)
{
    return queue->waiting_count == 0 && queue->presented_count == 0;
}

/** Callbacks that wait for a state of the queue. Called without the lock. */
static void
notify(struct wdf_queue *queue)
{
    PFN_WDF_IO_QUEUE_STATE idle = NULL, stopped = NULL;

    pthread_mutex_lock(&queue->lock);
    if (is_idle_locked(queue)) {
        idle = queue->idle_done;
        queue->idle_done = NULL;
    }
    if (queue->presented_count == 0) {
        stopped = queue->stop_done;
        queue->stop_done = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    KeSetEvent(&queue->changed, IO_NO_INCREMENT, FALSE);
    if (idle)
        NT_CALLBACK_VOID(queue->object.driver->nt, nt_cpu.irql,
                         idle((WDFQUEUE)queue, queue->idle_context));
    if (stopped)
        NT_CALLBACK_VOID(queue->object.driver->nt, nt_cpu.irql,
                         stopped((WDFQUEUE)queue, queue->stop_context));
}

/** Wait until @p condition holds. IRQL: PASSIVE_LEVEL */
static void
wait_until(struct wdf_queue *queue, bool (*condition)(const struct wdf_queue *))
{
    for (;;) {
        KeClearEvent(&queue->changed);
        pthread_mutex_lock(&queue->lock);
        bool holds = condition(queue);
        pthread_mutex_unlock(&queue->lock);
        if (holds)
            return;
        KeWaitForSingleObject(&queue->changed, Executive, KernelMode, FALSE, NULL);
    }
}

static bool
has_nothing_presented(const struct wdf_queue *queue)
{
    return queue->presented_count == 0;
}

/* --- cancellation of waiting requests --- */

/** Out of the waiting list; the caller has won the race for its cancel routine. */
static void
take_waiting_locked(struct wdf_queue *queue, struct wdf_request *request)
{
    nt_list_remove(&request->link);
    queue->waiting_count--;
}

/** A cancelled request that waited: the driver's again if it had it before, else it ends here. */
static void
end_cancelled(struct wdf_queue *queue, struct wdf_request *request)
{
    request->is_cancelled = true;
    if (request->was_presented && queue->config.EvtIoCanceledOnQueue) {
        pthread_mutex_lock(&queue->lock);
        request->state = WDF_REQUEST_PRESENTED;
        nt_list_append(&queue->presented, &request->link);
        queue->presented_count++;
        pthread_mutex_unlock(&queue->lock);
        NT_CALLBACK_VOID(queue->object.driver->nt, nt_cpu.irql,
                         queue->config.EvtIoCanceledOnQueue((WDFQUEUE)queue, (WDFREQUEST)request));
        return;
    }
    request->queue = NULL;
    wdf_request_complete(request, STATUS_CANCELLED);
    notify(queue);
}

static VOID NTAPI
cancel_waiting(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_request *request = REQUEST_OF(irp);
    struct wdf_queue *queue = request->queue;

    IoReleaseCancelSpinLock(irp->CancelIrql);
    pthread_mutex_lock(&queue->lock);
    take_waiting_locked(queue, request);
    pthread_mutex_unlock(&queue->lock);
    end_cancelled(queue, request);
}

/** @return true when @p request is ours to take: no cancel routine runs for it */
static bool
claim(struct wdf_request *request)
{
    return IoSetCancelRoutine(request->irp, NULL) != NULL;
}

/* --- adding --- */

NTSTATUS
wdf_queue_add(struct wdf_queue *queue, struct wdf_request *request)
{
    PFN_WDF_IO_QUEUE_STATE ready = NULL;
    PIRP irp = request->irp;

    pthread_mutex_lock(&queue->lock);
    if (!queue->accepts || queue->object.is_deleted) {
        pthread_mutex_unlock(&queue->lock);
        return STATUS_INVALID_DEVICE_STATE;
    }
    request->queue = queue;
    request->state = WDF_REQUEST_QUEUED;
    REQUEST_OF(irp) = request;
    if (queue->waiting_count == 0 && queue->dispatches)
        ready = queue->ready;
    nt_list_append(&queue->waiting, &request->link);
    queue->waiting_count++;
    IoSetCancelRoutine(irp, cancel_waiting);
    /* Cancelled before the routine was there? Then nobody calls it but us. */
    bool cancelled = irp->Cancel && claim(request);
    if (cancelled)
        take_waiting_locked(queue, request);
    pthread_mutex_unlock(&queue->lock);
    if (cancelled)
        end_cancelled(queue, request);
    else if (ready)
        NT_CALLBACK_VOID(queue->object.driver->nt, nt_cpu.irql,
                         ready((WDFQUEUE)queue, queue->ready_context));
    run(queue);
    return STATUS_SUCCESS;
}

/* --- presenting --- */

static bool
may_present_locked(const struct wdf_queue *queue)
{
    ULONG most = queue->config.Settings.Parallel.NumberOfPresentedRequests;

    if (!queue->dispatches || queue->waiting_count == 0)
        return false;
    switch (queue->config.DispatchType) {
    case WdfIoQueueDispatchSequential:
        return queue->presented_count == 0;
    case WdfIoQueueDispatchParallel:
        return most == 0 || queue->presented_count < most;
    default:
        return false;
    }
}

/** The first waiting request that can be claimed becomes the driver's. */
static struct wdf_request *
present_locked(struct wdf_queue *queue, PFILE_OBJECT only)
{
    for (struct nt_list *i = queue->waiting.next; i != &queue->waiting; i = i->next) {
        struct wdf_request *request = NT_LIST_ITEM(i, struct wdf_request, link);
        if (only && IoGetCurrentIrpStackLocation(request->irp)->FileObject != only)
            continue;
        if (!claim(request))
            continue; /* its cancel routine is at work */
        take_waiting_locked(queue, request);
        request->state = WDF_REQUEST_PRESENTED;
        request->was_presented = true;
        nt_list_append(&queue->presented, &request->link);
        queue->presented_count++;
        return request;
    }
    return NULL;
}

static bool
call_handler(struct wdf_queue *queue, struct wdf_request *request)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(request->irp);
    const WDF_IO_QUEUE_CONFIG *config = &queue->config;
    struct nt_driver *driver = queue->object.driver->nt;
    WDFQUEUE handle = (WDFQUEUE)queue;
    WDFREQUEST request_handle = (WDFREQUEST)request;

    if (stack->MajorFunction == IRP_MJ_READ && config->EvtIoRead)
        NT_CALLBACK_VOID(driver, nt_cpu.irql,
                         config->EvtIoRead(handle, request_handle, stack->Parameters.Read.Length));
    else if (stack->MajorFunction == IRP_MJ_WRITE && config->EvtIoWrite)
        NT_CALLBACK_VOID(
            driver, nt_cpu.irql,
            config->EvtIoWrite(handle, request_handle, stack->Parameters.Write.Length));
    else if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL && config->EvtIoDeviceControl)
        NT_CALLBACK_VOID(
            driver, nt_cpu.irql,
            config->EvtIoDeviceControl(handle, request_handle,
                                       stack->Parameters.DeviceIoControl.OutputBufferLength,
                                       stack->Parameters.DeviceIoControl.InputBufferLength,
                                       stack->Parameters.DeviceIoControl.IoControlCode));
    else if (stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL &&
             config->EvtIoInternalDeviceControl)
        NT_CALLBACK_VOID(
            driver, nt_cpu.irql,
            config->EvtIoInternalDeviceControl(handle, request_handle,
                                               stack->Parameters.DeviceIoControl.OutputBufferLength,
                                               stack->Parameters.DeviceIoControl.InputBufferLength,
                                               stack->Parameters.DeviceIoControl.IoControlCode));
    else if (config->EvtIoDefault)
        NT_CALLBACK_VOID(driver, nt_cpu.irql, config->EvtIoDefault(handle, request_handle));
    else
        return false;
    return true;
}

static void
run_at_passive(struct nt_work *work)
{
    struct wdf_queue *queue = CONTAINER_OF(work, struct wdf_queue, passive_work);
    run(queue);
    wdf_object_unref(&queue->object);
}

static void
run(struct wdf_queue *queue)
{
    struct wdf_queue *outer = presenting;

    if (presenting == queue)
        return; /* the loop further out goes on */
    if (queue->object.is_passive && nt_cpu.irql > PASSIVE_LEVEL) {
        wdf_object_ref(&queue->object);
        if (!nt_work_queue(&queue->passive_work, run_at_passive, queue->object.driver->nt))
            wdf_object_unref(&queue->object);
        return;
    }
    presenting = queue;
    for (;;) {
        pthread_mutex_lock(&queue->lock);
        struct wdf_request *request =
            may_present_locked(queue) ? present_locked(queue, NULL) : NULL;
        pthread_mutex_unlock(&queue->lock);
        if (!request)
            break;
        KIRQL irql = wdf_sync_enter(queue->object.sync);
        bool handled = call_handler(queue, request);
        wdf_sync_leave(queue->object.sync, irql);
        if (!handled)
            wdf_request_complete(request, STATUS_INVALID_DEVICE_REQUEST);
    }
    presenting = outer;
}

void
wdf_queue_forget(struct wdf_queue *queue, struct wdf_request *request)
{
    pthread_mutex_lock(&queue->lock);
    nt_list_remove(&request->link);
    queue->presented_count--;
    pthread_mutex_unlock(&queue->lock);
    notify(queue);
    run(queue);
}

void
wdf_queue_continue(struct wdf_queue *queue)
{
    notify(queue);
    run(queue);
}

NTSTATUS
wdf_queue_put_back(struct wdf_queue *queue, struct wdf_request *request)
{
    pthread_mutex_lock(&queue->lock);
    nt_list_remove(&request->link);
    queue->presented_count--;
    request->state = WDF_REQUEST_QUEUED;
    REQUEST_OF(request->irp) = request;
    nt_list_append(queue->waiting.next, &request->link); /* before the first */
    queue->waiting_count++;
    IoSetCancelRoutine(request->irp, cancel_waiting);
    bool cancelled = request->irp->Cancel && claim(request);
    if (cancelled)
        take_waiting_locked(queue, request);
    pthread_mutex_unlock(&queue->lock);
    if (cancelled)
        end_cancelled(queue, request);
    wdf_queue_continue(queue);
    return STATUS_SUCCESS;
}

/* --- emptying --- */

/** Cancel everything that waits, or what waits of one file. */
static void
cancel_all_waiting(struct wdf_queue *queue, PFILE_OBJECT only)
{
    for (;;) {
        struct wdf_request *found = NULL;
        pthread_mutex_lock(&queue->lock);
        for (struct nt_list *i = queue->waiting.next; i != &queue->waiting && !found; i = i->next) {
            struct wdf_request *request = NT_LIST_ITEM(i, struct wdf_request, link);
            if ((!only || IoGetCurrentIrpStackLocation(request->irp)->FileObject == only) &&
                claim(request))
                found = request;
        }
        if (found)
            take_waiting_locked(queue, found);
        pthread_mutex_unlock(&queue->lock);
        if (!found)
            return;
        end_cancelled(queue, found);
    }
}

/** Cancel what the driver has marked as cancelable. */
static void
cancel_presented(struct wdf_queue *queue)
{
    struct wdf_request *requests[64];
    size_t count = 0;

    pthread_mutex_lock(&queue->lock);
    for (struct nt_list *i = queue->presented.next;
         i != &queue->presented && count < ELEMENTSOF(requests); i = i->next) {
        struct wdf_request *request = NT_LIST_ITEM(i, struct wdf_request, link);
        if (request->cancel) {
            wdf_object_ref(&request->object);
            requests[count++] = request;
        }
    }
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < count; i++) {
        IoCancelIrp(requests[i]->irp);
        wdf_object_unref(&requests[i]->object);
    }
}

void
wdf_queue_flush_file(struct wdf_queue *queue, PFILE_OBJECT file_object)
{
    cancel_all_waiting(queue, file_object);
}

struct wdf_queue *
wdf_queue_for(struct wdf_device *device, UCHAR major)
{
    return device->queue_for[major] ? device->queue_for[major] : device->default_queue;
}

static void
purge(struct wdf_queue *queue, bool keeps_dispatching)
{
    pthread_mutex_lock(&queue->lock);
    queue->accepts = false;
    queue->dispatches = queue->dispatches && keeps_dispatching;
    pthread_mutex_unlock(&queue->lock);
    cancel_all_waiting(queue, NULL);
    cancel_presented(queue);
    notify(queue);
}

/* --- creation --- */

static void
dispose_queue(struct wdf_object *object)
{
    struct wdf_queue *queue = (struct wdf_queue *)object;

    pthread_mutex_lock(&queue->device->lock);
    nt_list_remove(&queue->link);
    pthread_mutex_unlock(&queue->device->lock);
    purge(queue, false);
    if (queue->presented_count)
        nt_finding_for(nt_driver_name(object->driver->nt), NT_FINDING_IRP_LEFT,
                       "a queue was deleted while the driver held %zu of its requests",
                       queue->presented_count);
    if (queue->device->default_queue == queue)
        queue->device->default_queue = NULL;
}

static void
finish_queue(struct wdf_object *object)
{
    pthread_mutex_destroy(&((struct wdf_queue *)object)->lock);
}

static NTSTATUS
check_config(const WDF_IO_QUEUE_CONFIG *config)
{
    if (config->Size != sizeof(*config) && config->Size != 80 && config->Size != 88)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (config->DispatchType <= WdfIoQueueDispatchInvalid ||
        config->DispatchType >= WdfIoQueueDispatchMax)
        return STATUS_INVALID_PARAMETER;
    bool has_handler = config->EvtIoDefault || config->EvtIoRead || config->EvtIoWrite ||
                       config->EvtIoDeviceControl || config->EvtIoInternalDeviceControl;
    if ((config->DispatchType == WdfIoQueueDispatchManual) == has_handler)
        return has_handler ? STATUS_INVALID_PARAMETER : WDF_STATUS_NO_CALLBACK;
    return STATUS_SUCCESS;
}

/**
 * Make a queue.
 *
 * @param Queue  may be NULL
 * @return STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER, STATUS_WDF_NO_CALLBACK,
 *         STATUS_UNSUCCESSFUL for a second default queue
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuecreate.
 */
WDF_API(NTSTATUS, WdfIoQueueCreate, WDFDEVICE Device, PWDF_IO_QUEUE_CONFIG Config,
        PWDF_OBJECT_ATTRIBUTES QueueAttributes, WDFQUEUE *Queue)
{
    static const struct wdf_operations operations = {
        .name = "queue", .dispose = dispose_queue, .finish = finish_queue};
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    struct wdf_queue *queue;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    NTSTATUS status = check_config(Config);
    if (!NT_SUCCESS(status))
        return status;
    if (Config->DefaultQueue && device->default_queue)
        return STATUS_UNSUCCESSFUL;
    status = wdf_object_new(device->object.driver, WDF_TYPE_QUEUE, &operations, sizeof(*queue),
                            QueueAttributes, &device->object, &queue);
    if (!NT_SUCCESS(status))
        return status;
    queue->device = device;
    memcpy(&queue->config, Config, MIN(Config->Size, sizeof(queue->config)));
    if (queue->config.Settings.Parallel.NumberOfPresentedRequests == (ULONG)-1)
        queue->config.Settings.Parallel.NumberOfPresentedRequests = 0;
    pthread_mutex_init(&queue->lock, NULL);
    nt_list_init(&queue->waiting);
    nt_list_init(&queue->presented);
    nt_list_init(&queue->passive_work.link);
    KeInitializeEvent(&queue->changed, NotificationEvent, FALSE);
    queue->accepts = queue->dispatches = true;
    if (QueueAttributes && QueueAttributes->SynchronizationScope == WdfSynchronizationScopeQueue) {
        wdf_sync_init(&queue->own_sync, queue->object.is_passive);
        queue->object.sync = &queue->own_sync;
    } else if (QueueAttributes &&
               QueueAttributes->SynchronizationScope == WdfSynchronizationScopeNone) {
        queue->object.sync = NULL;
    }
    pthread_mutex_lock(&device->lock);
    nt_list_append(&device->queues, &queue->link);
    pthread_mutex_unlock(&device->lock);
    if (Config->DefaultQueue)
        device->default_queue = queue;
    if (Queue)
        *Queue = (WDFQUEUE)queue;
    return STATUS_SUCCESS;
}

/* --- state, as the driver asks and orders --- */

/** WDF_IO_QUEUE_STATE flags; counts of waiting and of presented requests. IRQL: <= DISPATCH_LEVEL. Ref: wdfio. */
WDF_API(WDF_IO_QUEUE_STATE, WdfIoQueueGetState, WDFQUEUE Queue, PULONG QueueRequests,
        PULONG DriverRequests)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    pthread_mutex_lock(&queue->lock);
    ULONG state = (queue->accepts ? WdfIoQueueAcceptRequests : 0) |
                  (queue->dispatches ? WdfIoQueueDispatchRequests : 0) |
                  (queue->waiting_count ? 0 : WdfIoQueueNoRequests) |
                  (queue->presented_count ? 0 : WdfIoQueueDriverNoRequests);
    if (QueueRequests)
        *QueueRequests = (ULONG)queue->waiting_count;
    if (DriverRequests)
        *DriverRequests = (ULONG)queue->presented_count;
    pthread_mutex_unlock(&queue->lock);
    return (WDF_IO_QUEUE_STATE)state;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuegetdevice. */
WDF_API(WDFDEVICE, WdfIoQueueGetDevice, WDFQUEUE Queue)
{
    return (WDFDEVICE)((struct wdf_queue *)WDF_GET(Queue, QUEUE))->device;
}

/** Accept and dispatch (again). IRQL: <= DISPATCH_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuestart. */
WDF_API(VOID, WdfIoQueueStart, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    pthread_mutex_lock(&queue->lock);
    queue->accepts = queue->dispatches = true;
    pthread_mutex_unlock(&queue->lock);
    run(queue);
}

static void
stop(struct wdf_queue *queue, PFN_WDF_IO_QUEUE_STATE done, WDFCONTEXT context)
{
    pthread_mutex_lock(&queue->lock);
    queue->dispatches = false;
    queue->stop_done = done;
    queue->stop_context = context;
    pthread_mutex_unlock(&queue->lock);
    notify(queue);
}

/** Accept, but present no more; @p StopComplete (may be NULL) when the driver holds none. Ref: wdfio. */
WDF_API(VOID, WdfIoQueueStop, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE StopComplete,
        WDFCONTEXT Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    stop(WDF_GET(Queue, QUEUE), StopComplete, Context);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuestopsynchronously. */
WDF_API(VOID, WdfIoQueueStopSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    stop(queue, NULL, NULL);
    wait_until(queue, has_nothing_presented);
}

static void
drain(struct wdf_queue *queue, PFN_WDF_IO_QUEUE_STATE done, WDFCONTEXT context)
{
    pthread_mutex_lock(&queue->lock);
    queue->accepts = false;
    queue->idle_done = done;
    queue->idle_context = context;
    pthread_mutex_unlock(&queue->lock);
    notify(queue);
}

/** Accept no more; @p DrainComplete (may be NULL) when all are done. Ref: wdfio/nf-wdfio-wdfioqueuedrain. */
WDF_API(VOID, WdfIoQueueDrain, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE DrainComplete,
        WDFCONTEXT Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    drain(WDF_GET(Queue, QUEUE), DrainComplete, Context);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuedrainsynchronously. */
WDF_API(VOID, WdfIoQueueDrainSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    drain(queue, NULL, NULL);
    wait_until(queue, is_idle_locked);
}

/** Cancel what waits and what the driver marked; @p PurgeComplete when all are done. Ref: wdfio. */
WDF_API(VOID, WdfIoQueuePurge, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE PurgeComplete,
        WDFCONTEXT Context)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    pthread_mutex_lock(&queue->lock);
    queue->idle_done = PurgeComplete;
    queue->idle_context = Context;
    pthread_mutex_unlock(&queue->lock);
    purge(queue, true);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuepurgesynchronously. */
WDF_API(VOID, WdfIoQueuePurgeSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    purge(queue, true);
    wait_until(queue, is_idle_locked);
}

/** Purge, but go on accepting; presents no more. IRQL: <= DISPATCH_LEVEL. Ref: wdfio. */
WDF_API(VOID, WdfIoQueueStopAndPurge, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE StopAndPurgeComplete,
        WDFCONTEXT Context)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    pthread_mutex_lock(&queue->lock);
    queue->dispatches = false;
    queue->stop_done = StopAndPurgeComplete;
    queue->stop_context = Context;
    pthread_mutex_unlock(&queue->lock);
    cancel_all_waiting(queue, NULL);
    cancel_presented(queue);
    notify(queue);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuestopandpurgesynchronously. */
WDF_API(VOID, WdfIoQueueStopAndPurgeSynchronously, WDFQUEUE Queue)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    stop(queue, NULL, NULL);
    cancel_all_waiting(queue, NULL);
    cancel_presented(queue);
    wait_until(queue, has_nothing_presented);
}

/** Manual queues: @p QueueReady when a first request comes; NULL removes it. Ref: wdfio. */
WDF_API(NTSTATUS, WdfIoQueueReadyNotify, WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE QueueReady,
        WDFCONTEXT Context)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    if (queue->config.DispatchType != WdfIoQueueDispatchManual)
        return STATUS_INVALID_DEVICE_REQUEST;
    pthread_mutex_lock(&queue->lock);
    NTSTATUS status = QueueReady && queue->ready ? STATUS_INVALID_DEVICE_REQUEST : STATUS_SUCCESS;
    if (NT_SUCCESS(status)) {
        queue->ready = QueueReady;
        queue->ready_context = Context;
    }
    bool has_requests = queue->waiting_count > 0;
    pthread_mutex_unlock(&queue->lock);
    if (NT_SUCCESS(status) && QueueReady && has_requests)
        NT_CALLBACK_VOID(queue->object.driver->nt, nt_cpu.irql, QueueReady(Queue, Context));
    return status;
}

static NTSTATUS
retrieve(struct wdf_queue *queue, PFILE_OBJECT only, WDFREQUEST *ret_request)
{
    *ret_request = NULL;
    pthread_mutex_lock(&queue->lock);
    NTSTATUS status = !queue->dispatches ? WDF_STATUS_PAUSED : STATUS_SUCCESS;
    if (queue->config.DispatchType == WdfIoQueueDispatchParallel)
        status = STATUS_INVALID_DEVICE_STATE;
    struct wdf_request *request = NT_SUCCESS(status) ? present_locked(queue, only) : NULL;
    pthread_mutex_unlock(&queue->lock);
    if (NT_SUCCESS(status) && !request)
        status = STATUS_NO_MORE_ENTRIES;
    *ret_request = (WDFREQUEST)request;
    return status;
}

/** @return STATUS_NO_MORE_ENTRIES, STATUS_WDF_PAUSED. IRQL: <= DISPATCH_LEVEL. Ref: wdfio. */
WDF_API(NTSTATUS, WdfIoQueueRetrieveNextRequest, WDFQUEUE Queue, WDFREQUEST *OutRequest)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve(WDF_GET(Queue, QUEUE), NULL, OutRequest);
}

/** As WdfIoQueueRetrieveNextRequest, of one file. Ref: wdfio. */
WDF_API(NTSTATUS, WdfIoQueueRetrieveRequestByFileObject, WDFQUEUE Queue, WDFFILEOBJECT FileObject,
        WDFREQUEST *OutRequest)
{
    struct wdf_file *file = WDF_GET(FileObject, FILE);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    return retrieve(WDF_GET(Queue, QUEUE), file->file_object, OutRequest);
}

/**
 * The next waiting request after @p FoundRequest (NULL = the first), referenced; it stays in the queue.
 *
 * @return STATUS_NO_MORE_ENTRIES, STATUS_NOT_FOUND when @p FoundRequest left the queue
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfio/nf-wdfio-wdfioqueuefindrequest.
 */
WDF_API(NTSTATUS, WdfIoQueueFindRequest, WDFQUEUE Queue, WDFREQUEST FoundRequest,
        WDFFILEOBJECT FileObject, PWDF_REQUEST_PARAMETERS Parameters, WDFREQUEST *OutRequest)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);
    struct wdf_file *file = FileObject ? WDF_GET(FileObject, FILE) : NULL;
    bool passed = FoundRequest == NULL;
    struct wdf_request *found = NULL;

    pthread_mutex_lock(&queue->lock);
    for (struct nt_list *i = queue->waiting.next; i != &queue->waiting; i = i->next) {
        struct wdf_request *request = NT_LIST_ITEM(i, struct wdf_request, link);
        if (!passed) {
            passed = (WDFREQUEST)request == FoundRequest;
            continue;
        }
        if (file && IoGetCurrentIrpStackLocation(request->irp)->FileObject != file->file_object)
            continue;
        found = request;
        wdf_object_ref(&found->object);
        break;
    }
    pthread_mutex_unlock(&queue->lock);
    if (!found)
        return passed ? STATUS_NO_MORE_ENTRIES : STATUS_NOT_FOUND;
    if (Parameters)
        imp_WdfRequestGetParameters(globals, (WDFREQUEST)found, Parameters);
    *OutRequest = (WDFREQUEST)found;
    return STATUS_SUCCESS;
}

/** Take a request that WdfIoQueueFindRequest found. @return STATUS_NOT_FOUND. Ref: wdfio. */
WDF_API(NTSTATUS, WdfIoQueueRetrieveFoundRequest, WDFQUEUE Queue, WDFREQUEST FoundRequest,
        WDFREQUEST *OutRequest)
{
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);
    struct wdf_request *wanted = NULL;

    pthread_mutex_lock(&queue->lock);
    for (struct nt_list *i = queue->waiting.next; i != &queue->waiting && !wanted; i = i->next) {
        struct wdf_request *request = NT_LIST_ITEM(i, struct wdf_request, link);
        if ((WDFREQUEST)request == FoundRequest && claim(request))
            wanted = request;
    }
    if (wanted) {
        take_waiting_locked(queue, wanted);
        wanted->state = WDF_REQUEST_PRESENTED;
        wanted->was_presented = true;
        nt_list_append(&queue->presented, &wanted->link);
        queue->presented_count++;
    }
    pthread_mutex_unlock(&queue->lock);
    *OutRequest = (WDFREQUEST)wanted;
    return wanted ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}
