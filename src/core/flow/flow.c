/*
 * The flow table: entries by key.
 *
 * Not here   ages are in flow_timer.c, drivers' contexts in flow_context.c.
 */
#include "core/flow/flow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/large.h"
#include "base/status.h"
#include "core/flow/flow_private.h"

#define SLAB_BYTES ((uint64_t)WFP_FLOW_SLAB * sizeof(struct wfp_flow))

static_assert(sizeof(struct wfp_flow_key) == 40, "hashed and compared as five words");
static_assert(offsetof(struct wfp_flow, id) == 64, "a lookup touches one cache line");
static_assert(sizeof(struct wfp_flow) == 128, "a million flows stay small");

int
wfp_flow_table_new(struct wfp_engine *engine, struct wfp_flow_table **ret_table)
{
    _cleanup_(wfp_flow_table_freep) struct wfp_flow_table *table = calloc(1, sizeof(*table));

    if (!table)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_init(&table->lock, NULL);
    if (wfp_flow_index_init(&table->index) < 0)
        return -WFP_ERR_NO_MEMORY;
    memset(table->wheel, 0xff, sizeof(table->wheel));
    table->engine = engine;
    table->free_head = WFP_FLOW_NONE;
    /* Peers must not be able to choose collisions; no order that shows depends on the seed. */
    memcpy(&table->seed, (const void *)getauxval(AT_RANDOM), sizeof(table->seed));
    *ret_table = TAKE_PTR(table);
    return 0;
}

void
wfp_flow_table_free(struct wfp_flow_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->slab_count << WFP_FLOW_SLAB_SHIFT; i++) {
        struct wfp_flow *flow = wfp_flow_at(table, i);

        if (flow->key.version != 0)
            wfp_flow_end(table, flow);
    }
    wfp_flow_context_fini(table);
    for (uint32_t i = 0; i < table->slab_count; i++)
        wfp_large_free(table->slabs[i], SLAB_BYTES);
    free(table->slabs);
    wfp_flow_index_fini(&table->index);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t
wfp_flow_hash(const struct wfp_flow_table *table, const struct wfp_flow_key *key)
{
    const uint64_t *word = key->words;
    uint64_t hash;

    hash = mix(word[0] ^ table->seed, word[2] ^ 0xa0761d6478bd642fu);
    hash ^= mix(word[1] ^ 0xe7037ed1a0b428dbu, word[3] ^ table->seed);
    hash = mix(hash ^ word[4], 0x8ebc6af09c88c6e3u ^ table->seed);
    return (uint32_t)(hash ^ hash >> 32);
}

static bool
same_key(const struct wfp_flow_key *a, const struct wfp_flow_key *b)
{
    const uint64_t *x = a->words, *y = b->words;

    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

struct wfp_flow *
wfp_flow_find(struct wfp_flow_table *table, const struct wfp_flow_key *key, uint32_t hash,
              uint64_t now_100ns)
{
    struct wfp_flow_cursor cursor = wfp_flow_index_find(hash);
    uint32_t index;

    while ((index = wfp_flow_index_next(&table->index, hash, &cursor)) != WFP_FLOW_NONE) {
        struct wfp_flow *flow = wfp_flow_at(table, index);

        __builtin_prefetch(&flow->id); /* its other line, soon wanted */
        if (LIKELY(same_key(&flow->key, key))) {
            if (LIKELY(now_100ns < flow->last_100ns + wfp_flow_timer_idle_100ns(flow)))
                return flow;
            wfp_flow_end(table, flow);
            return NULL;
        }
    }
    return NULL;
}

/** Other threads read the slab array under the lock, so it changes under the lock. */
static int
grow_slab_array(struct wfp_flow_table *table)
{
    uint32_t capacity = table->slab_capacity ? table->slab_capacity * 2 : 64;
    struct wfp_flow **slabs = malloc(capacity * sizeof(*slabs)), **old = table->slabs;

    if (!slabs)
        return -WFP_ERR_NO_MEMORY;
    if (table->slab_count)
        memcpy(slabs, old, table->slab_count * sizeof(*slabs));
    pthread_mutex_lock(&table->lock);
    table->slabs = slabs;
    pthread_mutex_unlock(&table->lock);
    table->slab_capacity = capacity;
    free(old);
    return 0;
}

static int
grow_slabs(struct wfp_flow_table *table)
{
    struct wfp_flow *slab;

    if (table->slab_count >= WFP_FLOW_NONE >> WFP_FLOW_SLAB_SHIFT ||
        (table->slab_count == table->slab_capacity && grow_slab_array(table) < 0))
        return -WFP_ERR_NO_MEMORY;
    slab = wfp_large_alloc(SLAB_BYTES, true);
    if (!slab)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_lock(&table->lock);
    table->slabs[table->slab_count++] = slab;
    pthread_mutex_unlock(&table->lock);
    return 0;
}

/** A slot: one given back, or the next that was never used. */
static int
take_slot(struct wfp_flow_table *table, uint32_t *ret_index)
{
    uint32_t index = table->free_head;

    if (index != WFP_FLOW_NONE) {
        table->free_head = wfp_flow_at(table, index)->next;
    } else {
        index = table->used;
        if (index >> WFP_FLOW_SLAB_SHIFT == table->slab_count && grow_slabs(table) < 0)
            return -WFP_ERR_NO_MEMORY;
        table->used++;
        wfp_flow_at(table, index)->index = index;
    }
    *ret_index = index;
    return 0;
}

static void
give_slot(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    flow->key.version = 0;
    flow->next = table->free_head;
    table->free_head = flow->index;
}

int
wfp_flow_create(struct wfp_flow_table *table, const struct wfp_flow_key *key, uint32_t hash,
                uint64_t now_100ns, struct wfp_flow **ret_flow)
{
    struct wfp_flow *flow;
    uint32_t index;

    if (take_slot(table, &index) < 0) {
        table->counters.no_memory++;
        return -WFP_ERR_NO_MEMORY;
    }
    flow = wfp_flow_at(table, index);
    if (wfp_flow_index_add(&table->index, hash, index) < 0) {
        give_slot(table, flow);
        table->counters.no_memory++;
        return -WFP_ERR_NO_MEMORY;
    }
    table->counters.made++;
    if (++table->count > table->counters.most)
        table->counters.most = table->count;

    flow->key = *key;
    flow->hash = hash;
    flow->last_100ns = now_100ns;
    flow->state = WFP_FLOW_NEW;
    flow->outbound = flow->is_loopback = flow->is_multicast = false;
    flow->interface_index = flow->other_interface_index = 0;
    flow->has_lifetime = flow->is_answered_by_anyone = flow->is_answered_from_near = false;
    flow->fin_seen = 0;
    flow->auth_epoch = flow->owner = 0;
    flow->icmp_type = 0;
    flow->endpoint = 0;
    memset(&flow->blocked, 0, sizeof(flow->blocked));
    if (now_100ns > table->now_100ns)
        table->now_100ns = now_100ns;
    wfp_flow_timer_start(table, flow);
    /* Others compare ids under the lock; nobody knows this one yet. */
    __atomic_store_n(&flow->id, (uint64_t)++table->generation << 32 | (index + 1),
                     __ATOMIC_RELEASE);
    *ret_flow = flow;
    return 0;
}

uint64_t
wfp_flow_next_id(const struct wfp_flow_table *table)
{
    uint32_t index = table->free_head != WFP_FLOW_NONE ? table->free_head : table->used;

    return (uint64_t)(table->generation + 1) << 32 | (index + 1);
}

void
wfp_flow_table_on_end(struct wfp_flow_table *table,
                      void (*ended)(void *context, struct wfp_flow *flow), void *context)
{
    table->ended = ended;
    table->ended_context = context;
}

/** For drivers the flow is over. */
static void
retire(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    if (flow->id == 0)
        return;
    if (table->ended)
        table->ended(table->ended_context, flow);
    wfp_flow_context_clear(table, flow);
}

void
wfp_flow_set_state(struct wfp_flow_table *table, struct wfp_flow *flow, enum wfp_flow_state state)
{
    flow->state = (uint8_t)state;
    if (state == WFP_FLOW_CLOSED || state == WFP_FLOW_BLOCKED)
        retire(table, flow);
    wfp_flow_timer_stop(table, flow);
    wfp_flow_timer_start(table, flow);
}

void
wfp_flow_end(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    wfp_flow_index_remove(&table->index, flow->hash, flow->index);
    wfp_flow_timer_stop(table, flow);
    retire(table, flow);
    give_slot(table, flow);
    table->count--;
}

struct wfp_flow *
wfp_flow_of_id(struct wfp_flow_table *table, uint64_t flow_id)
{
    /* Ids and slabs only change on this thread. */
    return wfp_flow_context_owner_locked(table, flow_id);
}

struct wfp_flow *
wfp_flow_next(struct wfp_flow_table *table, const struct wfp_flow *after)
{
    for (uint32_t i = after ? after->index + 1 : 0; i < table->used; i++)
        if (wfp_flow_at(table, i)->key.version != 0)
            return wfp_flow_at(table, i);
    return NULL;
}

uint32_t
wfp_flow_count(const struct wfp_flow_table *table)
{
    return table->count;
}

const struct wfp_flow_counters *
wfp_flow_counters(const struct wfp_flow_table *table)
{
    return &table->counters;
}

uint64_t
wfp_flow_memory(const struct wfp_flow_table *table)
{
    return sizeof(*table) + table->slab_capacity * sizeof(*table->slabs) +
           (uint64_t)table->slab_count * SLAB_BYTES + wfp_flow_index_memory(&table->index);
}
