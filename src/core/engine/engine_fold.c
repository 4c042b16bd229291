/*
 * The thread that folds segments, so that no commit pays for it.
 *
 * Model      A fold looks at the segments of the snapshot in force, builds their successor without
 *            the mutex, and puts it in their place in the snapshot that is in force by then; commits
 *            go on meanwhile, behind the segments that are being folded. The policy is the same
 *            before and after, so neither its version nor a layer's epoch changes. What a commit
 *            removes while a fold runs is dropped after it.
 * Lifetime   Started by the first commit after which a fold is due, joined by wfp_engine_free(). If
 *            no thread can be had, commits fold what they must.
 */
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"
#include "core/engine/snapshot.h"

/* What comes in quick succession is folded together. */
#define GATHER_NS 10000000l
#define NICENESS  2

void
wfp_engine_folder_init(struct wfp_engine *engine)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->folder.wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&engine->folder.idle, NULL);
}

/* Swap the snapshots and wait for the old one's readers, who do not wait for us. */
static void
publish_fold_locked(struct wfp_engine *engine, struct wfp_snapshot *snapshot)
{
    struct wfp_snapshot *old = engine->snapshot;

    atomic_store_explicit(&engine->snapshot, snapshot, memory_order_release);
    pthread_mutex_unlock(&engine->mutex);
    wfp_epoch_wait();
    pthread_mutex_lock(&engine->mutex);
    wfp_snapshot_free(&engine->slots, old);
}

static void
drop_kept_locked(struct wfp_engine *engine)
{
    struct wfp_removal *removal;

    while ((removal = engine->folder.kept)) {
        engine->folder.kept = removal->next;
        wfp_snapshot_drop_removal(&engine->slots, removal);
    }
}

/* @return 1 folded, 0 nothing is due, or -WFP_ERR_NO_MEMORY */
static int
fold_one_locked(struct wfp_engine *engine, bool is_quiet)
{
    struct wfp_folder *folder = &engine->folder;
    struct wfp_snapshot *snapshot;
    struct wfp_fold fold;
    int r;

    while (folder->is_busy)
        pthread_cond_wait(&folder->idle, &engine->mutex);
    if (!wfp_fold_choose(engine->snapshot, is_quiet, &fold))
        return 0;
    folder->is_busy = true;
    pthread_mutex_unlock(&engine->mutex);
    r = wfp_fold_build(&engine->slots, &fold);
    pthread_mutex_lock(&engine->mutex);
    if (r == 0)
        r = wfp_fold_apply(&engine->slots, &fold, engine->snapshot, &snapshot);
    if (r == 0)
        publish_fold_locked(engine, snapshot);
    folder->is_busy = false;
    drop_kept_locked(engine);
    wfp_fold_release(&engine->slots, &fold);
    pthread_cond_broadcast(&folder->idle);
    pthread_mutex_unlock(&engine->mutex);
    wfp_fold_fini(&fold);
    pthread_mutex_lock(&engine->mutex);
    return r == 0 || r == -WFP_ERR_NOT_FOUND ? 1 : r;
}

/* @return have commits ceased? */
static bool
gather_locked(struct wfp_engine *engine)
{
    struct wfp_folder *folder = &engine->folder;
    uint64_t version = engine->snapshot->version;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_NS;
    until.tv_sec += until.tv_nsec / 1000000000l;
    until.tv_nsec %= 1000000000l;
    while (!folder->stop && folder->due < 2)
        if (pthread_cond_timedwait(&folder->wake, &engine->mutex, &until) != 0)
            break;
    return version == engine->snapshot->version;
}

static void *
run(void *argument)
{
    struct wfp_engine *engine = argument;
    struct wfp_folder *folder = &engine->folder;
    bool is_quiet;

    /* Where processors are few, those who commit and classify come first. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    pthread_mutex_lock(&engine->mutex);
    while (!folder->stop) {
        if (!folder->due) {
            pthread_cond_wait(&folder->wake, &engine->mutex);
            continue;
        }
        is_quiet = gather_locked(engine);
        if (folder->stop)
            break;
        /* With memory out it waits for the next commit. */
        folder->due = fold_one_locked(engine, is_quiet) < 0 ? 0 : wfp_fold_is_due(engine->snapshot);
    }
    pthread_mutex_unlock(&engine->mutex);
    return NULL;
}

/* Signals are for the program's own threads. */
static bool
start_locked(struct wfp_engine *engine)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&engine->folder.thread, NULL, run, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r == 0;
}

void
wfp_engine_fold_wake_locked(struct wfp_engine *engine)
{
    struct wfp_folder *folder = &engine->folder;
    int due = folder->by_hand ? 0 : wfp_fold_is_due(engine->snapshot);

    if (due && !folder->has_thread)
        folder->has_thread = start_locked(engine);
    if (due > folder->due) {
        folder->due = due;
        pthread_cond_signal(&folder->wake);
    }
}

void
wfp_engine_fold_by_hand(struct wfp_engine *engine, bool by_hand)
{
    pthread_mutex_lock(&engine->mutex);
    engine->folder.by_hand = by_hand;
    pthread_mutex_unlock(&engine->mutex);
}

int
wfp_engine_fold(struct wfp_engine *engine)
{
    int r;

    assert(!wfp_epoch_is_inside());
    pthread_mutex_lock(&engine->mutex);
    do
        r = fold_one_locked(engine, true);
    while (r > 0);
    pthread_mutex_unlock(&engine->mutex);
    return r;
}

void
wfp_engine_folder_fini(struct wfp_engine *engine)
{
    struct wfp_folder *folder = &engine->folder;

    pthread_mutex_lock(&engine->mutex);
    folder->stop = true;
    pthread_cond_signal(&folder->wake);
    pthread_mutex_unlock(&engine->mutex);
    if (folder->has_thread)
        pthread_join(folder->thread, NULL);
    pthread_cond_destroy(&folder->wake);
    pthread_cond_destroy(&folder->idle);
}
