/*
 * Tables of objects: two open-addressing indexes, by key and by run-time id, over pooled entries.
 *
 * Model      The indexes (base/index.h) hold the entries' numbers + 1. They have no tombstones, so a
 *            removed entry can always be put back without growing.
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
        return entry->filter->extra->provider_key;
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

static struct wfp_bfe_entry *
entry_at(const struct wfp_bfe_table *table, uint32_t slot)
{
    uint32_t number = slot - 1;

    return &table->pool
                ->chunks[number / WFP_BFE_ENTRIES_PER_CHUNK][number % WFP_BFE_ENTRIES_PER_CHUNK];
}

static uint32_t
hash_by_key(const void *table, uint32_t slot)
{
    return hash_key(wfp_bfe_entry_key(entry_at(table, slot)));
}

static uint32_t
hash_by_id(const void *table, uint32_t slot)
{
    return hash_id(wfp_bfe_entry_id(entry_at(table, slot)));
}

struct wfp_bfe_entry *
wfp_bfe_table_find_key(const struct wfp_bfe_table *table, const struct wfp_guid *key)
{
    struct wfp_index_probe probe = wfp_index_probe(&table->by_key, hash_key(key));
    uint32_t slot;

    while ((slot = wfp_index_next(&probe)))
        if (wfp_guid_equal(wfp_bfe_entry_key(entry_at(table, slot)), key))
            return entry_at(table, slot);
    return NULL;
}

struct wfp_bfe_entry *
wfp_bfe_table_find_id(const struct wfp_bfe_table *table, uint64_t id)
{
    struct wfp_index_probe probe = wfp_index_probe(&table->by_id, hash_id(id));
    uint32_t slot;

    while ((slot = wfp_index_next(&probe)))
        if (wfp_bfe_entry_id(entry_at(table, slot)) == id)
            return entry_at(table, slot);
    return NULL;
}

int
wfp_bfe_table_reserve(struct wfp_bfe_table *table)
{
    return wfp_index_reserve(&table->by_key, 1, hash_by_key, table) &&
                   wfp_index_reserve(&table->by_id, 1, hash_by_id, table)
               ? 0
               : -WFP_ERR_NO_MEMORY;
}

void
wfp_bfe_table_insert(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry)
{
    wfp_index_insert(&table->by_key, entry->number + 1, hash_by_key, table);
    wfp_index_insert(&table->by_id, entry->number + 1, hash_by_id, table);
}

void
wfp_bfe_table_remove(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry)
{
    wfp_index_remove(&table->by_key, entry->number + 1, hash_by_key, table);
    wfp_index_remove(&table->by_id, entry->number + 1, hash_by_id, table);
}

struct wfp_bfe_entry *
wfp_bfe_table_next(const struct wfp_bfe_table *table, uint32_t *position)
{
    while (*position < wfp_index_extent(&table->by_id)) {
        uint32_t slot = wfp_index_at(&table->by_id, (*position)++);
        if (slot)
            return entry_at(table, slot);
    }
    return NULL;
}

void
wfp_bfe_table_fini(struct wfp_bfe_table *table)
{
    wfp_index_fini(&table->by_key);
    wfp_index_fini(&table->by_id);
    memset(table, 0, sizeof(*table));
}

/* Another chunk of entries, all free, the lowest number first. */
static int
grow(struct wfp_bfe_pool *pool)
{
    struct wfp_bfe_entry **chunks, *chunk;

    chunks =
        realloc(pool->chunks, (pool->chunk_count + (size_t)1) * sizeof(struct wfp_bfe_entry *));
    if (!chunks)
        return -WFP_ERR_NO_MEMORY;
    pool->chunks = chunks;
    chunk = calloc(WFP_BFE_ENTRIES_PER_CHUNK, sizeof(*chunk));
    if (!chunk)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = WFP_BFE_ENTRIES_PER_CHUNK; i-- > 0;) {
        chunk[i].number = pool->chunk_count * WFP_BFE_ENTRIES_PER_CHUNK + i;
        chunk[i].next_free = pool->free;
        pool->free = &chunk[i];
    }
    pool->chunks[pool->chunk_count++] = chunk;
    return 0;
}

void
wfp_bfe_pool_fini(struct wfp_bfe_pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++)
        free(pool->chunks[i]);
    free(pool->chunks);
    memset(pool, 0, sizeof(*pool));
}

struct wfp_bfe_entry *
wfp_bfe_entry_new(struct wfp_bfe *bfe)
{
    struct wfp_bfe_entry *entry;

    if (!bfe->pool.free && grow(&bfe->pool) < 0)
        return NULL;
    entry = bfe->pool.free;
    bfe->pool.free = entry->next_free;
    *entry = (struct wfp_bfe_entry){.number = entry->number};
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
    entry->next_free = bfe->pool.free;
    bfe->pool.free = entry;
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
        [WFP_BFE_ENDPOINT] = -WFP_ERR_NOT_FOUND,
    };
    return errors[kind];
}
