/*
 * What drivers hang on flows: one 64-bit context per (layer, callout).
 *
 * Model      A flow's contexts are a list to which any thread adds under the table's lock and which
 *            the stack's thread reads without it. Removal marks a node; only the stack's thread, or
 *            the flow's end, unlinks nodes, so a reader never meets freed ones. Who runs
 *            flow_delete is settled between remover and classifier as in Dekker's algorithm:
 *
 *               remover:    is_removed = 1;  fence;  is_busy?        yes -> PENDING, classifier does it
 *               classifier: is_busy = 1;     fence;  is_removed?     yes -> not seen
 *
 *            A flow without contexts pays no fence: contexts hung during a classify are first seen by
 *            the next.
 * Ref        ddi fwpsk/nf-fwpsk-fwpsflowremovecontext0
 */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "core/engine/callout.h"
#include "core/flow/flow_private.h"

#define NODES_PER_SLAB 255u

struct wfp_flow *
wfp_flow_context_owner_locked(struct wfp_flow_table *table, uint64_t flow_id)
{
    uint32_t index = (uint32_t)flow_id - 1;
    struct wfp_flow *flow;

    if ((uint32_t)flow_id == 0 || index >> WFP_FLOW_SLAB_SHIFT >= table->slab_count)
        return NULL;
    flow = wfp_flow_at(table, index);
    return __atomic_load_n(&flow->id, __ATOMIC_ACQUIRE) == flow_id ? flow : NULL;
}

static struct wfp_flow_context_node *
new_node_locked(struct wfp_flow_table *table)
{
    struct wfp_flow_context_node *node;

    if (!table->free_nodes) {
        struct wfp_flow_context_node **slabs =
            realloc(table->node_slabs, (table->node_slab_count + 1) * sizeof(*slabs));

        if (!slabs)
            return NULL;
        table->node_slabs = slabs;
        node = calloc(NODES_PER_SLAB, sizeof(*node));
        if (!node)
            return NULL;
        table->node_slabs[table->node_slab_count++] = node;
        for (uint32_t i = 0; i < NODES_PER_SLAB; i++) {
            node[i].next = table->free_nodes;
            table->free_nodes = &node[i];
        }
    }
    node = table->free_nodes;
    table->free_nodes = node->next;
    return node;
}

static void
free_node_locked(struct wfp_flow_table *table, struct wfp_flow_context_node *node)
{
    node->next = table->free_nodes;
    table->free_nodes = node;
}

static struct wfp_flow_context_node *
find_node(const struct wfp_flow *flow, uint16_t layer_id, uint32_t callout_id)
{
    struct wfp_flow_context_node *node =
        atomic_load_explicit(&flow->contexts, memory_order_acquire);

    for (; node; node = node->next)
        if (node->callout_id == callout_id && node->layer_id == layer_id &&
            !atomic_load_explicit(&node->is_removed, memory_order_acquire))
            return node;
    return NULL;
}

int
wfp_flow_context_set(struct wfp_flow_table *table, uint64_t flow_id, uint16_t layer_id,
                     uint32_t callout_id, uint64_t context)
{
    struct wfp_flow_context_node *node;
    struct wfp_flow *flow;
    int r = 0;

    if (context == 0)
        return -WFP_ERR_INVALID_PARAMETER;
    pthread_mutex_lock(&table->lock);
    flow = wfp_flow_context_owner_locked(table, flow_id);
    if (!flow)
        r = -WFP_ERR_NOT_FOUND;
    else if (find_node(flow, layer_id, callout_id))
        r = -WFP_ERR_ALREADY_EXISTS;
    else if (!(node = new_node_locked(table)))
        r = -WFP_ERR_NO_MEMORY;
    else if ((r = wfp_callout_flow_claim(table->engine, callout_id)) < 0)
        free_node_locked(table, node);
    else {
        node->context = context;
        node->callout_id = callout_id;
        node->layer_id = layer_id;
        node->is_pending = false;
        atomic_store_explicit(&node->is_removed, false, memory_order_relaxed);
        node->next = atomic_load_explicit(&flow->contexts, memory_order_relaxed);
        atomic_store_explicit(&flow->contexts, node, memory_order_release);
    }
    pthread_mutex_unlock(&table->lock);
    return r;
}

/** Mark a live node. @return true if its flow_delete is the caller's to run, after unlocking. */
static bool
remove_node_locked(struct wfp_flow *flow, struct wfp_flow_context_node *node)
{
    node->is_pending = true;
    atomic_store(&node->is_removed, true);
    atomic_store(&flow->has_deferred, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&flow->is_busy))
        return false;
    node->is_pending = false;
    return true;
}

int
wfp_flow_context_remove(struct wfp_flow_table *table, uint64_t flow_id, uint16_t layer_id,
                        uint32_t callout_id, enum wfp_flow_removal *ret_removal)
{
    struct wfp_flow_context_node *node = NULL;
    struct wfp_flow *flow;
    uint64_t context = 0;
    bool is_ours = false;

    pthread_mutex_lock(&table->lock);
    flow = wfp_flow_context_owner_locked(table, flow_id);
    if (flow)
        node = find_node(flow, layer_id, callout_id);
    if (node) {
        context = node->context;
        is_ours = remove_node_locked(flow, node);
    }
    pthread_mutex_unlock(&table->lock);
    if (!node)
        return -WFP_ERR_NOT_FOUND;
    if (is_ours)
        wfp_callout_flow_delete(table->engine, callout_id, layer_id, context);
    *ret_removal = is_ours ? WFP_FLOW_REMOVED : WFP_FLOW_PENDING;
    return 0;
}

/** Find a live context of a callout, from flow @p *cursor on. */
static struct wfp_flow_context_node *
next_of_callout_locked(struct wfp_flow_table *table, uint32_t callout_id, uint32_t *cursor)
{
    for (; *cursor < table->slab_count << WFP_FLOW_SLAB_SHIFT; (*cursor)++) {
        struct wfp_flow *flow = wfp_flow_at(table, *cursor);
        struct wfp_flow_context_node *node =
            __atomic_load_n(&flow->id, __ATOMIC_ACQUIRE)
                ? atomic_load_explicit(&flow->contexts, memory_order_relaxed)
                : NULL;

        for (; node; node = node->next)
            if (node->callout_id == callout_id && !atomic_load(&node->is_removed))
                return node;
    }
    return NULL;
}

uint32_t
wfp_flow_context_remove_all(struct wfp_flow_table *table, uint32_t callout_id)
{
    uint32_t count = 0, cursor = 0;

    for (;;) {
        struct wfp_flow_context_node *node;
        uint64_t context = 0;
        uint16_t layer_id = 0;
        bool is_ours = false;

        pthread_mutex_lock(&table->lock);
        node = next_of_callout_locked(table, callout_id, &cursor);
        if (node) {
            context = node->context;
            layer_id = node->layer_id;
            is_ours = remove_node_locked(wfp_flow_at(table, cursor), node);
        }
        pthread_mutex_unlock(&table->lock);
        if (!node)
            return count;
        if (is_ours)
            wfp_callout_flow_delete(table->engine, callout_id, layer_id, context);
        count++;
    }
}

/** Run flow_delete for what is still owed and give the nodes of @p list back. */
static void
delete_list(struct wfp_flow_table *table, struct wfp_flow_context_node *list)
{
    while (list) {
        struct wfp_flow_context_node *node = list;

        list = node->next;
        if (!atomic_load_explicit(&node->is_removed, memory_order_relaxed) || node->is_pending)
            wfp_callout_flow_delete(table->engine, node->callout_id, node->layer_id, node->context);
        pthread_mutex_lock(&table->lock);
        free_node_locked(table, node);
        pthread_mutex_unlock(&table->lock);
    }
}

void
wfp_flow_context_clear(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    struct wfp_flow_context_node *list;

    pthread_mutex_lock(&table->lock);
    __atomic_store_n(&flow->id, 0, __ATOMIC_RELEASE);
    list = atomic_load_explicit(&flow->contexts, memory_order_relaxed);
    atomic_store_explicit(&flow->contexts, NULL, memory_order_relaxed);
    atomic_store_explicit(&flow->has_deferred, false, memory_order_relaxed);
    pthread_mutex_unlock(&table->lock);
    delete_list(table, list);
}

void
wfp_flow_enter(struct wfp_flow *flow)
{
    if (!flow)
        return;
    atomic_store_explicit(&flow->is_busy, true, memory_order_relaxed);
    flow->sees_contexts = false;
    if (atomic_load_explicit(&flow->contexts, memory_order_relaxed)) {
        atomic_thread_fence(memory_order_seq_cst);
        flow->sees_contexts = true;
    }
}

void
wfp_flow_leave(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    struct wfp_flow_context_node *list = NULL, **link;
    bool saw;

    if (!flow)
        return;
    saw = flow->sees_contexts;
    flow->sees_contexts = false;
    atomic_store_explicit(&flow->is_busy, false, memory_order_release);
    /* Hung meanwhile and removed at once: also ours, but then without the fence at entry. */
    if (!saw && !atomic_load_explicit(&flow->contexts, memory_order_relaxed))
        return;
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&flow->has_deferred, memory_order_relaxed))
        return;
    pthread_mutex_lock(&table->lock);
    atomic_store_explicit(&flow->has_deferred, false, memory_order_relaxed);
    link = (struct wfp_flow_context_node **)(void *)&flow->contexts;
    while (*link) {
        struct wfp_flow_context_node *node = *link;

        if (atomic_load_explicit(&node->is_removed, memory_order_relaxed)) {
            *link = node->next;
            node->next = list;
            list = node;
        } else {
            link = &node->next;
        }
    }
    pthread_mutex_unlock(&table->lock);
    delete_list(table, list);
}

uint64_t
wfp_flow_context(const struct wfp_flow *flow, uint16_t layer_id, uint32_t callout_id)
{
    struct wfp_flow_context_node *node;

    if (!flow->sees_contexts)
        return 0;
    node = find_node(flow, layer_id, callout_id);
    return node ? node->context : 0;
}

int
wfp_flow_abort(struct wfp_flow_table *table, uint64_t flow_id)
{
    uint32_t count;
    int r = 0;

    pthread_mutex_lock(&table->lock);
    count = atomic_load(&table->aborted_count);
    if (!wfp_flow_context_owner_locked(table, flow_id)) {
        r = -WFP_ERR_NOT_FOUND;
    } else if (count == table->aborted_capacity) {
        uint32_t capacity = count ? count * 2 : 16;
        uint64_t *aborted = realloc(table->aborted, capacity * sizeof(*aborted));

        if (aborted) {
            table->aborted = aborted;
            table->aborted_capacity = capacity;
        } else {
            r = -WFP_ERR_NO_MEMORY;
        }
    }
    if (r == 0) {
        table->aborted[count] = flow_id;
        atomic_store(&table->aborted_count, count + 1);
    }
    pthread_mutex_unlock(&table->lock);
    return r;
}

void
wfp_flow_context_fini(struct wfp_flow_table *table)
{
    for (uint32_t i = 0; i < table->node_slab_count; i++)
        free(table->node_slabs[i]);
    free(table->node_slabs);
    free(table->aborted);
}
