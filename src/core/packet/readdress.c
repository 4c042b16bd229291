/*
 * Addresses and ports of a packet, changed in place.
 */
#include "core/packet/readdress.h"

#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"

/* No layer looks into these, but their checksums are over the addresses, too. */
#define PROTOCOL_DCCP     33
#define PROTOCOL_UDP_LITE 136

static uint32_t
address_size(const struct wfp_packet *packet)
{
    return packet->version == 4 ? 4 : 16;
}

static bool
has_ports(const struct wfp_packet *packet)
{
    return (packet->protocol == WFP_PROTOCOL_TCP || packet->protocol == WFP_PROTOCOL_UDP) &&
           packet->fragment_offset == 0 && packet->transport_header_size != 0;
}

void
wfp_packet_ends(const struct wfp_packet *packet, struct wfp_ends *ret_ends)
{
    memset(ret_ends, 0, sizeof(*ret_ends));
    memcpy(ret_ends->source, packet->source, address_size(packet));
    memcpy(ret_ends->destination, packet->destination, address_size(packet));
    ret_ends->source_port = packet->source_port;
    ret_ends->destination_port = packet->destination_port;
}

/** The transport checksum's field, or NULL where there is none that the ends are part of. */
static uint8_t *
checksum_field(const struct wfp_packet *packet)
{
    uint8_t *header = packet->data + packet->ip_header_size;

    if (packet->fragment_offset != 0)
        return NULL;
    if (packet->protocol == PROTOCOL_DCCP || packet->protocol == PROTOCOL_UDP_LITE)
        return packet->length >= packet->ip_header_size + 8u ? header + 6 : NULL;
    if (packet->transport_header_size == 0)
        return NULL;
    switch (packet->protocol) {
    case WFP_PROTOCOL_TCP:
        return header + 16;
    case WFP_PROTOCOL_UDP: /* over IPv4 it may do without */
        return packet->version == 4 && wfp_bytes_get16(header + 6) == 0 ? NULL : header + 6;
    case WFP_PROTOCOL_ICMPV6:
        return header + 2;
    default:
        return NULL;
    }
}

/** Does the field hold the sum of the pseudo-header, which hardware was to finish? */
static bool
is_unfinished(const struct wfp_packet *packet, const uint8_t *field)
{
    uint32_t length = packet->total_length - packet->ip_header_size;
    uint16_t unfinished;
    uint64_t sum;

    if (packet->transport_header_size == 0 || packet->protocol == WFP_PROTOCOL_ICMPV6 ||
        packet->is_fragment)
        return false;
    sum = wfp_checksum_add(0, packet->source, address_size(packet));
    sum = wfp_checksum_add(sum, packet->destination, address_size(packet));
    sum += length + packet->protocol;
    unfinished = (uint16_t)~wfp_checksum_fold(sum);
    if (wfp_bytes_get16(field) != unfinished)
        return false;
    /* A finished one may look the same by chance; of a packet that was cut nobody can tell. */
    return packet->total_length < packet->wire_length || !wfp_checksum_transport_is_valid(packet);
}

/** An unfinished checksum is a sum, a finished one a sum's complement. */
static uint16_t
follow_word(uint16_t checksum, bool unfinished, uint16_t old_word, uint16_t new_word)
{
    if (!unfinished)
        return wfp_checksum_replace(checksum, old_word, new_word);
    return (uint16_t)~wfp_checksum_replace((uint16_t)~checksum, old_word, new_word);
}

static void
set_address(struct wfp_packet *packet, const uint8_t *at, const uint8_t *to, uint8_t *checksum,
            bool unfinished)
{
    uint8_t *bytes = packet->data + (at - packet->data);

    for (uint32_t i = 0; i < address_size(packet); i += 2) {
        uint16_t old_word = wfp_bytes_get16(bytes + i), new_word = wfp_bytes_get16(to + i);

        if (packet->version == 4)
            wfp_bytes_put16(
                packet->data + 10,
                wfp_checksum_replace(wfp_bytes_get16(packet->data + 10), old_word, new_word));
        if (checksum)
            wfp_bytes_put16(checksum,
                            follow_word(wfp_bytes_get16(checksum), unfinished, old_word, new_word));
        wfp_bytes_put16(bytes + i, new_word);
    }
}

static void
set_port(uint8_t *bytes, uint16_t to, uint8_t *checksum, bool unfinished)
{
    if (checksum && !unfinished) /* ports are no part of the pseudo-header */
        wfp_bytes_put16(
            checksum, wfp_checksum_replace(wfp_bytes_get16(checksum), wfp_bytes_get16(bytes), to));
    wfp_bytes_put16(bytes, to);
}

bool
wfp_packet_readdress(struct wfp_packet *packet, const struct wfp_ends *to)
{
    uint8_t *checksum = checksum_field(packet);
    bool unfinished = checksum && is_unfinished(packet, checksum);
    bool ports = has_ports(packet);
    uint8_t *header = packet->data + packet->ip_header_size;

    if (memcmp(packet->source, to->source, address_size(packet)) == 0 &&
        memcmp(packet->destination, to->destination, address_size(packet)) == 0 &&
        (!ports || (packet->source_port == to->source_port &&
                    packet->destination_port == to->destination_port)))
        return false;
    set_address(packet, packet->source, to->source, checksum, unfinished);
    set_address(packet, packet->destination, to->destination, checksum, unfinished);
    if (ports) {
        set_port(header, to->source_port, checksum, unfinished);
        set_port(header + 2, to->destination_port, checksum, unfinished);
        packet->source_port = to->source_port;
        packet->destination_port = to->destination_port;
    }
    if (checksum && packet->protocol == WFP_PROTOCOL_UDP && wfp_bytes_get16(checksum) == 0)
        wfp_bytes_put16(checksum, 0xffff); /* 0 would mean "none" */
    return true;
}
