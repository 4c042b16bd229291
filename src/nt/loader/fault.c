/*
 * Signals to Windows exceptions, and the report of what nobody handled.
 *
 * The handler itself only decides: it copies the registers into a CONTEXT and an EXCEPTION_RECORD
 * below the driver's stack pointer and returns into nt_fault_resume(), which runs filters and
 * __finally blocks as ordinary code. A fault in our own code while no driver is at work is left to
 * the default action: that is our bug, and a core dump says most.
 */
#include "nt/loader/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "nt/loader/fault_frames.h"
#include "nt/loader/ground.h"
#include "nt/loader/image_internal.h"
#include "nt/loader/seh_dispatch.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_seh.h"

enum {
    TRAP_GENERAL_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    ERROR_WRITE = 2,
    ERROR_FETCH = 16,
    SIGNAL_STACK_SIZE = 64 << 10,
};

enum bug_check {
    BUG_KMODE_EXCEPTION = 0x1E,
    BUG_PAGE_FAULT = 0x50,
    BUG_KERNEL_STACK_OVERFLOW = 0x7F,
    BUG_DRIVER_IRQL = 0xD1,
    BUG_SECURITY_CHECK = 0x139,
};

static const struct {
    uint32_t code;
    const char *name;
} bug_checks[] =
    {
        {BUG_KMODE_EXCEPTION, "KMODE_EXCEPTION_NOT_HANDLED"},
        {BUG_PAGE_FAULT, "PAGE_FAULT_IN_NONPAGED_AREA"},
        {BUG_KERNEL_STACK_OVERFLOW, "UNEXPECTED_KERNEL_MODE_TRAP"},
        {BUG_DRIVER_IRQL, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"},
        {BUG_SECURITY_CHECK, "KERNEL_SECURITY_CHECK_FAILURE"},
        {0xE2, "MANUALLY_INITIATED_CRASH"},
        {0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION"},
        {0x19, "BAD_POOL_HEADER"},
        {0xC2, "BAD_POOL_CALLER"},
        {0x0A, "IRQL_NOT_LESS_OR_EQUAL"},
},
  exceptions[] =
      {
          {(uint32_t)NT_SEH_ACCESS_VIOLATION, "STATUS_ACCESS_VIOLATION"},
          {(uint32_t)NT_SEH_IN_PAGE_ERROR, "STATUS_IN_PAGE_ERROR"},
          {(uint32_t)NT_SEH_BREAKPOINT, "STATUS_BREAKPOINT"},
          {(uint32_t)NT_SEH_ILLEGAL_INSTRUCTION, "STATUS_ILLEGAL_INSTRUCTION"},
          {(uint32_t)NT_SEH_PRIVILEGED_INSTRUCTION, "STATUS_PRIVILEGED_INSTRUCTION"},
          {(uint32_t)NT_SEH_DIVIDE_BY_ZERO, "STATUS_INTEGER_DIVIDE_BY_ZERO"},
          {(uint32_t)NT_SEH_INTEGER_OVERFLOW, "STATUS_INTEGER_OVERFLOW"},
          {(uint32_t)NT_SEH_FLOAT_ERROR, "STATUS_FLOAT_INVALID_OPERATION"},
          {(uint32_t)NT_SEH_ASSERTION_FAILURE, "STATUS_ASSERTION_FAILURE"},
          {(uint32_t)NT_SEH_NONCONTINUABLE, "STATUS_NONCONTINUABLE_EXCEPTION"},
          {(uint32_t)NT_SEH_INVALID_DISPOSITION, "STATUS_INVALID_DISPOSITION"},
          {(uint32_t)NT_SEH_INVALID_UNWIND_TARGET, "STATUS_INVALID_UNWIND_TARGET"},
          {(uint32_t)NT_SEH_BAD_STACK, "STATUS_BAD_STACK"},
},
  fast_fails[] = {
      {2, "a stack buffer was overrun (security cookie)"},
      {3, "a linked list is corrupt"},
      {4, "the stack pointer is wrong"},
      {5, "an invalid argument"},
      {6, "the security cookie was not initialised"},
      {7, "the driver gave up (fatal application exit)"},
      {8, "an array index is out of range"},
      {10, "an indirect call to no function (Control Flow Guard)"},
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
static struct sigaction previous[NSIG];
static nt_fault_sink *sink;
static void *sink_context;
static const char *(*describe_event)(void);

#define NAME_OF(table, code_)                                                                      \
    ({                                                                                             \
        const char *name_ = NULL;                                                                  \
        for (size_t i_ = 0; i_ < ELEMENTSOF(table); i_++)                                          \
            if ((table)[i_].code == (code_))                                                       \
                name_ = (table)[i_].name;                                                          \
        name_;                                                                                     \
    })

void
nt_fault_set_sink(nt_fault_sink *new_sink, void *context)
{
    sink = new_sink;
    sink_context = context;
}

void
nt_fault_set_describe(const char *(*describe)(void))
{
    describe_event = describe;
}

struct text {
    char data[NT_FAULT_TEXT_SIZE];
    size_t length;
};

static void _printf_(2, 3) append(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->data + text->length, sizeof(text->data) - text->length, format, args);
    va_end(args);
    if (n > 0)
        text->length = MIN(text->length + (size_t)n, sizeof(text->data) - 1);
}

static const struct nt_image *
image_at(uint64_t address)
{
    return nt_image_find((const void *)(uintptr_t)address);
}

static void
append_frames(struct text *text, const struct nt_fault_frames *frames)
{
    const struct nt_fault_frame *first = &frames->frames[0];

    append(text, "  at %s%s, IRQL %u\n", first->place, first->line, nt_cpu.irql);
    for (unsigned i = 1; i < frames->count; i++)
        append(text, "  called from %s%s\n", frames->frames[i].place, frames->frames[i].line);
}

static void
append_registers(struct text *text, const struct nt_context *context)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; i++)
        append(text, "%s%s=%016llx%s", i % 4 ? " " : "  ", names[i],
               (unsigned long long)context->gpr[i], i % 4 == 3 ? "\n" : "");
    append(text, "  rip=%016llx flags=%08x\n", (unsigned long long)context->rip, context->eflags);
}

static _Noreturn void
finish(uint32_t bug_check, uint32_t exception_code, const char *cause,
       const struct nt_context *context)
{
    static atomic_flag reporting = ATOMIC_FLAG_INIT;
    static struct text text;
    static struct nt_fault_frames found;
    const char *name = NAME_OF(bug_checks, bug_check);
    const char *driver = nt_driver_name(nt_driver_current());
    const struct nt_image *image = nt_image_find((const void *)(uintptr_t)context->rip);

    if (atomic_flag_test_and_set(&reporting)) { /* a fault while reporting, or in another thread */
        static const char twice[] = "driver fault while another fault is being reported\n";
        (void)!write(STDERR_FILENO, twice, sizeof(twice) - 1);
        if (exception_code != 0 || bug_check != 0)
            usleep(200 * 1000); /* let the first report come out */
        _exit(1);
    }
    nt_fault_frames_walk(&found, context);
    if (!image && found.count > 1) /* a call to nowhere */
        image = image_at(found.frames[1].address);
    if (image)
        driver = image->name;
    else if (!driver || !*driver)
        driver = "?";
    const struct nt_fault_frames *frames = nt_fault_frames_find_lines(&found);
    append(&text, "driver fault: %s: %s 0x%08X: %s\n", driver, name ? name : "bug check", bug_check,
           cause);
    append_frames(&text, frames);
    const char *event = describe_event ? describe_event() : NULL;
    if (event)
        append(&text, "  while handling %s\n", event);
    append_registers(&text, context);

    struct nt_fault fault = {
        .driver = driver,
        .bug_check = bug_check,
        .bug_check_name = name,
        .exception_code = exception_code,
        .place = frames->frames[0].place,
        .irql = nt_cpu.irql,
        .context = context,
        .text = text.data,
    };
    if (sink)
        _exit(sink(sink_context, &fault));
    (void)!write(STDERR_FILENO, text.data, text.length);
    _exit(1);
}

_Noreturn void
nt_fault_report(const struct nt_exception_record *record, const struct nt_context *context)
{
    char cause[256];
    const char *name = NAME_OF(exceptions, record->code);
    uint32_t bug_check = BUG_KMODE_EXCEPTION;

    if (record->code == (uint32_t)NT_SEH_ACCESS_VIOLATION && record->parameter_count >= 2) {
        uint64_t address = record->parameters[1];
        const char *access = record->parameters[0] == 8   ? "execution of"
                             : record->parameters[0] == 1 ? "write to"
                                                          : "read of";
        if (nt_cpu.irql >= NT_DISPATCH_LEVEL)
            bug_check = BUG_DRIVER_IRQL;
        else if (address >> 63)
            bug_check = BUG_PAGE_FAULT;
        snprintf(cause, sizeof(cause), "%s address 0x%llx%s, STATUS_ACCESS_VIOLATION 0xC0000005",
                 access, (unsigned long long)address,
                 address < 0x10000                                 ? " (a NULL pointer)"
                 : address == ~0ull                                ? " (not canonical)"
                 : nt_image_find((const void *)(uintptr_t)address) ? " (in the driver's image)"
                                                                   : "");
    } else {
        snprintf(cause, sizeof(cause), "%s 0x%08X", name ? name : "exception", record->code);
    }
    finish(bug_check, record->code, cause, context);
}

_Noreturn void
nt_fault_bug_check(uint32_t code, const uint64_t parameters[4], const struct nt_context *context)
{
    char cause[256];
    const char *reason =
        code == BUG_SECURITY_CHECK ? NAME_OF(fast_fails, (uint32_t)parameters[0]) : NULL;
    if (reason)
        snprintf(cause, sizeof(cause), "%s, code %llu", reason, (unsigned long long)parameters[0]);
    else
        snprintf(cause, sizeof(cause), "parameters 0x%llx 0x%llx 0x%llx 0x%llx",
                 (unsigned long long)parameters[0], (unsigned long long)parameters[1],
                 (unsigned long long)parameters[2], (unsigned long long)parameters[3]);
    finish(code, 0, cause, context);
}

/* ------------------------------------------------------------------ signals */

struct pending {
    struct nt_context context;
    struct nt_exception_record record;
    bool dispatchable; /* in an image: it may have handlers */
    bool is_fast_fail;
};

static void
copy_registers(const ucontext_t *from, struct nt_context *to)
{
    static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};
    const greg_t *gregs = from->uc_mcontext.gregs;
    memset(to, 0, sizeof(*to));
    for (unsigned i = 0; i < 16; i++)
        to->gpr[i] = (uint64_t)gregs[order[i]];
    to->rip = (uint64_t)gregs[REG_RIP];
    to->eflags = (uint32_t)gregs[REG_EFL];
    to->flags = NT_CONTEXT_FULL;
    to->mxcsr = 0x1F80;
    if (from->uc_mcontext.fpregs) {
        to->mxcsr = from->uc_mcontext.fpregs->mxcsr;
        memcpy(to->xmm, from->uc_mcontext.fpregs->_xmm, sizeof(to->xmm));
    }
}

static bool
code_is(const ucontext_t *context, uint8_t first, uint8_t second)
{
    const uint8_t *code = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    return code[0] == first && code[1] == second;
}

static void
access_violation(struct nt_exception_record *record, uint64_t kind, uint64_t address)
{
    record->code = (uint32_t)NT_SEH_ACCESS_VIOLATION;
    record->parameter_count = 2;
    record->parameters[0] = kind;
    record->parameters[1] = address;
}

/* Which exception the processor would have raised on Windows. */
static void
classify(int signal, const siginfo_t *info, const ucontext_t *context, bool in_driver,
         struct pending *pending)
{
    const greg_t *gregs = context->uc_mcontext.gregs;
    struct nt_exception_record *record = &pending->record;

    *record = (struct nt_exception_record){.address = (void *)(uintptr_t)pending->context.rip};
    switch (signal) {
    case SIGSEGV:
        if (gregs[REG_TRAPNO] == TRAP_PAGE_FAULT) {
            access_violation(record,
                             gregs[REG_ERR] & ERROR_FETCH   ? 8
                             : gregs[REG_ERR] & ERROR_WRITE ? 1
                                                            : 0,
                             (uint64_t)gregs[REG_CR2]);
        } else if (in_driver && code_is(context, 0xCD, 0x29)) {
            pending->is_fast_fail = true;
        } else if (in_driver && code_is(context, 0xCD, 0x2C)) {
            record->code = (uint32_t)NT_SEH_ASSERTION_FAILURE;
            pending->context.rip += 2;
        } else if (in_driver && (*(const uint8_t *)gregs[REG_RIP] == 0xF4 ||
                                 *(const uint8_t *)gregs[REG_RIP] == 0x0F ||
                                 (*(const uint8_t *)gregs[REG_RIP] & 0xE4) == 0xE4)) {
            record->code = (uint32_t)NT_SEH_PRIVILEGED_INSTRUCTION;
        } else {
            access_violation(record, 0, ~0ull); /* not a canonical address */
        }
        break;
    case SIGBUS:
        record->code = (uint32_t)NT_SEH_IN_PAGE_ERROR;
        break;
    case SIGILL:
        record->code = (uint32_t)NT_SEH_ILLEGAL_INSTRUCTION;
        break;
    case SIGFPE:
        record->code = (uint32_t)(info->si_code == FPE_INTDIV   ? NT_SEH_DIVIDE_BY_ZERO
                                  : info->si_code == FPE_INTOVF ? NT_SEH_INTEGER_OVERFLOW
                                                                : NT_SEH_FLOAT_ERROR);
        break;
    default:
        record->code = (uint32_t)NT_SEH_BREAKPOINT;
        pending->context.rip -= 1; /* Windows points at the int 3 */
        record->address = (void *)(uintptr_t)pending->context.rip;
        break;
    }
}

/* int 3 that nobody handles: as DbgBreakPoint(), under a debugger that continues at once. */
static _Noreturn void
go_on_behind_breakpoint(struct pending *pending)
{
    char where[256];

    wfp_log(WFP_LOG_WARNING, "%s: breakpoint at %s", nt_driver_name(nt_driver_current()),
            nt_driver_describe_address(pending->context.rip, where, sizeof(where)));
    pending->context.rip += 1;
    nt_seh_context_restore(&pending->context);
}

/* Ordinary code again, on the faulting thread's stack. */
__attribute__((used)) static _Noreturn void
nt_fault_resume(struct pending *pending)
{
    if (pending->is_fast_fail) {
        uint64_t parameters[4] = {(uint32_t)pending->context.gpr[NT_RCX]};
        nt_fault_bug_check(BUG_SECURITY_CHECK, parameters, &pending->context);
    }
    if (pending->dispatchable) {
        nt_seh_dispatch(&pending->record, &pending->context);
        nt_seh_raise_native((int32_t)pending->record.code, &pending->record, &pending->context,
                            pending->context.gpr[NT_RSP]);
    }
    if (pending->record.code == (uint32_t)NT_SEH_BREAKPOINT)
        go_on_behind_breakpoint(pending);
    nt_fault_report(&pending->record, &pending->context);
}

static void
pass_on(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *action = &previous[signal];
    if (action->sa_flags & SA_SIGINFO && action->sa_sigaction) {
        action->sa_sigaction(signal, info, context);
    } else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(signal);
    } else { /* run into it again, with the default action */
        sigaction(signal, action, NULL);
    }
}

/* A call through a bad pointer: the return address on top of the stack is a driver's. */
static bool
called_from_driver(const ucontext_t *context)
{
    uint64_t rsp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
    return rsp % 8 == 0 && nt_seh_unwind_on_stack(rsp, 8) &&
           image_at(*(const uint64_t *)(uintptr_t)rsp) != NULL;
}

static void
handle(int signal, siginfo_t *info, void *opaque)
{
    ucontext_t *context = opaque;
    greg_t *gregs = context->uc_mcontext.gregs;
    int saved_errno = errno;
    const struct nt_image *image = nt_image_find((const void *)gregs[REG_RIP]);

    if (info->si_code > 0 && image && nt_ground_emulate(signal, info, context)) {
        errno = saved_errno;
        return;
    }
    /* Not a fault, or none of a driver's; or a sanitizer is there to tell more. */
    bool chained = previous[signal].sa_handler != SIG_DFL && previous[signal].sa_handler != SIG_IGN;
    bool lost = !image && called_from_driver(context);
    if (info->si_code <= 0 || (!image && !lost && !nt_driver_current()) ||
        (chained && !lost && !(image && image->kind == NT_IMAGE_SYS))) {
        pass_on(signal, info, opaque);
        errno = saved_errno;
        return;
    }
    uint64_t rsp = (uint64_t)gregs[REG_RSP];
    uint64_t room = (rsp - 512 - sizeof(struct pending)) & ~63ull;
    struct pending local, *pending = &local;
    bool on_stack = nt_seh_unwind_on_stack(room - 16384, 16384 + sizeof(struct pending));
    if (on_stack)
        pending = (struct pending *)(uintptr_t)room;
    memset(pending, 0, sizeof(*pending));
    copy_registers(context, &pending->context);
    classify(signal, info, context, image != NULL, pending);
    pending->dispatchable = image != NULL;
    if (!on_stack) { /* overflow: report from the signal stack, there is no other */
        uint64_t parameters[4] = {8 /* double fault */, rsp};
        nt_fault_bug_check(BUG_KERNEL_STACK_OVERFLOW, parameters, &pending->context);
    }
    gregs[REG_RIP] = (greg_t)(uintptr_t)nt_fault_resume;
    gregs[REG_RSP] = (greg_t)(room - 8 - 64); /* as after a call: 16n + 8 */
    gregs[REG_RDI] = (greg_t)room;
    gregs[REG_EFL] &= ~(greg_t)0x500; /* trap and direction */
}

static __thread void *own_stack;

int
nt_fault_prepare_thread(void)
{
    stack_t stack = {0};
    if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE))
        return 0;
    stack.ss_sp =
        mmap(NULL, SIGNAL_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return -errno;
    stack.ss_size = SIGNAL_STACK_SIZE;
    stack.ss_flags = 0;
    own_stack = stack.ss_sp;
    return sigaltstack(&stack, NULL) < 0 ? -errno : 0;
}

void
nt_fault_release_thread(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (!own_stack)
        return;
    sigaltstack(&none, NULL);
    munmap(own_stack, SIGNAL_STACK_SIZE);
    own_stack = NULL;
}

int
nt_fault_init(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
        struct sigaction old;
        if (sigaction(signals[i], NULL, &old) < 0)
            return -errno;
        if (old.sa_flags & SA_SIGINFO && old.sa_sigaction == handle)
            continue;
        previous[signals[i]] = old;
        if (sigaction(signals[i], &action, NULL) < 0)
            return -errno;
    }
    return nt_fault_prepare_thread();
}
