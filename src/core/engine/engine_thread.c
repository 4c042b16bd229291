/*
 * Threads that classify, and the counts they keep to themselves.
 *
 * Model      Each thread counts in its own cache lines; a report adds them up. A thread that never
 *            entered, or for which memory was short, counts in the engine's shared row.
 */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"

static __thread struct wfp_engine_thread *threads_of_this;

struct wfp_engine_thread *
wfp_engine_thread_current(struct wfp_engine *engine)
{
    struct wfp_engine_thread *thread = threads_of_this;
    while (thread && thread->engine != engine)
        thread = thread->next_of_thread;
    return thread;
}

void
wfp_engine_thread_enter(struct wfp_engine *engine)
{
    struct wfp_engine_thread *thread = wfp_engine_thread_current(engine);

    wfp_epoch_register_thread();
    if (thread) {
        thread->nesting++;
        return;
    }
    thread = aligned_alloc(64, ALIGN_UP(sizeof(*thread), 64));
    if (!thread)
        return;
    memset(thread, 0, sizeof(*thread));
    thread->engine = engine;
    thread->nesting = 1;
    thread->next_of_thread = threads_of_this;
    threads_of_this = thread;
    pthread_mutex_lock(&engine->mutex);
    thread->next = engine->threads;
    if (thread->next)
        thread->next->previous = thread;
    engine->threads = thread;
    pthread_mutex_unlock(&engine->mutex);
}

static void
unlink_locked(struct wfp_engine *engine, struct wfp_engine_thread *thread)
{
    if (thread->previous)
        thread->previous->next = thread->next;
    else
        engine->threads = thread->next;
    if (thread->next)
        thread->next->previous = thread->previous;
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++) {
        atomic_fetch_add(&engine->shared_layers[i].classified, thread->layers[i].classified);
        atomic_fetch_add(&engine->shared_layers[i].permit, thread->layers[i].permit);
        atomic_fetch_add(&engine->shared_layers[i].block, thread->layers[i].block);
    }
}

static void
forget_here(struct wfp_engine_thread *thread)
{
    struct wfp_engine_thread **place = &threads_of_this;
    while (*place && *place != thread)
        place = &(*place)->next_of_thread;
    if (*place)
        *place = thread->next_of_thread;
}

void
wfp_engine_thread_leave(struct wfp_engine *engine)
{
    struct wfp_engine_thread *thread = wfp_engine_thread_current(engine);

    if (!thread || --thread->nesting)
        return;
    forget_here(thread);
    pthread_mutex_lock(&engine->mutex);
    unlink_locked(engine, thread);
    pthread_mutex_unlock(&engine->mutex);
    free(thread);
}

void
wfp_engine_threads_fini(struct wfp_engine *engine)
{
    struct wfp_engine_thread *thread = wfp_engine_thread_current(engine);

    if (thread) {
        forget_here(thread);
        unlink_locked(engine, thread);
        free(thread);
    }
    assert(!engine->threads); /* other threads leave before the engine goes */
}

void
wfp_engine_layer_counters(struct wfp_engine *engine, uint16_t layer_id,
                          struct wfp_layer_counters *ret_counters)
{
    struct wfp_layer_counters sum = {0};

    if (layer_id >= WFP_LAYER_COUNT) {
        *ret_counters = sum;
        return;
    }
    pthread_mutex_lock(&engine->mutex);
    sum.classified = engine->shared_layers[layer_id].classified;
    sum.permit = engine->shared_layers[layer_id].permit;
    sum.block = engine->shared_layers[layer_id].block;
    for (struct wfp_engine_thread *thread = engine->threads; thread; thread = thread->next) {
        sum.classified += thread->layers[layer_id].classified;
        sum.permit += thread->layers[layer_id].permit;
        sum.block += thread->layers[layer_id].block;
    }
    pthread_mutex_unlock(&engine->mutex);
    *ret_counters = sum;
}
