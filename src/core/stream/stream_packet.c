/*
 * A TCP packet of a watched flow: what it says to both ways, and what becomes of it.
 */
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/stream/stream_private.h"

#define ANSWERS_MOST  10 /* at one time, to packets without content */
#define TCP_PSH       0x08
#define TCP_URG       0x20
#define OPTION_END    0
#define OPTION_NOP    1
#define OPTION_MSS    2
#define OPTION_SCALE  3
#define OPTION_SACKOK 4
#define OPTION_SACK   5
#define OPTION_TIME   8
#define SHIFT_MAX     14

/** A packet, read as a segment. */
struct segment {
    struct wfp_packet *packet;
    uint8_t *tcp; /* its header */
    uint32_t sequence, ack;
    uint32_t length;  /* payload there is */
    uint32_t missing; /* payload that the capture cut off */
    const uint8_t *payload;
    uint8_t flags;
    uint16_t window;
};

static void
read_segment(struct wfp_packet *packet, struct segment *segment)
{
    uint32_t header = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    uint32_t whole = packet->version == 4 ? wfp_bytes_get16(packet->data + 2) : 0;

    segment->packet = packet;
    segment->tcp = packet->data + packet->ip_header_size;
    segment->sequence = packet->tcp_sequence;
    segment->ack = wfp_bytes_get32(segment->tcp + 8);
    segment->flags = packet->tcp_flags;
    segment->window = wfp_bytes_get16(segment->tcp + 14);
    segment->payload = packet->data + header;
    segment->length = packet->total_length - header;
    if (packet->version == 6 && packet->wire_length > packet->length)
        whole = wfp_bytes_get16(packet->data + 4) + 40u;
    segment->missing = whole > packet->total_length ? whole - packet->total_length : 0;
}

static void
read_option(struct wfp_stream *stream, int number, const struct segment *segment,
            const uint8_t *option)
{
    struct wfp_stream_way *way = &stream->ways[number], *back = &stream->ways[!number];
    bool is_syn = segment->flags & WFP_TCP_SYN;

    if (option[0] == OPTION_TIME && option[1] == 10) {
        way->has_timestamp = true;
        way->timestamp = wfp_bytes_get32(option + 2);
    } else if (is_syn && option[0] == OPTION_MSS && option[1] == 4) {
        back->mss = wfp_bytes_get16(option + 2);
    } else if (is_syn && option[0] == OPTION_SCALE && option[1] == 3) {
        way->has_scale = true;
        back->shift = MIN(option[2], SHIFT_MAX);
    } else if (is_syn && option[0] == OPTION_SACKOK) {
        way->has_sack = true;
    }
}

static void
read_options(struct wfp_stream *stream, int number, const struct segment *segment)
{
    uint32_t at = 20, end = segment->packet->transport_header_size;

    if (LIKELY(end == 32 && wfp_bytes_get32(segment->tcp + 20) == 0x0101080a)) {
        stream->ways[number].has_timestamp = true; /* as nearly all of them are */
        stream->ways[number].timestamp = wfp_bytes_get32(segment->tcp + 24);
        return;
    }
    while (at + 1 < end && segment->tcp[at] != OPTION_END) {
        uint8_t size = segment->tcp[at] == OPTION_NOP ? 1 : segment->tcp[at + 1];

        if (size == 0 || at + size > end)
            break;
        if (size > 1)
            read_option(stream, number, segment, segment->tcp + at);
        at += size;
    }
}

/** The receiver has what never came by here: it cannot be shown any more. */
static void
skip_missing(struct wfp_stream *stream, int number, uint32_t to)
{
    struct wfp_stream_way *way = &stream->ways[number];
    uint32_t count = to - way->next;

    stream->table->counters.missing += count;
    way->next = to;
    if (way->wire) {
        wfp_stream_transmit(stream, number);
        way->wire->una = way->wire->nxt += count;
        way->wire->high = way->wire->nxt;
        wfp_stream_mark(stream, number);
    }
    struct wfp_stream_run run = {.stream = stream,
                                 .way = number,
                                 .flags = number == WAY_IN ? WFP_STREAM_RECEIVE : WFP_STREAM_SEND,
                                 .is_diverted = true};
    wfp_stream_order_take(&run);
}

static void
note_syn(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_way *way = &stream->ways[number];

    if (way->has_syn && way->next != segment->sequence + 1)
        return; /* an old one */
    way->has_syn = way->has_next = true;
    way->next = segment->sequence + 1;
}

/**
 * Nobody was offered room for it, or it is long past: its receiver would throw it away, whatever it
 * says. Who can only guess numbers must not end, stop or skip what is watched.
 */
static bool
is_outside(const struct wfp_stream *stream, int number, const struct segment *segment)
{
    const struct wfp_stream_way *way = &stream->ways[number];
    uint32_t end = segment->sequence + segment->length;

    if (stream->table->config.is_recorded || !way->has_edge || !way->has_next ||
        !stream->ways[!number].has_syn || (segment->flags & WFP_TCP_SYN))
        return false; /* without the receiver's SYN windows are not known */
    if (wfp_stream_after(segment->sequence, way->next) > 0)
        return wfp_stream_after(segment->sequence, way->edge) > 0;
    return wfp_stream_after(way->next, end) >
           (int32_t)wfp_stream_window_bytes(stream, number, UINT16_MAX);
}

/** What the receiver acknowledged without having come by here is not waited for. */
static void
skip_gap(struct wfp_stream *stream, int number, uint32_t to)
{
    const struct wfp_stream_way *way = &stream->ways[number];

    if (wfp_stream_after(to, way->next) > 0 && way->has_acked &&
        wfp_stream_after(way->acked, to) >= 0)
        skip_missing(stream, number, to);
}

/** What a segment says of both ways, besides its payload. */
static void
learn(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_way *way = &stream->ways[number], *back = &stream->ways[!number];
    const struct wfp_packet *packet = segment->packet;
    bool split_live = stream->is_split && !stream->table->config.is_recorded;

    if (packet->transport_header_size > 20)
        read_options(stream, number, segment);
    if (UNLIKELY(segment->flags & WFP_TCP_SYN))
        note_syn(stream, number, segment);
    if (UNLIKELY(!way->has_next)) {
        way->has_next = true;
        way->next = segment->sequence;
    }
    way->interface_index = packet->interface_index;
    way->interface_type = packet->interface_type;
    way->ttl = packet->version == 4 ? packet->data[8] : packet->data[7];
    if (segment->length > way->largest && segment->length <= UINT16_MAX)
        way->largest = (uint16_t)segment->length;
    if (!(segment->flags & WFP_TCP_ACK))
        return;
    if (UNLIKELY(!back->has_next)) {
        back->has_next = true;
        back->next = segment->ack;
    }
    if (!back->has_acked || wfp_stream_after(segment->ack, back->acked) >= 0 || split_live)
        back->window = segment->window;
    if (!back->has_acked || wfp_stream_after(segment->ack, back->acked) > 0)
        back->acked = segment->ack;
    back->has_acked = true;
    if (!stream->is_split) /* else its sender hears of ours */
        wfp_stream_offer(back, segment->ack,
                         segment->flags & WFP_TCP_SYN
                             ? segment->window
                             : wfp_stream_window_bytes(stream, !number, segment->window));
    if (LIKELY(wfp_stream_after(segment->ack, back->next) <= 0) || split_live ||
        (back->fin_taken && segment->ack == back->next + 1))
        return;
    if (stream->table->config.is_recorded)
        skip_missing(stream, !number, segment->ack);
    else if (back->ahead)
        skip_gap(stream, !number, back->ahead->sequence);
}

/* ---- in place ---- */

static void
replace32(uint8_t *tcp, uint8_t *at, uint32_t value)
{
    uint16_t sum = wfp_bytes_get16(tcp + 16);

    sum = wfp_checksum_replace(sum, wfp_bytes_get16(at), (uint16_t)(value >> 16));
    sum = wfp_checksum_replace(sum, wfp_bytes_get16(at + 2), (uint16_t)value);
    wfp_bytes_put32(at, value);
    wfp_bytes_put16(tcp + 16, sum);
}

/** SACK blocks speak of the other way's bytes in the receiver's numbers of before. */
static void
translate_sack(const struct wfp_stream *stream, int number, const struct segment *segment)
{
    uint32_t at = 20, end = segment->packet->transport_header_size;

    while (at + 1 < end && segment->tcp[at] != OPTION_END) {
        uint8_t *option = segment->tcp + at;
        uint8_t size = option[0] == OPTION_NOP ? 1 : option[1];

        if (size == 0 || at + size > end)
            break;
        /* a checksum is summed in words: an option at an odd place is left alone */
        for (uint32_t i = 2; option[0] == OPTION_SACK && at % 2 == 0 && i + 4 <= size; i += 4)
            replace32(segment->tcp, option + i,
                      wfp_stream_to_receiver(stream, !number, wfp_bytes_get32(option + i)));
        at += size;
    }
}

/** Recorded ends: the packet goes on with the numbers the other end would know. */
static void
translate(struct wfp_stream *stream, int number, const struct segment *segment, uint32_t sequence)
{
    uint32_t ack = wfp_stream_translated_ack(stream, !number, segment->ack);

    if (sequence == segment->sequence && ack == segment->ack)
        return;
    replace32(segment->tcp, segment->tcp + 4, sequence);
    if (segment->flags & WFP_TCP_ACK) {
        replace32(segment->tcp, segment->tcp + 8, ack);
        translate_sack(stream, number, segment);
    }
    segment->packet->tcp_sequence = sequence;
    segment->packet->modified = true;
}

/** A callout wrote to the payload of a packet that goes on. Below the stream it is TCP that sums. */
static void
take_changes(const struct wfp_stream_run *run, const struct segment *segment)
{
    if (LIKELY(!run->is_changed))
        return;
    segment->packet->modified = true;
    if (segment->missing == 0)
        wfp_checksum_write(segment->packet);
}

/* ---- payload ---- */

static uint32_t
flags_of(int number, const struct segment *segment)
{
    uint32_t flags = number == WAY_IN ? WFP_STREAM_RECEIVE : WFP_STREAM_SEND;

    if (number == WAY_IN && (segment->flags & TCP_PSH))
        flags |= WFP_STREAM_RECEIVE_PUSH;
    if (UNLIKELY(segment->flags & TCP_URG))
        flags |= number == WAY_IN ? WFP_STREAM_RECEIVE_EXPEDITED : WFP_STREAM_SEND_EXPEDITED;
    return flags;
}

static void
begin_run(struct wfp_stream *stream, int number, const struct segment *segment,
          struct wfp_stream_run *run)
{
    *run = (struct wfp_stream_run){
        .stream = stream, .way = number, .flags = flags_of(number, segment)};
    run->begin = run->expected = segment->payload;
    run->next = stream->ways[number].next;
}

/** The sender's FIN, once all before it is there. */
static void
take_fin(struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &run->stream->ways[run->way];

    if (!way->fin_known || way->fin_taken || way->fin_sequence != way->next)
        return;
    way->fin_taken = true;
    wfp_stream_close(run, 0);
}

/** Take the segment's bytes that are new and in order, and what they make be in order. */
static void
take_bytes(struct wfp_stream_run *run, const struct segment *segment)
{
    struct wfp_stream_way *way = &run->stream->ways[run->way];
    uint32_t skip = way->next - segment->sequence;

    if (skip < segment->length) {
        run->begin = run->expected = segment->payload + skip;
        wfp_stream_feed(run, 0, segment->payload + skip, segment->length - skip);
        if (run->stream->acts && run->expected != segment->payload + segment->length)
            wfp_stream_divert(run);
        way->next += segment->length - skip;
    }
    if (UNLIKELY(segment->missing)) {
        run->stream->table->counters.missing += segment->missing;
        way->next += segment->missing;
        if (way->wire) {
            wfp_stream_transmit(run->stream, run->way);
            way->wire->una = way->wire->high = way->wire->nxt += segment->missing;
        }
    }
    if (UNLIKELY(way->ahead != NULL)) {
        if (run->stream->acts && way->ahead->sequence == way->next)
            wfp_stream_divert(run); /* they follow what this packet carries */
        wfp_stream_order_take(run);
    }
    if (UNLIKELY(way->fin_known && !way->fin_taken)) {
        take_fin(run);
        if (way->fin_taken && run->stream->acts && !run->fin_passed)
            wfp_stream_divert(run);
    }
}

static bool
has_content(const struct segment *segment)
{
    return segment->length || segment->missing || (segment->flags & (WFP_TCP_FIN | WFP_TCP_SYN));
}

/** All of the segment went by before. */
static bool
is_old(const struct wfp_stream_way *way, const struct segment *segment)
{
    uint32_t end = segment->sequence + segment->length + segment->missing;

    if (segment->flags & WFP_TCP_FIN)
        return way->fin_taken;
    return wfp_stream_after(end, way->next) <= 0;
}

/** An RST counts only where its receiver expects it, RFC 5961, 3.2: else anyone could end our watch. */
static bool
is_reset(const struct wfp_stream *stream, int number, const struct segment *segment)
{
    const struct wfp_stream_way *way = &stream->ways[number];

    return stream->table->config.is_recorded || !way->has_syn || segment->sequence == way->next ||
           (!stream->is_split && way->has_acked && segment->sequence == way->acked);
}

static void
keep_ahead(struct wfp_stream *stream, int number, const struct segment *segment)
{
    (void)wfp_stream_order_keep(stream, number, segment->sequence, segment->payload,
                                segment->length);
}

/* ---- a split stream ---- */

/** What went by before the split is the sender's to repeat, as far as the receiver lacks it. */
static void
forward_old(struct wfp_stream *stream, int number, const struct segment *segment)
{
    const struct wfp_stream_way *way = &stream->ways[number];
    uint32_t before = way->wire->base - segment->sequence;
    struct wfp_stream_content content = {.sequence = segment->sequence,
                                         .flags = segment->flags & TCP_PSH,
                                         .bytes = segment->payload,
                                         .length = MIN(before, segment->length)};

    if (wfp_stream_after(way->wire->base, segment->sequence) <= 0 || !way->has_acked ||
        wfp_stream_after(way->wire->base, way->acked) <= 0)
        return;
    if ((segment->flags & WFP_TCP_FIN) && before > segment->length)
        content.flags |= WFP_TCP_FIN;
    else if (content.length == 0)
        return;
    wfp_stream_emit(stream, number, &content);
}

/** Two ends that disagree would answer one another for ever: RFC 5961, 7. */
static bool
may_answer(const struct wfp_stream *stream, struct wfp_stream_wire *wire)
{
    if (wire->answered_100ns != stream->table->now_100ns) {
        wire->answered_100ns = stream->table->now_100ns;
        wire->answers = 0;
    }
    if (wire->answers == ANSWERS_MOST)
        return false;
    wire->answers++;
    return true;
}

static void
answer_ends(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_wire *wire = stream->ways[number].wire, *back = stream->ways[!number].wire;
    bool old_acks = stream->ways[!number].has_acked &&
                    wfp_stream_after(back->base, stream->ways[!number].acked) > 0;

    wfp_stream_settle(stream);
    if ((has_content(segment) ||
         wfp_stream_after(stream->ways[number].next, segment->sequence) > 0) &&
        !back->is_emitted && (has_content(segment) || may_answer(stream, back))) /* probes, too */
        wfp_stream_emit(stream, !number, &(struct wfp_stream_content){.sequence = back->nxt});
    /* duplicates of before the split are the sender's to count */
    if (!has_content(segment) && old_acks && !wire->is_emitted && may_answer(stream, wire))
        wfp_stream_emit(stream, number, &(struct wfp_stream_content){.sequence = wire->nxt});
}

/** With live ends: take the segment apart, answer, and send what came of it. */
static void
take_split(struct wfp_stream *stream, int number, const struct segment *segment,
           struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &stream->ways[number];

    run->is_diverted = true;
    if (segment->flags & WFP_TCP_ACK)
        wfp_stream_acked(stream, !number, segment->ack, !has_content(segment));
    forward_old(stream, number, segment);
    if (has_content(segment) && !is_old(way, segment)) {
        if (way->wire->queue.length >= WFP_STREAM_HELD_MAX)
            stream->table->counters.queue_full++;
        else if (wfp_stream_after(segment->sequence, way->next) > 0)
            keep_ahead(stream, number, segment);
        else
            take_bytes(run, segment);
    }
}

/** With recorded ends: bytes are new, old or ahead; nobody is answered. */
static enum wfp_stream_fate
take_recorded(struct wfp_stream *stream, int number, const struct segment *segment,
              struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &stream->ways[number];
    uint32_t sequence = wfp_stream_to_receiver(stream, number, segment->sequence);
    struct wfp_stream_wire *wire;

    if (!has_content(segment)) {
        translate(stream, number, segment,
                  wfp_stream_after(segment->sequence, way->next) < 0
                      ? sequence
                      : segment->sequence - way->next + way->wire->nxt);
        return WFP_STREAM_PASS;
    }
    if (is_old(way, segment)) {
        stream->table->counters.repeated++;
        return WFP_STREAM_TAKEN;
    }
    if (wfp_stream_after(segment->sequence, way->next) > 0) {
        keep_ahead(stream, number, segment);
        return WFP_STREAM_TAKEN;
    }
    run->is_diverted = way->wire->queue.length > 0 || segment->sequence != way->next;
    sequence = way->wire->nxt;
    take_bytes(run, segment);
    wire = way->wire;
    if (run->is_diverted || stream->is_dropped)
        return WFP_STREAM_TAKEN;
    wire->nxt += segment->length;
    if (segment->flags & WFP_TCP_FIN) {
        wire->nxt++;
        wire->fin_sent = true;
    }
    wire->una = wire->high = wire->nxt;
    take_changes(run, segment);
    translate(stream, number, segment, sequence);
    return WFP_STREAM_PASS;
}

static void
look_at_reset(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_run run;
    struct wfp_stream_content content = {.flags = WFP_TCP_RST};

    begin_run(stream, number, segment, &run);
    run.is_diverted = stream->is_split;
    run.expected = NULL;
    wfp_stream_abort(&run);
    if (!stream->is_split || stream->table->config.is_recorded)
        return;
    content.sequence = stream->ways[number].wire->nxt;
    wfp_stream_emit(stream, number, &content);
}

/** What flows go by, in the numbers that packets which go on have. The FIN is the segment's that
 *  carries it. */
static void
say_translated(struct wfp_stream *stream, int number, const struct segment *segment)
{
    wfp_bytes_put32(segment->tcp + 8, wfp_stream_translated_ack(stream, !number, segment->ack));
    segment->packet->tcp_flags &= (uint8_t)~WFP_TCP_FIN;
}

/** The fate of a packet after a split stream took it. */
static enum wfp_stream_fate
finish_split(struct wfp_stream *stream, int number, const struct segment *segment,
             enum wfp_stream_fate fate)
{
    struct wfp_stream_way *back = &stream->ways[!number];
    uint32_t ack;

    if (stream->is_dropped)
        return fate;
    if (stream->table->config.is_recorded) {
        wfp_stream_settle(stream);
        if (fate == WFP_STREAM_TAKEN)
            say_translated(stream, number, segment);
    } else {
        answer_ends(stream, number, segment);
        /* what flows go by: the sender's FIN counts once the receiver has ours */
        ack = wfp_stream_ack_of(stream, !number);
        if (back->fin_counted && !back->wire->fin_acked)
            ack = back->next - 1;
        wfp_bytes_put32(segment->tcp + 8, ack);
    }
    wfp_stream_rejoin(stream);
    return fate;
}

/* ---- a passing stream ---- */

static enum wfp_stream_fate
pass(struct wfp_stream *stream, int number, const struct segment *segment,
     struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &stream->ways[number];

    if (UNLIKELY(wfp_stream_after(segment->sequence, way->next) > 0) &&
        !stream->table->config.is_recorded)
        skip_gap(stream, number, segment->sequence);
    if (wfp_stream_after(segment->sequence, way->next) > 0 && !(segment->flags & WFP_TCP_SYN)) {
        if (stream->acts && !wfp_stream_split(stream)) {
            stream->is_dropped = true;
            return WFP_STREAM_TAKEN;
        }
        keep_ahead(stream, number, segment);
        return stream->acts ? WFP_STREAM_TAKEN : WFP_STREAM_PASS;
    }
    if (is_old(way, segment) || (segment->flags & WFP_TCP_SYN))
        return WFP_STREAM_PASS;
    take_bytes(run, segment);
    if (stream->is_split)
        return WFP_STREAM_TAKEN;
    if (UNLIKELY(way->fin_taken && !way->fin_counted)) {
        way->next++;
        way->fin_counted = true;
    }
    take_changes(run, segment);
    return WFP_STREAM_PASS;
}

/**
 * A segment out of place, a reset perhaps. Where we stand between, the sender hears where it should
 * be; else its receiver says so. Bytes that nobody may have are not shown, and do not go by.
 */
static enum wfp_stream_fate
refuse(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_wire *back = stream->ways[!number].wire;

    stream->table->counters.outside++;
    segment->packet->tcp_flags &= (uint8_t) ~(WFP_TCP_RST | WFP_TCP_FIN); /* the flow goes on */
    if (!stream->is_split)
        return stream->acts && segment->length ? WFP_STREAM_TAKEN : WFP_STREAM_PASS;
    if (may_answer(stream, back))
        wfp_stream_emit(stream, !number, &(struct wfp_stream_content){.sequence = back->nxt});
    wfp_bytes_put32(segment->tcp + 8, wfp_stream_ack_of(stream, !number));
    return WFP_STREAM_TAKEN;
}

static enum wfp_stream_fate
take_reset(struct wfp_stream *stream, int number, const struct segment *segment)
{
    if (!is_reset(stream, number, segment))
        return refuse(stream, number, segment);
    look_at_reset(stream, number, segment);
    if (!stream->is_split)
        return WFP_STREAM_PASS;
    if (!stream->table->config.is_recorded)
        return WFP_STREAM_TAKEN;
    translate(stream, number, segment, stream->ways[number].wire->nxt);
    return WFP_STREAM_PASS;
}

static enum wfp_stream_fate
decide_segment(struct wfp_stream *stream, int number, const struct segment *segment)
{
    struct wfp_stream_run run;
    enum wfp_stream_fate fate;

    begin_run(stream, number, segment, &run);
    if (LIKELY(!stream->is_split)) {
        if (!has_content(segment))
            return WFP_STREAM_PASS;
        fate = pass(stream, number, segment, &run);
        return stream->is_split ? finish_split(stream, number, segment, fate) : fate;
    }
    if (!stream->table->config.is_recorded) {
        take_split(stream, number, segment, &run);
        return finish_split(stream, number, segment, WFP_STREAM_TAKEN);
    }
    fate = take_recorded(stream, number, segment, &run);
    return finish_split(stream, number, segment, fate);
}

static void
begin_packet(struct wfp_stream *stream, const struct wfp_packet *packet, int number)
{
    struct wfp_stream_table *table = stream->table;

    table->now_100ns = MAX(table->now_100ns, packet->time_100ns);
    table->plane_id = packet->plane_id;
    table->plane_way = number;
    stream->is_decided = stream->has_blocked = false;
    if (stream->is_split)
        stream->ways[WAY_OUT].wire->is_emitted = stream->ways[WAY_IN].wire->is_emitted = false;
}

/** The connection is over for callouts; its ends may not have heard everything. */
static enum wfp_stream_fate
linger(struct wfp_stream *stream, int number, const struct segment *segment)
{
    if (stream->table->config.is_recorded) {
        if (has_content(segment))
            return WFP_STREAM_TAKEN; /* a repetition */
        translate(stream, number, segment,
                  wfp_stream_to_receiver(stream, number, segment->sequence));
        return WFP_STREAM_PASS;
    }
    if (segment->flags & WFP_TCP_RST) {
        stream->is_dropped = true; /* nobody listens any more */
        return WFP_STREAM_TAKEN;
    }
    if (segment->flags & WFP_TCP_ACK)
        wfp_stream_acked(stream, !number, segment->ack, !has_content(segment));
    answer_ends(stream, number, segment);
    return WFP_STREAM_TAKEN;
}

static enum wfp_stream_fate
take_segment(struct wfp_stream *stream, int number, const struct segment *segment)
{
    learn(stream, number, segment);
    if (segment->flags & WFP_TCP_FIN) {
        stream->ways[number].fin_known = true;
        stream->ways[number].fin_sequence = segment->sequence + segment->length + segment->missing;
    }
    if (UNLIKELY(segment->flags & WFP_TCP_RST))
        return take_reset(stream, number, segment);
    return decide_segment(stream, number, segment);
}

enum wfp_stream_fate
wfp_stream_packet(struct wfp_stream *stream, struct wfp_packet *packet, bool is_inbound)
{
    int number = is_inbound ? WAY_IN : WAY_OUT;
    enum wfp_stream_fate fate;
    struct segment segment;

    if (UNLIKELY(stream->is_dropped))
        return stream->linger_until ? WFP_STREAM_TAKEN : WFP_STREAM_DROPPED;
    begin_packet(stream, packet, number);
    if (UNLIKELY(stream->linger_until)) {
        read_segment(packet, &segment);
        fate = linger(stream, number, &segment);
        stream->table->plane_id = 0;
        return fate;
    }
    wfp_epoch_enter();
    if (UNLIKELY(!wfp_stream_rules(stream))) {
        stream->table->counters.no_memory++;
        stream->is_dropped = true;
    }
    read_segment(packet, &segment);
    if (UNLIKELY(is_outside(stream, number, &segment)))
        fate = refuse(stream, number, &segment);
    else
        fate = take_segment(stream, number, &segment);
    wfp_epoch_leave();
    stream->table->plane_id = 0;
    if (LIKELY(!stream->is_dropped))
        return fate;
    wfp_stream_reset_ends(stream);
    stream->table->counters.dropped++;
    return WFP_STREAM_DROPPED;
}
