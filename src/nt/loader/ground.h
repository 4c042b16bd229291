/*
 * The ground under a Windows driver: what kernel code may touch and a Linux process may not.
 *
 *     mov rax, cr8 / mov cr8, rax    the IRQL
 *     cli, sti                       no effect
 *     gs:[...]                       a processor block per thread (KPCR), made on first use
 *     0xFFFFF78000000000             the shared user data page: time, tick count, version
 */
#ifndef WFP_NT_GROUND_H
#define WFP_NT_GROUND_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

/**
 * Make the faulting instruction work.
 *
 * @param signal  SIGSEGV, or SIGTRAP for the second half of a stepped instruction
 * @return true when execution can go on from @p context
 *
 * Context: signal handler, fault in driver code.
 */
bool nt_ground_emulate(int signal, const siginfo_t *info, ucontext_t *context);

#endif
