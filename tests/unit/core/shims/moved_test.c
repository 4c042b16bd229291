/*
 * Sockets that a callout bound elsewhere: who is found where, in live traffic and in recordings; and
 * redirection of packets at random.
 */
#include "redirect_world.h"

/* A server at 10.0.0.1 that a callout binds to 10.0.0.7:7000. */
static struct wfp_socket
start_server(struct world *world, bool is_recording, uint8_t protocol, uint16_t port)
{
    start(world, is_recording);
    hook.bind = CHANGE;
    hook.local = "10.0.0.7";
    hook.local_port = 7000;
    return (struct wfp_socket){.version = 4,
                               .protocol = protocol,
                               .local = {10, 0, 0, 1},
                               .local_port = port,
                               .listens = protocol == WFP_PROTOCOL_TCP};
}

#define MOVED "10.0.0.7", 7000
#define PEER  "192.0.2.9", 4000

static void
expect_moved(void *context, const struct wfp_stack_endpoint *endpoint)
{
    ++*(unsigned *)context;
    assert_int_equal(endpoint->local_port, 7000);
    assert_int_equal(wfp_bytes_get32(endpoint->local), 0x0a000007);
}

static void
test_a_server_is_found_where_it_was_moved(void **state)
{
    unsigned listed = 0;
    struct world world;
    struct wfp_socket server = start_server(&world, false, WFP_PROTOCOL_TCP, 80);

    assert_true(wfp_stack_socket(world.stack, &server, WFP_SOCKET_LISTEN));
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT), NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_AUTH_LISTEN));
    assert_int_equal(
        mock.seen[1].values[WFP_FIELD_ALE_RESOURCE_ASSIGNMENT_V4_IP_LOCAL_ADDRESS].uint32,
        0x0a000007);
    assert_int_equal(mock.seen[2].values[WFP_FIELD_ALE_AUTH_LISTEN_V4_IP_LOCAL_PORT].uint16, 7000);
    wfp_stack_endpoints(world.stack, expect_moved, &listed);
    assert_int_equal(listed, 1);
    assert_int_equal(tcp(&world, PEER, MOVED, WFP_TCP_SYN, WFP_HINT_INBOUND), WFP_PERMITTED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_AUTH_RECV_ACCEPT));
    assert_int_equal(mock.seen[2].values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_IP_LOCAL_PORT].uint16,
                     7000);
    assert_true(mock.seen[2].metadata.present & WFP_METADATA_PARENT_ENDPOINT_HANDLE);
    expect_ends(&world, PEER, "10.0.0.1", 80);
    tcp(&world, "10.0.0.1", 80, PEER, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_OUTBOUND);
    EXPECT_ASKED(NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    expect_ends(&world, MOVED, PEER);
    tcp(&world, PEER, MOVED, WFP_TCP_ACK, WFP_HINT_INBOUND);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_FLOW_ESTABLISHED));
    expect_ends(&world, PEER, "10.0.0.1", 80);
    wfp_stack_socket(world.stack, &server, WFP_SOCKET_CLOSE);
    tcp(&world, "192.0.2.9", 4001, MOVED, WFP_TCP_SYN, WFP_HINT_INBOUND);
    assert_false(world.modified);
    wfp_stack_free(world.stack);
}

static void
test_where_a_server_was_before_nobody_is(void **state)
{
    struct world world;
    struct wfp_socket server = start_server(&world, false, WFP_PROTOCOL_TCP, 80);

    wfp_stack_socket(world.stack, &server, WFP_SOCKET_LISTEN);
    assert_int_equal(tcp(&world, PEER, "10.0.0.1", 80, WFP_TCP_SYN, WFP_HINT_INBOUND),
                     WFP_PERMITTED);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD);
    expect_ends(&world, PEER, "10.0.0.1", 0); /* the host answers */
    tcp(&world, "10.0.0.1", 0, PEER, WFP_TCP_RST | WFP_TCP_ACK, WFP_HINT_OUTBOUND);
    EXPECT_ASKED(NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    expect_ends(&world, "10.0.0.1", 80, PEER);
    mock.block_layer = WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD; /* stealth */
    assert_int_equal(tcp(&world, PEER, "10.0.0.1", 80, WFP_TCP_SYN, WFP_HINT_INBOUND), WFP_BLOCKED);
    wfp_stack_free(world.stack);
}

static void
test_a_datagram_to_where_a_server_was_is_unreachable(void **state)
{
    struct world world;
    struct build error;
    uint8_t upper[600] = {3, 3};
    struct wfp_socket server = start_server(&world, false, WFP_PROTOCOL_UDP, 53);

    wfp_stack_socket(world.stack, &server, WFP_SOCKET_BIND);
    udp(&world, PEER, "10.0.0.1", 53, WFP_HINT_INBOUND);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), WFP_LAYER_INBOUND_IPPACKET_V4_DISCARD);
    expect_ends(&world, PEER, "10.0.0.1", 0);
    memcpy(upper + 8, world.bytes.bytes, world.bytes.length);
    build_ip(&error, "10.0.0.1", "192.0.2.9", WFP_PROTOCOL_ICMP, upper, 8 + world.bytes.length);
    packet(&world, &error, WFP_HINT_OUTBOUND);
    assert_true(world.modified);
    assert_int_equal(wfp_bytes_get16(world.bytes.bytes + 28 + 22), 53); /* as the peer sent it */
    /* The server goes while a peer still sends to it: the quoted end is the one it was moved to. */
    udp(&world, PEER, MOVED, WFP_HINT_INBOUND);
    expect_ends(&world, PEER, "10.0.0.1", 53);
    memcpy(upper + 8, world.bytes.bytes, world.bytes.length);
    build_ip(&error, "10.0.0.1", "192.0.2.9", WFP_PROTOCOL_ICMP, upper, 8 + world.bytes.length);
    packet(&world, &error, WFP_HINT_OUTBOUND);
    assert_int_equal(wfp_bytes_get16(world.bytes.bytes + 28 + 22), 7000);
    assert_int_equal(wfp_bytes_get32(world.bytes.bytes + 28 + 16), 0x0a000007);
    assert_int_equal(wfp_bytes_get32(world.bytes.bytes + 12), 0x0a000007); /* it reports itself */
    wfp_stack_free(world.stack);
}

static void
test_sockets_are_looked_for_before_their_first_packet(void **state)
{
    struct world world;
    struct wfp_socket server = start_server(&world, false, WFP_PROTOCOL_UDP, 53);

    memset(server.local, 0, 4); /* any address: what is left open stays */
    hook.listed[0] = server;
    hook.listed[0].name = 4711;
    hook.listed_count = 1;
    udp(&world, PEER, MOVED, WFP_HINT_INBOUND);
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT), NAME(ALE_RESOURCE_ASSIGNMENT), NAME(INBOUND_IPPACKET),
                 NAME(INBOUND_TRANSPORT), NAME(ALE_AUTH_RECV_ACCEPT), NAME(ALE_FLOW_ESTABLISHED),
                 NAME(DATAGRAM_DATA));
    assert_int_equal(mock.seen[0].metadata.process_id, 4711);
    expect_ends(&world, PEER, "10.0.0.7", 53);
    udp(&world, "10.0.0.7", 53, PEER, WFP_HINT_OUTBOUND);
    expect_ends(&world, MOVED, PEER);
    udp(&world, "192.0.2.8", 9, MOVED, WFP_HINT_INBOUND);
    assert_int_equal(hook.looks, 1);                                /* it is known */
    udp(&world, "10.0.0.7", 53, "192.0.2.7", 9, WFP_HINT_OUTBOUND); /* it speaks first */
    assert_int_equal(mock.seen[0].layer_id, NAME(ALE_CONNECT_REDIRECT));
    expect_ends(&world, MOVED, "192.0.2.7", 9);

    world.now_100ns += 20000000; /* another is there now */
    hook.listed[0].name = 4712;
    udp(&world, "192.0.2.6", 9, MOVED, WFP_HINT_INBOUND);
    assert_int_equal(hook.told, 2);
    expect_ends(&world, "192.0.2.6", 9, "10.0.0.7", 53);
    world.now_100ns += 20000000; /* and now nobody */
    hook.listed_count = 0;
    udp(&world, "192.0.2.5", 9, MOVED, WFP_HINT_INBOUND);
    assert_false(world.modified);
    wfp_stack_free(world.stack);
}

static void
test_the_nearest_of_two_sockets_takes_it(void **state)
{
    struct world world;
    struct wfp_socket all = start_server(&world, false, WFP_PROTOCOL_UDP, 53), one = all;

    memset(all.local, 0, 4);
    hook.local = "0.0.0.0"; /* at port 7000 of any address */
    wfp_stack_socket(world.stack, &all, WFP_SOCKET_BIND);
    udp(&world, PEER, "10.0.0.3", 7000, WFP_HINT_INBOUND);
    expect_ends(&world, PEER, "10.0.0.3", 53);
    udp(&world, PEER, "10.0.0.1", 53, WFP_HINT_INBOUND);
    expect_ends(&world, PEER, "10.0.0.1", 0);
    hook.bind = NOTHING; /* it stays */
    wfp_stack_socket(world.stack, &one, WFP_SOCKET_BIND);
    udp(&world, "192.0.2.9", 4001, "10.0.0.1", 53, WFP_HINT_INBOUND);
    assert_false(world.modified);
    assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(DATAGRAM_DATA));
    hook.bind = CHANGE; /* a third one is moved to where the first takes all */
    hook.local = "10.0.0.7";
    one.local_port = 99;
    wfp_stack_socket(world.stack, &one, WFP_SOCKET_BIND);
    udp(&world, "192.0.2.9", 4002, MOVED, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.9", 4002, "10.0.0.1", 99);
    udp(&world, "192.0.2.9", 4002, "10.0.0.3", 7000, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.9", 4002, "10.0.0.3", 53);
    wfp_stack_free(world.stack);
}

static void
test_a_connection_from_before_is_where_it_is(void **state)
{
    struct world world;
    struct wfp_socket server = start_server(&world, false, WFP_PROTOCOL_TCP, 80);

    hook.listed[0] = server;
    hook.listed[0].name = 4711;
    hook.listed_count = 1;
    tcp(&world, PEER, "10.0.0.1", 80, WFP_TCP_ACK, WFP_HINT_INBOUND);
    assert_int_equal(world.decision.outcome, WFP_PERMITTED);
    expect_ends(&world, PEER, "10.0.0.1", 80);
    tcp(&world, "10.0.0.1", 80, PEER, WFP_TCP_ACK, WFP_HINT_OUTBOUND);
    expect_ends(&world, "10.0.0.1", 80, PEER);
    tcp(&world, "192.0.2.9", 4001, MOVED, WFP_TCP_SYN, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.9", 4001, "10.0.0.1", 80);
    wfp_stack_free(world.stack);
}

static void
test_in_a_recording_peers_find_the_server_where_it_was_moved(void **state)
{
    struct world world;

    start_server(&world, true, WFP_PROTOCOL_TCP, 80);
    tcp(&world, PEER, "10.0.0.1", 80, WFP_TCP_SYN, WFP_HINT_NONE);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_BIND_REDIRECT),
                 NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_AUTH_LISTEN), NAME(ALE_AUTH_RECV_ACCEPT));
    assert_int_equal(mock.seen[5].values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_IP_LOCAL_PORT].uint16,
                     7000);
    expect_ends(&world, PEER, MOVED);
    tcp(&world, "10.0.0.1", 80, PEER, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_NONE);
    expect_ends(&world, MOVED, PEER);
    tcp(&world, "192.0.2.9", 4001, "10.0.0.1", 80, WFP_TCP_SYN, WFP_HINT_NONE);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_AUTH_RECV_ACCEPT));
    assert_int_equal(mock.seen[1].values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_LOCAL_PORT].uint16,
                     7000);
    expect_ends(&world, "192.0.2.9", 4001, MOVED);
    assert_int_equal(hook.looks, 0);
    wfp_stack_free(world.stack);
}

static uint32_t
next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33);
}

/* Of few ends, so that they meet; every fourth is damaged somewhere. */
static void
build_random(struct build *build, uint64_t *random, const struct build *before)
{
    static const char *const ends[] = {"10.0.0.1", "10.0.0.7", "192.0.2.9", "192.0.2.77"};
    static const uint16_t ports[] = {80, 7000, 8080, 0};
    static const uint8_t flags[] = {WFP_TCP_SYN, WFP_TCP_SYN | WFP_TCP_ACK, WFP_TCP_ACK,
                                    WFP_TCP_RST, WFP_TCP_FIN | WFP_TCP_ACK};
    const char *from = ends[next_random(random) % 4], *to = ends[next_random(random) % 4];
    uint16_t from_port = ports[next_random(random) % 4], to_port = ports[next_random(random) % 4];
    uint8_t upper[600] = {next_random(random) % 2 ? 3 : 11};
    struct build whole;

    switch (next_random(random) % 5) {
    case 0:
        build_tcp(build, from, from_port, to, to_port, flags[next_random(random) % 5],
                  next_random(random) % 3, "data");
        break;
    case 1:
        memcpy(upper + 8, before->bytes, MIN(before->length, 500));
        build_ip(build, from, to, WFP_PROTOCOL_ICMP, upper,
                 8 + next_random(random) % (MIN(before->length, 500) + 1));
        break;
    case 2:
        build_udp(&whole, from, from_port, to, to_port, SOME_DATA);
        *build = fragment(&whole, (uint16_t)(next_random(random) % 3 * 16), 16);
        break;
    default:
        build_udp(build, from, from_port, to, to_port, "data");
    }
    if (next_random(random) % 4 == 0)
        build->bytes[next_random(random) % build->length] = (uint8_t)next_random(random);
    if (next_random(random) % 16 == 0)
        build->length = next_random(random) % (build->length + 1);
}

static bool
is_sound(struct build *build)
{
    struct wfp_packet packet = {
        .data = build->bytes, .length = build->length, .wire_length = build->length};

    return wfp_packet_parse(&packet) == WFP_DECODED && !packet.is_fragment &&
           wfp_checksum_ip_is_valid(&packet) && wfp_checksum_transport_is_valid(&packet);
}

/* Whatever is redirected: a sound packet stays sound, and a damaged one does no harm. */
static void
test_random_packets_stay_sound(void **state)
{
    static const enum wfp_direction_hint hints[] = {WFP_HINT_NONE, WFP_HINT_OUTBOUND,
                                                    WFP_HINT_INBOUND, WFP_HINT_FORWARD};
    uint64_t random = 7, changed = 0;
    struct build build, before = {.length = 1};
    struct world world;

    for (int round = 0; round < 8; round++) {
        struct wfp_socket server = start_server(&world, round % 2, WFP_PROTOCOL_UDP, 80);

        hook.connect = CHANGE;
        hook.remote = "192.0.2.77";
        hook.remote_port = 8080;
        hook.handle = &hook;
        hook.process_id = 7;
        hook.listed[0] = server;
        hook.listed[0].name = 4711;
        hook.listed_count = round & 2 ? 1 : 0;
        if (round & 4)
            wfp_stack_socket(world.stack, &server, WFP_SOCKET_BIND);
        for (int i = 0; i < 5000; i++) {
            bool was_sound;

            build_random(&build, &random, &before);
            before = build;
            was_sound = is_sound(&build);
            packet(&world, &build, hints[next_random(&random) % 4]);
            world.now_100ns += next_random(&random) % 1000 == 0 ? 1300000000 : 1000;
            if (was_sound)
                assert_true(is_sound(&world.bytes));
            changed += world.modified;
        }
        wfp_stack_free(world.stack);
    }
    assert_true(changed > 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_is_found_where_it_was_moved),
        cmocka_unit_test(test_where_a_server_was_before_nobody_is),
        cmocka_unit_test(test_a_datagram_to_where_a_server_was_is_unreachable),
        cmocka_unit_test(test_sockets_are_looked_for_before_their_first_packet),
        cmocka_unit_test(test_the_nearest_of_two_sockets_takes_it),
        cmocka_unit_test(test_a_connection_from_before_is_where_it_is),
        cmocka_unit_test(test_in_a_recording_peers_find_the_server_where_it_was_moved),
        cmocka_unit_test(test_random_packets_stay_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
