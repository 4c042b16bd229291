/*
 * Handmade packets for tests: headers with right lengths and checksums, payload as asked.
 */
#ifndef WFP_TESTS_PACKET_BUILD_H
#define WFP_TESTS_PACKET_BUILD_H

#include <stdlib.h>
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/packet/packet.h"

struct build {
    uint8_t bytes[2048];
    uint32_t length;
};

/** Parse "10.0.0.1" or a v6 address made of its last 16-bit group ("fd00::7" is 7). */
static inline uint8_t
build_address(const char *text, uint8_t *ret_address)
{
    unsigned a, b, c, d;

    memset(ret_address, 0, 16);
    if (sscanf(text, "%u.%u.%u.%u", &a, &b, &c, &d) == 4) {
        ret_address[0] = (uint8_t)a, ret_address[1] = (uint8_t)b;
        ret_address[2] = (uint8_t)c, ret_address[3] = (uint8_t)d;
        return 4;
    }
    if (sscanf(text, "%x::%x", &a, &b) == 2) {
        wfp_bytes_put16(ret_address, (uint16_t)a);
        wfp_bytes_put16(ret_address + 14, (uint16_t)b);
        return 6;
    }
    abort();
}

static inline void
build_checksums(struct build *build)
{
    struct wfp_packet packet = {.data = build->bytes, .length = build->length};

    if (wfp_packet_parse(&packet) == WFP_DECODED)
        wfp_checksum_write(&packet);
}

/** IP header over the @p size bytes already at the place of the upper layer. */
static inline uint32_t
build_ip(struct build *build, const char *source, const char *destination, uint8_t protocol,
         const void *upper, uint32_t size)
{
    uint8_t from[16], to[16];
    uint8_t version = build_address(source, from);

    build_address(destination, to);
    memset(build->bytes, 0, sizeof(build->bytes));
    if (version == 4) {
        build->bytes[0] = 0x45;
        wfp_bytes_put16(build->bytes + 2, (uint16_t)(20 + size));
        build->bytes[8] = 64;
        build->bytes[9] = protocol;
        memcpy(build->bytes + 12, from, 4);
        memcpy(build->bytes + 16, to, 4);
        memcpy(build->bytes + 20, upper, size);
        build->length = 20 + size;
    } else {
        build->bytes[0] = 0x60;
        wfp_bytes_put16(build->bytes + 4, (uint16_t)size);
        build->bytes[6] = protocol;
        build->bytes[7] = 64;
        memcpy(build->bytes + 8, from, 16);
        memcpy(build->bytes + 24, to, 16);
        memcpy(build->bytes + 40, upper, size);
        build->length = 40 + size;
    }
    build_checksums(build);
    return build->length;
}

static inline uint32_t
build_tcp(struct build *build, const char *source, uint16_t source_port, const char *destination,
          uint16_t destination_port, uint8_t flags, uint32_t sequence, const char *payload)
{
    uint8_t upper[1500] = {0};

    wfp_bytes_put16(upper, source_port);
    wfp_bytes_put16(upper + 2, destination_port);
    wfp_bytes_put32(upper + 4, sequence);
    upper[12] = 0x50;
    upper[13] = flags;
    wfp_bytes_put16(upper + 14, 0xffff);
    memcpy(upper + 20, payload, strlen(payload));
    return build_ip(build, source, destination, WFP_PROTOCOL_TCP, upper,
                    20 + (uint32_t)strlen(payload));
}

static inline uint32_t
build_udp(struct build *build, const char *source, uint16_t source_port, const char *destination,
          uint16_t destination_port, const char *payload)
{
    uint8_t upper[1500] = {0};

    wfp_bytes_put16(upper, source_port);
    wfp_bytes_put16(upper + 2, destination_port);
    wfp_bytes_put16(upper + 4, (uint16_t)(8 + strlen(payload)));
    memcpy(upper + 8, payload, strlen(payload));
    return build_ip(build, source, destination, WFP_PROTOCOL_UDP, upper,
                    8 + (uint32_t)strlen(payload));
}

/** An echo or any other 8-byte ICMP message; the protocol follows the address family. */
static inline uint32_t
build_icmp(struct build *build, const char *source, const char *destination, uint8_t type,
           uint8_t code, uint16_t id, uint16_t sequence)
{
    uint8_t upper[8] = {type, code}, address[16];

    wfp_bytes_put16(upper + 4, id);
    wfp_bytes_put16(upper + 6, sequence);
    return build_ip(build, source, destination,
                    build_address(source, address) == 4 ? WFP_PROTOCOL_ICMP : WFP_PROTOCOL_ICMPV6,
                    upper, sizeof(upper));
}

#endif
