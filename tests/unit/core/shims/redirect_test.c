/*
 * The redirect layers: in which order they are asked, what is applied, and what it does to packets.
 */
#include "redirect_world.h"

static void
test_the_documented_order(void **state)
{
    struct world world;

    start(&world, false);
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT), NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_CONNECT_REDIRECT),
                 NAME(ALE_AUTH_CONNECT), NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    assert_false(world.modified);
    udp(&world, "10.0.0.1", 6000, "192.0.2.9", 53, WFP_HINT_OUTBOUND);
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT), NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_CONNECT_REDIRECT),
                 NAME(ALE_AUTH_CONNECT), NAME(ALE_FLOW_ESTABLISHED), NAME(DATAGRAM_DATA),
                 NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    udp(&world, "10.0.0.1", 6000, "192.0.2.8", 53, WFP_HINT_OUTBOUND); /* the same socket */
    EXPECT_ASKED(NAME(ALE_CONNECT_REDIRECT), NAME(ALE_AUTH_CONNECT), NAME(ALE_FLOW_ESTABLISHED),
                 NAME(DATAGRAM_DATA), NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    tcp(&world, SERVER, "10.0.0.1", 22, WFP_TCP_SYN, WFP_HINT_INBOUND); /* a server's socket */
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_BIND_REDIRECT),
                 NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_AUTH_LISTEN), NAME(ALE_AUTH_RECV_ACCEPT));
    wfp_stack_free(world.stack);
}

static void
redirect_to_proxy(struct world *world, bool is_recording)
{
    start(world, is_recording);
    hook.connect = CHANGE;
    hook.remote = "192.0.2.77";
    hook.remote_port = 8080;
    hook.handle = &hook;
    hook.context = &hook.context;
}

static void
test_live_packets_go_elsewhere_and_answers_come_from_whom_was_asked(void **state)
{
    struct world world;
    const struct seen *connect;

    redirect_to_proxy(&world, false);
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_PERMITTED);
    expect_ends(&world, APP, PROXY);
    assert_true(world.modified);
    connect = &mock.seen[3];
    assert_int_equal(connect->layer_id, NAME(ALE_AUTH_CONNECT));
    assert_int_equal(connect->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].uint32,
                     0xc000024d);
    assert_int_equal(connect->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_FLAGS].uint32, 0x100000);
    assert_true(connect->metadata.present & WFP_METADATA_ORIGINAL_DESTINATION);
    assert_true(connect->metadata.present & WFP_METADATA_REDIRECT_RECORD_HANDLE);
    assert_memory_equal((uint8_t *)connect->metadata.original_destination,
                        ((uint8_t[]){2, 0, 0, 80, 192, 0, 2, 9}), 8);

    tcp(&world, PROXY, APP, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_INBOUND);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_FLOW_ESTABLISHED));
    assert_int_equal(mock.seen[1].values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].uint32,
                     0xc000024d);
    expect_ends(&world, SERVER, APP);
    tcp(&world, APP, SERVER, WFP_TCP_ACK, WFP_HINT_OUTBOUND);
    EXPECT_ASKED(NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    expect_ends(&world, APP, PROXY);
    tcp(&world, SERVER, "10.0.0.1", 5001, WFP_TCP_ACK, WFP_HINT_INBOUND); /* not of it */
    assert_false(world.modified);
    assert_int_equal(hook.freed, 0);
    wfp_stack_free(world.stack);
    assert_int_equal(hook.freed, 1);
}

static void
test_an_error_about_a_redirected_packet_quotes_the_one_that_was_sent(void **state)
{
    struct world world;
    struct build sent, error;
    struct wfp_packet parsed;
    uint8_t upper[600] = {3, 3}, address[16];

    redirect_to_proxy(&world, false);
    build_udp(&sent, APP, SERVER, "data");
    packet(&world, &sent, WFP_HINT_OUTBOUND);
    expect_ends(&world, APP, PROXY);
    memcpy(upper + 8, world.bytes.bytes, world.bytes.length);
    build_ip(&error, "192.0.2.77", "10.0.0.1", WFP_PROTOCOL_ICMP, upper, 8 + world.bytes.length);
    assert_int_equal(packet(&world, &error, WFP_HINT_INBOUND), WFP_PERMITTED);
    assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(INBOUND_ICMP_ERROR));
    assert_true(world.modified);
    parsed = (struct wfp_packet){
        .data = world.bytes.bytes, .length = world.bytes.length, .wire_length = world.bytes.length};
    assert_int_equal(wfp_packet_parse(&parsed), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(&parsed));
    assert_true(wfp_checksum_transport_is_valid(&parsed));
    build_address("192.0.2.9", address);
    assert_memory_equal(parsed.source, address, 4);
    assert_memory_equal(world.bytes.bytes + 28 + 12, sent.bytes + 12,
                        12); /* ends, as they were sent */
    error.bytes[50] ^= 1;    /* of another conversation */
    packet(&world, &error, WFP_HINT_INBOUND);
    assert_false(world.modified);
    wfp_stack_free(world.stack);
}

static void
expect_piece(struct world *world, const struct build *sent, enum wfp_direction_hint hint,
             const struct build *expected, uint16_t offset, uint16_t size)
{
    struct build piece = fragment(sent, offset, size), other = fragment(expected, offset, size);

    assert_int_equal(packet(world, &piece, hint), WFP_PERMITTED);
    assert_int_equal(world->bytes.length, other.length);
    assert_memory_equal(world->bytes.bytes, other.bytes, other.length);
}

static void
test_fragments_follow_their_first_both_ways(void **state)
{
    struct build asked, sent, answer, got, straight;
    struct world world;

    for (int is_recording = 0; is_recording < 2; is_recording++) {
        redirect_to_proxy(&world, is_recording);
        build_udp(&asked, APP, SERVER, SOME_DATA);
        build_udp(&sent, APP, PROXY, SOME_DATA);
        expect_piece(&world, &asked, WFP_HINT_OUTBOUND, &sent, 0, 24);
        assert_int_equal(hook.asked, 1);
        expect_piece(&world, &asked, WFP_HINT_OUTBOUND, &sent, 24, 24);
        expect_piece(&world, &asked, WFP_HINT_OUTBOUND, &sent, 48, 9);
        assert_int_equal(hook.asked, 1);
        build_udp(is_recording ? &answer : &got, SERVER, APP, SOME_DATA);
        build_udp(is_recording ? &got : &answer, PROXY, APP, SOME_DATA);
        expect_piece(&world, &answer, WFP_HINT_INBOUND, &got, 0, 24);
        expect_piece(&world, &answer, WFP_HINT_INBOUND, &got, 24, 24);
        expect_piece(&world, &answer, WFP_HINT_INBOUND, &got, 48, 9);
        assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(DATAGRAM_DATA));
        assert_int_equal(
            mock.seen[mock.count - 1].values[WFP_FIELD_DATAGRAM_DATA_V4_IP_REMOTE_ADDRESS].uint32,
            0xc000024d);
        build_udp(&straight, "10.0.0.1", 5000, "192.0.2.10", 9, SOME_DATA);
        expect_piece(&world, &straight, WFP_HINT_OUTBOUND, &straight, 24, 24); /* no first */
        wfp_stack_free(world.stack);
    }
}

static void
test_all_fragments_of_a_refused_datagram_are_refused(void **state)
{
    struct build asked, piece;
    struct world world;

    redirect_to_proxy(&world, false);
    build_udp(&asked, APP, SERVER, SOME_DATA);
    mock.block_layer = NAME(ALE_AUTH_CONNECT); /* after it was redirected */
    piece = fragment(&asked, 0, 24);
    assert_int_equal(packet(&world, &piece, WFP_HINT_OUTBOUND), WFP_BLOCKED);
    piece = fragment(&asked, 24, 24);
    assert_int_equal(packet(&world, &piece, WFP_HINT_OUTBOUND), WFP_BLOCKED);
    wfp_stack_free(world.stack);
}

static void
test_any_protocol_is_redirected_by_its_address(void **state)
{
    static const uint8_t protocols[] = {47, 50, 132, 136, 33};
    uint8_t upper[16] = {1, 2, 3, 4, 0, 16};
    struct build build, expected;
    struct world world;

    for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
        uint8_t p = protocols[i];

        redirect_to_proxy(&world, false);
        build_ip(&build, "10.0.0.1", "192.0.2.9", p, upper, sizeof(upper));
        build_ip(&expected, "10.0.0.1", "192.0.2.77", p, upper, sizeof(upper));
        if (p == 136 || p == 33) /* their checksums are over the addresses */
            wfp_bytes_put16(
                expected.bytes + 26,
                wfp_checksum_replace(wfp_bytes_get16(expected.bytes + 26), 0x0209, 0x024d));
        assert_int_equal(packet(&world, &build, WFP_HINT_OUTBOUND), WFP_PERMITTED);
        assert_memory_equal(world.bytes.bytes, expected.bytes, expected.length);
        build_ip(&build, "192.0.2.77", "10.0.0.1", p, upper, sizeof(upper));
        packet(&world, &build, WFP_HINT_INBOUND);
        assert_int_equal(wfp_bytes_get32(world.bytes.bytes + 12), 0xc0000209);
        wfp_stack_free(world.stack);
    }
    redirect_to_proxy(&world, false); /* AH: it would be refused where it arrives */
    build_ip(&build, "10.0.0.1", "192.0.2.9", WFP_PROTOCOL_AH,
             ((uint8_t[]){47, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}), 12);
    packet(&world, &build, WFP_HINT_OUTBOUND);
    assert_false(world.modified);
    wfp_stack_free(world.stack);
}

static void
test_in_a_recording_errors_quote_what_is_shown(void **state)
{
    struct world world;
    struct build sent, error;
    uint8_t upper[600] = {11}, address[16];

    redirect_to_proxy(&world, true);
    build_udp(&sent, APP, SERVER, "data");
    packet(&world, &sent, WFP_HINT_OUTBOUND);
    memcpy(upper + 8, sent.bytes, sent.length); /* as the sender's network had it */
    build_ip(&error, "192.0.2.1", "10.0.0.1", WFP_PROTOCOL_ICMP, upper, 8 + sent.length);
    assert_int_equal(packet(&world, &error, WFP_HINT_INBOUND), WFP_PERMITTED);
    assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(INBOUND_ICMP_ERROR));
    build_address("192.0.2.77", address);
    assert_memory_equal(world.bytes.bytes + 28 + 16, address, 4);
    assert_int_equal(wfp_bytes_get16(world.bytes.bytes + 28 + 22), 8080);
    assert_int_equal(wfp_bytes_get32(world.bytes.bytes + 12), 0xc0000201); /* a router stays one */
    wfp_stack_free(world.stack);
}

static void
test_in_a_recording_the_answers_of_whom_was_asked_are_the_proxys(void **state)
{
    struct world world;

    redirect_to_proxy(&world, true);
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_NONE);
    expect_ends(&world, APP, PROXY);
    tcp(&world, SERVER, APP, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_NONE);
    EXPECT_ASKED(NAME(INBOUND_IPPACKET), NAME(INBOUND_TRANSPORT), NAME(ALE_FLOW_ESTABLISHED));
    expect_ends(&world, PROXY, APP);
    wfp_stack_free(world.stack);
}

static void
test_in_a_recording_a_local_proxy_gets_the_packets(void **state)
{
    struct world world;

    redirect_to_proxy(&world, true);
    hook.remote = "127.0.0.1";
    hook.process_id = 7;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_NONE);
    expect_ends(&world, APP, "127.0.0.1", 8080);
    assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(ALE_AUTH_RECV_ACCEPT));
    assert_true(mock.seen[mock.count - 1].values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_FLAGS].uint32 &
                1);
    tcp(&world, SERVER, APP, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_INBOUND);
    EXPECT_ASKED(NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET), NAME(INBOUND_IPPACKET),
                 NAME(INBOUND_TRANSPORT), NAME(ALE_FLOW_ESTABLISHED));
    expect_ends(&world, "127.0.0.1", 8080, APP);
    wfp_stack_free(world.stack);
}

static void
test_to_this_machine_only_with_process_and_handle(void **state)
{
    struct world world;
    static const struct {
        const char *to;
        uint32_t process_id;
        bool handle;
        int result;
    } rows[] = {
        {"127.0.0.1", 7, true, 0},
        {"127.0.0.1", 0, true, -WFP_ERR_ACCESS_DENIED},
        {"127.0.0.1", 7, false, -WFP_ERR_ACCESS_DENIED},
        {"10.0.0.1", 0, true, -WFP_ERR_ACCESS_DENIED}, /* its own address */
        {"10.0.0.1", 7, true, 0},
        {"192.0.2.77", 0, false, 0},
        {"fd00::7", 7, true, -WFP_ERR_INVALID_PARAMETER},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        redirect_to_proxy(&world, false);
        hook.remote = rows[i].to;
        hook.process_id = rows[i].process_id;
        hook.handle = rows[i].handle ? &hook : NULL;
        tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
        assert_int_equal(hook.applied, rows[i].result);
        assert_int_equal(world.modified, rows[i].result == 0);
        wfp_stack_free(world.stack);
    }
}

static void
test_what_is_sent_to_this_machine_instead_leaves_by_loopback(void **state)
{
    struct world world;
    const struct seen *connect = &mock.seen[3];

    redirect_to_proxy(&world, false);
    hook.remote = "127.0.0.1";
    hook.process_id = 7;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    assert_int_equal(connect->layer_id, NAME(ALE_AUTH_CONNECT));
    assert_int_equal(connect->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_FLAGS].uint32, 0x100001);
    assert_int_equal(connect->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_INTERFACE_INDEX].uint32, 1);
    assert_int_equal(connect->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_INTERFACE_TYPE].uint32, 24);
    wfp_stack_free(world.stack);
}

static void
test_a_refused_connect_is_blocked_and_asked_anew_by_the_next_syn(void **state)
{
    struct world world;

    start(&world, false);
    hook.connect = REFUSE;
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_BLOCKED);
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT), NAME(ALE_RESOURCE_ASSIGNMENT), NAME(ALE_CONNECT_REDIRECT),
                 NAME(ALE_ENDPOINT_CLOSURE), NAME(ALE_RESOURCE_RELEASE));
    hook.connect = NOTHING;
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_PERMITTED);
    wfp_stack_free(world.stack);
}

static void
test_what_is_not_authorized_is_not_redirected_later(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    mock.block_layer = NAME(ALE_AUTH_CONNECT);
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_BLOCKED);
    assert_int_equal(udp(&world, APP, "192.0.2.9", 53, WFP_HINT_OUTBOUND), WFP_BLOCKED);
    mock.block_layer = -1;
    hook.connect = NOTHING;
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_PERMITTED);
    expect_ends(&world, APP, SERVER);
    assert_int_equal(udp(&world, APP, "192.0.2.9", 53, WFP_HINT_OUTBOUND), WFP_PERMITTED);
    expect_ends(&world, APP, "192.0.2.9", 53);
    wfp_stack_free(world.stack);
}

static void
test_a_new_connection_on_old_ports_asks_anew(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    tcp(&world, PROXY, APP, WFP_TCP_RST | WFP_TCP_ACK, WFP_HINT_INBOUND);
    expect_ends(&world, SERVER, APP);
    tcp(&world, PROXY, APP, WFP_TCP_RST, WFP_HINT_INBOUND); /* a straggler still finds its way */
    expect_ends(&world, SERVER, APP);
    hook.remote_port = 8181;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    assert_int_equal(hook.asked, 2);
    expect_ends(&world, APP, "192.0.2.77", 8181);
    wfp_stack_free(world.stack);
    assert_int_equal(hook.freed, 2);
}

static void
test_two_conversations_that_become_one_are_told_apart_by_their_port(void **state)
{
    struct world world;
    struct wfp_packet parsed = {0};

    redirect_to_proxy(&world, false);
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    expect_ends(&world, APP, PROXY);
    tcp(&world, APP, "192.0.2.10", 80, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    parsed.data = world.bytes.bytes;
    parsed.length = world.bytes.length;
    assert_int_equal(wfp_packet_parse(&parsed), WFP_DECODED);
    assert_int_not_equal(parsed.source_port, 5000);
    uint16_t port = parsed.source_port;
    expect_ends(&world, "10.0.0.1", port, PROXY);
    tcp(&world, PROXY, "10.0.0.1", port, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.10", 80, APP);
    tcp(&world, PROXY, APP, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_INBOUND);
    expect_ends(&world, SERVER, APP);
    wfp_stack_free(world.stack);
}

static void
test_a_socket_bound_elsewhere_sends_all_from_there(void **state)
{
    struct world world;

    start(&world, false);
    hook.bind = CHANGE;
    hook.local = "10.0.0.7";
    hook.local_port = 7000;
    udp(&world, APP, "192.0.2.9", 53, WFP_HINT_OUTBOUND);
    expect_ends(&world, "10.0.0.7", 7000, "192.0.2.9", 53);
    assert_int_equal(
        mock.seen[1].values[WFP_FIELD_ALE_RESOURCE_ASSIGNMENT_V4_IP_LOCAL_ADDRESS].uint32,
        0x0a000007);
    udp(&world, "192.0.2.9", 53, "10.0.0.7", 7000, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.9", 53, APP);
    udp(&world, APP, "192.0.2.8", 53, WFP_HINT_OUTBOUND); /* not asked again */
    assert_int_equal(mock.seen[0].layer_id, NAME(ALE_CONNECT_REDIRECT));
    expect_ends(&world, "10.0.0.7", 7000, "192.0.2.8", 53);
    world.now_100ns += 3600ull * 10000000; /* idle: the socket is gone */
    udp(&world, APP, "192.0.2.9", 53, WFP_HINT_OUTBOUND);
    assert_int_equal(mock.seen[mock.count - 1].layer_id, NAME(OUTBOUND_IPPACKET));
    expect_ends(&world, "10.0.0.7", 7000, "192.0.2.9", 53);
    wfp_stack_free(world.stack);
}

static void
test_who_wants_to_hear_of_others_changes_is_asked_again(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    hook.connect = CHANGE_TWICE;
    hook.wants_to_hear = true;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    assert_int_equal(hook.asked, 2);
    assert_int_equal(hook.heard_of, 1); /* the second time there are records */
    expect_ends(&world, APP, PROXY);
    wfp_stack_free(world.stack);
    assert_int_equal(hook.freed, 1); /* two versions, one context */
}

static void
take(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    struct world *world = context;

    world->taken++;
    world->decision = *decision;
    memcpy(world->bytes.bytes, frame->data, frame->length);
    world->bytes.length = frame->length;
}

static void
resume(struct world *world, uint32_t answer)
{
    mock.count = world->taken = 0;
    if (answer)
        wfp_pend_answer(hook.pend, answer);
    wfp_redirect_unref(hook.pended);
    wfp_pend_complete(hook.pend, NULL, NULL);
    wfp_stack_resume(world->stack, take, world);
}

static void
test_a_connect_put_off_goes_on_as_answered(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    hook.bind = CHANGE; /* what was done before is not asked again, and holds */
    hook.local = "10.0.0.7";
    hook.connect = PUT_OFF;
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_ABSORBED);
    assert_int_equal(tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND), WFP_ABSORBED);
    assert_int_equal(hook.asked, 1);
    change(hook.pended, NULL, 1);
    assert_int_equal(hook.applied, 0);
    resume(&world, WFP_ACTION_PERMIT);
    assert_int_equal(world.taken, 1);
    EXPECT_ASKED(NAME(ALE_AUTH_CONNECT), NAME(OUTBOUND_TRANSPORT), NAME(OUTBOUND_IPPACKET));
    expect_ends(&world, "10.0.0.7", 5000, PROXY);
    tcp(&world, PROXY, "10.0.0.7", 5000, WFP_TCP_SYN | WFP_TCP_ACK, WFP_HINT_INBOUND);
    expect_ends(&world, SERVER, APP);
    wfp_stack_free(world.stack);
    assert_int_equal(hook.freed, 1);
}

static void
test_a_connect_put_off_may_be_refused_or_asked_again(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    hook.connect = PUT_OFF;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    resume(&world, WFP_ACTION_BLOCK);
    assert_int_equal(world.taken, 1);
    assert_int_equal(world.decision.outcome, WFP_BLOCKED);
    assert_int_equal(world.decision.verdict.filter_id, 9);
    EXPECT_ASKED(NAME(ALE_ENDPOINT_CLOSURE), NAME(ALE_RESOURCE_RELEASE));
    wfp_stack_free(world.stack);

    redirect_to_proxy(&world, false);
    hook.connect = PUT_OFF;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    resume(&world, 0);
    assert_int_equal(hook.asked, 2);
    assert_true(mock.seen[0].values[WFP_FIELD_ALE_CONNECT_REDIRECT_V4_FLAGS].uint32 & 4);
    expect_ends(&world, APP, PROXY);
    wfp_stack_free(world.stack);
}

static void
test_a_bind_put_off_goes_on_as_answered(void **state)
{
    struct world world;

    start(&world, false);
    hook.bind = PUT_OFF;
    hook.local = "10.0.0.7";
    hook.local_port = 7000;
    assert_int_equal(udp(&world, APP, "192.0.2.9", 53, WFP_HINT_OUTBOUND), WFP_ABSORBED);
    EXPECT_ASKED(NAME(ALE_BIND_REDIRECT));
    assert_int_equal(udp(&world, APP, "192.0.2.8", 53, WFP_HINT_OUTBOUND), WFP_ABSORBED);
    EXPECT_ASKED(); /* the socket waits */
    change(hook.pended, NULL, 1);
    resume(&world, WFP_ACTION_PERMIT);
    assert_int_equal(world.taken, 1);
    expect_ends(&world, "10.0.0.7", 7000, "192.0.2.9", 53);
    udp(&world, APP, "192.0.2.8", 53, WFP_HINT_OUTBOUND);
    expect_ends(&world, "10.0.0.7", 7000, "192.0.2.8", 53);
    udp(&world, "192.0.2.9", 53, "10.0.0.7", 7000, WFP_HINT_INBOUND);
    expect_ends(&world, "192.0.2.9", 53, APP);
    wfp_stack_free(world.stack);
}

static void
test_a_stack_goes_with_connects_put_off(void **state)
{
    struct world world;

    redirect_to_proxy(&world, false);
    hook.connect = PUT_OFF;
    tcp(&world, APP, SERVER, WFP_TCP_SYN, WFP_HINT_OUTBOUND);
    wfp_redirect_unref(hook.pended);
    wfp_stack_free(world.stack);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_order),
        cmocka_unit_test(test_live_packets_go_elsewhere_and_answers_come_from_whom_was_asked),
        cmocka_unit_test(test_an_error_about_a_redirected_packet_quotes_the_one_that_was_sent),
        cmocka_unit_test(test_fragments_follow_their_first_both_ways),
        cmocka_unit_test(test_all_fragments_of_a_refused_datagram_are_refused),
        cmocka_unit_test(test_any_protocol_is_redirected_by_its_address),
        cmocka_unit_test(test_in_a_recording_errors_quote_what_is_shown),
        cmocka_unit_test(test_in_a_recording_the_answers_of_whom_was_asked_are_the_proxys),
        cmocka_unit_test(test_in_a_recording_a_local_proxy_gets_the_packets),
        cmocka_unit_test(test_to_this_machine_only_with_process_and_handle),
        cmocka_unit_test(test_what_is_sent_to_this_machine_instead_leaves_by_loopback),
        cmocka_unit_test(test_a_refused_connect_is_blocked_and_asked_anew_by_the_next_syn),
        cmocka_unit_test(test_what_is_not_authorized_is_not_redirected_later),
        cmocka_unit_test(test_a_new_connection_on_old_ports_asks_anew),
        cmocka_unit_test(test_two_conversations_that_become_one_are_told_apart_by_their_port),
        cmocka_unit_test(test_a_socket_bound_elsewhere_sends_all_from_there),
        cmocka_unit_test(test_who_wants_to_hear_of_others_changes_is_asked_again),
        cmocka_unit_test(test_a_connect_put_off_goes_on_as_answered),
        cmocka_unit_test(test_a_connect_put_off_may_be_refused_or_asked_again),
        cmocka_unit_test(test_a_bind_put_off_goes_on_as_answered),
        cmocka_unit_test(test_a_stack_goes_with_connects_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
