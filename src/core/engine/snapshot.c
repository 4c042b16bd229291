/*
 * Snapshots: building the successor of one from a change.
 */
#include "core/engine/snapshot.h"

#include <string.h>

#include "base/status.h"

/* A layer of no more rules has one segment; in a bigger one, what a single commit builds anew. */
#define SMALL_MAX 96u
/* Segments that a commit folds by itself when there is no room for another. */
#define MAKE_ROOM 4u

bool
wfp_snapshot_outranks(const struct wfp_filter *a, const struct wfp_filter *b)
{
    int order;

    if (a->sublayer_weight != b->sublayer_weight)
        return a->sublayer_weight > b->sublayer_weight;
    order = memcmp(&a->sublayer_key, &b->sublayer_key, sizeof(a->sublayer_key));
    if (order)
        return order > 0;
    if (a->weight != b->weight)
        return a->weight > b->weight;
    return a->id > b->id; /* docs/decisions/0005: the newer first */
}

static int
by_rank(const void *a, const void *b)
{
    const struct wfp_image_source *x = a, *y = b;
    return x->filter == y->filter ? 0 : wfp_snapshot_outranks(x->filter, y->filter) ? -1 : 1;
}

static void
release_slot(void *context, uint32_t number)
{
    struct wfp_slot_table *slots = context;
    if (--wfp_slot_get(slots, number)->segments == 0)
        wfp_slot_free(slots, number);
}

void
wfp_segment_unref(struct wfp_slot_table *slots, struct wfp_segment *segment)
{
    if (!segment || --segment->references)
        return;
    if (!segment->is_succeeded)
        wfp_image_for_each_slot(&segment->image, release_slot, slots);
    for (uint32_t i = 0; i < segment->left_out_count; i++)
        release_slot(slots, segment->left_out[i]);
    wfp_image_fini(&segment->image);
    free(segment->left_out);
    free(segment);
}

void
wfp_layer_policy_unref(struct wfp_slot_table *slots, struct wfp_layer_policy *policy)
{
    if (!policy || --policy->references)
        return;
    for (uint32_t i = 0; i < policy->segment_count; i++)
        wfp_segment_unref(slots, policy->segments[i]);
    free(policy);
}

void
wfp_snapshot_free(struct wfp_slot_table *slots, struct wfp_snapshot *snapshot)
{
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++)
        wfp_layer_policy_unref(slots, snapshot->layers[i]);
    free(snapshot);
}

void
wfp_snapshot_drop_removal(struct wfp_slot_table *slots, struct wfp_removal *removal)
{
    for (uint32_t i = 0; removal && i < removal->count; i++)
        /* If not, the slot was freed, with its filter, and has another by now. */
        if (wfp_slot_get(slots, removal->slots[i])->removed_in == removal->version)
            wfp_slot_drop_filter(slots, removal->slots[i]);
    free(removal);
}

int
wfp_segment_build(uint16_t layer_id, struct wfp_image_source *sources, uint32_t count,
                  struct wfp_segment **ret_segment)
{
    struct wfp_segment *segment = calloc(1, sizeof(*segment));
    int r;

    if (!segment)
        return -WFP_ERR_NO_MEMORY;
    qsort(sources, count, sizeof(sources[0]), by_rank);
    r = wfp_image_build(layer_id, sources, count, &segment->image);
    if (r < 0) {
        free(segment);
        return r;
    }
    segment->references = 1;
    segment->rule_count = count;
    *ret_segment = segment;
    return 0;
}

/* The filters a commit's new segment is to have, being collected. */
struct collection {
    struct wfp_slot_table *slots;
    uint64_t version; /* of the snapshot to come: slots removed in it are left out */
    struct wfp_image_source *sources;
    uint32_t count;
};

static void
collect(void *context, uint32_t number)
{
    struct collection *collection = context;
    struct wfp_slot *slot = wfp_slot_get(collection->slots, number);

    if (slot->removed_in > collection->version)
        collection->sources[collection->count++] = (struct wfp_image_source){slot->filter, number};
}

static int
segment_new(uint16_t layer_id, struct collection *collection, struct wfp_segment **ret_segment)
{
    int r = wfp_segment_build(layer_id, collection->sources, collection->count, ret_segment);

    for (uint32_t i = 0; r == 0 && i < collection->count; i++)
        wfp_slot_get(collection->slots, collection->sources[i].slot)->segments++;
    return r;
}

/*
 * How many of a layer's segments stay as they are when @p added filters come. What comes is folded
 * with the rest into one new segment behind those that stay. So that no commit pays for more than it
 * brings, or for a small segment; more only when there is no room left.
 */
static uint32_t
segments_to_keep(const struct wfp_layer_policy *old, uint32_t added)
{
    uint32_t fold = added, keep, frozen = 0;
    bool is_full;

    if (!old || old->filter_count + added <= SMALL_MAX)
        return 0;
    if (!added)
        return old->segment_count;
    for (uint32_t i = 0; i < old->segment_count; i++)
        if (old->segments[i]->is_folding)
            frozen = i + 1;
    if (frozen == WFP_SEGMENTS)
        return 0;
    is_full = old->segment_count == WFP_SEGMENTS;
    for (keep = old->segment_count; keep > frozen; keep--) {
        uint32_t rules = old->segments[keep - 1]->rule_count;

        if (fold + rules > MAX(SMALL_MAX, 2 * added) &&
            !(is_full && keep > WFP_SEGMENTS - MAKE_ROOM))
            break;
        fold += rules;
    }
    return keep;
}

static void
plan_join(struct wfp_key_plan *plan, const struct wfp_key_plan *other)
{
    for (uint32_t i = 0; i < other->count; i++) {
        uint32_t at = 0;
        while (at < plan->count && plan->fields[at] != other->fields[i])
            at++;
        if (at == plan->count)
            plan->fields[plan->count++] = other->fields[i];
    }
}

void
wfp_layer_policy_push(struct wfp_layer_policy *policy, struct wfp_segment *segment)
{
    assert(policy->segment_count < WFP_SEGMENTS);
    policy->segments[policy->segment_count++] = segment;
    plan_join(&policy->plan, &segment->image.plan);
}

/* What a change does to one layer. */
struct layer_change {
    uint32_t added, removed;
};

/* One new segment of what is in force in those of @p old from @p keep on, and of what is added. */
static int
add_segment(uint16_t layer_id, struct collection *collection, const struct wfp_layer_policy *old,
            uint32_t keep, const struct wfp_snapshot_change *change, uint32_t added,
            struct wfp_layer_policy *policy)
{
    struct wfp_segment *segment;
    uint32_t room = added;
    int r = 0;

    for (uint32_t i = keep; old && i < old->segment_count; i++)
        room += old->segments[i]->rule_count;
    if (!room)
        return 0;
    collection->count = 0;
    collection->sources = malloc(room * sizeof(collection->sources[0]));
    if (!collection->sources)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = keep; old && i < old->segment_count; i++) {
        uint32_t before = collection->count;
        wfp_image_for_each_slot(&old->segments[i]->image, collect, collection);
        policy->removed_count -= old->segments[i]->rule_count - (collection->count - before);
    }
    for (uint32_t i = 0; i < change->added_count && added; i++)
        if (wfp_slot_get(collection->slots, change->added[i])->filter->layer_id == layer_id)
            collect(collection, change->added[i]);
    if (collection->count) {
        r = segment_new(layer_id, collection, &segment);
        if (r == 0)
            wfp_layer_policy_push(policy, segment);
    }
    free(collection->sources);
    return r;
}

static int
policy_new(uint16_t layer_id, struct collection *collection, const struct wfp_layer_policy *old,
           const struct wfp_snapshot_change *change, const struct layer_change *counts,
           struct wfp_layer_policy **ret_policy)
{
    struct wfp_layer_policy *policy = calloc(1, sizeof(*policy));
    uint32_t keep;
    int r;

    if (!policy)
        return -WFP_ERR_NO_MEMORY;
    policy->references = 1;
    policy->filter_count = (old ? old->filter_count : 0) + counts->added - counts->removed;
    policy->removed_count = (old ? old->removed_count : 0) + counts->removed;
    keep = segments_to_keep(old, counts->added);
    for (uint32_t i = 0; i < keep; i++) {
        wfp_layer_policy_push(policy, old->segments[i]);
        old->segments[i]->references++;
    }
    r = add_segment(layer_id, collection, old, keep, change, counts->added, policy);
    if (r < 0) {
        wfp_layer_policy_unref(collection->slots, policy);
        return r;
    }
    *ret_policy = policy;
    return 0;
}

static void
count_changes(struct wfp_slot_table *slots, const struct wfp_snapshot_change *change,
              struct layer_change counts[WFP_LAYER_COUNT])
{
    for (uint32_t i = 0; i < change->added_count; i++)
        counts[wfp_slot_get(slots, change->added[i])->filter->layer_id].added++;
    for (uint32_t i = 0; i < change->removed_count; i++)
        counts[wfp_slot_get(slots, change->removed[i])->filter->layer_id].removed++;
}

int
wfp_snapshot_new(struct wfp_slot_table *slots, const struct wfp_snapshot *old,
                 const struct wfp_snapshot_change *change, struct wfp_snapshot **ret_snapshot)
{
    struct collection collection = {.slots = slots, .version = old ? old->version + 1 : 1};
    struct layer_change counts[WFP_LAYER_COUNT] = {0};
    struct wfp_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    int r = 0;

    if (!snapshot)
        return -WFP_ERR_NO_MEMORY;
    snapshot->version = collection.version;
    count_changes(slots, change, counts);
    for (uint16_t i = 0; r == 0 && i < WFP_LAYER_COUNT; i++) {
        struct wfp_layer_policy *policy = old ? old->layers[i] : NULL;

        if (!counts[i].added && !counts[i].removed) {
            snapshot->layers[i] = policy;
            if (policy)
                policy->references++;
        } else if ((policy ? policy->filter_count : 0) + counts[i].added > counts[i].removed) {
            r = policy_new(i, &collection, policy, change, &counts[i], &snapshot->layers[i]);
        }
    }
    if (r < 0) {
        wfp_snapshot_free(slots, snapshot);
        return r;
    }
    *ret_snapshot = snapshot;
    return 0;
}
