/*
 * INBOUND_IPPACKET and OUTBOUND_IPPACKET: every packet of this machine, at the bottom of the stack.
 *
 * Ref        windows-driver-docs network/wfp-layer-requirements-and-restrictions
 */
#include "core/shims/shim.h"

bool
wfp_shim_ippacket_outbound(struct wfp_shim *shim)
{
    return wfp_shim_indicate(shim, WFP_SHIM_LAYER(shim, OUTBOUND_IPPACKET), 0, true);
}

bool
wfp_shim_ippacket_inbound(struct wfp_shim *shim, uint32_t flags)
{
    return wfp_shim_indicate(shim, WFP_SHIM_LAYER(shim, INBOUND_IPPACKET), flags, true);
}
