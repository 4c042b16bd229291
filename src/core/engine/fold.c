/*
 * Folding: neighbouring segments of a layer become one, without what is no longer in force.
 *
 * Model      Segments of a layer keep these proportions: behind the first, all together an eighth of
 *            it at most; when commits have ceased for a moment, behind the second, one small one. While
 *            they go on, small ones are folded with others of their size. Everything is folded when
 *            much of a layer is dead. A filter's slot goes from the segment
 *            that had it to the successor uncounted; those left out go with the old segment.
 * Not here   engine_fold.c has the thread that does it.
 */
#include "base/status.h"
#include "core/engine/snapshot.h"

/* Behind the first segment there may be as many rules, or a part of the first's. */
#define REST_MIN  1024u
#define REST_PART 8u
/* Segments that need no folding: the first, the rest, and a small one. */
#define FEW 3u
/* With more it is urgent. */
#define MANY 8u
/* Fold everything when this part of a layer's rules is dead. */
#define DEAD_PART 4u

/* Is more behind the first segment, or dead, than there should be? */
static bool
is_out_of_proportion(const struct wfp_layer_policy *policy)
{
    uint32_t rest = 0;

    for (uint32_t i = 1; i < policy->segment_count; i++)
        rest += policy->segments[i]->rule_count;
    return policy->removed_count > policy->filter_count / DEAD_PART ||
           rest > MAX(REST_MIN, policy->segments[0]->rule_count / REST_PART);
}

/* The last segments, as far as they are of one size: so that no rule is moved often. */
static uint32_t
of_one_size(const struct wfp_layer_policy *policy)
{
    uint32_t from = policy->segment_count - 1, rules = policy->segments[from]->rule_count;

    while (from > 1 && policy->segments[from - 1]->rule_count <= 2 * rules)
        rules += policy->segments[--from]->rule_count;
    return policy->segment_count - from > FEW ? from : WFP_SEGMENTS;
}

/* From which segment on the layer is to be folded; WFP_SEGMENTS: not at all. */
static uint32_t
fold_from(const struct wfp_layer_policy *policy, bool is_quiet)
{
    if (!policy || !policy->segment_count)
        return WFP_SEGMENTS;
    if (is_out_of_proportion(policy))
        return 0;
    if (policy->segment_count <= FEW)
        return WFP_SEGMENTS;
    return is_quiet ? 1 : of_one_size(policy);
}

int
wfp_fold_is_due(const struct wfp_snapshot *snapshot)
{
    int due = 0;

    for (uint16_t layer = 0; layer < WFP_LAYER_COUNT; layer++)
        if (fold_from(snapshot->layers[layer], true) != WFP_SEGMENTS)
            due = MAX(due, snapshot->layers[layer]->segment_count > MANY ? 2 : 1);
    return due;
}

bool
wfp_fold_choose(const struct wfp_snapshot *snapshot, bool is_quiet, struct wfp_fold *ret_fold)
{
    for (uint16_t layer = 0; layer < WFP_LAYER_COUNT; layer++) {
        const struct wfp_layer_policy *policy = snapshot->layers[layer];
        uint32_t from = fold_from(policy, is_quiet);

        if (from == WFP_SEGMENTS)
            continue;
        *ret_fold = (struct wfp_fold){.layer_id = layer, .version = snapshot->version};
        for (uint32_t i = from; i < policy->segment_count; i++) {
            struct wfp_segment *segment = policy->segments[i];
            segment->references++;
            segment->is_folding = true;
            ret_fold->segments[ret_fold->count++] = segment;
        }
        return true;
    }
    return false;
}

/* What stays, and what of the segment at hand does not. */
struct sorting {
    const struct wfp_slot_table *slots;
    uint64_t version;
    struct wfp_image_source *sources;
    uint32_t count;
    struct wfp_segment *segment;
};

static void
sort_out(void *context, uint32_t number)
{
    struct sorting *sorting = context;
    struct wfp_slot *slot = wfp_slot_get(sorting->slots, number);

    if (atomic_load_explicit(&slot->removed_in, memory_order_relaxed) > sorting->version)
        sorting->sources[sorting->count++] = (struct wfp_image_source){slot->filter, number};
    else
        sorting->segment->left_out[sorting->segment->left_out_count++] = number;
}

/* Room for what may be left out: as many as are dead now, at most all. */
static int
sort_segment(struct sorting *sorting, struct wfp_segment *segment)
{
    segment->left_out_count = 0;
    segment->left_out = malloc((segment->rule_count + (size_t)1) * sizeof(segment->left_out[0]));
    if (!segment->left_out)
        return -WFP_ERR_NO_MEMORY;
    sorting->segment = segment;
    wfp_image_for_each_slot(&segment->image, sort_out, sorting);
    if (!segment->left_out_count) {
        free(segment->left_out);
        segment->left_out = NULL;
    }
    return 0;
}

int
wfp_fold_build(const struct wfp_slot_table *slots, struct wfp_fold *fold)
{
    struct sorting sorting = {.slots = slots, .version = fold->version};
    uint32_t room = 1;
    int r = 0;

    for (uint32_t i = 0; i < fold->count; i++)
        room += fold->segments[i]->rule_count;
    sorting.sources = malloc(room * sizeof(sorting.sources[0]));
    if (!sorting.sources)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; r == 0 && i < fold->count; i++)
        r = sort_segment(&sorting, fold->segments[i]);
    if (r == 0 && sorting.count)
        r = wfp_segment_build(fold->layer_id, sorting.sources, sorting.count, &fold->successor);
    free(sorting.sources);
    return r;
}

/* Where the fold's segments stand in @p policy; WFP_SEGMENTS if they do not any more. */
static uint32_t
find_run(const struct wfp_layer_policy *policy, const struct wfp_fold *fold)
{
    for (uint32_t at = 0; policy && at + fold->count <= policy->segment_count; at++) {
        uint32_t same = 0;
        while (same < fold->count && policy->segments[at + same] == fold->segments[same])
            same++;
        if (same == fold->count)
            return at;
    }
    return WFP_SEGMENTS;
}

/* @p now's layer with the run at @p at replaced. */
static struct wfp_layer_policy *
replace_run(const struct wfp_layer_policy *now, uint32_t at, const struct wfp_fold *fold)
{
    struct wfp_layer_policy *policy = calloc(1, sizeof(*policy));

    if (!policy)
        return NULL;
    policy->references = 1;
    policy->filter_count = now->filter_count;
    policy->removed_count = now->removed_count;
    for (uint32_t i = 0; i < now->segment_count; i++) {
        struct wfp_segment *segment = now->segments[i];

        if (i >= at && i < at + fold->count) {
            policy->removed_count -= segment->left_out_count;
            segment = i == at ? fold->successor : NULL;
        }
        if (segment) {
            segment->references++;
            wfp_layer_policy_push(policy, segment);
        }
    }
    return policy;
}

int
wfp_fold_apply(struct wfp_slot_table *slots, struct wfp_fold *fold, const struct wfp_snapshot *now,
               struct wfp_snapshot **ret_snapshot)
{
    const struct wfp_layer_policy *policy = now->layers[fold->layer_id];
    uint32_t at = find_run(policy, fold);
    struct wfp_snapshot *snapshot;

    if (at == WFP_SEGMENTS)
        return -WFP_ERR_NOT_FOUND;
    snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return -WFP_ERR_NO_MEMORY;
    snapshot->version = now->version;
    snapshot->layers[fold->layer_id] = replace_run(policy, at, fold);
    if (!snapshot->layers[fold->layer_id]) {
        free(snapshot);
        return -WFP_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++) {
        if (i == fold->layer_id || !now->layers[i])
            continue;
        snapshot->layers[i] = now->layers[i];
        snapshot->layers[i]->references++;
    }
    for (uint32_t i = 0; i < fold->count; i++)
        fold->segments[i]->is_succeeded = true;
    *ret_snapshot = snapshot;
    return 0;
}

void
wfp_fold_release(struct wfp_slot_table *slots, struct wfp_fold *fold)
{
    bool was_applied = fold->segments[0]->is_succeeded;

    if (fold->successor) {
        fold->successor->is_succeeded = !was_applied; /* then it never had the slots */
        wfp_segment_unref(slots, fold->successor);
    }
    for (uint32_t i = 0; i < fold->count; i++) {
        struct wfp_segment *segment = fold->segments[i];

        segment->is_folding = false;
        if (!was_applied) { /* it keeps all of its slots */
            free(segment->left_out);
            segment->left_out = NULL;
            segment->left_out_count = 0;
        } else if (segment->references == 1) {
            fold->garbage[i] = TAKE_PTR(segment->image.words);
        }
        wfp_segment_unref(slots, segment);
    }
}

void
wfp_fold_fini(struct wfp_fold *fold)
{
    for (uint32_t i = 0; i < fold->count; i++)
        free(fold->garbage[i]);
}
