/*
 * Sockets of the machine and of its peers: connections, listeners, datagrams, echo.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/packet/bytes.h"
#include "programs/sim/sim_world.h"
#include "sim/sim_random.h"

/* ---- ends ---- */

int
sim_parse_end(struct wfp_sim *sim, const char *text, struct sim_bound *ret_end)
{
    struct sim_bound end = {.version = 4};
    char address[64];
    const char *port = NULL, *from = text;
    size_t length = text ? strlen(text) : 0;
    char *rest = NULL;

    if (text && *text == '[') {
        const char *close = strchr(text, ']');

        from = text + 1;
        length = close ? (size_t)(close - from) : 0;
        if (close && close[1] == ':')
            port = close + 2;
    } else if (text && strchr(text, ':') == strrchr(text, ':') && strchr(text, ':')) {
        port = strchr(text, ':') + 1;
        length = (size_t)(port - 1 - text);
    }
    if (length > 0 && length < sizeof(address)) {
        memcpy(address, from, length);
        address[length] = 0;
        end.version = strchr(address, ':') ? 6 : 4;
        end.port = port ? (uint16_t)strtoul(port, &rest, 10) : 0;
        if (inet_pton(end.version == 4 ? AF_INET : AF_INET6, address, end.address) == 1 &&
            (!port || (rest != port && *rest == 0 && strtoul(port, NULL, 10) <= UINT16_MAX))) {
            *ret_end = end;
            return 0;
        }
    }
    return sim_fail(sim, "'%s': expected an end like 10.0.0.4:50002 or [fd00::4]:50002",
                    text ? text : "");
}

int
sim_parse_ends(struct wfp_sim *sim, const char *local, const char *remote, uint8_t protocol,
               struct wfp_sim_ends *ret_ends)
{
    struct sim_bound a, b;

    if (sim_parse_end(sim, local, &a) < 0 || sim_parse_end(sim, remote, &b) < 0)
        return -1;
    if (a.version != b.version)
        return sim_fail(sim, "'%s' and '%s': not of the same IP version", local, remote);
    *ret_ends =
        (struct wfp_sim_ends){.version = a.version, .local_port = a.port, .remote_port = b.port};
    memcpy(ret_ends->local, a.address, 16);
    memcpy(ret_ends->remote, b.address, 16);
    return 0;
}

struct wfp_sim_socket *
sim_socket_at(const struct wfp_sim *sim, int index)
{
    return ((struct wfp_sim_socket **)sim->sockets.items)[index];
}

static bool
same_end(const struct sim_bound *a, const struct sim_bound *b)
{
    return a->version == b->version && a->protocol == b->protocol && a->port == b->port &&
           memcmp(a->address, b->address, 16) == 0;
}

struct sim_bound *
sim_bound_find(const struct wfp_sim *sim, const struct sim_bound *end)
{
    struct sim_bound *bound = sim->bound.items;

    for (size_t i = 0; i < sim->bound.count; i++)
        if (same_end(&bound[i], end))
            return &bound[i];
    return NULL;
}

static int
note_bound(struct wfp_sim *sim, const struct sim_bound *end)
{
    struct sim_bound *bound;

    if (sim_bound_find(sim, end))
        return 0;
    bound = sim_array_add(&sim->bound, sizeof(*bound));
    if (!bound)
        return sim_fail(sim, "out of memory");
    *bound = *end;
    return 0;
}

int
sim_socket_note_sender(struct wfp_sim *sim, const struct wfp_sim_ends *ends)
{
    struct sim_bound end = {
        .version = ends->version, .protocol = WFP_PROTOCOL_UDP, .port = ends->local_port};

    memcpy(end.address, ends->local, 16);
    return note_bound(sim, &end);
}

/** Where a packet goes to, and where it comes from. */
static struct sim_bound
end_of(const struct wfp_packet *packet, bool destination)
{
    struct sim_bound end = {
        .version = packet->version,
        .protocol = packet->protocol,
        .port = destination ? packet->destination_port : packet->source_port,
    };

    memcpy(end.address, destination ? packet->destination : packet->source,
           packet->version == 4 ? 4 : 16);
    return end;
}

static bool
is_group(const struct sim_bound *end)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};

    return end->version == 6
               ? end->address[0] == 0xff
               : (end->address[0] & 0xf0) == 0xe0 || memcmp(end->address, broadcast, 4) == 0;
}

/* ---- connections ---- */

/** An endpoint's packet: through the machine's stack, or onto the network. */
static void
emit(void *context, uint8_t *bytes, uint32_t length)
{
    struct wfp_sim_socket *socket = context;

    if (socket->is_remote)
        sim_send_in(socket->sim, bytes, length);
    else
        sim_send_out(socket->sim, socket, bytes, length);
}

static struct wfp_sim_socket *
new_socket(struct wfp_sim *sim, const struct wfp_sim_ends *ends, bool is_remote, bool is_passive)
{
    struct wfp_sim_socket *socket = calloc(1, sizeof(*socket)), **slot = NULL;
    struct wfp_sim_tcp_config config = {
        .ends = *ends,
        .is_passive = is_passive,
        .initial_sequence = (uint32_t)wfp_sim_random(&sim->random),
        .mss = sim->net.mss,
        .emit = emit,
        .context = socket,
    };

    if (socket && wfp_sim_tcp_new(&config, &socket->tcp) == 0)
        slot = sim_array_add(&sim->sockets, sizeof(*slot));
    if (!slot) {
        if (socket)
            wfp_sim_tcp_free(socket->tcp);
        free(socket);
        sim_fail(sim, "out of memory");
        return NULL;
    }
    socket->sim = sim;
    socket->index = (int)sim->sockets.count - 1;
    socket->is_remote = is_remote;
    socket->owner = is_remote ? NULL : sim->owners;
    *slot = socket;
    return socket;
}

void
sim_sockets_free(struct wfp_sim *sim)
{
    for (size_t i = 0; i < sim->sockets.count; i++) {
        struct wfp_sim_socket *socket = sim_socket_at(sim, (int)i);

        wfp_sim_tcp_free(socket->tcp);
        free(socket);
    }
    free(sim->sockets.items);
    free(sim->bound.items);
    free(sim->remotes.items);
}

static bool
is_gone(const struct wfp_sim_socket *socket)
{
    enum wfp_sim_tcp_state state = wfp_sim_tcp_state(socket->tcp);

    return socket->is_blocked || state == WFP_SIM_TCP_RESET || state == WFP_SIM_TCP_LOST;
}

static bool
is_over(const struct wfp_sim_socket *socket)
{
    return wfp_sim_tcp_state(socket->tcp) == WFP_SIM_TCP_DONE;
}

/** The socket whose connection a packet belongs to; the newest first, ports may be used again. */
static struct wfp_sim_socket *
find_socket(struct wfp_sim *sim, const struct wfp_packet *packet, bool is_remote)
{
    size_t size = packet->version == 4 ? 4 : 16;

    for (size_t i = sim->sockets.count; i-- > 0;) {
        struct wfp_sim_socket *socket = sim_socket_at(sim, (int)i);
        const struct wfp_sim_ends *ends = wfp_sim_tcp_ends(socket->tcp);

        if (socket->is_remote == is_remote && ends->version == packet->version &&
            ends->local_port == packet->destination_port &&
            ends->remote_port == packet->source_port &&
            memcmp(ends->local, packet->destination, size) == 0 &&
            memcmp(ends->remote, packet->source, size) == 0)
            return is_gone(socket) ? NULL : socket;
    }
    return NULL;
}

static void
join(struct wfp_sim_socket *socket, struct wfp_sim_socket *peer)
{
    socket->peer = peer;
    peer->peer = socket;
}

/** The socket at the other end of a SYN, by its local end alone: redirection may have changed the rest. */
static void
find_peer(struct wfp_sim *sim, struct wfp_sim_socket *socket)
{
    const struct wfp_sim_ends *ends = wfp_sim_tcp_ends(socket->tcp);

    for (size_t i = sim->sockets.count; i-- > 0;) {
        struct wfp_sim_socket *other = sim_socket_at(sim, (int)i);
        const struct wfp_sim_ends *others = wfp_sim_tcp_ends(other->tcp);

        if (other != socket && !other->peer && !is_gone(other) && !is_over(other) &&
            others->version == ends->version && others->local_port == ends->remote_port &&
            memcmp(others->local, ends->remote, 16) == 0) {
            join(socket, other);
            return;
        }
    }
}

/** A SYN for a listener: its connection. */
static struct wfp_sim_socket *
accept_syn(struct wfp_sim *sim, const struct wfp_packet *packet, bool is_remote)
{
    struct sim_bound to = end_of(packet, true), from = end_of(packet, false);
    struct wfp_sim_ends ends = {
        .version = packet->version, .local_port = to.port, .remote_port = from.port};
    struct wfp_sim_socket *socket;

    memcpy(ends.local, to.address, 16);
    memcpy(ends.remote, from.address, 16);
    socket = new_socket(sim, &ends, is_remote, true);
    if (socket)
        find_peer(sim, socket);
    return socket;
}

static bool
is_syn(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_TCP &&
           (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK | WFP_TCP_RST)) == WFP_TCP_SYN;
}

struct wfp_sim_socket *
sim_socket_sender(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length)
{
    struct wfp_packet sent = {.data = (uint8_t *)(uintptr_t)bytes, .length = length}, answer;

    if (wfp_packet_parse(&sent) != WFP_DECODED || sent.protocol != WFP_PROTOCOL_TCP)
        return NULL;
    answer = sent;
    answer.source = sent.destination;
    answer.source_port = sent.destination_port;
    answer.destination = sent.source;
    answer.destination_port = sent.source_port;
    return find_socket(sim, &answer, false);
}

bool
sim_socket_is_awaited(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length)
{
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)bytes, .length = length};
    struct sim_bound to;

    if (wfp_packet_parse(&packet) != WFP_DECODED || packet.is_fragment)
        return true; /* the stack finds out */
    to = end_of(&packet, true);
    if (packet.protocol == WFP_PROTOCOL_TCP)
        return find_socket(sim, &packet, false) || (is_syn(&packet) && sim_bound_find(sim, &to));
    return packet.protocol != WFP_PROTOCOL_UDP || is_group(&to) || sim_bound_find(sim, &to);
}

void
sim_socket_refused(struct wfp_sim_socket *socket)
{
    socket->is_blocked = true;
}

/** What a host answers when nobody takes the packet. */
static void
answer_echo(struct wfp_sim *sim, const struct wfp_packet *packet, bool is_remote)
{
    struct sim_bound to = end_of(packet, true), from = end_of(packet, false);
    struct wfp_sim_ends ends = {.version = packet->version};
    uint32_t header = packet->ip_header_size + 8u;
    uint8_t bytes[2048];
    uint32_t length;

    if (packet->source_port != (packet->version == 4 ? 8 : 128) || is_group(&to) ||
        packet->total_length < header || packet->total_length - header > 1024)
        return;
    memcpy(ends.local, to.address, 16);
    memcpy(ends.remote, from.address, 16);
    length = wfp_sim_packet_icmp(bytes, &ends, packet->version == 4 ? 0 : 129, 0,
                                 (uint32_t)packet->icmp_id << 16 | packet->icmp_sequence,
                                 packet->data + header, packet->total_length - header);
    if (is_remote)
        sim_send_in(sim, bytes, length);
    else
        sim_send_out(sim, NULL, bytes, length);
}

static void
refuse(struct wfp_sim *sim, const struct wfp_packet *packet, bool is_remote)
{
    uint8_t bytes[2048];
    uint32_t length = wfp_sim_packet_refusal(bytes, packet);

    if (length && is_remote)
        sim_send_in(sim, bytes, length);
    else if (length)
        sim_send_out(sim, NULL, bytes, length);
}

void
sim_socket_deliver(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length)
{
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)bytes, .length = length};
    struct wfp_sim_socket *socket;
    struct sim_bound to;

    if (wfp_packet_parse(&packet) != WFP_DECODED || packet.is_fragment)
        return;
    to = end_of(&packet, true);
    switch (packet.protocol) {
    case WFP_PROTOCOL_TCP:
        socket = find_socket(sim, &packet, false);
        if (socket && is_syn(&packet) && is_over(socket))
            socket = NULL; /* the same ports again */
        if (!socket && is_syn(&packet) && sim_bound_find(sim, &to))
            socket = accept_syn(sim, &packet, false);
        if (socket)
            wfp_sim_tcp_input(socket->tcp, bytes, length, sim->now);
        else
            refuse(sim, &packet, false);
        break;
    case WFP_PROTOCOL_UDP:
        if (!is_group(&to) && !sim_bound_find(sim, &to))
            refuse(sim, &packet, false);
        break;
    case WFP_PROTOCOL_ICMP:
    case WFP_PROTOCOL_ICMPV6:
        answer_echo(sim, &packet, false);
    }
}

static enum wfp_sim_answer
answer_of(const struct wfp_sim *sim, const struct sim_bound *end)
{
    const struct sim_remote *remotes = sim->remotes.items;

    for (size_t i = sim->remotes.count; i-- > 0;)
        if (remotes[i].end.version == end->version &&
            memcmp(remotes[i].end.address, end->address, 16) == 0 &&
            (remotes[i].end.port == 0 || remotes[i].end.port == end->port))
            return remotes[i].answer;
    return WFP_SIM_ACCEPTS;
}

void
sim_socket_deliver_remote(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length)
{
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)bytes, .length = length};
    struct wfp_sim_socket *socket = NULL;
    enum wfp_sim_answer answer;
    struct sim_bound to;

    if (wfp_packet_parse(&packet) != WFP_DECODED || packet.is_fragment)
        return;
    to = end_of(&packet, true);
    answer = answer_of(sim, &to);
    if (packet.protocol == WFP_PROTOCOL_TCP)
        socket = find_socket(sim, &packet, true);
    if (socket && is_syn(&packet) && is_over(socket))
        socket = NULL; /* the same ports again */
    if (!socket && is_syn(&packet) && answer == WFP_SIM_ACCEPTS)
        socket = accept_syn(sim, &packet, true);
    if (socket)
        wfp_sim_tcp_input(socket->tcp, bytes, length, sim->now);
    else if (answer == WFP_SIM_SILENT)
        return;
    else if (packet.protocol == WFP_PROTOCOL_ICMP || packet.protocol == WFP_PROTOCOL_ICMPV6)
        answer_echo(sim, &packet, true);
    else if (packet.protocol == WFP_PROTOCOL_TCP || answer == WFP_SIM_REFUSES)
        refuse(sim, &packet, true);
}

int
wfp_sim_remote(struct wfp_sim *sim, const char *remote, enum wfp_sim_answer answer)
{
    struct sim_remote *entry;
    struct sim_bound end;

    if (sim_parse_end(sim, remote, &end) < 0)
        return -1;
    entry = sim_array_add(&sim->remotes, sizeof(*entry));
    if (!entry)
        return sim_fail(sim, "out of memory");
    entry->end = end;
    entry->answer = answer;
    return 0;
}

/* ---- events of connections ---- */

static struct wfp_sim_socket *
connect_ends(struct wfp_sim *sim, const char *local, const char *remote, bool is_both)
{
    struct wfp_sim_socket *socket, *peer = NULL;
    struct wfp_sim_ends ends, others;

    if (sim_parse_ends(sim, local, remote, WFP_PROTOCOL_TCP, &ends) < 0)
        return NULL;
    socket = new_socket(sim, &ends, false, false);
    if (socket && is_both) {
        others = wfp_sim_ends_swap(&ends);
        peer = new_socket(sim, &others, true, false);
        if (peer)
            join(socket, peer);
    }
    if (socket)
        wfp_sim_tcp_connect(socket->tcp, sim->now);
    if (peer)
        wfp_sim_tcp_connect(peer->tcp, sim->now);
    sim_settle(sim);
    return socket;
}

struct wfp_sim_socket *
wfp_sim_connect(struct wfp_sim *sim, const char *local, const char *remote)
{
    return connect_ends(sim, local, remote, false);
}

struct wfp_sim_socket *
wfp_sim_connect_both(struct wfp_sim *sim, const char *local, const char *remote)
{
    return connect_ends(sim, local, remote, true);
}

struct wfp_sim_socket *
wfp_sim_accept(struct wfp_sim *sim, const char *local, const char *remote)
{
    struct wfp_sim_socket *socket;
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, remote, local, WFP_PROTOCOL_TCP, &ends) < 0)
        return NULL;
    socket = new_socket(sim, &ends, true, false);
    if (!socket)
        return NULL;
    wfp_sim_tcp_connect(socket->tcp, sim->now);
    sim_settle(sim);
    return socket->peer;
}

static enum wfp_socket_answer
tell_stack(struct wfp_sim *sim, const struct sim_bound *end, enum wfp_socket_event event)
{
    struct wfp_socket socket = {
        .version = end->version, .protocol = end->protocol, .local_port = end->port};

    memcpy(socket.local, end->address, 16);
    if (sim->owners) {
        socket.process_id = sim->owners->process_id;
        socket.process_path_utf16 = sim->owners->path_utf16;
        socket.user = sim->owners->user;
    }
    return wfp_stack_socket(sim->machine.stack, &socket, event);
}

void
sim_socket_decided(void *context, const struct wfp_socket *socket, bool is_permitted)
{
    struct wfp_sim *sim = context;
    struct sim_bound end = {
        .version = socket->version, .protocol = socket->protocol, .port = socket->local_port};
    int result = -1;

    memcpy(end.address, socket->local, 16);
    if (is_permitted)
        result = note_bound(sim, &end);
    if (sim->opening && same_end(sim->opening, &end))
        sim->opened = result;
}

static int
bind_end(struct wfp_sim *sim, const char *local, uint8_t protocol, enum wfp_socket_event event)
{
    enum wfp_socket_answer answer;
    struct sim_bound end;

    if (sim_parse_end(sim, local, &end) < 0)
        return -1;
    end.protocol = protocol;
    sim->opening = &end;
    sim->opened = WFP_SIM_WAITS;
    answer = tell_stack(sim, &end, event);
    sim_settle(sim); /* a driver that put it off may answer at once */
    sim->opening = NULL;
    if (answer == WFP_SOCKET_WAITS)
        return sim->opened;
    /* refused: the record says by which layer */
    return answer == WFP_SOCKET_PERMITTED ? note_bound(sim, &end) : -1;
}

int
wfp_sim_listen(struct wfp_sim *sim, const char *local)
{
    return bind_end(sim, local, WFP_PROTOCOL_TCP, WFP_SOCKET_LISTEN);
}

int
wfp_sim_bind(struct wfp_sim *sim, const char *local)
{
    return bind_end(sim, local, WFP_PROTOCOL_UDP, WFP_SOCKET_BIND);
}

bool
wfp_sim_is_bound(struct wfp_sim *sim, const char *local)
{
    struct sim_bound end;

    if (sim_parse_end(sim, local, &end) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        end.protocol = i ? WFP_PROTOCOL_TCP : WFP_PROTOCOL_UDP;
        if (sim_bound_find(sim, &end))
            return true;
    }
    return false;
}

int
wfp_sim_unlisten(struct wfp_sim *sim, const char *local)
{
    struct sim_bound end, *bound;
    bool is_found = false;

    if (sim_parse_end(sim, local, &end) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        end.protocol = i ? WFP_PROTOCOL_TCP : WFP_PROTOCOL_UDP;
        bound = sim_bound_find(sim, &end);
        if (!bound)
            continue;
        *bound = ((struct sim_bound *)sim->bound.items)[--sim->bound.count];
        tell_stack(sim, &end, WFP_SOCKET_CLOSE);
        is_found = true;
    }
    sim_settle(sim);
    return is_found ? 0 : sim_fail(sim, "%s: nothing is bound there", local);
}

struct wfp_sim_socket *
wfp_sim_peer(struct wfp_sim_socket *socket)
{
    return socket ? socket->peer : NULL;
}

int
wfp_sim_send(struct wfp_sim_socket *socket, const void *data, size_t size)
{
    if (!socket)
        return sim_fail(sim_running(), "no socket to send with");
    if (size == WFP_SIM_TEXT)
        size = strlen(data);
    if (is_gone(socket) || size > UINT32_MAX ||
        wfp_sim_tcp_send(socket->tcp, data, (uint32_t)size, socket->sim->now) < 0)
        return -1;
    sim_settle(socket->sim);
    return 0;
}

int
wfp_sim_send_urgent(struct wfp_sim_socket *socket, const void *data, size_t size)
{
    if (!socket)
        return sim_fail(sim_running(), "no socket to send with");
    if (size == WFP_SIM_TEXT)
        size = strlen(data);
    if (is_gone(socket) || size > UINT32_MAX ||
        wfp_sim_tcp_send_urgent(socket->tcp, data, (uint32_t)size, socket->sim->now) < 0)
        return -1;
    sim_settle(socket->sim);
    return 0;
}

/** What has no other answer than its packets. */
static int
act(struct wfp_sim_socket *socket, void (*action)(struct wfp_sim_tcp *tcp, uint64_t now_100ns))
{
    if (!socket)
        return sim_fail(sim_running(), "no socket to act on");
    if (is_gone(socket))
        return -1;
    action(socket->tcp, socket->sim->now);
    sim_settle(socket->sim);
    return 0;
}

int
wfp_sim_close(struct wfp_sim_socket *socket)
{
    return act(socket, wfp_sim_tcp_close);
}

int
wfp_sim_reset(struct wfp_sim_socket *socket)
{
    return act(socket, wfp_sim_tcp_abort);
}

int
wfp_sim_keep_alive(struct wfp_sim_socket *socket)
{
    return act(socket, wfp_sim_tcp_keep_alive);
}

int
wfp_sim_window(struct wfp_sim_socket *socket, uint16_t bytes)
{
    if (!socket)
        return sim_fail(sim_running(), "no socket to act on");
    wfp_sim_tcp_set_window(socket->tcp, bytes, socket->sim->now);
    sim_settle(socket->sim);
    return 0;
}

const void *
wfp_sim_received(struct wfp_sim_socket *socket, size_t *ret_size)
{
    uint32_t size = 0;
    const void *data = socket ? wfp_sim_tcp_received(socket->tcp, &size) : NULL;

    *ret_size = size;
    return data;
}

const char *
wfp_sim_state(struct wfp_sim_socket *socket)
{
    static const char *const names[] = {
        [WFP_SIM_TCP_CLOSED] = "closed",         [WFP_SIM_TCP_LISTEN] = "connecting",
        [WFP_SIM_TCP_SYN_SENT] = "connecting",   [WFP_SIM_TCP_SYN_RECEIVED] = "connecting",
        [WFP_SIM_TCP_ESTABLISHED] = "connected", [WFP_SIM_TCP_DONE] = "closed",
        [WFP_SIM_TCP_RESET] = "reset",           [WFP_SIM_TCP_LOST] = "lost",
    };

    if (!socket)
        return "no socket";
    if (socket->is_blocked)
        return "blocked";
    if (wfp_sim_tcp_state(socket->tcp) == WFP_SIM_TCP_ESTABLISHED &&
        wfp_sim_tcp_is_finished(socket->tcp))
        return "finished";
    return names[wfp_sim_tcp_state(socket->tcp)];
}
