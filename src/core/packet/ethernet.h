/*
 * An Ethernet frame's header.
 *
 * Ref        IEEE 802.3, 802.1Q
 */
#ifndef WFP_CORE_PACKET_ETHERNET_H
#define WFP_CORE_PACKET_ETHERNET_H

#include <stdbool.h>
#include <stdint.h>

#define WFP_ETHERTYPE_IPV4 0x0800u
#define WFP_ETHERTYPE_ARP  0x0806u
#define WFP_ETHERTYPE_IPV6 0x86ddu

struct wfp_ethernet {
    const uint8_t *destination, *source; /* 6 bytes each, in the frame */
    uint32_t header_size;                /* with tags */
    uint16_t ether_type;                 /* host order, behind the tags */
    uint16_t vlan_id;                    /* of the outermost tag, 0 without one */
};

/** @return false where the header is cut. Context: no locks, no allocation. */
bool wfp_ethernet_parse(const uint8_t *frame, uint32_t length, struct wfp_ethernet *ret_ethernet);

#endif
