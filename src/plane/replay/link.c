/*
 * Link layers: a row per type, each a few bytes of header before IP.
 *
 * Ref        the link-layer header types list of tcpdump.org; IEEE 802.3, 802.1Q; RFC 2516
 */
#include "plane/replay/link.h"

#include <stddef.h>
#include <string.h>

#include "core/packet/bytes.h"

#define ETHERTYPE_IPV4   0x0800u
#define ETHERTYPE_IPV6   0x86ddu
#define ETHERTYPE_PPPOE  0x8864u
#define LENGTH_FIELD_MAX 1500u /* below, an Ethernet type is a length */

/** The packet behind an Ethernet type at @p offset: tags, PPPoE and LLC/SNAP are stepped over. */
static enum wfp_undecodable
strip_ethertype(const uint8_t *frame, uint32_t length, uint32_t offset, struct wfp_link *link)
{
    while (length - offset >= 2) {
        uint16_t type = wfp_bytes_get16(frame + offset);
        const uint8_t *after = frame + offset + 2;
        uint32_t rest = length - offset - 2;

        switch (type) {
        case ETHERTYPE_IPV4:
        case ETHERTYPE_IPV6:
            link->offset = offset + 2;
            return WFP_DECODED;
        case 0x8100: /* 802.1Q */
        case 0x88a8: /* 802.1ad */
        case 0x9100:
        case 0x9200:
            if (rest < 2)
                return WFP_UNDECODABLE_TRUNCATED;
            offset += 4;
            continue;
        case ETHERTYPE_PPPOE:
            if (rest < 8)
                return WFP_UNDECODABLE_TRUNCATED;
            type = wfp_bytes_get16(after + 6);
            link->offset = offset + 10;
            return type == 0x0021 || type == 0x0057 ? WFP_DECODED : WFP_UNDECODABLE_NOT_IP;
        default:
            if (type > LENGTH_FIELD_MAX || rest < 8 || memcmp(after, "\xaa\xaa\x03\0\0\0", 6) != 0)
                return WFP_UNDECODABLE_NOT_IP;
            offset += 8; /* SNAP's type */
        }
    }
    return WFP_UNDECODABLE_TRUNCATED;
}

static enum wfp_undecodable
strip_ethernet(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (length < 14)
        return WFP_UNDECODABLE_TRUNCATED;
    link->is_broadcast = memcmp(frame, everyone, 6) == 0;
    link->is_ethernet = true;
    return strip_ethertype(frame, length, 12, link);
}

static enum wfp_undecodable
strip_raw(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    return WFP_DECODED;
}

/** An address family in the byte order of who wrote the file; IPv6 has a number per system. */
static enum wfp_undecodable
strip_null(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    uint32_t family;

    if (length < 4)
        return WFP_UNDECODABLE_TRUNCATED;
    family = wfp_bytes_get32(frame);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    link->offset = 4;
    return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 ||
                   family == 30
               ? WFP_DECODED
               : WFP_UNDECODABLE_NOT_IP;
}

static void
set_cooked_type(uint16_t type, struct wfp_link *link)
{
    static const enum wfp_direction_hint hints[] = {
        [0] = WFP_HINT_INBOUND,  [1] = WFP_HINT_INBOUND,
        [2] = WFP_HINT_INBOUND,  [3] = WFP_HINT_NONE, /* for another host, seen by chance */
        [4] = WFP_HINT_OUTBOUND,
    };

    link->hint = type < sizeof(hints) / sizeof(*hints) ? hints[type] : WFP_HINT_NONE;
    link->is_broadcast = type == 1;
}

static enum wfp_undecodable
strip_cooked(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    if (length < 16)
        return WFP_UNDECODABLE_TRUNCATED;
    set_cooked_type(wfp_bytes_get16(frame), link);
    return strip_ethertype(frame, length, 14, link);
}

static enum wfp_undecodable
strip_cooked2(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    uint16_t type;

    if (length < 20)
        return WFP_UNDECODABLE_TRUNCATED;
    type = wfp_bytes_get16(frame);
    set_cooked_type(frame[10], link);
    if (type == 0x8100 || type == 0x88a8)
        return strip_ethertype(frame, length, 22, link);
    link->offset = 20;
    return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 ? WFP_DECODED : WFP_UNDECODABLE_NOT_IP;
}

static enum wfp_undecodable
strip_ppp(const uint8_t *frame, uint32_t length, struct wfp_link *link)
{
    uint32_t offset = length >= 2 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;
    uint16_t type;

    if (length < offset + 2)
        return WFP_UNDECODABLE_TRUNCATED;
    type = wfp_bytes_get16(frame + offset);
    link->offset = offset + 2;
    return type == 0x0021 || type == 0x0057 ? WFP_DECODED : WFP_UNDECODABLE_NOT_IP;
}

static const struct {
    uint32_t link_type;
    enum wfp_undecodable (*strip)(const uint8_t *frame, uint32_t length, struct wfp_link *link);
} rows[] = {
    {WFP_LINK_ETHERNET, strip_ethernet},
    {WFP_LINK_RAW, strip_raw},
    {113, strip_cooked},  /* LINUX_SLL */
    {276, strip_cooked2}, /* LINUX_SLL2 */
    {0, strip_null},
    {108, strip_null}, /* LOOP: the same in network order */
    {9, strip_ppp},
    {50, strip_ppp},  /* PPP_HDLC */
    {228, strip_raw}, /* IPV4 */
    {229, strip_raw}, /* IPV6 */
    {12, strip_raw},  /* DLT_RAW as some systems write it */
    {14, strip_raw},
};

enum wfp_undecodable
wfp_link_strip(uint32_t link_type, const uint8_t *frame, uint32_t length, struct wfp_link *ret_link)
{
    *ret_link = (struct wfp_link){0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].link_type == link_type)
            return rows[i].strip(frame, length, ret_link);
    return WFP_UNDECODABLE_LINK_TYPE;
}

const char *
wfp_link_name(uint32_t link_type)
{
    static const struct {
        uint32_t link_type;
        const char *name;
    } names[] = {
        {6, "token ring"},
        {8, "SLIP"},
        {104, "Cisco HDLC"},
        {105, "IEEE 802.11"},
        {107, "frame relay"},
        {119, "IEEE 802.11 with Prism header"},
        {122, "IP over fibre channel"},
        {127, "IEEE 802.11 with radiotap header"},
        {138, "IP over FireWire"},
        {163, "IEEE 802.11 with AVS header"},
        {187, "Bluetooth HCI"},
        {189, "USB, Linux"},
        {192, "per-packet information"},
        {195, "IEEE 802.15.4"},
        {201, "Bluetooth HCI with direction"},
        {220, "USB, Linux, padded"},
        {227, "CAN"},
        {239, "NFLOG"},
        {247, "InfiniBand"},
        {249, "USBPcap"},
        {251, "Bluetooth low energy"},
        {253, "Linux netlink"},
        {258, "PKTAP"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].link_type == link_type)
            return names[i].name;
    return "";
}
