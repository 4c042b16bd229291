/*
 * Sockets that a callout at ALE_BIND_REDIRECT bound elsewhere, and the packets that arrive for them.
 *
 * Model      The socket of Linux stays where the application bound it; to the network it is where the
 *            callout moved it. A conversation that comes for the second place is entered in the table of
 *            redirections (redirect.h), which translates its packets; one that comes for the first finds
 *            no socket: the packet is sent on to port 0, where never a socket is, and the host's answer
 *            (an RST, a port unreachable) comes from where the packet was sent to.
 *
 *              peer               layers, wire          application
 *              R:r -> B:q  -----> R:r -> B:q   ---in--> R:r -> A:p
 *              R:r -> A:p  -----> R:r -> A:p   ---in--> R:r -> A:0, nobody
 *
 *            In a recording peers have sent to A:p and got their answers: what they sent is shown, and
 *            written, as sent to B:q.
 * Choice     docs/decisions/0070-redirection.md
 */
#include <stdlib.h>
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/shims/shim.h"

#define BUCKETS        64u
#define CLOSED         256u /* packets whose answer is yet to come: it comes at once */
#define STRAGGLERS     (120ull * 10000000) /* as a closed flow is remembered */
#define ADDRESS(entry) ((entry)->version == 4 ? 4u : 16u)

/** All zero is any address of this machine. */
struct place {
    uint8_t address[16]; /* network order; IPv4 in the first four bytes */
    uint16_t port;       /* host order */
};

struct moved {
    struct moved *next_app, *next_wire; /* in the buckets */
    uint8_t version, protocol;
    uint32_t endpoint;
    struct place app, wire;
    struct wfp_redirect *bind;
};

struct wfp_moved_table {
    uint32_t count;
    struct moved *app[BUCKETS], *wire[BUCKETS]; /* by port */
    struct wfp_flow_key arrived;                /* the conversation of the last packet for one */
    uint32_t closed_count;                      /* ever */
    struct wfp_flow_key closed[CLOSED];         /* with the port they were sent to */
};

struct wfp_moved_table *
wfp_moved_table_new(void)
{
    return calloc(1, sizeof(struct wfp_moved_table));
}

void
wfp_moved_table_free(struct wfp_moved_table *table)
{
    struct moved *moved, *next;

    for (uint32_t i = 0; table && i < BUCKETS; i++)
        for (moved = table->app[i]; moved; moved = next) {
            next = moved->next_app;
            wfp_redirect_unref(moved->bind);
            free(moved);
        }
    free(table);
}

uint32_t
wfp_moved_count(const struct wfp_moved_table *table)
{
    return table->count;
}

static bool
is_any(const struct place *place)
{
    static const uint8_t any[16];

    return memcmp(place->address, any, 16) == 0;
}

void
wfp_shim_moved_enter(struct wfp_shim *shim, uint32_t endpoint)
{
    const struct wfp_endpoint *socket = wfp_endpoint_at(shim->endpoints, endpoint);
    struct wfp_moved_table *table = shim->moved;
    struct wfp_flow_key key;
    struct moved *moved;

    if (!socket->bind || !socket->bind->current || socket->local_port == 0)
        return;
    moved = calloc(1, sizeof(*moved));
    if (!moved)
        return; /* without memory it stays where it is */
    moved->version = socket->version;
    moved->protocol = socket->protocol;
    moved->endpoint = endpoint;
    moved->app.port = socket->local_port;
    memcpy(moved->app.address, socket->local, 16);
    key = (struct wfp_flow_key){.version = socket->version, .local_port = socket->local_port};
    wfp_shim_redirect_place(socket->bind, &key);
    moved->wire.port = key.local_port;
    memcpy(moved->wire.address, key.local, 16);
    if (memcmp(&moved->app, &moved->wire, sizeof(moved->app)) == 0) {
        free(moved);
        return;
    }
    wfp_redirect_ref(socket->bind);
    moved->bind = socket->bind;
    moved->next_app = table->app[moved->app.port % BUCKETS];
    table->app[moved->app.port % BUCKETS] = moved;
    moved->next_wire = table->wire[moved->wire.port % BUCKETS];
    table->wire[moved->wire.port % BUCKETS] = moved;
    table->count++;
}

void
wfp_shim_moved_leave(struct wfp_shim *shim, uint32_t endpoint)
{
    const struct wfp_endpoint *socket = wfp_endpoint_at(shim->endpoints, endpoint);
    struct moved **at = &shim->moved->app[socket->local_port % BUCKETS], *moved;

    while (*at && (*at)->endpoint != endpoint)
        at = &(*at)->next_app;
    moved = *at;
    if (!moved)
        return;
    *at = moved->next_app;
    at = &shim->moved->wire[moved->wire.port % BUCKETS];
    while (*at != moved)
        at = &(*at)->next_wire;
    *at = moved->next_wire;
    shim->moved->count--;
    wfp_redirect_unref(moved->bind);
    free(moved);
}

static bool
takes(const struct moved *moved, const struct place *place, const struct wfp_flow_key *key)
{
    return moved->protocol == key->protocol && moved->version == key->version &&
           place->port == key->local_port &&
           (is_any(place) || memcmp(place->address, key->local, ADDRESS(moved)) == 0);
}

static const struct moved *
find_wire(const struct wfp_moved_table *table, const struct wfp_flow_key *key)
{
    const struct moved *moved = table->wire[key->local_port % BUCKETS], *found = NULL;

    for (; moved; moved = moved->next_wire)
        if (takes(moved, &moved->wire, key) && (!found || !is_any(&moved->wire)))
            found = moved; /* one bound to the address comes before one bound to any */
    return found;
}

static const struct moved *
find_app(const struct wfp_moved_table *table, const struct wfp_flow_key *key)
{
    const struct moved *moved = table->app[key->local_port % BUCKETS], *found = NULL;

    for (; moved; moved = moved->next_app)
        if (takes(moved, &moved->app, key) && (!found || !is_any(&moved->app)))
            found = moved;
    return found;
}

/** The same conversation with its local end at @p place. */
static struct wfp_flow_key
key_at(const struct wfp_flow_key *key, const struct place *place)
{
    struct wfp_flow_key moved = *key;

    if (!is_any(place))
        memcpy(moved.local, place->address, 16);
    moved.local_port = place->port;
    return moved;
}

/** Is a socket that stayed nearer to where the packet goes than the moved one was? */
static bool
is_anothers(const struct wfp_shim *shim, const struct moved *moved, const struct wfp_flow_key *key)
{
    uint32_t exact = wfp_endpoint_find(shim->endpoints, key);

    return exact && exact != moved->endpoint;
}

/** @return false when the application has such a conversation already, or without memory */
static bool
enter(struct wfp_shim *shim, const struct moved *moved, const struct wfp_flow_key *app,
      const struct wfp_flow_key *wire, uint64_t now_100ns)
{
    struct wfp_redirection entry = {.app = *app, .wire = *wire}, *entered;

    if (memcmp(app->words, wire->words, sizeof(app->words)) == 0)
        return true;
    entry.app_hash = wfp_flow_hash(shim->flows, app);
    entry.wire_hash = wfp_flow_hash(shim->flows, wire);
    entered = wfp_redirection_of_app(shim->redirects, app, entry.app_hash);
    if (entered && entered->has_flow && !entered->gone_100ns)
        return false;
    if (entered)
        wfp_redirection_remove(shim->redirects, entered);
    entry.bind = moved->bind;
    wfp_redirect_ref(entry.bind);
    entered = wfp_redirection_enter(shim->redirects, &entry);
    if (!entered) {
        wfp_redirect_unref(entry.bind);
        return false;
    }
    /* Until it has a flow it may come to nothing. */
    wfp_redirection_close(shim->redirects, entered, now_100ns + STRAGGLERS);
    return true;
}

static bool
is_syn(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_TCP &&
           (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK)) == WFP_TCP_SYN;
}

/** May the packet be the first that is seen of a conversation? */
static bool
may_open(struct wfp_shim *shim, const struct wfp_packet *packet, const struct wfp_flow_key *key)
{
    if (packet->fragment_offset != 0 || packet->transport_header_size == 0 ||
        (packet->protocol != WFP_PROTOCOL_TCP && packet->protocol != WFP_PROTOCOL_UDP))
        return false;
    return is_syn(packet) ||
           !wfp_flow_find(shim->flows, key, wfp_flow_hash(shim->flows, key), packet->time_100ns);
}

static bool
is_for_this_machine(const struct wfp_shim *shim, const struct wfp_packet *packet,
                    enum wfp_direction_hint hint)
{
    bool is_group =
        packet->version == 4 ? packet->destination[0] >= 0xe0 : packet->destination[0] == 0xff;

    return !is_group && !packet->link_broadcast && hint != WFP_HINT_FORWARD &&
           hint != WFP_HINT_OUTBOUND &&
           (hint == WFP_HINT_INBOUND ||
            wfp_stack_is_local(shim->stack, packet->version, packet->destination));
}

enum wfp_arrival
wfp_shim_moved_arrive(struct wfp_shim *shim, struct wfp_shim *aside, struct wfp_packet *packet,
                      enum wfp_direction_hint hint)
{
    const struct moved *moved;
    struct wfp_flow_key key, app;

    if (!is_for_this_machine(shim, packet, hint))
        return WFP_ARRIVAL_UNKNOWN;
    wfp_shim_key(packet, true, &key);
    if (!shim->is_recording &&
        wfp_redirection_of_wire(shim->redirects, &key, wfp_flow_hash(shim->flows, &key)))
        return shim->moved->arrived = key, WFP_ARRIVAL_TAKEN;
    if (!may_open(shim, packet, &key))
        return WFP_ARRIVAL_UNKNOWN;
    if (shim->is_recording) {
        moved = find_app(shim->moved, &key);
        if (moved && !is_anothers(shim, moved, &key)) {
            app = key_at(&key, &moved->wire);
            enter(shim, moved, &key, &app, packet->time_100ns);
        }
        return WFP_ARRIVAL_UNKNOWN;
    }
    wfp_shim_endpoint_refresh(aside, packet->time_100ns,
                              find_wire(shim->moved, &key) ||
                                  wfp_endpoint_find_taker(shim->endpoints, &key));
    if (packet->protocol == WFP_PROTOCOL_TCP && !is_syn(packet))
        return WFP_ARRIVAL_UNKNOWN; /* a connection from before the run is where it is */
    moved = find_wire(shim->moved, &key);
    if (!moved) {
        moved = find_app(shim->moved, &key);
        return moved && !is_anothers(shim, moved, &key) ? WFP_ARRIVAL_NOBODY : WFP_ARRIVAL_UNKNOWN;
    }
    app = key_at(&key, &moved->app);
    shim->moved->arrived = key;
    return enter(shim, moved, &app, &key, packet->time_100ns) ? WFP_ARRIVAL_TAKEN
                                                              : WFP_ARRIVAL_NOBODY;
}

void
wfp_shim_moved_settle(struct wfp_shim *shim)
{
    const struct wfp_flow_key *key = &shim->moved->arrived;
    struct wfp_redirection *entry;

    if (shim->is_pended || shim->decision->outcome == WFP_PERMITTED)
        return;
    entry = wfp_redirection_of_wire(shim->redirects, key, wfp_flow_hash(shim->flows, key));
    if (entry && !entry->has_flow)
        wfp_redirection_remove(shim->redirects, entry);
}

struct wfp_flow_key
wfp_shim_moved_app_key(const struct wfp_shim *shim)
{
    const struct wfp_redirection *entry;

    if (LIKELY(wfp_moved_count(shim->moved) == 0))
        return shim->plan.key;
    entry = wfp_redirection_of_wire(shim->redirects, &shim->plan.key, shim->plan.hash);
    return entry && !shim->plan.outbound ? entry->app : shim->plan.key;
}

/* ---- for nobody ---- */

static void
readdress(struct wfp_packet *packet, const struct wfp_flow_key *key, bool is_inbound)
{
    struct wfp_ends ends = {.source_port = is_inbound ? key->remote_port : key->local_port,
                            .destination_port = is_inbound ? key->local_port : key->remote_port};

    memcpy(ends.source, is_inbound ? key->remote : key->local, 16);
    memcpy(ends.destination, is_inbound ? key->local : key->remote, 16);
    if (wfp_packet_readdress(packet, &ends))
        packet->modified = true;
}

bool
wfp_shim_moved_close(struct wfp_shim *shim, struct wfp_packet *packet)
{
    struct wfp_moved_table *table = shim->moved;
    struct wfp_flow_key *key = &table->closed[table->closed_count++ % CLOSED], nobody;

    wfp_shim_key(packet, true, key);
    nobody = *key;
    nobody.local_port = 0;
    readdress(packet, &nobody, true);
    return packet->modified;
}

const struct wfp_flow_key *
wfp_moved_closed(const struct wfp_moved_table *table, const struct wfp_flow_key *answer)
{
    for (uint32_t i = 0; i < MIN(table->closed_count, CLOSED); i++) {
        const struct wfp_flow_key *key = &table->closed[(table->closed_count - 1 - i) % CLOSED];
        struct wfp_flow_key nobody = *key;

        nobody.local_port = 0;
        if (memcmp(nobody.words, answer->words, sizeof(nobody.words)) == 0)
            return key;
    }
    return NULL;
}

bool
wfp_shim_moved_reopen(struct wfp_shim *shim, struct wfp_packet *packet)
{
    const struct wfp_flow_key *closed;
    struct wfp_flow_key key;

    if (packet->source_port != 0 || packet->fragment_offset != 0 ||
        packet->protocol != WFP_PROTOCOL_TCP)
        return false;
    wfp_shim_key(packet, false, &key);
    closed = wfp_moved_closed(shim->moved, &key);
    if (closed)
        readdress(packet, closed, false);
    return closed != NULL;
}
