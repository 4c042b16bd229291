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

/* Other names of the same fields, and names of fields that no layer has any more, or yet. */
static const struct row other_conditions[] = {
    {"ALE_REAUTH_REASON",
     GUID(0xb482d227, 0x1979, 0x4a98, 0x80, 0x44, 0x18, 0xbb, 0xe6, 0x23, 0x75, 0x42)},
    {"ALE_SIO_FIREWALL_SOCKET_PROPERTY",
     GUID(0xb9f4e088, 0xcb98, 0x4efb, 0xa2, 0xc7, 0xad, 0x07, 0x33, 0x26, 0x43, 0xdb)},
    {"ARRIVAL_SUB_INTERFACE_INDEX",
     GUID(0x0cd42473, 0xd621, 0x4be3, 0xae, 0x8c, 0x72, 0xa3, 0x48, 0xd2, 0x83, 0xe1)},
    {"BITMAP_INDEX_KEY",
     GUID(0x0f36514c, 0x3226, 0x4a81, 0xa2, 0x14, 0x2d, 0x51, 0x8b, 0x04, 0xd0, 0x8a)},
    {"BITMAP_IP_LOCAL_ADDRESS",
     GUID(0x16ebc3df, 0x957a, 0x452e, 0xa1, 0xfc, 0x3d, 0x2f, 0xf6, 0xa7, 0x30, 0xba)},
    {"BITMAP_IP_LOCAL_PORT",
     GUID(0x9f90a920, 0xc3b5, 0x4569, 0xba, 0x31, 0x8b, 0xd3, 0x91, 0x0d, 0xc6, 0x56)},
    {"BITMAP_IP_REMOTE_ADDRESS",
     GUID(0x33f00e25, 0x8eec, 0x4531, 0xa0, 0x05, 0x41, 0xb9, 0x11, 0xf6, 0x24, 0x52)},
    {"BITMAP_IP_REMOTE_PORT",
     GUID(0x2663d549, 0xaaf2, 0x46a2, 0x86, 0x66, 0x1e, 0x76, 0x67, 0xf8, 0x69, 0x85)},
    {"ICMP_CODE", GUID(0xc35a604d, 0xd22b, 0x4e1a, 0x91, 0xb4, 0x68, 0xf6, 0x74, 0xee, 0x67, 0x4b)},
    {"ICMP_TYPE", GUID(0x0c1ba1af, 0x5765, 0x453f, 0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b)},
    {"INTERFACE", GUID(0x4cd62a49, 0x59c3, 0x4969, 0xb7, 0xf3, 0xbd, 0xa5, 0xd3, 0x28, 0x90, 0xa4)},
    {"IP_NEXTHOP_ADDRESS",
     GUID(0xeabe448a, 0xa711, 0x4d64, 0x85, 0xb7, 0x3f, 0x76, 0xb6, 0x52, 0x99, 0xc7)},
    {"LOCAL_INTERFACE_INDEX",
     GUID(0x667fd755, 0xd695, 0x434a, 0x8a, 0xf5, 0xd3, 0x83, 0x5a, 0x12, 0x59, 0xbc)},
    {"LOCAL_INTERFACE_TYPE",
     GUID(0xdaf8cd14, 0xe09e, 0x4c93, 0xa5, 0xae, 0xc5, 0xc1, 0x3b, 0x73, 0xff, 0xca)},
    {"LOCAL_TUNNEL_TYPE",
     GUID(0x77a40437, 0x8779, 0x4868, 0xa2, 0x61, 0xf5, 0xa9, 0x02, 0xf1, 0xc0, 0xcd)},
    {"NET_EVENT_TYPE",
     GUID(0x206e9996, 0x490e, 0x40cf, 0xb8, 0x31, 0xb3, 0x86, 0x41, 0xeb, 0x6f, 0xcb)},
    {"VSWITCH_ICMP_CODE",
     GUID(0xce6def45, 0x60fb, 0x4a7b, 0xa3, 0x04, 0xaf, 0x30, 0xa1, 0x17, 0x00, 0x0e)},
    {"VSWITCH_ICMP_TYPE",
     GUID(0xa6afef91, 0x3df4, 0x4730, 0xa2, 0x14, 0xf5, 0x42, 0x6a, 0xeb, 0xf8, 0x21)},
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
    {"IPSEC_DOS_CONFIG",
     GUID(0x3c6c0519, 0xc05c, 0x4bb9, 0x83, 0x38, 0x23, 0x27, 0x81, 0x4c, 0xe8, 0xbf)},
};

static const struct row sublayers[] = {
#undef BUILTIN_SUBLAYER
#define BUILTIN_SUBLAYER(name, guid, weight, provider) {#name, guid},
#include "core/model/builtins.def"
#undef BUILTIN_SUBLAYER
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
    {"EDGE_TRAVERSAL",
     GUID(0xba69dc66, 0x5176, 0x4979, 0x9c, 0x89, 0x26, 0xa7, 0xb4, 0x6a, 0x83, 0x27)},
};

static const struct row callouts[] = {
#undef BUILTIN_CALLOUT
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags) {#name, guid},
#include "core/model/builtins.def"
    {"EDGE_TRAVERSAL_ALE_LISTEN_V6",
     GUID(0x81a434e7, 0xf60c, 0x4378, 0xba, 0xb8, 0xc6, 0x25, 0xa3, 0x0f, 0x01, 0x97)},
    {"EDGE_TRAVERSAL_ALE_RESOURCE_ASSIGNMENT_V6",
     GUID(0x31b95392, 0x066e, 0x42a2, 0xb7, 0xdb, 0x92, 0xf8, 0xac, 0xdd, 0x56, 0xf9)},
    {"HTTP_TEMPLATE_SSL_HANDSHAKE",
     GUID(0xb3423249, 0x8d09, 0x4858, 0x92, 0x10, 0x95, 0xc7, 0xfd, 0xa8, 0xe3, 0x0f)},
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

static bool
find_row(const struct row *rows, size_t count, const char *name, struct wfp_guid *ret_guid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *ret_guid = rows[i].guid;
            return true;
        }
    return false;
}

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
    if (find_row(tables[kind].rows, tables[kind].count, name, ret_guid) ||
        (kind == WFP_DUMP_NAME_CONDITION &&
         find_row(other_conditions, ELEMENTSOF(other_conditions), name, ret_guid)))
        return 0;
    return -WFP_ERR_NOT_FOUND;
}

const char *
wfp_dump_condition_name(const struct wfp_layer *layer, const struct wfp_guid *key, const char *name)
{
    struct wfp_guid found;
    int field = layer ? wfp_layer_find_field(layer, key) : -1;

    if (find_row(conditions, ELEMENTSOF(conditions), name, &found) && wfp_guid_equal(&found, key))
        return name;
    if (field >= 0)
        return layer->fields[field].condition_name;
    for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
        if (wfp_guid_equal(&conditions[i].guid, key))
            return conditions[i].name;
    return name;
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
