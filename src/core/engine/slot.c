/*
 * The table of slots and its index by filter id.
 */
#include "core/engine/slot.h"

#include <string.h>

#define DELETED UINT32_MAX

void
wfp_slot_table_fini(struct wfp_slot_table *table)
{
    for (uint32_t c = 0; c < table->chunk_count; c++) {
        for (uint32_t i = 0; i < WFP_SLOT_CHUNK; i++)
            wfp_filter_unref(table->chunks[c][i].filter);
        free(table->chunks[c]);
    }
    free(table->index);
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
position(const struct wfp_slot_table *table, uint64_t filter_id)
{
    uint64_t hash = filter_id * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(hash >> 32) & (table->index_size - 1);
}

static void
index_put(struct wfp_slot_table *table, uint64_t filter_id, uint32_t number)
{
    uint32_t i = position(table, filter_id);

    while (table->index[i] != 0 && table->index[i] != DELETED)
        i = (i + 1) & (table->index_size - 1);
    table->index_used += table->index[i] == 0;
    table->index[i] = number;
}

bool
wfp_slot_reserve(struct wfp_slot_table *table, uint32_t extra)
{
    uint32_t *old = table->index, old_size = table->index_size, size = 64;

    if (5 * ((uint64_t)table->index_used + extra + 1) <= 4 * (uint64_t)table->index_size)
        return true;
    while (100 * ((uint64_t)table->count + extra + 1) > 78 * (uint64_t)size)
        size *= 2;
    table->index = calloc(size, sizeof(table->index[0]));
    if (!table->index) {
        table->index = old;
        return false;
    }
    table->index_size = size;
    table->index_used = 0;
    for (uint32_t i = 0; i < old_size; i++)
        if (wfp_slot_is_number(old[i]))
            index_put(table, wfp_slot_get(table, old[i])->filter->id, old[i]);
    free(old);
    return true;
}

uint32_t
wfp_slot_add(struct wfp_slot_table *table, struct wfp_filter *filter)
{
    uint32_t number;
    struct wfp_slot *slot;

    assert(table->index_used < table->index_size); /* reserved */
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
    index_put(table, filter->id, number);
    table->count++;
    return number;
}

static uint32_t
index_find(const struct wfp_slot_table *table, uint64_t filter_id)
{
    if (!table->index_size)
        return UINT32_MAX;
    for (uint32_t i = position(table, filter_id); table->index[i];
         i = (i + 1) & (table->index_size - 1))
        if (table->index[i] != DELETED &&
            wfp_slot_get(table, table->index[i])->filter->id == filter_id)
            return i;
    return UINT32_MAX;
}

uint32_t
wfp_slot_find(const struct wfp_slot_table *table, uint64_t filter_id)
{
    uint32_t i = index_find(table, filter_id);
    return i == UINT32_MAX ? 0 : table->index[i];
}

void
wfp_slot_forget(struct wfp_slot_table *table, uint32_t number)
{
    uint32_t i = index_find(table, wfp_slot_get(table, number)->filter->id);

    assert(i != UINT32_MAX && table->index[i] == number);
    table->index[i] = DELETED;
    table->count--;
}

void
wfp_slot_remember(struct wfp_slot_table *table, uint32_t number)
{
    index_put(table, wfp_slot_get(table, number)->filter->id, number);
    table->count++;
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
