/*
 * Processors as drivers count them: one, number 0 of group 0, as the processor block of gs:[...]
 * says too.
 *
 * Model      Replay decides on one thread, so that one is the truth. Live, several Linux threads may
 *            play the processor at once; per-processor data needs a lock of the driver's then.
 *
 * Ref        kernel/processor-groups; wdm/nf-wdm-kequeryactiveprocessorcountex
 */
#include "nt/ntos/nt_wdk.h"

#define PROCESSORS 1

extern const CCHAR nt_ke_number_processors;
const CCHAR nt_ke_number_processors = PROCESSORS;

static bool
is_here(USHORT group)
{
    return group == 0 || group == ALL_PROCESSOR_GROUPS;
}

/**
 * @param ProcNumber  receives group and number; may be NULL
 * @return the index over all groups
 * IRQL: any. Ref: wdm/nf-wdm-kegetcurrentprocessornumberex.
 */
ULONG NTAPI
KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber)
        *ProcNumber = (PROCESSOR_NUMBER){0};
    return 0;
}

/** A bit per processor of group 0. IRQL: any. Ref: ntddk/nf-ntddk-kequeryactiveprocessors. */
KAFFINITY NTAPI
KeQueryActiveProcessors(VOID)
{
    return ((KAFFINITY)1 << PROCESSORS) - 1;
}

/**
 * @param ActiveProcessors  receives a bit per processor; may be NULL
 * @return processors of group 0
 * IRQL: any. Ref: wdm/nf-wdm-kequeryactiveprocessorcount.
 */
ULONG NTAPI
KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    if (ActiveProcessors)
        *ActiveProcessors = KeQueryActiveProcessors();
    return PROCESSORS;
}

/**
 * @param GroupNumber  or ALL_PROCESSOR_GROUPS
 * @return 0 for a group that is not there
 * IRQL: any. Ref: wdm/nf-wdm-kequeryactiveprocessorcountex.
 */
ULONG NTAPI
KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    return is_here(GroupNumber) ? PROCESSORS : 0;
}

/** None is added later: the active ones. IRQL: any. Ref: wdm/nf-wdm-kequerymaximumprocessorcount. */
ULONG NTAPI
KeQueryMaximumProcessorCount(VOID)
{
    return PROCESSORS;
}

/** As KeQueryActiveProcessorCountEx. Ref: wdm/nf-wdm-kequerymaximumprocessorcountex. */
ULONG NTAPI
KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
    return KeQueryActiveProcessorCountEx(GroupNumber);
}

/** IRQL: any. Ref: wdm/nf-wdm-kequeryactivegroupcount. */
USHORT NTAPI
KeQueryActiveGroupCount(VOID)
{
    return 1;
}

/**
 * @param ProcIndex   over all groups
 * @param ProcNumber  receives group and number
 * @return STATUS_INVALID_PARAMETER for an index that is not there
 * IRQL: any. Ref: wdm/nf-wdm-kegetprocessornumberfromindex.
 */
NTSTATUS NTAPI
KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcIndex >= PROCESSORS)
        return STATUS_INVALID_PARAMETER;
    *ProcNumber = (PROCESSOR_NUMBER){.Number = (UCHAR)ProcIndex};
    return STATUS_SUCCESS;
}

/**
 * @return the index over all groups; INVALID_PROCESSOR_INDEX for a processor that is not there
 * IRQL: any. Ref: ntifs/nf-ntifs-kegetprocessorindexfromnumber.
 */
ULONG NTAPI
KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber->Group != 0 || ProcNumber->Number >= PROCESSORS || ProcNumber->Reserved != 0)
        return INVALID_PROCESSOR_INDEX;
    return ProcNumber->Number;
}
