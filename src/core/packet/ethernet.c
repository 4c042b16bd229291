/*
 * Addresses, tags and type of an Ethernet frame.
 */
#include "core/packet/ethernet.h"

#include "core/packet/bytes.h"

#define ADDRESSES_SIZE 12u
#define TYPE_SIZE      2u
#define TAG_SIZE       4u

static bool
is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

bool
wfp_ethernet_parse(const uint8_t *frame, uint32_t length, struct wfp_ethernet *ret_ethernet)
{
    uint32_t offset = ADDRESSES_SIZE;
    uint16_t vlan = 0, type;

    if (length < ADDRESSES_SIZE + TYPE_SIZE)
        return false;
    while (is_tag(type = wfp_bytes_get16(frame + offset))) {
        if (length < offset + TAG_SIZE + TYPE_SIZE)
            return false;
        if (offset == ADDRESSES_SIZE)
            vlan = wfp_bytes_get16(frame + offset + 2) & 0xfff;
        offset += TAG_SIZE;
    }
    *ret_ethernet = (struct wfp_ethernet){
        .destination = frame,
        .source = frame + 6,
        .header_size = offset + TYPE_SIZE,
        .ether_type = type,
        .vlan_id = vlan,
    };
    return true;
}
