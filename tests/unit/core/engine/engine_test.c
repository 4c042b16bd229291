/* The engine: matching, arbitration and callouts, a few filters at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy.h"

#include "core/model/metadata.h"

#define LAYER  WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define REMOTE WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS
#define PORT   WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT

static struct wfp_engine *engine;
static struct wfp_value values[WFP_FIELD_MAX];
static struct scripted script, watcher;

static int
set_up(void **state)
{
    memset(values, 0, sizeof(values));
    memset(&script, 0, sizeof(script));
    memset(&watcher, 0, sizeof(watcher));
    values[REMOTE] = (struct wfp_value){.type = WFP_UINT32, .uint32 = 0xA83F8110};
    values[PORT] = (struct wfp_value){.type = WFP_UINT16, .uint16 = 443};
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
classify(void)
{
    struct wfp_verdict verdict;
    wfp_classify(engine,
                 &(struct wfp_indication){.layer_id = LAYER,
                                          .values = values,
                                          .value_count = wfp_layer_find_id(LAYER)->field_count},
                 &verdict);
    return verdict;
}

static void
test_no_filter_permits_undecided(void **state)
{
    struct wfp_verdict verdict = classify();
    assert_int_equal(verdict.action, WFP_ACTION_PERMIT);
    assert_false(verdict.decided);
    assert_true(wfp_engine_layer_is_empty(engine, LAYER));
}

static void
test_soft_permit_loses_to_a_lower_block(void **state)
{
    struct wfp_filter *filters[] = {
        make_filter(1, LAYER, 200, 1, WFP_ACTION_PERMIT),
        make_filter(2, LAYER, 100, 1, WFP_ACTION_BLOCK),
    };
    commit_all(engine, filters, 2);
    struct wfp_verdict verdict = classify();
    assert_int_equal(verdict.action, WFP_ACTION_BLOCK);
    assert_int_equal(verdict.filter_id, 2);
    assert_int_equal(verdict.matched, 2);
}

static void
test_heavier_filter_of_a_sublayer_decides_it(void **state)
{
    struct wfp_filter *filters[] = {
        make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK),
        make_filter(2, LAYER, 100, 6, WFP_ACTION_PERMIT),
        make_filter(3, LAYER, 100, 6, WFP_ACTION_BLOCK),
    };
    commit_all(engine, filters, 3);
    assert_int_equal(classify().filter_id, 3); /* the newer of two of equal weight */
}

static void
test_conditions_of_one_field_are_alternatives(void **state)
{
    struct wfp_filter *filters[] = {make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK)};
    add_condition(filters[0], PORT, WFP_MATCH_EQUAL,
                  (struct wfp_value){WFP_UINT16, {.uint16 = 80}});
    add_condition(filters[0], PORT, WFP_MATCH_EQUAL,
                  (struct wfp_value){WFP_UINT16, {.uint16 = 443}});
    add_condition(filters[0], REMOTE, WFP_MATCH_EQUAL,
                  (struct wfp_value){WFP_V4_ADDR_MASK,
                                     {.v4_mask = &(struct wfp_v4_mask){0xA83F8100, 0xFFFFFF00}}});
    commit_all(engine, filters, 1);
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);
    values[PORT].uint16 = 81;
    assert_int_equal(classify().action, WFP_ACTION_PERMIT);
    values[PORT].uint16 = 80;
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);
    values[REMOTE].uint32 = 0xA83F8210;
    assert_int_equal(classify().action, WFP_ACTION_PERMIT);
}

static void
test_callout_is_asked_and_answers(void **state)
{
    struct wfp_filter *filters[] = {make_filter(7, LAYER, 100, 5, WFP_ACTION_CALLOUT_TERMINATING)};
    struct wfp_callout_counters counters;
    struct wfp_verdict verdict;

    script.action = WFP_ACTION_BLOCK;
    script.absorb = true;
    filters[0]->callout_id = register_scripted(engine, 1, 0, &script);
    assert_true(script.id >= 256);
    commit_all(engine, filters, 1);
    verdict = classify();
    assert_int_equal(verdict.action, WFP_ACTION_BLOCK);
    assert_true(verdict.absorb);
    assert_int_equal(verdict.callout_id, script.id);
    assert_int_equal(script.action_in, WFP_ACTION_NONE);
    assert_int_equal(script.rights_in, WFP_RIGHT_ACTION_WRITE);
    assert_int_equal(script.filter_id, 7);
    wfp_callout_counters(engine, script.id, &counters);
    assert_int_equal(counters.classified, 1);
    assert_int_equal(counters.block, 1);
    assert_int_equal(wfp_callout_unregister(engine, script.id), 0);
    assert_int_equal(script.released, 1);
}

static void
test_missing_callout_blocks_unless_told_otherwise(void **state)
{
    struct wfp_filter *filters[] = {make_filter(7, LAYER, 100, 5, WFP_ACTION_CALLOUT_UNKNOWN)};
    filters[0]->callout_id = wfp_callout_id(engine, &(struct wfp_guid){.data1 = 9});
    commit_all(engine, filters, 1);
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);

    filters[0] = make_filter(8, LAYER, 100, 5, WFP_ACTION_CALLOUT_UNKNOWN);
    filters[0]->callout_id = wfp_callout_id(engine, &(struct wfp_guid){.data1 = 9});
    filters[0]->flags = WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED;
    commit_all(engine, filters, 1);
    assert_int_equal(classify().action, WFP_ACTION_PERMIT);
    assert_int_equal(classify().filter_id, 8);

    filters[0] = make_filter(9, LAYER, 100, 5, WFP_ACTION_CALLOUT_INSPECTION);
    filters[0]->callout_id = wfp_callout_id(engine, &(struct wfp_guid){.data1 = 9});
    commit_all(engine, filters, 1);
    assert_false(classify().decided);
}

static void
test_a_block_is_shown_to_the_discard_layer_unless_absorbed(void **state)
{
    struct wfp_filter *filters[] = {
        make_filter(1, LAYER, 100, 5, WFP_ACTION_CALLOUT_TERMINATING),
        make_filter(2, WFP_LAYER_OUTBOUND_TRANSPORT_V4_DISCARD, 100, 5,
                    WFP_ACTION_CALLOUT_INSPECTION),
    };
    script.action = WFP_ACTION_BLOCK;
    filters[0]->callout_id = register_scripted(engine, 1, 0, &script);
    filters[1]->callout_id = register_scripted(engine, 2, 0, &watcher);
    commit_all(engine, filters, 2);
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);
    assert_int_equal(watcher.calls, 1);
    script.absorb = true;
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);
    assert_int_equal(watcher.calls, 1);
}

static void
test_delta_adds_and_removes_by_identity(void **state)
{
    struct wfp_filter *block = make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK);
    uint64_t epoch = wfp_engine_layer_epoch(engine, LAYER);
    struct wfp_filter_counters counters;

    assert_int_equal(wfp_engine_commit_delta(engine, &block, 1, NULL, 0), 0);
    assert_int_not_equal(wfp_engine_layer_epoch(engine, LAYER), epoch);
    assert_int_equal(wfp_engine_layer_epoch(engine, LAYER + 2), 1);
    assert_int_equal(classify().action, WFP_ACTION_BLOCK);
    assert_true(wfp_engine_filter_counters(engine, 1, &counters));
    assert_int_equal(counters.matched, 1);
    assert_int_equal(counters.blocked, 1);
    assert_int_equal(wfp_engine_commit_delta(engine, NULL, 0, &block, 1), 0);
    assert_int_equal(classify().action, WFP_ACTION_PERMIT);
    assert_false(wfp_engine_filter_counters(engine, 1, &counters));
    wfp_filter_unref(block);
}

static void
test_layer_counters_add_up(void **state)
{
    struct wfp_layer_counters counters;
    struct wfp_filter *filters[] = {make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK)};

    classify();
    commit_all(engine, filters, 1);
    classify();
    wfp_engine_layer_counters(engine, LAYER, &counters);
    assert_int_equal(counters.classified, 2);
    assert_int_equal(counters.permit, 1);
    assert_int_equal(counters.block, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_no_filter_permits_undecided),
        TEST(test_soft_permit_loses_to_a_lower_block),
        TEST(test_heavier_filter_of_a_sublayer_decides_it),
        TEST(test_conditions_of_one_field_are_alternatives),
        TEST(test_callout_is_asked_and_answers),
        TEST(test_missing_callout_blocks_unless_told_otherwise),
        TEST(test_a_block_is_shown_to_the_discard_layer_unless_absorbed),
        TEST(test_delta_adds_and_removes_by_identity),
        TEST(test_layer_counters_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
