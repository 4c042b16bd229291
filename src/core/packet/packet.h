/*
 * One IP packet as the stack sees it: bytes, and where its headers are.
 *
 * Model      `data` starts at the IP header. Offsets are bytes from there. Ports and addresses are
 *            as on the wire here (network order); shims turn them into field values.
 * Not here   link layers: plane/replay and plane/nfqueue strip them and keep what they need.
 */
#ifndef WFP_CORE_PACKET_PACKET_H
#define WFP_CORE_PACKET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/** Why bytes could not be decoded; counted by name, never dropped silently. */
enum wfp_undecodable {
    WFP_DECODED,
#define WFP_UNDECODABLE(name, text) WFP_UNDECODABLE_##name,
#include "core/packet/undecodable.def"
#undef WFP_UNDECODABLE
    WFP_UNDECODABLE_COUNT,
};

enum wfp_direction { WFP_OUTBOUND, WFP_INBOUND, WFP_FORWARD };

struct wfp_packet {
    uint8_t *data;      /* writable; starts at the IP header */
    uint32_t length;    /* bytes present */
    uint32_t headroom;  /* bytes before data that may be written (retreat) */
    uint32_t wire_length; /* bytes on the wire; > length when the capture cut it */

    uint8_t version;    /* 4 or 6 */
    uint8_t protocol;   /* upper layer, after IPv6 extension headers */
    uint16_t ip_header_size; /* with options or extension headers */
    uint16_t transport_header_size; /* 0 when unknown or not the first fragment */
    uint32_t total_length; /* by the IP header, clipped to what is present */
    const uint8_t *source;      /* 4 or 16 bytes, network order */
    const uint8_t *destination;
    uint16_t source_port;       /* host order; ICMP: type */
    uint16_t destination_port;  /* host order; ICMP: code */
    uint8_t tcp_flags;
    bool is_fragment;       /* more fragments or an offset */
    bool is_first_fragment; /* carries the transport header */
    uint16_t fragment_offset; /* bytes */
    bool more_fragments;
    uint32_t fragment_id;

    uint64_t time_100ns; /* since 1601, as Windows counts; capture time in replay */
    uint32_t interface_index;
    uint32_t sub_interface_index;
    uint64_t interface_luid;
    uint8_t interface_type; /* IANA ifType */
    enum wfp_direction direction;
    bool is_loopback;

    uint64_t process_id;            /* 0 unknown */
    const uint16_t *process_path_utf16; /* NULL unknown */

    void *adapter; /* the callout adapter's view of this packet (an NBL), for the packet's life */
};

/**
 * Find the headers. Everything a malformed packet can claim is checked against `length`.
 *
 * @param packet  data and length set; the rest is filled in
 * @return WFP_DECODED or the reason
 * Context: no locks, no allocation.
 */
enum wfp_undecodable wfp_packet_parse(struct wfp_packet *packet);

/** "bad-ip-length", "truncated" ... for tables and JSON. */
const char *wfp_undecodable_name(enum wfp_undecodable reason);

#endif
