/*
 * The Internet checksum: whole, incremental, and over an IP packet's headers.
 *
 * Ref        RFC 1071, 1624
 */
#ifndef WFP_CORE_PACKET_CHECKSUM_H
#define WFP_CORE_PACKET_CHECKSUM_H

#include "core/packet/packet.h"

/**
 * Sum @p length bytes onto @p sum (0 to begin). Only the last piece of a chain may be of odd length.
 * @return a partial sum for wfp_checksum_fold() or another call
 */
uint64_t wfp_checksum_add(uint64_t sum, const void *bytes, uint32_t length);
/** The checksum of a partial sum, ready to be stored with wfp_bytes_put16(). */
uint16_t wfp_checksum_fold(uint64_t sum);
/** Replace a 16-bit word under a checksum (host order all). */
uint16_t wfp_checksum_replace(uint16_t checksum, uint16_t old_word, uint16_t new_word);

/** Is the IPv4 header's checksum right? Always true for IPv6. */
bool wfp_checksum_ip_is_valid(const struct wfp_packet *packet);
/** Is the TCP, UDP or ICMP checksum right? True where there is none, or bytes to sum are missing. */
bool wfp_checksum_transport_is_valid(const struct wfp_packet *packet);
/** Write the IP and transport checksums anew, after a parsed packet's bytes were changed. */
void wfp_checksum_write(struct wfp_packet *packet);

#endif
