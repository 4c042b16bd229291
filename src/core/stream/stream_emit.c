/*
 * Segments of our own: headers written anew, with the numbers, window and options the ends expect.
 *
 * Choice     Timestamps repeat what each end said last, so that neither sees time run backwards. IP
 *            options and extension headers of the original packets are not repeated.
 */
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/stream/stream_private.h"

#define IPV4_SIZE     20u
#define IPV6_SIZE     40u
#define TCP_SIZE      20u
#define OPTIONS_MAX   40u
#define SACK_BLOCKS   3u
#define DONT_FRAGMENT 0x4000u
#define DEFAULT_TTL   64
#define DEFAULT_MSS   536u
#define MSS_MAX       1460u
#define TIMESTAMP     12u /* two NOPs and the option */

uint32_t
wfp_stream_mss(const struct wfp_stream *stream, int number)
{
    const struct wfp_stream_way *way = &stream->ways[number], *back = &stream->ways[!number];
    uint32_t mss = way->mss ? way->mss : DEFAULT_MSS, most = way->mss ? way->mss : MSS_MAX;

    if (way->mss && back->mss)
        mss = MIN(mss, (uint32_t)back->mss); /* the path is the same both ways, mostly */
    if (way->has_timestamp) {
        mss -= MIN(TIMESTAMP, mss / 2);
        most -= MIN(TIMESTAMP, most / 2);
    }
    if (way->largest > mss && way->largest <= most) /* what the sender knows of the path */
        mss = way->largest;
    return MAX(mss, 64u);
}

uint32_t
wfp_stream_ack_of(const struct wfp_stream *stream, int number)
{
    const struct wfp_stream_way *way = &stream->ways[number];

    if (stream->table->config.is_recorded)
        return way->has_acked ? wfp_stream_translated_ack(stream, number, way->acked) : way->next;
    if (way->wire && way->has_acked && wfp_stream_after(way->wire->base, way->acked) > 0)
        return way->acked; /* what went by before the split is the receiver's to acknowledge */
    return way->is_frozen ? way->frozen : way->next;
}

uint16_t
wfp_stream_window_of(const struct wfp_stream *stream, int number)
{
    const struct wfp_stream_way *way = &stream->ways[number];

    if (way->is_frozen || (way->wire && way->wire->queue.length >= WFP_STREAM_HELD_MAX))
        return 0;
    return way->window;
}

uint32_t
wfp_stream_window_bytes(const struct wfp_stream *stream, int number, uint16_t window)
{
    bool scaled = stream->ways[WAY_OUT].has_scale && stream->ways[WAY_IN].has_scale;

    return (uint32_t)window << (scaled ? stream->ways[number].shift : 0);
}

void
wfp_stream_offer(struct wfp_stream_way *way, uint32_t ack, uint32_t window_bytes)
{
    uint32_t edge = ack + window_bytes;

    if (!way->has_edge || wfp_stream_after(edge, way->edge) > 0)
        way->edge = edge;
    way->has_edge = true;
}

static uint32_t
put_ip(struct wfp_stream *stream, int number, uint8_t *out, uint32_t tcp_length)
{
    const struct wfp_flow_key *key = &stream->key;
    struct wfp_stream_way *way = &stream->ways[number];
    const uint8_t *from = number == WAY_OUT ? key->local : key->remote;
    const uint8_t *to = number == WAY_OUT ? key->remote : key->local;
    uint8_t ttl = way->ttl ? way->ttl : DEFAULT_TTL;

    if (stream->version == 4) {
        memset(out, 0, IPV4_SIZE);
        out[0] = 0x45;
        wfp_bytes_put16(out + 2, (uint16_t)(IPV4_SIZE + tcp_length));
        wfp_bytes_put16(out + 4, way->ip_id++);
        wfp_bytes_put16(out + 6, DONT_FRAGMENT);
        out[8] = ttl;
        out[9] = WFP_PROTOCOL_TCP;
        memcpy(out + 12, from, 4);
        memcpy(out + 16, to, 4);
        return IPV4_SIZE;
    }
    memset(out, 0, IPV6_SIZE);
    out[0] = 0x60;
    wfp_bytes_put16(out + 4, (uint16_t)tcp_length);
    out[6] = WFP_PROTOCOL_TCP;
    out[7] = ttl;
    memcpy(out + 8, from, 16);
    memcpy(out + 24, to, 16);
    return IPV6_SIZE;
}

static uint32_t
put_sack(const struct wfp_stream_way *back, uint8_t *out, uint32_t room)
{
    const struct wfp_stream_piece *piece = back->ahead;
    uint32_t count = 0, at = 4, most = MIN(SACK_BLOCKS, (room - 4) / 8);

    while (piece && count < most) {
        uint32_t end = piece->sequence + piece->length;

        wfp_bytes_put32(out + at, piece->sequence);
        while (piece->next && piece->next->sequence == end)
            end += (piece = piece->next)->length;
        wfp_bytes_put32(out + at + 4, end);
        piece = piece->next;
        at += 8;
        count++;
    }
    if (count == 0)
        return 0;
    out[0] = out[1] = 1;
    out[2] = 5;
    out[3] = (uint8_t)(2 + 8 * count);
    return at;
}

static uint32_t
put_options(const struct wfp_stream *stream, int number, uint8_t *out)
{
    const struct wfp_stream_way *way = &stream->ways[number], *back = &stream->ways[!number];
    uint32_t size = 0;

    if (way->has_timestamp && back->has_timestamp) {
        static const uint8_t head[] = {1, 1, 8, 10};

        memcpy(out, head, sizeof(head));
        wfp_bytes_put32(out + 4, way->timestamp);
        wfp_bytes_put32(out + 8, back->timestamp);
        size = TIMESTAMP;
    }
    if (back->ahead && back->has_sack && way->has_sack)
        size += put_sack(back, out + size, OPTIONS_MAX - size);
    return size;
}

static void
put_tcp(struct wfp_stream *stream, int number, uint8_t *out, uint32_t header,
        const struct wfp_stream_content *content)
{
    const struct wfp_flow_key *key = &stream->key;
    struct wfp_stream_way *back = &stream->ways[!number];
    uint32_t ack = wfp_stream_ack_of(stream, !number);
    uint16_t window = wfp_stream_window_of(stream, !number);

    wfp_stream_offer(back, ack, wfp_stream_window_bytes(stream, !number, window));
    memset(out, 0, TCP_SIZE);
    wfp_bytes_put16(out, number == WAY_OUT ? key->local_port : key->remote_port);
    wfp_bytes_put16(out + 2, number == WAY_OUT ? key->remote_port : key->local_port);
    wfp_bytes_put32(out + 4, content->sequence);
    wfp_bytes_put32(out + 8, ack);
    out[12] = (uint8_t)(header / 4 << 4);
    out[13] = content->flags | WFP_TCP_ACK;
    wfp_bytes_put16(out + 14, window);
    if (content->length)
        memcpy(out + header, content->bytes, content->length);
    if (back->wire) {
        back->wire->told_ack = ack;
        back->wire->told_window = window;
    }
}

static void
set_frame(struct wfp_stream *stream, int number, struct wfp_frame *frame)
{
    struct wfp_stream_table *table = stream->table;
    const struct wfp_stream_way *way = &stream->ways[number];

    frame->hint = number == WAY_OUT ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND;
    frame->time_100ns = table->now_100ns;
    frame->interface_index = way->interface_index;
    frame->interface_type = way->interface_type;
    frame->entry = WFP_ENTRY_RESUMED;
    if (table->plane_id && table->plane_way == number) {
        frame->plane_id = table->plane_id; /* it takes the original's place */
        table->plane_id = 0;
    }
}

void
wfp_stream_emit(struct wfp_stream *stream, int number, const struct wfp_stream_content *content)
{
    struct wfp_stream_table *table = stream->table;
    uint8_t options[OPTIONS_MAX];
    uint32_t size = put_options(stream, number, options), header = TCP_SIZE + size, ip;
    struct wfp_stream_segment *segment =
        calloc(1, sizeof(*segment) + IPV6_SIZE + header + content->length);
    struct wfp_packet packet = {0};

    if (!segment)
        return; /* as if the wire had lost it */
    segment->flow_id = stream->flow_id;
    segment->frame.data = (uint8_t *)(segment + 1);
    ip = put_ip(stream, number, segment->frame.data, header + content->length);
    put_tcp(stream, number, segment->frame.data + ip, header, content);
    memcpy(segment->frame.data + ip + TCP_SIZE, options, size);
    segment->frame.length = segment->frame.wire_length = ip + header + content->length;
    set_frame(stream, number, &segment->frame);
    packet.data = segment->frame.data;
    packet.length = packet.wire_length = segment->frame.length;
    if (wfp_packet_parse(&packet) == WFP_DECODED)
        wfp_checksum_write(&packet);
    if (stream->ways[number].wire)
        stream->ways[number].wire->is_emitted = true;
    *table->end = segment;
    table->end = &segment->next;
}
