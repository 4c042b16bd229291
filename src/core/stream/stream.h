/*
 * TCP streams: the bytes of a watched flow in order, through the callouts of the STREAM layers.
 *
 * Model      A flow that a STREAM filter watches has a stream with two ways, outbound and inbound.
 *            Each way puts segments in order (stream_order.c), takes the bytes down the waterfall of
 *            sublayers (stream_waterfall.c), and knows what that means on the wire (stream_wire.c):
 *
 *              passing    every byte was permitted: the packet goes on as it came, nothing is kept
 *              split      bytes were blocked, held or injected: from here on the stack stands between
 *                         the two ends, acknowledges to one and sends to the other
 *
 *            Sequence numbers before the split are the same on both sides; after it each side has
 *            its own. A split whose sides agree again, with nothing under way, ends.
 *            With recorded ends (a capture) nobody listens: nothing is acknowledged, repeated or
 *            timed, numbers are translated.
 * Lifetime   Streams belong to the stack's thread. Other threads submit requests.
 * Choice     docs/decisions/0060-streams-on-the-wire.md
 * Ref        windows-driver-docs network/stream-inspection; ddi
 *            fwpsk/ns-fwpsk-fwps_stream_callout_io_packet0_
 */
#ifndef WFP_CORE_STREAM_STREAM_H
#define WFP_CORE_STREAM_STREAM_H

#include "core/engine/engine.h"
#include "core/shims/stack.h"

struct wfp_flow;
struct wfp_flow_table;
struct wfp_stream;
struct wfp_stream_table;
struct wfp_value;

/* FWPS_STREAM_FLAG_* */
#define WFP_STREAM_RECEIVE            0x00000001u
#define WFP_STREAM_RECEIVE_EXPEDITED  0x00000002u
#define WFP_STREAM_RECEIVE_DISCONNECT 0x00000004u
#define WFP_STREAM_RECEIVE_ABORT      0x00000008u
#define WFP_STREAM_RECEIVE_PUSH       0x00000010u
#define WFP_STREAM_SEND               0x00010000u
#define WFP_STREAM_SEND_EXPEDITED     0x00020000u
#define WFP_STREAM_SEND_DISCONNECT    0x00080000u
#define WFP_STREAM_SEND_ABORT         0x00100000u

/** FWPS_STREAM_ACTION_TYPE. */
enum wfp_stream_action {
    WFP_STREAM_ACTION_NONE,
    WFP_STREAM_ACTION_NEED_MORE_DATA,
    WFP_STREAM_ACTION_DROP_CONNECTION,
    WFP_STREAM_ACTION_DEFER,
    WFP_STREAM_ACTION_ALLOW_CONNECTION,
};

/** What a callout is shown of a stream, and its answer. An indication at a STREAM layer has one. */
struct wfp_stream_view {
    uint32_t flags; /* WFP_STREAM_* */
    uint32_t length;
    const uint8_t *bytes;
    uint64_t missed;
    uint32_t told; /* WFP_CLASSIFY_OUT_FLAG_BUFFER_LIMIT, _NO_MORE_DATA */
    /* the answer */
    uint32_t required;
    uint64_t enforced;
    uint32_t action; /* enum wfp_stream_action */
    bool is_changed; /* the bytes are others now */
};

/** How much a stage may hold for a callout that wants more, and a way out of order. */
#define WFP_STREAM_HELD_MAX  (8u << 20)
#define WFP_STREAM_AHEAD_MAX (1u << 20)

/** Counted by name, for reports. */
struct wfp_stream_counters {
    uint64_t streams;     /* flows that were watched */
    uint64_t split;       /* times the stack stepped between the ends */
    uint64_t blocked;     /* bytes removed */
    uint64_t injected;    /* bytes */
    uint64_t missing;     /* bytes that never came by, and were skipped */
    uint64_t ahead_full;  /* segments refused: too many bytes out of order */
    uint64_t outside;     /* segments and resets refused: the receiver would not take them either */
    uint64_t queue_full;  /* segments refused: the other end takes nothing */
    uint64_t retransmits; /* segments we sent again */
    uint64_t repeated;    /* recorded segments whose bytes went by before */
    uint64_t dropped;     /* connections */
    uint64_t gave_up;     /* connections whose other end never answered */
    uint64_t no_memory;   /* connections dropped for want of it */
    uint64_t not_injected; /* requests for flows or places that are no more */
};

struct wfp_stream_config {
    struct wfp_engine *engine;
    struct wfp_flow_table *flows;
    bool is_recorded; /* the ends are a capture's */
};

/** @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_stream_table_new(const struct wfp_stream_config *config,
                         struct wfp_stream_table **ret_table);
void wfp_stream_table_free(struct wfp_stream_table *table);
DEFINE_FREEP(struct wfp_stream_table, wfp_stream_table_free)
const struct wfp_stream_counters *wfp_stream_counters(const struct wfp_stream_table *table);

/** The stream of a live flow, or NULL. */
struct wfp_stream *wfp_stream_find(const struct wfp_stream_table *table,
                                   const struct wfp_flow *flow);
/**
 * Watch a flow. Addresses that @p values point to are copied.
 * @param is_mid_stream  the flow is older than this; callouts that don't allow it stay out
 * @return NULL without memory
 */
struct wfp_stream *wfp_stream_open(struct wfp_stream_table *table, struct wfp_flow *flow,
                                   uint16_t layer_id, const struct wfp_value *values,
                                   bool is_mid_stream);
/**
 * The stream of a flow that is closed, or NULL: while it was split its ends may still repeat what the
 * other did not hear. Only wfp_stream_packet() and wfp_stream_decider() may be asked of it.
 */
struct wfp_stream *wfp_stream_find_closed(const struct wfp_stream_table *table,
                                          const struct wfp_flow *flow);
/** The flow is over. Harmless without a stream. */
void wfp_stream_end(struct wfp_stream_table *table, const struct wfp_flow *flow);

enum wfp_stream_fate {
    WFP_STREAM_PASS,    /* the packet goes on; it may have been changed */
    WFP_STREAM_TAKEN,   /* what becomes of its bytes is in segments of our own */
    WFP_STREAM_DROPPED, /* a callout dropped the connection */
};
/** Take a TCP packet of the flow. Callouts run inside. */
enum wfp_stream_fate wfp_stream_packet(struct wfp_stream *stream, struct wfp_packet *packet,
                                       bool is_inbound);
/** The filter that decided last, and whether it blocked something; false where none did. */
bool wfp_stream_decider(const struct wfp_stream *stream, struct wfp_verdict *ret_verdict);

/** A packet of ours; its frame's entry is WFP_ENTRY_RESUMED. Freed with free(). */
struct wfp_stream_segment {
    struct wfp_stream_segment *next;
    uint64_t flow_id;
    struct wfp_frame frame; /* the bytes follow */
};
/** The next packet to go out or in, or NULL. */
struct wfp_stream_segment *wfp_stream_take_segment(struct wfp_stream_table *table);

/** What a driver asks for from outside. */
struct wfp_stream_request {
    struct wfp_stream_request *next;
    uint64_t flow_id;
    uint32_t callout_id;
    bool is_inbound;
    bool is_continue; /* go on with what was deferred; else inject */
    bool disconnect;  /* a FIN follows the bytes */
    uint8_t *bytes;
    uint32_t length;
    int status; /* the table's */
    /** Runs once, on the stack's thread, outside of classify. @p status 0 or -WFP_ERR_*. May be NULL. */
    void (*done)(struct wfp_stream_request *request, int status);
};
/** Queue a request in order. It is the table's until done. Context: any thread, also in classify. */
void wfp_stream_submit(struct wfp_stream_table *table, struct wfp_stream_request *request);
/** Is there something to do or to send? Costs a few loads. */
bool wfp_stream_has_work(const struct wfp_stream_table *table);
/** Do what was asked for. Context: the stack's thread, outside of classify. @return was there any? */
bool wfp_stream_work(struct wfp_stream_table *table);
/** What is still queued is done with -WFP_ERR_NOT_FOUND. */
void wfp_stream_abandon(struct wfp_stream_table *table);
/** Time passes: repeat what was not acknowledged. */
void wfp_stream_advance(struct wfp_stream_table *table, uint64_t now_100ns);

#endif
