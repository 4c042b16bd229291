/*
 * The redirect layers: in which order they are asked, what is applied, and what it does to packets.
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
#include "core/shims/redirect.h"
#include "engine_mock.h"

#define NAME(family) WFP_LAYER_##family##_V4

enum what { NOTHING, CHANGE, CHANGE_TWICE, REFUSE, PUT_OFF };

static struct {
    enum what bind, connect;
    const char *local, *remote; /* where to; NULL: as it was */
    uint16_t local_port, remote_port;
    uint32_t process_id;
    void *handle, *context;
    int applied; /* what the last application returned */
    bool wants_to_hear;
    unsigned asked, heard_of; /* connects; records at hand */
    struct wfp_pend *pend;
    struct wfp_redirect *pended;
    unsigned freed;
    struct wfp_socket listed[3]; /* what the plane shows */
    unsigned listed_count, looks, told;
} hook;

static void
list_sockets(void *context, wfp_stack_take_socket *take, void *take_context)
{
    hook.looks++;
    for (unsigned i = 0; i < hook.listed_count; i++)
        take(take_context, &hook.listed[i]);
}

static void
tell_owner(void *context, struct wfp_socket *socket)
{
    hook.told++;
    socket->process_id = socket->name;
}

static void
free_context(void *context)
{
    assert_ptr_equal(context, hook.context);
    hook.freed++;
}

static void
set(struct wfp_sockaddr *sockaddr, const char *text, uint16_t port)
{
    uint8_t address[16];
    uint8_t version = build_address(text, address);

    wfp_sockaddr_set(sockaddr, version, address, port);
}

static void
change(struct wfp_redirect *redirect, struct wfp_classify_slot *slot, uint64_t filter_id)
{
    union wfp_request *request = wfp_redirect_write(redirect, filter_id);

    assert_non_null(request);
    redirect->free_context = free_context;
    if (redirect->is_bind) {
        if (hook.local)
            set(&request->bind.local, hook.local, hook.local_port);
    } else {
        if (hook.remote)
            set(&request->connect.remote, hook.remote, hook.remote_port);
        request->connect.local_redirect_target_pid = hook.process_id;
        request->connect.local_redirect_handle = hook.handle;
        request->connect.local_redirect_context = hook.context;
    }
    hook.applied =
        wfp_redirect_apply(redirect, request, hook.wants_to_hear && filter_id == 1, slot);
    assert_int_equal(wfp_redirect_apply(redirect, request, false, slot), -WFP_ERR_NOT_FOUND);
}

static void
classify(const struct wfp_indication *indication, struct wfp_verdict *verdict)
{
    struct wfp_classify_slot *slot = indication->classify_context;
    bool is_bind = indication->layer_id == NAME(ALE_BIND_REDIRECT);
    enum what what = is_bind ? hook.bind : hook.connect;
    struct wfp_redirect *redirect;

    if (indication->layer_id == WFP_LAYER_ALE_BIND_REDIRECT_V6 ||
        indication->layer_id == WFP_LAYER_ALE_CONNECT_REDIRECT_V6)
        return;
    if (!is_bind && indication->layer_id != NAME(ALE_CONNECT_REDIRECT)) {
        assert_int_equal(wfp_redirect_of_slot(slot, &redirect), -WFP_ERR_NOT_SUPPORTED);
        assert_int_equal(slot->pend != NULL,
                         indication->layer_id == NAME(ALE_ENDPOINT_CLOSURE) ||
                             indication->layer_id == WFP_LAYER_ALE_ENDPOINT_CLOSURE_V6);
        return;
    }
    hook.asked += !is_bind;
    hook.heard_of += (indication->metadata->present & WFP_METADATA_REDIRECT_RECORD_HANDLE) != 0;
    assert_int_equal(slot->is_bind, is_bind);
    if (what == NOTHING || (hook.wants_to_hear && hook.asked > 1))
        return;
    assert_int_equal(wfp_redirect_of_slot(slot, &redirect), 0);
    if (what == PUT_OFF && !hook.pend) {
        assert_int_equal(wfp_pend_begin(slot->pend, &hook.pend), 0);
        hook.pended = redirect; /* with its reference, as a classify handle */
        verdict->action = WFP_ACTION_BLOCK;
        verdict->absorb = verdict->decided = true;
        verdict->filter_id = 9;
        return;
    }
    if (what == REFUSE)
        verdict->action = WFP_ACTION_BLOCK;
    else
        change(redirect, slot, 1);
    if (what == CHANGE_TWICE)
        change(redirect, slot, 2);
    wfp_redirect_unref(redirect);
}

struct world {
    struct wfp_stack *stack;
    struct wfp_decision decision;
    struct build bytes; /* of the last packet, as it left the stack */
    bool modified;
    uint64_t now_100ns;
    unsigned taken;
};

static void
start(struct world *world, bool is_recording)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}};
    struct wfp_stack_config config = {.engine = (struct wfp_engine *)&mock,
                                      .local = local,
                                      .local_count = 1,
                                      .flows = true,
                                      .is_recording = is_recording,
                                      .is_looped = is_recording,
                                      .list_sockets = list_sockets,
                                      .tell_owner = tell_owner};

    mock_reset();
    mock_watch_redirects(true);
    mock.hook = classify;
    memset(&hook, 0, sizeof(hook));
    memset(world, 0, sizeof(*world));
    world->now_100ns = 10000000000;
    assert_int_equal(wfp_stack_new(&config, &world->stack), 0);
}

static enum wfp_outcome
packet(struct world *world, const struct build *build, enum wfp_direction_hint hint)
{
    world->bytes = *build;
    struct wfp_frame frame = {.data = world->bytes.bytes,
                              .length = build->length,
                              .wire_length = build->length,
                              .hint = hint,
                              .time_100ns = world->now_100ns++};

    mock.count = 0;
    wfp_stack_packet(world->stack, &frame, &world->decision);
    world->modified = frame.modified;
    return world->decision.outcome;
}

static enum wfp_outcome
tcp(struct world *world, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
    uint8_t flags, enum wfp_direction_hint hint)
{
    struct build build;

    build_tcp(&build, from, from_port, to, to_port, flags, 1000, "");
    return packet(world, &build, hint);
}

static enum wfp_outcome
udp(struct world *world, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
    enum wfp_direction_hint hint)
{
    struct build build;

    build_udp(&build, from, from_port, to, to_port, "data");
    return packet(world, &build, hint);
}

/* The packet left the stack with these ends and good checksums. */
static void
expect_ends(struct world *world, const char *from, uint16_t from_port, const char *to,
            uint16_t to_port)
{
    struct wfp_packet packet = {.data = world->bytes.bytes,
                                .length = world->bytes.length,
                                .wire_length = world->bytes.length};
    uint8_t address[16];

    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(&packet));
    assert_true(wfp_checksum_transport_is_valid(&packet));
    build_address(from, address);
    assert_memory_equal(packet.source, address, 4);
    build_address(to, address);
    assert_memory_equal(packet.destination, address, 4);
    assert_int_equal(packet.source_port, from_port);
    assert_int_equal(packet.destination_port, to_port);
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

#define APP    "10.0.0.1", 5000
#define SERVER "192.0.2.9", 80
#define PROXY  "192.0.2.77", 8080

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

/* The piece of @p whole (IPv4) from @p offset of its payload. */
static struct build
fragment(const struct build *whole, uint16_t offset, uint16_t size)
{
    struct build piece = *whole;
    bool more = 20u + offset + size < whole->length;

    memmove(piece.bytes + 20, whole->bytes + 20 + offset, size);
    piece.length = 20u + size;
    wfp_bytes_put16(piece.bytes + 2, (uint16_t)piece.length);
    wfp_bytes_put16(piece.bytes + 4, 77);
    wfp_bytes_put16(piece.bytes + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
    wfp_bytes_put16(piece.bytes + 10, 0);
    wfp_bytes_put16(piece.bytes + 10,
                    (uint16_t)wfp_checksum_fold(wfp_checksum_add(0, piece.bytes, 20)));
    return piece;
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

#define SOME_DATA "forty-eight bytes of data, in three fragments...."

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
        cmocka_unit_test(test_a_server_is_found_where_it_was_moved),
        cmocka_unit_test(test_where_a_server_was_before_nobody_is),
        cmocka_unit_test(test_a_datagram_to_where_a_server_was_is_unreachable),
        cmocka_unit_test(test_sockets_are_looked_for_before_their_first_packet),
        cmocka_unit_test(test_the_nearest_of_two_sockets_takes_it),
        cmocka_unit_test(test_a_connection_from_before_is_where_it_is),
        cmocka_unit_test(test_in_a_recording_peers_find_the_server_where_it_was_moved),
        cmocka_unit_test(test_who_wants_to_hear_of_others_changes_is_asked_again),
        cmocka_unit_test(test_a_connect_put_off_goes_on_as_answered),
        cmocka_unit_test(test_a_connect_put_off_may_be_refused_or_asked_again),
        cmocka_unit_test(test_a_bind_put_off_goes_on_as_answered),
        cmocka_unit_test(test_random_packets_stay_sound),
        cmocka_unit_test(test_a_stack_goes_with_connects_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
