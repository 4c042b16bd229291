/*
 * Page: win32 FWP/object-management. A row per sentence that promises something.
 */
#include "management.h"

/* ---- Sessions ------------------------------------------------------------------------------ */

static void
closing_aborts_transaction(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    uint64_t before = wfp_bfe_state_hash(w->bfe);
    HANDLE session = open_session(0);

    GIVES(0, FwpmTransactionBegin0(session, 0));
    GIVES(0, FwpmFilterAdd0(session, &filter, NULL, NULL));
    GIVES(0, FwpmEngineClose0(session));
    assert_true(wfp_bfe_state_hash(w->bfe) == before);
    GIVES(0, FwpmTransactionBegin0(w->session, 0)); /* the lock is free */
}

static void
dynamic_objects_end_with_session(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *got = NULL;
    HANDLE session = open_session(FWPM_SESSION_FLAG_DYNAMIC);
    UINT64 id = 0;

    GIVES(0, FwpmFilterAdd0(session, &filter, NULL, &id));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    FwpmFreeMemory0((void **)&got);
    GIVES(0, FwpmEngineClose0(session));
    GIVES(FILTER_NOT_FOUND, FwpmFilterGetById0(w->session, id, &got));
    assert_true(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
}

static void
closed_handle_is_refused(void **state)
{
    struct world *w = *state;
    HANDLE session = open_session(0);

    (void)w;
    GIVES(0, FwpmEngineClose0(session));
    GIVES(ERROR_INVALID_HANDLE, FwpmEngineClose0(session));
    GIVES(ERROR_INVALID_HANDLE, FwpmTransactionBegin0(session, 0));
}

static void
session_key_is_unique(void **state)
{
    struct world *w = *state;
    FWPM_SESSION0 session = {.sessionKey = KEY(77)};
    HANDLE first, second;

    (void)w;
    GIVES(0, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &first));
    GIVES(ALREADY_EXISTS, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &second));
}

/* ---- Transactions -------------------------------------------------------------------------- */

static void
call_outside_is_implicit(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    assert_false(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
    GIVES(NO_TXN_IN_PROGRESS, FwpmTransactionCommit0(w->session));
}

static void
one_transaction_per_session(void **state)
{
    struct world *w = *state;

    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(TXN_IN_PROGRESS, FwpmTransactionBegin0(w->session, 0));
    GIVES(TXN_IN_PROGRESS, FwpmTransactionBegin0(w->session, FWPM_TXN_READ_ONLY));
    GIVES(0, FwpmTransactionAbort0(w->session));
    GIVES(NO_TXN_IN_PROGRESS, FwpmTransactionAbort0(w->session));
}

static void
nothing_shows_before_commit(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    assert_true(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
    GIVES(0, FwpmTransactionCommit0(w->session));
    assert_false(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
}

static void
own_changes_show_inside(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *got = NULL;
    UINT64 id = 0;

    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    FwpmFreeMemory0((void **)&got);
    GIVES(0, FwpmFilterDeleteById0(w->session, id));
    GIVES(FILTER_NOT_FOUND, FwpmFilterGetById0(w->session, id, &got));
    GIVES(0, FwpmTransactionCommit0(w->session));
    assert_true(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
}

static void
failed_operation_leaves_the_rest(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    UINT64 ids[3] = {0};
    FWPM_FILTER0 *got = NULL;

    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    for (int i = 0; i < 3; i++)
        GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &ids[i]));
    filter.action.type = 99;
    REFUSED(w, INVALID_ACTION_TYPE, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.action.type = FWP_ACTION_PERMIT; /* retried */
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    GIVES(0, FwpmTransactionCommit0(w->session));
    for (int i = 0; i < 3; i++) {
        GIVES(0, FwpmFilterGetById0(w->session, ids[i], &got));
        FwpmFreeMemory0((void **)&got);
    }
}

static void
abort_leaves_no_trace(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    uint64_t before;

    GIVES(0, add_provider(w->session, &provider_key, 0));
    before = wfp_bfe_state_hash(w->bfe);
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmProviderDeleteByKey0(w->session, &provider_key));
    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 5));
    filter.subLayerKey = sublayer_key;
    filter.providerKey = (GUID *)&provider_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    GIVES(0, FwpmTransactionAbort0(w->session));
    assert_true(wfp_bfe_state_hash(w->bfe) == before);
    GIVES(SUBLAYER_NOT_FOUND, FwpmSubLayerDeleteByKey0(w->session, &sublayer_key));
}

static void
read_only_refuses_changes(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *got = NULL;
    UINT64 id = 0;

    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmTransactionBegin0(w->session, FWPM_TXN_READ_ONLY));
    REFUSED(w, INCOMPATIBLE_TXN, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    REFUSED(w, INCOMPATIBLE_TXN, FwpmFilterDeleteById0(w->session, id));
    REFUSED(w, INCOMPATIBLE_TXN, add_provider(w->session, &provider_key, 0));
    REFUSED(w, INCOMPATIBLE_TXN, add_sublayer(w->session, &sublayer_key, 0, 0));
    REFUSED(w, INCOMPATIBLE_TXN, add_callout(w->session, &callout_key, 0));
    REFUSED(w, INCOMPATIBLE_TXN, add_context(w->session, &context_key, 0));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    FwpmFreeMemory0((void **)&got);
    GIVES(0, FwpmTransactionCommit0(w->session));
}

static void
waiting_for_the_lock_times_out(void **state)
{
    struct world *w = *state;
    HANDLE other = open_session(0);

    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(TIMEOUT, FwpmTransactionBegin0(other, 0));
    GIVES(TIMEOUT, FwpmTransactionBegin0(other, FWPM_TXN_READ_ONLY));
    REFUSED(w, TIMEOUT, add_provider(other, &provider_key, 0));
}

static void
readers_share_the_lock(void **state)
{
    struct world *w = *state;
    HANDLE other = open_session(0);

    GIVES(0, FwpmTransactionBegin0(w->session, FWPM_TXN_READ_ONLY));
    GIVES(0, FwpmTransactionBegin0(other, FWPM_TXN_READ_ONLY));
    GIVES(0, FwpmTransactionCommit0(other));
    GIVES(TIMEOUT, FwpmTransactionBegin0(other, 0));
}

static void
overdue_transaction_is_aborted(void **state)
{
    struct world *w = *state;
    FWP_VALUE0 limit = {.type = FWP_UINT32, .uint32 = 1}; /* instead of an hour */
    HANDLE other;
    FWPM_SESSION0 patient = {.txnWaitTimeoutInMSec = 10000};
    uint64_t before;

    GIVES(0, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &patient, &other));
    GIVES(0, FwpmEngineSetOption0(w->session, FWPM_ENGINE_TXN_WATCHDOG_TIMEOUT_IN_MSEC, &limit));
    before = wfp_bfe_state_hash(w->bfe);
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0, FwpmTransactionBegin0(other, FWPM_TXN_READ_ONLY)); /* forces it */
    assert_true(wfp_bfe_state_hash(w->bfe) == before);
    GIVES(0, FwpmTransactionAbort0(other));
    GIVES(TXN_ABORTED, add_provider(w->session, &provider_key, 0));
    GIVES(0, add_provider(w->session, &provider_key, 0)); /* only the next call says so */
}

static void
not_inside_a_transaction(void **state)
{
    struct world *w = *state;
    FWP_VALUE0 value = {.type = FWP_UINT32, .uint32 = 1};

    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    REFUSED(
        w, TXN_IN_PROGRESS,
        FwpmProviderSetSecurityInfoByKey0(w->session, &provider_key, 4, NULL, NULL, NULL, NULL));
    REFUSED(w, TXN_IN_PROGRESS,
            FwpmEngineSetOption0(w->session, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
}

/* ---- Object lifetimes ---------------------------------------------------------------------- */

static void
builtin_objects_stay(void **state)
{
    struct world *w = *state;
    GUID universal, key = layer(0);

    memcpy(&universal, &wfp_bfe_default_sublayer, sizeof(universal));
    REFUSED(w, BUILTIN_OBJECT, FwpmSubLayerDeleteByKey0(w->session, &universal));
    REFUSED(w, BUILTIN_OBJECT, FwpmCalloutDeleteById0(w->session, 1));
    REFUSED(w, ALREADY_EXISTS, add_sublayer(w->session, &universal, 0, 0));
    (void)key;
}

static void
boot_time_only_in_kernel_layers(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    filter.flags = FWPM_FILTER_FLAG_BOOTTIME;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    /* removed when BFE finished starting: not enforced */
    assert_true(wfp_engine_layer_is_empty(w->engine, WFP_LAYER_OUTBOUND_TRANSPORT_V4));
    filter.layerKey = layer(WFP_LAYER_IKEEXT_V4);
    REFUSED(w, INCOMPATIBLE_LAYER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.flags |= FWPM_FILTER_FLAG_PERSISTENT;
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
persistent_not_from_dynamic_session(void **state)
{
    struct world *w = *state;
    HANDLE session = open_session(FWPM_SESSION_FLAG_DYNAMIC);

    REFUSED(w, DYNAMIC_SESSION_IN_PROGRESS,
            add_provider(session, &provider_key, FWPM_PROVIDER_FLAG_PERSISTENT));
}

/* ---- Object associations ------------------------------------------------------------------- */

/* lifetimes of a sublayer and of the filter that names it */
enum life { DYNAMIC, OTHER_DYNAMIC, STATIC, PERSISTENT };

static DWORD
associate(struct world *w, enum life of_sublayer, enum life of_filter)
{
    HANDLE dynamic = open_session(FWPM_SESSION_FLAG_DYNAMIC);
    HANDLE other = open_session(FWPM_SESSION_FLAG_DYNAMIC);
    HANDLE sessions[] = {dynamic, other, w->session, w->session};
    FWPM_FILTER0 filter = a_filter();
    DWORD result;

    GIVES(0, add_sublayer(sessions[of_sublayer], &sublayer_key,
                          of_sublayer == PERSISTENT ? FWPM_SUBLAYER_FLAG_PERSISTENT : 0, 5));
    filter.filterKey = filter_key;
    filter.subLayerKey = sublayer_key;
    filter.flags = of_filter == PERSISTENT ? FWPM_FILTER_FLAG_PERSISTENT : 0;
    result = FwpmFilterAdd0(sessions[of_filter], &filter, NULL, NULL);
    FwpmFilterDeleteByKey0(w->session, &filter_key);
    GIVES(0, FwpmSubLayerDeleteByKey0(w->session, &sublayer_key));
    GIVES(0, FwpmEngineClose0(dynamic));
    GIVES(0, FwpmEngineClose0(other));
    return result;
}

static void
association_needs_as_long_a_life(void **state)
{
    static const struct {
        enum life to, from;
        int result;
    } table[] = {
        {DYNAMIC, DYNAMIC, 0},
        {DYNAMIC, OTHER_DYNAMIC, LIFETIME_MISMATCH},
        {DYNAMIC, STATIC, LIFETIME_MISMATCH},
        {DYNAMIC, PERSISTENT, LIFETIME_MISMATCH},
        {STATIC, DYNAMIC, 0},
        {STATIC, STATIC, 0},
        {STATIC, PERSISTENT, LIFETIME_MISMATCH},
        {PERSISTENT, DYNAMIC, 0},
        {PERSISTENT, STATIC, 0},
        {PERSISTENT, PERSISTENT, 0},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ELEMENTSOF(table); i++)
        GIVES(table[i].result, associate(w, table[i].to, table[i].from));
}

static void
persistent_not_to_another_providers(void **state)
{
    struct world *w = *state;
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = sublayer_key,
                               .displayData = {WIDE("s"), NULL},
                               .flags = FWPM_SUBLAYER_FLAG_PERSISTENT,
                               .providerKey = (GUID *)&provider_key};
    FWPM_FILTER0 filter = a_filter();

    GIVES(0, add_provider(w->session, &provider_key, FWPM_PROVIDER_FLAG_PERSISTENT));
    GIVES(0, add_provider(w->session, &other_key, FWPM_PROVIDER_FLAG_PERSISTENT));
    GIVES(0, FwpmSubLayerAdd0(w->session, &sublayer, NULL));
    filter.flags = FWPM_FILTER_FLAG_PERSISTENT;
    filter.subLayerKey = sublayer_key;
    filter.providerKey = (GUID *)&other_key;
    REFUSED(w, LIFETIME_MISMATCH, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.providerKey = NULL;
    REFUSED(w, LIFETIME_MISMATCH, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.providerKey = (GUID *)&provider_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
boot_time_filter_needs_persistent_callout(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, add_callout(w->session, &other_key, FWPM_CALLOUT_FLAG_PERSISTENT));
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = callout_key;
    filter.flags = FWPM_FILTER_FLAG_BOOTTIME;
    REFUSED(w, LIFETIME_MISMATCH, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.action.calloutKey = other_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
referenced_object_stays(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    UINT64 id = 0;

    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 1));
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, add_context(w->session, &context_key, 0));
    filter.providerKey = (GUID *)&provider_key;
    filter.subLayerKey = sublayer_key;
    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    filter.action.calloutKey = callout_key;
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = context_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    REFUSED(w, IN_USE, FwpmProviderDeleteByKey0(w->session, &provider_key));
    REFUSED(w, IN_USE, FwpmSubLayerDeleteByKey0(w->session, &sublayer_key));
    REFUSED(w, IN_USE, FwpmCalloutDeleteByKey0(w->session, &callout_key));
    REFUSED(w, IN_USE, FwpmProviderContextDeleteByKey0(w->session, &context_key));
    GIVES(0, FwpmFilterDeleteById0(w->session, id));
    GIVES(0, FwpmProviderDeleteByKey0(w->session, &provider_key));
    GIVES(0, FwpmSubLayerDeleteByKey0(w->session, &sublayer_key));
    GIVES(0, FwpmCalloutDeleteByKey0(w->session, &callout_key));
    GIVES(0, FwpmProviderContextDeleteByKey0(w->session, &context_key));
}

/* ---- LUIDs and GUIDs ----------------------------------------------------------------------- */

static void
keys_are_unique_per_kind(void **state)
{
    struct world *w = *state;

    GIVES(0, add_provider(w->session, &other_key, 0));
    GIVES(0, add_sublayer(w->session, &other_key, 0, 0));
    GIVES(0, add_callout(w->session, &other_key, 0));
    GIVES(0, add_context(w->session, &other_key, 0));
    REFUSED(w, ALREADY_EXISTS, add_provider(w->session, &other_key, 0));
    REFUSED(w, ALREADY_EXISTS, add_sublayer(w->session, &other_key, 0, 0));
    REFUSED(w, ALREADY_EXISTS, add_callout(w->session, &other_key, 0));
    REFUSED(w, ALREADY_EXISTS, add_context(w->session, &other_key, 0));
}

static void
zero_key_is_replaced(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *first = NULL, *second = NULL;
    UINT64 ids[2] = {0};

    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &ids[0]));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &ids[1]));
    GIVES(0, FwpmFilterGetById0(w->session, ids[0], &first));
    GIVES(0, FwpmFilterGetById0(w->session, ids[1], &second));
    assert_memory_not_equal(&first->filterKey, &zero_key, sizeof(GUID));
    assert_memory_not_equal(&first->filterKey, &second->filterKey, sizeof(GUID));
    assert_memory_equal(&filter.filterKey, &zero_key, sizeof(GUID)); /* the caller's is untouched */
    FwpmFreeMemory0((void **)&first);
    FwpmFreeMemory0((void **)&second);
}

static void
ids_are_the_engines(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    UINT64 first = 0, second = 0;

    filter.filterId = 12345; /* ignored */
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &first));
    assert_int_not_equal(first, 12345);
    GIVES(0, FwpmFilterDeleteById0(w->session, first));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &second));
    assert_int_not_equal(first, second); /* not given again */
}

static void
sublayer_weights_are_unique(void **state)
{
    struct world *w = *state;
    FWPM_SUBLAYER0 *first = NULL, *second = NULL;

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0x8000)); /* UNIVERSAL's */
    GIVES(0, add_sublayer(w->session, &other_key, 0, 0x8000));
    GIVES(0, FwpmSubLayerGetByKey0(w->session, &sublayer_key, &first));
    GIVES(0, FwpmSubLayerGetByKey0(w->session, &other_key, &second));
    assert_int_equal(first->weight, 0x8001);
    assert_int_equal(second->weight, 0x8002);
    FwpmFreeMemory0((void **)&first);
    FwpmFreeMemory0((void **)&second);
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("closing a session aborts its transaction", closing_aborts_transaction),
        ROW("objects of a dynamic session end with it", dynamic_objects_end_with_session),
        ROW("a closed handle is refused", closed_handle_is_refused),
        ROW("a session key is unique", session_key_is_unique),
        ROW("a call outside a transaction has an implicit one", call_outside_is_implicit),
        ROW("a session has one transaction at a time", one_transaction_per_session),
        ROW("nothing shows before the commit", nothing_shows_before_commit),
        ROW("a transaction sees its own changes", own_changes_show_inside),
        ROW("a failed operation leaves the rest", failed_operation_leaves_the_rest),
        ROW("abort leaves no trace", abort_leaves_no_trace),
        ROW("a read-only transaction refuses changes", read_only_refuses_changes),
        ROW("waiting for the lock times out", waiting_for_the_lock_times_out),
        ROW("readers share the lock", readers_share_the_lock),
        ROW("an overdue transaction is aborted by force", overdue_transaction_is_aborted),
        ROW("some calls are not allowed inside", not_inside_a_transaction),
        ROW("built-in objects cannot be added or deleted", builtin_objects_stay),
        ROW("boot-time filters: kernel layers, not enforced now", boot_time_only_in_kernel_layers),
        ROW("a dynamic session adds nothing persistent", persistent_not_from_dynamic_session),
        ROW("an association needs as long a life", association_needs_as_long_a_life),
        ROW("persistent objects of other providers", persistent_not_to_another_providers),
        ROW("boot-time filters need persistent callouts",
            boot_time_filter_needs_persistent_callout),
        ROW("what is referenced cannot be deleted", referenced_object_stays),
        ROW("keys are unique per kind, not across", keys_are_unique_per_kind),
        ROW("a zero key is replaced", zero_key_is_replaced),
        ROW("run-time ids come from the engine", ids_are_the_engines),
        ROW("sublayer weights are unique", sublayer_weights_are_unique),
    };
    return RUN(rows);
}
