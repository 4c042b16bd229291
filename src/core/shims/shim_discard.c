/*
 * What the stack itself drops: shown to the _DISCARD layers, with its reason.
 *
 * Model      A packet for this machine whose IP header can't be used is the network layer's to drop. One
 *            whose transport header can't be used has passed INBOUND_IPPACKET, and the transport drops
 *            it. What its addresses can't be read of is shown to nobody, nor is what a capture cut.
 *            A block there changes nothing but for a port without a socket, where it silences the host.
 * Choice     docs/decisions/0075-packets-that-the-stack-drops.md
 * Ref        windows-driver-docs network/network-layer-discard-reasons,
 *            network/transport-layer-discard-reasons
 */
#include "core/shims/shim.h"

#include "base/macros.h"

#define MODULE_NETWORK   0u
#define MODULE_TRANSPORT 1u

/* IP_DISCARD_REASON, INET_DISCARD_REASON */
#define IP_PORT_UNREACHABLE 4u
#define IP_BAD_LENGTH       5u
#define IP_MALFORMED_HEADER 6u
#define INET_HEADER_INVALID 2u
#define INET_NO_ENDPOINT    4u

static uint16_t
twin_of(const struct wfp_shim *shim, uint32_t module)
{
    return wfp_layer_discard_twin(module == MODULE_TRANSPORT
                                      ? WFP_SHIM_LAYER(shim, INBOUND_TRANSPORT)
                                      : WFP_SHIM_LAYER(shim, INBOUND_IPPACKET));
}

static bool
drop(struct wfp_shim *shim, const struct wfp_discard_metadata *why)
{
    bool passed;

    shim->discard = why;
    passed = wfp_shim_indicate(shim, twin_of(shim, why->module), 0, true);
    shim->discard = NULL;
    return passed;
}

bool
wfp_shim_discard_no_endpoint(struct wfp_shim *shim)
{
    static const struct wfp_discard_metadata no_port = {MODULE_NETWORK, IP_PORT_UNREACHABLE, 0},
                                             no_endpoint = {MODULE_TRANSPORT, INET_NO_ENDPOINT, 0};

    return drop(shim, shim->packet->protocol == WFP_PROTOCOL_TCP ? &no_endpoint : &no_port);
}

/** @return NULL for what is not the stack's to drop */
static const struct wfp_discard_metadata *
find_reason(enum wfp_undecodable reason)
{
    static const struct wfp_discard_metadata bad_length = {MODULE_NETWORK, IP_BAD_LENGTH, 0},
                                             bad_header = {MODULE_NETWORK, IP_MALFORMED_HEADER, 0},
                                             invalid = {MODULE_TRANSPORT, INET_HEADER_INVALID, 0};

    switch (reason) {
    case WFP_UNDECODABLE_IP_LENGTH:
        return &bad_length;
    case WFP_UNDECODABLE_IP_HEADER:
    case WFP_UNDECODABLE_IP_OPTION:
        return &bad_header;
    case WFP_UNDECODABLE_TRANSPORT_HEADER:
        return &invalid;
    default:
        return NULL;
    }
}

bool
wfp_shim_discard_takes(struct wfp_packet *packet, enum wfp_undecodable reason)
{
    return find_reason(reason) && wfp_packet_salvage(packet, reason);
}

void
wfp_shim_discard_undecodable(struct wfp_shim *shim, enum wfp_undecodable reason)
{
    const struct wfp_discard_metadata *why = find_reason(reason);
    struct wfp_decision *decision = shim->decision;

    if (why->module == MODULE_TRANSPORT && !wfp_shim_ippacket_inbound(shim, 0))
        return;
    if (wfp_shim_is_watched(shim, twin_of(shim, why->module)))
        drop(shim, why);
    decision->outcome = WFP_UNDECODED;
    decision->verdict = (struct wfp_verdict){.action = WFP_ACTION_PERMIT};
}
