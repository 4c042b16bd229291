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

static struct wfp_metadata seen_metadata;
static bool seen_from_discard;

static void
discard_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
                 uint64_t flow_context, struct wfp_classify_out *out)
{
    seen_metadata = *indication->metadata;
    seen_from_discard = indication->from_discard;
    out->action = WFP_ACTION_PERMIT; /* changes nothing */
}

static void
test_the_discard_layer_is_told_which_filter_blocked(void **state)
{
    static const struct wfp_callout_ops ops = {.classify = discard_classify};
    struct wfp_filter *filters[] = {
        make_filter(41, LAYER, 100, 5, WFP_ACTION_BLOCK),
        make_filter(42, WFP_LAYER_OUTBOUND_TRANSPORT_V4_DISCARD, 100, 5,
                    WFP_ACTION_CALLOUT_TERMINATING),
    };
    struct wfp_metadata metadata = {.present = WFP_METADATA_IP_HEADER_SIZE, .ip_header_size = 20};
    struct wfp_verdict verdict;

    assert_int_equal(wfp_callout_register(engine, &(struct wfp_guid){.data1 = 3}, 0, &ops, NULL,
                                          &filters[1]->callout_id),
                     0);
    commit_all(engine, filters, 2);
    wfp_classify(engine,
                 &(struct wfp_indication){.layer_id = LAYER,
                                          .values = values,
                                          .metadata = &metadata,
                                          .value_count = wfp_layer_find_id(LAYER)->field_count},
                 &verdict);
    assert_int_equal(verdict.action, WFP_ACTION_BLOCK);
    assert_int_equal(verdict.filter_id, 41);
    assert_true(seen_from_discard);
    assert_int_equal(seen_metadata.present,
                     WFP_METADATA_IP_HEADER_SIZE | WFP_METADATA_DISCARD_REASON);
    assert_int_equal(seen_metadata.discard.filter_id, 41);
    assert_int_equal(seen_metadata.discard.module, 2); /* FWPS_DISCARD_MODULE_GENERAL */
    assert_int_equal(seen_metadata.ip_header_size, 20);
    assert_int_equal(metadata.present, WFP_METADATA_IP_HEADER_SIZE); /* the caller's is untouched */
}

static void
test_a_refused_commit_changes_nothing(void **state)
{
    struct wfp_filter *block = make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK);
    struct wfp_filter *twin = make_filter(1, LAYER, 100, 6, WFP_ACTION_PERMIT);
    struct wfp_filter *lost = make_filter(2, LAYER, 100, 6, WFP_ACTION_PERMIT);
    struct wfp_filter *stray = make_filter(3, LAYER, 100, 7, WFP_ACTION_PERMIT);
    struct wfp_filter *two[] = {stray, lost}, *same[] = {lost, lost};
    uint64_t epoch;

    assert_int_equal(wfp_engine_commit_delta(engine, &block, 1, NULL, 0), 0);
    epoch = wfp_engine_layer_epoch(engine, LAYER);
    stray->layer_id = WFP_LAYER_COUNT;
    assert_int_equal(wfp_engine_commit_delta(engine, &twin, 1, NULL, 0), -WFP_ERR_ALREADY_EXISTS);
    assert_int_equal(wfp_engine_commit_delta(engine, NULL, 0, &twin, 1), -WFP_ERR_FILTER_NOT_FOUND);
    assert_int_equal(wfp_engine_commit_delta(engine, NULL, 0, &lost, 1), -WFP_ERR_FILTER_NOT_FOUND);
    assert_int_equal(wfp_engine_commit_delta(engine, two, 2, &block, 1), -WFP_ERR_LAYER_NOT_FOUND);
    assert_int_equal(wfp_engine_commit_delta(engine, same, 2, &block, 1), -WFP_ERR_ALREADY_EXISTS);
    assert_int_equal(wfp_engine_commit(engine, &(struct wfp_policy){two, 2}),
                     -WFP_ERR_LAYER_NOT_FOUND);
    assert_int_equal(wfp_engine_layer_epoch(engine, LAYER), epoch);
    assert_int_equal(classify().filter_id, 1);
    /* A new object may take over an id in one step. */
    assert_int_equal(wfp_engine_commit_delta(engine, &twin, 1, &block, 1), 0);
    assert_int_equal(classify().action, WFP_ACTION_PERMIT);
    wfp_filter_unref(block);
    wfp_filter_unref(twin);
    wfp_filter_unref(lost);
    wfp_filter_unref(stray);
}

static void
test_filters_are_let_go_when_they_are_out_of_force(void **state)
{
    struct wfp_filter *filters[300], *first;

    for (uint32_t i = 0; i < 300; i++)
        filters[i] = make_filter(i + 1, LAYER, 100, i, WFP_ACTION_BLOCK);
    first = wfp_filter_ref(filters[0]);
    commit_all(engine, filters, 300);
    assert_int_equal(first->references, 2);
    assert_int_equal(wfp_engine_commit_delta(engine, NULL, 0, &first, 1), 0);
    assert_int_equal(first->references, 1); /* although the big segment still has its rule */
    assert_int_equal(classify().matched, 1);
    wfp_filter_unref(first);
}

static void
test_other_layers_keep_their_epoch(void **state)
{
    struct wfp_filter *filters[] = {make_filter(1, LAYER, 100, 5, WFP_ACTION_BLOCK),
                                    make_filter(2, LAYER + 2, 100, 5, WFP_ACTION_BLOCK)};
    uint64_t here, there;

    commit_all(engine, filters, 2);
    here = wfp_engine_layer_epoch(engine, LAYER);
    there = wfp_engine_layer_epoch(engine, LAYER + 2);
    filters[0] = make_filter(3, LAYER, 100, 5, WFP_ACTION_BLOCK);
    assert_int_equal(wfp_engine_commit_delta(engine, filters, 1, NULL, 0), 0);
    wfp_filter_unref(filters[0]);
    assert_int_not_equal(wfp_engine_layer_epoch(engine, LAYER), here);
    assert_int_equal(wfp_engine_layer_epoch(engine, LAYER + 2), there);
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
        TEST(test_the_discard_layer_is_told_which_filter_blocked),
        TEST(test_a_refused_commit_changes_nothing),
        TEST(test_filters_are_let_go_when_they_are_out_of_force),
        TEST(test_other_layers_keep_their_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
