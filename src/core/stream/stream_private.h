/*
 * The insides of streams, shared by the files of this folder.
 *
 * Model      bytes of one way:
 *
 *              sender --segments--> ahead (out of order) --> stage 0 held --> stage 1 held --> queue --> receiver
 *                      <--our ACKs--                         sublayers, heaviest first       <--its ACKs--
 */
#ifndef WFP_CORE_STREAM_STREAM_PRIVATE_H
#define WFP_CORE_STREAM_STREAM_PRIVATE_H

#include <pthread.h>
#include <string.h>

#include "base/status.h"
#include "core/engine/classify_list.h"
#include "core/engine/epoch.h"
#include "core/engine/engine.h"
#include "core/flow/flow.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/model/value.h"
#include "core/packet/packet.h"
#include "core/stream/stream.h"

#define WFP_STREAM_RULES  32 /* that match one flow */
#define WFP_STREAM_VALUES 8
#define WFP_STREAM_MARKS  64 /* places where two number spaces meet */

enum { WAY_OUT, WAY_IN, WAYS };

/** Bytes in a row: appended at the end, consumed at the front. */
struct wfp_stream_bytes {
    uint8_t *data;
    uint32_t start, length, capacity;
};

/** A segment that came before its turn. */
struct wfp_stream_piece {
    struct wfp_stream_piece *next; /* by sequence number; they don't overlap */
    uint32_t sequence, length;
    uint8_t bytes[];
};

/** A filter that matches the flow. */
struct wfp_stream_rule {
    struct wfp_classify_match match;
    uint32_t stage;
    bool is_allowed; /* it said ALLOW_CONNECTION */
    uint64_t missed[WAYS];
    uint32_t seen[WAYS]; /* bytes at the stage's front it had its say about, undecided by others */
};

/** Where bytes of one way stand at one sublayer. */
struct wfp_stream_stage {
    struct wfp_stream_bytes held;
    uint32_t wanted;    /* bytes a callout waits for; 0: it doesn't */
    bool is_deferred;   /* until a callout says go on */
    bool fin_came;      /* no more bytes follow */
    bool fin_shown;     /* its callouts know */
    bool fin_went;      /* so does the next stage */
    bool limit_reached; /* tell the callout */
};

/** Up to here a number of the sender's is one of the receiver's. */
struct wfp_stream_mark {
    uint32_t sender, receiver;
};

/** A way's half of a split. Numbers are the receiver's, but for what `told` says. */
struct wfp_stream_wire {
    uint32_t base;                 /* where the split began: the same number on both sides */
    uint32_t una;                  /* first byte of the queue */
    uint32_t nxt;                  /* next to be sent */
    uint32_t high;                 /* sent at most so far; `nxt` goes back */
    uint32_t recover;              /* recovery ends when this is acknowledged */
    struct wfp_stream_bytes queue; /* not acknowledged yet */
    uint32_t cwnd, ssthresh;       /* bytes */
    uint64_t deadline;             /* 0: nothing under way */
    uint8_t tries, duplicates;
    bool fin_queued, fin_sent, fin_acked;
    bool is_emitted; /* while one packet is handled */
    uint8_t answers; /* to packets without content, at `answered_100ns` */
    uint64_t answered_100ns;
    uint32_t told_ack; /* last said to the sender */
    uint16_t told_window;
    uint32_t mark_count, mark_next; /* ring; recorded ends only */
    struct wfp_stream_mark marks[WFP_STREAM_MARKS];
};

struct wfp_stream_way {
    uint32_t next;    /* of the sender's, expected next */
    uint32_t acked;   /* by the receiver, in its numbers */
    uint32_t edge;    /* of the sender's: all that it was ever offered ends here */
    uint16_t window;  /* the receiver's, as it stands in the header */
    uint16_t mss;     /* the receiver takes this much; 0 unknown */
    uint16_t largest; /* payload seen */
    uint8_t shift;    /* of the receiver's window, if both ends scale */
    uint8_t ttl;
    bool has_next, has_acked, has_edge;
    bool fin_known, fin_taken;                        /* the sender's FIN came; and in order */
    bool fin_counted;                                 /* `next` is behind it */
    bool has_syn, has_scale, has_sack, has_timestamp; /* of the sender */
    bool is_frozen;     /* deferred: what came since is not acknowledged */
    uint32_t frozen;    /* the last that is */
    uint32_t timestamp; /* the sender's latest */
    uint32_t fin_sequence;
    uint32_t interface_index;
    uint8_t interface_type;
    uint16_t ip_id;
    uint32_t ahead_bytes;
    struct wfp_stream_piece *ahead;
    struct wfp_stream_wire *wire; /* NULL but for split streams */
};

struct wfp_stream {
    struct wfp_stream_table *table;
    struct wfp_flow *flow; /* NULL once it is over */
    uint64_t flow_id;
    struct wfp_flow_key key;
    uint64_t linger_until; /* its ends may still repeat themselves; 0: the flow lives */
    uint64_t epoch;        /* of the layer's filters when the rules were listed */
    uint32_t index;        /* of its place */
    uint16_t layer_id;
    uint8_t version;
    bool is_mid_stream;
    bool acts; /* some rule may do more than look */
    bool is_split, is_dropped;
    bool is_decided, has_blocked;
    bool is_edited; /* bytes were blocked or injected, ever */
    uint32_t rule_count, stage_count;
    struct wfp_stream_rule *rules;
    struct wfp_stream_stage *stages[WAYS];
    uint64_t filter_id; /* that decided last */
    uint32_t callout_id;
    struct wfp_value values[WFP_STREAM_VALUES];
    uint8_t arrays[2][16];
    struct wfp_stream *next, *previous; /* split ones; or the free list */
    struct wfp_stream_way ways[WAYS];
};

struct wfp_stream_table {
    struct wfp_stream_config config;
    struct wfp_stream **by_flow; /* by the flow's index */
    uint32_t by_flow_size;
    uint32_t count;
    struct wfp_stream *free;
    struct wfp_stream *split; /* list */
    uint64_t now_100ns, deadline;
    uint64_t plane_id; /* of the packet at hand, for the first segment that goes its way */
    int plane_way;
    struct wfp_metadata metadata;
    struct wfp_stream_segment *first, **end;
    struct wfp_stream_request *done_first, **done_end;
    struct wfp_stream_counters counters;

    pthread_mutex_t lock; /* of what follows */
    struct wfp_stream_request *requests, **requests_end;
};

/** What one run down the waterfall knows. */
struct wfp_stream_run {
    struct wfp_stream *stream;
    int way;
    uint32_t flags; /* for callouts */
    uint32_t next;  /* the way's, when it began */
    const uint8_t *begin,
        *expected;    /* of the packet at hand: permitted so far, if nothing else was */
    bool is_diverted; /* something else was */
    bool fin_passed;
    bool is_abort;   /* the end is an RST's */
    bool is_changed; /* a callout wrote to the packet's own bytes */
};

static inline int32_t
wfp_stream_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* stream_bytes.c */
bool wfp_stream_bytes_add(struct wfp_stream_bytes *bytes, const uint8_t *from, uint32_t length);
void wfp_stream_bytes_take(struct wfp_stream_bytes *bytes, uint32_t length);
void wfp_stream_bytes_fini(struct wfp_stream_bytes *bytes);

/* stream_waterfall.c */
void wfp_stream_rules_fini(struct wfp_stream *stream);
void wfp_stream_finish_request(struct wfp_stream_table *table, struct wfp_stream_request *request,
                               int status);
/** List the rules anew if the layer's filters changed. @return false without memory */
bool wfp_stream_rules(struct wfp_stream *stream);
/** Take bytes to a stage and on. Context: inside an epoch. */
void wfp_stream_feed(struct wfp_stream_run *run, uint32_t stage, const uint8_t *bytes,
                     uint32_t length);
/** No more bytes come to a stage. */
void wfp_stream_close(struct wfp_stream_run *run, uint32_t stage);
/** Show the RST to every callout. */
void wfp_stream_abort(struct wfp_stream_run *run);
/** Do one request. @return 0 or -WFP_ERR_NOT_FOUND */
int wfp_stream_do(struct wfp_stream *stream, struct wfp_stream_request *request);
bool wfp_stream_holds(const struct wfp_stream *stream, int way);

/* stream_order.c */
/** Keep a segment that is ahead. @return false: no room, or no memory */
bool wfp_stream_order_keep(struct wfp_stream *stream, int way, uint32_t sequence,
                           const uint8_t *bytes, uint32_t length);
/** Feed what is in order now. */
void wfp_stream_order_take(struct wfp_stream_run *run);
void wfp_stream_order_fini(struct wfp_stream_way *way);

/* stream.c */
/** The earliest time that the table has something to do. */
void wfp_stream_schedule(struct wfp_stream_table *table, uint64_t at_100ns);

/* stream_wire.c */
/** Step between the ends. @return false without memory */
bool wfp_stream_split(struct wfp_stream *stream);
/** Bytes that left the waterfall. */
void wfp_stream_output(struct wfp_stream_run *run, const uint8_t *bytes, uint32_t length);
void wfp_stream_output_fin(struct wfp_stream_run *run);
void wfp_stream_divert(struct wfp_stream_run *run);
/** The receiver of a way acknowledges. @param is_pure  without data of its own */
void wfp_stream_acked(struct wfp_stream *stream, int way, uint32_t ack, bool is_pure);
/** Send what may be sent, and say to both ends what is new. */
void wfp_stream_settle(struct wfp_stream *stream);
void wfp_stream_transmit(struct wfp_stream *stream, int way);
void wfp_stream_reset_ends(struct wfp_stream *stream);
void wfp_stream_timer(struct wfp_stream *stream);
/** May the ends talk to one another again? */
void wfp_stream_rejoin(struct wfp_stream *stream);
void wfp_stream_wire_fini(struct wfp_stream *stream);
void wfp_stream_mark(struct wfp_stream *stream, int way);
/** What the receiver of edited bytes would acknowledge: never more than was sent to it. */
uint32_t wfp_stream_translated_ack(const struct wfp_stream *stream, int way, uint32_t ack);
uint32_t wfp_stream_to_receiver(const struct wfp_stream *stream, int way, uint32_t sequence);

/* stream_emit.c */
struct wfp_stream_content {
    uint32_t sequence;
    uint8_t flags; /* TCP */
    const uint8_t *bytes;
    uint32_t length;
};
/** A segment of ours that goes one way. */
void wfp_stream_emit(struct wfp_stream *stream, int way, const struct wfp_stream_content *content);
/** What to acknowledge to a way's sender, and the window to offer. */
uint32_t wfp_stream_ack_of(const struct wfp_stream *stream, int way);
uint16_t wfp_stream_window_of(const struct wfp_stream *stream, int way);
/** Bytes that a window of the receiver's means. */
uint32_t wfp_stream_window_bytes(const struct wfp_stream *stream, int way, uint16_t window);
/** A way's sender was told this. */
void wfp_stream_offer(struct wfp_stream_way *way, uint32_t ack, uint32_t window_bytes);
/** Payload that fits one segment. */
uint32_t wfp_stream_mss(const struct wfp_stream *stream, int way);

#endif
