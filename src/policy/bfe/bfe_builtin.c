/*
 * The objects that are there before anyone adds one, and can never be deleted.
 *
 * Ref        win32 FWP/built-in-provider-identifiers, FWP/built-in-callout-identifiers
 */
#include "policy/bfe/bfe_internal.h"

#include "base/utf16.h"

#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
    {                                                                                              \
        a, b, c,                                                                                   \
        {                                                                                          \
            d0, d1, d2, d3, d4, d5, d6, d7                                                         \
        }                                                                                          \
    }

enum {
    BUILTIN_NONE = -1,
#define BUILTIN_PROVIDER(name, guid) BUILTIN_##name,
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags)
#include "core/model/builtins.def"
#undef BUILTIN_PROVIDER
#undef BUILTIN_SUBLAYER
#undef BUILTIN_CALLOUT
};

struct builtin {
    enum wfp_bfe_kind kind;
    const char *name;
    struct wfp_guid key;
    int provider; /* row of the provider, or BUILTIN_NONE */
    uint16_t weight;
    struct wfp_guid layer_key;
    uint32_t flags;
};

static const struct builtin rows[] = {
#define BUILTIN_PROVIDER(name_, guid)                                                              \
    {.kind = WFP_BFE_PROVIDER, .name = "FWPM_PROVIDER_" #name_, .key = guid, .provider = -1},
#define BUILTIN_SUBLAYER(name_, guid, weight_, provider_)                                          \
    {.kind = WFP_BFE_SUBLAYER,                                                                     \
     .name = "FWPM_SUBLAYER_" #name_,                                                              \
     .key = guid,                                                                                  \
     .weight = weight_,                                                                            \
     .provider = BUILTIN_##provider_},
#define BUILTIN_CALLOUT(name_, guid, layer, layer_guid, flags_)                                    \
    {.kind = WFP_BFE_CALLOUT,                                                                      \
     .name = "FWPM_CALLOUT_" #name_,                                                               \
     .key = guid,                                                                                  \
     .layer_key = layer_guid,                                                                      \
     .flags = flags_,                                                                              \
     .provider = -1},
#include "core/model/builtins.def"
#undef BUILTIN_PROVIDER
#undef BUILTIN_SUBLAYER
#undef BUILTIN_CALLOUT
};

const struct wfp_guid wfp_bfe_default_sublayer =
    GUID(0xeebecc03, 0xced4, 0x4380, 0x81, 0x9a, 0x27, 0x34, 0x39, 0x7b, 0x2b, 0x74);

static int
make_object(struct wfp_bfe *bfe, const struct builtin *row, struct wfp_bfe_object **ret_object)
{
    _cleanup_(freep) uint16_t *name_utf16 = wfp_utf16_from_utf8(row->name, NULL);
    struct wfp_object_spec spec = {.key = row->key, .name_utf16 = name_utf16, .flags = row->flags};
    struct wfp_bfe_object *object;
    int r;

    if (!name_utf16)
        return -WFP_ERR_NO_MEMORY;
    if (row->provider != BUILTIN_NONE)
        spec.provider_key = &rows[row->provider].key; /* providers are the first rows */
    r = wfp_bfe_object_new(row->kind, &spec, NULL, &object);
    if (r < 0)
        return r;
    object->weight = row->weight;
    object->layer_key = row->layer_key;
    object->id = row->kind == WFP_BFE_CALLOUT ? wfp_callout_id(bfe->engine, &row->key)
                                              : ++bfe->tables[row->kind].next_id;
    *ret_object = object;
    return 0;
}

static int
add_one(struct wfp_bfe *bfe, const struct builtin *row)
{
    struct wfp_bfe_table *table = &bfe->tables[row->kind];
    struct wfp_bfe_entry *entry;
    struct wfp_bfe_links links;
    int r = wfp_bfe_table_reserve(table);

    if (r < 0)
        return r;
    entry = wfp_bfe_entry_new(bfe);
    if (!entry)
        return -WFP_ERR_NO_MEMORY;
    entry->kind = (uint8_t)row->kind;
    entry->lifetime = WFP_BFE_BUILTIN;
    r = make_object(bfe, row, &entry->object);
    if (r < 0) {
        wfp_bfe_entry_free(bfe, entry);
        return r;
    }
    wfp_bfe_table_insert(table, entry);
    wfp_bfe_links_find(bfe, entry, &links);
    wfp_bfe_links_count(&links, 1);
    if (row->kind == WFP_BFE_SUBLAYER)
        bfe->sublayer_weights[row->weight / 64] |= 1ull << (row->weight % 64);
    return 0;
}

int
wfp_bfe_builtin_add_all(struct wfp_bfe *bfe)
{
    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        int r = add_one(bfe, &rows[i]);
        if (r < 0)
            return r;
    }
    return 0;
}
