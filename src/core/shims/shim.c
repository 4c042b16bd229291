/*
 * Gather a layer's values from the facts of an event, classify, and note the step.
 */
#include "core/shims/shim.h"

#include <string.h>

#include "core/packet/bytes.h"

#define NO_FACT 0xff

static_assert(WFP_FACT_COUNT < NO_FACT, "facts are named by a byte");

/* For each layer and field index, the fact it delivers. */
static const uint8_t fact_of[WFP_LAYER_COUNT][WFP_FIELD_MAX] = {
#define FIELD(layer, index, name, condition, guid, kind, type, level)                              \
    [WFP_LAYER_##layer][index] = WFP_FACT_##name,
#include "core/model/fields.def"
#undef FIELD
};

static const uint8_t field_count[WFP_LAYER_COUNT] = {
#define LAYER(id, name, guid, mode, flags, sublayer, fields, ids, counts) [id] = (fields),
#include "core/model/layers.def"
#undef LAYER
};

/* Where a layer's packet data begins. */
enum data_point { POINT_NONE, POINT_IP, POINT_TRANSPORT, POINT_PAYLOAD };

struct traits {
    uint32_t metadata; /* WFP_METADATA_* the layer may deliver */
    uint8_t inbound_point, outbound_point;
};

#define M(name) WFP_METADATA_##name
#define SHIM(family, inbound, outbound, members)                                                   \
    [WFP_LAYER_##family##_V4] = {members, POINT_##inbound, POINT_##outbound},                      \
    [WFP_LAYER_##family##_V6] = {members, POINT_##inbound, POINT_##outbound},
static const struct traits traits_of[WFP_LAYER_COUNT] = {
#include "core/shims/shims.def"
    /* A frame's header is its packet's IP header (shim_mac.c). */
    [WFP_LAYER_INBOUND_MAC_FRAME_ETHERNET] = {0, POINT_TRANSPORT, POINT_IP},
    [WFP_LAYER_OUTBOUND_MAC_FRAME_ETHERNET] = {0, POINT_IP, POINT_IP},
    [WFP_LAYER_INBOUND_MAC_FRAME_NATIVE] = {0, POINT_IP, POINT_IP},
    [WFP_LAYER_OUTBOUND_MAC_FRAME_NATIVE] = {0, POINT_IP, POINT_IP},
};
#undef SHIM
#undef M

/* What an unknown value points to: drivers that don't look at the type find it empty, not NULL. */
static uint8_t empty_bytes[16];
static struct wfp_blob empty_blob = {.size = 2, .data = empty_bytes};
static const uint8_t null_sid[] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; /* S-1-0-0 */

void
wfp_shim_unset_blob(struct wfp_shim *shim, enum wfp_fact fact)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_EMPTY, .blob = &empty_blob};
}

/** The facts a packet can't tell; the rest of the table is FWP_EMPTY. */
static void
set_constant_facts(struct wfp_shim *shim)
{
    static const uint8_t blobs[] = {
        WFP_FACT_ALE_APP_ID,         WFP_FACT_ALE_ORIGINAL_APP_ID,
        WFP_FACT_ALE_USER_ID,        WFP_FACT_ALE_REMOTE_USER_ID,
        WFP_FACT_ALE_EFFECTIVE_NAME, WFP_FACT_ALE_REMOTE_MACHINE_ID,
        WFP_FACT_PEER_NAME,          WFP_FACT_ALE_SECURITY_ATTRIBUTE_FQBN_VALUE,
    };

    for (size_t i = 0; i < ELEMENTSOF(blobs); i++)
        wfp_shim_unset_blob(shim, blobs[i]);
    shim->facts[WFP_FACT_ALE_PACKAGE_ID].sid = (void *)(uintptr_t)null_sid;
    wfp_shim_set32(shim, WFP_FACT_COMPARTMENT_ID, 1); /* the default compartment */
    wfp_shim_set32(shim, WFP_FACT_TUNNEL_TYPE, 0);    /* not a tunnel */
    wfp_shim_set32(shim, WFP_FACT_REAUTHORIZE_REASON, 0);
    wfp_shim_set32(shim, WFP_FACT_ALE_PROMISCUOUS_MODE, 0);
    wfp_shim_set32(shim, WFP_FACT_SIO_FIREWALL_SOCKET_PROPERTY, 0);
    wfp_shim_set32(shim, WFP_FACT_SIO_FIREWALL_SYSTEM_PORT, 0);
    shim->metadata.compartment_id = 1;
}

void
wfp_shim_init(struct wfp_shim *shim, struct wfp_engine *engine)
{
    memset(shim, 0, sizeof(*shim));
    shim->engine = engine;
    shim->facts_interface = UINT32_MAX;
    set_constant_facts(shim);
}

void
wfp_shim_begin(struct wfp_shim *shim, struct wfp_packet *packet, struct wfp_decision *decision,
               bool is_inbound)
{
    shim->packet = packet;
    shim->decision = decision;
    shim->flow = NULL;
    shim->is_inbound = is_inbound;
    shim->is_ready = false;
    shim->requires_ale = false;
    shim->is_pended = false;
    shim->resumed = WFP_PEND_NONE;
    shim->answer = 0;
    shim->redirect.is_changed = false;
    shim->plan.handle = shim->plan.parent = 0;
}

static void
set_address(struct wfp_shim *shim, enum wfp_fact fact, const uint8_t *address)
{
    if (shim->packet->version == 4)
        wfp_shim_set32(shim, fact, wfp_bytes_get32(address));
    else
        shim->facts[fact] = (struct wfp_value){.type = WFP_BYTE_ARRAY16,
                                               .array16 = (struct wfp_array16 *)(uintptr_t)address};
}

static uint64_t
luid_of(const struct wfp_packet *packet)
{
    return packet->interface_luid ? packet->interface_luid
                                  : wfp_shim_luid(packet->interface_type, packet->interface_index);
}

void
wfp_shim_set_interface(struct wfp_shim *shim)
{
    static const uint8_t interface_facts[] = {WFP_FACT_IP_LOCAL_INTERFACE, WFP_FACT_INTERFACE_INDEX,
                                              WFP_FACT_SUB_INTERFACE_INDEX,
                                              WFP_FACT_INTERFACE_TYPE};
    const struct wfp_packet *packet = shim->packet;

    shim->facts_interface = packet->interface_index;
    shim->facts_interface_type = packet->interface_type;
    shim->luid = luid_of(packet);
    shim->facts[WFP_FACT_IP_LOCAL_INTERFACE] =
        (struct wfp_value){.type = WFP_UINT64, .uint64 = &shim->luid};
    wfp_shim_set32(shim, WFP_FACT_INTERFACE_INDEX, packet->interface_index);
    wfp_shim_set32(shim, WFP_FACT_SUB_INTERFACE_INDEX, packet->sub_interface_index);
    wfp_shim_set32(shim, WFP_FACT_INTERFACE_TYPE, packet->interface_type);
    if (packet->interface_index == 0 && packet->interface_luid == 0)
        for (size_t i = 0; i < ELEMENTSOF(interface_facts); i++)
            shim->facts[interface_facts[i]].type = WFP_EMPTY;
}

/** A link-local address is one of its interface's; others need none. */
static uint32_t
scope_of(const struct wfp_shim *shim)
{
    const uint8_t *remote = shim->is_inbound ? shim->packet->source : shim->packet->destination;

    return remote[0] == 0xfe && (remote[1] & 0xc0) == 0x80 ? shim->packet->interface_index : 0;
}

static void
set_metadata(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    struct wfp_metadata *metadata = &shim->metadata;

    shim->available = WFP_METADATA_IP_HEADER_SIZE | WFP_METADATA_COMPARTMENT_ID;
    if (packet->transport_header_size != 0)
        shim->available |= WFP_METADATA_TRANSPORT_HEADER_SIZE;
    if (packet->is_fragment) {
        shim->available |= WFP_METADATA_FRAGMENT_DATA;
        metadata->fragment.identification = packet->fragment_id;
        metadata->fragment.offset = packet->fragment_offset;
        metadata->fragment.length = packet->total_length - packet->ip_header_size;
    }
    if (packet->version == 6) {
        shim->available |= WFP_METADATA_REMOTE_SCOPE_ID;
        metadata->remote_scope_id = scope_of(shim);
    }
    if (packet->icmp_id | packet->icmp_sequence) {
        shim->available |= WFP_METADATA_ICMP_ID_AND_SEQUENCE;
        metadata->icmp_id_and_sequence = (uint32_t)packet->icmp_sequence << 16 | packet->icmp_id;
    }
    if (packet->path_mtu != 0 && !shim->is_inbound) {
        shim->available |= WFP_METADATA_PATH_MTU;
        metadata->path_mtu = packet->path_mtu;
    }
    if (UNLIKELY(packet->control_data != NULL) && !shim->is_inbound) {
        shim->available |= WFP_METADATA_TRANSPORT_CONTROL_DATA;
        metadata->control_data = (void *)(uintptr_t)packet->control_data;
        metadata->control_data_length = packet->control_data_length;
    }
    if (packet->process_id != 0) {
        shim->available |= WFP_METADATA_PROCESS_ID;
        metadata->process_id = packet->process_id;
    }
}

void
wfp_shim_prepare(struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    const uint8_t *local = shim->is_inbound ? packet->destination : packet->source;
    const uint8_t *remote = shim->is_inbound ? packet->source : packet->destination;
    bool is_icmp = packet->protocol == WFP_PROTOCOL_ICMP || packet->protocol == WFP_PROTOCOL_ICMPV6;

    if (shim->is_ready)
        return;
    shim->is_ready = true;
    set_address(shim, WFP_FACT_IP_LOCAL_ADDRESS, local);
    set_address(shim, WFP_FACT_IP_REMOTE_ADDRESS, remote);
    wfp_shim_set8(shim, WFP_FACT_IP_PROTOCOL, packet->protocol);
    wfp_shim_set8(shim, WFP_FACT_IP_LOCAL_ADDRESS_TYPE, (uint8_t)shim->local_type);
    wfp_shim_set8(shim, WFP_FACT_IP_DESTINATION_ADDRESS_TYPE,
                  (uint8_t)(shim->is_inbound ? shim->local_type : shim->remote_type));
    /* ICMP has its type where the local port goes and its code in the remote's, both ways. */
    wfp_shim_set16(shim, WFP_FACT_IP_LOCAL_PORT,
                   shim->is_inbound && !is_icmp ? packet->destination_port : packet->source_port);
    wfp_shim_set16(shim, WFP_FACT_IP_REMOTE_PORT,
                   shim->is_inbound && !is_icmp ? packet->source_port : packet->destination_port);
    wfp_shim_set32(shim, WFP_FACT_DIRECTION, shim->is_inbound ? WFP_INBOUND : WFP_OUTBOUND);
    if (packet->interface_index != shim->facts_interface ||
        packet->interface_type != shim->facts_interface_type)
        wfp_shim_set_interface(shim);
    set_metadata(shim);
}

/** A _DISCARD layer that the stack indicates itself has what its twin before it has. */
static const struct traits *
find_traits(const struct wfp_shim *shim, uint16_t layer_id)
{
    return &traits_of[shim->discard ? layer_id - 1 : layer_id];
}

static uint32_t
data_offset(const struct wfp_shim *shim, uint16_t layer_id)
{
    const struct traits *traits = find_traits(shim, layer_id);

    switch (shim->is_inbound ? traits->inbound_point : traits->outbound_point) {
    case POINT_TRANSPORT:
        return shim->packet->ip_header_size;
    case POINT_PAYLOAD:
        return (uint32_t)shim->packet->ip_header_size + shim->packet->transport_header_size;
    default:
        return 0;
    }
}

/** Let through what the layer delivers and blank what it doesn't, so that nobody comes to rely on it. */
static void
fit_metadata(struct wfp_shim *shim, uint16_t layer_id, bool with_packet)
{
    const struct traits *traits = find_traits(shim, layer_id);
    struct wfp_metadata *metadata = &shim->metadata;
    uint32_t available = shim->available;

    metadata->transport_endpoint_handle = shim->plan.handle;
    metadata->parent_endpoint_handle = shim->plan.parent;
    if (shim->flow && shim->flow->id != 0) {
        available |= WFP_METADATA_FLOW_HANDLE;
        metadata->transport_endpoint_handle =
            wfp_shim_endpoint_handle(shim, shim->flow, &metadata->parent_endpoint_handle);
    }
    if (metadata->transport_endpoint_handle)
        available |= WFP_METADATA_TRANSPORT_ENDPOINT_HANDLE;
    if (metadata->parent_endpoint_handle)
        available |= WFP_METADATA_PARENT_ENDPOINT_HANDLE;
    if (!with_packet) /* no headers to find */
        available &= ~(WFP_METADATA_IP_HEADER_SIZE | WFP_METADATA_TRANSPORT_HEADER_SIZE);
    /* No IP header yet: at these layers drivers take its size for a raw socket's own header. */
    if (!shim->is_inbound && traits->outbound_point == POINT_TRANSPORT)
        available &= ~(uint32_t)WFP_METADATA_IP_HEADER_SIZE;
    metadata->present = available & traits->metadata;
    metadata->flow_handle = metadata->present & WFP_METADATA_FLOW_HANDLE ? shim->flow->id : 0;
    metadata->ip_header_size = metadata->present & WFP_METADATA_IP_HEADER_SIZE
                                   ? shim->packet->ip_header_size + shim->ip_size_extra
                                   : 0;
    metadata->transport_header_size = metadata->present & WFP_METADATA_TRANSPORT_HEADER_SIZE
                                          ? shim->packet->transport_header_size
                                          : 0;
}

void
wfp_shim_gather(const struct wfp_shim *shim, uint16_t layer_id, struct wfp_value *values)
{
    const uint8_t *facts = fact_of[layer_id];
    uint32_t count = field_count[layer_id];

    for (uint32_t i = 0; i < count; i++)
        values[i] = shim->facts[facts[i]];
}

static void
classify(struct wfp_shim *shim, uint16_t layer_id, bool with_packet,
         struct wfp_verdict *ret_verdict)
{
    uint32_t count = field_count[layer_id];
    struct wfp_indication indication = {
        .layer_id = layer_id,
        .value_count = (uint16_t)count,
        .values = shim->values,
        .metadata = &shim->metadata,
        .packet = with_packet ? shim->packet : NULL,
        .layer_data_offset = with_packet ? data_offset(shim, layer_id) : 0,
        .flow = shim->flow && shim->flow->id ? shim->flow : NULL,
        .from_discard = shim->discard != NULL,
        .classify_context = &shim->classify_slot,
    };

    wfp_shim_gather(shim, layer_id, shim->values);
    fit_metadata(shim, layer_id, with_packet);
    if (UNLIKELY(shim->discard != NULL)) {
        shim->metadata.present |= WFP_METADATA_DISCARD_REASON;
        shim->metadata.discard = *shim->discard;
    }
    shim->classify_slot.serial = ++shim->classify_count;
    shim->classify_slot.metadata = &shim->metadata;
    wfp_flow_enter(indication.flow);
    wfp_classify(shim->engine, &indication, ret_verdict);
    shim->classify_slot.serial = 0;
    if (indication.flow)
        wfp_flow_leave(shim->flows, indication.flow);
}

static void
add_step(struct wfp_shim *shim, uint16_t layer_id, uint32_t action, uint64_t filter_id,
         uint32_t callout_id)
{
    struct wfp_decision *decision = shim->decision;
    struct wfp_step lost, *step = &lost;

    if (decision->step_count == WFP_PATH_MAX)
        decision->steps_lost++;
    else
        step = &decision->steps[decision->step_count++];
    step->layer_id = layer_id;
    step->action = action;
    step->filter_id = filter_id;
    step->callout_id = callout_id;
    if (UNLIKELY(shim->step != NULL))
        shim->step(shim->step_context, shim->packet, step);
}

bool
wfp_shim_indicate(struct wfp_shim *shim, uint16_t layer_id, uint32_t flags, bool with_packet)
{
    struct wfp_decision *decision = shim->decision;
    struct wfp_verdict verdict;
    uint16_t twin;

    if (wfp_engine_layer_is_empty(shim->engine, layer_id)) {
        add_step(shim, layer_id, WFP_ACTION_PERMIT, 0, 0);
        return true;
    }
    wfp_shim_prepare(shim);
    if (shim->packet->is_loopback)
        flags |= WFP_CONDITION_IS_LOOPBACK;
    wfp_shim_set32(shim, WFP_FACT_FLAGS, flags);
    classify(shim, layer_id, with_packet, &verdict);
    add_step(shim, layer_id, verdict.action, verdict.filter_id, verdict.callout_id);
    if (verdict.action != WFP_ACTION_BLOCK) {
        if (verdict.decided)
            decision->verdict = verdict;
        return true;
    }
    decision->verdict = verdict;
    decision->outcome = verdict.absorb ? WFP_ABSORBED : WFP_BLOCKED;
    /* The engine has shown what was dropped to the layer's _DISCARD twin. */
    twin = wfp_layer_discard_twin(layer_id);
    if (!verdict.absorb && twin != WFP_LAYER_COUNT && wfp_shim_is_watched(shim, twin))
        add_step(shim, twin, WFP_ACTION_PERMIT, 0, 0);
    return false;
}

bool
wfp_shim_refuse(struct wfp_shim *shim, uint16_t layer_id, uint64_t filter_id, uint32_t callout_id)
{
    shim->decision->outcome = WFP_BLOCKED;
    shim->decision->verdict = (struct wfp_verdict){
        .action = WFP_ACTION_BLOCK,
        .decided = true,
        .filter_id = filter_id,
        .callout_id = callout_id,
        .layer_id = layer_id,
    };
    add_step(shim, layer_id, WFP_ACTION_BLOCK, filter_id, callout_id);
    return false;
}

void
wfp_shim_note(struct wfp_shim *shim, uint16_t layer_id, uint32_t action, uint64_t filter_id,
              uint32_t callout_id)
{
    add_step(shim, layer_id, action, filter_id, callout_id);
}
