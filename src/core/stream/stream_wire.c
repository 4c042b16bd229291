/*
 * A split stream's two ends: what is sent to the receiver, and when it is sent again.
 *
 * Model      per way, in the receiver's numbers:
 *
 *              base        una           nxt             end of queue
 *              |...........|<-under way->|<-not sent yet->|
 *
 *            What came before `base` went by unseen and is the sender's to repeat. From there on we
 *            acknowledge to the sender what we took, and repeat to the receiver what it did not
 *            acknowledge: after three duplicates, or when a timer runs out.
 * Choice     The FIN alone is acknowledged to the sender only after the receiver acknowledged ours,
 *            so that a connection ends when both its ends say so. The window a sender is offered is
 *            the receiver's, or zero while bytes are deferred.
 */
#include "core/stream/stream_private.h"

#define FIRST_SEGMENTS 10u
#define TIMEOUT_100NS  3000000u   /* 300 ms, doubled each time */
#define TIMEOUT_MAX    300000000u /* 30 s */
#define TRIES_MAX      12
#define DUPLICATES     3
#define TCP_PSH        0x08

static bool
has_recorded_ends(const struct wfp_stream *stream)
{
    return stream->table->config.is_recorded;
}

static void
begin_at(struct wfp_stream_wire *wire, uint32_t number)
{
    wire->base = wire->una = wire->nxt = wire->high = wire->recover = number;
    wire->marks[0] = (struct wfp_stream_mark){number, number};
    wire->mark_count = wire->mark_next = 1;
}

static struct wfp_stream_wire *
new_wire(const struct wfp_stream *stream, int number)
{
    const struct wfp_stream_way *way = &stream->ways[number];
    struct wfp_stream_wire *wire = calloc(1, sizeof(*wire));

    if (!wire)
        return NULL;
    begin_at(wire, way->next);
    wire->told_ack = way->has_acked ? way->acked : way->next;
    wire->told_window = way->window;
    wire->cwnd = FIRST_SEGMENTS * wfp_stream_mss(stream, number);
    wire->ssthresh = UINT32_MAX;
    wire->fin_queued = wire->fin_sent = way->fin_counted;
    wire->fin_acked = way->fin_counted;
    return wire;
}

bool
wfp_stream_split(struct wfp_stream *stream)
{
    struct wfp_stream_table *table = stream->table;

    if (stream->is_split)
        return true;
    for (int way = 0; way < WAYS; way++)
        stream->ways[way].wire = new_wire(stream, way);
    if (!stream->ways[WAY_OUT].wire || !stream->ways[WAY_IN].wire) {
        wfp_stream_wire_fini(stream);
        return false;
    }
    stream->is_split = true;
    table->counters.split++;
    stream->previous = NULL;
    stream->next = table->split;
    if (table->split)
        table->split->previous = stream;
    table->split = stream;
    return true;
}

void
wfp_stream_wire_fini(struct wfp_stream *stream)
{
    struct wfp_stream_table *table = stream->table;

    for (int way = 0; way < WAYS; way++) {
        if (stream->ways[way].wire)
            wfp_stream_bytes_fini(&stream->ways[way].wire->queue);
        free(stream->ways[way].wire);
        stream->ways[way].wire = NULL;
    }
    if (!stream->is_split)
        return;
    stream->is_split = false;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        table->split = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    stream->next = stream->previous = NULL;
}

/* ---- out of the waterfall ---- */

static void
fail(struct wfp_stream *stream)
{
    if (!stream->is_dropped)
        stream->table->counters.no_memory++;
    stream->is_dropped = true;
}

static void
enqueue(struct wfp_stream_run *run, const uint8_t *bytes, uint32_t length)
{
    if (!wfp_stream_split(run->stream) ||
        !wfp_stream_bytes_add(&run->stream->ways[run->way].wire->queue, bytes, length))
        fail(run->stream);
}

void
wfp_stream_divert(struct wfp_stream_run *run)
{
    if (run->is_diverted)
        return;
    run->is_diverted = true;
    if (!run->stream->is_split) {
        if (!wfp_stream_split(run->stream)) {
            fail(run->stream);
            return;
        }
        begin_at(run->stream->ways[run->way].wire, run->next);
    }
    if (run->expected > run->begin)
        enqueue(run, run->begin, (uint32_t)(run->expected - run->begin));
}

void
wfp_stream_output(struct wfp_stream_run *run, const uint8_t *bytes, uint32_t length)
{
    if (!run->stream->acts)
        return; /* they only look: what they saw went by */
    if (LIKELY(!run->is_diverted && bytes == run->expected)) {
        run->expected += length;
        return;
    }
    wfp_stream_divert(run);
    enqueue(run, bytes, length);
}

void
wfp_stream_output_fin(struct wfp_stream_run *run)
{
    struct wfp_stream *stream = run->stream;
    struct wfp_stream_way *way = &stream->ways[run->way];

    if (!stream->acts)
        return;
    if (!run->is_diverted && !stream->is_split) {
        run->fin_passed = true;
        return;
    }
    if (!wfp_stream_split(stream))
        fail(stream);
    else
        way->wire->fin_queued = true;
    run->fin_passed = true;
}

/* ---- numbers of recorded ends ---- */

void
wfp_stream_mark(struct wfp_stream *stream, int number)
{
    struct wfp_stream_way *way = &stream->ways[number];
    struct wfp_stream_wire *wire = way->wire;
    const struct wfp_stream_mark *last;

    if (!wire)
        return;
    last = &wire->marks[(wire->mark_next + WFP_STREAM_MARKS - 1) % WFP_STREAM_MARKS];
    if (wire->mark_count && way->next - last->sender == wire->nxt - last->receiver)
        return; /* the same distance as before */
    wire->marks[wire->mark_next] = (struct wfp_stream_mark){way->next, wire->nxt};
    wire->mark_next = (wire->mark_next + 1) % WFP_STREAM_MARKS;
    wire->mark_count = MIN(wire->mark_count + 1, (uint32_t)WFP_STREAM_MARKS);
}

uint32_t
wfp_stream_to_receiver(const struct wfp_stream *stream, int number, uint32_t sequence)
{
    const struct wfp_stream_way *way = &stream->ways[number];
    const struct wfp_stream_wire *wire = way->wire;
    const struct wfp_stream_mark *best = NULL;
    uint32_t at;

    if (!wire || wfp_stream_after(sequence, wire->base) <= 0)
        return sequence;
    if (wfp_stream_after(sequence, way->next) >= 0)
        return sequence - way->next + wire->nxt;
    for (uint32_t i = 0; i < wire->mark_count; i++) {
        const struct wfp_stream_mark *mark = &wire->marks[i];

        if (wfp_stream_after(mark->sender, sequence) <= 0 &&
            (!best || wfp_stream_after(mark->sender, best->sender) > 0))
            best = mark;
    }
    if (!best) { /* older than what is remembered */
        best = &wire->marks[wire->mark_count < WFP_STREAM_MARKS ? 0 : wire->mark_next];
        return wire->mark_count ? sequence - best->sender + best->receiver : sequence;
    }
    /* inside a changed run nothing corresponds exactly: no further than its end */
    at = best->receiver + (sequence - best->sender);
    for (uint32_t i = 0; i < wire->mark_count; i++)
        if (wfp_stream_after(wire->marks[i].sender, sequence) > 0 &&
            wfp_stream_after(wire->marks[i].receiver, at) < 0)
            at = wire->marks[i].receiver;
    return wfp_stream_after(at, wire->nxt) > 0 ? wire->nxt : at;
}

uint32_t
wfp_stream_translated_ack(const struct wfp_stream *stream, int number, uint32_t ack)
{
    const struct wfp_stream_wire *wire = stream->ways[number].wire;

    ack = wfp_stream_to_receiver(stream, number, ack);
    return wire && wfp_stream_after(ack, wire->nxt) > 0 ? wire->nxt : ack;
}

/* ---- sending ---- */

static uint32_t
window_bytes(const struct wfp_stream *stream, int number)
{
    return wfp_stream_window_bytes(stream, number, stream->ways[number].window);
}

static void
arm(struct wfp_stream *stream, struct wfp_stream_wire *wire)
{
    struct wfp_stream_table *table = stream->table;
    uint64_t wait = (uint64_t)TIMEOUT_100NS << MIN(wire->tries, 8);

    wire->deadline = table->now_100ns + MIN(wait, (uint64_t)TIMEOUT_MAX);
    wfp_stream_schedule(table, wire->deadline);
}

/** One segment from `at`. @return bytes of the queue that it carries */
static uint32_t
send_one(struct wfp_stream *stream, int number, uint32_t at, uint32_t limit)
{
    struct wfp_stream_wire *wire = stream->ways[number].wire;
    uint32_t offset = at - wire->una, left = wire->queue.length - offset;
    uint32_t length = MIN(MIN(left, limit), wfp_stream_mss(stream, number));
    struct wfp_stream_content content = {
        .sequence = at, .bytes = wire->queue.data + wire->queue.start + offset, .length = length};

    if (length == left) {
        content.flags = length ? TCP_PSH : 0;
        if (wire->fin_queued) {
            content.flags |= WFP_TCP_FIN;
            wire->fin_sent = true;
        }
    }
    wfp_stream_emit(stream, number, &content);
    return length;
}

static void
send_next(struct wfp_stream *stream, int number, uint32_t limit)
{
    struct wfp_stream_wire *wire = stream->ways[number].wire;

    wire->nxt += send_one(stream, number, wire->nxt, limit);
    if (wire->fin_sent)
        wire->nxt++;
    if (wfp_stream_after(wire->nxt, wire->high) > 0)
        wire->high = wire->nxt;
}

void
wfp_stream_transmit(struct wfp_stream *stream, int number)
{
    struct wfp_stream_way *way = &stream->ways[number];
    struct wfp_stream_wire *wire = way->wire;
    bool recorded = has_recorded_ends(stream);
    uint32_t mss = wfp_stream_mss(stream, number);

    if (!wire)
        return;
    for (;;) {
        uint32_t flight = wire->nxt - wire->una, left, window;

        if (wire->fin_sent && flight > wire->queue.length)
            break; /* the FIN is out */
        left = wire->queue.length - flight;
        if (left == 0 && !(wire->fin_queued && !wire->fin_sent))
            break;
        window = recorded ? UINT32_MAX : MIN(window_bytes(stream, number), wire->cwnd);
        if (left && (flight >= window || (window - flight < MIN(mss, left) && flight)))
            break;
        send_next(stream, number, left ? window - flight : 0);
    }
    if (recorded) { /* nobody will ask for it again */
        wfp_stream_bytes_take(&wire->queue, wire->queue.length);
        wire->una = wire->nxt;
        wire->fin_acked = wire->fin_sent;
        wfp_stream_mark(stream, number);
        return;
    }
    if (!wire->deadline && (wire->queue.length || (wire->fin_sent && !wire->fin_acked)))
        arm(stream, wire);
}

/** More room to send, as acknowledgements come in. */
static void
open_window(const struct wfp_stream *stream, int way, uint32_t acked)
{
    struct wfp_stream_wire *wire = stream->ways[way].wire;
    uint32_t mss = wfp_stream_mss(stream, way);

    if (wire->cwnd < wire->ssthresh)
        wire->cwnd += MIN(acked, 2 * mss);
    else
        wire->cwnd += MAX(1u, mss * MIN(mss, wire->cwnd) / wire->cwnd);
    wire->cwnd = MIN(wire->cwnd, WFP_STREAM_HELD_MAX);
}

static void
resend_first(struct wfp_stream *stream, int way)
{
    struct wfp_stream_wire *wire = stream->ways[way].wire;

    stream->table->counters.retransmits++;
    (void)send_one(stream, way, wire->una, UINT32_MAX);
}

void
wfp_stream_acked(struct wfp_stream *stream, int number, uint32_t ack, bool is_pure)
{
    struct wfp_stream_way *way = &stream->ways[number];
    struct wfp_stream_wire *wire = way->wire;
    int32_t more = wfp_stream_after(ack, wire->una);
    bool in_recovery = wfp_stream_after(wire->recover, wire->una) > 0;

    if (wfp_stream_after(ack, wire->high) > 0)
        return; /* for what we did not send */
    if (more > 0) {
        uint32_t bytes = MIN((uint32_t)more, wire->queue.length);

        wire->fin_acked |= wire->fin_queued && (uint32_t)more == wire->queue.length + 1;
        wire->fin_sent |= wire->fin_acked;
        wfp_stream_bytes_take(&wire->queue, bytes);
        wire->una = ack;
        if (wfp_stream_after(wire->una, wire->nxt) > 0)
            wire->nxt = wire->una;
        wire->duplicates = wire->tries = 0;
        wire->deadline = 0;
        open_window(stream, number, bytes);
        if (in_recovery && wfp_stream_after(wire->recover, ack) > 0 && wire->queue.length)
            resend_first(stream, number);
        if (wire->queue.length == 0)
            wfp_stream_bytes_fini(&wire->queue);
        if (wire->nxt != wire->una)
            arm(stream, wire);
        return;
    }
    if (more < 0 || !is_pure || wire->nxt == wire->una || wfp_stream_after(wire->base, ack) > 0)
        return;
    if (++wire->duplicates == DUPLICATES && !in_recovery) {
        wire->ssthresh = MAX((wire->nxt - wire->una) / 2, 2 * wfp_stream_mss(stream, number));
        wire->cwnd = wire->ssthresh;
        wire->recover = wire->nxt;
        resend_first(stream, number);
    }
}

void
wfp_stream_timer(struct wfp_stream *stream)
{
    struct wfp_stream_table *table = stream->table;

    for (int number = 0; number < WAYS && stream->is_split; number++) {
        struct wfp_stream_wire *wire = stream->ways[number].wire;

        if (!wire->deadline || table->now_100ns < wire->deadline)
            continue;
        wire->deadline = 0;
        if (wire->una == wire->nxt && wire->queue.length == 0)
            continue;
        if (wire->tries++ == TRIES_MAX) {
            table->counters.gave_up++;
            stream->is_dropped = true;
            return;
        }
        wire->ssthresh = MAX((wire->nxt - wire->una) / 2, 2 * wfp_stream_mss(stream, number));
        wire->cwnd = wfp_stream_mss(stream, number);
        wire->nxt = wire->recover = wire->una; /* go back */
        wire->fin_sent = false;
        wire->duplicates = 0;
        if (window_bytes(stream, number) == 0 && wire->queue.length)
            send_next(stream, number, 1); /* is it still closed? */
        else
            wfp_stream_transmit(stream, number);
        table->counters.retransmits++;
        arm(stream, wire);
    }
}

/* ---- both ends ---- */

/** Once the receiver has the FIN, or nothing of it is to reach it, the sender may know. */
static void
count_fin(struct wfp_stream *stream, int number)
{
    struct wfp_stream_way *way = &stream->ways[number];

    if (!way->fin_taken || way->fin_counted || way->is_frozen)
        return;
    if (way->wire->fin_queued && !way->wire->fin_acked)
        return;
    way->next++;
    way->fin_counted = true;
}

static bool
has_news(const struct wfp_stream *stream, int number)
{
    const struct wfp_stream_way *way = &stream->ways[number];
    const struct wfp_stream_wire *wire = way->wire;

    /* Behind its FIN a sender has no use for a window, and may be gone: it would answer with RST. */
    return wire->told_ack != wfp_stream_ack_of(stream, number) ||
           (!way->fin_counted && wire->told_window != wfp_stream_window_of(stream, number));
}

void
wfp_stream_settle(struct wfp_stream *stream)
{
    if (!stream->is_split)
        return;
    for (int way = 0; way < WAYS; way++) {
        wfp_stream_transmit(stream, way);
        count_fin(stream, way);
    }
    if (has_recorded_ends(stream))
        return;
    for (int way = 0; way < WAYS; way++)
        if (has_news(stream, way))
            wfp_stream_emit(stream, !way,
                            &(struct wfp_stream_content){.sequence = stream->ways[!way].wire->nxt});
}

void
wfp_stream_reset_ends(struct wfp_stream *stream)
{
    for (int number = 0; number < WAYS; number++) {
        const struct wfp_stream_way *way = &stream->ways[number];
        struct wfp_stream_content content = {.sequence = way->wire ? way->wire->nxt : way->next,
                                             .flags = WFP_TCP_RST};

        if (way->has_next)
            wfp_stream_emit(stream, number, &content);
    }
}

void
wfp_stream_rejoin(struct wfp_stream *stream)
{
    if (!stream->is_split || (stream->is_edited && has_recorded_ends(stream)))
        return;
    for (int number = 0; number < WAYS; number++) {
        const struct wfp_stream_way *way = &stream->ways[number];
        const struct wfp_stream_wire *wire = way->wire;

        if (way->next != wire->nxt || wire->una != wire->nxt || wire->queue.length || way->ahead ||
            way->is_frozen || (way->fin_known && !way->fin_counted) ||
            wfp_stream_holds(stream, number))
            return;
        if (!has_recorded_ends(stream) && way->has_acked &&
            wfp_stream_after(wire->base, way->acked) > 0)
            return;
    }
    wfp_stream_wire_fini(stream);
}
