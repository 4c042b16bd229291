/*
 * Layer and field tables, and the ways to look into them.
 */
#include "core/model/layer.h"

#include <string.h>

#include "base/macros.h"
#include "base/status.h"

#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
    {                                                                                              \
        a, b, c,                                                                                   \
        {                                                                                          \
            d0, d1, d2, d3, d4, d5, d6, d7                                                         \
        }                                                                                          \
    }
#define WFP_BYTE_ARRAY16_TYPE WFP_BYTE_ARRAY16

/* All fields in one table, in layer order; a layer finds its part by the label of its first. */
static const struct wfp_field all_fields[] = {
#define FIELD(layer, index, name_, condition, guid, kind_, type_, level_)                          \
    {                                                                                              \
        .name = #name_,                                                                            \
        .condition_name = #condition,                                                              \
        .condition_key = guid,                                                                     \
        .kind = WFP_FIELD_##kind_,                                                                 \
        .type = WFP_##type_,                                                                       \
        .level = WFP_LEVEL_##level_,                                                               \
    },
#include "core/model/fields.def"
#undef FIELD
};

/* The layer of each row of all_fields. */
static const uint8_t layer_of_field[] = {
#define FIELD(layer, index, name, condition, guid, kind, type, level) WFP_LAYER_##layer,
#include "core/model/fields.def"
#undef FIELD
};

enum { MODE_KERNEL = 1, MODE_USER = 0 };
#define IDS(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define COUNTS(...)                                                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static struct wfp_layer all_layers[WFP_LAYER_COUNT] = {
#define LAYER(id_, name_, guid, mode, flags_, sublayer, fields_, ids_, counts)                     \
    [id_] = {.id = id_,                                                                            \
             .name = #name_,                                                                       \
             .key = guid,                                                                          \
             .flags = flags_,                                                                      \
             .is_kernel_mode = MODE_##mode,                                                        \
             .field_count = fields_,                                                               \
             .ids = ids_,                                                                          \
             .field_counts = counts},
#include "core/model/layers.def"
#undef LAYER
};

static_assert(ELEMENTSOF(all_fields) == ELEMENTSOF(layer_of_field), "one layer per field");

static uint16_t discard_twins[WFP_LAYER_COUNT];

/* A twin follows its layer and has its name with _DISCARD behind. */
static uint16_t
find_discard_twin(uint16_t id)
{
    size_t length = strlen(all_layers[id].name);

    if (id + 1 == WFP_LAYER_COUNT ||
        strncmp(all_layers[id + 1].name, all_layers[id].name, length) ||
        strcmp(all_layers[id + 1].name + length, "_DISCARD"))
        return WFP_LAYER_COUNT;
    return (uint16_t)(id + 1);
}

/* Before main, so that the table is constant for everyone. */
__attribute__((constructor(101))) static void
join_fields_to_layers(void)
{
    for (size_t i = ELEMENTSOF(all_fields); i-- > 0;)
        all_layers[layer_of_field[i]].fields = &all_fields[i];
    for (size_t i = 0; i < ELEMENTSOF(all_layers); i++)
        assert(all_layers[i].name && all_layers[i].field_count <= WFP_FIELD_MAX);
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++)
        discard_twins[id] = find_discard_twin(id);
}

const struct wfp_layer *
wfp_layer_find_id(uint16_t id)
{
    return id < WFP_LAYER_COUNT && all_layers[id].name ? &all_layers[id] : NULL;
}

const struct wfp_layer *
wfp_layer_find_key(const struct wfp_guid *key)
{
    for (size_t i = 0; i < ELEMENTSOF(all_layers); i++)
        if (all_layers[i].key.data1 == key->data1 && all_layers[i].name &&
            wfp_guid_equal(&all_layers[i].key, key))
            return &all_layers[i];
    return NULL;
}

static const char *
without_prefix(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : name;
}

const struct wfp_layer *
wfp_layer_find_name(const char *name)
{
    name = without_prefix(without_prefix(name, "FWPM_LAYER_"), "FWPS_LAYER_");
    for (size_t i = 0; i < ELEMENTSOF(all_layers); i++)
        if (all_layers[i].name && strcmp(all_layers[i].name, name) == 0)
            return &all_layers[i];
    return NULL;
}

const char *
wfp_layer_name(uint16_t id)
{
    const struct wfp_layer *layer = wfp_layer_find_id(id);
    return layer ? layer->name : "unknown";
}

int
wfp_layer_find_field(const struct wfp_layer *layer, const struct wfp_guid *condition_key)
{
    for (int i = 0; i < layer->field_count; i++)
        if (layer->fields[i].condition_key.data1 == condition_key->data1 &&
            wfp_guid_equal(&layer->fields[i].condition_key, condition_key))
            return i;
    return -WFP_ERR_CONDITION_NOT_FOUND;
}

int
wfp_layer_find_field_name(const struct wfp_layer *layer, const char *condition_name)
{
    /* Names whose key is another name's. */
    static const char *const aliases[][2] = {
        {"ICMP_TYPE", "IP_LOCAL_PORT"},
        {"ICMP_CODE", "IP_REMOTE_PORT"},
        {"VSWITCH_ICMP_TYPE", "IP_SOURCE_PORT"},
        {"VSWITCH_ICMP_CODE", "IP_DESTINATION_PORT"},
        {"INTERFACE", "IP_LOCAL_INTERFACE"},
        {"ARRIVAL_SUB_INTERFACE_INDEX", "SUB_INTERFACE_INDEX"},
        {"LOCAL_INTERFACE_INDEX", "INTERFACE_INDEX"},
        {"LOCAL_TUNNEL_TYPE", "TUNNEL_TYPE"},
        {"ALE_SIO_FIREWALL_SOCKET_PROPERTY", "ALE_SIO_FIREWALL_SYSTEM_PORT"},
    };

    condition_name = without_prefix(condition_name, "FWPM_CONDITION_");
    for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
        if (strcmp(aliases[i][0], condition_name) == 0)
            condition_name = aliases[i][1];
    for (int i = 0; i < layer->field_count; i++)
        if (strcmp(layer->fields[i].condition_name, condition_name) == 0)
            return i;
    return -WFP_ERR_CONDITION_NOT_FOUND;
}

uint16_t
wfp_layer_discard_twin(uint16_t id)
{
    return id < WFP_LAYER_COUNT ? discard_twins[id] : WFP_LAYER_COUNT;
}

const char *
wfp_layer_format_value(const struct wfp_field *field, const struct wfp_value *value, char *text,
                       uint32_t size)
{
    if (field->kind == WFP_FIELD_IP_ADDRESS)
        return wfp_value_format_address(value, text, size);
    return wfp_value_format(value, text, size);
}
