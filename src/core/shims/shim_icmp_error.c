/*
 * INBOUND_ICMP_ERROR and OUTBOUND_ICMP_ERROR: messages that quote the packet they answer.
 *
 * Model      Such messages don't visit the ALE layers. The quoted ("embedded") packet is parsed as far
 *            as it is there; inbound, it is one that this machine sent.
 * Ref        win32 FWP/udp-packet-flows; ddi fwpsk/ns-fwpsk-fwps_incoming_metadata_values0_
 */
#include "core/packet/bytes.h"
#include "core/shims/shim.h"

static void
set_embedded_facts(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    uint32_t offset = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    struct wfp_packet embedded = {
        .data = packet->data + offset,
        .length = packet->total_length - offset,
        .wire_length = 65535, /* a quotation may be cut anywhere */
    };
    enum wfp_undecodable reason = wfp_packet_parse(&embedded);

    wfp_shim_unset(shim, WFP_FACT_EMBEDDED_PROTOCOL);
    wfp_shim_unset(shim, WFP_FACT_EMBEDDED_REMOTE_ADDRESS);
    wfp_shim_unset(shim, WFP_FACT_EMBEDDED_LOCAL_ADDRESS_TYPE);
    wfp_shim_unset(shim, WFP_FACT_EMBEDDED_LOCAL_PORT);
    wfp_shim_unset(shim, WFP_FACT_EMBEDDED_REMOTE_PORT);
    /* The quotation of a TCP header is eight bytes: ports are there though the parse says cut. */
    if (embedded.version != packet->version || embedded.ip_header_size == 0 ||
        embedded.ip_header_size > embedded.length ||
        (reason != WFP_DECODED && reason != WFP_UNDECODABLE_TRUNCATED))
        return;
    wfp_shim_set8(shim, WFP_FACT_EMBEDDED_PROTOCOL, embedded.protocol);
    wfp_shim_set8(shim, WFP_FACT_EMBEDDED_LOCAL_ADDRESS_TYPE, WFP_ADDRESS_UNICAST);
    if (packet->version == 4)
        wfp_shim_set32(shim, WFP_FACT_EMBEDDED_REMOTE_ADDRESS,
                       wfp_bytes_get32(embedded.destination));
    else
        shim->facts[WFP_FACT_EMBEDDED_REMOTE_ADDRESS] =
            (struct wfp_value){.type = WFP_BYTE_ARRAY16,
                               .array16 = (struct wfp_array16 *)(uintptr_t)embedded.destination};
    if ((embedded.protocol == WFP_PROTOCOL_TCP || embedded.protocol == WFP_PROTOCOL_UDP) &&
        embedded.fragment_offset == 0 && embedded.length - embedded.ip_header_size >= 4) {
        const uint8_t *ports = embedded.data + embedded.ip_header_size;

        wfp_shim_set16(shim, WFP_FACT_EMBEDDED_LOCAL_PORT, wfp_bytes_get16(ports));
        wfp_shim_set16(shim, WFP_FACT_EMBEDDED_REMOTE_PORT, wfp_bytes_get16(ports + 2));
    }
}

static void
set_icmp_facts(struct wfp_shim *shim)
{
    wfp_shim_prepare(shim);
    wfp_shim_set16(shim, WFP_FACT_ICMP_TYPE, shim->packet->source_port);
    wfp_shim_set16(shim, WFP_FACT_ICMP_CODE, shim->packet->destination_port);
}

bool
wfp_shim_icmp_error_outbound(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, OUTBOUND_ICMP_ERROR);

    if (wfp_shim_is_watched(shim, layer_id))
        set_icmp_facts(shim);
    return wfp_shim_indicate(shim, layer_id, 0, true);
}

bool
wfp_shim_icmp_error_inbound(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, INBOUND_ICMP_ERROR);
    bool permitted;

    if (wfp_shim_is_watched(shim, layer_id)) {
        set_icmp_facts(shim);
        set_embedded_facts(shim);
        shim->facts[WFP_FACT_IP_ARRIVAL_INTERFACE] = shim->facts[WFP_FACT_IP_LOCAL_INTERFACE];
        shim->facts[WFP_FACT_ARRIVAL_INTERFACE_INDEX] = shim->facts[WFP_FACT_INTERFACE_INDEX];
        shim->facts[WFP_FACT_ARRIVAL_INTERFACE_TYPE] = shim->facts[WFP_FACT_INTERFACE_TYPE];
        shim->facts[WFP_FACT_ARRIVAL_TUNNEL_TYPE] = shim->facts[WFP_FACT_TUNNEL_TYPE];
    }
    /* Here the IP header size alone leads from the data back to the IP header. */
    shim->ip_size_extra = shim->packet->transport_header_size;
    permitted = wfp_shim_indicate(shim, layer_id, 0, true);
    shim->ip_size_extra = 0;
    return permitted;
}
