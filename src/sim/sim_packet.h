/*
 * Packets of the simulated world: IP headers, UDP, ICMP, TCP segments, fragments, with right checksums.
 *
 * Lifetime   The caller's buffer; nothing is kept.
 * Not here   who sends what when: sim_tcp.c and the programs.
 */
#ifndef WFP_SIM_PACKET_H
#define WFP_SIM_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/packet.h"

#define WFP_SIM_PACKET_MAX 65575u /* an IPv6 packet without jumbo options */

/** Where packets of a conversation come from and go to, as the host at the local end sees it. */
struct wfp_sim_ends {
    uint8_t version;                  /* 4 or 6 */
    uint8_t local[16], remote[16];    /* network order; IPv4 in the first four bytes */
    uint16_t local_port, remote_port; /* host order */
};

/** The same, seen from the other end. */
struct wfp_sim_ends wfp_sim_ends_swap(const struct wfp_sim_ends *ends);

/** What a TCP segment says besides its ends. */
struct wfp_sim_segment {
    uint32_t sequence, acknowledgement; /* host order */
    uint16_t window;
    uint16_t urgent; /* nonzero: the URG flag and pointer */
    uint16_t mss;    /* nonzero: the option */
    uint8_t flags;   /* WFP_TCP_*, PSH is 8 */
    const uint8_t *data;
    uint32_t size;
};

/** Each writes one packet to @p bytes (WFP_SIM_PACKET_MAX of room) and returns its length. */
uint32_t wfp_sim_packet_tcp(uint8_t *bytes, const struct wfp_sim_ends *ends,
                            const struct wfp_sim_segment *segment);
uint32_t wfp_sim_packet_udp(uint8_t *bytes, const struct wfp_sim_ends *ends, const void *data,
                            uint32_t size);
/** @param rest  the second word of the ICMP header, host order (echo: id << 16 | sequence) */
uint32_t wfp_sim_packet_icmp(uint8_t *bytes, const struct wfp_sim_ends *ends, uint8_t type,
                             uint8_t code, uint32_t rest, const void *data, uint32_t size);
/** Any other protocol: @p data follow the IP header. */
uint32_t wfp_sim_packet_raw(uint8_t *bytes, const struct wfp_sim_ends *ends, uint8_t protocol,
                            const void *data, uint32_t size);

/**
 * What a host without a listener answers to @p packet: an RST to TCP, a port unreachable to UDP.
 * @return the answer's length, 0 if it deserves none (an RST, an ICMP message)
 */
uint32_t wfp_sim_packet_refusal(uint8_t *bytes, const struct wfp_packet *packet);

/**
 * One fragment of a whole packet: the piece of its upper layer from @p offset on.
 *
 * @param offset  a multiple of 8
 * @param size    of the piece at most; rounded down to a multiple of 8 unless it is the last
 * @param id      the datagram's
 * @return the fragment's length; 0 when @p offset is at or behind the end
 */
uint32_t wfp_sim_packet_fragment(uint8_t *bytes, const uint8_t *whole, uint32_t length,
                                 uint32_t offset, uint32_t size, uint32_t id);

#endif
