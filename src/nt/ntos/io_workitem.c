/*
 * Work items: IoQueueWorkItem, ExQueueWorkItem, over nt_work.c.
 *
 * Lifetime   A queued IO_WORKITEM holds its device object until its routine has returned.
 * Ref        kernel/queuing-and-dequeuing-irps … system-worker-threads; wdm/nf-wdm-ioqueueworkitem
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_work.h"

#define ITEM_TAG 0x206B7257u /* 'Wrk ' */

struct _IO_WORKITEM {
    struct nt_work work;
    PVOID io_object;
    PVOID context;
    PIO_WORKITEM_ROUTINE routine;
    PIO_WORKITEM_ROUTINE_EX routine_ex;
};

static void
run_item(struct nt_work *work)
{
    PIO_WORKITEM item = CONTAINER_OF(work, struct _IO_WORKITEM, work);
    PVOID object = item->io_object, context = item->context;
    struct nt_driver *driver = work->driver;

    /* The routine may free or requeue the item: only copies from here on. */
    if (item->routine_ex)
        NT_CALLBACK_VOID(driver, PASSIVE_LEVEL, item->routine_ex(object, context, item));
    else
        NT_CALLBACK_VOID(driver, PASSIVE_LEVEL, item->routine(object, context));
    nt_object_unref(object);
}

static bool
queue(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine, PIO_WORKITEM_ROUTINE_EX routine_ex,
      PVOID context)
{
    if (item->work.is_queued)
        return false;
    item->routine = routine;
    item->routine_ex = routine_ex;
    item->context = context;
    nt_object_ref(item->io_object);
    return nt_work_queue(&item->work, run_item, nt_object_owner(item->io_object));
}

/** Bytes of an item the driver keeps itself. IRQL: any. Ref: wdm/nf-wdm-iosizeofworkitem. */
ULONG NTAPI
IoSizeofWorkItem(VOID)
{
    return sizeof(struct _IO_WORKITEM);
}

/** @p IoObject: a driver or device object. IRQL: any. Ref: wdm/nf-wdm-ioinitializeworkitem. */
VOID NTAPI
IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
    memset(IoWorkItem, 0, sizeof(*IoWorkItem));
    nt_list_init(&IoWorkItem->work.link);
    IoWorkItem->io_object = IoObject;
}

/** The item must not be queued. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iouninitializeworkitem. */
VOID NTAPI
IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
    if (IoWorkItem->work.is_queued) {
        nt_finding(NT_FINDING_WORK_ITEM_LEAK, "a work item was freed while it was queued");
        if (nt_work_cancel(&IoWorkItem->work))
            nt_object_unref(IoWorkItem->io_object);
    }
}

/** @return NULL when memory is out. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioallocateworkitem. */
PIO_WORKITEM NTAPI
IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    PIO_WORKITEM item = nt_pool_allocate(sizeof(*item), ITEM_TAG, true, NT_CALLER);
    if (item)
        IoInitializeWorkItem(DeviceObject, item);
    return item;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iofreeworkitem. */
VOID NTAPI
IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    IoUninitializeWorkItem(IoWorkItem);
    nt_pool_free(IoWorkItem, ITEM_TAG);
}

/** An item queued twice is a finding (a bug check on Windows). IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine,
                WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!queue(IoWorkItem, WorkerRoutine, NULL, Context))
        nt_finding(NT_FINDING_OBJECT_BAD, "a work item was queued while it was queued already");
}

/** As IoQueueWorkItem; the routine gets the item too. Ref: wdm/nf-wdm-ioqueueworkitemex. */
VOID NTAPI
IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                  WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!queue(IoWorkItem, NULL, WorkerRoutine, Context))
        nt_finding(NT_FINDING_OBJECT_BAD, "a work item was queued while it was queued already");
}

/** @return FALSE when it is queued already. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
IoTryQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                   WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return queue(IoWorkItem, NULL, WorkerRoutine, Context);
}

/* --- the old form: WORK_QUEUE_ITEM in the driver's memory --- */

struct old_item {
    struct nt_work work;
    PWORKER_THREAD_ROUTINE routine;
    PVOID parameter;
};

static void
run_old_item(struct nt_work *work)
{
    struct old_item item = *CONTAINER_OF(work, struct old_item, work);
    free(CONTAINER_OF(work, struct old_item, work));
    NT_CALLBACK_VOID(item.work.driver, PASSIVE_LEVEL, item.routine(item.parameter));
}

/** Out of memory is a finding: the function cannot fail. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    struct old_item *item = calloc(1, sizeof(*item));
    if (!item) {
        nt_finding(NT_FINDING_OBJECT_BAD, "ExQueueWorkItem: out of memory");
        return;
    }
    nt_list_init(&item->work.link);
    item->routine = WorkItem->WorkerRoutine;
    item->parameter = WorkItem->Parameter;
    nt_work_queue(&item->work, run_old_item, nt_driver_current());
}
