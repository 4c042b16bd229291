/*
 * The owner table: a hash over one growing array of entries that keep a copy of their path.
 */
#include "core/flow/owner.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define START 16u
#define LIMIT (1u << 24)

struct entry {
    struct wfp_owner owner;
    uint16_t *path_utf16; /* ours */
    uint32_t uses;        /* 0: on the free list */
    uint32_t next;        /* in the bucket, or on the list of the free or the ended; index + 1 */
};

struct wfp_owner_table {
    struct entry *entries;
    uint32_t *buckets; /* as many as there is room for entries: a power of two */
    uint32_t capacity, used, free_head, ended_head, count;
};

static size_t
path_bytes(const uint16_t *path_utf16)
{
    size_t units = 0;

    if (!path_utf16)
        return 0;
    while (path_utf16[units])
        units++;
    return (units + 1) * sizeof(*path_utf16);
}

static bool
equals(const struct wfp_owner *a, const struct wfp_owner *b)
{
    size_t size = path_bytes(a->path_utf16);

    return a->process_id == b->process_id && a->user == b->user &&
           size == path_bytes(b->path_utf16) &&
           (size == 0 || memcmp(a->path_utf16, b->path_utf16, size) == 0);
}

/* The process alone: two paths under one id are two programs that a process became. */
static uint32_t *
bucket_of(struct wfp_owner_table *table, const struct wfp_owner *owner)
{
    uint64_t hash = (owner->process_id + 1) * 0x9e3779b97f4a7c15u;

    return &table->buckets[(uint32_t)(hash >> 32) & (table->capacity - 1)];
}

static void
link_entry(struct wfp_owner_table *table, uint32_t number)
{
    struct entry *entry = &table->entries[number - 1];
    uint32_t *bucket = bucket_of(table, &entry->owner);

    entry->next = *bucket;
    *bucket = number;
}

static bool
resize(struct wfp_owner_table *table, uint32_t capacity)
{
    struct entry *entries = realloc(table->entries, capacity * sizeof(*entries));
    uint32_t *buckets;

    if (!entries)
        return false;
    table->entries = entries;
    buckets = realloc(table->buckets, capacity * sizeof(*buckets));
    if (!buckets)
        return false;
    table->buckets = buckets;
    table->capacity = capacity;
    memset(buckets, 0, capacity * sizeof(*buckets));
    /* It grows when no slot is free: those not in use are the ended, which are in no bucket. */
    for (uint32_t number = 1; number <= table->used; number++)
        if (table->entries[number - 1].uses)
            link_entry(table, number);
    return true;
}

struct wfp_owner_table *
wfp_owner_table_new(void)
{
    _cleanup_(wfp_owner_table_freep) struct wfp_owner_table *table = calloc(1, sizeof(*table));

    if (!table || !resize(table, START))
        return NULL;
    return TAKE_PTR(table);
}

void
wfp_owner_table_free(struct wfp_owner_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->used; i++)
        free(table->entries[i].path_utf16);
    free(table->entries);
    free(table->buckets);
    free(table);
}

static uint32_t
take_slot(struct wfp_owner_table *table)
{
    uint32_t number = table->free_head;

    if (number) {
        table->free_head = table->entries[number - 1].next;
        return number;
    }
    if (table->used == table->capacity &&
        (table->capacity >= LIMIT || !resize(table, 2 * table->capacity)))
        return 0;
    return ++table->used;
}

uint32_t
wfp_owner_join(struct wfp_owner_table *table, const struct wfp_owner *owner)
{
    size_t size = path_bytes(owner->path_utf16);
    _cleanup_(freep) uint16_t *path = NULL;
    struct entry *entry;
    uint32_t number;

    if (owner->process_id == 0 && !owner->path_utf16 && !owner->user)
        return 0;
    for (number = *bucket_of(table, owner); number; number = table->entries[number - 1].next)
        if (equals(&table->entries[number - 1].owner, owner))
            return wfp_owner_share(table, number);
    if (size && !(path = malloc(size)))
        return 0;
    number = take_slot(table);
    if (number == 0)
        return 0;
    if (size)
        memcpy(path, owner->path_utf16, size);
    entry = &table->entries[number - 1];
    *entry = (struct entry){.owner = {owner->process_id, path, owner->user}, .uses = 1};
    entry->path_utf16 = TAKE_PTR(path);
    link_entry(table, number);
    table->count++;
    return number;
}

uint32_t
wfp_owner_share(struct wfp_owner_table *table, uint32_t number)
{
    if (number)
        table->entries[number - 1].uses++;
    return number;
}

void
wfp_owner_leave(struct wfp_owner_table *table, uint32_t number)
{
    struct entry *entry;
    uint32_t *at;

    if (number == 0 || --table->entries[number - 1].uses > 0)
        return;
    entry = &table->entries[number - 1];
    for (at = bucket_of(table, &entry->owner); *at != number; at = &table->entries[*at - 1].next)
        ;
    *at = entry->next;
    entry->next = table->ended_head;
    table->ended_head = number;
    table->count--;
}

void
wfp_owner_purge(struct wfp_owner_table *table)
{
    while (UNLIKELY(table->ended_head != 0)) {
        uint32_t number = table->ended_head;
        struct entry *entry = &table->entries[number - 1];

        table->ended_head = entry->next;
        free(entry->path_utf16);
        *entry = (struct entry){.next = table->free_head};
        table->free_head = number;
    }
}

const struct wfp_owner *
wfp_owner_at(const struct wfp_owner_table *table, uint32_t number)
{
    static const struct wfp_owner unknown;

    return number ? &table->entries[number - 1].owner : &unknown;
}

uint32_t
wfp_owner_count(const struct wfp_owner_table *table)
{
    return table->count;
}
