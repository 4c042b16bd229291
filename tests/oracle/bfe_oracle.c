/*
 * The plain twin of BFE: objects in a fixed array, a transaction is a copy of it, an abort copies back.
 *
 * Random calls of three sessions (one static, two dynamic) go to both; every result must be the same,
 * and now and then everything that can be seen.
 *
 * Usage   bfe_oracle [CALLS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"

#define KEYS     6
#define SESSIONS 3 /* 0 is static */
#define NONE     (-1)

struct plain_object {
    bool exists;
    int owner; /* a dynamic session, or 0 */
    bool persistent;
    int provider, sublayer, callout, context; /* keys it refers to, or NONE */
    int weight;                               /* sublayers */
};

struct plain_state {
    struct plain_object objects[WFP_BFE_TABLE_COUNT][KEYS];
};

static struct plain_state now_state, saved_state;
static int holder = NONE; /* the session whose transaction runs */
static bool open_sessions[SESSIONS];
static struct wfp_bfe_session *sessions[SESSIONS];
static struct wfp_bfe *bfe;
static struct wfp_engine *engine;
static bool builtin_weight[65536];
static uint64_t random_state;

static uint32_t
below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((random_state >> 33) % limit);
}

static struct wfp_guid
key_of(int kind, int key)
{
    return (struct wfp_guid){.data1 = 0x88888888, .data2 = (uint16_t)kind, .data3 = (uint16_t)key};
}

/* ---- the twin ------------------------------------------------------------------------------ */

static bool
refers(const struct plain_object *from, int kind, int key)
{
    return from->exists && ((kind == WFP_BFE_PROVIDER && from->provider == key) ||
                            (kind == WFP_BFE_SUBLAYER && from->sublayer == key) ||
                            (kind == WFP_BFE_CALLOUT && from->callout == key) ||
                            (kind == WFP_BFE_CONTEXT && from->context == key));
}

static bool
is_referenced(int kind, int key)
{
    for (int k = 0; k < WFP_BFE_TABLE_COUNT; k++)
        for (int i = 0; i < KEYS; i++)
            if (refers(&now_state.objects[k][i], kind, key))
                return true;
    return false;
}

static bool
may_refer(const struct plain_object *from, int kind, int key)
{
    const struct plain_object *to = &now_state.objects[kind][key];

    if (from->owner)
        return !to->owner || to->owner == from->owner;
    if (!from->persistent)
        return !to->owner;
    return to->persistent && (to->provider == NONE || to->provider == from->provider);
}

static bool
lives_long_enough(const struct plain_object *object)
{
    return (object->provider == NONE || may_refer(object, WFP_BFE_PROVIDER, object->provider)) &&
           (object->sublayer == NONE || may_refer(object, WFP_BFE_SUBLAYER, object->sublayer)) &&
           (object->callout == NONE || may_refer(object, WFP_BFE_CALLOUT, object->callout)) &&
           (object->context == NONE || may_refer(object, WFP_BFE_CONTEXT, object->context));
}

static bool
is_missing(int kind, int key)
{
    return key != NONE && !now_state.objects[kind][key].exists;
}

static bool
weight_is_taken(int weight)
{
    for (int i = 0; i < KEYS; i++)
        if (now_state.objects[WFP_BFE_SUBLAYER][i].exists &&
            now_state.objects[WFP_BFE_SUBLAYER][i].weight == weight)
            return true;
    return builtin_weight[weight];
}

static int
plain_add(int kind, int key, struct plain_object object)
{
    if (is_missing(WFP_BFE_SUBLAYER, object.sublayer))
        return -WFP_ERR_SUBLAYER_NOT_FOUND;
    if (is_missing(WFP_BFE_CALLOUT, object.callout))
        return -WFP_ERR_CALLOUT_NOT_FOUND;
    if (is_missing(WFP_BFE_CONTEXT, object.context))
        return -WFP_ERR_PROVIDER_CONTEXT_NOT_FOUND;
    if (object.persistent && object.owner)
        return -WFP_ERR_DYNAMIC_SESSION_IN_PROGRESS;
    if (is_missing(WFP_BFE_PROVIDER, object.provider))
        return -WFP_ERR_PROVIDER_NOT_FOUND;
    if (!lives_long_enough(&object))
        return -WFP_ERR_LIFETIME_MISMATCH;
    if (now_state.objects[kind][key].exists)
        return -WFP_ERR_ALREADY_EXISTS;
    if (kind == WFP_BFE_SUBLAYER)
        while (weight_is_taken(object.weight))
            object.weight++;
    object.exists = true;
    now_state.objects[kind][key] = object;
    return 0;
}

static int
plain_delete(int kind, int key)
{
    static const int missing[] = {
        [WFP_BFE_PROVIDER] = -WFP_ERR_PROVIDER_NOT_FOUND,
        [WFP_BFE_CONTEXT] = -WFP_ERR_PROVIDER_CONTEXT_NOT_FOUND,
        [WFP_BFE_SUBLAYER] = -WFP_ERR_SUBLAYER_NOT_FOUND,
        [WFP_BFE_CALLOUT] = -WFP_ERR_CALLOUT_NOT_FOUND,
        [WFP_BFE_FILTER] = -WFP_ERR_FILTER_NOT_FOUND,
    };

    if (!now_state.objects[kind][key].exists)
        return missing[kind];
    if (is_referenced(kind, key))
        return -WFP_ERR_IN_USE;
    now_state.objects[kind][key].exists = false;
    return 0;
}

static void
plain_close(int session)
{
    if (holder == session) {
        now_state = saved_state;
        holder = NONE;
    }
    for (int k = 0; session && k < WFP_BFE_TABLE_COUNT; k++)
        for (int i = 0; i < KEYS; i++)
            if (now_state.objects[k][i].owner == session)
                now_state.objects[k][i].exists = false;
}

/* ---- the real one -------------------------------------------------------------------------- */

static const uint16_t name[] = {'o', 0};

static int
real_add(int session, int kind, int key, const struct plain_object *object)
{
    struct wfp_guid provider = key_of(WFP_BFE_PROVIDER, object->provider);
    struct wfp_object_spec common = {.key = key_of(kind, key), .name_utf16 = name};
    struct wfp_guid layer_key = wfp_layer_find_id(0)->key;
    struct wfp_blob data = {0};

    common.provider_key = object->provider == NONE ? NULL : &provider;
    if (object->persistent) /* bit 0 for all kinds but callouts */
        common.flags = kind == WFP_BFE_CALLOUT ? WFP_CALLOUT_FLAG_PERSISTENT : 1;
    switch (kind) {
    case WFP_BFE_PROVIDER:
        return wfp_bfe_provider_add(sessions[session],
                                    &(struct wfp_provider_spec){.common = common}, NULL);
    case WFP_BFE_CONTEXT:
        return wfp_bfe_context_add(sessions[session],
                                   &(struct wfp_context_spec){.common = common,
                                                              .type = WFP_CONTEXT_GENERAL,
                                                              .data = &data},
                                   NULL, NULL);
    case WFP_BFE_SUBLAYER:
        return wfp_bfe_sublayer_add(
            sessions[session],
            &(struct wfp_sublayer_spec){.common = common, .weight = (uint16_t)object->weight},
            NULL);
    case WFP_BFE_CALLOUT:
        return wfp_bfe_callout_add(
            sessions[session], &(struct wfp_callout_spec){.common = common, .layer_key = layer_key},
            NULL, NULL);
    default: {
        struct wfp_filter_spec spec = {.common = common, .layer_key = layer_key};
        spec.action = WFP_ACTION_PERMIT;
        if (object->sublayer != NONE)
            spec.sublayer_key = key_of(WFP_BFE_SUBLAYER, object->sublayer);
        if (object->callout != NONE) {
            spec.action = WFP_ACTION_CALLOUT_UNKNOWN;
            spec.callout_key = key_of(WFP_BFE_CALLOUT, object->callout);
        }
        if (object->context != NONE) {
            spec.common.flags |= WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
            spec.provider_context_key = key_of(WFP_BFE_CONTEXT, object->context);
        }
        return wfp_bfe_filter_add(sessions[session], &spec, NULL, NULL);
    }
    }
}

static void
open_session(int session)
{
    struct wfp_session_spec spec = {
        .kernel = true, .txn_wait_timeout_ms = 1, .flags = session ? WFP_SESSION_FLAG_DYNAMIC : 0};

    if (wfp_bfe_session_open(bfe, &spec, &sessions[session]) < 0)
        abort();
    open_sessions[session] = true;
}

/* ---- both ---------------------------------------------------------------------------------- */

static int
maybe(uint32_t percent)
{
    return below(100) < percent ? (int)below(KEYS) : NONE;
}

static struct plain_object
random_object(int session, int kind)
{
    struct plain_object object = {.owner = session, .persistent = below(100) < 20};

    object.provider = kind == WFP_BFE_PROVIDER ? NONE : maybe(40);
    object.sublayer = kind == WFP_BFE_FILTER ? maybe(60) : NONE;
    object.callout = kind == WFP_BFE_FILTER ? maybe(40) : NONE;
    object.context = kind == WFP_BFE_FILTER ? maybe(30) : NONE;
    object.weight = (int)below(12);
    return object;
}

static void
compare(const char *what, int real, int plain, uint64_t call)
{
    if (real == plain)
        return;
    printf("call %llu: %s: BFE %s, twin %s\n", (unsigned long long)call, what,
           wfp_status_name(real), wfp_status_name(plain));
    exit(1);
}

static void
compare_everything(uint64_t call)
{
    int session = holder == NONE ? 0 : holder;
    uint32_t filters = 0;

    for (int kind = 0; kind < WFP_BFE_TABLE_COUNT; kind++)
        for (int i = 0; i < KEYS; i++) {
            const struct plain_object *plain = &now_state.objects[kind][i];
            struct wfp_guid key = key_of(kind, i);
            struct wfp_bfe_object *object = NULL;
            struct wfp_filter *filter = NULL;
            int r =
                kind == WFP_BFE_FILTER
                    ? wfp_bfe_filter_get(sessions[session], &key, &filter)
                    : wfp_bfe_object_get(sessions[session], (enum wfp_bfe_kind)kind, &key, &object);
            compare("exists", r == 0, plain->exists, call);
            if (object && kind == WFP_BFE_SUBLAYER)
                compare("weight", object->weight, plain->weight, call);
            filters += filter != NULL;
            wfp_bfe_object_unref(object);
            wfp_filter_unref(filter);
        }
    compare("filters", (int)wfp_bfe_count(bfe, WFP_BFE_FILTER), (int)filters, call);
    if (holder == NONE)
        compare("in force", !wfp_engine_layer_is_empty(engine, 0), filters > 0, call);
}

/* Another session's transaction holds the lock. */
static bool
is_locked_out(int session)
{
    return holder != NONE && holder != session;
}

static void
one_call(uint64_t call)
{
    int session = holder != NONE && below(1000) ? holder : (int)below(SESSIONS);
    int kind = (int)below(WFP_BFE_TABLE_COUNT), key = (int)below(KEYS), r;
    struct wfp_guid guid = key_of(kind, key);
    uint32_t choice = below(100);

    if (!open_sessions[session])
        open_session(session);
    if (choice < 50) {
        struct plain_object object = random_object(session, kind);
        r = real_add(session, kind, key, &object);
        compare("add", r, is_locked_out(session) ? -WFP_ERR_TIMEOUT : plain_add(kind, key, object),
                call);
    } else if (choice < 80) {
        r = wfp_bfe_delete_by_key(sessions[session], (enum wfp_bfe_kind)kind, &guid);
        compare("delete", r, is_locked_out(session) ? -WFP_ERR_TIMEOUT : plain_delete(kind, key),
                call);
    } else if (choice < 88) {
        r = wfp_bfe_txn_begin(sessions[session], 0);
        compare("begin", r,
                is_locked_out(session) ? -WFP_ERR_TIMEOUT
                : holder == session    ? -WFP_ERR_TXN_IN_PROGRESS
                                       : 0,
                call);
        if (r == 0) {
            saved_state = now_state;
            holder = session;
        }
    } else if (choice < 98) {
        bool commit = choice < 94;
        r = commit ? wfp_bfe_txn_commit(sessions[session]) : wfp_bfe_txn_abort(sessions[session]);
        compare("end", r, holder == session ? 0 : -WFP_ERR_NO_TXN_IN_PROGRESS, call);
        if (r == 0 && !commit)
            now_state = saved_state;
        if (r == 0)
            holder = NONE;
    } else if (!is_locked_out(session)) {
        compare("close", wfp_bfe_session_close(sessions[session]), 0, call);
        open_sessions[session] = false;
        plain_close(session);
        if (!open_sessions[0])
            open_session(0);
    }
}

int
main(int argc, char **argv)
{
    uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    static const uint16_t taken[] = {0, 1, 2, 3, 4, 5, 6, 7};

    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (size_t i = 0; i < ELEMENTSOF(taken); i++)
        builtin_weight[taken[i]] = true;
    if (wfp_engine_new(&engine) < 0 || wfp_bfe_new(engine, &bfe) < 0)
        return 3;
    open_session(0);
    for (uint64_t call = 0; call < calls; call++) {
        one_call(call);
        if (call % 16 == 0)
            compare_everything(call);
    }
    wfp_bfe_free(bfe);
    wfp_engine_free(engine);
    printf("%llu calls, 0 mismatches\n", (unsigned long long)calls);
    return 0;
}
