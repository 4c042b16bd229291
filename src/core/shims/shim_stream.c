/*
 * STREAM: the bytes of watched TCP flows; STREAM_PACKET: their segments.
 *
 * Model      STREAM is asked per run of bytes, not per packet: core/stream does that. Here is what joins
 *            it to a packet's way: a stream is made when a watched flow is first met, and a packet
 *            whose bytes the stream took ends here; segments of the stream's own go on in its place.
 * Ref        windows-driver-docs network/stream-inspection; win32
 *            FWP/filtering-condition-identifiers- (direction: the connection's at STREAM)
 */
#include "core/stream/stream.h"

#include "core/packet/bytes.h"
#include "core/shims/shim.h"

#define ACK_AT 8 /* in a TCP header */

static void
set_direction(struct wfp_shim *shim, bool outbound)
{
    wfp_shim_set32(shim, WFP_FACT_DIRECTION, outbound ? WFP_OUTBOUND : WFP_INBOUND);
}

static struct wfp_stream *
open_stream(struct wfp_shim *shim, uint16_t layer_id)
{
    struct wfp_value values[WFP_FIELD_MAX];

    wfp_shim_prepare(shim);
    set_direction(shim, shim->flow->outbound);
    wfp_shim_set32(shim, WFP_FACT_FLAGS, shim->flow->is_loopback ? WFP_CONDITION_IS_LOOPBACK : 0);
    wfp_shim_gather(shim, layer_id, values);
    set_direction(shim, !shim->is_inbound);
    return wfp_stream_open(shim->streams, shim->flow, layer_id, values,
                           shim->plan.action != WFP_ALE_AUTHORIZE);
}

/** The connection is dropped: its flow is refused from now on. */
static bool
refuse(struct wfp_shim *shim, const struct wfp_verdict *verdict)
{
    wfp_shim_refuse(shim, verdict->layer_id, verdict->filter_id, verdict->callout_id);
    wfp_shim_ale_abandon(shim);
    return false;
}

/** A straggler of a connection that is over. @return true if it goes on */
static bool
take_straggler(struct wfp_shim *shim)
{
    struct wfp_stream *stream =
        shim->plan.closed ? wfp_stream_find_closed(shim->streams, shim->plan.closed) : NULL;

    if (LIKELY(!stream))
        return true;
    if (wfp_stream_packet(stream, shim->packet, shim->is_inbound) == WFP_STREAM_PASS)
        return true;
    shim->decision->outcome = WFP_ABSORBED;
    shim->decision->is_replaced = true;
    return false;
}

bool
wfp_shim_stream(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    uint16_t layer_id = WFP_SHIM_LAYER(shim, STREAM);
    struct wfp_stream *stream = NULL;
    enum wfp_stream_fate fate;
    uint32_t ack;
    bool has_data =
        (packet->tcp_flags & WFP_TCP_FIN) ||
        packet->total_length > (uint32_t)packet->ip_header_size + packet->transport_header_size;

    /* what a driver sends at the transport layer comes from below the streams */
    if (!shim->streams || packet->is_fragment || (shim->is_injected && !shim->is_inbound))
        return true;
    if (!shim->flow)
        return take_straggler(shim);
    stream = wfp_stream_find(shim->streams, shim->flow);
    if (!stream && !wfp_engine_layer_is_empty(shim->engine, layer_id))
        stream = open_stream(shim, layer_id);
    if (!stream) {
        if (has_data)
            wfp_shim_note(shim, layer_id, WFP_ACTION_PERMIT, 0, 0);
        return true;
    }
    struct wfp_verdict verdict = {.action = WFP_ACTION_PERMIT, .layer_id = layer_id};
    ack = wfp_bytes_get32(packet->data + packet->ip_header_size + ACK_AT);
    wfp_flow_enter(shim->flow);
    fate = wfp_stream_packet(stream, shim->packet, shim->is_inbound);
    if (wfp_stream_decider(stream, &verdict))
        shim->decision->verdict = verdict;
    wfp_flow_leave(shim->flows, shim->flow);
    if (fate == WFP_STREAM_DROPPED)
        return refuse(shim, &verdict);
    if (has_data || fate == WFP_STREAM_TAKEN)
        wfp_shim_note(shim, layer_id, verdict.action, verdict.filter_id, verdict.callout_id);
    if (fate == WFP_STREAM_PASS)
        return true;
    shim->decision->outcome = WFP_ABSORBED;
    shim->decision->is_replaced = true;
    wfp_shim_ale_finish(shim); /* sees what the stream says was acknowledged */
    wfp_bytes_put32(packet->data + packet->ip_header_size + ACK_AT, ack);
    return false;
}

bool
wfp_shim_stream_packet(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, STREAM_PACKET);

    /* not one of the documented steps: only for those who ask */
    return wfp_engine_layer_is_empty(shim->engine, layer_id) ||
           wfp_shim_indicate(shim, layer_id, 0, true);
}
