/*
 * The endpoint table: a hash of small entries in one growing array.
 */
#include "core/flow/endpoint.h"

#include <string.h>

#define NONE      UINT32_MAX
#define START     64u
#define LIMIT_LOG 24
#define LIMIT     (1u << LIMIT_LOG)
#define KEY_BYTES offsetof(struct wfp_endpoint, next)

struct wfp_endpoint_table {
    struct wfp_endpoint *entries;
    uint32_t *buckets; /* as many as there is room for entries: a power of two */
    uint32_t capacity, used, free_head;
    uint64_t last_handle;
};

static uint32_t
bucket_of(const struct wfp_endpoint_table *table, const struct wfp_endpoint *endpoint)
{
    uint64_t word[2], hash;

    memcpy(word, endpoint->local, sizeof(word));
    hash = word[0] * 0x9e3779b97f4a7c15u ^ word[1];
    hash = (hash ^ endpoint->local_port ^ (uint64_t)endpoint->protocol << 16 ^
            (uint64_t)endpoint->version << 24) *
           0xa0761d6478bd642fu;
    return (uint32_t)(hash >> 32) & (table->capacity - 1);
}

static void
link_entry(struct wfp_endpoint_table *table, uint32_t index)
{
    uint32_t *bucket = &table->buckets[bucket_of(table, &table->entries[index])];

    table->entries[index].next = *bucket;
    *bucket = index;
}

static bool
resize(struct wfp_endpoint_table *table, uint32_t capacity)
{
    struct wfp_endpoint *entries = realloc(table->entries, capacity * sizeof(*entries));
    uint32_t *buckets;

    if (!entries)
        return false;
    table->entries = entries;
    buckets = realloc(table->buckets, capacity * sizeof(*buckets));
    if (!buckets)
        return false;
    table->buckets = buckets;
    table->capacity = capacity;
    memset(buckets, 0xff, capacity * sizeof(*buckets));
    for (uint32_t i = 0; i < table->used; i++)
        link_entry(table, i); /* grows only when every slot is taken */
    return true;
}

struct wfp_endpoint_table *
wfp_endpoint_table_new(void)
{
    struct wfp_endpoint_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->free_head = NONE;
    if (!resize(table, START)) {
        wfp_endpoint_table_free(table);
        return NULL;
    }
    return table;
}

void
wfp_endpoint_table_free(struct wfp_endpoint_table *table)
{
    if (!table)
        return;
    free(table->entries);
    free(table->buckets);
    free(table);
}

static struct wfp_endpoint
endpoint_of(const struct wfp_flow_key *key)
{
    struct wfp_endpoint endpoint = {.version = key->version, .protocol = key->protocol};

    memcpy(endpoint.local, key->local, sizeof(endpoint.local));
    if (key->protocol != 1 && key->protocol != 58) /* ICMP's "ports" are no one's */
        endpoint.local_port = key->local_port;
    return endpoint;
}

uint32_t
wfp_endpoint_find(const struct wfp_endpoint_table *table, const struct wfp_flow_key *key)
{
    struct wfp_endpoint endpoint = endpoint_of(key);
    uint32_t index = table->buckets[bucket_of(table, &endpoint)];

    while (index != NONE && memcmp(&table->entries[index], &endpoint, KEY_BYTES) != 0)
        index = table->entries[index].next;
    return index == NONE ? 0 : index + 1;
}

uint32_t
wfp_endpoint_find_taker(const struct wfp_endpoint_table *table, const struct wfp_flow_key *key)
{
    uint32_t number = wfp_endpoint_find(table, key);
    struct wfp_flow_key any = *key;

    if (number)
        return number;
    memset(any.local, 0, sizeof(any.local));
    return wfp_endpoint_find(table, &any);
}

uint32_t
wfp_endpoint_create(struct wfp_endpoint_table *table, const struct wfp_flow_key *key)
{
    uint32_t index = table->free_head;

    if (index != NONE) {
        table->free_head = table->entries[index].next;
    } else {
        if (table->used == table->capacity &&
            (table->capacity == LIMIT || !resize(table, table->capacity * 2)))
            return 0;
        index = table->used++;
    }
    table->entries[index] = endpoint_of(key);
    table->entries[index].handle = ++table->last_handle << LIMIT_LOG | index | 1ull << 62;
    link_entry(table, index);
    return index + 1;
}

uint32_t
wfp_endpoint_by_handle(const struct wfp_endpoint_table *table, uint64_t handle)
{
    uint32_t index = (uint32_t)(handle & (LIMIT - 1));

    return handle && index < table->used && table->entries[index].handle == handle ? index + 1 : 0;
}

struct wfp_endpoint *
wfp_endpoint_at(const struct wfp_endpoint_table *table, uint32_t number)
{
    return &table->entries[number - 1];
}

void
wfp_endpoint_end(struct wfp_endpoint_table *table, uint32_t number)
{
    uint32_t index = number - 1;
    uint32_t *link = &table->buckets[bucket_of(table, &table->entries[index])];

    while (*link != index)
        link = &table->entries[*link].next;
    *link = table->entries[index].next;
    table->entries[index] = (struct wfp_endpoint){.next = table->free_head};
    table->free_head = index;
}

uint32_t
wfp_endpoint_next(const struct wfp_endpoint_table *table, uint32_t number)
{
    for (uint32_t index = number; index < table->used; index++)
        if (table->entries[index].version != 0)
            return index + 1;
    return 0;
}
