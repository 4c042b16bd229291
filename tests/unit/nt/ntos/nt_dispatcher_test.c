/* Waits, timers, DPCs, threads and work items; under the virtual clock the order must repeat. */
#include "nt_test.h"

#include <pthread.h>
#include <stdio.h>

#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_status.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_timer.h"
#include "nt/ntos/nt_work.h"

#define MS    10000ull
#define START (WFP_CLOCK_UNIX_EPOCH + 1000 * 10000000ull)

static char journal[4096];

static void
note(const char *text)
{
    strncat(journal, text, sizeof(journal) - strlen(journal) - 1);
}

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    journal[0] = 0;
    wfp_clock_set_virtual(START);
    nt_time_run_until(START);
    return 0;
}

static int
teardown(void **state)
{
    nt_work_fini();
    nt_time_settle();
    assert_int_equal(nt_thread_count(), 0);
    wfp_clock_set_virtual(0);
    nt_timer_fini();
    nt_finding_reset();
    return 0;
}

static void
test_events_release_one_or_all(void **state)
{
    struct nt_dispatcher manual, automatic;
    struct nt_dispatcher *both[] = {&manual, &automatic};
    int64_t now = 0;

    nt_dispatcher_init(&manual, NT_NOTIFICATION_EVENT, 0);
    nt_dispatcher_init(&automatic, NT_SYNCHRONIZATION_EVENT, 0);
    assert_int_equal(nt_dispatcher_wait(2, both, false, &now), NT_STATUS_TIMEOUT);
    assert_int_equal(nt_dispatcher_set(&automatic, 1), 0);
    assert_int_equal(nt_dispatcher_wait(2, both, true, &now), NT_STATUS_TIMEOUT);
    assert_int_equal(automatic.signal_state, 1); /* a failed wait for all takes nothing */
    assert_int_equal(nt_dispatcher_wait(2, both, false, &now), 1);
    assert_int_equal(automatic.signal_state, 0);
    nt_dispatcher_set(&manual, 1);
    nt_dispatcher_set(&automatic, 1);
    assert_int_equal(nt_dispatcher_wait(2, both, true, &now), 0);
    assert_int_equal(manual.signal_state, 1);
    assert_int_equal(automatic.signal_state, 0);
}

static void
test_a_wait_moves_virtual_time_to_its_deadline(void **state)
{
    struct nt_dispatcher event, *p = &event;
    int64_t relative = -(int64_t)(250 * MS), absolute = START + 300 * MS;

    nt_dispatcher_init(&event, NT_NOTIFICATION_EVENT, 0);
    assert_int_equal(nt_dispatcher_wait(1, &p, false, &relative), NT_STATUS_TIMEOUT);
    assert_int_equal(wfp_clock_now(), START + 250 * MS);
    assert_int_equal(nt_dispatcher_wait(0, NULL, false, &absolute), NT_STATUS_TIMEOUT);
    assert_int_equal(wfp_clock_now(), START + 300 * MS);
}

static void __attribute__((ms_abi)) tick(struct nt_dpc *dpc, void *context, void *a, void *b)
{
    char line[64];
    assert_int_equal(nt_cpu.irql, NT_DISPATCH_LEVEL);
    snprintf(line, sizeof(line), "%s@%d ", (char *)context, (int)((wfp_clock_now() - START) / MS));
    note(line);
}

static void
test_timers_fire_at_their_own_time_in_order(void **state)
{
    struct nt_timer a, b, c;
    struct nt_dpc da, db, dc;

    nt_timer_init(&a, false), nt_timer_init(&b, false), nt_timer_init(&c, true);
    nt_dpc_init(&da, tick, (void *)"a"), nt_dpc_init(&db, tick, (void *)"b");
    nt_dpc_init(&dc, tick, (void *)"c");
    assert_false(nt_timer_set(&a, -(int64_t)(30 * MS), 0, &da, 0));
    assert_false(nt_timer_set(&b, -(int64_t)(10 * MS), 15, &db, 0));
    assert_false(nt_timer_set(&c, START + 30 * MS, 0, &dc, 0));
    assert_int_equal(nt_time_next_due(), START + 10 * MS);
    nt_time_run_until(START + 9 * MS);
    assert_string_equal(journal, "");
    nt_time_run_until(START + 40 * MS);
    assert_string_equal(journal, "b@10 b@25 a@30 c@30 b@40 ");
    assert_int_equal(c.header.signal_state, 1);
    assert_true(nt_timer_cancel(&b));
    assert_false(nt_timer_cancel(&a));
    nt_time_run_until(START + 400 * MS);
    assert_int_equal(wfp_clock_now(), START + 400 * MS);
    assert_string_equal(journal, "b@10 b@25 a@30 c@30 b@40 ");
}

static void
test_a_dpc_waits_for_the_irql_to_drop(void **state)
{
    struct nt_dpc dpc;

    nt_dpc_init(&dpc, tick, (void *)"d");
    uint8_t old = nt_cpu_raise(NT_DISPATCH_LEVEL);
    assert_true(nt_dpc_insert(&dpc, NULL, NULL));
    assert_false(nt_dpc_insert(&dpc, NULL, NULL));
    assert_string_equal(journal, "");
    nt_cpu_lower(old);
    assert_string_equal(journal, "d@0 ");
    nt_cpu_raise(NT_DISPATCH_LEVEL);
    nt_dpc_insert(&dpc, NULL, NULL);
    assert_true(nt_dpc_remove(&dpc));
    assert_false(nt_dpc_remove(&dpc));
    nt_cpu_lower(old);
    assert_string_equal(journal, "d@0 ");
    nt_dpc_flush();
}

struct helper {
    const char *name;
    struct nt_dispatcher *event;
    struct nt_thread *thread;
};

static void
help(void *context)
{
    struct helper *helper = context;
    for (int i = 0; i < 3; i++) {
        nt_dispatcher_wait(1, &helper->event, false, NULL);
        note(helper->name);
    }
    if (helper->name[0] == '2')
        nt_thread_terminate(42);
}

static void
test_threads_take_turns_in_the_order_of_waking(void **state)
{
    struct nt_dispatcher event;
    struct helper helpers[] = {{"1", &event, NULL}, {"2", &event, NULL}, {"3", &event, NULL}};

    for (int round = 0; round < 20; round++) {
        struct nt_dispatcher *threads[ELEMENTSOF(helpers)];
        journal[0] = 0;
        nt_dispatcher_init(&event, NT_SEMAPHORE, 0);
        for (size_t i = 0; i < ELEMENTSOF(helpers); i++) {
            assert_int_equal(nt_thread_create(help, &helpers[i], &helpers[i].thread), 0);
            threads[i] = &helpers[i].thread->header;
        }
        nt_time_settle(); /* all three wait now */
        assert_string_equal(journal, "");
        for (int i = 0; i < 9; i++) {
            pthread_mutex_lock(&nt_dispatcher_lock);
            nt_dispatcher_set_locked(&event, event.signal_state + 1);
            pthread_mutex_unlock(&nt_dispatcher_lock);
            note(i == 4 ? "|" : "");
            if (i % 2)
                nt_time_settle();
        }
        assert_int_equal(nt_dispatcher_wait(3, threads, true, NULL), 0);
        assert_string_equal(journal, "1231|23123");
        assert_int_equal(helpers[1].thread->exit_status, 42);
        for (size_t i = 0; i < ELEMENTSOF(helpers); i++)
            nt_object_unref(helpers[i].thread);
    }
}

static void
sleep_and_note(void *context)
{
    int64_t delay = -(int64_t)((uintptr_t)context * MS);
    char line[32];

    for (int i = 0; i < 3; i++) {
        nt_dispatcher_wait(0, NULL, false, &delay);
        snprintf(line, sizeof(line), "%d@%d ", (int)(uintptr_t)context,
                 (int)((wfp_clock_now() - START) / MS));
        note(line);
    }
}

static void
test_sleeping_threads_wake_between_packets(void **state)
{
    assert_int_equal(nt_thread_create(sleep_and_note, (void *)10, NULL), 0);
    assert_int_equal(nt_thread_create(sleep_and_note, (void *)15, NULL), 0);
    nt_time_run_until(START + 25 * MS);
    assert_string_equal(journal, "10@10 15@15 10@20 ");
    nt_time_run_until(START + 100 * MS);
    assert_string_equal(journal, "10@10 15@15 10@20 15@30 10@30 15@45 ");
}

static void
test_mutants_nest_and_are_abandoned(void **state)
{
    struct nt_mutant mutant = {0};
    struct nt_dispatcher *p = &mutant.header;

    nt_dispatcher_init(p, NT_MUTANT, 1);
    nt_list_init(&mutant.owned_link);
    assert_int_equal(nt_dispatcher_wait(1, &p, false, NULL), 0);
    assert_int_equal(nt_dispatcher_wait(1, &p, false, NULL), 0);
    assert_int_equal(p->signal_state, -1);
    assert_int_equal(nt_dispatcher_release_mutant(&mutant, false), -1);
    assert_int_equal(nt_dispatcher_release_mutant(&mutant, false), 0);
    assert_int_equal(nt_dispatcher_release_mutant(&mutant, false), INT32_MAX);
}

struct counted {
    struct nt_work work;
    struct nt_dispatcher *gate;
    const char *name;
};

static void
run_work(struct nt_work *work)
{
    struct counted *counted = CONTAINER_OF(work, struct counted, work);
    if (counted->gate)
        nt_dispatcher_wait(1, &counted->gate, false, NULL);
    note(counted->name);
}

static void
test_a_waiting_work_item_does_not_hold_up_the_next(void **state)
{
    struct nt_dispatcher gate;
    struct counted a = {.gate = &gate, .name = "a"}, b = {.name = "b"}, c = {.name = "c"};

    nt_dispatcher_init(&gate, NT_NOTIFICATION_EVENT, 0);
    assert_true(nt_work_queue(&a.work, run_work, NULL));
    assert_false(nt_work_queue(&a.work, run_work, NULL));
    assert_true(nt_work_queue(&b.work, run_work, NULL));
    assert_true(nt_work_queue(&c.work, run_work, NULL));
    assert_true(nt_work_cancel(&c.work));
    nt_time_settle();
    assert_string_equal(journal, "b");
    nt_dispatcher_set(&gate, 1);
    nt_work_flush(NULL);
    assert_string_equal(journal, "ba");
    nt_work_queue(&c.work, run_work, NULL);
    nt_work_wait(&c.work);
    assert_string_equal(journal, "bac");
}

static void
test_the_door_sets_irql_and_driver_and_notices_a_change(void **state)
{
    struct nt_driver *driver = nt_driver_new("door");
    struct nt_callback saved = nt_callback_enter(driver, NT_DISPATCH_LEVEL);

    assert_ptr_equal(nt_driver_current(), driver);
    assert_int_equal(nt_cpu.irql, NT_DISPATCH_LEVEL);
    nt_cpu_raise(NT_PASSIVE_LEVEL);
    nt_callback_leave(saved, NT_DISPATCH_LEVEL);
    assert_null(nt_driver_current());
    assert_int_equal(nt_cpu.irql, NT_PASSIVE_LEVEL);
    assert_finding(IRQL_CHANGED, 1);
    nt_driver_free(driver);
}

static void
test_wall_clock_timer_and_thread(void **state)
{
    struct nt_timer timer;
    struct nt_dispatcher *p = &timer.header;
    struct nt_thread *thread;

    wfp_clock_set_virtual(0);
    nt_timer_init(&timer, true);
    nt_timer_set(&timer, -(int64_t)(5 * MS), 0, NULL, 0);
    assert_int_equal(nt_dispatcher_wait(1, &p, false, NULL), 0);
    assert_int_equal(nt_thread_create(sleep_and_note, (void *)1, &thread), 0);
    p = &thread->header;
    assert_int_equal(nt_dispatcher_wait(1, &p, false, NULL), 0);
    nt_object_unref(thread);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_events_release_one_or_all),
        T(test_a_wait_moves_virtual_time_to_its_deadline),
        T(test_timers_fire_at_their_own_time_in_order),
        T(test_a_dpc_waits_for_the_irql_to_drop),
        T(test_threads_take_turns_in_the_order_of_waking),
        T(test_sleeping_threads_wake_between_packets),
        T(test_mutants_nest_and_are_abandoned),
        T(test_a_waiting_work_item_does_not_hold_up_the_next),
        T(test_the_door_sets_irql_and_driver_and_notices_a_change),
        T(test_wall_clock_timer_and_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
