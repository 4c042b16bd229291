/*
 * The names that a dump uses for keys and numbers.
 */
#include <string.h>

#include "base/status.h"
#include "policy/dump/dump_internal.h"

#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
    {                                                                                              \
        a, b, c,                                                                                   \
        {                                                                                          \
            d0, d1, d2, d3, d4, d5, d6, d7                                                         \
        }                                                                                          \
    }

struct row {
    const char *name;
    struct wfp_guid guid;
};

static const struct row conditions[] = {
#define FIELD(layer, index, name, condition, guid, kind, type, level) {#condition, guid},
#include "core/model/fields.def"
#undef FIELD
};

#define BUILTIN_PROVIDER(name, guid)
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags)

static const struct row providers[] = {
#undef BUILTIN_PROVIDER
#define BUILTIN_PROVIDER(name, guid) {#name, guid},
#include "core/model/builtins.def"
#undef BUILTIN_PROVIDER
#define BUILTIN_PROVIDER(name, guid)
};

static const struct row sublayers[] = {
#undef BUILTIN_SUBLAYER
#define BUILTIN_SUBLAYER(name, guid, weight, provider) {#name, guid},
#include "core/model/builtins.def"
#undef BUILTIN_SUBLAYER
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
};

static const struct row callouts[] = {
#undef BUILTIN_CALLOUT
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags) {#name, guid},
#include "core/model/builtins.def"
};

static const struct row contexts[] = {
    {"SECURE_SOCKET_AUTHIP",
     GUID(0xb25ea800, 0x0d02, 0x46ed, 0x92, 0xbd, 0x7f, 0xa8, 0x4b, 0xb7, 0x3e, 0x9d)},
    {"SECURE_SOCKET_IPSEC",
     GUID(0x8c2d4144, 0xf8e0, 0x42c0, 0x94, 0xce, 0x7c, 0xcf, 0xc6, 0x3b, 0x2f, 0x9b)},
};

static const struct {
    const char *prefix;
    const struct row *rows;
    size_t count;
} tables[] = {
    [WFP_DUMP_NAME_LAYER] = {"FWPM_LAYER_", NULL, 0},
    [WFP_DUMP_NAME_CONDITION] = {"FWPM_CONDITION_", conditions, ELEMENTSOF(conditions)},
    [WFP_DUMP_NAME_SUBLAYER] = {"FWPM_SUBLAYER_", sublayers, ELEMENTSOF(sublayers)},
    [WFP_DUMP_NAME_PROVIDER] = {"FWPM_PROVIDER_", providers, ELEMENTSOF(providers)},
    [WFP_DUMP_NAME_CALLOUT] = {"FWPM_CALLOUT_", callouts, ELEMENTSOF(callouts)},
    [WFP_DUMP_NAME_CONTEXT] = {"FWPM_PROVIDER_CONTEXT_", contexts, ELEMENTSOF(contexts)},
};

int
wfp_dump_name_find(enum wfp_dump_name kind, const char *name, struct wfp_guid *ret_guid)
{
    size_t length = strlen(tables[kind].prefix);

    if (strncmp(name, tables[kind].prefix, length) != 0)
        return -WFP_ERR_NOT_FOUND;
    name += length;
    if (kind == WFP_DUMP_NAME_LAYER) {
        const struct wfp_layer *layer = wfp_layer_find_name(name);
        if (!layer)
            return -WFP_ERR_NOT_FOUND;
        *ret_guid = layer->key;
        return 0;
    }
    for (size_t i = 0; i < tables[kind].count; i++)
        if (strcmp(tables[kind].rows[i].name, name) == 0) {
            *ret_guid = tables[kind].rows[i].guid;
            return 0;
        }
    return -WFP_ERR_NOT_FOUND;
}

const struct wfp_dump_number wfp_dump_types[] = {
    {"FWP_EMPTY", WFP_EMPTY},
    {"FWP_UINT8", WFP_UINT8},
    {"FWP_UINT16", WFP_UINT16},
    {"FWP_UINT32", WFP_UINT32},
    {"FWP_UINT64", WFP_UINT64},
    {"FWP_INT8", WFP_INT8},
    {"FWP_INT16", WFP_INT16},
    {"FWP_INT32", WFP_INT32},
    {"FWP_INT64", WFP_INT64},
    {"FWP_FLOAT", WFP_FLOAT},
    {"FWP_DOUBLE", WFP_DOUBLE},
    {"FWP_BYTE_ARRAY16_TYPE", WFP_BYTE_ARRAY16},
    {"FWP_BYTE_BLOB_TYPE", WFP_BYTE_BLOB},
    {"FWP_SID", WFP_SID},
    {"FWP_SECURITY_DESCRIPTOR_TYPE", WFP_SECURITY_DESCRIPTOR},
    {"FWP_TOKEN_INFORMATION_TYPE", WFP_TOKEN_INFORMATION},
    {"FWP_TOKEN_ACCESS_INFORMATION_TYPE", WFP_TOKEN_ACCESS_INFORMATION},
    {"FWP_UNICODE_STRING_TYPE", WFP_UNICODE_STRING},
    {"FWP_BYTE_ARRAY6_TYPE", WFP_BYTE_ARRAY6},
    {"FWP_V4_ADDR_MASK", WFP_V4_ADDR_MASK},
    {"FWP_V6_ADDR_MASK", WFP_V6_ADDR_MASK},
    {"FWP_RANGE_TYPE", WFP_RANGE},
    {NULL, 0},
};

const struct wfp_dump_number wfp_dump_matches[] = {
    {"FWP_MATCH_EQUAL", WFP_MATCH_EQUAL},
    {"FWP_MATCH_GREATER", WFP_MATCH_GREATER},
    {"FWP_MATCH_LESS", WFP_MATCH_LESS},
    {"FWP_MATCH_GREATER_OR_EQUAL", WFP_MATCH_GREATER_OR_EQUAL},
    {"FWP_MATCH_LESS_OR_EQUAL", WFP_MATCH_LESS_OR_EQUAL},
    {"FWP_MATCH_RANGE", WFP_MATCH_RANGE},
    {"FWP_MATCH_FLAGS_ALL_SET", WFP_MATCH_FLAGS_ALL_SET},
    {"FWP_MATCH_FLAGS_ANY_SET", WFP_MATCH_FLAGS_ANY_SET},
    {"FWP_MATCH_FLAGS_NONE_SET", WFP_MATCH_FLAGS_NONE_SET},
    {"FWP_MATCH_EQUAL_CASE_INSENSITIVE", WFP_MATCH_EQUAL_CASE_INSENSITIVE},
    {"FWP_MATCH_NOT_EQUAL", WFP_MATCH_NOT_EQUAL},
    {"FWP_MATCH_PREFIX", WFP_MATCH_PREFIX},
    {"FWP_MATCH_NOT_PREFIX", WFP_MATCH_NOT_PREFIX},
    {NULL, 0},
};

const struct wfp_dump_number wfp_dump_actions[] = {
    {"FWP_ACTION_BLOCK", 0x1001},
    {"FWP_ACTION_PERMIT", 0x1002},
    {"FWP_ACTION_CALLOUT_TERMINATING", 0x5003},
    {"FWP_ACTION_CALLOUT_INSPECTION", 0x6004},
    {"FWP_ACTION_CALLOUT_UNKNOWN", 0x4005},
    {"FWP_ACTION_CONTINUE", 0x2006},
    {"FWP_ACTION_NONE", 0x7},
    {"FWP_ACTION_NONE_NO_MATCH", 0x8},
    {NULL, 0},
};

const struct wfp_dump_number wfp_dump_kinds[] = {
    {"FWPM_FIELD_RAW_DATA", WFP_FIELD_RAW_DATA},
    {"FWPM_FIELD_IP_ADDRESS", WFP_FIELD_IP_ADDRESS},
    {"FWPM_FIELD_FLAGS", WFP_FIELD_FLAGS},
    {NULL, 0},
};

const struct wfp_dump_number wfp_dump_flag_names[] = {
    {"FWPM_FILTER_FLAG_PERSISTENT", 0x1},
    {"FWPM_FILTER_FLAG_BOOTTIME", 0x2},
    {"FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT", 0x4},
    {"FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT", 0x8},
    {"FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED", 0x10},
    {"FWPM_FILTER_FLAG_DISABLED", 0x20},
    {"FWPM_FILTER_FLAG_INDEXED", 0x40},
    {"FWPM_FILTER_FLAG_HAS_SECURITY_REALM_PROVIDER_CONTEXT", 0x80},
    {"FWPM_FILTER_FLAG_SYSTEMOS_ONLY", 0x100},
    {"FWPM_FILTER_FLAG_GAMEOS_ONLY", 0x200},
    {"FWPM_FILTER_FLAG_SILENT_MODE", 0x400},
    {"FWPM_FILTER_FLAG_IPSEC_NO_ACQUIRE_INITIATE", 0x800},
    {"FWPM_FILTER_FLAG_RESERVED0", 0x1000},
    {"FWPM_FILTER_FLAG_RESERVED1", 0x2000},
    {"FWPM_FILTER_FLAG_HAS_FILTER_ORIGIN", 0}, /* seen by name; no header gives its value */
    {"FWPM_LAYER_FLAG_KERNEL", 0x1},
    {"FWPM_LAYER_FLAG_BUILTIN", 0x2},
    {"FWPM_LAYER_FLAG_CLASSIFY_MOSTLY", 0x4},
    {"FWPM_LAYER_FLAG_BUFFERED", 0x8},
    {"FWPM_PROVIDER_FLAG_PERSISTENT", 0x1},
    {"FWPM_PROVIDER_FLAG_DISABLED", 0x10},
    {"FWPM_PROVIDER_CONTEXT_FLAG_PERSISTENT", 0x1},
    {"FWPM_PROVIDER_CONTEXT_FLAG_DOWNLEVEL", 0x2},
    {"FWPM_SUBLAYER_FLAG_PERSISTENT", 0x1},
    {"FWPM_CALLOUT_FLAG_PERSISTENT", 0x10000},
    {"FWPM_CALLOUT_FLAG_USES_PROVIDER_CONTEXT", 0x20000},
    {"FWPM_CALLOUT_FLAG_REGISTERED", 0x40000},
    {"FWP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW", 0x1},
    {"FWP_CALLOUT_FLAG_ALLOW_OFFLOAD", 0x2},
    {"FWP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY", 0x4},
    {"FWP_CALLOUT_FLAG_ALLOW_MID_STREAM_INSPECTION", 0x8},
    {"FWP_CALLOUT_FLAG_ALLOW_RECLASSIFY", 0x10},
    {"FWP_CALLOUT_FLAG_RESERVED1", 0x20},
    {"FWP_CALLOUT_FLAG_ALLOW_RSC", 0x40},
    {"FWP_CALLOUT_FLAG_ALLOW_L2_BATCH_CLASSIFY", 0x80},
    {"FWP_CALLOUT_FLAG_ALLOW_USO", 0x100},
    {"FWP_CALLOUT_FLAG_ALLOW_URO", 0x200},
    {"FWP_CALLOUT_FLAG_RESERVED2", 0x400},
    {NULL, 0},
};

int
wfp_dump_number_find(const struct wfp_dump_number *table, const char *name, uint32_t *ret_value)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) {
            *ret_value = table->value;
            return 0;
        }
    return -WFP_ERR_NOT_FOUND;
}
