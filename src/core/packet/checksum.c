/*
 * The Internet checksum.
 */
#include "core/packet/checksum.h"

#include "core/packet/bytes.h"

uint64_t
wfp_checksum_add(uint64_t sum, const void *bytes, uint32_t length)
{
    const uint8_t *p = bytes;

    for (; length >= 4; p += 4, length -= 4)
        sum += wfp_bytes_get32(p);
    if (length >= 2) {
        sum += wfp_bytes_get16(p);
        p += 2;
        length -= 2;
    }
    if (length)
        sum += (uint64_t)*p << 8;
    return sum;
}

uint16_t
wfp_checksum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint16_t
wfp_checksum_replace(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
    return wfp_checksum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);
}

/** Where the transport header keeps its checksum, or -1. */
static int
checksum_offset(const struct wfp_packet *packet)
{
    if (packet->transport_header_size == 0 || packet->is_fragment ||
        packet->total_length < packet->wire_length)
        return -1;
    switch (packet->protocol) {
    case WFP_PROTOCOL_TCP:
        return 16;
    case WFP_PROTOCOL_UDP:
        return 6;
    default:
        return 2;
    }
}

static uint32_t
transport_length(const struct wfp_packet *packet)
{
    const uint8_t *header = packet->data + packet->ip_header_size;
    uint32_t length = packet->total_length - packet->ip_header_size;

    /* UDP may be followed by bytes that its length doesn't cover. */
    if (packet->protocol == WFP_PROTOCOL_UDP && wfp_bytes_get16(header + 4) != 0)
        length = wfp_bytes_get16(header + 4);
    return length;
}

static uint64_t
transport_sum(const struct wfp_packet *packet)
{
    uint32_t length = transport_length(packet);
    uint64_t sum = 0;

    if (packet->protocol != WFP_PROTOCOL_ICMP) {
        uint32_t address = packet->version == 4 ? 4 : 16;

        sum = wfp_checksum_add(sum, packet->source, address);
        sum = wfp_checksum_add(sum, packet->destination, address);
        sum += length + packet->protocol;
    }
    return wfp_checksum_add(sum, packet->data + packet->ip_header_size, length);
}

bool
wfp_checksum_ip_is_valid(const struct wfp_packet *packet)
{
    return packet->version != 4 ||
           wfp_checksum_fold(wfp_checksum_add(0, packet->data, packet->ip_header_size)) == 0;
}

bool
wfp_checksum_transport_is_valid(const struct wfp_packet *packet)
{
    int offset = checksum_offset(packet);

    if (offset < 0)
        return true;
    if (packet->protocol == WFP_PROTOCOL_UDP && packet->version == 4 &&
        wfp_bytes_get16(packet->data + packet->ip_header_size + offset) == 0)
        return true;
    return wfp_checksum_fold(transport_sum(packet)) == 0;
}

void
wfp_checksum_write(struct wfp_packet *packet)
{
    int offset = checksum_offset(packet);

    if (packet->version == 4) {
        wfp_bytes_put16(packet->data + 10, 0);
        wfp_bytes_put16(packet->data + 10, wfp_checksum_fold(wfp_checksum_add(
                                               0, packet->data, packet->ip_header_size)));
    }
    if (offset >= 0) {
        uint8_t *field = packet->data + packet->ip_header_size + offset;
        uint16_t checksum;

        wfp_bytes_put16(field, 0);
        checksum = wfp_checksum_fold(transport_sum(packet));
        if (checksum == 0 && packet->protocol == WFP_PROTOCOL_UDP)
            checksum = 0xffff; /* 0 would mean "none" */
        wfp_bytes_put16(field, checksum);
    }
}
