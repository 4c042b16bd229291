/*
 * The packet-flow pages, row by row: which layers an event is indicated at, in which order.
 *
 * Model      A row is one event on the simulated machine and the layers the page lists for it, with the
 *            page's names. Each section runs for IPv4 and IPv6.
 * Ref        win32 FWP/tcp-packet-flows, FWP/udp-packet-flows, FWP/ale-multicast-broadcast-traffic,
 *            FWP/ale-re-authorization, FWP/ale-stateful-filtering; windows-driver-docs
 *            network/using-layer-2-filtering,
 *            network/ale-endpoint-lifetime-management, network/windows-filtering-platform-layer-requirements
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openwfp/sim.h>

static struct wfp_sim *sim;
static int version; /* 4 or 6 */
static int rows, failures;
static const char *section;

/* Ends of the current version: machine's end number N, remote end number N. */
static const char *
end(bool is_local, int number, int port)
{
    static char texts[8][48];
    static int next;
    char *text = texts[next++ % 8];

    if (version == 4)
        snprintf(text, 48, is_local ? "10.0.0.%d" : "192.0.2.%d", number);
    else
        snprintf(text, 48, is_local ? "%sfd00::%d" : "%s2001:db8::%d", port ? "[" : "", number);
    if (port)
        snprintf(text + strlen(text), 48 - strlen(text), version == 4 ? ":%d" : "]:%d", port);
    return text;
}

#define LOCAL(port)  end(true, 1, port)
#define OTHER(port)  end(true, 2, port) /* another address of the machine */
#define REMOTE(port) end(false, 1, port)

/** The rows' names, one space between them. */
static void
squeeze(const char *layers, char *text)
{
    char word[80];
    int used;

    *text = 0;
    while (sscanf(layers, " %79[^ (]%n", word, &used) == 1) {
        bool is_block = strncmp(layers + used, "(block)", 7) == 0;

        layers += used + (is_block ? 7 : 0);
        strcat(strcat(strcat(text, *text ? " " : ""), word), is_block ? "(block)" : "");
    }
}

/** What was met, by the page's names: without the version. */
static void
describe_met(char *text)
{
    struct wfp_sim_layer layer;

    *text = 0;
    for (size_t i = 0; wfp_sim_layer(sim, i, &layer); i++) {
        const char *suffix = strstr(layer.name, version == 4 ? "_V4" : "_V6");

        sprintf(text + strlen(text), "%s%.*s%s%s", i ? " " : "",
                suffix ? (int)(suffix - layer.name) : 40, layer.name, suffix ? suffix + 3 : "",
                layer.blocked ? "(block)" : "");
    }
}

static void
check(int line, const char *event, const char *layers)
{
    char wanted[4096], met[4096];

    squeeze(layers, wanted);
    describe_met(met);
    rows++;
    if (strcmp(met, wanted) != 0) {
        failures++;
        fprintf(stderr, "%s, IPv%d, line %d: %s\n  met    %s\n  wanted %s\n", section, version,
                line, event, met, wanted);
    }
    wfp_sim_forget(sim);
}

/** One row: the event, then the layers. */
#define ROW(event, layers)                                                                         \
    do {                                                                                           \
        event;                                                                                     \
        check(__LINE__, #event, layers);                                                           \
    } while (0)

/* What every packet passes. */
#define OUT     "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET "
#define IN      "INBOUND_IPPACKET INBOUND_TRANSPORT "
#define BIND    "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT "
#define CONNECT "ALE_CONNECT_REDIRECT ALE_AUTH_CONNECT "
#define ACCEPT  "ALE_AUTH_RECV_ACCEPT "
#define FLOW    "ALE_FLOW_ESTABLISHED "
#define DATA    "DATAGRAM_DATA "

static const char *
layer_name(const char *family)
{
    static char text[64];

    snprintf(text, sizeof(text), "%s_V%d", family, version);
    return text;
}

/* ---- TCP ---- */

static void
tcp_client(void)
{
    struct wfp_sim_socket *client, *server;

    ROW(client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)),
        BIND CONNECT OUT /* SYN */ IN FLOW /* SYN-ACK */ OUT /* ACK */);
    server = wfp_sim_peer(client);
    ROW(wfp_sim_send(client, "request", WFP_SIM_TEXT), "STREAM " OUT IN);
    ROW(wfp_sim_send(server, "answer", WFP_SIM_TEXT), IN "STREAM " OUT);
    ROW(wfp_sim_keep_alive(server), IN OUT);
    /* "TCP connection termination is not indicated at any WFP layer", but for the socket's end. */
    ROW(wfp_sim_close(client), "STREAM " OUT IN);
    ROW(wfp_sim_close(server), IN "STREAM " OUT "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
}

static void
tcp_server(void)
{
    struct wfp_sim_socket *server, *client;

    ROW(wfp_sim_listen(sim, LOCAL(80)), BIND "ALE_AUTH_LISTEN");
    ROW(server = wfp_sim_accept(sim, LOCAL(80), REMOTE(1000)),
        IN ACCEPT /* SYN */ OUT /* SYN-ACK */ IN FLOW /* ACK */);
    client = wfp_sim_peer(server);
    ROW(wfp_sim_send(client, "request", WFP_SIM_TEXT), IN "STREAM " OUT);
    ROW(wfp_sim_send(server, "answer", WFP_SIM_TEXT), "STREAM " OUT IN);
    /* A second connection to the same listener. */
    ROW(wfp_sim_accept(sim, LOCAL(80), REMOTE(1001)), IN ACCEPT OUT IN FLOW);
    ROW(wfp_sim_close(server), "STREAM " OUT IN);
    /* The listener's resource stays; the accepted end closes. */
    ROW(wfp_sim_close(client), IN "STREAM " OUT "ALE_ENDPOINT_CLOSURE");
    ROW(wfp_sim_unlisten(sim, LOCAL(80)), "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
}

static void
tcp_without_a_listener(void)
{
    ROW(wfp_sim_accept(sim, LOCAL(81), REMOTE(1000)),
        "INBOUND_IPPACKET INBOUND_TRANSPORT_DISCARD " OUT /* RST */);
}

/* Stealth: blocked at the discard layer, no RST goes. */
static void
tcp_stealth(void)
{
    wfp_sim_filter(sim,
                   version == 4 ? "INBOUND_TRANSPORT_V4_DISCARD" : "INBOUND_TRANSPORT_V6_DISCARD",
                   "block", NULL);
    ROW(wfp_sim_accept(sim, LOCAL(81), REMOTE(1000)),
        "INBOUND_IPPACKET INBOUND_TRANSPORT_DISCARD(block)");
    wfp_sim_filter(sim,
                   version == 4 ? "INBOUND_IPPACKET_V4_DISCARD" : "INBOUND_IPPACKET_V6_DISCARD",
                   "block", NULL);
    ROW(wfp_sim_udp_receive(sim, LOCAL(81), REMOTE(1000), "data", WFP_SIM_TEXT),
        "INBOUND_IPPACKET INBOUND_IPPACKET_DISCARD(block)");
}

static void
tcp_refused_and_reset(void)
{
    struct wfp_sim_socket *client;

    wfp_sim_remote(sim, REMOTE(81), WFP_SIM_REFUSES);
    ROW(client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(81)),
        BIND CONNECT OUT IN "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    wfp_sim_expect_state(client, "reset");
    client = wfp_sim_connect(sim, LOCAL(1001), REMOTE(80));
    wfp_sim_forget(sim);
    ROW(wfp_sim_reset(client), OUT "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    client = wfp_sim_connect(sim, LOCAL(1002), REMOTE(80));
    wfp_sim_forget(sim);
    ROW(wfp_sim_reset(wfp_sim_peer(client)), IN "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
}

static void
tcp_simultaneous_open(void)
{
    struct wfp_sim_socket *client;

    ROW(client = wfp_sim_connect_both(sim, LOCAL(1000), REMOTE(80)),
        BIND CONNECT OUT /* SYN */ IN /* SYN */ OUT /* SYN-ACK */ IN FLOW /* SYN-ACK */ OUT
            IN /* ACKs */);
    wfp_sim_expect_state(client, "connected");
}

/* Nobody answers: the connection is never established, and the flow idles out. */
static void
tcp_half_open(void)
{
    wfp_sim_remote(sim, REMOTE(80), WFP_SIM_SILENT);
    ROW(wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)), BIND CONNECT OUT);
    ROW(wfp_sim_wait(sim, 500), OUT /* the SYN again, not authorized again */);
}

static void
tcp_ports_used_again(void)
{
    struct wfp_sim_socket *client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80));

    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_forget(sim);
    ROW(client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)), BIND CONNECT OUT IN FLOW OUT);
    ROW(wfp_sim_send(client, "again", WFP_SIM_TEXT), "STREAM " OUT IN);
}

static void
tcp_blocked_connect(void)
{
    struct wfp_sim_socket *client;

    wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "block", NULL);
    ROW(client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)),
        BIND "ALE_CONNECT_REDIRECT ALE_AUTH_CONNECT(block) ALE_AUTH_CONNECT_DISCARD "
             "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    wfp_sim_expect_state(client, "blocked");
}

static void
tcp_reauthorized(void)
{
    struct wfp_sim_socket *server, *client;
    uint64_t filter;

    wfp_sim_listen(sim, LOCAL(80));
    server = wfp_sim_accept(sim, LOCAL(80), REMOTE(1000));
    client = wfp_sim_peer(server);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "permit", NULL);
    wfp_sim_forget(sim);
    ROW(wfp_sim_send(client, "data", WFP_SIM_TEXT), IN ACCEPT "STREAM " OUT);
    ROW(wfp_sim_send(client, "data", WFP_SIM_TEXT), IN "STREAM " OUT);
    /* A filter of another layer asks nobody again. */
    wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "permit", NULL);
    ROW(wfp_sim_send(client, "data", WFP_SIM_TEXT), IN "STREAM " OUT);
    /* The other direction's packet asks at the layer where the flow was born. */
    wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "permit", "port=1");
    ROW(wfp_sim_send(server, "data", WFP_SIM_TEXT), ACCEPT "STREAM " OUT IN);
    filter = wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "block", NULL);
    ROW(wfp_sim_send(client, "data", WFP_SIM_TEXT),
        IN "ALE_AUTH_RECV_ACCEPT(block) ALE_AUTH_RECV_ACCEPT_DISCARD ALE_ENDPOINT_CLOSURE");
    wfp_sim_expect(sim, filter != 0);
}

static void
tcp_loopback(void)
{
    struct wfp_sim_socket *client;

    wfp_sim_listen(sim, OTHER(80));
    wfp_sim_forget(sim);
    ROW(client = wfp_sim_connect(sim, LOCAL(1000), OTHER(80)),
        BIND CONNECT OUT IN ACCEPT /* SYN */ OUT IN FLOW /* SYN-ACK */ OUT IN FLOW /* ACK */);
    ROW(wfp_sim_send(client, "data", WFP_SIM_TEXT), "STREAM " OUT IN "STREAM " OUT IN);
    wfp_sim_expect_received(wfp_sim_peer(client), "data", WFP_SIM_TEXT);
}

/* ---- UDP and others ---- */

static void
udp_client(void)
{
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT),
        BIND CONNECT FLOW DATA OUT);
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT), IN DATA);
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT), DATA OUT);
    /* Another remote end: another flow of the same socket. */
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(54), "query", WFP_SIM_TEXT),
        CONNECT FLOW DATA OUT);
}

static void
udp_server(void)
{
    ROW(wfp_sim_bind(sim, LOCAL(53)), BIND);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT),
        IN ACCEPT FLOW DATA);
    ROW(wfp_sim_udp_send(sim, LOCAL(53), REMOTE(1000), "answer", WFP_SIM_TEXT), DATA OUT);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT), IN DATA);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1001), "query", WFP_SIM_TEXT),
        IN ACCEPT FLOW DATA);
    ROW(wfp_sim_unlisten(sim, LOCAL(53)), "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
}

static void
udp_without_a_listener(void)
{
    ROW(wfp_sim_udp_receive(sim, LOCAL(81), REMOTE(1000), "data", WFP_SIM_TEXT),
        "INBOUND_IPPACKET INBOUND_IPPACKET_DISCARD OUTBOUND_ICMP_ERROR " OUT);
}

static void
udp_reauthorized(void)
{
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "permit", NULL);
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT), IN ACCEPT DATA);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "block", NULL);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT),
        IN "ALE_AUTH_RECV_ACCEPT(block) ALE_AUTH_RECV_ACCEPT_DISCARD");
}

/* Taking a filter away asks again, too; an answer's packet asks where the flow was born. */
static void
udp_reauthorized_by_removal(void)
{
    uint64_t filter = wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "permit", NULL);

    wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT);
    wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(54), "query", WFP_SIM_TEXT);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "permit", "port=9");
    wfp_sim_delete_filter(sim, filter);
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT),
        IN "ALE_AUTH_CONNECT " DATA);
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT), IN DATA);
    /* Each flow of the layer, with its own next packet. */
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(54), "query", WFP_SIM_TEXT),
        "ALE_AUTH_CONNECT " DATA OUT);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "block", "port=53");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT),
        IN "ALE_AUTH_CONNECT(block) ALE_AUTH_CONNECT_DISCARD");
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(54), "query", WFP_SIM_TEXT),
        "ALE_AUTH_CONNECT " DATA OUT);
}

static void
icmp_reauthorized(void)
{
    wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 7);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_CONNECT"), "permit", NULL);
    wfp_sim_forget(sim);
    ROW(wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 7),
        "ALE_AUTH_CONNECT " DATA OUT /* request */ IN DATA /* reply */);
}

/* 60 seconds of idleness end a flow; the socket that sent ends with its last one. */
static void
udp_idle(void)
{
    wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT);
    wfp_sim_forget(sim);
    ROW(wfp_sim_wait(sim, 59000), "");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT), IN DATA);
    ROW(wfp_sim_wait(sim, 62000), "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT),
        IN BIND ACCEPT FLOW DATA);
}

static void
udp_loopback(void)
{
    wfp_sim_bind(sim, OTHER(53));
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), OTHER(53), "query", WFP_SIM_TEXT),
        BIND CONNECT FLOW DATA OUT IN ACCEPT FLOW DATA);
    ROW(wfp_sim_udp_send(sim, OTHER(53), LOCAL(1000), "answer", WFP_SIM_TEXT), DATA OUT IN DATA);
}

static void
icmp_echo(void)
{
    ROW(wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 7),
        BIND CONNECT FLOW DATA OUT /* request */ IN DATA /* reply */);
    ROW(wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 7), DATA OUT IN DATA);
    ROW(wfp_sim_pinged(sim, LOCAL(0), REMOTE(0), 9),
        IN ACCEPT FLOW DATA /* request */ DATA OUT /* reply */);
}

static void
icmp_errors(void)
{
    uint8_t quoted[64] = {0};
    struct wfp_sim_packet packet;

    wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT);
    wfp_sim_expect(sim, wfp_sim_packet(sim, 0, &packet) && packet.size <= sizeof(quoted));
    memcpy(quoted, packet.bytes, packet.size);
    wfp_sim_forget(sim);
    ROW(wfp_sim_icmp_receive(sim, LOCAL(0), REMOTE(0), version == 4 ? 3 : 1, 1, 0, quoted,
                             packet.size),
        IN "INBOUND_ICMP_ERROR");
    ROW(wfp_sim_icmp_send(sim, LOCAL(0), REMOTE(0), version == 4 ? 3 : 1, 1, 0, quoted,
                          packet.size),
        "OUTBOUND_ICMP_ERROR " OUT);
}

/* Inbound packets to a group share one flow, each is authorized; answers have flows of their own. */
static void
groups(void)
{
    const char *group = version == 4 ? "224.0.0.251:5353" : "[ff02::fb]:5353";

    ROW(wfp_sim_udp_receive(sim, group, REMOTE(5353), "who", WFP_SIM_TEXT), IN ACCEPT FLOW DATA);
    ROW(wfp_sim_udp_receive(sim, group, REMOTE(5354), "who", WFP_SIM_TEXT), IN ACCEPT DATA);
    ROW(wfp_sim_udp_send(sim, LOCAL(5353), REMOTE(5353), "me", WFP_SIM_TEXT),
        BIND CONNECT FLOW DATA OUT);
    /* What is sent to a group may be answered by anyone, for 4 seconds. */
    ROW(wfp_sim_udp_send(sim, LOCAL(1900), group, "who", WFP_SIM_TEXT), BIND CONNECT FLOW DATA OUT);
    ROW(wfp_sim_wait(sim, 3000), "");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1900), end(false, 9, 77), "me", WFP_SIM_TEXT), IN DATA);
    ROW(wfp_sim_wait(sim, 3000), "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1900), end(false, 9, 77), "me", WFP_SIM_TEXT),
        IN BIND ACCEPT FLOW DATA);
}

/* Only what is sent to the group keeps its flow alive, not the answers. */
static void
group_refreshed(void)
{
    const char *group = version == 4 ? "224.0.0.251:5353" : "[ff02::fb]:5353";

    wfp_sim_udp_send(sim, LOCAL(1900), group, "who", WFP_SIM_TEXT);
    wfp_sim_forget(sim);
    ROW(wfp_sim_wait(sim, 3000), "");
    ROW(wfp_sim_udp_send(sim, LOCAL(1900), group, "who", WFP_SIM_TEXT), DATA OUT);
    ROW(wfp_sim_wait(sim, 3000), "");
    ROW(wfp_sim_udp_receive(sim, LOCAL(1900), end(false, 9, 77), "me", WFP_SIM_TEXT), IN DATA);
    ROW(wfp_sim_wait(sim, 2000), "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
}

static void
broadcast(void)
{
    if (version == 6)
        return;
    ROW(wfp_sim_udp_receive(sim, "255.255.255.255:67", REMOTE(68), "discover", WFP_SIM_TEXT),
        IN ACCEPT FLOW DATA);
    ROW(wfp_sim_udp_send(sim, LOCAL(68), "255.255.255.255:67", "discover", WFP_SIM_TEXT),
        BIND CONNECT FLOW DATA OUT);
}

/* Each fragment plain and as a fragment, then the datagram as reassembled. */
static void
fragments(void)
{
    wfp_sim_network(sim, &(struct wfp_sim_network){.fragment = 24});
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "a datagram in two pieces", 24),
        "INBOUND_IPPACKET INBOUND_IPPACKET INBOUND_IPPACKET INBOUND_IPPACKET "
        "INBOUND_IPPACKET INBOUND_TRANSPORT " ACCEPT FLOW DATA);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "short", WFP_SIM_TEXT), IN DATA);
}

/* An IP packet of the current version from or to end number 1. @return its size */
static size_t
build(uint8_t *bytes, bool is_out, uint8_t protocol, const uint8_t *payload, size_t size)
{
    static const uint8_t v4[2][4] = {{10, 0, 0, 1}, {192, 0, 2, 1}};
    static const uint8_t v6[2][16] = {{0xfd, [15] = 1}, {0x20, 1, 0x0d, 0xb8, [15] = 1}};
    size_t header = version == 4 ? 20 : 40;
    uint32_t sum = 0;

    memset(bytes, 0, header);
    memcpy(bytes + header, payload, size);
    if (version == 6) {
        bytes[0] = 0x60;
        bytes[5] = (uint8_t)size;
        bytes[6] = protocol;
        bytes[7] = 64;
        memcpy(bytes + 8, v6[!is_out], 16);
        memcpy(bytes + 24, v6[is_out], 16);
        return header + size;
    }
    bytes[0] = 0x45;
    bytes[3] = (uint8_t)(header + size);
    bytes[8] = 64;
    bytes[9] = protocol;
    memcpy(bytes + 12, v4[!is_out], 4);
    memcpy(bytes + 16, v4[is_out], 4);
    for (size_t i = 0; i < 20; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    return header + size;
}

/* Protocols without ports of their own are conversations of their addresses. */
static void
raw_protocols(void)
{
    static const uint8_t gre[8] = {0, 0, 0x08, 0};
    uint8_t bytes[128];
    size_t size;

    size = build(bytes, true, 47, gre, sizeof(gre));
    ROW(wfp_sim_raw(sim, WFP_SIM_OUT, bytes, size), BIND CONNECT FLOW DATA OUT);
    ROW(wfp_sim_raw(sim, WFP_SIM_OUT, bytes, size), DATA OUT);
    size = build(bytes, false, 47, gre, sizeof(gre));
    ROW(wfp_sim_raw(sim, WFP_SIM_IN, bytes, size), IN DATA);
    /* Another protocol: another socket. */
    size = build(bytes, false, 132, gre, sizeof(gre));
    ROW(wfp_sim_raw(sim, WFP_SIM_IN, bytes, size), IN BIND ACCEPT FLOW DATA);
    wfp_sim_filter(sim, layer_name("ALE_AUTH_RECV_ACCEPT"), "block", "protocol=132");
    ROW(wfp_sim_raw(sim, WFP_SIM_IN, bytes, size),
        IN "ALE_AUTH_RECV_ACCEPT(block) ALE_AUTH_RECV_ACCEPT_DISCARD");
    size = build(bytes, true, 47, gre, sizeof(gre)); /* a filter of the other layer */
    ROW(wfp_sim_raw(sim, WFP_SIM_OUT, bytes, size), DATA OUT);
    wfp_sim_filter(sim, layer_name("OUTBOUND_TRANSPORT"), "block", "protocol=47");
    ROW(wfp_sim_raw(sim, WFP_SIM_OUT, bytes, size),
        DATA "OUTBOUND_TRANSPORT(block) OUTBOUND_TRANSPORT_DISCARD");
}

/* The transport header is found behind any chain of extension headers. */
static void
extension_headers(void)
{
    static const uint8_t udp[] = {
        60,   0,    5, 2,  0, 0,  0, 0, /* hop by hop: router alert */
        43,   0,    1, 4,  0, 0,  0, 0, /* destination options: padding */
        17,   0,    0, 0,  0, 0,  0, 0, /* routing, no segments left */
        0x03, 0xe8, 0, 53, 0, 12, 0, 0, 'd', 'a', 't', 'a',
    };
    uint8_t bytes[128];
    size_t size;

    if (version == 4)
        return;
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_forget(sim);
    size = build(bytes, false, 0, udp, sizeof(udp));
    ROW(wfp_sim_raw(sim, WFP_SIM_IN, bytes, size), IN ACCEPT FLOW DATA);
    /* The same conversation without them. */
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "data", WFP_SIM_TEXT), IN DATA);
    wfp_sim_filter(sim, "INBOUND_TRANSPORT_V6", "block", "port=1000");
    ROW(wfp_sim_raw(sim, WFP_SIM_IN, bytes, size),
        "INBOUND_IPPACKET INBOUND_TRANSPORT(block) INBOUND_TRANSPORT_DISCARD");
}

static void
forwarded(void)
{
    ROW(wfp_sim_udp_forward(sim, REMOTE(1000), end(false, 2, 53), "query", WFP_SIM_TEXT),
        "IPFORWARD");
    wfp_sim_filter(sim, layer_name("IPFORWARD"), "block", NULL);
    ROW(wfp_sim_udp_forward(sim, REMOTE(1000), end(false, 2, 53), "query", WFP_SIM_TEXT),
        "IPFORWARD(block) IPFORWARD_DISCARD");
}

/* Every block is shown to the layer's twin, and ends the way. */
static void
blocked_at_each_layer(void)
{
    static const struct {
        const char *layer, *before, *twin;
        bool is_out;
    } blocks[] = {
        {"OUTBOUND_IPPACKET", BIND CONNECT FLOW DATA "OUTBOUND_TRANSPORT ",
         "OUTBOUND_IPPACKET_DISCARD ", true},
        {"OUTBOUND_TRANSPORT", CONNECT FLOW DATA, "OUTBOUND_TRANSPORT_DISCARD ", true},
        {"DATAGRAM_DATA", CONNECT FLOW, "DATAGRAM_DATA_DISCARD ", true},
        {"ALE_FLOW_ESTABLISHED", CONNECT, "ALE_FLOW_ESTABLISHED_DISCARD ", true},
        {"ALE_AUTH_CONNECT", "", "ALE_AUTH_CONNECT_DISCARD ", true},
        {"ALE_AUTH_RECV_ACCEPT", "INBOUND_IPPACKET INBOUND_TRANSPORT ",
         "ALE_AUTH_RECV_ACCEPT_DISCARD ", false},
        {"INBOUND_TRANSPORT", "INBOUND_IPPACKET ", "INBOUND_TRANSPORT_DISCARD ", false},
        {"INBOUND_IPPACKET", "", "INBOUND_IPPACKET_DISCARD ", false},
    };
    char wanted[512];

    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_bind(sim, LOCAL(1000));
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        wfp_sim_filter(sim, layer_name(blocks[i].layer), "block", NULL);
        wfp_sim_forget(sim);
        /* each time another remote end: a first packet */
        if (blocks[i].is_out)
            wfp_sim_udp_send(sim, LOCAL(1000), REMOTE((int)i + 1), "data", WFP_SIM_TEXT);
        else
            wfp_sim_udp_receive(sim, LOCAL(53), REMOTE((int)i + 1), "data", WFP_SIM_TEXT);
        snprintf(wanted, sizeof(wanted), "%s%s%s(block) %s",
                 strncmp(blocks[i].before, "ALE_BIND", 8) == 0 ? blocks[i].before + strlen(BIND)
                                                               : blocks[i].before,
                 strcmp(blocks[i].layer, "ALE_AUTH_CONNECT") == 0 ? "ALE_CONNECT_REDIRECT " : "",
                 blocks[i].layer, blocks[i].twin);
        check(__LINE__, blocks[i].layer, wanted);
    }
}

/* ---- frames ---- */

#define MAC_OUT "OUTBOUND_MAC_FRAME_ETHERNET OUTBOUND_MAC_FRAME_NATIVE "
#define MAC_IN  "INBOUND_MAC_FRAME_NATIVE INBOUND_MAC_FRAME_ETHERNET "

/** The machine of this section, with frames. */
static void
switch_frames_on(void)
{
    failures += wfp_sim_finish(sim);
    sim = wfp_sim_new(&(struct wfp_sim_options){.frames = true});
}

/* The link is the last to see what leaves, and the first to see what comes, native or Ethernet. */
static void
mac_and_ip(void)
{
    struct wfp_sim_socket *client, *server;

    switch_frames_on();
    ROW(client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)),
        BIND CONNECT OUT MAC_OUT MAC_IN IN FLOW OUT MAC_OUT);
    server = wfp_sim_peer(client);
    ROW(wfp_sim_send(client, "request", WFP_SIM_TEXT), "STREAM " OUT MAC_OUT MAC_IN IN);
    ROW(wfp_sim_send(server, "answer", WFP_SIM_TEXT), MAC_IN IN "STREAM " OUT MAC_OUT);
    ROW(wfp_sim_listen(sim, LOCAL(80)), BIND "ALE_AUTH_LISTEN");
    ROW(wfp_sim_accept(sim, LOCAL(80), REMOTE(1001)), MAC_IN IN ACCEPT OUT MAC_OUT MAC_IN IN FLOW);
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT),
        BIND CONNECT FLOW DATA OUT MAC_OUT);
    ROW(wfp_sim_udp_receive(sim, LOCAL(1000), REMOTE(53), "answer", WFP_SIM_TEXT), MAC_IN IN DATA);
    ROW(wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 7),
        BIND CONNECT FLOW DATA OUT MAC_OUT MAC_IN IN DATA);
    ROW(wfp_sim_accept(sim, LOCAL(81), REMOTE(1002)),
        MAC_IN "INBOUND_IPPACKET INBOUND_TRANSPORT_DISCARD " OUT MAC_OUT);
    ROW(wfp_sim_udp_forward(sim, REMOTE(1), end(false, 2, 2), "data", WFP_SIM_TEXT),
        MAC_IN "IPFORWARD"); /* by the frame that brought it; the next one is another link's */
    wfp_sim_bind(sim, OTHER(53));
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_send(sim, LOCAL(1000), OTHER(53), "query", WFP_SIM_TEXT),
        CONNECT FLOW DATA OUT IN ACCEPT FLOW DATA); /* loopback has no link */
}

/* Each fragment is a frame. */
static void
mac_fragments(void)
{
    char data[1500];

    switch_frames_on();
    memset(data, 'x', sizeof(data));
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_network(sim, &(struct wfp_sim_network){.fragment = 800});
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), data, sizeof(data)),
        MAC_IN "INBOUND_IPPACKET INBOUND_IPPACKET " /* as a packet, as a fragment */
        MAC_IN "INBOUND_IPPACKET INBOUND_IPPACKET " IN ACCEPT FLOW DATA /* put together */);
}

/* What carries no IP meets no other layers. */
static void
mac_alone(void)
{
    static const uint8_t arp[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
                                    0,    1,    8,    6,    0,    1,    8, 0, 6, 4};

    switch_frames_on();
    ROW(wfp_sim_frame(sim, WFP_SIM_OUT, arp, sizeof(arp)), MAC_OUT);
    ROW(wfp_sim_frame(sim, WFP_SIM_IN, arp, sizeof(arp)), MAC_IN);
    wfp_sim_filter(sim, "INBOUND_MAC_FRAME_ETHERNET", "block", NULL);
    ROW(wfp_sim_frame(sim, WFP_SIM_IN, arp, sizeof(arp)),
        "INBOUND_MAC_FRAME_NATIVE INBOUND_MAC_FRAME_ETHERNET(block)");
}

/* A block at the link ends the way; these layers have no DISCARD twins. */
static void
mac_blocked(void)
{
    switch_frames_on();
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_filter(sim, "INBOUND_MAC_FRAME_NATIVE", "block", NULL);
    wfp_sim_filter(sim, "OUTBOUND_MAC_FRAME_ETHERNET", "block", NULL);
    wfp_sim_forget(sim);
    ROW(wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT),
        "INBOUND_MAC_FRAME_NATIVE(block)");
    ROW(wfp_sim_udp_send(sim, LOCAL(53), REMOTE(1000), "data", WFP_SIM_TEXT),
        CONNECT FLOW DATA OUT "OUTBOUND_MAC_FRAME_ETHERNET(block)");
}

/* ---- flows ---- */

static const char *flow_driver;

/* Every flow that got a context is told of its end once, whatever ended it. */
static void
flow_delete(void)
{
    struct wfp_sim_socket *client;
    const char *said;

    if (version == 6)
        return;
    wfp_sim_load(sim, flow_driver, NULL);
    client = wfp_sim_connect(sim, LOCAL(1000), REMOTE(80)); /* closed by both */
    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_reset(wfp_sim_connect(sim, LOCAL(1001), REMOTE(80)));          /* reset */
    wfp_sim_udp_send(sim, LOCAL(1000), REMOTE(53), "query", WFP_SIM_TEXT); /* idles */
    wfp_sim_wait(sim, 62000);
    client = wfp_sim_connect(sim, LOCAL(1002), REMOTE(80)); /* loses its permission */
    wfp_sim_filter(sim, "ALE_AUTH_CONNECT_V4", "block", "port=80");
    wfp_sim_send(client, "data", WFP_SIM_TEXT);
    wfp_sim_expect_state(client, "blocked");
    wfp_sim_bind(sim, LOCAL(53));
    wfp_sim_udp_receive(sim, LOCAL(53), REMOTE(1000), "query", WFP_SIM_TEXT);
    wfp_sim_unlisten(sim, LOCAL(53));          /* its socket closes */
    wfp_sim_ping(sim, LOCAL(0), REMOTE(0), 1); /* lives on until the driver goes */
    wfp_sim_unload(sim);
    said = wfp_sim_printed(sim);
    rows++;
    if (!strstr(said, "associated 6, deleted 6, of them 5 by the end of their flow")) {
        failures++;
        fprintf(stderr, "flowDelete: %s\n", said);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } sections[] = {
#define SECTION(function) {#function, function}
        SECTION(tcp_client),
        SECTION(tcp_server),
        SECTION(tcp_without_a_listener),
        SECTION(tcp_stealth),
        SECTION(tcp_refused_and_reset),
        SECTION(tcp_simultaneous_open),
        SECTION(tcp_half_open),
        SECTION(tcp_ports_used_again),
        SECTION(tcp_blocked_connect),
        SECTION(tcp_reauthorized),
        SECTION(tcp_loopback),
        SECTION(udp_client),
        SECTION(udp_server),
        SECTION(udp_without_a_listener),
        SECTION(udp_reauthorized),
        SECTION(udp_reauthorized_by_removal),
        SECTION(icmp_reauthorized),
        SECTION(udp_idle),
        SECTION(udp_loopback),
        SECTION(icmp_echo),
        SECTION(icmp_errors),
        SECTION(groups),
        SECTION(group_refreshed),
        SECTION(broadcast),
        SECTION(fragments),
        SECTION(raw_protocols),
        SECTION(extension_headers),
        SECTION(forwarded),
        SECTION(blocked_at_each_layer),
        SECTION(mac_and_ip),
        SECTION(mac_fragments),
        SECTION(mac_alone),
        SECTION(mac_blocked),
        SECTION(flow_delete),
    };

    flow_driver = argc > 1 ? argv[1] : "flow_context.so";
    for (version = 4; version <= 6; version += 2)
        for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
            section = sections[i].name;
            sim = wfp_sim_new(NULL);
            if (!sim)
                return 1;
            sections[i].run();
            failures += wfp_sim_finish(sim);
        }
    printf("%d rows, %d failures\n", rows, failures);
    return failures != 0;
}
