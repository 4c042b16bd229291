/*
 * Find the headers of an IP packet, trusting nothing it claims.
 *
 * Model      Three lengths meet here. What the headers claim must fit what was on the wire
 *            (`claimed`); what a reader may touch must be present (`length`). A capture's snap length
 *            may make the second smaller: then it is "cut short", not malformed.
 * Choice     Bad TCP options don't make a packet undecodable: stacks ignore them. Bad IP options do:
 *            stacks drop those. A total length of 0 is segmentation offload (BIG TCP, LSO) and means
 *            the frame's length.
 * Ref        RFC 791, 8200, 9293, 768, 792, 4443
 */
#include "core/packet/packet.h"

#include <stddef.h>

#include "base/macros.h"
#include "core/packet/bytes.h"

#define IPV4_HEADER_MIN     20u
#define IPV6_HEADER         40u
#define IPV6_EXTENSIONS_MAX 32u /* no sane packet has more; bounds the work a hostile one causes */
#define TCP_HEADER_MIN      20u
#define UDP_HEADER          8u
#define ICMP_HEADER         8u
#define ICMPV6_HEADER_MIN   4u
#define IP_DATAGRAM_MAX     65535u

/** Bytes are missing: because the capture cut them, or because the packet lies? */
static enum wfp_undecodable
missing(const struct wfp_packet *packet, uint32_t need, enum wfp_undecodable reason)
{
    return packet->wire_length > packet->length && packet->wire_length >= need
               ? WFP_UNDECODABLE_TRUNCATED
               : reason;
}

static bool
ipv4_options_fit(const uint8_t *options, uint32_t size)
{
    for (uint32_t i = 0; i < size;) {
        if (options[i] == 0)
            return true;
        if (options[i] == 1) {
            i++;
            continue;
        }
        if (size - i < 2 || options[i + 1] < 2 || options[i + 1] > size - i)
            return false;
        i += options[i + 1];
    }
    return true;
}

/** Set total_length; @p claimed is what the IP header says, 0 for "to the end of the frame". */
static enum wfp_undecodable
set_length(struct wfp_packet *packet, uint32_t claimed, uint32_t header_size)
{
    if (claimed == 0)
        claimed = packet->wire_length;
    if (claimed < header_size || claimed > packet->wire_length)
        return WFP_UNDECODABLE_IP_LENGTH;
    packet->total_length = MIN(claimed, packet->length);
    /* wire_length now tells how long the datagram was, without the link's padding. */
    packet->wire_length = claimed;
    return WFP_DECODED;
}

static enum wfp_undecodable
set_fragment(struct wfp_packet *packet, uint32_t offset, bool more)
{
    uint32_t header =
        packet->fragment_header ? packet->fragment_header + 8u : packet->ip_header_size;
    uint32_t payload = packet->wire_length - header;

    packet->fragment_offset = (uint16_t)offset;
    packet->more_fragments = more;
    packet->is_fragment = more || offset != 0;
    packet->is_first_fragment = packet->is_fragment && offset == 0;
    if (packet->is_fragment &&
        (offset + payload > IP_DATAGRAM_MAX || (more && (payload % 8 != 0 || payload == 0))))
        return WFP_UNDECODABLE_IP_LENGTH;
    return WFP_DECODED;
}

static enum wfp_undecodable
parse_ipv4(struct wfp_packet *packet)
{
    const uint8_t *data = packet->data;
    enum wfp_undecodable reason;
    uint32_t header_size, fragment;

    if (packet->length < IPV4_HEADER_MIN)
        return missing(packet, IPV4_HEADER_MIN, WFP_UNDECODABLE_IP_HEADER);
    header_size = (uint32_t)(data[0] & 0xf) * 4;
    if (header_size < IPV4_HEADER_MIN)
        return WFP_UNDECODABLE_IP_HEADER;
    if (packet->length < header_size)
        return missing(packet, header_size, WFP_UNDECODABLE_IP_HEADER);
    reason = set_length(packet, wfp_bytes_get16(data + 2), header_size);
    if (reason)
        return reason;
    if (header_size > IPV4_HEADER_MIN &&
        !ipv4_options_fit(data + IPV4_HEADER_MIN, header_size - IPV4_HEADER_MIN))
        return WFP_UNDECODABLE_IP_OPTION;

    packet->ip_header_size = (uint16_t)header_size;
    packet->protocol = data[9];
    packet->source = data + 12;
    packet->destination = data + 16;
    packet->fragment_id = wfp_bytes_get16(data + 4);
    fragment = wfp_bytes_get16(data + 6);
    return set_fragment(packet, (fragment & 0x1fff) * 8, fragment & 0x2000);
}

/** Bytes of the extension header at @p header, or 0 if @p protocol is not one that is skipped. */
static uint32_t
extension_size(uint8_t protocol, const uint8_t *header)
{
    switch (protocol) {
    case WFP_PROTOCOL_HOP_BY_HOP:
    case WFP_PROTOCOL_ROUTING:
    case WFP_PROTOCOL_OPTIONS:
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
        return ((uint32_t)header[1] + 1) * 8;
    case WFP_PROTOCOL_FRAGMENT:
        return 8;
    case WFP_PROTOCOL_AH:
        return ((uint32_t)header[1] + 2) * 4;
    default:
        return 0;
    }
}

static bool
is_extension(uint8_t protocol)
{
    static const uint8_t any[2];

    return extension_size(protocol, any) != 0;
}

static enum wfp_undecodable
parse_ipv6(struct wfp_packet *packet)
{
    const uint8_t *data = packet->data;
    enum wfp_undecodable reason;
    uint32_t offset = IPV6_HEADER, named_by = 6, claimed, fragment = 0;
    uint8_t protocol;

    if (packet->length < IPV6_HEADER)
        return missing(packet, IPV6_HEADER, WFP_UNDECODABLE_IP_HEADER);
    protocol = data[6];
    claimed = wfp_bytes_get16(data + 4);
    if (claimed != 0 || protocol == WFP_PROTOCOL_NONE)
        claimed += IPV6_HEADER;
    reason = set_length(packet, claimed, IPV6_HEADER);
    if (reason)
        return reason;
    packet->source = data + 8;
    packet->destination = data + 24;

    for (uint32_t count = 0; is_extension(protocol); count++) {
        uint32_t size;

        /* Hop-by-hop options may only come first. */
        if (count == IPV6_EXTENSIONS_MAX || (protocol == WFP_PROTOCOL_HOP_BY_HOP && count > 0))
            return WFP_UNDECODABLE_IP_OPTION;
        if (packet->total_length - offset < 8)
            return missing(packet, offset + 8, WFP_UNDECODABLE_IP_OPTION);
        size = extension_size(protocol, data + offset);
        if (size > packet->total_length - offset)
            return missing(packet, offset + size, WFP_UNDECODABLE_IP_OPTION);
        if (protocol == WFP_PROTOCOL_FRAGMENT) {
            fragment = wfp_bytes_get16(data + offset + 2);
            packet->fragment_header = (uint16_t)offset;
            packet->fragment_named_by = (uint16_t)named_by;
            packet->fragment_id = wfp_bytes_get32(data + offset + 4);
        }
        protocol = data[offset];
        named_by = offset;
        offset += size;
        if (fragment & 0xfff8)
            break; /* the rest is the middle of something */
    }
    packet->protocol = protocol;
    packet->ip_header_size = (uint16_t)offset;
    return set_fragment(packet, fragment & 0xfff8, fragment & 1);
}

static enum wfp_undecodable
parse_tcp(struct wfp_packet *packet, const uint8_t *header, uint32_t present)
{
    uint32_t header_size;

    if (present < TCP_HEADER_MIN)
        return missing(packet, packet->ip_header_size + TCP_HEADER_MIN,
                       WFP_UNDECODABLE_TRANSPORT_HEADER);
    header_size = (uint32_t)(header[12] >> 4) * 4;
    if (header_size < TCP_HEADER_MIN)
        return WFP_UNDECODABLE_TRANSPORT_HEADER;
    if (present < header_size)
        return missing(packet, packet->ip_header_size + header_size,
                       WFP_UNDECODABLE_TRANSPORT_HEADER);
    packet->source_port = wfp_bytes_get16(header);
    packet->destination_port = wfp_bytes_get16(header + 2);
    packet->tcp_sequence = wfp_bytes_get32(header + 4);
    packet->tcp_flags = header[13];
    packet->transport_header_size = (uint16_t)header_size;
    return WFP_DECODED;
}

static enum wfp_undecodable
parse_udp(struct wfp_packet *packet, const uint8_t *header, uint32_t present)
{
    uint32_t claimed, payload = packet->wire_length - packet->ip_header_size;

    if (present < UDP_HEADER)
        return missing(packet, packet->ip_header_size + UDP_HEADER,
                       WFP_UNDECODABLE_TRANSPORT_HEADER);
    claimed = wfp_bytes_get16(header + 4);
    /* 0 is an IPv6 jumbogram's; a first fragment holds less than the header speaks of. */
    if (claimed != 0 || payload <= IP_DATAGRAM_MAX)
        if (claimed < UDP_HEADER || (claimed > payload && !packet->is_fragment))
            return WFP_UNDECODABLE_TRANSPORT_HEADER;
    packet->source_port = wfp_bytes_get16(header);
    packet->destination_port = wfp_bytes_get16(header + 2);
    packet->transport_header_size = UDP_HEADER;
    return WFP_DECODED;
}

static enum wfp_undecodable
parse_icmp(struct wfp_packet *packet, const uint8_t *header, uint32_t present)
{
    uint32_t least = packet->version == 4 ? ICMP_HEADER : ICMPV6_HEADER_MIN;

    if (present < least)
        return missing(packet, packet->ip_header_size + least, WFP_UNDECODABLE_TRANSPORT_HEADER);
    packet->source_port = header[0];
    packet->destination_port = header[1];
    packet->transport_header_size = (uint16_t)MIN(present, ICMP_HEADER);
    if (present >= ICMP_HEADER && (packet->version == 4 ? header[0] == 8 || header[0] == 0
                                                        : header[0] == 128 || header[0] == 129)) {
        packet->icmp_id = wfp_bytes_get16(header + 4);
        packet->icmp_sequence = wfp_bytes_get16(header + 6);
    }
    return WFP_DECODED;
}

static enum wfp_undecodable
parse_transport(struct wfp_packet *packet)
{
    const uint8_t *header = packet->data + packet->ip_header_size;
    uint32_t present = packet->total_length - packet->ip_header_size;

    switch (packet->protocol) {
    case WFP_PROTOCOL_TCP:
        return parse_tcp(packet, header, present);
    case WFP_PROTOCOL_UDP:
        return parse_udp(packet, header, present);
    case WFP_PROTOCOL_ICMP:
        return packet->version == 4 ? parse_icmp(packet, header, present) : WFP_DECODED;
    case WFP_PROTOCOL_ICMPV6:
        return packet->version == 6 ? parse_icmp(packet, header, present) : WFP_DECODED;
    default:
        return WFP_DECODED;
    }
}

enum wfp_undecodable
wfp_packet_parse(struct wfp_packet *packet)
{
    enum wfp_undecodable reason;

    packet->version = packet->protocol = 0;
    packet->ip_header_size = packet->transport_header_size = 0;
    packet->total_length = 0;
    packet->source = packet->destination = NULL;
    packet->source_port = packet->destination_port = 0;
    packet->icmp_id = packet->icmp_sequence = 0;
    packet->tcp_sequence = 0;
    packet->tcp_flags = 0;
    packet->fragment_id = 0;
    packet->fragment_offset = packet->fragment_header = packet->fragment_named_by = 0;
    packet->is_fragment = packet->is_first_fragment = packet->more_fragments = false;
    if (packet->wire_length < packet->length)
        packet->wire_length = packet->length;
    if (packet->length == 0)
        return missing(packet, 1, WFP_UNDECODABLE_NOT_IP);
    packet->version = packet->data[0] >> 4;
    if (packet->version == 4)
        reason = parse_ipv4(packet);
    else if (packet->version == 6)
        reason = parse_ipv6(packet);
    else
        return WFP_UNDECODABLE_IP_VERSION;
    if (reason || packet->fragment_offset != 0)
        return reason;
    return parse_transport(packet);
}

bool
wfp_packet_salvage(struct wfp_packet *packet, enum wfp_undecodable reason)
{
    uint8_t *data = packet->data;
    bool is_v4 = packet->version == 4;

    if (packet->length < (is_v4 ? IPV4_HEADER_MIN : IPV6_HEADER) ||
        (!is_v4 && packet->version != 6))
        return false;
    packet->source = data + (is_v4 ? 12 : 8);
    packet->destination = data + (is_v4 ? 16 : 24);
    packet->transport_header_size = 0;
    if (reason == WFP_UNDECODABLE_TRANSPORT_HEADER) { /* the IP header is fine */
        if ((packet->protocol == WFP_PROTOCOL_TCP || packet->protocol == WFP_PROTOCOL_UDP) &&
            packet->total_length - packet->ip_header_size >= 4) {
            packet->source_port = wfp_bytes_get16(data + packet->ip_header_size);
            packet->destination_port = wfp_bytes_get16(data + packet->ip_header_size + 2);
        }
        return true;
    }
    packet->protocol = data[is_v4 ? 9 : 6];
    packet->ip_header_size = (uint16_t)(is_v4 ? (uint32_t)(data[0] & 0xf) * 4 : IPV6_HEADER);
    if (packet->ip_header_size < IPV4_HEADER_MIN || packet->ip_header_size > packet->length)
        packet->ip_header_size = IPV4_HEADER_MIN;
    packet->total_length = packet->wire_length = packet->length;
    packet->fragment_offset = packet->fragment_header = packet->fragment_named_by = 0;
    packet->is_fragment = packet->is_first_fragment = packet->more_fragments = false;
    return true;
}

bool
wfp_packet_is_icmp_error(const struct wfp_packet *packet)
{
    uint16_t type = packet->source_port;

    if (packet->transport_header_size == 0)
        return false;
    if (packet->version == 4)
        return packet->protocol == WFP_PROTOCOL_ICMP &&
               (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
    return packet->protocol == WFP_PROTOCOL_ICMPV6 && type < 128;
}

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
    [WFP_DECODED] = {"DECODED", "decoded"},
#define WFP_UNDECODABLE(id, words) [WFP_UNDECODABLE_##id] = {#id, words},
#include "core/packet/undecodable.def"
#undef WFP_UNDECODABLE
};

const char *
wfp_undecodable_name(enum wfp_undecodable reason)
{
    return (size_t)reason < ELEMENTSOF(reasons) ? reasons[reason].name : "?";
}

const char *
wfp_undecodable_text(enum wfp_undecodable reason)
{
    return (size_t)reason < ELEMENTSOF(reasons) ? reasons[reason].text : "?";
}
