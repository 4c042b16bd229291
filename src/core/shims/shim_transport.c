/*
 * INBOUND_TRANSPORT and OUTBOUND_TRANSPORT: every packet once its transport header is known.
 *
 * Ref        windows-driver-docs network/wfp-layer-requirements-and-restrictions (ALE_CLASSIFY_REQUIRED)
 */
#include "core/shims/shim.h"

bool
wfp_shim_transport_outbound(struct wfp_shim *shim)
{
    return wfp_shim_indicate(shim, WFP_SHIM_LAYER(shim, OUTBOUND_TRANSPORT), 0, true);
}

bool
wfp_shim_transport_inbound(struct wfp_shim *shim)
{
    uint16_t layer_id = WFP_SHIM_LAYER(shim, INBOUND_TRANSPORT);
    bool permitted;

    if (!shim->requires_ale)
        return wfp_shim_indicate(shim, layer_id, 0, true);
    /* Drivers leave such a packet to the ALE layer it is about to visit. */
    wfp_shim_prepare(shim);
    shim->available |= WFP_METADATA_ALE_CLASSIFY_REQUIRED;
    permitted = wfp_shim_indicate(shim, layer_id, WFP_CONDITION_REQUIRES_ALE_CLASSIFY, true);
    shim->available &= ~WFP_METADATA_ALE_CLASSIFY_REQUIRED;
    return permitted;
}
