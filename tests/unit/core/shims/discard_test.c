/*
 * Packets that the stack itself drops: which layers see them, and the reason they are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "engine_mock.h"

#define NETWORK   0 /* FWPS_DISCARD_MODULE_* */
#define TRANSPORT 1

static int
setup(void **state)
{
    struct wfp_local_prefix local[] = {{4, 8, {10}}, {6, 16, {0xfd, 0x00}}};
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock, .local = local, .local_count = 2, .flows = true};

    mock_reset();
    return wfp_stack_new(&config, (struct wfp_stack **)state);
}

static int
teardown(void **state)
{
    wfp_stack_free(*state);
    return 0;
}

static enum wfp_outcome
take(struct wfp_stack *stack, struct build *build, uint32_t wire_length)
{
    struct wfp_decision decision;
    struct wfp_frame frame = {.data = build->bytes,
                              .length = build->length,
                              .wire_length = wire_length,
                              .interface_index = 3,
                              .time_100ns = 10000000000};

    mock.count = 0;
    wfp_stack_packet(stack, &frame, &decision);
    return decision.outcome;
}

static void
assert_seen(uint32_t index, uint16_t layer_id, uint32_t module, uint32_t reason)
{
    const struct seen *seen = &mock.seen[index];

    assert_true(index < mock.count);
    assert_int_equal(seen->layer_id, layer_id);
    assert_true(seen->metadata.present & WFP_METADATA_DISCARD_REASON);
    assert_int_equal(seen->metadata.discard.module, module);
    assert_int_equal(seen->metadata.discard.reason, reason);
    assert_true(seen->has_packet);
}

static void
test_a_wrong_length_is_the_network_layers(void **state)
{
    struct build build;

    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    wfp_bytes_put16(build.bytes + 2, (uint16_t)(build.length + 1));
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_int_equal(mock.count, 1); /* INBOUND_IPPACKET never was */
    assert_seen(0, WFP_LAYER_INBOUND_IPPACKET_V4_DISCARD, NETWORK, 5);
    assert_int_equal(
        mock.seen[0].values[WFP_FIELD_INBOUND_IPPACKET_V4_DISCARD_IP_REMOTE_ADDRESS].uint32,
        0x01020304);
    assert_int_equal(mock.seen[0].metadata.ip_header_size, 20);
}

static void
test_a_malformed_header_is_the_network_layers(void **state)
{
    struct build build;

    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    build.bytes[0] = 0x44; /* 16 bytes of header */
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_seen(0, WFP_LAYER_INBOUND_IPPACKET_V4_DISCARD, NETWORK, 6);
    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    build.bytes[0] = 0x46;
    build.bytes[20] = 7;
    build.bytes[21] = 1; /* an option of one byte */
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_seen(0, WFP_LAYER_INBOUND_IPPACKET_V4_DISCARD, NETWORK, 6);
    build_udp(&build, "fe80::9", 53, "fd00::1", 1000, "data");
    build.bytes[6] = WFP_PROTOCOL_OPTIONS;
    build.bytes[41] = 200; /* longer than the packet */
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_seen(0, WFP_LAYER_INBOUND_IPPACKET_V6_DISCARD, NETWORK, 6);
}

static void
test_an_invalid_transport_header_passes_the_network_layer(void **state)
{
    struct build build;

    build_tcp(&build, "1.2.3.4", 4444, "10.0.0.1", 80, WFP_TCP_SYN, 1, "");
    build.bytes[32] = 0x40; /* 16 bytes of header */
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_int_equal(mock.count, 2);
    assert_int_equal(mock.seen[0].layer_id, WFP_LAYER_INBOUND_IPPACKET_V4);
    assert_seen(1, WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD, TRANSPORT, 2);
    assert_int_equal(
        mock.seen[1].values[WFP_FIELD_INBOUND_TRANSPORT_V4_DISCARD_IP_LOCAL_PORT].uint16, 80);
    assert_int_equal(
        mock.seen[1].values[WFP_FIELD_INBOUND_TRANSPORT_V4_DISCARD_IP_REMOTE_PORT].uint16, 4444);
    assert_false(mock.seen[1].metadata.present & WFP_METADATA_TRANSPORT_HEADER_SIZE);
    build_tcp(&build, "1.2.3.4", 4444, "10.0.0.1", 80, WFP_TCP_SYN, 1, "");
    build.length = 22; /* not even both ports */
    wfp_bytes_put16(build.bytes + 2, 22);
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_seen(1, WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD, TRANSPORT, 2);
    mock.block_layer = WFP_LAYER_INBOUND_IPPACKET_V4;
    assert_int_equal(take(*state, &build, build.length),
                     WFP_BLOCKED); /* who blocks first, blocks */
    mock.block_layer = WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD;
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED); /* it is lost anyway */
}

static void
test_what_the_stack_does_not_drop_is_not_shown(void **state)
{
    struct build build;

    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    build.length = 24;
    assert_int_equal(take(*state, &build, 60), WFP_UNDECODED); /* the capture cut it */
    assert_int_equal(mock.count, 0);
    build.length = 12;
    assert_int_equal(take(*state, &build, 12), WFP_UNDECODED); /* no addresses */
    assert_int_equal(mock.count, 0);
    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "data");
    build.bytes[0] = 0x55;
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_int_equal(mock.count, 0);
    build_udp(&build, "10.0.0.1", 1000, "1.2.3.4", 53, "data"); /* its own */
    build.bytes[0] = 0x44;
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    build_udp(&build, "5.6.7.8", 1000, "1.2.3.4", 53, "data"); /* others' */
    build.bytes[0] = 0x44;
    assert_int_equal(take(*state, &build, build.length), WFP_UNDECODED);
    assert_int_equal(mock.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_wrong_length_is_the_network_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_malformed_header_is_the_network_layers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_invalid_transport_header_passes_the_network_layer,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_stack_does_not_drop_is_not_shown, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
