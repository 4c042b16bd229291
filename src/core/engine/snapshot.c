/*
 * Snapshots: building the successor of one from a change.
 */
#include "core/engine/snapshot.h"

#include <string.h>

#include "base/status.h"

/*
 * Shares of the segments: the last holds this many at most, the middle one an eighth of the first.
 * A layer that is no bigger than that has one segment.
 */
#define SMALL_MAX  96u
#define MIDDLE_MIN 1024u
/* Fold everything when this part of a layer's rules is dead. */
#define DEAD_PART 4u

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

/* Calls @p visit with the slot of every rule of an image. */
static void
for_each_slot(const struct wfp_image *image, void (*visit)(void *context, uint32_t slot),
              void *context)
{
    const uint32_t *words = image->words;

    for (uint32_t s = 0; s < words[WFP_IMAGE_SUBLAYERS]; s++) {
        const uint32_t *sublayer = &words[words[WFP_IMAGE_SUBLAYER_AT] + s * WFP_SUBLAYER_SIZE];
        for (uint32_t rule = sublayer[WFP_SUBLAYER_BEGIN]; rule < sublayer[WFP_SUBLAYER_END];
             rule += WFP_RULE_WORDS(words[rule]))
            visit(context, wfp_image_rule_word(image, rule, WFP_RULE_SLOT));
    }
}

static void
release_slot(void *context, uint32_t number)
{
    struct wfp_slot_table *slots = context;
    if (--wfp_slot_get(slots, number)->segments == 0)
        wfp_slot_free(slots, number);
}

static void
segment_unref(struct wfp_slot_table *slots, struct wfp_segment *segment)
{
    if (!segment || --segment->references)
        return;
    for_each_slot(&segment->image, release_slot, slots);
    wfp_image_fini(&segment->image);
    free(segment);
}

static void
policy_unref(struct wfp_slot_table *slots, struct wfp_layer_policy *policy)
{
    if (!policy || --policy->references)
        return;
    for (uint32_t i = 0; i < policy->segment_count; i++)
        segment_unref(slots, policy->segments[i]);
    free(policy);
}

void
wfp_snapshot_free(struct wfp_slot_table *slots, struct wfp_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->removed_count; i++)
        wfp_slot_drop_filter(slots, snapshot->removed[i]);
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++)
        policy_unref(slots, snapshot->layers[i]);
    free(snapshot->removed);
    free(snapshot);
}

/* The filters a new segment is to have, being collected. */
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
    struct wfp_segment *segment = calloc(1, sizeof(*segment));
    int r;

    if (!segment)
        return -WFP_ERR_NO_MEMORY;
    qsort(collection->sources, collection->count, sizeof(collection->sources[0]), by_rank);
    r = wfp_image_build(layer_id, collection->sources, collection->count, &segment->image);
    if (r < 0) {
        free(segment);
        return r;
    }
    segment->references = 1;
    segment->rule_count = collection->count;
    for (uint32_t i = 0; i < collection->count; i++)
        wfp_slot_get(collection->slots, collection->sources[i].slot)->segments++;
    *ret_segment = segment;
    return 0;
}

/*
 * How many of a layer's segments stay as they are when @p added filters come and @p removed in all
 * are dead. What comes is folded with the rest into one new segment behind those that stay.
 */
static uint32_t
segments_to_keep(const struct wfp_layer_policy *old, uint32_t added, uint32_t removed)
{
    uint32_t fold = added;

    if (!old || removed > (old->filter_count + added) / DEAD_PART)
        return 0;
    if (!added)
        return old->segment_count;
    if (old->filter_count + added <= SMALL_MAX)
        return 0;
    for (uint32_t keep = old->segment_count; keep > 0; keep--) {
        uint32_t limit = keep == 1   ? MAX(MIDDLE_MIN, old->segments[0]->rule_count / 8)
                         : keep == 2 ? SMALL_MAX
                                     : 0;
        if (fold <= limit)
            return keep;
        fold += old->segments[keep - 1]->rule_count;
    }
    return 0;
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

/* What a change does to one layer. */
struct layer_change {
    uint32_t added, removed;
};

static int
policy_new(uint16_t layer_id, struct collection *collection, const struct wfp_layer_policy *old,
           const struct wfp_snapshot_change *change, const struct layer_change *counts,
           struct wfp_layer_policy **ret_policy)
{
    uint32_t removed = counts->removed + (old ? old->removed_count : 0), keep;
    struct wfp_layer_policy *policy = calloc(1, sizeof(*policy));
    int r;

    if (!policy)
        return -WFP_ERR_NO_MEMORY;
    policy->references = 1;
    policy->filter_count = (old ? old->filter_count : 0) + counts->added - counts->removed;
    policy->removed_count = removed;
    keep = segments_to_keep(old, counts->added, removed);
    for (uint32_t i = 0; i < keep; i++) {
        policy->segments[policy->segment_count++] = old->segments[i];
        old->segments[i]->references++;
    }
    collection->count = 0;
    for (uint32_t i = keep; old && i < old->segment_count; i++) {
        uint32_t before = collection->count;
        for_each_slot(&old->segments[i]->image, collect, collection);
        policy->removed_count -= old->segments[i]->rule_count - (collection->count - before);
    }
    for (uint32_t i = 0; i < change->added_count && counts->added; i++)
        if (wfp_slot_get(collection->slots, change->added[i])->filter->layer_id == layer_id)
            collect(collection, change->added[i]);
    if (collection->count) {
        r = segment_new(layer_id, collection, &policy->segments[policy->segment_count]);
        if (r < 0) {
            policy_unref(collection->slots, policy);
            return r;
        }
        policy->segment_count++;
    }
    for (uint32_t i = 0; i < policy->segment_count; i++)
        plan_join(&policy->plan, &policy->segments[i]->image.plan);
    *ret_policy = policy;
    return 0;
}

static uint32_t
rules_in_segments(const struct wfp_snapshot *snapshot)
{
    uint32_t most = 0;

    for (uint32_t i = 0; snapshot && i < WFP_LAYER_COUNT; i++) {
        uint32_t rules = 0;
        for (uint32_t s = 0; snapshot->layers[i] && s < snapshot->layers[i]->segment_count; s++)
            rules += snapshot->layers[i]->segments[s]->rule_count;
        most = MAX(most, rules);
    }
    return most;
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
    uint32_t room = rules_in_segments(old) + change->added_count;
    int r = 0;

    if (!snapshot)
        return -WFP_ERR_NO_MEMORY;
    snapshot->version = collection.version;
    /* Only what is touched is written: a big room costs nothing until it is used. */
    collection.sources = malloc((room + 1) * sizeof(collection.sources[0]));
    if (!collection.sources)
        r = -WFP_ERR_NO_MEMORY;
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
    free(collection.sources);
    if (r < 0) {
        wfp_snapshot_free(slots, snapshot);
        return r;
    }
    *ret_snapshot = snapshot;
    return 0;
}
