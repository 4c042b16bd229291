/*
 * Commits: from what BFE wants to the next snapshot, all of it or nothing.
 *
 * Model      A full policy is first turned into its difference from the one in force, so that a
 *            small change stays cheap whichever way it arrives. Slots are prepared, the snapshot
 *            built, one pointer swapped; any failure puts the slots back as they were.
 */
#include <string.h>

#include "base/status.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"
#include "core/engine/snapshot.h"

/* A change being prepared: slots, in lists we own. */
struct change {
    uint32_t *added;
    uint32_t added_count;
    struct wfp_removal *removed;
};

static void
change_fini(struct change *change)
{
    free(change->added);
    free(change->removed);
}

static struct wfp_removal *
removal_new(uint32_t room)
{
    struct wfp_removal *removal =
        malloc(sizeof(*removal) + (room + (size_t)1) * sizeof(removal->slots[0]));

    if (removal)
        *removal = (struct wfp_removal){0};
    return removal;
}

/* No reader is left who may see the removed; but a fold may be looking at them. */
static void
drop_removal_locked(struct wfp_engine *engine, struct wfp_removal *removal)
{
    if (removal && engine->folder.is_busy) {
        removal->next = engine->folder.kept;
        engine->folder.kept = removal;
    } else {
        wfp_snapshot_drop_removal(&engine->slots, removal);
    }
}

static void
free_retired_locked(struct wfp_engine *engine)
{
    while (engine->retired) {
        struct wfp_snapshot *snapshot = engine->retired;

        engine->retired = snapshot->next_retired;
        drop_removal_locked(engine, snapshot->removal);
        wfp_snapshot_free(&engine->slots, snapshot);
    }
}

void
wfp_engine_snapshots_fini(struct wfp_engine *engine)
{
    if (engine->snapshot)
        wfp_snapshot_free(&engine->slots, engine->snapshot);
    free_retired_locked(engine);
}

/*
 * Make @p snapshot the one in force. The epoch numbers change after the pointer, so that a flow
 * that noted an old number asks again, never the other way round. When this returns no reader is
 * left in the old snapshot, unless the caller is a reader itself: then it goes with a later commit.
 */
static void
publish_locked(struct wfp_engine *engine, struct wfp_snapshot *snapshot, struct change *change)
{
    struct wfp_snapshot *old = engine->snapshot;

    atomic_store_explicit(&engine->snapshot, snapshot, memory_order_release);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++) {
        if (old ? old->layers[i] == snapshot->layers[i] : !snapshot->layers[i])
            continue;
        atomic_store_explicit(&engine->layers.filters[i],
                              snapshot->layers[i] ? snapshot->layers[i]->filter_count : 0,
                              memory_order_release);
        atomic_fetch_add_explicit(&engine->layer_epochs[i], 1, memory_order_release);
    }
    if (!old)
        return;
    old->removal = TAKE_PTR(change->removed);
    old->next_retired = engine->retired;
    engine->retired = old;
    if (wfp_epoch_is_inside())
        return;
    wfp_epoch_wait();
    free_retired_locked(engine);
}

static void
prepare_removed(struct wfp_engine *engine, struct change *change, uint64_t version)
{
    change->removed->version = version;
    for (uint32_t i = 0; i < change->removed->count; i++) {
        wfp_slot_forget(&engine->slots, change->removed->slots[i]);
        wfp_slot_get(&engine->slots, change->removed->slots[i])->removed_in = version;
    }
}

static void
restore_removed(struct wfp_engine *engine, struct change *change)
{
    for (uint32_t i = 0; i < change->removed->count; i++) {
        wfp_slot_get(&engine->slots, change->removed->slots[i])->removed_in = UINT64_MAX;
        wfp_slot_remember(&engine->slots, change->removed->slots[i]);
    }
}

/* Each added slot is held here until the commit is over, so that a failure may free it. */
static void
release_added(struct wfp_engine *engine, struct change *change, bool failed)
{
    for (uint32_t i = 0; i < change->added_count; i++) {
        uint32_t number = change->added[i];
        if (failed)
            wfp_slot_forget(&engine->slots, number);
        if (--wfp_slot_get(&engine->slots, number)->segments == 0)
            wfp_slot_free(&engine->slots, number);
    }
}

static int
prepare_added(struct wfp_engine *engine, struct wfp_filter *const *filters, uint32_t count,
              struct change *change)
{
    change->added = malloc((count + (size_t)1) * sizeof(change->added[0]));
    if (!change->added)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;

        if (!wfp_layer_find_id(filters[i]->layer_id))
            return -WFP_ERR_LAYER_NOT_FOUND;
        if (wfp_slot_find(&engine->slots, filters[i]->id))
            return -WFP_ERR_ALREADY_EXISTS;
        number = wfp_slot_add(&engine->slots, filters[i]);
        if (!number)
            return -WFP_ERR_NO_MEMORY;
        wfp_slot_get(&engine->slots, number)->segments = 1;
        change->added[change->added_count++] = number;
    }
    return 0;
}

/* @p change has the slots to remove; @p filters are to be added. */
static int
apply_locked(struct wfp_engine *engine, struct change *change, struct wfp_filter *const *filters,
             uint32_t filter_count)
{
    const struct wfp_snapshot *old = engine->snapshot;
    struct wfp_snapshot *snapshot;
    int r;

    if (!wfp_slot_reserve(&engine->slots, filter_count))
        return -WFP_ERR_NO_MEMORY;
    prepare_removed(engine, change, old ? old->version + 1 : 1);
    r = prepare_added(engine, filters, filter_count, change);
    if (r == 0)
        r = wfp_snapshot_new(&engine->slots, old,
                             &(struct wfp_snapshot_change){
                                 .added = change->added,
                                 .added_count = change->added_count,
                                 .removed = change->removed->slots,
                                 .removed_count = change->removed->count,
                             },
                             &snapshot);
    release_added(engine, change, r < 0);
    if (r < 0) {
        restore_removed(engine, change);
        return r;
    }
    publish_locked(engine, snapshot, change);
    wfp_engine_fold_wake_locked(engine);
    return 0;
}

/* What of @p policy is new, and what in force is not in it. */
static int
difference_locked(struct wfp_engine *engine, const struct wfp_policy *policy, struct change *change,
                  struct wfp_filter **new_filters, uint32_t *ret_new_count)
{
    struct wfp_slot_table *slots = &engine->slots;
    uint32_t mark = ++engine->commit_mark, count = 0;

    for (uint32_t i = 0; i < policy->filter_count; i++) {
        uint32_t number = wfp_slot_find(slots, policy->filters[i]->id);
        if (number && wfp_slot_get(slots, number)->filter == policy->filters[i])
            wfp_slot_get(slots, number)->mark = mark;
        else
            new_filters[count++] = policy->filters[i];
    }
    change->removed = removal_new(slots->index.count);
    if (!change->removed)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < wfp_index_extent(&slots->index); i++) {
        uint32_t number = wfp_index_at(&slots->index, i);
        if (number && wfp_slot_get(slots, number)->mark != mark)
            change->removed->slots[change->removed->count++] = number;
    }
    *ret_new_count = count;
    return 0;
}

int
wfp_engine_commit(struct wfp_engine *engine, const struct wfp_policy *policy)
{
    struct wfp_filter **new_filters =
        malloc((policy->filter_count + (size_t)1) * sizeof(new_filters[0]));
    struct change change = {0};
    uint32_t new_count;
    int r;

    if (!new_filters)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_lock(&engine->mutex);
    r = difference_locked(engine, policy, &change, new_filters, &new_count);
    if (r == 0)
        r = apply_locked(engine, &change, new_filters, new_count);
    pthread_mutex_unlock(&engine->mutex);
    change_fini(&change);
    free(new_filters);
    return r;
}

/* The slots of @p removed, each once. */
static int
find_removed_locked(struct wfp_engine *engine, struct wfp_filter *const *removed, uint32_t count,
                    struct change *change)
{
    uint32_t mark = ++engine->commit_mark;

    change->removed = removal_new(count);
    if (!change->removed)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = wfp_slot_find(&engine->slots, removed[i]->id);
        struct wfp_slot *slot = number ? wfp_slot_get(&engine->slots, number) : NULL;

        if (!slot || slot->filter != removed[i] || slot->mark == mark)
            return -WFP_ERR_FILTER_NOT_FOUND;
        slot->mark = mark;
        change->removed->slots[change->removed->count++] = number;
    }
    return 0;
}

int
wfp_engine_commit_delta(struct wfp_engine *engine, struct wfp_filter *const *added,
                        uint32_t added_count, struct wfp_filter *const *removed,
                        uint32_t removed_count)
{
    struct change change = {0};
    int r;

    pthread_mutex_lock(&engine->mutex);
    r = find_removed_locked(engine, removed, removed_count, &change);
    if (r == 0)
        r = apply_locked(engine, &change, added, added_count);
    pthread_mutex_unlock(&engine->mutex);
    change_fini(&change);
    return r;
}
