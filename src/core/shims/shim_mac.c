/*
 * INBOUND_MAC_FRAME_NATIVE and _ETHERNET, OUTBOUND_MAC_FRAME_ETHERNET and _NATIVE: frames of the link.
 *
 * Model      The frame is a packet of its own to callouts: its data begin with the MAC header, at the
 *            inbound Ethernet layer behind it. Every frame is shown, also those that carry no IP.
 *
 *              in:  NATIVE, ETHERNET, then INBOUND_IPPACKET or IPFORWARD
 *              out: ... OUTBOUND_IPPACKET, then ETHERNET, NATIVE
 *
 * Choice     A plane that has no frames (NFQUEUE, raw captures) has no MAC layers; loopback has none on
 *            Windows. The interface's own address is learned from the frames of IP packets. Who sent
 *            a frame without IP is told by the plane, by an ARP sender's address, or by that address.
 * Ref        windows-driver-docs network/using-layer-2-filtering
 */
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/ethernet.h"
#include "core/shims/shim.h"

#define L2_IS_NATIVE_ETHERNET 0x1u
#define NDIS_MEDIUM_802_3     0u
#define NDIS_DEFAULT_PORT     0u
#define ARP_SENDER            14u /* behind the ARP header's beginning: an IPv4 address */

/* DL_ADDRESS_TYPE */
enum { LINK_UNICAST, LINK_MULTICAST, LINK_BROADCAST };

static const uint16_t layers_in[] = {WFP_LAYER_INBOUND_MAC_FRAME_NATIVE,
                                     WFP_LAYER_INBOUND_MAC_FRAME_ETHERNET};
static const uint16_t layers_out[] = {WFP_LAYER_OUTBOUND_MAC_FRAME_ETHERNET,
                                      WFP_LAYER_OUTBOUND_MAC_FRAME_NATIVE};

static uint8_t
link_type(const uint8_t *address)
{
    static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (memcmp(address, everyone, 6) == 0)
        return LINK_BROADCAST;
    return address[0] & 1 ? LINK_MULTICAST : LINK_UNICAST;
}

static void
set_mac(struct wfp_shim *shim, enum wfp_fact fact, const uint8_t *address)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_BYTE_ARRAY6,
                                           .array6 = (struct wfp_array6 *)(uintptr_t)address};
}

static void
learn(struct wfp_shim *shim, const struct wfp_ethernet *ethernet, bool is_inbound)
{
    const uint8_t *own = is_inbound ? ethernet->destination : ethernet->source;

    if (link_type(own) != LINK_UNICAST || shim->packet->interface_index >= WFP_MAC_LEARNED ||
        shim->packet->is_loopback || shim->packet->version == 0)
        return;
    memcpy(shim->own_mac[shim->packet->interface_index], own, 6);
    shim->has_own_mac |= 1u << shim->packet->interface_index;
}

static bool
knows_own(const struct wfp_shim *shim, uint32_t interface_index)
{
    return interface_index < WFP_MAC_LEARNED && shim->has_own_mac & 1u << interface_index;
}

static void
set_facts(struct wfp_shim *shim, const struct wfp_packet *mac, const struct wfp_ethernet *ethernet,
          bool is_inbound)
{
    const uint8_t *local = is_inbound ? ethernet->destination : ethernet->source;
    const uint8_t *remote = is_inbound ? ethernet->source : ethernet->destination;

    wfp_shim_set_interface(shim);
    shim->facts[WFP_FACT_INTERFACE] = shim->facts[WFP_FACT_IP_LOCAL_INTERFACE];
    if (knows_own(shim, mac->interface_index))
        set_mac(shim, WFP_FACT_INTERFACE_MAC_ADDRESS, shim->own_mac[mac->interface_index]);
    else
        wfp_shim_unset(shim, WFP_FACT_INTERFACE_MAC_ADDRESS);
    set_mac(shim, WFP_FACT_MAC_LOCAL_ADDRESS, local);
    set_mac(shim, WFP_FACT_MAC_REMOTE_ADDRESS, remote);
    wfp_shim_set8(shim, WFP_FACT_MAC_LOCAL_ADDRESS_TYPE, link_type(local));
    wfp_shim_set8(shim, WFP_FACT_MAC_REMOTE_ADDRESS_TYPE, link_type(remote));
    wfp_shim_set16(shim, WFP_FACT_ETHER_TYPE, ethernet->ether_type);
    wfp_shim_set16(shim, WFP_FACT_VLAN_ID, ethernet->vlan_id);
    wfp_shim_set32(shim, WFP_FACT_NDIS_PORT, NDIS_DEFAULT_PORT);
    wfp_shim_set32(shim, WFP_FACT_NDIS_MEDIA_TYPE, NDIS_MEDIUM_802_3);
    wfp_shim_set32(shim, WFP_FACT_L2_FLAGS, L2_IS_NATIVE_ETHERNET);
    shim->available = 0;
}

/** A driver wrote to the frame: the packet it carries is in it. */
static void
take_changes(struct wfp_shim *shim, const struct wfp_packet *mac)
{
    struct wfp_frame *frame = shim->frame;
    struct wfp_packet *packet = shim->packet;

    if (LIKELY(!mac->modified))
        return;
    frame->modified = true;
    if (mac->data != frame->mac)
        memcpy(frame->mac, mac->data, mac->length);
    if (!packet)
        return;
    packet->modified = true;
    if (packet->data != frame->data)
        memcpy(packet->data, frame->data, MIN(packet->length, frame->length));
}

/** Does anyone look at frames that go this way? */
static bool
is_watched(struct wfp_shim *shim, const uint16_t layers[2])
{
    return wfp_shim_is_watched(shim, layers[0]) || wfp_shim_is_watched(shim, layers[1]);
}

/** The frame as a packet of its own; its header is what stands where an IP header would. */
static struct wfp_packet
packet_of(const struct wfp_frame *frame, const struct wfp_ethernet *ethernet, bool is_inbound)
{
    uint32_t before = (uint32_t)(frame->data - frame->mac);

    return (struct wfp_packet){
        .data = frame->mac,
        .length = before + frame->length,
        .wire_length = before + MAX(frame->wire_length, frame->length),
        .total_length = before + frame->length,
        .ip_header_size = (uint16_t)ethernet->header_size,
        .time_100ns = frame->time_100ns,
        .interface_index = frame->interface_index,
        .interface_type = frame->interface_type ? frame->interface_type : 6,
        .direction = is_inbound ? WFP_INBOUND : WFP_OUTBOUND,
        .plane_id = frame->plane_id,
        .adapter = frame->entry == WFP_ENTRY_MAC_RECEIVE || frame->entry == WFP_ENTRY_MAC_SEND
                       ? frame->adapter
                       : NULL,
    };
}

static bool
indicate(struct wfp_shim *shim, struct wfp_packet *mac, const struct wfp_ethernet *ethernet,
         bool is_inbound)
{
    const uint16_t *layers = is_inbound ? layers_in : layers_out;
    struct wfp_packet *packet = shim->packet;
    struct wfp_flow *flow = TAKE_PTR(shim->flow);
    bool passed;

    shim->packet = mac;
    set_facts(shim, mac, ethernet, is_inbound);
    shim->is_ready = true; /* what a frame has are not an IP packet's facts */
    passed = wfp_shim_indicate(shim, layers[0], 0, true);
    if (is_inbound) { /* there alone it tells the way back to the header */
        shim->metadata.present_l2 = WFP_METADATA_L2_ETHERNET_MAC_HEADER_SIZE;
        shim->metadata.ethernet_mac_header_size = ethernet->header_size;
    }
    passed = passed && wfp_shim_indicate(shim, layers[1], 0, true);
    shim->metadata.present_l2 = 0;
    shim->metadata.ethernet_mac_header_size = 0;
    shim->is_ready = false;
    shim->packet = packet;
    shim->flow = flow;
    return passed;
}

/** Nobody looks at frames, and this one's own address is known: most are so. */
static bool
is_plain(struct wfp_shim *shim, const struct wfp_frame *frame, bool is_inbound)
{
    const uint8_t *own = frame->mac + (is_inbound ? 0 : 6);

    return knows_own(shim, frame->interface_index) &&
           memcmp(shim->own_mac[frame->interface_index], own, 6) == 0 &&
           !is_watched(shim, is_inbound ? layers_in : layers_out);
}

bool
wfp_shim_mac(struct wfp_shim *shim, bool is_inbound)
{
    struct wfp_frame *frame = shim->frame;
    struct wfp_ethernet ethernet;
    struct wfp_packet mac;
    bool passed = true;

    if (LIKELY(!frame || !frame->mac || is_plain(shim, frame, is_inbound)) ||
        !wfp_ethernet_parse(frame->mac, (uint32_t)(frame->data - frame->mac) + frame->length,
                            &ethernet))
        return true;
    if (shim->packet)
        learn(shim, &ethernet, is_inbound);
    if (!is_watched(shim, is_inbound ? layers_in : layers_out))
        return true;
    mac = packet_of(frame, &ethernet, is_inbound);
    if (mac.adapter)
        frame->adapter = NULL; /* the frame's list is the frame's packet's */
    passed = indicate(shim, &mac, &ethernet, is_inbound);
    take_changes(shim, &mac);
    wfp_stack_release(shim->stack, &mac);
    return passed;
}

bool
wfp_shim_mac_only(struct wfp_shim *shim, struct wfp_decision *decision)
{
    struct wfp_frame *frame = shim->frame;
    struct wfp_ethernet ethernet;
    uint32_t length = frame->mac ? (uint32_t)(frame->data - frame->mac) + frame->length : 0;
    bool is_inbound;

    if (!frame->mac || !wfp_ethernet_parse(frame->mac, length, &ethernet))
        return false;
    switch (frame->hint) {
    case WFP_HINT_OUTBOUND:
        is_inbound = false;
        break;
    case WFP_HINT_INBOUND:
        is_inbound = true;
        break;
    default:
        is_inbound =
            !(knows_own(shim, frame->interface_index) &&
              memcmp(shim->own_mac[frame->interface_index], ethernet.source, 6) == 0) &&
            !(ethernet.ether_type == WFP_ETHERTYPE_ARP &&
              length >= ethernet.header_size + ARP_SENDER + 4 &&
              wfp_stack_is_local(shim->stack, 4, frame->mac + ethernet.header_size + ARP_SENDER));
    }
    if (frame->entry == WFP_ENTRY_MAC_SEND || frame->entry == WFP_ENTRY_MAC_RECEIVE)
        is_inbound = frame->entry == WFP_ENTRY_MAC_RECEIVE;
    decision->direction = is_inbound ? WFP_INBOUND : WFP_OUTBOUND;
    if (!is_watched(shim, is_inbound ? layers_in : layers_out))
        return false;
    wfp_shim_begin(shim, NULL, decision, is_inbound);
    wfp_shim_mac(shim, is_inbound);
    return true;
}
