/*
 * Tables of objects: two open-addressing indexes, by key and by run-time id, over pooled entries.
 *
 * Model      Linear probing, at most three quarters full; removal shifts the cluster back, so there
 *            are no tombstones and a removed entry can always be put back without growing.
 */
#include "policy/bfe/bfe_internal.h"

const struct wfp_guid *
wfp_bfe_entry_key(const struct wfp_bfe_entry *entry)
{
    return entry->kind == WFP_BFE_FILTER ? &entry->filter->key : &entry->object->key;
}

uint64_t
wfp_bfe_entry_id(const struct wfp_bfe_entry *entry)
{
    return entry->kind == WFP_BFE_FILTER ? entry->filter->id : entry->object->id;
}

const struct wfp_guid *
wfp_bfe_entry_provider(const struct wfp_bfe_entry *entry)
{
    if (entry->kind == WFP_BFE_FILTER)
        return entry->filter->has_provider ? &entry->filter->provider_key : NULL;
    return entry->object->has_provider ? &entry->object->provider_key : NULL;
}

static uint32_t
hash_id(uint64_t id)
{
    return (uint32_t)((id * 0x9E3779B97F4A7C15ull) >> 32);
}

static uint32_t
hash_key(const struct wfp_guid *key)
{
    return hash_id(wfp_guid_hash(key));
}

struct wfp_bfe_entry *
wfp_bfe_table_find_key(const struct wfp_bfe_table *table, const struct wfp_guid *key)
{
    uint32_t mask = table->capacity - 1;

    if (!table->capacity)
        return NULL;
    for (uint32_t i = hash_key(key) & mask; table->by_key[i]; i = (i + 1) & mask)
        if (wfp_guid_equal(wfp_bfe_entry_key(table->by_key[i]), key))
            return table->by_key[i];
    return NULL;
}

struct wfp_bfe_entry *
wfp_bfe_table_find_id(const struct wfp_bfe_table *table, uint64_t id)
{
    uint32_t mask = table->capacity - 1;

    if (!table->capacity)
        return NULL;
    for (uint32_t i = hash_id(id) & mask; table->by_id[i]; i = (i + 1) & mask)
        if (wfp_bfe_entry_id(table->by_id[i]) == id)
            return table->by_id[i];
    return NULL;
}

static void
put(struct wfp_bfe_entry **slots, uint32_t mask, uint32_t hash, struct wfp_bfe_entry *entry)
{
    uint32_t i = hash & mask;

    while (slots[i])
        i = (i + 1) & mask;
    slots[i] = entry;
}

static uint32_t
home_of(const struct wfp_bfe_entry *entry, bool by_key)
{
    return by_key ? hash_key(wfp_bfe_entry_key(entry)) : hash_id(wfp_bfe_entry_id(entry));
}

/* Close the gap at @p gap: move back every later one of the cluster that may sit there. */
static void
take(struct wfp_bfe_entry **slots, uint32_t mask, const struct wfp_bfe_entry *entry, bool by_key)
{
    uint32_t gap = home_of(entry, by_key) & mask;

    while (slots[gap] != entry)
        gap = (gap + 1) & mask;
    for (uint32_t i = (gap + 1) & mask; slots[i]; i = (i + 1) & mask) {
        uint32_t home = home_of(slots[i], by_key) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            slots[gap] = slots[i];
            gap = i;
        }
    }
    slots[gap] = NULL;
}

int
wfp_bfe_table_reserve(struct wfp_bfe_table *table)
{
    uint32_t capacity = table->capacity ? 2 * table->capacity : 32;
    struct wfp_bfe_entry **by_key, **by_id;

    if ((uint64_t)4 * (table->count + 1) <= (uint64_t)3 * table->capacity)
        return 0;
    if (table->capacity > UINT32_MAX / 4)
        return -WFP_ERR_NO_MEMORY;
    by_key = calloc(capacity, sizeof(struct wfp_bfe_entry *));
    by_id = calloc(capacity, sizeof(struct wfp_bfe_entry *));
    if (!by_key || !by_id) {
        free(by_key);
        free(by_id);
        return -WFP_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->by_key[i])
            put(by_key, capacity - 1, home_of(table->by_key[i], true), table->by_key[i]);
        if (table->by_id[i])
            put(by_id, capacity - 1, home_of(table->by_id[i], false), table->by_id[i]);
    }
    free(table->by_key);
    free(table->by_id);
    table->by_key = by_key;
    table->by_id = by_id;
    table->capacity = capacity;
    return 0;
}

void
wfp_bfe_table_insert(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry)
{
    assert(table->count < table->capacity);
    put(table->by_key, table->capacity - 1, home_of(entry, true), entry);
    put(table->by_id, table->capacity - 1, home_of(entry, false), entry);
    table->count++;
}

void
wfp_bfe_table_remove(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry)
{
    take(table->by_key, table->capacity - 1, entry, true);
    take(table->by_id, table->capacity - 1, entry, false);
    table->count--;
}

struct wfp_bfe_entry *
wfp_bfe_table_next(const struct wfp_bfe_table *table, uint32_t *position)
{
    while (*position < table->capacity) {
        struct wfp_bfe_entry *entry = table->by_id[(*position)++];
        if (entry)
            return entry;
    }
    return NULL;
}

void
wfp_bfe_table_fini(struct wfp_bfe_table *table)
{
    free(table->by_key);
    free(table->by_id);
    memset(table, 0, sizeof(*table));
}

struct wfp_bfe_entry *
wfp_bfe_entry_new(struct wfp_bfe *bfe)
{
    struct wfp_bfe_entry *entry;

    if (!bfe->free_entries) {
        struct wfp_bfe_chunk *chunk = malloc(sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->next = bfe->chunks;
        bfe->chunks = chunk;
        for (size_t i = ELEMENTSOF(chunk->entries); i-- > 0;) {
            chunk->entries[i].next_free = bfe->free_entries;
            bfe->free_entries = &chunk->entries[i];
        }
    }
    entry = bfe->free_entries;
    bfe->free_entries = entry->next_free;
    memset(entry, 0, sizeof(*entry));
    return entry;
}

void
wfp_bfe_entry_free(struct wfp_bfe *bfe, struct wfp_bfe_entry *entry)
{
    if (entry->kind == WFP_BFE_FILTER)
        wfp_filter_unref(entry->filter);
    else
        wfp_bfe_object_unref(entry->object);
    wfp_bfe_sd_unref(entry->sd);
    entry->next_free = bfe->free_entries;
    bfe->free_entries = entry;
}

int
wfp_bfe_not_found(enum wfp_bfe_kind kind)
{
    static const int errors[WFP_BFE_KIND_COUNT] = {
        [WFP_BFE_PROVIDER] = -WFP_ERR_PROVIDER_NOT_FOUND,
        [WFP_BFE_CONTEXT] = -WFP_ERR_PROVIDER_CONTEXT_NOT_FOUND,
        [WFP_BFE_SUBLAYER] = -WFP_ERR_SUBLAYER_NOT_FOUND,
        [WFP_BFE_CALLOUT] = -WFP_ERR_CALLOUT_NOT_FOUND,
        [WFP_BFE_FILTER] = -WFP_ERR_FILTER_NOT_FOUND,
        [WFP_BFE_LAYER] = -WFP_ERR_LAYER_NOT_FOUND,
        [WFP_BFE_SESSION] = -WFP_ERR_NOT_FOUND,
        [WFP_BFE_EVENT] = -WFP_ERR_NOT_FOUND,
        [WFP_BFE_CONNECTION] = -WFP_ERR_NOT_FOUND,
        [WFP_BFE_VSWITCH_EVENT] = -WFP_ERR_NOT_FOUND,
    };
    return errors[kind];
}
