/*
 * System threads and what a thread may ask about itself.
 *
 * Ref        kernel/system-worker-threads; wdm/nf-wdm-pscreatesystemthread
 */
#include "nt/ntos/nt_wdk.h"

#include <stdlib.h>

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_thread.h"

struct start {
    PKSTART_ROUTINE routine;
    PVOID context;
    struct nt_driver *driver;
};

static void
run_start_routine(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    NT_CALLBACK_VOID(start.driver, PASSIVE_LEVEL, start.routine(start.context));
}

/**
 * Start a thread of the system process.
 *
 * @param ThreadHandle  receives a handle; close it with ZwClose
 * @param ProcessHandle NULL, or a process: accepted, the thread runs in the system process
 * @return STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-pscreatesystemthread.
 */
NTSTATUS NTAPI
PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                     HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                     PVOID StartContext)
{
    struct nt_thread *thread;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    struct start *start = malloc(sizeof(*start));
    if (!start)
        return STATUS_INSUFFICIENT_RESOURCES;
    *start = (struct start){StartRoutine, StartContext, nt_driver_current()};
    NTSTATUS status = nt_thread_create(run_start_routine, start, &thread);
    if (!NT_SUCCESS(status)) {
        free(start);
        return status;
    }
    *ThreadHandle = nt_handle_new(thread, DesiredAccess, nt_driver_current());
    if (ClientId) {
        ClientId->UniqueProcess = PsGetCurrentProcessId();
        ClientId->UniqueThread = (HANDLE)thread->id;
    }
    nt_object_unref(thread);
    return *ThreadHandle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/** As PsCreateSystemThread; @p IoObject stays referenced by its driver. Ref: wdm/nf-wdm-iocreatesystemthread. */
NTSTATUS NTAPI
IoCreateSystemThread(PVOID IoObject, PHANDLE ThreadHandle, ULONG DesiredAccess,
                     POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle, PCLIENT_ID ClientId,
                     PKSTART_ROUTINE StartRoutine, PVOID StartContext)
{
    return PsCreateSystemThread(ThreadHandle, DesiredAccess, ObjectAttributes, ProcessHandle,
                                ClientId, StartRoutine, StartContext);
}

/** End the calling system thread. @return only when it is none. IRQL: PASSIVE_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return nt_thread_terminate(ExitStatus);
}

/** IRQL: any. Ref: wdm/nf-wdm-kegetcurrentthread. */
PKTHREAD NTAPI
KeGetCurrentThread(VOID)
{
    return (PKTHREAD)nt_thread_current();
}

/** Remembered, no effect on Linux. @return the old priority. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
KPRIORITY NTAPI
KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    struct nt_thread *thread = (struct nt_thread *)Thread;
    KPRIORITY old = thread->priority;
    thread->priority = Priority;
    return old;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-kequeryprioritythread. */
KPRIORITY NTAPI
KeQueryPriorityThread(PKTHREAD Thread)
{
    return ((struct nt_thread *)Thread)->priority;
}

/** Remembered, no effect on Linux. @return the old increment. Ref: ntddk/nf-ntddk-kesetbaseprioritythread. */
LONG NTAPI
KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    struct nt_thread *thread = (struct nt_thread *)Thread;
    LONG old = thread->priority - 8;
    thread->priority = 8 + Increment;
    return old;
}

/* --- regions in which APCs are held back: there are none, so only the nesting is kept --- */

/** IRQL: <= APC_LEVEL. Ref: ntddk/nf-ntddk-keentercriticalregion. */
VOID NTAPI
KeEnterCriticalRegion(VOID)
{
    NT_IRQL_MAX(APC_LEVEL);
    nt_cpu.region_depth++;
}

/** IRQL: <= APC_LEVEL. Ref: ntddk/nf-ntddk-keleavecriticalregion. */
VOID NTAPI
KeLeaveCriticalRegion(VOID)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (!nt_cpu.region_depth) {
        nt_finding(NT_FINDING_LOCK_REGION, "KeLeaveCriticalRegion without KeEnterCriticalRegion");
        return;
    }
    nt_cpu.region_depth--;
}

/** As KeEnterCriticalRegion. Ref: ntddk/nf-ntddk-keenterguardedregion. */
VOID NTAPI
KeEnterGuardedRegion(VOID)
{
    KeEnterCriticalRegion();
}

/** As KeLeaveCriticalRegion. Ref: ntddk/nf-ntddk-keleaveguardedregion. */
VOID NTAPI
KeLeaveGuardedRegion(VOID)
{
    KeLeaveCriticalRegion();
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-keareapcsdisabled. */
BOOLEAN NTAPI
KeAreApcsDisabled(VOID)
{
    return nt_cpu.region_depth > 0;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-keareallapcsdisabled. */
BOOLEAN NTAPI
KeAreAllApcsDisabled(VOID)
{
    return nt_cpu.region_depth > 0 || nt_cpu.irql >= APC_LEVEL;
}

/* --- stack --- */

static void
stack_limits(ULONG_PTR *ret_low, ULONG_PTR *ret_high)
{
    static __thread ULONG_PTR low, high;

    if (!high) {
        pthread_attr_t attr;
        void *base = NULL;
        size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            pthread_attr_getstack(&attr, &base, &size);
            pthread_attr_destroy(&attr);
        }
        low = (ULONG_PTR)base;
        high = low + size;
    }
    *ret_low = low;
    *ret_high = high;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-iogetstacklimits. */
VOID NTAPI
IoGetStackLimits(PULONG_PTR LowLimit, PULONG_PTR HighLimit)
{
    stack_limits(LowLimit, HighLimit);
}

/** Bytes left, of a Linux thread's stack. IRQL: any. Ref: wdm/nf-wdm-iogetremainingstacksize. */
ULONG_PTR NTAPI
IoGetRemainingStackSize(VOID)
{
    ULONG_PTR low, high;
    stack_limits(&low, &high);
    return (ULONG_PTR)__builtin_frame_address(0) - low;
}

/**
 * Call with at least @p Size bytes of stack; a Linux thread has them already.
 *
 * @return STATUS_INVALID_PARAMETER above MAXIMUM_EXPANSION_SIZE. IRQL: <= APC_LEVEL. Ref: ntddk.
 */
NTSTATUS NTAPI
KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (Size > MAXIMUM_EXPANSION_SIZE)
        return STATUS_INVALID_PARAMETER;
    Callout(Parameter);
    return STATUS_SUCCESS;
}

/** As KeExpandKernelStackAndCallout, IRQL: <= DISPATCH_LEVEL. Ref: ntddk. */
NTSTATUS NTAPI
KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size,
                                BOOLEAN Wait, PVOID Context)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Size > MAXIMUM_EXPANSION_SIZE)
        return STATUS_INVALID_PARAMETER;
    Callout(Parameter);
    return STATUS_SUCCESS;
}

/**
 * Set what the system keeps of a thread.
 *
 * @return STATUS_INVALID_HANDLE, STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_INFO_CLASS
 * IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-zwsetinformationthread.
 * Gap: a priority is remembered, other classes are accepted; neither has an effect.
 */
NTSTATUS NTAPI
ZwSetInformationThread(HANDLE ThreadHandle, THREADINFOCLASS ThreadInformationClass,
                       PVOID ThreadInformation, ULONG ThreadInformationLength)
{
    PKTHREAD thread = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (ThreadInformationClass != ThreadPriority && ThreadInformationClass != ThreadBasePriority &&
        ThreadInformationClass != ThreadAffinityMask &&
        ThreadInformationClass != ThreadNameInformation)
        return STATUS_INVALID_INFO_CLASS;
    NTSTATUS status =
        ObReferenceObjectByHandle(ThreadHandle, 0, NULL, KernelMode, (PVOID *)&thread, NULL);
    if (!NT_SUCCESS(status))
        return status;
    bool is_long =
        ThreadInformationClass == ThreadPriority || ThreadInformationClass == ThreadBasePriority;
    if (is_long && ThreadInformationLength != sizeof(LONG))
        status = STATUS_INFO_LENGTH_MISMATCH;
    else if (ThreadInformationClass == ThreadPriority)
        KeSetPriorityThread(thread, *(LONG *)ThreadInformation);
    else if (ThreadInformationClass == ThreadBasePriority)
        KeSetBasePriorityThread(thread, *(LONG *)ThreadInformation);
    ObDereferenceObject(thread);
    return status;
}
