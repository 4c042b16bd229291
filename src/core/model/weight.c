/*
 * Automatic filter weights: which bits belong to which field, and how much of them a condition
 * fills.
 *
 * Model      orders[]   the slots of a layer, most significant first; the only per-layer knowledge
 *            wide[]     fields whose slot grows with the logarithm of their width; others get one
 * bit Ref        docs/decisions/0004-automatic-weights.md
 */
#include "core/model/weight.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/macros.h"
#include "base/status.h"

/* Each string is one slot: the condition names that share it. */
#define ADDRESS   "IP_LOCAL_ADDRESS IP_REMOTE_ADDRESS IP_SOURCE_ADDRESS IP_DESTINATION_ADDRESS"
#define ADDR_TYPE "IP_LOCAL_ADDRESS_TYPE IP_DESTINATION_ADDRESS_TYPE EMBEDDED_LOCAL_ADDRESS_TYPE"
#define INTERFACE                                                                                  \
    "IP_LOCAL_INTERFACE IP_ARRIVAL_INTERFACE IP_NEXTHOP_INTERFACE IP_FORWARD_INTERFACE "           \
    "IP_PHYSICAL_ARRIVAL_INTERFACE IP_PHYSICAL_NEXTHOP_INTERFACE"
#define LOCAL_PORT  "IP_LOCAL_PORT ORIGINAL_ICMP_TYPE IP_SOURCE_PORT"
#define REMOTE_PORT "IP_REMOTE_PORT IP_DESTINATION_PORT"
#define APPLICATION                                                                                \
    "ALE_APP_ID ALE_PACKAGE_ID ALE_SECURITY_ATTRIBUTE_FQBN_VALUE ALE_PACKAGE_FAMILY_NAME"
#define IF_TYPE "INTERFACE_TYPE ARRIVAL_INTERFACE_TYPE NEXTHOP_INTERFACE_TYPE"
#define TUNNEL  "TUNNEL_TYPE ARRIVAL_TUNNEL_TYPE NEXTHOP_TUNNEL_TYPE"
#define INDEX                                                                                      \
    "INTERFACE_INDEX ARRIVAL_INTERFACE_INDEX NEXTHOP_INTERFACE_INDEX SOURCE_INTERFACE_INDEX "      \
    "DESTINATION_INTERFACE_INDEX"
#define SUB_INDEX                                                                                  \
    "SUB_INTERFACE_INDEX NEXTHOP_SUB_INTERFACE_INDEX SOURCE_SUB_INTERFACE_INDEX "                  \
    "DESTINATION_SUB_INTERFACE_INDEX"
#define IF_PROFILE                                                                                 \
    "LOCAL_INTERFACE_PROFILE_ID ARRIVAL_INTERFACE_PROFILE_ID NEXTHOP_INTERFACE_PROFILE_ID"

/* What the layers end with, whatever else they have. */
#define TAIL                                                                                       \
    "REAUTHORIZE_REASON", "INTERFACE_QUARANTINE_EPOCH", "COMPARTMENT_ID",                          \
        "RESERVED0 RESERVED1 RESERVED2 RESERVED3"
/* What most of them begin with: the five-tuple, then the program. */
#define FIVE_TUPLE ADDRESS, INTERFACE, ADDR_TYPE, "IP_PROTOCOL", LOCAL_PORT, REMOTE_PORT

struct order {
    const char *layers; /* "ALE_AUTH_CONNECT" stands for _V4, _V6 and their _DISCARD twins */
    bool is_observed;
    const char *slots[28];
};

static const struct order orders[] = {
    {"ALE_AUTH_RECV_ACCEPT",
     true,
     {FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "ALE_REMOTE_USER_ID", "ALE_REMOTE_MACHINE_ID",
      "FLAGS", "ALE_SIO_FIREWALL_SYSTEM_PORT", "ALE_NAP_CONTEXT", IF_TYPE, TUNNEL, INDEX, SUB_INDEX,
      "ORIGINAL_PROFILE_ID", "CURRENT_PROFILE_ID", TAIL}},
    {"ALE_AUTH_CONNECT",
     true,
     {"PEER_NAME", FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "FLAGS", "ALE_REMOTE_USER_ID",
      "ALE_REMOTE_MACHINE_ID", "ALE_ORIGINAL_APP_ID", IF_TYPE, TUNNEL, "ALE_EFFECTIVE_NAME", INDEX,
      SUB_INDEX, "ORIGINAL_PROFILE_ID", "CURRENT_PROFILE_ID", TAIL}},
    {"ALE_AUTH_LISTEN",
     true,
     {FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "FLAGS", IF_TYPE, TUNNEL, IF_PROFILE,
      "ALE_SIO_FIREWALL_SYSTEM_PORT", TAIL}},
    {"ALE_RESOURCE_ASSIGNMENT",
     true,
     {LOCAL_PORT, INTERFACE, ADDR_TYPE, "IP_PROTOCOL", APPLICATION, "ALE_USER_ID",
      "ALE_PROMISCUOUS_MODE", "FLAGS", ADDRESS, IF_TYPE, TUNNEL, IF_PROFILE,
      "ALE_SIO_FIREWALL_SYSTEM_PORT", TAIL}},
    {"ALE_ENDPOINT_CLOSURE",
     true,
     {LOCAL_PORT, REMOTE_PORT, INTERFACE, ADDR_TYPE, "IP_PROTOCOL", APPLICATION, "ALE_USER_ID",
      "FLAGS", ADDRESS, TAIL}},
    {"ALE_RESOURCE_RELEASE",
     false,
     {LOCAL_PORT, INTERFACE, ADDR_TYPE, "IP_PROTOCOL", APPLICATION, "ALE_USER_ID", "FLAGS", ADDRESS,
      TAIL}},
    {"ALE_FLOW_ESTABLISHED",
     true,
     {FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "ALE_REMOTE_USER_ID", "ALE_REMOTE_MACHINE_ID",
      "DIRECTION", IF_TYPE, TUNNEL, "ALE_ORIGINAL_APP_ID", "FLAGS", TAIL}},
    {"ALE_CONNECT_REDIRECT",
     true,
     {FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "FLAGS", "ALE_ORIGINAL_APP_ID", TAIL}},
    {"OUTBOUND_ICMP_ERROR",
     true,
     {FIVE_TUPLE, IF_TYPE, TUNNEL, INDEX, SUB_INDEX, "FLAGS", IF_PROFILE, TAIL}},
    {"INBOUND_ICMP_ERROR",
     true,
     {"IP_LOCAL_ADDRESS EMBEDDED_REMOTE_ADDRESS", INTERFACE, ADDR_TYPE, "EMBEDDED_PROTOCOL",
      "EMBEDDED_LOCAL_PORT", "EMBEDDED_REMOTE_PORT", LOCAL_PORT, REMOTE_PORT, "IP_REMOTE_ADDRESS",
      IF_TYPE, TUNNEL, INDEX, SUB_INDEX, "FLAGS", IF_PROFILE, TAIL}},
    {"INBOUND_TRANSPORT",
     true,
     {FIVE_TUPLE, "FLAGS", IF_TYPE, TUNNEL, INDEX, SUB_INDEX, "CURRENT_PROFILE_ID",
      "IPSEC_SECURITY_REALM_ID", TAIL}},
    {"OUTBOUND_TRANSPORT",
     false,
     {FIVE_TUPLE, "FLAGS", IF_TYPE, TUNNEL, INDEX, SUB_INDEX, "CURRENT_PROFILE_ID",
      "IPSEC_SECURITY_REALM_ID", TAIL}},
    {"ALE_BIND_REDIRECT",
     false,
     {LOCAL_PORT, INTERFACE, ADDR_TYPE, "IP_PROTOCOL", APPLICATION, "ALE_USER_ID", "FLAGS", ADDRESS,
      TAIL}},
    {"IPFORWARD",
     true,
     {ADDRESS, INTERFACE, ADDR_TYPE, INDEX, SUB_INDEX, "FLAGS", IF_PROFILE, TAIL}},
    /* Everything else: by analogy with the layers above. */
    {"",
     false,
     {FIVE_TUPLE, APPLICATION, "ALE_USER_ID", "DIRECTION", "FLAGS", IF_TYPE, TUNNEL, INDEX,
      SUB_INDEX, "CURRENT_PROFILE_ID", IF_PROFILE, TAIL}},
};

static const char wide[] =
    "IP_LOCAL_ADDRESS IP_REMOTE_ADDRESS IP_SOURCE_ADDRESS IP_DESTINATION_ADDRESS "
    "EMBEDDED_REMOTE_ADDRESS IP_PROTOCOL EMBEDDED_PROTOCOL IP_LOCAL_PORT IP_REMOTE_PORT "
    "IP_SOURCE_PORT IP_DESTINATION_PORT ORIGINAL_ICMP_TYPE EMBEDDED_LOCAL_PORT "
    "EMBEDDED_REMOTE_PORT ALE_PROMISCUOUS_MODE ALE_NAP_CONTEXT DIRECTION ORIGINAL_PROFILE_ID "
    "CURRENT_PROFILE_ID " INDEX " " SUB_INDEX;

/* Is @p name one of the words of @p list? */
static bool
lists(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return length > 0;
    return false;
}

static const struct order *
find_order(const char *layer_name)
{
    static const char prefix[] = "FWPM_LAYER_";

    if (strncmp(layer_name, prefix, sizeof(prefix) - 1) == 0)
        layer_name += sizeof(prefix) - 1;
    for (size_t i = 0;; i++) {
        size_t length = strlen(orders[i].layers);
        if (length == 0 || (strncmp(layer_name, orders[i].layers, length) == 0 &&
                            strncmp(layer_name + length, "_V", 2) == 0))
            return &orders[i];
    }
}

/* Bits of a value of @p type; 0 where it is not a number. */
static uint8_t
bits_of_type(uint8_t type)
{
    static const uint8_t bits[] = {
        [WFP_UINT8] = 8,   [WFP_UINT16] = 16,        [WFP_UINT32] = 32,
        [WFP_UINT64] = 64, [WFP_BYTE_ARRAY16] = 128, [WFP_BYTE_ARRAY6] = 48,
    };
    return type < ELEMENTSOF(bits) ? bits[type] : 0;
}

static bool
is_wide(const struct wfp_field *field)
{
    return bits_of_type(field->type) && lists(wide, field->condition_name);
}

/* Number the slots from the least significant, and tell each field its own. */
static void
assign_slots(const struct order *order, const struct wfp_field *fields,
             struct wfp_weight_plan *plan)
{
    bool placed[WFP_WEIGHT_FIELD_MAX] = {0};
    size_t slot_count = 0;

    while (slot_count < ELEMENTSOF(order->slots) && order->slots[slot_count])
        slot_count++;
    /* A field that no slot lists is newer than our knowledge: one bit at the very bottom. */
    for (uint16_t i = plan->field_count; i-- > 0;) {
        bool is_known = false;
        for (size_t s = 0; s < slot_count && !is_known; s++)
            is_known = lists(order->slots[s], fields[i].condition_name);
        if (!is_known) {
            plan->slots[plan->slot_count].sharers = 1;
            plan->fields[i].slot = plan->slot_count++;
            placed[i] = true;
        }
    }
    for (size_t s = slot_count; s-- > 0;) {
        struct wfp_weight_slot *slot = &plan->slots[plan->slot_count];
        for (uint16_t i = 0; i < plan->field_count; i++) {
            if (placed[i] || !lists(order->slots[s], fields[i].condition_name))
                continue;
            plan->fields[i].slot = plan->slot_count;
            placed[i] = true;
            slot->sharers++;
        }
        plan->slot_count = (uint8_t)(plan->slot_count + (slot->sharers > 0));
    }
}

/*
 * Widths: one bit for each slot without a wide field; the rest goes to the others in proportion to
 * the sum of log2(bits) of their fields. Rounding errors are carried upward from the lowest slot,
 * so that the widths add up to 60 exactly.
 */
static void
assign_widths(const struct wfp_field *fields, struct wfp_weight_plan *plan)
{
    double shares[WFP_WEIGHT_FIELD_MAX] = {0};
    double total = 0, unit, carry = 0;
    int left = WFP_WEIGHT_AUTOMATIC_BITS;
    unsigned shift = 0;

    for (uint16_t i = 0; i < plan->field_count; i++)
        if (is_wide(&fields[i]))
            shares[plan->fields[i].slot] += log2(plan->fields[i].bits);
    for (uint8_t s = 0; s < plan->slot_count; s++) {
        total += shares[s];
        left -= shares[s] == 0;
    }
    unit = total > 0 && left > 0 ? left / total : 0;
    for (uint8_t s = 0; s < plan->slot_count; s++) {
        unsigned bits = 1;
        if (shares[s] > 0) {
            double exact = shares[s] * unit + carry;
            double rounded = floor(exact + 0.5);
            carry = exact - rounded;
            bits = rounded > 0 ? (unsigned)rounded : 0;
        }
        plan->slots[s].shift = (uint8_t)shift;
        plan->slots[s].bits = (uint8_t)MIN(bits, WFP_WEIGHT_AUTOMATIC_BITS - shift);
        shift += plan->slots[s].bits;
    }
}

int
wfp_weight_plan(const char *layer_name, const struct wfp_field *fields, uint32_t count,
                struct wfp_weight_plan *ret_plan)
{
    const struct order *order = find_order(layer_name);
    struct wfp_weight_plan plan = {.is_observed = order->is_observed || count == 0};

    if (count > WFP_WEIGHT_FIELD_MAX)
        return -WFP_ERR_OUT_OF_BOUNDS;
    plan.field_count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        plan.fields[i].key = fields[i].condition_key;
        plan.fields[i].bits = bits_of_type(fields[i].type);
    }
    assign_slots(order, fields, &plan);
    assign_widths(fields, &plan);
    *ret_plan = plan;
    return 0;
}

/* 1 - log2(size of the set) / bits: how much a set of values narrows a field. */
static double
narrowing(double set_size, unsigned bits)
{
    return set_size > 1 ? 1 - log2(set_size) / bits : 1;
}

/* An unsigned number of up to 128 bits. */
static int
number_of(const struct wfp_value *value, unsigned __int128 *ret_number)
{
    unsigned __int128 number = 0;

    switch (value->type) {
    case WFP_UINT8:
        number = value->uint8;
        break;
    case WFP_UINT16:
        number = value->uint16;
        break;
    case WFP_UINT32:
        number = value->uint32;
        break;
    case WFP_UINT64:
        if (!value->uint64)
            return -WFP_ERR_NULL_POINTER;
        number = *value->uint64;
        break;
    case WFP_BYTE_ARRAY16:
        if (!value->array16)
            return -WFP_ERR_NULL_POINTER;
        for (int i = 0; i < 16; i++)
            number = number << 8 | value->array16->bytes[i];
        break;
    case WFP_BYTE_ARRAY6:
        if (!value->array6)
            return -WFP_ERR_NULL_POINTER;
        for (int i = 0; i < 6; i++)
            number = number << 8 | value->array6->bytes[i];
        break;
    default:
        return -WFP_ERR_TYPE_MISMATCH;
    }
    *ret_number = number;
    return 0;
}

static int
range_narrows(const struct wfp_range *range, unsigned bits, double *ret_part)
{
    unsigned __int128 low, high;
    int r;

    if (!range)
        return -WFP_ERR_NULL_POINTER;
    if ((r = number_of(&range->low, &low)) < 0 || (r = number_of(&range->high, &high)) < 0) {
        if (r == -WFP_ERR_TYPE_MISMATCH) /* blobs and strings sort too, but have no size */
            *ret_part = 1;
        return r == -WFP_ERR_TYPE_MISMATCH ? 0 : r;
    }
    if (low > high)
        return -WFP_ERR_INVALID_RANGE;
    *ret_part = narrowing((double)(high - low) + 1, bits);
    return 0;
}

/* The size of the set of values that the match allows, where that is not one value. */
static double
size_of_match(uint32_t match, unsigned __int128 number, unsigned bits)
{
    double all = ldexp(1, (int)bits);
    double flags = ldexp(1, (int)bits - __builtin_popcountll((uint64_t)number));

    switch (match) {
    case WFP_MATCH_GREATER:
        return all - (double)number - 1;
    case WFP_MATCH_GREATER_OR_EQUAL:
        return all - (double)number;
    case WFP_MATCH_LESS:
        return (double)number;
    case WFP_MATCH_LESS_OR_EQUAL:
        return (double)number + 1;
    case WFP_MATCH_NOT_EQUAL:
        return all - 1;
    case WFP_MATCH_FLAGS_ALL_SET:
    case WFP_MATCH_FLAGS_NONE_SET:
        return flags;
    case WFP_MATCH_FLAGS_ANY_SET:
        return all - flags;
    default:
        return 1;
    }
}

/* 0 where a condition narrows its field not at all, 1 where it leaves one value. */
static int
condition_narrows(const struct wfp_condition *condition, unsigned bits, double *ret_part)
{
    const struct wfp_value *value = &condition->value;
    unsigned __int128 number;
    int r;

    *ret_part = 1;
    if (bits == 0)
        return 0;
    switch (value->type) {
    case WFP_RANGE:
        return range_narrows(value->range, bits, ret_part);
    case WFP_V4_ADDR_MASK:
        if (!value->v4_mask)
            return -WFP_ERR_NULL_POINTER;
        *ret_part = __builtin_popcount(value->v4_mask->mask_host) / 32.0;
        return 0;
    case WFP_V6_ADDR_MASK:
        if (!value->v6_mask)
            return -WFP_ERR_NULL_POINTER;
        *ret_part = MIN(value->v6_mask->prefix_length, 128) / 128.0;
        return 0;
    default:
        r = number_of(value, &number);
        if (r == 0)
            *ret_part = narrowing(size_of_match(condition->match, number, bits), bits);
        return r == -WFP_ERR_TYPE_MISMATCH ? 0 : r;
    }
}

static int
find_field(const struct wfp_weight_plan *plan, const struct wfp_guid *key)
{
    for (int i = 0; i < plan->field_count; i++)
        if (plan->fields[i].key.data1 == key->data1 && wfp_guid_equal(&plan->fields[i].key, key))
            return i;
    return -WFP_ERR_CONDITION_NOT_FOUND;
}

/* The value of a slot of which its fields fill @p part between them. */
static uint64_t
slot_value(const struct wfp_weight_slot *slot, double part)
{
    uint64_t most = (UINT64_C(1) << slot->bits) - 1;
    double value = floor(part / slot->sharers * (double)most + 0.5);

    if (part <= 0 || slot->bits == 0)
        return 0;
    /* However little a condition says, it outranks its absence. */
    return value < 1 ? 1 : value >= (double)most ? most : (uint64_t)value;
}

static int
automatic(const struct wfp_weight_plan *plan, const struct wfp_condition *conditions,
          uint32_t count, uint64_t *ret_weight)
{
    double fields[WFP_WEIGHT_FIELD_MAX] = {0}, slots[WFP_WEIGHT_FIELD_MAX] = {0};
    uint32_t alternatives[WFP_WEIGHT_FIELD_MAX] = {0};
    uint64_t weight = 0;

    for (uint32_t i = 0; i < count; i++) {
        int field = find_field(plan, &conditions[i].field_key);
        double part;
        int r =
            field < 0 ? field : condition_narrows(&conditions[i], plan->fields[field].bits, &part);
        if (r < 0)
            return r;
        fields[field] += part;
        alternatives[field]++;
    }
    for (uint16_t i = 0; i < plan->field_count; i++)
        slots[plan->fields[i].slot] += alternatives[i] > 2 ? 1 : MIN(fields[i], 1);
    for (uint8_t s = 0; s < plan->slot_count; s++)
        weight |= slot_value(&plan->slots[s], slots[s]) << plan->slots[s].shift;
    /* Where nothing can be compared, every filter stands in the middle. */
    if (plan->field_count == 0)
        weight = (UINT64_C(1) << (WFP_WEIGHT_AUTOMATIC_BITS - 1)) - 1;
    *ret_weight = weight;
    return 0;
}

int
wfp_weight_compute(const struct wfp_weight_plan *plan, const struct wfp_value *given,
                   const struct wfp_condition *conditions, uint32_t count, uint64_t *ret_weight)
{
    uint64_t range = 0, weight;
    int r;

    switch (given->type) {
    case WFP_UINT64:
        if (!given->uint64)
            return -WFP_ERR_NULL_POINTER;
        *ret_weight = *given->uint64;
        return 0;
    case WFP_UINT8:
        if (given->uint8 > 15)
            return -WFP_ERR_INVALID_WEIGHT;
        range = given->uint8;
        break;
    case WFP_EMPTY:
        break;
    default:
        return -WFP_ERR_INVALID_WEIGHT;
    }
    r = automatic(plan, conditions, count, &weight);
    if (r < 0)
        return r;
    *ret_weight = range << WFP_WEIGHT_AUTOMATIC_BITS | weight;
    return 0;
}

static_assert(WFP_FIELD_MAX <= WFP_WEIGHT_FIELD_MAX, "a plan has room for any layer of ours");

static struct wfp_weight_plan layer_plans[WFP_LAYER_COUNT];

static void
make_layer_plans(void)
{
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        /* Cannot fail: a plan has room for any layer of ours. */
        if (layer)
            wfp_weight_plan(layer->name, layer->fields, layer->field_count, &layer_plans[id]);
    }
}

int
wfp_weight_of(const struct wfp_layer *layer, const struct wfp_value *given,
              const struct wfp_condition *conditions, uint32_t count, uint64_t *ret_weight)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_layer_plans);
    return wfp_weight_compute(&layer_plans[layer->id], given, conditions, count, ret_weight);
}
