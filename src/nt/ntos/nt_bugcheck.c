/*
 * The runtime's own bug checks.
 */
#include "nt/ntos/nt_bugcheck.h"

#include <stdlib.h>

#include "base/log.h"
#include "nt/ntos/nt_wdk.h"

static nt_bugcheck_hook *bugcheck_hook;
static LIST_ENTRY callbacks = {&callbacks, &callbacks};

static const struct {
    uint32_t code;
    const char *name;
} names[] = {
    {0x0A, "IRQL_NOT_LESS_OR_EQUAL"},
    {0x0F, "SPIN_LOCK_ALREADY_OWNED"},
    {0x10, "SPIN_LOCK_NOT_OWNED"},
    {0x11, "THREAD_NOT_MUTEX_OWNER"},
    {0x19, "BAD_POOL_HEADER"},
    {0x1A, "MEMORY_MANAGEMENT"},
    {0x1E, "KMODE_EXCEPTION_NOT_HANDLED"},
    {0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS"},
    {0x50, "PAGE_FAULT_IN_NONPAGED_AREA"},
    {0x7E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"},
    {0x7F, "UNEXPECTED_KERNEL_MODE_TRAP"},
    {0xC2, "BAD_POOL_CALLER"},
    {0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION"},
    {0xC5, "DRIVER_CORRUPTED_EXPOOL"},
    {0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"},
    {0xE2, "MANUALLY_INITIATED_CRASH"},
    {0xE3, "RESOURCE_NOT_OWNED"},
    {0x10D, "WDF_VIOLATION"},
    {0x133, "DPC_WATCHDOG_VIOLATION"},
    {0x139, "KERNEL_SECURITY_CHECK_FAILURE"},
};

const char *
nt_bugcheck_name(uint32_t code)
{
    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (names[i].code == code)
            return names[i].name;
    return "";
}

void
nt_bugcheck_set_hook(nt_bugcheck_hook *hook)
{
    bugcheck_hook = hook;
}

_Noreturn void
nt_bugcheck(uint32_t code, const char *cause, uintptr_t p1, uintptr_t p2, uintptr_t p3,
            uintptr_t p4)
{
    nt_finding(NT_FINDING_BUGCHECK, "bug check 0x%X %s (0x%lx, 0x%lx, 0x%lx, 0x%lx): %s", code,
               nt_bugcheck_name(code), p1, p2, p3, p4, cause);
    wfp_log(WFP_LOG_ERROR, "%s%sbug check 0x%X %s: %s", nt_driver_name(nt_driver_current()),
            nt_driver_current() ? ": " : "", code, nt_bugcheck_name(code), cause);
    if (bugcheck_hook)
        bugcheck_hook(code, cause);
    abort();
}

/**
 * Remember a routine for a bug check. @return FALSE when it is registered. IRQL: any.
 * Ref: wdm/nf-wdm-keregisterbugcheckcallback. Gap: the routine is not called.
 */
BOOLEAN NTAPI
KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord,
                           PKBUGCHECK_CALLBACK_ROUTINE CallbackRoutine, PVOID Buffer, ULONG Length,
                           PUCHAR Component)
{
    if (CallbackRecord->State)
        return FALSE;
    CallbackRecord->CallbackRoutine = (PVOID)CallbackRoutine;
    CallbackRecord->Buffer = Buffer;
    CallbackRecord->Length = Length;
    CallbackRecord->Component = Component;
    CallbackRecord->State = 1;
    InsertTailList(&callbacks, &CallbackRecord->Entry);
    return TRUE;
}

/** @return FALSE when it is not registered. Ref: wdm/nf-wdm-kederegisterbugcheckcallback. */
BOOLEAN NTAPI
KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord)
{
    if (!CallbackRecord->State)
        return FALSE;
    RemoveEntryList(&CallbackRecord->Entry);
    CallbackRecord->State = 0;
    return TRUE;
}
