/*
 * Structured exception handling for Windows images: ExRaise*, Rtl*Unwind*, __C_specific_handler.
 *
 * Model      An exception searches the frames from where it happened outwards. A frame's language
 *            handler looks up its scope table, runs the filters, and when one says "mine" unwinds
 * to it: a second walk that runs the __finally blocks in between, then continues at the
 *            __except block. The search ends at the first frame that is not a Windows image's: an
 *            exception does not cross the runtime into another driver.
 * Not here   Hardware faults become exceptions in fault.c; frames are undone in seh_unwind.c.
 * Ref        cpp-docs build/exception-handling-x64; ddi wdm/nf-wdm-exraisestatus
 */
#include <string.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/fault.h"
#include "nt/loader/seh_dispatch.h"
#include "nt/ntos/nt_seh.h"

#define NTAPI __attribute__((ms_abi))

enum disposition { CONTINUE_EXECUTION, CONTINUE_SEARCH, NESTED_EXCEPTION, COLLIDED_UNWIND };
enum { EXECUTE_HANDLER = 1, MAX_FRAMES = 512 };

struct dispatcher_context { /* DISPATCHER_CONTEXT */
    uint64_t control_pc, image_base;
    const struct pe_runtime_function *function;
    uint64_t establisher, target_ip;
    struct nt_context *context;
    void *language_handler;
    const void *handler_data;
    void *history;
    uint32_t scope_index, fill;
};

_Static_assert(offsetof(struct dispatcher_context, scope_index) == 72, "DISPATCHER_CONTEXT");

typedef int32_t(NTAPI language_handler)(struct nt_exception_record *record, uint64_t establisher,
                                        struct nt_context *context,
                                        struct dispatcher_context *dispatcher);

struct exception_pointers {
    struct nt_exception_record *record;
    struct nt_context *context;
};

struct scope_table {
    uint32_t count;
    struct {
        uint32_t begin, end, handler, target;
    } scopes[];
};

typedef int32_t(NTAPI filter_fn)(struct exception_pointers *pointers, uint64_t frame);
typedef void(NTAPI finally_fn)(uint8_t abnormal, uint64_t frame);

/* Exported names; ms_abi, so declared here rather than in a header of ours. */
language_handler __C_specific_handler;
NTAPI const struct pe_runtime_function *RtlLookupFunctionEntry(uint64_t pc, uint64_t *ret_base,
                                                               void *history);
NTAPI void *RtlVirtualUnwind(uint32_t type, uint64_t base, uint64_t pc,
                             const struct pe_runtime_function *function, struct nt_context *context,
                             const void **ret_handler_data, uint64_t *ret_establisher,
                             void *pointers);
NTAPI void *RtlPcToFileHeader(void *pc, void **ret_base);
NTAPI void nt_seh_raise_status_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_seh_raise_exception_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_seh_raise_access_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_seh_raise_misaligned_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_seh_unwind_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_seh_local_unwind_body(struct nt_context *context, uint64_t *frame);

NT_SEH_CAPTURING("ExRaiseStatus", "nt_seh_raise_status_body");
NT_SEH_CAPTURING("RtlRaiseStatus", "nt_seh_raise_status_body");
NT_SEH_CAPTURING("RtlRaiseException", "nt_seh_raise_exception_body");
NT_SEH_CAPTURING("ExRaiseAccessViolation", "nt_seh_raise_access_body");
NT_SEH_CAPTURING("ExRaiseDatatypeMisalignment", "nt_seh_raise_misaligned_body");
NT_SEH_CAPTURING("RtlUnwind", "nt_seh_unwind_body");
NT_SEH_CAPTURING("RtlUnwindEx", "nt_seh_unwind_body");
NT_SEH_CAPTURING("_local_unwind", "nt_seh_local_unwind_body");

static const struct nt_image *
windows_image(uint64_t pc)
{
    const struct nt_image *image = nt_image_find((const void *)(uintptr_t)pc);
    return image && image->kind == NT_IMAGE_SYS ? image : NULL;
}

/* One frame outwards, with what its handler would be given. */
static bool
next_frame(struct nt_context *context, unsigned kind, struct nt_context *before,
           struct dispatcher_context *ret_dispatcher)
{
    const struct nt_image *image = windows_image(context->rip);
    struct nt_seh_frame frame;
    if (!image)
        return false;
    const struct pe_runtime_function *function = nt_seh_unwind_find(image, context->rip);
    *before = *context;
    *ret_dispatcher = (struct dispatcher_context){
        .control_pc = context->rip,
        .image_base = (uint64_t)(uintptr_t)image->base,
        .function = function,
        .context = before,
    };
    if (!nt_seh_unwind_step(image, function, kind, context, &frame))
        return false;
    ret_dispatcher->establisher = frame.establisher;
    ret_dispatcher->language_handler = frame.handler;
    ret_dispatcher->handler_data = frame.handler_data;
    return true;
}

/* ntos/nt_seh.c: goes to the innermost __try of native code, if there is one. */
extern void nt_seh_raise_native(int32_t code, const void *record, const void *context,
                                uintptr_t stack_pointer) __attribute__((weak));

void
nt_seh_dispatch(struct nt_exception_record *record, struct nt_context *context)
{
    struct nt_context walk = *context, before;
    struct dispatcher_context dispatcher;

    for (unsigned i = 0; i < MAX_FRAMES; i++) {
        if (!next_frame(&walk, NT_UNWIND_EHANDLER, &before, &dispatcher)) {
            const struct nt_image *image = nt_image_find((const void *)(uintptr_t)walk.rip);
            if (nt_seh_raise_native && image && image->kind == NT_IMAGE_SO)
                nt_seh_raise_native((int32_t)record->code, record, context, walk.gpr[NT_RSP]);
            return;
        }
        if (!dispatcher.language_handler)
            continue;
        dispatcher.context = context; /* the search shows handlers where it happened */
        language_handler *handler = (language_handler *)dispatcher.language_handler;
        int32_t disposition = handler(record, dispatcher.establisher, context, &dispatcher);
        if (disposition == CONTINUE_EXECUTION) {
            if (record->flags & NT_EXCEPTION_NONCONTINUABLE) {
                record->code = (uint32_t)NT_SEH_NONCONTINUABLE;
                return;
            }
            nt_seh_context_restore(context);
        }
        if (disposition != CONTINUE_SEARCH) {
            record->code = (uint32_t)NT_SEH_INVALID_DISPOSITION;
            return;
        }
    }
}

_Noreturn void
nt_seh_raise(struct nt_exception_record *record, struct nt_context *context)
{
    nt_seh_dispatch(record, context);
    nt_seh_raise_native((int32_t)record->code, record, context, context->gpr[NT_RSP]);
    nt_fault_report(record, context);
}

/*
 * Run the unwind handlers from @p context out to @p target, then continue at @p target_ip with
 * @p value in rax. @p target 0 would unwind the whole thread, which no driver does.
 */
static _Noreturn void
unwind_to(struct nt_context *context, uint64_t target, uint64_t target_ip,
          struct nt_exception_record *record, uint64_t value)
{
    struct nt_exception_record own = {.code = (uint32_t)NT_SEH_UNWIND,
                                      .address = (void *)(uintptr_t)context->rip};
    struct nt_context walk = *context, before;
    struct dispatcher_context dispatcher;

    if (!record)
        record = &own;
    record->flags |= NT_EXCEPTION_UNWINDING;
    for (unsigned i = 0; i < MAX_FRAMES; i++) {
        if (!next_frame(&walk, NT_UNWIND_UHANDLER, &before, &dispatcher))
            break;
        bool last = dispatcher.establisher == target;
        if (last)
            record->flags |= NT_EXCEPTION_TARGET_UNWIND;
        dispatcher.target_ip = target_ip;
        if (dispatcher.language_handler) {
            language_handler *handler = (language_handler *)dispatcher.language_handler;
            if (handler(record, dispatcher.establisher, &before, &dispatcher) != CONTINUE_SEARCH)
                break;
        }
        if (last) {
            before.gpr[NT_RAX] = value;
            before.rip = target_ip;
            nt_seh_context_restore(&before);
        }
        if (dispatcher.establisher > target)
            break; /* passed it */
    }
    record->code = (uint32_t)NT_SEH_INVALID_UNWIND_TARGET;
    nt_fault_report(record, context);
}

/* @return the disposition; does not return when a filter takes the exception. */
static int32_t
search_scopes(const struct scope_table *table, struct nt_exception_record *record,
              uint64_t establisher, struct nt_context *context,
              struct dispatcher_context *dispatcher)
{
    struct exception_pointers pointers = {record, context};
    uint64_t base = dispatcher->image_base, pc = dispatcher->control_pc - base;

    for (uint32_t i = dispatcher->scope_index; i < table->count; i++) {
        if (pc < table->scopes[i].begin || pc >= table->scopes[i].end ||
            table->scopes[i].target == 0)
            continue;
        int32_t answer = EXECUTE_HANDLER;
        if (table->scopes[i].handler != 1) {
            filter_fn *filter = (filter_fn *)(uintptr_t)(base + table->scopes[i].handler);
            answer = filter(&pointers, establisher);
        }
        if (answer < 0)
            return CONTINUE_EXECUTION;
        if (answer > 0)
            unwind_to(context, establisher, base + table->scopes[i].target, record, record->code);
    }
    return CONTINUE_SEARCH;
}

static int32_t
unwind_scopes(const struct scope_table *table, const struct nt_exception_record *record,
              uint64_t establisher, struct dispatcher_context *dispatcher)
{
    uint64_t base = dispatcher->image_base, pc = dispatcher->control_pc - base,
             target = dispatcher->target_ip - base;
    bool last = record->flags & NT_EXCEPTION_TARGET_UNWIND;

    for (uint32_t i = dispatcher->scope_index; i < table->count; i++) {
        if (pc < table->scopes[i].begin || pc >= table->scopes[i].end)
            continue;
        /* A jump inside the block: what encloses both ends stays in force. */
        if (last && target >= table->scopes[i].begin && target < table->scopes[i].end)
            break;
        if (table->scopes[i].target == 0) {
            dispatcher->scope_index = i + 1; /* the block may itself raise */
            finally_fn *block = (finally_fn *)(uintptr_t)(base + table->scopes[i].handler);
            block(1, establisher);
        } else if (last && target == table->scopes[i].target) {
            break;
        }
    }
    return CONTINUE_SEARCH;
}

/**
 * The language handler of C's __try blocks.
 *
 * @return EXCEPTION_DISPOSITION
 *
 * IRQL: any.
 */
NTAPI int32_t
__C_specific_handler(struct nt_exception_record *record, uint64_t establisher,
                     struct nt_context *context, struct dispatcher_context *dispatcher)
{
    const struct scope_table *table = dispatcher->handler_data;
    const struct nt_image *image = windows_image(dispatcher->image_base);
    uint64_t offset = (uint64_t)(uintptr_t)table - dispatcher->image_base;
    if (!image || offset + 4 > image->size || (image->size - offset - 4) / 16 < table->count)
        return CONTINUE_SEARCH;
    if (record->flags & (NT_EXCEPTION_UNWINDING | NT_EXCEPTION_EXIT_UNWIND))
        return unwind_scopes(table, record, establisher, dispatcher);
    return search_scopes(table, record, establisher, context, dispatcher);
}

static _Noreturn void
raise_code(struct nt_context *context, const uint64_t *frame, uint32_t code)
{
    nt_seh_step_out(context, frame);
    struct nt_exception_record record = {
        .code = code,
        .flags = NT_EXCEPTION_NONCONTINUABLE,
        .address = (void *)(uintptr_t)context->rip,
    };
    nt_seh_raise(&record, context);
}

/* ExRaiseStatus(status), RtlRaiseStatus(status) */
NTAPI void
nt_seh_raise_status_body(struct nt_context *context, uint64_t *frame)
{
    raise_code(context, frame, (uint32_t)frame[1]);
}

NTAPI void
nt_seh_raise_access_body(struct nt_context *context, uint64_t *frame)
{
    raise_code(context, frame, (uint32_t)NT_SEH_ACCESS_VIOLATION);
}

NTAPI void
nt_seh_raise_misaligned_body(struct nt_context *context, uint64_t *frame)
{
    raise_code(context, frame, 0x80000002u);
}

/* RtlRaiseException(record): continuable, so a filter may say "go on". */
NTAPI void
nt_seh_raise_exception_body(struct nt_context *context, uint64_t *frame)
{
    struct nt_exception_record *record = (struct nt_exception_record *)(uintptr_t)frame[1];
    nt_seh_step_out(context, frame);
    record->address = (void *)(uintptr_t)context->rip;
    nt_seh_raise(record, context);
}

/* RtlUnwind(frame, ip, record, value), RtlUnwindEx(... context, history): its own frame is the
 * start */
NTAPI void
nt_seh_unwind_body(struct nt_context *context, uint64_t *frame)
{
    nt_seh_step_out(context, frame);
    unwind_to(context, frame[1], frame[2], (struct nt_exception_record *)(uintptr_t)frame[3],
              frame[4]);
}

/* _local_unwind(frame, ip): a goto or return out of a __try block */
NTAPI void
nt_seh_local_unwind_body(struct nt_context *context, uint64_t *frame)
{
    nt_seh_step_out(context, frame);
    unwind_to(context, frame[1], frame[2], NULL, 0);
}

/**
 * The .pdata entry of @p pc.
 *
 * @param history  a cache; not used
 * @return NULL for a leaf function or code that is no image's
 *
 * IRQL: any. Ref: win32 winnt/nf-winnt-rtllookupfunctionentry
 */
NTAPI const struct pe_runtime_function *
RtlLookupFunctionEntry(uint64_t pc, uint64_t *ret_base, void *history)
{
    const struct nt_image *image = windows_image(pc);
    *ret_base = image ? (uint64_t)(uintptr_t)image->base : 0;
    return image ? nt_seh_unwind_find(image, pc) : NULL;
}

/**
 * Undo one frame.
 *
 * @param type      UNW_FLAG_*: which handler to return
 * @param pointers  where registers were found; not written
 * @return the language handler, or NULL
 *
 * IRQL: any. Ref: win32 winnt/nf-winnt-rtlvirtualunwind
 */
NTAPI void *
RtlVirtualUnwind(uint32_t type, uint64_t base, uint64_t pc,
                 const struct pe_runtime_function *function, struct nt_context *context,
                 const void **ret_handler_data, uint64_t *ret_establisher, void *pointers)
{
    const struct nt_image *image = windows_image(base);
    struct nt_seh_frame frame = {0};
    context->rip = pc;
    if (!image || !nt_seh_unwind_step(image, function, type, context, &frame)) {
        context->rip = 0; /* the end of the stack */
        return NULL;
    }
    *ret_handler_data = frame.handler_data;
    *ret_establisher = frame.establisher;
    return frame.handler;
}

/**
 * The base of the image that contains @p pc, or NULL.
 *
 * IRQL: any. Ref: win32 winnt/nf-winnt-rtlpctofileheader
 */
NTAPI void *
RtlPcToFileHeader(void *pc, void **ret_base)
{
    const struct nt_image *image = nt_image_find(pc);
    *ret_base = image ? image->base : NULL;
    return *ret_base;
}
