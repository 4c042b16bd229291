/*
 * ALE_BIND_REDIRECT and ALE_CONNECT_REDIRECT, and what follows from them for packets.
 *
 * Model      Before a conversation is authorized its request is shown to the redirect layers. Whatever
 *            was applied gives the packet other ends, at once, so that the layers that follow see those;
 *            the conversation is then entered in the table of redirections (redirect.h), which treats
 *            its later packets alike. A block there refuses the conversation.
 *
 *              socket not known -> BIND_REDIRECT -> RESOURCE_ASSIGNMENT ...
 *              each conversation that is sent -> CONNECT_REDIRECT -> AUTH_CONNECT
 *
 * Choice     docs/decisions/0070-redirection.md
 * Ref        windows-driver-docs network/using-bind-or-connect-redirection
 */
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/shims/shim.h"

#define STRAGGLERS_100NS (120ull * 10000000) /* as a closed flow is remembered */
#define REASKED_MAX      8                   /* callouts that disagree for ever */
#define EPHEMERAL_FIRST  49152u
#define EPHEMERAL_TRIES  64u

/** AH vouches for the addresses; later fragments follow their first. */
static bool
can_redirect(const struct wfp_packet *packet)
{
    return packet->protocol != WFP_PROTOCOL_AH && packet->fragment_offset == 0;
}

/* ---- the request, and what was made of it ---- */

static void
set_request(struct wfp_shim *shim, bool is_bind)
{
    const struct wfp_packet *packet = shim->packet;
    struct wfp_classify_slot *slot = &shim->classify_slot;
    const uint8_t *local = shim->is_inbound ? packet->destination : packet->source;
    uint16_t local_port = shim->is_inbound ? packet->destination_port : packet->source_port;

    slot->is_writable = true;
    slot->is_bind = is_bind;
    memset(&slot->request, 0, sizeof(slot->request));
    if (packet->protocol != WFP_PROTOCOL_TCP && packet->protocol != WFP_PROTOCOL_UDP)
        local_port = 0;
    if (is_bind) {
        wfp_sockaddr_set(&slot->request.bind.local, packet->version, local, local_port);
        return;
    }
    wfp_sockaddr_set(&slot->request.connect.local, packet->version, local, local_port);
    wfp_sockaddr_set(&slot->request.connect.remote, packet->version, packet->destination,
                     local_port ? packet->destination_port : 0);
}

/** A port of 0 leaves the port to the stack: it stays. */
static void
set_end(const struct wfp_sockaddr *sockaddr, uint8_t version, uint8_t *address, uint16_t *port)
{
    uint16_t wanted;
    const uint8_t *bytes = wfp_sockaddr_address(sockaddr, &wanted);
    static const uint8_t any[16];

    if (memcmp(bytes, any, version == 4 ? 4 : 16) != 0)
        memcpy(address, bytes, version == 4 ? 4 : 16);
    if (wanted)
        *port = wanted;
}

static void
change_ends(struct wfp_shim *shim, const struct wfp_ends *to)
{
    if (!shim->redirect.is_changed)
        wfp_packet_ends(shim->packet, &shim->redirect.app);
    if (!wfp_packet_readdress(shim->packet, to))
        return;
    if (shim->packet->is_fragment)
        wfp_redirection_note_fragment(shim->redirects, shim->packet, &shim->redirect.app, to);
    shim->redirect.is_changed = true;
    shim->packet->modified = true;
    wfp_stack_reclassify_ends(shim);
    shim->is_ready = false;
}

static void
take_bind(struct wfp_shim *shim, const struct wfp_redirect *bind)
{
    const struct wfp_sockaddr *local;
    struct wfp_ends to;

    if (!bind->current)
        return;
    local = &bind->current->request.bind.local;
    wfp_packet_ends(shim->packet, &to);
    if (shim->is_inbound)
        set_end(local, shim->packet->version, to.destination, &to.destination_port);
    else
        set_end(local, shim->packet->version, to.source, &to.source_port);
    change_ends(shim, &to);
}

static void
take_connect(struct wfp_shim *shim, const struct wfp_redirect *connect)
{
    struct wfp_ends to;

    if (!connect->current)
        return;
    wfp_packet_ends(shim->packet, &to);
    set_end(&connect->current->request.connect.local, shim->packet->version, to.source,
            &to.source_port);
    set_end(&connect->current->request.connect.remote, shim->packet->version, to.destination,
            &to.destination_port);
    change_ends(shim, &to);
}

/* ---- the conversation is another now ---- */

static bool
is_taken(struct wfp_shim *shim, const struct wfp_flow_key *key, uint32_t hash)
{
    struct wfp_flow *flow;

    if (wfp_redirection_of_wire(shim->redirects, key, hash))
        return true;
    flow = wfp_flow_find(shim->flows, key, hash, shim->packet->time_100ns);
    if (!flow || (flow->state != WFP_FLOW_CLOSED && flow->state != WFP_FLOW_BLOCKED))
        return flow != NULL;
    wfp_flow_end(shim->flows, flow); /* over, and only remembered */
    return false;
}

/** Two conversations of the application may now be one on the wire: another local port tells them apart. */
static bool
find_free_port(struct wfp_shim *shim, struct wfp_redirection *entry)
{
    struct wfp_ends to;

    for (uint32_t i = 0;; i++) {
        wfp_shim_key(shim->packet, shim->is_inbound, &entry->wire);
        entry->wire_hash = wfp_flow_hash(shim->flows, &entry->wire);
        if (!is_taken(shim, &entry->wire, entry->wire_hash))
            return true;
        if (i == EPHEMERAL_TRIES || shim->packet->transport_header_size == 0 || shim->is_inbound)
            return false;
        wfp_packet_ends(shim->packet, &to);
        to.source_port = (uint16_t)(EPHEMERAL_FIRST | (to.source_port + 1u));
        if (!wfp_packet_readdress(shim->packet, &to))
            return false; /* no ports to tell them apart by */
    }
}

/** Enter what was changed. @return false without memory or a free port: it cannot go on */
static bool
enter(struct wfp_shim *shim)
{
    struct wfp_redirection entry = {
        .app = shim->plan.key,
        .app_hash = shim->plan.hash,
        .bind = shim->redirect.bind,
        .connect = shim->redirect.connect,
    };
    struct wfp_redirection *old =
        wfp_redirection_of_app(shim->redirects, &entry.app, entry.app_hash);

    if (old)
        wfp_redirection_remove(shim->redirects, old);
    if (!find_free_port(shim, &entry))
        return false;
    if (entry.bind)
        wfp_redirect_ref(entry.bind); /* the socket's, too */
    if (!wfp_redirection_enter(shim->redirects, &entry)) {
        wfp_redirect_unref(entry.bind);
        return false;
    }
    shim->redirect.connect = NULL;
    shim->plan.key = entry.wire;
    shim->plan.hash = entry.wire_hash;
    shim->is_ready = false;
    return true;
}

/* ---- asking ---- */

static bool
ask_once(struct wfp_shim *shim, uint16_t layer_id, enum wfp_pend_stage stage, bool again,
         struct wfp_redirect **redirect)
{
    struct wfp_classify_slot *slot = &shim->classify_slot;
    bool permitted;

    wfp_shim_ale_prepare(shim, again ? WFP_REAUTHORIZE_CLASSIFY_COMPLETION : 0);
    set_request(shim, stage == WFP_PEND_BIND_REDIRECT);
    if (*redirect && (*redirect)->applied && stage == WFP_PEND_CONNECT_REDIRECT) {
        shim->metadata.redirect_records = *redirect;
        shim->available |= WFP_METADATA_REDIRECT_RECORD_HANDLE;
    }
    slot->redirect = TAKE_PTR(*redirect); /* if the classify is put off, it goes to the pend */
    slot->pend = &shim->slot;
    permitted = wfp_shim_indicate_pendable(shim, layer_id, again ? WFP_CONDITION_IS_REAUTHORIZE : 0,
                                           false, stage);
    wfp_shim_redirect_untell(shim);
    *redirect = TAKE_PTR(slot->redirect);
    slot->is_writable = false;
    slot->pend = NULL;
    return permitted;
}

/**
 * Indicate at a redirect layer, again while a callout asked to hear of another's changes.
 * @param redirect  in: what a pended classify made so far, or NULL; out: what is to be done
 */
static bool
ask(struct wfp_shim *shim, uint16_t layer_id, enum wfp_pend_stage stage,
    struct wfp_redirect **redirect)
{
    bool again = shim->resumed == stage, permitted = true;

    for (unsigned i = 0; i < REASKED_MAX; i++) {
        uint32_t before = *redirect ? (*redirect)->applied : 0;

        permitted = ask_once(shim, layer_id, stage, again, redirect);
        if (shim->is_pended)
            return false;
        if (!permitted || !*redirect || (*redirect)->applied == before ||
            !wfp_redirect_wants_reauthorization(*redirect))
            break;
        again = true;
    }
    return permitted;
}

/** A connection from before the run: it is where it is. */
static bool
is_midstream(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_TCP && packet->length != 0 &&
           (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK)) != WFP_TCP_SYN;
}

/** @return what the layer's stage comes to: 1 go on, 0 refused or waits, -1 it has to be asked */
static int
stage_known(struct wfp_shim *shim, uint16_t layer_id, enum wfp_pend_stage stage)
{
    if (stage < shim->resumed || is_midstream(shim->packet))
        return 1;
    if (stage == shim->resumed && shim->answer) {
        if (shim->answer == WFP_ACTION_BLOCK)
            return wfp_shim_refuse(shim, layer_id, shim->decision->verdict.filter_id,
                                   shim->decision->verdict.callout_id);
        return 1;
    }
    return wfp_shim_is_watched(shim, layer_id) ? -1 : 1;
}

bool
wfp_shim_redirect_bind(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, ALE_BIND_REDIRECT);
    int known = stage_known(shim, layer_id, WFP_PEND_BIND_REDIRECT);

    if (known == 0 ||
        (known < 0 && !ask(shim, layer_id, WFP_PEND_BIND_REDIRECT, &shim->redirect.bind)))
        return false;
    if (!shim->redirect.bind || !can_redirect(shim->packet))
        return true;
    take_bind(shim, shim->redirect.bind);
    /* In a recording peers find it where it was moved; else this one came to where it is not. */
    if (shim->is_inbound && shim->is_recording && shim->redirect.is_changed && !enter(shim))
        return wfp_shim_refuse(shim, layer_id, 0, 0);
    return true;
}

void
wfp_shim_redirect_place(const struct wfp_redirect *bind, struct wfp_flow_key *key)
{
    uint16_t wanted;
    const uint8_t *bytes = wfp_sockaddr_address(&bind->current->request.bind.local, &wanted);

    memset(key->local, 0, sizeof(key->local));
    memcpy(key->local, bytes, key->version == 4 ? 4 : 16);
    if (wanted)
        key->local_port = wanted;
}

bool
wfp_shim_redirect_bind_early(struct wfp_shim *aside, uint32_t endpoint)
{
    uint16_t layer_id = WFP_SHIM_LAYER(aside, ALE_BIND_REDIRECT);
    struct wfp_redirect *bind = TAKE_PTR(aside->redirect.bind);
    bool permitted;
    int known;

    if (aside->resumed > WFP_PEND_BIND_REDIRECT)
        return true; /* it is bound */
    known = stage_known(aside, layer_id, WFP_PEND_BIND_REDIRECT);
    permitted = known < 0 ? ask(aside, layer_id, WFP_PEND_BIND_REDIRECT, &bind) : known;
    wfp_endpoint_at(aside->endpoints, endpoint)->bind = bind;
    if (permitted)
        wfp_shim_moved_enter(aside, endpoint);
    return permitted;
}

void
wfp_shim_redirect_bound(struct wfp_shim *shim, struct wfp_redirect *bind)
{
    if (shim->is_inbound || !can_redirect(shim->packet))
        return;
    if (!shim->redirect.bind) {
        wfp_redirect_ref(bind);
        shim->redirect.bind = bind;
    }
    take_bind(shim, shim->redirect.bind);
}

bool
wfp_shim_redirect_connect(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, ALE_CONNECT_REDIRECT);
    int known;

    if (!shim->plan.outbound || shim->is_inbound || !shim->redirects)
        return true;
    known = stage_known(shim, layer_id, WFP_PEND_CONNECT_REDIRECT);
    if (known == 0 ||
        (known < 0 && !ask(shim, layer_id, WFP_PEND_CONNECT_REDIRECT, &shim->redirect.connect)))
        return false;
    if (shim->redirect.connect && can_redirect(shim->packet))
        take_connect(shim, shim->redirect.connect);
    if (shim->redirect.is_changed && !enter(shim))
        return wfp_shim_refuse(shim, layer_id, 0, 0);
    return true;
}

static struct wfp_redirection *
entry_of_plan(const struct wfp_shim *shim)
{
    if (LIKELY(!shim->redirects || wfp_redirect_table_count(shim->redirects) == 0))
        return NULL;
    return wfp_redirection_of_wire(shim->redirects, &shim->plan.key, shim->plan.hash);
}

void
wfp_shim_redirect_join(struct wfp_shim *shim)
{
    struct wfp_redirection *entry = entry_of_plan(shim);

    if (!entry)
        return;
    entry->has_flow = true;
    wfp_redirection_keep(shim->redirects, entry);
}

void
wfp_shim_redirect_settle(struct wfp_shim *shim)
{
    struct wfp_shim_redirect *redirect = &shim->redirect;
    struct wfp_redirection *entry = entry_of_plan(shim);

    if (entry && !shim->is_pended && !entry->has_flow)
        wfp_redirection_remove(shim->redirects, entry);
    wfp_redirect_unref(TAKE_PTR(redirect->bind));
    wfp_redirect_unref(TAKE_PTR(redirect->connect));
}

/* ---- what others are told ---- */

uint32_t
wfp_shim_redirect_tell(struct wfp_shim *shim)
{
    struct wfp_redirection *entry = shim->plan.outbound ? entry_of_plan(shim) : NULL;
    struct wfp_redirect *connect;

    if (LIKELY(!entry || !entry->connect))
        return 0;
    connect = entry->connect;
    shim->metadata.redirect_records = connect;
    shim->metadata.original_destination = &connect->original.connect.remote;
    shim->available |= WFP_METADATA_REDIRECT_RECORD_HANDLE | WFP_METADATA_ORIGINAL_DESTINATION;
    if (connect->current && connect->current->request.connect.local_redirect_target_pid) {
        shim->metadata.local_redirect_target_pid =
            connect->current->request.connect.local_redirect_target_pid;
        shim->available |= WFP_METADATA_LOCAL_REDIRECT_TARGET_PID;
    }
    return WFP_CONDITION_IS_REDIRECTED;
}

void
wfp_shim_redirect_untell(struct wfp_shim *shim)
{
    shim->available &= ~(WFP_METADATA_REDIRECT_RECORD_HANDLE | WFP_METADATA_ORIGINAL_DESTINATION |
                         WFP_METADATA_LOCAL_REDIRECT_TARGET_PID);
    shim->metadata.redirect_records = NULL;
    shim->metadata.original_destination = NULL;
    shim->metadata.local_redirect_target_pid = 0;
}

/* ---- packets of conversations that are redirected ---- */

void
wfp_shim_redirect_ended(struct wfp_shim *aside, const struct wfp_flow *flow)
{
    struct wfp_redirection *entry;
    bool is_tcp = flow->key.protocol == WFP_PROTOCOL_TCP;

    if (LIKELY(!aside->redirects || wfp_redirect_table_count(aside->redirects) == 0))
        return;
    entry = wfp_redirection_of_wire(aside->redirects, &flow->key, flow->hash);
    if (entry)
        wfp_redirection_close(aside->redirects, entry,
                              is_tcp ? flow->last_100ns + STRAGGLERS_100NS : 0);
}

/** The ends of an outbound packet of the conversation. */
static void
ends_of(const struct wfp_flow_key *key, struct wfp_ends *ret_ends)
{
    memcpy(ret_ends->source, key->local, 16);
    memcpy(ret_ends->destination, key->remote, 16);
    ret_ends->source_port = key->local_port;
    ret_ends->destination_port = key->remote_port;
}

static void
turn(struct wfp_ends *ends)
{
    struct wfp_ends turned;

    memcpy(turned.source, ends->destination, 16);
    memcpy(turned.destination, ends->source, 16);
    turned.source_port = ends->destination_port;
    turned.destination_port = ends->source_port;
    *ends = turned;
}

/* ---- packets quoted by ICMP errors ---- */

static bool
has_ports(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_TCP || packet->protocol == WFP_PROTOCOL_UDP;
}

/** The packet that an error message quotes; it may be cut anywhere. @return false: none to be told */
static bool
find_quoted(const struct wfp_packet *packet, bool is_sent, struct wfp_packet *ret_quoted,
            struct wfp_flow_key *ret_key)
{
    uint32_t offset = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    struct wfp_packet quoted = {.data = packet->data + offset,
                                .length = packet->total_length - offset,
                                .wire_length = 65535};
    enum wfp_undecodable reason = wfp_packet_parse(&quoted);

    if (packet->is_fragment || (reason != WFP_DECODED && reason != WFP_UNDECODABLE_TRUNCATED) ||
        quoted.version != packet->version || quoted.ip_header_size == 0 ||
        quoted.fragment_offset != 0 || quoted.length < quoted.ip_header_size + 8u)
        return false;
    if (has_ports(&quoted)) { /* cut off, the parser does not vouch for them */
        quoted.source_port = wfp_bytes_get16(quoted.data + quoted.ip_header_size);
        quoted.destination_port = wfp_bytes_get16(quoted.data + quoted.ip_header_size + 2);
    }
    wfp_shim_key(&quoted, !is_sent, ret_key);
    quoted.total_length = MIN(quoted.length, quoted.total_length);
    *ret_quoted = quoted;
    return true;
}

/**
 * The packet quoted, and who is told, are of the conversation @p to now.
 * @param from  of which they were; an end that isn't its (a router) stays
 */
static void
requote(struct wfp_packet *packet, struct wfp_packet *quoted, bool is_sent,
        const struct wfp_flow_key *from, const struct wfp_flow_key *to)
{
    uint32_t size = packet->version == 4 ? 4 : 16;
    uint8_t *source = packet->data + (packet->source - packet->data);
    uint8_t *destination = packet->data + (packet->destination - packet->data);
    uint8_t *ports = quoted->data + quoted->ip_header_size;
    struct wfp_ends ends;

    /* Who got the quoted packet reports to who sent it. */
    const uint8_t *from_reporter = is_sent ? from->remote : from->local;

    if (memcmp(source, from_reporter, size) == 0)
        memcpy(source, is_sent ? to->remote : to->local, size);
    memcpy(destination, is_sent ? to->local : to->remote, size);
    ends_of(to, &ends);
    if (!is_sent)
        turn(&ends);
    if (has_ports(quoted)) {
        wfp_bytes_put16(ports, ends.source_port);
        wfp_bytes_put16(ports + 2, ends.destination_port);
    }
    quoted->transport_header_size = 0; /* its checksum may be cut off: addresses alone */
    wfp_packet_readdress(quoted, &ends);
    wfp_checksum_write(packet);
}

/** Who asked is told with the packet it sent, not with the one that was on the wire. */
static bool
give_app_quotation(struct wfp_shim *shim, struct wfp_packet *packet)
{
    struct wfp_redirection *entry;
    struct wfp_packet quoted;
    struct wfp_flow_key key;

    if (!find_quoted(packet, true, &quoted, &key))
        return false;
    entry = wfp_redirection_of_wire(shim->redirects, &key, wfp_flow_hash(shim->flows, &key));
    if (entry)
        requote(packet, &quoted, true, &entry->wire, &entry->app);
    return entry != NULL;
}

/**
 * Who sent something here is told with what it sent.
 * @param is_sent  recorded: who asked was told with what it had sent; shown is what was on the wire
 */
static void
give_wire_quotation(struct wfp_shim *shim, struct wfp_packet *packet, bool is_sent)
{
    const struct wfp_redirection *entry;
    const struct wfp_flow_key *wire;
    struct wfp_packet quoted;
    struct wfp_flow_key key;

    if (!find_quoted(packet, is_sent, &quoted, &key))
        return;
    entry = wfp_redirection_of_app(shim->redirects, &key, wfp_flow_hash(shim->flows, &key));
    wire = entry ? &entry->wire : is_sent ? NULL : wfp_moved_closed(shim->moved, &key);
    if (!wire)
        return;
    requote(packet, &quoted, is_sent, &key, wire);
    packet->modified = true;
}

/** As wfp_packet_readdress(); the datagram's later fragments, which have no ports, follow. */
static bool
readdress(struct wfp_shim *shim, struct wfp_packet *packet, const struct wfp_ends *to)
{
    struct wfp_ends from;

    wfp_packet_ends(packet, &from);
    if (!wfp_packet_readdress(packet, to))
        return false;
    if (packet->is_fragment && packet->fragment_offset == 0)
        wfp_redirection_note_fragment(shim->redirects, packet, &from, to);
    return true;
}

static bool
follow_first_fragment(struct wfp_shim *shim, struct wfp_packet *packet)
{
    const struct wfp_ends *to = wfp_redirection_of_fragment(shim->redirects, packet);

    return to && wfp_packet_readdress(packet, to);
}

/** @param is_inbound  an answer as recorded, from whom the application asked */
static void
give_wire_ends(struct wfp_shim *shim, struct wfp_packet *packet, bool is_inbound)
{
    bool is_syn = packet->protocol == WFP_PROTOCOL_TCP &&
                  (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK)) == WFP_TCP_SYN;
    struct wfp_redirection *entry;
    struct wfp_flow_key key;
    struct wfp_ends ends;

    if (wfp_packet_is_icmp_error(packet)) {
        give_wire_quotation(shim, packet, is_inbound);
        return;
    }
    if (packet->fragment_offset != 0) {
        packet->modified |= follow_first_fragment(shim, packet);
        return;
    }
    if (!can_redirect(packet) || (!is_inbound && wfp_shim_moved_reopen(shim, packet)))
        return;
    wfp_shim_key(packet, is_inbound, &key);
    entry = wfp_redirection_of_app(shim->redirects, &key, wfp_flow_hash(shim->flows, &key));
    if (!entry)
        return;
    if (entry->gone_100ns && is_syn && !is_inbound) {
        wfp_redirection_remove(shim->redirects, entry); /* a new connection asks anew */
        return;
    }
    ends_of(&entry->wire, &ends);
    if (is_inbound)
        turn(&ends);
    if (readdress(shim, packet, &ends))
        packet->modified = true;
}

enum wfp_direction_hint
wfp_shim_redirect_take(struct wfp_shim *shim, struct wfp_packet *packet,
                       enum wfp_direction_hint hint, bool is_looped)
{
    if (hint == WFP_HINT_FORWARD)
        return hint;
    if (hint != WFP_HINT_INBOUND)
        give_wire_ends(shim, packet, false);
    if (shim->is_recording && !packet->modified && hint != WFP_HINT_OUTBOUND)
        give_wire_ends(shim, packet, true);
    return is_looped && packet->modified ? WFP_HINT_NONE : hint;
}

static bool
give_app_ends(struct wfp_shim *shim, struct wfp_packet *packet)
{
    struct wfp_redirection *entry;
    struct wfp_flow_key key;
    struct wfp_ends ends;

    if (packet->fragment_offset != 0)
        return follow_first_fragment(shim, packet);
    if (!can_redirect(packet))
        return false;
    wfp_shim_key(packet, true, &key);
    entry = wfp_redirection_of_wire(shim->redirects, &key, wfp_flow_hash(shim->flows, &key));
    if (!entry)
        return false;
    ends_of(&entry->app, &ends);
    turn(&ends);
    return readdress(shim, packet, &ends);
}

void
wfp_shim_redirect_give_back(struct wfp_shim *shim, struct wfp_frame *frame)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->wire_length};

    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return;
    if (wfp_packet_is_icmp_error(&packet) ? give_app_quotation(shim, &packet)
                                          : give_app_ends(shim, &packet))
        frame->modified = true;
}
