/*
 * Waiting for dispatcher objects, sleeping, and kernel queues.
 *
 * Gap        APCs do not exist here: an alertable wait ends by its object or its timeout only.
 * Ref        kernel/introduction-to-kernel-dispatcher-objects
 */
#include "nt/ntos/nt_wdk.h"

#include "base/clock.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_status.h"
#include "nt/ntos/nt_thread.h"

static const int64_t *
timeout_of(PLARGE_INTEGER timeout)
{
    return timeout ? (const int64_t *)&timeout->QuadPart : NULL;
}

/**
 * A file object is waited for through its event; everything else begins with a header. Told apart by
 * what a FILE_OBJECT begins with: no dispatcher header has its size.
 */
static struct nt_dispatcher *
dispatcher_of(PVOID object)
{
    const FILE_OBJECT *file = object;

    if (file->Type == IO_TYPE_FILE && file->Size == sizeof(*file))
        return (struct nt_dispatcher *)&((PFILE_OBJECT)object)->Event;
    return object;
}

/**
 * Wait for one object.
 *
 * @param Timeout  100 ns: NULL = for ever, 0 = poll, < 0 relative, > 0 system time
 * @return STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_ABANDONED
 * IRQL: <= APC_LEVEL; <= DISPATCH_LEVEL with a zero timeout. Ref: wdm/nf-wdm-kewaitforsingleobject.
 */
NTSTATUS NTAPI
KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode,
                      BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    struct nt_dispatcher *object = dispatcher_of(Object);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_dispatcher_wait(1, &object, false, timeout_of(Timeout));
}

/**
 * Wait for any or all of several objects.
 *
 * @return STATUS_WAIT_0 + index, STATUS_TIMEOUT, STATUS_ABANDONED_WAIT_0 + index
 * IRQL: as KeWaitForSingleObject. Ref: wdm/nf-wdm-kewaitformultipleobjects.
 */
NTSTATUS NTAPI
KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType, KWAIT_REASON WaitReason,
                         KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                         PKWAIT_BLOCK WaitBlockArray)
{
    struct nt_dispatcher *objects[MAXIMUM_WAIT_OBJECTS];

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Count > MAXIMUM_WAIT_OBJECTS || (Count > THREAD_WAIT_OBJECTS && !WaitBlockArray))
        return STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; i < Count; i++)
        objects[i] = dispatcher_of(Object[i]);
    return nt_dispatcher_wait(Count, objects, WaitType == WaitAll, timeout_of(Timeout));
}

/** Sleep. @p Interval as a wait's timeout. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-kedelayexecutionthread. */
NTSTATUS NTAPI
KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    NT_IRQL_MAX(APC_LEVEL);
    nt_dispatcher_wait(0, NULL, false, timeout_of(Interval));
    return STATUS_SUCCESS;
}

/* --- kernel queues --- */

/**
 * Initialise a queue for KeInsertQueue and KeRemoveQueue.
 *
 * @param Count  threads that may run at once; accepted
 * IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-keinitializequeue.
 */
VOID NTAPI
KeInitializeQueue(PRKQUEUE Queue, ULONG Count)
{
    nt_dispatcher_init((struct nt_dispatcher *)Queue, NT_QUEUE, 0);
    InitializeListHead(&Queue->EntryListHead);
    InitializeListHead(&Queue->ThreadListHead);
    Queue->CurrentCount = 0;
    Queue->MaximumCount = Count ? Count : 1;
}

static LONG
insert(PRKQUEUE queue, PLIST_ENTRY entry, bool head)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    LONG old = queue->Header.SignalState;
    if (head)
        InsertHeadList(&queue->EntryListHead, entry);
    else
        InsertTailList(&queue->EntryListHead, entry);
    nt_dispatcher_set_locked((struct nt_dispatcher *)queue, old + 1);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return old;
}

/** @return entries before. IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-keinsertqueue. */
LONG NTAPI
KeInsertQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return insert(Queue, Entry, false);
}

/** @return entries before. IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-keinsertheadqueue. */
LONG NTAPI
KeInsertHeadQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return insert(Queue, Entry, true);
}

/** @return entries. IRQL: <= DISPATCH_LEVEL. Ref: ntifs. */
LONG NTAPI
KeReadStateQueue(PRKQUEUE Queue)
{
    return __atomic_load_n(&Queue->Header.SignalState, __ATOMIC_ACQUIRE);
}

/**
 * Take the first entry, waiting for one.
 *
 * @return the entry, or STATUS_TIMEOUT, or STATUS_ABANDONED after KeRundownQueue, cast to a pointer
 * IRQL: <= APC_LEVEL. Ref: ntifs/nf-ntifs-keremovequeue. Gap: the limit of running threads.
 */
PLIST_ENTRY NTAPI
KeRemoveQueue(PRKQUEUE Queue, KPROCESSOR_MODE WaitMode, PLARGE_INTEGER Timeout)
{
    struct nt_dispatcher *object = (struct nt_dispatcher *)Queue;
    LARGE_INTEGER until;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Timeout && Timeout->QuadPart < 0) { /* absolute, since the wait may be repeated */
        until.QuadPart = (LONGLONG)wfp_clock_now() - Timeout->QuadPart;
        Timeout = &until;
    }
    for (;;) {
        PLIST_ENTRY entry = NULL;
        int32_t status = nt_dispatcher_wait(1, &object, false, timeout_of(Timeout));
        if (status == NT_STATUS_TIMEOUT)
            return (PLIST_ENTRY)(LONG_PTR)STATUS_TIMEOUT;
        pthread_mutex_lock(&nt_dispatcher_lock);
        bool is_down = Queue->MaximumCount == 0;
        if (!is_down && !IsListEmpty(&Queue->EntryListHead)) {
            entry = RemoveHeadList(&Queue->EntryListHead);
            entry->Flink = NULL;
            Queue->Header.SignalState--;
        }
        pthread_mutex_unlock(&nt_dispatcher_lock);
        if (is_down)
            return (PLIST_ENTRY)(LONG_PTR)STATUS_ABANDONED;
        if (entry)
            return entry;
    }
}

/**
 * End a queue: waiting threads return STATUS_ABANDONED.
 *
 * @return the entries that were left, as a ring without a head, or NULL
 * IRQL: <= APC_LEVEL. Ref: ntifs/nf-ntifs-kerundownqueue.
 */
PLIST_ENTRY NTAPI
KeRundownQueue(PRKQUEUE Queue)
{
    PLIST_ENTRY first = NULL;

    NT_IRQL_MAX(APC_LEVEL);
    pthread_mutex_lock(&nt_dispatcher_lock);
    if (!IsListEmpty(&Queue->EntryListHead)) {
        first = Queue->EntryListHead.Flink;
        RemoveEntryList(&Queue->EntryListHead);
        InitializeListHead(&Queue->EntryListHead);
    }
    Queue->MaximumCount = 0;
    nt_dispatcher_set_locked((struct nt_dispatcher *)Queue, 1);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return first;
}
