/*
 * Classify: walk the filters of a layer that match, in order, and arbitrate.
 *
 * Model      indication -> matching filters, sublayer by sublayer -> arbiter -> verdict. A block
 *            that is not absorbed is then shown to the layer's _DISCARD twin.
 * Context    Inside an epoch; no lock, no allocation. Callouts run here.
 */
#include <string.h>

#include "core/engine/arbiter.h"
#include "core/engine/classify_list.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"
#include "core/engine/snapshot.h"
#include "core/flow/flow.h"
#include "core/model/metadata.h"

/* FWPS_DISCARD_METADATA0 of a block by policy. */
#define DISCARD_MODULE_GENERAL  2u
#define DISCARD_FIREWALL_POLICY 0u

struct classify {
    struct wfp_engine *engine;
    const struct wfp_indication *indication;
    uint64_t version; /* of the snapshot */
    struct wfp_arbiter arbiter;
    uint32_t matched;
    struct wfp_classify_match *list; /* only listing what matches; NULL when deciding */
    uint32_t room;
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

/* No code behind the callout: inspections are skipped, the rest blocks unless the filter says
 * not. */
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

/* @return WFP_ANSWER_GIVEN with @p out, or why the callout was not asked */
static enum wfp_answer
call(struct wfp_engine *engine, const struct wfp_indication *indication, struct wfp_filter *filter,
     struct wfp_classify_out *out)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, filter->callout_id);
    struct wfp_registration *registration =
        entry ? atomic_load_explicit(&entry->registration, memory_order_acquire) : NULL;
    uint64_t flow_context = 0;

    if (!registration)
        return WFP_ANSWER_UNREGISTERED;
    if (indication->flow)
        flow_context = wfp_flow_context(indication->flow, indication->layer_id, filter->callout_id);
    if (registration->flags & WFP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW && !flow_context)
        return WFP_ANSWER_NONE;
    registration->ops.classify(registration->context, indication, filter, flow_context, out);
    count_answer(entry, filter->action, out->action);
    return WFP_ANSWER_GIVEN;
}

static bool
ask_callout(struct classify *c, struct wfp_filter *filter)
{
    struct wfp_classify_out out = {.action = c->arbiter.action, .rights = c->arbiter.rights};

    switch (call(c->engine, c->indication, filter, &out)) {
    case WFP_ANSWER_UNREGISTERED:
        return stand_in(c, filter);
    case WFP_ANSWER_NONE:
        return false;
    default:
        return wfp_arbiter_take_callout(&c->arbiter, filter->action, &out, filter->id,
                                        filter->callout_id);
    }
}

static bool
is_removed(const struct classify *c, const struct wfp_slot *slot)
{
    return atomic_load_explicit(&slot->removed_in, memory_order_relaxed) <= c->version;
}

/*
 * A matching rule's turn. A rule removed in this version, or one that only seemed to match, is
 * passed over. @return is its sublayer decided?
 */
static bool
evaluate(struct classify *c, const struct wfp_image *image, const uint32_t *key, uint32_t rule)
{
    uint32_t action = wfp_image_rule_word(image, rule, WFP_RULE_ACTION);
    struct wfp_slot *slot =
        wfp_slot_get(&c->engine->slots, wfp_image_rule_word(image, rule, WFP_RULE_SLOT));
    bool blocked_before = c->arbiter.action == WFP_ACTION_BLOCK, decided = true;

    if (is_removed(c, slot))
        return false;
    if (image->words[rule] & WFP_RULE_VERIFY &&
        !wfp_image_verify(image, key, rule, slot->filter, c->indication))
        return false;
    if (UNLIKELY(c->list != NULL)) {
        if (c->matched < c->room)
            c->list[c->matched] = (struct wfp_classify_match){slot->filter, slot};
        c->matched++;
        return false;
    }
    c->matched++;
    count(&slot->matched);
    if (action & WFP_ACTION_FLAG_CALLOUT)
        decided = ask_callout(c, slot->filter);
    else
        wfp_arbiter_take_filter(&c->arbiter, action & 0xffffu, action >> 16,
                                wfp_image_rule_word(image, rule, WFP_RULE_ID_LOW) |
                                    (uint64_t)wfp_image_rule_word(image, rule, WFP_RULE_ID_HIGH)
                                        << 32,
                                0);
    if (!blocked_before && c->arbiter.action == WFP_ACTION_BLOCK)
        count(&slot->blocked);
    return decided;
}

static void
evaluate_segment(struct classify *c, const struct wfp_image *image, const uint32_t *key)
{
    const uint32_t *words = image->words;
    uint32_t sublayer = words[WFP_IMAGE_SUBLAYER_AT];
    uint32_t end = sublayer + words[WFP_IMAGE_SUBLAYERS] * WFP_SUBLAYER_SIZE;

    for (; sublayer < end; sublayer += WFP_SUBLAYER_SIZE) {
        uint32_t rule = 0;
        do
            rule = wfp_walk_next(words, image->mask, key, sublayer, rule + 1);
        while (rule && !evaluate(c, image, key, rule));
    }
}

/* Where the merge stands in one segment. */
struct stand {
    const struct wfp_image *image;
    uint32_t sublayer, end; /* entries */
    uint32_t rule;          /* the best not yet evaluated, 0 none */
    bool takes_part;        /* it has the sublayer at hand */
};

static int
order_sublayers(const struct stand *a, const struct stand *b)
{
    const uint32_t *x = &a->image->words[a->sublayer], *y = &b->image->words[b->sublayer];

    if (x[WFP_SUBLAYER_WEIGHT] != y[WFP_SUBLAYER_WEIGHT])
        return x[WFP_SUBLAYER_WEIGHT] > y[WFP_SUBLAYER_WEIGHT] ? 1 : -1;
    return memcmp(&x[WFP_SUBLAYER_KEY], &y[WFP_SUBLAYER_KEY], sizeof(struct wfp_guid));
}

static const struct wfp_slot *
slot_of(const struct classify *c, const struct stand *stand)
{
    return wfp_slot_get(&c->engine->slots,
                        wfp_image_rule_word(stand->image, stand->rule, WFP_RULE_SLOT));
}

/* Both are in force, so their filters are there. */
static bool
rule_outranks(const struct classify *c, const struct stand *a, const struct stand *b)
{
    const struct wfp_filter *x = slot_of(c, a)->filter, *y = slot_of(c, b)->filter;

    return x->weight != y->weight ? x->weight > y->weight
                                  : x->id > y->id; /* the newer first: decision 5 */
}

static void
step(const struct classify *c, struct stand *stand, const uint32_t *key)
{
    do
        stand->rule = wfp_walk_next(stand->image->words, stand->image->mask, key, stand->sublayer,
                                    stand->rule + 1);
    while (stand->rule && is_removed(c, slot_of(c, stand)));
}

/* Those whose next sublayer is the heaviest of all take part. @return is there one? */
static bool
choose_sublayer(const struct classify *c, struct stand *stands, uint32_t count, const uint32_t *key)
{
    const struct stand *heaviest = NULL;

    for (uint32_t i = 0; i < count; i++)
        if (stands[i].sublayer < stands[i].end &&
            (!heaviest || order_sublayers(&stands[i], heaviest) > 0))
            heaviest = &stands[i];
    for (uint32_t i = 0; heaviest && i < count; i++) {
        stands[i].takes_part =
            stands[i].sublayer < stands[i].end && order_sublayers(&stands[i], heaviest) == 0;
        stands[i].rule = 0;
        if (stands[i].takes_part)
            step(c, &stands[i], key);
    }
    return heaviest != NULL;
}

static struct stand *
best_stand(const struct classify *c, struct stand *stands, uint32_t count)
{
    struct stand *best = NULL;

    for (uint32_t i = 0; i < count; i++)
        if (stands[i].takes_part && stands[i].rule && (!best || rule_outranks(c, &stands[i], best)))
            best = &stands[i];
    return best;
}

/* Several segments: the same order, merged. */
static void
evaluate_merged(struct classify *c, const struct wfp_layer_policy *policy, const uint32_t *key)
{
    struct stand stands[WFP_SEGMENTS], *best;
    uint32_t count = policy->segment_count;

    for (uint32_t i = 0; i < count; i++) {
        const struct wfp_image *image = &policy->segments[i]->image;
        uint32_t at = image->words[WFP_IMAGE_SUBLAYER_AT];
        stands[i] = (struct stand){
            image, at, at + image->words[WFP_IMAGE_SUBLAYERS] * WFP_SUBLAYER_SIZE, 0, false};
    }
    while (choose_sublayer(c, stands, count, key)) {
        while ((best = best_stand(c, stands, count)) && !evaluate(c, best->image, key, best->rule))
            step(c, best, key);
        for (uint32_t i = 0; i < count; i++)
            if (stands[i].takes_part)
                stands[i].sublayer += WFP_SUBLAYER_SIZE;
    }
}

static void
evaluate_layer(struct classify *c, const struct wfp_layer_policy *policy)
{
    uint32_t key[WFP_KEY_WORDS];

    wfp_key_build(&policy->plan, c->indication, key);
    if (policy->segment_count == 1)
        evaluate_segment(c, &policy->segments[0]->image, key);
    else
        evaluate_merged(c, policy, key);
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
    discard.value_count = /* one twin has fewer fields than its layer, the first of them */
        MIN(discard.value_count, wfp_layer_find_id(twin)->field_count);
    discard.metadata = &metadata;
    discard.from_discard = true;
    wfp_classify(engine, &discard, &ignored);
}

/* Does an event come of the verdict? Few ask for any, and most verdicts are permits. */
static bool
is_event(const struct wfp_engine *engine, const struct wfp_indication *indication,
         const struct wfp_verdict *verdict)
{
    uint32_t interest = atomic_load_explicit(&engine->event_interest, memory_order_relaxed);

    if (LIKELY(verdict->action != WFP_ACTION_BLOCK))
        return UNLIKELY(interest & WFP_EVENT_ALLOWS) && !indication->from_discard;
    return (interest & WFP_EVENT_DROPS) && !verdict->absorb && !indication->from_discard;
}

static void
tell_sink(struct wfp_engine *engine, const struct wfp_indication *indication,
          const struct wfp_verdict *verdict)
{
    const struct wfp_event_sink *sink;

    wfp_epoch_enter();
    sink = atomic_load_explicit(&engine->event_sink, memory_order_acquire);
    if (sink)
        sink->verdict(sink->context, indication, verdict);
    wfp_epoch_leave();
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
        c.version = snapshot->version;
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
    if (is_event(engine, indication, ret_verdict))
        tell_sink(engine, indication, ret_verdict);
}

uint32_t
wfp_classify_list(struct wfp_engine *engine, const struct wfp_indication *indication,
                  struct wfp_classify_match *matches, uint32_t room)
{
    struct classify c = {.engine = engine, .indication = indication, .list = matches, .room = room};
    const struct wfp_snapshot *snapshot =
        atomic_load_explicit(&engine->snapshot, memory_order_acquire);
    const struct wfp_layer_policy *policy = snapshot->layers[indication->layer_id];

    assert(wfp_epoch_is_inside());
    c.version = snapshot->version;
    if (policy)
        evaluate_layer(&c, policy);
    return c.matched;
}

enum wfp_answer
wfp_classify_ask(struct wfp_engine *engine, const struct wfp_indication *indication,
                 const struct wfp_classify_match *match, struct wfp_classify_out *out)
{
    count(&match->slot->matched);
    return call(engine, indication, match->filter, out);
}

uint32_t
wfp_classify_callout_flags(struct wfp_engine *engine, uint32_t callout_id)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, callout_id);
    struct wfp_registration *registration =
        entry ? atomic_load_explicit(&entry->registration, memory_order_acquire) : NULL;

    return registration ? registration->flags : 0;
}

void
wfp_classify_count(struct wfp_engine *engine, uint16_t layer_id,
                   const struct wfp_classify_match *blocked_by)
{
    count_layer(engine, layer_id, blocked_by ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT);
    if (blocked_by)
        count(&blocked_by->slot->blocked);
}
