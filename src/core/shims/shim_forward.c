/*
 * IPFORWARD: packets between others that pass through this machine.
 */
#include "core/shims/shim.h"

static void
set_way_out(struct wfp_shim *shim, uint32_t index)
{
    static const struct wfp_value empty;
    struct wfp_value *luid = &shim->facts[WFP_FACT_IP_FORWARD_INTERFACE];

    *luid = shim->facts[WFP_FACT_IP_PHYSICAL_NEXTHOP_INTERFACE] = empty;
    shim->facts[WFP_FACT_DESTINATION_INTERFACE_INDEX] = empty;
    shim->facts[WFP_FACT_DESTINATION_SUB_INTERFACE_INDEX] = empty;
    if (index == 0)
        return;
    shim->forward_luid = wfp_shim_luid(shim->packet->interface_type, index);
    *luid = (struct wfp_value){.type = WFP_UINT64, .uint64 = &shim->forward_luid};
    shim->facts[WFP_FACT_IP_PHYSICAL_NEXTHOP_INTERFACE] = *luid;
    wfp_shim_set32(shim, WFP_FACT_DESTINATION_INTERFACE_INDEX, index);
    wfp_shim_set32(shim, WFP_FACT_DESTINATION_SUB_INTERFACE_INDEX, 0);
}

bool
wfp_shim_forward(struct wfp_shim *shim, uint32_t flags)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, IPFORWARD);

    if (wfp_shim_is_watched(shim, layer_id)) {
        wfp_shim_prepare(shim);
        /* prepare() saw an outbound packet: local is the source, remote the destination. */
        shim->facts[WFP_FACT_IP_SOURCE_ADDRESS] = shim->facts[WFP_FACT_IP_LOCAL_ADDRESS];
        shim->facts[WFP_FACT_IP_DESTINATION_ADDRESS] = shim->facts[WFP_FACT_IP_REMOTE_ADDRESS];
        shim->facts[WFP_FACT_SOURCE_INTERFACE_INDEX] = shim->facts[WFP_FACT_INTERFACE_INDEX];
        shim->facts[WFP_FACT_SOURCE_SUB_INTERFACE_INDEX] =
            shim->facts[WFP_FACT_SUB_INTERFACE_INDEX];
        shim->facts[WFP_FACT_IP_PHYSICAL_ARRIVAL_INTERFACE] =
            shim->facts[WFP_FACT_IP_LOCAL_INTERFACE];
        set_way_out(shim, shim->frame ? shim->frame->forward_interface_index : 0);
    }
    return wfp_shim_indicate(shim, layer_id, flags, true);
}
