/*
 * Small functions of the kernel that drivers call in passing, on a machine with one processor and one
 * address space.
 */
#include "nt/ntos/nt_wdk.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_thread.h"

#define IPI_LEVEL 14
#define SID_TAG   0x64695375 /* "uSid" */

/** Requests of programs are told by Irp->RequestorMode. IRQL: any. Ref: wdm/nf-wdm-exgetpreviousmode. */
KPROCESSOR_MODE NTAPI
ExGetPreviousMode(VOID)
{
    return KernelMode;
}

/** No edition of Windows. IRQL: any. Ref: wdm/nf-wdm-exverifysuite. */
BOOLEAN NTAPI
ExVerifySuite(ULONG SuiteType)
{
    return FALSE;
}

/** SSE to SSE3 and a 16-byte compare-exchange, as every x64 processor. Ref: wdm/nf-wdm-exisprocessorfeaturepresent. */
BOOLEAN NTAPI
ExIsProcessorFeaturePresent(ULONG ProcessorFeature)
{
    return ProcessorFeature == 6 || ProcessorFeature == 10 || ProcessorFeature == 13 ||
           ProcessorFeature == 14;
}

/** Kernel and programs share one address space here: nothing to switch. IRQL: <= DISPATCH_LEVEL. Ref: ntifs. */
VOID NTAPI
KeStackAttachProcess(PKPROCESS Process, PRKAPC_STATE ApcState)
{
    memset(ApcState, 0, sizeof(*ApcState));
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-keunstackdetachprocess. */
VOID NTAPI
KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
}

/** The one processor runs it at once. IRQL: <= 28. Ref: wdm/nf-wdm-keipigenericcall. */
ULONG_PTR NTAPI
KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context)
{
    return NT_CALLBACK(nt_driver_current(), IPI_LEVEL, BroadcastFunction(Context));
}

/** @return the old affinity, one processor. Ref: wdm/nf-wdm-kesetsystemaffinitythreadex. */
KAFFINITY NTAPI
KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
    return 1;
}

/** Ref: wdm/nf-wdm-kereverttouseraffinitythreadex. */
VOID NTAPI
KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
}

/** Ref: ntifs. */
VOID NTAPI
KeSetSystemAffinityThread(KAFFINITY Affinity)
{
}

/** Ref: ntifs. */
VOID NTAPI
KeRevertToUserAffinityThread(VOID)
{
}

/** Ref: wdm/nf-wdm-kesetsystemgroupaffinitythread. */
VOID NTAPI
KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity, PGROUP_AFFINITY PreviousAffinity)
{
    if (PreviousAffinity)
        *PreviousAffinity = (GROUP_AFFINITY){.Mask = 1};
}

/** Ref: wdm/nf-wdm-kereverttousergroupaffinitythread. */
VOID NTAPI
KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
}

/** One node. Ref: wdm/nf-wdm-kequeryhighestnodenumber. */
USHORT NTAPI
KeQueryHighestNodeNumber(VOID)
{
    return 0;
}

/** Ref: wdm/nf-wdm-kegetcurrentnodenumber. */
USHORT NTAPI
KeGetCurrentNodeNumber(VOID)
{
    return 0;
}

/** x64 code needs none of this. Ref: wdm/nf-wdm-kesavefloatingpointstate. */
NTSTATUS NTAPI
KeSaveFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    return STATUS_SUCCESS;
}

/** Ref: wdm/nf-wdm-kerestorefloatingpointstate. */
NTSTATUS NTAPI
KeRestoreFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    return STATUS_SUCCESS;
}

/**
 * Wait for what a handle names: an event, a thread, a process.
 *
 * @return as KeWaitForSingleObject; STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwwaitforsingleobject
 */
NTSTATUS NTAPI
ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    _cleanup_(nt_object_unrefp) void *body = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_handle_resolve(Handle, NT_OBJECT_ANY, &body);
    if (!NT_SUCCESS(status))
        return status;
    enum nt_object_type type = nt_object_type(body);
    if (type != NT_OBJECT_EVENT && type != NT_OBJECT_THREAD && type != NT_OBJECT_PROCESS)
        return STATUS_OBJECT_TYPE_MISMATCH;
    return KeWaitForSingleObject(body, Executive, KernelMode, Alertable, Timeout);
}

/**
 * "S-1-5-21-..." of a SID.
 *
 * @param AllocateDestinationString  TRUE: the caller frees with RtlFreeUnicodeString
 * @return STATUS_BUFFER_OVERFLOW, STATUS_NO_MEMORY
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-rtlconvertsidtounicodestring
 */
NTSTATUS NTAPI
RtlConvertSidToUnicodeString(PUNICODE_STRING UnicodeString, PSID Sid,
                             BOOLEAN AllocateDestinationString)
{
    const UCHAR *bytes = Sid;
    uint64_t authority = 0;
    char text[256];
    size_t units = 0;

    for (int i = 2; i < 8; i++)
        authority = authority << 8 | bytes[i];
    int n = snprintf(text, sizeof(text), authority >> 32 ? "S-%u-0x%012llx" : "S-%u-%llu", bytes[0],
                     (unsigned long long)authority);
    for (unsigned i = 0; i < bytes[1] && i < SID_MAX_SUB_AUTHORITIES; i++) {
        uint32_t sub;
        memcpy(&sub, bytes + 8 + 4 * i, sizeof(sub));
        n += snprintf(text + n, sizeof(text) - (size_t)n, "-%u", sub);
    }
    _cleanup_(freep) uint16_t *wide = wfp_utf16_from_utf8(text, &units);
    USHORT length = (USHORT)(units * sizeof(WCHAR));
    if (!wide)
        return STATUS_NO_MEMORY;
    if (AllocateDestinationString) {
        UnicodeString->Buffer = nt_pool_allocate(length + sizeof(WCHAR), SID_TAG, true, NT_CALLER);
        if (!UnicodeString->Buffer)
            return STATUS_NO_MEMORY;
        UnicodeString->MaximumLength = (USHORT)(length + sizeof(WCHAR));
    } else if (UnicodeString->MaximumLength < length) {
        return STATUS_BUFFER_OVERFLOW;
    }
    memcpy(UnicodeString->Buffer, wide,
           MIN(length + sizeof(WCHAR), (size_t)UnicodeString->MaximumLength));
    UnicodeString->Length = length;
    return STATUS_SUCCESS;
}

/** Threads of Linux are pre-empted: no need to. IRQL: any. Ref: wdm/nf-wdm-keshouldyieldprocessor. */
ULONG NTAPI
KeShouldYieldProcessor(VOID)
{
    return 0;
}

/** Is it no status that means a bug in the caller? IRQL: any. Ref: ntifs/nf-ntifs-fsrtlisntstatusexpected. */
BOOLEAN NTAPI
FsRtlIsNtstatusExpected(NTSTATUS Ntstatus)
{
    return Ntstatus != STATUS_DATATYPE_MISALIGNMENT && Ntstatus != STATUS_ACCESS_VIOLATION &&
           Ntstatus != STATUS_ILLEGAL_INSTRUCTION && Ntstatus != STATUS_INSTRUCTION_MISALIGNMENT;
}

static __thread PIRP top_level_irp;

/** What IoSetTopLevelIrp gave this thread, or NULL. IRQL: any. Ref: wdm/nf-wdm-iogettoplevelirp. */
PIRP NTAPI
IoGetTopLevelIrp(VOID)
{
    return top_level_irp;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-iosettoplevelirp. */
VOID NTAPI
IoSetTopLevelIrp(PIRP Irp)
{
    top_level_irp = Irp;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-iothreadtoprocess. */
PEPROCESS NTAPI
IoThreadToProcess(PETHREAD Thread)
{
    return PsGetThreadProcess(Thread);
}
