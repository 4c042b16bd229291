/* The registry of callouts: ids, lives, notifications, flow claims; and leaving while in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "policy.h"

#include "core/flow/flow.h"

#define LAYER WFP_LAYER_ALE_FLOW_ESTABLISHED_V4

static struct wfp_engine *engine;
static const struct wfp_guid key = {.data1 = 77};

static int
set_up(void **state)
{
    assert_int_equal(wfp_engine_new(&engine), 0);
    wfp_engine_thread_enter(engine);
    return 0;
}

static int
tear_down(void **state)
{
    wfp_engine_thread_leave(engine);
    wfp_engine_free(engine);
    return 0;
}

static struct wfp_verdict
classify(struct wfp_flow *flow)
{
    struct wfp_value values[WFP_FIELD_MAX] = {0};
    struct wfp_indication indication = {.layer_id = LAYER,
                                        .values = values,
                                        .flow = flow,
                                        .value_count = wfp_layer_find_id(LAYER)->field_count};
    struct wfp_verdict verdict;

    wfp_classify(engine, &indication, &verdict);
    return verdict;
}

static void
commit_callout_filter(uint32_t action, uint32_t callout_id)
{
    struct wfp_filter *filter = make_filter(1, LAYER, 1, 1, action);
    filter->callout_id = callout_id;
    commit_all(engine, &filter, 1);
}

static void
test_ids_belong_to_keys_for_good(void **state)
{
    static struct scripted script;
    struct wfp_guid found, builtin;
    uint32_t id = wfp_callout_id(engine, &key),
             other = wfp_callout_id(engine, &(struct wfp_guid){.data1 = 5});

    assert_true(id >= 256);
    assert_int_not_equal(id, other);
    assert_int_equal(register_scripted(engine, key.data1, 0, &script), id);
    assert_int_equal(wfp_callout_unregister(engine, id), 0);
    assert_int_equal(register_scripted(engine, key.data1, 0, &script), id);
    assert_true(wfp_callout_find_key(engine, id, &found));
    assert_true(wfp_guid_equal(&found, &key));
    assert_true(wfp_callout_find_key(engine, 1, &builtin)); /* built-in ones come first */
    assert_int_equal(wfp_callout_id(engine, &builtin), 1);
    assert_false(wfp_callout_find_key(engine, 0, &found));
    assert_false(wfp_callout_find_key(engine, 200, &found));
    assert_false(wfp_callout_find_key(engine, UINT32_MAX, &found));
}

static void
test_registration_errors(void **state)
{
    static struct scripted script;
    const struct wfp_callout_ops ops = {.classify = scripted_classify}, none = {0};
    uint32_t id = register_scripted(engine, key.data1, 0, &script), again = 9;

    assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, NULL, &again),
                     -WFP_ERR_ALREADY_EXISTS);
    assert_int_equal(
        wfp_callout_register(engine, &(struct wfp_guid){.data1 = 5}, 0, &none, NULL, &again),
        -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(again, 9);
    assert_int_equal(wfp_callout_unregister(engine, id + 1), -WFP_ERR_CALLOUT_NOT_FOUND);
    assert_int_equal(wfp_callout_unregister(engine, UINT32_MAX), -WFP_ERR_CALLOUT_NOT_FOUND);
    assert_true(wfp_callout_is_registered(engine, id));
    assert_int_equal(wfp_callout_unregister(engine, id), 0);
    assert_false(wfp_callout_is_registered(engine, id));
    assert_int_equal(wfp_callout_unregister(engine, id), -WFP_ERR_CALLOUT_NOT_FOUND);
    assert_int_equal(script.released, 1);
}

static struct {
    int answer;
    uint32_t count[3];
} notified;

static int
notify(void *context, enum wfp_notify_type type, struct wfp_filter *filter)
{
    notified.count[type]++;
    if (type == WFP_NOTIFY_ADD_FILTER)
        filter->context = 42;
    return notified.answer;
}

static void
test_notifications_reach_the_callout_and_only_an_add_can_be_vetoed(void **state)
{
    const struct wfp_callout_ops ops = {.classify = scripted_classify, .notify = notify};
    struct wfp_filter *filter = make_filter(1, LAYER, 1, 1, WFP_ACTION_CALLOUT_UNKNOWN);
    uint32_t id;

    memset(&notified, 0, sizeof(notified));
    filter->callout_id = wfp_callout_id(engine, &key);
    notified.answer = -WFP_ERR_ACCESS_DENIED;
    assert_int_equal(wfp_callout_notify(engine, WFP_NOTIFY_ADD_FILTER, filter), 0);
    assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, NULL, &id), 0);
    assert_int_equal(wfp_callout_notify(engine, WFP_NOTIFY_ADD_FILTER, filter),
                     -WFP_ERR_ACCESS_DENIED);
    assert_int_equal(filter->context, 42);
    assert_int_equal(wfp_callout_notify(engine, WFP_NOTIFY_DELETE_FILTER, filter), 0);
    assert_int_equal(wfp_callout_notify(engine, WFP_NOTIFY_ADD_FILTER_POST_COMMIT, filter), 0);
    assert_int_equal(notified.count[WFP_NOTIFY_ADD_FILTER], 1);
    assert_int_equal(notified.count[WFP_NOTIFY_DELETE_FILTER], 1);
    assert_int_equal(notified.count[WFP_NOTIFY_ADD_FILTER_POST_COMMIT], 0); /* did not ask for it */
    assert_int_equal(wfp_callout_unregister(engine, id), 0);
    assert_int_equal(wfp_callout_register(engine, &key, WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY,
                                          &ops, NULL, &id),
                     0);
    assert_int_equal(wfp_callout_notify(engine, WFP_NOTIFY_ADD_FILTER_POST_COMMIT, filter), 0);
    assert_int_equal(notified.count[WFP_NOTIFY_ADD_FILTER_POST_COMMIT], 1);
    wfp_filter_unref(filter);
}

static uint32_t deleted_contexts, leave_result[2];

static void
flow_delete(void *context, uint16_t layer_id, uint32_t callout_id, uint64_t flow_context)
{
    deleted_contexts++;
}

static void
test_flow_claims_hold_a_callout(void **state)
{
    const struct wfp_callout_ops ops = {.classify = scripted_classify, .flow_delete = flow_delete};
    static struct scripted script;
    uint32_t plain = register_scripted(engine, 5, 0, &script), id;

    deleted_contexts = 0;
    assert_int_equal(wfp_callout_flow_claim(engine, plain), -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(wfp_callout_flow_claim(engine, plain + 50), -WFP_ERR_CALLOUT_NOT_FOUND);
    assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, NULL, &id), 0);
    assert_int_equal(wfp_callout_flow_claim(engine, id), 0);
    assert_int_equal(wfp_callout_unregister(engine, id), -WFP_ERR_IN_USE);
    assert_int_equal(wfp_callout_flow_claim(engine, id), -WFP_ERR_IN_USE); /* it is leaving */
    assert_true(wfp_callout_is_registered(engine, id));
    wfp_callout_flow_delete(engine, id, LAYER, 1234);
    assert_int_equal(deleted_contexts, 1);
    assert_int_equal(wfp_callout_unregister(engine, id), 0);
}

static void
test_conditional_on_flow_is_silent_without_a_context(void **state)
{
    static struct scripted script;
    static const struct wfp_callout_ops ops = {.classify = scripted_classify,
                                               .flow_delete = flow_delete};
    struct wfp_flow_key flow_key = {.version = 4, .protocol = 6, .local_port = 1};
    struct wfp_flow_table *table;
    struct wfp_flow *flow;
    uint32_t id;

    memset(&script, 0, sizeof(script));
    script.action = WFP_ACTION_BLOCK;
    assert_int_equal(wfp_callout_register(engine, &key, WFP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW, &ops,
                                          &script, &id),
                     0);
    commit_callout_filter(WFP_ACTION_CALLOUT_TERMINATING, id);
    assert_int_equal(classify(NULL).action, WFP_ACTION_PERMIT);
    assert_int_equal(wfp_flow_table_new(engine, &table), 0);
    assert_int_equal(wfp_flow_create(table, &flow_key, wfp_flow_hash(table, &flow_key), 1, &flow),
                     0);
    wfp_flow_enter(flow);
    assert_int_equal(classify(flow).action, WFP_ACTION_PERMIT);
    wfp_flow_leave(table, flow);
    assert_int_equal(script.calls, 0);
    assert_int_equal(wfp_flow_context_set(table, flow->id, LAYER, id, 0xC0FFEE), 0);
    wfp_flow_enter(flow);
    assert_int_equal(classify(flow).action, WFP_ACTION_BLOCK);
    wfp_flow_leave(table, flow);
    assert_int_equal(script.calls, 1);
    assert_int_equal(script.flow_context, 0xC0FFEE);
    wfp_flow_table_free(table);
}

static void
leaving_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
                 uint64_t flow_context, struct wfp_classify_out *out)
{
    struct wfp_filter *more = make_filter(2, LAYER, 2, 1, WFP_ACTION_PERMIT);

    leave_result[0] = (uint32_t)-wfp_callout_unregister(engine, filter->callout_id);
    /* Changing the policy from inside must not wait for itself. */
    leave_result[1] = (uint32_t)-wfp_engine_commit_delta(engine, &more, 1, NULL, 0);
    wfp_filter_unref(more);
}

static void
test_a_callout_may_not_leave_from_inside_but_may_change_policy(void **state)
{
    const struct wfp_callout_ops ops = {.classify = leaving_classify};
    uint32_t id;

    assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, NULL, &id), 0);
    commit_callout_filter(WFP_ACTION_CALLOUT_UNKNOWN, id);
    classify(NULL);
    assert_int_equal(leave_result[0], WFP_ERR_IN_USE);
    assert_int_equal(leave_result[1], 0);
    assert_int_equal(wfp_callout_unregister(engine, id), 0);
    assert_int_equal(classify(NULL).matched, 2);
}

/* ---- threads ---- */

#define READERS 2

static atomic_bool stop;
static atomic_uint gone_but_called, readers_ready;
static atomic_uint_least64_t calls;

struct guest {
    atomic_bool is_gone;
};

static void
guest_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
               uint64_t flow_context, struct wfp_classify_out *out)
{
    struct guest *guest = context;

    if (guest->is_gone)
        atomic_fetch_add(&gone_but_called, 1);
    sched_yield();
    if (guest->is_gone)
        atomic_fetch_add(&gone_but_called, 1);
    atomic_fetch_add(&calls, 1);
    out->action = WFP_ACTION_PERMIT;
}

static void
guest_release(void *context)
{
    ((struct guest *)context)->is_gone = true;
}

static void *
read_on(void *argument)
{
    void (*check)(void) = argument;

    wfp_engine_thread_enter(engine);
    atomic_fetch_add(&readers_ready, 1);
    while (!stop) {
        if (check)
            check();
        else
            classify(NULL);
    }
    wfp_engine_thread_leave(engine);
    return NULL;
}

static void
with_readers(void (*check)(void), void (*work)(void))
{
    pthread_t threads[READERS];

    stop = false;
    readers_ready = 0;
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, check), 0);
    while (readers_ready < READERS)
        sched_yield();
    work();
    stop = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
}

static void
come_and_go(void)
{
    static const struct wfp_callout_ops ops = {.classify = guest_classify,
                                               .release = guest_release};
    static struct guest guests[300];
    uint32_t id;

    memset(guests, 0, sizeof(guests));
    for (uint32_t i = 0; i < ELEMENTSOF(guests); i++) {
        uint64_t before = calls;
        assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, &guests[i], &id), 0);
        for (uint32_t spin = 0; spin < 1000 && calls == before; spin++)
            sched_yield();
        assert_int_equal(wfp_callout_unregister(engine, id), 0);
        assert_true(guests[i].is_gone);
    }
}

static void
test_no_call_begins_or_runs_after_unregister_returned(void **state)
{
    commit_callout_filter(WFP_ACTION_CALLOUT_UNKNOWN, wfp_callout_id(engine, &key));
    gone_but_called = 0;
    calls = 0;
    with_readers(NULL, come_and_go);
    assert_int_equal(gone_but_called, 0);
    assert_true(calls > 0);
}

/* Each policy has eight filters of one generation: a classify must see eight of one, never a mix.
 * */
#define GENERATION_SIZE 8

static atomic_uint mixed, seen_whole;
static __thread uint64_t seen[GENERATION_SIZE * 3];
static __thread uint32_t seen_count;

static void
watch_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
               uint64_t flow_context, struct wfp_classify_out *out)
{
    if (seen_count < ELEMENTSOF(seen))
        seen[seen_count++] = filter->context;
}

static void
check_generation(void)
{
    bool ok;

    seen_count = 0;
    classify(NULL);
    if (!seen_count)
        return; /* no generation is in yet */
    ok = seen_count == GENERATION_SIZE;
    for (uint32_t i = 1; i < seen_count; i++)
        ok &= seen[i] == seen[0];
    atomic_fetch_add(ok ? &seen_whole : &mixed, 1);
}

static void
commit_generations(void)
{
    uint32_t id = wfp_callout_id(engine, &key);
    struct wfp_filter *old[GENERATION_SIZE], *new[GENERATION_SIZE], *ballast[300];
    uint64_t next_id = 1000;

    /* So many others that the engine keeps several segments. */
    for (uint32_t i = 0; i < ELEMENTSOF(ballast); i++) {
        ballast[i] = make_filter(next_id++, LAYER, 50, i, WFP_ACTION_BLOCK);
        add_condition(ballast[i], WFP_FIELD_ALE_FLOW_ESTABLISHED_V4_IP_REMOTE_PORT, WFP_MATCH_EQUAL,
                      (struct wfp_value){WFP_UINT16, {.uint16 = (uint16_t)i}});
    }
    assert_int_equal(wfp_engine_commit_delta(engine, ballast, ELEMENTSOF(ballast), NULL, 0), 0);
    for (uint32_t generation = 0; generation < 400 || (seen_whole < 200 && generation < 20000);
         generation++) {
        for (uint32_t i = 0; i < GENERATION_SIZE; i++) {
            new[i] = make_filter(next_id++, LAYER, (uint16_t)(10 + i), generation,
                                 WFP_ACTION_CALLOUT_INSPECTION);
            new[i]->callout_id = id;
            new[i]->context = generation;
        }
        assert_int_equal(wfp_engine_commit_delta(engine, new, GENERATION_SIZE, old,
                                                 generation ? GENERATION_SIZE : 0),
                         0);
        for (uint32_t i = 0; generation && i < GENERATION_SIZE; i++)
            wfp_filter_unref(old[i]);
        memcpy(old, new, sizeof(old));
    }
    for (uint32_t i = 0; i < GENERATION_SIZE; i++)
        wfp_filter_unref(old[i]);
    for (uint32_t i = 0; i < ELEMENTSOF(ballast); i++)
        wfp_filter_unref(ballast[i]);
}

static void
test_readers_see_all_of_a_commit_or_none(void **state)
{
    static const struct wfp_callout_ops ops = {.classify = watch_classify};
    uint32_t id;

    assert_int_equal(wfp_callout_register(engine, &key, 0, &ops, NULL, &id), 0);
    mixed = seen_whole = 0;
    with_readers(check_generation, commit_generations);
    assert_true(seen_whole > 0);
    assert_int_equal(mixed, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_ids_belong_to_keys_for_good),
        TEST(test_registration_errors),
        TEST(test_notifications_reach_the_callout_and_only_an_add_can_be_vetoed),
        TEST(test_flow_claims_hold_a_callout),
        TEST(test_conditional_on_flow_is_silent_without_a_context),
        TEST(test_a_callout_may_not_leave_from_inside_but_may_change_policy),
        TEST(test_no_call_begins_or_runs_after_unregister_returned),
        TEST(test_readers_see_all_of_a_commit_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
