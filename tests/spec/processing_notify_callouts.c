/*
 * Page: windows-driver-docs network/processing-notify-callouts (with ddi fwpsk
 * nc-fwpsk-fwps_callout_notify_fn1). A row per rule, over the real engine.
 */
#include "management.h"

#define V4 WFP_LAYER_OUTBOUND_TRANSPORT_V4

/* What the callout heard, in order. */
static struct heard {
    enum wfp_notify_type type;
    uint64_t filter_id;
    bool in_force; /* did the layer have filters then? */
} heard[32];
static uint32_t heard_count;
static int veto;
static uint64_t new_context;
static struct world *the_world;

static void
no_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
            uint64_t flow_context, struct wfp_classify_out *out)
{
    (void)context;
    (void)indication;
    (void)filter;
    (void)flow_context;
    (void)out;
}

static int
notify(void *context, enum wfp_notify_type type, struct wfp_filter *filter)
{
    (void)context;
    if (heard_count < ELEMENTSOF(heard))
        heard[heard_count++] =
            (struct heard){type, filter->id, !wfp_engine_layer_is_empty(the_world->engine, V4)};
    if (type == WFP_NOTIFY_ADD_FILTER && new_context)
        filter->context = new_context;
    return type == WFP_NOTIFY_ADD_FILTER ? veto : 0;
}

static uint32_t
register_callout(struct world *w, uint32_t flags)
{
    static const struct wfp_callout_ops ops = {.classify = no_classify, .notify = notify};
    uint32_t id = 0;

    heard_count = 0;
    veto = 0;
    new_context = 0;
    the_world = w;
    GIVES(0, wfp_callout_register(w->engine, (const struct wfp_guid *)&callout_key, flags, &ops,
                                  NULL, &id));
    return id;
}

static FWPM_FILTER0
callout_filter(void)
{
    FWPM_FILTER0 filter = a_filter();

    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    filter.action.calloutKey = callout_key;
    return filter;
}

static void
heard_is(uint32_t index, enum wfp_notify_type type, uint64_t id)
{
    assert_true(index < heard_count);
    assert_int_equal(heard[index].type, type);
    assert_int_equal(heard[index].filter_id, id);
}

static void
add_is_notified_before_it_is_in_force(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();
    UINT64 id = 0;

    register_callout(w, 0);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    assert_int_equal(heard_count, 1);
    heard_is(0, WFP_NOTIFY_ADD_FILTER, id);
    assert_false(heard[0].in_force);
}

static void
other_callouts_filters_are_not_told(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    register_callout(w, 0);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, add_callout(w->session, &other_key, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = callout_filter();
    filter.action.calloutKey = other_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    assert_int_equal(heard_count, 0);
}

static void
deletion_is_notified_out_of_force(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();
    UINT64 id = 0;

    register_callout(w, 0);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmFilterDeleteById0(w->session, id));
    assert_int_equal(heard_count, 1); /* it is still in force */
    GIVES(0, FwpmTransactionCommit0(w->session));
    heard_is(1, WFP_NOTIFY_DELETE_FILTER, id);
    assert_false(heard[1].in_force);
}

static void
late_registration_hears_deletions_only(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();
    UINT64 id = 0;

    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    register_callout(w, 0);
    assert_int_equal(heard_count, 0);
    GIVES(0, FwpmFilterDeleteById0(w->session, id));
    assert_int_equal(heard_count, 1);
    heard_is(0, WFP_NOTIFY_DELETE_FILTER, id);
}

static void
callout_may_refuse(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();

    register_callout(w, 0);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    veto = -WFP_ERR_NO_MEMORY;
    REFUSED(w, CALLOUT_NOTIFICATION_FAILED, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    assert_int_equal(heard_count, 1); /* what it refused is not deleted */
    veto = 0;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
abort_takes_the_add_back(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();
    UINT64 ids[2] = {0};

    register_callout(w, WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &ids[0]));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &ids[1]));
    GIVES(0, FwpmTransactionAbort0(w->session));
    assert_int_equal(heard_count, 4);
    heard_is(2, WFP_NOTIFY_DELETE_FILTER, ids[1]);
    heard_is(3, WFP_NOTIFY_DELETE_FILTER, ids[0]);
}

static void
post_commit_only_if_asked(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter();
    UINT64 id = 0;

    register_callout(w, WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmTransactionBegin0(w->session, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    assert_int_equal(heard_count, 1);
    GIVES(0, FwpmTransactionCommit0(w->session));
    assert_int_equal(heard_count, 2);
    heard_is(1, WFP_NOTIFY_ADD_FILTER_POST_COMMIT, id);
    assert_true(heard[1].in_force);
}

static void
context_is_the_callouts(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = callout_filter(), *got = NULL;
    struct wfp_filter *inside = NULL;
    struct wfp_bfe_session *session = NULL;
    UINT64 id = 0;

    register_callout(w, 0);
    GIVES(0, add_callout(w->session, &callout_key, 0));
    new_context = 0xABCD;
    filter.rawContext = 7;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    assert_int_equal(got->rawContext, 7); /* the object keeps what it was given */
    FwpmFreeMemory0((void **)&got);
    GIVES(0, wfp_bfe_session_open(w->bfe, NULL, &session));
    GIVES(0, wfp_bfe_filter_get_by_id(session, id, &inside));
    assert_int_equal(inside->context, 0xABCD); /* classify sees the callout's */
    wfp_filter_unref(inside);
    GIVES(0, wfp_bfe_session_close(session));
}

static void
dynamic_end_notifies(void **state)
{
    struct world *w = *state;
    HANDLE session = open_session(FWPM_SESSION_FLAG_DYNAMIC);
    FWPM_FILTER0 filter = callout_filter();
    UINT64 id = 0;

    register_callout(w, 0);
    GIVES(0, add_callout(session, &callout_key, 0));
    GIVES(0, FwpmFilterAdd0(session, &filter, NULL, &id));
    GIVES(0, FwpmEngineClose0(session));
    assert_int_equal(heard_count, 2);
    heard_is(1, WFP_NOTIFY_DELETE_FILTER, id);
}

static void
id_is_the_registrations(void **state)
{
    struct world *w = *state;
    FWPM_CALLOUT0 callout = {.calloutKey = callout_key, .displayData = {WIDE("c"), NULL}};
    FWPM_CALLOUT0 *got = NULL;
    UINT32 registered = register_callout(w, 0), added = 0;

    callout.applicableLayer = layer(V4);
    GIVES(0, FwpmCalloutAdd0(w->session, &callout, NULL, &added));
    assert_int_equal(added, registered);
    GIVES(0, FwpmCalloutGetById0(w->session, added, &got));
    assert_true(got->flags & FWPM_CALLOUT_FLAG_REGISTERED);
    FwpmFreeMemory0((void **)&got);
    GIVES(0, wfp_callout_unregister(w->engine, registered));
    GIVES(0, FwpmCalloutGetById0(w->session, added, &got));
    assert_false(got->flags & FWPM_CALLOUT_FLAG_REGISTERED);
    FwpmFreeMemory0((void **)&got);
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("an add is notified before it is in force", add_is_notified_before_it_is_in_force),
        ROW("filters of other callouts are not told", other_callouts_filters_are_not_told),
        ROW("a deletion is notified once out of force", deletion_is_notified_out_of_force),
        ROW("who registers late hears of deletions only", late_registration_hears_deletions_only),
        ROW("a callout may refuse a filter", callout_may_refuse),
        ROW("an abort takes the add back, last first", abort_takes_the_add_back),
        ROW("post-commit comes to those who asked", post_commit_only_if_asked),
        ROW("the context is the callout's to change", context_is_the_callouts),
        ROW("the end of a dynamic session notifies", dynamic_end_notifies),
        ROW("FwpmCalloutAdd gives the id of FwpsCalloutRegister", id_is_the_registrations),
    };
    return RUN(rows);
}
