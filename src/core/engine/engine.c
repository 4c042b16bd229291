/*
 * The engine's life, and what reports ask of it.
 *
 * Not here   classify.c decides; engine_commit.c changes the policy.
 */
#include "core/engine/engine.h"

#include <string.h>

#include "base/status.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"

int
wfp_engine_new(struct wfp_engine **ret_engine)
{
    struct wfp_engine *engine = calloc(1, sizeof(*engine));
    int r;

    if (!engine)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_init(&engine->mutex, NULL);
    wfp_engine_folder_init(engine);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++)
        atomic_init(&engine->layer_epochs[i], 1); /* 0 is free for "never asked" */
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
    wfp_engine_folder_fini(engine);
    wfp_engine_snapshots_fini(engine);
    wfp_slot_table_fini(&engine->slots);
    wfp_callout_table_fini(engine);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

void
wfp_engine_set_event_sink(struct wfp_engine *engine, const struct wfp_event_sink *sink)
{
    atomic_store_explicit(&engine->event_sink, sink, memory_order_release);
    wfp_epoch_wait();
}

void
wfp_engine_set_event_interest(struct wfp_engine *engine, uint32_t interest)
{
    atomic_store_explicit(&engine->event_interest, interest, memory_order_relaxed);
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
    uint32_t number;

    pthread_mutex_lock(&engine->mutex);
    number = wfp_slot_find(&engine->slots, filter_id);
    if (number) {
        struct wfp_slot *slot = wfp_slot_get(&engine->slots, number);
        *ret_counters =
            (struct wfp_filter_counters){.matched = slot->matched, .blocked = slot->blocked};
    }
    pthread_mutex_unlock(&engine->mutex);
    return number != 0;
}
