/*
 * The engine's life, commits, and what reports ask of it.
 *
 * Not here   classify.c decides; snapshot.c compiles.
 */
#include "core/engine/engine.h"

#include <string.h>

#include "base/status.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"
#include "core/engine/snapshot.h"

int
wfp_engine_new(struct wfp_engine **ret_engine)
{
    struct wfp_engine *engine = calloc(1, sizeof(*engine));
    int r;

    if (!engine)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_init(&engine->mutex, NULL);
    r = wfp_callout_table_init(engine);
    if (r == 0)
        r = wfp_engine_commit(engine, &(struct wfp_policy){0});
    if (r < 0) {
        wfp_engine_free(engine);
        return r;
    }
    *ret_engine = engine;
    return 0;
}

void
wfp_engine_free(struct wfp_engine *engine)
{
    if (!engine)
        return;
    assert(!wfp_epoch_is_inside());
    wfp_engine_threads_fini(engine);
    if (engine->snapshot)
        wfp_snapshot_free(engine->snapshot);
    while (engine->retired) {
        struct wfp_snapshot *next = engine->retired->next_retired;
        wfp_snapshot_free(engine->retired);
        engine->retired = next;
    }
    wfp_callout_table_fini(engine);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

/*
 * Make @p snapshot the one in force. The epoch numbers change after the pointer, so that a flow that
 * noted an old number asks again, never the other way round. When this returns no reader is left in
 * the old snapshot, unless the caller is a reader itself: then it goes with a later commit.
 */
static void
publish_locked(struct wfp_engine *engine, struct wfp_snapshot *snapshot)
{
    struct wfp_snapshot *old = engine->snapshot;

    atomic_store_explicit(&engine->snapshot, snapshot, memory_order_release);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++) {
        if (old && old->layers[i] == snapshot->layers[i])
            continue;
        atomic_store_explicit(&engine->layer_filters[i],
                              snapshot->layers[i] ? snapshot->layers[i]->filter_count : 0,
                              memory_order_release);
        atomic_fetch_add_explicit(&engine->layer_epochs[i], 1, memory_order_release);
    }
    if (!old)
        return;
    old->next_retired = engine->retired;
    engine->retired = old;
    if (wfp_epoch_is_inside())
        return;
    wfp_epoch_wait();
    while (engine->retired) {
        struct wfp_snapshot *next = engine->retired->next_retired;
        wfp_snapshot_free(engine->retired);
        engine->retired = next;
    }
}

int
wfp_engine_commit(struct wfp_engine *engine, const struct wfp_policy *policy)
{
    struct wfp_snapshot *snapshot;
    int r;

    pthread_mutex_lock(&engine->mutex);
    r = wfp_snapshot_new(engine->snapshot, policy->filters, policy->filter_count, &snapshot);
    if (r == 0)
        publish_locked(engine, snapshot);
    pthread_mutex_unlock(&engine->mutex);
    return r;
}

static bool
contains(struct wfp_filter *const *filters, uint32_t count, const struct wfp_filter *filter)
{
    for (uint32_t i = 0; i < count; i++)
        if (filters[i] == filter)
            return true;
    return false;
}

int
wfp_engine_commit_delta(struct wfp_engine *engine, struct wfp_filter *const *added,
                        uint32_t added_count, struct wfp_filter *const *removed,
                        uint32_t removed_count)
{
    _cleanup_(freep) void *list = NULL;
    struct wfp_filter **filters;
    struct wfp_snapshot *snapshot;
    uint32_t count = 0;
    int r;

    pthread_mutex_lock(&engine->mutex);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++)
        count += engine->snapshot->layers[i] ? engine->snapshot->layers[i]->filter_count : 0;
    list = filters = malloc((count + (size_t)added_count + 1) * sizeof(filters[0]));
    count = 0;
    for (uint32_t i = 0; filters && i < WFP_LAYER_COUNT; i++) {
        struct wfp_layer_policy *policy = engine->snapshot->layers[i];
        for (uint32_t j = 0; policy && j < policy->filter_count; j++)
            if (!contains(removed, removed_count, policy->filters[j]))
                filters[count++] = policy->filters[j];
    }
    for (uint32_t i = 0; filters && i < added_count; i++)
        filters[count++] = added[i];
    r = filters ? wfp_snapshot_new(engine->snapshot, filters, count, &snapshot)
                : -WFP_ERR_NO_MEMORY;
    if (r == 0)
        publish_locked(engine, snapshot);
    pthread_mutex_unlock(&engine->mutex);
    return r;
}

bool
wfp_engine_layer_is_empty(struct wfp_engine *engine, uint16_t layer_id)
{
    return layer_id >= WFP_LAYER_COUNT ||
           atomic_load_explicit(&engine->layer_filters[layer_id], memory_order_relaxed) == 0;
}

uint64_t
wfp_engine_layer_epoch(struct wfp_engine *engine, uint16_t layer_id)
{
    if (layer_id >= WFP_LAYER_COUNT)
        return 0;
    return atomic_load_explicit(&engine->layer_epochs[layer_id], memory_order_acquire);
}

bool
wfp_engine_filter_counters(struct wfp_engine *engine, uint64_t filter_id,
                           struct wfp_filter_counters *ret_counters)
{
    bool found = false;

    pthread_mutex_lock(&engine->mutex);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT && !found; i++) {
        struct wfp_layer_policy *policy = engine->snapshot->layers[i];
        for (uint32_t j = 0; policy && j < policy->filter_count && !found; j++) {
            struct wfp_filter *filter = policy->filters[j];
            found = filter->id == filter_id;
            if (found)
                *ret_counters = (struct wfp_filter_counters){.matched = filter->matched,
                                                             .blocked = filter->blocked};
        }
    }
    pthread_mutex_unlock(&engine->mutex);
    return found;
}
