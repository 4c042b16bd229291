/*
 * Whose conversation it is: asked of the plane once, with the first packet, and kept with the flow.
 *
 * Choice     docs/decisions/0024-linux-users-as-sids.md
 */
#include "core/shims/shim.h"

/** Only ALE layers tell of processes and users: while none has a filter, nobody is asked. */
static bool
is_wanted(struct wfp_shim *shim)
{
    const uint16_t layers[] = {
        WFP_SHIM_LAYER(shim, ALE_AUTH_CONNECT),     WFP_SHIM_LAYER(shim, ALE_AUTH_RECV_ACCEPT),
        WFP_SHIM_LAYER(shim, ALE_FLOW_ESTABLISHED), WFP_SHIM_LAYER(shim, ALE_CONNECT_REDIRECT),
        WFP_SHIM_LAYER(shim, ALE_BIND_REDIRECT),    WFP_SHIM_LAYER(shim, ALE_RESOURCE_ASSIGNMENT),
        WFP_SHIM_LAYER(shim, ALE_AUTH_LISTEN),      WFP_SHIM_LAYER(shim, ALE_ENDPOINT_CLOSURE),
        WFP_SHIM_LAYER(shim, ALE_RESOURCE_RELEASE),
    };

    for (size_t i = 0; i < ELEMENTSOF(layers); i++)
        if (wfp_shim_is_watched(shim, layers[i]))
            return true;
    return false;
}

static bool
is_known(const struct wfp_packet *packet)
{
    return packet->process_id != 0 || packet->process_path_utf16 || packet->user;
}

static void
tell(struct wfp_packet *packet, const struct wfp_owner *owner)
{
    packet->process_id = owner->process_id;
    packet->process_path_utf16 = owner->path_utf16;
    packet->user = owner->user;
}

void
wfp_shim_owner_find(struct wfp_shim *shim)
{
    struct wfp_packet *packet = shim->packet;

    if (is_known(packet))
        return;
    if (shim->flow) {
        if (shim->flow->owner)
            tell(packet, wfp_owner_at(shim->owners, shim->flow->owner));
    } else if (shim->find_owner && shim->plan.action == WFP_ALE_AUTHORIZE &&
               shim->plan.key.protocol != 0 && is_wanted(shim)) {
        shim->find_owner(shim->find_owner_context, packet, shim->is_inbound);
    }
}

uint32_t
wfp_shim_owner_join(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    struct wfp_owner owner = {packet->process_id, packet->process_path_utf16, packet->user};

    return wfp_owner_join(shim->owners, &owner);
}

void
wfp_shim_owner_tell(const struct wfp_shim *shim, uint32_t owner, struct wfp_packet *packet)
{
    tell(packet, wfp_owner_at(shim->owners, owner));
}
