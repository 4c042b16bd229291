/* Folding segments beside commits and readers: nothing decided changes, nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "policy.h"

#define LAYER  WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define REMOTE WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS

#define BASE    3000u /* filters that stay */
#define SINGLES 4000u /* that come one by one, and go */
#define READERS 2

/* Filter @p i blocks one address, which is its number. */
static struct wfp_filter *
blocker(uint32_t i)
{
    return add_condition(make_filter(i, LAYER, 1, i, WFP_ACTION_BLOCK), REMOTE, WFP_MATCH_EQUAL,
                         (struct wfp_value){.type = WFP_UINT32, .uint32 = i});
}

static uint64_t
who_decides(struct wfp_engine *engine, uint32_t address)
{
    struct wfp_value values[WFP_FIELD_MAX] = {
        [REMOTE] = {.type = WFP_UINT32, .uint32 = address},
    };
    struct wfp_verdict verdict;

    wfp_classify(engine,
                 &(struct wfp_indication){.layer_id = LAYER,
                                          .values = values,
                                          .value_count = wfp_layer_find_id(LAYER)->field_count},
                 &verdict);
    return verdict.filter_id;
}

struct scene {
    struct wfp_engine *engine;
    struct wfp_filter *filters[1 + BASE + SINGLES];
    atomic_bool stop;
    atomic_uint wrong;
};

static int
set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    assert_int_equal(wfp_engine_new(&scene->engine), 0);
    for (uint32_t i = 1; i < ELEMENTSOF(scene->filters); i++)
        scene->filters[i] = blocker(i);
    *state = scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *scene = *state;

    wfp_engine_free(scene->engine);
    for (uint32_t i = 1; i < ELEMENTSOF(scene->filters); i++) {
        assert_int_equal(scene->filters[i]->references, 1); /* the engine has let go of all */
        wfp_filter_unref(scene->filters[i]);
    }
    free(scene);
    return 0;
}

static void
add_base(struct scene *scene)
{
    struct wfp_policy policy = {.filters = scene->filters + 1, .filter_count = BASE};
    assert_int_equal(wfp_engine_commit(scene->engine, &policy), 0);
}

static void
add_one(struct scene *scene, uint32_t i)
{
    assert_int_equal(wfp_engine_commit_delta(scene->engine, &scene->filters[i], 1, NULL, 0), 0);
}

static void
remove_one(struct scene *scene, uint32_t i)
{
    assert_int_equal(wfp_engine_commit_delta(scene->engine, NULL, 0, &scene->filters[i], 1), 0);
}

static void
check_all(struct scene *scene, uint32_t end)
{
    for (uint32_t i = 1; i < end; i++)
        assert_int_equal(who_decides(scene->engine, i), i);
    assert_int_equal(who_decides(scene->engine, end), 0);
}

static void
test_fold_changes_no_decision_and_no_epoch(void **state)
{
    struct scene *scene = *state;
    uint64_t epoch;

    wfp_engine_fold_by_hand(scene->engine, true);
    add_base(scene);
    for (uint32_t i = BASE + 1; i <= BASE + 1500; i++)
        add_one(scene, i);
    check_all(scene, BASE + 1501);
    epoch = wfp_engine_layer_epoch(scene->engine, LAYER);
    assert_int_equal(wfp_engine_fold(scene->engine), 0);
    assert_int_equal(wfp_engine_layer_epoch(scene->engine, LAYER), epoch);
    check_all(scene, BASE + 1501);
}

static void
test_fold_leaves_out_what_was_removed(void **state)
{
    struct scene *scene = *state;
    struct wfp_filter_counters counters;

    wfp_engine_fold_by_hand(scene->engine, true);
    add_base(scene);
    for (uint32_t i = 1; i <= BASE; i += 2)
        remove_one(scene, i);
    assert_int_equal(wfp_engine_fold(scene->engine), 0);
    for (uint32_t i = 1; i <= BASE; i++) {
        assert_int_equal(who_decides(scene->engine, i), i % 2 ? 0 : i);
        assert_int_equal(wfp_engine_filter_counters(scene->engine, i, &counters), i % 2 == 0);
        assert_int_equal(scene->filters[i]->references, i % 2 ? 1 : 2);
    }
    for (uint32_t i = 1; i <= BASE; i += 2) /* their slots serve again */
        add_one(scene, i);
    check_all(scene, BASE + 1);
}

static void *
read_on(void *argument)
{
    struct scene *scene = argument;
    uint32_t i = 0;

    wfp_engine_thread_enter(scene->engine);
    while (!scene->stop) {
        i = i % BASE + 1;
        scene->wrong += who_decides(scene->engine, i) != i;
        if (wfp_engine_layer_is_empty(scene->engine, LAYER))
            scene->wrong++;
    }
    wfp_engine_thread_leave(scene->engine);
    return NULL;
}

/* The engine's own thread folds while others read and commit. */
static void
test_commits_and_readers_beside_folds(void **state)
{
    struct scene *scene = *state;
    pthread_t readers[READERS];

    add_base(scene);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, scene), 0);
    for (uint32_t i = BASE + 1; i <= BASE + SINGLES; i++) {
        add_one(scene, i);
        scene->wrong += who_decides(scene->engine, i) != i;
        if (i % 3)
            continue;
        remove_one(scene, i - 1);
        scene->wrong += who_decides(scene->engine, i - 1) != 0;
    }
    assert_int_equal(wfp_engine_fold(scene->engine), 0);
    for (uint32_t i = BASE + 1; i <= BASE + SINGLES; i++) {
        bool is_gone = i % 3 == 2 && i < BASE + SINGLES;
        scene->wrong += who_decides(scene->engine, i) != (is_gone ? 0 : i);
    }
    scene->stop = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(scene->wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fold_changes_no_decision_and_no_epoch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fold_leaves_out_what_was_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commits_and_readers_beside_folds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
