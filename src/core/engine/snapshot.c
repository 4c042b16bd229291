/*
 * Building snapshots.
 */
#include "core/engine/snapshot.h"

#include <string.h>

#include "base/status.h"

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
    const struct wfp_filter *x = *(struct wfp_filter *const *)a;
    const struct wfp_filter *y = *(struct wfp_filter *const *)b;
    return x == y ? 0 : wfp_snapshot_outranks(x, y) ? -1 : 1;
}

static void
policy_unref(struct wfp_layer_policy *policy)
{
    if (!policy || --policy->references)
        return;
    for (uint32_t i = 0; i < policy->filter_count; i++)
        wfp_filter_unref(policy->filters[i]);
    free(policy);
}

static bool
policy_is_same(const struct wfp_layer_policy *a, const struct wfp_layer_policy *b)
{
    return a && a->filter_count == b->filter_count &&
           memcmp(a->filters, b->filters, a->filter_count * sizeof(a->filters[0])) == 0;
}

void
wfp_snapshot_free(struct wfp_snapshot *snapshot)
{
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++)
        policy_unref(snapshot->layers[i]);
    free(snapshot);
}

static int
add_filter(struct wfp_snapshot *snapshot, struct wfp_filter *filter)
{
    struct wfp_layer_policy **place = &snapshot->layers[filter->layer_id], *policy = *place;
    uint32_t count = policy ? policy->filter_count : 0;

    if ((count & (count - 1)) == 0) { /* grow at powers of two */
        size_t room = count ? 2 * (size_t)count : 1;
        policy = realloc(policy, sizeof(*policy) + room * sizeof(policy->filters[0]));
        if (!policy)
            return -WFP_ERR_NO_MEMORY;
        policy->references = 1;
        policy->filter_count = count;
        *place = policy;
    }
    policy->filters[policy->filter_count++] = wfp_filter_ref(filter);
    return 0;
}

int
wfp_snapshot_new(const struct wfp_snapshot *old, struct wfp_filter *const *filters,
                 uint32_t filter_count, struct wfp_snapshot **ret_snapshot)
{
    _cleanup_(wfp_snapshot_freep) struct wfp_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    int r;

    if (!snapshot)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < filter_count; i++) {
        if (!wfp_layer_find_id(filters[i]->layer_id))
            return -WFP_ERR_LAYER_NOT_FOUND;
        r = add_filter(snapshot, filters[i]);
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < WFP_LAYER_COUNT; i++) {
        struct wfp_layer_policy *policy = snapshot->layers[i];
        if (!policy)
            continue;
        qsort(policy->filters, policy->filter_count, sizeof(policy->filters[0]), by_rank);
        if (old && policy_is_same(old->layers[i], policy)) {
            policy_unref(policy);
            snapshot->layers[i] = old->layers[i];
            snapshot->layers[i]->references++;
        }
    }
    *ret_snapshot = TAKE_PTR(snapshot);
    return 0;
}
