/*
 * A TCP endpoint. See sim_tcp.h.
 *
 * Model      Both directions count bytes from the first one after the SYN ("offsets"), so sequence
 *            number = initial + 1 + offset and the FIN stands at the offset behind the last byte.
 *
 *               out:   acked <= sent <= size          everything sent is kept
 *               in:    size (in order) <= end of what is there, with holes marked in `has`
 */
#include "sim/sim_tcp.h"

#include <string.h>

#include "base/status.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"

#define RETRY_FIRST 3000000ull  /* 0.3 s */
#define RETRY_MOST  30000000ull /* 3 s */
#define PSH         0x08
#define HEADERS_MAX 64 /* of an IPv6 SYN */
#define NEVER       UINT64_MAX

/** A growing array of bytes. */
struct bytes {
    uint8_t *data;
    uint32_t size, capacity;
};

struct wfp_sim_tcp {
    struct wfp_sim_tcp_config config;
    enum wfp_sim_tcp_state state;
    struct wfp_sim_tcp_counters counters;

    struct bytes out;
    uint32_t acked, sent;
    uint32_t recover;    /* lost before this offset: each partial answer sends the next piece */
    uint32_t urgent_end; /* offset behind the urgent byte; 0 none */
    bool is_closing, fin_sent, fin_acked;
    uint32_t peer_window;
    uint16_t mss;
    uint32_t repeated_acks;

    uint32_t peer_initial;
    struct bytes in;  /* size: in order */
    struct bytes has; /* size: behind the last byte that is there; 1 where one is */
    bool fin_known;
    uint32_t fin_at;
    bool fin_taken;

    uint64_t timer, retry;
    uint32_t retries;
    uint8_t packet[]; /* the one that leaves */
};

static int
reserve(struct bytes *bytes, uint32_t size)
{
    uint32_t capacity = MAX(bytes->capacity, 1024u);
    uint8_t *data;

    if (size <= bytes->capacity)
        return 0;
    while (capacity < size)
        capacity *= 2;
    data = realloc(bytes->data, capacity);
    if (!data)
        return -WFP_ERR_NO_MEMORY;
    memset(data + bytes->capacity, 0, capacity - bytes->capacity);
    bytes->data = data;
    bytes->capacity = capacity;
    return 0;
}

int
wfp_sim_tcp_new(const struct wfp_sim_tcp_config *config, struct wfp_sim_tcp **ret_tcp)
{
    uint16_t mss = config->mss ? config->mss : config->ends.version == 4 ? 1460 : 1440;
    struct wfp_sim_tcp *tcp;

    if ((config->ends.version != 4 && config->ends.version != 6) || !config->emit)
        return -WFP_ERR_INVALID_PARAMETER;
    tcp = calloc(1, sizeof(*tcp) + HEADERS_MAX + mss);
    if (!tcp)
        return -WFP_ERR_NO_MEMORY;
    tcp->config = *config;
    tcp->config.mss = mss;
    if (tcp->config.window == 0)
        tcp->config.window = UINT16_MAX;
    if (tcp->config.retry_limit == 0)
        tcp->config.retry_limit = 15;
    tcp->mss = tcp->config.mss;
    tcp->state = config->is_passive ? WFP_SIM_TCP_LISTEN : WFP_SIM_TCP_CLOSED;
    tcp->timer = NEVER;
    tcp->retry = RETRY_FIRST;
    *ret_tcp = tcp;
    return 0;
}

void
wfp_sim_tcp_free(struct wfp_sim_tcp *tcp)
{
    if (!tcp)
        return;
    free(tcp->out.data);
    free(tcp->in.data);
    free(tcp->has.data);
    free(tcp);
}

/* ---- out ---- */

static uint32_t
sequence_at(const struct wfp_sim_tcp *tcp, uint32_t offset)
{
    return tcp->config.initial_sequence + 1 + offset;
}

static uint32_t
acknowledgement(const struct wfp_sim_tcp *tcp)
{
    return tcp->peer_initial + 1 + tcp->in.size + tcp->fin_taken;
}

static void
emit(struct wfp_sim_tcp *tcp, const struct wfp_sim_segment *segment)
{
    uint32_t length = wfp_sim_packet_tcp(tcp->packet, &tcp->config.ends, segment);

    tcp->counters.sent++;
    tcp->config.emit(tcp->config.context, tcp->packet, length);
}

static void
emit_syn(struct wfp_sim_tcp *tcp)
{
    struct wfp_sim_segment segment = {
        .sequence = tcp->config.initial_sequence,
        .flags = WFP_TCP_SYN,
        .window = tcp->config.window,
        .mss = tcp->config.mss,
    };

    if (tcp->state == WFP_SIM_TCP_SYN_RECEIVED) {
        segment.flags |= WFP_TCP_ACK;
        segment.acknowledgement = acknowledgement(tcp);
    }
    emit(tcp, &segment);
}

/** Bytes of the stream from @p offset on, and the FIN where they reach it. */
static void
emit_data(struct wfp_sim_tcp *tcp, uint32_t offset, uint32_t size)
{
    struct wfp_sim_segment segment = {
        .sequence = sequence_at(tcp, offset),
        .acknowledgement = acknowledgement(tcp),
        .flags = WFP_TCP_ACK,
        .window = tcp->config.window,
        .data = size ? tcp->out.data + offset : NULL,
        .size = size,
    };

    if (size && offset + size == tcp->out.size)
        segment.flags |= PSH;
    if (tcp->is_closing && offset + size == tcp->out.size) {
        segment.flags |= WFP_TCP_FIN;
        tcp->fin_sent = true;
    }
    if (offset < tcp->urgent_end)
        segment.urgent = (uint16_t)MIN(tcp->urgent_end - offset, UINT16_MAX);
    emit(tcp, &segment);
}

static void
emit_ack(struct wfp_sim_tcp *tcp)
{
    struct wfp_sim_segment segment = {
        .sequence = sequence_at(tcp, tcp->sent + (tcp->fin_sent && tcp->sent == tcp->out.size)),
        .acknowledgement = acknowledgement(tcp),
        .flags = WFP_TCP_ACK,
        .window = tcp->config.window,
    };

    emit(tcp, &segment);
}

/** How long a segment that begins at @p offset is to be; 0 when nothing may go. */
static uint32_t
segment_size(struct wfp_sim_tcp *tcp, uint32_t offset)
{
    uint32_t end = MIN(tcp->out.size, tcp->acked + tcp->peer_window), limit, size;

    if (offset >= end)
        return 0;
    limit = MIN(end - offset, tcp->mss);
    size = tcp->config.segment ? tcp->config.segment(tcp->config.context, limit) : limit;
    return MIN(MAX(size, 1u), limit);
}

static bool
is_waiting(const struct wfp_sim_tcp *tcp)
{
    if (tcp->state == WFP_SIM_TCP_SYN_SENT || tcp->state == WFP_SIM_TCP_SYN_RECEIVED)
        return true;
    return tcp->state == WFP_SIM_TCP_ESTABLISHED &&
           (tcp->acked < tcp->out.size || (tcp->is_closing && !tcp->fin_acked));
}

/** The timer runs while something is to be acknowledged, or a closed window to open. */
static void
set_timer(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    if (!is_waiting(tcp))
        tcp->timer = NEVER;
    else if (tcp->timer == NEVER)
        tcp->timer = now_100ns + tcp->retry;
}

/** Send what may be sent. */
static void
push(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    uint32_t size;

    if (tcp->state == WFP_SIM_TCP_ESTABLISHED) {
        while ((size = segment_size(tcp, tcp->sent)) != 0) {
            emit_data(tcp, tcp->sent, size);
            tcp->sent += size;
        }
        if (tcp->is_closing && !tcp->fin_sent && tcp->sent == tcp->out.size)
            emit_data(tcp, tcp->sent, 0);
    }
    set_timer(tcp, now_100ns);
}

/** The oldest piece that is not acknowledged, again; a closed window is probed with a byte. */
static void
repeat(struct wfp_sim_tcp *tcp)
{
    uint32_t size = MIN(tcp->sent - tcp->acked, tcp->mss);

    if (size > 1 && tcp->config.segment)
        size = MIN(MAX(tcp->config.segment(tcp->config.context, size), 1u), size);
    if (size == 0 && tcp->acked < tcp->out.size) {
        size = 1;
        tcp->sent = tcp->acked + 1;
    }
    tcp->counters.retransmitted++;
    emit_data(tcp, tcp->acked, size);
}

void
wfp_sim_tcp_connect(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    if (tcp->state != WFP_SIM_TCP_CLOSED)
        return;
    tcp->state = WFP_SIM_TCP_SYN_SENT;
    emit_syn(tcp);
    set_timer(tcp, now_100ns);
}

int
wfp_sim_tcp_send(struct wfp_sim_tcp *tcp, const void *data, uint32_t size, uint64_t now_100ns)
{
    if (tcp->is_closing || tcp->state >= WFP_SIM_TCP_DONE || size > UINT32_MAX / 4 - tcp->out.size)
        return -WFP_ERR_INVALID_PARAMETER;
    if (reserve(&tcp->out, tcp->out.size + size) < 0)
        return -WFP_ERR_NO_MEMORY;
    if (size)
        memcpy(tcp->out.data + tcp->out.size, data, size);
    tcp->out.size += size;
    push(tcp, now_100ns);
    return 0;
}

int
wfp_sim_tcp_send_urgent(struct wfp_sim_tcp *tcp, const void *data, uint32_t size,
                        uint64_t now_100ns)
{
    uint32_t before = tcp->urgent_end;
    int r;

    tcp->urgent_end = tcp->out.size + size;
    r = wfp_sim_tcp_send(tcp, data, size, now_100ns);
    if (r < 0)
        tcp->urgent_end = before;
    return r;
}

void
wfp_sim_tcp_close(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    if (tcp->state == WFP_SIM_TCP_LISTEN)
        tcp->state = WFP_SIM_TCP_CLOSED;
    tcp->is_closing = true;
    push(tcp, now_100ns);
}

void
wfp_sim_tcp_abort(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    struct wfp_sim_segment segment = {
        .sequence = sequence_at(tcp, tcp->sent + (tcp->fin_sent && tcp->sent == tcp->out.size)),
        .acknowledgement = acknowledgement(tcp),
        .flags = WFP_TCP_RST | WFP_TCP_ACK,
    };

    if (tcp->state > WFP_SIM_TCP_SYN_SENT && tcp->state <= WFP_SIM_TCP_DONE)
        emit(tcp, &segment);
    tcp->state = WFP_SIM_TCP_RESET;
    set_timer(tcp, now_100ns);
}

void
wfp_sim_tcp_keep_alive(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    struct wfp_sim_segment segment = {
        .sequence = sequence_at(tcp, tcp->acked) - 1,
        .acknowledgement = acknowledgement(tcp),
        .flags = WFP_TCP_ACK,
        .window = tcp->config.window,
    };

    if (tcp->state == WFP_SIM_TCP_ESTABLISHED)
        emit(tcp, &segment);
}

void
wfp_sim_tcp_set_window(struct wfp_sim_tcp *tcp, uint16_t window, uint64_t now_100ns)
{
    tcp->config.window = window;
    if (tcp->state == WFP_SIM_TCP_ESTABLISHED)
        emit_ack(tcp);
}

uint64_t
wfp_sim_tcp_timer(const struct wfp_sim_tcp *tcp)
{
    return tcp->timer;
}

void
wfp_sim_tcp_advance(struct wfp_sim_tcp *tcp, uint64_t now_100ns)
{
    if (now_100ns < tcp->timer)
        return;
    tcp->timer = NEVER;
    if (!is_waiting(tcp))
        return;
    if (++tcp->retries > tcp->config.retry_limit) {
        tcp->state = WFP_SIM_TCP_LOST;
        return;
    }
    tcp->retry = MIN(tcp->retry * 2, RETRY_MOST);
    if (tcp->state == WFP_SIM_TCP_ESTABLISHED) {
        tcp->recover = tcp->sent;
        repeat(tcp);
    } else {
        tcp->counters.retransmitted++;
        emit_syn(tcp);
    }
    set_timer(tcp, now_100ns);
}

/* ---- in ---- */

/** A segment's fields, where the packet has them. */
struct arrival {
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint16_t window;
    const uint8_t *tcp, *data;
    uint32_t size;
};

static bool
is_from_to(const struct wfp_packet *packet, const struct wfp_sim_ends *ends)
{
    size_t size = ends->version == 4 ? 4 : 16;

    return packet->version == ends->version && packet->protocol == WFP_PROTOCOL_TCP &&
           !packet->is_fragment && packet->transport_header_size >= 20 &&
           packet->source_port == ends->remote_port &&
           packet->destination_port == ends->local_port &&
           memcmp(packet->source, ends->remote, size) == 0 &&
           memcmp(packet->destination, ends->local, size) == 0;
}

static bool
read_arrival(struct wfp_sim_tcp *tcp, const uint8_t *bytes, uint32_t length,
             struct arrival *ret_arrival)
{
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)bytes, .length = length};
    uint32_t header;

    if (wfp_packet_parse(&packet) != WFP_DECODED || !is_from_to(&packet, &tcp->config.ends)) {
        tcp->counters.not_ours++;
        return false;
    }
    if (!wfp_checksum_ip_is_valid(&packet) || !wfp_checksum_transport_is_valid(&packet)) {
        tcp->counters.bad_checksum++;
        return false;
    }
    header = (uint32_t)packet.ip_header_size + packet.transport_header_size;
    ret_arrival->tcp = bytes + packet.ip_header_size;
    ret_arrival->flags = ret_arrival->tcp[13];
    ret_arrival->sequence = packet.tcp_sequence;
    ret_arrival->acknowledgement = wfp_bytes_get32(ret_arrival->tcp + 8);
    ret_arrival->window = wfp_bytes_get16(ret_arrival->tcp + 14);
    ret_arrival->data = bytes + header;
    ret_arrival->size = packet.total_length - header;
    return true;
}

static void
take_mss(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    const uint8_t *at = arrival->tcp + 20, *end = arrival->tcp + (arrival->tcp[12] >> 4) * 4;
    uint32_t mss = 536;

    while (at < end && *at != 0) {
        if (*at == 1) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2 || at[1] > end - at)
            break;
        if (at[0] == 2 && at[1] == 4)
            mss = wfp_bytes_get16(at + 2);
        at += at[1];
    }
    tcp->mss = (uint16_t)MIN(tcp->config.mss, MAX(mss, 1u));
}

static void
take_syn(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    tcp->peer_initial = arrival->sequence;
    tcp->peer_window = arrival->window;
    take_mss(tcp, arrival);
}

static void
answered(struct wfp_sim_tcp *tcp)
{
    tcp->retries = 0;
    tcp->retry = RETRY_FIRST;
    tcp->timer = NEVER;
}

static void
establish(struct wfp_sim_tcp *tcp)
{
    tcp->state = WFP_SIM_TCP_ESTABLISHED;
    answered(tcp);
}

/** Note what the other end has. */
static void
take_acknowledgement(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    uint32_t acked = arrival->acknowledgement - sequence_at(tcp, 0);
    bool is_all = tcp->fin_sent && acked == tcp->out.size + 1;

    if (acked < tcp->acked)
        return; /* it was overtaken: the window is one of before */
    tcp->peer_window = arrival->window;
    if (arrival->window == 0)
        tcp->retries = 0; /* it is there, only full */
    if (is_all) {
        acked = tcp->out.size;
        if (!tcp->fin_acked)
            answered(tcp);
        tcp->fin_acked = true;
    }
    if (acked > tcp->sent)
        return; /* of what was not sent */
    if (acked > tcp->acked) {
        tcp->acked = acked;
        tcp->repeated_acks = 0;
        answered(tcp);
        if (tcp->acked < tcp->recover)
            repeat(tcp);
    } else if (acked == tcp->acked && tcp->sent > tcp->acked && arrival->size == 0 &&
               !(arrival->flags & WFP_TCP_FIN) && ++tcp->repeated_acks == 3) {
        tcp->recover = tcp->sent;
        repeat(tcp);
    }
}

/** Keep the bytes that are new. @return false without memory, or outside of the window */
static bool
take_data(struct wfp_sim_tcp *tcp, uint32_t offset, const uint8_t *data, uint32_t size)
{
    if (reserve(&tcp->in, offset + size) < 0 || reserve(&tcp->has, offset + size) < 0)
        return false;
    if (offset == tcp->in.size && tcp->has.size == offset) { /* as it mostly is */
        memcpy(tcp->in.data + offset, data, size);
        memset(tcp->has.data + offset, 1, size);
        tcp->in.size = tcp->has.size = offset + size;
        return true;
    }
    for (uint32_t i = 0; i < size; i++)
        if (!tcp->has.data[offset + i]) {
            tcp->in.data[offset + i] = data[i];
            tcp->has.data[offset + i] = 1;
        }
    tcp->has.size = MAX(tcp->has.size, offset + size);
    while (tcp->in.size < tcp->has.size && tcp->has.data[tcp->in.size])
        tcp->in.size++;
    return true;
}

static void
take_stream(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    uint32_t offset = arrival->sequence - (tcp->peer_initial + 1), size = arrival->size;
    const uint8_t *data = arrival->data;

    if ((int32_t)offset < 0) { /* a keep-alive, or a SYN again: what is before the stream */
        uint32_t before = MIN(-offset, size);

        data += before;
        size -= before;
        offset += before;
    }
    if ((int32_t)offset < 0 || (int32_t)(offset - tcp->in.size) > UINT16_MAX + 1) {
        tcp->counters.not_ours++;
        return;
    }
    if (tcp->config.window == 0 && offset + size > tcp->in.size)
        return; /* no room */
    if (size && !take_data(tcp, offset, data, size))
        return;
    if (arrival->flags & WFP_TCP_FIN) {
        tcp->fin_known = true;
        tcp->fin_at = offset + size;
    }
    if (tcp->fin_known && tcp->in.size >= tcp->fin_at)
        tcp->fin_taken = true;
}

static void
reset(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    uint32_t distance = arrival->sequence - acknowledgement(tcp);

    if (tcp->state == WFP_SIM_TCP_SYN_SENT ? arrival->acknowledgement != sequence_at(tcp, 0)
                                           : distance > tcp->config.window) {
        tcp->counters.not_ours++;
        return;
    }
    tcp->state = WFP_SIM_TCP_RESET;
    tcp->timer = NEVER;
}

static void
take_in_handshake(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    bool is_syn = arrival->flags & WFP_TCP_SYN, is_ack = arrival->flags & WFP_TCP_ACK;
    bool is_ours = is_ack && arrival->acknowledgement == sequence_at(tcp, 0);

    switch (tcp->state) {
    case WFP_SIM_TCP_LISTEN:
        if (!is_syn || is_ack)
            break;
        take_syn(tcp, arrival);
        tcp->state = WFP_SIM_TCP_SYN_RECEIVED;
        emit_syn(tcp);
        return;
    case WFP_SIM_TCP_SYN_SENT:
        if (!is_syn)
            break;
        take_syn(tcp, arrival);
        if (is_ours) {
            establish(tcp);
            emit_ack(tcp);
        } else if (!is_ack) { /* both connect to each other */
            tcp->state = WFP_SIM_TCP_SYN_RECEIVED;
            emit_syn(tcp);
        }
        return;
    default: /* SYN_RECEIVED */
        if (is_syn && !is_ack) {
            emit_syn(tcp);
            return;
        }
        if (!is_ours)
            break;
        establish(tcp);
        if (is_syn)
            emit_ack(tcp);
        return;
    }
    tcp->counters.not_ours++;
}

static void
take_in_connection(struct wfp_sim_tcp *tcp, const struct arrival *arrival)
{
    bool is_probe = (int32_t)(arrival->sequence - acknowledgement(tcp)) < 0;

    if (arrival->flags & WFP_TCP_ACK)
        take_acknowledgement(tcp, arrival);
    take_stream(tcp, arrival);
    if (tcp->fin_taken && tcp->fin_acked && tcp->state == WFP_SIM_TCP_ESTABLISHED)
        tcp->state = WFP_SIM_TCP_DONE;
    /* Data and FINs are acknowledged, also those that came again; so is a probe. */
    if (arrival->size || (arrival->flags & WFP_TCP_FIN) || is_probe)
        emit_ack(tcp);
}

bool
wfp_sim_tcp_input(struct wfp_sim_tcp *tcp, const uint8_t *bytes, uint32_t length,
                  uint64_t now_100ns)
{
    struct arrival arrival;
    bool is_known;

    if (!read_arrival(tcp, bytes, length, &arrival))
        return false;
    tcp->counters.received++;
    if (tcp->state == WFP_SIM_TCP_CLOSED || tcp->state >= WFP_SIM_TCP_RESET) {
        tcp->counters.not_ours++;
        return false;
    }
    if (arrival.flags & WFP_TCP_RST) {
        reset(tcp, &arrival);
        return true;
    }
    is_known = tcp->state >= WFP_SIM_TCP_ESTABLISHED;
    if (!is_known)
        take_in_handshake(tcp, &arrival);
    if (!(arrival.flags & WFP_TCP_SYN)) {
        if (tcp->state >= WFP_SIM_TCP_ESTABLISHED)
            take_in_connection(tcp, &arrival);
    } else if (is_known) {
        emit_ack(tcp); /* our answer to the SYN-ACK was lost */
    }
    push(tcp, now_100ns);
    return true;
}

enum wfp_sim_tcp_state
wfp_sim_tcp_state(const struct wfp_sim_tcp *tcp)
{
    return tcp->state;
}

const uint8_t *
wfp_sim_tcp_received(const struct wfp_sim_tcp *tcp, uint32_t *ret_size)
{
    *ret_size = tcp->in.size;
    return tcp->in.data;
}

bool
wfp_sim_tcp_is_finished(const struct wfp_sim_tcp *tcp)
{
    return tcp->fin_taken;
}

bool
wfp_sim_tcp_is_acknowledged(const struct wfp_sim_tcp *tcp)
{
    return tcp->acked == tcp->out.size && (!tcp->is_closing || tcp->fin_acked);
}

const struct wfp_sim_ends *
wfp_sim_tcp_ends(const struct wfp_sim_tcp *tcp)
{
    return &tcp->config.ends;
}

const struct wfp_sim_tcp_counters *
wfp_sim_tcp_counters(const struct wfp_sim_tcp *tcp)
{
    return &tcp->counters;
}
