/*
 * The waterfall: bytes go down the sublayers, each sees what the one before let through.
 *
 * Model      A stage is a sublayer's filters in their order. The first that permits or blocks decides
 *            the bytes it names; what nobody decides goes on. Bytes wait in a stage while a callout
 *            wants more of them or deferred the way; then those behind them wait, too.
 * Context    The stack's thread, inside an epoch; callouts run here. Nothing is allocated unless
 *            bytes have to wait.
 * Ref        windows-driver-docs network/stream-inspection
 */
#include "core/stream/stream_private.h"

/* FWPS_DISCARD_METADATA0 of a block by policy. */
#define DISCARD_MODULE_GENERAL  2u
#define DISCARD_FIREWALL_POLICY 0u

enum answer { PERMIT, BLOCK, HOLD, DEFER, DROP };

/* ---- rules ---- */

static struct wfp_indication
indicate(const struct wfp_stream *stream)
{
    struct wfp_metadata *metadata = &stream->table->metadata;

    metadata->present = WFP_METADATA_FLOW_HANDLE;
    metadata->flow_handle = stream->flow_id;
    return (struct wfp_indication){
        .layer_id = stream->layer_id,
        .value_count = WFP_STREAM_VALUES,
        .values = stream->values,
        .metadata = metadata,
        .flow = stream->flow,
    };
}

static bool
is_inspection(const struct wfp_filter *filter)
{
    return filter->action == WFP_ACTION_CALLOUT_INSPECTION;
}

static bool
asks_callout(const struct wfp_filter *filter)
{
    return filter->action & WFP_ACTION_FLAG_CALLOUT;
}

/** The rule of a filter that was there before, or NULL. */
static const struct wfp_stream_rule *
find_rule(const struct wfp_stream_rule *rules, uint32_t count, uint64_t filter_id)
{
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].match.filter->id == filter_id)
            return &rules[i];
    return NULL;
}

/** A callout that comes to a flow in progress must have said that it can. */
static bool
may_join(struct wfp_stream *stream, const struct wfp_filter *filter, bool is_late)
{
    if (!is_late || !asks_callout(filter))
        return true;
    return wfp_classify_callout_flags(stream->table->config.engine, filter->callout_id) &
           WFP_CALLOUT_FLAG_ALLOW_MID_STREAM;
}

/** What old stages held goes on undecided, before the new ones see anything. */
static void
flush_stages(struct wfp_stream *stream)
{
    for (int way = 0; way < WAYS; way++) {
        struct wfp_stream_run run = {.stream = stream, .way = way, .is_diverted = true};

        for (uint32_t i = stream->stage_count; i-- > 0;) {
            struct wfp_stream_stage *stage = &stream->stages[way][i];

            if (stage->held.length)
                wfp_stream_output(&run, stage->held.data + stage->held.start, stage->held.length);
            wfp_stream_bytes_fini(&stage->held);
            if (stage->fin_came && !stage->fin_went && !stage->fin_shown)
                wfp_stream_output_fin(&run);
        }
        stream->ways[way].is_frozen = false;
        free(stream->stages[way]);
        stream->stages[way] = NULL;
    }
}

static uint32_t
make_rules(struct wfp_stream *stream, const struct wfp_classify_match *matches, uint32_t count,
           struct wfp_stream_rule *rules)
{
    uint32_t made = 0, stage = 0;

    stream->acts = false;
    for (uint32_t i = 0; i < count; i++) {
        struct wfp_filter *filter = matches[i].filter;
        const struct wfp_stream_rule *old =
            find_rule(stream->rules, stream->rule_count, filter->id);

        if (!old && !may_join(stream, filter, stream->is_mid_stream || stream->epoch != 0))
            continue;
        if (made &&
            !wfp_guid_equal(&rules[made - 1].match.filter->sublayer_key, &filter->sublayer_key))
            stage++;
        rules[made] = (struct wfp_stream_rule){.match = matches[i], .stage = stage};
        if (old)
            rules[made].is_allowed = old->is_allowed;
        wfp_filter_ref(filter);
        made++;
        stream->acts |= !is_inspection(filter);
    }
    stream->stage_count = made ? stage + 1 : 0;
    return made;
}

static void
drop_rules(struct wfp_stream_rule *rules, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        wfp_filter_unref(rules[i].match.filter);
    free(rules);
}

bool
wfp_stream_rules(struct wfp_stream *stream)
{
    struct wfp_engine *engine = stream->table->config.engine;
    struct wfp_classify_match matches[WFP_STREAM_RULES];
    uint64_t epoch = wfp_engine_layer_epoch(engine, stream->layer_id);
    struct wfp_indication indication;
    struct wfp_stream_rule *rules, *old = stream->rules;
    uint32_t count, old_count = stream->rule_count;

    if (LIKELY(epoch == stream->epoch))
        return true;
    indication = indicate(stream);
    count = wfp_classify_list(engine, &indication, matches, WFP_STREAM_RULES);
    count = MIN(count, (uint32_t)WFP_STREAM_RULES);
    rules = calloc(count ? count : 1, sizeof(*rules));
    if (!rules)
        return false;
    if (old)
        flush_stages(stream);
    stream->rule_count = make_rules(stream, matches, count, rules);
    stream->rules = rules;
    stream->epoch = epoch;
    drop_rules(old, old_count);
    for (int way = 0; way < WAYS; way++) {
        stream->stages[way] = calloc(stream->stage_count + 1, sizeof(*stream->stages[way]));
        if (!stream->stages[way])
            return false;
        for (uint32_t i = 0; i < stream->stage_count; i++) /* a FIN that went by is not repeated */
            stream->stages[way][i].fin_came = stream->stages[way][i].fin_shown =
                stream->stages[way][i].fin_went = stream->ways[way].fin_taken;
    }
    return true;
}

void
wfp_stream_rules_fini(struct wfp_stream *stream)
{
    for (int way = 0; way < WAYS; way++) {
        for (uint32_t i = 0; stream->stages[way] && i < stream->stage_count; i++)
            wfp_stream_bytes_fini(&stream->stages[way][i].held);
        free(stream->stages[way]);
        stream->stages[way] = NULL;
    }
    drop_rules(stream->rules, stream->rule_count);
    stream->rules = NULL;
    stream->rule_count = stream->stage_count = 0;
}

/* ---- requests ---- */

static uint32_t
stage_of(const struct wfp_stream *stream, uint32_t callout_id)
{
    for (uint32_t i = 0; i < stream->rule_count; i++)
        if (stream->rules[i].match.filter->callout_id == callout_id)
            return stream->rules[i].stage;
    return stream->stage_count;
}

/** Bytes and FIN of a driver's own, to those below it. */
static int
inject(struct wfp_stream_run *run, uint32_t stage, const struct wfp_stream_request *request)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_stage *stages = stream->stages[run->way];
    uint32_t below = MIN(stage + 1, stream->stage_count);

    if (!stages || stages[below].fin_came || stream->is_dropped)
        return -WFP_ERR_NOT_FOUND;
    stream->acts = stream->is_edited = true;
    stream->table->counters.injected += request->length;
    wfp_stream_feed(run, below, request->bytes, request->length);
    if (request->disconnect) {
        if (stage < stream->stage_count)
            stages[stage].fin_came = stages[stage].fin_shown = stages[stage].fin_went = true;
        wfp_stream_close(run, below);
    }
    return 0;
}

void
wfp_stream_finish_request(struct wfp_stream_table *table, struct wfp_stream_request *request,
                          int status)
{
    if (status < 0)
        table->counters.not_injected++;
    request->status = status;
    request->next = NULL;
    *table->done_end = request;
    table->done_end = &request->next;
}

/** What the callout that was just asked injected comes before what it permitted. */
static void
serve_own(struct wfp_stream_run *run, uint32_t stage, uint32_t callout_id)
{
    struct wfp_stream_table *table = run->stream->table;
    struct wfp_stream_request *request, **at, *mine = NULL, **mine_end = &mine;

    if (LIKELY(__atomic_load_n(&table->requests, __ATOMIC_RELAXED) == NULL))
        return;
    pthread_mutex_lock(&table->lock);
    for (at = &table->requests; (request = *at) != NULL;) {
        if (request->flow_id != run->stream->flow_id || request->callout_id != callout_id ||
            request->is_inbound != (run->way == WAY_IN) || request->is_continue) {
            at = &request->next;
            continue;
        }
        *at = request->next;
        *mine_end = request;
        mine_end = &request->next;
    }
    table->requests_end = at;
    *mine_end = NULL;
    pthread_mutex_unlock(&table->lock);
    while ((request = mine) != NULL) {
        mine = request->next;
        wfp_stream_finish_request(table, request, inject(run, stage, request));
    }
}

/* ---- asking ---- */

static void
note_block(struct wfp_stream_run *run, const struct wfp_stream_rule *rule, uint32_t count)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_engine *engine = stream->table->config.engine;
    uint16_t twin = wfp_layer_discard_twin(stream->layer_id);
    struct wfp_indication discard;
    struct wfp_verdict ignored;

    stream->table->counters.blocked += count;
    stream->has_blocked = stream->is_edited = true;
    for (uint32_t i = 0; i < stream->rule_count; i++)
        if (stream->rules[i].stage > rule->stage)
            stream->rules[i].missed[run->way] += count;
    if (twin == WFP_LAYER_COUNT || wfp_engine_layer_is_empty(engine, twin))
        return;
    discard = indicate(stream);
    discard.layer_id = twin;
    discard.from_discard = true;
    stream->table->metadata.present |= WFP_METADATA_DISCARD_REASON;
    stream->table->metadata.discard = (struct wfp_discard_metadata){
        DISCARD_MODULE_GENERAL, DISCARD_FIREWALL_POLICY, rule->match.filter->id};
    wfp_classify(engine, &discard, &ignored);
}

/** Those below the one that decided did not see the bytes; those above had their say. */
static void
count_decided(struct wfp_stream_run *run, const struct wfp_stream_rule *decider, uint32_t count)
{
    struct wfp_stream *stream = run->stream;

    for (uint32_t i = 0; i < stream->rule_count; i++) {
        struct wfp_stream_rule *rule = &stream->rules[i];

        if (rule->stage != decider->stage)
            continue;
        if (rule > decider)
            rule->missed[run->way] += count;
        else
            rule->seen[run->way] -= MIN(rule->seen[run->way], count);
    }
}

/** An answer that decides. @p count  in: bytes shown; out: bytes it is about */
static enum answer
decide(struct wfp_stream_run *run, struct wfp_stream_rule *rule, enum answer answer,
       uint64_t enforced, uint32_t *count)
{
    struct wfp_stream *stream = run->stream;

    if (enforced && enforced < *count)
        *count = (uint32_t)enforced;
    stream->is_decided = true;
    stream->filter_id = rule->match.filter->id;
    stream->callout_id = rule->match.filter->callout_id;
    wfp_classify_count(stream->table->config.engine, stream->layer_id,
                       answer == BLOCK ? &rule->match : NULL);
    return answer;
}

/** Bytes to wait for: more than there are, also where a callout counts only the additional ones. */
static uint32_t
wanted_bytes(uint32_t required, uint32_t length)
{
    uint64_t wanted = required > length ? required : (uint64_t)length + MAX(required, 1u);

    return (uint32_t)MIN(wanted, (uint64_t)WFP_STREAM_HELD_MAX);
}

/** @return true with @p ret_answer if the rule decided */
static bool
take_action(struct wfp_stream_run *run, struct wfp_stream_rule *rule,
            const struct wfp_stream_view *view, uint32_t *count, enum answer *ret_answer)
{
    struct wfp_stream_stage *stage = &run->stream->stages[run->way][rule->stage];
    bool inspects = is_inspection(rule->match.filter);

    switch (view->action) {
    case WFP_STREAM_ACTION_ALLOW_CONNECTION:
        rule->is_allowed = true;
        *ret_answer = PERMIT;
        return !inspects;
    case WFP_STREAM_ACTION_NEED_MORE_DATA:
        *ret_answer = view->length && !view->told ? HOLD : PERMIT;
        if (*ret_answer == HOLD)
            stage->wanted = wanted_bytes(view->required, view->length);
        return *ret_answer == HOLD || !inspects;
    case WFP_STREAM_ACTION_DEFER:
        *ret_answer = DEFER;
        return !inspects && run->way == WAY_IN;
    case WFP_STREAM_ACTION_DROP_CONNECTION:
        *ret_answer = DROP;
        return !inspects;
    default:
        return false;
    }
}

static enum answer
stand_in(struct wfp_stream_run *run, struct wfp_stream_rule *rule, uint32_t *count)
{
    bool permit = rule->match.filter->flags & WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED;

    return decide(run, rule, permit ? PERMIT : BLOCK, 0, count);
}

/** Ask one rule about bytes it did not speak about yet. @return true if that decided */
static bool
ask_rule(struct wfp_stream_run *run, struct wfp_stream_rule *rule, struct wfp_stream_view *view,
         uint32_t *count, enum answer *ret_answer)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_filter *filter = rule->match.filter;
    struct wfp_classify_out out = {.action = WFP_ACTION_NONE, .rights = WFP_RIGHT_ACTION_WRITE};
    struct wfp_indication indication;
    enum wfp_answer asked;

    indication = indicate(stream);
    indication.stream = view;
    view->missed = rule->missed[run->way];
    out.flags = view->told;
    asked = wfp_classify_ask(stream->table->config.engine, &indication, &rule->match, &out);
    if (asked == WFP_ANSWER_NONE)
        return false;
    if (asked == WFP_ANSWER_UNREGISTERED) {
        if (is_inspection(filter))
            return false;
        *ret_answer = stand_in(run, rule, count);
        return true;
    }
    rule->missed[run->way] = 0;
    run->is_changed |= view->is_changed;
    serve_own(run, rule->stage, filter->callout_id);
    if (view->action != WFP_STREAM_ACTION_NONE) {
        if (!take_action(run, rule, view, count, ret_answer))
            return false;
        if (*ret_answer == PERMIT || *ret_answer == DROP)
            decide(run, rule, *ret_answer, 0, count);
        return true;
    }
    if (is_inspection(filter) ||
        (out.action != WFP_ACTION_PERMIT && out.action != WFP_ACTION_BLOCK))
        return false;
    *ret_answer =
        decide(run, rule, out.action == WFP_ACTION_BLOCK ? BLOCK : PERMIT, view->enforced, count);
    return true;
}

/** Without bytes it is the end of them that is shown. */
static uint32_t
end_flags(const struct wfp_stream_run *run)
{
    if (run->is_abort)
        return run->way == WAY_IN ? WFP_STREAM_RECEIVE_ABORT : WFP_STREAM_SEND_ABORT;
    return run->way == WAY_IN ? WFP_STREAM_RECEIVE_DISCONNECT : WFP_STREAM_SEND_DISCONNECT;
}

/** @p ret_rule  the rule that decided, if one did */
static enum answer
ask_rules(struct wfp_stream_run *run, uint32_t stage, const uint8_t *bytes, uint32_t *count,
          const struct wfp_stream_rule **ret_rule)
{
    struct wfp_stream *stream = run->stream;
    const struct wfp_stream_stage *state = &stream->stages[run->way][stage];
    uint32_t length = *count;
    uint32_t told = length >= WFP_STREAM_HELD_MAX ? WFP_CLASSIFY_OUT_FLAG_BUFFER_LIMIT : 0;
    enum answer answer;

    if (state->fin_came) /* the end itself is shown with it, too */
        told |= WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA;
    for (uint32_t i = 0; i < stream->rule_count; i++) {
        struct wfp_stream_rule *rule = &stream->rules[i];
        uint32_t action = rule->match.filter->action, skip = MIN(rule->seen[run->way], length);
        struct wfp_stream_view view = {.flags = run->flags | (length ? 0 : end_flags(run)),
                                       .bytes = bytes + skip,
                                       .length = length - skip,
                                       .told = told};

        if (rule->stage != stage || (rule->is_allowed && is_inspection(rule->match.filter)))
            continue;
        *ret_rule = rule;
        if (action == WFP_ACTION_PERMIT || action == WFP_ACTION_BLOCK)
            return decide(run, rule, action == WFP_ACTION_BLOCK ? BLOCK : PERMIT, 0, count);
        if (rule->is_allowed)
            return decide(run, rule, PERMIT, 0, count);
        if (length && skip == length)
            continue;
        *count = length - skip;
        if (ask_rule(run, rule, &view, count, &answer)) {
            *count += answer == PERMIT || answer == BLOCK ? skip : 0;
            return answer;
        }
        *count = length;
        rule->seen[run->way] = length;
    }
    for (uint32_t i = 0; i < stream->rule_count; i++)
        if (stream->rules[i].stage == stage)
            stream->rules[i].seen[run->way] = 0;
    wfp_classify_count(stream->table->config.engine, stream->layer_id, NULL);
    *ret_rule = NULL;
    return PERMIT;
}

/** Ask a sublayer. @p count  in: bytes there are; out: how many the answer is about */
static enum answer
ask_stage(struct wfp_stream_run *run, uint32_t stage, const uint8_t *bytes, uint32_t *count)
{
    const struct wfp_stream_rule *rule = NULL;
    enum answer answer = ask_rules(run, stage, bytes, count, &rule);

    if (rule && (answer == PERMIT || answer == BLOCK))
        count_decided(run, rule, *count);
    if (rule && answer == BLOCK)
        note_block(run, rule, *count);
    return answer;
}

static void
freeze(struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &run->stream->ways[run->way];

    if (!way->is_frozen)
        way->frozen = way->next;
    way->is_frozen = true;
}

/** @return how many bytes are decided; the rest waits */
static uint32_t
pump(struct wfp_stream_run *run, uint32_t stage, const uint8_t *bytes, uint32_t length)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_stage *state = &stream->stages[run->way][stage];
    uint32_t done = 0;

    state->wanted = 0;
    while (done < length && !stream->is_dropped) {
        uint32_t count = length - done;

        switch (ask_stage(run, stage, bytes + done, &count)) {
        case PERMIT:
            wfp_stream_feed(run, stage + 1, bytes + done, count);
            done += count;
            break;
        case BLOCK:
            done += count;
            break;
        case DEFER:
            state->is_deferred = true;
            freeze(run);
            return done;
        case HOLD:
            return done;
        case DROP:
            stream->is_dropped = true;
            return length;
        }
    }
    return done;
}

static void
pump_held(struct wfp_stream_run *run, uint32_t stage)
{
    struct wfp_stream_stage *state = &run->stream->stages[run->way][stage];
    struct wfp_stream_bytes *held = &state->held;

    if (state->is_deferred || held->length == 0)
        return;
    if (held->length < state->wanted && !state->fin_came)
        return;
    wfp_stream_bytes_take(held, pump(run, stage, held->data + held->start, held->length));
    if (held->length == 0)
        wfp_stream_bytes_fini(held);
}

void
wfp_stream_feed(struct wfp_stream_run *run, uint32_t stage, const uint8_t *bytes, uint32_t length)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_stage *state;
    uint32_t done = 0;

    if (length == 0 || stream->is_dropped)
        return;
    if (stage == stream->stage_count) {
        wfp_stream_output(run, bytes, length);
        return;
    }
    state = &stream->stages[run->way][stage];
    if (LIKELY(state->held.length == 0 && !state->is_deferred))
        done = pump(run, stage, bytes, length);
    if (LIKELY(done == length))
        return;
    if (!wfp_stream_bytes_add(&state->held, bytes + done, length - done)) {
        stream->table->counters.no_memory++;
        stream->is_dropped = true;
        return;
    }
    if (done == 0)
        pump_held(run, stage);
}

void
wfp_stream_close(struct wfp_stream_run *run, uint32_t stage)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_stage *state = &stream->stages[run->way][stage];
    uint32_t none = 0;
    enum answer answer = PERMIT;

    state->fin_came = true;
    if (stage == stream->stage_count) {
        wfp_stream_output_fin(run);
        return;
    }
    pump_held(run, stage);
    if (state->is_deferred || state->held.length || stream->is_dropped)
        return;
    if (!state->fin_shown) {
        state->fin_shown = true;
        answer = ask_stage(run, stage, NULL, &none);
    }
    if (answer == DROP)
        stream->is_dropped = true;
    if (answer == DEFER) {
        state->fin_shown = false;
        state->is_deferred = true;
        freeze(run);
    }
    if (answer != PERMIT || state->fin_went)
        return;
    state->fin_went = true;
    wfp_stream_close(run, stage + 1);
}

void
wfp_stream_abort(struct wfp_stream_run *run)
{
    struct wfp_stream *stream = run->stream;
    uint32_t none = 0;

    for (uint32_t i = 0; i < stream->stage_count; i++) {
        stream->stages[run->way][i].fin_came = true;
        pump_held(run, i);
    }
    run->is_abort = true;
    for (uint32_t i = 0; i < stream->stage_count; i++)
        (void)ask_stage(run, i, NULL, &none);
}

static int
go_on(struct wfp_stream_run *run, uint32_t stage)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_stage *state = &stream->stages[run->way][stage];

    if (stage == stream->stage_count || !state->is_deferred)
        return -WFP_ERR_NOT_FOUND;
    state->is_deferred = false;
    stream->ways[run->way].is_frozen = false;
    pump_held(run, stage);
    if (state->fin_came && !state->is_deferred)
        wfp_stream_close(run, stage);
    return 0;
}

int
wfp_stream_do(struct wfp_stream *stream, struct wfp_stream_request *request)
{
    struct wfp_stream_run run = {
        .stream = stream,
        .way = request->is_inbound ? WAY_IN : WAY_OUT,
        .flags = request->is_inbound ? WFP_STREAM_RECEIVE : WFP_STREAM_SEND,
        .is_diverted = true,
    };
    uint32_t stage = stage_of(stream, request->callout_id);

    if (!stream->stages[run.way])
        return -WFP_ERR_NOT_FOUND;
    return request->is_continue ? go_on(&run, stage) : inject(&run, stage, request);
}

bool
wfp_stream_holds(const struct wfp_stream *stream, int way)
{
    for (uint32_t i = 0; i < stream->stage_count; i++)
        if (stream->stages[way][i].held.length || stream->stages[way][i].is_deferred ||
            (stream->stages[way][i].fin_came && !stream->stages[way][i].fin_went))
            return true;
    return false;
}
