/*
 * Slots: what the engine keeps per filter at run time, named by a small number in the image.
 *
 * Model      A slot holds the filter, the version of the policy that removed it, and its counts. A
 *            removed filter may still stand in a segment: readers skip it by version, so that
 *            removal touches no image. An index from filter id to slot serves writers and reports.
 * Lifetime   A slot lives while a segment names it. The filter's reference goes as soon as no
 *            reader of an older version is left.
 * Locks      Everything but the reading of slots in classify: the engine's mutex.
 */
#ifndef WFP_CORE_ENGINE_SLOT_H
#define WFP_CORE_ENGINE_SLOT_H

#include <stdatomic.h>

#include "base/index.h"
#include "base/macros.h"
#include "core/model/filter.h"

#define WFP_SLOT_CHUNK  1024u
#define WFP_SLOT_CHUNKS 8192u

struct wfp_slot {
    struct wfp_filter *filter;
    atomic_uint_least64_t removed_in; /* version that has it no more */
    atomic_uint_least64_t matched, blocked;
    uint32_t segments; /* that name it */
    uint32_t mark;     /* the commit that last saw it; or the next free slot */
};

struct wfp_slot_table {
    struct wfp_slot *chunks[WFP_SLOT_CHUNKS]; /* never move */
    uint32_t chunk_count;
    uint32_t free;          /* first free slot, 0 none */
    struct wfp_index index; /* by filter id: those in force */
};

static inline struct wfp_slot *
wfp_slot_get(const struct wfp_slot_table *table, uint32_t number)
{
    return &table->chunks[number / WFP_SLOT_CHUNK][number % WFP_SLOT_CHUNK];
}

void wfp_slot_table_fini(struct wfp_slot_table *table);
/**
 * Room in the index for @p extra more filters. Do it before anything is forgotten, so that what a
 * failed commit forgot can be remembered without memory.
 */
bool wfp_slot_reserve(struct wfp_slot_table *table, uint32_t extra);
/**
 * A slot for @p filter, for which room was reserved; it gets a reference and is entered in the index.
 * @return its number, or 0 when memory is out
 */
uint32_t wfp_slot_add(struct wfp_slot_table *table, struct wfp_filter *filter);
/** The slot of a filter in force, or 0. */
uint32_t wfp_slot_find(const struct wfp_slot_table *table, uint64_t filter_id);
/** Take it out of the index: its filter is in force no more. */
void wfp_slot_forget(struct wfp_slot_table *table, uint32_t number);
/** Undo that; needs no memory. */
void wfp_slot_remember(struct wfp_slot_table *table, uint32_t number);
/** No reader is left that may see the filter. */
void wfp_slot_drop_filter(struct wfp_slot_table *table, uint32_t number);
/** No segment names it any more. */
void wfp_slot_free(struct wfp_slot_table *table, uint32_t number);

#endif
