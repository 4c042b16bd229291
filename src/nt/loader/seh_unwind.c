/*
 * Virtual unwind: unwind codes, epilogues, chained entries.
 *
 * The image's bytes are foreign: every offset is checked against the image, every stack read
 * against the thread's stack.
 */
#include "nt/loader/seh_unwind.h"

#include <pthread.h>
#include <string.h>

#include "nt/loader/image_internal.h"

enum unwind_op {
    PUSH_NONVOL,
    ALLOC_LARGE,
    ALLOC_SMALL,
    SET_FPREG,
    SAVE_NONVOL,
    SAVE_NONVOL_FAR,
    EPILOG, /* version 2: where epilogues are; we recognise them by their code */
    SPARE,
    SAVE_XMM128,
    SAVE_XMM128_FAR,
    PUSH_MACHFRAME,
};

enum { MAX_CHAIN = 32, CHECK_EPILOGUE_BYTES = 64 };

struct unwind_info {
    uint8_t version_flags, prolog_size, code_count, frame;
    uint8_t codes[][2]; /* offset in the prologue; op 4, info 4 */
};

bool
nt_seh_unwind_on_stack(uint64_t address, size_t size)
{
    static __thread uint64_t low, high;
    if (!high) {
        pthread_attr_t attributes;
        void *base;
        size_t length;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
            return false;
        if (pthread_attr_getstack(&attributes, &base, &length) == 0) {
            low = (uint64_t)(uintptr_t)base;
            high = low + length;
        }
        pthread_attr_destroy(&attributes);
    }
    return address >= low && address <= high && size <= high - address;
}

/* Frames are read where variables of ours may lie between: no red zones here. */
__attribute__((no_sanitize("address"))) static bool
load(uint64_t address, void *to, size_t size)
{
    if (!nt_seh_unwind_on_stack(address, size))
        return false;
    for (size_t i = 0; i < size; i++)
        ((volatile uint8_t *)to)[i] = ((const volatile uint8_t *)(uintptr_t)address)[i];
    return true;
}

static bool
pop(struct nt_context *context, uint64_t *ret_value)
{
    uint64_t value;
    if (!load(context->gpr[NT_RSP], &value, 8))
        return false;
    context->gpr[NT_RSP] += 8;
    *ret_value = value;
    return true;
}

const struct pe_runtime_function *
nt_seh_unwind_find(const struct nt_image *image, uint64_t pc)
{
    const struct pe_runtime_function *table = (const void *)(image->base + image->pdata_offset);
    uint32_t rva = (uint32_t)(pc - (uint64_t)(uintptr_t)image->base);
    size_t low = 0, high = image->kind == NT_IMAGE_SYS ? image->pdata_count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rva < table[middle].begin_rva)
            high = middle;
        else if (rva >= table[middle].end_rva)
            low = middle + 1;
        else
            return &table[middle];
    }
    return NULL;
}

/* The whole unwind information at @p rva, or NULL where it does not fit the image. */
static const struct unwind_info *
info_at(const struct nt_image *image, uint32_t rva)
{
    if (rva % 4 != 0 || rva + 4ull > image->size)
        return NULL;
    const struct unwind_info *info = (const void *)(image->base + rva);
    /* the codes, rounded to pairs, then at least a handler's address or a chained entry */
    if (rva + 4ull + ((info->code_count + 1u) & ~1u) * 2ull + 12 > image->size)
        return NULL;
    return info;
}

static uint32_t
operand(const struct unwind_info *info, unsigned index, unsigned words)
{
    uint32_t value = 0;
    if (index + words <= info->code_count)
        memcpy(&value, info->codes[index], words * 2);
    return value;
}

/* How many 16-bit slots an operation takes. */
static unsigned
slots(unsigned op, unsigned detail)
{
    static const uint8_t count[] = {1, 2, 1, 1, 2, 3, 1, 2, 2, 3, 1};
    if (op == ALLOC_LARGE && detail != 0)
        return 3;
    return op < ELEMENTSOF(count) ? count[op] : 1;
}

/* Undo one operation. @p frame: the stack pointer that saved registers count from. */
static bool
undo(const struct unwind_info *info, unsigned at, uint64_t frame, struct nt_context *context,
     bool *machine_frame)
{
    unsigned op = info->codes[at][1] & 15, detail = info->codes[at][1] >> 4;
    uint64_t *rsp = &context->gpr[NT_RSP], value;

    switch (op) {
    case PUSH_NONVOL:
        if (!pop(context, &value))
            return false;
        context->gpr[detail] = value;
        return true;
    case ALLOC_LARGE:
        *rsp += detail == 0 ? operand(info, at + 1, 1) * 8ull : operand(info, at + 1, 2);
        return true;
    case ALLOC_SMALL:
        *rsp += detail * 8ull + 8;
        return true;
    case SET_FPREG:
        *rsp = context->gpr[info->frame & 15] - (info->frame >> 4) * 16ull;
        return true;
    case SAVE_NONVOL:
        return load(frame + operand(info, at + 1, 1) * 8ull, &context->gpr[detail], 8);
    case SAVE_NONVOL_FAR:
        return load(frame + operand(info, at + 1, 2), &context->gpr[detail], 8);
    case SAVE_XMM128:
        return load(frame + operand(info, at + 1, 1) * 16ull, &context->xmm[detail], 16);
    case SAVE_XMM128_FAR:
        return load(frame + operand(info, at + 1, 2), &context->xmm[detail], 16);
    case PUSH_MACHFRAME:
        *machine_frame = true;
        value = *rsp + (detail ? 8 : 0);
        return load(value, &context->rip, 8) && load(value + 24, rsp, 8);
    default:
        return op == EPILOG || op == SPARE;
    }
}

/* pop r64, with or without a REX prefix: its length and register, or 0. */
static unsigned
decode_pop(const uint8_t *code, unsigned *ret_register)
{
    if (code[0] >= 0x58 && code[0] <= 0x5F) {
        *ret_register = code[0] - 0x58;
        return 1;
    }
    if ((code[0] & 0xF8) == 0x48 || code[0] == 0x41) {
        if (code[1] >= 0x58 && code[1] <= 0x5F) {
            *ret_register = code[1] - 0x58u + (code[0] & 1) * 8u;
            return 2;
        }
    }
    return 0;
}

static bool
is_return_or_tail_call(const uint8_t *code, uint64_t pc, uint64_t begin, uint64_t end)
{
    if (code[0] == 0xC3 || code[0] == 0xC2 || (code[0] == 0xF3 && code[1] == 0xC3))
        return true;
    if (code[0] == 0xE9 || code[0] == 0xEB) { /* a jump out of the function */
        int32_t distance;
        memcpy(&distance, code + 1, 4);
        uint64_t target = code[0] == 0xE9 ? pc + 5 + (uint64_t)(int64_t)distance
                                          : pc + 2 + (uint64_t)(int64_t)(int8_t)code[1];
        return target < begin || target >= end;
    }
    return (code[0] == 0x48 && code[1] == 0xFF && (code[2] & 0x38) == 0x20) ||
           (code[0] == 0xFF && code[1] == 0x25);
}

/*
 * An epilogue is `add rsp, N` or `lea rsp, [frame + N]`, pops, and a return or tail call; no unwind
 * code describes it. If @p context stands in one, finish it.
 */
static bool
finish_epilogue(const struct nt_image *image, const struct pe_runtime_function *function,
                const struct unwind_info *info, struct nt_context *context)
{
    uint64_t base = (uint64_t)(uintptr_t)image->base, begin = base + function->begin_rva,
             end = base + function->end_rva;
    struct nt_context after = *context;
    uint64_t pc = context->rip;
    const uint8_t *code = (const uint8_t *)(uintptr_t)pc;
    unsigned at = 0, length, reg;

    if (end - pc > CHECK_EPILOGUE_BYTES)
        length = CHECK_EPILOGUE_BYTES;
    else
        length = (unsigned)(end - pc);
    uint8_t window[CHECK_EPILOGUE_BYTES + 16] = {0};
    memcpy(window, code, length);

    if (window[0] == 0x48 && window[1] == 0x83 && window[2] == 0xC4) { /* add rsp, imm8 */
        after.gpr[NT_RSP] += (uint64_t)(int64_t)(int8_t)window[3];
        at = 4;
    } else if (window[0] == 0x48 && window[1] == 0x81 && window[2] == 0xC4) {
        int32_t amount;
        memcpy(&amount, window + 3, 4);
        after.gpr[NT_RSP] += (uint64_t)(int64_t)amount;
        at = 7;
    } else if ((window[0] & 0xFE) == 0x48 && window[1] == 0x8D && (window[2] & 0x38) == 0x20 &&
               (info->frame & 15) &&
               ((window[2] & 7) | (window[0] & 1) << 3) == (info->frame & 15)) {
        int32_t amount = (int8_t)window[3];
        unsigned form = window[2] >> 6;
        if (form == 2)
            memcpy(&amount, window + 3, 4);
        if (form == 0)
            amount = 0;
        after.gpr[NT_RSP] = after.gpr[info->frame & 15] + (uint64_t)(int64_t)amount;
        at = form == 2 ? 7 : form == 1 ? 4 : 3;
    }
    while (at < length && (reg = 0, decode_pop(window + at, &reg)) != 0) {
        at += decode_pop(window + at, &reg);
        if (!pop(&after, &after.gpr[reg]))
            return false;
    }
    if (at >= length || !is_return_or_tail_call(window + at, pc + at, begin, end) ||
        !pop(&after, &after.rip))
        return false;
    *context = after;
    return true;
}

/* The frame that saved registers count from, and that handlers see. */
static uint64_t
establisher_frame(const struct unwind_info *info, uint32_t prolog_offset,
                  const struct nt_context *context)
{
    unsigned reg = info->frame & 15;
    if (reg == 0)
        return context->gpr[NT_RSP];
    if (prolog_offset < info->prolog_size) { /* the frame register may not be set yet */
        unsigned at = 0;
        while (at < info->code_count && (info->codes[at][1] & 15) != SET_FPREG)
            at += slots(info->codes[at][1] & 15, info->codes[at][1] >> 4);
        if (at >= info->code_count || prolog_offset < info->codes[at][0])
            return context->gpr[NT_RSP];
    }
    return context->gpr[reg] - (info->frame >> 4) * 16ull;
}

bool
nt_seh_unwind_step(const struct nt_image *image, const struct pe_runtime_function *function,
                   unsigned kind, struct nt_context *context, struct nt_seh_frame *ret_frame)
{
    struct nt_seh_frame result = {.establisher = context->gpr[NT_RSP]};
    struct pe_runtime_function entry;
    bool machine_frame = false, primary = true;

    if (!function) {
        *ret_frame = result;
        return pop(context, &context->rip);
    }
    entry = *function;
    uint32_t pc_rva = (uint32_t)(context->rip - (uint64_t)(uintptr_t)image->base);
    uint32_t prolog_offset = pc_rva - entry.begin_rva;
    for (unsigned depth = 0;; depth++) {
        if (depth == MAX_CHAIN)
            return false;
        if (entry.unwind_rva & 1) { /* refers to another entry of .pdata */
            uint32_t other = entry.unwind_rva & ~1u;
            if (other + sizeof(entry) > image->size)
                return false;
            memcpy(&entry, image->base + other, sizeof(entry));
            continue;
        }
        const struct unwind_info *info = info_at(image, entry.unwind_rva);
        if (!info)
            return false;
        unsigned flags = info->version_flags >> 3;
        if (primary) {
            result.establisher = establisher_frame(info, prolog_offset, context);
            if (prolog_offset >= info->prolog_size &&
                finish_epilogue(image, function, info, context)) {
                *ret_frame = result;
                return true;
            }
        }
        for (unsigned at = 0; at < info->code_count;
             at += slots(info->codes[at][1] & 15, info->codes[at][1] >> 4))
            if ((!primary || info->codes[at][0] <= prolog_offset) &&
                !undo(info, at, result.establisher, context, &machine_frame))
                return false;
        const uint8_t *tail = (const uint8_t *)info + 4 + ((info->code_count + 1u) & ~1u) * 2;
        if (flags & NT_UNWIND_CHAIN) {
            memcpy(&entry, tail, sizeof(entry));
            primary = false;
            continue;
        }
        if ((flags & kind) && (!primary || prolog_offset >= info->prolog_size)) {
            uint32_t handler;
            memcpy(&handler, tail, 4);
            if (handler >= image->size)
                return false;
            result.handler = image->base + handler;
            result.handler_data = tail + 4;
        }
        break;
    }
    *ret_frame = result;
    return machine_frame || pop(context, &context->rip);
}
