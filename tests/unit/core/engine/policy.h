/*
 * Shorthand for tests of the engine: filters, conditions, callouts that answer as told.
 */
#ifndef TESTS_UNIT_CORE_ENGINE_POLICY_H
#define TESTS_UNIT_CORE_ENGINE_POLICY_H

#include <stdint.h>
#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/engine/engine.h"
#include "core/model/layer.h"

static inline struct wfp_filter *
make_filter(uint64_t id, uint16_t layer_id, uint16_t sublayer_weight, uint64_t weight,
            uint32_t action)
{
    struct wfp_filter *filter = wfp_filter_new();
    assert(filter);
    filter->id = id;
    filter->layer_id = layer_id;
    filter->sublayer_weight = sublayer_weight;
    filter->weight = weight;
    filter->action = action;
    return filter;
}

static inline struct wfp_filter *
add_condition(struct wfp_filter *filter, int field, uint32_t match, struct wfp_value value)
{
    struct wfp_condition *condition;

    filter->conditions =
        realloc(filter->conditions, (filter->condition_count + 1) * sizeof(filter->conditions[0]));
    assert(filter->conditions);
    condition = &filter->conditions[filter->condition_count++];
    memset(condition, 0, sizeof(*condition));
    condition->field_key = wfp_layer_find_id(filter->layer_id)->fields[field].condition_key;
    condition->match = match;
    int r = wfp_value_copy(&value, &condition->value);
    assert(r == 0);
    (void)r;
    return filter;
}

/* What a test callout does, and what it saw. */
struct scripted {
    uint32_t action; /* 0: leave as found */
    bool clear_right, give_right;
    bool absorb;
    uint32_t calls;
    uint32_t action_in, rights_in;
    uint64_t filter_id, flow_context;
    uint32_t released;
    uint32_t id;
};

static inline void
scripted_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
                  uint64_t flow_context, struct wfp_classify_out *out)
{
    struct scripted *script = context;

    script->calls++;
    script->action_in = out->action;
    script->rights_in = out->rights;
    script->filter_id = filter->id;
    script->flow_context = flow_context;
    if (script->action)
        out->action = script->action;
    if (script->clear_right)
        out->rights &= ~WFP_RIGHT_ACTION_WRITE;
    if (script->give_right)
        out->rights |= WFP_RIGHT_ACTION_WRITE;
    if (script->absorb)
        out->flags |= WFP_CLASSIFY_OUT_FLAG_ABSORB;
}

static inline void
scripted_release(void *context)
{
    ((struct scripted *)context)->released++;
}

static inline uint32_t
register_scripted(struct wfp_engine *engine, uint32_t key, uint32_t flags, struct scripted *script)
{
    static const struct wfp_callout_ops ops = {.classify = scripted_classify,
                                               .release = scripted_release};
    int r = wfp_callout_register(engine, &(struct wfp_guid){.data1 = key}, flags, &ops, script,
                                 &script->id);
    assert(r == 0);
    (void)r;
    return script->id;
}

/* Commit and hand the filters over to the engine. */
static inline void
commit_all(struct wfp_engine *engine, struct wfp_filter **filters, uint32_t count)
{
    int r =
        wfp_engine_commit(engine, &(struct wfp_policy){.filters = filters, .filter_count = count});
    assert(r == 0);
    (void)r;
    for (uint32_t i = 0; i < count; i++)
        wfp_filter_unref(filters[i]);
}

#endif
