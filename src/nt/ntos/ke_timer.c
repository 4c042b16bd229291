/*
 * Timers and DPCs, as drivers call them: nt_timer.c and nt_dpc.c work on the same memory.
 *
 * Ref        kernel/timer-objects-and-dpcs
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_dpc.h"
#include "nt/ntos/nt_timer.h"

static_assert(sizeof(KTIMER) == sizeof(struct nt_timer), "one layout");
static_assert(offsetof(KTIMER, Dpc) == offsetof(struct nt_timer, dpc), "one layout");
static_assert(offsetof(KTIMER, Period) == offsetof(struct nt_timer, period_ms), "one layout");
static_assert(sizeof(KDPC) == sizeof(struct nt_dpc), "one layout");
static_assert(offsetof(KDPC, DeferredRoutine) == offsetof(struct nt_dpc, routine), "one layout");
static_assert(offsetof(KDPC, DpcData) == offsetof(struct nt_dpc, queue), "one layout");

static struct nt_timer *
timer_of(PKTIMER timer)
{
    return (struct nt_timer *)timer;
}

static struct nt_dpc *
dpc_of(PKDPC dpc)
{
    return (struct nt_dpc *)dpc;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keinitializetimer. */
VOID NTAPI
KeInitializeTimer(PKTIMER Timer)
{
    nt_timer_init(timer_of(Timer), false);
}

/** @p Type: SynchronizationTimer releases one waiter. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    nt_timer_init(timer_of(Timer), Type == SynchronizationTimer);
}

/**
 * Arm a timer, or arm it anew.
 *
 * @param DueTime  100 ns: < 0 relative, otherwise system time
 * @param Dpc      runs at DISPATCH_LEVEL when it fires; may be NULL
 * @return TRUE when it was armed already
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kesettimer.
 */
BOOLEAN NTAPI
KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_timer_set(timer_of(Timer), DueTime.QuadPart, 0, dpc_of(Dpc), NT_CALLER);
}

/** @p Period in ms, 0 = once. Otherwise as KeSetTimer. Ref: wdm/nf-wdm-kesettimerex. */
BOOLEAN NTAPI
KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_timer_set(timer_of(Timer), DueTime.QuadPart, Period > 0 ? (uint32_t)Period : 0,
                        dpc_of(Dpc), NT_CALLER);
}

/** @p TolerableDelay (ms) is not made use of: timers are exact. Ref: wdm/nf-wdm-kesetcoalescabletimer. */
BOOLEAN NTAPI
KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG TolerableDelay,
                      PKDPC Dpc)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_timer_set(timer_of(Timer), DueTime.QuadPart, Period, dpc_of(Dpc), NT_CALLER);
}

/** @return TRUE when it was armed. Its DPC may run still. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
BOOLEAN NTAPI
KeCancelTimer(PKTIMER Timer)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_timer_cancel(timer_of(Timer));
}

/** @return TRUE when it has fired. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-kereadstatetimer. */
BOOLEAN NTAPI
KeReadStateTimer(PKTIMER Timer)
{
    return __atomic_load_n(&timer_of(Timer)->header.signal_state, __ATOMIC_ACQUIRE) != 0;
}

/** IRQL: any. Ref: wdm/nf-wdm-keinitializedpc. */
VOID NTAPI
KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    nt_dpc_init(dpc_of(Dpc), (void *)DeferredRoutine, DeferredContext);
}

/**
 * A threaded DPC; here it always runs as an ordinary one, which the page allows.
 * IRQL: any. Ref: wdm/nf-wdm-keinitializethreadeddpc.
 */
VOID NTAPI
KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    nt_dpc_init(dpc_of(Dpc), (void *)DeferredRoutine, DeferredContext);
}

/**
 * Queue a DPC on the calling thread: it runs at once below DISPATCH_LEVEL, else when the IRQL drops.
 *
 * @return FALSE when it was queued already. IRQL: any. Ref: wdm/nf-wdm-keinsertqueuedpc.
 */
BOOLEAN NTAPI
KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    return nt_dpc_insert(dpc_of(Dpc), SystemArgument1, SystemArgument2);
}

/** @return FALSE when it was not queued. IRQL: any. Ref: wdm/nf-wdm-keremovequeuedpc. */
BOOLEAN NTAPI
KeRemoveQueueDpc(PRKDPC Dpc)
{
    return nt_dpc_remove(dpc_of(Dpc));
}

/** Kept for the reader; the order of queueing decides. IRQL: any. Ref: wdm. */
VOID NTAPI
KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    Dpc->Importance = (UCHAR)Importance;
}

/** Accepted: a DPC runs on the thread that queues it. IRQL: any. Ref: wdm/nf-wdm-kesettargetprocessordpc. */
VOID NTAPI
KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    Dpc->Number = (USHORT)(MAXIMUM_PROCESSORS + Number);
}

/** As KeSetTargetProcessorDpc. Ref: wdm/nf-wdm-kesettargetprocessordpcex. */
NTSTATUS NTAPI
KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber->Group || ProcNumber->Reserved)
        return STATUS_INVALID_PARAMETER;
    Dpc->Number = (USHORT)(MAXIMUM_PROCESSORS + ProcNumber->Number);
    return STATUS_SUCCESS;
}

/** Wait until queued DPCs have run. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-keflushqueueddpcs. */
VOID NTAPI
KeFlushQueuedDpcs(VOID)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    nt_dpc_flush();
}
