/*
 * Flows: identity, ages, and contexts that are deleted exactly once.
 *
 * The callout registry is this file's own, so that every flow_delete can be counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/status.h"
#include "core/engine/callout.h"
#include "core/flow/flow.h"

#define SECOND 10000000ull

static atomic_uint claimed, deleted;
static _Atomic uint64_t last_deleted;
static int claim_result;
static uint8_t deleted_once[1 << 20];

int
wfp_callout_flow_claim(struct wfp_engine *engine, uint32_t id)
{
    if (claim_result == 0)
        claimed++;
    return claim_result;
}

void
wfp_callout_flow_delete(struct wfp_engine *engine, uint32_t id, uint16_t layer_id,
                        uint64_t flow_context)
{
    deleted++;
    last_deleted = flow_context;
    if (flow_context < sizeof(deleted_once))
        deleted_once[flow_context]++;
}

static int
setup(void **state)
{
    struct wfp_flow_table *table;

    claimed = deleted = 0;
    claim_result = 0;
    memset(deleted_once, 0, sizeof(deleted_once));
    assert_int_equal(wfp_flow_table_new(NULL, &table), 0);
    *state = table;
    return 0;
}

static int
teardown(void **state)
{
    wfp_flow_table_free(*state);
    return claimed == deleted ? 0 : -1;
}

static struct wfp_flow_key
key_of(uint32_t number, uint8_t protocol)
{
    struct wfp_flow_key key = {.version = 4, .protocol = protocol, .local_port = 53};

    memcpy(key.remote, &number, sizeof(number));
    return key;
}

static struct wfp_flow *
find(struct wfp_flow_table *table, const struct wfp_flow_key *key, uint64_t now)
{
    return wfp_flow_find(table, key, wfp_flow_hash(table, key), now);
}

static struct wfp_flow *
create(struct wfp_flow_table *table, uint32_t number, uint8_t protocol, uint64_t now)
{
    struct wfp_flow_key key = key_of(number, protocol);
    struct wfp_flow *flow;

    assert_null(find(table, &key, now));
    assert_int_equal(wfp_flow_create(table, &key, wfp_flow_hash(table, &key), now, &flow), 0);
    return flow;
}

static void
test_found_by_key_until_ended(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow_key key = key_of(3, 17);
    uint64_t id;

    for (uint32_t i = 0; i < 5000; i++)
        create(table, i, 17, SECOND);
    assert_int_equal(wfp_flow_count(table), 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        struct wfp_flow_key k = key_of(i, 17);
        assert_memory_equal(&find(table, &k, SECOND)->key, &k, sizeof(k));
    }
    id = find(table, &key, SECOND)->id;
    wfp_flow_end(table, find(table, &key, SECOND));
    assert_null(find(table, &key, SECOND));
    /* The slot is used again, the id is not. */
    assert_int_not_equal(create(table, 3, 17, SECOND)->id, id);
    assert_int_equal(wfp_flow_context_set(table, id, 1, 1, 1), -WFP_ERR_NOT_FOUND);
}

static void
test_key_tail_is_the_fields(void **state)
{
    struct wfp_flow_key key = {.words[4] = wfp_flow_key_tail(0x0102, 0x0304, 0x0506, 6, 58)};

    assert_int_equal(key.local_port, 0x0102);
    assert_int_equal(key.remote_port, 0x0304);
    assert_int_equal(key.icmp_id, 0x0506);
    assert_int_equal(key.version, 6);
    assert_int_equal(key.protocol, 58);
}

static void
test_udp_idles_out_after_60_seconds_exactly(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow_key key = key_of(1, 17);
    struct wfp_flow *flow = create(table, 1, 17, 100 * SECOND);

    assert_ptr_equal(find(table, &key, 160 * SECOND - 1), flow);
    wfp_flow_touch(flow, 150 * SECOND);
    wfp_flow_advance(table, 209 * SECOND);
    assert_ptr_equal(find(table, &key, 210 * SECOND - 1), flow);
    assert_null(find(table, &key, 210 * SECOND));
    assert_int_equal(wfp_flow_count(table), 0);
}

static void
test_time_alone_ends_idle_flows(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *busy = create(table, 1, 17, 100 * SECOND);
    struct wfp_flow *group;

    create(table, 2, 17, 100 * SECOND);
    group = create(table, 3, 17, 100 * SECOND);
    group->outbound = group->is_multicast = true;
    wfp_flow_set_state(table, group, WFP_FLOW_ESTABLISHED);
    create(table, 4, 6, 100 * SECOND);
    for (uint64_t second = 100; second <= 162; second++) {
        wfp_flow_touch(busy, second * SECOND);
        wfp_flow_advance(table, second * SECOND);
        if (second == 103)
            assert_int_equal(wfp_flow_count(table), 4);
        if (second == 105)
            assert_int_equal(wfp_flow_count(table), 3); /* the group's 4 seconds */
        if (second == 132)
            assert_int_equal(wfp_flow_count(table), 2); /* the unanswered SYN */
    }
    assert_int_equal(wfp_flow_count(table), 1);
    wfp_flow_advance(table, 1000000 * SECOND);
    assert_int_equal(wfp_flow_count(table), 0);
}

static void
test_established_tcp_outlives_an_hour(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 6, SECOND);

    wfp_flow_set_state(table, flow, WFP_FLOW_ESTABLISHED);
    for (int i = 1; i < 70; i++)
        wfp_flow_advance(table, (uint64_t)i * 100 * SECOND);
    assert_int_equal(wfp_flow_count(table), 1);
    wfp_flow_advance(table, 7300 * SECOND);
    assert_int_equal(wfp_flow_count(table), 0);
}

static void
test_context_belongs_to_layer_and_callout(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 17, SECOND);
    enum wfp_flow_removal removal;

    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 0), -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 1001), 0);
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 1002), -WFP_ERR_ALREADY_EXISTS);
    assert_int_equal(wfp_flow_context_set(table, flow->id, 24, 7, 1003), 0);
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 8, 1004), 0);
    assert_int_equal(claimed, 3);

    wfp_flow_enter(flow);
    assert_int_equal(wfp_flow_context(flow, 20, 7), 1001);
    assert_int_equal(wfp_flow_context(flow, 24, 7), 1003);
    assert_int_equal(wfp_flow_context(flow, 20, 8), 1004);
    assert_int_equal(wfp_flow_context(flow, 24, 8), 0);
    wfp_flow_leave(table, flow);

    assert_int_equal(wfp_flow_context_remove(table, flow->id, 20, 7, &removal), 0);
    assert_int_equal(removal, WFP_FLOW_REMOVED);
    assert_int_equal(deleted_once[1001], 1);
    assert_int_equal(wfp_flow_context_remove(table, flow->id, 20, 7, &removal), -WFP_ERR_NOT_FOUND);
    /* Removed, so another may take its place. */
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 1005), 0);
    wfp_flow_end(table, flow);
    for (uint64_t context = 1001; context <= 1005; context++)
        assert_int_equal(deleted_once[context], context == 1002 ? 0 : 1);
}

static void
test_removal_during_classify_is_pending(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 17, SECOND);
    enum wfp_flow_removal removal;

    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 5), 0);
    wfp_flow_enter(flow);
    assert_int_equal(wfp_flow_context_remove(table, flow->id, 20, 7, &removal), 0);
    assert_int_equal(removal, WFP_FLOW_PENDING);
    assert_int_equal(deleted, 0);
    assert_int_equal(wfp_flow_context(flow, 20, 7), 0);
    wfp_flow_leave(table, flow);
    assert_int_equal(deleted, 1);
    wfp_flow_end(table, flow);
    assert_int_equal(deleted, 1);
}

static void
test_context_hung_in_a_classify_is_seen_by_the_next(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 17, SECOND);

    wfp_flow_enter(flow);
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 5), 0);
    assert_int_equal(wfp_flow_context(flow, 20, 7), 0);
    wfp_flow_leave(table, flow);
    wfp_flow_enter(flow);
    assert_int_equal(wfp_flow_context(flow, 20, 7), 5);
    wfp_flow_leave(table, flow);
}

static void
test_callout_that_cannot_delete_gets_no_context(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 17, SECOND);

    claim_result = -WFP_ERR_INVALID_PARAMETER;
    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 5), -WFP_ERR_INVALID_PARAMETER);
    wfp_flow_end(table, flow);
    assert_int_equal(deleted, 0);
}

static void
test_closing_takes_contexts_and_id_but_keeps_the_memory(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 6, SECOND);
    struct wfp_flow_key key = key_of(1, 6);
    uint64_t id = flow->id;

    assert_int_equal(wfp_flow_context_set(table, id, 20, 7, 5), 0);
    wfp_flow_set_state(table, flow, WFP_FLOW_CLOSED);
    assert_int_equal(deleted, 1);
    assert_int_equal(flow->id, 0);
    assert_int_equal(wfp_flow_context_set(table, id, 20, 7, 5), -WFP_ERR_NOT_FOUND);
    assert_ptr_equal(find(table, &key, 2 * SECOND), flow);
}

static void
test_abort_blocks_at_the_next_step(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 6, SECOND);

    assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, 5), 0);
    assert_int_equal(wfp_flow_abort(table, flow->id), 0);
    assert_int_equal(wfp_flow_abort(table, flow->id + 1), -WFP_ERR_NOT_FOUND);
    assert_int_equal(flow->state, WFP_FLOW_NEW);
    wfp_flow_advance(table, SECOND);
    assert_int_equal(flow->state, WFP_FLOW_BLOCKED);
    assert_int_equal(deleted, 1);
}

static void
test_remove_all_of_a_callout(void **state)
{
    struct wfp_flow_table *table = *state;

    for (uint32_t i = 0; i < 100; i++) {
        struct wfp_flow *flow = create(table, i, 17, SECOND);

        assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 7, i + 1), 0);
        assert_int_equal(wfp_flow_context_set(table, flow->id, 20, 8, i + 1001), 0);
    }
    assert_int_equal(wfp_flow_context_remove_all(table, 7), 100);
    assert_int_equal(deleted, 100);
    assert_int_equal(wfp_flow_context_remove_all(table, 7), 0);
}

/* One thread classifies while others hang and remove contexts: each is deleted exactly once. */
struct race {
    struct wfp_flow_table *table;
    uint64_t id;
    uint32_t callout_id;
    uint32_t hung;
    atomic_bool *stop;
};

static void *
hang_and_remove(void *argument)
{
    struct race *race = argument;
    uint64_t context = (uint64_t)race->callout_id << 16;

    while (!atomic_load(race->stop) && race->hung < 60000) {
        enum wfp_flow_removal removal;

        if (wfp_flow_context_set(race->table, race->id, 20, race->callout_id, context + 1) == 0) {
            race->hung++;
            context++;
        }
        if (race->hung % 3 == 0)
            sched_yield();
        wfp_flow_context_remove(race->table, race->id, 20, race->callout_id, &removal);
    }
    return NULL;
}

static void
test_racing_removals_delete_once(void **state)
{
    struct wfp_flow_table *table = *state;
    struct wfp_flow *flow = create(table, 1, 17, SECOND);
    atomic_bool stop = false;
    struct race races[2];
    pthread_t threads[2];

    for (uint32_t i = 0; i < 2; i++) {
        races[i] = (struct race){table, flow->id, i + 1, 0, &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, hang_and_remove, &races[i]), 0);
    }
    for (int i = 0; i < 20000; i++) {
        wfp_flow_enter(flow);
        for (uint32_t callout = 1; callout <= 2; callout++) {
            uint64_t context = wfp_flow_context(flow, 20, callout);

            /* What a classify got is not deleted under it. */
            if (context)
                assert_int_equal(deleted_once[context], 0);
            if (context && i % 16 == 0)
                sched_yield();
            if (context)
                assert_int_equal(deleted_once[context], 0);
        }
        wfp_flow_leave(table, flow);
    }
    stop = true;
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    wfp_flow_end(table, flow);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 1; k <= races[i].hung; k++)
            assert_int_equal(deleted_once[((uint64_t)(i + 1) << 16) + k], 1);
    assert_int_equal(deleted, races[0].hung + races[1].hung);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_found_by_key_until_ended),
        TEST(test_key_tail_is_the_fields),
        TEST(test_udp_idles_out_after_60_seconds_exactly),
        TEST(test_time_alone_ends_idle_flows),
        TEST(test_established_tcp_outlives_an_hour),
        TEST(test_context_belongs_to_layer_and_callout),
        TEST(test_removal_during_classify_is_pending),
        TEST(test_context_hung_in_a_classify_is_seen_by_the_next),
        TEST(test_callout_that_cannot_delete_gets_no_context),
        TEST(test_closing_takes_contexts_and_id_but_keeps_the_memory),
        TEST(test_abort_blocks_at_the_next_step),
        TEST(test_remove_all_of_a_callout),
        TEST(test_racing_removals_delete_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
