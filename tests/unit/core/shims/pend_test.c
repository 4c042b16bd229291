/*
 * Authorizations that are put off: what is asked again, what goes on, who waits meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "base/status.h"
#include "core/shims/pend.h"
#include "engine_mock.h"

static struct {
    uint16_t layer; /* pend there, at the first authorization */
    struct wfp_pend *pend;
    struct wfp_pend_slot *slot;
    int again; /* what a second pend in the same or the next classify returned */
    unsigned reauthorized;
    bool block_again;
} hook;

/* As a callout that pends: in the first classify; the second is a re-authorization. */
static void
classify(const struct wfp_indication *indication, struct wfp_verdict *verdict)
{
    struct wfp_pend *other;

    if (indication->layer_id != hook.layer)
        return;
    assert_true(indication->metadata->present & WFP_METADATA_COMPLETION_HANDLE);
    hook.slot = indication->metadata->completion_handle;
    if (hook.slot->is_reauthorize) {
        hook.reauthorized++;
        hook.again = wfp_pend_begin(hook.slot, &other);
        if (hook.block_again)
            *verdict = (struct wfp_verdict){
                .action = WFP_ACTION_BLOCK, .decided = true, .layer_id = indication->layer_id};
        return;
    }
    if (hook.pend)
        return; /* one at a time */
    assert_int_equal(wfp_pend_begin(hook.slot, &hook.pend), 0);
    hook.again = wfp_pend_begin(hook.slot, &other);
    *verdict = (struct wfp_verdict){.action = WFP_ACTION_BLOCK,
                                    .decided = true,
                                    .absorb = true,
                                    .filter_id = 7,
                                    .layer_id = indication->layer_id};
}

struct world {
    struct wfp_stack *stack;
    struct wfp_decision decision;
    unsigned taken;
    struct wfp_decision taken_decision;
    struct build taken_bytes;
};

static int
setup(void **state)
{
    static struct world world;
    struct wfp_local_prefix local = {4, 8, {10}};
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock, .local = &local, .local_count = 1, .flows = true};

    mock_reset();
    mock.hook = classify;
    memset(&hook, 0, sizeof(hook));
    memset(&world, 0, sizeof(world));
    assert_int_equal(wfp_stack_new(&config, &world.stack), 0);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;

    wfp_stack_free(world->stack);
    return 0;
}

static enum wfp_outcome
packet(struct world *world, const struct build *build, enum wfp_direction_hint hint,
       enum wfp_entry entry)
{
    struct build copy = *build;
    struct wfp_frame frame = {.data = copy.bytes,
                              .length = copy.length,
                              .wire_length = copy.length,
                              .hint = hint,
                              .time_100ns = 10000000000,
                              .entry = entry,
                              .plane_id = 5};

    mock.count = 0;
    wfp_stack_packet(world->stack, &frame, &world->decision);
    return world->decision.outcome;
}

static void
take(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    struct world *world = context;

    world->taken++;
    world->taken_decision = *decision;
    world->taken_bytes.length = frame->length;
    memcpy(world->taken_bytes.bytes, frame->data, frame->length);
    assert_int_equal(frame->entry, WFP_ENTRY_RESUMED);
    assert_int_equal(frame->plane_id, 5);
}

static void
complete(struct world *world)
{
    mock.count = 0;
    world->taken = 0;
    wfp_pend_complete(hook.pend, NULL, NULL);
    wfp_stack_resume(world->stack, take, world);
}

static void
expect_asked(const uint16_t *layers, uint32_t count)
{
    assert_int_equal(mock.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(mock.seen[i].layer_id, layers[i]);
}
#define EXPECT_ASKED(...)                                                                          \
    expect_asked((uint16_t[]){__VA_ARGS__}, ELEMENTSOF(((uint16_t[]){__VA_ARGS__})))
#define NAME(family) WFP_LAYER_##family##_V4

static struct build
tcp(const char *from, uint16_t from_port, const char *to, uint16_t to_port, uint8_t flags)
{
    struct build build;

    build_tcp(&build, from, from_port, to, to_port, flags, 1000, "");
    return build;
}

static void
test_a_connect_waits_and_goes_on(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("10.0.0.1", 4000, "192.0.2.1", 80, WFP_TCP_SYN);

    hook.layer = NAME(ALE_AUTH_CONNECT);
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    assert_int_equal(hook.again, -WFP_ERR_NOT_SUPPORTED);
    /* the handle is of no use once the classify is over */
    struct wfp_pend *late;
    assert_int_equal(wfp_pend_begin(hook.slot, &late), -WFP_ERR_INVALID_PARAMETER);
    /* the SYN again: waits without being asked */
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    assert_int_equal(mock.count, 0);
    assert_int_equal(world->decision.verdict.filter_id, 7);
    /* nothing is taken up before completion */
    wfp_stack_resume(world->stack, take, world);
    assert_int_equal(world->taken, 0);

    complete(world);
    EXPECT_ASKED(NAME(ALE_AUTH_CONNECT), NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    assert_int_equal(hook.again, -WFP_ERR_NOT_SUPPORTED);
    assert_int_equal(world->taken, 1);
    assert_int_equal(world->taken_decision.outcome, WFP_PERMITTED);
    assert_int_equal(world->taken_bytes.length, syn.length);
    assert_memory_equal(world->taken_bytes.bytes, syn.bytes, syn.length);
    /* and the connection exists */
    struct build answer = tcp("192.0.2.1", 80, "10.0.0.1", 4000, WFP_TCP_SYN | WFP_TCP_ACK);
    assert_int_equal(packet(world, &answer, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_PERMITTED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_FLOW_ESTABLISHED));
}

static void
test_a_second_answer_may_refuse(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("10.0.0.1", 4000, "192.0.2.1", 80, WFP_TCP_SYN);
    struct build ack = tcp("10.0.0.1", 4000, "192.0.2.1", 80, WFP_TCP_ACK);

    hook.layer = NAME(ALE_AUTH_CONNECT);
    hook.block_again = true;
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    complete(world);
    assert_int_equal(hook.reauthorized, 1);
    assert_int_equal(world->taken, 1);
    assert_int_equal(world->taken_decision.outcome, WFP_BLOCKED);
    assert_int_equal(packet(world, &ack, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_BLOCKED);
}

static void
test_of_a_datagram_only_the_conversation_is_left(void **state)
{
    struct world *world = *state;
    struct build datagram;

    build_udp(&datagram, "10.0.0.1", 4000, "192.0.2.1", 53, "data");
    hook.layer = NAME(ALE_AUTH_CONNECT);
    assert_int_equal(packet(world, &datagram, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    complete(world);
    assert_int_equal(world->taken, 0);
    EXPECT_ASKED(NAME(ALE_AUTH_CONNECT));
    assert_false(mock.seen[0].has_packet);
    assert_int_equal(packet(world, &datagram, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_PERMITTED);
    EXPECT_ASKED(NAME(ALE_FLOW_ESTABLISHED), NAME(DATAGRAM_DATA), NAME(OUTBOUND_TRANSPORT),
                 NAME(OUTBOUND_IPPACKET));
}

static void
test_a_bind_waits(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("10.0.0.1", 4000, "192.0.2.1", 80, WFP_TCP_SYN);

    hook.layer = NAME(ALE_RESOURCE_ASSIGNMENT);
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    EXPECT_ASKED(NAME(ALE_RESOURCE_ASSIGNMENT));
    complete(world);
    EXPECT_ASKED(NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_AUTH_CONNECT), NAME(OUTBOUND_TRANSPORT),
                 NAME(OUTBOUND_IPPACKET));
    assert_int_equal(hook.reauthorized, 1);
    assert_int_equal(world->taken_decision.outcome, WFP_PERMITTED);
}

static void
test_a_listen_waits_for_every_client(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("192.0.2.1", 4000, "10.0.0.1", 80, WFP_TCP_SYN);
    struct build other = tcp("192.0.2.2", 4001, "10.0.0.1", 80, WFP_TCP_SYN);

    hook.layer = NAME(ALE_AUTH_LISTEN);
    assert_int_equal(packet(world, &syn, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_RESOURCE_ASSIGNMENT),
                 NAME(ALE_AUTH_LISTEN));
    assert_int_equal(packet(world, &other, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT));
    complete(world);
    EXPECT_ASKED(NAME(ALE_AUTH_LISTEN), NAME(ALE_AUTH_RECV_ACCEPT));
    assert_int_equal(world->taken_decision.outcome, WFP_PERMITTED);
    assert_int_equal(packet(world, &other, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_PERMITTED);
}

static void
test_an_accept_is_ended_by_the_injected_packet(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("192.0.2.1", 4000, "10.0.0.1", 80, WFP_TCP_SYN);

    hook.layer = NAME(ALE_AUTH_RECV_ACCEPT);
    assert_int_equal(packet(world, &syn, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    assert_int_equal(packet(world, &syn, WFP_HINT_INBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT));
    complete(world);
    assert_int_equal(mock.count, 0);
    assert_int_equal(world->taken, 0);
    assert_int_equal(packet(world, &syn, WFP_HINT_NONE, WFP_ENTRY_RECEIVE), WFP_PERMITTED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_AUTH_RECV_ACCEPT));
    assert_int_equal(hook.reauthorized, 0);
}

/* Run under the sanitizer: what waits when the stack goes is freed. */
static void
test_the_stack_may_end_first(void **state)
{
    struct world *world = *state;
    struct build syn = tcp("10.0.0.1", 4000, "192.0.2.1", 80, WFP_TCP_SYN);

    hook.layer = NAME(ALE_AUTH_CONNECT);
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
    wfp_pend_complete(hook.pend, NULL, NULL);
    hook.pend = NULL;
    syn = tcp("10.0.0.1", 4001, "192.0.2.1", 80, WFP_TCP_SYN);
    assert_int_equal(packet(world, &syn, WFP_HINT_OUTBOUND, WFP_ENTRY_WIRE), WFP_ABSORBED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_connect_waits_and_goes_on),
        TEST(test_a_second_answer_may_refuse),
        TEST(test_of_a_datagram_only_the_conversation_is_left),
        TEST(test_a_bind_waits),
        TEST(test_a_listen_waits_for_every_client),
        TEST(test_an_accept_is_ended_by_the_injected_packet),
        TEST(test_the_stack_may_end_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
