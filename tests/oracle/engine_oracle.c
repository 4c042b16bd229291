/*
 * Random policies and classifications, compared with the slow engine.
 *
 * Model      Worlds: each an engine that lives through full commits, differences, removals and
 *            commits for which memory runs out half-way (the policy must then be as before). After
 *            each, a number of random indications are classified twice and every field of the
 *            verdict and every call of a callout is compared. All from one seed, so a failure can
 *            be repeated.
 * Usage      engine_oracle [CLASSIFICATIONS [SEED]]; WFP_ORACLE_COUNT overrides the count.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "slow_engine.h"

#include "base/macros.h"
#include "base/status.h"

#define FILTERS_MAX 2000
#define CALLOUTS    6 /* the last is never registered */

/* ---- chance ---- */

static uint64_t chance_state;

static uint64_t
chance(void)
{
    uint64_t z = (chance_state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint32_t
below(uint32_t n)
{
    return (uint32_t)(chance() % n);
}

static bool
percent(uint32_t n)
{
    return below(100) < n;
}

/* ---- memory that runs out, and counts of allocations and locks ---- */

static int64_t allocations_left = -1; /* -1: no limit */
static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

static bool
runs_out(void)
{
    allocations++;
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *
__wrap_malloc(size_t size)
{
    return runs_out() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return runs_out() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    return runs_out() ? NULL : __real_realloc(p, size);
}

static uint64_t locks;

int
__wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    locks++;
    return __real_pthread_mutex_lock(mutex);
}

/* ---- pools: few values, so that conditions often meet them ---- */

static uint64_t pool64[12];
static struct wfp_array16 pool16[12];
static struct wfp_array6 pool6[6];
static uint8_t blob_bytes[10][24];
static struct wfp_blob pool_blob[10];
static uint8_t pool_sid[6][12];

/* Users 0..3; a token is a user, a descriptor admits some users. */
static struct wfp_blob pool_token[4], pool_descriptor[16];
struct
    token_bytes { /* TOKEN_ACCESS_INFORMATION, as far as the check looks, and what it points to */
    void *hash, *restricted, *rest[9];
    uint32_t count;
    uint32_t pad;
    void *sids;
    struct wfp_sid_and_attributes list[1];
    uint8_t sid[12];
};
static struct token_bytes token_bytes[4];
static uint8_t descriptor_bytes[16][128];

static void
make_sid(uint8_t *sid, uint32_t rid)
{
    static const uint8_t head[] = {1, 1, 0, 0, 0, 0, 0, 5};
    memcpy(sid, head, 8);
    memcpy(sid + 8, &rid, 4);
}

static void
make_token(uint32_t user)
{
    struct token_bytes *bytes = &token_bytes[user];
    memset(bytes, 0, sizeof(*bytes));
    make_sid(bytes->sid, 1000 + user);
    bytes->list[0].sid = bytes->sid;
    bytes->count = 1;
    bytes->sids = bytes->list;
    bytes->hash = &bytes->count;
    pool_token[user] = (struct wfp_blob){sizeof(*bytes), (uint8_t *)bytes};
}

/* One allowing entry per user of the set; every other set also denies those it leaves out. */
static void
make_descriptor(uint32_t users)
{
    uint8_t *bytes = descriptor_bytes[users], *acl = bytes + 20;
    uint32_t at = 8, count = 0;

    memset(bytes, 0, 128);
    bytes[0] = 1;
    bytes[2] = 0x04; /* DACL present */
    bytes[3] = 0x80; /* self-relative */
    bytes[16] = 20;
    for (uint32_t user = 0; user < 4; user++) {
        bool allowed = users >> user & 1;
        if (!allowed && users % 2)
            continue;
        acl[at] = allowed ? 0 : 1;
        acl[at + 2] = 20;
        acl[at + 4] = 1; /* FWP_ACTRL_MATCH_FILTER */
        make_sid(acl + at + 8, 1000 + user);
        at += 20;
        count++;
    }
    acl[0] = 2;
    acl[2] = (uint8_t)at;
    acl[4] = (uint8_t)count;
    pool_descriptor[users] = (struct wfp_blob){20 + at, bytes};
}

static void
make_pools(void)
{
    for (size_t i = 0; i < ELEMENTSOF(pool64); i++)
        pool64[i] = i < 6 ? i : i < 9 ? (chance() & 0xff00000000ffULL) : chance();
    for (size_t i = 0; i < ELEMENTSOF(pool16); i++)
        for (size_t j = 0; j < 16; j++)
            pool16[i].bytes[j] = j < 6 ? 0xfe : (uint8_t)(percent(20) ? below(256) : 7);
    for (size_t i = 0; i < ELEMENTSOF(pool6); i++)
        for (size_t j = 0; j < 6; j++)
            pool6[i].bytes[j] = (uint8_t)(percent(50) ? below(3) : 7);
    for (size_t i = 0; i < ELEMENTSOF(pool_blob); i++) {
        for (size_t j = 0; j < 24; j++)
            blob_bytes[i][j] = (uint8_t)(j < 12 ? 'a' + below(2) : 'x');
        pool_blob[i] = (struct wfp_blob){below(25), blob_bytes[i]};
        if (percent(50) && pool_blob[i].size)
            pool_blob[i].data += below(pool_blob[i].size), pool_blob[i].size = 1 + below(2),
                                                           pool_blob[i].data = blob_bytes[i];
    }
    for (uint32_t i = 0; i < ELEMENTSOF(pool_sid); i++)
        make_sid(pool_sid[i], i);
    for (uint32_t i = 0; i < 4; i++)
        make_token(i);
    for (uint32_t i = 0; i < 16; i++)
        make_descriptor(i);
}

static bool
admits(const struct wfp_value *descriptor, const struct wfp_value *token)
{
    /* The filter's copy has other addresses: find the set by content, the user by pointer. */
    for (uint32_t users = 0; users < 16; users++)
        if (descriptor->blob->size == pool_descriptor[users].size &&
            !memcmp(descriptor->blob->data, descriptor_bytes[users], descriptor->blob->size))
            return users >> (token->blob - pool_token) & 1;
    abort();
}

/* A value of a type, out of the pools. */
static struct wfp_value
value_of(uint32_t type)
{
    struct wfp_value value = {.type = type};

    switch (type) {
    case WFP_UINT8:
        value.uint8 = (uint8_t)pool64[below(12)];
        break;
    case WFP_UINT16:
        value.uint16 = (uint16_t)pool64[below(12)];
        break;
    case WFP_UINT32:
        value.uint32 = (uint32_t)pool64[below(12)];
        break;
    case WFP_UINT64:
        value.uint64 = &pool64[below(12)];
        break;
    case WFP_BYTE_ARRAY16:
        value.array16 = &pool16[below(12)];
        break;
    case WFP_BYTE_ARRAY6:
        value.array6 = &pool6[below(6)];
        break;
    case WFP_BYTE_BLOB:
        value.blob = &pool_blob[below(10)];
        break;
    case WFP_SID:
        value.sid = pool_sid[below(6)];
        break;
    default: /* tokens */
        value.blob = &pool_token[below(4)];
    }
    return value;
}

/* ---- filters ---- */

static const uint16_t layers[] = {
    WFP_LAYER_OUTBOUND_TRANSPORT_V4,      WFP_LAYER_INBOUND_IPPACKET_V6,
    WFP_LAYER_ALE_AUTH_CONNECT_V4,        WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V6,
    WFP_LAYER_INBOUND_MAC_FRAME_ETHERNET,
};
static uint64_t next_id;
static uint32_t callout_ids[CALLOUTS];

/* Any order is fine; the owner is the condition. */
static struct wfp_value
range_of(uint32_t type, struct wfp_range *range)
{
    range->low = value_of(type);
    range->high = value_of(type);
    if (type == WFP_UINT8          ? range->low.uint8 > range->high.uint8
        : type == WFP_UINT16       ? range->low.uint16 > range->high.uint16
        : type == WFP_UINT32       ? range->low.uint32 > range->high.uint32
        : type == WFP_UINT64       ? *range->low.uint64 > *range->high.uint64
        : type == WFP_BYTE_ARRAY16 ? memcmp(range->low.array16, range->high.array16, 16) > 0
                                   : false) {
        struct wfp_value low = range->low;
        range->low = range->high;
        range->high = low;
    }
    return (struct wfp_value){.type = WFP_RANGE, .range = range};
}

static void
condition_of(const struct wfp_field *field, struct wfp_condition *condition)
{
    static const uint8_t integer_matches[] = {WFP_MATCH_EQUAL,
                                              WFP_MATCH_EQUAL,
                                              WFP_MATCH_EQUAL,
                                              WFP_MATCH_NOT_EQUAL,
                                              WFP_MATCH_GREATER,
                                              WFP_MATCH_LESS,
                                              WFP_MATCH_GREATER_OR_EQUAL,
                                              WFP_MATCH_LESS_OR_EQUAL,
                                              WFP_MATCH_FLAGS_ALL_SET,
                                              WFP_MATCH_FLAGS_ANY_SET,
                                              WFP_MATCH_FLAGS_NONE_SET};
    static const uint8_t bytes_matches[] = {WFP_MATCH_EQUAL,
                                            WFP_MATCH_EQUAL,
                                            WFP_MATCH_EQUAL,
                                            WFP_MATCH_NOT_EQUAL,
                                            WFP_MATCH_GREATER,
                                            WFP_MATCH_LESS,
                                            WFP_MATCH_GREATER_OR_EQUAL,
                                            WFP_MATCH_LESS_OR_EQUAL,
                                            WFP_MATCH_PREFIX,
                                            WFP_MATCH_NOT_PREFIX};
    struct wfp_v4_mask v4;
    struct wfp_v6_mask v6;
    struct wfp_range range;
    struct wfp_value value = value_of(field->type);
    uint32_t match = WFP_MATCH_EQUAL;

    if (percent(4)) {
        value = (struct wfp_value){.type = WFP_EMPTY};
    } else if (field->type <= WFP_UINT64) {
        match = integer_matches[below(ELEMENTSOF(integer_matches))];
        if (percent(25)) {
            match = WFP_MATCH_RANGE;
            value = range_of(field->type, &range);
        } else if (field->type == WFP_UINT32 && percent(40)) {
            v4.mask_host = below(33) ? UINT32_MAX << below(32) : 0;
            v4.addr_host = value.uint32;
            match = percent(80) ? WFP_MATCH_EQUAL : WFP_MATCH_NOT_EQUAL;
            value = (struct wfp_value){.type = WFP_V4_ADDR_MASK, .v4_mask = &v4};
        }
    } else if (field->type == WFP_BYTE_ARRAY16) {
        match = bytes_matches[below(ELEMENTSOF(bytes_matches) - 2)];
        if (percent(20)) {
            match = WFP_MATCH_RANGE;
            value = range_of(field->type, &range);
        } else if (percent(50)) {
            memcpy(v6.addr, value.array16->bytes, 16);
            v6.prefix_length = (uint8_t)below(129);
            match = percent(80) ? WFP_MATCH_EQUAL : WFP_MATCH_NOT_EQUAL;
            value = (struct wfp_value){.type = WFP_V6_ADDR_MASK, .v6_mask = &v6};
        }
    } else if (field->type == WFP_BYTE_BLOB) {
        match = bytes_matches[below(ELEMENTSOF(bytes_matches))];
    } else if (field->type == WFP_SID) {
        match = percent(70) ? WFP_MATCH_EQUAL : WFP_MATCH_NOT_EQUAL;
    } else if (field->type != WFP_BYTE_ARRAY6) {
        value = (struct wfp_value){.type = WFP_SECURITY_DESCRIPTOR,
                                   .blob = &pool_descriptor[below(16)]};
    }
    condition->field_key = field->condition_key;
    condition->match = match;
    if (wfp_value_copy(&value, &condition->value) < 0)
        abort();
}

/* The same filter as BFE would make it, if its conditions can be packed. */
static struct wfp_filter *
packed(struct wfp_filter *filter)
{
    const struct wfp_layer *layer = wfp_layer_find_id(filter->layer_id);
    struct wfp_filter *copy;
    uint8_t *place;
    size_t size = 0;

    for (uint32_t i = 0; i < filter->condition_count; i++) {
        size_t one = wfp_condition_pack_size(&filter->conditions[i]);
        if (!one)
            return filter;
        size += one;
    }
    copy = wfp_filter_new_block(size, &place);
    copy->id = filter->id;
    copy->layer_id = filter->layer_id;
    copy->sublayer_weight = filter->sublayer_weight;
    copy->sublayer_key = filter->sublayer_key;
    copy->weight = filter->weight;
    copy->action = filter->action;
    copy->flags = filter->flags;
    copy->callout_id = filter->callout_id;
    copy->condition_count = filter->condition_count;
    copy->is_packed = true;
    copy->packed_conditions = place;
    for (uint32_t i = 0; i < filter->condition_count; i++)
        place = wfp_condition_pack(
            &filter->conditions[i],
            (uint32_t)wfp_layer_find_field(layer, &filter->conditions[i].field_key), place);
    wfp_filter_unref(filter);
    return copy;
}

/* Conditions crowd on a few fields, so that filters compete; sometimes a field repeats. */
static struct wfp_filter *
random_filter(void)
{
    struct wfp_filter *filter = wfp_filter_new();
    static const uint32_t actions[] = {WFP_ACTION_PERMIT,
                                       WFP_ACTION_PERMIT,
                                       WFP_ACTION_BLOCK,
                                       WFP_ACTION_BLOCK,
                                       WFP_ACTION_CALLOUT_TERMINATING,
                                       WFP_ACTION_CALLOUT_INSPECTION,
                                       WFP_ACTION_CALLOUT_UNKNOWN};
    const struct wfp_layer *layer;
    uint32_t fields;

    filter->id = ++next_id;
    filter->layer_id = layers[percent(40) ? 0 : below(ELEMENTSOF(layers))];
    layer = wfp_layer_find_id(filter->layer_id);
    filter->sublayer_weight = (uint16_t)(100 * below(5));
    filter->sublayer_key.data1 = percent(10); /* two sublayers of one weight */
    filter->weight = percent(30) ? below(4) : chance();
    filter->action = actions[below(ELEMENTSOF(actions))];
    filter->flags = percent(30) ? WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT : 0;
    if (filter->action & WFP_ACTION_FLAG_CALLOUT) {
        filter->callout_id = callout_ids[below(CALLOUTS)];
        if (filter->action != WFP_ACTION_CALLOUT_INSPECTION && percent(40))
            filter->flags |= WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED;
    }
    fields = below(4);
    filter->conditions = calloc(16, sizeof(filter->conditions[0]));
    for (uint32_t i = 0; i < fields; i++) {
        uint32_t field = percent(60) ? below(5) : below(layer->field_count);
        uint32_t repeats = percent(70) ? 1 : 1 + below(4);
        while (repeats-- && filter->condition_count < 16)
            condition_of(&layer->fields[field], &filter->conditions[filter->condition_count++]);
    }
    return percent(50) ? packed(filter) : filter;
}

/* ---- callouts: what they answer follows from the filter and the round ---- */

static uint64_t total_matched, total_calls, total_vetoes, total_blocks, total_failed_commits,
    total_failed_folds;
static uint64_t round_number;
static struct slow_call real_calls[SLOW_CALLS_MAX];
static uint32_t real_call_count;

static struct slow_answer
answer(uint64_t filter_id)
{
    static const uint32_t actions[] = {0,
                                       WFP_ACTION_PERMIT,
                                       WFP_ACTION_PERMIT,
                                       WFP_ACTION_BLOCK,
                                       WFP_ACTION_BLOCK,
                                       WFP_ACTION_CONTINUE,
                                       WFP_ACTION_CONTINUE,
                                       WFP_ACTION_NONE_NO_MATCH};
    uint64_t mix = (filter_id * 0x9E3779B97F4A7C15u) ^ (round_number * 0xBF58476D1CE4E5B9u);
    mix ^= mix >> 29;
    return (struct slow_answer){actions[mix % ELEMENTSOF(actions)], (mix >> 8 & 3) == 0,
                                (mix >> 10 & 3) == 0, mix >> 12 & 1};
}

static void
callout_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
                 uint64_t flow_context, struct wfp_classify_out *out)
{
    struct slow_answer reply = answer(filter->id);

    if (indication->from_discard)
        return;
    real_calls[real_call_count++] = (struct slow_call){filter->id, out->action, out->rights};
    if (reply.action)
        out->action = reply.action;
    if (reply.sets_right)
        out->rights |= WFP_RIGHT_ACTION_WRITE;
    if (reply.clears_right)
        out->rights &= ~WFP_RIGHT_ACTION_WRITE;
    if (reply.absorbs)
        out->flags |= WFP_CLASSIFY_OUT_FLAG_ABSORB;
}

static bool
is_registered(uint32_t callout_id)
{
    return callout_id != callout_ids[CALLOUTS - 1];
}

/* ---- one world ---- */

struct world {
    struct wfp_engine *engine;
    struct wfp_filter *filters[FILTERS_MAX + 64];
    uint32_t count;
};

static void
classify_once(struct world *world, const struct slow_world *slow)
{
    static struct slow_result expected;
    struct wfp_value values[WFP_FIELD_MAX];
    struct wfp_verdict got;
    struct wfp_indication indication = {.layer_id = layers[below(ELEMENTSOF(layers))],
                                        .values = values};
    const struct wfp_layer *layer = wfp_layer_find_id(indication.layer_id);
    uint64_t before;

    indication.value_count = percent(95) ? layer->field_count : (uint16_t)below(layer->field_count);
    for (uint32_t i = 0; i < layer->field_count; i++)
        values[i] =
            percent(10) ? (struct wfp_value){.type = WFP_EMPTY} : value_of(layer->fields[i].type);
    round_number++;
    real_call_count = 0;
    before = allocations + locks;
    wfp_classify(world->engine, &indication, &got);
    if (allocations + locks != before) {
        printf("classify allocated or locked in round %lu\n", round_number);
        exit(1);
    }
    slow_classify(slow, indication.layer_id, values, indication.value_count, &expected);
    total_matched += expected.verdict.matched;
    total_calls += expected.call_count;
    total_vetoes += expected.verdict.veto;
    total_blocks += expected.verdict.action == WFP_ACTION_BLOCK;
    if (got.action == expected.verdict.action && got.decided == expected.verdict.decided &&
        got.veto == expected.verdict.veto && got.absorb == expected.verdict.absorb &&
        got.filter_id == expected.verdict.filter_id &&
        got.callout_id == expected.verdict.callout_id && got.matched == expected.verdict.matched &&
        real_call_count == expected.call_count &&
        !memcmp(real_calls, expected.calls, real_call_count * sizeof(real_calls[0])))
        return;
    printf("mismatch in round %lu at %s with %u filters:\n", round_number, layer->name,
           world->count);
    printf("  ours %x by %lu, matched %u, called %u, veto %d, absorb %d\n", got.action,
           got.filter_id, got.matched, real_call_count, got.veto, got.absorb);
    printf("  slow %x by %lu, matched %u, called %u, veto %d, absorb %d\n", expected.verdict.action,
           expected.verdict.filter_id, expected.verdict.matched, expected.call_count,
           expected.verdict.veto, expected.verdict.absorb);
    exit(1);
}

/* As the engine's own thread would; memory may run out there, too. */
static void
fold(struct world *world)
{
    int r;

    if (percent(15))
        allocations_left = below(60);
    r = wfp_engine_fold(world->engine);
    if (r < 0 && (r != -WFP_ERR_NO_MEMORY || allocations_left >= 0)) {
        printf("fold: %s\n", wfp_status_name(r));
        exit(1);
    }
    allocations_left = -1;
    total_failed_folds += r < 0;
}

/* A whole policy at once, or a difference; now and then memory runs out on the way. */
static void
change(struct world *world)
{
    struct wfp_filter *added[64], *removed[64];
    uint32_t added_count = 0, removed_count = 0, count;
    struct wfp_filter *next[FILTERS_MAX + 64];
    int r;

    if (world->count < FILTERS_MAX)
        added_count = below(percent(20) ? 60 : 4);
    for (uint32_t i = 0; i < added_count; i++)
        added[i] = random_filter();
    memcpy(next, world->filters, sizeof(next));
    count = world->count;
    for (uint32_t n = below(percent(20) ? 40 : 4); n > 0 && count > 0; n--) {
        uint32_t at = below(count);
        removed[removed_count++] = next[at];
        next[at] = next[--count];
    }
    memcpy(next + count, added, added_count * sizeof(added[0]));
    count += added_count;
    if (percent(15))
        allocations_left = below(30);
    if (percent(50))
        r = wfp_engine_commit(world->engine, &(struct wfp_policy){next, count});
    else
        r = wfp_engine_commit_delta(world->engine, added, added_count, removed, removed_count);
    if (r < 0 && (r != -WFP_ERR_NO_MEMORY || allocations_left >= 0)) {
        printf("commit: %s\n", wfp_status_name(r));
        exit(1);
    }
    allocations_left = -1;
    total_failed_commits += r < 0;
    if (percent(20))
        fold(world);
    if (r == 0) {
        memcpy(world->filters, next, sizeof(next));
        world->count = count;
    }
    for (uint32_t i = 0; i < (r == 0 ? removed_count : added_count); i++)
        wfp_filter_unref(r == 0 ? removed[i] : added[i]);
}

static uint64_t
run_world(uint64_t budget)
{
    static const struct wfp_callout_ops ops = {.classify = callout_classify};
    static struct world world;
    uint32_t size = percent(60) ? below(40) : percent(80) ? below(300) : below(FILTERS_MAX);
    uint64_t done = 0, per_change = 1 + 40000 / (size + 20);

    world.count = 0;
    make_pools();
    if (wfp_engine_new(&world.engine) < 0)
        abort();
    wfp_engine_fold_by_hand(world.engine, true);
    wfp_engine_thread_enter(world.engine);
    for (uint32_t i = 0; i < CALLOUTS; i++) {
        struct wfp_guid key = {.data1 = i + 1};
        callout_ids[i] = wfp_callout_id(world.engine, &key);
        if (i < CALLOUTS - 1 &&
            wfp_callout_register(world.engine, &key, 0, &ops, NULL, &callout_ids[i]) < 0)
            abort();
    }
    while (world.count < size)
        world.filters[world.count++] = random_filter();
    if (wfp_engine_commit(world.engine, &(struct wfp_policy){world.filters, world.count}) < 0)
        abort();
    for (uint32_t changes = 10 + below(40); changes > 0 && done < budget; changes--) {
        for (uint64_t i = 0; i < per_change && done < budget; i++, done++) {
            struct slow_world slow = {world.filters, world.count, is_registered, answer, admits};
            classify_once(&world, &slow);
        }
        change(&world);
    }
    for (uint32_t i = 0; i < world.count; i++)
        wfp_filter_unref(world.filters[i]);
    wfp_engine_thread_leave(world.engine);
    wfp_engine_free(world.engine);
    return done;
}

/*
 * A commit that replaces a big policy by a small one, each of its allocations failing in turn. The big
 * one fills a table of 1,024 up to where it grows: what was taken out must fit back in.
 */
static void
fail_each_allocation(void)
{
    enum { MANY = 819 };
    struct wfp_filter *many[MANY], *few[2];
    struct wfp_engine *engine;
    uint32_t failures = 0;
    int r = -1;

    make_pools();
    if (wfp_engine_new(&engine) < 0)
        abort();
    wfp_engine_fold_by_hand(engine, true);
    for (uint32_t i = 0; i < MANY; i++)
        many[i] = random_filter();
    few[0] = random_filter();
    few[1] = random_filter();
    for (uint32_t round = 0; round < 3; round++, r = -1) {
        for (uint32_t i = 0; i < MANY; i++)
            if (wfp_engine_commit(engine, &(struct wfp_policy){many, i + 1}) < 0)
                abort();
        for (int64_t after = 0; r < 0; after++) {
            struct wfp_filter_counters counters;

            allocations_left = after;
            r = wfp_engine_commit(engine, &(struct wfp_policy){few, 2});
            allocations_left = -1;
            failures += r < 0;
            for (uint32_t i = 0; i < MANY; i++) {
                if (wfp_engine_filter_counters(engine, many[i]->id, &counters) == (r < 0))
                    continue;
                printf("filter %u is %s after a commit that returned %d\n", i,
                       r < 0 ? "gone" : "there", r);
                exit(1);
            }
        }
    }
    for (uint32_t i = 0; i < MANY; i++)
        wfp_filter_unref(many[i]);
    wfp_filter_unref(few[0]);
    wfp_filter_unref(few[1]);
    wfp_engine_free(engine);
    printf("%u allocations failed in turn, nothing changed\n", failures);
}

int
main(int argc, char **argv)
{
    const char *given = getenv("WFP_ORACLE_COUNT");
    uint64_t count = given      ? strtoull(given, NULL, 0)
                     : argc > 1 ? strtoull(argv[1], NULL, 0)
                                : 2000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, done = 0, worlds = 0;

    chance_state = seed;
    fail_each_allocation();
    for (; done < count; worlds++)
        done += run_world(count - done);
    printf(
        "%lu classifications over %lu worlds, %lu filters made, %lu commits and %lu folds failed\n"
        "%lu matches, %lu callouts called, %lu blocks, %lu vetoes: 0 mismatches\n",
        done, worlds, next_id, total_failed_commits, total_failed_folds, total_matched, total_calls,
        total_blocks, total_vetoes);
    return 0;
}
