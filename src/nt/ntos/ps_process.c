/*
 * Processes: who runs, lookup by id, notification.
 *
 * Ref        ntddk PsSetCreateProcessNotifyRoutineEx, ntifs PsLookupProcessByProcessId
 */
#include "nt/ntos/nt_wdk.h"

#include <stdlib.h>

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_thread.h"

PEPROCESS PsInitialSystemProcess;

__attribute__((constructor)) static void
publish_system_process(void)
{
    PsInitialSystemProcess = (PEPROCESS)nt_process_system();
}

/** Driver code runs in the system process. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iogetcurrentprocess. */
PEPROCESS NTAPI
IoGetCurrentProcess(VOID)
{
    return (PEPROCESS)nt_process_system();
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-psgetcurrentprocessid. */
HANDLE NTAPI
PsGetCurrentProcessId(VOID)
{
    return (HANDLE)nt_process_system()->id;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-psgetprocessid. */
HANDLE NTAPI
PsGetProcessId(PEPROCESS Process)
{
    return (HANDLE)((struct nt_process *)Process)->id;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntddk/nf-ntddk-psgetcurrentthreadid. */
HANDLE NTAPI
PsGetCurrentThreadId(VOID)
{
    return (HANDLE)nt_thread_current()->id;
}

/** IRQL: any. Ref: ntifs/nf-ntifs-psgetthreadid. */
HANDLE NTAPI
PsGetThreadId(PETHREAD Thread)
{
    return (HANDLE)((struct nt_thread *)Thread)->id;
}

/** Threads of drivers belong to the system process. IRQL: any. Ref: ntifs. */
HANDLE NTAPI
PsGetThreadProcessId(PETHREAD Thread)
{
    return (HANDLE)nt_process_system()->id;
}

/** IRQL: any. Ref: ntifs/nf-ntifs-psgetthreadprocess. */
PEPROCESS NTAPI
PsGetThreadProcess(PETHREAD Thread)
{
    return (PEPROCESS)nt_process_system();
}

/** IRQL: any. Ref: ntifs/nf-ntifs-psissystemthread. */
BOOLEAN NTAPI
PsIsSystemThread(PETHREAD Thread)
{
    return TRUE;
}

/** @return STATUS_INVALID_PARAMETER when it does not live. IRQL: <= APC_LEVEL. Ref: ntifs. */
NTSTATUS NTAPI
PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process)
{
    NT_IRQL_MAX(APC_LEVEL);
    struct nt_process *process = nt_process_open((uint64_t)ProcessId, true);
    if (!process)
        return STATUS_INVALID_PARAMETER;
    *Process = (PEPROCESS)process;
    return STATUS_SUCCESS;
}

/** 100 ns since 1601. IRQL: any. Ref: ntddk. */
LONGLONG NTAPI
PsGetProcessCreateTimeQuadPart(PEPROCESS Process)
{
    return ((struct nt_process *)Process)->create_time_100ns;
}

/** STATUS_PENDING while it lives. IRQL: any. Ref: ntifs. */
NTSTATUS NTAPI
PsGetProcessExitStatus(PEPROCESS Process)
{
    return ((struct nt_process *)Process)->exit_status;
}

/* --- notification --- */

#define MAX_ROUTINES 64 /* as on Windows */

static struct {
    pthread_mutex_t lock;
    struct {
        PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine;
        struct nt_driver *driver;
        uintptr_t site; /* of the registration */
    } entries[MAX_ROUTINES];
} notify = {.lock = PTHREAD_MUTEX_INITIALIZER};

/**
 * Register, or remove, a routine called when a process starts or ends.
 *
 * @return STATUS_INVALID_PARAMETER when it is registered already, or to be removed and is not
 * IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-pssetcreateprocessnotifyroutineex.
 */
NTSTATUS NTAPI
PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine, BOOLEAN Remove)
{
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    size_t found = MAX_ROUTINES, room = MAX_ROUTINES;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    pthread_mutex_lock(&notify.lock);
    for (size_t i = 0; i < MAX_ROUTINES; i++)
        if (notify.entries[i].routine == NotifyRoutine)
            found = i;
        else if (!notify.entries[i].routine && room == MAX_ROUTINES)
            room = i;
    if (Remove && found < MAX_ROUTINES) {
        notify.entries[found].routine = NULL;
        status = STATUS_SUCCESS;
    } else if (!Remove && found == MAX_ROUTINES && room < MAX_ROUTINES) {
        notify.entries[room].routine = NotifyRoutine;
        notify.entries[room].driver = nt_driver_current();
        notify.entries[room].site = nt_place_caller();
        status = STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&notify.lock);
    return status;
}

/** @p NotifyType 0 = processes, 1 = subsystems too: the same here. Ref: ntddk. */
NTSTATUS NTAPI
PsSetCreateProcessNotifyRoutineEx2(PSCREATEPROCESSNOTIFYTYPE NotifyType, PVOID NotifyInformation,
                                   BOOLEAN Remove)
{
    return PsSetCreateProcessNotifyRoutineEx((PCREATE_PROCESS_NOTIFY_ROUTINE_EX)NotifyInformation,
                                             Remove);
}

static void
call_routines(struct nt_process *process, PPS_CREATE_NOTIFY_INFO info)
{
    for (size_t i = 0; i < MAX_ROUTINES; i++) {
        pthread_mutex_lock(&notify.lock);
        PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine = notify.entries[i].routine;
        struct nt_driver *driver = notify.entries[i].driver;
        pthread_mutex_unlock(&notify.lock);
        if (routine)
            NT_CALLBACK_VOID(driver, PASSIVE_LEVEL,
                             routine((PEPROCESS)process, (HANDLE)process->id, info));
    }
}

void
nt_process_notify(uint64_t id, uint64_t parent_id, bool starts, const char *image_path)
{
    _cleanup_(nt_object_unrefp) struct nt_process *process = nt_process_open(id, false);
    size_t length = 0;
    _cleanup_(freep) uint16_t *path = image_path ? wfp_utf16_from_utf8(image_path, &length) : NULL;
    UNICODE_STRING name = {(USHORT)(length * 2), (USHORT)(length * 2 + 2), path};
    PS_CREATE_NOTIFY_INFO info = {.Size = sizeof(info)};

    if (!process)
        return;
    info.ParentProcessId = (HANDLE)parent_id;
    info.ImageFileName = path ? &name : NULL;
    call_routines(process, starts ? &info : NULL);
    if (!starts) {
        process->exit_status = 0;
        nt_dispatcher_set(&process->header, 1);
    }
}

void nt_ps_process_check_driver(struct nt_driver *driver);
/** Remove and report notify routines that a stopping driver left. */
void
nt_ps_process_check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&notify.lock);
    for (size_t i = 0; i < MAX_ROUTINES; i++)
        if (notify.entries[i].routine && notify.entries[i].driver == driver) {
            notify.entries[i].routine = NULL;
            nt_finding_at(driver->name, notify.entries[i].site, NT_FINDING_CALLBACK_LEAK,
                          "a process notify routine was left registered");
        }
    pthread_mutex_unlock(&notify.lock);
}
