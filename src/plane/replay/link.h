/*
 * From a link-layer frame to the IP packet in it.
 */
#ifndef WFP_PLANE_REPLAY_LINK_H
#define WFP_PLANE_REPLAY_LINK_H

#include "core/shims/stack.h"

/** LINKTYPE_* of the link layers we write or test with. */
#define WFP_LINK_ETHERNET 1u
#define WFP_LINK_RAW      101u

struct wfp_link {
    uint32_t offset; /* bytes before the IP packet */
    enum wfp_direction_hint hint;
    bool is_broadcast; /* to everyone on the link */
    bool is_ethernet;  /* begins with an Ethernet header */
};

/**
 * Find the IP packet.
 *
 * @param link_type  LINKTYPE_*
 * @return WFP_DECODED with @p ret_link, or LINK_TYPE, NOT_IP or TRUNCATED
 */
enum wfp_undecodable wfp_link_strip(uint32_t link_type, const uint8_t *frame, uint32_t length,
                                    struct wfp_link *ret_link);

/** "IEEE 802.11" ...: what people call a link type we don't decode; "" for one we have no name for. */
const char *wfp_link_name(uint32_t link_type);

#endif
