/*
 * Every allocation of every call fails in turn: the call says so, and nothing has changed.
 *
 * Runs over the real engine. The linker sends malloc, calloc and realloc here (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe.h"
#include "policy/bfe/bfe_query.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations still to succeed before one fails; negative: none fails. */
static __thread long countdown = -1;
static __thread bool injected;

static bool
fails(void)
{
    if (countdown < 0 || countdown-- > 0)
        return false;
    injected = true;
    return true;
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static const uint16_t name[] = {'t', 'e', 's', 't', 0};
#define KEY(n)                                                                                     \
    {                                                                                              \
        0x33333333, (n), 0,                                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
static const struct wfp_guid provider_key = KEY(1), sublayer_key = KEY(2), callout_key = KEY(3),
                             filter_key = KEY(4), context_key = KEY(5), new_key = KEY(99);

struct world {
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    struct wfp_bfe_session *session;
    uint64_t filter_id;
};

static struct wfp_object_spec
common(const struct wfp_guid *key)
{
    return (struct wfp_object_spec){
        .key = *key,
        .name_utf16 = name,
        .description_utf16 = name,
        .provider_data = {.size = 5, .data = (uint8_t *)"12345"},
    };
}

static int
add_provider(struct world *w, const struct wfp_guid *key)
{
    struct wfp_provider_spec spec = {.common = common(key), .service_name_utf16 = name};
    return wfp_bfe_provider_add(w->session, &spec, NULL);
}

static int
add_sublayer(struct world *w, const struct wfp_guid *key)
{
    struct wfp_sublayer_spec spec = {.common = common(key), .weight = 3};
    return wfp_bfe_sublayer_add(w->session, &spec, NULL);
}

static int
add_callout(struct world *w, const struct wfp_guid *key)
{
    struct wfp_callout_spec spec = {.common = common(key),
                                    .layer_key =
                                        wfp_layer_find_id(WFP_LAYER_OUTBOUND_TRANSPORT_V4)->key};
    return wfp_bfe_callout_add(w->session, &spec, NULL, NULL);
}

static int
add_context(struct world *w, const struct wfp_guid *key)
{
    struct wfp_blob blob = {.size = 3, .data = (uint8_t *)"abc"};
    struct wfp_context_spec spec = {
        .common = common(key), .type = WFP_CONTEXT_GENERAL, .data = &blob};
    return wfp_bfe_context_add(w->session, &spec, NULL, NULL);
}

static int
add_options(struct world *w, const struct wfp_guid *key)
{
    uint64_t number = 1;
    struct wfp_context_setting settings[] = {{1, {.type = WFP_UINT32, .uint32 = 5}},
                                             {2, {.type = WFP_UINT64, .uint64 = &number}}};
    struct wfp_context_spec spec = {.common = common(key),
                                    .type = WFP_CONTEXT_CLASSIFY_OPTIONS,
                                    .setting_count = 2,
                                    .settings = settings};
    return wfp_bfe_context_add(w->session, &spec, NULL, NULL);
}

static int
add_filter(struct world *w, const struct wfp_guid *key)
{
    const struct wfp_layer *layer = wfp_layer_find_id(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
    struct wfp_v4_mask mask = {0x0A000000, 0xFF000000};
    struct wfp_range range = {{.type = WFP_UINT16, .uint16 = 1}, {.type = WFP_UINT16, .uint16 = 9}};
    struct wfp_condition conditions[] = {
        {layer->fields[WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].condition_key,
         WFP_MATCH_EQUAL,
         {.type = WFP_V4_ADDR_MASK, .v4_mask = &mask}},
        {layer->fields[WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT].condition_key,
         WFP_MATCH_RANGE,
         {.type = WFP_RANGE, .range = &range}},
    };
    struct wfp_filter_spec spec = {
        .common = common(key),
        .layer_key = layer->key,
        .sublayer_key = sublayer_key,
        .condition_count = 2,
        .conditions = conditions,
        .action = WFP_ACTION_CALLOUT_UNKNOWN,
        .callout_key = callout_key,
        .provider_context_key = context_key,
    };
    spec.common.provider_key = &provider_key;
    spec.common.flags = WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    return wfp_bfe_filter_add(w->session, &spec, NULL, &w->filter_id);
}

static void
build(struct world *w)
{
    struct wfp_session_spec spec = {.kernel = true, .name_utf16 = name};

    memset(w, 0, sizeof(*w));
    assert_int_equal(wfp_engine_new(&w->engine), 0);
    wfp_engine_fold_by_hand(w->engine, true); /* allocations fail in this thread only */
    assert_int_equal(wfp_bfe_new(w->engine, &w->bfe), 0);
    assert_int_equal(wfp_bfe_session_open(w->bfe, &spec, &w->session), 0);
    assert_int_equal(add_provider(w, &provider_key), 0);
    assert_int_equal(add_sublayer(w, &sublayer_key), 0);
    assert_int_equal(add_callout(w, &callout_key), 0);
    assert_int_equal(add_context(w, &context_key), 0);
    assert_int_equal(add_filter(w, &filter_key), 0);
}

static void
tear_down(struct world *w)
{
    if (w->session)
        assert_int_equal(wfp_bfe_session_close(w->session), 0);
    wfp_bfe_free(w->bfe);
    wfp_engine_free(w->engine);
}

/* ---- the calls ----------------------------------------------------------------------------- */

static int
call_provider(struct world *w)
{
    return add_provider(w, &new_key);
}

static int
call_sublayer(struct world *w)
{
    return add_sublayer(w, &new_key);
}

static int
call_callout(struct world *w)
{
    return add_callout(w, &new_key);
}

static int
call_context(struct world *w)
{
    return add_context(w, &new_key);
}

static int
call_options(struct world *w)
{
    return add_options(w, &new_key);
}

static int
call_filter(struct world *w)
{
    return add_filter(w, &new_key);
}

static int
call_delete(struct world *w)
{
    return wfp_bfe_delete_by_key(w->session, WFP_BFE_FILTER, &filter_key);
}

/* Enough to grow tables, pool and log; any failure is followed by an abort. */
static int
call_transaction(struct world *w)
{
    int r = wfp_bfe_txn_begin(w->session, 0);

    for (uint16_t i = 0; i < 40 && r == 0; i++) {
        struct wfp_guid key = {0x44444444, i, 0, {0}};
        r = i % 2 ? add_sublayer(w, &key) : add_filter(w, &key);
    }
    if (r == 0)
        r = wfp_bfe_delete_by_key(w->session, WFP_BFE_FILTER, &filter_key);
    if (r == 0)
        return wfp_bfe_txn_commit(w->session);
    assert_int_equal(wfp_bfe_txn_abort(w->session), 0);
    return r;
}

static int
call_dynamic_session(struct world *w)
{
    struct wfp_session_spec spec = {
        .kernel = true, .flags = WFP_SESSION_FLAG_DYNAMIC, .name_utf16 = name};
    struct wfp_bfe_session *mine = w->session;
    int r = wfp_bfe_session_open(w->bfe, &spec, &w->session), added;

    if (r < 0) {
        w->session = mine;
        return r;
    }
    added = add_filter(w, &new_key);
    r = wfp_bfe_session_close(w->session);
    if (r == -WFP_ERR_NO_MEMORY) { /* still open: closing can be repeated */
        countdown = -1;
        assert_int_equal(wfp_bfe_session_close(w->session), 0);
    }
    w->session = mine;
    return added < 0 ? added : r;
}

static int
call_enumeration(struct world *w)
{
    struct wfp_bfe_template template_ = {.action_mask = WFP_BFE_ANY_ACTION,
                                         .flags = WFP_BFE_ENUM_SORTED};
    uint64_t handle;
    uint32_t count;
    void **items;
    int r = wfp_bfe_enum_create(w->session, WFP_BFE_FILTER, &template_, &handle);

    if (r < 0)
        return r;
    r = wfp_bfe_enum_next(w->session, WFP_BFE_FILTER, handle, 10, &items, &count);
    if (r == 0) {
        assert_int_equal(count, 1);
        wfp_bfe_enum_free(WFP_BFE_FILTER, items, count);
    }
    assert_int_equal(wfp_bfe_enum_destroy(w->session, WFP_BFE_FILTER, handle), 0);
    return r;
}

static void
ignore(void *context, const void *event)
{
    (void)context;
    (void)event;
}

static int
call_subscription(struct world *w)
{
    struct wfp_bfe_template template_ = {.action_mask = WFP_BFE_ANY_ACTION};
    uint64_t handle;
    int r = wfp_bfe_subscribe(w->session, WFP_BFE_FILTER, &template_, WFP_BFE_NOTIFY_ON_ADD, ignore,
                              NULL, NULL, &handle);
    return r < 0 ? r : wfp_bfe_unsubscribe(w->session, handle);
}

static int
call_security(struct world *w)
{
    struct wfp_bfe_sd_parts parts;
    struct wfp_bfe_sd *sd;
    int r = wfp_bfe_security_get(w->session, WFP_BFE_FILTER, &filter_key, WFP_SECURITY_DACL, &sd);

    if (r < 0)
        return r;
    wfp_bfe_descriptor_split(sd->bytes, &parts);
    r = wfp_bfe_security_set(w->session, WFP_BFE_FILTER, &filter_key, WFP_SECURITY_DACL, &parts);
    wfp_bfe_sd_unref(sd);
    return r;
}

static int
call_new(struct world *w)
{
    struct wfp_bfe *bfe;
    int r = wfp_bfe_new(w->engine, &bfe);

    if (r == 0)
        wfp_bfe_free(bfe);
    return r;
}

static const struct {
    const char *what;
    int (*call)(struct world *w);
} calls[] = {
    {"provider add", call_provider},
    {"sublayer add", call_sublayer},
    {"callout add", call_callout},
    {"context add", call_context},
    {"classify options add", call_options},
    {"filter add", call_filter},
    {"filter delete", call_delete},
    {"transaction", call_transaction},
    {"dynamic session", call_dynamic_session},
    {"enumeration", call_enumeration},
    {"subscription", call_subscription},
    {"security", call_security},
    {"new engine", call_new},
};

static void
test_each_failing_allocation_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
        long failed = 0;
        for (long n = 0;; n++) {
            struct world w;
            uint64_t before;
            int r;

            build(&w);
            before = wfp_bfe_state_hash(w.bfe);
            injected = false;
            countdown = n;
            r = calls[i].call(&w);
            countdown = -1;
            if (!injected) {
                assert_int_equal(r, 0);
                tear_down(&w);
                break;
            }
            failed++;
            if (r != -WFP_ERR_NO_MEMORY || wfp_bfe_state_hash(w.bfe) != before)
                fail_msg("%s, allocation %ld: returned %s, state %s", calls[i].what, n,
                         wfp_status_name(r),
                         wfp_bfe_state_hash(w.bfe) == before ? "kept" : "changed");
            /* nothing is left locked or half-done: the same call now works */
            r = calls[i].call(&w);
            if (r != 0)
                fail_msg("%s after failed allocation %ld: %s", calls[i].what, n,
                         wfp_status_name(r));
            tear_down(&w);
        }
        assert_true(failed > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_failing_allocation_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
