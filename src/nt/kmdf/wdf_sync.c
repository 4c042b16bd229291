/*
 * Locks, timers, work items and DPCs of the framework.
 *
 * Ref        wdf/synchronization-techniques-for-wdf-drivers, wdf/using-timers,
 *            wdf/using-framework-work-items
 */
#include "nt/kmdf/wdf_internal.h"

#include "nt/ntos/nt_dpc.h"
#include "nt/ntos/nt_spin.h"
#include "nt/ntos/nt_timer.h"

/* --- locks --- */

struct wdf_spin_lock {
    struct wdf_object object;
    KSPIN_LOCK lock;
    KIRQL irql;
};

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfsync/nf-wdfsync-wdfspinlockcreate. */
WDF_API(NTSTATUS, WdfSpinLockCreate, PWDF_OBJECT_ATTRIBUTES SpinLockAttributes,
        WDFSPINLOCK *SpinLock)
{
    static const struct wdf_operations operations = {.name = "spin lock"};

    *SpinLock = NULL;
    return wdf_object_new(wdf_driver_of(globals), WDF_TYPE_SPINLOCK, &operations,
                          sizeof(struct wdf_spin_lock), SpinLockAttributes, NULL, SpinLock);
}

/** Raises to DISPATCH_LEVEL. IRQL: <= DISPATCH_LEVEL. Ref: wdfsync/nf-wdfsync-wdfspinlockacquire. */
WDF_API(VOID, WdfSpinLockAcquire, WDFSPINLOCK SpinLock)
{
    struct wdf_spin_lock *lock = WDF_GET(SpinLock, SPINLOCK);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    KIRQL irql = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    nt_spin_acquire(&lock->lock);
    lock->irql = irql;
}

/** IRQL: DISPATCH_LEVEL. Ref: wdfsync/nf-wdfsync-wdfspinlockrelease. */
WDF_API(VOID, WdfSpinLockRelease, WDFSPINLOCK SpinLock)
{
    struct wdf_spin_lock *lock = WDF_GET(SpinLock, SPINLOCK);

    NT_IRQL_MIN(DISPATCH_LEVEL);
    KIRQL irql = lock->irql;
    nt_spin_release(&lock->lock);
    nt_cpu_lower_at(irql, NT_CALLER);
}

struct wdf_wait_lock {
    struct wdf_object object;
    KEVENT event; /* synchronization event: signalled = free */
    PKTHREAD owner;
};

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfsync/nf-wdfsync-wdfwaitlockcreate. */
WDF_API(NTSTATUS, WdfWaitLockCreate, PWDF_OBJECT_ATTRIBUTES LockAttributes, WDFWAITLOCK *Lock)
{
    static const struct wdf_operations operations = {.name = "wait lock"};
    struct wdf_wait_lock *lock;

    *Lock = NULL;
    NTSTATUS status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_WAITLOCK, &operations,
                                     sizeof(*lock), LockAttributes, NULL, &lock);
    if (!NT_SUCCESS(status))
        return status;
    KeInitializeEvent(&lock->event, SynchronizationEvent, TRUE);
    *Lock = (WDFWAITLOCK)lock;
    return STATUS_SUCCESS;
}

/**
 * Acquire.
 *
 * @param Timeout  100 ns as in a wait; NULL = for ever
 * @return STATUS_TIMEOUT when it was not acquired
 * IRQL: PASSIVE_LEVEL; <= DISPATCH_LEVEL with a zero timeout. Ref: wdfsync.
 */
WDF_API(NTSTATUS, WdfWaitLockAcquire, WDFWAITLOCK Lock, PLONGLONG Timeout)
{
    struct wdf_wait_lock *lock = WDF_GET(Lock, WAITLOCK);

    NT_IRQL_MAX(Timeout && *Timeout == 0 ? DISPATCH_LEVEL : PASSIVE_LEVEL);
    if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == KeGetCurrentThread())
        nt_finding(NT_FINDING_LOCK_RECURSIVE, "a wait lock was acquired twice by one thread");
    KeEnterCriticalRegion();
    NTSTATUS status =
        KeWaitForSingleObject(&lock->event, Executive, KernelMode, FALSE, (PLARGE_INTEGER)Timeout);
    if (status == STATUS_SUCCESS)
        __atomic_store_n(&lock->owner, KeGetCurrentThread(), __ATOMIC_RELAXED);
    else
        KeLeaveCriticalRegion();
    return status;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfsync/nf-wdfsync-wdfwaitlockrelease. */
WDF_API(VOID, WdfWaitLockRelease, WDFWAITLOCK Lock)
{
    struct wdf_wait_lock *lock = WDF_GET(Lock, WAITLOCK);

    if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) != KeGetCurrentThread())
        nt_finding(NT_FINDING_LOCK_NOT_OWNED,
                   "a wait lock was released by a thread that did not hold it");
    __atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
    KeSetEvent(&lock->event, IO_NO_INCREMENT, FALSE);
    KeLeaveCriticalRegion();
}

/* --- timers --- */

struct wdf_timer {
    struct wdf_object object;
    WDF_TIMER_CONFIG config;
    KTIMER timer;
    KDPC dpc;
    struct nt_work work; /* at PASSIVE_LEVEL */
    PKTHREAD worker;     /* runs the callback at PASSIVE_LEVEL now */
};

/** Wait until work neither waits nor runs, unless it is this thread that runs it. */
static void
wait_for_work(struct nt_work *work, PKTHREAD *worker)
{
    if (nt_cpu.irql == PASSIVE_LEVEL &&
        __atomic_load_n(worker, __ATOMIC_RELAXED) != KeGetCurrentThread())
        nt_work_wait(work);
}

static void
call_timer(struct wdf_timer *timer)
{
    struct wdf_sync *sync = timer->config.AutomaticSerialization ? timer->object.sync : NULL;
    KIRQL irql = wdf_sync_enter(sync);

    NT_CALLBACK_VOID(timer->object.driver->nt, nt_cpu.irql,
                     timer->config.EvtTimerFunc((WDFTIMER)timer));
    wdf_sync_leave(sync, irql);
}

static void
run_timer(struct nt_work *work)
{
    struct wdf_timer *timer = CONTAINER_OF(work, struct wdf_timer, work);

    __atomic_store_n(&timer->worker, KeGetCurrentThread(), __ATOMIC_RELAXED);
    if (!timer->object.is_deleted)
        call_timer(timer);
    __atomic_store_n(&timer->worker, NULL, __ATOMIC_RELAXED);
    wdf_object_unref(&timer->object);
}

static VOID NTAPI
timer_fired(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct wdf_timer *timer = context;

    if (timer->object.is_deleted)
        return;
    if (!timer->object.is_passive) {
        call_timer(timer);
        return;
    }
    wdf_object_ref(&timer->object);
    if (!nt_work_queue(&timer->work, run_timer, timer->object.driver->nt))
        wdf_object_unref(&timer->object);
}

static void
dispose_timer(struct wdf_object *object)
{
    struct wdf_timer *timer = (struct wdf_timer *)object;

    KeCancelTimer(&timer->timer);
    KeRemoveQueueDpc(&timer->dpc);
    nt_dpc_flush();
}

static void
quiesce_timer(struct wdf_object *object)
{
    struct wdf_timer *timer = (struct wdf_timer *)object;

    dispose_timer(object);
    wait_for_work(&timer->work, &timer->worker);
}

/** The parent that timers, work items and DPCs need: a device, or below one. */
static NTSTATUS
check_parent(const WDF_OBJECT_ATTRIBUTES *attributes, const char *function)
{
    if (!attributes || !attributes->ParentObject)
        return WDF_STATUS_PARENT_NOT_SPECIFIED;
    for (struct wdf_object *i = wdf_object_any(attributes->ParentObject, function); i;
         i = i->parent)
        if (i->type == WDF_TYPE_DEVICE)
            return STATUS_SUCCESS;
    return STATUS_INVALID_DEVICE_REQUEST;
}

/** May a callback at that level be serialised with its parent's? Where there is no lock it may. */
static NTSTATUS
check_level(const struct wdf_object *object, bool is_serialised, bool is_passive)
{
    if (!is_serialised || !object->sync || object->sync->is_passive == is_passive)
        return STATUS_SUCCESS;
    return WDF_STATUS_INCOMPATIBLE_LEVEL;
}

/**
 * Make a timer; @p Attributes must name a parent. It runs at DISPATCH_LEVEL unless they say PASSIVE.
 *
 * @return STATUS_WDF_PARENT_NOT_SPECIFIED, STATUS_INVALID_DEVICE_REQUEST: the parent is not below a
 *         device, STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL: to be serialised with callbacks of another
 *         level, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED for a period with PASSIVE level
 * IRQL: <= DISPATCH_LEVEL. Ref: wdftimer/nf-wdftimer-wdftimercreate.
 */
WDF_API(NTSTATUS, WdfTimerCreate, PWDF_TIMER_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes,
        WDFTIMER *Timer)
{
    static const struct wdf_operations operations = {
        .name = "timer", .quiesce = quiesce_timer, .dispose = dispose_timer};
    struct wdf_timer *timer;

    *Timer = NULL;
    if (Config->Size < 24 || Config->Size > sizeof(*Config))
        return STATUS_INFO_LENGTH_MISMATCH;
    NTSTATUS status = check_parent(Attributes, __func__ + 4);
    if (!NT_SUCCESS(status))
        return status;
    if (!Config->EvtTimerFunc)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_TIMER, &operations, sizeof(*timer),
                            Attributes, NULL, &timer);
    if (!NT_SUCCESS(status))
        return status;
    memcpy(&timer->config, Config, Config->Size);
    nt_list_init(&timer->work.link);
    KeInitializeTimerEx(&timer->timer, NotificationTimer);
    KeInitializeDpc(&timer->dpc, timer_fired, timer);
    timer->object.is_passive = Attributes->ExecutionLevel == WdfExecutionLevelPassive;
    status = check_level(&timer->object, Config->AutomaticSerialization, timer->object.is_passive);
    if (timer->object.is_passive && Config->Period)
        status = STATUS_NOT_SUPPORTED;
    if (!NT_SUCCESS(status)) {
        wdf_object_delete(&timer->object);
        return status;
    }
    *Timer = (WDFTIMER)timer;
    return STATUS_SUCCESS;
}

/** @p DueTime 100 ns, < 0 relative. @return TRUE when it was started already. Ref: wdftimer. */
WDF_API(BOOLEAN, WdfTimerStart, WDFTIMER Timer, LONGLONG DueTime)
{
    struct wdf_timer *timer = WDF_GET(Timer, TIMER);
    LARGE_INTEGER due = {.QuadPart = DueTime};

    NT_IRQL_MAX(DISPATCH_LEVEL);
    return KeSetTimerEx(&timer->timer, due, (LONG)timer->config.Period, &timer->dpc);
}

/** @p Wait (PASSIVE_LEVEL only): until the callback has returned. @return TRUE when it was started. Ref: wdftimer. */
WDF_API(BOOLEAN, WdfTimerStop, WDFTIMER Timer, BOOLEAN Wait)
{
    struct wdf_timer *timer = WDF_GET(Timer, TIMER);

    NT_IRQL_MAX(Wait ? PASSIVE_LEVEL : DISPATCH_LEVEL);
    BOOLEAN was_started = KeCancelTimer(&timer->timer);
    if (KeRemoveQueueDpc(&timer->dpc))
        was_started = TRUE;
    if (Wait) {
        nt_dpc_flush();
        nt_work_wait(&timer->work);
    }
    return was_started;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdftimer/nf-wdftimer-wdftimergetparentobject. */
WDF_API(WDFOBJECT, WdfTimerGetParentObject, WDFTIMER Timer)
{
    return ((struct wdf_timer *)WDF_GET(Timer, TIMER))->object.parent;
}

/* --- work items --- */

struct wdf_work_item {
    struct wdf_object object;
    WDF_WORKITEM_CONFIG config;
    struct nt_work work;
    PKTHREAD worker; /* runs the callback now */
};

static void
run_work_item(struct nt_work *work)
{
    struct wdf_work_item *item = CONTAINER_OF(work, struct wdf_work_item, work);
    struct wdf_sync *sync = item->config.AutomaticSerialization ? item->object.sync : NULL;

    __atomic_store_n(&item->worker, KeGetCurrentThread(), __ATOMIC_RELAXED);
    if (!item->object.is_deleted) {
        KIRQL irql = wdf_sync_enter(sync);
        NT_CALLBACK_VOID(item->object.driver->nt, PASSIVE_LEVEL,
                         item->config.EvtWorkItemFunc((WDFWORKITEM)item));
        wdf_sync_leave(sync, irql);
    }
    __atomic_store_n(&item->worker, NULL, __ATOMIC_RELAXED);
    wdf_object_unref(&item->object);
}

static void
dispose_work_item(struct wdf_object *object)
{
    if (nt_work_cancel(&((struct wdf_work_item *)object)->work))
        wdf_object_unref(object);
}

static void
quiesce_work_item(struct wdf_object *object)
{
    struct wdf_work_item *item = (struct wdf_work_item *)object;

    dispose_work_item(object);
    wait_for_work(&item->work, &item->worker);
}

/**
 * Make a work item; @p Attributes must name a parent.
 *
 * @return STATUS_WDF_PARENT_NOT_SPECIFIED, STATUS_INVALID_DEVICE_REQUEST: the parent is not below a
 *         device, STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL: to be serialised with callbacks that run at
 *         DISPATCH_LEVEL, STATUS_INVALID_PARAMETER
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfworkitem/nf-wdfworkitem-wdfworkitemcreate.
 */
WDF_API(NTSTATUS, WdfWorkItemCreate, PWDF_WORKITEM_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes,
        WDFWORKITEM *WorkItem)
{
    static const struct wdf_operations operations = {
        .name = "work item", .quiesce = quiesce_work_item, .dispose = dispose_work_item};
    struct wdf_work_item *item;

    *WorkItem = NULL;
    if (Config->Size != sizeof(*Config))
        return STATUS_INFO_LENGTH_MISMATCH;
    NTSTATUS status = check_parent(Attributes, __func__ + 4);
    if (!NT_SUCCESS(status))
        return status;
    if (!Config->EvtWorkItemFunc)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_WORKITEM, &operations, sizeof(*item),
                            Attributes, NULL, &item);
    if (!NT_SUCCESS(status))
        return status;
    item->config = *Config;
    nt_list_init(&item->work.link);
    status = check_level(&item->object, Config->AutomaticSerialization, true);
    if (!NT_SUCCESS(status)) {
        wdf_object_delete(&item->object);
        return status;
    }
    *WorkItem = (WDFWORKITEM)item;
    return STATUS_SUCCESS;
}

/** Queue; once more while it is queued does nothing. IRQL: <= DISPATCH_LEVEL. Ref: wdfworkitem. */
WDF_API(VOID, WdfWorkItemEnqueue, WDFWORKITEM WorkItem)
{
    struct wdf_work_item *item = WDF_GET(WorkItem, WORKITEM);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    wdf_object_ref(&item->object);
    if (!nt_work_queue(&item->work, run_work_item, item->object.driver->nt))
        wdf_object_unref(&item->object);
}

/** Wait until it is neither queued nor running. IRQL: PASSIVE_LEVEL. Ref: wdfworkitem. */
WDF_API(VOID, WdfWorkItemFlush, WDFWORKITEM WorkItem)
{
    struct wdf_work_item *item = WDF_GET(WorkItem, WORKITEM);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    nt_work_wait(&item->work);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfworkitem/nf-wdfworkitem-wdfworkitemgetparentobject. */
WDF_API(WDFOBJECT, WdfWorkItemGetParentObject, WDFWORKITEM WorkItem)
{
    return ((struct wdf_work_item *)WDF_GET(WorkItem, WORKITEM))->object.parent;
}

/* --- DPCs --- */

struct wdf_dpc {
    struct wdf_object object;
    WDF_DPC_CONFIG config;
    KDPC dpc;
};

static VOID NTAPI
dpc_runs(PKDPC kdpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct wdf_dpc *dpc = context;
    struct wdf_sync *sync = dpc->config.AutomaticSerialization ? dpc->object.sync : NULL;
    KIRQL irql = wdf_sync_enter(sync);

    NT_CALLBACK_VOID(dpc->object.driver->nt, DISPATCH_LEVEL, dpc->config.EvtDpcFunc((WDFDPC)dpc));
    wdf_sync_leave(sync, irql);
}

static void
dispose_dpc(struct wdf_object *object)
{
    KeRemoveQueueDpc(&((struct wdf_dpc *)object)->dpc);
    nt_dpc_flush();
}

/** As WdfWorkItemCreate, for callbacks at DISPATCH_LEVEL. IRQL: <= DISPATCH_LEVEL. Ref: wdfdpc. */
WDF_API(NTSTATUS, WdfDpcCreate, PWDF_DPC_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes,
        WDFDPC *Dpc)
{
    static const struct wdf_operations operations = {
        .name = "DPC", .quiesce = dispose_dpc, .dispose = dispose_dpc};
    struct wdf_dpc *dpc;

    *Dpc = NULL;
    if (Config->Size != sizeof(*Config))
        return STATUS_INFO_LENGTH_MISMATCH;
    NTSTATUS status = check_parent(Attributes, __func__ + 4);
    if (!NT_SUCCESS(status))
        return status;
    if (!Config->EvtDpcFunc)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_DPC, &operations, sizeof(*dpc),
                            Attributes, NULL, &dpc);
    if (!NT_SUCCESS(status))
        return status;
    dpc->config = *Config;
    KeInitializeDpc(&dpc->dpc, dpc_runs, dpc);
    status = check_level(&dpc->object, Config->AutomaticSerialization, false);
    if (!NT_SUCCESS(status)) {
        wdf_object_delete(&dpc->object);
        return status;
    }
    *Dpc = (WDFDPC)dpc;
    return STATUS_SUCCESS;
}

/** @return FALSE when it is queued already. IRQL: any. Ref: wdfdpc/nf-wdfdpc-wdfdpcenqueue. */
WDF_API(BOOLEAN, WdfDpcEnqueue, WDFDPC Dpc)
{
    return KeInsertQueueDpc(&((struct wdf_dpc *)WDF_GET(Dpc, DPC))->dpc, NULL, NULL);
}

/** @p Wait: until it has returned. @return TRUE when it was queued. Ref: wdfdpc/nf-wdfdpc-wdfdpccancel. */
WDF_API(BOOLEAN, WdfDpcCancel, WDFDPC Dpc, BOOLEAN Wait)
{
    BOOLEAN was_queued = KeRemoveQueueDpc(&((struct wdf_dpc *)WDF_GET(Dpc, DPC))->dpc);

    NT_IRQL_MAX(Wait ? PASSIVE_LEVEL : DISPATCH_LEVEL);
    if (Wait)
        nt_dpc_flush();
    return was_queued;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdpc/nf-wdfdpc-wdfdpcgetparentobject. */
WDF_API(WDFOBJECT, WdfDpcGetParentObject, WDFDPC Dpc)
{
    return ((struct wdf_dpc *)WDF_GET(Dpc, DPC))->object.parent;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdpc/nf-wdfdpc-wdfdpcwdmgetdpc. */
WDF_API(PKDPC, WdfDpcWdmGetDpc, WDFDPC Dpc)
{
    return &((struct wdf_dpc *)WDF_GET(Dpc, DPC))->dpc;
}
