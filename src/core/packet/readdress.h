/*
 * Other addresses and ports in a packet's bytes, its checksums carried along.
 *
 * Model      Checksums are updated, not written anew: one that was wrong stays wrong, one that is left
 *            for hardware to finish (it holds the sum of the pseudo-header) stays so.
 * Ref        RFC 1624
 */
#ifndef WFP_CORE_PACKET_READDRESS_H
#define WFP_CORE_PACKET_READDRESS_H

#include "core/packet/packet.h"

/** Where a packet comes from and goes to. */
struct wfp_ends {
    uint8_t source[16]; /* network order; IPv4 in the first four bytes */
    uint8_t destination[16];
    uint16_t source_port; /* host order; of no meaning but for TCP and UDP */
    uint16_t destination_port;
};

void wfp_packet_ends(const struct wfp_packet *packet, struct wfp_ends *ret_ends);
/**
 * Give a parsed packet other ends. Ports change where the packet shows them: not in later fragments.
 * @return were they others? Context: no locks, no allocation.
 */
bool wfp_packet_readdress(struct wfp_packet *packet, const struct wfp_ends *to);

#endif
