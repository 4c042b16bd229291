/*
 * ALE_AUTH_CONNECT, ALE_AUTH_RECV_ACCEPT, ALE_FLOW_ESTABLISHED: conversations, not packets.
 *
 * Model      plan() finds the flow before the transport layers, since those deliver its handle and say
 *            whether ALE follows. authorize() classifies, makes the flow and establishes it. finish()
 *            sees what a packet that passed did to its TCP connection.
 *
 *            A flow is authorized once, at the layer of its first packet's direction, and again when
 *            filters of that layer changed, by whichever packet comes next, in either direction, or
 *            when a packet comes in or goes out by an interface that is new to it.
 *
 * Choice     A TCP conversation whose SYN was not seen is authorized by its first segment as if it
 *            were new, in that segment's direction (a SYN-ACK counts against its own). RSTs without
 *            a connection, and stragglers of a closed one, meet no ALE layer. A refused TCP
 *            conversation's later segments are refused with it: on Windows they would not exist.
 *            Each packet to a group is authorized again (NEW_INBOUND_MCAST_BCAST_PACKET), the first
 *            one anew, all on one flow per IP version.
 * Ref        win32 FWP/tcp-packet-flows, FWP/udp-packet-flows, FWP/ale-re-authorization,
 *            FWP/ale-multicast-broadcast-traffic
 */
#include <string.h>

#include "core/model/user.h"
#include "core/packet/bytes.h"
#include "core/shims/shim.h"

static bool
is_group(enum wfp_address_type type)
{
    return type == WFP_ADDRESS_MULTICAST || type == WFP_ADDRESS_BROADCAST;
}

static bool
is_icmp(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_ICMP || packet->protocol == WFP_PROTOCOL_ICMPV6;
}

/** A reply belongs to the flow of its request. */
static uint16_t
request_type(const struct wfp_packet *packet)
{
    static const uint8_t v4[] = {[0] = 8, [14] = 13, [16] = 15, [18] = 17};
    uint16_t type = packet->source_port;

    if (packet->version == 4)
        return type < sizeof(v4) && v4[type] ? v4[type] : type;
    return type == 129 ? 128 : type == 140 ? 139 : type;
}

/** An address as the key keeps it. Written by words, as it is read: anything else stalls. */
static void
set_address(uint64_t words[2], uint8_t version, const uint8_t *address)
{
    uint32_t v4;

    if (version == 4) {
        memcpy(&v4, address, sizeof(v4));
        words[0] = v4;
        words[1] = 0;
    } else {
        memcpy(words, address, 16);
    }
}

void
wfp_shim_key(const struct wfp_packet *packet, bool is_inbound, struct wfp_flow_key *ret_key)
{
    uint16_t local_port = packet->source_port, remote_port = packet->destination_port;

    if (is_icmp(packet)) {
        local_port = request_type(packet);
    } else if (is_inbound) {
        local_port = packet->destination_port;
        remote_port = packet->source_port;
    }
    set_address(ret_key->words, packet->version, is_inbound ? packet->destination : packet->source);
    set_address(ret_key->words + 2, packet->version,
                is_inbound ? packet->source : packet->destination);
    ret_key->words[4] = wfp_flow_key_tail(local_port, remote_port, packet->icmp_id, packet->version,
                                          packet->protocol);
}

static void
set_key(struct wfp_shim *shim)
{
    wfp_shim_key(shim->packet, shim->is_inbound, &shim->plan.key);
    shim->plan.hash = wfp_flow_hash(shim->flows, &shim->plan.key);
}

static uint16_t
auth_layer(const struct wfp_shim *shim, bool outbound)
{
    return outbound ? WFP_SHIM_LAYER(shim, ALE_AUTH_CONNECT)
                    : WFP_SHIM_LAYER(shim, ALE_AUTH_RECV_ACCEPT);
}

static bool
policy_changed(const struct wfp_shim *shim, const struct wfp_flow *flow)
{
    return flow->auth_epoch !=
           (uint32_t)wfp_engine_layer_epoch(shim->engine, auth_layer(shim, flow->outbound));
}

/** Why a flow that was permitted is asked for again; 0: it isn't. WFP_REAUTHORIZE_* */
static uint32_t
find_reason(const struct wfp_shim *shim, const struct wfp_flow *flow)
{
    uint16_t interface = (uint16_t)shim->packet->interface_index;
    uint32_t reason = policy_changed(shim, flow) ? WFP_REAUTHORIZE_POLICY_CHANGE : 0;

    if (flow->is_multicast && !flow->outbound)
        return reason ? reason : WFP_REAUTHORIZE_NEW_INBOUND_MCAST_BCAST;
    if (UNLIKELY(interface != flow->interface_index && interface != flow->other_interface_index) &&
        flow->interface_index != 0 && shim->packet->interface_index != 0)
        reason |= shim->is_inbound ? WFP_REAUTHORIZE_NEW_ARRIVAL_INTERFACE
                                   : WFP_REAUTHORIZE_NEW_NEXTHOP_INTERFACE;
    return reason;
}

/** Does this segment end the handshake, as far as one who sees it can tell? */
static bool
completes_handshake(const struct wfp_shim *shim, const struct wfp_flow *flow)
{
    uint8_t flags = shim->packet->tcp_flags;

    if (flow->state != WFP_FLOW_NEW || !(flags & WFP_TCP_ACK) || (flags & WFP_TCP_RST))
        return false;
    return !(flags & WFP_TCP_SYN) || (flow->outbound && shim->is_inbound);
}

/** The TCP flow of the packet if it lives on; forgets one that this packet replaces. */
static struct wfp_flow *
surviving_tcp_flow(struct wfp_shim *shim, struct wfp_flow *flow)
{
    const struct wfp_packet *packet = shim->packet;
    bool is_syn = (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK)) == WFP_TCP_SYN;
    bool is_new;

    switch ((enum wfp_flow_state)flow->state) {
    case WFP_FLOW_CLOSED:
        is_new = is_syn;
        break;
    case WFP_FLOW_BLOCKED:
        is_new = is_syn || policy_changed(shim, flow);
        break;
    default:
        /* The initiator starts over on the same ports. */
        is_new = is_syn && flow->outbound == !shim->is_inbound &&
                 flow->tcp.initial_sequence != packet->tcp_sequence;
    }
    if (!is_new)
        return flow;
    wfp_flow_end(shim->flows, flow);
    return NULL;
}

static void
plan_tcp(struct wfp_shim *shim, struct wfp_flow *flow)
{
    struct wfp_ale_plan *plan = &shim->plan;
    uint8_t flags = shim->packet->tcp_flags;

    if (flow)
        flow = surviving_tcp_flow(shim, flow);
    if (!flow) {
        bool is_syn_ack = (flags & (WFP_TCP_SYN | WFP_TCP_ACK)) == (WFP_TCP_SYN | WFP_TCP_ACK);

        if (flags & WFP_TCP_RST)
            return;
        plan->action = WFP_ALE_AUTHORIZE;
        plan->outbound = shim->is_inbound == is_syn_ack;
        plan->establish = !(flags & WFP_TCP_SYN) || (is_syn_ack && shim->is_inbound);
        return;
    }
    if (flow->state == WFP_FLOW_CLOSED) {
        wfp_flow_touch(flow, shim->packet->time_100ns);
        plan->closed = flow;
        return;
    }
    shim->flow = flow;
    plan->outbound = flow->outbound;
    if (flow->state == WFP_FLOW_BLOCKED) {
        plan->action = WFP_ALE_REFUSE;
        return;
    }
    plan->reason = find_reason(shim, flow);
    if (plan->reason)
        plan->action = WFP_ALE_REAUTHORIZE;
    plan->establish = completes_handshake(shim, flow);
}

/** Replies to what was sent to a group come from anyone: the group's flow answers for them. */
static struct wfp_flow *
find_group_flow(struct wfp_shim *shim)
{
    struct wfp_flow_key any = shim->plan.key, *key = &shim->plan.key;
    struct wfp_flow *alias, *flow;

    memset(any.remote, 0, sizeof(any.remote));
    any.remote_port = 0;
    alias = wfp_flow_find(shim->flows, &any, wfp_flow_hash(shim->flows, &any),
                          shim->packet->time_100ns);
    if (!alias)
        return NULL;
    flow = wfp_flow_of_id(shim->flows, alias->lifetime.group_id);
    if (flow && flow->is_answered_from_near &&
        !wfp_stack_is_near(shim->stack, key->version, key->remote))
        return NULL;
    if (flow && !flow->is_multicast)
        wfp_flow_touch(alias, shim->packet->time_100ns);
    return flow && flow->key.protocol == key->protocol ? flow : NULL;
}

static void
plan_datagram(struct wfp_shim *shim, struct wfp_flow *flow)
{
    struct wfp_ale_plan *plan = &shim->plan;

    if (!flow && shim->is_inbound)
        flow = find_group_flow(shim);
    if (!flow) {
        plan->action = WFP_ALE_AUTHORIZE;
        plan->outbound = !shim->is_inbound;
        plan->establish = true;
        return;
    }
    shim->flow = flow;
    plan->outbound = flow->outbound;
    plan->establish =
        flow->state == WFP_FLOW_NEW; /* authorized by a completion, without a packet */
    plan->reason = find_reason(shim, flow);
    if (plan->reason)
        plan->action = WFP_ALE_REAUTHORIZE;
}

void
wfp_shim_ale_plan(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    struct wfp_ale_plan *plan = &shim->plan;
    struct wfp_flow *flow;

    plan->action = WFP_ALE_PASS;
    plan->establish = false;
    plan->reason = 0;
    plan->closed = NULL;
    plan->endpoint = 0;
    plan->handle = plan->parent = 0;
    if (!shim->flows || packet->fragment_offset != 0 || wfp_packet_is_icmp_error(packet))
        return;
    set_key(shim);
    if (shim->is_inbound && is_group(shim->local_type)) {
        plan->key = (struct wfp_flow_key){.version = packet->version};
        plan->hash = wfp_flow_hash(shim->flows, &plan->key);
    }
    flow = wfp_flow_find(shim->flows, &plan->key, plan->hash, packet->time_100ns);
    if (packet->protocol == WFP_PROTOCOL_TCP && plan->key.protocol == WFP_PROTOCOL_TCP)
        plan_tcp(shim, flow);
    else
        plan_datagram(shim, flow);
    if (plan->action == WFP_ALE_AUTHORIZE && wfp_shim_pend_finds(shim))
        plan->action = WFP_ALE_WAIT;
    wfp_shim_owner_find(shim);
    shim->requires_ale = shim->is_inbound &&
                         (plan->action == WFP_ALE_AUTHORIZE || plan->action == WFP_ALE_REAUTHORIZE);
}

/** An interface's facts, or FWP_EMPTY for a direction from which no packet was seen. */
static void
set_way(struct wfp_shim *shim, enum wfp_fact interface, enum wfp_fact index, enum wfp_fact type,
        enum wfp_fact tunnel, bool is_known)
{
    static const struct wfp_value empty;

    shim->facts[interface] = is_known ? shim->facts[WFP_FACT_IP_LOCAL_INTERFACE] : empty;
    shim->facts[index] = is_known ? shim->facts[WFP_FACT_INTERFACE_INDEX] : empty;
    shim->facts[type] = is_known ? shim->facts[WFP_FACT_INTERFACE_TYPE] : empty;
    shim->facts[tunnel] = is_known ? shim->facts[WFP_FACT_TUNNEL_TYPE] : empty;
}

static void
set_user(struct wfp_shim *shim)
{
    const struct wfp_user *user = shim->packet->user;

    if (!user) {
        wfp_shim_unset_blob(shim, WFP_FACT_ALE_USER_ID);
        return;
    }
    shim->facts[WFP_FACT_ALE_USER_ID] = (struct wfp_value){
        .type = WFP_TOKEN_ACCESS_INFORMATION, .blob = (struct wfp_blob *)(uintptr_t)&user->access};
    shim->metadata.token = shim->token_of ? shim->token_of(user) : 0;
    if (shim->metadata.token)
        shim->available |= WFP_METADATA_TOKEN;
}

static void
set_process(struct wfp_shim *shim)
{
    const uint16_t *path = shim->packet->process_path_utf16;
    uint32_t units = 0;

    if (shim->packet->process_id != 0) {
        shim->available |= WFP_METADATA_PROCESS_ID;
        shim->metadata.process_id = shim->packet->process_id;
    }
    if (!path) {
        wfp_shim_unset_blob(shim, WFP_FACT_ALE_APP_ID);
        wfp_shim_unset_blob(shim, WFP_FACT_ALE_ORIGINAL_APP_ID);
        return;
    }
    while (path[units])
        units++;
    shim->process_path.size =
        (units + 1) * 2; /* the terminating NUL is part of an application id */
    shim->process_path.data = (uint8_t *)(uintptr_t)path;
    shim->metadata.process_path = &shim->process_path;
    shim->available |= WFP_METADATA_PROCESS_PATH;
    shim->facts[WFP_FACT_ALE_APP_ID] =
        (struct wfp_value){.type = WFP_BYTE_BLOB, .blob = &shim->process_path};
    shim->facts[WFP_FACT_ALE_ORIGINAL_APP_ID] = shim->facts[WFP_FACT_ALE_APP_ID];
}

void
wfp_shim_ale_prepare(struct wfp_shim *shim, uint32_t reason)
{
    static const struct wfp_value empty;
    const struct wfp_flow *flow = shim->flow;

    wfp_shim_prepare(shim);
    set_way(shim, WFP_FACT_IP_ARRIVAL_INTERFACE, WFP_FACT_ARRIVAL_INTERFACE_INDEX,
            WFP_FACT_ARRIVAL_INTERFACE_TYPE, WFP_FACT_ARRIVAL_TUNNEL_TYPE, shim->is_inbound);
    set_way(shim, WFP_FACT_IP_NEXTHOP_INTERFACE, WFP_FACT_NEXTHOP_INTERFACE_INDEX,
            WFP_FACT_NEXTHOP_INTERFACE_TYPE, WFP_FACT_NEXTHOP_TUNNEL_TYPE, !shim->is_inbound);
    shim->facts[WFP_FACT_NEXTHOP_SUB_INTERFACE_INDEX] =
        shim->is_inbound ? empty : shim->facts[WFP_FACT_SUB_INTERFACE_INDEX];
    wfp_shim_set32(shim, WFP_FACT_REAUTHORIZE_REASON, reason);
    if (is_icmp(shim->packet))
        wfp_shim_set16(shim, WFP_FACT_ORIGINAL_ICMP_TYPE,
                       flow ? flow->icmp_type : shim->packet->source_port);
    else
        wfp_shim_unset(shim, WFP_FACT_ORIGINAL_ICMP_TYPE);
    set_process(shim);
    set_user(shim);
}

/** Classify at the flow's authorization layer. */
static bool
classify_auth(struct wfp_shim *shim, uint32_t reason)
{
    uint16_t layer_id = auth_layer(shim, shim->plan.outbound);
    /* A TCP connect has no packet yet when it is authorized. */
    bool with_packet = !shim->plan.outbound || (shim->packet->protocol != WFP_PROTOCOL_TCP &&
                                                shim->resumed != WFP_PEND_AUTHORIZE);
    uint32_t flags = reason ? WFP_CONDITION_IS_REAUTHORIZE : 0;
    bool permitted;

    if (wfp_shim_is_watched(shim, layer_id))
        wfp_shim_ale_prepare(shim, reason);
    flags |= wfp_shim_redirect_tell(shim);
    if (reason) {
        shim->available |= WFP_METADATA_PACKET_DIRECTION;
        shim->metadata.packet_direction = shim->is_inbound ? 1 : 0;
    }
    shim->classify_slot.options.set = 0;
    shim->classify_slot.takes_options = true;
    permitted = wfp_shim_indicate_pendable(shim, layer_id, flags, with_packet, WFP_PEND_AUTHORIZE);
    shim->classify_slot.takes_options = false;
    if (flags & WFP_CONDITION_IS_REDIRECTED)
        wfp_shim_redirect_untell(shim);
    shim->available &= ~WFP_METADATA_PACKET_DIRECTION;
    return permitted;
}

static struct wfp_flow *
make_flow(struct wfp_shim *shim, uint32_t epoch)
{
    const struct wfp_packet *packet = shim->packet;
    struct wfp_flow *flow;

    if (wfp_flow_create(shim->flows, &shim->plan.key, shim->plan.hash, packet->time_100ns, &flow) <
        0)
        return NULL;
    flow->outbound = shim->plan.outbound;
    flow->auth_epoch = epoch;
    flow->interface_index = (uint16_t)packet->interface_index;
    flow->is_loopback = packet->is_loopback;
    flow->is_multicast = is_group(shim->is_inbound ? shim->local_type : shim->remote_type);
    flow->is_answered_by_anyone = flow->is_multicast && flow->outbound;
    if (packet->protocol == WFP_PROTOCOL_TCP)
        flow->tcp.initial_sequence = packet->tcp_sequence;
    if (flow->outbound == shim->is_inbound && packet->protocol == WFP_PROTOCOL_TCP)
        flow->tcp.initial_sequence = /* a SYN-ACK names the SYN it answers */
            wfp_bytes_get32(packet->data + packet->ip_header_size + 8) - 1;
    flow->icmp_type = is_icmp(packet) ? packet->source_port : 0;
    flow->owner = wfp_shim_owner_join(shim);
    wfp_shim_endpoint_join(shim, flow);
    wfp_shim_redirect_join(shim);
    return flow;
}

/** Remember a refused conversation, or a flow that lost its permission, by what refused it. */
static void
mark_blocked(struct wfp_shim *shim, struct wfp_flow *flow, uint32_t epoch)
{
    const struct wfp_verdict *verdict = &shim->decision->verdict;

    flow->auth_epoch = epoch;
    flow->has_lifetime = false; /* its place is taken */
    flow->blocked.layer_id = verdict->layer_id;
    flow->blocked.filter_id = verdict->filter_id;
    flow->blocked.callout_id = verdict->callout_id;
    wfp_flow_touch(flow, shim->packet->time_100ns);
    wfp_flow_set_state(shim->flows, flow, WFP_FLOW_BLOCKED);
    shim->flow = NULL;
}

static void
refuse_conversation(struct wfp_shim *shim, uint32_t epoch)
{
    struct wfp_flow *flow = shim->flow;

    if (shim->plan.key.protocol != WFP_PROTOCOL_TCP) {
        /* The next datagram asks again. A group's flow stands for all; only this packet is lost. */
        if (flow && !(flow->is_multicast && !flow->outbound))
            wfp_flow_end(shim->flows, flow);
        shim->flow = NULL;
        return;
    }
    if (!flow)
        flow = make_flow(shim, epoch);
    if (flow)
        mark_blocked(shim, flow, epoch);
}

/** What callouts at the authorization set (FwpsClassifyOptionSet0), as long as the flow lives. */
static void
take_options(struct wfp_shim *shim, struct wfp_flow *flow)
{
    const struct wfp_classify_options *options = &shim->classify_slot.options;
    enum wfp_classify_option state = WFP_OPTION_LOOSE_SOURCE,
                             lifetime = WFP_OPTION_UNICAST_LIFETIME;

    if (flow->is_multicast) {
        state = WFP_OPTION_MULTICAST_STATE;
        lifetime = WFP_OPTION_MULTICAST_LIFETIME;
    }
    if (options->set & 1u << lifetime)
        wfp_flow_set_lifetime(shim->flows, flow, options->values[lifetime]);
    if (!flow->outbound || flow->key.protocol == WFP_PROTOCOL_TCP)
        return;
    if (!(options->set & 1u << state))
        return;
    flow->is_answered_from_near = flow->is_multicast && options->values[state] == WFP_OPTION_NEAR;
    flow->is_answered_by_anyone = flow->is_multicast ? options->values[state] != WFP_OPTION_DENY
                                                     : options->values[state] == WFP_OPTION_ENABLE;
}

/** What is sent to a group may be answered by anyone for a while. */
static void
expect_answers(struct wfp_shim *shim)
{
    struct wfp_flow_key any = shim->plan.key;
    struct wfp_flow *alias;
    uint32_t hash;

    memset(any.remote, 0, sizeof(any.remote));
    any.remote_port = 0;
    hash = wfp_flow_hash(shim->flows, &any);
    alias = wfp_flow_find(shim->flows, &any, hash, shim->packet->time_100ns);
    if (!alias && wfp_flow_create(shim->flows, &any, hash, shim->packet->time_100ns, &alias) < 0)
        return;
    alias->outbound = true;
    alias->is_multicast = shim->flow->is_multicast;
    alias->lifetime.group_id = shim->flow->id;
    if (shim->flow->has_lifetime)
        wfp_flow_set_lifetime(shim->flows, alias, shim->flow->lifetime.seconds);
    wfp_flow_touch(alias, shim->packet->time_100ns);
}

static bool
establish(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, ALE_FLOW_ESTABLISHED);
    struct wfp_flow *flow = shim->flow;

    wfp_flow_set_state(shim->flows, flow, WFP_FLOW_ESTABLISHED);
    if (wfp_shim_is_watched(shim, layer_id)) {
        wfp_shim_ale_prepare(shim, 0);
        wfp_shim_set32(shim, WFP_FACT_DIRECTION, flow->outbound ? WFP_OUTBOUND : WFP_INBOUND);
    }
    if (!wfp_shim_indicate(shim, layer_id, 0, true)) {
        refuse_conversation(shim, flow->auth_epoch);
        return false;
    }
    wfp_shim_set32(shim, WFP_FACT_DIRECTION, shim->is_inbound ? WFP_INBOUND : WFP_OUTBOUND);
    return true;
}

/** The flow is permitted as it goes on now. */
static void
renew(const struct wfp_shim *shim, struct wfp_flow *flow, uint32_t epoch)
{
    flow->auth_epoch = epoch;
    if (shim->plan.reason &
        (WFP_REAUTHORIZE_NEW_ARRIVAL_INTERFACE | WFP_REAUTHORIZE_NEW_NEXTHOP_INTERFACE))
        flow->other_interface_index = (uint16_t)shim->packet->interface_index;
}

static bool
authorize(struct wfp_shim *shim)
{
    struct wfp_ale_plan *plan = &shim->plan;
    struct wfp_flow *flow = shim->flow;
    uint32_t epoch;

    switch (plan->action) {
    case WFP_ALE_PASS:
        break;
    case WFP_ALE_REFUSE:
        wfp_flow_touch(flow, shim->packet->time_100ns);
        shim->flow = NULL;
        return wfp_shim_refuse(shim, flow->blocked.layer_id, flow->blocked.filter_id,
                               flow->blocked.callout_id);
    case WFP_ALE_WAIT:
        return wfp_shim_pend_wait(shim);
    case WFP_ALE_AUTHORIZE:
    case WFP_ALE_REAUTHORIZE:
        /* Read before the classify: what changes meanwhile asks again. */
        epoch = (uint32_t)wfp_engine_layer_epoch(shim->engine, auth_layer(shim, plan->outbound));
        if ((plan->action == WFP_ALE_AUTHORIZE &&
             (!wfp_shim_endpoint_open(shim) || !wfp_shim_redirect_connect(shim))) ||
            !classify_auth(shim, shim->resumed == WFP_PEND_AUTHORIZE
                                     ? WFP_REAUTHORIZE_CLASSIFY_COMPLETION
                                     : plan->reason)) {
            if (!shim->is_pended)
                refuse_conversation(shim, epoch);
            return false;
        }
        if (plan->action == WFP_ALE_AUTHORIZE)
            shim->flow = flow = make_flow(shim, epoch);
        else
            renew(shim, flow, epoch);
        if (UNLIKELY(shim->classify_slot.options.set && flow))
            take_options(shim, flow);
        break;
    }
    if (!flow)
        return true;
    if (shim->resumed == WFP_PEND_AUTHORIZE && shim->packet->protocol != WFP_PROTOCOL_TCP)
        return true; /* its first packet establishes it */
    if (plan->establish && !establish(shim))
        return false;
    if (flow->is_answered_by_anyone && !shim->is_inbound)
        expect_answers(shim);
    return true;
}

bool
wfp_shim_ale_authorize(struct wfp_shim *shim)
{
    bool passed = authorize(shim);

    if (shim->plan.action == WFP_ALE_AUTHORIZE || shim->resumed)
        wfp_shim_redirect_settle(shim);
    return passed;
}

void
wfp_shim_ale_abandon(struct wfp_shim *shim)
{
    if (shim->flow)
        mark_blocked(shim, shim->flow, shim->flow->auth_epoch);
}

/** Note FINs and their acknowledgements; both ways done, the connection is over. */
static void
follow_fin(struct wfp_shim *shim, struct wfp_flow *flow)
{
    const struct wfp_packet *packet = shim->packet;
    uint32_t header = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    unsigned side = shim->is_inbound, other = !side;

    if (packet->tcp_flags & WFP_TCP_FIN) {
        flow->tcp.fin_sequence[side] = packet->tcp_sequence + (packet->wire_length - header) + 1;
        flow->fin_seen |= (uint8_t)(1u << side);
    }
    if ((flow->fin_seen & 1u << other) && (packet->tcp_flags & WFP_TCP_ACK)) {
        uint32_t acknowledged = wfp_bytes_get32(packet->data + packet->ip_header_size + 8);

        if ((int32_t)(acknowledged - flow->tcp.fin_sequence[other]) >= 0)
            flow->fin_seen |= (uint8_t)(4u << other);
    }
    if (flow->fin_seen == 0xf)
        wfp_flow_set_state(shim->flows, flow, WFP_FLOW_CLOSED);
}

void
wfp_shim_ale_finish(struct wfp_shim *shim)
{
    struct wfp_flow *flow = shim->flow;

    if (!flow)
        return;
    if (flow->is_multicast && flow->outbound && shim->is_inbound)
        return; /* only what is sent keeps a group's flow alive */
    wfp_flow_touch(flow, shim->packet->time_100ns);
    if (flow->key.protocol != WFP_PROTOCOL_TCP)
        return;
    if (shim->packet->tcp_flags & WFP_TCP_RST)
        wfp_flow_set_state(shim->flows, flow, WFP_FLOW_CLOSED);
    else if (flow->fin_seen || (shim->packet->tcp_flags & WFP_TCP_FIN))
        follow_fin(shim, flow);
}
