/*
 * Filters: made by BFE, shared by reference with the snapshots that hold them.
 */
#include "core/model/filter.h"

#include <stdlib.h>

#include "base/macros.h"

const struct wfp_filter_extra wfp_filter_no_extra;

struct wfp_filter *
wfp_filter_new(void)
{
    struct wfp_filter *filter = calloc(1, sizeof(*filter));
    if (!filter)
        return NULL;
    atomic_init(&filter->references, 1);
    filter->extra = &wfp_filter_no_extra;
    return filter;
}

struct wfp_filter *
wfp_filter_new_block(size_t extra, uint8_t **ret_extra)
{
    struct wfp_filter *filter = calloc(1, sizeof(*filter) + extra);

    static_assert(sizeof(*filter) % 8 == 0, "what follows is aligned");
    if (!filter)
        return NULL;
    atomic_init(&filter->references, 1);
    filter->is_block = true;
    filter->extra = &wfp_filter_no_extra;
    *ret_extra = (uint8_t *)(filter + 1);
    return filter;
}

const struct wfp_condition *
wfp_filter_condition(const struct wfp_filter *filter, uint32_t at, struct wfp_condition_view *view)
{
    if (!filter->is_packed)
        return &filter->conditions[at];
    (void)wfp_condition_unpack(wfp_layer_find_id(filter->layer_id), filter->packed_conditions + at,
                               view);
    return &view->condition;
}

const struct wfp_condition *
wfp_filter_next(struct wfp_filter_walk *walk)
{
    const struct wfp_filter *filter = walk->filter;
    const uint8_t *packed = filter->packed_conditions;

    if (walk->count == filter->condition_count)
        return NULL;
    walk->count++;
    walk->at = walk->next;
    if (!filter->is_packed) {
        walk->view.field = -1;
        return &filter->conditions[walk->next++];
    }
    walk->next = (uint32_t)(wfp_condition_unpack(wfp_layer_find_id(filter->layer_id),
                                                 packed + walk->at, &walk->view) -
                            packed);
    return &walk->view.condition;
}

struct wfp_filter *
wfp_filter_ref(struct wfp_filter *filter)
{
    unsigned before = atomic_fetch_add_explicit(&filter->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return filter;
}

static void
filter_free(struct wfp_filter *filter)
{
    if (filter->adapter_view && filter->adapter_free)
        filter->adapter_free(filter->adapter_view);
    if (!filter->is_block) {
        for (uint32_t i = 0; filter->conditions && i < filter->condition_count; i++)
            wfp_value_fini(&filter->conditions[i].value);
        free(filter->conditions);
        free(filter->name_utf16);
    }
    free(filter->extra->provider_context_view);
    free(filter->extra->options);
    free(filter);
}

void
wfp_filter_unref(struct wfp_filter *filter)
{
    if (!filter)
        return;
    if (atomic_fetch_sub_explicit(&filter->references, 1, memory_order_acq_rel) == 1)
        filter_free(filter);
}

const char *
wfp_filter_action_name(uint32_t action)
{
    static const struct {
        uint32_t action;
        const char *name;
    } names[] = {
        {WFP_ACTION_BLOCK, "BLOCK"},
        {WFP_ACTION_PERMIT, "PERMIT"},
        {WFP_ACTION_CALLOUT_TERMINATING, "CALLOUT_TERMINATING"},
        {WFP_ACTION_CALLOUT_INSPECTION, "CALLOUT_INSPECTION"},
        {WFP_ACTION_CALLOUT_UNKNOWN, "CALLOUT_UNKNOWN"},
    };
    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (names[i].action == action)
            return names[i].name;
    return "?";
}
