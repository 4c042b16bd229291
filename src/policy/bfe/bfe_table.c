/*
 * Tables of objects: two open-addressing indexes, by key and by run-time id, over pooled entries.
 *
 * Model      Slots are 32-bit numbers of entries. Linear probing, at most four fifths full; removal
 *            shifts the cluster back, so there are no tombstones and a removed entry can always be put
 *            back without growing.
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

struct wfp_bfe_entry *
wfp_bfe_table_find_key(const struct wfp_bfe_table *table, const struct wfp_guid *key)
{
    uint32_t mask = table->capacity - 1;

    if (!table->capacity)
        return NULL;
    for (uint32_t i = hash_key(key) & mask; table->by_key[i]; i = (i + 1) & mask) {
        struct wfp_bfe_entry *entry = entry_at(table, table->by_key[i]);
        if (wfp_guid_equal(wfp_bfe_entry_key(entry), key))
            return entry;
    }
    return NULL;
}

struct wfp_bfe_entry *
wfp_bfe_table_find_id(const struct wfp_bfe_table *table, uint64_t id)
{
    uint32_t mask = table->capacity - 1;

    if (!table->capacity)
        return NULL;
    for (uint32_t i = hash_id(id) & mask; table->by_id[i]; i = (i + 1) & mask) {
        struct wfp_bfe_entry *entry = entry_at(table, table->by_id[i]);
        if (wfp_bfe_entry_id(entry) == id)
            return entry;
    }
    return NULL;
}

static void
put(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t slot)
{
    uint32_t i = hash & mask;

    while (slots[i])
        i = (i + 1) & mask;
    slots[i] = slot;
}

static uint32_t
home_of(const struct wfp_bfe_entry *entry, bool by_key)
{
    return by_key ? hash_key(wfp_bfe_entry_key(entry)) : hash_id(wfp_bfe_entry_id(entry));
}

/* Close the gap that @p entry leaves: move back every later one of the cluster that may sit there. */
static void
take(const struct wfp_bfe_table *table, uint32_t *slots, const struct wfp_bfe_entry *entry,
     bool by_key)
{
    uint32_t mask = table->capacity - 1, gap = home_of(entry, by_key) & mask;

    while (slots[gap] != entry->number + 1)
        gap = (gap + 1) & mask;
    for (uint32_t i = (gap + 1) & mask; slots[i]; i = (i + 1) & mask) {
        uint32_t home = home_of(entry_at(table, slots[i]), by_key) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            slots[gap] = slots[i];
            gap = i;
        }
    }
    slots[gap] = 0;
}

static void
move_all(const struct wfp_bfe_table *table, const uint32_t *from, uint32_t *to, uint32_t mask,
         bool by_key)
{
    for (uint32_t i = 0; i < table->capacity; i++)
        if (from[i])
            put(to, mask, home_of(entry_at(table, from[i]), by_key), from[i]);
}

int
wfp_bfe_table_reserve(struct wfp_bfe_table *table)
{
    uint32_t capacity = table->capacity ? 2 * table->capacity : 32;
    uint32_t *by_key, *by_id;

    if ((uint64_t)5 * (table->count + 1) <= (uint64_t)4 * table->capacity)
        return 0;
    if (table->capacity > UINT32_MAX / 4)
        return -WFP_ERR_NO_MEMORY;
    by_key = calloc(capacity, sizeof(*by_key));
    by_id = calloc(capacity, sizeof(*by_id));
    if (!by_key || !by_id) {
        free(by_key);
        free(by_id);
        return -WFP_ERR_NO_MEMORY;
    }
    move_all(table, table->by_key, by_key, capacity - 1, true);
    move_all(table, table->by_id, by_id, capacity - 1, false);
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
    put(table->by_key, table->capacity - 1, home_of(entry, true), entry->number + 1);
    put(table->by_id, table->capacity - 1, home_of(entry, false), entry->number + 1);
    table->count++;
}

void
wfp_bfe_table_remove(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry)
{
    take(table, table->by_key, entry, true);
    take(table, table->by_id, entry, false);
    table->count--;
}

struct wfp_bfe_entry *
wfp_bfe_table_next(const struct wfp_bfe_table *table, uint32_t *position)
{
    while (*position < table->capacity) {
        uint32_t slot = table->by_id[(*position)++];
        if (slot)
            return entry_at(table, slot);
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
    };
    return errors[kind];
}
