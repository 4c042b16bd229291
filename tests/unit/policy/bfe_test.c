/*
 * BFE's objects, sessions and transactions over an engine that only remembers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/model/layer.h"
#include "fake_engine.h"
#include "policy/bfe/bfe.h"

static const uint16_t name[] = {'t', 'e', 's', 't', 0};

#define KEY(n)                                                                                     \
    {                                                                                              \
        0x11111111, (n), 0,                                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
static const struct wfp_guid provider_key = KEY(1), sublayer_key = KEY(2), callout_key = KEY(3),
                             filter_key = KEY(4), context_key = KEY(5), other_key = KEY(99);

struct fixture {
    struct wfp_bfe *bfe;
    struct wfp_bfe_session *session;
};

static struct wfp_bfe_session *
open_session(struct wfp_bfe *bfe, uint32_t flags, uint32_t timeout_ms)
{
    struct wfp_session_spec spec = {
        .flags = flags, .txn_wait_timeout_ms = timeout_ms, .kernel = true};
    struct wfp_bfe_session *session = NULL;

    assert_int_equal(wfp_bfe_session_open(bfe, &spec, &session), 0);
    return session;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    fake_engine_reset();
    assert_int_equal(wfp_bfe_new(FAKE_ENGINE, &f->bfe), 0);
    f->session = open_session(f->bfe, 0, 50);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->session)
        assert_int_equal(wfp_bfe_session_close(f->session), 0);
    wfp_bfe_free(f->bfe);
    free(f);
    return 0;
}

static struct wfp_guid
layer_key(uint16_t id)
{
    return wfp_layer_find_id(id)->key;
}

static struct wfp_filter_spec
block_filter(void)
{
    return (struct wfp_filter_spec){
        .common = {.name_utf16 = name},
        .layer_key = layer_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4),
        .action = WFP_ACTION_BLOCK,
    };
}

static int
add_sublayer(struct wfp_bfe_session *session, const struct wfp_guid *key, uint16_t weight)
{
    struct wfp_sublayer_spec spec = {.common = {.key = *key, .name_utf16 = name}, .weight = weight};
    return wfp_bfe_sublayer_add(session, &spec, NULL);
}

static int
add_provider(struct wfp_bfe_session *session, const struct wfp_guid *key, uint32_t flags)
{
    struct wfp_provider_spec spec = {.common = {.key = *key, .name_utf16 = name, .flags = flags}};
    return wfp_bfe_provider_add(session, &spec, NULL);
}

static int
add_callout(struct wfp_bfe_session *session, const struct wfp_guid *key)
{
    struct wfp_callout_spec spec = {.common = {.key = *key, .name_utf16 = name},
                                    .layer_key = layer_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4)};
    return wfp_bfe_callout_add(session, &spec, NULL, NULL);
}

static struct wfp_filter_spec
callout_filter(void)
{
    struct wfp_filter_spec spec = block_filter();

    spec.action = WFP_ACTION_CALLOUT_TERMINATING;
    spec.callout_key = callout_key;
    return spec;
}

static void
test_added_filter_reaches_the_engine_at_once(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter();
    struct wfp_filter *filter = NULL;
    uint64_t id = 0;

    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), 0);
    assert_int_not_equal(id, 0);
    assert_int_equal(fake_engine.filter_count, 1);
    assert_int_equal(wfp_bfe_filter_get_by_id(f->session, id, &filter), 0);
    assert_false(wfp_guid_is_zero(&filter->key));
    assert_int_equal(filter->sublayer_weight, 0x8000); /* the default: UNIVERSAL */
    assert_int_equal(filter->weight, 0);               /* automatic, no condition */
    wfp_filter_unref(filter);
    assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id), 0);
    assert_int_equal(fake_engine.filter_count, 0);
    assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id),
                     -WFP_ERR_FILTER_NOT_FOUND);
}

static void
test_transaction_is_published_by_one_commit(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter();
    uint64_t id;

    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), 0);
    assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id), 0);
    assert_int_equal(fake_engine.commits, 0);
    assert_int_equal(wfp_bfe_txn_commit(f->session), 0);
    assert_int_equal(fake_engine.commits, 1);
    assert_int_equal(fake_engine.filter_count, 9);
}

static void
test_abort_restores_everything(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter();
    uint64_t before, id;

    spec.sublayer_key = sublayer_key;
    assert_int_equal(add_sublayer(f->session, &sublayer_key, 5), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), 0);
    before = wfp_bfe_state_hash(f->bfe);
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id), 0);
    assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_SUBLAYER, &sublayer_key), 0);
    assert_int_equal(add_provider(f->session, &provider_key, 0), 0);
    assert_int_equal(add_sublayer(f->session, &sublayer_key, 7), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
    assert_int_not_equal(wfp_bfe_state_hash(f->bfe), before);
    assert_int_equal(wfp_bfe_txn_abort(f->session), 0);
    assert_true(wfp_bfe_state_hash(f->bfe) == before);
    assert_int_equal(fake_engine.commits, 1);
}

static void
test_failing_call_does_not_poison_the_transaction(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter(), bad = block_filter();

    bad.action = 12345;
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &bad, NULL, NULL),
                     -WFP_ERR_INVALID_ACTION_TYPE);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_txn_commit(f->session), 0);
    assert_int_equal(fake_engine.filter_count, 2);
}

static void
test_commit_the_engine_refuses_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter();
    uint64_t before = wfp_bfe_state_hash(f->bfe);

    fake_engine.fail_commit = -WFP_ERR_NO_MEMORY;
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), -WFP_ERR_NO_MEMORY);
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_txn_commit(f->session), -WFP_ERR_NO_MEMORY);
    assert_int_equal(wfp_bfe_txn_commit(f->session), -WFP_ERR_NO_TXN_IN_PROGRESS);
    assert_true(wfp_bfe_state_hash(f->bfe) == before);
}

static void
test_transaction_errors(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = block_filter();

    assert_int_equal(wfp_bfe_txn_commit(f->session), -WFP_ERR_NO_TXN_IN_PROGRESS);
    assert_int_equal(wfp_bfe_txn_abort(f->session), -WFP_ERR_NO_TXN_IN_PROGRESS);
    assert_int_equal(wfp_bfe_txn_begin(f->session, 2), -WFP_ERR_INVALID_FLAGS);
    assert_int_equal(wfp_bfe_txn_begin(f->session, WFP_TXN_FLAG_READ_ONLY), 0);
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), -WFP_ERR_TXN_IN_PROGRESS);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), -WFP_ERR_INCOMPATIBLE_TXN);
    assert_int_equal(wfp_bfe_txn_commit(f->session), 0);
}

static void
test_second_writer_waits_and_times_out(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_session *other = open_session(f->bfe, 0, 20);
    struct wfp_filter_spec spec = block_filter();
    struct wfp_filter *filter = NULL;

    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_txn_begin(other, 0), -WFP_ERR_TIMEOUT);
    assert_int_equal(wfp_bfe_filter_add(other, &spec, NULL, NULL), -WFP_ERR_TIMEOUT);
    assert_int_equal(wfp_bfe_filter_get_by_id(other, 1, &filter), -WFP_ERR_TIMEOUT);
    assert_int_equal(wfp_bfe_txn_abort(f->session), 0);
    /* readers share */
    assert_int_equal(wfp_bfe_txn_begin(f->session, WFP_TXN_FLAG_READ_ONLY), 0);
    assert_int_equal(wfp_bfe_txn_begin(other, WFP_TXN_FLAG_READ_ONLY), 0);
    assert_int_equal(wfp_bfe_txn_commit(f->session), 0);
    assert_int_equal(wfp_bfe_session_close(other), 0); /* aborts */
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
}

static void
test_dynamic_session_takes_its_objects_along(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_session *dynamic = open_session(f->bfe, WFP_SESSION_FLAG_DYNAMIC, 50);
    struct wfp_filter_spec spec = callout_filter();
    uint64_t before = wfp_bfe_state_hash(f->bfe);

    spec.common.provider_key = &provider_key;
    spec.sublayer_key = sublayer_key;
    assert_int_equal(add_provider(dynamic, &provider_key, 0), 0);
    assert_int_equal(add_sublayer(dynamic, &sublayer_key, 1), 0);
    assert_int_equal(add_callout(dynamic, &callout_key), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(wfp_bfe_filter_add(dynamic, &spec, NULL, NULL), 0);
    assert_int_equal(fake_engine.filter_count, 100);
    assert_int_equal(wfp_bfe_txn_begin(dynamic, 0), 0);
    assert_int_equal(wfp_bfe_filter_add(dynamic, &spec, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_session_close(dynamic), 0);
    assert_int_equal(fake_engine.filter_count, 0);
    assert_int_equal(fake_engine.filter_id_sum, 0);
    assert_true(wfp_bfe_state_hash(f->bfe) == before);
}

static void
test_lifetimes_limit_references(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_session *dynamic = open_session(f->bfe, WFP_SESSION_FLAG_DYNAMIC, 50);
    struct wfp_bfe_session *other = open_session(f->bfe, WFP_SESSION_FLAG_DYNAMIC, 50);
    struct wfp_filter_spec spec = block_filter();

    spec.sublayer_key = sublayer_key;
    assert_int_equal(add_sublayer(dynamic, &sublayer_key, 1), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), -WFP_ERR_LIFETIME_MISMATCH);
    assert_int_equal(wfp_bfe_filter_add(other, &spec, NULL, NULL), -WFP_ERR_LIFETIME_MISMATCH);
    assert_int_equal(wfp_bfe_filter_add(dynamic, &spec, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_session_close(dynamic), 0);
    assert_int_equal(wfp_bfe_session_close(other), 0);

    assert_int_equal(add_sublayer(f->session, &sublayer_key, 1), 0);
    spec.common.flags = WFP_FILTER_FLAG_PERSISTENT;
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), -WFP_ERR_LIFETIME_MISMATCH);
    spec.sublayer_key = (struct wfp_guid){0};
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
}

static void
test_referenced_objects_cannot_be_deleted(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = callout_filter();
    struct wfp_context_spec context = {.common = {.key = context_key, .name_utf16 = name},
                                       .type = WFP_CONTEXT_GENERAL,
                                       .data =
                                           &(struct wfp_blob){.size = 3, .data = (uint8_t *)"abc"}};
    uint64_t id;

    spec.common.provider_key = &provider_key;
    spec.common.flags = WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    spec.provider_context_key = context_key;
    spec.sublayer_key = sublayer_key;
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), -WFP_ERR_SUBLAYER_NOT_FOUND);
    assert_int_equal(add_sublayer(f->session, &sublayer_key, 1), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), -WFP_ERR_CALLOUT_NOT_FOUND);
    assert_int_equal(add_callout(f->session, &callout_key), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id),
                     -WFP_ERR_PROVIDER_CONTEXT_NOT_FOUND);
    assert_int_equal(wfp_bfe_context_add(f->session, &context, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), -WFP_ERR_PROVIDER_NOT_FOUND);
    assert_int_equal(add_provider(f->session, &provider_key, 0), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), 0);

    for (int i = 0; i < 2; i++) {
        int expected = i == 0 ? -WFP_ERR_IN_USE : 0;
        assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_PROVIDER, &provider_key),
                         expected);
        assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_SUBLAYER, &sublayer_key),
                         expected);
        assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_CALLOUT, &callout_key),
                         expected);
        assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_CONTEXT, &context_key),
                         expected);
        if (i == 0)
            assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id), 0);
    }
}

static void
test_notifications_follow_the_transaction(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = callout_filter();
    uint64_t id, aborted;
    const struct fake_notification *n = fake_engine.notifications;

    assert_int_equal(add_callout(f->session, &callout_key), 0);
    fake_engine.context = 77;
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &aborted), 0);
    assert_int_equal(fake_engine.notification_count, 1);
    assert_int_equal(wfp_bfe_txn_abort(f->session), 0);
    assert_int_equal(fake_engine.notification_count, 2);
    assert_int_equal(n[1].type, WFP_NOTIFY_DELETE_FILTER);
    assert_int_equal(n[1].filter_id, aborted);

    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, &id), 0);
    assert_int_equal(fake_engine.notification_count, 4);
    assert_int_equal(n[2].type, WFP_NOTIFY_ADD_FILTER);
    assert_int_equal(n[3].type, WFP_NOTIFY_ADD_FILTER_POST_COMMIT);

    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    assert_int_equal(wfp_bfe_delete_by_id(f->session, WFP_BFE_FILTER, id), 0);
    assert_int_equal(fake_engine.notification_count, 4); /* not before it is out of force */
    assert_int_equal(wfp_bfe_txn_commit(f->session), 0);
    assert_int_equal(fake_engine.notification_count, 5);
    assert_int_equal(n[4].type, WFP_NOTIFY_DELETE_FILTER);
    assert_int_equal(n[4].filter_id, id);
}

static void
test_callout_may_veto_an_add(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = callout_filter();
    uint64_t before;

    assert_int_equal(add_callout(f->session, &callout_key), 0);
    before = wfp_bfe_state_hash(f->bfe);
    fake_engine.veto = -WFP_ERR_NO_MEMORY;
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL),
                     -WFP_ERR_CALLOUT_NOTIFICATION_FAILED);
    assert_true(wfp_bfe_state_hash(f->bfe) == before);
}

static void
test_clashing_sublayer_weight_moves_up(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_object *object = NULL;

    /* 0..7 belong to built-in sublayers */
    assert_int_equal(add_sublayer(f->session, &sublayer_key, 0), 0);
    assert_int_equal(wfp_bfe_object_get(f->session, WFP_BFE_SUBLAYER, &sublayer_key, &object), 0);
    assert_int_equal(object->weight, 8);
    wfp_bfe_object_unref(object);
    assert_int_equal(add_sublayer(f->session, &other_key, 0x8000), 0);
    assert_int_equal(wfp_bfe_object_get(f->session, WFP_BFE_SUBLAYER, &other_key, &object), 0);
    assert_int_equal(object->weight, 0x8001);
    wfp_bfe_object_unref(object);
    /* a deleted one's weight is free again */
    assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_SUBLAYER, &sublayer_key), 0);
    assert_int_equal(add_sublayer(f->session, &filter_key, 8), 0);
    assert_int_equal(wfp_bfe_object_get(f->session, WFP_BFE_SUBLAYER, &filter_key, &object), 0);
    assert_int_equal(object->weight, 8);
    wfp_bfe_object_unref(object);
}

static void
test_builtin_objects_are_protected(void **state)
{
    struct fixture *f = *state;
    static const struct wfp_guid universal = {
        0xeebecc03, 0xced4, 0x4380, {0x81, 0x9a, 0x27, 0x34, 0x39, 0x7b, 0x2b, 0x74}};
    struct wfp_guid layer = layer_key(0);

    assert_int_equal(wfp_bfe_count(f->bfe, WFP_BFE_SUBLAYER), 18);
    assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_SUBLAYER, &universal),
                     -WFP_ERR_BUILTIN_OBJECT);
    assert_int_equal(wfp_bfe_delete_by_key(f->session, WFP_BFE_LAYER, &layer),
                     -WFP_ERR_BUILTIN_OBJECT);
    assert_int_equal(add_sublayer(f->session, &universal, 1), -WFP_ERR_ALREADY_EXISTS);
}

static void
call_back_into_the_session(enum wfp_notify_type type, struct wfp_filter *filter)
{
    struct wfp_filter *found = NULL;
    struct wfp_bfe_session *session = (struct wfp_bfe_session *)(uintptr_t)filter->context;

    if (type == WFP_NOTIFY_ADD_FILTER)
        assert_int_equal(wfp_bfe_filter_get_by_id(session, filter->id, &found),
                         -WFP_ERR_TXN_IN_PROGRESS);
}

static void
test_callback_into_the_own_session_is_refused(void **state)
{
    struct fixture *f = *state;
    struct wfp_filter_spec spec = callout_filter();

    assert_int_equal(add_callout(f->session, &callout_key), 0);
    spec.raw_context = (uintptr_t)f->session;
    fake_engine.on_notify = call_back_into_the_session;
    assert_int_equal(wfp_bfe_filter_add(f->session, &spec, NULL, NULL), 0);
}

static void
test_handles_name_open_sessions_only(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_session *session = open_session(f->bfe, 0, 0);
    uint64_t handle = wfp_bfe_session_handle(session);
    struct wfp_bfe_session *found = wfp_bfe_session_find(f->bfe, handle);

    assert_ptr_equal(found, session);
    assert_int_equal(wfp_bfe_session_close(session), 0);
    assert_null(wfp_bfe_session_find(f->bfe, handle));
    assert_null(wfp_bfe_session_find(f->bfe, 0));
    assert_int_equal(wfp_bfe_txn_begin(found, 0), -WFP_ERR_INVALID_HANDLE);
    wfp_bfe_session_unref(found);
}

static void
test_free_ends_transactions_of_all_sessions(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_session *dynamic = open_session(f->bfe, WFP_SESSION_FLAG_DYNAMIC, 50);

    assert_int_equal(add_provider(dynamic, &provider_key, 0), 0);
    assert_int_equal(wfp_bfe_txn_begin(f->session, 0), 0);
    /* both are left to wfp_bfe_free(), with the transaction; it must not wait for itself */
    wfp_bfe_session_unref(dynamic);
    wfp_bfe_session_unref(f->session);
    f->session = NULL;
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_added_filter_reaches_the_engine_at_once),
        TEST(test_transaction_is_published_by_one_commit),
        TEST(test_abort_restores_everything),
        TEST(test_failing_call_does_not_poison_the_transaction),
        TEST(test_commit_the_engine_refuses_changes_nothing),
        TEST(test_transaction_errors),
        TEST(test_second_writer_waits_and_times_out),
        TEST(test_dynamic_session_takes_its_objects_along),
        TEST(test_lifetimes_limit_references),
        TEST(test_referenced_objects_cannot_be_deleted),
        TEST(test_notifications_follow_the_transaction),
        TEST(test_callout_may_veto_an_add),
        TEST(test_clashing_sublayer_weight_moves_up),
        TEST(test_builtin_objects_are_protected),
        TEST(test_callback_into_the_own_session_is_refused),
        TEST(test_handles_name_open_sessions_only),
        TEST(test_free_ends_transactions_of_all_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
