/*
 * The Fwpm* functions as a program calls them: Win32 codes, subscriptions, application ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fwpmu.h>

#include "core/model/layer.h"
#include "fake_engine.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"

#define WIDE(text) ((WCHAR *)u##text)

static const GUID sublayer_key = {0x55555555, 1, 0, {0}};
static const GUID provider_key = {0x55555555, 2, 0, {0}};

struct fixture {
    struct wfp_bfe *bfe;
    HANDLE engine, other;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    fake_engine_reset();
    assert_int_equal(wfp_bfe_new(FAKE_ENGINE, &f->bfe), 0);
    wfp_fwpm_set_bfe(f->bfe);
    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, NULL, &f->engine), 0);
    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, NULL, &f->other), 0);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(FwpmEngineClose0(f->engine), 0);
    assert_int_equal(FwpmEngineClose0(f->other), 0);
    wfp_fwpm_set_bfe(NULL);
    wfp_bfe_free(f->bfe);
    free(f);
    return 0;
}

static void
test_results_are_win32_codes(void **state)
{
    struct fixture *f = *state;
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = sublayer_key};
    HANDLE engine;

    assert_int_equal(FwpmSubLayerAdd0(f->engine, &sublayer, NULL), 0x80320023); /* no name */
    assert_int_equal(FwpmSubLayerDeleteByKey0(f->engine, &sublayer_key), 0x80320007);
    assert_int_equal(FwpmTransactionCommit0(f->engine), 0x8032000D);
    assert_int_equal(FwpmTransactionCommit0(NULL), ERROR_INVALID_HANDLE);
    assert_int_equal(FwpmEngineOpen0(WIDE("far"), RPC_C_AUTHN_DEFAULT, NULL, NULL, &engine),
                     ERROR_NOT_SUPPORTED);
}

struct seen {
    uint32_t adds, deletes;
    GUID key;
};

static void NTAPI
on_sublayer(void *context, const FWPM_SUBLAYER_CHANGE0 *change)
{
    struct seen *seen = context;

    seen->adds += change->changeType == FWPM_CHANGE_ADD;
    seen->deletes += change->changeType == FWPM_CHANGE_DELETE;
    seen->key = change->subLayerKey;
}

static void
test_subscriber_hears_of_others_only(void **state)
{
    struct fixture *f = *state;
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = sublayer_key, .displayData = {WIDE("s"), NULL}};
    FWPM_SUBLAYER_SUBSCRIPTION0 subscription = {.flags = FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD |
                                                         FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_DELETE};
    FWPM_SUBLAYER_SUBSCRIPTION0 **entries = NULL;
    struct seen seen = {0};
    UINT32 count = 0;
    HANDLE handle;

    assert_int_equal(
        FwpmSubLayerSubscribeChanges0(f->engine, &subscription, on_sublayer, &seen, &handle), 0);
    assert_int_equal(FwpmSubLayerSubscriptionsGet0(f->other, &entries, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0]->flags, subscription.flags);
    FwpmFreeMemory0((void **)&entries);

    assert_int_equal(FwpmSubLayerAdd0(f->engine, &sublayer, NULL), 0); /* its own */
    assert_int_equal(FwpmSubLayerDeleteByKey0(f->engine, &sublayer_key), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(seen.adds + seen.deletes, 0);

    assert_int_equal(FwpmTransactionBegin0(f->other, 0), 0); /* aborted: never was */
    assert_int_equal(FwpmSubLayerAdd0(f->other, &sublayer, NULL), 0);
    assert_int_equal(FwpmTransactionAbort0(f->other), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(seen.adds + seen.deletes, 0);

    assert_int_equal(FwpmSubLayerAdd0(f->other, &sublayer, NULL), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(seen.adds, 1);
    assert_memory_equal(&seen.key, &sublayer_key, sizeof(GUID));
    assert_int_equal(FwpmSubLayerUnsubscribeChanges0(f->other, handle), 0x8032000C);
    assert_int_equal(FwpmSubLayerUnsubscribeChanges0(f->engine, handle), 0);
    assert_int_equal(FwpmSubLayerDeleteByKey0(f->other, &sublayer_key), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(seen.deletes, 0);
}

static void
test_subscribing_is_refused_in_a_transaction(void **state)
{
    struct fixture *f = *state;
    FWPM_SUBLAYER_SUBSCRIPTION0 subscription = {.flags = FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD};
    HANDLE handle;

    assert_int_equal(FwpmTransactionBegin0(f->engine, 0), 0);
    assert_int_equal(
        FwpmSubLayerSubscribeChanges0(f->engine, &subscription, on_sublayer, NULL, &handle),
        0x8032000E);
    assert_int_equal(FwpmTransactionAbort0(f->engine), 0);
    assert_int_equal(FwpmSubLayerSubscribeChanges0(f->engine, &subscription, NULL, NULL, &handle),
                     0x8032001C);
    subscription.flags = 0;
    assert_int_equal(
        FwpmSubLayerSubscribeChanges0(f->engine, &subscription, on_sublayer, NULL, &handle),
        0x80320033);
    subscription.flags = 8;
    assert_int_equal(
        FwpmSubLayerSubscribeChanges0(f->engine, &subscription, on_sublayer, NULL, &handle),
        0x8032001E);
}

struct filter_seen {
    UINT64 ids[8];
    uint32_t count;
};

static void NTAPI
on_filter(void *context, const FWPM_FILTER_CHANGE0 *change)
{
    struct filter_seen *seen = context;

    if (seen->count < 8)
        seen->ids[seen->count++] = change->filterId;
}

static void
test_template_selects_changes(void **state)
{
    struct fixture *f = *state;
    FWPM_PROVIDER0 provider = {.providerKey = provider_key, .displayData = {WIDE("p"), NULL}};
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.providerKey = (GUID *)&provider_key,
                                            .actionMask = 0xFFFFFFFF};
    FWPM_FILTER_SUBSCRIPTION0 subscription = {.enumTemplate = &template_,
                                              .flags = FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD};
    FWPM_FILTER0 filter = {.displayData = {WIDE("f"), NULL}, .action.type = FWP_ACTION_PERMIT};
    struct filter_seen seen = {0};
    UINT64 id = 0;
    HANDLE handle;

    memcpy(&filter.layerKey, &wfp_layer_find_id(0)->key, sizeof(GUID));
    assert_int_equal(FwpmProviderAdd0(f->other, &provider, NULL), 0);
    assert_int_equal(
        FwpmFilterSubscribeChanges0(f->engine, &subscription, on_filter, &seen, &handle), 0);
    assert_int_equal(FwpmFilterAdd0(f->other, &filter, NULL, NULL), 0);
    filter.providerKey = (GUID *)&provider_key;
    assert_int_equal(FwpmFilterAdd0(f->other, &filter, NULL, &id), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.ids[0], id);
    assert_int_equal(FwpmFilterUnsubscribeChanges0(f->engine, handle), 0);
}

static void NTAPI
on_event(void *context, const FWPM_NET_EVENT1 *event)
{
    *(UINT64 *)context = event->classifyDrop->filterId;
}

static void
test_net_events_are_delivered(void **state)
{
    struct fixture *f = *state;
    FWPM_NET_EVENT_SUBSCRIPTION0 subscription = {0};
    struct wfp_bfe_event event = {.type = WFP_BFE_EVENT_CLASSIFY_DROP, .filter_id = 99};
    UINT64 filter_id = 0;
    HANDLE handle;

    assert_int_equal(
        FwpmNetEventSubscribe0(f->engine, &subscription, on_event, &filter_id, &handle), 0);
    wfp_bfe_event_report(f->bfe, &event);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(filter_id, 99);
    assert_int_equal(FwpmNetEventUnsubscribe0(f->engine, handle), 0);
}

static void NTAPI
unsubscribe_self(void *context, const FWPM_SUBLAYER_CHANGE0 *change)
{
    struct {
        HANDLE engine, handle;
        uint32_t calls;
    } *self = context;

    (void)change;
    self->calls++;
    assert_int_equal(FwpmSubLayerUnsubscribeChanges0(self->engine, self->handle), 0);
}

static void
test_callback_may_end_its_own_subscription(void **state)
{
    struct fixture *f = *state;
    FWPM_SUBLAYER_SUBSCRIPTION0 subscription = {.flags = FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD};
    FWPM_SUBLAYER0 sublayer = {.displayData = {WIDE("s"), NULL}};
    struct {
        HANDLE engine, handle;
        uint32_t calls;
    } self = {.engine = f->engine};

    assert_int_equal(FwpmSubLayerSubscribeChanges0(f->engine, &subscription, unsubscribe_self,
                                                   &self, &self.handle),
                     0);
    assert_int_equal(FwpmSubLayerAdd0(f->other, &sublayer, NULL), 0);
    assert_int_equal(FwpmSubLayerAdd0(f->other, &sublayer, NULL), 0);
    wfp_bfe_subscription_flush(f->bfe);
    assert_int_equal(self.calls, 1);
}

static void
test_application_ids(void **state)
{
    FWP_BYTE_BLOB *id = NULL;

    (void)state;
    assert_int_equal(FwpmGetAppIdFromFileName0(WIDE("C:\\Program Files\\App.EXE"), &id), 0);
    assert_memory_equal(id->data, u"\\device\\harddiskvolume3\\program files\\app.exe",
                        sizeof(u"\\device\\harddiskvolume3\\program files\\app.exe"));
    assert_int_equal(id->size, sizeof(u"\\device\\harddiskvolume3\\program files\\app.exe"));
    FwpmFreeMemory0((void **)&id);
    assert_int_equal(FwpmGetAppIdFromFileName0(WIDE("/proc/../"), &id), 0);
    assert_int_equal(id->size, sizeof(u"/"));
    assert_memory_equal(id->data, u"/", sizeof(u"/"));
    FwpmFreeMemory0((void **)&id);
    assert_int_equal(FwpmGetAppIdFromFileName0(WIDE("/no/such/file"), &id), ERROR_FILE_NOT_FOUND);
    assert_int_equal(FwpmGetAppIdFromFileName0(NULL, &id), 0x8032001C);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_results_are_win32_codes),
        TEST(test_subscriber_hears_of_others_only),
        TEST(test_subscribing_is_refused_in_a_transaction),
        TEST(test_template_selects_changes),
        TEST(test_net_events_are_delivered),
        TEST(test_callback_may_end_its_own_subscription),
        TEST(test_application_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
