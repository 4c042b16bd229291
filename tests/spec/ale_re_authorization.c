/*
 * Pages: win32 FWP/ale-re-authorization, FWP/ale-stateful-filtering. A row per rule: packets through
 * the whole stack, policy through fwpmu.h.
 */
#include <stdio.h>

#include "management.h"

#include "../unit/core/packet/build.h"

#include "core/shims/stack.h"

#define CONNECT          WFP_LAYER_ALE_AUTH_CONNECT_V4
#define ACCEPT           WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4
#define SECOND           10000000ull
#define FLOW_REAUTHORIZE 0x4u /* FWP_CONDITION_FLAG_IS_REAUTHORIZE */

struct ale {
    struct world *world;
    struct wfp_stack *stack;
    uint64_t now;
};

static int
ale_setup(void **state)
{
    struct wfp_local_prefix local[] = {{4, 8, {10}}};
    struct ale *ale = calloc(1, sizeof(*ale));
    struct wfp_stack_config config = {.local = local, .local_count = 1, .flows = true};

    setup((void **)&ale->world);
    config.engine = ale->world->engine;
    wfp_engine_thread_enter(ale->world->engine);
    assert_int_equal(wfp_stack_new(&config, &ale->stack), 0);
    ale->now = 1000 * SECOND;
    *state = ale;
    return 0;
}

static int
ale_teardown(void **state)
{
    struct ale *ale = *state;

    wfp_stack_free(ale->stack);
    wfp_engine_thread_leave(ale->world->engine);
    teardown((void **)&ale->world);
    free(ale);
    return 0;
}

#undef ROW
#define ROW(text, function)                                                                        \
    {                                                                                              \
        text, function, ale_setup, ale_teardown, NULL                                              \
    }

/* One datagram of a conversation that the local 10.0.0.1/1000 has with 1.2.3.4/53, on an interface. */
static bool
passes_by(struct ale *ale, bool outbound, uint32_t interface)
{
    struct build build;
    struct wfp_decision decision;

    if (outbound)
        build_udp(&build, "10.0.0.1", 1000, "1.2.3.4", 53, "data");
    else
        build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    wfp_stack_packet(ale->stack,
                     &(struct wfp_frame){.data = build.bytes,
                                         .length = build.length,
                                         .wire_length = build.length,
                                         .interface_index = interface,
                                         .time_100ns = ale->now},
                     &decision);
    return decision.outcome == WFP_PERMITTED;
}

static bool
passes(struct ale *ale, bool outbound)
{
    return passes_by(ale, outbound, 0);
}

static uint64_t
asked(struct ale *ale, uint16_t layer_id)
{
    struct wfp_layer_counters counters;

    wfp_engine_layer_counters(ale->world->engine, layer_id, &counters);
    return counters.classified;
}

static UINT64
add_at(struct ale *ale, UINT16 layer_id, UINT32 action, UINT32 count,
       FWPM_FILTER_CONDITION0 *conditions)
{
    FWPM_FILTER0 filter = a_filter();
    UINT64 id;

    filter.layerKey = layer(layer_id);
    filter.action.type = action;
    filter.numFilterConditions = count;
    filter.filterCondition = conditions;
    GIVES(0, FwpmFilterAdd0(ale->world->session, &filter, NULL, &id));
    return id;
}

static void
only_the_first_packet_is_authorized(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    for (int i = 0; i < 5; i++)
        assert_true(passes(ale, i % 2 == 0));
    assert_int_equal(asked(ale, CONNECT), 1);
    assert_int_equal(asked(ale, ACCEPT), 0); /* answers belong to the same conversation */
}

static void
a_new_filter_asks_anew_with_the_next_packet_out(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 0, NULL);
    assert_int_equal(asked(ale, CONNECT), 1); /* not before */
    assert_false(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 2);
}

static void
and_with_the_next_packet_in_where_the_flow_began(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 0, NULL);
    assert_false(passes(ale, false));
    assert_int_equal(asked(ale, CONNECT), 2);
    assert_int_equal(asked(ale, ACCEPT), 0);
}

static void
a_flow_that_came_in_is_asked_for_at_accept(void **state)
{
    struct ale *ale = *state;

    add_at(ale, ACCEPT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, false));
    assert_int_equal(asked(ale, ACCEPT), 1);
    add_at(ale, ACCEPT, FWP_ACTION_BLOCK, 0, NULL);
    assert_false(passes(ale, true));
    assert_int_equal(asked(ale, ACCEPT), 2);
    assert_int_equal(asked(ale, CONNECT), 0);
}

static void
a_deletion_asks_anew_too(void **state)
{
    struct ale *ale = *state;
    UINT64 id;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    id = add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    GIVES(0, FwpmFilterDeleteById0(ale->world->session, id));
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 2);
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 2); /* once */
}

static void
filters_elsewhere_ask_nothing(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    add_at(ale, ACCEPT, FWP_ACTION_BLOCK, 0, NULL);
    add_at(ale, WFP_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 1);
}

static void
an_aborted_change_asks_nothing(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    GIVES(0, FwpmTransactionBegin0(ale->world->session, 0));
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 0, NULL);
    assert_true(passes(ale, true)); /* nor does one that is not committed */
    GIVES(0, FwpmTransactionAbort0(ale->world->session));
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 1);
}

static void
the_flag_says_that_it_is_asked_anew(void **state)
{
    struct ale *ale = *state;
    FWPM_FILTER_CONDITION0 anew = {
        .fieldKey = field(CONNECT, WFP_FIELD_ALE_AUTH_CONNECT_V4_FLAGS),
        .matchType = FWP_MATCH_FLAGS_ALL_SET,
        .conditionValue = {.type = FWP_UINT32, .uint32 = FLOW_REAUTHORIZE}};

    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 1, &anew);
    assert_true(passes(ale, true));
    assert_true(passes(ale, true));
    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL); /* lighter; but there is a change */
    assert_false(passes(ale, true));
}

static void
a_blocked_flow_is_gone_the_next_packet_is_a_first_one(void **state)
{
    struct ale *ale = *state;
    UINT64 id;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    id = add_at(ale, CONNECT, FWP_ACTION_BLOCK, 0, NULL);
    assert_false(passes(ale, true));
    assert_false(passes(ale, true)); /* refused as a new one */
    GIVES(0, FwpmFilterDeleteById0(ale->world->session, id));
    assert_true(passes(ale, true));
}

static void
an_idle_conversation_ends_after_60_seconds(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes(ale, true));
    ale->now += 59 * SECOND;
    assert_true(passes(ale, false)); /* either direction keeps it */
    ale->now += 59 * SECOND;
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 1);
    ale->now += 61 * SECOND;
    assert_true(passes(ale, true));
    assert_int_equal(asked(ale, CONNECT), 2);
}

static void
what_nobody_asked_for_is_authorized_as_inbound(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    add_at(ale, ACCEPT, FWP_ACTION_BLOCK, 0, NULL);
    assert_false(passes(ale, false));
    assert_true(passes(ale, true));
    assert_true(passes(ale, false)); /* now it is an answer */
}

static void
an_interface_that_is_new_asks_anew_once(void **state)
{
    struct ale *ale = *state;

    add_at(ale, CONNECT, FWP_ACTION_PERMIT, 0, NULL);
    assert_true(passes_by(ale, true, 1));
    assert_true(passes_by(ale, false, 1));
    assert_int_equal(asked(ale, CONNECT), 1);
    assert_true(passes_by(ale, false, 2));
    assert_int_equal(asked(ale, CONNECT), 2); /* where the flow began */
    assert_int_equal(asked(ale, ACCEPT), 0);
    assert_true(passes_by(ale, false, 2));
    assert_true(passes_by(ale, true, 1)); /* the original is not new */
    assert_true(passes_by(ale, false, 2));
    assert_int_equal(asked(ale, CONNECT), 2);
    assert_true(passes_by(ale, true, 3));
    assert_int_equal(asked(ale, CONNECT), 3);
    assert_true(passes_by(ale, false, 0)); /* not known: nothing to ask */
    assert_int_equal(asked(ale, CONNECT), 3);
}

/* Filters that block a reason find it, and others do not. */
static void
the_reason_tells_the_triggers_apart(void **state)
{
    struct ale *ale = *state;
    FWPM_FILTER_CONDITION0 reason = {
        .fieldKey = field(CONNECT, WFP_FIELD_ALE_AUTH_CONNECT_V4_REAUTHORIZE_REASON),
        .matchType = FWP_MATCH_FLAGS_ALL_SET,
        .conditionValue = {.type = FWP_UINT32}};

    reason.conditionValue.uint32 = FWP_CONDITION_REAUTHORIZE_REASON_NEW_ARRIVAL_INTERFACE;
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 1, &reason);
    assert_true(passes_by(ale, true, 1));
    assert_true(passes_by(ale, true, 2)); /* a next hop is no arrival */
    assert_false(passes_by(ale, false, 3));
    assert_true(passes_by(ale, true, 4)); /* that tore the flow down: a first packet */
    reason.conditionValue.uint32 = FWP_CONDITION_REAUTHORIZE_REASON_NEW_NEXTHOP_INTERFACE;
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 1, &reason);
    assert_true(passes_by(ale, true, 4));
    assert_false(passes_by(ale, true, 5));
}

static void
one_packet_may_have_two_reasons(void **state)
{
    struct ale *ale = *state;
    FWPM_FILTER_CONDITION0 both = {
        .fieldKey = field(CONNECT, WFP_FIELD_ALE_AUTH_CONNECT_V4_REAUTHORIZE_REASON),
        .matchType = FWP_MATCH_FLAGS_ALL_SET,
        .conditionValue = {.type = FWP_UINT32,
                           .uint32 = FWP_CONDITION_REAUTHORIZE_REASON_NEW_ARRIVAL_INTERFACE |
                                     FWP_CONDITION_REAUTHORIZE_REASON_POLICY_CHANGE}};

    assert_true(passes_by(ale, true, 1));
    add_at(ale, CONNECT, FWP_ACTION_BLOCK, 1, &both);
    assert_false(passes_by(ale, false, 2));
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("only the first packet of a flow is authorized", only_the_first_packet_is_authorized),
        ROW("a new filter asks anew, with the next packet out",
            a_new_filter_asks_anew_with_the_next_packet_out),
        ROW("and with the next packet in, at the layer where the flow began",
            and_with_the_next_packet_in_where_the_flow_began),
        ROW("a flow that came in is asked for at RECV_ACCEPT",
            a_flow_that_came_in_is_asked_for_at_accept),
        ROW("a deletion asks anew, too", a_deletion_asks_anew_too),
        ROW("filters at other layers ask nothing", filters_elsewhere_ask_nothing),
        ROW("a change that is not committed asks nothing", an_aborted_change_asks_nothing),
        ROW("IS_REAUTHORIZE is set then", the_flag_says_that_it_is_asked_anew),
        ROW("an interface that is new to the flow asks anew, once",
            an_interface_that_is_new_asks_anew_once),
        ROW("REAUTHORIZE_REASON tells the triggers apart", the_reason_tells_the_triggers_apart),
        ROW("one packet may have two reasons", one_packet_may_have_two_reasons),
        ROW("a blocked flow is gone", a_blocked_flow_is_gone_the_next_packet_is_a_first_one),
        ROW("an idle conversation ends after 60 seconds",
            an_idle_conversation_ends_after_60_seconds),
        ROW("what nobody asked for is authorized as inbound",
            what_nobody_asked_for_is_authorized_as_inbound),
    };
    return RUN(rows);
}
