/*
 * Packets in, layers out: the order of indications for whole conversations, row by row.
 *
 * A script is rows of a packet and the layers it meets. A packet is written
 *     [> |< ]tcp A/PORT B/PORT FLAGS SEQUENCE ACKNOWLEDGEMENT
 *     [> |< ]udp A/PORT B/PORT
 *     [> |< ]icmp A B TYPE ID
 * where > and < are the plane's word on the direction, ! says that no socket waits for it and FLAGS are letters of S A F R P. Other rows:
 * "+N" lets N seconds pass, "block LAYER" blocks there from now on, "policy LAYER" changes its filters.
 * 10.0.0.0/8 and fd00::/16 are local. Layers go by the short names below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "core/packet/fragment.h"
#include "engine_mock.h"

#define SECOND 10000000ull

static const struct {
    uint16_t layer_id; /* of V4; V6 is two more */
    const char *name;
} names[] = {
    {WFP_LAYER_INBOUND_IPPACKET_V4, "IN_IP"},
    {WFP_LAYER_INBOUND_TRANSPORT_V4, "IN_TP"},
    {WFP_LAYER_OUTBOUND_IPPACKET_V4, "OUT_IP"},
    {WFP_LAYER_OUTBOUND_TRANSPORT_V4, "OUT_TP"},
    {WFP_LAYER_ALE_AUTH_CONNECT_V4, "CONNECT"},
    {WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4, "ACCEPT"},
    {WFP_LAYER_ALE_FLOW_ESTABLISHED_V4, "ESTABLISHED"},
    {WFP_LAYER_STREAM_V4, "STREAM"},
    {WFP_LAYER_DATAGRAM_DATA_V4, "DATAGRAM"},
    {WFP_LAYER_IPFORWARD_V4, "FORWARD"},
    {WFP_LAYER_INBOUND_ICMP_ERROR_V4, "IN_ICMP_ERROR"},
    {WFP_LAYER_OUTBOUND_ICMP_ERROR_V4, "OUT_ICMP_ERROR"},
    {WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4, "ASSIGN"},
    {WFP_LAYER_ALE_AUTH_LISTEN_V4, "LISTEN"},
    /* those without twins: the higher first, their ids are two apart */
    {WFP_LAYER_ALE_BIND_REDIRECT_V4, "BIND_TO"},
    {WFP_LAYER_ALE_CONNECT_REDIRECT_V4, "CONNECT_TO"},
    {WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4, "CLOSURE"},
    {WFP_LAYER_ALE_RESOURCE_RELEASE_V4, "RELEASE"},
};

/* Sockets' events have no packet and show only where a filter waits for them. */
static const uint16_t socket_layers[] = {
    WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4, WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V6,
    WFP_LAYER_ALE_AUTH_LISTEN_V4,         WFP_LAYER_ALE_AUTH_LISTEN_V6,
    WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4,    WFP_LAYER_ALE_ENDPOINT_CLOSURE_V6,
    WFP_LAYER_ALE_RESOURCE_RELEASE_V4,    WFP_LAYER_ALE_RESOURCE_RELEASE_V6,
};

static void
watch_sockets(bool is_watched)
{
    for (size_t i = 0; i < ELEMENTSOF(socket_layers); i++)
        mock_watch(socket_layers[i], is_watched);
}

static void
append_layer(char *text, size_t size, uint16_t layer_id)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        for (uint16_t k = 0; k < 4; k++)
            if (names[i].layer_id + k == layer_id) {
                snprintf(text + length, size - length, "%s%s%s", length ? " " : "", names[i].name,
                         k & 1 ? "_DISCARD" : "");
                return;
            }
    snprintf(text + length, size - length, " ?%u", layer_id);
}

struct world {
    struct wfp_stack *stack;
    uint64_t now;
    struct wfp_decision decision;
    char path[512];
    enum wfp_entry entry;
    bool no_endpoint;
    void *adapter;
    const uint16_t *process_path_utf16;
};

static int
setup(void **state)
{
    static struct world world;
    struct wfp_local_prefix local[] = {
        {4, 8, {10}},
        {6, 16, {0xfd, 0x00}},
    };
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock,
        .local = local,
        .local_count = ELEMENTSOF(local),
        .flows = true,
    };

    mock_reset();
    watch_sockets(false);
    memset(&world, 0, sizeof(world));
    world.now = 1000 * SECOND;
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

static void
send_bytes(struct world *world, struct build *build, enum wfp_direction_hint hint)
{
    struct wfp_frame frame = {
        .data = build->bytes,
        .length = build->length,
        .wire_length = build->length,
        .hint = hint,
        .time_100ns = world->now,
        .interface_index = 3,
        .entry = world->entry,
        .no_endpoint = world->no_endpoint,
        .adapter = world->adapter,
        .process_id = world->process_path_utf16 ? 42 : 0,
        .process_path_utf16 = world->process_path_utf16,
    };

    memset(&world->decision, 0xa5, sizeof(world->decision));
    wfp_stack_packet(world->stack, &frame, &world->decision);
    world->path[0] = 0;
    for (uint32_t i = 0; i < world->decision.step_count; i++)
        append_layer(world->path, sizeof(world->path), world->decision.steps[i].layer_id);
    if (world->decision.outcome == WFP_BLOCKED)
        strcat(world->path, " BLOCK");
    if (world->decision.outcome == WFP_ABSORBED)
        strcat(world->path, " ABSORB");
}

static uint8_t
tcp_flags_of(const char *text)
{
    static const char letters[] = "FSRPA";
    uint8_t flags = 0;

    for (; *text; text++)
        flags |= (uint8_t)(1u << (strchr(letters, *text) - letters));
    return flags;
}

static uint16_t
split_port(char *end)
{
    char *dot = strrchr(end, '/');

    if (!dot)
        return 0;
    *dot = 0;
    return (uint16_t)atoi(dot + 1);
}

static void
send_line(struct world *world, const char *line)
{
    char text[256], protocol[8] = "", source[48] = "", destination[48] = "", what[16] = "";
    enum wfp_direction_hint hint = WFP_HINT_NONE;
    uint16_t source_port, destination_port;
    struct build build;
    unsigned a = 0, b = 0;
    const char *p = text;

    snprintf(text, sizeof(text), "%s", line);
    world->no_endpoint = *p == '!';
    if (world->no_endpoint)
        p += 2;
    if (*p == '>' || *p == '<') {
        hint = *p == '>' ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND;
        p += 2;
    }
    assert_true(
        sscanf(p, "%7s %47s %47s %15s %u %u", protocol, source, destination, what, &a, &b) >= 3);
    source_port = split_port(source);
    destination_port = split_port(destination);
    if (strcmp(protocol, "tcp") == 0) {
        build_tcp(&build, source, source_port, destination, destination_port, tcp_flags_of(what), a,
                  "");
        wfp_bytes_put32(build.bytes + (build.bytes[0] == 0x45 ? 20 : 40) + 8, b);
    } else if (strcmp(protocol, "udp") == 0) {
        build_udp(&build, source, source_port, destination, destination_port, "data");
    } else {
        build_icmp(&build, source, destination, (uint8_t)atoi(what), 0, (uint16_t)a, 1);
    }
    send_bytes(world, &build, hint);
}

struct line {
    const char *packet;
    const char *layers;
};

static void
run_script(struct world *world, const char *name, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *packet = lines[i].packet;

        if (*packet == '+') {
            world->now += (uint64_t)atoi(packet + 1) * SECOND;
            wfp_stack_advance(world->stack, world->now);
            continue;
        }
        if (strncmp(packet, "block ", 6) == 0 || strncmp(packet, "policy ", 7) == 0) {
            const char *layer = strchr(packet, ' ') + 1;
            int id = -1;

            for (size_t k = 0; k < ELEMENTSOF(names); k++)
                if (strcmp(names[k].name, layer) == 0)
                    id = names[k].layer_id;
            if (*packet == 'b')
                mock.block_layer = id;
            else
                mock.epoch[id]++;
            continue;
        }
        world->now += SECOND / 1000;
        send_line(world, packet);
        if (strcmp(world->path, lines[i].layers) != 0)
            fail_msg("%s, line %zu: %s\n  met    %s\n  wanted %s", name, i + 1, packet, world->path,
                     lines[i].layers);
    }
}

#define SCRIPT(name, ...)                                                                          \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        static const struct line lines[] = {__VA_ARGS__};                                          \
        run_script(*state, #name, lines, ELEMENTSOF(lines));                                       \
    }

/* Ref: win32 FWP/tcp-packet-flows, "TCP Connection Establishment", the client's rows. */
SCRIPT(tcp_client, {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101", "IN_IP IN_TP ESTABLISHED"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 A 101 501", "OUT_TP OUT_IP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 PA 101 501", "OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 A 501 101", "IN_IP IN_TP"})

/* Ref: the same, the server's rows. */
SCRIPT(tcp_server, {"tcp 1.2.3.4/1000 10.0.0.1/80 S 100", "IN_IP IN_TP ACCEPT"},
       {"tcp 10.0.0.1/80 1.2.3.4/1000 SA 500 101", "OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 A 101 501", "IN_IP IN_TP ESTABLISHED"},
       {"tcp 10.0.0.1/80 1.2.3.4/1000 PA 501 101", "OUT_TP OUT_IP"})

SCRIPT(tcp_server_v6, {"tcp fe80::9/1000 fd00::1/80 S 100", "IN_IP IN_TP ACCEPT"},
       {"tcp fd00::1/80 fe80::9/1000 SA 500 101", "OUT_TP OUT_IP"},
       {"tcp fe80::9/1000 fd00::1/80 A 101 501", "IN_IP IN_TP ESTABLISHED"})

/* Ref: win32 FWP/udp-packet-flows, "UDP Connection Establishment". */
SCRIPT(udp_client, {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"},
       {"udp 10.0.0.1/1000 1.2.3.4/53", "DATAGRAM OUT_TP OUT_IP"})

SCRIPT(udp_server, {"udp 1.2.3.4/1000 10.0.0.1/53", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
       {"udp 10.0.0.1/53 1.2.3.4/1000", "DATAGRAM OUT_TP OUT_IP"},
       {"udp 1.2.3.4/1001 10.0.0.1/53", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"})

/* Ref: win32 FWP/ale-stateful-filtering: 60 seconds of idleness end a UDP flow. */
SCRIPT(udp_idle, {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"+59", ""}, {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"}, {"+59", ""},
       {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"}, {"+60", ""},
       {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"})

SCRIPT(icmp_echo_is_one_flow_per_id,
       {"icmp 10.0.0.1 1.2.3.4 8 7", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"icmp 1.2.3.4 10.0.0.1 0 7", "IN_IP IN_TP DATAGRAM"},
       {"icmp 10.0.0.1 1.2.3.4 8 7", "DATAGRAM OUT_TP OUT_IP"},
       {"icmp 10.0.0.1 1.2.3.4 8 8", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"icmp fd00::1 fe80::2 128 7", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"icmp fe80::2 fd00::1 129 7", "IN_IP IN_TP DATAGRAM"})

SCRIPT(icmp_errors_meet_no_ale_layer, {"icmp 1.2.3.4 10.0.0.1 3", "IN_IP IN_TP IN_ICMP_ERROR"},
       {"icmp 10.0.0.1 1.2.3.4 3", "OUT_ICMP_ERROR OUT_TP OUT_IP"},
       {"icmp fe80::2 fd00::1 1", "IN_IP IN_TP IN_ICMP_ERROR"})

SCRIPT(forwarded_packets_meet_one_layer, {"udp 1.2.3.4/1 5.6.7.8/2", "FORWARD"},
       {"tcp fe80::1/1 fe80::2/2 S", "FORWARD"})

SCRIPT(loopback_goes_out_and_in,
       {"udp 10.0.0.1/1000 10.0.0.2/53",
        "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
       {"udp 10.0.0.2/53 10.0.0.1/1000", "DATAGRAM OUT_TP OUT_IP IN_IP IN_TP DATAGRAM"},
       {"udp 127.0.0.1/5 127.0.0.1/6",
        "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"})

/* Ref: win32 FWP/tcp-packet-flows and udp-packet-flows, "... with No One Listening". */
SCRIPT(without_a_listener_packets_are_discarded,
       {"! tcp 1.2.3.4/1000 10.0.0.1/80 S 100", "IN_IP IN_TP_DISCARD"},
       {"! udp fe80::2/1000 fd00::1/53", "IN_IP IN_IP_DISCARD"},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 S 100", "IN_IP IN_TP ACCEPT"})

static void
note_step(void *context, const struct wfp_packet *packet, const struct wfp_step *step)
{
    append_layer(context, 512, step->layer_id);
}

static void
test_sockets_tell_of_themselves_and_steps_are_told(void **state)
{
    static const struct wfp_local_prefix local = {4, 8, {10}};
    char heard[512] = "";
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock,
        .local = &local,
        .local_count = 1,
        .flows = true,
        .step = note_step,
        .step_context = heard,
    };
    struct wfp_socket server = {
        .version = 4, .protocol = WFP_PROTOCOL_TCP, .local = {10, 0, 0, 1}, .local_port = 80};
    struct wfp_socket client = {
        .version = 4, .protocol = WFP_PROTOCOL_UDP, .local = {10, 0, 0, 1}, .local_port = 1000};
    struct world other = {.now = 1000 * SECOND};

    assert_int_equal(wfp_stack_new(&config, &other.stack), 0);
    assert_true(wfp_stack_socket(other.stack, &server, WFP_SOCKET_LISTEN));
    assert_string_equal(heard, "BIND_TO ASSIGN LISTEN"); /* heard where no filter waits, too */
    *heard = 0;
    send_line(&other, "tcp 1.2.3.4/1000 10.0.0.1/80 S 100");
    assert_string_equal(heard, "IN_IP IN_TP ACCEPT");
    *heard = 0;
    assert_true(wfp_stack_socket(other.stack, &server, WFP_SOCKET_CLOSE));
    assert_string_equal(heard, "CLOSURE RELEASE");
    assert_true(wfp_stack_socket(other.stack, &client, WFP_SOCKET_BIND));
    *heard = 0;
    send_line(&other, "udp 10.0.0.1/1000 1.2.3.4/53");
    assert_string_equal(heard, "CONNECT_TO CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP");
    assert_true(wfp_stack_socket(other.stack, &client, WFP_SOCKET_CLOSE));
    send_line(&other, "udp 10.0.0.1/1000 1.2.3.4/53"); /* another socket on the same port */
    assert_string_equal(other.path,
                        "BIND_TO ASSIGN CONNECT_TO CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP");
    mock.block_layer = WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4;
    watch_sockets(true);
    assert_false(wfp_stack_socket(other.stack, &server, WFP_SOCKET_LISTEN));
    wfp_stack_free(other.stack);
}

/* A plane that sees both ways by itself shows each packet twice. */
SCRIPT(hints_decide_the_way,
       {"> udp 10.0.0.1/1000 10.0.0.2/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"< udp 10.0.0.1/1000 10.0.0.2/53", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
       {"> udp 1.2.3.4/1000 5.6.7.8/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"})

SCRIPT(both_fins_close_and_stragglers_meet_no_ale,
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101", "IN_IP IN_TP ESTABLISHED"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 FA 101 501", "STREAM OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 FA 501 102", "IN_IP IN_TP STREAM"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 A 102 502", "OUT_TP OUT_IP"}, {"policy CONNECT", ""},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 FA 501 102", "IN_IP IN_TP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 R 102 502", "OUT_TP OUT_IP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 900", "CONNECT OUT_TP OUT_IP"})

SCRIPT(rst_closes, {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 RA 0 101", "IN_IP IN_TP"}, {"policy CONNECT", ""},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 A 1 101", "IN_IP IN_TP"})

SCRIPT(retransmitted_syn_is_not_authorized_again,
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT OUT_TP OUT_IP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "OUT_TP OUT_IP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 200", "CONNECT OUT_TP OUT_IP"})

SCRIPT(simultaneous_open, {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 S 500", "IN_IP IN_TP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 SA 100 501", "OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101", "IN_IP IN_TP ESTABLISHED"})

SCRIPT(conversation_joined_in_the_middle,
       {"tcp 10.0.0.1/1000 1.2.3.4/80 PA 100 5", "CONNECT ESTABLISHED OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 A 5 100", "IN_IP IN_TP"},
       {"tcp 1.2.3.4/80 10.0.0.1/1001 SA 5 100", "IN_IP IN_TP CONNECT ESTABLISHED"},
       {"tcp 10.0.0.1/80 1.2.3.4/99 SA 5 100", "ACCEPT OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/99 10.0.0.1/80 A 100 6", "IN_IP IN_TP ESTABLISHED"},
       {"tcp 1.2.3.4/80 10.0.0.1/1002 R 5", "IN_IP IN_TP"})

/* Ref: win32 FWP/ale-re-authorization: either direction, at the layer of the first packet. */
SCRIPT(policy_change_asks_again_at_the_flows_layer,
       {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"policy ACCEPT", ""}, {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"},
       {"policy CONNECT", ""}, {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP CONNECT DATAGRAM"},
       {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"})

/* Ref: the pages' "Failed Reauthorization" rows. */
SCRIPT(failed_reauthorization_tears_down,
       {"tcp 1.2.3.4/1000 10.0.0.1/80 S 100", "IN_IP IN_TP ACCEPT"},
       {"tcp 10.0.0.1/80 1.2.3.4/1000 SA 500 101", "OUT_TP OUT_IP"},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 A 101 501", "IN_IP IN_TP ESTABLISHED"}, {"policy ACCEPT", ""},
       {"block ACCEPT", ""},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 PA 101 501", "IN_IP IN_TP ACCEPT ACCEPT_DISCARD BLOCK"},
       {"tcp 10.0.0.1/80 1.2.3.4/1000 A 501 102", "ACCEPT BLOCK"},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 A 102 501", "IN_IP IN_TP ACCEPT BLOCK"},
       {"block NOTHING", ""}, {"policy ACCEPT", ""},
       {"tcp 1.2.3.4/1000 10.0.0.1/80 A 102 501", "IN_IP IN_TP ACCEPT ESTABLISHED"})

SCRIPT(refused_connect_takes_the_conversation_with_it, {"block CONNECT", ""},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "CONNECT CONNECT_DISCARD BLOCK"},
       {"tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101", "IN_IP IN_TP CONNECT BLOCK"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 PA 101 501", "CONNECT BLOCK"},
       {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT CONNECT_DISCARD BLOCK"},
       {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT CONNECT_DISCARD BLOCK"}, {"block NOTHING", ""},
       {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"tcp 10.0.0.1/1000 1.2.3.4/80 S 900", "CONNECT OUT_TP OUT_IP"})

SCRIPT(block_ends_the_way_and_goes_to_discard, {"block OUT_TP", ""},
       {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_TP_DISCARD BLOCK"},
       {"block IN_IP", ""}, {"udp 1.2.3.4/53 10.0.0.1/1000", "IN_IP IN_IP_DISCARD BLOCK"},
       {"block ESTABLISHED", ""},
       {"udp 10.0.0.1/1001 1.2.3.4/53", "CONNECT ESTABLISHED ESTABLISHED_DISCARD BLOCK"},
       {"block OUT_IP", ""},
       {"udp 10.0.0.1/5 10.0.0.2/6",
        "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP OUT_IP_DISCARD BLOCK"})

/* Ref: win32 FWP/ale-multicast-broadcast-traffic. */
SCRIPT(answers_to_a_group_are_admitted_for_four_seconds,
       {"udp 10.0.0.1/1000 239.255.255.250/1900", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
       {"udp 1.2.3.4/1900 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"}, {"+3", ""},
       {"udp 5.6.7.8/77 10.0.0.1/1000", "IN_IP IN_TP DATAGRAM"}, {"+1", ""},
       {"udp 5.6.7.8/77 10.0.0.1/1000", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
       {"udp 10.0.0.1/1000 239.255.255.250/1900", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"})

SCRIPT(packets_to_a_group_share_a_flow_and_ask_each_time,
       {"udp 1.2.3.4/5 224.0.0.251/5353", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
       {"udp 1.2.3.5/5 224.0.0.251/5353", "IN_IP IN_TP ACCEPT DATAGRAM"},
       {"udp 1.2.3.5/5 255.255.255.255/99", "IN_IP IN_TP ACCEPT DATAGRAM"})

static void
test_absorb_meets_no_discard_layer(void **state)
{
    static const struct line lines[] = {
        {"block OUT_TP", ""},
        {"udp 10.0.0.1/1000 1.2.3.4/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP ABSORB"},
    };

    mock.absorb = true;
    run_script(*state, "absorb", lines, ELEMENTSOF(lines));
}

static const struct seen *
seen_at(uint16_t layer_id)
{
    for (uint32_t i = 0; i < mock.count; i++)
        if (mock.seen[i].layer_id == layer_id)
            return &mock.seen[i];
    fail_msg("layer %u was not indicated", layer_id);
    return NULL;
}

/** The pieces of a UDP datagram of 40 bytes of payload, v4 or v6; lengths in 8-byte units. */
static void
make_fragment(struct build *build, const char *source, const char *destination, uint32_t offset,
              uint32_t units, bool more)
{
    uint8_t datagram[48] = {0, 53, 3, 232, 0, 48}, upper[64] = {WFP_PROTOCOL_UDP};

    for (uint8_t i = 8; i < sizeof(datagram); i++)
        datagram[i] = i;
    if (strchr(source, ':')) {
        wfp_bytes_put16(upper + 2, (uint16_t)(offset * 8 | more));
        wfp_bytes_put32(upper + 4, 99);
        memcpy(upper + 8, datagram + offset * 8, units * 8);
        build_ip(build, source, destination, WFP_PROTOCOL_FRAGMENT, upper, 8 + units * 8);
    } else {
        build_ip(build, source, destination, WFP_PROTOCOL_UDP, datagram + offset * 8, units * 8);
        wfp_bytes_put16(build->bytes + 4, 99);
        wfp_bytes_put16(build->bytes + 6, (uint16_t)(offset | (more ? 0x2000 : 0)));
    }
}

/* Ref: windows-driver-docs network/wfp-layer-requirements-and-restrictions, "Network Layer". */
static void
test_inbound_fragments_are_shown_twice_and_the_datagram_once(void **state)
{
    static const char *ends[][2] = {{"1.2.3.4", "10.0.0.1"}, {"fe80::9", "fd00::1"}};
    struct world *world = *state;

    for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
        uint16_t up = (uint16_t)(2 * i);
        struct build build;
        const struct seen *last;

        make_fragment(&build, ends[i][0], ends[i][1], 2, 2, true);
        send_bytes(world, &build, WFP_HINT_NONE);
        assert_string_equal(world->path, "IN_IP IN_IP");
        make_fragment(&build, ends[i][0], ends[i][1], 0, 2, true);
        send_bytes(world, &build, WFP_HINT_NONE);
        assert_string_equal(world->path, "IN_IP IN_IP");
        mock.count = 0;
        make_fragment(&build, ends[i][0], ends[i][1], 4, 2, false);
        send_bytes(world, &build, WFP_HINT_NONE);
        assert_string_equal(world->path, "IN_IP IN_IP IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM");
        assert_int_equal(mock.seen[0].values[WFP_FIELD_INBOUND_IPPACKET_V4_FLAGS].uint32, 0);
        assert_int_equal(mock.seen[1].values[WFP_FIELD_INBOUND_IPPACKET_V4_FLAGS].uint32, 0x20);
        assert_true(mock.seen[1].metadata.present & WFP_METADATA_FRAGMENT_DATA);
        assert_int_equal(mock.seen[1].metadata.fragment.offset, 32);
        assert_int_equal(mock.seen[1].metadata.fragment.identification, 99);
        assert_int_equal(mock.seen[2].values[WFP_FIELD_INBOUND_IPPACKET_V4_FLAGS].uint32, 0x400);
        assert_false(mock.seen[2].metadata.present & WFP_METADATA_FRAGMENT_DATA);
        last = &mock.seen[3];
        assert_int_equal(last->layer_id, WFP_LAYER_INBOUND_TRANSPORT_V4 + up);
        assert_int_equal(last->values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_REMOTE_PORT].uint16, 53);
        assert_int_equal(last->values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_LOCAL_PORT].uint16, 1000);
        assert_int_equal(wfp_stack_fragments(world->stack)->completed, i + 1);
    }
}

static void
test_block_of_a_datagram_takes_the_completing_fragment(void **state)
{
    struct world *world = *state;
    struct build build;

    mock.block_layer = WFP_LAYER_INBOUND_TRANSPORT_V4;
    make_fragment(&build, "1.2.3.4", "10.0.0.1", 0, 4, true);
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_int_equal(world->decision.outcome, WFP_PERMITTED);
    make_fragment(&build, "1.2.3.4", "10.0.0.1", 4, 2, false);
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_int_equal(world->decision.outcome, WFP_BLOCKED);
}

static void
test_refused_first_fragment_takes_the_others_along(void **state)
{
    struct world *world = *state;
    struct build build;

    mock.block_layer = WFP_LAYER_OUTBOUND_TRANSPORT_V4;
    make_fragment(&build, "10.0.0.1", "1.2.3.4", 0, 4, true);
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_string_equal(world->path, "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_TP_DISCARD BLOCK");
    mock.block_layer = -1;
    make_fragment(&build, "10.0.0.1", "1.2.3.4", 4, 2, false);
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_string_equal(world->path, "OUT_TP BLOCK");
    build.bytes[5]++; /* another datagram */
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_string_equal(world->path, "OUT_IP");
}

/* Ref: win32 FWP/tcp-packet-flows: the bind and listen rows. */
static void
test_sockets_are_assigned_once(void **state)
{
    static const struct line lines[] = {
        {"tcp 10.0.0.1/1000 1.2.3.4/80 S 100", "ASSIGN CONNECT OUT_TP OUT_IP"},
        {"tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101", "IN_IP IN_TP ESTABLISHED"},
        {"tcp 1.2.3.4/1000 10.0.0.1/80 S 100", "IN_IP IN_TP ASSIGN LISTEN ACCEPT"},
        {"tcp 1.2.3.5/1000 10.0.0.1/80 S 100", "IN_IP IN_TP ACCEPT"},
        {"udp 10.0.0.1/1000 1.2.3.4/53", "ASSIGN CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
        {"udp 10.0.0.1/1000 1.2.3.5/53", "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
        {"udp 1.2.3.4/53 10.0.0.1/2000", "IN_IP IN_TP ASSIGN ACCEPT ESTABLISHED DATAGRAM"},
        {"udp 1.2.3.5/53 10.0.0.1/2000", "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
        {"block LISTEN", ""},
        {"tcp 1.2.3.4/1000 10.0.0.1/81 S 100", "IN_IP IN_TP ASSIGN LISTEN LISTEN_DISCARD BLOCK"},
        {"block ASSIGN", ""},
        {"udp 10.0.0.1/3000 1.2.3.4/53", "ASSIGN ASSIGN_DISCARD BLOCK"},
    };

    watch_sockets(true);
    mock_watch(WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4, false);
    mock_watch(WFP_LAYER_ALE_RESOURCE_RELEASE_V4, false);
    run_script(*state, "sockets", lines, ELEMENTSOF(lines));
}

/** "LAYER LAYER ..." of the endpoint events since mock.count was reset, and their handles. */
static const char *
socket_events(uint64_t *ret_handles)
{
    static char text[256];

    text[0] = 0;
    for (uint32_t i = 0; i < mock.count; i++)
        for (size_t k = 0; k < ELEMENTSOF(socket_layers); k++)
            if (mock.seen[i].layer_id == socket_layers[k]) {
                *ret_handles++ = mock.seen[i].metadata.transport_endpoint_handle;
                strcat(text, k / 2 == 0 ? "A" : k / 2 == 1 ? "L" : k / 2 == 2 ? "C" : "R");
                assert_false(mock.seen[i].has_packet);
            }
    mock.count = 0;
    return text;
}

/* Ref: windows-driver-docs network/ale-endpoint-lifetime-management. */
static void
test_sockets_close_with_their_conversations(void **state)
{
    struct world *world = *state;
    uint64_t handles[16], connection, datagram;

    watch_sockets(true);
    send_line(world, "tcp 10.0.0.1/1000 1.2.3.4/80 S 100");
    connection = seen_at(WFP_LAYER_ALE_AUTH_CONNECT_V4)->metadata.transport_endpoint_handle;
    assert_string_equal(socket_events(handles), "A");
    assert_int_not_equal(connection, 0);
    assert_int_equal(handles[0], connection);
    send_line(world, "tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101");
    assert_int_equal(seen_at(WFP_LAYER_INBOUND_TRANSPORT_V4)->metadata.transport_endpoint_handle,
                     connection);
    send_line(world, "tcp 1.2.3.4/80 10.0.0.1/1000 R 501");
    assert_string_equal(socket_events(handles), "CR");
    assert_int_equal(handles[0], connection);
    assert_int_equal(handles[1], connection);

    send_line(world, "udp 10.0.0.1/1000 1.2.3.4/53");
    assert_string_equal(socket_events(handles), "A");
    datagram = handles[0];
    send_line(world, "udp 10.0.0.1/1000 1.2.3.5/53");
    assert_int_equal(seen_at(WFP_LAYER_OUTBOUND_TRANSPORT_V4)->metadata.transport_endpoint_handle,
                     datagram);
    mock.count = 0;
    world->now += 100 * SECOND;
    wfp_stack_advance(world->stack, world->now);
    assert_string_equal(socket_events(handles), "CR");
    assert_int_equal(handles[0], datagram);

    send_line(world, "tcp 1.2.3.4/1000 10.0.0.1/80 S 100");
    assert_int_equal(seen_at(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4)->metadata.parent_endpoint_handle,
                     seen_at(WFP_LAYER_ALE_AUTH_LISTEN_V4)->metadata.transport_endpoint_handle);
    assert_string_equal(socket_events(handles), "AL");
    wfp_stack_free(world->stack);
    world->stack = NULL;
    assert_string_equal(socket_events(handles), "CCR"); /* the accepted one, then the listening */
}

/* Ref: windows-driver-docs network/packet-injection-functions. */
static void
test_injected_packets_enter_where_they_should(void **state)
{
    static const struct {
        enum wfp_entry entry;
        const char *layers;
    } rows[] = {
        {WFP_ENTRY_SEND_NETWORK, "OUT_IP"},
        {WFP_ENTRY_FORWARD, ""},
        {WFP_ENTRY_SEND_TRANSPORT, "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP"},
        {WFP_ENTRY_RECEIVE, "IN_IP IN_TP ACCEPT ESTABLISHED DATAGRAM"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct build build;

        build_udp(&build, "10.0.0.1", 1000, "1.2.3.4", 53, "data");
        world->entry = rows[i].entry;
        send_bytes(world, &build, WFP_HINT_NONE);
        assert_string_equal(world->path, rows[i].layers);
    }
}

static unsigned released;

static void
release_packet(void *context, struct wfp_packet *packet)
{
    assert_ptr_equal(packet->adapter, context);
    released++;
}

static void
test_packet_with_a_view_is_released_once(void **state)
{
    static int view;
    struct wfp_stack_config config = {.engine = (struct wfp_engine *)&mock,
                                      .packet_release = release_packet,
                                      .release_context = &view};
    struct world *world = *state;
    struct build build;

    wfp_stack_free(world->stack);
    assert_int_equal(wfp_stack_new(&config, &world->stack), 0);
    released = 0;
    world->adapter = &view;
    build_udp(&build, "10.0.0.1", 1000, "1.2.3.4", 53, "data");
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_int_equal(released, 1);
    build.bytes[0] = 0;
    send_bytes(world, &build, WFP_HINT_NONE);
    assert_int_equal(world->decision.outcome, WFP_UNDECODED);
    assert_int_equal(released, 2);
}

/* Whatever is indicated has the layer's count of fields, each of its type or FWP_EMPTY. */
static void
check_types(void)
{
    for (uint32_t i = 0; i < mock.count; i++) {
        const struct seen *seen = &mock.seen[i];
        const struct wfp_layer *layer = wfp_layer_find_id(seen->layer_id);

        assert_int_equal(seen->value_count, layer->field_count);
        for (uint32_t k = 0; k < seen->value_count; k++)
            if (seen->values[k].type != WFP_EMPTY && seen->values[k].type != layer->fields[k].type)
                fail_msg("%s.%s has type %u, wanted %u", layer->name, layer->fields[k].name,
                         seen->values[k].type, layer->fields[k].type);
    }
    mock.count = 0;
}

static void
test_values_have_the_layers_types(void **state)
{
    static const char *packets[] = {
        "tcp 10.0.0.1/1000 1.2.3.4/80 S 100",
        "tcp 1.2.3.4/80 10.0.0.1/1000 SA 500 101",
        "tcp fe80::1/1000 fd00::1/80 S 100",
        "udp fd00::1/1 fe80::2/5",
        "udp 1.2.3.4/5 10.0.0.1/6",
        "icmp 10.0.0.1 1.2.3.4 8 7",
        "icmp fe80::2 fd00::1 128 7",
        "icmp 1.2.3.4 10.0.0.1 3",
        "icmp fd00::1 fe80::2 1",
        "icmp fe80::2 fd00::1 3",
        "icmp 10.0.0.1 1.2.3.4 11",
        "udp 1.2.3.4/1 5.6.7.8/2",
        "udp fe80::1/1 fe80::2/2",
        "udp 1.2.3.4/5 224.0.0.251/5353",
    };
    static const uint16_t blocks[] = {
        WFP_LAYER_INBOUND_IPPACKET_V4,
        WFP_LAYER_INBOUND_TRANSPORT_V6,
        WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V6,
        WFP_LAYER_ALE_AUTH_CONNECT_V4,
        WFP_LAYER_ALE_FLOW_ESTABLISHED_V6,
        WFP_LAYER_OUTBOUND_IPPACKET_V6,
        WFP_LAYER_OUTBOUND_TRANSPORT_V4,
        WFP_LAYER_DATAGRAM_DATA_V4,
        WFP_LAYER_INBOUND_ICMP_ERROR_V6,
        WFP_LAYER_OUTBOUND_ICMP_ERROR_V6,
        WFP_LAYER_IPFORWARD_V4,
    };

    for (size_t i = 0; i < ELEMENTSOF(packets); i++) {
        send_line(*state, packets[i]);
        check_types();
    }
    for (size_t k = 0; k < ELEMENTSOF(blocks); k++) {
        mock.block_layer = blocks[k];
        for (size_t i = 0; i < ELEMENTSOF(packets); i++) {
            send_line(*state, packets[i]);
            check_types();
        }
    }
}

static void
test_outbound_transport_values(void **state)
{
    const struct seen *seen;

    send_line(*state, "udp 10.0.0.1/1000 1.2.3.4/53");
    seen = seen_at(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
#define VALUE(name) seen->values[WFP_FIELD_OUTBOUND_TRANSPORT_V4_##name]
    assert_int_equal(VALUE(IP_PROTOCOL).uint8, 17);
    assert_int_equal(VALUE(IP_LOCAL_ADDRESS).uint32, 0x0a000001);
    assert_int_equal(VALUE(IP_REMOTE_ADDRESS).uint32, 0x01020304);
    assert_int_equal(VALUE(IP_LOCAL_ADDRESS_TYPE).uint8, 1);
    assert_int_equal(VALUE(IP_DESTINATION_ADDRESS_TYPE).uint8, 1);
    assert_int_equal(VALUE(IP_LOCAL_PORT).uint16, 1000);
    assert_int_equal(VALUE(IP_REMOTE_PORT).uint16, 53);
    assert_int_equal(VALUE(INTERFACE_INDEX).uint32, 3);
    assert_int_equal(VALUE(INTERFACE_TYPE).uint32, 6);
    assert_int_equal(VALUE(COMPARTMENT_ID).uint32, 1);
    assert_int_equal(VALUE(FLAGS).uint32, 0);
    assert_int_equal(seen->uint64s[WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_LOCAL_INTERFACE],
                     6ull << 48 | 3ull << 24);
#undef VALUE
    assert_true(seen->has_packet);
    assert_int_equal(seen->data_offset, 20);
    assert_int_not_equal(seen->flow_id, 0);
    assert_int_equal(seen->metadata.present,
                     WFP_METADATA_FLOW_HANDLE | WFP_METADATA_TRANSPORT_HEADER_SIZE |
                         WFP_METADATA_COMPARTMENT_ID | WFP_METADATA_TRANSPORT_ENDPOINT_HANDLE);
    assert_int_equal(seen->metadata.flow_handle, seen->flow_id);
    assert_int_equal(seen->metadata.transport_header_size, 8);
    assert_int_equal(seen->metadata.ip_header_size, 0);
}

static void
test_inbound_values_are_turned_round(void **state)
{
    const struct seen *seen;

    send_line(*state, "tcp fe80::9/1000 fd00::1/80 S 100");
    seen = seen_at(WFP_LAYER_INBOUND_TRANSPORT_V6);
#define VALUE(name) seen->values[WFP_FIELD_INBOUND_TRANSPORT_V6_##name]
    assert_int_equal(VALUE(IP_LOCAL_PORT).uint16, 80);
    assert_int_equal(VALUE(IP_REMOTE_PORT).uint16, 1000);
    assert_int_equal(seen->arrays[WFP_FIELD_INBOUND_TRANSPORT_V6_IP_LOCAL_ADDRESS][0], 0xfd);
    assert_int_equal(seen->arrays[WFP_FIELD_INBOUND_TRANSPORT_V6_IP_REMOTE_ADDRESS][15], 9);
    assert_int_equal(VALUE(FLAGS).uint32, 0x100);
#undef VALUE
    assert_int_equal(seen->data_offset, 60);
    assert_int_equal(seen->metadata.present,
                     WFP_METADATA_IP_HEADER_SIZE | WFP_METADATA_TRANSPORT_HEADER_SIZE |
                         WFP_METADATA_COMPARTMENT_ID | WFP_METADATA_ALE_CLASSIFY_REQUIRED);
    seen = seen_at(WFP_LAYER_INBOUND_IPPACKET_V6);
    assert_int_equal(seen->data_offset, 40);
    assert_int_equal(seen->metadata.ip_header_size, 40);
    assert_int_equal(seen->metadata.transport_header_size, 0);
    seen = seen_at(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V6);
    assert_true(seen->has_packet);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V6_NEXTHOP_INTERFACE_INDEX].type,
                     WFP_EMPTY);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V6_ARRIVAL_INTERFACE_INDEX].uint32,
                     3);
}

static void
test_tcp_connect_has_no_packet_and_unknowns_are_empty(void **state)
{
    const struct seen *seen;

    send_line(*state, "tcp 10.0.0.1/1000 1.2.3.4/80 S 100");
    seen = seen_at(WFP_LAYER_ALE_AUTH_CONNECT_V4);
    assert_false(seen->has_packet);
    assert_int_equal(seen->flow_id, 0);
    assert_int_equal(seen->metadata.present & WFP_METADATA_FLOW_HANDLE, 0);
#define VALUE(name) seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_##name]
    assert_int_equal(VALUE(ALE_APP_ID).type, WFP_EMPTY);
    assert_non_null(VALUE(ALE_APP_ID).blob); /* safe for drivers that don't look at the type */
    assert_int_equal(VALUE(ARRIVAL_INTERFACE_INDEX).type, WFP_EMPTY);
    assert_int_equal(VALUE(NEXTHOP_INTERFACE_INDEX).uint32, 3);
    assert_int_equal(VALUE(FLAGS).uint32, 0);
    assert_int_equal(VALUE(REAUTHORIZE_REASON).uint32, 0);
#undef VALUE
}

static void
test_application_id_is_the_path_with_its_end(void **state)
{
    static const uint16_t path[] = {'c', 'u', 'r', 'l', 0};
    struct world *world = *state;
    const struct seen *seen;

    world->process_path_utf16 = path;
    send_line(world, "udp 10.0.0.1/1000 1.2.3.4/53");
    seen = seen_at(WFP_LAYER_ALE_AUTH_CONNECT_V4);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_APP_ID].type, WFP_BYTE_BLOB);
    assert_int_equal(seen->metadata.process_id, 42);
    assert_true(seen->metadata.present & WFP_METADATA_PROCESS_ID);
    assert_true(seen->metadata.present & WFP_METADATA_PROCESS_PATH);
    assert_int_equal(seen->metadata.process_path->size, sizeof(path));
    assert_memory_equal(seen->metadata.process_path->data, path, sizeof(path));
    /* The next packet's process is unknown again. */
    world->process_path_utf16 = NULL;
    mock.count = 0;
    send_line(world, "udp 10.0.0.1/1001 1.2.3.4/53");
    seen = seen_at(WFP_LAYER_ALE_AUTH_CONNECT_V4);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_APP_ID].type, WFP_EMPTY);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_APP_ID].blob->size, 2);
    assert_false(seen->metadata.present & WFP_METADATA_PROCESS_PATH);
}

static void
test_reauthorization_says_so(void **state)
{
    const struct seen *seen;

    send_line(*state, "udp 10.0.0.1/1000 1.2.3.4/53");
    mock.epoch[WFP_LAYER_ALE_AUTH_CONNECT_V4]++;
    mock.count = 0;
    send_line(*state, "udp 1.2.3.4/53 10.0.0.1/1000");
    seen = seen_at(WFP_LAYER_ALE_AUTH_CONNECT_V4);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_FLAGS].uint32, 4);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_REAUTHORIZE_REASON].uint32, 1);
    assert_true(seen->metadata.present & WFP_METADATA_PACKET_DIRECTION);
    assert_int_equal(seen->metadata.packet_direction, 1);
    assert_true(seen->metadata.present & WFP_METADATA_FLOW_HANDLE);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].uint16, 53);
}

static void
test_icmp_type_and_code_are_in_the_port_fields_both_ways(void **state)
{
    const struct seen *seen;

    send_line(*state, "icmp 1.2.3.4 10.0.0.1 8 7");
    seen = seen_at(WFP_LAYER_INBOUND_TRANSPORT_V4);
    assert_int_equal(seen->values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_LOCAL_PORT].uint16, 8);
    assert_int_equal(seen->values[WFP_FIELD_INBOUND_TRANSPORT_V4_IP_REMOTE_PORT].uint16, 0);
    assert_int_equal(seen->metadata.icmp_id_and_sequence, 1u << 16 | 7);
    seen = seen_at(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4);
    assert_int_equal(seen->values[WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_ORIGINAL_ICMP_TYPE].uint16, 8);
}

static void
test_icmp_error_tells_what_it_quotes(void **state)
{
    struct world *world = *state;
    struct build inner, outer;
    uint8_t upper[64] = {3, 3};
    const struct seen *seen;

    build_udp(&inner, "10.0.0.1", 1000, "1.2.3.4", 53, "data");
    memcpy(upper + 8, inner.bytes, 28);
    build_ip(&outer, "9.9.9.9", "10.0.0.1", WFP_PROTOCOL_ICMP, upper, 36);
    send_bytes(world, &outer, WFP_HINT_NONE);
    seen = seen_at(WFP_LAYER_INBOUND_ICMP_ERROR_V4);
#define VALUE(name) seen->values[WFP_FIELD_INBOUND_ICMP_ERROR_V4_##name]
    assert_int_equal(VALUE(EMBEDDED_PROTOCOL).uint8, 17);
    assert_int_equal(VALUE(EMBEDDED_REMOTE_ADDRESS).uint32, 0x01020304);
    assert_int_equal(VALUE(EMBEDDED_LOCAL_PORT).uint16, 1000);
    assert_int_equal(VALUE(EMBEDDED_REMOTE_PORT).uint16, 53);
    assert_int_equal(VALUE(ICMP_TYPE).uint16, 3);
    assert_int_equal(VALUE(ICMP_CODE).uint16, 3);
#undef VALUE
    assert_int_equal(seen->data_offset, 28);
    assert_int_equal(seen->metadata.ip_header_size, 28);
    assert_int_equal(seen->metadata.transport_header_size, 8);
}

static void
test_decision_names_the_blocking_filter_and_layer(void **state)
{
    struct world *world = *state;

    mock.block_layer = WFP_LAYER_INBOUND_TRANSPORT_V4;
    send_line(world, "udp 1.2.3.4/53 10.0.0.1/1000");
    assert_int_equal(world->decision.verdict.filter_id, 77);
    assert_int_equal(world->decision.verdict.layer_id, WFP_LAYER_INBOUND_TRANSPORT_V4);
    assert_int_equal(world->decision.direction, WFP_INBOUND);
}

static void
test_loopback_flag(void **state)
{
    send_line(*state, "udp 10.0.0.1/1000 10.0.0.2/53");
    assert_int_equal(seen_at(WFP_LAYER_OUTBOUND_IPPACKET_V4)
                         ->values[WFP_FIELD_OUTBOUND_IPPACKET_V4_FLAGS]
                         .uint32,
                     1);
    assert_int_equal(seen_at(WFP_LAYER_INBOUND_TRANSPORT_V4)
                         ->values[WFP_FIELD_INBOUND_TRANSPORT_V4_FLAGS]
                         .uint32,
                     0x101);
}

static void
test_layers_without_filters_are_passed_without_a_classify(void **state)
{
    struct world *world = *state;

    for (uint16_t layer = 0; layer < WFP_LAYER_COUNT; layer++)
        mock_watch(layer, false);
    mock_watch(WFP_LAYER_OUTBOUND_TRANSPORT_V4, true);
    send_line(world, "udp 10.0.0.1/1000 1.2.3.4/53");
    assert_string_equal(world->path, "CONNECT ESTABLISHED DATAGRAM OUT_TP OUT_IP");
    assert_int_equal(mock.count, 1);
}

static void
test_undecodable_is_counted_not_classified(void **state)
{
    struct world *world = *state;
    struct build build = {.bytes = {0x45, 0, 0, 3}, .length = 20};

    send_bytes(world, &build, WFP_HINT_OUTBOUND); /* inbound: discard_test.c */
    assert_int_equal(world->decision.outcome, WFP_UNDECODED);
    assert_int_equal(world->decision.reason, WFP_UNDECODABLE_IP_LENGTH);
    assert_int_equal(world->decision.step_count, 0);
    assert_int_equal(mock.count, 0);
}

static void
test_bad_configuration_is_refused(void **state)
{
    struct wfp_local_prefix bad = {4, 33, {0}};
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock, .local = &bad, .local_count = 1};
    struct wfp_stack *stack = NULL;

    assert_true(wfp_stack_new(&config, &stack) < 0);
    assert_null(stack);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(test_##f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tcp_client),
        TEST(tcp_server),
        TEST(tcp_server_v6),
        TEST(udp_client),
        TEST(udp_server),
        TEST(udp_idle),
        TEST(icmp_echo_is_one_flow_per_id),
        TEST(icmp_errors_meet_no_ale_layer),
        TEST(forwarded_packets_meet_one_layer),
        TEST(loopback_goes_out_and_in),
        TEST(without_a_listener_packets_are_discarded),
        TEST(sockets_tell_of_themselves_and_steps_are_told),
        TEST(hints_decide_the_way),
        TEST(both_fins_close_and_stragglers_meet_no_ale),
        TEST(rst_closes),
        TEST(retransmitted_syn_is_not_authorized_again),
        TEST(simultaneous_open),
        TEST(conversation_joined_in_the_middle),
        TEST(policy_change_asks_again_at_the_flows_layer),
        TEST(failed_reauthorization_tears_down),
        TEST(refused_connect_takes_the_conversation_with_it),
        TEST(block_ends_the_way_and_goes_to_discard),
        TEST(answers_to_a_group_are_admitted_for_four_seconds),
        TEST(packets_to_a_group_share_a_flow_and_ask_each_time),
        TEST(inbound_fragments_are_shown_twice_and_the_datagram_once),
        TEST(block_of_a_datagram_takes_the_completing_fragment),
        TEST(refused_first_fragment_takes_the_others_along),
        TEST(sockets_are_assigned_once),
        TEST(sockets_close_with_their_conversations),
        TEST(injected_packets_enter_where_they_should),
        TEST(packet_with_a_view_is_released_once),
        TEST(absorb_meets_no_discard_layer),
        TEST(values_have_the_layers_types),
        TEST(outbound_transport_values),
        TEST(inbound_values_are_turned_round),
        TEST(tcp_connect_has_no_packet_and_unknowns_are_empty),
        TEST(application_id_is_the_path_with_its_end),
        TEST(reauthorization_says_so),
        TEST(icmp_type_and_code_are_in_the_port_fields_both_ways),
        TEST(icmp_error_tells_what_it_quotes),
        TEST(decision_names_the_blocking_filter_and_layer),
        TEST(loopback_flag),
        TEST(layers_without_filters_are_passed_without_a_classify),
        TEST(undecodable_is_counted_not_classified),
        TEST(bad_configuration_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
