/*
 * Packets of the simulated world. See sim_packet.h.
 */
#include "sim/sim_packet.h"

#include <string.h>

#include "base/macros.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"

#define V4_HEADER 20u
#define V6_HEADER 40u
#define HOPS      64

struct wfp_sim_ends
wfp_sim_ends_swap(const struct wfp_sim_ends *ends)
{
    struct wfp_sim_ends other = {
        .version = ends->version,
        .local_port = ends->remote_port,
        .remote_port = ends->local_port,
    };

    memcpy(other.local, ends->remote, sizeof(other.local));
    memcpy(other.remote, ends->local, sizeof(other.remote));
    return other;
}

static uint32_t
header_size(const struct wfp_sim_ends *ends)
{
    return ends->version == 4 ? V4_HEADER : V6_HEADER;
}

static uint8_t *
upper(uint8_t *bytes, const struct wfp_sim_ends *ends)
{
    return bytes + header_size(ends);
}

/** The IP header before @p size bytes of an upper layer, and the checksums of both. */
static uint32_t
seal(uint8_t *bytes, const struct wfp_sim_ends *ends, uint8_t protocol, uint32_t size)
{
    struct wfp_packet packet = {.data = bytes, .length = header_size(ends) + size};

    memset(bytes, 0, header_size(ends));
    if (ends->version == 4) {
        bytes[0] = 0x45;
        wfp_bytes_put16(bytes + 2, (uint16_t)(V4_HEADER + size));
        bytes[6] = 0x40; /* don't fragment */
        bytes[8] = HOPS;
        bytes[9] = protocol;
        memcpy(bytes + 12, ends->local, 4);
        memcpy(bytes + 16, ends->remote, 4);
    } else {
        bytes[0] = 0x60;
        wfp_bytes_put16(bytes + 4, (uint16_t)size);
        bytes[6] = protocol;
        bytes[7] = HOPS;
        memcpy(bytes + 8, ends->local, 16);
        memcpy(bytes + 24, ends->remote, 16);
    }
    if (wfp_packet_parse(&packet) == WFP_DECODED)
        wfp_checksum_write(&packet);
    return packet.length;
}

uint32_t
wfp_sim_packet_tcp(uint8_t *bytes, const struct wfp_sim_ends *ends,
                   const struct wfp_sim_segment *segment)
{
    uint8_t *tcp = upper(bytes, ends);
    uint32_t header = segment->mss ? 24 : 20;

    memset(tcp, 0, header);
    wfp_bytes_put16(tcp, ends->local_port);
    wfp_bytes_put16(tcp + 2, ends->remote_port);
    wfp_bytes_put32(tcp + 4, segment->sequence);
    wfp_bytes_put32(tcp + 8, segment->acknowledgement);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)(segment->flags | (segment->urgent ? 0x20 : 0));
    wfp_bytes_put16(tcp + 14, segment->window);
    wfp_bytes_put16(tcp + 18, segment->urgent);
    if (segment->mss) {
        tcp[20] = 2; /* maximum segment size */
        tcp[21] = 4;
        wfp_bytes_put16(tcp + 22, segment->mss);
    }
    if (segment->size)
        memcpy(tcp + header, segment->data, segment->size);
    return seal(bytes, ends, WFP_PROTOCOL_TCP, header + segment->size);
}

uint32_t
wfp_sim_packet_udp(uint8_t *bytes, const struct wfp_sim_ends *ends, const void *data, uint32_t size)
{
    uint8_t *udp = upper(bytes, ends);

    memset(udp, 0, 8);
    wfp_bytes_put16(udp, ends->local_port);
    wfp_bytes_put16(udp + 2, ends->remote_port);
    wfp_bytes_put16(udp + 4, (uint16_t)(8 + size));
    if (size)
        memcpy(udp + 8, data, size);
    return seal(bytes, ends, WFP_PROTOCOL_UDP, 8 + size);
}

uint32_t
wfp_sim_packet_icmp(uint8_t *bytes, const struct wfp_sim_ends *ends, uint8_t type, uint8_t code,
                    uint32_t rest, const void *data, uint32_t size)
{
    uint8_t *icmp = upper(bytes, ends);

    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[1] = code;
    wfp_bytes_put32(icmp + 4, rest);
    if (size)
        memcpy(icmp + 8, data, size);
    return seal(bytes, ends, ends->version == 4 ? WFP_PROTOCOL_ICMP : WFP_PROTOCOL_ICMPV6,
                8 + size);
}

uint32_t
wfp_sim_packet_raw(uint8_t *bytes, const struct wfp_sim_ends *ends, uint8_t protocol,
                   const void *data, uint32_t size)
{
    if (size)
        memcpy(upper(bytes, ends), data, size);
    return seal(bytes, ends, protocol, size);
}

static uint32_t
refuse_tcp(uint8_t *bytes, const struct wfp_sim_ends *ends, const struct wfp_packet *packet)
{
    uint32_t header = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    struct wfp_sim_segment reset = {.flags = WFP_TCP_RST};

    if (packet->tcp_flags & WFP_TCP_RST)
        return 0;
    if (packet->tcp_flags & WFP_TCP_ACK) {
        reset.sequence = wfp_bytes_get32(packet->data + packet->ip_header_size + 8);
    } else {
        reset.flags |= WFP_TCP_ACK;
        reset.acknowledgement = packet->tcp_sequence + (packet->total_length - header) +
                                !!(packet->tcp_flags & WFP_TCP_SYN) +
                                !!(packet->tcp_flags & WFP_TCP_FIN);
    }
    return wfp_sim_packet_tcp(bytes, ends, &reset);
}

uint32_t
wfp_sim_packet_refusal(uint8_t *bytes, const struct wfp_packet *packet)
{
    struct wfp_sim_ends ends = {
        .version = packet->version,
        .local_port = packet->destination_port,
        .remote_port = packet->source_port,
    };
    size_t size = packet->version == 4 ? 4 : 16;

    memcpy(ends.local, packet->destination, size);
    memcpy(ends.remote, packet->source, size);
    if (packet->protocol == WFP_PROTOCOL_TCP)
        return refuse_tcp(bytes, &ends, packet);
    if (packet->protocol != WFP_PROTOCOL_UDP)
        return 0;
    return packet->version == 4
               ? wfp_sim_packet_icmp(bytes, &ends, 3, 3, 0, packet->data,
                                     MIN(packet->total_length, packet->ip_header_size + 8u))
               : wfp_sim_packet_icmp(bytes, &ends, 1, 4, 0, packet->data,
                                     MIN(packet->total_length, 1232u));
}

uint32_t
wfp_sim_packet_fragment(uint8_t *bytes, const uint8_t *whole, uint32_t length, uint32_t offset,
                        uint32_t size, uint32_t id)
{
    bool is_v4 = whole[0] >> 4 == 4;
    uint32_t header = is_v4 ? V4_HEADER : V6_HEADER, before = is_v4 ? header : header + 8;
    uint32_t left = length - header;
    bool is_last;

    if (offset >= left)
        return 0;
    left -= offset;
    is_last = size >= left;
    size = is_last ? left : size & ~7u;
    memcpy(bytes, whole, header);
    memcpy(bytes + before, whole + header + offset, size);
    if (is_v4) {
        wfp_bytes_put16(bytes + 2, (uint16_t)(before + size));
        wfp_bytes_put16(bytes + 4, (uint16_t)id);
        wfp_bytes_put16(bytes + 6, (uint16_t)(offset / 8 | (is_last ? 0 : 0x2000)));
        memset(bytes + 10, 0, 2);
        wfp_bytes_put16(bytes + 10, wfp_checksum_fold(wfp_checksum_add(0, bytes, V4_HEADER)));
        return before + size;
    }
    wfp_bytes_put16(bytes + 4, (uint16_t)(8 + size));
    bytes[header] = whole[6];
    bytes[6] = WFP_PROTOCOL_FRAGMENT;
    bytes[header + 1] = 0;
    wfp_bytes_put16(bytes + header + 2, (uint16_t)(offset | !is_last));
    wfp_bytes_put32(bytes + header + 4, id);
    return before + size;
}
