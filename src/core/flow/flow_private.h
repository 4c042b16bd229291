/*
 * The flow table's insides, shared by flow.c (entries), flow_timer.c (ages) and flow_context.c.
 *
 * Model      Flows live in slabs and name one another by 32-bit index, so an entry is two cache lines
 *            and nothing is allocated once the table has its size. Index NONE is no flow.
 * Lifetime   `lock` guards slot ids and context lists against other threads; the index, timers and the
 *            free list belong to the stack's thread alone.
 */
#ifndef WFP_CORE_FLOW_FLOW_PRIVATE_H
#define WFP_CORE_FLOW_FLOW_PRIVATE_H

#include <pthread.h>

#include "core/flow/flow.h"
#include "core/flow/flow_index.h"

#define WFP_FLOW_NONE       UINT32_MAX
#define WFP_FLOW_SLAB_SHIFT 11 /* 256 KiB: made in a few microseconds */
#define WFP_FLOW_SLAB       (1u << WFP_FLOW_SLAB_SHIFT)
#define WFP_FLOW_WHEEL      8192u /* slots of one second: longer than the longest idle time */

struct wfp_flow_context_node {
    struct wfp_flow_context_node *next;
    uint64_t context;
    uint32_t callout_id;
    uint16_t layer_id;
    atomic_bool is_removed; /* readers skip it; only the stack's thread unlinks */
    bool is_pending;        /* its flow_delete has yet to run */
};

struct wfp_flow_table {
    struct wfp_engine *engine;
    struct wfp_flow **slabs;
    uint32_t slab_count, slab_capacity;
    uint32_t free_head;
    uint32_t used; /* slots that ever held a flow */
    uint32_t count;
    struct wfp_flow_counters counters;
    struct wfp_flow_index index;
    uint64_t seed;
    uint32_t generation; /* upper half of the latest id */
    void (*ended)(void *context, struct wfp_flow *flow);
    void *ended_context;

    uint32_t wheel[WFP_FLOW_WHEEL];
    uint64_t wheel_second; /* slots before this second are done */
    uint64_t now_100ns;    /* the latest time heard of */

    pthread_mutex_t lock;
    struct wfp_flow_context_node *free_nodes;
    struct wfp_flow_context_node **node_slabs;
    uint32_t node_slab_count;
    uint64_t *aborted; /* ids waiting for the stack's thread */
    uint32_t aborted_capacity;
    atomic_uint aborted_count;
};

static inline struct wfp_flow *
wfp_flow_at(const struct wfp_flow_table *table, uint32_t index)
{
    return &table->slabs[index >> WFP_FLOW_SLAB_SHIFT][index & (WFP_FLOW_SLAB - 1)];
}

/** How long a flow in this state may idle. */
uint64_t wfp_flow_timer_idle_100ns(const struct wfp_flow *flow);
void wfp_flow_timer_start(struct wfp_flow_table *table, struct wfp_flow *flow);
void wfp_flow_timer_stop(struct wfp_flow_table *table, struct wfp_flow *flow);

/** The live flow of an id, or NULL. */
struct wfp_flow *wfp_flow_context_owner_locked(struct wfp_flow_table *table, uint64_t flow_id);
/** The flow's id dies and its contexts are deleted. */
void wfp_flow_context_clear(struct wfp_flow_table *table, struct wfp_flow *flow);
void wfp_flow_context_fini(struct wfp_flow_table *table);

#endif
