/*
 * _nt_seh_*: __try, __except, __finally of native drivers; see nt_seh.h and wdk's excpt.h.
 *
 * Lifetime   Records are ours, kept in a list per thread, innermost first, and reused. A record whose
 *            function has returned (or left its __try by return or goto) is dropped by the next call.
 */
#include "nt/ntos/nt_seh.h"

#include <stdlib.h>

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_wdk.h"

/** Offsets are known to the assembly below. */
struct registers {
    uint64_t rbx, rbp, rdi, rsi, r12, r13, r14, r15, rsp, rip;
    unsigned char xmm[10][16]; /* xmm6 .. xmm15 */
};

struct record {
    struct registers registers; /* first */
    struct record *outer;
    uintptr_t frame, return_address;
    struct nt_driver *driver; /* whose __try: another driver's exception does not come here */
    uint8_t irql;
    bool raised;
};

/** The layout of EXCEPTION_RECORD. */
struct exception {
    int32_t code;
    uint32_t flags;
    struct exception *nested;
    void *address;
    uint32_t parameter_count;
    uint64_t parameters[15];
};

#define CONTEXT_SIZE 1232 /* of CONTEXT for x64 */

/** The layout of EXCEPTION_POINTERS. */
struct pointers {
    struct exception *record;
    void *context;
};

/** What came back to a frame last. */
struct caught {
    uintptr_t frame;
    struct exception record;
    struct pointers pointers;
    _Alignas(16) unsigned char context[CONTEXT_SIZE];
};
static_assert(sizeof(struct exception) == 152, "EXCEPTION_RECORD");

#define CAUGHT_COUNT 4 /* nested handlers of one thread that may still ask */

static __thread struct record *spare;
static __thread struct caught *caught_ring;
static __thread unsigned caught_next;

static struct record **
innermost(void)
{
    return (struct record **)&nt_cpu.seh_top;
}

static void
drop(struct record *record)
{
    *innermost() = record->outer;
    if (spare)
        free(record);
    else
        spare = record;
}

/** Forget records of functions that have returned: theirs are the lower frames. */
static void
drop_below(uintptr_t frame)
{
    while (*innermost() && (*innermost())->frame < frame)
        drop(*innermost());
}

/* Called by the assembly of _nt_seh_enter, hence not static. */
struct record *NTAPI nt_seh_push(void *frame, void *return_address);
struct record *NTAPI
nt_seh_push(void *frame, void *return_address)
{
    drop_below((uintptr_t)frame);
    while (*innermost() && (*innermost())->frame == (uintptr_t)frame &&
           (*innermost())->return_address == (uintptr_t)return_address)
        drop(*innermost());
    struct record *record = spare ? spare : malloc(sizeof(*record));
    if (!record)
        nt_bugcheck(NT_BUGCHECK_KMODE_EXCEPTION, "out of memory in __try", 0, 0, 0, 0);
    spare = NULL;
    record->outer = *innermost();
    record->frame = (uintptr_t)frame;
    record->return_address = (uintptr_t)return_address;
    record->irql = nt_cpu.irql;
    record->driver = nt_cpu.driver;
    record->raised = false;
    *innermost() = record;
    return record;
}

/* int _nt_seh_enter(rcx = frame): the registers a Windows function preserves, as its caller has them
   after the return. nt_seh_push is ms_abi, so it preserves the same ones. */
__asm__(".text\n.globl _nt_seh_enter\n.type _nt_seh_enter,@function\n_nt_seh_enter:\n"
        "    movq (%rsp), %rdx\n"
        "    subq $40, %rsp\n"
        "    call nt_seh_push\n"
        "    addq $40, %rsp\n"
        "    movq %rbx, 0(%rax)\n"
        "    movq %rbp, 8(%rax)\n"
        "    movq %rdi, 16(%rax)\n"
        "    movq %rsi, 24(%rax)\n"
        "    movq %r12, 32(%rax)\n"
        "    movq %r13, 40(%rax)\n"
        "    movq %r14, 48(%rax)\n"
        "    movq %r15, 56(%rax)\n"
        "    leaq 8(%rsp), %rdx\n"
        "    movq %rdx, 64(%rax)\n"
        "    movq (%rsp), %rdx\n"
        "    movq %rdx, 72(%rax)\n"
        "    movups %xmm6, 80(%rax)\n"
        "    movups %xmm7, 96(%rax)\n"
        "    movups %xmm8, 112(%rax)\n"
        "    movups %xmm9, 128(%rax)\n"
        "    movups %xmm10, 144(%rax)\n"
        "    movups %xmm11, 160(%rax)\n"
        "    movups %xmm12, 176(%rax)\n"
        "    movups %xmm13, 192(%rax)\n"
        "    movups %xmm14, 208(%rax)\n"
        "    movups %xmm15, 224(%rax)\n"
        "    xorl %eax, %eax\n"
        "    ret\n"
        /* noreturn void nt_seh_come_back(rdi = registers): _nt_seh_enter returns again, with 1. */
        ".type nt_seh_come_back,@function\nnt_seh_come_back:\n"
        "    movq %rdi, %rax\n"
        "    movq 0(%rax), %rbx\n"
        "    movq 8(%rax), %rbp\n"
        "    movq 16(%rax), %rdi\n"
        "    movq 24(%rax), %rsi\n"
        "    movq 32(%rax), %r12\n"
        "    movq 40(%rax), %r13\n"
        "    movq 48(%rax), %r14\n"
        "    movq 56(%rax), %r15\n"
        "    movups 80(%rax), %xmm6\n"
        "    movups 96(%rax), %xmm7\n"
        "    movups 112(%rax), %xmm8\n"
        "    movups 128(%rax), %xmm9\n"
        "    movups 144(%rax), %xmm10\n"
        "    movups 160(%rax), %xmm11\n"
        "    movups 176(%rax), %xmm12\n"
        "    movups 192(%rax), %xmm13\n"
        "    movups 208(%rax), %xmm14\n"
        "    movups 224(%rax), %xmm15\n"
        "    movq 64(%rax), %rsp\n"
        "    movq 72(%rax), %rdx\n"
        "    movl $1, %eax\n"
        "    jmpq *%rdx\n");

_Noreturn void nt_seh_come_back(const struct registers *registers);
void __asan_handle_no_return(void) __attribute__((weak));

static_assert(offsetof(struct registers, rip) == 72, "known to the assembly");
static_assert(offsetof(struct registers, xmm) == 80, "known to the assembly");

static struct caught *
caught_by(void *frame)
{
    for (unsigned i = 0; caught_ring && i < CAUGHT_COUNT; i++) {
        struct caught *caught = &caught_ring[(caught_next - 1 - i) % CAUGHT_COUNT];
        if (caught->frame == (uintptr_t)frame)
            return caught;
    }
    return NULL;
}

bool
nt_seh_has_record(uintptr_t stack_pointer)
{
    for (struct record *record = *innermost(); record; record = record->outer)
        if (record->frame >= stack_pointer)
            return record->driver == nt_cpu.driver;
    return false;
}

static _Noreturn void
come_back(struct record *record)
{
    nt_cpu.irql = record->irql;
    if (__asan_handle_no_return)
        __asan_handle_no_return();
    nt_seh_come_back(&record->registers);
}

void
nt_seh_raise_native(int32_t code, const void *exception, const void *context,
                    uintptr_t stack_pointer)
{
    drop_below(stack_pointer);
    struct record *record = *innermost();
    if (!record || record->driver != nt_cpu.driver)
        return;
    if (!caught_ring)
        caught_ring = aligned_alloc(16, CAUGHT_COUNT * sizeof(*caught_ring));
    if (!caught_ring)
        return;
    if (!caught_next)
        memset(caught_ring, 0, CAUGHT_COUNT * sizeof(*caught_ring));
    struct caught *caught = &caught_ring[caught_next++ % CAUGHT_COUNT];
    struct exception plain = {.code = code};
    caught->frame = record->frame;
    caught->record = exception ? *(const struct exception *)exception : plain;
    if (context)
        memcpy(caught->context, context, sizeof(caught->context));
    else
        memset(caught->context, 0, sizeof(caught->context));
    caught->pointers = (struct pointers){&caught->record, caught->context};
    record->raised = true;
    come_back(record);
}

static _Noreturn void
raise_on(void *frame)
{
    struct caught *caught = caught_by(frame);

    /* Strictly outside: this frame's record is gone already. */
    nt_seh_raise_native(caught ? caught->record.code : STATUS_UNSUCCESSFUL,
                        caught ? &caught->record : NULL, caught ? caught->context : NULL,
                        (uintptr_t)frame);
    nt_bugcheck(NT_BUGCHECK_KMODE_EXCEPTION, "an exception was not handled by the driver",
                caught ? (uintptr_t)(uint32_t)caught->record.code : 0,
                caught ? (uintptr_t)caught->record.address : 0, 0, 0);
}

int NTAPI _nt_seh_end(void *frame);
/** The body or its exception is over: forget its record. @return 1 when an exception came. */
int NTAPI
_nt_seh_end(void *frame)
{
    drop_below((uintptr_t)frame);
    struct record *record = *innermost();
    if (!record || record->frame != (uintptr_t)frame)
        return 0;
    bool raised = record->raised;
    drop(record);
    return raised;
}

int NTAPI _nt_seh_filter(void *frame, int disposition);
/** What the filter expression said. @return 1, or goes elsewhere */
int NTAPI
_nt_seh_filter(void *frame, int disposition)
{
    if (disposition > 0)
        return 1;
    if (disposition < 0)
        nt_bugcheck(NT_BUGCHECK_KMODE_EXCEPTION,
                    "a filter asked to continue; native drivers cannot", 0, 0, 0, 0);
    raise_on(frame);
}

_Noreturn void NTAPI _nt_seh_resume(void *frame);
/** After a __finally that an exception brought about: on to the next handler. */
_Noreturn void NTAPI
_nt_seh_resume(void *frame)
{
    raise_on(frame);
}

_Noreturn void NTAPI _nt_seh_leave(void *frame);
/** __leave: out of the innermost __try of this function. */
_Noreturn void NTAPI
_nt_seh_leave(void *frame)
{
    drop_below((uintptr_t)frame);
    struct record *record = *innermost();
    if (!record || record->frame != (uintptr_t)frame)
        nt_bugcheck(NT_BUGCHECK_KMODE_EXCEPTION, "__leave outside of __try", 0, 0, 0, 0);
    record->raised = false;
    nt_seh_come_back(&record->registers);
}

int NTAPI _nt_seh_code(void *frame);
/** GetExceptionCode(). */
int NTAPI
_nt_seh_code(void *frame)
{
    struct caught *caught = caught_by(frame);
    return caught ? caught->record.code : 0;
}

struct pointers *NTAPI _nt_seh_info(void *frame);
/** GetExceptionInformation(). */
struct pointers *NTAPI
_nt_seh_info(void *frame)
{
    struct caught *caught = caught_by(frame);
    return caught ? &caught->pointers : NULL;
}
