/*
 * One frame's way through the layers.
 *
 * Model      outbound: [ALE_BIND_REDIRECT, ALE_RESOURCE_ASSIGNMENT], ALE_CONNECT_REDIRECT,
 *                      ALE_AUTH_CONNECT, ALE_FLOW_ESTABLISHED, DATAGRAM_DATA, [OUTBOUND_ICMP_ERROR],
 *                      STREAM, STREAM_PACKET, OUTBOUND_TRANSPORT, OUTBOUND_IPPACKET
 *            inbound:  INBOUND_IPPACKET, INBOUND_TRANSPORT, [INBOUND_ICMP_ERROR],
 *                      ALE_AUTH_RECV_ACCEPT, ALE_FLOW_ESTABLISHED, DATAGRAM_DATA, STREAM_PACKET,
 *                      STREAM
 *            forward:  IPFORWARD
 *            A block anywhere ends the way. Between two local ends a packet goes out and then in.
 * Ref        win32 FWP/tcp-packet-flows, FWP/udp-packet-flows
 */
#include "core/shims/stack_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/model/layer.h"
#include "core/packet/fragment.h"
#include "core/stream/stream.h"

#define IF_TYPE_ETHERNET 6
#define IF_TYPE_LOOPBACK 24
#define LOOPBACK_INDEX   1u /* Linux' lo, in every network namespace */

/** Which ways a packet goes through the stack. */
enum ways { OUT = 1, IN = 2, THROUGH = 4 };

/**
 * The plane's word counts; else the addresses tell. A packet to a group from elsewhere comes in.
 * Two local ends: both ways, unless the plane shows each way by itself.
 */
static unsigned
find_ways(const struct wfp_stack *stack, struct wfp_packet *packet, enum wfp_direction_hint hint,
          enum wfp_address_type to)
{
    bool from_here = wfp_stack_is_local(stack, packet->version, packet->source);
    bool to_here = to == WFP_ADDRESS_UNICAST &&
                   wfp_stack_is_local(stack, packet->version, packet->destination);

    packet->is_loopback = from_here && to_here;
    switch (hint) {
    case WFP_HINT_OUTBOUND:
        return OUT;
    case WFP_HINT_INBOUND:
        return IN;
    case WFP_HINT_FORWARD:
        return THROUGH;
    default:
        break;
    }
    if (from_here)
        return to_here ? OUT | IN : OUT;
    return to_here || to != WFP_ADDRESS_UNICAST ? IN : THROUGH;
}

/** The layers above OUTBOUND_IPPACKET. */
static bool
go_down(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    bool is_error = wfp_packet_is_icmp_error(packet);

    wfp_shim_ale_plan(shim);
    if (!wfp_shim_ale_authorize(shim))
        return false;
    if (is_error && !wfp_shim_icmp_error_outbound(shim))
        return false;
    if (packet->protocol != WFP_PROTOCOL_TCP && !is_error && !wfp_shim_datagram(shim))
        return false;
    if (packet->protocol == WFP_PROTOCOL_TCP &&
        !(wfp_shim_stream(shim) && wfp_shim_stream_packet(shim)))
        return false;
    return wfp_shim_transport_outbound(shim);
}

/** What refused a datagram's first fragment refuses its others. */
static void
remember_refusal(struct wfp_stack *stack, const struct wfp_packet *packet)
{
    const struct wfp_verdict *verdict = &stack->shim.decision->verdict;
    struct wfp_fragment_refusal refusal = {verdict->filter_id, verdict->callout_id,
                                           verdict->layer_id};
    struct wfp_packet sent = *packet;

    wfp_fragment_refuse(stack->fragments, packet, &refusal);
    if (LIKELY(!stack->shim.redirect.is_changed))
        return;
    sent.source = stack->shim.redirect.app.source; /* nothing is redirected now */
    sent.destination = stack->shim.redirect.app.destination;
    wfp_fragment_refuse(stack->fragments, &sent, &refusal);
}

/** The link is the last to see what leaves. */
static bool
leave(struct wfp_shim *shim)
{
    struct wfp_packet *packet = shim->packet;

    if (LIKELY(!shim->frame || !shim->frame->mac) || packet->is_loopback)
        return true;
    if (packet->modified && packet->data != shim->frame->data)
        memcpy(shim->frame->data, packet->data, MIN(packet->length, shim->frame->length));
    return wfp_shim_mac(shim, false);
}

/**
 * Outbound datagrams that arrive here in fragments were whole above the IP layer; their first
 * fragment stands for them there. @return true if every layer let it pass
 */
static bool
go_out(struct wfp_stack *stack)
{
    struct wfp_shim *shim = &stack->shim;
    const struct wfp_packet *packet = shim->packet;
    struct wfp_fragment_refusal refusal;

    if (packet->fragment_offset == 0) {
        if (!go_down(shim)) {
            if (packet->is_fragment)
                remember_refusal(stack, packet);
            return false;
        }
    } else if (wfp_fragment_find_refusal(stack->fragments, packet, &refusal)) {
        return wfp_shim_refuse(shim, refusal.layer_id, refusal.filter_id, refusal.callout_id);
    }
    if (!wfp_shim_ippacket_outbound(shim) || !leave(shim))
        return false;
    wfp_shim_ale_finish(shim);
    return true;
}

/** What follows INBOUND_IPPACKET once a datagram is whole. */
static bool
go_up(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;

    wfp_shim_ale_plan(shim);
    if (!shim->resumed && !wfp_shim_transport_inbound(shim))
        return false;
    if (wfp_packet_is_icmp_error(packet))
        return wfp_shim_icmp_error_inbound(shim);
    if (!wfp_shim_ale_authorize(shim))
        return false;
    if (packet->protocol != WFP_PROTOCOL_TCP && !wfp_shim_datagram(shim))
        return false;
    if (packet->protocol == WFP_PROTOCOL_TCP &&
        !(wfp_shim_stream_packet(shim) && wfp_shim_stream(shim)))
        return false;
    wfp_shim_ale_finish(shim);
    return true;
}

void
wfp_stack_release(const struct wfp_stack *stack, struct wfp_packet *packet)
{
    if (packet->adapter && stack->config.packet_release)
        stack->config.packet_release(stack->config.release_context, packet);
}

/**
 * A fragment is shown as a packet, as a fragment, and, once it completes its datagram, the datagram
 * goes up. A block of the datagram takes the completing fragment, so the datagram never gets whole.
 */
static bool
take_fragment(struct wfp_stack *stack)
{
    struct wfp_shim *shim = &stack->shim;
    struct wfp_packet whole;
    bool passed;

    if (!wfp_shim_ippacket_inbound(shim, WFP_CONDITION_IS_FRAGMENT))
        return false;
    if (wfp_fragment_add(stack->fragments, shim->packet, &whole) != WFP_FRAGMENT_COMPLETE ||
        wfp_packet_parse(&whole) != WFP_DECODED || whole.is_fragment)
        return true;
    shim->packet = &whole;
    shim->is_ready = false;
    passed = wfp_shim_ippacket_inbound(shim, WFP_CONDITION_IS_REASSEMBLED) && go_up(shim);
    wfp_stack_release(stack, &whole);
    shim->packet = NULL;
    return passed;
}

/** Would the host itself answer, for want of a socket? Asked only where a filter wants to know. */
static bool
is_for_no_one(struct wfp_stack *stack)
{
    struct wfp_shim *shim = &stack->shim;
    const struct wfp_packet *packet = shim->packet;
    bool is_syn = packet->protocol == WFP_PROTOCOL_TCP &&
                  (packet->tcp_flags & (WFP_TCP_SYN | WFP_TCP_ACK)) == WFP_TCP_SYN;

    if (!stack->config.is_awaited || packet->is_fragment || shim->is_injected ||
        shim->local_type != WFP_ADDRESS_UNICAST ||
        (!is_syn && packet->protocol != WFP_PROTOCOL_UDP) ||
        !wfp_shim_is_watched(
            shim, wfp_layer_discard_twin(is_syn ? WFP_SHIM_LAYER(shim, INBOUND_TRANSPORT)
                                                : WFP_SHIM_LAYER(shim, INBOUND_IPPACKET))))
        return false;
    return !stack->config.is_awaited(stack->config.find_owner_context, packet);
}

static bool
come_in(struct wfp_stack *stack, bool no_endpoint)
{
    struct wfp_shim *shim = &stack->shim;

    if (!wfp_shim_ippacket_inbound(shim, 0))
        return false;
    if (UNLIKELY(no_endpoint || is_for_no_one(stack)))
        return wfp_shim_discard_no_endpoint(shim);
    return shim->packet->is_fragment ? take_fragment(stack) : go_up(shim);
}

static void
set_types(struct wfp_shim *shim, enum wfp_address_type source, enum wfp_address_type destination)
{
    shim->local_type = shim->is_inbound ? destination : source;
    shim->remote_type = shim->is_inbound ? source : destination;
}

/** What was on its way out is for this machine now: it does not leave by the device it was routed to. */
static void
keep_here(const struct wfp_stack *stack, struct wfp_packet *packet)
{
    if (stack->config.is_looped || packet->direction != WFP_OUTBOUND ||
        !wfp_stack_is_local(stack, packet->version, packet->destination))
        return;
    packet->is_loopback = true;
    packet->interface_index = LOOPBACK_INDEX;
    packet->interface_type = IF_TYPE_LOOPBACK;
}

void
wfp_stack_reclassify_ends(struct wfp_shim *shim)
{
    const struct wfp_stack *stack = shim->stack;
    struct wfp_packet *packet = shim->packet;
    enum wfp_address_type to =
        wfp_stack_address_type(packet->version, packet->destination, packet->link_broadcast);

    packet->is_loopback = wfp_stack_is_local(stack, packet->version, packet->source) &&
                          to == WFP_ADDRESS_UNICAST &&
                          wfp_stack_is_local(stack, packet->version, packet->destination);
    keep_here(stack, packet);
    set_types(shim, wfp_stack_address_type(packet->version, packet->source, false), to);
}

/** What a driver sends at the network layer is not shown to those above. */
static void
send_network(struct wfp_stack *stack, struct wfp_packet *packet, struct wfp_decision *decision)
{
    struct wfp_shim *shim = &stack->shim;

    decision->direction = packet->direction = WFP_OUTBOUND;
    wfp_shim_begin(shim, packet, decision, false);
    set_types(shim, wfp_stack_address_type(packet->version, packet->source, false),
              wfp_stack_address_type(packet->version, packet->destination, packet->link_broadcast));
    wfp_shim_ippacket_outbound(shim);
}

/** What a plane shows of a packet that passes through is the frame that brought it. */
static bool
pass_through(struct wfp_shim *shim)
{
    return wfp_shim_mac(shim, true) && wfp_shim_forward(shim, 0) && wfp_shim_group(shim);
}

static void
arrive(struct wfp_stack *stack, struct wfp_packet *packet, struct wfp_decision *decision,
       bool no_endpoint)
{
    packet->direction = WFP_INBOUND;
    wfp_shim_begin(&stack->shim, packet, decision, true);
    set_types(&stack->shim, wfp_stack_address_type(packet->version, packet->source, false),
              wfp_stack_address_type(packet->version, packet->destination, packet->link_broadcast));
    if (!packet->is_loopback && !wfp_shim_mac(&stack->shim, true))
        return;
    come_in(stack, no_endpoint);
}

/** Sockets were moved, or may be by whoever waits for their binds. */
static bool
may_be_moved(const struct wfp_shim *shim, const struct wfp_packet *packet)
{
    return wfp_shim_redirect_is_used(shim) ||
           (shim->redirects &&
            !wfp_engine_layer_is_empty(shim->engine, packet->version == 4
                                                         ? WFP_LAYER_ALE_BIND_REDIRECT_V4
                                                         : WFP_LAYER_ALE_BIND_REDIRECT_V6));
}

static void
run(struct wfp_stack *stack, struct wfp_packet *packet, enum wfp_direction_hint hint,
    bool no_endpoint, struct wfp_decision *decision)
{
    struct wfp_shim *shim = &stack->shim;
    enum wfp_arrival arrival = WFP_ARRIVAL_UNKNOWN;
    enum wfp_address_type to, from;
    unsigned ways;

    if (UNLIKELY(may_be_moved(shim, packet)))
        arrival = wfp_shim_moved_arrive(shim, &stack->aside, packet, hint);
    if (UNLIKELY(wfp_shim_redirect_is_used(shim)))
        hint = wfp_shim_redirect_take(shim, packet, hint, stack->config.is_looped);
    if (UNLIKELY(arrival != WFP_ARRIVAL_UNKNOWN))
        no_endpoint = arrival == WFP_ARRIVAL_NOBODY;
    to = wfp_stack_address_type(packet->version, packet->destination, packet->link_broadcast);
    from = wfp_stack_address_type(packet->version, packet->source, false);
    ways = find_ways(stack, packet, hint, to);

    if (packet->interface_type == 0)
        packet->interface_type = packet->is_loopback ? IF_TYPE_LOOPBACK : IF_TYPE_ETHERNET;
    decision->direction = packet->direction = ways & OUT  ? WFP_OUTBOUND
                                              : ways & IN ? WFP_INBOUND
                                                          : WFP_FORWARD;
    if (UNLIKELY(packet->modified))
        keep_here(stack, packet);
    if (ways & (OUT | THROUGH)) {
        wfp_shim_begin(shim, packet, decision, false);
        set_types(shim, from, to);
        if (!(ways & THROUGH ? pass_through(shim) : go_out(stack)))
            return;
        if (UNLIKELY(shim->redirect.is_changed) && stack->config.is_looped && packet->is_loopback)
            ways |= IN; /* the packet was sent to somebody else, and is for this machine now */
    }
    if (ways & IN)
        arrive(stack, packet, decision, no_endpoint);
    if (UNLIKELY(arrival == WFP_ARRIVAL_TAKEN))
        wfp_shim_moved_settle(shim);
    if (UNLIKELY(arrival == WFP_ARRIVAL_NOBODY) && decision->outcome == WFP_PERMITTED)
        wfp_shim_moved_close(shim, packet);
}

/** What a driver injected as a frame: its list shows the frame, not the packet in it. */
static bool
is_link_entry(const struct wfp_frame *frame)
{
    return frame->entry == WFP_ENTRY_MAC_SEND || frame->entry == WFP_ENTRY_MAC_RECEIVE;
}

/** What the frame says; the header fields are the parser's. (Clearing it all first costs too much.) */
static void
begin_packet(struct wfp_packet *packet, const struct wfp_frame *frame)
{
    packet->data = frame->data;
    packet->length = frame->length;
    packet->headroom = frame->headroom;
    packet->wire_length = frame->wire_length;
    packet->time_100ns = frame->time_100ns;
    packet->interface_index = frame->interface_index;
    packet->sub_interface_index = 0;
    packet->interface_luid = 0;
    packet->interface_type = frame->interface_type;
    packet->direction = WFP_INBOUND;
    packet->is_loopback = false;
    packet->link_broadcast = frame->link_broadcast;
    packet->process_id = frame->process_id;
    packet->process_path_utf16 = frame->process_path_utf16;
    packet->user = frame->user;
    packet->path_mtu = frame->path_mtu;
    packet->control_data_length = frame->control_data_length;
    packet->control_data = frame->control_data;
    packet->plane_id = frame->plane_id;
    packet->adapter = is_link_entry(frame) ? NULL : frame->adapter;
    packet->modified = false;
    packet->next_fragment = NULL;
}

/** A driver's frame that no MAC layer was shown still has its list. */
static void
release_frame(struct wfp_stack *stack, struct wfp_frame *frame)
{
    stack->shim.frame = NULL;
    if (LIKELY(!is_link_entry(frame) || !frame->adapter))
        return;
    struct wfp_packet mac = {.adapter = frame->adapter};
    frame->adapter = NULL;
    wfp_stack_release(stack, &mac);
}

/** Write who sends it into an IP header that was made for a driver's data. */
static enum wfp_undecodable
name_sender(struct wfp_stack *stack, struct wfp_frame *frame)
{
    const struct wfp_shim *shim = &stack->shim;
    bool is_v4 = frame->data[0] >> 4 == 4;
    struct wfp_endpoint socket = {0};
    struct wfp_flow *flow;
    uint32_t number;

    if (!shim->flows)
        return WFP_UNDECODABLE_NO_SOCKET;
    flow = wfp_flow_of_id(shim->flows, frame->sender & ~(1ull << 63));
    if (frame->sender >> 63 && flow) {
        socket.version = flow->key.version;
        socket.protocol = flow->key.protocol;
        memcpy(socket.local, flow->key.local, sizeof(socket.local));
    } else if ((number = wfp_endpoint_by_handle(shim->endpoints, frame->sender)) != 0) {
        socket = *wfp_endpoint_at(shim->endpoints, number);
    }
    if (socket.version != (is_v4 ? 4 : 6))
        return WFP_UNDECODABLE_NO_SOCKET;
    if (!is_v4) {
        frame->data[6] = socket.protocol;
        memcpy(frame->data + 8, socket.local, 16);
        return WFP_DECODED;
    }
    frame->data[9] = socket.protocol;
    memcpy(frame->data + 12, socket.local, 4);
    wfp_bytes_put16(frame->data + 10, 0);
    wfp_bytes_put16(frame->data + 10,
                    (uint16_t)wfp_checksum_fold(wfp_checksum_add(0, frame->data, 20)));
    return WFP_DECODED;
}

/** What is let in reaches the application from whom it asked, where it bound its socket. */
static void
give_back(struct wfp_stack *stack, struct wfp_frame *frame, const struct wfp_decision *decision,
          enum wfp_direction last_way)
{
    if (LIKELY(!wfp_shim_redirect_is_used(&stack->shim)) || stack->config.is_recording ||
        decision->outcome != WFP_PERMITTED)
        return;
    if (decision->direction == WFP_INBOUND || (stack->config.is_looped && last_way == WFP_INBOUND))
        wfp_shim_redirect_give_back(&stack->shim, frame);
}

/** A packet for this machine that can't be decoded: the layers that would have dropped it see it. */
static void
discard(struct wfp_stack *stack, struct wfp_frame *frame, struct wfp_packet *packet,
        struct wfp_decision *decision)
{
    enum wfp_address_type to;

    if (frame->entry != WFP_ENTRY_WIRE || !wfp_shim_discard_takes(packet, decision->reason))
        return;
    to = wfp_stack_address_type(packet->version, packet->destination, packet->link_broadcast);
    if (find_ways(stack, packet, frame->hint, to) != IN)
        return;
    if (packet->interface_type == 0)
        packet->interface_type = IF_TYPE_ETHERNET;
    wfp_shim_begin(&stack->shim, packet, decision, true);
    set_types(&stack->shim, wfp_stack_address_type(packet->version, packet->source, false), to);
    wfp_shim_discard_undecodable(&stack->shim, decision->reason);
    frame->modified = packet->modified;
    if (packet->modified && packet->data != frame->data)
        memcpy(frame->data, packet->data, MIN(packet->length, frame->length));
}

void
wfp_stack_packet(struct wfp_stack *stack, struct wfp_frame *frame,
                 struct wfp_decision *ret_decision)
{
    struct wfp_packet packet;

    if (UNLIKELY(frame->sender != 0))
        frame->link_reason = name_sender(stack, frame);
    begin_packet(&packet, frame);
    /* The steps are written one by one; clearing them all would cost more than deciding. */
    ret_decision->outcome = WFP_PERMITTED;
    ret_decision->reason = frame->link_reason;
    ret_decision->direction = WFP_INBOUND;
    ret_decision->verdict = (struct wfp_verdict){.action = WFP_ACTION_PERMIT};
    ret_decision->is_replaced = false;
    ret_decision->step_count = 0;
    ret_decision->steps_lost = 0;
    if (frame->link_reason == WFP_DECODED)
        ret_decision->reason = wfp_packet_parse(&packet);
    stack->shim.frame = frame;
    if (ret_decision->reason != WFP_DECODED) {
        if (!frame->mac || !wfp_shim_mac_only(&stack->shim, ret_decision))
            ret_decision->outcome = WFP_UNDECODED;
        if (ret_decision->outcome == WFP_UNDECODED)
            discard(stack, frame, &packet, ret_decision);
        wfp_stack_release(stack, &packet);
        release_frame(stack, frame);
        return;
    }
    if (stack->shim.owners)
        wfp_owner_purge(stack->shim.owners);
    wfp_stack_advance(stack, packet.time_100ns);
    stack->shim.is_injected = frame->entry != WFP_ENTRY_WIRE;
    switch (frame->entry) {
    case WFP_ENTRY_SEND_NETWORK:
        send_network(stack, &packet, ret_decision);
        break;
    case WFP_ENTRY_MAC_SEND:
        wfp_shim_mac_only(&stack->shim, ret_decision);
        break;
    case WFP_ENTRY_FORWARD:
        ret_decision->direction = WFP_FORWARD;
        break;
    case WFP_ENTRY_SEND_TRANSPORT:
        run(stack, &packet, WFP_HINT_OUTBOUND, false, ret_decision);
        break;
    case WFP_ENTRY_RECEIVE:
    case WFP_ENTRY_MAC_RECEIVE:
        run(stack, &packet, WFP_HINT_INBOUND, frame->no_endpoint, ret_decision);
        break;
    default:
        run(stack, &packet, frame->hint, frame->no_endpoint, ret_decision);
    }
    frame->modified = packet.modified;
    frame->process_id = packet.process_id; /* what was found of its owner */
    frame->process_path_utf16 = packet.process_path_utf16;
    frame->user = packet.user;
    if (packet.modified && packet.data != frame->data) /* the adapter worked on a copy */
        memcpy(frame->data, packet.data, MIN(packet.length, frame->length));
    wfp_stack_release(stack, &packet);
    release_frame(stack, frame);
    give_back(stack, frame, ret_decision, packet.direction);
}

enum wfp_socket_answer
wfp_stack_socket(struct wfp_stack *stack, const struct wfp_socket *socket,
                 enum wfp_socket_event event)
{
    return stack->aside.endpoints ? wfp_shim_endpoint_event(&stack->aside, socket, event)
                                  : WFP_SOCKET_PERMITTED;
}

static void
resume_socket(struct wfp_stack *stack, struct wfp_pend *pend)
{
    struct wfp_socket socket;
    enum wfp_socket_answer answer = wfp_shim_endpoint_reopen(&stack->aside, pend, &socket);

    if (answer != WFP_SOCKET_WAITS && stack->config.socket_decided)
        stack->config.socket_decided(stack->config.decided_context, &socket,
                                     answer == WFP_SOCKET_PERMITTED);
}

/* Of datagrams whose connect was pended only the conversation is left; a driver keeps the data. */
static bool
take_up(struct wfp_stack *stack, enum wfp_pend_stage stage)
{
    struct wfp_shim *shim = &stack->shim;

    if (stage == WFP_PEND_AUTHORIZE && shim->packet->protocol != WFP_PROTOCOL_TCP) {
        wfp_shim_ale_plan(shim);
        wfp_shim_ale_authorize(shim);
        return false;
    }
    if (shim->is_inbound ? go_up(shim) : go_out(stack))
        return true;
    return !shim->is_pended; /* blocked is an answer, too */
}

static void
resume(struct wfp_stack *stack, struct wfp_pend *pend, wfp_stack_resumed *take, void *context)
{
    struct wfp_shim *shim = &stack->shim;
    enum wfp_pend_stage stage;
    bool is_outbound;
    struct wfp_frame *frame = wfp_pend_frame(pend, &stage, &is_outbound);
    struct wfp_decision decision;
    struct wfp_packet packet;

    if (stage == WFP_PEND_CLOSURE)
        wfp_shim_endpoint_resume(&stack->aside, pend);
    if (wfp_pend_opening(pend))
        resume_socket(stack, pend);
    if (!frame)
        return;
    begin_packet(&packet, frame);
    memset(&decision, 0, sizeof(decision));
    decision.verdict.action = WFP_ACTION_PERMIT;
    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return; /* it was decoded before */
    if (packet.interface_type == 0)
        packet.interface_type = IF_TYPE_ETHERNET;
    packet.is_loopback = wfp_stack_is_local(stack, packet.version, packet.source) &&
                         wfp_stack_is_local(stack, packet.version, packet.destination);
    decision.direction = packet.direction = is_outbound ? WFP_OUTBOUND : WFP_INBOUND;
    wfp_shim_begin(shim, &packet, &decision, !is_outbound);
    set_types(shim, wfp_stack_address_type(packet.version, packet.source, false),
              wfp_stack_address_type(packet.version, packet.destination, packet.link_broadcast));
    shim->is_injected = false;
    shim->frame = NULL; /* what is kept of it begins at the IP header */
    shim->resumed = stage;
    shim->answer = wfp_shim_pend_take(shim, pend);
    if (take_up(stack, stage)) {
        if (is_outbound && decision.outcome == WFP_PERMITTED && packet.is_loopback &&
            stack->config.is_looped)
            arrive(stack, &packet, &decision, false);
        if (packet.modified && packet.data != frame->data)
            memcpy(frame->data, packet.data, MIN(packet.length, frame->length));
        give_back(stack, frame, &decision, packet.direction);
        take(context, frame, &decision);
    }
    wfp_stack_release(stack, &packet);
}

/**
 * A stream's own segment: out through the layers below the stream, or in to the local end. On a
 * loopback connection of a capture what goes out also comes in.
 */
static void
take_segment(struct wfp_stack *stack, struct wfp_stream_segment *segment, wfp_stack_resumed *take,
             void *context)
{
    struct wfp_shim *shim = &stack->shim;
    struct wfp_frame *frame = &segment->frame;
    bool is_outbound = frame->hint == WFP_HINT_OUTBOUND, passed = true;
    struct wfp_decision decision;
    struct wfp_packet packet;

    begin_packet(&packet, frame);
    memset(&decision, 0, sizeof(decision));
    decision.verdict.action = WFP_ACTION_PERMIT;
    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return;
    packet.is_loopback = wfp_stack_is_local(stack, packet.version, packet.source) &&
                         wfp_stack_is_local(stack, packet.version, packet.destination);
    decision.direction = packet.direction = is_outbound ? WFP_OUTBOUND : WFP_INBOUND;
    wfp_shim_begin(shim, &packet, &decision, !is_outbound);
    set_types(shim, wfp_stack_address_type(packet.version, packet.source, false),
              wfp_stack_address_type(packet.version, packet.destination, false));
    shim->is_injected = true;
    shim->frame = NULL;
    shim->flow = wfp_flow_of_id(shim->flows, segment->flow_id);
    if (shim->flow && stack->config.has_deaf_ends)
        wfp_shim_ale_finish(shim); /* live, the ends' own packets tell */
    if (is_outbound)
        passed = wfp_shim_stream_packet(shim) && wfp_shim_transport_outbound(shim) &&
                 wfp_shim_ippacket_outbound(shim);
    if (passed && is_outbound && packet.is_loopback && stack->config.is_looped)
        arrive(stack, &packet, &decision, false);
    if (packet.data != frame->data)
        memcpy(frame->data, packet.data, MIN(packet.length, frame->length));
    give_back(stack, frame, &decision, packet.direction);
    take(context, frame, &decision);
    wfp_stack_release(stack, &packet);
}

static _noinline_ void
resume_all(struct wfp_stack *stack, wfp_stack_resumed *take, void *context)
{
    struct wfp_stream_segment *segment;
    struct wfp_pend *pend;

    while ((pend = wfp_pend_take_completed(stack->shim.pends)) != NULL) {
        resume(stack, pend, take, context);
        wfp_pend_free(pend);
    }
    do
        while ((segment = wfp_stream_take_segment(stack->shim.streams)) != NULL) {
            take_segment(stack, segment, take, context);
            free(segment);
        }
    while (wfp_stream_work(stack->shim.streams));
}

static _noinline_ void
resume_groups(struct wfp_stack *stack, wfp_stack_resumed *take, void *context)
{
    struct wfp_decision decision;
    struct wfp_frame *fragment;

    while ((fragment = wfp_group_take(stack->shim.groups, &decision)) != NULL) {
        take(context, fragment, &decision);
        wfp_group_drop(fragment);
    }
}

void
wfp_stack_resume(struct wfp_stack *stack, wfp_stack_resumed *take, void *context)
{
    const struct wfp_shim *shim = &stack->shim;

    if (UNLIKELY(shim->groups != NULL))
        resume_groups(stack, take, context);

    if (UNLIKELY(shim->pends &&
                 (wfp_pend_has_completed(shim->pends) || wfp_stream_has_work(shim->streams))))
        resume_all(stack, take, context);
}

void
wfp_stack_advance(struct wfp_stack *stack, uint64_t time_100ns)
{
    if (!stack->shim.flows)
        return;
    wfp_flow_advance(stack->shim.flows, time_100ns);
    if (UNLIKELY(wfp_redirect_table_count(stack->shim.redirects) != 0))
        wfp_redirect_table_advance(stack->shim.redirects, time_100ns);
    wfp_stream_advance(stack->shim.streams, time_100ns);
}
