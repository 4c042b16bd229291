/*
 * Structured exceptions: searching handlers, unwinding to one, and what the Rtl* exports share.
 */
#ifndef WFP_NT_SEH_DISPATCH_H
#define WFP_NT_SEH_DISPATCH_H

#include "nt/loader/seh_unwind.h"

/** Some exception codes; the numbers are NTSTATUS. */
enum {
    NT_SEH_BREAKPOINT = (int)0x80000003,
    NT_SEH_ACCESS_VIOLATION = (int)0xC0000005,
    NT_SEH_IN_PAGE_ERROR = (int)0xC0000006,
    NT_SEH_ILLEGAL_INSTRUCTION = (int)0xC000001D,
    NT_SEH_NONCONTINUABLE = (int)0xC0000025,
    NT_SEH_INVALID_DISPOSITION = (int)0xC0000026,
    NT_SEH_UNWIND = (int)0xC0000027,
    NT_SEH_BAD_STACK = (int)0xC0000028,
    NT_SEH_INVALID_UNWIND_TARGET = (int)0xC0000029,
    NT_SEH_FLOAT_ERROR = (int)0xC0000090,
    NT_SEH_DIVIDE_BY_ZERO = (int)0xC0000094,
    NT_SEH_INTEGER_OVERFLOW = (int)0xC0000095,
    NT_SEH_PRIVILEGED_INSTRUCTION = (int)0xC0000096,
    NT_SEH_ASSERTION_FAILURE = (int)0xC0000420,
};

/**
 * Offer the exception to the handlers of the Windows frames from @p context on.
 *
 * Does not return when one takes it. @return when none does: the caller reports the fault.
 *
 * Context: the faulting thread, on its own stack below the faulting frame, not inside a signal
 * handler.
 */
void nt_seh_dispatch(struct nt_exception_record *record, struct nt_context *context);
/** Dispatch, then report: the end of every raise. */
_Noreturn void nt_seh_raise(struct nt_exception_record *record, struct nt_context *context);

/**
 * Make an exported function that may raise. Its body is
 *
 *     __attribute__((ms_abi)) int32_t body(a, b, c, d);
 *
 * (up to four arguments); a negative result is raised in the driver's frame as ExRaiseStatus does,
 * with all preserved registers as the driver left them. Use for ProbeForRead and the like: raising
 * from inside C would have to unwind our own frames.
 */
#define NT_SEH_RAISING(name, body)                                                                 \
    __asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n"                     \
            "    subq $40, %rsp\n    call " #body "\n    addq $40, %rsp\n"                         \
            "    testl %eax, %eax\n    js 1f\n    ret\n"                                           \
            "1:  movl %eax, %ecx\n    jmp ExRaiseStatus\n")

/**
 * Make an exported function that sees its caller's registers: body(context, frame), ms_abi, where
 * frame[0] is the return address and frame[1..] are the arguments (their home slots first). Call
 * nt_seh_step_out() to turn the context into the caller's.
 */
#define NT_SEH_CAPTURING(name, body)                                                               \
    __asm__(".text\n.globl " name "\n.type " name ",@function\n" name ":\n"                        \
            "    movq %rcx, 8(%rsp)\n    movq %rdx, 16(%rsp)\n"                                    \
            "    movq %r8, 24(%rsp)\n    movq %r9, 32(%rsp)\n"                                     \
            "    subq $1272, %rsp\n"                                                               \
            "    leaq 32(%rsp), %rcx\n    call nt_seh_context_capture\n"                           \
            "    leaq 32(%rsp), %rcx\n    leaq 1272(%rsp), %rdx\n    call " body "\n"              \
            "    addq $1272, %rsp\n    ret\n")

static inline void
nt_seh_step_out(struct nt_context *context, const uint64_t *frame)
{
    context->rip = frame[0];
    context->gpr[NT_RSP] = (uint64_t)(uintptr_t)(frame + 1);
}

#endif
