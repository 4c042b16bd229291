/*
 * Count, allocate, fill.
 */
#include "policy/fwpm/fwpm_arena.h"

#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "base/utf16.h"

void *
wfp_fwpm_arena_take(struct wfp_fwpm_arena *arena, size_t size)
{
    void *part = arena->memory && size ? arena->memory + arena->used : NULL;

    arena->used += ALIGN_UP(size, 8);
    return part;
}

void *
wfp_fwpm_arena_copy(struct wfp_fwpm_arena *arena, const void *bytes, size_t size)
{
    void *copy = bytes ? wfp_fwpm_arena_take(arena, size) : NULL;

    return copy ? memcpy(copy, bytes, size) : NULL;
}

uint16_t *
wfp_fwpm_arena_string(struct wfp_fwpm_arena *arena, const uint16_t *text_utf16)
{
    return text_utf16
               ? wfp_fwpm_arena_copy(arena, text_utf16, 2 * (wfp_utf16_length(text_utf16) + 1))
               : NULL;
}

static void
write_all(struct wfp_fwpm_arena *arena, wfp_fwpm_writer *write, void *const *items, uint32_t count,
          size_t size, void **array)
{
    union {
        uint64_t alignment;
        uint8_t bytes[WFP_FWPM_STRUCT_MAX];
    } scratch;

    assert(size <= sizeof(scratch));
    for (uint32_t i = 0; i < count; i++) {
        void *out = wfp_fwpm_arena_take(arena, size);
        if (array)
            array[i] = out;
        if (!out)
            out = &scratch;
        memset(out, 0, size);
        write(arena, out, items[i]);
    }
}

int
wfp_fwpm_arena_build_array(wfp_fwpm_writer *write, void *const *items, uint32_t count, size_t size,
                           void **ret_array)
{
    size_t array_size = MAX(count, 1u) * sizeof(void *);
    struct wfp_fwpm_arena arena = {0};

    wfp_fwpm_arena_take(&arena, array_size);
    write_all(&arena, write, items, count, size, NULL);
    arena.memory = malloc(arena.used);
    if (!arena.memory)
        return -WFP_ERR_NO_MEMORY;
    arena.used = 0;
    *ret_array = wfp_fwpm_arena_take(&arena, array_size);
    memset(*ret_array, 0, array_size);
    write_all(&arena, write, items, count, size, *ret_array);
    return 0;
}

int
wfp_fwpm_arena_build(wfp_fwpm_writer *write, const void *item, size_t size, void **ret_struct)
{
    struct wfp_fwpm_arena arena = {0};
    void *items[] = {(void *)(uintptr_t)item}, *built = NULL;

    write_all(&arena, write, items, 1, size, NULL);
    arena.memory = malloc(arena.used);
    if (!arena.memory)
        return -WFP_ERR_NO_MEMORY;
    arena.used = 0;
    write_all(&arena, write, items, 1, size, &built);
    *ret_struct = built;
    return 0;
}
