/*
 * Locks, timers, work items and DPCs: framework objects around the kernel's own.
 */
#include "nt/kmdf/wdf_internal.h"

#include <string.h>

/* ---- locks ---- */

struct wdf_wait_lock {
    struct wdf_object object;
    KEVENT event; /* synchronization event, signalled while free */
};

struct wdf_spin_lock {
    struct wdf_object object;
    KSPIN_LOCK lock;
    KIRQL irql;
};

static const struct wdf_class wait_lock_class = {
    .type = WDF_WAIT_LOCK, .name = "WDFWAITLOCK", .size = sizeof(struct wdf_wait_lock)};
static const struct wdf_class spin_lock_class = {
    .type = WDF_SPIN_LOCK, .name = "WDFSPINLOCK", .size = sizeof(struct wdf_spin_lock)};

/** Ref: ddi wdfsync/nf-wdfsync-wdfwaitlockcreate */
WDF_EXPORT(NTSTATUS, WdfWaitLockCreate, PWDF_OBJECT_ATTRIBUTES LockAttributes, WDFWAITLOCK *Lock)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    struct wdf_wait_lock *lock;
    NTSTATUS status = wdf_object_new(driver, &wait_lock_class, LockAttributes, &driver->object, &lock);

    if (!NT_SUCCESS(status))
        return status;
    KeInitializeEvent(&lock->event, SynchronizationEvent, TRUE);
    *Lock = (WDFWAITLOCK)lock;
    return STATUS_SUCCESS;
}

/**
 * @param Timeout  100 ns, negative is relative; NULL waits for ever, 0 does not wait
 * @return STATUS_SUCCESS, STATUS_TIMEOUT. Ref: ddi wdfsync/nf-wdfsync-wdfwaitlockacquire
 */
WDF_EXPORT(NTSTATUS, WdfWaitLockAcquire, WDFWAITLOCK Lock, PLONGLONG Timeout)
{
    struct wdf_wait_lock *lock = WDF_CHECK(Lock, wait_lock_class);
    LARGE_INTEGER timeout = {.QuadPart = Timeout ? *Timeout : 0};

    if (!lock)
        return STATUS_INVALID_PARAMETER;
    KeEnterCriticalRegion();
    NTSTATUS status = KeWaitForSingleObject(&lock->event, Executive, KernelMode, FALSE,
                                            Timeout ? &timeout : NULL);
    if (status != STATUS_SUCCESS)
        KeLeaveCriticalRegion();
    return status;
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfwaitlockrelease */
WDF_EXPORT(VOID, WdfWaitLockRelease, WDFWAITLOCK Lock)
{
    struct wdf_wait_lock *lock = WDF_CHECK(Lock, wait_lock_class);

    if (!lock)
        return;
    KeSetEvent(&lock->event, IO_NO_INCREMENT, FALSE);
    KeLeaveCriticalRegion();
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfspinlockcreate */
WDF_EXPORT(NTSTATUS, WdfSpinLockCreate, PWDF_OBJECT_ATTRIBUTES SpinLockAttributes, WDFSPINLOCK *SpinLock)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    struct wdf_spin_lock *lock;
    NTSTATUS status = wdf_object_new(driver, &spin_lock_class, SpinLockAttributes, &driver->object, &lock);

    if (!NT_SUCCESS(status))
        return status;
    KeInitializeSpinLock(&lock->lock);
    *SpinLock = (WDFSPINLOCK)lock;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfspinlockacquire */
WDF_EXPORT(VOID, WdfSpinLockAcquire, WDFSPINLOCK SpinLock)
{
    struct wdf_spin_lock *lock = WDF_CHECK(SpinLock, spin_lock_class);

    if (!lock)
        return;
    KIRQL irql = KeAcquireSpinLockRaiseToDpc(&lock->lock);
    lock->irql = irql;
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfspinlockrelease */
WDF_EXPORT(VOID, WdfSpinLockRelease, WDFSPINLOCK SpinLock)
{
    struct wdf_spin_lock *lock = WDF_CHECK(SpinLock, spin_lock_class);
    if (lock)
        KeReleaseSpinLock(&lock->lock, lock->irql);
}

/* ---- DPCs ---- */

struct wdf_dpc {
    struct wdf_object object;
    struct wdf_object *parent;
    KDPC dpc;
    PFN_WDF_DPC callback;
};

static void
dispose_dpc(struct wdf_object *object)
{
    KeRemoveQueueDpc(&CONTAINER_OF(object, struct wdf_dpc, object)->dpc);
}

static const struct wdf_class dpc_class = {
    .type = WDF_DPC, .name = "WDFDPC", .size = sizeof(struct wdf_dpc), .dispose = dispose_dpc};

static VOID NTAPI
run_dpc(PKDPC kdpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct wdf_dpc *dpc = context;
    NT_CALLBACK_VOID(dpc->object.driver->nt, NT_DISPATCH_LEVEL, dpc->callback((WDFDPC)dpc));
}

/* The object that attributes name as parent; timers, DPCs and work items must have one. */
static struct wdf_object *
required_parent(PWDF_OBJECT_ATTRIBUTES attributes)
{
    return attributes && attributes->ParentObject
               ? wdf_object_check(attributes->ParentObject, NULL, "imp_ParentObject")
               : NULL;
}

/** Ref: ddi wdfdpc/nf-wdfdpc-wdfdpccreate */
WDF_EXPORT(NTSTATUS, WdfDpcCreate, PWDF_DPC_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes, WDFDPC *Dpc)
{
    struct wdf_object *parent = required_parent(Attributes);
    struct wdf_dpc *dpc;
    NTSTATUS status;

    if (!Config || Config->Size != sizeof(*Config))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (!parent || !Config->EvtDpcFunc)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), &dpc_class, Attributes, parent, &dpc);
    if (!NT_SUCCESS(status))
        return status;
    dpc->parent = parent;
    dpc->callback = Config->EvtDpcFunc;
    KeInitializeDpc(&dpc->dpc, run_dpc, dpc);
    *Dpc = (WDFDPC)dpc;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfdpc/nf-wdfdpc-wdfdpcenqueue */
WDF_EXPORT(BOOLEAN, WdfDpcEnqueue, WDFDPC Dpc)
{
    struct wdf_dpc *dpc = WDF_CHECK(Dpc, dpc_class);
    return dpc ? KeInsertQueueDpc(&dpc->dpc, NULL, NULL) : FALSE;
}

/** Ref: ddi wdfdpc/nf-wdfdpc-wdfdpccancel */
WDF_EXPORT(BOOLEAN, WdfDpcCancel, WDFDPC Dpc, BOOLEAN Wait)
{
    struct wdf_dpc *dpc = WDF_CHECK(Dpc, dpc_class);
    BOOLEAN removed = dpc ? KeRemoveQueueDpc(&dpc->dpc) : FALSE;

    if (dpc && Wait)
        KeFlushQueuedDpcs();
    return removed;
}

/** Ref: ddi wdfdpc/nf-wdfdpc-wdfdpcgetparentobject */
WDF_EXPORT(WDFOBJECT, WdfDpcGetParentObject, WDFDPC Dpc)
{
    struct wdf_dpc *dpc = WDF_CHECK(Dpc, dpc_class);
    return dpc ? dpc->parent : NULL;
}

/** Ref: ddi wdfdpc/nf-wdfdpc-wdfdpcwdmgetdpc */
WDF_EXPORT(PKDPC, WdfDpcWdmGetDpc, WDFDPC Dpc)
{
    struct wdf_dpc *dpc = WDF_CHECK(Dpc, dpc_class);
    return dpc ? &dpc->dpc : NULL;
}

/* ---- timers ---- */

struct wdf_timer {
    struct wdf_object object;
    struct wdf_object *parent;
    KTIMER timer;
    KDPC dpc;
    PFN_WDF_TIMER callback;
    ULONG period_ms;
};

static void
dispose_timer(struct wdf_object *object)
{
    struct wdf_timer *timer = CONTAINER_OF(object, struct wdf_timer, object);
    KeCancelTimer(&timer->timer);
    KeRemoveQueueDpc(&timer->dpc);
}

static const struct wdf_class timer_class = {
    .type = WDF_TIMER, .name = "WDFTIMER", .size = sizeof(struct wdf_timer), .dispose = dispose_timer};

static VOID NTAPI
run_timer(PKDPC kdpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct wdf_timer *timer = context;
    NT_CALLBACK_VOID(timer->object.driver->nt, NT_DISPATCH_LEVEL, timer->callback((WDFTIMER)timer));
}

/** Ref: ddi wdftimer/nf-wdftimer-wdftimercreate */
WDF_EXPORT(NTSTATUS, WdfTimerCreate, PWDF_TIMER_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes, WDFTIMER *Timer)
{
    struct wdf_object *parent = required_parent(Attributes);
    struct wdf_timer *timer;
    NTSTATUS status;

    if (!Config || !Config->EvtTimerFunc || !parent)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), &timer_class, Attributes, parent, &timer);
    if (!NT_SUCCESS(status))
        return status;
    timer->parent = parent;
    timer->callback = Config->EvtTimerFunc;
    timer->period_ms = Config->Period;
    KeInitializeTimerEx(&timer->timer, NotificationTimer);
    KeInitializeDpc(&timer->dpc, run_timer, timer);
    *Timer = (WDFTIMER)timer;
    return STATUS_SUCCESS;
}

/** @param DueTime  100 ns, negative is relative. @return TRUE if it was set. Ref: ddi wdftimer/nf-wdftimer-wdftimerstart */
WDF_EXPORT(BOOLEAN, WdfTimerStart, WDFTIMER Timer, LONGLONG DueTime)
{
    struct wdf_timer *timer = WDF_CHECK(Timer, timer_class);
    LARGE_INTEGER due = {.QuadPart = DueTime};
    return timer ? KeSetTimerEx(&timer->timer, due, (LONG)timer->period_ms, &timer->dpc) : FALSE;
}

/** Ref: ddi wdftimer/nf-wdftimer-wdftimerstop */
WDF_EXPORT(BOOLEAN, WdfTimerStop, WDFTIMER Timer, BOOLEAN Wait)
{
    struct wdf_timer *timer = WDF_CHECK(Timer, timer_class);

    if (!timer)
        return FALSE;
    BOOLEAN was_set = KeCancelTimer(&timer->timer);
    if (KeRemoveQueueDpc(&timer->dpc))
        was_set = TRUE;
    if (Wait)
        KeFlushQueuedDpcs();
    return was_set;
}

/** Ref: ddi wdftimer/nf-wdftimer-wdftimergetparentobject */
WDF_EXPORT(WDFOBJECT, WdfTimerGetParentObject, WDFTIMER Timer)
{
    struct wdf_timer *timer = WDF_CHECK(Timer, timer_class);
    return timer ? timer->parent : NULL;
}

/* ---- work items ---- */

struct wdf_work_item {
    struct wdf_object object;
    struct wdf_object *parent;
    PIO_WORKITEM item;
    PFN_WDF_WORKITEM callback;
    atomic_bool queued;
    atomic_uint running;
};

static void
flush_work(struct wdf_work_item *work)
{
    LARGE_INTEGER a_while = {.QuadPart = -10000};
    while (atomic_load(&work->queued) || atomic_load(&work->running))
        KeDelayExecutionThread(KernelMode, FALSE, &a_while);
}

static void
dispose_work(struct wdf_object *object)
{
    struct wdf_work_item *work = CONTAINER_OF(object, struct wdf_work_item, object);
    if (nt_cpu.irql < NT_DISPATCH_LEVEL && !atomic_load(&work->running))
        flush_work(work);
}

static void
destroy_work(struct wdf_object *object)
{
    struct wdf_work_item *work = CONTAINER_OF(object, struct wdf_work_item, object);
    if (work->item)
        IoFreeWorkItem(work->item);
}

static const struct wdf_class work_class = {.type = WDF_WORK_ITEM,
                                            .name = "WDFWORKITEM",
                                            .size = sizeof(struct wdf_work_item),
                                            .dispose = dispose_work,
                                            .destroy = destroy_work};

static VOID NTAPI
run_work(PDEVICE_OBJECT device_object, PVOID context)
{
    struct wdf_work_item *work = context;

    atomic_fetch_add(&work->running, 1);
    atomic_store(&work->queued, false);
    NT_CALLBACK_VOID(work->object.driver->nt, NT_PASSIVE_LEVEL, work->callback((WDFWORKITEM)work));
    atomic_fetch_sub(&work->running, 1);
    wdf_object_unref(&work->object);
}

/* The device a work item belongs to: its parent, or the nearest above it. */
static PDEVICE_OBJECT
device_above(struct wdf_object *object)
{
    for (; object; object = object->parent)
        if (object->class == &wdf_class_device)
            return CONTAINER_OF(object, struct wdf_device, object)->device_object;
    return NULL;
}

/** Ref: ddi wdfworkitem/nf-wdfworkitem-wdfworkitemcreate */
WDF_EXPORT(NTSTATUS, WdfWorkItemCreate, PWDF_WORKITEM_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes,
           WDFWORKITEM *WorkItem)
{
    struct wdf_object *parent = required_parent(Attributes);
    struct wdf_work_item *work;
    NTSTATUS status;

    if (!Config || Config->Size != sizeof(*Config))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (!parent || !Config->EvtWorkItemFunc || !device_above(parent))
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), &work_class, Attributes, parent, &work);
    if (!NT_SUCCESS(status))
        return status;
    work->parent = parent;
    work->callback = Config->EvtWorkItemFunc;
    work->item = IoAllocateWorkItem(device_above(parent));
    if (!work->item) {
        wdf_object_delete(&work->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *WorkItem = (WDFWORKITEM)work;
    return STATUS_SUCCESS;
}

/** Queue it unless it is queued already. Ref: ddi wdfworkitem/nf-wdfworkitem-wdfworkitemenqueue */
WDF_EXPORT(VOID, WdfWorkItemEnqueue, WDFWORKITEM WorkItem)
{
    struct wdf_work_item *work = WDF_CHECK(WorkItem, work_class);

    if (!work || atomic_exchange(&work->queued, true))
        return;
    wdf_object_ref(&work->object);
    IoQueueWorkItem(work->item, run_work, DelayedWorkQueue, work);
}

/** Wait until it has run. Ref: ddi wdfworkitem/nf-wdfworkitem-wdfworkitemflush */
WDF_EXPORT(VOID, WdfWorkItemFlush, WDFWORKITEM WorkItem)
{
    struct wdf_work_item *work = WDF_CHECK(WorkItem, work_class);
    if (work)
        flush_work(work);
}

/** Ref: ddi wdfworkitem/nf-wdfworkitem-wdfworkitemgetparentobject */
WDF_EXPORT(WDFOBJECT, WdfWorkItemGetParentObject, WDFWORKITEM WorkItem)
{
    struct wdf_work_item *work = WDF_CHECK(WorkItem, work_class);
    return work ? work->parent : NULL;
}
