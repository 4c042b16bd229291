/*
 * Many sessions at once: what each sees is a committed whole, and nothing is left behind.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"

#define THREADS 4
#define ROUNDS  300
#define PAIR    2 /* filters a transaction adds together */

static const uint16_t name[] = {'t', 0};
static struct wfp_engine *engine;
static struct wfp_bfe *bfe;
static atomic_uint torn, failed, notified;

static struct wfp_bfe_session *
open_session(uint32_t flags)
{
    struct wfp_session_spec spec = {
        .flags = flags, .kernel = true, .txn_wait_timeout_ms = WFP_SESSION_WAIT_INFINITE};
    struct wfp_bfe_session *session = NULL;

    failed += wfp_bfe_session_open(bfe, &spec, &session) != 0;
    return session;
}

static struct wfp_filter_spec
filter_spec(void)
{
    return (struct wfp_filter_spec){.common = {.name_utf16 = name},
                                    .layer_key = wfp_layer_find_id(0)->key,
                                    .action = WFP_ACTION_PERMIT};
}

/* Adds pairs, commits some, aborts some, deletes what it committed. */
static void *
write_pairs(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    struct wfp_bfe_session *session = open_session(seed % 2 ? WFP_SESSION_FLAG_DYNAMIC : 0);
    struct wfp_filter_spec spec = filter_spec();

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t ids[PAIR];

        failed += wfp_bfe_txn_begin(session, 0) != 0;
        for (int i = 0; i < PAIR; i++)
            failed += wfp_bfe_filter_add(session, &spec, NULL, &ids[i]) != 0;
        if ((round + seed) % 3 == 0) {
            failed += wfp_bfe_txn_abort(session) != 0;
            continue;
        }
        failed += wfp_bfe_txn_commit(session) != 0;
        if (seed % 2 && round > ROUNDS / 2)
            continue; /* the dynamic session's end deletes these */
        failed += wfp_bfe_txn_begin(session, 0) != 0;
        for (int i = 0; i < PAIR; i++)
            failed += wfp_bfe_delete_by_id(session, WFP_BFE_FILTER, ids[i]) != 0;
        failed += wfp_bfe_txn_commit(session) != 0;
    }
    failed += wfp_bfe_session_close(session) != 0;
    return NULL;
}

/* Enumerates: an odd number would be half a transaction. */
static void *
read_all(void *argument)
{
    struct wfp_bfe_session *session = open_session(0);

    (void)argument;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t count = 0;
        uint64_t handle;
        void **items;

        failed += wfp_bfe_enum_create(session, WFP_BFE_FILTER, NULL, &handle) != 0;
        failed += wfp_bfe_enum_next(session, WFP_BFE_FILTER, handle, 100000, &items, &count) != 0;
        torn += count % PAIR != 0;
        wfp_bfe_enum_free(WFP_BFE_FILTER, items, count);
        failed += wfp_bfe_enum_destroy(session, WFP_BFE_FILTER, handle) != 0;
    }
    failed += wfp_bfe_session_close(session) != 0;
    return NULL;
}

/* One session shared by threads: calls take turns. */
static struct wfp_bfe_session *shared;

static void *
use_shared(void *argument)
{
    struct wfp_sublayer_spec spec = {.common = {.name_utf16 = name}, .weight = 100};

    spec.common.key.data1 = 0x77777777;
    spec.common.key.data2 = (uint16_t)(uintptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        failed += wfp_bfe_sublayer_add(shared, &spec, NULL) != 0;
        failed += wfp_bfe_delete_by_key(shared, WFP_BFE_SUBLAYER, &spec.common.key) != 0;
    }
    return NULL;
}

static void
count_change(void *context, const void *event)
{
    (void)context;
    (void)event;
    notified++;
}

static void
test_sessions_in_parallel(void **state)
{
    pthread_t writers[THREADS], readers[2], sharers[2];
    struct wfp_bfe_session *watcher;
    uint64_t before, subscription;

    (void)state;
    assert_int_equal(wfp_engine_new(&engine), 0);
    assert_int_equal(wfp_bfe_new(engine, &bfe), 0);
    watcher = open_session(0);
    shared = open_session(0);
    before = wfp_bfe_state_hash(bfe);
    assert_int_equal(wfp_bfe_subscribe(watcher, WFP_BFE_FILTER, NULL, WFP_BFE_NOTIFY_ON_ADD,
                                       count_change, NULL, NULL, &subscription),
                     0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_pairs, (void *)i), 0);
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, NULL), 0);
        assert_int_equal(pthread_create(&sharers[i], NULL, use_shared, (void *)i), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(writers[i], NULL);
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
        pthread_join(sharers[i], NULL);
    }
    wfp_bfe_subscription_flush(bfe);
    assert_int_equal(failed, 0);
    assert_int_equal(torn, 0);
    assert_int_equal(notified, THREADS * PAIR * (ROUNDS - ROUNDS / 3));
    assert_true(wfp_bfe_state_hash(bfe) == before);
    assert_true(wfp_engine_layer_is_empty(engine, 0));
    assert_int_equal(wfp_bfe_session_close(watcher), 0);
    assert_int_equal(wfp_bfe_session_close(shared), 0);
    wfp_bfe_free(bfe);
    wfp_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions_in_parallel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
