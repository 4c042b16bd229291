/*
 * One allocation for a structure and all it points to, so that FwpmFreeMemory0 frees it whole.
 *
 * Model      A writer runs twice: first to count, with no memory behind it, then to fill. It asks for
 *            each part with wfp_fwpm_arena_take(); while counting it gets NULL and must skip the write.
 */
#ifndef WFP_POLICY_FWPM_FWPM_ARENA_H
#define WFP_POLICY_FWPM_FWPM_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct wfp_fwpm_arena {
    uint8_t *memory; /* NULL while counting */
    size_t used;
};

/** The next @p size bytes, aligned to 8; NULL while counting and for no bytes. */
void *wfp_fwpm_arena_take(struct wfp_fwpm_arena *arena, size_t size);
/** The same with a copy of @p bytes in it. NULL gives NULL. */
void *wfp_fwpm_arena_copy(struct wfp_fwpm_arena *arena, const void *bytes, size_t size);
uint16_t *wfp_fwpm_arena_string(struct wfp_fwpm_arena *arena, const uint16_t *text_utf16);

/** Writes @p item as a Windows structure at @p out, parts of it into @p arena. */
typedef void wfp_fwpm_writer(struct wfp_fwpm_arena *arena, void *out, const void *item);

/** The largest structure a writer may be given: scratch space while counting. */
#define WFP_FWPM_STRUCT_MAX 512

/** One structure of @p size. @return 0 or -WFP_ERR_NO_MEMORY; free() frees it */
int wfp_fwpm_arena_build(wfp_fwpm_writer *write, const void *item, size_t size, void **ret_struct);
/** An array of pointers to @p count structures and they themselves. */
int wfp_fwpm_arena_build_array(wfp_fwpm_writer *write, void *const *items, uint32_t count,
                               size_t size, void **ret_array);

#endif
