/*
 * The table of slots and its index by filter id.
 */
#include "core/engine/slot.h"

#include <string.h>

void
wfp_slot_table_fini(struct wfp_slot_table *table)
{
    for (uint32_t c = 0; c < table->chunk_count; c++) {
        for (uint32_t i = 0; i < WFP_SLOT_CHUNK; i++)
            wfp_filter_unref(table->chunks[c][i].filter);
        free(table->chunks[c]);
    }
    wfp_index_fini(&table->index);
    memset(table, 0, sizeof(*table));
}

static bool
add_chunk(struct wfp_slot_table *table)
{
    uint32_t first = table->chunk_count * WFP_SLOT_CHUNK;
    struct wfp_slot *chunk;

    if (table->chunk_count == WFP_SLOT_CHUNKS)
        return false;
    chunk = calloc(WFP_SLOT_CHUNK, sizeof(*chunk));
    if (!chunk)
        return false;
    table->chunks[table->chunk_count++] = chunk;
    for (uint32_t i = WFP_SLOT_CHUNK; i-- > 0;) {
        if (first + i == 0)
            continue; /* number 0 means none */
        chunk[i].mark = table->free;
        table->free = first + i;
    }
    return true;
}

static uint32_t
hash_id(uint64_t filter_id)
{
    return (uint32_t)(filter_id * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static uint32_t
hash_of(const void *table, uint32_t number)
{
    return hash_id(wfp_slot_get(table, number)->filter->id);
}

bool
wfp_slot_reserve(struct wfp_slot_table *table, uint32_t extra)
{
    return wfp_index_reserve(&table->index, extra, hash_of, table);
}

uint32_t
wfp_slot_add(struct wfp_slot_table *table, struct wfp_filter *filter)
{
    uint32_t number;
    struct wfp_slot *slot;

    if (!table->free && !add_chunk(table))
        return 0;
    number = table->free;
    slot = wfp_slot_get(table, number);
    table->free = slot->mark;
    slot->filter = wfp_filter_ref(filter);
    atomic_init(&slot->removed_in, UINT64_MAX);
    atomic_init(&slot->matched, 0);
    atomic_init(&slot->blocked, 0);
    slot->segments = 0;
    slot->mark = 0;
    wfp_index_insert(&table->index, number, hash_of, table);
    return number;
}

uint32_t
wfp_slot_find(const struct wfp_slot_table *table, uint64_t filter_id)
{
    struct wfp_index_probe probe = wfp_index_probe(&table->index, hash_id(filter_id));
    uint32_t number;

    while ((number = wfp_index_next(&probe)))
        if (wfp_slot_get(table, number)->filter->id == filter_id)
            return number;
    return 0;
}

void
wfp_slot_forget(struct wfp_slot_table *table, uint32_t number)
{
    wfp_index_remove(&table->index, number, hash_of, table);
}

void
wfp_slot_remember(struct wfp_slot_table *table, uint32_t number)
{
    wfp_index_insert(&table->index, number, hash_of, table);
}

void
wfp_slot_drop_filter(struct wfp_slot_table *table, uint32_t number)
{
    struct wfp_slot *slot = wfp_slot_get(table, number);
    wfp_filter_unref(slot->filter);
    slot->filter = NULL;
}

void
wfp_slot_free(struct wfp_slot_table *table, uint32_t number)
{
    struct wfp_slot *slot = wfp_slot_get(table, number);

    wfp_filter_unref(slot->filter);
    slot->filter = NULL;
    slot->mark = table->free;
    table->free = number;
}
