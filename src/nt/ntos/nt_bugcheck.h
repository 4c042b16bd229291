/*
 * Bug checks: what would stop Windows stops the driver's process here, with a report.
 */
#ifndef WFP_NT_BUGCHECK_H
#define WFP_NT_BUGCHECK_H

#include <stdint.h>

#define NT_BUGCHECK_SPIN_LOCK_ALREADY_OWNED 0x0Fu
#define NT_BUGCHECK_KMODE_EXCEPTION         0x1Eu
#define NT_BUGCHECK_MUTEX_NOT_OWNED         0x11u
#define NT_BUGCHECK_RESOURCE_NOT_OWNED      0xE3u
#define NT_BUGCHECK_MULTIPLE_IRP_COMPLETE   0x44u
#define NT_BUGCHECK_SYSTEM_THREAD_EXCEPTION 0x7Eu
#define NT_BUGCHECK_DPC_WATCHDOG            0x133u
#define NT_BUGCHECK_WDF_VIOLATION           0x10Du

/**
 * Report and stop: log, a finding, then the hook, then abort().
 * @param cause  one clear line
 */
_Noreturn void nt_bugcheck(uint32_t code, const char *cause, uintptr_t p1, uintptr_t p2,
                           uintptr_t p3, uintptr_t p4);
/** Runs before abort(); it may leave by longjmp. NULL removes it. */
typedef void nt_bugcheck_hook(uint32_t code, const char *cause);
void nt_bugcheck_set_hook(nt_bugcheck_hook *hook);
/** "SPIN_LOCK_ALREADY_OWNED", or "" when unknown. */
const char *nt_bugcheck_name(uint32_t code);

#endif
