/*
 * Filters as callouts see them: FWPS_FILTER, with field ids instead of keys.
 *
 * Lifetime   One view per filter, made when a callout first needs it, freed with the filter. The
 *            driver may write `context` from its notifyFn; classify passes the same view.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/macros.h"
#include "core/model/layer.h"
#include "nt/fwps/fwps_internal.h"

struct filter_view {
    FWPS_FILTER3 filter;
    UINT64 weight;
    FWPS_FILTER_CONDITION0 *conditions;
    struct wfp_condition_view views[]; /* what they point to, or a way to it */
};

static struct filter_view *
render(const struct wfp_filter *filter)
{
    const struct wfp_layer *layer = wfp_layer_find_id(filter->layer_id);
    uint32_t count = filter->condition_count;
    struct filter_view *view =
        calloc(1, sizeof(*view) + count * (sizeof(view->views[0]) + sizeof(view->conditions[0])));
    struct wfp_filter_walk walk = wfp_filter_walk(filter);

    if (!view)
        return NULL;
    view->conditions = (FWPS_FILTER_CONDITION0 *)&view->views[count];
    view->weight = filter->weight;
    view->filter.filterId = filter->id;
    view->filter.weight.type = FWP_UINT64;
    view->filter.weight.uint64 = &view->weight;
    view->filter.subLayerWeight = filter->sublayer_weight;
    if (filter->flags & WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT)
        view->filter.flags |= FWPS_FILTER_FLAG_CLEAR_ACTION_RIGHT;
    if (filter->flags & WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED)
        view->filter.flags |= FWPS_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED;
    view->filter.numFilterConditions = filter->condition_count;
    view->filter.filterCondition = filter->condition_count ? view->conditions : NULL;
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        (void)wfp_filter_next(&walk);
        const struct wfp_condition *from = wfp_filter_condition(filter, walk.at, &view->views[i]);
        FWPS_FILTER_CONDITION0 *to = &view->conditions[i];
        int field = layer ? wfp_layer_find_field(layer, &from->field_key) : -1;
        to->fieldId = field < 0 ? 0xFFFF : (UINT16)field;
        to->matchType = (FWP_MATCH_TYPE)from->match;
        memcpy(&to->conditionValue, &from->value, sizeof(to->conditionValue));
    }
    view->filter.action.type = filter->action;
    view->filter.action.calloutId = filter->callout_id;
    view->filter.context = filter->context;
    view->filter.providerContext = filter->extra->provider_context_view;
    return view;
}

FWPS_FILTER3 *
nt_fwps_filter_view(struct wfp_filter *filter)
{
    struct filter_view *view = __atomic_load_n(&filter->adapter_view, __ATOMIC_ACQUIRE);
    void *none = NULL;

    if (LIKELY(view != NULL))
        return &view->filter;
    view = render(filter);
    if (!view)
        return NULL;
    filter->adapter_free = free;
    if (!__atomic_compare_exchange_n(&filter->adapter_view, &none, view, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        free(view); /* another thread was first */
        view = none;
    }
    return &view->filter;
}
