/*
 * Classify: walk the filters of a layer that match, in order, and arbitrate.
 *
 * Model      indication -> matching filters, sublayer by sublayer -> arbiter -> verdict. A block that
 *            is not absorbed is then shown to the layer's _DISCARD twin.
 * Context    Inside an epoch; no lock, no allocation. Callouts run here.
 */
#include <string.h>

#include "core/engine/arbiter.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"
#include "core/engine/snapshot.h"
#include "core/flow/flow.h"
#include "core/model/condition.h"
#include "core/model/metadata.h"

/* FWPS_DISCARD_METADATA0 of a block by policy. */
#define DISCARD_MODULE_GENERAL  2u
#define DISCARD_FIREWALL_POLICY 0u

struct classify {
    struct wfp_engine *engine;
    const struct wfp_indication *indication;
    struct wfp_arbiter arbiter;
    uint32_t matched;
};

static void
count(atomic_uint_least64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Counters that only this thread writes: no locked instruction. */
static void
count_own(atomic_uint_least64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void
count_answer(struct wfp_callout_entry *entry, uint32_t kind, uint32_t action)
{
    count(&entry->classified);
    if (kind != WFP_ACTION_CALLOUT_INSPECTION && action == WFP_ACTION_PERMIT)
        count(&entry->permit);
    else if (kind != WFP_ACTION_CALLOUT_INSPECTION && action == WFP_ACTION_BLOCK)
        count(&entry->block);
    else
        count(&entry->other);
}

/* No code behind the callout: inspections are skipped, the rest blocks unless the filter says not. */
static bool
stand_in(struct classify *c, const struct wfp_filter *filter)
{
    bool permit = filter->flags & WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED;

    if (filter->action == WFP_ACTION_CALLOUT_INSPECTION)
        return false;
    wfp_arbiter_take_filter(&c->arbiter, permit ? WFP_ACTION_PERMIT : WFP_ACTION_BLOCK,
                            filter->flags, filter->id, filter->callout_id);
    return true;
}

static bool
ask_callout(struct classify *c, struct wfp_filter *filter)
{
    const struct wfp_indication *indication = c->indication;
    struct wfp_callout_entry *entry = wfp_callout_entry(c->engine, filter->callout_id);
    struct wfp_registration *registration =
        entry ? atomic_load_explicit(&entry->registration, memory_order_acquire) : NULL;
    struct wfp_classify_out out = {.action = c->arbiter.action, .rights = c->arbiter.rights};
    uint64_t flow_context = 0;

    if (!registration)
        return stand_in(c, filter);
    if (indication->flow)
        flow_context =
            wfp_flow_context(indication->flow, indication->layer_id, filter->callout_id);
    if (registration->flags & WFP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW && !flow_context)
        return false;
    registration->ops.classify(registration->context, indication, filter, flow_context, &out);
    count_answer(entry, filter->action, out.action);
    return wfp_arbiter_take_callout(&c->arbiter, filter->action, &out, filter->id,
                                    filter->callout_id);
}

/* A matching filter's turn. @return is its sublayer decided? */
static bool
evaluate(struct classify *c, struct wfp_filter *filter)
{
    bool blocked_before = c->arbiter.action == WFP_ACTION_BLOCK;
    bool decided;

    c->matched++;
    count(&filter->matched);
    if (filter->action & WFP_ACTION_FLAG_CALLOUT) {
        decided = ask_callout(c, filter);
    } else {
        wfp_arbiter_take_filter(&c->arbiter, filter->action, filter->flags, filter->id, 0);
        decided = true;
    }
    if (!blocked_before && c->arbiter.action == WFP_ACTION_BLOCK)
        count(&filter->blocked);
    return decided;
}

/* AND across fields, OR among the conditions of one field. */
static bool
matches(const struct wfp_filter *filter, const struct wfp_layer *layer,
        const struct wfp_indication *indication)
{
    static const struct wfp_value unknown = {.type = WFP_EMPTY};
    uint64_t seen = 0, satisfied = 0;

    for (uint32_t i = 0; i < filter->condition_count; i++) {
        const struct wfp_condition *condition = &filter->conditions[i];
        int field = wfp_layer_find_field(layer, &condition->field_key);

        if (field < 0)
            return false;
        seen |= UINT64_C(1) << field;
        if (wfp_condition_match(field < indication->value_count ? &indication->values[field]
                                                                : &unknown,
                                condition->match, &condition->value))
            satisfied |= UINT64_C(1) << field;
    }
    return seen == satisfied;
}

static void
evaluate_layer(struct classify *c, const struct wfp_layer_policy *policy)
{
    const struct wfp_layer *layer = wfp_layer_find_id(c->indication->layer_id);

    for (uint32_t i = 0; i < policy->filter_count; i++) {
        struct wfp_filter *filter = policy->filters[i];

        if (!matches(filter, layer, c->indication) || !evaluate(c, filter))
            continue;
        while (i + 1 < policy->filter_count &&
               policy->filters[i + 1]->sublayer_weight == filter->sublayer_weight &&
               wfp_guid_equal(&policy->filters[i + 1]->sublayer_key, &filter->sublayer_key))
            i++;
    }
}

static void
count_layer(struct wfp_engine *engine, uint16_t layer_id, uint32_t action)
{
    struct wfp_engine_thread *thread = wfp_engine_thread_current(engine);

    if (LIKELY(thread != NULL)) {
        count_own(&thread->layers[layer_id].classified);
        count_own(action == WFP_ACTION_BLOCK ? &thread->layers[layer_id].block
                                             : &thread->layers[layer_id].permit);
        return;
    }
    count(&engine->shared_layers[layer_id].classified);
    count(action == WFP_ACTION_BLOCK ? &engine->shared_layers[layer_id].block
                                     : &engine->shared_layers[layer_id].permit);
}

/* Show what was blocked to the layer's _DISCARD twin; its answer changes nothing. */
static void
indicate_discard(struct wfp_engine *engine, const struct wfp_indication *indication,
                 const struct wfp_verdict *verdict)
{
    uint16_t twin = wfp_layer_discard_twin(indication->layer_id);
    struct wfp_indication discard = *indication;
    struct wfp_metadata metadata = {0};
    struct wfp_verdict ignored;

    if (wfp_engine_layer_is_empty(engine, twin))
        return;
    if (indication->metadata)
        metadata = *indication->metadata;
    metadata.present |= WFP_METADATA_DISCARD_REASON;
    metadata.discard.module = DISCARD_MODULE_GENERAL;
    metadata.discard.reason = DISCARD_FIREWALL_POLICY;
    metadata.discard.filter_id = verdict->filter_id;
    discard.layer_id = twin;
    discard.metadata = &metadata;
    discard.from_discard = true;
    wfp_classify(engine, &discard, &ignored);
}

void
wfp_classify(struct wfp_engine *engine, const struct wfp_indication *indication,
             struct wfp_verdict *ret_verdict)
{
    struct classify c = {.engine = engine, .indication = indication};
    const struct wfp_snapshot *snapshot;
    const struct wfp_layer_policy *policy;

    wfp_arbiter_init(&c.arbiter);
    if (!wfp_engine_layer_is_empty(engine, indication->layer_id)) {
        wfp_epoch_enter();
        snapshot = atomic_load_explicit(&engine->snapshot, memory_order_acquire);
        policy = snapshot->layers[indication->layer_id];
        if (policy)
            evaluate_layer(&c, policy);
        wfp_epoch_leave();
    }
    *ret_verdict = (struct wfp_verdict){
        .action = c.arbiter.action == WFP_ACTION_BLOCK ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT,
        .decided = c.arbiter.action != WFP_ACTION_NONE,
        .veto = c.arbiter.veto,
        .absorb = c.arbiter.absorb,
        .filter_id = c.arbiter.filter_id,
        .callout_id = c.arbiter.callout_id,
        .layer_id = indication->layer_id,
        .matched = c.matched,
    };
    if (indication->layer_id < WFP_LAYER_COUNT)
        count_layer(engine, indication->layer_id, ret_verdict->action);
    if (ret_verdict->action == WFP_ACTION_BLOCK && !ret_verdict->absorb &&
        !indication->from_discard)
        indicate_discard(engine, indication, ret_verdict);
}
