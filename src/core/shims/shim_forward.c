/*
 * IPFORWARD: packets between others that pass through this machine.
 */
#include "core/shims/shim.h"

bool
wfp_shim_forward(struct wfp_shim *shim)
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
    }
    return wfp_shim_indicate(shim, layer_id, 0, true);
}
