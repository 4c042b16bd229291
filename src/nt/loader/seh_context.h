/*
 * Exceptions at machine level: registers and exception records in Windows' layout.
 *
 * Ref: win32 api winnt/ns-winnt-context, winnt/ns-winnt-exception_record
 */
#ifndef WFP_NT_SEH_CONTEXT_H
#define WFP_NT_SEH_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct nt_xmm {
    uint64_t low, high;
} __attribute__((aligned(16)));

/** CONTEXT for x64: only what a driver's unwind can need has a name. */
struct nt_context {
    uint64_t home[6];
    uint32_t flags, mxcsr;
    uint16_t segments[6]; /* cs ds es fs gs ss */
    uint32_t eflags;
    uint64_t debug[6];
    uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8 .. r15: the order of unwind codes */
    uint64_t rip;
    uint8_t fpu[160]; /* the first part of FXSAVE */
    struct nt_xmm xmm[16];
    uint8_t rest[1232 - 672];
} __attribute__((aligned(16)));

enum { NT_RAX, NT_RCX, NT_RDX, NT_RBX, NT_RSP, NT_RBP, NT_RSI, NT_RDI };
enum { NT_CONTEXT_FULL = 0x0010000F }; /* control, integer, segments, floating point, of AMD64 */

_Static_assert(offsetof(struct nt_context, flags) == 48, "ContextFlags");
_Static_assert(offsetof(struct nt_context, eflags) == 68, "EFlags");
_Static_assert(offsetof(struct nt_context, gpr) == 120, "Rax");
_Static_assert(offsetof(struct nt_context, rip) == 248, "Rip");
_Static_assert(offsetof(struct nt_context, xmm) == 416, "Xmm0");
_Static_assert(sizeof(struct nt_context) == 1232, "CONTEXT");

enum nt_exception_flag {
    NT_EXCEPTION_NONCONTINUABLE = 1,
    NT_EXCEPTION_UNWINDING = 2,
    NT_EXCEPTION_EXIT_UNWIND = 4,
    NT_EXCEPTION_TARGET_UNWIND = 0x20,
};

struct nt_exception_record {
    uint32_t code, flags;
    struct nt_exception_record *nested;
    void *address;
    uint32_t parameter_count;
    uint64_t parameters[15];
};

_Static_assert(sizeof(struct nt_exception_record) == 152, "EXCEPTION_RECORD");

/** Continue at @p context: every register, the stack and the instruction pointer. */
_Noreturn void nt_seh_context_restore(const struct nt_context *context);
/** Fill @p context as the caller will see it after the return (ms_abi: it is RtlCaptureContext). */
__attribute__((ms_abi)) void nt_seh_context_capture(struct nt_context *context);

#endif
