/*
 * The engine's own state, for the files of this folder.
 *
 * Locks      `mutex` orders writers, registrations and reports; wfp_classify() never takes it.
 */
#ifndef WFP_CORE_ENGINE_ENGINE_PRIVATE_H
#define WFP_CORE_ENGINE_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/engine/engine.h"
#include "core/engine/slot.h"
#include "core/model/layer.h"

/* Callouts: ids of built-in callouts come first, those of drivers start well above. */
#define WFP_CALLOUT_FIRST_ID 256u
#define WFP_CALLOUT_CHUNK    256u
#define WFP_CALLOUT_CHUNKS   256u
#define WFP_CALLOUT_ID_MAX   (WFP_CALLOUT_CHUNK * WFP_CALLOUT_CHUNKS - 1)

#define WFP_CALLOUT_CLOSING 0x80000000u /* in `claims`: no new flow contexts */

/* Code that a driver registered. Freed after the last reader left. */
struct wfp_registration {
    struct wfp_callout_ops ops;
    void *context;
    uint32_t flags;     /* WFP_CALLOUT_FLAG_* */
    uint32_t notifying; /* notifications running; under the mutex */
    atomic_uint claims; /* flow contexts, and WFP_CALLOUT_CLOSING */
};

/* One callout key, for the engine's life. */
struct wfp_callout_entry {
    struct wfp_guid key;
    uint32_t id;
    bool is_known;                                 /* the slot has a key */
    struct wfp_registration *_Atomic registration; /* NULL while no code is registered */
    _Alignas(64) atomic_uint_least64_t classified;
    atomic_uint_least64_t permit, block, other;
};

struct wfp_callout_chunk {
    struct wfp_callout_entry entries[WFP_CALLOUT_CHUNK];
};

struct wfp_callout_table {
    struct wfp_callout_chunk *_Atomic chunks[WFP_CALLOUT_CHUNKS];
    uint32_t next_id;
    pthread_cond_t quiet; /* a notification ended */
};

/* Counts of one thread, so that threads do not share cache lines. */
struct wfp_engine_thread {
    struct wfp_engine *engine;
    struct wfp_engine_thread *next_of_thread;  /* other engines this thread entered */
    struct wfp_engine_thread *next, *previous; /* other threads of this engine */
    uint32_t nesting;
    _Alignas(64) struct {
        atomic_uint_least64_t classified, permit, block;
    } layers[WFP_LAYER_COUNT];
};

struct wfp_snapshot;
struct wfp_removal;

/* Who folds segments together beside the commits (engine_fold.c). All under the mutex. */
struct wfp_folder {
    pthread_t thread;
    bool has_thread;
    bool by_hand; /* only when wfp_engine_fold() asks */
    bool is_busy; /* a fold runs, without the mutex */
    bool stop;
    int due;                  /* wfp_fold_is_due() of the snapshot in force */
    pthread_cond_t wake;      /* due or stop has changed */
    pthread_cond_t idle;      /* is_busy has ended */
    struct wfp_removal *kept; /* to be dropped when the fold is over */
};

struct wfp_engine {
    struct wfp_engine_layers layers; /* first: engine.h looks there */
    struct wfp_snapshot *_Atomic snapshot;
    const struct wfp_event_sink *_Atomic event_sink;
    atomic_uint event_interest;
    atomic_uint_least64_t layer_epochs[WFP_LAYER_COUNT];
    struct wfp_slot_table slots;
    struct wfp_callout_table callouts;
    pthread_mutex_t mutex;
    uint32_t commit_mark; /* tells what this commit saw */
    struct wfp_engine_thread *threads;
    struct {
        atomic_uint_least64_t classified, permit, block;
    } shared_layers[WFP_LAYER_COUNT]; /* of threads that have left or never entered */
    struct wfp_snapshot *retired;     /* replaced while the writer was itself inside an epoch */
    struct wfp_folder folder;
};
static_assert(offsetof(struct wfp_engine, layers) == 0, "engine.h reads it there");

/* callout.c */
int wfp_callout_table_init(struct wfp_engine *engine);
void wfp_callout_table_fini(struct wfp_engine *engine);

/** The entry of an id, or NULL. Context: any. */
static inline struct wfp_callout_entry *
wfp_callout_entry(struct wfp_engine *engine, uint32_t id)
{
    struct wfp_callout_chunk *chunk;

    if (id > WFP_CALLOUT_ID_MAX)
        return NULL;
    chunk = atomic_load_explicit(&engine->callouts.chunks[id / WFP_CALLOUT_CHUNK],
                                 memory_order_acquire);
    return chunk ? &chunk->entries[id % WFP_CALLOUT_CHUNK] : NULL;
}

/* engine_commit.c */
void wfp_engine_snapshots_fini(struct wfp_engine *engine);

/* engine_fold.c */
void wfp_engine_folder_init(struct wfp_engine *engine);
/** Stop the thread, if there is one. */
void wfp_engine_folder_fini(struct wfp_engine *engine);
/** A commit was made: have its segments folded if that is due. */
void wfp_engine_fold_wake_locked(struct wfp_engine *engine);

/* engine_thread.c */
struct wfp_engine_thread *wfp_engine_thread_current(struct wfp_engine *engine);
void wfp_engine_threads_fini(struct wfp_engine *engine);

#endif
