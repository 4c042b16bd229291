/*
 * The run-time layers and their fields, from layers.def and fields.def.
 *
 * Model      Our run-time ids are those of the newest SDK level. A field has one index in its
 *            layer, one delivered type and one condition key; names that share a key (ICMP_TYPE is
 *            IP_LOCAL_PORT) are the same field.
 * Ref        windows-driver-docs network/management-filtering-layer-identifiers
 */
#ifndef WFP_CORE_MODEL_LAYER_H
#define WFP_CORE_MODEL_LAYER_H

#include "core/model/value.h"

/** WFP_LAYER_OUTBOUND_TRANSPORT_V4 ... */
enum wfp_layer_id {
#define LAYER(id, name, guid, mode, flags, sublayer, fields, ids, counts) WFP_LAYER_##name = id,
#include "core/model/layers.def"
#undef LAYER
    WFP_LAYER_COUNT,
};

/** WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS ...: the index of a field in its layer. */
enum wfp_field_index {
#define FIELD(layer, index, name, condition, guid, kind, type, level)                              \
    WFP_FIELD_##layer##_##name = index,
#include "core/model/fields.def"
#undef FIELD
};

/** No layer has more fields. */
#define WFP_FIELD_MAX 48

/** The builds of Windows whose tables we know, oldest first. */
enum wfp_level {
    WFP_LEVEL_WIN7,
    WFP_LEVEL_WIN8,
    WFP_LEVEL_WIN81,
    WFP_LEVEL_WIN10,
    WFP_LEVEL_RS3,
    WFP_LEVEL_FE,
    WFP_LEVEL_NI,
    WFP_LEVEL_NEWEST,
    WFP_LEVEL_COUNT,
};

/** FWPM_FIELD_TYPE. */
enum wfp_field_kind { WFP_FIELD_RAW_DATA, WFP_FIELD_IP_ADDRESS, WFP_FIELD_FLAGS };

#define WFP_LAYER_FLAG_KERNEL          0x1u
#define WFP_LAYER_FLAG_BUILTIN         0x2u
#define WFP_LAYER_FLAG_CLASSIFY_MOSTLY 0x4u
#define WFP_LAYER_FLAG_BUFFERED        0x8u

struct wfp_field {
    const char *name;           /* without the FWPS_FIELD_<layer>_ prefix */
    const char *condition_name; /* without the FWPM_CONDITION_ prefix */
    struct wfp_guid condition_key;
    uint8_t kind;  /* enum wfp_field_kind */
    uint8_t type;  /* enum wfp_type delivered */
    uint8_t level; /* enum wfp_level that first had it */
};

struct wfp_layer {
    uint16_t id;
    const char *name; /* without FWPM_LAYER_; NULL in a gap of the numbering */
    struct wfp_guid key;
    uint32_t flags; /* WFP_LAYER_FLAG_* */
    bool is_kernel_mode;
    uint16_t field_count;
    const struct wfp_field *fields;
    int16_t ids[WFP_LEVEL_NEWEST];         /* the id at each SDK level, -1 where absent */
    int16_t field_counts[WFP_LEVEL_COUNT]; /* at each level and in the newest build, -1 likewise */
};

/** NULL where no layer has the id. */
const struct wfp_layer *wfp_layer_find_id(uint16_t id);
/** NULL where no layer has the key. */
const struct wfp_layer *wfp_layer_find_key(const struct wfp_guid *key);
/** By "OUTBOUND_TRANSPORT_V4", or with FWPM_LAYER_ or FWPS_LAYER_ before it. NULL if unknown. */
const struct wfp_layer *wfp_layer_find_name(const char *name);
/** "OUTBOUND_TRANSPORT_V4", or "unknown" for an id without a layer. */
const char *wfp_layer_name(uint16_t id);
/** Index of the field that a condition key filters on, or -WFP_ERR_CONDITION_NOT_FOUND. */
int wfp_layer_find_field(const struct wfp_layer *layer, const struct wfp_guid *condition_key);
/** Index by condition name (with or without FWPM_CONDITION_; aliases too), or as above. */
int wfp_layer_find_field_name(const struct wfp_layer *layer, const char *condition_name);
/** The _DISCARD twin of a layer, or WFP_LAYER_COUNT where it has none. */
uint16_t wfp_layer_discard_twin(uint16_t id);
/** @p value of the field as text; an address field prints addresses. Returns @p text. */
const char *wfp_layer_format_value(const struct wfp_field *field, const struct wfp_value *value,
                                   char *text, uint32_t size);

#endif
