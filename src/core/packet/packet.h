/*
 * One IP packet as the stack sees it: bytes, and where its headers are.
 *
 * Model      `data` starts at the IP header. Offsets are bytes from there. Addresses point into the
 *            bytes (network order); ports are host order; shims turn both into field values.
 *
 *              data          ip_header_size      + transport_header_size       total_length  length
 *              |<- IP + ext ->|<- TCP/UDP/ICMP header ->|<------- payload ------->|<- padding ->|
 *
 * Not here   link layers: plane/replay and plane/nfqueue strip them and keep what they need.
 *            Putting fragments together is fragment.c.
 */
#ifndef WFP_CORE_PACKET_PACKET_H
#define WFP_CORE_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Why bytes could not be decoded; counted by name, never dropped silently. */
enum wfp_undecodable {
    WFP_DECODED,
#define WFP_UNDECODABLE(name, text) WFP_UNDECODABLE_##name,
#include "core/packet/undecodable.def"
#undef WFP_UNDECODABLE
    WFP_UNDECODABLE_COUNT,
};

struct wfp_user;

enum wfp_direction { WFP_OUTBOUND, WFP_INBOUND, WFP_FORWARD };

/* IP protocol numbers (IANA) the stack knows by name. */
#define WFP_PROTOCOL_HOP_BY_HOP 0
#define WFP_PROTOCOL_ICMP       1
#define WFP_PROTOCOL_TCP        6
#define WFP_PROTOCOL_UDP        17
#define WFP_PROTOCOL_ROUTING    43
#define WFP_PROTOCOL_FRAGMENT   44
#define WFP_PROTOCOL_ESP        50
#define WFP_PROTOCOL_AH         51
#define WFP_PROTOCOL_ICMPV6     58
#define WFP_PROTOCOL_NONE       59
#define WFP_PROTOCOL_OPTIONS    60

#define WFP_TCP_FIN 0x01
#define WFP_TCP_SYN 0x02
#define WFP_TCP_RST 0x04
#define WFP_TCP_ACK 0x10

struct wfp_packet {
    uint8_t *data;        /* writable; starts at the IP header */
    uint32_t length;      /* bytes present */
    uint32_t headroom;    /* bytes before data that may be written (retreat) */
    uint32_t wire_length; /* bytes on the wire; > length when the capture cut it; 0 = length */

    uint8_t version;        /* 4 or 6 */
    uint8_t protocol;       /* upper layer, after IPv6 extension headers */
    uint8_t tcp_flags;      /* WFP_TCP_* */
    bool is_fragment;       /* more fragments or an offset */
    bool is_first_fragment; /* carries the transport header */
    bool more_fragments;
    uint16_t fragment_offset;       /* bytes */
    uint16_t fragment_header;       /* IPv6: where the fragment header is, 0 without one */
    uint16_t fragment_named_by;     /* IPv6: the byte before it that names it */
    uint16_t ip_header_size;        /* with options or extension headers */
    uint16_t transport_header_size; /* 0 when unknown or not the first fragment */
    uint32_t total_length;          /* by the IP header, clipped to what is present */
    uint32_t fragment_id;           /* host order */
    const uint8_t *source;          /* 4 or 16 bytes, network order */
    const uint8_t *destination;
    uint16_t source_port;      /* host order; ICMP: type */
    uint16_t destination_port; /* host order; ICMP: code */
    uint16_t icmp_id;          /* host order; echo only, else 0 */
    uint16_t icmp_sequence;    /* host order; echo only, else 0 */
    uint32_t tcp_sequence;     /* host order */

    uint64_t time_100ns; /* since 1601, as Windows counts; capture time in replay */
    uint32_t interface_index;
    uint32_t sub_interface_index;
    uint64_t interface_luid;
    uint8_t interface_type; /* IANA ifType */
    enum wfp_direction direction;
    bool is_loopback;
    bool link_broadcast; /* the link layer carried it to everyone: a subnet's broadcast address */

    uint64_t process_id;                /* 0 unknown */
    const uint16_t *process_path_utf16; /* NULL unknown */
    const struct wfp_user *user;        /* NULL unknown */

    uint32_t path_mtu;            /* of where it goes; 0 unknown */
    uint32_t control_data_length; /* bytes */
    const void *control_data; /* WSACMSGHDRs that its socket gave beside it; NULL none, unknown */

    uint64_t
        plane_id;  /* the plane's name for it, which what drivers clone of it inherits; 0 none */
    void *adapter; /* the callout adapter's view of this packet (an NBL), for the packet's life */
    bool modified; /* the callout adapter changed the bytes in place */
    struct wfp_packet *next_fragment; /* of a group that is shown as one; else NULL */
};

/**
 * Find the headers. Everything a malformed packet can claim is checked against `length`.
 *
 * @param packet  data, length and wire_length set; the header fields are filled in, the rest is kept
 * @return WFP_DECODED or the reason
 * Context: no locks, no allocation.
 */
enum wfp_undecodable wfp_packet_parse(struct wfp_packet *packet);

/**
 * Set what can be told of a packet that was not decoded, for @p reason: addresses, protocol and header
 * size, ports where the transport header shows them.
 * @return false when not even its addresses are there
 */
bool wfp_packet_salvage(struct wfp_packet *packet, enum wfp_undecodable reason);

/** Is this an ICMP or ICMPv6 error message (it quotes the packet it answers)? */
bool wfp_packet_is_icmp_error(const struct wfp_packet *packet);

/** "protocol 17, 10.0.0.4 port 5000 to 192.0.2.9 port 53", of a parsed packet. Returns @p text. */
const char *wfp_packet_describe(const struct wfp_packet *packet, char *text, size_t size);

/** "IP_LENGTH" ...: for JSON keys. */
const char *wfp_undecodable_name(enum wfp_undecodable reason);
/** "IP total length is wrong" ...: for tables. */
const char *wfp_undecodable_text(enum wfp_undecodable reason);

#endif
