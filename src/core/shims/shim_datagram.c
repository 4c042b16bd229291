/*
 * DATAGRAM_DATA: what sockets other than TCP's send and receive.
 *
 * Ref        win32 FWP/udp-packet-flows
 */
#include "core/shims/shim.h"

bool
wfp_shim_datagram(struct wfp_shim *shim)
{
    return wfp_shim_indicate(shim, WFP_SHIM_LAYER(shim, DATAGRAM_DATA), 0, true);
}
